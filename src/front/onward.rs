//! The head as it goes on: to pingora, which reads it once, and from there to the upstream.
//!
//! It is what came, but for what the upstream is told of who sends it and of what the request is
//! called: that is said in place of what came. Pure.

use bytes::BytesMut;

use super::gate::stays_behind;
use crate::connection::RequestId;

/// The head with `told`, lines of fields, and the id.
pub(super) fn head(came: &[u8], leaves_behind: bool, told: &[u8], id: &RequestId) -> BytesMut {
    let id = id.value().as_bytes();
    let fields = came.strip_suffix(b"\r\n").unwrap_or(came);
    let more = told.len() + RequestId::FIELD.len() + id.len() + SIGNS_BYTES;
    let mut head = BytesMut::with_capacity(fields.len() + more);
    if leaves_behind {
        for line in fields.split_inclusive(|byte| *byte == b'\n') {
            let name = line.split(|byte| *byte == b':').next();
            let name = name.and_then(|name| std::str::from_utf8(name).ok());
            if !name.is_some_and(stays_behind) {
                head.extend_from_slice(line);
            }
        }
    } else {
        head.extend_from_slice(fields);
    }
    head.extend_from_slice(told);
    for part in [RequestId::FIELD.as_bytes(), b": ", id, b"\r\n\r\n"] {
        head.extend_from_slice(part);
    }
    head
}

/// Bytes of what stands between a name and a value, and behind them.
const SIGNS_BYTES: usize = 6;

#[cfg(test)]
mod tests {
    use super::*;

    fn goes_on(came: &str, leaves_behind: bool) -> String {
        let told = b"Forwarded: for=1.1.1.1\r\nX-Forwarded-For: 1.1.1.1\r\n";
        let id = RequestId::said(b"7").unwrap();
        let head = head(came.as_bytes(), leaves_behind, told, &id);
        String::from_utf8(head.to_vec()).unwrap()
    }

    const TOLD: &str =
        "Forwarded: for=1.1.1.1\r\nX-Forwarded-For: 1.1.1.1\r\nX-Request-Id: 7\r\n\r\n";

    #[test]
    fn what_came_goes_on_and_what_is_told_behind_it() {
        let came = "GET /forwarded:x HTTP/1.1\r\nHost: a\r\nX-B:  c \r\n";
        for leaves_behind in [false, true] {
            let goes_on = goes_on(&format!("{came}\r\n"), leaves_behind);
            assert_eq!(goes_on, format!("{came}{TOLD}"));
        }
    }

    #[test]
    fn what_is_told_is_in_place_of_what_came() {
        let came = "GET / HTTP/1.1\r\nforwarded: for=2.2.2.2\r\nHost: a\r\nX_Forwarded-FOR: 2\r\n\
                    X-Forwarded-Port: 80\r\nx-forwarded-proto: https\r\nX-Forwarded-Host: b\r\n\
                    x-request-id: 8\r\nX-Request-ID: 9\r\nForwarded:\r\n\r\n";
        assert_eq!(
            goes_on(came, true),
            format!("GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-Port: 80\r\n{TOLD}")
        );
    }
}
