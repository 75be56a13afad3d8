//! Which audiences an event touches, found by its topic and not by asking each.

use std::collections::HashMap;

use crate::event::Method;
use crate::topic::{Topic, TopicPattern};

/// Audiences by the patterns of their grants. An event costs what it touches: audiences that
/// hear other collections are never looked at.
#[derive(Debug, Default)]
pub(super) struct Index {
    /// By the name of a custom event.
    custom: HashMap<Box<str>, Vec<usize>>,
    /// Those that hear every custom event.
    any_custom: Vec<usize>,
    /// By collection.
    collections: HashMap<Box<str>, ByMethod>,
    /// Those that hear every collection.
    any_collection: ByMethod,
}

/// Audiences that hear a method, and at the end those that hear all.
#[derive(Debug, Default)]
struct ByMethod([Vec<usize>; 5]);

impl Index {
    /// Files `audience` under each of its patterns.
    pub(super) fn insert(&mut self, audience: usize, patterns: &[TopicPattern]) {
        for pattern in patterns {
            match pattern {
                TopicPattern::Custom(None) => self.any_custom.push(audience),
                TopicPattern::Custom(Some(name)) => {
                    self.custom.entry(name.clone()).or_default().push(audience);
                }
                TopicPattern::Write(method, None) => {
                    self.any_collection.of(*method).push(audience);
                }
                TopicPattern::Write(method, Some(collection)) => {
                    let by_method = self.collections.entry(collection.clone()).or_default();
                    by_method.of(*method).push(audience);
                }
            }
        }
    }

    /// Takes `audience` out again; `patterns` are those it was filed under.
    pub(super) fn remove(&mut self, audience: usize, patterns: &[TopicPattern]) {
        let forget = |filed: &mut Vec<usize>| filed.retain(|other| *other != audience);
        for pattern in patterns {
            match pattern {
                TopicPattern::Custom(None) => forget(&mut self.any_custom),
                TopicPattern::Custom(Some(name)) => {
                    if let Some(filed) = self.custom.get_mut(name) {
                        forget(filed);
                        if filed.is_empty() {
                            self.custom.remove(name);
                        }
                    }
                }
                TopicPattern::Write(method, None) => forget(self.any_collection.of(*method)),
                TopicPattern::Write(method, Some(collection)) => {
                    if let Some(by_method) = self.collections.get_mut(collection) {
                        forget(by_method.of(*method));
                        if by_method.is_empty() {
                            self.collections.remove(collection);
                        }
                    }
                }
            }
        }
    }

    /// Replaces `found` by the audiences that hear `topic`, each once.
    pub(super) fn find(&self, topic: Topic<'_>, found: &mut Vec<usize>) {
        found.clear();
        match topic {
            Topic::Custom(name) => {
                found.extend_from_slice(&self.any_custom);
                if let Some(filed) = self.custom.get(name) {
                    found.extend_from_slice(filed);
                }
            }
            Topic::Write(method, collection) => {
                self.any_collection.collect(method, found);
                if let Some(by_method) = self.collections.get(collection) {
                    by_method.collect(method, found);
                }
            }
        }
        found.sort_unstable();
        found.dedup();
    }
}

impl ByMethod {
    fn of(&mut self, method: Option<Method>) -> &mut Vec<usize> {
        let [delete, patch, post, put, all] = &mut self.0;
        match method {
            None => all,
            Some(Method::Delete) => delete,
            Some(Method::Patch) => patch,
            Some(Method::Post) => post,
            Some(Method::Put) => put,
        }
    }

    fn collect(&self, method: Method, found: &mut Vec<usize>) {
        let [delete, patch, post, put, all] = &self.0;
        found.extend_from_slice(all);
        found.extend_from_slice(match method {
            Method::Delete => delete,
            Method::Patch => patch,
            Method::Post => post,
            Method::Put => put,
        });
    }

    fn is_empty(&self) -> bool {
        self.0.iter().all(Vec::is_empty)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn patterns(texts: &[&str]) -> Vec<TopicPattern> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    fn found(index: &Index, topic: Topic<'_>) -> Vec<usize> {
        let mut found = vec![99];
        index.find(topic, &mut found);
        found
    }

    /// The index answers as asking every pattern would.
    #[test]
    fn an_event_finds_those_who_hear_it_each_once() {
        let audiences = [
            patterns(&["POST:company", "*:company", "*:*"]),
            patterns(&["PUT:company"]),
            patterns(&["POST:*", "GOAL"]),
            patterns(&["*"]),
            patterns(&["GOAL", "*"]),
        ];
        let mut index = Index::default();
        for (id, patterns) in audiences.iter().enumerate() {
            index.insert(id, patterns);
        }
        for topic in [
            Topic::Write(Method::Post, "company"),
            Topic::Write(Method::Put, "company"),
            Topic::Write(Method::Post, "other"),
            Topic::Write(Method::Delete, "other"),
            Topic::Custom("GOAL"),
            Topic::Custom("OTHER"),
        ] {
            let asked: Vec<usize> = (0..audiences.len())
                .filter(|id| audiences[*id].iter().any(|p| p.matches(topic)))
                .collect();
            assert_eq!(found(&index, topic), asked, "{topic:?}");
        }
    }

    #[test]
    fn who_left_is_found_no_more_and_leaves_nothing_behind() {
        let own = patterns(&["POST:company", "GOAL", "*:*", "*"]);
        let mut index = Index::default();
        index.insert(7, &own);
        index.remove(7, &own);
        assert!(found(&index, Topic::Write(Method::Post, "company")).is_empty());
        assert!(found(&index, Topic::Custom("GOAL")).is_empty());
        assert!(index.custom.is_empty() && index.collections.is_empty());
    }
}
