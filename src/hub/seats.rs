//! How many streams may be open: altogether, of each key or user, and from each address.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::access::Principal;

/// How many streams may be open at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SeatsMax {
    /// Altogether.
    pub all: usize,
    /// Of each key or user; none: as many as altogether.
    pub of_each: Option<usize>,
    /// From each address; none: as many as altogether.
    pub from_each: Option<usize>,
}

/// The seats that are taken.
#[derive(Debug, Default)]
pub(super) struct Seats {
    /// Makes a number of whose a stream is and of where it comes from. Two that share one, by a chance
    /// of one in 2^64, share a limit.
    numbers: RandomState,
    /// Held for a look at two counts, and never across an await.
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    all: usize,
    /// By the numbers of those who have any.
    each: HashMap<u64, usize>,
}

/// One of the streams that may be open at once; given back when it is dropped.
#[derive(Debug)]
pub struct Seat {
    seats: Arc<Seats>,
    /// Whose it is; 0: nobody's of whom there is more than one stream to count.
    of: u64,
    /// From where it came; 0: from whoever speaks for many.
    from: u64,
}

impl Seats {
    /// How many are taken.
    pub(super) fn taken(&self) -> usize {
        self.taken.lock().all
    }

    /// A seat for a stream of `of` from `from`; none if that would be one too many.
    pub(super) fn take(
        self: &Arc<Self>,
        of: Option<Principal>,
        from: Option<IpAddr>,
        max: SeatsMax,
    ) -> Option<Seat> {
        let (of, from) = (self.number(of), self.number(from));
        let mut taken = self.taken.lock();
        let has_room = taken.all < max.all
            && taken.has_room(of, max.of_each)
            && taken.has_room(from, max.from_each);
        has_room.then(|| {
            taken.all += 1;
            taken.add(of);
            taken.add(from);
            Seat {
                seats: Arc::clone(self),
                of,
                from,
            }
        })
    }

    fn number(&self, whose: Option<impl std::hash::Hash>) -> u64 {
        whose.map_or(0, |whose| self.numbers.hash_one(whose).max(1))
    }
}

impl Taken {
    fn has_room(&self, number: u64, max: Option<usize>) -> bool {
        number == 0 || max.is_none_or(|max| self.each.get(&number).is_none_or(|n| *n < max))
    }

    fn add(&mut self, number: u64) {
        if number != 0 {
            *self.each.entry(number).or_default() += 1;
        }
    }

    fn take_away(&mut self, number: u64) {
        if let Some(count) = self.each.get_mut(&number) {
            *count -= 1;
            if *count == 0 {
                self.each.remove(&number);
            }
        }
    }
}

impl Seat {
    /// It is known now whose the stream is. False, and nothing changed, if theirs are too many.
    pub(super) fn belongs_to(&mut self, of: Option<Principal>, max: SeatsMax) -> bool {
        let of = self.seats.number(of);
        if of == self.of {
            return true;
        }
        let mut taken = self.seats.taken.lock();
        let has_room = taken.has_room(of, max.of_each);
        if has_room {
            taken.take_away(self.of);
            taken.add(of);
            self.of = of;
        }
        has_room
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut taken = self.seats.taken.lock();
        taken.all -= 1;
        taken.take_away(self.of);
        taken.take_away(self.from);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAX: SeatsMax = SeatsMax {
        all: 4,
        of_each: Some(2),
        from_each: Some(3),
    };

    #[test]
    fn a_seat_too_many_is_refused_until_one_is_given_back() {
        let seats = Arc::new(Seats::default());
        let take = |of: usize, from: u8| {
            let of = (of > 0).then(|| Principal::of_test(of));
            let from = (from > 0).then(|| IpAddr::from([10, 0, 0, from]));
            seats.take(of, from, MAX)
        };
        let first = take(1, 1).unwrap();
        let _second = take(1, 1).unwrap();
        assert!(take(1, 2).is_none(), "a third of one key");
        let mut third = take(2, 1).unwrap();
        assert!(take(3, 1).is_none(), "a fourth from one address");
        let other = Some(Principal::of_test(1));
        assert!(!third.belongs_to(other, MAX), "it may not become a third");
        assert!(third.belongs_to(Some(Principal::of_test(2)), MAX));
        let fourth = take(0, 0).unwrap();
        assert!(take(3, 3).is_none(), "a fifth altogether");
        drop(first);
        assert!(third.belongs_to(other, MAX));
        assert!(take(1, 2).is_none());
        drop((third, fourth));
        let kept: Vec<_> = (0..2).map(|_| take(0, 0).unwrap()).collect();
        assert_eq!((seats.taken(), kept.len()), (3, 2));
    }

    #[test]
    fn nothing_is_left_of_seats_that_were_given_back() {
        let seats = Arc::new(Seats::default());
        for n in 0..10 {
            let mut seat = seats.take(None, Some([10, 0, 0, n].into()), MAX).unwrap();
            assert!(seat.belongs_to(Some(Principal::of_test(n.into())), MAX));
        }
        let taken = seats.taken.lock();
        assert_eq!((taken.all, taken.each.len()), (0, 0));
    }
}
