//! Answers of the sidecar's own, as bytes.

use bytes::{Bytes, BytesMut};
use http::header::{CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, DATE};
use http::{HeaderMap, Method, Response, StatusCode};
use jiff::Timestamp;

use crate::connection::RequestId;

/// The bytes of a whole answer to a request of `method`: head and body, its length told. One that
/// refuses says what the request is called, so that it is found in the diagnostics.
pub(super) fn whole(
    response: &Response<Bytes>,
    method: &Method,
    keep_alive: bool,
    id: &RequestId,
) -> BytesMut {
    let mut out = BytesMut::with_capacity(512 + response.body().len());
    put_head(&mut out, response.status(), response.headers());
    let status = response.status();
    let is_stream = response
        .headers()
        .get(CONTENT_TYPE)
        .is_some_and(|t| t == EVENT_STREAM);
    // "A server MUST NOT send a Content-Length header field in any response with a status code
    // of 1xx or 204" (RFC 9110 § 8.6). The head of a stream, asked for by HEAD, has none either,
    // and that of a 304 would be the length of what is not sent.
    let without = [StatusCode::NO_CONTENT, StatusCode::NOT_MODIFIED];
    if !without.contains(&status) && !is_stream {
        put(
            &mut out,
            CONTENT_LENGTH.as_str(),
            response.body().len().to_string().as_bytes(),
        );
    }
    if status.is_client_error() || status.is_server_error() {
        put(&mut out, RequestId::FIELD, id.value().as_bytes());
    }
    let connection: &[u8] = if keep_alive { b"keep-alive" } else { b"close" };
    put(&mut out, CONNECTION.as_str(), connection);
    out.extend_from_slice(b"\r\n");
    if method != Method::HEAD {
        out.extend_from_slice(response.body());
    }
    out
}

/// The bytes of a stream's head. The stream has no length and ends with its connection; the
/// field says what RestDB says all the same, because its documentation has clients look for it.
pub(super) fn stream_head(response: &Response<()>, level: &str) -> BytesMut {
    let mut out = BytesMut::with_capacity(512);
    put_head(&mut out, response.status(), response.headers());
    put(&mut out, "tidings-log", level.as_bytes());
    put(&mut out, CONNECTION.as_str(), b"keep-alive");
    out.extend_from_slice(b"\r\n");
    out
}

fn put_head(out: &mut BytesMut, status: StatusCode, fields: &HeaderMap) {
    let reason = status.canonical_reason().unwrap_or("");
    out.extend_from_slice(format!("HTTP/1.1 {} {reason}\r\n", status.as_u16()).as_bytes());
    let now = Timestamp::now().strftime("%a, %d %b %Y %H:%M:%S GMT");
    put(out, DATE.as_str(), now.to_string().as_bytes());
    for (name, value) in fields {
        put(out, name.as_str(), value.as_bytes());
    }
}

fn put(out: &mut BytesMut, name: &str, value: &[u8]) {
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b": ");
    out.extend_from_slice(value);
    out.extend_from_slice(b"\r\n");
}

const EVENT_STREAM: &str = "text/event-stream";
