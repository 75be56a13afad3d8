//! By what a request is found in the logs of all who saw it.

use std::fmt;

use http::header::HeaderValue;
use tokio::time::Instant;

use super::Connection;
use crate::limits::REQUEST_ID_BYTES_MAX;

/// What a request is called: as its client says in `X-Request-Id`, or by chance.
///
/// What a client says is taken if it can stand anywhere without being read as something else: 1 to
/// [`REQUEST_ID_BYTES_MAX`] letters, digits and `._~+/=:-`, told once. Shape:
/// `0b9f3c5e8a7d4e21b6c0f1a2d3e4f506`.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct RequestId(HeaderValue);

impl RequestId {
    /// Where it stands in a request, and in an answer of the sidecar's own that refuses.
    pub(crate) const FIELD: &str = "X-Request-Id";

    /// Of no request yet.
    pub(super) const NONE: Self = Self(HeaderValue::from_static("-"));

    /// The one of a request with that head. It need not be sound, nor whole: of a line that is not
    /// whole nothing counts.
    pub(crate) fn of_head(head: &[u8]) -> Self {
        let mut said = head
            .split_inclusive(|byte| *byte == b'\n')
            .skip(1)
            // What stands behind the head is a body's.
            .take_while(|line| *line != b"\r\n")
            .filter_map(value);
        let only = match (said.next(), said.next()) {
            (Some(only), None) => Self::said(only),
            _ => None,
        };
        only.unwrap_or_else(Self::by_chance)
    }

    /// The one that its field says, if it can be taken.
    pub(crate) fn said(value: &[u8]) -> Option<Self> {
        let sound = is_sound(value).then(|| HeaderValue::from_bytes(value).ok());
        sound.flatten().map(Self)
    }

    /// One that no other request has: 128 bits.
    pub(crate) fn by_chance() -> Self {
        let number = rand::random::<u128>();
        let mut digits = [0; 32];
        for (at, digit) in digits.iter_mut().enumerate() {
            *digit = match (number >> (4 * at)) & 15 {
                letter @ 10.. => b'a' + u8::try_from(letter - 10).unwrap_or_default(),
                number => b'0' + u8::try_from(number).unwrap_or_default(),
            };
        }
        // Hexadecimal digits are a value of a field.
        HeaderValue::from_bytes(&digits).map_or(Self::NONE, Self)
    }

    /// As the value of its field.
    pub(crate) fn value(&self) -> &HeaderValue {
        &self.0
    }

    /// As a text.
    pub(crate) fn as_str(&self) -> &str {
        // It has nothing but ASCII.
        self.0.to_str().unwrap_or("-")
    }
}

impl Connection {
    /// Notes what the request is called whose head was taken, and when that was.
    pub(crate) fn identify(&mut self, request_id: RequestId) {
        self.request_id = request_id;
        self.begun = Instant::now();
    }

    /// What the request that is served is called.
    pub(crate) fn request_id(&self) -> &RequestId {
        &self.request_id
    }

    /// When the head of the request that is served was whole.
    pub(crate) fn begun(&self) -> Instant {
        self.begun
    }
}

impl fmt::Debug for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The value of the line, if its field is the one.
fn value(line: &[u8]) -> Option<&[u8]> {
    let line = line.strip_suffix(b"\r\n")?;
    let (name, rest) = line.split_at_checked(RequestId::FIELD.len())?;
    let own = name.eq_ignore_ascii_case(RequestId::FIELD.as_bytes());
    let value = rest.strip_prefix(b":").filter(|_| own)?;
    Some(value.trim_ascii())
}

fn is_sound(value: &[u8]) -> bool {
    let sound = |byte: &u8| byte.is_ascii_alphanumeric() || b"._~+/=:-".contains(byte);
    (1..=REQUEST_ID_BYTES_MAX).contains(&value.len()) && value.iter().all(sound)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(fields: &str) -> RequestId {
        RequestId::of_head(format!("GET / HTTP/1.1\r\nHost: a\r\n{fields}").as_bytes())
    }

    #[test]
    fn what_a_client_says_is_taken_if_it_can_be_read_in_one_way() {
        let long = "x".repeat(REQUEST_ID_BYTES_MAX);
        for sound in ["7", "a-b_c.d"].map(|id| id.replace('_', "~")) {
            assert_eq!(
                of(&format!("x-Request-ID:  {sound} \r\n\r\n")).as_str(),
                sound
            );
        }
        assert_eq!(of(&format!("X-Request-Id: {long}\r\n\r\n")).as_str(), long);
        for fields in [
            "\r\n".to_owned(),
            "X-Request-Id:\r\n\r\n".to_owned(),
            "X-Request-Id: a b\r\n\r\n".to_owned(),
            "X-Request-Id: a\"b\r\n\r\n".to_owned(),
            "X-Request-Id: a\r\nX-Request-Id: a\r\n\r\n".to_owned(),
            "X-Request-Ids: a\r\n\r\n".to_owned(),
            "\r\nX-Request-Id: a\r\n\r\n".to_owned(),
            format!("X-Request-Id: {long}x\r\n\r\n"),
            // The rest of the line has not come.
            "X-Request-Id: a".to_owned(),
        ] {
            let made = of(&fields);
            let hexadecimal = made.as_str().bytes().all(|byte| byte.is_ascii_hexdigit());
            assert!(
                hexadecimal && made.as_str().len() == 32,
                "{fields:?}: {made:?}"
            );
        }
    }

    #[test]
    fn two_requests_have_two_ids() {
        assert_ne!(RequestId::by_chance(), RequestId::by_chance());
    }
}
