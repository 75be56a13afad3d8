use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::event::Json;
use crate::event::Method;

/// A state, and the clock that its test owns.
struct Bench {
    state: State,
    now: Instant,
}

fn terms(on_failure: OnFailure) -> Terms {
    Terms {
        keep: Keep::default(),
        wait: Duration::from_secs(5),
        on_failure,
    }
}

fn epoch(number: u64) -> Epoch {
    Epoch::new(number)
}

fn custom(name: &str) -> Kind {
    Kind::Custom {
        name: name.into(),
        data: Json::null(),
    }
}

/// What an epoch begins with that follows a failure.
fn gap(number: u64) -> Arc<Event> {
    let cursor = Cursor {
        epoch: epoch(number),
        seq: 1,
    };
    let (at, kind) = (Timestamp::UNIX_EPOCH, Kind::Gap);
    Arc::new(Event { cursor, at, kind })
}

fn write() -> Unsettled {
    Unsettled {
        method: Method::Put,
        collection: Some("posts".into()),
        id: None,
    }
}

fn is_told(waiting: &mut oneshot::Receiver<()>) -> bool {
    waiting.try_recv().is_ok()
}

impl Bench {
    fn at(level: Level) -> Self {
        let (epoch, seq) = (epoch(1), 0);
        let terms = terms(OnFailure::Release);
        let tail = Cursor { epoch, seq };
        let now = Timestamp::UNIX_EPOCH;
        Self {
            state: State::in_files((level, 1), tail, Vec::new(), terms, now),
            now: Instant::now(),
        }
    }

    fn append(&mut self, names: &[&str]) -> Option<oneshot::Receiver<()>> {
        self.settle(names, None)
    }

    fn settle(&mut self, names: &[&str], of: Option<u64>) -> Option<oneshot::Receiver<()>> {
        let kinds = names.iter().map(|name| custom(name)).collect();
        let now = (Timestamp::UNIX_EPOCH, self.now);
        self.state.append(kinds, of, now)
    }

    fn take(&mut self, run: u64) -> u64 {
        self.state.take(run).unwrap().upto
    }

    fn wrote(&mut self, run: u64, upto: u64) {
        self.state.wrote(run, upto, self.now).tell();
    }

    fn synced(&mut self, run: u64, upto: u64) {
        self.state.synced(run, upto, self.now).tell();
    }

    fn fail(&mut self, run: u64, to: u64) -> bool {
        let told = self.state.fail(run, epoch(to), "full".into(), self.now);
        told.map(Told::tell).is_some()
    }

    /// What is heard, from the first place on.
    fn heard(&self) -> Vec<String> {
        let events = self.state.ring().after(self.state.ring().oldest());
        let name = |event: &Arc<Event>| match &event.kind {
            Kind::Custom { name, .. } => name.to_string(),
            other => format!("{other:?}").to_lowercase(),
        };
        events.unwrap().map(name).collect()
    }
}

#[test]
fn at_process_an_event_is_heard_once_it_is_written() {
    let mut bench = Bench::at(Level::Process);
    let mut told = bench.append(&["a", "b"]).unwrap();
    let upto = bench.take(1);
    assert!(bench.heard().is_empty() && !is_told(&mut told));
    bench.wrote(1, upto);
    assert_eq!(bench.heard(), ["a", "b"]);
    assert!(is_told(&mut told));
}

#[test]
fn at_disk_an_event_waits_for_the_sync_and_an_intent_does_not() {
    let mut bench = Bench::at(Level::Disk);
    let mut event = bench.append(&["a"]).unwrap();
    let (_, intent) = bench.state.intend(write(), bench.now);
    let mut intent = intent.unwrap();
    let upto = bench.take(1);
    bench.wrote(1, upto);
    assert!(is_told(&mut intent));
    assert!(bench.heard().is_empty() && !is_told(&mut event));
    bench.synced(1, upto);
    assert_eq!(bench.heard(), ["a"]);
    assert!(is_told(&mut event));
}

#[test]
fn a_failure_releases_everybody_and_begins_an_epoch_with_a_gap() {
    let mut bench = Bench::at(Level::Disk);
    let mut waiting = bench.append(&["a"]).unwrap();
    let upto = bench.take(1);
    assert!(bench.fail(1, 2));
    assert!(is_told(&mut waiting));
    assert_eq!(bench.heard(), ["gap", "a"]);
    assert_eq!(bench.state.ring().tail().epoch, epoch(2));
    assert_eq!(bench.state.holds(), Level::Memory);

    // The pair of threads that was given up changes nothing any more.
    bench.wrote(1, upto);
    bench.synced(1, upto);
    assert!(!bench.fail(1, 3) && bench.state.take(1).is_none());
    assert_eq!(bench.heard(), ["gap", "a"]);
    // Meanwhile events are told at once.
    assert!(bench.append(&["b"]).is_none());
    assert_eq!(bench.heard(), ["gap", "a", "b"]);
}

#[test]
fn a_recovery_begins_with_a_gap_and_knows_the_writes_under_way() {
    let mut bench = Bench::at(Level::Process);
    let (first, _) = bench.state.intend(write(), bench.now);
    assert!(bench.fail(1, 2));
    let known = bench.state.all_unsettled();
    // Between the two the first is settled and another begins.
    assert!(bench.settle(&["a"], first).is_none());
    let (second, waiting) = bench.state.intend(write(), bench.now);
    assert!(waiting.is_none());
    let run = (Level::Process, 2);
    bench.state.recover(run, gap(3), &known, bench.now);
    // It is in the files: who is sent a place before it and comes back hears it.
    assert_eq!(bench.heard(), ["gap"]);

    let taken = bench.state.take(2).unwrap();
    assert!(matches!(*taken.records[0], Record::Settled { number } if Some(number) == first));
    assert!(matches!(&*taken.records[1], Record::Intent { number, .. } if Some(*number) == second));
    assert_eq!(taken.records.len(), 2);
    bench.wrote(2, taken.upto);
    assert_eq!(bench.state.ring().tail().to_string(), "000000000003-1");
}

#[test]
fn writes_are_refused_only_where_that_was_chosen_and_the_log_has_failed() {
    for (chosen, refused) in [(OnFailure::Refuse, true), (OnFailure::Release, false)] {
        let mut bench = Bench::at(Level::Process);
        bench.state.set_terms(terms(chosen), bench.now);
        assert!(!bench.state.refuses());
        assert!(bench.fail(1, 2));
        assert_eq!(bench.state.refuses(), refused);
    }
}

#[test]
fn who_waits_longer_than_may_be_is_overdue() {
    let mut bench = Bench::at(Level::Disk);
    drop(bench.append(&["a"]));
    let upto = bench.take(1);
    bench.wrote(1, upto);
    let wait = bench.state.terms.wait;
    assert_eq!(bench.state.overdue(bench.now + wait), None);
    let late = bench.now + wait + Duration::from_millis(1);
    assert_eq!(bench.state.overdue(late), Some(1));
    bench.synced(1, upto);
    assert_eq!(bench.state.overdue(late), None);
}

#[test]
fn a_note_that_was_written_while_others_were_synced_is_not_overdue() {
    let mut bench = Bench::at(Level::Disk);
    drop(bench.append(&["a"]));
    let synced = bench.take(1);
    bench.wrote(1, synced);
    let (number, _) = bench.state.intend(write(), bench.now);
    drop(bench.settle(&[], number));
    let noted = bench.take(1);
    bench.wrote(1, noted);
    bench.synced(1, synced);
    let late = bench.now + bench.state.terms.wait + Duration::from_millis(1);
    assert_eq!(bench.state.overdue(late), None);
    assert!(bench.state.has_published(noted) && !bench.state.has_work());
}

#[test]
fn what_is_recent_goes_on_where_the_files_end() {
    let cursor = |seq| Cursor {
        epoch: epoch(1),
        seq,
    };
    let event = |seq| Event {
        cursor: cursor(seq),
        at: Timestamp::UNIX_EPOCH,
        kind: custom("old"),
    };
    let now = Instant::now();
    let recent = (8..=9).map(|seq| (Arc::new(event(seq)), now)).collect();
    let terms = terms(OnFailure::Release);
    let at = Timestamp::UNIX_EPOCH;
    let state = State::in_files((Level::Process, 1), cursor(9), recent, terms, at);
    let mut bench = Bench { state, now };
    assert_eq!(bench.state.ring().oldest(), 7);
    drop(bench.append(&["new"]));
    let upto = bench.take(1);
    bench.wrote(1, upto);
    assert_eq!(bench.heard(), ["old", "old", "new"]);
    assert_eq!(bench.state.ring().tail(), cursor(10));
}

/// What may happen to a log.
#[derive(Clone, Debug)]
enum Step {
    Append(usize),
    Fail,
    Recover,
    Sync,
    Take,
    Write,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (1_usize..4).prop_map(Step::Append),
        1 => Just(Step::Fail),
        1 => Just(Step::Recover),
        3 => Just(Step::Sync),
        4 => Just(Step::Take),
        4 => Just(Step::Write),
    ]
}

proptest! {
    /// Whatever fails when: within an epoch places follow each other and events come in the order
    /// in which they were appended, and whoever waited is told exactly when his are heard.
    #[test]
    fn what_is_heard_is_what_was_appended(steps in prop::collection::vec(step(), 0..60)) {
        let mut bench = Bench::at(Level::Disk);
        let (mut run, mut epochs, mut next) = (1, 1, 0);
        let (mut taken, mut written) = (Vec::new(), Vec::new());
        let mut waiting: Vec<(usize, oneshot::Receiver<()>)> = Vec::new();
        for step in steps {
            match step {
                Step::Append(count) => {
                    let names: Vec<_> = (next..next + count).map(|n| format!("{n:06}")).collect();
                    next += count;
                    let names: Vec<_> = names.iter().map(String::as_str).collect();
                    waiting.extend(bench.append(&names).map(|told| (next - 1, told)));
                }
                Step::Fail => {
                    epochs += 1;
                    if bench.fail(run, epochs) {
                        taken.clear();
                        written.clear();
                    }
                }
                Step::Recover if bench.state.failure().is_some() => {
                    (run, epochs) = (run + 1, epochs + 1);
                    bench.state.recover((Level::Disk, run), gap(epochs), &[], bench.now);
                }
                Step::Recover => {}
                Step::Sync => if let Some(upto) = written.pop() {
                    written.clear();
                    bench.synced(run, upto);
                },
                Step::Take => taken.extend(bench.state.take(run).map(|taken| taken.upto)),
                Step::Write => for upto in taken.drain(..) {
                    bench.wrote(run, upto);
                    written.push(upto);
                },
            }
            let heard = bench.heard();
            let ring = bench.state.ring();
            prop_assert_eq!(ring.tail().seq - ring.oldest(), heard.len() as u64);
            let numbers: Vec<usize> = heard.iter().filter_map(|name| name.parse().ok()).collect();
            prop_assert!(numbers.windows(2).all(|pair| pair[1] == pair[0] + 1), "{numbers:?}");
            let failed = bench.state.failure().is_some();
            for (last, told) in &mut waiting {
                // One of an epoch that has ended was told then.
                if is_told(told) {
                    *last = usize::MAX;
                } else {
                    prop_assert!(!failed && !numbers.contains(last));
                }
            }
            waiting.retain(|(last, _)| *last != usize::MAX);
            prop_assert!(waiting.iter().all(|(last, _)| Some(last) > numbers.last()));
        }
    }
}
