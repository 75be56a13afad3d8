//! Many streams: how fast they open, and what it is like when all of them come back at once.

use serde_json::Value;

use crate::fanout::grouped;
use crate::http::Result;
use crate::load::{self, Storm, Streams};
use crate::numbers::Table;
use crate::series::{Bench, Series, figure};
use crate::served::Peer;

/// Measures and prints it.
pub(crate) fn measure(bench: &mut Bench) {
    let cases = [OPENED, STORM, PAST].map(str::to_owned);
    let series = bench.in_turns("many", REPETITIONS_MAX, &cases, &PEERS, once);
    print(&series);
    let many = grouped(STREAMS);
    bench.sum_up(
        "new streams a second",
        &series,
        OPENED,
        &["opened_per_second"],
    );
    let what = format!("{many} back at once, {MISSED} events behind: all have them, ms");
    bench.sum_up(&what, &series, STORM, &["caught_up_max_ms"]);
    bench.sum_up(
        &format!("the API's p99, ms: calm / while {many} are told / while all come back"),
        &series,
        STORM,
        &[CALM, TOLD, DURING],
    );
    let opened = series.median(OPENED, Peer::Tidings, "opened_per_second");
    bench.aim_above(format!("{many} new streams, a second"), 5_000.0, opened);
    bench.sum_up(
        "the API itself meanwhile: p99, ms",
        &series,
        PAST,
        &[DURING],
    );
    let worse = worse(&series, Peer::Tidings);
    bench.aim_below("the API while all come back: p99, times calm", 2.0, worse);
}

fn once(bench: &Bench, case: usize, peer: Peer) -> Result<Value> {
    let served = peer.start(bench)?;
    let opened = Streams {
        url: served.stream_url(),
        write_url: served.write_url(),
        streams: STREAMS,
        process: served.process.id(),
        ..Streams::default()
    };
    if case == 0 {
        return load::streams(bench, &opened);
    }
    let storm = Storm {
        missed: MISSED,
        probe_url: match case {
            1 => served.url("/bytes/200"),
            _ => served.api_url("/bytes/200"),
        },
        probe_rate: PROBE_RATE,
    };
    load::streams(
        bench,
        &Streams {
            writes: 20,
            burst: 1,
            rate: 5.0,
            record_bytes: 200,
            storm: Some(storm),
            ..opened
        },
    )
}

fn print(series: &Series) {
    println!("## Many streams\n");
    let mut table = Table::new(&[
        "by",
        "new streams/s",
        "caught up p50 ms",
        "all of them, ms",
        "API p99 calm, ms",
        "while told, ms",
        "while all come back, ms",
        "times calm",
        "the API itself, ms",
    ]);
    for peer in PEERS {
        let storm = |key| series.least(STORM, peer, key);
        table.row([
            peer.name().to_owned(),
            series.most(OPENED, peer, "opened_per_second"),
            storm("caught_up_p50_ms"),
            storm("caught_up_max_ms"),
            storm(CALM),
            storm(TOLD),
            storm(DURING),
            figure(worse(series, peer)),
            series.least(PAST, peer, DURING),
        ]);
    }
    table.print();
    println!(
        "{} streams, which come back at once after {MISSED} events that each has missed; the API is",
        grouped(STREAMS)
    );
    println!(
        "asked through the same process, and by the process that hears. Both share a core, so that the"
    );
    println!(
        "API itself answers later while all come back: the last column, asked past whoever is measured.\n"
    );
}

fn worse(series: &Series, peer: Peer) -> f64 {
    series.grown((STORM, peer), CALM, DURING)
}

const PEERS: [Peer; 2] = [Peer::Tidings, Peer::Nchan];
const STREAMS: usize = 10_000;
/// A storm takes a while.
const REPETITIONS_MAX: u32 = 5;
const MISSED: usize = 100;
/// Requests a second: while all come back some hundreds are made, of which the p99 says something.
const PROBE_RATE: f64 = 400.0;
const OPENED: &str = "opened";
const STORM: &str = "back at once";
/// The same, where the API itself is asked meanwhile.
const PAST: &str = "back at once, asked past it";
const CALM: &str = "probe_calm_p99_ms";
const TOLD: &str = "probe_told_p99_ms";
const DURING: &str = "probe_storm_p99_ms";
