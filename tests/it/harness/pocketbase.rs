//! PocketBase itself, with collections for the rules that it can have.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::process::tool;
use super::{Conn, Process, Response, eventually, free_port, test_folder};

/// The password of everybody whom a test creates.
pub(crate) const PASSWORD: &str = "passpasspass";

/// A PocketBase with a database of its own.
///
/// | collection | fields | who may list and view |
/// | --- | --- | --- |
/// | `users` | PocketBase's own | themselves; see [`PocketBase::create_user`] |
/// | `posts` | `title`, `n`, `owner` (a text), `doc` (a file) | everybody; see [`PocketBase::set_rules`] |
/// | `private` | `title` | superusers |
/// | `teams` | `members` (users) | everybody |
/// | `notes` | `title`, `team` | who is a member of the team |
/// | `ends` | `title` | everybody |
///
/// Anybody may write to all of them.
pub(crate) struct PocketBase {
    address: SocketAddr,
    process: Process,
    folder: TempDir,
    superuser: String,
}

impl PocketBase {
    /// Starts it and waits until it answers and has its collections.
    pub(crate) async fn start() -> Self {
        let folder = test_folder();
        std::fs::create_dir(folder.path().join("public")).unwrap();
        let root = ["superuser", "upsert", "root@example.com", PASSWORD];
        let created = Process::spawn(program(folder.path()).args(root));
        assert_eq!(created.output().await.code, Some(0));
        let address = SocketAddr::from(([127, 0, 0, 1], free_port()));
        let mut own = Self {
            address,
            process: serve(folder.path(), address).await,
            folder,
            superuser: String::new(),
        };
        own.superuser = own.log_in("_superusers", "root").await;
        let batch = json!({"batch": {"enabled": true, "maxRequests": 50, "timeout": 3}});
        own.api("PATCH", "/api/settings", batch).await.expect(200);
        own.create_collections().await;
        own
    }

    /// Ends it and starts it again, at the same address and with the same database.
    pub(crate) async fn restart(&mut self) {
        self.process.ask_to_end();
        self.process.exit().await;
        self.process = serve(self.folder.path(), self.address).await;
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Lets it answer `/page.html` with a page that has the SDK as `pb`.
    pub(crate) fn serve_page(&self) {
        let sdk = tool("node_modules/pocketbase/dist/pocketbase.umd.js");
        let public = self.folder.path().join("public");
        std::fs::copy(sdk, public.join("sdk.js")).unwrap();
        let page = "<!doctype html><meta charset=utf-8><script src=sdk.js></script>
            <script>globalThis.pb = new PocketBase(location.origin)</script>";
        std::fs::write(public.join("page.html"), page).unwrap();
    }

    /// A user, with that name and [`PASSWORD`]; the id. Shape: `ada` has `ada000000000000`.
    pub(crate) async fn create_user(&self, name: &str) -> String {
        let id = format!("{name:0<15}");
        let user = json!({"id": id, "email": email(name), "name": name, "verified": true,
            "password": PASSWORD, "passwordConfirm": PASSWORD});
        self.create("users", user).await;
        id
    }

    /// A token of that user's.
    pub(crate) async fn token(&self, user: &str) -> String {
        self.log_in("users", user).await
    }

    pub(crate) fn superuser_token(&self) -> &str {
        &self.superuser
    }

    /// Lets who meets them list and view. `None` is nobody but superusers, `""` everybody.
    pub(crate) async fn set_rules(&self, collection: &str, list: Option<&str>, view: Option<&str>) {
        let rules = json!({"listRule": list, "viewRule": view});
        self.change_collection(collection, rules).await;
    }

    pub(crate) async fn change_collection(&self, name: &str, change: Value) {
        let path = format!("/api/collections/{name}");
        self.api("PATCH", &path, change).await.expect(200);
    }

    /// Creates a record as a superuser.
    pub(crate) async fn create(&self, collection: &str, record: Value) -> Value {
        let path = format!("/api/collections/{collection}/records");
        self.api("POST", &path, record).await.expect(200).json()
    }

    /// What it answers to a superuser who asks it without the sidecar.
    pub(crate) async fn api(&self, method: &str, path: &str, body: Value) -> Response {
        let mut conn = Conn::to(self.address).await;
        let (body, token) = (body.to_string(), &self.superuser);
        conn.send(format!(
            "{method} {path} HTTP/1.1\r\nHost: direct\r\nConnection: close\r\n\
             Authorization: {token}\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        ))
        .await;
        conn.response().await
    }

    async fn log_in(&self, collection: &str, name: &str) -> String {
        let path = format!("/api/collections/{collection}/auth-with-password");
        let who = json!({"identity": email(name), "password": PASSWORD});
        let answer = self.api("POST", &path, who).await.expect(200).json();
        answer["token"].as_str().unwrap().to_owned()
    }

    async fn create_collections(&self) {
        let text = |name: &str| json!({"name": name, "type": "text"});
        let number = json!({"name": "n", "type": "number"});
        let doc = json!({"name": "doc", "type": "file", "maxSelect": 1});
        let relation = |name: &str, to: &str, most: u32| json!({"name": name, "type": "relation", "collectionId": to, "maxSelect": most});
        let everybody = Some("");
        let posts = json!([text("title"), number, text("owner"), doc]);
        self.collection("posts", posts, everybody).await;
        self.collection("private", json!([text("title")]), None)
            .await;
        self.collection("ends", json!([text("title")]), everybody)
            .await;
        let members = json!([relation("members", "_pb_users_auth_", 9)]);
        let teams = self.collection("teams", members, everybody).await;
        let notes = json!([text("title"), relation("team", &teams, 1)]);
        let member = Some("team.members.id ?= @request.auth.id");
        self.collection("notes", notes, member).await;
    }

    /// Creates it; the id.
    async fn collection(&self, name: &str, fields: Value, rule: Option<&str>) -> String {
        let collection = json!({"name": name, "type": "base", "fields": fields,
            "listRule": rule, "viewRule": rule,
            "createRule": "", "updateRule": "", "deleteRule": ""});
        let created = self.api("POST", "/api/collections", collection).await;
        created.expect(200).json()["id"]
            .as_str()
            .unwrap()
            .to_owned()
    }
}

fn email(name: &str) -> String {
    format!("{name}@example.com")
}

/// PocketBase with all that it writes in that folder.
fn program(folder: &Path) -> Command {
    let mut command = Command::new(tool("python/bin/pocketbase"));
    command.current_dir(folder);
    command.args([
        "--dir",
        "data",
        "--publicDir",
        "public",
        "--automigrate=false",
    ]);
    command
}

/// Serves what is in that folder, and waits until it is well.
async fn serve(folder: &Path, address: SocketAddr) -> Process {
    let at = address.to_string();
    let process = Process::spawn(program(folder).args(["serve", "--http", &at]));
    eventually("PocketBase", async || {
        assert!(process.exited().is_none(), "{}", process.stderr());
        let mut conn = Conn::try_to(address).await?;
        conn.send("GET /api/health HTTP/1.1\r\nHost: direct\r\n\r\n")
            .await;
        (conn.try_response().await?.status() == 200).then_some(())
    })
    .await;
    process
}
