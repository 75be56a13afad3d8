//! `access.rules`: of which records of a collection who may hear.
//!
//! | written | who hears |
//! | --- | --- |
//! | no entry for the collection | whoever the grant, or `global`, lets hear it |
//! | `hear: EXPRESSION` | of those, who the expression lets hear the record |
//! | `hear: ""` | of those, everyone |
//! | `hear:` without a value, or none | of those, superusers |
//!
//! A rule comes after the grant and gives nothing that the grant does not. Superusers pass every
//! rule. What a rule cannot decide is denied: also an event without a record, unless the claims
//! alone decide.

use std::cell::OnceCell;
use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::event::{Event, Json, Kind};
use crate::rule::{Facts, Keys, Record, Rule, Verdict};
use crate::topic::Topic;

/// `access.rules`, and `access.superusers`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rules {
    /// By collection; one that is not in it has no rule.
    pub collections: BTreeMap<Box<str>, Hear>,
    /// Whose claims make a superuser: a rule that asks nothing of a record. None: nobody's.
    pub superusers: Option<Rule>,
}

/// Who may hear of a collection's records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Hear {
    /// Everyone whose grant says so.
    Everyone,
    /// Superusers.
    Superusers,
    /// Of each record those for whom it holds.
    When(Rule),
}

/// An event on its way out, asked about for one after the other.
#[derive(Debug)]
pub struct Leaving<'e> {
    /// The event.
    pub event: &'e Event,
    /// When it leaves: what `@now` is for rules.
    now: Timestamp,
    /// Its record, read when the first asks for it.
    record: OnceCell<Option<Record<'e>>>,
    /// What the rule of its collection says of it, where that is the same for all.
    for_all: OnceCell<Verdict>,
}

/// Who asks, as far as rules know.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asker<'a> {
    /// The claims; none for a guest.
    pub(super) auth: Option<&'a Json>,
    /// Whether every rule is passed.
    pub(super) is_superuser: bool,
}

// === impl Rules ===

impl Rules {
    /// Whether these claims make a superuser.
    pub(super) fn is_superuser(&self, auth: Option<&Json>, now: Timestamp) -> bool {
        let (Some(rule), Some(auth)) = (&self.superusers, auth) else {
            return false;
        };
        let facts = Facts {
            record: None,
            auth: Some(&Record::parse(auth)),
            request: None,
            now,
        };
        rule.holds(&facts) == Verdict::Holds
    }

    /// Whether the event may leave to who asks.
    pub(super) fn allow(&self, leaving: &Leaving<'_>, asker: Asker<'_>) -> bool {
        let Some(Topic::Write(_, collection)) = Topic::of(leaving.event) else {
            return true;
        };
        match self.collections.get(collection) {
            None | Some(Hear::Everyone) => true,
            Some(_) if asker.is_superuser => true,
            Some(Hear::Superusers) => false,
            Some(Hear::When(rule)) => leaving.verdict(rule, asker.auth) == Verdict::Holds,
        }
    }

    /// How it is found whether who asks may hear of a record; none: the collection has no rule.
    pub(super) fn keys(&self, collection: &str, asker: Asker<'_>) -> Option<Keys> {
        Some(match self.collections.get(collection)? {
            Hear::Everyone => Keys::Always,
            _ if asker.is_superuser => Keys::Always,
            Hear::Superusers => Keys::Never,
            Hear::When(rule) => rule.keys(asker.auth.map(Record::parse).as_ref(), None),
        })
    }
}

// === impl Leaving ===

impl<'e> Leaving<'e> {
    /// The event, which leaves now.
    #[must_use]
    pub fn new(event: &'e Event, now: Timestamp) -> Self {
        Self {
            event,
            now,
            record: OnceCell::new(),
            for_all: OnceCell::new(),
        }
    }

    /// Its record; none where it has none.
    #[must_use]
    pub fn record(&self) -> Option<&Record<'e>> {
        let read = || match &self.event.kind {
            Kind::Write { record, .. } => record.as_ref().map(Record::parse),
            Kind::Custom { .. } | Kind::Gap | Kind::Uncertain { .. } => None,
        };
        self.record.get_or_init(read).as_ref()
    }

    /// What the rule of its collection says for who has these claims.
    fn verdict(&self, rule: &Rule, auth: Option<&Json>) -> Verdict {
        let asked = |auth: Option<&Json>| {
            rule.holds(&Facts {
                record: self.record(),
                auth: auth.map(Record::parse).as_ref(),
                request: None,
                now: self.now,
            })
        };
        if rule.asks_request() {
            asked(auth)
        } else {
            *self.for_all.get_or_init(|| asked(None))
        }
    }
}
