//! What the operator asks the sidecar itself: health, readiness and metrics.
//!
//! | request | answer |
//! | --- | --- |
//! | `GET /healthz` | 200 while the process serves, and how it stands as JSON |
//! | `GET /readyz` | 200 while requests are to be sent here, 503 otherwise, and why as JSON |
//! | `GET /metrics` | all of it in numbers, as Prometheus reads them |
//!
//! Bound to its own address, away from the downstreams; it shows no key, no topic, no record.

mod figures;
mod readiness;

use std::convert::Infallible;
use std::sync::Arc;

use arc_swap::ArcSwap;
use bytes::Bytes;
use http::header::{ACCEPT, CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};

use crate::config::Snapshot;
use crate::hub::{self, Hub};
use crate::limits::{ACCEPT_PAUSE, ADMIN_CONNECTIONS_MAX, ADMIN_IDLE_TIMEOUT};
use crate::log::{self, Log};
use crate::metrics::{Format, Metrics, Process};
use figures::Figures;
use readiness::Readiness;

/// What there is to tell of.
#[derive(Clone, Debug)]
pub struct Admin {
    /// The configuration in force.
    pub snapshot: Arc<ArcSwap<Snapshot>>,
    /// The streams.
    pub hub: Hub,
    /// The log.
    pub log: Log,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// Becomes true when no new request is taken any more.
    pub draining: watch::Receiver<bool>,
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
                let service = service_fn(|request| async {
                    Ok::<_, Infallible>(admin.answer(request).await)
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

    async fn answer(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        match (request.method(), request.uri().path()) {
            (&Method::GET | &Method::HEAD, "/healthz") => {
                let (generation, log, hub) = self.standing();
                json(StatusCode::OK, &health(generation, &log, &hub))
            }
            (&Method::GET | &Method::HEAD, "/readyz") => {
                let (_, log, hub) = self.standing();
                let readiness = Readiness::of(self.is_draining(), &log, &hub);
                let anyway = self.snapshot.load().ready_when_degraded;
                let (status, told) = readiness.answer(anyway);
                json(status, &told)
            }
            (&Method::GET | &Method::HEAD, "/metrics") => {
                let accept = request.headers().get_all(ACCEPT).iter();
                let accept: Vec<_> = accept.filter_map(|value| value.to_str().ok()).collect();
                let format = Format::wanted(&accept.join(","));
                let page = self.figures().await.page(format);
                respond(StatusCode::OK, format.content_type(), page)
            }
            (_, "/healthz" | "/readyz" | "/metrics") => json(
                StatusCode::METHOD_NOT_ALLOWED,
                &json!({"message": "expected GET", "status": 405}),
            ),
            _ => json(
                StatusCode::NOT_FOUND,
                &json!({"message": "expected /healthz, /readyz or /metrics", "status": 404}),
            ),
        }
    }

    /// How all of it stands.
    async fn figures(&self) -> Figures {
        let started = self.metrics.started;
        // It reads files, as many lines as there are descriptors.
        let process = tokio::task::spawn_blocking(move || Process::read(started));
        let process = process
            .await
            .unwrap_or_else(|_ended| Process::unknown(started));
        let (generation, log, hub) = self.standing();
        Figures {
            metrics: Arc::clone(&self.metrics),
            log,
            hub,
            generation,
            reads_waiting: self.snapshot.load().access.reads.waiting() as u64,
            draining: self.is_draining(),
            process,
        }
    }

    fn is_draining(&self) -> bool {
        *self.draining.borrow()
    }

    /// The configuration's generation, and how the log and the hub stand.
    fn standing(&self) -> (u64, log::Standing, hub::Standing) {
        let generation = self.snapshot.load().generation;
        (generation, self.log.standing(), self.hub.standing())
    }
}

/// What `/healthz` tells. It is well while streams are served and the log has not failed.
fn health(generation: u64, log: &log::Standing, hub: &hub::Standing) -> Value {
    let well = hub.serves && log.failure.is_none();
    let mut told = json!({
        "level": log.level.as_str(),
        "holds": log.holds.as_str(),
        "cursor": log.tail.to_string(),
        "events": log.events,
        "bytes": log.bytes,
    });
    if let (Some(told), Some(failure)) = (told.as_object_mut(), log.failure.as_deref()) {
        told.insert("failure".to_owned(), failure.into());
    }
    json!({
        "status": if well { "ok" } else { "degraded" },
        "generation": generation,
        "streams": hub.streams,
        "log": told,
    })
}

fn json(status: StatusCode, body: &Value) -> Response<Full<Bytes>> {
    respond(status, "application/json", body.to_string())
}

fn respond(status: StatusCode, kind: &'static str, body: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::from(body));
    *response.status_mut() = status;
    let fields = response.headers_mut();
    fields.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    fields.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Cursor, Epoch};
    use crate::log::Level;

    fn standings() -> (log::Standing, hub::Standing) {
        let tail = Cursor {
            epoch: Epoch::new(7),
            seq: 9,
        };
        let log = log::Standing {
            level: Level::Disk,
            holds: Level::Disk,
            failure: None,
            tail,
            events: 2,
            bytes: 300,
            appends: 4,
            syncs: 3,
            failures: 1,
            appended: log::Appended::default(),
        };
        let hub = hub::Standing {
            serves: true,
            streams: 5,
            streams_max: 10,
        };
        (log, hub)
    }

    #[test]
    fn health_is_ok_while_streams_are_served_and_the_log_holds() {
        let (log, hub) = standings();
        let expected = json!({
            "status": "ok",
            "generation": 2,
            "streams": 5,
            "log": {
                "level": "disk",
                "holds": "disk",
                "cursor": "000000000007-9",
                "events": 2,
                "bytes": 300,
            },
        });
        assert_eq!(health(2, &log, &hub), expected);
    }

    #[test]
    fn health_is_degraded_by_a_log_that_failed_and_says_why() {
        let (log, hub) = standings();
        let log = log::Standing {
            holds: Level::Memory,
            failure: Some("/log: No space left on device".into()),
            ..log
        };
        let told = health(2, &log, &hub);
        assert_eq!(told["status"], "degraded");
        assert_eq!(told["log"]["level"], "disk");
        assert_eq!(told["log"]["holds"], "memory");
        assert_eq!(told["log"]["failure"], "/log: No space left on device");
    }

    #[test]
    fn health_is_degraded_without_an_engine() {
        let (log, hub) = standings();
        let hub = hub::Standing {
            serves: false,
            ..hub
        };
        assert_eq!(health(2, &log, &hub)["status"], "degraded");
    }
}
