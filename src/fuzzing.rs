//! What has to hold of everything that is read and written, whatever the bytes.
//!
//! Each target takes bytes and panics where its promise is broken. `tests/fuzz/run` has a fuzzer
//! look for such bytes; those that were found, and others worth trying, are kept in
//! `tests/fuzz/corpus` and tried by each run of the tests.

mod bodies;
mod events;
mod frames;

use std::net::IpAddr;

use http::HeaderMap;
use http::header::{FORWARDED, HOST, HeaderName, HeaderValue};
use ipnet::IpNet;

use crate::config;
use crate::event::{Cursor, Since};
use crate::forwarded;
use crate::front;
use crate::observe;
use crate::rule::Rule;

/// Something that has to hold of any bytes.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// What it is called, as its folder in the corpus.
    pub name: &'static str,
    /// Panics where it does not hold.
    pub holds: fn(&[u8]),
}

/// All that there are.
pub const TARGETS: &[Target] = &[
    of("configuration", configuration),
    of("cursor", cursor),
    of("events", events::events),
    of("forwarded", forwarded),
    of("frames", frames::frames),
    of("framing", bodies::framing),
    of("head", front::fuzzing::head),
    of("path", observe::fuzzing::path),
    of("rule", rule),
];

const fn of(name: &'static str, holds: fn(&[u8])) -> Target {
    Target { name, holds }
}

/// The target of that name; none if there is none.
#[must_use]
pub fn target(name: &str) -> Option<Target> {
    TARGETS.iter().find(|target| target.name == name).copied()
}

/// A configuration is read or refused, and tells no secret either way.
fn configuration(data: &[u8]) {
    const SECRET: &str = "7h3-s3cr37-0f-17";

    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let key = format!("{{ name: web, key: {SECRET}, hear: [\"*:*\"] }}");
    let jwt = format!("{{ algorithms: [HS256], secret: {SECRET}-{SECRET}-{SECRET} }}");
    for text in [
        text.to_owned(),
        format!("{text}\naccess:\n  keys:\n    - {key}\n  jwt: {jwt}\n"),
        format!("access: {{ keys: [ {key} ], jwt: {jwt} }}\n{text}"),
    ] {
        let told = match config::parse("tidings.yaml", &text) {
            Ok(snapshot) => config::describe(&snapshot),
            Err(errors) => errors.to_string(),
        };
        assert!(!told.contains(SECRET), "{told}");
    }
}

/// A cursor is read as it is written, and anything else is a place that is gone.
fn cursor(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let cursor = text.parse::<Cursor>().ok();
    if let Some(cursor) = cursor {
        // It has one spelling.
        assert_eq!(cursor.to_string(), text);
    }
    match Since::from_last_event_id(Some(text)) {
        Since::After(after) => assert_eq!(Some(after), cursor),
        Since::Malformed => assert!(cursor.is_none() && !text.is_empty()),
        Since::Now => assert!(text.is_empty()),
    }
}

/// Who is not trusted says nothing; who is, is handed on so that the next finds the same client.
fn forwarded(data: &[u8]) {
    let mut headers = HeaderMap::new();
    for line in data.split(|byte| *byte == b'\n') {
        let Some((name, value)) = line.split_first() else {
            continue;
        };
        let name = match name {
            b'f' => FORWARDED,
            b'x' => HeaderName::from_static("x-forwarded-for"),
            b'h' => HeaderName::from_static("x-forwarded-host"),
            b'p' => HeaderName::from_static("x-forwarded-proto"),
            _ => HOST,
        };
        if let Ok(value) = HeaderValue::from_bytes(value) {
            headers.append(name, value);
        }
    }
    let trusted: Vec<IpNet> = ["10.0.0.0/8", "fd00::/8"]
        .iter()
        .filter_map(|network| network.parse().ok())
        .collect();
    let (stranger, proxy) = (IpAddr::from([192, 0, 2, 1]), IpAddr::from([10, 0, 0, 1]));
    let told = forwarded::told(stranger, &headers, &trusted);
    assert_eq!(
        told[1].as_ref().map(HeaderValue::as_bytes),
        Some(&b"192.0.2.1"[..])
    );
    assert_eq!(
        told[3].as_ref().map(HeaderValue::as_bytes),
        Some(&b"http"[..])
    );
    assert_eq!(forwarded::client(stranger, &headers, &trusted), stranger);

    let client = forwarded::client(proxy, &headers, &trusted);
    let had_both = headers.contains_key(FORWARDED) && headers.contains_key("x-forwarded-for");
    forwarded::settle(&mut headers, proxy, &trusted);
    assert_eq!(forwarded::client(proxy, &headers, &trusted), client);
    // The two spellings say the same, unless they came and did not.
    headers.remove("x-forwarded-for");
    if !had_both {
        assert_eq!(forwarded::client(proxy, &headers, &trusted), client);
    }
}

/// A rule that is read means the same once it is written.
fn rule(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    match Rule::parse(text) {
        Ok(rule) => {
            let written = rule.to_string();
            let again = Rule::parse(&written).map(|rule| rule.to_string());
            assert_eq!(again.ok().as_ref(), Some(&written));
            drop((rule.needs(), rule.keys(None, None), rule.asks_record()));
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    #[expect(clippy::print_stdout, reason = "a test that fails says by which input")]
    fn what_was_found_once_is_right_ever_after() {
        let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/corpus");
        for target in TARGETS {
            let folder = corpus.join(target.name);
            let files = std::fs::read_dir(&folder).unwrap_or_else(|e| panic!("{folder:?}: {e}"));
            let mut tried = 0;
            for file in files {
                let path = file.unwrap().path();
                println!("{}", path.display());
                (target.holds)(&std::fs::read(&path).unwrap());
                tried += 1;
            }
            assert!(tried > 0, "{}", target.name);
        }
    }

    #[test]
    fn nothing_in_the_corpus_is_of_no_target() {
        let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/corpus");
        for folder in std::fs::read_dir(corpus).unwrap() {
            let name = folder.unwrap().file_name();
            assert!(target(name.to_str().unwrap()).is_some(), "{name:?}");
        }
    }
}
