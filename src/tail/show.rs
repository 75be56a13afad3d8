//! Events as they are written: a line each, in colour for people, as JSON for programs.

use std::io::{ErrorKind, IsTerminal, Write, stderr, stdout};

use anstream::{AutoStream, ColorChoice};
use anstyle::{AnsiColor, Effects, Style};
use clap::ValueEnum;
use jiff::Timestamp;
use rustix::termios::tcgetwinsize;
use serde_json::value::RawValue;
use unicode_width::UnicodeWidthChar;

use super::parse::Frame;
use super::told::{Kind, Told};
use crate::event::Json;

/// How events are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Human on a terminal, JSON elsewhere.
    Auto,
    /// A line that is cut to the terminal's width.
    Human,
    /// An object on a line, with the event's id, name and data.
    Json,
}

/// Whether there is colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On a terminal that has it, unless `NO_COLOR` is set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// What writes.
#[derive(Debug)]
pub(super) struct Show {
    is_json: bool,
    color: ColorChoice,
}

/// Why nothing more can be written.
#[derive(Debug)]
pub(super) enum Left {
    /// Who read has ended.
    Nobody,
    /// Anything else.
    Error(std::io::Error),
}

impl Show {
    pub(super) fn new(format: Format, color: Color) -> Self {
        Self {
            is_json: match format {
                Format::Auto => !stdout().is_terminal(),
                Format::Human => false,
                Format::Json => true,
            },
            color: match color {
                Color::Auto => ColorChoice::Auto,
                Color::Always => ColorChoice::Always,
                Color::Never => ColorChoice::Never,
            },
        }
    }

    /// Writes an event, at once.
    pub(super) fn event(&self, frame: &Frame, told: &Told) -> Result<(), Left> {
        let line = if self.is_json {
            json(frame)
        } else {
            let columns = tcgetwinsize(stdout())
                .ok()
                .map(|size| usize::from(size.ws_col));
            let columns = columns.filter(|columns| *columns > 0);
            human(told, told.time.unwrap_or_else(Timestamp::now), columns)
        };
        let mut out = AutoStream::new(stdout(), self.color);
        let written = writeln!(out, "{line}").and_then(|()| out.flush());
        written.map_err(|error| match error.kind() {
            ErrorKind::BrokenPipe => Left::Nobody,
            _ => Left::Error(error),
        })
    }

    /// Says something of the stream, on standard error.
    pub(super) fn note(&self, said: &str) {
        let dim = Style::new().dimmed();
        let said = printable(said);
        let mut out = AutoStream::new(stderr(), self.color);
        // Nobody is left to tell if this cannot be written.
        drop(writeln!(out, "{dim}-- {said}{dim:#}"));
    }
}

/// The text with everything in it escaped that a terminal could take for something else than text:
/// control characters, and those that change the direction or the order of what is shown. Within
/// a JSON text it is the same JSON.
pub(super) fn printable(text: &str) -> String {
    let mut printable = String::with_capacity(text.len());
    for c in text.chars() {
        if is_text(c) {
            printable.push(c);
        } else {
            printable.push_str(&format!("\\u{:04x}", u32::from(c)));
        }
    }
    printable
}

fn is_text(c: char) -> bool {
    let of_order = matches!(
        c,
        '\u{61c}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}'
    );
    !c.is_control() && !of_order
}

fn json(frame: &Frame) -> String {
    let data = frame.data.as_deref().unwrap_or_default();
    let text = |text: &str| serde_json::Value::from(text).to_string();
    let data = match serde_json::from_str::<&RawValue>(data) {
        Ok(raw) => Json::compact(raw).as_str().to_owned(),
        Err(_) => text(data),
    };
    let (id, event) = (text(&frame.id), text(&frame.event));
    printable(&format!(r#"{{"id":{id},"event":{event},"data":{data}}}"#))
}

fn human(told: &Told, time: Timestamp, columns: Option<usize>) -> String {
    let word = match told.kind.word() {
        "" => &told.name,
        word => word,
    };
    let mut pieces = vec![
        (
            Style::new().dimmed(),
            time.strftime("%H:%M:%SZ").to_string(),
        ),
        (style(told.kind), format!("{:<9}", printable(word))),
    ];
    if told.kind == Kind::Publish {
        pieces.push((Style::new().bold(), printable(&told.name)));
    }
    if let Some(collection) = &told.collection {
        pieces.push((Style::new().bold(), printable(collection)));
    }
    if !told.ids.is_empty() {
        let ids = printable(&told.ids.join(","));
        pieces.push((AnsiColor::Cyan.on_default(), ids));
    }
    if !told.data.is_empty() {
        let style = if told.kind.counts() && told.kind != Kind::Uncertain {
            Style::new()
        } else {
            style(told.kind)
        };
        pieces.push((style, printable(&told.data)));
    }
    joined(&pieces, columns)
}

/// The pieces with a space between two, cut to so many columns.
fn joined(pieces: &[(Style, String)], columns: Option<usize>) -> String {
    let mut line = String::new();
    let mut room = columns.unwrap_or(usize::MAX);
    for (index, (style, text)) in pieces.iter().enumerate() {
        if index > 0 {
            if room <= 1 {
                break;
            }
            line.push(' ');
            room -= 1;
        }
        let cut = cut(text, room);
        room = room.saturating_sub(width(&cut));
        line.push_str(&format!("{style}{cut}{style:#}"));
    }
    line
}

/// As much of the text as fits, with a sign for what does not.
fn cut(text: &str, columns: usize) -> String {
    let mut used = 0;
    let mut fits = 0;
    for (at, c) in text.char_indices() {
        used += c.width().unwrap_or(0);
        if used > columns {
            let kept = text.get(..fits).unwrap_or_default();
            return format!("{kept}…");
        }
        if used < columns {
            fits = at + c.len_utf8();
        }
    }
    text.to_owned()
}

fn width(text: &str) -> usize {
    text.chars().map(|c| c.width().unwrap_or(0)).sum()
}

fn style(kind: Kind) -> Style {
    let loud = |color: AnsiColor| color.on_default().effects(Effects::BOLD | Effects::INVERT);
    match kind {
        Kind::Close | Kind::Gap => loud(AnsiColor::Red),
        Kind::Create => AnsiColor::Green.on_default(),
        Kind::Delete => AnsiColor::Red.on_default(),
        Kind::Other => Style::new(),
        Kind::Publish => AnsiColor::Magenta.on_default(),
        Kind::Uncertain => loud(AnsiColor::Yellow),
        Kind::Update => AnsiColor::Yellow.on_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(event: &str, data: &str) -> (Frame, Told) {
        let frame = Frame {
            id: "a-1".to_owned(),
            event: event.to_owned(),
            data: Some(data.to_owned()),
        };
        let told = Told::of(&frame, &[]).unwrap();
        (frame, told)
    }

    fn plain(line: &str) -> String {
        anstream::adapter::strip_str(line).to_string()
    }

    fn shown(event: &str, data: &str, columns: usize) -> String {
        let (_, told) = told(event, data);
        plain(&human(&told, Timestamp::UNIX_EPOCH, Some(columns)))
    }

    #[test]
    fn a_line_says_when_what_and_of_which_record() {
        for (event, data, line) in [
            (
                "post",
                r#"{"event":"post","collection":"posts","data":{"id":7}}"#,
                r#"00:00:00Z create    posts 7 {"id":7}"#,
            ),
            (
                "put",
                r#"{"event":"put","collection":"posts","data":"7"}"#,
                "00:00:00Z update    posts 7",
            ),
            (
                "delete",
                r#"{"event":"delete","collection":"posts","data":["7","8"]}"#,
                "00:00:00Z delete    posts 7,8",
            ),
            (
                "publish",
                r#"{"event":"GOAL","data":1}"#,
                "00:00:00Z publish   GOAL 1",
            ),
            (
                "gap",
                r#"{"event":"gap","reason":"lost","collections":["*"]}"#,
                "00:00:00Z gap       lost: read everything again",
            ),
            (
                "uncertain",
                r#"{"event":"uncertain","collection":"a","method":"PUT","data":"7"}"#,
                "00:00:00Z uncertain a 7 PUT, read again",
            ),
            ("whatever", "text", "00:00:00Z whatever  text"),
        ] {
            assert_eq!(shown(event, data, 200), line);
        }
    }

    #[test]
    fn a_line_is_cut_to_the_terminal() {
        let data = r#"{"event":"post","collection":"posts","data":{"id":7,"t":"日本語"}}"#;
        for columns in 1..60 {
            let line = shown("post", data, columns);
            assert!(width(&line) <= columns, "{columns}: {line}");
        }
        assert_eq!(
            shown("post", data, 40),
            r#"00:00:00Z create    posts 7 {"id":7,"t"…"#
        );
        assert!(shown("post", data, 49).ends_with(r#"日本語"}"#));
        assert!(shown("post", data, 48).ends_with("日本語…"));
        assert!(shown("post", data, 45).ends_with("日…"));
    }

    #[test]
    fn nothing_that_is_received_drives_the_terminal() {
        let data = "\u{1b}[2J\u{7}\u{9b}31m\u{202e}\r\n\u{7f}";
        let (frame, told) = told("x\u{1b}]0;title\u{7}", data);
        let escaped = |line: &str| plain(line) == *line && line.chars().all(is_text);
        let (_, other) = self::told(
            "post",
            "{\"event\":\"post\",\"collection\":\"\\u001b[1m\",\"data\":{\"id\":\"\u{9b}\"}}",
        );
        for told in [&told, &other] {
            let line = human(told, Timestamp::UNIX_EPOCH, None);
            assert!(escaped(&plain(&line)), "{line:?}");
        }
        let line = json(&frame);
        assert!(escaped(&line), "{line:?}");
        let read: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!(read["data"], data);
        assert_eq!(read["event"], "x\u{1b}]0;title\u{7}");
    }

    #[test]
    fn json_has_the_data_as_it_came() {
        let (frame, _) = told(
            "post",
            "{\"event\":\"post\",\"collection\":\"a\",\n \"data\":{\"n\":12345678901234567890.10}}",
        );
        let line = r#"{"id":"a-1","event":"post","data":{"event":"post","collection":"a","data":{"n":12345678901234567890.10}}}"#;
        assert_eq!(json(&frame), line);
    }
}
