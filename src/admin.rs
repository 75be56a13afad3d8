//! What the operator asks the sidecar itself: health.
//!
//! | request | answer |
//! | --- | --- |
//! | `GET /healthz` | 200 while the process serves, and how it stands as JSON |
//!
//! Bound to its own address, away from the downstreams; it shows no key, no topic, no record.

use std::convert::Infallible;
use std::sync::Arc;

use arc_swap::ArcSwap;
use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use serde_json::json;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

use crate::config::Snapshot;
use crate::hub::Hub;
use crate::limits::{ACCEPT_PAUSE, ADMIN_CONNECTIONS_MAX, ADMIN_IDLE_TIMEOUT};
use crate::log::Log;

/// What there is to tell of.
#[derive(Clone, Debug)]
pub struct Admin {
    /// The configuration in force.
    pub snapshot: Arc<ArcSwap<Snapshot>>,
    /// The streams.
    pub hub: Hub,
    /// The log.
    pub log: Log,
}

impl Admin {
    /// Answers on `listener` until the future is dropped.
    pub async fn run(self, listener: TcpListener) {
        let room = Arc::new(Semaphore::new(ADMIN_CONNECTIONS_MAX));
        loop {
            // One connection too many waits in the listener's queue.
            let seat = Arc::clone(&room).acquire_owned().await;
            let Ok((socket, _)) = listener.accept().await else {
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            };
            let admin = self.clone();
            // Ends with its connection, or with the runtime.
            tokio::spawn(async move {
                let service = service_fn(move |request| {
                    let answer = admin.answer(&request);
                    async { Ok::<_, Infallible>(answer) }
                });
                let served = http1::Builder::new()
                    .timer(TokioTimer::new())
                    .header_read_timeout(ADMIN_IDLE_TIMEOUT)
                    .serve_connection(TokioIo::new(socket), service)
                    .await;
                // How it ended is nobody's concern.
                drop((served, seat));
            });
        }
    }

    fn answer(&self, request: &Request<Incoming>) -> Response<Full<Bytes>> {
        match (request.method(), request.uri().path()) {
            (&Method::GET | &Method::HEAD, "/healthz") => json(StatusCode::OK, &self.health()),
            (_, "/healthz") => json(
                StatusCode::METHOD_NOT_ALLOWED,
                &json!({"message": "expected GET", "status": 405}),
            ),
            _ => json(
                StatusCode::NOT_FOUND,
                &json!({"message": "expected /healthz", "status": 404}),
            ),
        }
    }

    fn health(&self) -> serde_json::Value {
        let snapshot = self.snapshot.load();
        let hub = self.hub.standing();
        let log = self.log.standing();
        json!({
            "status": if hub.serves { "ok" } else { "degraded" },
            "generation": snapshot.generation,
            "streams": hub.streams,
            "log": {
                "level": log.level.as_str(),
                "cursor": log.tail.to_string(),
                "events": log.events,
                "bytes": log.bytes,
            },
        })
    }
}

fn json(status: StatusCode, body: &serde_json::Value) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::from(body.to_string()));
    *response.status_mut() = status;
    let fields = response.headers_mut();
    fields.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    fields.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
