//! What a grant is once something has changed: the configuration, or what is known of its credential.

use std::sync::Arc;

use jiff::Timestamp;

use super::holder::Counts;
use super::{Access, Basis, Credential, Denied, Grant};

impl Access {
    /// The grant that the holder of `old` has under this configuration, and by what is known of
    /// its credential now.
    ///
    /// # Errors
    /// [`Denied`]: it has none any more, and its streams end.
    pub fn renew(&self, old: &Grant, now: Timestamp) -> Result<Grant, Denied> {
        self.unnarrowed(old, now)?.narrowed(old.narrow.clone())
    }

    /// As [`Access::renew`], whatever of it its holder wants.
    pub(super) fn unnarrowed(&self, old: &Grant, now: Timestamp) -> Result<Grant, Denied> {
        let counts = match &old.basis {
            Basis::Identity(identified) => Counts::Presented(Arc::clone(&identified.presented)),
            Basis::Key(key) => Counts::Key(key.clone()),
            Basis::Token(token) => Counts::Token(Arc::clone(token), old.means),
        };
        let renewed = self.grant_on(counts, &old.origin, now)?;
        let presented = match &renewed.basis {
            Basis::Identity(of) => Some(Arc::clone(&of.presented)),
            // Its token was not kept, as nobody was to be asked. It has to present it again.
            Basis::Token(_) if self.rules.asks_upstream() && old.presented.is_none() => {
                return Err(Denied::Unasked);
            }
            _ => old.presented.clone(),
        };
        Ok(Grant {
            presented,
            ..renewed
        })
    }

    /// The same, with what the upstream knows its holder by, if it may have to be asked as them.
    pub(super) fn with_presented(&self, grant: Grant, credential: &Credential) -> Grant {
        let presented = match &grant.basis {
            Basis::Identity(identified) => Some(Arc::clone(&identified.presented)),
            _ if !self.rules.asks_upstream() => None,
            Basis::Key(_) => None,
            Basis::Token(_) => credential.said_token().or_else(|| {
                let cookie = self.jwt.as_ref()?.cookie.as_ref()?;
                credential.cookies_named(std::slice::from_ref(cookie))
            }),
        };
        Grant { presented, ..grant }
    }
}
