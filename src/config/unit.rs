//! Durations and sizes as the configuration writes them: `10s`, `500ms`, `64MiB`.

use std::num::NonZeroU32;
use std::ops::RangeInclusive;
use std::time::Duration;

use crate::limits::{Per, Rate};

/// Why a text is no duration or size that may stand here.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum NotAMeasure {
    #[error("is no duration: write a whole number and ms, s, m or h, as 10s")]
    Duration,
    #[error("is no whole number")]
    Number,
    #[error("must be from {min} to {max}")]
    Range { min: String, max: String },
    #[error("is no rate: write a whole number and /s, /m or /h, as 100/s")]
    Rate,
    #[error("is no size: write a number of bytes, or one and KiB, MiB or GiB, as 64MiB")]
    Size,
}

/// Reads a duration within `range`. Shape: `500ms`, `10s`, `2m`, `1h`.
pub(super) fn duration(
    text: &str,
    range: &RangeInclusive<Duration>,
) -> Result<Duration, NotAMeasure> {
    let (number, unit) = split(text).ok_or(NotAMeasure::Duration)?;
    let (_, ms) = DURATIONS
        .iter()
        .find(|(name, _)| *name == unit)
        .ok_or(NotAMeasure::Duration)?;
    // What does not fit is beyond every range.
    let duration = Duration::from_millis(number.saturating_mul(*ms));
    within(duration, range, show_duration)
}

/// Reads a size in bytes within `range`. Shape: `1024`, `32KiB`, `64MiB`, `1GiB`.
pub(super) fn size(text: &str, range: &RangeInclusive<usize>) -> Result<usize, NotAMeasure> {
    let (number, unit) = split(text).ok_or(NotAMeasure::Size)?;
    let (_, bytes) = SIZES
        .iter()
        .find(|(name, _)| *name == unit)
        .ok_or(NotAMeasure::Size)?;
    let size = usize::try_from(number.saturating_mul(*bytes)).unwrap_or(usize::MAX);
    within(size, range, show_size)
}

/// Reads a whole number within `range`.
pub(super) fn number(text: &str, range: &RangeInclusive<usize>) -> Result<usize, NotAMeasure> {
    match split(text) {
        Some((number, "")) => {
            let number = usize::try_from(number).unwrap_or(usize::MAX);
            within(number, range, |number| number.to_string())
        }
        _ => Err(NotAMeasure::Number),
    }
}

/// Reads a rate whose number is within `range`. Shape: `100/s`, `30/m`, `5/h`.
pub(super) fn rate(text: &str, range: &RangeInclusive<u32>) -> Result<Rate, NotAMeasure> {
    let (number, unit) = split(text).ok_or(NotAMeasure::Rate)?;
    let unit = unit.strip_prefix('/').ok_or(NotAMeasure::Rate)?;
    let (_, per) = RATES
        .iter()
        .find(|(name, _)| *name == unit)
        .ok_or(NotAMeasure::Rate)?;
    let count = u32::try_from(number).unwrap_or(u32::MAX);
    let count = within(count, range, |count| count.to_string())?;
    let count = NonZeroU32::new(count).ok_or(NotAMeasure::Rate)?;
    Ok(Rate { count, per: *per })
}

/// Writes a duration of whole milliseconds as [`duration`] reads it, in the largest unit that is exact.
pub(super) fn show_duration(duration: Duration) -> String {
    let ms = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    show(ms, DURATIONS)
}

/// Writes a size as [`size`] reads it, in the largest unit that is exact.
pub(super) fn show_size(bytes: usize) -> String {
    show(u64::try_from(bytes).unwrap_or(u64::MAX), SIZES)
}

/// The digits at the beginning of `text` as a number, and what follows them. A number of more
/// than 64 bits is the greatest of 64 bits: it is beyond every range.
fn split(text: &str) -> Option<(u64, &str)> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at_checked(digits)?;
    if number.is_empty() {
        return None;
    }
    Some((number.parse().unwrap_or(u64::MAX), unit))
}

fn within<T: Copy + PartialOrd>(
    value: T,
    range: &RangeInclusive<T>,
    show: impl Fn(T) -> String,
) -> Result<T, NotAMeasure> {
    if range.contains(&value) {
        return Ok(value);
    }
    Err(NotAMeasure::Range {
        min: show(*range.start()),
        max: show(*range.end()),
    })
}

fn show(number: u64, units: &[(&str, u64)]) -> String {
    let exact = |(_, of): &&(&str, u64)| number != 0 && number.is_multiple_of(*of);
    let largest = units.iter().rev().find(exact);
    let (name, of) = largest
        .or_else(|| units.first())
        .copied()
        .unwrap_or(("", 1));
    format!("{}{name}", number / of)
}

/// Units of time in milliseconds, the smallest first.
const DURATIONS: &[(&str, u64)] = &[("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000)];

/// Units of rates.
const RATES: &[(&str, Per)] = &[("s", Per::Second), ("m", Per::Minute), ("h", Per::Hour)];

/// Units of size in bytes, the smallest first.
const SIZES: &[(&str, u64)] = &[
    ("", 1),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_and_printed_the_same() {
        let any = Duration::ZERO..=Duration::MAX;
        for (text, ms) in [
            ("1ms", 1),
            ("500ms", 500),
            ("10s", 10_000),
            ("90s", 90_000),
            ("2m", 120_000),
            ("1h", 3_600_000),
        ] {
            let read = duration(text, &any).unwrap();
            assert_eq!(read, Duration::from_millis(ms));
            assert_eq!(show_duration(read), text);
        }
        for (text, bytes) in [
            ("1", 1),
            ("1000", 1000),
            ("32KiB", 32 << 10),
            ("64MiB", 64 << 20),
            ("3GiB", 3 << 30),
        ] {
            let read = size(text, &(0..=usize::MAX)).unwrap();
            assert_eq!(read, bytes);
            assert_eq!(show_size(read), text);
        }
    }

    #[test]
    fn what_has_another_shape_is_refused() {
        let any = Duration::ZERO..=Duration::MAX;
        for text in [
            "", "10", "s", "-1s", "1.5s", "1 s", "1h30m", "1S", "1d", "+1s", "१s",
        ] {
            assert_eq!(duration(text, &any), Err(NotAMeasure::Duration), "{text:?}");
        }
        for text in [
            "", "KiB", "-1", "1.5MiB", "1 KiB", "1KB", "1kib", "1_000", "0x10",
        ] {
            assert_eq!(
                size(text, &(0..=usize::MAX)),
                Err(NotAMeasure::Size),
                "{text:?}"
            );
        }
        for text in ["", "1KiB", "-1", "1e3"] {
            assert_eq!(number(text, &(0..=9)), Err(NotAMeasure::Number), "{text:?}");
        }
    }

    #[test]
    fn a_rate_is_read_and_printed_the_same() {
        for text in ["1/s", "100/s", "30/m", "5/h"] {
            assert_eq!(rate(text, &(1..=1000)).unwrap().to_string(), text);
        }
        for text in ["", "1", "1/", "1/d", "/s", "1 /s", "-1/s", "1.5/s"] {
            assert_eq!(rate(text, &(1..=9)), Err(NotAMeasure::Rate), "{text:?}");
        }
        let refused = rate("0/s", &(1..=9)).unwrap_err();
        assert_eq!(refused.to_string(), "must be from 1 to 9");
    }

    #[test]
    fn what_is_out_of_range_is_told_the_range() {
        let range = Duration::from_millis(1)..=Duration::from_hours(1);
        for text in ["0s", "61m", "99999999999999999999h"] {
            let refused = duration(text, &range).unwrap_err();
            assert_eq!(refused.to_string(), "must be from 1ms to 1h", "{text}");
        }
        let refused = size("99999999999999999999GiB", &(1..=1 << 20)).unwrap_err();
        assert_eq!(refused.to_string(), "must be from 1 to 1MiB");
        let refused = number("0", &(1..=1_000_000)).unwrap_err();
        assert_eq!(refused.to_string(), "must be from 1 to 1000000");
    }
}
