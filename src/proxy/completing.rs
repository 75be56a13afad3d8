//! Writes whose records the upstream did not tell, and how they are read from it.
//!
//! What a rule lets be read is read as whoever wrote, with their credentials: a record after a
//! write that told none, and a record before its delete. An upstream that does not answer in time
//! costs the event its record, and nothing else.

use std::sync::Arc;

use http::header::{AUTHORIZATION, COOKIE, HOST, HeaderName};
use http::{Method, StatusCode};
use pingora::http::RequestHeader;
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout_at};
use tracing::debug;

use super::budget::{Budget, Share};
use crate::client::{self, Client};
use crate::config::{HostHeader, Snapshot};
use crate::connection::RequestId;
use crate::event::{Id, Json, Kind};
use crate::known::Known;
use crate::limits::COMPLETE_TIMEOUT;
use crate::log::{Intent, Log, Ticket};
use crate::metrics::{Metrics, Said};
use crate::observe::{Completion, Happened};

/// Who wrote, as far as the upstream knows them by it: fields of their request.
#[derive(Debug, Default)]
pub(super) struct Writer {
    fields: http::HeaderMap,
    /// What that request is called.
    request_id: Option<RequestId>,
}

/// What completes writes.
#[derive(Clone)]
pub(super) struct Completing {
    log: Log,
    known: Arc<Known>,
    client: Arc<Client>,
    /// What is read is kept as bodies are.
    bodies: Arc<Budget>,
    metrics: Arc<Metrics>,
}

/// What is read of all that one request wrote.
struct Bounds {
    latest: Instant,
    /// As much as is kept of an answer: these are in one, in a way.
    bytes: usize,
}

impl Bounds {
    fn of(snapshot: &Snapshot) -> Self {
        Self {
            latest: Instant::now() + COMPLETE_TIMEOUT,
            bytes: snapshot.limits.observed_body_bytes,
        }
    }

    /// So much was read.
    fn take(&mut self, record: Option<&Json>) {
        let bytes = record.map_or(0, |record| record.as_str().len());
        self.bytes = self.bytes.saturating_sub(bytes);
    }
}

impl Writer {
    /// Who sends that request, which is called so.
    ///
    /// An API behind TLS sends whoever came without elsewhere: the scheme is the one that counts.
    pub(super) fn of(request: &RequestHeader, request_id: &RequestId) -> Self {
        let mut fields = http::HeaderMap::new();
        for name in [AUTHORIZATION, COOKIE, HOST, X_FORWARDED_PROTO] {
            for value in request.headers.get_all(&name) {
                fields.append(name.clone(), value.clone());
            }
        }
        Self {
            fields,
            request_id: Some(request_id.clone()),
        }
    }
}

impl Completing {
    pub(super) fn new(
        log: Log,
        known: Arc<Known>,
        bodies: &Arc<Budget>,
        metrics: Arc<Metrics>,
    ) -> Self {
        Self {
            log,
            known,
            client: Arc::default(),
            bodies: Arc::clone(bodies),
            metrics,
        }
    }

    /// Appends what happened. The ticket is ready when the log holds it, if it does not yet.
    pub(super) fn append(
        &self,
        all: Vec<Happened>,
        intent: Option<Intent>,
        snapshot: Option<&Snapshot>,
    ) -> Option<Ticket> {
        let append = |kinds| self.log.append(kinds, intent);
        let tells_leaving = |collection: &str| {
            snapshot.is_some_and(|snapshot| snapshot.access.rules.tells_leaving(collection))
        };
        self.known.append(all, tells_leaving, append)
    }

    /// Appends what happened once the records that it lacks were read, as who wrote.
    pub(super) fn append_read(
        self,
        mut all: Vec<Happened>,
        intent: Option<Intent>,
        writer: Writer,
        snapshot: Arc<Snapshot>,
    ) -> Ticket {
        let (done, held) = oneshot::channel();
        // For all of them: whoever wrote waits. It may leave, and this ends by itself.
        let mut bounds = Bounds::of(&snapshot);
        tokio::spawn(async move {
            // Until all of it is in the log.
            let share = self.share(&writer, &snapshot);
            for happened in &mut all {
                if share.is_none() || !matches!(happened.completion, Completion::Upstream) {
                    continue;
                }
                if let Kind::Write {
                    collection,
                    ids,
                    record,
                    ..
                } = &mut happened.kind
                    && let [id] = ids.as_slice()
                {
                    let read = self.read(collection, id, &writer, &snapshot, &bounds);
                    *record = read.await;
                    bounds.take(record.as_ref());
                }
            }
            if let Some(ticket) = self.append(all, intent, Some(&snapshot)) {
                ticket.await;
            }
            // Nobody waits: the connection is gone.
            let _gone = done.send(());
        });
        Ticket::until(held)
    }

    /// Whether the record is known without reading it.
    pub(super) fn knows(&self, collection: &Arc<str>, id: &Id) -> bool {
        self.known.has(collection, id)
    }

    /// The record before its delete.
    pub(super) async fn read_before(
        &self,
        collection: &str,
        id: &Id,
        writer: &Writer,
        snapshot: &Snapshot,
    ) -> Option<Json> {
        let bounds = Bounds::of(snapshot);
        let _share = self.share(writer, snapshot)?;
        self.read(collection, id, writer, snapshot, &bounds).await
    }

    /// Room for all that may be read for one request; none, and nothing is read, if there is none
    /// left.
    fn share(&self, writer: &Writer, snapshot: &Snapshot) -> Option<Share> {
        let limits = &snapshot.limits;
        let (of, bytes) = (limits.observed_bodies_bytes, limits.observed_body_bytes);
        let share = Share::with(&self.bodies, of, bytes);
        if share.is_none() {
            let request_id = writer.request_id.as_ref().map(RequestId::as_str);
            debug!(
                request_id,
                "limits.observed_bodies has no room for a record"
            );
            self.metrics.completions.inc(Said::Failed);
        }
        share
    }

    /// The record as the upstream shows it to the writer, without what is not told; none if it
    /// does not, or not within these bounds.
    async fn read(
        &self,
        collection: &str,
        id: &Id,
        writer: &Writer,
        snapshot: &Snapshot,
        bounds: &Bounds,
    ) -> Option<Json> {
        if Instant::now() >= bounds.latest {
            return None;
        }
        let (rule, how) = snapshot.observe.read()?;
        let target = how.record.of(collection, id)?;
        let upstream = &snapshot.upstream;
        let mut request = client::request(upstream, &Method::GET, target, None).ok()?;
        for (name, value) in &writer.fields {
            if name != HOST || upstream.host_header == HostHeader::Preserve {
                request.headers_mut().append(name.clone(), value.clone());
            }
        }
        let told = self.client.send(upstream, request, bounds.bytes);
        let request_id = writer.request_id.as_ref().map(RequestId::as_str);
        let (said, record) = match timeout_at(bounds.latest, told).await {
            Ok(Ok(told)) if told.status == StatusCode::OK => {
                (Said::Yes, snapshot.observe.told(rule, &told.body, id))
            }
            Ok(Ok(told)) => {
                let status = told.status.as_u16();
                debug!(
                    request_id,
                    status, "the API does not show a record to who wrote it"
                );
                (Said::No, None)
            }
            Ok(Err(error)) => {
                debug!(request_id, %error, "a record could not be read");
                (Said::Failed, None)
            }
            Err(_elapsed) => {
                debug!(request_id, "a record was not read in time");
                (Said::Failed, None)
            }
        };
        self.metrics.completions.inc(said);
        record
    }
}

const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
