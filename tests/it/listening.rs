//! The bytes of a stream, as RestDB's clients expect them.

use serde_json::json;

use crate::harness::{ALL, EVERYTHING, Scripted, Sidecar, Subscriber, ok};

async fn sidecar() -> (Scripted, Sidecar) {
    sidecar_with(EVERYTHING).await
}

async fn sidecar_with(yaml: &str) -> (Scripted, Sidecar) {
    let upstream = Scripted::answering(ok(r#"{"id":1}"#)).await;
    let sidecar = Sidecar::start(&upstream.url(), yaml).await;
    (upstream, sidecar)
}

/// Shape: `2016-07-06T13:22:01.130Z`.
fn is_instant(text: &str) -> bool {
    let shape: String = text
        .chars()
        .map(|c| if c.is_ascii_digit() { '0' } else { c })
        .collect();
    shape == "0000-00-00T00:00:00.000Z"
}

#[tokio::test]
async fn a_stream_opens_with_restdbs_bytes() {
    let (_upstream, sidecar) = sidecar().await;
    let mut subscriber = Subscriber::open(&sidecar, ALL, &[]).await;
    let begin = subscriber.frame().await.unwrap();
    let init = subscriber.frame().await.unwrap();
    let ping = subscriber.frame().await.unwrap();
    let retry = begin.retry.unwrap();
    assert!((1000..=3000).contains(&retry), "{retry}");
    assert_eq!(
        begin.raw,
        format!(":{}\nretry: {retry}\n\n", " ".repeat(108))
    );
    let id = init.id();
    assert_eq!(
        init.raw,
        format!("id: {id}\ndata: {{\"channel\":\"init\",\"data\":{{}}}}\n\n")
    );
    assert!(is_instant(ping.data()), "{}", ping.data());
    assert_eq!(
        ping.raw,
        format!("id: {id}\nevent: ping\ndata: {}\n\n", ping.data())
    );
}

#[tokio::test]
async fn the_opening_retry_is_spread() {
    let (_upstream, sidecar) = sidecar().await;
    let mut retries = std::collections::BTreeSet::new();
    for _ in 0..12 {
        let mut subscriber = Subscriber::open(&sidecar, ALL, &[]).await;
        retries.insert(subscriber.frame().await.unwrap().retry.unwrap());
    }
    assert!(retries.len() > 1, "{retries:?}");
}

#[tokio::test]
async fn the_head_keeps_intermediaries_from_holding_or_changing_the_stream() {
    let (_upstream, sidecar) = sidecar().await;
    let subscriber = Subscriber::open(&sidecar, ALL, &[]).await;
    let head = &subscriber.head;
    assert_eq!(head.status(), 200);
    assert!(
        head.field("content-type")
            .unwrap()
            .starts_with("text/event-stream")
    );
    let cache = head.field("cache-control").unwrap();
    assert!(
        cache.contains("no-cache") && cache.contains("no-transform"),
        "{cache}"
    );
    assert_eq!(head.field("x-accel-buffering"), Some("no"));
    assert_eq!(head.field("content-length"), None);
}

#[tokio::test]
async fn the_head_says_how_durable_the_log_is() {
    let (_upstream, sidecar) = sidecar().await;
    let subscriber = Subscriber::open(&sidecar, ALL, &[]).await;
    assert_eq!(subscriber.head.field("tidings-log"), Some("memory"));
}

#[tokio::test]
async fn pings_tell_the_time_and_the_cursor() {
    let frequent = EVERYTHING.replace("path: /realtime", "path: /realtime, ping_interval: 1s");
    let (_upstream, sidecar) = sidecar_with(&frequent).await;
    let mut subscriber = sidecar.hear(ALL).await;
    sidecar.publish("GOAL", json!(1)).await.expect(200);
    let goal = subscriber.next().await;
    let mut heard = Vec::new();
    while heard.len() < 2 {
        let ping = subscriber.frame().await.unwrap();
        assert_eq!(ping.event(), "ping");
        assert!(is_instant(ping.data()), "{}", ping.data());
        assert_eq!(ping.id(), goal.id());
        heard.push(ping.data().to_owned());
    }
    assert!(heard.is_sorted_by(|a, b| a < b), "{heard:?}");
}

#[tokio::test]
async fn a_key_comes_in_a_header_or_in_the_query() {
    let (_upstream, sidecar) = sidecar().await;
    let mut by_header = sidecar
        .hear_with("/realtime", &[("X-APIKEY", "all-key")])
        .await;
    let mut by_query = sidecar.hear("/realtime?x=1&apikey=all%2Dkey").await;
    sidecar.publish("GOAL", json!(1)).await.expect(200);
    for subscriber in [&mut by_header, &mut by_query] {
        assert_eq!(subscriber.next().await.json()["event"], "GOAL");
    }
}

#[tokio::test]
async fn every_subscriber_hears_the_same_bytes_in_the_same_order() {
    let (_upstream, sidecar) = sidecar().await;
    let mut subscribers = Vec::new();
    for _ in 0..5 {
        subscribers.push(sidecar.hear(ALL).await);
    }
    for n in 0..50 {
        sidecar.publish("N", json!(n)).await.expect(200);
    }
    let mut heard = Vec::new();
    for subscriber in &mut subscribers {
        let mut frames = Vec::new();
        for n in 0..50 {
            let frame = subscriber.next().await;
            assert_eq!(frame.json()["data"], n);
            frames.push(frame.raw);
        }
        heard.push(frames);
    }
    assert!(heard.windows(2).all(|two| two[0] == two[1]));
}

#[tokio::test]
async fn a_patch_is_a_put_unless_the_stream_asks_otherwise() {
    let (_upstream, sidecar) = sidecar().await;
    let mut usual = sidecar.hear(ALL).await;
    let mut asked = sidecar.hear(&format!("{ALL}&patch=patch")).await;
    sidecar.patch("/posts/1", json!({})).await.expect(200);
    sidecar.put("/posts/1", json!({})).await.expect(200);
    for (subscriber, names) in [(&mut usual, ["put", "put"]), (&mut asked, ["patch", "put"])] {
        for name in names {
            let frame = subscriber.next().await;
            assert_eq!(frame.event(), name);
            assert_eq!(frame.json()["event"], name);
            assert_eq!(frame.json()["data"], "1");
        }
    }
}

#[tokio::test]
async fn the_configuration_may_tell_every_patch_as_one() {
    let yaml = EVERYTHING.replace("path: /realtime", "path: /realtime, patch: patch");
    let (_upstream, sidecar) = sidecar_with(&yaml).await;
    let mut subscriber = sidecar.hear(ALL).await;
    sidecar.patch("/posts/1", json!({})).await.expect(200);
    assert_eq!(subscriber.next().await.event(), "patch");
}

#[tokio::test]
async fn only_the_exact_path_is_answered_here() {
    let (upstream, sidecar) = sidecar().await;
    for path in [
        "/realtime/",
        "/realtime/x",
        "/realtimes",
        "/Realtime",
        "/api/realtime",
    ] {
        sidecar.get(path).await.expect(200);
    }
    assert_eq!(upstream.requests().len(), 5);
    sidecar.get("/realtime").await.expect(401);
    assert_eq!(upstream.requests().len(), 5);
}

#[tokio::test]
async fn a_realtime_path_that_is_not_configured_is_the_upstreams() {
    let off = EVERYTHING.replace("realtime: { restdb: { path: /realtime } }", "realtime: {}");
    let (upstream, sidecar) = sidecar_with(&off).await;
    sidecar.get("/realtime").await.expect(200);
    assert_eq!(upstream.times("GET /realtime"), 1);
    let elsewhere = EVERYTHING.replace("path: /realtime", "path: /live");
    let (_upstream, sidecar) = sidecar_with(&elsewhere).await;
    drop(sidecar.hear("/live?apikey=all-key").await);
    sidecar.get("/realtime").await.expect(200);
}

#[tokio::test]
async fn a_head_request_is_answered_with_the_head_alone() {
    let (_upstream, sidecar) = sidecar().await;
    let mut conn = crate::harness::Conn::to(sidecar.address()).await;
    conn.send(sidecar.request("HEAD", ALL, &[])).await;
    let head = conn.head().await;
    assert_eq!(head.status(), 200);
    assert!(
        head.field("content-type")
            .unwrap()
            .starts_with("text/event-stream")
    );
    assert_eq!(conn.rest().await, b"");
}
