//! What stands behind the sidecar: a real REST API, or exact bytes.

use std::net::SocketAddr;
use std::process::Command;
use std::sync::Arc;

use serde_json::Value;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinHandle;

use super::process::tool;
use super::{Conn, Process, Request, Response, eventually, free_port, test_folder, within};

/// json-server 0.17 with a database of its own.
pub(crate) struct JsonServer {
    address: SocketAddr,
    _process: Process,
    _folder: TempDir,
}

/// An upstream that does to each connection what a script says.
pub(crate) struct Scripted {
    address: SocketAddr,
    requests: watch::Receiver<Vec<Request>>,
    accepting: JoinHandle<()>,
}

/// One connection of the sidecar to a scripted upstream.
pub(crate) struct Peer {
    pub(crate) conn: Conn,
    requests: Arc<watch::Sender<Vec<Request>>>,
}

/// A point at which a script waits until the test lets it go on.
#[derive(Clone)]
pub(crate) struct Release(Arc<Semaphore>);

// === impl JsonServer ===

impl JsonServer {
    /// Starts it and waits until it answers. Shape of `db`: `{"posts": [{"id": 1}]}`.
    pub(crate) async fn start(db: Value) -> Self {
        let folder = test_folder();
        std::fs::write(folder.path().join("db.json"), db.to_string()).unwrap();
        let address = SocketAddr::from(([127, 0, 0, 1], free_port()));
        let mut command = Command::new(tool("bin/node"));
        command.arg(tool("node_modules/json-server/lib/cli/bin.js"));
        command.args(["--quiet", "--host", "127.0.0.1", "--port"]);
        command.arg(address.port().to_string()).arg("db.json");
        let process = Process::spawn(command.current_dir(folder.path()));
        eventually("json-server", async || {
            assert!(process.exited().is_none(), "{}", process.stderr());
            tokio::net::TcpStream::connect(address).await.ok()
        })
        .await;
        Self {
            address,
            _process: process,
            _folder: folder,
        }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What it answers to somebody who asks it without the sidecar.
    pub(crate) async fn get(&self, path: &str) -> Response {
        let mut conn = Conn::to(self.address).await;
        conn.send(format!("GET {path} HTTP/1.1\r\nHost: direct\r\n\r\n"))
            .await;
        conn.response().await
    }
}

// === impl Scripted ===

impl Scripted {
    /// Runs `script` for each connection; it closes when the script ends.
    pub(crate) async fn start<F, S>(script: F) -> Self
    where
        F: Fn(Peer) -> S + Send + 'static,
        S: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (sender, requests) = watch::channel(Vec::new());
        let sender = Arc::new(sender);
        let accepting = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(script(Peer {
                    conn: Conn::of(stream),
                    requests: Arc::clone(&sender),
                }));
            }
        });
        Self {
            address,
            requests,
            accepting,
        }
    }

    /// Answers every request of every connection with the same bytes.
    pub(crate) async fn answering(bytes: impl Into<String>) -> Self {
        let bytes = bytes.into();
        Self::replying(move |_| bytes.clone()).await
    }

    /// Answers every request with what `reply` makes of it.
    pub(crate) async fn replying<F>(reply: F) -> Self
    where
        F: Fn(&Request) -> String + Clone + Send + Sync + 'static,
    {
        Self::start(move |mut peer| {
            let reply = reply.clone();
            async move {
                while let Some(request) = peer.request().await {
                    peer.conn.send(reply(&request)).await;
                }
            }
        })
        .await
    }

    /// As [`Scripted::replying`]; the reply to a request that is `held` waits until the test lets it go.
    pub(crate) async fn holding<H, F>(release: &Release, held: H, reply: F) -> Self
    where
        H: Fn(&Request) -> bool + Clone + Send + Sync + 'static,
        F: Fn(&Request) -> String + Clone + Send + Sync + 'static,
    {
        let release = release.clone();
        Self::start(move |mut peer| {
            let (release, held, reply) = (release.clone(), held.clone(), reply.clone());
            async move {
                while let Some(request) = peer.request().await {
                    if held(&request) {
                        release.wait().await;
                    }
                    peer.conn.send(reply(&request)).await;
                }
            }
        })
        .await
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The requests that came whole, in the order in which they did.
    pub(crate) fn requests(&self) -> Vec<Request> {
        self.requests.borrow().clone()
    }

    /// How often `start` came as a request line's first words. Shape: `PUT /posts/1`.
    pub(crate) fn times(&self, start: &str) -> usize {
        let requests = self.requests.borrow();
        let begins = |request: &&Request| request.head.start().starts_with(start);
        requests.iter().filter(begins).count()
    }

    /// Waits for the request of that number, from 0.
    pub(crate) async fn request(&self, number: usize) -> Request {
        let mut requests = self.requests.clone();
        let came = requests.wait_for(|requests| requests.len() > number);
        within("a request upstream", came).await.unwrap()[number].clone()
    }
}

impl Drop for Scripted {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

// === impl Peer ===

impl Peer {
    /// The next request; none where the sidecar closed instead.
    pub(crate) async fn request(&mut self) -> Option<Request> {
        let request = self.conn.request().await?;
        let kept = request.clone();
        self.requests.send_modify(|requests| requests.push(kept));
        Some(request)
    }
}

// === impl Release ===

impl Release {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Semaphore::new(0)))
    }

    /// Lets one script go on.
    pub(crate) fn open(&self) {
        self.0.add_permits(1);
    }

    /// Waits until the test says so.
    pub(crate) async fn wait(&self) {
        self.0.acquire().await.unwrap().forget();
    }
}

/// An answer in JSON. Shape of `status`: `201 Created`.
pub(crate) fn answer(status: &str, body: &str) -> String {
    format!(
        "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// The answer of an upstream that did what it was asked.
pub(crate) fn ok(body: &str) -> String {
    answer("200 OK", body)
}
