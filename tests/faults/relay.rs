//! A network that fails after so many bytes, in either direction.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

/// What becomes of one connection.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Plan {
    /// Of what goes to who is behind.
    pub(crate) there: Option<Break>,
    /// Of what comes back.
    pub(crate) back: Option<Break>,
}

/// Where and how a direction breaks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Break {
    /// Bytes that pass before.
    pub(crate) after: usize,
    pub(crate) how: How,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum How {
    /// Both ends are told that nothing more comes.
    Fin,
    /// The direction is closed, and the other goes on.
    HalfClose,
    /// Both ends are reset.
    Reset,
    /// Nothing more passes, and nobody is told.
    Stall,
}

/// How a direction ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Broken(How),
    Closed,
}

/// Passes bytes between those who connect to it and somebody behind.
pub(crate) struct Relay {
    address: SocketAddr,
    accepting: JoinHandle<()>,
}

impl Relay {
    /// Each connection breaks as `plan` says when it is made.
    pub(crate) async fn before(
        behind: SocketAddr,
        mut plan: impl FnMut() -> Plan + Send + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let accepting = tokio::spawn(async move {
            // Its connections end with it.
            let mut connections = JoinSet::new();
            while let Ok((near, _)) = listener.accept().await {
                connections.spawn(pass(near, behind, plan()));
                while connections.try_join_next().is_some() {}
            }
        });
        Self { address, accepting }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// Passes bytes until both directions have ended, or one has and the other is broken.
async fn pass(near: TcpStream, behind: SocketAddr, plan: Plan) {
    let Ok(far) = TcpStream::connect(behind).await else {
        return;
    };
    for stream in [&near, &far] {
        stream.set_nodelay(true).unwrap();
    }
    let (mut near_in, mut near_out) = near.into_split();
    let (mut far_in, mut far_out) = far.into_split();
    let ended = {
        let there = direction(&mut near_in, &mut far_out, plan.there);
        let back = direction(&mut far_in, &mut near_out, plan.back);
        let (mut there, mut back) = (std::pin::pin!(there), std::pin::pin!(back));
        let first = tokio::select! {
            end = &mut there => (end, true),
            end = &mut back => (end, false),
        };
        match first {
            (End::Broken(How::Fin | How::Reset), _) => first.0,
            // Nothing more passes; what remains ends with the other direction.
            (End::Broken(How::HalfClose | How::Stall) | End::Closed, true) => back.await,
            (End::Broken(How::HalfClose | How::Stall) | End::Closed, false) => there.await,
        }
    };
    if ended == End::Broken(How::Reset) {
        for half in [&near_out, &far_out] {
            let socket = socket2::SockRef::from(half.as_ref());
            // It may be gone already.
            socket.set_linger(Some(Duration::ZERO)).ok();
        }
        return;
    }
    // Or the drop of what was not read would be a reset.
    near_out.shutdown().await.ok();
    far_out.shutdown().await.ok();
}

/// Passes bytes one way until it breaks or ends.
async fn direction(from: &mut OwnedReadHalf, to: &mut OwnedWriteHalf, plan: Option<Break>) -> End {
    let mut left = plan.map(|plan| plan.after);
    let mut buffer = vec![0; 16 * 1024];
    loop {
        let room = left.map_or(buffer.len(), |left| left.min(buffer.len()));
        if let (0, Some(plan)) = (room, plan) {
            if plan.how == How::HalfClose {
                to.shutdown().await.ok();
            }
            return End::Broken(plan.how);
        }
        let Ok(count @ 1..) = from.read(&mut buffer[..room]).await else {
            to.shutdown().await.ok();
            return End::Closed;
        };
        if to.write_all(&buffer[..count]).await.is_err() {
            return End::Closed;
        }
        left = left.map(|left| left - count);
    }
}
