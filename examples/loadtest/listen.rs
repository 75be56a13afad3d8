//! Streams: opened, read to their end, opened again.

use std::cell::RefCell;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::ready;
use std::time::{Duration, Instant};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt, ReadBuf};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use crate::heard::Heard;
use crate::load::BUFFER;
use crate::numbers::Latency;
use crate::pace::Pace;
use crate::target::{Field, Socket, Target};
use crate::wire::{Body, head};

/// All streams of a run.
pub(crate) struct Listeners {
    target: Target,
    fields: Vec<Field>,
    /// Whether a stream that the server ends is opened again.
    again: bool,
    pub(crate) heard: Rc<Heard>,
    pub(crate) opening: RefCell<Opening>,
    /// Connections that are being made.
    window: Semaphore,
    tasks: RefCell<Vec<JoinHandle<()>>>,
}

/// How opening went.
#[derive(Default)]
pub(crate) struct Opening {
    /// From the connection's begin to the head of the answer.
    pub(crate) times: Latency,
    /// From the connection's begin to the first that the stream says.
    pub(crate) first: Latency,
    pub(crate) opened: u64,
    pub(crate) failed: u64,
    /// Why the first did that did.
    pub(crate) failure: Option<String>,
    /// When the last did that did.
    pub(crate) last_at: Option<Instant>,
}

/// A stream whose answer has begun.
pub(crate) struct Open {
    socket: Socket,
    body: Body,
    /// What came with the head.
    rest: Vec<u8>,
}

impl Listeners {
    pub(crate) fn new(target: Target, fields: Vec<Field>, again: bool, heard: Rc<Heard>) -> Self {
        Self {
            target,
            fields,
            again,
            heard,
            opening: RefCell::default(),
            window: Semaphore::new(WINDOW),
            tasks: RefCell::default(),
        }
    }

    /// Opens so many, each after the event that it heard last, and waits until each is open or
    /// has failed.
    pub(crate) async fn open_all(
        self: &Rc<Self>,
        streams: usize,
        rate: Option<f64>,
        stop: &mut watch::Receiver<bool>,
    ) {
        *self.opening.borrow_mut() = Opening::default();
        let (start, mut pace) = (Instant::now(), Pace::new());
        let settled = Rc::new(Semaphore::new(0));
        let mut begun = 0;
        for number in 0..streams {
            let due = rate.map(|rate| Duration::from_secs_f64(number as f64 / rate));
            if *stop.borrow() || !pace.wait(start + due.unwrap_or_default(), stop).await {
                break;
            }
            let (listeners, settled) = (Rc::clone(self), Rc::clone(&settled));
            let task = tokio::task::spawn_local(async move {
                let open = listeners.open_counted(number).await;
                settled.add_permits(1);
                if let Some((open, began)) = open {
                    listeners.keep(number, open, began).await;
                }
            });
            self.tasks.borrow_mut().push(task);
            begun += 1;
        }
        tokio::select! {
            _ = settled.acquire_many(begun) => {}
            _ = stop.wait_for(|stop| *stop) => {}
        }
    }

    /// Closes all at once.
    pub(crate) fn close_all(&self) {
        for (number, task) in self.tasks.borrow_mut().drain(..).enumerate() {
            task.abort();
            self.heard.cut(number);
        }
        self.heard.figures.borrow_mut().open = 0;
    }

    async fn open_counted(&self, number: usize) -> Option<(Open, Instant)> {
        let permit = self.window.acquire().await.ok()?;
        let began = Instant::now();
        let last_id = self.heard.last_id(number);
        let opened = open(&self.target, &self.fields, number, last_id.as_deref()).await;
        drop(permit);
        let opening = &mut *self.opening.borrow_mut();
        match opened {
            Ok(open) => {
                opening.opened += 1;
                opening.times.add(began.elapsed());
                opening.last_at = Some(Instant::now());
                self.heard.figures.borrow_mut().open += 1;
                Some((open, began))
            }
            Err(why) => {
                opening.failed += 1;
                opening.failure.get_or_insert(why);
                None
            }
        }
    }

    /// Reads a stream until nobody wants it any more.
    async fn keep(&self, number: usize, mut open: Open, began: Instant) {
        let mut first = Some(began);
        loop {
            let told = |_: &[u8]| {
                if let Some(began) = first.take() {
                    self.opening.borrow_mut().first.add(began.elapsed());
                }
            };
            self.read(number, open, told).await;
            self.heard.cut(number);
            {
                let mut figures = self.heard.figures.borrow_mut();
                figures.closed += 1;
                figures.open -= 1;
            }
            if !self.again {
                return;
            }
            open = self.reopen(number).await;
            let mut figures = self.heard.figures.borrow_mut();
            figures.reopened += 1;
            figures.open += 1;
        }
    }

    async fn reopen(&self, number: usize) -> Open {
        loop {
            // Not all at once: a server that has just restarted is not asked by all of them.
            let share = u32::try_from(number % 100).unwrap_or_default();
            sleep(AFTER_END + AFTER_END * share / 100).await;
            let last_id = self.heard.last_id(number);
            let opened = open(&self.target, &self.fields, number, last_id.as_deref()).await;
            if let Ok(open) = opened {
                return open;
            }
        }
    }

    async fn read(&self, number: usize, open: Open, mut told: impl FnMut(&[u8])) {
        let Open {
            mut socket,
            mut body,
            rest,
        } = open;
        let mut take = |bytes: &[u8]| {
            body.take(bytes, |data| {
                told(data);
                self.heard.take(number, data);
            })
            .is_ok()
                && !body.is_done()
        };
        let mut goes_on = take(&rest);
        drop(rest);
        while goes_on {
            let read = poll_fn(|context| {
                BUFFER.with_borrow_mut(|room| {
                    let mut room = ReadBuf::new(room);
                    ready!(Pin::new(&mut socket).poll_read(context, &mut room))?;
                    let some = !room.filled().is_empty();
                    std::task::Poll::Ready(io::Result::Ok(some && take(room.filled())))
                })
            });
            goes_on = read.await.unwrap_or(false);
        }
    }
}

/// Opens a stream.
///
/// # Errors
/// What is wrong, and what to do.
pub(crate) async fn open(
    target: &Target,
    fields: &[Field],
    number: usize,
    last_id: Option<&str>,
) -> Result<Open, String> {
    match timeout(OPEN_MAX, try_open(target, fields, number, last_id)).await {
        Ok(opened) => opened,
        Err(_elapsed) => Err(format!("no answer from {} in {OPEN_MAX:?}", target.shown())),
    }
}

async fn try_open(
    target: &Target,
    fields: &[Field],
    number: usize,
    last_id: Option<&str>,
) -> Result<Open, String> {
    let shown = target.shown();
    let mut socket = target.connect(number).await.map_err(|error| {
        format!("cannot connect to {shown}: {error}; is the server there, and does --url name it?")
    })?;
    let mut request = target.head("GET", fields);
    request.push_str("Accept: text/event-stream\r\nCache-Control: no-store\r\n");
    if let Some(id) = last_id {
        request.push_str(&format!("Last-Event-ID: {id}\r\n"));
    }
    request.push_str("\r\n");
    let lost = |error: io::Error| format!("{shown} ended the connection: {error}");
    socket.write_all(request.as_bytes()).await.map_err(lost)?;
    let mut read = Vec::with_capacity(1024);
    let head = loop {
        if socket.read_buf(&mut read).await.map_err(lost)? == 0 {
            return Err(format!("{shown} ended the connection without an answer"));
        }
        if let Some(head) = head(&read, "GET").map_err(|why| format!("{shown}: {why}"))? {
            break head;
        }
    };
    let rest = read.get(head.length..).unwrap_or_default().to_vec();
    let (status, streams, mut body) = (head.status, head.streams, head.body);
    if status == 200 && streams {
        return Ok(Open { socket, body, rest });
    }
    let mut said = Vec::new();
    let mut piece = rest;
    let reading = async {
        while body
            .take(&piece, |data| said.extend_from_slice(data))
            .is_ok()
            && !body.is_done()
            && said.len() < SAID_MAX
        {
            piece.clear();
            if socket.read_buf(&mut piece).await.unwrap_or(0) == 0 {
                break;
            }
        }
    };
    // What it says besides is of help; that it says nothing is no error of its own.
    timeout(SAID_WITHIN, reading).await.ok();
    Err(refusal(&shown, status, &said))
}

/// What a status means for somebody who wants to hear.
fn refusal(shown: &str, status: u16, said: &[u8]) -> String {
    let said = String::from_utf8_lossy(said.get(..said.len().min(SAID_MAX)).unwrap_or_default());
    let clean = |c: char| if c.is_control() { ' ' } else { c };
    let said: String = said.trim().chars().map(clean).collect();
    let check = match status {
        200 => "this is no event stream: does --url have the path of the streams?",
        301 | 302 | 307 | 308 => "redirects are not followed: give --url the place itself",
        401 => {
            "check the credential: --header 'x-apikey: KEY' or --header 'Authorization: Bearer TOKEN'"
        }
        403 => "the credential may not hear this: check what it grants, and the origin",
        404 | 405 => "nobody streams there: does --url have the path of the streams?",
        429 | 503 => "the server has too many streams already: check its limits",
        _ => "check --url and the server's log",
    };
    format!("a stream from {shown} was refused with {status}: {said:?}; {check}")
}

/// Connections that are being made at a time: so many that the server is never without work, and
/// no more than a queue for new connections holds.
const WINDOW: usize = 1000;
const OPEN_MAX: Duration = Duration::from_secs(30);
/// Before a stream that ended is opened again; twice that for the last of a hundred.
const AFTER_END: Duration = Duration::from_millis(500);
/// Bytes of a refusal that are shown.
const SAID_MAX: usize = 300;
const SAID_WITHIN: Duration = Duration::from_secs(1);
