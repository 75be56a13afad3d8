//! `access.identity`: where the upstream is asked who somebody is, and what that grants.

use http::uri::PathAndQuery;

use super::claims::{Written, claim_grants};
use super::{Lower, file};
use crate::access::{Answers, Identity};
use crate::config::fault::Problem;
use crate::limits;

/// The compiled section; none if what is to be asked was refused.
pub(super) fn identity(file: &file::Identity, lower: &mut Lower<'_>) -> Option<Identity> {
    let ask = lower.read(&file.ask, path);
    let cache = lower.duration(file.cache.as_ref(), CACHE, &limits::IDENTITY_CACHE);
    let cookies = file.cookies.as_deref().unwrap_or_default();
    let cookies = lower.all(cookies, cookie_name);
    let grants = Written {
        grants: file.grants.as_ref(),
        roles: file.roles.as_ref(),
        hear: &file.hear,
        publish: &file.publish,
    };
    let grants = claim_grants(&grants, lower);
    Some(Identity {
        ask: ask?,
        cache,
        cookies: cookies.into(),
        grants: grants?,
        answers: Answers::new(),
    })
}

/// A target in origin form (RFC 9112 § 3.2.1).
fn path(text: &str) -> Result<PathAndQuery, Problem> {
    let graphic = text.bytes().all(|byte| byte.is_ascii_graphic());
    if !text.starts_with('/') || text.contains('#') || !graphic {
        return Err(Problem::Ask);
    }
    text.parse().map_err(|_no_path| Problem::Ask)
}

/// The name of a cookie: a token (RFC 6265 § 4.1.1).
pub(super) fn cookie_name(text: &str) -> Result<Box<str>, Problem> {
    let of_token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    if text.is_empty() || !text.bytes().all(of_token) {
        return Err(Problem::CookieName);
    }
    Ok(text.into())
}

const CACHE: std::time::Duration = std::time::Duration::from_secs(30);
