//! Chunked bodies.

use crate::connection::{BadChunk, Framing};

/// A body ends at the same place however its bytes are cut, and where another reader finds the end.
/// The first byte says how they are cut.
pub(super) fn framing(data: &[u8]) {
    let Some((cut, bytes)) = data.split_first() else {
        return;
    };
    let whole = read(bytes, bytes.len());
    let pieces = read(bytes, usize::from(*cut));
    let single = read(bytes, 1);
    assert_eq!(whole.0, pieces.0);
    assert_eq!(whole.0, single.0);
    let plainly = plainly(bytes);
    match whole {
        (Ok((end, true)), said) => {
            assert_eq!(pieces.1, said);
            assert_eq!(single.1, said);
            assert_eq!(plainly.map(|read| (read.end, read.said)), Some((end, said)));
        }
        (Ok((_, false)), _) => assert!(plainly.is_none()),
        // What is refused may be sound but for an extension, a trailer or what is too long.
        (Err(_), _) => assert!(plainly.is_none_or(|read| !read.is_plain)),
    }
}

/// Where the body ends, as far as it has come, and whether it has; and what it says.
type Read = (Result<(usize, bool), BadChunk>, Vec<u8>);

fn read(bytes: &[u8], cut: usize) -> Read {
    let (mut framing, mut said, mut end) = (Framing::CHUNKED, Vec::new(), 0);
    for piece in bytes.chunks(cut.max(1)) {
        match framing.decode(piece, |data| said.extend_from_slice(data)) {
            Ok(walked) => end += walked,
            Err(bad) => return (Err(bad), said),
        }
        if framing.is_complete() {
            break;
        }
    }
    (Ok((end, framing.is_complete())), said)
}

/// A body that another reader finds whole.
struct Plainly {
    end: usize,
    said: Vec<u8>,
    /// Whether it has neither extensions nor trailers, nor a size of many digits.
    is_plain: bool,
}

/// The same, line by line, by somebody who looks at nothing but sizes and line ends.
fn plainly(bytes: &[u8]) -> Option<Plainly> {
    let (mut rest, mut said, mut is_plain) = (bytes, Vec::new(), true);
    loop {
        let (line, after) = line(rest)?;
        let end = line.iter().position(|byte| *byte == b';');
        let (digits, extension) = line.split_at(end.unwrap_or(line.len()));
        is_plain &= extension.is_empty() && digits.len() <= 16;
        if digits.is_empty() || !digits.iter().all(u8::is_ascii_hexdigit) {
            return None;
        }
        let digits = std::str::from_utf8(digits).ok()?;
        let size = usize::from_str_radix(digits, 16).ok()?;
        rest = after;
        if size == 0 {
            break;
        }
        said.extend_from_slice(rest.get(..size)?);
        rest = rest.get(size..)?.strip_prefix(b"\r\n")?;
    }
    loop {
        let (line, after) = line(rest)?;
        rest = after;
        if line.is_empty() {
            let end = bytes.len() - rest.len();
            return Some(Plainly {
                end,
                said,
                is_plain,
            });
        }
        is_plain = false;
    }
}

/// What stands before the next CR LF, and what behind it; none where another line end comes first.
fn line(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = bytes.iter().position(|byte| b"\r\n".contains(byte))?;
    let (line, after) = bytes.split_at(end);
    Some((line, after.strip_prefix(b"\r\n")?))
}
