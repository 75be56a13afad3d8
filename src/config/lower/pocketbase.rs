//! `realtime.pocketbase`: by whom PocketBase's realtime is answered, and how long its streams are.

use super::{Lower, choose, realtime_path};
use crate::config::fault::Problem;
use crate::config::file;
use crate::dialect::{pocketbase::Options, restdb};
use crate::limits;

/// The compiled section; none if the upstream answers itself, or its path was refused.
pub(super) fn pocketbase(
    file: &file::Pocketbase,
    restdb: Option<&restdb::Options>,
    lower: &mut Lower<'_>,
) -> Option<Options> {
    let default = Options::default();
    let path = lower.or(file.path.as_ref(), default.path, |text| {
        let path = realtime_path(text)?;
        match restdb.is_some_and(|restdb| restdb.answers(&path)) {
            true => Err(Problem::Taken {
                of: "realtime.restdb".to_owned(),
            }),
            false => Ok(path),
        }
    });
    let answered_by = file.answered_by.as_ref();
    let by_us = lower.or(answered_by, true, |text| choose(text, ANSWERED_BY));
    let options = Options {
        path,
        idle: lower.duration(file.idle.as_ref(), default.idle, &limits::POCKETBASE_IDLE),
        life: lower.duration(file.life.as_ref(), default.life, &limits::POCKETBASE_LIFE),
        missed: lower.duration(
            file.missed.as_ref(),
            default.missed,
            &limits::POCKETBASE_MISSED,
        ),
    };
    by_us.then_some(options)
}

/// Whether the sidecar answers.
pub(super) const ANSWERED_BY: &[(&str, bool)] = &[("tidings", true), ("upstream", false)];
