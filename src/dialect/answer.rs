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
        Denied::Anonymous | Denied::Token(_) | Denied::Unknown => StatusCode::UNAUTHORIZED,
        Denied::Closed => StatusCode::NOT_FOUND,
        Denied::Origin | Denied::Uncovered => StatusCode::FORBIDDEN,
    };
    let mut builder = Response::builder().status(status);
    // A page of an origin that some key names may read why it was refused.
    if denied != Denied::Origin && access.knows_origin(&credential.origin) {
        builder = with_origin(builder, &credential.origin);
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
        Denied::Anonymous if access.jwt.is_some() => {
            builder = builder.header(header::WWW_AUTHENTICATE, "Bearer");
        }
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
    let mut builder = Response::builder().status(status);
    if access.knows_origin(&credential.origin) {
        builder = with_origin(builder, &credential.origin);
    }
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
pub(super) fn stream_head(credential: &Credential) -> Response<()> {
    let builder = with_origin(Response::builder(), &credential.origin)
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
    let builder = with_origin(Response::builder(), origin)
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

pub(super) fn with_origin(builder: Builder, origin: &Origin) -> Builder {
    match origin {
        Origin::Absent | Origin::Same => builder,
        Origin::Cross(origin) => builder
            .header(header::ACCESS_CONTROL_ALLOW_ORIGIN, &**origin)
            .header(header::VARY, "Origin"),
    }
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
