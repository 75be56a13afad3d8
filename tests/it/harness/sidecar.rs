//! The program itself, as a process.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};

use rustix::process::Signal;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpStream;

use super::{Conn, Process, Response, Subscriber, eventually, free_port, test_folder};

/// A running sidecar with a configuration in a folder of its own.
pub(crate) struct Sidecar {
    process: Process,
    folder: TempDir,
    listen: SocketAddr,
    admin: SocketAddr,
    upstream: String,
}

impl Sidecar {
    /// Starts it before the API at `upstream` and waits until it is well, as `ADMIN` says.
    pub(crate) async fn start(upstream: &str, yaml: &str) -> Self {
        Self::start_with(upstream, yaml, |file, text| {
            std::fs::write(file, text).unwrap();
        })
        .await
    }

    /// Starts it with its configuration laid out as Kubernetes mounts a ConfigMap: a link to
    /// a file in a folder that is itself a link. [`Sidecar::swap`] changes it.
    pub(crate) async fn start_from_config_map(upstream: &str, yaml: &str) -> Self {
        Self::start_with(upstream, yaml, |file, text| {
            let folder = file.parent().unwrap();
            std::fs::create_dir(folder.join("..1")).unwrap();
            std::fs::write(folder.join("..1/tidings.yaml"), text).unwrap();
            std::os::unix::fs::symlink("..1", folder.join("..data")).unwrap();
            std::os::unix::fs::symlink("..data/tidings.yaml", file).unwrap();
        })
        .await
    }

    async fn start_with(upstream: &str, yaml: &str, lay: impl Fn(&PathBuf, &str)) -> Self {
        let folder = test_folder();
        let loopback = |port| SocketAddr::from(([127, 0, 0, 1], port));
        let (listen, admin) = (loopback(free_port()), loopback(free_port()));
        let file = folder.path().join("tidings.yaml");
        lay(&file, &filled(yaml, listen, admin, upstream));
        Self {
            process: run(&file, admin).await,
            folder,
            listen,
            admin,
            upstream: upstream.to_owned(),
        }
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.listen
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.listen)
    }

    /// The file that it reads.
    pub(crate) fn config(&self) -> PathBuf {
        self.folder.path().join("tidings.yaml")
    }

    // --- what changes it ---

    /// Puts another configuration in its place as editors do: beside it, then renamed.
    pub(crate) fn rewrite(&self, yaml: &str) {
        let beside = self.folder.path().join("tidings.yaml.new");
        std::fs::write(&beside, self.filled(yaml)).unwrap();
        std::fs::rename(beside, self.config()).unwrap();
    }

    /// Writes over the configuration in its place.
    pub(crate) fn overwrite(&self, yaml: &str) {
        std::fs::write(self.config(), self.filled(yaml)).unwrap();
    }

    /// Changes a configuration of [`Sidecar::start_from_config_map`] as Kubernetes does.
    pub(crate) fn swap(&self, yaml: &str) {
        let folder = self.folder.path();
        std::fs::create_dir(folder.join("..2")).unwrap();
        std::fs::write(folder.join("..2/tidings.yaml"), self.filled(yaml)).unwrap();
        std::os::unix::fs::symlink("..2", folder.join("..data_tmp")).unwrap();
        std::fs::rename(folder.join("..data_tmp"), folder.join("..data")).unwrap();
    }

    /// `yaml` with this sidecar's addresses.
    pub(crate) fn filled(&self, yaml: &str) -> String {
        filled(yaml, self.listen, self.admin, &self.upstream)
    }

    /// Ends it and starts it again, at the same address.
    pub(crate) async fn restart(&mut self) {
        self.sigterm();
        self.exit().await;
        self.start_again().await;
    }

    /// Ends it as a crash does, and waits until it is gone.
    pub(crate) async fn kill(&self) {
        self.killer()();
        self.exit().await;
    }

    /// What ends the process that runs now as a crash does, at once.
    pub(crate) fn killer(&self) -> impl FnOnce() + Send + 'static {
        self.process.killer()
    }

    /// Starts it again after its end, at the same address and with the same file.
    pub(crate) async fn start_again(&mut self) {
        self.process = run(&self.config(), self.admin).await;
    }

    pub(crate) fn sighup(&self) {
        self.process.signal(Signal::HUP);
    }

    pub(crate) fn sigterm(&self) {
        self.process.signal(Signal::TERM);
    }

    // --- what it says ---

    pub(crate) async fn exit(&self) -> ExitStatus {
        self.process.exit().await
    }

    /// Its log so far.
    pub(crate) fn log(&self) -> String {
        self.process.stderr()
    }

    /// Waits until its log has all these words on one line.
    pub(crate) async fn logs(&self, words: &[&str]) {
        let told = |line: &str| words.iter().all(|word| line.contains(word));
        self.process.prints(|text| text.lines().any(told)).await;
    }

    /// Waits until its log is as `wanted`.
    pub(crate) async fn logs_that(&self, wanted: impl Fn(&str) -> bool) {
        self.process.prints(wanted).await;
    }

    /// The number of its process.
    pub(crate) fn pid(&self) -> String {
        self.process.pid()
    }

    pub(crate) fn resident_kib(&self) -> u64 {
        self.process.resident_kib()
    }

    pub(crate) fn own_kib(&self) -> u64 {
        self.process.own_kib()
    }

    /// What it answers at its admin address.
    pub(crate) async fn admin(&self, path: &str) -> Response {
        self.admin_with(path, &[]).await
    }

    /// As [`Sidecar::admin`], with headers.
    pub(crate) async fn admin_with(&self, path: &str, headers: &[(&str, &str)]) -> Response {
        let mut conn = Conn::to(self.admin).await;
        conn.send(self.request("GET", path, headers)).await;
        conn.response().await
    }

    // --- requests to it ---

    /// The head of a request that ends the connection.
    pub(crate) fn request(&self, method: &str, path: &str, headers: &[(&str, &str)]) -> String {
        let fields = headers
            .iter()
            .map(|(name, value)| format!("{name}: {value}\r\n"));
        let fields: String = fields.collect();
        let host = self.listen;
        format!("{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{fields}\r\n")
    }

    /// Any request without a body.
    pub(crate) async fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)]) -> Response {
        let mut conn = Conn::to(self.listen).await;
        conn.send(self.request(method, path, headers)).await;
        conn.response().await
    }

    /// A request with a body and the headers given.
    pub(crate) async fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Response {
        let length = body.len().to_string();
        let headers = [headers, &[("Content-Length", &*length)]].concat();
        let mut conn = Conn::to(self.listen).await;
        conn.send(self.request(method, path, &headers)).await;
        conn.send(body).await;
        conn.response().await
    }

    /// A write with a JSON body.
    pub(crate) async fn write(&self, method: &str, path: &str, body: Value) -> Response {
        let json = [("Content-Type", "application/json")];
        self.send(method, path, &json, body.to_string().as_bytes())
            .await
    }

    pub(crate) async fn get(&self, path: &str) -> Response {
        self.ask("GET", path, &[]).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Response {
        self.write("POST", path, body).await
    }

    pub(crate) async fn put(&self, path: &str, body: Value) -> Response {
        self.write("PUT", path, body).await
    }

    pub(crate) async fn patch(&self, path: &str, body: Value) -> Response {
        self.write("PATCH", path, body).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Response {
        self.ask("DELETE", path, &[]).await
    }

    /// Publishes with `all-key`.
    pub(crate) async fn publish(&self, event: &str, data: Value) -> Response {
        let body = json!({"event": event, "data": data});
        self.post("/realtime?apikey=all-key", body).await
    }

    /// Opens a stream that must open, and hears it up to its `init`.
    pub(crate) async fn hear(&self, path: &str) -> Subscriber {
        self.hear_with(path, &[]).await
    }

    /// As [`Sidecar::hear`], with headers.
    pub(crate) async fn hear_with(&self, path: &str, headers: &[(&str, &str)]) -> Subscriber {
        let mut subscriber = Subscriber::open(self, path, headers).await;
        assert_eq!(subscriber.head.status(), 200, "{}", subscriber.head.raw);
        let init = subscriber.next().await;
        assert_eq!(init.json()["channel"], "init");
        subscriber
    }

    /// Waits until the key opens a stream: the configuration that has it is in force.
    pub(crate) async fn until_known(&self, key: &str) -> Subscriber {
        let path = format!("/realtime?apikey={key}");
        eventually("the new key", async || {
            let subscriber = Subscriber::open(self, &path, &[]).await;
            (subscriber.head.status() == 200).then_some(subscriber)
        })
        .await
    }

    /// As [`Sidecar::hear`], from after the event of that id.
    pub(crate) async fn resume(&self, path: &str, id: &str) -> Subscriber {
        self.hear_with(path, &[("Last-Event-ID", id)]).await
    }
}

/// The program, to be run with arguments.
pub(crate) fn tidings() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tidings"));
    command.env_remove("TIDINGS_CONFIG");
    command
}

/// Runs it and waits until it says that it is well.
async fn run(config: &Path, admin: SocketAddr) -> Process {
    let process = Process::spawn(tidings().args(["run", "--config"]).arg(config));
    eventually("the sidecar to start", async || {
        assert!(process.exited().is_none(), "it ended: {}", process.stderr());
        TcpStream::connect(admin).await.ok()
    })
    .await;
    let mut conn = Conn::to(admin).await;
    conn.send("GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n").await;
    conn.response().await.expect(200);
    process
}

fn filled(yaml: &str, listen: SocketAddr, admin: SocketAddr, upstream: &str) -> String {
    yaml.replace("LISTEN", &listen.to_string())
        .replace("ADMIN", &admin.to_string())
        .replace("UPSTREAM", upstream)
}
