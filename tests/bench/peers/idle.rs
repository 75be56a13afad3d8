//! What a stream costs on which nothing happens: the memory that the server grows by.

use crate::fanout::grouped;
use crate::load::{self, Streams};
use crate::numbers::Table;
use crate::series::Bench;
use crate::served::Peer;

/// Measures and prints it.
pub(crate) fn measure(bench: &mut Bench) {
    let names = STREAMS.map(grouped);
    let series = bench.in_turns(
        "idle",
        REPETITIONS_MAX,
        &names,
        &PEERS,
        |bench, at, peer| {
            let served = peer.start(bench)?;
            load::streams(
                bench,
                &Streams {
                    url: served.stream_url(),
                    write_url: served.write_url(),
                    streams: STREAMS[at],
                    process: served.process.id(),
                    ..Streams::default()
                },
            )
        },
    );
    println!("## An idle stream\n");
    let mut table = Table::new(&["streams", "by", "memory a stream, bytes"]);
    for case in &names {
        for peer in PEERS {
            let bytes = series.least(case, peer, BYTES);
            table.row([case.clone(), peer.name().to_owned(), bytes]);
        }
    }
    table.print();
    println!("Of the process, without what the kernel needs for a socket.\n");
    let many = names.last().map_or("", String::as_str);
    let bytes = series.median(many, Peer::Tidings, BYTES);
    bench.aim_below(format!("{many} idle streams: bytes each"), 1024.0, bytes);
}

const STREAMS: [usize; 2] = [1_000, 10_000];
const PEERS: [Peer; 2] = [Peer::Tidings, Peer::Nchan];
const BYTES: &str = "idle_bytes_per_stream";
/// Memory differs less than time does.
const REPETITIONS_MAX: u32 = 3;
