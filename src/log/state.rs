//! What of the log is under its lock: the places that were given, what waits for the files, and
//! what may be heard.
//!
//! ```text
//!   submit ──► queue ──► take ──► (written) ──► wrote ──► (synced) ──► published ──► ring
//!                │                                                                    ▲
//!                └──────────────── fail: another epoch, from memory ──────────────────┘
//! ```
//! An event has its place from the moment it is submitted, and is heard once it is published: when
//! it is written (level `process`) or synced (`disk`). Without files it is published at once.
//!
//! Invariant: places are published in their order, without a hole, and only while the epoch in
//! which they were given lasts. A pair of threads that was given up has another `run` and
//! changes nothing any more.
//!
//! Pure: it does no I/O and reads no clock.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use jiff::Timestamp;
use tokio::sync::oneshot;

use super::queue::{Queue, Taken, Told};
use super::ring::Ring;
use super::{Appended, Level, OnFailure, Record, Terms, Unsettled};
use crate::event::{Cursor, Epoch, Event, Kind};
use crate::limits::{Keep, RECENT_BYTES, RECENT_EVENTS};

/// The state of a log.
#[derive(Debug)]
pub(super) struct State {
    ring: Ring,
    home: Home,
    /// Writes that went upstream and whose outcome is not in the log yet. Bounded by the requests
    /// under way. Empty where there are no files: who has no log needs no intent.
    unsettled: BTreeMap<u64, Unsettled>,
    /// The number of the newest intent.
    intents: u64,
    /// The time of the newest event: times rise with the places, whatever the clock does.
    newest: Timestamp,
    pub(super) terms: Terms,
    pub(super) counts: Counts,
}

/// What happened since the start.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counts {
    pub(super) appended: Appended,
    pub(super) appends: u64,
    pub(super) syncs: u64,
    pub(super) failures: u64,
}

/// Where events are held.
#[derive(Debug)]
pub(super) enum Home {
    /// In files, written by a pair of threads.
    Files(Queue),
    /// In memory until the files are well again, and why.
    Failed(Arc<str>),
    /// In memory.
    Memory,
}

impl State {
    /// A log in memory.
    pub(super) fn in_memory(epoch: Epoch, terms: Terms, now: Timestamp) -> Self {
        Self {
            ring: Ring::new(epoch, 0, terms.keep.clone()),
            home: Home::Memory,
            unsettled: BTreeMap::new(),
            intents: 0,
            newest: now,
            terms,
            counts: Counts::default(),
        }
    }

    /// A log in files, of which `recent` are the newest events, up to the place `tail`.
    pub(super) fn in_files(
        (level, run): (Level, u64),
        tail: Cursor,
        recent: Vec<(Arc<Event>, Instant)>,
        terms: Terms,
        now: Timestamp,
    ) -> Self {
        let from = tail.seq - recent.len() as u64;
        let mut ring = Ring::new(tail.epoch, from, kept_in_memory(&terms.keep));
        let mut newest = now;
        for (event, appended) in recent {
            newest = newest.max(event.at);
            ring.push(event, appended);
        }
        Self {
            ring,
            home: Home::Files(Queue::new(level, run, tail.seq)),
            unsettled: BTreeMap::new(),
            intents: 0,
            newest,
            terms,
            counts: Counts::default(),
        }
    }

    /// Begins in memory although there should be files.
    pub(super) fn failed(epoch: Epoch, terms: Terms, why: Arc<str>, now: Timestamp) -> Self {
        let mut state = Self::in_memory(epoch, terms, now);
        state
            .ring
            .set_keep(kept_in_memory(&state.terms.keep), Instant::now());
        state.home = Home::Failed(why);
        state.counts.failures = 1;
        state
    }

    /// Gives `kinds` the next places. They tell the outcome of the write `settles`. The answer
    /// is told when the log holds them; none if it does already.
    pub(super) fn append(
        &mut self,
        kinds: Vec<Kind>,
        settles: Option<u64>,
        (at, now): (Timestamp, Instant),
    ) -> Option<oneshot::Receiver<()>> {
        if let Some(number) = settles {
            self.unsettled.remove(&number);
        }
        if kinds.is_empty() {
            // A refusal is released once it is noted: or it would be uncertain after a crash.
            let (Some(number), Home::Files(queue)) = (settles, &mut self.home) else {
                return None;
            };
            return Some(queue.submit_for(Record::Settled { number }, now));
        }
        self.counts.appends += 1;
        kinds
            .iter()
            .for_each(|kind| self.counts.appended.count(kind));
        self.newest = self.newest.max(at);
        let events = self.placed(kinds);
        match &mut self.home {
            Home::Files(queue) => Some(queue.submit_for(Record::Events { events, settles }, now)),
            Home::Failed(_) | Home::Memory => {
                events
                    .into_iter()
                    .for_each(|event| self.ring.push(event, now));
                None
            }
        }
    }

    /// The next places for `kinds`.
    fn placed(&mut self, kinds: Vec<Kind>) -> Vec<Arc<Event>> {
        let epoch = self.ring.tail().epoch;
        let mut seq = match &self.home {
            Home::Files(queue) => queue.given,
            Home::Failed(_) | Home::Memory => self.ring.tail().seq,
        };
        let place = |kind| {
            seq += 1;
            let cursor = Cursor { epoch, seq };
            let at = self.newest;
            Arc::new(Event { cursor, at, kind })
        };
        let events = kinds.into_iter().map(place).collect();
        if let Home::Files(queue) = &mut self.home {
            queue.given = seq;
        }
        events
    }

    /// Notes a write before it goes upstream. The answer is its number, and what is told when the
    /// note is in the files; no number where nothing would survive anyway.
    pub(super) fn intend(
        &mut self,
        write: Unsettled,
        now: Instant,
    ) -> (Option<u64>, Option<oneshot::Receiver<()>>) {
        if matches!(self.home, Home::Memory) {
            return (None, None);
        }
        self.intents += 1;
        let number = self.intents;
        self.unsettled.insert(number, write.clone());
        let Home::Files(queue) = &mut self.home else {
            return (Some(number), None);
        };
        let told = queue.submit_for(Record::Intent { number, write }, now);
        (Some(number), Some(told))
    }

    /// The write of that number, if its outcome was not told.
    pub(super) fn unsettled(&self, number: u64) -> Option<&Unsettled> {
        self.unsettled.get(&number)
    }

    /// Every write whose outcome was not told.
    pub(super) fn all_unsettled(&self) -> Vec<(u64, Unsettled)> {
        let all = self.unsettled.iter();
        all.map(|(number, write)| (*number, write.clone()))
            .collect()
    }

    /// What there is to write for the threads `run`; none if they were given up.
    pub(super) fn take(&mut self, run: u64) -> Option<Taken> {
        self.queue(run).map(Queue::take)
    }

    /// The threads `run` have written everything up to the number `upto`.
    pub(super) fn wrote(&mut self, run: u64, upto: u64, now: Instant) -> Told {
        let Some(queue) = self.queue(run) else {
            return Told::default();
        };
        if queue.level == Level::Process {
            return self.publish(upto, now);
        }
        // Notes survive the process now, which is all that they have to.
        queue.wrote(upto)
    }

    /// The threads `run` have synced everything up to the number `upto`.
    pub(super) fn synced(&mut self, run: u64, upto: u64, now: Instant) -> Told {
        if self.queue(run).is_none() {
            return Told::default();
        }
        self.counts.syncs += 1;
        self.publish(upto, now)
    }

    fn publish(&mut self, upto: u64, now: Instant) -> Told {
        let Home::Files(queue) = &mut self.home else {
            return Told::default();
        };
        let mut told = Vec::new();
        while let Some(submission) = queue.pop(upto) {
            if let Record::Events { events, .. } = &*submission.record {
                for event in events {
                    self.ring.push(Arc::clone(event), now);
                }
            }
            told.extend(submission.waiting);
        }
        queue.pop_notes();
        Told(told)
    }

    /// The files are given up: another epoch begins, in memory, with a gap and with what was
    /// waiting. Does nothing if `run` was given up before.
    pub(super) fn fail(
        &mut self,
        run: u64,
        epoch: Epoch,
        why: Arc<str>,
        now: Instant,
    ) -> Option<Told> {
        let next = self.queue(run)?;
        let mut queue = std::mem::replace(next, Queue::new(Level::Memory, run, 0));
        self.home = Home::Failed(why);
        self.counts.failures += 1;
        self.ring.begin(epoch);
        self.counts.appended.count(&Kind::Gap);
        self.push(Kind::Gap, now);
        let mut told = Vec::new();
        while let Some(submission) = queue.pop(u64::MAX) {
            if let Record::Events { events, .. } = &*submission.record {
                let kinds = events.iter().map(|event| event.kind.clone());
                kinds.for_each(|kind| self.push(kind, now));
            }
            told.extend(submission.waiting);
        }
        Some(Told(told))
    }

    /// The files are well again: another epoch has begun in them, with this gap. `known` are the
    /// writes under way that they know of already.
    pub(super) fn recover(
        &mut self,
        (level, run): (Level, u64),
        gap: Arc<Event>,
        known: &[(u64, Unsettled)],
        now: Instant,
    ) {
        let mut queue = Queue::new(level, run, gap.cursor.seq);
        self.counts.appended.count(&gap.kind);
        self.ring.begin(gap.cursor.epoch);
        self.ring.push(gap, now);
        for (number, _) in known {
            if !self.unsettled.contains_key(number) {
                queue.submit(Record::Settled { number: *number }, now);
            }
        }
        let newest_known = known.last().map_or(0, |(number, _)| *number);
        for (number, write) in self.unsettled.range(newest_known + 1..) {
            let (number, write) = (*number, write.clone());
            queue.submit(Record::Intent { number, write }, now);
        }
        self.home = Home::Files(queue);
    }

    /// Publishes an event that is in memory alone.
    fn push(&mut self, kind: Kind, now: Instant) {
        for event in self.placed(vec![kind]) {
            self.ring.push(event, now);
        }
    }

    /// Submits the last record, and the number up to which everything has to be published then.
    pub(super) fn end(&mut self, now: Instant) -> Option<u64> {
        let Home::Files(queue) = &mut self.home else {
            return None;
        };
        queue.submit(Record::End, now);
        Some(queue.newest())
    }

    /// Whether everything up to the number `upto` is published, or nothing will be any more.
    pub(super) fn has_published(&self, upto: u64) -> bool {
        match &self.home {
            Home::Files(queue) => queue.is_past(upto),
            Home::Failed(_) | Home::Memory => true,
        }
    }

    /// Whether there is something for the writer to take.
    pub(super) fn has_work(&self) -> bool {
        match &self.home {
            Home::Files(queue) => queue.has_work(),
            Home::Failed(_) | Home::Memory => false,
        }
    }

    /// Whether the threads `run` are those that are to write.
    pub(super) fn is_current(&mut self, run: u64) -> bool {
        self.queue(run).is_some()
    }

    /// The threads that have let somebody wait for too long.
    pub(super) fn overdue(&self, now: Instant) -> Option<u64> {
        let Home::Files(queue) = &self.home else {
            return None;
        };
        let waited = queue.waited(now)?;
        (waited > self.terms.wait).then_some(queue.run)
    }

    /// Lets other terms count.
    pub(super) fn set_terms(&mut self, terms: Terms, now: Instant) {
        let keep = match self.home {
            Home::Memory => terms.keep.clone(),
            Home::Failed(_) | Home::Files(_) => kept_in_memory(&terms.keep),
        };
        self.ring.set_keep(keep, now);
        self.terms = terms;
    }

    /// The level at which events are held now.
    pub(super) fn holds(&self) -> Level {
        match &self.home {
            Home::Files(queue) => queue.level,
            Home::Failed(_) | Home::Memory => Level::Memory,
        }
    }

    /// Why the files are not used, if they should be.
    pub(super) fn failure(&self) -> Option<&Arc<str>> {
        match &self.home {
            Home::Failed(why) => Some(why),
            Home::Files(_) | Home::Memory => None,
        }
    }

    /// Whether writes are refused.
    pub(super) fn refuses(&self) -> bool {
        self.terms.on_failure == OnFailure::Refuse && self.failure().is_some()
    }

    pub(super) fn ring(&self) -> &Ring {
        &self.ring
    }

    pub(super) fn ring_mut(&mut self) -> &mut Ring {
        &mut self.ring
    }

    fn queue(&mut self, run: u64) -> Option<&mut Queue> {
        match &mut self.home {
            Home::Files(queue) if queue.run == run => Some(queue),
            Home::Failed(_) | Home::Files(_) | Home::Memory => None,
        }
    }
}

/// What the ring keeps of a log in files.
pub(super) fn kept_in_memory(keep: &Keep) -> Keep {
    Keep {
        events: keep.events.min(RECENT_EVENTS),
        bytes: keep.bytes.min(RECENT_BYTES),
        age: keep.age,
    }
}

#[cfg(test)]
mod tests;
