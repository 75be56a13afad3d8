//! Who somebody is, asked of the upstream where `access.identity.ask` says.
//!
//! ```text
//!   a credential that nothing is known of ──► question ──► upstream ──► Answers
//!   one that open streams hear by, in time ──►   ▲
//!                                     one for each credential at a time
//! ```
//! A question is a GET with the one field that was presented, and with the Host and the
//! `X-Forwarded-Proto` that came with it: an upstream behind TLS would send it elsewhere
//! otherwise. It has a connection of its own: what an upstream sends beyond one answer is never
//! taken for the answer about somebody else. It follows no redirect, and of the answer its status and a JSON object count; a cookie that it
//! sets is nobody's.
//!
//! | the upstream answers | it means |
//! | --- | --- |
//! | 200 and a JSON object | the claims |
//! | 401, 403, a redirect as to a login, or `{}` | the credential is not accepted |
//! | anything else, or nothing in time | nobody knows: it is asked again |

use std::collections::HashMap;
use std::error::Error;
use std::path::Path;
use std::sync::Arc;

use arc_swap::ArcSwap;
use bytes::Bytes;
use http::header::{ACCEPT, CONNECTION, HOST, USER_AGENT};
use http::uri::PathAndQuery;
use http::{Request, StatusCode, Uri};
use http_body_util::{BodyExt, Empty, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::{Connect, HttpConnector};
use hyper_util::rt::TokioExecutor;
use jiff::Timestamp;
use parking_lot::Mutex;
use rustls::crypto::ring;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::{Instant, interval, timeout};
use tracing::warn;

use crate::access::{Answer, Identity, Presented};
use crate::config::{HostHeader, Snapshot, Upstream};
use crate::limits::{
    IDENTITY_BYTES_MAX, IDENTITY_QUESTIONS_MAX, IDENTITY_RENEWALS_MAX, IDENTITY_TICK,
    IDENTITY_TIMEOUT, IDENTITY_WAITING_MAX, IDENTITY_WARN_PAUSE, RESOLVED_FOR,
};

/// The handle by which the upstream is asked. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Identities(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    /// What is being asked, and what tells that it no longer is: the sender's end. Bounded by
    /// [`IDENTITY_WAITING_MAX`], and by the turns of those that are asked again.
    asking: Mutex<HashMap<Asking, watch::Receiver<()>>>,
    /// Turns of newcomers.
    newcomers: Semaphore,
    /// Turns of those with open streams: no flood of newcomers takes them.
    renewals: Arc<Semaphore>,
    /// How the upstream is connected to over TLS. Held while it is made, so that it is made once.
    tls: tokio::sync::Mutex<Option<Tls>>,
    /// When it was last said that the upstream cannot be asked.
    warned: Mutex<Option<Instant>>,
}

/// About what is asked: which answers it is for, by their place in memory, and which credential.
/// The question holds the answers, so no others come to that place meanwhile.
type Asking = (usize, [u8; 32]);

/// What is asked, of whom, and where the answer is kept.
#[derive(Debug)]
struct Question {
    presented: Arc<Presented>,
    identity: Identity,
    upstream: Upstream,
}

/// By which right a question is asked.
#[derive(Debug)]
enum Turn {
    /// As soon as there is one.
    Newcomer,
    /// There is one already.
    Renewal { _turn: OwnedSemaphorePermit },
}

/// How one upstream is connected to, and since when.
#[derive(Debug)]
struct Tls {
    upstream: Upstream,
    connector: HttpsConnector<HttpConnector>,
    at: Instant,
}

/// Why nobody knows. Nothing of an answer but its status is in it.
#[derive(Debug, thiserror::Error)]
enum NoAnswer {
    #[error("it cannot be asked: {0}")]
    Ask(String),
    #[error("ca_file cannot be used")]
    CaFile,
    #[error("it answers 200 and no JSON object that can be read in one way")]
    NoClaims,
    #[error("it answers {0}")]
    Status(StatusCode),
    #[error("it took longer than {IDENTITY_TIMEOUT:?}")]
    Timeout,
}

impl Identities {
    /// A handle by which nothing was asked yet.
    #[must_use]
    pub fn new() -> Self {
        Self(Arc::new(Shared {
            asking: Mutex::default(),
            newcomers: Semaphore::new(IDENTITY_QUESTIONS_MAX),
            renewals: Arc::new(Semaphore::new(IDENTITY_RENEWALS_MAX)),
            tls: tokio::sync::Mutex::new(None),
            warned: Mutex::new(None),
        }))
    }

    /// Waits until the upstream was asked about `presented`, with all who ask the same, and no
    /// longer than [`IDENTITY_TIMEOUT`]. What it said is then among the answers of `snapshot`.
    ///
    /// Dropping the future leaves the question under way: others may wait for it.
    pub async fn asked(&self, presented: Arc<Presented>, snapshot: &Snapshot) {
        let question = Question::of(presented, snapshot);
        if let Some(mut ended) = question.and_then(|question| self.ask(question, Turn::Newcomer)) {
            drop(ended.changed().await);
        }
    }

    /// Asks again about those who have open streams, before what is known of them ends. Never
    /// ends; dropping the future ends it, and their streams then end in their time.
    pub async fn run(self, snapshot: Arc<ArcSwap<Snapshot>>) {
        let mut tick = interval(IDENTITY_TICK);
        loop {
            tick.tick().await;
            while let Ok(turn) = Arc::clone(&self.0.renewals).acquire_owned().await {
                let snapshot = snapshot.load_full();
                let identity = snapshot.access.identity.as_ref();
                let due = identity.and_then(|of| of.answers.take_due(Timestamp::now()));
                let Some(question) = due.and_then(|due| Question::of(due, &snapshot)) else {
                    break;
                };
                drop(self.ask(question, Turn::Renewal { _turn: turn }));
            }
        }
    }

    /// Begins to ask, unless the same is being asked; none if it was answered meanwhile, or if too
    /// many wait already.
    fn ask(&self, question: Question, turn: Turn) -> Option<watch::Receiver<()>> {
        let answers = Arc::as_ptr(&question.identity.answers).addr();
        let about = (answers, question.presented.print());
        let mut asking = self.0.asking.lock();
        // Who asked before may have been answered since this was found not to be known. Answers are
        // kept before their question is taken out, so one of the two is seen here.
        let known = || (question.identity).knows(&question.presented, Timestamp::now());
        if matches!(turn, Turn::Newcomer) && known() {
            return None;
        }
        // One whose sender is gone has ended, in whatever way.
        let under_way = asking.get(&about).filter(|of| of.has_changed().is_ok());
        if let Some(ended) = under_way {
            return Some(ended.clone());
        }
        if matches!(turn, Turn::Newcomer) && asking.len() >= IDENTITY_WAITING_MAX {
            return None;
        }
        let (sender, ended) = watch::channel(());
        asking.insert(about, ended.clone());
        let shared = Arc::clone(&self.0);
        // Ends by itself: a question has a deadline.
        tokio::spawn(async move {
            shared.settle(&question, turn).await;
            shared.asking.lock().remove(&about);
            drop(sender);
        });
        Some(ended)
    }
}

impl Default for Identities {
    fn default() -> Self {
        Self::new()
    }
}

impl Shared {
    /// Asks, and keeps the answer if there is one.
    async fn settle(&self, question: &Question, turn: Turn) {
        let asking = async {
            let _turn = match turn {
                Turn::Newcomer => self.newcomers.acquire().await.ok(),
                Turn::Renewal { .. } => None,
            };
            let asked = Timestamp::now();
            (asked, self.put(question).await)
        };
        let error = match timeout(IDENTITY_TIMEOUT, asking).await {
            Ok((asked, Ok(answer))) => {
                let identity = &question.identity;
                let presented = &question.presented;
                return identity
                    .answers
                    .keep(presented, answer, asked, identity.cache);
            }
            Ok((_, Err(error))) => error,
            Err(_elapsed) => NoAnswer::Timeout,
        };
        let now = Instant::now();
        let mut warned = self.warned.lock();
        if warned.is_none_or(|at| now.duration_since(at) >= IDENTITY_WARN_PAUSE) {
            *warned = Some(now);
            let upstream = question.upstream.authority();
            warn!(%error, upstream, "the API does not say who somebody is: they are to come back");
        }
    }

    async fn put(&self, question: &Question) -> Result<Answer, NoAnswer> {
        let request = question.request()?;
        let mut tcp = HttpConnector::new();
        tcp.set_connect_timeout(Some(question.upstream.connect_timeout));
        tcp.set_nodelay(true);
        if question.upstream.tls {
            send(request, self.tls(&question.upstream, tcp).await?).await
        } else {
            send(request, tcp).await
        }
    }

    /// What connects to the upstream over TLS. Certificates are read from files: now and then,
    /// and not for each question.
    async fn tls(
        &self,
        upstream: &Upstream,
        tcp: HttpConnector,
    ) -> Result<HttpsConnector<HttpConnector>, NoAnswer> {
        let mut tls = self.tls.lock().await;
        if let Some(tls) = &*tls
            && tls.upstream == *upstream
            && tls.at.elapsed() < RESOLVED_FOR
        {
            return Ok(tls.connector.clone());
        }
        let ca_file = upstream.ca_file.clone();
        let made = tokio::task::spawn_blocking(move || connector(ca_file.as_deref(), tcp));
        let connector = made.await.map_err(|error| asked_in_vain(&error))??;
        *tls = Some(Tls {
            upstream: upstream.clone(),
            connector: connector.clone(),
            at: Instant::now(),
        });
        Ok(connector)
    }
}

impl Question {
    fn of(presented: Arc<Presented>, snapshot: &Snapshot) -> Option<Self> {
        Some(Self {
            presented,
            identity: snapshot.access.identity.clone()?,
            upstream: snapshot.upstream.clone(),
        })
    }

    fn request(&self) -> Result<Request<Empty<Bytes>>, NoAnswer> {
        let wrong = |error: http::Error| asked_in_vain(&error);
        let url = url(&self.upstream, &self.identity.ask).map_err(wrong)?;
        let mut request = Request::get(url)
            .header(ACCEPT, "application/json")
            .header(USER_AGENT, AGENT)
            .header(CONNECTION, "close");
        let host = self.presented.host();
        if self.upstream.host_header == HostHeader::Preserve && !host.is_empty() {
            request = request.header(HOST, host);
        }
        if let Some(proto) = self.presented.forwarded() {
            request = request.header("x-forwarded-proto", proto);
        }
        if let Some((name, value)) = self.presented.field() {
            request = request.header(name, value);
        }
        request.body(Empty::new()).map_err(wrong)
    }
}

fn url(upstream: &Upstream, ask: &PathAndQuery) -> Result<Uri, http::Error> {
    Uri::builder()
        .scheme(if upstream.tls { "https" } else { "http" })
        .authority(upstream.authority())
        .path_and_query(ask.clone())
        .build()
}

/// Reads certificates, and blocks for it.
fn connector(
    ca_file: Option<&Path>,
    mut tcp: HttpConnector,
) -> Result<HttpsConnector<HttpConnector>, NoAnswer> {
    tcp.enforce_http(false);
    let builder = HttpsConnectorBuilder::new();
    let builder = match ca_file {
        None => builder
            .with_provider_and_native_roots(ring::default_provider())
            .map_err(|error| asked_in_vain(&error))?,
        Some(file) => builder.with_tls_config(trusting(file).ok_or(NoAnswer::CaFile)?),
    };
    Ok(builder.https_only().enable_http1().wrap_connector(tcp))
}

/// What trusts the certificates of that file alone; none if there are none to trust.
fn trusting(file: &Path) -> Option<ClientConfig> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(file).ok()? {
        roots.add(certificate.ok()?).ok()?;
    }
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let config = config.with_safe_default_protocol_versions().ok()?;
    let config = config.with_root_certificates(roots);
    Some(config.with_no_client_auth())
}

/// What the answer to the request means.
async fn send<C>(request: Request<Empty<Bytes>>, connector: C) -> Result<Answer, NoAnswer>
where
    C: Connect + Clone + Send + Sync + 'static,
{
    let client = Client::builder(TokioExecutor::new())
        .pool_max_idle_per_host(0)
        .build::<_, Empty<Bytes>>(connector);
    let answer = client.request(request).await;
    let answer = answer.map_err(|error| asked_in_vain(&error))?;
    match answer.status() {
        StatusCode::OK => {}
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => return Ok(Answer::Refused),
        // For now and for a GET: a page to log in at. The others say that the path is wrong.
        StatusCode::FOUND | StatusCode::SEE_OTHER | StatusCode::TEMPORARY_REDIRECT => {
            return Ok(Answer::Refused);
        }
        status => return Err(NoAnswer::Status(status)),
    }
    let body = Limited::new(answer.into_body(), IDENTITY_BYTES_MAX)
        .collect()
        .await;
    let body = body.map_err(|error| asked_in_vain(&*error))?.to_bytes();
    Answer::of(&body).ok_or(NoAnswer::NoClaims)
}

/// The error, and what it comes from: what a client says first is that something was in vain.
fn asked_in_vain(error: &(dyn Error + 'static)) -> NoAnswer {
    let mut causes = vec![error.to_string()];
    let mut source = error.source();
    while let Some(cause) = source {
        causes.push(cause.to_string());
        source = cause.source();
    }
    NoAnswer::Ask(causes.join(": "))
}

/// By which operators know whose question it is.
const AGENT: &str = concat!("tidings/", env!("CARGO_PKG_VERSION"));
