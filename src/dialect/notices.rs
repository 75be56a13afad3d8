//! What is told of the stream itself, in the same words by every dialect.
//!
//! | event | data | what a client does |
//! | --- | --- | --- |
//! | `gap` | `{"event":"gap","reason":R,"collections":[...]}` | reads these again |
//! | `uncertain` | `{"event":"uncertain","collection":C,"method":M,"data":ID}` | reads it again |
//! | `close` | `{"event":"close","reason":"expired"}`, or `revoked` | comes back with another credential |

use std::collections::BTreeSet;

use bytes::Bytes;
use serde_json::Value;

use super::Close;
use crate::access::Grant;
use crate::event::{Cursor, Gap, Id, Method};
use crate::sse::{self, FieldText, Frame};
use crate::topic::TopicPattern;

/// Tells that a past was asked for which is gone, and which collections are to be read again.
pub(super) fn gap(at: Cursor, reason: Gap, grant: &Grant) -> Bytes {
    let collections: BTreeSet<&str> = grant
        .hear()
        .iter()
        .filter_map(|pattern| match pattern {
            TopicPattern::Custom(_) => None,
            TopicPattern::Write(_, collection) => Some(collection.as_deref().unwrap_or("*")),
        })
        .collect();
    let collections: Vec<String> = collections.into_iter().map(quoted).collect();
    sse::encoded(&Frame {
        id: Some(at),
        event: Some(FieldText::known("gap")),
        data: Some(&gap_data(reason, &collections.join(","))),
        ..Frame::default()
    })
}

pub(super) fn gap_data(reason: Gap, collections: &str) -> String {
    let reason = reason.reason();
    format!(r#"{{"event":"gap","reason":"{reason}","collections":[{collections}]}}"#)
}

pub(super) fn uncertain_data(method: Method, collection: &str, id: Option<&Id>) -> String {
    let id = id.map_or_else(|| "null".to_owned(), |id| quoted(id.as_str()));
    let collection = quoted(collection);
    format!(r#"{{"event":"uncertain","collection":{collection},"method":"{method}","data":{id}}}"#)
}

/// The last frame of a stream whose credential counts no longer. It has no id: a client that
/// comes back with another credential goes on from where it was.
pub(super) fn closed(close: Close) -> Bytes {
    let data = match close {
        Close::Expired => r#"{"event":"close","reason":"expired"}"#,
        Close::Revoked => r#"{"event":"close","reason":"revoked"}"#,
    };
    sse::encoded(&Frame {
        event: Some(FieldText::known("close")),
        data: Some(data),
        ..Frame::default()
    })
}

/// The text as a JSON string.
pub(super) fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}
