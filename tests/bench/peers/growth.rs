//! How what an event costs grows: with streams, with collections, with how often and how much is
//! written.

use crate::fanout::{self, CPU, CPU_WRITE, Case, P50, P99, grouped};
use crate::series::Bench;
use crate::served::Peer;

/// Measures and prints it.
pub(crate) fn measure(bench: &mut Bench) {
    streams(bench);
    collections(bench);
    rates(bench);
    sizes(bench);
}

fn streams(bench: &mut Bench) {
    let all = [(100, 20.0), (1_000, 10.0), (5_000, 5.0), (10_000, 4.0)];
    let cases = all.map(|(streams, rate)| Case::new(streams, rate, SECONDS));
    let series = fanout::in_turns(bench, "streams", &cases, &ALL, REPETITIONS_MAX);
    println!("## With the streams\n");
    fanout::print(&series, "streams", &cases, &ALL, &COST);
}

/// All streams are there all the time: over the more collections they are spread, the fewer hear of
/// one.
fn collections(bench: &mut Bench) {
    let cases = [1, 10, 100, 1_000, 10_000].map(|collections| {
        let hear = STREAMS / collections;
        // Nothing but writes costs much where few hear: there may be more of them.
        let rate = if hear > 1_000 { 4.0 } else { 20.0 };
        Case {
            others: Some((STREAMS - hear, (collections - 1).max(1))),
            ..Case::new(hear, rate, SECONDS).named(grouped(collections))
        }
    });
    let series = fanout::in_turns(bench, "collections", &cases, &HUBS, REPETITIONS_MAX);
    println!("## With the collections\n");
    let figures = [
        ("CPU a write, us", CPU_WRITE),
        ("CPU a delivery, us", CPU),
        ("p50 ms", P50),
        ("p99 ms", P99),
    ];
    fanout::print(&series, "collections", &cases, &HUBS, &figures);
    println!(
        "{} streams are spread over them, and one of them is written to.\n",
        grouped(STREAMS)
    );
}

fn rates(bench: &mut Bench) {
    let all = [("1", 1.0), ("10", 10.0), ("50", 50.0)];
    let cases = all.map(|(name, rate)| Case::new(1_000, rate, SECONDS).named(name));
    let series = fanout::in_turns(bench, "rate", &cases, &ALL, REPETITIONS_MAX);
    println!("## With the writes\n");
    fanout::print(&series, "writes/s, 1 000 streams", &cases, &ALL, &COST);
}

fn sizes(bench: &mut Bench) {
    let all = [
        ("200 B", 200),
        ("2 KB", 2_000),
        ("16 KB", 16_000),
        ("64 KB", 64_000),
    ];
    let cases = all.map(|(name, record_bytes)| Case {
        record_bytes,
        ..Case::new(1_000, 2.0, SECONDS).named(name)
    });
    let series = fanout::in_turns(bench, "size", &cases, &ALL, REPETITIONS_MAX);
    println!("## With the record\n");
    fanout::print(&series, "record, 1 000 streams", &cases, &ALL, &COST);
}

const ALL: [Peer; 3] = [Peer::Tidings, Peer::Floor, Peer::Nchan];
const HUBS: [Peer; 2] = [Peer::Tidings, Peer::Nchan];
const COST: [(&str, &str); 3] = [
    ("CPU a delivery, us", CPU),
    ("p50 ms", P50),
    ("p99 ms", P99),
];
const STREAMS: usize = 10_000;
const SECONDS: f64 = 3.0;
/// How it grows shows in a few.
const REPETITIONS_MAX: u32 = 3;
