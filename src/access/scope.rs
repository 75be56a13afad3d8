//! What is told at a path of the operator's own, and to whom.

use std::sync::Arc;

use jiff::Timestamp;

use super::origin::Means;
use super::{Access, Basis, Credential, Denied, Grant, Narrow, Origin, everything};
use crate::topic::TopicPattern;

/// What is told at a path, and to whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// These, to anyone: no credential is looked at, and a page of any origin may come. Rules
    /// that ask who hears are asked of a guest.
    Anyone(Arc<[TopicPattern]>),
    /// Of these, what a credential's grant has. Where none are named nobody hears anything, and
    /// a credential is needed all the same.
    Granted(Arc<[TopicPattern]>),
}

impl Scope {
    /// What is told, to those who may hear it.
    #[must_use]
    pub fn told(&self) -> &Arc<[TopicPattern]> {
        match self {
            Self::Anyone(told) | Self::Granted(told) => told,
        }
    }

    /// Whether it is told to anyone.
    #[must_use]
    pub fn is_open(&self) -> bool {
        matches!(self, Self::Anyone(_))
    }
}

impl Access {
    /// What the holder of `credential` may hear within `scope`.
    ///
    /// # Errors
    /// As [`Access::grant`]; [`Denied::Uncovered`] too where the grant has nothing of the scope.
    pub fn grant_within(
        &self,
        scope: &Scope,
        credential: &Credential,
        now: Timestamp,
    ) -> Result<Grant, Denied> {
        match scope {
            Scope::Anyone(told) => Ok(Grant::of_guest(told, &credential.origin)),
            Scope::Granted(told) => self.grant(credential, now)?.within(told),
        }
    }

    /// The grant that the holder of `old` has within `scope` under this configuration.
    ///
    /// # Errors
    /// [`Denied`]: it has none any more, and its streams end.
    pub fn renew_within(
        &self,
        scope: &Scope,
        old: &Grant,
        now: Timestamp,
    ) -> Result<Grant, Denied> {
        let grant = match scope {
            Scope::Anyone(told) => Grant::of_guest(told, &old.origin),
            Scope::Granted(told) => self.unnarrowed(old, now)?.within(told)?,
        };
        grant.narrowed(old.narrow.clone())
    }
}

impl Grant {
    /// A grant that rests on no credential, so it never ends by itself. The origin stays with it,
    /// for a scope that is open no longer.
    pub(super) fn of_guest(told: &Arc<[TopicPattern]>, origin: &Origin) -> Self {
        Self {
            basis: Basis::Key(None),
            means: Means::Said,
            origin: origin.clone(),
            hear: Arc::clone(told),
            // Where records are not told, no filter is taken.
            granted: everything(),
            until: None,
            is_superuser: false,
            presented: None,
            narrow: Narrow::default(),
        }
    }

    /// Whether its holder has records looked at, to hear of some of them alone.
    #[must_use]
    pub fn has_filter(&self) -> bool {
        self.narrow.has_filter()
    }

    /// What of it is told at a place where `told` is.
    fn within(self, told: &Arc<[TopicPattern]>) -> Result<Self, Denied> {
        let mut hear: Vec<TopicPattern> = Vec::new();
        for own in &*self.hear {
            let common = told.iter().filter_map(|told| own.common(told));
            for common in common {
                if !hear.iter().any(|known| known.covers(&common)) {
                    hear.push(common);
                }
            }
        }
        if hear.is_empty() && !told.is_empty() {
            return Err(Denied::Uncovered);
        }
        Ok(Self {
            hear: hear.into(),
            granted: everything(),
            ..self
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::{Key, Origins, Secret};

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    fn patterns(texts: &[&str]) -> Arc<[TopicPattern]> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    fn access(hear: &[&str]) -> Access {
        Access {
            keys: vec![Arc::new(Key {
                name: "web".into(),
                secret: Secret::new("k"),
                hear: patterns(hear),
                publish: Box::new([]),
                superuser: false,
                origins: None,
            })],
            ..Access::default()
        }
    }

    fn credential(key: Option<&str>) -> Credential {
        Credential {
            key: key.map(Secret::new),
            origin: Origin::Cross("https://app.example".into()),
            ..Credential::default()
        }
    }

    fn heard(grant: Result<Grant, Denied>) -> Result<String, Denied> {
        let texts = grant?.hear.iter().map(ToString::to_string).collect();
        let texts: Vec<String> = texts;
        Ok(texts.join(" "))
    }

    #[test]
    fn what_is_heard_is_what_the_grant_and_the_scope_have_in_common() {
        let any_page = Origins::new(vec!["*".into()]);
        for (granted, told, expected) in [
            (
                &["*:*", "*"][..],
                &["*:company", "GOAL"][..],
                Ok("*:company GOAL"),
            ),
            (&["POST:*"], &["*:company"], Ok("POST:company")),
            (&["*:*", "POST:a"], &["POST:*", "*:a"], Ok("POST:* *:a")),
            (&["GOAL"], &["*:*", "*"], Ok("GOAL")),
            (&["GOAL"], &["*:*"], Err(Denied::Uncovered)),
            (&["GOAL"], &[], Ok("")),
        ] {
            let mut access = access(granted);
            access.origins = any_page.clone();
            let scope = Scope::Granted(patterns(told));
            let grant = access.grant_within(&scope, &credential(Some("k")), NOW);
            assert_eq!(
                heard(grant),
                expected.map(str::to_owned),
                "{granted:?} {told:?}"
            );
            for (key, denied) in [(None, Denied::Anonymous), (Some("x"), Denied::Unknown)] {
                let grant = access.grant_within(&scope, &credential(key), NOW);
                assert_eq!(heard(grant), Err(denied));
            }
        }
    }

    #[test]
    fn anyone_hears_what_is_open_and_a_stream_that_is_open_no_longer_asks_who() {
        let mut access = access(&["*:*"]);
        let open = Scope::Anyone(patterns(&["POST:a"]));
        let granted = Scope::Granted(patterns(&["*:*"]));
        for key in [None, Some("k"), Some("x")] {
            let grant = access.grant_within(&open, &credential(key), NOW).unwrap();
            assert_eq!(heard(Ok(grant.clone())), Ok("POST:a".to_owned()));
            assert_eq!(grant.until(), None);
            let again = access.renew_within(&open, &grant, NOW);
            assert_eq!(again, Ok(grant.clone()));
            let closed = access.renew_within(&granted, &grant, NOW);
            assert_eq!(closed, Err(Denied::Origin));
            access.global = true;
            assert_eq!(
                access.renew_within(&granted, &grant, NOW),
                Err(Denied::Origin)
            );
            access.global = false;
        }
    }

    #[test]
    fn what_a_holder_wants_less_counts_after_a_change_too() {
        let access = access(&["*:*"]);
        let open = |told: &[&str]| Scope::Anyone(patterns(told));
        let grant = access
            .grant_within(&open(&["*:*"]), &credential(None), NOW)
            .unwrap();
        let narrow = Narrow::of(Some("POST:a"), None, None).unwrap();
        let less = grant.narrowed(narrow).unwrap();
        let other = access.renew_within(&open(&["*:a"]), &less, NOW);
        assert_eq!(heard(other), Ok("POST:a".to_owned()));
        let nothing = access.renew_within(&open(&["*:b"]), &less, NOW);
        assert_eq!(heard(nothing), Err(Denied::Uncovered));
    }
}
