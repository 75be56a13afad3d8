//! What is read of bodies.

use std::ops::RangeInclusive;

use super::{KIB, MIB};

/// What may be chosen for [`super::Limits::observed_body_bytes`]: it is held twice for each write under
/// way, and twice more for as long as what is coded is read.
pub const OBSERVED_BODY_BYTES: RangeInclusive<usize> = 1..=64 * MIB;
/// What may be chosen for [`super::Limits::observed_bodies_bytes`], from what is kept of one body on.
pub const OBSERVED_BODIES_BYTES: RangeInclusive<usize> = 1..=64 * 1024 * MIB;

/// Arrays and objects within one another in JSON that becomes part of an event: whoever reads
/// one, here or in a client, may do so by recursion. A body that is nested deeper is passed on
/// and observed as one that is not JSON; a publish of such `data` is answered 400.
pub const JSON_DEPTH: usize = 128;

/// Names of members that are held at once while it is looked whether an object has one twice: of
/// more nothing is known. 24 MB at most, for as long as that takes.
pub const JSON_NAMES_MAX: usize = 1_000_000;

/// Bytes of the program that the globs of `observe.ignore` are compiled to: some thousands of them.
pub const GLOBS_BYTES_MAX: usize = 4 * MIB;

/// Codings of one body (`Content-Encoding: gzip, br`): each is undone for itself, and who sends
/// more sends no record.
pub const CODINGS_MAX: usize = 2;
/// How many times its coded size a body may have to be read, whatever [`super::Limits::observed_body_bytes`]
/// allows: gzip makes 1000 of one byte and brotli a million, lists of records hardly 100. So a
/// request of a few bytes costs no more than it is worth.
pub const CODED_RATIO_MAX: usize = 250;
/// Bytes up to which the ratio says nothing: a short body that repeats one sign is no attack.
pub const CODED_RATIO_FROM: usize = 64 * KIB;
/// Members of a gzip body, or frames of a zstd body: each has a decoder set up, and takes 20 bytes
/// if it is empty. Blocks of 64 KiB, as some write them, are as many in the largest body.
pub const CODED_MEMBERS_MAX: usize = 1024;
/// The window of a zstd body, as a power of two: 8 MiB, as RFC 9659 has it for HTTP. brotli has no
/// more than 16 MiB (RFC 7932 § 9.1), gzip 32 KiB. A thread has one at a time.
pub const CODED_ZSTD_WINDOW_LOG_MAX: u32 = 23;

/// Records that one write tells of. A bulk of more is `uncertain`: to read the collection
/// again costs a client less than so many events, and one request cannot push the whole
/// past out of the log.
pub const BULK_RECORDS: usize = 1_000;
