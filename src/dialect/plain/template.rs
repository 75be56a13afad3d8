//! Names and data as an operator composes them: text with `{words}` in it.
//!
//! | word | of a write | of a published event |
//! | --- | --- | --- |
//! | `{event}` | `post`, `put`, `patch` or `delete` | its name |
//! | `{action}` | `create`, `update` or `delete` | `publish` |
//! | `{method}` | `POST`, ... | nothing |
//! | `{collection}`, `{id}` | these; of several ids none | nothing |
//! | `{ids}`, `{record}` | these, in data alone | nothing |
//! | `{data}` | nothing, in data alone | what was published |
//! | `{time}` | when the log took it, in data alone | the same |
//!
//! In a line nothing is no text; in JSON it is `null`, and every word is a whole JSON value. What
//! is between other brackets is text, so that JSON objects can be written.

use std::borrow::Cow;

use serde::de::IgnoredAny;

/// A name on one line. Shape: `{collection}.{action}`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LineTemplate(Template);

/// JSON whatever its words stand for, on one line. Shape: `{"type":{action},"id":{id}}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JsonTemplate(Template);

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Template(Box<[Part]>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(Box<str>),
    Word(Word),
}

/// What a template asks of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Word {
    Action,
    Collection,
    Data,
    Event,
    Id,
    Ids,
    Method,
    Record,
    Time,
}

/// Why a text is no template.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotATemplate {
    /// The event's name has another word beside it.
    #[error(
        "has {{event}} and another word without text between them: a publish could be given the name of a write"
    )]
    Adjacent,
    /// A name holds a line break or the like.
    #[error("must not hold control characters")]
    Control,
    /// What comes of it would not always be JSON.
    #[error(
        "does not come to JSON: each {{word}} is a JSON value already, so it stands where one may, without quotes around it"
    )]
    NotJson,
    /// A word that data does not know.
    #[error(
        "has a {{word}} that is not known: expected {{action}}, {{collection}}, {{data}}, {{event}}, {{id}}, {{ids}}, {{method}}, {{record}} or {{time}}"
    )]
    UnknownInJson,
    /// A word that a name does not know.
    #[error(
        "has a {{word}} that is not known in a name: expected {{action}}, {{collection}}, {{event}}, {{id}} or {{method}}"
    )]
    UnknownInLine,
}

// === impl LineTemplate ===

impl LineTemplate {
    /// Reads a template; the empty text is one that comes to nothing.
    ///
    /// # Errors
    /// [`NotATemplate`]: for the operator to correct.
    pub fn new(text: &str) -> Result<Self, NotATemplate> {
        if text.chars().any(char::is_control) {
            return Err(NotATemplate::Control);
        }
        let template = Template::read(text).ok_or(NotATemplate::UnknownInLine)?;
        // A publish may have any name, and what it has none of is nothing: `postcompany` would be
        // the name of both.
        let adjacent = |pair: &[Part]| match pair {
            [Part::Word(left), Part::Word(right)] => [left, right].contains(&&Word::Event),
            _ => false,
        };
        if template.0.windows(2).any(adjacent) {
            return Err(NotATemplate::Adjacent);
        }
        if template.words().all(|word| IN_LINES.contains(&word)) {
            Ok(Self(template))
        } else {
            Err(NotATemplate::UnknownInLine)
        }
    }

    /// What it comes to of every event; none if that depends on the event.
    #[must_use]
    pub fn constant(&self) -> Option<String> {
        let is_constant = self.0.words().next().is_none();
        is_constant.then(|| self.0.filled(|_| Cow::Borrowed("")))
    }

    /// Whether it may come to nothing: it has no text, and no word that every event has.
    #[must_use]
    pub fn may_be_empty(&self) -> bool {
        self.0.0.iter().all(|part| match part {
            Part::Text(_) => false,
            Part::Word(word) => !EVERYWHERE.contains(word),
        })
    }

    pub(super) fn filled<'a>(&self, value: impl Fn(Word) -> Cow<'a, str>) -> String {
        self.0.filled(value)
    }
}

impl std::fmt::Display for LineTemplate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

// === impl JsonTemplate ===

impl JsonTemplate {
    /// Reads a template.
    ///
    /// # Errors
    /// [`NotATemplate`]: for the operator to correct.
    pub fn new(text: &str) -> Result<Self, NotATemplate> {
        // No JSON string holds a line break as it is: what is around one is between two values.
        let text: String = text.split(['\r', '\n']).map(str::trim).collect();
        let template = Template::read(&text).ok_or(NotATemplate::UnknownInJson)?;
        // Where a string and `null` can both stand, any value can: no word is within quotes, and
        // none is a key unless it is always a string.
        let strings = template.filled(|_| Cow::Borrowed("\"\""));
        let nulls = template.filled(|word| {
            Cow::Borrowed(if EVERYWHERE.contains(&word) {
                "\"\""
            } else {
                "null"
            })
        });
        let sound = |text: &str| serde_json::from_str::<IgnoredAny>(text).is_ok();
        if sound(&strings) && sound(&nulls) {
            Ok(Self(template))
        } else {
            Err(NotATemplate::NotJson)
        }
    }

    /// Whether a record is in it.
    #[must_use]
    pub fn has_record(&self) -> bool {
        self.0.words().any(|word| word == Word::Record)
    }

    /// `value` is the JSON text of a word.
    pub(super) fn filled<'a>(&self, value: impl Fn(Word) -> Cow<'a, str>) -> String {
        self.0.filled(value)
    }
}

impl std::fmt::Display for JsonTemplate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

// === impl Template ===

impl Template {
    /// None where a word is not known.
    fn read(text: &str) -> Option<Self> {
        let mut parts = Vec::new();
        let (mut begun, mut at) = (0, 0);
        let push_text = |parts: &mut Vec<Part>, text: &str| {
            if !text.is_empty() {
                parts.push(Part::Text(text.into()));
            }
        };
        while let Some(found) = text.get(at..).and_then(|rest| rest.find('{')) {
            let open = at + found;
            at = open + 1;
            let rest = text.get(at..).unwrap_or_default();
            let Some((name, _)) = rest.split_once('}').filter(|(name, _)| is_word(name)) else {
                continue;
            };
            let (_, word) = WORDS.iter().find(|(known, _)| *known == name)?;
            push_text(&mut parts, text.get(begun..open).unwrap_or_default());
            parts.push(Part::Word(*word));
            at += name.len() + 1;
            begun = at;
        }
        push_text(&mut parts, text.get(begun..).unwrap_or_default());
        Some(Self(parts.into()))
    }

    fn words(&self) -> impl Iterator<Item = Word> {
        self.0.iter().filter_map(|part| match part {
            Part::Text(_) => None,
            Part::Word(word) => Some(*word),
        })
    }

    fn filled<'a>(&self, value: impl Fn(Word) -> Cow<'a, str>) -> String {
        let mut filled = String::new();
        for part in &*self.0 {
            match part {
                Part::Text(text) => filled.push_str(text),
                Part::Word(word) => filled.push_str(&value(*word)),
            }
        }
        filled
    }
}

impl std::fmt::Display for Template {
    /// As it was written.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for part in &*self.0 {
            match part {
                Part::Text(text) => f.write_str(text)?,
                Part::Word(word) => {
                    let named = WORDS.iter().find(|(_, known)| known == word);
                    write!(f, "{{{}}}", named.map_or("", |(name, _)| name))?;
                }
            }
        }
        Ok(())
    }
}

/// Whether what stands between brackets is meant as a word: in JSON nothing like it can be.
fn is_word(text: &str) -> bool {
    let of_a_word = |b: u8| b.is_ascii_alphabetic() || b == b'_';
    !text.is_empty() && text.bytes().all(of_a_word)
}

const WORDS: &[(&str, Word)] = &[
    ("action", Word::Action),
    ("collection", Word::Collection),
    ("data", Word::Data),
    ("event", Word::Event),
    ("id", Word::Id),
    ("ids", Word::Ids),
    ("method", Word::Method),
    ("record", Word::Record),
    ("time", Word::Time),
];

/// Those that a name may be made of.
const IN_LINES: &[Word] = &[
    Word::Action,
    Word::Collection,
    Word::Event,
    Word::Id,
    Word::Method,
];

/// Those that every event has, as texts.
const EVERYWHERE: &[Word] = &[Word::Action, Word::Event, Word::Time];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_name_is_text_with_words_in_it_and_prints_as_it_is_written() {
        for text in [
            "",
            "change",
            "{collection}.{action}",
            "db:{event}",
            "{",
            "}{",
            "{}",
            "{ id }",
            "a{id",
            "{{id}}",
        ] {
            assert_eq!(LineTemplate::new(text).unwrap().to_string(), text);
        }
        let name = LineTemplate::new("{{id}.{collection}").unwrap();
        let filled = name.filled(|word| match word {
            Word::Id => "7".into(),
            _ => "posts".into(),
        });
        assert_eq!(filled, "{7.posts");
    }

    #[test]
    fn what_is_no_name_is_refused() {
        for (text, expected) in [
            ("{verb}", NotATemplate::UnknownInLine),
            ("{record}", NotATemplate::UnknownInLine),
            ("{time}", NotATemplate::UnknownInLine),
            ("{ID}", NotATemplate::UnknownInLine),
            ("{event}{collection}", NotATemplate::Adjacent),
            ("x.{method}{event}", NotATemplate::Adjacent),
            ("a\nb", NotATemplate::Control),
            ("a\0", NotATemplate::Control),
        ] {
            assert_eq!(LineTemplate::new(text), Err(expected), "{text}");
        }
    }

    #[test]
    fn a_name_that_may_come_to_nothing_is_known() {
        for (text, may) in [
            ("", true),
            ("{collection}{id}", true),
            ("{method}", true),
            ("{collection}.{event}", false),
            ("{action}", false),
            ("x{id}", false),
        ] {
            assert_eq!(
                LineTemplate::new(text).unwrap().may_be_empty(),
                may,
                "{text}"
            );
        }
        let constant = |text| LineTemplate::new(text).unwrap().constant();
        assert_eq!(constant("a").as_deref(), Some("a"));
        assert_eq!(constant("a{id}"), None);
    }

    #[test]
    fn data_comes_to_json_whatever_its_words_stand_for() {
        for text in [
            "{record}",
            r#"{"type":{action},"id":{id}}"#,
            r#" {"a":[{ids},{data},{time}], "b": {"c": {method}} } "#,
            r#"{{event}:{record}}"#,
            r#"{"changed":true}"#,
            "[]",
            "1",
            r#""{ id }""#,
        ] {
            assert!(JsonTemplate::new(text).is_ok(), "{text}");
        }
        for (text, expected) in [
            ("", NotATemplate::NotJson),
            ("record", NotATemplate::NotJson),
            (r#"{"id":"{id}"}"#, NotATemplate::NotJson),
            (r#"{"id":"x {record}"}"#, NotATemplate::NotJson),
            (r#"{{id}:1}"#, NotATemplate::NotJson),
            (r#"{{data}:1}"#, NotATemplate::NotJson),
            ("{id}{id}", NotATemplate::NotJson),
            ("1{id}", NotATemplate::NotJson),
            (r#"{"id":{id}"#, NotATemplate::NotJson),
            (r#"{"id":{Id}}"#, NotATemplate::UnknownInJson),
            (r#"{"id":{cursor}}"#, NotATemplate::UnknownInJson),
        ] {
            assert_eq!(JsonTemplate::new(text), Err(expected), "{text}");
        }
    }

    #[test]
    fn data_of_several_lines_goes_out_on_one() {
        let template = JsonTemplate::new("{\r\n  \"a b\": {id},\n\n  \"c\": [1,\n2]\n}\n").unwrap();
        assert_eq!(template.to_string(), r#"{"a b": {id},"c": [1,2]}"#);
    }

    proptest! {
        #[test]
        fn what_was_taken_for_json_is_json(
            pieces in prop::collection::vec(
                prop_oneof![
                    Just("{id}"), Just("{record}"), Just("{event}"), Just("{"), Just("}"), Just("["),
                    Just("]"), Just(":"), Just(","), Just("\""), Just("a"), Just("1"), Just("null"),
                ],
                0..9,
            ),
            value in prop_oneof![Just("null"), Just("\"x\""), Just("[1]"), Just("{\"a\":1.10}")],
        ) {
            if let Ok(template) = JsonTemplate::new(&pieces.concat()) {
                let filled = template.filled(|word| match word {
                    Word::Event => "\"put\"".into(),
                    _ => value.into(),
                });
                prop_assert!(serde_json::from_str::<IgnoredAny>(&filled).is_ok(), "{}", filled);
            }
        }

        #[test]
        fn any_text_is_a_template_or_refused(text in ".{0,40}") {
            if let Ok(template) = LineTemplate::new(&text) {
                prop_assert_eq!(template.to_string(), &*text);
            }
            drop(JsonTemplate::new(&text));
        }
    }
}
