//! Loads a server of events and says what it did with it.
//!
//! ```text
//!   args ──► streams ──► listen ──► frames ──► heard ──► report ──► table, JSON, plot
//!               │                                ▲
//!               └─────► writes ──► load ─────────┘ what was sent, and when
//!   args ──► requests ──────────► load ────────────────► report
//! ```
//! Each record that it writes has a marker in it, with the time at which the write was due. A
//! stream that hears the marker has heard the write, whatever dialect it is told in. So it counts
//! what a server of any kind delivers, loses or tells twice.
//!
//! It shares the machine with the server more often than not, so it has to be cheap: one thread
//! reads all streams, into room that all share, and looks at no more than it needs.

mod args;
mod frames;
mod heard;
mod listen;
mod load;
mod marker;
mod numbers;
mod pace;
mod plot;
mod process;
mod progress;
mod report;
mod requests;
mod seen;
mod streams;
mod target;
mod wire;
mod writes;

use std::io::Write;
use std::process::ExitCode;

use clap::Parser;
use tokio::sync::watch;
use tokio::task::LocalSet;

use args::{Command, Mode};

/// 0 where all was well, 1 where something was lost, told twice, out of order or failed, and 2
/// where nothing could be measured.
fn main() -> ExitCode {
    let command = Command::parse();
    match run(&command) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(why) => {
            // There is nowhere else to tell it.
            writeln!(std::io::stderr(), "loadtest: {why}").ok();
            ExitCode::from(2)
        }
    }
}

fn run(command: &Command) -> Result<bool, String> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| format!("no runtime: {error}"))?;
    LocalSet::new().block_on(&runtime, async {
        let (stop, stopped) = watch::channel(false);
        tokio::task::spawn_local(async move {
            if tokio::signal::ctrl_c().await.is_ok() {
                stop.send_replace(true);
            }
            // It stays, since who waits for it would take its end for a stop.
            std::future::pending::<()>().await;
        });
        match &command.mode {
            Mode::Streams(options) => streams::run(options, stopped).await,
            Mode::Requests(options) => requests::run(options, stopped).await,
        }
    })
}
