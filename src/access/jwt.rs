//! `access.jwt`: which tokens count, and what their holders may hear and publish.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use arc_swap::ArcSwap;
use http::Uri;
use jiff::Timestamp;
use parking_lot::Mutex;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::Secret;
use super::keys::{Algorithm, KeySet};
use super::token::{self, Fault, Verified, Wanted};
use crate::limits::TOKENS_KEPT;
use crate::topic::{TopicPattern, is_reserved};

/// The `access.jwt` section of the configuration, compiled.
#[derive(Clone, Debug)]
pub struct Jwt {
    /// The algorithms that are accepted. Never empty.
    pub algorithms: Box<[Algorithm]>,
    /// By which keys.
    pub keys: Arc<Keyring>,
    /// From whom, and for whom.
    pub wanted: Wanted,
    /// The path of the claim whose `sub` and `pub` are the grants.
    pub grants: ClaimPath,
    /// What roles add to that.
    pub roles: Option<Roles>,
}

/// Keys, where they come from, and what they have verified lately.
#[derive(Debug)]
pub struct Keyring {
    /// Where they come from.
    pub source: KeySource,
    /// Swapped whole whenever a JWKS document was fetched.
    set: ArcSwap<KeySet>,
    seen: Mutex<Seen>,
}

/// Where keys come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeySource {
    /// `key_file`: a public key in PEM.
    File(PathBuf),
    /// `secret`: in the configuration.
    Secret,
    /// `jwks`: a document that is fetched while the sidecar runs.
    Url(Uri),
}

/// The path of a claim. Shape: `realtime`, `app.realtime`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimPath(Box<str>);

/// `access.jwt.roles`.
#[derive(Clone, Debug)]
pub struct Roles {
    /// The path of a text or a list of texts.
    pub claim: ClaimPath,
    /// What each role may do, by its name.
    pub grants: BTreeMap<Box<str>, RoleGrants>,
}

/// What a role may do.
#[derive(Clone, Debug, Default)]
pub struct RoleGrants {
    /// What it may hear.
    pub hear: Vec<TopicPattern>,
    /// What it may publish: patterns of custom events.
    pub publish: Vec<TopicPattern>,
}

/// What the holder of a token may do, and until when.
pub(super) struct Rights {
    pub(super) hear: Arc<[TopicPattern]>,
    pub(super) publish: Vec<TopicPattern>,
    pub(super) until: Timestamp,
}

/// Tokens whose signatures were found good, by their hash. It is bounded: the older half goes
/// once the newer one is full, and what is used again is new.
#[derive(Default)]
struct Seen {
    newer: HashMap<Hash, Arc<Verified>>,
    older: HashMap<Hash, Arc<Verified>>,
}

type Hash = [u8; 32];

// === impl Jwt ===

impl Jwt {
    /// The token, once its signature was found good by a key of now or of lately.
    ///
    /// # Errors
    /// [`Fault`]: it is none, or none of these keys signed it.
    pub(super) fn verified(&self, token: &Secret) -> Result<Arc<Verified>, Fault> {
        let hash = Sha256::digest(token.0.as_bytes()).into();
        if let Some(verified) = self.keys.seen.lock().find(&hash) {
            return Ok(verified);
        }
        let verified = token::verify(&token.0, &self.keys.load(), &self.algorithms)?;
        let verified = Arc::new(verified);
        self.keys.seen.lock().keep(hash, Arc::clone(&verified));
        Ok(verified)
    }

    /// What the holder of a token may do now. The signature is not looked at again: it counts
    /// for as long as its key does.
    ///
    /// # Errors
    /// [`Fault`]: its key or its algorithm is accepted no longer, or its claims are not.
    pub(super) fn rights(&self, verified: &Verified, now: Timestamp) -> Result<Rights, Fault> {
        if !self.algorithms.contains(&verified.algorithm) {
            return Err(Fault::Algorithm);
        }
        if !self.keys.load().holds(&verified.key) {
            return Err(Fault::UnknownKey);
        }
        let claims = verified.claims()?;
        let until = self.wanted.until(&claims, now)?;
        let own = self.grants.find(&claims).and_then(Value::as_object);
        let mut hear = patterns(own.and_then(|own| own.get("sub")));
        let mut publish = patterns(own.and_then(|own| own.get("pub")));
        if let Some(roles) = &self.roles {
            for role in roles.of(&claims) {
                hear.extend(role.hear.iter().cloned());
                publish.extend(role.publish.iter().cloned());
            }
        }
        publish.retain(may_be_published);
        Ok(Rights {
            hear: hear.into(),
            publish,
            until,
        })
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

// === impl Keyring ===

impl Keyring {
    /// Keys that are known, or, of a document that is yet to be fetched, none.
    #[must_use]
    pub fn new(source: KeySource, set: KeySet) -> Arc<Self> {
        Arc::new(Self {
            source,
            set: ArcSwap::from_pointee(set),
            seen: Mutex::default(),
        })
    }

    /// The keys that count now.
    #[must_use]
    pub fn load(&self) -> Arc<KeySet> {
        self.set.load_full()
    }

    /// Lets other keys count from now on; whether they differ from those before.
    pub fn store(&self, set: KeySet) -> bool {
        let differs = !self.set.load().is_same(&set);
        self.set.store(Arc::new(set));
        differs
    }

    /// The address of the document with the keys, where they come from one.
    #[must_use]
    pub fn url(&self) -> Option<&Uri> {
        match &self.source {
            KeySource::Url(url) => Some(url),
            KeySource::File(_) | KeySource::Secret => None,
        }
    }
}

// === impl Seen ===

impl Seen {
    fn find(&mut self, hash: &Hash) -> Option<Arc<Verified>> {
        if let Some(found) = self.newer.get(hash) {
            return Some(Arc::clone(found));
        }
        let found = self.older.remove(hash)?;
        self.keep(*hash, Arc::clone(&found));
        Some(found)
    }

    fn keep(&mut self, hash: Hash, verified: Arc<Verified>) {
        if self.newer.len() >= TOKENS_KEPT / 2 {
            self.older = std::mem::take(&mut self.newer);
        }
        self.newer.insert(hash, verified);
    }
}

impl fmt::Debug for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tokens = self.newer.len() + self.older.len();
        f.debug_struct("Seen").field("tokens", &tokens).finish()
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
    fn of<'a>(&'a self, claims: &'a Map<String, Value>) -> impl Iterator<Item = &'a RoleGrants> {
        let names = match self.claim.find(claims) {
            Some(Value::Array(names)) => names.as_slice(),
            Some(name) => std::slice::from_ref(name),
            None => &[],
        };
        let texts = names.iter().filter_map(Value::as_str);
        texts.filter_map(|name| self.grants.get(name))
    }
}
