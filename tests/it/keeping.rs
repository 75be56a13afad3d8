//! A log in files survives what its level says, and tells exactly what it lost.

use std::fs;
use std::path::PathBuf;

use serde_json::{Value, json};

use crate::harness::{
    ALL, Conn, EVERYTHING, Frame, Release, Scripted, Sidecar, Subscriber, answer,
};

/// [`EVERYTHING`] with a log in files beside it.
fn in_files(level: &str, more: &str) -> String {
    format!("{EVERYTHING}log: {{ level: {level}, dir: log{more} }}\n")
}

async fn sidecar(level: &str) -> Sidecar {
    // Nothing here reaches the upstream.
    Sidecar::start("http://127.0.0.1:1", &in_files(level, "")).await
}

fn directory(sidecar: &Sidecar) -> PathBuf {
    sidecar.config().with_file_name("log")
}

/// Its segments, oldest first.
fn segments(sidecar: &Sidecar) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory(sidecar)).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    let mut segments: Vec<_> = paths
        .filter(|path| path.extension().is_some_and(|extension| extension == "log"))
        .collect();
    segments.sort();
    segments
}

/// Publishes these numbers and returns their frames.
async fn publish(sidecar: &Sidecar, numbers: std::ops::Range<u32>) -> Vec<Frame> {
    let mut subscriber = sidecar.hear(ALL).await;
    let mut frames = Vec::new();
    for number in numbers {
        let data = format!("event-{number}");
        sidecar.publish("N", json!(data)).await.expect(200);
        frames.push(subscriber.next().await);
    }
    frames
}

async fn hears(subscriber: &mut Subscriber, frames: &[Frame]) {
    for frame in frames {
        assert_eq!(&subscriber.next().await, frame, "the same id and bytes");
    }
}

fn epoch(frame: &Frame) -> &str {
    frame.id().split('-').next().unwrap()
}

async fn log_in_health(sidecar: &Sidecar) -> Value {
    sidecar.admin("/healthz").await.expect(200).json()["log"].clone()
}

#[tokio::test]
async fn a_resume_over_a_restart_misses_nothing_and_repeats_nothing() {
    for level in ["process", "disk"] {
        let mut sidecar = sidecar(level).await;
        let before = publish(&sidecar, 0..4).await;
        sidecar.restart().await;
        let after = publish(&sidecar, 4..6).await;
        assert_eq!(epoch(&before[0]), epoch(&after[0]), "{level}");
        for at in 0..before.len() {
            let mut resumed = sidecar.resume(ALL, before[at].id()).await;
            hears(&mut resumed, &before[at + 1..]).await;
            hears(&mut resumed, &after).await;
        }
        let mut resumed = sidecar.resume(ALL, after[1].id()).await;
        resumed.hears_nothing_of(&sidecar).await;
    }
}

#[tokio::test]
async fn the_level_is_told_to_clients_in_health_and_in_metrics() {
    for level in ["memory", "process", "disk"] {
        let sidecar = match level {
            "memory" => Sidecar::start("http://127.0.0.1:1", EVERYTHING).await,
            level => sidecar(level).await,
        };
        let subscriber = sidecar.hear(ALL).await;
        assert_eq!(subscriber.head.field("tidings-log"), Some(level));
        let log = log_in_health(&sidecar).await;
        assert_eq!(
            (&log["level"], &log["holds"]),
            (&json!(level), &json!(level))
        );
        let metrics = sidecar.admin("/metrics").await.expect(200);
        let line = format!("tidings_log_level{{level=\"{level}\"}} 1");
        assert!(metrics.text().contains(&line), "{}", metrics.text());
    }
}

#[tokio::test]
async fn each_level_answers_and_tells_every_kind_of_answer() {
    let upstream = Scripted::start(|mut peer| async move {
        while let Some(request) = peer.request().await {
            let method = request.head.start().split(' ').next();
            let answer = match method.unwrap() {
                "POST" => answer("201 Created", r#"{"id":7,"title":"new"}"#),
                "DELETE" => "HTTP/1.1 204 No Content\r\n\r\n".to_owned(),
                "PUT" => "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n8\r\n{\"id\":7}\r\n0\r\n\r\n".to_owned(),
                _ => answer("409 Conflict", "{}"),
            };
            peer.conn.send(answer).await;
        }
    })
    .await;
    for level in ["process", "disk"] {
        let sidecar = Sidecar::start(&upstream.url(), &in_files(level, "")).await;
        let mut subscriber = sidecar.hear(ALL).await;
        sidecar.post("/posts", json!({})).await.expect(201);
        assert_eq!(subscriber.next().await.event(), "post");
        sidecar.delete("/posts/7").await.expect(204);
        assert_eq!(subscriber.next().await.event(), "delete");
        sidecar.put("/posts/7", json!({})).await.expect(200);
        assert_eq!(subscriber.next().await.event(), "put");
        sidecar.patch("/posts/7", json!({})).await.expect(409);
        subscriber.hears_nothing_of(&sidecar).await;
    }
}

#[tokio::test]
async fn a_write_whose_outcome_died_with_the_process_is_uncertain_after_it() {
    for level in ["process", "disk"] {
        let never = Release::new();
        let upstream = Scripted::start(move |mut peer| {
            let never = never.clone();
            async move {
                while let Some(request) = peer.request().await {
                    if request.head.start().starts_with("PUT /posts/1 ") {
                        never.wait().await;
                    }
                    peer.conn.send(answer("200 OK", r#"{"id":2}"#)).await;
                }
            }
        })
        .await;
        let mut sidecar = Sidecar::start(&upstream.url(), &in_files(level, "")).await;
        let mut subscriber = sidecar.hear(ALL).await;
        sidecar.put("/posts/2", json!({})).await.expect(200);
        let known = subscriber.next().await;
        let mut writer = Conn::to(sidecar.address()).await;
        writer
            .send(sidecar.request("PUT", "/posts/1", &[("Content-Length", "0")]))
            .await;
        upstream.request(1).await;
        sidecar.kill().await;
        sidecar.start_again().await;
        let mut resumed = sidecar.resume(ALL, known.id()).await;
        let uncertain = resumed.next().await;
        let expected =
            json!({"event": "uncertain", "collection": "posts", "method": "PUT", "data": "1"});
        assert_eq!(uncertain.json(), expected, "{level}");
        assert_eq!(epoch(&uncertain), epoch(&known));
        resumed.hears_nothing_of(&sidecar).await;
        // It is told once: another restart has nothing more to say.
        sidecar.restart().await;
        let mut resumed = sidecar.resume(ALL, uncertain.id()).await;
        drop(resumed.next().await);
        resumed.hears_nothing_of(&sidecar).await;
    }
}

#[tokio::test]
async fn what_is_no_longer_in_memory_is_read_from_the_files() {
    let restdb = "realtime: { restdb: { path: /realtime, publish_body: 1MiB } }";
    let yaml = in_files("process", ", keep: { events: 100, bytes: 256MiB }")
        .replace("realtime: { restdb: { path: /realtime } }", restdb);
    let mut sidecar = Sidecar::start("http://127.0.0.1:1", &yaml).await;
    // More than memory holds of a log in files.
    let large = "x".repeat(900_000);
    let mut subscriber = sidecar.hear(ALL).await;
    let mut frames = Vec::new();
    for number in 0..30 {
        sidecar
            .publish("N", json!([number, large]))
            .await
            .expect(200);
        frames.push(subscriber.next().await);
    }
    for restarted in [false, true] {
        if restarted {
            sidecar.restart().await;
        }
        // Several at once, from several places, and one who hears it live meanwhile.
        let mut live = sidecar.hear(ALL).await;
        let mut resumed = Vec::new();
        for at in [0, 0, 3, 7] {
            resumed.push((at, sidecar.resume(ALL, frames[at].id()).await));
        }
        sidecar.publish("LIVE", json!(1)).await.expect(200);
        assert_eq!(live.next().await.json()["event"], "LIVE");
        for (at, resumed) in &mut resumed {
            hears(resumed, &frames[*at + 1..30]).await;
            assert_eq!(resumed.next().await.json()["event"], "LIVE");
        }
        if !restarted {
            let marker = sidecar.resume(ALL, frames[29].id()).await.next().await;
            frames.push(marker);
        }
    }
}

#[tokio::test]
async fn what_is_read_from_the_files_is_authorised_when_it_leaves() {
    let key = |hear| format!("    - {{ name: few, key: few-key, hear: [{hear}] }}\n");
    let yaml = |hear| {
        in_files("process", ", keep: { events: 100, bytes: 256MiB }")
            .replace(
                "realtime: { restdb: { path: /realtime } }",
                "realtime: { restdb: { path: /realtime, publish_body: 1MiB } }",
            )
            .replace("log: {", &format!("{}log: {{", key(hear)))
    };
    let sidecar = Sidecar::start("http://127.0.0.1:1", &yaml("ODD")).await;
    let first = publish(&sidecar, 0..1).await.remove(0);
    // More than memory holds of a log in files.
    let large = "x".repeat(900_000);
    for number in 0..30 {
        let name = if number % 2 == 1 { "ODD" } else { "EVEN" };
        let data = json!([number, large]);
        sidecar.publish(name, data).await.expect(200);
    }
    let mut resumed = sidecar.resume("/realtime?apikey=few-key", first.id()).await;
    for number in (1..30).step_by(2) {
        assert_eq!(resumed.next().await.json()["data"][0], number);
    }
    sidecar.rewrite(&yaml("EVEN"));
    sidecar.logs(&["configuration reloaded"]).await;
    let mut resumed = sidecar.resume("/realtime?apikey=few-key", first.id()).await;
    for number in (0..30).step_by(2) {
        assert_eq!(resumed.next().await.json()["data"][0], number);
    }
}

#[tokio::test]
async fn a_damaged_file_is_an_exact_gap() {
    let mut sidecar = sidecar("process").await;
    let frames = publish(&sidecar, 0..6).await;
    sidecar.sigterm();
    sidecar.exit().await;
    // One byte within the third event.
    let segment = segments(&sidecar).remove(0);
    let mut bytes = fs::read(&segment).unwrap();
    let third = bytes.windows(8).position(|at| at == b"event-2\"");
    bytes[third.unwrap()] = b'E';
    fs::write(&segment, bytes).unwrap();
    sidecar.start_again().await;

    let mut before = sidecar.resume(ALL, frames[0].id()).await;
    hears(&mut before, &frames[1..2]).await;
    let gap = before.next().await;
    assert_eq!((gap.event(), gap.id()), ("gap", frames[2].id()));
    let expected = json!({"event": "gap", "reason": "lost", "collections": ["*"]});
    assert_eq!(gap.json(), expected);
    hears(&mut before, &frames[3..]).await;
    // Who had heard it already has missed nothing.
    let mut behind = sidecar.resume(ALL, frames[2].id()).await;
    hears(&mut behind, &frames[3..]).await;
    behind.hears_nothing_of(&sidecar).await;
}

#[tokio::test]
async fn a_log_that_is_gone_is_another_epoch_and_a_gap() {
    let mut sidecar = sidecar("disk").await;
    let frames = publish(&sidecar, 0..2).await;
    sidecar.sigterm();
    sidecar.exit().await;
    fs::remove_dir_all(directory(&sidecar)).unwrap();
    sidecar.start_again().await;
    let mut resumed = sidecar.resume(ALL, frames[0].id()).await;
    let gap = resumed.next().await;
    assert_eq!(gap.json()["reason"], "foreign");
    assert_ne!(epoch(&gap), epoch(&frames[0]));
}

#[tokio::test]
async fn what_is_kept_is_bounded_and_a_reload_bounds_it_anew() {
    let sidecar = Sidecar::start(
        "http://127.0.0.1:1",
        &in_files("process", ", keep: { events: 3 }"),
    )
    .await;
    let frames = publish(&sidecar, 0..6).await;
    for (at, kept) in [(1, false), (2, true)] {
        let mut resumed = sidecar.resume(ALL, frames[at].id()).await;
        match kept {
            true => hears(&mut resumed, &frames[at + 1..]).await,
            false => assert_eq!(resumed.next().await.json()["reason"], "too_old"),
        }
    }
    sidecar.rewrite(&in_files("process", ", keep: { events: 1 }"));
    sidecar.logs(&["configuration reloaded"]).await;
    let mut resumed = sidecar.resume(ALL, frames[3].id()).await;
    assert_eq!(resumed.next().await.json()["reason"], "too_old");
    assert_eq!(log_in_health(&sidecar).await["events"], 1);
}

#[tokio::test]
async fn restarts_leave_few_files() {
    let mut sidecar = sidecar("process").await;
    let frames = publish(&sidecar, 0..2).await;
    for _ in 0..5 {
        sidecar.restart().await;
        assert!(segments(&sidecar).len() <= 2, "{:?}", segments(&sidecar));
    }
    let mut resumed = sidecar.resume(ALL, frames[0].id()).await;
    hears(&mut resumed, &frames[1..]).await;
}
