//! The configuration: YAML as it is written to a [`Snapshot`] that runs.
//!
//! ```text
//!  tidings.yaml, access.yaml ──► file ──► lower ──► Snapshot ──► describe
//!        ▲                       as written  the one place     what `tidings check` prints
//!      watch                                 that says no
//! ```
//! A snapshot has nothing left to check: whoever runs by it reads its fields. What is wrong with
//! a file is told all at once, each fault with its file, line, column and key and the line
//! itself; a secret is in no error, wherever the mistake is (`outline::shown` says what is shown).
//!
//! Files are read by [`load`] and by a [`Watch`], nowhere else; the environment comes in as a function.

mod admin;
mod describe;
mod environment;
mod fault;
mod file;
mod lower;
mod nearest;
mod outline;
mod schema;
mod source;
mod unit;
mod watch;
mod written;

use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;

pub use admin::admin;
pub use describe::{describe, describe_with};
pub use fault::ConfigErrors;
pub use schema::{SchemaOf, schema};
pub use watch::{Prompt, Watch};

use crate::access::Access;
use crate::dialect::Realtime;
use crate::limits::{Keep, Limits};
use crate::log::{Level, OnFailure};
use crate::observe::Observe;
use written::Written;

/// Reads the configuration at `path`, and the access file that it may name. `${NAME}` is
/// filled in from `env`; relative paths start at the directory of `path`.
///
/// # Errors
/// [`ConfigErrors`]: everything that is wrong, for the operator to read and correct.
pub fn load(
    path: &Path,
    env: &dyn Fn(&str) -> Option<String>,
    generation: u64,
) -> Result<Snapshot, ConfigErrors> {
    Written::read(path, env).compile(env, generation)
}

/// Reads a duration as the configuration writes it. Shape: `500ms`, `10s`.
///
/// # Errors
/// What is expected instead, for who wrote it.
pub fn duration(text: &str, range: &RangeInclusive<Duration>) -> Result<Duration, String> {
    unit::duration(text, range).map_err(|not_one| not_one.to_string())
}

/// Reads a configuration that the program itself has written; errors call it `name`.
///
/// # Errors
/// [`ConfigErrors`], as [`load`].
pub fn parse(name: &str, text: &str) -> Result<Snapshot, ConfigErrors> {
    Written::of_text(name, text).compile(&|_| None, 1)
}

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
    /// `admin.ready_when_degraded`: whether `/readyz` is 200 while a part does not do what it is
    /// there for. True by default.
    pub ready_when_degraded: bool,
    /// `trusted_proxies`: whose word for a client's address is taken. Of IPv4 addresses that are
    /// written as IPv6 there are none.
    pub trusted_proxies: Arc<[IpNet]>,
    /// `observe`: which writes become events.
    pub observe: Arc<Observe>,
    /// `realtime`: by which dialects events are heard.
    pub realtime: Arc<Realtime>,
    /// `log`: how the past is kept.
    pub log: Log,
    /// `logging`: the diagnostics.
    pub logging: Logging,
    /// `limits`.
    pub limits: Limits,
    /// `access`.
    pub access: Arc<Access>,
    /// How long a drain may take: `drain`, 10 s by default.
    pub drain: Duration,
}

impl Snapshot {
    /// The keys whose values differ in `new` and only count when the sidecar starts.
    #[must_use]
    pub fn needs_restart(&self, new: &Self) -> Vec<&'static str> {
        [
            ("listen", self.listen != new.listen),
            ("admin", self.admin != new.admin),
            ("log.level", self.log.level != new.log.level),
            ("log.dir", self.log.dir != new.log.dir),
        ]
        .into_iter()
        .filter_map(|(key, differs)| differs.then_some(key))
        .collect()
    }

    /// What is in force once `new` is, while the sidecar runs on: `new`, as the next
    /// generation, with this one's values for the keys of [`Snapshot::needs_restart`]. The keys
    /// of tokens that were fetched stay where they still come from the same address, and what
    /// the upstream said of credentials where the same is still asked of the same, and told of
    /// the names of its collections.
    #[must_use]
    pub fn adopt(&self, mut new: Self) -> Self {
        if let Some(old) = &self.access.jwt
            && let Some(jwt) = &mut Arc::make_mut(&mut new.access).jwt
            && jwt.keys.url().is_some()
            && jwt.keys.url() == old.keys.url()
        {
            jwt.keys = Arc::clone(&old.keys);
        }
        if let Some(old) = &self.access.identity
            && self.upstream == new.upstream
            && let Some(identity) = &mut Arc::make_mut(&mut new.access).identity
            && (&identity.ask, &identity.claims, &identity.cookies)
                == (&old.ask, &old.claims, &old.cookies)
        {
            identity.answers = Arc::clone(&old.answers);
        }
        // Always the same one: the streams and whoever asks for them hold on to it.
        let access = Arc::make_mut(&mut new.access);
        access.reads = Arc::clone(&self.access.reads);
        let read = |observe: &Observe| observe.read().map(|(_rule, read)| read.clone());
        if (&self.upstream, &self.access.rules) != (&new.upstream, &access.rules)
            || read(&self.observe) != read(&new.observe)
        {
            access.reads.forget();
        }
        if self.upstream == new.upstream {
            let aliases = &mut Arc::make_mut(&mut new.observe).aliases;
            *aliases = Arc::clone(&self.observe.aliases);
        }
        Arc::make_mut(&mut new.access).aliases = Arc::clone(&new.observe.aliases);
        Self {
            generation: self.generation.saturating_add(1),
            listen: self.listen,
            admin: self.admin,
            log: Log {
                level: self.log.level,
                dir: self.log.dir.clone(),
                ..new.log
            },
            ..new
        }
    }
}

/// The REST API that stands behind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upstream {
    /// Whether it is asked over TLS.
    pub tls: bool,
    /// Its name or address; an IPv6 address stands without brackets.
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
    /// The default of [`Upstream::connect_timeout`].
    pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
    /// The default of [`Upstream::read_timeout`] and [`Upstream::write_timeout`].
    pub const SILENCE_TIMEOUT: Duration = Duration::from_secs(60);

    /// What its own `Host` field says: the port is left out where it is the scheme's.
    #[must_use]
    pub fn authority(&self) -> String {
        let host: &str = &self.host;
        let ipv6 = host.contains(':');
        let host = if ipv6 {
            format!("[{host}]")
        } else {
            host.to_owned()
        };
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

/// `log`: how the past is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Log {
    /// How durable it is. `memory` by default.
    pub level: Level,
    /// The directory of its files: none at [`Level::Memory`], and one at any other level.
    pub dir: Option<PathBuf>,
    /// How long a successful answer waits for the log; then it is released all the same, and the
    /// log has failed. 5 s by default.
    pub wait: Duration,
    /// What becomes of writes while it has failed. `release` by default.
    pub on_failure: OnFailure,
    /// How much of the past is kept.
    pub keep: Keep,
}

impl Default for Log {
    fn default() -> Self {
        Self {
            level: Level::Memory,
            dir: None,
            wait: Duration::from_secs(5),
            on_failure: OnFailure::Release,
            keep: Keep::default(),
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

impl Default for Logging {
    fn default() -> Self {
        Self {
            level: tracing::Level::INFO,
            format: Format::Auto,
        }
    }
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

#[cfg(test)]
mod tests;
