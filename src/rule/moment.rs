//! Times that are reckoned from the one of the facts, in UTC.

use jiff::civil::{Date, DateTime, Time, Weekday};
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};

use super::tree::Macro;
use super::value::Value;

/// What a macro is at that time. A day ends a millisecond before the next one begins.
pub(super) fn value(of: Macro, now: Timestamp) -> Value<'static> {
    let at = TimeZone::UTC.to_datetime(now);
    let date = at.date();
    let count = |number: i8| Value::count(usize::try_from(number).unwrap_or_default());
    match of {
        Macro::Day => count(at.day()),
        Macro::Hour => count(at.hour()),
        Macro::Minute => count(at.minute()),
        Macro::Month => count(at.month()),
        Macro::MonthEnd => end(date.last_of_month()),
        Macro::MonthStart => start(date.first_of_month()),
        Macro::Now => Value::Time(now),
        Macro::Second => count(at.second()),
        Macro::TodayEnd => end(date),
        Macro::TodayStart => start(date),
        Macro::Tomorrow => instant(at.saturating_add(Span::new().days(1))),
        Macro::Weekday => count(at.weekday().since(Weekday::Sunday)),
        Macro::Year => Value::count(usize::try_from(at.year()).unwrap_or_default()),
        Macro::YearEnd => end(date.last_of_year()),
        Macro::YearStart => start(date.first_of_year()),
        Macro::Yesterday => instant(at.saturating_sub(Span::new().days(1))),
    }
}

fn start(date: Date) -> Value<'static> {
    instant(date.to_datetime(Time::midnight()))
}

fn end(date: Date) -> Value<'static> {
    instant(date.at(23, 59, 59, 999_000_000))
}

/// A time of UTC's. At the ends of what can be said of time it is the first or the last.
fn instant(at: DateTime) -> Value<'static> {
    let last = if at.year() < 0 {
        Timestamp::MIN
    } else {
        Timestamp::MAX
    };
    Value::Time(TimeZone::UTC.to_timestamp(at).unwrap_or(last))
}
