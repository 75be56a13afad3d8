//! What the WHATWG HTML standard makes of a stream, section "Interpreting an event stream".
//!
//! Written from the standard and not from the encoder: it is what the encoder is judged by.

/// The lines of a stream; what follows the last end of a line is none.
pub(super) fn lines(stream: &str) -> Vec<&str> {
    let mut lines = Vec::new();
    let mut rest = stream;
    while let Some(at) = rest.find(['\r', '\n']) {
        lines.push(&rest[..at]);
        let crlf = rest[at..].starts_with("\r\n");
        rest = &rest[at + if crlf { 2 } else { 1 }..];
    }
    lines
}

/// A line's field and value: up to the first colon, and what follows it and one space.
pub(super) fn field(line: &str) -> (&str, &str) {
    let (field, value) = line.split_once(':').unwrap_or((line, ""));
    (field, value.strip_prefix(' ').unwrap_or(value))
}
