//! Places in a JSON text (RFC 6901).

use std::fmt;
use std::str::FromStr;

use serde_json::value::RawValue;

use super::super::json;
use super::NotAPath;

/// A JSON pointer (RFC 6901). Shape: `/data/id`; the empty one is the whole text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pointer(Box<[Box<str>]>);

impl Pointer {
    /// The place to which these names lead, one within the other.
    #[must_use]
    pub fn of(names: &[&str]) -> Self {
        Self(names.iter().map(|name| Box::from(*name)).collect())
    }

    /// The names that lead to the place, without their escapes.
    pub(crate) fn tokens(&self) -> &[Box<str>] {
        &self.0
    }

    /// What stands at the place, if anything does. Of several members of one name the last counts.
    pub(crate) fn find<'a>(&self, whole: &'a RawValue) -> Option<&'a RawValue> {
        self.0.iter().try_fold(whole, |value, token| {
            if json::is_array(value) {
                let elements = json::elements(value)?;
                return elements.get(array_index(token)?).copied();
            }
            json::member(value, token)
        })
    }

    /// The same place as seen from `base`; as it is where it does not stand below that.
    pub(in crate::observe) fn below(&self, base: &Self) -> Self {
        let rest = self.0.strip_prefix(&*base.0);
        rest.map_or_else(|| self.clone(), |rest| Self(rest.into()))
    }
}

/// RFC 6901 § 4: digits without leading zeros.
pub(in crate::observe) fn array_index(token: &str) -> Option<usize> {
    let digits = token.bytes().all(|b| b.is_ascii_digit());
    let canonical = digits && (token == "0" || !token.starts_with('0'));
    canonical.then(|| token.parse().ok()).flatten()
}

impl FromStr for Pointer {
    type Err = NotAPath;

    fn from_str(text: &str) -> Result<Self, NotAPath> {
        if text.is_empty() {
            return Ok(Self::default());
        }
        let tokens = text.strip_prefix('/').ok_or(NotAPath::Slash)?;
        tokens
            .split('/')
            .map(token)
            .collect::<Result<_, _>>()
            .map(Self)
    }
}

/// RFC 6901 § 4: `~1` is read before `~0`, so that `~01` is `~1`.
fn token(escaped: &str) -> Result<Box<str>, NotAPath> {
    let sound = escaped
        .split('~')
        .skip(1)
        .all(|after| after.starts_with(['0', '1']));
    if !sound {
        return Err(NotAPath::Escape);
    }
    Ok(escaped.replace("~1", "/").replace("~0", "~").into())
}

impl fmt::Display for Pointer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|token| {
            let escaped = token.replace('~', "~0").replace('/', "~1");
            write!(f, "/{escaped}")
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn pointer(text: &str) -> Pointer {
        text.parse().unwrap()
    }

    #[test]
    fn a_pointer_finds_what_stands_at_its_place() {
        let text = r#"{"a":{"b":[1.10,{"c":"x"}]},"a/b":2,"~":3,"":4,"k\u0065y":5,"d":6,"d":7}"#;
        let whole: &RawValue = serde_json::from_str(text).unwrap();
        for (pointer, found) in [
            ("", Some(text)),
            ("/a/b", Some(r#"[1.10,{"c":"x"}]"#)),
            ("/a/b/0", Some("1.10")),
            ("/a/b/1/c", Some(r#""x""#)),
            ("/a~1b", Some("2")),
            ("/~0", Some("3")),
            ("/", Some("4")),
            ("/key", Some("5")),
            ("/d", Some("7")),
            ("/a/b/2", None),
            ("/a/b/00", None),
            ("/a/b/-", None),
            ("/a/b/99999999999999999999", None),
            ("/a/b/0/c", None),
            ("/A", None),
        ] {
            let place = pointer.parse::<Pointer>().unwrap();
            assert_eq!(place.find(whole).map(RawValue::get), found, "{pointer}");
        }
    }

    #[test]
    fn a_pointer_below_the_record_is_seen_from_the_record() {
        for (place, base, seen) in [
            ("/data/id", "/data", "/id"),
            ("/data/id", "", "/data/id"),
            ("/id", "/data", "/id"),
            ("/data", "/data", ""),
            ("/database/id", "/data", "/database/id"),
        ] {
            assert_eq!(
                pointer(place).below(&pointer(base)),
                pointer(seen),
                "{place}"
            );
        }
    }

    #[test]
    fn what_is_no_pointer_says_why() {
        for (text, fault) in [
            ("id", NotAPath::Slash),
            ("$.id", NotAPath::Slash),
            ("/a~2", NotAPath::Escape),
            ("/a~", NotAPath::Escape),
        ] {
            assert_eq!(text.parse::<Pointer>(), Err(fault), "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_pointer_prints_and_parses_as_inverses(text in "(/(~0|~1|[a-z0-9~]|\\PC){0,4}){0,4}") {
            if let Ok(pointer) = text.parse::<Pointer>() {
                prop_assert_eq!(pointer.to_string(), text);
            }
        }
    }
}
