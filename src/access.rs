//! Who may hear and publish what: a credential and the configuration's rules to a [`Grant`].
//!
//! One place decides, for the moment a stream opens and for every moment after it: the hub
//! asks [`Access::renew`] for each open stream whenever the configuration changed, so a
//! grant that was lost is lost on open streams too. A stream cannot be opened without a
//! [`Grant`], and only this module makes one. What cannot be decided is denied.
//!
//! Pure: no clock, no I/O. Which status a [`Denied`] becomes is the dialect's business.

use std::fmt;
use std::sync::Arc;

use subtle::ConstantTimeEq;

use crate::topic::{Topic, TopicPattern};

/// The `access:` section of the configuration, compiled.
#[derive(Clone, Debug, Default)]
pub struct Access {
    /// Anyone may hear everything. Publishing still needs a key.
    pub global: bool,
    /// Origins whose pages may come without a key, or with a key that names none of its own.
    pub origins: Origins,
    /// The keys, in the order of the configuration.
    pub keys: Vec<Arc<Key>>,
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

/// Exact origins (RFC 6454 § 6.2). Shape of one: `https://app.example`; `*` alone means any.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origins(Box<[Box<str>]>);

/// What a request presented, as the dialect read it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Credential {
    /// The API key, where one was presented.
    pub key: Option<Secret>,
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
    credential: Credential,
    hear: Arc<[TopicPattern]>,
}

/// A refusal, with its reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// No credential was presented and one is needed.
    #[error("an API key is needed: send it as x-apikey, or as apikey in the query")]
    Anonymous,
    /// The page's origin is none that the configuration names.
    #[error("this origin is not allowed")]
    Origin,
    /// The credential is known and has not this right.
    #[error("this API key has not the right")]
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
    /// [`Denied`]: a key that is not known is refused even where anyone may hear; a known
    /// one that may hear nothing is [`Denied::Uncovered`].
    pub fn grant(&self, credential: &Credential) -> Result<Grant, Denied> {
        let key = self.key_of(credential)?;
        let hear = match key {
            _ if self.global => everything(),
            Some(key) if key.hear.is_empty() => return Err(Denied::Uncovered),
            Some(key) => Arc::clone(&key.hear),
            None => return Err(Denied::Anonymous),
        };
        Ok(Grant {
            credential: credential.clone(),
            hear,
        })
    }

    /// The grant that the holder of `old` has under this configuration.
    ///
    /// # Errors
    /// [`Denied`]: it has none any more, and its streams end.
    pub fn renew(&self, old: &Grant) -> Result<Grant, Denied> {
        self.grant(&old.credential)
    }

    /// Whether the holder of `credential` may publish the custom event `name`; the answer is
    /// the name of the key that may.
    ///
    /// # Errors
    /// [`Denied`]: no key, an unknown key, or one without the right.
    pub fn may_publish(&self, credential: &Credential, name: &str) -> Result<&str, Denied> {
        let key = self.publisher(credential)?;
        let covered = key
            .publish
            .iter()
            .any(|pattern| pattern.matches(Topic::Custom(name)));
        if covered {
            Ok(&key.name)
        } else {
            Err(Denied::Uncovered)
        }
    }

    /// The key that a publish comes with, before its body is read.
    ///
    /// # Errors
    /// [`Denied`]: no key, an unknown one, or a page whose origin may not use it.
    pub fn publisher(&self, credential: &Credential) -> Result<&Key, Denied> {
        self.key_of(credential)?.ok_or(Denied::Anonymous)
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

    /// The key that was presented, if one was, and if its use from that origin is allowed.
    fn key_of(&self, credential: &Credential) -> Result<Option<&Key>, Denied> {
        let key = match &credential.key {
            None => None,
            Some(secret) => Some(self.find(secret).ok_or(Denied::Unknown)?),
        };
        let origins = key
            .and_then(|key| key.origins.as_ref())
            .unwrap_or(&self.origins);
        if origins.allow(&credential.origin) {
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

// === impl Grant ===

impl Grant {
    /// What may be heard.
    #[must_use]
    pub fn hear(&self) -> &Arc<[TopicPattern]> {
        &self.hear
    }

    /// Whether its holder may hear `topic`.
    #[must_use]
    pub fn hears(&self, topic: Topic<'_>) -> bool {
        self.hear.iter().any(|pattern| pattern.matches(topic))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Method;

    fn key(name: &str, hear: &[&str], publish: &[&str], origins: Option<&[&str]>) -> Arc<Key> {
        let patterns = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect();
        Arc::new(Key {
            name: name.into(),
            secret: Secret::new(&format!("{name}-secret")),
            hear: Vec::into(patterns(hear)),
            publish: Vec::into_boxed_slice(patterns(publish)),
            origins: origins.map(|o| Origins::new(o.iter().map(|&o| o.into()).collect())),
        })
    }

    fn access() -> Access {
        Access {
            global: false,
            origins: Origins::new(vec!["https://app.example".into()]),
            keys: vec![
                key("web", &["POST:company", "GOAL"], &["GOAL"], None),
                key("own", &["*:*"], &[], Some(&["https://own.example"])),
                key("mute", &[], &["*"], None),
            ],
        }
    }

    fn credential(key: Option<&str>, origin: Origin) -> Credential {
        Credential {
            key: key.map(Secret::new),
            origin,
        }
    }

    #[test]
    fn a_key_hears_what_it_was_granted_and_nothing_else() {
        let grant = access()
            .grant(&credential(Some("web-secret"), Origin::Absent))
            .unwrap();
        assert!(grant.hears(Topic::Write(Method::Post, "company")));
        assert!(grant.hears(Topic::Custom("GOAL")));
        assert!(!grant.hears(Topic::Write(Method::Put, "company")));
        assert!(!grant.hears(Topic::Custom("OTHER")));
    }

    #[test]
    fn whoever_has_no_right_is_told_which_is_missing() {
        let absent = |key| access().grant(&credential(key, Origin::Absent)).err();
        assert_eq!(absent(None), Some(Denied::Anonymous));
        assert_eq!(absent(Some("web-secre")), Some(Denied::Unknown));
        assert_eq!(absent(Some("mute-secret")), Some(Denied::Uncovered));
        assert_eq!(absent(Some("web-secret")), None);
    }

    #[test]
    fn global_opens_hearing_and_neither_publishing_nor_a_wrong_key() {
        let access = Access {
            global: true,
            ..access()
        };
        let nobody = credential(None, Origin::Absent);
        let grant = access.grant(&nobody).unwrap();
        assert!(grant.hears(Topic::Write(Method::Delete, "any")));
        assert!(grant.hears(Topic::Custom("ANY")));
        assert_eq!(access.may_publish(&nobody, "GOAL"), Err(Denied::Anonymous));
        let wrong = credential(Some("wrong"), Origin::Absent);
        assert_eq!(access.grant(&wrong), Err(Denied::Unknown));
    }

    #[test]
    fn an_origin_counts_for_the_key_it_comes_with() {
        let ask = |key: &str, origin: &str| {
            access()
                .grant(&credential(Some(key), Origin::Cross(origin.into())))
                .err()
        };
        assert_eq!(ask("web-secret", "https://app.example"), None);
        assert_eq!(
            ask("web-secret", "https://own.example"),
            Some(Denied::Origin)
        );
        assert_eq!(ask("own-secret", "https://own.example"), None);
        assert_eq!(
            ask("own-secret", "https://app.example"),
            Some(Denied::Origin)
        );
        for known in ["https://own.example", "https://app.example"] {
            assert!(access().knows_origin(&Origin::Cross(known.into())));
        }
        assert!(!access().knows_origin(&Origin::Cross("https://app.example.evil".into())));
    }

    #[test]
    fn publishing_takes_a_key_with_that_right() {
        let access = access();
        let web = credential(Some("web-secret"), Origin::Absent);
        assert_eq!(access.may_publish(&web, "GOAL"), Ok("web"));
        assert_eq!(access.may_publish(&web, "OTHER"), Err(Denied::Uncovered));
        let own = credential(Some("own-secret"), Origin::Absent);
        assert_eq!(access.may_publish(&own, "GOAL"), Err(Denied::Uncovered));
    }

    #[test]
    fn a_grant_is_renewed_by_what_the_configuration_now_says() {
        let grant = access()
            .grant(&credential(Some("web-secret"), Origin::Absent))
            .unwrap();
        let mut changed = access();
        changed.keys.remove(0);
        assert_eq!(changed.renew(&grant), Err(Denied::Unknown));
        changed.keys.push(key("web", &["GOAL"], &[], None));
        let renewed = changed.renew(&grant).unwrap();
        assert!(!renewed.hears(Topic::Write(Method::Post, "company")));
    }

    #[test]
    fn a_secret_is_never_printed() {
        let shown = format!("{:?}", access());
        assert!(!shown.contains("web-secret"), "{shown}");
    }
}
