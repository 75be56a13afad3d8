//! What the process may take of memory by its configuration, and what there is.
//!
//! Every bound of the program is a number of something. Here they become bytes and are added up, in
//! two sums: what there is when everything that is kept is full and everything that may be open is,
//! and idle; and what there is at worst, when every client does at the same moment what costs most.
//! The first is what a sidecar comes to that is used to its limits. Nothing goes beyond the second,
//! but for what the kernel holds of bytes on their way over connections (`net.ipv4.tcp_mem`) and
//! of files, which it lets go when it needs the room.

mod machine;
mod terms;

use std::fmt::{self, Display, Write};

use tracing::warn;

pub use machine::{Bound, Machine};

use crate::config::Snapshot;
use crate::limits::{DESCRIPTORS_KEPT, DESCRIPTORS_OTHERS, GIB, KIB, MIB};

/// A number of things that take so many bytes each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Term {
    /// What they are.
    pub what: &'static str,
    /// The key of the configuration that governs their number or their size; none: nothing does.
    pub key: Option<&'static str>,
    /// How many there are at most.
    pub count: usize,
    /// Bytes of one.
    pub each: usize,
    /// When they are there.
    pub when: When,
}

/// When a [`Term`] counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// When what is kept is full, and what may be open is.
    Full,
    /// When clients do what costs most, besides.
    Worst,
}

/// All terms of a configuration.
#[derive(Clone, Debug)]
pub struct Memory {
    terms: Vec<Term>,
    streams: usize,
    connections: usize,
}

impl Memory {
    /// What `snapshot` lets there be, in a process of so many threads.
    #[must_use]
    pub fn of(snapshot: &Snapshot, threads: usize) -> Self {
        Self {
            terms: terms::terms(snapshot, threads),
            streams: snapshot.limits.streams,
            connections: snapshot.limits.connections,
        }
    }

    /// The terms, those at worst last.
    #[must_use]
    pub fn terms(&self) -> &[Term] {
        &self.terms
    }

    /// Bytes when everything is full and idle.
    #[must_use]
    pub fn full(&self) -> usize {
        self.sum(|term| term.when == When::Full)
    }

    /// Bytes at worst.
    #[must_use]
    pub fn at_most(&self) -> usize {
        self.sum(|_| true)
    }

    fn sum(&self, counts: impl Fn(&Term) -> bool) -> usize {
        let counted = self.terms.iter().filter(|term| counts(term));
        counted.fold(0, |sum, term| sum.saturating_add(term.bytes()))
    }

    /// Descriptors that the streams and connections take together, and what else is open.
    fn descriptors(&self) -> usize {
        let sockets = self.streams.saturating_add(2 * self.connections);
        sockets.saturating_add(DESCRIPTORS_OTHERS)
    }

    /// The table, and how it compares with the machine, for `tidings check`.
    #[must_use]
    pub fn page(&self, machine: &Machine) -> String {
        let mut page = String::new();
        let mut line = |name: &str, value: &dyn Display| {
            // Writing to a string does not fail.
            let _ = writeln!(page, "{name:<9} {value}");
        };
        let (full, most) = (Size(self.full()), Size(self.at_most()));
        line(
            "memory",
            &format_args!("{full} when full and idle, {most} at worst; {machine}"),
        );
        for when in [When::Full, When::Worst] {
            let terms = self.terms.iter().filter(|term| term.when == when);
            terms.for_each(|term| line("", term));
            match when {
                When::Full => line("", &format_args!("{full:>25}  when full and idle")),
                When::Worst => line(
                    "",
                    &format_args!("{most:>25}  at worst, with what is above"),
                ),
            }
        }
        let (descriptors, may) = (self.descriptors(), machine.descriptors);
        line(
            "files",
            &format_args!("{descriptors} open with all streams and connections, of {may}"),
        );
        page
    }

    /// What does not go together, in words.
    #[must_use]
    pub fn warnings(&self, machine: &Machine) -> Vec<String> {
        let memory = self.exceeds(machine).map(|exceeds| {
            let keys = self.largest(exceeds.when).join(", ");
            let needed = Size(exceeds.needed);
            match exceeds.when {
                When::Full => {
                    format!("memory: {needed} when full and idle, {machine}: lower {keys}")
                }
                When::Worst => format!("memory: {needed} at worst, {machine}: most by {keys}"),
            }
        });
        let needed = self.descriptors();
        let files = (needed > machine.descriptors).then(|| {
            let kept = DESCRIPTORS_KEPT.min(machine.descriptors / 2);
            format!(
                "files: {} may be open, which {} streams and {} connections exceed together: \
                 there are {} streams at most, fewer with many connections",
                machine.descriptors,
                self.streams,
                self.connections,
                self.streams.min(machine.descriptors - kept)
            )
        });
        memory.into_iter().chain(files).collect()
    }

    /// Says in the diagnostics where the memory that there is does not suffice.
    pub fn warn(&self, machine: &Machine) {
        let Some(exceeds) = self.exceeds(machine) else {
            return;
        };
        let keys = self.largest(exceeds.when).join(", ");
        let (full, at_worst, limit) = (self.full(), self.at_most(), exceeds.bound);
        match exceeds.when {
            When::Full => warn!(
                full,
                at_worst, limit, keys, "memory does not suffice for what the limits allow"
            ),
            When::Worst => warn!(
                full,
                at_worst,
                limit,
                keys,
                "memory suffices for what the limits allow, but not at worst: see tidings check"
            ),
        }
    }

    fn exceeds(&self, machine: &Machine) -> Option<Exceeds> {
        let bound = machine.memory.as_ref()?.bytes;
        let (needed, when) = match (self.full(), self.at_most()) {
            (full, _) if full > bound => (full, When::Full),
            (_, most) if most > bound => (most, When::Worst),
            _ => return None,
        };
        Some(Exceeds {
            needed,
            bound,
            when,
        })
    }

    /// The keys that govern most of it, the one of most first.
    fn largest(&self, when: When) -> Vec<&'static str> {
        let mut by_key: Vec<(usize, &'static str)> = Vec::new();
        let counts = |term: &&Term| when == When::Worst || term.when == When::Full;
        for term in self.terms.iter().filter(counts) {
            let Some(key) = term.key else { continue };
            match by_key.iter_mut().find(|(_, of)| *of == key) {
                Some((bytes, _)) => *bytes = bytes.saturating_add(term.bytes()),
                None => by_key.push((term.bytes(), key)),
            }
        }
        by_key.sort_by(|(one, _), (other, _)| other.cmp(one));
        by_key.into_iter().take(KEYS).map(|(_, key)| key).collect()
    }
}

/// More than there is.
struct Exceeds {
    needed: usize,
    bound: usize,
    when: When,
}

impl Term {
    /// What they take together.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.count.saturating_mul(self.each)
    }
}

/// Shape: `20000 x   1KiB =   20MiB  streams: limits.streams`.
impl Display for Term {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (each, bytes) = (Size(self.each), Size(self.bytes()));
        write!(
            f,
            "{:>7} x {each:>6} = {bytes:>6}  {}",
            self.count, self.what
        )?;
        match self.key {
            Some(key) => write!(f, ": {key}"),
            None => Ok(()),
        }
    }
}

/// Bytes for who compares them: rounded up to two digits or more.
struct Size(usize);

impl Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(bytes) = *self;
        let (name, unit) = [("GiB", GIB), ("MiB", MIB), ("KiB", KIB)]
            .into_iter()
            .find(|(_, unit)| bytes >= *unit)
            .unwrap_or(("", 1));
        let tenths = bytes.saturating_mul(10).div_ceil(unit);
        match (tenths / 10, tenths % 10) {
            (whole, 0) => f.pad(&format!("{whole}{name}")),
            (whole, tenth) if whole < 10 => f.pad(&format!("{whole}.{tenth}{name}")),
            (whole, _) => f.pad(&format!("{}{name}", whole + 1)),
        }
    }
}

/// Keys that are named where memory does not suffice.
const KEYS: usize = 3;

#[cfg(test)]
mod tests;
