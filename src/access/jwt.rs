//! `access.jwt`: which tokens count, and what their holders may hear and publish.

use std::collections::HashMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use arc_swap::ArcSwap;
use http::Uri;
use jiff::Timestamp;
use parking_lot::Mutex;
use sha2::{Digest, Sha256};

use super::Secret;
use super::claims::{ClaimGrants, Rights};
use super::keys::{Algorithm, KeySet};
use super::token::{self, Fault, Verified, Wanted};
use crate::limits::TOKENS_KEPT;

/// The `access.jwt` section of the configuration, compiled.
#[derive(Clone, Debug)]
pub struct Jwt {
    /// The algorithms that are accepted. Never empty.
    pub algorithms: Box<[Algorithm]>,
    /// By which keys.
    pub keys: Arc<Keyring>,
    /// From whom, and for whom.
    pub wanted: Wanted,
    /// What their claims come to.
    pub grants: ClaimGrants,
    /// The name of a cookie that holds one; none: no cookie does.
    pub cookie: Option<Box<str>>,
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

    /// What the holder of a token may do now, and until when. The signature is not looked at
    /// again: it counts for as long as its key does.
    ///
    /// # Errors
    /// [`Fault`]: its key or its algorithm is accepted no longer, or its claims are not.
    pub(super) fn rights(
        &self,
        verified: &Verified,
        now: Timestamp,
    ) -> Result<(Rights, Timestamp), Fault> {
        if !self.algorithms.contains(&verified.algorithm) {
            return Err(Fault::Algorithm);
        }
        if !self.keys.load().holds(&verified.key) {
            return Err(Fault::UnknownKey);
        }
        let claims = verified.claims()?;
        let until = self.wanted.until(&claims, now)?;
        Ok((self.grants.rights(&claims), until))
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
