//! What is there at a start, and what has to be told of it.
//!
//! Only the last segment is read whole. What decides:
//!
//! | its last record | same boot | written at | what follows |
//! | --- | --- | --- | --- |
//! | the end | - | - | nothing: the log was closed in order |
//! | any, perhaps a torn one | yes | - | nothing: a torn one counts as never written |
//! | any, perhaps a torn one | no | disk | a gap: writes under way may have been forgotten |
//! | any, perhaps a torn one | no | process | a fresh epoch: what was heard may be gone |
//! | not known: no sound header | - | - | a fresh epoch |
//!
//! If some of it is damaged, a gap follows unless the log was closed in order behind that: an
//! intent may have been there. Its place is behind every place that the damaged bytes can have
//! held: none is given twice.
//! Each write that was under way is told as uncertain behind that gap.
//!
//! All of that stands in the new segment before that has its name; a recovery that is cut short
//! is repeated by the next one.

use std::collections::{BTreeMap, VecDeque};
use std::fs::File;
use std::io;
use std::sync::Arc;

use jiff::Timestamp;

use super::super::{Level, Record, Unsettled};
use super::record::EVENT_BYTES_MIN;
use super::scan::{Scan, What};
use super::segment::{Front, Header, Name, Segment};
use super::writer::Sizes;
use super::{Directory, OpenError, Recent, Recovered, Report, Writer, remove};
use crate::event::{Cursor, Epoch, Event, Kind};
use crate::limits::Keep;

/// A segment that is there at a start.
#[derive(Debug)]
struct Seen {
    segment: Segment,
    front: Front,
}

/// What the last segment says.
#[derive(Debug)]
struct Past {
    /// The seq of the newest event.
    tail: u64,
    /// The intents whose outcome is not known, by number.
    open: BTreeMap<u64, Unsettled>,
    /// Whether its last record is the end, with nothing behind it.
    closed: bool,
    /// Bytes of a record that is torn.
    torn_bytes: u64,
    /// Whether anything is damaged.
    damaged: bool,
    /// Bytes that are damaged behind the newest event.
    damaged_bytes: u64,
    /// No event is newer than this.
    newest: Timestamp,
    recent: Ring,
}

/// The newest events without a hole.
#[derive(Debug)]
struct Ring {
    events: VecDeque<Arc<Event>>,
    bytes: usize,
    max: Recent,
    /// Whether what came before was let go, or is not what the first one follows on.
    cut: bool,
}

// === impl Directory ===

impl Directory {
    /// Reads what is there, and begins a segment that goes on from it. What recovery has to tell
    /// (uncertain writes, a gap) is in that segment before it has its name.
    ///
    /// # Errors
    /// [`OpenError::Version`], and [`OpenError::Io`] if the system refused.
    pub(in crate::log) fn recover(
        self: &Arc<Self>,
        level: Level,
        fresh: Epoch,
        keep: &Keep,
        recent: Recent,
        now: Timestamp,
    ) -> Result<Recovered, OpenError> {
        let mut seen = self.survey().map_err(self.refused("cannot be read"))?;
        if seen.iter().any(|seen| seen.front == Front::Version) {
            let path = self.path().to_owned();
            return Err(OpenError::Version { path });
        }
        self.keep_newest_epoch(&mut seen)
            .map_err(self.refused("cannot be written"))?;
        if let Some(last) = seen.last()
            && let Front::Sound(header) = last.front
        {
            let past = self
                .past(level, &header, recent)
                .map_err(self.refused("cannot be read"))?;
            let known = past.closed || self.is_same_boot(&header);
            if known || header.level == Level::Disk {
                return self
                    .go_on(level, keep, now, past, (known, header), seen)
                    .map_err(self.refused("cannot be written"));
            }
        }
        let writer = self
            .begin(level, fresh, &[], &[], keep, now)
            .map_err(self.refused("cannot be written"))?;
        let report = Report {
            fresh: !seen.is_empty(),
            ..Report::default()
        };
        Ok(Recovered {
            epoch: fresh,
            tail: 0,
            recent: Vec::new(),
            writer,
            report,
        })
    }

    /// Every segment, in order; what was not finished is removed.
    fn survey(&self) -> io::Result<Vec<Seen>> {
        let (mut names, unfinished) = self.names()?;
        for path in unfinished {
            remove(&path)?;
        }
        names.sort();
        let seen = names.into_iter().map(|name| {
            let file = File::open(self.path_of(name))?;
            let found = file.metadata()?;
            let front = Front::read(&file, name)?;
            let created = match front {
                Front::Sound(header) => header.created,
                Front::Unreadable | Front::Version => {
                    let modified = found.modified().ok();
                    let at = modified.and_then(|at| Timestamp::try_from(at).ok());
                    at.unwrap_or_default()
                }
            };
            let segment = Segment::new(name, found.len(), created);
            Ok(Seen { segment, front })
        });
        seen.collect()
    }

    /// There should be one epoch. Of several, the one that was gone on with last is kept.
    fn keep_newest_epoch(&self, seen: &mut Vec<Seen>) -> io::Result<()> {
        let newest = seen.iter().max_by_key(|seen| seen.segment.created);
        let Some(epoch) = newest.map(|newest| newest.segment.name.epoch) else {
            return Ok(());
        };
        for gone in seen.extract_if(.., |seen| seen.segment.name.epoch != epoch) {
            remove(&self.path_of(gone.segment.name))?;
        }
        Ok(())
    }

    /// Reads the last segment. At level `disk` it is synced: what is told from it is there to stay.
    fn past(&self, level: Level, header: &Header, recent: Recent) -> io::Result<Past> {
        let mut past = Past {
            tail: header.name.first - 1,
            open: BTreeMap::new(),
            closed: false,
            torn_bytes: 0,
            damaged: false,
            damaged_bytes: 0,
            newest: header.created,
            recent: Ring::new(recent),
        };
        let file = File::open(self.path_of(header.name))?;
        if level == Level::Disk {
            file.sync_data()?;
        }
        let mut scan = Scan::of_segment(&file, header.name)?;
        while let Some(found) = scan.next()? {
            past.note(found.bytes, found.what);
        }
        Ok(past)
    }

    /// Begins a segment behind the last one of `seen`.
    fn go_on(
        self: &Arc<Self>,
        level: Level,
        keep: &Keep,
        now: Timestamp,
        past: Past,
        (known, header): (bool, Header),
        seen: Vec<Seen>,
    ) -> io::Result<Recovered> {
        let epoch = header.name.epoch();
        let at = now.max(past.newest);
        let report = Report {
            torn_bytes: past.torn_bytes,
            uncertain: past.open.len(),
            gap: !known || past.damaged_bytes > 0 || past.damaged && !past.closed,
            fresh: false,
        };
        let told = past.told(epoch, at, report.gap);
        let tail = told.last().map_or(past.tail, |last| last.cursor.seq);
        let mut ring = past.recent;
        let older = seen.iter().rev().skip(1).map(|seen| seen.segment.name);
        self.fill(&mut ring, past.tail, older);
        told.iter().for_each(|event| ring.push(Arc::clone(event)));
        {
            let mut table = self.table.lock();
            table.segments = seen.into_iter().map(|seen| seen.segment).collect();
        }
        let begun = self.header(level, epoch, past.tail + 1, at);
        let records = Record::Events {
            events: told,
            settles: None,
        };
        let records = match &records {
            Record::Events { events, .. } if events.is_empty() => Vec::new(),
            _ => vec![Arc::new(records)],
        };
        let writer = Writer::begin(self, begun, keep, &records, BTreeMap::new())?;
        self.shrink(Sizes::of(keep).others)?;
        Ok(Recovered {
            epoch,
            tail,
            recent: ring.events.into(),
            writer,
            report,
        })
    }

    /// Fills the ring with events of older segments, the newest of which comes first in `older`,
    /// as long as they can be read and go on to where the ring begins.
    fn fill(&self, ring: &mut Ring, tail: u64, older: impl Iterator<Item = Name>) {
        for name in older {
            if ring.cut || ring.is_full() {
                break;
            }
            let Ok(mut before) = self.ring_of(name, ring.room()) else {
                break;
            };
            let first = ring.events.front().map_or(tail + 1, |e| e.cursor.seq);
            if before.events.back().map(|e| e.cursor.seq) != Some(first - 1) {
                break;
            }
            ring.bytes += before.bytes;
            ring.cut = before.cut;
            before.events.append(&mut ring.events);
            ring.events = before.events;
        }
    }

    /// The newest events of one segment.
    fn ring_of(&self, name: Name, max: Recent) -> io::Result<Ring> {
        let mut ring = Ring::new(max);
        let file = File::open(self.path_of(name))?;
        let mut scan = Scan::of_segment(&file, name)?;
        while let Some(found) = scan.next()? {
            if let What::Record(Record::Events { events, .. }) = found.what {
                events.into_iter().for_each(|event| ring.push(event));
            }
        }
        Ok(ring)
    }

    fn is_same_boot(&self, header: &Header) -> bool {
        header.boot.is_some() && header.boot == self.boot
    }

    fn refused(&self, doing: &'static str) -> impl FnOnce(io::Error) -> OpenError {
        let path = self.path().to_owned();
        move |error| OpenError::Io { path, doing, error }
    }
}

// === impl Past ===

impl Past {
    /// Takes account of what was found next.
    fn note(&mut self, bytes: u64, what: What) {
        self.closed = false;
        match what {
            What::Torn => self.torn_bytes = bytes,
            What::Damaged => self.damage(bytes),
            What::Record(Record::End) => self.closed = true,
            What::Record(Record::Intent { number, write }) => {
                self.open.insert(number, write);
            }
            What::Record(Record::Settled { number }) => {
                self.open.remove(&number);
            }
            What::Record(Record::Events { events, settles }) => {
                let first = events.first().map_or(0, |first| first.cursor.seq);
                if first <= self.tail {
                    // No writer writes that.
                    return self.damage(bytes);
                }
                self.damaged_bytes = 0;
                for event in events {
                    self.tail = event.cursor.seq;
                    self.newest = self.newest.max(event.at);
                    self.recent.push(event);
                }
                if let Some(number) = settles {
                    self.open.remove(&number);
                }
            }
        }
    }

    fn damage(&mut self, bytes: u64) {
        self.damaged = true;
        self.damaged_bytes += bytes;
    }

    /// What is told of it: a gap behind every place that may have been heard, and the writes that
    /// were under way.
    fn told(&self, epoch: Epoch, at: Timestamp, gap: bool) -> Vec<Arc<Event>> {
        let gap_at = self.tail + 1 + self.damaged_bytes / EVENT_BYTES_MIN;
        let first = if gap { gap_at } else { self.tail + 1 };
        let open = self.open.values().cloned().map(Unsettled::kind);
        let (gaps, uncertain): (Vec<_>, Vec<_>) = open.partition(|kind| *kind == Kind::Gap);
        let gap = gap || !gaps.is_empty();
        let kinds = gap.then_some(Kind::Gap).into_iter().chain(uncertain);
        let event = |(seq, kind)| {
            let cursor = Cursor { epoch, seq };
            Arc::new(Event { cursor, at, kind })
        };
        (first..).zip(kinds).map(event).collect()
    }
}

// === impl Ring ===

impl Ring {
    fn new(max: Recent) -> Self {
        Self {
            events: VecDeque::new(),
            bytes: 0,
            max,
            cut: false,
        }
    }

    /// Takes the next event; what does not go on to it is let go, and what is too much.
    fn push(&mut self, event: Arc<Event>) {
        let seq = event.cursor.seq;
        if self.events.back().is_some_and(|e| e.cursor.seq + 1 != seq) {
            self.events.clear();
            self.bytes = 0;
            self.cut = true;
        }
        self.bytes += event.bytes();
        self.events.push_back(event);
        while self.events.len() > self.max.events || self.bytes > self.max.bytes {
            let oldest = self.events.pop_front();
            self.bytes -= oldest.map_or(self.bytes, |oldest| oldest.bytes());
            self.cut = true;
        }
    }

    fn is_full(&self) -> bool {
        self.events.len() >= self.max.events || self.bytes >= self.max.bytes
    }

    fn room(&self) -> Recent {
        Recent {
            events: self.max.events.saturating_sub(self.events.len()),
            bytes: self.max.bytes.saturating_sub(self.bytes),
        }
    }
}
