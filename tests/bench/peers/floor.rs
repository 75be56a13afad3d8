//! What telling costs at the very least: for each event a send(2) to each stream, and nothing else.
//!
//! It speaks just enough HTTP that the same load as anybody's can be put on it: a GET is a stream, and
//! what is posted is sent to all of them, in the frame that Tidings would make of it.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;

use crate::http;

type Streams = Arc<Mutex<Vec<TcpStream>>>;

/// Serves at `listen` until the process is ended.
pub(crate) fn run(listen: SocketAddr) {
    let listener = TcpListener::bind(listen).unwrap();
    let streams = Streams::default();
    for socket in listener.incoming().flatten() {
        socket.set_nodelay(true).unwrap();
        // Whoever says nothing would keep the others waiting.
        socket.set_read_timeout(Some(HEAD_MAX)).unwrap();
        let mut head = [0; 4096];
        let Ok(read @ 1..) = (&socket).read(&mut head) else {
            continue;
        };
        if head.starts_with(b"GET ") {
            if (&socket).write_all(STREAM).is_ok() {
                streams.lock().push(socket);
            }
        } else {
            let (streams, read) = (Arc::clone(&streams), head[..read].to_vec());
            std::thread::spawn(move || take_writes(socket, read, &streams));
        }
    }
}

/// Tells what is written on this connection, until it ends.
fn take_writes(mut socket: TcpStream, mut read: Vec<u8>, streams: &Mutex<Vec<TcpStream>>) {
    socket.set_read_timeout(None).unwrap();
    let (mut more, mut frame) = ([0; 64 * 1024], Vec::new());
    loop {
        let Ok(request) = http::request(&read) else {
            return;
        };
        let Some(request) = request else {
            match socket.read(&mut more) {
                Ok(count @ 1..) => read.extend_from_slice(&more[..count]),
                _ => return,
            }
            continue;
        };
        frame.clear();
        frame.extend_from_slice(BEFORE);
        frame.extend_from_slice(&read[request.body.clone()]);
        frame.extend_from_slice(b"}\n\n");
        // A write to a socket is send(2). Who has left is left out.
        let send = |mut stream: &TcpStream| stream.write_all(&frame).is_ok();
        streams.lock().retain(|stream| send(stream));
        read.drain(..request.body.end);
        if socket.write_all(CREATED).is_err() {
            return;
        }
    }
}

const HEAD_MAX: Duration = Duration::from_secs(1);
const STREAM: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n: hi\n\n";
const CREATED: &[u8] = b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n";
const BEFORE: &[u8] =
    b"id: 5f3a09c1e77b-1000\nevent: post\ndata: {\"event\":\"post\",\"collection\":\"todos\",\"data\":";
