//! What passes through: reads of three sizes, and writes that Tidings observes.

use crate::http::Result;
use crate::load::{self, Requests};
use crate::numbers::Table;
use crate::series::{Bench, Series, figure};
use crate::served::Peer;

/// A request.
#[derive(Clone, Copy, Debug)]
struct Case {
    name: &'static str,
    path: &'static str,
    /// Bytes of what is written; none: it is read.
    body: Option<usize>,
    /// How many times bare pingora's CPU it may cost.
    goal: f64,
}

/// Measures and prints it.
pub(crate) fn measure(bench: &mut Bench) {
    let names = CASES.map(|case| case.name.to_owned());
    let series = bench.in_turns("requests", u32::MAX, &names, &PEERS, |bench, at, peer| {
        once(bench, CASES[at], peer)
    });
    print(&series);
    for case in CASES {
        let times = series.times((case.name, Peer::Tidings), (case.name, Peer::Bare), CPU);
        let what = format!("{}: CPU, times bare pingora's", case.name);
        bench.aim_below(what, case.goal, times);
    }
}

fn once(bench: &Bench, case: Case, peer: Peer) -> Result<serde_json::Value> {
    let served = peer.start(bench)?;
    load::requests(
        bench,
        &Requests {
            url: served.url(case.path),
            body: case.body,
            seconds: if bench.options.quick { 0.7 } else { 2.0 },
            process: served.process.id(),
        },
    )
}

fn print(series: &Series) {
    println!("## What passes through\n");
    let mut table = Table::new(&[
        "request",
        "by",
        "CPU, us",
        "times bare's",
        "requests/s",
        "p50 ms",
        "p99 ms",
    ]);
    for case in CASES {
        for peer in PEERS {
            table.row([
                case.name.to_owned(),
                peer.name().to_owned(),
                series.least(case.name, peer, CPU),
                figure(series.times((case.name, peer), (case.name, Peer::Bare), CPU)),
                series.most(case.name, peer, "requests_per_second"),
                series.least(case.name, peer, "latency_p50_ms"),
                series.least(case.name, peer, "latency_p99_ms"),
            ]);
        }
    }
    table.print();
    println!(
        "{} connections ask again as soon as they are answered. A POST is told as an event by Tidings.\n",
        load::CONNECTIONS
    );
}

const PEERS: [Peer; 3] = [Peer::Tidings, Peer::Bare, Peer::Nginx];
const CPU: &str = "cpu_us_per_request";
const CASES: [Case; 4] = [
    Case {
        name: "GET, 200 B",
        path: "/bytes/200",
        body: None,
        goal: 1.10,
    },
    Case {
        name: "GET, 10 KB",
        path: "/bytes/10000",
        body: None,
        goal: 1.10,
    },
    Case {
        name: "GET, 100 KB",
        path: "/bytes/100000",
        body: None,
        goal: 1.10,
    },
    Case {
        name: "POST, 300 B",
        path: "/todos",
        body: Some(300),
        goal: 1.15,
    },
];
