//! The listener: binds an address, and gives each connection a task of its own.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Instant;

use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::mpsc;
use tokio::task;
use tracing::warn;

use super::Front;
use super::connections::{From, Held, Max};
use crate::connection::Connection;
use crate::forwarded;
use crate::limits::{ACCEPT_PAUSE, ACCEPTS_IN_A_ROW, BACKLOG, CONNECTIONS_WARN_PAUSE};
use crate::metrics::Shed;

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
        let (mut warned, mut in_a_row) = (None, 0);
        loop {
            in_a_row += 1;
            if in_a_row > ACCEPTS_IN_A_ROW {
                in_a_row = 0;
                task::yield_now().await;
            }
            let accepted = tokio::select! {
                accepted = self.socket.accept() => accepted,
                // The sender lives as long as the process serves.
                _ = draining.wait_for(|draining| *draining) => return,
            };
            match accepted {
                Ok((socket, peer)) => {
                    let Some(held) = admit(&front, peer.ip()) else {
                        front.metrics.requests.shed.inc(Shed::NoRoom);
                        warn_when_due(&mut warned);
                        continue;
                    };
                    let front = Arc::clone(&front);
                    let serving = serving.clone();
                    task::spawn(async move {
                        // Frames and last chunks are small and are written whole: nothing is gained
                        // by waiting.
                        drop(socket.set_nodelay(true));
                        let requests = &front.metrics.requests;
                        requests.accepted.inc();
                        let open = requests.connections.enter();
                        let connection = Box::new(Connection::new(socket, peer));
                        front.serve(connection, held).await;
                        drop(open);
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

/// Room for a connection from `peer`, if there is any.
fn admit(front: &Front, peer: IpAddr) -> Option<Held> {
    let snapshot = front.snapshot.load();
    let peer = peer.to_canonical();
    let from = From {
        address: forwarded::host_of(peer),
        is_trusted: forwarded::is_trusted(peer, &snapshot.trusted_proxies),
    };
    let limits = &snapshot.limits;
    let max = Max {
        // Each may need one to the upstream as well.
        all: limits
            .connections
            .min(front.connections.open() + front.streams_affordable() / 2),
        from_each: limits.connections_per_address,
    };
    front.connections.admit(from, max, Instant::now())
}

/// Says that connections are closed, now and then.
fn warn_when_due(warned: &mut Option<Instant>) {
    if warned.is_none_or(|at| at.elapsed() >= CONNECTIONS_WARN_PAUSE) {
        *warned = Some(Instant::now());
        warn!("newcomers are closed: as many connections are served as limits.connections allows");
    }
}
