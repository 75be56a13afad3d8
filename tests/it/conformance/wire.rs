//! Messages byte for byte, where no library has put anything in order.
//!
//! Texts are Latin-1: every byte is a character, so nothing is lost and everything can be shown.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::harness::within;

/// One end of a connection.
pub(super) struct Wire {
    stream: TcpStream,
    held: Vec<u8>,
    /// How the other end went, once it has.
    gone: Option<Gone>,
}

/// How the other end of a connection went.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Gone {
    Closed,
    Reset,
}

/// The start line and the fields of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) start: String,
    pub(super) fields: Vec<(String, String)>,
}

/// A message, as far as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Message {
    pub(super) head: Head,
    pub(super) body: Vec<u8>,
    pub(super) trailers: Vec<(String, String)>,
    pub(super) end: End,
}

/// How a message ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// Before its end.
    Cut,
    /// Nobody has read on.
    Open,
    /// As its framing says.
    Whole,
}

/// What says where a body ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Framing {
    Chunked,
    Close,
    Length(usize),
}

/// A body that is being read.
pub(super) struct Reading {
    pub(super) message: Message,
    framing: Framing,
    /// What is left of the chunk that is being read.
    chunk: usize,
}

const READ_BYTES: usize = 64 * 1024;

// === impl Wire ===

impl Wire {
    pub(super) async fn to(address: SocketAddr) -> Self {
        let stream = within("a connection", TcpStream::connect(address)).await;
        Self::of(stream.unwrap())
    }

    pub(super) fn of(stream: TcpStream) -> Self {
        stream.set_nodelay(true).unwrap();
        Self {
            stream,
            held: Vec::new(),
            gone: None,
        }
    }

    /// Sends what the other end still takes.
    pub(super) async fn send(&mut self, bytes: &[u8]) {
        drop(within("room to send", self.stream.write_all(bytes)).await);
    }

    /// Leaves with a RST.
    pub(super) fn reset(self) {
        let socket = socket2::SockRef::from(&self.stream);
        socket.set_linger(Some(Duration::ZERO)).unwrap();
    }

    /// Whether anything comes, or has come and was not taken.
    pub(super) async fn comes(&mut self) -> bool {
        !self.held.is_empty() || self.fill().await
    }

    /// The next head, behind an empty line too; none where the other end went instead.
    pub(super) async fn head(&mut self) -> Option<Head> {
        let mut lines = Vec::new();
        loop {
            let line = self.line().await?;
            if !line.is_empty() {
                lines.push(line);
            } else if !lines.is_empty() {
                break;
            }
        }
        let mut lines = lines.into_iter();
        Some(Head {
            start: lines.next()?,
            fields: lines.map(|line| field(&line)).collect(),
        })
    }

    /// Exactly so many bytes, or all that came before the other end went.
    pub(super) async fn exact(&mut self, count: usize) -> Vec<u8> {
        while self.held.len() < count && self.fill().await {}
        self.held.drain(..count.min(self.held.len())).collect()
    }

    /// Whether the other end went, with nothing before.
    pub(super) async fn closes(&mut self) -> bool {
        !self.comes().await
    }

    /// A line without its end; none where the other end went before that.
    async fn line(&mut self) -> Option<String> {
        let mut seen = 0;
        loop {
            if let Some(at) = self.held[seen..].windows(2).position(|at| at == b"\r\n") {
                let line = self.held.drain(..seen + at + 2).collect::<Vec<_>>();
                return Some(latin1(&line[..line.len() - 2]));
            }
            seen = self.held.len().saturating_sub(1);
            if !self.fill().await {
                return None;
            }
        }
    }

    /// More bytes into `held`; whether there were any.
    async fn fill(&mut self) -> bool {
        if self.gone.is_none() {
            self.held.reserve(READ_BYTES);
            match self.stream.read_buf(&mut self.held).await {
                Ok(0) => self.gone = Some(Gone::Closed),
                Ok(_) => {}
                Err(_) => self.gone = Some(Gone::Reset),
            }
        }
        self.gone.is_none()
    }
}

// === impl Reading ===

impl Reading {
    /// The body of a message that began with `head`.
    pub(super) fn new(head: Head, framing: Framing) -> Self {
        Self {
            message: Message {
                head,
                body: Vec::new(),
                trailers: Vec::new(),
                end: End::Open,
            },
            framing,
            chunk: 0,
        }
    }

    /// Reads until so many bytes of the body are there.
    pub(super) async fn up_to(&mut self, wire: &mut Wire, count: usize) {
        while self.message.body.len() < count && self.message.end == End::Open {
            self.more(wire).await;
        }
    }

    pub(super) fn has_no_body(&self) -> bool {
        self.framing == Framing::Length(0)
    }

    /// Reads to the end.
    pub(super) async fn whole(mut self, wire: &mut Wire) -> Message {
        while self.message.end == End::Open {
            self.more(wire).await;
        }
        self.message
    }

    /// Reads one piece more.
    async fn more(&mut self, wire: &mut Wire) {
        let came = self.message.body.len();
        match self.framing {
            Framing::Length(length) if came >= length => self.message.end = End::Whole,
            Framing::Length(length) => self.take(wire, length - came).await,
            Framing::Close => {
                self.take(wire, usize::MAX).await;
                if wire.gone == Some(Gone::Closed) {
                    self.message.end = End::Whole;
                }
            }
            Framing::Chunked if self.chunk > 0 => {
                self.take(wire, self.chunk).await;
                self.chunk -= self.message.body.len() - came;
                if self.chunk == 0 && wire.line().await.is_none() {
                    self.message.end = End::Cut;
                }
            }
            Framing::Chunked => self.chunk_head(wire).await,
        }
    }

    async fn take(&mut self, wire: &mut Wire, at_most: usize) {
        if !wire.comes().await {
            self.message.end = End::Cut;
        }
        let count = wire.held.len().min(at_most);
        self.message.body.extend(wire.held.drain(..count));
    }

    async fn chunk_head(&mut self, wire: &mut Wire) {
        let Some(line) = wire.line().await else {
            self.message.end = End::Cut;
            return;
        };
        let size = line.split(';').next().unwrap_or_default();
        self.chunk = usize::from_str_radix(size, 16).unwrap_or_else(|_| panic!("{line:?}"));
        if self.chunk > 0 {
            return;
        }
        self.message.end = End::Cut;
        while let Some(line) = wire.line().await {
            if line.is_empty() {
                self.message.end = End::Whole;
                return;
            }
            self.message.trailers.push(field(&line));
        }
    }
}

// === impl Head ===

impl Head {
    /// The values of the fields of that name, in order.
    pub(super) fn values(&self, name: &str) -> Vec<&str> {
        let named = self.fields.iter();
        named
            .filter(|(n, _)| n.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
            .collect()
    }

    /// A word of the start line.
    pub(super) fn word(&self, number: usize) -> &str {
        self.start.splitn(3, ' ').nth(number).unwrap_or_default()
    }

    /// What says where the body ends; none where there is no such field.
    pub(super) fn framing(&self) -> Option<Framing> {
        if !self.values("transfer-encoding").is_empty() {
            return Some(Framing::Chunked);
        }
        let length = *self.values("content-length").first()?;
        Some(Framing::Length(length.parse().unwrap()))
    }
}

fn field(line: &str) -> (String, String) {
    let (name, value) = line.split_once(':').unwrap_or((line, ""));
    (name.to_owned(), value.trim_matches([' ', '\t']).to_owned())
}

pub(super) fn latin1(bytes: &[u8]) -> String {
    bytes.iter().copied().map(char::from).collect()
}
