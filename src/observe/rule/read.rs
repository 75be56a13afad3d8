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
    /// The parameter of a query that asks for the records of relations, to stand in the member
    /// `expand` of a record; none: there is no such thing.
    pub expand: Option<Box<str>>,
}

impl Read {
    /// The target with these relations, where they can be asked for.
    #[must_use]
    pub fn expanding(&self, target: PathAndQuery, relations: &str) -> PathAndQuery {
        let Some(name) = &self.expand else {
            return target;
        };
        let sign = if target.query().is_some() { '&' } else { '?' };
        let relations = utf8_percent_encode(relations, ENCODED);
        let expanding = format!("{target}{sign}{name}={relations}");
        expanding.parse().unwrap_or(target)
    }
}

/// The target of a GET (RFC 9112 § 3.2.1) with `{collection}` and `{id}` in it. Shape:
/// `/api/{collection}/{id}`, `/posts?id={id}`. What is put in is percent-encoded.
///
/// Where `{collection}` stands more than once, a name with slashes is put there part by part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetTemplate(Box<str>);

/// Why a text is no [`TargetTemplate`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "is no target: it starts with `/`, has {{id}} and perhaps {{collection}} in it and no other braces, and is written percent-encoded, without `#`"
)]
pub struct NotATarget;

const COLLECTION: &str = "{collection}";

impl TargetTemplate {
    /// What is asked for, of that record; none where its name is a step in a path.
    #[must_use]
    pub fn of(&self, collection: &str, id: &Id) -> Option<PathAndQuery> {
        let places = self.0.matches(COLLECTION).count();
        let names: Vec<_> = if places > 1 && collection.contains('/') {
            collection.split('/').collect()
        } else {
            vec![collection; places]
        };
        if names.len() != places {
            return None;
        }
        // Who reads a path may take these for a step in it.
        let is_step = |name: &&str| matches!(*name, "." | "..");
        if names.iter().any(is_step) || is_step(&id.as_str()) {
            return None;
        }
        let encoded = |text| utf8_percent_encode(text, ENCODED).to_string();
        // What is put in has no braces.
        let put = |target: String, name| target.replacen(COLLECTION, &encoded(name), 1);
        let target = names.into_iter().fold(self.0.to_string(), put);
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
    fn a_name_of_several_parts_is_put_where_they_stood() {
        let target: TargetTemplate = "/b/{collection}/c/{collection}/{id}".parse().unwrap();
        let of = |name| Some(target.of(name, &Id::new("7").unwrap())?.to_string());
        assert_eq!(of("x y/posts").as_deref(), Some("/b/x%20y/c/posts/7"));
        assert_eq!(of("posts").as_deref(), Some("/b/posts/c/posts/7"));
        for name in ["x/y/posts", "../posts", "x/."] {
            assert_eq!(of(name), None, "{name}");
        }
    }

    #[test]
    fn relations_are_asked_for_where_they_can_be() {
        let mut read = Read {
            record: "/{id}".parse().unwrap(),
            list: None,
            items: Pointer::default(),
            expand: None,
        };
        let target = |text: &'static str| PathAndQuery::from_static(text);
        assert_eq!(read.expanding(target("/7"), "a"), "/7");
        read.expand = Some("expand".into());
        assert_eq!(
            read.expanding(target("/7"), "a,b.c&x"),
            "/7?expand=a%2Cb.c%26x"
        );
        assert_eq!(read.expanding(target("/7?y=1"), "a"), "/7?y=1&expand=a");
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
