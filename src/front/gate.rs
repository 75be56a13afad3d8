//! What may pass: a request's head, read strictly.
//!
//! Two parsers that read the same head differently are how one request is smuggled behind
//! another. So a head goes on to pingora, and from there to the upstream, only if it can be
//! read in one way: every line ends in CR LF, the framing is told once, the host is told once
//! (RFC 9112 §§ 2.2, 3.2, 5, 6). An unusual *path* is not the gate's business and passes.
//!
//! Pure: bytes in, a verdict out.

mod fields;
mod host;

use std::fmt;
use std::mem::MaybeUninit;

use bytes::BytesMut;
use http::{Method, StatusCode};
use memchr::{memchr, memchr_iter};

use crate::connection::{Framing, RequestId};
use crate::limits::{HEAD_FIELDS_MAX, TARGET_BYTES_MAX};
use crate::metrics::Refusal;
use fields::Fields;
pub(super) use fields::stays_behind;

/// What a head's bytes amount to so far.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The head is whole and sound.
    Admitted(Admitted),
    /// The blank line has not come yet.
    Partial,
    /// The head is answered with this and the connection closed.
    Refused(Refused),
}

/// A head that may pass.
#[derive(PartialEq, Eq)]
pub(crate) struct Admitted {
    /// Bytes of the head, the blank line included.
    pub(crate) head_bytes: usize,
    /// The request's method.
    pub(crate) method: Method,
    /// The path of the target as it was sent, without the query; `*` for `OPTIONS *`.
    pub(crate) path: Box<str>,
    /// What follows the `?` of the target; empty where there is none.
    pub(crate) query: Box<str>,
    /// How long the body is.
    pub(crate) framing: Framing,
    /// Whether the connection may serve another request after this one.
    pub(crate) keep_alive: bool,
    /// What the client says that the request is called.
    pub(crate) request_id: Option<RequestId>,
    /// The Host, if there is one.
    pub(crate) host: Option<Box<[u8]>>,
    /// Whether there are fields that do not go on as they came ([`stays_behind`]).
    pub(crate) leaves_behind: bool,
}

impl fmt::Debug for Admitted {
    /// Without the query: there may be a credential in it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Admitted")
            .field("method", &self.method)
            .field("path", &self.path)
            .field("framing", &self.framing)
            .finish_non_exhaustive()
    }
}

/// A refusal: the status and the text of its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Refused {
    pub(crate) status: StatusCode,
    pub(crate) message: &'static str,
    /// As what it is counted.
    pub(crate) reason: Refusal,
}

/// Reads what has come of a head. `bytes` may hold more than the head.
pub(crate) fn read(bytes: &[u8]) -> Verdict {
    match read_whole(bytes) {
        Ok(Some(admitted)) => Verdict::Admitted(admitted),
        Ok(None) => Verdict::Partial,
        Err(refused) => Verdict::Refused(refused),
    }
}

/// The head as pingora can read it: what no URI may hold (RFC 3986 § 2) and clients send all the
/// same, as in `?q={"a":1}`, is percent-encoded in the target. Every other head stays as it came.
///
/// # Errors
/// [`Refused`]: the target is longer than pingora can hold.
pub(crate) fn passable(head: BytesMut) -> Result<BytesMut, Refused> {
    let line = memchr(b'\r', &head).and_then(|end| head.get(..end));
    let line = line.unwrap_or(&head);
    // Goes over all of it whatever it finds: so it takes many bytes at once.
    let is_odd = |byte: u8| matches!(byte, b'<' | b'>' | b'"' | b'`');
    let is_plain = !line.iter().fold(false, |any, byte| any | is_odd(*byte));
    if is_plain && line.len() <= TARGET_BYTES_MAX {
        return Ok(head);
    }
    let query = line.iter().position(|byte| *byte == b'?');
    // Before it stands the method, of which a backtick may be a part.
    let target = line.iter().position(|byte| *byte == b' ');
    let escaped = |(at, byte): (usize, &u8)| match *byte {
        _ if target.is_none_or(|target| at < target) => false,
        b'<' | b'>' => true,
        b'"' => query.is_some_and(|query| at > query),
        b'`' => query.is_none_or(|query| at < query),
        _ => false,
    };
    let escapes = line.iter().enumerate().filter(|at| escaped(*at)).count();
    // The method and the version are short, and are forgiven here.
    if line.len() + 2 * escapes > TARGET_BYTES_MAX {
        return Err(Refused {
            status: StatusCode::URI_TOO_LONG,
            message: "the target is longer than 65534 bytes",
            reason: Refusal::TargetTooLong,
        });
    }
    if escapes == 0 {
        return Ok(head);
    }
    let mut passable = BytesMut::with_capacity(head.len() + 2 * escapes);
    for (at, byte) in line.iter().enumerate() {
        if escaped((at, byte)) {
            passable.extend_from_slice(format!("%{byte:02X}").as_bytes());
        } else {
            passable.extend_from_slice(&[*byte]);
        }
    }
    passable.extend_from_slice(head.get(line.len()..).unwrap_or_default());
    Ok(passable)
}

/// The refusal of a head that is longer than it may be.
pub(crate) const TOO_LARGE: Refused = Refused {
    status: StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
    message: "the request's head is larger than this sidecar takes",
    reason: Refusal::HeadTooLarge,
};

/// The refusal of a head that does not come to its end in time.
pub(crate) const TOO_SLOW: Refused = Refused {
    status: StatusCode::REQUEST_TIMEOUT,
    message: "the request's head did not come in time",
    reason: Refusal::HeadTooSlow,
};

fn read_whole(bytes: &[u8]) -> Result<Option<Admitted>, Refused> {
    let Some(head_bytes) = end_of_head(bytes)? else {
        return Ok(None);
    };
    let head = bytes.get(..head_bytes).unwrap_or_default();
    let mut fields = [const { MaybeUninit::uninit() }; HEAD_FIELDS_MAX];
    let mut request = httparse::Request::new(&mut []);
    match request.parse_with_uninit_headers(head, &mut fields) {
        Ok(httparse::Status::Complete(parsed)) if parsed == head_bytes => {}
        Ok(_) => return Err(bad("the request's head is not well formed")),
        Err(httparse::Error::TooManyHeaders) => return Err(TOO_LARGE),
        Err(httparse::Error::Version) if has_three_words(head) => {
            return Err(Refused {
                status: StatusCode::HTTP_VERSION_NOT_SUPPORTED,
                message: "expected HTTP/1.1 or HTTP/1.0",
                reason: Refusal::Version,
            });
        }
        Err(_) => return Err(bad("the request's head is not well formed")),
    }
    let old = request.version == Some(0);
    let method = method(request.method.unwrap_or_default())?;
    let target = request.path.unwrap_or_default();
    let fields = Fields::of(request.headers);
    let host = fields.host(old)?;
    let (path, query) = split(target, host, &method)?;
    let reason = Refusal::Framing;
    let framed = fields.framing(old);
    Ok(Some(Admitted {
        head_bytes,
        framing: framed.map_err(|why| Refused { reason, ..why })?,
        keep_alive: fields.keep_alive(old),
        request_id: fields.request_id.only().and_then(RequestId::said),
        host: host.map(Into::into),
        leaves_behind: fields.leaves_behind,
        path: path.into(),
        query: query.into(),
        method,
    }))
}

/// Whether the request line is well formed but for a version that is not known here.
fn has_three_words(head: &[u8]) -> bool {
    let line = head.split(|byte| *byte == b'\r').next().unwrap_or(head);
    let mut words = line.split(|byte| *byte == b' ').skip(2);
    matches!((words.next(), words.next()), (Some(version), None) if version.starts_with(b"HTTP/"))
}

/// Where the blank line ends, if it has come. Every line up to there ends in CR LF, and
/// nothing in it is a control character but the tab.
fn end_of_head(bytes: &[u8]) -> Result<Option<usize>, Refused> {
    let mut from = 0;
    for end in memchr_iter(b'\n', bytes) {
        let line = bytes.get(from..end).unwrap_or_default();
        let text = line.strip_suffix(b"\r");
        check_line(text.unwrap_or(line))?;
        match text {
            None => return Err(bad("a line ends in LF without CR")),
            Some(b"") if from == 0 => {
                return Err(bad("an empty line stands before the request"));
            }
            Some(b"") => return Ok(Some(end + 1)),
            Some(_) => from = end + 1,
        }
    }
    let rest = bytes.get(from..).unwrap_or_default();
    check_line(rest.strip_suffix(b"\r").unwrap_or(rest))?;
    Ok(None)
}

/// What may stand in a line. Goes over all of it whatever it finds: so it takes many bytes at once.
/// What is said is the first that is wrong, which is the same however much of the line has come.
fn check_line(line: &[u8]) -> Result<(), Refused> {
    if let Some(b' ' | b'\t') = line.first() {
        return Err(bad("a line begins with white space"));
    }
    let is_control = |byte: u8| (byte < b' ' && byte != b'\t') || byte == 0x7f;
    if !line.iter().fold(false, |any, byte| any | is_control(*byte)) {
        return Ok(());
    }
    Err(match line.iter().find(|byte| is_control(**byte)) {
        Some(b'\r') => bad("a CR stands within a line"),
        _ => bad("a control character stands in the head"),
    })
}

/// Any token is a method, but a known one in other letters is a trap: some upstreams take it
/// for the known one, others do not (RFC 9110 § 9.1: methods are case-sensitive).
fn method(text: &str) -> Result<Method, Refused> {
    const KNOWN: [&str; 9] = [
        "CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE",
    ];
    let disguised = KNOWN
        .iter()
        .any(|known| known.eq_ignore_ascii_case(text) && *known != text);
    if disguised {
        return Err(bad("methods are written in upper case"));
    }
    if text == "CONNECT" {
        return Err(Refused {
            status: StatusCode::METHOD_NOT_ALLOWED,
            message: "CONNECT is not served here",
            reason: Refusal::Method,
        });
    }
    Method::from_bytes(text.as_bytes()).map_err(|_why| bad("the method is not well formed"))
}

/// Path and query of the target (RFC 9112 § 3.2). An absolute one has to name the host that
/// the Host field names.
fn split<'a>(
    target: &'a str,
    host: Option<&[u8]>,
    method: &Method,
) -> Result<(&'a str, &'a str), Refused> {
    let local = if target.starts_with('/') || (target == "*" && method == Method::OPTIONS) {
        target
    } else {
        let rest = ["http://", "https://"]
            .iter()
            .find_map(|scheme| {
                let begins = target.get(..scheme.len())?;
                begins
                    .eq_ignore_ascii_case(scheme)
                    .then(|| &target[scheme.len()..])
            })
            .ok_or_else(|| bad("the target is no path"))?;
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, local) = rest.split_at(end);
        if host != Some(authority.as_bytes()) {
            return Err(bad("the target names another host than the Host field"));
        }
        // As pingora reads it.
        if target.parse::<http::Uri>().is_err() {
            return Err(bad("the target is no address"));
        }
        local
    };
    if local.contains('#') {
        return Err(bad("the target has a fragment"));
    }
    let (path, query) = local.split_once('?').unwrap_or((local, ""));
    Ok((if path.is_empty() { "/" } else { path }, query))
}

fn bad(message: &'static str) -> Refused {
    Refused {
        status: StatusCode::BAD_REQUEST,
        message,
        reason: Refusal::Malformed,
    }
}

#[cfg(test)]
mod tests;
