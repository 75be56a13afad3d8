//! Any bytes as files: nothing panics, and nothing but another version stops a start.

use proptest::prelude::*;

use super::super::record;
use super::super::segment::Header;
use super::*;

/// Starts with these bytes as the last segment, and reads from everywhere.
fn start(bytes: &[u8], name: Name) {
    let dir = directory();
    fs::write(dir.path().join(name.to_string()), bytes).unwrap();
    match Log::open_as(dir.path(), Level::Process, BOOT, &keep()) {
        Err(OpenError::Version { .. }) => {}
        Err(error) => panic!("{error}"),
        Ok(mut log) => {
            log.append(&["next"]);
            let oldest = log.directory.oldest();
            let mut told = 0;
            for after in (oldest..=log.recovered.tail).take(50) {
                let piece = log.read(after).unwrap();
                let seqs: Vec<_> = piece.events.iter().map(|e| e.cursor.seq).collect();
                assert!(seqs.is_sorted() && seqs.first().is_none_or(|seq| *seq > after));
                assert_eq!(piece.upto, log.recovered.tail);
                told += piece.events.len();
            }
            assert!(told > 0);
        }
    }
}

fn name() -> Name {
    Name {
        epoch: FRESH,
        first: 5,
    }
}

fn header() -> Vec<u8> {
    let header = Header {
        name: name(),
        level: Level::Process,
        boot: BOOT,
        created: at(0),
    };
    header.encode()
}

#[derive(Clone, Debug)]
enum Change {
    Cut(usize),
    Flip(usize, u8),
    Insert(usize, Vec<u8>),
    Move(usize, usize, usize),
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        any::<usize>().prop_map(Change::Cut),
        any::<(usize, u8)>().prop_map(|(at, by)| Change::Flip(at, by)),
        (
            any::<usize>(),
            proptest::collection::vec(any::<u8>(), 0..40)
        )
            .prop_map(|(at, bytes)| Change::Insert(at, bytes)),
        any::<(usize, usize, usize)>().prop_map(|(from, count, to)| Change::Move(from, count, to)),
    ]
}

fn changed(mut bytes: Vec<u8>, changes: Vec<Change>) -> Vec<u8> {
    for change in changes {
        let place = |at: usize| at % (bytes.len() + 1);
        match change {
            // Rarely much of it.
            Change::Cut(at) => bytes.truncate(bytes.len() - place(at) / 8),
            Change::Flip(at, by) => {
                let at = place(at);
                bytes.iter_mut().skip(at).take(1).for_each(|b| *b ^= by);
            }
            Change::Insert(at, new) => {
                let at = place(at);
                bytes.splice(at..at, new);
            }
            Change::Move(from, count, to) => {
                let (from, to) = (place(from), place(to));
                let piece = bytes[from..(from + count % 200).min(bytes.len())].to_vec();
                bytes.splice(to..to, piece);
            }
        }
    }
    bytes
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_are_a_start(bytes in proptest::collection::vec(any::<u8>(), 0..300), sound: bool) {
        let front = if sound { header() } else { Vec::new() };
        start(&[front, bytes].concat(), name());
    }

    #[test]
    fn any_records_in_any_state_are_a_start(
        records in proptest::collection::vec(round_trip::record(), 0..6),
        own in 0..6_u64,
        changes in proptest::collection::vec(change(), 0..4),
    ) {
        let mut bytes = header();
        for record in &records {
            record::encode(record, &mut bytes).unwrap();
        }
        for seq in 0..own {
            let events = vec![event(Epoch::new(FRESH), 5 + seq, "a")];
            let settles = None;
            record::encode(&Record::Events { events, settles }, &mut bytes).unwrap();
        }
        start(&changed(bytes, changes), name());
    }
}

/// What was appended to three segments, of which the last was not closed.
fn three_segments(path: &Path) -> Vec<Arc<Event>> {
    let mut appended = Vec::new();
    for texts in [["a", "b", "c"], ["d", "e", "f"], ["g", "h", "i"]] {
        let mut log = Log::open(path);
        for text in texts {
            appended.extend(log.append(&[text, "x"]));
        }
    }
    appended
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_served_was_appended_whatever_happened_to_the_files(
        changes in proptest::collection::vec((0..3_usize, change()), 1..6),
        after in 0..18_u64,
    ) {
        let dir = directory();
        let appended = three_segments(dir.path());
        for (which, change) in changes {
            let path = &segments(dir.path())[which];
            let bytes = changed(fs::read(path).unwrap(), vec![change]);
            fs::write(path, bytes).unwrap();
        }
        let log = Log::open(dir.path());
        if log.recovered.report.fresh {
            return Ok(());
        }
        let served = log.all();
        let mut expected = 1;
        for event in &served {
            let seq = event.cursor.seq;
            if event.kind == Kind::Gap {
                prop_assert!(seq >= expected);
            } else {
                prop_assert_eq!(seq, expected);
                prop_assert_eq!(event, &appended[usize::try_from(seq).unwrap() - 1]);
            }
            expected = seq + 1;
        }
        prop_assert_eq!(log.recovered.tail + 1, expected);
        let after = after.min(log.recovered.tail);
        let rest: Vec<_> = served.iter().filter(|e| e.cursor.seq > after).cloned().collect();
        prop_assert_eq!(log.read(after).unwrap().events, rest);
        for (event, seq) in log.recovered.recent.iter().rev().zip((1..=log.recovered.tail).rev()) {
            prop_assert_eq!(event.cursor.seq, seq);
            let told = event.kind == Kind::Gap || *event == appended[usize::try_from(seq).unwrap() - 1];
            prop_assert!(told);
        }
    }
}

#[test]
fn another_version_is_refused_and_left_alone() {
    let dir = directory();
    let mut bytes = header();
    bytes[4] = 2;
    let sum = crc32fast::hash(&bytes[..53]);
    bytes[53..].copy_from_slice(&sum.to_le_bytes());
    let path = dir.path().join(name().to_string());
    fs::write(&path, &bytes).unwrap();
    let error = Log::open_as(dir.path(), Level::Process, BOOT, &keep())
        .err()
        .unwrap();
    assert!(matches!(error, OpenError::Version { .. }), "{error}");
    assert_eq!(fs::read(&path).unwrap(), bytes);
}
