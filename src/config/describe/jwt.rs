//! `access.jwt`, in words.

use super::super::unit::show_duration;
use super::{Page, list, or_nothing};
use crate::access::{Jwt, KeySource};

impl Page {
    /// Which tokens count, and what they grant.
    pub(super) fn jwt(&mut self, jwt: &Jwt) {
        let keys = match &jwt.keys.source {
            KeySource::File(path) => format!("by {}", path.display()),
            KeySource::Secret => "by the secret".to_owned(),
            KeySource::Url(url) => {
                let (scheme, authority) = (url.scheme_str(), url.authority());
                let authority = authority.map_or("", |authority| authority.as_str());
                let query = url.query().map_or("", |_| "?***");
                format!(
                    "by {}://{authority}{}{query}",
                    scheme.unwrap_or(""),
                    url.path()
                )
            }
        };
        let names: Vec<_> = jwt.algorithms.iter().map(|of| of.name()).collect();
        self.line("", format_args!("tokens of {} {keys}", names.join(", ")));
        let wanted = &jwt.wanted;
        let issuer = wanted.issuer.as_deref().unwrap_or("anybody");
        let audience = list(&wanted.audience);
        let audience = if audience.is_empty() {
            "anybody"
        } else {
            &audience
        };
        let leeway = show_duration(wanted.leeway);
        self.line(
            "",
            format_args!("  issued by {issuer} for {audience}, clocks {leeway} apart"),
        );
        let grants = &jwt.grants;
        self.line(
            "",
            format_args!("  hears {grants}.sub, publishes {grants}.pub"),
        );
        let Some(roles) = &jwt.roles else {
            return;
        };
        for (name, role) in &roles.grants {
            let claim = &roles.claim;
            let (hear, publish) = (
                or_nothing(list(&role.hear)),
                or_nothing(list(&role.publish)),
            );
            self.line(
                "",
                format_args!("  {name} in {claim} hears {hear}, publishes {publish}"),
            );
        }
    }
}
