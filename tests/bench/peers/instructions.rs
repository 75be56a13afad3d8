//! Instructions of a request, counted by callgrind: what noise on the machine cannot change.
//!
//! What a process does when it starts is left out: it is run twice, and one run has more requests.

use std::ffi::OsString;
use std::path::Path;

use serde_json::{Value, json};

use crate::http::{self, Client, Result};
use crate::numbers::Table;
use crate::runtime;
use crate::series::{Bench, figure};
use crate::served::Peer;

/// Counts and prints it.
pub(crate) fn measure(bench: &mut Bench) {
    let series = bench.in_turns("instructions", 1, &CASES.map(str::to_owned), &PEERS, once);
    println!("## Instructions of a request\n");
    let mut table = Table::new(&["request", "by", "instructions", "times bare's"]);
    for case in CASES {
        for peer in PEERS {
            let times = series.times((case, peer), (case, Peer::Bare), KEY);
            table.row([
                case.to_owned(),
                peer.name().to_owned(),
                crate::numbers::whole(series.median(case, peer, KEY)),
                figure(times),
            ]);
        }
    }
    for case in CASES {
        bench.sum_up(&format!("instructions of a {case}"), &series, case, &[KEY]);
    }
    table.print();
    println!("In the process itself, without the kernel's, by callgrind, on one connection.\n");
}

fn once(bench: &Bench, case: usize, peer: Peer) -> Result<Value> {
    let requests = if bench.options.quick { 200 } else { MANY };
    let few = counted(bench, case, peer, WARM_UP)?;
    let many = counted(bench, case, peer, WARM_UP + requests)?;
    Ok(json!({ KEY: (many - few) / requests as f64 }))
}

/// Instructions of the process from its start to its end, with so many requests.
fn counted(bench: &Bench, case: usize, peer: Peer, requests: usize) -> Result<f64> {
    let file = bench.folder.join("callgrind.out");
    // There is none the first time.
    std::fs::remove_file(&file).ok();
    let mut into = OsString::from("--callgrind-out-file=");
    into.push(&file);
    let valgrind = ["valgrind", "--tool=callgrind"].map(OsString::from);
    let mut served = peer.start_under(bench, &[&valgrind[..], &[into]].concat())?;
    let request = if case == 0 {
        http::get("/bytes/200", "Accept: */*")
    } else {
        http::post("/todos", &format!(r#"{{"title":"{:x<288}"}}"#, ""))
    };
    runtime().block_on(async {
        let mut client = Client::to(served.address).await?;
        for _ in 0..requests {
            let (status, _) = client.ask(&request).await?;
            if !matches!(status, 200 | 201) {
                return Err(format!("the answer was {status}"));
            }
        }
        Ok(())
    })?;
    served.process.interrupt()?;
    total(&file)
}

/// What callgrind has counted.
fn total(file: &Path) -> Result<f64> {
    let text = std::fs::read_to_string(file);
    let text = text.map_err(|error| format!("valgrind counted nothing: {error}"))?;
    let total = text.lines().find_map(|line| {
        let summary = line.strip_prefix("summary:");
        summary.or_else(|| line.strip_prefix("totals:"))
    });
    let total = total.and_then(|total| total.trim().parse().ok());
    total.ok_or_else(|| "valgrind's file has no total".to_owned())
}

const CASES: [&str; 2] = ["GET, 200 B", "POST, 300 B"];
const PEERS: [Peer; 2] = [Peer::Tidings, Peer::Bare];
const KEY: &str = "instructions";
/// So many that what goes on beside them counts for little: Tidings looks at its configuration.
const MANY: usize = 5_000;
/// What is done for the first time takes more.
const WARM_UP: usize = 100;
