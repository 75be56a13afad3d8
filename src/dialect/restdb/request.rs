//! Requests on RestDB's path to commands, and the answers to what is refused.

use bytes::Bytes;
use http::header::{self, HeaderName, HeaderValue};
use http::response::Builder;
use http::{HeaderMap, Method, Response, StatusCode};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{Options, View};
use crate::access::{Access, Credential, Denied, Narrow, NotNarrow, Origin, Secret};
use crate::dialect::{Command, Listen, Published, Request};
use crate::event::{Json, Kind, Since};
use crate::limits::JSON_DEPTH;
use crate::topic::is_reserved;

/// A publish whose credential, type and announced length are sound; its body is still unread.
#[derive(Clone, Debug)]
pub struct Publish {
    /// Bytes of body at most; a longer one is answered 413 with [`Publish::too_large`].
    pub body_bytes_max: usize,
    credential: Credential,
}

/// What `request` asks for.
///
/// The checks of a publish come in RestDB's order: credential (401), type (415), size (413),
/// then, with the body, its shape (400) and the right (403).
#[must_use]
pub fn command(
    request: &Request<'_>,
    options: &Options,
    access: &Access,
    now: Timestamp,
) -> Command {
    if let Some(file) = options.client.answer(request) {
        return Command::Reply(file);
    }
    let query = Query(request.query);
    let credential = credential(request);
    let refuse = |denied| Command::Reply(refusal(denied, &credential, access));
    match *request.method {
        Method::GET | Method::HEAD => {
            let grant = match access.grant(&credential, now) {
                Ok(grant) => grant,
                Err(denied) => return refuse(denied),
            };
            let grant = match narrow(query) {
                Ok(narrow) => grant.narrowed(narrow),
                Err(error) => {
                    return Command::Reply(unreadable(&error, &credential, access));
                }
            };
            let grant = match grant {
                Ok(grant) => grant,
                Err(denied) => return refuse(denied),
            };
            let head = stream_head(&credential);
            if *request.method == Method::HEAD {
                return Command::Reply(head.map(|()| Bytes::new()));
            }
            Command::Listen(Listen {
                grant,
                since: since(request.headers, query),
                view: view(query),
                head,
            })
        }
        Method::POST => {
            if let Err(denied) = access.publisher(&credential, now) {
                return refuse(denied);
            }
            let publish = Publish {
                body_bytes_max: options.publish_body_bytes,
                credential: credential.clone(),
            };
            if !is_json(request.headers) {
                return Command::Reply(publish.answer(
                    StatusCode::UNSUPPORTED_MEDIA_TYPE,
                    "expected Content-Type: application/json",
                ));
            }
            if content_length(request.headers) > Some(options.publish_body_bytes) {
                return Command::Reply(publish.too_large());
            }
            Command::Publish(publish)
        }
        Method::OPTIONS => Command::Reply(preflight(&credential.origin, access)),
        _ => {
            let mut refused = reply(
                StatusCode::METHOD_NOT_ALLOWED,
                "expected GET to listen or POST to publish",
            );
            refused
                .headers_mut()
                .insert(header::ALLOW, HeaderValue::from_static(METHODS));
            Command::Reply(refused)
        }
    }
}

/// Whether the keys of tokens have to be fetched before `request` is answered: its token was
/// signed by one that is not known, and there may be others by now.
#[must_use]
pub fn is_outdated(request: &Request<'_>, access: &Access, now: Timestamp) -> bool {
    // A preflight is answered without a credential.
    *request.method != Method::OPTIONS && access.is_outdated(&credential(request), now)
}

impl Publish {
    /// The event to append and the answer to give once it is; or the answer that refuses it.
    ///
    /// # Errors
    /// The answer: 400 for a body without a string `event`, with a reserved name or with `data`
    /// nested deeper than [`JSON_DEPTH`], 401 or 403 for a credential that may not publish it.
    pub fn kind(
        &self,
        body: &[u8],
        access: &Access,
        now: Timestamp,
    ) -> Result<Published, Box<Response<Bytes>>> {
        #[derive(Deserialize)]
        struct Body<'a> {
            event: String,
            #[serde(borrow)]
            data: Option<&'a RawValue>,
        }
        let bad = |message: &str| Box::new(self.answer(StatusCode::BAD_REQUEST, message));
        let no_event =
            || bad("expected a JSON object with a string `event`, and `data` of any kind");
        // A struct could be read from an array as well.
        if !body.trim_ascii_start().starts_with(b"{") {
            return Err(no_event());
        }
        let body: Body<'_> = serde_json::from_slice(body).map_err(|_why| no_event())?;
        if body.event.is_empty() || body.event.len() > EVENT_NAME_BYTES_MAX {
            return Err(bad("expected an `event` of 1 to 255 bytes"));
        }
        if body.event.chars().any(char::is_control) {
            return Err(bad("expected an `event` without control characters"));
        }
        if is_reserved(&body.event) {
            return Err(bad("this `event` is a reserved name: choose another"));
        }
        let data = body.data.map_or("", RawValue::get);
        if Json::is_too_deep(data) {
            return Err(bad(&format!(
                "expected `data` nested at most {JSON_DEPTH} deep"
            )));
        }
        access
            .may_publish(&self.credential, &body.event, now)
            .map_err(|denied| Box::new(refusal(denied, &self.credential, access)))?;
        Ok(Published {
            kind: Kind::Custom {
                name: body.event.into(),
                data: body.data.map_or_else(Json::null, Json::compact),
            },
            reply: json(
                with_origin(Response::builder(), &self.credential.origin),
                r#"{"message":"OK"}"#.to_owned(),
            ),
        })
    }

    /// The answer to a body longer than [`Publish::body_bytes_max`].
    #[must_use]
    pub fn too_large(&self) -> Response<Bytes> {
        self.answer(
            StatusCode::PAYLOAD_TOO_LARGE,
            &format!("expected a body of at most {} bytes", self.body_bytes_max),
        )
    }

    /// An answer that the page which sent the request may read.
    #[must_use]
    pub fn answer(&self, status: StatusCode, message: &str) -> Response<Bytes> {
        json(
            with_origin(Response::builder().status(status), &self.credential.origin),
            message_json(status, message),
        )
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
fn refusal(denied: Denied, credential: &Credential, access: &Access) -> Response<Bytes> {
    let status = match denied {
        Denied::Anonymous | Denied::Token(_) | Denied::Unknown => StatusCode::UNAUTHORIZED,
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
fn unreadable(error: &NotNarrow, credential: &Credential, access: &Access) -> Response<Bytes> {
    let status = StatusCode::BAD_REQUEST;
    let mut builder = Response::builder().status(status);
    if access.knows_origin(&credential.origin) {
        builder = with_origin(builder, &credential.origin);
    }
    json(builder, message_json(status, &error.to_string()))
}

fn message_json(status: StatusCode, message: &str) -> String {
    format!(
        r#"{{"message":{},"status":{}}}"#,
        serde_json::Value::from(message),
        status.as_u16()
    )
}

fn json(builder: Builder, body: String) -> Response<Bytes> {
    let typed = builder
        .header(header::CONTENT_TYPE, "application/json")
        .header(header::CACHE_CONTROL, "no-store");
    build(typed, body.into())
}

/// The head of a stream: nothing on the way may keep or transform it.
fn stream_head(credential: &Credential) -> Response<()> {
    let builder = with_origin(Response::builder(), &credential.origin)
        .header(header::CONTENT_TYPE, "text/event-stream")
        .header(header::CACHE_CONTROL, "no-cache, no-transform")
        .header("x-accel-buffering", "no");
    build(builder, ())
}

/// A preflight carries no key: a page of any origin that some key names may go on, and the
/// request itself is then checked with its key (Fetch standard, "CORS-preflight request").
fn preflight(origin: &Origin, access: &Access) -> Response<Bytes> {
    if !access.knows_origin(origin) {
        return reply(StatusCode::FORBIDDEN, &Denied::Origin.to_string());
    }
    let builder = with_origin(Response::builder(), origin)
        .status(StatusCode::NO_CONTENT)
        .header(header::ALLOW, METHODS)
        .header(header::ACCESS_CONTROL_ALLOW_METHODS, METHODS)
        .header(
            header::ACCESS_CONTROL_ALLOW_HEADERS,
            "authorization, cache-control, content-type, last-event-id, x-apikey",
        )
        .header(header::ACCESS_CONTROL_MAX_AGE, "600");
    build(builder, Bytes::new())
}

fn with_origin(builder: Builder, origin: &Origin) -> Builder {
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

fn key(headers: &HeaderMap, query: Query<'_>) -> Option<Secret> {
    let presented = text(headers, X_APIKEY)
        .map(str::to_owned)
        .or_else(|| query.value(&["apikey"]))?;
    (!presented.is_empty()).then(|| Secret::new(&presented))
}

fn credential(request: &Request<'_>) -> Credential {
    let query = Query(request.query);
    Credential {
        key: key(request.headers, query),
        token: token(request.headers, query),
        origin: origin(request.headers),
    }
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
/// scheme is spoken in front of the sidecar.
fn origin(headers: &HeaderMap) -> Origin {
    let Some(origin) = headers.get(header::ORIGIN) else {
        return Origin::Absent;
    };
    // An origin that is no text is one that nobody configured.
    let origin = origin.to_str().unwrap_or("null");
    let own = text(headers, header::HOST).is_some_and(|host| {
        ["http://", "https://"]
            .iter()
            .any(|scheme| origin.strip_prefix(scheme) == Some(host))
    });
    if own {
        Origin::Same
    } else {
        Origin::Cross(origin.into())
    }
}

/// The header wins; a query is for clients that cannot set one. What is empty says nothing.
fn since(headers: &HeaderMap, query: Query<'_>) -> Since {
    let header = headers.get(LAST_EVENT_ID);
    if let Some(value) = header.filter(|value| !value.is_empty()) {
        return value.to_str().map_or(Since::Malformed, |text| {
            Since::from_last_event_id(Some(text))
        });
    }
    Since::from_last_event_id(query.value(&LAST_EVENT_ID_QUERY).as_deref())
}

/// What the client wants of what it may hear.
fn narrow(query: Query<'_>) -> Result<Narrow, NotNarrow> {
    let value = |name| query.value(&[name]);
    let (events, collections, filter) = (value("events"), value("collections"), value("filter"));
    Narrow::of(events.as_deref(), collections.as_deref(), filter.as_deref())
}

fn view(query: Query<'_>) -> View {
    match query.value(&["patch"]).as_deref() {
        Some("patch") => View::Patch,
        _ => View::Configured,
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let media = text(headers, header::CONTENT_TYPE).unwrap_or("");
    let essence = media.split(';').next().unwrap_or("").trim();
    essence.eq_ignore_ascii_case("application/json")
}

fn content_length(headers: &HeaderMap) -> Option<usize> {
    text(headers, header::CONTENT_LENGTH)?.parse().ok()
}

pub(super) fn text(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok()
}

/// A query string: pairs as forms write them (URL standard, "application/x-www-form-urlencoded").
#[derive(Clone, Copy)]
struct Query<'a>(&'a str);

impl Query<'_> {
    /// The first value under any of these names that is not empty.
    fn value(self, names: &[&str]) -> Option<String> {
        form_urlencoded::parse(self.0.as_bytes())
            .find(|(name, value)| names.contains(&&**name) && !value.is_empty())
            .map(|(_, value)| value.into_owned())
    }
}

const X_APIKEY: HeaderName = HeaderName::from_static("x-apikey");
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
const LAST_EVENT_ID_QUERY: [&str; 4] = [
    "last_event_id",
    "lastEventId",
    "lastEventID",
    "Last-Event-ID",
];
const BEARER: &[u8] = b"bearer";
const METHODS: &str = "GET, HEAD, OPTIONS, POST";
const EVENT_NAME_BYTES_MAX: usize = 255;

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::access::Key;

    /// The data that a publish of `body` tells, or the status and the text that refuse it.
    fn published(body: &str) -> Result<String, (u16, String)> {
        let key = Key {
            name: "any".into(),
            secret: Secret::new("k"),
            hear: [].into(),
            publish: ["*".parse().unwrap()].into(),
            origins: None,
        };
        let access = Access {
            keys: vec![Arc::new(key)],
            ..Access::default()
        };
        let publish = Publish {
            body_bytes_max: usize::MAX,
            credential: Credential {
                key: Some(Secret::new("k")),
                token: None,
                origin: Origin::Absent,
            },
        };
        match publish.kind(body.as_bytes(), &access, Timestamp::UNIX_EPOCH) {
            Ok(published) => match published.kind {
                Kind::Custom { data, .. } => Ok(data.as_str().to_owned()),
                told => panic!("{told:?} was not published"),
            },
            Err(refused) => {
                let text = String::from_utf8(refused.body().to_vec()).unwrap();
                Err((refused.status().as_u16(), text))
            }
        }
    }

    #[test]
    fn data_nested_deeper_than_the_limit_is_refused_with_the_limit() {
        let nested = |depth| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        let body = |data: &str| format!(r#"{{"event":"GOAL","data":{data}}}"#);
        let deepest = nested(JSON_DEPTH);
        assert_eq!(published(&body(&deepest)), Ok(deepest));
        let message = r#"{"message":"expected `data` nested at most 128 deep","status":400}"#;
        for depth in [JSON_DEPTH + 1, 30_000] {
            let refused = Err((400, message.to_owned()));
            assert_eq!(published(&body(&nested(depth))), refused, "{depth}");
        }
        let objects = r#"{"a":"#.repeat(JSON_DEPTH + 1) + "1" + &"}".repeat(JSON_DEPTH + 1);
        assert_eq!(published(&body(&objects)), Err((400, message.to_owned())));
        let text = format!("\"{}\"", "[".repeat(30_000));
        assert_eq!(published(&body(&text)), Ok(text));
    }

    #[test]
    fn a_body_that_is_no_event_is_refused() {
        for (body, said) in [
            ("", "a JSON object with a string `event`"),
            ("{", "a JSON object with a string `event`"),
            ("[]", "a JSON object with a string `event`"),
            (r#"{"data":1}"#, "a JSON object with a string `event`"),
            (r#"{"event":1}"#, "a JSON object with a string `event`"),
            (r#"{"event":""}"#, "1 to 255 bytes"),
            (r#"{"event":"a\nb"}"#, "without control characters"),
            (r#"{"event":"put"}"#, "reserved"),
        ] {
            let (status, text) = published(body).unwrap_err();
            assert_eq!(status, 400, "{body}");
            assert!(text.contains(said), "{body}: {text}");
        }
        assert_eq!(published(r#"{"event":"GOAL"}"#), Ok("null".to_owned()));
    }
}
