//! The upstream's addresses: looked up off the data path, and tried in turn.
//!
//! A lookup is waited for only by the first request to a name. From then on requests use the
//! addresses that are known, and the one that finds them old has them looked up again behind
//! its back. While a name cannot be looked up the last known addresses stay.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Instant;

use arc_swap::ArcSwapOption;
use pingora::protocols::ALPN;
use pingora::upstreams::peer::{HttpPeer, Peer};
use pingora::utils::tls::{WrappedX509, parse_x509};
use pingora::{Error, ErrorType, Result};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use tokio::net::lookup_host;
use tokio::time::timeout;
use tracing::warn;

use crate::config::Upstream;
use crate::limits::{RESOLVED_FOR, UPSTREAM_IDLE_TIMEOUT};

/// What is known of the upstream. Another upstream, after a reload, replaces it.
#[derive(Debug, Default)]
pub(super) struct Peers {
    known: Arc<ArcSwapOption<Known>>,
    /// Set while a lookup is under way behind a request's back: one at a time.
    looking: Arc<AtomicBool>,
}

/// The addresses of one upstream.
#[derive(Debug)]
struct Known {
    upstream: Upstream,
    first: SocketAddr,
    /// All of them, that one included.
    addresses: Vec<SocketAddr>,
    /// How often an address failed: the next one has its turn. Relaxed: only a hint.
    turn: AtomicUsize,
    /// What is the same for every request.
    template: HttpPeer,
    at: Instant,
}

impl Peers {
    /// A peer for one request to `upstream`.
    ///
    /// # Errors
    /// The upstream's name has no address, or its `ca_file` holds no certificate.
    pub(super) async fn peer(&self, upstream: &Upstream) -> Result<Box<HttpPeer>> {
        let known = match self.known.load_full() {
            Some(known) if known.upstream == *upstream => known,
            _ => {
                let known = Arc::new(Known::look_up(upstream, None).await?);
                self.known.store(Some(Arc::clone(&known)));
                known
            }
        };
        if known.at.elapsed() > RESOLVED_FOR {
            self.refresh(upstream);
        }
        let mut peer = known.template.clone();
        peer._address = known.address().into();
        Ok(Box::new(peer))
    }

    /// Lets the next address have its turn, because `peer` could not be reached; the answer is
    /// how many addresses there are.
    pub(super) fn avoid(&self, peer: &HttpPeer) -> usize {
        let Some(known) = self.known.load_full() else {
            return 0;
        };
        if peer.address().as_inet() == Some(&known.address()) {
            known.turn.fetch_add(1, Ordering::Relaxed);
        }
        known.addresses.len()
    }

    fn refresh(&self, upstream: &Upstream) {
        if self.looking.swap(true, Ordering::Relaxed) {
            return;
        }
        let (known, looking) = (Arc::clone(&self.known), Arc::clone(&self.looking));
        let upstream = upstream.clone();
        // Ends by itself: a lookup has a deadline.
        tokio::spawn(async move {
            let last = known.load_full();
            match Known::look_up(&upstream, last.as_deref()).await {
                Ok(fresh) => known.store(Some(Arc::new(fresh))),
                Err(error) => {
                    let reason = error.etype().as_str();
                    warn!(upstream = %upstream.host, reason, "the upstream's name could not be looked up: its last addresses stay");
                }
            }
            looking.store(false, Ordering::Relaxed);
        });
    }
}

impl Known {
    /// Looks the upstream's name up. An address that failed is not tried first again only
    /// because time has passed since the `last` look.
    async fn look_up(upstream: &Upstream, last: Option<&Self>) -> Result<Self> {
        let host = (&*upstream.host, upstream.port);
        let found = match timeout(upstream.connect_timeout, lookup_host(host)).await {
            Ok(Ok(found)) => found.collect::<Vec<_>>(),
            Ok(Err(_)) => Vec::new(),
            Err(_elapsed) => return Err(Error::new(ErrorType::ConnectTimedout).into_up()),
        };
        let first = found.first().copied();
        let first = first.ok_or_else(|| {
            Error::explain(
                ErrorType::ConnectError,
                "the upstream's name has no address",
            )
            .into_up()
        })?;
        let turn = last
            .filter(|last| last.addresses == found)
            .map_or(0, |last| last.turn.load(Ordering::Relaxed));
        Ok(Self {
            template: template(upstream, first)?,
            upstream: upstream.clone(),
            first,
            addresses: found,
            turn: AtomicUsize::new(turn),
            at: Instant::now(),
        })
    }

    fn address(&self) -> SocketAddr {
        let turn = self.turn.load(Ordering::Relaxed) % self.addresses.len().max(1);
        self.addresses.get(turn).copied().unwrap_or(self.first)
    }
}

fn template(upstream: &Upstream, address: SocketAddr) -> Result<HttpPeer> {
    // The name is also what the certificate has to be for, an address included: without a
    // name pingora would verify nothing.
    let mut peer = HttpPeer::new(address, upstream.tls, upstream.host.to_string());
    let options = &mut peer.options;
    options.connection_timeout = Some(upstream.connect_timeout);
    options.total_connection_timeout = Some(upstream.connect_timeout);
    options.read_timeout = Some(upstream.read_timeout);
    options.write_timeout = Some(upstream.write_timeout);
    options.idle_timeout = Some(UPSTREAM_IDLE_TIMEOUT);
    options.alpn = ALPN::H1;
    if let Some(path) = &upstream.ca_file {
        options.ca = Some(certificates(path)?);
    }
    Ok(peer)
}

/// The certificates of a PEM file.
fn certificates(path: &Path) -> Result<Arc<[WrappedX509]>> {
    let bad = |why| Error::explain(ErrorType::InvalidCert, why).into_in();
    let read = CertificateDer::pem_file_iter(path).map_err(|_why| bad("ca_file cannot be read"))?;
    let mut certificates = Vec::new();
    for der in read {
        let der = der.map_err(|_why| bad("ca_file is no PEM file"))?.to_vec();
        // `parse_x509` panics on what does not parse.
        x509_parser::parse_x509_certificate(&der)
            .map_err(|_why| bad("ca_file holds what is no certificate"))?;
        certificates.push(WrappedX509::new(der, parse_x509));
    }
    if certificates.is_empty() {
        return Err(bad("ca_file holds no certificate"));
    }
    Ok(certificates.into())
}
