//! How a line of a configuration may be shown.
//!
//! What may be shown is a list, not what may not: the names of keys, values of the keys in
//! [`SHOWN`], and YAML's own signs. All else is `***`: a secret, what stands under a key that is
//! not known (a secret's key, misspelled), comments (a secret that was replaced), values of
//! several lines (a quote that was not closed takes the next key's value in), values with an
//! `@` (a password in a URL), and whatever YAML's grammar could not read.

use std::ops::Range;

use super::{Outline, Place};

/// A line as it may be shown.
#[derive(Debug, Default, PartialEq, Eq)]
pub(in crate::config) struct Shown {
    pub(in crate::config) text: String,
    /// Which character of `text` stands for the place that was asked for, from 0.
    pub(in crate::config) caret: usize,
}

impl Outline {
    /// The line of `place` in `text`, which is the text that was read.
    pub(in crate::config) fn shown(&self, text: &str, place: Place) -> Shown {
        let mut line = line(text, place.line);
        let target = line.start + column_to_bytes(&text[line.clone()], place.column);
        line.start = text.floor_char_boundary(line.start.max(target.saturating_sub(AROUND)));
        line.end = text.floor_char_boundary(line.end.min(target.saturating_add(AROUND)));
        let mut shown = Shown::default();
        let mut at = line.start;
        while let Some(piece) = self.piece(text, at..line.end) {
            let whole = text.get(piece.bytes.clone()).unwrap_or_default();
            let before = text.get(piece.bytes.start..target.min(piece.bytes.end));
            let column = shown.columns();
            shown.push(&piece, whole);
            if let Some(before) = before {
                let within = if piece.shown {
                    before.chars().count()
                } else {
                    0
                };
                shown.caret = column + within;
            }
            at = piece.bytes.end;
        }
        shown
    }

    /// What `rest`, the rest of a line, begins with; none at its end or at a comment.
    fn piece(&self, text: &str, rest: Range<usize>) -> Option<Piece> {
        let left = text.get(rest.clone())?;
        let first = left.chars().next()?;
        let later = self
            .nodes
            .partition_point(|node| node.bytes.start <= rest.start);
        let (past, future) = self.nodes.split_at_checked(later)?;
        let mut past = past.iter().rev().filter(|node| !node.bytes.is_empty());
        if let Some(node) = past.next().filter(|node| node.bytes.end > rest.start) {
            return Some(Piece {
                bytes: rest.start..node.bytes.end.min(rest.end),
                shown: node.shown,
            });
        }
        let after_space = text
            .get(..rest.start)
            .is_none_or(|before| before.is_empty() || before.ends_with([' ', '\t', '\n']));
        if first == '#' && after_space {
            return None;
        }
        if is_sign(first) {
            return Some(Piece {
                bytes: rest.start..rest.start + first.len_utf8(),
                shown: true,
            });
        }
        let mut bytes = rest;
        bytes.end = bytes.start + left.find(is_sign).unwrap_or(left.len());
        let mut future = future.iter().filter(|node| !node.bytes.is_empty());
        if let Some(node) = future.next() {
            bytes.end = bytes.end.min(node.bytes.start);
        }
        let shown = is_word(text.get(bytes.clone()).unwrap_or_default());
        Some(Piece { bytes, shown })
    }
}

// === impl Shown ===

impl Shown {
    fn columns(&self) -> usize {
        self.text.chars().count()
    }

    fn push(&mut self, piece: &Piece, text: &str) {
        if piece.shown {
            let printable = text.chars().map(|c| if c.is_control() { ' ' } else { c });
            self.text.extend(printable);
        } else if !self.text.ends_with(HIDDEN) {
            self.text.push_str(HIDDEN);
        }
    }
}

/// A part of a line that is shown or hidden as one.
struct Piece {
    bytes: Range<usize>,
    shown: bool,
}

/// The bytes of the line with that number, from 1, without its end.
fn line(text: &str, number: usize) -> Range<usize> {
    let mut start = 0;
    for (index, line) in text.split_inclusive('\n').enumerate() {
        if index + 1 == number {
            return start..start + line.trim_end().len();
        }
        start += line.len();
    }
    text.len()..text.len()
}

/// The byte at which the character at `column`, from 1, begins.
fn column_to_bytes(line: &str, column: usize) -> usize {
    line.char_indices()
        .nth(column.saturating_sub(1))
        .map_or(line.len(), |(at, _)| at)
}

/// YAML's own signs, and the white space between them.
fn is_sign(c: char) -> bool {
    matches!(
        c,
        '{' | '}' | '[' | ']' | ',' | ':' | '-' | '?' | '|' | '>' | '"' | '\'' | ' ' | '\t'
    )
}

/// Whether the text is the name of a key of the configuration.
fn is_word(text: &str) -> bool {
    SHOWN
        .iter()
        .any(|path| path.split(['.', '[']).any(|word| word == text))
}

/// Whether the value at `path` may be shown.
pub(super) fn is_shown(path: &str) -> bool {
    let mut general = String::new();
    let mut index = false;
    for c in path.chars() {
        index |= c == '[';
        if !index {
            general.push(c);
        }
        index &= c != ']';
    }
    let general = general.strip_prefix("access.").unwrap_or(&general);
    SHOWN.contains(&general) || is_rule(general)
}

/// Whether an expression of access stands at the path: it is no secret, `@` and all.
pub(super) fn is_rule(path: &str) -> bool {
    let path = path.strip_prefix("access.").unwrap_or(path);
    let of_collection = path.strip_prefix("rules.");
    path == "superusers"
        || of_collection.is_some_and(|rest| {
            let name = rest.rsplit('.').next();
            rest.contains('.')
                && matches!(name, Some("hear" | "leaving" | "list" | "rule" | "view"))
        })
}

/// Bytes of a line that are shown before its place, and after it: more than fit on a screen.
const AROUND: usize = 200;

/// What stands for what is not shown.
pub(super) const HIDDEN: &str = "***";

/// The keys whose values may be shown, without indices; those of `access` as in a file of their own.
pub(in crate::config) const SHOWN: &[&str] = &[
    "access",
    "admin",
    "admin.listen",
    "admin.ready_when_degraded",
    "drain",
    "global",
    "identity.cache",
    "identity.claims",
    "identity.cookies",
    "identity.grants",
    "identity.hear",
    "identity.preset",
    "identity.publish",
    "identity.roles.claim",
    "jwt.algorithms",
    "jwt.audience",
    "jwt.cookie",
    "jwt.grants",
    "jwt.hear",
    "jwt.issuer",
    "jwt.leeway",
    "jwt.publish",
    "jwt.roles.claim",
    "keys.hear",
    "keys.name",
    "keys.origins",
    "keys.publish",
    "keys.superuser",
    "limits.connections",
    "limits.connections_per_address",
    "limits.head",
    "limits.head_timeout",
    "limits.idle_timeout",
    "limits.observed_bodies",
    "limits.observed_body",
    "limits.streams",
    "limits.streams_per_address",
    "limits.streams_per_key",
    "limits.subscriptions",
    "listen",
    "log.dir",
    "log.keep.age",
    "log.keep.bytes",
    "log.keep.events",
    "log.level",
    "log.on_failure",
    "log.wait",
    "logging.format",
    "logging.level",
    "observe.batches.answer",
    "observe.batches.answers",
    "observe.batches.base",
    "observe.batches.body",
    "observe.batches.defaults",
    "observe.batches.form",
    "observe.batches.method",
    "observe.batches.path",
    "observe.batches.requests",
    "observe.batches.status",
    "observe.batches.undone_by",
    "observe.batches.url",
    "observe.collections",
    "observe.gaps.methods",
    "observe.gaps.path",
    "observe.ignore",
    "observe.method_override.body",
    "observe.method_override.headers",
    "observe.method_override.query",
    "observe.prefix",
    "observe.preset",
    "observe.read_before_delete",
    "observe.redact",
    "observe.remember",
    "observe.rules.alias",
    "observe.rules.case",
    "observe.rules.collection",
    "observe.rules.complete",
    "observe.rules.conceal.part",
    "observe.rules.conceal.unless",
    "observe.rules.id",
    "observe.rules.methods",
    "observe.rules.partial",
    "observe.rules.path",
    "observe.rules.read.expand",
    "observe.rules.read.items",
    "observe.rules.read.list",
    "observe.rules.read.record",
    "observe.rules.record",
    "observe.rules.success",
    "observe.rules.tombstone",
    "observe.rules.uncertain",
    "origins",
    "realtime.pocketbase.answered_by",
    "realtime.pocketbase.idle",
    "realtime.pocketbase.life",
    "realtime.pocketbase.missed",
    "realtime.pocketbase.path",
    "realtime.restdb.client",
    "realtime.restdb.jsapi",
    "realtime.restdb.patch",
    "realtime.restdb.path",
    "realtime.restdb.ping_interval",
    "realtime.restdb.publish_body",
    "realtime.restdb.publish_rate",
    "realtime.streams.access",
    "realtime.streams.data",
    "realtime.streams.events",
    "realtime.streams.heartbeat.data",
    "realtime.streams.heartbeat.every",
    "realtime.streams.heartbeat.name",
    "realtime.streams.name",
    "realtime.streams.path",
    "realtime.streams.source",
    "realtime.streams.type",
    "rule_cache",
    "trusted_proxies",
    "upstream",
    "upstream.ca_file",
    "upstream.connect_timeout",
    "upstream.host",
    "upstream.read_timeout",
    "upstream.url",
    "upstream.write_timeout",
];

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\
listen: 0.0.0.0:8080 # was MARK
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
    fn a_line_shows_what_is_known_to_be_harmless() {
        let outline = Outline::read(TEXT);
        for (line, shown) in [
            (1, "listen: 0.0.0.0:8080 "),
            (
                4,
                r#"    - { name: web, key: ***, hear: ["POST:a", "x"], kye: *** }"#,
            ),
            (5, "    - name: ***"),
            (6, "***"),
            (7, "      ***: ***"),
            (8, "upstream: ***"),
            (9, ""),
            (99, ""),
        ] {
            assert_eq!(outline.shown(TEXT, place(line, 1)).text, shown, "{line}");
        }
    }

    #[test]
    fn the_caret_stays_under_its_place_although_text_before_it_is_hidden() {
        let shown = Outline::read(TEXT).shown(TEXT, place(4, 50));
        let under: String = shown.text.chars().skip(shown.caret).take(3).collect();
        assert_eq!(under, "\"x\"");
    }

    #[test]
    fn what_is_no_yaml_shows_its_known_words_alone() {
        let text = "listen: 1.2.3.4:5\naccess: { keys: [ { name: \"web\" key: MARK } ] }\n\tpreset: MARK\n";
        let outline = Outline::read(text);
        assert!(outline.stop.is_some());
        let shown = |line| outline.shown(text, place(line, 1)).text;
        assert_eq!(shown(1), "listen: 1.2.3.4:5");
        assert_eq!(shown(2), "access: { keys: [ { name: \"***\" ***: *** } ] }");
        assert_eq!(shown(3), " preset: ***");
    }
}
