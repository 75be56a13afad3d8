//! A request is found in the diagnostics by what it is called.

use serde_json::{Value, json};

use crate::harness::{ALL, Conn, EVERYTHING, Scripted, Sidecar, ok};

const ID: &str = "Root=1-67891233-abcdef012345678912345678";

/// [`EVERYTHING`] with every line of the diagnostics, as JSON.
fn told() -> String {
    format!("{EVERYTHING}logging: {{ level: debug, format: json }}\n")
}

/// The lines of the diagnostics about that request, once there are so many.
async fn lines(sidecar: &Sidecar, id: &str, count: usize) -> Vec<Value> {
    sidecar
        .logs_that(|log| log.lines().filter(|line| line.contains(id)).count() >= count)
        .await;
    let log = sidecar.log();
    let about = log.lines().filter(|line| line.contains(id));
    about
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[tokio::test]
async fn what_a_client_calls_its_request_reaches_the_upstream_unchanged() {
    let upstream = Scripted::answering(ok("{}")).await;
    let sidecar = Sidecar::start(&upstream.url(), EVERYTHING).await;
    for (at, sent) in [ID, "7", "a~b/c=d+e:f"].into_iter().enumerate() {
        let headers = [("X-Request-Id", sent)];
        let answered = sidecar.ask("GET", "/posts", &headers).await.expect(200);
        assert_eq!(
            answered.head.field("x-request-id"),
            None,
            "it is the upstream's answer"
        );
        let request = upstream.request(at).await;
        let came: Vec<_> = request.head.fields("x-request-id").collect();
        assert_eq!(came, [sent]);
    }
}

#[tokio::test]
async fn what_can_be_no_name_of_a_request_is_replaced_by_one() {
    let upstream = Scripted::answering(ok("{}")).await;
    let sidecar = Sidecar::start(&upstream.url(), &told()).await;
    let field = |value| ("X-Request-Id", value);
    let all = [
        &[field("not one, by its form")][..],
        &[field("one"), field("other")],
    ];
    for (at, headers) in all.into_iter().enumerate() {
        sidecar.ask("GET", "/posts", headers).await.expect(200);
        let request = upstream.request(at).await;
        let came: Vec<_> = request.head.fields("x-request-id").collect();
        let [name] = came[..] else {
            panic!("{}", request.head.raw);
        };
        // It is the one by which the log speaks of it.
        lines(&sidecar, name, 1).await;
    }
}

#[tokio::test]
async fn a_request_without_a_name_is_given_one_that_no_other_has() {
    let upstream = Scripted::answering(ok("{}")).await;
    let sidecar = Sidecar::start(&upstream.url(), &told()).await;
    let mut names = Vec::new();
    for at in 0..2 {
        sidecar.post("/posts", json!({})).await.expect(200);
        let request = upstream.request(at).await;
        let name = request.head.field("x-request-id").unwrap().to_owned();
        assert_eq!(name.len(), 32);
        assert!(name.bytes().all(|byte| byte.is_ascii_hexdigit()), "{name}");
        let [line] = &lines(&sidecar, &name, 1).await[..] else {
            panic!("{}", sidecar.log());
        };
        assert_eq!(line["request_id"], name);
        names.push(name);
    }
    assert_ne!(names[0], names[1]);
}

#[tokio::test]
async fn each_request_has_a_line_without_its_query() {
    let upstream = Scripted::answering(ok(r#"{"id":1}"#)).await;
    let sidecar = Sidecar::start(&upstream.url(), &told()).await;
    let headers = [("X-Request-Id", ID), ("Authorization", "Bearer SECRET")];
    sidecar
        .ask("GET", "/posts/1?token=SECRET", &headers)
        .await
        .expect(200);
    let [line] = &lines(&sidecar, ID, 1).await[..] else {
        panic!("{}", sidecar.log());
    };
    for (field, value) in [
        ("request_id", json!(ID)),
        ("method", json!("GET")),
        ("path", json!("/posts/1")),
        ("status", json!(200)),
        ("bytes", json!(8)),
        ("class", json!("upstream")),
        ("message", json!("request")),
        ("level", json!("DEBUG")),
    ] {
        assert_eq!(line[field], value, "{line}");
    }
    assert!(line["duration"].is_string(), "{line}");
    assert!(!sidecar.log().contains("SECRET"), "{}", sidecar.log());
}

#[tokio::test]
async fn what_the_sidecar_refuses_says_what_the_request_was_called() {
    let sidecar = Sidecar::start("http://127.0.0.1:1", &told()).await;
    let headers = [("X-Request-Id", ID)];
    let lost = sidecar.ask("GET", "/posts?apikey=SECRET", &headers).await;
    assert_eq!(lost.expect(502).field("x-request-id"), ID);
    let about = lines(&sidecar, ID, 2).await;
    let failed = about.iter().find(|line| line["level"] == "WARN").unwrap();
    assert_eq!(
        (&failed["request_id"], &failed["path"]),
        (&json!(ID), &json!("/posts"))
    );

    let unknown = sidecar
        .ask("GET", "/realtime?apikey=SECRET", &[("X-Request-Id", "two")])
        .await;
    assert_eq!(unknown.expect(401).field("x-request-id"), "two");
    let [line] = &lines(&sidecar, "\"two\"", 1).await[..] else {
        panic!("{}", sidecar.log());
    };
    assert_eq!(
        (&line["class"], &line["status"]),
        (&json!("realtime"), &json!(401))
    );

    let mut conn = Conn::to(sidecar.address()).await;
    conn.send("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\nX-Request-Id: three\r\n\r\n")
        .await;
    let refused = conn.response().await.expect(400);
    assert_eq!(refused.field("x-request-id"), "three");
    let [line] = &lines(&sidecar, "\"three\"", 1).await[..] else {
        panic!("{}", sidecar.log());
    };
    assert_eq!(line["message"], "request refused");
    assert!(!sidecar.log().contains("SECRET"), "{}", sidecar.log());
}

#[tokio::test]
async fn a_stream_is_found_by_what_its_request_was_called() {
    let sidecar = Sidecar::start("http://127.0.0.1:1", &told()).await;
    let _stream = sidecar.hear_with(ALL, &[("X-Request-Id", ID)]).await;
    let about = lines(&sidecar, ID, 2).await;
    let messages: Vec<_> = about.iter().map(|line| &line["message"]).collect();
    assert!(messages.contains(&&json!("stream opened")), "{about:?}");
    assert!(!sidecar.log().contains("all-key"), "{}", sidecar.log());
}
