//! Appends to the log alone, through the crate: by one who waits for each, and by many.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tidings::log::Log;
use tokio::task::LocalSet;

use crate::child::{self, Task, kind};
use crate::http::Result;
use crate::numbers::{Table, median, rates, whole};
use crate::{Options, print_failures, progress, runtime};

/// What was measured of one level and one number of appenders.
#[derive(Debug, Default)]
struct Measured {
    /// Appends a second, of each repetition.
    rates: Vec<f64>,
    /// Syncs a second, of each repetition.
    syncs: Vec<f64>,
    /// Why it could not be measured.
    failure: Option<String>,
}

/// Measures and prints it.
pub(crate) fn measure(options: &Options) {
    let appenders = [1, 256];
    let mut all: Vec<_> = options
        .levels
        .iter()
        .flat_map(|level| appenders.map(|number| (*level, number, Measured::default())))
        .collect();
    for repetition in 1..=options.repetitions {
        progress(&format!("appends, {repetition} of {}", options.repetitions));
        for (level, number, measured) in &mut all {
            if measured.failure.is_some() {
                continue;
            }
            let dir = options.fresh_dir(*level);
            let seconds = options.seconds / 2.0;
            let more = [
                format!("--writers={number}"),
                format!("--seconds={seconds}"),
            ];
            match child::start(Task::Append, *level, &dir, &more).and_then(|text| read(&text)) {
                Ok((rate, syncs)) => {
                    measured.rates.push(rate);
                    measured.syncs.push(syncs);
                }
                Err(error) => measured.failure = Some(error),
            }
            // Gigabytes, perhaps.
            options.fresh_dir(*level);
        }
    }
    println!("## The log alone: appends of a record of 200 bytes\n");
    let mut table = Table::new(&["level", "appenders", "appends/s", "syncs/s"]);
    for (level, number, measured) in &all {
        table.row([
            level.as_str().to_owned(),
            number.to_string(),
            rates(&measured.rates),
            whole(median(&measured.syncs)),
        ]);
    }
    table.print();
    let failures = all.iter();
    print_failures(failures.map(|(level, _, of)| (level.as_str(), of.failure.as_ref())));
}

/// What [`append`] has printed.
fn read(text: &str) -> Result<(f64, f64)> {
    let figures = text.split_once(' ');
    let parsed = figures.and_then(|(rate, syncs)| {
        let syncs = syncs.trim().parse().ok()?;
        Some((rate.parse().ok()?, syncs))
    });
    parsed.ok_or_else(|| format!("no two figures: {text}"))
}

/// Appends for a while; prints how many a second, and how many syncs a second that took. One
/// thread appends, as there is one that the log's own threads can have to themselves.
pub(crate) fn append(log: &Log, options: &Options) {
    let collection: Arc<str> = "posts".into();
    // Who gives an event to the log has made it: that is not what is measured.
    let event = kind(1_000_000, &collection);
    let appended = Rc::new(Cell::new(0_u64));
    let appenders = options.writers[0];
    let run = |duration: Duration| {
        let until = Instant::now() + duration;
        let tasks = LocalSet::new();
        for _ in 0..appenders {
            let (log, event, appended) = (log.clone(), event.clone(), Rc::clone(&appended));
            tasks.spawn_local(async move {
                while Instant::now() < until {
                    let ticket = log.append(vec![event.clone()], None);
                    appended.set(appended.get() + 1);
                    match ticket {
                        Some(ticket) => ticket.await,
                        // The others have their turn all the same, but not each time.
                        None if appenders > 1 && appended.get().is_multiple_of(64) => {
                            tokio::task::yield_now().await;
                        }
                        None => {}
                    }
                }
            });
        }
        runtime().block_on(tasks);
    };
    run(options.duration() / 10);
    let (before, syncs) = (appended.get(), log.standing().syncs);
    let began = Instant::now();
    run(options.duration());
    let rate = child::per_second(appended.get() - before, began);
    let syncs = child::per_second(log.standing().syncs - syncs, began);
    println!("{rate} {syncs}");
}
