//! What claims come to: the grants that stand in them, those of roles, and those of everybody.
//!
//! The same for the claims of a token and for what the upstream says of somebody.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::{Map, Value};

use crate::topic::{TopicPattern, is_reserved};

/// How claims become rights.
#[derive(Clone, Debug)]
pub struct ClaimGrants {
    /// The path of the claim whose `sub` and `pub` are grants.
    pub path: ClaimPath,
    /// What roles add to that.
    pub roles: Option<Roles>,
    /// What everybody with claims may do besides.
    pub all: Rights,
}

/// The path of a claim. Shape: `realtime`, `app.realtime`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimPath(Box<str>);

/// `roles`: what those may do of whom a claim says what they are.
#[derive(Clone, Debug)]
pub struct Roles {
    /// The path of a text or a list of texts.
    pub claim: ClaimPath,
    /// What each role may do, by its name.
    pub grants: BTreeMap<Box<str>, Rights>,
}

/// What somebody may do.
#[derive(Clone, Debug, Default)]
pub struct Rights {
    /// What they may hear.
    pub hear: Vec<TopicPattern>,
    /// What they may publish: patterns of custom events.
    pub publish: Vec<TopicPattern>,
}

// === impl ClaimGrants ===

impl Default for ClaimGrants {
    /// By the claim that RestDB has for it, `realtime`.
    fn default() -> Self {
        Self {
            path: ClaimPath("realtime".into()),
            roles: None,
            all: Rights::default(),
        }
    }
}

impl ClaimGrants {
    /// What the holder of these claims may do.
    pub(super) fn rights(&self, claims: &Map<String, Value>) -> Rights {
        let own = self.path.find(claims).and_then(Value::as_object);
        let mut rights = Rights {
            hear: patterns(own.and_then(|own| own.get("sub"))),
            publish: patterns(own.and_then(|own| own.get("pub"))),
        };
        let roles = self.roles.iter().flat_map(|roles| roles.of(claims));
        for more in roles.chain([&self.all]) {
            rights.hear.extend(more.hear.iter().cloned());
            rights.publish.extend(more.publish.iter().cloned());
        }
        rights.publish.retain(may_be_published);
        rights
    }
}

/// The elements of a claim's list. One that is no pattern grants nothing, and takes nothing
/// from the others.
fn patterns(claim: Option<&Value>) -> Vec<TopicPattern> {
    let elements = claim.and_then(Value::as_array).map(Vec::as_slice);
    let texts = elements.unwrap_or_default().iter();
    texts
        .filter_map(|element| element.as_str()?.parse().ok())
        .collect()
}

/// A write comes from the upstream alone, and so do the names under which it is told.
fn may_be_published(pattern: &TopicPattern) -> bool {
    match pattern {
        TopicPattern::Custom(name) => name.as_deref().is_none_or(|name| !is_reserved(name)),
        TopicPattern::Write(..) => false,
    }
}

// === impl ClaimPath ===

impl ClaimPath {
    /// A path of names with points between them; none where a name is empty.
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        let sound = text.split('.').all(|name| !name.is_empty());
        sound.then(|| Self(text.into()))
    }

    /// The claim. One that has the whole path for its name comes first: such are the names
    /// that are addresses.
    fn find<'a>(&self, claims: &'a Map<String, Value>) -> Option<&'a Value> {
        if let Some(claim) = claims.get(&*self.0) {
            return Some(claim);
        }
        let mut names = self.0.split('.');
        let first = claims.get(names.next()?)?;
        names.try_fold(first, |value, name| value.as_object()?.get(name))
    }
}

impl fmt::Display for ClaimPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

// === impl Roles ===

impl Roles {
    /// What the roles in these claims may do. A role that is not known may do nothing.
    fn of<'a>(&'a self, claims: &'a Map<String, Value>) -> impl Iterator<Item = &'a Rights> {
        let names = match self.claim.find(claims) {
            Some(Value::Array(names)) => names.as_slice(),
            Some(name) => std::slice::from_ref(name),
            None => &[],
        };
        let texts = names.iter().filter_map(Value::as_str);
        texts.filter_map(|name| self.grants.get(name))
    }
}
