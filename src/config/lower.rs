//! What was written to what runs: the one place that says no.
//!
//! A value that is refused is noted and its default taken, so that one reading of a file
//! finds everything that is wrong with it; what comes of a file with a fault is thrown away.
//! Pure: the environment comes in as a function, files are read by the caller.

mod access;
mod admin;
mod choices;
mod claims;
mod identity;
mod jwt;
mod limits_of;
mod log;
mod observe;
mod pocketbase;
mod proxies;
mod rules;
mod streams;
mod upstream;

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

pub(super) use access::access;
pub(super) use choices::{Choice, choices};
pub(super) use jwt::KeyFile;

use super::environment::fill;
use super::fault::{ConfigErrors, Problem};
use super::file::{self, Text};
use super::nearest::nearest;
use super::outline::Place;
use super::source::Source;
use super::unit;
use super::{Format, Logging, Snapshot};
use crate::access::{Access, Hidden};
use crate::dialect::Realtime;
use crate::dialect::restdb::{self, PatchEvent};
use crate::limits;
use crate::observe::Observe;

/// The lowering of one file: what its values are read with, and what was refused so far.
pub(super) struct Lower<'a> {
    source: &'a Source,
    env: &'a dyn Fn(&str) -> Option<String>,
    errors: ConfigErrors,
}

/// The snapshot that `file` describes; none if its listener or its upstream was refused.
/// Relative paths start at `directory`.
pub(super) fn lower(
    file: &file::File,
    access: Access,
    directory: &Path,
    generation: u64,
    lower: &mut Lower<'_>,
) -> Option<Snapshot> {
    let listen = lower.read(&file.listen, address);
    let upstream = upstream::upstream(&file.upstream, listen, directory, lower);
    let (admin, ready_when_degraded) = admin::admin(file.admin.as_ref(), listen, lower);
    let trusted_proxies = file.trusted_proxies.as_deref().unwrap_or_default();
    let trusted_proxies = lower.all(trusted_proxies, proxies::network);
    let observe = observe::observe(&file.observe, lower);
    let restdb = file.realtime.restdb.as_ref();
    let restdb = restdb.map(|options| restdb_options(options, lower));
    let pocketbase = file.realtime.pocketbase.as_ref();
    let pocketbase =
        pocketbase.and_then(|file| pocketbase::pocketbase(file, restdb.as_ref(), lower));
    let streams = file.realtime.streams.as_deref().unwrap_or_default();
    let streams = streams::streams(streams, restdb.as_ref(), pocketbase.as_ref(), lower);
    let log = log::log(&file.log, directory, lower);
    let logging = logging(&file.logging, lower);
    let limits = limits_of::limits_of(&file.limits, lower);
    let drain = lower.duration(file.drain.as_ref(), DRAIN, &limits::DRAIN);
    let access = Access {
        aliases: Arc::clone(&observe.aliases),
        ..with_hidden(access, &observe)
    };
    let spelt = access
        .ruled()
        .chain(
            observe
                .collections
                .iter()
                .flat_map(|all| all.iter().map(|name| &**name)),
        )
        .map(|name| (name.to_lowercase().into(), name.into()))
        .collect();
    let observe = Observe {
        spelt: Arc::new(spelt),
        ..observe
    };
    Some(Snapshot {
        generation,
        listen: listen?,
        upstream: upstream?,
        admin,
        ready_when_degraded,
        trusted_proxies: trusted_proxies.into(),
        observe: Arc::new(observe),
        realtime: Arc::new(Realtime {
            restdb,
            pocketbase,
            streams,
        }),
        log,
        logging,
        limits,
        access: Arc::new(access),
        drain,
    })
}

/// With what `observe` takes out of records that some rule asks for.
fn with_hidden(mut access: Access, observe: &Observe) -> Access {
    let redacted = observe.redact.iter().map(|part| (part, None));
    let concealed = observe.rules.iter().flat_map(|rule| &rule.conceal);
    let concealed = concealed.map(|of| (&of.part, Some(of.unless.clone())));
    let hidden = redacted.chain(concealed).map(|(part, unless)| Hidden {
        names: part.tokens().into(),
        unless,
    });
    let rules = &access.rules;
    let asked = |hidden: &Hidden| (rules.expressions()).any(|rule| rule.asks_field(&hidden.names));
    access.rules.hidden = hidden.filter(asked).collect();
    access
}

impl<'a> Lower<'a> {
    pub(super) fn new(source: &'a Source, env: &'a dyn Fn(&str) -> Option<String>) -> Self {
        Self {
            source,
            env,
            errors: ConfigErrors::none(),
        }
    }

    /// Everything that was refused, in the order of the file.
    pub(super) fn into_errors(mut self) -> ConfigErrors {
        self.errors.sort();
        self.errors
    }

    /// Notes what is wrong at `place`.
    pub(super) fn refuse(&mut self, place: Place, problem: impl Into<Problem>) {
        let source = self.source;
        self.errors.push(|| source.fault(place, problem.into()));
    }

    /// The value of `text`, its placeholders filled in, as `read` reads it; none if it was refused.
    pub(super) fn read<T, E: Into<Problem>>(
        &mut self,
        text: &Text,
        read: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        let filled = match fill(&text.value, self.env) {
            Ok(filled) => filled,
            Err(unfilled) => {
                self.refuse(text.place, unfilled);
                return None;
            }
        };
        match read(&filled.text) {
            Ok(value) => Some(value),
            Err(problem) => {
                let problem = problem.into();
                self.refuse(
                    text.place,
                    if filled.from_environment {
                        problem.without_value()
                    } else {
                        problem
                    },
                );
                None
            }
        }
    }

    /// As [`Lower::read`]; `default` where nothing is written, or what is written was refused.
    fn or<T, E: Into<Problem>>(
        &mut self,
        text: Option<&Text>,
        default: T,
        read: impl FnOnce(&str) -> Result<T, E>,
    ) -> T {
        text.and_then(|text| self.read(text, read))
            .unwrap_or(default)
    }

    /// As [`Lower::read`] for each of `texts`, without those that were refused.
    fn all<T, E: Into<Problem>>(
        &mut self,
        texts: &[Text],
        read: impl Fn(&str) -> Result<T, E>,
    ) -> Vec<T> {
        texts
            .iter()
            .filter_map(|text| self.read(text, &read))
            .collect()
    }

    fn duration(
        &mut self,
        text: Option<&Text>,
        default: Duration,
        range: &std::ops::RangeInclusive<Duration>,
    ) -> Duration {
        self.or(text, default, |text| unit::duration(text, range))
    }
}

pub(super) fn address(text: &str) -> Result<SocketAddr, Problem> {
    text.parse().map_err(|_no_address| Problem::Address)
}

fn restdb_options(file: &file::Restdb, lower: &mut Lower<'_>) -> restdb::Options {
    let default = restdb::Options::default();
    let path = lower.or(file.path.as_ref(), default.path, realtime_path);
    let client = client(file, &path, lower);
    restdb::Options {
        path,
        client,
        ping_interval: lower.duration(
            file.ping_interval.as_ref(),
            default.ping_interval,
            &limits::PING_INTERVAL,
        ),
        patch: lower.or(file.patch.as_ref(), default.patch, |text| {
            choose(text, PATCH_EVENTS)
        }),
        publish_rate: lower.or(file.publish_rate.as_ref(), default.publish_rate, |text| {
            unit::rate(text, &limits::PUBLISHES)
        }),
        publish_body_bytes: lower.or(
            file.publish_body.as_ref(),
            default.publish_body_bytes,
            |text| unit::size(text, &limits::PUBLISH_BODY_BYTES),
        ),
    }
}

/// The JavaScript client of the stream at `realtime`: no two paths may be the same.
fn client(file: &file::Restdb, realtime: &str, lower: &mut Lower<'_>) -> restdb::Client {
    let default = format!("{}/client", realtime.trim_end_matches('/'));
    let taken = |of: &str| Problem::Taken { of: of.to_owned() };
    let paths = |client: &str| restdb::ENDINGS.map(|ending| format!("{client}{ending}"));
    let client = lower.or(file.client.as_ref(), Some(default), |text| {
        if text == "off" {
            return Ok(None);
        }
        let client = realtime_path(text)?;
        if paths(&client).iter().any(|path| path == realtime) {
            return Err(taken("realtime.restdb.path"));
        }
        Ok(Some(client.into()))
    });
    let files = client.as_deref().map(paths).unwrap_or_default();
    let jsapi = file.jsapi.as_ref();
    let jsapi = jsapi.and_then(|text| {
        lower.read(text, |text| match realtime_path(text)? {
            path if *path == *realtime => Err(taken("realtime.restdb.path")),
            path if files.iter().any(|file| **file == *path) => {
                Err(taken("realtime.restdb.client"))
            }
            path => Ok(path),
        })
    });
    restdb::Client::new(realtime, client.as_deref(), jsapi.as_deref())
}

/// A path that a request's target can be, byte for byte, without a query (RFC 9112 § 3.2.1).
fn realtime_path(text: &str) -> Result<Box<str>, Problem> {
    let refused = |c: char| !c.is_ascii_graphic() || "?#%{}\"<>\\^`|".contains(c);
    if !text.starts_with('/') || text.contains(refused) {
        return Err(Problem::RealtimePath);
    }
    Ok(text.into())
}

fn logging(file: &file::Logging, lower: &mut Lower<'_>) -> Logging {
    let default = Logging::default();
    Logging {
        level: lower.or(file.level.as_ref(), default.level, |text| {
            choose(text, LOGGING_LEVELS)
        }),
        format: lower.or(file.format.as_ref(), default.format, |text| {
            choose(text, FORMATS)
        }),
    }
}

fn boolean(text: &str) -> Result<bool, Problem> {
    match text {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err(Problem::NotABool),
    }
}

/// The one of `choices` that has this name.
fn choose<T: Copy>(text: &str, choices: &[(&'static str, T)]) -> Result<T, Problem> {
    let named = choices.iter().find(|(name, _)| *name == text);
    named.map(|(_, choice)| *choice).ok_or_else(|| {
        let names: Vec<_> = choices.iter().map(|(name, _)| *name).collect();
        not_among(text, &names)
    })
}

/// That `text` is none of `names`.
fn not_among(text: &str, names: &[&'static str]) -> Problem {
    Problem::Choice {
        known: one_of(names),
        meant: nearest(text, names.iter().copied()),
    }
}

/// The name that [`choose`] takes for `choice`.
pub(super) fn name_of<T: PartialEq>(choice: T, choices: &[(&'static str, T)]) -> &'static str {
    let named = choices.iter().find(|(_, of)| *of == choice);
    named.map_or("", |(name, _)| name)
}

/// Shape: `a, b or c`.
fn one_of(names: &[&str]) -> String {
    match names {
        [] => String::new(),
        [only] => (*only).to_owned(),
        [first @ .., last] => format!("{} or {last}", first.join(", ")),
    }
}

const DRAIN: Duration = Duration::from_secs(10);

pub(super) const PATCH_EVENTS: &[(&str, PatchEvent)] =
    &[("put", PatchEvent::Put), ("patch", PatchEvent::Patch)];

pub(super) const LOGGING_LEVELS: &[(&str, tracing::Level)] = &[
    ("error", tracing::Level::ERROR),
    ("warn", tracing::Level::WARN),
    ("info", tracing::Level::INFO),
    ("debug", tracing::Level::DEBUG),
    ("trace", tracing::Level::TRACE),
];

pub(super) const FORMATS: &[(&str, Format)] = &[
    ("auto", Format::Auto),
    ("human", Format::Human),
    ("json", Format::Json),
];
