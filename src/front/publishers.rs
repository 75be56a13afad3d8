//! How often each who publishes may.
//!
//! Counted by key or user and not by connection, so that who opens more of them may not more.

use std::time::{Duration, Instant};

use governor::clock::{Clock, MonotonicClock};
use governor::middleware::NoOpMiddleware;
use governor::state::keyed::HashMapStateStore;
use governor::{Quota, RateLimiter};
use parking_lot::Mutex;

use crate::access::Principal;
use crate::limits::{PUBLISHERS_MAX, Per, Rate};

/// Who has published of late.
#[derive(Debug, Default)]
pub struct Publishers {
    /// Replaced when the configuration names another rate: what was published before is forgotten.
    /// Held for one look at the counts.
    counts: Mutex<Option<Counts>>,
}

#[derive(Debug)]
struct Counts {
    rate: Rate,
    limiter: Limiter,
    /// How many may be counted before those who have been silent are forgotten.
    room: usize,
    /// When that was tried last.
    tried: Instant,
}

type Limiter = RateLimiter<
    Principal,
    HashMapStateStore<Principal>,
    MonotonicClock,
    NoOpMiddleware<<MonotonicClock as Clock>::Instant>,
>;

impl Publishers {
    /// Counts one publish, if there is room for it.
    ///
    /// # Errors
    /// How long it takes until there is; nothing was counted.
    pub(super) fn count(&self, by: Principal, rate: Rate) -> Result<(), Duration> {
        let mut counts = self.counts.lock();
        let counts = match &mut *counts {
            Some(counts) if counts.rate == rate => counts,
            other => other.insert(Counts::new(rate)),
        };
        counts.make_room();
        if counts.limiter.len() >= PUBLISHERS_MAX {
            return Err(ROOM_AFTER);
        }
        let clock = MonotonicClock;
        let counted = counts.limiter.check_key(&by);
        counted.map_err(|until| until.wait_time_from(clock.now()))
    }
}

impl Counts {
    fn new(rate: Rate) -> Self {
        let quota = match rate.per {
            Per::Hour => Quota::per_hour(rate.count),
            Per::Minute => Quota::per_minute(rate.count),
            Per::Second => Quota::per_second(rate.count),
        };
        Self {
            rate,
            limiter: RateLimiter::new(quota, HashMapStateStore::default(), MonotonicClock),
            room: ROOM,
            tried: Instant::now(),
        }
    }

    /// Forgets those who have been silent for long enough, once there are twice as many as were
    /// left the last time. It takes a look at each.
    fn make_room(&mut self) {
        let len = self.limiter.len();
        let is_full = len >= PUBLISHERS_MAX;
        if len < self.room || (is_full && self.tried.elapsed() < ROOM_AFTER) {
            return;
        }
        self.tried = Instant::now();
        self.limiter.retain_recent();
        self.room = (2 * self.limiter.len()).clamp(ROOM, PUBLISHERS_MAX);
    }
}

/// Publishers whom nobody tries to forget.
const ROOM: usize = 1024;
/// When somebody may have been forgotten, where there are too many.
const ROOM_AFTER: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use super::*;

    fn rate(count: u32, per: Per) -> Rate {
        let count = NonZeroU32::new(count).unwrap();
        Rate { count, per }
    }

    #[test]
    fn each_has_a_rate_of_its_own() {
        let publishers = Publishers::default();
        let hourly = rate(2, Per::Hour);
        let [one, other] = [1, 2].map(Principal::of_test);
        assert_eq!(publishers.count(one, hourly), Ok(()));
        assert_eq!(publishers.count(one, hourly), Ok(()));
        let wait = publishers.count(one, hourly).unwrap_err();
        assert!(
            wait > Duration::from_mins(29) && wait <= Duration::from_mins(30),
            "{wait:?}"
        );
        assert_eq!(publishers.count(other, hourly), Ok(()));
        assert_eq!(
            publishers.count(one, rate(3, Per::Hour)),
            Ok(()),
            "another rate begins anew"
        );
    }

    #[test]
    fn who_has_been_silent_is_forgotten_and_who_has_not_takes_the_room() {
        let publishers = Publishers::default();
        for by in 0..PUBLISHERS_MAX + 1 {
            let counted = publishers.count(Principal::of_test(by), rate(1, Per::Hour));
            assert_eq!(counted.is_ok(), by < PUBLISHERS_MAX, "{by}");
        }
        let often = rate(1_000_000, Per::Second);
        for by in 0..3 * ROOM {
            publishers.count(Principal::of_test(by), often).unwrap();
        }
        let kept = publishers.counts.lock().as_ref().unwrap().limiter.len();
        assert!(kept <= 2 * ROOM, "{kept}");
    }
}
