//! Where each key of a YAML text stands.
//!
//! An error knows a line and a column; its reader wants the key path, `access.keys[0].hear[1]`,
//! and the line. The [`Outline`] has both for a text that is whole YAML and for one that is so
//! only up to some place.

pub(super) mod shown;

use std::ops::Range;

use serde_saphyr::granit_parser::{Event, Parser, ScanError};

use shown::{HIDDEN, is_rule, is_shown};

/// The keys of a YAML text, as far as it can be read.
#[derive(Debug)]
pub(super) struct Outline {
    /// Every key and every value, in the order of the text.
    nodes: Vec<Node>,
    /// Where it stops to be YAML, and why; none: it is whole.
    pub(super) stop: Option<ScanError>,
}

/// A place in a text: a line and a column, both counted from 1, the column in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) line: usize,
    pub(super) column: usize,
}

/// A key or a value.
#[derive(Debug)]
struct Node {
    place: Place,
    /// What it covers, in bytes; nothing for a collection. Later nodes cover later bytes.
    bytes: Range<usize>,
    /// Its own path for a value, and for a key that of its value. Shape: `access.keys[0].hear[1]`.
    path: String,
    /// Whether it is a key.
    key: bool,
    /// Whether its text may be shown.
    shown: bool,
}

// === impl Outline ===

impl Outline {
    /// Reads as much of `text` as is YAML.
    pub(super) fn read(text: &str) -> Self {
        let mut nodes: Vec<Node> = Vec::new();
        let mut walk = Walk::default();
        for event in Parser::new_from_str(text) {
            let (event, span) = match event {
                Ok(read) => read,
                Err(stop) => {
                    // It may be the reason: a value that took in what follows it.
                    if let Some(last) = nodes.last_mut() {
                        last.shown &= last.key;
                    }
                    let stop = Some(stop);
                    return Self { nodes, stop };
                }
            };
            let Some((path, is_key)) = walk.take(&event) else {
                continue;
            };
            let one_line = span.start.line() == span.end.line();
            let bytes = span.byte_range().unwrap_or_default();
            let bytes = match &event {
                Event::Scalar(..) | Event::Alias(_) => bytes,
                // What a collection covers is told by what it holds.
                _ => bytes.start..bytes.start,
            };
            let plain = text.get(bytes.clone()).is_some_and(|t| !t.contains('@'));
            let plain = plain || (!is_key && is_rule(&path));
            nodes.push(Node {
                place: Place {
                    line: span.start.line(),
                    column: span.start.col() + 1,
                },
                bytes,
                key: is_key,
                shown: one_line
                    && plain
                    && if is_key {
                        !path.ends_with(HIDDEN)
                    } else {
                        is_shown(&path)
                    },
                path,
            });
        }
        Self { nodes, stop: None }
    }

    /// The path of the key or value at `place`; between two, that of the first. Empty for the
    /// text as a whole.
    pub(super) fn path(&self, place: Place) -> &str {
        self.node(place).map_or("", |node| &node.path)
    }

    /// The path of the mapping that begins at `place`, or whose first key does.
    pub(super) fn mapping(&self, place: Place) -> &str {
        match self.node(place) {
            Some(node) if node.key => node.path.rsplit_once('.').map_or("", |(path, _)| path),
            node => node.map_or("", |node| &node.path),
        }
    }

    /// The last that begins at `place` or before it.
    fn node(&self, place: Place) -> Option<&Node> {
        let after = self.nodes.partition_point(|node| node.place <= place);
        self.nodes.get(after.checked_sub(1)?)
    }
}

/// The way from the top of a text to where its events are.
#[derive(Default)]
struct Walk(Vec<Level>);

/// A collection that is open.
enum Level {
    Mapping {
        path: String,
        /// The key whose value comes next; none: a key comes next.
        key: Option<String>,
    },
    Sequence {
        path: String,
        next: usize,
    },
}

impl Walk {
    /// The path of the key or value that `event` begins, and whether it is a key.
    fn take(&mut self, event: &Event<'_>) -> Option<(String, bool)> {
        match event {
            Event::Alias(_) => Some(self.enter(HIDDEN)),
            Event::Scalar(text, ..) => Some(self.enter(printable_key(text))),
            Event::MappingStart(..) => {
                let (path, is_key) = self.enter(HIDDEN);
                self.0.push(Level::Mapping {
                    path: path.clone(),
                    key: None,
                });
                Some((path, is_key))
            }
            Event::SequenceStart(..) => {
                let (path, is_key) = self.enter(HIDDEN);
                self.0.push(Level::Sequence {
                    path: path.clone(),
                    next: 0,
                });
                Some((path, is_key))
            }
            Event::MappingEnd | Event::SequenceEnd => {
                self.0.pop();
                None
            }
            _ => None,
        }
    }

    /// A node begins, `text` if it should be a key: its path, and whether it is one.
    fn enter(&mut self, text: &str) -> (String, bool) {
        // No key of ours lies so deep, and a path of each level for each value could take any
        // amount of memory.
        const LEVELS_MAX: usize = 8;

        let deep = self.0.len() > LEVELS_MAX;
        match self.0.last_mut() {
            None => (String::new(), false),
            Some(Level::Mapping { path, .. } | Level::Sequence { path, .. }) if deep => {
                (path.clone(), false)
            }
            Some(Level::Sequence { path, next }) => {
                let at = *next;
                *next += 1;
                (format!("{path}[{at}]"), false)
            }
            Some(Level::Mapping { path, key }) => match key.take() {
                Some(key) => (join(path, &key), false),
                None => {
                    *key = Some(text.to_owned());
                    (join(path, text), true)
                }
            },
        }
    }
}

/// The path of `key` in the mapping at `path`.
pub(super) fn join(path: &str, key: &str) -> String {
    if path.is_empty() {
        key.to_owned()
    } else {
        format!("{path}.{key}")
    }
}

/// The key as an error may print it. Whoever takes a mapping's key for the place of an API key
/// writes the secret there, and a secret has digits or is long.
pub(super) fn printable_key(key: &str) -> &str {
    const BYTES_MAX: usize = 24;

    let word = |b: u8| b.is_ascii_alphabetic() || matches!(b, b'_' | b'-');
    if !key.is_empty() && key.len() <= BYTES_MAX && key.bytes().all(word) {
        key
    } else {
        HIDDEN
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\
listen: 0.0.0.0:8080
access:
  keys:
    - { name: web, key: \"MARK\", hear: [\"POST:a\", \"x\"], kye: MARK }
    - name: \"two
        MARK\"
      MARK-1: MARK
upstream: http://me:MARK@host
";

    fn place(line: usize, column: usize) -> Place {
        Place { line, column }
    }

    #[test]
    fn a_place_has_the_path_of_what_stands_there() {
        let outline = Outline::read(TEXT);
        for (line, column, path) in [
            (1, 1, "listen"),
            (1, 9, "listen"),
            (3, 3, "access.keys"),
            (4, 13, "access.keys[0].name"),
            (4, 40, "access.keys[0].hear[0]"),
            (4, 50, "access.keys[0].hear[1]"),
            (5, 13, "access.keys[1].name"),
            (7, 7, "access.keys[1].***"),
        ] {
            assert_eq!(outline.path(place(line, column)), path, "{line}:{column}");
        }
    }
}
