//! Fields of a record that a subscriber asks for: `?fields=a,b.c,*`, in PocketBase's words.
//!
//! | asked | what is left of the record |
//! | --- | --- |
//! | `a` | that member, whole |
//! | `b.c` | of the object at `b`, or of each object in the array there, that member |
//! | `*` | every member at its place; one that is named beside it is what its name says |
//!
//! What is not there is left out, and so is the id if it is not asked for. What is no object
//! where a path goes on stays as it is. The record is looked at as text: members keep their
//! order and numbers their digits. To ask for fields is no right: it hides nothing from anybody.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::value::RawValue;

use crate::event::Json;
use crate::limits::{FIELDS_BYTES_MAX, FIELDS_DEPTH, FIELDS_MAX};
use crate::observe::json;

/// Which fields of a record are told; all of them by default.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Fields(Option<Arc<Level>>);

/// What is told of an object.
#[derive(Debug, Default, PartialEq, Eq, Hash)]
struct Level {
    /// Whether members that are not named are told.
    rest: bool,
    /// By name, what is told of a member; none: all of it.
    named: BTreeMap<Box<str>, Option<Self>>,
}

/// Why a text names no fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotFields {
    /// A name is empty: `a,,b`, `a..b`.
    #[error("fields: expected names with a comma between them, as a,b.c,*")]
    Empty,
    /// Something follows a `*`: `*.a`.
    #[error("fields: nothing can follow `*` in a name")]
    AfterAll,
    /// A name has a modifier: `a:excerpt(10)`.
    #[error("fields: modifiers, as :excerpt, are not known here")]
    Modifier,
    /// It is longer, or names more, than may be.
    #[error(
        "fields: expected {FIELDS_MAX} names at most, in {FIELDS_BYTES_MAX} bytes, and {FIELDS_DEPTH} parts to a name"
    )]
    TooMany,
}

// === impl Fields ===

impl Fields {
    /// What `text` asks for, as it stands in a query; none asks for everything.
    ///
    /// # Errors
    /// [`NotFields`]: for the client to correct.
    pub fn of(text: Option<&str>) -> Result<Self, NotFields> {
        let Some(text) = text else {
            return Ok(Self::default());
        };
        if text.len() > FIELDS_BYTES_MAX || text.split(',').count() > FIELDS_MAX {
            return Err(NotFields::TooMany);
        }
        let mut top = Level::default();
        for name in text.split(',').map(str::trim) {
            if name.contains(':') {
                return Err(NotFields::Modifier);
            }
            if name.split('.').count() > FIELDS_DEPTH {
                return Err(NotFields::TooMany);
            }
            top.add(name)?;
        }
        Ok(Self(Some(Arc::new(top))))
    }

    /// What is told of `record`.
    #[must_use]
    pub fn pick<'a>(&self, record: &'a Json) -> Cow<'a, str> {
        let whole = record.as_str();
        let Some(top) = &self.0 else {
            return Cow::Borrowed(whole);
        };
        let mut picked = String::with_capacity(whole.len());
        // What is in an event was read as JSON before.
        let read = serde_json::from_str::<&RawValue>(whole).ok();
        match read.and_then(|value| top.append(value, &mut picked)) {
            Some(()) => Cow::Owned(picked),
            None => Cow::Borrowed("null"),
        }
    }
}

impl Level {
    fn add(&mut self, name: &str) -> Result<(), NotFields> {
        let (first, rest) = match name.split_once('.') {
            Some((first, rest)) => (first, Some(rest)),
            None => (name, None),
        };
        match (first, rest) {
            ("", _) => Err(NotFields::Empty),
            ("*", None) => {
                self.rest = true;
                Ok(())
            }
            ("*", Some(_)) => Err(NotFields::AfterAll),
            (first, None) => {
                self.named.insert(first.into(), None);
                Ok(())
            }
            (first, Some(rest)) => {
                let below = self.named.entry(first.into());
                match below.or_insert_with(|| Some(Self::default())) {
                    Some(below) => below.add(rest),
                    // All of it is asked for already; what else is said of it has to be sound.
                    None => Self::default().add(rest),
                }
            }
        }
    }

    /// Appends what is told of `value`. Recurses as deep as [`FIELDS_DEPTH`].
    fn append(&self, value: &RawValue, text: &mut String) -> Option<()> {
        if json::is_object(value) {
            return self.append_object(value, text);
        }
        if !json::is_array(value) {
            text.push_str(value.get());
            return Some(());
        }
        text.push('[');
        for (at, element) in json::elements(value)?.into_iter().enumerate() {
            if at > 0 {
                text.push(',');
            }
            if json::is_object(element) {
                self.append_object(element, text)?;
            } else {
                text.push_str(element.get());
            }
        }
        text.push(']');
        Some(())
    }

    fn append_object(&self, value: &RawValue, text: &mut String) -> Option<()> {
        let mut separator = "";
        text.push('{');
        for member in json::members(value)? {
            let named = self.named.iter().find(|(name, _)| member.is(name));
            let below = match named {
                Some((_, below)) => below.as_ref(),
                None if self.rest => None,
                None => continue,
            };
            text.push_str(separator);
            text.push_str(member.name.get());
            text.push(':');
            match below {
                Some(below) => below.append(member.value, text)?,
                None => text.push_str(member.value.get()),
            }
            separator = ",";
        }
        text.push('}');
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    fn record(text: &str) -> Json {
        Json::compact(serde_json::from_str(text).unwrap())
    }

    fn picked(text: &str, fields: &str) -> String {
        let fields = Fields::of(Some(fields)).unwrap();
        fields.pick(&record(text)).into_owned()
    }

    const RECORD: &str = r#"{"id":7,"n":12345678901234567890.10,"b":{"c":1,"d":{"e":2,"f":3}},"l":[{"c":1,"x":2},4,[{"c":5}]],"s":"t"}"#;

    #[test]
    fn what_is_asked_for_is_left_in_its_order_with_every_digit() {
        for (fields, left) in [
            ("s,id", r#"{"id":7,"s":"t"}"#),
            ("n", r#"{"n":12345678901234567890.10}"#),
            ("*", RECORD),
            ("b.c", r#"{"b":{"c":1}}"#),
            ("b.d.e, b.c", r#"{"b":{"c":1,"d":{"e":2}}}"#),
            ("b.d.*", r#"{"b":{"d":{"e":2,"f":3}}}"#),
            ("b.d,b.d.e", r#"{"b":{"d":{"e":2,"f":3}}}"#),
            ("b.d.e,b.d", r#"{"b":{"d":{"e":2,"f":3}}}"#),
            ("l.c", r#"{"l":[{"c":1},4,[{"c":5}]]}"#),
            ("s.x", r#"{"s":"t"}"#),
            ("nowhere,b.nowhere", r#"{"b":{}}"#),
            ("nowhere", "{}"),
        ] {
            assert_eq!(picked(RECORD, fields), left, "{fields}");
        }
        let all_but_d = picked(RECORD, "*,b.c");
        assert_eq!(all_but_d, RECORD.replace(r#","d":{"e":2,"f":3}"#, ""));
    }

    #[test]
    fn names_are_compared_without_their_escapes_and_repeats_are_kept() {
        let text = r#"{"\u0061":1,"b":2,"a":3}"#;
        assert_eq!(picked(text, "a"), r#"{"\u0061":1,"a":3}"#);
        for scalar in ["1.10", "null", r#""x""#, "[1,2]"] {
            assert_eq!(picked(scalar, "a"), scalar);
        }
        assert_eq!(picked(r#"[{"a":1,"b":2}]"#, "a"), r#"[{"a":1}]"#);
    }

    #[test]
    fn what_names_no_fields_is_refused() {
        let deep = ["a"; FIELDS_DEPTH + 1].join(".");
        let many = ["a"; FIELDS_MAX + 1].join(",");
        let long = "a".repeat(FIELDS_BYTES_MAX + 1);
        for (text, expected) in [
            ("", NotFields::Empty),
            ("a,", NotFields::Empty),
            ("a,,b", NotFields::Empty),
            ("a..b", NotFields::Empty),
            (".a", NotFields::Empty),
            ("a,a.", NotFields::Empty),
            ("*.a", NotFields::AfterAll),
            ("a:excerpt(10)", NotFields::Modifier),
            (&deep, NotFields::TooMany),
            (&many, NotFields::TooMany),
            (&long, NotFields::TooMany),
        ] {
            assert_eq!(Fields::of(Some(text)), Err(expected), "{text}");
        }
    }

    #[test]
    fn the_same_fields_are_equal_however_they_are_ordered() {
        let of = |text| Fields::of(Some(text)).unwrap();
        assert_eq!(of("a, b.c"), of("b.c,a"));
        assert_ne!(of("a"), of("a.*"));
        assert_eq!(Fields::of(None), Ok(Fields::default()));
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<i64>().prop_map(Value::from),
            "[a-c\"\\\\{}]{0,3}".prop_map(Value::from)
        ];
        leaf.prop_recursive(4, 32, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::vec(("[a-c]", inner), 0..4)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    /// What the rule says, over values: slower, and losing digits.
    fn model(value: &Value, fields: &[Vec<&str>]) -> Value {
        match value {
            Value::Array(elements) => {
                let pick = |element: &Value| match element {
                    Value::Object(_) => model(element, fields),
                    other => other.clone(),
                };
                elements.iter().map(pick).collect()
            }
            Value::Object(members) => {
                let rest = fields.iter().any(|path| path[..] == ["*"]);
                let mut left = serde_json::Map::new();
                for (name, value) in members {
                    let below: Vec<Vec<&str>> = fields
                        .iter()
                        .filter(|path| path[0] == name)
                        .map(|path| path[1..].to_vec())
                        .collect();
                    let whole = below.iter().any(Vec::is_empty) || (below.is_empty() && rest);
                    if whole {
                        left.insert(name.clone(), value.clone());
                    } else if !below.is_empty() {
                        left.insert(name.clone(), model(value, &below));
                    }
                }
                Value::Object(left)
            }
            other => other.clone(),
        }
    }

    proptest! {
        #[test]
        fn what_is_left_is_what_the_rule_says(
            value in any_json(),
            paths in prop::collection::vec("([a-c]\\.){0,3}[a-c*]", 1..5),
        ) {
            let text = value.to_string();
            let left: Value = serde_json::from_str(&picked(&text, &paths.join(","))).unwrap();
            let fields: Vec<Vec<&str>> = paths.iter().map(|path| path.split('.').collect()).collect();
            prop_assert_eq!(left, model(&value, &fields));
        }

        #[test]
        fn any_text_is_fields_or_refused(text in ".{0,40}") {
            if let Ok(fields) = Fields::of(Some(&text)) {
                let left = fields.pick(&record(RECORD)).into_owned();
                prop_assert!(serde_json::from_str::<Value>(&left).is_ok());
            }
        }
    }
}
