//! Reads the events after a place, while the last segment is being written.
//!
//! ```text
//!  after = 4     segment 1          segment 6                 what is read
//!                [1][2 3][4 5]      [6][####][9 10]           5, 6, a gap at 8, 9, 10
//!                        ▲ known point  └ damaged
//! ```
//! Places are consecutive. Where some are missing between what is expected and what is found, or
//! before the next segment or the newest event, they are told as one [`Kind::Gap`] at the last of
//! them, so that no reader goes on as if nothing had been there. A gap that stands in the files
//! tells of what is missing before it, so none is added.
//!
//! How far the last segment is written, and which event is the newest, is taken in one look: what
//! is appended meanwhile is for the next read.

use std::fs::File;
use std::io;
use std::sync::Arc;

use jiff::Timestamp;

use super::super::Record;
use super::scan::{Scan, What};
use super::segment::{Name, Point};
use super::{Directory, Piece};
use crate::event::{Cursor, Event, Gap, Kind};

/// What of one segment is to be read.
#[derive(Debug)]
struct Span {
    name: Name,
    /// From this place in the file on.
    from: u64,
    /// To this place.
    to: u64,
    /// The seq at which what is behind it goes on.
    next: u64,
    /// When what is behind it was begun; for the last one, when the newest event was appended.
    ended: Timestamp,
}

/// What has been read.
#[derive(Debug)]
struct Reading {
    events: Vec<Arc<Event>>,
    bytes: usize,
    events_max: usize,
    bytes_max: usize,
    /// The seq that comes next if nothing is missing.
    expected: u64,
}

impl Directory {
    /// The events after the place `after`, so many events and bytes at most, but one record at least.
    /// `upto` of an empty answer is `after`. A record is given whole, but for what is not after `after`.
    ///
    /// # Errors
    /// [`Gap::TooOld`]: some are no longer kept, or were appended before `not_before`.
    /// [`Gap::Lost`]: the files could not be read.
    pub(in crate::log) fn read(
        &self,
        after: u64,
        events_max: usize,
        bytes_max: usize,
        not_before: Timestamp,
    ) -> Result<Piece, Gap> {
        let mut reading = Reading {
            events: Vec::new(),
            bytes: 0,
            events_max,
            bytes_max,
            expected: after.saturating_add(1),
        };
        self.read_on(&mut reading)?;
        let oldest = reading.events.first();
        if oldest.is_some_and(|oldest| oldest.at < not_before) {
            return Err(Gap::TooOld);
        }
        let upto = reading.events.last().map_or(after, |last| last.cursor.seq);
        let events = reading.events;
        Ok(Piece { events, upto })
    }

    /// Reads segment after segment until it is enough.
    fn read_on(&self, reading: &mut Reading) -> Result<(), Gap> {
        let mut seq = reading.expected;
        let mut ended = None;
        loop {
            let span = match self.span(seq) {
                Ok(Some(span)) => span,
                Ok(None) => break,
                // What has been read is good; the next read is told the same.
                Err(_) if !reading.events.is_empty() => return Ok(()),
                Err(gap) => return Err(gap),
            };
            match File::open(self.path_of(span.name)) {
                Ok(file) => {
                    let enough = self
                        .read_span(&span, &file, reading)
                        .map_err(|_unreadable| Gap::Lost)?;
                    if enough {
                        return Ok(());
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    // Let go of since it was looked up; or gone, and then it is missing.
                    if seq <= self.oldest() {
                        continue;
                    }
                }
                Err(_unreadable) => return Err(Gap::Lost),
            }
            seq = span.next;
            ended = Some((span.name, span.ended));
        }
        if let Some((name, at)) = ended
            && seq > reading.expected
        {
            reading.miss(name, seq, at);
        }
        Ok(())
    }

    /// Where the event `seq` is to be found; none if it has not been appended.
    fn span(&self, seq: u64) -> Result<Option<Span>, Gap> {
        let table = self.table.lock();
        if seq > table.tail {
            return Ok(None);
        }
        let behind = table.segments.partition_point(|s| s.name.first <= seq);
        let found = behind.checked_sub(1).and_then(|i| table.segments.get(i));
        let segment = found.ok_or(Gap::TooOld)?;
        let (next, ended) = table
            .segments
            .get(behind)
            .map_or((table.tail + 1, table.newest), |next| {
                (next.name.first, next.created)
            });
        Ok(Some(Span {
            name: segment.name,
            from: segment.before(seq),
            to: segment.bytes,
            next,
            ended,
        }))
    }

    /// Reads a segment; whether that is enough. What it learns of places is kept for others.
    fn read_span(&self, span: &Span, file: &File, reading: &mut Reading) -> io::Result<bool> {
        let mut scan = Scan::new(file, span.name.epoch(), span.from, span.to)?;
        let mut points = Vec::new();
        let mut enough = false;
        while !enough && let Some(found) = scan.next()? {
            let What::Record(Record::Events { events, .. }) = found.what else {
                continue;
            };
            let (Some(first), Some(last)) = (events.first(), events.last()) else {
                continue;
            };
            let seq = first.cursor.seq;
            if seq < span.name.first || last.cursor.seq >= span.next {
                continue;
            }
            points.push(Point { seq, at: found.at });
            if last.cursor.seq >= reading.expected {
                enough = reading.take(span.name, events);
            }
        }
        let mut table = self.table.lock();
        if let Some(segment) = table.segments.iter_mut().find(|s| s.name == span.name) {
            segment.learn(&points);
        }
        Ok(enough)
    }
}

impl Reading {
    /// Takes what is new of a record's events, unless that is too much; whether it is enough.
    fn take(&mut self, name: Name, mut events: Vec<Arc<Event>>) -> bool {
        events.retain(|event| event.cursor.seq >= self.expected);
        let bytes: usize = events.iter().map(|event| event.bytes()).sum();
        let over = self.events.len() + events.len() > self.events_max
            || self.bytes + bytes > self.bytes_max;
        if over && !self.events.is_empty() {
            return true;
        }
        if let Some(first) = events.first()
            && first.cursor.seq > self.expected
            && first.kind != Kind::Gap
        {
            self.miss(name, first.cursor.seq, first.at);
        }
        self.expected = events.last().map_or(0, |last| last.cursor.seq) + 1;
        self.events.extend(events);
        self.bytes += bytes;
        self.events.len() >= self.events_max || self.bytes >= self.bytes_max
    }

    /// Takes a gap for the events that are missing before the event `next`.
    fn miss(&mut self, name: Name, next: u64, at: Timestamp) {
        let cursor = Cursor {
            epoch: name.epoch(),
            seq: next - 1,
        };
        let kind = Kind::Gap;
        let gap = Event { cursor, at, kind };
        self.bytes += gap.bytes();
        self.events.push(Arc::new(gap));
        self.expected = next;
    }
}
