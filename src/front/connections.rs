//! The connections that are open: not too many, and none of anybody's at the cost of others.
//!
//! When there is no room for one more, whoever has the most of them gives one up that only waits:
//! a connection between two requests, or whose head has begun and not come to its end. So a flood
//! from somewhere makes room for itself alone, and a client that is served is not disturbed. Where
//! nobody's waits, the newcomer is closed without an answer, which a browser's EventSource takes for
//! a loss after which it comes back.
//!
//! Who is trusted to speak for others (`trusted_proxies`) comes last, and has no limit of its own.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Instant;

use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::limits::CONNECTIONS_LOOK_PAUSE;

/// The connections that are open.
#[derive(Debug, Default)]
pub struct Connections(Mutex<State>);

/// How many there may be.
#[derive(Clone, Copy, Debug)]
pub(super) struct Max {
    pub(super) all: usize,
    /// From each address; none: as many as altogether.
    pub(super) from_each: Option<usize>,
}

/// From where a connection comes.
#[derive(Clone, Copy, Debug)]
pub(super) struct From {
    pub(super) address: IpAddr,
    pub(super) is_trusted: bool,
}

/// One of the connections; given back when it is dropped.
#[derive(Debug)]
pub(super) struct Held {
    connections: Arc<Connections>,
    whose: Whose,
    number: u64,
    place: Arc<Place>,
}

/// Held for map operations only, and never across an await.
#[derive(Debug, Default)]
struct State {
    all: usize,
    /// How many have been let in: the number of the next.
    next: u64,
    hosts: HashMap<Whose, Host>,
    /// Those who have any, who has the most last; who is trusted before all others.
    by_count: BTreeSet<(bool, usize, Whose)>,
    /// When it was last found that nobody waits: it takes a look at each.
    in_vain: Option<Instant>,
}

/// Who speaks for others is not counted with those whose network they are in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Whose {
    is_stranger: bool,
    address: IpAddr,
}

#[derive(Debug, Default)]
struct Host {
    /// By their numbers, so in the order in which they came.
    places: BTreeMap<u64, Arc<Place>>,
    /// From which of them on the next is looked for that can be given up: those before it were served
    /// of late.
    from: u64,
}

#[derive(Debug)]
struct Place {
    /// One of the constants below. Alone decides whether a connection is given up or served: it is
    /// only ever changed from the value that was seen.
    phase: AtomicU8,
    given_up: Notify,
}

const WAITS: u8 = 0;
const SERVED: u8 = 1;
const GIVEN_UP: u8 = 2;

impl Connections {
    /// Lets a connection in; none if there is no room for it.
    pub(super) fn admit(self: &Arc<Self>, from: From, max: Max, now: Instant) -> Option<Held> {
        let whose = Whose {
            is_stranger: !from.is_trusted,
            address: from.address,
        };
        let (number, place) = self.0.lock().admit(whose, max, now)?;
        Some(Held {
            connections: Arc::clone(self),
            whose,
            number,
            place,
        })
    }

    /// How many are open.
    #[must_use]
    pub fn open(&self) -> usize {
        self.0.lock().all
    }
}

impl State {
    fn admit(&mut self, whose: Whose, max: Max, now: Instant) -> Option<(u64, Arc<Place>)> {
        let own = self.hosts.get(&whose);
        let own = own.map_or(0, |host| host.places.len());
        let has_too_many = max.from_each.is_some_and(|max| own >= max);
        // Twice, so that they become fewer where there may be fewer than before.
        let too_many = (0..2).filter(|gone| self.all >= max.all + gone).count();
        if (has_too_many && whose.is_stranger) || too_many > 0 {
            let was_in_vain = self
                .in_vain
                .is_some_and(|at| now < at + CONNECTIONS_LOOK_PAUSE);
            if was_in_vain {
                return None;
            }
            let made = if has_too_many && whose.is_stranger {
                self.give_up_of(whose)
            } else {
                (0..too_many).try_for_each(|_| self.give_up_any())
            };
            if made.is_none() {
                self.in_vain = Some(now);
                return None;
            }
        }
        let number = self.next;
        self.next += 1;
        let place = Arc::new(Place {
            phase: AtomicU8::new(WAITS),
            given_up: Notify::new(),
        });
        self.change(whose, |host| {
            host.places.insert(number, Arc::clone(&place));
        });
        Some((number, place))
    }

    /// Has whoever has the most of them, and one that waits, give it up.
    fn give_up_any(&mut self) -> Option<()> {
        let waiting = self.by_count.iter().rev().find_map(|(.., whose)| {
            let number = self.hosts.get(whose)?.given_up()?;
            Some((*whose, number))
        });
        let (whose, number) = waiting?;
        self.leave(whose, number);
        Some(())
    }

    fn give_up_of(&mut self, whose: Whose) -> Option<()> {
        let number = self.hosts.get(&whose)?.given_up()?;
        self.leave(whose, number);
        Some(())
    }

    fn leave(&mut self, whose: Whose, number: u64) {
        if self.hosts.contains_key(&whose) {
            self.change(whose, |host| {
                host.places.remove(&number);
                host.from = host.from.max(number);
            });
        }
    }

    /// Changes the connections of one host, and counts them anew.
    fn change(&mut self, whose: Whose, change: impl FnOnce(&mut Host)) {
        let host = self.hosts.entry(whose).or_default();
        self.by_count
            .remove(&(whose.is_stranger, host.places.len(), whose));
        self.all -= host.places.len();
        change(host);
        if host.places.is_empty() {
            self.hosts.remove(&whose);
        } else {
            self.all += host.places.len();
            self.by_count
                .insert((whose.is_stranger, host.places.len(), whose));
        }
    }
}

impl Host {
    /// The number of one that waited, and is given up.
    fn given_up(&self) -> Option<u64> {
        let relaxed = Ordering::Relaxed;
        let gives_up = |place: &Place| {
            let gave = (place.phase).compare_exchange(WAITS, GIVEN_UP, relaxed, relaxed);
            gave.is_ok()
        };
        let mut places = self
            .places
            .range(self.from..)
            .chain(self.places.range(..self.from));
        let (number, place) = places.find(|(_, place)| gives_up(place))?;
        place.given_up.notify_one();
        Some(*number)
    }
}

impl Held {
    /// It waits for a request.
    pub(super) fn waits(&self) {
        self.change(SERVED, WAITS);
    }

    /// It has a request that is to be served; false if it was given up.
    pub(super) fn is_served(&self) -> bool {
        self.change(WAITS, SERVED)
    }

    /// Waits until it is given up.
    pub(super) async fn given_up(&self) {
        self.place.given_up.notified().await;
    }

    fn change(&self, from: u8, to: u8) -> bool {
        let (phase, relaxed) = (&self.place.phase, Ordering::Relaxed);
        phase.compare_exchange(from, to, relaxed, relaxed).is_ok()
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        // One that was given up is not there any more.
        self.connections.0.lock().leave(self.whose, self.number);
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use futures_util::FutureExt;

    use super::*;

    fn from(last: u8) -> From {
        From {
            address: [10, 0, 0, last].into(),
            is_trusted: last == 9,
        }
    }

    fn was_given_up(held: &Held) -> bool {
        held.given_up().now_or_never().is_some()
    }

    fn admit(connections: &Arc<Connections>, last: u8, max: Max) -> Option<Held> {
        thread_local!(static TIMES: Cell<u32> = const { Cell::new(0) });
        // Each a while after the one before.
        let times = TIMES.replace(TIMES.get() + 1);
        let now = Instant::now() + CONNECTIONS_LOOK_PAUSE * times;
        connections.admit(from(last), max, now)
    }

    const FIVE: Max = Max {
        all: 5,
        from_each: None,
    };

    #[test]
    fn who_has_the_most_makes_room() {
        let connections = Arc::new(Connections::default());
        let admit = |last| admit(&connections, last, FIVE);
        let trusted = [admit(9), admit(9), admit(9)].map(Option::unwrap);
        let one = admit(1).unwrap();
        let flood = admit(2).unwrap();
        let mut more: Vec<_> = (0..20).map(|_| admit(2).unwrap()).collect();
        assert_eq!(connections.open(), 5);
        // Of two who have one each, one is given up; from then on the flood's own.
        let last = more.pop().unwrap();
        assert!(more.iter().all(was_given_up));
        assert_ne!(was_given_up(&one), was_given_up(&flood));
        assert!(!was_given_up(&last));
        assert!(!trusted.iter().any(was_given_up));
        drop((more, flood, one, trusted, last));
        assert_eq!(connections.open(), 0);
        let state = connections.0.lock();
        assert!(state.hosts.is_empty() && state.by_count.is_empty());
    }

    #[test]
    fn one_that_is_served_is_not_given_up_and_one_that_was_is_not_served() {
        let connections = Arc::new(Connections::default());
        let admit = |last| admit(&connections, last, FIVE);
        let all: Vec<_> = (0..5).map(|_| admit(1).unwrap()).collect();
        assert!(all.iter().all(Held::is_served));
        assert!(admit(2).is_none(), "nobody waits");
        all[3].waits();
        let newcomer = admit(2).unwrap();
        assert!(was_given_up(&all[3]));
        assert!(!all[3].is_served());
        assert!(newcomer.is_served());
        assert_eq!(connections.open(), 5);
    }

    #[test]
    fn an_address_has_its_own_limit_unless_it_speaks_for_others() {
        let connections = Arc::new(Connections::default());
        let max = Max {
            all: 100,
            from_each: Some(2),
        };
        let admit = |last| admit(&connections, last, max);
        let all: Vec<_> = (0..3).map(|_| admit(1).unwrap()).collect();
        assert!(was_given_up(&all[0]));
        assert!(all[1].is_served() && all[2].is_served());
        assert!(admit(1).is_none());
        let trusted: Vec<_> = (0..3).map(|_| admit(9).unwrap()).collect();
        assert!(!trusted.iter().any(was_given_up));
        assert_eq!(connections.open(), 5);
    }

    #[test]
    fn fewer_are_left_after_each_newcomer_where_there_may_be_fewer() {
        let connections = Arc::new(Connections::default());
        let _all: Vec<_> = (0..5).map(|_| admit(&connections, 1, FIVE)).collect();
        let three = Max { all: 3, ..FIVE };
        let _one = admit(&connections, 2, three).unwrap();
        assert_eq!(connections.open(), 4);
        let _two = admit(&connections, 3, three).unwrap();
        assert_eq!(connections.open(), 3);
    }

    #[test]
    fn one_that_waits_is_found_behind_any_number_that_are_served() {
        let connections = Arc::new(Connections::default());
        let max = Max {
            all: 1000,
            from_each: None,
        };
        let all: Vec<_> = (0..1000)
            .map(|_| admit(&connections, 1, max).unwrap())
            .collect();
        assert!(all[..990].iter().all(Held::is_served));
        let newcomers: Vec<_> = (0..10)
            .map(|_| admit(&connections, 2, max).unwrap())
            .collect();
        assert!(all[990..].iter().all(was_given_up));
        assert!(newcomers.iter().all(Held::is_served));
        assert!(admit(&connections, 3, max).is_none());
    }

    #[test]
    fn who_speaks_for_others_is_not_counted_with_a_neighbour() {
        let connections = Arc::new(Connections::default());
        let max = Max {
            all: 100,
            from_each: Some(1),
        };
        let proxy = admit(&connections, 9, max).unwrap();
        let neighbour = From {
            is_trusted: false,
            ..from(9)
        };
        let one = connections.admit(neighbour, max, Instant::now()).unwrap();
        let _other = connections.admit(neighbour, max, Instant::now()).unwrap();
        assert!(was_given_up(&one) && !was_given_up(&proxy));
    }
}
