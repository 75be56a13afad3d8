//! Bytes of an event stream to its frames.
//!
//! Implements the WHATWG HTML standard, sections "Parsing an event stream" and "Interpreting an
//! event stream". A frame without data is one here, too, if it has an id: it is a place.

use std::time::Duration;

use crate::limits::TAIL_EVENT_BYTES_MAX;

/// What stands before a blank line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Frame {
    /// The last id that was said, in this frame or before; empty where none was.
    pub(super) id: String,
    /// The event's name: `message` where none is said.
    pub(super) event: String,
    /// The data; none where there is none, and then nothing is told.
    pub(super) data: Option<String>,
}

/// The reader of one connection's stream.
#[derive(Debug, Default)]
pub(super) struct Parser {
    /// The line that has not ended, and of the frame what has.
    line: Vec<u8>,
    data: Option<String>,
    event: String,
    id: String,
    /// Whether the frame says an id.
    has_id: bool,
    retry: Option<Duration>,
    /// Whether the last byte was a CR: an LF behind it ends no other line.
    after_cr: bool,
    /// Whether a line has ended: before the first a byte order mark may stand.
    begun: bool,
}

/// The server sends an event that is longer than any.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("sends an event of more than {TAIL_EVENT_BYTES_MAX} bytes")]
pub(super) struct TooLong;

impl Parser {
    /// A stream that goes on after that event.
    pub(super) fn after(last: Option<&str>) -> Self {
        Self {
            id: last.unwrap_or_default().to_owned(),
            ..Self::default()
        }
    }

    /// The frames that end in `bytes`, which follow those before.
    pub(super) fn push(&mut self, bytes: &[u8]) -> Result<Vec<Frame>, TooLong> {
        let mut frames = Vec::new();
        let mut rest = bytes;
        if self.after_cr && !rest.is_empty() {
            self.after_cr = false;
            rest = rest.strip_prefix(b"\n").unwrap_or(rest);
        }
        while let Some(at) = rest.iter().position(|b| matches!(b, b'\r' | b'\n')) {
            let (line, end) = rest.split_at_checked(at).unwrap_or((rest, &[]));
            self.extend(line)?;
            rest = match end {
                [b'\r', b'\n', rest @ ..] => rest,
                [b'\r'] => {
                    self.after_cr = true;
                    &[]
                }
                [_, rest @ ..] => rest,
                [] => &[],
            };
            frames.extend(self.end_line());
        }
        self.extend(rest)?;
        Ok(frames)
    }

    /// How long the server wants to be left alone, if it has said so.
    pub(super) fn retry(&self) -> Option<Duration> {
        self.retry
    }

    fn extend(&mut self, bytes: &[u8]) -> Result<(), TooLong> {
        let held = self.line.len() + self.data.as_ref().map_or(0, String::len);
        if held + bytes.len() > TAIL_EVENT_BYTES_MAX {
            return Err(TooLong);
        }
        self.line.extend_from_slice(bytes);
        Ok(())
    }

    fn end_line(&mut self) -> Option<Frame> {
        let line = std::mem::take(&mut self.line);
        let mut line = String::from_utf8_lossy(&line);
        if !self.begun {
            self.begun = true;
            if let Some(without) = line.strip_prefix('\u{feff}') {
                line = without.to_owned().into();
            }
        }
        if line.is_empty() {
            return self.dispatch();
        }
        let (field, value) = line.split_once(':').unwrap_or((&line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "data" => match &mut self.data {
                Some(data) => data.extend(["\n", value]),
                None => self.data = Some(value.to_owned()),
            },
            "event" => value.clone_into(&mut self.event),
            "id" if !value.contains('\0') => {
                value.clone_into(&mut self.id);
                self.has_id = true;
            }
            "retry" if !value.is_empty() && value.bytes().all(|b| b.is_ascii_digit()) => {
                let millis = value.parse().unwrap_or(u64::MAX);
                self.retry = Some(Duration::from_millis(millis));
            }
            _ => {}
        }
        None
    }

    fn dispatch(&mut self) -> Option<Frame> {
        let data = self.data.take();
        let event = std::mem::take(&mut self.event);
        let has_id = std::mem::take(&mut self.has_id);
        (data.is_some() || has_id).then(|| Frame {
            id: self.id.clone(),
            event: if event.is_empty() {
                "message".to_owned()
            } else {
                event
            },
            data,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::event::{Cursor, Epoch};
    use crate::sse;

    /// The frames of a stream: id, event and data.
    fn read(stream: &[u8]) -> Vec<(String, String, Option<String>)> {
        let whole = Parser::default().push(stream).unwrap();
        // Wherever it is cut, it is the same.
        let mut parser = Parser::default();
        let bytes = stream.chunks(1).map(|byte| parser.push(byte).unwrap());
        assert_eq!(bytes.flatten().collect::<Vec<_>>(), whole);
        let parts = |frame: Frame| (frame.id, frame.event, frame.data);
        whole.into_iter().map(parts).collect()
    }

    fn one(stream: &str) -> (String, String, Option<String>) {
        let mut frames = read(stream.as_bytes());
        assert_eq!(frames.len(), 1, "{stream:?}");
        frames.remove(0)
    }

    #[test]
    fn a_stream_is_read_as_the_standard_says() {
        for (stream, id, event, data) in [
            ("data: a\n\n", "", "message", Some("a")),
            ("data:a\r\rdata", "", "message", Some("a")),
            ("data: a\r\n\r\n", "", "message", Some("a")),
            ("\u{feff}data: a\n\n", "", "message", Some("a")),
            ("data:  a\ndata\ndata:b\n\n", "", "message", Some(" a\n\nb")),
            (
                ": comment\nid: 7\nevent: put\ndata: a\n\n",
                "7",
                "put",
                Some("a"),
            ),
            ("id: 1\nid: 2\0\ndata: a\n\n", "1", "message", Some("a")),
            ("id: 1\nid\ndata: a\n\n", "", "message", Some("a")),
            (
                "Data: x\n data: y\nnonsense\ndata: a\n\n",
                "",
                "message",
                Some("a"),
            ),
            ("data\n\n", "", "message", Some("")),
            ("id: 5\n\n", "5", "message", None),
            ("event: x\n\ndata: a\n\n", "", "message", Some("a")),
            ("data: a\n\ndata: never ended\n", "", "message", Some("a")),
        ] {
            let data = data.map(str::to_owned);
            assert_eq!(
                one(stream),
                (id.to_owned(), event.to_owned(), data),
                "{stream:?}"
            );
        }
        assert_eq!(read(b"\n\n: only\n\nretry: 5\n\n"), []);
        let kept = read(b"id: 1\ndata: a\n\ndata: b\n\n");
        assert_eq!(kept[1].0, "1");
        let broken = read(b"data: \xff\n\n");
        assert_eq!(broken[0].2.as_deref(), Some("\u{fffd}"));
    }

    #[test]
    fn retry_is_digits_alone() {
        let mut parser = Parser::after(Some("x"));
        for (line, retry) in [
            ("retry: -1\n", None),
            ("retry: 1s\n", None),
            ("retry:\n", None),
            ("retry: 2000\n", Some(2000)),
            ("retry: 99999999999999999999\n", Some(u64::MAX)),
        ] {
            parser.push(line.as_bytes()).unwrap();
            assert_eq!(parser.retry(), retry.map(Duration::from_millis), "{line}");
        }
    }

    #[test]
    fn an_event_without_end_is_not_held() {
        let line = vec![b'a'; TAIL_EVENT_BYTES_MAX - 1];
        let mut parser = Parser {
            line,
            ..Parser::default()
        };
        assert_eq!(parser.push(b"a"), Ok(Vec::new()));
        assert_eq!(parser.push(b"a"), Err(TooLong));
    }

    proptest! {
        #[test]
        fn what_is_encoded_is_read_back(name in "\\PC{0,9}", data in any::<String>(), seq: u64) {
            let epoch = Epoch::new(7);
            let id = Cursor { epoch, seq };
            let bytes = sse::encoded(&sse::Frame {
                id: Some(id),
                event: Some(sse::FieldText::replacing(&name)),
                data: Some(&data),
                retry: None,
            });
            let frames = Parser::default().push(&bytes).unwrap();
            let event = if name.is_empty() { "message".to_owned() } else { name };
            let data = data.replace("\r\n", "\n").replace('\r', "\n");
            let (id, data) = (id.to_string(), Some(data));
            prop_assert_eq!(frames, [Frame { id, event, data }]);
        }

        #[test]
        fn any_bytes_are_read_the_same_wherever_they_are_cut(
            bytes in proptest::collection::vec(
                prop_oneof![
                    Just(b'\n'), Just(b'\r'), Just(b':'), Just(b' '), Just(0), Just(0xef), Just(0xbb),
                    Just(0xbf), Just(b'd'), any::<u8>(),
                ],
                0..60,
            ),
            cut in 0_usize..60,
        ) {
            let bytes = [b"data:", &*bytes].concat();
            let whole = Parser::default().push(&bytes).unwrap();
            let (first, second) = bytes.split_at(cut.min(bytes.len()));
            let mut parser = Parser::default();
            let mut pieces = parser.push(first).unwrap();
            pieces.extend(parser.push(second).unwrap());
            prop_assert_eq!(pieces, whole);
        }
    }
}
