//! The figures of `streams`.

use serde::Serialize;

use super::{Report, Row, at, bytes, cores, grouped, micros, millis, pair, row};
use crate::heard::{Figures, Sum};
use crate::numbers::{Latency, rounded};
use crate::streams::Measured;

/// The figures of `streams`. Times are in milliseconds, as their names say; null is what was not
/// measured. Keys stay as they are; there may be more.
#[derive(Debug, Serialize)]
pub(crate) struct StreamsReport {
    mode: &'static str,
    streams: u64,
    open_failures: u64,
    opened_per_second: f64,
    open_p50_ms: Option<f64>,
    open_p99_ms: Option<f64>,
    first_p50_ms: Option<f64>,
    first_p99_ms: Option<f64>,
    idle_bytes_per_stream: Option<f64>,
    writes: u64,
    write_failures: u64,
    expected: u64,
    delivered: u64,
    lost: u64,
    duplicate: u64,
    out_of_order: u64,
    foreign: u64,
    gaps: u64,
    uncertain: u64,
    closed: u64,
    reopened: u64,
    latency_p50_ms: Option<f64>,
    latency_p90_ms: Option<f64>,
    latency_p99_ms: Option<f64>,
    latency_p999_ms: Option<f64>,
    latency_max_ms: Option<f64>,
    write_p50_ms: Option<f64>,
    write_p99_ms: Option<f64>,
    write_late_p50_ms: Option<f64>,
    write_late_p99_ms: Option<f64>,
    deliveries_per_second: f64,
    bytes_per_delivery: Option<f64>,
    cpu_us_per_delivery: Option<f64>,
    cpu_us_per_write: Option<f64>,
    cpu_seconds: Option<f64>,
    seconds: f64,
    pub(crate) own_cpu_utilisation: Option<f64>,
    caught_up: Option<u64>,
    caught_up_p50_ms: Option<f64>,
    caught_up_p99_ms: Option<f64>,
    caught_up_max_ms: Option<f64>,
    probe_failures: Option<u64>,
    probe_told_p50_ms: Option<f64>,
    probe_told_p99_ms: Option<f64>,
    probe_calm_p50_ms: Option<f64>,
    probe_calm_p99_ms: Option<f64>,
    probe_storm_p50_ms: Option<f64>,
    probe_storm_p99_ms: Option<f64>,
}

impl StreamsReport {
    pub(crate) fn of(
        measured: &Measured,
        sum: Sum,
        figures: &Figures,
        latency: &Latency,
        disagreeing: u64,
    ) -> Self {
        let Sum {
            expected,
            delivered,
        } = sum;
        let (opening, writes) = (&measured.opening, &measured.writes);
        let each = |of: u64| {
            let cpu = measured.cpu_seconds.filter(|_| of > 0);
            cpu.map(|cpu| rounded(cpu * 1e6 / of as f64))
        };
        let storm = measured.storm.as_ref();
        let caught_up = storm.map(|storm| &storm.caught_up);
        let calm = storm.and_then(|storm| storm.calm.as_ref());
        let during = storm.and_then(|storm| storm.during.as_ref());
        let told = measured.probed.as_ref();
        let probes = [told, calm, during].into_iter().flatten();
        let probe_failures: u64 = probes.map(|outcome| outcome.failed()).sum();
        let ran = measured.seconds > 0.0;
        Self {
            mode: "streams",
            streams: opening.opened,
            open_failures: opening.failed + storm.map_or(0, |storm| storm.failed),
            opened_per_second: rounded(measured.opened_per_second),
            open_p50_ms: at(&opening.times, 0.5),
            open_p99_ms: at(&opening.times, 0.99),
            first_p50_ms: at(&opening.first, 0.5),
            first_p99_ms: at(&opening.first, 0.99),
            idle_bytes_per_stream: measured.idle_bytes.map(rounded),
            writes: writes.tried(),
            write_failures: writes.failed(),
            expected,
            delivered,
            lost: expected.saturating_sub(delivered),
            duplicate: figures.duplicate,
            out_of_order: figures.out_of_order + disagreeing,
            foreign: figures.foreign,
            gaps: figures.gaps,
            uncertain: figures.uncertain,
            closed: figures.closed,
            reopened: figures.reopened,
            latency_p50_ms: at(latency, 0.5),
            latency_p90_ms: at(latency, 0.9),
            latency_p99_ms: at(latency, 0.99),
            latency_p999_ms: at(latency, 0.999),
            latency_max_ms: latency.longest().map(rounded),
            write_p50_ms: at(&writes.times, 0.5),
            write_p99_ms: at(&writes.times, 0.99),
            write_late_p50_ms: at(&writes.late, 0.5),
            write_late_p99_ms: at(&writes.late, 0.99),
            deliveries_per_second: rounded(delivered as f64 / measured.seconds.max(1e-6)),
            bytes_per_delivery: (figures.heard > 0)
                .then(|| rounded(figures.bytes as f64 / figures.heard as f64)),
            cpu_us_per_delivery: each(delivered),
            cpu_us_per_write: each(writes.tried()),
            cpu_seconds: measured.cpu_seconds.map(rounded),
            seconds: rounded(measured.seconds),
            own_cpu_utilisation: ran.then(|| rounded(measured.own_utilisation)),
            caught_up: caught_up.map(Latency::count),
            caught_up_p50_ms: caught_up.and_then(|times| at(times, 0.5)),
            caught_up_p99_ms: caught_up.and_then(|times| at(times, 0.99)),
            caught_up_max_ms: caught_up.and_then(Latency::longest).map(rounded),
            probe_failures: told.map(|_| probe_failures),
            probe_told_p50_ms: told.and_then(|outcome| at(&outcome.times, 0.5)),
            probe_told_p99_ms: told.and_then(|outcome| at(&outcome.times, 0.99)),
            probe_calm_p50_ms: calm.and_then(|outcome| at(&outcome.times, 0.5)),
            probe_calm_p99_ms: calm.and_then(|outcome| at(&outcome.times, 0.99)),
            probe_storm_p50_ms: during.and_then(|outcome| at(&outcome.times, 0.5)),
            probe_storm_p99_ms: during.and_then(|outcome| at(&outcome.times, 0.99)),
        }
    }

    /// Whether everything that was wanted happened, once and in order.
    pub(crate) fn is_well(&self) -> bool {
        let failures = self.open_failures + self.write_failures;
        let faults = self.lost + self.duplicate + self.out_of_order;
        failures + faults + self.probe_failures.unwrap_or_default() == 0
    }
}

impl Report for StreamsReport {
    fn title(&self) -> String {
        format!(
            "Write to event: {} streams, {} writes, {} events",
            grouped(self.streams),
            grouped(self.writes),
            grouped(self.delivered)
        )
    }

    fn rows(&self) -> Vec<Row> {
        let mut rows = self.opening_rows();
        if self.writes > 0 {
            rows.extend(self.delivery_rows());
        }
        if self.probe_failures.is_some() {
            let told = pair(self.probe_told_p50_ms, self.probe_told_p99_ms);
            rows.push(row(
                "probe, while told",
                told,
                "p50, p99: a request meanwhile",
            ));
        }
        if self.caught_up.is_some() {
            rows.extend(self.storm_rows());
        }
        rows
    }
}

impl StreamsReport {
    fn opening_rows(&self) -> Vec<Row> {
        let opened = format!("{:.0}", self.opened_per_second);
        vec![
            row("streams", grouped(self.streams), "opened"),
            row("not opened", grouped(self.open_failures), ""),
            row("opened per second", opened, ""),
            row(
                "open",
                pair(self.open_p50_ms, self.open_p99_ms),
                "p50, p99: connect to the answer's head",
            ),
            row(
                "first word",
                pair(self.first_p50_ms, self.first_p99_ms),
                "p50, p99: connect to the first that is told",
            ),
            row(
                "memory per idle stream",
                bytes(self.idle_bytes_per_stream),
                "of the server; needs --pid",
            ),
        ]
    }

    fn delivery_rows(&self) -> Vec<Row> {
        let others = format!(
            "{} others, {} gaps, {} uncertain",
            self.foreign, self.gaps, self.uncertain
        );
        vec![
            row("writes", grouped(self.writes), ""),
            row("writes failed", grouped(self.write_failures), ""),
            row(
                "write",
                pair(self.write_p50_ms, self.write_p99_ms),
                "p50, p99: sent to the answer's end",
            ),
            row(
                "sent late",
                pair(self.write_late_p50_ms, self.write_late_p99_ms),
                "p50, p99: by this tool or a busy machine, and part of the latency",
            ),
            row(
                "events expected",
                grouped(self.expected),
                "streams times writes that succeeded",
            ),
            row("events delivered", grouped(self.delivered), ""),
            row("lost", grouped(self.lost), "did not come"),
            row("duplicate", grouped(self.duplicate), "came again"),
            row(
                "out of order",
                grouped(self.out_of_order),
                "came after what was written later",
            ),
            row(
                "besides",
                others,
                "events that no write of this run explains",
            ),
            row("ended by the server", grouped(self.closed), "streams"),
            row(
                "latency p50",
                millis(self.latency_p50_ms),
                "from when a write was due to its event",
            ),
            row("latency p90", millis(self.latency_p90_ms), ""),
            row("latency p99", millis(self.latency_p99_ms), ""),
            row("latency p99.9", millis(self.latency_p999_ms), ""),
            row("latency max", millis(self.latency_max_ms), ""),
            row(
                "deliveries per second",
                format!("{:.0}", self.deliveries_per_second),
                "",
            ),
            row(
                "CPU per delivery",
                micros(self.cpu_us_per_delivery),
                "of the server; needs --pid",
            ),
            row(
                "CPU per write",
                micros(self.cpu_us_per_write),
                "all of it, its deliveries too",
            ),
            row(
                "this tool's own CPU",
                cores(self.own_cpu_utilisation),
                "near 1 it is what limits",
            ),
        ]
    }

    fn storm_rows(&self) -> Vec<Row> {
        let calm = pair(self.probe_calm_p50_ms, self.probe_calm_p99_ms);
        let during = pair(self.probe_storm_p50_ms, self.probe_storm_p99_ms);
        let caught_up = pair(self.caught_up_p50_ms, self.caught_up_p99_ms);
        vec![
            row(
                "came back",
                grouped(self.caught_up.unwrap_or_default()),
                "streams that heard all they had missed",
            ),
            row(
                "caught up",
                caught_up,
                "p50, p99: from when the first came back",
            ),
            row("all caught up", millis(self.caught_up_max_ms), ""),
            row("probe, calm", calm, "p50, p99; needs --probe-url"),
            row("probe, meanwhile", during, "p50, p99"),
        ]
    }
}
