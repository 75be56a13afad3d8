//! What becomes of the requests that are answered here: the numbers, and a line in the diagnostics.

use std::time::Duration;

use http::{Method, StatusCode};
use tokio::time::Instant;
use tracing::debug;

use super::gate::{Admitted, Refused};
use crate::config::Snapshot;
use crate::connection::{Connection, RequestId};
use crate::metrics::{Away, Class, Label, Metrics, Sent, Status};

/// A request that is answered here.
pub(super) struct Noted<'a> {
    pub(super) admitted: &'a Admitted,
    pub(super) id: RequestId,
    begun: Instant,
    /// Whether what is sent with it would be published.
    publishes: bool,
}

impl<'a> Noted<'a> {
    /// The one that `connection` has brought.
    pub(super) fn new(admitted: &'a Admitted, connection: &Connection, by: &Snapshot) -> Self {
        let restdb = by.realtime.restdb.as_ref();
        let path = |own: &str| *own == *admitted.path;
        Self {
            admitted,
            id: connection.request_id().clone(),
            begun: connection.begun(),
            publishes: admitted.method == Method::POST
                && restdb.is_some_and(|options| path(&options.path)),
        }
    }

    /// It was answered with that status and so many bytes.
    pub(super) fn answered(&self, metrics: &Metrics, status: StatusCode, bytes: usize) {
        let took = self.begun.elapsed();
        let requests = &metrics.requests;
        requests.answered(Class::Realtime, Status::of(status), Some(took));
        if self.publishes {
            metrics.publishes.inc(Sent::of(status));
        }
        self.tell(status, took, bytes);
    }

    /// A stream was begun, or sent away.
    pub(super) fn streams(&self, metrics: &Metrics, away: Option<Away>) {
        let requests = &metrics.requests;
        requests.answered(Class::Realtime, Status::Success, None);
        if let Some(away) = away {
            metrics.streams.turned_away.inc(away);
        }
        self.tell(StatusCode::OK, self.begun.elapsed(), 0);
    }

    /// Without the query: there may be a credential in it.
    fn tell(&self, status: StatusCode, took: Duration, bytes: usize) {
        debug!(
            request_id = self.id.as_str(),
            method = self.admitted.method.as_str(),
            path = &*self.admitted.path,
            status = status.as_u16(),
            duration = ?took,
            bytes,
            class = Class::Realtime.as_str(),
            "request"
        );
    }
}

/// Counts a head that may not pass, and tells of it. Nothing of it is shown: it was not understood.
pub(super) fn refused(metrics: &Metrics, refused: Refused, id: &RequestId, peer: impl ToString) {
    metrics.requests.refused.inc(refused.reason);
    let requests = &metrics.requests;
    requests.answered(Class::Sidecar, Status::of(refused.status), None);
    debug!(
        request_id = id.as_str(),
        peer = peer.to_string(),
        status = refused.status.as_u16(),
        reason = refused.message,
        class = Class::Sidecar.as_str(),
        "request refused"
    );
}
