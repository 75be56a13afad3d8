//! A changed configuration acts at once, on open streams too; a bad one changes nothing.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::harness::{ALL, EVERYTHING, Scripted, Sidecar, eventually, ok};

async fn sidecar(keys: &str) -> Sidecar {
    // Nothing here reaches the upstream.
    Sidecar::start("http://127.0.0.1:1", &with(keys)).await
}

/// [`EVERYTHING`] with more keys.
fn with(keys: &str) -> String {
    format!("{EVERYTHING}{keys}")
}

/// A key that hears these.
fn key(name: &str, hear: &str) -> String {
    format!("    - {{ name: {name}, key: {name}-key, hear: [{hear}] }}\n")
}

#[tokio::test]
async fn a_file_that_is_renamed_into_place_counts() {
    let sidecar = sidecar("").await;
    let mut subscriber = sidecar.hear(ALL).await;
    for name in ["first", "second"] {
        sidecar
            .get(&format!("/realtime?apikey={name}-key"))
            .await
            .refuses(401);
        sidecar.rewrite(&with(&key(name, "GOAL")));
        sidecar.until_known(&format!("{name}-key")).await;
    }
    sidecar.get("/realtime?apikey=first-key").await.refuses(401);
    // Whom it does not concern notices nothing.
    subscriber.hears_nothing_of(&sidecar).await;
}

#[tokio::test]
async fn a_file_that_is_written_over_counts_once_it_is_whole() {
    let sidecar = sidecar(&key("old", "GOAL")).await;
    let mut old = sidecar.hear("/realtime?apikey=old-key").await;
    let whole = with(&format!("{}{}", key("new", "GOAL"), key("old", "GOAL")));
    let half = whole.rfind("hear").unwrap();
    // What is there now is no YAML, however long it stays.
    sidecar.overwrite(&whole[..half]);
    sidecar.logs(&["tidings.yaml:"]).await;
    sidecar.get("/realtime?apikey=new-key").await.refuses(401);
    sidecar.overwrite(&whole);
    sidecar.until_known("new-key").await;
    sidecar.publish("GOAL", json!(1)).await.expect(200);
    assert_eq!(old.next().await.json()["event"], "GOAL");
}

#[tokio::test]
async fn a_config_map_that_is_swapped_counts() {
    let sidecar = Sidecar::start_from_config_map("http://127.0.0.1:1", EVERYTHING).await;
    sidecar.swap(&with(&key("new", "GOAL")));
    sidecar.until_known("new-key").await;
}

#[tokio::test]
async fn sighup_reads_the_file_again() {
    let sidecar = sidecar("").await;
    sidecar.rewrite(&with(&key("new", "GOAL")));
    sidecar.sighup();
    sidecar.until_known("new-key").await;
    let mut subscriber = sidecar.hear(ALL).await;
    sidecar.sighup();
    subscriber.hears_nothing_of(&sidecar).await;
}

#[tokio::test]
async fn a_change_acts_within_a_second() {
    let sidecar = sidecar("").await;
    let mut quickest = Duration::MAX;
    // The machine may be busy with something else; the quickest of three counts.
    for name in ["a", "b", "c"] {
        let begin = Instant::now();
        sidecar.rewrite(&with(&key(name, "GOAL")));
        sidecar.until_known(&format!("{name}-key")).await;
        quickest = quickest.min(begin.elapsed());
    }
    assert!(quickest < Duration::from_secs(1), "{quickest:?}");
}

#[tokio::test]
async fn a_removed_key_ends_its_streams_and_no_others() {
    let sidecar = sidecar(&key("old", "GOAL")).await;
    let mut old = sidecar.hear("/realtime?apikey=old-key").await;
    let mut subscriber = sidecar.hear(ALL).await;
    sidecar.rewrite(&with(&key("new", "GOAL")));
    let frames = old.ended().await;
    assert!(
        frames.iter().all(|frame| frame.data.is_none()),
        "{frames:?}"
    );
    sidecar.get("/realtime?apikey=old-key").await.refuses(401);
    subscriber.hears_nothing_of(&sidecar).await;
}

#[tokio::test]
async fn a_lost_grant_is_lost_on_open_streams() {
    let sidecar = sidecar(&key("web", "A, B")).await;
    let mut web = sidecar.hear("/realtime?apikey=web-key").await;
    sidecar.publish("A", json!(1)).await.expect(200);
    assert_eq!(web.next().await.json()["event"], "A");
    sidecar.rewrite(&with(&format!("{}{}", key("web", "B"), key("new", "A"))));
    sidecar.until_known("new-key").await;
    sidecar.publish("A", json!(2)).await.expect(200);
    sidecar.publish("B", json!(3)).await.expect(200);
    assert_eq!(web.next().await.json()["event"], "B");
}

#[tokio::test]
async fn a_new_grant_counts_on_open_streams() {
    let sidecar = sidecar(&key("web", "A")).await;
    let mut web = sidecar.hear("/realtime?apikey=web-key").await;
    sidecar.rewrite(&with(&format!("{}{}", key("web", "A, B"), key("new", "A"))));
    sidecar.until_known("new-key").await;
    sidecar.publish("B", json!(1)).await.expect(200);
    assert_eq!(web.next().await.json()["event"], "B");
}

#[tokio::test]
async fn a_bad_file_changes_nothing_and_says_what_is_wrong() {
    let sidecar = sidecar(&key("web", "A")).await;
    let mut web = sidecar.hear("/realtime?apikey=web-key").await;
    let bad = with(&key("new", "A, \"GET:x\""));
    let line = bad.lines().count();
    sidecar.rewrite(&bad);
    let place = format!("tidings.yaml:{line}:");
    sidecar.logs(&[&place, "access.keys[1].hear[1]"]).await;
    assert!(!sidecar.log().contains("new-key"));
    sidecar.get("/realtime?apikey=new-key").await.refuses(401);
    sidecar.publish("A", json!(1)).await.expect(200);
    assert_eq!(web.next().await.json()["event"], "A");
}

#[tokio::test]
async fn a_file_that_is_gone_changes_nothing() {
    let sidecar = sidecar("").await;
    let mut subscriber = sidecar.hear(ALL).await;
    std::fs::remove_file(sidecar.config()).unwrap();
    sidecar.logs(&["tidings.yaml"]).await;
    subscriber.hears_nothing_of(&sidecar).await;
    sidecar.rewrite(&with(&key("new", "A")));
    sidecar.until_known("new-key").await;
}

#[tokio::test]
async fn what_needs_a_restart_says_so_and_the_rest_counts() {
    let sidecar = sidecar("").await;
    let elsewhere = crate::harness::free_port();
    let moved = with(&key("new", "A")).replace("LISTEN", &format!("127.0.0.1:{elsewhere}"));
    sidecar.rewrite(&moved);
    sidecar.logs(&["restart", "listen"]).await;
    sidecar.until_known("new-key").await;
    let nobody = tokio::net::TcpStream::connect(("127.0.0.1", elsewhere)).await;
    assert!(nobody.is_err());
}

#[tokio::test]
async fn another_upstream_counts_and_streams_stay() {
    let one = Scripted::answering(ok("1")).await;
    let two = Scripted::answering(ok("2")).await;
    let sidecar = Sidecar::start(&one.url(), EVERYTHING).await;
    let mut subscriber = sidecar.hear(ALL).await;
    assert_eq!(sidecar.get("/posts").await.json(), 1);
    sidecar.rewrite(&EVERYTHING.replace("UPSTREAM", &two.url()));
    eventually("the other upstream", async || {
        (sidecar.get("/posts").await.json() == 2).then_some(())
    })
    .await;
    subscriber.hears_nothing_of(&sidecar).await;
}

#[tokio::test]
async fn what_is_observed_changes_while_it_runs() {
    let upstream = Scripted::answering(ok(r#"{"id":1}"#)).await;
    let sidecar = Sidecar::start(&upstream.url(), EVERYTHING).await;
    let mut subscriber = sidecar.hear(ALL).await;
    sidecar.put("/users/1", json!({})).await.expect(200);
    assert_eq!(subscriber.next().await.json()["collection"], "users");
    let fewer =
        with(&key("new", "A")).replace("json-server }", "json-server, collections: [posts] }");
    sidecar.rewrite(&fewer);
    sidecar.until_known("new-key").await;
    sidecar.put("/users/1", json!({})).await.expect(200);
    sidecar.put("/posts/1", json!({})).await.expect(200);
    assert_eq!(subscriber.next().await.json()["collection"], "posts");
}
