//! A subscriber can ask for less than it may hear, and never for more.

use serde_json::{Value, json};

use crate::harness::{ALL, EVERYTHING, Frame, Scripted, Sidecar, Subscriber, answer};

/// An API that answers each write with what it was sent.
async fn echo() -> Scripted {
    Scripted::start(|mut peer| async move {
        while let Some(request) = peer.request().await {
            let body = String::from_utf8(request.body).unwrap();
            peer.conn.send(answer("201 Created", &body)).await;
        }
    })
    .await
}

fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

async fn asked(sidecar: &Sidecar, query: &str) -> Subscriber {
    Subscriber::open(sidecar, &format!("{ALL}&{query}"), &[]).await
}

async fn refused(sidecar: &Sidecar, path: &str, status: u16) -> Value {
    let refusal = sidecar.get(path).await.expect(status);
    refusal.json()["message"].clone()
}

/// What was told of, by its marks.
async fn marks(subscriber: &mut Subscriber, count: usize) -> Vec<Value> {
    let mut marks = Vec::new();
    for _ in 0..count {
        let told: Frame = subscriber.next().await;
        marks.push(told.json()["data"]["mark"].clone());
    }
    marks
}

#[tokio::test]
async fn a_filter_is_asked_for_each_record_live_and_replayed() {
    let upstream = echo().await;
    let sidecar = Sidecar::start(&upstream.url(), EVERYTHING).await;
    let mut all = sidecar.hear(ALL).await;
    let query = format!("filter={}", encoded("price >= 10 && name ~ 'bo'"));
    let path = format!("{ALL}&{query}");
    let mut some = sidecar.hear(&path).await;
    for (mark, price, name) in [
        (1, json!(10), "book"),
        (2, json!(9.99), "book"),
        (3, json!(30), "pen"),
        (4, json!(11), "Bottle"),
        (5, Value::Null, "book"),
        (6, json!(90_071_992_547_409_930_u64), "board"),
    ] {
        let record = json!({"id": mark, "mark": mark, "price": price, "name": name});
        sidecar.post("/things", record).await.expect(201);
    }
    let first = all.next().await;
    assert_eq!(marks(&mut some, 3).await, [1, 4, 6]);
    some.hears_nothing_of(&sidecar).await;
    let mut resumed = sidecar.resume(&path, first.id()).await;
    assert_eq!(marks(&mut resumed, 2).await, [4, 6]);
}

/// Who is told which ids would tell what is in the records.
#[tokio::test]
async fn a_filter_says_nothing_to_who_is_never_told_a_record() {
    let upstream = echo().await;
    let keys = "    - { name: ids, key: ids-key, hear: [\"PUT:*\", \"DELETE:*\"] }\n";
    let sidecar = Sidecar::start(&upstream.url(), &format!("{EVERYTHING}{keys}")).await;
    let path = format!("/realtime?apikey=ids-key&filter={}", encoded("price > 1"));
    let mut ids = sidecar.hear(&path).await;
    for (id, price) in [(1, 2), (2, 0)] {
        let record = json!({"id": id, "price": price});
        sidecar
            .put(&format!("/things/{id}"), record)
            .await
            .expect(201);
        sidecar.delete(&format!("/things/{id}")).await.expect(201);
    }
    for expected in [json!("1"), json!(["1"]), json!("2"), json!(["2"])] {
        assert_eq!(ids.next().await.json()["data"], expected);
    }
}

#[tokio::test]
async fn what_has_no_record_is_told_whatever_the_filter() {
    let upstream = Scripted::answering(answer("500 Internal Server Error", "{}")).await;
    let sidecar = Sidecar::start(&upstream.url(), EVERYTHING).await;
    let path = format!("{ALL}&filter={}", encoded("price > 1"));
    let mut some = sidecar.hear(&path).await;
    sidecar.put("/things/1", json!({})).await.expect(500);
    assert_eq!(some.next().await.event(), "uncertain");
    some.hears_nothing_of(&sidecar).await;
}

#[tokio::test]
async fn collections_and_events_are_narrowed_by_name() {
    let upstream = echo().await;
    let sidecar = Sidecar::start(&upstream.url(), EVERYTHING).await;
    let mut of_a = sidecar.hear(&format!("{ALL}&collections=a")).await;
    let mut some = sidecar.hear(&format!("{ALL}&events=PUT:b,GOAL")).await;
    sidecar.publish("OTHER", json!(1)).await.expect(200);
    sidecar.publish("GOAL", json!(1)).await.expect(200);
    for collection in ["b", "a"] {
        let record = json!({"id": 1, "mark": collection});
        sidecar
            .post(&format!("/{collection}"), record)
            .await
            .expect(201);
        sidecar
            .put(&format!("/{collection}/1"), json!({"id": 1}))
            .await
            .expect(201);
    }
    assert_eq!(of_a.next().await.json()["data"]["mark"], "a");
    assert_eq!(of_a.next().await.event(), "put");
    assert_eq!(some.next().await.json()["event"], "GOAL");
    assert_eq!(some.next().await.json()["collection"], "b");
    some.reset();
}

#[tokio::test]
async fn a_gap_names_only_what_was_asked_for() {
    let sidecar = Sidecar::start("http://127.0.0.1:1", EVERYTHING).await;
    let path = format!("{ALL}&collections=a,b");
    let mut resumed = sidecar.resume(&path, "nonsense").await;
    assert_eq!(
        resumed.next().await.json()["collections"],
        json!(["a", "b"])
    );
}

#[tokio::test]
async fn more_than_the_grant_is_refused_and_what_cannot_be_read_too() {
    let yaml = format!("{EVERYTHING}    - {{ name: few, key: few-key, hear: [\"POST:a\"] }}\n");
    let sidecar = Sidecar::start("http://127.0.0.1:1", &yaml).await;
    for query in ["collections=b", "events=PUT:a", "events=*:a", "events=GOAL"] {
        let path = format!("/realtime?apikey=few-key&{query}");
        refused(&sidecar, &path, 403).await;
    }
    let mut less = sidecar
        .hear("/realtime?apikey=few-key&collections=a&events=POST:a")
        .await;
    less.frame().await;
    for (query, told) in [
        (
            format!("filter={}", encoded("price >")),
            "filter: line 1, column 8",
        ),
        (
            format!("filter={}", encoded("@request.auth.id = 1")),
            "filter: @request",
        ),
        ("events=GET:a".to_owned(), "events:"),
        ("collections=a,".to_owned(), "collections:"),
    ] {
        let message = refused(&sidecar, &format!("{ALL}&{query}"), 400).await;
        assert!(message.as_str().unwrap().starts_with(told), "{message}");
    }
    assert_eq!(asked(&sidecar, "filter=price%3E1").await.head.status(), 200);
}

#[tokio::test]
async fn who_loses_what_was_asked_for_loses_the_stream() {
    let yaml = |hear| format!("{EVERYTHING}    - {{ name: few, key: few-key, hear: [{hear}] }}\n");
    let sidecar = Sidecar::start("http://127.0.0.1:1", &yaml("ONE, TWO")).await;
    let mut one = sidecar.hear("/realtime?apikey=few-key&events=ONE").await;
    let mut two = sidecar.hear("/realtime?apikey=few-key&events=TWO").await;
    sidecar.rewrite(&yaml("ONE"));
    assert!(
        two.ended()
            .await
            .iter()
            .all(|frame| frame.event() != "publish")
    );
    sidecar.publish("ONE", json!(1)).await.expect(200);
    assert_eq!(one.next().await.json()["event"], "ONE");
}
