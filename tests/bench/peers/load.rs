//! The load: `examples/loadtest` as a process, whose figures are JSON.

use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use crate::cores::Whose;
use crate::http::Result;
use crate::process::{Process, command};
use crate::series::Bench;

/// Requests, and how fast they are made.
#[derive(Debug)]
pub(crate) struct Requests {
    pub(crate) url: String,
    /// Bytes of what is written; none: it is read.
    pub(crate) body: Option<usize>,
    /// So many a second; none: each as soon as the one before it was answered.
    pub(crate) rate: Option<u32>,
    pub(crate) seconds: f64,
    /// Whose CPU is counted.
    pub(crate) process: u32,
}

/// Streams, and what they are told.
#[derive(Clone, Debug, Default)]
pub(crate) struct Streams {
    pub(crate) url: String,
    pub(crate) write_url: String,
    pub(crate) streams: usize,
    pub(crate) writes: usize,
    /// Writes at once.
    pub(crate) burst: usize,
    /// Bursts a second.
    pub(crate) rate: f64,
    pub(crate) record_bytes: usize,
    /// Whose CPU and memory is counted.
    pub(crate) process: u32,
    pub(crate) storm: Option<Storm>,
}

/// They all leave, and come back at once.
#[derive(Clone, Debug)]
pub(crate) struct Storm {
    pub(crate) missed: usize,
    /// What somebody else asks of the API meanwhile.
    pub(crate) probe_url: String,
    pub(crate) probe_rate: f64,
}

/// Makes them.
pub(crate) fn requests(bench: &Bench, load: &Requests) -> Result<Value> {
    let mut loadtest = loadtest(bench, "requests", &load.url, load.process);
    option(&mut loadtest, "--connections", CONNECTIONS);
    option(&mut loadtest, "--warmup", 0.5);
    option(&mut loadtest, "--seconds", load.seconds);
    if let Some(rate) = load.rate {
        option(&mut loadtest, "--rate", rate);
    }
    if let Some(bytes) = load.body {
        option(&mut loadtest, "--method", "POST");
        option(&mut loadtest, "--body-bytes", bytes);
    }
    figures(bench, loadtest)
}

/// Opens them, and tells them what is written.
pub(crate) fn streams(bench: &Bench, load: &Streams) -> Result<Value> {
    let mut loadtest = loadtest(bench, "streams", &load.url, load.process);
    option(&mut loadtest, "--streams", load.streams);
    option(&mut loadtest, "--writes", load.writes);
    option(&mut loadtest, "--write-url", &load.write_url);
    if load.writes > 0 {
        option(&mut loadtest, "--rate", load.rate);
        option(&mut loadtest, "--burst", load.burst);
        option(&mut loadtest, "--record-bytes", load.record_bytes);
        option(&mut loadtest, "--idle-seconds", 0.3);
    }
    if let Some(storm) = &load.storm {
        option(&mut loadtest, "--reconnect-all", load.writes / 2);
        option(&mut loadtest, "--missed", storm.missed);
        option(&mut loadtest, "--probe-url", &storm.probe_url);
        option(&mut loadtest, "--probe-rate", storm.probe_rate);
    }
    figures(bench, loadtest)
}

fn loadtest(bench: &Bench, mode: &str, url: &str, process: u32) -> Command {
    let mut loadtest = command(Whose::Load, [bench.options.loadtest().as_os_str()]);
    loadtest.arg(mode);
    option(&mut loadtest, "--url", url);
    option(&mut loadtest, "--pid", process);
    loadtest.arg("--quiet");
    loadtest
}

fn option(command: &mut Command, name: &str, value: impl ToString) {
    command.args([name, &value.to_string()]);
}

/// What it measures. If that is less than all, the figures have a `complaint`.
fn figures(bench: &Bench, mut loadtest: Command) -> Result<Value> {
    let file = bench.folder.join("figures.json");
    // There is none the first time.
    std::fs::remove_file(&file).ok();
    loadtest.arg("--json").arg(&file);
    let mut process = Process::start("loadtest", loadtest, &bench.folder)?;
    let status = process.ends_within(LASTS_MAX)?;
    let Ok(text) = std::fs::read_to_string(&file) else {
        return Err(format!("no figures ({status}): {}", process.last_lines()));
    };
    let figures: std::result::Result<Value, _> = serde_json::from_str(text.trim());
    let mut figures = figures.map_err(|error| format!("the figures: {error}"))?;
    if !status.success() {
        let counts = [
            "lost",
            "duplicate",
            "out_of_order",
            "write_failures",
            "failures",
        ];
        let told = counts
            .iter()
            .filter(|count| figures[**count].as_f64() > Some(0.0));
        let told: Vec<_> = told
            .map(|count| format!("{count} {}", figures[*count]))
            .collect();
        figures["complaint"] = told.join(", ").into();
    }
    Ok(figures)
}

/// Connections that ask at once.
pub(crate) const CONNECTIONS: usize = 32;
/// What takes longer hangs.
const LASTS_MAX: Duration = Duration::from_mins(3);
