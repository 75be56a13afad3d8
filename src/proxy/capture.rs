//! A body kept while it passes, up to a cap.

use bytes::{Bytes, BytesMut};

use crate::observe::Body;

/// A body so far. The first piece, which often is all of it, is kept by reference; further ones
/// are copied behind it, so that many small pieces cost no more than their bytes.
#[derive(Debug)]
pub(super) enum Capture {
    /// All of it so far, and how many more bytes there is room for.
    Kept(Pieces, usize),
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
        Self::Kept(Pieces::One(Bytes::new()), room)
    }

    /// Keeps a piece; past the cap nothing is kept any more.
    pub(super) fn keep(&mut self, piece: &Bytes) {
        let Self::Kept(pieces, room) = self else {
            return;
        };
        let Some(left) = room.checked_sub(piece.len()) else {
            *self = Self::Overflowed;
            return;
        };
        *room = left;
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
            Self::Kept(Pieces::Joined(joined), _) => Some(joined.freeze()),
            Self::Kept(Pieces::One(one), _) => Some(one),
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
