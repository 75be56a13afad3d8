//! What happened, as values: the words that every later layer speaks.
//!
//! An [`Event`] is neutral. It knows nothing of HTTP, of subscribers or of a wire
//! protocol; a dialect turns it into a frame when it leaves. Its place in the log is its
//! [`Cursor`], which is also what a client sends back as `Last-Event-ID`.
//!
//! Text that came from outside is held in types that can be trusted further in: [`Json`]
//! is one valid JSON text on one line, an [`Id`] has no character that could break a line
//! of an event stream, a [`Cursor`] prints and parses as exact inverses.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use jiff::Timestamp;
use memchr::memchr2;
use serde_json::value::RawValue;

use crate::limits::JSON_DEPTH;

/// One thing that happened, at its place in the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// The epoch and the place in it.
    pub cursor: Cursor,
    /// When the log took it, by this machine's clock, UTC.
    pub at: Timestamp,
    /// What happened.
    pub kind: Kind,
}

/// What happened, before it has a place in the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Somebody published an event of their own.
    Custom {
        /// The event's name, never a reserved one. Shape: `GOAL`.
        name: Arc<str>,
        /// What was published with it; `null` where nothing was.
        data: Json,
    },
    /// Events before this place were lost, or whatever may have changed: every subscriber should
    /// read again.
    Gap,
    /// A record changed, and some who could see it may not be able to any more: for them it is gone.
    /// Follows the write, where it is to be told.
    Left {
        /// The collection.
        collection: Arc<str>,
        /// The record.
        id: Id,
        /// The record before the write: who could see it.
        before: Json,
        /// The record after it: who can.
        after: Json,
    },
    /// A write went upstream and what it did is not known: subscribers should read again.
    Uncertain {
        /// The write's method.
        method: Method,
        /// The collection that may have changed.
        collection: Arc<str>,
        /// The record that may have changed, where it is known.
        id: Option<Id>,
    },
    /// A write that succeeded.
    Write {
        /// The write's effective method: what grants are asked about.
        method: Method,
        /// The collection that changed.
        collection: Arc<str>,
        /// The records that changed: one, but for a bulk delete.
        ids: Vec<Id>,
        /// The record as the upstream answered it, redacted; none where it was not told.
        record: Option<Json>,
    },
}

/// A method whose success may change a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Method {
    /// `DELETE`: records went away.
    Delete,
    /// `PATCH`: a record changed in part.
    Patch,
    /// `POST`: a record came to be.
    Post,
    /// `PUT`: a record was replaced, or came to be.
    Put,
}

/// A record's name within its collection, as text. Shape: `577cf185e2039b0900000016`, `7`.
///
/// Never empty, never with a control character: an id goes into a JSON string of a frame.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Id(Box<str>);

/// One valid JSON text without insignificant white space: it has no line break.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Json(Box<str>);

/// Where a run of events belongs: one unbroken log.
///
/// A place in the log means something only together with the log's epoch: after a restart
/// that lost the log, place 7 is another event. Shape: 12 hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Epoch(u64);

/// A place in the log: the event with this `seq`, or, for `seq` 0, the place before the first.
///
/// Printed as the `id` of a frame and opaque to clients. Shape: `5f3a09c1e77b-1c`, the
/// epoch and the seq in hexadecimal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Cursor {
    /// The log that the place is in.
    pub epoch: Epoch,
    /// The place in it; the first event has 1.
    pub seq: u64,
}

/// From where a subscriber wants to hear.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Since {
    /// Everything after this place.
    After(Cursor),
    /// A `Last-Event-ID` that is no cursor of ours: there is a past that cannot be served.
    Malformed,
    /// Only what happens from now on.
    Now,
}

/// Why the past that a subscriber asked for cannot be served whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Gap {
    /// The cursor is of another log: one that was lost, or another sidecar's.
    Foreign,
    /// What came after the cursor was lost by the log.
    Lost,
    /// The cursor is of no shape that this program ever printed.
    Malformed,
    /// What came after the cursor is no longer kept.
    TooOld,
}

// === impl Event ===

impl Event {
    /// What the event counts for against [`crate::limits::Keep::bytes`]: its text and its bookkeeping.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let text = match &self.kind {
            Kind::Custom { name, data } => name.len() + data.as_str().len(),
            Kind::Gap => 0,
            Kind::Left {
                collection,
                id,
                before,
                after,
            } => {
                let records = before.as_str().len() + after.as_str().len();
                collection.len() + id.as_str().len() + records
            }
            Kind::Uncertain { collection, id, .. } => {
                collection.len() + id.as_ref().map_or(0, |id| id.as_str().len())
            }
            Kind::Write {
                collection,
                ids,
                record,
                ..
            } => {
                let id = |id: &Id| id.as_str().len() + size_of::<Id>();
                let record = record.as_ref().map_or(0, |record| record.as_str().len());
                collection.len() + ids.iter().map(id).sum::<usize>() + record
            }
        };
        text + size_of::<Self>()
    }
}

// === impl Kind ===

impl Kind {
    /// The collection that it is about; none where it is about none in particular.
    #[must_use]
    pub fn collection(&self) -> Option<&Arc<str>> {
        match self {
            Self::Custom { .. } | Self::Gap => None,
            Self::Left { collection, .. }
            | Self::Uncertain { collection, .. }
            | Self::Write { collection, .. } => Some(collection),
        }
    }
}

// === impl Method ===

impl Method {
    /// The method of that name, upper case as HTTP has it (RFC 9110 § 9.1); none for one that only reads.
    #[must_use]
    pub fn of(name: &str) -> Option<Self> {
        Some(match name {
            "DELETE" => Self::Delete,
            "PATCH" => Self::Patch,
            "POST" => Self::Post,
            "PUT" => Self::Put,
            _ => return None,
        })
    }

    /// The name in upper case. Shape: `POST`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Delete => "DELETE",
            Self::Patch => "PATCH",
            Self::Post => "POST",
            Self::Put => "PUT",
        }
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

// === impl Id ===

impl Id {
    /// An id, unless the text is empty or holds a control character.
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        let sound = !text.is_empty() && !text.chars().any(char::is_control);
        sound.then(|| Self(text.into()))
    }

    /// The id's text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

// === impl Json ===

/// Where a JSON string ends whose first quote is before `from`: the place of its last quote, and
/// whether it has escapes. None if it has no end.
pub(crate) fn end_of_string(text: &[u8], from: usize) -> Option<(usize, bool)> {
    let mut at = from;
    let mut has_escapes = false;
    loop {
        at += memchr2(b'"', b'\\', text.get(at..)?)?;
        if text.get(at) == Some(&b'"') {
            return Some((at, has_escapes));
        }
        // What is escaped ends nothing.
        has_escapes = true;
        at += 2;
    }
}

impl Json {
    /// Takes a JSON text that a parser of `serde_json` has already accepted, and drops the white
    /// space between its tokens. Numbers keep every digit, keys their order.
    #[must_use]
    pub fn compact(raw: &RawValue) -> Self {
        let text = raw.get();
        let bytes = text.as_bytes();
        let mut compact = String::new();
        // What is kept is copied up to here; a text without white space is copied once.
        let mut copied = 0;
        let mut at = 0;
        while let Some(byte) = bytes.get(at) {
            at += 1;
            match byte {
                b'"' => at = end_of_string(bytes, at).map_or(bytes.len(), |(end, _)| end + 1),
                b' ' | b'\n' | b'\r' | b'\t' => {
                    // Once: there is room for all of it from then on.
                    compact.reserve(bytes.len() - compact.len());
                    compact.push_str(text.get(copied..at - 1).unwrap_or_default());
                    copied = at;
                }
                _ => {}
            }
        }
        let rest = text.get(copied..).unwrap_or_default();
        if compact.is_empty() {
            return Self(rest.into());
        }
        compact.push_str(rest);
        Self(compact.into())
    }

    /// Whether arrays and objects stand within one another deeper than [`JSON_DEPTH`].
    ///
    /// Whoever takes a text from outside asks this first: a parser of `serde_json` accepts a
    /// raw value of any depth. Counts brackets outside of strings; on what is no JSON the
    /// count means nothing and harms nothing.
    #[must_use]
    pub fn is_too_deep(text: &str) -> bool {
        let mut depth = 0_usize;
        let mut in_string = false;
        let mut escaped = false;
        for byte in text.bytes() {
            if in_string {
                in_string = escaped || byte != b'"';
                escaped = !escaped && byte == b'\\';
                continue;
            }
            match byte {
                b'"' => in_string = true,
                b'[' | b'{' => depth += 1,
                b']' | b'}' => depth = depth.saturating_sub(1),
                _ => {}
            }
            if depth > JSON_DEPTH {
                return true;
            }
        }
        false
    }

    /// A text that the program composed of such texts, on one line.
    #[must_use]
    pub(crate) fn composed(text: String) -> Self {
        Self(text.into())
    }

    /// The text `null`.
    #[must_use]
    pub fn null() -> Self {
        Self("null".into())
    }

    /// The JSON text, on one line.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

// === impl Epoch ===

impl Epoch {
    /// The epoch of that number, of which the low 48 bits count.
    #[must_use]
    pub fn new(number: u64) -> Self {
        Self(number & EPOCH_MAX)
    }

    /// The number, of 48 bits.
    #[must_use]
    pub fn number(self) -> u64 {
        self.0
    }
}

/// 12 hexadecimal digits: two logs of one deployment do not meet by chance.
const EPOCH_MAX: u64 = 0xffff_ffff_ffff;

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:012x}", self.0)
    }
}

// === impl Cursor ===

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{:x}", self.epoch, self.seq)
    }
}

/// The text is no cursor that [`Cursor`] prints.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a cursor: expected EPOCH-SEQ in hexadecimal, as in an event's id")]
pub struct NotACursor;

impl FromStr for Cursor {
    type Err = NotACursor;

    /// Accepts only what `Display` prints, so that a cursor has one spelling.
    fn from_str(text: &str) -> Result<Self, NotACursor> {
        let (epoch, seq) = text.split_once('-').ok_or(NotACursor)?;
        let cursor = Self {
            epoch: Epoch(hexadecimal(epoch, 12..=12)?),
            seq: hexadecimal(seq, 1..=16)?,
        };
        if seq.len() > 1 && seq.starts_with('0') {
            return Err(NotACursor);
        }
        Ok(cursor)
    }
}

fn hexadecimal(digits: &str, len: std::ops::RangeInclusive<usize>) -> Result<u64, NotACursor> {
    let lower_hex = |b: u8| matches!(b, b'0'..=b'9' | b'a'..=b'f');
    if !len.contains(&digits.len()) || !digits.bytes().all(lower_hex) {
        return Err(NotACursor);
    }
    u64::from_str_radix(digits, 16).map_err(|_overflow| NotACursor)
}

// === impl Since ===

impl Since {
    /// What a client sent as its last event id; an empty one says that it has heard nothing yet.
    #[must_use]
    pub fn from_last_event_id(text: Option<&str>) -> Self {
        match text {
            None | Some("") => Self::Now,
            Some(text) => text.parse().map_or(Self::Malformed, Self::After),
        }
    }
}

// === impl Gap ===

impl Gap {
    /// The reason as clients and metrics read it. Shape: `too_old`.
    #[must_use]
    pub fn reason(self) -> &'static str {
        match self {
            Self::Foreign => "foreign",
            Self::Lost => "lost",
            Self::Malformed => "malformed",
            Self::TooOld => "too_old",
        }
    }
}

#[cfg(test)]
mod tests;
