use std::fs;

use tempfile::TempDir;

use super::*;
use crate::event::Json;

fn terms() -> Terms {
    Terms {
        keep: Keep::default(),
        wait: Duration::from_secs(5),
        on_failure: OnFailure::Release,
    }
}

fn custom() -> Kind {
    Kind::Custom {
        name: "x".into(),
        data: Json::null(),
    }
}

fn at(seq: u64) -> Cursor {
    let epoch = Epoch::new(7);
    Cursor { epoch, seq }
}

#[test]
fn in_memory_an_event_may_be_heard_at_once() {
    let log = Log::in_memory(Epoch::new(7), terms());
    assert!(log.append(vec![custom(), custom()], None).is_none());
    assert_eq!(log.tail(), at(2));
    let Ok(Past::Recent(events)) = log.after(at(1), |_| true) else {
        panic!("it is in memory");
    };
    assert_eq!(events[0].cursor, at(2));
}

#[test]
fn a_cursor_that_this_log_never_printed_is_foreign() {
    let log = Log::in_memory(Epoch::new(7), terms());
    drop(log.append(vec![custom(), custom()], None));
    let (epoch, seq) = (Epoch::new(8), 1);
    let other = Cursor { epoch, seq };
    assert_eq!(log.start(Since::After(other)), Err(Gap::Foreign));
    assert_eq!(log.start(Since::After(at(3))), Err(Gap::Foreign));
    assert_eq!(log.start(Since::After(at(u64::MAX))), Err(Gap::Foreign));
    assert_eq!(log.start(Since::Malformed), Err(Gap::Malformed));
    assert_eq!(log.start(Since::Now), Ok(at(2)));
    assert_eq!(log.start(Since::After(at(0))), Ok(at(0)));
    assert!(matches!(log.after(other, |_| true), Err(Gap::Foreign)));
}

#[test]
fn what_is_no_longer_kept_is_too_old() {
    let keep = Keep {
        events: 1,
        ..Keep::default()
    };
    let log = Log::in_memory(Epoch::new(7), Terms { keep, ..terms() });
    drop(log.append(vec![custom(), custom()], None));
    assert_eq!(log.start(Since::After(at(0))), Err(Gap::TooOld));
    assert_eq!(log.start(Since::After(at(1))), Ok(at(1)));
    assert!(matches!(log.after(at(0), |_| true), Err(Gap::TooOld)));
}

/// A log in files whose writer has been given up, and the place of its only event before that.
fn failed(folder: &TempDir) -> (Log, Cursor) {
    let log = Log::open(folder.path(), Level::Process, Epoch::new(7), terms()).unwrap();
    let ticket = log.append(vec![custom()], None).unwrap();
    ticket.told.blocking_recv().unwrap();
    let before = log.tail();
    let why = "a test says so".into();
    let told = log
        .0
        .state
        .lock()
        .fail(1, Epoch::new(8), why, Instant::now());
    told.unwrap().tell();
    // In no file, and acknowledged.
    assert!(log.append(vec![custom()], None).is_none());
    (log, before)
}

/// What another process finds that starts from a copy of the directory.
fn started_from(folder: &TempDir) -> Log {
    let copy = TempDir::new().unwrap();
    for entry in fs::read_dir(folder.path()).unwrap() {
        let path = entry.unwrap().path();
        // It may be removed meanwhile.
        drop(fs::copy(&path, copy.path().join(path.file_name().unwrap())));
    }
    Log::open(copy.path(), Level::Process, Epoch::new(9), terms()).unwrap()
}

#[test]
fn nobody_goes_on_from_what_a_log_that_failed_has_left() {
    let folder = TempDir::new().unwrap();
    let (log, before) = failed(&folder);
    let until = Instant::now() + Duration::from_millis(350);
    let mut start = Ok(before);
    while start.is_ok() && Instant::now() < until {
        start = started_from(&folder).start(Since::After(before));
    }
    assert_eq!(log.holds(), Level::Memory, "it has not begun anew yet");
    assert_eq!(start, Err(Gap::Foreign));
}

#[test]
fn a_log_that_failed_is_closed_with_nothing_left() {
    let folder = TempDir::new().unwrap();
    let (log, before) = failed(&folder);
    assert!(log.close(Duration::from_secs(5)));
    let start = started_from(&folder).start(Since::After(before));
    assert_eq!(start, Err(Gap::Foreign));
}

/// What is written is not published before it is synced: until then the files know more.
#[test]
fn what_is_missing_is_told_although_more_is_written_than_published() {
    let folder = TempDir::new().unwrap();
    let log = Log::open(folder.path(), Level::Process, Epoch::new(7), terms()).unwrap();
    for _ in 0..2 {
        let ticket = log.append(vec![custom()], None).unwrap();
        ticket.told.blocking_recv().unwrap();
    }
    let files = log.0.directory.as_ref().unwrap();
    // As it is between the write of the second and its sync.
    let (event, queue) = (files.read(0, 1, 1, Timestamp::MIN).unwrap(), log.tail());
    let recent = vec![(Arc::clone(&event.events[0]), Instant::now())];
    let first = Cursor { seq: 1, ..queue };
    *log.0.state.lock() =
        State::in_files((Level::Disk, 2), first, recent, terms(), Timestamp::now());
    for entry in fs::read_dir(folder.path()).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "log") {
            fs::remove_file(path).unwrap();
        }
    }
    let piece = log.read(at(0)).unwrap();
    let told: Vec<_> = piece
        .events
        .iter()
        .map(|e| (e.cursor.seq, &e.kind))
        .collect();
    assert_eq!(
        (told.as_slice(), piece.upto),
        ([(1, &Kind::Gap)].as_slice(), 1)
    );
}
