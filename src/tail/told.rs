//! What a frame tells, in whichever dialect.
//!
//! | dialect | it is known by |
//! | --- | --- |
//! | a CloudEvent | `specversion` |
//! | PocketBase's | `action` and `record` |
//! | RestDB's, and `event` of a stream of an operator's own | `event` |
//! | names and data of an operator's own | anything else: what the name says, and the data |

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::Value;
use serde_json::value::RawValue;

use super::parse::Frame;
use crate::event::Json;

/// What a frame tells.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Told {
    pub(super) kind: Kind,
    /// What the server calls it: `post`, `GOAL`.
    pub(super) name: String,
    pub(super) collection: Option<String>,
    pub(super) ids: Vec<String>,
    /// The record, or what was published; in one line if it is JSON.
    pub(super) data: String,
    pub(super) time: Option<Timestamp>,
}

/// What has happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// The credential counts no longer.
    Close,
    Create,
    Delete,
    /// A part of the past is gone.
    Gap,
    /// The name does not say.
    Other,
    Publish,
    /// What became of a write is not known.
    Uncertain,
    Update,
}

impl Kind {
    /// The word for it; empty where there is none but the event's own name.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Close => "close",
            Self::Create => "create",
            Self::Delete => "delete",
            Self::Gap => "gap",
            Self::Other => "",
            Self::Publish => "publish",
            Self::Uncertain => "uncertain",
            Self::Update => "update",
        }
    }

    /// Whether it is an event, and not one about the stream.
    pub(super) fn counts(self) -> bool {
        !matches!(self, Self::Close | Self::Gap)
    }

    /// What a write of that method or action is.
    fn of_write(word: &str) -> Option<Self> {
        match word {
            "create" | "post" => Some(Self::Create),
            "delete" => Some(Self::Delete),
            "patch" | "put" | "update" => Some(Self::Update),
            _ => None,
        }
    }
}

/// The members of a JSON object.
#[derive(Debug, Default)]
struct Members<'a>(BTreeMap<String, &'a RawValue>);

impl Told {
    /// What `frame` tells; nothing if it is a ping, the stream's beginning or a place alone, unless
    /// `asked` has its name.
    pub(super) fn of(frame: &Frame, asked: &[String]) -> Option<Self> {
        let data = frame.data.as_deref()?;
        let members = Members::of(data);
        let is_beat = matches!(&*frame.event, "ping" | "heartbeat");
        let is_beginning = members.text("channel").as_deref() == Some("init");
        if (is_beat || is_beginning) && !asked.contains(&frame.event.to_lowercase()) {
            return None;
        }
        let mut told = members
            .cloud_event()
            .or_else(|| members.pocketbase(&frame.event))
            .or_else(|| members.event(&frame.event))
            .unwrap_or_else(|| other(frame, data, &members));
        let time = members.text("time");
        told.time = time.and_then(|time| time.parse().ok());
        Some(told)
    }
}

impl<'a> Members<'a> {
    fn of(data: &'a str) -> Self {
        Self(serde_json::from_str(data).unwrap_or_default())
    }

    fn json(&self, name: &str) -> Option<&'a RawValue> {
        let value = self.0.get(name).copied();
        value.filter(|value| value.get() != "null")
    }

    /// A member as text: the number 7 is `7`.
    fn text(&self, name: &str) -> Option<String> {
        self.json(name).and_then(text)
    }

    fn id(&self) -> Vec<String> {
        let id = self.text("id").or_else(|| self.text("_id"));
        id.into_iter().collect()
    }

    fn cloud_event(&self) -> Option<Told> {
        self.json("specversion")?;
        let name = self.text("type")?;
        let subject = self.text("subject").unwrap_or_default();
        let last = name.rsplit('.').next().unwrap_or_default();
        let Some(kind) = Kind::of_write(last) else {
            return Some(Told {
                kind: Kind::Publish,
                name: subject,
                ..Told::new(self.json("data"))
            });
        };
        let (collection, id) = subject.split_once('/').unwrap_or((&subject, ""));
        let data = self.json("data");
        let ids = data.and_then(|data| Members::of(data.get()).texts("ids"));
        let own = || {
            (!id.is_empty())
                .then(|| id.to_owned())
                .into_iter()
                .collect()
        };
        Some(Told {
            kind,
            collection: Some(collection.to_owned()),
            ids: ids.unwrap_or_else(own),
            name,
            ..Told::new(data)
        })
    }

    fn pocketbase(&self, topic: &str) -> Option<Told> {
        let kind = Kind::of_write(&self.text("action")?)?;
        let json = self.json("record")?;
        let record = Members::of(json.get());
        let topic = topic.split(['/', '?']).next().unwrap_or_default();
        let collection = record.text("collectionName");
        Some(Told {
            kind,
            name: kind.word().to_owned(),
            collection: Some(collection.unwrap_or_else(|| topic.to_owned())),
            ids: record.id(),
            ..Told::new(Some(json))
        })
    }

    fn event(&self, frame_name: &str) -> Option<Told> {
        let name = self.text("event")?;
        let collection = self.text("collection");
        let told = match (&*name, Kind::of_write(&name)) {
            ("gap", _) if frame_name == name => Told {
                kind: Kind::Gap,
                data: self.gap(),
                ..Told::new(None)
            },
            ("close", _) if frame_name == name => Told {
                kind: Kind::Close,
                data: self.text("reason").unwrap_or_default(),
                ..Told::new(None)
            },
            ("uncertain", _) if frame_name == name => Told {
                kind: Kind::Uncertain,
                ids: self.text("data").into_iter().collect(),
                data: format!("{}, read again", self.text("method").unwrap_or_default()),
                ..Told::new(None)
            },
            (_, Some(kind)) if frame_name != "publish" && collection.is_some() => self.write(kind),
            _ => Told {
                kind: Kind::Publish,
                ..Told::new(self.json("data"))
            },
        };
        Some(Told {
            name,
            collection,
            ..told
        })
    }

    /// Of a write the record is `record` or, in RestDB's words, the `data` of a POST; its ids are
    /// `ids`, or else that data.
    fn write(&self, kind: Kind) -> Told {
        let data = self.json("data");
        let record = self
            .json("record")
            .or_else(|| data.filter(|_| kind == Kind::Create));
        let of_record = || record.map(|record| Members::of(record.get()).id());
        let of_data = || {
            self.texts("data")
                .or_else(|| self.text("data").map(|id| vec![id]))
        };
        let ids = self.texts("ids").or_else(|| match kind {
            Kind::Create => of_record(),
            _ => of_data(),
        });
        Told {
            kind,
            ids: ids.unwrap_or_default(),
            ..Told::new(record)
        }
    }

    fn texts(&self, name: &str) -> Option<Vec<String>> {
        let list: Vec<&RawValue> = serde_json::from_str(self.json(name)?.get()).ok()?;
        Some(list.into_iter().filter_map(text).collect())
    }

    fn gap(&self) -> String {
        let reason = self.text("reason").unwrap_or_default();
        let collections = self.texts("collections").unwrap_or_default();
        match &*collections {
            [] => reason,
            [all] if all == "*" => format!("{reason}: read everything again"),
            collections => format!("{reason}: read again {}", collections.join(", ")),
        }
    }
}

impl Told {
    /// Of something, with nothing but its data said.
    fn new(data: Option<&RawValue>) -> Self {
        Self {
            kind: Kind::Other,
            name: String::new(),
            collection: None,
            ids: Vec::new(),
            data: data.map_or_else(String::new, |data| Json::compact(data).as_str().to_owned()),
            time: None,
        }
    }
}

/// `company.create` is a kind and a collection; any other name says what it says.
fn other(frame: &Frame, data: &str, members: &Members<'_>) -> Told {
    let (collection, last) = match frame.event.rsplit_once(['.', ':', '/']) {
        Some((collection, last)) => (Some(collection.to_owned()), last),
        None => (None, &*frame.event),
    };
    let kind = Kind::of_write(&last.to_lowercase());
    let raw: Option<&RawValue> = serde_json::from_str(data).ok();
    let mut told = Told::new(raw);
    if raw.is_none() {
        data.clone_into(&mut told.data);
    }
    Told {
        kind: kind.unwrap_or(Kind::Other),
        name: frame.event.clone(),
        collection: collection.filter(|_| kind.is_some()),
        ids: if kind.is_some() {
            members.id()
        } else {
            Vec::new()
        },
        ..told
    }
}

fn text(raw: &RawValue) -> Option<String> {
    match serde_json::from_str(raw.get()) {
        Ok(Value::String(text)) => Some(text),
        Ok(Value::Number(_) | Value::Bool(_)) => Some(raw.get().to_owned()),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
