//! HTTP/1.1 as bytes on a socket, for both ends of the sidecar.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::within;

/// A connection, with what was read of it and not yet taken.
pub(crate) struct Conn {
    stream: TcpStream,
    held: Vec<u8>,
}

/// The start line and the fields of a message.
#[derive(Clone, Debug)]
pub(crate) struct Head {
    /// Every byte of it, the blank line included.
    pub(crate) raw: String,
}

/// A message that came whole from a downstream.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) head: Head,
    /// The body as it was on the wire, chunk sizes included.
    pub(crate) body_raw: Vec<u8>,
    pub(crate) body: Vec<u8>,
}

/// A message that came whole from the sidecar.
#[derive(Clone, Debug)]
pub(crate) struct Response {
    pub(crate) head: Head,
    pub(crate) body: Vec<u8>,
}

/// Where a body ends.
#[derive(Clone, Copy)]
enum Framing {
    Chunked,
    Close,
    Length(usize),
}

/// Room for what is read at once: without it a vector makes room for a few bytes only.
const READ_BYTES: usize = 16 * 1024;

// === impl Conn ===

impl Conn {
    pub(crate) async fn to(address: SocketAddr) -> Self {
        let stream = within("a connection", TcpStream::connect(address)).await;
        Self::of(stream.unwrap())
    }

    /// As [`Conn::to`]; none where nobody listens.
    pub(crate) async fn try_to(address: SocketAddr) -> Option<Self> {
        let stream = within("a connection", TcpStream::connect(address)).await;
        stream.ok().map(Self::of)
    }

    pub(crate) fn of(stream: TcpStream) -> Self {
        stream.set_nodelay(true).unwrap();
        Self {
            stream,
            held: Vec::new(),
        }
    }

    /// Sends what the other end still takes: it may answer and close before it has all.
    pub(crate) async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        let sending = self.stream.write_all(bytes.as_ref());
        drop(within("room to send", sending).await);
    }

    /// Says that nothing more comes: a FIN, with the way back still open.
    pub(crate) async fn half_close(&mut self) {
        self.stream.shutdown().await.unwrap();
    }

    /// Leaves with a RST.
    pub(crate) fn reset(self) {
        let socket = socket2::SockRef::from(&self.stream);
        socket.set_linger(Some(Duration::ZERO)).unwrap();
    }

    /// The head of the next message.
    pub(crate) async fn head(&mut self) -> Head {
        let Some(head) = self.try_head().await else {
            panic!("closed before a head, after {:?}", self.text_held());
        };
        head
    }

    /// The head of the next message; none where the other end closed instead.
    pub(crate) async fn try_head(&mut self) -> Option<Head> {
        within("a head", self.next_head()).await
    }

    /// The next response to a method other than HEAD.
    pub(crate) async fn response(&mut self) -> Response {
        let head = self.head().await;
        let framing = match head.status() {
            100..=199 | 204 | 304 => Framing::Length(0),
            _ => head.framing().unwrap_or(Framing::Close),
        };
        let (_, body) = within("a body", self.body(framing)).await;
        Response { head, body }
    }

    /// As [`Conn::response`]; none where the other end closed before the end of it.
    pub(crate) async fn try_response(&mut self) -> Option<Response> {
        let head = self.try_head().await?;
        let framing = match head.status() {
            100..=199 | 204 | 304 => Framing::Length(0),
            _ => head.framing().unwrap_or(Framing::Close),
        };
        let (_, body) = within("a body", self.whole_body(framing)).await?;
        Some(Response { head, body })
    }

    /// The next request with its body; none where the other end closed instead of sending it.
    pub(crate) async fn request(&mut self) -> Option<Request> {
        let head = self.next_head().await?;
        self.request_of(head).await
    }

    /// The request that began with `head`; none where the other end closed instead of sending it.
    pub(crate) async fn request_of(&mut self, head: Head) -> Option<Request> {
        let framing = head.framing().unwrap_or(Framing::Length(0));
        let (body_raw, body) = self.whole_body(framing).await?;
        Some(Request {
            head,
            body_raw,
            body,
        })
    }

    /// Exactly so many bytes.
    pub(crate) async fn exact(&mut self, count: usize) -> Vec<u8> {
        let Some(bytes) = within("bytes", self.try_exact(count)).await else {
            panic!("closed early, after {:?}", self.text_held());
        };
        bytes
    }

    /// All that comes until the other end closes or resets.
    pub(crate) async fn rest(&mut self) -> Vec<u8> {
        let reading = async { while self.fill().await {} };
        within("the end of a connection", reading).await;
        std::mem::take(&mut self.held)
    }

    /// More bytes into `held`; whether there were any before the end.
    async fn fill(&mut self) -> bool {
        self.held.reserve(READ_BYTES);
        matches!(self.stream.read_buf(&mut self.held).await, Ok(1..))
    }

    /// Sends a byte now and then until the other end has something to say.
    pub(crate) async fn drip(&mut self, bytes: impl IntoIterator<Item = u8>) {
        let mut pause = tokio::time::interval(Duration::from_millis(50));
        for byte in bytes {
            tokio::select! {
                _ = self.stream.readable() => return,
                _ = pause.tick() => self.send([byte]).await,
            }
        }
    }

    /// The next piece of the body that follows `head`; empty at its end. For a body with a
    /// length, the caller knows where that is.
    pub(crate) async fn piece(&mut self, head: &Head) -> Vec<u8> {
        let piece = async {
            if head.is_chunked() {
                return self.chunk().await.unwrap_or_default();
            }
            if self.held.is_empty() {
                self.fill().await;
            }
            std::mem::take(&mut self.held)
        };
        within("a piece of a body", piece).await
    }

    /// The next chunk; none at the last one or where the connection ended.
    async fn chunk(&mut self) -> Option<Vec<u8>> {
        let line = self.through(b"\r\n").await?;
        let size = std::str::from_utf8(&line).unwrap().trim();
        let size = usize::from_str_radix(size, 16).unwrap();
        let chunk = self.try_exact(size).await?;
        assert_eq!(self.try_exact(2).await?, b"\r\n");
        (size > 0).then_some(chunk)
    }

    /// As [`Conn::try_head`], however long it takes.
    pub(crate) async fn next_head(&mut self) -> Option<Head> {
        let raw = self.through(b"\r\n\r\n").await?;
        Some(Head {
            raw: String::from_utf8(raw).unwrap(),
        })
    }

    async fn through(&mut self, end: &[u8]) -> Option<Vec<u8>> {
        loop {
            let found = self.held.windows(end.len()).position(|at| at == end);
            if let Some(at) = found {
                return Some(self.held.drain(..at + end.len()).collect());
            }
            if !self.fill().await {
                return None;
            }
        }
    }

    /// Exactly so many bytes; none where the connection ended before.
    pub(crate) async fn try_exact(&mut self, count: usize) -> Option<Vec<u8>> {
        while self.held.len() < count {
            if !self.fill().await {
                return None;
            }
        }
        Some(self.held.drain(..count).collect())
    }

    async fn body(&mut self, framing: Framing) -> (Vec<u8>, Vec<u8>) {
        let Some(body) = self.whole_body(framing).await else {
            panic!("the body was cut short, after {:?}", self.text_held());
        };
        body
    }

    /// A body as it was on the wire, and what it carried.
    async fn whole_body(&mut self, framing: Framing) -> Option<(Vec<u8>, Vec<u8>)> {
        match framing {
            Framing::Close => {
                while self.fill().await {}
                let body = std::mem::take(&mut self.held);
                Some((body.clone(), body))
            }
            Framing::Length(length) => {
                let body = self.try_exact(length).await?;
                Some((body.clone(), body))
            }
            Framing::Chunked => {
                let (mut raw, mut body) = (Vec::new(), Vec::new());
                loop {
                    let line = self.through(b"\r\n").await?;
                    let size = std::str::from_utf8(&line).unwrap().trim();
                    let size = usize::from_str_radix(size, 16).unwrap();
                    let chunk = self.try_exact(size + 2).await?;
                    body.extend_from_slice(&chunk[..size]);
                    raw.extend_from_slice(&line);
                    raw.extend_from_slice(&chunk);
                    if size == 0 {
                        return Some((raw, body));
                    }
                }
            }
        }
    }

    fn text_held(&self) -> String {
        String::from_utf8_lossy(&self.held).into_owned()
    }
}

// === impl Head ===

impl Head {
    /// The first line.
    pub(crate) fn start(&self) -> &str {
        self.raw.lines().next().unwrap_or_default()
    }

    /// The status of a response.
    pub(crate) fn status(&self) -> u16 {
        let status = self.start().split(' ').nth(1);
        status.and_then(|s| s.parse().ok()).unwrap_or_default()
    }

    /// The values of the fields of that name, in order.
    pub(crate) fn fields<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let lines = self.raw.lines().skip(1);
        lines.filter_map(move |line| {
            let (field, value) = line.split_once(':')?;
            field.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }

    /// The value of the first field of that name.
    pub(crate) fn field<'a>(&'a self, name: &'a str) -> Option<&'a str> {
        self.fields(name).next()
    }

    /// Whether the body comes in chunks.
    pub(crate) fn is_chunked(&self) -> bool {
        matches!(self.framing(), Some(Framing::Chunked))
    }

    fn framing(&self) -> Option<Framing> {
        if self.field("transfer-encoding").is_some() {
            return Some(Framing::Chunked);
        }
        let length = self.field("content-length")?;
        Some(Framing::Length(length.parse().unwrap()))
    }
}

// === impl Request ===

impl Request {
    /// Every byte of it.
    pub(crate) fn raw(&self) -> Vec<u8> {
        [self.head.raw.as_bytes(), &self.body_raw].concat()
    }
}

// === impl Response ===

impl Response {
    pub(crate) fn status(&self) -> u16 {
        self.head.status()
    }

    /// The value of a field that has to be there.
    pub(crate) fn field<'a>(&'a self, name: &'a str) -> &'a str {
        let Some(value) = self.head.field(name) else {
            panic!("no {name} in {}", self.head.raw);
        };
        value
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    /// Itself, if it has that status.
    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Self {
        assert_eq!(self.status(), status, "{}{}", self.head.raw, self.text());
        self
    }

    /// Checks that it is a refusal of the sidecar's own: that status, told in JSON too.
    #[track_caller]
    pub(crate) fn refuses(&self, status: u16) {
        assert_eq!(self.status(), status, "{}{}", self.head.raw, self.text());
        assert!(self.field("content-type").starts_with("application/json"));
        assert_eq!(self.json()["status"], status);
        assert!(self.json()["message"].is_string(), "{}", self.text());
    }
}
