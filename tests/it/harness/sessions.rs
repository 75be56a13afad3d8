//! An API with sessions and tokens of its own, as Django has them.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::process::tool;
use super::{Conn, Process, Response, eventually, free_port, test_folder};

/// `tests/sessions/api.py` with a database of its own. There are the users `ada`, an editor, and
/// `eve`.
pub(crate) struct SessionApi {
    address: SocketAddr,
    process: Process,
    _folder: TempDir,
}

impl SessionApi {
    /// Starts it and waits until it answers.
    pub(crate) async fn start() -> Self {
        Self::start_script("api.py").await
    }

    /// `tests/sessions/routes.py` instead, which has no users and all kinds of routes.
    pub(crate) async fn start_routes() -> Self {
        Self::start_script("routes.py").await
    }

    async fn start_script(name: &str) -> Self {
        let folder = test_folder();
        let address = SocketAddr::from(([127, 0, 0, 1], free_port()));
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sessions");
        let mut command = Command::new(tool("python/bin/python"));
        command.env("PYTHONDONTWRITEBYTECODE", "1");
        command.arg(script.join(name)).arg(folder.path());
        let process = Process::spawn(command.arg(address.port().to_string()));
        eventually("Django", async || {
            assert!(process.exited().is_none(), "{}", process.stderr());
            tokio::net::TcpStream::connect(address).await.ok()
        })
        .await;
        Self {
            address,
            process,
            _folder: folder,
        }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Logs the user in; the cookie that says so. Shape: `sessionid=x1`.
    pub(crate) async fn log_in(&self, user: &str) -> String {
        let answer = self.post("/login", "", who(user)).await.expect(200);
        let cookie = answer.field("set-cookie").split(';').next();
        let cookie = cookie.unwrap().to_owned();
        assert!(cookie.starts_with("sessionid="), "{cookie}");
        cookie
    }

    /// Ends the session of that cookie.
    pub(crate) async fn log_out(&self, cookie: &str) {
        self.post("/logout", cookie, json!({})).await.expect(200);
    }

    /// A token of the user's.
    pub(crate) async fn token(&self, user: &str) -> String {
        let answer = self.post("/token", "", who(user)).await.expect(200);
        answer.json()["token"].as_str().unwrap().to_owned()
    }

    /// Lets the user be something else.
    pub(crate) async fn let_be(&self, user: &str, role: &str) {
        let body = json!({"username": user, "role": role});
        self.post("/role", "", body).await.expect(200);
    }

    /// How often it was asked who somebody is.
    pub(crate) fn times_asked(&self) -> usize {
        self.times_read("/api/me")
    }

    /// How often that path was asked for with GET.
    pub(crate) fn times_read(&self, path: &str) -> usize {
        let read = format!("\"GET {path} ");
        self.process.stderr().matches(&*read).count()
    }

    async fn post(&self, path: &str, cookie: &str, body: Value) -> Response {
        let body = body.to_string();
        let mut conn = Conn::to(self.address).await;
        conn.send(format!(
            "POST {path} HTTP/1.1\r\nHost: direct\r\nConnection: close\r\nCookie: {cookie}\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        ))
        .await;
        conn.response().await
    }
}

/// What a user logs in with.
fn who(user: &str) -> Value {
    json!({"username": user, "password": user})
}
