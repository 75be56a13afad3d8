//! What it costs to tell one event on one stream, all else that there is to do included: the write
//! is one, and the streams are many.

use crate::fanout::{self, CPU, Case, P50, P99};
use crate::numbers::Table;
use crate::series::{Bench, Series, figure};
use crate::served::Peer;

/// Measures and prints it.
pub(crate) fn measure(bench: &mut Bench) {
    let single = [
        Case::new(1_000, 10.0, 5.0).named("1 000, one by one"),
        Case::new(10_000, 4.0, 6.0).named("10 000, one by one"),
    ];
    let ten = |streams, rate, seconds, name: &str| Case {
        burst: 10,
        ..Case::new(streams, rate, seconds).named(name)
    };
    let bursts = [
        ten(1_000, 2.0, 5.0, "1 000, ten at once"),
        ten(10_000, 0.5, 6.0, "10 000, ten at once"),
    ];
    let cases = [&single[..], &bursts].concat();
    let series = fanout::in_turns(bench, "delivery", &cases, &PEERS, u32::MAX);
    print(&series, &cases);
    let times = |case: &Case, other| {
        let case = &*case.name;
        series.times((case, Peer::Tidings), (case, other), CPU)
    };
    for case in &single {
        let what = format!("{}: CPU a delivery", case.name);
        bench.aim_below(
            format!("{what}, times the floor's"),
            1.25,
            times(case, Peer::Floor),
        );
        bench.aim_below(
            format!("{what}, times nchan's"),
            0.5,
            times(case, Peer::Nchan),
        );
    }
    for case in &bursts {
        let what = format!("{}: CPU a delivery", case.name);
        bench.aim_below(
            format!("{what}, times the floor's"),
            0.3,
            times(case, Peer::Floor),
        );
    }
}

fn print(series: &Series, cases: &[Case]) {
    println!("## An event on a stream\n");
    let mut table = Table::new(&[
        "streams, and writes",
        "by",
        "CPU a delivery, us",
        "times the floor's",
        "times nchan's",
        "p50 ms",
        "p99 ms",
    ]);
    for case in cases {
        let case = &*case.name;
        for peer in PEERS {
            let times = |other| figure(series.times((case, peer), (case, other), CPU));
            table.row([
                case.to_owned(),
                peer.name().to_owned(),
                series.least(case, peer, CPU),
                times(Peer::Floor),
                times(Peer::Nchan),
                series.least(case, peer, P50),
                series.least(case, peer, P99),
            ]);
        }
    }
    table.print();
    println!(
        "Records of 200 bytes. The floor sends each event to each stream by itself. The times are"
    );
    println!("those from when a write was due until it is heard.\n");
}

const PEERS: [Peer; 3] = [Peer::Tidings, Peer::Floor, Peer::Nchan];
