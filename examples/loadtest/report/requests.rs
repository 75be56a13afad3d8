//! The figures of `requests`.

use serde::Serialize;

use super::{Report, Row, at, bytes, cores, grouped, micros, millis, row};
use crate::numbers::rounded;
use crate::requests::Measured;

/// The figures of `requests`, as those of `streams` are written.
#[derive(Debug, Serialize)]
pub(crate) struct RequestsReport {
    mode: &'static str,
    requests: u64,
    failures: u64,
    requests_per_second: f64,
    latency_p50_ms: Option<f64>,
    latency_p90_ms: Option<f64>,
    latency_p99_ms: Option<f64>,
    latency_p999_ms: Option<f64>,
    latency_max_ms: Option<f64>,
    bytes_per_request: Option<f64>,
    cpu_us_per_request: Option<f64>,
    cpu_seconds: Option<f64>,
    seconds: f64,
    own_cpu_utilisation: f64,
}

impl RequestsReport {
    pub(crate) fn of(measured: &Measured) -> Self {
        let (outcome, times) = (&measured.outcome, measured.times());
        let tried = outcome.tried();
        let some = |value: f64| (tried > 0).then(|| rounded(value / tried as f64));
        Self {
            mode: "requests",
            requests: tried,
            failures: outcome.failed(),
            requests_per_second: rounded(outcome.succeeded as f64 / measured.seconds),
            latency_p50_ms: at(times, 0.5),
            latency_p90_ms: at(times, 0.9),
            latency_p99_ms: at(times, 0.99),
            latency_p999_ms: at(times, 0.999),
            latency_max_ms: times.longest().map(rounded),
            bytes_per_request: some(measured.bytes as f64),
            cpu_us_per_request: measured.cpu_seconds.and_then(|cpu| some(cpu * 1e6)),
            cpu_seconds: measured.cpu_seconds.map(rounded),
            seconds: rounded(measured.seconds),
            own_cpu_utilisation: rounded(measured.own_utilisation),
        }
    }
}

impl Report for RequestsReport {
    fn title(&self) -> String {
        format!("Request to answer: {} requests", grouped(self.requests))
    }

    fn rows(&self) -> Vec<Row> {
        let own = cores(Some(self.own_cpu_utilisation));
        vec![
            row("requests", grouped(self.requests), ""),
            row(
                "failed",
                grouped(self.failures),
                "no answer, or none with 2xx",
            ),
            row(
                "requests per second",
                format!("{:.0}", self.requests_per_second),
                "",
            ),
            row(
                "latency p50",
                millis(self.latency_p50_ms),
                "of the whole answer; from when it was due with --rate",
            ),
            row("latency p90", millis(self.latency_p90_ms), ""),
            row("latency p99", millis(self.latency_p99_ms), ""),
            row("latency p99.9", millis(self.latency_p999_ms), ""),
            row("latency max", millis(self.latency_max_ms), ""),
            row(
                "bytes per request",
                bytes(self.bytes_per_request),
                "of the answer, its head too",
            ),
            row(
                "CPU per request",
                micros(self.cpu_us_per_request),
                "of the server; needs --pid",
            ),
            row("this tool's own CPU", own, "near 1 it is what limits"),
        ]
    }
}
