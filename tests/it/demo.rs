//! The README's first command, in a real browser.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::json;

use crate::harness::{Conn, Process, eventually, free_port, node, within};

/// A build may have to be waited for before the demo says anything.
pub(crate) const BUILD: Duration = Duration::from_mins(15);

/// Starts the demo as its script does, and waits until it serves; with what it says first.
async fn demo(port: u16) -> (Process, String) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let program = Path::new(env!("CARGO_BIN_EXE_tidings"));
    let mut command = Command::new(root.join("examples/demo/run"));
    command.env("DEMO_PROFILE", "dev");
    command.env("CARGO_TARGET_DIR", program.ancestors().nth(2).unwrap());
    command.args(["--listen", &format!("127.0.0.1:{port}")]);
    let process = Process::spawn(&mut command);
    let told = tokio::time::timeout(BUILD, process.printed("Ctrl-C")).await;
    eventually("the demo", async || {
        assert!(process.exited().is_none(), "{}", process.stderr());
        let address = ("127.0.0.1", port);
        tokio::net::TcpStream::connect(address).await.ok()
    })
    .await;
    (process, told.expect("it was built in that time"))
}

#[tokio::test]
async fn the_demo_says_what_to_try_and_what_it_says_works() {
    let port = free_port();
    let (_demo, told) = demo(port).await;
    assert!(
        told.contains(&format!("http://127.0.0.1:{port}/ ")),
        "{told}"
    );
    let mut kinds = Vec::new();
    for line in told.lines().map(str::trim) {
        if line.starts_with("curl ") {
            kinds.push(line.contains("-N"));
            is_sound(line).await;
        }
    }
    assert!(kinds.contains(&true) && kinds.contains(&false), "{told}");
}

/// Runs a command as somebody would who copied it.
pub(crate) async fn is_sound(line: &str) {
    let mut shell = Command::new("sh");
    // A stream has no end: a second of it is enough to see that it opens.
    shell.args(["-c", &format!("{line} --silent --fail --max-time 1")]);
    let output = Process::spawn(&mut shell).output().await;
    if line.contains("-N") {
        assert_eq!(output.code, Some(28), "{line}: {output:?}");
        assert!(output.stdout.contains("\"init\""), "{line}: {output:?}");
    } else {
        assert_eq!(output.code, Some(0), "{line}: {output:?}");
    }
}

#[tokio::test]
async fn a_change_in_one_window_shows_in_the_other() {
    let port = free_port();
    let (_demo, _) = demo(port).await;
    let picture = Path::new(env!("CARGO_TARGET_TMPDIR")).join("demo.png");
    let url = format!("http://127.0.0.1:{port}/");
    let browser = node("demo.mjs", [url.as_ref(), picture.as_os_str()]);
    let output = within("the browser", browser.output()).await;
    assert_eq!(output.code, Some(0), "{output:?}");
    assert!(picture.exists());
}

#[tokio::test]
async fn the_demos_database_is_an_ordinary_rest_api() {
    let port = free_port();
    let (_demo, _) = demo(port).await;
    let body = json!({"title": "from a test"}).to_string();
    let mut conn = Conn::to(([127, 0, 0, 1], port).into()).await;
    conn.send(format!(
        "POST /todos HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    ))
    .await;
    let created = conn.response().await.expect(201);
    let location = created.field("location").to_owned();
    conn.send(format!("GET {location} HTTP/1.1\r\nHost: a\r\n\r\n"))
        .await;
    assert_eq!(conn.response().await.expect(200).json(), created.json());
}
