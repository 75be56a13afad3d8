//! A request that only reads may go once more when a kept connection dies; nothing else may,
//! and nothing goes a third time.

use crate::harness::{Conn, EVERYTHING, Release, Scripted, Sidecar, ok, within};

/// An upstream whose connections each answer one request, take a second one, send `dying` and
/// close.
async fn dying_with(dying: &'static str) -> (Scripted, Sidecar) {
    let upstream = Scripted::start(move |mut peer| async move {
        peer.request().await;
        peer.conn.send(ok("")).await;
        peer.request().await;
        peer.conn.send(dying).await;
    })
    .await;
    let sidecar = Sidecar::start(&upstream.url(), EVERYTHING).await;
    (upstream, sidecar)
}

/// A downstream connection, the upstream's behind which is kept by the time that this returns.
async fn warm(sidecar: &Sidecar) -> Conn {
    let mut conn = Conn::to(sidecar.address()).await;
    conn.send("GET /warm HTTP/1.1\r\nHost: a\r\n\r\n").await;
    conn.response().await.expect(200);
    conn
}

async fn send(conn: &mut Conn, method: &str) {
    let length = if method == "POST" {
        "Content-Length: 0\r\n"
    } else {
        ""
    };
    conn.send(format!(
        "{method} /posts HTTP/1.1\r\nHost: a\r\n{length}\r\n"
    ))
    .await;
}

#[tokio::test]
async fn what_only_reads_goes_once_more() {
    for method in ["GET", "HEAD", "OPTIONS"] {
        let (upstream, sidecar) = dying_with("").await;
        let mut conn = warm(&sidecar).await;
        send(&mut conn, method).await;
        assert_eq!(conn.head().await.status(), 200, "{method}");
        assert_eq!(upstream.times(&format!("{method} /posts")), 2);
    }
}

#[tokio::test]
async fn what_is_not_known_to_only_read_goes_once() {
    for method in ["TRACE", "POST", "PROPFIND"] {
        let (upstream, sidecar) = dying_with("").await;
        let mut conn = warm(&sidecar).await;
        send(&mut conn, method).await;
        conn.response().await.refuses(502);
        assert_eq!(upstream.times(&format!("{method} /posts")), 1, "{method}");
    }
}

#[tokio::test]
async fn nothing_goes_once_more_when_an_answer_had_begun() {
    for dying in [
        "H",
        "HTTP/1.1 20",
        "HTTP/1.1 200 OK\r\nContent-Le",
        "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n",
    ] {
        let (upstream, sidecar) = dying_with(dying).await;
        let mut conn = warm(&sidecar).await;
        send(&mut conn, "GET").await;
        let mut response = conn.response().await;
        if response.status() == 103 {
            response = conn.response().await;
        }
        assert_eq!(upstream.times("GET /posts"), 1, "{dying}");
        response.refuses(502);
    }
}

#[tokio::test]
async fn a_read_goes_no_third_time_however_many_kept_connections_died() {
    const KEPT: usize = 5;
    for method in ["GET", "HEAD", "OPTIONS"] {
        let (came, go_on) = (Release::new(), Release::new());
        let (tell, until) = (came.clone(), go_on.clone());
        let upstream = Scripted::start(move |mut peer| {
            let (tell, until) = (tell.clone(), until.clone());
            async move {
                let first = peer.request().await;
                if first.is_some_and(|request| request.head.start().contains("/warm")) {
                    tell.open();
                    until.wait().await;
                }
                peer.conn.send(ok("")).await;
                peer.request().await;
            }
        })
        .await;
        let sidecar = Sidecar::start(&upstream.url(), EVERYTHING).await;
        // All at once, so that there are as many connections, and all of them are kept.
        let mut conns = Vec::new();
        for _ in 0..KEPT {
            let mut conn = Conn::to(sidecar.address()).await;
            conn.send("GET /warm HTTP/1.1\r\nHost: a\r\n\r\n").await;
            within("a request upstream", came.wait()).await;
            conns.push(conn);
        }
        for conn in &mut conns {
            go_on.open();
            conn.response().await.expect(200);
            // The next request on a connection is taken when the last one is all done with.
            conn.send("OPTIONS /realtime HTTP/1.1\r\nHost: a\r\n\r\n")
                .await;
            conn.response().await.expect(204);
        }
        send(&mut conns[0], method).await;
        let status = conns[0].head().await.status();
        assert!([200, 502].contains(&status), "{status}");
        let times = upstream.times(&format!("{method} /posts"));
        assert!((1..=2).contains(&times), "{method}: {times} times");
    }
}
