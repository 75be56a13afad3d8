//! Exchanges to events.
#![expect(
    clippy::panic,
    reason = "a promise that is broken is found by its panic"
)]

use std::sync::{Arc, LazyLock};

use serde_json::Value;

use crate::config;
use crate::event::{Id, Kind};
use crate::observe::{Answer, Body, Happened, Observe};

/// Whatever was asked and answered, what is told was said, and nothing of it that is not for all.
///
/// The parts are parted by NUL: how it is observed, the method, the path, the status, the media
/// type, the Location, the request's body and the answer's.
pub(super) fn events(data: &[u8]) {
    let mut parts = data.splitn(8, |byte| *byte == 0);
    let mut part = || parts.next().unwrap_or_default();
    let (by, method, path, status) = (part(), part(), part(), part());
    let (media, location, request, response) = (part(), part(), part(), part());
    let by = by.first().map_or(0, |by| usize::from(*by));
    let text = |bytes| std::str::from_utf8(bytes).ok();
    let (Some(method), Some(path), Some(observe)) =
        (text(method), text(path), OBSERVED.get(by % OBSERVED.len()))
    else {
        return;
    };
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let none = http::HeaderMap::new();
    let Some(observed) = observe.observed(method, path, query, &none) else {
        return;
    };
    let all = observed.events(Answer::Complete {
        status: text(status)
            .and_then(|status| status.parse().ok())
            .unwrap_or(200),
        location: text(location),
        media: text(media),
        request: Body::Whole(request),
        response: Body::Whole(response),
    });
    let said: [&[u8]; 4] = [path.as_bytes(), location, request, response];
    for happened in &all {
        check(happened, &said);
    }
}

fn check(happened: &Happened, said: &[&[u8]]) {
    let Kind::Write { ids, record, .. } = &happened.kind else {
        return;
    };
    let escapes = said
        .iter()
        .any(|part| part.iter().any(|byte| b"%\\".contains(byte)));
    let was_said = |text: &str| {
        let holds = |part: &&&[u8]| part.windows(text.len()).any(|at| at == text.as_bytes());
        said.iter().any(|part| holds(&part))
    };
    let was_named = |id: &Id| escapes || was_said(id.as_str());
    assert!(ids.iter().all(was_named), "{ids:?}");
    let Some(record) = record else {
        return;
    };
    let text = record.as_str();
    // Deeper than a value may be it is read by nobody here.
    let Ok(value) = serde_json::from_str::<Value>(text) else {
        panic!("no JSON is told: {text}");
    };
    assert!(value.get("password").is_none(), "{text}");
    assert!(value.pointer("/of/secret").is_none(), "{text}");
    let digit = |c: char| c.is_ascii_digit() || "+-.".contains(c);
    let numbers = text.split(|c| !digit(c)).filter(|number| number.len() > 1);
    for number in numbers {
        assert!(escapes || was_said(number), "{number} in {text}");
    }
}

/// By each preset, and by a rule with everything in it.
static OBSERVED: LazyLock<Vec<Arc<Observe>>> = LazyLock::new(|| {
    let presets = crate::observe::preset::NAMES.iter();
    let presets = presets.map(|name| format!("preset: {name}, redact: [/password, /of/secret]"));
    let own = "redact: [/password, /of/secret], rules: [{ path: '/api/{collection}/{id?}', \
        id: [/data/id, /id], record: /data, complete: request, case: any }]";
    let all = presets.chain([own.to_owned()]);
    all.map(|observe| {
        let text = format!(
            "{{ listen: '127.0.0.1:1', upstream: 'http://127.0.0.1:2', observe: {{ {observe} }} }}"
        );
        let snapshot = config::parse("tidings.yaml", &text);
        snapshot.expect("the configuration is sound").observe
    })
    .collect()
});
