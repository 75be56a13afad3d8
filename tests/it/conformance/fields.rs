//! Fields, of requests and of answers.

use super::case::{Case, answer, case};
use super::compare::Difference;

/// Fields of a request, each line as it is sent.
const ASKED: &[(&str, &[u8])] = &[
    ("no value", b"X-Empty:\r\n"),
    ("a value of white space", b"X-Empty: \t \r\n"),
    ("white space around a value", b"X-A: \t a b \t\r\n"),
    ("no white space at all", b"X-A:a\r\n"),
    ("white space within a value", b"X-A: a \t  b\r\n"),
    ("bytes beyond ASCII", b"X-A: \x80\xff caf\xe9 \xc3\xa9\r\n"),
    ("signs", b"X-A: \"a\\\"b\"; c='d', <e>; f={g:[h]} @#!`~^|\r\n"),
    ("a name of every sign", b"!#$%&'*+-.^_`|~09: a\r\n"),
    ("a name in odd case", b"x-oDD-cASE: a\r\n"),
    ("an underscore in a name", b"X_Under_Score: a\r\n"),
    ("a field twice", b"X-A: 1\r\nX-B: 2\r\nX-A: 3\r\nX-A:\r\n"),
    ("a field twice in other case", b"X-A: 1\r\nx-a: 2\r\n"),
    ("a list over two lines", b"Accept: a/b, c/d;q=0.1\r\nAccept: */*\r\n"),
    ("a cookie", b"Cookie: a=b; c=\"d e\"; f=; __Host-g=h\r\n"),
    ("cookies over two lines", b"Cookie: a=b\r\nCookie: c=d\r\n"),
    ("Basic", b"Authorization: Basic YTpi\r\n"),
    ("Bearer", b"Authorization: Bearer a.b-c_d\r\n"),
    ("Digest", b"Authorization: Digest username=\"a\", uri=\"/b\"\r\n"),
    ("Accept-Encoding", b"Accept-Encoding: gzip, br;q=0.5, zstd, identity;q=0\r\n"),
    ("Accept-Language", b"Accept-Language: de-AT, en;q=0.1\r\n"),
    ("If-None-Match", b"If-None-Match: W/\"a\", \"b\", *\r\n"),
    ("If-Match", b"If-Match: \"a\"\r\n"),
    ("If-Modified-Since", b"If-Modified-Since: Tue, 14 Nov 2023 22:13:20 GMT\r\n"),
    ("If-Unmodified-Since", b"If-Unmodified-Since: Tue, 14 Nov 2023 22:13:20 GMT\r\n"),
    ("Range", b"Range: bytes=0-1,-5, 7-\r\nIf-Range: \"a\"\r\n"),
    ("Cache-Control", b"Cache-Control: no-cache, max-age=0\r\nPragma: no-cache\r\n"),
    ("Via and Max-Forwards", b"Via: 1.1 a\r\nMax-Forwards: 3\r\n"),
    ("Date", b"Date: Tue, 14 Nov 2023 22:13:20 GMT\r\n"),
    ("what a browser says", b"Origin: null\r\nReferer: http://a/b?c\r\nSec-Fetch-Site: same-origin\r\nDNT: 1\r\nUpgrade-Insecure-Requests: 1\r\n"),
    ("what a tracer says", b"traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\nbaggage: a=b;c\r\n"),
    ("another method", b"X-HTTP-Method-Override: DELETE\r\n"),
    ("Connection: keep-alive", b"Connection: keep-alive\r\nKeep-Alive: timeout=5\r\n"),
    ("a field that Connection names", b"Connection: keep-alive, X-Mine\r\nX-Mine: 1\r\nX-Yours: 2\r\n"),
    ("Connection twice", b"Connection: X-Mine\r\nconnection: x-other\r\nX-Mine: 1\r\nX-Other: 2\r\n"),
    ("Proxy-Connection", b"Proxy-Connection: keep-alive\r\n"),
    ("Proxy-Authorization", b"Proxy-Authorization: Basic YTpi\r\n"),
    ("TE", b"TE: trailers\r\nConnection: TE\r\n"),
];

/// Fields that do not reach the upstream, and why that is more than what one connection is about.
const OFFERED: &[(&str, &[u8])] = &[
    (
        "h2c",
        b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n",
    ),
    (
        "TLS",
        b"Connection: Upgrade\r\nUpgrade: TLS/1.0, HTTP/1.1\r\n",
    ),
];

pub(super) fn of_requests() -> Vec<Case> {
    let asks = |fields: &[u8]| {
        let head = b"GET /notes HTTP/1.1\r\nHost: api.example\r\n";
        [head, fields, b"\r\n"].concat()
    };
    let with = |name: &str, fields: &[u8]| {
        let case = case(format!("asked with {name}"));
        case.sends(asks(fields))
            .says(answer("200 OK", "", "a"))
            .answer()
    };
    let mut cases: Vec<_> = ASKED
        .iter()
        .map(|(name, fields)| with(name, fields))
        .collect();
    let offers = OFFERED
        .iter()
        .map(|(name, fields)| with(&format!("an offer of {name}"), fields));
    cases.extend(offers.map(|case| case.but(&[Difference::Upgrade])));
    let long = format!("X-Long: {}\r\n", "v ".repeat(12_000));
    cases.push(with("a value of 24 kB", long.as_bytes()));
    let many: String = (0..120).map(|n| format!("X-{n}: {n}\r\n")).collect();
    cases.push(with("120 fields", many.as_bytes()));
    let same: String = (0..120).map(|n| format!("X-Same: {n}\r\n")).collect();
    cases.push(with("a field 120 times", same.as_bytes()));
    for host in [
        "api.example:8443",
        "[::1]:80",
        "10.0.0.1",
        "a_b.example",
        "",
    ] {
        let request = format!("GET / HTTP/1.1\r\nX-First: 1\r\nhOST: {host}\r\n\r\n");
        let case = case(format!("the Host {host:?}")).sends(request);
        cases.push(case.says(answer("200 OK", "", "a")).answer());
    }
    cases
}

/// Fields of an answer, each line as it is sent.
const ANSWERED: &[(&str, &[u8])] = &[
    ("no value", b"X-Empty:\r\n"),
    ("white space around a value", b"X-A: \t a b \t\r\n"),
    ("no white space at all", b"X-A:a\r\n"),
    ("white space within a value", b"X-A: a \t  b\r\n"),
    ("bytes beyond ASCII", b"X-A: \x80\xff caf\xe9 \xc3\xa9\r\n"),
    ("a name of every sign", b"!#$%&'*+-.^_`|~09: a\r\n"),
    ("a name in odd case", b"x-oDD-cASE: a\r\n"),
    ("a field twice", b"X-A: 1\r\nX-B: 2\r\nX-A: 3\r\nX-A:\r\n"),
    ("a field twice in other case", b"X-A: 1\r\nx-a: 2\r\n"),
    ("cookies", b"Set-Cookie: z=1\r\nX-A: 1\r\nSet-Cookie: a=2; Path=/; Expires=Tue, 14 Nov 2023 22:13:20 GMT\r\nset-cookie: z=3\r\nSet-Cookie: z=3\r\n"),
    ("challenges", b"WWW-Authenticate: Basic realm=\"a\", Bearer\r\nWWW-Authenticate: Digest nonce=\"b\"\r\nProxy-Authenticate: Basic\r\n"),
    ("what a cache says", b"Age: 5\r\nETag: W/\"a\"\r\nLast-Modified: Tue, 14 Nov 2023 22:13:20 GMT\r\nVary: *\r\nCache-Control: s-maxage=1\r\nExpires: 0\r\nVia: 1.1 a\r\n"),
    ("what a browser obeys", b"Strict-Transport-Security: max-age=1\r\nContent-Security-Policy: default-src 'self'; x\r\nAccess-Control-Allow-Origin: *\r\nLink: </a>; rel=preload\r\nAlt-Svc: h3=\":443\"\r\nClear-Site-Data: \"cookies\"\r\nRefresh: 5; url=/a\r\n"),
    ("an odd type", b"Content-Type: application/vnd.a+json;charset=\"utf-8\"; b\r\nContent-Disposition: attachment; filename*=UTF-8''%e2%82%ac\r\nContent-Language: de\r\n"),
    ("a coding", b"Content-Encoding: x-odd, gzip\r\nVary: Accept-Encoding\r\n"),
    ("Server", b"Server: a/1 (b)\r\nX-Powered-By: c\r\n"),
    ("Date", b"Date: Tue, 14 Nov 2023 22:13:20 GMT\r\n"),
    ("Retry-After", b"Retry-After: 120\r\nX-RateLimit-Remaining: 0\r\n"),
    ("Connection: keep-alive", b"Connection: keep-alive\r\nKeep-Alive: timeout=5, max=7\r\n"),
    ("a field that Connection names", b"Connection: X-Mine , keep-alive\r\nX-Mine: 1\r\nX-Yours: 2\r\n"),
    ("an offer of other protocols", b"Connection: Upgrade, Keep-Alive\r\nUpgrade: h2, h2c\r\nKeep-Alive: timeout=5\r\n"),
    ("Accept-Ranges", b"Accept-Ranges: bytes\r\nAccept-Patch: a/b\r\nAllow: GET,\tHEAD\r\n"),
];

pub(super) fn of_answers() -> Vec<Case> {
    let with = |name: &str, fields: &[u8]| {
        let says = [
            b"HTTP/1.1 200 OK\r\n",
            fields,
            b"Content-Length: 1\r\n\r\na",
        ]
        .concat();
        case(format!("answered with {name}"))
            .gets("/notes")
            .says(says)
            .answer()
    };
    let mut cases: Vec<_> = ANSWERED
        .iter()
        .map(|(name, fields)| with(name, fields))
        .collect();
    let long = format!("X-Long: {}\r\n", "v ".repeat(12_000));
    cases.push(with("a value of 24 kB", long.as_bytes()));
    let many: String = (0..120).map(|n| format!("X-{n}: {n}\r\n")).collect();
    cases.push(with("120 fields", many.as_bytes()));
    let cookies: String = (0..120)
        .map(|n| format!("Set-Cookie: c{n}={n}\r\n"))
        .collect();
    cases.push(with("120 cookies", cookies.as_bytes()));
    cases
}

/// Every status that is registered with a body, and some that are not.
const STATUSES: [u16; 56] = [
    200, 201, 202, 203, 206, 207, 208, 218, 226, 300, 301, 302, 303, 305, 306, 307, 308, 400, 401,
    402, 403, 404, 405, 406, 407, 408, 409, 410, 411, 412, 413, 414, 415, 416, 417, 418, 421, 422,
    423, 424, 425, 426, 428, 429, 431, 451, 499, 500, 501, 502, 503, 504, 505, 511, 599, 799,
];

pub(super) fn statuses() -> Vec<Case> {
    let of = |status: &u16| {
        let fields = "Location: /a%20b?c#d\r\nContent-Range: bytes 0-1/2\r\nRetry-After: 1\r\n";
        let says = answer(&format!("{status} As It Is"), fields, "{\"a\":1}");
        let case = case(format!("the status {status}")).gets("/notes/1");
        case.says(says).answer()
    };
    let mut cases: Vec<_> = STATUSES.iter().map(of).collect();
    let written = |status: &u16| {
        let says = answer(&format!("{status} As It Is"), "", "{\"id\":1}");
        let request = super::case::with_body("POST", "/notes", "", "{}");
        let case = case(format!("the status {status} to a write")).sends(request);
        case.says(says).answer()
    };
    cases.extend([200, 201, 302, 400, 409, 422, 500, 503].iter().map(written));
    for (name, line) in [
        ("no reason", "200 "),
        (
            "a long reason",
            "200 It Went As Well As Could Have Been Expected, \"quoted\"",
        ),
        ("another reason", "404 Nowhere"),
    ] {
        let says = answer(line, "", "a");
        cases.push(case(name).gets("/notes").says(says).answer());
    }
    let bare = b"HTTP/1.1 200\r\nContent-Length: 1\r\n\r\na";
    cases.push(
        case("no reason and no space")
            .gets("/notes")
            .says(bare)
            .answer(),
    );
    let odd = b"HTTP/1.1 200 Gef\xe4llt\r\nContent-Length: 1\r\n\r\na";
    let odd = case("a reason beyond ASCII")
        .gets("/notes")
        .says(odd)
        .answer();
    cases.push(odd.but(&[Difference::Reason]));
    cases
}
