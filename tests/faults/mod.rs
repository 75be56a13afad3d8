//! Whatever fails around the sidecar, or in it: what it promises of each write still holds.
//!
//! | file | what it is |
//! | --- | --- |
//! | `upstream` | an API that keeps a journal, and fails as it is told to |
//! | `relay` | a network that breaks after so many bytes, in either direction |
//! | `writer`, `listener` | who writes, and who hears, leaves and comes back |
//! | `history` | what they did and heard, as it happened |
//! | `checker`, `checking` | from a history to the promises that it breaks; that it finds them |
//! | `world` | all of it around a sidecar |
//! | `client_gone`, `upstream_faults`, `chaos`, `kills`, `disks` | the tests |
//!
//! With `TIDINGS_FAULTS=long` they go on for much longer; `tests/faults/run` does that.

mod checker;
mod checking;
mod history;
mod listener;
mod relay;
mod upstream;
mod world;
mod writer;

mod chaos;
mod client_gone;
mod disks;
mod kills;
mod upstream_faults;

/// `few`, or `many` where there is time.
fn times(few: usize, many: usize) -> usize {
    if std::env::var_os("TIDINGS_FAULTS").is_some_and(|value| value == "long") {
        many
    } else {
        few
    }
}
