//! For whom a peer speaks, where there are proxies in front, and what the upstream is told of it.
//!
//! ```text
//!   client ──► proxy a ──► proxy b ──► sidecar        X-Forwarded-For: client, a
//! ```
//! The peer of the connection is `b`. Who is trusted is believed whom they name: `b` names `a`,
//! and `a` the client, whose word for anyone else counts for nothing. Where a name is missing or
//! is no address, whoever should have said it stands for the client.
//!
//! The upstream is told the same in both spellings, `X-Forwarded-*` and `Forwarded` (RFC 7239):
//! what a trusted peer says, with the peer behind it; of anybody else the peer alone. Pure.

use std::fmt::Write;
use std::net::{IpAddr, SocketAddr};

use http::HeaderMap;
use http::header::{FORWARDED, HOST, HeaderName, HeaderValue};
use ipnet::IpNet;

/// The fields by which a proxy tells for whom it speaks.
pub(crate) const FIELDS: [HeaderName; 4] = [
    FORWARDED,
    X_FORWARDED_FOR,
    X_FORWARDED_HOST,
    X_FORWARDED_PROTO,
];
/// The same, as they are written.
const WRITTEN: [&str; 4] = [
    "Forwarded",
    "X-Forwarded-For",
    "X-Forwarded-Host",
    "X-Forwarded-Proto",
];

/// An element of `Forwarded`: what one proxy tells of who came to it.
#[derive(Clone, Debug, Default)]
struct Element {
    node: Option<String>,
    host: Option<String>,
    proto: Option<String>,
}

/// The address of the client that `peer` speaks for, or its own.
pub(crate) fn client(peer: IpAddr, headers: &HeaderMap, trusted: &[IpNet]) -> IpAddr {
    // A listener of both families tells IPv4 as IPv6.
    let mut address = peer.to_canonical();
    if !is_trusted(address, trusted) {
        return address;
    }
    let mut named = named(headers);
    while is_trusted(address, trusted) {
        let Some(Some(before)) = named.pop() else {
            break;
        };
        address = before;
    }
    address
}

/// Whether `address` is one of those who are believed whom they name.
pub(crate) fn is_trusted(address: IpAddr, trusted: &[IpNet]) -> bool {
    trusted.iter().any(|network| network.contains(&address))
}

/// Who counts as one: an address, or of IPv6 the network that one customer has at least.
pub(crate) fn host_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6((u128::from(address) >> 64 << 64).into()),
        address @ IpAddr::V4(_) => address,
    }
}

/// Whether a field of that name is one of [`FIELDS`], or some upstreams take it for one: those that
/// hand fields to programs as variables (CGI, WSGI, Rack) make no difference between `-` and `_`.
pub(crate) fn is_own(name: &str) -> bool {
    let is_own = |name: &str| WRITTEN.iter().any(|own| name.eq_ignore_ascii_case(own));
    is_own(name) || (name.contains('_') && is_own(&name.replace('_', "-")))
}

/// What the upstream is told by each of [`FIELDS`], in that order, instead of what came; none of
/// what there is nothing to say by.
pub(crate) fn told(
    peer: IpAddr,
    headers: &HeaderMap,
    trusted: &[IpNet],
) -> [Option<HeaderValue>; 4] {
    let peer = peer.to_canonical();
    let host = headers.get(HOST).map(HeaderValue::as_bytes);
    if !is_trusted(peer, trusted) {
        return told_of_stranger(peer, host);
    }
    let forwarded = sound_forwarded(headers);
    let elements = forwarded.is_some().then(|| elements(headers));
    let first = elements.as_deref().and_then(<[Element]>::first);
    let said = |name, of: fn(&Element) -> Option<&String>| {
        let derived = || first.and_then(of).map(|text| text.clone().into_bytes());
        joined(headers, name).or_else(derived)
    };
    let host_said = said(X_FORWARDED_HOST, |first| first.host.as_ref());
    let proto_said = said(X_FORWARDED_PROTO, |first| first.proto.as_ref());
    let host = host_said.as_deref().or(host);
    let proto = proto_said.as_deref().unwrap_or(b"http");
    let mut named = named(headers);
    let chain = joined(headers, X_FORWARDED_FOR).unwrap_or_else(|| {
        let text = |node: &Option<IpAddr>| node.map_or("unknown".to_owned(), |of| of.to_string());
        let all: Vec<_> = named.iter().map(text).collect();
        all.join(", ").into_bytes()
    });
    let chain = appended(chain, peer.to_string().as_bytes());
    let forwarded = match forwarded {
        Some(said) => appended(said, &element(Some(peer), None, None)),
        None => {
            named.push(Some(peer));
            let mut nodes = named.into_iter();
            let first = nodes.next().flatten();
            let first = element(first, host, Some(proto));
            nodes.fold(first, |said, node| {
                appended(said, &element(node, None, None))
            })
        }
    };
    [
        value(&forwarded),
        value(&chain),
        host.and_then(value),
        value(proto),
    ]
}

fn told_of_stranger(peer: IpAddr, host: Option<&[u8]>) -> [Option<HeaderValue>; 4] {
    let element = element(Some(peer), host, Some(b"http"));
    [
        value(&element),
        value(peer.to_string().as_bytes()),
        host.and_then(value),
        Some(HTTP),
    ]
}

/// What is [`told`], as lines of a head.
pub(crate) fn lines(told: &[Option<HeaderValue>; 4]) -> Vec<u8> {
    let mut lines = Vec::new();
    for (name, told) in WRITTEN.iter().zip(told) {
        if let Some(told) = told {
            for part in [name.as_bytes(), b": ", told.as_bytes(), b"\r\n"] {
                lines.extend_from_slice(part);
            }
        }
    }
    lines
}

/// What was told last of a peer who is not trusted. It is the same as long as the Host is, and to make
/// it anew for each request of a connection costs more than all else that is told.
#[derive(Debug, Default)]
pub(crate) struct Stranger(Option<Known>);

#[derive(Debug)]
struct Known {
    host: Option<Box<[u8]>>,
    lines: Vec<u8>,
}

impl Stranger {
    /// The [`lines`] of what is [`told`] of always the same peer, which has asked for that Host.
    pub(crate) fn lines(&mut self, peer: IpAddr, host: Option<&[u8]>) -> &[u8] {
        let known = self.0.take().filter(|known| known.host.as_deref() == host);
        let known = known.unwrap_or_else(|| Known {
            host: host.map(Into::into),
            lines: lines(&told_of_stranger(peer.to_canonical(), host)),
        });
        &self.0.insert(known).lines
    }
}

/// Puts into `headers` what [`told`] says.
pub(crate) fn settle(headers: &mut HeaderMap, peer: IpAddr, trusted: &[IpNet]) {
    for (name, told) in FIELDS.into_iter().zip(told(peer, headers, trusted)) {
        match told {
            Some(told) => drop(headers.insert(name, told)),
            None => drop(headers.remove(name)),
        }
    }
}

fn value(bytes: &[u8]) -> Option<HeaderValue> {
    HeaderValue::from_bytes(bytes).ok()
}

/// The lines of a field as one (RFC 9110 § 5.3); none where it did not come.
fn joined(headers: &HeaderMap, name: HeaderName) -> Option<Vec<u8>> {
    let mut lines = headers.get_all(name).iter().map(HeaderValue::as_bytes);
    let first = lines.next()?.to_vec();
    Some(lines.fold(first, appended))
}

/// The same of `Forwarded`. A line that is broken would break those beside it: of whoever it should
/// name it says that nobody knows.
fn sound_forwarded(headers: &HeaderMap) -> Option<Vec<u8>> {
    let lines = headers.get_all(FORWARDED).iter().map(HeaderValue::as_bytes);
    let is_sound = |line: &[u8]| std::str::from_utf8(line).is_ok_and(|t| elements_of(t).is_some());
    let lines = lines.map(|line| if is_sound(line) { line } else { b"for=unknown" });
    lines
        .map(<[u8]>::to_vec)
        .reduce(|all, line| appended(all, &line))
}

fn appended(mut all: Vec<u8>, more: &[u8]) -> Vec<u8> {
    if !all.is_empty() {
        all.extend_from_slice(b", ");
    }
    all.extend_from_slice(more);
    all
}

/// Shape: `for=192.0.2.1;host="a.example:80";proto=http`.
fn element(node: Option<IpAddr>, host: Option<&[u8]>, proto: Option<&[u8]>) -> Vec<u8> {
    let mut text = String::with_capacity(ELEMENT_BYTES + host.map_or(0, <[u8]>::len));
    text.push_str("for=");
    // Writing to a string does not fail.
    let _ = match node {
        Some(IpAddr::V4(address)) => write!(text, "{address}"),
        Some(IpAddr::V6(address)) => write!(text, "\"[{address}]\""),
        None => write!(text, "unknown"),
    };
    let mut bytes = text.into_bytes();
    for (name, value) in [("host", host), ("proto", proto)] {
        // What could end a quoted text, or is no ASCII, is left out: nobody needs it.
        let is_quotable = |byte: &u8| matches!(byte, b' '..=b'~') && !b"\"\\".contains(byte);
        let Some(value) = value.filter(|value| value.iter().all(is_quotable)) else {
            continue;
        };
        let is_token = !value.is_empty()
            && value
                .iter()
                .all(|b| b.is_ascii_alphanumeric() || b"-._~!$&'*+".contains(b));
        let quote: &[u8] = if is_token { b"" } else { b"\"" };
        for part in [b";", name.as_bytes(), b"=", quote, value, quote] {
            bytes.extend_from_slice(part);
        }
    }
    bytes
}

/// Whom the proxies name, the last of them last; none for what is no address. A proxy appends to
/// the last line or adds one.
fn named(headers: &HeaderMap) -> Vec<Option<IpAddr>> {
    let mut lines = headers.get_all(X_FORWARDED_FOR).iter().peekable();
    if lines.peek().is_some() {
        let addresses = lines.flat_map(|line| line.as_bytes().split(|byte| *byte == b','));
        return addresses
            .map(|bytes| address(std::str::from_utf8(bytes).ok()?.trim_matches(BLANK)))
            .collect();
    }
    let elements = elements(headers).into_iter();
    elements.map(|element| address(&element.node?)).collect()
}

/// The elements of `Forwarded`; of a line that is broken, one that says nothing.
fn elements(headers: &HeaderMap) -> Vec<Element> {
    let lines = headers.get_all(FORWARDED).iter();
    lines
        .flat_map(|line| {
            let text = std::str::from_utf8(line.as_bytes()).ok();
            let read = text.and_then(elements_of);
            read.unwrap_or_else(|| vec![Element::default()])
        })
        .collect()
}

/// The elements of a line of `Forwarded`; none if it is broken.
///
/// ```text
/// forwarded-element = [ forwarded-pair ] *( ";" [ forwarded-pair ] )
/// forwarded-pair    = token "=" value                                       (RFC 7239 § 4)
/// ```
fn elements_of(line: &str) -> Option<Vec<Element>> {
    let (mut all, mut element, mut rest) = (Vec::new(), Element::default(), line);
    loop {
        rest = rest.trim_start_matches(BLANK);
        if !rest.starts_with([';', ',']) && !rest.is_empty() {
            let (name, after) = rest.split_once('=')?;
            let (value, after) = value_of(after)?;
            // Else it would take the next element in.
            if name.contains(ENDS) {
                return None;
            }
            let own = match &*name.to_ascii_lowercase() {
                "for" => Some(&mut element.node),
                "host" => Some(&mut element.host),
                "proto" => Some(&mut element.proto),
                _ => None,
            };
            // "Each parameter MUST NOT occur more than once per field-value."
            if own.is_some_and(|own| own.replace(value).is_some()) {
                return None;
            }
            rest = after.trim_start_matches(BLANK);
        }
        let mut signs = rest.chars();
        match signs.next() {
            Some(';') => {}
            Some(',') => all.push(std::mem::take(&mut element)),
            Some(_) => return None,
            None => {
                all.push(element);
                return Some(all);
            }
        }
        rest = signs.as_str();
    }
}

/// The value that `text` begins with, without quotes, and what follows it. One without quotes may
/// have what should stand in them: some proxies write an IPv6 address or a port so.
fn value_of(text: &str) -> Option<(String, &str)> {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find(ENDS);
        let (value, rest) = text.split_at(end.unwrap_or(text.len()));
        return Some((value.to_owned(), rest));
    };
    let mut value = String::new();
    let mut chars = quoted.chars();
    loop {
        match chars.next()? {
            '"' => return Some((value, chars.as_str())),
            '\\' => value.push(chars.next()?),
            c => value.push(c),
        }
    }
}

/// Shape: `1.2.3.4`, `::1` or `[::1]`, the first and the last perhaps with a port.
fn address(text: &str) -> Option<IpAddr> {
    let bare = text.strip_prefix('[').and_then(|t| t.strip_suffix(']'));
    let address = match bare {
        Some(bare) => IpAddr::V6(bare.parse().ok()?),
        None => {
            let with_port = || text.parse().map(|address: SocketAddr| address.ip());
            text.parse().or_else(|_no_address| with_port()).ok()?
        }
    };
    Some(address.to_canonical())
}

/// Bytes of an element without its host, the longest address included.
const ELEMENT_BYTES: usize = 80;
/// How everybody comes: TLS is ended before us.
const HTTP: HeaderValue = HeaderValue::from_static("http");
const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const BLANK: [char; 2] = [' ', '\t'];
/// What ends a name or a value.
const ENDS: [char; 5] = [';', ',', '"', ' ', '\t'];

#[cfg(test)]
mod tests;
