//! Messages as PocketBase sends them: no space behind a colon.

use std::fmt::Write;

use bytes::Bytes;

use super::{Part, View};
use crate::dialect::Parts;
use crate::dialect::notices::{gap_data, quoted, uncertain_data};
use crate::event::{Cursor, Event, Gap, Id, Json, Kind, Method};
use crate::observe::json;
use serde_json::value::RawValue;

/// The first message of a stream: the SDK reads the client's id from the `id` of this one.
#[must_use]
pub fn connected(client_id: &str) -> Bytes {
    let data = format!(r#"{{"clientId":{}}}"#, quoted(client_id));
    message(client_id, "PB_CONNECT", &data).into()
}

/// The messages of an event, one for each of the subscriptions that it concerns.
#[must_use]
pub fn encode(event: &Event, view: &View, parts: &Parts) -> Bytes {
    let mut out = String::new();
    for place in parts.places() {
        let Some(part) = view.parts.get(usize::from(*place)) else {
            continue;
        };
        let id = event.cursor.to_string();
        match &event.kind {
            Kind::Custom { data, .. } => {
                out.push_str(&message(&id, part.subscription.text(), data.as_str()));
            }
            Kind::Gap => {}
            Kind::Left {
                collection, id: of, ..
            } if part.names(of) => {
                out.push_str(&written(&id, part, Method::Delete, collection, of, None));
            }
            Kind::Left { .. } => {}
            Kind::Uncertain {
                method,
                collection,
                id: of,
            } => {
                let data = uncertain_data(*method, collection, of.as_ref());
                out.push_str(&message(&id, "uncertain", &data));
            }
            Kind::Write {
                method,
                collection,
                ids,
                record,
            } => {
                for of in ids.iter().filter(|of| part.names(of)) {
                    let shown = record.as_ref().filter(|_| ids.len() == 1);
                    out.push_str(&written(&id, part, *method, collection, of, shown));
                }
            }
        }
    }
    out.into()
}

/// The message of a write to one record.
fn written(
    id: &str,
    part: &Part,
    method: Method,
    collection: &str,
    of: &Id,
    record: Option<&Json>,
) -> String {
    let record = shaped(collection, of, record);
    let record = part.fields.pick(&record);
    let action = action(method);
    let data = format!(r#"{{"record":{record},"action":"{action}"}}"#);
    message(id, part.subscription.text(), &data)
}

/// Tells that a past was asked for which is gone.
#[must_use]
pub fn gap(at: Cursor, reason: Gap) -> Bytes {
    message(&at.to_string(), "gap", &gap_data(reason, r#""*""#)).into()
}

/// The text of a subscription has one line, and so has JSON.
fn message(id: &str, event: &str, data: &str) -> String {
    format!("id:{id}\nevent:{event}\ndata:{data}\n\n")
}

fn action(method: Method) -> &'static str {
    match method {
        Method::Delete => "delete",
        Method::Patch | Method::Put => "update",
        Method::Post => "create",
    }
}

/// The record with what every record of PocketBase has: `id`, and the name of its collection.
fn shaped(collection: &str, id: &Id, record: Option<&Json>) -> Json {
    let record: Option<&RawValue> =
        record.and_then(|record| serde_json::from_str(record.as_str()).ok());
    let members = record.and_then(json::members).unwrap_or_default();
    let has = |name: &str| members.iter().any(|member| member.is(name));
    let mut text = String::from("{");
    for (name, value) in [
        ("id", id.as_str()),
        ("collectionId", collection),
        ("collectionName", collection),
    ] {
        if !has(name) {
            // Writing to a string does not fail.
            let _ = write!(text, "{}:{},", quoted(name), quoted(value));
        }
    }
    for member in &members {
        text.push_str(member.name.get());
        text.push(':');
        text.push_str(member.value.get());
        text.push(',');
    }
    text.truncate(text.len() - 1);
    text.push('}');
    Json::composed(text)
}

impl Part {
    /// Whether a record with this id is of those that it names.
    fn names(&self, id: &Id) -> bool {
        match self.subscription.of_collection() {
            super::Of::All(_) => true,
            super::Of::One(_, one) => id.as_str() == one,
        }
    }
}
