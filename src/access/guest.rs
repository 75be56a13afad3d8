//! Who goes on as a guest where others are refused: clients of PocketBase, to which a token that does
//! not count is none.

use std::sync::Arc;

use jiff::Timestamp;

use super::{Access, Credential, Denied, Grant, Origin, everything};

impl Access {
    /// What the holder of `credential` may hear; one that is not accepted is a guest's.
    ///
    /// # Errors
    /// [`Denied::Unasked`]: it cannot be decided now. [`Denied::Origin`]: its page may not come.
    pub fn grant_or_guest(&self, credential: &Credential, now: Timestamp) -> Result<Grant, Denied> {
        let granted = self.grant(credential, now);
        self.or_guest(granted, &credential.origin)
    }

    /// As [`Access::renew`], but that who has no grant any more goes on as a guest.
    ///
    /// # Errors
    /// As [`Access::grant_or_guest`].
    pub fn renew_or_guest(&self, old: &Grant, now: Timestamp) -> Result<Grant, Denied> {
        let renewed = self.renew(old, now);
        self.or_guest(renewed, &old.origin)
    }

    fn or_guest(&self, granted: Result<Grant, Denied>, origin: &Origin) -> Result<Grant, Denied> {
        match granted {
            Err(denied) if !matches!(denied, Denied::Unasked | Denied::Origin) => {
                let nothing = Arc::default();
                let hear = if self.global { everything() } else { nothing };
                match self.origins.allow(origin) {
                    true => Ok(Grant::of_guest(&hear, origin)),
                    false => Err(Denied::Origin),
                }
            }
            granted => granted,
        }
    }
}
