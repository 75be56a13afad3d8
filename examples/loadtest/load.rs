//! Requests on connections that are kept, as fast as they are answered or at the times at which
//! they are due.
//!
//! Each connection takes the next number when it is free and waits until that is due. So one that
//! has to wait for an answer makes the next request late, and the time that is measured from when
//! a request was due has that in it: nothing is left out because the server was slow.

use std::cell::Cell;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use tokio::io::{AsyncRead, AsyncWriteExt, ReadBuf};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::pace::Pace;
use crate::target::{Socket, Target};
use crate::wire::{Body, Head, head};

/// What is sent, and who is told what became of it.
pub(crate) trait Work {
    /// The method, which says how the answer is read.
    fn method(&self) -> &str;
    /// Writes the whole request of this number.
    fn request(&self, number: u32, due: Instant, into: &mut Vec<u8>);
    /// It is sent now.
    fn begun(&self, _number: u32) {}
    /// What came of it.
    fn done(&self, number: u32, times: Times, answer: Result<Answer, String>);
}

/// When a request was due and when it was sent; now it is answered.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Times {
    pub(crate) due: Instant,
    pub(crate) sent: Instant,
}

/// An answer that came whole.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// Of head and body, as they came.
    pub(crate) bytes: u64,
}

/// How much is sent, and when.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    pub(crate) connections: usize,
    /// So many requests a burst.
    pub(crate) burst: u32,
    /// Bursts a second; none: as soon as a connection is free.
    pub(crate) rate: Option<f64>,
    /// The number of the first.
    pub(crate) first: u32,
    /// The number after the last.
    pub(crate) end: u32,
}

/// Sends it all, or as much as goes until `stop` is true.
pub(crate) async fn run<W: Work + 'static>(
    target: &Target,
    plan: Plan,
    work: &Rc<W>,
    stop: &watch::Receiver<bool>,
) {
    let next = Rc::new(Cell::new(plan.first));
    let start = Instant::now();
    let mut connections = JoinSet::new();
    for number in 0..plan.connections {
        let mut connection = Connection {
            target: target.clone(),
            number,
            socket: None,
            read: Vec::new(),
        };
        let (next, work, mut stop) = (Rc::clone(&next), Rc::clone(work), stop.clone());
        connections.spawn_local(async move {
            let mut pace = Pace::new();
            let mut request = Vec::new();
            while next.get() < plan.end && !*stop.borrow() {
                let number = next.replace(next.get() + 1);
                let due = match plan.due(number) {
                    Some(after) => start + after,
                    None => Instant::now(),
                };
                if !pace.wait(due, &mut stop).await {
                    break;
                }
                request.clear();
                work.request(number, due, &mut request);
                work.begun(number);
                let sent = Instant::now();
                let answer = connection.ask(&request, work.method()).await;
                let failed = answer.is_err();
                work.done(number, Times { due, sent }, answer);
                if failed {
                    connection.socket = None;
                    // A server that is gone is not asked again at once.
                    tokio::time::sleep(AFTER_FAILURE).await;
                }
            }
        });
    }
    while connections.join_next().await.is_some() {}
}

impl Plan {
    /// How long after the start a request is due.
    fn due(&self, number: u32) -> Option<Duration> {
        let burst = (number - self.first) / self.burst.max(1);
        let rate = self.rate?;
        Some(Duration::from_secs_f64(f64::from(burst) / rate))
    }
}

struct Connection {
    target: Target,
    number: usize,
    /// None before the first request and after a failure.
    socket: Option<Socket>,
    /// What was read of an answer whose head is not whole.
    read: Vec<u8>,
}

impl Connection {
    async fn ask(&mut self, request: &[u8], method: &str) -> Result<Answer, String> {
        if let Some(socket) = &mut self.socket
            && has_ended(socket).await
        {
            self.socket = None;
        }
        let socket = match &mut self.socket {
            Some(socket) => socket,
            none => {
                let socket = self.target.connect(self.number).await;
                none.insert(socket.map_err(|error| format!("cannot connect: {error}"))?)
            }
        };
        let failed = |error: io::Error| format!("cannot send: {error}");
        socket.write_all(request).await.map_err(failed)?;
        socket.flush().await.map_err(failed)?;
        self.read.clear();
        let mut reading = Reading {
            method,
            head: &mut self.read,
            body: None,
        };
        let (answer, closes) = loop {
            let piece = poll_fn(|context| reading.poll(socket, context)).await;
            if let Some(done) = piece.map_err(|error| format!("no answer: {error}"))? {
                break done;
            }
        };
        if closes {
            self.socket = None;
        }
        Ok(answer)
    }
}

/// An answer as it comes.
struct Reading<'a> {
    method: &'a str,
    head: &'a mut Vec<u8>,
    body: Option<(Answer, bool, Body)>,
}

impl Reading<'_> {
    /// Reads once, into room that all share; the answer and whether the connection ends with it.
    fn poll(
        &mut self,
        socket: &mut Socket,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<Option<(Answer, bool)>>> {
        BUFFER.with_borrow_mut(|room| {
            let mut room = ReadBuf::new(room);
            ready!(Pin::new(socket).poll_read(context, &mut room))?;
            Poll::Ready(self.take(room.filled()))
        })
    }

    fn take(&mut self, piece: &[u8]) -> io::Result<Option<(Answer, bool)>> {
        let broken = |why: String| io::Error::new(io::ErrorKind::InvalidData, why);
        if let Some((answer, closes, body)) = &mut self.body {
            answer.bytes += piece.len() as u64;
            body.take(piece, |_data| {}).map_err(broken)?;
            let done = body.is_done() || (piece.is_empty() && matches!(body, Body::Close));
            if piece.is_empty() && !done {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            return Ok(done.then_some((*answer, *closes)));
        }
        if piece.is_empty() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.head.extend_from_slice(piece);
        let Some(head) = head(self.head, self.method).map_err(broken)? else {
            return Ok(None);
        };
        let Head {
            status,
            length,
            closes,
            mut body,
            ..
        } = head;
        let rest = self.head.get(length..).unwrap_or_default().to_vec();
        if matches!(status, 100 | 102..=199) {
            self.head.clear();
            return match rest.is_empty() {
                true => Ok(None),
                false => self.take(&rest),
            };
        }
        let bytes = self.head.len() as u64;
        body.take(&rest, |_data| {}).map_err(broken)?;
        let answer = Answer { status, bytes };
        if body.is_done() {
            return Ok(Some((answer, closes)));
        }
        self.body = Some((answer, closes, body));
        Ok(None)
    }
}

/// Whether the server closed a connection that is not in use. What it sends unasked ends it too.
async fn has_ended(socket: &mut Socket) -> bool {
    poll_fn(|context| {
        let mut byte = [0];
        let mut room = ReadBuf::new(&mut byte);
        let polled = Pin::new(&mut *socket).poll_read(context, &mut room);
        Poll::Ready(polled.is_ready())
    })
    .await
}

/// Bytes that are read at once.
const READ_BYTES: usize = 64 * 1024;
const AFTER_FAILURE: Duration = Duration::from_millis(20);

thread_local! {
    /// Where all connections of a thread read to.
    pub(crate) static BUFFER: std::cell::RefCell<Vec<u8>> = std::cell::RefCell::new(vec![0; READ_BYTES]);
}
