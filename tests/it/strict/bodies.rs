//! Bodies in chunks: the head is sound, and what follows is not.

use super::{Case, are_refused};

pub(super) const ALL: &[(u16, &[Case])] = &[(400, SIZES), (400, ENDS), (400, TRAILERS)];

#[tokio::test]
async fn a_chunk_whose_size_or_extension_is_odd_is_refused() {
    refused_behind_a_head(SIZES).await;
}

#[tokio::test]
async fn a_chunk_that_does_not_end_where_it_says_is_refused() {
    refused_behind_a_head(ENDS).await;
}

#[tokio::test]
async fn a_trailer_that_is_no_field_is_refused() {
    refused_behind_a_head(TRAILERS).await;
}

/// As [`are_refused`], each behind the head of a write.
async fn refused_behind_a_head(cases: &[Case]) {
    let head = b"POST /posts HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
    let cases: Vec<Case> = cases
        .iter()
        .map(|(name, body)| (*name, &*[&head[..], body].concat().leak()))
        .collect();
    are_refused(400, &cases).await;
}

const SIZES: &[Case] = &[
    ("no size", b"\r\nabc\r\n0\r\n\r\n"),
    ("no hexadecimal digit", b"g\r\nabc\r\n0\r\n\r\n"),
    ("a prefix", b"0x3\r\nabc\r\n0\r\n\r\n"),
    ("a plus", b"+3\r\nabc\r\n0\r\n\r\n"),
    ("a minus", b"-3\r\nabc\r\n0\r\n\r\n"),
    ("an underscore", b"1_0\r\n0123456789abcdef\r\n0\r\n\r\n"),
    ("a space before it", b" 3\r\nabc\r\n0\r\n\r\n"),
    ("a space behind it", b"3 \r\nabc\r\n0\r\n\r\n"),
    ("a tab behind it", b"3\t\r\nabc\r\n0\r\n\r\n"),
    ("quotes", b"\"3\"\r\nabc\r\n0\r\n\r\n"),
    ("a comma", b"3,3\r\nabc\r\n0\r\n\r\n"),
    ("what overflows", b"10000000000000003\r\nabc\r\n0\r\n\r\n"),
    ("a NUL behind it", b"3\0\r\nabc\r\n0\r\n\r\n"),
    ("LF behind it", b"3\nabc\r\n0\r\n\r\n"),
    ("CR behind it", b"3\rabc\r\n0\r\n\r\n"),
    ("CR CR LF behind it", b"3\r\r\nabc\r\n0\r\n\r\n"),
    ("LF in an extension", b"3;a\nabc\r\n0\r\n\r\n"),
    ("CR in an extension", b"3;a\rb\r\nabc\r\n0\r\n\r\n"),
    (
        "LF in a quoted extension",
        b"3;a=\"\n\"\r\nabc\r\n0\r\n\r\n",
    ),
    ("an empty extension", b"3;\r\nabc\r\n0\r\n\r\n"),
    ("an extension without a name", b"3;=b\r\nabc\r\n0\r\n\r\n"),
    ("an extension without a value", b"3;a=\r\nabc\r\n0\r\n\r\n"),
    (
        "an extension that is never closed",
        b"3;a=\"b\r\nabc\r\n0\r\n\r\n",
    ),
    (
        "white space behind an extension",
        b"3;a \r\nabc\r\n0\r\n\r\n",
    ),
    ("a NUL in an extension", b"3;a\0\r\nabc\r\n0\r\n\r\n"),
    ("an extension of the last chunk", b"3\r\nabc\r\n0;\n\r\n"),
];

const ENDS: &[Case] = &[
    ("more than it says", b"3\r\nabcd\r\n0\r\n\r\n"),
    ("less than it says", b"5\r\nabc\r\n0\r\n\r\n"),
    ("LF behind the data", b"3\r\nabc\n0\r\n\r\n"),
    ("CR behind the data", b"3\r\nabc\r0\r\n\r\n"),
    ("nothing behind the data", b"3\r\nabc0\r\n\r\n"),
    (
        "a request behind the data",
        b"3\r\nabcGET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n",
    ),
    ("LF behind the last size", b"3\r\nabc\r\n0\n\r\n"),
    ("LF for the empty line", b"3\r\nabc\r\n0\r\n\n"),
    ("LF LF at the end", b"3\r\nabc\r\n0\n\n"),
    ("CR CR LF at the end", b"3\r\nabc\r\n0\r\n\r\r\n"),
];

const TRAILERS: &[Case] = &[
    ("LF behind a trailer", b"0\r\na: b\n\r\n"),
    ("CR in a trailer", b"0\r\na: b\rc\r\n\r\n"),
    ("a NUL in a trailer", b"0\r\na: \0\r\n\r\n"),
    ("a trailer without a colon", b"0\r\na\r\n\r\n"),
    ("a trailer without a name", b"0\r\n: b\r\n\r\n"),
    ("a space in a name", b"0\r\na b: c\r\n\r\n"),
    ("a folded trailer", b"0\r\na: b\r\n c\r\n\r\n"),
    (
        "a request line",
        b"0\r\nGET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n",
    ),
];
