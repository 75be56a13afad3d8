//! What a start finds: a log that was closed, one that was killed, one of another boot.

use std::io::ErrorKind;

use super::*;

/// Opens again, as the next process would.
fn reopened(log: Log, path: &Path) -> Log {
    drop(log);
    Log::open(path)
}

#[test]
fn a_new_directory_is_a_fresh_epoch() {
    let dir = directory();
    let path = dir.path().join("a/b");
    let log = Log::open(&path);
    assert_eq!(log.recovered.tail, 0);
    assert_eq!(log.recovered.report, super::super::Report::default());
    assert_eq!(log.directory.oldest(), 0);
    assert!(log.all().is_empty());
    let mode = std::os::unix::fs::PermissionsExt::mode(&fs::metadata(&path).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o700);
}

#[test]
fn a_killed_process_loses_nothing() {
    let dir = directory();
    let mut log = Log::open(dir.path());
    let mut appended = log.append(&["a", "b"]);
    appended.extend(log.append(&["c"]));
    let epoch = log.recovered.epoch;
    let mut log = reopened(log, dir.path());
    assert_eq!(log.recovered.epoch, epoch);
    assert_eq!(log.recovered.recent, appended);
    assert_eq!(log.recovered.report, super::super::Report::default());
    appended.extend(log.append(&["d"]));
    let log = reopened(log, dir.path());
    assert_eq!((log.recovered.tail, log.all()), (4, appended.clone()));
    assert_eq!(log.recovered.recent, appended);
    assert_eq!(log.read(3).unwrap().events, appended[3..]);
    assert_eq!(log.read(4).unwrap().upto, 4);
}

#[test]
fn recent_is_what_was_asked_for_at_most() {
    let dir = directory();
    let mut appended = Vec::new();
    for texts in [["a", "b"], ["c", "d"], ["e", "f"]] {
        appended.extend(Log::open(dir.path()).append(&texts));
    }
    let bytes = appended[0].bytes();
    for (events, bytes, expected) in [
        (0, usize::MAX, 0),
        (3, usize::MAX, 3),
        (9, usize::MAX, 6),
        (9, 5 * bytes, 5),
        (9, bytes - 1, 0),
    ] {
        let directory = Arc::new(Directory::lock_in(dir.path(), Level::Process, BOOT).unwrap());
        let recent = Recent { events, bytes };
        let recovered = directory
            .recover(Level::Process, Epoch::new(1), &keep(), recent, at(0))
            .unwrap();
        assert_eq!(recovered.recent, appended[6 - expected..], "{recent:?}");
    }
}

#[test]
fn a_thousand_restarts_leave_one_file() {
    let dir = directory();
    for _ in 0..300 {
        let mut log = Log::open(dir.path());
        log.write(intent(1));
        log.write(Record::Settled { number: 1 });
        log.write(Record::End);
    }
    assert_eq!(segments(dir.path()).len(), 1);
}

#[test]
fn open_intents_become_uncertain_once() {
    let dir = directory();
    let mut log = Log::open(dir.path());
    for number in [3, 1, 2, 4] {
        log.write(intent(number));
    }
    log.append_settling(&["a"], Some(2));
    log.write(Record::Settled { number: 4 });
    let mut log = reopened(log, dir.path());
    assert_eq!(log.recovered.report.uncertain, 2);
    log.append(&["b"]);
    let expected = ["1 a", "2 uncertain posts1", "3 uncertain posts3", "4 b"];
    assert_eq!(lines(&log.all()), expected);
    let log = reopened(log, dir.path());
    assert_eq!(log.recovered.report.uncertain, 0);
    assert_eq!(lines(&log.all()), expected);
    let times: Vec<_> = log.all().iter().map(|event| event.at).collect();
    assert!(times.is_sorted(), "{times:?}");
}

#[test]
fn open_intents_survive_rolls() {
    let dir = directory();
    let mut log = Log::open(dir.path());
    let long = "x".repeat(10 * KIB);
    log.write(intent(1));
    log.write(intent(2));
    for _ in 0..100 {
        log.append(&[&long]);
    }
    log.write(Record::Settled { number: 1 });
    assert!(segments(dir.path()).len() > 3);
    assert!(log.directory.bytes() <= 512 * KIB as u64);
    assert!(log.directory.oldest() > 0);
    let log = reopened(log, dir.path());
    assert_eq!(log.recovered.report.uncertain, 1);
    assert_eq!(
        lines(&log.read(100).unwrap().events),
        ["101 uncertain posts2"]
    );
}

#[test]
fn a_segment_of_intents_alone_is_replaced() {
    let dir = directory();
    let mut log = Log::open(dir.path());
    log.write(intent(0));
    for number in 1..10_000 {
        log.write(intent(number));
        log.write(Record::Settled { number });
    }
    assert_eq!(segments(dir.path()).len(), 1);
    assert!(log.directory.bytes() < 70 * KIB as u64);
    log.append(&["a"]);
    let log = reopened(log, dir.path());
    assert_eq!(lines(&log.all()), ["1 a", "2 uncertain posts0"]);
}

#[test]
fn a_recovery_that_was_cut_short_is_repeated() {
    let dir = directory();
    let mut log = Log::open(dir.path());
    log.append(&["a"]);
    log.write(intent(1));
    drop(log);
    // As if it had been killed before the new segment had its name.
    let torn = copy(dir.path());
    let log = Log::open(torn.path());
    let expected = log.all();
    drop(log);
    let last = last_segment(torn.path());
    let name = last.file_name().unwrap().to_str().unwrap();
    fs::rename(&last, torn.path().join(format!("{name}.tmp"))).unwrap();
    let log = Log::open(torn.path());
    assert_eq!(log.all(), expected);
    assert_eq!(log.recovered.report.uncertain, 1);
    assert!(!torn.path().join(format!("{name}.tmp")).exists());
}

#[test]
fn another_boot_is_a_gap_or_a_fresh_epoch_unless_the_log_was_closed() {
    for (level, closed, boot, expected) in [
        (Level::Process, true, OTHER_BOOT, "same"),
        (Level::Process, false, OTHER_BOOT, "fresh"),
        (Level::Process, false, None, "fresh"),
        (Level::Process, false, BOOT, "same"),
        (Level::Disk, true, OTHER_BOOT, "same"),
        (Level::Disk, false, OTHER_BOOT, "gap"),
        (Level::Disk, false, None, "gap"),
        (Level::Disk, false, BOOT, "same"),
    ] {
        let dir = directory();
        let mut log = Log::open_as(dir.path(), level, BOOT, &keep()).unwrap();
        log.append(&["a"]);
        log.append(&["b"]);
        log.write(intent(1));
        if closed {
            log.write(Record::End);
        }
        let epoch = log.recovered.epoch;
        drop(log);
        let log = Log::open_as(dir.path(), level, boot, &keep()).unwrap();
        let told: &[&str] = match expected {
            "same" => &["1 a", "2 b", "3 uncertain posts1"],
            "gap" => &["1 a", "2 b", "3 gap", "4 uncertain posts1"],
            _ => &[],
        };
        let case = (level, closed, boot);
        assert_eq!(lines(&log.all()), told, "{case:?}");
        assert_eq!(lines(&log.recovered.recent), told, "{case:?}");
        assert_eq!(
            log.recovered.epoch != epoch,
            expected == "fresh",
            "{case:?}"
        );
        assert_eq!(log.recovered.report.fresh, expected == "fresh", "{case:?}");
        assert_eq!(log.recovered.report.gap, expected == "gap", "{case:?}");
        assert_eq!(log.recovered.tail, told.len() as u64, "{case:?}");
    }
}

#[test]
fn an_unknown_boot_is_never_the_same() {
    let dir = directory();
    let mut log = Log::open_as(dir.path(), Level::Process, None, &keep()).unwrap();
    log.append(&["a"]);
    drop(log);
    let log = Log::open_as(dir.path(), Level::Process, None, &keep()).unwrap();
    assert!(log.recovered.report.fresh);
    assert_eq!(segments(dir.path()).len(), 1);
}

#[test]
fn beginning_anew_throws_away_what_was_there() {
    let dir = directory();
    let mut log = Log::open(dir.path());
    log.append(&["a"]);
    let unsettled = [(5, write_of("posts"))];
    let writer = log
        .directory
        .begin(
            Level::Process,
            Epoch::new(1),
            &[],
            &unsettled,
            &keep(),
            at(0),
        )
        .unwrap();
    log.recovered.writer = writer;
    log.recovered.epoch = Epoch::new(1);
    log.recovered.tail = 0;
    let events = log.append(&["b"]);
    assert_eq!(log.all(), events);
    assert_eq!(segments(dir.path()).len(), 1);
    let log = reopened(log, dir.path());
    assert_eq!(log.recovered.epoch, Epoch::new(1));
    assert_eq!(lines(&log.all()), ["1 b", "2 uncertain posts"]);
}

#[test]
fn of_several_epochs_the_newest_is_kept() {
    let (dir, other) = (directory(), directory());
    Log::open(dir.path()).append(&["a"]);
    let mut log = Log::open(other.path());
    log.append(&["b"]);
    let log = reopened(log, other.path());
    let epoch = log.recovered.epoch;
    drop(log);
    for path in segments(other.path()) {
        fs::copy(&path, dir.path().join(path.file_name().unwrap())).unwrap();
    }
    let log = Log::open(dir.path());
    assert_eq!(log.recovered.epoch, epoch);
    assert_eq!(lines(&log.all()), ["1 b"]);
}

#[test]
fn a_directory_has_one_process() {
    let dir = directory();
    let log = Log::open(dir.path());
    let error = Directory::lock(dir.path(), Level::Process).unwrap_err();
    assert!(matches!(error, OpenError::InUse { .. }), "{error:?}");
    let process = format!("(process {})", std::process::id());
    assert!(error.to_string().contains(&process), "{error}");
    drop(log);
    assert!(Directory::lock(dir.path(), Level::Process).is_ok());
}

#[test]
fn memory_is_no_disk() {
    if let Ok(dir) = TempDir::new_in("/dev/shm") {
        let error = Directory::lock(dir.path(), Level::Disk).unwrap_err();
        assert!(error.to_string().contains("is on tmpfs"), "{error}");
        assert!(Directory::lock(dir.path(), Level::Process).is_ok());
    }
}

#[test]
fn a_place_that_holds_no_log_is_refused_in_words() {
    let dir = directory();
    let file = dir.path().join("file");
    fs::write(&file, "").unwrap();
    for (path, words) in [
        (file.clone(), "cannot hold the log"),
        (file.join("below"), "cannot be created"),
        ("/proc/tidings".into(), "cannot be created"),
        ("/proc/self".into(), "cannot be written"),
    ] {
        let error = Directory::lock(&path, Level::Process).unwrap_err();
        assert!(error.to_string().contains(words), "{error}");
    }
    let error = Directory::lock(&file, Level::Process).unwrap_err();
    let OpenError::Io { error, .. } = error else {
        panic!("{error}");
    };
    assert_eq!(error.kind(), ErrorKind::NotADirectory);
}

#[test]
fn a_disk_holds_the_log_at_level_disk() {
    let Ok(dir) = TempDir::new() else {
        return;
    };
    let Ok(directory) = Directory::lock(dir.path(), Level::Disk) else {
        return;
    };
    let directory = Arc::new(directory);
    let recovered = directory.recover(Level::Disk, Epoch::new(1), &keep(), ALL, at(0));
    let mut log = Log {
        recovered: recovered.unwrap(),
        directory,
    };
    let long = "x".repeat(70 * KIB);
    let events = [log.append(&[&long]), log.append(&["b"])].concat();
    log.recovered.writer.file().sync_data().unwrap();
    assert_eq!(log.all(), events);
    assert_eq!(segments(dir.path()).len(), 2);
}
