//! When each stream has its beat, a ping or a heartbeat: spread over the interval, so that no
//! moment is everybody's.

use std::time::Duration;

use tokio::time::Instant;

/// A wheel for each interval; each stream is in one of them and has its turn once a round.
#[derive(Debug, Default)]
pub(super) struct Beats {
    /// One for each interval that was ever asked for: what an operator has written.
    wheels: Vec<Wheel>,
}

/// Where a stream stands: its wheel, the slot, the place in the slot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Place {
    wheel: usize,
    slot: usize,
    at: usize,
}

#[derive(Debug)]
struct Wheel {
    slots: Vec<Vec<u32>>,
    streams: usize,
    /// The slot that is due next, and when.
    next: usize,
    due: Instant,
    /// How often it went round.
    rounds: u64,
    interval: Duration,
}

impl Beats {
    /// Takes a stream into the slot that `chance` picks, of the wheel that goes round in `interval`.
    pub(super) fn join(
        &mut self,
        stream: u32,
        interval: Duration,
        chance: u16,
        now: Instant,
    ) -> Place {
        let same = |wheel: &Wheel| wheel.interval == interval;
        let free = |wheel: &Wheel| wheel.streams == 0;
        let found = self.wheels.iter().position(same);
        let wheel = match found.or_else(|| self.wheels.iter().position(free)) {
            Some(wheel) => wheel,
            None => {
                self.wheels.push(Wheel::new(interval, now));
                self.wheels.len() - 1
            }
        };
        let of = self.wheels.get_mut(wheel).expect("it was found or made");
        if of.streams == 0 {
            *of = Wheel::new(interval, now);
        }
        of.streams += 1;
        let slot = usize::from(chance) % SLOTS;
        let streams = of.slots.get_mut(slot).expect("slot is below SLOTS");
        streams.push(stream);
        let at = streams.len() - 1;
        Place { wheel, slot, at }
    }

    /// Lets the stream at `place` go. Another may have moved to that place: it is the answer.
    pub(super) fn leave(&mut self, place: Place) -> Option<u32> {
        let wheel = self.wheels.get_mut(place.wheel)?;
        let streams = wheel.slots.get_mut(place.slot)?;
        streams.swap_remove(place.at);
        wheel.streams = wheel.streams.saturating_sub(1);
        streams.get(place.at).copied()
    }

    /// How often the stream at `place` has its turn.
    pub(super) fn interval(&self, place: Place) -> Option<Duration> {
        let wheel = self.wheels.get(place.wheel)?;
        Some(wheel.interval)
    }

    /// When the next slot is due; none where there is no stream.
    pub(super) fn due(&self) -> Option<Instant> {
        let turning = self.wheels.iter().filter(|wheel| wheel.streams > 0);
        turning.map(|wheel| wheel.due).min()
    }

    /// The streams of one slot that has come due, and how often their wheel went round before;
    /// `None` if none has.
    pub(super) fn take_due(&mut self, now: Instant) -> Option<(u64, Vec<u32>)> {
        let mut turning = self.wheels.iter_mut().filter(|wheel| wheel.streams > 0);
        turning.find_map(|wheel| wheel.take_due(now))
    }
}

impl Wheel {
    fn new(interval: Duration, now: Instant) -> Self {
        Self {
            slots: vec![Vec::new(); SLOTS],
            streams: 0,
            next: 0,
            due: now + interval / SLOTS_U32,
            rounds: 0,
            interval,
        }
    }

    /// A wheel that was held up for longer than a round does not hurry to catch up.
    fn take_due(&mut self, now: Instant) -> Option<(u64, Vec<u32>)> {
        if now < self.due {
            return None;
        }
        let streams = self.slots.get(self.next)?.clone();
        let round = self.rounds;
        self.next = (self.next + 1) % SLOTS;
        self.rounds += u64::from(self.next == 0);
        self.due =
            (self.due + self.interval / SLOTS_U32).max(now - self.interval.min(ONE_ROUND_MAX));
        Some((round, streams))
    }
}

/// Each slot has a 64th of the streams: of 10,000, some 160 at a time.
const SLOTS: usize = 64;
const SLOTS_U32: u32 = 64;
/// How far behind a wheel may be and still go through every slot.
const ONE_ROUND_MAX: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_stream_is_due_once_a_round() {
        let start = Instant::now();
        let (often, seldom) = (Duration::from_secs(10), Duration::from_secs(40));
        let mut beats = Beats::default();
        for stream in 0..100_u16 {
            let interval = if stream < 50 { often } else { seldom };
            beats.join(stream.into(), interval, stream.wrapping_mul(7919), start);
        }
        let mut due = Vec::new();
        for ms in 0..=40_000 {
            while let Some((round, streams)) = beats.take_due(start + Duration::from_millis(ms)) {
                for stream in streams {
                    let before = due.iter().filter(|other| **other == stream).count();
                    assert_eq!(round, u64::try_from(before).unwrap());
                    due.push(stream);
                }
            }
        }
        due.sort_unstable();
        let often = (0..50).flat_map(|stream| [stream; 4]);
        assert_eq!(due, often.chain(50..100).collect::<Vec<u32>>());
    }

    #[test]
    fn who_left_is_not_due_and_an_empty_wheel_is_another_interval() {
        let start = Instant::now();
        let second = Duration::from_secs(1);
        let mut beats = Beats::default();
        assert_eq!(beats.due(), None);
        let first = beats.join(1, second, 0, start);
        let other = beats.join(2, second, 0, start);
        assert_eq!(beats.leave(first), Some(2));
        assert_eq!(beats.interval(first), Some(second));
        assert_ne!(first, other);
        assert_eq!(beats.leave(first), None);
        assert_eq!(beats.due(), None);
        let again = beats.join(3, 2 * second, 0, start);
        assert_eq!(beats.interval(again), Some(2 * second));
        assert_eq!(beats.wheels.len(), 1);
    }
}
