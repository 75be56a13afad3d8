//! `access.identity`: where the upstream is asked who somebody is, and what that grants.

use serde_saphyr::Spanned;

use super::claims::{GrantKeys, claim_grants};
use super::{Lower, file, not_among};
use crate::access::{Answers, Ask, Identity};
use crate::config::fault::Problem;
use crate::config::file::place;
use crate::config::source::Source;
use crate::limits;
use crate::observe::preset;
use crate::observe::rule::Pointer;

/// The compiled section; none if what is to be asked was refused.
pub(super) fn identity(
    section: &Spanned<file::Identity>,
    lower: &mut Lower<'_>,
) -> Option<Identity> {
    let file = &section.value;
    let asked = match (&file.ask, &file.preset) {
        (Some(ask), None) => {
            let ask = lower.read(ask, str::parse::<Ask>);
            let claims = lower.or(file.claims.as_ref(), Pointer::default(), str::parse);
            ask.map(|ask| (ask, claims))
        }
        (None, Some(named)) => of_preset(named, file.claims.as_ref(), lower),
        (Some(ask), Some(_)) => {
            lower.refuse(ask.place, Problem::AskTwice);
            None
        }
        (None, None) => {
            lower.refuse(place(section.referenced), Problem::AskNothing);
            None
        }
    };
    let cache = lower.duration(file.cache.as_ref(), CACHE, &limits::IDENTITY_CACHE);
    let cookies = file.cookies.as_deref().unwrap_or_default();
    let cookies = lower.all(cookies, cookie_name);
    let grants = GrantKeys {
        grants: file.grants.as_ref(),
        roles: file.roles.as_ref(),
        hear: &file.hear,
        publish: &file.publish,
    };
    let grants = claim_grants(&grants, lower);
    let (ask, claims) = asked?;
    Some(Identity {
        ask,
        claims,
        cache,
        cookies: cookies.into(),
        grants: grants?,
        answers: Answers::new(),
    })
}

/// What a preset asks, and where the claims stand in its answer, unless the operator says where.
fn of_preset(
    named: &file::Text,
    claims: Option<&file::Text>,
    lower: &mut Lower<'_>,
) -> Option<(Ask, Pointer)> {
    let yaml = lower.read(named, |name| {
        let named = preset::yaml(name).filter(|_| preset::WITH_IDENTITY.contains(&name));
        named.ok_or_else(|| not_among(name, preset::WITH_IDENTITY))
    })?;
    let source = Source::new("preset", yaml);
    let preset: file::Preset = match source.parse() {
        Ok(preset) => preset,
        Err(fault) => {
            lower.errors.push(|| fault);
            return None;
        }
    };
    let own = preset.access?.identity;
    let mut of_preset = Lower::new(&source, lower.env);
    let ask = of_preset.read(&own.ask, str::parse::<Ask>);
    let default = of_preset.or(own.claims.as_ref(), Pointer::default(), str::parse);
    lower.errors.append(of_preset.into_errors());
    let claims = lower.or(claims, default, str::parse);
    Some((ask?, claims))
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
