//! `upstream`: where the REST API is and how it is asked.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::path::Path;

use serde_saphyr::Spanned;

use super::{Lower, choose};
use crate::config::fault::Problem;
use crate::config::file::{self, Either, Text, place};
use crate::config::{HostHeader, Upstream};
use crate::limits;

/// The upstream, unless its URL was refused: one that is `listen` itself is too. A relative
/// `ca_file` starts at `directory`.
pub(super) fn upstream(
    file: &Spanned<Either<file::Upstream>>,
    listen: Option<SocketAddr>,
    directory: &Path,
    lower: &mut Lower<'_>,
) -> Option<Upstream> {
    let table = match &file.value {
        Either::Table(table) => table,
        Either::Text(url) => {
            let url = Text {
                value: url.clone(),
                place: place(file.referenced),
            };
            return lower.read(&url, |text| of_url(text, listen));
        }
    };
    let url = lower.read(&table.url, |text| of_url(text, listen));
    let plain = url.as_ref().is_some_and(|url| !url.tls);
    let mut timeout =
        |text: &Option<Text>, default| lower.duration(text.as_ref(), default, &limits::TIMEOUT);
    let connect_timeout = timeout(&table.connect_timeout, Upstream::CONNECT_TIMEOUT);
    let read_timeout = timeout(&table.read_timeout, Upstream::SILENCE_TIMEOUT);
    let write_timeout = timeout(&table.write_timeout, Upstream::SILENCE_TIMEOUT);
    let host_header = lower.or(table.host.as_ref(), HostHeader::Preserve, |text| {
        choose(text, HOST_HEADERS)
    });
    let ca_file = table.ca_file.as_ref().and_then(|text| {
        lower.read(text, |text| match text {
            "" => Err(Problem::Empty),
            _ if plain => Err(Problem::CaFileWithoutTls),
            text => Ok(directory.join(text)),
        })
    });
    Some(Upstream {
        connect_timeout,
        read_timeout,
        write_timeout,
        host_header,
        ca_file,
        ..url?
    })
}

/// Reads `http://HOST[:PORT][/]`, with every default for the rest.
fn of_url(text: &str, listen: Option<SocketAddr>) -> Result<Upstream, Problem> {
    let (scheme, rest) = text.split_once("://").ok_or(Problem::UpstreamScheme)?;
    let tls = match scheme {
        "http" => false,
        "https" => true,
        _ => return Err(Problem::UpstreamScheme),
    };
    let authority = rest.strip_suffix('/').unwrap_or(rest);
    if authority.contains(['/', '?', '#', '@']) {
        return Err(Problem::UpstreamBeyondHost);
    }
    let default_port = if tls { 443 } else { 80 };
    let (host, port) = split_port(authority, default_port).ok_or(Problem::Upstream)?;
    if listen.is_some_and(|listen| is_same(host, port, listen)) {
        return Err(Problem::Loop);
    }
    Ok(Upstream {
        tls,
        host: host.into(),
        port,
        connect_timeout: Upstream::CONNECT_TIMEOUT,
        read_timeout: Upstream::SILENCE_TIMEOUT,
        write_timeout: Upstream::SILENCE_TIMEOUT,
        host_header: HostHeader::Preserve,
        ca_file: None,
    })
}

/// A host and its port (RFC 3986 § 3.2.2, 3.2.3); an IPv6 address loses its brackets.
fn split_port(authority: &str, default: u16) -> Option<(&str, u16)> {
    let (host, port) = if let Some(bracketed) = authority.strip_prefix('[') {
        let (host, rest) = bracketed.split_once(']')?;
        host.parse::<Ipv6Addr>().ok()?;
        let port = match rest {
            "" => None,
            rest => Some(rest.strip_prefix(':')?),
        };
        (host, port)
    } else {
        let (host, port) = match authority.split_once(':') {
            None => (authority, None),
            Some((host, port)) => (host, Some(port)),
        };
        let of_a_name = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_');
        if host.is_empty() || !host.bytes().all(of_a_name) {
            return None;
        }
        (host, port)
    };
    let port = match port {
        None => default,
        Some(port) if port.starts_with('+') => return None,
        Some(port) => port.parse().ok().filter(|port| *port != 0)?,
    };
    Some((host, port))
}

/// Whether a connection to `host` is one to ourselves, as far as that shows without a resolver.
fn is_same(host: &str, port: u16, listen: SocketAddr) -> bool {
    let any = listen.ip().is_unspecified();
    let same = match host.parse::<IpAddr>() {
        Ok(ip) => ip == listen.ip() || (any && (ip.is_loopback() || ip.is_unspecified())),
        Err(_) => host == "localhost" && (any || listen.ip().is_loopback()),
    };
    same && port == listen.port()
}

pub(super) const HOST_HEADERS: &[(&str, HostHeader)] = &[
    ("preserve", HostHeader::Preserve),
    ("upstream", HostHeader::Upstream),
];
