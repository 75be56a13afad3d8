//! Content codings (RFC 9110 § 8.4), undone so that a body can be read.
//!
//! Only what is looked at is decoded: what passes is what came. A body that is cut, damaged, coded
//! in another way or out of all proportion has no reading, and its write is told as uncertain.
//!
//! | coding | is |
//! | --- | --- |
//! | `gzip`, `x-gzip` | one member of RFC 1952 or several |
//! | `deflate` | zlib's format (RFC 1950), and the bare one (RFC 1951) that some send for it |
//! | `br` | RFC 7932; without the larger windows that it does not know |
//! | `zstd` | frames of RFC 8878, with the window of RFC 9659; no older format |
//!
//! It is done where the end of the body is seen, and others of the same thread wait for it: some
//! milliseconds for a MiB. How much there can be is the operator's `limits.observed_body`.

use brotli::enc::StandardAlloc;
use brotli::{BrotliDecompressStream, BrotliResult, BrotliState};
use bytes::Bytes;
use flate2::{Decompress, FlushDecompress, Status};
use http::HeaderMap;
use http::header::CONTENT_ENCODING;
use zstd::stream::raw::{DParameter, Operation};

use crate::limits::{
    CODED_MEMBERS_MAX, CODED_RATIO_FROM, CODED_RATIO_MAX, CODED_ZSTD_WINDOW_LOG_MAX, CODINGS_MAX,
};

/// How a body is coded, as the head before it says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Codings {
    /// In these ways, in the order in which they were applied; none: it is the text itself.
    Known(Vec<Coding>),
    /// In one that is not known, or in too many.
    Unknown,
}

/// One way of coding a body that is understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coding {
    /// `br`
    Brotli,
    /// `deflate`
    Deflate,
    /// `gzip`
    Gzip,
    /// `zstd`
    Zstd,
}

impl Codings {
    /// What the fields of a head say.
    #[must_use]
    pub fn of(headers: &HeaderMap) -> Self {
        let mut known = Vec::new();
        for value in headers.get_all(CONTENT_ENCODING) {
            let Ok(list) = value.to_str() else {
                return Self::Unknown;
            };
            for name in list.split(',').map(str::trim) {
                match Coding::of(name) {
                    Some(coding) => known.push(coding),
                    // A list may have empty elements (RFC 9110 § 5.6.1.2).
                    None if name.is_empty() || name.eq_ignore_ascii_case("identity") => {}
                    None => return Self::Unknown,
                }
            }
        }
        if known.len() > CODINGS_MAX {
            return Self::Unknown;
        }
        Self::Known(known)
    }

    /// Whether it is the text itself.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        matches!(self, Self::Known(codings) if codings.is_empty())
    }

    /// What was coded so, if it can be read and has `bytes_max` bytes at most. No body at all is
    /// none, however it says that it is coded.
    #[must_use]
    pub fn decoded(&self, body: &Bytes, bytes_max: usize) -> Option<Bytes> {
        if body.is_empty() {
            return Some(Bytes::new());
        }
        let Self::Known(codings) = self else {
            return None;
        };
        let proportionate = body.len().saturating_mul(CODED_RATIO_MAX);
        let bytes_max = bytes_max.min(proportionate.max(CODED_RATIO_FROM));
        let mut text = body.clone();
        for coding in codings.iter().rev() {
            text = coding.undo(&text, bytes_max)?.into();
        }
        Some(text)
    }
}

impl Coding {
    fn of(name: &str) -> Option<Self> {
        let is = |known: &&(&str, Self)| known.0.eq_ignore_ascii_case(name);
        NAMES.iter().find(is).map(|(_, coding)| *coding)
    }

    fn undo(self, coded: &[u8], bytes_max: usize) -> Option<Vec<u8>> {
        let mut plain = Plain {
            bytes: Vec::new(),
            bytes_max,
        };
        match self {
            Self::Brotli => {
                let (u8s, u32s, codes) = Default::default();
                let decoder = BrotliState::new_strict(u8s, u32s, codes);
                only(&mut Brotli(decoder), coded, &mut plain)?;
            }
            Self::Deflate => {
                let decoder = Decompress::new(is_zlib(coded));
                only(&mut Inflate(decoder), coded, &mut plain)?;
            }
            Self::Gzip => several(coded, &mut plain, |rest, plain| {
                let decoder = Decompress::new_gzip(GZIP_WINDOW_BITS);
                stream(&mut Inflate(decoder), rest, plain)
            })?,
            Self::Zstd => {
                let mut decoder = zstd::stream::raw::Decoder::new().ok()?;
                let window = DParameter::WindowLogMax(CODED_ZSTD_WINDOW_LOG_MAX);
                decoder.set_parameter(window).ok()?;
                let mut decoder = Zstd(decoder);
                several(coded, &mut plain, |rest, plain| {
                    is_zstd(rest).then_some(())?;
                    decoder.0.reinit().ok()?;
                    stream(&mut decoder, rest, plain)
                })?;
            }
        }
        Some(plain.bytes)
    }
}

/// What was decoded so far.
struct Plain {
    bytes: Vec<u8>,
    bytes_max: usize,
}

impl Plain {
    /// Takes some more; none if that is too much.
    fn push(&mut self, piece: &[u8]) -> Option<()> {
        let left = self.bytes_max - self.bytes.len();
        (piece.len() <= left).then(|| self.bytes.extend_from_slice(piece))
    }
}

/// What undoes a coding a piece at a time.
trait Decoder {
    /// Reads some of `coded` and writes into `room`; none if that is not coded so.
    fn step(&mut self, coded: &[u8], room: &mut [u8]) -> Option<Step>;
}

/// What a decoder did with what it was given.
struct Step {
    read: usize,
    wrote: usize,
    /// Whether that was the end of what it decodes.
    ended: bool,
}

struct Brotli(BrotliState<StandardAlloc, StandardAlloc, StandardAlloc>);
struct Inflate(Decompress);
struct Zstd(zstd::stream::raw::Decoder<'static>);

impl Decoder for Brotli {
    fn step(&mut self, coded: &[u8], room: &mut [u8]) -> Option<Step> {
        let (mut coded_left, mut room_left) = (coded.len(), room.len());
        let (mut read, mut wrote, mut wrote_ever) = (0, 0, 0);
        let result = BrotliDecompressStream(
            &mut coded_left,
            &mut read,
            coded,
            &mut room_left,
            &mut wrote,
            room,
            &mut wrote_ever,
            &mut self.0,
        );
        let ended = match result {
            BrotliResult::ResultFailure => return None,
            BrotliResult::ResultSuccess => true,
            BrotliResult::NeedsMoreInput | BrotliResult::NeedsMoreOutput => false,
        };
        Some(Step { read, wrote, ended })
    }
}

impl Decoder for Inflate {
    fn step(&mut self, coded: &[u8], room: &mut [u8]) -> Option<Step> {
        let before = (self.0.total_in(), self.0.total_out());
        let status = self.0.decompress(coded, room, FlushDecompress::None).ok()?;
        Some(Step {
            read: (self.0.total_in() - before.0).try_into().ok()?,
            wrote: (self.0.total_out() - before.1).try_into().ok()?,
            ended: status == Status::StreamEnd,
        })
    }
}

impl Decoder for Zstd {
    fn step(&mut self, coded: &[u8], room: &mut [u8]) -> Option<Step> {
        let status = self.0.run_on_buffers(coded, room).ok()?;
        Some(Step {
            read: status.bytes_read,
            wrote: status.bytes_written,
            ended: status.remaining == 0,
        })
    }
}

/// Decodes one stream and tells what comes behind it; none if it is cut, damaged or too long.
fn stream<'c>(
    decoder: &mut impl Decoder,
    mut coded: &'c [u8],
    plain: &mut Plain,
) -> Option<&'c [u8]> {
    let mut room = [0; ROOM_BYTES];
    loop {
        let step = decoder.step(coded, &mut room)?;
        plain.push(room.get(..step.wrote)?)?;
        coded = coded.get(step.read..)?;
        if step.ended {
            return Some(coded);
        }
        // It waits for what does not come.
        (step.read > 0 || step.wrote > 0).then_some(())?;
    }
}

/// Decodes the one stream that this is; none if something is behind it.
fn only(decoder: &mut impl Decoder, coded: &[u8], plain: &mut Plain) -> Option<()> {
    stream(decoder, coded, plain)?.is_empty().then_some(())
}

/// Decodes streams one behind the other, to the end.
fn several<'c>(
    mut coded: &'c [u8],
    plain: &mut Plain,
    mut next: impl FnMut(&'c [u8], &mut Plain) -> Option<&'c [u8]>,
) -> Option<()> {
    for _ in 0..CODED_MEMBERS_MAX {
        coded = next(coded, plain)?;
        if coded.is_empty() {
            return Some(());
        }
    }
    None
}

/// Whether it begins as zlib's format does (RFC 1950 § 2.2), with no dictionary. A bare stream that
/// began so would have padding that is not zero.
fn is_zlib(coded: &[u8]) -> bool {
    let [method, flags, ..] = *coded else {
        return false;
    };
    let check = u16::from_be_bytes([method, flags]) % 31 == 0;
    method & 0x0f == 8 && method >> 4 <= 7 && check && flags & 0x20 == 0
}

/// Whether it begins as a frame of RFC 8878 § 3.1 does: there are older ones, which the library may
/// still know.
fn is_zstd(coded: &[u8]) -> bool {
    let magic = coded.first_chunk().map(|magic| u32::from_le_bytes(*magic));
    magic.is_some_and(|magic| magic == 0xFD2F_B528 || magic & 0xFFFF_FFF0 == 0x184D_2A50)
}

/// Bytes that are decoded at a time.
const ROOM_BYTES: usize = 8 * 1024;
/// The window of RFC 1952 is that of RFC 1951 § 2, always.
const GZIP_WINDOW_BITS: u8 = 15;

const NAMES: &[(&str, Coding)] = &[
    ("br", Coding::Brotli),
    ("deflate", Coding::Deflate),
    ("gzip", Coding::Gzip),
    ("x-gzip", Coding::Gzip),
    ("zstd", Coding::Zstd),
];

#[cfg(test)]
mod tests;
