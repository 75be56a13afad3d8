//! Frames of several events on their way out: encoded once, joined once, cut anywhere.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use tokio::time::Instant;

use super::stream::{Behind, Position, Written};
use crate::dialect::{Form, Told};
use crate::event::{Cursor, Event};
use crate::limits::{FRAMES_KEPT, FRAMES_KEPT_BYTES};

/// The frames of one batch for one audience, and the same joined for one write.
#[derive(Debug)]
pub(super) struct Batch {
    /// Each with its place in the log, in their order.
    frames: Vec<(u64, Bytes)>,
    /// Them all, in one piece.
    pub(super) joined: Bytes,
}

/// Encoded frames of late, so that an event is encoded once for all who see it alike.
#[derive(Debug, Default)]
pub(super) struct Frames {
    encoded: HashMap<(Cursor, Form, Told), Bytes>,
    /// In the order in which they came, for letting the oldest go.
    order: VecDeque<(Cursor, Form, Told)>,
    bytes: usize,
}

impl Batch {
    /// One frame, at this place.
    pub(super) fn one(seq: u64, frame: Bytes) -> Self {
        Self::new(vec![(seq, frame)])
    }

    /// Joins these frames.
    fn new(frames: Vec<(u64, Bytes)>) -> Self {
        let joined = match frames.as_slice() {
            [] => Bytes::new(),
            [(_, frame)] => frame.clone(),
            several => {
                let bytes = several.iter().map(|(_, frame)| frame.len()).sum();
                let mut joined = BytesMut::with_capacity(bytes);
                for (_, frame) in several {
                    joined.extend_from_slice(frame);
                }
                joined.freeze()
            }
        };
        Self { frames, joined }
    }

    /// How many of its frames have begun to go out: the rest of one that was cut follows it.
    pub(super) fn begun(&self, written: &Written) -> u64 {
        let taken = match written {
            Written::All => return self.frames.len() as u64,
            Written::Gone => return 0,
            Written::Part(taken) => *taken,
        };
        let mut end = 0;
        let begun = self.frames.iter().take_while(|(_, frame)| {
            let begins = end;
            end += frame.len();
            begins < taken
        });
        begun.count() as u64
    }

    /// The position of a stream that took only `taken` bytes: the rest of the frame that was
    /// cut, and the place before which everything has gone out. `before` is the place that the
    /// batch began behind.
    pub(super) fn cut(&self, taken: usize, before: u64, progressed: Instant) -> Position {
        let mut start = 0;
        let mut after = before;
        for (seq, frame) in &self.frames {
            let end = start + frame.len();
            if taken < end {
                let begun = taken > start;
                let rest = if begun {
                    frame.slice(taken - start..)
                } else {
                    Bytes::new()
                };
                let after = if begun { *seq } else { after };
                return Behind::at(after, rest, progressed);
            }
            start = end;
            after = *seq;
        }
        Behind::at(after, Bytes::new(), progressed)
    }
}

impl Frames {
    /// The frames of these events, for one write.
    pub(super) fn batch<'a>(
        &mut self,
        events: impl Iterator<Item = (&'a Arc<Event>, &'a Told)>,
        form: &Form,
    ) -> Batch {
        let frame = |(event, told): (&'a Arc<Event>, &'a Told)| {
            (event.cursor.seq, self.encode(event, form, told))
        };
        Batch::new(events.map(frame).collect())
    }

    /// The frame of `event`, encoded now or before.
    fn encode(&mut self, event: &Event, form: &Form, told: &Told) -> Bytes {
        let key = (event.cursor, form.clone(), told.clone());
        if let Some(frame) = self.encoded.get(&key) {
            return frame.clone();
        }
        let frame = form.encode(event, told);
        self.bytes += frame.len();
        self.encoded.insert(key.clone(), frame.clone());
        self.order.push_back(key);
        while self.order.len() > FRAMES_KEPT || self.bytes > FRAMES_KEPT_BYTES {
            let Some(oldest) = self.order.pop_front() else {
                break;
            };
            if let Some(frame) = self.encoded.remove(&oldest) {
                self.bytes -= frame.len();
            }
        }
        frame
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rest_and_place(taken: usize) -> (String, u64) {
        let batch = Batch::new(vec![
            (5, Bytes::from_static(b"aaaa")),
            (7, Bytes::from_static(b"bbbb")),
        ]);
        match batch.cut(taken, 3, Instant::now()) {
            Position::Behind(behind) => (
                String::from_utf8(behind.rest.to_vec()).unwrap(),
                behind.after,
            ),
            Position::Live => panic!("a cut batch leaves a stream behind"),
        }
    }

    #[test]
    fn a_frame_counts_once_a_byte_of_it_is_taken() {
        let frames = [5, 7].map(|seq| (seq, Bytes::from_static(b"aaaa")));
        let batch = Batch::new(frames.into());
        for (taken, begun) in [(0, 0), (1, 1), (4, 1), (5, 2), (8, 2)] {
            assert_eq!(batch.begun(&Written::Part(taken)), begun, "{taken}");
        }
        assert_eq!(batch.begun(&Written::All), 2);
        assert_eq!(batch.begun(&Written::Gone), 0);
    }

    #[test]
    fn a_cut_stream_keeps_only_the_frame_that_had_begun() {
        assert_eq!(rest_and_place(0), (String::new(), 3));
        assert_eq!(rest_and_place(1), ("aaa".into(), 5));
        assert_eq!(rest_and_place(4), (String::new(), 5));
        assert_eq!(rest_and_place(6), ("bb".into(), 7));
        assert_eq!(rest_and_place(8), (String::new(), 7));
    }
}
