use super::*;

fn admitted(head: &str) -> Admitted {
    match read(head.as_bytes()) {
        Verdict::Admitted(admitted) => admitted,
        other => panic!("{head:?}: {other:?}"),
    }
}

fn status(head: &str) -> Option<u16> {
    match read(head.as_bytes()) {
        Verdict::Refused(refused) => Some(refused.status.as_u16()),
        Verdict::Admitted(_) | Verdict::Partial => None,
    }
}

#[test]
fn a_sound_head_passes_with_what_stands_in_it() {
    let head = "POST /a//b?x=1?y HTTP/1.1\r\nHost: a.example:80\r\nContent-Length: 5\r\n\r\n";
    assert_eq!(
        admitted(&format!("{head}hello")),
        Admitted {
            head_bytes: head.len(),
            method: Method::POST,
            path: "/a//b".into(),
            query: "x=1?y".into(),
            framing: Framing::Length(5),
            keep_alive: true,
            request_id: None,
            host: Some(b"a.example:80"[..].into()),
            leaves_behind: false,
        }
    );
    let chunked = "PUT / HTTP/1.1\r\nHost: a\r\ntransfer-encoding: Chunked\r\n\r\n";
    assert_eq!(admitted(chunked).framing, Framing::CHUNKED);
    assert_eq!(
        admitted("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n").path,
        "*".into()
    );
    let absolute = admitted("GET http://a.example?q HTTP/1.1\r\nHost: a.example\r\n\r\n");
    assert_eq!((&*absolute.path, &*absolute.query), ("/", "q"));
    for host in [
        "",
        "a",
        "a:",
        "a:443",
        "[::1]",
        "[::1]:8080",
        "a_b-c.d~%20",
        "1.2.3.4",
    ] {
        admitted(&format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n"));
    }
    assert!(!admitted("GET / HTTP/1.0\r\n\r\n").keep_alive);
    assert!(!admitted("GET / HTTP/1.1\r\nHost: a\r\nConnection: x, Close\r\n\r\n").keep_alive);
}

#[test]
fn what_no_uri_may_hold_is_encoded_and_nothing_else() {
    let passed = |head: &str| passable(BytesMut::from(head.as_bytes()));
    let odd = "GET /a`\"b?q={\"a`\":<1>} HTTP/1.1\r\nX: \"<>`\r\n\r\n";
    let even = "GET /a%60\"b?q={%22a`%22:%3C1%3E} HTTP/1.1\r\nX: \"<>`\r\n\r\n";
    assert_eq!(passed(odd).unwrap(), even);
    assert_eq!(passed(even).unwrap(), even);
    let method = "G`T / HTTP/1.1\r\n\r\n";
    assert_eq!(passed(method).unwrap(), method);
    for long in ["a".repeat(70_000), "<".repeat(22_000)] {
        let head = format!("GET /{long} HTTP/1.1\r\n\r\n");
        assert_eq!(passed(&head).unwrap_err().status, 414);
    }
}

#[test]
fn an_unfinished_head_waits_and_a_broken_one_does_not() {
    let whole = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    for cut in 0..whole.len() {
        assert_eq!(read(&whole.as_bytes()[..cut]), Verdict::Partial, "{cut}");
    }
    assert_eq!(status("GET / HTTP/1.1\nHo"), Some(400));
}

#[test]
fn what_can_be_read_in_two_ways_is_refused() {
    for fields in [
        "",
        "Host: a\r\nHost: a\r\n",
        "Host: a/b\r\n",
        "Host: a:b\r\n",
        "Host: a:80:80\r\n",
        "Host: a:65536\r\n",
        "Host: [::1\r\n",
        "Host: []\r\n",
        "Host: [::1]80\r\n",
        "Host: me@a\r\n",
        "Host: a\r\nContent_Length: 3\r\n",
        "Host: a\r\nTransfer_Encoding: chunked\r\n",
        "Host: a, b\r\n",
        "Host : a\r\n",
        "Host: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n",
        "Host: a\r\nContent-Length: 3\r\nContent-Length: 3\r\n",
        "Host: a\r\nContent-Length: 3, 3\r\n",
        "Host: a\r\nContent-Length: +3\r\n",
        "Host: a\r\nContent-Length: 0x3\r\n",
        "Host: a\r\nContent-Length: \r\n",
        "Host: a\r\nContent-Length: 03\r\n",
        "Host: a\r\nContent-Length: 9223372036854775808\r\n",
        "Host: a\r\nContent-Length: 99999999999999999999\r\n",
        "Host: a\r\nTransfer-Encoding: gzip, chunked\r\n",
        "Host: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
        "Host: a\r\nTransfer-Encoding: identity\r\n",
        "Host: a\r\nTransfer-Encoding: \x0bchunked\r\n",
        "Host: a\r\nX: a\r\n b\r\n",
        "Host: a\nX: b\r\n",
        "Host: a\rX: b\r\n",
        "Host: a\r\nX: \0\r\n",
        "Host: a\r\nX\r\n",
        "Host: a\r\nX Y: b\r\n",
    ] {
        let head = format!("POST / HTTP/1.1\r\n{fields}\r\n");
        assert_eq!(status(&head), Some(400), "{head:?}");
    }
    for (line, refused) in [
        ("post / HTTP/1.1", 400),
        ("GET  / HTTP/1.1", 400),
        ("GET a HTTP/1.1", 400),
        ("GET /a#b HTTP/1.1", 400),
        ("GET http://b/ HTTP/1.1", 400),
        ("GET ftp://a/ HTTP/1.1", 400),
        ("GET http://a%41/ HTTP/1.1", 400),
        ("GET http:///a HTTP/1.1", 400),
        ("GET http://A/ HTTP/1.1", 400),
        ("GET / HTTP/2.0", 505),
        ("GET /a b HTTP/1.1", 400),
        ("GET / HTTQ/1.1", 400),
        ("CONNECT a:80 HTTP/1.1", 405),
    ] {
        let head = format!("{line}\r\nHost: a\r\n\r\n");
        assert_eq!(status(&head), Some(refused), "{line}");
    }
    assert_eq!(status("\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"), Some(400));
    for (fields, reason) in [
        ("Host: a\r\nContent-Length: +3\r\n", Refusal::Framing),
        ("Host: a\r\nHost: a\r\n", Refusal::Malformed),
    ] {
        let read = read(format!("POST / HTTP/1.1\r\n{fields}\r\n").as_bytes());
        let counted = matches!(&read, Verdict::Refused(refused) if refused.reason == reason);
        assert!(counted, "{fields:?}: {read:?}");
    }
    assert_eq!(
        status("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"),
        Some(400)
    );
}
