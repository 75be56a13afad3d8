//! The task that owns every stream: what writes to the sockets.
//!
//! It is woken once for a batch of events, not once for each subscriber. A batch is matched
//! against the index, encoded once for each view, joined into one write for each audience,
//! and written to each member. Newcomers, sockets that can be written again, pings and ends
//! have their turn between batches.
//!
//! Invariant: every stream that is [`Position::Live`] has been sent all of its events up to
//! `tail`, and nothing after it. A newcomer is behind, or ahead, until it has been served up to
//! exactly this place; so its replay ends where live begins.

mod beating;
mod behind;
mod clients;
mod ends;
mod newcomers;
mod past;
mod waiting;

use std::collections::HashMap;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;
use rand::Rng;
use slab::Slab;
use tokio::sync::mpsc;
use tokio::time::{Instant, Sleep, sleep};
use tracing::info;

use super::audience::Audiences;
use super::beats::Beats;
use super::clients::{Left, Submitting, Views};
use super::frames::{Batch, Frames};
use super::stint::Stint;
use super::stream::{Behind, Position, Ready, Stream, Written};
use super::{Joining, Shared, Terms};
use crate::access::Leaving;
use crate::dialect::{Form, Told};
use crate::event::{Cursor, Event, Gap, Kind};
use crate::limits::{
    BATCH_BYTES, BATCH_EVENTS, RETRY_MIN, STREAMS_A_TURN, WRITE_BYTES, WRITE_TIME, WRITES_IN_A_ROW,
};
use crate::log::Past;
use crate::metrics::{Disconnect, Source};
use behind::Replayed;
use past::Pieces;
use waiting::{Halt, Waiting};

/// Owns the streams. Runs until it is drained.
#[derive(Debug)]
pub struct Engine {
    shared: Arc<Shared>,
    joining: mpsc::Receiver<Joining>,
    submitting: mpsc::Receiver<Submitting>,
    /// Streams by the ids of their clients, of those that have one.
    clients: HashMap<Arc<str>, u32>,
    /// What clients are subscribed to, once for all that are subscribed to the same.
    views: Views,
    /// What their subscriptions count for, all together.
    subscribed_bytes: usize,
    /// Clients that have left lately.
    left: Left,
    streams: Slab<Stream>,
    audiences: Audiences,
    beats: Beats,
    ready: Arc<Ready>,
    frames: Frames,
    /// What counted when the streams were last looked at.
    terms: Arc<Terms>,
    /// The place up to which events have been sent.
    tail: Cursor,
    /// Streams that begin beyond `tail`, because the log was ahead when they came; looked at again
    /// once it has moved.
    ahead: Vec<u32>,
    /// What was read from the log's files, for those who are far behind.
    past: Pieces,
    /// Who waits for what the upstream says of a record.
    waiting: Waiting,
    /// Sockets written to in a row, or as much as to so many.
    stint: Stint,
    /// What the last stream that was behind was sent in this turn.
    replayed: Option<Replayed>,
}

/// Events of a batch by their place in it, and how they are seen: what one write carries.
type Wanted = (Form, Vec<(usize, Told)>);

/// What comes of a batch.
struct Touched {
    /// What is to be written, and to which audiences.
    wanted: HashMap<Wanted, Vec<usize>>,
    /// The audiences that go no further for now.
    halted: HashMap<usize, Halt>,
}

/// How much of a batch is left.
#[derive(Default)]
struct Room {
    events: usize,
    bytes: usize,
    closed: bool,
    /// Whether something was left over.
    is_exceeded: bool,
}

impl Engine {
    pub(super) fn new(
        shared: Arc<Shared>,
        joining: mpsc::Receiver<Joining>,
        submitting: mpsc::Receiver<Submitting>,
    ) -> Self {
        let terms = shared.terms.load_full();
        let tail = shared.log.tail();
        Self {
            joining,
            submitting,
            clients: HashMap::new(),
            views: Views::default(),
            subscribed_bytes: 0,
            left: Left::default(),
            streams: Slab::new(),
            audiences: Audiences::new(&terms),
            beats: Beats::default(),
            ready: Ready::new(Arc::clone(&shared.wake), Arc::clone(&shared.metrics)),
            frames: Frames::default(),
            terms,
            tail,
            ahead: Vec::new(),
            past: Pieces::new(Arc::clone(&shared.wake)),
            waiting: Waiting::default(),
            stint: Stint::new(WRITES_IN_A_ROW, WRITE_TIME),
            replayed: None,
            shared,
        }
    }

    /// Serves until [`super::Hub::drain`] is called and the last stream has ended.
    ///
    /// Dropping the future ends every stream without a word.
    pub async fn run(self) {
        // The engine yields by itself; a budget would only make sockets look full.
        tokio::task::unconstrained(self.serve()).await;
    }

    /// Each goes as far as one turn takes it, so that none keeps the others waiting: what is
    /// left over has told `wake`, and so has whatever came meanwhile.
    async fn serve(mut self) {
        let mut alarm = pin!(sleep(TURN_MAX));
        loop {
            self.deliver().await;
            self.admit().await;
            self.take_submissions().await;
            self.look_at_ready().await;
            self.take_read().await;
            self.take_shown().await;
            self.beat().await;
            if self.shared.draining.load(Ordering::Relaxed) {
                self.end_all().await;
                return;
            }
            if self.terms.access.reads.is_asked() {
                self.shared.asked.notify_one();
            }
            self.wait(alarm.as_mut()).await;
        }
    }

    /// Waits until there is something to do. The alarm stays as it was set from turn to turn: one
    /// that is set anew for each event wakes the runtime's timer each time.
    async fn wait(&mut self, mut alarm: Pin<&mut Sleep>) {
        if let Some(due) = self.beats.due().filter(|due| *due < alarm.deadline()) {
            alarm.as_mut().reset(due);
        }
        // While there is nobody to tell, an event wakes nobody.
        let is_heard = !self.streams.is_empty();
        tokio::select! {
            () = self.shared.wake.notified() => {}
            () = self.shared.log.grown().notified(), if is_heard => {}
            () = alarm.as_mut() => {
                self.shared.log.trim();
                alarm.reset(Instant::now() + TURN_MAX);
            }
        }
    }

    /// Sends one batch of what the log holds beyond `tail` to those who are live.
    async fn deliver(&mut self) {
        self.replayed = None;
        if self.streams.is_empty() {
            self.pass_over();
        }
        let mut room = Room::default();
        let batch = self.next_batch(self.tail.seq, u64::MAX, &mut room);
        // After the events were taken, so that they leave under what counts by now: none is told by
        // a grant that was over before it was written.
        self.renew();
        self.end_expired().await;
        let more = match batch {
            Ok(Past::Recent(events)) => {
                let Some(last) = events.last() else {
                    return;
                };
                let tail = last.cursor;
                if matches!(last.kind, Kind::Gap) {
                    self.tell_gap(tail, Gap::Lost).await;
                } else {
                    self.tell(&events).await;
                }
                self.tail = tail;
                // What came meanwhile has told `wake` itself.
                room.is_exceeded
            }
            Ok(Past::InFiles) => {
                self.fall_behind();
                true
            }
            Err(Gap::Foreign) => {
                self.begin_epoch();
                true
            }
            Err(gap) => {
                self.tail = self.shared.log.tail();
                info!(tail = %self.tail, "events came faster than they are kept: every stream was told a gap");
                self.tell_gap(self.tail, gap).await;
                true
            }
        };
        for key in std::mem::take(&mut self.ahead) {
            self.look_at(key);
        }
        if more {
            self.shared.wake.notify_one();
        }
    }

    /// Sends these events to all who are live and may hear them.
    async fn tell(&mut self, events: &[Arc<Event>]) {
        let Touched { wanted, halted } = self.touched(events);
        for ((form, wanted), audiences) in wanted {
            let wanted = wanted.iter();
            let wanted = wanted.filter_map(|(at, parts)| Some((events.get(*at)?, parts)));
            let batch = self.frames.batch(wanted, &form);
            for audience in audiences {
                self.send(audience, &batch).await;
            }
        }
        for (audience, halt) in halted {
            self.halt_all(audience, &halt);
        }
    }

    /// The events after the place `after` and up to `upto`, as many as there is `room` for. A gap is
    /// a batch of its own: how it is told depends on who hears it.
    fn next_batch(&self, after: u64, upto: u64, room: &mut Room) -> Result<Past, Gap> {
        let epoch = self.tail.epoch;
        let place = Cursor { epoch, seq: after };
        self.shared
            .log
            .after(place, |event| event.cursor.seq <= upto && room.takes(event))
    }

    /// Matches a batch against the index: what is to be written, and the audiences to whom.
    fn touched(&self, events: &[Arc<Event>]) -> Touched {
        let mut wanted: HashMap<usize, Vec<(usize, Told)>> = HashMap::new();
        let mut halted: HashMap<usize, Halt> = HashMap::new();
        let mut found = Vec::new();
        let now = Timestamp::now();
        for (at, event) in events.iter().enumerate() {
            let leaving = Leaving::new(event, now);
            self.audiences.find(&leaving, &mut found);
            for id in &found {
                let Some(audience) = self.audiences.audience(*id) else {
                    continue;
                };
                let access = &self.terms.access;
                // Of one that has halted the rest is asked about by now, and told later.
                match audience.form.heard(access, &audience.grant, &leaving) {
                    Ok(told) if told.is_some() && !halted.contains_key(id) => {
                        wanted.entry(*id).or_default().push((at, told));
                    }
                    Ok(_) => {}
                    Err(read) => {
                        let before = event.cursor.seq - 1;
                        halted.entry(*id).or_insert(Halt { before, read });
                    }
                }
            }
        }
        let mut touched: HashMap<Wanted, Vec<usize>> = HashMap::new();
        for (id, wanted) in wanted {
            if let Some(audience) = self.audiences.audience(id) {
                let form = audience.form.clone();
                touched.entry((form, wanted)).or_default().push(id);
            }
        }
        Touched {
            wanted: touched,
            halted,
        }
    }

    /// Writes a batch to each live member of an audience. Who is behind reads it from the log.
    async fn send(&mut self, audience: usize, batch: &Batch) {
        let mut gone = Vec::new();
        let mut delivered = 0;
        let members = match self.audiences.audience(audience) {
            Some(audience) => audience.members().to_vec(),
            None => return,
        };
        for key in members {
            let Some(stream) = self.streams.get_mut(key as usize) else {
                continue;
            };
            if !matches!(stream.position, Position::Live) {
                continue;
            }
            if let Some(subscribed) = &mut stream.subscribed {
                subscribed.tell(self.tail.seq, Instant::now());
            }
            let written = stream.write(&batch.joined);
            delivered += batch.begun(&written);
            match written {
                Written::All => {}
                Written::Gone => gone.push(key),
                Written::Part(taken) => {
                    stream.position = batch.cut(taken, self.tail.seq, Instant::now());
                }
            }
            self.stint.count(batch.joined.len() / WRITE_BYTES);
            self.stint.give_way().await;
        }
        self.shared
            .metrics
            .streams
            .delivered
            .add(Source::Live, delivered);
        for key in gone {
            self.end(key, Disconnect::Left);
        }
    }

    /// Tells everybody who is live that what came before the place `at` is gone.
    async fn tell_gap(&mut self, at: Cursor, reason: Gap) {
        let keys: Vec<u32> = self.live().collect();
        for key in keys {
            self.tell_gap_to(key, at, reason);
            self.stint.give_way().await;
        }
    }

    /// Tells a stream, to which nothing is owed, that what came before the place `at` is gone. It
    /// goes on from there.
    fn tell_gap_to(&mut self, key: u32, at: Cursor, reason: Gap) {
        let Some(stream) = self.streams.get_mut(key as usize) else {
            return;
        };
        let Some(audience) = self.audiences.audience(stream.audience.0) else {
            return;
        };
        let frame = audience.form.gap(at, reason, &audience.grant);
        self.shared.metrics.streams.gaps.inc(reason);
        match stream.write(&frame) {
            Written::All if stream.is_live() => {}
            Written::All => {
                stream.position = Behind::at(at.seq, Bytes::new(), Instant::now());
                stream.call_again();
            }
            Written::Gone => self.end(key, Disconnect::Left),
            Written::Part(taken) => {
                // One byte is enough to have begun it, and what has not begun may go as well.
                let rest = frame.slice(taken..);
                stream.position = Behind::at(at.seq, rest, Instant::now());
            }
        }
    }

    /// Another epoch has begun in the log. Its first event is a gap; everybody hears it from there.
    pub(super) fn begin_epoch(&mut self) {
        self.tail = Cursor {
            epoch: self.shared.log.tail().epoch,
            seq: 0,
        };
        self.past.clear();
        self.waiting.clear();
        self.ahead.clear();
        for (_, stream) in &mut self.streams {
            if let Position::Behind(behind) = &mut stream.position {
                behind.after = 0;
                stream.call_again();
            }
        }
    }

    /// The log let go of events in memory before they were sent: those who were live read them
    /// from its files.
    fn fall_behind(&mut self) {
        let (after, now) = (self.tail.seq, Instant::now());
        self.tail = self.shared.log.tail();
        for (_, stream) in &mut self.streams {
            if stream.is_live() {
                stream.position = Behind::at(after, Bytes::new(), now);
                stream.call_again();
            }
        }
    }

    /// Looks at the streams whose sockets had something to tell.
    async fn look_at_ready(&mut self) {
        for key in self.ready.take(STREAMS_A_TURN) {
            self.look_at(key);
            self.stint.give_way().await;
        }
    }

    fn look_at(&mut self, key: u32) {
        let Some(stream) = self.streams.get(key as usize) else {
            return;
        };
        if !stream.is_open() {
            self.end(key, Disconnect::Left);
        } else if matches!(stream.position, Position::Behind(_)) {
            self.catch_up(key);
        }
    }

    /// Lets a changed configuration count, if it changed.
    fn renew(&mut self) {
        let terms = self.shared.terms.load_full();
        if Arc::ptr_eq(&terms, &self.terms) {
            return;
        }
        self.terms = terms;
        for (id, reason) in self.audiences.renew(&self.terms, Timestamp::now()) {
            let members = self.audiences.audience(id).map(|a| a.members().to_vec());
            for key in members.unwrap_or_default() {
                self.end_denied(key, reason);
            }
        }
        for key in self.keys().collect::<Vec<u32>>() {
            self.renew_beat(key);
        }
    }

    fn keys(&self) -> impl Iterator<Item = u32> {
        self.streams
            .iter()
            .filter_map(|(key, _)| u32::try_from(key).ok())
    }

    fn live(&self) -> impl Iterator<Item = u32> {
        self.streams
            .iter()
            .filter(|(_, stream)| matches!(stream.position, Position::Live))
            .filter_map(|(key, _)| u32::try_from(key).ok())
    }
}

impl Room {
    /// Whether the event belongs to the batch: one always does, and a gap alone.
    fn takes(&mut self, event: &Event) -> bool {
        let is_gap = matches!(event.kind, Kind::Gap);
        self.events += 1;
        self.bytes += event.bytes();
        let fits = self.events <= BATCH_EVENTS && self.bytes <= BATCH_BYTES && !is_gap;
        let taken = !self.closed && (fits || self.events == 1);
        self.closed |= is_gap;
        self.is_exceeded |= !taken;
        taken
    }
}

/// A `retry` of its own for each stream.
pub(super) fn jittered(spread: Duration) -> Duration {
    RETRY_MIN + spread.mul_f64(rand::rng().random::<f64>())
}

/// Between two turns at most: a grant that is over ends its streams in time.
const TURN_MAX: Duration = Duration::from_millis(250);
