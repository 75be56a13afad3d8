//! Wire protocols: a request to a command, an event to a frame. SKELETON.

pub mod restdb;
