//! A changed configuration counts on the open streams of a path.

use std::time::{Duration, Instant};

use jsonwebtoken::{EncodingKey, Header, encode};
use serde_json::json;

use super::{echo, open, with};
use crate::harness::{Sidecar, Subscriber, eventually};

const PATH: &str = "/s?apikey=all-key";

/// Writes until the stream tells of it under this name; how long that took.
async fn until_named(sidecar: &Sidecar, path: &str, from: &str, to: &str) -> Duration {
    let mut subscriber = open(sidecar, path).await;
    sidecar
        .put("/company/1", json!({"id": 1}))
        .await
        .expect(200);
    assert_eq!(subscriber.next().await.event(), from);
    let text = std::fs::read_to_string(sidecar.config()).unwrap();
    let start = Instant::now();
    sidecar.rewrite(&text.replace(&format!("name: {from},"), &format!("name: {to},")));
    eventually("the other name", async || {
        sidecar
            .put("/company/1", json!({"id": 1}))
            .await
            .expect(200);
        (subscriber.next().await.event() == to).then(|| start.elapsed())
    })
    .await
}

#[tokio::test]
async fn another_name_counts_within_a_second() {
    let upstream = echo().await;
    let streams = "{ path: /s, name: one, data: id }";
    let sidecar = Sidecar::start(&upstream.url(), &with(streams)).await;
    let took = until_named(&sidecar, PATH, "one", "two").await;
    assert!(took < Duration::from_secs(1), "{took:?}");
}

#[tokio::test]
async fn other_data_other_events_and_another_heartbeat_count() {
    let upstream = echo().await;
    let before = r#"{ path: /s, events: ["*:company"], data: id, heartbeat: { every: 1h } }"#;
    let after =
        r#"{ path: /s, events: ["*:posts"], data: record, heartbeat: { every: 1s, data: on } }"#;
    let sidecar = Sidecar::start(&upstream.url(), &with(before)).await;
    let mut subscriber = open(&sidecar, PATH).await;
    assert_eq!(subscriber.next().await.data(), "OK");
    sidecar.post("/company", json!({"id": 1})).await.expect(200);
    assert_eq!(subscriber.next().await.data(), "1");
    sidecar.rewrite(&with(after));
    while subscriber.next().await.data() != "on" {}
    sidecar.post("/company", json!({"id": 2})).await.expect(200);
    sidecar.post("/posts", json!({"id": 3})).await.expect(200);
    loop {
        let frame = subscriber.next().await;
        if frame.event() == "message" {
            assert_eq!(frame.data(), r#"{"id":3}"#);
            return;
        }
    }
}

#[tokio::test]
async fn a_path_that_is_gone_ends_its_streams_and_is_the_apis_again() {
    let upstream = echo().await;
    let streams = "{ path: /s }, { path: /t }";
    let sidecar = Sidecar::start(&upstream.url(), &with(streams)).await;
    let mut gone = open(&sidecar, PATH).await;
    let mut stays = open(&sidecar, "/t?apikey=all-key").await;
    sidecar.rewrite(&with("{ path: /t }"));
    assert!(gone.ended().await.iter().all(|frame| frame.data.is_none()));
    sidecar.get(PATH).await.expect(200);
    assert_eq!(upstream.times("GET /s?"), 1);
    stays.hears_nothing_of(&sidecar).await;
}

#[tokio::test]
async fn a_stream_that_is_open_no_longer_ends_for_those_who_have_no_grant() {
    let opened = "{ path: /s, access: open, events: [GOAL] }";
    let sidecar = Sidecar::start("http://127.0.0.1:1", &with(opened)).await;
    let mut guest = open(&sidecar, "/s").await;
    sidecar.rewrite(&with("{ path: /s, events: [GOAL] }"));
    assert!(guest.ended().await.iter().all(|frame| frame.data.is_none()));
    sidecar.get("/s").await.refuses(401);
    let mut known = open(&sidecar, PATH).await;
    sidecar.publish("GOAL", json!(1)).await.expect(200);
    assert_eq!(known.next().await.json()["event"], "GOAL");
    sidecar.rewrite(&with(opened));
    eventually("anyone", async || {
        let stream = Subscriber::open(&sidecar, "/s", &[]).await;
        (stream.head.status() == 200).then_some(())
    })
    .await;
    sidecar.publish("GOAL", json!(2)).await.expect(200);
    assert_eq!(known.next().await.json()["data"], 2);
}

#[tokio::test]
async fn a_filter_ends_where_records_are_told_no_longer() {
    let told = r#"{ path: /s, data: '[{record}]' }"#;
    let sidecar = Sidecar::start("http://127.0.0.1:1", &with(told)).await;
    let mut filtered = open(&sidecar, &format!("{PATH}&filter=n%3E1")).await;
    let mut all = open(&sidecar, PATH).await;
    sidecar.rewrite(&with(r#"{ path: /s, data: '{"event":{event}}' }"#));
    assert!(
        filtered
            .ended()
            .await
            .iter()
            .all(|frame| frame.data.is_none())
    );
    all.hears_nothing_of(&sidecar).await;
}

#[tokio::test]
async fn a_token_that_expires_ends_its_stream_with_a_word() {
    let secret = "a secret that is long enough for HS256";
    let jwt = format!("  jwt: {{ algorithms: [HS256], secret: \"{secret}\", leeway: 0s }}\n");
    let yaml = format!("{}{jwt}", with("{ path: /s, data: id }"));
    let sidecar = Sidecar::start("http://127.0.0.1:1", &yaml).await;
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let claims = json!({"exp": now.unwrap().as_secs() + 2, "realtime": {"sub": ["*:*"]}});
    let key = EncodingKey::from_secret(secret.as_bytes());
    let token = encode(&Header::default(), &claims, &key).unwrap();
    let mut stream = open(&sidecar, &format!("/s?jwt={token}")).await;
    let last = stream.next().await;
    assert_eq!((last.event(), &last.id), ("close", &None));
    assert_eq!(last.json(), json!({"event": "close", "reason": "expired"}));
    assert!(stream.frame().await.is_none());
}
