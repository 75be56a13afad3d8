//! What comes to a stream in between events, whose turn it is, and what ends then.

use std::collections::HashMap;

use bytes::Bytes;
use jiff::Timestamp;
use rand::Rng;
use tokio::time::Instant;

use super::super::beats::Place;
use super::super::stream::{Behind, Position, Written};
use super::Engine;
use crate::dialect::Form;
use crate::event::Cursor;
use crate::metrics::Disconnect;

impl Engine {
    /// Gives the streams whose turn it is what comes to them in between, and ends those that take
    /// nothing.
    pub(super) async fn beat(&mut self) {
        while let Some((round, keys)) = self.beats.take_due(Instant::now()) {
            let now = Timestamp::now();
            let mut beats: HashMap<Form, Bytes> = HashMap::new();
            for key in keys {
                if self.is_over(key) {
                    self.end(key, Disconnect::Over);
                }
                let Some(stream) = self.streams.get(key as usize) else {
                    continue;
                };
                match stream.position {
                    Position::Live => {
                        let Some(audience) = self.audiences.audience(stream.audience.0) else {
                            continue;
                        };
                        let form = &audience.form;
                        let frame = match beats.get(form) {
                            Some(frame) => frame.clone(),
                            None => {
                                let frame = form.beat(self.tail, now, round);
                                beats.insert(form.clone(), frame.clone());
                                frame
                            }
                        };
                        self.write_alone(key, frame);
                    }
                    Position::Behind(_) if stream.is_stalled(Instant::now()) => {
                        self.end(key, Disconnect::TooSlow);
                    }
                    Position::Behind(_) => self.beat_behind(key, now, round),
                }
                self.stint.give_way().await;
            }
        }
    }

    /// Gives a stream that is behind its beat, unless a frame was cut: one that waits for the
    /// upstream may have to do so for each event, and not be silent. Its id is what was sent.
    fn beat_behind(&mut self, key: u32, now: Timestamp, round: u64) {
        let Some(stream) = self.streams.get_mut(key as usize) else {
            return;
        };
        let Position::Behind(behind) = &mut stream.position else {
            return;
        };
        let Some(audience) = self.audiences.audience(stream.audience.0) else {
            return;
        };
        if !behind.rest.is_empty() {
            return;
        }
        let sent = Cursor {
            seq: behind.after,
            ..self.tail
        };
        let frame = audience.form.beat(sent, now, round);
        match stream.write(&frame) {
            Written::All => {}
            Written::Gone => self.end(key, Disconnect::Left),
            Written::Part(taken) => {
                if let Position::Behind(behind) = &mut stream.position {
                    behind.rest = frame.slice(taken..);
                }
            }
        }
    }

    /// Takes a stream out of the beats. Another may have moved to its place.
    pub(super) fn leave_beat(&mut self, place: Place) {
        if let Some(moved) = self.beats.leave(place)
            && let Some(other) = self.streams.get_mut(moved as usize)
        {
            other.beat = place;
        }
    }

    /// Writes a frame that is no event to a live stream.
    fn write_alone(&mut self, key: u32, frame: Bytes) {
        let Some(stream) = self.streams.get_mut(key as usize) else {
            return;
        };
        match stream.write(&frame) {
            Written::All => {}
            Written::Gone => self.end(key, Disconnect::Left),
            Written::Part(taken) => {
                let rest = frame.slice(taken..);
                stream.position = Behind::at(self.tail.seq, rest, Instant::now());
            }
        }
    }

    /// Lets a stream have its beats as often as the configuration says by now.
    pub(super) fn renew_beat(&mut self, key: u32) {
        let Some(stream) = self.streams.get(key as usize) else {
            return;
        };
        let Some(audience) = self.audiences.audience(stream.audience.0) else {
            return;
        };
        let interval = self.terms.realtime.beat_interval(&audience.form);
        let place = stream.beat;
        if self.beats.interval(place) == Some(interval) {
            return;
        }
        self.leave_beat(place);
        let place = (self.beats).join(key, interval, rand::rng().random(), Instant::now());
        if let Some(stream) = self.streams.get_mut(key as usize) {
            stream.beat = place;
        }
    }
}
