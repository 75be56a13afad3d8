//! Frames of any kind, made by the encoders, each with what was put into it.

use std::time::Duration;

use jiff::Timestamp;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use serde::Serialize;
use serde_json::value::RawValue;
use tidings::access::{Access, Credential, Scope};
use tidings::dialect::restdb::{self, PatchEvent};
use tidings::dialect::{Fields, Opening, plain};
use tidings::event::{Cursor, Epoch, Event, Id, Json, Kind, Method};
use tidings::limits::JSON_DEPTH;
use tidings::sse::{FieldText, Frame};

/// A frame, and what a client has to find in it.
#[derive(Clone, Debug)]
pub(super) struct Sent {
    pub(super) bytes: String,
    pub(super) id: Option<String>,
    pub(super) name: Option<String>,
    /// With each CR and CRLF as LF: a client cannot know which of them it was.
    pub(super) data: Option<String>,
    pub(super) retry: Option<u64>,
}

/// The names that the program itself gives.
pub(super) const NAMES: &[&str] = &[
    "message",
    "post",
    "put",
    "patch",
    "delete",
    "publish",
    "ping",
    "gap",
    "uncertain",
    "close",
];

/// Characters at which a parser may break a line, end a text or lose its place.
const ODD: &[char] = &[
    '\0',
    '\t',
    '\n',
    '\u{b}',
    '\u{c}',
    '\r',
    '\u{1c}',
    '\u{1d}',
    '\u{1e}',
    '\u{1f}',
    ' ',
    '"',
    ':',
    '\\',
    '{',
    '\u{7f}',
    '\u{85}',
    '\u{a0}',
    '\u{2028}',
    '\u{2029}',
    '\u{d7ff}',
    '\u{e000}',
    '\u{feff}',
    '\u{fffd}',
    '\u{fffe}',
    '\u{ffff}',
    '\u{1f600}',
    '\u{10ffff}',
];

/// What a line would look like that somebody wants to add.
const FORGED: &[&str] = &[
    "\n\n",
    "\r\r",
    "\r\n\r\n",
    "\n\r",
    "\nid: 7",
    "\rid",
    "\r\nevent: put\r\n",
    "\ndata: x\n\n",
    "\n:",
    "\nretry: 1\n",
    "data: ",
    "id:",
    "event:put",
    ":",
];

/// Escapes that JSON has and this program's own encoder does not write.
const ESCAPES: &[&str] = &[
    r"\u0000",
    r"\u000a",
    r"\u000D",
    r"\n",
    r"\r",
    r"\t",
    r"\b",
    r"\f",
    r"\/",
    r"\\",
    r"\\n",
    r#"\""#,
    r"\u0022",
    r"\ud83d\ude00",
    r"\ud800",
    r"\uDFFF",
    r"\udc00\ud800",
    r"\u2028",
    r"\uFEFF",
    r"\u007f",
    r"\u0085",
];

// === impl Sent ===

impl Sent {
    /// A frame of these fields: the one place that makes one of text.
    fn of(name: Option<&str>, id: Option<Cursor>, data: Option<&str>, retry: Option<u64>) -> Self {
        let mut bytes = Vec::new();
        let frame = Frame {
            id,
            event: name.map(FieldText::replacing),
            data,
            retry: retry.map(Duration::from_millis),
        };
        frame.encode(&mut bytes);
        Self {
            bytes: String::from_utf8(bytes).unwrap(),
            id: id.map(|id| id.to_string()),
            // What would break the line stands there as a sign that does not.
            name: name.map(|name| name.replace(['\r', '\n', '\0'], "\u{fffd}")),
            data: data.map(|data| data.replace("\r\n", "\n").replace('\r', "\n")),
            retry,
        }
    }

    /// The frame of an event, which is to be told under this name and with this data.
    fn of_event(
        kind: Kind,
        cursor: Cursor,
        patch: PatchEvent,
        (name, data): (&str, String),
    ) -> Self {
        let event = Event {
            cursor,
            at: Timestamp::UNIX_EPOCH,
            kind,
        };
        let form = restdb::Form {
            patch,
            fields: Fields::default(),
        };
        Self {
            bytes: String::from_utf8(restdb::encode(&event, &form).into()).unwrap(),
            id: Some(cursor.to_string()),
            name: Some(name.to_owned()),
            data: Some(data),
            retry: Some(10_000),
        }
    }

    /// What a published event's frame has to be.
    fn published(name: &str, data: &Text, cursor: Cursor) -> Self {
        let kind = Kind::Custom {
            name: name.into(),
            data: data.json(),
        };
        let told = Told {
            event: name,
            collection: None,
            method: None,
            data: raw(&data.compact),
        };
        Self::of_event(kind, cursor, PatchEvent::Put, ("publish", told.text()))
    }
}

/// The data of an event, in the order of its fields on the wire.
#[derive(Serialize)]
struct Told<'a> {
    event: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    collection: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    method: Option<&'a str>,
    data: Box<RawValue>,
}

impl Told<'_> {
    fn text(&self) -> String {
        serde_json::to_string(self).unwrap()
    }
}

/// A JSON text as it was sent, and without the white space between its tokens.
#[derive(Clone, Debug)]
struct Text {
    sent: String,
    compact: String,
}

impl Text {
    fn token(token: String) -> Self {
        Self {
            sent: token.clone(),
            compact: token,
        }
    }

    fn joined(open: &str, members: &[(&str, Self)], close: &str) -> Self {
        let (mut sent, mut compact) = (open.to_owned(), open.to_owned());
        for (number, (space, member)) in members.iter().enumerate() {
            let comma = if number == 0 { "" } else { "," };
            sent.extend([space, comma, space, &*member.sent, space]);
            compact.extend([comma, &*member.compact]);
        }
        Self {
            sent: sent + close,
            compact: compact + close,
        }
    }

    fn member(key: String, space: &str, value: &Self) -> Self {
        Self {
            sent: format!("{key}{space}:{space}{}", value.sent),
            compact: format!("{key}:{}", value.compact),
        }
    }

    fn json(&self) -> Json {
        Json::compact(&raw(&self.sent))
    }
}

fn raw(text: &str) -> Box<RawValue> {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{text:?}: {error}"))
}

fn quoted(text: &str) -> String {
    serde_json::to_string(text).unwrap()
}

// === what there is ===

/// Any frame. An id without data is left out: npm's parsers do not count one.
pub(super) fn sent() -> impl Strategy<Value = Sent> {
    prop_oneof![2 => frame(), 1 => published(), 2 => write(), 1 => uncertain(), 1 => plain(), 1 => heartbeat()]
}

/// A write at a path of the operator's own, told by its ids as text.
fn plain() -> impl Strategy<Value = Sent> {
    let parts = (text(), vec(id(), 1..4), option::of(record()), cursor());
    parts.prop_map(|(collection, ids, record, cursor)| {
        let texts: Vec<&str> = ids.iter().map(Id::as_str).collect();
        let data = texts.join("\n");
        let event = Event {
            cursor,
            at: Timestamp::UNIX_EPOCH,
            kind: Kind::Write {
                method: Method::Delete,
                collection: collection.into(),
                ids,
                record: record.map(|record| record.json()),
            },
        };
        let bytes = plain::encode(&event, &form(plain::Data::Id, None));
        Sent {
            bytes: String::from_utf8(bytes.into()).unwrap(),
            id: Some(cursor.to_string()),
            name: None,
            data: Some(data),
            retry: None,
        }
    })
}

/// A heartbeat of any data.
fn heartbeat() -> impl Strategy<Value = Sent> {
    (name(), text(), cursor()).prop_map(|(name, data, cursor)| {
        let heartbeat = plain::Heartbeat {
            name: name.as_deref().unwrap_or_default().into(),
            data: data.as_str().into(),
            every: Duration::from_secs(1),
        };
        let bytes = plain::beat(&form(plain::Data::Event, Some(heartbeat)), cursor, 0);
        Sent {
            bytes: String::from_utf8(bytes.into()).unwrap(),
            ..Sent::of(name.as_deref(), Some(cursor), Some(&data), None)
        }
    })
}

fn form(data: plain::Data, heartbeat: Option<plain::Heartbeat>) -> plain::Form {
    let options = plain::Options {
        path: "/".into(),
        scope: Scope::Anyone([].into()),
        name: plain::LineTemplate::default(),
        data,
        heartbeat,
    };
    plain::Form {
        options: options.into(),
        fields: Fields::default(),
    }
}

fn frame() -> impl Strategy<Value = Sent> {
    let parts = (
        name(),
        option::of(cursor()),
        option::weighted(0.9, text()),
        option::of(0..1_u64 << 40),
    );
    parts.prop_map(|(name, id, data, retry)| {
        let id = id.filter(|_| data.is_some());
        Sent::of(name.as_deref(), id, data.as_deref(), retry)
    })
}

/// What an event may be called: anything that a stream of an operator's own makes of an event.
fn name() -> impl Strategy<Value = Option<String>> {
    let own = select(NAMES).prop_map(str::to_owned);
    let any = text().prop_filter("no name is none", |name| !name.is_empty());
    option::of(prop_oneof![1 => own, 2 => any])
}

fn published() -> impl Strategy<Value = Sent> {
    (text(), record(), cursor())
        .prop_map(|(name, data, cursor)| Sent::published(&name, &data, cursor))
}

fn write() -> impl Strategy<Value = Sent> {
    let methods = select(&[Method::Delete, Method::Patch, Method::Post, Method::Put][..]);
    let patch = select(&[PatchEvent::Patch, PatchEvent::Put][..]);
    let parts = (
        methods,
        patch,
        text(),
        vec(id(), 1..4),
        option::of(record()),
        cursor(),
    );
    parts.prop_map(|(method, patch, collection, ids, record, cursor)| {
        let texts: Vec<&str> = ids.iter().map(Id::as_str).collect();
        let (name, data) = match (method, &record) {
            (Method::Delete, _) => ("delete", serde_json::to_string(&texts).unwrap()),
            (Method::Patch, _) if patch == PatchEvent::Patch => ("patch", quoted(texts[0])),
            (Method::Patch | Method::Put, _) => ("put", quoted(texts[0])),
            (Method::Post, Some(record)) => ("post", record.compact.clone()),
            (Method::Post, None) => ("post", format!("{{\"_id\":{}}}", quoted(texts[0]))),
        };
        let told = Told {
            event: name,
            collection: Some(&collection),
            method: None,
            data: raw(&data),
        };
        let told = (name, told.text());
        let kind = Kind::Write {
            method,
            collection: collection.into(),
            ids,
            record: record.map(|record| record.json()),
        };
        Sent::of_event(kind, cursor, patch, told)
    })
}

fn uncertain() -> impl Strategy<Value = Sent> {
    let parts = (text(), option::of(id()), cursor());
    parts.prop_map(|(collection, id, cursor)| {
        let told = Told {
            event: "uncertain",
            collection: Some(&collection),
            method: Some("PATCH"),
            data: raw(&id
                .as_ref()
                .map_or_else(|| "null".to_owned(), |id| quoted(id.as_str()))),
        };
        let told = ("uncertain", told.text());
        let kind = Kind::Uncertain {
            method: Method::Patch,
            collection: collection.into(),
            id,
        };
        Sent::of_event(kind, cursor, PatchEvent::Put, told)
    })
}

fn cursor() -> impl Strategy<Value = Cursor> {
    any::<(u64, u64)>().prop_map(|(epoch, seq)| Cursor {
        epoch: Epoch::new(epoch),
        seq,
    })
}

fn id() -> impl Strategy<Value = Id> {
    text().prop_map(|text| {
        Id::new(&text.replace(char::is_control, "")).unwrap_or_else(|| Id::new("7").unwrap())
    })
}

fn text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        4 => any::<char>().prop_map(String::from),
        4 => select(ODD).prop_map(String::from),
        2 => select(FORGED).prop_map(String::from),
        2 => select(&["goal", " ", "a b", "ä€", "577cf185e2039b0900000016"][..]).prop_map(String::from),
    ];
    vec(piece, 0..8).prop_map(|pieces| pieces.concat())
}

fn record() -> impl Strategy<Value = Text> {
    let space = || select(&["", "", " ", "\n", "\r\n", "\t\r \n\n"][..]);
    let leaf = prop_oneof![
        1 => select(&["null", "true", "0", "-0", "1.50", "12345678901234567890.10", "1e400", "-1E-7"][..])
            .prop_map(|token| Text::token(token.to_owned())),
        2 => string().prop_map(Text::token),
    ];
    leaf.prop_recursive(5, 24, 5, move |inner| {
        let members = vec((space(), string(), inner.clone()), 0..5);
        prop_oneof![
            vec((space(), inner), 0..5).prop_map(|items| Text::joined("[", &items, "]")),
            members.prop_map(|members| {
                let member = |(space, key, value): (&'static str, String, Text)| {
                    (space, Text::member(key, space, &value))
                };
                let members: Vec<_> = members.into_iter().map(member).collect();
                Text::joined("{", &members, "}")
            }),
        ]
    })
}

/// A JSON string, with escapes of any kind.
fn string() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        text()
            .prop_map(|text| quoted(&text))
            .prop_map(|quoted| quoted[1..quoted.len() - 1].to_owned()),
        select(ESCAPES).prop_map(str::to_owned),
    ];
    vec(piece, 0..4).prop_map(|pieces| format!("\"{}\"", pieces.concat()))
}

// === what is always there ===

/// Each control character and each odd one where it could do harm, and what is long, deep or empty.
pub(super) fn edges() -> Vec<Sent> {
    let at = Cursor {
        epoch: Epoch::new(0x5f3a_09c1_e77b),
        seq: u64::MAX,
    };
    let mut edges = Vec::new();
    for c in ('\0'..='\u{a0}').chain(ODD.iter().copied()) {
        for data in [
            format!("{c}"),
            format!("{c}a"),
            format!("a{c}"),
            format!("a{c}{c}b"),
        ] {
            edges.push(Sent::of(None, Some(at), Some(&data), None));
            edges.push(Sent::published(&data, &Text::token(quoted(&data)), at));
        }
    }
    let deep = format!("{}{}", "[".repeat(JSON_DEPTH), "]".repeat(JSON_DEPTH));
    let long = "ä\u{2028}\\n€\u{1f600}".repeat(20_000);
    for text in [deep, quoted(&long), "{}".to_owned(), "\"\"".to_owned()] {
        edges.push(Sent::published("", &Text::token(text), at));
    }
    for data in [
        "",
        "\n",
        "\r\n",
        "\n\n\n",
        "\r\r\n\n",
        "  ",
        " \n ",
        &"\n".repeat(10_000),
        &long,
    ] {
        edges.push(Sent::of(Some("put"), None, Some(data), Some(0)));
    }
    edges.push(Sent::of(None, None, None, None));
    edges.push(Sent::of(Some("put"), None, None, None));
    edges
}

/// What every stream begins with.
pub(super) fn opening() -> Vec<Sent> {
    let access = Access {
        global: true,
        ..Access::default()
    };
    let nobody = Credential::default();
    let now = Timestamp::UNIX_EPOCH;
    let grant = access.grant(&nobody, now).unwrap();
    let at = Cursor {
        epoch: Epoch::new(1),
        seq: 0,
    };
    let bytes = restdb::opening(Opening::At(at), &grant, Duration::from_secs(2), now);
    let frames: Vec<&str> = std::str::from_utf8(&bytes)
        .unwrap()
        .split_inclusive("\n\n")
        .collect();
    let frame = |bytes: &str, name: Option<&str>, data: Option<&str>, retry| Sent {
        bytes: bytes.into(),
        id: data.map(|_| at.to_string()),
        name: name.map(str::to_owned),
        data: data.map(str::to_owned),
        retry,
    };
    assert_eq!(frames.len(), 3);
    vec![
        frame(frames[0], None, None, Some(2_000)),
        frame(
            frames[1],
            None,
            Some(r#"{"channel":"init","data":{}}"#),
            None,
        ),
        frame(
            frames[2],
            Some("ping"),
            Some("1970-01-01T00:00:00.000Z"),
            None,
        ),
    ]
}
