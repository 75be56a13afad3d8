//! HTTP/1.1 as cheap as it can be, for both ends: what is measured is what lies between.

use std::net::SocketAddr;
use std::ops::Range;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// What went wrong, for people.
pub(crate) type Result<T> = std::result::Result<T, String>;

/// A connection that is kept.
#[derive(Debug)]
pub(crate) struct Client {
    socket: TcpStream,
    read: Vec<u8>,
}

/// A message that is all there.
#[derive(Debug)]
pub(crate) struct Message {
    /// The status of an answer; 0 of a request.
    pub(crate) status: u16,
    /// Where in what was read its body is; the next message begins at its end.
    pub(crate) body: Range<usize>,
}

impl Client {
    /// Connects, without the delay that small packets may have otherwise.
    pub(crate) async fn to(address: SocketAddr) -> Result<Self> {
        let socket = TcpStream::connect(address).await;
        let socket = socket.map_err(|error| format!("{address}: {error}"))?;
        socket
            .set_nodelay(true)
            .map_err(|error| error.to_string())?;
        let read = Vec::with_capacity(1024);
        Ok(Self { socket, read })
    }

    /// Sends these bytes, a whole request, and waits for its answer: the status and the body.
    pub(crate) async fn ask(&mut self, request: &[u8]) -> Result<(u16, &[u8])> {
        let sent = self.socket.write_all(request).await;
        sent.map_err(|error| format!("a request could not be sent: {error}"))?;
        self.read.clear();
        loop {
            if let Some(Message { status, body }) = answer(&self.read)? {
                return Ok((status, &self.read[body]));
            }
            match self.socket.read_buf(&mut self.read).await {
                Ok(0) => return Err("a connection ended within an answer".to_owned()),
                Ok(_) => {}
                Err(error) => return Err(format!("an answer could not be read: {error}")),
            }
        }
    }

    /// Sends a write that must succeed.
    pub(crate) async fn write(&mut self, request: &[u8]) -> Result<()> {
        match self.ask(request).await? {
            (201, _) => Ok(()),
            (status, body) => {
                let body = String::from_utf8_lossy(body);
                Err(format!("a write was answered {status}: {body}"))
            }
        }
    }

    /// The socket itself, for an answer that has no end.
    pub(crate) fn into_socket(self) -> TcpStream {
        self.socket
    }
}

/// A POST of JSON, as bytes.
pub(crate) fn post(path: &str, body: &str) -> Vec<u8> {
    post_with(path, "Accept: */*", body)
}

/// The same of any bytes.
pub(crate) fn post_bytes(path: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let fields = "Host: bench\r\nContent-Type: application/json\r\nContent-Length";
    let mut request = format!("POST {path} HTTP/1.1\r\n{fields}: {length}\r\n\r\n").into_bytes();
    request.extend_from_slice(body);
    request
}

/// A POST of JSON with this field.
pub(crate) fn post_with(path: &str, field: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    let fields = format!("Host: bench\r\n{field}\r\nContent-Type: application/json");
    format!("POST {path} HTTP/1.1\r\n{fields}\r\nContent-Length: {length}\r\n\r\n{body}")
        .into_bytes()
}

/// A GET with this field, as bytes.
pub(crate) fn get(path: &str, field: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nHost: bench\r\n{field}\r\n\r\n").into_bytes()
}

/// The request at the front of these bytes; none if some of it is missing.
pub(crate) fn request(bytes: &[u8]) -> Result<Option<Message>> {
    let mut fields = [httparse::EMPTY_HEADER; FIELDS_MAX];
    let mut head = httparse::Request::new(&mut fields);
    let parsed = head.parse(bytes).map_err(|error| error.to_string())?;
    let httparse::Status::Complete(end) = parsed else {
        return Ok(None);
    };
    Ok(whole(bytes, end, 0, length(head.headers).unwrap_or(0)))
}

/// The answer at the front of these bytes; none if some of it is missing.
fn answer(bytes: &[u8]) -> Result<Option<Message>> {
    let mut fields = [httparse::EMPTY_HEADER; FIELDS_MAX];
    let mut head = httparse::Response::new(&mut fields);
    let parsed = head.parse(bytes).map_err(|error| error.to_string())?;
    let httparse::Status::Complete(end) = parsed else {
        return Ok(None);
    };
    let status = head.code.unwrap_or(0);
    match length(head.headers) {
        Some(length) => Ok(whole(bytes, end, status, length)),
        None if status == 204 => Ok(whole(bytes, end, status, 0)),
        None if is_chunked(head.headers) => {
            let length = chunked_length(&bytes[end..])?;
            Ok(length.and_then(|length| whole(bytes, end, status, length)))
        }
        None => Err("an answer has no Content-Length".to_owned()),
    }
}

/// The length of the chunked body that these bytes begin with, as it is coded and without
/// trailers; none if some of it is missing.
fn chunked_length(bytes: &[u8]) -> Result<Option<usize>> {
    let mut at = 0;
    while let Some(rest) = bytes.get(at..) {
        let Some((head, size)) = chunk(rest)? else {
            return Ok(None);
        };
        at += head + size + 2;
        if size == 0 {
            return Ok(Some(at));
        }
    }
    Ok(None)
}

/// How long the head of the chunk is that these bytes begin with, and what is in it; none if some
/// of its head is missing.
pub(crate) fn chunk(bytes: &[u8]) -> Result<Option<(usize, usize)>> {
    match httparse::parse_chunk_size(bytes) {
        Ok(httparse::Status::Complete((head, size))) => {
            let size = usize::try_from(size).map_err(|error| error.to_string())?;
            Ok(Some((head, size)))
        }
        Ok(httparse::Status::Partial) => Ok(None),
        Err(_invalid) => Err("a chunk has no size".to_owned()),
    }
}

fn is_chunked(fields: &[httparse::Header<'_>]) -> bool {
    let named =
        |field: &&httparse::Header<'_>| field.name.eq_ignore_ascii_case("transfer-encoding");
    let field = fields.iter().find(named);
    field.is_some_and(|field| field.value.eq_ignore_ascii_case(b"chunked"))
}

fn whole(bytes: &[u8], head: usize, status: u16, length: usize) -> Option<Message> {
    let body = head..head + length;
    (bytes.len() >= body.end).then_some(Message { status, body })
}

fn length(fields: &[httparse::Header<'_>]) -> Option<usize> {
    let named = |field: &&httparse::Header<'_>| field.name.eq_ignore_ascii_case("content-length");
    let field = fields.iter().find(named)?;
    std::str::from_utf8(field.value).ok()?.parse().ok()
}

const FIELDS_MAX: usize = 32;
