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
//! | [`record`], [`segment`] | the bytes of a record; a segment's name, header and creation |
//! | [`scan`] | goes through a segment, whatever bytes it holds |
//! | [`writer`] | appends, and begins another segment when one is full |
//! | [`read`] | the events after a place, with a gap where some are damaged |
//! | [`recover`] | what is there at a start, and what has to be told of it |
//!
//! Each start begins a segment of its own: what was written is never written again. A directory
//! is left behind in a state that recovers to the same events at every moment.

mod read;
mod record;
mod recover;
mod scan;
mod segment;
mod writer;

#[cfg(test)]
mod tests;

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;
use parking_lot::Mutex;

use super::{Level, Record, Unsettled};
use crate::event::{Epoch, Event};
use crate::limits::Keep;

use segment::{Boot, Name, Point, Segment, UNFINISHED};
pub(super) use writer::Writer;

/// Why a directory cannot hold the log.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process has it.
    #[error(
        "{path}: is in use by another process{holder}: give each sidecar a directory of its own"
    )]
    InUse {
        /// The directory.
        path: PathBuf,
        /// Which one, where that is known. Shape: ` (process 1234)`.
        holder: String,
    },
    /// `disk` was asked of a file system that is in memory.
    #[error(
        "{path}: is on {kind}, which is in memory: level `disk` needs a disk, `process` does not"
    )]
    NotOnDisk {
        /// The directory.
        path: PathBuf,
        /// The file system. Shape: `tmpfs`.
        kind: &'static str,
    },
    /// The system refused.
    #[error("{path}: {doing}: {error}")]
    Io {
        /// The directory.
        path: PathBuf,
        /// What could not be done. Shape: `cannot be written`.
        doing: &'static str,
        /// Why.
        error: io::Error,
    },
    /// It holds a log of a version that this program does not know.
    #[error(
        "{path}: was written by another version of this program: empty the directory, or give another"
    )]
    Version {
        /// The directory.
        path: PathBuf,
    },
}

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

/// What a read found: the events after a place, without a hole up to `upto`.
#[derive(Clone, Debug)]
pub(super) struct Piece {
    /// Oldest first. A span that is damaged is one [`crate::event::Kind::Gap`] at the last place of it.
    pub(super) events: Vec<Arc<Event>>,
    /// The place up to which nothing is missing from `events`.
    pub(super) upto: u64,
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
    /// Makes the directory if it is missing, locks it, and tries whether it can hold the log at `level`.
    ///
    /// # Errors
    /// [`OpenError`], but for [`OpenError::Version`].
    pub(super) fn lock(path: &Path, level: Level) -> Result<Self, OpenError> {
        Self::lock_in(path, level, boot())
    }

    /// Locks the directory as [`Self::lock`] does, in that run of the kernel.
    fn lock_in(path: &Path, level: Level, boot: Boot) -> Result<Self, OpenError> {
        let refused = |doing| {
            move |error| OpenError::Io {
                path: path.to_owned(),
                doing,
                error,
            }
        };
        let mut create = DirBuilder::new();
        match create.recursive(true).mode(0o700).create(path) {
            Err(_exists) if path.exists() && !path.is_dir() => {
                return Err(refused("cannot hold the log")(
                    io::ErrorKind::NotADirectory.into(),
                ));
            }
            created => created.map_err(refused("cannot be created"))?,
        }
        let lock = lock_file(path, &refused)?;
        if level == Level::Disk
            && let Some(kind) = in_memory(path).map_err(refused("cannot be looked at"))?
        {
            let path = path.to_owned();
            return Err(OpenError::NotOnDisk { path, kind });
        }
        probe(path, level).map_err(refused("cannot be written"))?;
        Ok(Self {
            path: path.to_owned(),
            _lock: lock,
            boot,
            table: Mutex::default(),
        })
    }

    /// Throws away what is there and begins `epoch`, with these writes under way.
    ///
    /// # Errors
    /// The system refused. What was there may be gone or not; this can be tried again.
    pub(super) fn begin(
        self: &Arc<Self>,
        level: Level,
        epoch: Epoch,
        unsettled: &[(u64, Unsettled)],
        keep: &Keep,
        now: Timestamp,
    ) -> io::Result<Writer> {
        self.clear()?;
        let header = self.header(level, epoch, 1, now);
        let open = unsettled.iter().cloned().collect();
        Writer::begin(self, header, keep, &[], open)
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
        let mut table = self.table.lock();
        table.segments.retain(|other| other.name != segment.name);
        table.segments.push(segment);
        table.tail = tail;
        table.newest = newest;
    }

    /// Lets readers read what was appended to the segment being written.
    fn extend(&self, bytes: u64, tail: u64, newest: Timestamp, points: &[Point]) {
        let mut table = self.table.lock();
        if let Some(active) = table.segments.last_mut() {
            active.bytes = bytes;
            active.learn(points);
            table.tail = tail;
            table.newest = newest;
        }
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
            removed = removed.and(remove(&self.path_of(segment.name)));
        }
        removed
    }

    /// Removes every segment, the newest last: as long as something is there, it is that which
    /// decides what is found there.
    fn clear(&self) -> io::Result<()> {
        *self.table.lock() = Table::default();
        let (mut names, unfinished) = self.names()?;
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
}

/// Removes a file, if it is there.
fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}

/// Locks the directory's `lock` for as long as the file is open, and says in it who has it.
fn lock_file<R>(path: &Path, refused: &impl Fn(&'static str) -> R) -> Result<File, OpenError>
where
    R: Fn(io::Error) -> OpenError,
{
    let mut lock = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(path.join("lock"))
        .map_err(refused("cannot be written"))?;
    match lock.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut holder = String::new();
            // Who it is only helps: if that cannot be read, it is left out.
            let read = (&lock).take(LOCK_BYTES_MAX).read_to_string(&mut holder);
            let known = read.is_ok() && holder.trim().parse::<u32>().is_ok();
            let path = path.to_owned();
            let holder = if known {
                format!(" (process {})", holder.trim())
            } else {
                String::new()
            };
            return Err(OpenError::InUse { path, holder });
        }
        Err(TryLockError::Error(error)) => return Err(refused("cannot be locked")(error)),
    }
    lock.set_len(0)
        .and_then(|()| writeln!(lock, "{}", std::process::id()))
        .map_err(refused("cannot be written"))?;
    Ok(lock)
}

/// Bytes of a lock that are looked at: a process's id has fewer.
const LOCK_BYTES_MAX: u64 = 16;

/// Tries whether a file can be written here and read back.
fn probe(path: &Path, level: Level) -> io::Result<()> {
    const WORD: &[u8] = b"tidings";
    let path = path.join(format!("probe{UNFINISHED}"));
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(true)
        .open(&path)?;
    file.write_all(WORD)?;
    if level == Level::Disk {
        file.sync_all()?;
    }
    let mut read = Vec::new();
    file.rewind()?;
    file.read_to_end(&mut read)?;
    if read != WORD {
        return Err(io::Error::other("what was written is not what is read"));
    }
    remove(&path)
}

/// The name of the file system, if it is one that is in memory.
fn in_memory(path: &Path) -> io::Result<Option<&'static str>> {
    const TMPFS: i128 = 0x0102_1994;
    const RAMFS: i128 = 0x8584_58f6;
    Ok(match i128::from(rustix::fs::statfs(path)?.f_type) {
        TMPFS => Some("tmpfs"),
        RAMFS => Some("ramfs"),
        _ => None,
    })
}

/// This run of the kernel, as it names it. Shape: `2a1dd46c-e4ee-4a11-b8c9-fb2a02a2ec75`.
fn boot() -> Boot {
    let text = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    let digits: String = text.trim().split('-').collect();
    if digits.len() != 32 {
        return None;
    }
    let number = u128::from_str_radix(&digits, 16).ok()?;
    (number != 0).then(|| number.to_be_bytes())
}
