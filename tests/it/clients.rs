//! Clients that somebody else wrote.

use std::process::Command;

use serde_json::json;

use crate::harness::{ALL, EVERYTHING, JsonServer, Process, Relay, Sidecar, node, test_folder};

#[tokio::test]
async fn curl_hears_a_write_as_it_happens() {
    let upstream = JsonServer::start(json!({"posts": []})).await;
    let sidecar = Sidecar::start(&upstream.url(), EVERYTHING).await;
    let mut curl = Command::new("curl");
    curl.args(["--silent", "--no-buffer", &sidecar.url(ALL)]);
    let mut curl = Process::spawn(&mut curl);
    while !curl.line().await.contains("\"init\"") {}
    sidecar
        .post("/posts", json!({"title": "a"}))
        .await
        .expect(201);
    while curl.line().await != "event: post" {}
    let data = curl.line().await;
    assert_eq!(
        data,
        r#"data: {"event":"post","collection":"posts","data":{"title":"a","id":1}}"#
    );
}

#[tokio::test]
async fn curl_publishes_a_large_event_when_it_is_told_to_continue() {
    let large = EVERYTHING.replace("path: /realtime", "publish_body: 1MiB");
    let sidecar = Sidecar::start("http://127.0.0.1:1", &large).await;
    let mut subscriber = sidecar.hear(ALL).await;
    let folder = test_folder();
    let file = folder.path().join("event.json");
    let data = "x".repeat(1_000_000);
    std::fs::write(&file, json!({"event": "LARGE", "data": data}).to_string()).unwrap();
    let mut curl = Command::new("curl");
    curl.args(["--silent", "--verbose", "--expect100-timeout", "60"]);
    curl.args(["--header", "Expect: 100-continue"]);
    curl.args(["--header", "Content-Type: application/json"]);
    curl.arg("--data-binary")
        .arg(format!("@{}", file.display()));
    let curl = Process::spawn(curl.arg(sidecar.url(ALL)));
    let (output, heard) = tokio::join!(curl.output(), subscriber.next());
    assert!(output.stderr.contains("< HTTP/1.1 100 Continue"));
    assert!(output.stderr.contains("< HTTP/1.1 200 OK"));
    assert_eq!(output.stdout, r#"{"message":"OK"}"#);
    assert!(heard.json() == json!({"event": "LARGE", "data": data}));
}

#[tokio::test]
async fn npm_eventsource_hears_init_and_named_events() {
    let upstream = JsonServer::start(json!({"posts": []})).await;
    let sidecar = Sidecar::start(&upstream.url(), EVERYTHING).await;
    let mut client = node(
        "eventsource.mjs",
        [&*sidecar.url(ALL), "post", "put", "delete", "publish"],
    );
    assert_eq!(client.told().await, json!({"open": true}));
    assert_eq!(client.told().await["data"]["channel"], "init");
    sidecar
        .post("/posts", json!({"title": "a"}))
        .await
        .expect(201);
    sidecar
        .patch("/posts/1", json!({"title": "b"}))
        .await
        .expect(200);
    sidecar.delete("/posts/1").await.expect(200);
    sidecar.publish("GOAL", json!([1])).await.expect(200);
    let mut ids = std::collections::BTreeSet::new();
    for event in ["post", "put", "delete", "publish"] {
        let line = client.told().await;
        assert_eq!(line["event"], event);
        ids.insert(line["id"].to_string());
    }
    assert_eq!(ids.len(), 4);
}

#[tokio::test]
async fn npm_eventsource_misses_nothing_when_its_connection_is_cut() {
    let sidecar = Sidecar::start("http://127.0.0.1:1", EVERYTHING).await;
    let relay = Relay::before(sidecar.address()).await;
    let mut client = node("eventsource.mjs", [&*relay.url(ALL), "publish", "gap"]);
    client.told_of("event").await;
    relay.cut();
    client.told_of("lost").await;
    // It is away for about two seconds, as the stream's first `retry` said.
    for n in 0..3 {
        sidecar.publish("N", json!(n)).await.expect(200);
    }
    client.told_of("open").await;
    assert_eq!(client.told().await["data"]["channel"], "init");
    for n in 0..3 {
        assert_eq!(
            client.told().await["data"],
            json!({"event": "N", "data": n})
        );
    }
}

#[tokio::test]
async fn npm_eventsource_hears_of_the_gap_after_a_restart() {
    let mut sidecar = Sidecar::start("http://127.0.0.1:1", EVERYTHING).await;
    let mut client = node("eventsource.mjs", [&*sidecar.url(ALL), "publish", "gap"]);
    client.told_of("event").await;
    sidecar.restart().await;
    let mut line = client.told_of("event").await;
    if line["event"] == "message" {
        line = client.told_of("event").await;
    }
    assert_eq!(line["event"], "gap");
    assert_eq!(line["data"]["reason"], "foreign");
}

#[tokio::test]
async fn npm_eventsource_gives_up_when_it_is_refused() {
    let sidecar = Sidecar::start("http://127.0.0.1:1", EVERYTHING).await;
    let mut client = node("eventsource.mjs", [&*sidecar.url("/realtime?apikey=wrong")]);
    let line = client.told_of("lost").await;
    assert_eq!(
        (&line["closed"], &line["code"]),
        (&json!(true), &json!(401))
    );
}
