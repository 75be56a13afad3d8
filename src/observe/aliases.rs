//! Other names that collections have in paths, as records told them.
//!
//! Some upstreams take more than one name for a collection: PocketBase takes its id for its name,
//! and its name in any case. What is written by another name is told by the one that records have.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::RwLock;

use crate::limits::ALIASES_MAX;

/// The names that were told so far. Bounded by [`ALIASES_MAX`]: with one more all are forgotten,
/// and learned again.
#[derive(Debug, Default)]
pub struct Aliases(RwLock<HashMap<Box<str>, Arc<str>>>);

impl Aliases {
    /// Learns that `alias` is `name`, and that it is in lower case as well.
    pub(super) fn learn(&self, alias: &str, name: &str) {
        for alias in [alias, &name.to_lowercase()] {
            if self.0.read().get(alias).is_some_and(|old| **old == *name) {
                continue;
            }
            let mut names = self.0.write();
            if names.len() >= ALIASES_MAX {
                names.clear();
            }
            names.insert(alias.into(), name.into());
        }
    }

    /// Whether none was told: most upstreams know no such thing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.read().is_empty()
    }

    /// The name of what a path calls so, in any case; none: that is no alias of anything.
    #[must_use]
    pub fn name(&self, alias: &str) -> Option<Arc<str>> {
        let names = self.0.read();
        let name = names.get(alias);
        let name = name.or_else(|| names.get(&*alias.to_lowercase()));
        name.cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_name_that_was_told_counts() {
        let aliases = Aliases::default();
        assert_eq!(aliases.name("pbc_1"), None);
        aliases.learn("pbc_1", "posts");
        aliases.learn("pbc_1", "userNotes");
        for alias in ["pbc_1", "userNotes", "usernotes", "UserNotes"] {
            assert_eq!(aliases.name(alias).as_deref(), Some("userNotes"));
        }
        for number in 0..=ALIASES_MAX {
            aliases.learn(&format!("a{number}"), "posts");
        }
        assert!(aliases.0.read().len() <= ALIASES_MAX);
    }
}
