//! The keys by which tokens are verified: a secret, a public key in PEM, or a JWKS document.
//!
//! A key is of one algorithm for good. So a public key never becomes the secret of an HMAC,
//! whatever a token says of itself.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{DecodingKey, crypto};
use rustls_pki_types::SubjectPublicKeyInfoDer;
use rustls_pki_types::pem::PemObject;
use serde::Deserialize;
use serde_json::Value;
use sha2::{Digest, Sha256};
use x509_parser::oid_registry::{OID_EC_P256, OID_KEY_TYPE_EC_PUBLIC_KEY, OID_SIG_ED25519};
use x509_parser::prelude::FromDer;
use x509_parser::public_key::PublicKey;
use x509_parser::x509::SubjectPublicKeyInfo;

use crate::limits::{JWKS_KEYS_MAX, TOKEN_RSA_BITS};

/// An algorithm by which a token may be signed (RFC 7518 § 3.1, RFC 8037 § 3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Algorithm {
    /// ECDSA on P-256 with SHA-256.
    Es256,
    /// Ed25519.
    EdDsa,
    /// HMAC with SHA-256.
    Hs256,
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    Rs256,
}

/// The keys that count at a time.
#[derive(Debug, Default)]
pub struct KeySet {
    keys: Vec<VerifyKey>,
    /// Whether the only key counts for every token, whichever key the token names.
    any_id: bool,
}

/// A key of one algorithm.
pub(super) struct VerifyKey {
    /// Its `kid`, where it has one.
    id: Option<Box<str>>,
    algorithm: Algorithm,
    key: DecodingKey,
    print: Print,
}

/// What tells a key from any other.
pub(super) type Print = [u8; 32];

/// Why a text is no key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAKey {
    /// Nothing in it is a public key.
    #[error("holds no public key: expected PEM, which begins `-----BEGIN PUBLIC KEY-----`")]
    Pem,
    /// A public key of another kind.
    #[error("is no key of RSA with 2048 to 4096 bits, of P-256 or of Ed25519")]
    Kind,
}

// === impl Algorithm ===

impl Algorithm {
    /// Every algorithm, by the name that a token's header has for it.
    pub const NAMED: &[(&str, Self)] = &[
        ("HS256", Self::Hs256),
        ("RS256", Self::Rs256),
        ("ES256", Self::Es256),
        ("EdDSA", Self::EdDsa),
    ];

    /// The algorithm of that exact name.
    pub(super) fn named(name: &str) -> Option<Self> {
        let named = Self::NAMED.iter().find(|(own, _)| *own == name);
        named.map(|(_, algorithm)| *algorithm)
    }

    /// The name that a token's header has for it.
    #[must_use]
    pub fn name(self) -> &'static str {
        let named = Self::NAMED.iter().find(|(_, own)| *own == self);
        named.map_or("", |(name, _)| name)
    }

    fn implemented(self) -> jsonwebtoken::Algorithm {
        match self {
            Self::Es256 => jsonwebtoken::Algorithm::ES256,
            Self::EdDsa => jsonwebtoken::Algorithm::EdDSA,
            Self::Hs256 => jsonwebtoken::Algorithm::HS256,
            Self::Rs256 => jsonwebtoken::Algorithm::RS256,
        }
    }
}

// === impl KeySet ===

impl KeySet {
    /// The secret of HS256.
    #[must_use]
    pub fn secret(secret: &str) -> Self {
        let secret = secret.as_bytes();
        let key = DecodingKey::from_secret(secret);
        Self::only(VerifyKey::new(Algorithm::Hs256, key, &[secret]))
    }

    /// The public key in `pem`, and its algorithm.
    ///
    /// # Errors
    /// [`NotAKey`]: there is none, or it is of a kind that no algorithm here has.
    pub fn pem(pem: &str) -> Result<(Self, Algorithm), NotAKey> {
        let der = SubjectPublicKeyInfoDer::from_pem_slice(pem.as_bytes());
        let der = der.map_err(|_no_pem| NotAKey::Pem)?;
        let (_, info) = SubjectPublicKeyInfo::from_der(&der).map_err(|_no_der| NotAKey::Pem)?;
        let key = of_info(&info).ok_or(NotAKey::Kind)?;
        let algorithm = key.algorithm;
        Ok((Self::only(key), algorithm))
    }

    /// The usable keys of a JWKS document (RFC 7517 § 5); none where there is not one, or more
    /// than [`JWKS_KEYS_MAX`]. What is no public key for signatures is passed over.
    #[must_use]
    pub fn jwks(document: &[u8]) -> Option<Self> {
        #[derive(Deserialize)]
        struct Document {
            keys: Vec<Value>,
        }
        let document: Document = serde_json::from_slice(document).ok()?;
        if document.keys.len() > JWKS_KEYS_MAX {
            return None;
        }
        let keys = document.keys.into_iter();
        let keys = keys.filter_map(|key| of_jwk(&serde_json::from_value(key).ok()?));
        let keys: Vec<VerifyKey> = keys.collect();
        (!keys.is_empty()).then_some(Self {
            keys,
            any_id: false,
        })
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Whether both hold the same keys in the same order.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        let all = |set: &Self| {
            let keys = set.keys.iter().map(|key| (key.id.clone(), key.print));
            keys.collect::<Vec<_>>()
        };
        all(self) == all(other)
    }

    /// Whether the key with this print is one of them.
    pub(super) fn holds(&self, print: &Print) -> bool {
        self.keys.iter().any(|key| key.print == *print)
    }

    /// The keys that a token of that algorithm and `kid` may be signed with. One that names
    /// no key is of the only one that its algorithm has.
    pub(super) fn candidates(&self, algorithm: Algorithm, id: Option<&str>) -> Vec<&VerifyKey> {
        let fits = |key: &&VerifyKey| key.algorithm == algorithm;
        let of_algorithm = self.keys.iter().filter(fits);
        match id {
            Some(id) if !self.any_id => {
                let named = of_algorithm.filter(|key| key.id.as_deref() == Some(id));
                named.collect()
            }
            _ => {
                let found: Vec<_> = of_algorithm.collect();
                if found.len() == 1 { found } else { Vec::new() }
            }
        }
    }

    fn only(key: VerifyKey) -> Self {
        Self {
            keys: vec![key],
            any_id: true,
        }
    }
}

// === impl VerifyKey ===

impl VerifyKey {
    /// A key made of these parts.
    fn new(algorithm: Algorithm, key: DecodingKey, parts: &[&[u8]]) -> Self {
        let mut hasher = Sha256::new();
        hasher.update(algorithm.name());
        for part in parts {
            hasher.update(part.len().to_be_bytes());
            hasher.update(part);
        }
        Self {
            id: None,
            algorithm,
            key,
            print: hasher.finalize().into(),
        }
    }

    /// What tells it from any other key.
    pub(super) fn print(&self) -> Print {
        self.print
    }

    /// Whether `signature`, in base64url, is its signature of `message`.
    pub(super) fn signed(&self, message: &str, signature: &str) -> bool {
        let algorithm = self.algorithm.implemented();
        crypto::verify(signature, message.as_bytes(), &self.key, algorithm).unwrap_or(false)
    }
}

impl fmt::Debug for VerifyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VerifyKey")
            .field("algorithm", &self.algorithm)
            .finish_non_exhaustive()
    }
}

/// One key of a JWKS document, as far as it matters here.
#[derive(Deserialize)]
struct Jwk {
    kty: String,
    kid: Option<String>,
    r#use: Option<String>,
    key_ops: Option<Vec<String>>,
    alg: Option<String>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

/// The key, unless it is of another kind or for another use. A secret is none: whoever reads
/// the document could sign.
fn of_jwk(jwk: &Jwk) -> Option<VerifyKey> {
    let part = |part: &Option<String>| URL_SAFE_NO_PAD.decode(part.as_deref()?).ok();
    let key = match (&*jwk.kty, jwk.crv.as_deref()) {
        ("RSA", _) => rsa(&part(&jwk.n)?, &part(&jwk.e)?),
        ("EC", Some("P-256")) => p256(&part(&jwk.x)?, &part(&jwk.y)?),
        ("OKP", Some("Ed25519")) => ed25519(&part(&jwk.x)?),
        _ => None,
    }?;
    let signs = jwk.r#use.as_deref().is_none_or(|of| of == "sig");
    let verifies = jwk
        .key_ops
        .as_ref()
        .is_none_or(|ops| ops.iter().any(|op| op == "verify"));
    let of_algorithm = jwk
        .alg
        .as_deref()
        .is_none_or(|alg| alg == key.algorithm.name());
    (signs && verifies && of_algorithm).then(|| VerifyKey {
        id: jwk.kid.as_deref().map(Into::into),
        ..key
    })
}

fn of_info(info: &SubjectPublicKeyInfo<'_>) -> Option<VerifyKey> {
    let of = &info.algorithm;
    if of.algorithm == OID_SIG_ED25519 {
        return ed25519(&info.subject_public_key.data);
    }
    match info.parsed().ok()? {
        PublicKey::RSA(key) => rsa(unsigned(key.modulus), unsigned(key.exponent)),
        PublicKey::EC(point) => {
            let curve = of.parameters.as_ref()?.as_oid().ok()?;
            if of.algorithm != OID_KEY_TYPE_EC_PUBLIC_KEY || curve != OID_EC_P256 {
                return None;
            }
            match point.data().split_first()? {
                (4, both) => {
                    let (x, y) = both.split_at_checked(P256_BYTES)?;
                    p256(x, y)
                }
                _ => None,
            }
        }
        _ => None,
    }
}

/// The number without the zeros before it.
fn unsigned(mut number: &[u8]) -> &[u8] {
    while let [0, rest @ ..] = number {
        number = rest;
    }
    number
}

fn rsa(modulus: &[u8], exponent: &[u8]) -> Option<VerifyKey> {
    let modulus = unsigned(modulus);
    let zeros = modulus.first()?.leading_zeros();
    let bits = (modulus.len() * 8).checked_sub(usize::try_from(zeros).ok()?)?;
    if !TOKEN_RSA_BITS.contains(&bits) {
        return None;
    }
    let key = DecodingKey::from_rsa_raw_components(modulus, exponent);
    let parts = [modulus, unsigned(exponent)];
    Some(VerifyKey::new(Algorithm::Rs256, key, &parts))
}

fn p256(x: &[u8], y: &[u8]) -> Option<VerifyKey> {
    if x.len() != P256_BYTES || y.len() != P256_BYTES {
        return None;
    }
    let point = [&[4], x, y].concat();
    let key = DecodingKey::from_ec_der(&point);
    Some(VerifyKey::new(Algorithm::Es256, key, &[&point]))
}

fn ed25519(x: &[u8]) -> Option<VerifyKey> {
    if x.len() != ED25519_BYTES {
        return None;
    }
    let key = DecodingKey::from_ed_der(x);
    Some(VerifyKey::new(Algorithm::EdDsa, key, &[x]))
}

/// Bytes of a coordinate.
const P256_BYTES: usize = 32;
/// Bytes of a public key.
const ED25519_BYTES: usize = 32;
