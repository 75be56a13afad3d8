//! An exchange as events.

use divan::{Bencher, black_box};
use http::HeaderMap;
use tidings::config;
use tidings::observe::{Answer, Body};

use super::record;

/// A record that is created, and answered with what became of it.
#[divan::bench(args = [300, 10_000])]
fn post(bencher: Bencher<'_, '_>, bytes: usize) {
    observe(
        bencher,
        ("rest", "/posts"),
        &record(bytes),
        &record(bytes),
        1,
    );
}

/// Ten that are created by one request.
#[divan::bench]
fn batch(bencher: Bencher<'_, '_>) {
    let collection = "/api/collections/posts/records";
    let asked = format!(
        r#"{{"method":"POST","url":"{collection}","body":{}}}"#,
        record(300)
    );
    let told = format!(r#"{{"status":200,"body":{}}}"#, record(300));
    let request = format!(r#"{{"requests":[{}]}}"#, [&*asked; 10].join(","));
    let response = format!("[{}]", [&*told; 10].join(","));
    observe(
        bencher,
        ("pocketbase", "/api/batch"),
        &request,
        &response,
        10,
    );
}

/// A request that is none of the rules': what every other one pays.
#[divan::bench]
fn get(bencher: Bencher<'_, '_>) {
    let observe = observed("rest");
    let fields = HeaderMap::new();
    bencher.bench_local(|| observe.observed("GET", black_box("/posts/1"), "", &fields));
}

fn observed(preset: &str) -> std::sync::Arc<tidings::observe::Observe> {
    let text = format!(
        "{{ listen: '127.0.0.1:1', upstream: 'http://127.0.0.1:2', observe: {{ preset: {preset} }} }}"
    );
    config::parse("tidings.yaml", &text).unwrap().observe
}

fn observe(
    bencher: Bencher<'_, '_>,
    (preset, path): (&str, &str),
    request: &str,
    response: &str,
    events: usize,
) {
    let (observe, fields) = (observed(preset), HeaderMap::new());
    let happened = || {
        let observed = observe
            .observed("POST", black_box(path), "", &fields)
            .unwrap();
        observed.events(Answer::Complete {
            status: 200,
            location: None,
            media: Some("application/json"),
            request: Body::Whole(request.as_bytes()),
            response: Body::Whole(response.as_bytes()),
        })
    };
    assert_eq!(happened().len(), events);
    bencher.bench_local(happened);
}
