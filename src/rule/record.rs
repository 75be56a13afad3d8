//! A record or claims, listed once and looked up by every rule.
//!
//! Only the members at the top are listed, so that the list stays small beside the text; what
//! lies deeper is found by reading on in the text of one of them. Nothing here recurs.

use std::borrow::Cow;
use std::sync::Arc;

use crate::event::Json;
use crate::limits::RULE_RECORD_MEMBERS_MAX;

use super::tree::Path;
use super::value::Value;

/// A record, or the claims of who asks, over its JSON text.
#[derive(Clone, Debug)]
pub struct Record<'a> {
    /// The members by name, a later one of a name after an earlier; none if the text is no
    /// object, or one of too many.
    members: Option<Vec<(Cow<'a, str>, &'a str)>>,
    /// Where something stood that was taken out: what is asked there cannot be said.
    hidden: Vec<Arc<[Box<str>]>>,
}

/// What stands at a path.
#[derive(Clone, Copy, Debug)]
pub(super) enum Stand<'a> {
    /// Nothing.
    Absent,
    /// Keys of other records, asked for their ids: the elements of this array, each by itself.
    Ids(&'a str),
    /// A value, as it is written.
    Raw(&'a str),
    /// It cannot be said.
    Unknown,
}

impl<'a> Record<'a> {
    /// Lists the members of an object. Of a name that comes twice the last counts. No rule is
    /// decided by what is no object, or one of too many members.
    #[must_use]
    pub fn parse(json: &'a Json) -> Self {
        let mut listed = Vec::new();
        let text = json.as_str();
        if !text.starts_with('{') {
            return Self::unknown();
        }
        for (name, value) in members(text) {
            // A name with half of a surrogate pair is none that a rule can write.
            let Some(name) = unquoted(name) else { continue };
            if listed.len() == RULE_RECORD_MEMBERS_MAX {
                return Self::unknown();
            }
            listed.push((name, value));
        }
        listed.sort_by(|(left, _), (right, _)| left.cmp(right));
        Self {
            members: Some(listed),
            hidden: Vec::new(),
        }
    }

    /// The same, of which was taken out what these names lead to.
    #[must_use]
    pub fn without(self, hidden: Vec<Arc<[Box<str>]>>) -> Self {
        Self { hidden, ..self }
    }

    fn unknown() -> Self {
        Self {
            members: None,
            hidden: Vec::new(),
        }
    }

    /// What stands at `path`.
    ///
    /// A text or a number may be the key of another record, of which only the id is known here:
    /// it is the key itself.
    pub(super) fn find(&self, path: &Path, steps: &mut u64) -> Stand<'_> {
        let Some(members) = &self.members else {
            return Stand::Unknown;
        };
        if self.hidden.iter().any(|hidden| path.meets(hidden)) {
            return Stand::Unknown;
        }
        let mut names = path.steps().peekable();
        let first = names.next().unwrap_or_default();
        let end = members.partition_point(|(name, _)| name.as_ref() <= first);
        let found = members.get(..end).and_then(<[_]>::last);
        let Some((_, found)) = found.filter(|(name, _)| name == first) else {
            return Stand::Absent;
        };
        let mut raw = *found;
        while let Some(name) = names.next() {
            *steps += raw.len() as u64;
            let asks_id = name == "id" && names.peek().is_none();
            let found = match raw.bytes().next() {
                Some(b'{') => member_named(raw, name),
                Some(b'[') => match name.parse::<usize>() {
                    Ok(place) => elements(raw).nth(place),
                    Err(_) if asks_id && elements(raw).all(is_key) => return Stand::Ids(raw),
                    Err(_) => return Stand::Unknown,
                },
                Some(b'n') => None,
                _ if asks_id && is_key(raw) => Some(raw),
                _ => return Stand::Unknown,
            };
            match found {
                Some(value) => raw = value,
                None => return Stand::Absent,
            }
        }
        *steps += raw.len() as u64;
        Stand::Raw(raw)
    }
}

/// Whether a value may be the key of a record: a text or a number.
fn is_key(raw: &str) -> bool {
    raw.starts_with(|first: char| matches!(first, '"' | '-' | '0'..='9'))
}

fn member_named<'a>(object: &'a str, name: &str) -> Option<&'a str> {
    let named = |(member, _): &(&str, &str)| unquoted(member).is_some_and(|member| member == name);
    members(object).filter(named).last().map(|(_, value)| value)
}

/// The value that a JSON text is; one of several is its text.
pub(super) fn value(raw: &str) -> Value<'_> {
    match raw.bytes().next() {
        Some(b'"') => unquoted(raw).map_or(Value::Unreadable, Value::Text),
        Some(b'-' | b'0'..=b'9') => Value::Number(Cow::Borrowed(raw)),
        Some(b'[' | b'{') => Value::Text(Cow::Borrowed(raw)),
        Some(b'f') => Value::Bool(false),
        Some(b't') => Value::Bool(true),
        _ => Value::Null,
    }
}

/// A string's text; none with half of a surrogate pair.
fn unquoted(raw: &str) -> Option<Cow<'_, str>> {
    let inner = raw.strip_prefix('"')?.strip_suffix('"')?;
    if inner.contains('\\') {
        serde_json::from_str(raw).ok().map(Cow::Owned)
    } else {
        Some(Cow::Borrowed(inner))
    }
}

/// The elements of an array, as they are written.
pub(super) fn elements(array: &str) -> impl Iterator<Item = &str> {
    let mut rest = inner(array);
    std::iter::from_fn(move || {
        let (value, after) = next_value(rest)?;
        rest = after.strip_prefix(',').unwrap_or(after);
        Some(value)
    })
}

/// The members of an object, as they are written.
fn members(object: &str) -> impl Iterator<Item = (&str, &str)> {
    let mut rest = inner(object);
    std::iter::from_fn(move || {
        let (name, after) = next_value(rest)?;
        let (value, after) = next_value(after.strip_prefix(':')?)?;
        rest = after.strip_prefix(',').unwrap_or(after);
        Some((name, value))
    })
}

/// What stands between the brackets.
fn inner(raw: &str) -> &str {
    let end = raw.len().saturating_sub(1);
    raw.get(1..end).unwrap_or_default()
}

/// The first value of `text`, which is compact JSON or the middle of it, and what comes after.
fn next_value(text: &str) -> Option<(&str, &str)> {
    let (mut depth, mut in_string, mut escaped) = (0_usize, false, false);
    for (at, byte) in text.bytes().enumerate() {
        if in_string {
            in_string = escaped || byte != b'"';
            escaped = !escaped && byte == b'\\';
            if !in_string && depth == 0 {
                return text.split_at_checked(at + 1);
            }
            continue;
        }
        match byte {
            b'"' => in_string = true,
            b'[' | b'{' => depth += 1,
            b']' | b'}' if depth == 1 => return text.split_at_checked(at + 1),
            b']' | b'}' => depth = depth.saturating_sub(1),
            b',' | b':' if depth == 0 => return text.split_at_checked(at),
            _ => {}
        }
    }
    (!text.is_empty()).then_some((text, ""))
}
