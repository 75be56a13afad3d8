//! An event as a stream of the operator's own tells it: in words, and as JSON.

use std::borrow::Cow;

use jiff::Timestamp;

use super::template::Word;
use crate::dialect::Fields;
use crate::dialect::notices::quoted;
use crate::event::{Event, Id, Json, Kind, Method};

/// A write or a published event.
#[derive(Clone, Copy)]
pub(super) struct Told<'a> {
    at: Timestamp,
    what: What<'a>,
    /// What of a record is told.
    fields: &'a Fields,
}

#[derive(Clone, Copy)]
enum What<'a> {
    Custom {
        name: &'a str,
        data: &'a Json,
    },
    Write {
        method: Method,
        collection: &'a str,
        ids: &'a [Id],
        record: Option<&'a Json>,
    },
}

impl<'a> Told<'a> {
    /// None of what is told by other words: a gap, or a write that is not certain.
    pub(super) fn of(event: &'a Event, fields: &'a Fields) -> Option<Self> {
        let what = match &event.kind {
            Kind::Custom { name, data } => What::Custom { name, data },
            Kind::Gap | Kind::Uncertain { .. } => return None,
            Kind::Left { collection, id, .. } => What::Write {
                method: Method::Delete,
                collection,
                ids: std::slice::from_ref(id),
                record: None,
            },
            Kind::Write {
                method,
                collection,
                ids,
                record,
            } => What::Write {
                method: *method,
                collection,
                ids,
                record: record.as_ref(),
            },
        };
        Some(Self {
            at: event.at,
            what,
            fields,
        })
    }

    /// What a word stands for on a line.
    pub(super) fn text(&self, word: Word) -> Cow<'a, str> {
        Cow::Borrowed(match word {
            Word::Action => self.action(),
            Word::Collection => self.collection().unwrap_or(""),
            Word::Event => self.event(),
            Word::Id => self.id().map_or("", Id::as_str),
            Word::Method => self.method().map_or("", Method::as_str),
            // No line is made of these.
            Word::Data | Word::Ids | Word::Record | Word::Time => "",
        })
    }

    /// What a word stands for in JSON.
    pub(super) fn json(&self, word: Word) -> Cow<'a, str> {
        let string = |text: Option<&str>| match text {
            Some(text) => Cow::Owned(quoted(text)),
            None => Cow::Borrowed("null"),
        };
        match word {
            Word::Action => string(Some(self.action())),
            Word::Collection => string(self.collection()),
            Word::Data => match self.what {
                What::Custom { data, .. } => Cow::Borrowed(data.as_str()),
                What::Write { .. } => Cow::Borrowed("null"),
            },
            Word::Event => string(Some(self.event())),
            Word::Id => string(self.id().map(Id::as_str)),
            Word::Ids => match self.what {
                What::Custom { .. } => Cow::Borrowed("null"),
                What::Write { ids, .. } => {
                    let ids = ids.iter().map(|id| quoted(id.as_str()));
                    Cow::Owned(format!("[{}]", Vec::from_iter(ids).join(",")))
                }
            },
            Word::Method => string(self.method().map(Method::as_str)),
            Word::Record => self.record().unwrap_or(Cow::Borrowed("null")),
            Word::Time => Cow::Owned(format!("\"{:.3}\"", self.at)),
        }
    }

    /// All of it, as a JSON object.
    pub(super) fn whole(&self) -> String {
        let json = |word| self.json(word);
        match self.what {
            What::Custom { .. } => format!(
                r#"{{"event":{},"data":{},"time":{}}}"#,
                json(Word::Event),
                json(Word::Data),
                json(Word::Time)
            ),
            What::Write { .. } => format!(
                r#"{{"event":{},"collection":{},"ids":{},"record":{},"time":{}}}"#,
                json(Word::Event),
                json(Word::Collection),
                json(Word::Ids),
                json(Word::Record),
                json(Word::Time)
            ),
        }
    }

    /// The record, as much of it as is asked for.
    pub(super) fn record(&self) -> Option<Cow<'a, str>> {
        match self.what {
            What::Custom { .. } => None,
            What::Write { record, .. } => Some(self.fields.pick(record?)),
        }
    }

    /// The ids, each on a line.
    pub(super) fn id_lines(&self) -> String {
        match self.what {
            What::Custom { .. } => String::new(),
            What::Write { ids, .. } => Vec::from_iter(ids.iter().map(Id::as_str)).join("\n"),
        }
    }

    /// The record's id; none where there are several.
    pub(super) fn id(&self) -> Option<&'a Id> {
        match self.what {
            What::Write { ids: [id], .. } => Some(id),
            What::Custom { .. } | What::Write { .. } => None,
        }
    }

    pub(super) fn collection(&self) -> Option<&'a str> {
        match self.what {
            What::Custom { .. } => None,
            What::Write { collection, .. } => Some(collection),
        }
    }

    pub(super) fn event(&self) -> &'a str {
        match self.what {
            What::Custom { name, .. } => name,
            What::Write { method, .. } => match method {
                Method::Delete => "delete",
                Method::Patch => "patch",
                Method::Post => "post",
                Method::Put => "put",
            },
        }
    }

    /// Never one of a write's for what was published, whatever its name is.
    fn action(&self) -> &'static str {
        match self.method() {
            None => "publish",
            Some(Method::Delete) => "delete",
            Some(Method::Patch | Method::Put) => "update",
            Some(Method::Post) => "create",
        }
    }

    fn method(&self) -> Option<Method> {
        match self.what {
            What::Custom { .. } => None,
            What::Write { method, .. } => Some(method),
        }
    }
}
