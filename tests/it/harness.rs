//! The language of the tests.
//!
//! | word | what it is |
//! | --- | --- |
//! | [`Sidecar`] | the real program as a process, with its configuration in a folder of its own |
//! | [`JsonServer`] | json-server, a REST API that somebody else wrote |
//! | [`Kinto`] | Kinto itself, with its memory for a store |
//! | [`PocketBase`] | PocketBase itself, with collections for the rules that it can have |
//! | [`SessionApi`] | Django, an API with sessions and tokens of its own |
//! | [`Scripted`] | an upstream of exact bytes, for what a real one cannot be made to do |
//! | [`Subscriber`] | an open stream, read as the WHATWG standard says |
//! | [`Conn`] | a socket of ours, for requests that no library would send |
//! | [`Relay`] | a network between a client and the sidecar, which can be cut |
//! | [`node`] | a client from npm, in a process of its own |
//! | [`Place`] | Node or a page, with the JavaScript client that the sidecar serves |
//!
//! What is awaited is a condition, never a time: [`within`] and [`eventually`] hold the only
//! patience there is. That something does *not* happen is shown by a marker: what is sent
//! last is what comes next ([`Subscriber::hears_nothing_of`]).

mod kinto;
mod place;
mod pocketbase;
mod port;
mod process;
mod raw;
mod relay;
mod sessions;
mod sidecar;
mod subscriber;
mod upstream;

use std::time::Duration;

pub(crate) use kinto::Kinto;
pub(crate) use place::Place;
pub(crate) use pocketbase::{PASSWORD, PocketBase};
pub(crate) use port::free_port;
pub(crate) use process::{Output, Process, node, test_folder, tool};
pub(crate) use raw::{Conn, Request, Response};
pub(crate) use relay::Relay;
pub(crate) use sessions::SessionApi;
pub(crate) use sidecar::{Sidecar, tidings};
pub(crate) use subscriber::{Frame, Subscriber};
pub(crate) use upstream::{JsonServer, Release, Scripted, answer, ok};

/// How long anything may take before the test that waits for it fails.
const PATIENCE: Duration = Duration::from_secs(20);

/// A configuration with which everything is observed and one key, `all-key`, may do everything.
///
/// `LISTEN`, `ADMIN` and `UPSTREAM` become addresses when a [`Sidecar`] starts with it; a test
/// adds sections of its own at the end.
pub(crate) const EVERYTHING: &str = r#"
listen: LISTEN
admin: ADMIN
upstream: UPSTREAM
observe: { preset: json-server }
realtime: { restdb: { path: /realtime } }
access:
  keys:
    - { name: all, key: all-key, hear: ["*:*", "*"], publish: ["*"] }
"#;

/// The stream of whoever hears everything under [`EVERYTHING`].
pub(crate) const ALL: &str = "/realtime?apikey=all-key";

/// What `future` comes to, unless it takes longer than anything may.
pub(crate) async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    match tokio::time::timeout(PATIENCE, future).await {
        Ok(value) => value,
        Err(_) => panic!("waited {PATIENCE:?} in vain: {what}"),
    }
}

/// Asks until there is an answer.
pub(crate) async fn eventually<T>(what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let asking = async {
        loop {
            if let Some(answer) = ask().await {
                return answer;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    within(what, asking).await
}
