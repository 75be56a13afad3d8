//! PocketBase's SDK hears of PocketBase's records by the sidecar what it hears by PocketBase.
//!
//! In each test the same script runs at both, and the same writes reach both: every message that
//! one is told is compared with the other's, whole.

mod both;
mod coming;
mod deciding;
mod knowing;
mod topics;
mod walk;
mod writing;

use both::{Both, CONFIG, ONE, TWO};
