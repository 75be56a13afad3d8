//! Who hears: PocketBase's way to subscribe, and what comes of it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::timeout;

use super::program::token;
use crate::http::{Client, Result, post_with};
use crate::stream::Stream;

/// Streams of users who are subscribed to `posts/*`.
#[derive(Debug, Default)]
pub(crate) struct Subscribed {
    /// Of the first users, in their order.
    pub(crate) read: Vec<Stream>,
    /// Of all the others, of which nobody reads.
    held: Vec<TcpStream>,
}

/// A record that was heard of.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Heard {
    pub(crate) writer: usize,
    pub(crate) number: usize,
    pub(crate) at: Instant,
}

/// A stream that is read.
#[derive(Debug)]
pub(crate) struct Listener {
    task: JoinHandle<Result<(Stream, Vec<Heard>)>>,
    expected: watch::Sender<Option<usize>>,
}

impl Subscribed {
    /// Opens a stream for each of so many users, and subscribes each.
    pub(crate) async fn open(address: SocketAddr, users: usize, read: usize) -> Result<Self> {
        let next = Arc::new(AtomicUsize::new(0));
        let mut tasks = JoinSet::new();
        for _ in 0..OPENING {
            let next = Arc::clone(&next);
            tasks.spawn(async move {
                let mut poster = Client::to(address).await?;
                let mut opened = Vec::new();
                loop {
                    let user = next.fetch_add(1, Ordering::Relaxed);
                    if user >= users {
                        return Ok::<_, String>(opened);
                    }
                    let stream = subscribe(address, user, &mut poster).await?;
                    opened.push(if user < read {
                        (user, Some(stream), None)
                    } else {
                        (user, None, Some(stream.into_socket()))
                    });
                }
            });
        }
        let mut opened = Vec::with_capacity(users);
        while let Some(task) = tasks.join_next().await {
            opened.extend(task.unwrap()?);
        }
        opened.sort_unstable_by_key(|(user, ..)| *user);
        let mut subscribed = Self::default();
        for (_, read, held) in opened {
            subscribed.read.extend(read);
            subscribed.held.extend(held);
        }
        Ok(subscribed)
    }
}

/// Opens a stream, reads its client's id, and has the client subscribed.
async fn subscribe(address: SocketAddr, user: usize, poster: &mut Client) -> Result<Stream> {
    let mut stream = Stream::of(address, "/api/realtime").await?;
    let mut client = None;
    while client.is_none() {
        let read = |line: &[u8]| {
            let told = std::str::from_utf8(line).ok();
            let told = told.and_then(|line| line.strip_prefix("data:{\"clientId\":\""));
            let id = told.and_then(|rest| rest.split('"').next());
            client = client.take().or_else(|| id.map(str::to_owned));
        };
        stream.lines(read).await?;
    }
    let client = client.unwrap_or_default();
    let body = format!(r#"{{"clientId":"{client}","subscriptions":["posts/*"]}}"#);
    let authorization = format!("Authorization: {}", token(user));
    let request = post_with("/api/realtime", &authorization, &body);
    match poster.ask(&request).await? {
        (204, _) => Ok(stream),
        (status, body) => {
            let body = String::from_utf8_lossy(body);
            Err(format!("a subscription was answered {status}: {body}"))
        }
    }
}

impl Listener {
    /// Reads on from here.
    pub(crate) fn start(stream: Stream) -> Self {
        let (expected, until) = watch::channel(None);
        let task = tokio::spawn(listen(stream, until));
        Self { task, expected }
    }

    /// Everything that was heard, once so many records were, or nothing more comes.
    pub(crate) async fn end(self, expected: usize) -> Result<(Stream, Vec<Heard>)> {
        self.expected.send_replace(Some(expected));
        self.task.await.unwrap()
    }
}

async fn listen(
    mut stream: Stream,
    mut until: watch::Receiver<Option<usize>>,
) -> Result<(Stream, Vec<Heard>)> {
    let mut heard = Vec::new();
    let expected = loop {
        tokio::select! {
            read = stream.lines(|line| heard.extend(record(line))) => read?,
            expected = until.wait_for(Option::is_some) => {
                break expected.ok().and_then(|expected| *expected).unwrap_or_default();
            }
        }
    };
    while heard.len() < expected {
        let reading = stream.lines(|line| heard.extend(record(line)));
        match timeout(PATIENCE, reading).await {
            Ok(read) => read?,
            Err(_elapsed) => break,
        }
    }
    Ok((stream, heard))
}

/// The record that this line tells of; none for any other line. Its text begins `WRITER-NUMBER-`.
pub(crate) fn record(line: &[u8]) -> Option<Heard> {
    let data = std::str::from_utf8(line.strip_prefix(b"data:")?).ok()?;
    let (_, text) = data.split_once(r#""text":""#)?;
    let mut parts = text.split('-');
    let mut part = || parts.next()?.parse().ok();
    Some(Heard {
        writer: part()?,
        number: part()?,
        at: Instant::now(),
    })
}

/// Those that subscribe at once.
const OPENING: usize = 16;
/// For a record that may not come any more.
const PATIENCE: Duration = Duration::from_secs(10);
