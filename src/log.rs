//! The bounded past: append, read from a cursor, tell a gap.
//!
//! The log gives each event its place. Whoever was sent the events up to a place needs to
//! keep nothing but that place: the rest is read from here, live or much later, so replay
//! ends where live begins by construction.
//!
//! A log that is lost is another [`Epoch`]; its places mean nothing in this one. This log is
//! in memory: its epoch is the process's.
//!
//! Reads no clock: the caller says what time it is.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use jiff::Timestamp;

use crate::event::{Cursor, Epoch, Event, Gap, Kind, Since};
use crate::limits::Keep;

/// A ring of events in memory, bounded by number, bytes and age.
#[derive(Debug)]
pub struct Log {
    epoch: Epoch,
    /// The seq of the newest event; 0 before the first.
    tail: u64,
    /// The newest events without a hole, oldest first: the last has the seq `tail`.
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

impl Log {
    /// An empty log.
    #[must_use]
    pub fn new(epoch: Epoch, keep: Keep) -> Self {
        Self {
            epoch,
            tail: 0,
            entries: VecDeque::new(),
            bytes: 0,
            keep,
        }
    }

    /// Gives `kinds` the next places, in their order, and lets go of what is no longer kept.
    /// The newest event is kept even if it is larger than all that may be kept.
    pub fn append(&mut self, kinds: Vec<Kind>, at: Timestamp, now: Instant) {
        for kind in kinds {
            self.tail += 1;
            let event = Event {
                cursor: self.tail(),
                at,
                kind,
            };
            let bytes = event.bytes();
            self.bytes += bytes;
            self.entries.push_back(Entry {
                event: Arc::new(event),
                bytes,
                appended: now,
            });
        }
        self.trim(now);
    }

    /// Lets go of what is no longer kept.
    pub fn trim(&mut self, now: Instant) {
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
    pub fn set_keep(&mut self, keep: Keep, now: Instant) {
        self.keep = keep;
        self.trim(now);
    }

    /// The place of the newest event.
    #[must_use]
    pub fn tail(&self) -> Cursor {
        Cursor {
            epoch: self.epoch,
            seq: self.tail,
        }
    }

    /// The place from which a subscriber is to be served.
    ///
    /// # Errors
    /// [`Gap`]: the past that was asked for cannot be served whole.
    pub fn start(&self, since: Since) -> Result<Cursor, Gap> {
        match since {
            Since::After(cursor) if cursor.epoch != self.epoch => Err(Gap::Foreign),
            // Nobody was ever sent a place that this log has not reached.
            Since::After(cursor) if cursor.seq > self.tail => Err(Gap::Foreign),
            Since::After(cursor) if cursor.seq < self.oldest() => Err(Gap::TooOld),
            Since::After(cursor) => Ok(cursor),
            Since::Malformed => Err(Gap::Malformed),
            Since::Now => Ok(self.tail()),
        }
    }

    /// The events after the place `seq`, oldest first.
    ///
    /// # Errors
    /// [`Gap::TooOld`]: some of them are no longer kept.
    pub fn after(&self, seq: u64) -> Result<impl Iterator<Item = &Arc<Event>>, Gap> {
        if seq < self.oldest() {
            return Err(Gap::TooOld);
        }
        let skip = usize::try_from(seq - self.oldest()).unwrap_or(usize::MAX);
        let from = skip.min(self.entries.len());
        Ok(self.entries.range(from..).map(|entry| &entry.event))
    }

    /// How many events are kept.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether no event is kept.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The bytes of the events that are kept.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// The smallest place after which everything is kept.
    fn oldest(&self) -> u64 {
        self.tail - self.entries.len() as u64
    }
}

/// Room that an emptied ring keeps, so that it does not grow anew for each event.
const SPARE_ENTRIES: usize = 64;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;
    use crate::event::Json;

    fn custom(name: &str) -> Kind {
        Kind::Custom {
            name: name.into(),
            data: Json::null(),
        }
    }

    fn log(keep: Keep) -> Log {
        Log::new(Epoch::new(7), keep)
    }

    fn append(log: &mut Log, count: usize, now: Instant) {
        let kinds = (0..count).map(|_| custom("x")).collect();
        log.append(kinds, Timestamp::UNIX_EPOCH, now);
    }

    fn at(seq: u64) -> Cursor {
        Cursor {
            epoch: Epoch::new(7),
            seq,
        }
    }

    #[test]
    fn replay_is_everything_after_the_cursor_in_order() {
        let mut log = log(Keep::default());
        append(&mut log, 5, Instant::now());
        let seqs: Vec<u64> = log.after(2).unwrap().map(|e| e.cursor.seq).collect();
        assert_eq!(seqs, [3, 4, 5]);
        assert_eq!(log.after(5).unwrap().count(), 0);
    }

    #[test]
    fn what_is_over_the_number_the_bytes_or_the_age_is_let_go() {
        let start = Instant::now();
        let keep = Keep {
            events: 3,
            ..Keep::default()
        };
        let mut by_number = log(keep);
        append(&mut by_number, 5, start);
        assert_eq!(by_number.start(Since::After(at(1))), Err(Gap::TooOld));
        assert_eq!(by_number.start(Since::After(at(2))), Ok(at(2)));

        let one = Event {
            cursor: at(1),
            at: Timestamp::UNIX_EPOCH,
            kind: custom("x"),
        };
        let mut by_bytes = log(Keep {
            bytes: 2 * one.bytes(),
            ..Keep::default()
        });
        append(&mut by_bytes, 5, start);
        assert_eq!((by_bytes.len(), by_bytes.bytes()), (2, 2 * one.bytes()));

        let mut by_age = log(Keep {
            age: Duration::from_secs(60),
            ..Keep::default()
        });
        append(&mut by_age, 1, start);
        append(&mut by_age, 1, start + Duration::from_secs(61));
        assert_eq!(by_age.len(), 1);
        by_age.trim(start + Duration::from_secs(122));
        assert!(by_age.is_empty());
        assert_eq!(by_age.start(Since::After(at(1))), Err(Gap::TooOld));
        assert_eq!(by_age.start(Since::After(at(2))), Ok(at(2)));
    }

    #[test]
    fn an_event_larger_than_everything_kept_is_still_served_once() {
        let mut log = log(Keep {
            bytes: 1,
            ..Keep::default()
        });
        append(&mut log, 2, Instant::now());
        assert_eq!(log.len(), 1);
        assert_eq!(log.after(1).unwrap().count(), 1);
    }

    #[test]
    fn a_cursor_that_this_log_never_printed_is_foreign() {
        let mut log = log(Keep::default());
        append(&mut log, 2, Instant::now());
        let other = Cursor {
            epoch: Epoch::new(8),
            seq: 1,
        };
        assert_eq!(log.start(Since::After(other)), Err(Gap::Foreign));
        assert_eq!(log.start(Since::After(at(3))), Err(Gap::Foreign));
        assert_eq!(log.start(Since::After(at(u64::MAX))), Err(Gap::Foreign));
        assert_eq!(log.start(Since::Malformed), Err(Gap::Malformed));
        assert_eq!(log.start(Since::Now), Ok(at(2)));
    }

    proptest! {
        /// Against a plain vector: whatever was appended and trimmed, a read is exact or a gap.
        #[test]
        fn a_read_is_the_whole_rest_or_a_gap(
            steps in prop::collection::vec((0_usize..4, 0_u64..40), 0..40),
            events in 1_usize..10,
            asked in 0_u64..120,
        ) {
            let start = Instant::now();
            let age = Duration::from_secs(100);
            let mut log = log(Keep { events, age, ..Keep::default() });
            let mut model: Vec<(u64, Instant)> = Vec::new();
            let mut now = start;
            for (count, secs) in steps {
                now += Duration::from_secs(secs);
                append(&mut log, count, now);
                for _ in 0..count {
                    model.push((model.len() as u64 + 1, now));
                }
                log.trim(now);
            }
            let tail = model.len() as u64;
            let kept: Vec<u64> = model.iter().rev().take(events)
                .filter(|(_, at)| now - *at <= age).map(|(seq, _)| *seq).rev().collect();
            let oldest = kept.first().map_or(tail, |first| first - 1);
            match log.start(Since::After(at(asked))) {
                Ok(cursor) => {
                    prop_assert!(asked >= oldest && asked <= tail);
                    let read: Vec<u64> =
                        log.after(cursor.seq).unwrap().map(|e| e.cursor.seq).collect();
                    let expected: Vec<u64> = (asked + 1..=tail).collect();
                    prop_assert_eq!(read, expected);
                }
                Err(Gap::Foreign) => prop_assert!(asked > tail),
                Err(gap) => prop_assert!(gap == Gap::TooOld && asked < oldest),
            }
        }
    }
}
