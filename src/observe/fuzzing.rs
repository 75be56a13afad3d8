//! What has to hold of canonical paths.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::path::{Canonical, segments};

/// Every path has a canonical form, which has none other.
pub(crate) fn path(data: &[u8]) {
    let Ok(raw) = std::str::from_utf8(data) else {
        return;
    };
    let path = Canonical::of(raw);
    let readings: Vec<_> = path.readings().collect();
    assert!((1..=2).contains(&readings.len()));
    if path.is_exact() {
        assert_eq!(readings.len(), 1);
    }
    for reading in &readings {
        assert!(
            reading.starts_with('/') && !reading.contains("//"),
            "{reading:?}"
        );
        assert!(!reading.contains(char::is_control), "{reading:?}");
        assert!(!segments(reading).any(|segment| matches!(segment, "." | "..")));
    }
    let first = readings.first().copied().unwrap_or_default();
    let encoded: Vec<_> = segments(first)
        .map(|segment| utf8_percent_encode(segment, NON_ALPHANUMERIC).to_string())
        .collect();
    let again = Canonical::of(&format!("/{}", encoded.join("/")))
        .readings()
        .next()
        .map(str::to_owned);
    assert_eq!(again.as_deref(), Some(first));
}
