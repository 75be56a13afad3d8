//! Which audiences an event touches, found by its topic and its record and not by asking each.
//!
//! Where a collection has a rule, most audiences are found by what the record has at a field: by
//! `owner = @request.auth.sub` an event costs its owner's audience, however many are connected.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crate::access::{Access, Grant, Leaving, Reading};
use crate::dialect::Interest;
use crate::event::{Kind, Method};
use crate::rule::{Keys, Path, Sought};
use crate::topic::{Topic, TopicPattern};

/// Audiences by what their grants let them hear. An event costs what it touches: audiences that
/// hear other collections, or other records, are never looked at.
#[derive(Debug, Default)]
pub(super) struct Index {
    /// Whose rules the audiences were filed by.
    access: Arc<Access>,
    /// By the name of a custom event.
    custom: HashMap<Box<str>, Vec<usize>>,
    /// Those that hear every custom event.
    any_custom: Vec<usize>,
    /// By collection, where it has no rule.
    collections: HashMap<Box<str>, ByMethod>,
    /// Those that hear every collection, for where it has no rule.
    any_collection: ByMethod,
    /// By collection, every one that has a rule.
    ruled: HashMap<Box<str>, Ruled>,
    /// By a collection and the id of one record of it.
    ids: HashMap<Box<str>, HashMap<Box<str>, Vec<usize>>>,
    /// By a field, as its number, and what has to stand there. One for all collections: who is
    /// filed by the rules of several stands here once.
    keyed: HashMap<(usize, Sought), Vec<usize>>,
    /// The fields by their numbers. Bounded by the rules.
    fields: Vec<Path>,
    /// Those that are filed: whoever was taken out before is not taken out again.
    filed: HashSet<usize>,
}

/// Audiences that may hear of a collection with a rule.
#[derive(Debug, Default)]
struct Ruled {
    /// Those who hear of every record.
    everyone: ByMethod,
    /// Those for whom each record has to be asked about.
    asked: ByMethod,
    /// By which fields the others are found, and how many are.
    fields: HashMap<usize, usize>,
}

/// Audiences that hear a method, and at the end those that hear all.
#[derive(Debug, Default)]
struct ByMethod([Vec<usize>; 5]);

/// Whether an audience is put in or taken out.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Change {
    Insert,
    Remove,
}

impl Index {
    /// An index by the rules of `access`.
    pub(super) fn new(access: Arc<Access>) -> Self {
        let ruled = access.ruled().map(|name| (name.into(), Ruled::default()));
        Self {
            ruled: ruled.collect(),
            access,
            ..Self::default()
        }
    }

    /// Files `audience` under everything by which it is found.
    pub(super) fn insert(&mut self, audience: usize, grant: &Grant, interests: &[Interest]) {
        if self.filed.insert(audience) {
            self.change(audience, grant, interests, Change::Insert);
        }
    }

    /// Takes `audience` out again, if it is in; the grant and the interests are those that it was
    /// filed with.
    pub(super) fn remove(&mut self, audience: usize, grant: &Grant, interests: &[Interest]) {
        if self.filed.remove(&audience) {
            self.change(audience, grant, interests, Change::Remove);
        }
    }

    fn change(&mut self, audience: usize, grant: &Grant, interests: &[Interest], change: Change) {
        for interest in interests {
            if let (Some(id), TopicPattern::Write(_, Some(collection))) =
                (&interest.id, &interest.pattern)
            {
                self.change_id(collection, id, audience, change);
                continue;
            }
            match &interest.pattern {
                TopicPattern::Custom(None) => change.apply(&mut self.any_custom, audience),
                TopicPattern::Custom(Some(name)) => {
                    let filed = self.custom.entry(name.clone()).or_default();
                    change.apply(filed, audience);
                    if filed.is_empty() {
                        self.custom.remove(name);
                    }
                }
                TopicPattern::Write(method, None) => {
                    change.apply(self.any_collection.of(*method), audience);
                }
                TopicPattern::Write(_, Some(collection)) if self.access.has_rule(collection) => {}
                TopicPattern::Write(method, Some(collection)) => {
                    let by_method = self.collections.entry(collection.clone()).or_default();
                    change.apply(by_method.of(*method), audience);
                    if by_method.is_empty() {
                        self.collections.remove(collection);
                    }
                }
            }
        }
        let access = Arc::clone(&self.access);
        let mut keys = HashSet::new();
        for collection in access.ruled() {
            let methods = methods_of(collection, interests);
            if !methods.is_empty() {
                let of = (collection, &*methods);
                self.change_ruled(of, audience, grant, change, &mut keys);
            }
        }
        for key in keys {
            // Most are for one.
            let filed = self.keyed.entry(key.clone());
            let filed = filed.or_insert_with(|| Vec::with_capacity(1));
            change.apply(filed, audience);
            if filed.is_empty() {
                self.keyed.remove(&key);
            }
        }
    }

    /// The same for one record of a collection.
    fn change_id(&mut self, collection: &str, id: &str, audience: usize, change: Change) {
        let ids = self.ids.entry(collection.into()).or_default();
        let filed = ids.entry(id.into()).or_default();
        change.apply(filed, audience);
        if filed.is_empty() {
            ids.remove(id);
        }
        if ids.is_empty() {
            self.ids.remove(collection);
        }
    }

    /// The same for a collection with a rule, by these methods; what the audience is found by is
    /// added to `keys`.
    fn change_ruled(
        &mut self,
        (collection, methods): (&str, &[Option<Method>]),
        audience: usize,
        grant: &Grant,
        change: Change,
        keys: &mut HashSet<(usize, Sought)>,
    ) {
        let found = self.access.keys(grant, collection, Reading::List);
        let found = found.unwrap_or(Keys::Never);
        let Some(ruled) = self.ruled.get_mut(collection) else {
            return;
        };
        match found {
            Keys::Never => {}
            Keys::Always => {
                for method in methods {
                    change.apply(ruled.everyone.of(*method), audience);
                }
            }
            Keys::Asked => {
                for method in methods {
                    change.apply(ruled.asked.of(*method), audience);
                }
            }
            Keys::Equal(found) => {
                for key in found {
                    let field = number_of(&mut self.fields, key.field);
                    change.count(&mut ruled.fields, field);
                    keys.insert((field, key.value));
                }
            }
        }
    }

    /// Replaces `found` by the audiences that may hear the event, each once: no other may, and
    /// whether these do is still to be asked.
    pub(super) fn find(&self, leaving: &Leaving<'_>, found: &mut Vec<usize>) {
        found.clear();
        match Topic::of(leaving.event) {
            None => {}
            Some(Topic::Custom(name)) => {
                found.extend_from_slice(&self.any_custom);
                if let Some(filed) = self.custom.get(name) {
                    found.extend_from_slice(filed);
                }
            }
            Some(Topic::Write(method, collection)) => match self.ruled.get(collection) {
                None => {
                    self.any_collection.collect(method, found);
                    if let Some(by_method) = self.collections.get(collection) {
                        by_method.collect(method, found);
                    }
                }
                Some(ruled) => {
                    ruled.everyone.collect(method, found);
                    ruled.asked.collect(method, found);
                    self.find_keyed(ruled, leaving, found);
                }
            },
        }
        if let (Some(alias), Some(Topic::Write(method, _))) =
            (self.access.alias(leaving), Topic::of(leaving.event))
            && let Some(by_method) = self.collections.get(alias)
        {
            by_method.collect(method, found);
        }
        self.find_ids(leaving, found);
        found.sort_unstable();
        found.dedup();
    }

    /// Adds those who hear one record by its id.
    fn find_ids(&self, leaving: &Leaving<'_>, found: &mut Vec<usize>) {
        let (collection, ids) = match &leaving.event.kind {
            Kind::Custom { .. } | Kind::Gap => return,
            Kind::Left { collection, id, .. } => (collection, std::slice::from_ref(id)),
            Kind::Uncertain { collection, id, .. } => (collection, id.as_slice()),
            Kind::Write {
                collection, ids, ..
            } => (collection, ids.as_slice()),
        };
        for collection in [Some(&**collection), self.access.alias(leaving)]
            .into_iter()
            .flatten()
        {
            let filed = self.ids.get(collection);
            for id in ids {
                let filed = filed.and_then(|filed| filed.get(id.as_str()));
                found.extend_from_slice(filed.map(Vec::as_slice).unwrap_or_default());
            }
        }
    }

    /// Adds those who are found by the record.
    fn find_keyed(&self, ruled: &Ruled, leaving: &Leaving<'_>, found: &mut Vec<usize>) {
        let fields = ruled.fields.keys();
        let fields = fields.filter_map(|number| Some((*number, self.fields.get(*number)?)));
        for (number, field) in fields {
            let sought = leaving.record().map(|record| record.sought(field));
            for sought in sought.unwrap_or_default() {
                let filed = self.keyed.get(&(number, sought));
                found.extend_from_slice(filed.map(Vec::as_slice).unwrap_or_default());
            }
        }
    }
}

impl Change {
    fn apply(self, filed: &mut Vec<usize>, audience: usize) {
        match self {
            Self::Insert => filed.push(audience),
            Self::Remove => filed.retain(|other| *other != audience),
        }
    }

    fn count(self, counts: &mut HashMap<usize, usize>, field: usize) {
        let count = counts.entry(field).or_default();
        match self {
            Self::Insert => *count += 1,
            Self::Remove => *count = count.saturating_sub(1),
        }
        if *count == 0 {
            counts.remove(&field);
        }
    }
}

/// By which methods all of the collection is of interest.
fn methods_of(collection: &str, interests: &[Interest]) -> Vec<Option<Method>> {
    let of = |interest: &Interest| match &interest.pattern {
        TopicPattern::Write(method, on)
            if interest.id.is_none() && on.as_deref().is_none_or(|on| on == collection) =>
        {
            Some(*method)
        }
        TopicPattern::Custom(_) | TopicPattern::Write(..) => None,
    };
    interests.iter().filter_map(of).collect()
}

/// The number of a field, a new one if it has none.
fn number_of(fields: &mut Vec<Path>, field: Path) -> usize {
    fields
        .iter()
        .position(|known| *known == field)
        .unwrap_or_else(|| {
            fields.push(field);
            fields.len() - 1
        })
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
mod tests;
