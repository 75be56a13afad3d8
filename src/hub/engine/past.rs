//! Pieces of the past, read from the log's files for those who are far behind.
//!
//! A piece is read once for all who wait for it, a few pieces at a time, by threads that may wait
//! for a disk. The newest pieces are kept: who comes back with others finds what they found.
//! So a thousand who come back at once cost a few reads, and a bounded number of bytes.

use std::collections::{BTreeMap, HashSet, VecDeque};
use std::sync::Arc;

use tokio::sync::{Notify, mpsc};

use crate::event::{Cursor, Epoch, Event, Gap};
use crate::limits::{PIECES_KEPT, PIECES_KEPT_BYTES, READ_EVENTS, READS_MAX};
use crate::log::{Log, Piece};

/// What was read, and who waits for what is being read.
#[derive(Debug)]
pub(super) struct Pieces {
    /// By the place that they follow; the newest last. Bounded by [`PIECES_KEPT`] and
    /// [`PIECES_KEPT_BYTES`].
    kept: VecDeque<(Cursor, Piece)>,
    /// Who waits for the piece behind a place. Bounded by the number of streams.
    wanted: BTreeMap<u64, Wanted>,
    reading: usize,
    /// Bounded by [`READS_MAX`].
    done: mpsc::Receiver<Read>,
    done_sender: mpsc::Sender<Read>,
    wake: Arc<Notify>,
}

#[derive(Debug, Default)]
struct Wanted {
    begun: bool,
    by: HashSet<u32>,
}

/// A read that has ended: the place that it began behind, and what it found.
type Read = (Cursor, Result<Piece, Gap>);

impl Pieces {
    /// No piece yet. When one is there `wake` is told.
    pub(super) fn new(wake: Arc<Notify>) -> Self {
        let (done_sender, done) = mpsc::channel(READS_MAX);
        Self {
            kept: VecDeque::new(),
            wanted: BTreeMap::new(),
            reading: 0,
            done,
            done_sender,
            wake,
        }
    }

    /// Forgets everything: another epoch has begun.
    pub(super) fn clear(&mut self) {
        self.kept.clear();
        self.wanted.clear();
    }

    /// The events behind `place`, as far as they are here. If they are not, they will be read, and
    /// `stream` is told when they are.
    pub(super) fn after(
        &mut self,
        place: Cursor,
        stream: u32,
        log: &Log,
    ) -> Option<impl Iterator<Item = &Arc<Event>>> {
        let here = self.kept.iter().position(|(from, piece)| {
            from.epoch == place.epoch && (from.seq..piece.upto).contains(&place.seq)
        });
        if here.is_none() {
            let from = self.beginning(place, log);
            self.wanted.entry(from).or_default().by.insert(stream);
            self.begin(place.epoch, log);
        }
        let (_, piece) = self.kept.get(here?)?;
        let events = piece.events.iter();
        Some(events.skip_while(move |event| event.cursor.seq <= place.seq))
    }

    /// Where the piece begins that holds what follows the place: the same for all about there.
    fn beginning(&self, place: Cursor, log: &Log) -> u64 {
        let aligned = place.seq - place.seq % READ_EVENTS as u64;
        // Pieces that end early, because their events are large, are gone on from.
        let ends = self
            .kept
            .iter()
            .filter(|(from, _)| from.epoch == place.epoch);
        let before = ends
            .map(|(_, piece)| piece.upto)
            .filter(|upto| *upto <= place.seq);
        let begun = before.fold(aligned, u64::max);
        begun.max(log.oldest()).min(place.seq)
    }

    /// Begins as many reads as may be under way.
    fn begin(&mut self, epoch: Epoch, log: &Log) {
        for (seq, wanted) in &mut self.wanted {
            if self.reading >= READS_MAX {
                return;
            }
            if wanted.begun {
                continue;
            }
            wanted.begun = true;
            self.reading += 1;
            let from = Cursor { epoch, seq: *seq };
            let (log, done, wake) = (
                log.clone(),
                self.done_sender.clone(),
                Arc::clone(&self.wake),
            );
            // Ends with the read. There is room: no more are under way than it holds.
            tokio::task::spawn_blocking(move || {
                drop(done.try_send((from, log.read(from))));
                wake.notify_one();
            });
        }
    }

    /// Lets the oldest pieces go while there are too many, or too many bytes; never the newest.
    fn let_go(&mut self) {
        let bytes = |piece: &Piece| {
            piece
                .events
                .iter()
                .map(|event| event.bytes())
                .sum::<usize>()
        };
        let mut sum: usize = self.kept.iter().map(|(_, piece)| bytes(piece)).sum();
        while self.kept.len() > 1 && (self.kept.len() > PIECES_KEPT || sum > PIECES_KEPT_BYTES) {
            let oldest = self.kept.pop_front();
            sum -= oldest.map_or(sum, |(_, piece)| bytes(&piece));
        }
    }

    /// A read that has ended, if one has: where it began, who waited for it, and whether there is a
    /// piece now.
    pub(super) fn take_read(&mut self, log: &Log) -> Option<(u64, HashSet<u32>, Result<(), Gap>)> {
        let (from, read) = self.done.try_recv().ok()?;
        self.reading -= 1;
        let epoch = log.tail().epoch;
        if from.epoch != epoch {
            // Those who waited are told of another epoch, and ask anew.
            self.begin(epoch, log);
            return Some((from.seq, HashSet::new(), Ok(())));
        }
        let wanted = self.wanted.remove(&from.seq).unwrap_or_default();
        self.begin(epoch, log);
        let read = match read {
            Ok(piece) if piece.upto > from.seq => {
                self.kept.push_back((from, piece));
                self.let_go();
                Ok(())
            }
            // There was nothing where something should be.
            Ok(_) => Err(Gap::Lost),
            Err(gap) => Err(gap),
        };
        Some((from.seq, wanted.by, read))
    }
}
