//! JSON as text: what a body holds is looked at and handed on, never converted.
//!
//! A number keeps every digit (2^53 + 1, `1.10`), an object the order of its members and a
//! member the spelling of its name, because nothing here turns them into other values.
//! `serde_json` checks the grammar of a raw value without recursion and without a limit of
//! depth; what it leaves open, the depth too, is checked once, before anything descends (`strict`).

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::event::Id;

use super::Body;
use super::strict::has_one_reading;

/// What a body holds.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Content<'a> {
    /// What may be taken for JSON, and by one reader for something else than by another, or not at
    /// all: what it says is not known.
    Doubtful,
    /// Nothing but white space.
    Empty,
    /// One JSON text.
    Json(&'a RawValue),
    /// Something else, or a body that was not kept.
    Unreadable,
}

/// A member of an object.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Member<'a> {
    /// Its name, as it is spelt.
    pub(crate) name: &'a RawValue,
    /// Its value.
    pub(crate) value: &'a RawValue,
}

impl<'a> Content<'a> {
    /// Reads a body.
    pub(crate) fn of(body: Body<'a>) -> Self {
        let Body::Whole(bytes) = body else {
            return Self::Unreadable;
        };
        if bytes.trim_ascii().is_empty() {
            return Self::Empty;
        }
        let text = std::str::from_utf8(bytes).ok();
        let json: Option<&RawValue> = text.and_then(|text| serde_json::from_str(text).ok());
        match json {
            Some(json) if has_one_reading(json.get()) => Self::Json(json),
            Some(_) => Self::Doubtful,
            None if begins_as_json(bytes) => Self::Doubtful,
            None => Self::Unreadable,
        }
    }

    /// The JSON text, if the body is one.
    pub(crate) fn json(self) -> Option<&'a RawValue> {
        match self {
            Self::Json(json) => Some(json),
            Self::Doubtful | Self::Empty | Self::Unreadable => None,
        }
    }
}

impl Member<'_> {
    /// Whether the name, its escapes resolved, is this one.
    pub(crate) fn is(&self, name: &str) -> bool {
        string(self.name).is_some_and(|text| text == name)
    }
}

/// Whether a text that is no JSON begins as an object or an array, perhaps behind a byte order mark:
/// some reader may have made one of it.
fn begins_as_json(bytes: &[u8]) -> bool {
    let bytes = bytes.trim_ascii_start();
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    matches!(bytes.trim_ascii_start(), [b'{' | b'[', ..])
}

pub(crate) fn is_array(json: &RawValue) -> bool {
    json.get().starts_with('[')
}

pub(crate) fn is_object(json: &RawValue) -> bool {
    json.get().starts_with('{')
}

/// An array's elements, in their order; none if it is no array.
pub(crate) fn elements(json: &RawValue) -> Option<Vec<&RawValue>> {
    serde_json::from_str(json.get()).ok()
}

/// An object's members, in their order and with those that share a name; none if it is no object.
pub(crate) fn members(json: &RawValue) -> Option<Vec<Member<'_>>> {
    let Members(members) = serde_json::from_str(json.get()).ok()?;
    Some(members)
}

/// The value of an object's last member of that name, if it is an object and has one.
pub(crate) fn member<'a>(json: &'a RawValue, name: &str) -> Option<&'a RawValue> {
    let mut text = serde_json::Deserializer::from_str(json.get());
    text.deserialize_map(Named(name)).ok()?
}

/// The id that a string or a number is, digits as they are written; anything else is none.
pub(crate) fn id(json: &RawValue) -> Option<Id> {
    match json.get().as_bytes().first()? {
        b'"' => Id::new(&string(json)?),
        b'-' | b'0'..=b'9' => Id::new(json.get()),
        _ => None,
    }
}

/// A string's text; none if it is no string, or one with half of a surrogate pair.
pub(crate) fn string(json: &RawValue) -> Option<Cow<'_, str>> {
    let quoted = json.get();
    let inner = quoted.strip_prefix('"')?.strip_suffix('"')?;
    if inner.contains('\\') {
        serde_json::from_str(quoted).ok().map(Cow::Owned)
    } else {
        Some(Cow::Borrowed(inner))
    }
}

/// Finds the last member of that name.
struct Named<'n>(&'n str);

impl<'de> Visitor<'de> for Named<'_> {
    type Value = Option<&'de RawValue>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut found = None;
        while let Some(name) = map.next_key::<&RawValue>()? {
            if string(name).is_some_and(|text| text == self.0) {
                found = Some(map.next_value()?);
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(found)
    }
}

struct Members<'a>(Vec<Member<'a>>);

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(InOrder)
    }
}

/// Keeps what a map would lose: order, spelling, repeated names.
struct InOrder;

impl<'de> Visitor<'de> for InOrder {
    type Value = Members<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members<'de>, A::Error> {
        let mut members = Vec::new();
        while let Some((name, value)) = map.next_entry()? {
            members.push(Member { name, value });
        }
        Ok(Members(members))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::JSON_DEPTH;

    fn json(text: &str) -> &RawValue {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn a_body_is_empty_or_one_json_text_or_unreadable() {
        for (body, expected) in [
            (&b""[..], Ok(None)),
            (b" \r\n\t", Ok(None)),
            (b"null", Ok(Some("null"))),
            (b" {\"a\": 1.10}\n", Ok(Some("{\"a\": 1.10}"))),
            (b"{\"a\": 1", Err("doubtful")),
            (b"{} {}", Err("doubtful")),
            (b"{\"a\":NaN}", Err("doubtful")),
            (b"{\"a\":1,}", Err("doubtful")),
            (b"{\"a\":1,\"a\":1}", Err("doubtful")),
            (b"\"\\ud800\"", Err("doubtful")),
            (b"\xef\xbb\xbf{}", Err("doubtful")),
            (b"[\"\xff\"]", Err("doubtful")),
            (b"{a:1}", Err("doubtful")),
            (b"OK", Err("unreadable")),
            (b"NaN", Err("unreadable")),
            (b"\xff\xfe", Err("unreadable")),
        ] {
            let read = match Content::of(Body::Whole(body)) {
                Content::Empty => Ok(None),
                Content::Json(json) => Ok(Some(json.get())),
                Content::Doubtful => Err("doubtful"),
                Content::Unreadable => Err("unreadable"),
            };
            assert_eq!(read, expected, "{}", body.escape_ascii());
        }
        assert!(matches!(Content::of(Body::Unknown), Content::Unreadable));
    }

    #[test]
    fn a_text_nested_deeper_than_the_limit_is_not_read() {
        let nested = |depth| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        let read = |text: &str| Content::of(Body::Whole(text.as_bytes())).json().is_some();
        assert!(read(&nested(JSON_DEPTH)));
        assert!(!read(&nested(JSON_DEPTH + 1)));
        assert!(!read(&nested(1_000_000)));
    }

    #[test]
    fn members_keep_their_order_spelling_and_repeats() {
        let members = members(json(r#"{"b":1.10, "a":{"c": 2}, "\u0062":"x"}"#)).unwrap();
        let spelt: Vec<_> = members
            .iter()
            .map(|m| (m.name.get(), m.value.get()))
            .collect();
        let expected = [
            (r#""b""#, "1.10"),
            (r#""a""#, r#"{"c": 2}"#),
            (r#""\u0062""#, r#""x""#),
        ];
        assert_eq!(spelt, expected);
        assert!(members[2].is("b"));
        assert!(super::members(json("[]")).is_none());
    }

    #[test]
    fn an_id_is_a_string_or_a_number_as_it_is_written() {
        for (text, expected) in [
            ("7", Some("7")),
            ("-7", Some("-7")),
            ("1.10", Some("1.10")),
            ("12345678901234567890123", Some("12345678901234567890123")),
            (r#""a b""#, Some("a b")),
            (r#""\u0061\/""#, Some("a/")),
            (r#""""#, None),
            (r#""a\nb""#, None),
            (r#""\ud800""#, None),
            ("null", None),
            ("true", None),
            ("{}", None),
            ("[1]", None),
        ] {
            let found = id(json(text));
            assert_eq!(found.as_ref().map(Id::as_str), expected, "{text}");
        }
    }
}
