//! What the upstream shows of a record, and an event as it is then told.

use std::sync::Arc;

use crate::event::{Event, Json, Kind};
use crate::observe::json;

/// What of a record somebody may see.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Shown {
    /// All of it.
    All,
    /// Its members of these names, in the order of the alphabet.
    Only(Arc<[Box<str>]>),
}

impl Shown {
    /// What is shown by both.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::All, shown) | (shown, Self::All) => shown,
            (Self::Only(names), Self::Only(others)) if names == others => Self::Only(names),
            (Self::Only(names), Self::Only(others)) => {
                let both = names
                    .iter()
                    .filter(|name| others.binary_search(name).is_ok());
                Self::Only(both.cloned().collect())
            }
        }
    }

    /// The record as it is shown; none: all of it is.
    pub(super) fn of(&self, record: &Json) -> Option<Json> {
        let Self::Only(names) = self else {
            return None;
        };
        let raw = serde_json::from_str(record.as_str()).ok()?;
        let members = json::members(raw)?;
        let is_shown = |member: &&json::Member<'_>| {
            json::string(member.name)
                .is_some_and(|name| names.binary_search_by(|own| (**own).cmp(&name)).is_ok())
        };
        if members.iter().all(|member| is_shown(&member)) {
            return None;
        }
        let mut text = String::from("{");
        for member in members.iter().filter(is_shown) {
            if text.len() > 1 {
                text.push(',');
            }
            text.push_str(member.name.get());
            text.push(':');
            text.push_str(member.value.get());
        }
        text.push('}');
        Some(Json::composed(text))
    }

    /// The same for that event: [`Shown::All`] where nothing of its record is hidden, so that it is
    /// one and the same to all who see it whole.
    #[must_use]
    pub(super) fn for_event(self, event: &Event) -> Self {
        let hides = match &event.kind {
            Kind::Write {
                record: Some(record),
                ..
            } => self.of(record).is_some(),
            Kind::Custom { .. }
            | Kind::Gap
            | Kind::Left { .. }
            | Kind::Uncertain { .. }
            | Kind::Write { .. } => false,
        };
        if hides { self } else { Self::All }
    }

    /// The event as it is shown.
    #[must_use]
    pub fn event(&self, event: &Event) -> Option<Event> {
        let Kind::Write {
            method,
            collection,
            ids,
            record: Some(record),
        } = &event.kind
        else {
            return None;
        };
        let record = self.of(record)?;
        // Of a record of which nothing is shown its id is told.
        let record = Some(record).filter(|record| record.as_str() != "{}");
        Some(Event {
            cursor: event.cursor,
            at: event.at,
            kind: Kind::Write {
                method: *method,
                collection: Arc::clone(collection),
                ids: ids.clone(),
                record,
            },
        })
    }
}
