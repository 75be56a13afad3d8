//! A segment: one file of the log, with its name and its header.
//!
//! ```text
//!  5f3a09c1e77b-000000000000001c.log
//!  epoch        seq of the first event that is in it, or will be
//!
//!  ┌───────┬─────────┬───────┬───────────┬───────┬──────┬─────────┬─────┬─────────┬──
//!  │ magic │ version │ epoch │ first seq │ level │ boot │ created │ crc │ records │ ...
//!  └───────┴─────────┴───────┴───────────┴───────┴──────┴─────────┴─────┴─────────┴──
//!      4        4        8         8         1      16      12       4
//! ```
//! `boot` names the run of the machine's kernel: what a process has written is there as long as
//! that goes on, synced or not.
//!
//! A segment comes to be under a name of its own that ends in `.tmp`, with its header and its first
//! records, and gets its name when it is complete. From then on it is only appended to, by the one
//! writer; when that begins the next, it is never changed again.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::Path;

use jiff::Timestamp;

use super::super::Level;
use super::FILE_MODE;
use super::record::{Bytes, SEQ_MAX, put_time};
use super::scan::length;
use crate::event::Epoch;
use crate::limits::SEGMENT_POINT_BYTES;

/// Bytes of a segment's header.
pub(super) const HEADER_BYTES: usize = 57;
/// The place of a segment's first record.
pub(super) const RECORDS_AT: u64 = 57;
/// What the name of a file ends in that is not complete.
pub(super) const UNFINISHED: &str = ".tmp";

const MAGIC: [u8; 4] = [0xff, b't', b'l', b'g'];
const VERSION: u32 = 1;
const SUMMED: usize = HEADER_BYTES - 4;
const EXTENSION: &str = ".log";

/// One run of the machine's kernel; none where that is not known.
pub(super) type Boot = Option<[u8; 16]>;

/// What a segment's name says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Name {
    /// The epoch's number.
    pub(super) epoch: u64,
    /// The seq of the first event that is in it, or will be.
    pub(super) first: u64,
}

/// What a segment's header says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) name: Name,
    /// How durable what it holds is.
    pub(super) level: Level,
    pub(super) boot: Boot,
    /// Not before any event of an older segment, as events go.
    pub(super) created: Timestamp,
}

/// What is at the beginning of a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Front {
    /// A header that belongs to the name.
    Sound(Header),
    /// Nothing that can be read.
    Unreadable,
    /// A sound header of a version that is not known.
    Version,
}

/// A segment that is there.
#[derive(Clone, Debug)]
pub(super) struct Segment {
    pub(super) name: Name,
    /// Bytes of it that hold something: for the one being written, as far as it was written.
    pub(super) bytes: u64,
    /// See [`Header::created`]; where that cannot be read, when the file was last written.
    pub(super) created: Timestamp,
    /// Where records are, in order, some way apart from one another.
    points: Vec<Point>,
}

/// The place of a record in a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Point {
    /// The seq of its first event.
    pub(super) seq: u64,
    pub(super) at: u64,
}

// === impl Name ===

impl Name {
    /// What a file's name says, if it is one of ours.
    pub(super) fn of(file_name: &str) -> Option<Self> {
        let (epoch, first) = file_name.strip_suffix(EXTENSION)?.split_once('-')?;
        let name = Self {
            epoch: u64::from_str_radix(epoch, 16).ok()?,
            first: u64::from_str_radix(first, 16).ok()?,
        };
        // A name has one spelling, and the first event has 1.
        let sound = name.to_string() == file_name && (1..=SEQ_MAX).contains(&name.first);
        sound.then_some(name)
    }

    pub(super) fn epoch(self) -> Epoch {
        Epoch::new(self.epoch)
    }
}

impl std::fmt::Display for Name {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:012x}-{:016x}{EXTENSION}", self.epoch, self.first)
    }
}

// === impl Header ===

impl Header {
    /// The header's bytes.
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(HEADER_BYTES);
        bytes.extend(MAGIC);
        bytes.extend(VERSION.to_le_bytes());
        bytes.extend(self.name.epoch.to_le_bytes());
        bytes.extend(self.name.first.to_le_bytes());
        bytes.push(match self.level {
            Level::Memory => 0,
            Level::Process => 1,
            Level::Disk => 2,
        });
        bytes.extend(self.boot.unwrap_or_default());
        put_time(self.created, &mut bytes);
        bytes.extend(crc32fast::hash(&bytes).to_le_bytes());
        bytes
    }
}

// === impl Front ===

impl Front {
    /// Reads the beginning of the segment `name`.
    ///
    /// # Errors
    /// The file could not be read.
    pub(super) fn read(file: &File, name: Name) -> io::Result<Self> {
        let mut bytes = [0; HEADER_BYTES];
        match file.read_exact_at(&mut bytes, 0) {
            Ok(()) => Ok(Self::of(&bytes, name)),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(Self::Unreadable),
            Err(error) => Err(error),
        }
    }

    fn of(bytes: &[u8], name: Name) -> Self {
        let mut rest = Bytes(bytes);
        let magic = rest.array();
        let version = rest.u32();
        let sum = bytes
            .get(SUMMED..HEADER_BYTES)
            .and_then(|sum| Bytes(sum).u32());
        let sound = sum == bytes.get(..SUMMED).map(crc32fast::hash);
        if magic != Some(MAGIC) || !sound {
            return Self::Unreadable;
        }
        if version != Some(VERSION) {
            return Self::Version;
        }
        match Self::fields(&mut rest) {
            Some(header) if header.name == name => Self::Sound(header),
            Some(_) | None => Self::Unreadable,
        }
    }

    fn fields(rest: &mut Bytes<'_>) -> Option<Header> {
        let name = Name {
            epoch: rest.u64()?,
            first: rest.u64()?,
        };
        let level = match rest.u8()? {
            1 => Level::Process,
            2 => Level::Disk,
            _ => return None,
        };
        let boot = Some(rest.array()?).filter(|boot| *boot != [0; 16]);
        let created = rest.time()?;
        Some(Header {
            name,
            level,
            boot,
            created,
        })
    }
}

// === impl Segment ===

impl Segment {
    /// A segment of so many bytes of which nothing more is known.
    pub(super) fn new(name: Name, bytes: u64, created: Timestamp) -> Self {
        Self {
            name,
            bytes,
            created,
            points: Vec::new(),
        }
    }

    /// Remembers where records are, if that is further than what is known.
    pub(super) fn learn(&mut self, points: &[Point]) {
        for point in points {
            let known = self.points.last().map_or(0, |last| last.at);
            if point.at >= known + SEGMENT_POINT_BYTES {
                self.points.push(*point);
            }
        }
    }

    /// A place from which on the event `seq` is found.
    pub(super) fn before(&self, seq: u64) -> u64 {
        let known = self.points.partition_point(|point| point.seq <= seq);
        known
            .checked_sub(1)
            .and_then(|last| self.points.get(last))
            .map_or(RECORDS_AT, |point| point.at)
    }
}

/// Creates a segment with `records` in it. It has its name only when all of that is in it.
/// Synced, it survives the machine's power.
///
/// # Errors
/// The system refused. What is left then ends in `.tmp`.
pub(super) fn create(
    directory: &Path,
    header: &Header,
    records: &[u8],
    synced: bool,
) -> io::Result<(File, Segment)> {
    let name = header.name.to_string();
    let path = directory.join(&name);
    let unfinished = directory.join(format!("{name}{UNFINISHED}"));
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(true)
        .mode(FILE_MODE)
        .open(&unfinished)?;
    let front = header.encode();
    file.write_all(&front)?;
    file.write_all(records)?;
    if synced {
        file.sync_all()?;
    }
    fs::rename(&unfinished, &path)?;
    if synced {
        sync_directory(directory)?;
    }
    let bytes = length(front.len()) + length(records.len());
    Ok((file, Segment::new(header.name, bytes, header.created)))
}

/// Makes sure that nothing goes on from a segment: without a header it is not known what was there.
///
/// # Errors
/// The system refused.
pub(super) fn spoil(path: &Path) -> io::Result<()> {
    let file = OpenOptions::new().write(true).open(path)?;
    file.set_len(0)?;
    file.sync_all()
}

/// Makes the names in a directory survive the machine's power.
///
/// # Errors
/// The system refused.
pub(super) fn sync_directory(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}
