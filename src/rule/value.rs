//! Values, and how two of them compare.

use std::borrow::Cow;
use std::cmp::Ordering;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use super::number;
use super::tree::Literal;

/// One value of a record, of claims or of a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value<'a> {
    Bool(bool),
    Null,
    /// A number's digits.
    Number(Cow<'a, str>),
    Text(Cow<'a, str>),
    /// What `@now` and its like are.
    Time(Timestamp),
    /// A text with half of a surrogate pair.
    Unreadable,
}

/// A time is no longer than this, with any zone; nothing longer is tried.
const TIME_BYTES_MAX: usize = 64;

impl<'a> Value<'a> {
    pub(super) fn of(literal: &'a Literal) -> Self {
        match literal {
            Literal::Bool(value) => Self::Bool(*value),
            Literal::Null => Self::Null,
            Literal::Number(digits) => Self::Number(Cow::Borrowed(digits)),
            Literal::Text(text) => Self::Text(Cow::Borrowed(text)),
        }
    }

    /// The same as it would be written in a rule.
    pub(super) fn literal(&self) -> Option<Literal> {
        Some(match self {
            Self::Bool(value) => Literal::Bool(*value),
            Self::Null => Literal::Null,
            Self::Number(digits) => Literal::Number(digits.as_ref().into()),
            Self::Text(text) => Literal::Text(text.as_ref().into()),
            Self::Time(_) | Self::Unreadable => return None,
        })
    }

    /// The value as a text; none for null.
    pub(super) fn text(&self) -> Option<Cow<'_, str>> {
        Some(match self {
            Self::Bool(value) => Cow::Borrowed(if *value { "1" } else { "0" }),
            Self::Null | Self::Unreadable => return None,
            Self::Number(digits) => Cow::Borrowed(digits),
            Self::Text(text) => Cow::Borrowed(text),
            Self::Time(at) => Cow::Owned(at.strftime("%Y-%m-%d %H:%M:%S.%3fZ").to_string()),
        })
    }

    /// The bytes that a look at it takes, about.
    pub(super) fn bytes(&self) -> u64 {
        let len = match self {
            Self::Number(digits) => digits.len(),
            Self::Text(text) => text.len(),
            Self::Bool(_) | Self::Time(_) | Self::Null | Self::Unreadable => 1,
        };
        len as u64
    }

    /// A number that was reckoned.
    pub(super) fn count(number: usize) -> Self {
        Self::Number(Cow::Owned(number.to_string()))
    }

    /// The same with the letters of ASCII in lower case.
    pub(super) fn lower(self) -> Self {
        match self {
            Self::Text(text) => Self::Text(Cow::Owned(text.to_ascii_lowercase())),
            other => other,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        match self {
            Self::Null => true,
            Self::Text(text) => text.is_empty(),
            Self::Bool(_) | Self::Time(_) | Self::Number(_) | Self::Unreadable => false,
        }
    }

    /// Its digits, if it is a number or a truth.
    pub(super) fn number(&self) -> Option<&str> {
        match self {
            Self::Bool(value) => Some(if *value { "1" } else { "0" }),
            Self::Number(digits) => Some(digits),
            Self::Time(_) | Self::Null | Self::Text(_) | Self::Unreadable => None,
        }
    }

    pub(super) fn equals(&self, other: &Self) -> bool {
        if self.is_empty() || other.is_empty() {
            return self.is_empty() && other.is_empty();
        }
        self.order(other) == Some(Ordering::Equal)
    }

    /// How the two are ordered, if they are.
    pub(super) fn order(&self, other: &Self) -> Option<Ordering> {
        let numeric = |text: &str| number::is_json(text);
        match (self, other) {
            (Self::Text(left), Self::Text(right)) => Some(left.cmp(right)),
            (Self::Time(now), Self::Text(text)) => Some(compare_time(*now, text)),
            (Self::Text(text), Self::Time(now)) => Some(compare_time(*now, text).reverse()),
            (Self::Time(left), Self::Time(right)) => {
                Some(left.as_millisecond().cmp(&right.as_millisecond()))
            }
            (Self::Text(text), other) if numeric(text) => {
                Some(number::order(text, other.number()?))
            }
            (this, Self::Text(text)) if numeric(text) => Some(number::order(this.number()?, text)),
            (this, other) => Some(number::order(this.number()?, other.number()?)),
        }
    }
}

/// Compares the time with a text: as times if it is one, UTC where it names no zone.
fn compare_time(now: Timestamp, text: &str) -> Ordering {
    match time(text) {
        Some(at) => now.as_millisecond().cmp(&at.as_millisecond()),
        None => Value::Time(now).text().as_deref().cmp(&Some(text)),
    }
}

fn time(text: &str) -> Option<Timestamp> {
    if text.len() > TIME_BYTES_MAX {
        return None;
    }
    let zoned = text.parse::<Timestamp>().ok();
    zoned.or_else(|| {
        let civil = text.parse::<DateTime>().ok()?;
        TimeZone::UTC.to_timestamp(civil).ok()
    })
}
