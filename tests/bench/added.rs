//! The time that the sidecar adds to an observed POST, and how many it lets through.
//!
//! Closed loop: each writer has a connection that is kept, and writes again as soon as it has
//! an answer. The upstream answers at once, so the rates are those of the sidecar and of this
//! process together on the machine's cores, and the times of many writers are mostly their
//! waiting for one another.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use crate::http::{Client, Result, post};
use crate::numbers::{Table, least, median, millis, most, quantile, rates, ratio, with_best};
use crate::sidecar::Sidecar;
use crate::{Level, Options, print_failures, progress, runtime, upstream};

/// Where the writes go.
#[derive(Debug)]
struct Path {
    /// None: directly to the upstream.
    level: Option<Level>,
    sidecar: Option<Sidecar>,
    failure: Option<String>,
    /// One for each number of writers.
    measured: Vec<Measured>,
}

/// What was measured of one path and one number of writers; an entry for each repetition.
#[derive(Clone, Debug, Default)]
struct Measured {
    /// Milliseconds.
    p50: Vec<f64>,
    /// Milliseconds.
    p99: Vec<f64>,
    /// Writes a second.
    rates: Vec<f64>,
    /// Writes for each sync; nothing where there was none.
    a_sync: Vec<f64>,
}

/// What one load came to.
#[derive(Debug, Default)]
struct Load {
    took: Vec<Duration>,
    rate: f64,
}

/// Measures and prints it.
pub(crate) fn measure(options: &Options) {
    let upstream = upstream::start();
    let direct = [None].into_iter();
    let levels = direct.chain(options.levels.iter().copied().map(Some));
    let mut paths: Vec<_> = levels
        .map(|level| Path::open(level, upstream, options))
        .collect();
    for repetition in 1..=options.repetitions {
        progress(&format!("writes, {repetition} of {}", options.repetitions));
        for (at, writers) in options.writers.iter().enumerate() {
            for path in &mut paths {
                if path.failure.is_none() {
                    let measured = path.measure(at, *writers, upstream, options.duration());
                    path.failure = measured.err();
                }
            }
        }
    }
    print(&paths, &options.writers);
    drop(paths);
    for level in &options.levels {
        options.fresh_dir(*level);
    }
}

impl Path {
    fn open(level: Option<Level>, upstream: SocketAddr, options: &Options) -> Self {
        let started = level.map(|level| {
            let dir = options.fresh_dir(level);
            Sidecar::start(upstream, level, &dir, "{ events: 10000 }")
        });
        let (sidecar, failure) = match started.transpose() {
            Ok(sidecar) => (sidecar, None),
            Err(error) => (None, Some(error)),
        };
        Self {
            level,
            sidecar,
            failure,
            measured: vec![Measured::default(); options.writers.len()],
        }
    }

    fn name(&self) -> &'static str {
        self.level.map_or("direct", Level::as_str)
    }

    /// One repetition.
    fn measure(
        &mut self,
        at: usize,
        writers: usize,
        upstream: SocketAddr,
        duration: Duration,
    ) -> Result<()> {
        let address = self.sidecar.as_ref().map_or(upstream, |of| of.address);
        let counts = || self.sidecar.as_ref().map(Sidecar::counts).transpose();
        let before = counts()?;
        let mut load = runtime().block_on(write(address, writers, duration))?;
        let after = counts()?;
        let measured = &mut self.measured[at];
        if let (Some(before), Some(after)) = (before, after) {
            let appends = after.appends - before.appends;
            if appends < load.took.len() as f64 {
                return Err(format!("{appends} of {} writes were told", load.took.len()));
            }
            let syncs = after.syncs - before.syncs;
            if syncs > 0.0 {
                measured.a_sync.push(appends / syncs);
            }
        }
        measured.p50.push(quantile(&mut load.took, 0.5));
        measured.p99.push(quantile(&mut load.took, 0.99));
        measured.rates.push(load.rate);
        Ok(())
    }
}

/// So many write for so long. Connections are made and warm before it counts.
async fn write(address: SocketAddr, writers: usize, duration: Duration) -> Result<Load> {
    let mut clients = Vec::new();
    for _ in 0..writers {
        clients.push(Client::to(address).await?);
    }
    let from = Instant::now() + (duration / 4).max(Duration::from_millis(200));
    let until = from + duration;
    let tasks = clients.into_iter().map(|mut client| {
        tokio::spawn(async move {
            let body = format!(r#"{{"title":"{:x<170}"}}"#, "");
            let request = post("/posts", &body);
            let mut took = Vec::new();
            loop {
                let began = Instant::now();
                client.write(&request).await?;
                let ended = Instant::now();
                if ended > until {
                    return Ok::<_, String>(took);
                }
                if began >= from {
                    took.push(ended - began);
                }
            }
        })
    });
    let mut load = Load::default();
    for task in tasks.collect::<Vec<_>>() {
        load.took.extend(task.await.unwrap()?);
    }
    load.rate = load.took.len() as f64 / duration.as_secs_f64();
    Ok(load)
}

// --- what is printed ---

fn print(paths: &[Path], writers: &[usize]) {
    println!("## An observed POST\n");
    let mut table = Table::new(&[
        "through",
        "writers",
        "p50 ms",
        "p99 ms",
        "added p50",
        "added p99",
        "writes/s",
        "of memory's",
        "writes/sync",
    ]);
    let direct = &paths[0];
    let memory = paths.iter().find(|path| path.level == Some(Level::Memory));
    for (at, writers) in writers.iter().enumerate() {
        for path in paths {
            let measured = &path.measured[at];
            let of_memory = memory.map(|memory| &memory.measured[at]);
            table.row(row(
                path,
                *writers,
                measured,
                &direct.measured[at],
                of_memory,
            ));
        }
    }
    table.print();
    println!(
        "Added is what a figure is above the direct one. The goal is that `disk` lets through"
    );
    println!("at least half of what `memory` does with 256 writers.\n");
    print_failures(
        paths
            .iter()
            .map(|path| (path.name(), path.failure.as_ref())),
    );
}

fn row(
    path: &Path,
    writers: usize,
    measured: &Measured,
    direct: &Measured,
    memory: Option<&Measured>,
) -> Vec<String> {
    let times = |of: &[f64]| with_best(&millis(median(of)), &millis(least(of)));
    let added = |of: &[f64], direct: &[f64]| {
        let (usual, best) = (median(of) - median(direct), least(of) - least(direct));
        with_best(&millis(usual), &millis(best))
    };
    let (added_p50, added_p99) = match path.level {
        None => (String::new(), String::new()),
        Some(_) => (
            added(&measured.p50, &direct.p50),
            added(&measured.p99, &direct.p99),
        ),
    };
    let of_memory = memory.filter(|_| path.level.is_some_and(|level| level != Level::Memory));
    let of_memory = of_memory.map_or_else(String::new, |memory| {
        // Of the same repetition: they were measured one after the other.
        let pairs = measured.rates.iter().zip(&memory.rates);
        let ratios: Vec<_> = pairs.map(|(this, memory)| this / memory).collect();
        with_best(&ratio(median(&ratios)), &ratio(most(&ratios)))
    });
    let a_sync = if measured.a_sync.is_empty() {
        String::new()
    } else {
        in_tenths(median(&measured.a_sync))
    };
    vec![
        path.name().to_owned(),
        writers.to_string(),
        times(&measured.p50),
        times(&measured.p99),
        added_p50,
        added_p99,
        rates(&measured.rates),
        of_memory,
        a_sync,
    ]
}

/// Shape: `12.3`.
fn in_tenths(value: f64) -> String {
    format!("{value:.1}")
}
