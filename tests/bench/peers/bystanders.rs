//! What those cost an event who do not hear of it.

use crate::fanout::{self, CPU_WRITE, Case};
use crate::series::Bench;
use crate::served::Peer;

/// Measures and prints it.
pub(crate) fn measure(bench: &mut Bench) {
    let case = |others, name: &str| Case {
        others: Some((others, 1)),
        ..Case::new(10, 200.0, 4.0).named(name)
    };
    let cases = [case(0, "nobody"), case(10_000, "10 000")];
    let series = fanout::in_turns(bench, "bystanders", &cases, &PEERS, u32::MAX);
    println!("## Streams that do not hear of it\n");
    let figures = [("CPU a write, us", CPU_WRITE)];
    fanout::print(&series, "at another collection", &cases, &PEERS, &figures);
    println!("10 streams hear of it.\n");
    let (none, many) = (("nobody", Peer::Tidings), ("10 000", Peer::Tidings));
    let times = series.times(many, none, CPU_WRITE);
    bench.aim_below(
        "10 000 who do not hear of a write: CPU, times without them",
        1.05,
        times,
    );
}

const PEERS: [Peer; 2] = [Peer::Tidings, Peer::Nchan];
