//! What is told while it runs.

use std::io::{IsTerminal, Write, stderr};
use std::time::{Duration, Instant};

/// A line that is written over on a terminal, and one every few seconds elsewhere.
#[derive(Debug)]
pub(crate) struct Progress {
    quiet: bool,
    terminal: bool,
    told_at: Option<Instant>,
    /// Whether a line stands on the terminal that may be written over.
    stands: bool,
}

impl Progress {
    pub(crate) fn new(quiet: bool) -> Self {
        Self {
            quiet,
            terminal: stderr().is_terminal(),
            told_at: None,
            stands: false,
        }
    }

    /// How it stands.
    pub(crate) fn tell(&mut self, line: &str) {
        let pause = if self.terminal {
            ON_TERMINAL
        } else {
            ELSEWHERE
        };
        if self.quiet || self.told_at.is_some_and(|at| at.elapsed() < pause) {
            return;
        }
        self.told_at = Some(Instant::now());
        let (begin, end) = if self.terminal {
            ("\r\x1b[K", "")
        } else {
            ("", "\n")
        };
        self.stands = self.terminal;
        write(&format!("{begin}{line}{end}"));
    }

    /// Something that has to be known, also when nothing else is told.
    pub(crate) fn warn(&mut self, line: &str) {
        self.clear();
        write(&format!("loadtest: {line}\n"));
    }

    /// Makes room for what is printed.
    pub(crate) fn clear(&mut self) {
        if std::mem::take(&mut self.stands) {
            write("\r\x1b[K");
        }
    }
}

/// Nobody may read it; that is no reason to stop.
fn write(text: &str) {
    let mut stderr = stderr();
    stderr.write_all(text.as_bytes()).ok();
    stderr.flush().ok();
}

const ON_TERMINAL: Duration = Duration::from_millis(200);
const ELSEWHERE: Duration = Duration::from_secs(3);
