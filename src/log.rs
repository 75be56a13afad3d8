//! The bounded past: append, read from a cursor, follow, tell a gap.
//!
//! (skeleton)

mod file;
mod ring;

use std::sync::Arc;

use crate::event::{Event, Id, Method};

/// How durable the log is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// In memory: it ends with the process.
    Memory,
    /// Written to files: it survives the end of the process, however that comes.
    Process,
    /// Written to files and synced: it survives the end of the machine's power.
    Disk,
}

impl Level {
    /// The level as it is written, in the configuration and in the `Tidings-Log` field.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::Process => "process",
            Self::Disk => "disk",
        }
    }
}

/// A write that goes upstream: what is to be told of it if its outcome is never known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unsettled {
    /// The write's method.
    pub method: Method,
    /// The collection that may change.
    pub collection: Arc<str>,
    /// The record that may change, where it is known.
    pub id: Option<Id>,
}

/// One record of the log's files: all of it is there or nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Record {
    /// The log was closed in order: nothing that was appended is missing.
    End,
    /// Events with consecutive places, never none. They tell the outcome of the write whose
    /// intent has the number `settles`.
    Events {
        events: Vec<Arc<Event>>,
        settles: Option<u64>,
    },
    /// A write goes upstream.
    Intent { number: u64, write: Unsettled },
    /// The write of that number amounted to no event.
    Settled { number: u64 },
}
