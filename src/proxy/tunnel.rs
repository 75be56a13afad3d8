//! Connections to the upstream on which a tunnel is asked for.
//!
//! pingora waits for two things at once: that the request is over, and what the upstream says to
//! it. Where the upstream switches protocols at once, pingora may read that first, and then takes
//! the end of the request for the end of the tunnel. So here nothing is read in the same moment
//! in which something was written: pingora looks at the request in between.

use std::fmt;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use async_trait::async_trait;
use http::Version;
use http::header::UPGRADE;
use pingora::connectors::l4::Connect;
use pingora::http::RequestHeader;
use pingora::protocols::l4::socket::SocketAddr;
use pingora::protocols::l4::stream::Stream;
use pingora::protocols::l4::virt::{VirtualSockOpt, VirtualSocket, VirtualSocketStream};
use pingora::upstreams::peer::HttpPeer;
use pingora::{Error, ErrorType, Result};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Keeps these connections apart from those that are lent to any request.
const GROUP: u64 = 1;

/// Whether the request asks for the tunnel that is passed on.
pub(super) fn is_asked_for(request: &RequestHeader) -> bool {
    let websocket = |value: &http::HeaderValue| value.as_bytes().eq_ignore_ascii_case(b"websocket");
    request.version == Version::HTTP_11 && request.headers.get(UPGRADE).is_some_and(websocket)
}

/// Has the connection to `peer` made as this module says.
pub(super) fn prepare(peer: &mut HttpPeer, connect_timeout: Duration) {
    peer.group_key = GROUP;
    peer.options.custom_l4 = Some(Arc::new(Connector { connect_timeout }));
}

#[derive(Debug)]
struct Connector {
    connect_timeout: Duration,
}

#[async_trait]
impl Connect for Connector {
    async fn connect(&self, address: &SocketAddr) -> Result<Stream> {
        let address = address.as_inet();
        let address = address.ok_or_else(|| Error::new(ErrorType::ConnectError).into_up())?;
        match timeout(self.connect_timeout, TcpStream::connect(address)).await {
            Ok(Ok(socket)) => {
                let socket = Box::new(Unhurried::new(socket));
                Ok(VirtualSocketStream::new(socket).into())
            }
            Ok(Err(error)) => {
                Err(Error::because(ErrorType::ConnectError, "for a tunnel", error).into_up())
            }
            Err(_elapsed) => Err(Error::new(ErrorType::ConnectTimedout).into_up()),
        }
    }
}

/// A socket that gives nothing to read in the moment in which it was written to.
struct Unhurried {
    socket: TcpStream,
    /// Whether it was written to since it was last asked for something to read.
    wrote: bool,
}

impl Unhurried {
    fn new(socket: TcpStream) -> Self {
        let wrote = false;
        Self { socket, wrote }
    }
}

impl AsyncRead for Unhurried {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if std::mem::take(&mut self.wrote) {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        Pin::new(&mut self.socket).poll_read(cx, buf)
    }
}

impl AsyncWrite for Unhurried {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.wrote = true;
        Pin::new(&mut self.socket).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(cx)
    }
}

impl VirtualSocket for Unhurried {
    fn set_socket_option(&self, option: VirtualSockOpt) -> io::Result<()> {
        match option {
            VirtualSockOpt::NoDelay => self.socket.set_nodelay(true),
            // Nobody asks for another.
            _ => Ok(()),
        }
    }
}

impl fmt::Debug for Unhurried {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Unhurried").finish_non_exhaustive()
    }
}
