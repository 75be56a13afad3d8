//! `tidings tail`, as somebody at a terminal and a script use it.

use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rustix::process::Signal;
use serde_json::{Value, json};
use tokio::net::TcpStream;

use crate::harness::{
    ALL, EVERYTHING, JsonServer, Output, Process, Scripted, Sidecar, answer, eventually, free_port,
    test_folder, tidings,
};
use crate::reaching::certificate;

/// A stream that is followed; it has begun.
async fn follow(args: &[&str]) -> Process {
    let process = Process::spawn(tidings().arg("tail").args(args));
    process.prints(|text| text.contains("-- following")).await;
    process
}

/// What it says to the end.
async fn tail(args: &[&str]) -> Output {
    Process::spawn(tidings().arg("tail").args(args))
        .output()
        .await
}

/// A server that answers a request for a stream with these frames, and ends.
async fn streaming(frames: &str) -> Scripted {
    let head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n";
    let bytes = format!("{head}{frames}");
    Scripted::start(move |mut peer| {
        let bytes = bytes.clone();
        async move {
            peer.request().await;
            peer.conn.send(bytes).await;
        }
    })
    .await
}

fn plain_stream() -> String {
    EVERYTHING.replace(
        "restdb: { path: /realtime }",
        "restdb: { path: /realtime }, streams: [{ path: /live, data: event }]",
    )
}

#[tokio::test]
async fn writes_are_shown_as_they_happen() {
    let upstream = JsonServer::start(json!({"posts": []})).await;
    let sidecar = Sidecar::start(&upstream.url(), EVERYTHING).await;
    let mut tail = follow(&[&sidecar.url(ALL), "--format", "human", "--color", "never"]).await;
    sidecar
        .post("/posts", json!({"id": 1, "title": "a"}))
        .await
        .expect(201);
    sidecar
        .patch("/posts/1", json!({"title": "b"}))
        .await
        .expect(200);
    sidecar
        .publish("GOAL", json!({"value": "3-0"}))
        .await
        .expect(200);
    sidecar.delete("/posts/1").await.expect(200);
    for said in [
        r#"create    posts 1 {"id":1,"title":"a"}"#,
        "update    posts 1",
        r#"publish   GOAL {"value":"3-0"}"#,
        "delete    posts 1",
    ] {
        let line = tail.line().await;
        let (time, line) = line.split_once(' ').unwrap();
        assert_eq!(line, said);
        assert_eq!(time.len(), "12:00:00Z".len());
    }
    tail.signal(Signal::INT);
    assert_eq!(tail.output().await.code, Some(0));
}

#[tokio::test]
async fn a_pipe_has_an_object_on_a_line_and_the_key_comes_by_the_environment() {
    let sidecar = Sidecar::start("http://127.0.0.1:1", EVERYTHING).await;
    let mut command = tidings();
    command.args(["tail", &sidecar.url("/realtime"), "--count", "2"]);
    let mut tail = Process::spawn(command.env("TIDINGS_KEY", "all-key"));
    tail.prints(|text| text.contains("its log is memory")).await;
    sidecar.publish("GOAL", json!(1.5)).await.expect(200);
    sidecar.publish("END", json!("x")).await.expect(200);
    let told = tail.told().await;
    assert_eq!(told["event"], "publish");
    assert_eq!(told["data"], json!({"event": "GOAL", "data": 1.5}));
    let cursor = told["id"].as_str().unwrap().to_owned();
    assert_eq!(tail.told().await["data"]["event"], "END");
    let output = tail.output().await;
    assert_eq!(output.code, Some(0), "{output:?}");
    assert!(!(output.stdout + &output.stderr).contains("all-key"));

    // From the first one on, there is the second.
    let since = [&*sidecar.url(ALL), "--since", &cursor, "--count", "1"];
    let output = self::tail(&since).await;
    let told: Value = serde_json::from_str(&output.stdout).unwrap();
    assert_eq!(told["data"]["event"], "END");
    assert!(!output.stderr.contains("all-key"), "{output:?}");
}

#[tokio::test]
async fn it_ends_when_nobody_reads_any_more() {
    let frames: String = (0..20_000).map(|n| format!("data: {n}\n\n")).collect();
    let server = streaming(&frames).await;
    let mut shell = Command::new("sh");
    shell.args(["-c", "\"$0\" tail \"$1\" | head -n 1"]);
    let program = tidings().get_program().to_owned();
    let output = Process::spawn(shell.arg(program).arg(server.url()))
        .output()
        .await;
    assert_eq!(output.code, Some(0), "{output:?}");
    assert_eq!(output.stdout.lines().count(), 1);
    assert!(
        !output.stderr.contains("lost") && !output.stderr.contains("panicked"),
        "{output:?}"
    );
}

#[tokio::test]
async fn what_is_wanted_is_shown_alone() {
    let upstream = JsonServer::start(json!({"posts": [], "notes": []})).await;
    let sidecar = Sidecar::start(&upstream.url(), EVERYTHING).await;
    let url = sidecar.url(ALL);
    let mut created = follow(&[&url, "--event", "CREATE", "--event", "goal"]).await;
    let mut notes = follow(&[&url, "--collection", "notes", "--count", "1"]).await;
    let mut dear = follow(&[&url, "--filter", "price > 10", "--fields", "price"]).await;
    sidecar
        .post("/posts", json!({"id": 1, "price": 5}))
        .await
        .expect(201);
    sidecar.delete("/posts/1").await.expect(200);
    sidecar
        .post("/notes", json!({"id": 2, "price": 15}))
        .await
        .expect(201);
    sidecar.publish("GOAL", json!(1)).await.expect(200);
    assert_eq!(created.told().await["data"]["collection"], "posts");
    assert_eq!(created.told().await["data"]["collection"], "notes");
    assert_eq!(created.told().await["data"]["event"], "GOAL");
    assert_eq!(notes.told().await["data"]["data"]["id"], 2);
    assert_eq!(notes.output().await.code, Some(0));
    assert_eq!(dear.told().await["data"]["data"], json!({"price": 15}));
}

#[tokio::test]
async fn it_comes_back_after_a_crash_and_misses_nothing() {
    let folder = test_folder();
    let log = folder.path().join("log");
    let log = format!("log: {{ level: process, dir: {} }}\n", log.display());
    let yaml = plain_stream() + &log;
    let upstream = JsonServer::start(json!({"posts": []})).await;
    let mut sidecar = Sidecar::start(&upstream.url(), &yaml).await;
    let url = sidecar.url("/live?apikey=all-key");
    let mut tail = follow(&[&url, "--json"]).await;
    sidecar.post("/posts", json!({"id": 1})).await.expect(201);
    assert_eq!(tail.told().await["data"]["ids"], json!(["1"]));
    sidecar.kill().await;
    tail.prints(|text| text.contains("-- lost: ")).await;
    sidecar.start_again().await;
    // Before it is back.
    sidecar.post("/posts", json!({"id": 2})).await.expect(201);
    sidecar.post("/posts", json!({"id": 3})).await.expect(201);
    assert_eq!(tail.told().await["data"]["ids"], json!(["2"]));
    assert_eq!(tail.told().await["data"]["ids"], json!(["3"]));
    tail.prints(|text| text.contains("-- reconnected after "))
        .await;
}

#[tokio::test]
async fn a_gap_is_shown_whatever_is_wanted() {
    let mut sidecar = Sidecar::start("http://127.0.0.1:1", &plain_stream()).await;
    let url = sidecar.url("/live?apikey=all-key");
    let mut tail = follow(&[&url, "--format", "human", "--collection", "posts"]).await;
    sidecar.kill().await;
    sidecar.start_again().await;
    // The log was in memory.
    let line = tail.line().await;
    assert!(
        line.ends_with(" gap       foreign: read everything again"),
        "{line}"
    );
}

#[tokio::test]
async fn who_is_refused_is_told_why() {
    let sidecar = Sidecar::start("http://127.0.0.1:1", EVERYTHING).await;
    let url = sidecar.url("/realtime");
    let output = tail(&[&url, "--key", "s3cret-key"]).await;
    assert_eq!(output.code, Some(1), "{output:?}");
    assert!(
        output
            .stderr
            .contains("/realtime: answers 401 Unauthorized: "),
        "{output:?}"
    );
    assert!(!output.stderr.contains("s3cret"), "{output:?}");
    let output = tail(&[&sidecar.url(ALL), "--filter", "price >"]).await;
    assert_eq!(output.code, Some(1), "{output:?}");
    assert!(
        output.stderr.contains("answers 400 Bad Request: filter"),
        "{output:?}"
    );
    let output = tail(&["http://127.0.0.1:1/"]).await;
    assert_eq!(output.code, Some(1), "{output:?}");
    assert!(output.stderr.contains("Connection refused"), "{output:?}");
}

#[tokio::test]
async fn what_is_no_stream_is_refused() {
    let page = Scripted::answering(answer("200 OK", "{}")).await;
    let output = tail(&[&page.url()]).await;
    assert_eq!(output.code, Some(1), "{output:?}");
    assert!(output.stderr.contains("is no event stream"), "{output:?}");
    for args in [
        &["ftp://127.0.0.1/s"][..],
        &["http://me:s3cret@127.0.0.1/s"],
        &["http://127.0.0.1/s?apikey=s3cret key\u{7f}"],
        &["http://127.0.0.1/s", "--key", "s3cret\n"],
        &["http://127.0.0.1/s", "--count", "0"],
        &["http://127.0.0.1/s", "--json", "--format", "human"],
        &[],
    ] {
        let output = tail(args).await;
        assert_eq!(output.code, Some(2), "{args:?}: {output:?}");
        assert!(!output.stderr.contains("s3cret"), "{output:?}");
    }
}

#[tokio::test]
async fn nothing_that_is_received_drives_the_terminal() {
    let frames = "event: a\u{1b}]0;x\u{7}\ndata: {\"id\":\"\u{9b}2J\",\"t\":\"\\u001b[31m\u{202e}\"}\n\n\
                  data: \u{1b}[2J\u{8}\n\n";
    for format in ["human", "json"] {
        let server = streaming(frames).await;
        let args = [
            &*server.url(),
            "--format",
            format,
            "--color",
            "never",
            "--count",
            "2",
        ];
        let output = tail(&args).await;
        assert_eq!(output.code, Some(0), "{output:?}");
        for line in (output.stdout + &output.stderr).lines() {
            assert!(
                !line.chars().any(|c| c.is_control() || c == '\u{202e}'),
                "{line:?}"
            );
        }
    }
    let server = streaming(frames).await;
    let output = tail(&[
        &server.url(),
        "--format",
        "human",
        "--color",
        "always",
        "--count",
        "2",
    ])
    .await;
    // Its own alone: they are colours.
    for escape in output.stdout.split('\u{1b}').skip(1) {
        assert!(escape.starts_with('['), "{escape:?}");
        assert!(
            escape
                .trim_start_matches(|c: char| "[0123456789;".contains(c))
                .starts_with('m')
        );
    }
}

#[tokio::test]
async fn no_color_is_no_colour() {
    let frames =
        "event: post\ndata: {\"event\":\"post\",\"collection\":\"a\",\"data\":{\"id\":1}}\n\n";
    for (args, env, colour) in [
        (&["--color", "always"][..], "", true),
        (&["--color", "auto"], "", false),
        (&["--color", "always"], "1", true),
        (&["--color", "never"], "", false),
    ] {
        let server = streaming(frames).await;
        let mut command = tidings();
        command.args(["tail", &server.url(), "--format", "human", "--count", "1"]);
        command.args(args).env("NO_COLOR", env);
        let output = Process::spawn(&mut command).output().await;
        assert_eq!(
            output.stdout.contains('\u{1b}'),
            colour,
            "{args:?}: {output:?}"
        );
    }
}

#[tokio::test]
async fn pocketbases_stream_is_subscribed_to() {
    let upstream = JsonServer::start(json!({"posts": [], "notes": []})).await;
    let yaml = EVERYTHING.replace("restdb: { path: /realtime }", "restdb: {}, pocketbase: {}")
        + "  global: true\n  rules: { posts: { hear: '' }, notes: { hear: '' } }\n";
    let sidecar = Sidecar::start(&upstream.url(), &yaml).await;
    let url = sidecar.url("/api/realtime");
    let output = tail(&[&url]).await;
    assert_eq!(output.code, Some(1), "{output:?}");
    assert!(
        output
            .stderr
            .contains("say what to hear, as --subscribe 'posts/*'"),
        "{output:?}"
    );

    let topics = [
        "--subscribe",
        "posts/*",
        "--subscribe",
        "notes/*",
        "--filter",
        "n > 1",
    ];
    let mut args = vec![&*url];
    args.extend(topics);
    let mut tail = follow(&args).await;
    // Subscribing takes a request of its own: what is heard first is what came after it.
    let mut n = 1;
    let first = loop {
        n += 1;
        sidecar.post("/posts", json!({"n": n})).await.expect(201);
        let told = tokio::time::timeout(std::time::Duration::from_millis(300), tail.told()).await;
        if let Ok(told) = told {
            break told;
        }
    };
    assert_eq!(
        first["event"].as_str().unwrap().split('?').next(),
        Some("posts/*")
    );
    assert_eq!(first["data"]["action"], "create");
    sidecar.post("/posts", json!({"n": 0})).await.expect(201);
    sidecar.post("/notes", json!({"n": 99})).await.expect(201);
    loop {
        let told = tail.told().await;
        assert_ne!(told["data"]["record"]["n"], 0);
        if told["data"]["record"]["n"] == 99 {
            break;
        }
    }
}

#[tokio::test]
async fn it_comes_back_to_a_server_in_trouble_and_not_to_one_that_refuses() {
    let times = Arc::new(AtomicUsize::new(0));
    let stream = |frames: &str| {
        let length = frames.len();
        format!(
            "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\nContent-Length: {length}\r\n\r\n{frames}"
        )
    };
    let server = Scripted::replying(move |_| match times.fetch_add(1, Ordering::Relaxed) {
        0 => stream("retry: 1\nid: a-1\ndata: 1\n\n"),
        1 => answer("503 Service Unavailable", r#"{"message":"later"}"#),
        2 => answer("429 Too Many Requests", ""),
        3 => stream("data: 2\n\nid: a-2\n\n"),
        _ => answer("403 Forbidden", r#"{"message":"no\u001b[1m more"}"#),
    })
    .await;
    let output = tail(&[&server.url()]).await;
    assert_eq!(output.code, Some(1), "{output:?}");
    let lines: Vec<Value> = output
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(
        lines[0],
        json!({"id": "a-1", "event": "message", "data": 1})
    );
    assert_eq!(
        lines[1],
        json!({"id": "a-1", "event": "message", "data": 2})
    );
    for said in [
        "-- lost: the stream ended; again in 0.",
        "-- lost: answers 503 Service Unavailable: later; ",
        "-- lost: answers 429 Too Many Requests; ",
        "-- reconnected after a-1",
        "answers 403 Forbidden: no\\u001b[1m more",
    ] {
        assert!(output.stderr.contains(said), "{said}: {output:?}");
    }
    let requests = server.requests();
    let places = requests
        .iter()
        .map(|request| request.head.field("last-event-id"));
    let places: Vec<_> = places.collect();
    let known = [None, Some("a-1"), Some("a-1"), Some("a-1"), Some("a-2")];
    assert_eq!(places, known);
}

#[tokio::test]
async fn over_tls_the_systems_certificates_count() {
    let folder = test_folder();
    let (key, own) = certificate(folder.path(), "own", "localhost");
    let (_, other) = certificate(folder.path(), "other", "localhost");
    let answer = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: 1\n\n";
    std::fs::write(folder.path().join("live"), answer).unwrap();
    let port = free_port();
    let mut openssl = Command::new("openssl");
    openssl.args(["s_server", "-quiet", "-HTTP", "-accept", &port.to_string()]);
    openssl.arg("-cert").arg(&own).arg("-key").arg(&key);
    let _server = Process::spawn(openssl.current_dir(folder.path()));
    let connect = async || TcpStream::connect(("127.0.0.1", port)).await.ok();
    drop(eventually("the server to start", connect).await);
    for (trusted, code, said) in [(own, 0, "-- following https://"), (other, 1, "certificate")] {
        let mut command = tidings();
        command
            .env("SSL_CERT_FILE", trusted)
            .env_remove("SSL_CERT_DIR");
        let url = format!("https://localhost:{port}/live");
        let output = Process::spawn(command.args(["tail", &url, "--count", "1"]))
            .output()
            .await;
        assert_eq!(output.code, Some(code), "{output:?}");
        assert!(output.stderr.contains(said), "{output:?}");
    }
}
