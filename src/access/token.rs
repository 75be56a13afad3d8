//! A token's text to claims that its issuer signed, or to the reason why it is none.
//!
//! A token is a JWS in compact form (RFC 7515) with claims (RFC 7519). The configuration says
//! by which algorithms, and a key is of one algorithm only: nothing in a token chooses how it
//! is verified, but for `kid`, which names one of the keys that are there.

use std::fmt;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::keys::{Algorithm, KeySet, Print};
use super::strict;
use crate::event::Json;
use crate::limits::TOKEN_BYTES_MAX;

/// A token whose signature was found good, without the token: what its issuer said, and by
/// which key.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct Verified {
    pub(super) algorithm: Algorithm,
    pub(super) key: Print,
    /// The claims as they were signed: an object, in which no name stands twice.
    pub(super) claims: Json,
}

/// Who has to have issued a token, and for whom.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// The exact `iss`; none: any.
    pub issuer: Option<Box<str>>,
    /// One of these has to be in `aud`; none: any.
    pub audience: Box<[Box<str>]>,
    /// How far the clocks may be apart. 5 s by default, in [`crate::limits::TOKEN_LEEWAY`].
    pub leeway: Duration,
}

/// What is wrong with a token. Nothing of the token is in it, and no sign that a quoted text in a
/// header field may not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// Signed by an algorithm that the configuration does not name.
    #[error("the token is signed by an algorithm that is not accepted")]
    Algorithm,
    /// For another audience.
    #[error("the token is for another audience")]
    Audience,
    /// A claim is missing or of another type.
    #[error("the token has no `exp`, or a claim of another type than expected")]
    Claim,
    /// Its time is over.
    #[error("the token has expired")]
    Expired,
    /// Its header asks for what is not done here.
    #[error("the token's header holds what is not accepted")]
    Header,
    /// From another issuer.
    #[error("the token is from another issuer")]
    Issuer,
    /// No token at all.
    #[error("the token is not well formed")]
    Malformed,
    /// Its time has not come.
    #[error("the token is not valid yet")]
    NotYet,
    /// The signature is not that of the key.
    #[error("the token's signature is not valid")]
    Signature,
    /// No key that is known has signed it.
    #[error("the token's key is not known")]
    UnknownKey,
}

/// Verifies a token's form and signature. Its claims are for [`Wanted::until`] to judge.
///
/// # Errors
/// [`Fault`]: the first thing that is wrong.
pub(super) fn verify(
    token: &str,
    keys: &KeySet,
    algorithms: &[Algorithm],
) -> Result<Verified, Fault> {
    if token.len() > TOKEN_BYTES_MAX {
        return Err(Fault::Malformed);
    }
    let (message, signature) = token.rsplit_once('.').ok_or(Fault::Malformed)?;
    let (header, claims) = message.split_once('.').ok_or(Fault::Malformed)?;
    if claims.contains('.') {
        return Err(Fault::Malformed);
    }
    let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).ok();
    let object = |part: &str| strict::object(&decode(part)?);
    let header = object(header).ok_or(Fault::Malformed)?;
    let (algorithm, id) = read_header(&header)?;
    if !algorithms.contains(&algorithm) {
        return Err(Fault::Algorithm);
    }
    let candidates = keys.candidates(algorithm, id);
    if candidates.is_empty() {
        return Err(Fault::UnknownKey);
    }
    let key = candidates
        .into_iter()
        .find(|key| key.signed(message, signature))
        .ok_or(Fault::Signature)?;
    let claims = decode(claims).ok_or(Fault::Malformed)?;
    strict::object(&claims).ok_or(Fault::Malformed)?;
    let claims: &RawValue = serde_json::from_slice(&claims).map_err(|_no_json| Fault::Malformed)?;
    Ok(Verified {
        algorithm,
        key: key.print(),
        claims: Json::compact(claims),
    })
}

/// Whether a text is a JWT by its form, whether it is accepted or not: three parts, of which the
/// first is a header that names an algorithm. Other tokens have points in them too.
pub(super) fn is_jwt(token: &str) -> bool {
    let mut parts = token.split('.');
    let (header, rest) = (parts.next().unwrap_or_default(), parts.count());
    let decoded = URL_SAFE_NO_PAD.decode(header).ok();
    let header = decoded.and_then(|header| strict::object(&header));
    rest == 2 && header.is_some_and(|header| header.contains_key("alg"))
}

/// The algorithm and the `kid`. Extensions that would have to be understood are refused, and
/// so is a key that the token brings along (RFC 7515 § 4.1).
fn read_header(header: &Map<String, Value>) -> Result<(Algorithm, Option<&str>), Fault> {
    if REFUSED.iter().any(|name| header.contains_key(*name)) {
        return Err(Fault::Header);
    }
    match header.get("typ").map(Value::as_str) {
        None => {}
        Some(Some(typ)) => {
            let typ = typ.to_ascii_lowercase();
            let typ = typ.strip_prefix("application/").unwrap_or(&typ);
            if !TYPES.contains(&typ) {
                return Err(Fault::Header);
            }
        }
        Some(None) => return Err(Fault::Header),
    }
    let id = match header.get("kid").map(Value::as_str) {
        None => None,
        Some(Some(id)) => Some(id),
        Some(None) => return Err(Fault::Header),
    };
    let name = header.get("alg").and_then(Value::as_str);
    let algorithm = name.and_then(Algorithm::named).ok_or(Fault::Algorithm)?;
    Ok((algorithm, id))
}

impl Verified {
    /// Whose token it is: by `iss` and `sub`, or by all its claims where it has no `sub`.
    pub(super) fn identify(&self, hasher: &mut Sha256) {
        let claims = self.claims().unwrap_or_default();
        match claims.get("sub") {
            Some(sub) => {
                let issuer = claims.get("iss").cloned().unwrap_or_default();
                hasher.update(Value::from(vec![issuer, sub.clone()]).to_string());
            }
            None => hasher.update(self.claims.as_str()),
        }
    }

    /// The claims, read again from what was signed.
    pub(super) fn claims(&self) -> Result<Map<String, Value>, Fault> {
        strict::object(self.claims.as_str().as_bytes()).ok_or(Fault::Malformed)
    }
}

impl fmt::Debug for Verified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verified")
            .field("algorithm", &self.algorithm)
            .finish_non_exhaustive()
    }
}

impl Wanted {
    /// Until when a token with these claims is good.
    ///
    /// # Errors
    /// [`Fault`]: it is not good now.
    pub(super) fn until(
        &self,
        claims: &Map<String, Value>,
        now: Timestamp,
    ) -> Result<Timestamp, Fault> {
        let time = |name: &str| match claims.get(name) {
            None => Ok(None),
            Some(Value::Number(number)) => {
                let seconds = number.as_f64().ok_or(Fault::Claim)?;
                Ok(Some(instant(seconds)))
            }
            Some(_) => Err(Fault::Claim),
        };
        let exp = time("exp")?.ok_or(Fault::Claim)?;
        let nbf = time("nbf")?;
        time("iat")?;
        let until = exp.checked_add(self.leeway).unwrap_or(Timestamp::MAX);
        if until <= now {
            return Err(Fault::Expired);
        }
        let latest = now.checked_add(self.leeway).unwrap_or(Timestamp::MAX);
        if nbf.is_some_and(|nbf| nbf > latest) {
            return Err(Fault::NotYet);
        }
        if let Some(issuer) = &self.issuer
            && claims.get("iss").and_then(Value::as_str) != Some(&**issuer)
        {
            return Err(Fault::Issuer);
        }
        if !self.audience.is_empty() && !self.is_for(claims.get("aud")) {
            return Err(Fault::Audience);
        }
        Ok(until)
    }

    /// Whether `aud`, a text or a list of texts, names one that is wanted.
    fn is_for(&self, aud: Option<&Value>) -> bool {
        let wanted = |name: &str| self.audience.iter().any(|own| **own == *name);
        match aud {
            Some(Value::String(name)) => wanted(name),
            Some(Value::Array(names)) => {
                let mut texts = names.iter().map(Value::as_str);
                names.iter().all(Value::is_string) && texts.any(|name| name.is_some_and(wanted))
            }
            _ => false,
        }
    }
}

/// The instant so many seconds after 1970; one that no clock reaches is the last or the first.
fn instant(seconds: f64) -> Timestamp {
    let distance = Duration::try_from_secs_f64(seconds.abs()).ok();
    let epoch = Timestamp::UNIX_EPOCH;
    if seconds < 0.0 {
        let before = distance.and_then(|distance| epoch.checked_sub(distance).ok());
        before.unwrap_or(Timestamp::MIN)
    } else {
        let after = distance.and_then(|distance| epoch.checked_add(distance).ok());
        after.unwrap_or(Timestamp::MAX)
    }
}

/// Fields of a header with which a token is refused.
const REFUSED: &[&str] = &["b64", "crit", "jku", "jwk", "x5c", "x5u", "zip"];

/// What a token may call its type, in lower case: one that is made for something else, as a
/// logout, is none that lets anybody in.
const TYPES: &[&str] = &["at+jwt", "jwt"];

#[cfg(test)]
mod tests;
