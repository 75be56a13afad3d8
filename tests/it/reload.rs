//! A changed configuration acts at once, on open streams too; a bad one changes nothing.

use serde_json::json;

use crate::harness::{ALL, EVERYTHING, Scripted, Sidecar, Subscriber, eventually, free_port, ok};

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
async fn all_of_a_change_is_in_force_when_the_log_says_so() {
    let mut keys = key("start", "GOAL");
    let sidecar = sidecar(&keys).await;
    for (generation, name) in (2..).zip(["a", "b", "c"]) {
        let before = keys.clone();
        keys = key(name, "GOAL");
        sidecar.rewrite(&with(&keys));
        reloaded(&sidecar, generation).await;
        // Asked once, not until it is so.
        let path = format!("/realtime?apikey={name}-key");
        sidecar.hear(&path).await;
        let old = before.split_once("key: ").unwrap().1;
        let old = old.split_once(',').unwrap().0;
        let path = format!("/realtime?apikey={old}");
        sidecar.get(&path).await.refuses(401);
        let health = sidecar.admin("/healthz").await.expect(200).json();
        assert_eq!(health["generation"], generation);
    }
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
    let elsewhere = free_port();
    let moved = with(&key("new", "A")).replace("LISTEN", &format!("127.0.0.1:{elsewhere}"));
    sidecar.rewrite(&moved);
    sidecar.logs(&["restart", "listen"]).await;
    sidecar.until_known("new-key").await;
    let nobody = tokio::net::TcpStream::connect(("127.0.0.1", elsewhere)).await;
    assert!(nobody.is_err());
}

#[tokio::test]
async fn another_admin_address_needs_a_restart_and_the_old_one_answers() {
    let sidecar = sidecar("").await;
    let moved = with(&key("new", "A")).replace("ADMIN", &format!("127.0.0.1:{}", free_port()));
    sidecar.rewrite(&moved);
    sidecar.logs(&["restart", "admin"]).await;
    sidecar.until_known("new-key").await;
    sidecar.admin("/healthz").await.expect(200);
}

#[tokio::test]
async fn a_log_in_files_needs_a_restart_and_the_old_one_goes_on() {
    let sidecar = sidecar("").await;
    let mut subscriber = sidecar.hear(ALL).await;
    let files = "log: { level: process, dir: events, wait: 1s }\n";
    sidecar.rewrite(&format!("{}{files}", with(&key("new", "A"))));
    sidecar.logs(&["restart", "log.level, log.dir"]).await;
    sidecar.until_known("new-key").await;
    subscriber.hears_nothing_of(&sidecar).await;
    let health = sidecar.admin("/healthz").await.expect(200).json();
    assert_eq!(health["status"], "ok");
    assert_eq!(health["log"]["level"], "memory");
    assert!(!sidecar.config().with_file_name("events").exists());
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

// --- limits ---

#[tokio::test]
async fn fewer_streams_count_for_new_ones_and_open_ones_stay() {
    let sidecar = sidecar("").await;
    let (mut first, mut second) = (sidecar.hear(ALL).await, sidecar.hear(ALL).await);
    let fewer = format!("{}limits: {{ streams: 1 }}\n", with(&key("new", "A")));
    sidecar.rewrite(&fewer);
    sidecar.until_known("new-key").await;
    let frames = Subscriber::open(&sidecar, ALL, &[]).await.ended().await;
    assert!(frames.iter().any(|frame| frame.retry.is_some()));
    assert!(frames.iter().all(|frame| frame.data.is_none()));
    first.hears_nothing_of(&sidecar).await;
    assert_eq!(second.next().await.event(), "publish");
}

#[tokio::test]
async fn a_smaller_head_counts() {
    let upstream = Scripted::answering(ok("{}")).await;
    let sidecar = Sidecar::start(&upstream.url(), EVERYTHING).await;
    let long = "x".repeat(2000);
    let ask = async || sidecar.ask("GET", "/posts", &[("X-Long", &*long)]).await;
    ask().await.expect(200);
    let smaller = format!("{}limits: {{ head: 1KiB }}\n", with(&key("new", "A")));
    sidecar.rewrite(&smaller);
    sidecar.until_known("new-key").await;
    ask().await.refuses(431);
    sidecar.get("/posts").await.expect(200);
}

// --- the log ---

#[tokio::test]
async fn a_shorter_past_is_let_go_of() {
    let sidecar = sidecar("").await;
    let mut subscriber = sidecar.hear(ALL).await;
    let mut frames = Vec::new();
    for n in 0..5 {
        sidecar.publish("N", json!(n)).await.expect(200);
        frames.push(subscriber.next().await);
    }
    let mut resumed = sidecar.resume(ALL, frames[0].id()).await;
    assert_eq!(resumed.next().await, frames[1]);
    let shorter = format!(
        "{}log: {{ keep: {{ events: 2 }} }}\n",
        with(&key("new", "A"))
    );
    sidecar.rewrite(&shorter);
    sidecar.until_known("new-key").await;
    let mut kept = sidecar.resume(ALL, frames[2].id()).await;
    assert_eq!(kept.next().await, frames[3]);
    let gap = sidecar.resume(ALL, frames[1].id()).await.next().await;
    assert_eq!(gap.event(), "gap");
    assert_eq!(gap.json()["reason"], "too_old");
    // Whoever was there all the time has missed nothing.
    subscriber.hears_nothing_of(&sidecar).await;
}

// --- RestDB's options ---

/// [`EVERYTHING`] with other options of RestDB, and the key `new-key`.
fn restdb(options: &str) -> String {
    with(&key("new", "A")).replace("{ path: /realtime }", options)
}

#[tokio::test]
async fn what_a_patch_is_told_as_changes_on_open_streams() {
    let upstream = Scripted::answering(ok(r#"{"id":1}"#)).await;
    let sidecar = Sidecar::start(&upstream.url(), EVERYTHING).await;
    let mut subscriber = sidecar.hear(ALL).await;
    sidecar.patch("/posts/1", json!({})).await.expect(200);
    assert_eq!(subscriber.next().await.event(), "put");
    sidecar.rewrite(&restdb("{ patch: patch }"));
    sidecar.until_known("new-key").await;
    sidecar.patch("/posts/1", json!({})).await.expect(200);
    let frame = subscriber.next().await;
    assert_eq!(
        (frame.event(), &frame.json()["event"]),
        ("patch", &json!("patch"))
    );
}

#[tokio::test]
async fn a_path_that_streams_moved_from_is_the_upstreams_again() {
    let upstream = Scripted::answering(ok("\"upstream\"")).await;
    let sidecar = Sidecar::start(&upstream.url(), EVERYTHING).await;
    let mut subscriber = sidecar.hear(ALL).await;
    sidecar.rewrite(&restdb("{ path: /events }"));
    let path = "/events?apikey=new-key";
    eventually("streams at the new path", async || {
        let stream = Subscriber::open(&sidecar, path, &[]).await;
        (stream.head.field("content-type") == Some("text/event-stream")).then_some(())
    })
    .await;
    assert_eq!(sidecar.get(ALL).await.expect(200).json(), "upstream");
    let event = json!({"event": "N"});
    let published = sidecar.post("/events?apikey=all-key", event).await;
    published.expect(200);
    assert_eq!(subscriber.next().await.json()["event"], "N");
}

#[tokio::test]
async fn another_ping_interval_counts_on_open_and_on_new_streams() {
    let slow = EVERYTHING.replace("path: /realtime", "ping_interval: 20s");
    let sidecar = Sidecar::start("http://127.0.0.1:1", &slow).await;
    let open = Subscriber::open(&sidecar, ALL, &[]).await;
    sidecar.rewrite(&restdb("{ ping_interval: 1s }"));
    sidecar.until_known("new-key").await;
    let new = Subscriber::open(&sidecar, ALL, &[]).await;
    for mut stream in [open, new] {
        // One when it opens, and then one each interval.
        for _ in 0..3 {
            while stream.frame().await.unwrap().event.as_deref() != Some("ping") {}
        }
    }
}

// --- diagnostics ---

/// Waits until the log says in JSON that the configuration of that number counts.
async fn reloaded(sidecar: &Sidecar, generation: u32) {
    let generation = format!("\"generation\":{generation}");
    let said = ["\"configuration reloaded\"", &generation];
    sidecar.logs(&said).await;
}

#[tokio::test]
async fn another_level_and_another_form_of_the_diagnostics_count() {
    let sidecar = sidecar("").await;
    sidecar.hear(ALL).await;
    assert!(
        !sidecar.log().contains("stream opened"),
        "it is not told yet"
    );
    let logging = |section: &str| format!("{EVERYTHING}logging: {{ {section} }}\n");
    sidecar.rewrite(&logging("level: debug, format: json"));
    reloaded(&sidecar, 2).await;
    sidecar.hear(ALL).await;
    sidecar
        .logs(&["{\"", "\"level\":\"DEBUG\"", "stream opened"])
        .await;
    sidecar.rewrite(&logging("format: human"));
    sidecar
        .logs(&[" INFO configuration reloaded generation=3"])
        .await;
    let told = sidecar.log().matches("stream opened").count();
    sidecar.rewrite(&logging("format: json"));
    reloaded(&sidecar, 4).await;
    sidecar.hear(ALL).await;
    sidecar.rewrite(EVERYTHING);
    reloaded(&sidecar, 5).await;
    assert_eq!(sidecar.log().matches("stream opened").count(), told);
}
