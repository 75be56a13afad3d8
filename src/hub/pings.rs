//! When each stream is pinged: spread over the interval, so that no moment pings everybody.

use std::time::Duration;

use tokio::time::Instant;

/// A wheel of slots; each stream is in one of them and is pinged once a turn.
#[derive(Debug)]
pub(super) struct Pings {
    slots: Vec<Vec<u32>>,
    /// The slot that is due next, and when.
    next: usize,
    due: Instant,
    turn: Duration,
}

impl Pings {
    /// A wheel that turns once in `turn`.
    pub(super) fn new(turn: Duration, now: Instant) -> Self {
        Self {
            slots: vec![Vec::new(); SLOTS],
            next: 0,
            due: now + turn / SLOTS_U32,
            turn,
        }
    }

    /// Turns at another speed from now on.
    pub(super) fn set_turn(&mut self, turn: Duration, now: Instant) {
        if self.turn != turn {
            self.turn = turn;
            self.due = now + turn / SLOTS_U32;
        }
    }

    /// Takes a stream into the slot that `chance` picks; the answer is the slot and the place in it.
    pub(super) fn join(&mut self, stream: u32, chance: u16) -> (usize, usize) {
        let slot = usize::from(chance) % SLOTS;
        let streams = self.slots.get_mut(slot).expect("slot is below SLOTS");
        streams.push(stream);
        (slot, streams.len() - 1)
    }

    /// Lets the stream at `place` go. Another may have moved to that place: it is the answer.
    pub(super) fn leave(&mut self, slot: usize, place: usize) -> Option<u32> {
        let streams = self.slots.get_mut(slot)?;
        streams.swap_remove(place);
        streams.get(place).copied()
    }

    /// When the next slot is due.
    pub(super) fn due(&self) -> Instant {
        self.due
    }

    /// The streams of one slot that has come due, or `None` if none has. A wheel that was held
    /// up for longer than a turn does not hurry to catch up.
    pub(super) fn take_due(&mut self, now: Instant) -> Option<Vec<u32>> {
        if now < self.due {
            return None;
        }
        let streams = self.slots.get(self.next).cloned();
        self.next = (self.next + 1) % SLOTS;
        self.due = (self.due + self.turn / SLOTS_U32).max(now - self.turn.min(ONE_TURN_MAX));
        streams
    }
}

/// Each slot pings a 64th of the streams: of 10,000, some 160 at a time.
const SLOTS: usize = 64;
const SLOTS_U32: u32 = 64;
/// How far behind the wheel may be and still go through every slot.
const ONE_TURN_MAX: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_stream_is_due_once_a_turn() {
        let start = Instant::now();
        let turn = Duration::from_secs(10);
        let mut pings = Pings::new(turn, start);
        for stream in 0..100_u16 {
            pings.join(stream.into(), stream.wrapping_mul(7919));
        }
        let mut due = Vec::new();
        for ms in 0..=10_000 {
            while let Some(streams) = pings.take_due(start + Duration::from_millis(ms)) {
                due.extend(streams);
            }
        }
        due.sort_unstable();
        assert_eq!(due, (0..100).collect::<Vec<u32>>());
    }

    #[test]
    fn who_left_is_not_due() {
        let mut pings = Pings::new(Duration::from_secs(10), Instant::now());
        let (slot, place) = pings.join(1, 0);
        assert_eq!(pings.join(2, 0), (slot, 1));
        assert_eq!(pings.leave(slot, place), Some(2));
        assert_eq!(pings.leave(slot, 0), None);
    }
}
