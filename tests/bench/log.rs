//! What the log's levels cost: `tests/bench/run log`.
//!
//! | part | what is measured |
//! | --- | --- |
//! | `added` | the time that an observed POST takes through the sidecar, and directly |
//! | `appends` | the log alone: appends by one who waits for each, and by many |
//! | `owners` | an event that concerns one of many users |
//! | `pocketbase` | the same beside a real PocketBase's own realtime, where it is asked for by name |
//! | `replay` | the past as it is read again: by the log alone, by one subscriber, by many |
//!
//! The sidecar is the real program as a process; upstream and clients are in this one, and share
//! the machine's cores with it. Repetitions go round the levels, so that a machine that
//! becomes slower does so for all. What is told is the median of the repetitions, and the
//! best of them in parentheses: the median is what to expect, the best what others on this
//! machine disturbed least.
//!
//! A log in files is held by its process to the end, so whatever opens one does it in a
//! process of its own ([`child`]). A level that cannot be measured is told, and the others are.
#![expect(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a benchmark fails by a panic, and what it prints is its report"
)]

mod added;
mod appends;
mod child;
mod http;
mod live;
mod numbers;
mod owners;
mod pocketbase;
#[path = "../it/harness/port.rs"]
mod port;
mod replay;
mod sidecar;
mod stream;
mod upstream;

use std::io::Write;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::{Parser, ValueEnum};

use numbers::{Table, millis, quantile};

/// Measures the levels of the log.
#[derive(Clone, Debug, Parser)]
struct Options {
    /// Where the logs are, each in a directory of its own; below the build's by default.
    #[arg(long, value_name = "DIR", default_value = concat!(env!("CARGO_TARGET_TMPDIR"), "/bench-log"))]
    dir: PathBuf,
    /// The levels; all by default.
    #[arg(long = "level", value_name = "LEVEL")]
    levels: Vec<Level>,
    /// The parts; all by default, but for `pocketbase`.
    #[arg(long = "only", value_name = "PART")]
    parts: Vec<Part>,
    /// How often each is measured.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    repetitions: u32,
    /// How long each measurement of writes lasts.
    #[arg(long, default_value_t = 2.0)]
    seconds: f64,
    /// Those who write at once.
    #[arg(long, value_delimiter = ',', default_values_t = [1, 32, 256])]
    writers: Vec<usize>,
    /// Events that are replayed.
    #[arg(long, default_value_t = 200_000)]
    events: u64,
    /// Users who are connected, where an event concerns one.
    #[arg(long, default_value_t = 10_000)]
    users: usize,
    /// Events that concern one.
    #[arg(long, default_value_t = 5_000)]
    owned: usize,
    /// Streams that are open beside PocketBase.
    #[arg(long, value_delimiter = ',', default_values_t = [10, 1000, 5000])]
    streams: Vec<usize>,
    /// What cargo says to each benchmark.
    #[arg(long, hide = true)]
    bench: bool,
    /// What a process does that was started by this program itself.
    #[arg(long, hide = true)]
    child: Option<child::Task>,
}

/// A level as an argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
enum Level {
    Memory,
    Process,
    Disk,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Part {
    Added,
    Appends,
    Owners,
    Pocketbase,
    Replay,
}

fn main() -> ExitCode {
    let mut options = Options::parse();
    if options.levels.is_empty() {
        options.levels = Level::value_variants().to_vec();
    }
    if options.parts.is_empty() {
        options.parts = vec![Part::Added, Part::Appends, Part::Owners, Part::Replay];
    }
    if let Some(task) = options.child {
        let Err(error) = child::run(task, &options) else {
            return ExitCode::SUCCESS;
        };
        eprintln!("{error}");
        return ExitCode::FAILURE;
    }
    if let Some(from) = std::env::var_os("TIDINGS_BENCH_FROM") {
        options.dir = Path::new(&from).join(&options.dir);
    }
    std::fs::create_dir_all(&options.dir).unwrap();
    let began = Instant::now();
    if options.parts != [Part::Pocketbase] {
        heading(&options);
    }
    for part in &options.parts {
        match part {
            Part::Added => added::measure(&options),
            Part::Appends => appends::measure(&options),
            Part::Owners => owners::measure(&options),
            Part::Pocketbase => pocketbase::measure(&options),
            Part::Replay => replay::measure(&options),
        }
    }
    println!("Measured in {} s.", began.elapsed().as_secs());
    ExitCode::SUCCESS
}

/// What the figures depend on.
fn heading(options: &Options) {
    let profile = if cfg!(debug_assertions) {
        "debug, so these figures say little"
    } else {
        "release"
    };
    let cores = std::thread::available_parallelism().unwrap();
    println!("# The levels of the log\n");
    println!(
        "{profile}; {cores} cores; repetitions: {}; the logs are in {}, of kind {}.",
        options.repetitions,
        options.dir.display(),
        file_system(&options.dir)
    );
    println!("In each field: the median of the repetitions (the best of them).\n");
    let mut table = Table::new(&["the directory itself", "p50 ms", "p99 ms"]);
    for sync in [false, true] {
        let mut took = writes(&options.dir, sync);
        let what = if sync {
            "256 bytes written and synced"
        } else {
            "256 bytes written"
        };
        let at = |took: &mut [Duration], part| millis(quantile(took, part));
        table.row([what.to_owned(), at(&mut took, 0.5), at(&mut took, 0.99)]);
    }
    table.print();
}

/// What kind of file system a directory is on, as `stat` names it.
fn file_system(dir: &Path) -> String {
    let asked = std::process::Command::new("stat")
        .args(["--file-system", "--format", "%T"])
        .arg(dir)
        .output();
    match asked {
        Ok(output) if output.status.success() => {
            String::from_utf8_lossy(&output.stdout).trim().to_owned()
        }
        _ => "unknown".to_owned(),
    }
}

/// How long it takes to append a little to a file: what no log in this directory gets below.
fn writes(dir: &Path, sync: bool) -> Vec<Duration> {
    let path = dir.join("probe");
    let mut file = std::fs::File::create(&path).unwrap();
    file.write_all_at(&[0; 256 * 256], 0).unwrap();
    file.sync_all().unwrap();
    let mut took = Vec::new();
    let until = Instant::now() + Duration::from_millis(500);
    while Instant::now() < until {
        let began = Instant::now();
        file.write_all(&[1; 256]).unwrap();
        if sync {
            file.sync_data().unwrap();
        }
        took.push(began.elapsed());
    }
    std::fs::remove_file(path).unwrap();
    took
}

/// Says of which levels not everything was measured, and why.
fn print_failures<'a>(failures: impl IntoIterator<Item = (&'a str, Option<&'a String>)>) {
    let mut told: Vec<_> = failures
        .into_iter()
        .filter_map(|(name, failure)| Some((name, failure?)))
        .collect();
    told.dedup();
    for (name, failure) in told {
        println!("`{name}` was not measured to the end: {failure}\n");
    }
}

/// Tells of progress, to whoever looks on.
fn progress(what: &str) {
    eprintln!("... {what}");
}

/// The runtime of whoever writes or reads: one thread, so that it takes one core at most.
fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
}

// === impl Options ===

impl Options {
    /// The directory for the log of `level`, which is gone until somebody makes it.
    fn fresh_dir(&self, level: Level) -> PathBuf {
        // A name that nothing of anybody else's has.
        let dir = self.dir.join(format!("tidings-bench-{}", level.as_str()));
        if dir.exists() {
            std::fs::remove_dir_all(&dir).unwrap();
        }
        dir
    }

    /// How long each measurement of writes lasts.
    fn duration(&self) -> Duration {
        Duration::from_secs_f64(self.seconds)
    }
}

// === impl Level ===

impl Level {
    /// As the configuration has it.
    fn as_str(self) -> &'static str {
        self.of_log().as_str()
    }

    /// As the log has it.
    fn of_log(self) -> tidings::log::Level {
        match self {
            Self::Memory => tidings::log::Level::Memory,
            Self::Process => tidings::log::Level::Process,
            Self::Disk => tidings::log::Level::Disk,
        }
    }
}
