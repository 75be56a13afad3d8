//! Events to RestDB's frames.

use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;

use super::{Options, PatchEvent};
use crate::access::Grant;
use crate::dialect::notices::{gap, gap_data, quoted, uncertain_data};
use crate::dialect::{Fields, Opening};
use crate::event::{Cursor, Event, Gap, Id, Json, Kind, Method};
use crate::sse::{self, FieldText, Frame};

/// How a subscriber asked to see events.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct View {
    /// As what it is told a PATCH.
    pub patch: Patch,
    /// What of a record it is told.
    pub fields: Fields,
}

/// As what a subscriber is told a PATCH.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Patch {
    /// As the configuration says.
    Configured,
    /// As `patch`: `?patch=patch`.
    Patch,
}

/// How events look under the configuration in force: the same bytes to all of one form.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Form {
    /// As what a PATCH is told.
    pub patch: PatchEvent,
    /// What of a record is told.
    pub fields: Fields,
}

impl View {
    /// What the view is under these options.
    #[must_use]
    pub fn form(&self, options: &Options) -> Form {
        let patch = match self.patch {
            Patch::Configured => options.patch,
            Patch::Patch => PatchEvent::Patch,
        };
        Form {
            patch,
            fields: self.fields.clone(),
        }
    }
}

/// The frame of `event`; it is the same for every subscriber of that form.
#[must_use]
pub fn encode(event: &Event, form: &Form) -> Bytes {
    let (name, data) = match &event.kind {
        Kind::Custom { name, data } => (
            "publish",
            format!(r#"{{"event":{},"data":{}}}"#, quoted(name), data.as_str()),
        ),
        // Where it is told by the grant it is [`gap`].
        Kind::Gap => ("gap", gap_data(Gap::Lost, r#""*""#)),
        Kind::Uncertain {
            method,
            collection,
            id,
        } => (
            "uncertain",
            uncertain_data(*method, collection, id.as_ref()),
        ),
        Kind::Left { collection, id, .. } => {
            let ids = std::slice::from_ref(id);
            written(Method::Delete, collection, ids, None, form)
        }
        Kind::Write {
            method,
            collection,
            ids,
            record,
        } => written(*method, collection, ids, record.as_ref(), form),
    };
    sse::encoded(&Frame {
        id: Some(event.cursor),
        event: Some(FieldText::known(name)),
        data: Some(&data),
        retry: Some(RETRY_AFTER_EVENT),
    })
}

/// The name and the data of a write.
fn written(
    method: Method,
    collection: &str,
    ids: &[Id],
    record: Option<&Json>,
    form: &Form,
) -> (&'static str, String) {
    let name = write_name(method, form.patch);
    let collection = quoted(collection);
    let data = write_data(method, ids, record, &form.fields);
    let data = format!(r#"{{"event":"{name}","collection":{collection},"data":{data}}}"#);
    (name, data)
}

/// The first bytes of a stream: padding, `retry`, `init`, one ping, and the gap if there is one.
///
/// `init` and the ping carry the cursor at which the stream begins, so a client that is cut
/// before its first event resumes from there. Not before a gap: a client that was cut in
/// between would never hear of it.
#[must_use]
pub fn opening(opening: Opening, grant: &Grant, again: Duration, now: Timestamp) -> Bytes {
    let id = match opening {
        Opening::AfterGap(..) => None,
        Opening::At(cursor) => Some(cursor),
    };
    let mut out = Vec::with_capacity(512);
    out.push(b':');
    out.resize(1 + PADDING_BYTES, b' ');
    out.push(b'\n');
    out.extend_from_slice(&sse::retry(again));
    Frame {
        id,
        data: Some(r#"{"channel":"init","data":{}}"#),
        ..Frame::default()
    }
    .encode(&mut out);
    out.extend_from_slice(&ping(id, now));
    if let Opening::AfterGap(cursor, reason) = opening {
        out.extend_from_slice(&gap(cursor, reason, grant));
    }
    out.into()
}

/// A ping: the instant, and the cursor of whoever has heard everything up to it.
#[must_use]
pub fn ping(id: Option<Cursor>, now: Timestamp) -> Bytes {
    sse::encoded(&Frame {
        id,
        event: Some(FieldText::known("ping")),
        data: Some(&format!("{now:.3}")),
        ..Frame::default()
    })
}

fn write_name(method: Method, patch: PatchEvent) -> &'static str {
    match (method, patch) {
        (Method::Delete, _) => "delete",
        (Method::Patch, PatchEvent::Patch) => "patch",
        (Method::Patch, PatchEvent::Put) | (Method::Put, _) => "put",
        (Method::Post, _) => "post",
    }
}

/// `post` carries the document, `delete` an array of ids, the others one id as a string.
fn write_data(method: Method, ids: &[Id], record: Option<&Json>, fields: &Fields) -> String {
    let one = || quoted(ids.first().map_or("", Id::as_str));
    match method {
        Method::Delete => {
            let ids: Vec<String> = ids.iter().map(|id| quoted(id.as_str())).collect();
            format!("[{}]", ids.join(","))
        }
        Method::Patch | Method::Put => one(),
        Method::Post => record.map_or_else(
            || format!(r#"{{"_id":{}}}"#, one()),
            |record| fields.pick(record).into_owned(),
        ),
    }
}

/// What RestDB sends first: it fills the buffer of an intermediary that waits for a first piece.
const PADDING_BYTES: usize = 108;

/// Constant, unlike the one at the opening, because a frame is encoded once for everybody.
const RETRY_AFTER_EVENT: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Epoch;

    fn told(kind: Kind, patch: PatchEvent) -> String {
        told_of(kind, patch, None)
    }

    fn told_of(kind: Kind, patch: PatchEvent, fields: Option<&str>) -> String {
        let event = Event {
            cursor: Cursor {
                epoch: Epoch::new(0xabc),
                seq: 9,
            },
            at: Timestamp::UNIX_EPOCH,
            kind,
        };
        let fields = Fields::of(fields).unwrap();
        String::from_utf8(encode(&event, &Form { patch, fields }).to_vec()).unwrap()
    }

    fn write(method: Method, ids: &[&str], record: Option<&str>) -> Kind {
        Kind::Write {
            method,
            collection: "customer".into(),
            ids: ids.iter().map(|id| Id::new(id).unwrap()).collect(),
            record: record.map(|r| Json::compact(serde_json::from_str(r).unwrap())),
        }
    }

    #[test]
    fn a_put_is_told_byte_for_byte_as_restdb_does() {
        assert_eq!(
            told(
                write(Method::Put, &["577cf185e2039b0900000016"], Some("{}")),
                PatchEvent::Put
            ),
            "id: 000000000abc-9\nevent: put\ndata: {\"event\":\"put\",\"collection\":\"customer\",\
             \"data\":\"577cf185e2039b0900000016\"}\nretry: 10000\n\n"
        );
    }

    #[test]
    fn each_method_has_its_data() {
        for (method, ids, record, patch, expected) in [
            (
                Method::Post,
                &["1"][..],
                Some(r#"{"_id": "1", "n": 1.10}"#),
                PatchEvent::Put,
                r#"{"event":"post","collection":"customer","data":{"_id":"1","n":1.10}}"#,
            ),
            (
                Method::Post,
                &["1"],
                None,
                PatchEvent::Put,
                r#"{"event":"post","collection":"customer","data":{"_id":"1"}}"#,
            ),
            (
                Method::Delete,
                &["1", "2"],
                None,
                PatchEvent::Put,
                r#"{"event":"delete","collection":"customer","data":["1","2"]}"#,
            ),
            (
                Method::Patch,
                &["1"],
                None,
                PatchEvent::Put,
                r#"{"event":"put","collection":"customer","data":"1"}"#,
            ),
            (
                Method::Patch,
                &["1"],
                None,
                PatchEvent::Patch,
                r#"{"event":"patch","collection":"customer","data":"1"}"#,
            ),
        ] {
            let told = told(write(method, ids, record), patch);
            assert!(told.contains(&format!("\ndata: {expected}\n")), "{told}");
        }
    }

    #[test]
    fn fields_are_of_the_record_that_a_post_carries() {
        let post = write(Method::Post, &["1"], Some(r#"{"_id":"1","n":1.10}"#));
        let told = |kind| told_of(kind, PatchEvent::Put, Some("n"));
        assert!(told(post).contains(r#""collection":"customer","data":{"n":1.10}}"#));
        let bare = write(Method::Post, &["1"], None);
        assert!(told(bare).contains(r#""data":{"_id":"1"}}"#));
    }

    #[test]
    fn what_is_not_known_and_what_is_published_have_names_of_their_own() {
        let uncertain = Kind::Uncertain {
            method: Method::Post,
            collection: "a\"b".into(),
            id: None,
        };
        assert!(told(uncertain, PatchEvent::Put).contains(
            "event: uncertain\ndata: {\"event\":\"uncertain\",\"collection\":\"a\\\"b\",\"method\":\"POST\",\"data\":null}\n"
        ));
        let goal = Kind::Custom {
            name: "GOAL".into(),
            data: Json::null(),
        };
        assert!(
            told(goal, PatchEvent::Put)
                .contains("event: publish\ndata: {\"event\":\"GOAL\",\"data\":null}\n")
        );
    }
}
