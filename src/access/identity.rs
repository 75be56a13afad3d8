//! `access.identity`: whom the upstream knows by their own credential, and what it said of them.
//!
//! ```text
//!   credential ──► Presented ──► Answers ──► claims ──► rights
//!                                  ▲ │ none that counts
//!                                  │ ▼
//!                              whoever asks the upstream
//! ```
//! An answer is found by a hash of exactly what the upstream is shown, so the answer to one
//! credential is never taken for that to another. The upstream is asked elsewhere; here is kept
//! what it said. A credential that open streams hear by is due to be asked about again before
//! its answer ends; any other is forgotten then.

use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::header::{self, HeaderName, HeaderValue};
use http::uri::PathAndQuery;
use jiff::Timestamp;
use parking_lot::Mutex;
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

use super::claims::{ClaimGrants, Rights};
use super::origin::Means;
use super::{Ask, Credential, Forwarded, Secret, cookies, strict};
use crate::event::Json;
use crate::limits::{
    IDENTITIES_KEPT, IDENTITY_AGAIN_BEFORE, IDENTITY_CREDENTIAL_BYTES_MAX, IDENTITY_PAUSE,
    IDENTITY_REFUSED_FOR,
};
use crate::observe::rule::Pointer;

/// The `access.identity` section of the configuration, compiled.
#[derive(Clone)]
pub struct Identity {
    /// What the upstream is asked.
    pub ask: Ask,
    /// Where in an answer the claims stand.
    pub claims: Pointer,
    /// How long an answer counts. In [`crate::limits::IDENTITY_CACHE`].
    pub cache: Duration,
    /// The names of the cookies that are a credential; the upstream is shown no others.
    pub cookies: Box<[Box<str>]>,
    /// What the claims come to.
    pub grants: ClaimGrants,
    /// What the upstream has answered.
    pub answers: Arc<Answers>,
}

/// A credential as the upstream is shown it: one header field, and what it came to.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Presented {
    pub(super) means: Means,
    value: Secret,
    host: Box<str>,
    forwarded: Forwarded,
}

/// Whom the upstream knows, and what it said of them.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct Identified {
    /// The very one that [`Answers`] holds: while somebody else holds it too, it is in use.
    pub(super) presented: Arc<Presented>,
    /// An object in which no name stands twice.
    pub(super) claims: Arc<Json>,
}

/// What the upstream said of a credential, with nothing left to check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Who presents it is known, and these are the claims.
    Known(Claims),
    /// It is not accepted.
    Refused,
}

/// Claims that can be read in one way only: an object that is not empty, in which no name
/// stands twice.
#[derive(Clone, PartialEq, Eq)]
pub struct Claims(Arc<Json>);

/// What is known of a credential now.
pub(super) enum Found {
    Identified(Identified, Timestamp),
    /// Nothing that counts: the upstream is to be asked.
    Nothing,
    Refused,
}

/// The answers that are kept. Shared by all configurations that ask the same of the same upstream.
#[derive(Default)]
pub struct Answers(Mutex<Kept>);

/// Invariant: each entry is in `due` exactly once, at its own `due`.
///
/// Bounded: entries in use are no more than the streams, and when one is put in beyond `room`
/// all but [`IDENTITIES_KEPT`] of the others go.
#[derive(Default)]
struct Kept {
    entries: HashMap<Print, Entry>,
    /// When each is to be looked at again: to be asked about, or to be forgotten.
    due: BTreeSet<(Timestamp, Print)>,
    /// How many entries there may be before those that are not in use are looked at.
    room: usize,
}

struct Entry {
    presented: Arc<Presented>,
    answer: Answer,
    until: Timestamp,
    due: Timestamp,
}

/// What tells what the upstream is shown from anything else that it could be shown.
type Print = [u8; 16];

// === impl Identity ===

impl Identity {
    /// What of `credential` the upstream is shown, if it is cookies.
    pub(super) fn cookies(&self, credential: &Credential) -> Option<Arc<Presented>> {
        credential.cookies_named(&self.cookies)
    }

    /// What is known of it now.
    pub(super) fn find(&self, presented: &Presented, now: Timestamp) -> Found {
        // There is no question to ask about what no field can hold, or says nothing of whom to ask.
        if presented.field().is_none() || self.target(presented).is_none() {
            return Found::Refused;
        }
        self.answers.0.lock().find(&presented.print(), now)
    }

    /// Where the upstream is asked about it; none: nowhere.
    #[must_use]
    pub fn target(&self, presented: &Presented) -> Option<PathAndQuery> {
        self.ask.target(presented.token())
    }

    /// Whether the upstream has not to be asked about it now.
    #[must_use]
    pub fn knows(&self, presented: &Presented, now: Timestamp) -> bool {
        !matches!(self.find(presented, now), Found::Nothing)
    }

    /// What somebody with these claims may do.
    pub(super) fn rights(&self, claims: &Json) -> Rights {
        let claims = strict::object(claims.as_str().as_bytes());
        self.grants.rights(&claims.unwrap_or_default())
    }
}

// === impl Identified ===

impl Identified {
    /// Whose credential it is: by a claim that says so, or the credential by itself.
    pub(super) fn identify(&self, hasher: &mut Sha256) {
        let claims = strict::object(self.claims.as_str().as_bytes()).unwrap_or_default();
        match NAMES.iter().find_map(|name| claims.get(*name)) {
            Some(name) => hasher.update(name.to_string()),
            None => hasher.update(self.presented.print()),
        }
    }
}

// === impl Presented ===

impl Credential {
    /// What of it the upstream is shown, if it is `Authorization`: the token of a query is shown
    /// as one.
    pub(super) fn authorization(&self) -> Option<Arc<Presented>> {
        let value = match (&self.authorization, &self.token) {
            (Some(value), _) => value.clone(),
            (None, Some(token)) => Secret::new(&format!("Bearer {}", token.0)),
            (None, None) => return None,
        };
        let scheme = value.0.split(' ').next().unwrap_or_default();
        let added = BY_BROWSERS
            .iter()
            .any(|own| scheme.eq_ignore_ascii_case(own));
        let means = if added { Means::Browser } else { Means::Said };
        Some(self.presented(means, value))
    }

    /// What of it the upstream is shown, if it is the token that was said. Beside one of a query
    /// `Authorization` may be anything, as a password that a browser adds to the requests of any
    /// page.
    pub(super) fn said_token(&self) -> Option<Arc<Presented>> {
        let token = &self.token.as_ref()?.0;
        let own = self.authorization.as_ref();
        let own = own.filter(|value| !token.is_empty() && value.0.ends_with(&**token));
        let value = own.cloned();
        let value = value.unwrap_or_else(|| Secret::new(&format!("Bearer {token}")));
        Some(self.presented(Means::Said, value))
    }

    /// What of it the upstream is shown, if it is the cookies of these names.
    pub(super) fn cookies_named(&self, names: &[Box<str>]) -> Option<Arc<Presented>> {
        let cookies = self.cookies.as_ref()?;
        let value = cookies::named(&cookies.0, names)?;
        Some(self.presented(Means::Cookie, Secret::new(&value)))
    }

    fn presented(&self, means: Means, value: Secret) -> Arc<Presented> {
        Arc::new(Presented {
            means,
            value,
            host: self.host.clone(),
            forwarded: self.forwarded,
        })
    }
}

impl Presented {
    /// The header field that the upstream is shown; none for what cannot be one.
    #[must_use]
    pub fn field(&self) -> Option<(HeaderName, HeaderValue)> {
        let graphic = self.value.0.bytes().all(|byte| matches!(byte, b' '..=b'~'));
        let fits = (1..=IDENTITY_CREDENTIAL_BYTES_MAX).contains(&self.value.0.len());
        if !graphic || !fits {
            return None;
        }
        let mut value = HeaderValue::from_str(&self.value.0).ok()?;
        value.set_sensitive(true);
        Some((self.name(), value))
    }

    /// The token, if it is one: what follows the scheme, or all of it.
    fn token(&self) -> &str {
        let value = &*self.value.0;
        value.rsplit(' ').next().unwrap_or(value)
    }

    /// The Host of the request that it came with; empty where that named none.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// What a proxy in front said of how it came to it.
    #[must_use]
    pub fn forwarded(&self) -> Option<&'static str> {
        match self.forwarded {
            Forwarded::Http => Some("http"),
            Forwarded::Https => Some("https"),
            Forwarded::Untold => None,
        }
    }

    /// The name of the field.
    fn name(&self) -> HeaderName {
        match self.means {
            Means::Cookie => header::COOKIE,
            Means::Browser | Means::Said => header::AUTHORIZATION,
        }
    }

    /// The same for two if and only if the upstream is shown the same: half of a SHA-256.
    #[must_use]
    pub fn print(&self) -> [u8; 16] {
        let mut hasher = Sha256::new();
        let forwarded = self.forwarded().unwrap_or("");
        for part in [self.name().as_str(), &self.value.0, &self.host, forwarded] {
            hasher.update(part.len().to_be_bytes());
            hasher.update(part);
        }
        let whole: [u8; 32] = hasher.finalize().into();
        let (half, _rest) = whole.split_first_chunk().unwrap_or((&[0; 16], &[]));
        *half
    }
}

// === impl Answer ===

impl Answer {
    /// What a body means that comes with a success, whose claims stand there; none where it is no
    /// JSON object, or one that can be read in two ways. An empty object knows nobody.
    #[must_use]
    pub fn of(body: &[u8], claims: &Pointer) -> Option<Self> {
        let whole = strict::object(body)?;
        let raw: &RawValue = serde_json::from_slice(body).ok()?;
        let own = claims.find(raw);
        let Some(own) = own.filter(|_| !whole.is_empty()) else {
            return whole.is_empty().then_some(Self::Refused);
        };
        if strict::object(own.get().as_bytes())?.is_empty() {
            return Some(Self::Refused);
        }
        Some(Self::Known(Claims(Arc::new(Json::compact(own)))))
    }
}

// === impl Answers ===

impl Answers {
    /// No answer yet.
    #[must_use]
    pub fn new() -> Arc<Self> {
        Arc::default()
    }

    /// Keeps what the upstream, asked at `asked`, said of `presented`: it counts for `cache`
    /// from then. A refusal counts for [`IDENTITY_REFUSED_FOR`] at most, and until the streams
    /// that it ends have been ended by it.
    pub fn keep(
        &self,
        presented: &Arc<Presented>,
        answer: Answer,
        asked: Timestamp,
        cache: Duration,
    ) {
        self.0.lock().keep(presented, answer, asked, cache);
    }

    /// A credential that is in use and about which the upstream is to be asked by `now`, each
    /// once in a while. Those that are not in use are forgotten meanwhile.
    pub fn take_due(&self, now: Timestamp) -> Option<Arc<Presented>> {
        self.0.lock().take_due(now)
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.lock().entries.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Kept {
    fn find(&self, print: &Print, now: Timestamp) -> Found {
        let entry = self.entries.get(print);
        let Some(entry) = entry.filter(|entry| entry.until > now) else {
            return Found::Nothing;
        };
        match &entry.answer {
            Answer::Refused => Found::Refused,
            Answer::Known(claims) => {
                let identified = Identified {
                    presented: Arc::clone(&entry.presented),
                    claims: Arc::clone(&claims.0),
                };
                Found::Identified(identified, entry.until)
            }
        }
    }

    fn keep(
        &mut self,
        presented: &Arc<Presented>,
        answer: Answer,
        asked: Timestamp,
        cache: Duration,
    ) {
        let print = presented.print();
        let old = self.remove(&print);
        if old.is_none() {
            self.make_room();
        }
        let until = match (&answer, &old) {
            (Answer::Known(_), _) => after(asked, cache),
            (Answer::Refused, None) => after(asked, cache.min(IDENTITY_REFUSED_FOR)),
            (Answer::Refused, Some(old)) => {
                // Streams that were opened by the old answer look here once that is over.
                let looked = after(old.until, IDENTITY_REFUSED_FOR);
                looked.max(after(asked, cache.min(IDENTITY_REFUSED_FOR)))
            }
        };
        let due = match &answer {
            Answer::Known(_) => after(asked, again_after(cache, &print)),
            Answer::Refused => until,
        };
        // The first is the one that streams hold.
        let presented = old.map_or_else(|| Arc::clone(presented), |old| old.presented);
        self.due.insert((due, print));
        let entry = Entry {
            presented,
            answer,
            until,
            due,
        };
        self.entries.insert(print, entry);
    }

    fn take_due(&mut self, now: Timestamp) -> Option<Arc<Presented>> {
        while let Some((_, print)) = self.due.first().filter(|(due, _)| *due <= now).copied() {
            let mut entry = self.remove(&print)?;
            if !entry.is_in_use() {
                continue;
            }
            // Until there is an answer it is tried again and again.
            entry.due = after(now, IDENTITY_PAUSE);
            let presented = Arc::clone(&entry.presented);
            self.due.insert((entry.due, print));
            self.entries.insert(print, entry);
            return Some(presented);
        }
        None
    }

    /// Lets those go that are not in use, the oldest first, if there are too many.
    fn make_room(&mut self) {
        if self.entries.len() < self.room {
            return;
        }
        let entries = &self.entries;
        let unused = |(_, print): &&(Timestamp, Print)| {
            let entry = entries.get(print);
            entry.is_some_and(|entry| !entry.is_in_use())
        };
        let unused: Vec<Print> = self.due.iter().filter(unused).map(|(_, p)| *p).collect();
        let excess = unused.len().saturating_sub(IDENTITIES_KEPT / 2);
        for print in unused.iter().take(excess) {
            self.remove(print);
        }
        self.room = self.entries.len() + IDENTITIES_KEPT / 2;
    }

    fn remove(&mut self, print: &Print) -> Option<Entry> {
        let entry = self.entries.remove(print)?;
        self.due.remove(&(entry.due, *print));
        Some(entry)
    }
}

impl Entry {
    /// Whether a stream hears by it, or is about to.
    fn is_in_use(&self) -> bool {
        Arc::strong_count(&self.presented) > 1
    }
}

fn after(time: Timestamp, duration: Duration) -> Timestamp {
    time.checked_add(duration).unwrap_or(Timestamp::MAX)
}

/// How old an answer is when the upstream is asked again: late, and yet with time for the
/// question, and not for all at once who came at once.
fn again_after(cache: Duration, print: &Print) -> Duration {
    let earliest = (cache / 2).max(cache.saturating_sub(IDENTITY_AGAIN_BEFORE));
    let [spread, ..] = *print;
    earliest + (cache - earliest) / 2 * u32::from(spread) / u32::from(u8::MAX)
}

// What was presented, and what was said of it, is in no output; nor is a query, which may hold a
// secret.

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity")
            .field("ask", &self.ask)
            .field("cache", &self.cache)
            .field("cookies", &self.cookies)
            .field("grants", &self.grants)
            .field("answers", &self.answers)
            .finish()
    }
}

impl fmt::Debug for Answers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let answers = self.len();
        f.debug_struct("Answers")
            .field("answers", &answers)
            .finish()
    }
}

impl fmt::Debug for Claims {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl fmt::Debug for Identified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identified").finish_non_exhaustive()
    }
}

/// Claims that say which user somebody is, however often they log in.
const NAMES: &[&str] = &["sub", "id"];

/// Schemes of `Authorization` that browsers add by themselves, for any page.
const BY_BROWSERS: &[&str] = &["basic", "digest", "negotiate", "ntlm"];

#[cfg(test)]
mod tests;
