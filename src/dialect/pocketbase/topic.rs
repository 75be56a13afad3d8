//! What a client subscribes to: `posts/*`, `posts/RECORD_ID?options={...}`, `GOAL`.
//!
//! | written | what it hears |
//! | --- | --- |
//! | `COLLECTION`, `COLLECTION/*` | writes to the collection, as its `list` rule says |
//! | `COLLECTION/ID` | writes to that record, as its `view` rule says |
//! | anything | the custom event of that name |
//!
//! Options are JSON in a query, percent-encoded or not: `{"query": {...}, "headers": {...}}`. What
//! is malformed there is passed over; values become texts, names of headers `snake_case`.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::limits::POCKETBASE_TOPIC_BYTES_MAX;
use crate::sse::FieldText;

/// One subscription of a client.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Subscription {
    /// As the client wrote it: the name under which it hears.
    text: Box<str>,
    /// Of `text`, how long what comes before the options is.
    topic_bytes: usize,
    /// `options.query`.
    query: BTreeMap<Box<str>, Box<str>>,
    /// `options.headers`.
    headers: BTreeMap<Box<str>, Box<str>>,
}

/// What a topic names of a collection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Of<'a> {
    /// Each record: `posts/*`.
    All(&'a str),
    /// One record: `posts/RECORD_ID`.
    One(&'a str, &'a str),
}

/// Why a text is no subscription.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotASubscription {
    /// It would break a line of the stream.
    #[error("Must be on one line.")]
    Line,
    /// It is longer than may be.
    #[error("The length must be no more than {POCKETBASE_TOPIC_BYTES_MAX}.")]
    TooLong,
}

impl Subscription {
    /// Reads a subscription as a client submits it.
    ///
    /// # Errors
    /// [`NotASubscription`]: for the client to correct.
    pub fn new(text: &str) -> Result<Self, NotASubscription> {
        if text.len() > POCKETBASE_TOPIC_BYTES_MAX {
            return Err(NotASubscription::TooLong);
        }
        if FieldText::replacing(text).as_str() != text {
            return Err(NotASubscription::Line);
        }
        let (topic, query) = text.split_once('?').unwrap_or((text, ""));
        let options = options(query);
        let part = |name: &str| options.get(name).and_then(Value::as_object);
        let texts = |part: Option<&Map<String, Value>>, named: fn(&str) -> String| {
            let members = part.into_iter().flatten();
            let texts = members.map(|(name, value)| (named(name).into(), text_of(value).into()));
            texts.collect()
        };
        Ok(Self {
            topic_bytes: topic.len(),
            query: texts(part("query"), str::to_owned),
            headers: texts(part("headers"), snake_case),
            text: text.into(),
        })
    }

    /// As the client wrote it.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The topic without its options.
    #[must_use]
    pub fn topic(&self) -> &str {
        self.text.get(..self.topic_bytes).unwrap_or_default()
    }

    /// What it names of a collection; a name without a slash is an old form of all of it.
    #[must_use]
    pub fn of_collection(&self) -> Of<'_> {
        match self.topic().rsplit_once('/') {
            None => Of::All(self.topic()),
            Some((collection, "*")) => Of::All(collection),
            Some((collection, id)) => Of::One(collection, id),
        }
    }

    /// A parameter of the query that the client would have sent with a request.
    #[must_use]
    pub fn query(&self, name: &str) -> Option<&str> {
        self.query.get(name).map(|value| &**value)
    }

    /// All of them.
    pub fn queries(&self) -> impl Iterator<Item = (&str, &str)> {
        self.query.iter().map(|(name, value)| (&**name, &**value))
    }

    /// The fields that the client would have sent with a request, their names in `snake_case`.
    pub fn headers(&self) -> impl Iterator<Item = (&str, &str)> {
        self.headers.iter().map(|(name, value)| (&**name, &**value))
    }
}

/// The options in a query; none that can be read are none.
fn options(query: &str) -> Map<String, Value> {
    let object = |text: &str| serde_json::from_str::<Map<String, Value>>(text).ok();
    let decoded = form_urlencoded::parse(query.as_bytes())
        .find(|(name, _)| name == "options")
        .and_then(|(_, value)| object(&value));
    // Written raw, a `&` or a `+` within it is its own.
    let raw = || query.strip_prefix("options=").and_then(object);
    decoded.or_else(raw).unwrap_or_default()
}

/// A value as the text that it would be in a query.
fn text_of(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

/// Shape: `x_token` for `X-Token`.
fn snake_case(name: &str) -> String {
    let mut snake = String::with_capacity(name.len());
    let mut before = None;
    for c in name.chars() {
        match c {
            c if !c.is_alphanumeric() => {
                if !snake.is_empty() && !snake.ends_with('_') {
                    snake.push('_');
                }
            }
            c => {
                let begins = c.is_uppercase() && before.is_some_and(char::is_lowercase);
                if begins && !snake.ends_with('_') {
                    snake.push('_');
                }
                snake.extend(c.to_lowercase());
            }
        }
        before = Some(c);
    }
    snake.truncate(snake.trim_end_matches('_').len());
    snake
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Subscription {
        Subscription::new(text).unwrap()
    }

    #[test]
    fn a_topic_names_a_collection_or_one_record_of_it() {
        for (text, of) in [
            ("posts", Of::All("posts")),
            ("posts/*", Of::All("posts")),
            ("posts/r1", Of::One("posts", "r1")),
            ("posts/*?options={}", Of::All("posts")),
            ("posts/r1?x", Of::One("posts", "r1")),
            ("a/b/c", Of::One("a/b", "c")),
            ("", Of::All("")),
        ] {
            assert_eq!(read(text).of_collection(), of, "{text}");
            assert_eq!(read(text).text(), text);
        }
    }

    #[test]
    fn options_are_read_encoded_or_raw_and_passed_over_if_malformed() {
        let encoded = "posts/*?options=%7B%22query%22%3A%7B%22filter%22%3A%22a%20%3D%20'b%26c'%22%2C%22n%22%3A1%7D%2C%22headers%22%3A%7B%22X-Token%22%3A%22t%22%7D%7D";
        let raw =
            r#"posts/*?options={"query":{"filter":"a = 'b&c'","n":1},"headers":{"X-Token":"t"}}"#;
        for text in [encoded, raw] {
            let read = read(text);
            assert_eq!(read.topic(), "posts/*");
            assert_eq!(read.query("filter"), Some("a = 'b&c'"));
            assert_eq!(read.query("n"), Some("1"));
            assert_eq!(Vec::from_iter(read.headers()), [("x_token", "t")]);
        }
        for text in [
            "posts?options=",
            "posts?options={",
            "posts?options=[]",
            r#"posts?options={"query":7,"headers":null}"#,
            "posts?other={}",
        ] {
            let read = read(text);
            assert_eq!((read.queries().count(), read.headers().count()), (0, 0));
            assert_eq!(read.topic(), "posts");
        }
    }

    #[test]
    fn names_of_headers_become_snake_case() {
        for (name, snake) in [
            ("X-Token", "x_token"),
            ("xToken", "x_token"),
            ("X_TOKEN", "x_token"),
            ("--a--", "a"),
            ("ÄB", "äb"),
        ] {
            assert_eq!(snake_case(name), snake);
        }
    }

    #[test]
    fn what_would_break_a_line_or_is_too_long_is_refused() {
        for text in ["a\nb", "a\rb", "a\0b"] {
            assert_eq!(Subscription::new(text), Err(NotASubscription::Line));
        }
        let long = "a".repeat(POCKETBASE_TOPIC_BYTES_MAX);
        assert!(Subscription::new(&long).is_ok());
        let longer = Subscription::new(&format!("{long}a"));
        assert_eq!(longer, Err(NotASubscription::TooLong));
    }
}
