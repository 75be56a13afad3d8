//! The sidecar as a whole: what is started, what a reload reaches, how it all ends.
//!
//! ```text
//!   configuration ──► ports bound ──► engine, listener, admin, watch ──► signal ──► drain
//! ```
//! The configuration is read before a port is bound, and every port is bound before anything
//! is served. A drain takes no new request, ends the streams, waits for the requests in
//! flight, and takes no longer than its grace.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use jiff::Timestamp;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;
use tracing::{info, warn};

use crate::admin::Admin;
use crate::config::{Snapshot, Watch};
use crate::event::Epoch;
use crate::front::{self, Connections, Front, Listener, Publishers};
use crate::hub::{Hub, SeatsMax, Terms};
use crate::identity::Identities;
use crate::jwks::Jwks;
use crate::known::Known;
use crate::limits::DESCRIPTORS_KEPT;
use crate::log::{self, Log, OpenError};
use crate::logging;
use crate::memory::{Machine, Memory};
use crate::metrics::Metrics;
use crate::proxy::Proxy;
use crate::reads::Reader;

/// Why the sidecar could not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// `listen` or `admin` could not be bound.
    #[error("{key}: {address} cannot be bound: {error}")]
    Bind {
        /// The key of the configuration.
        key: &'static str,
        /// What it says.
        address: SocketAddr,
        /// What the system says.
        error: io::Error,
    },
    /// The log cannot be kept as `log` says.
    #[error("log.dir: {0}")]
    Log(#[from] OpenError),
    /// The system refused to tell of signals.
    #[error("signals cannot be heard: {0}")]
    Signal(io::Error),
}

/// Serves by `snapshot`, and by what its files become, until a signal ends it.
///
/// # Errors
/// [`StartError`]: nothing was served.
pub async fn run(
    snapshot: Arc<Snapshot>,
    files: Option<Watch>,
    logging: logging::Handle,
    signals: Signals,
) -> Result<(), StartError> {
    let Signals { mut ends, hangup } = signals;
    let metrics = Arc::new(Metrics::new(Timestamp::now()));
    let descriptors = descriptors();
    let affordable = streams_affordable(descriptors, snapshot.limits.streams);
    weigh(&snapshot);
    let (listener, admin) = bind(&snapshot).await?;

    let log = open_log(&snapshot)?;
    let terms = terms(&snapshot, affordable);
    let (hub, engine) = Hub::new(log.clone(), terms, Arc::clone(&metrics));
    let engine = tokio::spawn(engine.run());
    let upstream = snapshot.upstream.authority();
    let level = log.holds().as_str();
    info!(listen = %snapshot.listen, upstream, cursor = %log.tail(), level, "serving");
    let snapshot = Arc::new(ArcSwap::new(snapshot));

    let (drain, draining) = watch::channel(false);
    let (serving, mut served) = mpsc::channel(1);
    let known = Arc::new(Known::new(snapshot.load().observe.remember_bytes));
    let jwks = fetch_keys(&snapshot, &hub, &metrics);
    let identities = ask_again(&snapshot, &metrics);
    read_records(&snapshot, &log, &hub, &metrics);
    let front = Arc::new(Front {
        snapshot: Arc::clone(&snapshot),
        hub: hub.clone(),
        log: log.clone(),
        jwks: jwks.clone(),
        identities,
        proxy: Proxy::new(log.clone(), Arc::clone(&known), Arc::clone(&metrics)),
        connections: Arc::new(Connections::default()),
        descriptors,
        publishers: Publishers::default(),
        metrics: Arc::clone(&metrics),
        draining: draining.clone(),
    });
    // Ends when it drains; it holds the only `serving` that is not a connection's.
    tokio::spawn(listener.run(front, serving));
    if let Some(listener) = admin {
        let admin = Admin {
            snapshot: Arc::clone(&snapshot),
            hub: hub.clone(),
            log: log.clone(),
            metrics: Arc::clone(&metrics),
            draining,
        };
        // Ends with the runtime: health is told to the last moment.
        tokio::spawn(admin.run(listener));
    }
    if let Some(files) = files {
        let reload = Reload {
            snapshot: Arc::clone(&snapshot),
            hub: hub.clone(),
            log: log.clone(),
            known,
            logging,
            jwks,
            affordable,
            metrics,
        };
        watch_files(files, hangup, reload);
    }

    ends.heard().await;
    info!(grace = ?snapshot.load().drain, "draining");
    drain.send_replace(true);
    hub.drain();
    let ended = async {
        // Closes when the last connection's task has ended.
        while served.recv().await.is_some() {}
        drop(engine.await);
    };
    drained(ended, snapshot.load().drain, &mut ends).await;
    close_log(log, snapshot.load().log.wait).await;
    Ok(())
}

/// Waits until everything has `ended`, for as long as the grace is or until somebody insists.
async fn drained(ended: impl Future<Output = ()>, grace: Duration, ends: &mut Ends) {
    tokio::select! {
        ended = timeout(grace, ended) => match ended {
            Ok(()) => info!("drained"),
            Err(_elapsed) => warn!("the grace is over: requests in flight are broken off"),
        },
        () = ends.heard() => warn!("told twice to stop: requests in flight are broken off"),
    }
}

/// Opens the log where the configuration says. Blocks: nothing is served yet.
fn open_log(snapshot: &Snapshot) -> Result<Log, StartError> {
    let epoch = Epoch::new(rand::random());
    let terms = log_terms(snapshot);
    match &snapshot.log.dir {
        None => Ok(Log::in_memory(epoch, terms)),
        Some(directory) => Ok(Log::open(directory, snapshot.log.level, epoch, terms)?),
    }
}

/// Closes the log in order: what survives then has no gap, whatever becomes of the machine.
async fn close_log(log: Log, wait: Duration) {
    let closed = tokio::task::spawn_blocking(move || log.close(wait)).await;
    if !closed.is_ok_and(|closed| closed) {
        warn!("the log was not closed in order: the next start will say what is missing");
    }
}

/// Binds every address before anything is served.
async fn bind(snapshot: &Snapshot) -> Result<(Listener, Option<TcpListener>), StartError> {
    let listener = front::bind(snapshot.listen).map_err(|error| StartError::Bind {
        key: "listen",
        address: snapshot.listen,
        error,
    })?;
    let admin = match snapshot.admin {
        None => None,
        Some(address) => {
            let bound = TcpListener::bind(address).await;
            Some(bound.map_err(|error| StartError::Bind {
                key: "admin",
                address,
                error,
            })?)
        }
    };
    Ok((listener, admin))
}

/// Reads the configuration again whenever it changed, and at each SIGHUP. Ends with the runtime.
fn watch_files(files: Watch, mut hangups: Signal, reload: Reload) {
    let prompt = files.prompt();
    tokio::spawn(async move {
        while hangups.recv().await.is_some() {
            prompt.request();
        }
    });
    let metrics = Arc::clone(&reload.metrics);
    tokio::spawn(files.run(metrics, move |snapshot| reload.apply(snapshot)));
}

/// Fetches the keys of tokens, and lets them count for the streams. Ends with the runtime.
fn fetch_keys(snapshot: &Arc<ArcSwap<Snapshot>>, hub: &Hub, metrics: &Arc<Metrics>) -> Jwks {
    let (jwks, hub) = (Jwks::new(Arc::clone(metrics)), hub.clone());
    let renew = move || hub.renew();
    tokio::spawn(jwks.clone().run(Arc::clone(snapshot), renew));
    jwks
}

/// Asks the upstream again about those who have streams. Ends with the runtime.
fn ask_again(snapshot: &Arc<ArcSwap<Snapshot>>, metrics: &Arc<Metrics>) -> Identities {
    let identities = Identities::new(Arc::clone(metrics));
    tokio::spawn(identities.clone().run(Arc::clone(snapshot)));
    identities
}

/// Asks the upstream what it shows to whom, for the streams that wait for it. Ends with the runtime.
fn read_records(snapshot: &Arc<ArcSwap<Snapshot>>, log: &Log, hub: &Hub, metrics: &Arc<Metrics>) {
    let reader = Reader::new(Arc::clone(snapshot), log.clone(), Arc::clone(metrics));
    tokio::spawn(reader.run(hub.clone()));
}

/// What a changed configuration reaches.
struct Reload {
    snapshot: Arc<ArcSwap<Snapshot>>,
    hub: Hub,
    log: Log,
    known: Arc<Known>,
    logging: logging::Handle,
    jwks: Jwks,
    /// Streams that the process has descriptors for.
    affordable: usize,
    metrics: Arc<Metrics>,
}

/// The signals that the process answers to. Made first of all: one that comes before somebody
/// listens for it ends the process.
#[derive(Debug)]
pub struct Signals {
    ends: Ends,
    hangup: Signal,
}

/// Those that end it.
#[derive(Debug)]
struct Ends {
    interrupt: Signal,
    terminate: Signal,
}

impl Reload {
    fn apply(&self, snapshot: Arc<Snapshot>) {
        self.logging.change(snapshot.logging);
        // The requests that begin from here on see the new one; the streams as well.
        let terms = terms(&snapshot, self.affordable);
        self.hub.reload(terms);
        self.log.set_terms(log_terms(&snapshot));
        self.known.resize(snapshot.observe.remember_bytes);
        weigh(&snapshot);
        let generation = snapshot.generation;
        self.snapshot.store(snapshot);
        self.jwks.reloaded();
        info!(generation, "configuration reloaded");
    }
}

impl Signals {
    /// Listens from now on.
    ///
    /// # Errors
    /// [`StartError::Signal`]: the system refused.
    pub fn new() -> Result<Self, StartError> {
        let listen = |kind| signal(kind).map_err(StartError::Signal);
        Ok(Self {
            ends: Ends {
                interrupt: listen(SignalKind::interrupt())?,
                terminate: listen(SignalKind::terminate())?,
            },
            hangup: listen(SignalKind::hangup())?,
        })
    }
}

impl Ends {
    async fn heard(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

fn terms(snapshot: &Snapshot, affordable: usize) -> Terms {
    let limits = &snapshot.limits;
    Terms {
        access: Arc::clone(&snapshot.access),
        realtime: Arc::clone(&snapshot.realtime),
        seats_max: SeatsMax {
            all: limits.streams.min(affordable),
            of_each: limits.streams_per_key,
            from_each: limits.streams_per_address,
        },
        subscription_bytes_max: limits.subscription_bytes,
    }
}

fn log_terms(snapshot: &Snapshot) -> log::Terms {
    log::Terms {
        keep: snapshot.log.keep.clone(),
        wait: snapshot.log.wait,
        on_failure: snapshot.log.on_failure,
    }
}

/// Says where the memory that there is does not suffice for what may become of the configuration.
fn weigh(snapshot: &Snapshot) {
    let machine = Machine::read();
    Memory::of(snapshot, machine.threads).warn(&machine);
}

/// Lets the process open as many sockets as it may: the usual soft limit is 1024. The answer is
/// how many that are.
fn descriptors() -> usize {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        ..limit
    };
    if let Err(error) = setrlimit(Resource::Nofile, raised) {
        warn!(%error, "the limit of open files could not be raised");
    }
    let may = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    usize::try_from(may).unwrap_or(usize::MAX)
}

/// How many streams there may be of so many descriptors, so that some are always left for the API;
/// it is told where that is fewer than are `wanted`.
fn streams_affordable(descriptors: usize, wanted: usize) -> usize {
    let affordable = descriptors - DESCRIPTORS_KEPT.min(descriptors / 2);
    if affordable < wanted {
        let streams = wanted;
        warn!(
            streams,
            affordable, "so few files may be open that limits.streams cannot be reached"
        );
    }
    affordable
}
