//! Where bodies end, both ways.

use super::case::{Case, Does, Step, answer, case, request, with_body};
use super::compare::Difference::{End, Host, Trailers, Version};

/// Bodies of requests in chunks.
const CHUNKS: &[(&str, &str)] = &[
    ("one chunk", "5\r\nhello\r\n0\r\n\r\n"),
    ("many chunks", "1\r\nh\r\n1\r\ne\r\n3\r\nllo\r\n0\r\n\r\n"),
    ("no chunk", "0\r\n\r\n"),
    (
        "odd sizes",
        "00A\r\n0123456789\r\na\r\n0123456789\r\n000\r\n\r\n",
    ),
    ("extensions", "5;a=b;c=\"d e\"\r\nhello\r\n0;last\r\n\r\n"),
];

const TRAILED: &str = "5\r\nhello\r\n0\r\nX-Sum: 5\r\nX-Other: a\r\n\r\n";

pub(super) fn of_requests() -> Vec<Case> {
    let chunked = |name: &str, method: &str, body: &str| {
        let fields = "Transfer-Encoding: chunked\r\n";
        let case = case(format!("{method} with a body in {name}"));
        let case = case.sends(request(method, "/notes/1", fields, body));
        case.says(answer("200 OK", "", "{\"id\":1}")).answer()
    };
    let mut cases = Vec::new();
    for (name, body) in CHUNKS {
        cases.push(chunked(name, "PUT", body));
        cases.push(chunked(name, "SEARCH", body));
    }
    for method in ["POST", "GET"] {
        cases.push(chunked("trailers", method, TRAILED).but(&[Trailers]));
    }
    for length in [0, 1, 7, 8_191, 65_536, 300_000] {
        let body = "0123456789".repeat(length / 10 + 1);
        let case = case(format!("a body of {length} bytes"));
        let case = case.sends(with_body("POST", "/notes", "", &body[..length]));
        cases.push(case.says(answer("200 OK", "", "{}")).answer());
    }
    for (name, fields, body) in [
        ("gzip", "Content-Encoding: gzip\r\n", "\u{1f}no gzip at all"),
        (
            "a form",
            "Content-Type: application/x-www-form-urlencoded\r\n",
            "a=b&c=%20+d",
        ),
        (
            "CR and LF",
            "Content-Type: text/plain\r\n",
            "\r\n\r\nGET / HTTP/1.1\r\n\r\n\0",
        ),
        (
            "JSON lines",
            "Content-Type: application/x-ndjson\r\n",
            "{}\n{}\n",
        ),
    ] {
        let case = case(format!("a body that is {name}"));
        let case = case.sends(with_body("PATCH", "/notes/1", fields, body));
        cases.push(case.says(answer("200 OK", "", "{}")).answer());
    }
    cases.extend(old());
    cases
}

/// Clients of HTTP/1.0.
fn old() -> [Case; 4] {
    let says = || answer("200 OK", "", "a");
    let close = Step::Closes;
    [
        case("HTTP/1.0 without a Host")
            .sends("GET /notes HTTP/1.0\r\n\r\n")
            .says(says())
            .does([Does::Close])
            .answer()
            .step(close.clone())
            .but(&[Host, Version]),
        case("HTTP/1.0 with a Host")
            .sends("GET /notes?a HTTP/1.0\r\nHost: a\r\nX-A: b\r\n\r\n")
            .says(says())
            .does([Does::Close])
            .answer()
            .step(close)
            .but(&[Version]),
        case("HTTP/1.0 with a body")
            .sends("POST /notes HTTP/1.0\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}")
            .says(says())
            .answer()
            .but(&[Version]),
        case("HTTP/1.0 that is kept alive")
            .sends("GET /a HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n")
            .answer()
            .sends("GET /b HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n")
            .answer()
            .does([Does::Take, Does::Echo])
            .requests(2)
            .but(&[Version]),
    ]
}

/// What is said, whether the connection ends with it, and what may differ.
type Said = (
    &'static str,
    &'static str,
    bool,
    &'static [super::compare::Difference],
);

const SAID: &[Said] = &[
    (
        "a length of 0",
        "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
        false,
        &[],
    ),
    (
        "chunks",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nh\r\n4\r\nello\r\n0\r\n\r\n",
        false,
        &[],
    ),
    (
        "no chunk",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        false,
        &[],
    ),
    (
        "chunks of odd sizes",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n00A\r\n0123456789\r\nb\r\n0123456789a\r\n00\r\n\r\n",
        false,
        &[],
    ),
    (
        "extended chunks",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;a=\"b\"\r\nhello\r\n0;c\r\n\r\n",
        false,
        &[],
    ),
    (
        "trailers",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX-Sum: 5\r\n\r\n",
        false,
        &[Trailers],
    ),
    (
        "CR and LF",
        "HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n\r\n\r\n\0\r\n0",
        false,
        &[],
    ),
    (
        "the end of the connection",
        "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhello",
        true,
        &[End],
    ),
    (
        "the end without a word",
        "HTTP/1.1 200 OK\r\n\r\nhello",
        true,
        &[End],
    ),
    (
        "an end at once",
        "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n",
        true,
        &[End],
    ),
    (
        "a length and an end",
        "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello",
        true,
        &[],
    ),
    (
        "HTTP/1.0 and a length",
        "HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello",
        true,
        &[Version],
    ),
    (
        "HTTP/1.0 and an end",
        "HTTP/1.0 200 OK\r\n\r\nhello",
        true,
        &[End, Version],
    ),
    (
        "HTTP/1.0 that is kept alive",
        "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 5\r\n\r\nhello",
        false,
        &[Version],
    ),
    (
        "204",
        "HTTP/1.1 204 No Content\r\nETag: \"a\"\r\n\r\n",
        false,
        &[],
    ),
    (
        "205",
        "HTTP/1.1 205 Reset Content\r\nContent-Length: 0\r\n\r\n",
        false,
        &[],
    ),
    (
        "304",
        "HTTP/1.1 304 Not Modified\r\nETag: \"a\"\r\nContent-Length: 500\r\nVary: a\r\n\r\n",
        false,
        &[],
    ),
    (
        "parts",
        "HTTP/1.1 206 Partial Content\r\nContent-Type: multipart/byteranges; boundary=b\r\nContent-Length: 120\r\n\r\n--b\r\nContent-Type: a/b\r\nContent-Range: bytes 0-0/9\r\n\r\nx\r\n--b\r\nContent-Type: a/b\r\nContent-Range: bytes 8-8/9\r\n\r\ny\r\n--b--\r\n",
        false,
        &[],
    ),
    (
        "a part",
        "HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 0-4/9\r\nContent-Length: 5\r\n\r\nhello",
        false,
        &[],
    ),
    (
        "a range that is not there",
        "HTTP/1.1 416 Range Not Satisfiable\r\nContent-Range: bytes */9\r\nContent-Length: 0\r\n\r\n",
        false,
        &[],
    ),
    (
        "two answers before it",
        "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
        false,
        &[],
    ),
];

pub(super) fn of_answers() -> Vec<Case> {
    let mut cases = Vec::new();
    for (name, says, ends, but) in SAID {
        for method in ["GET", "POST"] {
            let mut case = case(format!("{method} answered with {name}"))
                .sends(request(method, "/notes", "Content-Length: 0\r\n", ""))
                .says(says)
                .but(but);
            if says.contains(" 103 ") {
                case = case.step(Step::Interim).step(Step::Interim);
            }
            if *ends {
                case = case.does([Does::Close]);
            }
            cases.push(case.answer());
        }
    }
    for (name, fields) in [
        ("a length", "Content-Length: 12345\r\n"),
        ("chunks", "Transfer-Encoding: chunked\r\n"),
        ("neither", "X-A: b\r\n"),
    ] {
        let says = format!("HTTP/1.1 200 OK\r\n{fields}\r\n");
        let case = case(format!("HEAD answered with {name}")).says(says);
        let case = case.sends(request("HEAD", "/notes", "", ""));
        cases.push(case.step(Step::HeadOnly));
    }
    for length in [1, 8_191, 65_536, 1_000_000] {
        let says = answer(
            "200 OK",
            "",
            &"0123456789".repeat(length / 10 + 1)[..length],
        );
        let case = case(format!("an answer of {length} bytes"));
        cases.push(case.gets("/notes").says(says).answer());
    }
    cases
}
