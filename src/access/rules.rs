//! `access.rules`: of which records of a collection who may hear.
//!
//! | written | who hears |
//! | --- | --- |
//! | no entry for the collection | whoever the grant, or `global`, lets hear it |
//! | `hear: EXPRESSION` | of those, who the expression lets hear the record |
//! | `hear: ""` | of those, everyone |
//! | `hear:` without a value, or none | of those, superusers |
//! | `list:` and `view:` instead | the same, for who hears all of the collection and one record |
//! | `rule: upstream` | of those, to whom the upstream shows the record |
//! | `rule: upstream` beside others | the same, where the others cannot decide |
//!
//! A rule comes after the grant and gives nothing that the grant does not. Superusers pass every
//! rule. What a rule cannot decide is denied, unless the upstream is to be asked: also an event
//! without a record, unless the claims alone decide. The entry `*` is that of every collection that
//! has none of its own.

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::value::RawValue;

use super::reads::{Hears, Reading, Reads};
use super::{Grant, Presented, Shown};
use crate::event::{Event, Json, Kind};
use crate::observe::json;
use crate::observe::rule::Pointer;
use crate::rule::{Facts, Keys, Record, Request, Rule, Verdict};
use crate::topic::Topic;

/// `access.rules`, and `access.superusers`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rules {
    /// By collection; one that is not in it has those of `rest`.
    pub collections: BTreeMap<Box<str>, CollectionRules>,
    /// For every other collection; none: it has no rule.
    pub rest: Option<CollectionRules>,
    /// Whose claims make a superuser: a rule that asks nothing of a record. None: nobody's.
    pub superusers: Option<Rule>,
    /// What of records is not told and yet asked for by some rule: it cannot decide that.
    pub hidden: Box<[Hidden]>,
    /// How long what the upstream says of a record counts for later writes to it, too. In
    /// [`crate::limits::RULE_CACHE`].
    pub cache: Duration,
}

/// What is taken out of records before they are told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hidden {
    /// The names that lead to it.
    pub names: Arc<[Box<str>]>,
    /// Where `true` stands in records that keep it, if anything does; none: it is taken out of all.
    pub unless: Option<Pointer>,
}

/// Who may hear of a collection's records, by how they are heard of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CollectionRules {
    /// Among all of the collection.
    pub list: Hear,
    /// By its own id.
    pub view: Hear,
    /// Whether those are told, as of a delete and without the record, whom a rule no longer lets
    /// hear it after a change.
    pub tells_leaving: bool,
}

/// Who may hear of a collection's records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Hear {
    /// Everyone whose grant says so.
    Everyone,
    /// Superusers.
    Superusers,
    /// To whom the upstream shows the record.
    Upstream,
    /// Of each record those for whom it holds.
    When(Rule),
    /// Of each record those for whom it holds, and where it cannot decide those to whom the upstream
    /// shows the record.
    WhenOrUpstream(Rule),
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
    /// Another name that its record has for its collection, read when the first asks for it.
    alias: OnceCell<Option<Box<str>>>,
    /// What the rules of its collection say of it, where that is the same for all.
    for_all: [OnceCell<Verdict>; 2],
}

/// Who asks, as far as rules know.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asker<'a> {
    /// The claims; none for a guest.
    pub(super) auth: Option<&'a Json>,
    /// What came with the request to hear; none: nothing that rules know of.
    pub(super) request: Option<&'a Request>,
    /// The credential that the upstream knows; none: it knows a guest.
    pub(super) presented: Option<&'a Arc<Presented>>,
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
    pub(super) fn allow(
        &self,
        leaving: &Leaving<'_>,
        reading: Reading,
        asker: Asker<'_>,
        reads: &Reads,
    ) -> Hears {
        let Some(Topic::Write(_, collection)) = Topic::of(leaving.event) else {
            return Hears::Yes(Shown::All);
        };
        let upstream = || {
            let (event, presented) = (leaving.event, asker.presented);
            match reads.hears(event, presented, reading, self.cache, leaving.now) {
                Hears::Yes(shown) => Hears::Yes(shown.for_event(event)),
                other => other,
            }
        };
        if let Kind::Left { after, .. } = &leaving.event.kind {
            let left = self.of(collection).is_some_and(|of| {
                !asker.is_superuser
                    && self.has_left(leaving, after, of.rule(reading), reading, asker)
            });
            return if left {
                Hears::Yes(Shown::All)
            } else {
                Hears::No
            };
        }
        match self.of(collection).map(|of| of.rule(reading)) {
            None | Some(Hear::Everyone) => Hears::Yes(Shown::All),
            Some(_) if asker.is_superuser => Hears::Yes(Shown::All),
            Some(Hear::Superusers) => Hears::No,
            Some(Hear::Upstream) => upstream(),
            Some(Hear::When(rule)) => match leaving.verdict(rule, reading, asker, &self.hidden) {
                Verdict::Holds => Hears::Yes(Shown::All),
                Verdict::Fails | Verdict::Undecided => Hears::No,
            },
            Some(Hear::WhenOrUpstream(rule)) => {
                match leaving.verdict(rule, reading, asker, &self.hidden) {
                    Verdict::Holds => Hears::Yes(Shown::All),
                    Verdict::Fails => Hears::No,
                    Verdict::Undecided => upstream(),
                }
            }
        }
    }

    /// Whether the rule let who asks hear of the record before, and does not let them after.
    fn has_left(
        &self,
        leaving: &Leaving<'_>,
        after: &Json,
        hear: &Hear,
        reading: Reading,
        asker: Asker<'_>,
    ) -> bool {
        let (Hear::When(rule) | Hear::WhenOrUpstream(rule)) = hear else {
            return false;
        };
        let auth = asker.auth.map(Record::parse);
        let facts = Facts {
            record: Some(&Record::parse(after).without(hidden_in(after, &self.hidden))),
            auth: auth.as_ref(),
            request: asker.request,
            now: leaving.now,
        };
        leaving.verdict(rule, reading, asker, &self.hidden) == Verdict::Holds
            && rule.holds(&facts) == Verdict::Fails
    }

    /// Every expression.
    pub fn expressions(&self) -> impl Iterator<Item = &Rule> {
        let all = self.collections.values().chain(&self.rest);
        all.flat_map(|of| [&of.list, &of.view])
            .filter_map(|hear| match hear {
                Hear::When(rule) | Hear::WhenOrUpstream(rule) => Some(rule),
                Hear::Everyone | Hear::Superusers | Hear::Upstream => None,
            })
    }

    /// The rules of a collection.
    fn of(&self, collection: &str) -> Option<&CollectionRules> {
        self.collections.get(collection).or(self.rest.as_ref())
    }

    /// Whether those are told who can see a record of the collection no more.
    #[must_use]
    pub fn tells_leaving(&self, collection: &str) -> bool {
        self.of(collection).is_some_and(|of| of.tells_leaving)
    }

    /// Whether the upstream decides anything.
    #[must_use]
    pub fn asks_upstream(&self) -> bool {
        let asks = |hear: &Hear| matches!(hear, Hear::Upstream | Hear::WhenOrUpstream(_));
        let mut all = self.collections.values().chain(&self.rest);
        all.any(|of| asks(&of.list) || asks(&of.view))
    }

    /// How it is found whether who asks may hear of a record; none: the collection has no rule.
    pub(super) fn keys(
        &self,
        collection: &str,
        reading: Reading,
        asker: Asker<'_>,
    ) -> Option<Keys> {
        Some(match self.of(collection)?.rule(reading) {
            Hear::Everyone => Keys::Always,
            _ if asker.is_superuser => Keys::Always,
            Hear::Superusers => Keys::Never,
            Hear::Upstream | Hear::WhenOrUpstream(_) => Keys::Asked,
            // Each subscription has a query of its own.
            Hear::When(rule) if rule.asks_sent() => Keys::Asked,
            Hear::When(rule) => rule.keys(asker.auth.map(Record::parse).as_ref(), None),
        })
    }
}

// === impl CollectionRules ===

impl CollectionRules {
    /// One rule for both.
    #[must_use]
    pub fn hear(rule: Hear) -> Self {
        Self {
            list: rule.clone(),
            view: rule,
            tells_leaving: false,
        }
    }

    /// The rule for that.
    #[must_use]
    pub fn rule(&self, reading: Reading) -> &Hear {
        match reading {
            Reading::List => &self.list,
            Reading::View => &self.view,
        }
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
            alias: OnceCell::new(),
            for_all: Default::default(),
        }
    }

    /// When it leaves.
    pub(super) fn now(&self) -> Timestamp {
        self.now
    }

    /// Its record; none where it has none.
    #[must_use]
    pub fn record(&self) -> Option<&Record<'e>> {
        let read = || self.json().map(Record::parse);
        self.record.get_or_init(read).as_ref()
    }

    /// What its record says that its collection is called besides: `collectionId`, as PocketBase
    /// has it.
    pub(super) fn alias(&self) -> Option<&str> {
        let read = || {
            let record = self.json()?;
            if !record.as_str().contains(ALIAS) {
                return None;
            }
            let members = json::members(serde_json::from_str(record.as_str()).ok()?)?;
            let own = members.iter().rfind(|member| member.is(ALIAS))?;
            json::string(own.value).map(Into::into)
        };
        self.alias.get_or_init(read).as_deref()
    }

    fn json(&self) -> Option<&'e Json> {
        match &self.event.kind {
            Kind::Write { record, .. } => record.as_ref(),
            Kind::Left { before, .. } => Some(before),
            Kind::Custom { .. } | Kind::Gap | Kind::Uncertain { .. } => None,
        }
    }

    /// What a rule of the one who hears says, whose claims are those of `grant`, of what is shown of
    /// the record.
    #[must_use]
    pub fn asked(&self, rule: &Rule, grant: &Grant, request: &Request, shown: &Shown) -> Verdict {
        self.showing(shown, |record| {
            rule.holds(&Facts {
                record,
                auth: grant.asker().auth.map(Record::parse).as_ref(),
                request: Some(request),
                now: self.now,
            })
        })
    }

    /// What comes of its record as it is shown.
    pub(super) fn showing<T>(&self, shown: &Shown, of: impl FnOnce(Option<&Record<'_>>) -> T) -> T {
        let hidden = match &self.event.kind {
            Kind::Write { record, .. } => record.as_ref().and_then(|record| shown.of(record)),
            Kind::Custom { .. } | Kind::Gap | Kind::Left { .. } | Kind::Uncertain { .. } => None,
        };
        match hidden {
            None => of(self.record()),
            Some(json) => of(Some(&Record::parse(&json))),
        }
    }

    /// What the rule of its collection says for who asks.
    fn verdict(
        &self,
        rule: &Rule,
        reading: Reading,
        asker: Asker<'_>,
        hidden: &[Hidden],
    ) -> Verdict {
        let json = self.json().filter(|_| !hidden.is_empty());
        let cut = json.map(|json| Record::parse(json).without(hidden_in(json, hidden)));
        let asked = |auth: Option<&Json>| {
            rule.holds(&Facts {
                record: cut.as_ref().or_else(|| self.record()),
                auth: auth.map(Record::parse).as_ref(),
                request: asker.request,
                now: self.now,
            })
        };
        if rule.asks_request() {
            return asked(asker.auth);
        }
        let [list, view] = &self.for_all;
        let for_all = match reading {
            Reading::List => list,
            Reading::View => view,
        };
        *for_all.get_or_init(|| asked(None))
    }
}

/// The member of a record that has another name of its collection.
const ALIAS: &str = "collectionId";

/// What was taken out of that record.
fn hidden_in(record: &Json, hidden: &[Hidden]) -> Vec<Arc<[Box<str>]>> {
    let raw = serde_json::from_str::<&RawValue>(record.as_str()).ok();
    let is_hidden = |one: &&Hidden| {
        one.unless.as_ref().is_none_or(|unless| {
            let unless = raw.and_then(|raw| unless.find(raw));
            unless.is_some_and(|unless| unless.get() != "true")
        })
    };
    let hidden = hidden.iter().filter(is_hidden);
    hidden.map(|one| Arc::clone(&one.names)).collect()
}
