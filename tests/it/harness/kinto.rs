//! Kinto, with everything in memory.

use std::net::SocketAddr;
use std::process::Command;

use tempfile::TempDir;

use super::process::tool;
use super::{Process, eventually, free_port, test_folder};

/// A Kinto without a bucket, to which everybody with a name and a password may write.
pub(crate) struct Kinto {
    address: SocketAddr,
    _process: Process,
    _folder: TempDir,
}

/// `PORT` is where it listens.
const INI: &str = "
[server:main]
use = egg:waitress#main
host = 127.0.0.1
port = PORT
[app:main]
use = egg:kinto
kinto.storage_backend = kinto.core.storage.memory
kinto.cache_backend = kinto.core.cache.memory
kinto.permission_backend = kinto.core.permission.memory
kinto.userid_hmac_secret = of a test
kinto.bucket_create_principals = system.Authenticated
kinto.includes = kinto.plugins.default_bucket kinto.plugins.flush
multiauth.policies = basicauth
multiauth.policy.basicauth.use = kinto.core.authentication.BasicAuthAuthenticationPolicy
";

impl Kinto {
    /// Starts it and waits until it answers.
    pub(crate) async fn start() -> Self {
        let folder = test_folder();
        let address = SocketAddr::from(([127, 0, 0, 1], free_port()));
        let port = address.port().to_string();
        let ini = folder.path().join("kinto.ini");
        std::fs::write(&ini, INI.replace("PORT", &port)).unwrap();
        let mut command = Command::new(tool("python/bin/kinto"));
        command.env("PYTHONDONTWRITEBYTECODE", "1");
        command.args(["start", "--port", &port, "--ini"]).arg(&ini);
        let process = Process::spawn(&mut command);
        eventually("Kinto", async || {
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
}
