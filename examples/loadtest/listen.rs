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

use crate::args::Streams;
use crate::heard::Heard;
use crate::load::BUFFER;
use crate::numbers::Latency;
use crate::pace::Pace;
use crate::target::{Field, Socket, Target};
use crate::wire::{Body, Head, head};
use crate::writes::with_body;

/// All streams of a run.
pub(crate) struct Listeners {
    target: Target,
    fields: Vec<Field>,
    /// What each stream is subscribed to; nothing where its path says it.
    topics: Vec<String>,
    /// Whether a stream that the server ends is opened again.
    again: bool,
    pub(crate) heard: Rc<Heard>,
    pub(crate) opening: RefCell<Opening>,
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
struct Open {
    socket: Socket,
    body: Body,
    /// What it has told already.
    told: Vec<u8>,
}

impl Listeners {
    /// Of these options, at this target.
    pub(crate) fn new(target: Target, options: &Streams, heard: Rc<Heard>) -> Self {
        Self {
            target,
            fields: options.header.clone(),
            topics: options.subscribe.clone(),
            again: options.reconnect,
            heard,
            opening: RefCell::default(),
            tasks: RefCell::default(),
        }
    }

    /// Opens so many, each after the event that it heard last, and waits until each is open or
    /// has failed. No more than `window` are being opened at a time.
    pub(crate) async fn open_all(
        self: &Rc<Self>,
        streams: usize,
        window: usize,
        rate: Option<f64>,
        stop: &mut watch::Receiver<bool>,
    ) {
        *self.opening.borrow_mut() = Opening::default();
        let (start, mut pace) = (Instant::now(), Pace::new());
        let settled = Rc::new(Semaphore::new(0));
        let window = Rc::new(Semaphore::new(window));
        let mut begun = 0;
        for number in 0..streams {
            let due = rate.map(|rate| Duration::from_secs_f64(number as f64 / rate));
            if *stop.borrow() || !pace.wait(start + due.unwrap_or_default(), stop).await {
                break;
            }
            let (listeners, settled) = (Rc::clone(self), Rc::clone(&settled));
            let window = Rc::clone(&window);
            let task = tokio::task::spawn_local(async move {
                let open = listeners.open_counted(number, &window).await;
                drop(window);
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

    async fn open_counted(&self, number: usize, window: &Semaphore) -> Option<(Open, Instant)> {
        let permit = window.acquire().await.ok()?;
        let began = Instant::now();
        let opened = self.open(number).await;
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

    async fn open(&self, number: usize) -> Result<Open, String> {
        let Self {
            target,
            fields,
            topics,
            ..
        } = self;
        let last_id = self.heard.last_id(number);
        let opening = async {
            let mut open = Open::of(target, fields, number, last_id.as_deref()).await?;
            if !topics.is_empty() {
                open.subscribe(target, fields, number, topics).await?;
            }
            Ok(open)
        };
        match timeout(OPEN_MAX, opening).await {
            Ok(opened) => opened,
            Err(_elapsed) => Err(format!("no answer from {} in {OPEN_MAX:?}", target.shown())),
        }
    }

    async fn reopen(&self, number: usize) -> Open {
        loop {
            // Not all at once: a server that has just restarted is not asked by all of them.
            let share = u32::try_from(number % 100).unwrap_or_default();
            sleep(AFTER_END + AFTER_END * share / 100).await;
            if let Ok(open) = self.open(number).await {
                return open;
            }
        }
    }

    async fn read(&self, number: usize, open: Open, mut told: impl FnMut(&[u8])) {
        let Open {
            mut socket,
            mut body,
            told: early,
        } = open;
        if !early.is_empty() {
            told(&early);
            self.heard.take(number, &early);
        }
        drop(early);
        let mut take = |bytes: &[u8]| {
            body.take(bytes, |data| {
                told(data);
                self.heard.take(number, data);
            })
            .is_ok()
                && !body.is_done()
        };
        let mut goes_on = true;
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

// === impl Open ===

impl Open {
    /// Opens a stream.
    ///
    /// # Errors
    /// What is wrong, and what to do.
    async fn of(
        target: &Target,
        fields: &[Field],
        number: usize,
        last_id: Option<&str>,
    ) -> Result<Self, String> {
        let mut request = target.head("GET", fields);
        request.push_str("Accept: text/event-stream\r\nCache-Control: no-store\r\n");
        if let Some(id) = last_id {
            request.push_str(&format!("Last-Event-ID: {id}\r\n"));
        }
        request.push_str("\r\n");
        let (head, mut open) = Self::ask(target, number, &request).await?;
        if head.status == 200 && head.streams {
            return Ok(open);
        }
        Err(open.refusal(&target.shown(), head.status).await)
    }

    /// Sends a request and reads the head of its answer.
    async fn ask(target: &Target, number: usize, request: &str) -> Result<(Head, Self), String> {
        let shown = target.shown();
        let mut socket = target.connect(number).await.map_err(|error| {
            format!(
                "cannot connect to {shown}: {error}; is the server there, and does --url name it?"
            )
        })?;
        let lost = |error: io::Error| format!("{shown} ended the connection: {error}");
        socket.write_all(request.as_bytes()).await.map_err(lost)?;
        socket.flush().await.map_err(lost)?;
        let mut read = Vec::with_capacity(1024);
        loop {
            if socket.read_buf(&mut read).await.map_err(lost)? == 0 {
                return Err(format!("{shown} ended the connection without an answer"));
            }
            let head = head(&read, "GET").map_err(|why| format!("{shown}: {why}"))?;
            let Some(mut head) = head else { continue };
            let mut open = Self {
                socket,
                body: std::mem::replace(&mut head.body, Body::Close),
                told: Vec::new(),
            };
            open.take(read.get(head.length..).unwrap_or_default())?;
            return Ok((head, open));
        }
    }

    fn take(&mut self, bytes: &[u8]) -> Result<usize, String> {
        let Self { body, told, .. } = self;
        body.take(bytes, |data| told.extend_from_slice(data))
    }

    /// Reads on; whether there is more to come.
    async fn more(&mut self) -> bool {
        let mut piece = Vec::with_capacity(1024);
        let read = self.socket.read_buf(&mut piece).await.unwrap_or(0);
        read > 0 && self.take(&piece).is_ok() && !self.body.is_done()
    }

    /// Subscribes as PocketBase has it: the stream says who it is, and a request of its own what
    /// it is to hear.
    async fn subscribe(
        &mut self,
        target: &Target,
        fields: &[Field],
        number: usize,
        topics: &[String],
    ) -> Result<(), String> {
        let id = loop {
            if let Some(id) = client_id(&self.told) {
                break id.to_owned();
            }
            if self.told.len() > CONNECT_MAX || !self.more().await {
                return Err(format!(
                    "{} told no clientId, which --subscribe needs: is it PocketBase's /api/realtime?",
                    target.shown()
                ));
            }
        };
        let body = serde_json::json!({"clientId": id, "subscriptions": topics});
        let mut request = target.head("POST", fields);
        request.push_str("Connection: close\r\n");
        request.push_str(&with_body(&body.to_string()));
        let (head, mut answer) = Self::ask(target, number, &request).await?;
        match head.status {
            200..300 => Ok(()),
            status => Err(answer.refusal(&target.shown(), status).await),
        }
    }

    /// What a refusal says, and what to do.
    async fn refusal(&mut self, shown: &str, status: u16) -> String {
        let reading = async {
            while !self.body.is_done() && self.told.len() < SAID_MAX && self.more().await {}
        };
        // What it says besides is of help; that it says nothing is no error of its own.
        timeout(SAID_WITHIN, reading).await.ok();
        refusal(shown, status, &self.told)
    }
}

/// What PocketBase calls a stream. Shape: `data:{"clientId":"abc"}` and the end of its line.
fn client_id(told: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(told).ok()?;
    let (_, rest) = text.split_once("\"clientId\":\"")?;
    rest.split_once('"').map(|(id, _)| id)
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

/// Streams that are being opened at a time: so many that the server is never without work, and so
/// few that what it needs for the moment is not taken for what a stream needs.
pub(crate) const WINDOW: usize = 200;
/// The same where all come back at once: no more than a queue for new connections holds.
pub(crate) const WINDOW_STORM: usize = 1000;
/// Bytes in which a stream says who it is.
const CONNECT_MAX: usize = 64 * 1024;
const OPEN_MAX: Duration = Duration::from_secs(30);
/// Before a stream that ended is opened again; twice that for the last of a hundred.
const AFTER_END: Duration = Duration::from_millis(500);
/// Bytes of a refusal that are shown.
const SAID_MAX: usize = 300;
const SAID_WITHIN: Duration = Duration::from_secs(1);
