//! Bytes cut off and bytes changed: nothing wrong is served, and what is lost is told.

use std::io::Write as _;

use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};

use super::super::record::Header;
use super::*;

/// A log of some records of which the last three begin at the place that is the answer's second.
fn written(path: &Path) -> (Vec<Arc<Event>>, u64) {
    let mut log = Log::open(path);
    let mut events = log.append(&["a"]);
    events.extend(log.append(&["b", "c"]));
    let place = fs::metadata(last_segment(path)).unwrap().len();
    events.extend(log.append(&["d", "e", "f"]));
    log.write(intent(1));
    events.extend(log.append(&["g", "h"]));
    (events, place)
}

/// What must hold of a log into which `appended` went, and from which bytes went without a trace.
fn assert_sound(log: &mut Log, appended: &[Arc<Event>], case: &str) {
    let served = log.all();
    let mut expected = 1;
    for event in &served {
        let seq = event.cursor.seq;
        assert!(seq >= expected, "{case}: {:?}", lines(&served));
        assert!(
            seq == expected || event.kind == Kind::Gap,
            "{case}: a hole: {:?}",
            lines(&served)
        );
        if let Some(original) = appended.get(usize::try_from(seq).unwrap() - 1) {
            let same = event == original || event.kind == Kind::Gap;
            assert!(same, "{case}: {:?}", lines(&served));
        }
        expected = seq + 1;
    }
    let next = appended.len() as u64 + 1;
    assert!(expected >= next, "{case}: {:?}", lines(&served));
    assert_eq!(log.recovered.tail + 1, expected, "{case}");
    // From every place, the same is told; where something is missing, a gap tells of it.
    for after in 0..log.recovered.tail {
        let rest = log.read(after).unwrap().events;
        let expected = served.iter().skip_while(|e| e.cursor.seq <= after);
        assert_eq!(
            rest,
            expected.cloned().collect::<Vec<_>>(),
            "{case}: {after}"
        );
    }
    assert!(log.append(&["next"])[0].cursor.seq >= next);
    assert_eq!(log.all().len(), served.len() + 1);
}

/// Opens twice: the second finds what the first left.
fn opened_twice(path: &Path) -> Log {
    let first = Log::open(path);
    let (epoch, all) = (first.recovered.epoch, first.all());
    drop(first);
    let second = Log::open(path);
    assert_eq!(second.recovered.epoch, epoch);
    assert_eq!(second.all(), all);
    assert!(!second.recovered.report.gap);
    second
}

#[test]
fn a_record_that_is_cut_counts_as_never_written() {
    let dir = directory();
    let (appended, place) = written(dir.path());
    let bytes = fs::read(last_segment(dir.path())).unwrap();
    let whole_records: Vec<u64> = (place..bytes.len() as u64)
        .filter(|at| Header::of(&bytes[usize::try_from(*at).unwrap()..]).is_some())
        .collect();
    assert_eq!(whole_records.len(), 3);
    let length = fs::metadata(last_segment(dir.path())).unwrap().len();
    let whole = Log::open(copy(dir.path()).path()).all();
    assert_eq!(lines(&whole).last().unwrap(), "9 uncertain posts1");
    for cut in place..length {
        let dir = copy(dir.path());
        let mut options = fs::File::options();
        let file = options.write(true).open(last_segment(dir.path())).unwrap();
        file.set_len(cut).unwrap();
        let first = Log::open(dir.path());
        assert_eq!(
            first.recovered.report.torn_bytes == 0,
            whole_records.contains(&cut)
        );
        drop(first);
        let mut log = opened_twice(dir.path());
        let served = log.all();
        let kept = served
            .iter()
            .filter(|event| matches!(event.kind, Kind::Custom { .. }))
            .count();
        assert_eq!(served[..kept], appended[..kept], "{cut}");
        assert!(kept == 3 || kept == 6, "{cut}");
        assert!(served.len() - kept <= 1 && served.iter().all(|e| e.kind != Kind::Gap));
        assert_sound(&mut log, &served, &format!("cut at {cut}"));
    }
}

#[test]
fn a_byte_that_is_changed_is_told_as_a_gap() {
    let dir = directory();
    let (appended, place) = written(dir.path());
    let bytes = fs::read(last_segment(dir.path())).unwrap();
    for at in usize::try_from(place).unwrap()..bytes.len() {
        for mask in [0xff, 1 << rand::random_range(0..8)] {
            let dir = copy(dir.path());
            let mut bytes = bytes.clone();
            bytes[at] ^= mask;
            fs::write(last_segment(dir.path()), bytes).unwrap();
            let case = format!("byte {at} by {mask:#x}");
            let log = Log::open(dir.path());
            assert!(log.recovered.report.gap, "{case}");
            drop(log);
            assert_sound(&mut opened_twice(dir.path()), &appended, &case);
        }
    }
}

#[test]
fn garbage_behind_the_last_record_is_told_as_a_gap() {
    let dir = directory();
    let (appended, _) = written(dir.path());
    for garbage in [
        &[0_u8; 1] as &[u8],
        &[0; 5000],
        b"\xffrexxxxxxxxxxxxxx",
        &[0xff; 100],
    ] {
        let dir = copy(dir.path());
        let mut file = fs::File::options();
        let mut file = file.append(true).open(last_segment(dir.path())).unwrap();
        file.write_all(garbage).unwrap();
        let log = Log::open(dir.path());
        assert!(log.recovered.report.gap);
        let place = 9 + garbage.len() as u64 / 13;
        let told = [
            format!("{place} gap"),
            format!("{} uncertain posts1", place + 1),
        ];
        assert_eq!(lines(&log.read(8).unwrap().events), told);
        // Places were skipped, so that what comes before the gap does not go on to it.
        let recent = lines(&log.recovered.recent);
        assert_eq!(recent == told, garbage.len() >= 13);
        drop(log);
        assert_sound(&mut opened_twice(dir.path()), &appended, "garbage");
    }
}

#[test]
fn an_intent_that_may_have_been_lost_is_told_as_a_gap() {
    let dir = directory();
    let mut log = Log::open(dir.path());
    log.append(&["a"]);
    let place = fs::metadata(last_segment(dir.path())).unwrap().len();
    log.write(intent(1));
    log.append(&["b"]);
    drop(log);
    let last = last_segment(dir.path());
    let mut bytes = fs::read(&last).unwrap();
    bytes[usize::try_from(place).unwrap() + 30] ^= 1;
    fs::write(&last, bytes).unwrap();
    let log = Log::open(dir.path());
    assert!(log.recovered.report.gap);
    assert_eq!(lines(&log.all()), ["1 a", "2 b", "3 gap"]);
}

#[test]
fn damage_in_an_older_segment_is_a_gap_where_it_is() {
    let dir = directory();
    let mut log = Log::open(dir.path());
    let long = "x".repeat(3 * KIB);
    let mut appended = Vec::new();
    for _ in 0..60 {
        appended.extend(log.append(&[&long, "b"]));
    }
    let paths = segments(dir.path());
    assert!(paths.len() > 3);
    let mut bytes = fs::read(&paths[1]).unwrap();
    let first = Name::of(paths[1].file_name().unwrap().to_str().unwrap())
        .unwrap()
        .first;
    // Its third record, which has two events.
    let record = (bytes.len() - 57) / (bytes.len() - 57).div_ceil(6300);
    bytes[57 + 2 * record + 100] ^= 1;
    fs::write(&paths[1], bytes).unwrap();
    let gap = first + 5;
    for after in first - 1..gap + 4 {
        let events = log.read(after).unwrap().events;
        let intact = |seq: u64| appended[usize::try_from(seq).unwrap() - 1].clone();
        let before = (after + 1..first + 4).map(intact);
        let behind = (gap.max(after) + 1..=120).map(intact);
        let told: Vec<_> = events.iter().filter(|e| e.kind == Kind::Gap).collect();
        assert_eq!(told.len(), usize::from(after < gap), "{after}");
        assert!(told.iter().all(|e| e.cursor.seq == gap));
        let rest = events.iter().filter(|e| e.kind != Kind::Gap).cloned();
        let expected: Vec<_> = before.chain(behind).collect();
        assert_eq!(rest.collect::<Vec<_>>(), expected, "{after}");
    }
    // And piece by piece.
    let mut after = 0;
    let mut seqs = Vec::new();
    while after < 120 {
        let piece = log.directory.read(after, 1, 1, Timestamp::MIN).unwrap();
        assert!(piece.upto > after && piece.events.len() <= 3);
        seqs.extend(piece.events.iter().map(|e| e.cursor.seq));
        after = piece.upto;
    }
    let expected: Vec<u64> = (1..=120).filter(|seq| *seq != gap - 1).collect();
    assert_eq!(seqs, expected);
}

#[test]
fn a_segment_that_is_gone_is_a_gap() {
    let dir = directory();
    let mut log = Log::open(dir.path());
    let long = "x".repeat(20 * KIB);
    (0..12).for_each(|_| drop(log.append(&[&long])));
    let paths = segments(dir.path());
    let first_of = |path: &PathBuf| Name::of(path.file_name()?.to_str()?).map(|n| n.first);
    fs::remove_file(&paths[1]).unwrap();
    fs::write(&paths[2], "").unwrap();
    let gap = first_of(&paths[3]).unwrap() - 1;
    let before = first_of(&paths[1]).unwrap() - 1;
    let check = |log: &Log| {
        let seqs: Vec<_> = log.all().iter().map(|e| e.cursor.seq).collect();
        assert_eq!(seqs, (1..=before).chain(gap..=12).collect::<Vec<_>>());
        let rest = log.read(before).unwrap().events;
        assert_eq!((&rest[0].kind, rest[0].cursor.seq), (&Kind::Gap, gap));
    };
    check(&log);
    drop(log);
    check(&Log::open(dir.path()));
}

#[test]
fn the_end_of_the_segment_being_written_is_never_silently_missing() {
    let dir = directory();
    let mut log = Log::open(dir.path());
    log.append(&["a"]);
    log.append(&["b", "c"]);
    let last = last_segment(dir.path());
    let bytes = fs::read(&last).unwrap();
    fs::write(&last, &bytes[..bytes.len() - 1]).unwrap();
    assert_eq!(lines(&log.all()), ["1 a", "3 gap"]);
    assert_eq!(lines(&log.read(2).unwrap().events), ["3 gap"]);
}

#[test]
fn a_header_that_is_damaged_is_a_fresh_epoch() {
    let dir = directory();
    written(dir.path());
    let bytes = fs::read(last_segment(dir.path())).unwrap();
    for at in 0..57 {
        for cut in [false, true] {
            let dir = copy(dir.path());
            let mut bytes = bytes.clone();
            bytes[at] ^= 0xff;
            bytes.truncate(if cut { at } else { bytes.len() });
            fs::write(last_segment(dir.path()), bytes).unwrap();
            let log = Log::open(dir.path());
            assert!(log.recovered.report.fresh && log.all().is_empty());
            assert_eq!(segments(dir.path()).len(), 1);
        }
    }
}

#[test]
#[expect(clippy::print_stdout, reason = "shown when the test fails")]
fn a_thousand_recoveries_of_a_log_that_is_cut_anywhere() {
    let seed: u64 = rand::random();
    println!("seed {seed}");
    let mut random = StdRng::seed_from_u64(seed);
    let dir = directory();
    let mut log = Log::open(dir.path());
    let mut appended = Vec::new();
    for number in 0..30 {
        log.write(intent(number));
        appended.extend(log.append_settling(&["a", "b"], Some(number)));
        log.write(intent(number + 100));
        log.write(Record::Settled {
            number: number + 100,
        });
    }
    let epoch = log.recovered.epoch;
    drop(log);
    let last = last_segment(dir.path());
    let bytes = fs::read(&last).unwrap();
    for _ in 0..1000 {
        let cut = random.random_range(0..=bytes.len());
        let dir = directory();
        let path = dir.path().join(last.file_name().unwrap());
        fs::write(path, &bytes[..cut]).unwrap();
        let log = opened_twice(dir.path());
        let all = log.all();
        if cut < 57 {
            assert!(
                log.recovered.epoch != epoch && all.is_empty(),
                "seed {seed}: {cut}"
            );
            continue;
        }
        let kept = all.iter().zip(&appended).filter(|(a, b)| a == b).count();
        assert!(all.len() - kept <= 1, "seed {seed}: {cut}");
        let rest = &all[kept..];
        let uncertain = |e: &Arc<Event>| matches!(e.kind, Kind::Uncertain { .. });
        assert!(rest.iter().all(uncertain), "seed {seed}: {cut}");
    }
}
