//! PocketBase's `/api/realtime`: a stream that is told its client id, and what is subscribed to by
//! it.
//!
//! | request | answer |
//! | --- | --- |
//! | `GET` | a stream, which begins with `PB_CONNECT` and the id of the client |
//! | `POST` of `{"clientId": ID, "subscriptions": [...]}` | 204: from now on it hears these |
//! | `OPTIONS`, `HEAD` | as for every stream |
//!
//! Who subscribes is known from the POST: its credential is the stream's from then on. What a
//! subscription hears is decided by the collection's `list` rule, or, of one record, by its
//! `view` rule, and then by the client's own filter; an event goes out once for each
//! subscription that it concerns, under the name that the client gave that.
//!
//! Beyond PocketBase: messages come in the order of the writes and have the cursor for an `id`; a
//! slow client costs its place in the log and is closed, not buffered for.
//!
//! Reference: PocketBase's documentation, "API Realtime", and the traffic of its SDK.

mod frame;
mod heard;
mod request;
mod submission;
mod topic;

use std::hash::{DefaultHasher, Hash, Hasher};
use std::num::NonZeroU64;
use std::sync::{Arc, Weak};
use std::time::Duration;

use super::{Fields, Interest};
use crate::rule::{Request, Rule};

pub use frame::{connected, encode, gap};
pub use heard::{heard, interests};
pub use request::{Denial, Submit, command};
pub use submission::{Media, NotASubmission, Submission};
pub use topic::{NotASubscription, Of, Subscription};

/// `realtime.pocketbase`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// The path; the request's whole path, exactly.
    pub path: Box<str>,
    /// How long a stream goes on without a message: `idle`, 5 minutes by default, in
    /// [`crate::limits::POCKETBASE_IDLE`].
    pub idle: Duration,
    /// How long a stream goes on at all, a tenth of it more or less: `life`, 30 minutes by
    /// default, in [`crate::limits::POCKETBASE_LIFE`].
    pub life: Duration,
    /// How long what was missed is kept for a client that comes back with the same subscriptions:
    /// `missed`, 10 s by default, in [`crate::limits::POCKETBASE_MISSED`].
    pub missed: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            path: "/api/realtime".into(),
            idle: Duration::from_mins(5),
            life: Duration::from_mins(30),
            missed: Duration::from_secs(10),
        }
    }
}

/// What a client is subscribed to; cheap to compare, since there are as many as clients.
#[derive(Clone, Debug)]
pub struct View {
    parts: Arc<[Part]>,
    /// Of all of it: two that differ here are two.
    hash: NonZeroU64,
}

/// A view as long as somebody holds it.
#[derive(Clone, Debug)]
pub struct WeakView {
    parts: Weak<[Part]>,
    hash: NonZeroU64,
}

/// How events look to a client: as its view says, whatever the configuration.
pub type Form = View;

/// One subscription, ready to be asked of events.
#[derive(Debug)]
pub(super) struct Part {
    subscription: Subscription,
    fields: Fields,
    filter: Filter,
    /// The relations whose records it asks for.
    expand: Option<Arc<str>>,
    /// Its options as rules know them.
    request: Request,
}

/// What a client's own filter comes to.
#[derive(Debug)]
enum Filter {
    /// There is none.
    Everything,
    /// It cannot be read, or asks for what is not decided here: no event passes it.
    Nothing,
    /// Those for which it holds.
    When(Rule),
    /// The same, for superusers alone: it asks who they are.
    WhenSuperuser(Rule),
}

impl View {
    /// The view of a client that is subscribed to these.
    #[must_use]
    pub fn new(subscriptions: Vec<Subscription>) -> Self {
        let parts: Arc<[Part]> = subscriptions.into_iter().map(Part::new).collect();
        let mut hasher = DefaultHasher::new();
        parts.hash(&mut hasher);
        Self {
            parts,
            hash: NonZeroU64::MIN | hasher.finish(),
        }
    }

    /// The subscriptions.
    pub fn subscriptions(&self) -> impl Iterator<Item = &Subscription> {
        self.parts.iter().map(|part| &part.subscription)
    }

    /// The same, not held.
    #[must_use]
    pub fn downgrade(&self) -> WeakView {
        WeakView {
            parts: Arc::downgrade(&self.parts),
            hash: self.hash,
        }
    }

    /// What it counts for: the bytes of its subscriptions, and some for each.
    #[must_use]
    pub fn bytes(&self) -> u32 {
        let texts = self.subscriptions().map(|one| one.text().len());
        let bytes: usize = texts.map(|text| text + SUBSCRIPTION_BYTES_MORE).sum();
        u32::try_from(bytes).unwrap_or(u32::MAX)
    }

    /// What tells it from most others.
    #[must_use]
    pub fn hash_of_all(&self) -> NonZeroU64 {
        self.hash
    }
}

impl WeakView {
    /// The view, if somebody still holds it.
    #[must_use]
    pub fn upgrade(&self) -> Option<View> {
        Some(View {
            parts: self.parts.upgrade()?,
            hash: self.hash,
        })
    }
}

impl PartialEq for View {
    fn eq(&self, other: &Self) -> bool {
        let same = Arc::ptr_eq(&self.parts, &other.parts);
        same || (self.hash == other.hash && self.parts == other.parts)
    }
}

impl Eq for View {}

impl Hash for View {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.hash.get());
    }
}

// All of a part comes from its subscription.
impl PartialEq for Part {
    fn eq(&self, other: &Self) -> bool {
        self.subscription == other.subscription
    }
}

impl Eq for Part {}

impl Hash for Part {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.subscription.hash(state);
    }
}

impl Part {
    fn new(subscription: Subscription) -> Self {
        // What names no fields is passed over, as PocketBase does.
        let fields = Fields::of(subscription.query("fields")).unwrap_or_default();
        Self {
            filter: Filter::of(subscription.query("filter")),
            fields,
            expand: subscription
                .query("expand")
                .filter(|relations| !relations.trim().is_empty())
                .map(Arc::from),
            request: Request::new(subscription.queries(), subscription.headers()),
            subscription,
        }
    }
}

/// What a subscription counts for besides its text.
const SUBSCRIPTION_BYTES_MORE: usize = 256;

impl Filter {
    fn of(text: Option<&str>) -> Self {
        let Some(text) = text.filter(|text| !text.trim().is_empty()) else {
            return Self::Everything;
        };
        match Rule::parse(text) {
            Ok(rule) if !rule.needs().is_empty() => Self::Nothing,
            Ok(rule) if rule.asks_request() => Self::WhenSuperuser(rule),
            Ok(rule) => Self::When(rule),
            Err(_) => Self::Nothing,
        }
    }
}
