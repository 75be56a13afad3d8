//! Answers of the sidecar's own: heads of streams, refusals, preflights.
//!
//! A refusal is `{"message": TEXT, "status": N}`. What a page of another site may read of an
//! answer is decided here, by its origin (Fetch standard, "CORS protocol").

use std::fmt::Display;

use bytes::Bytes;
use http::header::{self, HeaderValue};
use http::response::Builder;
use http::{Response, StatusCode};

use crate::access::{Access, Credential, Denied, Origin};
use crate::limits::RETRY_AFTER_SECS;

/// The page of another site that may read an answer.
#[derive(Clone, Debug)]
pub(super) enum Reader {
    /// There is none: what reads it is no such page.
    Nobody,
    /// One of that origin.
    Page(Box<str>),
    /// One of that origin, which may have its browser send cookies along.
    PageWithCookies(Box<str>),
}

impl Reader {
    /// The page of that origin, which may come.
    pub(super) fn of(origin: &Origin, access: &Access) -> Self {
        match origin {
            Origin::Absent | Origin::Hidden | Origin::Same => Self::Nobody,
            Origin::Cross(name) if access.takes_cookies_from(origin) => {
                Self::PageWithCookies(name.clone())
            }
            Origin::Cross(name) => Self::Page(name.clone()),
        }
    }

    /// The same, if a page of that origin may come at all.
    fn of_known(origin: &Origin, access: &Access) -> Self {
        if access.knows_origin(origin) {
            Self::of(origin, access)
        } else {
            Self::Nobody
        }
    }
}

/// An answer of the sidecar's own in JSON: `{"message": TEXT, "status": N}`.
#[must_use]
pub fn reply(status: StatusCode, message: &str) -> Response<Bytes> {
    json(
        Response::builder().status(status),
        message_json(status, message),
    )
}

/// The one place that knows which status a refusal is.
pub(super) fn refusal(denied: Denied, credential: &Credential, access: &Access) -> Response<Bytes> {
    let status = match denied {
        Denied::Anonymous | Denied::Refused | Denied::Token(_) | Denied::Unknown => {
            StatusCode::UNAUTHORIZED
        }
        Denied::Closed => StatusCode::NOT_FOUND,
        Denied::Origin | Denied::Uncovered => StatusCode::FORBIDDEN,
        Denied::Unasked => StatusCode::SERVICE_UNAVAILABLE,
    };
    let mut builder = Response::builder().status(status);
    // A page of an origin that some key names may read why it was refused.
    if denied != Denied::Origin {
        let reader = Reader::of_known(&credential.origin, access);
        builder = with_reader(builder, &reader);
    }
    // "The server MUST include a WWW-Authenticate header field" (RFC 6750 § 3).
    match denied {
        Denied::Token(fault) => {
            let challenge = format!(
                r#"Bearer error="invalid_token", error_description="{}""#,
                fault
            );
            builder = builder.header(header::WWW_AUTHENTICATE, challenge);
        }
        Denied::Anonymous if access.jwt.is_some() || access.identity.is_some() => {
            builder = builder.header(header::WWW_AUTHENTICATE, "Bearer");
        }
        Denied::Refused => builder = builder.header(header::WWW_AUTHENTICATE, "Bearer"),
        Denied::Unasked => builder = builder.header(header::RETRY_AFTER, RETRY_AFTER_SECS),
        _ => {}
    }
    json(builder, message_json(status, &denied.to_string()))
}

/// What the client asks for cannot be read: its page may read why.
pub(super) fn unreadable(
    error: impl Display,
    credential: &Credential,
    access: &Access,
) -> Response<Bytes> {
    let status = StatusCode::BAD_REQUEST;
    let reader = Reader::of_known(&credential.origin, access);
    let builder = with_reader(Response::builder().status(status), &reader);
    json(builder, message_json(status, &error.to_string()))
}

pub(super) fn message_json(status: StatusCode, message: &str) -> String {
    format!(
        r#"{{"message":{},"status":{}}}"#,
        serde_json::Value::from(message),
        status.as_u16()
    )
}

pub(super) fn json(builder: Builder, body: String) -> Response<Bytes> {
    let typed = builder
        .header(header::CONTENT_TYPE, "application/json")
        .header(header::CACHE_CONTROL, "no-store");
    build(typed, body.into())
}

/// The head of a stream: nothing on the way may keep or transform it.
pub(super) fn stream_head(credential: &Credential, access: &Access) -> Response<()> {
    let reader = Reader::of_known(&credential.origin, access);
    let builder = with_reader(Response::builder(), &reader)
        .header(header::CONTENT_TYPE, "text/event-stream")
        .header(header::CACHE_CONTROL, "no-cache, no-transform")
        .header("x-accel-buffering", "no");
    build(builder, ())
}

/// A preflight carries no key: a page of any origin that some key names may go on, and the
/// request itself is then checked with its key (Fetch standard, "CORS-preflight request").
pub(super) fn preflight(
    origin: &Origin,
    access: &Access,
    methods: &'static str,
) -> Response<Bytes> {
    if !access.knows_origin(origin) {
        return reply(StatusCode::FORBIDDEN, &Denied::Origin.to_string());
    }
    let builder = with_reader(Response::builder(), &Reader::of(origin, access))
        .status(StatusCode::NO_CONTENT)
        .header(header::ALLOW, methods)
        .header(header::ACCESS_CONTROL_ALLOW_METHODS, methods)
        .header(
            header::ACCESS_CONTROL_ALLOW_HEADERS,
            "authorization, cache-control, content-type, last-event-id, x-apikey",
        )
        .header(header::ACCESS_CONTROL_MAX_AGE, "600");
    build(builder, Bytes::new())
}

/// Lets the page read the answer. Its origin is always named: `*` goes with no credentials.
pub(super) fn with_reader(builder: Builder, reader: &Reader) -> Builder {
    let (origin, cookies) = match reader {
        Reader::Nobody => return builder,
        Reader::Page(origin) => (origin, None),
        Reader::PageWithCookies(origin) => (origin, Some("true")),
    };
    let mut builder = builder
        .header(header::ACCESS_CONTROL_ALLOW_ORIGIN, &**origin)
        .header(header::VARY, "Origin");
    if let Some(allowed) = cookies {
        builder = builder.header(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, allowed);
    }
    builder
}

pub(super) fn build<T>(builder: Builder, body: T) -> Response<T> {
    builder
        .body(body)
        .expect("every field is a constant or a value that came in as a header field")
}

/// The refusal of a method that the path does not know.
pub(super) fn method_not_allowed(methods: &'static str, expected: &str) -> Response<Bytes> {
    let mut refused = reply(StatusCode::METHOD_NOT_ALLOWED, expected);
    let allow = HeaderValue::from_static(methods);
    refused.headers_mut().insert(header::ALLOW, allow);
    refused
}
