//! Who publishes is told at once what became of it, in the order that RestDB checks.

use serde_json::{Value, json};

use crate::harness::{ALL, Conn, EVERYTHING, Response, Scripted, Sidecar, ok};

/// Keys: `all-key` may do everything, `goal-key` may publish GOAL alone, `mute-key` nothing.
async fn sidecar() -> Sidecar {
    let keys = "    - { name: goal, key: goal-key, hear: [GOAL], publish: [GOAL] }
    - { name: mute, key: mute-key, hear: [\"*\"] }
";
    // Nothing here reaches the upstream.
    Sidecar::start("http://127.0.0.1:1", &format!("{EVERYTHING}{keys}")).await
}

async fn publish(sidecar: &Sidecar, key: &str, body: Value) -> Response {
    let headers = [("x-apikey", key), ("Content-Type", "application/json")];
    sidecar
        .send("POST", "/realtime", &headers, body.to_string().as_bytes())
        .await
}

const JSON: (&str, &str) = ("Content-Type", "application/json; charset=utf-8");

#[tokio::test]
async fn a_published_event_is_heard_as_it_was_said() {
    let sidecar = sidecar().await;
    let mut subscriber = sidecar.hear(ALL).await;
    let body = r#"{ "event": "GOAL", "data": { "b": 1.50, "a": "x\ny \u2028" } }"#;
    let response = sidecar
        .send("POST", ALL, &[JSON], body.as_bytes())
        .await
        .expect(200);
    assert_eq!(response.text(), r#"{"message":"OK"}"#);
    let frame = subscriber.next().await;
    let expected = format!(
        "id: {}\nevent: publish\ndata: {{\"event\":\"GOAL\",\"data\":{{\"b\":1.50,\"a\":\"x\\ny \\u2028\"}}}}\n\
         retry: 10000\n\n",
        frame.id()
    );
    assert_eq!(frame.raw, expected);
}

#[tokio::test]
async fn data_may_be_anything_or_absent() {
    let sidecar = sidecar().await;
    let mut subscriber = sidecar.hear(ALL).await;
    for data in [
        json!(null),
        json!(0),
        json!("é"),
        json!([1, {}]),
        json!(false),
    ] {
        publish(&sidecar, "all-key", json!({"event": "X", "data": data}))
            .await
            .expect(200);
        assert_eq!(
            subscriber.next().await.json(),
            json!({"event": "X", "data": data})
        );
    }
    publish(&sidecar, "all-key", json!({"event": "X"}))
        .await
        .expect(200);
    assert_eq!(
        subscriber.next().await.json(),
        json!({"event": "X", "data": null})
    );
}

#[tokio::test]
async fn what_is_wrong_is_told_in_restdbs_order() {
    let sidecar = sidecar().await;
    let long = format!("{{\"data\":\"{}\"}}", "x".repeat(70_000));
    let text = ("Content-Type", "text/plain");
    let goal = ("x-apikey", "goal-key");
    for (headers, body, status) in [
        // Everything is wrong: what is said is what is checked first.
        (&[text][..], &*long, 401),
        (&[text, ("x-apikey", "wrong")], &long, 401),
        (&[text, goal], &long, 415),
        (&[goal], &long, 415),
        (&[JSON, goal], &long, 413),
        (&[JSON, goal], "{", 400),
        (&[JSON, goal], r#"{"event":"OTHER"}"#, 403),
        (&[JSON, goal], r#"{"event":"GOAL"}"#, 200),
    ] {
        let response = sidecar
            .send("POST", "/realtime", headers, body.as_bytes())
            .await;
        assert_eq!(response.status(), status, "{}", response.text());
        if status != 200 {
            response.refuses(status);
        }
    }
}

/// The rate is that of the key, however many connections it comes by.
#[tokio::test]
async fn who_publishes_too_often_is_told_when_to_come_back() {
    let keys = "    - { name: other, key: other-key, publish: [\"*\"] }\n";
    let yaml = EVERYTHING.replace("path: /realtime", "path: /realtime, publish_rate: 2/h");
    let sidecar = Sidecar::start("http://127.0.0.1:1", &format!("{yaml}{keys}")).await;
    let mut subscriber = sidecar.hear(ALL).await;
    let goal = json!({"event": "GOAL"});
    let refused = json!({"event": "put"});
    publish(&sidecar, "all-key", refused).await.refuses(400);
    for _ in 0..2 {
        publish(&sidecar, "all-key", goal.clone()).await.expect(200);
        assert_eq!(subscriber.next().await.json()["event"], "GOAL");
    }
    let too_often = publish(&sidecar, "all-key", goal.clone()).await;
    too_often.refuses(429);
    let seconds: u64 = too_often.field("retry-after").parse().unwrap();
    assert!((1700..=1800).contains(&seconds), "{seconds}");
    publish(&sidecar, "other-key", json!({"event": "LAST"}))
        .await
        .expect(200);
    assert_eq!(subscriber.next().await.json()["event"], "LAST");
}

#[tokio::test]
async fn a_body_without_an_event_is_refused() {
    let sidecar = sidecar().await;
    for body in [
        json!({}),
        json!({"event": 1}),
        json!({"event": ""}),
        json!({"event": null, "data": 1}),
        json!({"event": "a\nb"}),
        json!([]),
        json!("GOAL"),
    ] {
        publish(&sidecar, "all-key", body).await.refuses(400);
    }
}

#[tokio::test]
async fn data_nested_too_deep_is_refused_and_told_to_nobody() {
    let sidecar = sidecar().await;
    let mut subscriber = sidecar.hear(ALL).await;
    let (open, close) = ("[".repeat(30_000), "]".repeat(30_000));
    let body = format!("{{\"event\":\"X\",\"data\":{open}{close}}}");
    sidecar
        .send("POST", ALL, &[JSON], body.as_bytes())
        .await
        .refuses(400);
    subscriber.hears_nothing_of(&sidecar).await;
}

#[tokio::test]
async fn reserved_names_cannot_be_published() {
    let sidecar = sidecar().await;
    let mut subscriber = sidecar.hear(ALL).await;
    let reserved = "post put patch delete publish init ping gap uncertain sync leave message error open close \
                    connect disconnect reconnect PUT Delete GAP";
    for name in reserved.split_whitespace() {
        publish(&sidecar, "all-key", json!({"event": name}))
            .await
            .refuses(400);
    }
    subscriber.hears_nothing_of(&sidecar).await;
}

#[tokio::test]
async fn a_body_over_the_limit_is_a_413_however_its_length_is_told() {
    let yaml = EVERYTHING.replace("path: /realtime", "path: /realtime, publish_body: 1KiB");
    let sidecar = Sidecar::start("http://127.0.0.1:1", &yaml).await;
    let padded = |count| format!("{{\"event\":\"X\",\"data\":\"{}\"}}", "x".repeat(count));
    sidecar
        .send("POST", ALL, &[JSON], padded(900).as_bytes())
        .await
        .expect(200);
    sidecar
        .send("POST", ALL, &[JSON], padded(1100).as_bytes())
        .await
        .refuses(413);
    let body = padded(1100);
    let mut conn = Conn::to(sidecar.address()).await;
    let chunked = [JSON, ("Transfer-Encoding", "chunked")];
    conn.send(sidecar.request("POST", ALL, &chunked)).await;
    conn.send(format!("{:x}\r\n{body}\r\n0\r\n\r\n", body.len()))
        .await;
    conn.response().await.refuses(413);
}

#[tokio::test]
async fn a_chunked_publish_is_heard() {
    let sidecar = sidecar().await;
    let mut subscriber = sidecar.hear(ALL).await;
    let mut conn = Conn::to(sidecar.address()).await;
    let chunked = [JSON, ("Transfer-Encoding", "chunked")];
    conn.send(sidecar.request("POST", ALL, &chunked)).await;
    conn.send("8\r\n{\"event\"\r\n9\r\n:\"GOAL\"}\n\r\n0\r\n\r\n")
        .await;
    conn.response().await.expect(200);
    assert_eq!(subscriber.next().await.json()["event"], "GOAL");
}

#[tokio::test]
async fn a_connection_is_kept_after_a_publish() {
    let upstream = Scripted::answering(ok("{}")).await;
    let sidecar = Sidecar::start(&upstream.url(), EVERYTHING).await;
    let mut conn = Conn::to(sidecar.address()).await;
    let body = r#"{"event":"X"}"#;
    for _ in 0..2 {
        conn.send(format!(
            "POST {ALL} HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        ))
        .await;
        conn.response().await.expect(200);
    }
    conn.send("GET /posts HTTP/1.1\r\nHost: a\r\n\r\n").await;
    conn.response().await.expect(200);
}

#[tokio::test]
async fn who_may_not_publish_is_told_so_and_nobody_hears_of_it() {
    let sidecar = sidecar().await;
    let mut subscriber = sidecar.hear(ALL).await;
    publish(&sidecar, "mute-key", json!({"event": "GOAL"}))
        .await
        .refuses(403);
    publish(&sidecar, "goal-key", json!({"event": "OTHER"}))
        .await
        .refuses(403);
    publish(&sidecar, "goal-key", json!({"event": "POST:posts"}))
        .await
        .refuses(403);
    subscriber.hears_nothing_of(&sidecar).await;
}
