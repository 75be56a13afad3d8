//! A body of any size passes byte for byte, however its end is told.

use crate::harness::{Conn, EVERYTHING, Scripted, Sidecar, ok};

const UP: usize = 5_000_000;
const DOWN: usize = 20_000_000;

/// Bytes that do not repeat at the length of any buffer.
fn pattern(length: usize) -> Vec<u8> {
    let mut bytes = (0..251).collect::<Vec<u8>>().repeat(length / 251 + 1);
    bytes.truncate(length);
    bytes
}

/// `body` in chunks of sizes that differ, with the last one.
fn chunked(body: &[u8]) -> Vec<u8> {
    let mut coded = Vec::with_capacity(body.len() + body.len() / 100);
    let (mut rest, mut sizes) = (body, [1, 70_000, 4096, 333].into_iter().cycle());
    while !rest.is_empty() {
        let (chunk, after) = rest.split_at(rest.len().min(sizes.next().unwrap()));
        coded.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
        coded.extend_from_slice(chunk);
        coded.extend_from_slice(b"\r\n");
        rest = after;
    }
    coded.extend_from_slice(b"0\r\n\r\n");
    coded
}

/// An upstream that answers each request with that head and that body, and closes.
async fn answering(head: &'static str, body: Vec<u8>) -> Scripted {
    Scripted::start(move |mut peer| {
        let body = body.clone();
        async move {
            peer.request().await;
            peer.conn
                .send(format!("HTTP/1.1 200 OK\r\n{head}\r\n"))
                .await;
            peer.conn.send(body).await;
        }
    })
    .await
}

#[tokio::test]
async fn a_large_request_arrives_whole() {
    let upstream = Scripted::answering(ok("{}")).await;
    let sidecar = Sidecar::start(&upstream.url(), EVERYTHING).await;
    let body = pattern(UP);
    for (number, (head, coded)) in [
        ("Content-Length: 5000000", body.clone()),
        ("Transfer-Encoding: chunked", chunked(&body)),
    ]
    .into_iter()
    .enumerate()
    {
        let mut conn = Conn::to(sidecar.address()).await;
        conn.send(format!(
            "PUT /posts/1 HTTP/1.1\r\nHost: a\r\n{head}\r\n\r\n"
        ))
        .await;
        conn.send(coded).await;
        conn.response().await.expect(200);
        let came = upstream.request(number).await.body;
        assert!(came == body, "{head}: {} bytes came", came.len());
    }
}

#[tokio::test]
async fn a_large_answer_arrives_whole() {
    let body = pattern(DOWN);
    for (head, coded) in [
        ("Content-Length: 20000000\r\n", body.clone()),
        ("Transfer-Encoding: chunked\r\n", chunked(&body)),
        ("Connection: close\r\n", body.clone()),
    ] {
        let upstream = answering(head, coded).await;
        let sidecar = Sidecar::start(&upstream.url(), EVERYTHING).await;
        let response = sidecar.get("/posts").await.expect(200);
        let came = response.body;
        assert!(came == body, "{head}: {} bytes came", came.len());
    }
}

#[tokio::test]
async fn a_reader_that_pauses_gets_all_and_holds_nobody_up() {
    let body = pattern(DOWN);
    let upstream = answering("Content-Length: 20000000\r\n", body.clone()).await;
    let sidecar = Sidecar::start(&upstream.url(), EVERYTHING).await;
    let mut conn = Conn::to(sidecar.address()).await;
    conn.send("GET /large HTTP/1.1\r\nHost: a\r\n\r\n").await;
    conn.head().await;
    let mut came = conn.exact(DOWN / 20).await;
    // As long as others are served in full, this one reads nothing.
    let other = sidecar.get("/posts").await.expect(200);
    assert!(other.body == body);
    came.extend(conn.exact(DOWN - came.len()).await);
    assert!(came == body);
}
