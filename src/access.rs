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

mod claims;
mod cookies;
mod identity;
mod jwt;
mod keys;
mod narrow;
mod origin;
mod strict;
mod token;

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;
use subtle::ConstantTimeEq;

pub use claims::{ClaimGrants, ClaimPath, Rights, Roles};
pub use identity::{Answer, Answers, Claims, Identity, Presented};
pub use jwt::{Jwt, KeySource, Keyring};
pub use keys::{Algorithm, KeySet, NotAKey};
pub use narrow::{Narrow, NotNarrow, record_of};
pub use origin::{Origin, Origins};
pub use token::{Fault, Wanted};

use crate::topic::{Topic, TopicPattern};
use identity::{Identified, Known};
use origin::{Act, Means};
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
    /// The page's origin, where a browser said one. A page of the sidecar's own host is told
    /// as [`Origin::Same`].
    pub origin: Origin,
}

/// Permission to hear: only this module makes one, and only a grant opens a stream.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Grant {
    basis: Basis,
    means: Means,
    origin: Origin,
    hear: Arc<[TopicPattern]>,
    until: Option<Timestamp>,
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

/// What of a credential counts, and how it came.
enum Counts {
    Key(Option<Secret>),
    Presented(Arc<Presented>),
    Token(Arc<Verified>, Means),
}

/// Whose credential it is, and what they may do.
struct Holder<'a> {
    basis: Basis,
    means: Means,
    /// None: nobody who is known.
    hear: Option<Arc<[TopicPattern]>>,
    publish: Cow<'a, [TopicPattern]>,
    until: Option<Timestamp>,
}

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
    /// [`Denied`]: a credential that is not accepted is refused even where anyone may hear;
    /// one that may hear nothing is [`Denied::Uncovered`].
    pub fn grant(&self, credential: &Credential, now: Timestamp) -> Result<Grant, Denied> {
        let counts = self.counts(credential)?;
        self.grant_on(counts, &credential.origin, now)
    }

    /// The grant that the holder of `old` has under this configuration, and by what is known of
    /// its credential now.
    ///
    /// # Errors
    /// [`Denied`]: it has none any more, and its streams end.
    pub fn renew(&self, old: &Grant, now: Timestamp) -> Result<Grant, Denied> {
        let counts = match &old.basis {
            Basis::Identity(identified) => Counts::Presented(Arc::clone(&identified.presented)),
            Basis::Key(key) => Counts::Key(key.clone()),
            Basis::Token(token) => Counts::Token(Arc::clone(token), old.means),
        };
        let grant = self.grant_on(counts, &old.origin, now)?;
        grant.narrowed(old.narrow.clone())
    }

    /// Whether the holder of `credential` may publish the custom event `name`.
    ///
    /// # Errors
    /// [`Denied`]: no credential, one that is not accepted, or one without the right.
    pub fn may_publish(
        &self,
        credential: &Credential,
        name: &str,
        now: Timestamp,
    ) -> Result<(), Denied> {
        let holder = self.publishing(credential, now)?;
        let mut patterns = holder.publish.iter();
        if patterns.any(|pattern| pattern.matches(Topic::Custom(name))) {
            Ok(())
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
        let unknown = matches!(identity.known(&presented, now), Known::Nothing);
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

    /// What of `credential` counts, its token verified: what was said comes before a key, and a
    /// key before what a browser adds.
    fn counts(&self, credential: &Credential) -> Result<Counts, Denied> {
        if let Some((jwt, token, means)) = self.said_token(credential) {
            let verified = jwt.verified(&token).map_err(Denied::Token)?;
            return Ok(Counts::Token(verified, means));
        }
        if let Some((_, presented)) = self.presented(credential) {
            return Ok(Counts::Presented(presented));
        }
        if let Some((jwt, token, means)) = self.cookie_token(credential) {
            let verified = jwt.verified(&token).map_err(Denied::Token)?;
            return Ok(Counts::Token(verified, means));
        }
        Ok(Counts::Key(credential.key.clone()))
    }

    /// The token of a field or of the query, if it is for [`Jwt`] to judge: one that is no JWT by
    /// its form may be the upstream's own.
    fn said_token<'a>(&self, credential: &'a Credential) -> Option<(&Jwt, Cow<'a, Secret>, Means)> {
        let (jwt, token) = (self.jwt.as_ref()?, credential.token.as_ref()?);
        let own = self.identity.is_none() || token::is_jwt(&token.0);
        own.then(|| (jwt, Cow::Borrowed(token), Means::Said))
    }

    /// The token that is a cookie, where neither `Authorization` nor a key comes before it.
    fn cookie_token(&self, credential: &Credential) -> Option<(&Jwt, Cow<'_, Secret>, Means)> {
        let jwt = self.jwt.as_ref()?;
        let (name, cookies) = (jwt.cookie.as_ref()?, credential.cookies.as_ref()?);
        if credential.key.is_some() {
            return None;
        }
        let token = Secret::new(cookies::value(&cookies.0, name)?);
        Some((jwt, Cow::Owned(token), Means::Cookie))
    }

    /// What the upstream is to know `credential` by, if it is what counts.
    fn presented(&self, credential: &Credential) -> Option<(&Identity, Arc<Presented>)> {
        let identity = self.identity.as_ref()?;
        if self.said_token(credential).is_some() {
            return None;
        }
        let shown = identity.authorization(credential).or_else(|| {
            let free = credential.key.is_none() && self.cookie_token(credential).is_none();
            free.then(|| identity.cookies(credential)).flatten()
        });
        Some((identity, shown?))
    }

    /// Who publishes.
    fn publishing(&self, credential: &Credential, now: Timestamp) -> Result<Holder<'_>, Denied> {
        let counts = self.counts(credential)?;
        let holder = self.holder(counts, &credential.origin, Act::Publish, now)?;
        if holder.hear.is_none() {
            return Err(Denied::Anonymous);
        }
        Ok(holder)
    }

    /// Whose credential it is, if a page of that origin may come with it.
    fn holder(
        &self,
        counts: Counts,
        origin: &Origin,
        act: Act,
        now: Timestamp,
    ) -> Result<Holder<'_>, Denied> {
        let holder = |basis, means, rights: Rights, until| Holder {
            basis,
            means,
            hear: Some(rights.hear.into()),
            publish: rights.publish.into(),
            until: Some(until),
        };
        let admit = |means| match self.origins.admit(origin, means, act) {
            true => Ok(()),
            false => Err(Denied::Origin),
        };
        match counts {
            Counts::Key(secret) => {
                let key = self.key_of(secret.as_ref(), origin)?;
                Ok(Holder {
                    basis: Basis::Key(secret),
                    means: Means::Said,
                    hear: key.map(|key| Arc::clone(&key.hear)),
                    publish: key.map_or(Cow::default(), |key| Cow::Borrowed(&key.publish)),
                    until: None,
                })
            }
            Counts::Presented(presented) => {
                // First, since what comes of asking is for nobody else to learn.
                admit(presented.means)?;
                let identity = self.identity.as_ref().ok_or(Denied::Unknown)?;
                let (identified, until) = match identity.known(&presented, now) {
                    Known::Identified(identified, until) => (identified, until),
                    Known::Nothing => return Err(Denied::Unasked),
                    Known::Refused => return Err(Denied::Refused),
                };
                let rights = identity.rights(&identified.claims);
                let means = presented.means;
                Ok(holder(Basis::Identity(identified), means, rights, until))
            }
            Counts::Token(token, means) => {
                let jwt = self.jwt.as_ref().ok_or(Denied::Unknown)?;
                let (rights, until) = jwt.rights(&token, now).map_err(Denied::Token)?;
                admit(means)?;
                Ok(holder(Basis::Token(token), means, rights, until))
            }
        }
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
            hear,
            until: holder.until,
            narrow: Narrow::default(),
        })
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

    /// The same, whenever it ends: what tells grants apart that differ in more than that.
    #[must_use]
    pub fn without_end(&self) -> Self {
        Self {
            until: None,
            ..self.clone()
        }
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

    /// What of it its holder wants.
    #[must_use]
    pub fn narrow(&self) -> &Narrow {
        &self.narrow
    }

    /// Whether its holder may hear `topic`.
    #[must_use]
    pub fn hears(&self, topic: Topic<'_>) -> bool {
        self.hear.iter().any(|pattern| pattern.matches(topic))
    }
}

#[cfg(test)]
mod tests;
