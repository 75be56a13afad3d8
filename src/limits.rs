//! Every cap of the program in one place, with its unit and its reason.
//!
//! What an operator may choose is in [`Limits`] (the `limits:` section of the
//! configuration, where the defaults below show); the constants are what nobody should
//! have to choose. What bounds the memory, the time or the number of anything that comes from
//! outside stands here and nowhere else.

mod bodies;
mod memory;
mod stints;
pub use bodies::*;
pub use memory::*;
pub use stints::*;

use std::fmt;
use std::num::NonZeroU32;
use std::ops::RangeInclusive;
use std::time::Duration;

/// The `limits:` section of the configuration, with nothing left to check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Streams open at once; one more is answered 200 with a `retry` and an end. In [`STREAMS`].
    pub streams: usize,
    /// Streams of one key or user open at once; none: as many as altogether. In [`STREAMS`].
    pub streams_per_key: Option<usize>,
    /// Streams from one address open at once; none: as many as altogether. In [`STREAMS`].
    pub streams_per_address: Option<usize>,
    /// Connections open at once that are no streams; for one more, one that only waits is closed. In
    /// [`CONNECTIONS`].
    pub connections: usize,
    /// Of those from one address; none: as many as altogether. In [`CONNECTIONS`].
    pub connections_per_address: Option<usize>,
    /// How long a connection may be idle before and between its requests. In [`TIMEOUT`].
    pub idle_timeout: Duration,
    /// Bytes of a request's head, request line included; one more is answered 431. In [`HEAD_BYTES`].
    pub head_bytes: usize,
    /// From a connection's first byte of a request to the end of its head. A slower one is answered 408.
    /// In [`TIMEOUT`].
    pub head_timeout: Duration,
    /// Bytes of a request's and of an answer's body that are kept to observe a write, each.
    /// A longer body passes through whole and the write is `uncertain`. In [`OBSERVED_BODY_BYTES`].
    pub observed_body_bytes: usize,
    /// Bytes of all those bodies that are kept at once, and of the records that are read to complete
    /// writes; what is beyond is as a longer body. In [`OBSERVED_BODIES_BYTES`].
    pub observed_bodies_bytes: usize,
    /// Bytes of what all PocketBase clients are subscribed to; who would add to that is answered 503.
    /// In [`SUBSCRIPTION_BYTES`].
    pub subscription_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            streams: 20_000,
            streams_per_key: None,
            streams_per_address: None,
            connections: 10_000,
            connections_per_address: None,
            idle_timeout: Duration::from_secs(75),
            head_bytes: 32 * KIB,
            head_timeout: Duration::from_secs(10),
            observed_body_bytes: MIB,
            observed_bodies_bytes: 256 * MIB,
            subscription_bytes: 64 * MIB,
        }
    }
}

/// So many in so long a time, all of them at once if need be. Shape: `100/s`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// How many.
    pub count: NonZeroU32,
    /// In how long a time.
    pub per: Per,
}

/// The time of a [`Rate`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Per {
    /// An hour: `/h`.
    Hour,
    /// A minute: `/m`.
    Minute,
    /// A second: `/s`.
    Second,
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let per = match self.per {
            Per::Hour => 'h',
            Per::Minute => 'm',
            Per::Second => 's',
        };
        write!(f, "{}/{per}", self.count)
    }
}

/// How much of the past the log keeps: whatever is exceeded first lets the oldest event go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Keep {
    /// Events kept at most. In [`KEEP_EVENTS`].
    pub events: usize,
    /// Bytes of events kept at most, as [`crate::event::Event::bytes`] counts them. In [`KEEP_BYTES`].
    pub bytes: usize,
    /// An event older than this is let go. In [`KEEP_AGE`].
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

/// What may be chosen for [`Limits::streams`]: above it, sockets run out of file descriptors first.
pub const STREAMS: RangeInclusive<usize> = 1..=1_000_000;
/// What may be chosen for [`Limits::connections`]: each may hold a head and what is on its way, and
/// takes two descriptors.
pub const CONNECTIONS: RangeInclusive<usize> = 1..=1_000_000;
/// What may be chosen for [`Limits::head_bytes`]: below it common browsers' cookies are refused,
/// above it a few hundred connections that never finish their head hold all memory.
pub const HEAD_BYTES: RangeInclusive<usize> = KIB..=MIB;
/// What may be chosen for [`Limits::subscription_bytes`]. The memory is some times that: of each its
/// text, what was read of it, and what finds it.
pub const SUBSCRIPTION_BYTES: RangeInclusive<usize> = KIB..=64 * 1024 * MIB;
/// What may be chosen for a timeout, of the downstream or of the upstream.
pub const TIMEOUT: RangeInclusive<Duration> = Duration::from_millis(1)..=Duration::from_hours(1);
/// What may be chosen for `drain`.
pub const DRAIN: RangeInclusive<Duration> = Duration::from_millis(1)..=Duration::from_hours(1);

/// What may be chosen for [`Keep::events`].
pub const KEEP_EVENTS: RangeInclusive<usize> = 1..=100_000_000;
/// What may be chosen for [`Keep::bytes`].
pub const KEEP_BYTES: RangeInclusive<usize> = KIB..=64 * 1024 * MIB;
/// What may be chosen for [`Keep::age`]: 30 days at most.
pub const KEEP_AGE: RangeInclusive<Duration> = Duration::from_millis(1)..=Duration::from_hours(720);

/// What may be chosen for `log.wait`: below it a disk that is only busy counts as failed, and
/// above it a held answer comes near [`DOWNSTREAM_STALL`], at which a client is given up.
pub const LOG_WAIT: RangeInclusive<Duration> = Duration::from_millis(10)..=Duration::from_secs(30);

/// What may be chosen for `realtime.restdb.ping_interval`: RestDB's clients reconnect when
/// the newest ping is 25 s old.
pub const PING_INTERVAL: RangeInclusive<Duration> =
    Duration::from_secs(1)..=Duration::from_secs(20);
/// What may be chosen for `realtime.restdb.publish_body`: every subscriber is sent what it holds.
pub const PUBLISH_BODY_BYTES: RangeInclusive<usize> = 1..=MIB;

/// What may be chosen for the number of `realtime.restdb.publish_rate`.
pub const PUBLISHES: RangeInclusive<u32> = 1..=1_000_000;
/// Keys and users whose publishes of late are counted at once; one more is answered 429.
pub const PUBLISHERS_MAX: usize = 100_000;
/// How long a stream of the operator's own may be silent: some clients that stand in for
/// EventSource give up after 45 s without a byte, and so do proxies on the way.
pub const SILENCE_MAX: Duration = Duration::from_secs(15);
/// What may be chosen for `realtime.streams[].heartbeat.every`: beyond [`SILENCE_MAX`] there are
/// comments in between.
pub const HEARTBEAT_INTERVAL: RangeInclusive<Duration> =
    Duration::from_secs(1)..=Duration::from_hours(1);

/// What may be chosen for `realtime.pocketbase.idle`.
pub const POCKETBASE_IDLE: RangeInclusive<Duration> =
    Duration::from_secs(1)..=Duration::from_hours(24);
/// What may be chosen for `realtime.pocketbase.life`.
pub const POCKETBASE_LIFE: RangeInclusive<Duration> =
    Duration::from_secs(1)..=Duration::from_hours(24);
/// What may be chosen for `realtime.pocketbase.missed`.
pub const POCKETBASE_MISSED: RangeInclusive<Duration> = Duration::ZERO..=Duration::from_secs(300);
/// Characters of a client id that is submitted, as PocketBase has it.
pub const POCKETBASE_CLIENT_ID_CHARS_MAX: usize = 255;
/// Subscriptions of a client, as PocketBase has it.
pub const POCKETBASE_SUBSCRIPTIONS_MAX: usize = 1000;
/// Bytes of one of them, as PocketBase has it.
pub const POCKETBASE_TOPIC_BYTES_MAX: usize = 2500;
/// Bytes of a submission: each stream keeps what it is subscribed to.
pub const POCKETBASE_BODY_BYTES_MAX: usize = 256 * KIB;
/// How long what a client was told may be under way: it is told again if it left meanwhile and
/// comes back.
pub const POCKETBASE_UNSURE: Duration = Duration::from_secs(1);
/// Batches of that time that are remembered for each client.
pub const POCKETBASE_UNSURE_MAX: usize = 64;
/// Clients that have left lately, of which is known where they were: one more lets the oldest go.
pub const POCKETBASE_LEFT_MAX: usize = 10_000;

/// What may be chosen for `access.jwt.leeway`.
pub const TOKEN_LEEWAY: RangeInclusive<Duration> = Duration::ZERO..=Duration::from_secs(60);
/// Bytes of a token at most: it comes in a head of [`Limits::head_bytes`], and each stream that
/// it opens keeps its claims.
pub const TOKEN_BYTES_MAX: usize = 8 * KIB;
/// Objects and lists within one another in a token's header and claims.
pub const TOKEN_JSON_DEPTH: usize = 16;
/// Bits of an RSA key: below it no signature is safe, and above it each costs milliseconds.
pub const TOKEN_RSA_BITS: RangeInclusive<usize> = 2048..=4096;
/// Bytes of a secret for HS256 at least (RFC 7518 § 3.2).
pub const TOKEN_SECRET_BYTES_MIN: usize = 32;
/// Tokens that are remembered as verified, since a signature takes long: 8 MiB at most.
pub const TOKENS_KEPT: usize = 1024;
/// Keys of a JWKS document at most.
pub const JWKS_KEYS_MAX: usize = 64;
/// Bytes of a JWKS document at most.
pub const JWKS_BYTES_MAX: usize = 256 * KIB;
/// How long it may take to fetch one, with connecting and TLS.
pub const JWKS_TIMEOUT: Duration = Duration::from_secs(5);
/// How old a JWKS document may be before it is fetched again.
pub const JWKS_FRESH_FOR: Duration = Duration::from_secs(300);
/// Between two fetches of it at least, whatever keys tokens name and however it fails.
pub const JWKS_PAUSE: Duration = Duration::from_secs(10);
/// How long a request with a token of an unknown key waits for the document.
pub const JWKS_WAIT: Duration = Duration::from_secs(2);

/// Other names of collections that are remembered: an upstream has fewer collections.
pub const ALIASES_MAX: usize = 10_000;

/// What may be chosen for `access.rule_cache`: beyond it a right that was lost goes on for too long.
pub const RULE_CACHE: RangeInclusive<Duration> = Duration::ZERO..=Duration::from_secs(5);
/// How long an answer of the upstream counts for the writes before it: as long as a right that was
/// lost may count.
pub const READ_FRESH: Duration = Duration::from_secs(1);
/// Answers about records and credentials that are kept, for deletes and for those who are behind.
pub const READS_KEPT: usize = 50_000;
/// Bytes of those answers, which are names of members.
pub const READS_KEPT_BYTES: usize = 64 * MIB;
/// Bytes of the names in one: what has more shows nothing.
pub const READ_NAMES_BYTES_MAX: usize = 64 * KIB;
/// Questions about records that wait; nobody hears of what is beyond. What [`READS_AT_ONCE`] come to
/// in [`READ_TIMEOUT`] at 8 ms an answer: more would wait in vain.
pub const READS_WAITING_MAX: usize = 20_000;
/// Questions about records that are under way at once: an upstream serves the others, too.
pub const READS_AT_ONCE: usize = 32;
/// How long a question about a record may take, its turn included; nobody hears of it then.
pub const READ_TIMEOUT: Duration = Duration::from_secs(5);
/// Bytes of an answer to it: a longer one shows nothing.
pub const READ_BYTES_MAX: usize = 4 * MIB;

/// How long a record may take to be read that a write did not tell, or before its delete: the
/// write's client waits for it.
pub const COMPLETE_TIMEOUT: Duration = Duration::from_secs(2);

/// What may be chosen for `access.identity.cache`: below it the API is asked about nothing else,
/// and above it somebody who was logged out goes on for too long.
pub const IDENTITY_CACHE: RangeInclusive<Duration> =
    Duration::from_secs(1)..=Duration::from_hours(1);
/// How long it counts that the API does not accept a credential, if `cache` is not shorter: a bad
/// one that comes again and again is asked about as seldom, and a login counts as soon.
pub const IDENTITY_REFUSED_FOR: Duration = Duration::from_secs(2);
/// How long before an answer ends the API is asked again about those who have open streams; of a
/// short `cache`, half of it.
pub const IDENTITY_AGAIN_BEFORE: Duration = Duration::from_secs(5);
/// Before the API is asked again about those after it could not be.
pub const IDENTITY_PAUSE: Duration = Duration::from_secs(1);
/// Between two looks at whom to ask about again.
pub const IDENTITY_TICK: Duration = Duration::from_millis(100);
/// How long a question may take, with its turn, connecting and TLS.
pub const IDENTITY_TIMEOUT: Duration = Duration::from_secs(5);
/// Between two lines of the log that say that the API cannot be asked.
pub const IDENTITY_WARN_PAUSE: Duration = Duration::from_secs(10);
/// Bytes of an answer at most: its claims are kept as long as it counts.
pub const IDENTITY_BYTES_MAX: usize = 16 * KIB;
/// Bytes of a credential about which the API is asked; a longer one is refused.
pub const IDENTITY_CREDENTIAL_BYTES_MAX: usize = 8 * KIB;
/// Answers about those without open streams that are kept: 24 MiB at most.
pub const IDENTITIES_KEPT: usize = 1024;
/// Questions about newcomers that the API is asked at once.
pub const IDENTITY_QUESTIONS_MAX: usize = 32;
/// Questions about newcomers that wait for their turn; beyond it newcomers are to come back later.
pub const IDENTITY_WAITING_MAX: usize = 1024;
/// Questions about those with open streams that the API is asked at once, whoever comes.
pub const IDENTITY_RENEWALS_MAX: usize = 16;

/// Bytes of a configuration file at most: it is read whole, and again whenever it may have changed.
pub const CONFIG_BYTES_MAX: usize = MIB;
/// Faults of one configuration that are told; what is beyond is counted.
pub const CONFIG_FAULTS_MAX: usize = 50;
/// How long a configuration file must have been unchanged before it counts: what saves a file
/// half-way takes less.
pub const CONFIG_SETTLE: Duration = Duration::from_millis(200);
/// How often the files are read although nothing told of a change, for file systems that tell
/// nothing. With [`CONFIG_SETTLE`] it stays below the second within which a change must act.
pub const CONFIG_POLL: Duration = Duration::from_millis(500);
/// The pause between two looks at the files, so that a busy directory costs no more than this.
pub const CONFIG_LOOK_PAUSE: Duration = Duration::from_millis(20);
/// Symbolic links followed from a configuration file to where it lies, as Linux has it (`ELOOP`).
pub const CONFIG_LINKS_MAX: usize = 40;

/// How long a client waits before it comes back to a stream, at least. The rest is chance, so
/// that those who were cut together do not return together.
pub const RETRY_MIN: Duration = Duration::from_secs(2);
/// The most that chance adds to [`RETRY_MIN`] when a stream opens.
pub const RETRY_SPREAD: Duration = Duration::from_secs(1);
/// The most that chance adds to [`RETRY_MIN`] when streams are ended: at a drain, and over the limit.
pub const RETRY_SPREAD_AT_END: Duration = Duration::from_secs(8);

/// Bytes of a chunk's size line in a request's chunked body.
pub const CHUNK_LINE_BYTES_MAX: usize = 256;
/// Digits of a chunk's size: what 64 bits hold.
pub const CHUNK_SIZE_DIGITS_MAX: usize = 16;
/// Bytes of the trailer section behind a request's chunked body.
pub const TRAILER_BYTES_MAX: usize = 8 * KIB;
/// Fields of a request's head: pingora reads 256, of which five are what the upstream is told.
pub const HEAD_FIELDS_MAX: usize = 251;
/// Bytes that are taken from a downstream beyond the request that is being served.
pub const AHEAD_BYTES_MAX: usize = 16 * KIB;
/// Bytes of an answer that may wait for the downstream's socket before the upstream has to.
pub const OUTBOUND_BYTES_MAX: usize = 64 * KIB;
/// How long a downstream may send nothing of a body, or take nothing of an answer.
pub const DOWNSTREAM_STALL: Duration = Duration::from_secs(60);
/// How long a closed connection is read on, so that the answer to a refused request arrives.
pub const LINGER: Duration = Duration::from_secs(2);
/// Between two lines of the log that say that newcomers are closed.
pub const CONNECTIONS_WARN_PAUSE: Duration = Duration::from_secs(10);
/// How long an accept that failed is waited for: out of descriptors, others have to close first.
pub const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// For the whole body of a publish, which is small.
pub const PUBLISH_TIMEOUT: Duration = Duration::from_secs(30);
/// Connections that the kernel may hold before they are accepted.
pub const BACKLOG: u32 = 4096;

/// Idle connections to the upstream that are kept for the next request.
pub const UPSTREAM_IDLE_MAX: usize = 256;
/// How long one of them is kept. Node closes its own after 5 s; a request that meets that
/// close fails, and a write is never repeated.
pub const UPSTREAM_IDLE_TIMEOUT: Duration = Duration::from_secs(4);
/// Addresses of the upstream that one request tries.
pub const CONNECT_TRIES_MAX: usize = 4;
/// How old the upstream's addresses may be before its name is looked up again.
pub const RESOLVED_FOR: Duration = Duration::from_secs(30);

/// Descriptors that streams leave to the API, two for each connection; of few, half.
pub const DESCRIPTORS_KEPT: usize = 1024;
/// Descriptors that are neither a stream's nor a connection's: files, the admin address, questions
/// of the sidecar's own. Of few, an eighth.
pub const DESCRIPTORS_OTHERS: usize = 256;
/// How long newcomers are closed at once after none was found that waits: to look at each of 10,000
/// connections takes a part of a millisecond.
pub const CONNECTIONS_LOOK_PAUSE: Duration = Duration::from_millis(10);
/// How long a connection to the admin address may be idle: others may be waiting for its place.
pub const ADMIN_IDLE_TIMEOUT: Duration = Duration::from_secs(3);
/// Bytes of what a client may call its request: a UUID or a trace's id is half of it.
pub const REQUEST_ID_BYTES_MAX: usize = 128;
/// Bytes of a target: what pingora can hold.
pub const TARGET_BYTES_MAX: usize = 65_534;
/// Connections that the admin address serves at once.
pub const ADMIN_CONNECTIONS_MAX: usize = 64;

/// Bytes of a filter that a subscriber sends: it is asked once for each event that its sender may hear.
pub const FILTER_BYTES: usize = KIB;
/// Bytes of the fields that a subscriber asks for: each record is looked through for them.
pub const FIELDS_BYTES_MAX: usize = KIB;
/// Names in it.
pub const FIELDS_MAX: usize = 64;
/// Parts of one of those names: a record is looked through by recursion.
pub const FIELDS_DEPTH: usize = 16;
/// Seconds after which a write that was refused may be tried again.
pub const RETRY_AFTER_SECS: u32 = 1;
/// Events of a log in files that are held in memory too: those who are a little behind need no file.
pub const RECENT_EVENTS: usize = 10_000;
/// Bytes of those events.
pub const RECENT_BYTES: usize = 16 * MIB;
/// Records that the log's writer takes at a time.
pub const WRITE_RECORDS_MAX: usize = 4096;
/// Writes of the log that may wait for one sync; the writer waits then.
pub const SYNCS_AHEAD: usize = 64;
/// Between two looks of the log's keeper at what waits for the files.
pub const LOG_CHECK: Duration = Duration::from_millis(50);
/// Before a log that failed is begun anew.
pub const LOG_RECOVERY_PAUSE: Duration = Duration::from_millis(500);
/// The same, for one that fails again and again.
pub const LOG_RECOVERY_PAUSE_MAX: Duration = Duration::from_secs(30);
/// Between two looks at the age of the log's files.
pub const LOG_TRIM_INTERVAL: Duration = Duration::from_secs(10);
/// Events that are read from the log's files at a time.
pub const READ_EVENTS: usize = 256;
/// Bytes of events that are read from the log's files at a time; a larger event is read alone.
pub const READ_BYTES: usize = 256 * KIB;
/// Pieces of the past that are read from files at once, for all who come back.
pub const READS_MAX: usize = 2;
/// Pieces of the past that are kept for others who come back from about there.
pub const PIECES_KEPT: usize = 32;
/// Bytes of those pieces; one piece is kept however large it is.
pub const PIECES_KEPT_BYTES: usize = 8 * MIB;

/// Subscribers on their way from the front to the engine. One more waits in its own task.
pub const JOINING_MAX: usize = 1024;
/// Events that the engine takes from the log at a time, before it looks at anything else.
pub const BATCH_EVENTS: usize = 256;
/// Bytes of events that are joined into one write; a larger event goes alone.
pub const BATCH_BYTES: usize = 64 * KIB;
/// Newcomers, and sockets that have something to tell, that the engine looks at before it
/// delivers again.
pub const STREAMS_A_TURN: usize = 256;
/// Encoded frames kept for those who are a little behind, so that a replay to many encodes once.
pub const FRAMES_KEPT: usize = 1024;
/// Bytes of those frames.
pub const FRAMES_KEPT_BYTES: usize = 4 * MIB;
/// Bytes that the kernel holds unsent for one stream whose peer takes none. Not the size of its
/// send buffer: one that is small beside the segments of a fast link waits for acknowledgements.
pub const STREAM_UNSENT_BYTES: u32 = 64 * 1024;
/// A stream that takes no byte for this long is closed; it can resume from its last id.
pub const STREAM_STALL: Duration = Duration::from_secs(30);

/// Parts of [`Keep::bytes`] that a segment of the log's files has: so much of the past is let go at once.
pub const SEGMENT_PARTS: usize = 8;
/// Bytes of a segment before another is begun. Below it, files are many for what they hold;
/// above it, a start reads long, since it reads the last segment whole.
pub const SEGMENT_BYTES: RangeInclusive<usize> = 64 * KIB..=64 * MIB;
/// Bytes of one record's body in a segment. The largest is a bulk of [`BULK_RECORDS`] whose body
/// and whose target, once for each record, are as large as may be: 128 MiB.
pub const RECORD_BODY_BYTES_MAX: usize = 256 * MIB;
/// Bytes of records that are encoded before they are written: the writer keeps so much memory.
pub const SEGMENT_WRITE_BYTES: usize = 4 * MIB;
/// Bytes of a segment that are read at a time, unless one record is larger.
pub const SEGMENT_READ_BYTES: usize = 64 * KIB;
/// Bytes of a segment between two places that are known: a read skips so many at most, and a
/// full segment of 64 MiB has 1024 places of 16 bytes.
pub const SEGMENT_POINT_BYTES: u64 = 64 * 1024;

/// Bytes in a kibibyte.
pub const KIB: usize = 1024;
/// Bytes in a mebibyte.
pub const MIB: usize = 1024 * KIB;
/// Bytes.
pub const GIB: usize = 1024 * MIB;

/// Records that the demo's database holds: its page lists them all.
pub const DEMO_RECORDS_MAX: usize = 1000;
/// Bytes of a request's body that the demo's database reads: a todo is a line or two. Its message says 16 KiB.
pub const DEMO_BODY_BYTES_MAX: usize = 16 * KIB;
/// Connections that the demo's database serves at once: the sidecar's, and somebody's curl.
pub const DEMO_CONNECTIONS_MAX: usize = 256;
/// What may be chosen for `observe.remember`, beside 0, which is nothing.
pub const REMEMBER: RangeInclusive<usize> = 0..=64 * 1024 * MIB;
/// Bytes of a record that is remembered, about: room is made for as many at first.
pub const KNOWN_RECORD_BYTES: usize = KIB;
/// Collections of which nothing is known any more while there are records of others.
pub const KNOWN_STALE_MAX: usize = 1024;

/// Bytes of a rule: what a client may send as a filter, and a few screens of an operator's text.
pub const RULE_BYTES_MAX: usize = 4 * KIB;
/// Comparisons of a rule: each may look at a whole record.
pub const RULE_COMPARISONS_MAX: usize = 200;
/// Parentheses and functions of a rule within one another: it is read and asked by recursion.
pub const RULE_DEPTH: usize = 16;
/// Modifiers of a rule's `strftime`: as many as PocketBase takes.
pub const RULE_STRFTIME_MODIFIERS_MAX: usize = 8;
/// Characters of a rule that an error about it shows.
pub const RULE_FOUND_CHARS: usize = 12;
/// Members at the top of a record that rules are asked about: they are listed once for all
/// rules. Rules are not decided about a record of more.
pub const RULE_RECORD_MEMBERS_MAX: usize = 4096;
/// Elements of a record's array that a comparison looks at, each with those of the other side.
/// A comparison with more is not decided.
pub const RULE_ELEMENTS_MAX: usize = 256;
/// Elements of a claim's array: a specialized rule has a comparison for each. A comparison
/// with more fails.
pub const RULE_CLAIM_ELEMENTS_MAX: usize = 64;
/// Bytes of a claim that is compared: a specialized rule has it once for each place of the rule
/// that names it. A comparison with a longer one fails.
pub const RULE_CLAIM_BYTES_MAX: usize = 4 * KIB;
/// Characters between two `%` of a pattern with a `_` among them: they are tried at each
/// character of a text. A comparison with more is not decided.
pub const RULE_HOLES_CHARS_MAX: usize = 64;

/// How long `tidings tail` waits before it comes back, until the server says how long.
pub const TAIL_RETRY: Duration = Duration::from_secs(3);
/// The shortest that it waits, whatever the server says.
pub const TAIL_RETRY_MIN: Duration = Duration::from_millis(500);
/// The longest that it waits, whatever the server says.
pub const TAIL_RETRY_MAX: Duration = Duration::from_hours(1);
/// Of a wait such a part is added at most, by chance.
pub const TAIL_SPREAD_PARTS: u32 = 4;
/// How long a stream that is followed may be silent: ours is for [`SILENCE_MAX`] at most. So long is
/// also the longest wait after many in vain, unless the server wants more.
pub const TAIL_SILENCE: Duration = Duration::from_secs(45);
/// How long it may take to connect.
pub const TAIL_CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long the head of an answer may take, or the whole of a refusal.
pub const TAIL_ANSWER_TIMEOUT: Duration = Duration::from_secs(30);
/// Bytes of a refusal that are read: its message is in a line.
pub const TAIL_REFUSAL_BYTES_MAX: usize = 64 * KIB;
/// Bytes of an event that is followed, its line included: a record of the largest body that is observed, and
/// what is said of it.
pub const TAIL_EVENT_BYTES_MAX: usize = 65 * MIB;

/// Bytes of what the admin address answers to `tidings healthcheck`.
pub const HEALTHCHECK_BYTES_MAX: usize = 64 * KIB;
/// What may be chosen for its `--timeout`.
pub const HEALTHCHECK_TIMEOUT: RangeInclusive<Duration> =
    Duration::from_millis(1)..=Duration::from_secs(60);
