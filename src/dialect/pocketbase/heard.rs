//! Which of a client's subscriptions an event concerns.

use super::{Filter, Interest, Of, Part, View};
use crate::access::{Access, Grant, Leaving, Reading};
use crate::dialect::Parts;
use crate::event::Kind;
use crate::rule::Verdict;
use crate::topic::{Topic, TopicPattern};

/// The subscriptions that hear of the event, by their places.
#[must_use]
pub fn heard(view: &View, access: &Access, grant: &Grant, leaving: &Leaving<'_>) -> Parts {
    let places = view.parts.iter().enumerate();
    let places = places.filter(|(_, part)| hears(part, access, grant, leaving));
    let places = places.filter_map(|(place, _)| u16::try_from(place).ok());
    Parts::of(places.collect())
}

fn hears(part: &Part, access: &Access, grant: &Grant, leaving: &Leaving<'_>) -> bool {
    let (collection, ids) = match &leaving.event.kind {
        Kind::Gap => return false,
        Kind::Custom { name, .. } => {
            return **name == *part.subscription.topic() && grant.hears(Topic::Custom(name));
        }
        Kind::Uncertain { collection, id, .. } => (collection, id.as_slice()),
        Kind::Write {
            collection, ids, ..
        } => (collection, ids.as_slice()),
    };
    let reading = match part.subscription.of_collection() {
        Of::All(name) if *name == **collection => Reading::List,
        Of::One(name, one) if *name == **collection && ids.iter().any(|id| id.as_str() == one) => {
            Reading::View
        }
        Of::All(_) | Of::One(..) => return false,
    };
    access.may_hear(grant, leaving, reading, Some(&part.request)) && passes(part, grant, leaving)
}

/// Whether the event passes the client's own filter. What that cannot decide does not.
fn passes(part: &Part, grant: &Grant, leaving: &Leaving<'_>) -> bool {
    let rule = match &part.filter {
        Filter::Everything => return true,
        Filter::Nothing => return false,
        Filter::WhenSuperuser(_) if !grant.is_superuser() => return false,
        Filter::When(rule) | Filter::WhenSuperuser(rule) => rule,
    };
    leaving.asked(rule, grant, &part.request) == Verdict::Holds
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
