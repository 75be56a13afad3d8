//! The terms, one for each bound of the program.

use super::{Term, When};
use crate::config::Snapshot;
use crate::limits::{
    BATCH_BYTES, CLAIM_FACTOR, CODING_WINDOW_BYTES, CONNECTION_BUSY_BYTES, CONNECTION_BYTES,
    FILTER_BYTES, FILTER_FACTOR, FRAMES_KEPT_BYTES, HEAD_FACTOR, HOLDER_BYTES, IDENTITIES_KEPT,
    IDENTITY_BYTES_MAX, IDENTITY_CREDENTIAL_BYTES_MAX, IDENTITY_WAITING_MAX, JSON_NAME_BODY_BYTES,
    JSON_NAME_BYTES, JSON_NAMES_MAX, PIECES_KEPT_BYTES, POCKETBASE_BODY_BYTES_MAX, PROGRAM_BYTES,
    PUBLISH_FACTOR, QUESTION_BYTES, READ_BYTES_MAX, READING_FACTOR, READS_AT_ONCE,
    READS_KEPT_BYTES, READS_WAITING_MAX, RECENT_BYTES, SEGMENT_WRITE_BYTES, SOCKET_BYTES,
    SPARE_PARTS, STREAM_BYTES, STREAM_UNSENT_BYTES, SUBSCRIPTION_FACTOR, SUBSCRIPTION_FACTOR_MAX,
    THREAD_BYTES, TOKEN_BYTES_MAX, TOKENS_KEPT,
};

/// All of them, those at worst last.
pub(super) fn terms(snapshot: &Snapshot, threads: usize) -> Vec<Term> {
    let mut terms = vec![
        full("the program", None, (1, PROGRAM_BYTES)),
        full("threads", None, (threads, THREAD_BYTES)),
    ];
    terms.extend(of_streams(snapshot));
    terms.extend(of_connections(snapshot));
    terms.extend(of_bodies(snapshot, threads));
    terms.extend(kept(snapshot));
    // Stable: each keeps its place among its like.
    terms.sort_by_key(|term| term.when == When::Worst);
    terms.retain(|term| term.bytes() > 0);
    terms
}

/// Who listens.
fn of_streams(snapshot: &Snapshot) -> Vec<Term> {
    let (limits, access) = (&snapshot.limits, &snapshot.access);
    let (key, streams) = (Some("limits.streams"), limits.streams);
    let mut terms = vec![
        full("streams", key, (streams, STREAM_BYTES)),
        full("their sockets, in the kernel", key, (streams, SOCKET_BYTES)),
        // What a stream is cut in is the rest of a batch, or of one large event, which is the same
        // for all who are cut in it.
        worst(
            "rests of streams that take nothing",
            key,
            (streams, BATCH_BYTES),
        ),
        worst(
            "as much in the kernel, for each of them",
            key,
            (
                streams,
                usize::try_from(STREAM_UNSENT_BYTES).unwrap_or(usize::MAX),
            ),
        ),
    ];
    let token = access.jwt.as_ref().map(|_| TOKEN_BYTES_MAX);
    let identity = access.identity.as_ref().map(|_| IDENTITY_BYTES_MAX);
    let claims = token.max(identity);
    if let Some(bytes) = claims {
        terms.push(full(
            "who listens by a token or a session",
            key,
            (streams, HOLDER_BYTES),
        ));
        let more = (CLAIM_FACTOR * bytes).saturating_sub(HOLDER_BYTES);
        terms.push(worst("claims as large as may be", key, (streams, more)));
    }
    if snapshot.realtime.restdb.is_some() || !snapshot.realtime.streams.is_empty() {
        let filter = FILTER_FACTOR * FILTER_BYTES;
        terms.push(worst("filters as large as may be", key, (streams, filter)));
    }
    if snapshot.realtime.pocketbase.is_some() {
        let (key, bytes) = (Some("limits.subscriptions"), limits.subscription_bytes);
        let more = SUBSCRIPTION_FACTOR_MAX - SUBSCRIPTION_FACTOR;
        terms.push(full(
            "what is subscribed to",
            key,
            (SUBSCRIPTION_FACTOR, bytes),
        ));
        terms.push(worst("the same, of filters alone", key, (more, bytes)));
    }
    terms
}

/// Who asks. Each connection has one to the upstream while it is served.
fn of_connections(snapshot: &Snapshot) -> Vec<Term> {
    let limits = &snapshot.limits;
    let (key, connections) = (Some("limits.connections"), limits.connections);
    let restdb = snapshot.realtime.restdb.as_ref();
    let publish = restdb.map_or(0, |options| options.publish_body_bytes);
    let pocketbase = snapshot.realtime.pocketbase.as_ref();
    let submission = pocketbase.map_or(0, |_| POCKETBASE_BODY_BYTES_MAX);
    let busy = CONNECTION_BUSY_BYTES.max(PUBLISH_FACTOR * publish.max(submission));
    let more = busy.saturating_sub(CONNECTION_BYTES);
    let heads = HEAD_FACTOR * limits.head_bytes;
    vec![
        full("connections", key, (connections, CONNECTION_BYTES)),
        full(
            "their sockets, in the kernel",
            key,
            (connections, 2 * SOCKET_BYTES),
        ),
        worst("answers that are not read", key, (connections, more)),
        worst(
            "heads as large as may be",
            Some("limits.head"),
            (connections, heads),
        ),
    ]
}

/// What is looked at of writes.
fn of_bodies(snapshot: &Snapshot, threads: usize) -> Vec<Term> {
    if snapshot.observe.rules.is_empty() {
        return Vec::new();
    }
    let limits = &snapshot.limits;
    let body = limits.observed_body_bytes;
    let names = (body / JSON_NAME_BODY_BYTES).min(JSON_NAMES_MAX) * JSON_NAME_BYTES;
    let reading = READING_FACTOR * body + names + CODING_WINDOW_BYTES;
    vec![
        worst(
            "bodies of writes under way",
            Some("limits.observed_bodies"),
            (1, limits.observed_bodies_bytes),
        ),
        worst(
            "bodies that threads read",
            Some("limits.observed_body"),
            (threads, reading),
        ),
    ]
}

/// What is kept for later.
fn kept(snapshot: &Snapshot) -> Vec<Term> {
    let (access, keep) = (&snapshot.access, &snapshot.log.keep);
    let (log, in_files) = match snapshot.log.dir {
        None => (keep.bytes, 0),
        Some(_) => (
            keep.bytes.min(RECENT_BYTES),
            SEGMENT_WRITE_BYTES + PIECES_KEPT_BYTES,
        ),
    };
    let remembered = match snapshot.observe.rules.is_empty() {
        true => 0,
        false => snapshot.observe.remember_bytes,
    };
    let tokens = access.jwt.as_ref().map_or(0, |_| TOKENS_KEPT);
    let session = IDENTITY_BYTES_MAX + IDENTITY_CREDENTIAL_BYTES_MAX;
    let (sessions, waiting) = match &access.identity {
        None => (0, 0),
        Some(_) => (IDENTITIES_KEPT, IDENTITY_WAITING_MAX),
    };
    let (shown, reads, questions) = match access.rules.asks_upstream() {
        false => (0, 0, 0),
        true => (READS_KEPT_BYTES, READS_AT_ONCE, READS_WAITING_MAX),
    };
    let (identity, rules) = (Some("access.identity"), Some("access.rules"));
    let texts = log + remembered + tokens * TOKEN_BYTES_MAX + sessions * session + shown;
    vec![
        full("the log", Some("log.keep.bytes"), (1, log)),
        full(
            "what its files are written and read by",
            None,
            (1, in_files),
        ),
        full("frames of late", None, (1, FRAMES_KEPT_BYTES)),
        full(
            "records for deletes",
            Some("observe.remember"),
            (1, remembered),
        ),
        full(
            "tokens of late",
            Some("access.jwt"),
            (tokens, TOKEN_BYTES_MAX),
        ),
        full("sessions of late", identity, (sessions, session)),
        full("what the API shows", rules, (1, shown)),
        full(
            "what the allocator needs for these",
            None,
            (1, texts / SPARE_PARTS),
        ),
        worst(
            "sessions that are asked about",
            identity,
            (waiting, session),
        ),
        worst(
            "records that are asked about",
            rules,
            (questions, QUESTION_BYTES),
        ),
        worst("answers about them", rules, (reads, READ_BYTES_MAX)),
    ]
}

fn full(what: &'static str, key: Option<&'static str>, (count, each): (usize, usize)) -> Term {
    Term {
        what,
        key,
        count,
        each,
        when: When::Full,
    }
}

fn worst(what: &'static str, key: Option<&'static str>, of: (usize, usize)) -> Term {
    Term {
        when: When::Worst,
        ..full(what, key, of)
    }
}
