//! Heads.

use super::{Case, are_refused};

pub(super) const ALL: &[(u16, &[Case])] = &[
    (400, LENGTHS),
    (400, CODINGS),
    (400, BOTH),
    (400, LINES),
    (400, SPACES),
    (400, CONTROLS),
    (400, HOSTS),
    (400, TARGETS),
    (400, STARTS),
    (505, VERSIONS),
];

#[tokio::test]
async fn a_length_that_is_told_oddly_is_refused() {
    are_refused(400, LENGTHS).await;
}

#[tokio::test]
async fn a_coding_other_than_chunked_is_refused() {
    are_refused(400, CODINGS).await;
}

#[tokio::test]
async fn a_length_beside_a_coding_is_refused() {
    are_refused(400, BOTH).await;
}

#[tokio::test]
async fn a_line_that_does_not_end_in_cr_lf_is_refused() {
    are_refused(400, LINES).await;
}

#[tokio::test]
async fn white_space_where_none_belongs_is_refused() {
    are_refused(400, SPACES).await;
}

#[tokio::test]
async fn control_characters_are_refused() {
    are_refused(400, CONTROLS).await;
}

#[tokio::test]
async fn a_host_that_is_not_told_once_and_well_is_refused() {
    are_refused(400, HOSTS).await;
}

#[tokio::test]
async fn a_target_of_another_host_or_none_is_refused() {
    are_refused(400, TARGETS).await;
}

#[tokio::test]
async fn what_is_no_request_line_is_refused() {
    are_refused(400, STARTS).await;
}

#[tokio::test]
async fn a_version_that_is_not_spoken_is_refused() {
    are_refused(505, VERSIONS).await;
}

const LENGTHS: &[Case] = &[
    ("twice, the same", b"POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc"),
    ("twice, others", b"POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 0\r\n\r\nGET /smuggled HTTP/1.1\r\n\r\n"),
    ("a list of the same", b"POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 3, 3\r\n\r\nabc"),
    ("a list of others", b"POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 0,3\r\n\r\nabc"),
    ("a plus", b"POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: +3\r\n\r\nabc"),
    ("a minus", b"POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: -3\r\n\r\nabc"),
    ("minus nothing", b"POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: -0\r\n\r\n"),
    ("hexadecimal", b"POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 0x3\r\n\r\nabc"),
    ("octal", b"POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 010\r\n\r\n0123456789"),
    ("a fraction", b"POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 3.0\r\n\r\nabc"),
    ("an exponent", b"POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 3e0\r\n\r\nabc"),
    ("an underscore within", b"POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 1_0\r\n\r\n0123456789"),
    ("white space within", b"POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 1 0\r\n\r\n0123456789"),
    ("nothing", b"POST /a HTTP/1.1\r\nHost: a\r\nContent-Length:\r\n\r\n"),
    ("a word", b"POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: three\r\n\r\nabc"),
    ("quotes", b"POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: \"3\"\r\n\r\nabc"),
    ("a parameter", b"POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 3;a=b\r\n\r\nabc"),
    ("more than can be counted", b"POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\nabc"),
    ("what overflows to little", b"POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 18446744073709551619\r\n\r\nabc"),
    ("a digit of another script", b"POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: \xd9\xa3\r\n\r\nabc"),
    ("an underscore in its name", b"POST /a HTTP/1.1\r\nHost: a\r\nContent_Length: 27\r\n\r\nGET /smuggled HTTP/1.1\r\n\r\n"),
    ("of a request that only reads", b"GET /a HTTP/1.1\r\nHost: a\r\nContent-Length: 3x\r\n\r\n"),
];

const CODINGS: &[Case] = &[
    ("another before it", b"POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"),
    ("another behind it", b"POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n"),
    ("twice in a line", b"POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n"),
    ("twice in two lines", b"POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    ("identity behind it", b"POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n"),
    ("identity", b"POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: identity\r\n\r\n"),
    ("gzip", b"POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n0\r\n\r\n"),
    ("nothing", b"POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:\r\n\r\n0\r\n\r\n"),
    ("a comma before it", b"POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: ,chunked\r\n\r\n0\r\n\r\n"),
    ("a comma behind it", b"POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked,\r\n\r\n0\r\n\r\n"),
    ("a parameter", b"POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked;q=1\r\n\r\n0\r\n\r\n"),
    ("quotes", b"POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \"chunked\"\r\n\r\n0\r\n\r\n"),
    ("a letter before it", b"POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n"),
    ("a letter behind it", b"POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunkedx\r\n\r\n0\r\n\r\n"),
    ("a part of it", b"POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunk\r\n\r\n0\r\n\r\n"),
    ("a colon before it", b"POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: :chunked\r\n\r\n0\r\n\r\n"),
    ("a vertical tab", b"POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n"),
    ("a form feed", b"POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\x0c\r\n\r\n0\r\n\r\n"),
    ("a space that is none", b"POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \xa0chunked\r\n\r\n0\r\n\r\n"),
    ("a NUL", b"POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\0\r\n\r\n0\r\n\r\n"),
    ("folded", b"POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n"),
    ("a space in its name", b"POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n"),
    ("an underscore in its name", b"POST /a HTTP/1.1\r\nHost: a\r\nTransfer_Encoding: chunked\r\n\r\n0\r\n\r\n"),
    ("in HTTP/1.0", b"POST /a HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    ("in HTTP/1.0 that goes on", b"POST /a HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /smuggled HTTP/1.0\r\n\r\n"),
];

const BOTH: &[Case] = &[
    ("the length first", b"POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    ("the coding first", b"POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n"),
    ("in other letters", b"POST /a HTTP/1.1\r\nHost: a\r\nCONTENT-LENGTH: 5\r\ntRANSFER-eNCODING: CHUNKED\r\n\r\n0\r\n\r\n"),
    ("a length of nothing", b"POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n24\r\nGET /smuggled HTTP/1.1\r\nHost: smuggled\r\n0\r\n\r\n"),
    ("a coding that is not known", b"POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: x\r\n\r\nabcde"),
    ("identity", b"POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: identity\r\n\r\nabcde"),
    ("an empty coding", b"POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: \r\n\r\nabcde"),
    ("a coding in a name with an underscore", b"POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer_Encoding: chunked\r\n\r\n0\r\n\r\n"),
    ("a length in a name with an underscore", b"POST /a HTTP/1.1\r\nHost: a\r\nContent_Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    ("named by Connection", b"POST /a HTTP/1.1\r\nHost: a\r\nConnection: Content-Length\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
];

const LINES: &[Case] = &[
    (
        "LF behind the request line",
        b"GET /a HTTP/1.1\nHost: a\r\n\r\n",
    ),
    (
        "LF behind a field",
        b"GET /a HTTP/1.1\r\nHost: a\nX: b\r\n\r\n",
    ),
    ("LF alone", b"GET /a HTTP/1.1\nHost: a\n\n"),
    ("LF for the empty line", b"GET /a HTTP/1.1\r\nHost: a\r\n\n"),
    (
        "LF that hides a field",
        b"POST /a HTTP/1.1\r\nHost: a\r\nX: b\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ),
    (
        "CR within a value",
        b"GET /a HTTP/1.1\r\nHost: a\r\nX: b\rc\r\n\r\n",
    ),
    (
        "CR that hides a field",
        b"POST /a HTTP/1.1\r\nHost: a\r\nX: b\rTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ),
    (
        "CR within a name",
        b"GET /a HTTP/1.1\r\nHost: a\r\nX\r: b\r\n\r\n",
    ),
    (
        "CR within the target",
        b"GET /a\rb HTTP/1.1\r\nHost: a\r\n\r\n",
    ),
    ("CR CR LF", b"GET /a HTTP/1.1\r\r\nHost: a\r\n\r\n"),
    (
        "CR CR LF at the end",
        b"GET /a HTTP/1.1\r\nHost: a\r\n\r\r\n",
    ),
    ("LF CR", b"GET /a HTTP/1.1\n\rHost: a\n\r\n\r"),
    (
        "an LF before the request",
        b"\nGET /a HTTP/1.1\r\nHost: a\r\n\r\n",
    ),
];

const SPACES: &[Case] = &[
    (
        "a value folded by a space",
        b"GET /a HTTP/1.1\r\nHost: a\r\nX: b\r\n c\r\n\r\n",
    ),
    (
        "a value folded by a tab",
        b"GET /a HTTP/1.1\r\nHost: a\r\nX: b\r\n\tc\r\n\r\n",
    ),
    ("the Host folded", b"GET /a HTTP/1.1\r\nHost:\r\n a\r\n\r\n"),
    (
        "the first field folded",
        b"GET /a HTTP/1.1\r\n Host: a\r\nHost: b\r\n\r\n",
    ),
    (
        "a fold of nothing",
        b"GET /a HTTP/1.1\r\nHost: a\r\n \r\n\r\n",
    ),
    ("before the colon", b"GET /a HTTP/1.1\r\nHost : a\r\n\r\n"),
    (
        "a tab before the colon",
        b"GET /a HTTP/1.1\r\nHost\t: a\r\n\r\n",
    ),
    ("in a name", b"GET /a HTTP/1.1\r\nHost: a\r\nX Y: b\r\n\r\n"),
    ("before the method", b" GET /a HTTP/1.1\r\nHost: a\r\n\r\n"),
    (
        "two behind the method",
        b"GET  /a HTTP/1.1\r\nHost: a\r\n\r\n",
    ),
    (
        "a tab behind the method",
        b"GET\t/a HTTP/1.1\r\nHost: a\r\n\r\n",
    ),
    (
        "two behind the target",
        b"GET /a  HTTP/1.1\r\nHost: a\r\n\r\n",
    ),
    ("in the target", b"GET /a b HTTP/1.1\r\nHost: a\r\n\r\n"),
    (
        "a second request line",
        b"GET /a HTTP/1.1 GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n",
    ),
    ("behind the version", b"GET /a HTTP/1.1 \r\nHost: a\r\n\r\n"),
];

const CONTROLS: &[Case] = &[
    (
        "NUL in the target",
        b"GET /a\0b HTTP/1.1\r\nHost: a\r\n\r\n",
    ),
    (
        "NUL in a value",
        b"GET /a HTTP/1.1\r\nHost: a\r\nX: b\0c\r\n\r\n",
    ),
    (
        "NUL in a name",
        b"GET /a HTTP/1.1\r\nHost: a\r\nX\0: b\r\n\r\n",
    ),
    ("NUL in the Host", b"GET /a HTTP/1.1\r\nHost: a\0.b\r\n\r\n"),
    (
        "NUL before the method",
        b"\0GET /a HTTP/1.1\r\nHost: a\r\n\r\n",
    ),
    (
        "a bell in a value",
        b"GET /a HTTP/1.1\r\nHost: a\r\nX: \x07\r\n\r\n",
    ),
    (
        "an escape in the target",
        b"GET /a\x1b HTTP/1.1\r\nHost: a\r\n\r\n",
    ),
    (
        "a delete in a value",
        b"GET /a HTTP/1.1\r\nHost: a\r\nX: \x7f\r\n\r\n",
    ),
    (
        "a vertical tab before the version",
        b"GET /a\x0bHTTP/1.1\r\nHost: a\r\n\r\n",
    ),
];

const HOSTS: &[Case] = &[
    ("none", b"GET /a HTTP/1.1\r\n\r\n"),
    (
        "none, but a target that names one",
        b"GET http://a/a HTTP/1.1\r\n\r\n",
    ),
    (
        "two, the same",
        b"GET /a HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n",
    ),
    (
        "two others",
        b"GET /a HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    ),
    (
        "two in other letters",
        b"GET /a HTTP/1.1\r\nHost: a\r\nhOST: b\r\n\r\n",
    ),
    (
        "two in HTTP/1.0",
        b"GET /a HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n",
    ),
    ("a list", b"GET /a HTTP/1.1\r\nHost: a, b\r\n\r\n"),
    ("a path behind it", b"GET /a HTTP/1.1\r\nHost: a/b\r\n\r\n"),
    ("a user before it", b"GET /a HTTP/1.1\r\nHost: b@a\r\n\r\n"),
    ("a query behind it", b"GET /a HTTP/1.1\r\nHost: a?b\r\n\r\n"),
    (
        "a fragment behind it",
        b"GET /a HTTP/1.1\r\nHost: a#b\r\n\r\n",
    ),
    ("a backslash", b"GET /a HTTP/1.1\r\nHost: a\\b\r\n\r\n"),
    (
        "white space within",
        b"GET /a HTTP/1.1\r\nHost: a b\r\n\r\n",
    ),
    ("two ports", b"GET /a HTTP/1.1\r\nHost: a:80:81\r\n\r\n"),
    (
        "a port that is a word",
        b"GET /a HTTP/1.1\r\nHost: a:http\r\n\r\n",
    ),
    (
        "a port that there is not",
        b"GET /a HTTP/1.1\r\nHost: a:65536\r\n\r\n",
    ),
    (
        "a bracket that is open",
        b"GET /a HTTP/1.1\r\nHost: [::1\r\n\r\n",
    ),
    (
        "something behind a bracket",
        b"GET /a HTTP/1.1\r\nHost: [::1]a\r\n\r\n",
    ),
    (
        "letters beyond ASCII",
        b"GET /a HTTP/1.1\r\nHost: \xc3\xa9\r\n\r\n",
    ),
];

const TARGETS: &[Case] = &[
    (
        "another host",
        b"GET http://b/a HTTP/1.1\r\nHost: a\r\n\r\n",
    ),
    (
        "another port",
        b"GET http://a:81/a HTTP/1.1\r\nHost: a\r\n\r\n",
    ),
    ("a user", b"GET http://b@a/a HTTP/1.1\r\nHost: a\r\n\r\n"),
    (
        "a host that is longer",
        b"GET http://a.b/a HTTP/1.1\r\nHost: a\r\n\r\n",
    ),
    ("no host", b"GET http:///a HTTP/1.1\r\nHost: a\r\n\r\n"),
    (
        "no host, and none in the field",
        b"GET http://b/a HTTP/1.1\r\nHost:\r\n\r\n",
    ),
    (
        "another scheme",
        b"GET ftp://a/a HTTP/1.1\r\nHost: a\r\n\r\n",
    ),
    (
        "a file",
        b"GET file:///etc/passwd HTTP/1.1\r\nHost: a\r\n\r\n",
    ),
    ("one slash", b"GET http:/a HTTP/1.1\r\nHost: a\r\n\r\n"),
    ("no slash", b"GET a HTTP/1.1\r\nHost: a\r\n\r\n"),
    ("a host alone", b"GET a:80 HTTP/1.1\r\nHost: a\r\n\r\n"),
    ("a query alone", b"GET ?a HTTP/1.1\r\nHost: a\r\n\r\n"),
    ("a star to read", b"GET * HTTP/1.1\r\nHost: a\r\n\r\n"),
    ("a fragment", b"GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n"),
    (
        "a fragment in a query",
        b"GET /a?b#c HTTP/1.1\r\nHost: a\r\n\r\n",
    ),
    ("two stars", b"OPTIONS ** HTTP/1.1\r\nHost: a\r\n\r\n"),
];

const STARTS: &[Case] = &[
    (
        "a version with a digit too many",
        b"GET /a HTTP/1.10\r\nHost: a\r\n\r\n",
    ),
    ("HTTP/0.9", b"GET /a\r\n\r\n"),
    ("no target", b"GET HTTP/1.1\r\nHost: a\r\n\r\n"),
    ("no method", b"/a HTTP/1.1\r\nHost: a\r\n\r\n"),
    (
        "a method in other letters",
        b"Post /a HTTP/1.1\r\nHost: a\r\n\r\n",
    ),
    (
        "a method in small letters",
        b"delete /a HTTP/1.1\r\nHost: a\r\n\r\n",
    ),
    (
        "a method with a bracket",
        b"GE[T /a HTTP/1.1\r\nHost: a\r\n\r\n",
    ),
    (
        "a method with a colon",
        b"GET: /a HTTP/1.1\r\nHost: a\r\n\r\n",
    ),
    ("another protocol", b"GET /a HTTQ/1.1\r\nHost: a\r\n\r\n"),
    (
        "a protocol in small letters",
        b"GET /a http/1.1\r\nHost: a\r\n\r\n",
    ),
    (
        "a field without a colon",
        b"GET /a HTTP/1.1\r\nHost: a\r\nX\r\n\r\n",
    ),
    (
        "a field without a name",
        b"GET /a HTTP/1.1\r\nHost: a\r\n: b\r\n\r\n",
    ),
    (
        "a name in brackets",
        b"GET /a HTTP/1.1\r\nHost: a\r\n(X): b\r\n\r\n",
    ),
    (
        "a name beyond ASCII",
        b"GET /a HTTP/1.1\r\nHost: a\r\n\xc3\xa9: b\r\n\r\n",
    ),
    ("TLS", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\n\n"),
];

const VERSIONS: &[Case] = &[
    (
        "a version with zeros before it",
        b"GET /a HTTP/01.1\r\nHost: a\r\n\r\n",
    ),
    (
        "a version of one number",
        b"GET /a HTTP/1\r\nHost: a\r\n\r\n",
    ),
    ("2.0", b"GET /a HTTP/2.0\r\nHost: a\r\n\r\n"),
    ("the preface of HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    ("1.2", b"GET /a HTTP/1.2\r\nHost: a\r\n\r\n"),
    ("0.9", b"GET /a HTTP/0.9\r\nHost: a\r\n\r\n"),
];
