//! The log in a directory: segments of checksummed records, one writer, any number of readers.
//!
//! ```text
//!  lock                                   one process has the directory; its id is in the file
//!  5f3a09c1e77b-0000000000000001.log      a segment: header, then records, events 1 to 27
//!  5f3a09c1e77b-000000000000001c.log      the next one goes on at event 28; the last is written
//!  5f3a09c1e77b-0000000000000040.log.tmp  one that was not finished: removed at the next start
//! ```
//! | part | what it does |
//! | --- | --- |
//! | [`lock`] | one process has the directory, and it can hold a log |
//! | [`record`], [`segment`] | the bytes of a record; a segment's name, header and creation |
//! | [`scan`] | goes through a segment, whatever bytes it holds |
//! | [`writer`] | appends, and begins another segment when one is full |
//! | [`read`] | the events after a place, with a gap where some are damaged |
//! | [`recover`] | what is there at a start, and what has to be told of it |
//!
//! Each start begins a segment of its own: what was written is never written again. A directory
//! is left behind in a state that recovers to the same events at every moment.

mod lock;
mod read;
mod record;
mod recover;
mod scan;
mod segment;
mod writer;

#[cfg(test)]
mod tests;

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;
use parking_lot::Mutex;

use super::{Level, Piece, Record, Unsettled};
use crate::event::{Epoch, Event};
use crate::limits::Keep;

pub use lock::OpenError;
pub(super) use lock::is_full;
use segment::{Boot, Name, Point, Segment, UNFINISHED};
pub(super) use writer::Writer;

/// A locked directory, for as long as this lives. Shared by the writer and the readers.
#[derive(Debug)]
pub(super) struct Directory {
    path: PathBuf,
    /// Locked while it is open.
    _lock: File,
    /// This run of the machine's kernel.
    boot: Boot,
    table: Mutex<Table>,
}

/// What the directory holds. Never locked while a file is read or written.
#[derive(Debug, Default)]
struct Table {
    /// Oldest first; the last is the one being written. Bounded by what is kept: but for the last,
    /// each has an event at least.
    segments: Vec<Segment>,
    /// The seq of the newest event.
    tail: u64,
    /// When the newest event was appended.
    newest: Timestamp,
}

/// What was found in a directory, and the writer that goes on from there.
#[derive(Debug)]
pub(super) struct Recovered {
    /// The epoch that survived, or a fresh one.
    pub(super) epoch: Epoch,
    /// The seq of the newest event, those that recovery appended included; 0 for none.
    pub(super) tail: u64,
    /// The newest events, oldest first, ending at `tail` without a hole: as many as were asked for at most.
    pub(super) recent: Vec<Arc<Event>>,
    /// Goes on behind `tail`.
    pub(super) writer: Writer,
    /// What recovery did, for the log line.
    pub(super) report: Report,
}

/// What recovery did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Report {
    /// Bytes of a torn record that were cut off the tail.
    pub(super) torn_bytes: u64,
    /// Writes whose outcome was lost: each became an `uncertain` event.
    pub(super) uncertain: usize,
    /// Whether a [`crate::event::Kind::Gap`] was appended.
    pub(super) gap: bool,
    /// Whether what was there could not be gone on with, so that the epoch is fresh.
    pub(super) fresh: bool,
}

/// How much of the past recovery gives back at most.
#[derive(Clone, Copy, Debug)]
pub(super) struct Recent {
    /// Events at most.
    pub(super) events: usize,
    /// Bytes of them at most, as [`Event::bytes`] counts.
    pub(super) bytes: usize,
}

// === impl Directory ===

impl Directory {
    /// Throws away what is there and begins `epoch`, with these events and these writes under way.
    ///
    /// # Errors
    /// The system refused. What was there may be gone or not; this can be tried again.
    pub(super) fn begin(
        self: &Arc<Self>,
        level: Level,
        epoch: Epoch,
        told: &[Arc<Record>],
        unsettled: &[(u64, Unsettled)],
        keep: &Keep,
        now: Timestamp,
    ) -> io::Result<Writer> {
        self.clear()?;
        let header = self.header(level, epoch, 1, now);
        let open = unsettled.iter().cloned().collect();
        Writer::begin(self, header, keep, told, open)
    }

    /// Lets go of segments that are no longer kept: all but the one being written.
    ///
    /// # Errors
    /// The system refused to remove one; it is not read any more.
    pub(super) fn trim(&self, keep: &Keep, now: Timestamp) -> io::Result<()> {
        let oldest = now.checked_sub(keep.age).unwrap_or(Timestamp::MIN);
        let bytes_max = scan::length(keep.bytes);
        let events_max = scan::length(keep.events);
        self.let_go(|bytes, tail, next| {
            bytes > bytes_max
                || tail.saturating_sub(next.name.first - 1) >= events_max
                || next.created < oldest
        })
    }

    /// The smallest place after which everything is in the files.
    pub(super) fn oldest(&self) -> u64 {
        let table = self.table.lock();
        table
            .segments
            .first()
            .map_or(table.tail, |segment| segment.name.first - 1)
    }

    /// Bytes of all segments.
    pub(super) fn bytes(&self) -> u64 {
        self.table.lock().bytes()
    }

    fn path(&self) -> &Path {
        &self.path
    }

    fn path_of(&self, name: Name) -> PathBuf {
        self.path.join(name.to_string())
    }

    /// The header of a segment that is begun now.
    fn header(&self, level: Level, epoch: Epoch, first: u64, now: Timestamp) -> segment::Header {
        segment::Header {
            name: Name {
                epoch: epoch.number(),
                first,
            },
            level,
            boot: self.boot,
            created: now,
        }
    }

    /// Lets readers read a segment that was begun; it takes the place of one with its name.
    fn add(&self, segment: Segment, tail: u64, newest: Timestamp) {
        self.table.lock().add(segment, tail, newest);
    }

    /// As [`Self::add`], for the writer of the segment `active`.
    ///
    /// # Errors
    /// Another writer has begun anew since: this one was given up. The segment is removed.
    fn follow(
        &self,
        active: Name,
        segment: Segment,
        (tail, newest): (u64, Timestamp),
    ) -> io::Result<()> {
        {
            let mut table = self.table.lock();
            if table.is_active(active) {
                table.add(segment, tail, newest);
                return Ok(());
            }
        }
        remove(&self.path_of(segment.name))?;
        Err(given_up())
    }

    /// Lets readers read what was appended to the segment `active`.
    ///
    /// # Errors
    /// Another writer has begun anew since: this one was given up.
    fn extend(
        &self,
        active: Name,
        bytes: u64,
        (tail, newest): (u64, Timestamp),
        points: &[Point],
    ) -> io::Result<()> {
        let mut table = self.table.lock();
        if !table.is_active(active) {
            return Err(given_up());
        }
        if let Some(active) = table.segments.last_mut() {
            active.bytes = bytes;
            active.learn(points);
            table.tail = tail;
            table.newest = newest;
        }
        Ok(())
    }

    /// Lets go of the oldest segments while all of them have more bytes than that.
    fn shrink(&self, bytes_max: u64) -> io::Result<()> {
        self.let_go(|bytes, _, _| bytes > bytes_max)
    }

    /// Lets go of the oldest segment while `goes` says so, knowing the bytes of all, the newest
    /// event's seq and the segment behind it. Never of the one being written.
    fn let_go(&self, goes: impl Fn(u64, u64, &Segment) -> bool) -> io::Result<()> {
        let gone: Vec<Segment> = {
            let mut table = self.table.lock();
            let mut bytes = table.bytes();
            let mut count = 0;
            for (oldest, next) in table.segments.iter().zip(table.segments.iter().skip(1)) {
                if !goes(bytes, table.tail, next) {
                    break;
                }
                bytes -= oldest.bytes;
                count += 1;
            }
            table.segments.drain(..count).collect()
        };
        let mut removed = Ok(());
        for segment in gone {
            let this = remove(&self.path_of(segment.name));
            removed = removed.and(this);
        }
        removed
    }

    /// Removes every segment, the newest last: as long as something is there, it is that which
    /// decides what is found there. It loses its header first, so that nothing goes on from it.
    ///
    /// # Errors
    /// The system refused. Some may be left; this can be tried again.
    pub(super) fn clear(&self) -> io::Result<()> {
        *self.table.lock() = Table::default();
        let (mut names, unfinished) = self.names()?;
        if let Some(newest) = names.iter().max() {
            // If that is refused, perhaps its removal is not.
            drop(segment::spoil(&self.path_of(*newest)));
        }
        for path in unfinished {
            remove(&path)?;
        }
        names.sort();
        let last = names.pop();
        for name in names {
            remove(&self.path_of(name))?;
        }
        segment::sync_directory(&self.path)?;
        last.map_or(Ok(()), |last| remove(&self.path_of(last)))
    }

    /// The segments' names, in no order, and the files that were not finished.
    fn names(&self) -> io::Result<(Vec<Name>, Vec<PathBuf>)> {
        let mut names = Vec::new();
        let mut unfinished = Vec::new();
        for entry in fs::read_dir(&self.path)? {
            let entry = entry?;
            let file_name = entry.file_name();
            let Some(file_name) = file_name.to_str() else {
                continue;
            };
            if !entry.file_type()?.is_file() {
                continue;
            }
            if file_name.ends_with(UNFINISHED) {
                unfinished.push(entry.path());
            } else {
                names.extend(Name::of(file_name));
            }
        }
        Ok((names, unfinished))
    }
}

// === impl Table ===

impl Table {
    fn bytes(&self) -> u64 {
        self.segments.iter().map(|segment| segment.bytes).sum()
    }

    fn add(&mut self, segment: Segment, tail: u64, newest: Timestamp) {
        self.segments.retain(|other| other.name != segment.name);
        self.segments.push(segment);
        self.tail = tail;
        self.newest = newest;
    }

    /// Whether this is the segment being written.
    fn is_active(&self, name: Name) -> bool {
        let last = self.segments.last();
        last.is_some_and(|last| last.name == name)
    }
}

fn given_up() -> io::Error {
    io::Error::other("another writer has begun the log anew")
}

/// What is in the files is for this user alone, whatever the directory allows.
const FILE_MODE: u32 = 0o600;

/// Removes a file, if it is there.
fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}
