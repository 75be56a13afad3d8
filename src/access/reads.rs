//! `rule: upstream`: what the upstream shows of a record to whom, as it said itself.
//!
//! ```text
//!   an event, who may hear it ──► Read ──► Reads ──► Shown
//!                                          ▲ │ nothing that counts
//!                                          │ ▼
//!                                      whoever asks the upstream
//! ```
//! One question is asked for each credential and record, however many streams share it. An answer
//! counts for every event up to the place where the log was when it was asked for, as long as a
//! right that was lost may count ([`READ_FRESH`]); and, if the configuration says so, for what
//! comes later, as long as that says. Nobody hears of what the upstream does not answer.
//!
//! A delete is decided by the last answer before it: nothing is left to ask for. A write that a
//! delete follows at once may be asked about when the record is gone already, and then nothing is
//! shown of it: who was shown it until then is told the delete without the record.

use std::collections::{HashSet, VecDeque};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use parking_lot::Mutex;
use quick_cache::Weighter;
use quick_cache::unsync::Cache;

use super::Shown;
use super::identity::Presented;
use crate::event::{Cursor, Event, Id, Json, Kind, Method};
use crate::limits::{
    READ_FRESH, READ_NAMES_BYTES_MAX, READS_KEPT, READS_KEPT_BYTES, READS_WAITING_MAX,
};
use crate::observe::json;

/// A question: a record, read as somebody.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Read {
    /// Who reads: what tells their credential from all others; zeros for a guest.
    who: [u8; 16],
    /// As what it is read.
    pub reading: Reading,
    /// The collection.
    pub collection: Arc<str>,
    /// The record.
    pub id: Id,
    /// The relations whose records are asked for beside it; none: it is asked for alone.
    pub expand: Option<Arc<str>>,
}

/// How a record is heard of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reading {
    /// Among all of its collection.
    List,
    /// By its own id.
    View,
}

/// Whether an event may leave to somebody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Hears {
    /// It may not.
    No,
    /// The upstream has to say so, and is being asked.
    Unasked(Arc<Read>),
    /// It may, and so much of its record.
    Yes(Shown),
}

/// A question on its way to the upstream.
#[derive(Debug)]
pub struct Asked {
    /// The question.
    pub read: Arc<Read>,
    /// The credential that the upstream is shown; none: a guest has none.
    pub presented: Option<Arc<Presented>>,
    /// When it was first asked: who waits has waited since.
    pub since: Timestamp,
    generation: u64,
}

/// What is known and what is asked.
pub struct Reads(Mutex<State>);

struct State {
    /// Bounded by [`READS_KEPT_BYTES`]: those that are looked for least go.
    answers: Cache<Arc<Read>, Answer, Bytes>,
    /// Bounded by [`READS_WAITING_MAX`].
    waiting: VecDeque<Asked>,
    /// Those that wait and those that are being asked.
    asking: HashSet<Arc<Read>>,
    /// Those that have ended since somebody looked. Bounded as `asking` is: looked at in each turn.
    ended: Vec<Arc<Read>>,
    /// Counts what made every answer meaningless.
    generation: u64,
}

/// What an answer counts for.
#[derive(Clone, Debug)]
struct Bytes;

/// What the upstream answered.
#[derive(Clone, Debug)]
struct Answer {
    /// The names that it showed; none: nothing.
    names: Option<Arc<[Box<str>]>>,
    /// The records of relations that it showed beside it.
    expanded: Option<Arc<Json>>,
    /// How far the log was when it was asked.
    upto: Cursor,
    at: Timestamp,
    /// Since when it shows nothing, after it had shown something.
    lost: Option<Timestamp>,
}

// === impl Reads ===

impl Reads {
    /// What the upstream shows of the event's record to who presents that. What is not known
    /// is asked for, and the answer is then [`Hears::Unasked`].
    pub(super) fn hears(
        &self,
        event: &Event,
        presented: Option<&Arc<Presented>>,
        reading: Reading,
        cache: Duration,
        now: Timestamp,
    ) -> Hears {
        let (method, collection, ids) = match &event.kind {
            Kind::Custom { .. } | Kind::Gap | Kind::Left { .. } => return Hears::No,
            Kind::Uncertain {
                method,
                collection,
                id,
            } => (method, collection, id.as_slice()),
            Kind::Write {
                method,
                collection,
                ids,
                ..
            } => (method, collection, ids.as_slice()),
        };
        let who = presented.map(|presented| presented.print());
        let read = |id: &Id| Read {
            who: who.unwrap_or_default(),
            reading,
            collection: Arc::clone(collection),
            id: id.clone(),
            expand: None,
        };
        let mut state = self.0.lock();
        if *method == Method::Delete {
            return state.hears_of_delete(ids.iter().map(read), event);
        }
        // Of several nothing is told that one does not know whole; only deletes are of several.
        let [id] = ids else {
            return Hears::No;
        };
        let counts = |answer: &Answer| answer.counts(event.cursor, cache, now);
        match state.find(read(id), presented, counts, now) {
            Ok(answer) => answer.map_or(Hears::No, |answer| answer.hears()),
            Err(read) => Hears::Unasked(read),
        }
    }

    /// The records of those relations, as the upstream shows them beside the event's own to who
    /// presents that; none where it shows none, and with what tells no record.
    ///
    /// # Errors
    /// [`Read`]: it is being asked that first.
    pub(super) fn expanded(
        &self,
        event: &Event,
        presented: Option<&Arc<Presented>>,
        reading: Reading,
        expand: &Arc<str>,
        now: Timestamp,
    ) -> Result<Option<Arc<Json>>, Arc<Read>> {
        let Kind::Write {
            method: Method::Patch | Method::Post | Method::Put,
            collection,
            ids,
            record: Some(_),
        } = &event.kind
        else {
            return Ok(None);
        };
        let [id] = ids.as_slice() else {
            return Ok(None);
        };
        let read = Read {
            who: presented.map(|of| of.print()).unwrap_or_default(),
            reading,
            collection: Arc::clone(collection),
            id: id.clone(),
            expand: Some(Arc::clone(expand)),
        };
        let counts = |answer: &Answer| answer.counts(event.cursor, Duration::ZERO, now);
        let answer = self.0.lock().find(read, presented, counts, now)?;
        Ok(answer.and_then(|answer| answer.expanded))
    }

    /// Whether a question waits.
    #[must_use]
    pub fn is_asked(&self) -> bool {
        !self.0.lock().waiting.is_empty()
    }

    /// How many questions are not answered yet, those that are being asked included.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.0.lock().asking.len()
    }

    /// The next question, if one waits.
    #[must_use]
    pub fn take(&self) -> Option<Asked> {
        self.0.lock().waiting.pop_front()
    }

    /// Keeps the record that the upstream showed, none if it showed none or did not say, as its
    /// answer came at `at`. It was asked when the log was at `upto`.
    pub fn keep(&self, asked: &Asked, shown: Option<&Json>, upto: Cursor, at: Timestamp) {
        let mut state = self.0.lock();
        if asked.generation == state.generation {
            let names = shown.and_then(names_of);
            let expanded = shown.filter(|_| asked.read.expand.is_some());
            let expanded = expanded.and_then(expanded_of);
            let lost = match (&names, state.answers.get(&asked.read)) {
                (None, Some(old)) if old.names.is_some() => Some(at),
                (None, Some(old)) => old.lost,
                _ => None,
            };
            let answer = Answer {
                names,
                expanded,
                upto,
                at,
                lost,
            };
            state.answers.insert(Arc::clone(&asked.read), answer);
            state.asking.remove(&asked.read);
        }
        state.ended.push(Arc::clone(&asked.read));
    }

    /// The questions that have ended since this was asked last.
    #[must_use]
    pub fn take_ended(&self) -> Vec<Arc<Read>> {
        std::mem::take(&mut self.0.lock().ended)
    }

    /// Forgets everything: there are other rules, or there is another upstream.
    pub fn forget(&self) {
        let mut state = self.0.lock();
        state.generation += 1;
        state.answers.clear();
        state.asking.clear();
        // Whoever waits for them asks anew.
        let waiting = std::mem::take(&mut state.waiting);
        let ended = waiting.into_iter().map(|asked| asked.read);
        state.ended.extend(ended);
    }
}

impl State {
    /// The answer to that question, if it counts; none: it cannot be asked, there are too many.
    ///
    /// # Errors
    /// [`Read`]: it is being asked.
    fn find(
        &mut self,
        read: Read,
        presented: Option<&Arc<Presented>>,
        counts: impl FnOnce(&Answer) -> bool,
        now: Timestamp,
    ) -> Result<Option<Answer>, Arc<Read>> {
        if let Some(answer) = self.answers.get(&read).filter(|answer| counts(answer)) {
            return Ok(Some(answer.clone()));
        }
        if let Some(under_way) = self.asking.get(&read) {
            return Err(Arc::clone(under_way));
        }
        if self.waiting.len() >= READS_WAITING_MAX {
            return Ok(None);
        }
        let read = Arc::new(read);
        self.asking.insert(Arc::clone(&read));
        self.waiting.push_back(Asked {
            read: Arc::clone(&read),
            presented: presented.cloned(),
            since: now,
            generation: self.generation,
        });
        Err(read)
    }

    /// Of each there has to be an answer, and what all of them show is shown.
    fn hears_of_delete(&self, reads: impl Iterator<Item = Read>, delete: &Event) -> Hears {
        let mut hears = Hears::No;
        for read in reads {
            let answer = self.answers.get(&read);
            hears = match (answer.map(|answer| answer.hears_of_delete(delete)), hears) {
                (Some(Hears::Yes(own)), Hears::Yes(others)) => Hears::Yes(others.and(own)),
                (Some(Hears::Yes(own)), _) => Hears::Yes(own),
                _ => return Hears::No,
            };
        }
        hears
    }
}

impl Answer {
    fn counts(&self, event: Cursor, cache: Duration, now: Timestamp) -> bool {
        let age = Duration::try_from(now.duration_since(self.at)).unwrap_or_default();
        (self.covers(event) && age <= READ_FRESH) || age < cache
    }

    /// Whether it was asked for when the log had the event already.
    fn covers(&self, event: Cursor) -> bool {
        self.upto.epoch == event.epoch && self.upto.seq >= event.seq
    }

    fn hears(&self) -> Hears {
        match &self.names {
            None => Hears::No,
            Some(names) => Hears::Yes(Shown::Only(Arc::clone(names))),
        }
    }

    /// The same of a delete. What was lost just before it, or since, may have been lost by it; what
    /// is shown since is another record of that id, or one that is deleted in name only.
    fn hears_of_delete(&self, delete: &Event) -> Hears {
        let by_it = |lost: Timestamp| {
            let before = Duration::try_from(delete.at.duration_since(lost));
            before.unwrap_or_default() <= READ_FRESH
        };
        let is_of_another = self.names.is_some() && self.covers(delete.cursor);
        if is_of_another || self.lost.is_some_and(by_it) {
            return Hears::Yes(Shown::Only(Arc::default()));
        }
        self.hears()
    }
}

/// The member of a record that has the records of its relations.
fn expanded_of(record: &Json) -> Option<Arc<Json>> {
    let raw = serde_json::from_str(record.as_str()).ok()?;
    let members = json::members(raw)?;
    let own = members.iter().rfind(|member| member.is(EXPANDED))?;
    Some(Arc::new(Json::compact(own.value)))
}

/// How PocketBase calls it.
const EXPANDED: &str = "expand";

/// The names of an object's members, each once; none if they are too many.
fn names_of(object: &Json) -> Option<Arc<[Box<str>]>> {
    let raw = serde_json::from_str(object.as_str()).ok();
    let members = raw.and_then(json::members).unwrap_or_default();
    let mut names: Vec<Box<str>> = members
        .iter()
        .filter_map(|member| Some(json::string(member.name)?.into()))
        .collect();
    names.sort_unstable();
    names.dedup();
    let bytes = names.iter().map(|name| name.len()).sum::<usize>();
    (bytes <= READ_NAMES_BYTES_MAX).then(|| names.into())
}

impl Weighter<Arc<Read>, Answer> for Bytes {
    fn weight(&self, read: &Arc<Read>, answer: &Answer) -> u64 {
        let names = answer.names.iter().flat_map(|names| names.iter());
        let names = names.map(|name| name.len() + size_of::<Box<str>>());
        let own = size_of::<Read>() + read.id.as_str().len() + size_of::<Answer>();
        (own + names.sum::<usize>()) as u64
    }
}

impl Default for Reads {
    fn default() -> Self {
        Self(Mutex::new(State {
            answers: Cache::with_weighter(READS_KEPT, READS_KEPT_BYTES as u64, Bytes),
            waiting: VecDeque::new(),
            asking: HashSet::new(),
            ended: Vec::new(),
            generation: 0,
        }))
    }
}

// Who reads what is in no output.

impl fmt::Debug for Reads {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let asking = self.0.lock().asking.len();
        f.debug_struct("Reads").field("asking", &asking).finish()
    }
}

impl fmt::Debug for Read {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Read")
            .field("reading", &self.reading)
            .field("collection", &self.collection)
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
