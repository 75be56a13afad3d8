//! What the command line says.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::marker::BODY;
use crate::target::Field;

/// Loads Tidings, or any other server of Server-Sent Events, and says what it did with it.
#[derive(Parser)]
#[command(name = "loadtest", max_term_width = 100)]
pub(crate) struct Command {
    #[command(subcommand)]
    pub(crate) mode: Mode,
}

/// What is loaded.
#[derive(Subcommand)]
pub(crate) enum Mode {
    /// Opens streams, writes, and counts every event that comes or does not
    Streams(Box<Streams>),
    /// Sends requests on connections that are kept, and times the answers
    Requests(Box<Requests>),
}

/// Options of `streams`.
#[derive(Args)]
pub(crate) struct Streams {
    /// Where the streams are: http://HOST:PORT/PATH or https://HOST/PATH, with a query if need be
    #[arg(long)]
    pub(crate) url: String,
    /// How many are opened
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(crate) streams: u32,
    /// A field of each stream's request, as 'x-apikey: KEY'; may be said again
    #[arg(long, value_name = "FIELD")]
    pub(crate) header: Vec<Field>,
    /// Streams opened a second; as fast as possible if not said
    #[arg(long, value_name = "N", value_parser = rate)]
    pub(crate) open_rate: Option<f64>,
    /// The event after which each stream begins
    #[arg(long, value_name = "ID")]
    pub(crate) last_event_id: Option<String>,
    /// At PocketBase's /api/realtime, what each stream is subscribed to: todos/*; may be said again
    #[arg(long, value_name = "TOPIC")]
    pub(crate) subscribe: Vec<String>,
    /// Open a stream that the server ends again, after what it heard last
    #[arg(long)]
    pub(crate) reconnect: bool,
    /// How long the streams are left alone before memory is measured and writing begins
    #[arg(long, value_name = "S", default_value_t = 1.0, value_parser = seconds)]
    pub(crate) idle_seconds: f64,

    /// Where records are written, whose events the streams hear
    #[arg(long, value_name = "URL")]
    pub(crate) write_url: Option<String>,
    /// A field of each write's request; may be said again
    #[arg(long, value_name = "FIELD")]
    pub(crate) write_header: Vec<Field>,
    /// How records are written
    #[arg(long, default_value = "POST", value_parser = method)]
    pub(crate) method: String,
    /// How many writes are made; with 0 the streams are only opened and left alone
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(0..=10_000_000))]
    pub(crate) writes: u32,
    /// Bursts of writes a second
    #[arg(long, value_name = "N", default_value_t = 10.0, value_parser = rate)]
    pub(crate) rate: f64,
    /// Writes that are sent at once
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(crate) burst: u32,
    /// Connections for writes: as many as a burst has, and no fewer than 8, if not said
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub(crate) write_connections: Option<u16>,
    /// The body of a write: {marker} is what it is known again by, {padding} fills it up
    #[arg(long, value_name = "TEXT", default_value = BODY)]
    pub(crate) body: String,
    /// Bytes of a body
    #[arg(long, value_name = "N", default_value_t = 200, value_parser = clap::value_parser!(u32).range(0..=16_777_216))]
    pub(crate) record_bytes: u32,
    /// How long nothing may come before what is missing counts as lost
    #[arg(long, value_name = "S", default_value_t = 5.0, value_parser = seconds)]
    pub(crate) patience: f64,

    /// After so many writes, close all streams, write while they are away, and open all at once
    #[arg(long, value_name = "WRITES")]
    pub(crate) reconnect_all: Option<u32>,
    /// Writes that are made while the streams are away, besides the others
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(crate) missed: u32,
    /// What is asked for, with GET, while events are told, and before and while all streams come back
    #[arg(long, value_name = "URL")]
    pub(crate) probe_url: Option<String>,
    /// A field of each probe's request; may be said again
    #[arg(long, value_name = "FIELD")]
    pub(crate) probe_header: Vec<Field>,
    /// Probes a second
    #[arg(long, value_name = "N", default_value_t = 200.0, value_parser = rate)]
    pub(crate) probe_rate: f64,

    #[command(flatten)]
    pub(crate) common: Common,
}

/// Options of `requests`.
#[derive(Args)]
pub(crate) struct Requests {
    /// What is asked for: http://HOST:PORT/PATH or https://HOST/PATH
    #[arg(long)]
    pub(crate) url: String,
    /// A field of each request; may be said again
    #[arg(long, value_name = "FIELD")]
    pub(crate) header: Vec<Field>,
    /// The method
    #[arg(long, default_value = "GET", value_parser = method)]
    pub(crate) method: String,
    /// Bytes of each request's body, a record in JSON; 0 for none. 300 where the method has one
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(0..=16_777_216))]
    pub(crate) body_bytes: Option<u32>,
    /// Connections that are kept
    #[arg(long, default_value_t = 32, value_parser = clap::value_parser!(u16).range(1..=10_000))]
    pub(crate) connections: u16,
    /// How long it is measured
    #[arg(long, value_name = "S", default_value_t = 5.0, value_parser = seconds)]
    pub(crate) seconds: f64,
    /// Measure so many requests instead
    #[arg(long, value_name = "N", conflicts_with = "seconds", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) requests: Option<u32>,
    /// Requests a second, each timed from when it was due; as fast as answers come if not said
    #[arg(long, value_name = "N", value_parser = rate)]
    pub(crate) rate: Option<f64>,
    /// Seconds that go before and are not measured
    #[arg(long, value_name = "S", default_value_t = 1.0, value_parser = seconds)]
    pub(crate) warmup: f64,
    #[command(flatten)]
    pub(crate) common: Common,
}

/// Options of both.
#[derive(Args)]
pub(crate) struct Common {
    /// The server's processes on this machine, whose CPU time and memory are measured
    #[arg(long, value_name = "PID", value_delimiter = ',')]
    pub(crate) pid: Vec<u32>,
    /// Append the figures to this file, as JSON on a line; `-` prints them
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,
    /// Draw the latency into this file
    #[arg(long, value_name = "FILE")]
    pub(crate) svg: Option<PathBuf>,
    /// Say nothing while it runs
    #[arg(long)]
    pub(crate) quiet: bool,
}

fn rate(text: &str) -> Result<f64, String> {
    let expected = || "expected a number above 0, up to 1000000".to_owned();
    let rate: f64 = text.parse().map_err(|_invalid| expected())?;
    let sound = rate > 0.0 && rate <= 1e6;
    sound.then_some(rate).ok_or_else(expected)
}

fn seconds(text: &str) -> Result<f64, String> {
    let expected = || "expected seconds, from 0 to 86400".to_owned();
    let seconds: f64 = text.parse().map_err(|_invalid| expected())?;
    let sound = (0.0..=86_400.0).contains(&seconds);
    sound.then_some(seconds).ok_or_else(expected)
}

fn method(text: &str) -> Result<String, String> {
    let method = http::Method::from_bytes(text.as_bytes());
    let method = method.map_err(|_invalid| "expected a method, as POST".to_owned())?;
    Ok(method.as_str().to_owned())
}
