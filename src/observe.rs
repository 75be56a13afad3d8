//! A finished exchange and the operator's rules to events.
//!
//! ```text
//! method, path ── Observe::target ──► Target ── Target::events(Answer) ──► [Kind]
//!                  rules, ignore        │ kept while the upstream works
//!                  collections          └ none: the request is not observed
//! ```
//!
//! What a write amounts to is either known whole or said to be uncertain, never guessed:
//!
//! | the upstream | the events |
//! | --- | --- |
//! | succeeded, and every record is known | [`Kind::Write`], one or several |
//! | refused | none |
//! | succeeded, and not every record is known | one [`Kind::Uncertain`] |
//! | failed (5xx), only promised (202), answered in parts (207), was lost | one [`Kind::Uncertain`] |
//!
//! A path that can be read in two ways is matched in its canonical form, and its success is
//! uncertain. So is that of `/POSTS/1` where the rule says that its upstream reads paths in any
//! case: it is one of `posts`, and whoever hears that collection is told. Everything that differs
//! from backend to backend is in a [`rule::Rule`].
//!
//! Pure: no clock, no I/O, and no state but the names that records told of their collections. It
//! does not know who hears of an event, or whether anyone does.

pub mod preset;
pub mod rule;

mod aliases;
mod batch;
mod coding;
mod extract;
mod form;
#[cfg(any(fuzzing, test))]
pub(crate) mod fuzzing;
pub(crate) mod json;
mod observed;
mod overriding;
mod path;
mod record;
mod strict;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

pub use aliases::Aliases;
pub use batch::{Batch, Batched, Gap};
pub use coding::{Coding, Codings};
pub use observed::Observed;
pub use overriding::{MethodOverride, Overridden};

use crate::event::{Id, Json, Kind, Method};
use extract::{Sent, Success};
use http::HeaderMap;
use json::Content;
use path::Canonical;
use rule::{Case, Complete, Globs, Outcome, Place, Pointer, Read, Rule};
use serde_json::value::RawValue;

/// The `observe:` section of the configuration, compiled.
#[derive(Clone, Debug, Default)]
pub struct Observe {
    /// What is observed and how it is read; the first whose path and method match decides.
    pub rules: Vec<Arc<Rule>>,
    /// Requests that hold several of such.
    pub batches: Vec<Arc<Batch>>,
    /// Requests that change records of collections that they do not name.
    pub gaps: Vec<Arc<Gap>>,
    /// Where a request may say that it is another method; none: nowhere.
    pub method_override: Option<MethodOverride>,
    /// Paths that are never observed, whatever the rules say, in any spelling and any case.
    pub ignore: Globs,
    /// The only collections that are observed; none: all that the rules find. In any case, where
    /// the rule's path is.
    pub collections: Option<Arc<BTreeSet<Box<str>>>>,
    /// Names of collections that paths have and records do not.
    pub aliases: Arc<Aliases>,
    /// Collections that the configuration names, by their names in lower case: so are those spelt
    /// that an upstream takes in any case and of which no record was seen yet.
    pub spelt: Arc<BTreeMap<Box<str>, Arc<str>>>,
    /// What is taken out of each record, as seen from the record.
    ///
    /// Every member of that name goes. An array on the way is entered, with or without an
    /// index, and each of its elements loses what the rest of the pointer names. The ids
    /// that an event tells are not touched.
    pub redact: Arc<[Pointer]>,
    /// Bytes of records that are remembered for deletes: `remember`, 16 MiB by default, in
    /// [`crate::limits::REMEMBER`].
    pub remember_bytes: usize,
    /// Whether a record that is not known is read before its delete goes to the upstream.
    pub read_before_delete: bool,
}

/// A request that is to be observed: what it will have been about if it succeeds.
#[derive(Clone, Debug)]
pub struct Target {
    method: Method,
    collection: Arc<str>,
    /// The id in the path; none where there is none, and where the path is not exact.
    id: Option<Id>,
    /// Whether there is no second opinion on what the path means.
    exact: bool,
    /// Whether its answer holds a part of the record only.
    partial: bool,
    /// The only collections of which it may tell; none: any.
    allowed: Option<Arc<BTreeSet<Box<str>>>>,
    aliases: Arc<Aliases>,
    rule: Arc<Rule>,
    redact: Arc<[Pointer]>,
}

/// What a write amounts to, and how its record is found that it did not tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Happened {
    /// The event, as far as it was told.
    pub kind: Kind,
    /// How it is completed.
    pub completion: Completion,
}

/// How an event is completed whose record was not told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Completion {
    /// With what was read before it was deleted, unless more is known by now.
    Before(Json),
    /// It is not.
    None,
    /// With what was sent, over what was known: an object, without what is not told.
    Request(Json),
    /// By reading the record.
    Upstream,
}

/// How an observed exchange ended.
#[derive(Clone, Copy, Debug)]
pub enum Answer<'a> {
    /// The upstream answered to the end.
    Complete {
        /// The final status.
        status: u16,
        /// The answer's `Location`, where it has one that is text.
        location: Option<&'a str>,
        /// The `Content-Type` of the request, where it has one that is text.
        media: Option<&'a str>,
        /// The request's body.
        request: Body<'a>,
        /// The answer's body.
        response: Body<'a>,
    },
    /// The request went to the upstream, and its answer did not come to its end; with the
    /// status, where the head had come.
    Lost {
        /// The status of the answer's head, if that came.
        status: Option<u16>,
    },
}

/// A body as it was kept.
#[derive(Clone, Copy, Debug)]
pub enum Body<'a> {
    /// Longer than the cap, or coded in a way that cannot be read.
    Unknown,
    /// All of it; empty where there was none.
    Whole(&'a [u8]),
}

impl From<Kind> for Happened {
    /// An event that lacks nothing.
    fn from(kind: Kind) -> Self {
        let completion = Completion::None;
        Self { kind, completion }
    }
}

/// A record with what was sent of it over what was known: each member that was sent is as it was
/// sent. None if one of the two is no object.
#[must_use]
pub fn merged(known: &Json, sent: &Json) -> Option<Json> {
    let raw = |json: &Json| serde_json::from_str::<Box<RawValue>>(json.as_str()).ok();
    record::merged(&raw(known)?, &raw(sent)?)
}

// === impl Observe ===

impl Observe {
    /// How a request of `method` on `path`, with that query and those fields, is observed; none if
    /// it is not.
    #[must_use]
    pub fn observed(
        &self,
        method: &str,
        path: &str,
        query: &str,
        headers: &HeaderMap,
    ) -> Option<Observed> {
        match &self.method_override {
            Some(by) => self.overridden(by, method, (path, query), headers),
            None => self.plain(method, path, query),
        }
    }

    /// How a request is observed that is the method which it is sent with.
    fn plain(&self, method: &str, path: &str, query: &str) -> Option<Observed> {
        self.batch(method, path).or_else(|| {
            let target = self.target(method, path)?;
            Some(Observed::One(target.asked(query)))
        })
    }

    /// How a request is observed that holds several, or nobody knows what; none if it does not.
    fn batch(&self, method: &str, path: &str) -> Option<Observed> {
        let batched = self.batched(Method::of(method)?, path)?;
        Some(Observed::Batch(Box::new(batched)))
    }

    /// What a request of `method` on `path` (raw, without its query) would be about; none if
    /// it is not observed.
    ///
    /// Runs for every request and allocates nothing for one that only reads.
    #[must_use]
    pub fn target(&self, method: &str, path: &str) -> Option<Target> {
        let method = Method::of(method)?;
        let path = Canonical::of(path);
        if path.readings().any(|path| self.ignore.matches(path)) {
            return None;
        }
        let (rule, place) = path
            .readings()
            .find_map(|reading| self.find(method, reading))?;
        let exact = path.is_exact() && place.exact;
        // `*` in the place of an id is a selection, as in RestDB's `DELETE /company/*?q={}`.
        let id = place.id.filter(|id| exact && *id != "*");
        let named = rule.collection.is_some();
        let alias = named.then(|| self.name(&place.collection)).flatten();
        Some(Target {
            method,
            collection: alias.unwrap_or_else(|| place.collection.into()),
            id: id.and_then(Id::new),
            exact,
            partial: false,
            allowed: self.collections.clone().filter(|_| named),
            aliases: Arc::clone(&self.aliases),
            rule: Arc::clone(rule),
            redact: Arc::clone(&self.redact),
        })
    }

    /// What a collection is called that a path calls so, where records say what they are called.
    fn name(&self, path: &str) -> Option<Arc<str>> {
        let spelt = || self.spelt.get(&*path.to_lowercase()).cloned();
        self.aliases.name(path).or_else(spelt)
    }

    /// How a record is read from the upstream, whichever its collection: as the first rule says that
    /// says it, and what else that rule says of records.
    #[must_use]
    pub fn read(&self) -> Option<(&Rule, &Read)> {
        let mut rules = self.rules.iter();
        rules.find_map(|rule| Some((&**rule, rule.read.as_ref()?)))
    }

    /// What is told of the record in the answer to a GET of it, if that is what it is.
    #[must_use]
    pub fn told(&self, rule: &Rule, body: &[u8], id: &Id) -> Option<Json> {
        let shown = rule.shown(body, id)?;
        let raw = serde_json::from_str(shown.as_str()).ok()?;
        rule.named(raw, &self.aliases);
        record::told(raw, &rule.conceal, &self.redact)
    }

    /// The first rule for the request, unless it finds a collection that is not allowed.
    fn find<'p>(&self, method: Method, path: &'p str) -> Option<(&Arc<Rule>, Place<'p>)> {
        let (rule, place) = self
            .rules
            .iter()
            .filter(|rule| rule.methods.contains(&method))
            .find_map(|rule| Some((rule, rule.path.find(path)?)))?;
        let Some(names) = &self.collections else {
            return Some((rule, place));
        };
        // A path may have another name for one that is.
        if rule.collection.is_some() {
            return Some((rule, place));
        }
        if rule.path.case() == Case::Exact {
            return names.contains(&*place.collection).then_some((rule, place));
        }
        // As it is named there it is spelt right, capitals and all.
        let spelt = rule.path.find_spelt(path);
        if let Some(spelt) = spelt.filter(|spelt| names.contains(&*spelt.collection)) {
            return Some((rule, spelt));
        }
        let found = &*place.collection;
        let name = names.iter().find(|name| name.eq_ignore_ascii_case(found))?;
        let place = Place {
            collection: name.to_string().into(),
            id: None,
            exact: false,
        };
        Some((rule, place))
    }
}

// === impl Target ===

impl Target {
    /// The request's method.
    #[must_use]
    pub fn method(&self) -> Method {
        self.method
    }

    /// The collection that the path names.
    #[must_use]
    pub fn collection(&self) -> &str {
        &self.collection
    }

    /// The record that the path names; none where it names none, or not without a doubt.
    #[must_use]
    pub fn id(&self) -> Option<&Id> {
        self.id.as_ref()
    }

    /// Whether there is no second opinion on what the path means: if not, a success is uncertain.
    #[must_use]
    pub fn is_exact(&self) -> bool {
        self.exact
    }

    /// The same, whose request has that query.
    #[must_use]
    pub fn asked(mut self, query: &str) -> Self {
        let partial = &self.rule.partial;
        self.partial = !partial.is_empty()
            && form_urlencoded::parse(query.as_bytes())
                .any(|(name, value)| !value.is_empty() && partial.iter().any(|own| **own == name));
        self
    }

    /// The events that the exchange amounts to: none if the upstream refused the write, or
    /// says that no record changed.
    #[must_use]
    pub fn events(&self, answer: Answer<'_>) -> Vec<Happened> {
        let request = match answer {
            Answer::Complete { request, media, .. } => Sent::new(request, media),
            Answer::Lost { .. } => Sent::new(Body::Unknown, None),
        };
        let mut events = match answer {
            Answer::Complete {
                status,
                location,
                response,
                ..
            } => match (self.rule.outcome(status), response) {
                (Outcome::Refused, _) => Vec::new(),
                (Outcome::Succeeded, Body::Whole(_)) if self.exact && !self.rule.uncertain => {
                    let success = Success {
                        target: self,
                        location,
                        request: &request,
                        answer: Content::of(response),
                    };
                    success.events()
                }
                (Outcome::Succeeded | Outcome::Unknown, _) => vec![self.uncertain(self.id.clone())],
            },
            Answer::Lost { status } => match status.map(|status| self.rule.outcome(status)) {
                Some(Outcome::Refused) => Vec::new(),
                Some(Outcome::Succeeded | Outcome::Unknown) | None => {
                    vec![self.uncertain(self.id.clone())]
                }
            },
        };
        if let Some(allowed) = &self.allowed {
            events.retain(|event| {
                event
                    .collection()
                    .is_none_or(|name| allowed.contains(&**name))
            });
        }
        let happened = events.into_iter().map(|kind| Happened {
            completion: self.completion(&kind, &request),
            kind,
        });
        happened.collect()
    }

    /// How that event is completed, if it lacks its record.
    fn completion(&self, kind: &Kind, request: &Sent<'_>) -> Completion {
        let Kind::Write {
            method: Method::Patch | Method::Post | Method::Put,
            ids,
            record: None,
            ..
        } = kind
        else {
            return Completion::None;
        };
        let ([id], complete) = (ids.as_slice(), self.rule.complete) else {
            return Completion::None;
        };
        match complete {
            Complete::No => Completion::None,
            Complete::Upstream => Completion::Upstream,
            Complete::Request => {
                let sent = request.json().and_then(|request| self.sent(request, id));
                sent.map_or(Completion::None, Completion::Request)
            }
        }
    }

    /// The record that was sent, with its id; none if it is no object.
    fn sent(&self, request: &RawValue, id: &Id) -> Option<Json> {
        let sent = self.rule.record.find(request).unwrap_or(request);
        let own = self.rule.id.first()?.below(&self.rule.record);
        let sent = match own.tokens() {
            [name] => record::with_id(sent, name, id)?,
            _ => json::is_object(sent).then(|| sent.to_owned())?,
        };
        record::told(&sent, &self.rule.conceal, &self.redact)
    }

    fn is_refused(&self, status: u16) -> bool {
        self.rule.outcome(status) == Outcome::Refused
    }

    /// The same, whose request may be another: that it succeeds is uncertain.
    fn in_doubt(&self) -> Self {
        Self {
            exact: false,
            ..self.clone()
        }
    }

    fn uncertain(&self, id: Option<Id>) -> Kind {
        Kind::Uncertain {
            method: self.method,
            collection: Arc::clone(&self.collection),
            id,
        }
    }

    /// A write to these records; with the one that was told, if one was.
    fn write(&self, ids: Vec<Id>, told: Option<&RawValue>) -> Kind {
        let named = told.and_then(|record| self.rule.named(record, &self.aliases));
        // It may have been learned since the request came.
        let named = named.or_else(|| {
            let aliases = self.rule.collection.as_ref().map(|_| &self.aliases);
            aliases?.name(&self.collection)
        });
        let whole = told.filter(|_| !self.partial);
        Kind::Write {
            method: self.method,
            collection: named.unwrap_or_else(|| Arc::clone(&self.collection)),
            ids,
            record: whole.and_then(|record| record::told(record, &self.rule.conceal, &self.redact)),
        }
    }
}

#[cfg(test)]
mod tests;
