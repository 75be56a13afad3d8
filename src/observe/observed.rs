//! A request that is to be observed, of whichever kind.

use std::sync::Arc;

use super::{Answer, Batched, Happened, Overridden, Target};
use crate::event::{Id, Method};

/// A request that is to be observed.
#[derive(Clone, Debug)]
pub enum Observed {
    /// It holds several, or nobody knows what.
    Batch(Box<Batched>),
    /// It is one by itself.
    One(Target),
    /// It is one that may be several methods: which, its body tells, or nothing does.
    Overridden(Box<Overridden>),
}

impl Observed {
    /// What it is about; none: that is not known before it is done.
    #[must_use]
    pub fn target(&self) -> Option<&Target> {
        match self {
            Self::Batch(_) => None,
            Self::One(target) => Some(target),
            Self::Overridden(overridden) => overridden.target(),
        }
    }

    /// The request's method; of one that may be several, the one that it is sent with.
    #[must_use]
    pub fn method(&self) -> Method {
        match self {
            Self::Batch(batched) => batched.method(),
            Self::One(_) | Self::Overridden(_) => {
                self.target().map_or(Method::Post, Target::method)
            }
        }
    }

    /// The collection that it is about; none: that is not known before it is done, or who hears of it
    /// is not.
    #[must_use]
    pub fn collection(&self) -> Option<&Arc<str>> {
        self.target().map(|target| &target.collection)
    }

    /// The record that its path names, where it names one without a doubt.
    #[must_use]
    pub fn id(&self) -> Option<&Id> {
        self.target().and_then(Target::id)
    }

    /// Whether there is no second opinion on what its path means.
    #[must_use]
    pub fn is_exact(&self) -> bool {
        self.target().is_none_or(Target::is_exact)
    }

    /// The record that is to be read before it is deleted: its collection and id.
    #[must_use]
    pub fn read_before(&self) -> Option<(&Arc<str>, &Id)> {
        match self {
            Self::One(target) if target.method == Method::Delete && target.exact => {
                target.id.as_ref().map(|id| (&target.collection, id))
            }
            Self::Batch(_) | Self::One(_) | Self::Overridden(_) => None,
        }
    }

    /// Whether that status tells that the upstream refused it, so that nothing happened.
    #[must_use]
    pub fn is_refused(&self, status: u16) -> bool {
        match self {
            Self::Batch(_) => Batched::is_refused(status),
            Self::One(target) => target.is_refused(status),
            Self::Overridden(overridden) => overridden.is_refused(status),
        }
    }

    /// The events that the exchange amounts to.
    #[must_use]
    pub fn events(&self, answer: Answer<'_>) -> Vec<Happened> {
        match self {
            Self::Batch(batch) => batch.events(answer),
            Self::One(target) => target.events(answer),
            Self::Overridden(overridden) => overridden.events(answer),
        }
    }
}
