//! Nobody hears what they have no right to, and nobody's secret is shown.

use serde_json::json;

use crate::harness::{Conn, EVERYTHING, Response, Scripted, Sidecar, answer};

/// `all-key` as ever, and others with less.
const KEYS: &str = r#"
    - { name: posts, key: posts-key, hear: ["POST:posts"] }
    - { name: put, key: put-key, hear: ["PUT:*", "POST:posts"] }
    - { name: patch, key: patch-key, hear: ["PATCH:posts", "POST:posts"] }
    - { name: custom, key: custom-key, hear: ["*"] }
    - { name: writes, key: writes-key, hear: ["*:*"] }
    - { name: deaf, key: deaf-key, publish: ["*"] }
    - { name: own, key: own-key, hear: ["*:*"], origins: ["https://own.example"] }
  origins: ["https://app.example", "http://localhost:5173"]
"#;

async fn sidecar() -> (Scripted, Sidecar) {
    sidecar_with(&format!("{EVERYTHING}{}", KEYS.trim_start_matches('\n'))).await
}

async fn sidecar_with(yaml: &str) -> (Scripted, Sidecar) {
    let upstream = Scripted::answering(answer("201 Created", r#"{"id":1}"#)).await;
    let sidecar = Sidecar::start(&upstream.url(), yaml).await;
    (upstream, sidecar)
}

async fn from(sidecar: &Sidecar, method: &str, origin: &str, key: &str) -> Response {
    let headers = [("Origin", origin), ("x-apikey", key)];
    let mut conn = Conn::to(sidecar.address()).await;
    conn.send(sidecar.request(method, "/realtime", &headers))
        .await;
    let head = conn.head().await;
    // A stream has no end, and what a refusal says is not of interest here.
    Response {
        head,
        body: Vec::new(),
    }
}

#[tokio::test]
async fn a_stream_needs_a_key_that_is_known_and_may_hear() {
    let (_upstream, sidecar) = sidecar().await;
    for (path, status) in [
        ("/realtime", 401),
        ("/realtime?apikey=", 401),
        ("/realtime?apikey=wrong", 401),
        ("/realtime?apikey=all-ke", 401),
        ("/realtime?apikey=all-key2", 401),
        ("/realtime?apikey=ALL-KEY", 401),
        ("/realtime?apikey=deaf-key", 403),
    ] {
        sidecar.get(path).await.refuses(status);
    }
    drop(sidecar.hear("/realtime?apikey=posts-key").await);
}

#[tokio::test]
async fn a_key_hears_what_it_was_granted_and_nothing_else() {
    let (_upstream, sidecar) = sidecar().await;
    let mut posts = sidecar.hear("/realtime?apikey=posts-key").await;
    let mut custom = sidecar.hear("/realtime?apikey=custom-key").await;
    let mut writes = sidecar.hear("/realtime?apikey=writes-key").await;
    sidecar.post("/users", json!({})).await;
    sidecar.put("/posts/1", json!({})).await;
    sidecar.delete("/posts/1").await;
    sidecar.publish("GOAL", json!(1)).await.expect(200);
    sidecar.post("/posts", json!({})).await;
    assert_eq!(posts.next().await.json()["collection"], "posts");
    assert_eq!(custom.next().await.json()["event"], "GOAL");
    custom.hears_nothing_of(&sidecar).await;
    for event in ["post", "put", "delete", "post"] {
        assert_eq!(writes.next().await.event(), event);
    }
}

#[tokio::test]
async fn a_grant_goes_by_what_was_done_not_by_its_name_on_the_wire() {
    let (_upstream, sidecar) = sidecar().await;
    let mut put = sidecar.hear("/realtime?apikey=put-key").await;
    let mut patch = sidecar.hear("/realtime?apikey=patch-key").await;
    sidecar.patch("/posts/1", json!({})).await;
    sidecar.put("/posts/2", json!({})).await;
    sidecar.post("/posts", json!({})).await;
    for (subscriber, id) in [(&mut put, "2"), (&mut patch, "1")] {
        let frame = subscriber.next().await;
        assert_eq!((frame.event(), &frame.json()["data"]), ("put", &json!(id)));
        assert_eq!(subscriber.next().await.event(), "post");
    }
}

#[tokio::test]
async fn an_uncertain_write_is_heard_by_those_who_may_hear_the_write() {
    let upstream = Scripted::answering(answer("500 Oh", "{}")).await;
    let yaml = format!("{EVERYTHING}{}", KEYS.trim_start_matches('\n'));
    let sidecar = Sidecar::start(&upstream.url(), &yaml).await;
    let mut put = sidecar.hear("/realtime?apikey=put-key").await;
    let mut posts = sidecar.hear("/realtime?apikey=posts-key").await;
    sidecar.put("/posts/1", json!({})).await.expect(500);
    sidecar.post("/posts", json!({})).await.expect(500);
    assert_eq!(put.next().await.json()["method"], "PUT");
    assert_eq!(posts.next().await.json()["method"], "POST");
}

#[tokio::test]
async fn global_opens_hearing_to_anyone_and_nothing_else() {
    let open = EVERYTHING.replace("access:", "access:\n  global: true");
    let (_upstream, sidecar) = sidecar_with(&open).await;
    let mut anyone = sidecar.hear("/realtime").await;
    sidecar.post("/posts", json!({})).await.expect(201);
    sidecar.publish("GOAL", json!(1)).await.expect(200);
    assert_eq!(anyone.next().await.event(), "post");
    assert_eq!(anyone.next().await.json()["event"], "GOAL");
    sidecar.get("/realtime?apikey=wrong").await.refuses(401);
    sidecar
        .post("/realtime", json!({"event": "GOAL"}))
        .await
        .refuses(401);
}

// --- pages of other sites ---

#[tokio::test]
async fn a_page_of_an_allowed_origin_may_listen_and_no_other() {
    let (_upstream, sidecar) = sidecar().await;
    for (key, origin, status) in [
        ("all-key", "https://app.example", 200),
        ("all-key", "http://localhost:5173", 200),
        ("all-key", "https://own.example", 403),
        ("all-key", "https://app.example.evil", 403),
        ("all-key", "http://app.example", 403),
        ("all-key", "https://app.example:8443", 403),
        ("all-key", "null", 403),
        ("own-key", "https://own.example", 200),
        ("own-key", "https://app.example", 403),
    ] {
        let response = from(&sidecar, "GET", origin, key).await;
        assert_eq!(response.status(), status, "{key} {origin}");
        let allowed = response.head.field("access-control-allow-origin");
        assert!(
            allowed.is_none_or(|allowed| allowed == origin),
            "{allowed:?}"
        );
        if status == 200 {
            assert_eq!(allowed, Some(origin));
            assert!(response.field("vary").to_lowercase().contains("origin"));
        }
    }
}

#[tokio::test]
async fn a_program_without_an_origin_may_listen() {
    let (_upstream, sidecar) = sidecar().await;
    let subscriber = sidecar.hear("/realtime?apikey=own-key").await;
    assert_eq!(subscriber.head.field("access-control-allow-origin"), None);
}

#[tokio::test]
async fn a_preflight_tells_the_union_of_all_keys() {
    let (upstream, sidecar) = sidecar().await;
    let preflight = async |origin| {
        let asked = ("Access-Control-Request-Method", "POST");
        let headers = [("Origin", origin), asked];
        sidecar.ask("OPTIONS", "/realtime", &headers).await
    };
    for origin in ["https://app.example", "https://own.example"] {
        let response = preflight(origin).await.expect(204);
        assert_eq!(response.field("access-control-allow-origin"), origin);
        assert!(
            response
                .field("access-control-allow-methods")
                .contains("POST")
        );
        let fields = response
            .field("access-control-allow-headers")
            .to_lowercase();
        for field in ["content-type", "x-apikey", "last-event-id", "authorization"] {
            assert!(fields.contains(field), "{field}: {fields}");
        }
    }
    let foreign = preflight("https://evil.example").await.head;
    assert_eq!(foreign.field("access-control-allow-origin"), None);
    assert_eq!(upstream.requests().len(), 0);
}

#[tokio::test]
async fn a_page_may_read_why_it_was_refused() {
    let (_upstream, sidecar) = sidecar().await;
    let response = from(&sidecar, "GET", "https://app.example", "wrong")
        .await
        .expect(401);
    assert_eq!(
        response.field("access-control-allow-origin"),
        "https://app.example"
    );
}

#[tokio::test]
async fn a_method_without_a_meaning_is_a_405() {
    let (upstream, sidecar) = sidecar().await;
    for method in ["PUT", "PATCH", "DELETE"] {
        let response = sidecar
            .write(method, "/realtime?apikey=all-key", json!({}))
            .await;
        response.refuses(405);
        let allow = response.field("allow").to_owned();
        for allowed in ["GET", "HEAD", "OPTIONS", "POST"] {
            assert!(allow.contains(allowed), "{allow}");
        }
    }
    assert_eq!(upstream.requests().len(), 0);
}

// --- secrets ---

#[tokio::test]
async fn no_key_is_in_the_log() {
    let loud = format!("{EVERYTHING}logging: {{ level: trace }}\n");
    let (_upstream, sidecar) = sidecar_with(&loud).await;
    let header = [("x-apikey", "all-key")];
    drop(sidecar.hear("/realtime?apikey=all-key").await);
    drop(sidecar.hear_with("/realtime", &header).await);
    sidecar.get("/realtime?apikey=wr0ng-key").await.expect(401);
    sidecar.publish("GOAL", json!(1)).await.expect(200);
    sidecar.get("/posts?apikey=p4ssed-on").await.expect(201);
    let token = [("Authorization", "Bearer t0ken"), ("Cookie", "c00kie")];
    sidecar.ask("GET", "/posts", &token).await.expect(201);
    sidecar.rewrite(&loud.replace("all-key", "new-key"));
    sidecar.until_known("new-key").await;
    let log = sidecar.log();
    let secrets = "all-key new-key wr0ng-key p4ssed-on t0ken c00kie";
    for secret in secrets.split(' ') {
        let line = log.lines().find(|line| line.contains(secret));
        assert_eq!(line, None, "{secret}");
    }
}

#[tokio::test]
async fn an_upstream_is_sent_no_secret_that_was_not_for_it() {
    let (upstream, sidecar) = sidecar().await;
    sidecar.get("/posts").await.expect(201);
    let raw = upstream.request(0).await.raw();
    assert!(!String::from_utf8(raw).unwrap().contains("-key"));
}
