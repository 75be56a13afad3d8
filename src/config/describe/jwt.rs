//! `access.jwt`, in words.

use super::super::unit::show_duration;
use super::{Page, list, or_nothing};
use crate::access::{ClaimGrants, Jwt, KeySource, Rights};

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
        if let Some(name) = &jwt.cookie {
            self.line("", format_args!("  in the cookie {name} as well"));
        }
        self.claims(&jwt.grants);
    }

    /// What claims come to.
    pub(super) fn claims(&mut self, grants: &ClaimGrants) {
        let path = &grants.path;
        self.line("", format_args!("  hears {path}.sub, publishes {path}.pub"));
        let mut may = |who: &str, rights: &Rights| {
            let (hear, publish) = (
                or_nothing(list(&rights.hear)),
                or_nothing(list(&rights.publish)),
            );
            self.line(
                "",
                format_args!("  {who} hears {hear}, publishes {publish}"),
            );
        };
        let all = &grants.all;
        if !all.hear.is_empty() || !all.publish.is_empty() {
            may("everyone of them", all);
        }
        if let Some(roles) = &grants.roles {
            for (name, role) in &roles.grants {
                may(&format!("{name} in {}", roles.claim), role);
            }
        }
    }
}
