//! `tidings healthcheck`: asks a sidecar how it is, where there is neither a shell nor curl.
//!
//! Of the configuration it reads `admin` alone, so that a probe needs no variable that only the
//! sidecar has, and says what is wrong with nothing else.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use bytes::Bytes;
use clap::Args;
use http::Request;
use http_body_util::{BodyExt, Empty, Limited};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde::Deserialize;

use crate::client::causes;
use crate::config;
use crate::limits::{HEALTHCHECK_BYTES_MAX, HEALTHCHECK_TIMEOUT};

/// What the command line says.
#[derive(Debug, Args)]
pub struct Options {
    /// The configuration, of which `admin` alone is read
    #[arg(
        long,
        env = "TIDINGS_CONFIG",
        default_value = "/etc/tidings/tidings.yaml"
    )]
    config: PathBuf,
    /// Where to ask, instead of where the configuration says: 127.0.0.1:9901
    #[arg(long, value_name = "ADDRESS")]
    admin: Option<SocketAddr>,
    /// Ask whether requests should come (/readyz), and not whether it serves (/healthz)
    #[arg(long)]
    ready: bool,
    /// How long it may take to answer
    #[arg(long, default_value = "3s", value_parser = timeout)]
    timeout: Duration,
}

/// Asks, and says in a line what the sidecar answers.
///
/// # Errors
/// What it answers, if that is not 200, or why it does not; in a line, too.
pub async fn run(options: Options, env: &dyn Fn(&str) -> Option<String>) -> Result<String, String> {
    let admin = match options.admin {
        Some(admin) => admin,
        None => config::admin(&options.config, env)
            .map_err(|errors| errors.to_string())?
            .ok_or_else(|| {
                let file = options.config.display();
                format!("{file}: has no `admin`: add one, as `admin: 127.0.0.1:9901`")
            })?,
    };
    let path = if options.ready { "/readyz" } else { "/healthz" };
    let url = format!("http://{}{path}", reachable(admin));
    let answered = tokio::time::timeout(options.timeout, ask(&url)).await;
    let answered = answered.unwrap_or_else(|_| {
        let timeout = options.timeout;
        Err(format!("no answer within {timeout:?}"))
    });
    match answered {
        Ok(said) => Ok(format!("{url} {said}\n")),
        Err(why) => Err(format!("tidings: {url}: {why}")),
    }
}

async fn ask(url: &str) -> Result<String, String> {
    let request = Request::get(url).body(Empty::<Bytes>::new());
    let request = request.map_err(|error| error.to_string())?;
    let client = Client::builder(TokioExecutor::new()).build(HttpConnector::new());
    let answer = client.request(request).await;
    let answer = answer.map_err(|error| causes(&error))?;
    let status = answer.status();
    let body = Limited::new(answer.into_body(), HEALTHCHECK_BYTES_MAX);
    let body = body.collect().await.map_err(|error| causes(&*error))?;
    let word = word(&body.to_bytes());
    let said = format!("answers {status}{word}");
    match (status.is_success(), word.is_empty()) {
        (true, false) => Ok(said),
        (true, true) => Err(format!("{said}, which is no sidecar's word for how it is")),
        (false, _) => Err(said),
    }
}

/// The `status` of what is answered, which is a word of ours, or its `message`.
fn word(body: &[u8]) -> String {
    #[derive(Deserialize)]
    struct Health {
        status: serde_json::Value,
        message: Option<String>,
    }
    match serde_json::from_slice::<Health>(body) {
        Ok(health) => match (health.message, health.status.as_str()) {
            (Some(said), _) => format!(": {}", said.escape_debug()),
            (None, Some(said)) => format!(": {}", said.escape_debug()),
            (None, None) => String::new(),
        },
        Err(_) => String::new(),
    }
}

/// Where a socket that is bound to every address is found on this machine.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

fn timeout(text: &str) -> Result<Duration, String> {
    config::duration(text, &HEALTHCHECK_TIMEOUT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_bound_to_every_address_is_asked_on_this_machine() {
        for (bound, asked) in [
            ("0.0.0.0:9901", "127.0.0.1:9901"),
            ("[::]:9901", "[::1]:9901"),
            ("10.0.0.1:9901", "10.0.0.1:9901"),
        ] {
            let asked: SocketAddr = asked.parse().unwrap();
            assert_eq!(reachable(bound.parse().unwrap()), asked);
        }
    }

    #[test]
    fn a_word_of_the_answer_is_said() {
        for (body, said) in [
            (r#"{"status":"degraded","log":{}}"#, ": degraded"),
            (
                r#"{"message":"expected /healthz","status":404}"#,
                ": expected /healthz",
            ),
            ("{\"status\":\"\u{1b}\"}", ""),
            (r#"{"status":"\u001b[1m"}"#, ": \\u{1b}[1m"),
            ("nonsense", ""),
        ] {
            assert_eq!(word(body.as_bytes()), said, "{body}");
        }
    }
}
