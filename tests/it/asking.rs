//! What the API is asked about its users, what it is not told, and what an answer means.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use jsonwebtoken::{EncodingKey, Header, encode};
use serde_json::json;

use crate::harness::{
    ALL, Conn, EVERYTHING, Place, Process, Release, Response, Scripted, Sidecar, Subscriber,
    answer, eventually, free_port, ok, test_folder,
};
use crate::reaching::certificate;

/// [`EVERYTHING`], and whoever the API knows, who hears and publishes GOAL.
fn with(identity: &str) -> String {
    let rights = "hear: [GOAL], publish: [GOAL]";
    let identity = format!("  identity: {{ ask: \"/api/me?x=1\", {rights}, {identity} }}\n");
    format!("{EVERYTHING}{identity}")
}

fn cookies() -> String {
    with("cookies: [sessionid, sig], cache: 1h")
}

/// What a stream is answered, as far as its head says.
async fn head(sidecar: &Sidecar, headers: &[(&str, &str)]) -> Response {
    Response {
        head: Subscriber::open(sidecar, "/realtime", headers).await.head,
        body: Vec::new(),
    }
}

async fn publish(sidecar: &Sidecar, headers: &[(&str, &str)]) -> Response {
    let json = [("Content-Type", "application/json")];
    let body = json!({"event": "GOAL"}).to_string();
    let headers = [&json, headers].concat();
    sidecar
        .send("POST", "/realtime", &headers, body.as_bytes())
        .await
}

// --- what the API is shown ---

#[tokio::test]
async fn the_api_is_shown_the_credential_and_nothing_else() {
    let told = answer(
        "200 OK\r\nSet-Cookie: sessionid=other",
        r#"{"id":1,"secret":"of hers"}"#,
    );
    let upstream = Scripted::answering(told).await;
    let sidecar = Sidecar::start(&upstream.url(), &cookies()).await;
    let host = sidecar.address().to_string();
    let origin = sidecar.url("");
    for (path, fields, shown) in [
        (
            "/realtime?events=GOAL",
            [("Cookie", "a=b; sessionid=s1"), ("Cookie", "sig=s2; c=d")],
            "cookie: sessionid=s1; sig=s2",
        ),
        (
            "/realtime?apikey=all-key",
            [("Authorization", "Token t"), ("X-Forwarded-For", "a")],
            "authorization: Token t",
        ),
        (
            "/realtime?jwt=opaque",
            [("X-Apikey", "all-key"), ("Last-Event-ID", "x")],
            "authorization: Bearer opaque",
        ),
    ] {
        let headers = [&fields[..], &[("Origin", &*origin), ("X-Own", "y")]].concat();
        let number = upstream.requests().len();
        let mut stream = sidecar.hear_with(path, &headers).await;
        assert_eq!(stream.head.field("set-cookie"), None);
        assert!(!stream.raw().contains("hers"));
        let asked = upstream.request(number).await;
        assert_eq!(asked.head.start(), "GET /api/me?x=1 HTTP/1.1");
        let lines: BTreeSet<_> = asked.head.raw.trim_end().lines().skip(1).collect();
        let agent = format!("user-agent: tidings/{}", env!("CARGO_PKG_VERSION"));
        let host = format!("host: {host}");
        let expected = [
            "accept: application/json",
            "accept-encoding: identity",
            "connection: close",
            &agent,
            &host,
            "x-forwarded-proto: http",
            shown,
        ];
        assert_eq!(lines, BTreeSet::from(expected));
        publish(&sidecar, &headers).await;
        if path.contains("events") {
            assert_eq!(stream.next().await.json()["event"], "GOAL");
        }
    }
    let asked = upstream.requests().len();
    assert_eq!(asked, 3, "each of them once");
}

#[tokio::test]
async fn an_api_behind_tls_in_front_is_told_so() {
    let upstream = Scripted::replying(|request| match request.head.field("x-forwarded-proto") {
        Some("https") => ok(r#"{"id":1}"#),
        _ => answer("301 Moved\r\nLocation: https://api.example/api/me", ""),
    })
    .await;
    let cookie = ("Cookie", "sessionid=s1");
    let proto = ("X-Forwarded-Proto", "https");
    let trusting = format!("trusted_proxies: [127.0.0.1]\n{}", cookies());
    for (yaml, fields) in [(&trusting, &[cookie][..]), (&cookies(), &[cookie, proto])] {
        let sidecar = Sidecar::start(&upstream.url(), yaml).await;
        let mut elsewhere = Subscriber::open(&sidecar, "/realtime", fields).await;
        assert!(!elsewhere.opens().await);
        sidecar.logs(&["WARN", "301"]).await;
    }
    let sidecar = Sidecar::start(&upstream.url(), &trusting).await;
    drop(sidecar.hear_with("/realtime", &[cookie, proto]).await);
}

#[tokio::test]
async fn an_upstream_that_is_sent_its_own_host_is_asked_by_it() {
    let upstream = Scripted::answering(ok(r#"{"id":1}"#)).await;
    let own = "upstream: { url: UPSTREAM, host: upstream }";
    let yaml = cookies().replace("upstream: UPSTREAM", own);
    let sidecar = Sidecar::start(&upstream.url(), &yaml).await;
    let cookie = [("Cookie", "sessionid=s1")];
    drop(sidecar.hear_with("/realtime", &cookie).await);
    let asked = upstream.request(0).await;
    let host = upstream.url().replace("http://", "");
    assert_eq!(asked.head.field("host"), Some(&*host));
}

#[tokio::test]
async fn the_answer_about_one_is_never_taken_for_another() {
    let upstream = Scripted::replying(|request| {
        let ada = request.head.field("cookie") == Some("sessionid=ada");
        let here = request.head.field("host") == Some("here");
        match ada && here {
            true => ok(r#"{"id":1,"realtime":{"sub":["*:*"]}}"#),
            false => ok(r#"{"id":2}"#),
        }
    })
    .await;
    let sidecar = Sidecar::start(&upstream.url(), &cookies()).await;
    let asks = async |host: &str, cookie: &str| {
        let mut conn = Conn::to(sidecar.address()).await;
        let path = "/realtime?events=*:*";
        conn.send(format!(
            "HEAD {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nCookie: {cookie}\r\n\r\n"
        ))
        .await;
        conn.head().await.status()
    };
    for _ in 0..2 {
        for (host, cookie, status) in [
            ("here", "sessionid=ada", 200),
            ("here", "sessionid=eve", 403),
            ("there", "sessionid=ada", 403),
            ("here", "sessionid=ada; sig=x", 403),
            ("here", "sig=ada", 403),
            ("here", "sessionid=ad; sig=a", 403),
            ("here", "SESSIONID=ada", 401),
            ("here", "sessionid=", 401),
        ] {
            assert_eq!(asks(host, cookie).await, status, "{host} {cookie}");
        }
    }
    assert_eq!(upstream.requests().len(), 6);
}

// --- what an answer means ---

#[tokio::test]
async fn what_is_no_answer_lets_nobody_in_and_refuses_nobody_for_good() {
    let elsewhere = Scripted::answering(ok(r#"{"id":1}"#)).await;
    let to = |status: &str| {
        let location = format!("Location: {}/login", elsewhere.url());
        answer(&format!("{status}\r\n{location}"), "{}")
    };
    let long = format!(r#"{{"x":"{}"}}"#, "x".repeat(20_000));
    let (later, refused) = (200, 401);
    for (bytes, status) in [
        (answer("401 Unauthorized", r#"{"id":1}"#), refused),
        (answer("403 Forbidden", r#"{"id":1}"#), refused),
        (to("302 Found"), refused),
        (to("307 Temporary Redirect"), refused),
        (ok("{}"), refused),
        (to("301 Moved Permanently"), later),
        (answer("404 Not Found", r#"{"id":1}"#), later),
        (answer("500 Oh", r#"{"id":1}"#), later),
        (answer("201 Created", r#"{"id":1}"#), later),
        (answer("204 No Content", ""), later),
        (ok("<html>"), later),
        (ok("[1]"), later),
        (ok(r#"{"id":1,"id":2}"#), later),
        (ok(&long), later),
        (ok(r#"{"id":1}"#).replace("Length: ", "Length: 9"), later),
        ("garbage\r\n\r\n".to_owned(), later),
        (String::new(), later),
    ] {
        let said = bytes.clone();
        let upstream = Scripted::start(move |mut peer| {
            let bytes = bytes.clone();
            async move {
                peer.request().await;
                peer.conn.send(bytes).await;
            }
        })
        .await;
        let sidecar = Sidecar::start(&upstream.url(), &cookies()).await;
        let cookie = [("Cookie", "sessionid=s1")];
        let mut stream = Subscriber::open(&sidecar, "/realtime", &cookie).await;
        assert_eq!(stream.head.status(), status, "{said}");
        let own = sidecar.url("");
        let published = publish(&sidecar, &[cookie[0], ("Origin", &own)]).await;
        let mut conn = Conn::to(sidecar.address()).await;
        conn.send(sidecar.request("HEAD", "/realtime", &cookie))
            .await;
        let asked = conn.head().await.status();
        assert_eq!(asked, if status == later { 503 } else { 401 });
        if status == later {
            let frames = stream.ended().await;
            let [end] = &frames[..] else {
                panic!("{said}: {frames:?}");
            };
            assert!(end.retry.is_some() && end.data.is_none(), "{end:?}");
            published.refuses(503);
        } else {
            published.refuses(401);
        }
        // Everybody else goes on.
        drop(sidecar.hear(ALL).await);
    }
    assert_eq!(elsewhere.requests().len(), 0);
}

#[tokio::test]
async fn an_api_that_hangs_is_asked_so_much_at_once_and_no_more() {
    let release = Release::new();
    let held = release.clone();
    let upstream = Scripted::start(move |mut peer| {
        let held = held.clone();
        async move {
            peer.request().await;
            held.wait().await;
            peer.conn.send(ok(r#"{"id":1}"#)).await;
        }
    })
    .await;
    let sidecar = Sidecar::start(&upstream.url(), &cookies()).await;
    let mut waiting = Vec::new();
    for number in 0..100 {
        let mut conn = Conn::to(sidecar.address()).await;
        let cookie = format!("sessionid={number}");
        let request = sidecar.request("GET", "/realtime", &[("Cookie", &cookie)]);
        conn.send(request).await;
        waiting.push(conn);
    }
    upstream.request(31).await;
    // Somebody else is served meanwhile, and nobody is asked about beyond the first.
    drop(sidecar.hear(ALL).await);
    assert_eq!(upstream.requests().len(), 32);
    for _ in 0..100 {
        release.open();
    }
    let mut open = 0;
    for conn in waiting {
        let mut stream = Subscriber::on(conn).await;
        assert_eq!(stream.head.status(), 200);
        open += usize::from(stream.opens().await);
    }
    assert!(open >= 32, "{open}");
}

#[tokio::test]
async fn an_api_that_hangs_ends_streams_in_time_and_keeps_no_drain() {
    let asked = Arc::new(AtomicUsize::new(0));
    let upstream = Scripted::start(move |mut peer| {
        let asked = Arc::clone(&asked);
        async move {
            peer.request().await;
            if asked.fetch_add(1, Ordering::Relaxed) > 0 {
                std::future::pending::<()>().await;
            }
            peer.conn.send(ok(r#"{"id":1}"#)).await;
        }
    })
    .await;
    let sidecar = Sidecar::start(&upstream.url(), &cookies().replace("1h", "1s")).await;
    let cookie = [("Cookie", "sessionid=s1")];
    let begin = std::time::Instant::now();
    let mut stream = sidecar.hear_with("/realtime", &cookie).await;
    let frames = stream.ended().await;
    // A question that is not answered takes 5 s, and the answer before it counted for one.
    assert!(begin.elapsed().as_secs() < 4, "{:?}", begin.elapsed());
    assert!(frames.len() == 1 && frames[0].retry.is_some(), "{frames:?}");
    let mut conn = Conn::to(sidecar.address()).await;
    let asking = upstream.requests().len();
    let other = [("Cookie", "sessionid=s2")];
    conn.send(sidecar.request("GET", "/realtime", &other)).await;
    upstream.request(asking).await;
    let begin = std::time::Instant::now();
    sidecar.sigterm();
    assert!(!Subscriber::on(conn).await.opens().await);
    assert_eq!(sidecar.exit().await.code(), Some(0));
    assert!(begin.elapsed().as_secs() < 4, "{:?}", begin.elapsed());
}

#[tokio::test]
async fn a_bad_cookie_that_comes_again_and_again_is_asked_about_seldom() {
    let upstream = Scripted::answering(answer("401 No", "{}")).await;
    let sidecar = Sidecar::start(&upstream.url(), &cookies()).await;
    let begin = std::time::Instant::now();
    for _ in 0..50 {
        let cookie = [("Cookie", "sessionid=bad")];
        head(&sidecar, &cookie).await.expect(401);
    }
    let allowed = 1 + begin.elapsed().as_secs() / 2;
    let asked = upstream.requests().len() as u64;
    assert!(asked <= allowed, "{asked} {allowed}");
}

#[tokio::test]
async fn an_api_behind_tls_is_asked_if_it_is_trusted() {
    let folder = test_folder();
    let (own_key, own) = certificate(folder.path(), "own", "localhost");
    let (_, other) = certificate(folder.path(), "other", "localhost");
    std::fs::create_dir(folder.path().join("api")).unwrap();
    let said = ok(r#"{"id":1}"#);
    std::fs::write(folder.path().join("api/me"), said).unwrap();
    let port = free_port();
    let mut openssl = std::process::Command::new("openssl");
    openssl.args(["s_server", "-quiet", "-HTTP", "-accept", &port.to_string()]);
    openssl.arg("-cert").arg(&own).arg("-key").arg(&own_key);
    let _server = Process::spawn(openssl.current_dir(folder.path()));
    let connect = async || {
        tokio::net::TcpStream::connect(("127.0.0.1", port))
            .await
            .ok()
    };
    drop(eventually("the API to start", connect).await);
    for (trusted, opens) in [(own, true), (other, false)] {
        let upstream = format!(
            "upstream: {{ url: \"https://localhost:{port}\", ca_file: {} }}",
            trusted.display()
        );
        let yaml = cookies().replace("upstream: UPSTREAM", &upstream);
        let sidecar = Sidecar::start("", &yaml.replace("?x=1", "")).await;
        let cookie = [("Cookie", "sessionid=s1")];
        let mut stream = Subscriber::open(&sidecar, "/realtime", &cookie).await;
        assert_eq!(stream.head.status(), 200);
        assert_eq!(stream.opens().await, opens, "{}", sidecar.log());
    }
}

// --- pages of other sites ---

#[tokio::test]
async fn a_cookie_is_used_by_pages_of_this_site_or_of_one_that_is_named() {
    let upstream = Scripted::answering(ok(r#"{"id":1}"#)).await;
    let yaml = cookies() + "  origins: [\"https://app.example\", \"*\"]\n";
    let sidecar = Sidecar::start(&upstream.url(), &yaml).await;
    let own = sidecar.url("");
    let cookie = ("Cookie", "sessionid=s1");
    for (from, hears, publishes) in [
        (("Origin", "https://evil.example"), 403, 403),
        (("Origin", "null"), 403, 403),
        (("Sec-Fetch-Site", "cross-site"), 403, 403),
        (("Sec-Fetch-Site", "same-site"), 403, 403),
        (("Sec-Fetch-Site", "none"), 200, 403),
        (("X-Nothing", "1"), 200, 403),
        (("Sec-Fetch-Site", "same-origin"), 200, 200),
        (("Origin", &*own), 200, 200),
        (("Origin", "https://app.example"), 200, 200),
    ] {
        if hears == 403 {
            assert_eq!(upstream.requests().len(), 0, "{from:?} asked");
        }
        for response in [
            head(&sidecar, &[cookie, from]).await.expect(hears),
            publish(&sidecar, &[cookie, from]).await.expect(publishes),
        ] {
            let allowed = response.head.field("access-control-allow-credentials");
            let named = from.1 == "https://app.example";
            assert_eq!(allowed, named.then_some("true"), "{from:?}");
            let origin = response.head.field("access-control-allow-origin");
            assert_eq!(origin, named.then_some(from.1), "{from:?}");
        }
    }
    // A key is used as ever, by any page here.
    let key = ("x-apikey", "all-key");
    let evil = ("Origin", "https://evil.example");
    let by_key = head(&sidecar, &[cookie, key, evil]).await.expect(200);
    assert_eq!(by_key.field("access-control-allow-origin"), evil.1);
    let allowed = by_key.head.field("access-control-allow-credentials");
    assert_eq!(allowed, None);
    publish(&sidecar, &[cookie, key, evil]).await.expect(200);
}

#[tokio::test]
async fn what_a_page_with_cookies_may_read_is_told_to_those_that_are_named() {
    let upstream = Scripted::answering(answer("401 No", "{}")).await;
    let origins = "  origins: [\"https://app.example\", \"*\"]\n";
    let sidecar = Sidecar::start(&upstream.url(), &(cookies() + origins)).await;
    let cookie = ("Cookie", "sessionid=s1");
    for (origin, named) in [
        ("https://app.example", true),
        ("https://other.example", false),
    ] {
        let origin = ("Origin", origin);
        let preflight = sidecar.ask("OPTIONS", "/realtime", &[origin]).await;
        let refused = head(&sidecar, &[cookie, origin]).await;
        assert_eq!(refused.status(), if named { 401 } else { 403 });
        for response in [preflight, refused] {
            let allowed = response.head.field("access-control-allow-credentials");
            assert_eq!(allowed, named.then_some("true"));
            let origin = response.head.field("access-control-allow-origin");
            assert_ne!(origin, Some("*"));
        }
    }
    sidecar.rewrite(&(with("cache: 1h") + origins));
    eventually("cookies to be nobody's", async || {
        let named = ("Origin", "https://app.example");
        let preflight = sidecar.ask("OPTIONS", "/realtime", &[named]).await;
        let allowed = preflight.head.field("access-control-allow-credentials");
        allowed.is_none().then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_password_that_the_browser_sends_is_used_by_named_pages_alone() {
    let upstream = Scripted::answering(ok(r#"{"id":1}"#)).await;
    let yaml = cookies() + "  origins: [\"https://app.example\", \"*\"]\n";
    let sidecar = Sidecar::start(&upstream.url(), &yaml).await;
    for (authorization, origin, status) in [
        ("Basic YTpi", Some("https://evil.example"), 403),
        ("basic YTpi", Some("https://app.example"), 200),
        ("Basic YTpi", None, 200),
        ("Negotiate x", Some("https://evil.example"), 403),
        ("Bearer x", Some("https://evil.example"), 200),
        ("Token x", Some("https://evil.example"), 200),
    ] {
        let mut headers = vec![("Authorization", authorization)];
        headers.extend(origin.map(|origin| ("Origin", origin)));
        head(&sidecar, &headers).await.expect(status);
        publish(&sidecar, &headers).await.expect(status);
    }
}

/// Serves an empty page, and knows whoever has a cookie.
async fn site() -> Scripted {
    Scripted::replying(|request| {
        let page = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 0\r\n\r\n";
        match request.head.field("cookie") {
            Some(_) if request.head.start().contains("/api/me") => ok(r#"{"id":1}"#),
            _ => page.to_owned(),
        }
    })
    .await
}

#[tokio::test]
async fn a_browser_uses_cookies_for_this_site_and_for_one_that_is_named() {
    let (upstream, elsewhere) = (site().await, site().await);
    let yaml = cookies() + "  origins: [\"*\"]\n";
    let sidecar = Sidecar::start(&upstream.url(), &yaml).await;
    // To a browser another port is another origin, and yet it sends it the same cookies.
    let realtime = sidecar.url("/realtime");
    let script = format!(
        r#"
        document.cookie = "sessionid=ada";
        const heard = await new Promise((done) => {{
          const source = new EventSource("{realtime}", {{ withCredentials: true }});
          source.onmessage = () => done(true);
          source.onerror = () => source.readyState === 2 && done(false);
          source.addEventListener("ping", () => done(true));
        }});
        const published = await fetch("{realtime}", {{
          method: "POST",
          credentials: "include",
          headers: {{ "Content-Type": "application/json" }},
          body: JSON.stringify({{ event: "GOAL" }}),
        }}).then((answer) => answer.status, () => "refused");
        return [heard, published];
        "#
    );
    let own = Place::page(&sidecar.url("/page")).await;
    assert_eq!(own.run(&script).await, json!([true, 200]));
    let other = Place::page(&format!("{}/page", elsewhere.url())).await;
    assert_eq!(other.run(&script).await, json!([false, "refused"]));
    let named = format!("origins: [\"{}\"]", elsewhere.url());
    sidecar.rewrite(&yaml.replace("origins: [\"*\"]", &named));
    sidecar.logs(&["configuration reloaded"]).await;
    assert_eq!(other.run(&script).await, json!([true, 200]));
}

// --- tokens beside it ---

#[tokio::test]
async fn a_jwt_is_for_its_own_section_and_may_be_a_cookie() {
    let secret = "a secret of thirty-two bytes, ok";
    let upstream = Scripted::answering(answer("401 No", "{}")).await;
    let jwt = format!(
        "  jwt: {{ algorithms: [HS256], secret: \"{secret}\", cookie: token, hear: [GOAL], publish: [GOAL] }}\n"
    );
    let sidecar = Sidecar::start(&upstream.url(), &(cookies() + &jwt)).await;
    let token = |exp: u64| {
        let key = EncodingKey::from_secret(secret.as_bytes());
        encode(&Header::default(), &json!({"sub": "ada", "exp": exp}), &key).unwrap()
    };
    let good = token(4_000_000_000);
    let cookie = format!("a=b; token={good}");
    let own = ("Origin", &*sidecar.url(""));
    let mut stream = sidecar.hear_with("/realtime", &[("Cookie", &cookie)]).await;
    publish(&sidecar, &[("Cookie", &cookie), own])
        .await
        .expect(200);
    assert_eq!(stream.next().await.json()["event"], "GOAL");
    publish(&sidecar, &[("Cookie", &cookie)]).await.expect(403);
    let evil = ("Origin", "https://evil.example");
    head(&sidecar, &[("Cookie", &cookie), evil])
        .await
        .expect(403);
    for (field, value) in [
        ("Authorization", format!("Bearer {}", token(1))),
        ("Authorization", format!("Bearer {good}x")),
        ("Cookie", format!("token={}", token(1))),
        ("Cookie", format!("token={good}; token={good}")),
        ("Cookie", format!("token={good}x; sessionid=s1")),
    ] {
        head(&sidecar, &[(field, &*value)]).await.expect(401);
    }
    assert_eq!(upstream.requests().len(), 0, "none was for the API");
    let opaque = [("Authorization", "Bearer a.b.c"), ("Cookie", &*cookie)];
    head(&sidecar, &opaque).await.expect(401);
    assert_eq!(upstream.requests().len(), 1);
}

// --- secrets ---

#[tokio::test]
async fn nothing_of_what_is_asked_or_answered_is_in_the_log() {
    let count = Arc::new(AtomicUsize::new(0));
    let upstream = Scripted::replying(move |_| match count.fetch_add(1, Ordering::Relaxed) {
        0 => ok(r#"{"mail":"cl41m"}"#),
        1 => answer("500 Oh", r#"{"mail":"cl41m"}"#),
        _ => answer("401 No", "{}"),
    })
    .await;
    let yaml = cookies().replace("x=1", "x=qu3ry") + "logging: { level: trace }\n";
    let sidecar = Sidecar::start(&upstream.url(), &yaml).await;
    for field in [
        ("Cookie", "sessionid=c00kie"),
        ("Authorization", "Token t0ken"),
        ("Authorization", "Basic b4sic"),
    ] {
        drop(head(&sidecar, &[field]).await);
        drop(publish(&sidecar, &[field]).await);
    }
    sidecar.get("/realtime?jwt=j3t").await.expect(401);
    sidecar.rewrite(&yaml.replace("GOAL", "OTHER"));
    sidecar.logs(&["configuration reloaded"]).await;
    let log = sidecar.log();
    for secret in ["c00kie", "t0ken", "b4sic", "j3t", "cl41m", "qu3ry"] {
        let line = log.lines().find(|line| line.contains(secret));
        assert_eq!(line, None, "{secret}");
    }
}

impl Subscriber {
    /// Whether anything is told before the stream ends.
    async fn opens(&mut self) -> bool {
        while let Some(frame) = self.frame().await {
            if frame.data.is_some() {
                return true;
            }
        }
        false
    }
}
