//! What somebody may hear, as a value.

use std::sync::Arc;

use jiff::Timestamp;

use super::rules::Asker;
use super::{Basis, Denied, Grant, Leaving, Narrow, Principal};
use crate::event::Method;
use crate::topic::{Topic, TopicPattern};

impl Grant {
    /// What may be heard.
    #[must_use]
    pub fn hear(&self) -> &Arc<[TopicPattern]> {
        &self.hear
    }

    /// When it is over; none: never by itself.
    #[must_use]
    pub fn until(&self) -> Option<Timestamp> {
        self.until
    }

    /// The same, whenever it ends: what tells grants apart that differ in more than that.
    #[must_use]
    pub fn without_end(&self) -> Self {
        Self {
            until: None,
            ..self.clone()
        }
    }

    /// The same, as far as its holder wants it.
    ///
    /// # Errors
    /// [`Denied::Uncovered`]: that is more than it may hear.
    pub fn narrowed(self, narrow: Narrow) -> Result<Self, Denied> {
        let hear = narrow.within(&self.hear).ok_or(Denied::Uncovered)?;
        Ok(Self {
            hear,
            narrow,
            ..self
        })
    }

    /// Whether records of the event's collection are told to its holder, some time or other. Where
    /// they are not, nothing may depend on what is in one.
    pub(super) fn is_told_record(&self, leaving: &Leaving<'_>) -> bool {
        match Topic::of(leaving.event) {
            Some(Topic::Write(_, collection)) => {
                let told = Topic::Write(Method::Post, collection);
                self.granted.iter().any(|pattern| pattern.matches(told))
            }
            Some(Topic::Custom(_)) | None => false,
        }
    }

    /// Whose it is; none for a guest.
    #[must_use]
    pub fn principal(&self) -> Option<Principal> {
        match &self.basis {
            Basis::Key(None) => None,
            basis => Some(basis.principal()),
        }
    }

    /// Whether its holder passes every rule.
    #[must_use]
    pub fn is_superuser(&self) -> bool {
        self.is_superuser
    }

    pub(super) fn asker(&self) -> Asker<'_> {
        Asker {
            auth: self.basis.auth(),
            request: None,
            presented: self.presented.as_ref(),
            is_superuser: self.is_superuser,
        }
    }

    /// Whether its holder may hear `topic`.
    #[must_use]
    pub fn hears(&self, topic: Topic<'_>) -> bool {
        self.hear.iter().any(|pattern| pattern.matches(topic))
    }
}
