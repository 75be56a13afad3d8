//! Where downstreams arrive: our own accept loop before pingora.
//!
//! ```text
//!   accept ──► head ──► gate ──► realtime path? ──► dialect ──► hub (the socket moves)
//!               ▲                     │ no
//!               └── keep-alive ◄── proxy (pingora serves this one request)
//! ```
//! Each connection is a task that goes round: read a head, let the gate judge it, then answer
//! it here or lend the connection to pingora for one request. A request sees one
//! configuration, the one that was in force when its head was complete.

mod arriving;
pub(crate) mod benching;
mod connections;
#[cfg(any(fuzzing, test))]
pub(crate) mod fuzzing;
mod gate;
mod listen;
mod noted;
mod onward;
mod publishers;
mod reply;

use std::net::IpAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;

use arc_swap::ArcSwap;
use bytes::{Bytes, BytesMut};
use http::header::{EXPECT, HeaderName, HeaderValue};
use http::{HeaderMap, Method, Response, StatusCode};
use jiff::Timestamp;
use rand::distr::{Alphanumeric, SampleString};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};
use tracing::debug;

pub use connections::Connections;
pub use listen::{Listener, bind};
pub use publishers::Publishers;

use crate::access::Credential;
use crate::config::Snapshot;
use crate::connection::{AtEnd, BodyError, Connection, RequestId};
use crate::dialect::pocketbase::{self, Submit};
use crate::dialect::restdb::Publish;
use crate::dialect::{self, Command, Listen, Request};
use crate::forwarded;
use crate::hub::{self, Client, Hub, Joining};
use crate::identity::Identities;
use crate::jwks::Jwks;
use crate::limits::{DESCRIPTORS_OTHERS, HEAD_FIELDS_MAX, PUBLISH_TIMEOUT};
use crate::log::Log;
use crate::metrics::{Away, Metrics, Sent, Shed};
use crate::proxy::Proxy;
use arriving::Arrival;
use connections::Held;
use gate::{Admitted, Refused};
use noted::Noted;

/// What every connection needs.
#[derive(Debug)]
pub struct Front {
    /// The configuration in force.
    pub snapshot: Arc<ArcSwap<Snapshot>>,
    /// Where streams go.
    pub hub: Hub,
    /// Where publishes go.
    pub log: Log,
    /// Where the keys of tokens are asked for.
    pub jwks: Jwks,
    /// Where the upstream is asked who somebody is.
    pub identities: Identities,
    /// Where everything else goes.
    pub proxy: Proxy,
    /// The connections that are open.
    pub connections: Arc<Connections>,
    /// Files that the process may have open.
    pub descriptors: usize,
    /// How often each who publishes may.
    pub publishers: Publishers,
    /// Where requests are counted.
    pub metrics: Arc<Metrics>,
    /// Becomes true when no new request is taken any more.
    pub draining: watch::Receiver<bool>,
}

/// What becomes of a connection after a request.
enum After {
    /// It is for somebody else now, or gone.
    Done,
    /// It is to be closed.
    Close(Box<Connection>),
    /// It may bring another request.
    Next(Box<Connection>),
}

impl Front {
    /// Serves a connection to its end, or until it is given up.
    async fn serve(&self, mut connection: Box<Connection>, held: Held) {
        let mut draining = self.draining.clone();
        // The sender lives as long as the process serves.
        let mut draining = pin!(draining.wait_for(|draining| *draining));
        let mut given_up = pin!(held.given_up());
        let mut alarm = pin!(sleep(self.snapshot.load().limits.idle_timeout));
        loop {
            let arrival = tokio::select! {
                biased;
                () = &mut given_up => return self.metrics.requests.shed.inc(Shed::GivenUp),
                arrival = self.arrival(&mut connection, draining.as_mut(), alarm.as_mut()) => arrival,
            };
            let arrival = match arrival {
                Arrival::Left => return,
                Arrival::Refused(refused) => {
                    let id = RequestId::of_head(connection.inbound());
                    connection.identify(id);
                    return self.end(self.refuse(connection, refused), given_up).await;
                }
                Arrival::Admitted(admitted, snapshot) => (admitted, snapshot),
            };
            if !held.is_served() {
                return self.metrics.requests.shed.inc(Shed::GivenUp);
            }
            let in_flight = self.metrics.requests.in_flight.enter();
            let after = self.answer(connection, arrival).await;
            drop(in_flight);
            match after {
                After::Done => return,
                After::Close(connection) => {
                    held.waits();
                    return self.end(connection.close(), given_up).await;
                }
                After::Next(next) => connection = next,
            }
            held.waits();
        }
    }

    /// Comes to the end of a connection, or breaks it off where it is given up for another.
    async fn end(&self, ending: impl Future<Output = ()>, given_up: Pin<&mut impl Future>) {
        tokio::select! {
            () = ending => {}
            _ = given_up => self.metrics.requests.shed.inc(Shed::GivenUp),
        }
    }

    async fn answer(
        &self,
        mut connection: Box<Connection>,
        (mut admitted, snapshot): (Admitted, Arc<Snapshot>),
    ) -> After {
        let head = connection.take_inbound(admitted.head_bytes);
        let said = admitted.request_id.take();
        connection.identify(said.unwrap_or_else(RequestId::by_chance));
        let at_end = if admitted.method.is_safe() {
            AtEnd::GiveUp
        } else {
            AtEnd::Serve
        };
        connection.begin(admitted.framing, at_end, Arc::clone(&snapshot));
        if !snapshot.realtime.knows(&admitted.path) {
            return self.pass(connection, head, &admitted, &snapshot).await;
        }
        let mut headers = headers(&head);
        let peer = connection.peer().ip();
        let address = forwarded::client(peer, &headers, &snapshot.trusted_proxies);
        // What the upstream is asked of a credential is told for whom, as by the proxy.
        forwarded::settle(&mut headers, peer, &snapshot.trusted_proxies);
        let request = Request {
            method: &admitted.method,
            path: &admitted.path,
            query: &admitted.query,
            headers: &headers,
        };
        if !snapshot.realtime.answers(&request) {
            return self.pass(connection, head, &admitted, &snapshot).await;
        }
        if snapshot.realtime.asks_who(&request) {
            let credential = dialect::credential(&request);
            self.look_into(&credential, &snapshot).await;
        }
        let now = Timestamp::now();
        let noted = Noted::new(&admitted, &connection, &snapshot);
        match snapshot.realtime.command(&request, &snapshot.access, now) {
            Command::ComeBack(head) => {
                noted.streams(&self.metrics, Some(Away::Undecided));
                self.send_away(connection, &head).await
            }
            Command::Listen(listen) => {
                let noted = (&noted, &*snapshot);
                self.listen(connection, listen, address, noted).await
            }
            Command::Publish(publish) => {
                let continues = headers.get(EXPECT).is_some();
                let reply = self
                    .publish(&mut connection, &publish, continues, &snapshot)
                    .await;
                self.reply(connection, &reply, &noted).await
            }
            Command::Reply(reply) => self.reply(connection, &reply, &noted).await,
            Command::Submit(submit) => {
                let continues = headers.get(EXPECT).is_some();
                let reply = self
                    .submit(&mut connection, &submit, address, continues, &snapshot)
                    .await;
                self.metrics.submissions.inc(Sent::of(reply.status()));
                self.reply(connection, &reply, &noted).await
            }
        }
    }

    /// Lends the connection to the proxy for the request of that head.
    async fn pass(
        &self,
        mut connection: Box<Connection>,
        head: BytesMut,
        admitted: &Admitted,
        snapshot: &Snapshot,
    ) -> After {
        let head = match gate::passable(head) {
            Ok(head) => head,
            Err(refused) => {
                self.refuse(connection, refused).await;
                return After::Done;
            }
        };
        let id = connection.request_id().clone();
        let (peer, trusted) = (connection.peer().ip(), &*snapshot.trusted_proxies);
        let onward = |told: &[u8]| onward::head(&head, admitted.leaves_behind, told, &id);
        let head = if forwarded::is_trusted(peer.to_canonical(), trusted) {
            let told = forwarded::told(peer, &headers(&head), trusted);
            onward(&forwarded::lines(&told))
        } else {
            let host = admitted.host.as_deref();
            onward(connection.stranger().lines(peer, host))
        };
        match self.proxy.serve(connection, head, &self.draining).await {
            Some(connection) if !*self.draining.borrow() => After::Next(connection),
            Some(connection) => After::Close(connection),
            None => After::Done,
        }
    }

    /// Asks whoever knows more of the credential than is known here, if anybody does.
    async fn look_into(&self, credential: &Credential, snapshot: &Snapshot) {
        let now = Timestamp::now();
        if snapshot.access.is_outdated(credential, now) {
            self.jwks.refreshed().await;
        }
        if let Some(presented) = snapshot.access.unasked(credential, now) {
            let mut draining = self.draining.clone();
            tokio::select! {
                () = self.identities.asked(presented, snapshot) => {}
                // Whoever waits is to come back in any case.
                _ = draining.wait_for(|draining| *draining) => {}
            }
        }
    }

    /// A stream that ends at once, and says when to come back: any status but that of a stream
    /// would close a browser's EventSource for good.
    async fn send_away(&self, mut connection: Box<Connection>, head: &Response<()>) -> After {
        let mut whole = reply::stream_head(head, self.log.holds().as_str());
        whole.extend_from_slice(&hub::come_back_later());
        drop(connection.send(&whole).await);
        After::Close(connection)
    }

    /// Streams that the process has descriptors for, besides those that are open.
    fn streams_affordable(&self) -> usize {
        let others = DESCRIPTORS_OTHERS.min(self.descriptors / 8);
        let taken = others + 2 * self.connections.open() + self.hub.streams();
        self.descriptors.saturating_sub(taken)
    }

    /// Hands the socket of a client at `address` to the engine, if there is a seat.
    async fn listen(
        &self,
        connection: Box<Connection>,
        listen: Listen,
        address: IpAddr,
        (noted, snapshot): (&Noted<'_>, &Snapshot),
    ) -> After {
        // A proxy that names nobody speaks for any number.
        let is_trusted = forwarded::is_trusted(address, &snapshot.trusted_proxies);
        let counted = (!is_trusted).then(|| forwarded::host_of(address));
        let seat = (self.streams_affordable() > 0)
            .then(|| self.hub.seat(&listen.grant, counted))
            .flatten();
        let Some(seat) = seat else {
            let away = match *self.draining.borrow() {
                true => Away::Draining,
                false => Away::Limit,
            };
            noted.streams(&self.metrics, Some(away));
            return self.send_away(connection, &listen.head).await;
        };
        let level = self.log.holds().as_str();
        let mut head = reply::stream_head(&listen.head, level);
        let client = listen.client.then(|| Client {
            id: Alphanumeric
                .sample_string(&mut rand::rng(), CLIENT_ID_CHARS)
                .into(),
            address,
        });
        if let Some(client) = &client {
            head.extend_from_slice(&pocketbase::connected(&client.id));
        }
        let joining = Joining {
            socket: connection.into_socket(),
            head: head.freeze(),
            client,
            grant: listen.grant,
            since: listen.since,
            tail: self.log.tail(),
            view: listen.view,
            seat,
            request_id: noted.id.as_str().into(),
        };
        noted.streams(&self.metrics, None);
        self.hub.listen(joining).await;
        After::Done
    }

    /// Reads what a client at `address` subscribes to, and has it subscribed; the answer to give.
    async fn submit(
        &self,
        connection: &mut Connection,
        submit: &Submit,
        address: IpAddr,
        continues: bool,
        snapshot: &Snapshot,
    ) -> Response<Bytes> {
        let body = match read_body(connection, submit.body_bytes_max, continues).await {
            Ok(body) => body,
            Err(Unread::TooLarge) => return submit.too_large(),
            Err(Unread::Broken(status, why)) => return submit.answer(status, why),
        };
        self.look_into(submit.credential(), snapshot).await;
        let now = Timestamp::now();
        let (submission, grant) = match submit.submission(body, &snapshot.access, now).await {
            Ok(read) => read,
            Err(refused) => return *refused,
        };
        let client = Client {
            id: submission.client_id.as_ref().into(),
            address,
        };
        let done = self
            .hub
            .submit(client, grant, submission.view(), submission.since());
        match done.await {
            Ok(()) => submit.done(),
            Err(denial) => submit.denied(denial),
        }
    }

    /// Reads the body of a publish and appends it; the answer to give.
    async fn publish(
        &self,
        connection: &mut Connection,
        publish: &Publish,
        continues: bool,
        snapshot: &Snapshot,
    ) -> Response<Bytes> {
        let body = match read_body(connection, publish.body_bytes_max, continues).await {
            Ok(body) => body,
            Err(Unread::TooLarge) => return publish.too_large(),
            Err(Unread::Broken(status, why)) => return publish.answer(status, why),
        };
        // What was known of its credential may have ended while the body came.
        self.look_into(publish.credential(), snapshot).await;
        match publish.kind(&body, &snapshot.access, Timestamp::now()) {
            Ok(_) if self.log.refuses() => publish.answer(
                StatusCode::SERVICE_UNAVAILABLE,
                "the event was not published: it cannot be logged now",
            ),
            Ok(published) => {
                if let Err(wait) = self.publishers.count(published.by, publish.rate) {
                    return publish.too_often(wait);
                }
                if let Some(ticket) = self.log.append(vec![published.kind], None) {
                    ticket.await;
                }
                published.reply
            }
            Err(refused) => *refused,
        }
    }

    /// Answers a head that may not pass, and closes.
    async fn refuse(&self, mut connection: Box<Connection>, refused: Refused) {
        let id = connection.request_id();
        noted::refused(&self.metrics, refused, id, connection.peer());
        let reply = dialect::reply(refused.status, refused.message);
        let bytes = reply::whole(&reply, &Method::GET, false, id);
        drop(connection.send(&bytes).await);
        connection.close().await;
    }

    async fn reply(
        &self,
        mut connection: Box<Connection>,
        reply: &Response<Bytes>,
        noted: &Noted<'_>,
    ) -> After {
        let admitted = noted.admitted;
        // A body that was not read to its end is in the way of the next request.
        let keep_alive =
            admitted.keep_alive && connection.body_is_complete() && !*self.draining.borrow();
        let bytes = reply::whole(reply, &admitted.method, keep_alive, &noted.id);
        let sent = connection.send(&bytes).await;
        noted.answered(&self.metrics, reply.status(), reply.body().len());
        match sent {
            Ok(()) if keep_alive => After::Next(connection),
            _ => After::Close(connection),
        }
    }
}

/// Why a body was not read.
enum Unread {
    /// This is to be answered.
    Broken(StatusCode, &'static str),
    TooLarge,
}

/// Reads the body of a request that is answered here, of so many bytes at most.
async fn read_body(
    connection: &mut Connection,
    bytes_max: usize,
    continues: bool,
) -> Result<Bytes, Unread> {
    let broken = |why| Unread::Broken(StatusCode::BAD_REQUEST, why);
    if continues {
        let sent = connection.send(b"HTTP/1.1 100 Continue\r\n\r\n").await;
        sent.map_err(|_lost| broken("the connection was lost"))?;
    }
    match timeout(PUBLISH_TIMEOUT, connection.body(bytes_max)).await {
        Ok(Ok(body)) => Ok(body.into()),
        Ok(Err(BodyError::TooLarge)) => Err(Unread::TooLarge),
        Ok(Err(error)) => {
            debug!(%error, "the body of a request could not be read");
            Err(broken("the request's body is broken"))
        }
        Err(_elapsed) => Err(Unread::Broken(
            StatusCode::REQUEST_TIMEOUT,
            "the request's body did not come in time",
        )),
    }
}

/// Characters of a client id: of 62, so that nobody guesses one.
const CLIENT_ID_CHARS: usize = 40;

/// The fields of a head that the gate has admitted.
fn headers(head: &BytesMut) -> HeaderMap {
    let mut fields = [httparse::EMPTY_HEADER; HEAD_FIELDS_MAX];
    let mut request = httparse::Request::new(&mut fields);
    // The gate has parsed the same bytes.
    let _parsed = request.parse(head);
    request
        .headers
        .iter()
        .filter_map(|field| {
            let name = HeaderName::from_bytes(field.name.as_bytes()).ok()?;
            Some((name, HeaderValue::from_bytes(field.value).ok()?))
        })
        .collect()
}
