//! What the micro-benchmarks in `tests/bench/micro` measure and nothing else outside reaches.

pub use crate::front::benching::admits;
pub use crate::hub::benching::Audiences;
