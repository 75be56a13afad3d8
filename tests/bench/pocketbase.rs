//! PocketBase's own realtime, and Tidings' before the same PocketBase.
//!
//! Each user is somebody else, and by the rule `owner = @request.auth.id` a record is heard by one
//! of them. Both are measured in turns, each time with a PocketBase that was just started: its
//! program, users and rules are the same for both, and its own realtime has no client where
//! Tidings tells.
//!
//! | figure | what it is |
//! | --- | --- |
//! | CPU a write | of the process that tells, while 20 records a second are written |
//! | the API's | PocketBase's, where Tidings tells: the write itself |
//! | event | from the moment a write is sent until its owner has heard of it |
//! | write | until it is answered |
//! | a stream | what the process that tells grows by when they subscribe |
//! | out of order | heard behind a record whose write was sent when this one's was answered already |

mod listener;
mod load;
mod program;
mod served;
mod stalled;

use std::collections::HashMap;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::http::Result;
use crate::numbers::{Table, least, median, millis, most, quantile, whole, with_best};
use crate::{Options, owners, progress, runtime};
use listener::{Heard, Listener, Subscribed};
use load::{Load, Written};
use served::{Served, Teller};

/// What was measured once.
#[derive(Debug)]
struct Figures {
    /// Milliseconds.
    cpu: f64,
    /// Milliseconds.
    behind: Option<f64>,
    /// Milliseconds, p50 and p99.
    event: [f64; 2],
    /// Milliseconds, p50 and p99.
    write: [f64; 2],
    /// Writes a second.
    rate: f64,
    /// None of a few: what else grows is more.
    stream_kib: Option<f64>,
    order: Order,
}

/// What came of writes as fast as they can be.
#[derive(Clone, Copy, Debug, Default)]
struct Order {
    /// Writes a second.
    rate: f64,
    heard: usize,
    disordered: usize,
    missing: usize,
}

/// Measures and prints it.
pub(crate) fn measure(options: &Options) {
    let repetitions = options.repetitions.min(REPETITIONS_MAX);
    let cores = std::thread::available_parallelism().unwrap();
    println!("## Beside a real PocketBase\n");
    println!("{cores} cores for all; repetitions: {repetitions}.");
    println!("In each field: the median of the repetitions (the best of them).\n");
    owners::raise_open_files();
    let program = match program::installed() {
        Ok(program) => program,
        Err(error) => return println!("PocketBase cannot be installed: {error}\n"),
    };
    let rows = options
        .streams
        .iter()
        .flat_map(|&streams| Teller::ALL.map(|teller| (teller, streams)));
    let mut rows: Vec<_> = rows.map(|row| (row, Vec::new())).collect();
    let mut failures = Vec::new();
    for repetition in 1..=repetitions {
        for ((teller, streams), taken) in &mut rows {
            progress(&format!(
                "pocketbase: {streams} by {teller:?}, {repetition}"
            ));
            match once(*teller, &program, *streams) {
                Ok(figures) => taken.push(figures),
                Err(error) => failures.push(format!("{teller:?}, {streams} streams: {error}")),
            }
        }
    }
    print(&rows);
    stalled::measure(&program, repetitions, &mut failures);
    for failure in failures {
        println!("Not measured to the end: {failure}\n");
    }
}

/// One measurement, by processes of its own.
fn once(teller: Teller, program: &Path, streams: usize) -> Result<Figures> {
    let served = Served::start(teller, program, streams)?;
    runtime().block_on(async {
        warm(&served).await?;
        let before = served.resident_kib();
        let read = OWNERS.min(streams);
        let mut subscribed = Subscribed::open(served.address(), streams, read).await?;
        let grown = served.resident_kib() - before;

        let steady = Load {
            writers: WRITERS,
            owners: 1,
            every: Some(EVERY),
            lasts: LASTS,
        };
        let cpu = (served.cpu(), served.pocketbase.cpu());
        let begin = Instant::now();
        let (mut written, heard) = told(&served, steady, &mut subscribed).await?;
        let count = written.len() as f64;
        let ended = written.iter().map(|write| write.sent + write.took).max();
        let rate = count / (ended.unwrap_or(begin) - begin).as_secs_f64();
        let a_write = |cpu: Duration| cpu.as_secs_f64() * 1e3 / count;
        let behind = a_write(served.pocketbase.cpu() - cpu.1);
        let mut events = delays(&written, &heard[0]);
        let mut writes: Vec<_> = written.drain(..).map(|write| write.took).collect();
        let cpu = a_write(served.cpu() - cpu.0);

        let fast = Load {
            owners: read,
            every: None,
            lasts: LASTS / 2,
            ..steady
        };
        let order = Order::of(&told(&served, fast, &mut subscribed).await?, fast);
        Ok(Figures {
            cpu,
            behind: (teller == Teller::Tidings).then_some(behind),
            event: QUANTILES.map(|part| quantile(&mut events, part)),
            write: QUANTILES.map(|part| quantile(&mut writes, part)),
            rate,
            stream_kib: (streams >= MANY).then(|| grown / streams as f64),
            order,
        })
    })
}

/// What is done for the first time costs more.
async fn warm(served: &Served) -> Result<()> {
    let load = Load {
        writers: WRITERS,
        owners: 1,
        every: None,
        lasts: Duration::from_millis(500),
    };
    load.write(served.address()).await.map(drop)
}

/// What was written, and what each stream that is read heard of it.
async fn told(
    served: &Served,
    load: Load,
    subscribed: &mut Subscribed,
) -> Result<(Vec<Written>, Vec<Vec<Heard>>)> {
    let streams = std::mem::take(&mut subscribed.read);
    let listeners: Vec<_> = streams.into_iter().map(Listener::start).collect();
    let written = load.write(served.address()).await?;
    let mut heard = Vec::new();
    for (owner, listener) in listeners.into_iter().enumerate() {
        let own = written.iter().filter(|write| write.owner == owner);
        let (stream, records) = listener.end(own.count()).await?;
        subscribed.read.push(stream);
        heard.push(records);
    }
    Ok((written, heard))
}

/// From each write to its record.
fn delays(written: &[Written], heard: &[Heard]) -> Vec<Duration> {
    let at = |write: &Written| {
        let own = |heard: &&Heard| (heard.writer, heard.number) == (write.writer, write.number);
        heard.iter().find(own).map(|heard| heard.at)
    };
    let delay = |write: &Written| at(write).map(|at| at - write.sent);
    written.iter().filter_map(delay).collect()
}

impl Order {
    fn of((written, heard): &(Vec<Written>, Vec<Vec<Heard>>), load: Load) -> Self {
        let mut order = Self {
            rate: written.len() as f64 / load.lasts.as_secs_f64(),
            ..Self::default()
        };
        for (owner, heard) in heard.iter().enumerate() {
            let own = written.iter().filter(|write| write.owner == owner);
            let mut untold: HashMap<_, _> = own.map(|w| ((w.writer, w.number), w)).collect();
            let mut latest = None;
            order.heard += heard.len();
            for record in heard {
                let Some(write) = untold.remove(&(record.writer, record.number)) else {
                    continue;
                };
                order.disordered += usize::from(latest > Some(write.sent + write.took));
                latest = latest.max(Some(write.sent));
            }
            order.missing += untold.len();
        }
        order
    }
}

// --- what is printed ---

fn print(rows: &[((Teller, usize), Vec<Figures>)]) {
    println!(
        "Of so many streams one hears, {} records a second:\n",
        EVERY.as_secs_f64().recip()
    );
    let mut steady = Table::new(&[
        "told by",
        "streams",
        "CPU a write, ms",
        "the API's, ms",
        "event p50 ms",
        "event p99 ms",
        "write p50 ms",
        "write p99 ms",
        "writes/s",
        "a stream, KiB",
    ]);
    let mut fast = Table::new(&[
        "told by",
        "streams",
        "writes/s",
        "heard",
        "out of order",
        "missing",
    ]);
    for ((teller, streams), taken) in rows {
        let of = |figure: &dyn Fn(&Figures) -> Option<f64>| {
            Vec::from_iter(taken.iter().filter_map(figure))
        };
        let least_of = |figure: &dyn Fn(&Figures) -> Option<f64>| usual(&of(figure), least);
        steady.row([
            teller.name().to_owned(),
            streams.to_string(),
            least_of(&|f| Some(f.cpu)),
            least_of(&|f| f.behind),
            least_of(&|f| Some(f.event[0])),
            least_of(&|f| Some(f.event[1])),
            least_of(&|f| Some(f.write[0])),
            least_of(&|f| Some(f.write[1])),
            usual(&of(&|f| Some(f.rate)), most),
            least_of(&|f| f.stream_kib),
        ]);
        let sum = |count: fn(&Order) -> usize| {
            let counts = taken.iter().map(|figures| count(&figures.order));
            whole(counts.sum::<usize>() as f64)
        };
        fast.row([
            teller.name().to_owned(),
            streams.to_string(),
            usual(&of(&|f| Some(f.order.rate)), most),
            sum(|order| order.heard),
            sum(|order| order.disordered),
            sum(|order| order.missing),
        ]);
    }
    steady.print();
    println!(
        "{WRITERS} write as fast as they can, to {OWNERS} who hear, all repetitions together:\n"
    );
    fast.print();
}

/// The median, and the best: in three digits or so.
fn usual(values: &[f64], best: fn(&[f64]) -> f64) -> String {
    let shown = |value: f64| match value {
        value if value.abs() < 1.0 => millis(value),
        value if value.abs() < 100.0 => format!("{value:.1}"),
        value if value.is_nan() => "-".to_owned(),
        value => whole(value),
    };
    match values {
        [] => String::new(),
        [..] => with_best(&shown(median(values)), &shown(best(values))),
    }
}

const QUANTILES: [f64; 2] = [0.5, 0.99];
/// Each takes a minute and more.
const REPETITIONS_MAX: u32 = 3;
const WRITERS: usize = 4;
/// Streams from which on the memory of one can be told.
const MANY: usize = 100;
/// Users who hear while it is written as fast as it can be.
const OWNERS: usize = 8;
/// Between two writes.
const EVERY: Duration = Duration::from_millis(50);
/// How long it is written.
const LASTS: Duration = Duration::from_secs(10);
