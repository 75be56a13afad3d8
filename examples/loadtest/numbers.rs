//! Many times to a few figures.

use std::time::{Duration, Instant};

use hdrhistogram::Histogram;

/// How long things took, to three digits.
#[derive(Clone, Debug)]
pub(crate) struct Latency(Histogram<u64>);

/// The same over time: a row for each piece of it.
#[derive(Clone, Debug)]
pub(crate) struct Course {
    from: Instant,
    piece: Duration,
    pieces: Vec<Latency>,
}

impl Default for Latency {
    fn default() -> Self {
        Self::of_digits(3)
    }
}

impl Latency {
    fn of_digits(digits: u8) -> Self {
        // Only a number of digits beyond 5 is refused.
        Self(Histogram::new(digits).expect("so few digits"))
    }

    /// One more.
    pub(crate) fn add(&mut self, took: Duration) {
        let nanos = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        // It grows as far as it has to; only memory can be wanting.
        self.0.record(nanos).ok();
    }

    /// Those of another as well.
    pub(crate) fn join(&mut self, other: &Self) {
        // Both are of as many digits, and it grows as far as it has to.
        self.0.add(&other.0).ok();
    }

    /// How many there are.
    pub(crate) fn count(&self) -> u64 {
        self.0.len()
    }

    /// The time within which this part of them lies, in milliseconds; none of none.
    pub(crate) fn quantile(&self, part: f64) -> Option<f64> {
        let some = !self.0.is_empty();
        some.then(|| self.0.value_at_quantile(part) as f64 / 1e6)
    }

    /// The longest in milliseconds.
    pub(crate) fn longest(&self) -> Option<f64> {
        (!self.0.is_empty()).then(|| self.0.max() as f64 / 1e6)
    }
}

impl Course {
    /// From now on, in so many pieces if it takes as long as expected, and more if it takes longer.
    pub(crate) fn new(expected: Duration) -> Self {
        Self {
            from: Instant::now(),
            piece: (expected / PIECES).max(PIECE_MIN),
            pieces: Vec::new(),
        }
    }

    /// One more, which began then.
    pub(crate) fn add(&mut self, began: Instant, took: Duration) {
        let since = began.saturating_duration_since(self.from).as_nanos();
        let at = usize::try_from(since / self.piece.as_nanos()).unwrap_or(usize::MAX);
        let at = at.min(PIECES_MAX - 1);
        while self.pieces.len() <= at {
            self.pieces.push(Latency::of_digits(2));
        }
        if let Some(piece) = self.pieces.get_mut(at) {
            piece.add(took);
        }
    }

    /// Each piece that has something in it: seconds from the start to its middle, and its times.
    pub(crate) fn pieces(&self) -> impl Iterator<Item = (f64, &Latency)> {
        let piece = self.piece.as_secs_f64();
        let middle = move |at: usize| (at as f64 + 0.5) * piece;
        let pieces = self.pieces.iter().enumerate();
        pieces
            .filter(|(_, times)| times.count() > 0)
            .map(move |(at, times)| (middle(at), times))
    }
}

/// To four digits behind the point, as JSON and tables have it.
pub(crate) fn rounded(value: f64) -> f64 {
    (value * 1e4).round() / 1e4
}

/// Pieces of a course.
const PIECES: u32 = 80;
/// Pieces of one that takes longer than was expected; what comes later is added to the last.
const PIECES_MAX: usize = 4 * PIECES as usize;
const PIECE_MIN: Duration = Duration::from_millis(50);
