//! Which of a client's subscriptions an event concerns.

use std::sync::Arc;

use super::{Filter, Interest, Of, Part, View};
use crate::access::{Access, Grant, Hears, Leaving, Read, Reading, Shown};
use crate::dialect::{Parts, Told};
use crate::event::{Json, Kind};
use crate::rule::Verdict;
use crate::topic::{Topic, TopicPattern};

/// The subscriptions that hear of the event, by their places, and how much of its record.
///
/// # Errors
/// [`Read`]: the upstream is being asked about one of them first.
pub fn heard(
    view: &View,
    access: &Access,
    grant: &Grant,
    leaving: &Leaving<'_>,
) -> Result<Told, Arc<Read>> {
    let mut places = Vec::new();
    let mut told = Told::NOTHING;
    let mut unasked = None;
    for (place, part) in (0..).zip(view.parts.iter()) {
        let hears = hears(part, access, grant, leaving);
        if hears == Hears::No {
            continue;
        }
        // What it asks for beside the record is asked at once, and so are the others.
        match expanded(part, access, grant, leaving) {
            Ok(Some(records)) => told.expanded.push((place, records)),
            Ok(None) => {}
            Err(read) => unasked = Some(read),
        }
        match hears {
            Hears::No => {}
            Hears::Unasked(read) => unasked = Some(read),
            Hears::Yes(own) => {
                places.push(place);
                told.shown = told.shown.and(own);
            }
        }
    }
    match unasked {
        Some(read) => Err(read),
        None => Ok(Told {
            parts: Parts::of(places),
            ..told
        }),
    }
}

/// What is told beside the record to one that asks for it.
fn expanded(
    part: &Part,
    access: &Access,
    grant: &Grant,
    leaving: &Leaving<'_>,
) -> Result<Option<Arc<Json>>, Arc<Read>> {
    let Some(relations) = &part.expand else {
        return Ok(None);
    };
    let reading = match part.subscription.of_collection() {
        Of::All(_) => Reading::List,
        Of::One(..) => Reading::View,
    };
    access.expanded(grant, leaving, reading, relations)
}

fn hears(part: &Part, access: &Access, grant: &Grant, leaving: &Leaving<'_>) -> Hears {
    let (collection, ids) = match &leaving.event.kind {
        Kind::Gap => return Hears::No,
        Kind::Custom { name, .. } => {
            let own = **name == *part.subscription.topic() && grant.hears(Topic::Custom(name));
            return if own {
                Hears::Yes(Shown::All)
            } else {
                Hears::No
            };
        }
        Kind::Left { collection, id, .. } => (collection, std::slice::from_ref(id)),
        Kind::Uncertain { collection, id, .. } => (collection, id.as_slice()),
        Kind::Write {
            collection, ids, ..
        } => (collection, ids.as_slice()),
    };
    let is_named = |name: &str| *name == **collection || access.alias(leaving) == Some(name);
    let reading = match part.subscription.of_collection() {
        Of::All(name) if is_named(name) => Reading::List,
        Of::One(name, one) if ids.iter().any(|id| id.as_str() == one) && is_named(name) => {
            Reading::View
        }
        Of::All(_) | Of::One(..) => return Hears::No,
    };
    match access.may_hear(grant, leaving, reading, Some(&part.request)) {
        Hears::Yes(shown) if !passes(part, grant, leaving, &shown) => Hears::No,
        hears => hears,
    }
}

/// Whether the event passes the client's own filter. What that cannot decide does not.
fn passes(part: &Part, grant: &Grant, leaving: &Leaving<'_>, shown: &Shown) -> bool {
    let rule = match &part.filter {
        Filter::Everything => return true,
        Filter::Nothing => return false,
        Filter::WhenSuperuser(_) if !grant.is_superuser() => return false,
        Filter::When(rule) | Filter::WhenSuperuser(rule) => rule,
    };
    leaving.asked(rule, grant, &part.request, shown) == Verdict::Holds
}

/// By what the client is found: of what its grant has, what it is subscribed to.
#[must_use]
pub fn interests(view: &View, grant: &Grant) -> Vec<Interest> {
    let mut interests: Vec<Interest> = Vec::new();
    for part in view.parts.iter() {
        let custom = TopicPattern::Custom(Some(part.subscription.topic().into()));
        let (collection, id) = match part.subscription.of_collection() {
            Of::All(collection) => (collection, None),
            Of::One(collection, id) => (collection, Some(id)),
        };
        let written = TopicPattern::Write(None, Some(collection.into()));
        for granted in grant.hear().iter() {
            interests.extend(granted.common(&custom).map(Interest::in_all));
            let pattern = granted.common(&written);
            interests.extend(pattern.map(|pattern| Interest {
                pattern,
                id: id.map(Into::into),
            }));
        }
    }
    interests.sort();
    interests.dedup();
    interests
}
