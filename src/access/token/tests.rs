//! Tokens as an issuer, and as somebody who is none, would make them.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm as Made, EncodingKey, crypto};
use serde_json::{Value, json};

use super::*;
use crate::access::{
    Access, ClaimGrants, ClaimPath, Credential, Denied, Grant, Jwt, KeySource, Keyring, NotAKey,
    Rights, Roles, Secret,
};
use crate::test_keys::key;

mod table;

const SECRET: &str = "a secret that anybody can read, of 32 bytes";
/// 2026-01-01.
const NOW: i64 = 1_767_225_600;
const HEAR: &str = r#""realtime":{"sub":["*:posts"],"pub":["GOAL"]}"#;

/// What signs.
#[derive(Clone, Copy)]
enum With {
    Es384,
    Ed,
    Hs(&'static str),
    Nothing,
    P256,
    Rsa,
    RsaOther,
    RsaShort,
    RsaPss,
}

fn now() -> Timestamp {
    Timestamp::from_second(NOW).unwrap()
}

fn part(text: &str) -> String {
    URL_SAFE_NO_PAD.encode(text)
}

/// A token of exactly this header and these claims.
fn token(header: &str, claims: &str, with: With) -> String {
    let message = format!("{}.{}", part(header), part(claims));
    let signature = sign(&message, with);
    format!("{message}.{signature}")
}

fn sign(message: &str, with: With) -> String {
    let rsa = |pem: &str| EncodingKey::from_rsa_pem(pem.as_bytes()).unwrap();
    let ec = |pem: &str| EncodingKey::from_ec_pem(pem.as_bytes()).unwrap();
    let (algorithm, key) = match with {
        With::Nothing => return String::new(),
        With::Hs(secret) => (Made::HS256, EncodingKey::from_secret(secret.as_bytes())),
        With::Rsa => (Made::RS256, rsa(key("rsa.pem"))),
        With::RsaPss => (Made::PS256, rsa(key("rsa.pem"))),
        With::RsaOther => (Made::RS256, rsa(key("rsa-other.pem"))),
        With::RsaShort => (Made::RS256, rsa(key("rsa-short.pem"))),
        With::P256 => (Made::ES256, ec(key("p256.pem"))),
        With::Es384 => (Made::ES384, ec(key("p384.pem"))),
        With::Ed => (
            Made::EdDSA,
            EncodingKey::from_ed_pem(key("ed25519.pem").as_bytes()).unwrap(),
        ),
    };
    crypto::sign(message.as_bytes(), &key, algorithm).unwrap()
}

/// Claims that are good for an hour, and these besides.
fn good(more: &str) -> String {
    let exp = NOW + 3600;
    let comma = if more.is_empty() { "" } else { "," };
    format!(r#"{{"exp":{exp},"iss":"issuer","aud":"api",{HEAR}{comma}{more}}}"#)
}

/// [`good`] with another `exp`.
fn exp(exp: &str) -> String {
    format!(r#"{{"exp":{exp},"iss":"issuer","aud":"api",{HEAR}}}"#)
}

fn jwt(keys: KeySet, algorithms: &[Algorithm]) -> Jwt {
    let url = "https://issuer.example/keys".parse().unwrap();
    Jwt {
        algorithms: algorithms.into(),
        keys: Keyring::new(KeySource::Url(url), keys),
        wanted: Wanted {
            issuer: Some("issuer".into()),
            audience: Box::new(["api".into(), "other-api".into()]),
            leeway: Duration::from_secs(5),
        },
        grants: ClaimGrants::default(),
        cookie: None,
    }
}

fn access(jwt: Jwt) -> Access {
    Access {
        jwt: Some(jwt),
        ..Access::default()
    }
}

fn all_keys() -> Access {
    let keys = KeySet::jwks(key("all.jwks.json").as_bytes()).unwrap();
    let algorithms = [Algorithm::Rs256, Algorithm::Es256, Algorithm::EdDsa];
    access(jwt(keys, &algorithms))
}

fn grant(access: &Access, token: &str) -> Result<Grant, Denied> {
    access.grant(&credential(token), now())
}

fn credential(token: &str) -> Credential {
    Credential {
        token: Some(Secret::new(token)),
        ..Credential::default()
    }
}

/// Judges each row with each set of keys twice, since what was verified once is remembered.
fn check(access: &Access, rows: &[(&str, String, Option<Fault>)]) {
    for (what, token, expected) in rows {
        for _ in 0..2 {
            let denied = grant(access, token).err();
            assert_eq!(denied, expected.map(Denied::Token), "{what}");
        }
    }
}

const RS: &str = r#"{"alg":"RS256","kid":"rsa","typ":"JWT"}"#;
const ES: &str = r#"{"alg":"ES256","kid":"p256"}"#;
const ED: &str = r#"{"alg":"EdDSA","kid":"ed25519"}"#;

#[test]
fn a_key_is_of_one_algorithm_whatever_the_configuration_names() {
    let every: Vec<_> = Algorithm::NAMED.iter().map(|(_, of)| *of).collect();
    let (rsa, algorithm) = KeySet::pem(key("rsa.pub.pem")).unwrap();
    assert_eq!(algorithm, Algorithm::Rs256);
    let rsa = access(jwt(rsa, &every));
    let hs = r#"{"alg":"HS256"}"#;
    let unknown = Some(Fault::UnknownKey);
    let rows = [
        ("RS256", token(RS, &good(""), With::Rsa), None),
        (
            "any kid",
            token(r#"{"alg":"RS256","kid":"any"}"#, &good(""), With::Rsa),
            None,
        ),
        (
            "no kid",
            token(r#"{"alg":"RS256"}"#, &good(""), With::Rsa),
            None,
        ),
        (
            "HS256 by the PEM",
            token(hs, &good(""), With::Hs(key("rsa.pub.pem"))),
            unknown,
        ),
        ("ES256", token(ES, &good(""), With::P256), unknown),
    ];
    check(&rsa, &rows);
    let secret = access(jwt(KeySet::secret(SECRET), &every));
    let rows = [
        ("HS256", token(hs, &good(""), With::Hs(SECRET)), None),
        (
            "another secret",
            token(hs, &good(""), With::Hs("another")),
            Some(Fault::Signature),
        ),
        (
            "no signature",
            token(hs, &good(""), With::Nothing),
            Some(Fault::Signature),
        ),
        ("RS256", token(RS, &good(""), With::Rsa), unknown),
    ];
    check(&secret, &rows);
    let none_yet = access(jwt(KeySet::default(), &every));
    check(
        &none_yet,
        &[("RS256", token(RS, &good(""), With::Rsa), unknown)],
    );
}

#[test]
fn what_is_no_key_is_refused() {
    for (pem, why) in [
        ("", NotAKey::Pem),
        (
            "-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----\n",
            NotAKey::Pem,
        ),
        (key("rsa.pem"), NotAKey::Pem),
        (key("rsa-short.pub.pem"), NotAKey::Kind),
        (key("p384.pub.pem"), NotAKey::Kind),
    ] {
        assert_eq!(KeySet::pem(pem).err(), Some(why), "{pem}");
    }
    for (pem, of) in [
        (key("p256.pub.pem"), Algorithm::Es256),
        (key("ed25519.pub.pem"), Algorithm::EdDsa),
    ] {
        assert_eq!(KeySet::pem(pem).unwrap().1, of);
    }
    let many = r#"{"kty":"RSA"},"#.repeat(65);
    let many = format!(r#"{{"keys":[{}]}}"#, many.trim_end_matches(','));
    let short = key("rsa-short.pub.pem");
    for document in [
        "",
        "{}",
        "[]",
        r#"{"keys":[]}"#,
        r#"{"keys":[1,{}]}"#,
        &many,
        short,
    ] {
        assert!(KeySet::jwks(document.as_bytes()).is_none(), "{document}");
    }
    assert_eq!(
        KeySet::jwks(key("all.jwks.json").as_bytes()).unwrap().len(),
        4
    );
}

#[test]
fn a_claim_grants_what_it_names_and_what_is_no_pattern_grants_nothing() {
    let access = all_keys();
    let heard = |claims: Value| {
        let mut whole: Value = serde_json::from_str(&good("")).unwrap();
        whole.as_object_mut().unwrap().remove("realtime");
        let members = whole.as_object_mut().unwrap();
        members.extend(claims.as_object().unwrap().clone());
        let token = token(RS, &whole.to_string(), With::Rsa);
        let hear = grant(&access, &token).map(|grant| {
            let hear: Vec<_> = grant.hear().iter().map(ToString::to_string).collect();
            hear.join(" ")
        });
        let names = ["GOAL", "OTHER", "put", "POST:posts"];
        let publish =
            names.map(|name| access.may_publish(&credential(&token), name, now()).is_ok());
        (hear, publish)
    };
    let (hear, publish) = heard(json!({"realtime": {
        "sub": ["POST:posts", "GET:posts", 7, "", "GOAL", null, ["*"], ":x"],
        "pub": ["GOAL", "put", "POST:posts", "*:*", 1],
    }}));
    assert_eq!(hear.unwrap(), "POST:posts GOAL");
    assert_eq!(publish, [true, false, false, false]);
    for nothing in [
        json!({}),
        json!({"realtime": null}),
        json!({"realtime": ["*"]}),
        json!({"realtime": {"sub": "*"}}),
        json!({"realtime": {"sub": {"*": "*"}}}),
        json!({"realtime": {"hear": ["*"]}}),
    ] {
        let (hear, publish) = heard(nothing.clone());
        assert_eq!(hear, Err(Denied::Uncovered), "{nothing}");
        assert_eq!(publish, [false; 4], "{nothing}");
    }
}

#[test]
fn grants_stand_where_the_configuration_says() {
    let hears = |path: &str, claims: &str| {
        let mut jwt = all_keys().jwt.unwrap();
        jwt.grants.path = ClaimPath::new(path).unwrap();
        let access = access(jwt);
        grant(&access, &token(RS, &good(claims), With::Rsa)).is_ok()
    };
    assert!(hears("a.b.c", r#""a":{"b":{"c":{"sub":["X"]}}}"#));
    assert!(hears(
        "https://x.example/rt",
        r#""https://x.example/rt":{"sub":["X"]}"#
    ));
    assert!(!hears("a.b.c", r#""a":{"b":{"sub":["X"]}}"#));
    assert!(!hears("a.b", r#""a":[{"b":{"sub":["X"]}}]"#));
    for path in ["", ".", "a.", ".a", "a..b"] {
        assert_eq!(ClaimPath::new(path), None, "{path}");
    }
}

#[test]
fn roles_add_what_the_configuration_grants_them() {
    let mut jwt = all_keys().jwt.unwrap();
    let editor = Rights {
        hear: vec!["PUT:*".parse().unwrap()],
        publish: vec!["EDIT".parse().unwrap()],
    };
    jwt.grants.roles = Some(Roles {
        claim: ClaimPath::new("app.roles").unwrap(),
        grants: [("editor".into(), editor)].into(),
    });
    let access = access(jwt);
    let edits = |claims: &str| {
        let token = token(RS, &good(claims), With::Rsa);
        let hears = grant(&access, &token).unwrap().hear().len() == 2;
        let publishes = access
            .may_publish(&credential(&token), "EDIT", now())
            .is_ok();
        assert_eq!(hears, publishes);
        hears
    };
    assert!(edits(r#""app":{"roles":"editor"}"#));
    assert!(edits(r#""app":{"roles":["viewer",7,"editor"]}"#));
    for none in [
        "[]",
        r#""Editor""#,
        r#"{"editor":true}"#,
        "null",
        r#"[["editor"]]"#,
    ] {
        assert!(!edits(&format!(r#""app":{{"roles":{none}}}"#)), "{none}");
    }
}

#[test]
fn a_grant_is_renewed_without_its_token_as_long_as_key_and_claims_count() {
    let access = all_keys();
    let token = token(RS, &good(""), With::Rsa);
    let old = grant(&access, &token).unwrap();
    let until = Timestamp::from_second(NOW + 3605).unwrap();
    assert_eq!(old.until(), Some(until));
    assert_eq!(access.renew(&old, now()), Ok(old.clone()));
    let expired = Err(Denied::Token(Fault::Expired));
    assert_eq!(access.renew(&old, until), expired);
    let mut other = all_keys();
    let jwt = other.jwt.as_mut().unwrap();
    jwt.wanted.issuer = Some("other".into());
    assert_eq!(other.renew(&old, now()), Err(Denied::Token(Fault::Issuer)));
    let jwt = other.jwt.as_mut().unwrap();
    jwt.algorithms = [Algorithm::Es256].into();
    assert_eq!(
        other.renew(&old, now()),
        Err(Denied::Token(Fault::Algorithm))
    );
    // What was remembered does not outlive its key either.
    let keys = &access.jwt.as_ref().unwrap().keys;
    let rotated = || KeySet::jwks(key("rsa-other.jwks.json").as_bytes()).unwrap();
    assert!(keys.store(rotated()));
    assert!(!keys.store(rotated()));
    let unknown = Err(Denied::Token(Fault::UnknownKey));
    assert_eq!(access.renew(&old, now()), unknown);
    assert_eq!(grant(&access, &token), unknown);
    assert!(access.is_outdated(&credential(&token), now()));
    assert_eq!(Access::default().renew(&old, now()), Err(Denied::Unknown));
}

#[test]
fn a_token_counts_before_a_key_and_only_where_tokens_count() {
    let key = Secret::new("k");
    let presented = |token: &str| Credential {
        key: Some(key.clone()),
        ..credential(token)
    };
    let mut access = all_keys();
    access.keys = vec![std::sync::Arc::new(crate::access::Key {
        name: "k".into(),
        secret: key.clone(),
        hear: ["*".parse().unwrap()].into(),
        publish: [].into(),
        superuser: false,
        origins: None,
    })];
    let bad = access.grant(&presented("bad"), now());
    assert_eq!(bad, Err(Denied::Token(Fault::Malformed)));
    let sound = token(RS, &good(""), With::Rsa);
    let granted = access.grant(&presented(&sound), now()).unwrap();
    assert_eq!(granted.hear()[0].to_string(), "*:posts");
    access.global = true;
    assert!(access.grant(&presented("bad"), now()).is_err());
    access.jwt = None;
    assert!(access.grant(&presented("bad"), now()).is_ok());
}

#[test]
fn nothing_of_a_token_or_a_secret_is_printed() {
    let access = access(jwt(KeySet::secret(SECRET), &[Algorithm::Hs256]));
    let claims = good(r#""name":"m4rk""#);
    let token = token(r#"{"alg":"HS256"}"#, &claims, With::Hs(SECRET));
    let grant = grant(&access, &token).unwrap();
    let shown = format!("{grant:?} {access:?} {:?}", credential(&token));
    for secret in ["m4rk", SECRET, &token, &part(&claims), "97, 32, 115"] {
        assert!(!shown.contains(secret), "{secret}: {shown}");
    }
}

#[test]
fn what_is_remembered_is_bounded() {
    let access = access(jwt(KeySet::secret(SECRET), &[Algorithm::Hs256]));
    for n in 0..3000 {
        let claims = good(&format!(r#""n":{n}"#));
        let token = token(r#"{"alg":"HS256"}"#, &claims, With::Hs(SECRET));
        assert!(grant(&access, &token).is_ok());
    }
    let shown = format!("{:?}", access.jwt.unwrap().keys);
    let (_, kept) = shown.split_once("tokens: ").unwrap();
    let digits: String = kept.chars().take_while(char::is_ascii_digit).collect();
    let kept: usize = digits.parse().unwrap();
    assert!((512..=crate::limits::TOKENS_KEPT).contains(&kept), "{kept}");
}
