//! The past, read again: by the log alone, by one subscriber, by many while others live on.
//!
//! In files all but the newest events are read from there: the log is filled by one process and
//! read by others. In memory the sidecar itself is filled, by writes of many records.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tidings::event::{Cursor, Event};
use tidings::limits::READ_EVENTS;
use tidings::log::{Log, Past};

use crate::child::{self, Task, kind, per_second, record};
use crate::http::{Client, Result, post};
use crate::live::Live;
use crate::numbers::{Table, millis, quantile, rates, whole};
use crate::sidecar::Sidecar;
use crate::stream::Stream;
use crate::{Level, Options, print_failures, progress, runtime, upstream};

/// What was measured of one level.
#[derive(Debug, Default)]
struct Measured {
    /// Events a second, of each repetition: by the log alone.
    alone: Vec<f64>,
    /// The same, by one subscriber.
    one: Vec<f64>,
    /// The same, by many at once, all of them together.
    many: f64,
    /// From write to event, while nobody else is there.
    calm: Vec<Duration>,
    /// The same, while many read the past.
    busy: Vec<Duration>,
    failure: Option<String>,
}

/// Measures and prints it.
pub(crate) fn measure(options: &Options) {
    let upstream = upstream::start();
    let mut all = Vec::new();
    for level in &options.levels {
        progress(&format!("replay, {}", level.as_str()));
        let mut measured = Measured {
            many: f64::NAN,
            ..Measured::default()
        };
        let outcome = measured.level(*level, upstream, options);
        measured.failure = outcome.err();
        options.fresh_dir(*level);
        all.push((*level, measured));
    }
    println!(
        "## {} events of 200 bytes, replayed\n",
        whole(options.events as f64)
    );
    let mut table = Table::new(&[
        "level",
        "log alone, events/s",
        "one subscriber, events/s",
        &format!("{SUBSCRIBERS} at once, events/s"),
    ]);
    for (level, measured) in &all {
        table.row([
            level.as_str().to_owned(),
            rates(&measured.alone),
            rates(&measured.one),
            whole(measured.many),
        ]);
    }
    table.print();
    println!("From write to event for a live subscriber, one write in 100 ms, alone and while");
    println!(
        "{SUBSCRIBERS} others are told the past again and again (of less than 100 writes p99 is the slowest):\n"
    );
    let mut table = Table::new(&["level", "others", "p50 ms", "p99 ms", "writes"]);
    for (level, measured) in &mut all {
        for (others, took) in [(0, &mut measured.calm), (SUBSCRIBERS, &mut measured.busy)] {
            let mut row = vec![level.as_str().to_owned(), others.to_string()];
            row.extend([0.5, 0.99].map(|part| millis(quantile(took, part))));
            row.push(took.len().to_string());
            table.row(row);
        }
    }
    table.print();
    let failures = all
        .iter()
        .map(|(level, of)| (level.as_str(), of.failure.as_ref()));
    print_failures(failures);
}

impl Measured {
    fn level(&mut self, level: Level, upstream: SocketAddr, options: &Options) -> Result<()> {
        let dir = options.fresh_dir(level);
        let events = format!("--events={}", options.events);
        if level != Level::Memory {
            child::start(Task::Fill, level, &dir, std::slice::from_ref(&events))?;
        }
        let repetitions = format!("--repetitions={}", options.repetitions);
        let read = child::start(Task::Read, level, &dir, &[events, repetitions])?;
        self.alone = read.lines().filter_map(|line| line.parse().ok()).collect();

        let keep = "{ events: 100000000, bytes: 4GiB, age: 24h }";
        let sidecar = Sidecar::start(upstream, level, &dir, keep)?;
        let address = sidecar.address;
        if level == Level::Memory {
            runtime().block_on(fill_over_http(address, options.events))?;
        }
        let beginning = sidecar.beginning()?;
        for _ in 0..options.repetitions {
            let began = Instant::now();
            runtime().block_on(replay(address, beginning.clone(), options.events))?;
            self.one.push(per_second(options.events, began));
        }
        let live = Live::start(address);
        std::thread::sleep(FAIRNESS);
        self.calm = live.end()?;
        let live = Live::start(address);
        let many = runtime().block_on(replay_to_many(address, &beginning, options.events));
        self.busy = live.end()?;
        self.many = many?;
        // Says so if the log has failed meanwhile.
        sidecar.counts().map(drop)
    }
}

// --- subscribers ---

/// Many hear the whole past at once, again and again for a while; events a second.
async fn replay_to_many(address: SocketAddr, beginning: &str, events: u64) -> Result<f64> {
    let (began, mut told) = (Instant::now(), 0);
    while began.elapsed() < FAIRNESS {
        let start = |_| tokio::spawn(replay(address, beginning.to_owned(), events));
        let subscribers: Vec<_> = (0..SUBSCRIBERS).map(start).collect();
        for subscriber in subscribers {
            subscriber.await.unwrap()?;
            told += events;
        }
    }
    Ok(per_second(told, began))
}

/// Hears so many events after `cursor`, without a gap.
async fn replay(address: SocketAddr, cursor: String, events: u64) -> Result<()> {
    let mut stream = Stream::open(address, Some(&cursor)).await?;
    let (mut heard, mut gap) = (0, false);
    while heard < events && !gap {
        let each = |line: &[u8]| match line {
            b"event: post" => heard += 1,
            b"event: gap" => gap = true,
            _ => {}
        };
        let more = tokio::time::timeout(PATIENCE, stream.lines(each)).await;
        more.map_err(|_elapsed| format!("nothing more was heard after {heard} events"))??;
    }
    if gap {
        return Err(format!("a gap was told after {heard} events"));
    }
    Ok(())
}

// --- the log is filled ---

/// Appends so many events, each as a write of its own.
pub(crate) fn fill(log: &Log, events: u64) {
    let collection: Arc<str> = "posts".into();
    runtime().block_on(async {
        for number in 1..=events {
            let ticket = log.append(vec![kind(number, &collection)], None);
            // One that is held holds all before it: what waits is bounded.
            if let Some(ticket) = ticket
                && (number.is_multiple_of(FILL_AHEAD) || number == events)
            {
                ticket.await;
            }
        }
    });
    assert_eq!(log.tail().seq, events);
}

/// The same through a sidecar, by writes of many records.
async fn fill_over_http(address: SocketAddr, events: u64) -> Result<()> {
    let mut client = Client::to(address).await?;
    let mut next = 1;
    while next <= events {
        let last = (next + FILL_AHEAD - 1).min(events);
        let records: Vec<_> = (next..=last).map(record).collect();
        let body = format!("[{}]", records.join(","));
        client.write(&post("/posts", &body)).await?;
        next = last + 1;
    }
    Ok(())
}

// --- the log is read ---

/// Reads the whole past, as often as there are repetitions; prints events a second for each.
pub(crate) fn read(log: &Log, level: Level, options: &Options) {
    if level == Level::Memory {
        fill(log, options.events);
    }
    for _ in 0..options.repetitions {
        let began = Instant::now();
        read_all(log, level, options.events);
        println!("{}", per_second(options.events, began));
    }
}

fn read_all(log: &Log, level: Level, events: u64) {
    let (epoch, mut seq, mut read) = (log.tail().epoch, 0, 0);
    while read < events {
        let place = Cursor { epoch, seq };
        let (piece, upto) = match level {
            Level::Memory => from_memory(log, place),
            Level::Process | Level::Disk => {
                let piece = log
                    .read(place)
                    .unwrap_or_else(|gap| panic!("{gap:?} at {seq}"));
                (piece.events, piece.upto)
            }
        };
        assert!(upto > seq, "nothing follows {place}");
        read += piece.len() as u64;
        seq = upto;
    }
}

/// The next events, as many as are read from files at a time.
fn from_memory(log: &Log, place: Cursor) -> (Vec<Arc<Event>>, u64) {
    let mut left = READ_EVENTS;
    let take = |_: &Event| {
        let more = left > 0;
        left = left.saturating_sub(1);
        more
    };
    match log.after(place, take) {
        Ok(Past::Recent(events)) => {
            let upto = events.last().map_or(place.seq, |last| last.cursor.seq);
            (events, upto)
        }
        other => panic!("{other:?}"),
    }
}

/// Those who hear the past at once.
const SUBSCRIBERS: usize = 16;
/// For how long a live subscriber is watched, at least.
const FAIRNESS: Duration = Duration::from_secs(6);
/// Events that are appended before one is waited for; below the records of one write.
const FILL_AHEAD: u64 = 500;
/// A stream that says nothing for so long has stopped: its pings come more often.
const PATIENCE: Duration = Duration::from_secs(15);
