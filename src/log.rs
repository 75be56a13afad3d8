//! The bounded past: append, read from a cursor, follow, tell a gap.
//!
//! The log gives each event its place. Whoever was sent the events up to a place needs to keep
//! nothing but that place: the rest is read from here, live or much later, so replay ends where
//! live begins by construction. A log that is lost is another [`Epoch`]; its places mean
//! nothing in this one.
//!
//! ```text
//!   append, intend ──► State (one lock) ──► writer ──► syncer ──► State: published ──► grown
//!                        ring, queue         (files: Directory, by two threads)
//! ```
//! | part | what it does |
//! | --- | --- |
//! | `state` | gives places, says what is published; pure |
//! | `queue` | what was submitted and is not published yet; pure |
//! | `ring` | the newest events, in memory; pure |
//! | `intent` | writes under way |
//! | `file` | segments in a directory: write, recover, read |
//! | `keeper` | the threads: they write, sync, give up and begin anew |
//!
//! What another home of the log, one over a network, has to bring is what `file` and `keeper`
//! bring: it takes submissions in their order and says up to which they are held, reads from a
//! place, and says when an epoch has ended. The rest stays.
//!
//! - **An append is not waited for by whoever makes it**, but by the end of the answer that it
//!   belongs to ([`Ticket`]). No caller ever touches a file: a disk that hangs holds nobody up
//!   for longer than `log.wait`.
//! - **Intents.** Before an observed write goes upstream the files know of it. What is left of
//!   them after a crash becomes `uncertain` before anything else happens.
//! - **Nothing pretends.** When a write or a sync fails, or takes too long, the epoch ends at once
//!   and everybody is told a gap; events are told from memory meanwhile, at level `memory`, and
//!   another epoch begins in the files as soon as they are well. A sync that failed is never
//!   tried again on the same file: what it was to save may be gone.

mod appended;
mod file;
mod intent;
mod keeper;
mod queue;
mod ring;
mod state;

use std::any::Any;
use std::future::Future;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::sync_channel;
use std::task::{Context, Poll};
use std::thread;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use parking_lot::{Condvar, Mutex};
use tokio::sync::{Notify, oneshot};

pub use appended::Appended;
pub use file::OpenError;
pub use intent::{Intent, Refused, Unsettled};

use crate::event::{Cursor, Epoch, Event, Gap, Kind, Since};
use crate::limits::{Keep, READ_BYTES, READ_EVENTS};
use file::Directory;
use state::State;

/// The log. Cheap to clone; all clones are one.
#[derive(Clone, Debug)]
pub struct Log(Arc<Shared>);

/// How durable the log is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// In memory: it ends with the process.
    Memory,
    /// Written to files: it survives the end of the process, however that comes.
    Process,
    /// Written to files and synced: it survives the end of the machine's power.
    Disk,
}

/// What becomes of writes while the log has failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnFailure {
    /// They are refused with 503 before they reach the upstream.
    Refuse,
    /// They go on, and their events are told from memory.
    Release,
}

/// What of the log's configuration may change while it runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terms {
    /// How much of the past is kept: `log.keep`.
    pub keep: Keep,
    /// How long an answer waits for the log at most: `log.wait`.
    pub wait: Duration,
    /// What becomes of writes while the log has failed: `log.on_failure`.
    pub on_failure: OnFailure,
}

/// Ready when the log holds what was appended, or has failed; at the latest after `log.wait`.
///
/// Dropped, nothing is lost: the append goes on.
#[derive(Debug)]
pub struct Ticket {
    told: oneshot::Receiver<()>,
    /// What is let go with it.
    kept: Option<Box<dyn Any + Send>>,
}

impl Ticket {
    /// Ready when that is told.
    pub(crate) fn until(told: oneshot::Receiver<()>) -> Self {
        Self { told, kept: None }
    }

    /// Keeps something until then.
    pub(crate) fn keeping(mut self, what: impl Any + Send) -> Self {
        self.kept = Some(Box::new(what));
        self
    }
}

/// What a place has to be followed by.
#[derive(Debug)]
pub enum Past {
    /// There is something, but no longer in memory: [`Log::read`] has it.
    InFiles,
    /// All of it is here: the next events, oldest first; none if there are none.
    Recent(Vec<Arc<Event>>),
}

/// What a read found: the events after a place, without a hole up to `upto`.
#[derive(Clone, Debug)]
pub struct Piece {
    /// Oldest first. A span that is damaged is one [`Kind::Gap`] at the last place of it.
    pub events: Vec<Arc<Event>>,
    /// The place up to which nothing is missing from `events`.
    pub upto: u64,
}

/// How the log stands.
#[derive(Clone, Debug)]
pub struct Standing {
    /// The level that the configuration asks for.
    pub level: Level,
    /// The level at which events are held now.
    pub holds: Level,
    /// Why the two differ, if they do.
    pub failure: Option<Arc<str>>,
    /// The place of the newest event.
    pub tail: Cursor,
    /// Events kept.
    pub events: u64,
    /// Bytes of them: of memory at level `memory`, of files otherwise.
    pub bytes: u64,
    /// Appends since the start.
    pub appends: u64,
    /// Syncs since the start.
    pub syncs: u64,
    /// Failures since the start.
    pub failures: u64,
    /// Events that were appended since the start.
    pub appended: Appended,
}

/// One record of the log's files: all of it is there or nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Record {
    /// The log was closed in order: nothing that was appended is missing.
    End,
    /// Events with consecutive places, never none. They tell the outcome of the write whose
    /// intent has the number `settles`.
    Events {
        events: Vec<Arc<Event>>,
        settles: Option<u64>,
    },
    /// A write goes upstream.
    Intent { number: u64, write: Unsettled },
    /// The write of that number amounted to no event.
    Settled { number: u64 },
}

impl Record {
    /// Whether it is a note of a write under way: it has to survive the process alone.
    fn is_note(&self) -> bool {
        matches!(self, Self::Intent { .. } | Self::Settled { .. })
    }
}

#[derive(Debug)]
struct Shared {
    /// Held for moments: no file and no socket is touched under it.
    state: Mutex<State>,
    /// Told when there is something for the writer.
    work: Condvar,
    /// Told when something was published, or the log has failed.
    done: Condvar,
    /// Told when the ring has grown. One permit is kept, so no call is missed.
    grown: Notify,
    /// Where the files are; none at level `memory`.
    directory: Option<Arc<Directory>>,
    /// The level that the configuration asks for.
    level: Level,
    /// As [`State::refuses`] says, for those who ask at each request. Relaxed: only a hint that
    /// is checked again under the lock.
    refuses: AtomicBool,
}

// === impl Log ===

impl Log {
    /// A log in memory.
    #[must_use]
    pub fn in_memory(epoch: Epoch, terms: Terms) -> Self {
        let state = State::in_memory(epoch, terms, Timestamp::now());
        Self(Arc::new(Shared::new(state, None, Level::Memory)))
    }

    /// A log in the files of `directory`: what is there is gone on with. Blocks while it reads.
    /// A file system that is full is no error: the log begins as one that has failed.
    ///
    /// # Errors
    /// [`OpenError`]: the directory cannot hold a log at that level.
    pub fn open(
        directory: &Path,
        level: Level,
        fresh: Epoch,
        terms: Terms,
    ) -> Result<Self, OpenError> {
        keeper::open(directory, level, fresh, terms)
    }

    /// Gives `kinds` the next places, and tells with them the outcome of the write `intent`: without
    /// any, that it amounted to nothing. When the log holds that the ticket is ready; without
    /// one it does already.
    #[must_use]
    pub fn append(&self, kinds: Vec<Kind>, intent: Option<Intent>) -> Option<Ticket> {
        let settles = intent.and_then(Intent::settle);
        if kinds.is_empty() && settles.is_none() {
            return None;
        }
        let told = {
            // The times are taken under the lock, so that they rise with the places.
            let mut state = self.0.state.lock();
            state.append(kinds, settles, (Timestamp::now(), Instant::now()))
        };
        self.0.work.notify_one();
        if told.is_none() {
            self.0.grown.notify_one();
        }
        told.map(Ticket::until)
    }

    /// Whether writes are refused now.
    #[must_use]
    pub fn refuses(&self) -> bool {
        self.0.refuses.load(Ordering::Relaxed)
    }

    /// The place of the newest event that may be heard.
    #[must_use]
    pub fn tail(&self) -> Cursor {
        self.0.state.lock().ring().tail()
    }

    /// The place from which a subscriber is to be served.
    ///
    /// # Errors
    /// [`Gap`]: the past that was asked for cannot be served whole.
    pub fn start(&self, since: Since) -> Result<Cursor, Gap> {
        let state = self.0.state.lock();
        let tail = state.ring().tail();
        match since {
            Since::After(cursor) if cursor.epoch != tail.epoch => Err(Gap::Foreign),
            // Nobody was ever sent a place that this log has not reached.
            Since::After(cursor) if cursor.seq > tail.seq => Err(Gap::Foreign),
            Since::After(cursor) if cursor.seq < self.0.oldest(&state) => Err(Gap::TooOld),
            Since::After(cursor) => Ok(cursor),
            Since::Malformed => Err(Gap::Malformed),
            Since::Now => Ok(tail),
        }
    }

    /// The events after a place of the epoch that lasts, as many as `take` wants: it is asked for
    /// each, oldest first, until it says no.
    ///
    /// # Errors
    /// [`Gap::Foreign`]: the epoch has ended. [`Gap::TooOld`]: they are no longer kept.
    pub fn after(&self, place: Cursor, mut take: impl FnMut(&Event) -> bool) -> Result<Past, Gap> {
        let state = self.0.state.lock();
        if state.ring().tail().epoch != place.epoch {
            return Err(Gap::Foreign);
        }
        match state.ring().after(place.seq) {
            Some(events) => {
                let events = events.take_while(|event| take(event));
                Ok(Past::Recent(events.map(Arc::clone).collect()))
            }
            None if place.seq < self.0.oldest(&state) => Err(Gap::TooOld),
            None => Ok(Past::InFiles),
        }
    }

    /// The smallest place after which everything is kept.
    #[must_use]
    pub fn oldest(&self) -> u64 {
        self.0.oldest(&self.0.state.lock())
    }

    /// Reads from the files what follows the place. Blocks.
    ///
    /// # Errors
    /// [`Gap`]: it is not there, or not any more.
    pub fn read(&self, place: Cursor) -> Result<Piece, Gap> {
        let Some(directory) = &self.0.directory else {
            return Err(Gap::TooOld);
        };
        let piece = directory.read(place.seq, READ_EVENTS, READ_BYTES, Timestamp::MIN)?;
        // Another epoch may have begun in the files meanwhile.
        let state = self.0.state.lock();
        let tail = state.ring().tail();
        if tail.epoch != place.epoch {
            return Err(Gap::Foreign);
        }
        // What is written is not published before it is synced.
        let mut events = piece.events;
        let published = events.partition_point(|event| event.cursor.seq <= tail.seq);
        let missing = events.get(published).filter(|next| next.kind == Kind::Gap);
        let missing = missing.map(|gap| gap.at);
        events.truncate(published);
        // A gap beyond it tells of what is missing before it as well.
        let reached = events.last().map_or(place.seq, |last| last.cursor.seq);
        if let Some(at) = missing
            && reached < tail.seq
        {
            let (cursor, kind) = (tail, Kind::Gap);
            events.push(Arc::new(Event { cursor, at, kind }));
        }
        Ok(Piece {
            events,
            upto: piece.upto.min(tail.seq),
        })
    }

    /// Whether an event that was read is young enough to be told.
    #[must_use]
    pub fn keeps(&self, event: &Event) -> bool {
        let age = Timestamp::now().duration_since(event.at);
        // One from the future, after a clock went back, is young.
        Duration::try_from(age).map_or(true, |age| age <= self.0.state.lock().terms.keep.age)
    }

    /// Told when there is more to be heard.
    #[must_use]
    pub fn grown(&self) -> &Notify {
        &self.0.grown
    }

    /// Lets other terms count.
    pub fn set_terms(&self, terms: Terms) {
        let mut state = self.0.state.lock();
        state.set_terms(terms, Instant::now());
        self.0.refuses.store(state.refuses(), Ordering::Relaxed);
        drop(state);
        self.0.work.notify_all();
    }

    /// Lets go of what is no longer kept in memory.
    pub fn trim(&self) {
        self.0.state.lock().ring_mut().trim(Instant::now());
    }

    /// The level at which events are held now.
    #[must_use]
    pub fn holds(&self) -> Level {
        self.0.state.lock().holds()
    }

    /// How the log stands.
    #[must_use]
    pub fn standing(&self) -> Standing {
        let state = self.0.state.lock();
        let (tail, ring) = (state.ring().tail(), state.ring());
        let (events, bytes) = match (&self.0.directory, state.failure()) {
            (Some(directory), None) => (tail.seq - self.0.oldest(&state), directory.bytes()),
            _ => (ring.len() as u64, ring.bytes() as u64),
        };
        Standing {
            level: self.0.level,
            holds: state.holds(),
            failure: state.failure().map(Arc::clone),
            tail,
            events,
            bytes,
            appends: state.counts.appends,
            syncs: state.counts.syncs,
            failures: state.counts.failures,
            appended: state.counts.appended,
        }
    }

    /// Writes what is left and closes the files in order; of a log that has failed leaves nothing to
    /// go on from. Blocks for `wait` at most; whether that is done then.
    #[must_use]
    pub fn close(&self, wait: Duration) -> bool {
        let until = Instant::now() + wait;
        let mut state = self.0.state.lock();
        if let Some(upto) = state.end(Instant::now()) {
            self.0.work.notify_one();
            while !state.has_published(upto) {
                if self.0.done.wait_until(&mut state, until).timed_out() {
                    return false;
                }
            }
        }
        let failed = state.failure().is_some();
        drop(state);
        match &self.0.directory {
            Some(directory) if failed => cleared(directory, until),
            _ => true,
        }
    }
}

/// Empties a directory that may hang; whether it did by that moment.
fn cleared(directory: &Arc<Directory>, until: Instant) -> bool {
    let (done, ended) = sync_channel(1);
    let directory = Arc::clone(directory);
    // Ends with the process.
    let begun = thread::Builder::new().spawn(move || done.try_send(directory.clear().is_ok()));
    let left = until.saturating_duration_since(Instant::now());
    begun.is_ok() && ended.recv_timeout(left).unwrap_or(false)
}

impl Shared {
    fn new(state: State, directory: Option<Arc<Directory>>, level: Level) -> Self {
        Self {
            refuses: AtomicBool::new(state.refuses()),
            state: Mutex::new(state),
            work: Condvar::new(),
            done: Condvar::new(),
            grown: Notify::new(),
            directory,
            level,
        }
    }

    /// The smallest place after which everything is kept, in memory or in files.
    fn oldest(&self, state: &State) -> u64 {
        let in_memory = state.ring().oldest();
        match (&self.directory, state.failure()) {
            (Some(directory), None) => {
                let kept = state.terms.keep.events as u64;
                let by_number = state.ring().tail().seq.saturating_sub(kept);
                in_memory.min(directory.oldest().max(by_number))
            }
            _ => in_memory,
        }
    }
}

// === impl Ticket ===

impl Future for Ticket {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        Pin::new(&mut self.told).poll(cx).map(drop)
    }
}

// === impl Level ===

impl Level {
    /// The level as it is written, in the configuration and in the `Tidings-Log` field.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::Process => "process",
            Self::Disk => "disk",
        }
    }
}

#[cfg(test)]
mod tests;
