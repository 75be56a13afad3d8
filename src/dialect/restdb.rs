//! RestDB's `/realtime`. SKELETON.

use std::time::Duration;

/// `realtime.restdb`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// The path that is answered here; the request's whole path, exactly.
    pub path: Box<str>,
    /// Between two pings of a stream: `ping_interval`, 10 s by default, 1 s to 20 s.
    pub ping_interval: Duration,
    /// Whether a PATCH is told as `patch` rather than `put`, RestDB's way: `patch: put | patch`.
    pub patch: PatchEvent,
    /// Bytes of a publish's body at most: `publish_body`, 64 KiB by default, to 1 MiB.
    pub publish_body_bytes: usize,
}

/// The event by which a PATCH is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PatchEvent {
    /// `patch`.
    Patch,
    /// `put`.
    Put,
}
