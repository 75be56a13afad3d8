//! Streams of the operator's own, heard by clients that somebody else wrote.

use serde_json::json;

use super::{echo, open, with};
use crate::harness::{JsonServer, Place, Relay, Request, Scripted, Sidecar, node, ok};

/// As an application's own documentation has it: two streams, one for what happens and one that
/// says that the server is there.
const SEEDS: &str = r#"
    { path: /api/my-events, events: ["*:company"], data: record },
    { path: /api/named, name: "{collection}.{action}", data: '{"id":{id}}' },
    { path: /api/heartbeat, access: open, events: [], heartbeat: { name: heartbeat, data: OK, every: 1s } },
    { path: /api/open, access: open, events: ["*:company"], data: id },
"#;

#[tokio::test]
async fn npm_eventsource_hears_named_and_unnamed_events_of_json_server() {
    let upstream = JsonServer::start(json!({"company": []})).await;
    let sidecar = Sidecar::start(&upstream.url(), &with(SEEDS)).await;
    let url = |path| sidecar.url(&format!("{path}?apikey=all-key"));
    let mut unnamed = node("eventsource.mjs", [&*url("/api/my-events")]);
    let names = ["company.create", "company.update", "company.delete"];
    let mut named = node(
        "eventsource.mjs",
        [&[&*url("/api/named")], &names[..]].concat(),
    );
    for client in [&mut unnamed, &mut named] {
        assert_eq!(client.told().await, json!({"open": true}));
    }
    sidecar
        .post("/company", json!({"name": "a"}))
        .await
        .expect(201);
    sidecar
        .patch("/company/1", json!({"name": "b"}))
        .await
        .expect(200);
    sidecar.delete("/company/1").await.expect(200);
    for name in ["a", "b"] {
        let line = unnamed.told().await;
        assert_eq!(line["event"], "message");
        assert_eq!(line["data"], json!({"name": name, "id": 1}));
    }
    for name in names {
        let line = named.told().await;
        assert_eq!(
            (&line["event"], &line["data"]),
            (&json!(name), &json!({"id": "1"}))
        );
    }
}

#[tokio::test]
async fn npm_eventsource_misses_nothing_where_heartbeats_carry_the_cursor() {
    let upstream = echo().await;
    let streams = "{ path: /s, data: id, heartbeat: { every: 1h } }";
    let sidecar = Sidecar::start(&upstream.url(), &with(streams)).await;
    let relay = Relay::before(sidecar.address()).await;
    let url = relay.url("/s?apikey=all-key");
    let mut client = node("eventsource.mjs", [&*url, "heartbeat", "gap"]);
    assert_eq!(client.told_of("event").await["data"], "OK");
    relay.cut();
    client.told_of("lost").await;
    for n in 0..3 {
        let path = format!("/company/{n}");
        sidecar.put(&path, json!({"id": n})).await.expect(200);
    }
    client.told_of("open").await;
    assert_eq!(client.told().await["event"], "heartbeat");
    for n in 0..3 {
        assert_eq!(client.told().await["data"], n);
    }
}

#[tokio::test]
async fn a_page_hears_the_heartbeat_and_its_events_as_the_standard_says() {
    let page = "<!doctype html><title>page</title>";
    let html = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {}\r\n\r\n{page}",
        page.len()
    );
    let upstream = Scripted::replying(move |request: &Request| {
        if request.head.start().starts_with("GET ") {
            html.clone()
        } else {
            ok(r#"{"id":7,"n":1}"#)
        }
    })
    .await;
    let sidecar = Sidecar::start(&upstream.url(), &with(SEEDS)).await;
    // One of this very site, and one of another, whose streams are open to it or are not.
    let mut own = Place::page(&sidecar.url("/page")).await;
    let mut other = Place::page(&format!("{}/page", upstream.url())).await;
    own.run(
        "const heartbeat = new EventSource('/api/heartbeat');
         heartbeat.addEventListener('heartbeat', (event) => { tell(['heartbeat', event.data]); heartbeat.close(); });",
    )
    .await;
    assert_eq!(own.told().await, json!(["heartbeat", "OK"]));
    own.run(
        "const records = new EventSource('api/my-events?apikey=all-key');
         records.onmessage = (event) => tell(['record', JSON.parse(event.data)]);
         await new Promise((opened) => { records.onopen = opened; });",
    )
    .await;
    let base = sidecar.url("");
    other
        .run(&format!(
            "const ids = new EventSource('{base}/api/open');
             ids.onmessage = (event) => tell(['id', event.data, event.origin]);
             await new Promise((opened) => {{ ids.onopen = opened; }});
             const refused = new EventSource('{base}/api/my-events?apikey=all-key');
             await new Promise((failed) => {{ refused.onerror = failed; }});
             tell(['closed', refused.readyState === EventSource.CLOSED]);
             const cookies = new EventSource('{base}/api/open', {{ withCredentials: true }});
             await new Promise((failed) => {{ cookies.onerror = failed; }});
             tell(['with credentials', cookies.readyState === EventSource.CLOSED]);",
        ))
        .await;
    assert_eq!(other.told().await, json!(["closed", true]));
    assert_eq!(other.told().await, json!(["with credentials", true]));
    sidecar.put("/company/7", json!({})).await.expect(200);
    assert_eq!(own.told().await, json!(["record", {"id": 7, "n": 1}]));
    assert_eq!(other.told().await, json!(["id", "7", base]));
}

/// The cursor comes without data before anything is told, and a browser keeps it.
#[tokio::test]
async fn a_page_that_was_cut_before_its_first_event_misses_nothing() {
    let html = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 0\r\n\r\n";
    let upstream = Scripted::replying(move |request: &Request| {
        if request.head.start().starts_with("GET ") {
            html.to_owned()
        } else {
            ok(r#"{"id":7}"#)
        }
    })
    .await;
    let sidecar = Sidecar::start(&upstream.url(), &with(SEEDS)).await;
    let relay = Relay::before(sidecar.address()).await;
    let mut page = Place::page(&relay.url("/page")).await;
    page.run(
        "globalThis.ids = new EventSource('/api/open');
         ids.onmessage = (event) => tell(['id', event.data, event.lastEventId]);
         ids.onerror = () => tell(['lost']);
         await new Promise((opened) => { ids.onopen = opened; });",
    )
    .await;
    relay.cut();
    assert_eq!(page.told().await, json!(["lost"]));
    sidecar.put("/company/7", json!({})).await.expect(200);
    let mut line = page.told().await;
    while line[0] == "lost" {
        line = page.told().await;
    }
    assert_eq!((&line[0], &line[1]), (&json!("id"), &json!("7")));
}

#[tokio::test]
async fn the_official_sdk_reads_what_is_told_as_cloudevents() {
    let upstream = echo().await;
    let streams = r#"
        { path: /s, data: cloudevents },
        { path: /t, data: cloudevents, source: "https://api.example/db", type: "com.example.{collection}.{action}" },
    "#;
    let sidecar = Sidecar::start(&upstream.url(), &with(streams)).await;
    let mut frames = Vec::new();
    for path in ["/s?apikey=all-key", "/t?apikey=all-key&fields=n"] {
        let mut subscriber = open(&sidecar, path).await;
        sidecar
            .post("/company", json!({"id": 7, "n": "ä"}))
            .await
            .expect(200);
        // Nothing is known of its record.
        sidecar.delete("/company/8").await.expect(200);
        sidecar.publish("GOAL", json!([1])).await.expect(200);
        for _ in 0..3 {
            frames.push(subscriber.next().await);
        }
    }
    let texts = frames.iter().map(|frame| frame.data().to_owned());
    let mut sdk = node("cloudevent.mjs", texts);
    for (frame, (source, kind, subject, data)) in frames.iter().zip([
        (
            "/s",
            "tidings.post",
            "company/7",
            json!({"id": 7, "n": "ä"}),
        ),
        ("/s", "tidings.delete", "company/8", json!({"ids": ["8"]})),
        ("/s", "tidings.GOAL", "GOAL", json!([1])),
        (
            "https://api.example/db",
            "com.example.company.create",
            "company/7",
            json!({"n": "ä"}),
        ),
        (
            "https://api.example/db",
            "com.example.company.delete",
            "company/8",
            json!({"ids": ["8"]}),
        ),
        (
            "https://api.example/db",
            "com.example..publish",
            "GOAL",
            json!([1]),
        ),
    ]) {
        let read = sdk.told().await["event"].clone();
        assert_eq!(read["specversion"], "1.0", "{read}");
        assert_eq!(read["id"], frame.id());
        assert_eq!(read["datacontenttype"], "application/json");
        assert_eq!(
            (
                &read["source"],
                &read["type"],
                &read["subject"],
                &read["data"]
            ),
            (&json!(source), &json!(kind), &json!(subject), &data)
        );
    }
}
