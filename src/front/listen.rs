//! The listener: binds an address, and gives each connection a task of its own.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::mpsc;
use tokio::task;
use tracing::warn;

use super::Front;
use crate::connection::Connection;
use crate::limits::{ACCEPT_PAUSE, BACKLOG};

/// A bound address.
#[derive(Debug)]
pub struct Listener {
    socket: TcpListener,
}

/// Binds `address`. Downstreams may connect from now on; they are served once it runs.
///
/// # Errors
/// The system's: the address is taken, or is none of this machine's.
pub fn bind(address: SocketAddr) -> io::Result<Listener> {
    let socket = if address.is_ipv4() {
        TcpSocket::new_v4()
    } else {
        TcpSocket::new_v6()
    }?;
    // A restart does not wait for the connections of the process before it.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    let socket = socket.listen(BACKLOG)?;
    Ok(Listener { socket })
}

impl Listener {
    /// The address that was bound, with the port that the system chose where 0 was asked for.
    ///
    /// # Errors
    /// The system's.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// Accepts until the front drains. Each connection's task holds a clone of `serving`: when
    /// its channel closes, none is left.
    pub async fn run(self, front: Arc<Front>, serving: mpsc::Sender<()>) {
        let mut draining = front.draining.clone();
        loop {
            let accepted = tokio::select! {
                accepted = self.socket.accept() => accepted,
                // The sender lives as long as the process serves.
                _ = draining.wait_for(|draining| *draining) => return,
            };
            match accepted {
                Ok((socket, peer)) => {
                    let front = Arc::clone(&front);
                    let serving = serving.clone();
                    task::spawn(async move {
                        serve(&front, socket, peer).await;
                        drop(serving);
                    });
                }
                Err(error) => {
                    // Out of descriptors, most likely: others have to close first.
                    warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }
}

async fn serve(front: &Front, socket: TcpStream, peer: SocketAddr) {
    // Frames and last chunks are small and are written whole: nothing is gained by waiting.
    drop(socket.set_nodelay(true));
    front.metrics.requests.accepted.inc();
    let _open = front.metrics.requests.connections.enter();
    front.serve(Connection::new(socket, peer)).await;
}
