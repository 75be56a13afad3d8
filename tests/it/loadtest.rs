//! The load test: that it counts what there is, and finds what is wrong.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use parking_lot::Mutex;
use rustix::process::Signal;
use serde_json::{Value, json};
use tokio::sync::{OnceCell, mpsc};

use crate::demo::BUILD;
use crate::harness::{
    EVERYTHING, JsonServer, Output, Process, Scripted, Sidecar, answer, ok, test_folder, tool,
    within,
};

/// The program. Who runs this file alone has it built here; `tests/run` did that before.
async fn loadtest() -> &'static Path {
    static BUILT: OnceCell<PathBuf> = OnceCell::const_new();
    let built = BUILT.get_or_init(async || {
        let folder = Path::new(env!("CARGO_BIN_EXE_tidings")).parent().unwrap();
        let mut cargo = Command::new(env!("CARGO"));
        cargo.args(["build", "--quiet", "--locked", "--example", "loadtest"]);
        cargo.args(folder.ends_with("release").then_some("--release"));
        cargo.arg("--target-dir").arg(folder.parent().unwrap());
        cargo.current_dir(env!("CARGO_MANIFEST_DIR"));
        // What Cargo tells a test of its package would make crates be built again.
        for (name, _) in std::env::vars_os() {
            let name = name.to_string_lossy();
            if name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_") {
                cargo.env_remove(&*name);
            }
        }
        let cargo = Process::spawn(&mut cargo);
        let built = cargo.ended_within(BUILD).await;
        assert!(built.success(), "{}", cargo.stderr());
        folder.join("examples/loadtest")
    });
    built.await
}

async fn started(args: &[&str]) -> Process {
    Process::spawn(Command::new(loadtest().await).args(args))
}

async fn run(args: &[&str]) -> Output {
    let process = started(args).await;
    within("the load test", process.output()).await
}

/// Arguments without a space in them.
fn words(text: &str) -> std::str::Split<'_, char> {
    text.split(' ')
}

/// What it prints as JSON.
fn figures(output: &Output) -> Value {
    serde_json::from_str(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"))
}

/// A sidecar before json-server, and where to hear and to write.
async fn deployment() -> (JsonServer, Sidecar, String, String) {
    let upstream = JsonServer::start(json!({"todos": [{"id": 1, "title": "first"}]})).await;
    let sidecar = Sidecar::start(&upstream.url(), EVERYTHING).await;
    let (hear, write) = (sidecar.url("/realtime"), sidecar.url("/todos"));
    (upstream, sidecar, hear, write)
}

const KEY: [&str; 2] = ["--header", "x-apikey: all-key"];

#[tokio::test]
async fn every_event_of_every_stream_is_counted() {
    let (_upstream, sidecar, hear, write) = deployment().await;
    let folder = test_folder();
    let svg = folder.path().join("latency.svg");
    let pid = sidecar.pid();
    let mut args = vec!["streams", "--url", &hear, "--write-url", &write];
    args.extend(KEY);
    args.extend(words("--streams 7 --writes 12 --rate 20 --burst 3"));
    args.extend(["--pid", &pid, "--idle-seconds", "0", "--json", "-"]);
    args.extend(["--svg", svg.to_str().unwrap()]);
    let output = run(&args).await;
    assert_eq!(output.code, Some(0), "{output:?}");
    let figures = figures(&output);
    for (key, value) in [
        ("streams", 7),
        ("writes", 12),
        ("expected", 7 * 12),
        ("delivered", 7 * 12),
        ("lost", 0),
        ("duplicate", 0),
        ("out_of_order", 0),
        ("write_failures", 0),
    ] {
        assert_eq!(figures[key], value, "{key} of {figures}");
    }
    for key in [
        "opened_per_second",
        "open_p50_ms",
        "open_p99_ms",
        "idle_bytes_per_stream",
        "latency_p50_ms",
        "latency_p90_ms",
        "latency_p99_ms",
        "latency_p999_ms",
        "latency_max_ms",
        "write_p50_ms",
        "write_p99_ms",
        "cpu_us_per_delivery",
        "cpu_us_per_write",
        "cpu_seconds",
        "seconds",
        "own_cpu_utilisation",
    ] {
        assert!(figures[key].is_number(), "{key} of {figures}");
    }
    assert!(figures["cpu_us_per_delivery"].as_f64().unwrap() > 0.0);
    let nothing = json!(null);
    assert_eq!(figures["caught_up_max_ms"], nothing);
    is_xml(&svg).await;
}

/// Reads it as any reader of XML does.
async fn is_xml(file: &Path) {
    let mut python = Command::new(tool("python/bin/python"));
    python.args([
        "-c",
        "import sys, xml.dom.minidom as dom; dom.parse(sys.argv[1])",
    ]);
    let output = Process::spawn(python.arg(file)).output().await;
    assert_eq!(output.code, Some(0), "{output:?}");
}

#[tokio::test]
async fn streams_are_subscribed_as_pocketbase_has_it() {
    let upstream = JsonServer::start(json!({"todos": []})).await;
    let open = "realtime: { pocketbase: {} }";
    let yaml = EVERYTHING.replace("realtime: { restdb: { path: /realtime } }", open)
        + "  global: true\n  rules:\n    todos: { hear: \"\" }\n";
    let yaml = yaml.replace(", publish: [\"*\"]", "");
    let sidecar = Sidecar::start(&upstream.url(), &yaml).await;
    let (hear, write) = (sidecar.url("/api/realtime"), sidecar.url("/todos"));
    let mut args = vec!["streams", "--url", &hear, "--write-url", &write];
    args.extend(words(
        "--subscribe todos/* --streams 5 --writes 6 --rate 20",
    ));
    args.extend(words("--idle-seconds 0 --json -"));
    let output = run(&args).await;
    assert_eq!(output.code, Some(0), "{output:?}");
    assert_eq!(figures(&output)["delivered"], 30, "{output:?}");
}

#[tokio::test]
async fn all_that_come_back_at_once_have_missed_nothing() {
    let (_upstream, sidecar, hear, write) = deployment().await;
    let probe = sidecar.url("/todos/1");
    let mut args = vec!["streams", "--url", &hear, "--write-url", &write];
    args.extend(KEY);
    args.extend(words("--streams 20 --writes 6 --rate 20 --idle-seconds 0"));
    args.extend(words("--reconnect-all 4 --missed 5 --json -"));
    args.extend(["--probe-url", &probe, "--probe-rate", "50"]);
    let output = run(&args).await;
    assert_eq!(output.code, Some(0), "{output:?}");
    let figures = figures(&output);
    assert_eq!(figures["writes"], 11, "{figures}");
    assert_eq!(figures["delivered"], 20 * 11, "{figures}");
    assert_eq!(figures["caught_up"], 20, "{figures}");
    for key in [
        "caught_up_p50_ms",
        "caught_up_p99_ms",
        "caught_up_max_ms",
        "probe_told_p50_ms",
        "probe_told_p99_ms",
        "probe_calm_p50_ms",
        "probe_calm_p99_ms",
        "probe_storm_p50_ms",
        "probe_storm_p99_ms",
    ] {
        assert!(figures[key].is_number(), "{key} of {figures}");
    }
}

#[tokio::test]
async fn what_is_told_early_is_ended_and_reported() {
    let (_upstream, _sidecar, hear, write) = deployment().await;
    let mut args = vec!["streams", "--url", &hear, "--write-url", &write];
    args.extend(KEY);
    args.extend(words("--streams 3 --writes 100000 --rate 20"));
    args.extend(words("--idle-seconds 0"));
    let process = started(&args).await;
    process.prints(|text| text.contains("events heard")).await;
    process.signal(Signal::INT);
    let output = process.output().await;
    assert_eq!(output.code, Some(0), "{output:?}");
    assert!(output.stderr.contains("ended early"), "{output:?}");
    let lost = output.stdout.lines().find(|line| line.starts_with("lost"));
    assert!(lost.is_some_and(|line| line.contains(" 0 ")), "{output:?}");
}

/// What a server does wrong with the third write.
#[derive(Clone, Copy)]
enum Fault {
    /// Tells it after the fourth.
    Late,
    /// Does not tell it.
    Lose,
    /// Ends each stream, and tells it to those that come back.
    Part,
    /// Answers 500, and does not tell it.
    Refuse,
    Twice,
}

/// Who listens, and what was written.
#[derive(Default)]
struct Told {
    streams: Vec<mpsc::Sender<Vec<String>>>,
    writes: Vec<String>,
}

impl Told {
    /// What is told of the write of that number; the first, 0, is before all others.
    fn of(&self, fault: Fault) -> Vec<String> {
        let number = self.writes.len() - 1;
        let event = |at: usize| format!("id: {at}\ndata: {}\n\n", self.writes[at]);
        match (fault, number) {
            (Fault::Late | Fault::Lose | Fault::Refuse, 3) => vec![],
            (Fault::Late, 4) => vec![event(4), event(3)],
            (Fault::Twice, 3) => vec![event(3), event(3)],
            _ => vec![event(number)],
        }
    }
}

/// A server of events that makes a mistake.
async fn faulty(fault: Fault) -> Scripted {
    let told = Arc::new(Mutex::new(Told::default()));
    Scripted::start(move |mut peer| {
        let told = Arc::clone(&told);
        async move {
            while let Some(request) = peer.request().await {
                if request.head.start().starts_with("GET") {
                    let (sender, mut events) = mpsc::channel(100);
                    let head =
                        "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n: hello\n\n";
                    peer.conn.send(head).await;
                    if let Some(last) = request.head.field("last-event-id") {
                        let last: usize = last.parse().unwrap();
                        let missed = told.lock().writes.len() - 1;
                        assert_eq!(missed, last + 1, "it comes back after what it heard");
                        let event = format!("id: 3\ndata: {}\n\n", told.lock().writes[3]);
                        peer.conn.send(event).await;
                    }
                    told.lock().streams.push(sender);
                    while let Some(event) = events.recv().await {
                        if event.is_empty() {
                            return;
                        }
                        peer.conn.send(event.concat()).await;
                    }
                    return;
                }
                let (events, streams, number) = {
                    let mut told = told.lock();
                    told.writes.push(String::from_utf8(request.body).unwrap());
                    (told.of(fault), told.streams.clone(), told.writes.len() - 1)
                };
                let parts = matches!(fault, Fault::Part) && number == 3;
                for stream in streams {
                    if parts {
                        stream.send(vec![]).await.ok();
                    } else if !events.is_empty() {
                        stream.send(events.clone()).await.ok();
                    }
                }
                let refused = matches!(fault, Fault::Refuse) && number == 3;
                let status = if refused { "500 No" } else { "201 Created" };
                peer.conn.send(answer(status, "{}")).await;
            }
        }
    })
    .await
}

/// Two streams and five writes, one after the other.
async fn run_against(fault: Fault, more: &str) -> (Output, Value) {
    let server = faulty(fault).await;
    let url = server.url();
    let mut args = vec!["streams", "--url", &url, "--write-url", &url];
    args.extend(words("--streams 2 --writes 5 --patience 2"));
    args.extend(words("--idle-seconds 0 --write-connections 1 --json -"));
    args.extend(words(more));
    let output = run(&args).await;
    let figures = figures(&output);
    (output, figures)
}

/// What is wrong, as they say it: lost, twice, out of order.
fn faults(figures: &Value) -> [&Value; 3] {
    [
        &figures["lost"],
        &figures["duplicate"],
        &figures["out_of_order"],
    ]
}

#[tokio::test]
async fn what_a_server_loses_is_found() {
    let (output, figures) = run_against(Fault::Lose, "--rate 20").await;
    assert_eq!(output.code, Some(1), "{output:?}");
    assert_eq!(faults(&figures), [2, 0, 0], "{figures}");
    assert_eq!(figures["delivered"], 8, "{figures}");
}

#[tokio::test]
async fn what_a_server_tells_twice_is_found() {
    let (output, figures) = run_against(Fault::Twice, "--rate 20").await;
    assert_eq!(output.code, Some(1), "{output:?}");
    assert_eq!(faults(&figures), [0, 2, 0], "{figures}");
}

#[tokio::test]
async fn what_a_server_tells_too_late_is_found() {
    let (output, figures) = run_against(Fault::Late, "--rate 20").await;
    assert_eq!(output.code, Some(1), "{output:?}");
    assert_eq!(faults(&figures), [0, 0, 2], "{figures}");
}

#[tokio::test]
async fn a_write_that_fails_is_told_by_its_status_and_its_event_is_not_missed() {
    let (output, figures) = run_against(Fault::Refuse, "--rate 20").await;
    assert_eq!(output.code, Some(1), "{output:?}");
    assert_eq!(faults(&figures), [0, 0, 0], "{figures}");
    assert_eq!(figures["expected"], 8, "{figures}");
    assert_eq!(figures["write_failures"], 1, "{figures}");
    assert!(output.stderr.contains("500: 1"), "{output:?}");
}

#[tokio::test]
async fn a_stream_that_the_server_ends_comes_back_where_it_was() {
    let (output, figures) = run_against(Fault::Part, "--rate 0.5 --reconnect").await;
    assert_eq!(output.code, Some(0), "{output:?}");
    assert_eq!(figures["closed"], 2, "{figures}");
    assert_eq!(figures["reopened"], 2, "{figures}");
    assert_eq!(figures["delivered"], 10, "{figures}");
}

#[tokio::test]
async fn who_may_not_hear_is_told_what_to_check_and_no_secret() {
    let sidecar = Sidecar::start("http://127.0.0.1:1", EVERYTHING).await;
    let hear = sidecar.url("/realtime?apikey=not-the-key");
    let output = run(&["streams", "--url", &hear, "--writes", "0"]).await;
    assert_eq!(output.code, Some(2), "{output:?}");
    for word in ["401", "check the credential", "/realtime"] {
        assert!(output.stderr.contains(word), "{word}: {output:?}");
    }
    assert!(!output.stderr.contains("not-the-key"), "{output:?}");
}

#[tokio::test]
async fn a_server_that_cannot_be_reached_is_no_measurement() {
    for mode in ["streams --writes 0", "requests"] {
        let mut args: Vec<_> = words(mode).collect();
        args.extend(["--url", "http://127.0.0.1:1/a"]);
        let output = run(&args).await;
        assert_eq!(output.code, Some(2), "{output:?}");
        assert!(output.stderr.contains("cannot connect"), "{output:?}");
    }
    let output = run(&["streams", "--url", "ftp://example.com/"]).await;
    assert_eq!(output.code, Some(2), "{output:?}");
    assert!(output.stderr.contains("expected http://"), "{output:?}");
    let output = run(&[
        "streams",
        "--url",
        "http://127.0.0.1:1/",
        "--header",
        "no-colon",
    ])
    .await;
    assert_eq!(output.code, Some(2), "{output:?}");
}

#[tokio::test]
async fn requests_are_counted_and_timed() {
    let upstream = Scripted::answering(ok("{}")).await;
    let sidecar = Sidecar::start(&upstream.url(), EVERYTHING).await;
    let (url, pid) = (sidecar.url("/todos"), sidecar.pid());
    let folder = test_folder();
    let file = folder.path().join("figures.json");
    let mut args = vec!["requests", "--url", &url, "--method", "POST", "--pid", &pid];
    args.extend(words("--requests 200 --connections 4 --warmup 0.1"));
    args.extend(["--json", file.to_str().unwrap()]);
    for _ in 0..2 {
        let output = run(&args).await;
        assert_eq!(output.code, Some(0), "{output:?}");
        assert!(output.stdout.contains("requests per second"), "{output:?}");
    }
    let text = std::fs::read_to_string(file).unwrap();
    assert_eq!(text.lines().count(), 2, "each run appends a line");
    let figures: Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
    assert_eq!(figures["requests"], 200, "{figures}");
    assert_eq!(figures["failures"], 0, "{figures}");
    for key in [
        "requests_per_second",
        "latency_p50_ms",
        "latency_p90_ms",
        "latency_p99_ms",
        "latency_p999_ms",
        "latency_max_ms",
        "cpu_us_per_request",
        "cpu_seconds",
        "seconds",
        "own_cpu_utilisation",
    ] {
        assert!(figures[key].is_number(), "{key} of {figures}");
    }
}

#[tokio::test]
async fn requests_that_fail_are_told_by_their_status() {
    let served = Arc::new(Mutex::new(0));
    let upstream = Scripted::replying(move |_| {
        let mut served = served.lock();
        *served += 1;
        match *served {
            5..=7 => answer("503 Busy", "{}"),
            _ => ok("{}"),
        }
    })
    .await;
    let url = upstream.url();
    let mut args = vec![
        "requests",
        "--url",
        &url,
        "--requests",
        "20",
        "--warmup",
        "0",
    ];
    args.extend(words("--rate 100 --connections 2 --json -"));
    let output = run(&args).await;
    assert_eq!(output.code, Some(1), "{output:?}");
    assert_eq!(figures(&output)["failures"], 3, "{output:?}");
    assert!(output.stderr.contains("503: 3"), "{output:?}");
}
