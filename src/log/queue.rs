//! What was submitted to the files and is not published yet, in its order.
//!
//! ```text
//!   submit ──► [ ][ ][ ][ ][ ][ ][ ] ──► pop, as it is published
//!               not taken │ written │ synced
//! ```
//! Each submission has a number, by which the threads say how far they are. Bounded by the
//! requests under way: whoever submits waits, and what nobody waits for belongs to one who did.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::{Level, Record};
use crate::limits::WRITE_RECORDS_MAX;

/// The submissions for one pair of threads.
#[derive(Debug)]
pub(super) struct Queue {
    pub(super) level: Level,
    /// Which pair of threads it is for.
    pub(super) run: u64,
    /// The seq that was given last.
    pub(super) given: u64,
    /// Oldest first.
    submissions: VecDeque<Submission>,
    /// How many were ever popped off the front: with it a submission has a number.
    popped: u64,
    /// The number up to which the writer has taken them.
    taken: u64,
    /// The number up to which it has written them.
    written: u64,
}

/// A record on its way to the files.
#[derive(Debug)]
pub(super) struct Submission {
    pub(super) record: Arc<Record>,
    since: Instant,
    pub(super) waiting: Option<oneshot::Sender<()>>,
}

/// What the writer is to write: everything up to this number.
#[derive(Debug)]
pub(super) struct Taken {
    pub(super) upto: u64,
    pub(super) records: Vec<Arc<Record>>,
}

/// Those who waited for something that has happened. To be told without the lock.
#[must_use]
#[derive(Debug, Default)]
pub(super) struct Told(pub(super) Vec<oneshot::Sender<()>>);

impl Queue {
    /// Nothing yet, at level `level`, behind the seq `given`.
    pub(super) fn new(level: Level, run: u64, given: u64) -> Self {
        Self {
            level,
            run,
            given,
            submissions: VecDeque::new(),
            popped: 0,
            taken: 0,
            written: 0,
        }
    }

    /// Takes a record for which nobody waits.
    pub(super) fn submit(&mut self, record: Record, now: Instant) {
        self.push(record, now, None);
    }

    /// Takes a record. The answer is told when it is where it has to be.
    pub(super) fn submit_for(&mut self, record: Record, now: Instant) -> oneshot::Receiver<()> {
        let (waiting, told) = oneshot::channel();
        self.push(record, now, Some(waiting));
        told
    }

    fn push(&mut self, record: Record, now: Instant, waiting: Option<oneshot::Sender<()>>) {
        self.submissions.push_back(Submission {
            record: Arc::new(record),
            since: now,
            waiting,
        });
    }

    /// What there is to write.
    pub(super) fn take(&mut self) -> Taken {
        let from = usize::try_from(self.taken - self.popped).unwrap_or(usize::MAX);
        let rest = self.submissions.iter().skip(from).take(WRITE_RECORDS_MAX);
        let records: Vec<_> = rest.map(|of| Arc::clone(&of.record)).collect();
        self.taken += records.len() as u64;
        Taken {
            upto: self.taken,
            records,
        }
    }

    /// Whether there is something to take.
    pub(super) fn has_work(&self) -> bool {
        self.taken < self.newest()
    }

    /// The number of the newest submission.
    pub(super) fn newest(&self) -> u64 {
        self.popped + self.submissions.len() as u64
    }

    /// Whether everything up to the number `upto` was popped.
    pub(super) fn is_past(&self, upto: u64) -> bool {
        self.popped >= upto
    }

    /// Everything up to the number `upto` is written: who waits for a note waits no longer. What is
    /// not behind an event leaves the queue.
    pub(super) fn wrote(&mut self, upto: u64) -> Told {
        let written = usize::try_from(upto.saturating_sub(self.popped)).unwrap_or(usize::MAX);
        let notes = self.submissions.iter_mut().take(written);
        let notes = notes.filter(|of| of.record.is_note());
        let told = notes.filter_map(|of| of.waiting.take()).collect();
        self.written = upto;
        self.pop_notes();
        Told(told)
    }

    /// Lets go of the notes at the front that are written: nobody waits for their sync.
    pub(super) fn pop_notes(&mut self) {
        let is_note = |of: &Submission| of.record.is_note();
        while self.popped < self.written && self.submissions.front().is_some_and(is_note) {
            self.submissions.pop_front();
            self.popped += 1;
        }
    }

    /// The oldest submission, if its number is `upto` or less.
    pub(super) fn pop(&mut self, upto: u64) -> Option<Submission> {
        if self.popped >= upto {
            return None;
        }
        let oldest = self.submissions.pop_front()?;
        self.popped += 1;
        Some(oldest)
    }

    /// For how long the oldest submission has been here.
    pub(super) fn waited(&self, now: Instant) -> Option<Duration> {
        let oldest = self.submissions.front()?;
        Some(now.saturating_duration_since(oldest.since))
    }
}

impl Taken {
    /// Whether somebody waits until it is synced: notes have to survive the process alone.
    pub(super) fn waits_for_sync(&self) -> bool {
        self.records.iter().any(|record| !record.is_note())
    }
}

impl Told {
    /// Tells them. One that waits no longer is not missed.
    pub(super) fn tell(self) {
        for waiting in self.0 {
            let (Ok(()) | Err(())) = waiting.send(());
        }
    }
}
