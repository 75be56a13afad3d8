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

/// Bytes in a kibibyte.
pub const KIB: usize = 1024;
/// Bytes in a mebibyte.
pub const MIB: usize = 1024 * KIB;

/// Arrays and objects within one another in a JSON body that is still read. What is nested
/// deeper is passed on and observed as a body that is not JSON: whoever reads an event, here
/// or in a client, may do so by recursion.
pub const JSON_DEPTH: usize = 128;

/// Records that one write tells of. A bulk of more is `uncertain`: to read the collection
/// again costs a client less than so many events, and one request cannot push the whole
/// past out of the log.
pub const BULK_RECORDS: usize = 1_000;
