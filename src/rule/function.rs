//! Functions of terms.

use std::borrow::Cow;

use super::side::{self, Given};
use super::tree::{Function, Term};
use super::value::Value;
use super::{Facts, number, strftime};

/// What a function is; none where an argument is a claim that cannot be read, or has several
/// values. With a field that has several it is not decided.
pub(super) fn given<'a>(
    function: &'a Function,
    facts: &Facts<'a>,
    steps: &mut u64,
) -> Option<Given<'a>> {
    let mut values = Vec::new();
    for term in function.arguments() {
        match side::given(term, facts, steps)? {
            Given::Many(..) if matches!(term, Term::Claim(..)) => return None,
            Given::Many(..) | Given::One(Value::Unreadable) | Given::Unknown => {
                return Some(Given::Unknown);
            }
            Given::One(value) => values.push(value),
        }
    }
    let value = match function {
        Function::GeoDistance(_) => Some(distance(&values)),
        Function::Strftime { format, .. } => {
            *steps += format.len() as u64;
            let now = Value::Time(facts.now);
            strftime::text(format, values.first().unwrap_or(&now), facts.now)
        }
    };
    Some(value.map_or(Given::Unknown, Given::One))
}

/// Kilometres between two places, by the cosines of what lies between; null where one is none.
///
/// The numbers are C's `double`s and musl's functions of them, as SQLite has them for
/// PocketBase, so that the last digit is the same.
fn distance(values: &[Value<'_>]) -> Value<'static> {
    const RADIUS: f64 = 6371.0;
    let radians: Option<Vec<f64>> = values.iter().map(radians).collect();
    let Some(&[lon_a, lat_a, lon_b, lat_b]) = radians.as_deref() else {
        return Value::Null;
    };
    let along = libm::cos(lat_a) * libm::cos(lat_b) * libm::cos(lon_b - lon_a);
    let cosine = along + libm::sin(lat_a) * libm::sin(lat_b);
    // Of two places that are one, or opposite, it may come out a little beyond what it can be.
    let distance = RADIUS * libm::acos(cosine.clamp(-1.0, 1.0));
    if distance.is_nan() {
        return Value::Null;
    }
    Value::Number(Cow::Owned(distance.to_string()))
}

fn radians(degrees: &Value<'_>) -> Option<f64> {
    let degrees = match degrees {
        Value::Text(text) => number::double(text)?,
        other => number::double(other.number()?)?,
    };
    Some(degrees * (std::f64::consts::PI / 180.0))
}
