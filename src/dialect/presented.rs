//! What a request presents: who asks, from which page, and for what.

use http::HeaderMap;
use http::header::{self, HeaderName, HeaderValue};

use super::{Fields, NotFields, Request};
use crate::access::{Credential, Forwarded, Narrow, NotNarrow, Origin, Secret};
use crate::event::Since;

fn key(headers: &HeaderMap, query: Query<'_>) -> Option<Secret> {
    let presented = text(headers, X_APIKEY)
        .map(str::to_owned)
        .or_else(|| query.value(&["apikey"]))?;
    (!presented.is_empty()).then(|| Secret::new(&presented))
}

/// What `request` presents: in its fields, or in its query for clients that cannot set one.
#[must_use]
pub fn credential(request: &Request<'_>) -> Credential {
    let query = Query(request.query);
    Credential {
        key: key(request.headers, query),
        token: token(request.headers, query),
        authorization: authorization(request.headers),
        cookies: cookies(request.headers),
        host: text(request.headers, header::HOST).unwrap_or("").into(),
        forwarded: match text(request.headers, X_FORWARDED_PROTO) {
            Some("http") => Forwarded::Http,
            Some("https") => Forwarded::Https,
            _ => Forwarded::Untold,
        },
        origin: origin(request.headers),
    }
}

/// All of `Authorization`. One that is told twice, or is no text, is one that nobody accepts.
fn authorization(headers: &HeaderMap) -> Option<Secret> {
    let mut fields = headers.get_all(header::AUTHORIZATION).iter();
    match (fields.next(), fields.next()) {
        (Some(value), None) => Some(Secret::new(value.to_str().unwrap_or(""))),
        (Some(_), Some(_)) => Some(Secret::new("")),
        (None, _) => None,
    }
}

/// All that stands in `Cookie`. What a proxy has split is put together again (RFC 9113 § 8.2.3);
/// a byte that is no ASCII stays a sign that is none.
fn cookies(headers: &HeaderMap) -> Option<Secret> {
    let fields = headers.get_all(header::COOKIE).iter();
    let text = |field: &HeaderValue| field.as_bytes().iter().map(|b| char::from(*b)).collect();
    let fields: Vec<String> = fields.map(text).collect();
    (!fields.is_empty()).then(|| Secret::new(&fields.join("; ")))
}

/// The token: as `Authorization: Bearer T`, or as `jwt` in the query, for clients that cannot
/// set a header. What is no text, or is told twice, is a token that nobody accepts. The
/// `rt-apikey` that RestDB's client sends beside `jwt` adds nothing to it.
fn token(headers: &HeaderMap, query: Query<'_>) -> Option<Secret> {
    let mut bearers = headers
        .get_all(header::AUTHORIZATION)
        .iter()
        .filter_map(|value| {
            let (scheme, token) = value.as_bytes().split_at_checked(BEARER.len())?;
            let ends = token.first().is_none_or(|byte| *byte == b' ');
            let bearer = scheme.eq_ignore_ascii_case(BEARER) && ends;
            bearer.then(|| std::str::from_utf8(token.trim_ascii()).unwrap_or(""))
        });
    match (bearers.next(), bearers.next()) {
        (Some(token), None) => Some(Secret::new(token)),
        (Some(_), Some(_)) => Some(Secret::new("")),
        (None, _) => query.value(&["jwt"]).map(|token| Secret::new(&token)),
    }
}

/// A page of the host that the request itself names is a page of this very site, whichever
/// scheme is spoken in front of the sidecar. What browsers say of the site that a request comes
/// from, no page can change (Fetch Metadata, "Sec-Fetch-Site"): it tells a page of the same host
/// that came without TLS, and one whose origin is not named.
fn origin(headers: &HeaderMap) -> Origin {
    let site = headers.get(SEC_FETCH_SITE).map(HeaderValue::as_bytes);
    let elsewhere = matches!(site, Some(b"cross-site" | b"same-site"));
    let Some(origin) = headers.get(header::ORIGIN) else {
        return match site {
            Some(b"same-origin") => Origin::Same,
            _ if elsewhere => Origin::Hidden,
            _ => Origin::Absent,
        };
    };
    // An origin that is no text is one that nobody configured.
    let origin = origin.to_str().unwrap_or("null");
    let own = text(headers, header::HOST).is_some_and(|host| {
        ["http://", "https://"]
            .iter()
            .any(|scheme| origin.strip_prefix(scheme) == Some(host))
    });
    if own && !elsewhere {
        Origin::Same
    } else {
        Origin::Cross(origin.into())
    }
}

/// The header wins; a query is for clients that cannot set one. What is empty says nothing.
pub(super) fn since(headers: &HeaderMap, query: Query<'_>) -> Since {
    let header = headers.get(LAST_EVENT_ID);
    if let Some(value) = header.filter(|value| !value.is_empty()) {
        return value.to_str().map_or(Since::Malformed, |text| {
            Since::from_last_event_id(Some(text))
        });
    }
    Since::from_last_event_id(query.value(&LAST_EVENT_ID_QUERY).as_deref())
}

/// What the client wants of what it may hear.
pub(super) fn narrow(query: Query<'_>) -> Result<Narrow, NotNarrow> {
    let value = |name| query.value(&[name]);
    let (events, collections, filter) = (value("events"), value("collections"), value("filter"));
    Narrow::of(events.as_deref(), collections.as_deref(), filter.as_deref())
}

/// Which fields of a record the client wants.
pub(super) fn fields(query: Query<'_>) -> Result<Fields, NotFields> {
    Fields::of(query.value(&["fields"]).as_deref())
}

pub(super) fn text(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok()
}

/// A query string: pairs as forms write them (URL standard, "application/x-www-form-urlencoded").
#[derive(Clone, Copy)]
pub(super) struct Query<'a>(pub(super) &'a str);

impl Query<'_> {
    /// The first value under any of these names that is not empty.
    pub(super) fn value(self, names: &[&str]) -> Option<String> {
        form_urlencoded::parse(self.0.as_bytes())
            .find(|(name, value)| names.contains(&&**name) && !value.is_empty())
            .map(|(_, value)| value.into_owned())
    }
}

const X_APIKEY: HeaderName = HeaderName::from_static("x-apikey");
const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
const LAST_EVENT_ID_QUERY: [&str; 4] = [
    "last_event_id",
    "lastEventId",
    "lastEventID",
    "Last-Event-ID",
];
const BEARER: &[u8] = b"bearer";
