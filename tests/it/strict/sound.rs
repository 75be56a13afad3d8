//! What is unusual and can be read in one way only: it passes, as what it is.

use super::{Case, Recorder};
use crate::harness::{Conn, EVERYTHING, Sidecar};

/// Shape: what it is about, its bytes; and what arrives: how each request begins, and its body.
type Sound = (Case, &'static [(&'static str, &'static str)]);

#[tokio::test]
async fn what_can_be_read_in_one_way_passes() {
    for ((name, bytes), expected) in CASES {
        let upstream = Recorder::start().await;
        let sidecar = Sidecar::start(&upstream.url(), EVERYTHING).await;
        let mut conn = Conn::to(sidecar.address()).await;
        conn.send(bytes).await;
        for _ in *expected {
            let answer = conn.try_response().await;
            assert_eq!(answer.map(|a| a.status()), Some(200), "{name}");
        }
        let whole: usize = upstream.arrived().iter().map(|one| one.whole).sum();
        assert_eq!(whole, expected.len(), "{name}: {}", upstream.text());
        let text = upstream.text();
        let mut rest = &*text;
        for (start, body) in *expected {
            let at = rest.find(start);
            rest = &rest[at.unwrap_or_else(|| panic!("{name}: no {start:?} in {rest}"))..];
            let end = rest.find("\r\n\r\n").unwrap();
            rest = &rest[end + 4..];
            assert!(rest.starts_with(body), "{name}: {rest}");
            rest = &rest[body.len()..];
        }
        assert!(!rest.contains("HTTP/1.1"), "{name}: {rest}");
    }
}

pub(super) const CASES: &[Sound] = &[
    (
        ("an empty line before a request", b"\r\nGET /a HTTP/1.1\r\nHost: a\r\n\r\n"),
        &[("GET /a HTTP/1.1", "")],
    ),
    (
        ("a length of nothing", b"POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n"),
        &[("POST /a HTTP/1.1", "")],
    ),
    (
        ("white space around a length", b"POST /a HTTP/1.1\r\nHost: a\r\nContent-Length:\t 3 \t\r\n\r\nabc"),
        &[("POST /a HTTP/1.1", "abc")],
    ),
    (
        ("chunked in other letters", b"POST /a HTTP/1.1\r\nHost: a\r\nTRANSFER-ENCODING:CHUNKED\r\n\r\n3\r\nabc\r\n0\r\n\r\n"),
        &[("POST /a HTTP/1.1", "3\r\nabc\r\n0\r\n\r\n")],
    ),
    (
        ("zeros before a chunk's size", b"POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0003\r\nabc\r\n0000\r\n\r\n"),
        &[("POST /a HTTP/1.1", "3\r\nabc\r\n0\r\n\r\n")],
    ),
    (
        ("a size in capitals", b"POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nA\r\n0123456789\r\n0\r\n\r\n"),
        &[("POST /a HTTP/1.1", "A\r\n0123456789\r\n0\r\n\r\n")],
    ),
    (
        ("extensions, which concern nobody else", b"POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3;a;b=c;d=\"\\\"\"\r\nabc\r\n0;e\r\n\r\n"),
        &[("POST /a HTTP/1.1", "3\r\nabc\r\n0\r\n\r\n")],
    ),
    (
        ("a body that looks like a request", b"POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 28\r\n\r\nGET /b HTTP/1.1\r\nHost: a\r\n\r\n"),
        &[("POST /a HTTP/1.1", "GET /b HTTP/1.1\r\nHost: a\r\n\r\n")],
    ),
    (
        ("two requests", b"POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nxGET /b HTTP/1.1\r\nHost: a\r\n\r\n"),
        &[("POST /a HTTP/1.1", "x"), ("GET /b HTTP/1.1", "")],
    ),
    (
        ("two requests, the first in chunks", b"POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\nGET /b HTTP/1.1\r\nHost: a\r\n\r\n"),
        &[("POST /a HTTP/1.1", "1\r\nx\r\n0\r\n\r\n"), ("GET /b HTTP/1.1", "")],
    ),
    (
        ("an absolute target", b"GET http://a:80/b?c HTTP/1.1\r\nHost: a:80\r\n\r\n"),
        &[("GET http://a:80/b?c HTTP/1.1", "")],
    ),
    (
        ("a method of somebody's own", b"PURGE /a HTTP/1.1\r\nHost: a\r\n\r\n"),
        &[("PURGE /a HTTP/1.1", "")],
    ),
    (
        ("options of the server", b"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n"),
        &[("OPTIONS * HTTP/1.1", "")],
    ),
    (
        ("no Host in HTTP/1.0", b"GET /a HTTP/1.0\r\n\r\n"),
        &[("GET /a HTTP/1.1", "")],
    ),
    (
        ("an odd path", b"GET /a//b/./..;c/%2e%2f%00?d?e HTTP/1.1\r\nHost: a\r\n\r\n"),
        &[("GET /a//b/./..;c/%2e%2f%00?d?e HTTP/1.1", "")],
    ),
    (
        ("another upgrade than a WebSocket", b"GET /a HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n\r\n"),
        &[("GET /a HTTP/1.1", "")],
    ),
    (
        ("an IPv6 Host", b"GET /a HTTP/1.1\r\nHost: [::1]:8080\r\n\r\n"),
        &[("GET /a HTTP/1.1", "")],
    ),
    (
        ("bytes beyond ASCII in a value", b"GET /a HTTP/1.1\r\nHost: a\r\nX: \xff\xfe\r\n\r\n"),
        &[("GET /a HTTP/1.1", "")],
    ),
];

#[tokio::test]
async fn an_upgrade_to_another_protocol_reaches_nobody() {
    let upstream = Recorder::start().await;
    let sidecar = Sidecar::start(&upstream.url(), EVERYTHING).await;
    let fields = [
        ("Connection", "Upgrade, HTTP2-Settings"),
        ("Upgrade", "h2c"),
        ("HTTP2-Settings", "AAMAAABkAARAAAAAAAIAAAAA"),
    ];
    let mut conn = Conn::to(sidecar.address()).await;
    let request = sidecar
        .request("GET", "/a", &fields)
        .replace("Connection: close\r\n", "");
    conn.send(request).await;
    conn.response().await.expect(200);
    let arrived = upstream.text().to_ascii_lowercase();
    assert!(
        !arrived.contains("h2c") && !arrived.contains("http2-settings"),
        "{arrived}"
    );
}
