//! The commands, and what the process exits with.
//!
//! | code | meaning |
//! | --- | --- |
//! | 0 | done: drained, the configuration is sound, the sidecar is well, the stream was followed |
//! | 1 | it is not: the configuration is not sound, the sidecar could not start or is not well, the stream is refused |
//! | 2 | the command line is not one of these |

use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use clap::builder::PossibleValuesParser;
use clap::error::ErrorKind;
use clap::{CommandFactory, Parser, Subcommand};
use tokio::net::TcpListener;
use tokio::runtime::Builder;

use crate::config::{self, SchemaOf, Watch};
use crate::memory::{Machine, Memory};
use crate::observe::preset;
use crate::server::{self, Signals};
use crate::tail::{self, Tail};
use crate::{demo, healthcheck, logging};

/// Adds realtime to any REST API, as a reverse proxy before it.
#[derive(Debug, Parser)]
#[command(version, about, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Say what a configuration means and what it will observe; or what is wrong with it, and where
    Check {
        /// The configuration
        #[arg(required_unless_present = "show_preset")]
        file: Option<PathBuf>,
        /// Print a preset as it could stand in a configuration, to copy and change, instead
        #[arg(long, value_name = "NAME", conflicts_with = "file", value_parser = PossibleValuesParser::new(preset::NAMES))]
        show_preset: Option<String>,
    },
    /// Serve a small REST database of its own, and a page that shows its records changing live
    Demo {
        /// Where to listen
        #[arg(long, default_value = "127.0.0.1:8080")]
        listen: SocketAddr,
    },
    /// Ask a sidecar on this machine how it is; for probes in an image without a shell
    Healthcheck(healthcheck::Options),
    /// Serve by a configuration, and by what it becomes while the sidecar runs
    Run {
        /// The configuration
        #[arg(
            long,
            env = "TIDINGS_CONFIG",
            default_value = "/etc/tidings/tidings.yaml"
        )]
        config: PathBuf,
    },
    /// Print the JSON Schema of the configuration, by which editors complete and check it
    Schema {
        /// That of a file of its own with the access section
        #[arg(long)]
        access: bool,
    },
    /// Follow a stream: in colour on a terminal, as JSON lines elsewhere
    Tail(tail::Options),
}

/// Runs the command that the process was called with.
#[must_use]
pub fn main() -> ExitCode {
    // A wrong command line ends here, with 2.
    let done = match Cli::parse().command {
        Command::Check { file, show_preset } => check(file.as_deref(), show_preset.as_deref()),
        Command::Demo { listen } => run_demo(listen),
        Command::Healthcheck(options) => check_health(options),
        Command::Run { config } => run(&config),
        Command::Schema { access: false } => say(&config::schema(SchemaOf::Configuration)),
        Command::Schema { access: true } => say(&config::schema(SchemaOf::AccessFile)),
        Command::Tail(options) => follow(options),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            // Nobody is left to tell if this cannot be written.
            drop(writeln!(std::io::stderr(), "{}", why.trim_end()));
            ExitCode::FAILURE
        }
    }
}

/// Of a file or of a preset, as the command line has one of them.
fn check(file: Option<&Path>, shown: Option<&str>) -> Result<(), String> {
    if let Some(text) = shown.and_then(preset::yaml) {
        return say(text);
    }
    let Some(file) = file else {
        return Ok(());
    };
    let snapshot = config::load(file, &environment, 1).map_err(|errors| errors.to_string())?;
    let machine = Machine::read();
    let memory = Memory::of(&snapshot, machine.threads);
    let (page, warnings) = (memory.page(&machine), memory.warnings(&machine));
    say(&config::describe_with(&snapshot, &page, warnings))
}

fn check_health(options: healthcheck::Options) -> Result<(), String> {
    serve(async { say(&healthcheck::run(options, &environment).await?) })
}

fn follow(options: tail::Options) -> Result<(), String> {
    match Tail::of(options) {
        Ok(tail) => serve(tail.run()),
        Err(why) => Cli::command().error(ErrorKind::ValueValidation, why).exit(),
    }
}

fn run(file: &Path) -> Result<(), String> {
    serve(async {
        let signals = Signals::new().map_err(|error| format!("tidings: {error}"))?;
        let (snapshot, files) = Watch::open(file, environment).map_err(|e| e.to_string())?;
        let logging = logging::begin(snapshot.logging);
        server::run(snapshot, Some(files), logging, signals)
            .await
            .map_err(|error| format!("tidings: {error}"))
    })
}

fn run_demo(listen: SocketAddr) -> Result<(), String> {
    serve(async {
        let signals = Signals::new().map_err(|error| format!("tidings: {error}"))?;
        let cannot = |error| format!("tidings: the demo's database cannot be served: {error}");
        let database = TcpListener::bind(("127.0.0.1", 0)).await.map_err(cannot)?;
        let upstream = database.local_addr().map_err(cannot)?;
        let text = demo::configuration(listen, upstream);
        let snapshot = config::parse("the demo's configuration", &text)
            .map_err(|errors| errors.to_string())?;
        let logging = logging::begin(snapshot.logging);
        say(&demo::welcome(listen))?;
        // Ends with the runtime.
        tokio::spawn(demo::serve(database));
        server::run(Arc::new(snapshot), None, logging, signals)
            .await
            .map_err(|error| format!("tidings: {error}"))
    })
}

fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

fn say(text: &str) -> Result<(), String> {
    std::io::stdout()
        .write_all(text.as_bytes())
        .map_err(|error| format!("tidings: cannot write to standard output: {error}"))
}

/// Runs to the end of `served`, and not a moment longer: a name that is being looked up is not
/// waited for.
fn serve(served: impl Future<Output = Result<(), String>>) -> Result<(), String> {
    let runtime = Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| format!("tidings: cannot start: {error}"))?;
    let done = runtime.block_on(served);
    runtime.shutdown_background();
    done
}
