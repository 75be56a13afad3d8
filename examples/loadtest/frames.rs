//! The events of a stream, read as cheaply as it can be: nothing is decoded, and of an event's data
//! no more is kept than the marker in it.

use memchr::memchr_iter;
use memchr::memmem::Finder;

use crate::marker::Marker;

/// One event that was dispatched.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Event {
    pub(crate) marker: Option<Marker>,
    pub(crate) kind: Kind,
}

/// What an event says by its name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A part of the past is gone.
    Gap,
    #[default]
    Ordinary,
    /// A write whose outcome is not known.
    Uncertain,
}

/// What was read of a stream.
#[derive(Debug, Default)]
pub(crate) struct Frames {
    /// A line whose end is missing.
    partial: Vec<u8>,
    marker: Option<Marker>,
    kind: Kind,
    has_data: bool,
    /// The id of the last event, which is where the stream goes on.
    last_id: String,
    /// Of the event that is not whole yet; none if it has no id of its own.
    next_id: Option<String>,
}

impl Frames {
    /// From after the event of this id.
    pub(crate) fn after(last_id: &str) -> Self {
        Self {
            last_id: last_id.to_owned(),
            ..Self::default()
        }
    }

    /// What a stream that is opened again has to say; none if no event had an id.
    pub(crate) fn last_id(&self) -> Option<&str> {
        (!self.last_id.is_empty()).then_some(&self.last_id)
    }

    /// Forgets the event that was cut with its connection.
    pub(crate) fn cut(&mut self) {
        *self = Self::after(&std::mem::take(&mut self.last_id));
    }

    /// Reads the next bytes and gives each event that is whole to `each`.
    pub(crate) fn read(&mut self, bytes: &[u8], finder: &Finder<'_>, mut each: impl FnMut(Event)) {
        let mut begin = 0;
        for end in memchr_iter(b'\n', bytes) {
            let Some(piece) = bytes.get(begin..end) else {
                return;
            };
            begin = end + 1;
            let event = if self.partial.is_empty() {
                self.line(piece, finder)
            } else {
                let mut line = std::mem::take(&mut self.partial);
                line.extend_from_slice(piece);
                let event = self.line(&line, finder);
                // The room is kept: the next event is likely to be cut as well.
                line.clear();
                if line.capacity() <= PARTIAL_KEPT {
                    self.partial = line;
                }
                event
            };
            if let Some(event) = event {
                each(event);
            }
        }
        let rest = bytes.get(begin..).unwrap_or_default();
        if self.partial.len() + rest.len() <= LINE_MAX {
            self.partial.extend_from_slice(rest);
        }
    }

    fn line(&mut self, line: &[u8], finder: &Finder<'_>) -> Option<Event> {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.is_empty() {
            return self.dispatch();
        }
        let value = |rest: &'_ [u8]| rest.strip_prefix(b" ").unwrap_or(rest).to_vec();
        if let Some(data) = line.strip_prefix(b"data:") {
            self.has_data = true;
            if self.marker.is_none() {
                self.marker = Marker::find(finder, data);
            }
        } else if let Some(id) = line.strip_prefix(b"id:") {
            self.next_id = String::from_utf8(value(id)).ok();
        } else if let Some(name) = line.strip_prefix(b"event:") {
            self.kind = match name.trim_ascii() {
                b"gap" => Kind::Gap,
                b"uncertain" => Kind::Uncertain,
                _ => Kind::Ordinary,
            };
        }
        None
    }

    fn dispatch(&mut self) -> Option<Event> {
        if let Some(id) = self.next_id.take() {
            self.last_id = id;
        }
        let marker = self.marker.take();
        let kind = std::mem::take(&mut self.kind);
        std::mem::take(&mut self.has_data).then_some(Event { marker, kind })
    }
}

/// Bytes of a line; what is longer is read no further, so that its marker may be missed.
const LINE_MAX: usize = 16 * 1024 * 1024;
/// Bytes that a stream keeps room for when nothing is in it.
const PARTIAL_KEPT: usize = 4 * 1024;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::marker::finder;

    #[test]
    fn events_are_read_wherever_they_are_cut() {
        let marker = Marker {
            run: 1,
            number: 2,
            due: 3,
        };
        let text = format!(
            ": ready\n\nretry: 1\ndata: init\n\nid: a-1\r\nevent: put\r\ndata: {{\"a\":\"{marker}\"}}\r\n\r\nevent: gap\ndata:\n\nid: a-9\nda"
        );
        for cut in 0..text.len() {
            let mut frames = Frames::default();
            let mut events = Vec::new();
            let (head, tail) = text.as_bytes().split_at(cut);
            frames.read(head, &finder(), |event| events.push(event));
            frames.read(tail, &finder(), |event| events.push(event));
            let kinds: Vec<_> = events.iter().map(|event| event.kind).collect();
            assert_eq!(kinds, [Kind::Ordinary, Kind::Ordinary, Kind::Gap]);
            let markers: Vec<_> = events.iter().map(|event| event.marker).collect();
            assert_eq!(markers, [None, Some(marker), None], "cut at {cut}");
            assert_eq!(
                frames.last_id(),
                Some("a-1"),
                "an event that is cut is none"
            );
            frames.cut();
            assert_eq!(frames.last_id(), Some("a-1"));
        }
    }
}
