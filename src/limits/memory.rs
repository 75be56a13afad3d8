//! What things cost in memory: by these, what is bounded by number adds up to bytes.
//!
//! Measured on a release build on x86-64, as the growth of the process's PSS
//! (`/proc/PID/smaps_rollup`) with so many of the thing over loopback, divided by their number and
//! rounded up. PSS counts whole pages, so what the allocator keeps free is in them.

use super::{KIB, MIB};

/// The program when it has served for a while: 15 MiB at its start, 30 after 2,000 requests on 200
/// connections at once, with two threads. Its own small caches are in it.
pub const PROGRAM_BYTES: usize = 32 * MIB;
/// A thread more: 50 MiB with 32 of them after the same requests.
pub const THREAD_BYTES: usize = MIB;
/// Of what is kept of texts, as the log and records, the part that the allocator takes besides: 32 MiB
/// of the log, in events of 4 KB, and as much of records took 36 MiB, the program's growth aside.
pub const SPARE_PARTS: usize = 8;

/// A stream that was sent everything: 400 to 900 bytes each between 2,000 and 10,000 of them with one
/// key. Those that come in a burst leave some MiB with the allocator, which are the program's.
pub const STREAM_BYTES: usize = KIB;
/// What a stream is matched by where each has a token or an identity of its own: 1 KiB for claims of
/// 100 bytes, 2 for claims of 1 KB.
pub const HOLDER_BYTES: usize = 2 * KIB;
/// Bytes of what is made of a byte of a token or of an identity: a token of 7.3 KB that was all grants
/// took 33 KB.
pub const CLAIM_FACTOR: usize = 5;
/// The same of a filter: one of 834 bytes, 60 comparisons, took 11 KB; there may be shorter ones.
pub const FILTER_FACTOR: usize = 40;
/// What is counted of subscriptions grows to so much: plain ones to 2.
pub const SUBSCRIPTION_FACTOR: usize = 2;
/// The same at worst: filters of 150 comparisons grew to 13.
pub const SUBSCRIPTION_FACTOR_MAX: usize = 16;

/// A connection between two requests, with its share of those to the upstream that are kept: 12 to 15 KB
/// with 4,000 and 1,000 of them.
pub const CONNECTION_BYTES: usize = 16 * KIB;
/// A connection at worst, its head aside: 766 KB with 200 clients that read nothing of an answer of
/// 20 MB. One whose upstream says nothing took 40 KB.
pub const CONNECTION_BUSY_BYTES: usize = 768 * KIB;
/// Times that a head is held at most: one of 32 KB that does not come to its end took 45 KB, by a buffer
/// that doubles; one that is served as much.
pub const HEAD_FACTOR: usize = 2;
/// Times that the body of a publish is held: as it came, as what it says, as an event.
pub const PUBLISH_FACTOR: usize = 3;
/// A socket in the kernel, without what it holds of its peer's bytes: 3.8 KB, of `/proc/slabinfo`.
pub const SOCKET_BYTES: usize = 4 * KIB;

/// Times that a thread holds a body while it reads it: request and answer decoded, and what is made of
/// them twice.
pub const READING_FACTOR: usize = 6;
/// The largest window of a coding, which a thread has one of at a time: brotli's.
pub const CODING_WINDOW_BYTES: usize = 16 * MIB;
/// Bytes of one name of a member while names are compared; see [`super::JSON_NAMES_MAX`].
pub const JSON_NAME_BYTES: usize = 24;
/// Bytes of a body for one of them at least: `"":0,`.
pub const JSON_NAME_BODY_BYTES: usize = 4;
/// A question to the upstream that waits for its turn, about.
pub const QUESTION_BYTES: usize = KIB;
