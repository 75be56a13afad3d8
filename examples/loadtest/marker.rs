//! What makes a record known again, wherever a server puts it in an event.
//!
//! It is of letters, digits and points alone: as it was written it comes back, also from within a
//! string of JSON in a string of JSON. Shape: `tidings-load.5f3a09c1.0000002a.00000000075bcd15`.

use memchr::memmem::Finder;

/// Of which run a record is, its number in it, and when it was due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Marker {
    pub(crate) run: u32,
    pub(crate) number: u32,
    /// Nanoseconds since the run began.
    pub(crate) due: u64,
}

/// The body of a write: text with a place for the marker, and one for what makes it as long as it
/// has to be.
#[derive(Clone, Debug)]
pub(crate) struct Template {
    text: String,
    length: usize,
}

/// The body of a write if nothing else is said.
pub(crate) const BODY: &str = r#"{"title":"{marker}","text":"{padding}"}"#;

// === impl Marker ===

impl Marker {
    /// The one that follows this prefix, which [`finder`] finds.
    fn parse(text: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(text.get(..LENGTH)?).ok()?;
        let mut parts = text.strip_prefix(PREFIX)?.split('.');
        let mut part = |digits| parts.next().filter(|part| part.len() == digits);
        let small = |digits| u32::from_str_radix(digits, 16).ok();
        Some(Self {
            run: part(8).and_then(small)?,
            number: part(8).and_then(small)?,
            due: u64::from_str_radix(part(16)?, 16).ok()?,
        })
    }

    /// The first in this text.
    pub(crate) fn find(finder: &Finder<'_>, text: &[u8]) -> Option<Self> {
        let at = finder.find(text)?;
        Self::parse(text.get(at..)?)
    }
}

impl std::fmt::Display for Marker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { run, number, due } = self;
        write!(f, "{PREFIX}{run:08x}.{number:08x}.{due:016x}")
    }
}

/// What finds markers.
pub(crate) fn finder() -> Finder<'static> {
    Finder::new(PREFIX)
}

// === impl Template ===

impl Template {
    /// Of so many bytes, if the text is no longer than that.
    ///
    /// # Errors
    /// It has no place for the marker.
    pub(crate) fn of(text: &str, length: usize) -> Result<Self, String> {
        if !text.contains(MARKER) {
            return Err(format!(
                "--body has no {MARKER}: without it no event is known again"
            ));
        }
        let text = text.to_owned();
        Ok(Self { text, length })
    }

    /// The body with this marker.
    pub(crate) fn filled(&self, marker: Marker) -> String {
        let body = self.text.replacen(MARKER, &marker.to_string(), 1);
        let rest = body.len().saturating_sub(PADDING.len());
        let missing = self.length.saturating_sub(rest);
        body.replacen(PADDING, &"x".repeat(missing), 1)
    }
}

const PREFIX: &str = "tidings-load.";
/// Bytes of a marker.
const LENGTH: usize = PREFIX.len() + 8 + 1 + 8 + 1 + 16;
const MARKER: &str = "{marker}";
const PADDING: &str = "{padding}";

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: Marker = Marker {
        run: 0x5f3a_09c1,
        number: 42,
        due: 123_456_789,
    };

    #[test]
    fn a_marker_is_found_within_strings_of_json() {
        let record = Template::of(BODY, 200).unwrap().filled(ONE);
        assert_eq!(record.len(), 200);
        let within = serde_json::json!({"event": "put", "data": record}).to_string();
        let found = Marker::find(&finder(), format!("data: {within}").as_bytes());
        assert_eq!(found, Some(ONE));
    }

    #[test]
    fn what_only_looks_like_a_marker_is_none() {
        let find = |text: &str| Marker::find(&finder(), text.as_bytes());
        assert_eq!(find("tidings-load.5f3a09c1.0000002a"), None);
        assert_eq!(find(&ONE.to_string().replace("2a", "zz")), None);
        assert_eq!(find("nothing"), None);
    }

    #[test]
    fn a_body_that_is_longer_than_asked_for_stays_whole() {
        let body = Template::of(BODY, 10).unwrap().filled(ONE);
        assert!(body.ends_with(r#""text":""}"#), "{body}");
        assert!(Template::of("{}", 10).is_err());
    }
}
