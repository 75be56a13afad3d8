//! Writes whose records the API does not answer: completed by what was sent, or by reading them.

use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::{
    Conn, EVERYTHING, JsonServer, Release, Request, Scripted, Sidecar, Subscriber, answer, ok,
};

const PATCHED: &str = "  rules: [{ path: '/{collection}/{id?}', complete: HOW }]\n";

/// [`EVERYTHING`] with a rule that completes so, and streams that tell whole records.
fn with(how: &str, more: &str) -> String {
    let rules = PATCHED.replace("HOW", how) + more;
    let plain = "streams: [{ path: /events, data: event }], restdb: { path: /realtime }";
    EVERYTHING
        .replace(
            "observe: { preset: json-server }\n",
            &format!("observe:\n{rules}"),
        )
        .replace("restdb: { path: /realtime }", plain)
}

const NO_CONTENT: &str = "HTTP/1.1 204 No Content\r\n\r\n";

/// The record of the next event.
async fn record(stream: &mut Subscriber) -> Value {
    stream.next().await.json()["record"].take()
}

#[tokio::test]
async fn a_patch_is_completed_with_what_was_sent_over_what_was_known() {
    let upstream =
        Scripted::replying(
            |request: &Request| match request.head.start().starts_with("POST ") {
                true => answer("201 Created", r#"{"id":1,"title":"a","n":1}"#),
                false => NO_CONTENT.to_owned(),
            },
        )
        .await;
    let sidecar = Sidecar::start(&upstream.url(), &with("request", "")).await;
    let mut stream = Subscriber::open(&sidecar, "/events?apikey=all-key", &[]).await;
    sidecar.patch("/posts/1", json!({"n": 0})).await.expect(204);
    sidecar.post("/posts", json!({})).await.expect(201);
    sidecar.patch("/posts/1", json!({"n": 2})).await.expect(204);
    sidecar.put("/posts/1", json!({"n": 3})).await.expect(204);
    sidecar.delete("/posts/1").await.expect(204);
    for expected in [
        Value::Null,
        json!({"id": 1, "title": "a", "n": 1}),
        json!({"id": 1, "title": "a", "n": 2}),
        json!({"id": 1, "n": 3}),
        json!({"id": 1, "n": 3}),
    ] {
        assert_eq!(record(&mut stream).await, expected);
    }
}

#[tokio::test]
async fn a_write_is_completed_by_reading_the_record_as_who_wrote() {
    let upstream = Scripted::replying(|request: &Request| {
        let own = request.head.field("authorization") == Some("Bearer ada");
        match request.head.start().starts_with("GET /posts/1 ") {
            true if own => ok(r#"{"id":1,"title":"read"}"#),
            true => answer("404 Not Found", "{}"),
            false => NO_CONTENT.to_owned(),
        }
    })
    .await;
    let sidecar = Sidecar::start(&upstream.url(), &with("upstream", "")).await;
    let mut stream = Subscriber::open(&sidecar, "/events?apikey=all-key", &[]).await;
    for (token, expected) in [
        ("Bearer ada", json!({"id": 1, "title": "read"})),
        ("Bearer eve", Value::Null),
    ] {
        let fields = [
            ("Authorization", token),
            ("Content-Type", "application/json"),
        ];
        let patched = sidecar
            .send("PATCH", "/posts/1", &fields, b"{\"n\":1}")
            .await;
        patched.expect(204);
        assert_eq!(record(&mut stream).await, expected);
    }
    // What was read is known from then on, but for what changed since.
    sidecar.delete("/posts/1").await.expect(204);
    assert_eq!(record(&mut stream).await, Value::Null);
}

#[tokio::test]
async fn a_record_is_read_by_the_scheme_that_counts_and_not_by_one_that_was_said() {
    for (proxies, scheme) in [("[]", "http"), ("[127.0.0.1]", "https")] {
        let upstream = Scripted::replying(|request: &Request| {
            match request.head.start().starts_with("GET ") {
                true => ok(r#"{"id":1}"#),
                false => NO_CONTENT.to_owned(),
            }
        })
        .await;
        let yaml = format!("trusted_proxies: {proxies}\n{}", with("upstream", ""));
        let sidecar = Sidecar::start(&upstream.url(), &yaml).await;
        let said = [("X-Forwarded-Proto", "https")];
        sidecar
            .send("PUT", "/posts/1", &said, b"{}")
            .await
            .expect(204);
        for number in 0..2 {
            let head = upstream.request(number).await.head;
            let told: Vec<_> = head.fields("x-forwarded-proto").collect();
            assert_eq!(told, [scheme], "{}", head.raw);
        }
    }
}

#[tokio::test]
async fn an_answer_waits_until_its_event_is_whole() {
    let release = Release::new();
    let reads = |request: &Request| request.head.start().starts_with("GET ");
    let reply = move |request: &Request| match reads(request) {
        true => ok(r#"{"id":1}"#),
        false => NO_CONTENT.to_owned(),
    };
    let upstream = Scripted::holding(&release, reads, reply).await;
    let sidecar = Sidecar::start(&upstream.url(), &with("upstream", "")).await;
    let mut stream = Subscriber::open(&sidecar, "/events?apikey=all-key", &[]).await;
    let mut conn = Conn::to(sidecar.address()).await;
    let fields = [
        ("Content-Length", "2"),
        ("Content-Type", "application/json"),
    ];
    conn.send(sidecar.request("PATCH", "/posts/1", &fields) + "{}")
        .await;
    upstream.request(1).await;
    sidecar.publish("MARK", json!(null)).await.expect(200);
    assert_eq!(stream.next().await.json()["event"], "MARK");
    release.open();
    conn.response().await.expect(204);
    assert_eq!(record(&mut stream).await, json!({"id": 1}));
}

#[tokio::test]
async fn a_record_that_is_not_known_is_read_before_its_delete() {
    let posts = json!({"posts": [{"id": 1, "title": "a"}, {"id": 2, "title": "b"}]});
    let api = JsonServer::start(posts).await;
    let yaml = with("no", "  read_before_delete: true\n");
    let sidecar = Sidecar::start(&api.url(), &yaml).await;
    let mut stream = Subscriber::open(&sidecar, "/events?apikey=all-key", &[]).await;
    for (path, status) in [("/posts/3", 404), ("/posts/1", 200), ("/posts/2", 200)] {
        sidecar.delete(path).await.expect(status);
    }
    assert_eq!(record(&mut stream).await, json!({"id": 1, "title": "a"}));
    assert_eq!(record(&mut stream).await, json!({"id": 2, "title": "b"}));
}

/// The API comes first: an event loses its record, and nobody anything else.
#[tokio::test]
async fn an_upstream_that_does_not_let_a_record_be_read_costs_the_record_alone() {
    let upstream = Scripted::start(|mut peer| async move {
        while let Some(request) = peer.request().await {
            // A GET is never answered.
            if !request.head.start().starts_with("GET ") {
                peer.conn.send(NO_CONTENT).await;
            }
        }
    })
    .await;
    let yaml = with("upstream", "  read_before_delete: true\n");
    let sidecar = Sidecar::start(&upstream.url(), &yaml).await;
    let mut stream = Subscriber::open(&sidecar, "/events?apikey=all-key", &[]).await;
    let writes = async {
        sidecar.patch("/posts/1", json!({})).await.expect(204);
        sidecar.delete("/posts/1").await.expect(204);
    };
    tokio::time::timeout(Duration::from_secs(20), writes)
        .await
        .unwrap();
    for event in ["patch", "delete"] {
        let told = stream.next().await.json();
        assert_eq!(
            (&told["event"], &told["record"]),
            (&json!(event), &Value::Null)
        );
    }
}

/// Whoever wrote several waits for all of them no longer than for one.
#[tokio::test]
async fn an_upstream_that_shows_nothing_in_time_is_not_asked_for_the_rest() {
    let upstream = Scripted::start(|mut peer| async move {
        while let Some(request) = peer.request().await {
            if request.head.start().starts_with("GET ") {
                return peer.conn.rest().await.clear();
            }
            peer.conn.send(NO_CONTENT).await;
        }
    })
    .await;
    let sidecar = Sidecar::start(&upstream.url(), &with("upstream", "")).await;
    let mut stream = Subscriber::open(&sidecar, "/events?apikey=all-key", &[]).await;
    let all = json!([{"id": 1}, {"id": 2}, {"id": 3}]);
    sidecar.put("/posts", all).await.expect(204);
    for id in ["1", "2", "3"] {
        let told = stream.next().await.json();
        assert_eq!(
            (&told["ids"], &told["record"]),
            (&json!([id]), &Value::Null)
        );
    }
    assert_eq!(upstream.times("GET "), 1);
}

/// What is read for one request is bounded as its answer is.
#[tokio::test]
async fn no_more_is_read_of_a_write_than_is_kept_of_an_answer() {
    let upstream = Scripted::replying(|request: &Request| {
        let path = request.head.start().strip_prefix("GET /posts/");
        match path.and_then(|path| path.split(' ').next()) {
            Some(id) => ok(&json!({"id": id, "text": "x".repeat(600)}).to_string()),
            None => NO_CONTENT.to_owned(),
        }
    })
    .await;
    let yaml = with("upstream", "") + "limits: { observed_body: 1KiB }\n";
    let sidecar = Sidecar::start(&upstream.url(), &yaml).await;
    let mut stream = Subscriber::open(&sidecar, "/events?apikey=all-key", &[]).await;
    sidecar
        .put("/posts", json!(["1", "2", "3"]))
        .await
        .expect(204);
    assert!(record(&mut stream).await.is_object());
    for _ in 0..2 {
        assert!(record(&mut stream).await.is_null());
    }
    sidecar.put("/posts/2", json!({})).await.expect(204);
    assert!(record(&mut stream).await.is_object());
}
