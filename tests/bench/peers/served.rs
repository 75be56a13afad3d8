//! Whatever is measured, before an API of its own.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use crate::cores::Whose;
use crate::http::Result;
use crate::nginx;
use crate::port::free_port;
use crate::process::{Process, command, own_role, this};
use crate::series::Bench;

/// Who is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Peer {
    Tidings,
    Bare,
    Nginx,
    Nchan,
    /// The same, where what is written goes to the API past it.
    NchanPast,
    Floor,
}

/// One of them as it runs.
#[derive(Debug)]
pub(crate) struct Served {
    peer: Peer,
    pub(crate) process: Process,
    /// Where its clients connect.
    pub(crate) address: SocketAddr,
    upstream: SocketAddr,
    /// Ends after whoever asks it.
    _api: Process,
}

impl Peer {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Tidings => "Tidings",
            Self::Bare => "bare pingora",
            Self::Nginx => "nginx",
            Self::Nchan => "nchan",
            Self::NchanPast => "nchan, written past it",
            Self::Floor => "the floor",
        }
    }

    /// The name of its files.
    fn slug(self) -> &'static str {
        match self {
            Self::Tidings => "tidings",
            Self::Bare => "bare",
            Self::Nginx => "nginx",
            Self::Nchan | Self::NchanPast => "nchan",
            Self::Floor => "floor",
        }
    }

    /// Starts it.
    pub(crate) fn start(self, bench: &Bench) -> Result<Served> {
        self.start_under(bench, &[])
    }

    /// Starts it by another program, whose arguments come first.
    pub(crate) fn start_under(self, bench: &Bench, other: &[OsString]) -> Result<Served> {
        let (address, upstream) = (loopback(), loopback());
        let mut api = own_role(Whose::Upstream, "upstream");
        api.arg(upstream.to_string());
        if matches!(self, Self::Nchan | Self::NchanPast) {
            api.arg(address.to_string());
        }
        let api = Process::start("upstream", api, &bench.folder)?.listens(upstream)?;
        let program = self.program(address, upstream, bench)?;
        let command = command(Whose::Measured, other.iter().chain(&program));
        let process = Process::start(self.slug(), command, &bench.folder)?;
        Ok(Served {
            peer: self,
            process: process.listens(address)?,
            address,
            upstream,
            _api: api,
        })
    }

    /// The program and its arguments.
    fn program(
        self,
        address: SocketAddr,
        upstream: SocketAddr,
        bench: &Bench,
    ) -> Result<Vec<OsString>> {
        let folder = &bench.folder;
        let nginx = |config: &str| {
            let file = written(folder, "nginx.conf", config)?;
            let folder = folder.clone();
            Ok(["nginx".into(), "-p".into(), folder, "-c".into(), file]
                .map(PathBuf::into_os_string)
                .to_vec())
        };
        let own = |arguments: &[String]| {
            let arguments = arguments.iter().map(OsString::from);
            [this().into_os_string()]
                .into_iter()
                .chain(arguments)
                .collect()
        };
        match self {
            Self::Tidings => {
                let file = written(folder, "tidings.yaml", &tidings(address, upstream))?;
                let tidings = bench.options.tidings.clone();
                Ok([tidings, "run".into(), "--config".into(), file]
                    .map(PathBuf::into_os_string)
                    .to_vec())
            }
            Self::Bare => Ok(own(&[
                "bare".into(),
                address.to_string(),
                upstream.to_string(),
            ])),
            Self::Floor => Ok(own(&["floor".into(), address.to_string()])),
            Self::Nginx => nginx(&nginx::proxy(address, upstream, folder)),
            Self::Nchan | Self::NchanPast => {
                nginx(&nginx::hub(address, upstream, KEPT_EVENTS, folder)?)
            }
        }
    }

    /// The path of a stream of a collection.
    pub(crate) fn stream_path(self, collection: &str) -> String {
        match self {
            Self::Nchan | Self::NchanPast => format!("/sub/{collection}"),
            _ => format!("/realtime?collections={collection}"),
        }
    }
}

impl Served {
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// The same of the API itself.
    pub(crate) fn api_url(&self, path: &str) -> String {
        format!("http://{}{path}", self.upstream)
    }

    /// Where somebody hears of everything, which is one collection here.
    pub(crate) fn stream_url(&self) -> String {
        match self.peer {
            Peer::Nchan | Peer::NchanPast => self.url("/sub/todos"),
            _ => self.url("/realtime"),
        }
    }

    /// Where that collection is written to.
    pub(crate) fn write_url(&self) -> String {
        match self.peer {
            Peer::NchanPast => self.api_url("/todos"),
            _ => self.url("/todos"),
        }
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

fn written(folder: &Path, name: &str, text: &str) -> Result<PathBuf> {
    let file = folder.join(name);
    let written = std::fs::write(&file, text);
    written.map_err(|error| format!("{}: {error}", file.display()))?;
    Ok(file)
}

/// An address that nobody listens at.
pub(crate) fn loopback() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], free_port()))
}

/// Events that a hub keeps of the past.
const KEPT_EVENTS: usize = 10_000;
