//! The load: a process of its own, whose figures are JSON.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::cores::Whose;
use crate::http::{Client, Result, get, post};
use crate::numbers::quantile;
use crate::process::{last_lines, own_role};
use crate::runtime;
use crate::series::Bench;

/// Requests, each as soon as the one before it was answered.
#[derive(Debug)]
pub(crate) struct Requests {
    pub(crate) url: String,
    /// Bytes of what is written; none: it is read.
    pub(crate) body: Option<usize>,
    pub(crate) seconds: f64,
    /// Whose CPU is counted.
    pub(crate) process: u32,
}

/// Makes them.
pub(crate) fn requests(_bench: &Bench, load: &Requests) -> Result<Value> {
    let mut command = own_role(Whose::Load, "load");
    command.args(["--url", &load.url]);
    command.args(["--connections", &CONNECTIONS.to_string()]);
    command.args(["--seconds", &load.seconds.to_string()]);
    command.args(["--pid", &load.process.to_string()]);
    if let Some(bytes) = load.body {
        command.args(["--body-bytes", &bytes.to_string()]);
    }
    let output = command.output().map_err(|error| error.to_string())?;
    if !output.status.success() {
        return Err(last_lines(&output.stderr));
    }
    serde_json::from_slice(&output.stdout).map_err(|error| error.to_string())
}

/// What the process is asked for.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[arg(long)]
    url: String,
    #[arg(long)]
    connections: usize,
    #[arg(long)]
    seconds: f64,
    #[arg(long)]
    pid: u32,
    #[arg(long)]
    body_bytes: Option<usize>,
}

/// Does it.
pub(crate) fn run(arguments: &Arguments) {
    let figures = runtime().block_on(ask(arguments)).unwrap();
    println!("{figures}");
}

async fn ask(arguments: &Arguments) -> Result<Value> {
    let url = arguments.url.trim_start_matches("http://");
    let (address, path) = url.split_once('/').unwrap();
    let path = format!("/{path}");
    let request = match arguments.body_bytes {
        None => get(&path, "Accept: */*"),
        Some(bytes) => post(&path, &record(bytes)),
    };
    let warm = Duration::from_millis(500);
    let lasts = Duration::from_secs_f64(arguments.seconds);
    let (from, until) = (Instant::now() + warm, Instant::now() + warm + lasts);
    let mut tasks = Vec::new();
    for _ in 0..arguments.connections {
        let mut client = Client::to(address.parse().unwrap()).await?;
        let request = request.clone();
        tasks.push(tokio::spawn(async move {
            let mut took = Vec::new();
            loop {
                let began = Instant::now();
                let (status, _) = client.ask(&request).await?;
                if !matches!(status, 200 | 201) {
                    return Err(format!("the answer was {status}"));
                }
                let ended = Instant::now();
                if ended > until {
                    return Ok::<_, String>(took);
                }
                if began >= from {
                    took.push(ended - began);
                }
            }
        }));
    }
    tokio::time::sleep_until(from.into()).await;
    let (before, own) = (cpu_of(arguments.pid), cpu_of(std::process::id()));
    tokio::time::sleep_until(until.into()).await;
    let (cpu, own) = (
        cpu_of(arguments.pid) - before,
        cpu_of(std::process::id()) - own,
    );
    let mut took = Vec::new();
    for task in tasks {
        took.extend(task.await.unwrap()?);
    }
    let count = took.len() as f64;
    Ok(json!({
        "requests": took.len(),
        "requests_per_second": count / arguments.seconds,
        "cpu_us_per_request": cpu.as_secs_f64() * 1e6 / count,
        "cpu_utilisation": cpu.as_secs_f64() / arguments.seconds,
        "own_cpu_utilisation": own.as_secs_f64() / arguments.seconds,
        "latency_p50_ms": quantile(&mut took, 0.5),
        "latency_p99_ms": quantile(&mut took, 0.99),
    }))
}

/// A record of that size.
fn record(bytes: usize) -> String {
    let width = bytes.saturating_sub(12);
    format!(r#"{{"title":"{:x<width$}"}}"#, "")
}

/// The CPU time that a process has taken so far, by its threads' schedules.
fn cpu_of(process: u32) -> Duration {
    let threads = std::fs::read_dir(format!("/proc/{process}/task")).unwrap();
    let nanos = threads.filter_map(|thread| {
        let schedule = std::fs::read_to_string(thread.ok()?.path().join("schedstat")).ok()?;
        schedule.split(' ').next()?.parse::<u64>().ok()
    });
    Duration::from_nanos(nanos.sum())
}

/// Connections that ask at once.
pub(crate) const CONNECTIONS: usize = 32;
