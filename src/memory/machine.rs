//! What the machine gives the process: memory, and open files.
//!
//! The memory is the least that a control group which the process is in may take, of version 2
//! (`memory.max`) or 1 (`memory.limit_in_bytes`), and the machine's own where none says less. A
//! process is in every group above its own, so each of them counts that can be seen from here.

use std::fmt::{self, Display};
use std::fs;
use std::path::{Component, Path, PathBuf};
use std::thread;

use rustix::process::{Resource, getrlimit};

use super::Size;
use crate::limits::KIB;

/// What there is.
#[derive(Clone, Debug)]
pub struct Machine {
    /// Memory, and what bounds it; none if the system does not say.
    pub memory: Option<Bound>,
    /// Files that the process may have open, once it has raised its limit.
    pub descriptors: usize,
    /// Threads that the process serves with.
    pub threads: usize,
}

/// So much memory, and by whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bound {
    /// Bytes.
    pub bytes: usize,
    /// The file of the control group that says so; none: there is no more in the machine.
    pub group: Option<PathBuf>,
}

/// Where control groups are to be seen.
struct Mount {
    version: Version,
    /// The group that is seen at `place`.
    root: PathBuf,
    place: PathBuf,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Version {
    One,
    Two,
}

impl Machine {
    /// Asks the system. Reads files.
    #[must_use]
    pub fn read() -> Self {
        let may = getrlimit(Resource::Nofile).maximum.unwrap_or(u64::MAX);
        Self {
            memory: bound(Path::new("/")),
            descriptors: usize::try_from(may).unwrap_or(usize::MAX),
            threads: thread::available_parallelism().map_or(1, usize::from),
        }
    }
}

/// Shape: `this machine has 23GiB`.
impl Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.memory {
            None => write!(f, "what there is is not known"),
            Some(Bound { bytes, group: None }) => write!(f, "this machine has {}", Size(*bytes)),
            Some(Bound {
                bytes,
                group: Some(file),
            }) => write!(f, "{} allows {}", file.display(), Size(*bytes)),
        }
    }
}

/// The least memory that anything says, of the files below `root`.
fn bound(root: &Path) -> Option<Bound> {
    let read = |file: &str| fs::read_to_string(root.join(file)).unwrap_or_default();
    let (groups, mounts) = (read("proc/self/cgroup"), read("proc/self/mountinfo"));
    let of_groups = mounts.lines().filter_map(mount).flat_map(|mount| {
        let own = groups.lines().find_map(|line| own(line, mount.version));
        own.map(|own| bounds(root, &mount, &own))
            .unwrap_or_default()
    });
    let machine = installed(&read("proc/meminfo")).map(|bytes| Bound { bytes, group: None });
    // The first of those that say the same: the machine itself, where nothing says less.
    machine
        .into_iter()
        .chain(of_groups)
        .min_by_key(|bound| bound.bytes)
}

/// The control groups that a line of `mountinfo` has, if they bound memory.
/// Shape: `30 24 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw`.
fn mount(line: &str) -> Option<Mount> {
    let (place, kind) = line.split_once(" - ")?;
    let mut place = place.split(' ').skip(3);
    let (root, place) = (place.next()?, place.next()?);
    let mut kind = kind.split(' ');
    let version = match kind.next()? {
        "cgroup2" => Version::Two,
        "cgroup" => Version::One,
        _ => return None,
    };
    let mut has_memory = || {
        kind.nth(1)
            .is_some_and(|options| options.split(',').any(|o| o == "memory"))
    };
    (version == Version::Two || has_memory()).then(|| Mount {
        version,
        root: root.into(),
        place: place.into(),
    })
}

/// The process's group, if a line of `/proc/self/cgroup` names it.
/// Shape: `0::/system.slice/tidings.service`, or `4:memory:/docker/5f3a`.
fn own(line: &str, version: Version) -> Option<PathBuf> {
    let (hierarchy, rest) = line.split_once(':')?;
    let (controllers, group) = rest.split_once(':')?;
    let is_its = match version {
        Version::One => controllers.split(',').any(|name| name == "memory"),
        Version::Two => hierarchy == "0" && controllers.is_empty(),
    };
    is_its.then(|| group.into())
}

/// What the group `own` and those above it allow, as far as the mount shows them.
fn bounds(root: &Path, mount: &Mount, own: &Path) -> Vec<Bound> {
    // In a namespace of its own a process may see another part of the tree than its name says:
    // what is mounted is its group then.
    let within = own.strip_prefix(&mount.root).ok();
    let is_plain = |part: Component<'_>| matches!(part, Component::Normal(_));
    let within = within.filter(|within| within.components().all(is_plain));
    let name = match mount.version {
        Version::One => "memory.limit_in_bytes",
        Version::Two => "memory.max",
    };
    let groups = within.unwrap_or_else(|| Path::new("")).ancestors();
    let said = groups.filter_map(|group| {
        let file = mount.place.join(group).join(name);
        let text = fs::read_to_string(root.join(file.strip_prefix("/").ok()?)).ok()?;
        // What is not bounded says `max`, or in version 1 a number beyond every machine.
        let bytes = text.trim().parse().ok()?;
        let group = Some(file);
        Some(Bound { bytes, group })
    });
    said.collect()
}

/// The machine's memory. Shape of the line: `MemTotal:       24683820 kB`.
fn installed(meminfo: &str) -> Option<usize> {
    let line = meminfo
        .lines()
        .find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kib: usize = line.split_whitespace().next()?.parse().ok()?;
    kib.checked_mul(KIB)
}

#[cfg(test)]
mod tests;
