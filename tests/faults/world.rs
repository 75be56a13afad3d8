//! An upstream with a journal, a sidecar before it, and who listens to it.

use std::fmt::{self, Display};
use std::net::SocketAddr;
use std::ops::Range;
use std::path::Path;
use std::time::Duration;

use serde_json::json;
use tokio::sync::oneshot;
use tokio::task::JoinSet;

use super::checker::{Promise, Violation, check};
use super::history::{History, Outcome, Recorder, What, Write};
use super::listener::Listener;
use super::upstream::Upstream;
use super::writer::Writer;
use crate::harness::{EVERYTHING, Sidecar, within};

/// How durable the log is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Level {
    Disk,
    Memory,
    Process,
}

pub(crate) const LEVELS: [Level; 3] = [Level::Memory, Level::Process, Level::Disk];

impl Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Disk => "disk",
            Self::Memory => "memory",
            Self::Process => "process",
        })
    }
}

/// [`EVERYTHING`] with a log of that level in that folder, and `more` keys of it.
///
/// More is kept than any test writes, unless `more` says otherwise; an upstream that hangs is
/// given up soon.
pub(crate) fn configuration(level: Level, folder: &Path, more: &str) -> String {
    let folder = match level {
        Level::Memory => String::new(),
        Level::Disk | Level::Process => format!("  dir: {}\n", folder.display()),
    };
    let keep = "  keep: { events: 10000000, bytes: 4GiB, age: 24h }\n";
    let upstream = "upstream: { url: \"UPSTREAM\", read_timeout: 500ms }";
    let ping = "{ path: /realtime, ping_interval: 1s }";
    EVERYTHING
        .replace("upstream: UPSTREAM", upstream)
        .replace("{ path: /realtime }", ping)
        + &format!("log:\n  level: {level}\n{folder}{keep}{more}")
}

/// A folder on a disk, for a log. It is gone after the test.
pub(crate) fn log_folder() -> tempfile::TempDir {
    tempfile::Builder::new()
        .prefix("log-")
        .tempdir_in(env!("CARGO_TARGET_TMPDIR"))
        .unwrap()
}

pub(crate) struct World {
    /// What its numbers are printed with.
    name: String,
    pub(crate) upstream: Upstream,
    pub(crate) sidecar: Sidecar,
    pub(crate) recorder: Recorder,
    listeners: JoinSet<()>,
    writers: usize,
    /// How often the sidecar was killed.
    cycles: usize,
}

/// The custom event at which the listeners stop.
const END: &str = "END";
/// Between two looks at what they have heard.
const PAUSE: Duration = Duration::from_millis(100);
/// How long listeners may take to hear all: those behind a broken network lose their stream often.
const PATIENCE: Duration = Duration::from_secs(40);

impl World {
    /// With a log of that level in that folder.
    pub(crate) async fn start(name: &str, level: Level, folder: &Path) -> Self {
        let yaml = configuration(level, folder, "");
        Self::start_with(&format!("{name}-{level}"), &yaml).await
    }

    pub(crate) async fn start_with(name: &str, yaml: &str) -> Self {
        let upstream = Upstream::start().await;
        let behind = upstream.address();
        Self::start_behind(name, yaml, upstream, behind).await
    }

    /// The sidecar finds the upstream at `behind`.
    pub(crate) async fn start_behind(
        name: &str,
        yaml: &str,
        upstream: Upstream,
        behind: SocketAddr,
    ) -> Self {
        let sidecar = Sidecar::start(&format!("http://{behind}"), yaml).await;
        Self {
            name: name.to_owned(),
            upstream,
            sidecar,
            recorder: Recorder::default(),
            listeners: JoinSet::new(),
            writers: 0,
            cycles: 0,
        }
    }

    /// Another writer, with a collection of its own.
    pub(crate) fn writer(&mut self) -> Writer {
        self.writer_to(self.sidecar.address())
    }

    /// As [`World::writer`], who finds the sidecar at `address`.
    pub(crate) fn writer_to(&mut self, address: SocketAddr) -> Writer {
        self.writers += 1;
        Writer::new(self.writers - 1, address, &self.recorder)
    }

    /// Another listener, who finds the sidecar at `address` and leaves now and then.
    pub(crate) async fn listen_to(
        &mut self,
        address: SocketAddr,
        stays: Option<Range<usize>>,
        seed: u64,
    ) {
        let listener = Listener {
            address,
            recorder: self.recorder.clone(),
            number: self.recorder.listens(),
            stays,
            seed,
        };
        let (ready, is_ready) = oneshot::channel();
        self.listeners.spawn(listener.hear(END.to_owned(), ready));
        within("a stream", is_ready).await.unwrap();
    }

    /// A listener who stays.
    pub(crate) async fn listen(&mut self) {
        self.listen_to(self.sidecar.address(), None, 0).await;
    }

    /// Waits for the end of a sidecar that is being killed, and starts it again.
    pub(crate) async fn survive_kill(&mut self) {
        self.sidecar.exit().await;
        self.recorder.killed();
        self.sidecar.start_again().await;
        self.cycles += 1;
    }

    pub(crate) fn history(&self) -> History {
        self.recorder.history(self.upstream.journal())
    }

    /// Waits until everything was told that is to be told, and shows that no promise was broken.
    pub(crate) async fn settle(&mut self, promise: Promise) -> History {
        let told = async {
            loop {
                // A look at a long history takes a while, in which nobody hears anything.
                tokio::time::sleep(PAUSE).await;
                let violations = check(&self.history(), promise);
                if !violations.iter().any(Violation::may_be_mended) {
                    return;
                }
            }
        };
        // What is missing in the end is told below.
        if tokio::time::timeout(PATIENCE, told).await.is_ok() {
            // Whatever else is told comes before this.
            self.sidecar.publish(END, json!(null)).await.expect(200);
            let heard = async { while self.listeners.join_next().await.is_some() {} };
            within("the last event", heard).await;
        }
        let history = self.history();
        let violations = check(&history, promise);
        println!("{}", self.summary(&history, violations.len()));
        for violation in violations.iter().take(20) {
            println!("  {violation:?}: {}", of(&history, violation));
        }
        if !violations.is_empty() {
            for (number, hearings) in history.listeners.iter().enumerate() {
                let last = hearings.last().and_then(|hearing| hearing.heard.last());
                println!("  listener {number}, {} streams: {last:?}", hearings.len());
            }
        }
        assert!(violations.is_empty(), "{} violations", violations.len());
        history
    }

    /// One line of numbers.
    fn summary(&self, history: &History, violations: usize) -> String {
        let count = |outcome| {
            let writes = history.writes.iter();
            writes.filter(|write| write.outcome == outcome).count()
        };
        // As the first listener heard it.
        let heard = history.listeners.first().into_iter().flatten();
        let (mut events, mut uncertain, mut gaps) = (0, 0, 0);
        for heard in heard.flat_map(|hearing| &hearing.heard) {
            match heard.what {
                What::Written { .. } => events += 1,
                What::Uncertain { .. } => uncertain += 1,
                What::Gap { .. } => gaps += 1,
                What::Published(_) => {}
            }
        }
        format!(
            "faults: {} cycles={} writes={} acknowledged={} refused={} failed={} unknown={} \
             events={events} uncertain={uncertain} gaps={gaps} violations={violations}",
            self.name,
            self.cycles,
            history.writes.len(),
            count(Outcome::Acknowledged),
            count(Outcome::Refused),
            count(Outcome::Failed),
            count(Outcome::Unknown),
        )
    }
}

/// What is known of the write that a violation is about.
fn of(history: &History, violation: &Violation) -> String {
    let text = format!("{violation:?}");
    let named = |write: &&Write| text.contains(&format!("{:?}", write.token));
    let known = history.writes.iter().filter(named).map(|write| {
        let deed = history.journal.get(&write.token);
        format!("{write:?} {deed:?}")
    });
    known.collect::<Vec<_>>().join("; ")
}
