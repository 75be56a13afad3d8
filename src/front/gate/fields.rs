//! What the fields of a head say of its framing, and of for whom it comes: all that counts at the
//! gate, read in one walk.

use super::{Refused, bad, host};
use crate::connection::{Framing, RequestId};
use crate::forwarded;

/// What counts of the fields of a head.
#[derive(Debug, Default)]
pub(super) struct Fields<'a> {
    host: Told<'a>,
    length: Told<'a>,
    coding: Told<'a>,
    /// What the request is called.
    pub(super) request_id: Told<'a>,
    connection: Says,
    /// Whether any field [`stays_behind`].
    pub(super) leaves_behind: bool,
    /// Whether the length of the body is told by a name that some take for the right one.
    is_disguised: bool,
}

/// What `Connection` says of what is to become of it, whatever else it says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Says {
    /// Even if it says the other as well.
    Close,
    KeepAlive,
    #[default]
    Nothing,
}

/// A field that is to be told once.
#[derive(Clone, Copy, Debug, Default)]
pub(super) enum Told<'a> {
    #[default]
    Never,
    Once(&'a [u8]),
    Often,
}

impl<'a> Told<'a> {
    fn see(&mut self, value: &'a [u8]) {
        *self = match self {
            Self::Never => Self::Once(value),
            Self::Once(_) | Self::Often => Self::Often,
        };
    }

    /// What it says, if it is told once.
    pub(super) fn only(self) -> Option<&'a [u8]> {
        match self {
            Self::Once(value) => Some(value),
            Self::Never | Self::Often => None,
        }
    }
}

impl<'a> Fields<'a> {
    /// Reads what counts.
    pub(super) fn of(fields: &[httparse::Header<'a>]) -> Self {
        let mut read = Self::default();
        for field in fields {
            read.see(field.name, field.value);
        }
        read
    }

    fn see(&mut self, name: &str, value: &'a [u8]) {
        let is = |own: &str| name.eq_ignore_ascii_case(own);
        if is("host") {
            self.host.see(value);
        } else if is("content-length") {
            self.length.see(value);
        } else if is("transfer-encoding") {
            self.coding.see(value);
        } else if is("connection") {
            for token in value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii) {
                if token.eq_ignore_ascii_case(b"close") {
                    self.connection = Says::Close;
                } else if token.eq_ignore_ascii_case(b"keep-alive")
                    && self.connection == Says::Nothing
                {
                    self.connection = Says::KeepAlive;
                }
            }
        } else if stays_behind(name) {
            self.leaves_behind = true;
            if is(RequestId::FIELD) {
                self.request_id.see(value);
            }
        } else if name.contains('_') {
            // Those that hand fields to programs as variables (CGI, WSGI, Rack) would take it for
            // the other.
            let plain = name.replace('_', "-");
            let is = |own: &str| plain.eq_ignore_ascii_case(own);
            self.is_disguised |= is("content-length") || is("transfer-encoding");
        }
    }

    /// "A server MUST respond with a 400 to any HTTP/1.1 request message that lacks a Host header
    /// field and to any that contains more than one" (RFC 9112 § 3.2).
    pub(super) fn host(&self, old: bool) -> Result<Option<&'a [u8]>, Refused> {
        match self.host {
            Told::Often => Err(bad("the Host is told twice")),
            Told::Never if !old => Err(bad("the Host is missing")),
            Told::Never => Ok(None),
            Told::Once(host) if host::is_host(host) => Ok(Some(host)),
            Told::Once(_) => Err(bad("the Host is not well formed")),
        }
    }

    /// Whether the connection persists (RFC 9112 § 9.3).
    pub(super) fn keep_alive(&self, old: bool) -> bool {
        match self.connection {
            Says::Close => false,
            Says::KeepAlive => true,
            Says::Nothing => !old,
        }
    }

    /// How long the body is (RFC 9112 § 6.3). What is told twice, or in two ways, is refused even
    /// where the standard lets a recipient repair it: the next one might repair it differently.
    pub(super) fn framing(&self, old: bool) -> Result<Framing, Refused> {
        if self.is_disguised {
            return Err(bad(
                "the length of the body is told by a field with `_` in its name",
            ));
        }
        match (self.length, self.coding) {
            (Told::Never, Told::Never) => Ok(Framing::Complete),
            (Told::Once(length), Told::Never) => {
                let number = number(length).map(Framing::Length);
                number.ok_or_else(|| bad("the Content-Length is not a number"))
            }
            (Told::Often, Told::Never) => Err(bad("the Content-Length is told twice")),
            (Told::Never, _) if old => Err(bad("HTTP/1.0 has no Transfer-Encoding")),
            (Told::Never, Told::Once(coding)) if coding.eq_ignore_ascii_case(b"chunked") => {
                Ok(Framing::CHUNKED)
            }
            (Told::Never, _) => Err(bad("expected Transfer-Encoding: chunked and nothing else")),
            (_, _) => Err(bad(
                "Content-Length and Transfer-Encoding exclude each other",
            )),
        }
    }
}

/// Whether a field of that name does not go on as it came: what the upstream is told of who sends the
/// request, and of what it is called, is said anew.
pub(in crate::front) fn stays_behind(name: &str) -> bool {
    name.eq_ignore_ascii_case(RequestId::FIELD) || forwarded::is_own(name)
}

fn number(length: &[u8]) -> Option<u64> {
    // Some read a number that begins with 0 as octal.
    let digits = (1..=19).contains(&length.len())
        && length.iter().all(u8::is_ascii_digit)
        && (length.len() == 1 || !length.starts_with(b"0"));
    // Some count with a sign: what they cannot hold is negative to them.
    let number = std::str::from_utf8(length).ok().filter(|_| digits)?;
    number.parse::<i64>().ok()?.try_into().ok()
}
