//! The API behind: it takes every write and costs next to nothing.
//!
//! | request | answer |
//! | --- | --- |
//! | a body that is an object | 201, and the object with an `id` |
//! | a body that is an array | 201, and the same array: its records have ids already |

use std::io::Write;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::{http, runtime};

/// Starts it in a thread of its own, which ends with the process. The answer is where it listens.
pub(crate) fn start() -> SocketAddr {
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    listener.set_nonblocking(true).unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        runtime().block_on(async {
            let listener = TcpListener::from_std(listener).unwrap();
            let ids = Arc::new(AtomicU64::new(1));
            while let Ok((socket, _)) = listener.accept().await {
                tokio::spawn(serve(socket, Arc::clone(&ids)));
            }
        });
    });
    address
}

/// Answers on this connection until it ends.
async fn serve(mut socket: TcpStream, ids: Arc<AtomicU64>) {
    socket.set_nodelay(true).unwrap();
    let (mut read, mut answer) = (Vec::with_capacity(1024), Vec::new());
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
        write_answer(&mut answer, &read[request.body], &ids);
        read.drain(..end);
        if socket.write_all(&answer).await.is_err() {
            return;
        }
    }
}

/// Writes the answer to a write with that body.
fn write_answer(answer: &mut Vec<u8>, body: &[u8], ids: &AtomicU64) {
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
    write!(answer, "{head}\r\nContent-Length: {length}\r\n\r\n{id}").unwrap();
    answer.extend_from_slice(rest);
}
