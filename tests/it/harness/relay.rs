//! A network that can be cut.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::broadcast;
use tokio::task::JoinHandle;

/// Passes bytes between those who connect to it and somebody behind.
pub(crate) struct Relay {
    address: SocketAddr,
    cut: broadcast::Sender<Cut>,
    accepting: JoinHandle<()>,
}

/// How a connection ends.
#[derive(Clone, Copy)]
enum Cut {
    Closed,
    Reset,
    Silent,
}

impl Relay {
    pub(crate) async fn before(behind: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let cut = broadcast::Sender::new(1);
        let cuts = cut.clone();
        let accepting = tokio::spawn(async move {
            while let Ok((mut near, _)) = listener.accept().await {
                let mut cut = cuts.subscribe();
                tokio::spawn(async move {
                    let Ok(mut far) = TcpStream::connect(behind).await else {
                        return;
                    };
                    let cut = tokio::select! {
                        _ = copy_bidirectional(&mut near, &mut far) => return,
                        cut = cut.recv() => cut,
                    };
                    match cut {
                        Ok(Cut::Reset) => {
                            for socket in [&near, &far] {
                                let socket = socket2::SockRef::from(socket);
                                socket.set_linger(Some(Duration::ZERO)).unwrap();
                            }
                        }
                        Ok(Cut::Silent) => {
                            drop(far);
                            // Until it says something, or goes away itself.
                            drop(near.read_u8().await);
                        }
                        Ok(Cut::Closed) | Err(_) => {}
                    }
                });
            }
        });
        Self {
            address,
            cut,
            accepting,
        }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Ends every connection; new ones are taken.
    pub(crate) fn cut(&self) {
        self.cut.send(Cut::Closed).ok().unwrap();
    }

    /// Resets every connection; new ones are taken.
    pub(crate) fn reset(&self) {
        self.cut.send(Cut::Reset).ok().unwrap();
    }

    /// Lets every connection die; who made it finds out when it sends something. New ones are taken.
    pub(crate) fn silence(&self) {
        self.cut.send(Cut::Silent).ok().unwrap();
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}
