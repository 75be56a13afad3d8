//! That each key moves the sums by what it should.

use super::*;
use crate::config;

/// Below `listen` and `upstream`, with writes that are observed.
fn memory(rest: &str) -> Memory {
    let observe = match rest.contains("observe:") {
        true => "",
        false => "observe: { preset: rest }\n",
    };
    let text = format!("listen: 127.0.0.1:1\nupstream: http://127.0.0.1:2\n{observe}{rest}\n");
    let snapshot = config::parse("tidings.yaml", &text);
    Memory::of(&snapshot.unwrap_or_else(|errors| panic!("{errors}")), 2)
}

fn machine(bytes: usize, descriptors: usize) -> Machine {
    let memory = Some(Bound { bytes, group: None });
    Machine {
        memory,
        descriptors,
        threads: 2,
    }
}

/// What two sections differ by, when full and at worst.
fn between(one: &str, other: &str) -> (usize, usize) {
    let [one, other] = [one, other].map(memory);
    (other.full() - one.full(), other.at_most() - one.at_most())
}

/// Two sections, and what the second adds to the sums when full and at worst.
const MOVES: &[(&str, &str, usize, usize)] = &[
    (
        "limits: { streams: 1 }",
        "limits: { streams: 1001 }",
        1000 * 5 * KIB,
        1000 * (5 + 64 + 64) * KIB,
    ),
    (
        "limits: { connections: 10 }",
        "limits: { connections: 11 }",
        24 * KIB,
        (8 + 768 + 64) * KIB,
    ),
    (
        "limits: { connections: 100, head: 1KiB }",
        "limits: { connections: 100, head: 2KiB }",
        0,
        100 * 2 * KIB,
    ),
    (
        "limits: { observed_bodies: 256MiB }",
        "limits: { observed_bodies: 300MiB }",
        0,
        44 * MIB,
    ),
    (
        "limits: { observed_body: 1MiB }",
        "limits: { observed_body: 2MiB }",
        0,
        2 * 12 * MIB,
    ),
    (
        "log: { keep: { bytes: 8MiB } }",
        "log: { keep: { bytes: 16MiB } }",
        9 * MIB,
        9 * MIB,
    ),
    (
        "log: { level: disk, dir: x, keep: { bytes: 16MiB } }",
        "log: { level: disk, dir: x, keep: { bytes: 16GiB } }",
        0,
        0,
    ),
    (
        "observe: { preset: rest, remember: 0 }",
        "observe: { preset: rest, remember: 16MiB }",
        18 * MIB,
        18 * MIB,
    ),
    (
        "realtime: { pocketbase: {} }\nlimits: { subscriptions: 1MiB }",
        "realtime: { pocketbase: {} }\nlimits: { subscriptions: 2MiB }",
        2 * MIB,
        16 * MIB,
    ),
    (
        "limits: { subscriptions: 1MiB }",
        "limits: { subscriptions: 2MiB }",
        0,
        0,
    ),
    (
        "limits: { streams: 10 }",
        "limits: { streams: 10 }\nrealtime: { restdb: {} }",
        0,
        10 * 40 * KIB,
    ),
    (
        "limits: { connections: 10 }\nrealtime: { restdb: {} }",
        "limits: { connections: 10 }\nrealtime: { restdb: { publish_body: 1MiB } }",
        0,
        10 * (3 * MIB - 768 * KIB),
    ),
];

#[test]
fn each_key_moves_the_sums_by_what_it_governs() {
    for (one, other, full, worst) in MOVES {
        assert_eq!(between(one, other), (*full, *worst), "{other}");
    }
}

#[test]
fn what_is_asked_of_the_api_and_claims_count_where_they_are_configured() {
    let few = "limits: { streams: 10 }\n";
    let with = |section: &str| between(few, &format!("{few}{section}"));
    let (full, worst) = with(
        "access: { jwt: { algorithms: [HS256], secret: 0123456789012345678901234567890123456789 } }",
    );
    assert_eq!(full, 10 * 2 * KIB + 9 * MIB);
    assert_eq!(worst, 10 * 40 * KIB + 9 * MIB);
    let (full, worst) = with("access: { identity: { ask: /me } }");
    assert_eq!(full, 10 * 2 * KIB + 27 * MIB);
    assert_eq!(worst, 10 * 80 * KIB + 27 * MIB + 24 * MIB);
}

#[test]
fn where_nothing_is_observed_no_body_counts() {
    let of_bodies = |memory: &Memory| {
        let key = |term: &&Term| {
            term.key
                .is_some_and(|key| key.starts_with("limits.observed"))
        };
        memory.terms().iter().filter(key).count()
    };
    assert_eq!(of_bodies(&memory("")), 2);
    let text = "listen: 127.0.0.1:1\nupstream: http://127.0.0.1:2\n";
    let nothing = config::parse("tidings.yaml", text).unwrap();
    assert_eq!(of_bodies(&Memory::of(&nothing, 2)), 0);
}

#[test]
fn the_page_adds_up() {
    let memory = memory("limits: { streams: 3000, connections: 1000 }");
    let page = memory.page(&machine(64 * GIB, 100_000));
    for line in [
        "             3000 x   1KiB =   3MiB  streams: limits.streams\n",
        "             1000 x  64KiB =  63MiB  heads as large as may be: limits.head\n",
        "files     5256 open with all streams and connections, of 100000\n",
        "; this machine has 64GiB\n",
    ] {
        assert!(page.contains(line), "{page}");
    }
    let summed: usize = memory.terms().iter().map(Term::bytes).sum();
    assert_eq!(memory.at_most(), summed);
    assert_eq!(memory.warnings(&machine(64 * GIB, 100_000)), [""; 0]);
}

#[test]
fn what_does_not_suffice_is_said_with_the_keys_that_matter_most() {
    let memory = memory("limits: { streams: 100000, connections: 100 }");
    let warnings = memory.warnings(&machine(256 * MIB, 1 << 20));
    let [warning] = &*warnings else {
        panic!("{warnings:?}");
    };
    assert!(
        warning.contains(
            "when full and idle, this machine has 256MiB: lower limits.streams, log.keep.bytes"
        ),
        "{warning}"
    );
    let warnings = memory.warnings(&machine(2 * GIB, 1 << 20));
    let [warning] = &*warnings else {
        panic!("{warnings:?}");
    };
    assert!(
        warning.contains("at worst, this machine has 2GiB: most by limits.streams"),
        "{warning}"
    );
}

#[test]
fn limits_that_open_files_do_not_suffice_for_are_said() {
    let memory = memory("limits: { streams: 1000, connections: 1000 }");
    let warnings = memory.warnings(&machine(64 * GIB, 3000));
    let [warning] = &*warnings else {
        panic!("{warnings:?}");
    };
    assert!(warning.contains("files: 3000 may be open"), "{warning}");
    assert!(warning.contains("1000 streams at most"), "{warning}");
    assert_eq!(memory.warnings(&machine(64 * GIB, 3256)), [""; 0]);
}

#[test]
fn nothing_overflows_and_what_is_not_known_is_not_exceeded() {
    let memory = memory(
        "limits: { streams: 1000000, connections: 1000000, head: 1MiB, observed_bodies: 64GiB }\nlog: { keep: { bytes: 64GiB } }",
    );
    let unknown = Machine {
        memory: None,
        ..machine(0, usize::MAX)
    };
    assert_eq!(memory.warnings(&unknown), [""; 0]);
    assert!(memory.page(&unknown).contains("what there is is not known"));
    assert!(memory.at_most() > memory.full());
}

#[test]
fn a_size_is_rounded_up() {
    for (bytes, shown) in [
        (0, "0"),
        (1023, "1023"),
        (KIB, "1KiB"),
        (KIB + 1, "1.1KiB"),
        (3 * MIB / 2, "1.5MiB"),
        (10 * MIB + 1, "11MiB"),
        (GIB, "1GiB"),
    ] {
        assert_eq!(Size(bytes).to_string(), shown);
    }
}
