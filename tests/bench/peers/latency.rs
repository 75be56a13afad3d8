//! From a write to its event: by Tidings as it passes through, by nchan as the API tells it.

use crate::fanout::{self, Case, P50, P99};
use crate::series::Bench;
use crate::served::Peer;

/// Measures and prints it.
pub(crate) fn measure(bench: &mut Bench) {
    let cases = [1, 100, 1_000].map(|streams| Case::new(streams, 20.0, 5.0));
    let series = fanout::in_turns(bench, "latency", &cases, &PEERS, u32::MAX);
    println!("## From write to event\n");
    let figures = [
        ("p50 ms", P50),
        ("p99 ms", P99),
        ("the write itself, p50 ms", "write_p50_ms"),
        ("p99 ms", "write_p99_ms"),
    ];
    fanout::print(&series, "streams", &cases, &PEERS, &figures);
    println!(
        "20 writes a second. nchan hears of a write from the API, which tells it before it answers;"
    );
    println!("past it: the write goes to the API itself, and not through nginx.\n");
    for case in &cases {
        let what = format!("write to event, p50 / p99 ms; streams: {}", case.name);
        bench.sum_up(&what, &series, &case.name, &[P50, P99]);
    }
    for case in &cases[1..] {
        for (name, key) in [("p50", P50), ("p99", P99)] {
            let (this, other) = ((&*case.name, Peer::Tidings), (&*case.name, Peer::Nchan));
            let what = format!(
                "{} streams: write to event, {name}, times nchan's",
                case.name
            );
            bench.aim_below(what, 1.0, series.times(this, other, key));
        }
    }
}

const PEERS: [Peer; 3] = [Peer::Tidings, Peer::Nchan, Peer::NchanPast];
