//! A configuration as it was understood, in words: what `tidings check` prints.
//!
//! It shows what runs, not what was written: a default stands as if it had been written, a
//! preset's rules stand where they count. Keys stand by their names; their secrets do not.

mod identity;
mod jwt;
mod limits;
mod observe;
mod proxies;
mod rules;
mod stream;

use std::fmt::{Display, Write};

use super::lower::{FORMATS, LOGGING_LEVELS, PATCH_EVENTS, name_of};
use super::unit::{show_duration, show_size};
use super::{HostHeader, Log, Snapshot, Upstream};
use crate::access::{Access, Jwt, Key};
use crate::dialect::{Realtime, pocketbase, restdb};
use crate::log::{Level, OnFailure};

/// What `snapshot` says, as text of several lines, what deserves a second look last.
#[must_use]
pub fn describe(snapshot: &Snapshot) -> String {
    describe_with(snapshot, "", Vec::new())
}

/// The same, with lines and with warnings of what is not said by the configuration alone.
#[must_use]
pub fn describe_with(snapshot: &Snapshot, lines: &str, of_others: Vec<String>) -> String {
    let mut page = Page(String::new());
    page.line("listen", snapshot.listen);
    page.trusted_proxies(&snapshot.trusted_proxies);
    page.upstream(&snapshot.upstream);
    match snapshot.admin {
        Some(admin) if snapshot.ready_when_degraded => page.line("admin", admin),
        Some(admin) => page.line("admin", format_args!("{admin}, not ready while degraded")),
        None => page.line("admin", "off"),
    }
    page.observe(&snapshot.observe, &snapshot.access);
    page.realtime(&snapshot.realtime);
    page.access(&snapshot.access);
    page.log(&snapshot.log);
    page.limits(snapshot);
    let logging = &snapshot.logging;
    page.line(
        "logging",
        format_args!(
            "{} and worse, {}",
            name_of(logging.level, LOGGING_LEVELS),
            name_of(logging.format, FORMATS)
        ),
    );
    page.line("drain", show_duration(snapshot.drain));
    page.0.push_str(lines);
    let of_streams = snapshot
        .realtime
        .streams
        .iter()
        .filter_map(|s| stream::warning(s));
    let of_rules = rules::warnings(&snapshot.access, &snapshot.observe);
    for warning in warnings(snapshot)
        .into_iter()
        .chain(proxies::warnings(&snapshot.trusted_proxies))
        .chain(of_rules)
        .chain(of_streams)
        .chain(of_others)
    {
        page.line("warning", warning);
    }
    page.0
}

/// What is valid and yet seldom meant.
fn warnings(snapshot: &Snapshot) -> Vec<String> {
    let Snapshot {
        observe,
        access,
        log,
        realtime,
        ..
    } = snapshot;
    let mut warnings = Vec::new();
    let mut warn = |when: bool, text: &str| {
        if when {
            warnings.push(text.to_owned());
        }
    };
    warn(
        observe.rules.is_empty(),
        "nothing is observed: name a preset or rules in `observe`",
    );
    warn(
        observe
            .collections
            .as_ref()
            .is_some_and(|names| names.is_empty()),
        "nothing is observed: `observe.collections` names none",
    );
    warn(
        *realtime.as_ref() == Realtime::default(),
        "nobody can listen: no protocol is named in `realtime`",
    );
    warn(
        access.global,
        "global: true: anyone hears everything, without a key",
    );
    warn(
        stream::asks_who(realtime)
            && !access.global
            && access.jwt.is_none()
            && access.identity.is_none()
            && access.keys.iter().all(|key| key.hear.is_empty()),
        "no key may hear anything",
    );
    warn(
        any_origin(access.origins.iter()),
        "origins: any page may use a key that names no origins of its own",
    );
    warn(
        access.takes_cookies() && any_origin(access.origins.iter()),
        "origins: \"*\" lets no page use a cookie: name the origins that may",
    );
    warn(
        log.level == Level::Memory && log.on_failure == OnFailure::Refuse,
        "log.on_failure: refuse: counts at the levels process and disk alone",
    );
    let meant_for_all = |jwt: &Jwt| jwt.wanted.audience.is_empty();
    warn(
        access.jwt.as_ref().is_some_and(meant_for_all),
        "access.jwt: names no audience: a token for another API of the issuer counts as well",
    );
    for key in &access.keys {
        let idle = key.hear.is_empty() && key.publish.is_empty();
        warn(
            idle,
            &format!("key {}: may neither hear nor publish", key.name),
        );
        let origins = key.origins.as_ref();
        warn(
            origins.is_some_and(|origins| any_origin(origins.iter())),
            &format!("key {}: any page may use it", key.name),
        );
    }
    warnings
}

fn any_origin<'a>(mut origins: impl Iterator<Item = &'a str>) -> bool {
    origins.any(|origin| origin == "*")
}

/// The text so far: a name, then what there is to say of it, on lines of its own.
struct Page(String);

impl Page {
    fn line(&mut self, name: &str, value: impl Display) {
        // Writing to a string does not fail.
        let _ = writeln!(self.0, "{name:<9} {value}");
    }

    fn upstream(&mut self, upstream: &Upstream) {
        let scheme = if upstream.tls { "https" } else { "http" };
        let authority = upstream.authority();
        let [connect, read, write] = [
            upstream.connect_timeout,
            upstream.read_timeout,
            upstream.write_timeout,
        ]
        .map(show_duration);
        self.line("upstream", format_args!("{scheme}://{authority}"));
        self.line(
            "",
            format_args!(
                "connects within {connect}, silent for {read} at most, takes bytes within {write}"
            ),
        );
        let host = match upstream.host_header {
            HostHeader::Preserve => "the client's",
            HostHeader::Upstream => "its own",
        };
        self.line("", format_args!("is sent {host} Host"));
        if let Some(file) = &upstream.ca_file {
            self.line("", format_args!("trusts {}", file.display()));
        }
    }

    fn realtime(&mut self, realtime: &Realtime) {
        match &realtime.restdb {
            None if *realtime == Realtime::default() => self.line("realtime", "off"),
            None => self.line("realtime", "without RestDB's"),
            Some(options) => self.restdb(options),
        }
        if let Some(options) = &realtime.pocketbase {
            self.pocketbase(options);
        }
        for stream in &realtime.streams {
            self.stream(stream);
        }
    }

    fn pocketbase(&mut self, options: &pocketbase::Options) {
        let [idle, life, missed] = [options.idle, options.life, options.missed].map(show_duration);
        self.line(
            "",
            format_args!(
                "PocketBase's at {}, ended after {idle} of silence or {life}, {missed} kept for who comes back",
                options.path
            ),
        );
    }

    fn restdb(&mut self, options: &restdb::Options) {
        self.line(
            "realtime",
            format_args!(
                "RestDB at {}, a ping every {}, a PATCH told as {}, publishes to {}, {} a key",
                options.path,
                show_duration(options.ping_interval),
                name_of(options.patch, PATCH_EVENTS),
                show_size(options.publish_body_bytes),
                options.publish_rate
            ),
        );
        let files = Vec::from_iter(options.client.paths());
        if files.is_empty() {
            self.line("", "its JavaScript client nowhere");
        } else {
            self.line(
                "",
                format_args!("its JavaScript client at {}", list(&files)),
            );
        }
    }

    /// What is kept, and what becomes of writes where that can fail.
    fn log(&mut self, log: &Log) {
        let keep = &log.keep;
        self.line(
            "log",
            format_args!(
                "{}, keeps {} events, {} of them, {} long",
                log.level.as_str(),
                keep.events,
                show_size(keep.bytes),
                show_duration(keep.age)
            ),
        );
        let Some(dir) = &log.dir else {
            return;
        };
        let wait = show_duration(log.wait);
        self.line("", format_args!("is in {}", dir.display()));
        self.line("", format_args!("holds an answer for {wait} at most"));
        let failed = match log.on_failure {
            OnFailure::Release => "while it has failed, answers go on and events are in memory",
            OnFailure::Refuse => "while it has failed, observed writes and publishes are refused",
        };
        self.line("", failed);
    }

    fn access(&mut self, access: &Access) {
        let who = if access.global {
            "anyone hears everything"
        } else {
            "by key"
        };
        self.line("access", who);
        let origins = Vec::from_iter(access.origins.iter());
        if !origins.is_empty() {
            self.line("", format_args!("origins: {}", list(&origins)));
        }
        for key in &access.keys {
            self.key(key);
        }
        if let Some(jwt) = &access.jwt {
            self.jwt(jwt);
        }
        if let Some(identity) = &access.identity {
            self.identity(identity);
        }
        self.rules(&access.rules);
    }

    fn key(&mut self, key: &Key) {
        self.line("", format_args!("key {}", key.name));
        self.line("", format_args!("  hears {}", or_nothing(list(&*key.hear))));
        self.line(
            "",
            format_args!("  publishes {}", or_nothing(list(&key.publish))),
        );
        if key.superuser {
            self.line("", "  passes every rule");
        }
        if let Some(origins) = &key.origins {
            let origins = Vec::from_iter(origins.iter());
            self.line(
                "",
                format_args!("  from pages of {}", or_nothing(list(&origins))),
            );
        }
    }
}

fn or_nothing(list: String) -> String {
    if list.is_empty() {
        "nothing".to_owned()
    } else {
        list
    }
}

/// Shape: `a, b`.
fn list<'a, T: Display + 'a>(items: impl IntoIterator<Item = &'a T>) -> String {
    let items = items.into_iter().map(T::to_string);
    items.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests;
