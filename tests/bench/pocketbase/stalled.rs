//! A client that stops reading while many large records of its own are written.
//!
//! The same with a client that reads shows what else grows. Meanwhile somebody else hears of
//! small records, and when all is written the client reads again: how much there is for it, and
//! whether its stream is still open.

use std::path::Path;
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::{sleep_until, timeout};

use super::listener::{Listener, Subscribed, record};
use super::load::{Load, write};
use super::served::{Served, Teller};
use super::{EVERY, LASTS, QUANTILES, delays, usual, warm};
use crate::http::{Client, Result};
use crate::numbers::{Table, least, quantile};
use crate::stream::Stream;
use crate::{progress, runtime};

/// What the client does meanwhile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Habit {
    Reads,
    Stops,
}

/// The client.
#[derive(Debug)]
enum Reader {
    Reading(JoinHandle<Rest>),
    Stopped(Stream),
}

/// What a client has heard when no more comes.
#[derive(Clone, Copy, Debug)]
struct Rest {
    records: usize,
    /// Of these, behind a later one.
    disordered: usize,
    /// Whether its stream was ended.
    closed: bool,
}

/// What was measured once.
#[derive(Debug)]
struct Figures {
    grown_mib: f64,
    /// Of the other client: milliseconds, p50 and p99.
    event: [f64; 2],
    rest: Rest,
}

/// Measures and prints it.
pub(super) fn measure(program: &Path, repetitions: u32, failures: &mut Vec<String>) {
    let cases = Teller::ALL.into_iter();
    let cases = cases.flat_map(|teller| [(teller, Habit::Reads), (teller, Habit::Stops)]);
    let mut rows: Vec<_> = cases.map(|case| (case, Vec::new())).collect();
    for repetition in 1..=repetitions {
        for ((teller, habit), taken) in &mut rows {
            progress(&format!("pocketbase: {habit:?}, {teller:?}, {repetition}"));
            match once(*teller, *habit, program) {
                Ok(figures) => taken.push(figures),
                Err(error) => failures.push(format!("{teller:?}, {habit:?}: {error}")),
            }
        }
    }
    print(&rows);
}

fn once(teller: Teller, habit: Habit, program: &Path) -> Result<Figures> {
    let served = Served::start(teller, program, USERS)?;
    runtime().block_on(async {
        warm(&served).await?;
        let mut subscribed = Subscribed::open(served.address(), USERS, 2).await?;
        let (Some(large), Some(small)) = (subscribed.read.pop(), subscribed.read.pop()) else {
            return Err("there are no streams".to_owned());
        };
        let other = Listener::start(small);
        let client = match habit {
            Habit::Reads => Reader::Reading(tokio::spawn(rest(large))),
            Habit::Stops => Reader::Stopped(large),
        };
        let load = Load {
            writers: 1,
            owners: 1,
            every: Some(EVERY),
            lasts: LASTS,
        };
        let (written, grown) = tokio::join!(load.write(served.address()), large_ones(&served));
        let written = written?;
        let (_, heard) = other.end(written.len()).await?;
        let mut events = delays(&written, &heard);
        let rest = match client {
            Reader::Reading(task) => task.await.unwrap(),
            Reader::Stopped(stream) => rest(stream).await,
        };
        Ok(Figures {
            grown_mib: grown? / 1024.0,
            event: QUANTILES.map(|part| quantile(&mut events, part)),
            rest,
        })
    })
}

/// Writes them; by how many KiB the process that tells was larger than before, at the most.
async fn large_ones(served: &Served) -> Result<f64> {
    let before = served.resident_kib();
    let mut grown: f64 = 0.0;
    let mut client = Client::to(served.address()).await?;
    let padding = "x".repeat(LARGE_BYTES);
    let begin = tokio::time::Instant::now();
    for number in 0..LARGE {
        sleep_until(begin + LASTS * number / LARGE).await;
        let text = format!("0-{number}-{padding}");
        write(&mut client, 1, &text).await?;
        grown = grown.max(served.resident_kib() - before);
    }
    Ok(grown)
}

/// Reads until no more comes.
async fn rest(mut stream: Stream) -> Rest {
    let mut last = 0;
    let mut rest = Rest {
        records: 0,
        disordered: 0,
        closed: false,
    };
    loop {
        let count = |line: &[u8]| {
            if let Some(record) = record(line) {
                rest.records += 1;
                rest.disordered += usize::from(record.number < last);
                last = record.number.max(last);
            }
        };
        match timeout(QUIET, stream.lines(count)).await {
            Ok(Ok(())) => {}
            Ok(Err(_ended)) => {
                rest.closed = true;
                return rest;
            }
            Err(_elapsed) => return rest,
        }
    }
}

fn print(rows: &[((Teller, Habit), Vec<Figures>)]) {
    println!(
        "{LARGE} records of {} KiB are written in {} s to one of {USERS} clients, which reads, or \
         stops and\nreads again at the end; the times are those of another client:\n",
        LARGE_BYTES / 1024,
        LASTS.as_secs()
    );
    let mut table = Table::new(&[
        "told by",
        "the client",
        "grows by, MiB",
        "event p50 ms",
        "event p99 ms",
        "heard in the end",
        "out of order",
        "closed",
    ]);
    for ((teller, habit), taken) in rows {
        let of = |figure: &dyn Fn(&Figures) -> f64| {
            usual(&Vec::from_iter(taken.iter().map(figure)), least)
        };
        let each = |count: fn(&Rest) -> usize| {
            let counts = taken.iter().map(|figures| count(&figures.rest).to_string());
            counts.collect::<Vec<_>>().join(", ")
        };
        let closed = taken.iter().filter(|f| f.rest.closed).count();
        table.row([
            teller.name().to_owned(),
            format!("{habit:?}").to_lowercase(),
            of(&|f| f.grown_mib),
            of(&|f| f.event[0]),
            of(&|f| f.event[1]),
            each(|rest| rest.records),
            each(|rest| rest.disordered),
            format!("{closed} of {}", taken.len()),
        ]);
    }
    table.print();
}

const USERS: usize = 100;
/// Records that are large.
const LARGE: u32 = 400;
const LARGE_BYTES: usize = 100 * 1024;
/// After so long no more comes.
const QUIET: Duration = Duration::from_secs(3);
