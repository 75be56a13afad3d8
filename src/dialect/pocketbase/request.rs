//! Requests on PocketBase's path to commands, and its answers.

use bytes::Bytes;
use http::header;
use http::{Method, Response, StatusCode};
use jiff::Timestamp;
use serde_json::json;

use super::submission::{Media, NotASubmission, Submission};
use super::{Subscription, View};
use crate::access::{Access, Credential, Denied, Grant, Secret};
use crate::dialect::answer::{
    Reader, build, json as typed, method_not_allowed, preflight, refusal, stream_head, with_reader,
};
use crate::dialect::presented::{credential, text};
use crate::dialect::{self, Command, Listen, Request};
use crate::event::Since;
use crate::limits::POCKETBASE_BODY_BYTES_MAX;

/// Who subscribes, and how their body is written; it is still unread.
#[derive(Clone, Debug)]
pub struct Submit {
    /// Bytes of body at most; a longer one is answered 413 with [`Submit::too_large`].
    pub body_bytes_max: usize,
    credential: Credential,
    media: Media,
    reader: Reader,
}

/// Why a submission changes nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Denial {
    /// Its stream is another address's.
    Address,
    /// All clients together are subscribed to as much as may be.
    Full,
    /// Its stream is that of another identity.
    Identity,
    /// Whoever it is has as many streams as they may.
    TooMany,
    /// There is no such stream.
    Unknown,
}

/// What `request` asks for. The answers to what is refused are PocketBase's.
#[must_use]
pub fn command(request: &Request<'_>, access: &Access, now: Timestamp) -> Command {
    let credential = credential(request);
    match *request.method {
        Method::GET | Method::HEAD => listen(request, &credential, access, now),
        Method::POST => Command::Submit(Submit {
            body_bytes_max: POCKETBASE_BODY_BYTES_MAX,
            media: Media::of(text(request.headers, header::CONTENT_TYPE).unwrap_or("")),
            reader: Reader::of(&credential.origin, access),
            credential: with_bare_token(credential),
        }),
        Method::OPTIONS => Command::Reply(preflight(&credential.origin, access, METHODS)),
        _ => Command::Reply(method_not_allowed(
            METHODS,
            "expected GET to listen or POST to subscribe",
        )),
    }
}

/// A stream of nothing yet: who listens is known when it subscribes.
fn listen(
    request: &Request<'_>,
    credential: &Credential,
    access: &Access,
    now: Timestamp,
) -> Command {
    let nobody = Credential {
        origin: credential.origin.clone(),
        ..Credential::default()
    };
    let grant = match access.grant_or_guest(&nobody, now) {
        Ok(grant) => grant,
        Err(denied) => return Command::Reply(refusal(denied, &nobody, access)),
    };
    let mut head = stream_head(&nobody, access);
    let no_store = header::HeaderValue::from_static("no-store");
    head.headers_mut().insert(header::CACHE_CONTROL, no_store);
    if *request.method == Method::HEAD {
        return Command::Reply(head.map(|()| Bytes::new()));
    }
    Command::Listen(Listen {
        grant,
        since: Since::Now,
        view: dialect::View::Pocketbase(View::new(Vec::new())),
        head,
        client: true,
    })
}

/// PocketBase takes a token with `Bearer` before it and without.
fn with_bare_token(mut credential: Credential) -> Credential {
    let bare = credential.authorization.as_ref().and_then(Secret::bare);
    if credential.token.is_none() {
        credential.token = bare;
    }
    credential
}

impl Submit {
    /// What was presented.
    #[must_use]
    pub fn credential(&self) -> &Credential {
        &self.credential
    }

    /// What the body subscribes to, and what its sender may hear.
    ///
    /// # Errors
    /// The answer: 400 for a body that is no submission, 403 for a page that may not come, 503 for
    /// a credential that cannot be decided now.
    pub async fn submission(
        &self,
        body: Bytes,
        access: &Access,
        now: Timestamp,
    ) -> Result<(Submission, Grant), Box<Response<Bytes>>> {
        let read = Submission::read(body, &self.media).await;
        let read = read.map_err(|refused| Box::new(self.unreadable(refused)))?;
        let grant = access.grant_or_guest(&self.credential, now);
        let grant = grant.map_err(|denied| match denied {
            Denied::Unasked => Box::new(refusal(denied, &self.credential, access)),
            denied => Box::new(self.answer(StatusCode::FORBIDDEN, &denied.to_string())),
        })?;
        Ok((read, grant))
    }

    /// The answer once it is subscribed.
    #[must_use]
    pub fn done(&self) -> Response<Bytes> {
        let builder = Response::builder().status(StatusCode::NO_CONTENT);
        build(with_reader(builder, &self.reader), Bytes::new())
    }

    /// The answer to what was denied.
    #[must_use]
    pub fn denied(&self, denial: Denial) -> Response<Bytes> {
        match denial {
            Denial::Address => self.answer(StatusCode::BAD_REQUEST, "Invalid realtime client."),
            Denial::Full => self.answer(
                StatusCode::SERVICE_UNAVAILABLE,
                "Too many subscriptions, try again later.",
            ),
            Denial::Identity => self.answer(
                StatusCode::FORBIDDEN,
                "The current and the previous request authorization don't match.",
            ),
            Denial::TooMany => self.answer(
                StatusCode::TOO_MANY_REQUESTS,
                "Too many clients, try again later.",
            ),
            Denial::Unknown => self.answer(StatusCode::NOT_FOUND, "Missing or invalid client id."),
        }
    }

    /// The answer to a body longer than [`Submit::body_bytes_max`].
    #[must_use]
    pub fn too_large(&self) -> Response<Bytes> {
        self.answer(StatusCode::PAYLOAD_TOO_LARGE, "Request entity too large.")
    }

    /// An answer as PocketBase writes it.
    #[must_use]
    pub fn answer(&self, status: StatusCode, message: &str) -> Response<Bytes> {
        let body = json!({ "data": {}, "message": message, "status": status.as_u16() });
        self.with_body(status, body.to_string())
    }

    fn unreadable(&self, refused: NotASubmission) -> Response<Bytes> {
        self.with_body(StatusCode::BAD_REQUEST, refused.body())
    }

    fn with_body(&self, status: StatusCode, body: String) -> Response<Bytes> {
        let builder = Response::builder().status(status);
        typed(with_reader(builder, &self.reader), body)
    }
}

impl Submission {
    /// The view of a client that is subscribed so.
    #[must_use]
    pub fn view(&self) -> View {
        View::new(self.subscriptions.clone())
    }

    /// From where the client wants to hear what it missed: the earliest of what its subscriptions
    /// say.
    #[must_use]
    pub fn since(&self) -> Vec<Since> {
        let since = |one: &Subscription| Since::from_last_event_id(one.query("since"));
        self.subscriptions.iter().map(since).collect()
    }
}

const METHODS: &str = "GET, HEAD, OPTIONS, POST";
