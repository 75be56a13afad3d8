//! Whatever is too much costs the one who asks for it, and nobody else.

use serde_json::json;

use crate::harness::{ALL, EVERYTHING, Frame, Scripted, Sidecar, Subscriber, eventually, ok};

async fn sidecar_with(section: &str) -> Sidecar {
    // Nothing here reaches the upstream.
    Sidecar::start("http://127.0.0.1:1", &format!("{EVERYTHING}{section}\n")).await
}

#[tokio::test]
async fn a_stream_too_many_is_told_when_to_come_back() {
    let sidecar = sidecar_with("limits: { streams: 2 }").await;
    let mut first = sidecar.hear(ALL).await;
    let mut second = sidecar.hear(ALL).await;
    let mut third = Subscriber::open(&sidecar, ALL, &[]).await;
    // Any other status or type would end a browser's EventSource for good.
    assert_eq!(third.head.status(), 200);
    let media = |stream: &Subscriber| stream.head.field("content-type").map(str::to_owned);
    assert_eq!(media(&third), media(&first));
    let frames = third.ended().await;
    assert!(frames.iter().any(|f| f.retry.is_some()), "{frames:?}");
    assert!(frames.iter().all(|f| f.data.is_none()), "{frames:?}");
    sidecar.publish("N", json!(1)).await.expect(200);
    for subscriber in [&mut first, &mut second] {
        assert_eq!(subscriber.next().await.json()["event"], "N");
    }
}

#[tokio::test]
async fn requests_go_on_while_streams_are_sent_away() {
    let upstream = Scripted::answering(ok(r#"{"id":1}"#)).await;
    let one = format!("{EVERYTHING}limits: {{ streams: 1 }}\n");
    let sidecar = Sidecar::start(&upstream.url(), &one).await;
    let mut only = sidecar.hear(ALL).await;
    let ask = async || {
        for _ in 0..20 {
            sidecar.put("/posts/1", json!({})).await.expect(200);
            sidecar.get("/posts").await.expect(200);
        }
    };
    let listen = async || {
        for _ in 0..50 {
            let frames = Subscriber::open(&sidecar, ALL, &[]).await.ended().await;
            assert!(frames.iter().all(|frame| frame.data.is_none()));
        }
    };
    tokio::join!(ask(), listen(), ask(), listen());
    for _ in 0..40 {
        assert_eq!(only.next().await.event(), "put");
    }
    only.hears_nothing_of(&sidecar).await;
}

#[tokio::test]
async fn pages_of_many_origins_hear_the_same_with_one_key() {
    for global in ["global: true", "global: false"] {
        let yaml = EVERYTHING.replace(
            "access:",
            &format!("access:\n  {global}\n  origins: [\"*\"]"),
        );
        let sidecar = Sidecar::start("http://127.0.0.1:1", &yaml).await;
        let mut subscribers = Vec::new();
        for n in 0..60 {
            let origin = format!("https://{n}.example");
            let stream = sidecar.hear_with(ALL, &[("Origin", &origin)]).await;
            let allowed = stream.head.field("access-control-allow-origin");
            assert_eq!(allowed, Some(&*origin), "{global}");
            subscribers.push(stream);
        }
        sidecar.publish("N", json!(1)).await.expect(200);
        let first = subscribers[0].next().await;
        assert_eq!(first.json()["event"], "N");
        for subscriber in &mut subscribers[1..] {
            assert_eq!(subscriber.next().await, first, "{global}");
        }
    }
}

#[tokio::test]
async fn a_subscriber_that_leaves_makes_room_without_an_event() {
    let sidecar = sidecar_with("limits: { streams: 1 }").await;
    for by_reset in [false, true, false] {
        let opened = eventually("a free stream", async || {
            let mut subscriber = Subscriber::open(&sidecar, ALL, &[]).await;
            while let Some(Frame { data, .. }) = subscriber.frame().await {
                if data.is_some() {
                    return Some(subscriber);
                }
            }
            None
        })
        .await;
        if by_reset {
            opened.reset();
        }
    }
}

#[tokio::test]
async fn a_subscriber_that_reads_nothing_is_closed_and_holds_nobody_up() {
    const COUNT: usize = 600;
    let sidecar = sidecar_with("log: { keep: { bytes: 2MiB } }").await;
    let mut slow = sidecar.hear(ALL).await;
    let mut quick = sidecar.hear(ALL).await;
    let before = sidecar.resident_kib();
    for _ in 0..COUNT {
        let data = json!("x".repeat(60_000));
        sidecar.publish("LARGE", data).await.expect(200);
        assert_eq!(quick.next().await.json()["event"], "LARGE");
    }
    let grown = sidecar.resident_kib().saturating_sub(before);
    assert!(
        grown < 24 * 1024,
        "{grown} KiB for a stream that reads nothing"
    );
    let heard = slow.ended().await;
    assert!(heard.len() < COUNT, "it was closed before it had all");
    // What it missed is told when it comes back, not skipped in silence.
    let last = heard
        .iter()
        .rev()
        .find_map(|frame| frame.id.clone())
        .unwrap();
    assert_eq!(sidecar.resume(ALL, &last).await.next().await.event(), "gap");
    quick.hears_nothing_of(&sidecar).await;
}

#[tokio::test]
async fn a_subscriber_that_was_slow_for_a_while_hears_all() {
    let sidecar = sidecar_with("log: { keep: { bytes: 64MiB } }").await;
    let mut slow = sidecar.hear(ALL).await;
    let large = "x".repeat(60_000);
    for n in 0..200 {
        sidecar
            .publish("LARGE", json!([n, large]))
            .await
            .expect(200);
    }
    for n in 0..200 {
        assert_eq!(slow.next().await.json()["data"][0], n);
    }
}
