//! `access.identity`, in words.

use super::super::unit::show_duration;
use super::{Page, list};
use crate::access::Identity;

impl Page {
    /// Whom the API knows, by what, and what that grants.
    pub(super) fn identity(&mut self, identity: &Identity) {
        let path = identity.ask.path();
        let query = if identity.ask.has_query() { "?***" } else { "" };
        let method = match identity.ask.method.as_str() {
            "GET" => "",
            _ => "POST ",
        };
        let cache = show_duration(identity.cache);
        self.line(
            "",
            format_args!("whoever the API knows at {method}{path}{query}, for {cache}"),
        );
        if identity.cookies.is_empty() {
            self.line("", "  by Authorization, and by no cookie");
        } else {
            let cookies = list(&identity.cookies);
            self.line(
                "",
                format_args!("  by Authorization, or by {cookies} as a cookie"),
            );
        }
        self.claims(&identity.grants);
    }
}
