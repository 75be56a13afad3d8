//! Trees of files as machines have them.

use super::*;
use crate::limits::{GIB, MIB};

/// What is said of a machine of 16 GiB with these files.
fn said(files: &[(&str, &str)]) -> Option<(usize, Option<String>)> {
    let folder = tempfile::tempdir().unwrap();
    let meminfo = (
        "proc/meminfo",
        "MemTotal:       16777216 kB\nMemFree: 1 kB\n",
    );
    for (file, text) in [meminfo].iter().chain(files) {
        let file = folder.path().join(file);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
    }
    let bound = bound(folder.path())?;
    Some((
        bound.bytes,
        bound.group.map(|file| file.display().to_string()),
    ))
}

fn group(bytes: usize, file: &str) -> Option<(usize, Option<String>)> {
    Some((bytes, Some(file.to_owned())))
}

const MACHINE: Option<(usize, Option<String>)> = Some((16 * GIB, None));

const TWO: (&str, &str) = (
    "proc/self/mountinfo",
    "22 28 0:20 / /sys rw,nosuid shared:7 - sysfs sysfs rw\n\
     30 22 0:26 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate\n",
);
const ONE: (&str, &str) = (
    "proc/self/mountinfo",
    "32 25 0:28 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n\
     35 25 0:31 /docker/5f3a /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory\n",
);

#[test]
fn a_container_sees_its_own_group_as_the_root() {
    let files = [
        TWO,
        ("proc/self/cgroup", "0::/\n"),
        ("sys/fs/cgroup/memory.max", "536870912\n"),
    ];
    assert_eq!(said(&files), group(512 * MIB, "/sys/fs/cgroup/memory.max"));
}

#[test]
fn the_least_of_all_groups_above_counts() {
    let of_pod = |pod: &'static str, own: &'static str| {
        said(&[
            TWO,
            ("proc/self/cgroup", "0::/kubepods/pod1/c2\n"),
            ("sys/fs/cgroup/kubepods/memory.max", "max\n"),
            ("sys/fs/cgroup/kubepods/pod1/memory.max", pod),
            ("sys/fs/cgroup/kubepods/pod1/c2/memory.max", own),
        ])
    };
    let pod = "/sys/fs/cgroup/kubepods/pod1/memory.max";
    let own = "/sys/fs/cgroup/kubepods/pod1/c2/memory.max";
    assert_eq!(of_pod("1073741824\n", "max\n"), group(GIB, pod));
    assert_eq!(of_pod("1073741824\n", "2147483648\n"), group(GIB, pod));
    assert_eq!(of_pod("1073741824\n", "268435456\n"), group(256 * MIB, own));
    assert_eq!(of_pod("max\n", "max\n"), MACHINE);
}

#[test]
fn a_container_of_version_one_names_what_it_does_not_see() {
    let files = |limit: &'static str| {
        said(&[
            ONE,
            (
                "proc/self/cgroup",
                "9:cpu,cpuacct:/docker/5f3a\n4:memory:/docker/5f3a\n0::/\n",
            ),
            ("sys/fs/cgroup/memory/memory.limit_in_bytes", limit),
        ])
    };
    let file = "/sys/fs/cgroup/memory/memory.limit_in_bytes";
    assert_eq!(files("134217728\n"), group(128 * MIB, file));
    // No limit, as version 1 has it.
    assert_eq!(files("9223372036854771712\n"), MACHINE);
}

#[test]
fn a_group_below_what_is_mounted_counts_with_it() {
    let files = [
        ONE,
        ("proc/self/cgroup", "4:memory:/docker/5f3a/workers\n"),
        ("sys/fs/cgroup/memory/memory.limit_in_bytes", "1073741824\n"),
        (
            "sys/fs/cgroup/memory/workers/memory.limit_in_bytes",
            "67108864\n",
        ),
    ];
    let file = "/sys/fs/cgroup/memory/workers/memory.limit_in_bytes";
    assert_eq!(said(&files), group(64 * MIB, file));
}

#[test]
fn a_group_that_is_named_from_elsewhere_is_what_is_mounted() {
    let files = [
        TWO,
        ("proc/self/cgroup", "0::/../../other\n"),
        ("sys/fs/cgroup/memory.max", "536870912\n"),
        ("other/memory.max", "1\n"),
        ("sys/other/memory.max", "1\n"),
    ];
    assert_eq!(said(&files), group(512 * MIB, "/sys/fs/cgroup/memory.max"));
}

#[test]
fn without_groups_it_is_what_the_machine_has() {
    assert_eq!(said(&[]), MACHINE);
    let files = [TWO, ("proc/self/cgroup", "0::/init.scope\n")];
    assert_eq!(said(&files), MACHINE);
    let odd = [
        ("proc/self/cgroup", "nonsense\n0:\n:::\n"),
        (
            "proc/self/mountinfo",
            "1 2 3 - cgroup2\n - cgroup\n\n30 - cgroup x\n",
        ),
    ];
    assert_eq!(said(&odd), MACHINE);
    assert_eq!(bound(Path::new("/nowhere/at/all")), None);
}

#[test]
fn this_machine_says_what_it_has() {
    let machine = Machine::read();
    assert!(machine.memory.is_some_and(|bound| bound.bytes > MIB));
    assert!(machine.descriptors > 0 && machine.threads > 0);
}
