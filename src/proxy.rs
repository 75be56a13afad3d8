//! Requests to the upstream and answers back, by pingora: one at a time, observed on the way.
//!
//! The front lends a connection for one request. pingora streams it to the upstream and the
//! answer back; the filters below look on. What an observed write amounts to is appended to
//! the log in the filter that holds the answer's last piece, and the connection holds that piece
//! until the log has it: who has the whole answer can rely on the event.
//!
//! A log that survives the process is told of a write before the upstream is: what a crash
//! leaves without an outcome is `uncertain`.

mod budget;
mod capture;
mod completing;
mod exchange;
mod failing;
mod hops;
mod noting;
mod peer;
mod tunnel;

use std::sync::Arc;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use http::header::{HOST, TRANSFER_ENCODING};
use http::{Method, StatusCode, Version};
use pingora::apps::HttpServerApp;
use pingora::http::{RequestHeader, ResponseHeader};
use pingora::modules::http::HttpModules;
use pingora::protocols::http::ServerSession;
use pingora::proxy::{FailToProxy, HttpProxy, ProxyHttp, ProxyWarnLogContext, Session, http_proxy};
use pingora::server::configuration::ServerConf;
use pingora::upstreams::peer::HttpPeer;
use pingora::{Error, ErrorType, Result};
use tokio::sync::watch;
use tracing::debug;

use crate::config::{HostHeader, Snapshot};
use crate::connection::{self, Connection};
use crate::known::Known;
use crate::limits::{CONNECT_TRIES_MAX, DOWNSTREAM_STALL, UPSTREAM_IDLE_MAX};
use crate::log::{Log, Refused};
use crate::metrics::{Class, Metrics};
use crate::observe::{Completion, Happened};
use budget::{Budget, Share};
use completing::{Completing, Writer};
use exchange::{Exchange, has_no_body};
use failing::{answer, report, status_of};
use peer::Peers;

/// Serves requests by the upstream.
pub struct Proxy {
    http: Arc<HttpProxy<Relay>>,
}

/// What pingora asks on the way of a request.
struct Relay {
    log: Log,
    completing: Completing,
    /// What is kept of the bodies of all exchanges.
    bodies: Arc<Budget>,
    peers: Peers,
    metrics: Arc<Metrics>,
}

/// What is known of one request while pingora serves it.
pub(crate) struct Turn {
    exchange: Exchange,
    snapshot: Option<Arc<Snapshot>>,
    /// Connections to the upstream that were tried in vain.
    connects: usize,
    tries: Tries,
    /// Who answers it.
    class: Class,
}

/// Whether the request went to the upstream before.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Tries {
    First,
    Repeated,
}

impl Proxy {
    /// A proxy whose observed writes become events of `log`, deletes with what is `known`.
    #[must_use]
    pub fn new(log: Log, known: Arc<Known>, metrics: Arc<Metrics>) -> Self {
        let conf = Arc::new(ServerConf {
            upstream_keepalive_pool_size: UPSTREAM_IDLE_MAX,
            max_retries: CONNECT_TRIES_MAX,
            ..ServerConf::default()
        });
        let bodies = Arc::default();
        let relay = Relay {
            completing: Completing::new(log.clone(), known, &bodies, Arc::clone(&metrics)),
            log,
            bodies,
            peers: Peers::default(),
            metrics,
        };
        Self {
            http: Arc::new(http_proxy(&conf, relay)),
        }
    }

    /// Serves the one request whose head, as it goes on, is `head`. The answer is the connection,
    /// if it can serve another.
    pub(crate) async fn serve(
        &self,
        connection: Box<Connection>,
        head: BytesMut,
        draining: &watch::Receiver<bool>,
    ) -> Option<Box<Connection>> {
        let mut session = ServerSession::new_http1(connection);
        session.set_pipelined_prefix(head);
        session.set_read_timeout(Some(DOWNSTREAM_STALL));
        // The connection itself gives up one that takes nothing.
        session.set_write_timeout(None);
        let reusable = self.http.process_new_http(session, draining).await?;
        let (stream, _settings) = reusable.consume();
        stream.into_any().downcast().ok()
    }
}

impl std::fmt::Debug for Proxy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Proxy").finish_non_exhaustive()
    }
}

impl Relay {
    /// Appends what the exchange amounted to, and lets go of it. The end of a whole answer waits
    /// for the log.
    fn tell(&self, session: &Session, exchange: &mut Exchange, answered: Answered) {
        let Exchange::Observing(mut observing) = std::mem::replace(exchange, Exchange::Passing)
        else {
            return;
        };
        let intent = observing.take_intent();
        let share = observing.take_share();
        let (all, facts) = match answered {
            Answered::InPart => observing.lost(),
            Answered::Whole => observing.complete(),
        };
        noting::count_write(&self.metrics, &all, facts, answered);
        let is_read = |one: &Happened| one.completion == Completion::Upstream;
        let connection = connection_of(session);
        let snapshot = connection.and_then(Connection::snapshot).map(Arc::clone);
        let ticket = match snapshot {
            Some(snapshot) if all.iter().any(is_read) => {
                let completing = self.completing.clone();
                let writer = writer_of(session);
                Some(completing.append_read(all, intent, writer, snapshot))
            }
            snapshot => self.completing.append(all, intent, snapshot.as_deref()),
        };
        if let (Answered::Whole, Some(ticket)) = (answered, ticket)
            && let Some(connection) = connection
        {
            connection.hold(ticket.keeping(share));
        }
    }
}

/// How far an answer has come.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Answered {
    InPart,
    Whole,
}

#[async_trait]
impl ProxyHttp for Relay {
    type CTX = Turn;

    fn new_ctx(&self) -> Turn {
        Turn {
            exchange: Exchange::Passing,
            snapshot: None,
            connects: 0,
            tries: Tries::First,
            class: Class::Upstream,
        }
    }

    /// No module: each would cost every request something.
    fn init_downstream_modules(&self, _modules: &mut HttpModules) {}

    async fn early_request_filter(&self, session: &mut Session, turn: &mut Turn) -> Result<()> {
        // "A server MUST NOT send a 1xx response to an HTTP/1.0 client" (RFC 9110 § 15.2).
        let old = session.req_header().version == Version::HTTP_10;
        session.downstream_session.set_ignore_info_resp(old);
        let Some(connection) = connection_of(session) else {
            return Err(internal("the session is over no connection of the front"));
        };
        let snapshot = connection.snapshot().map(Arc::clone);
        let request = session.req_header();
        if let Some(snapshot) = &snapshot
            && let Some(observed) = {
                let (path, query) = target_of(request);
                let (method, headers) = (request.method.as_str(), &request.headers);
                snapshot.observe.observed(method, path, query, headers)
            }
        {
            if self.log.refuses() {
                return Err(refused(Refused));
            }
            connection.hide_loss();
            let body_bytes_max = snapshot.limits.observed_body_bytes;
            let share = Share::new(&self.bodies, snapshot.limits.observed_bodies_bytes);
            turn.exchange = Exchange::observe(observed, request, body_bytes_max, share);
        }
        turn.snapshot = snapshot;
        Ok(())
    }

    async fn upstream_peer(&self, session: &mut Session, turn: &mut Turn) -> Result<Box<HttpPeer>> {
        let snapshot = turn.snapshot.as_ref();
        let snapshot = snapshot.ok_or_else(|| internal("the request has no configuration"))?;
        let mut peer = self.peers.peer(&snapshot.upstream).await?;
        if tunnel::is_asked_for(session.req_header()) {
            tunnel::prepare(&mut peer, snapshot.upstream.connect_timeout);
        }
        Ok(peer)
    }

    async fn upstream_request_filter(
        &self,
        session: &mut Session,
        request: &mut RequestHeader,
        turn: &mut Turn,
    ) -> Result<()> {
        // HTTP/1.0 knows no Host; what goes on is HTTP/1.1, which has to name one.
        if let Some(snapshot) = &turn.snapshot
            && (snapshot.upstream.host_header == HostHeader::Upstream
                || !request.headers.contains_key(HOST))
        {
            request.insert_header(HOST, snapshot.upstream.authority())?;
        }
        if let Exchange::Observing(observing) = &mut turn.exchange {
            if let Some(snapshot) = &turn.snapshot
                && snapshot.observe.read_before_delete
                && let Some((collection, id)) = observing.read_before()
                && !self.completing.knows(collection, id)
            {
                let writer = writer_of(session);
                let before = (self.completing).read_before(collection, id, &writer, snapshot);
                let before = before.await;
                observing.see_before(before);
            }
            let intent = self.log.intend(observing.unsettled()).await;
            // From here on the upstream may have taken the request.
            observing.see_sent(intent.map_err(refused)?);
        }
        Ok(())
    }

    async fn request_body_filter(
        &self,
        _session: &mut Session,
        body: &mut Option<Bytes>,
        _end_of_stream: bool,
        turn: &mut Turn,
    ) -> Result<()> {
        if let (Exchange::Observing(observing), Some(body)) = (&mut turn.exchange, body) {
            observing.see_request(body);
        }
        Ok(())
    }

    async fn upstream_response_filter(
        &self,
        session: &mut Session,
        response: &mut ResponseHeader,
        turn: &mut Turn,
    ) -> Result<()> {
        hops::leave_behind(response);
        if response.status == StatusCode::SWITCHING_PROTOCOLS {
            if let Some(connection) = connection_of(session) {
                connection.open_tunnel();
            }
            // Whoever may be silent in it is the upstream's to say: `upstream.read_timeout`.
            session.set_read_timeout(None);
            // What passes from here on is no answer to a write.
            self.tell(session, &mut turn.exchange, Answered::InPart);
        } else if let Exchange::Observing(observing) = &mut turn.exchange
            && !response.status.is_informational()
        {
            observing.see_head(response);
            if has_no_body(response) {
                // No piece of a body will come by: this is the last moment before the answer goes.
                self.tell(session, &mut turn.exchange, Answered::Whole);
            }
        }
        Ok(())
    }

    async fn response_filter(
        &self,
        session: &mut Session,
        response: &mut ResponseHeader,
        _turn: &mut Turn,
    ) -> Result<()> {
        if session.req_header().version == Version::HTTP_10 {
            // It knows no chunks: the end of the connection is the end of the answer.
            response.remove_header(&TRANSFER_ENCODING);
        }
        Ok(())
    }

    fn response_body_filter(
        &self,
        session: &mut Session,
        body: &mut Option<Bytes>,
        end_of_stream: bool,
        turn: &mut Turn,
    ) -> Result<Option<std::time::Duration>> {
        if let Exchange::Observing(observing) = &mut turn.exchange {
            if let Some(body) = body {
                observing.see_response(body);
            }
            if end_of_stream {
                self.tell(session, &mut turn.exchange, Answered::Whole);
            }
        }
        Ok(None)
    }

    /// Nothing has been sent: another address of the upstream may be tried, even for a write.
    fn fail_to_connect(
        &self,
        _session: &mut Session,
        peer: &HttpPeer,
        turn: &mut Turn,
        mut error: Box<Error>,
    ) -> Box<Error> {
        turn.connects += 1;
        let others = self.peers.avoid(peer);
        error.set_retry(turn.connects < others.min(CONNECT_TRIES_MAX));
        error
    }

    /// A write is never repeated. A request that only reads goes once more when a connection
    /// that was used before dies without a byte of an answer: the upstream had closed it.
    fn error_while_proxy(
        &self,
        _peer: &HttpPeer,
        session: &mut Session,
        mut error: Box<Error>,
        turn: &mut Turn,
        reused: bool,
    ) -> Box<Error> {
        error.retry.decide_reuse(reused);
        let method = &session.req_header().method;
        let reads = matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS);
        let again = reused
            && reads
            && turn.tries == Tries::First
            && nothing_came(&error)
            && session.response_written().is_none()
            && !session.as_ref().retry_buffer_truncated();
        if again && error.retry() {
            turn.tries = Tries::Repeated;
        } else {
            error.set_retry(false);
        }
        error
    }

    async fn fail_to_proxy(
        &self,
        session: &mut Session,
        error: &Error,
        turn: &mut Turn,
    ) -> FailToProxy {
        self.tell(session, &mut turn.exchange, Answered::InPart);
        let malformed = connection_of(session).is_some_and(Connection::is_malformed);
        let code = if malformed { 400 } else { status_of(error) };
        report(session, error, code);
        noting::count_failure(&self.metrics, error);
        if let Ok(status) = StatusCode::from_u16(code)
            && !session.response_written().is_some_and(is_final)
        {
            turn.class = Class::Sidecar;
            if let Err(error) = answer(session, status).await {
                debug!(request_id = id_of(session), %error, "the downstream is gone before it could be told");
            }
        }
        FailToProxy {
            error_code: code,
            can_reuse_downstream: false,
        }
    }

    /// The last call of every exchange: what is still being observed by now ended early.
    async fn logging(&self, session: &mut Session, _error: Option<&Error>, turn: &mut Turn) {
        self.tell(session, &mut turn.exchange, Answered::InPart);
        noting::note(&self.metrics, session, turn.class);
    }

    /// Our own line is enough, and says nothing of the query.
    fn suppress_error_log(&self, _: &Session, _: &Turn, _: &Error) -> bool {
        true
    }

    fn suppress_proxy_warn_log(
        &self,
        _: &Session,
        _: &Turn,
        _: &Error,
        _: ProxyWarnLogContext,
    ) -> bool {
        true
    }

    /// Without the query: there may be a credential in it.
    fn request_summary(&self, session: &Session, _: &Turn) -> String {
        let request = session.req_header();
        format!("{} {}", request.method, path_of(request))
    }
}

fn connection_of(session: &Session) -> Option<&Connection> {
    connection::of(session.stream()?.as_any())
}

/// Who sends the request.
fn writer_of(session: &Session) -> Writer {
    connection_of(session).map_or_else(Writer::default, |connection| {
        Writer::of(session.req_header(), connection.request_id())
    })
}

/// What the request is called.
fn id_of(session: &Session) -> Option<&str> {
    connection_of(session).map(|connection| connection.request_id().as_str())
}

/// Whether the upstream's connection died without a byte of an answer. pingora tells so in words
/// only; where it does not, it is taken that something came.
fn nothing_came(error: &Error) -> bool {
    let told = error.context.as_ref().map(|context| context.as_str());
    told.is_some_and(|context| context.ends_with("bytes already read: 0"))
}

/// Whether an answer is the request's own, and not one on the way to it: behind a 101 a tunnel
/// follows.
fn is_final(response: &ResponseHeader) -> bool {
    let status = response.status;
    status == StatusCode::SWITCHING_PROTOCOLS || !status.is_informational()
}

/// The path of the target as it was sent, without the query.
fn path_of(request: &RequestHeader) -> &str {
    let (path, _query) = target_of(request);
    path
}

/// The path of the target as it was sent, and its query; empty where it has none.
fn target_of(request: &RequestHeader) -> (&str, &str) {
    let target = std::str::from_utf8(request.raw_path()).unwrap_or("");
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    if path.starts_with('/') {
        return (path, query);
    }
    // An absolute target (RFC 9112 § 3.2.2): the path is behind the authority.
    let path = match path.split_once("://") {
        Some((_, rest)) => rest.find('/').and_then(|at| rest.get(at..)).unwrap_or("/"),
        None => path,
    };
    (path, query)
}

/// The log takes no write, so the upstream gets none.
fn refused(_: Refused) -> Box<Error> {
    Error::explain(ErrorType::HTTPStatus(503), "the log has failed").into_in()
}

fn internal(why: &'static str) -> Box<Error> {
    Error::explain(ErrorType::InternalError, why).into_in()
}
