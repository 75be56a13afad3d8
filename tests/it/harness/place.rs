//! Where the JavaScript client runs: Node, or a page in a real browser.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use super::{Conn, Process, Sidecar, node, test_folder};

/// A running Node or page, which does what a test says.
pub(crate) struct Place {
    process: Process,
    control: SocketAddr,
    _folder: TempDir,
}

impl Place {
    /// Node, with the client that the sidecar serves as `restdb`.
    pub(crate) async fn node(sidecar: &Sidecar) -> Self {
        Self::start("node", &sidecar.url("/realtime/client.mjs")).await
    }

    /// Node, with PocketBase's SDK as `pb`, for what is at that address.
    pub(crate) async fn sdk(url: &str) -> Self {
        Self::start("sdk", url).await
    }

    /// A page in Chromium, loaded.
    pub(crate) async fn page(url: &str) -> Self {
        Self::start("page", url).await
    }

    async fn start(kind: &str, url: &str) -> Self {
        let folder = test_folder();
        let path = folder.path().to_str().unwrap();
        let mut process = node("place.mjs", [kind, url, path]);
        let first = process.told().await;
        let port = first["control"]
            .as_u64()
            .unwrap_or_else(|| panic!("{first}"));
        let port = u16::try_from(port).unwrap();
        Self {
            process,
            control: ([127, 0, 0, 1], port).into(),
            _folder: folder,
        }
    }

    /// Runs the body of an async function; what it returns.
    pub(crate) async fn run(&self, script: &str) -> Value {
        let mut told = self.command("run", script).await;
        assert!(told["thrown"].is_null(), "{script}\n{}", told["thrown"]);
        told["value"].take()
    }

    /// Takes the page's network away, or gives it back.
    pub(crate) async fn network(&self, there: bool) {
        let command = if there { "online" } else { "offline" };
        let told = self.command(command, "").await;
        assert!(told["thrown"].is_null(), "{told}");
    }

    /// Lets the page's clock stand at this instant. What it loaded before still has the real one.
    pub(crate) async fn stands_at(&self, instant: &str) {
        let told = self.command("time", instant).await;
        assert!(told["thrown"].is_null(), "{told}");
    }

    /// Lets the page's clock go on by so much, with all that falls due.
    pub(crate) async fn pass(&self, time: Duration) {
        let told = self.command("pass", &time.as_millis().to_string()).await;
        assert!(told["thrown"].is_null(), "{told}");
    }

    /// The next value that a script told.
    pub(crate) async fn told(&mut self) -> Value {
        self.process.told().await
    }

    async fn command(&self, command: &str, body: &str) -> Value {
        let mut conn = Conn::to(self.control).await;
        let length = body.len();
        conn.send(format!(
            "POST /{command} HTTP/1.1\r\nHost: control\r\nContent-Length: {length}\r\n\r\n{body}"
        ))
        .await;
        conn.response().await.json()
    }
}

impl Drop for Place {
    /// Lets it close its browser, which would leave its files behind otherwise.
    fn drop(&mut self) {
        self.process.ask_to_end();
        let end = Instant::now() + Duration::from_secs(10);
        while self.process.exited().is_none() && Instant::now() < end {
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}
