//! Streams of the operator's own: plain EventSource at any path of the application's.
//!
//! | request | answer |
//! | --- | --- |
//! | `GET` | a stream |
//! | `HEAD` | the head of a stream, or the refusal |
//! | `OPTIONS` that asks for one of these | the preflight's answer |
//! | anything else | the upstream's: the path may be one of the API's |
//!
//! What is told there, to whom, under which names and as which data is configuration; see
//! [`Options`]. `gap`, `uncertain` and `close` are told as in every dialect, under these names.
//!
//! No publish looks like a database event: whatever the name and the data are made of, those of
//! a published event have none of a record's words in them, and a word or a name that no write has.

mod cloudevent;
mod frame;
mod request;
mod template;
mod told;

use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;

use super::Fields;
use crate::access::Scope;
use crate::limits::SILENCE_MAX;

pub use cloudevent::CloudEvent;
pub use frame::{beat, encode, opening};
pub use request::{answers, command};
pub use template::{JsonTemplate, LineTemplate, NotATemplate};

/// One entry of `realtime.streams`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// The path; the request's whole path, exactly.
    pub path: Box<str>,
    /// What is told there, and to whom: `events` and `access`.
    pub scope: Scope,
    /// The names of events; where it comes to nothing an event has none, and is a `message`.
    pub name: LineTemplate,
    /// What their data is.
    pub data: Data,
    /// The event that comes whether something happened or not; none: comments, every
    /// [`SILENCE_MAX`].
    pub heartbeat: Option<Heartbeat>,
}

/// What the data of an event is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Data {
    /// A CloudEvent (CloudEvents 1.0, JSON format, structured).
    CloudEvent(CloudEvent),
    /// All that is known of it, as a JSON object.
    Event,
    /// The id as text; of several each on a line of its own, and nothing of what has none.
    Id,
    /// The record; what has none is told as by [`Data::Event`].
    Record,
    /// JSON that the operator composed.
    Template(JsonTemplate),
}

/// An event of a stream's own that says that it is alive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heartbeat {
    /// Its name; empty: it has none, and is a `message`.
    pub name: Box<str>,
    /// Its data.
    pub data: Box<str>,
    /// How often it comes, in [`crate::limits::HEARTBEAT_INTERVAL`].
    pub every: Duration,
}

/// How a subscriber asked to see events.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct View {
    /// At which path.
    pub path: Arc<str>,
    /// What of a record it is told.
    pub fields: Fields,
}

/// How events look under the configuration in force: the same bytes to all of one form.
#[derive(Clone, Debug)]
pub struct Form {
    /// The stream as it is declared. Two of one text and of two configurations are two.
    pub options: Arc<Options>,
    /// What of a record is told.
    pub fields: Fields,
}

impl Options {
    /// How often a stream has something to take.
    #[must_use]
    pub fn beat_interval(&self) -> Duration {
        match &self.heartbeat {
            None => SILENCE_MAX,
            Some(heartbeat) => heartbeat.every / heartbeat.beats(),
        }
    }
}

impl Data {
    /// Whether records are told. Where they are not, nobody may have them looked at by a filter:
    /// who is told and who is not would tell what is in them.
    #[must_use]
    pub fn tells_records(&self) -> bool {
        match self {
            Self::CloudEvent(_) | Self::Event | Self::Record => true,
            Self::Id => false,
            Self::Template(template) => template.has_record(),
        }
    }
}

impl Heartbeat {
    /// Into how many beats its interval is divided, so that none is longer than [`SILENCE_MAX`]:
    /// one of them is the event, the others are comments.
    fn beats(&self) -> u32 {
        let beats = self.every.as_millis().div_ceil(SILENCE_MAX.as_millis());
        u32::try_from(beats).unwrap_or(u32::MAX).max(1)
    }
}

impl View {
    /// What the view is under these options.
    #[must_use]
    pub fn form(&self, options: &Arc<Options>) -> Form {
        Form {
            options: Arc::clone(options),
            fields: self.fields.clone(),
        }
    }
}

impl PartialEq for Form {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.options, &other.options) && self.fields == other.fields
    }
}

impl Eq for Form {}

impl Hash for Form {
    fn hash<H: Hasher>(&self, state: &mut H) {
        Arc::as_ptr(&self.options).hash(state);
        self.fields.hash(state);
    }
}

/// Names that are the stream's own: `gap`, `uncertain` and `close` come under them, and a browser
/// has an `open` and an `error` of its own.
pub const OWN_NAMES: &[&str] = &["close", "error", "gap", "open", "uncertain"];
