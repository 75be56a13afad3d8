//! Whatever is measured, before an API of its own.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use crate::cores::Whose;
use crate::http::Result;
use crate::nginx;
use crate::port::free_port;
use crate::process::{Process, command, own_role};
use crate::series::Bench;

/// Who is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Peer {
    Tidings,
    Bare,
    Nginx,
}

/// One of them as it runs.
#[derive(Debug)]
pub(crate) struct Served {
    pub(crate) process: Process,
    /// Where its clients connect.
    pub(crate) address: SocketAddr,
    /// Ends after whoever asks it.
    _upstream: Process,
}

impl Peer {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Tidings => "Tidings",
            Self::Bare => "bare pingora",
            Self::Nginx => "nginx",
        }
    }

    /// The name of its files.
    fn slug(self) -> &'static str {
        match self {
            Self::Tidings => "tidings",
            Self::Bare => "bare",
            Self::Nginx => "nginx",
        }
    }

    /// Starts it.
    pub(crate) fn start(self, bench: &Bench) -> Result<Served> {
        let (address, upstream) = (loopback(), loopback());
        let mut api = own_role(Whose::Upstream, "upstream");
        api.arg(upstream.to_string());
        let api = Process::start("upstream", api, &bench.folder)?.listens(upstream)?;
        let command = self.command(address, upstream, bench)?;
        let process = Process::start(self.slug(), command, &bench.folder)?;
        Ok(Served {
            process: process.listens(address)?,
            address,
            _upstream: api,
        })
    }

    fn command(self, address: SocketAddr, upstream: SocketAddr, bench: &Bench) -> Result<Command> {
        let folder = &bench.folder;
        let command = match self {
            Self::Tidings => {
                let config = tidings(address, upstream);
                let mut tidings = command(Whose::Measured, &bench.options.tidings);
                let file = written(folder, "tidings.yaml", &config)?;
                tidings.args(["run", "--config"]).arg(file);
                tidings
            }
            Self::Bare => {
                let mut bare = own_role(Whose::Measured, "bare");
                bare.args([address.to_string(), upstream.to_string()]);
                bare
            }
            Self::Nginx => {
                let config = nginx::proxy(address, upstream, folder);
                let mut nginx = command(Whose::Measured, "nginx");
                nginx.arg("-p").arg(folder);
                nginx.arg("-c").arg(written(folder, "nginx.conf", &config)?);
                nginx
            }
        };
        Ok(command)
    }
}

impl Served {
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }
}

fn tidings(address: SocketAddr, upstream: SocketAddr) -> String {
    format!(
        "listen: {address}\nupstream: http://{upstream}\nlogging: {{ level: error }}\n\
         observe: {{ preset: json-server }}\n\
         realtime: {{ restdb: {{ path: /realtime, ping_interval: 20s }} }}\n\
         log: {{ keep: {{ events: {KEPT_EVENTS} }} }}\n\
         access: {{ global: true }}\n"
    )
}

fn written(folder: &Path, name: &str, text: &str) -> Result<std::path::PathBuf> {
    let file = folder.join(name);
    let written = std::fs::write(&file, text);
    written.map_err(|error| format!("{}: {error}", file.display()))?;
    Ok(file)
}

fn loopback() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], free_port()))
}

/// Events that a hub keeps of the past.
const KEPT_EVENTS: usize = 10_000;
