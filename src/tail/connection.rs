//! Requests for a stream, over TCP or TLS.

use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, CACHE_CONTROL, CONTENT_TYPE, HeaderName, USER_AGENT};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use rustls::crypto::ring;
use serde::Deserialize;
use tokio::time::timeout;

use super::End;
use super::asked::Asked;
use crate::client::causes;
use crate::limits::{TAIL_ANSWER_TIMEOUT, TAIL_CONNECT_TIMEOUT, TAIL_REFUSAL_BYTES_MAX};

/// What sends requests.
#[derive(Debug)]
pub(super) enum Client {
    Tcp(legacy::Client<HttpConnector, Full<Bytes>>),
    Tls(legacy::Client<HttpsConnector<HttpConnector>, Full<Bytes>>),
}

/// A stream that has begun.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) body: Incoming,
    /// How durable the log behind it is, where that is said.
    pub(super) log: Option<String>,
}

impl Client {
    /// One for TLS trusts whom the system trusts.
    pub(super) fn new(is_tls: bool) -> Result<Self, String> {
        let mut tcp = HttpConnector::new();
        tcp.set_connect_timeout(Some(TAIL_CONNECT_TIMEOUT));
        tcp.set_nodelay(true);
        tcp.set_keepalive(Some(KEEPALIVE));
        let builder = legacy::Client::builder(TokioExecutor::new());
        if !is_tls {
            return Ok(Self::Tcp(builder.build(tcp)));
        }
        tcp.enforce_http(false);
        let roots = HttpsConnectorBuilder::new()
            .with_provider_and_native_roots(ring::default_provider())
            .map_err(|error| format!("no certificates to trust: {}", causes(&error)))?;
        let connector = roots.https_only().enable_http1().wrap_connector(tcp);
        Ok(Self::Tls(builder.build(connector)))
    }

    /// Asks for the stream from after the event `last` on.
    pub(super) async fn open(&self, asked: &Asked, last: Option<&str>) -> Result<Opened, End> {
        let mut request = request(asked, Method::GET, Bytes::new())?;
        let fields = request.headers_mut();
        fields.insert(ACCEPT, HeaderValue::from_static(STREAM));
        fields.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        // An id that no field can hold was no id of ours: the stream begins anew, as a browser's does.
        let last = last.and_then(|last| HeaderValue::from_str(last).ok());
        if let (Some(last), true) = (last, asked.topics().is_empty()) {
            fields.insert(LAST_EVENT_ID, last);
        }
        let answer = self.send(request).await?;
        let status = answer.status();
        if status != StatusCode::OK {
            return Err(refusal(answer).await);
        }
        let kind = answer.headers().get(CONTENT_TYPE);
        let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        let essence = kind.split(';').next().unwrap_or_default().trim();
        if !essence.eq_ignore_ascii_case(STREAM) {
            let kind = if kind.is_empty() { "no type" } else { kind };
            return Err(End::Refused(format!("is no event stream but {kind}")));
        }
        let log = answer.headers().get(LOG);
        let log = log.and_then(|level| level.to_str().ok());
        Ok(Opened {
            log: log.map(str::to_owned),
            body: answer.into_body(),
        })
    }

    /// Says what the client of that id is to hear.
    pub(super) async fn subscribe(
        &self,
        asked: &Asked,
        client_id: &str,
        last: Option<&str>,
    ) -> Result<(), End> {
        let body = asked.submission(client_id, last);
        let mut request = request(asked, Method::POST, body.into())?;
        let json = HeaderValue::from_static("application/json");
        request.headers_mut().insert(CONTENT_TYPE, json);
        let answer = self.send(request).await?;
        if answer.status().is_success() {
            Ok(())
        } else {
            Err(refusal(answer).await)
        }
    }

    async fn send(&self, request: Request<Full<Bytes>>) -> Result<Response<Incoming>, End> {
        let answer = match self {
            Self::Tcp(client) => client.request(request),
            Self::Tls(client) => client.request(request),
        };
        match timeout(TAIL_ANSWER_TIMEOUT, answer).await {
            Err(_) => Err(End::Lost(format!(
                "no answer within {TAIL_ANSWER_TIMEOUT:?}"
            ))),
            Ok(answer) => answer.map_err(|error| End::Lost(causes(&error))),
        }
    }
}

fn request(asked: &Asked, method: Method, body: Bytes) -> Result<Request<Full<Bytes>>, End> {
    let request = Request::builder().method(method).uri(asked.url().clone());
    let mut request = request
        .body(Full::new(body))
        .map_err(|error| End::Refused(error.to_string()))?;
    request.headers_mut().clone_from(asked.fields());
    let agent = HeaderValue::from_static(AGENT);
    request.headers_mut().insert(USER_AGENT, agent);
    Ok(request)
}

/// What an answer other than 200 is: who asks too often or meets a server in trouble comes back.
async fn refusal(answer: Response<Incoming>) -> End {
    let status = answer.status();
    let body = Limited::new(answer.into_body(), TAIL_REFUSAL_BYTES_MAX).collect();
    let body = match timeout(TAIL_ANSWER_TIMEOUT, body).await {
        Ok(Ok(body)) => body.to_bytes(),
        // What it says is for people, and may be missing.
        Ok(Err(_)) | Err(_) => Bytes::new(),
    };
    let said = message(&String::from_utf8_lossy(&body));
    let answers = format!("answers {status}{said}");
    let again = [StatusCode::REQUEST_TIMEOUT, StatusCode::TOO_MANY_REQUESTS];
    if status.is_server_error() || again.contains(&status) {
        End::Lost(answers)
    } else {
        End::Refused(answers)
    }
}

/// The `message` of a refusal, or its first line.
fn message(body: &str) -> String {
    /// More than anybody reads.
    const CHARS_MAX: usize = 300;

    #[derive(Deserialize)]
    struct Refusal {
        message: String,
    }
    let refusal = serde_json::from_str::<Refusal>(body);
    let said = refusal.map_or_else(|_| body.to_owned(), |refusal| refusal.message);
    let said = said.trim().lines().next().unwrap_or_default();
    if said.is_empty() {
        return String::new();
    }
    format!(": {}", said.chars().take(CHARS_MAX).collect::<String>())
}

const STREAM: &str = "text/event-stream";
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
const LOG: HeaderName = HeaderName::from_static("tidings-log");
const AGENT: &str = concat!("tidings/", env!("CARGO_PKG_VERSION"));

/// By which a peer that is gone is noticed where nothing is ever said.
const KEEPALIVE: Duration = Duration::from_secs(30);
