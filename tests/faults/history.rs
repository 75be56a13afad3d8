//! What was done and heard, as it happened: what the checker judges.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;
use serde_json::Value;

use crate::harness::Frame;

/// All of it.
#[derive(Clone, Debug, Default)]
pub(crate) struct History {
    pub(crate) writes: Vec<Write>,
    /// What the upstream says it did, by token.
    pub(crate) journal: BTreeMap<String, Deed>,
    pub(crate) listeners: Vec<Vec<Hearing>>,
    /// The moments after which the sidecar was gone, in order.
    pub(crate) kills: Vec<u64>,
}

/// A write as its writer saw it. Its token is its id too, so that no two are alike.
#[derive(Clone, Debug)]
pub(crate) struct Write {
    pub(crate) token: String,
    pub(crate) method: &'static str,
    pub(crate) collection: String,
    /// Whether the upstream was asked for an answer of which all can be known.
    pub(crate) sound: bool,
    /// The moment before its first byte was sent.
    pub(crate) sent: u64,
    /// The moment after the last byte of its answer was read, or its writer gave up.
    pub(crate) ended: Option<u64>,
    pub(crate) outcome: Outcome,
}

/// What the writer was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// A whole answer that says success.
    Acknowledged,
    /// A whole answer that says that it failed, 5xx.
    Failed,
    /// The answer to something else.
    Foreign,
    /// A whole answer that says that it was refused, 4xx.
    Refused,
    /// No whole answer, up to now.
    Unknown,
}

/// What the upstream did with a write.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Deed {
    /// How often its head came.
    pub(crate) seen: u32,
    /// How often it was committed.
    pub(crate) executed: u32,
    /// Whether it was refused.
    pub(crate) refused: bool,
}

/// What was heard on one connection.
#[derive(Clone, Debug, Default)]
pub(crate) struct Hearing {
    /// The id that it resumed from.
    pub(crate) after: Option<String>,
    pub(crate) heard: Vec<Heard>,
}

#[derive(Clone, Debug)]
pub(crate) struct Heard {
    pub(crate) at: u64,
    pub(crate) id: String,
    pub(crate) raw: String,
    pub(crate) what: What,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum What {
    /// A part of the past is gone.
    Gap {
        reason: String,
        collections: Vec<String>,
    },
    /// A custom event.
    Published(String),
    /// The outcome of a write is not known.
    Uncertain {
        method: String,
        collection: String,
        id: Option<String>,
    },
    /// A write: the event's name, the collection and the record's id.
    Written {
        event: String,
        collection: String,
        id: String,
    },
}

/// Keeps a history while it happens; its clones keep the same one.
#[derive(Clone, Default)]
pub(crate) struct Recorder(Arc<Mutex<Record>>);

#[derive(Default)]
struct Record {
    now: u64,
    /// Writes that were acknowledged or refused so far.
    answered: usize,
    /// What is done as soon as there are so many of those.
    then: Option<(usize, Box<dyn FnOnce() + Send>)>,
    history: History,
}

impl Recorder {
    /// A write is about to be sent; its number.
    pub(crate) fn sends(
        &self,
        token: &str,
        method: &'static str,
        collection: &str,
        sound: bool,
    ) -> usize {
        let mut record = self.0.lock();
        let sent = record.tick();
        record.history.writes.push(Write {
            token: token.to_owned(),
            method,
            collection: collection.to_owned(),
            sound,
            sent,
            ended: None,
            outcome: Outcome::Unknown,
        });
        record.history.writes.len() - 1
    }

    /// The write of that number came to its end for its writer.
    pub(crate) fn ends(&self, number: usize, outcome: Outcome) {
        let mut record = self.0.lock();
        let ended = record.tick();
        let write = &mut record.history.writes[number];
        (write.ended, write.outcome) = (Some(ended), outcome);
        if matches!(outcome, Outcome::Acknowledged | Outcome::Refused) {
            record.answered += 1;
        }
        let answered = record.answered;
        if let Some((_, then)) = record.then.take_if(|(at, _)| *at <= answered) {
            then();
        }
    }

    /// Does this as soon as so many more writes are acknowledged or refused, before anything
    /// else happens.
    pub(crate) fn after(&self, more: usize, then: impl FnOnce() + Send + 'static) {
        let mut record = self.0.lock();
        record.then = Some((record.answered + more, Box::new(then)));
    }

    /// Somebody is about to listen; their number.
    pub(crate) fn listens(&self) -> usize {
        let mut record = self.0.lock();
        record.history.listeners.push(Vec::new());
        record.history.listeners.len() - 1
    }

    /// That listener has a stream, from after the event of that id.
    pub(crate) fn opens(&self, listener: usize, after: Option<String>) {
        let mut record = self.0.lock();
        record.history.listeners[listener].push(Hearing {
            after,
            heard: Vec::new(),
        });
    }

    /// That listener heard this on the stream that was opened last.
    pub(crate) fn hears(&self, listener: usize, frame: &Frame) {
        let mut record = self.0.lock();
        let at = record.tick();
        let hearing = record.history.listeners[listener].last_mut().unwrap();
        hearing.heard.push(Heard {
            at,
            id: frame.id().to_owned(),
            raw: frame.raw.clone(),
            what: What::of(frame),
        });
    }

    /// The sidecar was killed and is gone.
    pub(crate) fn killed(&self) {
        let mut record = self.0.lock();
        let at = record.tick();
        record.history.kills.push(at);
    }

    /// All up to now, with the upstream's journal.
    pub(crate) fn history(&self, journal: BTreeMap<String, Deed>) -> History {
        History {
            journal,
            ..self.0.lock().history.clone()
        }
    }
}

impl Record {
    fn tick(&mut self) -> u64 {
        self.now += 1;
        self.now
    }
}

impl What {
    fn of(frame: &Frame) -> Self {
        let json = frame.json();
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let field = |name: &str| text(&json[name]).unwrap_or_else(|| panic!("{name}: {json}"));
        match frame.event() {
            "gap" => {
                let names = json["collections"].as_array().unwrap();
                Self::Gap {
                    reason: field("reason"),
                    collections: names.iter().filter_map(text).collect(),
                }
            }
            "uncertain" => Self::Uncertain {
                method: field("method"),
                collection: field("collection"),
                id: text(&json["data"]),
            },
            event @ ("post" | "put" | "patch" | "delete") => {
                let data = &json["data"];
                let id = match data {
                    Value::Array(ids) if ids.len() == 1 => &ids[0],
                    Value::Object(record) => &record["id"],
                    other => other,
                };
                Self::Written {
                    event: event.to_owned(),
                    collection: field("collection"),
                    id: text(id).unwrap_or_else(|| panic!("no id: {json}")),
                }
            }
            _ => Self::Published(field("event")),
        }
    }
}
