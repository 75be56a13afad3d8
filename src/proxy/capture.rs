//! A body kept while it passes, up to a cap.

use bytes::{Bytes, BytesMut};

use crate::observe::Body;

/// The pieces of a body, by reference: keeping them copies nothing.
#[derive(Debug)]
pub(super) enum Capture {
    /// All pieces so far, and how many more bytes there is room for.
    Kept {
        /// In the order in which they came.
        pieces: Vec<Bytes>,
        /// Bytes that may still be kept.
        room: usize,
    },
    /// There was more than may be kept.
    Overflowed,
}

impl Capture {
    /// Nothing yet, and room for so many bytes.
    pub(super) fn new(room: usize) -> Self {
        Self::Kept {
            pieces: Vec::new(),
            room,
        }
    }

    /// Keeps a piece; past the cap nothing is kept any more.
    pub(super) fn keep(&mut self, piece: &Bytes) {
        let Self::Kept { pieces, room } = self else {
            return;
        };
        match room.checked_sub(piece.len()) {
            Some(left) => {
                *room = left;
                pieces.push(piece.clone());
            }
            None => *self = Self::Overflowed,
        }
    }

    /// What was kept, in one piece.
    pub(super) fn into_whole(self) -> Option<Bytes> {
        match self {
            Self::Kept { mut pieces, .. } if pieces.len() <= 1 => {
                Some(pieces.pop().unwrap_or_default())
            }
            Self::Kept { pieces, .. } => {
                let mut whole = BytesMut::new();
                for piece in &pieces {
                    whole.extend_from_slice(piece);
                }
                Some(whole.freeze())
            }
            Self::Overflowed => None,
        }
    }
}

/// The body as the rules see it.
pub(super) fn body(whole: Option<&Bytes>) -> Body<'_> {
    whole.map_or(Body::Unknown, |whole| Body::Whole(whole))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_kept_whole_or_not_at_all() {
        let mut capture = Capture::new(5);
        capture.keep(&Bytes::from_static(b"he"));
        capture.keep(&Bytes::from_static(b"llo"));
        assert_eq!(capture.into_whole(), Some(Bytes::from_static(b"hello")));

        let mut capture = Capture::new(4);
        capture.keep(&Bytes::from_static(b"he"));
        capture.keep(&Bytes::from_static(b"llo"));
        assert_eq!(capture.into_whole(), None);
        assert_eq!(Capture::new(0).into_whole(), Some(Bytes::new()));
    }
}
