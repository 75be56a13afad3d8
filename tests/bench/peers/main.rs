//! Tidings beside what else there is: `tests/bench/run peers`.
//!
//! | part | what is measured |
//! | --- | --- |
//! | `idle` | the memory of a stream on which nothing happens |
//! | `delivery` | CPU of an event on a stream |
//! | `requests` | what passes through: CPU a request, requests a second, how long they take |
//! | `latency` | from a write to its event |
//! | `growth` | how an event's cost grows with streams, collections, writes and records |
//! | `bystanders` | what those cost an event who do not hear of it |
//! | `many` | new streams a second, and all of them coming back at once |
//! | `instructions` | those of a request, by callgrind |
//!
//! | beside | is |
//! | --- | --- |
//! | bare | a reverse proxy of pingora's alone ([`bare`]) |
//! | nginx | nginx as a reverse proxy, one process |
//! | nchan | nginx with its hub for streams, one process, to which the API tells each write |
//! | the floor | a send(2) for each event and stream, and nothing else ([`floor`]) |
//!
//! Each is a process that has one core to itself; the load and the API behind have another. They are
//! measured in turns, so that a machine that becomes slower does so for all. What is told is the
//! median of the repetitions, and the best of them in parentheses; a ratio is the median of those of
//! each repetition. Nothing of it passes or fails.
#![expect(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a benchmark fails by a panic, and what it prints is its report"
)]

mod bare;
mod bystanders;
mod cores;
mod delivery;
mod fanout;
mod floor;
mod growth;
mod hold;
#[expect(dead_code, reason = "shared with the other benchmark")]
#[path = "../http.rs"]
mod http;
mod idle;
mod instructions;
mod latency;
mod load;
mod many;
mod nginx;
#[expect(dead_code, reason = "shared with the other benchmark")]
#[path = "../numbers.rs"]
mod numbers;
#[path = "../../it/harness/port.rs"]
mod port;
mod process;
mod requests;
mod series;
mod served;
#[expect(dead_code, reason = "shared with the other benchmark")]
#[path = "../upstream.rs"]
mod upstream;

use std::ffi::OsString;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::{Parser, Subcommand, ValueEnum};

use series::Bench;

/// pingora allocates per request: what is compared with Tidings has the same allocator.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// Measures Tidings beside what else there is.
#[derive(Debug, Parser)]
struct Arguments {
    #[command(subcommand)]
    role: Option<Role>,
    #[command(flatten)]
    options: Options,
}

#[derive(Clone, Debug, clap::Args)]
struct Options {
    /// The parts; all by default.
    #[arg(long = "only", value_name = "PART", value_delimiter = ',')]
    parts: Vec<Part>,
    /// How often each is measured.
    #[arg(long, default_value_t = 7, value_parser = clap::value_parser!(u32).range(1..))]
    repetitions: u32,
    /// To try it out: once or twice, shorter, and the figures say little.
    #[arg(long)]
    quick: bool,
    /// Where each figure is appended, as a line of JSON.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Another build of Tidings to measure.
    #[arg(long, value_name = "FILE", default_value = env!("CARGO_BIN_EXE_tidings"))]
    tidings: PathBuf,
    /// Another build of the load.
    #[arg(long, value_name = "FILE")]
    loadtest: Option<PathBuf>,
    /// What cargo says to each benchmark.
    #[arg(long, hide = true)]
    bench: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Part {
    Idle,
    Delivery,
    Requests,
    Latency,
    Growth,
    Bystanders,
    Many,
    Instructions,
}

/// What a process does that was started by this program itself.
#[derive(Debug, Subcommand)]
enum Role {
    #[command(hide = true)]
    Exec {
        #[arg(long)]
        core: Option<usize>,
        #[arg(last = true)]
        program: Vec<OsString>,
    },
    #[command(hide = true)]
    Bare {
        listen: SocketAddr,
        upstream: SocketAddr,
    },
    #[command(hide = true)]
    Upstream {
        listen: SocketAddr,
        hub: Option<SocketAddr>,
    },
    #[command(hide = true)]
    Floor { listen: SocketAddr },
    #[command(hide = true)]
    Hold(hold::Arguments),
}

fn main() {
    let Arguments { role, mut options } = Arguments::parse();
    match role {
        Some(role) => return play(role),
        None if options.parts.is_empty() => options.parts = Part::value_variants().to_vec(),
        None => {}
    }
    if options.quick {
        options.repetitions = options.repetitions.min(2);
    }
    let from = std::env::var_os("TIDINGS_BENCH_FROM").unwrap_or_default();
    options.json = options.json.map(|file| Path::new(&from).join(file));
    options.tidings = Path::new(&from).join(options.tidings);
    options.loadtest = options.loadtest.map(|file| Path::new(&from).join(file));
    let began = Instant::now();
    let mut bench = Bench::new(options);
    bench.heading();
    for part in bench.options.parts.clone() {
        match part {
            Part::Idle => idle::measure(&mut bench),
            Part::Delivery => delivery::measure(&mut bench),
            Part::Requests => requests::measure(&mut bench),
            Part::Latency => latency::measure(&mut bench),
            Part::Growth => growth::measure(&mut bench),
            Part::Bystanders => bystanders::measure(&mut bench),
            Part::Many => many::measure(&mut bench),
            Part::Instructions => instructions::measure(&mut bench),
        }
    }
    bench.print_end();
    println!("Measured in {} s.", began.elapsed().as_secs());
}

fn play(role: Role) {
    match role {
        Role::Exec { core, program } => {
            let (program, arguments) = program.split_first().unwrap();
            process::become_program(core, program, arguments);
        }
        Role::Bare { listen, upstream } => bare::run(listen, upstream),
        Role::Upstream { listen, hub } => upstream::run(TcpListener::bind(listen).unwrap(), hub),
        Role::Floor { listen } => floor::run(listen),
        Role::Hold(arguments) => hold::run(&arguments),
    }
}

impl Options {
    /// The program that makes the load.
    fn loadtest(&self) -> PathBuf {
        let built = || {
            let folder = process::this();
            let folder = folder.parent().and_then(Path::parent);
            folder.unwrap_or(Path::new(".")).join("examples/loadtest")
        };
        self.loadtest.clone().unwrap_or_else(built)
    }
}

/// The runtime of whoever writes or reads: one thread.
fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
}
