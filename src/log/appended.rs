//! Events that were appended, counted by their kind.

use crate::event::Kind;

/// Events by their kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Appended {
    /// [`Kind::Custom`].
    pub custom: u64,
    /// [`Kind::Gap`].
    pub gap: u64,
    /// [`Kind::Left`].
    pub left: u64,
    /// [`Kind::Uncertain`].
    pub uncertain: u64,
    /// [`Kind::Write`].
    pub write: u64,
}

impl Appended {
    /// One more of that kind.
    pub(super) fn count(&mut self, kind: &Kind) {
        *match kind {
            Kind::Custom { .. } => &mut self.custom,
            Kind::Gap => &mut self.gap,
            Kind::Left { .. } => &mut self.left,
            Kind::Uncertain { .. } => &mut self.uncertain,
            Kind::Write { .. } => &mut self.write,
        } += 1;
    }
}
