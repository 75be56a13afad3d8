//! `access.jwt`: by which keys tokens are verified, from whom they are, what they grant.

use std::net::IpAddr;
use std::path::Path;
use std::time::Duration;

use http::Uri;
use http::uri::Scheme;
use serde_saphyr::Spanned;

use super::claims::{GrantKeys, claim_grants};
use super::identity::cookie_name;
use super::{Lower, choose};
use crate::access::{Algorithm, Jwt, KeySet, KeySource, Keyring, Wanted};
use crate::config::fault::Problem;
use crate::config::file::{self, OneOrMany, Text, place};
use crate::config::outline::Place;
use crate::limits;

/// The file that `key_file` names, as it was read.
#[derive(Clone, Copy, Debug)]
pub(in crate::config) struct KeyFile<'a> {
    pub(in crate::config) path: &'a Path,
    pub(in crate::config) text: Result<&'a str, &'a Problem>,
}

/// The compiled section; none if its keys were refused.
pub(super) fn jwt(
    section: &Spanned<file::Jwt>,
    key_file: Option<&KeyFile<'_>>,
    lower: &mut Lower<'_>,
) -> Option<Jwt> {
    let file = &section.value;
    let algorithms = lower.all(&file.algorithms.value, |text| {
        choose(text, Algorithm::NAMED)
    });
    if file.algorithms.value.is_empty() {
        lower.refuse(place(file.algorithms.referenced), Problem::EmptyAlgorithms);
    }
    let source = source(file, place(section.referenced), key_file, lower);
    let issuer = file.issuer.as_ref();
    let wanted = Wanted {
        issuer: issuer.and_then(|text| lower.read(text, filled)),
        audience: audience(file.audience.as_ref(), lower).into(),
        leeway: lower.duration(file.leeway.as_ref(), LEEWAY, &limits::TOKEN_LEEWAY),
    };
    let grants = GrantKeys {
        grants: file.grants.as_ref(),
        roles: file.roles.as_ref(),
        hear: &file.hear,
        publish: &file.publish,
    };
    let grants = claim_grants(&grants, lower);
    let cookie = file.cookie.as_ref();
    let cookie = cookie.and_then(|text| lower.read(text, cookie_name));
    let (source, set, possible) = source?;
    // Each algorithm has to be one that these keys can have: then no key is ever of two.
    for text in &file.algorithms.value {
        lower.read(text, |text| {
            let algorithm = choose(text, Algorithm::NAMED).ok();
            match algorithm.is_none_or(|algorithm| possible.contains(&algorithm)) {
                true => Ok(()),
                false => Err(Problem::AlgorithmOfKey),
            }
        });
    }
    Some(Jwt {
        algorithms: algorithms.into(),
        keys: Keyring::new(source, set),
        wanted,
        grants: grants?,
        cookie,
    })
}

/// Where the keys come from, those that are known by now, and the algorithms they may have.
fn source(
    file: &file::Jwt,
    at: Place,
    key_file: Option<&KeyFile<'_>>,
    lower: &mut Lower<'_>,
) -> Option<(KeySource, KeySet, Vec<Algorithm>)> {
    match (&file.jwks, &file.secret, &file.key_file) {
        (Some(text), None, None) => {
            let url = lower.read(text, jwks_url)?;
            let possible = [Algorithm::Rs256, Algorithm::Es256, Algorithm::EdDsa];
            let source = KeySource::Url(url);
            Some((source, KeySet::default(), possible.into()))
        }
        (None, Some(text), None) => {
            let set = lower.read(text, |text| {
                if text.len() < limits::TOKEN_SECRET_BYTES_MIN {
                    return Err(Problem::SecretShort);
                }
                Ok(KeySet::secret(text))
            })?;
            Some((KeySource::Secret, set, vec![Algorithm::Hs256]))
        }
        (None, None, Some(text)) => {
            let read = lower.read(text, |_name| match key_file {
                Some(KeyFile {
                    path,
                    text: Ok(pem),
                }) => {
                    let (set, algorithm) = KeySet::pem(pem)?;
                    Ok((KeySource::File((*path).to_owned()), set, algorithm))
                }
                Some(KeyFile {
                    text: Err(problem), ..
                }) => Err(Problem::KeyFile {
                    why: problem.to_string(),
                }),
                None => Err(Problem::NotAFile),
            });
            let (source, set, algorithm) = read?;
            Some((source, set, vec![algorithm]))
        }
        _ => {
            lower.refuse(at, Problem::OneKeySource);
            None
        }
    }
}

/// An address from which keys may come. Without TLS anybody on the way could put their own in.
fn jwks_url(text: &str) -> Result<Uri, Problem> {
    let url: Uri = text.parse().map_err(|_no_uri| Problem::JwksUrl)?;
    let authority = url.authority().ok_or(Problem::JwksUrl)?;
    if authority.as_str().contains('@') || text.contains('#') {
        return Err(Problem::JwksUrl);
    }
    let host = authority.host();
    let address = host.trim_start_matches('[').trim_end_matches(']');
    let loopback = address.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback());
    match url.scheme() {
        Some(scheme) if *scheme == Scheme::HTTPS => Ok(url),
        Some(scheme) if *scheme == Scheme::HTTP && (loopback || host == "localhost") => Ok(url),
        _ => Err(Problem::JwksUrl),
    }
}

fn audience(file: Option<&Spanned<OneOrMany>>, lower: &mut Lower<'_>) -> Vec<Box<str>> {
    let Some(file) = file else {
        return Vec::new();
    };
    let at = place(file.referenced);
    match &file.value {
        OneOrMany::One(text) => {
            let text = Text {
                value: text.clone(),
                place: at,
            };
            lower.read(&text, filled).into_iter().collect()
        }
        OneOrMany::Many(texts) => {
            if texts.is_empty() {
                lower.refuse(at, Problem::EmptyList);
            }
            lower.all(texts, filled)
        }
    }
}

fn filled(text: &str) -> Result<Box<str>, Problem> {
    if text.is_empty() {
        return Err(Problem::Empty);
    }
    Ok(text.into())
}

const LEEWAY: Duration = Duration::from_secs(5);
