//! The upstream is found by its name, and over TLS only with a certificate that is right.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::json;
use tempfile::TempDir;

use crate::harness::{
    ALL, Conn, EVERYTHING, JsonServer, Process, Sidecar, eventually, free_port, node, test_folder,
};

/// A REST API of Node's, over TLS at `localhost`.
struct Https {
    port: u16,
    _process: Process,
    folder: TempDir,
}

impl Https {
    async fn start() -> Self {
        let folder = test_folder();
        let port = free_port();
        let (key, certificate) = certificate(folder.path(), "own", "localhost");
        let arguments = [
            port.to_string().into(),
            "localhost".into(),
            key.into_os_string(),
            certificate.into_os_string(),
        ];
        let process = node("https.mjs", arguments);
        eventually("the API over TLS", async || {
            assert!(process.exited().is_none(), "{}", process.stderr());
            let address = ("localhost", port);
            tokio::net::TcpStream::connect(address).await.ok()
        })
        .await;
        Self {
            port,
            _process: process,
            folder,
        }
    }

    /// The sidecar before it, which trusts this certificate.
    async fn behind(&self, host: &str, ca_file: &Path, more: &str) -> Sidecar {
        let port = self.port;
        let ca_file = ca_file.display();
        let upstream = format!("{{ url: \"https://{host}:{port}\", ca_file: {ca_file}{more} }}");
        Sidecar::start(&upstream, EVERYTHING).await
    }

    fn own(&self) -> PathBuf {
        self.folder.path().join("own.pem")
    }
}

/// A certificate for `name`, signed by itself, and its key.
pub(crate) fn certificate(folder: &Path, file: &str, name: &str) -> (PathBuf, PathBuf) {
    let key = folder.join(format!("{file}.key"));
    let certificate = folder.join(format!("{file}.pem"));
    let mut openssl = Command::new("openssl");
    openssl.args(["req", "-x509", "-newkey", "ec", "-nodes", "-days", "2"]);
    openssl.args(["-pkeyopt", "ec_paramgen_curve:prime256v1"]);
    openssl.args(["-subj", &format!("/CN={name}")]);
    openssl.args(["-addext", &format!("subjectAltName=DNS:{name}")]);
    openssl.args(["-addext", "basicConstraints=critical,CA:FALSE"]);
    openssl
        .arg("-keyout")
        .arg(&key)
        .arg("-out")
        .arg(&certificate);
    let output = openssl.output().unwrap();
    assert!(output.status.success(), "{output:?}");
    (key, certificate)
}

#[tokio::test]
async fn a_write_over_tls_is_told() {
    let upstream = Https::start().await;
    let sidecar = upstream.behind("localhost", &upstream.own(), "").await;
    let mut subscriber = sidecar.hear(ALL).await;
    sidecar.post("/posts", json!({})).await.expect(200);
    assert_eq!(subscriber.next().await.json()["data"]["id"], 7);
}

#[tokio::test]
async fn an_upstream_with_another_certificate_is_sent_nothing() {
    let upstream = Https::start().await;
    let (_, other) = certificate(upstream.folder.path(), "other", "localhost");
    let sidecar = upstream.behind("localhost", &other, "").await;
    let mut subscriber = sidecar.hear(ALL).await;
    sidecar.post("/posts", json!({})).await.refuses(502);
    subscriber.hears_nothing_of(&sidecar).await;
}

#[tokio::test]
async fn a_certificate_for_another_name_is_not_taken_for_an_address() {
    let upstream = Https::start().await;
    for host in ["127.0.0.1", "[::1]"] {
        let sidecar = upstream.behind(host, &upstream.own(), "").await;
        sidecar.post("/posts", json!({})).await.refuses(502);
    }
}

#[tokio::test]
async fn the_host_is_the_downstreams_or_the_upstreams_own() {
    let upstream = Https::start().await;
    let port = upstream.port;
    let own = upstream.own();
    let preserving = upstream.behind("localhost", &own, "").await;
    let sent = preserving.get("/posts/1").await.json();
    assert_eq!(sent["host"], preserving.address().to_string());
    let replacing = upstream.behind("localhost", &own, ", host: upstream").await;
    let sent = replacing.get("/posts/1").await.json();
    assert_eq!(sent["host"], format!("localhost:{port}"));
}

#[tokio::test]
async fn a_name_with_several_addresses_is_tried_at_each() {
    // json-server is at 127.0.0.1 only; `localhost` is ::1 as well.
    let upstream = JsonServer::start(json!({"posts": [{"id": 1}]})).await;
    let named = upstream.url().replace("127.0.0.1", "localhost");
    let sidecar = Sidecar::start(&named, EVERYTHING).await;
    sidecar.put("/posts/1", json!({})).await.expect(200);
}

#[tokio::test]
async fn a_name_that_is_not_known_is_a_502_and_the_write_reached_nobody() {
    let sidecar = Sidecar::start("http://nowhere.invalid:80", EVERYTHING).await;
    let mut subscriber = sidecar.hear(ALL).await;
    sidecar.post("/posts", json!({})).await.refuses(502);
    subscriber.hears_nothing_of(&sidecar).await;
}

#[tokio::test]
async fn a_tunnel_passes_over_tls() {
    let upstream = Https::start().await;
    let sidecar = upstream.behind("localhost", &upstream.own(), "").await;
    let mut conn = Conn::to(sidecar.address()).await;
    conn.send("GET /chat HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
        .await;
    conn.response().await.expect(101);
    for said in ["hello", "world"] {
        conn.send(said).await;
        assert_eq!(conn.exact(said.len()).await, said.as_bytes());
    }
}
