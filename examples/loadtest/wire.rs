//! HTTP/1.1 answers, read from pieces as they come, with nothing copied that is whole.

/// The head of an answer.
#[derive(Debug)]
pub(crate) struct Head {
    pub(crate) status: u16,
    /// Bytes of the head itself.
    pub(crate) length: usize,
    /// Whether the body is an event stream.
    pub(crate) streams: bool,
    /// Whether the connection ends with the answer.
    pub(crate) closes: bool,
    pub(crate) body: Body,
}

/// What is left of a body.
#[derive(Debug)]
pub(crate) enum Body {
    Chunked(Chunks),
    /// To the end of the connection.
    Close,
    Length(u64),
}

/// Where in a chunked body the next byte stands.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Chunks {
    Data(u64),
    /// Line ends after the data.
    DataEnd,
    Done,
    /// What extends a chunk, up to the end of its line.
    Extension(u64),
    Size(u64),
    /// Trailers, a line at a time: whether the line has anything in it.
    Trailer(bool),
}

/// The head at the front of these bytes; none if some of it is missing. The answer is one to
/// `method`: one to HEAD has no body.
///
/// # Errors
/// It is not HTTP/1.
pub(crate) fn head(bytes: &[u8], method: &str) -> Result<Option<Head>, String> {
    let mut fields = [httparse::EMPTY_HEADER; FIELDS_MAX];
    let mut parsed = httparse::Response::new(&mut fields);
    let length = match parsed.parse(bytes) {
        Ok(httparse::Status::Complete(length)) => length,
        Ok(httparse::Status::Partial) if bytes.len() < HEAD_MAX => return Ok(None),
        Ok(httparse::Status::Partial) => return Err("the head has no end".to_owned()),
        Err(error) => return Err(format!("no HTTP/1.1 answer ({error})")),
    };
    let status = parsed.code.unwrap_or_default();
    let named = |name: &str| {
        let mut found = parsed.headers.iter();
        let field = found.find(|field| field.name.eq_ignore_ascii_case(name));
        field.map_or("", |field| std::str::from_utf8(field.value).unwrap_or(""))
    };
    let has = |value: &str, word: &str| value.to_ascii_lowercase().contains(word);
    let streams = has(named("content-type"), "text/event-stream");
    let closes = has(named("connection"), "close") || parsed.version == Some(0);
    let body = if method == "HEAD" || matches!(status, 100..=199 | 204 | 304) {
        Body::Length(0)
    } else if has(named("transfer-encoding"), "chunked") {
        Body::Chunked(Chunks::Size(0))
    } else {
        named("content-length")
            .parse()
            .map_or(Body::Close, Body::Length)
    };
    Ok(Some(Head {
        status,
        length,
        streams,
        closes: closes || matches!(body, Body::Close),
        body,
    }))
}

// === impl Body ===

impl Body {
    /// Takes what of these bytes is of the body, gives its data to `each`, and says how many bytes
    /// it took.
    ///
    /// # Errors
    /// A chunk has no size.
    pub(crate) fn take(
        &mut self,
        bytes: &[u8],
        mut each: impl FnMut(&[u8]),
    ) -> Result<usize, String> {
        let mut rest = bytes;
        while !rest.is_empty() && !self.is_done() {
            match self {
                Self::Close => {
                    each(rest);
                    rest = &[];
                }
                Self::Length(left) | Self::Chunked(Chunks::Data(left)) => {
                    let whole = usize::try_from(*left).unwrap_or(usize::MAX);
                    let (data, after) = rest.split_at(whole.min(rest.len()));
                    each(data);
                    *left -= data.len() as u64;
                    rest = after;
                }
                Self::Chunked(chunks) => {
                    if let Some((&byte, after)) = rest.split_first() {
                        *chunks = chunks.after(byte)?;
                        rest = after;
                    }
                }
            }
            if let Self::Chunked(chunks @ Chunks::Data(0)) = self {
                *chunks = Chunks::DataEnd;
            }
        }
        Ok(bytes.len() - rest.len())
    }

    /// Whether nothing more of it comes.
    pub(crate) fn is_done(&self) -> bool {
        matches!(self, Self::Length(0) | Self::Chunked(Chunks::Done))
    }
}

// === impl Chunks ===

impl Chunks {
    /// What follows this byte, which is no data.
    fn after(self, byte: u8) -> Result<Self, String> {
        let sized = |size| match size {
            0 => Self::Trailer(false),
            size => Self::Data(size),
        };
        let digit = char::from(byte).to_digit(16);
        match (self, byte, digit) {
            (Self::Size(size), _, Some(digit)) => size
                .checked_mul(16)
                .map(|size| Self::Size(size + u64::from(digit)))
                .ok_or_else(|| "a chunk has no end".to_owned()),
            (Self::Size(size) | Self::Extension(size), b'\n', _) => Ok(sized(size)),
            (Self::Size(size), b'\r' | b';' | b' ' | b'\t', _) | (Self::Extension(size), ..) => {
                Ok(Self::Extension(size))
            }
            (Self::Size(_), ..) => Err("a chunk has no size".to_owned()),
            (Self::DataEnd, b'\n', _) => Ok(Self::Size(0)),
            (Self::DataEnd, b'\r', _) => Ok(Self::DataEnd),
            (Self::DataEnd, ..) => Err("a chunk is longer than it says".to_owned()),
            (Self::Trailer(false), b'\n', _) => Ok(Self::Done),
            (Self::Trailer(true), b'\n', _) => Ok(Self::Trailer(false)),
            (Self::Trailer(_), b'\r', _) => Ok(self),
            (Self::Trailer(_), ..) => Ok(Self::Trailer(true)),
            (Self::Data(_) | Self::Done, ..) => Ok(self),
        }
    }
}

/// Fields of a head.
const FIELDS_MAX: usize = 128;
/// Bytes of a head.
const HEAD_MAX: usize = 64 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    fn data(body: &mut Body, bytes: &[u8]) -> (usize, String) {
        let mut data = Vec::new();
        let taken = body.take(bytes, |piece| data.extend_from_slice(piece));
        (taken.unwrap(), String::from_utf8(data).unwrap())
    }

    #[test]
    fn a_chunked_body_is_read_wherever_it_is_cut() {
        let wire = b"5;a=b\r\nhello\r\n0006\r\n world\r\n0\r\nA: b\r\n\r\nHTTP/1.1";
        for cut in 0..wire.len() {
            let mut body = Body::Chunked(Chunks::Size(0));
            let (head, tail) = wire.split_at(cut);
            let (first, mut text) = data(&mut body, head);
            let (second, more) = data(&mut body, tail);
            text.push_str(&more);
            assert_eq!(text, "hello world", "cut at {cut}");
            if cut <= wire.len() - 8 {
                assert!(body.is_done());
                assert_eq!(first + second, wire.len() - 8, "the next answer is left");
            }
        }
    }

    #[test]
    fn a_head_says_how_its_body_ends() {
        let read = |text: &str, method| head(text.as_bytes(), method).unwrap();
        assert!(read("HTTP/1.1 200 OK\r\nContent-Le", "GET").is_none());
        let sized = read("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n", "GET").unwrap();
        assert!(matches!(sized.body, Body::Length(3)) && !sized.closes);
        let open = read(
            "HTTP/1.1 200 OK\r\nContent-Type: Text/Event-Stream\r\n\r\n",
            "GET",
        );
        assert!(matches!(
            open,
            Some(Head {
                streams: true,
                closes: true,
                body: Body::Close,
                ..
            })
        ));
        let none = read("HTTP/1.1 204 No Content\r\n\r\n", "POST").unwrap();
        assert!(none.body.is_done() && !none.closes);
        assert!(head(b"SSH-2.0-OpenSSH\r\n\r\n", "GET").is_err());
    }
}
