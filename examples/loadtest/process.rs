//! What a process on this machine costs, as `/proc` tells it.

use std::collections::HashMap;
use std::fs;
use std::path::PathBuf;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustix::time::{ClockId, clock_gettime};

/// The processes of a server.
#[derive(Clone, Debug)]
pub(crate) struct Server {
    pids: Vec<u32>,
}

/// The CPU time that they had spent.
#[derive(Debug, Default)]
pub(crate) struct Spent {
    /// Nanoseconds of each thread that lived.
    threads: HashMap<(u32, String), u64>,
    /// Nanoseconds of all threads that ever lived, in steps of 10 ms.
    coarse: u64,
}

impl Server {
    /// Those of these numbers.
    ///
    /// # Errors
    /// There is none of such a number, or what it costs is not to be known.
    pub(crate) fn of(pids: &[u32]) -> Result<Option<Self>, String> {
        let server = Self {
            pids: pids.to_vec(),
        };
        for pid in pids {
            let rollup = format!("/proc/{pid}/smaps_rollup");
            fs::read_to_string(&rollup).map_err(|error| {
                format!(
                    "--pid {pid}: {rollup}: {error}; is it the server's own, on this machine and of this user?"
                )
            })?;
        }
        Ok((!pids.is_empty()).then_some(server))
    }

    /// Bytes of memory, what is shared with others counted in part.
    pub(crate) fn memory(&self) -> u64 {
        let of = |pid: &u32| {
            let text = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).ok()?;
            let line = text.lines().find_map(|line| line.strip_prefix("Pss:"))?;
            line.split_whitespace().next()?.parse::<u64>().ok()
        };
        self.pids.iter().filter_map(of).sum::<u64>() * 1024
    }

    /// What they have spent until now.
    pub(crate) fn spent(&self) -> Spent {
        let mut spent = Spent::default();
        for pid in &self.pids {
            spent.coarse += coarse(*pid).unwrap_or_default();
            let tasks = fs::read_dir(PathBuf::from(format!("/proc/{pid}/task")));
            for task in tasks.into_iter().flatten().flatten() {
                let text = fs::read_to_string(task.path().join("schedstat")).unwrap_or_default();
                let first = text.split_whitespace().next();
                if let Some(nanos) = first.and_then(|nanos| nanos.parse().ok()) {
                    let name = task.file_name().to_string_lossy().into_owned();
                    spent.threads.insert((*pid, name), nanos);
                }
            }
        }
        spent
    }
}

impl Spent {
    /// Seconds from then to now. What threads spent that ended meanwhile is known in steps of
    /// 10 ms only, and so is everything where the kernel does not tell it finer.
    pub(crate) fn seconds_since(&self, then: &Self) -> f64 {
        let lives = |thread: &_| self.threads.contains_key(thread);
        let nanos = if self.threads.is_empty() || !then.threads.keys().all(lives) {
            self.coarse.saturating_sub(then.coarse)
        } else {
            let before = |thread| then.threads.get(thread).copied().unwrap_or_default();
            let each = self.threads.iter();
            each.map(|(thread, nanos)| nanos.saturating_sub(before(thread)))
                .sum()
        };
        nanos as f64 / 1e9
    }
}

/// User and system time of a process in nanoseconds.
fn coarse(pid: u32) -> Option<u64> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name of a program stands in parentheses, and may have spaces and parentheses.
    let (_, fields) = text.rsplit_once(')')?;
    let field = |at: usize| fields.split_whitespace().nth(at)?.parse::<u64>().ok();
    Some((field(11)? + field(12)?) * NANOS_OF_TICK)
}

/// CPU seconds of this process.
pub(crate) fn own() -> f64 {
    let spent = clock_gettime(ClockId::ProcessCPUTime);
    spent.tv_sec as f64 + spent.tv_nsec as f64 / 1e9
}

/// Makes room for so many connections.
///
/// # Errors
/// The system does not give it.
pub(crate) fn make_room(connections: usize) -> Result<(), String> {
    let wanted = connections as u64 + FILES_BESIDES;
    let limit = getrlimit(Resource::Nofile);
    let most = limit.maximum.unwrap_or(u64::MAX);
    if limit.current.unwrap_or(u64::MAX) >= wanted {
        return Ok(());
    }
    if most < wanted {
        return Err(format!(
            "{connections} connections need {wanted} open files, and {most} are allowed: raise it with `ulimit -Hn {wanted}` as root, or LimitNOFILE"
        ));
    }
    let raised = Rlimit {
        current: Some(wanted),
        maximum: limit.maximum,
    };
    setrlimit(Resource::Nofile, raised)
        .map_err(|error| format!("the limit of open files cannot be raised: {error}"))
}

/// Files that are open besides those of streams: those of writes, probes, timers and libraries.
const FILES_BESIDES: u64 = 1_100;
/// The kernel tells times to programs in hundredths of a second, whatever it counts in itself.
const NANOS_OF_TICK: u64 = 10_000_000;
