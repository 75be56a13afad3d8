//! Goes through a segment record by record, whatever bytes it holds.
//!
//! | what is at the place | found as | what comes next |
//! | --- | --- | --- |
//! | a sound header, a sound body | [`What::Record`] | what is behind it |
//! | a sound header, a body that is complete and not sound | [`What::Damaged`] | what is behind it |
//! | no sound header | [`What::Damaged`] | the next sound header |
//! | a sound header, and the file ends before the body does | [`What::Torn`] | nothing |
//! | the beginning of a header, and the file ends | [`What::Torn`] | nothing |
//!
//! Reads by position and in pieces, so that any number of scans go on while the file is written.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use super::super::Record;
use super::record::{self, HEADER_BYTES, Header};
use super::segment::{Name, RECORDS_AT};
use crate::event::Epoch;
use crate::limits::SEGMENT_READ_BYTES;

/// A walk over a file's bytes.
#[derive(Debug)]
pub(super) struct Scan<'a> {
    file: &'a File,
    epoch: Epoch,
    /// The place of what is found next.
    at: u64,
    /// The place where the file ends.
    end: u64,
    /// Bytes of the file from `buffer_at` on: a piece, or the largest record so far.
    buffer: Vec<u8>,
    buffer_at: u64,
}

/// Something, and where it is.
#[derive(Debug)]
pub(super) struct Found {
    /// The place of its first byte.
    pub(super) at: u64,
    /// How many bytes it has.
    pub(super) bytes: u64,
    pub(super) what: What,
}

/// What was found.
#[derive(Debug)]
pub(super) enum What {
    /// Bytes that are no record.
    Damaged,
    /// A whole record.
    Record(Record),
    /// The beginning of a record whose end was never written. Nothing follows.
    Torn,
}

impl<'a> Scan<'a> {
    /// A walk over the bytes of `file` from the place `at` to the place `end`, or to where the file
    /// ends if that is before. The events get `epoch`.
    ///
    /// # Errors
    /// The system did not tell how long the file is.
    pub(super) fn new(file: &'a File, epoch: Epoch, at: u64, end: u64) -> io::Result<Self> {
        let end = end.min(file.metadata()?.len());
        Ok(Self {
            file,
            epoch,
            at,
            end,
            buffer: Vec::new(),
            buffer_at: 0,
        })
    }

    /// A walk over all records of the segment `name`.
    ///
    /// # Errors
    /// The system did not tell how long the file is.
    pub(super) fn of_segment(file: &'a File, name: Name) -> io::Result<Self> {
        Self::new(file, name.epoch(), RECORDS_AT, u64::MAX)
    }

    /// What comes next; none at the end.
    ///
    /// # Errors
    /// The file could not be read.
    pub(super) fn next(&mut self) -> io::Result<Option<Found>> {
        let at = self.at;
        if at >= self.end {
            return Ok(None);
        }
        let left = self.end - at;
        let epoch = self.epoch;
        let head = self.bytes(at, HEADER_BYTES)?;
        let (what, bytes) = if let Some(header) = Header::of(head) {
            let behind = header.behind();
            let bytes = length(HEADER_BYTES) + length(behind);
            if bytes > left {
                (What::Torn, left)
            } else {
                let body = self.bytes(at + length(HEADER_BYTES), behind)?;
                let record = record::decode(&header, body, epoch);
                (record.map_or(What::Damaged, What::Record), bytes)
            }
        } else if head.len() < HEADER_BYTES && record::may_begin(head) {
            (What::Torn, left)
        } else {
            (What::Damaged, self.header_from(at + 1)? - at)
        };
        self.at = at + bytes;
        Ok(Some(Found { at, bytes, what }))
    }

    /// The place of the first sound header at `from` or behind it; the end if there is none.
    fn header_from(&mut self, mut from: u64) -> io::Result<u64> {
        loop {
            let bytes = self.bytes(from, SEGMENT_READ_BYTES)?;
            let found = bytes
                .windows(HEADER_BYTES)
                .position(|window| window.first() == Some(&0xff) && Header::of(window).is_some());
            if let Some(found) = found {
                return Ok(from + length(found));
            }
            if bytes.len() < SEGMENT_READ_BYTES {
                return Ok(self.end);
            }
            from += length(bytes.len() - HEADER_BYTES + 1);
        }
    }

    /// `count` bytes at the place `at`, or fewer where the file ends.
    fn bytes(&mut self, at: u64, count: usize) -> io::Result<&[u8]> {
        let left = usize::try_from(self.end.saturating_sub(at)).unwrap_or(usize::MAX);
        let count = count.min(left);
        let held = at
            .checked_sub(self.buffer_at)
            .and_then(|skip| usize::try_from(skip).ok())
            .filter(|skip| self.buffer.len().saturating_sub(*skip) >= count);
        let skip = if let Some(skip) = held {
            skip
        } else {
            self.buffer.clear();
            self.buffer
                .resize(count.max(SEGMENT_READ_BYTES).min(left), 0);
            self.buffer_at = at;
            self.fill()?;
            0
        };
        let bytes = self.buffer.get(skip..).unwrap_or_default();
        Ok(bytes.get(..count).unwrap_or(bytes))
    }

    /// Reads what the buffer has room for. A file that became shorter ends where it ends now.
    fn fill(&mut self) -> io::Result<()> {
        let mut filled = 0;
        while let Some(room) = self
            .buffer
            .get_mut(filled..)
            .filter(|room| !room.is_empty())
        {
            match self.file.read_at(room, self.buffer_at + length(filled)) {
                Ok(0) => {
                    self.end = self.buffer_at + length(filled);
                    self.buffer.truncate(filled);
                }
                Ok(read) => filled += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

/// A number of bytes in memory as one in a file.
pub(super) fn length(bytes: usize) -> u64 {
    u64::try_from(bytes).expect("memory has fewer bytes than a u64 counts")
}
