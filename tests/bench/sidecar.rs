//! The program itself, as a process.

use std::fs::File;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use crate::http::{Client, Result, get};
use crate::port::free_port;
use crate::{Level, runtime};

/// A running sidecar; it is killed when this is dropped.
#[derive(Debug)]
pub(crate) struct Sidecar {
    process: Child,
    folder: TempDir,
    /// Where it listens.
    pub(crate) address: SocketAddr,
    admin: SocketAddr,
}

/// What it has counted so far.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Counts {
    pub(crate) appends: f64,
    pub(crate) syncs: f64,
}

impl Sidecar {
    /// Starts it before `upstream` and waits until it is well. `keep` is what it keeps of the past,
    /// as the configuration has it.
    pub(crate) fn start(
        upstream: SocketAddr,
        level: Level,
        dir: &Path,
        keep: &str,
    ) -> Result<Self> {
        let dir = match level {
            Level::Memory => String::new(),
            Level::Process | Level::Disk => format!("dir: {dir:?}, "),
        };
        let level = level.as_str();
        let log = format!("log: {{ level: {level}, {dir}keep: {keep} }}\n");
        Self::start_with(upstream, &format!("{log}access: {{ global: true }}\n"))
    }

    /// The same, with these sections of its configuration.
    pub(crate) fn start_with(upstream: SocketAddr, sections: &str) -> Result<Self> {
        let restdb = "observe: { preset: json-server }\n\
                      realtime: { restdb: { path: /realtime, ping_interval: 20s } }\n";
        Self::start_as(upstream, &format!("{restdb}{sections}"))
    }

    /// The same, with nothing in its configuration but these sections.
    pub(crate) fn start_as(upstream: SocketAddr, sections: &str) -> Result<Self> {
        let folder = tempfile::Builder::new()
            .prefix("tidings-bench-")
            .tempdir()
            .unwrap();
        let loopback = |port| SocketAddr::from(([127, 0, 0, 1], port));
        let (address, admin) = (loopback(free_port()), loopback(free_port()));
        let config = format!(
            "listen: {address}\nadmin: {admin}\nupstream: http://{upstream}\n\
             logging: {{ level: error }}\n{sections}"
        );
        let file = folder.path().join("tidings.yaml");
        std::fs::write(&file, config).unwrap();
        let process = Command::new(env!("CARGO_BIN_EXE_tidings"))
            .args(["run", "--config"])
            .arg(file)
            .env("RUST_BACKTRACE", "0")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(folder.path().join("stderr")).unwrap())
            .spawn()
            .unwrap();
        let mut sidecar = Self {
            process,
            folder,
            address,
            admin,
        };
        sidecar.wait()?;
        Ok(sidecar)
    }

    /// Waits until it answers.
    fn wait(&mut self) -> Result<()> {
        let until = Instant::now() + START_MAX;
        loop {
            if self.process.try_wait().unwrap().is_some() {
                return Err(format!("the sidecar did not start: {}", self.stderr()));
            }
            match self.health() {
                Ok(_) => return Ok(()),
                Err(error) if Instant::now() > until => {
                    return Err(format!("the sidecar does not answer: {error}"));
                }
                Err(_) => std::thread::sleep(Duration::from_millis(20)),
            }
        }
    }

    /// What it says at `/healthz`.
    fn health(&self) -> Result<Value> {
        serde_json::from_str(&self.admin("/healthz")?).map_err(|error| error.to_string())
    }

    /// The cursor before the first event of its log. Shape: `5f3a09c1e77b-0`.
    pub(crate) fn beginning(&self) -> Result<String> {
        let health = self.health()?;
        let cursor = health["log"]["cursor"].as_str().unwrap_or_default();
        match cursor.split_once('-') {
            Some((epoch, _)) => Ok(format!("{epoch}-0")),
            None => Err(format!("there is no cursor in {health}")),
        }
    }

    /// What it has counted; an error if its log has failed, for then the level is another.
    pub(crate) fn counts(&self) -> Result<Counts> {
        let page = self.admin("/metrics")?;
        let figure = |name: &str| {
            let line = page.lines().find_map(|line| line.strip_prefix(name));
            let value = line.and_then(|value| value.trim().parse::<f64>().ok());
            value.ok_or_else(|| format!("there is no {name} in the metrics"))
        };
        if figure("tidings_log_failures_total ")? > 0.0 {
            return Err(format!("the log has failed: {}", self.stderr()));
        }
        Ok(Counts {
            appends: figure("tidings_log_appends_total ")?,
            syncs: figure("tidings_log_syncs_total ")?,
        })
    }

    /// The CPU time that it has taken so far.
    pub(crate) fn cpu(&self) -> Duration {
        crate::owners::cpu_of(self.process.id())
    }

    /// The number of its process.
    pub(crate) fn process(&self) -> u32 {
        self.process.id()
    }

    /// What it answers at its admin address.
    fn admin(&self, path: &str) -> Result<String> {
        runtime().block_on(async {
            let mut client = Client::to(self.admin).await?;
            let (_, body) = client.ask(&get(path, "Connection: close")).await?;
            Ok(String::from_utf8_lossy(body).into_owned())
        })
    }

    /// The end of what it has printed.
    fn stderr(&self) -> String {
        let text = std::fs::read(self.folder.path().join("stderr")).unwrap_or_default();
        crate::child::last_lines(&text)
    }
}

impl Drop for Sidecar {
    fn drop(&mut self) {
        // It may have ended by itself.
        self.process.kill().ok();
        self.process.wait().ok();
    }
}

/// A log of a million events is read when it starts.
const START_MAX: Duration = Duration::from_secs(30);
