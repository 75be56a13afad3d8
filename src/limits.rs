//! Every cap of the program in one place, with its unit and its reason.
//!
//! What an operator may choose is in [`Limits`] (the `limits:` section of the
//! configuration, where the defaults below show); the constants are what nobody should
//! have to choose. No other file names a size, a count or a patience of its own.

use std::time::Duration;

/// The `limits:` section of the configuration, with nothing left to check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Streams open at once; one more is answered 200 with a `retry` and an end. From 1.
    pub streams: usize,
    /// Bytes of a request's head, request line included; one more is answered 431. 1 KiB to 1 MiB.
    pub head_bytes: usize,
    /// From a connection's first byte of a request to the end of its head. A slower one is answered 408.
    pub head_timeout: Duration,
    /// Bytes of a request's and of an answer's body that are kept to observe a write, each.
    /// A longer body passes through whole and the write is `uncertain`.
    pub observed_body_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            streams: 20_000,
            head_bytes: 32 * KIB,
            head_timeout: Duration::from_secs(10),
            observed_body_bytes: MIB,
        }
    }
}

/// How much of the past the log keeps: whatever is exceeded first lets the oldest event go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Keep {
    /// Events kept at most. From 1.
    pub events: usize,
    /// Bytes of events kept at most, as [`crate::event::Event::bytes`] counts them.
    pub bytes: usize,
    /// An event older than this is let go.
    pub age: Duration,
}

impl Default for Keep {
    fn default() -> Self {
        Self {
            events: 10_000,
            bytes: 64 * MIB,
            age: Duration::from_secs(3600),
        }
    }
}

/// How long a client waits before it comes back to a stream, at least. The rest is chance, so
/// that those who were cut together do not return together.
pub const RETRY_MIN: Duration = Duration::from_secs(2);
/// The most that chance adds to [`RETRY_MIN`] when a stream opens.
pub const RETRY_SPREAD: Duration = Duration::from_secs(1);
/// The most that chance adds to [`RETRY_MIN`] when streams are ended: at a drain, and over the limit.
pub const RETRY_SPREAD_AT_END: Duration = Duration::from_secs(8);

/// Bytes in a kibibyte.
pub const KIB: usize = 1024;
/// Bytes in a mebibyte.
pub const MIB: usize = 1024 * KIB;

/// Records that the demo's database holds: its page lists them all.
pub const DEMO_RECORDS_MAX: usize = 1000;
/// Bytes of a request's body that the demo's database reads: a todo is a line or two. Its message says 16 KiB.
pub const DEMO_BODY_BYTES_MAX: usize = 16 * KIB;
/// Connections that the demo's database serves at once: the sidecar's, and somebody's curl.
pub const DEMO_CONNECTIONS_MAX: usize = 256;
