//! The examples that have pages, started as the README says, in a real browser.

use std::net::TcpListener;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::json;
use tempfile::TempDir;
use tokio::sync::Mutex;

use crate::demo::{BUILD, is_sound};
use crate::harness::{Conn, Process, free_port, node, test_folder};

/// A running example, on ports of its own.
struct Example {
    process: Process,
    port: u16,
    api_port: u16,
    /// What it said when it was ready.
    told: String,
    /// Where it puts what it needs for the moment.
    folder: TempDir,
}

impl Example {
    /// Starts it as its script does, and waits until it is ready.
    async fn start(name: &str) -> Self {
        // Each installs json-server where it is missing, and two at once would disturb each other.
        static STARTING: Mutex<()> = Mutex::const_new(());
        let _starting = STARTING.lock().await;
        let (port, api_port) = (free_port(), free_port());
        let folder = test_folder();
        let mut command = script(name, port, api_port);
        let process = Process::spawn(command.env("TMPDIR", folder.path()));
        let told = tokio::time::timeout(BUILD, process.printed("Ctrl-C")).await;
        let told = told.expect("it was built in that time");
        assert!(told.contains("Ctrl-C"), "{}", process.stderr());
        Self {
            process,
            port,
            api_port,
            told,
            folder,
        }
    }

    fn url(&self) -> String {
        format!("http://127.0.0.1:{}/", self.port)
    }

    /// Whether nothing of it is left: no process that listens, and no file.
    fn is_gone(&self) -> bool {
        let free = |port| TcpListener::bind(("127.0.0.1", port)).is_ok();
        let empty = std::fs::read_dir(self.folder.path())
            .unwrap()
            .next()
            .is_none();
        free(self.port) && free(self.api_port) && empty
    }
}

impl Drop for Example {
    /// Lets it end what it started, which would go on otherwise.
    fn drop(&mut self) {
        self.process.ask_to_end();
        let end = Instant::now() + Duration::from_secs(20);
        while self.process.exited().is_none() && Instant::now() < end {
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

/// What starts an example, with the program that is built already.
fn script(name: &str, port: u16, api_port: u16) -> Command {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let program = Path::new(env!("CARGO_BIN_EXE_tidings"));
    let mut command = Command::new(root.join("examples").join(name).join("run"));
    command.env("DEMO_PROFILE", "dev");
    command.env("CARGO_TARGET_DIR", program.ancestors().nth(2).unwrap());
    command.env("PORT", port.to_string());
    command.env("API_PORT", api_port.to_string());
    command
}

/// Drives the windows of an example in a browser.
async fn talk(name: &str) {
    let example = Example::start(name).await;
    let picture = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}.png"));
    let arguments =
        [name.as_ref(), example.url().as_ref(), picture.as_os_str()].map(std::ffi::OsStr::to_owned);
    let browser = node("pages.mjs", arguments);
    let end = tokio::time::timeout(TALK, browser.printed("done")).await;
    assert!(end.is_ok(), "{}", browser.stderr());
    let output = browser.output().await;
    assert_eq!(output.code, Some(0), "{output:?}");
    assert!(picture.exists());
}

/// Much happens in the windows, each step of which has the patience of the tests.
const TALK: Duration = Duration::from_mins(3);

#[tokio::test]
async fn two_people_talk_in_the_chat_and_miss_nothing() {
    talk("chat").await;
}

#[tokio::test]
async fn goals_show_on_every_board_and_the_score_on_late_ones_too() {
    talk("scores").await;
}

#[tokio::test]
async fn what_an_example_says_can_be_tried_works() {
    for name in ["chat", "scores"] {
        let example = Example::start(name).await;
        assert!(example.told.contains(&example.url()), "{}", example.told);
        let lines = example.told.lines().map(str::trim);
        let commands: Vec<_> = lines.filter(|line| line.starts_with("curl ")).collect();
        assert!(commands.len() > 1, "{}", example.told);
        for command in commands {
            is_sound(command).await;
        }
    }
}

#[tokio::test]
async fn the_keys_of_the_pages_may_do_what_the_pages_do_and_no_more() {
    for (name, key, heard, not_heard, published, not_published) in [
        (
            "chat",
            "chat",
            &["POST:messages", "TYPING"][..],
            &["DELETE:messages", "POST:users", "GOAL"][..],
            Some("TYPING"),
            "GOAL",
        ),
        (
            "scores",
            "board",
            &["PATCH:matches", "GOAL"],
            &["POST:matches", "PATCH:users", "TYPING"],
            None,
            "GOAL",
        ),
        (
            "scores",
            "whistle",
            &["PATCH:matches"],
            &["PATCH:users", "GOAL"],
            Some("GOAL"),
            "TYPING",
        ),
    ] {
        let example = Example::start(name).await;
        let heard = heard.iter().map(|events| (events, 200));
        for (events, status) in heard.chain(not_heard.iter().map(|events| (events, 403))) {
            let mut conn = Conn::to(([127, 0, 0, 1], example.port).into()).await;
            conn.send(format!(
                "GET /realtime?apikey={key}&events={events} HTTP/1.1\r\nHost: a\r\n\r\n"
            ))
            .await;
            assert_eq!(conn.head().await.status(), status, "{key} hears {events}");
        }
        let published = published.map(|event| (event, 200));
        for (event, status) in published.into_iter().chain([(not_published, 403)]) {
            let body = json!({"event": event, "data": {}}).to_string();
            let mut conn = Conn::to(([127, 0, 0, 1], example.port).into()).await;
            conn.send(format!(
                "POST /realtime HTTP/1.1\r\nHost: a\r\nx-apikey: {key}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
                body.len()
            ))
            .await;
            conn.response().await.expect(status);
        }
    }
}

#[tokio::test]
async fn an_example_ends_all_that_it_started() {
    for signal in [Signal::INT, Signal::TERM] {
        let example = Example::start("chat").await;
        assert!(!example.is_gone());
        example.process.signal(signal);
        assert_eq!(example.process.exit().await.code(), Some(0));
        assert!(example.is_gone());
    }
}

#[tokio::test]
async fn an_example_whose_port_is_taken_says_so_and_leaves_nothing() {
    let example = Example::start("scores").await;
    let other = free_port();
    for (port, api_port) in [(example.port, other), (other, example.api_port)] {
        let refused = Process::spawn(&mut script("scores", port, api_port));
        let end = tokio::time::timeout(BUILD, refused.printed("Ctrl-C")).await;
        assert_eq!(end.as_deref(), Ok(""));
        let output = refused.output().await;
        assert_eq!(output.code, Some(1), "{output:?}");
        assert!(output.stderr.contains("choose other ports"), "{output:?}");
        assert!(TcpListener::bind(("127.0.0.1", other)).is_ok());
    }
}
