//! From where a client comes, where there are proxies in front.
//!
//! ```text
//!   client ──► proxy a ──► proxy b ──► sidecar        X-Forwarded-For: client, a
//! ```
//! The peer of the connection is `b`. Who is trusted is believed whom they name: `b` names `a`,
//! and `a` the client, whose word for anyone else counts for nothing. Where a name is missing or
//! is no address, whoever should have said it stands for the client.

use std::net::{IpAddr, SocketAddr};

use http::HeaderMap;
use http::header::{FORWARDED, HeaderName};
use ipnet::IpNet;

/// The address of the client that `peer` speaks for, or its own.
pub(super) fn of(peer: IpAddr, headers: &HeaderMap, trusted: &[IpNet]) -> IpAddr {
    let is_trusted = |address| trusted.iter().any(|network| network.contains(&address));
    // A listener of both families tells IPv4 as IPv6.
    let mut address = peer.to_canonical();
    if !is_trusted(address) {
        return address;
    }
    let mut named = named(headers);
    while is_trusted(address) {
        let Some(Some(before)) = named.pop() else {
            break;
        };
        address = before;
    }
    address
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
    let lines = headers.get_all(FORWARDED).iter();
    lines
        .flat_map(|line| {
            let text = std::str::from_utf8(line.as_bytes()).ok();
            text.and_then(forwarded).unwrap_or_else(|| vec![None])
        })
        .collect()
}

/// Whom the elements of a line of `Forwarded` are for; none if it is broken.
///
/// ```text
/// forwarded-element = [ forwarded-pair ] *( ";" [ forwarded-pair ] )
/// forwarded-pair    = token "=" value                                       (RFC 7239 § 4)
/// ```
fn forwarded(line: &str) -> Option<Vec<Option<IpAddr>>> {
    let (mut named, mut node, mut rest) = (Vec::new(), None, line);
    loop {
        rest = rest.trim_start_matches(BLANK);
        if !rest.starts_with([';', ',']) && !rest.is_empty() {
            let (name, after) = rest.split_once('=')?;
            let (value, after) = value(after)?;
            // Else it would take the next element in.
            if name.contains(ENDS) {
                return None;
            }
            // "Each parameter MUST NOT occur more than once per field-value."
            if name.eq_ignore_ascii_case("for") && node.replace(value).is_some() {
                return None;
            }
            rest = after.trim_start_matches(BLANK);
        }
        let mut signs = rest.chars();
        match signs.next() {
            Some(';') => {}
            Some(',') => named.push(node.take().and_then(|node| address(&node))),
            Some(_) => return None,
            None => {
                named.push(node.and_then(|node| address(&node)));
                return Some(named);
            }
        }
        rest = signs.as_str();
    }
}

/// The value that `text` begins with, without quotes, and what follows it. One without quotes may
/// have what should stand in them: some proxies write an IPv6 address or a port so.
fn value(text: &str) -> Option<(String, &str)> {
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

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const BLANK: [char; 2] = [' ', '\t'];
/// What ends a name or a value.
const ENDS: [char; 5] = [';', ',', '"', ' ', '\t'];

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    /// Trusted are `10.0.0.0/8` and `fd00::/8`; the lines of the head are parted by ` | `.
    fn check(peer: &str, head: &str, expected: &str) {
        let trusted = ["10.0.0.0/8", "fd00::/8"].map(|network| network.parse().unwrap());
        let lines = head.split(" | ").filter(|line| !line.is_empty());
        let headers = lines
            .map(|line| {
                let (name, value) = line.split_once(": ").unwrap();
                let name = match name {
                    "X" => X_FORWARDED_FOR,
                    _ => FORWARDED,
                };
                (name, HeaderValue::from_bytes(value.as_bytes()).unwrap())
            })
            .collect();
        let told = of(peer.parse().unwrap(), &headers, &trusted);
        assert_eq!(told, expected.parse::<IpAddr>().unwrap(), "{peer} {head}");
    }

    #[test]
    fn who_is_not_trusted_speaks_for_themselves_alone() {
        check("1.1.1.1", "X: 2.2.2.2", "1.1.1.1");
        check("1.1.1.1", "F: for=2.2.2.2", "1.1.1.1");
        check("::ffff:1.1.1.1", "X: 2.2.2.2", "1.1.1.1");
        check("fe80::1", "X: 2.2.2.2", "fe80::1");
    }

    #[test]
    fn the_last_address_that_is_no_proxys_is_the_clients() {
        for head in [
            "X: 2.2.2.2",
            "X: 2.2.2.2:4711",
            "X: ::ffff:2.2.2.2",
            "X: 3.3.3.3, 2.2.2.2",
            "X: 3.3.3.3,2.2.2.2,\t10.9.9.9 , fd00::1",
            "X: 3.3.3.3 | X: 2.2.2.2 | X: 10.9.9.9",
            "X: unknown, 2.2.2.2, 10.9.9.9",
            "X: \u{e9}, 2.2.2.2",
            "X: 2.2.2.2 | F: for=3.3.3.3",
            "F: for=2.2.2.2",
            "F: For=\"2.2.2.2:80\"",
            "F: proto=https;for=2.2.2.2;by=3.3.3.3",
            "F: for=3.3.3.3;;, for=2.2.2.2 , for=\"[fd00::1]:80\"",
            "F: for=3.3.3.3 | F: for=\"2.2.2.\\2\" | F: for=10.1.1.1",
            "F: for=\"3.3.3.3 | F: for=2.2.2.2",
            "F: host=\"a,for=3.3.3.3\";for=2.2.2.2",
            "F: for=2.2.2.2:80",
        ] {
            check("10.0.0.1", head, "2.2.2.2");
            check("fd00::9", head, "2.2.2.2");
            check("::ffff:10.0.0.1", head, "2.2.2.2");
        }
        for head in [
            "X: 2001:db8::1",
            "X: [2001:db8::1]",
            "X: [2001:db8::1]:443",
            "F: for=\"[2001:db8::1]\"",
            "F: for=\"[2001:db8::1]:443\"",
            "F: for=[2001:db8::1]",
        ] {
            check("10.0.0.1", head, "2001:db8::1");
        }
    }

    #[test]
    fn whoever_names_nobody_stands_for_the_client() {
        for head in [
            "",
            "X: ",
            "X: unknown",
            "X: 2.2.2.2,",
            "X: 2.2.2.2, _hidden",
            "X: 2.2.2.2 3.3.3.3",
            "X: 2.2.2.2:port",
            "X: [2.2.2.2]",
            "X: unknown | F: for=2.2.2.2",
            "F: ",
            "F: for=unknown",
            "F: for=_hidden",
            "F: by=2.2.2.2",
            "F: for=2.2.2.2, proto=https",
            "F: for",
            "F: for=2.2.2.2;for=3.3.3.3",
            "F: for=\"2.2.2.2",
            "F: for=2.2.2.2;a, for=3.3.3.3",
            "F: for=2.2.2.2;a=\", for=\"[fd00::1]\"",
        ] {
            check("10.0.0.1", head, "10.0.0.1");
        }
        for head in ["X: 10.0.0.2", "X: unknown, 10.0.0.2", "F: for=10.0.0.2"] {
            check("10.0.0.1", head, "10.0.0.2");
        }
    }
}
