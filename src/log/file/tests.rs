//! Against real files: what is written is read, and what is lost is told.

mod damage;
mod fuzz;
mod model;
mod restart;
mod round_trip;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;
use tempfile::TempDir;

use super::segment::{Boot, Name};
use super::{Directory, OpenError, Piece, Recent, Recovered};
use crate::event::{Cursor, Epoch, Event, Gap, Id, Json, Kind, Method};
use crate::limits::{KIB, Keep};
use crate::log::{Level, Record, Unsettled};

const BOOT: Boot = Some([7; 16]);
const OTHER_BOOT: Boot = Some([8; 16]);
const FRESH: u64 = 0xabc;
const ALL: Recent = Recent {
    events: usize::MAX,
    bytes: usize::MAX,
};

/// A log in a directory, as one process has it.
struct Log {
    directory: Arc<Directory>,
    recovered: Recovered,
}

impl Log {
    fn open(path: &Path) -> Self {
        Self::open_as(path, Level::Process, BOOT, &keep()).unwrap()
    }

    fn open_as(path: &Path, level: Level, boot: Boot, keep: &Keep) -> Result<Self, OpenError> {
        // Locked as one that may be in memory, so that tests need no disk.
        let directory = Arc::new(Directory::lock_in(path, Level::Process, boot)?);
        let fresh = Epoch::new(FRESH + rand::random_range(0..1_000_000));
        let recovered = directory.recover(level, fresh, keep, ALL, at(0))?;
        Ok(Self {
            directory,
            recovered,
        })
    }

    fn write(&mut self, record: Record) {
        self.recovered.writer.write(&[Arc::new(record)]).unwrap();
    }

    /// Appends events with these texts, as one record.
    fn append(&mut self, texts: &[&str]) -> Vec<Arc<Event>> {
        self.append_settling(texts, None)
    }

    fn append_settling(&mut self, texts: &[&str], settles: Option<u64>) -> Vec<Arc<Event>> {
        let epoch = self.recovered.epoch;
        let first = self.recovered.tail + 1;
        let event = |(seq, text): (u64, &&str)| event(epoch, seq, text);
        let events: Vec<_> = (first..).zip(texts).map(event).collect();
        self.recovered.tail += texts.len() as u64;
        let record = Record::Events {
            events: events.clone(),
            settles,
        };
        self.write(record);
        events
    }

    fn read(&self, after: u64) -> Result<Piece, Gap> {
        let max = usize::MAX;
        self.directory.read(after, max, max, Timestamp::MIN)
    }

    /// Everything that is kept.
    fn all(&self) -> Vec<Arc<Event>> {
        self.read(self.directory.oldest()).unwrap().events
    }
}

fn keep() -> Keep {
    Keep {
        bytes: 512 * KIB,
        ..Keep::default()
    }
}

/// In memory where the system has such a place: syncing thousands of files takes its time.
fn directory() -> TempDir {
    TempDir::new_in("/dev/shm").unwrap_or_else(|_| TempDir::new().unwrap())
}

fn at(second: i64) -> Timestamp {
    Timestamp::new(1_700_000_000 + second, 123_456_789).unwrap()
}

fn event(epoch: Epoch, seq: u64, text: &str) -> Arc<Event> {
    Arc::new(Event {
        cursor: Cursor { epoch, seq },
        at: at(i64::try_from(seq.min(1_000_000)).unwrap()),
        kind: Kind::Custom {
            name: text.into(),
            data: json(&format!("{text:?}")),
        },
    })
}

fn json(text: &str) -> Json {
    Json::compact(serde_json::from_str(text).unwrap())
}

fn write_of(collection: &str) -> Unsettled {
    Unsettled {
        method: Method::Put,
        collection: Some(collection.into()),
        id: Id::new("7"),
    }
}

fn intent(number: u64) -> Record {
    Record::Intent {
        number,
        write: write_of(&format!("posts{number}")),
    }
}

/// Shape: `1 goal`, `2 gap`, `3 uncertain posts7`.
fn lines(events: &[Arc<Event>]) -> Vec<String> {
    let line = |event: &Arc<Event>| {
        let seq = event.cursor.seq;
        match &event.kind {
            Kind::Custom { name, .. } => format!("{seq} {name}"),
            Kind::Gap => format!("{seq} gap"),
            Kind::Left { collection, .. } => format!("{seq} left {collection}"),
            Kind::Uncertain { collection, .. } => format!("{seq} uncertain {collection}"),
            Kind::Write { collection, .. } => format!("{seq} write {collection}"),
        }
    };
    events.iter().map(line).collect()
}

/// The segments of a directory, oldest first.
fn segments(path: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(path).unwrap().map(|entry| entry.unwrap());
    let mut names: Vec<Name> = entries
        .filter_map(|entry| Name::of(entry.file_name().to_str()?))
        .collect();
    names.sort();
    names.iter().map(|n| path.join(n.to_string())).collect()
}

fn last_segment(path: &Path) -> PathBuf {
    segments(path).pop().unwrap()
}

/// Another directory with the same files.
fn copy(path: &Path) -> TempDir {
    let copy = directory();
    for entry in fs::read_dir(path).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), copy.path().join(entry.file_name())).unwrap();
    }
    copy
}
