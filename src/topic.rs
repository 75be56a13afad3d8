//! Names of subjects, and patterns of them: what a grant is made of.
//!
//! A [`Topic`] names what an event is about: `POST:company` for a write, `GOAL` for an
//! event that somebody publishes. A [`TopicPattern`] is one element of a grant:
//!
//! | written | means |
//! | --- | --- |
//! | `POST:company` | that method on that collection |
//! | `PUT:*`, `*:company`, `*:*` | any collection, any method, every write |
//! | `GOAL` | that custom event |
//! | `*` | every custom event and no write |

use std::fmt;
use std::str::FromStr;

use crate::event::{Event, Kind, Method};

/// What an event is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Topic<'a> {
    /// A published event's name.
    Custom(&'a str),
    /// A write to a collection, certain or not.
    Write(Method, &'a str),
}

/// One element of a grant; `None` is the `*` at its place.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TopicPattern {
    /// A custom event by name.
    Custom(Option<Box<str>>),
    /// Writes by method and collection.
    Write(Option<Method>, Option<Box<str>>),
}

/// Why a text is no [`TopicPattern`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAPattern {
    /// Nothing is written, or nothing on one side of the colon.
    #[error("is empty: write METHOD:COLLECTION, as POST:company, or a custom event's name")]
    Empty,
    /// What stands before the colon writes nothing.
    #[error("has no method that writes before the colon: expected POST, PUT, PATCH, DELETE or *")]
    Method,
}

/// Whether `name` is one that the sidecar alone may give an event, in any case: a publish
/// under it would look like a database event, or like the state of the connection. Clients
/// compare in upper case, where letters of other scripts become these too.
#[must_use]
pub fn is_reserved(name: &str) -> bool {
    let name = name.trim().to_uppercase();
    RESERVED.iter().any(|own| own.eq_ignore_ascii_case(&name))
}

/// Names that no publish may carry.
pub const RESERVED: &[&str] = &[
    "close",
    "connect",
    "delete",
    "disconnect",
    "error",
    "gap",
    "init",
    "leave",
    "message",
    "open",
    "patch",
    "ping",
    "post",
    "publish",
    "put",
    "reconnect",
    "sync",
    "uncertain",
];

// === impl Topic ===

impl<'a> Topic<'a> {
    /// What `event` is about; none for a gap, which concerns everybody.
    #[must_use]
    pub fn of(event: &'a Event) -> Option<Self> {
        Some(match &event.kind {
            Kind::Custom { name, .. } => Self::Custom(name),
            Kind::Gap => return None,
            Kind::Left { collection, .. } => Self::Write(Method::Delete, collection),
            Kind::Uncertain {
                method, collection, ..
            }
            | Kind::Write {
                method, collection, ..
            } => Self::Write(*method, collection),
        })
    }
}

// === impl TopicPattern ===

impl TopicPattern {
    /// Whether `topic` is one of those that the pattern names.
    #[must_use]
    pub fn matches(&self, topic: Topic<'_>) -> bool {
        match (self, topic) {
            (Self::Custom(name), Topic::Custom(topic)) => {
                name.as_deref().is_none_or(|name| name == topic)
            }
            (Self::Write(method, collection), Topic::Write(of, on)) => {
                method.is_none_or(|method| method == of)
                    && collection.as_deref().is_none_or(|name| name == on)
            }
            (Self::Custom(_), Topic::Write(..)) | (Self::Write(..), Topic::Custom(_)) => false,
        }
    }
}

impl TopicPattern {
    /// Whether everything that `other` names is named by this one.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Custom(own), Self::Custom(other)) => own.is_none() || own == other,
            (Self::Write(method, collection), Self::Write(of, on)) => {
                (method.is_none() || method == of) && (collection.is_none() || collection == on)
            }
            (Self::Custom(_), Self::Write(..)) | (Self::Write(..), Self::Custom(_)) => false,
        }
    }

    /// What both name; none if that is nothing.
    #[must_use]
    pub fn common(&self, other: &Self) -> Option<Self> {
        fn both<T: Clone + PartialEq>(one: &Option<T>, other: &Option<T>) -> Option<Option<T>> {
            match (one, other) {
                (None, any) | (any, None) => Some(any.clone()),
                (Some(one), Some(other)) => (one == other).then(|| Some(one.clone())),
            }
        }
        match (self, other) {
            (Self::Custom(own), Self::Custom(other)) => both(own, other).map(Self::Custom),
            (Self::Write(method, collection), Self::Write(of, on)) => {
                Some(Self::Write(both(method, of)?, both(collection, on)?))
            }
            (Self::Custom(_), Self::Write(..)) | (Self::Write(..), Self::Custom(_)) => None,
        }
    }

    /// What it names of one collection's writes; none if that is nothing.
    #[must_use]
    pub fn within(&self, collection: &str) -> Option<Self> {
        match self {
            Self::Write(method, on) if on.as_deref().is_none_or(|on| on == collection) => {
                Some(Self::Write(*method, Some(collection.into())))
            }
            Self::Custom(_) | Self::Write(..) => None,
        }
    }

    /// Whether it names custom events.
    #[must_use]
    pub fn is_custom(&self) -> bool {
        matches!(self, Self::Custom(_))
    }
}

impl FromStr for TopicPattern {
    type Err = NotAPattern;

    /// Methods are read in any case, as RestDB's settings dialog takes them.
    fn from_str(text: &str) -> Result<Self, NotAPattern> {
        fn some_unless_star(text: &str) -> Option<Box<str>> {
            (text != "*").then(|| text.into())
        }
        match text.split_once(':') {
            None if text.is_empty() => Err(NotAPattern::Empty),
            None => Ok(Self::Custom(some_unless_star(text))),
            Some((_, "")) => Err(NotAPattern::Empty),
            Some(("*", collection)) => Ok(Self::Write(None, some_unless_star(collection))),
            Some((method, collection)) => {
                let method = Method::of(&method.to_ascii_uppercase()).ok_or(NotAPattern::Method)?;
                Ok(Self::Write(Some(method), some_unless_star(collection)))
            }
        }
    }
}

impl fmt::Display for TopicPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Custom(name) => f.write_str(name.as_deref().unwrap_or("*")),
            Self::Write(method, collection) => write!(
                f,
                "{}:{}",
                method.map_or("*", Method::as_str),
                collection.as_deref().unwrap_or("*")
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(text: &str) -> TopicPattern {
        text.parse().unwrap()
    }

    #[test]
    fn a_pattern_names_writes_or_custom_events_never_both() {
        let write = Topic::Write(Method::Post, "company");
        let goal = Topic::Custom("GOAL");
        for (text, hears_write, hears_goal) in [
            ("POST:company", true, false),
            ("post:company", true, false),
            ("PUT:company", false, false),
            ("POST:other", false, false),
            ("POST:*", true, false),
            ("*:company", true, false),
            ("*:*", true, false),
            ("GOAL", false, true),
            ("goal", false, false),
            ("*", false, true),
        ] {
            assert_eq!(pattern(text).matches(write), hears_write, "{text}");
            assert_eq!(pattern(text).matches(goal), hears_goal, "{text}");
        }
    }

    #[test]
    fn what_two_patterns_have_in_common_is_what_both_match() {
        let all = [
            "POST:a", "POST:b", "PUT:*", "*:a", "*:*", "GOAL", "OTHER", "*",
        ];
        for (one, other, expected) in [
            ("POST:*", "*:company", Some("POST:company")),
            ("*:*", "PUT:*", Some("PUT:*")),
            ("*", "GOAL", Some("GOAL")),
            ("PUT:a", "POST:a", None),
            ("*:*", "*", None),
        ] {
            let common = pattern(one).common(&pattern(other));
            assert_eq!(common.map(|common| common.to_string()).as_deref(), expected);
        }
        let topics = [
            Topic::Write(Method::Post, "a"),
            Topic::Write(Method::Put, "a"),
            Topic::Write(Method::Put, "b"),
            Topic::Custom("GOAL"),
        ];
        for (one, other) in all.iter().flat_map(|one| all.map(|other| (one, other))) {
            let (one, other) = (pattern(one), pattern(other));
            let common = one.common(&other);
            assert_eq!(common, other.common(&one));
            for topic in topics {
                let matched = common.as_ref().is_some_and(|common| common.matches(topic));
                assert_eq!(matched, one.matches(topic) && other.matches(topic));
            }
        }
    }

    #[test]
    fn a_pattern_prints_as_it_is_written() {
        for text in ["POST:company", "PUT:*", "*:company", "*:*", "GOAL", "*"] {
            assert_eq!(pattern(text).to_string(), text);
        }
    }

    #[test]
    fn what_is_no_pattern_says_why() {
        assert_eq!("".parse::<TopicPattern>(), Err(NotAPattern::Empty));
        assert_eq!("POST:".parse::<TopicPattern>(), Err(NotAPattern::Empty));
        assert_eq!(
            "GET:company".parse::<TopicPattern>(),
            Err(NotAPattern::Method)
        );
        assert_eq!(":company".parse::<TopicPattern>(), Err(NotAPattern::Method));
    }

    #[test]
    fn a_name_is_reserved_in_any_case_and_as_a_whole() {
        for name in RESERVED {
            assert!(is_reserved(name), "{name}");
            assert!(is_reserved(&name.to_uppercase()), "{name}");
            assert!(!is_reserved(&format!("{name}ed")), "{name}");
        }
        for disguised in ["po\u{17f}t", "p\u{131}ng", " post "] {
            assert!(is_reserved(disguised), "{disguised}");
        }
        assert!(!is_reserved("GOAL"));
        assert!(!is_reserved(""));
    }
}
