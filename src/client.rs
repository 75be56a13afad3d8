//! A client of our own to the upstream, for what the sidecar itself asks of it.
//!
//! What it asks goes not through the proxy: nothing observes it. Each question has a connection of
//! its own: what an upstream sends beyond one answer is never taken for the answer to somebody
//! else's. No redirect is followed, and a cookie that is set is nobody's.

use std::error::Error;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use http::header::{ACCEPT, ACCEPT_ENCODING, CONNECTION, HOST, USER_AGENT};
use http::uri::PathAndQuery;
use http::{Method, Request, StatusCode, Uri};
use http_body_util::{BodyExt, Empty, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::{Connect, HttpConnector};
use hyper_util::rt::TokioExecutor;
use rustls::crypto::ring;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::access::Presented;
use crate::config::{HostHeader, Upstream};
use crate::limits::RESOLVED_FOR;
use crate::observe::Codings;

/// What sends requests to the upstream and reads the answers.
#[derive(Debug, Default)]
pub(crate) struct Client {
    /// How the upstream is connected to over TLS. Held while it is made, so that it is made once.
    tls: Mutex<Option<Tls>>,
}

/// What the upstream answered.
#[derive(Debug)]
pub(crate) struct Told {
    /// The status.
    pub(crate) status: StatusCode,
    /// All of the body; empty with any other status than 200.
    pub(crate) body: Bytes,
}

/// Why there is no answer. Nothing of what was sent is in it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failed {
    #[error("it cannot be asked: {0}")]
    Ask(String),
    #[error("ca_file cannot be used")]
    CaFile,
    #[error("its answer is coded in a way that cannot be read, or too long when it is")]
    Coded,
}

/// How one upstream is connected to, and since when.
#[derive(Debug)]
struct Tls {
    upstream: Upstream,
    connector: HttpsConnector<HttpConnector>,
    at: Instant,
}

/// A request as the holder of what was presented would send it, with no other field of theirs.
///
/// # Errors
/// [`Failed`]: it cannot be one.
pub(crate) fn request(
    upstream: &Upstream,
    method: &Method,
    target: PathAndQuery,
    presented: Option<&Presented>,
) -> Result<Request<Empty<Bytes>>, Failed> {
    let wrong = |error: http::Error| failed(&error);
    let url = Uri::builder()
        .scheme(if upstream.tls { "https" } else { "http" })
        .authority(upstream.authority())
        .path_and_query(target)
        .build()
        .map_err(wrong)?;
    let mut request = Request::builder()
        .method(method)
        .uri(url)
        .header(ACCEPT, "application/json")
        .header(ACCEPT_ENCODING, "identity")
        .header(USER_AGENT, AGENT)
        .header(CONNECTION, "close");
    let host = presented.map(Presented::host).unwrap_or_default();
    if upstream.host_header == HostHeader::Preserve && !host.is_empty() {
        request = request.header(HOST, host);
    }
    if let Some(proto) = presented.and_then(Presented::forwarded) {
        request = request.header("x-forwarded-proto", proto);
    }
    if let Some((name, value)) = presented.and_then(Presented::field) {
        request = request.header(name, value);
    }
    request.body(Empty::new()).map_err(wrong)
}

impl Client {
    /// Sends it, and reads an answer of so many bytes at most. Has no deadline of its own but that
    /// of the connection.
    ///
    /// # Errors
    /// [`Failed`]: there is no whole answer.
    pub(crate) async fn send(
        &self,
        upstream: &Upstream,
        request: Request<Empty<Bytes>>,
        bytes_max: usize,
    ) -> Result<Told, Failed> {
        let mut tcp = HttpConnector::new();
        tcp.set_connect_timeout(Some(upstream.connect_timeout));
        tcp.set_nodelay(true);
        if upstream.tls {
            send(request, self.tls(upstream, tcp).await?, bytes_max).await
        } else {
            send(request, tcp, bytes_max).await
        }
    }

    /// What connects to the upstream over TLS. Certificates are read from files: now and then,
    /// and not for each question.
    async fn tls(
        &self,
        upstream: &Upstream,
        tcp: HttpConnector,
    ) -> Result<HttpsConnector<HttpConnector>, Failed> {
        let mut tls = self.tls.lock().await;
        if let Some(tls) = &*tls
            && tls.upstream == *upstream
            && tls.at.elapsed() < RESOLVED_FOR
        {
            return Ok(tls.connector.clone());
        }
        let ca_file = upstream.ca_file.clone();
        let made = tokio::task::spawn_blocking(move || connector(ca_file.as_deref(), tcp));
        let connector = made.await.map_err(|error| failed(&error))??;
        *tls = Some(Tls {
            upstream: upstream.clone(),
            connector: connector.clone(),
            at: Instant::now(),
        });
        Ok(connector)
    }
}

/// Reads certificates, and blocks for it.
fn connector(
    ca_file: Option<&Path>,
    mut tcp: HttpConnector,
) -> Result<HttpsConnector<HttpConnector>, Failed> {
    tcp.enforce_http(false);
    let builder = HttpsConnectorBuilder::new();
    let builder = match ca_file {
        None => builder
            .with_provider_and_native_roots(ring::default_provider())
            .map_err(|error| failed(&error))?,
        Some(file) => builder.with_tls_config(trusting(file).ok_or(Failed::CaFile)?),
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

async fn send<C>(
    request: Request<Empty<Bytes>>,
    connector: C,
    bytes_max: usize,
) -> Result<Told, Failed>
where
    C: Connect + Clone + Send + Sync + 'static,
{
    let client = legacy::Client::builder(TokioExecutor::new())
        .pool_max_idle_per_host(0)
        .build::<_, Empty<Bytes>>(connector);
    let answer = client.request(request).await;
    let answer = answer.map_err(|error| failed(&error))?;
    let status = answer.status();
    if status != StatusCode::OK {
        let body = Bytes::new();
        return Ok(Told { status, body });
    }
    // Some code it whatever was asked for.
    let codings = Codings::of(answer.headers());
    let body = Limited::new(answer.into_body(), bytes_max).collect().await;
    let body = body.map_err(|error| failed(&*error))?.to_bytes();
    let body = codings.decoded(&body, bytes_max).ok_or(Failed::Coded)?;
    Ok(Told { status, body })
}

fn failed(error: &(dyn Error + 'static)) -> Failed {
    Failed::Ask(causes(error))
}

/// The error, and what it comes from: what a client says first is that something was in vain.
pub(crate) fn causes(error: &(dyn Error + 'static)) -> String {
    let mut causes = vec![error.to_string()];
    let mut source = error.source();
    while let Some(cause) = source {
        causes.push(cause.to_string());
        source = cause.source();
    }
    causes.join(": ")
}

/// By which operators know whose question it is.
const AGENT: &str = concat!("tidings/", env!("CARGO_PKG_VERSION"));
