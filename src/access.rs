//! Who may hear and publish what: a credential and the configuration's rules to a [`Grant`].
//!
//! One place decides, for the moment a stream opens and for every moment after it: the hub
//! asks [`Access::renew`] for each open stream whenever the configuration changed, so a
//! grant that was lost is lost on open streams too. A stream cannot be opened without a
//! [`Grant`], and only this module makes one. What cannot be decided is denied.
//!
//! A credential is an API key, a token, or what the upstream itself knows its users by. Of a
//! token that was verified its claims are kept and the token is not: as long as its key counts,
//! its signature does, and what the claims come to is decided anew each time. The upstream's
//! own are kept, since it is asked about them again.
//!
//! Pure: no clock, no I/O, and no state but the keys that were fetched for it, what they have
//! verified, and what the upstream answered. Which status a [`Denied`] becomes is the dialect's
//! business.

mod ask;
mod claims;
mod cookies;
mod grant;
mod guest;
mod holder;
mod identity;
mod jwt;
mod keys;
mod narrow;
mod origin;
mod reads;
mod renew;
mod rules;
mod scope;
mod shown;
mod strict;
mod token;

use std::fmt;
use std::sync::{Arc, LazyLock};

use jiff::Timestamp;
use sha2::{Digest, Sha256};

pub use ask::{Ask, NotAnAsk};
pub use claims::{ClaimGrants, ClaimPath, Rights, Roles};
pub use identity::{Answer, Answers, Claims, Identity, Presented};
pub use jwt::{Jwt, KeySource, Keyring};
pub use keys::{Algorithm, KeySet, NotAKey};
pub use narrow::{Narrow, NotNarrow};
pub use origin::{Origin, Origins};
pub use reads::{Asked, Hears, Read, Reading, Reads};
pub use rules::{CollectionRules, Hear, Hidden, Leaving, Rules};
pub use scope::Scope;
pub use shown::Shown;
pub use token::{Fault, Wanted};

use crate::event::Json;
use crate::observe::Aliases;
use crate::rule::{Keys, Request};
use crate::topic::{Topic, TopicPattern};
use holder::Counts;
use identity::{Found, Identified};
use origin::{Act, Means};
use rules::Asker;
use token::Verified;

/// The `access:` section of the configuration, compiled.
#[derive(Clone, Debug, Default)]
pub struct Access {
    /// Anyone may hear everything. Publishing still needs a key.
    pub global: bool,
    /// Origins whose pages may come without a key, or with a key that names none of its own.
    pub origins: Origins,
    /// The keys, in the order of the configuration.
    pub keys: Vec<Arc<Key>>,
    /// Which tokens count; none: a token is as good as nothing.
    pub jwt: Option<Jwt>,
    /// What the upstream is asked about who somebody is; none: nothing.
    pub identity: Option<Identity>,
    /// Of which records who may hear, and who passes every rule.
    pub rules: Rules,
    /// What the upstream shows of records to whom, where the rules ask it.
    pub reads: Arc<Reads>,
    /// Other names of collections, as records told them.
    pub aliases: Arc<Aliases>,
}

/// One entry of `access.keys`.
#[derive(Debug, PartialEq, Eq)]
pub struct Key {
    /// What logs and metrics call it. Unique, never empty.
    pub name: Box<str>,
    /// What a client presents. Unique, never empty.
    pub secret: Secret,
    /// What its holder may hear.
    pub hear: Arc<[TopicPattern]>,
    /// What its holder may publish: patterns of custom events.
    pub publish: Box<[TopicPattern]>,
    /// Whether its holder passes every rule of [`Access::rules`].
    pub superuser: bool,
    /// Origins whose pages may use it; none: those of [`Access::origins`].
    pub origins: Option<Origins>,
}

/// A text that no log, metric, error or debug output shows.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Secret(Box<str>);

/// What a request presented, as the dialect read it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Credential {
    /// The API key, where one was presented.
    pub key: Option<Secret>,
    /// The token, where one was presented. Where tokens count it is the credential, and a key
    /// beside it is not looked at.
    pub token: Option<Secret>,
    /// The whole of `Authorization`, of any scheme; empty where it is told twice or is no text.
    pub authorization: Option<Secret>,
    /// All of `Cookie`.
    pub cookies: Option<Secret>,
    /// The Host that the request is for; empty where it names none.
    pub host: Box<str>,
    /// What a proxy in front says of how the request came to it.
    pub forwarded: Forwarded,
    /// The page's origin, where a browser said one. A page of the sidecar's own host is told
    /// as [`Origin::Same`].
    pub origin: Origin,
}

/// How a request came to a proxy in front of the sidecar, as that says. APIs that are behind TLS
/// send whoever came without elsewhere.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Forwarded {
    /// Without TLS.
    Http,
    /// Over TLS.
    Https,
    /// Nobody says.
    #[default]
    Untold,
}

/// Permission to hear: only this module makes one, and only a grant opens a stream.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Grant {
    basis: Basis,
    means: Means,
    origin: Origin,
    hear: Arc<[TopicPattern]>,
    /// What its holder may hear, wanted or not.
    granted: Arc<[TopicPattern]>,
    until: Option<Timestamp>,
    /// Whether its holder passes every rule.
    is_superuser: bool,
    /// What the upstream knows its holder by, where it may be asked as them; none: a guest.
    presented: Option<Arc<Presented>>,
    /// What of it its holder wants; `hear` is that already.
    narrow: Narrow,
}

/// What a grant rests on.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Basis {
    /// What the upstream said.
    Identity(Identified),
    /// A key, or nothing.
    Key(Option<Secret>),
    /// What a token says.
    Token(Arc<Verified>),
}

/// Who publishes: a key or a user, as a number that says nothing of either.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Principal([u8; 32]);

/// A refusal, with its reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// No credential was presented and one is needed.
    #[error("a credential is needed: an API key as x-apikey or as apikey in the query, or a token")]
    Anonymous,
    /// What was to be heard is not served any more.
    #[error("nothing is served here any more")]
    Closed,
    /// The page's origin is none that the configuration names.
    #[error("this origin is not allowed")]
    Origin,
    /// The upstream does not accept the credential.
    #[error("the API does not accept this credential")]
    Refused,
    /// The token is not accepted.
    #[error("{0}")]
    Token(Fault),
    /// The upstream cannot be asked about the credential for the moment.
    #[error("the API cannot be asked about this credential now: try again")]
    Unasked,
    /// The credential is known and has not this right.
    #[error("this credential has not the right")]
    Uncovered,
    /// The credential is not known.
    #[error("this API key is not known")]
    Unknown,
}

// === impl Access ===

impl Access {
    /// What the holder of `credential` may hear.
    ///
    /// # Errors
    /// [`Denied`]: a credential that is not accepted is refused even where anyone may hear, unless a
    /// browser added it; one that may hear nothing is [`Denied::Uncovered`].
    pub fn grant(&self, credential: &Credential, now: Timestamp) -> Result<Grant, Denied> {
        let counts = self.counts(credential);
        let granted = counts.and_then(|counts| self.grant_on(counts, &credential.origin, now));
        let granted = granted.map(|grant| self.with_presented(grant, credential));
        match granted {
            // Nobody said it: a browser sends what is left of a session to whoever asks nothing.
            Err(Denied::Refused | Denied::Token(_)) if self.global && self.is_added(credential) => {
                self.grant_on(Counts::Key(None), &credential.origin, now)
            }
            granted => granted,
        }
    }

    /// Whether the holder of `credential` may publish the custom event `name`, and who that is.
    ///
    /// # Errors
    /// [`Denied`]: no credential, one that is not accepted, or one without the right.
    pub fn may_publish(
        &self,
        credential: &Credential,
        name: &str,
        now: Timestamp,
    ) -> Result<Principal, Denied> {
        let holder = self.publishing(credential, now)?;
        let mut patterns = holder.publish.iter();
        if patterns.any(|pattern| pattern.matches(Topic::Custom(name))) {
            Ok(holder.basis.principal())
        } else {
            Err(Denied::Uncovered)
        }
    }

    /// Whether a publish comes with a credential that is accepted, before its body is read.
    ///
    /// # Errors
    /// [`Denied`]: none, one that is not accepted, or a page whose origin may not use it.
    pub fn publisher(&self, credential: &Credential, now: Timestamp) -> Result<(), Denied> {
        self.publishing(credential, now).map(drop)
    }

    /// Whether the event may leave to the holder of `grant`, and is wanted: the one question that
    /// is asked for each event and each who may hear it, live or told again.
    #[must_use]
    pub fn lets_hear(&self, grant: &Grant, leaving: &Leaving<'_>) -> Hears {
        let hears = self.may_hear(grant, leaving, Reading::List, None);
        let Hears::Yes(shown) = &hears else {
            return hears;
        };
        if grant.is_told_record(leaving) && !grant.narrow.wants(leaving, shown) {
            return Hears::No;
        }
        hears
    }

    /// Whether the event may leave to the holder of `grant`, who hears of its record so and sent
    /// that with the request to hear.
    #[must_use]
    pub fn may_hear(
        &self,
        grant: &Grant,
        leaving: &Leaving<'_>,
        reading: Reading,
        request: Option<&Request>,
    ) -> Hears {
        if !Topic::of(leaving.event).is_some_and(|topic| grant.hears(topic)) {
            return Hears::No;
        }
        let asker = Asker {
            request,
            ..grant.asker()
        };
        self.rules.allow(leaving, reading, asker, &self.reads)
    }

    /// The records of those relations beside the event's own, as the upstream shows them to the
    /// holder of `grant`; none where it shows none.
    ///
    /// # Errors
    /// [`Read`]: it is being asked that first.
    pub fn expanded(
        &self,
        grant: &Grant,
        leaving: &Leaving<'_>,
        reading: Reading,
        expand: &Arc<str>,
    ) -> Result<Option<Arc<Json>>, Arc<Read>> {
        let (event, presented) = (leaving.event, grant.presented.as_ref());
        self.reads
            .expanded(event, presented, reading, expand, leaving.now())
    }

    /// Another name of the event's collection that its record says, if it is one: not every record
    /// that says so is of an upstream that knows.
    #[must_use]
    pub fn alias<'l>(&self, leaving: &'l Leaving<'_>) -> Option<&'l str> {
        // Its record is read for it only where that can be of use.
        if self.aliases.is_empty() {
            return None;
        }
        let alias = leaving.alias()?;
        let name = self.aliases.name(alias)?;
        let is_own = leaving.event.kind.collection() == Some(&name);
        is_own.then_some(alias)
    }

    /// Whether there is a rule for the collection.
    #[must_use]
    pub fn has_rule(&self, collection: &str) -> bool {
        self.rules.collections.contains_key(collection)
    }

    /// The collections for which there is a rule.
    pub fn ruled(&self) -> impl Iterator<Item = &str> {
        self.rules.collections.keys().map(|name| &**name)
    }

    /// How it is found whether the holder of `grant` may hear of a record of a collection that has
    /// a rule; none: it has none.
    #[must_use]
    pub fn keys(&self, grant: &Grant, collection: &str, reading: Reading) -> Option<Keys> {
        self.rules.keys(collection, reading, grant.asker())
    }

    /// Whether the keys have to be fetched before `credential` is refused: its token names one
    /// that is not known, and there may be others by now.
    #[must_use]
    pub fn is_outdated(&self, credential: &Credential, now: Timestamp) -> bool {
        let cookie = || match self.presented(credential) {
            None => self.cookie_token(credential),
            Some(_) => None,
        };
        let Some((jwt, token, _)) = self.said_token(credential).or_else(cookie) else {
            return false;
        };
        let judged = || jwt.rights(&*jwt.verified(&token)?, now);
        jwt.keys.url().is_some() && matches!(judged(), Err(Fault::UnknownKey))
    }

    /// What the upstream has to be asked about before `credential` can be decided.
    #[must_use]
    pub fn unasked(&self, credential: &Credential, now: Timestamp) -> Option<Arc<Presented>> {
        let (identity, presented) = self.presented(credential)?;
        // A page that may not come asks the upstream nothing either.
        let may = |act| (self.origins).admit(&credential.origin, presented.means, act);
        let unknown = matches!(identity.find(&presented, now), Found::Nothing);
        (may(Act::Hear) && unknown).then_some(presented)
    }

    /// Whether some request of a page of `origin` could be allowed: what a preflight, which
    /// carries no key, can be told (Fetch standard, "CORS-preflight request").
    #[must_use]
    pub fn knows_origin(&self, origin: &Origin) -> bool {
        let of_keys = self.keys.iter().filter_map(|key| key.origins.as_ref());
        std::iter::once(&self.origins)
            .chain(of_keys)
            .any(|origins| origins.allow(origin))
    }

    /// Whether a page of `origin` may send what its browser keeps for this site, and read the
    /// answer to that (Fetch standard, "CORS protocol and credentials").
    #[must_use]
    pub fn takes_cookies_from(&self, origin: &Origin) -> bool {
        self.takes_cookies() && self.origins.name(origin)
    }

    /// Whether a cookie can be a credential.
    #[must_use]
    pub fn takes_cookies(&self) -> bool {
        let of_jwt = self.jwt.as_ref().is_some_and(|jwt| jwt.cookie.is_some());
        let cookies = self.identity.as_ref().map(|identity| &identity.cookies);
        of_jwt || cookies.is_some_and(|names| !names.is_empty())
    }

    fn grant_on(&self, counts: Counts, origin: &Origin, now: Timestamp) -> Result<Grant, Denied> {
        let holder = self.holder(counts, origin, Act::Hear, now)?;
        let hear = match holder.hear {
            _ if self.global => everything(),
            Some(hear) if hear.is_empty() => return Err(Denied::Uncovered),
            Some(hear) => hear,
            None => return Err(Denied::Anonymous),
        };
        Ok(Grant {
            basis: holder.basis,
            means: holder.means,
            origin: origin.clone(),
            granted: Arc::clone(&hear),
            hear,
            until: holder.until,
            is_superuser: holder.is_superuser,
            presented: None,
            narrow: Narrow::default(),
        })
    }
}

/// Every write and every custom event.
fn everything() -> Arc<[TopicPattern]> {
    static ALL: LazyLock<Arc<[TopicPattern]>> =
        LazyLock::new(|| Arc::new([TopicPattern::Write(None, None), TopicPattern::Custom(None)]));
    Arc::clone(&ALL)
}

// === impl Principal ===

#[cfg(test)]
impl Principal {
    /// Somebody.
    pub(crate) fn of_test(number: usize) -> Self {
        Self(Sha256::digest(number.to_be_bytes()).into())
    }
}

// === impl Secret ===

impl Secret {
    /// Takes a secret in, for good: nothing prints it again.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self(text.into())
    }

    /// The same, if it is one word: an `Authorization` without a scheme.
    #[must_use]
    pub fn bare(&self) -> Option<Self> {
        let bare = !self.0.is_empty() && !self.0.contains(' ');
        bare.then(|| self.clone())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

// === impl Basis ===

impl Basis {
    /// Whose it is: the same for all that a key or a user presents.
    fn principal(&self) -> Principal {
        let mut hasher = Sha256::new();
        match self {
            Self::Identity(identified) => {
                hasher.update(b"identity ");
                identified.identify(&mut hasher);
            }
            Self::Key(key) => {
                hasher.update(b"key ");
                hasher.update(key.as_ref().map_or("", |key| &key.0));
            }
            Self::Token(token) => {
                hasher.update(b"token ");
                token.identify(&mut hasher);
            }
        }
        Principal(hasher.finalize().into())
    }

    /// The claims; none for a guest.
    fn auth(&self) -> Option<&Json> {
        match self {
            Self::Identity(identified) => Some(&identified.claims),
            Self::Key(_) => None,
            Self::Token(token) => Some(&token.claims),
        }
    }
}

#[cfg(test)]
mod tests;
