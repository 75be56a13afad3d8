//! Where requests go: an address, how it is connected to, and what a request to it begins with.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::Uri;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpSocket, TcpStream, lookup_host};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// A URL that was looked up.
#[derive(Clone)]
pub(crate) struct Target {
    address: SocketAddr,
    tls: Option<(TlsConnector, ServerName<'static>)>,
    /// Shape: `example.com:8080`.
    authority: String,
    /// With its query, which may hold a key.
    path: String,
}

/// A connection to it.
#[derive(Debug)]
pub(crate) enum Socket {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

/// A field of a request, as `name: value`.
#[derive(Clone)]
pub(crate) struct Field(String);

// === impl Target ===

impl Target {
    /// What this URL names.
    ///
    /// # Errors
    /// It is no URL of this kind, or its host has no address.
    pub(crate) async fn of(url: &str) -> Result<Self, String> {
        let shape = "expected http://HOST:PORT/PATH or https://HOST/PATH";
        let uri: Uri = url
            .parse()
            .map_err(|_invalid| format!("this is no URL: {shape}"))?;
        let host = uri.host().ok_or_else(|| format!("no host: {shape}"))?;
        let bare = host.trim_matches(['[', ']']);
        let (tls, usual) = match uri.scheme_str() {
            Some("http") => (None, 80),
            Some("https") => (Some((connector()?, name(bare)?)), 443),
            _ => return Err(format!("neither http nor https: {shape}")),
        };
        let port = uri.port_u16().unwrap_or(usual);
        let found = lookup_host((bare, port)).await;
        let mut found = found.map_err(|error| format!("{bare}: {error}; check the name"))?;
        let address = found.next().ok_or_else(|| format!("{bare}: no address"))?;
        let authority = match uri.port_u16() {
            Some(port) => format!("{host}:{port}"),
            None => host.to_owned(),
        };
        let path = uri.path_and_query().map_or("/", |path| path.as_str());
        Ok(Self {
            address,
            tls,
            authority,
            path: path.to_owned(),
        })
    }

    /// Shape: `127.0.0.1:8080/realtime`. The query is left out: it may hold a key.
    pub(crate) fn shown(&self) -> String {
        let path = self.path.split('?').next().unwrap_or_default();
        format!("{}{path}", self.authority)
    }

    /// The head of a request, up to its blank line, which is for the caller to write.
    pub(crate) fn head(&self, method: &str, fields: &[Field]) -> String {
        let fields: String = fields.iter().map(|Field(f)| format!("{f}\r\n")).collect();
        format!(
            "{method} {} HTTP/1.1\r\nHost: {}\r\nUser-Agent: tidings-loadtest\r\n{fields}",
            self.path, self.authority
        )
    }

    /// Connects. One address has some 28 000 ports for one destination, so the connection of a
    /// higher `number` leaves from another address where the destination is this machine.
    pub(crate) async fn connect(&self, number: usize) -> io::Result<Socket> {
        let socket = match self.address {
            SocketAddr::V4(_) => TcpSocket::new_v4()?,
            SocketAddr::V6(_) => TcpSocket::new_v6()?,
        };
        if let Some(source) = self.source(number) {
            socket.bind(source)?;
        }
        let plain = socket.connect(self.address).await?;
        plain.set_nodelay(true)?;
        match &self.tls {
            None => Ok(Socket::Plain(plain)),
            Some((connector, name)) => {
                let tls = connector.connect(name.clone(), plain).await?;
                Ok(Socket::Tls(Box::new(tls)))
            }
        }
    }

    fn source(&self, number: usize) -> Option<SocketAddr> {
        let block = u8::try_from(number / PORTS_OF_ADDRESS).ok()?;
        let local = self.address.ip() == IpAddr::V4(Ipv4Addr::LOCALHOST);
        let last = block.checked_add(1)?;
        (local && block > 0).then(|| SocketAddr::from(([127, 0, 0, last], 0)))
    }
}

// === impl Field ===

impl std::str::FromStr for Field {
    type Err = String;

    /// The value may be a secret, so that no error shows it.
    fn from_str(text: &str) -> Result<Self, String> {
        let shape = "expected 'name: value'";
        let (name, value) = text.split_once(':').ok_or_else(|| shape.to_owned())?;
        http::HeaderName::try_from(name.trim()).map_err(|error| format!("{error}; {shape}"))?;
        http::HeaderValue::try_from(value.trim()).map_err(|error| format!("{error}; {shape}"))?;
        Ok(Self(format!("{}: {}", name.trim(), value.trim())))
    }
}

// === impl Socket ===

impl AsyncRead for Socket {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(socket) => Pin::new(socket).poll_read(context, into),
            Self::Tls(socket) => Pin::new(socket).poll_read(context, into),
        }
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(socket) => Pin::new(socket).poll_write(context, bytes),
            Self::Tls(socket) => Pin::new(socket).poll_write(context, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(socket) => Pin::new(socket).poll_flush(context),
            Self::Tls(socket) => Pin::new(socket).poll_flush(context),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(socket) => Pin::new(socket).poll_shutdown(context),
            Self::Tls(socket) => Pin::new(socket).poll_shutdown(context),
        }
    }
}

/// Trusts whom the machine trusts; `SSL_CERT_FILE` names others.
fn connector() -> Result<TlsConnector, String> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if roots.is_empty() {
        return Err("no certificates are trusted here: install ca-certificates".to_owned());
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?;
    let config = config.with_root_certificates(roots).with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}

fn name(host: &str) -> Result<ServerName<'static>, String> {
    ServerName::try_from(host.to_owned()).map_err(|error| format!("{host}: {error}"))
}

/// Connections that leave from one address; some ports are others'.
const PORTS_OF_ADDRESS: usize = 20_000;
