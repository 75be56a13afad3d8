//! Where a request's body ends: the bytes that are the body's, and not one more.
//!
//! pingora is given exactly one request at a time. What a downstream sends behind it, a stray
//! line break or the next request, stays with the connection: pingora would take it for a
//! fault and drop an exchange whose write the upstream may have committed. The chunked
//! framing is walked, not decoded (RFC 9112 § 7.1), and what is not exact is refused: two
//! parsers that read the same bytes differently are how requests are smuggled.

use crate::limits::{CHUNK_LINE_BYTES_MAX, CHUNK_SIZE_DIGITS_MAX, TRAILER_BYTES_MAX};

/// How much of a request's body is still to come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Framing {
    /// In chunks.
    Chunked(Chunk),
    /// Nothing: the request is complete.
    Complete,
    /// So many bytes.
    Length(u64),
}

/// What the chunked framing awaits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Chunk {
    /// So many bytes of a chunk's data.
    Data(u64),
    /// The line break behind a chunk's data: its CR, or only its LF.
    DataEnd(LineEnd),
    /// The rest of an extension behind a chunk's size; so many bytes of the line so far.
    Extension(u64, usize, Extension),
    /// A digit of a chunk's size, which is this so far; so many bytes of the line so far.
    Size(u64, usize),
    /// The LF of the size's line.
    SizeEnd(u64),
    /// A line of the trailer section; so many bytes of the section so far.
    Trailer(usize, Trailer),
    /// The LF of a trailer's line, in so many bytes of the section so far.
    TrailerEnd(usize),
    /// The LF of the empty line that ends the section.
    LastEnd,
}

/// What of an extension is awaited:
///
/// ```text
/// chunk-ext = *( BWS ";" BWS token [ BWS "=" BWS ( token / quoted-string ) ] )  (RFC 9112 § 7.1.1)
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Extension {
    /// What follows a name, behind white space.
    AfterName,
    /// What follows a value, behind white space.
    AfterValue,
    /// The byte that a `\\` stands before.
    Escaped,
    /// The first byte of a name.
    Name,
    /// The rest of a name.
    NameRest,
    /// The rest of a quoted value.
    Quoted,
    /// What follows a quoted value.
    QuotedEnd,
    /// The first byte of a value.
    Value,
    /// The rest of a value.
    ValueRest,
}

/// What of a trailer's line is awaited: `field-name ":" field-value` (RFC 9112 § 5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trailer {
    /// The first byte of it.
    Name,
    /// The rest of its name.
    NameRest,
    /// The rest of its value.
    Value,
}

/// Which half of a line break is awaited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LineEnd {
    /// The carriage return.
    Cr,
    /// The line feed.
    Lf,
}

/// The chunked framing is not exact.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BadChunk {
    #[error("a chunk's extension is not well formed")]
    Extension,
    #[error("a chunk's size is not a hexadecimal number that fits")]
    Size,
    #[error("a line of the trailer section is no field")]
    Trailer,
    #[error("a line of the chunked framing does not end in CR LF")]
    LineEnd,
    #[error("a chunk's extension or the trailer section is too long")]
    TooLong,
}

impl Framing {
    /// A chunked body at its beginning.
    pub(crate) const CHUNKED: Self = Self::Chunked(Chunk::Size(0, 0));

    /// Whether the whole body has been walked.
    pub(crate) fn is_complete(self) -> bool {
        matches!(self, Self::Complete | Self::Length(0))
    }

    /// Walks over the next bytes that came; the answer is how many of them are the body's.
    ///
    /// # Errors
    /// [`BadChunk`]: the framing is broken, and where the body ends can not be known.
    pub(crate) fn walk(&mut self, bytes: &[u8]) -> Result<usize, BadChunk> {
        self.decode(bytes, |_| {})
    }

    /// Walks as [`Framing::walk`] does, and hands out what the body says without its framing.
    ///
    /// # Errors
    /// As [`Framing::walk`].
    pub(crate) fn decode(
        &mut self,
        bytes: &[u8],
        mut data: impl FnMut(&[u8]),
    ) -> Result<usize, BadChunk> {
        let mut walked = 0;
        while let Some(rest) = bytes.get(walked..).filter(|rest| !rest.is_empty()) {
            match self {
                Self::Complete | Self::Length(0) => break,
                Self::Length(left) | Self::Chunked(Chunk::Data(left)) => {
                    let took = rest.len().min(usize::try_from(*left).unwrap_or(usize::MAX));
                    data(rest.get(..took).unwrap_or_default());
                    walked += took;
                    *left -= took as u64;
                    if matches!(self, Self::Chunked(Chunk::Data(0))) {
                        *self = Self::Chunked(Chunk::DataEnd(LineEnd::Cr));
                    }
                }
                Self::Chunked(chunk) => {
                    let Some(byte) = rest.first() else { break };
                    walked += 1;
                    *self = chunk.step(*byte)?;
                }
            }
        }
        Ok(walked)
    }
}

impl Chunk {
    /// The state after one byte of the framing itself.
    fn step(self, byte: u8) -> Result<Framing, BadChunk> {
        let next = match (self, byte) {
            (Self::Size(size, line), digit) if digit.is_ascii_hexdigit() => Self::Size(
                with_digit(size, digit)?,
                shorter_than(line, CHUNK_SIZE_DIGITS_MAX).map_err(|_too_long| BadChunk::Size)?,
            ),
            (Self::Size(_, 0), _) => return Err(BadChunk::Size),
            (Self::Size(size, _), b'\r') => Self::SizeEnd(size),
            (Self::Size(size, line), b';') => Self::Extension(size, line, Extension::Name),
            (Self::Size(..), _) => return Err(BadChunk::Size),
            (Self::Extension(size, _, part), b'\r') if part.may_end() => Self::SizeEnd(size),
            (Self::Extension(size, line, part), byte) if is_field_byte(byte) => {
                let line = shorter_than(line, CHUNK_LINE_BYTES_MAX)?;
                let part = part.step(byte).ok_or(BadChunk::Extension)?;
                Self::Extension(size, line, part)
            }
            (Self::SizeEnd(0), b'\n') => Self::Trailer(0, Trailer::Name),
            (Self::SizeEnd(size), b'\n') => Self::Data(size),
            (Self::DataEnd(LineEnd::Cr), b'\r') => Self::DataEnd(LineEnd::Lf),
            (Self::DataEnd(LineEnd::Lf), b'\n') => Self::Size(0, 0),
            (Self::Trailer(_, Trailer::Name), b'\r') => Self::LastEnd,
            (Self::LastEnd, b'\n') => return Ok(Framing::Complete),
            (Self::Trailer(section, Trailer::Value), b'\r') => Self::TrailerEnd(section),
            (Self::TrailerEnd(section), b'\n') => Self::Trailer(section, Trailer::Name),
            (Self::Trailer(section, part), byte) if is_field_byte(byte) => {
                let section = shorter_than(section, TRAILER_BYTES_MAX)?;
                Self::Trailer(section, part.step(byte).ok_or(BadChunk::Trailer)?)
            }
            _ => return Err(BadChunk::LineEnd),
        };
        Ok(Framing::Chunked(next))
    }
}

impl Extension {
    /// Whether the line may end here.
    fn may_end(self) -> bool {
        matches!(self, Self::NameRest | Self::QuotedEnd | Self::ValueRest)
    }

    fn step(self, byte: u8) -> Option<Self> {
        let is_blank = matches!(byte, b' ' | b'\t');
        Some(match (self, byte) {
            (Self::Name, _) if is_blank => Self::Name,
            (Self::Name | Self::NameRest, _) if is_token_byte(byte) => Self::NameRest,
            (Self::NameRest | Self::AfterName, _) if is_blank => Self::AfterName,
            (Self::NameRest | Self::AfterName, b'=') => Self::Value,
            (Self::Value, _) if is_blank => Self::Value,
            (Self::Value, b'"') => Self::Quoted,
            (Self::Value | Self::ValueRest, _) if is_token_byte(byte) => Self::ValueRest,
            (Self::Quoted, b'"') => Self::QuotedEnd,
            (Self::Quoted, b'\\') => Self::Escaped,
            (Self::Quoted | Self::Escaped, _) => Self::Quoted,
            (Self::QuotedEnd | Self::ValueRest | Self::AfterValue, _) if is_blank => {
                Self::AfterValue
            }
            (
                Self::NameRest
                | Self::AfterName
                | Self::QuotedEnd
                | Self::ValueRest
                | Self::AfterValue,
                b';',
            ) => Self::Name,
            _ => return None,
        })
    }
}

impl Trailer {
    fn step(self, byte: u8) -> Option<Self> {
        match (self, byte) {
            (Self::Name | Self::NameRest, _) if is_token_byte(byte) => Some(Self::NameRest),
            (Self::NameRest, b':') | (Self::Value, _) => Some(Self::Value),
            _ => None,
        }
    }
}

/// A byte of a token (RFC 9110 § 5.6.2).
fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// A byte that may stand within a line (RFC 9110 § 5.5): no control character but the tab.
fn is_field_byte(byte: u8) -> bool {
    byte == b'\t' || byte >= b' ' && byte != 0x7f
}

fn with_digit(size: u64, digit: u8) -> Result<u64, BadChunk> {
    let value = char::from(digit).to_digit(16).ok_or(BadChunk::Size)?;
    size.checked_mul(16)
        .and_then(|size| size.checked_add(value.into()))
        .ok_or(BadChunk::Size)
}

fn shorter_than(len: usize, max: usize) -> Result<usize, BadChunk> {
    if len < max {
        Ok(len + 1)
    } else {
        Err(BadChunk::TooLong)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many bytes are the body's, however they are cut.
    fn walked(bytes: &[u8]) -> Result<(usize, bool), BadChunk> {
        let mut whole = Framing::CHUNKED;
        let at_once = whole.walk(bytes)?;
        let mut one_by_one = Framing::CHUNKED;
        let mut sum = 0;
        for byte in bytes {
            sum += one_by_one.walk(&[*byte])?;
        }
        assert_eq!((at_once, whole), (sum, one_by_one));
        Ok((at_once, whole.is_complete()))
    }

    #[test]
    fn a_chunked_body_ends_where_its_framing_says() {
        for (bytes, rest) in [
            ("0\r\n\r\n", ""),
            ("5\r\nhello\r\n0\r\n\r\n", "GET / HTTP/1.1\r\n"),
            (
                "A;name=value\r\n0123456789\r\n000\r\nX-Sum: 1\r\n\r\n",
                "\r\n",
            ),
            (
                "1;a;b=c ; d = \"e;\\\"\\\\\"\r\nx\r\n0;f\r\nA:\r\nB: \t\r\n\r\n",
                "",
            ),
        ] {
            let all = format!("{bytes}{rest}");
            assert_eq!(walked(all.as_bytes()), Ok((bytes.len(), true)), "{all:?}");
        }
        assert_eq!(walked(b"5\r\nhel"), Ok((6, false)));
    }

    #[test]
    fn what_is_not_exact_is_refused() {
        for (bytes, fault) in [
            ("\r\n", BadChunk::Size),
            ("g\r\n", BadChunk::Size),
            ("+5\r\n", BadChunk::Size),
            (" 5\r\n", BadChunk::Size),
            ("5 \r\n", BadChunk::Size),
            ("0x5\r\n", BadChunk::Size),
            ("10000000000000000\r\n", BadChunk::Size),
            ("00000000000000001\r\n", BadChunk::Size),
            ("5\nhello", BadChunk::Size),
            ("5;\r\n", BadChunk::LineEnd),
            ("5;a=\r\n", BadChunk::LineEnd),
            ("5;a \r\n", BadChunk::LineEnd),
            ("5;a=\"b\r\n", BadChunk::LineEnd),
            ("5;;a\r\n", BadChunk::Extension),
            ("5;=a\r\n", BadChunk::Extension),
            ("5;a b\r\n", BadChunk::Extension),
            ("5;a=b=c\r\n", BadChunk::Extension),
            ("5;a=\"b\"c\r\n", BadChunk::Extension),
            ("5;a,b\r\n", BadChunk::Extension),
            ("0\r\n a: b\r\n", BadChunk::Trailer),
            ("0\r\n: b\r\n", BadChunk::Trailer),
            ("0\r\na b: c\r\n", BadChunk::Trailer),
            ("0\r\na\r\n", BadChunk::LineEnd),
            ("5;a\nhello", BadChunk::LineEnd),
            ("5\r\rhello", BadChunk::LineEnd),
            ("5\r\nhelloX", BadChunk::LineEnd),
            ("5\r\nhello\n", BadChunk::LineEnd),
            ("0\r\n\n", BadChunk::LineEnd),
            ("0\r\na: b\n", BadChunk::LineEnd),
        ] {
            assert_eq!(walked(bytes.as_bytes()), Err(fault), "{bytes:?}");
        }
        let long = format!("5;{}", "x".repeat(CHUNK_LINE_BYTES_MAX + 1));
        assert_eq!(walked(long.as_bytes()), Err(BadChunk::TooLong));
        let long = format!("0\r\nx:{}", "x".repeat(TRAILER_BYTES_MAX + 1));
        assert_eq!(walked(long.as_bytes()), Err(BadChunk::TooLong));
    }

    #[test]
    fn a_chunked_body_says_what_its_chunks_hold() {
        let mut said = Vec::new();
        let mut framing = Framing::CHUNKED;
        let bytes = b"2\r\nhe\r\n3;x\r\nllo\r\n0\r\n\r\n";
        assert_eq!(
            framing.decode(bytes, |data| said.extend_from_slice(data)),
            Ok(bytes.len())
        );
        assert_eq!(said, b"hello");
    }

    #[test]
    fn a_length_is_counted() {
        let mut framing = Framing::Length(5);
        assert_eq!(framing.walk(b"hel"), Ok(3));
        assert_eq!(framing.walk(b"lo\r\n"), Ok(2));
        assert!(framing.is_complete());
    }
}
