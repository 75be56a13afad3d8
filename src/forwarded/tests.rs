use super::*;

fn trusted() -> [IpNet; 2] {
    ["10.0.0.0/8", "fd00::/8"].map(|network| network.parse().unwrap())
}

/// The lines of a head, parted by ` | `.
fn headers(head: &str) -> HeaderMap {
    let lines = head.split(" | ").filter(|line| !line.is_empty());
    let mut headers = HeaderMap::new();
    for line in lines {
        let (name, value) = line.split_once(": ").unwrap();
        let name = match name {
            "X" => X_FORWARDED_FOR,
            "H" => X_FORWARDED_HOST,
            "P" => X_FORWARDED_PROTO,
            "F" => FORWARDED,
            _ => HOST,
        };
        headers.append(name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
    }
    headers
}

/// Trusted are `10.0.0.0/8` and `fd00::/8`.
fn check(peer: &str, head: &str, expected: &str) {
    let (trusted, headers) = (trusted(), headers(head));
    let told = client(peer.parse().unwrap(), &headers, &trusted);
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

/// What is told of `head`, as lines in the same shape.
fn tells(peer: &str, head: &str) -> String {
    let told = told(peer.parse().unwrap(), &headers(head), &trusted());
    let lines = ["F", "X", "H", "P"].into_iter().zip(told);
    let lines = lines.filter_map(|(name, value)| {
        let value = value?;
        Some(format!("{name}: {}", value.as_bytes().escape_ascii()).replace("\\\"", "\""))
    });
    lines.collect::<Vec<_>>().join(" | ")
}

#[test]
fn of_a_stranger_the_upstream_is_told_what_is_seen() {
    let seen = "F: for=1.1.1.1;host=a.example;proto=http | X: 1.1.1.1 | H: a.example | P: http";
    for said in [
        "Host: a.example",
        "Host: a.example | X: 2.2.2.2 | H: b.example | P: https",
        "Host: a.example | F: for=2.2.2.2;proto=https;host=b.example",
    ] {
        assert_eq!(tells("1.1.1.1", said), seen, "{said}");
        assert_eq!(tells("::ffff:1.1.1.1", said), seen, "{said}");
    }
    assert_eq!(
        tells("fe80::1", "Host: [::1]:80"),
        "F: for=\"[fe80::1]\";host=\"[::1]:80\";proto=http | X: fe80::1 | H: [::1]:80 | P: http"
    );
    assert_eq!(
        tells("1.1.1.1", ""),
        "F: for=1.1.1.1;proto=http | X: 1.1.1.1 | P: http"
    );
}

#[test]
fn what_a_trusted_proxy_says_is_handed_on_in_both_spellings() {
    for (said, told) in [
        (
            "Host: a",
            "F: for=10.0.0.1;host=a;proto=http | X: 10.0.0.1 | H: a | P: http",
        ),
        (
            "Host: a | X: 2.2.2.2 | P: https",
            "F: for=2.2.2.2;host=a;proto=https, for=10.0.0.1 | X: 2.2.2.2, 10.0.0.1 | H: a | P: https",
        ),
        (
            "Host: a | X: 3.3.3.3, ::2 | X: x | H: b:8443 | P: https",
            "F: for=3.3.3.3;host=\"b:8443\";proto=https, for=\"[::2]\", for=unknown, for=10.0.0.1 \
             | X: 3.3.3.3, ::2, x, 10.0.0.1 | H: b:8443 | P: https",
        ),
        (
            "Host: a | F: for=\"[::2]:80\";proto=https;host=b, for=_c",
            "F: for=\"[::2]:80\";proto=https;host=b, for=_c, for=10.0.0.1 \
             | X: ::2, unknown, 10.0.0.1 | H: b | P: https",
        ),
        (
            "Host: a | F: for=2.2.2.2 | X: 3.3.3.3",
            "F: for=2.2.2.2, for=10.0.0.1 | X: 3.3.3.3, 10.0.0.1 | H: a | P: http",
        ),
        (
            "Host: a | F: \"",
            "F: for=unknown, for=10.0.0.1 | X: unknown, 10.0.0.1 | H: a | P: http",
        ),
        (
            "Host: a | H: b\"c",
            "F: for=10.0.0.1;proto=http | X: 10.0.0.1 | H: b\"c | P: http",
        ),
    ] {
        assert_eq!(tells("10.0.0.1", said), told, "{said}");
    }
}

#[test]
fn who_is_told_of_is_who_was_found() {
    let said = "X: 3.3.3.3, 2.2.2.2, 10.9.9.9";
    let mut headers = headers(said);
    settle(&mut headers, "10.0.0.1".parse().unwrap(), &trusted());
    let found = |headers: &HeaderMap| client("10.0.0.2".parse().unwrap(), headers, &trusted());
    assert_eq!(found(&headers).to_string(), "2.2.2.2");
    headers.remove(X_FORWARDED_FOR);
    assert_eq!(found(&headers).to_string(), "2.2.2.2");
}

#[test]
fn a_name_with_underscores_is_the_same_to_some() {
    for name in [
        "x_forwarded_for",
        "X-Forwarded_Proto",
        "x_forwarded-host",
        "FORWARDED",
    ] {
        assert!(is_own(name), "{name}");
    }
    for name in [
        "x-forwarded",
        "x_forwarded",
        "x-forwarded-port",
        "x_real_ip",
    ] {
        assert!(!is_own(name), "{name}");
    }
}

#[test]
fn what_is_kept_of_a_stranger_is_what_is_told_each_time() {
    let peer = "::ffff:1.1.1.1".parse().unwrap();
    let mut kept = Stranger::default();
    for head in [
        "Host: a",
        "Host: a | X: 2.2.2.2",
        "Host: b:80",
        "",
        "Host: a | P: https",
    ] {
        let headers = headers(head);
        let anew = lines(&told(peer, &headers, &trusted()));
        let host = headers.get(HOST).map(HeaderValue::as_bytes);
        assert_eq!(kept.lines(peer, host), anew, "{head}");
    }
    assert_eq!(
        kept.lines(peer, Some(b"a")),
        b"Forwarded: for=1.1.1.1;host=a;proto=http\r\nX-Forwarded-For: 1.1.1.1\r\n\
          X-Forwarded-Host: a\r\nX-Forwarded-Proto: http\r\n"
    );
}
