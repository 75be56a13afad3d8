//! Who may hear and publish what: a credential and the configuration's rules to a [`Grant`].
//!
//! One place decides, for the moment a stream opens and for every moment after it: the hub
//! asks [`Access::renew`] for each open stream whenever the configuration changed, so a
//! grant that was lost is lost on open streams too. A stream cannot be opened without a
//! [`Grant`], and only this module makes one. What cannot be decided is denied.
//!
//! A credential is an API key or a token. Of a token that was verified its claims are kept and
//! the token is not: as long as its key counts, its signature does, and what the claims come to
//! is decided anew each time.
//!
//! Pure: no clock, no I/O, and no state but the keys that were fetched for it and what they have
//! verified. Which status a [`Denied`] becomes is the dialect's business.

mod jwt;
mod keys;
mod narrow;
mod rules;
mod scope;
mod strict;
mod token;

use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

pub use jwt::{ClaimPath, Jwt, KeySource, Keyring, RoleGrants, Roles};
pub use keys::{Algorithm, KeySet, NotAKey};
pub use narrow::{Narrow, NotNarrow};
pub use rules::{Hear, Leaving, Rules};
pub use scope::Scope;
pub use token::{Fault, Wanted};

use crate::event::Json;
use crate::rule::Keys;
use crate::topic::{Topic, TopicPattern};
use jwt::Rights;
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
    /// Of which records who may hear, and who passes every rule.
    pub rules: Rules,
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

/// Exact origins (RFC 6454 § 6.2). Shape of one: `https://app.example`; `*` alone means any.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origins(Box<[Box<str>]>);

/// What a request presented, as the dialect read it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Credential {
    /// The API key, where one was presented.
    pub key: Option<Secret>,
    /// The token, where one was presented. Where tokens count it is the credential, and a key
    /// beside it is not looked at.
    pub token: Option<Secret>,
    /// The page's origin, where a browser said one. A page of the sidecar's own host is told
    /// as [`Origin::Same`].
    pub origin: Origin,
}

/// Where the page behind a request came from.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Origin {
    /// Another site's page, by its origin.
    Cross(Box<str>),
    /// No `Origin` field: a program, or a page that reads its own site.
    Absent,
    /// A page that this sidecar's own host served.
    Same,
}

/// Permission to hear: only this module makes one, and only a grant opens a stream.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Grant {
    basis: Basis,
    origin: Origin,
    hear: Arc<[TopicPattern]>,
    until: Option<Timestamp>,
    /// Whether its holder passes every rule.
    is_superuser: bool,
    /// What of it its holder wants; `hear` is that already.
    narrow: Narrow,
}

/// What a grant rests on.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Basis {
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
    #[error("an API key is needed: send it as x-apikey, or as apikey in the query")]
    Anonymous,
    /// What was to be heard is not served any more.
    #[error("nothing is served here any more")]
    Closed,
    /// The page's origin is none that the configuration names.
    #[error("this origin is not allowed")]
    Origin,
    /// The credential is known and has not this right.
    #[error("this API key or token has not the right")]
    Uncovered,
    /// The token is not accepted.
    #[error("{0}")]
    Token(Fault),
    /// The credential is not known.
    #[error("this API key is not known")]
    Unknown,
}

// === impl Access ===

impl Access {
    /// What the holder of `credential` may hear.
    ///
    /// # Errors
    /// [`Denied`]: a key or token that is not accepted is refused even where anyone may hear;
    /// one that may hear nothing is [`Denied::Uncovered`].
    pub fn grant(&self, credential: &Credential, now: Timestamp) -> Result<Grant, Denied> {
        let basis = self.basis(credential)?;
        self.grant_on(basis, &credential.origin, now)
    }

    /// The grant that the holder of `old` has under this configuration.
    ///
    /// # Errors
    /// [`Denied`]: it has none any more, and its streams end.
    pub fn renew(&self, old: &Grant, now: Timestamp) -> Result<Grant, Denied> {
        self.unnarrowed(old, now)?.narrowed(old.narrow.clone())
    }

    /// As [`Access::renew`], whatever of it its holder wants.
    fn unnarrowed(&self, old: &Grant, now: Timestamp) -> Result<Grant, Denied> {
        self.grant_on(old.basis.clone(), &old.origin, now)
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
        let covers = |publish: &[TopicPattern]| {
            let mut patterns = publish.iter();
            patterns.any(|pattern| pattern.matches(Topic::Custom(name)))
        };
        let basis = self.basis(credential)?;
        let covered = match &basis {
            Basis::Key(key) => {
                let key = self.key_of(key.as_ref(), &credential.origin)?;
                covers(&key.ok_or(Denied::Anonymous)?.publish)
            }
            Basis::Token(token) => covers(&self.rights(token, &credential.origin, now)?.publish),
        };
        if covered {
            Ok(basis.principal())
        } else {
            Err(Denied::Uncovered)
        }
    }

    /// Whether a publish comes with a credential that is accepted, before its body is read.
    ///
    /// # Errors
    /// [`Denied`]: none, one that is not accepted, or a page whose origin may not use it.
    pub fn publisher(&self, credential: &Credential, now: Timestamp) -> Result<(), Denied> {
        match &self.basis(credential)? {
            Basis::Key(key) => {
                let key = self.key_of(key.as_ref(), &credential.origin)?;
                key.map(drop).ok_or(Denied::Anonymous)
            }
            Basis::Token(token) => self.rights(token, &credential.origin, now).map(drop),
        }
    }

    /// Whether the event may leave to the holder of `grant`, and is wanted: the one question that
    /// is asked for each event and each who may hear it, live or told again.
    #[must_use]
    pub fn lets_hear(&self, grant: &Grant, leaving: &Leaving<'_>) -> bool {
        let covered = Topic::of(leaving.event).is_some_and(|topic| grant.hears(topic));
        covered && self.rules.allow(leaving, grant.asker()) && grant.narrow.wants(leaving)
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
    pub fn keys(&self, grant: &Grant, collection: &str) -> Option<Keys> {
        self.rules.keys(collection, grant.asker())
    }

    /// Whether the keys have to be fetched before `credential` is refused: its token names one
    /// that is not known, and there may be others by now.
    #[must_use]
    pub fn is_outdated(&self, credential: &Credential, now: Timestamp) -> bool {
        let (Some(jwt), Some(token)) = (&self.jwt, &credential.token) else {
            return false;
        };
        let judged = || jwt.rights(&*jwt.verified(token)?, now);
        jwt.keys.url().is_some() && matches!(judged(), Err(Fault::UnknownKey))
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

    /// What `credential` is, its token verified.
    fn basis(&self, credential: &Credential) -> Result<Basis, Denied> {
        match (&self.jwt, &credential.token) {
            (Some(jwt), Some(token)) => {
                let verified = jwt.verified(token).map_err(Denied::Token)?;
                Ok(Basis::Token(verified))
            }
            _ => Ok(Basis::Key(credential.key.clone())),
        }
    }

    fn grant_on(&self, basis: Basis, origin: &Origin, now: Timestamp) -> Result<Grant, Denied> {
        let mut is_superuser = self.rules.is_superuser(basis.auth(), now);
        let (known, hear, until) = match &basis {
            Basis::Key(key) => match self.key_of(key.as_ref(), origin)? {
                Some(key) => {
                    is_superuser = key.superuser;
                    (true, Arc::clone(&key.hear), None)
                }
                None => (false, Arc::default(), None),
            },
            Basis::Token(token) => {
                let rights = self.rights(token, origin, now)?;
                (true, rights.hear, Some(rights.until))
            }
        };
        let hear = match known {
            _ if self.global => everything(),
            true if hear.is_empty() => return Err(Denied::Uncovered),
            true => hear,
            false => return Err(Denied::Anonymous),
        };
        Ok(Grant {
            basis,
            origin: origin.clone(),
            hear,
            until,
            is_superuser,
            narrow: Narrow::default(),
        })
    }

    /// What the holder of a token may do, if a page of that origin may come at all.
    fn rights(&self, token: &Verified, origin: &Origin, now: Timestamp) -> Result<Rights, Denied> {
        let jwt = self.jwt.as_ref().ok_or(Denied::Unknown)?;
        let rights = jwt.rights(token, now).map_err(Denied::Token)?;
        if self.origins.allow(origin) {
            Ok(rights)
        } else {
            Err(Denied::Origin)
        }
    }

    /// The key that was presented, if one was, and if its use from that origin is allowed.
    fn key_of(&self, key: Option<&Secret>, origin: &Origin) -> Result<Option<&Key>, Denied> {
        let key = match key {
            None => None,
            Some(secret) => Some(self.find(secret).ok_or(Denied::Unknown)?),
        };
        let origins = key
            .and_then(|key| key.origins.as_ref())
            .unwrap_or(&self.origins);
        if origins.allow(origin) {
            Ok(key)
        } else {
            Err(Denied::Origin)
        }
    }

    /// Compares with every key whatever the outcome, each in constant time, so that the time
    /// taken tells nothing of how much of a guess was right.
    fn find(&self, secret: &Secret) -> Option<&Key> {
        let mut found = None;
        for key in &self.keys {
            if bool::from(key.secret.0.as_bytes().ct_eq(secret.0.as_bytes())) {
                found = Some(&**key);
            }
        }
        found
    }
}

/// Every write and every custom event.
fn everything() -> Arc<[TopicPattern]> {
    Arc::new([TopicPattern::Write(None, None), TopicPattern::Custom(None)])
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
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

// === impl Origins ===

impl Origins {
    /// These origins and no others. The caller has checked their shape.
    #[must_use]
    pub fn new(origins: Vec<Box<str>>) -> Self {
        Self(origins.into())
    }

    /// Whether a page of `origin` may come. A request without one is no page of another site.
    #[must_use]
    pub fn allow(&self, origin: &Origin) -> bool {
        match origin {
            Origin::Absent | Origin::Same => true,
            Origin::Cross(origin) => self.0.iter().any(|own| **own == *"*" || own == origin),
        }
    }

    /// The origins as they are written.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|origin| &**origin)
    }
}

// === impl Basis ===

impl Basis {
    /// Whose it is: the same for all that a key or a user presents.
    fn principal(&self) -> Principal {
        let mut hasher = Sha256::new();
        match self {
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
            Self::Key(_) => None,
            Self::Token(token) => Some(&token.claims),
        }
    }
}

// === impl Grant ===

impl Grant {
    /// What may be heard.
    #[must_use]
    pub fn hear(&self) -> &Arc<[TopicPattern]> {
        &self.hear
    }

    /// When it is over; none: never by itself.
    #[must_use]
    pub fn until(&self) -> Option<Timestamp> {
        self.until
    }

    /// The same, as far as its holder wants it.
    ///
    /// # Errors
    /// [`Denied::Uncovered`]: that is more than it may hear.
    pub fn narrowed(self, narrow: Narrow) -> Result<Self, Denied> {
        let hear = narrow.within(&self.hear).ok_or(Denied::Uncovered)?;
        Ok(Self {
            hear,
            narrow,
            ..self
        })
    }

    fn asker(&self) -> Asker<'_> {
        Asker {
            auth: self.basis.auth(),
            is_superuser: self.is_superuser,
        }
    }

    /// Whether its holder may hear `topic`.
    #[must_use]
    pub fn hears(&self, topic: Topic<'_>) -> bool {
        self.hear.iter().any(|pattern| pattern.matches(topic))
    }
}

#[cfg(test)]
mod tests;
