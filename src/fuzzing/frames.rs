//! Events to the frames of each dialect.
#![expect(
    clippy::panic,
    reason = "a promise that is broken is found by its panic"
)]

use std::sync::{Arc, LazyLock};

use jiff::Timestamp;
use serde_json::value::RawValue;

use crate::dialect::{Fields, plain, restdb};
use crate::event::{Cursor, Epoch, Event, Id, Json, Kind, Method};
use crate::sse::{self, FieldText, Frame};

/// What is told is read back as it was, and nothing in it can be taken for something else.
///
/// The parts are parted by NUL: a name, an id, and data.
pub(super) fn frames(data: &[u8]) {
    let mut parts = data.splitn(3, |byte| *byte == 0);
    let mut part = || String::from_utf8_lossy(parts.next().unwrap_or_default()).into_owned();
    let (name, id, data) = (part(), part(), part());
    let cursor = Cursor {
        epoch: Epoch::new(7),
        seq: 9,
    };
    let frame = Frame {
        id: Some(cursor),
        event: (!name.is_empty()).then(|| FieldText::replacing(&name)),
        data: Some(&data),
        ..Frame::default()
    };
    let read = one(&sse::encoded(&frame), cursor);
    let breaks = ['\r', '\n', '\0'];
    assert_eq!(read.0, name.replace(breaks, "\u{fffd}"));
    assert_eq!(read.1, data.replace("\r\n", "\n").replace('\r', "\n"));
    for kind in kinds(&name, &id, &data) {
        told(&Event {
            cursor,
            at: Timestamp::UNIX_EPOCH,
            kind,
        });
    }
}

/// The events that can be made of the parts.
fn kinds(name: &str, id: &str, data: &str) -> Vec<Kind> {
    let record = serde_json::from_str::<Box<RawValue>>(data).ok();
    let record = record.filter(|_| !Json::is_too_deep(data));
    let record = record.map(|raw| Json::compact(&raw));
    let mut all = Vec::new();
    if let Some(id) = Id::new(id) {
        for method in [Method::Delete, Method::Patch, Method::Post, Method::Put] {
            all.push(Kind::Write {
                method,
                collection: name.into(),
                ids: vec![id.clone()],
                record: record.clone(),
            });
        }
    }
    if let Some(data) = record {
        all.push(Kind::Custom {
            name: name.into(),
            data,
        });
    }
    all.push(Kind::Uncertain {
        method: Method::Put,
        collection: name.into(),
        id: Id::new(id),
    });
    all
}

/// Checks the frames of every dialect that tells it.
fn told(event: &Event) {
    let form = restdb::Form {
        patch: restdb::PatchEvent::Patch,
        fields: Fields::default(),
    };
    let (_name, data) = one(&restdb::encode(event, &form), event.cursor);
    assert!(
        serde_json::from_str::<Box<RawValue>>(&data).is_ok(),
        "{data}"
    );
    for options in PLAIN.iter() {
        let form = plain::Form {
            options: Arc::clone(options),
            fields: Fields::default(),
        };
        one(&plain::encode(event, &form), event.cursor);
    }
}

/// Streams of an operator's own, with each kind of data.
static PLAIN: LazyLock<Vec<Arc<plain::Options>>> = LazyLock::new(|| {
    let own = "'{\"a\":{action},\"b\":{record},\"c\":{id}}'";
    let streams = ["event", "record", "id", "cloudevents", own].map(|data| {
        format!(
            "{{ path: /{}, access: open, events: ['*:*', '*'], \
             name: '{{collection}}.{{event}}', data: {data} }}",
            data.len()
        )
    });
    let text = format!(
        "{{ listen: '127.0.0.1:1', upstream: 'http://127.0.0.1:2', \
         realtime: {{ streams: [ {} ] }} }}",
        streams.join(", ")
    );
    let snapshot = crate::config::parse("tidings.yaml", &text).expect("the configuration is sound");
    snapshot.realtime.streams.clone()
});

/// The name and the data of the one event in `bytes`, as a browser reads it (WHATWG HTML, "Interpreting
/// an event stream").
fn one(bytes: &[u8], cursor: Cursor) -> (String, String) {
    let text = std::str::from_utf8(bytes).expect("a stream is UTF-8");
    let (mut name, mut data, mut id) = (String::new(), Vec::new(), None);
    let mut dispatched = false;
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    for line in text.strip_suffix('\n').unwrap_or(&text).split('\n') {
        assert!(!dispatched, "something follows the event: {text:?}");
        if line.is_empty() {
            dispatched = true;
            continue;
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => value.clone_into(&mut name),
            "data" => data.push(value),
            "id" => id = Some(value.to_owned()),
            "retry" => assert!(value.bytes().all(|b| b.is_ascii_digit())),
            _ => panic!("no field of ours: {line:?}"),
        }
    }
    assert!(dispatched, "no end: {text:?}");
    assert_eq!(id, Some(cursor.to_string()));
    (name, data.join("\n"))
}
