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

use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::limits::{HOSTS_LOOKED_AT, PLACES_LOOKED_AT};

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
    address: IpAddr,
    number: u64,
    place: Arc<Place>,
}

/// Held for map operations only, and never across an await.
#[derive(Debug, Default)]
struct State {
    all: usize,
    /// How many have been let in: the number of the next.
    next: u64,
    hosts: HashMap<IpAddr, Host>,
    /// Those who have any, who has the most last.
    by_count: BTreeSet<(bool, usize, IpAddr)>,
}

#[derive(Debug)]
struct Host {
    is_trusted: bool,
    /// By their numbers, so in the order in which they came.
    places: BTreeMap<u64, Arc<Place>>,
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
    pub(super) fn admit(self: &Arc<Self>, from: From, max: Max) -> Option<Held> {
        let mut state = self.0.lock();
        let (number, place) = state.admit(from, max)?;
        Some(Held {
            connections: Arc::clone(self),
            address: from.address,
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
    fn admit(&mut self, from: From, max: Max) -> Option<(u64, Arc<Place>)> {
        let own = self.hosts.get(&from.address);
        let own = own.map_or(0, |host| host.places.len());
        if !from.is_trusted && max.from_each.is_some_and(|max| own >= max) {
            self.give_up_of(from.address)?;
        }
        // Twice, so that they become fewer where there may be fewer than before.
        for _ in 0..2 {
            if self.all >= max.all {
                self.give_up_any()?;
            }
        }
        let number = self.next;
        self.next += 1;
        let place = Arc::new(Place {
            phase: AtomicU8::new(WAITS),
            given_up: Notify::new(),
        });
        self.change(from.address, from.is_trusted, |places| {
            places.insert(number, Arc::clone(&place));
        });
        Some((number, place))
    }

    /// Has whoever has the most of them give one up.
    fn give_up_any(&mut self) -> Option<()> {
        let by_count = self.by_count.iter().rev();
        let most: Vec<_> = by_count.map(|(.., a)| *a).take(HOSTS_LOOKED_AT).collect();
        most.into_iter().find_map(|host| self.give_up_of(host))
    }

    fn give_up_of(&mut self, address: IpAddr) -> Option<()> {
        let host = self.hosts.get(&address)?;
        let gives_up = |place: &Place| {
            let gave =
                place
                    .phase
                    .compare_exchange(WAITS, GIVEN_UP, Ordering::Relaxed, Ordering::Relaxed);
            gave.is_ok()
        };
        let mut places = host.places.iter().take(PLACES_LOOKED_AT);
        let (number, place) = places.find(|(_, place)| gives_up(place))?;
        place.given_up.notify_one();
        let number = *number;
        self.leave(address, number);
        Some(())
    }

    fn leave(&mut self, address: IpAddr, number: u64) {
        let Some(host) = self.hosts.get(&address) else {
            return;
        };
        self.change(address, host.is_trusted, |places| {
            places.remove(&number);
        });
    }

    /// Changes the connections of one host, and counts them anew.
    fn change(
        &mut self,
        address: IpAddr,
        is_trusted: bool,
        change: impl FnOnce(&mut BTreeMap<u64, Arc<Place>>),
    ) {
        let host = self.hosts.entry(address).or_insert_with(|| Host {
            is_trusted,
            places: BTreeMap::new(),
        });
        let key = |host: &Host| (!host.is_trusted, host.places.len(), address);
        self.by_count.remove(&key(host));
        self.all -= host.places.len();
        host.is_trusted = is_trusted;
        change(&mut host.places);
        if host.places.is_empty() {
            self.hosts.remove(&address);
        } else {
            self.all += host.places.len();
            self.by_count.insert(key(host));
        }
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
        self.connections.0.lock().leave(self.address, self.number);
    }
}

#[cfg(test)]
mod tests {
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

    const FIVE: Max = Max {
        all: 5,
        from_each: None,
    };

    #[test]
    fn who_has_the_most_makes_room() {
        let connections = Arc::new(Connections::default());
        let admit = |last| connections.admit(from(last), FIVE);
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
        let admit = |last| connections.admit(from(last), FIVE);
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
        let admit = |last| connections.admit(from(last), max);
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
        let _all: Vec<_> = (0..5).map(|_| connections.admit(from(1), FIVE)).collect();
        let three = Max { all: 3, ..FIVE };
        let _one = connections.admit(from(2), three).unwrap();
        assert_eq!(connections.open(), 4);
        let _two = connections.admit(from(3), three).unwrap();
        assert_eq!(connections.open(), 3);
    }
}
