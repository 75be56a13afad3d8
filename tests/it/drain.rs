//! SIGTERM ends everything in order, and in time.

use serde_json::json;

use crate::harness::{ALL, Conn, EVERYTHING, Release, Scripted, Sidecar, eventually, ok, within};

/// A grace that no test waits for: a sidecar that ends within it had nothing left to do.
const PATIENT: &str = "drain: 5m\n";

#[tokio::test]
async fn it_ends_at_once_when_nothing_is_left() {
    let upstream = Scripted::answering(ok("{}")).await;
    let sidecar = Sidecar::start(&upstream.url(), &format!("{EVERYTHING}{PATIENT}")).await;
    let mut idle = Conn::to(sidecar.address()).await;
    idle.send("GET /posts HTTP/1.1\r\nHost: a\r\n\r\n").await;
    idle.response().await.expect(200);
    let _silent = Conn::to(sidecar.address()).await;
    sidecar.sigterm();
    assert_eq!(sidecar.exit().await.code(), Some(0));
    assert_eq!(idle.rest().await, b"");
}

#[tokio::test]
async fn streams_end_with_when_to_come_back() {
    let sidecar = Sidecar::start("http://127.0.0.1:1", &format!("{EVERYTHING}{PATIENT}")).await;
    let mut retries = std::collections::BTreeSet::new();
    let mut subscribers = Vec::new();
    for _ in 0..8 {
        subscribers.push(sidecar.hear(ALL).await);
    }
    sidecar.publish("LAST", json!(1)).await.expect(200);
    sidecar.sigterm();
    for subscriber in &mut subscribers {
        assert_eq!(subscriber.next().await.json()["event"], "LAST");
        let frames = subscriber.ended().await;
        let [end] = &frames[..] else {
            panic!("{frames:?}");
        };
        retries.insert(end.retry.unwrap());
        assert_eq!((&end.data, &end.event), (&None, &None));
    }
    assert!(retries.len() > 1, "all come back at once: {retries:?}");
    assert_eq!(sidecar.exit().await.code(), Some(0));
}

/// An upstream that answers once the test says so.
async fn holding() -> (Scripted, Release) {
    let release = Release::new();
    let until = release.clone();
    let upstream = Scripted::start(move |mut peer| {
        let until = until.clone();
        async move {
            while peer.request().await.is_some() {
                until.wait().await;
                peer.conn.send(ok(r#"{"id":1}"#)).await;
            }
        }
    })
    .await;
    (upstream, release)
}

#[tokio::test]
async fn a_request_in_flight_finishes_and_new_ones_are_not_taken() {
    let (upstream, release) = holding().await;
    let sidecar = Sidecar::start(&upstream.url(), &format!("{EVERYTHING}{PATIENT}")).await;
    let mut conn = Conn::to(sidecar.address()).await;
    conn.send("POST /posts HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}")
        .await;
    upstream.request(0).await;
    sidecar.sigterm();
    eventually("the listener to close", async || {
        let again = tokio::net::TcpStream::connect(sidecar.address()).await;
        again.is_err().then_some(())
    })
    .await;
    release.open();
    conn.response().await.expect(200);
    assert_eq!(sidecar.exit().await.code(), Some(0));
}

#[tokio::test]
async fn it_waits_no_longer_than_its_grace() {
    let (upstream, _never) = holding().await;
    let sidecar = Sidecar::start(&upstream.url(), &format!("{EVERYTHING}drain: 2s\n")).await;
    let mut conn = Conn::to(sidecar.address()).await;
    conn.send("POST /posts HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}")
        .await;
    upstream.request(0).await;
    let begin = std::time::Instant::now();
    sidecar.sigterm();
    assert_eq!(sidecar.exit().await.code(), Some(0));
    let took = begin.elapsed().as_secs_f64();
    assert!((1.9..5.0).contains(&took), "{took} s");
}

#[tokio::test]
async fn a_reader_that_left_is_not_waited_for() {
    let (upstream, _never) = holding().await;
    let sidecar = Sidecar::start(&upstream.url(), &format!("{EVERYTHING}{PATIENT}")).await;
    let mut stream = sidecar.hear(ALL).await;
    let mut conn = Conn::to(sidecar.address()).await;
    conn.send("GET /posts HTTP/1.1\r\nHost: a\r\n\r\n").await;
    upstream.request(0).await;
    sidecar.sigterm();
    within("the stream's end", stream.ended()).await;
    conn.reset();
    assert_eq!(sidecar.exit().await.code(), Some(0));
}

#[tokio::test]
async fn a_name_that_is_still_being_looked_up_is_not_waited_for() {
    // Where no resolver answers, the lookup goes on for longer than this test has patience;
    // where one does, the request is over before the signal comes.
    let yaml = format!("{EVERYTHING}drain: 1s\n").replace(
        "UPSTREAM",
        "{ url: \"http://name.invalid\", connect_timeout: 1s }",
    );
    let sidecar = Sidecar::start("", &yaml).await;
    let mut conn = Conn::to(sidecar.address()).await;
    conn.send("GET /posts HTTP/1.1\r\nHost: a\r\n\r\n").await;
    let status = conn.response().await.status();
    assert!([502, 504].contains(&status), "{status}");
    sidecar.sigterm();
    assert_eq!(sidecar.exit().await.code(), Some(0));
}

#[tokio::test]
async fn a_stream_that_is_just_joining_gets_a_head_or_is_closed() {
    let sidecar = Sidecar::start("http://127.0.0.1:1", &format!("{EVERYTHING}{PATIENT}")).await;
    let mut joining = Vec::new();
    for _ in 0..100 {
        joining.push(Conn::to(sidecar.address()).await);
    }
    let request = format!("GET {ALL} HTTP/1.1\r\nHost: a\r\n\r\n");
    for (number, conn) in joining.iter_mut().enumerate() {
        conn.send(&request).await;
        if number == 50 {
            sidecar.sigterm();
        }
    }
    for mut conn in joining {
        let came = String::from_utf8(conn.rest().await).unwrap();
        let sound = came.is_empty() || came.starts_with("HTTP/1.1 200 OK\r\n");
        assert!(
            sound && (came.is_empty() || came.contains("\r\n\r\n")),
            "{came:?}"
        );
    }
    assert_eq!(sidecar.exit().await.code(), Some(0));
}

#[tokio::test]
async fn half_a_head_is_not_waited_for() {
    let (upstream, _never) = holding().await;
    let sidecar = Sidecar::start(&upstream.url(), &format!("{EVERYTHING}{PATIENT}")).await;
    let mut conn = Conn::to(sidecar.address()).await;
    conn.send("GET /posts HTTP/1.1\r\nHo").await;
    // What is asked later on another connection is answered: the half was read before.
    sidecar.publish("N", serde_json::json!(1)).await.expect(200);
    sidecar.sigterm();
    assert_eq!(sidecar.exit().await.code(), Some(0));
}
