//! Whose credential it is: what of it counts, what that proves, and whether it may be used from
//! where it came.
//!
//! | first | what counts |
//! | --- | --- |
//! | 1 | a token, said in `Authorization` or in the query: for [`Jwt`], or for the upstream |
//! | 2 | any other `Authorization`, for the upstream |
//! | 3 | a key |
//! | 4 | a cookie that holds a token |
//! | 5 | the upstream's own cookies |
//!
//! One that counts and is not accepted is refused; nothing else is tried.

use std::borrow::Cow;
use std::sync::Arc;

use jiff::Timestamp;
use subtle::ConstantTimeEq;

use super::claims::Rights;
use super::identity::{Found, Identity, Presented};
use super::jwt::Jwt;
use super::origin::{Act, Means, Origin};
use super::token::Verified;
use super::{Access, Basis, Credential, Denied, Key, Secret, cookies, token};
use crate::topic::TopicPattern;

/// What of a credential counts, and how it came.
pub(super) enum Counts {
    Key(Option<Secret>),
    Presented(Arc<Presented>),
    Token(Arc<Verified>, Means),
}

/// Whose credential it is, and what they may do.
pub(super) struct Holder<'a> {
    pub(super) basis: Basis,
    pub(super) means: Means,
    /// None: nobody who is known.
    pub(super) hear: Option<Arc<[TopicPattern]>>,
    pub(super) publish: Cow<'a, [TopicPattern]>,
    pub(super) until: Option<Timestamp>,
    /// Whether every rule is passed.
    pub(super) is_superuser: bool,
}

// === impl Access ===

impl Access {
    /// What of `credential` counts, its token verified: what was said comes before a key, and a
    /// key before what a browser adds.
    pub(super) fn counts(&self, credential: &Credential) -> Result<Counts, Denied> {
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
    pub(super) fn said_token<'a>(
        &self,
        credential: &'a Credential,
    ) -> Option<(&Jwt, Cow<'a, Secret>, Means)> {
        let (jwt, token) = (self.jwt.as_ref()?, credential.token.as_ref()?);
        let own = self.identity.is_none() || token::is_jwt(&token.0);
        own.then_some((jwt, Cow::Borrowed(token), Means::Said))
    }

    /// The token that is a cookie, where neither `Authorization` nor a key comes before it.
    pub(super) fn cookie_token(
        &self,
        credential: &Credential,
    ) -> Option<(&Jwt, Cow<'_, Secret>, Means)> {
        let jwt = self.jwt.as_ref()?;
        let (name, cookies) = (jwt.cookie.as_ref()?, credential.cookies.as_ref()?);
        if credential.key.is_some() {
            return None;
        }
        let token = Secret::new(cookies::value(&cookies.0, name)?);
        Some((jwt, Cow::Owned(token), Means::Cookie))
    }

    /// What the upstream is to know `credential` by, if it is what counts.
    pub(super) fn presented(&self, credential: &Credential) -> Option<(&Identity, Arc<Presented>)> {
        let identity = self.identity.as_ref()?;
        if self.said_token(credential).is_some() {
            return None;
        }
        let shown = credential.authorization().or_else(|| {
            let free = credential.key.is_none() && self.cookie_token(credential).is_none();
            free.then(|| identity.cookies(credential)).flatten()
        });
        Some((identity, shown?))
    }

    /// Who publishes.
    pub(super) fn publishing(
        &self,
        credential: &Credential,
        now: Timestamp,
    ) -> Result<Holder<'_>, Denied> {
        let counts = self.counts(credential)?;
        let holder = self.holder(counts, &credential.origin, Act::Publish, now)?;
        if holder.hear.is_none() {
            return Err(Denied::Anonymous);
        }
        Ok(holder)
    }

    /// Whose credential it is, if a page of that origin may come with it.
    pub(super) fn holder(
        &self,
        counts: Counts,
        origin: &Origin,
        act: Act,
        now: Timestamp,
    ) -> Result<Holder<'_>, Denied> {
        let holder = |basis: Basis, means, rights: Rights, until| Holder {
            is_superuser: self.rules.is_superuser(basis.auth(), now),
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
                    publish: key.map_or_else(Cow::default, |key| (&*key.publish).into()),
                    until: None,
                    is_superuser: key.is_some_and(|key| key.superuser),
                })
            }
            Counts::Presented(presented) => {
                // First, since what comes of asking is for nobody else to learn.
                admit(presented.means)?;
                let identity = self.identity.as_ref().ok_or(Denied::Unknown)?;
                let (identified, until) = match identity.find(&presented, now) {
                    Found::Identified(identified, until) => (identified, until),
                    Found::Nothing => return Err(Denied::Unasked),
                    Found::Refused => return Err(Denied::Refused),
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
