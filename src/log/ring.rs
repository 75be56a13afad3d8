//! The newest events, in memory: what the engine reads while nobody is far behind.
//!
//! Bounded by number, bytes and age. Without files this is the whole log; with them it holds
//! what was written last, and who wants more asks the files.
//!
//! Pure: it reads no clock.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use crate::event::{Cursor, Epoch, Event};
use crate::limits::Keep;

/// Events without a hole, the newest last.
#[derive(Debug)]
pub(super) struct Ring {
    epoch: Epoch,
    /// The seq of the newest event; 0 before the first.
    tail: u64,
    /// Oldest first: the last has the seq `tail`.
    entries: VecDeque<Entry>,
    /// The sum of the entries' bytes.
    bytes: usize,
    keep: Keep,
}

#[derive(Debug)]
struct Entry {
    event: Arc<Event>,
    bytes: usize,
    /// When it was appended, by the clock that never goes back: its age counts from here.
    appended: Instant,
}

impl Ring {
    /// Empty, at the place `tail` of `epoch`.
    pub(super) fn new(epoch: Epoch, tail: u64, keep: Keep) -> Self {
        Self {
            epoch,
            tail,
            entries: VecDeque::new(),
            bytes: 0,
            keep,
        }
    }

    /// Begins another epoch: what is here means nothing in it.
    pub(super) fn begin(&mut self, epoch: Epoch) {
        *self = Self::new(epoch, 0, self.keep.clone());
    }

    /// Takes the event of the next place, and lets go of what is no longer kept. The newest
    /// event is kept even if it is larger than all that may be kept.
    pub(super) fn push(&mut self, event: Arc<Event>, now: Instant) {
        self.tail = event.cursor.seq;
        let bytes = event.bytes();
        self.bytes += bytes;
        self.entries.push_back(Entry {
            event,
            bytes,
            appended: now,
        });
        self.trim(now);
    }

    /// Lets go of what is no longer kept.
    pub(super) fn trim(&mut self, now: Instant) {
        while let Some(oldest) = self.entries.front() {
            let over = self.entries.len() > self.keep.events || self.bytes > self.keep.bytes;
            let old = now.saturating_duration_since(oldest.appended) > self.keep.age;
            if !(old || over && self.entries.len() > 1) {
                break;
            }
            self.bytes -= oldest.bytes;
            self.entries.pop_front();
        }
        if self.entries.capacity() > 2 * self.entries.len().max(SPARE_ENTRIES) {
            self.entries
                .shrink_to(self.entries.len().max(SPARE_ENTRIES));
        }
    }

    /// Keeps by other limits from now on.
    pub(super) fn set_keep(&mut self, keep: Keep, now: Instant) {
        self.keep = keep;
        self.trim(now);
    }

    /// The place of the newest event.
    pub(super) fn tail(&self) -> Cursor {
        Cursor {
            epoch: self.epoch,
            seq: self.tail,
        }
    }

    /// The events after the place `seq`, oldest first; none if some of them are not here.
    pub(super) fn after(&self, seq: u64) -> Option<impl Iterator<Item = &Arc<Event>>> {
        let skip = usize::try_from(seq.checked_sub(self.oldest())?).unwrap_or(usize::MAX);
        let from = skip.min(self.entries.len());
        Some(self.entries.range(from..).map(|entry| &entry.event))
    }

    /// The smallest place after which everything is here.
    pub(super) fn oldest(&self) -> u64 {
        self.tail - self.entries.len() as u64
    }

    /// How many events are here.
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// The bytes of the events that are here.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }
}

/// Room that an emptied ring keeps, so that it does not grow anew for each event.
const SPARE_ENTRIES: usize = 64;
