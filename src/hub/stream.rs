//! One subscriber's socket, and how far it has been served.
//!
//! A stream that has been sent everything is [`Position::Live`] and holds nothing. One whose
//! socket was full holds the rest of the one frame that was cut, and its place in the log:
//! everything after that is read from the log when the socket takes bytes again. So what a
//! slow subscriber costs does not grow with what it misses, and a right that it loses
//! meanwhile is lost for every frame that had not begun.

use std::collections::VecDeque;
use std::io::ErrorKind;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use bytes::Bytes;
use parking_lot::Mutex;
use socket2::SockRef;
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::Seat;
use super::beats::Place;
use super::clients::Subscribed;
use crate::limits::{STREAM_STALL, STREAM_UNSENT_BYTES};
use crate::metrics::Metrics;

/// One open stream, as the engine holds it.
#[derive(Debug)]
pub(super) struct Stream {
    socket: TcpStream,
    waker: Arc<StreamWaker>,
    /// How far it has been served.
    pub(super) position: Position,
    /// Its audience, and its place among the members.
    pub(super) audience: (usize, usize),
    /// Where it stands among those that have their beats as often.
    pub(super) beat: Place,
    /// What is known of the client, if it has an id; none: it hears what it asked for when it came.
    pub(super) subscribed: Option<Box<Subscribed>>,
    /// Its place under the limits, given back with it.
    pub(super) seat: Seat,
}

/// How far a stream has been served.
#[derive(Debug)]
pub(super) enum Position {
    /// Its socket was full.
    Behind(Box<Behind>),
    /// It has been sent all that the engine has sent to anybody.
    Live,
}

/// What a stream has still to be sent.
#[derive(Debug)]
pub(super) struct Behind {
    /// The rest of the frame that was cut. The frame is complete before anything else goes out.
    pub(super) rest: Bytes,
    /// The place in the log up to which frames have gone out whole, once `rest` has.
    pub(super) after: u64,
    /// When the socket last took a byte.
    pub(super) progressed: Instant,
    /// For each subscription of a client the place behind which it hears; none: behind `after`.
    pub(super) starts: Option<Arc<[u64]>>,
}

/// What became of a write.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Written {
    /// Everything was taken.
    All,
    /// The subscriber is gone.
    Gone,
    /// So many bytes were taken, then the socket was full; the engine is woken when it is not.
    Part(usize),
}

/// Streams whose sockets have something to tell, each at most once.
#[derive(Debug)]
pub(super) struct Ready {
    /// Bounded by the number of streams: a stream that is in it is not pushed again.
    streams: Mutex<VecDeque<u32>>,
    wake: Arc<Notify>,
    /// Here because every stream has a way to it.
    metrics: Arc<Metrics>,
}

/// Wakes the engine for one stream.
#[derive(Debug)]
struct StreamWaker {
    stream: u32,
    /// Set while the stream is in the list. Acquire and release, so that what made the socket
    /// ready is seen by the service that follows.
    listed: AtomicBool,
    ready: Arc<Ready>,
}

impl Stream {
    /// Takes over a socket. What the kernel may hold for it, and how long a peer that answers
    /// nothing at all is waited for, are bounded here.
    pub(super) fn new(socket: TcpStream, stream: u32, ready: &Arc<Ready>, seat: Seat) -> Self {
        let options = SockRef::from(&socket);
        // A socket that refuses an option is served all the same.
        drop(options.set_tcp_notsent_lowat(STREAM_UNSENT_BYTES));
        drop(options.set_tcp_user_timeout(Some(STREAM_STALL)));
        Self {
            socket,
            waker: Arc::new(StreamWaker {
                stream,
                listed: AtomicBool::new(false),
                ready: Arc::clone(ready),
            }),
            position: Position::Live,
            audience: (0, 0),
            beat: Place::default(),
            subscribed: None,
            seat,
        }
    }

    /// Writes as much as the socket takes.
    pub(super) fn write(&self, bytes: &[u8]) -> Written {
        let mut taken = 0;
        let written = self.write_on(bytes, &mut taken);
        self.waker.ready.metrics.streams.bytes.add(taken as u64);
        written
    }

    fn write_on(&self, bytes: &[u8], taken: &mut usize) -> Written {
        while let Some(rest) = bytes.get(*taken..).filter(|rest| !rest.is_empty()) {
            match self.socket.try_write(rest) {
                Ok(n) => *taken += n,
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    match self.poll(TcpStream::poll_write_ready) {
                        Poll::Ready(Ok(())) => {}
                        Poll::Ready(Err(_)) => return Written::Gone,
                        Poll::Pending => return Written::Part(*taken),
                    }
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => return Written::Gone,
            }
        }
        Written::All
    }

    /// Looks whether the subscriber is still there. What it sends is of no interest and is
    /// dropped; the end of it, or a reset, is the end of the stream.
    pub(super) fn is_open(&self) -> bool {
        self.waker.listed.store(false, Ordering::Release);
        let mut dropped = [0; 512];
        for _ in 0..READS_IN_A_ROW {
            match self.socket.try_read(&mut dropped) {
                Ok(0) => return false,
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    match self.poll(TcpStream::poll_read_ready) {
                        Poll::Ready(Ok(())) => {}
                        Poll::Ready(Err(_)) => return false,
                        Poll::Pending => return true,
                    }
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => return false,
            }
        }
        // It sends without end: the others come first.
        self.call_again();
        true
    }

    /// Whether it has been sent all that anybody has been sent.
    pub(super) fn is_live(&self) -> bool {
        matches!(self.position, Position::Live)
    }

    /// Whether no frame was cut: another may begin.
    pub(super) fn is_between_frames(&self) -> bool {
        match &self.position {
            Position::Behind(behind) => behind.rest.is_empty(),
            Position::Live => true,
        }
    }

    /// Asks for another turn, behind those who are waiting.
    pub(super) fn call_again(&self) {
        self.waker.wake_by_ref();
    }

    /// Whether the subscriber has taken no byte for too long.
    pub(super) fn is_stalled(&self, now: Instant) -> bool {
        match &self.position {
            Position::Behind(behind) => stalled_for(behind, now) > STREAM_STALL,
            Position::Live => false,
        }
    }

    fn poll<T>(&self, poll: impl Fn(&TcpStream, &mut Context<'_>) -> Poll<T>) -> Poll<T> {
        let waker = Waker::from(Arc::clone(&self.waker));
        poll(&self.socket, &mut Context::from_waker(&waker))
    }
}

impl Behind {
    /// Continues behind the place `after`, with `rest` still to go out before it.
    pub(super) fn at(after: u64, rest: Bytes, now: Instant) -> Position {
        Position::Behind(Box::new(Self {
            rest,
            after,
            progressed: now,
            starts: None,
        }))
    }

    /// Continues behind the place `after`, each subscription behind a place of its own.
    pub(super) fn since(after: u64, starts: Arc<[u64]>, now: Instant) -> Position {
        Position::Behind(Box::new(Self {
            rest: Bytes::new(),
            after,
            progressed: now,
            starts: Some(starts),
        }))
    }

    /// The same subscriptions, at another position.
    pub(super) fn keep_starts(starts: Option<Arc<[u64]>>, mut position: Position) -> Position {
        if let Position::Behind(behind) = &mut position {
            behind.starts = starts;
        }
        position
    }
}

impl Ready {
    /// An empty list that tells `wake` when it no longer is.
    pub(super) fn new(wake: Arc<Notify>, metrics: Arc<Metrics>) -> Arc<Self> {
        Arc::new(Self {
            streams: Mutex::new(VecDeque::new()),
            wake,
            metrics,
        })
    }

    /// The streams to look at, so many at most: those that have waited longest. If there are
    /// more, `wake` is told again.
    pub(super) fn take(&self, max: usize) -> Vec<u32> {
        let mut streams = self.streams.lock();
        let taken = streams.len().min(max);
        let taken = streams.drain(..taken).collect();
        if !streams.is_empty() {
            self.wake.notify_one();
        }
        taken
    }
}

impl Wake for StreamWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if !self.listed.swap(true, Ordering::AcqRel) {
            self.ready.streams.lock().push_back(self.stream);
            self.ready.wake.notify_one();
        }
    }
}

fn stalled_for(behind: &Behind, now: Instant) -> Duration {
    now.saturating_duration_since(behind.progressed)
}

/// Reads of one stream before the others have their turn.
const READS_IN_A_ROW: usize = 4;
