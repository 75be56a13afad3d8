//! What goes in at the encoders comes out at clients that somebody else wrote.
//!
//! Frames of any content, one after another, cut into pieces at any place: what npm's
//! `eventsource-parser`, Python's `httpx-sse` and Chromium's own EventSource find in them is what
//! the WHATWG standard says, event by event, in name, data and last event ID. The pieces are as
//! they are cut for the first two; for Chromium as the network between leaves them.
//!
//! Equal means equal as text, with one exception that the protocol makes: data is sent by lines,
//! so a CR or CRLF in it comes out as LF. JSON has neither, and so records come out as they were,
//! byte for byte, without the white space between their tokens.
//!
//! Each run makes the same frames.

mod frames;
mod standard;

use std::collections::BTreeSet;
use std::process::Command;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{RngSeed, TestRunner};
use serde::Deserialize;
use serde_json::json;

use crate::harness::{Process, node, test_folder, tool};
use frames::{NAMES, Sent};

/// How many frames there are beside the [`frames::edges`].
const FRAMES: usize = 2000;

/// Somebody else's parser of streams.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Client {
    Chromium,
    EventsourceParser,
    HttpxSse,
}

/// Frames that follow one another, and the bytes in pieces.
struct Stream {
    sent: Vec<Sent>,
    pieces: Vec<Vec<u8>>,
}

/// What a client heard of a stream: name, data and last event ID of each event.
#[derive(Debug, Deserialize, PartialEq)]
struct Heard {
    events: Vec<(String, String, String)>,
    /// None: the client tells nobody.
    retries: Option<Vec<u64>>,
    /// What it found to be no line of a stream, if it says so.
    #[serde(default)]
    faults: Vec<String>,
}

#[test]
fn no_input_can_add_a_line() {
    let config = ProptestConfig {
        cases: 2000,
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(1),
        ..ProptestConfig::default()
    };
    let mut runner = TestRunner::new(config);
    let frames = runner.run(&frames::sent(), |sent| has_its_fields_alone(&sent));
    frames.unwrap_or_else(|error| panic!("{error}"));
    for sent in frames::edges().iter().chain(&frames::opening()) {
        has_its_fields_alone(sent).unwrap_or_else(|error| panic!("{error}"));
    }
}

/// The fields that were put in, in their order, each with its value; one blank line, at the end.
fn has_its_fields_alone(sent: &Sent) -> Result<(), TestCaseError> {
    let mut lines = standard::lines(&sent.bytes);
    prop_assert_eq!((lines.pop(), sent.bytes.ends_with('\n')), (Some(""), true));
    prop_assert!(!lines.contains(&""), "it ends early");
    let found = lines.into_iter().map(standard::field);
    // What has no field name is a comment.
    let found: Vec<_> = found.filter(|(field, _)| !field.is_empty()).collect();
    let retry = sent.retry.map(|retry| retry.to_string());
    let lines = sent.data.iter().flat_map(|data| data.split('\n'));
    let mut expected = Vec::new();
    expected.extend(sent.id.iter().map(|id| ("id", &**id)));
    expected.extend(sent.name.iter().map(|name| ("event", &**name)));
    expected.extend(lines.map(|line| ("data", line)));
    expected.extend(retry.iter().map(|retry| ("retry", &**retry)));
    prop_assert_eq!(found, expected);
    Ok(())
}

#[tokio::test]
async fn npm_eventsource_parser_hears_what_was_sent() {
    hears_what_was_sent(Client::EventsourceParser).await;
}

#[tokio::test]
async fn httpx_sse_hears_what_was_sent() {
    hears_what_was_sent(Client::HttpxSse).await;
}

#[tokio::test]
async fn chromium_hears_what_was_sent() {
    hears_what_was_sent(Client::Chromium).await;
}

/// If it does not, says which is the shortest frame that is misread by itself.
async fn hears_what_was_sent(client: Client) {
    let streams = streams();
    for (stream, heard) in streams.iter().zip(client.hear(&streams).await) {
        let expected = client.expected(&stream.sent);
        if heard == expected {
            continue;
        }
        let alone: Vec<Stream> = stream.sent.iter().map(Stream::of_one).collect();
        let heard_alone = client.hear(&alone).await;
        let wrong = alone.iter().zip(heard_alone);
        let wrong = wrong.filter(|(one, heard)| *heard != client.expected(&one.sent));
        if let Some((one, heard)) = wrong.min_by_key(|(one, _)| one.sent[0].bytes.len()) {
            panic!("{client:?} heard {heard:?}\nof {:?}", one.sent[0]);
        }
        let both = heard.events.iter().zip(&expected.events);
        let differing = both
            .enumerate()
            .find(|(_, (heard, expected))| heard != expected);
        let counts = (heard.events.len(), expected.events.len());
        panic!(
            "{client:?} read each frame well, but together {counts:?}: {differing:?}, {:?}",
            heard.faults
        );
    }
}

/// The same each time: every edge, then any frames.
fn streams() -> Vec<Stream> {
    let mut runner = TestRunner::deterministic();
    let mut sent = frames::edges();
    for _ in 0..FRAMES {
        sent.push(frames::sent().new_tree(&mut runner).unwrap().current());
    }
    let stream = |frames: &[Sent]| {
        let sent = [&frames::opening(), frames].concat();
        // Few bytes, or a few frames, or as much as a network takes.
        let sizes = prop_oneof![1..4_usize, 1..200_usize, 1..20_000_usize];
        let mut bytes = sent.iter().flat_map(|sent| sent.bytes.bytes()).peekable();
        let mut pieces = Vec::new();
        while bytes.peek().is_some() {
            let size = sizes.new_tree(&mut runner).unwrap().current();
            pieces.push(bytes.by_ref().take(size).collect());
        }
        Stream { sent, pieces }
    };
    sent.chunks(500).map(stream).collect()
}

// === impl Stream ===

impl Stream {
    fn of_one(sent: &Sent) -> Self {
        Self {
            sent: vec![sent.clone()],
            pieces: vec![sent.bytes.clone().into()],
        }
    }
}

// === impl Client ===

impl Client {
    async fn hear(self, streams: &[Stream]) -> Vec<Heard> {
        let folder = test_folder();
        let file = folder.path().join("streams.json");
        let pieces = |stream: &Stream| -> Vec<String> {
            stream
                .pieces
                .iter()
                .map(|piece| BASE64_STANDARD.encode(piece))
                .collect()
        };
        let pieces: Vec<_> = streams.iter().map(pieces).collect();
        // What a page listens to.
        let sent = streams.iter().flat_map(|stream| &stream.sent);
        let told = sent.filter_map(|sent| sent.name.as_deref());
        let names = BTreeSet::from_iter(told.chain(NAMES.iter().copied()));
        let told = json!({"names": names, "streams": pieces});
        std::fs::write(&file, told.to_string()).unwrap();
        let script =
            std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients/parse.py");
        let process = match self {
            Self::Chromium => node("parse-page.mjs", [&*file, folder.path()]),
            Self::EventsourceParser => node("parse.mjs", [&file]),
            Self::HttpxSse => Process::spawn(
                Command::new(tool("python/bin/python"))
                    .arg(script)
                    .arg(&file),
            ),
        };
        let output = process.output().await;
        assert_eq!(output.code, Some(0), "{}", output.stderr);
        let heard: Vec<Heard> = serde_json::from_str(&output.stdout).unwrap();
        assert_eq!(heard.len(), streams.len());
        heard
    }

    /// What it has to hear (HTML standard, "Dispatch the event").
    fn expected(self, sent: &[Sent]) -> Heard {
        let mut last = String::new();
        let mut events = Vec::new();
        for frame in sent {
            last = frame.id.clone().unwrap_or(last);
            let name = frame.name.as_deref().filter(|name| !name.is_empty());
            let event = |data: &str| {
                (
                    name.unwrap_or("message").to_owned(),
                    data.to_owned(),
                    last.clone(),
                )
            };
            match &frame.data {
                Some(data) => events.push(event(data)),
                // Against the standard, it tells of frames without data too, but of those that say nothing.
                None if self == Self::HttpxSse
                    && (name.is_some() || frame.retry.is_some() || !last.is_empty()) =>
                {
                    events.push(event(""));
                }
                None => {}
            }
        }
        let retries = sent.iter().filter_map(|frame| frame.retry).collect();
        Heard {
            events,
            retries: (self != Self::Chromium).then_some(retries),
            faults: Vec::new(),
        }
    }
}
