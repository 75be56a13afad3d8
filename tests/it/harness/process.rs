//! A program that a test started: what it prints, how it ends.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;
use tokio::sync::watch;

use super::within;

/// A running program; it is killed when this is dropped.
pub(crate) struct Process {
    name: String,
    pid: Pid,
    stdout: watch::Receiver<String>,
    stderr: watch::Receiver<String>,
    exit: watch::Receiver<Option<ExitStatus>>,
    /// Bytes of standard output that [`Process::line`] has given away.
    taken: usize,
}

impl Process {
    /// Starts `command` with nothing to read and everything it prints kept.
    pub(crate) fn spawn(command: &mut Command) -> Self {
        let name = Path::new(command.get_program()).display().to_string();
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        let stdout = keep(child.stdout.take().unwrap());
        let stderr = keep(child.stderr.take().unwrap());
        let pid = Pid::from_child(&child);
        let (ended, exit) = watch::channel(None);
        std::thread::spawn(move || ended.send_replace(Some(child.wait().unwrap())));
        Self {
            name,
            pid,
            stdout,
            stderr,
            exit,
            taken: 0,
        }
    }

    /// Its number.
    pub(crate) fn pid(&self) -> String {
        self.pid.as_raw_nonzero().to_string()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(self.pid, signal).unwrap();
    }

    /// What kills it at once. It must not have been waited for.
    pub(crate) fn killer(&self) -> impl FnOnce() + Send + 'static {
        let pid = self.pid;
        move || kill_process(pid, Signal::KILL).unwrap()
    }

    /// Asks it to end; it may have ended by itself.
    pub(crate) fn ask_to_end(&self) {
        if self.exited().is_none() {
            kill_process(self.pid, Signal::TERM).ok();
        }
    }

    /// How it ended, if it did.
    pub(crate) fn exited(&self) -> Option<ExitStatus> {
        *self.exit.borrow()
    }

    /// Waits for its end.
    pub(crate) async fn exit(&self) -> ExitStatus {
        let mut exit = self.exit.clone();
        let ended = within("the end of a process", exit.wait_for(Option::is_some)).await;
        ended.unwrap().expect("waited for")
    }

    /// As [`Process::exit`], for what may take longer than anything else.
    pub(crate) async fn ended_within(&self, time: Duration) -> ExitStatus {
        let mut exit = self.exit.clone();
        let ended = tokio::time::timeout(time, exit.wait_for(Option::is_some)).await;
        ended
            .expect("it ended in that time")
            .unwrap()
            .expect("waited for")
    }

    /// Waits for its end and for all that it printed.
    pub(crate) async fn output(&self) -> Output {
        let status = self.exit().await;
        for printed in [&self.stdout, &self.stderr] {
            // The thread that reads ends with the pipe, and then the channel is closed.
            let mut printed = printed.clone();
            let end = async { while printed.changed().await.is_ok() {} };
            within("the end of what a process prints", end).await;
        }
        Output {
            code: status.code(),
            stdout: self.stdout.borrow().clone(),
            stderr: self.stderr(),
        }
    }

    /// The next line of its standard output.
    pub(crate) async fn line(&mut self) -> String {
        let taken = self.taken;
        let mut stdout = self.stdout.clone();
        let whole = stdout.wait_for(|text| text[taken..].contains('\n'));
        let Ok(text) = within("a line of output", whole).await else {
            panic!("{} ended: {}", self.name, self.stderr());
        };
        let line = text[taken..].lines().next().unwrap_or_default().to_owned();
        self.taken += line.len() + 1;
        line
    }

    /// The next line of its standard output, which is JSON: what a script tells.
    pub(crate) async fn told(&mut self) -> Value {
        serde_json::from_str(&self.line().await).unwrap()
    }

    /// The next that it tells of a kind: an object that has this key.
    pub(crate) async fn told_of(&mut self, kind: &str) -> Value {
        loop {
            let told = self.told().await;
            if !told[kind].is_null() {
                return told;
            }
        }
    }

    /// Waits until it has printed these words to standard output, however long that takes; what
    /// it has printed then is the answer. Shorter if it ended without them.
    pub(crate) async fn printed(&self, words: &str) -> String {
        let mut stdout = self.stdout.clone();
        drop(stdout.wait_for(|text| text.contains(words)).await);
        self.stdout.borrow().clone()
    }

    /// What it has printed to standard error so far.
    pub(crate) fn stderr(&self) -> String {
        self.stderr.borrow().clone()
    }

    /// Waits until what it printed to standard error is as `wanted`.
    pub(crate) async fn prints(&self, wanted: impl Fn(&str) -> bool) {
        let mut stderr = self.stderr.clone();
        let told = within("a line in the log", stderr.wait_for(|text| wanted(text))).await;
        assert!(told.is_ok(), "{} ended", self.name);
    }

    /// Kibibytes of memory that are its own and resident.
    pub(crate) fn resident_kib(&self) -> u64 {
        self.kib("status", "VmRSS:")
    }

    /// The same without what is a file's: how much that is depends on who else has it open.
    pub(crate) fn own_kib(&self) -> u64 {
        self.kib("smaps_rollup", "Anonymous:")
    }

    fn kib(&self, file: &str, name: &str) -> u64 {
        let file = format!("/proc/{}/{file}", self.pid.as_raw_nonzero());
        let text = std::fs::read_to_string(file).unwrap();
        let line = text.lines().find(|line| line.starts_with(name));
        let words = line.unwrap().split_whitespace().nth(1);
        words.unwrap().parse().unwrap()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if self.exited().is_none() {
            // It may end by itself in this moment; then there is nothing to kill.
            kill_process(self.pid, Signal::KILL).ok();
        }
        if std::thread::panicking() {
            // What it printed last is still on its way through the pipe.
            let end = Instant::now() + Duration::from_secs(1);
            while self.stderr.has_changed().is_ok() && Instant::now() < end {
                std::thread::yield_now();
            }
            let stderr = self.stderr.borrow();
            let from = stderr.floor_char_boundary(stderr.len().saturating_sub(8000));
            println!("--- {} printed:\n{}---", self.name, &stderr[from..]);
        }
    }
}

/// How a program ended, and all that it printed.
#[derive(Debug)]
pub(crate) struct Output {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Runs a script of `tests/clients` with the packages that `tests/run` installed.
pub(crate) fn node<S: AsRef<OsStr>>(script: &str, args: impl IntoIterator<Item = S>) -> Process {
    let script = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/clients")
        .join(script);
    let mut command = Command::new(tool("bin/node"));
    command.env("TIDINGS_TEST_TOOLS", tools());
    Process::spawn(command.arg(script).args(args))
}

/// A file that `tests/run` installed.
pub(crate) fn tool(path: &str) -> PathBuf {
    let tool = tools().join(path);
    assert!(
        tool.exists(),
        "{} is missing: tests/run installs it",
        tool.display()
    );
    tool
}

/// A folder that is gone after the test.
pub(crate) fn test_folder() -> TempDir {
    tempfile::Builder::new()
        .prefix("tidings-it-")
        .tempdir()
        .unwrap()
}

fn tools() -> PathBuf {
    match std::env::var_os("TIDINGS_TEST_TOOLS") {
        Some(tools) => tools.into(),
        // Where `tests/run` puts them: beside the folder that the program was built into.
        None => {
            let folder = Path::new(env!("CARGO_BIN_EXE_tidings")).ancestors().nth(2);
            folder.unwrap().join("test-tools")
        }
    }
}

/// Reads to the end in a thread of its own, so that the writer never waits for the test.
fn keep(from: impl Read + Send + 'static) -> watch::Receiver<String> {
    let (kept, receiver) = watch::channel(String::new());
    std::thread::spawn(move || {
        let mut from = BufReader::new(from);
        let mut line = Vec::new();
        while from.read_until(b'\n', &mut line).is_ok_and(|n| n > 0) {
            kept.send_modify(|text| text.push_str(&String::from_utf8_lossy(&line)));
            line.clear();
        }
    });
    receiver
}
