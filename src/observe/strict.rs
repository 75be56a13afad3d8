//! Whether a JSON text says one thing to whoever reads it.
//!
//! The grammar allows more than readers agree on (RFC 8259 § 4 and § 8.2): of a name that an object
//! has twice some take the first value, some the last, and half of a surrogate pair is refused,
//! replaced or kept. What was decided from one reading would then be told to those who have the
//! other. So such a text is taken for no record at all.
//!
//! One pass over the bytes, without recursion. The names of the objects that are open are held, and
//! sorted when one closes: a large object costs n log n.

use std::borrow::Cow;

use crate::event::end_of_string;
use crate::limits::{JSON_DEPTH, JSON_NAMES_MAX};

/// An array or an object that has not come to its end.
struct Open {
    is_object: bool,
    /// Which of the names that are held is its first.
    names_from: usize,
}

/// Whether the text, which is JSON by its grammar, has no name twice in an object, no half of a
/// surrogate pair, nothing deeper than [`JSON_DEPTH`], and no more names than are looked at.
pub(super) fn has_one_reading(text: &str) -> bool {
    one_reading(text).is_some()
}

fn one_reading(text: &str) -> Option<()> {
    let bytes = text.as_bytes();
    let mut open: Vec<Open> = Vec::new();
    let mut names: Vec<Cow<'_, str>> = Vec::new();
    let mut is_name_next = false;
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        at += 1;
        match byte {
            b'"' => {
                let (end, has_escapes) = end_of_string(bytes, at)?;
                let inner = text.get(at..end)?;
                at = end + 1;
                if is_name_next {
                    is_name_next = false;
                    (names.len() < JSON_NAMES_MAX).then_some(())?;
                    names.push(if has_escapes {
                        Cow::Owned(serde_json::from_str(&format!("\"{inner}\"")).ok()?)
                    } else {
                        Cow::Borrowed(inner)
                    });
                } else if has_escapes {
                    has_whole_pairs(inner).then_some(())?;
                }
            }
            b'[' | b'{' => {
                (open.len() < JSON_DEPTH).then_some(())?;
                is_name_next = *byte == b'{';
                open.push(Open {
                    is_object: is_name_next,
                    names_from: names.len(),
                });
            }
            b']' | b'}' => {
                let from = open.pop()?.names_from;
                are_different(names.get_mut(from..)?).then_some(())?;
                names.truncate(from);
                is_name_next = false;
            }
            b',' => is_name_next = open.last().is_some_and(|open| open.is_object),
            _ => {}
        }
    }
    Some(())
}

/// Whether each half of a surrogate pair among a string's escapes has its other half behind it.
fn has_whole_pairs(inner: &str) -> bool {
    let mut pieces = inner.split('\\').skip(1);
    let mut awaited = false;
    while let Some(piece) = pieces.next() {
        let code = piece.strip_prefix('u').and_then(|digits| digits.get(..4));
        let code = code.and_then(|digits| u16::from_str_radix(digits, 16).ok());
        match code {
            Some(0xDC00..=0xDFFF) if awaited => awaited = false,
            Some(0xDC00..=0xDFFF) => return false,
            _ if awaited => return false,
            // The other half has to follow at once.
            Some(0xD800..=0xDBFF) if piece.len() == 5 => awaited = true,
            Some(0xD800..=0xDBFF) => return false,
            Some(_) => {}
            // An escaped backslash: what is behind it is text.
            None if piece.is_empty() => {
                pieces.next();
            }
            None => {}
        }
    }
    !awaited
}

/// Whether no two of an object's names are the same.
fn are_different(names: &mut [Cow<'_, str>]) -> bool {
    names.sort_unstable();
    names.windows(2).all(|pair| match pair {
        [one, next] => one != next,
        _ => true,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_has_one_reading_unless_a_name_comes_twice_in_an_object() {
        for (text, one) in [
            ("1", true),
            ("\"a\"", true),
            ("{}", true),
            ("[]", true),
            (r#"{"a":1,"b":2}"#, true),
            (r#"{"a":1,"A":2,"":3}"#, true),
            (r#"{"a":{"a":{"a":[{"a":1},{"a":2}]}},"b":{"a":3}}"#, true),
            (r#"{"a":"b","b":"a"}"#, true),
            (r#"{"a":["a","a"],"b":"\",\"a\":\""}"#, true),
            (r#"{ "a" : 1 , "a" : 1 }"#, false),
            (r#"{"a":1,"b":2,"\u0061":3}"#, false),
            (r#"{"\u00e9":1,"é":2}"#, false),
            (r#"{"":1,"":2}"#, false),
            (r#"[[{"b":{"a":1,"c":[],"a":2}}]]"#, false),
            (r#"{"b":[{"x":1}],"a":{},"b":0}"#, false),
            (r#"{"a\"b":1,"a\"b":2}"#, false),
        ] {
            assert!(serde_json::from_str::<&serde_json::value::RawValue>(text).is_ok());
            assert_eq!(has_one_reading(text), one, "{text}");
        }
    }

    #[test]
    fn half_of_a_surrogate_pair_has_no_reading() {
        for (text, one) in [
            (r#""\ud83d\ude00""#, true),
            (r#""a\ud83d\ude00\n\\ud83d \u0041""#, true),
            (r#""\\\\ud83d""#, true),
            (r#"{"\ud83d\ude00":1}"#, true),
            (r#""\ud83d""#, false),
            (r#""\ude00""#, false),
            (r#""\ude00\ud83d""#, false),
            (r#""\ud83dx\ude00""#, false),
            (r#""\ud83d\ud83d\ude00""#, false),
            (r#""\ud83d\\ude00""#, false),
            (r#""\ud83d\n""#, false),
            (r#""\\\ud83d""#, false),
            (r#"{"a":["x","\uDFFF"]}"#, false),
            (r#"{"\ud83d":1}"#, false),
        ] {
            assert_eq!(has_one_reading(text), one, "{text}");
        }
    }

    #[test]
    fn a_large_object_is_looked_at_in_no_time() {
        let member = |n: usize| format!("\"name{n}\":{n}");
        let mut members: Vec<_> = (0..100_000).map(member).collect();
        assert!(has_one_reading(&format!("{{{}}}", members.join(","))));
        members.push(member(0));
        assert!(!has_one_reading(&format!("{{{}}}", members.join(","))));
    }

    #[test]
    fn more_names_than_are_looked_at_have_no_reading() {
        let names = |count: usize| {
            let names: Vec<_> = (0..count).map(|n| format!("\"{n}\":0")).collect();
            format!("{{{}}}", names.join(","))
        };
        assert!(has_one_reading(&names(JSON_NAMES_MAX)));
        assert!(!has_one_reading(&names(JSON_NAMES_MAX + 1)));
        // What is over is not held.
        let short = names(JSON_NAMES_MAX / 2);
        assert!(has_one_reading(&format!("[{short},{short},{short}]")));
    }
}
