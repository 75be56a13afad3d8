//! What somebody may read of a record, asked of the upstream where `rule: upstream` says.
//!
//! A question is a GET of the record, or of the list with nothing else in it, as whoever hears
//! would send it: with what they presented and nothing else of theirs. How a record is read
//! `observe` says.
//!
//! | the upstream answers | it means |
//! | --- | --- |
//! | 200 and the record, by itself or in the list | that of it may be heard |
//! | 200 without it, 401, 403, 404, a redirect | nothing |
//! | anything else, or nothing in time | nobody knows, and nothing is heard |

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use http::{Method, StatusCode};
use jiff::Timestamp;
use parking_lot::Mutex;
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout};
use tracing::warn;

use crate::access::{Asked, Reading};
use crate::client::{self, Client};
use crate::config::Snapshot;
use crate::event::Json;
use crate::hub::Hub;
use crate::limits::{IDENTITY_WARN_PAUSE, READ_BYTES_MAX, READ_TIMEOUT, READS_AT_ONCE};
use crate::log::Log;
use crate::metrics::{Metrics, Said};

/// Asks the upstream what it shows to whom.
#[derive(Debug)]
pub struct Reader {
    snapshot: Arc<ArcSwap<Snapshot>>,
    log: Log,
    metrics: Arc<Metrics>,
    client: Client,
    /// When it was last said that the upstream cannot be asked.
    warned: Mutex<Option<Instant>>,
}

/// Why nobody knows. Nothing of an answer but its status is in it.
#[derive(Debug, thiserror::Error)]
enum NoAnswer {
    #[error(transparent)]
    Ask(#[from] client::Failed),
    #[error("asking ended by a fault")]
    Fault,
    #[error("nothing in `observe` says how it is read")]
    Nowhere,
    #[error("it answers {0}")]
    Status(StatusCode),
    #[error("it took longer than {READ_TIMEOUT:?}")]
    Timeout,
}

impl Reader {
    /// One that has asked nothing yet.
    #[must_use]
    pub fn new(snapshot: Arc<ArcSwap<Snapshot>>, log: Log, metrics: Arc<Metrics>) -> Self {
        Self {
            snapshot,
            log,
            metrics,
            client: Client::default(),
            warned: Mutex::new(None),
        }
    }

    /// Asks what the streams of `hub` wait for. Never ends; dropping the future ends it, and nobody
    /// hears any more of what has to be asked about.
    pub async fn run(self, hub: Hub) {
        let reader = Arc::new(self);
        let turns = Arc::new(Semaphore::new(READS_AT_ONCE));
        let reads = Arc::clone(&reader.snapshot.load().access.reads);
        loop {
            let Ok(turn) = Arc::clone(&turns).acquire_owned().await else {
                return;
            };
            let Some(asked) = reads.take() else {
                hub.asked().await;
                continue;
            };
            let (reader, reads, hub) = (Arc::clone(&reader), Arc::clone(&reads), hub.clone());
            let asked = Arc::new(asked);
            // Ends by itself: a question has a deadline.
            tokio::spawn(async move {
                // What is known from here on is what the log has up to here.
                let upto = reader.log.tail();
                let waited = Timestamp::now().duration_since(asked.since);
                let waited = Duration::try_from(waited);
                let left = READ_TIMEOUT.saturating_sub(waited.unwrap_or_default());
                // In a task of its own: whatever becomes of it, who waits goes on.
                let asking = tokio::spawn({
                    let (reader, asked) = (Arc::clone(&reader), Arc::clone(&asked));
                    async move { timeout(left, reader.ask(&asked)).await }
                });
                let said = asking.await.map_or(Err(NoAnswer::Fault), |said| {
                    said.unwrap_or(Err(NoAnswer::Timeout))
                });
                let ended = &reader.metrics.records.ended;
                let record = match said {
                    Ok(record) => {
                        let shown = record.is_some();
                        ended.inc(if shown { Said::Yes } else { Said::No });
                        record
                    }
                    Err(error) => {
                        ended.inc(Said::Failed);
                        reader.warn(&error);
                        None
                    }
                };
                // From when it came, however long it took: it would be asked for ever otherwise.
                reads.keep(&asked, record.as_ref(), upto, Timestamp::now());
                drop(turn);
                hub.shown();
            });
        }
    }

    /// The record as the upstream shows it; none if it shows nothing.
    async fn ask(&self, asked: &Asked) -> Result<Option<Json>, NoAnswer> {
        let snapshot = self.snapshot.load_full();
        let read = &asked.read;
        let (rule, how) = snapshot.observe.read().ok_or(NoAnswer::Nowhere)?;
        let list = how.list.as_ref().filter(|_| read.reading == Reading::List);
        let target = list.unwrap_or(&how.record).of(&read.collection, &read.id);
        let Some(target) = target else {
            return Ok(None);
        };
        let target = match &read.expand {
            Some(relations) => how.expanding(target, relations),
            None => target,
        };
        let presented = asked.presented.as_deref();
        let request = client::request(&snapshot.upstream, &Method::GET, target, presented)?;
        let told = self
            .client
            .send(&snapshot.upstream, request, READ_BYTES_MAX);
        let told = told.await?;
        match told.status {
            StatusCode::OK if list.is_some() => Ok(rule.listed(how, &told.body, &read.id)),
            StatusCode::OK => Ok(rule.shown(&told.body, &read.id)),
            StatusCode::UNAUTHORIZED
            | StatusCode::FORBIDDEN
            | StatusCode::NOT_FOUND
            | StatusCode::GONE
            | StatusCode::NO_CONTENT => Ok(None),
            status if status.is_redirection() => Ok(None),
            status => Err(NoAnswer::Status(status)),
        }
    }

    fn warn(&self, error: &NoAnswer) {
        let now = Instant::now();
        let mut warned = self.warned.lock();
        if warned.is_none_or(|at| now.duration_since(at) >= IDENTITY_WARN_PAUSE) {
            *warned = Some(now);
            warn!(%error, "the API does not say who may hear of a record: nobody is told of it");
        }
    }
}
