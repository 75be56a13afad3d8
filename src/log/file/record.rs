//! The bytes of one record.
//!
//! ```text
//!  0       4        8        16     17           21            21+length
//!  ┌───────┬────────┬────────┬──────┬────────────┬─────────────┬──────────┐
//!  │ magic │ length │ number │ kind │ header crc │ body        │ body crc │   little endian
//!  └───────┴────────┴────────┴──────┴────────────┴─────────────┴──────────┘
//! ```
//! `number` is the seq of the first event, or the number of an intent. The header has a checksum
//! of its own, so that a record whose end was never written (header sound, bytes missing) is told
//! from one that is damaged. The body's covers that of its header too: a body that stands behind
//! another header, after a part of a file was moved, is no body of it.
//!
//! The magic begins with 0xFF and goes on in ASCII. Text in a body is UTF-8, which has no 0xFF,
//! and no number in a body has 0xFF as its highest byte: what a client writes cannot look like
//! the beginning of a record to who searches for the next one.
//!
//! Nothing here panics on any bytes, or allocates more than a small multiple of those that are there.

use std::io;
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::value::RawValue;

use super::super::{Record, Unsettled};
use crate::event::{Cursor, Epoch, Event, Id, Json, Kind, Method};
use crate::limits::RECORD_BODY_BYTES_MAX;

/// Bytes of a header.
pub(super) const HEADER_BYTES: usize = 21;
/// Bytes that an event takes in a body at least: its time and its kind.
pub(super) const EVENT_BYTES_MIN: u64 = 13;

/// No log comes to that place: what says so is no record, and counting on from it cannot overflow.
pub(super) const SEQ_MAX: u64 = 1 << 62;

const MAGIC: [u8; 4] = [0xff, b'r', b'e', b'c'];
/// Bytes of a header that its checksum covers.
const HEADER_SUMMED: usize = HEADER_BYTES - CRC_BYTES;
const CRC_BYTES: usize = 4;
/// Added to a time's seconds, so that they are never negative and never begin with 0xFF.
const SECONDS_BIAS: i64 = 1 << 62;
const NANOSECONDS: i128 = 1_000_000_000;

/// A sound header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    /// Bytes of the body.
    length: usize,
    /// The seq of the first event, or the number of an intent.
    number: u64,
    shape: Shape,
    /// Its checksum.
    crc: u32,
}

/// What a body holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    End,
    Events,
    Intent,
    Settled,
}

/// What is still to be read of some bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bytes<'a>(pub(super) &'a [u8]);

// === impl Header ===

impl Header {
    /// The header at the beginning of `bytes`; none if there is no sound one.
    pub(super) fn of(bytes: &[u8]) -> Option<Self> {
        let summed = bytes.get(..HEADER_SUMMED)?;
        let mut rest = Bytes(bytes);
        if rest.take(MAGIC.len())? != MAGIC {
            return None;
        }
        let length = usize::try_from(rest.u32()?).ok()?;
        let number = rest.u64()?;
        let shape = Shape::of(rest.u8()?)?;
        let crc = rest.u32()?;
        let sound = crc == crc32fast::hash(summed) && length <= RECORD_BODY_BYTES_MAX;
        sound.then_some(Self {
            length,
            number,
            shape,
            crc,
        })
    }

    /// Bytes behind the header: the body and its checksum.
    pub(super) fn behind(&self) -> usize {
        self.length + CRC_BYTES
    }
}

/// Whether `bytes`, fewer than a header has, may be the beginning of one.
pub(super) fn may_begin(bytes: &[u8]) -> bool {
    bytes.iter().zip(MAGIC).all(|(byte, magic)| *byte == magic)
}

// === impl Shape ===

impl Shape {
    fn of(byte: u8) -> Option<Self> {
        Some(match byte {
            1 => Self::Events,
            2 => Self::Intent,
            3 => Self::Settled,
            4 => Self::End,
            _ => return None,
        })
    }

    fn byte(self) -> u8 {
        match self {
            Self::Events => 1,
            Self::Intent => 2,
            Self::Settled => 3,
            Self::End => 4,
        }
    }
}

// === Encoding ===

/// Puts the bytes of `record` behind those of `into`.
///
/// # Errors
/// It is larger than a record may be.
pub(super) fn encode(record: &Record, into: &mut Vec<u8>) -> io::Result<()> {
    match record {
        Record::End => framed(Shape::End, 0, into, |_| {}),
        Record::Settled { number } => framed(Shape::Settled, *number, into, |_| {}),
        Record::Intent { number, write } => encode_intent(*number, write, into),
        Record::Events { events, settles } => {
            let first = events.first().map_or(0, |event| event.cursor.seq);
            framed(Shape::Events, first, into, |body| {
                body.push(u8::from(settles.is_some()));
                body.extend(settles.unwrap_or_default().to_le_bytes());
                put_length(events.len(), body);
                events.iter().for_each(|event| put_event(event, body));
            })
        }
    }
}

/// Puts the bytes of an intent behind those of `into`.
///
/// # Errors
/// It is larger than a record may be.
pub(super) fn encode_intent(number: u64, write: &Unsettled, into: &mut Vec<u8>) -> io::Result<()> {
    framed(Shape::Intent, number, into, |body| {
        // No collection has an empty name, so that an empty one is none.
        let collection = write.collection.as_deref().unwrap_or("");
        put_target(write.method, collection, write.id.as_ref(), body);
    })
}

/// A body between its header and its checksum.
fn framed(
    shape: Shape,
    number: u64,
    into: &mut Vec<u8>,
    body: impl FnOnce(&mut Vec<u8>),
) -> io::Result<()> {
    let start = into.len();
    into.extend([0; HEADER_BYTES]);
    body(into);
    seal(shape, number, RECORD_BODY_BYTES_MAX, start, into)
}

/// Puts the header of the record that begins at `start` into its room, and the checksum behind its
/// body; takes back a record whose body is larger than `body_max`.
pub(super) fn seal(
    shape: Shape,
    number: u64,
    body_max: usize,
    start: usize,
    into: &mut Vec<u8>,
) -> io::Result<()> {
    let (header, body) = into
        .get_mut(start..)
        .and_then(|record| record.split_at_mut_checked(HEADER_BYTES))
        .expect("room for the header was made");
    if body.len() > body_max {
        into.truncate(start);
        let why = "a record is larger than the log's files take";
        return Err(io::Error::new(io::ErrorKind::InvalidInput, why));
    }
    let length = u32::try_from(body.len()).expect("the limit is far below");
    let mut summed = Vec::with_capacity(HEADER_BYTES);
    summed.extend(MAGIC);
    summed.extend(length.to_le_bytes());
    summed.extend(number.to_le_bytes());
    summed.push(shape.byte());
    let header_crc = crc32fast::hash(&summed);
    summed.extend(header_crc.to_le_bytes());
    header.copy_from_slice(&summed);
    let body_crc = body_crc(header_crc, body);
    into.extend(body_crc.to_le_bytes());
    Ok(())
}

/// The checksum of a body behind a header of that checksum.
fn body_crc(header_crc: u32, body: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&header_crc.to_le_bytes());
    hasher.update(body);
    hasher.finalize()
}

fn put_event(event: &Event, body: &mut Vec<u8>) {
    put_time(event.at, body);
    match &event.kind {
        Kind::Gap => body.push(0),
        Kind::Custom { name, data } => {
            body.push(1);
            put_text(name, body);
            put_text(data.as_str(), body);
        }
        Kind::Left {
            collection,
            id,
            before,
            after,
        } => {
            body.push(4);
            put_target(Method::Delete, collection, Some(id), body);
            put_text(before.as_str(), body);
            put_text(after.as_str(), body);
        }
        Kind::Uncertain {
            method,
            collection,
            id,
        } => {
            body.push(2);
            put_target(*method, collection, id.as_ref(), body);
        }
        Kind::Write {
            method,
            collection,
            ids,
            record,
        } => {
            body.push(3);
            put_target(*method, collection, None, body);
            put_length(ids.len(), body);
            ids.iter().for_each(|id| put_text(id.as_str(), body));
            // No JSON text is empty, so that an empty one is none.
            put_text(record.as_ref().map_or("", Json::as_str), body);
        }
    }
}

/// No id is empty, so that an empty one is none.
fn put_target(method: Method, collection: &str, id: Option<&Id>, body: &mut Vec<u8>) {
    body.push(match method {
        Method::Delete => 1,
        Method::Patch => 2,
        Method::Post => 3,
        Method::Put => 4,
    });
    put_text(collection, body);
    put_text(id.map_or("", Id::as_str), body);
}

/// A time as 12 bytes: seconds since 1970, biased, and nanoseconds.
pub(super) fn put_time(at: Timestamp, body: &mut Vec<u8>) {
    let seconds = i64::try_from(at.as_nanosecond().div_euclid(NANOSECONDS))
        .expect("a timestamp's seconds are an i64");
    let nanoseconds =
        u32::try_from(at.as_nanosecond().rem_euclid(NANOSECONDS)).expect("fewer than a second has");
    body.extend((seconds + SECONDS_BIAS).to_le_bytes());
    body.extend(nanoseconds.to_le_bytes());
}

fn put_text(text: &str, body: &mut Vec<u8>) {
    put_length(text.len(), body);
    body.extend(text.as_bytes());
}

/// A length of 4 GiB or more is written as the largest: the record is refused for its size then.
fn put_length(length: usize, body: &mut Vec<u8>) {
    body.extend(u32::try_from(length).unwrap_or(u32::MAX).to_le_bytes());
}

// === Decoding ===

/// The record whose header was read, from the bytes behind the header; none if it is damaged.
pub(super) fn decode(header: &Header, behind: &[u8], epoch: Epoch) -> Option<Record> {
    let (body, crc) = behind.split_at_checked(header.length)?;
    if Bytes(crc).u32()? != body_crc(header.crc, body) {
        return None;
    }
    let mut body = Bytes(body);
    let number = header.number;
    let record = match header.shape {
        Shape::End => Record::End,
        Shape::Settled => Record::Settled { number },
        Shape::Intent => {
            let (method, collection, id) = body.target()?;
            let write = Unsettled {
                method,
                collection: Some(collection).filter(|name| !name.is_empty()),
                id,
            };
            Record::Intent { number, write }
        }
        Shape::Events => events(number, epoch, &mut body)?,
    };
    body.0.is_empty().then_some(record)
}

fn events(first: u64, epoch: Epoch, body: &mut Bytes<'_>) -> Option<Record> {
    let settles = match (body.u8()?, body.u64()?) {
        (0, _) => None,
        (1, number) => Some(number),
        _ => return None,
    };
    let count = u64::from(body.u32()?);
    let room = u64::try_from(body.0.len()).ok()? / EVENT_BYTES_MIN;
    if first == 0 || count == 0 || count > room {
        return None;
    }
    let last = first.checked_add(count - 1)?;
    if last > SEQ_MAX {
        return None;
    }
    let events = (first..=last)
        .map(|seq| {
            let cursor = Cursor { epoch, seq };
            let at = body.time()?;
            let kind = body.kind()?;
            Some(Arc::new(Event { cursor, at, kind }))
        })
        .collect::<Option<_>>()?;
    Some(Record::Events { events, settles })
}

// === impl Bytes ===

impl<'a> Bytes<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    /// The next bytes, as many as the array has.
    pub(super) fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    pub(super) fn u8(&mut self) -> Option<u8> {
        self.array().map(u8::from_le_bytes)
    }

    pub(super) fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }

    pub(super) fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
    }

    /// What [`put_time`] wrote.
    pub(super) fn time(&mut self) -> Option<Timestamp> {
        let seconds = i64::from_le_bytes(self.array()?).checked_sub(SECONDS_BIAS)?;
        let nanoseconds = i32::try_from(self.u32()?).ok()?;
        Timestamp::new(seconds, nanoseconds).ok()
    }

    fn text(&mut self) -> Option<&'a str> {
        let length = usize::try_from(self.u32()?).ok()?;
        std::str::from_utf8(self.take(length)?).ok()
    }

    fn json(text: &str) -> Option<Json> {
        let raw: &RawValue = serde_json::from_str(text).ok()?;
        Some(Json::compact(raw))
    }

    /// Twice an option: a text that is no id, and the empty one, which stands for none.
    fn id(text: &str) -> Option<Option<Id>> {
        if text.is_empty() {
            return Some(None);
        }
        Id::new(text).map(Some)
    }

    fn target(&mut self) -> Option<(Method, Arc<str>, Option<Id>)> {
        let method = match self.u8()? {
            1 => Method::Delete,
            2 => Method::Patch,
            3 => Method::Post,
            4 => Method::Put,
            _ => return None,
        };
        let collection = self.text()?.into();
        Some((method, collection, Self::id(self.text()?)?))
    }

    fn kind(&mut self) -> Option<Kind> {
        Some(match self.u8()? {
            0 => Kind::Gap,
            1 => Kind::Custom {
                name: self.text()?.into(),
                data: Self::json(self.text()?)?,
            },
            2 => {
                let (method, collection, id) = self.target()?;
                Kind::Uncertain {
                    method,
                    collection,
                    id,
                }
            }
            3 => {
                let (method, collection, _none) = self.target()?;
                let count = self.u32()?;
                let ids = (0..count)
                    .map(|_| Id::new(self.text()?))
                    .collect::<Option<_>>()?;
                let record = match self.text()? {
                    "" => None,
                    text => Some(Self::json(text)?),
                };
                Kind::Write {
                    method,
                    collection,
                    ids,
                    record,
                }
            }
            4 => {
                let (_delete, collection, id) = self.target()?;
                Kind::Left {
                    collection,
                    id: id?,
                    before: Self::json(self.text()?)?,
                    after: Self::json(self.text()?)?,
                }
            }
            _ => return None,
        })
    }
}
