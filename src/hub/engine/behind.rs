//! How a stream that is behind catches up: the rest of what was cut, then what it has missed.
//!
//! What is still in memory is taken from there. What is not is read from the log's files, by
//! threads of their own and once for all who want about the same: the stream waits for its
//! piece, and the others do not wait for it.

use std::sync::Arc;

use bytes::Bytes;
use tokio::time::Instant;

use super::super::frames::Batch;
use super::super::stream::{Behind, Position, Written};
use super::waiting::Halt;
use super::{Engine, Room};
use jiff::Timestamp;

use crate::access::Leaving;
use crate::event::{Cursor, Event, Gap, Kind};
use crate::limits::WRITE_BYTES;
use crate::log::Past;
use crate::metrics::{Disconnect, Source};

/// What a stream was sent that was behind, for others of its audience that are behind the same place.
#[derive(Debug)]
pub(super) struct Replayed {
    /// Whose it is, as long as no audience went.
    audience: usize,
    removed: u64,
    /// The place behind which it begins.
    after: u64,
    /// What was the end then.
    tail: Cursor,
    batch: Arc<Batch>,
    /// The place up to which it goes.
    reached: u64,
}

/// What a stream that is behind is sent next.
enum Next {
    /// These events.
    Events(Vec<Arc<Event>>),
    /// They are in the files no longer, or not whole.
    Gone(Gap),
    /// The log has let go of them: who comes back for them is told so.
    LetGo,
    /// Not now: they are being read.
    Read,
}

impl Engine {
    /// Goes to the end of the log: there is nobody to whom anything is to be told.
    pub(super) fn pass_over(&mut self) {
        let tail = self.shared.log.tail();
        if tail.epoch != self.tail.epoch {
            self.past.clear();
            self.waiting.clear();
        }
        self.ahead.clear();
        self.tail = tail;
    }

    /// Sends a stream that is behind one batch of what it has missed.
    pub(super) fn catch_up(&mut self, key: u32) {
        let Some((after, progressed)) = self.send_rest(key) else {
            return;
        };
        let tail = self.tail.seq;
        if after > tail {
            return self.ahead.push(key);
        }
        let now = Instant::now();
        let starts = self.starts(key);
        let (batch, reached, halt) = match self.replayed_before(key, after) {
            Some((batch, reached)) => (batch, reached, None),
            None => {
                let events = match self.next_for(key, after) {
                    Next::Events(events) => events,
                    // What it had been promised is gone. It is told so, and goes on from now.
                    Next::Gone(gap) => return self.tell_gap_to(key, self.tail, gap),
                    Next::LetGo => return self.end(key, Disconnect::TooSlow),
                    Next::Read => return,
                };
                let Some((batch, halt)) = self.batch_for(key, &events) else {
                    return;
                };
                let reached = match &halt {
                    Some(halt) => halt.before,
                    None => events.last().map_or(tail, |event| event.cursor.seq),
                };
                let batch = Arc::new(batch);
                // A gap is counted for each who is told of it.
                let is_gap = events.iter().any(|event| matches!(event.kind, Kind::Gap));
                if starts.is_none() && halt.is_none() && !is_gap {
                    self.keep_replayed(key, after, (&batch, reached));
                }
                (batch, reached, halt)
            }
        };
        self.stint.count(batch.joined.len() / WRITE_BYTES);
        let Some(stream) = self.streams.get_mut(key as usize) else {
            return;
        };
        if let Some(subscribed) = stream
            .subscribed
            .as_mut()
            .filter(|_| !batch.joined.is_empty())
        {
            subscribed.tell(after, now);
        }
        let written = stream.write(&batch.joined);
        let delivered = &self.shared.metrics.streams.delivered;
        delivered.add(Source::Replay, batch.begun(&written));
        match written {
            Written::All if reached == tail => stream.position = Position::Live,
            Written::All => {
                let position = Behind::at(reached, Bytes::new(), now);
                stream.position = Behind::keep_starts(starts, position);
                match halt {
                    Some(halt) => self.waiting.add(&halt.read, key),
                    None => stream.call_again(),
                }
            }
            Written::Gone => self.end(key, Disconnect::Left),
            Written::Part(taken) => {
                let progressed = if taken > 0 { now } else { progressed };
                let position = batch.cut(taken, after, progressed);
                stream.position = Behind::keep_starts(starts, position);
            }
        }
    }

    /// What a stream of the same audience was sent in this turn that was behind the same place, and up to
    /// which it went: when many come back at once it is the same for all.
    fn replayed_before(&self, key: u32, after: u64) -> Option<(Arc<Batch>, u64)> {
        let stream = self.streams.get(key as usize)?;
        let replayed = self.replayed.as_ref()?;
        let is_same = (replayed.audience, replayed.after) == (stream.audience.0, after)
            && (replayed.tail, replayed.removed) == (self.tail, self.audiences.removed())
            && self.starts(key).is_none();
        is_same.then(|| (Arc::clone(&replayed.batch), replayed.reached))
    }

    fn keep_replayed(&mut self, key: u32, after: u64, (batch, reached): (&Arc<Batch>, u64)) {
        let Some(stream) = self.streams.get(key as usize) else {
            return;
        };
        self.replayed = Some(Replayed {
            audience: stream.audience.0,
            removed: self.audiences.removed(),
            after,
            tail: self.tail,
            batch: Arc::clone(batch),
            reached,
        });
    }

    /// Behind which places the subscriptions of a stream that is behind hear, if each has its own.
    fn starts(&self, key: u32) -> Option<Arc<[u64]>> {
        match &self.streams.get(key as usize)?.position {
            Position::Behind(behind) => behind.starts.clone(),
            Position::Live => None,
        }
    }

    /// Sends the rest of the frame that was cut. The answer is the place from which to go on, and
    /// when the stream last took a byte; none if it does not go on now.
    fn send_rest(&mut self, key: u32) -> Option<(u64, Instant)> {
        let now = Instant::now();
        let stream = self.streams.get_mut(key as usize)?;
        let Position::Behind(behind) = &mut stream.position else {
            return None;
        };
        let rest = std::mem::take(&mut behind.rest);
        let starts = behind.starts.clone();
        let (after, before) = (behind.after, behind.progressed);
        match stream.write(&rest) {
            Written::All if rest.is_empty() => Some((after, before)),
            Written::All => {
                let position = Behind::at(after, Bytes::new(), now);
                stream.position = Behind::keep_starts(starts, position);
                Some((after, now))
            }
            Written::Gone => {
                self.end(key, Disconnect::Left);
                None
            }
            Written::Part(taken) => {
                let progressed = if taken > 0 { now } else { before };
                let position = Behind::at(after, rest.slice(taken..), progressed);
                stream.position = Behind::keep_starts(starts, position);
                None
            }
        }
    }

    /// What follows the place `after`, for the stream.
    fn next_for(&mut self, key: u32, after: u64) -> Next {
        match self.next_batch(after, self.tail.seq, &mut Room::default()) {
            Ok(Past::Recent(events)) => Next::Events(events),
            Ok(Past::InFiles) => {
                let place = Cursor {
                    epoch: self.tail.epoch,
                    seq: after,
                };
                let Some(events) = self.past.after(place, key, &self.shared.log) else {
                    return Next::Read;
                };
                let mut room = Room::default();
                let upto = self.tail.seq;
                let wanted = |event: &&Arc<Event>| event.cursor.seq <= upto && room.takes(event);
                let events: Vec<_> = events.take_while(wanted).map(Arc::clone).collect();
                match events.first() {
                    Some(oldest) if !self.shared.log.keeps(oldest) => Next::Gone(Gap::TooOld),
                    _ => Next::Events(events),
                }
            }
            Err(Gap::Foreign) => {
                self.begin_epoch();
                Next::Read
            }
            Err(_) => Next::LetGo,
        }
    }

    /// What of these events the stream may hear, as it sees them, and where it goes no further.
    fn batch_for(&mut self, key: u32, events: &[Arc<Event>]) -> Option<(Batch, Option<Halt>)> {
        let stream = self.streams.get(key as usize)?;
        let audience = self.audiences.audience(stream.audience.0)?;
        if let [event] = events
            && matches!(event.kind, Kind::Gap)
        {
            let gap = audience.form.gap(event.cursor, Gap::Lost, &audience.grant);
            self.shared.metrics.streams.gaps.inc(Gap::Lost);
            return Some((Batch::one(event.cursor.seq, gap), None));
        }
        let now = Timestamp::now();
        let starts = self.starts(key);
        let mut halt = None;
        let mut told = Vec::with_capacity(events.len());
        for event in events {
            let (leaving, seq) = (Leaving::new(event, now), event.cursor.seq);
            let access = &self.terms.access;
            match audience.form.heard(access, &audience.grant, &leaving) {
                // What follows is asked about by now as well, and told later.
                _ if halt.is_some() => {}
                Ok(own) => told.push(match &starts {
                    Some(starts) => own.behind(starts, seq),
                    None => own,
                }),
                Err(read) => {
                    let before = seq - 1;
                    halt = Some(Halt { before, read });
                }
            }
        }
        let wanted = events.iter().zip(&told);
        let wanted = wanted.filter(|(_, told)| told.is_some());
        Some((self.frames.batch(wanted, &audience.form), halt))
    }

    /// Takes what was read from the log's files, and calls those who wait for it.
    pub(super) async fn take_read(&mut self) {
        while let Some((from, waiting, read)) = self.past.take_read(&self.shared.log) {
            let oldest = self.shared.log.oldest();
            for key in waiting {
                let Some(stream) = self.streams.get(key as usize) else {
                    continue;
                };
                let Position::Behind(behind) = &stream.position else {
                    continue;
                };
                let wants_it = (from..=self.tail.seq).contains(&behind.after);
                match read {
                    // Another stream may have its key by now.
                    Err(_) if !wants_it || !behind.rest.is_empty() => {}
                    // The piece began earlier than the stream has to.
                    Err(Gap::TooOld) if behind.after > from && behind.after >= oldest => {
                        stream.call_again();
                    }
                    Err(gap) => self.tell_gap_to(key, self.tail, gap),
                    Ok(()) => stream.call_again(),
                }
                self.stint.give_way().await;
            }
        }
    }
}
