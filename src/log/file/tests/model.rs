//! The files against a plain vector, over random lives of a log.

use std::collections::BTreeMap;
use std::time::Duration;

use proptest::prelude::*;

use super::super::record;
use super::*;

#[derive(Clone, Debug)]
enum Step {
    /// Events of so many bytes each, settling the oldest intent or none.
    Append(usize, usize, bool),
    Intent,
    Settle,
    Trim(usize),
    /// Ended in order, and started again.
    Close,
    /// Killed, with so much of the last record missing, and started again.
    Crash(Option<usize>),
    Keep(usize),
}

fn step() -> impl Strategy<Value = Step> {
    let size = prop_oneof![4 => 0..100_usize, 2 => 5_000..20_000_usize, 1 => 60_000..90_000_usize];
    prop_oneof![
        8 => (1..4_usize, size, any::<bool>()).prop_map(|(n, size, s)| Step::Append(n, size, s)),
        3 => Just(Step::Intent),
        2 => Just(Step::Settle),
        1 => (1..40_usize).prop_map(Step::Trim),
        1 => Just(Step::Close),
        2 => any::<Option<usize>>().prop_map(Step::Crash),
        1 => (1..600_usize).prop_map(Step::Keep),
    ]
}

/// What should be there.
struct Model {
    log: Option<Log>,
    dir: TempDir,
    keep: Keep,
    events: Vec<Arc<Event>>,
    open: BTreeMap<u64, Unsettled>,
    numbers: u64,
    /// The last record since the start.
    last: Option<Record>,
}

impl Model {
    fn log(&mut self) -> &mut Log {
        self.log.as_mut().unwrap()
    }

    fn write(&mut self, record: Record) {
        self.last = Some(record.clone());
        self.log().write(record);
    }

    fn take(&mut self, step: Step) {
        match step {
            Step::Append(count, size, settles) => {
                let number = self.open.keys().next().copied().filter(|_| settles);
                let text = "x".repeat(size);
                let texts = vec![text.as_str(); count];
                let events = self.log().append_settling(&texts, number);
                self.events.extend(events.iter().cloned());
                let settles = number;
                self.last = Some(Record::Events { events, settles });
                number.map(|number| self.open.remove(&number));
            }
            Step::Intent => {
                self.numbers += 1;
                let number = self.numbers;
                let write = write_of(&format!("posts{number}"));
                self.open.insert(number, write.clone());
                self.write(Record::Intent { number, write });
            }
            Step::Settle => {
                if let Some((number, _)) = self.open.pop_last() {
                    self.write(Record::Settled { number });
                }
            }
            Step::Trim(events) => {
                let tail = self.events.len() as u64;
                let keep = Keep {
                    events,
                    bytes: usize::MAX,
                    ..self.keep.clone()
                };
                let directory = &self.log().directory;
                let oldest = directory.oldest();
                directory.trim(&keep, at(0)).unwrap();
                let kept = tail.saturating_sub(events as u64);
                assert!((oldest..=kept.max(oldest)).contains(&directory.oldest()));
            }
            Step::Close => {
                self.log().write(Record::End);
                self.reopen();
            }
            Step::Crash(cut) => {
                self.crash(cut);
                self.reopen();
            }
            Step::Keep(kib) => {
                self.keep.bytes = kib * KIB;
                let keep = self.keep.clone();
                self.log().recovered.writer.set_keep(&keep);
            }
        }
    }

    /// Cuts the last record, which then was never written. An event that settled counts as heard
    /// by nobody, so its intent is open again.
    fn crash(&mut self, cut: Option<usize>) {
        let (Some(cut), Some(last)) = (cut, self.last.take()) else {
            return;
        };
        let mut bytes = Vec::new();
        record::encode(&last, &mut bytes).unwrap();
        let cut = 1 + cut % (bytes.len() - 1);
        let path = last_segment(self.dir.path());
        let length = fs::metadata(&path).unwrap().len();
        let file = fs::File::options().write(true).open(path).unwrap();
        file.set_len(length - cut as u64).unwrap();
        let mut reopen = |number: u64| {
            let write = write_of(&format!("posts{number}"));
            self.open.insert(number, write);
        };
        match last {
            Record::End => {}
            Record::Intent { number, .. } => drop(self.open.remove(&number)),
            Record::Settled { number } => reopen(number),
            Record::Events { events, settles } => {
                self.events.truncate(self.events.len() - events.len());
                settles.into_iter().for_each(&mut reopen);
            }
        }
    }

    fn reopen(&mut self) {
        let epoch = self.log().recovered.epoch;
        self.log = None;
        let log = Log::open_as(self.dir.path(), Level::Process, BOOT, &self.keep).unwrap();
        assert_eq!(log.recovered.epoch, epoch);
        assert_eq!(log.recovered.report.uncertain, self.open.len());
        assert!(!log.recovered.report.gap && !log.recovered.report.fresh);
        let told = std::mem::take(&mut self.open);
        let new = log.recovered.recent.len() - told.len();
        let new = log.recovered.recent[new..].to_vec();
        for ((seq, write), event) in (self.events.len() as u64 + 1..)
            .zip(told.values())
            .zip(&new)
        {
            let Kind::Uncertain { collection, .. } = &event.kind else {
                panic!("{event:?}");
            };
            assert_eq!(
                (collection, event.cursor.seq),
                (write.collection.as_ref().unwrap(), seq)
            );
        }
        self.events.extend(new);
        let recent = &log.recovered.recent;
        assert_eq!(recent[..], self.events[self.events.len() - recent.len()..]);
        self.last = None;
        self.log = Some(log);
    }

    fn check(&self) {
        let log = self.log.as_ref().unwrap();
        let tail = self.events.len() as u64;
        let oldest = log.directory.oldest();
        assert_eq!(log.recovered.tail, tail);
        assert!(oldest <= tail);
        if oldest > 0 {
            assert_eq!(log.read(oldest - 1).unwrap_err(), Gap::TooOld);
        }
        let kept = &self.events[usize::try_from(oldest).unwrap()..];
        assert_eq!(log.all(), kept);
        for after in [tail, tail.saturating_sub(1), tail.midpoint(oldest)] {
            let mut at = after.max(oldest);
            let mut read = Vec::new();
            while at < tail {
                let piece = log.directory.read(at, 3, 30_000, Timestamp::MIN).unwrap();
                assert!(piece.upto > at);
                at = piece.upto;
                read.extend(piece.events);
            }
            let from = usize::try_from(after.max(oldest)).unwrap();
            assert_eq!(read, self.events[from..]);
        }
        let on_disk = segments(self.dir.path()).into_iter();
        let on_disk: u64 = on_disk.map(|path| fs::metadata(path).unwrap().len()).sum();
        assert!(on_disk >= log.directory.bytes());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_life_of_a_log(steps in proptest::collection::vec(step(), 1..40)) {
        let dir = directory();
        let keep = keep();
        let log = Log::open_as(dir.path(), Level::Process, BOOT, &keep).unwrap();
        let mut model = Model {
            log: Some(log),
            dir,
            keep,
            events: Vec::new(),
            open: BTreeMap::new(),
            numbers: 0,
            last: None,
        };
        for step in steps {
            model.take(step);
            model.check();
        }
    }
}

#[test]
fn what_is_kept_is_bounded_by_events_bytes_and_age() {
    let dir = directory();
    let mut log = Log::open(dir.path());
    let long = "x".repeat(10 * KIB);
    (0..20).for_each(|_| drop(log.append(&[&long])));
    let directory = Arc::clone(&log.directory);
    let second_begins = |path| Name::of(segments(path)[1].file_name()?.to_str()?);
    let second = second_begins(dir.path()).unwrap().first;
    let last = i64::try_from(second).unwrap() - 1;
    let keep = |events, bytes, age| Keep {
        events,
        bytes,
        age: Duration::from_secs(age),
    };
    let events = 20 - usize::try_from(second).unwrap() + 1;
    directory
        .trim(&keep(events + 1, 512 * KIB, 10), at(last + 10))
        .unwrap();
    assert_eq!(directory.oldest(), 0);
    directory
        .trim(&keep(events, 512 * KIB, 10), at(last + 10))
        .unwrap();
    assert_eq!(directory.oldest(), second - 1);
    let third = second_begins(dir.path()).unwrap().first;
    let last = i64::try_from(third).unwrap() - 1;
    directory
        .trim(&keep(100, 512 * KIB, 10), at(last + 10))
        .unwrap();
    assert_eq!(directory.oldest(), second - 1);
    directory
        .trim(&keep(100, 512 * KIB, 10), at(last + 11))
        .unwrap();
    assert_eq!(directory.oldest(), third - 1);
    assert_eq!(log.read(0).unwrap_err(), Gap::TooOld);
    directory.trim(&keep(100, KIB, 10), at(0)).unwrap();
    assert_eq!(segments(dir.path()).len(), 1);
}

#[test]
fn what_is_older_than_asked_for_is_too_old() {
    let dir = directory();
    let mut log = Log::open(dir.path());
    (0..5).for_each(|_| drop(log.append(&["a"])));
    let read = |after, second| log.directory.read(after, 10, 10_000, at(second));
    assert_eq!(read(2, 3).unwrap().events.len(), 3);
    assert_eq!(read(2, 4).unwrap_err(), Gap::TooOld);
    assert_eq!(read(5, 9).unwrap().upto, 5);
}

#[test]
fn a_read_goes_on_while_the_log_is_written() {
    let dir = directory();
    let mut log = Log::open(dir.path());
    let directory = Arc::clone(&log.directory);
    let reader = std::thread::spawn(move || {
        let mut after = 0;
        while after < 3000 {
            match directory.read(after, 100, 50_000, Timestamp::MIN) {
                Ok(piece) => {
                    for (event, seq) in piece.events.iter().zip(after + 1..) {
                        assert!(matches!(event.kind, Kind::Custom { .. }), "{event:?}");
                        assert_eq!(event.cursor.seq, seq);
                    }
                    after = piece.upto;
                }
                Err(gap) => {
                    assert_eq!(gap, Gap::TooOld);
                    after = directory.oldest();
                }
            }
        }
    });
    let long = "x".repeat(KIB);
    for number in 0..1000 {
        log.write(intent(number));
        log.append_settling(&[&long, "a", "b"], Some(number));
    }
    assert!(log.directory.oldest() > 0);
    reader.join().unwrap();
}
