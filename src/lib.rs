//! Tidings: a reverse-proxy sidecar that adds realtime to any REST API.
//!
//! It stands before the API, passes everything through, observes the writes that succeed, and
//! tells whoever listens what changed, as Server-Sent Events. This page is the architecture;
//! what the program promises is in the README.
//!
//! # One picture, one direction
//!
//! ```text
//!  downstream                                                                downstream
//!  connection                                                                connection
//!     │ request head                                                              ▲ bytes
//!     ▼                                                                           │
//!   front ── realtime path ──────► dialect: request -> Command ──► hub ──► engine (sockets)
//!     │ gate                               ▲ Grant                           ▲   ▲ frames,
//!     │ everything else                    │                                 │   │ encoded once
//!     ▼                                  access                              │   └─ dialect:
//!   proxy (pingora) ──► upstream                                             │      Event -> Frame
//!     │ request + response, looked at, never delayed                         │
//!     ▼                                                                      │
//!   observe: exchange + rules ──► Kind ──► log (memory | files) ── published ┘
//! ```
//! Data never flows back. `observe` does not know that there are subscribers, `log` does not
//! know HTTP, a dialect cannot reach a socket.
//!
//! # The life of one write
//!
//! 1. [`front`] accepts a connection and reads a request's head; its gate refuses what can be
//!    read in two ways.
//! 2. The head's path is no dialect's, so the connection is lent to [`proxy`] for this one
//!    request, with the configuration that was in force at this moment.
//! 3. pingora serves it. The proxy's first filter asks [`observe`] whether the request is to be
//!    observed; if so, the loss of the downstream is hidden from pingora from here on.
//! 4. A log in files is told of the write before the upstream is: an intent. What a crash leaves
//!    of it becomes `uncertain` at the next start.
//! 5. Request and answer stream through; their pieces are kept by reference, up to a cap.
//! 6. With the answer's last piece in hand, before it is written, [`observe`] reads what
//!    happened: events, nothing, or `uncertain`.
//! 7. What lacks its record is completed with what is [`known`], or read from the upstream where a
//!    rule says so. [`log::Log::append`] gives them their places, and a ticket if the log does not
//!    hold them yet; the connection keeps the last piece back until it does. Whoever has the whole
//!    answer can rely on the event.
//! 8. The log publishes them: at once in memory, written at `process`, synced at `disk`, one
//!    sync for all that came meanwhile. The engine, one task that owns every stream, is woken,
//!    takes them, and finds by topic and by the record's fields the audiences that may hear them.
//!    [`access::Access::lets_hear`] has the last word for each. Where that is the upstream's to say,
//!    the stream keeps its place and waits; [`reads`] asks.
//! 9. A [`dialect::Form`] encodes each event once; the frames of a batch are joined once for
//!    each audience. Each member's socket takes the bytes. One that is full keeps the rest of the
//!    frame that was cut and its place in the log, and reads on from there when it can.
//! 10. The frame's `id` is that place. A client that comes back with it is served from the log:
//!     from memory, or from the files, a piece at a time, read once for all who want about the same.
//!
//! # Where to look
//!
//! | layer | module | one line |
//! | --- | --- | --- |
//! | 0 words | [`limits`] | every cap in one place, with units and reasons |
//! | | [`event`], [`topic`] | what happened, as values; names and patterns of subjects |
//! | 1 pure | [`sse`] | a frame to bytes |
//! | | `forwarded` | for whom a peer speaks, and what the upstream is told of it |
//! | | [`rule`] | an expression over a record and claims to a `Verdict` |
//! | | [`observe`] | a finished exchange and rules to events; presets are YAML beside it |
//! | | [`access`] | a credential, key, token or the upstream's own, to a `Grant` or `Denied`; who hears what |
//! | | [`dialect`] | request to `Command`, event to frame; RestDB's with its client, PocketBase's, plain |
//! | 2 state | [`metrics`] | what happens, counted, and how that is written |
//! | | [`log`] | append, read from a cursor, tell a gap; in memory or in files |
//! | | [`known`] | the last known records, for deletes |
//! | | [`hub`] | the streams; the engine writes to the sockets |
//! | 3 edges | [`config`] | YAML as written to a `Snapshot` that runs; the watch on its files |
//! | | `client` | a client of our own to the upstream |
//! | | [`jwks`] | the keys of tokens, fetched and kept |
//! | | [`identity`] | who somebody is, asked of the upstream |
//! | | [`reads`] | what somebody may read of a record, asked of the upstream |
//! | | `connection` | a downstream's socket, as pingora sees it: one request, exactly |
//! | | [`proxy`] | requests to the upstream and back, by pingora, observed on the way |
//! | | [`front`] | the accept loop, the gate, and who answers |
//! | | [`admin`] | health, readiness and metrics |
//! | 4 wiring | [`logging`], [`demo`] | the diagnostics; the demo's database |
//! | | [`memory`] | what the process may take by its configuration, and what there is |
//! | | [`tail`], [`healthcheck`] | a stream followed in a terminal; a sidecar asked how it is |
//! | | [`server`], [`cli`] | what is started, reloaded and drained; commands and exit codes |
//! | | `benching` | what the micro-benchmarks reach |
//! | | `fuzzing` | what has to hold of any bytes; in tests and for the fuzzer alone |
//!
//! # Words
//!
//! | word | what it is |
//! | --- | --- |
//! | event, cursor, epoch | what happened; its place in the log; one unbroken log |
//! | gap, uncertain | a past that is gone; a write whose outcome is not known |
//! | level, ticket, intent | how durable the log is; ready when it holds an append; a write under way |
//! | segment, record | a file of the log; what is in it whole or not at all |
//! | piece | what one read of the files brings |
//! | exchange, target | one request and its answer; what an observed one is about |
//! | turn, relay | one request as pingora serves it; what pingora asks on its way |
//! | token, claims, fault | a signed JWT; what it says; what is wrong with it |
//! | credential, grant, denied | what was presented; permission to hear; a refusal |
//! | question, answer, identity | what the upstream is asked of a credential, and says; whom it knows |
//! | read, shown | a record asked for as somebody; what of it they may see |
//! | batch, alias | a request that holds several; another name of a collection, in paths |
//! | coding, override | how a body is compressed; what a request says of its method besides |
//! | completion | how an event gets the record that the write did not tell |
//! | left | a record that somebody may see no more after a change |
//! | halt | where a stream goes no further until the upstream has answered |
//! | facts, verdict, need | what an expression is asked about; what it says; what it asks that is not decided |
//! | scope, fields | what is told at a path, and to whom; what of a record is told |
//! | template, word | names and data of an operator's own; what in one stands for a part of an event |
//! | stream, seat, newcomer | an open subscription; its place under the limit; one on its way in |
//! | audience | the streams of one grant: what they hear is matched and joined once |
//! | view, form | how a subscriber asked to see events; what that is as the configuration stands |
//! | interest, parts | what somebody hears of; of that, what an event concerns |
//! | client, submission | a stream with an id; what it is subscribed to from then on |
//! | leaving | an event at the moment in which it is asked who may hear it |
//! | keys | the equalities by which those are found of whom a rule may hold |
//! | stint | what the engine does in a row before the other tasks of its thread go on |
//! | beat | a ping or a heartbeat: what a stream has to take when there is no event |
//! | principal | who publishes: a key or a user, as a number |
//! | snapshot, terms | a compiled configuration; what of it counts for open streams |
//! | standing, figures | how the log or the hub stands, for health; the same in numbers |
//! | class, outcome, doubt | who answered a request; what became of a write; why that is not known |
//! | request id | by what a request is found in the logs of all who saw it |
//!
//! # Invariants
//!
//! The first three, the last and the size of files are held by a test.
//!
//! - Imports point up the table of modules only.
//! - pingora appears in `connection` and `proxy` alone. Its `Server` is not used: it sleeps a whole
//!   grace period and ends the process itself.
//! - Layers 0 and 1 read no clock, file, environment or randomness.
//! - Every queue, buffer and map is bounded by a name in `limits` or in the configuration.
//! - A request sees one `Snapshot` from start to end. No configuration file can stop a sidecar
//!   that runs.
//! - No `unsafe` code.
//!
//! # Why it is so
//!
//! - **Our own accept loop.** A stream inside a pingora filter costs 34 KB; handed to the
//!   engine it costs some hundred bytes. And only who owns the connection can hide that a
//!   client left, read heads strictly, and give pingora exactly one request at a time.
//! - **What the upstream is told of a request is written into its head**, as bytes and before pingora
//!   reads it, in place of what the client says by the same names. So there is one place that decides
//!   what goes on, and pingora's map of fields is filled once and not changed.
//! - **One task for all sockets.** A task for each stream costs twice the time for each
//!   delivery and more memory. A shard more is a change inside the hub, when a measurement asks.
//! - **A place in the log instead of a queue for each subscriber.** So there is no lock over log
//!   and subscribers: the log has one, the streams have one owner, and the place ties them. A slow subscriber costs the
//!   same as a fast one, replay and live are one mechanism, and there is no seam between them
//!   where an event could be lost or told twice.
//! - **The event is appended in the filter that sees the end of the answer**, which is
//!   synchronous; what waits for the log is the connection, which writes nothing more until the
//!   ticket is ready. So no request waits for a disk before its answer's end, and none for longer
//!   than `log.wait`.
//! - **Segments of our own and no embedded database.** What is promised is about damage: a
//!   torn tail is cut, a damaged middle is an exact gap, an intent costs a write and no sync. A
//!   store that is whole or refuses to open cannot say that. Checksums, locks and syncs are the
//!   libraries'.
//! - **Threads for files.** A write to a file may hang, and nothing can cancel it. Two threads
//!   write and sync, a third gives them up after `log.wait` and begins another epoch; the
//!   requests' own threads never touch a file.
//! - **After a failure events are told from memory**, at level `memory`, in an epoch of their own.
//!   Silence until the disk is well would be a loss that subscribers do not know of; a gap and
//!   then events is one that they do.
//! - **The upstream is asked by a client of our own, not through the proxy.** A question is no
//!   request of a downstream's: nothing observes it, and it has a connection to itself, since the
//!   answer about one must never be taken for another's. It is asked before the dialect decides,
//!   so that deciding stays one pure step; an open stream is asked about ahead of its end, so that
//!   the engine finds the answer there and never waits.
//! - **A stream that waits for the upstream is behind, as one whose socket is full.** It holds its
//!   place in the log and nothing else, so that order is kept without a queue; what follows is asked
//!   about at the same time. A delete cannot be asked about, so the last answer is kept for it.
//! - **Of what the upstream shows, the names count and the values do not.** A read may be younger than
//!   the event; what is told is the event's own record, less what is hidden.
//! - **Who cannot be asked about is sent away, not refused**: a browser that is refused gives up for
//!   good, and an API that is down for a moment would lose all who listen.
//! - **Audiences are filed by what a rule compares**, so that an event asks those whom its record
//!   names. What an index finds is asked all the same: it only has to miss nobody.
//! - **An event that nobody listens for wakes nobody.** While there is no stream the engine waits for
//!   newcomers, and goes to the end of the log when one comes.
//! - **A herd waits at the door.** Of those who come back at once a few are accepted between two turns
//!   of those who are served, and what they have missed is matched and joined once for all who are
//!   behind the same place. So the API's requests do not queue behind ten thousand streams.
//! - **Ignored paths are one regular expression**, which takes as long whatever is in it; each write
//!   asks it.
//! - **A failed or unknown outcome is `uncertain`, never silence**: a 5xx, a cut answer, a lost
//!   upstream. The upstream may have committed, and a subscriber can read again.

pub mod limits;

pub mod event;
pub mod topic;

pub mod access;
pub mod dialect;
mod forwarded;
pub mod observe;
pub mod rule;
pub mod sse;

pub mod hub;
pub mod known;
pub mod log;
pub mod metrics;

pub mod admin;
mod client;
pub mod config;
mod connection;
pub mod front;
pub mod identity;
pub mod jwks;
pub mod proxy;
pub mod reads;

#[doc(hidden)]
pub mod benching;
pub mod cli;
pub mod demo;
#[cfg(any(fuzzing, test))]
pub mod fuzzing;
pub mod healthcheck;
pub mod logging;
pub mod memory;
pub mod server;
pub mod tail;

#[cfg(test)]
#[path = "../tests/keys/mod.rs"]
mod test_keys;
