//! Who listens to the log, and what writes to their sockets.
//!
//! ```text
//!   append ──► Log ──► Engine (one task) ──► sockets
//!                        ▲
//!   listen ──► queue ────┘
//! ```
//! [`Hub`] is the handle that everybody shares: it hands sockets over, and never waits for a
//! subscriber. The [`Engine`] is one task that owns every stream; nobody else touches a
//! stream's socket. It is woken when the log has grown, and what a subscriber has not been sent
//! yet is read from the log by its place in it. So no queue exists for each subscriber, a slow
//! one holds nothing but its place, and no event can fall between a replay and what follows it.

mod audience;
mod beats;
pub(crate) mod benching;
mod clients;
mod engine;
mod frames;
mod index;
mod seats;
mod stint;
mod stream;

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arc_swap::ArcSwap;
use bytes::Bytes;
use jiff::Timestamp;
use tokio::net::TcpStream;
use tokio::sync::{Notify, mpsc, oneshot};

pub use clients::Client;
pub use engine::Engine;
pub use seats::{Seat, SeatsMax};

use crate::access::{Access, Denied, Grant};
use crate::dialect::pocketbase::{self, Denial};
use crate::dialect::{Form, Realtime, View};
use crate::event::{Cursor, Since};
use crate::limits::{JOINING_MAX, RETRY_SPREAD_AT_END};
use crate::log::Log;
use crate::metrics::{Dialect, Metrics};
use crate::sse;
use clients::Submitting;
use seats::Seats;

/// The shared handle: open streams, end them all. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Hub(Arc<Shared>);

/// What of the configuration counts for the streams that are open.
#[derive(Clone, Debug)]
pub struct Terms {
    /// Who may hear what.
    pub access: Arc<Access>,
    /// Which dialects are spoken, and how; the streams of one that is not end.
    pub realtime: Arc<Realtime>,
    /// Streams open at once.
    pub seats_max: SeatsMax,
    /// Bytes of what all clients are subscribed to.
    pub subscription_bytes_max: usize,
}

/// A subscriber on its way into the engine.
#[derive(Debug)]
pub struct Joining {
    /// The subscriber's connection; the engine owns it from now on.
    pub socket: TcpStream,
    /// What goes out first: the head of the answer.
    pub head: Bytes,
    /// What may be heard.
    pub grant: Grant,
    /// From where.
    pub since: Since,
    /// The place of the newest event when it came: what is past for one that asks for now.
    pub tail: Cursor,
    /// How events look to it.
    pub view: View,
    /// By what it is known when it is subscribed to something else; none: it never is.
    pub client: Option<Client>,
    /// Its place under [`Terms::seats_max`].
    pub seat: Seat,
    /// By what its request is found in the diagnostics.
    pub request_id: Box<str>,
}

/// What health tells of the hub.
#[derive(Clone, Copy, Debug)]
pub struct Standing {
    /// Whether there is an engine to serve streams: it ends when it is drained, or by a fault.
    pub serves: bool,
    /// Streams that are open.
    pub streams: usize,
    /// Streams that may be.
    pub streams_max: usize,
}

/// What the handles and the engine share.
#[derive(Debug)]
struct Shared {
    /// What is heard. Within an epoch its tail never goes back.
    log: Log,
    /// What counts now. Swapped before `wake` is told, and read by the engine after it has
    /// taken events from the log: an event appended after a reload leaves under that reload.
    terms: ArcSwap<Terms>,
    /// Sockets on their way to the engine; bounded, so a flood of them waits in its own tasks.
    joining: mpsc::Sender<Joining>,
    /// Submissions on their way to the engine; bounded as well.
    submitting: mpsc::Sender<Submitting>,
    /// Told whenever the engine has something to do besides what the log tells. One permit is kept, so
    /// no call is missed.
    wake: Arc<Notify>,
    /// Told when the upstream is to be asked about a record: by the engine.
    asked: Notify,
    seats: Arc<Seats>,
    /// Set once, by `drain`; the engine then ends every stream, and returns.
    draining: AtomicBool,
    /// Where streams are counted.
    metrics: Arc<Metrics>,
}

impl Terms {
    /// The grant that the holder of `old` has under these terms, and how it sees events.
    fn renew(&self, old: &Grant, view: &View, now: Timestamp) -> Result<(Grant, Form), Denied> {
        self.realtime.renew(old, view, &self.access, now)
    }
}

impl Hub {
    /// A hub before `log`, and the engine that has to run for anybody to hear.
    #[must_use]
    pub fn new(log: Log, terms: Terms, metrics: Arc<Metrics>) -> (Self, Engine) {
        let (sender, receiver) = mpsc::channel(JOINING_MAX);
        let (submitting, submitted) = mpsc::channel(JOINING_MAX);
        let shared = Arc::new(Shared {
            wake: Arc::default(),
            log,
            terms: ArcSwap::from_pointee(terms),
            joining: sender,
            submitting,
            asked: Notify::new(),
            seats: Arc::default(),
            draining: AtomicBool::new(false),
            metrics,
        });
        let engine = Engine::new(Arc::clone(&shared), receiver, submitted);
        (Self(shared), engine)
    }

    /// A seat for one more stream of what is granted, from that address if it counts; none when
    /// all that there may be are taken, or streams are being ended.
    #[must_use]
    pub fn seat(&self, grant: &Grant, address: Option<IpAddr>) -> Option<Seat> {
        if self.0.draining.load(Ordering::Relaxed) {
            return None;
        }
        let max = self.0.terms.load().seats_max;
        self.0.seats.take(grant.principal(), address, max)
    }

    /// Hands a subscriber to the engine. Waits only while very many come at once.
    pub async fn listen(&self, joining: Joining) {
        // The engine has ended: the socket closes with what is dropped here, as its others did.
        if self.0.joining.send(joining).await.is_ok() {
            self.0.wake.notify_one();
        }
    }

    /// Subscribes a client to what is in the view, from there, instead of what it heard before.
    /// Waits until it is.
    ///
    /// # Errors
    /// [`Denial`]: nothing has changed.
    pub async fn submit(
        &self,
        client: Client,
        grant: Grant,
        view: pocketbase::View,
        since: Vec<Since>,
    ) -> Result<(), Denial> {
        let (reply, done) = oneshot::channel();
        let submitting = Submitting {
            client,
            grant,
            view,
            since,
            reply,
        };
        // Where there is no engine there is no stream either.
        if self.0.submitting.send(submitting).await.is_err() {
            return Err(Denial::Unknown);
        }
        self.0.wake.notify_one();
        done.await.unwrap_or(Err(Denial::Unknown))
    }

    /// Lets other terms count, on open streams too, from the next event on.
    pub fn reload(&self, terms: Terms) {
        self.0.terms.store(Arc::new(terms));
        self.0.wake.notify_one();
    }

    /// Decides anew what every stream may hear: the keys of tokens are others.
    pub fn renew(&self) {
        // Whoever lets other terms count meanwhile wins.
        self.0.terms.rcu(|terms| Arc::new(Terms::clone(terms)));
        self.0.wake.notify_one();
    }

    /// Waits until there is something to ask the upstream about a record.
    pub async fn asked(&self) {
        self.0.asked.notified().await;
    }

    /// Lets those go on who wait for what the upstream says of a record.
    pub fn shown(&self) {
        self.0.wake.notify_one();
    }

    /// Ends every stream with a jittered `retry`; the engine returns when they are gone.
    pub fn drain(&self) {
        self.0.draining.store(true, Ordering::Relaxed);
        self.0.wake.notify_one();
    }

    /// How many streams are open.
    #[must_use]
    pub fn streams(&self) -> usize {
        self.0.seats.taken()
    }

    /// How the hub stands.
    #[must_use]
    pub fn standing(&self) -> Standing {
        Standing {
            serves: !self.0.joining.is_closed(),
            streams: self.0.seats.taken(),
            streams_max: self.0.terms.load().seats_max.all,
        }
    }
}

/// As what a stream of that form is counted.
fn dialect_of(form: &Form) -> Dialect {
    match form {
        Form::Plain(_) => Dialect::Plain,
        Form::Pocketbase(_) => Dialect::Pocketbase,
        Form::Restdb(_) => Dialect::Restdb,
    }
}

/// The whole stream of a subscriber for whom there is no seat: when to come back.
#[must_use]
pub fn come_back_later() -> Bytes {
    sse::retry(engine::jittered(RETRY_SPREAD_AT_END))
}
