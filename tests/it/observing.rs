//! A write that succeeded becomes exactly its events; one that did not tells nobody; what
//! cannot be known is said to be uncertain.

use serde_json::{Value, json};

use crate::harness::{
    ALL, Conn, EVERYTHING, Frame, JsonServer, Release, Request, Scripted, Sidecar, Subscriber,
    answer, ok,
};

/// A scripted upstream that always answers so, a sidecar before it, and who hears everything.
async fn before(answer: impl Into<String>) -> (Scripted, Sidecar, Subscriber) {
    before_with(answer, EVERYTHING).await
}

async fn before_with(answer: impl Into<String>, yaml: &str) -> (Scripted, Sidecar, Subscriber) {
    let upstream = Scripted::answering(answer).await;
    let sidecar = Sidecar::start(&upstream.url(), yaml).await;
    let subscriber = sidecar.hear(ALL).await;
    (upstream, sidecar, subscriber)
}

/// [`EVERYTHING`] with another `observe` section.
fn observing(section: &str) -> String {
    EVERYTHING.replace("{ preset: json-server }", section)
}

/// The one event that says so.
fn is_uncertain(frame: &Frame, method: &str, collection: &str, id: Value) {
    assert_eq!(frame.event(), "uncertain");
    let expected = json!({
        "event": "uncertain", "collection": collection, "method": method, "data": id
    });
    assert_eq!(frame.json(), expected);
}

// --- json-server ---

#[tokio::test]
async fn each_write_to_json_server_is_told_in_restdbs_frames() {
    let upstream = JsonServer::start(json!({"posts": [{"id": 1}]})).await;
    let sidecar = Sidecar::start(&upstream.url(), EVERYTHING).await;
    let mut subscriber = sidecar.hear(ALL).await;
    sidecar.post("/posts", json!({"n": 2})).await.expect(201);
    sidecar.put("/posts/1", json!({"n": 1})).await.expect(200);
    sidecar.patch("/posts/2", json!({"x": 1})).await.expect(200);
    sidecar.delete("/posts/1").await.expect(200);
    for (event, data) in [
        ("post", r#"{"n":2,"id":2}"#),
        ("put", r#""1""#),
        ("put", r#""2""#),
        ("delete", r#"["1"]"#),
    ] {
        let frame = subscriber.next().await;
        let data = format!(r#"{{"event":"{event}","collection":"posts","data":{data}}}"#);
        let id = frame.id();
        let expected = format!("id: {id}\nevent: {event}\ndata: {data}\nretry: 10000\n\n");
        assert_eq!(frame.raw, expected);
    }
    let left = upstream.get("/posts").await.json();
    assert_eq!(left, json!([{"n": 2, "id": 2, "x": 1}]));
}

#[tokio::test]
async fn the_minimal_configuration_is_enough_before_json_server() {
    let upstream = JsonServer::start(json!({"posts": [{"id": 1}]})).await;
    let yaml = include_str!("../../config/minimal.yaml")
        .replace("127.0.0.1:8080", "LISTEN")
        .replace("http://127.0.0.1:3000", "UPSTREAM")
        + "admin: ADMIN\n";
    let sidecar = Sidecar::start(&upstream.url(), &yaml).await;
    let mut subscriber = sidecar.hear("/realtime?apikey=dev-key").await;
    let changed = json!({"title": "new"});
    sidecar.patch("/posts/1", changed).await.expect(200);
    let expected = json!({"event": "put", "collection": "posts", "data": "1"});
    assert_eq!(subscriber.next().await.json(), expected);
}

#[tokio::test]
async fn a_write_that_json_server_refused_tells_nobody() {
    let upstream = JsonServer::start(json!({"posts": []})).await;
    let sidecar = Sidecar::start(&upstream.url(), EVERYTHING).await;
    let mut subscriber = sidecar.hear(ALL).await;
    sidecar.put("/posts/9", json!({})).await.expect(404);
    sidecar.patch("/posts/9", json!({})).await.expect(404);
    sidecar.delete("/posts/9").await.expect(404);
    let json = [("Content-Type", "application/json")];
    sidecar
        .send("POST", "/posts", &json, b"{bad")
        .await
        .expect(400);
    sidecar.get("/posts").await.expect(200);
    subscriber.hears_nothing_of(&sidecar).await;
}

#[tokio::test]
async fn a_write_in_another_case_reaches_who_hears_the_collection() {
    let upstream = JsonServer::start(json!({"posts": [{"id": 1}]})).await;
    let keys = "    - { name: posts, key: posts-key, hear: [\"*:posts\"] }\n";
    let sidecar = Sidecar::start(&upstream.url(), &format!("{EVERYTHING}{keys}")).await;
    let mut subscriber = sidecar.hear("/realtime?apikey=posts-key").await;
    let changed = json!({"n": 1});
    sidecar.patch("/POSTS/1", changed).await.expect(200);
    is_uncertain(&subscriber.next().await, "PATCH", "posts", json!(null));
    sidecar.delete("/posts/1").await.expect(200);
    assert_eq!(subscriber.next().await.event(), "delete");
}

#[tokio::test]
async fn an_array_of_records_is_an_event_for_each() {
    let upstream = JsonServer::start(json!({"posts": []})).await;
    let sidecar = Sidecar::start(&upstream.url(), EVERYTHING).await;
    let mut subscriber = sidecar.hear(ALL).await;
    let both = json!([{"id": "x", "n": 1}, {"id": "y", "n": 2}]);
    sidecar.post("/posts", both.clone()).await.expect(201);
    for record in both.as_array().unwrap() {
        let frame = subscriber.next().await;
        assert_eq!(frame.event(), "post");
        assert_eq!(&frame.json()["data"], record);
    }
    subscriber.hears_nothing_of(&sidecar).await;
}

// --- what the answer says ---

#[tokio::test]
async fn a_status_that_is_no_success_tells_nobody() {
    for status in ["303 See Other", "409 Conflict", "422 Unprocessable Content"] {
        let (_upstream, sidecar, mut subscriber) = before(answer(status, r#"{"id":1}"#)).await;
        sidecar.post("/posts", json!({})).await;
        subscriber.hears_nothing_of(&sidecar).await;
    }
}

#[tokio::test]
async fn an_upstream_that_failed_may_have_written() {
    let (_upstream, sidecar, mut subscriber) = before(answer("500 Oh", "{}")).await;
    sidecar.put("/posts/7", json!({})).await.expect(500);
    is_uncertain(&subscriber.next().await, "PUT", "posts", json!("7"));
    subscriber.hears_nothing_of(&sidecar).await;
}

#[tokio::test]
async fn an_answer_without_a_body_tells_by_its_path() {
    for head in ["204 No Content", "200 OK\r\nContent-Length: 0"] {
        let (_upstream, sidecar, mut subscriber) = before(format!("HTTP/1.1 {head}\r\n\r\n")).await;
        sidecar.put("/posts/a%20b", json!({})).await;
        assert_eq!(subscriber.next().await.json()["data"], "a b");
        sidecar.patch("/posts/2", json!({})).await;
        assert_eq!(subscriber.next().await.json()["data"], "2");
        sidecar.delete("/posts/3").await;
        assert_eq!(subscriber.next().await.json()["data"], json!(["3"]));
        subscriber.hears_nothing_of(&sidecar).await;
    }
}

#[tokio::test]
async fn a_new_record_of_which_nothing_is_told_is_uncertain() {
    let (_upstream, sidecar, mut subscriber) = before("HTTP/1.1 204 No Content\r\n\r\n").await;
    sidecar.post("/posts", json!({"n": 1})).await.expect(204);
    is_uncertain(&subscriber.next().await, "POST", "posts", json!(null));
    subscriber.hears_nothing_of(&sidecar).await;
}

#[tokio::test]
async fn digits_and_order_of_a_record_are_kept() {
    let record = r#"{ "z": 12345678901234567890.10, "id": 1e3, "a": "\u00e4 \n" }"#;
    let (_upstream, sidecar, mut subscriber) = before(answer("201 Created", record)).await;
    sidecar.post("/posts", json!({})).await.expect(201);
    let data = subscriber.next().await.data().to_owned();
    assert!(
        data.contains(r#""data":{"z":12345678901234567890.10,"id":1e3,"a":"\u00e4 \n"}"#),
        "{data}"
    );
}

#[tokio::test]
async fn an_answer_that_is_not_read_is_uncertain_and_passes_whole() {
    let coded =
        "HTTP/1.1 201 Created\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\n\x1f\x0b\0\0";
    for answer in [
        coded.to_owned(),
        answer("201 Created", "<html>"),
        answer("201 Created", r#"{"id":"#),
    ] {
        let (_upstream, sidecar, mut subscriber) = before(answer.clone()).await;
        let response = sidecar.post("/posts", json!({})).await.expect(201);
        assert!(answer.ends_with(response.text()), "{answer}");
        is_uncertain(&subscriber.next().await, "POST", "posts", json!(null));
        subscriber.hears_nothing_of(&sidecar).await;
    }
}

#[tokio::test]
async fn an_answer_beyond_the_cap_is_uncertain_and_passes_whole() {
    let record = format!(r#"{{"id":1,"text":"{}"}}"#, "x".repeat(5000));
    let small = format!("{EVERYTHING}limits: {{ observed_body: 1KiB }}\n");
    let (_upstream, sidecar, mut subscriber) =
        before_with(answer("201 Created", &record), &small).await;
    let response = sidecar.post("/posts", json!({})).await.expect(201);
    assert_eq!(response.text(), record);
    is_uncertain(&subscriber.next().await, "POST", "posts", json!(null));
    subscriber.hears_nothing_of(&sidecar).await;
}

#[tokio::test]
async fn a_request_beyond_the_cap_is_told_by_its_answer() {
    let small = format!("{EVERYTHING}limits: {{ observed_body: 1KiB }}\n");
    let (upstream, sidecar, mut subscriber) =
        before_with(answer("201 Created", r#"{"id":1,"n":2}"#), &small).await;
    let large = json!({"text": "x".repeat(5000)});
    sidecar.post("/posts", large.clone()).await.expect(201);
    let told = subscriber.next().await.json();
    assert_eq!(told["data"], json!({"id": 1, "n": 2}));
    subscriber.hears_nothing_of(&sidecar).await;
    assert_eq!(upstream.request(0).await.body, large.to_string().as_bytes());
}

#[tokio::test]
async fn what_all_writes_under_way_may_keep_is_bounded_and_costs_no_request() {
    let release = Release::new();
    let held = |request: &Request| request.head.start().contains("/posts/1 ");
    let record = move |request: &Request| match held(request) {
        true => ok(r#"{"id":1}"#),
        false => ok(&json!({"id": 2, "text": "x".repeat(800)}).to_string()),
    };
    let upstream = Scripted::holding(&release, held, record).await;
    let little = format!("{EVERYTHING}limits: {{ observed_body: 1KiB, observed_bodies: 1KiB }}\n");
    let sidecar = Sidecar::start(&upstream.url(), &little).await;
    let mut subscriber = sidecar.hear(ALL).await;
    let body = json!({"text": "x".repeat(800)});
    let held = sidecar.put("/posts/1", body.clone());
    let beside = async {
        upstream.request(0).await;
        let passed = sidecar.put("/posts/2", body.clone()).await.expect(200);
        assert_eq!(passed.json()["text"], body["text"]);
        release.open();
    };
    let (answered, ()) = tokio::join!(held, beside);
    answered.expect(200);
    assert_eq!(upstream.request(1).await.body, body.to_string().as_bytes());
    is_uncertain(&subscriber.next().await, "PUT", "posts", json!("2"));
    assert_eq!(subscriber.next().await.event(), "put");
    // What was kept was given back.
    sidecar.put("/posts/2", json!({})).await.expect(200);
    assert_eq!(subscriber.next().await.event(), "put");
    subscriber.hears_nothing_of(&sidecar).await;
}

#[tokio::test]
async fn a_bulk_of_which_not_every_record_is_known_is_uncertain_once() {
    for (method, answered) in [
        ("POST", answer("201 Created", r#"{"inserted":3}"#)),
        (
            "POST",
            answer("201 Created", r#"[{"id":1},{"n":2},{"id":3}]"#),
        ),
        ("POST", "HTTP/1.1 204 No Content\r\n\r\n".to_owned()),
        ("PUT", "HTTP/1.1 204 No Content\r\n\r\n".to_owned()),
        ("DELETE", "HTTP/1.1 204 No Content\r\n\r\n".to_owned()),
    ] {
        let (_upstream, sidecar, mut subscriber) = before(answered.clone()).await;
        let bulk = json!([{"n": 1}, {"n": 2}, {"n": 3}]);
        sidecar.write(method, "/posts", bulk).await;
        is_uncertain(&subscriber.next().await, method, "posts", json!(null));
        subscriber.hears_nothing_of(&sidecar).await;
    }
}

#[tokio::test]
async fn a_write_that_is_answered_by_a_tunnel_is_uncertain() {
    let upstream = Scripted::start(|mut peer| async move {
        peer.request().await;
        let switched = "Connection: Upgrade\r\nUpgrade: x";
        peer.conn
            .send(format!(
                "HTTP/1.1 101 Switching Protocols\r\n{switched}\r\n\r\n"
            ))
            .await;
    })
    .await;
    let sidecar = Sidecar::start(&upstream.url(), EVERYTHING).await;
    let mut subscriber = sidecar.hear(ALL).await;
    let mut conn = Conn::to(sidecar.address()).await;
    conn.send(
        "PUT /posts/7 HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nConnection: Upgrade\r\n\
         Upgrade: x\r\n\r\n{}",
    )
    .await;
    conn.rest().await;
    is_uncertain(&subscriber.next().await, "PUT", "posts", json!("7"));
    subscriber.hears_nothing_of(&sidecar).await;
}

// --- many at a time ---

/// An upstream that answers each write with what was written.
async fn echoing() -> Scripted {
    Scripted::replying(|request| {
        let body = std::str::from_utf8(&request.body).unwrap();
        answer("201 Created", body)
    })
    .await
}

#[tokio::test]
async fn everybody_hears_each_write_of_many_writers_once_and_in_one_order() {
    const WRITERS: usize = 8;
    const WRITES: usize = 25;
    let upstream = echoing().await;
    let sidecar = Sidecar::start(&upstream.url(), EVERYTHING).await;
    let mut subscribers = Vec::new();
    for _ in 0..4 {
        subscribers.push(sidecar.hear(ALL).await);
    }
    let write = async |writer| {
        for n in 0..WRITES {
            let record = json!({"id": writer * WRITES + n});
            sidecar.post("/posts", record).await.expect(201);
        }
    };
    tokio::join!(
        write(0),
        write(1),
        write(2),
        write(3),
        write(4),
        write(5),
        write(6),
        write(7)
    );
    sidecar.publish("LAST", json!(null)).await.expect(200);
    let mut first = None;
    for subscriber in &mut subscribers {
        let mut heard = Vec::new();
        for _ in 0..WRITERS * WRITES {
            let frame = subscriber.next().await;
            heard.push((frame.json()["data"]["id"].as_u64().unwrap(), frame.raw));
        }
        assert_eq!(subscriber.next().await.json()["event"], "LAST");
        assert_eq!(*first.get_or_insert_with(|| heard.clone()), heard);
        // Each writer's own come in the order in which they were acknowledged.
        for writer in 0..WRITERS as u64 {
            let writes = writer * WRITES as u64..(writer + 1) * WRITES as u64;
            let own: Vec<_> = heard.iter().map(|(id, _)| *id).collect();
            let own: Vec<_> = own.into_iter().filter(|id| writes.contains(id)).collect();
            assert_eq!(own, writes.collect::<Vec<_>>());
        }
    }
}

#[tokio::test]
async fn what_was_acknowledged_before_a_drain_is_heard_before_the_streams_end() {
    let upstream = echoing().await;
    let sidecar = Sidecar::start(&upstream.url(), EVERYTHING).await;
    let mut subscriber = sidecar.hear(ALL).await;
    let acknowledged = std::cell::Cell::new(0);
    // Writes on and on, until it is not served any more.
    let write = async |writer: u64| {
        let mut conn = Conn::to(sidecar.address()).await;
        for n in 0_u64.. {
            let record = json!({"id": writer * 1_000_000 + n}).to_string();
            let length = record.len();
            conn.send(format!(
                "POST /posts HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n{record}"
            ))
            .await;
            let Some(head) = conn.try_head().await else {
                return;
            };
            assert_eq!(head.status(), 201);
            conn.exact(length).await;
            acknowledged.set(acknowledged.get() + 1);
            if acknowledged.get() == 100 {
                sidecar.sigterm();
            }
        }
    };
    let (heard, ..) = tokio::join!(subscriber.ended(), write(0), write(1), write(2), write(3));
    sidecar.exit().await;
    let ids: Vec<_> = heard.iter().filter(|frame| frame.data.is_some()).collect();
    let distinct: std::collections::BTreeSet<_> = ids.iter().map(|frame| frame.data()).collect();
    assert_eq!(distinct.len(), ids.len(), "none is heard twice");
    assert!(ids.len() >= 100, "{} heard of 100 and more", ids.len());
    let end = heard.last().unwrap();
    assert!(end.retry.is_some() && end.data.is_none(), "{end:?}");
}

// --- answers that do not come to their end ---

/// An upstream that answers a write with these bytes and closes; it answers `/marker` as it should.
async fn cut_after(bytes: &'static str) -> (Scripted, Sidecar, Subscriber) {
    let upstream = Scripted::start(move |mut peer| async move {
        peer.request().await;
        peer.conn.send(bytes).await;
    })
    .await;
    let sidecar = Sidecar::start(&upstream.url(), EVERYTHING).await;
    let subscriber = sidecar.hear(ALL).await;
    (upstream, sidecar, subscriber)
}

#[tokio::test]
async fn a_truncated_answer_is_uncertain() {
    for bytes in [
        "HTTP/1.1 201 Created\r\nContent-Length: 100\r\n\r\n{\"id\":1}",
        "HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n8\r\n{\"id\":1}\r\n",
        "HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n8\r\n{\"id\"",
        "HTTP/1.0 201 Created\r\n\r\n{\"id\":1,",
    ] {
        let (upstream, sidecar, mut subscriber) = cut_after(bytes).await;
        let mut conn = Conn::to(sidecar.address()).await;
        conn.send(sidecar.request("POST", "/posts", &[("Content-Length", "0")]))
            .await;
        conn.rest().await;
        is_uncertain(&subscriber.next().await, "POST", "posts", json!(null));
        subscriber.hears_nothing_of(&sidecar).await;
        assert_eq!(upstream.times("POST"), 1, "{bytes}");
    }
}

#[tokio::test]
async fn an_answer_that_ends_with_its_connection_is_told_if_it_is_whole() {
    let (_upstream, sidecar, mut subscriber) =
        cut_after("HTTP/1.0 201 Created\r\n\r\n{\"id\":1}").await;
    let response = sidecar.post("/posts", json!({})).await.expect(201);
    assert_eq!(response.json(), json!({"id": 1}));
    assert_eq!(subscriber.next().await.json()["data"], json!({"id": 1}));
}

#[tokio::test]
async fn a_lost_upstream_is_uncertain_and_a_502() {
    for bytes in ["", "HTTP/1.1 20"] {
        for method in ["POST", "PUT", "PATCH", "DELETE"] {
            let (upstream, sidecar, mut subscriber) = cut_after(bytes).await;
            sidecar
                .write(method, "/posts/1", json!({}))
                .await
                .refuses(502);
            is_uncertain(&subscriber.next().await, method, "posts", json!("1"));
            subscriber.hears_nothing_of(&sidecar).await;
            assert_eq!(upstream.times(method), 1);
        }
    }
}

#[tokio::test]
async fn a_write_that_reached_nobody_tells_nobody() {
    let nobody = format!("http://127.0.0.1:{}", crate::harness::free_port());
    let sidecar = Sidecar::start(&nobody, EVERYTHING).await;
    let mut subscriber = sidecar.hear(ALL).await;
    sidecar.put("/posts/1", json!({})).await.refuses(502);
    subscriber.hears_nothing_of(&sidecar).await;
}

#[tokio::test]
async fn a_write_on_a_kept_connection_that_dies_is_not_repeated() {
    for method in ["PUT", "DELETE", "PATCH", "POST"] {
        let upstream = Scripted::start(|mut peer| async move {
            peer.request().await;
            peer.conn.send(ok("{}")).await;
            // The second request of a connection, if it comes, is committed and never answered.
            peer.request().await;
        })
        .await;
        let sidecar = Sidecar::start(&upstream.url(), EVERYTHING).await;
        let mut subscriber = sidecar.hear(ALL).await;
        // On one connection, so that the first request's connection upstream is free again.
        let mut conn = Conn::to(sidecar.address()).await;
        conn.send("GET /warm HTTP/1.1\r\nHost: a\r\n\r\n").await;
        conn.response().await.expect(200);
        let json = [("Content-Length", "2")];
        conn.send(sidecar.request(method, "/posts/1", &json) + "{}")
            .await;
        conn.response().await.refuses(502);
        is_uncertain(&subscriber.next().await, method, "posts", json!("1"));
        subscriber.hears_nothing_of(&sidecar).await;
        assert_eq!(upstream.times(method), 1, "{method}");
    }
}

// --- acknowledged means logged ---

#[tokio::test]
async fn an_acknowledged_write_is_in_the_log() {
    for created in [
        answer("201 Created", r#"{"id":"n"}"#),
        "HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\na\r\n{\"id\":\"n\"}\r\n0\r\n\r\n".to_owned(),
        "HTTP/1.1 201 Created\r\nLocation: /posts/n\r\nContent-Length: 0\r\n\r\n".to_owned(),
        "HTTP/1.1 204 No Content\r\n\r\n".to_owned(),
    ] {
        let (_upstream, sidecar, mut subscriber) = before(created.clone()).await;
        sidecar.publish("START", json!(null)).await.expect(200);
        let mut last = subscriber.next().await.id().to_owned();
        for _ in 0..50 {
            // Nothing is awaited between the answer and the resume, and the resumed stream is
            // asked for nothing but what is in it already.
            sidecar.put("/posts/n", json!({})).await;
            let mut resumed = sidecar.resume(ALL, &last).await;
            let marker = sidecar.publish("MARKER", json!(null));
            let (next, _) = tokio::join!(resumed.next(), marker);
            assert_eq!(next.event(), "put", "{created}");
            last = resumed.next().await.id().to_owned();
        }
    }
}

// --- what the operator chose ---

#[tokio::test]
async fn ignored_paths_tell_nobody_in_any_spelling() {
    let yaml = observing("{ preset: json-server, ignore: [/auth/**] }");
    let (_upstream, sidecar, mut subscriber) =
        before_with(answer("201 Created", r#"{"id":1}"#), &yaml).await;
    for path in [
        "/auth",
        "/auth/login",
        "//auth/login",
        "/%61uth/login",
        "/x/../auth/login",
        "/AUTH/login",
    ] {
        sidecar
            .post(path, json!({"password": "p"}))
            .await
            .expect(201);
    }
    subscriber.hears_nothing_of(&sidecar).await;
    sidecar.post("/author", json!({})).await.expect(201);
    assert_eq!(subscriber.next().await.json()["collection"], "author");
}

#[tokio::test]
async fn only_allowed_collections_are_told() {
    let yaml = observing("{ preset: json-server, collections: [posts] }");
    let (_upstream, sidecar, mut subscriber) =
        before_with(answer("201 Created", r#"{"id":1}"#), &yaml).await;
    sidecar.post("/users", json!({})).await.expect(201);
    sidecar.post("/posts", json!({})).await.expect(201);
    assert_eq!(subscriber.next().await.json()["collection"], "posts");
}

#[tokio::test]
async fn what_is_redacted_reaches_the_writer_and_no_subscriber() {
    let yaml = observing("{ preset: json-server, redact: [/password, /deep/token] }");
    let record = r#"{"id":1,"password":"p1","deep":{"token":"t1","kept":2}}"#;
    let (_upstream, sidecar, mut subscriber) =
        before_with(answer("201 Created", record), &yaml).await;
    let response = sidecar.post("/users", json!({})).await.expect(201);
    assert_eq!(response.text(), record);
    let frame = subscriber.next().await;
    assert_eq!(frame.json()["data"], json!({"id": 1, "deep": {"kept": 2}}));
}

#[tokio::test]
async fn rules_of_ones_own_find_id_and_record() {
    let yaml = observing(
        "{ rules: [{ path: \"/api/v1/{collection}/{id?}\", id: [/data/key], record: /data, methods: [POST, PUT] }] }",
    );
    let created = answer("201 Created", r#"{"data":{"key":"k1","n":1},"meta":2}"#);
    let (_upstream, sidecar, mut subscriber) = before_with(created, &yaml).await;
    sidecar.post("/api/v1/company", json!({})).await.expect(201);
    assert_eq!(
        subscriber.next().await.json()["data"],
        json!({"key": "k1", "n": 1})
    );
    sidecar
        .patch("/api/v1/company/k1", json!({}))
        .await
        .expect(201);
    sidecar.post("/company", json!({})).await.expect(201);
    subscriber.hears_nothing_of(&sidecar).await;
}

#[tokio::test]
async fn the_rest_preset_observes_below_its_prefix_alone() {
    let yaml = observing("{ preset: rest, prefix: /api/v1 }");
    let (_upstream, sidecar, mut subscriber) =
        before_with(answer("201 Created", r#"{"id":"a"}"#), &yaml).await;
    sidecar.post("/company", json!({})).await.expect(201);
    sidecar.post("/api/v1/company", json!({})).await.expect(201);
    let told = subscriber.next().await.json();
    assert_eq!(told["collection"], "company");
    subscriber.hears_nothing_of(&sidecar).await;
}

#[tokio::test]
async fn an_ambiguous_path_passes_unchanged_and_its_write_is_uncertain() {
    let (upstream, sidecar, mut subscriber) = before(ok(r#"{"id":1}"#)).await;
    for path in [
        "//posts/1",
        "/posts//1",
        "/./posts/1",
        "/posts/./1",
        "/x/../posts/1",
        "/posts/%2e/1",
        "/x/%2E%2e/posts/1",
        "/posts%2F1",
        "/posts%2f1",
        "/posts%5C1",
        "/%70osts;a/1",
        "/posts/1;v=2",
        "/posts;v=2/1",
        "/posts/1//",
        "/POSTS/1",
        "/Posts/1",
        "/posts/%00",
    ] {
        let seen = upstream.requests().len();
        sidecar.put(path, json!({})).await.expect(200);
        let request = upstream.request(seen).await;
        assert_eq!(request.head.start(), format!("PUT {path} HTTP/1.1"));
        let told = subscriber.next().await;
        assert_eq!(told.event(), "uncertain", "{path}");
        assert_eq!(told.json()["collection"], "posts", "{path}");
    }
}

#[tokio::test]
async fn a_slash_at_the_end_and_an_escaped_letter_leave_no_doubt() {
    let (_upstream, sidecar, mut subscriber) = before(ok(r#"{"id":1}"#)).await;
    for path in ["/posts/1", "/posts/1/", "/%70osts/1", "/posts/%31"] {
        sidecar.put(path, json!({})).await.expect(200);
        let told = subscriber.next().await;
        assert_eq!(
            (told.event(), &told.json()["data"]),
            ("put", &json!("1")),
            "{path}"
        );
    }
}
