//! What the upstream is asked about a credential: the request, and where its answer has the claims.

use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::Method;
use http::uri::PathAndQuery;
use serde_json::Value;

use super::strict;

/// The question of `access.identity`. Shape: `/api/me`, `POST /collections/{collectionId}/refresh`.
///
/// `{NAME}` stands for the claim of that name in the token that is presented, as the token says
/// itself: where the upstream is to be asked depends on it, and whether it counts the upstream says.
#[derive(Clone, PartialEq, Eq)]
pub struct Ask {
    /// GET or POST.
    pub method: Method,
    text: Box<str>,
    pieces: Box<[Piece]>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    /// A claim of the token.
    Claim(Box<str>),
    Text(Box<str>),
}

/// Why a text is no [`Ask`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "is no path: write one of the API, as /api/me, perhaps with GET or POST before it, with a query, or with {{NAME}} for a claim of the token, and without a #"
)]
pub struct NotAnAsk;

impl Ask {
    /// The target to ask at about that token; none where the token does not say what is needed.
    #[must_use]
    pub fn target(&self, token: &str) -> Option<PathAndQuery> {
        if let [Piece::Text(text)] = &*self.pieces {
            return text.parse().ok();
        }
        let claims = payload(token)?;
        let mut target = String::new();
        for piece in &self.pieces {
            match piece {
                Piece::Text(text) => target.push_str(text),
                Piece::Claim(name) => {
                    let claim = claims.get(&**name)?;
                    target.push_str(claim.as_str().filter(|text| is_a_name(text))?);
                }
            }
        }
        target.parse().ok()
    }

    /// Whether the target depends on the token.
    #[must_use]
    pub fn asks_token(&self) -> bool {
        self.pieces
            .iter()
            .any(|piece| matches!(piece, Piece::Claim(_)))
    }

    /// The path as it is written, without the query: there may be a secret in that.
    #[must_use]
    pub fn path(&self) -> &str {
        self.text.split('?').next().unwrap_or_default()
    }

    /// Whether there is a query.
    #[must_use]
    pub fn has_query(&self) -> bool {
        self.text.contains('?')
    }
}

impl FromStr for Ask {
    type Err = NotAnAsk;

    /// A target in origin form (RFC 9112 § 3.2.1), perhaps with its method.
    fn from_str(text: &str) -> Result<Self, NotAnAsk> {
        let (method, target) = match text.split_once(' ') {
            None => (Method::GET, text),
            Some(("GET", target)) => (Method::GET, target),
            Some(("POST", target)) => (Method::POST, target),
            Some(_) => return Err(NotAnAsk),
        };
        let graphic = target.bytes().all(|byte| byte.is_ascii_graphic());
        if !target.starts_with('/') || target.contains('#') || !graphic {
            return Err(NotAnAsk);
        }
        let mut pieces = Vec::new();
        let mut rest = target;
        while let Some((before, after)) = rest.split_once('{') {
            let (name, behind) = after.split_once('}').ok_or(NotAnAsk)?;
            if before.contains('}') || !is_a_name(name) {
                return Err(NotAnAsk);
            }
            pieces.extend([Piece::Text(before.into()), Piece::Claim(name.into())]);
            rest = behind;
        }
        if rest.contains('}') {
            return Err(NotAnAsk);
        }
        pieces.push(Piece::Text(rest.into()));
        let ask = Self {
            method,
            text: target.into(),
            pieces: pieces.into(),
        };
        // With any names in it: it is a target, or it never is one.
        let name = |piece: &Piece| match piece {
            Piece::Claim(_) => "x".to_owned(),
            Piece::Text(text) => text.to_string(),
        };
        let sample: String = ask.pieces.iter().map(name).collect();
        sample
            .parse::<PathAndQuery>()
            .map_err(|_no_target| NotAnAsk)?;
        Ok(ask)
    }
}

impl fmt::Debug for Ask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method, self.path())
    }
}

/// What a token says (RFC 7519 § 3), whether or not it counts.
fn payload(token: &str) -> Option<serde_json::Map<String, Value>> {
    let payload = token.split('.').nth(1)?;
    strict::object(&URL_SAFE_NO_PAD.decode(payload).ok()?)
}

/// What needs no escape in a path, and is no step in it.
fn is_a_name(text: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-');
    !text.is_empty() && text.bytes().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(payload: &str) -> String {
        format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(payload))
    }

    #[test]
    fn a_target_has_what_the_token_says_where_it_is_asked_for() {
        let ask: Ask = "POST /c/{collectionId}/refresh?x=1".parse().unwrap();
        assert_eq!(
            (&ask.method, ask.path()),
            (&Method::POST, "/c/{collectionId}/refresh")
        );
        let of = |payload: &str| ask.target(&token(payload));
        let target = of(r#"{"collectionId":"pbc_1","id":"u"}"#);
        assert_eq!(target.unwrap(), "/c/pbc_1/refresh?x=1");
        for payload in [
            "{}",
            r#"{"collectionId":7}"#,
            r#"{"collectionId":""}"#,
            r#"{"collectionId":"../x"}"#,
            r#"{"collectionId":"a","collectionId":"b"}"#,
            "[]",
            "",
        ] {
            assert_eq!(of(payload), None, "{payload}");
        }
        for token in ["", "a", "a.b", "a.!.c"] {
            assert_eq!(ask.target(token), None, "{token}");
        }
    }

    #[test]
    fn a_target_without_a_claim_is_the_same_for_all() {
        let ask: Ask = "/api/me?full=1".parse().unwrap();
        assert_eq!(ask.method, Method::GET);
        assert_eq!(ask.target("").unwrap(), "/api/me?full=1");
        assert!(!ask.asks_token() && ask.has_query());
    }

    #[test]
    fn what_is_no_target_is_refused() {
        for text in [
            "",
            "api/me",
            "PUT /x",
            "/a b",
            "/a#b",
            "/{",
            "/}",
            "/{}",
            "/{a b}",
            "/{a}}",
            "http://x/",
        ] {
            assert_eq!(text.parse::<Ask>(), Err(NotAnAsk), "{text}");
        }
    }
}
