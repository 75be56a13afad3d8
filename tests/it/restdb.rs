//! A page that behaves as RestDB's own clients do, in Chromium.
//!
//! They are generated for each database and cannot be run without one; `tests/clients/restdb.js`
//! does what they are known to do. Its page is of another site than the sidecar, as theirs are.

use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::{ALL, EVERYTHING, Place, Relay, Request, Scripted, Sidecar, answer, ok};

/// The page looks so often whether a ping is newer than 25 s, by its own clock.
const WATCH: Duration = Duration::from_secs(20);

/// A sidecar that pings each second, before an API; and the page.
async fn restdb() -> (Sidecar, Place, Scripted) {
    let api = Scripted::replying(|request: &Request| match request.head.start() {
        start if start.starts_with("POST ") => answer("201 Created", r#"{"_id":"7","n":"ä"}"#),
        start if start.starts_with("GET ") => {
            let page = "<!doctype html><meta charset=utf-8><title>page</title>";
            let length = page.len();
            format!("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {length}\r\n\r\n{page}")
        }
        _ => ok("{}"),
    })
    .await;
    let yaml = EVERYTHING
        .replace("json-server", "rest")
        .replace("path: /realtime", "ping_interval: 1s")
        + "    - { name: goal, key: goal-key, publish: [GOAL] }\n  origins: [\"*\"]\n";
    let sidecar = Sidecar::start(&api.url(), &yaml).await;
    let place = Place::page(&api.url()).await;
    place.stands_at("2016-07-06T13:22:01.130Z").await;
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients/restdb.js");
    place.run(&std::fs::read_to_string(script).unwrap()).await;
    (sidecar, place, api)
}

async fn listen(place: &mut Place, url: &str) {
    place.run(&format!("listen('{url}', 'GOAL')")).await;
    assert_eq!(place.told().await, json!(["connect"]));
}

/// What the page tells next, but for pings.
async fn told(place: &mut Place) -> Value {
    loop {
        let told = place.told().await;
        if told[0] != "ping" {
            return told;
        }
    }
}

/// The instant of the next ping.
async fn pinged(place: &mut Place) -> String {
    let told = place.told().await;
    assert_eq!(told[0], "ping", "{told}");
    told[1].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn each_write_is_told_under_a_name_that_they_listen_to() {
    let (sidecar, mut place, _api) = restdb().await;
    listen(&mut place, &sidecar.url(ALL)).await;
    sidecar.post("/posts", json!({})).await.expect(201);
    sidecar.put("/posts/7", json!({})).await.expect(200);
    sidecar.patch("/posts/8", json!({})).await.expect(200);
    sidecar.delete("/posts/9").await.expect(200);
    sidecar.publish("OTHER", json!(1)).await.expect(200);
    sidecar
        .publish("GOAL", json!({"value": "3-0"}))
        .await
        .expect(200);
    let record = json!({"_id": "7", "n": "ä"});
    for expected in [
        json!(["post", {"event": "post", "collection": "posts", "data": record}]),
        json!(["put", {"event": "put", "collection": "posts", "data": "7"}]),
        json!(["put", {"event": "put", "collection": "posts", "data": "8"}]),
        json!(["delete", {"event": "delete", "collection": "posts", "data": ["9"]}]),
        json!(["GOAL", {"event": "GOAL", "data": {"value": "3-0"}}]),
    ] {
        assert_eq!(told(&mut place).await, expected);
    }
}

#[tokio::test]
async fn a_quiet_stream_outlives_their_watch() {
    let (sidecar, mut place, _api) = restdb().await;
    listen(&mut place, &sidecar.url(ALL)).await;
    // The first comes with the stream; each is just within its time when the watch looks at it.
    for _ in 0..4 {
        let ping = pinged(&mut place).await;
        place.stands_at(&ping).await;
        place.pass(WATCH).await;
        assert_eq!(told(&mut place).await, json!(["kept"]));
    }
}

#[tokio::test]
async fn their_watch_finds_a_sidecar_that_was_started_again() {
    let (mut sidecar, mut place, _api) = restdb().await;
    let relay = Relay::before(sidecar.address()).await;
    listen(&mut place, &relay.url(ALL)).await;
    // The page sees nothing of the end: only its watch can find out.
    let ping = pinged(&mut place).await;
    relay.silence();
    sidecar.restart().await;
    place.stands_at(&ping).await;
    place.pass(WATCH).await;
    assert_eq!(told(&mut place).await, json!(["kept"]));
    // Now it is too old, and the page opens another stream.
    place.pass(WATCH).await;
    assert_eq!(told(&mut place).await, json!(["lost"]));
    assert_eq!(told(&mut place).await, json!(["connect"]));
    let ping = pinged(&mut place).await;
    place.stands_at(&ping).await;
    place.pass(WATCH).await;
    assert_eq!(told(&mut place).await, json!(["kept"]));
    sidecar.publish("GOAL", json!(1)).await.expect(200);
    assert_eq!(
        told(&mut place).await,
        json!(["GOAL", {"event": "GOAL", "data": 1}])
    );
}

#[tokio::test]
async fn no_answer_to_a_publish_has_them_try_again() {
    let (sidecar, place, _api) = restdb().await;
    let url = sidecar.url("/realtime");
    let goal = || r#"'{"event":"GOAL"}'"#.to_owned();
    let long =
        |bytes: usize| format!(r#"JSON.stringify({{ event: "GOAL", data: "x".repeat({bytes}) }})"#);
    for (key, content_type, body, status) in [
        ("goal-key", "application/json", goal(), 200),
        ("", "application/json", goal(), 401),
        ("wrong", "application/json", goal(), 401),
        ("goal-key", "text/plain", goal(), 415),
        ("goal-key", "application/x-www-form-urlencoded", goal(), 415),
        ("goal-key", "application/json", long(70_000), 413),
        ("goal-key", "application/json", long(8_000_000), 413),
        ("wrong", "text/plain", long(8_000_000), 401),
        ("goal-key", "application/json", "'{'".to_owned(), 400),
        ("goal-key", "application/json", "''".to_owned(), 400),
        (
            "goal-key",
            "application/json",
            r#"'{"event":1}'"#.to_owned(),
            400,
        ),
        (
            "all-key",
            "application/json",
            r#"'{"event":"post"}'"#.to_owned(),
            400,
        ),
        (
            "goal-key",
            "application/json",
            r#"'{"event":"OTHER"}'"#.to_owned(),
            403,
        ),
    ] {
        let headers = json!({"Content-Type": content_type, "x-apikey": key});
        let told = place
            .run(&format!("return await publish('{url}', {headers}, {body})"))
            .await;
        assert_eq!(
            (&told["tries"], &told["status"]),
            (&json!(1), &json!(status)),
            "{body:.40} {told}"
        );
        assert!(told["answer"]["message"].is_string(), "{told}");
        if status != 200 {
            assert_eq!(told["answer"]["status"], status);
        }
    }
}
