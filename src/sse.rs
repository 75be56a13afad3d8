//! One frame of an event stream, as bytes.
//!
//! Implements what a server writes of the WHATWG HTML standard, section "Server-sent
//! events": UTF-8, lines that end in LF, a blank line that dispatches. No value can forge a
//! field: data is split at every line break, and the other fields are of types that hold none.

use std::borrow::Cow;
use std::io::Write;
use std::time::Duration;

use bytes::Bytes;

use crate::event::Cursor;

/// Text that fits on one line of a stream: no CR, LF or NUL. Shape: `put`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct FieldText<'a>(Cow<'a, str>);

/// One event of a stream. What is `None` is left out; the fields go out in this order.
#[derive(Clone, Debug, Default)]
pub struct Frame<'a> {
    /// Where the client is once it has this frame: what it sends back as `Last-Event-ID`.
    pub id: Option<Cursor>,
    /// The event's name; a client without a listener of that name never sees the event.
    pub event: Option<FieldText<'a>>,
    /// What is told. A client dispatches no event without data, and reads each line break in it,
    /// CR, LF or CRLF, as one LF.
    pub data: Option<&'a str>,
    /// How long the client waits before it comes back; sent in milliseconds.
    pub retry: Option<Duration>,
}

// === impl FieldText ===

impl FieldText<'static> {
    /// A name of the program's own.
    ///
    /// # Panics
    /// The text does not fit on one line.
    #[must_use]
    pub const fn known(text: &'static str) -> Self {
        let mut rest = text.as_bytes();
        while let [byte, after @ ..] = rest {
            assert!(!breaks_line(*byte), "a name has one line");
            rest = after;
        }
        Self(Cow::Borrowed(text))
    }
}

impl<'a> FieldText<'a> {
    /// The text, with U+FFFD where a line would break.
    #[must_use]
    pub fn replacing(text: &'a str) -> Self {
        if !text.bytes().any(breaks_line) {
            return Self(Cow::Borrowed(text));
        }
        let breaks = |c: char| u8::try_from(c).is_ok_and(breaks_line);
        Self(Cow::Owned(text.replace(breaks, "\u{fffd}")))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

const fn breaks_line(byte: u8) -> bool {
    matches!(byte, b'\r' | b'\n' | 0)
}

// === impl Frame ===

impl Frame<'_> {
    /// Appends the frame's bytes, the dispatching blank line included.
    pub fn encode(&self, out: &mut Vec<u8>) {
        // Writing to a vector cannot fail.
        let mut field = |name: &str, value: std::fmt::Arguments<'_>| {
            drop(writeln!(out, "{name}: {value}"));
        };
        if let Some(id) = self.id {
            field("id", format_args!("{id}"));
        }
        if let Some(event) = &self.event {
            field("event", format_args!("{}", event.as_str()));
        }
        if let Some(data) = self.data {
            let mut lines = data.split('\n').peekable();
            while let Some(mut line) = lines.next() {
                // The CR of a CRLF is no break of its own.
                if lines.peek().is_some() {
                    line = line.strip_suffix('\r').unwrap_or(line);
                }
                for line in line.split('\r') {
                    field("data", format_args!("{line}"));
                }
            }
        }
        if let Some(retry) = self.retry {
            field("retry", format_args!("{}", retry.as_millis()));
        }
        out.push(b'\n');
    }
}

/// The bytes of a frame of its own.
#[must_use]
pub fn encoded(frame: &Frame<'_>) -> Bytes {
    let mut out = Vec::with_capacity(128 + frame.data.map_or(0, str::len));
    frame.encode(&mut out);
    out.into()
}

/// The last frame of a stream that is ended: when to come back.
#[must_use]
pub fn retry(after: Duration) -> Bytes {
    encoded(&Frame {
        retry: Some(after),
        ..Frame::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Epoch;

    fn text(frame: &Frame<'_>) -> String {
        String::from_utf8(encoded(frame).to_vec()).unwrap()
    }

    #[test]
    fn fields_go_out_in_the_order_that_restdb_uses() {
        let frame = Frame {
            id: Some(Cursor {
                epoch: Epoch::new(1),
                seq: 9,
            }),
            event: Some(FieldText::known("put")),
            data: Some("{}"),
            retry: Some(Duration::from_secs(10)),
        };
        assert_eq!(
            text(&frame),
            "id: 000000000001-9\nevent: put\ndata: {}\nretry: 10000\n\n"
        );
    }

    #[test]
    fn a_line_break_in_data_cannot_forge_a_field() {
        for (data, expected) in [
            ("a\nid: 7", "data: a\ndata: id: 7\n\n"),
            ("a\rb", "data: a\ndata: b\n\n"),
            ("a\r\nb", "data: a\ndata: b\n\n"),
            ("a\n\nb", "data: a\ndata: \ndata: b\n\n"),
            ("\na\r\nb", "data: \ndata: a\ndata: b\n\n"),
            ("a\n", "data: a\ndata: \n\n"),
            ("\r\n\r", "data: \ndata: \ndata: \n\n"),
            ("", "data: \n\n"),
        ] {
            let frame = Frame {
                data: Some(data),
                ..Frame::default()
            };
            assert_eq!(text(&frame), expected, "{data:?}");
        }
    }
}
