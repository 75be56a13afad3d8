//! Appends records to the newest segment, and begins another when that is full.
//!
//! ```text
//!  write ──► full? ──► sync the old (disk) ──► NAME.tmp: header, open intents ──► NAME
//!    │                                                                              │
//!    └───────────► encoded into one buffer ──► the file ──► readers may read it ◄───┘
//! ```
//! The writer knows which intents are open, and begins each segment with them: the last segment
//! alone says which writes were under way, and older ones can go whenever they are too many.
//!
//! A segment without an event is replaced by the one that follows it: the two have the same name.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Write as _};
use std::sync::Arc;

use jiff::Timestamp;

use super::super::{Level, Record, Unsettled};
use super::Directory;
use super::record;
use super::scan::length;
use super::segment::{self, Header, Name, Point};
use crate::limits::{Keep, SEGMENT_BYTES, SEGMENT_PARTS, SEGMENT_WRITE_BYTES};

/// Appends to the newest segment.
#[derive(Debug)]
pub(in crate::log) struct Writer {
    directory: Arc<Directory>,
    level: Level,
    file: Arc<File>,
    /// The segment's header.
    header: Header,
    /// Bytes of the segment when it was begun.
    begun: u64,
    /// Bytes of the segment now.
    bytes: u64,
    /// The seq of the newest event.
    tail: u64,
    /// When the newest event was appended; before the first, when the segment was begun.
    newest: Timestamp,
    /// The intents whose outcome is not known, by number.
    open: BTreeMap<u64, Unsettled>,
    sizes: Sizes,
    buffer: Vec<u8>,
    /// Whether a write failed: what the file holds is not known any more.
    failed: bool,
}

/// What `keep` says of files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sizes {
    /// Bytes of one segment.
    pub(super) segment: u64,
    /// Bytes that segments may have together when another is begun.
    pub(super) others: u64,
}

// === impl Sizes ===

impl Sizes {
    pub(super) fn of(keep: &Keep) -> Self {
        let parts = keep.bytes / SEGMENT_PARTS;
        let segment = parts.clamp(*SEGMENT_BYTES.start(), *SEGMENT_BYTES.end());
        Self {
            segment: length(segment),
            others: length(keep.bytes.saturating_sub(segment)),
        }
    }
}

// === impl Writer ===

impl Writer {
    /// Begins a segment that holds these records, and these intents, which are open. It survives
    /// the machine's power whatever the level: the end of the segment before it must not be taken
    /// for the log's.
    ///
    /// # Errors
    /// The system refused.
    pub(super) fn begin(
        directory: &Arc<Directory>,
        header: Header,
        keep: &Keep,
        told: &[Arc<Record>],
        open: BTreeMap<u64, Unsettled>,
    ) -> io::Result<Self> {
        let mut buffer = Vec::new();
        for record in told {
            record::encode(record, &mut buffer)?;
        }
        put_intents(&open, &mut buffer)?;
        let (file, segment) = segment::create(directory.path(), &header, &buffer, true)?;
        let mut newest = told.iter().filter_map(|record| newest_of(record));
        let (tail, newest) = newest
            .next_back()
            .unwrap_or((header.name.first - 1, header.created));
        let bytes = segment.bytes;
        directory.add(segment, tail, newest);
        Ok(Self {
            directory: Arc::clone(directory),
            level: header.level,
            file: Arc::new(file),
            header,
            begun: bytes,
            bytes,
            tail,
            newest,
            open,
            sizes: Sizes::of(keep),
            buffer: Vec::new(),
            failed: false,
        })
    }

    /// Writes these records, in one write where it can; begins another segment first when this one
    /// is full. What is written survives the process, not the machine. After an error the writer
    /// is of no more use.
    ///
    /// # Errors
    /// The system refused, or a record is larger than a record may be.
    pub(in crate::log) fn write(&mut self, records: &[Arc<Record>]) -> io::Result<()> {
        if std::mem::replace(&mut self.failed, true) {
            return Err(io::Error::other("an earlier write failed"));
        }
        // A segment that begins with many open intents goes on until it holds as much again.
        if self.bytes - self.begun >= self.sizes.segment.max(self.begun) {
            self.roll()?;
        }
        let mut points = Vec::new();
        self.buffer.clear();
        for record in records {
            if matches!(**record, Record::End) {
                // Whatever is damaged before it, the end says which writes are under way.
                put_intents(&self.open, &mut self.buffer)?;
            }
            let at = self.bytes + length(self.buffer.len());
            record::encode(record, &mut self.buffer)?;
            if let Record::Events { events, .. } = &**record {
                points.extend(events.first().map(|first| Point {
                    seq: first.cursor.seq,
                    at,
                }));
            }
            self.note(record);
            if self.buffer.len() >= SEGMENT_WRITE_BYTES {
                self.flush(&mut points)?;
            }
        }
        self.flush(&mut points)?;
        self.buffer.shrink_to(SEGMENT_WRITE_BYTES);
        self.failed = false;
        Ok(())
    }

    /// The file that the last write went to: what has to be synced (`File::sync_data`). A segment
    /// that was left by a roll has been synced by then, at level `disk`.
    pub(in crate::log) fn file(&self) -> Arc<File> {
        Arc::clone(&self.file)
    }

    /// Makes sure that nothing goes on from the segment: what is told from now on is not in it.
    ///
    /// # Errors
    /// The system refused.
    pub(in crate::log) fn spoil(&self) -> io::Result<()> {
        self.file.set_len(0)
    }

    /// Lets another `keep` decide how large segments are.
    pub(in crate::log) fn set_keep(&mut self, keep: &Keep) {
        self.sizes = Sizes::of(keep);
    }

    /// Keeps account of what is open and what is newest.
    fn note(&mut self, record: &Record) {
        match record {
            Record::End => {}
            Record::Events { settles, .. } => {
                if let Some(number) = settles {
                    self.open.remove(number);
                }
            }
            Record::Intent { number, write } => {
                self.open.insert(*number, write.clone());
            }
            Record::Settled { number } => {
                self.open.remove(number);
            }
        }
        if let Some((tail, at)) = newest_of(record) {
            self.tail = tail;
            self.newest = self.newest.max(at);
        }
    }

    /// Writes what is encoded, and lets readers read it.
    fn flush(&mut self, points: &mut Vec<Point>) -> io::Result<()> {
        (&*self.file).write_all(&self.buffer)?;
        self.bytes += length(self.buffer.len());
        self.buffer.clear();
        let name = self.header.name;
        self.directory
            .extend(name, self.bytes, (self.tail, self.newest), points)?;
        points.clear();
        Ok(())
    }

    /// Leaves this segment for another, and makes room for what that will hold.
    fn roll(&mut self) -> io::Result<()> {
        let synced = self.level == Level::Disk;
        if synced {
            self.file.sync_data()?;
        }
        let header = Header {
            name: Name {
                first: self.tail + 1,
                ..self.header.name
            },
            created: self.newest,
            ..self.header
        };
        self.buffer.clear();
        put_intents(&self.open, &mut self.buffer)?;
        let (file, segment) =
            segment::create(self.directory.path(), &header, &self.buffer, synced)?;
        self.begun = segment.bytes;
        self.bytes = segment.bytes;
        self.directory
            .follow(self.header.name, segment, (self.tail, self.newest))?;
        self.header = header;
        self.file = Arc::new(file);
        self.directory.shrink(self.sizes.others)
    }
}

/// The last event's seq and time, if there are events.
fn newest_of(record: &Record) -> Option<(u64, Timestamp)> {
    match record {
        Record::Events { events, .. } => events.last().map(|last| (last.cursor.seq, last.at)),
        Record::End | Record::Intent { .. } | Record::Settled { .. } => None,
    }
}

fn put_intents(open: &BTreeMap<u64, Unsettled>, into: &mut Vec<u8>) -> io::Result<()> {
    open.iter()
        .try_for_each(|(number, write)| record::encode_intent(*number, write, into))
}
