//! A reverse proxy of pingora's alone: what Tidings would cost if it did nothing of its own.
//!
//! As a good engineer would write it: the allocator of Tidings, as many threads as there are cores
//! for it, work stealing, connections kept on both sides, no module, no line for a request. It tells
//! the upstream for whom it asks by the same fields as Tidings does, made once for a connection.

use std::any::Any;
use std::net::SocketAddr;
use std::sync::Arc;

use async_trait::async_trait;
use http::header::{FORWARDED, HOST, HeaderName, HeaderValue};
use pingora::http::RequestHeader;
use pingora::modules::http::HttpModules;
use pingora::proxy::{ProxyHttp, Session, http_proxy_service};
use pingora::server::Server;
use pingora::server::configuration::ServerConf;
use pingora::upstreams::peer::HttpPeer;
use pingora::{Error, ErrorType, Result};

use crate::cores;

/// Serves at `listen` until the process is ended.
pub(crate) fn run(listen: SocketAddr, upstream: SocketAddr) {
    let conf = ServerConf {
        threads: cores::allowed().len(),
        work_stealing: true,
        upstream_keepalive_pool_size: UPSTREAM_IDLE_MAX,
        ..ServerConf::default()
    };
    let mut server = Server::new_with_opt_and_conf(None, conf);
    server.bootstrap();
    let peer = Box::new(HttpPeer::new(upstream, false, String::new()));
    let mut service = http_proxy_service(&server.configuration, Bare { peer });
    service.add_tcp(&listen.to_string());
    server.add_service(service);
    server.run_forever();
}

struct Bare {
    peer: Box<HttpPeer>,
}

/// What the upstream is told of a connection: it is the same as long as the Host is.
struct Told {
    host: Option<HeaderValue>,
    fields: [Option<HeaderValue>; 4],
}

impl Told {
    fn of(session: &Session, host: Option<&HeaderValue>) -> Result<Self> {
        let peer = session.client_addr().and_then(|peer| peer.as_inet());
        let peer = peer.map_or_else(|| "unknown".to_owned(), |peer| peer.ip().to_string());
        let value = |text: String| {
            let value = HeaderValue::try_from(text);
            value.map_err(|error| Error::because(ErrorType::InternalError, "a field", error))
        };
        let named = host.and_then(|host| host.to_str().ok());
        let named = named.map_or_else(String::new, |host| format!(";host=\"{host}\""));
        let forwarded = value(format!("for={peer}{named};proto=http"))?;
        let http = HeaderValue::from_static("http");
        Ok(Self {
            host: host.cloned(),
            fields: [
                Some(forwarded),
                Some(value(peer)?),
                host.cloned(),
                Some(http),
            ],
        })
    }
}

#[async_trait]
impl ProxyHttp for Bare {
    type CTX = Option<Arc<Told>>;

    fn new_ctx(&self) -> Self::CTX {
        None
    }

    fn init_downstream_modules(&self, _modules: &mut HttpModules) {}

    fn persist_connection_context(
        &self,
        _session: &Session,
        told: &Self::CTX,
    ) -> Option<Box<dyn Any + Send + Sync>> {
        Some(Box::new(Arc::clone(told.as_ref()?)))
    }

    fn on_connection_reuse(
        &self,
        _session: &mut Session,
        told: &mut Self::CTX,
        before: Box<dyn Any + Send + Sync>,
    ) {
        *told = before.downcast().ok().map(|told| *told);
    }

    async fn upstream_peer(
        &self,
        _session: &mut Session,
        _told: &mut Self::CTX,
    ) -> Result<Box<HttpPeer>> {
        Ok(self.peer.clone())
    }

    async fn upstream_request_filter(
        &self,
        session: &mut Session,
        request: &mut RequestHeader,
        told: &mut Self::CTX,
    ) -> Result<()> {
        let host = request.headers.get(HOST);
        let known = told.take().filter(|known| known.host.as_ref() == host);
        let known = match known {
            Some(known) => known,
            None => Arc::new(Told::of(session, host)?),
        };
        for (name, value) in FIELDS.into_iter().zip(&known.fields) {
            if let Some(value) = value {
                request.insert_header(name, value)?;
            }
        }
        *told = Some(known);
        Ok(())
    }
}

const FIELDS: [HeaderName; 4] = [
    FORWARDED,
    HeaderName::from_static("x-forwarded-for"),
    HeaderName::from_static("x-forwarded-host"),
    HeaderName::from_static("x-forwarded-proto"),
];
/// As many as Tidings keeps.
const UPSTREAM_IDLE_MAX: usize = tidings::limits::UPSTREAM_IDLE_MAX;
