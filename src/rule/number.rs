//! Numbers as their digits: every one counts, whatever their number.

use std::cmp::Ordering;

/// The length of the number that `text` begins with: JSON's grammar, and zeros in front.
pub(super) fn len(text: &str) -> usize {
    let bytes = text.as_bytes();
    let digits = |from: usize| {
        let rest = bytes.get(from..).unwrap_or_default();
        rest.iter().take_while(|b| b.is_ascii_digit()).count()
    };
    let sign = usize::from(bytes.first() == Some(&b'-'));
    let whole = digits(sign);
    if whole == 0 {
        return 0;
    }
    let mut len = sign + whole;
    if bytes.get(len) == Some(&b'.') && digits(len + 1) > 0 {
        len += 1 + digits(len + 1);
    }
    if matches!(bytes.get(len), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(bytes.get(len + 1), Some(b'+' | b'-')));
        let exponent = digits(len + 1 + sign);
        if exponent > 0 {
            len += 1 + sign + exponent;
        }
    }
    len
}

/// Whether `text` is a number as JSON writes one.
pub(super) fn is_json(text: &str) -> bool {
    let plain = text.strip_prefix('-').unwrap_or(text);
    let has_zero_in_front = plain.len() > 1
        && plain.starts_with('0')
        && plain.as_bytes().get(1).is_some_and(u8::is_ascii_digit);
    !text.is_empty() && len(text) == text.len() && !has_zero_in_front
}

/// A text as C's `double`, where all of it is one as SQLite reads it.
pub(super) fn double(text: &str) -> Option<f64> {
    let text = text.trim_ascii();
    let begins = |c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | '.');
    // Not the words for what is beyond numbers.
    let is_number = text.starts_with(begins) && !text.contains(['n', 'N']);
    text.parse().ok().filter(|_| is_number)
}

/// Compares two numbers.
pub(super) fn order(left: &str, right: &str) -> Ordering {
    let (left, right) = (Parts::of(left), Parts::of(right));
    match (left.sign(), right.sign()) {
        (1, 1) => left.size(&right),
        (-1, -1) => right.size(&left),
        (left, right) => left.cmp(&right),
    }
}

/// A text that is the same for all numbers that are equal. Shape: `-123e3`, for -123 and -123.0.
pub(super) fn canonical(number: &str) -> String {
    let parts = Parts::of(number);
    let sign = match parts.sign() {
        0 => return "0".to_owned(),
        1 => "",
        _ => "-",
    };
    let digits: String = parts.significant().map(char::from).collect();
    format!("{sign}{digits}e{}", parts.places)
}

struct Parts<'a> {
    is_negative: bool,
    /// The digits and their point, from the first that is not 0; empty for zero.
    digits: &'a str,
    /// How many places before the point the first of them stands.
    places: i64,
}

impl<'a> Parts<'a> {
    fn of(text: &'a str) -> Self {
        let (is_negative, text) = match text.strip_prefix('-') {
            Some(text) => (true, text),
            None => (false, text),
        };
        let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
        let digits = mantissa.trim_start_matches(['0', '.']);
        let point = mantissa.find('.').unwrap_or(mantissa.len());
        let start = mantissa.len() - digits.len();
        let gap = if start > point { start - point - 1 } else { 0 };
        let places = count(point.saturating_sub(start)) - count(gap);
        Self {
            is_negative,
            digits,
            places: places.saturating_add(saturated(exponent)),
        }
    }

    fn sign(&self) -> i8 {
        match (self.digits.is_empty(), self.is_negative) {
            (true, _) => 0,
            (false, true) => -1,
            (false, false) => 1,
        }
    }

    /// Compares without the sign; neither is zero.
    fn size(&self, other: &Self) -> Ordering {
        self.places
            .cmp(&other.places)
            .then_with(|| self.significant().cmp(other.significant()))
    }

    /// The digits without the point and the zeros at the end.
    fn significant(&self) -> impl Iterator<Item = u8> {
        let digits = self.digits.trim_end_matches(['0', '.']);
        digits.bytes().filter(|b| *b != b'.')
    }
}

fn count(len: usize) -> i64 {
    i64::try_from(len).unwrap_or(i64::MAX)
}

/// An exponent; beyond 18 digits it is as large as counts.
fn saturated(exponent: &str) -> i64 {
    const MOST: i64 = i64::MAX / 4;
    let most = if exponent.starts_with('-') {
        -MOST
    } else {
        MOST
    };
    let parsed = exponent.parse::<i64>().unwrap_or(most);
    parsed.clamp(-MOST, MOST)
}
