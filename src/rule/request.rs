//! What came with the request that asks to hear.

use std::collections::BTreeMap;

use crate::limits::RULE_CLAIM_BYTES_MAX;

use super::tree::{Part, Path};
use super::value::Value;

/// What `@request.query` and `@request.headers` are: what a subscriber sent when it subscribed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Request {
    query: BTreeMap<Box<str>, Box<str>>,
    headers: BTreeMap<Box<str>, Box<str>>,
}

impl Request {
    /// The parameters of a query and the headers. Of a name that comes twice the last counts.
    #[must_use]
    pub fn new<'a>(
        query: impl IntoIterator<Item = (&'a str, &'a str)>,
        headers: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Self {
        let query = query.into_iter();
        let headers = headers.into_iter();
        Self {
            query: query
                .map(|(name, value)| (name.into(), value.into()))
                .collect(),
            headers: headers
                .map(|(name, value)| (written(name), value.into()))
                .collect(),
        }
    }

    fn find(&self, part: &Part) -> Option<&str> {
        let (values, path) = match part {
            Part::Headers(path) => (&self.headers, path),
            Part::Query(path) => (&self.query, path),
            Part::Body(_) | Part::Context | Part::Method => return None,
        };
        values.get(only(path)?).map(AsRef::as_ref)
    }
}

/// What a part of the request is; none for a text that is too long. What is not there is null.
pub(super) fn value<'a>(request: Option<&'a Request>, part: &Part) -> Option<Value<'a>> {
    let found = match part {
        Part::Context => Some("realtime"),
        Part::Method => Some("GET"),
        Part::Body(_) | Part::Headers(_) | Part::Query(_) => {
            request.and_then(|request| request.find(part))
        }
    };
    match found {
        Some(text) if text.len() > RULE_CLAIM_BYTES_MAX => None,
        Some(text) => Some(Value::Text(text.into())),
        None => Some(Value::Null),
    }
}

/// Whether a part of the request is there.
pub(super) fn is_set(request: Option<&Request>, part: &Part) -> bool {
    request.is_some_and(|request| request.find(part).is_some())
}

/// A header's name as rules write it. Shape: `x_key`, for `X-Key`.
fn written(name: &str) -> Box<str> {
    name.to_ascii_lowercase().replace('-', "_").into()
}

/// The name that a path is; none for a longer one, since nothing here has members.
fn only(path: &Path) -> Option<&str> {
    let mut steps = path.steps();
    let first = steps.next();
    first.filter(|_| steps.next().is_none())
}
