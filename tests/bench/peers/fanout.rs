//! A number of streams, and events for them: what several parts measure.

use serde_json::Value;

use crate::cores::Whose;
use crate::http::Result;
use crate::load::{self, Streams};
use crate::numbers::Table;
use crate::process::{Process, own_role};
use crate::series::{Bench, Series};
use crate::served::{Peer, Served, loopback};

/// A load, whoever it is put on.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) streams: usize,
    /// Bursts a second.
    pub(crate) rate: f64,
    /// Writes at once.
    pub(crate) burst: usize,
    pub(crate) seconds: f64,
    pub(crate) record_bytes: usize,
    /// Streams of other collections, and over how many these are spread.
    pub(crate) others: Option<(usize, usize)>,
}

impl Case {
    /// Single writes of a record of 200 bytes for some seconds, heard by everybody.
    pub(crate) fn new(streams: usize, rate: f64, seconds: f64) -> Self {
        Self {
            name: grouped(streams),
            streams,
            rate,
            burst: 1,
            seconds,
            record_bytes: 200,
            others: None,
        }
    }

    pub(crate) fn named(self, name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            ..self
        }
    }

    /// Measures it once.
    pub(crate) fn once(&self, bench: &Bench, peer: Peer) -> Result<Value> {
        let served = peer.start(bench)?;
        let (url, _others) = match self.others {
            None => (served.stream_url(), None),
            Some((streams, topics)) => {
                let own = served.url(&peer.stream_path("todos"));
                (own, hold(bench, peer, &served, streams, topics)?)
            }
        };
        let bursts = (self.rate * self.seconds).round().max(2.0);
        let bursts = if bench.options.quick {
            bursts / 2.0
        } else {
            bursts
        };
        load::streams(
            bench,
            &Streams {
                url,
                write_url: served.write_url(),
                streams: self.streams,
                writes: self.burst * whole(bursts.ceil()),
                burst: self.burst,
                rate: self.rate,
                record_bytes: self.record_bytes,
                process: served.process.id(),
                storm: None,
            },
        )
    }
}

/// Opens streams of other collections, which are closed when this is dropped.
fn hold(
    bench: &Bench,
    peer: Peer,
    served: &Served,
    streams: usize,
    topics: usize,
) -> Result<Option<Process>> {
    if streams == 0 {
        return Ok(None);
    }
    let ready = loopback();
    let mut hold = own_role(Whose::Load, "hold");
    hold.args(["--listen", &ready.to_string()]);
    hold.args(["--address", &served.address.to_string()]);
    hold.args(["--path", &peer.stream_path("TOPIC")]);
    hold.args(["--streams", &streams.to_string()]);
    hold.args(["--topics", &topics.to_string()]);
    let hold = Process::start("hold", hold, &bench.folder)?;
    hold.listens(ready).map(Some)
}

/// Measures all of them in turns, so many times at most.
pub(crate) fn in_turns(
    bench: &mut Bench,
    part: &str,
    cases: &[Case],
    peers: &[Peer],
    most: u32,
) -> Series {
    let names: Vec<_> = cases.iter().map(|case| case.name.clone()).collect();
    bench.in_turns(part, most, &names, peers, |bench, at, peer| {
        cases[at].once(bench, peer)
    })
}

/// Prints these figures of each: what they are called, and by which key they go.
pub(crate) fn print(
    series: &Series,
    case_is: &str,
    cases: &[Case],
    peers: &[Peer],
    figures: &[(&str, &str)],
) {
    let heads = [case_is, "by"].into_iter();
    let heads: Vec<_> = heads.chain(figures.iter().map(|(head, _)| *head)).collect();
    let mut table = Table::new(&heads);
    for case in cases {
        for &peer in peers {
            let told = figures
                .iter()
                .map(|(_, key)| series.least(&case.name, peer, key));
            table.row(
                [case.name.clone(), peer.name().to_owned()]
                    .into_iter()
                    .chain(told),
            );
        }
    }
    table.print();
}

/// Shape: `10 000`.
pub(crate) fn grouped(number: usize) -> String {
    crate::numbers::whole(number as f64)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a few thousand at most"
)]
fn whole(number: f64) -> usize {
    number as usize
}

pub(crate) const CPU: &str = "cpu_us_per_delivery";
pub(crate) const CPU_WRITE: &str = "cpu_us_per_write";
pub(crate) const P50: &str = "latency_p50_ms";
pub(crate) const P99: &str = "latency_p99_ms";
