//! Less than may be heard: what a subscriber asks for itself.
//!
//! | asked | what is heard of the grant |
//! | --- | --- |
//! | `events=POST:company,GOAL` | what these name; each has to be in the grant |
//! | `collections=company,posts` | writes to these, and custom events only where `events` names them |
//! | `filter=EXPRESSION` | of writes whose record is told or known, those for which it holds |
//!
//! To ask for more than the grant is refused. A filter is no right: what it cannot decide is told,
//! since a subscriber that hears too much is better off than one that misses something.

use std::sync::Arc;

use super::{Leaving, Shown};
use crate::limits::FILTER_BYTES;
use crate::rule::{Facts, Rule, Verdict};
use crate::topic::{NotAPattern, TopicPattern};

/// What of its grant a subscriber wants to hear; all of it by default.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Narrow {
    events: Option<Arc<[TopicPattern]>>,
    collections: Option<Arc<[Box<str>]>>,
    filter: Option<Arc<Rule>>,
}

/// Why what was asked for cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotNarrow {
    /// An element of `collections` is empty.
    #[error("collections: expected names, with a comma between them")]
    Collection,
    /// An element of `events` is no pattern.
    #[error("events: an element {0}")]
    Event(#[from] NotAPattern),
    /// `filter` is no expression, or one that is not for filters.
    #[error("filter: {0}")]
    Filter(Box<str>),
}

// === impl Narrow ===

impl Narrow {
    /// What these ask for, as they stand in a query; none asks for nothing less.
    ///
    /// # Errors
    /// [`NotNarrow`]: for the client to correct.
    pub fn of(
        events: Option<&str>,
        collections: Option<&str>,
        filter: Option<&str>,
    ) -> Result<Self, NotNarrow> {
        let parts = |text: &'static str, list: &str| -> Vec<Box<str>> {
            list.split(text).map(|part| part.trim().into()).collect()
        };
        let events = match events {
            None => None,
            Some(list) => {
                let patterns = parts(",", list);
                let patterns = patterns.iter().map(|pattern| pattern.parse());
                Some(patterns.collect::<Result<_, NotAPattern>>()?)
            }
        };
        let collections = collections.map(|list| parts(",", list));
        if collections.iter().flatten().any(|name| name.is_empty()) {
            return Err(NotNarrow::Collection);
        }
        Ok(Self {
            events,
            collections: collections.map(Into::into),
            filter: filter.map(read).transpose()?,
        })
    }

    /// What is left of `granted`; none if more is asked for than that.
    pub(super) fn within(&self, granted: &Arc<[TopicPattern]>) -> Option<Arc<[TopicPattern]>> {
        let covered = |asked: &TopicPattern| granted.iter().any(|own| own.covers(asked));
        let wanted = match &self.events {
            None => Arc::clone(granted),
            Some(events) if events.iter().all(covered) => Arc::clone(events),
            Some(_) => return None,
        };
        let Some(collections) = &self.collections else {
            return Some(wanted);
        };
        let named = self.events.is_some();
        let customs = wanted.iter().filter(|pattern| named && pattern.is_custom());
        let mut left: Vec<TopicPattern> = customs.cloned().collect();
        for name in &**collections {
            let before = left.len();
            left.extend(wanted.iter().filter_map(|pattern| pattern.within(name)));
            if left.len() == before {
                return None;
            }
        }
        Some(left.into())
    }

    /// Whether records are looked at.
    pub(super) fn has_filter(&self) -> bool {
        self.filter.is_some()
    }

    /// Whether the event is wanted: the same for one that is live and one that is told again.
    pub(super) fn wants(&self, leaving: &Leaving<'_>, shown: &Shown) -> bool {
        let Some(filter) = &self.filter else {
            return true;
        };
        leaving.showing(shown, |record| {
            let facts = Facts {
                record: Some(record?),
                auth: None,
                request: None,
                now: leaving.event.at,
            };
            Some(filter.holds(&facts))
        }) != Some(Verdict::Fails)
    }
}

fn read(text: &str) -> Result<Arc<Rule>, NotNarrow> {
    let refused = |why: String| NotNarrow::Filter(why.into());
    if text.len() > FILTER_BYTES {
        return Err(refused(format!("expected {FILTER_BYTES} bytes at most")));
    }
    let rule = Rule::parse(text).map_err(|error| refused(error.to_string()))?;
    if let Some(need) = rule.needs().first() {
        return Err(refused(need.to_string()));
    }
    // Who is asking is decided by rules of the operator's, not by the one who asks.
    if rule.asks_request() {
        let why = "@request is not for a filter: expected fields of the record";
        return Err(refused(why.to_owned()));
    }
    Ok(Arc::new(rule))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn patterns(texts: &[&str]) -> Arc<[TopicPattern]> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    fn left(granted: &[&str], events: Option<&str>, collections: Option<&str>) -> Option<String> {
        let narrow = Narrow::of(events, collections, None).unwrap();
        let left = narrow.within(&patterns(granted))?;
        let texts: Vec<_> = left.iter().map(ToString::to_string).collect();
        Some(texts.join(" "))
    }

    #[test]
    fn less_is_heard_and_more_is_refused() {
        let all = ["*:*", "*"];
        for (granted, events, collections, expected) in [
            (&all[..], None, None, Some("*:* *")),
            (
                &all,
                Some("POST:company, GOAL"),
                None,
                Some("POST:company GOAL"),
            ),
            (&all, None, Some("company"), Some("*:company")),
            (&all, None, Some("company,posts"), Some("*:company *:posts")),
            (
                &all,
                Some("PUT:*,GOAL"),
                Some("company"),
                Some("GOAL PUT:company"),
            ),
            (
                &["POST:company"],
                Some("POST:company"),
                None,
                Some("POST:company"),
            ),
            (&["POST:company"], Some("PUT:company"), None, None),
            (&["POST:company"], Some("*:company"), None, None),
            (&["POST:company"], Some("POST:*"), None, None),
            (&["POST:company"], Some("GOAL"), None, None),
            (&["GOAL"], Some("*"), None, None),
            (
                &["POST:company", "PUT:*"],
                None,
                Some("company"),
                Some("POST:company PUT:company"),
            ),
            (&["POST:company"], None, Some("posts"), None),
            (&["POST:company"], None, Some("company,posts"), None),
            (&all, Some("POST:company"), Some("posts"), None),
        ] {
            let expected = expected.map(str::to_owned);
            assert_eq!(
                left(granted, events, collections),
                expected,
                "{granted:?} {events:?} {collections:?}"
            );
        }
    }

    #[test]
    fn a_filter_may_ask_for_all_that_is_decided() {
        for filter in [
            "tags ?= 'a' && tags:length > 1 && title:lower ~ 'x' && owner.id = 'u1'",
            "at > @yesterday && strftime('%Y', at) = @year",
            "geoDistance(place.lon, place.lat, 13.4, 52.5) < 10",
            "name = 'of @request.auth'",
        ] {
            assert!(Narrow::of(None, None, Some(filter)).is_ok(), "{filter}");
        }
    }

    #[test]
    fn what_cannot_be_read_says_where() {
        let of = |events, collections, filter| Narrow::of(events, collections, filter).unwrap_err();
        for (error, told) in [
            (of(Some("POST:"), None, None), "events: an element is empty"),
            (
                of(Some("GET:a"), None, None),
                "events: an element has no method",
            ),
            (of(None, Some("a,,b"), None), "collections: expected names"),
            (
                of(None, None, Some("a = ")),
                "filter: line 1, column 5: expected",
            ),
            (
                of(None, None, Some("@collection.a.b ?= c")),
                "filter: @collection.a.b asks",
            ),
            (
                of(None, None, Some("a_via_b.c ?= 1")),
                "filter: a_via_b.c asks",
            ),
            (
                of(None, None, Some("a = @request.auth.id")),
                "filter: @request is not",
            ),
            (
                of(None, None, Some("a = strftime('%Y', @request.query.a)")),
                "filter: @request is not",
            ),
            (
                of(None, None, Some(&"a".repeat(5000))),
                "filter: expected 1024 bytes",
            ),
        ] {
            assert!(error.to_string().starts_with(told), "{error}");
        }
    }
}
