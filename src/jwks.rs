//! The keys of tokens, fetched where `access.jwt.jwks` says.
//!
//! ```text
//!   start, reload, age, ──► fetch ── keys ──► Keyring ── differ? ──► the hub renews all grants
//!   a token's unknown key     │
//!                             └── none ──► those of before stay; tried again after a pause
//! ```
//! One task fetches, so however many requests wait for a document, it is fetched once. The
//! document is asked for with a GET that follows no redirect, and taken whole or not at all.

use std::error::Error;
use std::sync::Arc;

use arc_swap::ArcSwap;
use bytes::Bytes;
use http::header::{ACCEPT, ACCEPT_ENCODING};
use http::{Request, StatusCode, Uri};
use http_body_util::{BodyExt, Empty, Limited};
use hyper_rustls::HttpsConnectorBuilder;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::{Connect, HttpConnector};
use hyper_util::rt::TokioExecutor;
use parking_lot::Mutex;
use rustls::crypto::ring;
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep_until, timeout};
use tracing::{info, warn};

use crate::access::{KeySet, Keyring};
use crate::config::Snapshot;
use crate::limits::{JWKS_BYTES_MAX, JWKS_FRESH_FOR, JWKS_PAUSE, JWKS_TIMEOUT, JWKS_WAIT};
use crate::metrics::{Metrics, Success};
use crate::observe::Codings;

/// The handle by which keys are asked for. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Jwks(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    /// Told when the configuration changed, or a key is wanted that is not known. One permit is
    /// kept, so no call is missed.
    wake: Notify,
    last: Mutex<Last>,
    /// How many fetches have ended.
    ended: watch::Sender<u64>,
    metrics: Arc<Metrics>,
}

/// The last fetch.
#[derive(Debug, Default)]
struct Last {
    /// Whether it is under way.
    runs: bool,
    /// Whether a token has named a key that was not known since then.
    wanted: bool,
    /// When there may be another because somebody wants one; none: now.
    again: Option<Instant>,
}

/// Why there are no keys. Nothing of an answer but its status is in it.
#[derive(Debug, thiserror::Error)]
enum NoKeys {
    #[error("the address cannot be asked: {0}")]
    Ask(String),
    #[error("it answers {0}")]
    Status(StatusCode),
    #[error("it took longer than {JWKS_TIMEOUT:?}")]
    Timeout,
    #[error("it answers no JWKS document with a key that can be used")]
    Unusable,
}

impl Jwks {
    /// A handle to what [`Jwks::run`] does.
    #[must_use]
    pub fn new(metrics: Arc<Metrics>) -> Self {
        Self(Arc::new(Shared {
            wake: Notify::new(),
            last: Mutex::default(),
            ended: watch::Sender::new(0),
            metrics,
        }))
    }

    /// Waits until the keys were fetched, if they may be fetched now, and no longer than a
    /// request can wait.
    pub async fn refreshed(&self) {
        let mut ended = self.0.ended.subscribe();
        {
            let mut last = self.0.last.lock();
            let now = Instant::now();
            if !last.runs {
                if last.again.is_some_and(|again| again > now) {
                    return;
                }
                last.wanted = true;
                self.0.wake.notify_one();
            }
        }
        // In time or not, the keys of then decide.
        drop(timeout(JWKS_WAIT, ended.changed()).await);
    }

    /// Says that another configuration is in force.
    pub fn reloaded(&self) {
        self.0.wake.notify_one();
    }

    /// Fetches the keys of the configuration in force, and calls `changed` when they are others
    /// than before. Never ends; dropping the future ends it, and the keys stay as they are.
    pub async fn run(self, snapshot: Arc<ArcSwap<Snapshot>>, changed: impl Fn()) {
        let mut fetched: Option<(Arc<Keyring>, Instant)> = None;
        loop {
            let Some(keys) = remote(&snapshot) else {
                fetched = None;
                self.0.wake.notified().await;
                continue;
            };
            let due = match &fetched {
                Some((of, due)) if Arc::ptr_eq(of, &keys) => self.due(*due),
                _ => Instant::now(),
            };
            if due > Instant::now() {
                tokio::select! {
                    () = self.0.wake.notified() => {}
                    () = sleep_until(due) => {}
                }
                continue;
            }
            self.begin();
            let known = tokio::select! {
                known = renew(&keys, &changed) => {
                    self.0.metrics.jwks.inc(Success::of(known));
                    known
                }
                () = self.replaced(&keys, &snapshot) => false,
            };
            let wait = if known { JWKS_FRESH_FOR } else { JWKS_PAUSE };
            fetched = Some((keys, Instant::now() + wait));
            self.end();
        }
    }

    /// When the next fetch may begin, if nothing but age makes it necessary at `due`.
    fn due(&self, due: Instant) -> Instant {
        let last = self.0.last.lock();
        match last.again {
            Some(again) if last.wanted => due.min(again),
            _ => due,
        }
    }

    fn begin(&self) {
        let mut last = self.0.last.lock();
        last.runs = true;
        last.wanted = false;
    }

    fn end(&self) {
        let mut last = self.0.last.lock();
        last.runs = false;
        last.again = Some(Instant::now() + JWKS_PAUSE);
        drop(last);
        self.0
            .ended
            .send_modify(|ended| *ended = ended.wrapping_add(1));
    }

    /// Waits until these keys are not those of the configuration in force any more.
    async fn replaced(&self, keys: &Arc<Keyring>, snapshot: &ArcSwap<Snapshot>) {
        while remote(snapshot).is_some_and(|now| Arc::ptr_eq(&now, keys)) {
            self.0.wake.notified().await;
        }
    }
}

/// The keys of the configuration in force, if they are to be fetched.
fn remote(snapshot: &ArcSwap<Snapshot>) -> Option<Arc<Keyring>> {
    let snapshot = snapshot.load();
    let jwt = snapshot.access.jwt.as_ref()?;
    jwt.keys.url()?;
    Some(Arc::clone(&jwt.keys))
}

/// Fetches the keys; whether there was anything to take. What was known before stays otherwise.
async fn renew(keys: &Keyring, changed: &impl Fn()) -> bool {
    let Some(url) = keys.url() else {
        return false;
    };
    let fetched = match timeout(JWKS_TIMEOUT, fetch(url)).await {
        Ok(fetched) => fetched,
        Err(_elapsed) => Err(NoKeys::Timeout),
    };
    match fetched {
        Ok(set) => {
            let count = set.len();
            if keys.store(set) {
                info!(keys = count, "the keys of tokens were fetched");
                changed();
            }
            true
        }
        Err(error) => {
            let kept = keys.load().len();
            warn!(%error, kept, "the keys of tokens could not be fetched");
            false
        }
    }
}

async fn fetch(url: &Uri) -> Result<KeySet, NoKeys> {
    let document = if url.scheme_str() == Some("https") {
        // It reads the system's certificates from files.
        let made = tokio::task::spawn_blocking(|| {
            HttpsConnectorBuilder::new()
                .with_provider_and_native_roots(ring::default_provider())
                .map(|builder| builder.https_only().enable_http1().build())
        });
        let made = made.await.map_err(|error| asked_in_vain(&error))?;
        get(url, made.map_err(|error| asked_in_vain(&error))?).await
    } else {
        get(url, HttpConnector::new()).await
    }?;
    KeySet::jwks(&document).ok_or(NoKeys::Unusable)
}

/// The body of the answer, if it is a success. A redirect is none.
async fn get<C>(url: &Uri, connector: C) -> Result<Bytes, NoKeys>
where
    C: Connect + Clone + Send + Sync + 'static,
{
    let client = Client::builder(TokioExecutor::new()).build::<_, Empty<Bytes>>(connector);
    let request = Request::get(url)
        .header(ACCEPT, "application/jwk-set+json, application/json")
        .header(ACCEPT_ENCODING, "identity")
        .body(Empty::new())
        .map_err(|error| asked_in_vain(&error))?;
    let answer = client.request(request).await;
    let answer = answer.map_err(|error| asked_in_vain(&error))?;
    if answer.status() != StatusCode::OK {
        return Err(NoKeys::Status(answer.status()));
    }
    // Some code it whatever was asked for.
    let codings = Codings::of(answer.headers());
    let body = Limited::new(answer.into_body(), JWKS_BYTES_MAX)
        .collect()
        .await;
    let body = body.map_err(|error| asked_in_vain(&*error))?.to_bytes();
    let document = codings.decoded(&body, JWKS_BYTES_MAX);
    document.ok_or(NoKeys::Unusable)
}

/// The error, and what it comes from: what a client says first is that something was in vain.
fn asked_in_vain(error: &(dyn Error + 'static)) -> NoKeys {
    let mut causes = vec![error.to_string()];
    let mut source = error.source();
    while let Some(cause) = source {
        causes.push(cause.to_string());
        source = cause.source();
    }
    NoKeys::Ask(causes.join(": "))
}
