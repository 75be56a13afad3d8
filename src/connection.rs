//! A downstream's connection, as pingora sees it: one request, exactly.
//!
//! pingora reads and writes through this type, and gets from it what a bare socket cannot give:
//!
//! - **One request at a time.** Reads end where the request's body ends ([`Framing`]). What
//!   comes behind it is kept for the next round, and never reaches pingora.
//! - **A write is observed although its client left.** Once [`Connection::hide_loss`] was
//!   called, a lost downstream is not told: what pingora writes is swallowed, and the
//!   exchange goes on to the upstream's last byte. A client that only closed its sending half
//!   still gets the answer to what may write (RFC 9112 § 9.6). One that was to be read to is
//!   taken to have left, as by most proxies: the upstream need not go on for nobody.
//! - **Nothing is delayed.** Small writes wait in `outbound` to go out together, and go out
//!   whenever pingora polls for reading, which it does whenever it waits for the upstream.
//! - **Acknowledged means logged.** What is written after [`Connection::hold`] waits until the
//!   log holds the event that it acknowledges.
//!
//! Between requests the front owns the connection and reads heads from it.

mod framing;
mod request_id;
mod session;

use std::any::Any;
use std::fmt;
use std::io::{self, ErrorKind, IoSlice};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};

use bytes::{Buf, BytesMut};
use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep, sleep, timeout};

pub(crate) use framing::{BadChunk, Framing};
pub(crate) use request_id::RequestId;

use crate::config::Snapshot;
use crate::forwarded::Stranger;
use crate::limits::{AHEAD_BYTES_MAX, DOWNSTREAM_STALL, KIB, LINGER, OUTBOUND_BYTES_MAX};
use crate::log::Ticket;

/// One downstream connection.
pub(crate) struct Connection {
    socket: TcpStream,
    peer: SocketAddr,
    /// What the upstream is told of the peer, as long as it speaks for nobody else.
    stranger: Stranger,
    /// What came and belongs to no request that was served yet, or to the body of the one that
    /// is. Bounded by the head's limit while a head is read, by [`AHEAD_BYTES_MAX`] otherwise.
    inbound: BytesMut,
    /// What is left of the body of the request that is served.
    framing: Framing,
    /// What pingora has written and the socket has not taken; bounded by [`OUTBOUND_BYTES_MAX`].
    outbound: BytesMut,
    /// Runs while the socket takes nothing of what waits: at its end the downstream is lost.
    stall: Option<Pin<Box<Sleep>>>,
    /// Whether the downstream can still be written to.
    outlet: Outlet,
    /// Whether the downstream has closed its sending half.
    input_ended: bool,
    /// What the end of the input means to the request that is served.
    at_end: AtEnd,
    /// The configuration that the request which is served sees, from start to end.
    snapshot: Option<Arc<Snapshot>>,
    /// What the request that is served is called.
    request_id: RequestId,
    /// When its head was whole.
    begun: Instant,
    /// Set by the proxy through a shared reference while pingora owns the connection; read by
    /// the same task. Relaxed: nothing else is published by it.
    loss_hidden: AtomicBool,
    /// Set by the proxy once the answer turned the connection into a tunnel; as above.
    tunnel: AtomicBool,
    /// Set here when the body's framing is broken; the proxy then answers 400.
    malformed: AtomicBool,
    /// What has to happen before anything more is written. Set by the proxy through a shared
    /// reference, and looked at by the same task: the lock is never waited for.
    held: Mutex<Option<Ticket>>,
}

/// Whether a downstream can be written to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outlet {
    /// It is gone, and what is written is dropped.
    Lost,
    /// It takes bytes.
    Open,
}

/// Why a body could not be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BodyError {
    /// Its framing is broken.
    #[error(transparent)]
    Broken(#[from] BadChunk),
    /// The downstream left before its end.
    #[error(transparent)]
    Left(#[from] io::Error),
    /// It is longer than it may be.
    #[error("the body is longer than it may be")]
    TooLarge,
}

/// What it means that a downstream closes its sending half behind a whole request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AtEnd {
    /// It has left: the exchange is given up.
    GiveUp,
    /// It waits for its answer.
    Serve,
}

impl Connection {
    /// Takes over an accepted socket.
    pub(crate) fn new(socket: TcpStream, peer: SocketAddr) -> Self {
        Self {
            socket,
            peer,
            stranger: Stranger::default(),
            inbound: BytesMut::new(),
            framing: Framing::Complete,
            outbound: BytesMut::new(),
            stall: None,
            outlet: Outlet::Open,
            input_ended: false,
            at_end: AtEnd::Serve,
            snapshot: None,
            request_id: RequestId::NONE,
            begun: Instant::now(),
            loss_hidden: AtomicBool::new(false),
            tunnel: AtomicBool::new(false),
            malformed: AtomicBool::new(false),
            held: Mutex::new(None),
        }
    }

    /// The bytes that came and were not taken yet.
    pub(crate) fn inbound(&self) -> &[u8] {
        &self.inbound
    }

    /// Takes the first `bytes` of what came.
    pub(crate) fn take_inbound(&mut self, bytes: usize) -> BytesMut {
        self.inbound.split_to(bytes.min(self.inbound.len()))
    }

    /// Passes over an empty line before a request, which some clients send behind a body: "a
    /// server ... SHOULD ignore at least one empty line" (RFC 9112 § 2.2).
    pub(crate) fn skip_empty_line(&mut self) {
        if self.inbound.starts_with(b"\r\n") {
            self.inbound.advance(2);
        }
    }

    /// Waits until more has come; the answer is how much, 0 at the end of it.
    ///
    /// Cancellation loses nothing.
    pub(crate) async fn fill(&mut self) -> io::Result<usize> {
        if self.input_ended {
            return Ok(0);
        }
        self.inbound.reserve(READ_BYTES);
        let read = self.socket.read_buf(&mut self.inbound).await?;
        self.input_ended = read == 0;
        Ok(read)
    }

    /// Makes ready for one request: its head has been taken, its body follows.
    pub(crate) fn begin(&mut self, framing: Framing, at_end: AtEnd, snapshot: Arc<Snapshot>) {
        self.framing = framing;
        self.at_end = at_end;
        self.snapshot = Some(snapshot);
        self.loss_hidden = AtomicBool::new(false);
        self.tunnel = AtomicBool::new(false);
        self.malformed = AtomicBool::new(false);
    }

    /// The request's body, for the front's own use.
    ///
    /// # Errors
    /// [`BodyError`]; the connection can serve nothing after it.
    pub(crate) async fn body(&mut self, bytes_max: usize) -> Result<Vec<u8>, BodyError> {
        let mut body = Vec::new();
        while !self.framing.is_complete() {
            if self.inbound.is_empty() && self.fill().await? == 0 {
                return Err(BodyError::Left(ErrorKind::UnexpectedEof.into()));
            }
            let decoded = self
                .framing
                .decode(&self.inbound, |data| body.extend_from_slice(data))?;
            self.inbound.advance(decoded);
            if body.len() > bytes_max {
                return Err(BodyError::TooLarge);
            }
        }
        Ok(body)
    }

    /// Whether the request's body has been read to its end.
    pub(crate) fn body_is_complete(&self) -> bool {
        self.framing.is_complete()
    }

    /// Writes an answer of the sidecar's own.
    pub(crate) async fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        let write = self.socket.write_all(bytes);
        match timeout(DOWNSTREAM_STALL, write).await {
            Ok(written) => written,
            Err(_elapsed) => Err(ErrorKind::TimedOut.into()),
        }
    }

    /// Closes the sending half, and reads for a moment what still comes: a socket that is closed
    /// with unread bytes resets the connection, and with it the answer that is on its way.
    pub(crate) async fn close(mut self) {
        if self.socket.shutdown().await.is_ok() {
            let mut dropped = [0; 512];
            let linger = async { while let Ok(1..) = self.socket.read(&mut dropped).await {} };
            drop(timeout(LINGER, linger).await);
        }
    }

    /// Gives the socket up, to the engine.
    pub(crate) fn into_socket(self) -> TcpStream {
        self.socket
    }

    /// The downstream's address.
    pub(crate) fn peer(&self) -> SocketAddr {
        self.peer
    }

    /// What the upstream is told of the peer.
    pub(crate) fn stranger(&mut self) -> &mut Stranger {
        &mut self.stranger
    }

    /// The configuration that the request which is served sees.
    pub(crate) fn snapshot(&self) -> Option<&Arc<Snapshot>> {
        self.snapshot.as_ref()
    }

    /// From now on, until the next request, pingora is not told that the downstream is gone.
    pub(crate) fn hide_loss(&self) {
        self.loss_hidden.store(true, Ordering::Relaxed);
    }

    /// From now on bytes pass both ways without a framing: the answer was a 101.
    pub(crate) fn open_tunnel(&self) {
        self.tunnel.store(true, Ordering::Relaxed);
    }

    /// Writes nothing more until the ticket is ready. What was written before may go.
    pub(crate) fn hold(&self, ticket: Ticket) {
        *self.held.lock() = Some(ticket);
    }

    /// Waits for what was given to [`Connection::hold`].
    fn poll_held(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let held = self.held.get_mut();
        if let Some(ticket) = held {
            ready!(Pin::new(ticket).poll(cx));
            *held = None;
        }
        Poll::Ready(())
    }

    /// Whether the body's framing was broken.
    pub(crate) fn is_malformed(&self) -> bool {
        self.malformed.load(Ordering::Relaxed)
    }

    /// The loss of the downstream: hidden, or told as `error`.
    fn lose(&mut self, error: io::Error) -> io::Result<()> {
        self.outlet = Outlet::Lost;
        self.outbound = BytesMut::new();
        self.stall = None;
        if self.loss_hidden.load(Ordering::Relaxed) {
            Ok(())
        } else {
            Err(error)
        }
    }

    /// Writes out what waits. Ready when nothing waits any more, or when the downstream is lost:
    /// it left, or it has taken nothing for [`DOWNSTREAM_STALL`].
    fn poll_outbound(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.outbound.is_empty() {
            if let Err(error) = ready!(self.poll_out(cx, &[])) {
                return Poll::Ready(self.lose(error));
            }
        }
        Poll::Ready(Ok(()))
    }

    /// Writes what waits and `more` behind it, as much as the socket takes: how much of `more`.
    fn poll_out(&mut self, cx: &mut Context<'_>, more: &[u8]) -> Poll<io::Result<usize>> {
        let socket = Pin::new(&mut self.socket);
        let written = if more.is_empty() {
            socket.poll_write(cx, &self.outbound)
        } else {
            let both = [IoSlice::new(&self.outbound), IoSlice::new(more)];
            socket.poll_write_vectored(cx, &both)
        };
        let written = match written {
            Poll::Ready(Ok(0)) => return Poll::Ready(Err(ErrorKind::WriteZero.into())),
            Poll::Ready(written) => written?,
            Poll::Pending => {
                let started = || Box::pin(sleep(DOWNSTREAM_STALL));
                let stall = self.stall.get_or_insert_with(started);
                ready!(stall.as_mut().poll(cx));
                return Poll::Ready(Err(ErrorKind::TimedOut.into()));
            }
        };
        self.stall = None;
        let waited = written.min(self.outbound.len());
        self.outbound.advance(waited);
        Poll::Ready(Ok(written - waited))
    }

    /// Reads into `inbound`; ready with `false` at the end of the input.
    fn poll_inbound(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<bool>> {
        while !self.input_ended {
            ready!(self.socket.poll_read_ready(cx))?;
            // Room is made only once there is something to read: most of the time there is not.
            self.inbound.reserve(READ_BYTES);
            match self.socket.try_read_buf(&mut self.inbound) {
                Ok(read) => {
                    self.input_ended = read == 0;
                    return Poll::Ready(Ok(read > 0));
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
        Poll::Ready(Ok(false))
    }

    /// Gives the next bytes of the request's body.
    fn poll_body(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        // The end of the input is told: the body is incomplete, and the upstream must not
        // take it for whole.
        if self.inbound.is_empty() && !ready!(self.poll_inbound(cx))? {
            return Poll::Ready(Ok(()));
        }
        let room = self.inbound.len().min(buf.remaining());
        let offered = self.inbound.get(..room).unwrap_or_default();
        match self.framing.walk(offered) {
            Ok(walked) => {
                buf.put_slice(&self.inbound.split_to(walked));
                Poll::Ready(Ok(()))
            }
            Err(bad) => {
                self.malformed.store(true, Ordering::Relaxed);
                Poll::Ready(Err(invalid(bad)))
            }
        }
    }

    /// Waits, behind a request that is complete, for nothing but the loss of the downstream.
    /// What comes is kept for the next round. The end of the input is told where it means that.
    fn poll_idle(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.outlet == Outlet::Open && self.inbound.len() < AHEAD_BYTES_MAX {
            match ready!(self.poll_inbound(cx)) {
                Ok(true) => {}
                Ok(false) if self.at_end == AtEnd::GiveUp => return Poll::Ready(Ok(())),
                Ok(false) => return Poll::Pending,
                Err(error) => {
                    self.input_ended = true;
                    if let Err(told) = self.lose(error) {
                        return Poll::Ready(Err(told));
                    }
                }
            }
        }
        Poll::Pending
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        // pingora has nothing to write at this moment, so what waits may go.
        if let Poll::Ready(Err(error)) = self.poll_outbound(cx) {
            return Poll::Ready(Err(error));
        }
        if self.tunnel.load(Ordering::Relaxed) {
            if self.inbound.is_empty() {
                return Pin::new(&mut self.socket).poll_read(cx, buf);
            }
            let room = self.inbound.len().min(buf.remaining());
            buf.put_slice(&self.inbound.split_to(room));
            return Poll::Ready(Ok(()));
        }
        if self.framing.is_complete() {
            self.poll_idle(cx)
        } else {
            self.poll_body(cx, buf)
        }
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        ready!(self.poll_held(cx));
        let is_copied = bytes.len() < COPIED_BYTES_MAX;
        if is_copied && self.outbound.len() + bytes.len() > OUTBOUND_BYTES_MAX {
            ready!(self.poll_outbound(cx))?;
        }
        if self.outlet == Outlet::Lost {
            let lost = self.lose(ErrorKind::BrokenPipe.into());
            return Poll::Ready(lost.map(|()| bytes.len()));
        }
        if is_copied {
            self.outbound.extend_from_slice(bytes);
            return Poll::Ready(Ok(bytes.len()));
        }
        loop {
            match ready!(self.poll_out(cx, bytes)) {
                Ok(0) => {}
                Ok(taken) => return Poll::Ready(Ok(taken)),
                Err(error) => return Poll::Ready(self.lose(error).map(|()| bytes.len())),
            }
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_outbound(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // The end of an answer may be the end of the connection.
        ready!(self.poll_held(cx));
        ready!(self.poll_outbound(cx))?;
        Pin::new(&mut self.socket).poll_shutdown(cx)
    }
}

impl fmt::Debug for Connection {
    /// Shows no byte of what passes: there are credentials in it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection")
            .field("peer", &self.peer)
            .field("framing", &self.framing)
            .field("outlet", &self.outlet)
            .finish_non_exhaustive()
    }
}

/// The connection behind a stream that pingora holds.
pub(crate) fn of(stream: &dyn Any) -> Option<&Connection> {
    stream.downcast_ref()
}

fn invalid(bad: BadChunk) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, bad)
}

/// Bytes that are asked of the socket at a time.
const READ_BYTES: usize = 8 * KIB;
/// Bytes of a piece that is copied to go out together with others: what is longer is worth a call.
const COPIED_BYTES_MAX: usize = 4 * KIB;
