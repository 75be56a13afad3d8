//! A body kept while it passes, up to a cap.

use bytes::{Bytes, BytesMut};

use super::budget::Share;
use crate::observe::Body;

/// A body so far. The first piece, which often is all of it, is kept by reference; further ones
/// are copied behind it, so that many small pieces cost no more than their bytes.
#[derive(Debug)]
pub(super) enum Capture {
    /// All of it so far.
    Kept {
        pieces: Pieces,
        /// How many more bytes there is room for.
        room: usize,
        /// What it has of its exchange's share: all that is allocated for it.
        held: usize,
    },
    /// There was more than may be kept.
    Overflowed,
}

/// How a body has come.
#[derive(Debug)]
pub(super) enum Pieces {
    /// In more than one piece.
    Joined(BytesMut),
    /// In one piece, or none yet.
    One(Bytes),
}

impl Capture {
    /// Nothing yet, and room for so many bytes.
    pub(super) fn new(room: usize) -> Self {
        Self::Kept {
            pieces: Pieces::One(Bytes::new()),
            room,
            held: 0,
        }
    }

    /// Keeps a piece; past the cap, or where nothing is left to `share`, nothing is kept any more.
    pub(super) fn keep(&mut self, piece: &Bytes, share: &mut Share) {
        let Self::Kept { pieces, room, held } = self else {
            return;
        };
        let needed = pieces.needed(piece.len()).max(*held);
        let left = room.checked_sub(piece.len());
        let Some(left) = left.filter(|_| share.take(needed - *held)) else {
            share.give_back(*held);
            *self = Self::Overflowed;
            return;
        };
        (*room, *held) = (left, needed);
        match pieces {
            Pieces::Joined(joined) => joined.extend_from_slice(piece),
            Pieces::One(one) if one.is_empty() => *one = piece.clone(),
            Pieces::One(one) => {
                let mut joined = BytesMut::with_capacity(one.len() + piece.len());
                joined.extend_from_slice(one);
                joined.extend_from_slice(piece);
                *pieces = Pieces::Joined(joined);
            }
        }
    }

    /// What was kept.
    pub(super) fn into_whole(self) -> Option<Bytes> {
        match self {
            Self::Kept { pieces, .. } => Some(match pieces {
                Pieces::Joined(joined) => joined.freeze(),
                Pieces::One(one) => one,
            }),
            Self::Overflowed => None,
        }
    }
}

impl Pieces {
    /// Bytes that are allocated once so many more are here: what is joined grows to twice its size.
    fn needed(&self, more: usize) -> usize {
        match self {
            Self::Joined(joined) if joined.len() + more <= joined.capacity() => joined.capacity(),
            Self::Joined(joined) => (joined.len() + more).max(2 * joined.capacity()),
            Self::One(one) => one.len() + more,
        }
    }
}

/// The body as the rules see it.
pub(super) fn body(whole: Option<&Bytes>) -> Body<'_> {
    whole.map_or(Body::Unknown, |whole| Body::Whole(whole))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    /// What is kept of a body in these pieces, with room for so many bytes in it and in the budget.
    fn kept(pieces: &[&'static str], room: usize, budget: usize) -> Option<Bytes> {
        let mut share = Share::new(&Arc::default(), budget);
        let mut capture = Capture::new(room);
        for piece in pieces {
            capture.keep(&Bytes::from_static(piece.as_bytes()), &mut share);
        }
        capture.into_whole()
    }

    #[test]
    fn a_body_is_kept_whole_or_not_at_all() {
        assert_eq!(kept(&["he", "llo"], 5, 99), Some("hello".into()));
        assert_eq!(kept(&["he", "llo"], 4, 99), None);
        assert_eq!(kept(&[], 0, 0), Some(Bytes::new()));
    }

    #[test]
    fn a_body_beyond_the_budget_is_not_kept() {
        assert_eq!(kept(&["hello"], 9, 5), Some("hello".into()));
        assert_eq!(kept(&["he", "llo"], 9, 5), Some("hello".into()));
        assert_eq!(kept(&["hello"], 9, 4), None);
        assert_eq!(kept(&["he", "llo"], 9, 4), None);
        // It counts for what is allocated, which is twice what was joined before.
        assert_eq!(kept(&["he", "llo", "!"], 9, 9), None);
        assert_eq!(kept(&["he", "llo", "!"], 9, 10), Some("hello!".into()));
    }

    #[test]
    fn what_is_allocated_is_what_was_taken() {
        let mut share = Share::new(&Arc::default(), usize::MAX);
        let mut capture = Capture::new(100_000);
        for length in (1..300).chain([5000, 1, 1, 70_000]) {
            capture.keep(&vec![0; length].into(), &mut share);
            let Capture::Kept { pieces, held, .. } = &capture else {
                break;
            };
            let allocated = match pieces {
                Pieces::Joined(joined) => joined.capacity(),
                Pieces::One(one) => one.len(),
            };
            assert!(allocated <= *held + 8, "{allocated} for {held}");
        }
        assert!(matches!(capture, Capture::Overflowed));
        assert!(share.is_empty());
    }
}
