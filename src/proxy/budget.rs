//! What is kept of all bodies together: a budget, and the shares that exchanges have of it.
//!
//! Of each body as much may be kept as [`crate::limits::Limits::observed_body_bytes`] says; how many
//! writes are under way at once is for their clients to say. So all of them draw on one budget. Where
//! nothing is left of it a body passes as always, and is as one that is too long to be kept.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Bytes that are kept at the moment, for all exchanges.
#[derive(Debug, Default)]
pub(super) struct Budget(AtomicUsize);

/// What one exchange has of the budget; given back when it is dropped.
#[derive(Debug)]
pub(super) struct Share {
    budget: Arc<Budget>,
    taken: usize,
    /// Bytes that may be taken by all together, as the configuration says that this exchange sees.
    of: usize,
}

impl Share {
    /// Nothing yet of a budget of so many bytes.
    pub(super) fn new(budget: &Arc<Budget>, of: usize) -> Self {
        Self {
            budget: Arc::clone(budget),
            taken: 0,
            of,
        }
    }

    /// So many bytes of it; none if that much is not left.
    pub(super) fn with(budget: &Arc<Budget>, of: usize, bytes: usize) -> Option<Self> {
        let mut share = Self::new(budget, of);
        share.take(bytes).then_some(share)
    }

    /// Takes so many bytes more; not any where that much is not left.
    pub(super) fn take(&mut self, more: usize) -> bool {
        let of = self.of;
        let fits = |all: usize| all.checked_add(more).filter(|all| *all <= of);
        // It is a count and publishes nothing: no order is needed.
        let counted = &self.budget.0;
        let is_taken = more == 0
            || counted
                .fetch_update(Ordering::Relaxed, Ordering::Relaxed, fits)
                .is_ok();
        if is_taken {
            self.taken += more;
        }
        is_taken
    }

    /// All that was taken, for whoever keeps it on.
    pub(super) fn split(&mut self) -> Self {
        let empty = Self::new(&self.budget, self.of);
        std::mem::replace(self, empty)
    }

    /// Gives so many bytes back, of those that were taken.
    pub(super) fn give_back(&mut self, bytes: usize) {
        let bytes = bytes.min(self.taken);
        self.taken -= bytes;
        self.budget.0.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// Whether nothing of the budget is taken.
    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.taken == 0
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.give_back(self.taken);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_is_taken_than_there_is_and_all_of_it_comes_back() {
        let budget = Arc::default();
        let mut one = Share::new(&budget, 10);
        assert!(one.take(6));
        let mut other = Share::new(&budget, 10);
        assert!(!other.take(5));
        assert!(other.take(4));
        assert!(!other.take(1));
        assert!(other.take(0));
        one.give_back(2);
        assert!(other.take(2));
        assert!(!other.take(usize::MAX));
        drop(other);
        assert_eq!(budget.0.load(Ordering::Relaxed), 4);
        assert!(Share::with(&budget, 10, 7).is_none());
        assert!(Share::with(&budget, 10, 6).is_some());
        drop(one);
        assert_eq!(budget.0.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn a_budget_that_became_smaller_lets_nothing_be_taken_until_there_is_room() {
        let budget = Arc::default();
        let mut before = Share::new(&budget, 10);
        assert!(before.take(8));
        let mut after = Share::new(&budget, 5);
        assert!(!after.take(1));
        before.give_back(4);
        assert!(after.take(1));
    }
}
