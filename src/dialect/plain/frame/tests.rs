use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::*;
use crate::access::{Access, Credential, Scope};
use crate::dialect::Fields;
use crate::dialect::plain::{CloudEvent, JsonTemplate, LineTemplate};
use crate::event::{Epoch, Id, Json, Method};
use crate::limits::SILENCE_MAX;

/// The frames of a stream, as a file of `tests/golden/plain` has them.
macro_rules! golden {
    ($name:literal) => {
        include_str!(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/tests/golden/plain/",
            $name,
            ".sse"
        ))
    };
}

fn form(name: &str, data: Data) -> Form {
    let options = Options {
        path: "/api/my-events".into(),
        scope: Scope::Anyone(
            ["*:company", "GOAL"]
                .map(|text| text.parse().unwrap())
                .into(),
        ),
        name: LineTemplate::new(name).unwrap(),
        data,
        heartbeat: None,
    };
    Form {
        options: Arc::new(options),
        fields: Fields::default(),
    }
}

fn with_heartbeat(form: &Form, heartbeat: Heartbeat) -> Form {
    let mut options = Options::clone(&form.options);
    options.heartbeat = Some(heartbeat);
    Form {
        options: Arc::new(options),
        ..form.clone()
    }
}

fn grant(form: &Form) -> Grant {
    let credential = Credential::default();
    let access = Access::default();
    let granted = access.grant_within(&form.options.scope, &credential, Timestamp::UNIX_EPOCH);
    granted.unwrap()
}

fn at(seq: u64) -> Cursor {
    Cursor {
        epoch: Epoch::new(0xabc),
        seq,
    }
}

fn event(seq: u64, kind: Kind) -> Event {
    Event {
        cursor: at(seq),
        at: "2024-02-29T12:00:00.5Z".parse().unwrap(),
        kind,
    }
}

fn write(method: Method, ids: &[&str], record: Option<&str>) -> Kind {
    Kind::Write {
        method,
        collection: "company".into(),
        ids: ids.iter().map(|id| Id::new(id).unwrap()).collect(),
        record: record.map(|text| Json::compact(serde_json::from_str(text).unwrap())),
    }
}

fn custom(name: &str, data: &str) -> Kind {
    Kind::Custom {
        name: name.into(),
        data: Json::compact(serde_json::from_str(data).unwrap()),
    }
}

fn uncertain() -> Kind {
    Kind::Uncertain {
        method: Method::Put,
        collection: "company".into(),
        id: Id::new("7"),
    }
}

fn text(bytes: &Bytes) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn told(form: &Form, kind: Kind) -> String {
    text(&encode(&event(9, kind), form))
}

/// One event of each kind.
fn frames(form: &Form) -> String {
    let record = Some(r#"{"id":"7","n":12345678901234567890.10,"s":"a\nb"}"#);
    let kinds = [
        write(Method::Post, &["7"], record),
        write(Method::Put, &["7"], None),
        write(Method::Patch, &["7"], Some(r#"{"id":"7"}"#)),
        write(Method::Delete, &["7", "a,b"], None),
        custom("GOAL", r#"{"value":"3-0"}"#),
        uncertain(),
        Kind::Gap,
    ];
    let frames = (1..)
        .zip(kinds)
        .map(|(seq, kind)| text(&encode(&event(seq, kind), form)));
    frames.collect()
}

#[test]
fn each_form_of_data_has_its_bytes() {
    let template = r#"{"type":{action},"of":[{collection},{method},{event}],"id":{id},"ids":{ids},"record":{record},"data":{data},"at":{time}}"#;
    let cloudevent = |source: &str, kind| CloudEvent {
        source: source.into(),
        kind: LineTemplate::new(kind).unwrap(),
    };
    for (name, data, golden) in [
        ("", Data::Event, golden!("event")),
        ("{collection}.{action}", Data::Record, golden!("record")),
        ("{event}", Data::Id, golden!("id")),
        (
            "change",
            Data::Template(JsonTemplate::new(template).unwrap()),
            golden!("template"),
        ),
        (
            "",
            Data::CloudEvent(cloudevent("/api/my-events", "tidings.{event}")),
            golden!("cloudevents"),
        ),
    ] {
        assert_eq!(frames(&form(name, data)), golden);
    }
}

#[test]
fn a_stream_opens_with_its_cursor_and_its_first_heartbeat() {
    let quiet = form("", Data::Event);
    let heartbeat = Heartbeat {
        name: "heartbeat".into(),
        data: "OK".into(),
        every: Duration::from_secs(10),
    };
    let loud = with_heartbeat(&quiet, heartbeat);
    let mut opened = String::new();
    for form in [&quiet, &loud] {
        for opening in [Opening::At(at(4)), Opening::AfterGap(at(4), Gap::TooOld)] {
            let again = Duration::from_millis(2500);
            opened += &text(&super::opening(form, opening, &grant(form), again));
        }
        opened += &text(&beat(form, at(5), 0));
    }
    assert_eq!(opened, golden!("opening"));
}

#[test]
fn fields_are_of_the_record_wherever_it_stands() {
    let record = Some(r#"{"id":"7","n":1.10,"o":{"a":1,"b":2}}"#);
    let post = || write(Method::Post, &["7"], record);
    let cloudevent = CloudEvent {
        source: "/".into(),
        kind: LineTemplate::new("x").unwrap(),
    };
    for (data, expected) in [
        (
            Data::Event,
            r#""ids":["7"],"record":{"n":1.10,"o":{"b":2}},"time""#,
        ),
        (Data::Record, r#"data: {"n":1.10,"o":{"b":2}}"#),
        (Data::Id, "data: 7\n"),
        (
            Data::Template(JsonTemplate::new("[{record}]").unwrap()),
            r#"data: [{"n":1.10,"o":{"b":2}}]"#,
        ),
        (
            Data::CloudEvent(cloudevent),
            r#""data":{"n":1.10,"o":{"b":2}}}"#,
        ),
    ] {
        let fields = Fields::of(Some("o.b,n")).unwrap();
        let form = Form {
            fields,
            ..form("", data)
        };
        assert!(
            told(&form, post()).contains(expected),
            "{}",
            told(&form, post())
        );
    }
}

#[test]
fn a_name_is_never_one_of_the_streams_own_and_never_breaks_a_line() {
    let of_id = form("{id}", Data::Id);
    let loud = with_heartbeat(
        &of_id,
        Heartbeat {
            name: "beat".into(),
            data: "OK".into(),
            every: Duration::from_secs(1),
        },
    );
    for (id, named) in [
        ("7", "event: 7\n"),
        ("gap", "event: gap_\n"),
        ("uncertain", "event: uncertain_\n"),
        ("close", "event: close_\n"),
        ("error", "event: error_\n"),
        ("beat", "event: beat_\n"),
        ("gaps", "event: gaps\n"),
    ] {
        let told = told(&loud, write(Method::Put, &[id], None));
        assert!(told.contains(named), "{told}");
    }
    let mut broken = write(Method::Put, &["7"], None);
    if let Kind::Write { collection, .. } = &mut broken {
        *collection = "a\r\nid: 7\0".into();
    }
    let name = form("{collection}", Data::Id);
    assert!(told(&name, broken).contains("event: a\u{fffd}\u{fffd}id: 7\u{fffd}\n"));
}

/// Whoever may publish anything cannot make it look like a write, however streams are declared.
#[test]
fn what_is_published_never_looks_like_a_write() {
    let record = r#"{"id":"7"}"#;
    let json = |text| Data::Template(JsonTemplate::new(text).unwrap());
    let cloudevent = CloudEvent {
        source: "/".into(),
        kind: LineTemplate::new("{event}").unwrap(),
    };
    for name in ["", "change", "{event}", "{action}", "{collection}.{action}"] {
        for data in [
            Data::Event,
            Data::Id,
            Data::Record,
            json("{record}"),
            json(r#"[{collection},{data},{record}]"#),
            Data::CloudEvent(cloudevent.clone()),
        ] {
            let form = form(name, data);
            let written = told(&form, write(Method::Post, &["7"], Some(record)));
            for forged in ["create", "company.create", "POST", "company"] {
                assert_ne!(told(&form, custom(forged, record)), written, "{form:?}");
            }
        }
    }
}

#[test]
fn a_heartbeat_that_is_rare_has_comments_in_between() {
    for (secs, beats, interval_ms) in [
        (1, 1, 1000),
        (15, 1, 15_000),
        (16, 2, 8000),
        (3600, 240, 15_000),
    ] {
        let heartbeat = Heartbeat {
            name: "".into(),
            data: "a\nb".into(),
            every: Duration::from_secs(secs),
        };
        let form = with_heartbeat(&form("", Data::Event), heartbeat);
        let interval = form.options.beat_interval();
        assert_eq!(interval, Duration::from_millis(interval_ms));
        assert!(interval <= SILENCE_MAX);
        for round in 0..2 * beats {
            let beat = text(&beat(&form, at(5), round));
            let expected = if round % beats == beats - 1 {
                "id: 000000000abc-5\ndata: a\ndata: b\n\n"
            } else {
                ":\nid: 000000000abc-5\n\n"
            };
            assert_eq!(beat, expected, "{secs} {round}");
        }
    }
}
