//! The log in a directory: segments of checksummed records, one writer, any number of readers.
//!
//! (skeleton: signatures that the rest of the log is written against)

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;

use super::{Level, Record, Unsettled};
use crate::event::{Epoch, Event, Gap};
use crate::limits::Keep;

/// Why a directory cannot hold the log.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process has it.
    #[error(
        "{path}: is in use by another process{holder}: give each sidecar a directory of its own"
    )]
    InUse { path: PathBuf, holder: String },
    /// `disk` was asked of a file system that is in memory.
    #[error(
        "{path}: is on {kind}, which is in memory: level `disk` needs a disk, `process` does not"
    )]
    NotOnDisk { path: PathBuf, kind: &'static str },
    /// The system refused.
    #[error("{path}: {doing}: {error}")]
    Io {
        path: PathBuf,
        doing: &'static str,
        error: io::Error,
    },
    /// It holds a log of a version that this program does not know.
    #[error(
        "{path}: was written by another version of this program: empty the directory, or give another"
    )]
    Version { path: PathBuf },
}

/// A locked directory, for as long as this lives. Shared by the writer and the readers.
#[derive(Debug)]
pub(super) struct Directory {}

/// What was found in a directory, and the writer that goes on from there.
#[derive(Debug)]
pub(super) struct Recovered {
    /// The epoch that survived, or a fresh one.
    pub(super) epoch: Epoch,
    /// The seq of the newest event, those that recovery appended included; 0 for none.
    pub(super) tail: u64,
    /// The newest events, oldest first, ending at `tail` without a hole: as many as were asked for at most.
    pub(super) recent: Vec<Arc<Event>>,
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
    pub(super) events: usize,
    pub(super) bytes: usize,
}

impl Directory {
    /// Makes the directory if it is missing, locks it, and tries whether it can hold the log at `level`.
    pub(super) fn lock(path: &Path, level: Level) -> Result<Self, OpenError> {
        todo!()
    }

    /// Reads what is there, and begins a segment that goes on from it. What recovery has to tell
    /// (uncertain writes, a gap) is in that segment before it has its name.
    pub(super) fn recover(
        self: &Arc<Self>,
        level: Level,
        fresh: Epoch,
        keep: &Keep,
        recent: Recent,
        now: Timestamp,
    ) -> Result<Recovered, OpenError> {
        todo!()
    }

    /// Throws away what is there and begins `epoch`, with these writes under way.
    pub(super) fn begin(
        self: &Arc<Self>,
        level: Level,
        epoch: Epoch,
        unsettled: &[(u64, Unsettled)],
        keep: &Keep,
        now: Timestamp,
    ) -> io::Result<Writer> {
        todo!()
    }

    /// The events after the place `after`, so many events and bytes at most, but one record at least.
    /// `upto` of an empty answer is `after`.
    ///
    /// # Errors
    /// [`Gap::TooOld`]: some are no longer kept, or were appended before `not_before`.
    /// [`Gap::Lost`]: the files could not be read.
    pub(super) fn read(
        &self,
        after: u64,
        events_max: usize,
        bytes_max: usize,
        not_before: Timestamp,
    ) -> Result<Piece, Gap> {
        todo!()
    }

    /// Lets go of segments that are no longer kept: all but the one being written.
    pub(super) fn trim(&self, keep: &Keep, now: Timestamp) -> io::Result<()> {
        todo!()
    }

    /// The smallest place after which everything is in the files.
    pub(super) fn oldest(&self) -> u64 {
        todo!()
    }

    /// Bytes of all segments.
    pub(super) fn bytes(&self) -> u64 {
        todo!()
    }
}

/// Appends to the newest segment.
#[derive(Debug)]
pub(super) struct Writer {}

impl Writer {
    /// Writes these records, in one write where it can; begins another segment first when this one
    /// is full. What is written survives the process, not the machine. After an error the writer
    /// is of no more use.
    pub(super) fn write(&mut self, records: &[Arc<Record>]) -> io::Result<()> {
        todo!()
    }

    /// The file that the last write went to: what has to be synced (`File::sync_data`). A segment
    /// that was left by a roll has been synced by then, at level `disk`.
    pub(super) fn file(&self) -> Arc<File> {
        todo!()
    }

    /// Lets another `keep` decide how large segments are.
    pub(super) fn set_keep(&mut self, keep: &Keep) {
        todo!()
    }
}
