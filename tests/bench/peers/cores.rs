//! Which core is whose: who is measured has one alone, and the load does not take from it.

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// Who runs on a core.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Whose {
    /// Whatever is measured.
    Measured,
    /// Who asks and listens.
    Load,
    /// The API behind.
    Upstream,
}

/// The cores that this process may use.
pub(crate) fn allowed() -> Vec<usize> {
    let cores = sched_getaffinity(None).unwrap();
    (0..CpuSet::MAX_CPU)
        .filter(|core| cores.is_set(*core))
        .collect()
}

/// The one that is for them; none where there is one for all.
pub(crate) fn of(whose: Whose) -> Option<usize> {
    let cores = allowed();
    let (measured, load) = (*cores.first()?, *cores.get(1)?);
    Some(match whose {
        Whose::Measured => measured,
        Whose::Load => load,
        // Beside the load where there are but two.
        Whose::Upstream => cores.get(2).copied().unwrap_or(load),
    })
}

/// Has this process run on that one alone, and those that it becomes.
pub(crate) fn pin(core: usize) {
    let mut cores = CpuSet::new();
    cores.set(core);
    sched_setaffinity(None, &cores).unwrap();
}
