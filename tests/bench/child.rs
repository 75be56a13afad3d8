//! What opens a log itself, in a process of its own: the directory is held until that ends, and
//! a level that cannot be opened takes nobody else along.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::ValueEnum;
use serde_json::value::RawValue;
use tidings::event::{Epoch, Id, Json, Kind, Method};
use tidings::limits::Keep;
use tidings::log::{Log, OnFailure, Terms};

use crate::http::Result;
use crate::{Level, Options, appends, replay};

/// What such a process does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Task {
    /// Appends for a while and tells how many it were.
    Append,
    /// Appends so many events, and closes the log in order.
    Fill,
    /// Reads the whole past and tells how long it took.
    Read,
}

/// Does it. What it prints is what [`start`] answers.
pub(crate) fn run(task: Task, options: &Options) -> Result<()> {
    let level = options.levels[0];
    let log = match level {
        Level::Memory => Log::in_memory(Epoch::new(1), terms()),
        Level::Process | Level::Disk => {
            let opened = Log::open(&options.dir, level.of_log(), Epoch::new(1), terms());
            opened.map_err(|error| error.to_string())?
        }
    };
    match task {
        Task::Append => appends::append(&log, options),
        Task::Fill => replay::fill(&log, options.events),
        Task::Read => replay::read(&log, level, options),
    }
    // What was lost on the way would be measured as speed.
    let standing = log.standing();
    if standing.failures > 0 {
        let why = standing.failure.as_deref().unwrap_or("it is well again");
        return Err(format!("the log has failed: {why}"));
    }
    if !log.close(CLOSE_MAX) {
        return Err("the log was not closed in order".to_owned());
    }
    Ok(())
}

/// Has it done by another process, with further arguments. The answer is what that printed.
pub(crate) fn start(task: Task, level: Level, dir: &Path, more: &[String]) -> Result<String> {
    let name = |value: Option<clap::builder::PossibleValue>| value.unwrap().get_name().to_owned();
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--child", &name(task.to_possible_value())])
        .args(["--level", &name(level.to_possible_value())])
        .arg("--dir")
        .arg(dir)
        .args(more)
        .env("RUST_BACKTRACE", "0")
        .output()
        .unwrap();
    if !output.status.success() {
        return Err(last_lines(&output.stderr));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// The end of what a process printed, on one line.
pub(crate) fn last_lines(printed: &[u8]) -> String {
    let text = String::from_utf8_lossy(printed);
    let told = |line: &&str| !line.trim().is_empty() && !line.starts_with("note: ");
    let lines: Vec<_> = text.lines().filter(told).map(str::trim).collect();
    lines[lines.len().saturating_sub(3)..].join(" ")
}

/// A write's event of that number: its record is text of 200 bytes.
pub(crate) fn kind(number: u64, collection: &Arc<str>) -> Kind {
    let record: Box<RawValue> = serde_json::from_str(&record(number)).unwrap();
    Kind::Write {
        method: Method::Post,
        collection: Arc::clone(collection),
        ids: vec![Id::new(&number.to_string()).unwrap()],
        record: Some(Json::compact(&record)),
    }
}

/// A record of 200 bytes with the id of that number.
pub(crate) fn record(number: u64) -> String {
    let head = format!(r#"{{"id":{number},"title":""#);
    let width = RECORD_BYTES - head.len() - 2;
    format!("{head}{:x<width$}\"}}", "")
}

/// Everything is kept.
fn terms() -> Terms {
    Terms {
        keep: Keep {
            events: 100_000_000,
            bytes: 4 * 1024 * 1024 * 1024,
            age: Duration::from_hours(24),
        },
        wait: Duration::from_secs(5),
        on_failure: OnFailure::Release,
    }
}

/// How many a second, from how many and since when.
pub(crate) fn per_second(number: u64, since: Instant) -> f64 {
    number as f64 / since.elapsed().as_secs_f64()
}

const RECORD_BYTES: usize = 200;
/// A close that takes longer has failed.
const CLOSE_MAX: Duration = Duration::from_secs(30);
