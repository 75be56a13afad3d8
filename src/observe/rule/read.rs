//! Where the upstream is asked for a record: what it answers to somebody is what they may read.

use std::fmt;
use std::str::FromStr;

use http::uri::PathAndQuery;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::Pointer;
use crate::event::Id;

/// How the record that somebody may read is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Read {
    /// The record by itself: 200 with the record, or 401, 403 or 404.
    pub record: TargetTemplate,
    /// The list of the collection with nothing in it but the record, or with nothing; none: who may
    /// read the record by itself may also read it in a list.
    pub list: Option<TargetTemplate>,
    /// Where the records stand in a list: an array.
    pub items: Pointer,
}

/// The target of a GET (RFC 9112 § 3.2.1) with `{collection}` and `{id}` in it. Shape:
/// `/api/{collection}/{id}`, `/posts?id={id}`. What is put in is percent-encoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetTemplate(Box<str>);

/// Why a text is no [`TargetTemplate`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "is no target: it starts with `/`, has {{id}} and perhaps {{collection}} in it and no other braces, and is written percent-encoded, without `#`"
)]
pub struct NotATarget;

impl TargetTemplate {
    /// What is asked for, of that record; none where its name is a step in a path.
    #[must_use]
    pub fn of(&self, collection: &str, id: &Id) -> Option<PathAndQuery> {
        // Who reads a path may take these for a step in it.
        if matches!(collection, "." | "..") || matches!(id.as_str(), "." | "..") {
            return None;
        }
        let encoded = |text| utf8_percent_encode(text, ENCODED).to_string();
        let target = self.0.replace("{collection}", &encoded(collection));
        target.replace("{id}", &encoded(id.as_str())).parse().ok()
    }
}

impl FromStr for TargetTemplate {
    type Err = NotATarget;

    fn from_str(text: &str) -> Result<Self, NotATarget> {
        let filled = text.replace("{collection}", "c").replace("{id}", "i");
        let graphic = filled.bytes().all(|byte| byte.is_ascii_graphic());
        let sound = filled.starts_with('/') && graphic && !filled.contains(['{', '}', '#']);
        if !sound || !text.contains("{id}") || filled.parse::<PathAndQuery>().is_err() {
            return Err(NotATarget);
        }
        Ok(Self(text.into()))
    }
}

impl fmt::Display for TargetTemplate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// All but what never needs it (RFC 3986 § 2.3).
pub(super) const ENCODED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_put_into_a_target_cannot_break_out_of_its_place() {
        let target: TargetTemplate = "/api/{collection}/{id}?a={id}".parse().unwrap();
        let id = Id::new("a/b?c=\"&d é").unwrap();
        assert_eq!(
            target.of("po sts", &id).unwrap().as_str(),
            "/api/po%20sts/a%2Fb%3Fc%3D%22%26d%20%C3%A9?a=a%2Fb%3Fc%3D%22%26d%20%C3%A9"
        );
    }

    #[test]
    fn a_step_in_a_path_is_no_record() {
        let target: TargetTemplate = "/{id}".parse().unwrap();
        assert_eq!(target.of("posts", &Id::new("..").unwrap()), None);
        assert!(target.of("posts", &Id::new("...").unwrap()).is_some());
    }

    #[test]
    fn a_target_starts_at_the_root_and_names_the_record() {
        for text in [
            "",
            "a/{id}",
            "/a",
            "/{id}/{x}",
            "/{id}#x",
            "/a b/{id}",
            "/{id",
        ] {
            assert_eq!(text.parse::<TargetTemplate>(), Err(NotATarget), "{text}");
        }
    }
}
