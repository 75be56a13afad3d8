//! Users come with tokens, and their streams end when the tokens do.

use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};
use tokio::net::TcpStream;

use crate::harness::{
    ALL, Conn, EVERYTHING, Process, Release, Response, Scripted, Sidecar, Subscriber, answer,
    eventually, free_port, ok, test_folder, tidings,
};
use crate::keys::{folder, key};
use crate::reaching::certificate;

/// Nothing here reaches the upstream, unless a test says so.
const NOWHERE: &str = "http://127.0.0.1:1";

/// [`EVERYTHING`], and tokens of RS256 besides.
fn with(keys: &str) -> String {
    let jwt = "  jwt:\n    algorithms: [RS256]\n    issuer: me\n    audience: [api]\n";
    format!("{EVERYTHING}{jwt}    leeway: 0s\n    {keys}\n")
}

fn by_file(name: &str) -> String {
    with(&format!("key_file: {}", folder().join(name).display()))
}

/// Before keys that are fetched from `issuer`.
async fn fetching(issuer: &Scripted) -> Sidecar {
    let yaml = with(&format!("jwks: {}/jwks.json", issuer.url()));
    Sidecar::start(NOWHERE, &yaml).await
}

fn seconds() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.unwrap().as_secs()
}

/// A token of that key, good for so many seconds, whose holder hears posts and publishes GOAL.
fn token_of(pem: &str, kid: &str, seconds_left: u64) -> String {
    let header = Header {
        kid: Some(kid.to_owned()),
        ..Header::new(Algorithm::RS256)
    };
    let claims = json!({
        "iss": "me",
        "aud": "api",
        "exp": seconds() + seconds_left,
        "realtime": {"sub": ["*:posts", "GOAL"], "pub": ["GOAL"]},
    });
    let key = EncodingKey::from_rsa_pem(pem.as_bytes()).unwrap();
    encode(&header, &claims, &key).unwrap()
}

fn token() -> String {
    token_of(key("rsa.pem"), "rsa", 3600)
}

fn other_token() -> String {
    token_of(key("rsa-other.pem"), "rsa-other", 3600)
}

fn path(token: &str) -> String {
    format!("/realtime?jwt={token}&rt-apikey=any")
}

fn bearer(token: &str) -> String {
    format!("Bearer {token}")
}

async fn publish(sidecar: &Sidecar, path: &str, token: &str, event: &str) -> Response {
    let bearer = bearer(token);
    let fields = [
        ("Content-Type", "application/json"),
        ("Authorization", &*bearer),
    ];
    let body = json!({"event": event, "data": 1}).to_string();
    sidecar.send("POST", path, &fields, body.as_bytes()).await
}

/// Waits until the token opens a stream.
async fn until_accepted(sidecar: &Sidecar, token: &str) -> Subscriber {
    eventually("the token to be accepted", async || {
        let subscriber = Subscriber::open(sidecar, &path(token), &[]).await;
        (subscriber.head.status() == 200).then_some(subscriber)
    })
    .await
}

fn refuses_token(response: &Response, why: &str) {
    response.refuses(401);
    let challenge = response.field("www-authenticate");
    assert!(
        challenge.starts_with(r#"Bearer error="invalid_token""#),
        "{challenge}"
    );
    let message = response.json()["message"].as_str().unwrap().to_owned();
    assert!(message.contains(why), "{message}");
}

#[tokio::test]
async fn a_token_hears_and_publishes_what_it_was_granted() {
    let upstream = Scripted::answering(answer("201 Created", r#"{"id":1}"#)).await;
    let sidecar = Sidecar::start(&upstream.url(), &by_file("rsa.pub.pem")).await;
    let token = token();
    let mut by_query = sidecar.hear(&path(&token)).await;
    let authorization = bearer(&token);
    let header = [("Authorization", &*authorization)];
    let mut by_header = sidecar.hear_with("/realtime", &header).await;
    sidecar.post("/users", json!({})).await.expect(201);
    sidecar.publish("OTHER", json!(1)).await.expect(200);
    sidecar.post("/posts", json!({})).await.expect(201);
    publish(&sidecar, "/realtime", &token, "GOAL")
        .await
        .expect(200);
    publish(&sidecar, "/realtime", &token, "OTHER")
        .await
        .refuses(403);
    for stream in [&mut by_query, &mut by_header] {
        assert_eq!(stream.next().await.json()["collection"], "posts");
        assert_eq!(stream.next().await.json()["event"], "GOAL");
    }
    let published = sidecar.post(&path(&token), json!({"event": "GOAL"})).await;
    published.expect(200);
}

#[tokio::test]
async fn a_token_that_is_not_accepted_is_a_401_whatever_comes_with_it() {
    let sidecar = Sidecar::start(NOWHERE, &by_file("rsa.pub.pem")).await;
    let expired = token_of(key("rsa.pem"), "rsa", 0);
    let signed_by_another = token_of(key("rsa-other.pem"), "rsa", 3600);
    for (token, why) in [
        (&*expired, "expired"),
        (&signed_by_another, "signature"),
        ("x", "not well formed"),
    ] {
        refuses_token(&sidecar.get(&path(token)).await, why);
        let both = format!("{ALL}&jwt={token}");
        refuses_token(&sidecar.get(&both).await, why);
        let authorization = bearer(token);
        let header = [("authorization", &*authorization)];
        refuses_token(&sidecar.ask("GET", ALL, &header).await, why);
        refuses_token(&publish(&sidecar, ALL, token, "GOAL").await, why);
    }
    for empty in ["Bearer", "bearer ", "Bearer \u{e9}"] {
        let response = sidecar.ask("GET", ALL, &[("Authorization", empty)]).await;
        refuses_token(&response, "not well formed");
    }
    let good = bearer(&token());
    let twice = [("Authorization", &*good), ("Authorization", &*good)];
    refuses_token(&sidecar.ask("GET", ALL, &twice).await, "not well formed");
    let anonymous = sidecar.get("/realtime").await;
    anonymous.refuses(401);
    assert_eq!(anonymous.field("www-authenticate"), "Bearer");
    // What is no token is none.
    let basic = [("Authorization", "Basic YTpi")];
    drop(sidecar.hear_with(ALL, &basic).await);
    // A token is no key.
    sidecar
        .get(&format!("/realtime?apikey={}", token()))
        .await
        .refuses(401);
}

#[tokio::test]
async fn a_stream_ends_with_its_token_and_says_why() {
    let sidecar = Sidecar::start(NOWHERE, &by_file("rsa.pub.pem")).await;
    let short = token_of(key("rsa.pem"), "rsa", 3);
    let exp = seconds() + 3;
    let mut short_lived = sidecar.hear(&path(&short)).await;
    let mut long_lived = sidecar.hear(&path(&token())).await;
    sidecar.publish("GOAL", json!(1)).await.expect(200);
    assert_eq!(short_lived.next().await.json()["event"], "GOAL");
    let frames = short_lived.ended().await;
    let late = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let late = late.saturating_sub(Duration::from_secs(exp));
    assert!(late < Duration::from_secs(2), "{late:?}");
    let [close] = &*frames else {
        panic!("{frames:?}");
    };
    let said = "event: close\ndata: {\"event\":\"close\",\"reason\":\"expired\"}\n\n";
    assert_eq!(close.raw, said);
    refuses_token(&sidecar.get(&path(&short)).await, "expired");
    refuses_token(
        &publish(&sidecar, "/realtime", &short, "GOAL").await,
        "expired",
    );
    assert_eq!(long_lived.next().await.json()["event"], "GOAL");
    long_lived.hears_goal(&sidecar).await;
}

#[tokio::test]
async fn nothing_is_heard_by_a_token_that_was_over_before_it_was_published() {
    let sidecar = Sidecar::start(NOWHERE, &by_file("rsa.pub.pem")).await;
    for _ in 0..3 {
        let short = token_of(key("rsa.pem"), "rsa", 2);
        let exp = seconds() + 2;
        let mut stream = sidecar.hear(&path(&short)).await;
        eventually("the end of the token", async || {
            (seconds() >= exp).then_some(())
        })
        .await;
        sidecar.publish("GOAL", json!(1)).await.expect(200);
        let frames = stream.ended().await;
        assert_eq!(frames.len(), 1, "{frames:?}");
        assert_eq!(frames[0].event(), "close");
    }
}

#[tokio::test]
async fn a_page_of_another_origin_needs_more_than_a_token() {
    let yaml = by_file("rsa.pub.pem") + "  origins: [\"https://app.example\"]\n";
    let sidecar = Sidecar::start(NOWHERE, &yaml).await;
    for (origin, status) in [("https://app.example", 200), ("https://evil.example", 403)] {
        let stream = Subscriber::open(&sidecar, &path(&token()), &[("Origin", origin)]).await;
        assert_eq!(stream.head.status(), status, "{origin}");
    }
}

#[tokio::test]
async fn what_is_proxied_keeps_its_authorization() {
    let upstream = Scripted::answering(ok("{}")).await;
    let sidecar = Sidecar::start(&upstream.url(), &by_file("rsa.pub.pem")).await;
    for authorization in ["Bearer x.y.z", "bearer"] {
        let header = [("Authorization", authorization)];
        sidecar
            .ask("GET", "/posts?jwt=x", &header)
            .await
            .expect(200);
    }
    let requests = upstream.requests();
    assert_eq!(
        requests[0].head.field("authorization"),
        Some("Bearer x.y.z")
    );
    assert_eq!(requests[1].head.field("authorization"), Some("bearer"));
    assert!(requests[0].head.start().contains("/posts?jwt=x"));
}

#[tokio::test]
async fn without_a_section_tokens_mean_nothing() {
    let sidecar = Sidecar::start(NOWHERE, EVERYTHING).await;
    let header = [("Authorization", "Bearer x")];
    drop(sidecar.hear_with(ALL, &header).await);
    sidecar.get(&path(&token())).await.refuses(401);
}

#[tokio::test]
async fn nothing_of_a_token_is_in_the_log() {
    let issuer = Scripted::answering(ok(key("rsa.jwks.json"))).await;
    let keys = format!("jwks: {}/jwks.json", issuer.url());
    let yaml = with(&keys) + "logging: { level: trace }\n";
    let sidecar = Sidecar::start(NOWHERE, &yaml).await;
    let tokens = [token(), token_of(key("rsa.pem"), "rsa", 0), other_token()];
    for token in &tokens {
        drop(Subscriber::open(&sidecar, &path(token), &[]).await);
        publish(&sidecar, "/realtime", token, "GOAL").await;
    }
    sidecar.rewrite(&yaml.replace("issuer: me", "issuer: you"));
    sidecar.logs(&["configuration reloaded"]).await;
    let log = sidecar.log();
    let parts = tokens.iter().flat_map(|token| token.split('.'));
    for part in parts.filter(|part| !part.is_empty()) {
        assert!(!log.contains(part), "{part}");
    }
}

// --- reload ---

#[tokio::test]
async fn a_key_that_is_gone_ends_the_streams_of_its_tokens_alone() {
    let sidecar = Sidecar::start(NOWHERE, EVERYTHING).await;
    let file = sidecar.config().with_file_name("jwt.pem");
    std::fs::write(&file, key("rsa.pub.pem")).unwrap();
    let mut by_key = sidecar.hear(ALL).await;
    sidecar.rewrite(&with("key_file: jwt.pem"));
    let mut first = until_accepted(&sidecar, &token()).await;
    // The file alone changes.
    std::fs::write(&file, key("rsa-other.pub.pem")).unwrap();
    first.ended().await;
    refuses_token(&sidecar.get(&path(&token())).await, "signature");
    let mut second = until_accepted(&sidecar, &other_token()).await;
    sidecar.rewrite(&with("key_file: jwt.pem").replace("issuer: me", "issuer: you"));
    second.ended().await;
    refuses_token(&sidecar.get(&path(&other_token())).await, "issuer");
    sidecar.rewrite(&with("key_file: jwt.pem"));
    let mut third = until_accepted(&sidecar, &other_token()).await;
    sidecar.rewrite(EVERYTHING);
    third.ended().await;
    by_key.hears_nothing_of(&sidecar).await;
}

// --- keys that are fetched ---

#[tokio::test]
async fn fetched_keys_are_kept_and_others_take_their_place() {
    let documents = Arc::new(AtomicUsize::new(0));
    let serves = Arc::clone(&documents);
    let issuer = Scripted::replying(move |_| match serves.load(Ordering::Relaxed) {
        0 => ok(key("rsa.jwks.json")),
        1 => answer("500 Oh", "{}"),
        _ => ok(key("rsa-other.jwks.json")),
    })
    .await;
    let sidecar = fetching(&issuer).await;
    let mut first = until_accepted(&sidecar, &token()).await;
    documents.store(1, Ordering::Relaxed);
    // A key that is not known: the document is asked for again, in its time, and is not there.
    eventually("another fetch", async || {
        refuses_token(
            &sidecar.get(&path(&other_token())).await,
            "key is not known",
        );
        (issuer.times("GET /jwks.json") == 2).then_some(())
    })
    .await;
    sidecar.logs(&["could not be fetched", "500"]).await;
    drop(sidecar.hear(&path(&token())).await);
    documents.store(2, Ordering::Relaxed);
    let second = until_accepted(&sidecar, &other_token()).await;
    first.ended().await;
    refuses_token(&sidecar.get(&path(&token())).await, "key is not known");
    assert_eq!(issuer.times("GET /jwks.json"), 3);
    drop(second);
}

#[tokio::test]
async fn who_comes_before_the_keys_waits_for_them_once() {
    let release = Release::new();
    let wait = release.clone();
    let issuer = Scripted::start(move |mut peer| {
        let wait = wait.clone();
        async move {
            peer.request().await;
            wait.wait().await;
            peer.conn.send(ok(key("rsa.jwks.json"))).await;
        }
    })
    .await;
    let sidecar = fetching(&issuer).await;
    issuer.request(0).await;
    // Whoever waits is answered although the issuer is not.
    refuses_token(&sidecar.get(&path(&token())).await, "key is not known");
    let mut waiting = Vec::new();
    for _ in 0..3 {
        let mut conn = Conn::to(sidecar.address()).await;
        conn.send(sidecar.request("GET", &path(&token()), &[]))
            .await;
        waiting.push(conn);
    }
    // A round trip, so that the sidecar has seen them before the issuer answers.
    sidecar.ask("OPTIONS", ALL, &[]).await.expect(204);
    release.open();
    for conn in waiting {
        assert_eq!(Subscriber::on(conn).await.head.status(), 200);
    }
    assert_eq!(issuer.requests().len(), 1);
}

#[tokio::test]
async fn keys_that_cannot_be_fetched_let_nobody_in() {
    let elsewhere = Scripted::answering(ok(key("rsa.jwks.json"))).await;
    let redirect = format!(
        "HTTP/1.1 302 Found\r\nLocation: {}/jwks.json\r\nContent-Length: 0\r\n\r\n",
        elsewhere.url()
    );
    let long = format!("{{\"keys\":[],\"x\":\"{}\"}}", "x".repeat(300 * 1024));
    let cut = ok(key("rsa.jwks.json")).replace("Content-Length: ", "Content-Length: 9");
    for (bytes, said) in [
        (redirect, "302"),
        (answer("404 Not Found", key("rsa.jwks.json")), "404"),
        (ok("<html>"), "no JWKS document"),
        (ok("{\"keys\":[]}"), "no JWKS document"),
        (ok(&long), "cannot be asked"),
        (cut, "longer than"),
        ("garbage\r\n\r\n".to_owned(), "cannot be asked"),
        (String::new(), "longer than"),
    ] {
        let issuer = Scripted::answering(bytes).await;
        let sidecar = fetching(&issuer).await;
        sidecar.logs(&["could not be fetched", said]).await;
        refuses_token(&sidecar.get(&path(&token())).await, "key is not known");
        // The rest goes on.
        drop(sidecar.hear(ALL).await);
    }
    assert_eq!(elsewhere.requests().len(), 0);
}

#[tokio::test]
async fn keys_come_over_tls_from_those_who_are_trusted_alone() {
    let folder = test_folder();
    let (own_key, own) = certificate(folder.path(), "own", "localhost");
    let (_, other) = certificate(folder.path(), "other", "localhost");
    std::fs::write(folder.path().join("jwks.json"), key("rsa.jwks.json")).unwrap();
    let port = free_port();
    let mut openssl = Command::new("openssl");
    openssl.args(["s_server", "-quiet", "-WWW", "-accept", &port.to_string()]);
    openssl.arg("-cert").arg(&own).arg("-key").arg(&own_key);
    let _server = Process::spawn(openssl.current_dir(folder.path()));
    let connect = async || TcpStream::connect(("127.0.0.1", port)).await.ok();
    drop(eventually("the issuer to start", connect).await);
    let file = folder.path().join("tidings.yaml");
    let yaml = with(&format!("jwks: https://localhost:{port}/jwks.json"));
    let yaml = yaml.replace("UPSTREAM", NOWHERE);
    let yaml = yaml.replace("LISTEN", "127.0.0.1:0");
    std::fs::write(&file, yaml.replace("ADMIN", "127.0.0.1:0")).unwrap();
    for (trusted, said) in [(own, "were fetched"), (other, "could not be fetched")] {
        let mut sidecar = tidings();
        sidecar
            .env("SSL_CERT_FILE", trusted)
            .env_remove("SSL_CERT_DIR");
        let sidecar = Process::spawn(sidecar.args(["run", "--config"]).arg(&file));
        sidecar.prints(|text| text.contains(said)).await;
    }
}

#[tokio::test]
async fn an_issuer_that_comes_back_lets_its_tokens_in() {
    let up = Arc::new(AtomicUsize::new(0));
    let is_up = Arc::clone(&up);
    let issuer = Scripted::replying(move |_| match is_up.load(Ordering::Relaxed) {
        0 => answer("503 Not Yet", "{}"),
        _ => ok(key("rsa.jwks.json")),
    })
    .await;
    let sidecar = fetching(&issuer).await;
    sidecar.logs(&["could not be fetched", "503"]).await;
    refuses_token(&sidecar.get(&path(&token())).await, "key is not known");
    up.store(1, Ordering::Relaxed);
    drop(until_accepted(&sidecar, &token()).await);
    assert_eq!(issuer.requests().len(), 2);
}

#[tokio::test]
async fn another_address_of_keys_counts_at_once() {
    // One that never answers is not waited for.
    let slow = Scripted::answering("").await;
    let sidecar = fetching(&slow).await;
    slow.request(0).await;
    let issuer = Scripted::answering(ok(key("rsa.jwks.json"))).await;
    sidecar.rewrite(&with(&format!("jwks: {}/keys", issuer.url())));
    issuer.request(0).await;
    drop(until_accepted(&sidecar, &token()).await);
}

impl Subscriber {
    /// Shows that it is still there, and that nothing was told that was not taken.
    async fn hears_goal(&mut self, sidecar: &Sidecar) {
        sidecar.publish("GOAL", json!("marker")).await.expect(200);
        let next: Value = self.next().await.json();
        assert_eq!(next["data"], "marker");
    }
}
