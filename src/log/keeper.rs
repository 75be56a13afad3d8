//! The threads of a log in files: who writes, who syncs, who gives up and begins anew.
//!
//! | thread | what it does |
//! | --- | --- |
//! | writer | takes what was submitted, writes it in one go, passes it on |
//! | syncer | at level `disk`: syncs once for all that was written meanwhile |
//! | keeper | sees that nobody waits for longer than `log.wait`; begins another epoch after a failure |
//!
//! Writer and syncer are a pair, a `run`, with a segment of their own. A pair that failed or hangs
//! is given up and ends by itself as soon as the system lets it; what it still writes goes
//! to files that nobody reads any more. They are threads because a file has no other way to
//! be waited for, and because the requests' own must never wait for a disk.

use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tracing::{debug, error, info, warn};

use super::file::{Directory, OpenError, Recent, Recovered, Writer, is_full};
use super::queue::{Taken, Told};
use super::state::{State, kept_in_memory};
use super::{Level, Log, Record, Shared, Terms};
use crate::event::{Cursor, Epoch, Event, Kind};
use crate::limits::{
    LOG_CHECK, LOG_RECOVERY_PAUSE, LOG_RECOVERY_PAUSE_MAX, LOG_TRIM_INTERVAL, SYNCS_AHEAD,
};

/// Opens the log in `directory`, and starts its threads.
pub(super) fn open(
    directory: &Path,
    level: Level,
    fresh: Epoch,
    terms: Terms,
) -> Result<Log, OpenError> {
    let directory = Arc::new(Directory::lock(directory, level)?);
    let now = Timestamp::now();
    let kept = kept_in_memory(&terms.keep);
    let recent = Recent {
        events: kept.events,
        bytes: kept.bytes,
    };
    let (state, writer) = match directory.recover(level, fresh, &terms.keep, recent, now) {
        Ok(recovered) => {
            say(&recovered, level);
            let (tail, recent) = (place(&recovered), aged(&recovered, now));
            let state = State::in_files((level, FIRST_RUN), tail, recent, terms, now);
            (state, Some(recovered.writer))
        }
        Err(OpenError::Io { error, .. }) if is_full(&error) => {
            error!(%error, "the log cannot be written: events are told from memory until it can");
            (
                State::failed(fresh, terms, error.to_string().into(), now),
                None,
            )
        }
        Err(error) => return Err(error),
    };
    let shared = Arc::new(Shared::new(state, Some(Arc::clone(&directory)), level));
    if let Some(writer) = writer {
        start(&shared, writer, FIRST_RUN);
    }
    let keeping = Arc::clone(&shared);
    spawn("log-keeper", move || keep(&keeping, &directory))
        .expect("the system has threads for a process that just starts");
    Ok(Log(shared))
}

/// The place of the newest event that was found.
fn place(recovered: &Recovered) -> Cursor {
    Cursor {
        epoch: recovered.epoch,
        seq: recovered.tail,
    }
}

fn say(recovered: &Recovered, level: Level) {
    let report = recovered.report;
    info!(
        level = level.as_str(),
        cursor = %place(recovered),
        uncertain = report.uncertain,
        torn_bytes = report.torn_bytes,
        gap = report.gap,
        fresh = report.fresh,
        "log opened"
    );
}

/// The newest events, with the moment of the steady clock at which they will have been appended.
fn aged(recovered: &Recovered, now: Timestamp) -> Vec<(Arc<Event>, Instant)> {
    let instant = Instant::now();
    let appended = |at: Timestamp| {
        let age = Duration::try_from(now.duration_since(at)).unwrap_or_default();
        instant.checked_sub(age).unwrap_or(instant)
    };
    let recent = recovered.recent.iter();
    recent
        .map(|event| (Arc::clone(event), appended(event.at)))
        .collect()
}

/// Starts a pair of threads. If the system has none left, the run is given up.
fn start(shared: &Arc<Shared>, writer: Writer, run: u64) {
    let (syncs, to_sync) = sync_channel(SYNCS_AHEAD);
    let synced = if shared.level == Level::Disk {
        let shared = Arc::clone(shared);
        spawn("log-syncer", move || sync(&shared, &to_sync, run))
    } else {
        Ok(())
    };
    let begun = synced.and_then(|()| {
        let shared = Arc::clone(shared);
        spawn("log-writer", move || write(&shared, writer, &syncs, run))
    });
    if let Err(error) = begun {
        shared.fail(run, &format!("a thread cannot be started: {error}"));
    }
}

/// Something written: up to this number, and the file that it went to last.
type Written = (u64, Arc<File>);

/// Writes what is submitted until the run is given up.
fn write(shared: &Shared, mut writer: Writer, syncs: &SyncSender<Written>, run: u64) {
    let mut tended = Instant::now();
    while let Some(taken) = shared.take(run, &mut writer, &mut tended) {
        if let Err(error) = writer.write(&taken.records) {
            // Before anybody is told something that is in no file. If that is refused as well, the
            // keeper goes on trying.
            drop(writer.spoil());
            return shared.fail(run, &format!("a write failed: {error}"));
        }
        if matches!(taken.records.last().map(|last| &**last), Some(Record::End))
            && let Err(error) = writer.file().sync_data()
        {
            return shared.fail(run, &format!("a sync failed: {error}"));
        }
        shared.tell(|state| state.wrote(run, taken.upto, Instant::now()));
        if shared.level == Level::Disk
            && taken.waits_for_sync()
            && syncs.send((taken.upto, writer.file())).is_err()
        {
            // The syncer has failed, and said so.
            return;
        }
    }
}

/// Syncs what was written until the run is given up.
fn sync(shared: &Shared, written: &Receiver<Written>, run: u64) {
    while let Ok((mut upto, mut file)) = written.recv() {
        // All that was written meanwhile shares this sync. A segment that was left has been synced.
        while let Ok((later, other)) = written.try_recv() {
            (upto, file) = (later, other);
        }
        if let Err(error) = file.sync_data() {
            return shared.fail(run, &format!("a sync failed: {error}"));
        }
        shared.tell(|state| state.synced(run, upto, Instant::now()));
    }
}

/// Looks after the others for as long as the process lives.
fn keep(shared: &Arc<Shared>, directory: &Arc<Directory>) {
    let mut run = FIRST_RUN;
    let mut pause = LOG_RECOVERY_PAUSE;
    let mut well_since = Instant::now();
    loop {
        thread::sleep(LOG_CHECK);
        let (overdue, failed) = {
            let state = shared.state.lock();
            let overdue = state.overdue(Instant::now());
            (
                overdue.zip(Some(state.terms.wait)),
                state.failure().is_some(),
            )
        };
        if let Some((run, wait)) = overdue {
            shared.fail(
                run,
                &format!("the directory did not answer within {wait:?}"),
            );
        } else if failed {
            // One that failed again soon is given more time: each attempt is a gap for everybody.
            if well_since.elapsed() > LOG_RECOVERY_PAUSE_MAX {
                pause = LOG_RECOVERY_PAUSE;
            }
            recover_at_last(shared, directory, run + 1, &mut pause);
            run += 1;
            well_since = Instant::now();
        }
    }
}

/// Tries to begin anew until that is done, less and less often.
fn recover_at_last(
    shared: &Arc<Shared>,
    directory: &Arc<Directory>,
    run: u64,
    pause: &mut Duration,
) {
    let mut told = false;
    loop {
        // What is told by now is in no file: whoever starts from what is there must not go on as if
        // it had not been.
        let cleared = directory.clear();
        thread::sleep(*pause);
        // What was not cleared is tried again with it.
        let begun = recover(shared, directory, run);
        *pause = (2 * *pause).min(LOG_RECOVERY_PAUSE_MAX);
        match begun.map_err(|error| cleared.err().unwrap_or(error)) {
            Ok(()) => return,
            Err(error) if told => debug!(%error, "the log cannot be begun anew yet"),
            Err(error) => {
                warn!(%error, "the log cannot be begun anew yet, and is tried again and again");
                told = true;
            }
        }
    }
}

/// Begins another epoch in the files.
fn recover(shared: &Arc<Shared>, directory: &Arc<Directory>, run: u64) -> io::Result<()> {
    let (unsettled, keep) = {
        let state = shared.state.lock();
        (state.all_unsettled(), state.terms.keep.clone())
    };
    let epoch = Epoch::new(rand::random());
    let now = Timestamp::now();
    // It is in the files before the epoch is: whoever was sent a place before it hears it, whatever
    // becomes of this process.
    let gap = Arc::new(Event {
        cursor: Cursor { epoch, seq: 1 },
        at: now,
        kind: Kind::Gap,
    });
    let told = Record::Events {
        events: vec![Arc::clone(&gap)],
        settles: None,
    };
    let told = [Arc::new(told)];
    let writer = directory.begin(shared.level, epoch, &told, &unsettled, &keep, now)?;
    {
        let mut state = shared.state.lock();
        state.recover((shared.level, run), gap, &unsettled, Instant::now());
        shared.refuses.store(state.refuses(), Ordering::Relaxed);
    }
    start(shared, writer, run);
    shared.grown.notify_one();
    info!(%epoch, level = shared.level.as_str(), "the log is well again: every stream is told a gap");
    Ok(())
}

impl Shared {
    /// Waits for something to write; none once the run is given up. Now and then, however much there
    /// is to write, lets go of what the files no longer keep: it did so at the moment `tended`.
    fn take(&self, run: u64, writer: &mut Writer, tended: &mut Instant) -> Option<Taken> {
        let mut state = self.state.lock();
        loop {
            let due = tended.elapsed() >= LOG_TRIM_INTERVAL;
            if state.has_work() && !due || !state.is_current(run) {
                return state.take(run);
            }
            if !state.has_work() {
                let waited = self.work.wait_for(&mut state, LOG_TRIM_INTERVAL);
                if !waited.timed_out() && state.has_work() {
                    continue;
                }
            }
            *tended = Instant::now();
            let keep = state.terms.keep.clone();
            drop(state);
            writer.set_keep(&keep);
            if let Some(directory) = &self.directory
                && let Err(error) = directory.trim(&keep, Timestamp::now())
            {
                warn!(%error, "an old segment of the log cannot be deleted");
            }
            state = self.state.lock();
        }
    }

    /// Changes the state, and tells those who waited for it.
    fn tell(&self, change: impl FnOnce(&mut State) -> Told) {
        let told = change(&mut self.state.lock());
        told.tell();
        self.grown.notify_one();
        self.done.notify_all();
    }

    /// Gives the run up.
    fn fail(&self, run: u64, why: &str) {
        let epoch = Epoch::new(rand::random());
        let failed = {
            let mut state = self.state.lock();
            let failed = state.fail(run, epoch, why.into(), Instant::now());
            self.refuses.store(state.refuses(), Ordering::Relaxed);
            failed
        };
        let Some(told) = failed else {
            return;
        };
        error!(
            reason = why,
            %epoch,
            "the log has failed: events are told from memory until it is well again"
        );
        told.tell();
        // The writer may be waiting for work, and a close for the end.
        self.work.notify_all();
        self.done.notify_all();
        self.grown.notify_one();
    }
}

/// Starts a thread that ends with the process.
fn spawn(name: &str, run: impl FnOnce() + Send + 'static) -> io::Result<()> {
    thread::Builder::new()
        .name(name.to_owned())
        .spawn(run)
        .map(drop)
}

/// The number of the first pair of threads.
const FIRST_RUN: u64 = 1;
