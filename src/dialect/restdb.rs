//! RestDB's `/realtime`: API keys and tokens, `init`, `ping` and the four events of a write.
//!
//! | request | answer |
//! | --- | --- |
//! | `GET` with `x-apikey: K` or `?apikey=K` | a stream |
//! | the same with `Authorization: Bearer T` or `?jwt=T` | a stream, until the token expires |
//! | `POST` of `{"event": NAME, "data": ANY}` | `200 {"message":"OK"}`, and a `publish` event |
//! | `OPTIONS` | the preflight's answer |
//! | `HEAD` | the head of a stream, or the refusal |
//! | `GET` of the JavaScript client | its text, see [`Client`] |
//!
//! Beyond RestDB: every frame that moves a client on has an `id`, so a client that was cut
//! resumes without a hole; `gap`, `uncertain` and `close` are told under names that RestDB's own
//! clients do not listen to. A refusal is `{"message": TEXT, "status": N}`.

mod client;
mod frame;
mod request;

use std::num::NonZeroU32;
use std::time::Duration;

use crate::limits::{KIB, Per, Rate};

pub use client::{Client, ENDINGS};
pub use frame::{Form, Patch, View, encode, opening, ping};
pub use request::{Publish, command};

/// `realtime.restdb`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// The path of the stream; the request's whole path, exactly.
    pub path: Box<str>,
    /// The JavaScript client: `client`, `PATH/client` by default, and `jsapi`, none by default.
    pub client: Client,
    /// Between two pings of a stream: `ping_interval`, 10 s by default, in [`crate::limits::PING_INTERVAL`].
    pub ping_interval: Duration,
    /// Whether a PATCH is told as `patch` rather than `put`, RestDB's way: `patch: put | patch`.
    pub patch: PatchEvent,
    /// Bytes of a publish's body at most: `publish_body`, 64 KiB by default,
    /// in [`crate::limits::PUBLISH_BODY_BYTES`].
    pub publish_body_bytes: usize,
    /// How often a key or a user may publish: `publish_rate`, 1000 a second by default, in
    /// [`crate::limits::PUBLISHES`].
    pub publish_rate: Rate,
}

impl Options {
    /// Whether requests for `path` are answered here.
    #[must_use]
    pub fn answers(&self, path: &str) -> bool {
        *self.path == *path || self.client.paths().any(|file| file == path)
    }
}

impl Default for Options {
    fn default() -> Self {
        Self {
            path: "/realtime".into(),
            client: Client::new("/realtime", Some("/realtime/client"), None),
            ping_interval: PING_INTERVAL,
            patch: PatchEvent::Put,
            publish_body_bytes: 64 * KIB,
            publish_rate: PUBLISH_RATE,
        }
    }
}

/// The default of [`Options::ping_interval`], as RestDB has it.
pub const PING_INTERVAL: Duration = Duration::from_secs(10);

/// The default of [`Options::publish_rate`]: more than any page has to say, and less than keeps
/// subscribers from hearing anything else.
const PUBLISH_RATE: Rate = Rate {
    count: NonZeroU32::new(1000).expect("1000 is not zero"),
    per: Per::Second,
};

/// The event by which a PATCH is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PatchEvent {
    /// `patch`.
    Patch,
    /// `put`.
    Put,
}
