//! The API behind: it takes every write and costs next to nothing.
//!
//! | request | answer |
//! | --- | --- |
//! | `GET /bytes/N` | 200, and a record of about `N` bytes |
//! | a body that is an object | 201, and the object with an `id` |
//! | a body that is an array | 201, and the same array: its records have ids already |
//!
//! Where it has a hub it does as an application without Tidings has to: what it answers to a write
//! it publishes there first, at `/pub/COLLECTION`.

use std::io::Write;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::http::{Client, Message, Result};
use crate::{http, runtime};

/// What all connections share.
#[derive(Debug)]
struct Api {
    ids: AtomicU64,
    hub: Option<SocketAddr>,
}

/// Starts it in a thread of its own, which ends with the process. The answer is where it listens.
pub(crate) fn start() -> SocketAddr {
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || run(listener, None));
    address
}

/// Serves until the process ends.
pub(crate) fn run(listener: std::net::TcpListener, hub: Option<SocketAddr>) {
    listener.set_nonblocking(true).unwrap();
    runtime().block_on(async {
        let listener = TcpListener::from_std(listener).unwrap();
        let ids = AtomicU64::new(1);
        let api = Arc::new(Api { ids, hub });
        while let Ok((socket, _)) = listener.accept().await {
            tokio::spawn(serve(socket, Arc::clone(&api)));
        }
    });
}

/// Answers on this connection until it ends.
async fn serve(mut socket: TcpStream, api: Arc<Api>) {
    socket.set_nodelay(true).unwrap();
    let (mut read, mut answer) = (Vec::with_capacity(1024), Vec::new());
    let mut hub = None;
    loop {
        let Ok(request) = http::request(&read) else {
            return;
        };
        let Some(request) = request else {
            if !socket.read_buf(&mut read).await.is_ok_and(|n| n > 0) {
                return;
            }
            continue;
        };
        let end = request.body.end;
        answer.clear();
        if let Err(error) = api.answer(&mut answer, &read, &request, &mut hub).await {
            answer.clear();
            let length = error.len();
            let head = "HTTP/1.1 502 Bad Gateway\r\nContent-Length";
            // Writing to a vector does not fail.
            write!(answer, "{head}: {length}\r\n\r\n{error}").unwrap();
        }
        read.drain(..end);
        if socket.write_all(&answer).await.is_err() {
            return;
        }
    }
}

impl Api {
    async fn answer(
        &self,
        answer: &mut Vec<u8>,
        read: &[u8],
        request: &Message,
        hub: &mut Option<Client>,
    ) -> Result<()> {
        let path = path(read);
        if let Some(size) = path.strip_prefix("/bytes/") {
            write_record(answer, size.parse().unwrap_or(0));
            return Ok(());
        }
        let body = write_answer(answer, &read[request.body.clone()], &self.ids);
        let Some(address) = self.hub else {
            return Ok(());
        };
        if hub.is_none() {
            *hub = Some(Client::to(address).await?);
        }
        if let Some(hub) = hub {
            let collection = path.split(['/', '?']).nth(1).unwrap_or_default();
            let told = http::post_bytes(&format!("/pub/{collection}"), &answer[body..]);
            // 202: nobody listens.
            match hub.ask(&told).await? {
                (201 | 202, _) => {}
                (status, _) => return Err(format!("the hub answers {status}")),
            }
        }
        Ok(())
    }
}

/// What the request at the front of these bytes asks for.
fn path(read: &[u8]) -> &str {
    let line = read.split(|byte| *byte == b'\r').next().unwrap_or_default();
    let target = line.split(|byte| *byte == b' ').nth(1).unwrap_or_default();
    std::str::from_utf8(target).unwrap_or_default()
}

/// Writes an answer with a record of that size.
fn write_record(answer: &mut Vec<u8>, size: usize) {
    let (begin, end) = (r#"{"id":1,"title":""#, r#""}"#);
    let filled = size.saturating_sub(begin.len() + end.len());
    let length = begin.len() + filled + end.len();
    let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length";
    // Writing to a vector does not fail.
    write!(answer, "{head}: {length}\r\n\r\n{begin}").unwrap();
    answer.resize(answer.len() + filled, b'x');
    answer.extend_from_slice(end.as_bytes());
}

/// Writes the answer to a write with that body. The answer is where its own body begins.
fn write_answer(answer: &mut Vec<u8>, body: &[u8], ids: &AtomicU64) -> usize {
    let mut id = String::new();
    let rest = match body {
        [b'{', rest @ ..] => {
            let next = ids.fetch_add(1, Ordering::Relaxed);
            id = format!("{{\"id\":{next},");
            rest
        }
        whole => whole,
    };
    let length = id.len() + rest.len();
    let head = "HTTP/1.1 201 Created\r\nContent-Type: application/json";
    // Writing to a vector does not fail.
    write!(answer, "{head}\r\nContent-Length: {length}\r\n\r\n").unwrap();
    let begin = answer.len();
    answer.extend_from_slice(id.as_bytes());
    answer.extend_from_slice(rest);
    begin
}
