//! Numbers that are counted from anywhere and read by whoever asks.
//!
//! Each is one word of memory. Relaxed: a page is read while others count, and nothing else
//! depends on what it says.

use std::marker::PhantomData;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// A label with a few values, all of them known here.
pub trait Label: Copy + Send + Sync + 'static {
    /// How it is called. Shape: `reason`.
    const NAME: &'static str;
    /// Every value, each at its own place.
    const ALL: &'static [Self];

    /// Which of [`Label::ALL`] it is.
    fn place(self) -> usize;

    /// How it is written. Shape: `head_too_slow`.
    fn as_str(self) -> &'static str;
}

/// What only goes up.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

/// What goes up and down.
#[derive(Debug, Default)]
pub struct Gauge(AtomicU64);

/// One that counts in a gauge for as long as it lives.
#[derive(Debug)]
#[must_use = "what is dropped at once counts for nothing"]
pub struct Entered<'a>(&'a Gauge);

/// A counter for each value of a label.
#[derive(Debug)]
pub struct Counters<L>(Box<[Counter]>, PhantomData<L>);

/// A counter for each pair of values of two labels.
#[derive(Debug)]
pub struct Pairs<L, M>(Box<[Counters<M>]>, PhantomData<L>);

/// A gauge for each value of a label.
#[derive(Debug)]
pub struct Gauges<L>(Box<[Gauge]>, PhantomData<L>);

/// How long something took: how often no longer than each of [`BOUNDS`].
#[derive(Debug, Default)]
pub struct Histogram {
    /// How often longer than the bound before and no longer than this; the last has no bound.
    buckets: [AtomicU64; BOUNDS.len() + 1],
    /// In microseconds: a million seconds for each second would take half a year to come round.
    sum: AtomicU64,
}

/// A histogram for each value of a label.
#[derive(Debug)]
pub struct Histograms<L>(Box<[Histogram]>, PhantomData<L>);

/// What a histogram tells at one moment.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Told {
    pub(super) sum: f64,
    pub(super) count: u64,
    /// Each bound in seconds, and how often longer than the one before and no longer than this.
    pub(super) buckets: Vec<(f64, u64)>,
}

/// The bounds of a histogram: from what a sidecar adds to what makes a user leave.
pub const BOUNDS: [Duration; 13] = [
    Duration::from_millis(1),
    Duration::from_micros(2_500),
    Duration::from_millis(5),
    Duration::from_millis(10),
    Duration::from_millis(25),
    Duration::from_millis(50),
    Duration::from_millis(100),
    Duration::from_millis(250),
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_millis(2_500),
    Duration::from_secs(5),
    Duration::from_secs(10),
];

// === impl Counter ===

impl Counter {
    /// One more.
    pub fn inc(&self) {
        self.add(1);
    }

    /// So many more.
    pub fn add(&self, more: u64) {
        self.0.fetch_add(more, Ordering::Relaxed);
    }

    /// How many by now.
    #[must_use]
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

// === impl Gauge ===

impl Gauge {
    /// One more.
    pub fn inc(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    /// One less.
    pub fn dec(&self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }

    /// So many now.
    pub fn set(&self, now: u64) {
        self.0.store(now, Ordering::Relaxed);
    }

    /// One more until the answer is dropped.
    pub fn enter(&self) -> Entered<'_> {
        self.inc();
        Entered(self)
    }

    /// How many now.
    #[must_use]
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Drop for Entered<'_> {
    fn drop(&mut self) {
        self.0.dec();
    }
}

// === impl Counters ===

impl<L: Label> Counters<L> {
    /// One more of that value.
    pub fn inc(&self, of: L) {
        self.add(of, 1);
    }

    /// So many more of that value.
    pub fn add(&self, of: L, more: u64) {
        if let Some(counter) = self.0.get(of.place()) {
            counter.add(more);
        }
    }

    /// How many of that value by now.
    #[must_use]
    pub fn get(&self, of: L) -> u64 {
        self.0.get(of.place()).map_or(0, Counter::get)
    }
}

impl<L: Label> Default for Counters<L> {
    fn default() -> Self {
        Self(each::<L, _>(), PhantomData)
    }
}

// === impl Pairs ===

impl<L: Label, M: Label> Pairs<L, M> {
    /// One more of these two.
    pub fn inc(&self, of: L, and: M) {
        if let Some(counters) = self.0.get(of.place()) {
            counters.inc(and);
        }
    }

    /// How many of these two by now.
    #[must_use]
    pub fn get(&self, of: L, and: M) -> u64 {
        self.0
            .get(of.place())
            .map_or(0, |counters| counters.get(and))
    }
}

impl<L: Label, M: Label> Default for Pairs<L, M> {
    fn default() -> Self {
        Self(each::<L, _>(), PhantomData)
    }
}

// === impl Gauges ===

impl<L: Label> Gauges<L> {
    /// One more of that value.
    pub fn inc(&self, of: L) {
        if let Some(gauge) = self.0.get(of.place()) {
            gauge.inc();
        }
    }

    /// One less of that value.
    pub fn dec(&self, of: L) {
        if let Some(gauge) = self.0.get(of.place()) {
            gauge.dec();
        }
    }

    /// How many of that value now.
    #[must_use]
    pub fn get(&self, of: L) -> u64 {
        self.0.get(of.place()).map_or(0, Gauge::get)
    }
}

impl<L: Label> Default for Gauges<L> {
    fn default() -> Self {
        Self(each::<L, _>(), PhantomData)
    }
}

// === impl Histogram ===

impl Histogram {
    /// It took so long.
    pub fn observe(&self, took: Duration) {
        let bucket = BOUNDS.partition_point(|bound| *bound < took);
        if let Some(bucket) = self.buckets.get(bucket) {
            bucket.fetch_add(1, Ordering::Relaxed);
        }
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        self.sum.fetch_add(micros, Ordering::Relaxed);
    }

    /// What it tells. Its count is that of its buckets, whoever counts meanwhile.
    pub(super) fn told(&self) -> Told {
        let bounds = BOUNDS.iter().map(Duration::as_secs_f64);
        let counts = self.buckets.iter().map(|of| of.load(Ordering::Relaxed));
        let buckets: Vec<_> = bounds.chain([f64::INFINITY]).zip(counts).collect();
        Told {
            sum: Duration::from_micros(self.sum.load(Ordering::Relaxed)).as_secs_f64(),
            count: buckets.iter().map(|(_, count)| count).sum(),
            buckets,
        }
    }
}

impl<L: Label> Histograms<L> {
    /// That took so long.
    pub fn observe(&self, of: L, took: Duration) {
        if let Some(histogram) = self.0.get(of.place()) {
            histogram.observe(took);
        }
    }

    pub(super) fn told(&self, of: L) -> Option<Told> {
        self.0.get(of.place()).map(Histogram::told)
    }
}

impl<L: Label> Default for Histograms<L> {
    fn default() -> Self {
        Self(each::<L, _>(), PhantomData)
    }
}

fn each<L: Label, T: Default>() -> Box<[T]> {
    L::ALL.iter().map(|_| T::default()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_took_as_long_as_a_bound_is_within_it() {
        let histogram = Histogram::default();
        for micros in [0, 1_000, 1_001, 10_000_000, 10_000_001] {
            histogram.observe(Duration::from_micros(micros));
        }
        let told = histogram.told();
        let counts: Vec<_> = told.buckets.iter().map(|(_, count)| *count).collect();
        assert_eq!(counts, [2, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1]);
        assert_eq!((told.count, told.sum), (5, 20.002_002));
        assert_eq!(told.buckets.last(), Some(&(f64::INFINITY, 1)));
    }

    #[test]
    fn who_has_entered_counts_until_it_leaves() {
        let gauge = Gauge::default();
        let (one, other) = (gauge.enter(), gauge.enter());
        assert_eq!(gauge.get(), 2);
        drop((one, other));
        assert_eq!(gauge.get(), 0);
    }
}
