//! Whatever is too much costs the one who asks for it, and nobody else.

use serde_json::json;
use tidings::limits::STREAM_BYTES;

use crate::harness::{
    ALL, Conn, EVERYTHING, Frame, Release, Scripted, Sidecar, Subscriber, eventually, ok,
};
use crate::pocketbase::connected_with;

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

/// Of each key as many as it may have; a key is not counted for another.
#[tokio::test]
async fn a_key_has_as_many_streams_as_it_may_and_no_more() {
    let keys = "    - { name: other, key: other-key, hear: [\"*\"] }\n";
    let yaml = format!("{EVERYTHING}{keys}limits: {{ streams_per_key: 2 }}\n");
    let sidecar = Sidecar::start("http://127.0.0.1:1", &yaml).await;
    let first = sidecar.hear(ALL).await;
    let mut second = sidecar.hear(ALL).await;
    let frames = Subscriber::open(&sidecar, ALL, &[]).await.ended().await;
    assert!(frames.iter().any(|f| f.retry.is_some()), "{frames:?}");
    let mut other = sidecar.hear("/realtime?apikey=other-key").await;
    sidecar.publish("N", json!(1)).await.expect(200);
    for subscriber in [&mut second, &mut other] {
        assert_eq!(subscriber.next().await.json()["event"], "N");
    }
    drop(first);
    eventually("room for another", async || {
        let mut stream = Subscriber::open(&sidecar, ALL, &[]).await;
        while let Some(Frame { data, .. }) = stream.frame().await {
            if data.is_some() {
                return Some(());
            }
        }
        None
    })
    .await;
}

#[tokio::test]
async fn a_client_that_says_who_it_is_late_is_counted_from_then_on() {
    let yaml = EVERYTHING.replace("restdb: { path: /realtime }", "pocketbase: {}");
    let yaml = format!("{yaml}limits: {{ streams_per_key: 1 }}\n");
    let sidecar = Sidecar::start("http://127.0.0.1:1", &yaml).await;
    let key = ("x-apikey", "all-key");
    let (first, one) = connected_with(&sidecar, &[]).await;
    let (_second, other) = connected_with(&sidecar, &[]).await;
    let submit = async |client: &str| {
        let body = json!({"clientId": client, "subscriptions": ["GOAL"]}).to_string();
        let fields = [("Content-Type", "application/json"), key];
        let answer = sidecar.send("POST", "/api/realtime", &fields, body.as_bytes());
        answer.await.status()
    };
    assert_eq!(submit(&one).await, 204);
    assert_eq!(submit(&one).await, 204);
    assert_eq!(submit(&other).await, 429);
    drop(first);
    eventually("room for the other", async || {
        (submit(&other).await == 204).then_some(())
    })
    .await;
}

/// Connections that say nothing, or never come to the end of a head.
async fn flood(sidecar: &Sidecar, count: usize) -> Vec<Conn> {
    let mut all = Vec::new();
    for number in 0..count {
        let mut conn = Conn::to(sidecar.address()).await;
        if number % 2 == 0 {
            conn.send("GET /posts HTTP/1.1\r\nX: ").await;
        }
        all.push(conn);
    }
    all
}

#[tokio::test]
async fn a_flood_of_connections_makes_room_for_those_who_ask() {
    let release = Release::new();
    let held = |request: &crate::harness::Request| request.head.start().contains("/slow");
    let upstream = Scripted::holding(&release, held, |_| ok("[]")).await;
    let few = format!("{EVERYTHING}limits: {{ connections: 10 }}\n");
    let sidecar = Sidecar::start(&upstream.url(), &few).await;
    let mut subscriber = sidecar.hear(ALL).await;
    let mut slow = Conn::to(sidecar.address()).await;
    slow.send(sidecar.request("GET", "/slow", &[])).await;
    upstream.request(0).await;
    let mut flood = flood(&sidecar, 60).await;
    for _ in 0..5 {
        sidecar.get("/posts").await.expect(200);
        sidecar.publish("N", json!(1)).await.expect(200);
        assert_eq!(subscriber.next().await.json()["event"], "N");
    }
    // The oldest are gone, and the request that was served meanwhile was not disturbed.
    for conn in &mut flood[..45] {
        assert_eq!(conn.rest().await, b"");
    }
    release.open();
    slow.response().await.expect(200);
}

#[tokio::test]
async fn a_connection_too_many_of_one_address_closes_an_older_one_of_its_own() {
    let upstream = Scripted::answering(ok("[]")).await;
    let few = format!("{EVERYTHING}limits: {{ connections_per_address: 2 }}\n");
    let sidecar = Sidecar::start(&upstream.url(), &few).await;
    let mut first = Conn::to(sidecar.address()).await;
    let mut second = Conn::to(sidecar.address()).await;
    second
        .send(
            sidecar
                .request("GET", "/posts", &[])
                .replace("Connection: close\r\n", ""),
        )
        .await;
    second.response().await.expect(200);
    let mut third = Conn::to(sidecar.address()).await;
    third.send(sidecar.request("GET", "/posts", &[])).await;
    third.response().await.expect(200);
    assert_eq!(first.rest().await, b"");
}

#[tokio::test]
async fn where_nobody_waits_a_newcomer_is_closed_and_the_log_says_why() {
    let release = Release::new();
    let upstream = Scripted::holding(&release, |_| true, |_| ok("[]")).await;
    let few = format!("{EVERYTHING}limits: {{ connections: 2 }}\n");
    let sidecar = Sidecar::start(&upstream.url(), &few).await;
    let mut served = Vec::new();
    for number in 0..2 {
        let mut conn = Conn::to(sidecar.address()).await;
        conn.send(sidecar.request("GET", "/posts", &[])).await;
        upstream.request(number).await;
        served.push(conn);
    }
    let mut newcomer = Conn::to(sidecar.address()).await;
    assert_eq!(newcomer.rest().await, b"");
    sidecar
        .logs(&["newcomers are closed", "limits.connections"])
        .await;
    let page = sidecar.admin("/metrics").await.expect(200);
    let shed = "tidings_connections_shed_total{reason=\"no_room\"} 1\n";
    assert!(page.text().contains(shed), "{}", page.text());
    for mut conn in served {
        release.open();
        conn.response().await.expect(200);
    }
}

#[tokio::test]
async fn a_connection_is_idle_for_as_long_as_it_may() {
    let upstream = Scripted::answering(ok("[]")).await;
    let short = format!("{EVERYTHING}limits: {{ idle_timeout: 300ms }}\n");
    let sidecar = Sidecar::start(&upstream.url(), &short).await;
    let mut fresh = Conn::to(sidecar.address()).await;
    let mut used = Conn::to(sidecar.address()).await;
    let request = sidecar.request("GET", "/posts", &[]);
    used.send(request.replace("Connection: close\r\n", ""))
        .await;
    used.response().await.expect(200);
    assert_eq!(fresh.rest().await, b"");
    assert_eq!(used.rest().await, b"");
}

#[tokio::test]
async fn an_idle_stream_takes_no_more_than_it_is_counted_for() {
    const COUNT: usize = 2000;
    let sidecar = sidecar_with("logging: { level: error }").await;
    // What it takes to accept some is there by then.
    let mut streams = Vec::new();
    for _ in 0..COUNT / 4 {
        streams.push(sidecar.hear(ALL).await);
    }
    let before = sidecar.own_kib();
    for _ in 0..COUNT {
        streams.push(sidecar.hear(ALL).await);
    }
    let grown = sidecar.own_kib().saturating_sub(before) * 1024;
    let counted = (COUNT * STREAM_BYTES) as u64;
    assert!(grown <= counted, "{grown} bytes, and {counted} are counted");
}

#[tokio::test]
async fn limits_beyond_the_memory_that_there_is_are_warned_of() {
    const WORDS: &[&str] = &["WARN", "memory ", "limits.connections"];
    let many = "limits: { streams: 1000000, connections: 1000000, head: 1MiB }";
    let sidecar = sidecar_with(many).await;
    sidecar.logs(WORDS).await;
    let sidecar = sidecar_with("limits: { streams: 10, connections: 10 }").await;
    assert!(!sidecar.log().contains("memory "), "{}", sidecar.log());
    sidecar.rewrite(&format!("{EVERYTHING}{many}\n"));
    sidecar.logs(WORDS).await;
}
