//! What happens, counted, and how it is written for Prometheus.
//!
//! ```text
//!   front, proxy, hub ... ──► Metrics (atomics) ──┐
//!   how the log and the hub stand ────────────────┼──► Page ──► text
//!   the process, as the system says ──────────────┘
//! ```
//! One [`Metrics`] is shared by all who count. Counting is one atomic addition: no lock, no
//! allocation, and no label that has to be looked up, since every value of every label is known
//! beforehand ([`Label`]). So no series comes from a request, a record or a key, and all of
//! them are there from the start, at 0. What others know anyway is read when somebody asks.
//!
//! Names are as Prometheus' own practice has them: `tidings_` before what is this program's, and
//! `process_` before what any process has, as every client library calls it; seconds and bytes;
//! `_total` behind what only goes up.

mod count;
mod labels;
mod page;
mod process;
mod told;

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use jiff::Timestamp;

pub use count::{BOUNDS, Counter, Counters, Entered, Gauge, Gauges, Histogram, Histograms};
pub use count::{Label, Pairs};
pub use labels::{
    Away, Class, Dialect, Disconnect, Doubt, EventKind, Refusal, Said, Sent, Shed, Source, Status,
    Success, UpstreamError, WriteOutcome,
};
pub use page::{Format, Page, write};
pub use process::Process;

use crate::event::Gap;

/// What is counted. Shared by all who count.
#[derive(Debug)]
pub struct Metrics {
    /// When the process began.
    pub started: Timestamp,
    /// Requests.
    pub requests: Requests,
    /// Observed writes.
    pub writes: Counters<WriteOutcome>,
    /// Those of which it is not known what they did, by why.
    pub uncertain: Counters<Doubt>,
    /// Streams.
    pub streams: Streams,
    /// What was published.
    pub publishes: Counters<Sent>,
    /// What PocketBase's clients subscribed to.
    pub submissions: Counters<Sent>,
    /// Configurations that were read after the first.
    pub reloads: Reloads,
    /// Questions to the upstream about who somebody is.
    pub identities: Questions,
    /// Questions to the upstream about what somebody may read.
    pub records: Questions,
    /// Records that the upstream was asked for because a write did not tell them.
    pub completions: Counters<Said>,
    /// Fetches of the keys of tokens.
    pub jwks: Counters<Success>,
}

/// Requests of downstreams.
#[derive(Debug, Default)]
pub struct Requests {
    /// By who answered and how.
    pub answered: Pairs<Class, Status>,
    /// How long that took, from the whole head to the end of the answer; streams and tunnels
    /// aside.
    pub took: Histograms<Class>,
    /// Under way.
    pub in_flight: Gauge,
    /// Heads that did not pass.
    pub refused: Counters<Refusal>,
    /// How the upstream failed them.
    pub upstream_errors: Counters<UpstreamError>,
    /// Connections that were accepted.
    pub accepted: Counter,
    /// Connections that are open, those of streams aside.
    pub connections: Gauge,
    /// Connections that were closed because there may be no more.
    pub shed: Counters<Shed>,
}

/// Streams of subscribers.
#[derive(Debug, Default)]
pub struct Streams {
    /// Open.
    pub open: Gauges<Dialect>,
    /// Begun.
    pub opened: Counters<Dialect>,
    /// Of those, the ones that came back for a past that could be served.
    pub resumed: Counter,
    /// Sent away before they began.
    pub turned_away: Counters<Away>,
    /// Ended.
    pub closed: Counters<Disconnect>,
    /// Events that were written to one.
    pub delivered: Counters<Source>,
    /// Bytes that sockets took, heads and pings included.
    pub bytes: Counter,
    /// Gaps that were told to one.
    pub gaps: Counters<Gap>,
}

/// Configurations that were read after the first.
#[derive(Debug)]
pub struct Reloads {
    /// By whether they are in force.
    pub ended: Counters<Success>,
    /// Whether the last was refused.
    refused: AtomicBool,
    /// When one came in force last, in seconds.
    since: Gauge,
}

/// Questions to the upstream.
#[derive(Debug, Default)]
pub struct Questions {
    /// By what it said.
    pub ended: Counters<Said>,
    /// Not answered yet: those that wait for their turn and those that are being asked.
    pub waiting: Gauge,
}

impl Metrics {
    /// Nothing has been counted; the process began at `started`.
    #[must_use]
    pub fn new(started: Timestamp) -> Self {
        let reloads = Reloads {
            ended: Counters::default(),
            refused: AtomicBool::new(false),
            since: Gauge::default(),
        };
        reloads.since.set(seconds(started));
        Self {
            started,
            requests: Requests::default(),
            writes: Counters::default(),
            uncertain: Counters::default(),
            streams: Streams::default(),
            publishes: Counters::default(),
            submissions: Counters::default(),
            reloads,
            identities: Questions::default(),
            records: Questions::default(),
            completions: Counters::default(),
            jwks: Counters::default(),
        }
    }

    /// Counts an observed write.
    pub fn wrote(&self, outcome: WriteOutcome, doubt: Option<Doubt>) {
        self.writes.inc(outcome);
        if let Some(doubt) = doubt {
            self.uncertain.inc(doubt);
        }
    }
}

impl Requests {
    /// Counts a request that was answered; `took` is none for what is no request in time, as a
    /// stream.
    pub fn answered(&self, class: Class, status: Status, took: Option<Duration>) {
        self.answered.inc(class, status);
        if let Some(took) = took {
            self.took.observe(class, took);
        }
    }
}

impl Reloads {
    /// A configuration came in force at `now`.
    pub fn succeed(&self, now: Timestamp) {
        self.ended.inc(Success::Success);
        self.since.set(seconds(now));
        self.refused.store(false, Ordering::Relaxed);
    }

    /// A configuration was refused: the one of before stays in force.
    pub fn fail(&self) {
        self.ended.inc(Success::Failure);
        self.refused.store(true, Ordering::Relaxed);
    }

    /// What was refused is what is in force by now.
    pub fn withdraw(&self) {
        self.refused.store(false, Ordering::Relaxed);
    }

    /// Whether the file was refused that was read last.
    #[must_use]
    pub fn is_refused(&self) -> bool {
        self.refused.load(Ordering::Relaxed)
    }
}

fn seconds(at: Timestamp) -> u64 {
    u64::try_from(at.as_second()).unwrap_or(0)
}

#[cfg(test)]
mod tests;
