//! What a head costs at the gate.

use super::gate::{self, Verdict};

/// Whether the gate lets the head pass.
#[must_use]
pub fn admits(head: &[u8]) -> bool {
    matches!(gate::read(head), Verdict::Admitted(_))
}
