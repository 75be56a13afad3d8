//! What passes through: reads of three sizes, and writes that Tidings observes.
//!
//! Each once at a rate that all of them can take and once as fast as they are answered. The two do not
//! say the same: who is asked as fast as it answers is never woken itself, and one that is slower wakes
//! the load, which waits for it, more often.

use crate::fanout::grouped;
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

/// How fast they are asked for.
#[derive(Clone, Copy, Debug)]
enum Load {
    /// As fast as the connections are answered.
    Closed,
    /// So many a second.
    Rate(u32),
}

/// Measures and prints it.
pub(crate) fn measure(bench: &mut Bench) {
    println!("## What passes through\n");
    for load in [Load::Rate(RATE), Load::Closed] {
        let names = CASES.map(|case| load.of(case));
        let series = bench.in_turns("requests", u32::MAX, &names, &PEERS, |bench, at, peer| {
            once(bench, CASES[at], load, peer)
        });
        print(&series, load);
        for case in CASES {
            let name = load.of(case);
            bench.sum_up(&format!("CPU of a {name}, us"), &series, &name, &[CPU]);
            let times = series.times((&name, Peer::Tidings), (&name, Peer::Bare), CPU);
            let what = format!("{name}: CPU, times bare pingora's");
            bench.aim_below(what, case.goal, times);
        }
    }
}

fn once(bench: &Bench, case: Case, load: Load, peer: Peer) -> Result<serde_json::Value> {
    let served = peer.start(bench)?;
    load::requests(
        bench,
        &Requests {
            url: served.url(case.path),
            body: case.body,
            rate: match load {
                Load::Closed => None,
                Load::Rate(rate) => Some(rate),
            },
            seconds: if bench.options.quick { 0.7 } else { 2.0 },
            process: served.process.id(),
        },
    )
}

fn print(series: &Series, load: Load) {
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
        let name = &*load.of(case);
        for peer in PEERS {
            table.row([
                name.to_owned(),
                peer.name().to_owned(),
                series.least(name, peer, CPU),
                figure(series.times((name, peer), (name, Peer::Bare), CPU)),
                series.most(name, peer, "requests_per_second"),
                series.least(name, peer, "latency_p50_ms"),
                series.least(name, peer, "latency_p99_ms"),
            ]);
        }
    }
    table.print();
    println!(
        "{} connections. A POST is told as an event by Tidings.\n",
        load::CONNECTIONS
    );
}

impl Load {
    /// What that is called at this load.
    fn of(self, case: Case) -> String {
        let name = case.name;
        match self {
            Self::Closed => format!("{name}, as fast as answered"),
            Self::Rate(rate) => format!("{name}, {} a second", grouped(rate as usize)),
        }
    }
}

/// Requests a second that are a third of what the slowest of them can do.
const RATE: u32 = 2_000;
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
