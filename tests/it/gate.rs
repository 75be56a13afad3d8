//! What could be read in two ways is refused before it reaches anybody.

use crate::harness::{Conn, EVERYTHING, Response, Scripted, Sidecar, ok};

/// Sends exact bytes and returns the answer, after which the connection has to be closed.
async fn refusal(sidecar: &Sidecar, bytes: impl AsRef<[u8]>) -> Response {
    let mut conn = Conn::to(sidecar.address()).await;
    conn.send(bytes).await;
    let response = conn.response().await;
    assert_eq!(conn.rest().await, b"", "nothing comes after a refusal");
    response
}

/// Checks that each of these is a 400, and that the upstream saw none of them.
async fn are_refused(requests: &[&str]) {
    let upstream = Scripted::answering(ok("{}")).await;
    let sidecar = Sidecar::start(&upstream.url(), EVERYTHING).await;
    for request in requests {
        let response = refusal(&sidecar, request).await;
        assert_eq!(response.status(), 400, "{request:?}: {}", response.text());
        response.refuses(400);
    }
    sidecar.get("/marker").await.expect(200);
    let seen: Vec<_> = upstream
        .requests()
        .into_iter()
        .map(|r| r.head.raw)
        .collect();
    assert_eq!(seen.len(), 1, "{seen:?}");
}

#[tokio::test]
async fn an_ambiguous_length_is_refused() {
    are_refused(&[
        "POST /posts HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "POST /posts HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
        "POST /posts HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc",
        "POST /posts HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
        "POST /posts HTTP/1.1\r\nHost: a\r\nContent-Length: 3, 3\r\n\r\nabc",
        "POST /posts HTTP/1.1\r\nHost: a\r\nContent-Length: +3\r\n\r\nabc",
        "POST /posts HTTP/1.1\r\nHost: a\r\nContent-Length: -3\r\n\r\nabc",
        "POST /posts HTTP/1.1\r\nHost: a\r\nContent-Length: 0x3\r\n\r\nabc",
        "POST /posts HTTP/1.1\r\nHost: a\r\nContent-Length:\r\n\r\n",
        "POST /posts HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\nabc",
    ])
    .await;
}

#[tokio::test]
async fn a_transfer_encoding_other_than_chunked_is_refused() {
    are_refused(&[
        "POST /posts HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        "POST /posts HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
        "POST /posts HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "POST /posts HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: identity\r\n\r\n",
        "POST /posts HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
        "POST /posts HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \u{b}chunked\r\n\r\n0\r\n\r\n",
        "POST /posts HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ])
    .await;
}

#[tokio::test]
async fn a_head_that_is_not_exact_is_refused() {
    are_refused(&[
        "GET /posts HTTP/1.1\nHost: a\n\n",
        "GET /posts HTTP/1.1\r\nHost: a\nX: b\r\n\r\n",
        "GET /posts HTTP/1.1\r\nHost: a\r\nX: b\r c\r\n\r\n",
        "GET /posts HTTP/1.1\r\nHost: a\r\nX: b\r\n c\r\n\r\n",
        "GET /posts HTTP/1.1\r\nHost: a\r\nX: b\0c\r\n\r\n",
        "GET /po\0sts HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /posts HTTP/1.1\r\nHost : a\r\n\r\n",
        "GET /posts HTTP/1.1\r\nHost: a\r\nno colon\r\n\r\n",
        "GET /posts HTTP/1.1\r\nHost: a\r\n: nameless\r\n\r\n",
        "GET  /posts HTTP/1.1\r\nHost: a\r\n\r\n",
        "get /posts HTTP/1.1\r\nHost: a\r\n\r\n",
    ])
    .await;
}

#[tokio::test]
async fn a_version_that_is_not_spoken_here_is_a_505() {
    let upstream = Scripted::answering(ok("{}")).await;
    let sidecar = Sidecar::start(&upstream.url(), EVERYTHING).await;
    for line in ["GET /posts HTTP/2.0", "GET /posts HTTP/1.2"] {
        let request = format!("{line}\r\nHost: a\r\n\r\n");
        refusal(&sidecar, request).await.refuses(505);
    }
    assert_eq!(upstream.requests().len(), 0);
}

#[tokio::test]
async fn a_request_without_exactly_one_host_is_refused() {
    are_refused(&[
        "GET /po sts HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /posts HTTP/1.1\r\n\r\n",
        "GET /posts HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n",
        "GET /posts HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    ])
    .await;
}

#[tokio::test]
async fn a_head_over_the_cap_is_a_431_and_one_below_it_passes() {
    let upstream = Scripted::answering(ok("{}")).await;
    let small = format!("{EVERYTHING}limits: {{ head: 2KiB }}\n");
    let sidecar = Sidecar::start(&upstream.url(), &small).await;
    let head = |bytes| {
        let padding = "x".repeat(bytes);
        format!("GET /posts HTTP/1.1\r\nHost: a\r\nConnection: close\r\nX: {padding}\r\n\r\n")
    };
    refusal(&sidecar, head(2100)).await.refuses(431);
    let mut conn = Conn::to(sidecar.address()).await;
    conn.send(head(1900)).await;
    conn.response().await.expect(200);
    assert_eq!(upstream.requests().len(), 1);
}

#[tokio::test]
async fn as_many_fields_pass_as_leave_room_for_what_the_upstream_is_told() {
    let upstream = Scripted::answering(ok("{}")).await;
    let sidecar = Sidecar::start(&upstream.url(), EVERYTHING).await;
    let head = |fields: usize| {
        let more = "X: y\r\n".repeat(fields - 1);
        format!("GET /posts HTTP/1.1\r\nHost: a\r\n{more}\r\n")
    };
    refusal(&sidecar, head(252)).await.refuses(431);
    let mut conn = Conn::to(sidecar.address()).await;
    conn.send(head(251)).await;
    conn.response().await.expect(200);
    let [request] = &upstream.requests()[..] else {
        panic!("one request goes on");
    };
    assert_eq!(request.head.raw.matches("X: y\r\n").count(), 250);
    assert!(request.head.raw.contains("X-Request-Id: "));
}

#[tokio::test]
async fn a_head_that_never_ends_is_a_408_and_one_that_never_begins_may_wait() {
    let upstream = Scripted::answering(ok("{}")).await;
    let hasty = format!("{EVERYTHING}limits: {{ head_timeout: 1s }}\n");
    let sidecar = Sidecar::start(&upstream.url(), &hasty).await;
    let mut idle = Conn::to(sidecar.address()).await;
    refusal(&sidecar, "GET /posts HTTP/1.1\r\nHost")
        .await
        .refuses(408);
    idle.send(sidecar.request("GET", "/posts", &[])).await;
    idle.response().await.expect(200);
}

#[tokio::test]
async fn a_head_that_drips_has_no_longer_than_one_that_stalls() {
    let upstream = Scripted::answering(ok("{}")).await;
    let hasty = format!("{EVERYTHING}limits: {{ head_timeout: 1s }}\n");
    let sidecar = Sidecar::start(&upstream.url(), &hasty).await;
    let mut conn = Conn::to(sidecar.address()).await;
    let endless = b"GET /posts HTTP/1.1\r\nX: ".iter().copied();
    conn.drip(endless.chain(std::iter::repeat_n(b'x', 1000)))
        .await;
    conn.response().await.refuses(408);
}

#[tokio::test]
async fn a_body_whose_chunks_are_not_exact_never_reaches_the_upstream_as_a_request() {
    let upstream = Scripted::answering(ok("{}")).await;
    let sidecar = Sidecar::start(&upstream.url(), EVERYTHING).await;
    for body in [
        "Z\r\nhello\r\n0\r\n\r\n",
        "\r\nhello\r\n0\r\n\r\n",
        "5\nhello\r\n0\r\n\r\n",
        "5;a\nb\r\nhello\r\n0\r\n\r\n",
        "5\r\nhelloworld\r\n0\r\n\r\n",
        "5\r\nhello\n0\r\n\r\n",
        "-5\r\nhello\r\n0\r\n\r\n",
        "0x5\r\nhello\r\n0\r\n\r\n",
        "10000000000000005\r\nhello\r\n0\r\n\r\n",
        "5\r\nhello\r\n0\n\n",
    ] {
        let head = "POST /posts HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
        let mut conn = Conn::to(sidecar.address()).await;
        conn.send(format!("{head}{body}")).await;
        let answer = String::from_utf8(conn.rest().await).unwrap();
        let refused = answer.starts_with("HTTP/1.1 400 ");
        assert!(refused || answer.is_empty(), "{body:?}: {answer}");
        sidecar.get("/marker").await.expect(200);
        assert_eq!(upstream.times("POST"), 0, "{body:?}");
    }
}

#[tokio::test]
async fn a_refusal_tells_nothing_of_the_upstream_and_closes() {
    let upstream = Scripted::answering(ok("{}")).await;
    let sidecar = Sidecar::start(&upstream.url(), EVERYTHING).await;
    let response = refusal(&sidecar, "GET /posts HTTP/1.1\r\n\r\n").await;
    assert_eq!(response.field("connection"), "close");
    assert!(!response.text().contains("127.0.0.1"));
}
