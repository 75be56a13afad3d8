//! Times as texts, by SQLite's formats and from the texts that SQLite takes for times.
//!
//! | format | is | format | is |
//! | --- | --- | --- | --- |
//! | `%d` `%e` | day, `07` and ` 7` | `%p` `%P` | `AM`, `am` |
//! | `%f` | seconds, `05.123` | `%s` | seconds since 1970 |
//! | `%F` `%T` `%R` | `2026-01-31`, `10:00:05`, `10:00` | `%u` `%w` | weekday, Sunday 7 and 0 |
//! | `%G` `%g` `%V` | year and week of ISO 8601 | `%U` `%W` | week, from Sunday and from Monday |
//! | `%H` `%k` `%I` `%l` | hour of 24 and of 12 | `%Y` `%m` `%j` | year, month, day of the year |
//! | `%M` `%S` | minute, second | `%%` | `%` |
//!
//! Any other is null, and so is what is no time. Spec: SQLite, "Date And Time Functions".

use std::borrow::Cow;
use std::fmt::Write;

use jiff::civil::{Date, DateTime, Weekday};
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};

use super::number;
use super::value::Value;

/// What a format makes of a time; none where that is not known here: of times before the year
/// 0, of the hour 24 and of some words.
pub(super) fn text(format: &str, at: &Value<'_>, now: Timestamp) -> Option<Value<'static>> {
    Some(match read(at, now)? {
        Some(at) => written(format, at).map_or(Value::Null, |text| Value::Text(Cow::Owned(text))),
        None => Value::Null,
    })
}

/// Whether a format has what is not reckoned here: the day of the Julian period.
pub(super) fn is_known(format: &str) -> bool {
    let mut chars = format.chars();
    while let Some(c) = chars.next() {
        if c == '%' && chars.next() == Some('J') {
            return false;
        }
    }
    true
}

/// The time that a value is; none within if it is none.
fn read(value: &Value<'_>, now: Timestamp) -> Option<Option<DateTime>> {
    let read = match value {
        Value::Null | Value::Unreadable => return Some(None),
        Value::Time(at) => Read::At(civil(*at)),
        Value::Text(text) => read_text(text, now),
        Value::Bool(_) | Value::Number(_) => read_number(value.number().unwrap_or_default()),
    };
    match read {
        Read::At(at) if at.year() >= 0 => Some(Some(at)),
        Read::At(_) | Read::Unknown => None,
        Read::Nothing => Some(None),
    }
}

/// What a text is as a time.
enum Read {
    At(DateTime),
    /// No time.
    Nothing,
    Unknown,
}

fn read_text(text: &str, now: Timestamp) -> Read {
    if text.eq_ignore_ascii_case("now") {
        return Read::At(civil(now));
    }
    if ["subsec", "subsecond"]
        .iter()
        .any(|word| text.eq_ignore_ascii_case(word))
        || text.starts_with('-') && text.get(5..6) == Some("-")
    {
        return Read::Unknown;
    }
    if let Some((date, days, rest)) = read_date(text) {
        let rest = rest.trim_start_matches(['T', ' ', '\t', '\n', '\u{b}', '\u{c}', '\r']);
        if rest.starts_with("24:") {
            return Read::Unknown;
        }
        let time = if rest.is_empty() {
            Some(0)
        } else {
            read_time(rest)
        };
        return time.map_or(Read::Nothing, |millis| moved(date, days, millis));
    }
    match read_time(text) {
        Some(_) if text.starts_with("24") => Read::Unknown,
        Some(millis) => moved(Date::constant(2000, 1, 1), 0, millis),
        None => read_number(text),
    }
}

/// The first of a month, the days to add to it, and what comes after. Shape: `2026-01-31`.
fn read_date(text: &str) -> Option<(Date, i64, &str)> {
    let (year, rest) = digits(text, 4, 9999)?;
    let (month, rest) = digits(rest.strip_prefix('-')?, 2, 12)?;
    let (day, rest) = digits(rest.strip_prefix('-')?, 2, 31)?;
    let first = Date::new(i16::try_from(year).ok()?, i8::try_from(month).ok()?, 1).ok()?;
    (day > 0).then_some((first, day - 1, rest))
}

/// A time of the day, as milliseconds. Shape: `10:00`, `10:00:05.123 +02:00`.
fn read_time(text: &str) -> Option<i64> {
    let (hour, rest) = digits(text, 2, 24)?;
    let (minute, mut rest) = digits(rest.strip_prefix(':')?, 2, 59)?;
    let mut millis = (hour * 60 + minute) * 60_000;
    if let Some(after) = rest.strip_prefix(':') {
        let (second, after) = digits(after, 2, 59)?;
        rest = after;
        millis += second * 1000;
        if let Some(after) = after.strip_prefix('.') {
            let len = after.bytes().take_while(u8::is_ascii_digit).count();
            if len > 0 {
                let (part, after) = after.split_at_checked(len)?;
                millis += thousandths(part);
                rest = after;
            }
        }
    }
    Some(millis - read_zone(rest.trim_ascii_start())? * 60_000)
}

/// What the digits after a point are in thousandths, rounded and less than one.
fn thousandths(part: &str) -> i64 {
    let digit = |at: usize| part.as_bytes().get(at).map_or(0, |b| i64::from(b - b'0'));
    let rounded = digit(0) * 100 + digit(1) * 10 + digit(2) + i64::from(digit(3) >= 5);
    rounded.min(999)
}

/// The minutes that a zone is ahead. Shape: `+02:00`, `Z`.
fn read_zone(text: &str) -> Option<i64> {
    let ahead = |text: &str| {
        let (hours, rest) = digits(text, 2, 14)?;
        let (minutes, rest) = digits(rest.strip_prefix(':')?, 2, 59)?;
        rest.trim_ascii().is_empty().then_some(hours * 60 + minutes)
    };
    match text.split_at_checked(1) {
        None => Some(0),
        Some(("Z" | "z", rest)) => rest.trim_ascii().is_empty().then_some(0),
        Some(("+", rest)) => ahead(rest),
        Some(("-", rest)) => ahead(rest).map(|minutes| -minutes),
        Some(_) => None,
    }
}

/// A number of just so many digits, and what comes after.
fn digits(text: &str, len: usize, most: i64) -> Option<(i64, &str)> {
    let (digits, rest) = text.split_at_checked(len)?;
    if !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let number: i64 = digits.parse().ok()?;
    (number <= most).then_some((number, rest))
}

/// A number is days, and the first of them began at noon.
fn read_number(digits: &str) -> Read {
    const DAY_MILLIS: f64 = 86_400_000.0;
    const UNIX_MILLIS: i64 = 210_866_760_000_000;
    const DAYS_MAX: f64 = 5_373_484.5;
    match number::double(digits) {
        Some(days) if (0.0..DAYS_MAX).contains(&days) => {
            #[expect(clippy::cast_possible_truncation, reason = "within six million days")]
            let millis = (days * DAY_MILLIS + 0.5) as i64;
            moved(Date::constant(1970, 1, 1), 0, millis - UNIX_MILLIS)
        }
        _ => Read::Nothing,
    }
}

/// That long after the beginning of a day. Years of five digits are none.
fn moved(date: Date, days: i64, millis: i64) -> Read {
    let day = date.checked_add(Span::new().days(days));
    let at = day.and_then(|day| {
        day.at(0, 0, 0, 0)
            .checked_add(Span::new().try_milliseconds(millis)?)
    });
    at.map_or(Read::Nothing, Read::At)
}

fn civil(at: Timestamp) -> DateTime {
    TimeZone::UTC.to_datetime(at)
}

/// A time by a format; none where that has what there is not.
fn written(format: &str, at: DateTime) -> Option<String> {
    let mut text = String::with_capacity(format.len());
    let mut chars = format.chars();
    while let Some(c) = chars.next() {
        if c == '%' {
            field(chars.next()?, at, &mut text)?;
        } else {
            text.push(c);
        }
    }
    Some(text)
}

fn field(of: char, at: DateTime, text: &mut String) -> Option<()> {
    let date = at.date();
    let day_of_year = date.day_of_year() - 1;
    let after = |first: Weekday| i16::from(at.weekday().since(first));
    let week = |first: Weekday| (day_of_year - after(first) + 7) / 7;
    let half = match at.hour() % 12 {
        0 => 12,
        hour => hour,
    };
    let iso = date.iso_week_date();
    match of {
        '%' => write!(text, "%"),
        'F' => write!(text, "{:04}-{:02}-{:02}", at.year(), at.month(), at.day()),
        'G' => write!(text, "{:04}", iso.year()),
        'H' => write!(text, "{:02}", at.hour()),
        'I' => write!(text, "{half:02}"),
        'M' => write!(text, "{:02}", at.minute()),
        'P' => write!(text, "{}", if at.hour() < 12 { "am" } else { "pm" }),
        'R' => write!(text, "{:02}:{:02}", at.hour(), at.minute()),
        'S' => write!(text, "{:02}", at.second()),
        'T' => write!(
            text,
            "{:02}:{:02}:{:02}",
            at.hour(),
            at.minute(),
            at.second()
        ),
        'U' => write!(text, "{:02}", week(Weekday::Sunday)),
        'V' => write!(text, "{:02}", iso.week()),
        'W' => write!(text, "{:02}", week(Weekday::Monday)),
        'Y' => write!(text, "{:04}", at.year()),
        'd' => write!(text, "{:02}", at.day()),
        'e' => write!(text, "{:2}", at.day()),
        'f' => write!(text, "{:02}.{:03}", at.second(), at.millisecond()),
        'g' => write!(text, "{:02}", iso.year().rem_euclid(100)),
        'j' => write!(text, "{:03}", day_of_year + 1),
        'k' => write!(text, "{:2}", at.hour()),
        'l' => write!(text, "{half:2}"),
        'm' => write!(text, "{:02}", at.month()),
        'p' => write!(text, "{}", if at.hour() < 12 { "AM" } else { "PM" }),
        's' => write!(text, "{}", seconds(at)),
        'u' => write!(text, "{}", after(Weekday::Monday) + 1),
        'w' => write!(text, "{}", after(Weekday::Sunday)),
        _ => return None,
    }
    .ok()
}

/// The seconds since 1970.
fn seconds(at: DateTime) -> i64 {
    let days = at.date() - Date::constant(1970, 1, 1);
    let of_day = i64::from(at.hour()) * 3600 + i64::from(at.minute()) * 60 + i64::from(at.second());
    i64::from(days.get_days()) * 86_400 + of_day
}
