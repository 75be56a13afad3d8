//! How a stream is subscribed to something else, and how those end that can be.

use std::collections::HashMap;

use jiff::Timestamp;
use rand::Rng;
use tokio::time::Instant;

use super::super::clients::{Print, Submitting, Subscribed};
use super::super::stream::{Behind, Position};
use super::Engine;
use crate::dialect::pocketbase::Denial;
use crate::dialect::{Form, View};
use crate::event::{Cursor, Gap, Since};
use crate::limits::STREAMS_A_TURN;

impl Engine {
    /// Takes the submissions that have come.
    pub(super) async fn take_submissions(&mut self) {
        for _ in 0..STREAMS_A_TURN {
            let Ok(submitting) = self.submitting.try_recv() else {
                return;
            };
            let done = self.submit(&submitting);
            // Who gave up waiting is subscribed all the same.
            let _given_up = submitting.reply.send(done);
            self.stint.give_way().await;
        }
        // There may be more.
        self.shared.wake.notify_one();
    }

    /// Subscribes a client to what it submits, instead of what it heard before.
    fn submit(&mut self, submitting: &Submitting) -> Result<(), Denial> {
        let key = self.clients.get(&submitting.client.id).copied();
        let key = key.ok_or(Denial::Unknown)?;
        let principal = submitting.grant.principal();
        let stream = self.streams.get_mut(key as usize).ok_or(Denial::Unknown)?;
        let subscribed = stream.subscribed.as_mut().ok_or(Denial::Unknown)?;
        if subscribed.client.address != submitting.client.address {
            return Err(Denial::Address);
        }
        if subscribed.identity.is_some() && subscribed.identity != principal {
            return Err(Denial::Identity);
        }
        let bytes = submitting.view.bytes();
        let others = self.subscribed_bytes - subscribed.bytes as usize;
        // Who gives up some may always do so.
        let max = self.terms.subscription_bytes_max;
        if bytes > subscribed.bytes && others + bytes as usize > max {
            return Err(Denial::Full);
        }
        let view = View::Pocketbase(self.views.shared(&submitting.view));
        let renewed = self.terms.renew(&submitting.grant, &view, Timestamp::now());
        let (grant, form) = renewed.map_err(|_denied| Denial::Unknown)?;
        if !stream.seat.belongs_to(principal, self.terms.seats_max) {
            return Err(Denial::TooMany);
        }
        self.subscribed_bytes = others + bytes as usize;
        subscribed.bytes = bytes;
        let is_first = subscribed.to.is_none();
        let is_same = subscribed.identity == principal;
        subscribed.identity = principal;
        subscribed.to = Some(submitting.view.hash_of_all());
        let print = subscribed.print();
        let (audience, place) = stream.audience;

        let heard = if is_same {
            self.heard_upto(key)
        } else {
            HashMap::new()
        };
        if let Some(moved) = self.audiences.leave(audience, place)
            && let Some(other) = self.streams.get_mut(moved as usize)
        {
            other.audience.1 = place;
        }
        let joined = self.audiences.join(grant, view, form, key);
        if let Some(stream) = self.streams.get_mut(key as usize) {
            stream.audience = joined;
        }
        self.go_back(key, submitting, print.filter(|_| is_first), &heard);
        Ok(())
    }

    /// Up to which place a client has heard each of its subscriptions.
    fn heard_upto(&self, key: u32) -> HashMap<Box<str>, u64> {
        let stream = self.streams.get(key as usize);
        let of = stream.and_then(|stream| self.audiences.audience(stream.audience.0));
        let (Some(stream), Some(Form::Pocketbase(view))) = (stream, of.map(|of| &of.form)) else {
            return HashMap::new();
        };
        let upto = |place: usize| match &stream.position {
            Position::Live => self.tail.seq,
            Position::Behind(behind) => {
                let starts = behind.starts.as_ref();
                let start = starts.and_then(|starts| starts.get(place).copied());
                start.unwrap_or_default().max(behind.after)
            }
        };
        let all = view.subscriptions().enumerate();
        all.map(|(place, one)| (one.text().into(), upto(place)))
            .collect()
    }

    /// Lets a client hear what it missed, if it says since when, or has just come back. What it was
    /// subscribed to goes on from where that was: it says so again with all else that it submits.
    fn go_back(
        &mut self,
        key: u32,
        submitting: &Submitting,
        print: Option<Print>,
        heard: &HashMap<Box<str>, u64>,
    ) {
        let now = Instant::now();
        let options = self.terms.realtime.pocketbase.as_ref();
        let missed = options.map(|options| options.missed).unwrap_or_default();
        let is_first = print.is_some();
        let left = print
            .and_then(|print| self.left.take(&print, missed, now))
            .filter(|upto| upto.epoch == self.tail.epoch);
        let mut gap = None;
        let mut places = Vec::with_capacity(submitting.since.len());
        for (since, one) in submitting.since.iter().zip(submitting.view.subscriptions()) {
            let start = match since {
                _ if heard.contains_key(one.text()) => None,
                Since::Now => left.map(Ok),
                since => Some(self.shared.log.start(*since)),
            };
            places.push(match start {
                Some(Ok(at)) if at.epoch == self.tail.epoch => at.seq.min(self.tail.seq),
                Some(Err(why)) => {
                    gap = Some(why);
                    self.tail.seq
                }
                Some(Ok(_)) => self.tail.seq,
                None => heard.get(one.text()).copied().unwrap_or(self.tail.seq),
            });
        }
        let says_since = |since: &Since| matches!(since, Since::After(_));
        if let Some(why) = gap {
            self.tell_gap_meanwhile(key, why);
        } else if is_first && (left.is_some() || submitting.since.iter().any(says_since)) {
            self.shared.metrics.streams.resumed.inc();
        }
        let Some(stream) = self.streams.get_mut(key as usize) else {
            return;
        };
        let earliest = places.iter().copied().min().unwrap_or(self.tail.seq);
        match &mut stream.position {
            Position::Live if earliest >= self.tail.seq => return,
            Position::Live => stream.position = Behind::since(earliest, places.into(), now),
            Position::Behind(behind) => {
                behind.after = earliest;
                behind.starts = Some(places.into());
            }
        }
        stream.call_again();
    }

    /// Tells a client that what one of its subscriptions missed is gone. What it is still owed of
    /// the others it is.
    fn tell_gap_meanwhile(&mut self, key: u32, reason: Gap) {
        let Some(stream) = self.streams.get_mut(key as usize) else {
            return;
        };
        let Position::Behind(behind) = &mut stream.position else {
            return self.tell_gap_to(key, self.tail, reason);
        };
        if let Some(audience) = self.audiences.audience(stream.audience.0) {
            let gap = audience.form.gap(self.tail, reason, &audience.grant);
            self.shared.metrics.streams.gaps.inc(reason);
            behind.rest = [&*behind.rest, &*gap].concat().into();
        }
    }

    /// When a stream of a client that opens now is over: no two at once, so that those who came
    /// together do not come back together.
    pub(super) fn life(&self) -> Instant {
        let options = self.terms.realtime.pocketbase.as_ref();
        let life = options.map(|options| options.life).unwrap_or_default();
        Instant::now() + life.mul_f64(1.0 - LIFE_SPREAD * rand::rng().random::<f64>())
    }

    /// Whether the stream of a client is over. Its turn comes with its beats.
    pub(super) fn is_over(&self, key: u32) -> bool {
        let options = self.terms.realtime.pocketbase.as_ref();
        let subscribed = self.streams.get(key as usize);
        let subscribed = subscribed.and_then(|stream| stream.subscribed.as_ref());
        match (options, subscribed) {
            (Some(options), Some(of)) => of.is_over(options.idle, Instant::now()),
            _ => false,
        }
    }

    /// Lets a client go whose stream has ended, and keeps for a while up to where it was told.
    pub(super) fn forget_client(&mut self, mut subscribed: Subscribed, at: &Position) {
        self.clients.remove(&subscribed.client.id);
        self.subscribed_bytes -= subscribed.bytes as usize;
        let Some(print) = subscribed.print() else {
            return;
        };
        let seq = match at {
            Position::Behind(behind) => behind.after,
            Position::Live => self.tail.seq,
        };
        let now = Instant::now();
        let upto = Cursor {
            epoch: self.tail.epoch,
            seq: subscribed.sure(seq, now),
        };
        self.left.keep(print, upto, now);
    }
}

/// The part of a stream's life by which it may be shorter.
const LIFE_SPREAD: f64 = 0.1;
