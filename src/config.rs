//! The configuration: YAML as written to a [`Snapshot`] that runs. SKELETON.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::access::Access;
use crate::dialect::restdb;
use crate::limits::{Keep, Limits};
use crate::observe::Observe;

/// A configuration with nothing left to check. A request sees one from start to end.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// How many configurations have been in force, this one included; the first has 1.
    pub generation: u64,
    /// `listen`: where downstreams connect.
    pub listen: SocketAddr,
    /// `upstream`: the REST API.
    pub upstream: Upstream,
    /// `admin`: where health is told; none: nowhere.
    pub admin: Option<SocketAddr>,
    /// `observe`: which writes become events.
    pub observe: Arc<Observe>,
    /// `realtime.restdb`; none: the dialect is off.
    pub restdb: Option<restdb::Options>,
    /// `log.level`.
    pub level: Level,
    /// `log.keep`.
    pub keep: Keep,
    /// `logging`.
    pub logging: Logging,
    /// `limits`.
    pub limits: Limits,
    /// `access`.
    pub access: Arc<Access>,
    /// How long a drain may take: `drain`, 10 s by default.
    pub drain: Duration,
}

/// The REST API that stands behind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upstream {
    /// Whether it is asked over TLS.
    pub tls: bool,
    /// Its name or address.
    pub host: Box<str>,
    /// Its port.
    pub port: u16,
    /// How long a connection, TLS included, may take. 5 s by default.
    pub connect_timeout: Duration,
    /// How long the upstream may be silent. 60 s by default.
    pub read_timeout: Duration,
    /// How long the upstream may take no byte. 60 s by default.
    pub write_timeout: Duration,
    /// Which `Host` it is sent.
    pub host_header: HostHeader,
    /// Certificates to trust instead of the system's, as PEM.
    pub ca_file: Option<PathBuf>,
}

impl Upstream {
    /// What its own `Host` field says: the port is left out where it is the scheme's.
    #[must_use]
    pub fn authority(&self) -> String {
        let host: &str = &self.host;
        let ipv6 = host.contains(':');
        let host = if ipv6 { format!("[{host}]") } else { host.to_owned() };
        match (self.tls, self.port) {
            (true, 443) | (false, 80) => host,
            (_, port) => format!("{host}:{port}"),
        }
    }
}

/// Which `Host` the upstream is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HostHeader {
    /// The one that the downstream sent (`preserve`, the default).
    Preserve,
    /// The upstream's own (`upstream`).
    Upstream,
}

/// How durable the log is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// The log is in memory and ends with the process.
    Memory,
}

impl Level {
    /// The level as it is written, in the configuration and in the `Tidings-Log` field.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Memory => "memory",
        }
    }
}

/// `logging`: the diagnostics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Logging {
    /// The least severe that is told.
    pub level: tracing::Level,
    /// In which form.
    pub format: Format,
}

/// The form of the diagnostics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// For people on a terminal, JSON otherwise.
    Auto,
    /// For people.
    Human,
    /// One JSON object a line.
    Json,
}
