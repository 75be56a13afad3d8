//! Streams of the operator's own, at paths of the application's.

mod clients;
mod reloading;

use serde_json::{Value, json};

use crate::harness::{
    Conn, EVERYTHING, Frame, JsonServer, Scripted, Sidecar, Subscriber, answer, ok,
};

/// [`EVERYTHING`], and these streams; there is a key `few-key` too, which hears POST:company.
fn with(streams: &str) -> String {
    let few = "    - { name: few, key: few-key, hear: [\"POST:company\"] }\n";
    let streams = format!("realtime: {{ restdb: {{ path: /realtime }}, streams: [{streams}] }}");
    let yaml = EVERYTHING.replace("realtime: { restdb: { path: /realtime } }", &streams);
    format!("{yaml}{few}")
}

/// Opens a stream that must open, and hears its first frames: when to come back, and where it is.
async fn open(sidecar: &Sidecar, path: &str) -> Subscriber {
    let mut subscriber = Subscriber::open(sidecar, path, &[]).await;
    assert_eq!(subscriber.head.status(), 200, "{}", subscriber.head.raw);
    assert!(subscriber.frame().await.unwrap().retry.is_some());
    let place = subscriber.frame().await.unwrap();
    assert_eq!(place.raw, format!("id: {}\n\n", place.id()));
    subscriber
}

async fn resume(sidecar: &Sidecar, path: &str, id: &str) -> Subscriber {
    Subscriber::open(sidecar, path, &[("Last-Event-ID", id)]).await
}

/// An API that answers each write with what it was sent.
async fn echo() -> Scripted {
    Scripted::replying(|request| {
        let body = String::from_utf8(request.body.clone()).unwrap();
        answer("200 OK", if body.is_empty() { "{}" } else { &body })
    })
    .await
}

/// What a frame tells: its name and its data.
fn told(frame: &Frame) -> (&str, &str) {
    (frame.event(), frame.data())
}

#[tokio::test]
async fn a_write_is_told_under_the_name_and_as_the_data_that_each_stream_has() {
    let upstream = JsonServer::start(json!({"company": []})).await;
    let sidecar = Sidecar::start(
        &upstream.url(),
        &with(
            r#"
            { path: /api/my-events },
            { path: /api/records, name: "{collection}.{action}", data: record },
            { path: /api/ids, name: "{method}", data: id },
            { path: /api/own, name: change, data: '{"type":{action},"id":{id},"n":{record}}' },
            "#,
        ),
    )
    .await;
    let mut heard = Vec::new();
    for path in ["my-events", "records", "ids", "own"] {
        heard.push(open(&sidecar, &format!("/api/{path}?apikey=all-key")).await);
    }
    let record = json!({"n": 7});
    sidecar.post("/company", record).await.expect(201);
    sidecar.delete("/company/1").await.expect(200);
    let [events, records, ids, own] = &mut heard[..] else {
        panic!("four");
    };
    let whole = events.next().await;
    assert_eq!(whole.event(), "message");
    let told_of = whole.json();
    let expected = r#"{"event":"post","collection":"company","ids":["1"],"record":{"n":7,"id":1},"#;
    assert!(whole.data().starts_with(expected), "{}", whole.data());
    assert!(told_of["time"].as_str().unwrap().ends_with('Z'));
    let record = records.next().await;
    assert_eq!(told(&record), ("company.create", r#"{"n":7,"id":1}"#));
    assert_eq!(record.id(), whole.id());
    assert_eq!(told(&ids.next().await), ("POST", "1"));
    let expected = ("change", r#"{"type":"create","id":"1","n":{"n":7,"id":1}}"#);
    assert_eq!(told(&own.next().await), expected);

    assert_eq!(events.next().await.json()["event"], "delete");
    assert_eq!(records.next().await.event(), "company.delete");
    assert_eq!(told(&ids.next().await), ("DELETE", "1"));
    assert_eq!(own.next().await.json()["type"], "delete");
}

#[tokio::test]
async fn what_is_heard_is_what_the_stream_tells_of_the_grant() {
    let upstream = echo().await;
    let streams = r#"
        { path: /company, events: ["*:company"], data: id },
        { path: /goals, events: [GOAL] },
    "#;
    let sidecar = Sidecar::start(&upstream.url(), &with(streams)).await;
    let mut all = open(&sidecar, "/company?apikey=all-key").await;
    let mut few = open(&sidecar, "/company?apikey=few-key").await;
    let mut goals = open(&sidecar, "/goals?apikey=all-key").await;
    for (path, key, status) in [
        ("/company", "", 401),
        ("/company", "?apikey=wrong", 401),
        ("/goals", "?apikey=few-key", 403),
        ("/company", "?apikey=few-key&events=PUT:company", 403),
        ("/company", "?apikey=all-key&events=GOAL", 403),
        ("/company", "?apikey=all-key&collections=posts", 403),
        ("/company", "?apikey=all-key&events=GET:a", 400),
    ] {
        sidecar.get(&format!("{path}{key}")).await.refuses(status);
    }
    sidecar
        .put("/company/1", json!({"id": 1}))
        .await
        .expect(200);
    sidecar.post("/posts", json!({"id": 2})).await.expect(200);
    sidecar.post("/company", json!({"id": 3})).await.expect(200);
    sidecar.publish("OTHER", json!(1)).await.expect(200);
    sidecar.publish("GOAL", json!("x")).await.expect(200);
    assert_eq!(all.next().await.data(), "1");
    assert_eq!(all.next().await.data(), "3");
    assert_eq!(few.next().await.data(), "3");
    let goal = goals.next().await.json();
    assert_eq!(
        (&goal["event"], &goal["data"]),
        (&json!("GOAL"), &json!("x"))
    );
}

#[tokio::test]
async fn who_resumes_hears_each_event_once_and_in_the_same_bytes() {
    let upstream = echo().await;
    let streams = r#"{ path: /s, name: "{event}", heartbeat: { every: 1h } }"#;
    let sidecar = Sidecar::start(&upstream.url(), &with(streams)).await;
    let path = "/s?apikey=all-key";
    let mut first = open(&sidecar, path).await;
    let heartbeat = first.next().await;
    assert_eq!(told(&heartbeat), ("heartbeat", "OK"));
    let mut frames = Vec::new();
    for n in 1..5 {
        let place = format!("/company/{n}");
        sidecar.put(&place, json!({"id": n})).await.expect(200);
        frames.push(first.next().await);
    }
    let by_query = format!("{path}&lastEventId={}", frames[0].id());
    for (mut resumed, missed) in [
        (resume(&sidecar, path, heartbeat.id()).await, &frames[..]),
        (resume(&sidecar, path, frames[1].id()).await, &frames[2..]),
        (
            Subscriber::open(&sidecar, &by_query, &[]).await,
            &frames[1..],
        ),
    ] {
        assert_eq!(resumed.next().await.event(), "heartbeat");
        for frame in missed {
            assert_eq!(resumed.next().await, *frame);
        }
        resumed.reset();
    }
}

#[tokio::test]
async fn a_gap_and_what_is_uncertain_are_told_as_everywhere() {
    let upstream = Scripted::answering(answer("500 Internal Server Error", "{}")).await;
    let streams = r#"
        { path: /s, events: ["*:company", GOAL], data: cloudevents, name: change, heartbeat: },
    "#;
    let sidecar = Sidecar::start(&upstream.url(), &with(streams)).await;
    for id in ["nonsense", "0123456789ab-1"] {
        let mut resumed = resume(&sidecar, "/s?apikey=all-key", id).await;
        let heartbeat = resumed.next().await;
        assert_eq!((heartbeat.event(), &heartbeat.id), ("heartbeat", &None));
        let gap = resumed.next().await;
        assert_eq!(gap.event(), "gap");
        assert!(!gap.id().is_empty());
        assert_eq!(gap.json()["collections"], json!(["company"]));
        sidecar.put("/company/7", json!({})).await.expect(500);
        let uncertain = resumed.next().await;
        assert_eq!(uncertain.event(), "uncertain");
        let expected =
            json!({"event": "uncertain", "collection": "company", "method": "PUT", "data": "7"});
        assert_eq!(uncertain.json(), expected);
    }
}

#[tokio::test]
async fn an_open_stream_asks_nobody_who_they_are() {
    let upstream = echo().await;
    let streams = r#"
        { path: /open, access: open, events: ["*:company"], data: record },
        { path: /ids, access: open, events: ["*:company"], data: id },
    "#;
    let sidecar = Sidecar::start(&upstream.url(), &with(streams)).await;
    let mut heard = Vec::new();
    for query in ["", "?apikey=wrong", "?jwt=wrong", "?apikey=all-key"] {
        heard.push(open(&sidecar, &format!("/open{query}")).await);
    }
    let origin = ("Origin", "https://evil.example");
    let head = sidecar.ask("HEAD", "/open", &[origin]).await;
    assert_eq!(head.field("access-control-allow-origin"), "*");
    assert_eq!(head.head.field("access-control-allow-credentials"), None);
    let preflight = [origin, ("Access-Control-Request-Method", "GET")];
    let preflight = sidecar
        .ask("OPTIONS", "/open", &preflight)
        .await
        .expect(204);
    assert_eq!(preflight.field("access-control-allow-origin"), "*");
    for (path, status) in [
        ("/open?events=POST:posts", 403),
        ("/open?filter=a", 400),
        ("/open?fields=a,", 400),
        // Who hears and who does not would tell what is in a record that is not told.
        ("/ids?filter=n%3E1", 400),
    ] {
        let refused = sidecar.ask("GET", path, &[origin]).await;
        refused.refuses(status);
        assert_eq!(refused.field("access-control-allow-origin"), "*");
    }
    sidecar.publish("GOAL", json!(1)).await.expect(200);
    sidecar.post("/posts", json!({"id": 1})).await.expect(200);
    sidecar.post("/company", json!({"id": 2})).await.expect(200);
    for mut subscriber in heard {
        assert_eq!(subscriber.next().await.data(), r#"{"id":2}"#);
    }
}

#[tokio::test]
async fn rules_are_asked_of_a_guest_where_a_stream_is_open() {
    let upstream = echo().await;
    let streams = r#"{ path: /open, access: open, events: ["*:*"], data: record }"#;
    let rules = "  rules:\n    posts: { hear: \"public = true\" }\n    own: { hear: \"owner = @request.auth.sub\" }\n";
    let yaml = format!("{}{rules}", with(streams));
    let sidecar = Sidecar::start(&upstream.url(), &yaml).await;
    let mut anyone = open(&sidecar, "/open?apikey=all-key").await;
    for record in [
        json!({"id": 1, "public": false}),
        json!({"id": 2, "public": true}),
    ] {
        sidecar.post("/posts", record).await.expect(200);
    }
    sidecar
        .post("/own", json!({"id": 3, "owner": "u1"}))
        .await
        .expect(200);
    sidecar.post("/other", json!({"id": 4})).await.expect(200);
    assert_eq!(anyone.next().await.json()["id"], 2);
    assert_eq!(anyone.next().await.json()["id"], 4);
}

#[tokio::test]
async fn pages_of_other_sites_need_an_origin_that_is_named_where_a_grant_does() {
    let streams = "{ path: /s }";
    let yaml = with(streams).replace(
        "access:\n",
        "access:\n  origins: [\"https://app.example\"]\n",
    );
    let sidecar = Sidecar::start("http://127.0.0.1:1", &yaml).await;
    let path = "/s?apikey=all-key";
    let known = ("Origin", "https://app.example");
    let head = sidecar.ask("HEAD", path, &[known]).await.expect(200);
    assert_eq!(
        head.field("access-control-allow-origin"),
        "https://app.example"
    );
    let refused = sidecar
        .ask("GET", path, &[("Origin", "https://evil.example")])
        .await;
    refused.refuses(403);
    assert_eq!(refused.head.field("access-control-allow-origin"), None);
}

#[tokio::test]
async fn other_methods_on_the_path_are_the_apis() {
    let upstream = echo().await;
    let sidecar = Sidecar::start(&upstream.url(), &with("{ path: /company }")).await;
    let mut subscriber = open(&sidecar, "/company?apikey=all-key").await;
    sidecar.post("/company", json!({"id": 1})).await.expect(200);
    assert_eq!(subscriber.next().await.json()["record"]["id"], 1);
    for method in ["PUT", "PATCH", "DELETE", "OPTIONS"] {
        sidecar.ask(method, "/company", &[]).await.expect(200);
        assert_eq!(upstream.times(&format!("{method} /company ")), 1);
    }
    let preflight = |asked| {
        [
            ("Origin", "https://a.example"),
            ("Access-Control-Request-Method", asked),
        ]
    };
    sidecar
        .ask("OPTIONS", "/company", &preflight("POST"))
        .await
        .expect(200);
    assert_eq!(upstream.times("OPTIONS /company "), 2);
    sidecar
        .ask("OPTIONS", "/company", &preflight("GET"))
        .await
        .refuses(403);
    for path in ["/company/", "/company/1", "/Company"] {
        sidecar.get(path).await.expect(200);
        assert_eq!(upstream.times(&format!("GET {path} ")), 1);
    }
    assert_eq!(upstream.times("GET /company "), 0);
    assert_eq!(upstream.times("HEAD"), 0);
}

#[tokio::test]
async fn a_head_request_is_answered_with_the_head_of_a_stream() {
    let sidecar = Sidecar::start("http://127.0.0.1:1", &with("{ path: /s }")).await;
    let mut conn = Conn::to(sidecar.address()).await;
    conn.send(sidecar.request("HEAD", "/s?apikey=all-key", &[]))
        .await;
    let head = conn.head().await;
    assert_eq!(head.status(), 200);
    assert_eq!(head.field("content-type"), Some("text/event-stream"));
    assert_eq!(head.field("x-accel-buffering"), Some("no"));
    assert_eq!(head.field("content-length"), None);
    assert_eq!(conn.rest().await, b"");
}

#[tokio::test]
async fn fields_and_a_filter_narrow_what_is_told_of_records() {
    let upstream = echo().await;
    let sidecar = Sidecar::start(&upstream.url(), &with("{ path: /s, data: record }")).await;
    let path = "/s?apikey=all-key";
    let mut some = open(
        &sidecar,
        &format!("{path}&fields=id,a.b&filter=n%20%3E%2010"),
    )
    .await;
    let mut all = open(&sidecar, path).await;
    let mut restdb = sidecar.hear("/realtime?apikey=all-key&fields=n").await;
    let first = r#"{"id":1,"n":12345678901234567890.10,"a":{"b":1.50,"c":2}}"#;
    let second = r#"{"id":2,"n":1}"#;
    let json = [("Content-Type", "application/json")];
    for record in [second, first] {
        let posted = sidecar.send("POST", "/company", &json, record.as_bytes());
        posted.await.expect(200);
    }
    assert_eq!(some.next().await.data(), r#"{"id":1,"a":{"b":1.50}}"#);
    assert_eq!(all.next().await.data(), second);
    assert_eq!(all.next().await.data(), first);
    assert!(restdb.next().await.data().ends_with(r#""data":{"n":1}}"#));
    let expected = r#""data":{"n":12345678901234567890.10}}"#;
    assert!(restdb.next().await.data().ends_with(expected));
    for (fields, told) in [
        ("a..b", "expected names"),
        ("a:excerpt(1)", "modifiers"),
        ("*.a", "nothing can follow"),
    ] {
        for path in ["/s", "/realtime"] {
            let refused = sidecar
                .get(&format!("{path}?apikey=all-key&fields={fields}"))
                .await;
            refused.refuses(400);
            let message = refused.json()["message"].clone();
            assert!(message.as_str().unwrap().contains(told), "{message}");
        }
    }
}

#[tokio::test]
async fn no_publish_can_be_taken_for_a_write_or_a_word_of_the_streams_own() {
    let upstream = echo().await;
    let streams = r#"
        { path: /actions, name: "{action}", data: record },
        { path: /records, data: record },
        { path: /events, name: "{event}", data: record, heartbeat: { name: beat } },
    "#;
    let sidecar = Sidecar::start(&upstream.url(), &with(streams)).await;
    let mut actions = open(&sidecar, "/actions?apikey=all-key").await;
    let mut records = open(&sidecar, "/records?apikey=all-key").await;
    let mut events = open(&sidecar, "/events?apikey=all-key").await;
    assert_eq!(events.next().await.event(), "beat");
    let record = json!({"id": 1});
    for forged in ["create", "company.create", "beat"] {
        sidecar.publish(forged, record.clone()).await.expect(200);
        assert_eq!(actions.next().await.event(), "publish");
        let told = records.next().await.json();
        assert_eq!((&told["event"], &told["data"]), (&json!(forged), &record));
        let name = events.next().await.event().to_owned();
        assert_eq!(name == "beat_", forged == "beat", "{name}");
    }
    for own in ["gap", "uncertain", "close", "open", "error"] {
        sidecar.publish(own, record.clone()).await.refuses(400);
    }
}

/// The stream's own words stay apart from an API's, however it names its collections.
#[tokio::test]
async fn a_collection_cannot_take_a_name_of_the_streams_own() {
    let upstream = echo().await;
    let streams = r#"{ path: /s, name: "{collection}", data: id }"#;
    let sidecar = Sidecar::start(&upstream.url(), &with(streams)).await;
    let mut subscriber = open(&sidecar, "/s?apikey=all-key").await;
    for (collection, name) in [("gap", "gap_"), ("error", "error_"), ("gaps", "gaps")] {
        let path = format!("/{collection}/1");
        sidecar.put(&path, json!({"id": 1})).await.expect(200);
        assert_eq!(told(&subscriber.next().await), (name, "1"));
    }
}

#[tokio::test]
async fn heartbeats_come_as_often_as_they_are_asked_for_and_carry_the_cursor() {
    let streams = r#"
        { path: /api/heartbeat, access: open, events: [], heartbeat: { every: 1s } },
        { path: /named, heartbeat: { name: beat, data: "a b", every: 1s } },
        { path: /unnamed, heartbeat: { name: "", data: '{"ok":true}', every: 1s } },
    "#;
    let sidecar = Sidecar::start("http://127.0.0.1:1", &with(streams)).await;
    let mut seeds = open(&sidecar, "/api/heartbeat").await;
    let mut named = open(&sidecar, "/named?apikey=all-key").await;
    let mut unnamed = open(&sidecar, "/unnamed?apikey=all-key").await;
    assert_eq!(told(&named.next().await), ("beat", "a b"));
    sidecar.publish("GOAL", json!(1)).await.expect(200);
    let goal = named.next().await;
    for _ in 0..3 {
        assert_eq!(told(&seeds.next().await), ("heartbeat", "OK"));
        let beat = named.next().await;
        assert_eq!((told(&beat), beat.id()), (("beat", "a b"), goal.id()));
    }
    assert_eq!(told(&unnamed.next().await), ("message", r#"{"ok":true}"#));
}

#[tokio::test]
async fn a_quiet_stream_is_never_silent_for_long_and_tells_its_cursor() {
    let streams = r#"
        { path: /quiet, events: [GOAL] },
        { path: /rare, events: [GOAL], heartbeat: { every: 1h } },
    "#;
    let sidecar = Sidecar::start("http://127.0.0.1:1", &with(streams)).await;
    let mut quiet = open(&sidecar, "/quiet?apikey=all-key").await;
    let mut rare = open(&sidecar, "/rare?apikey=all-key").await;
    assert_eq!(rare.next().await.event(), "heartbeat");
    let mut all = sidecar.hear("/realtime?apikey=all-key").await;
    sidecar.publish("OTHER", Value::Null).await.expect(200);
    let other = all.next().await;
    for stream in [&mut quiet, &mut rare] {
        let comment = stream.frame().await.unwrap();
        assert_eq!(comment.raw, format!(":\nid: {}\n\n", other.id()));
    }
}

#[tokio::test]
async fn too_many_streams_are_sent_away_as_everywhere() {
    let yaml = format!("{}limits: {{ streams: 1 }}\n", with("{ path: /s }"));
    let sidecar = Sidecar::start("http://127.0.0.1:1", &yaml).await;
    let path = "/s?apikey=all-key";
    let _first = open(&sidecar, path).await;
    let mut second = Subscriber::open(&sidecar, path, &[]).await;
    assert_eq!(second.head.status(), 200);
    assert!(second.ended().await[0].retry.is_some());
}

#[tokio::test]
async fn streams_go_without_restdb() {
    let upstream = Scripted::answering(ok(r#"{"id":1}"#)).await;
    let streams =
        r#"realtime: { streams: [{ path: /s, access: open, events: ["*:*"], data: id }] }"#;
    let yaml = EVERYTHING.replace("realtime: { restdb: { path: /realtime } }", streams);
    let sidecar = Sidecar::start(&upstream.url(), &yaml).await;
    let mut subscriber = open(&sidecar, "/s").await;
    sidecar.post("/posts", json!({})).await.expect(200);
    assert_eq!(subscriber.next().await.data(), "1");
    sidecar.get("/realtime").await.expect(200);
    assert_eq!(upstream.times("GET /realtime"), 1);
}
