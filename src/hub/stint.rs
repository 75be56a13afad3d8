//! How much the engine does in a row, before the other tasks of its thread go on.
//!
//! One thread may serve requests and write to the sockets of all streams: a request that comes
//! meanwhile waits for the end of a stint, and so does its answer. So it goes on for as long as the
//! others took before, within bounds: while nobody else wants the thread a stint is short, and what
//! comes waits for next to nothing; while requests have it busy, streams get as much of it as they do.

use std::ops::RangeInclusive;
use std::time::Duration;

use tokio::task;
use tokio::time::Instant;

/// What a task does in a row, counted in pieces of about the same size.
#[derive(Debug)]
pub(super) struct Stint {
    bounds: RangeInclusive<usize>,
    /// What a piece takes, about.
    piece: Duration,
    /// Pieces of this one.
    length: usize,
    done: usize,
}

impl Stint {
    /// Begins with one that is as short as any.
    pub(super) fn new(bounds: RangeInclusive<usize>, piece: Duration) -> Self {
        Self {
            length: *bounds.start(),
            bounds,
            piece,
            done: 0,
        }
    }

    /// So many pieces are done.
    pub(super) fn count(&mut self, pieces: usize) {
        self.done += pieces;
    }

    /// One piece is done: lets the others go on if that was the last of this stint.
    pub(super) async fn give_way(&mut self) {
        self.count(1);
        if self.done < self.length {
            return;
        }
        let since = Instant::now();
        task::yield_now().await;
        self.length = self.after(since.elapsed());
        self.done = 0;
    }

    /// How many pieces follow on what the others did for so long.
    fn after(&self, others: Duration) -> usize {
        let pieces = others.as_nanos() / self.piece.as_nanos().max(1);
        let pieces = usize::try_from(pieces).unwrap_or(usize::MAX);
        pieces.clamp(*self.bounds.start(), *self.bounds.end())
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::rc::Rc;

    use tokio::task::LocalSet;

    use super::*;

    fn stint() -> Stint {
        Stint::new(4..=16, Duration::from_micros(10))
    }

    #[test]
    fn it_is_as_long_as_the_others_took_within_bounds() {
        for (others, pieces) in [(0, 4), (39, 4), (75, 7), (160, 16), (1_000_000, 16)] {
            let after = stint().after(Duration::from_micros(others));
            assert_eq!(after, pieces, "{others}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_others_go_on_after_each() {
        let work = async {
            let pieces = Rc::new(Cell::new(0));
            let counted = Rc::clone(&pieces);
            let work = task::spawn_local(async move {
                let mut stint = stint();
                stint.count(2);
                loop {
                    counted.set(counted.get() + 1);
                    stint.give_way().await;
                }
            });
            for expected in [2, 4, 4] {
                task::yield_now().await;
                assert_eq!(pieces.take(), expected);
            }
            work.abort();
        };
        LocalSet::new().run_until(work).await;
    }
}
