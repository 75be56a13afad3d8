//! What is not for a realtime path passes, unchanged, once and without delay.

use crate::harness::{Conn, EVERYTHING, Release, Scripted, Sidecar, Subscriber, ok};

const TARGET: &str = "/a%2Fb/../c//d;e=f?x=1&y=%20&x=2";

const FIELDS: &[(&str, &str)] = &[
    ("Host", "api.example:8443"),
    ("X-Odd", "a,  b;\"c\""),
    ("Cookie", "a=b; c=d"),
    ("Authorization", "Bearer abc"),
    ("Accept-Encoding", "gzip, br"),
    ("If-None-Match", "W/\"1\""),
    ("Content-Type", "text/plain"),
    ("Content-Length", "7"),
];

#[tokio::test]
async fn a_request_reaches_the_upstream_unchanged_and_once() {
    let upstream = Scripted::answering(ok("{}")).await;
    let sidecar = Sidecar::start(&upstream.url(), EVERYTHING).await;
    let lines: String = FIELDS
        .iter()
        .map(|(n, v)| format!("{n}: {v}\r\n"))
        .collect();
    let mut conn = Conn::to(sidecar.address()).await;
    conn.send(format!("POST {TARGET} HTTP/1.1\r\n{lines}\r\n\0\r\nbody"))
        .await;
    conn.response().await.expect(200);
    let request = upstream.request(0).await;
    assert_eq!(request.head.start(), format!("POST {TARGET} HTTP/1.1"));
    for (name, value) in FIELDS {
        let came: Vec<_> = request.head.fields(name).collect();
        assert_eq!(came, [*value], "{name}");
    }
    assert_eq!(request.body, b"\0\r\nbody");
    assert_eq!(upstream.requests().len(), 1);
}

#[tokio::test]
async fn a_chunked_body_reaches_the_upstream_whole() {
    let upstream = Scripted::answering(ok("{}")).await;
    let sidecar = Sidecar::start(&upstream.url(), EVERYTHING).await;
    let mut conn = Conn::to(sidecar.address()).await;
    conn.send("POST /posts HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
        .await;
    conn.send("5\r\nhello\r\n6;ext=1\r\n world\r\n0\r\n\r\n")
        .await;
    conn.response().await.expect(200);
    let request = upstream.request(0).await;
    assert!(request.head.is_chunked(), "{}", request.head.raw);
    assert_eq!(request.body, b"hello world");
}

#[tokio::test]
async fn what_concerns_one_connection_alone_does_not_pass() {
    let upstream = Scripted::answering(ok("{}")).await;
    let sidecar = Sidecar::start(&upstream.url(), EVERYTHING).await;
    let headers = [
        ("Connection", "X-Mine"),
        ("X-Mine", "1"),
        ("Keep-Alive", "timeout=5"),
        ("Proxy-Connection", "keep-alive"),
        ("X-Yours", "2"),
    ];
    sidecar.ask("GET", "/posts", &headers).await.expect(200);
    let head = upstream.request(0).await.head;
    for name in ["X-Mine", "Keep-Alive", "Proxy-Connection"] {
        assert_eq!(head.field(name), None, "{name}");
    }
    assert_eq!(head.field("X-Yours"), Some("2"));
}

#[tokio::test]
async fn what_an_answer_says_of_its_own_connection_does_not_pass() {
    let fields = "Connection: X-Mine, Keep-Alive, Content-Length\r\nX-Mine: 1\r\n\
        Keep-Alive: timeout=5\r\nProxy-Connection: keep-alive\r\nX-Yours: 2\r\n";
    let upstream = Scripted::answering(format!(
        "HTTP/1.0 200 OK\r\n{fields}Content-Length: 2\r\n\r\n{{}}"
    ))
    .await;
    let sidecar = Sidecar::start(&upstream.url(), EVERYTHING).await;
    let mut conn = Conn::to(sidecar.address()).await;
    for _ in 0..2 {
        conn.send("GET /posts HTTP/1.1\r\nHost: a\r\n\r\n").await;
        let head = conn.response().await.expect(200).head;
        assert_eq!(head.start(), "HTTP/1.1 200 OK");
        for name in ["X-Mine", "Keep-Alive", "Proxy-Connection"] {
            assert_eq!(head.field(name), None, "{name}");
        }
        let own: Vec<_> = head.fields("Connection").collect();
        assert_eq!(own, ["keep-alive"]);
        assert_eq!(head.field("X-Yours"), Some("2"));
        assert_eq!(head.field("Content-Length"), Some("2"));
    }
}

#[tokio::test]
async fn a_response_comes_back_unchanged() {
    let body = "[1, \u{e4}\0]";
    let upstream = Scripted::answering(format!(
        "HTTP/1.1 207 Some Such\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\nETag: W/\"x\"\r\nX-Odd: a,  b\r\n\
         Content-Encoding: gzip\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    ))
    .await;
    let sidecar = Sidecar::start(&upstream.url(), EVERYTHING).await;
    let response = sidecar.get("/posts").await.expect(207);
    assert_eq!(response.body, body.as_bytes());
    let cookies: Vec<_> = response.head.fields("set-cookie").collect();
    assert_eq!(cookies, ["a=1", "b=2"]);
    assert_eq!(response.field("etag"), "W/\"x\"");
    assert_eq!(response.field("x-odd"), "a,  b");
    assert_eq!(response.field("content-encoding"), "gzip");
}

/// Answers `method` in two pieces and checks that the first is there before the second exists.
async fn first_piece_is_not_held_back(method: &str, first: &'static str, second: &'static str) {
    let release = Release::new();
    let until = release.clone();
    let upstream = Scripted::start(move |mut peer| {
        let until = until.clone();
        async move {
            peer.request().await;
            peer.conn.send(first).await;
            until.wait().await;
            peer.conn.send(second).await;
        }
    })
    .await;
    let sidecar = Sidecar::start(&upstream.url(), EVERYTHING).await;
    let mut conn = Conn::to(sidecar.address()).await;
    let request = sidecar.request(method, "/posts", &[("Content-Length", "0")]);
    conn.send(request).await;
    let head = conn.head().await;
    assert_eq!(conn.piece(&head).await, b"hello", "{first}");
    release.open();
    assert_eq!(conn.piece(&head).await, b"world", "{first}");
}

#[tokio::test]
async fn a_response_streams_undelayed_however_its_end_is_told() {
    for method in ["GET", "POST"] {
        for (first, second) in [
            (
                "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello",
                "world",
            ),
            (
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
                "5\r\nworld\r\n0\r\n\r\n",
            ),
            ("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhello", "world"),
            ("HTTP/1.0 200 OK\r\n\r\nhello", "world"),
        ] {
            first_piece_is_not_held_back(method, first, second).await;
        }
    }
}

#[tokio::test]
async fn a_request_body_streams_undelayed() {
    let (seen, until) = (Release::new(), Release::new());
    let (see, wait) = (seen.clone(), until.clone());
    let upstream = Scripted::start(move |mut peer| {
        let (see, wait) = (see.clone(), wait.clone());
        async move {
            peer.conn.head().await;
            peer.conn.exact(5).await;
            see.open();
            wait.wait().await;
            peer.conn.exact(5).await;
            peer.conn.send(ok("{}")).await;
        }
    })
    .await;
    let sidecar = Sidecar::start(&upstream.url(), EVERYTHING).await;
    let mut conn = Conn::to(sidecar.address()).await;
    conn.send("POST /posts HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhello")
        .await;
    crate::harness::within("the first piece upstream", seen.wait()).await;
    until.open();
    conn.send("world").await;
    conn.response().await.expect(200);
}

#[tokio::test]
async fn a_connection_is_kept_and_its_third_request_may_be_a_stream() {
    let upstream = Scripted::replying(|request| ok(&format!("\"{}\"", request.head.start()))).await;
    let sidecar = Sidecar::start(&upstream.url(), EVERYTHING).await;
    let mut conn = Conn::to(sidecar.address()).await;
    for path in ["/a", "/b"] {
        conn.send(format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n"))
            .await;
        let told = conn.response().await.expect(200).json();
        assert_eq!(told, format!("GET {path} HTTP/1.1"));
    }
    conn.send("GET /realtime HTTP/1.1\r\nHost: a\r\nx-apikey: all-key\r\n\r\n")
        .await;
    let mut subscriber = Subscriber::on(conn).await;
    assert_eq!(subscriber.next().await.json()["channel"], "init");
    subscriber.hears_nothing_of(&sidecar).await;
    assert_eq!(upstream.requests().len(), 2);
}

#[tokio::test]
async fn pipelined_requests_are_answered_in_order_and_reach_the_upstream_once() {
    let upstream = Scripted::replying(|request| ok(&format!("\"{}\"", request.head.start()))).await;
    let sidecar = Sidecar::start(&upstream.url(), EVERYTHING).await;
    let mut conn = Conn::to(sidecar.address()).await;
    conn.send(
        "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}\
         PUT /b HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n\
         GET /c HTTP/1.1\r\nHost: a\r\n\r\n",
    )
    .await;
    for start in ["POST /a", "PUT /b", "GET /c"] {
        let told = conn.response().await.expect(200).json();
        assert_eq!(told, format!("{start} HTTP/1.1"));
        assert_eq!(upstream.times(start), 1, "{start}");
    }
}

#[tokio::test]
async fn who_expects_100_continue_is_told_to() {
    let upstream = Scripted::start(|mut peer| async move {
        peer.conn.head().await;
        peer.conn.send("HTTP/1.1 100 Continue\r\n\r\n").await;
        assert_eq!(peer.conn.exact(5).await, b"hello");
        peer.conn.send(ok("{}")).await;
    })
    .await;
    let sidecar = Sidecar::start(&upstream.url(), EVERYTHING).await;
    let mut conn = Conn::to(sidecar.address()).await;
    conn.send(
        "POST /posts HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n",
    )
    .await;
    conn.response().await.expect(100);
    conn.send("hello").await;
    conn.response().await.expect(200);
}

#[tokio::test]
async fn an_answer_without_a_body_leaves_the_connection_in_order() {
    let upstream = Scripted::replying(|request| {
        let status = match request.head.start().split(' ').next() {
            Some("HEAD") => "200 OK\r\nContent-Length: 5",
            Some("GET") => "304 Not Modified\r\nContent-Length: 5",
            _ => "204 No Content",
        };
        format!("HTTP/1.1 {status}\r\nETag: \"1\"\r\n\r\n")
    })
    .await;
    let sidecar = Sidecar::start(&upstream.url(), EVERYTHING).await;
    let mut conn = Conn::to(sidecar.address()).await;
    for (method, status) in [("HEAD", 200), ("GET", 304), ("OPTIONS", 204), ("HEAD", 200)] {
        conn.send(format!("{method} /posts HTTP/1.1\r\nHost: a\r\n\r\n"))
            .await;
        let head = conn.head().await;
        assert_eq!(head.status(), status, "{}", head.raw);
        assert_eq!(head.field("etag"), Some("\"1\""));
    }
}

#[tokio::test]
async fn an_upstream_that_is_down_is_a_502() {
    let nobody = format!("http://127.0.0.1:{}", crate::harness::free_port());
    let sidecar = Sidecar::start(&nobody, EVERYTHING).await;
    let response = sidecar.get("/posts").await;
    response.refuses(502);
    assert!(
        !response.text().contains("127.0.0.1"),
        "{}",
        response.text()
    );
}

#[tokio::test]
async fn an_upstream_that_is_silent_is_a_504() {
    let upstream =
        Scripted::start(|mut peer| async move { while peer.request().await.is_some() {} }).await;
    let impatient = EVERYTHING.replace("UPSTREAM", "{ url: UPSTREAM, read_timeout: 1s }");
    let sidecar = Sidecar::start(&upstream.url(), &impatient).await;
    sidecar.get("/posts").await.refuses(504);
    assert_eq!(upstream.times("GET /posts"), 1);
}

const UPGRADE: &str =
    "GET /chat HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";

const SWITCHED: &str =
    "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";

#[tokio::test]
async fn an_upgraded_connection_passes_bytes_both_ways_to_the_last() {
    let upstream = Scripted::start(|mut peer| async move {
        peer.request().await;
        peer.conn.send(format!("{SWITCHED}hello ")).await;
        if let Some(mut said) = peer.conn.try_exact(4).await {
            said.reverse();
            peer.conn.send(said).await;
        }
    })
    .await;
    let sidecar = Sidecar::start(&upstream.url(), EVERYTHING).await;
    let mut conn = Conn::to(sidecar.address()).await;
    conn.send(UPGRADE).await;
    conn.response().await.expect(101);
    conn.send("drow").await;
    assert_eq!(conn.rest().await, b"hello word");
}

#[tokio::test]
async fn a_tunnel_stays_open_however_soon_the_upstream_opened_it() {
    // It switches before it has read a byte: nothing can be sooner.
    let upstream = Scripted::start(|mut peer| async move {
        peer.conn.send(SWITCHED).await;
        peer.request().await;
        let said = peer.conn.exact(4).await;
        peer.conn.send(said).await;
    })
    .await;
    let sidecar = Sidecar::start(&upstream.url(), EVERYTHING).await;
    // What went wrong here once did so every other time.
    for _ in 0..30 {
        let mut conn = Conn::to(sidecar.address()).await;
        conn.send(UPGRADE).await;
        conn.response().await.expect(101);
        conn.send("word").await;
        assert_eq!(conn.rest().await, b"word");
    }
}

#[tokio::test]
async fn a_client_of_http_1_0_is_told_nothing_on_the_way_to_its_answer() {
    let hint = "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n";
    let upstream = Scripted::answering(format!("{hint}{}", ok("{}"))).await;
    let sidecar = Sidecar::start(&upstream.url(), EVERYTHING).await;
    for (version, first) in [("1.0", 200), ("1.1", 103)] {
        let mut conn = Conn::to(sidecar.address()).await;
        conn.send(format!("GET /posts HTTP/{version}\r\nHost: a\r\n\r\n"))
            .await;
        assert_eq!(conn.head().await.status(), first, "HTTP/{version}");
    }
}

#[tokio::test]
async fn a_client_of_http_1_0_gets_what_it_can_read() {
    let upstream = Scripted::answering(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n",
    )
    .await;
    let sidecar = Sidecar::start(&upstream.url(), EVERYTHING).await;
    let mut conn = Conn::to(sidecar.address()).await;
    conn.send("GET /posts HTTP/1.0\r\n\r\n").await;
    let head = conn.head().await;
    assert_eq!(head.status(), 200);
    assert_eq!(head.field("transfer-encoding"), None);
    assert_eq!(conn.rest().await, b"hello world");
    // It sent none, and HTTP/1.1 has no request without one.
    let request = upstream.request(0).await;
    assert_eq!(request.head.start(), "GET /posts HTTP/1.1");
    assert_eq!(
        request.head.fields("host").count(),
        1,
        "{}",
        request.head.raw
    );
}

#[tokio::test]
async fn an_upstream_that_dies_after_it_said_to_continue_is_a_502() {
    let upstream = Scripted::start(|mut peer| async move {
        peer.conn.head().await;
        peer.conn.send("HTTP/1.1 100 Continue\r\n\r\n").await;
        peer.conn.exact(5).await;
    })
    .await;
    let sidecar = Sidecar::start(&upstream.url(), EVERYTHING).await;
    let mut conn = Conn::to(sidecar.address()).await;
    conn.send(
        "POST /posts HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n",
    )
    .await;
    conn.response().await.expect(100);
    conn.send("hello").await;
    conn.response().await.refuses(502);
}

#[tokio::test]
async fn a_sign_that_no_target_may_have_passes_as_it_is_or_encoded() {
    let upstream = Scripted::answering(ok("{}")).await;
    let sidecar = Sidecar::start(&upstream.url(), EVERYTHING).await;
    for (sign, in_path, in_query) in [
        ("\"", "\"", "%22"),
        ("<", "%3C", "%3C"),
        (">", "%3E", "%3E"),
        ("`", "%60", "`"),
        ("{|}^\\[]", "{|}^\\[]", "{|}^\\[]"),
    ] {
        let target = format!("/a{sign}b?c={sign}d");
        sidecar.get(&target).await.expect(200);
        let seen = upstream.requests().last().unwrap().head.start().to_owned();
        assert_eq!(seen, format!("GET /a{in_path}b?c={in_query}d HTTP/1.1"));
    }
}
