//! What is asked, how long an answer counts, and for what.

use proptest::prelude::*;

use super::*;
use crate::access::{Credential, Secret};
use crate::event::Epoch;

const NONE: Duration = Duration::ZERO;

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millisecond(millis).unwrap()
}

fn cursor(seq: u64) -> Cursor {
    let epoch = Epoch::new(7);
    Cursor { epoch, seq }
}

fn event(seq: u64, method: Method, ids: &[&str]) -> Event {
    let kind = Kind::Write {
        method,
        collection: "posts".into(),
        ids: ids.iter().map(|id| Id::new(id).unwrap()).collect(),
        record: None,
    };
    Event {
        cursor: cursor(seq),
        at: at(0),
        kind,
    }
}

fn presented(token: &str) -> Arc<Presented> {
    let credential = Credential {
        token: Some(Secret::new(token)),
        ..Credential::default()
    };
    credential.authorization().unwrap()
}

/// One who asks as `token`, of one record, at a time.
struct Bench {
    reads: Reads,
    cache: Duration,
}

impl Bench {
    fn new(cache: Duration) -> Self {
        let reads = Reads::default();
        Self { reads, cache }
    }

    fn hears(&self, token: Option<&str>, event: &Event, millis: i64) -> Hears {
        let presented = token.map(presented);
        let list = Reading::List;
        self.reads
            .hears(event, presented.as_ref(), list, self.cache, at(millis))
    }

    /// The next question, if there is one.
    fn asked(&self) -> Option<Asked> {
        self.reads.take()
    }

    fn answers(&self, asked: &Asked, shown: Option<&str>, upto: u64, millis: i64) {
        let shown = shown.map(json);
        self.reads
            .keep(asked, shown.as_ref(), cursor(upto), at(millis));
    }
}

fn json(text: &str) -> Json {
    Json::compact(serde_json::from_str(text).unwrap())
}

fn is_asked(hears: &Hears) -> bool {
    matches!(hears, Hears::Unasked(_))
}

fn only(names: &[&str]) -> Shown {
    Shown::Only(names.iter().map(|name| Box::from(*name)).collect())
}

#[test]
fn one_question_is_asked_for_each_credential_and_record() {
    let bench = Bench::new(NONE);
    let post = |id: &str| event(1, Method::Post, &[id]);
    for _ in 0..3 {
        assert!(is_asked(&bench.hears(Some("ada"), &post("1"), 0)));
        assert!(is_asked(&bench.hears(None, &post("1"), 0)));
        assert!(is_asked(&bench.hears(Some("ada"), &post("2"), 0)));
    }
    let questions = std::iter::from_fn(|| bench.asked());
    let questions: Vec<_> = questions
        .map(|asked| {
            let field = asked.presented.as_ref().and_then(|of| of.field());
            let field = field.map(|(_, value)| value.to_str().unwrap().to_owned());
            (field, asked.read.id.as_str().to_owned())
        })
        .collect();
    let ada = Some("Bearer ada".to_owned());
    let expected = [(ada.clone(), "1"), (None, "1"), (ada, "2")];
    assert_eq!(
        questions,
        expected.map(|(field, id)| (field, id.to_owned()))
    );
}

#[test]
fn an_answer_counts_for_the_writes_before_it_and_for_as_long_as_a_lost_right() {
    let bench = Bench::new(NONE);
    let patch = |seq| event(seq, Method::Patch, &["1"]);
    assert!(is_asked(&bench.hears(Some("ada"), &patch(5), 0)));
    let asked = bench.asked().unwrap();
    bench.answers(&asked, Some(r#"{"id":1,"b":2}"#), 6, 10);
    assert_eq!(bench.reads.take_ended(), [Arc::clone(&asked.read)]);
    let yes = Hears::Yes(only(&["b", "id"]));
    assert_eq!(bench.hears(Some("ada"), &patch(5), 10), yes);
    assert_eq!(bench.hears(Some("ada"), &patch(6), 1010), yes);
    // Written after it was asked, too late, and somebody else's.
    assert!(is_asked(&bench.hears(Some("ada"), &patch(7), 10)));
    assert!(is_asked(&bench.hears(None, &patch(5), 10)));
    let late = Bench::new(NONE);
    late.hears(Some("ada"), &patch(5), 0);
    late.answers(&late.asked().unwrap(), Some("{}"), 5, 10);
    assert!(is_asked(&late.hears(Some("ada"), &patch(5), 1011)));
}

#[test]
fn a_cache_lets_an_answer_count_for_later_writes() {
    let bench = Bench::new(Duration::from_secs(3));
    let patch = |seq| event(seq, Method::Patch, &["1"]);
    bench.hears(None, &patch(1), 0);
    bench.answers(&bench.asked().unwrap(), None, 1, 0);
    assert_eq!(bench.hears(None, &patch(9), 2999), Hears::No);
    assert!(is_asked(&bench.hears(None, &patch(9), 3000)));
}

#[test]
fn a_delete_is_decided_by_what_was_known_before_it() {
    let bench = Bench::new(NONE);
    let delete = |ids: &[&str]| event(9, Method::Delete, ids);
    assert_eq!(bench.hears(None, &delete(&["1"]), 0), Hears::No);
    assert!(bench.asked().is_none(), "nothing is left to ask for");
    for (id, shown) in [
        ("1", Some(r#"{"id":1,"a":1}"#)),
        ("2", Some("{\"id\":2}")),
        ("3", None),
    ] {
        bench.hears(None, &event(1, Method::Post, &[id]), 0);
        bench.answers(&bench.asked().unwrap(), shown, 1, 0);
    }
    let later = 3_600_000;
    let hears = |ids: &[&str]| bench.hears(None, &delete(ids), later);
    assert_eq!(hears(&["1"]), Hears::Yes(only(&["a", "id"])));
    assert!(matches!(hears(&["1", "2"]), Hears::Yes(_)));
    assert_eq!(hears(&["3"]), Hears::No);
    assert_eq!(hears(&["1", "3"]), Hears::No);
    assert_eq!(hears(&["1", "4"]), Hears::No);
}

#[test]
fn what_a_delete_took_away_before_it_could_be_asked_about_is_told_without_the_record() {
    let post = event(1, Method::Post, &["1"]);
    let mut delete = event(9, Method::Delete, &["1"]);
    delete.at = at(5000);
    let lost_at = |millis: i64| {
        let bench = Bench::new(NONE);
        for (shown, millis) in [(Some("{\"id\":1}"), 0), (None, millis), (None, 9000)] {
            bench.hears(None, &post, millis);
            if let Some(asked) = bench.asked() {
                bench.answers(&asked, shown, 1, millis);
            }
        }
        bench.hears(None, &delete, 10_000)
    };
    for millis in [4000, 4999, 7000] {
        assert_eq!(lost_at(millis), Hears::Yes(only(&[])), "{millis}");
    }
    assert_eq!(lost_at(3999), Hears::No, "it was lost by something else");
    let mut told = event(9, Method::Delete, &["1"]);
    if let Kind::Write { record, .. } = &mut told.kind {
        *record = Some(json("{\"id\":1}"));
    }
    let shown = only(&[]).for_event(&told).event(&told).unwrap();
    assert!(matches!(shown.kind, Kind::Write { record: None, .. }));
}

/// What is in a record that was deleted is nobody's who was shown another one of that id later.
#[test]
fn a_delete_that_is_told_again_has_no_record_where_another_is_shown_since() {
    let bench = Bench::new(NONE);
    bench.hears(None, &event(9, Method::Post, &["1"]), 0);
    let asked = bench.asked().unwrap();
    bench.answers(&asked, Some(r#"{"id":1,"title":"b"}"#), 9, 0);
    let hears = |seq| bench.hears(None, &event(seq, Method::Delete, &["1"]), 0);
    assert_eq!(hears(8), Hears::Yes(only(&[])));
    assert_eq!(hears(10), Hears::Yes(only(&["id", "title"])));
}

#[test]
fn what_was_asked_before_everything_was_forgotten_is_not_kept() {
    let bench = Bench::new(NONE);
    let post = event(1, Method::Post, &["1"]);
    bench.hears(None, &post, 0);
    let before = bench.asked().unwrap();
    bench.reads.forget();
    bench.answers(&before, Some("{}"), 1, 0);
    assert_eq!(bench.reads.take_ended().len(), 1);
    assert!(is_asked(&bench.hears(None, &post, 0)));
    bench.reads.forget();
    assert_eq!(bench.reads.take_ended().len(), 1, "who waits asks anew");
    assert!(bench.asked().is_none());
}

#[test]
fn questions_that_wait_are_bounded() {
    let bench = Bench::new(NONE);
    for number in 0..READS_WAITING_MAX {
        let post = event(1, Method::Post, &[&number.to_string()]);
        assert!(is_asked(&bench.hears(None, &post, 0)));
    }
    let post = event(1, Method::Post, &["x"]);
    assert_eq!(bench.hears(None, &post, 0), Hears::No);
}

/// Anyone who writes to an API without a schema may name members as they like.
#[test]
fn what_is_kept_of_answers_is_bounded_however_many_names_they_have() {
    let names = |count: usize| {
        let members: Vec<_> = (0..count).map(|n| format!("\"{n:0>8}\":1")).collect();
        format!("{{{}}}", members.join(","))
    };
    let bench = Bench::new(Duration::from_secs(5));
    let post = |id: usize| event(1, Method::Post, &[&id.to_string()]);
    let answer = |id, shown: &str| {
        bench.hears(None, &post(id), 0);
        bench.answers(&bench.asked().unwrap(), Some(shown), 1, 0);
        bench.hears(None, &post(id), 0)
    };
    assert_eq!(answer(0, &names(READ_NAMES_BYTES_MAX / 8 + 1)), Hears::No);
    let most = names(READ_NAMES_BYTES_MAX / 8);
    let count = READS_KEPT_BYTES / READ_NAMES_BYTES_MAX;
    for id in 1..=count {
        assert!(matches!(answer(id, &most), Hears::Yes(_)), "{id}");
    }
    assert!(bench.reads.0.lock().answers.len() < count);
}

#[test]
fn what_is_not_shown_is_taken_out_of_the_event() {
    let mut event = event(1, Method::Post, &["1"]);
    let Kind::Write { record, .. } = &mut event.kind else {
        panic!("it is a write");
    };
    *record = Some(json(r#"{"id":1,"secret":"s","b":{"secret":2}}"#));
    let shown = only(&["b", "id", "other"]).for_event(&event);
    let Some(Event {
        kind: Kind::Write {
            record: Some(record),
            ..
        },
        ..
    }) = shown.event(&event)
    else {
        panic!("something is hidden");
    };
    assert_eq!(record.as_str(), r#"{"id":1,"b":{"secret":2}}"#);
    let whole = only(&["b", "id", "secret"]).for_event(&event);
    assert_eq!((whole.event(&event), whole), (None, Shown::All));
}

proptest! {
    #[test]
    fn what_two_show_is_what_each_shows(
        a in prop::collection::btree_set("[a-d]", 0..4),
        b in prop::collection::btree_set("[a-d]", 0..4),
    ) {
        let shown = |names: &std::collections::BTreeSet<String>| {
            Shown::Only(names.iter().map(|name| Box::from(&**name)).collect())
        };
        let both = a.intersection(&b).cloned().collect();
        prop_assert_eq!(shown(&a).and(shown(&b)), shown(&both));
        prop_assert_eq!(shown(&a).and(Shown::All), shown(&a));
    }
}
