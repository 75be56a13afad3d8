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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use jiff::Timestamp;
    use proptest::prelude::*;

    use super::*;
    use crate::event::{Json, Kind};

    fn event(seq: u64) -> Arc<Event> {
        let epoch = Epoch::new(7);
        Arc::new(Event {
            cursor: Cursor { epoch, seq },
            at: Timestamp::UNIX_EPOCH,
            kind: Kind::Custom {
                name: "x".into(),
                data: Json::null(),
            },
        })
    }

    fn ring(keep: Keep) -> Ring {
        Ring::new(Epoch::new(7), 0, keep)
    }

    fn push(ring: &mut Ring, count: usize, now: Instant) {
        for _ in 0..count {
            ring.push(event(ring.tail().seq + 1), now);
        }
    }

    fn after(ring: &Ring, seq: u64) -> Option<Vec<u64>> {
        Some(ring.after(seq)?.map(|event| event.cursor.seq).collect())
    }

    #[test]
    fn what_is_over_the_number_the_bytes_or_the_age_is_let_go() {
        let start = Instant::now();
        let keep = Keep::default();
        let mut by_number = ring(Keep { events: 3, ..keep });
        push(&mut by_number, 5, start);
        assert_eq!(after(&by_number, 1), None);
        assert_eq!(after(&by_number, 2), Some(vec![3, 4, 5]));

        let keep = Keep::default();
        let bytes = 2 * event(1).bytes();
        let mut by_bytes = ring(Keep { bytes, ..keep });
        push(&mut by_bytes, 5, start);
        assert_eq!((by_bytes.len(), by_bytes.bytes()), (2, bytes));

        let (keep, age) = (Keep::default(), Duration::from_secs(60));
        let mut by_age = ring(Keep { age, ..keep });
        push(&mut by_age, 1, start);
        push(&mut by_age, 1, start + Duration::from_secs(61));
        assert_eq!(after(&by_age, 1), Some(vec![2]));
        by_age.trim(start + Duration::from_secs(122));
        assert_eq!((after(&by_age, 1), after(&by_age, 2)), (None, Some(vec![])));
    }

    #[test]
    fn an_event_larger_than_everything_kept_is_still_served_once() {
        let keep = Keep::default();
        let mut ring = ring(Keep { bytes: 1, ..keep });
        push(&mut ring, 2, Instant::now());
        assert_eq!(after(&ring, 1), Some(vec![2]));
    }

    #[test]
    fn another_epoch_begins_empty_and_before_its_first_place() {
        let mut ring = ring(Keep::default());
        push(&mut ring, 2, Instant::now());
        ring.begin(Epoch::new(8));
        assert_eq!((ring.tail().seq, after(&ring, 0)), (0, Some(vec![])));
    }

    proptest! {
        /// Against a plain vector: whatever was pushed and trimmed, a read is exact or refused.
        #[test]
        fn a_read_is_the_whole_rest_or_nothing(
            steps in prop::collection::vec((0_usize..4, 0_u64..40), 0..40),
            events in 1_usize..10,
            asked in 0_u64..120,
        ) {
            let age = Duration::from_secs(100);
            let keep = Keep::default();
            let mut ring = ring(Keep { events, age, ..keep });
            let mut model: Vec<(u64, Instant)> = Vec::new();
            let mut now = Instant::now();
            for (count, secs) in steps {
                now += Duration::from_secs(secs);
                push(&mut ring, count, now);
                for _ in 0..count {
                    model.push((model.len() as u64 + 1, now));
                }
                ring.trim(now);
            }
            let tail = model.len() as u64;
            let kept: Vec<u64> = model.iter().rev().take(events)
                .filter(|(_, at)| now - *at <= age).map(|(seq, _)| *seq).rev().collect();
            let oldest = kept.first().map_or(tail, |first| first - 1);
            let expected = (asked >= oldest).then(|| (asked + 1..=tail).collect::<Vec<_>>());
            prop_assert_eq!(after(&ring, asked), expected);
        }
    }
}
