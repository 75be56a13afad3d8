//! What telling costs at the very least: for each event a send(2) to each stream, and nothing else.
//!
//! It speaks just enough HTTP that the same load as anybody's can be put on it: a GET is a stream, and
//! what is posted is sent to all of them, in the frame that Tidings would make of it. All of it is one
//! thread's, whose sockets for streams block: nothing is asked of the kernel but to send.

use std::cell::RefCell;
use std::io::Write;
use std::net::SocketAddr;
use std::rc::Rc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::LocalSet;

use crate::{http, runtime};

type Streams = Rc<RefCell<Vec<std::net::TcpStream>>>;

/// Serves at `listen` until the process is ended.
pub(crate) fn run(listen: SocketAddr) {
    let tasks = LocalSet::new();
    tasks.block_on(&runtime(), async {
        let listener = TcpListener::bind(listen).await.unwrap();
        let streams = Streams::default();
        while let Ok((socket, _)) = listener.accept().await {
            tokio::task::spawn_local(serve(socket, Rc::clone(&streams)));
        }
    });
}

/// Tells what is written on this connection until it ends, or keeps it as a stream.
async fn serve(mut socket: TcpStream, streams: Streams) {
    socket.set_nodelay(true).unwrap();
    let (mut read, mut frame) = (Vec::with_capacity(1024), Vec::new());
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
        if read.starts_with(b"GET ") {
            if socket.write_all(STREAM).await.is_ok() {
                let socket = socket.into_std().unwrap();
                socket.set_nonblocking(false).unwrap();
                streams.borrow_mut().push(socket);
            }
            return;
        }
        frame.clear();
        frame.extend_from_slice(BEFORE);
        frame.extend_from_slice(&read[request.body.clone()]);
        frame.extend_from_slice(b"}\n\n");
        // A write to a socket is send(2). Who has left is left out.
        let send = |mut stream: &std::net::TcpStream| stream.write_all(&frame).is_ok();
        streams.borrow_mut().retain(|stream| send(stream));
        read.drain(..request.body.end);
        if socket.write_all(CREATED).await.is_err() {
            return;
        }
    }
}

const STREAM: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n: hi\n\n";
const CREATED: &[u8] = b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n";
const BEFORE: &[u8] =
    b"id: 5f3a09c1e77b-1000\nevent: post\ndata: {\"event\":\"post\",\"collection\":\"todos\",\"data\":";
