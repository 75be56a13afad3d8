//! An open stream, read as cheaply as it can be: lines, and nothing decoded.

use std::io::BufRead;
use std::net::SocketAddr;

use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

use crate::http::{Client, Result, chunk, get};

/// Somebody who hears.
#[derive(Debug)]
pub(crate) struct Stream {
    socket: TcpStream,
    /// What was read and has not been given away as lines.
    read: Vec<u8>,
    /// Of a chunked stream: what was read of the chunk that comes next.
    coded: Option<Vec<u8>>,
}

impl Stream {
    /// Opens a stream of everything, from after `cursor` where there is one.
    pub(crate) async fn open(address: SocketAddr, cursor: Option<&str>) -> Result<Self> {
        let resume = cursor.map(|cursor| format!("Last-Event-ID: {cursor}"));
        let field = resume.unwrap_or_else(|| "Accept: text/event-stream".to_owned());
        Self::with(address, get("/realtime", &field)).await
    }

    /// Opens the stream at a path with its query.
    pub(crate) async fn of(address: SocketAddr, path: &str) -> Result<Self> {
        Self::with(address, get(path, "Accept: text/event-stream")).await
    }

    async fn with(address: SocketAddr, request: Vec<u8>) -> Result<Self> {
        let mut socket = Client::to(address).await?.into_socket();
        let sent = tokio::io::AsyncWriteExt::write_all(&mut socket, &request).await;
        sent.map_err(|error| error.to_string())?;
        let read = Vec::with_capacity(READ_BYTES);
        let mut stream = Self {
            socket,
            read,
            coded: None,
        };
        stream.head().await?;
        Ok(stream)
    }

    /// Reads the head of the answer.
    async fn head(&mut self) -> Result<()> {
        loop {
            if let Some(end) = self.read.windows(4).position(|at| at == b"\r\n\r\n") {
                let head = String::from_utf8_lossy(&self.read[..end]).to_lowercase();
                if !head.starts_with("http/1.1 200 ") {
                    return Err(format!("not a stream: {head}"));
                }
                self.read.drain(..end + 4);
                if head.contains("transfer-encoding: chunked") {
                    self.coded = Some(std::mem::take(&mut self.read));
                }
                return Ok(());
            }
            self.more().await?;
        }
    }

    /// Waits for a line, and gives away each that is whole by then, without its end. Nothing is
    /// lost when it is dropped.
    pub(crate) async fn lines(&mut self, mut each: impl FnMut(&[u8])) -> Result<()> {
        while !self.read.contains(&b'\n') {
            self.more().await?;
        }
        let mut rest = &*self.read;
        loop {
            let mut after = rest;
            // Reading from memory does not fail. This is the fastest search that `std` has.
            let length = after.skip_until(b'\n').unwrap();
            let Some(b'\n') = rest[..length].last() else {
                break;
            };
            each(&rest[..length - 1]);
            rest = after;
        }
        let taken = self.read.len() - rest.len();
        self.read.drain(..taken);
        Ok(())
    }

    /// The socket, of which nobody reads on here.
    pub(crate) fn into_socket(self) -> TcpStream {
        self.socket
    }

    async fn more(&mut self) -> Result<()> {
        let Some(coded) = &mut self.coded else {
            return fill(&mut self.socket, &mut self.read).await;
        };
        while !decode(coded, &mut self.read)? {
            fill(&mut self.socket, coded).await?;
        }
        Ok(())
    }
}

async fn fill(socket: &mut TcpStream, into: &mut Vec<u8>) -> Result<()> {
    into.reserve(READ_BYTES / 2);
    match socket.read_buf(into).await {
        Ok(0) => Err("a stream ended".to_owned()),
        Ok(_) => Ok(()),
        Err(error) => Err(format!("a stream broke: {error}")),
    }
}

/// Moves what is in whole chunks; whether there was any.
fn decode(coded: &mut Vec<u8>, read: &mut Vec<u8>) -> Result<bool> {
    let mut at = 0;
    while let Some((head, size)) = chunk(&coded[at..])? {
        if size == 0 {
            return Err("a stream ended".to_owned());
        }
        let begin = at + head;
        let Some(data) = coded.get(begin..begin + size) else {
            break;
        };
        if coded.len() < begin + size + 2 {
            break;
        }
        read.extend_from_slice(data);
        at = begin + size + 2;
    }
    coded.drain(..at);
    Ok(at > 0)
}

/// Bytes that are read at a time, about.
const READ_BYTES: usize = 256 * 1024;
