//! Wire protocols: a request to a [`Command`], an event to the bytes of a frame.
//!
//! A dialect is a file of its own. It reads a request and says what is to be done; it
//! encodes events for those who listen by it. It reaches no socket, no clock and no log:
//! the front reads and writes for it, the hub calls its encoder when an event leaves.
//!
//! ```text
//!   request ──► Realtime::command ──► Command ──► front, hub
//!   a stream's View, and the configuration in force ──► Form ──► the bytes of each event
//! ```
//! A [`View`] is what a subscriber asked for, and stays; a [`Form`] is what that comes to, and
//! changes with the configuration.

mod answer;
mod asked;
mod fields;
mod notices;
pub mod plain;
pub mod pocketbase;
mod presented;
pub mod restdb;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method, Response, StatusCode};
use jiff::Timestamp;

pub use answer::reply;
pub use fields::{Fields, NotFields};
pub use presented::credential;

use crate::access::{Access, Denied, Grant, Hears, Leaving, Principal, Read, Shown};
use crate::event::{Cursor, Event, Gap, Kind, Since};
use crate::limits::SILENCE_MAX;
use crate::topic::TopicPattern;

/// The `realtime:` section of the configuration, compiled: the dialects that are spoken.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Realtime {
    /// `restdb`; none: it is not spoken.
    pub restdb: Option<restdb::Options>,
    /// `pocketbase`; none: it is not spoken, or the upstream speaks it itself.
    pub pocketbase: Option<pocketbase::Options>,
    /// `streams`: the operator's own, no two at one path and none at one of another dialect.
    pub streams: Vec<Arc<plain::Options>>,
}

/// A request on a dialect's path, its body still unread.
#[derive(Clone, Copy)]
pub struct Request<'a> {
    /// The request's method.
    pub method: &'a Method,
    /// The path of its target, as it was sent.
    pub path: &'a str,
    /// What follows the `?` of its target, as it was sent; empty where there is none.
    pub query: &'a str,
    /// Its header fields.
    pub headers: &'a HeaderMap,
}

/// What a request asks of the sidecar.
#[derive(Debug)]
pub enum Command {
    /// Send this head, say when to come back, and close: what was asked cannot be decided now.
    ComeBack(Response<()>),
    /// Open a stream.
    Listen(Listen),
    /// Publish an event: read the body, then ask [`restdb::Publish::kind`].
    Publish(restdb::Publish),
    /// Subscribe to something else: read the body, then ask [`pocketbase::Submit::submission`].
    Submit(pocketbase::Submit),
    /// Answer at once.
    Reply(Response<Bytes>),
}

/// A stream to open, with the permission to open it.
#[derive(Debug)]
pub struct Listen {
    /// What may be heard.
    pub grant: Grant,
    /// From where.
    pub since: Since,
    /// How events look to this subscriber.
    pub view: View,
    /// The head of the answer.
    pub head: Response<()>,
    /// Whether it is given a client id, by which it is subscribed to other things later.
    pub client: bool,
}

/// A publish that may be appended to the log, and the answer once it is.
#[derive(Debug)]
pub struct Published {
    /// What was published.
    pub kind: Kind,
    /// By whom.
    pub by: Principal,
    /// What its publisher is told once the log holds it.
    pub reply: Response<Bytes>,
}

/// How a subscriber asked to see events, and by which dialect.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum View {
    /// At a path of the operator's own.
    Plain(plain::View),
    /// By PocketBase's.
    Pocketbase(pocketbase::View),
    /// By RestDB's.
    Restdb(restdb::View),
}

/// How events look under the configuration in force: the same bytes to all of one form.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Form {
    /// As a stream of the operator's own.
    Plain(plain::Form),
    /// By PocketBase's dialect.
    Pocketbase(pocketbase::Form),
    /// By RestDB's dialect.
    Restdb(restdb::Form),
}

/// Why a stream is closed, as its subscriber is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Close {
    /// The token has expired.
    Expired,
    /// The upstream does not accept the credential any more, or what it says of it grants less.
    Revoked,
}

/// What somebody hears of: by what the hub finds whom an event may concern.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Interest {
    /// Events of these topics.
    pub pattern: TopicPattern,
    /// Of one collection's writes, those to this record alone.
    pub id: Option<Box<str>>,
}

/// Of what a subscriber listens to, what an event concerns.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Parts {
    /// Nothing: it is not told.
    None,
    /// Subscriptions, by their places; at least one.
    Some(Arc<[u16]>),
    /// All there is: the dialect knows no parts.
    Whole,
}

/// How an event is told to somebody.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Told {
    /// What of their subscriptions it concerns.
    pub parts: Parts,
    /// How much of its record.
    pub shown: Shown,
}

/// Where a stream begins.
#[derive(Clone, Copy, Debug)]
pub enum Opening {
    /// At this place in the log, and what the client had asked for before it is gone.
    AfterGap(Cursor, Gap),
    /// At this place in the log; the events after it follow.
    At(Cursor),
}

// === impl Realtime ===

impl Realtime {
    /// Whether some request for `path` is answered here: [`Realtime::answers`] says which.
    #[must_use]
    pub fn knows(&self, path: &str) -> bool {
        let restdb = self.restdb.as_ref();
        restdb.is_some_and(|options| options.answers(path))
            || self.is_pocketbase(path)
            || self.stream(path).is_some()
    }

    fn is_pocketbase(&self, path: &str) -> bool {
        let own = self.pocketbase.as_ref();
        own.is_some_and(|options| *options.path == *path)
    }

    /// Whether `request` is answered here rather than by the upstream.
    #[must_use]
    pub fn answers(&self, request: &Request<'_>) -> bool {
        let restdb = self.restdb.as_ref();
        restdb.is_some_and(|options| options.answers(request.path))
            || self.is_pocketbase(request.path)
            || (self.stream(request.path).is_some() && plain::answers(request))
    }

    /// Whether it matters to `request`, which is answered here, who sends it.
    #[must_use]
    pub fn asks_who(&self, request: &Request<'_>) -> bool {
        // A preflight is answered without a credential.
        let open = |stream: &Arc<plain::Options>| stream.scope.is_open();
        *request.method != Method::OPTIONS && !self.stream(request.path).is_some_and(open)
    }

    /// What `request`, which [`Realtime::answers`], asks for.
    #[must_use]
    pub fn command(&self, request: &Request<'_>, access: &Access, now: Timestamp) -> Command {
        if let Some(options) = self.stream(request.path) {
            return plain::command(request, options, access, now);
        }
        if self.is_pocketbase(request.path) {
            return pocketbase::command(request, access, now);
        }
        match &self.restdb {
            Some(options) => restdb::command(request, options, access, now),
            None => Command::Reply(reply(StatusCode::NOT_FOUND, &Denied::Closed.to_string())),
        }
    }

    /// The stream of the operator's own at `path`.
    fn stream(&self, path: &str) -> Option<&Arc<plain::Options>> {
        self.streams.iter().find(|stream| *stream.path == *path)
    }

    /// The grant that the holder of `old` has under this configuration, and how it sees events.
    ///
    /// # Errors
    /// [`Denied`]: its streams end.
    pub fn renew(
        &self,
        old: &Grant,
        view: &View,
        access: &Access,
        now: Timestamp,
    ) -> Result<(Grant, Form), Denied> {
        match view {
            View::Plain(view) => {
                let options = self.stream(&view.path).ok_or(Denied::Closed)?;
                let grant = access.renew_within(&options.scope, old, now)?;
                if grant.has_filter() && !options.data.tells_records() {
                    return Err(Denied::Uncovered);
                }
                Ok((grant, Form::Plain(view.form(options))))
            }
            View::Pocketbase(view) => {
                self.pocketbase.as_ref().ok_or(Denied::Closed)?;
                let grant = access.renew_or_guest(old, now)?;
                Ok((grant, Form::Pocketbase(view.clone())))
            }
            View::Restdb(view) => {
                let options = self.restdb.as_ref().ok_or(Denied::Closed)?;
                let form = Form::Restdb(view.form(options));
                Ok((access.renew(old, now)?, form))
            }
        }
    }

    /// How often a stream of that form has something to take, events or not.
    #[must_use]
    pub fn beat_interval(&self, form: &Form) -> Duration {
        match form {
            Form::Plain(form) => form.options.beat_interval(),
            Form::Pocketbase(_) => SILENCE_MAX,
            Form::Restdb(_) => {
                let options = self.restdb.as_ref();
                options.map_or(restdb::PING_INTERVAL, |options| options.ping_interval)
            }
        }
    }
}

impl fmt::Debug for Request<'_> {
    /// Neither query nor fields: there are credentials in them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("method", self.method)
            .finish_non_exhaustive()
    }
}

// === impl Form ===

impl Form {
    /// The first bytes of a stream, the gap included if it begins with one.
    #[must_use]
    pub fn opening(
        &self,
        opening: Opening,
        grant: &Grant,
        again: Duration,
        now: Timestamp,
    ) -> Bytes {
        match self {
            Self::Plain(form) => plain::opening(form, opening, grant, again),
            // It is told its client id, which is another for each, before all that all are told.
            Self::Pocketbase(_) => Bytes::new(),
            Self::Restdb(_) => restdb::opening(opening, grant, again, now),
        }
    }

    /// What of it the event concerns, which leaves to the holder of `grant`, and how much of the
    /// record is shown.
    ///
    /// # Errors
    /// [`Read`]: the upstream is being asked that first.
    pub fn heard(
        &self,
        access: &Access,
        grant: &Grant,
        leaving: &Leaving<'_>,
    ) -> Result<Told, Arc<Read>> {
        match self {
            Self::Plain(_) | Self::Restdb(_) => match access.lets_hear(grant, leaving) {
                Hears::No => Ok(Told::NOTHING),
                Hears::Unasked(read) => Err(read),
                Hears::Yes(shown) => {
                    let parts = Parts::Whole;
                    Ok(Told { parts, shown })
                }
            },
            Self::Pocketbase(view) => pocketbase::heard(view, access, grant, leaving),
        }
    }

    /// What the holder of `grant` hears of.
    #[must_use]
    pub fn interests(&self, grant: &Grant) -> Vec<Interest> {
        match self {
            Self::Plain(_) | Self::Restdb(_) => {
                grant.hear().iter().cloned().map(Interest::in_all).collect()
            }
            Self::Pocketbase(view) => pocketbase::interests(view, grant),
        }
    }

    /// The frames of `event`, as it is told.
    #[must_use]
    pub fn encode(&self, event: &Event, told: &Told) -> Bytes {
        let shown = told.shown.event(event);
        let event = shown.as_ref().unwrap_or(event);
        match self {
            Self::Plain(form) => plain::encode(event, form),
            Self::Pocketbase(view) => pocketbase::encode(event, view, &told.parts),
            Self::Restdb(form) => restdb::encode(event, form),
        }
    }

    /// Tells that a past was asked for which is gone, and which collections are to be read again.
    #[must_use]
    pub fn gap(&self, at: Cursor, reason: Gap, grant: &Grant) -> Bytes {
        match self {
            Self::Plain(_) | Self::Restdb(_) => notices::gap(at, reason, grant),
            Self::Pocketbase(_) => pocketbase::gap(at, reason),
        }
    }

    /// What comes every [`Realtime::beat_interval`], to one who has heard everything up to `id`.
    /// `round` counts the intervals.
    #[must_use]
    pub fn beat(&self, id: Cursor, now: Timestamp, round: u64) -> Bytes {
        match self {
            Self::Plain(form) => plain::beat(form, id, round),
            Self::Pocketbase(_) => Bytes::from_static(b":\n\n"),
            Self::Restdb(_) => restdb::ping(Some(id), now),
        }
    }

    /// The last frame of a stream whose credential counts no longer.
    #[must_use]
    pub fn closed(&self, close: Close) -> Bytes {
        match self {
            Self::Plain(_) | Self::Restdb(_) => notices::closed(close),
            // Its SDK comes back by itself, and knows no such event.
            Self::Pocketbase(_) => Bytes::new(),
        }
    }
}

// === impl Interest ===

impl Interest {
    /// Of everything that the pattern names.
    #[must_use]
    pub fn in_all(pattern: TopicPattern) -> Self {
        Self { pattern, id: None }
    }
}

// === impl Parts ===

impl Parts {
    /// The subscriptions at these places.
    #[must_use]
    pub fn of(places: Vec<u16>) -> Self {
        if places.is_empty() {
            Self::None
        } else {
            Self::Some(places.into())
        }
    }

    /// The places of subscriptions.
    #[must_use]
    pub fn places(&self) -> &[u16] {
        match self {
            Self::None | Self::Whole => &[],
            Self::Some(places) => places,
        }
    }

    /// Those that hear of the event at the place `seq`: each hears behind a place of its own.
    fn behind(self, starts: &[u64], seq: u64) -> Self {
        let hears = |place: &u16| {
            starts
                .get(usize::from(*place))
                .is_none_or(|start| *start < seq)
        };
        match self {
            Self::Some(places) => Self::of(places.iter().copied().filter(hears).collect()),
            other => other,
        }
    }
}

// === impl Told ===

impl Told {
    /// It is not told.
    pub const NOTHING: Self = Self {
        parts: Parts::None,
        shown: Shown::All,
    };

    /// To those who hear of the event at the place `seq`: each part hears behind a place of its own.
    #[must_use]
    pub fn behind(self, starts: &[u64], seq: u64) -> Self {
        Self {
            parts: self.parts.behind(starts, seq),
            ..self
        }
    }

    /// Whether the event is told at all.
    #[must_use]
    pub fn is_some(&self) -> bool {
        self.parts != Parts::None
    }
}
