//! The last known records, so that a delete can be told with what it took away.
//!
//! A DELETE is seldom answered with the record. Without one nothing can be decided of it by a
//! rule that asks about the record, and nothing be told but its id. So what a write told of a
//! record is kept, by its collection and id, until another write tells something else:
//!
//! | the write | what is known then |
//! | --- | --- |
//! | tells the record | that record |
//! | tells none, or is uncertain | nothing of that record |
//! | is uncertain, and of which record is not known | nothing of that collection |
//! | is not known to be of one collection: a gap | nothing |
//! | is a delete | nothing; and the delete has what was known before, or read before it |
//! | tells none, and its request is to complete it | what was known, with what was sent over it |
//!
//! What is known is what passed through here, in the order in which the log has it. What changed
//! behind the sidecar's back is not; neither is what was not written since it started.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use quick_cache::Weighter;
use quick_cache::unsync::Cache;

use crate::event::{Id, Json, Kind, Method};
use crate::limits::{KNOWN_RECORD_BYTES, KNOWN_STALE_MAX};
use crate::observe::{self, Completion, Happened};

/// The last known records, as many as there is room for.
#[derive(Debug)]
pub struct Known {
    /// Held while events are appended, so that the order of both is one; never across an await.
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    bytes: usize,
    /// Bounded by `bytes`: those that are asked for least go.
    records: Cache<Key, Record, Bytes>,
    /// Counts what made a whole collection unknown.
    turn: u64,
    /// When that was, by collection. Bounded by [`KNOWN_STALE_MAX`]: with one more everything is
    /// forgotten.
    stale: HashMap<Arc<str>, u64>,
}

type Key = (Arc<str>, Id);

#[derive(Clone, Debug)]
struct Record {
    json: Json,
    /// The turn in which it was told.
    turn: u64,
}

/// What a record counts for.
#[derive(Clone, Debug)]
struct Bytes;

impl Known {
    /// Nothing yet, and room for so many bytes; 0: nothing is kept.
    #[must_use]
    pub fn new(bytes: usize) -> Self {
        Self {
            state: Mutex::new(State::new(bytes)),
        }
    }

    /// Has room for so many bytes from now on. Another size forgets everything.
    pub fn resize(&self, bytes: usize) {
        let mut state = self.state.lock();
        if state.bytes != bytes {
            *state = State::new(bytes);
        }
    }

    /// Completes what happened with what is known and what was sent, remembers what it tells, and
    /// has it appended.
    ///
    /// A write to a record of which `tells_leaving` says so is followed by [`Kind::Left`].
    pub fn append<T>(
        &self,
        all: Vec<Happened>,
        tells_leaving: impl Fn(&str) -> bool,
        append: impl FnOnce(Vec<Kind>) -> T,
    ) -> T {
        let mut state = self.state.lock();
        let mut kinds = Vec::with_capacity(all.len());
        for happened in all {
            let mut kind = state.complete(happened);
            let left = match kind.collection() {
                Some(collection) if tells_leaving(collection) => state.left(&kind),
                _ => None,
            };
            if state.bytes > 0 {
                state.see(&mut kind);
            }
            kinds.push(kind);
            kinds.extend(left);
        }
        append(kinds)
    }

    /// Whether something is known of the record.
    #[must_use]
    pub fn has(&self, collection: &Arc<str>, id: &Id) -> bool {
        self.state.lock().find(collection, id).is_some()
    }
}

impl State {
    fn new(bytes: usize) -> Self {
        let estimated = bytes / KNOWN_RECORD_BYTES;
        Self {
            bytes,
            records: Cache::with_weighter(estimated, bytes as u64, Bytes),
            turn: 0,
            stale: HashMap::new(),
        }
    }

    /// What happened, with the record as the request says that it became, or as it was read before
    /// its delete and nobody has written it since.
    fn complete(&self, happened: Happened) -> Kind {
        let Happened {
            mut kind,
            completion,
        } = happened;
        if let Kind::Write {
            method,
            collection,
            ids,
            record: record @ None,
        } = &mut kind
            && let [id] = ids.as_slice()
        {
            *record = match (completion, method) {
                (Completion::Before(read), _) => {
                    let known = self.find(collection, id).cloned();
                    Some(known.unwrap_or(read))
                }
                (Completion::Request(sent), Method::Patch) => self
                    .find(collection, id)
                    .and_then(|known| observe::merged(known, &sent)),
                (Completion::Request(sent), _) => Some(sent),
                (Completion::None | Completion::Upstream, _) => None,
            };
        }
        kind
    }

    /// What follows a write that changes a record of which it is known how it was before.
    fn left(&self, kind: &Kind) -> Option<Kind> {
        let Kind::Write {
            method: Method::Patch | Method::Post | Method::Put,
            collection,
            ids,
            record: Some(after),
        } = kind
        else {
            return None;
        };
        let [id] = ids.as_slice() else { return None };
        let before = self
            .find(collection, id)
            .filter(|before| *before != after)?;
        Some(Kind::Left {
            collection: Arc::clone(collection),
            id: id.clone(),
            before: before.clone(),
            after: after.clone(),
        })
    }

    fn find(&self, collection: &Arc<str>, id: &Id) -> Option<&Json> {
        let record = self.records.get(&(Arc::clone(collection), id.clone()))?;
        let since = self.stale.get(collection).copied().unwrap_or_default();
        (record.turn >= since).then_some(&record.json)
    }

    fn see(&mut self, kind: &mut Kind) {
        match kind {
            Kind::Custom { .. } | Kind::Left { .. } => {}
            Kind::Gap => self.forget_all(),
            Kind::Uncertain { collection, id, .. } => match id {
                Some(id) => drop(self.take(collection, id)),
                None => self.forget(collection),
            },
            Kind::Write {
                method: Method::Delete,
                collection,
                ids,
                record,
            } => {
                let before: Vec<_> = ids.iter().map(|id| self.take(collection, id)).collect();
                if let ([before], None) = (before.as_slice(), &record) {
                    record.clone_from(before);
                }
            }
            Kind::Write {
                collection,
                ids,
                record,
                ..
            } => match (ids.as_slice(), record) {
                ([id], Some(record)) => {
                    let told = Record {
                        json: record.clone(),
                        turn: self.turn,
                    };
                    self.records
                        .insert((Arc::clone(collection), id.clone()), told);
                }
                (ids, _) => ids.iter().for_each(|id| drop(self.take(collection, id))),
            },
        }
    }

    fn take(&mut self, collection: &Arc<str>, id: &Id) -> Option<Json> {
        let key = (Arc::clone(collection), id.clone());
        let (_, record) = self.records.remove(&key)?;
        let since = self.stale.get(collection).copied().unwrap_or_default();
        (record.turn >= since).then_some(record.json)
    }

    /// Every record of the collection may be another.
    fn forget(&mut self, collection: &Arc<str>) {
        self.turn += 1;
        self.stale.insert(Arc::clone(collection), self.turn);
        if self.stale.len() > KNOWN_STALE_MAX {
            self.forget_all();
        }
    }

    fn forget_all(&mut self) {
        self.records.clear();
        self.stale.clear();
    }
}

impl Weighter<Key, Record> for Bytes {
    fn weight(&self, (collection, id): &Key, record: &Record) -> u64 {
        let text = collection.len() + id.as_str().len() + record.json.as_str().len();
        (text + size_of::<Key>() + size_of::<Record>()) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(text: &str) -> Json {
        Json::compact(serde_json::from_str(text).unwrap())
    }

    fn id(text: &str) -> Id {
        Id::new(text).unwrap()
    }

    fn write(method: Method, collection: &str, ids: &[&str], record: Option<&str>) -> Kind {
        Kind::Write {
            method,
            collection: collection.into(),
            ids: ids.iter().map(|text| id(text)).collect(),
            record: record.map(json),
        }
    }

    fn uncertain(collection: &str, of: Option<&str>) -> Kind {
        Kind::Uncertain {
            method: Method::Put,
            collection: collection.into(),
            id: of.map(id),
        }
    }

    fn append(known: &Known, kinds: Vec<Kind>) -> Vec<Kind> {
        let all = kinds.into_iter().map(Happened::from).collect();
        known.append(all, |_| false, |kinds| kinds)
    }

    /// What a delete of that record is told with.
    fn deleted(known: &Known, collection: &str, ids: &[&str]) -> Option<String> {
        let kinds = vec![write(Method::Delete, collection, ids, None)];
        match append(known, kinds).as_slice() {
            [Kind::Write { record, .. }] => record.as_ref().map(|json| json.as_str().to_owned()),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_delete_has_what_the_last_write_told() {
        for (after, expected) in [
            (Vec::new(), Some(r#"{"n":1}"#)),
            (
                vec![write(Method::Put, "a", &["1"], Some(r#"{"n":2}"#))],
                Some(r#"{"n":2}"#),
            ),
            (vec![write(Method::Patch, "a", &["1"], None)], None),
            (vec![write(Method::Delete, "a", &["1"], None)], None),
            (vec![write(Method::Delete, "a", &["2", "1"], None)], None),
            (vec![uncertain("a", Some("1"))], None),
            (vec![uncertain("a", None)], None),
            (
                vec![
                    uncertain("a", None),
                    write(Method::Put, "a", &["1"], Some("{}")),
                ],
                Some("{}"),
            ),
            (vec![uncertain("a", Some("2"))], Some(r#"{"n":1}"#)),
            (vec![uncertain("b", None)], Some(r#"{"n":1}"#)),
            (
                vec![write(Method::Put, "b", &["1"], None)],
                Some(r#"{"n":1}"#),
            ),
        ] {
            let known = Known::new(1 << 20);
            let first = write(Method::Post, "a", &["1"], Some(r#"{"n":1}"#));
            append(&known, vec![first]);
            append(&known, after.clone());
            let told = deleted(&known, "a", &["1"]);
            assert_eq!(told.as_deref(), expected, "{after:?}");
        }
    }

    #[test]
    fn a_delete_that_tells_its_record_keeps_it_and_one_of_several_has_none() {
        let known = Known::new(1 << 20);
        let posts = ["1", "2"].map(|id| write(Method::Post, "a", &[id], Some("{}")));
        append(&known, posts.into());
        let own = write(Method::Delete, "a", &["1"], Some(r#"{"own":1}"#));
        assert_eq!(append(&known, vec![own.clone()]), [own]);
        assert_eq!(deleted(&known, "a", &["2", "3"]), None);
        assert_eq!(deleted(&known, "a", &["2"]), None);
    }

    #[test]
    fn there_is_room_for_so_many_bytes_and_for_none_if_there_is_none() {
        let record = format!("\"{}\"", "x".repeat(1000));
        for (bytes, some) in [(0, false), (100 << 10, true)] {
            let known = Known::new(bytes);
            for n in 0..1000 {
                let post = write(Method::Post, "a", &[&n.to_string()], Some(&record));
                append(&known, vec![post]);
            }
            let kept = (0..1000).filter(|n| deleted(&known, "a", &[&n.to_string()]).is_some());
            let kept = kept.count();
            assert!(kept <= bytes / 1000 && (kept > 0) == some, "{kept}");
        }
        let known = Known::new(1 << 20);
        append(&known, vec![write(Method::Post, "a", &["1"], Some("{}"))]);
        known.resize(1 << 21);
        assert_eq!(deleted(&known, "a", &["1"]), None);
    }

    #[test]
    fn collections_that_were_forgotten_are_so_however_many_they_are() {
        let known = Known::new(1 << 20);
        let post = |n: usize| write(Method::Post, &format!("c{n}"), &["1"], Some("{}"));
        for n in 0..=KNOWN_STALE_MAX {
            append(&known, vec![post(n), uncertain(&format!("c{n}"), None)]);
        }
        for n in 0..=KNOWN_STALE_MAX {
            assert_eq!(deleted(&known, &format!("c{n}"), &["1"]), None, "{n}");
        }
    }

    /// Somebody may have written it while the delete waited for what was read.
    #[test]
    fn a_delete_has_what_was_read_before_it_unless_it_was_written_since() {
        let known = Known::new(1 << 20);
        let deleted = || {
            let happened = Happened {
                kind: write(Method::Delete, "a", &["1"], None),
                completion: Completion::Before(json(r#"{"read":1}"#)),
            };
            let kinds = known.append(vec![happened], |_| false, |kinds| kinds);
            let [Kind::Write { record, .. }] = kinds.as_slice() else {
                panic!("{kinds:?}");
            };
            record.as_ref().map(|json| json.as_str().to_owned())
        };
        assert_eq!(deleted().as_deref(), Some(r#"{"read":1}"#));
        let since = write(Method::Put, "a", &["1"], Some(r#"{"written":1}"#));
        append(&known, vec![since]);
        assert_eq!(deleted().as_deref(), Some(r#"{"written":1}"#));
    }

    #[test]
    fn a_write_that_told_no_record_is_completed_with_what_was_sent() {
        for (method, sent, expected) in [
            (
                Method::Patch,
                r#"{"b":3,"c":4}"#,
                Some(r#"{"a":1,"b":3,"c":4}"#),
            ),
            (Method::Put, r#"{"b":3}"#, Some(r#"{"b":3}"#)),
            (Method::Patch, "{}", Some(r#"{"a":1,"b":2}"#)),
        ] {
            let known = Known::new(1 << 20);
            let completed = |sent: &str| {
                let happened = Happened {
                    kind: write(method, "a", &["1"], None),
                    completion: Completion::Request(json(sent)),
                };
                match known
                    .append(vec![happened], |_| false, |kinds| kinds)
                    .as_slice()
                {
                    [Kind::Write { record, .. }] => {
                        record.as_ref().map(|json| json.as_str().to_owned())
                    }
                    other => panic!("{other:?}"),
                }
            };
            if method == Method::Patch {
                assert_eq!(completed(sent), None, "nothing is known that it changes");
            }
            let first = write(Method::Post, "a", &["1"], Some(r#"{"a":1,"b":2}"#));
            append(&known, vec![first]);
            assert_eq!(completed(sent).as_deref(), expected);
            assert_eq!(deleted(&known, "a", &["1"]).as_deref(), expected);
        }
    }
}
