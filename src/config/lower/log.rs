//! `log`: how the past is kept, and where.

use std::path::{Component, Path, PathBuf};

use super::{Lower, choose};
use crate::config::Log;
use crate::config::fault::Problem;
use crate::config::file;
use crate::config::unit;
use crate::limits::{self, Keep};
use crate::log::{Level, OnFailure};

/// The log. A relative `dir` starts at `directory`.
pub(super) fn log(file: &file::Log, directory: &Path, lower: &mut Lower<'_>) -> Log {
    let default = Log::default();
    let level = match &file.level {
        None => Some(default.level),
        Some(text) => lower.read(text, level),
    };
    Log {
        level: level.unwrap_or(default.level),
        dir: dir(file, level, directory, lower),
        wait: lower.duration(file.wait.as_ref(), default.wait, &limits::LOG_WAIT),
        on_failure: lower.or(file.on_failure.as_ref(), default.on_failure, |text| {
            choose(text, ON_FAILURE)
        }),
        keep: keep(&file.keep, lower),
    }
}

fn level(text: &str) -> Result<Level, Problem> {
    match text {
        "replicated" => Err(Problem::Level),
        text => choose(text, LEVELS),
    }
}

/// The directory, which is there at the levels that write files and at no other: who names one
/// believes that the log survives. Nothing is held against a `level` that was refused itself.
fn dir(
    file: &file::Log,
    level: Option<Level>,
    directory: &Path,
    lower: &mut Lower<'_>,
) -> Option<PathBuf> {
    if let (None, Some(level), Some(written)) = (&file.dir, level, &file.level)
        && level != Level::Memory
    {
        let level = level.as_str();
        lower.refuse(written.place, Problem::LogDirMissing { level });
    }
    lower.read(file.dir.as_ref()?, |text| match text {
        "" => Err(Problem::Empty),
        _ if level == Some(Level::Memory) => Err(Problem::LogDirUnused),
        text => match directory.join(text) {
            dir if is_same(&dir, directory) => Err(Problem::LogDirShared),
            dir => Ok(dir),
        },
    })
}

/// Whether these are one directory, as far as that shows without a look at it.
fn is_same(one: &Path, other: &Path) -> bool {
    let named = |part: &Component<'_>| *part != Component::CurDir;
    let [one, other] = [one, other].map(|path| path.components().filter(named));
    one.eq(other)
}

fn keep(file: &file::Keep, lower: &mut Lower<'_>) -> Keep {
    let default = Keep::default();
    Keep {
        events: lower.or(file.events.as_ref(), default.events, |text| {
            unit::number(text, &limits::KEEP_EVENTS)
        }),
        bytes: lower.or(file.bytes.as_ref(), default.bytes, |text| {
            unit::size(text, &limits::KEEP_BYTES)
        }),
        age: lower.duration(file.age.as_ref(), default.age, &limits::KEEP_AGE),
    }
}

pub(super) const LEVELS: &[(&str, Level)] = &[
    ("memory", Level::Memory),
    ("process", Level::Process),
    ("disk", Level::Disk),
];

pub(super) const ON_FAILURE: &[(&str, OnFailure)] = &[
    ("release", OnFailure::Release),
    ("refuse", OnFailure::Refuse),
];
