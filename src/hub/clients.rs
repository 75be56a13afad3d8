//! Clients that are subscribed to other things while their streams are open.

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;
use std::num::NonZeroU64;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::access::{Grant, Principal};
use crate::dialect::pocketbase::{Denial, View, WeakView};
use crate::event::{Cursor, Since};
use crate::limits::{POCKETBASE_LEFT_MAX, POCKETBASE_UNSURE, POCKETBASE_UNSURE_MAX};

/// Who is told a client id when its stream opens.
#[derive(Debug)]
pub struct Client {
    /// By which it is known. Not to be guessed.
    pub id: Arc<str>,
    /// From where its stream came.
    pub address: IpAddr,
}

/// A submission on its way to the engine.
#[derive(Debug)]
pub(super) struct Submitting {
    /// Whose stream.
    pub client: Client,
    /// What its sender may hear.
    pub grant: Grant,
    /// To what it is subscribed from now on.
    pub view: View,
    /// From where, for each subscription.
    pub since: Vec<Since>,
    /// What becomes of it.
    pub(super) reply: oneshot::Sender<Result<(), Denial>>,
}

/// What the engine knows of a client beside its stream.
#[derive(Debug)]
pub(super) struct Subscribed {
    pub(super) client: Client,
    /// Whose it is, once that was said: for good.
    pub(super) identity: Option<Principal>,
    /// To what it is subscribed, once it was: [`View::hash_of_all`].
    pub(super) to: Option<NonZeroU64>,
    /// What that counts for against [`super::Terms::subscription_bytes_max`].
    pub(super) bytes: u32,
    /// When it was told something last.
    told: Instant,
    /// When it was told something of late, and behind which place; none: it was not. Bounded by
    /// [`POCKETBASE_UNSURE_MAX`].
    #[expect(
        clippy::box_collection,
        reason = "a quarter of the size for the many who are told nothing"
    )]
    recent: Option<Box<VecDeque<(Instant, u64)>>>,
    /// When its stream ends in any case.
    pub(super) over: Instant,
}

/// What is the same for a client that comes back: who, from where, and to what it was subscribed.
pub(super) type Print = (Option<Principal>, IpAddr, NonZeroU64);

/// Clients that have left lately, and up to where they had been told.
#[derive(Debug, Default)]
pub(super) struct Left(VecDeque<(Instant, Print, Cursor)>);

/// Views that clients have, so that many who are subscribed to the same hold it once.
///
/// Bounded by the clients: those that nobody has are let go when it has doubled.
#[derive(Debug, Default)]
pub(super) struct Views {
    by_hash: HashMap<NonZeroU64, WeakView>,
    room: usize,
}

impl Views {
    /// The same view, the one that another client holds if one does.
    pub(super) fn shared(&mut self, view: &View) -> View {
        let held = self.by_hash.get(&view.hash_of_all());
        if let Some(held) = held.and_then(WeakView::upgrade).filter(|held| held == view) {
            return held;
        }
        if self.by_hash.len() >= self.room {
            self.by_hash.retain(|_, held| held.upgrade().is_some());
            self.room = self.by_hash.len() * 2 + 16;
        }
        self.by_hash.insert(view.hash_of_all(), view.downgrade());
        view.clone()
    }
}

impl Subscribed {
    pub(super) fn new(client: Client, over: Instant, now: Instant) -> Self {
        Self {
            client,
            identity: None,
            to: None,
            bytes: 0,
            told: now,
            recent: None,
            over,
        }
    }

    /// What is the same for it when it comes back, once it was subscribed.
    pub(super) fn print(&self) -> Option<Print> {
        Some((self.identity, self.client.address, self.to?))
    }

    /// It is told what follows the place `after`.
    pub(super) fn tell(&mut self, after: u64, now: Instant) {
        self.told = now;
        self.prune(now);
        let recent = self.recent.get_or_insert_default();
        if recent.len() < POCKETBASE_UNSURE_MAX {
            recent.push_back((now, after));
        }
    }

    /// Up to which place it has surely been told, where `tail` was the last: what went out in the
    /// last moment before a stream ended may not have arrived.
    pub(super) fn sure(&mut self, tail: u64, now: Instant) -> u64 {
        self.prune(now);
        let first = self.recent.as_ref().and_then(|recent| recent.front());
        first.map_or(tail, |(_, after)| *after)
    }

    fn prune(&mut self, now: Instant) {
        let is_sure = |at: Instant| now.saturating_duration_since(at) > POCKETBASE_UNSURE;
        let Some(recent) = &mut self.recent else {
            return;
        };
        while recent.front().is_some_and(|(at, _)| is_sure(*at)) {
            recent.pop_front();
        }
        if recent.is_empty() {
            self.recent = None;
        }
    }

    /// Whether its stream is over: it was told nothing for so long, or has been open for so long.
    pub(super) fn is_over(&self, idle: Duration, now: Instant) -> bool {
        now >= self.over || now.saturating_duration_since(self.told) >= idle
    }
}

impl Left {
    /// A client has left.
    pub(super) fn keep(&mut self, print: Print, upto: Cursor, now: Instant) {
        if self.0.len() >= POCKETBASE_LEFT_MAX {
            self.0.pop_front();
        }
        self.0.push_back((now, print, upto));
    }

    /// Up to where such a client had been told that has left within that time, once.
    pub(super) fn take(&mut self, print: &Print, within: Duration, now: Instant) -> Option<Cursor> {
        let fresh = |at: &Instant| now.saturating_duration_since(*at) <= within;
        while self.0.front().is_some_and(|(at, ..)| !fresh(at)) {
            self.0.pop_front();
        }
        let found = self.0.iter().rposition(|(_, of, _)| of == print)?;
        self.0.remove(found).map(|(_, _, upto)| upto)
    }
}
