//! PocketBase itself, as a process, with users whose tokens are signed here.

use std::fs::File;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant, SystemTime};

use jsonwebtoken::{EncodingKey, Header, encode};
use serde_json::json;
use tempfile::TempDir;

use crate::http::{Client, Result, get};
use crate::port::free_port;
use crate::{child, owners, progress, runtime};

/// A running PocketBase with an empty collection `posts`; it is killed when this is dropped.
#[derive(Debug)]
pub(crate) struct Pocketbase {
    process: Child,
    folder: TempDir,
    /// Where it listens.
    pub(crate) address: SocketAddr,
}

/// Where the program is, which pip has installed below the build's folder if it was not there.
pub(crate) fn installed() -> Result<PathBuf> {
    let venv = Path::new(env!("CARGO_TARGET_TMPDIR")).join("bench-pocketbase");
    let program = venv.join("bin/pocketbase");
    if program.exists() {
        return Ok(program);
    }
    progress("pocketbase: installing it");
    done(Command::new("python3").args(["-m", "venv"]).arg(&venv))?;
    let pinned = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/language/requirements.txt"
    );
    let pip = venv.join("bin/pip");
    done(Command::new(pip).args([
        "install",
        "--quiet",
        "--require-hashes",
        "--requirement",
        pinned,
    ]))?;
    Ok(program)
}

/// Runs a command to its end.
fn done(command: &mut Command) -> Result<()> {
    let output = command.stdin(Stdio::null()).output();
    match output.map_err(|error| format!("{command:?}: {error}"))? {
        output if output.status.success() => Ok(()),
        output => Err(child::last_lines(&output.stderr)),
    }
}

impl Pocketbase {
    /// Starts it with so many users and waits until it is well.
    pub(crate) fn start(program: &Path, users: usize) -> Result<Self> {
        let folder = tempfile::Builder::new()
            .prefix("pocketbase-bench-")
            .tempdir()
            .unwrap();
        let address = SocketAddr::from(([127, 0, 0, 1], free_port()));
        let migrations = folder.path().join("migrations");
        std::fs::create_dir(&migrations).unwrap();
        std::fs::write(migrations.join("1_users.js"), include_str!("users.js")).unwrap();
        let log = File::create(folder.path().join("log")).unwrap();
        let process = Command::new(program)
            .args(["serve", "--http", &address.to_string(), "--dir"])
            .arg(folder.path().join("data"))
            .arg("--migrationsDir")
            .arg(migrations)
            .env("BENCH_USERS", users.to_string())
            .env("BENCH_SECRET", SECRET)
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        let mut pocketbase = Self {
            process,
            folder,
            address,
        };
        pocketbase.wait()?;
        Ok(pocketbase)
    }

    /// Waits until it answers.
    fn wait(&mut self) -> Result<()> {
        let until = Instant::now() + START_MAX;
        loop {
            let log = std::fs::read(self.folder.path().join("log")).unwrap();
            let log = child::last_lines(&log);
            if self.process.try_wait().unwrap().is_some() {
                return Err(format!("PocketBase did not start: {log}"));
            }
            let health = runtime().block_on(async {
                let mut client = Client::to(self.address).await?;
                let (status, _) = client.ask(&get("/api/health", "Accept: */*")).await?;
                Ok::<_, String>(status)
            });
            match health {
                Ok(200) => return Ok(()),
                _ if Instant::now() > until => {
                    return Err(format!("PocketBase does not answer: {log}"));
                }
                _ => std::thread::sleep(Duration::from_millis(20)),
            }
        }
    }

    /// The CPU time that it has taken so far.
    pub(crate) fn cpu(&self) -> Duration {
        owners::cpu_of(self.process.id())
    }

    /// The number of its process.
    pub(crate) fn process(&self) -> u32 {
        self.process.id()
    }
}

impl Drop for Pocketbase {
    fn drop(&mut self) {
        // It may have ended by itself.
        self.process.kill().ok();
        self.process.wait().ok();
    }
}

/// The id of a user.
pub(crate) fn id(user: usize) -> String {
    format!("user{user:011}")
}

/// A token of that user: PocketBase signs with the key of its record and the collection's secret.
pub(crate) fn token(user: usize) -> String {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let claims = json!({
        "type": "auth",
        "id": id(user),
        "collectionId": "_pb_users_auth_",
        "refreshable": true,
        "exp": now.unwrap().as_secs() + 24 * 3600,
    });
    let key = EncodingKey::from_secret(format!("key{user:047}{SECRET}").as_bytes());
    encode(&Header::default(), &claims, &key).unwrap()
}

const SECRET: &str = "a-secret-of-the-collection-of-users";
/// The first start makes the tables and the users.
const START_MAX: Duration = Duration::from_secs(60);
