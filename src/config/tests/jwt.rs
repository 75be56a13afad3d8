//! `access.jwt`: what is refused, what it comes to, and what of it a reload keeps.

use super::refusals::{check, rows};
use super::*;
use crate::access::{Algorithm, KeySource};
use crate::test_keys::key;

fn section(jwt: &str) -> String {
    least(&format!("access: {{ jwt: {{ {jwt} }} }}"))
}

fn load_with_key(jwt: &str, pem: &str) -> Result<Snapshot, String> {
    load_files(&[("tidings.yaml", &section(jwt)), ("jwt.pem", pem)], &[])
}

#[test]
fn tokens_without_sound_keys_are_refused() {
    for (jwt, expected) in rows(REFUSED) {
        check(&format!("access:\n  jwt: {{ {jwt} }}"), expected);
    }
    check(
        "access:\n  jwt:\n    algorithms: [HS256]\n    secret: ${JWT_SECRET}",
        "6:access.jwt.secret needs the environment variable JWT_SECRET",
    );
    check(
        "access:\n  jwt:\n    algorithms: []\n    jwks: https://h",
        "5:access.jwt.algorithms must name at least one",
    );
}

#[test]
fn a_key_file_without_a_public_key_is_refused() {
    let rsa = "algorithms: [RS256], key_file: jwt.pem";
    for (jwt, pem, words) in [
        (rsa, "", "holds no public key"),
        (rsa, key("rsa.pem"), "holds no public key"),
        (rsa, key("p384.pub.pem"), "is no key of RSA"),
        (
            rsa,
            key("p256.pub.pem"),
            "access.jwt.algorithms[0]: does not go with these keys",
        ),
        (
            "algorithms: [RS256, ES256], key_file: jwt.pem",
            key("rsa.pub.pem"),
            "access.jwt.algorithms[1]: does not go with these keys",
        ),
        (
            "algorithms: [HS256], key_file: jwt.pem",
            key("rsa.pub.pem"),
            "does not go with these keys",
        ),
    ] {
        let errors = load_with_key(jwt, pem).unwrap_err();
        assert!(errors.contains(words), "{errors}");
    }
    let snapshot = load_with_key(rsa, key("rsa.pub.pem")).unwrap();
    let jwt = snapshot.access.jwt.as_ref().unwrap();
    assert_eq!(*jwt.algorithms, [Algorithm::Rs256]);
    assert!(matches!(&jwt.keys.source, KeySource::File(path) if path.ends_with("jwt.pem")));
    assert_eq!(jwt.keys.load().len(), 1);
    assert_eq!(jwt.wanted.leeway, Duration::from_secs(5));
    assert_eq!(jwt.grants.path.to_string(), "realtime");
}

#[test]
fn a_key_file_may_be_named_by_an_access_file() {
    let access = "jwt: { algorithms: [ES256], key_file: '${FILE}' }";
    let files = [
        ("tidings.yaml", &*least("access: access.yaml")),
        ("access.yaml", access),
        ("jwt.pem", key("p256.pub.pem")),
    ];
    let snapshot = load_files(&files, &[("FILE", "jwt.pem")]).unwrap();
    assert_eq!(snapshot.access.jwt.as_ref().unwrap().keys.load().len(), 1);
}

#[test]
fn what_tokens_come_to_is_said_in_words() {
    let snapshot = load_text(&section(
        "algorithms: [RS256, EdDSA], jwks: 'https://issuer.example:8443/keys?k=s3cr3t', issuer: me, \
         audience: [a, b], leeway: 0s, grants: app.rt, \
         roles: { claim: roles, grants: { editor: { hear: ['*:a', B] }, idle: {} } }",
    ));
    let said = describe(&snapshot.unwrap());
    let expected = "\
access    by key
          tokens of RS256, EdDSA by https://issuer.example:8443/keys?***
            issued by me for a, b, clocks 0ms apart
            hears app.rt.sub, publishes app.rt.pub
            editor in roles hears *:a, B, publishes nothing
            idle in roles hears nothing, publishes nothing
";
    assert!(said.contains(expected), "{said}");
    assert!(!said.contains("warning   no key may hear"), "{said}");
    assert!(!said.contains("names no audience"), "{said}");
    let text = section("algorithms: [RS256], jwks: 'http://[::1]:1/', audience: a");
    assert!(!describe(&load_text(&text).unwrap()).contains("names no audience"));
    let text = section("algorithms: [RS256], jwks: http://localhost:1/");
    assert!(describe(&load_text(&text).unwrap()).contains("names no audience"));
}

#[test]
fn a_reload_keeps_fetched_keys_of_the_same_address_alone() {
    let of = |jwt: &str| load_text(&section(jwt)).unwrap();
    let keys = |snapshot: &Snapshot| Arc::clone(&snapshot.access.jwt.as_ref().unwrap().keys);
    let old = of("algorithms: [RS256], jwks: https://a/keys");
    let same = old.adopt(of("algorithms: [ES256], jwks: https://a/keys, issuer: b"));
    assert!(Arc::ptr_eq(&keys(&old), &keys(&same)));
    assert_eq!(
        *same.access.jwt.as_ref().unwrap().algorithms,
        [Algorithm::Es256]
    );
    let other = old.adopt(of("algorithms: [RS256], jwks: https://a/keys2"));
    assert!(!Arc::ptr_eq(&keys(&old), &keys(&other)));
    let secret = "algorithms: [HS256], secret: 0123456789abcdef0123456789abcdef";
    let secret = of(secret).adopt(of(secret));
    assert_eq!(keys(&secret).load().len(), 1);
}

/// Within `access.jwt`, on line 4.
const REFUSED: &str = r#"
secret: 0123456789abcdef0123456789abcdef  =>  4:access.jwt.algorithms is missing
algorithms: [RS256]  =>  4:access.jwt needs keys from one place
algorithms: [HS256], jwks: https://h, secret: 0123456789abcdef0123456789abcdef  =>  4:access.jwt needs keys from one place
algorithms: [none], jwks: https://h  =>  4:access.jwt.algorithms[0] must be HS256, RS256, ES256 or EdDSA
algorithms: [rs256], jwks: https://h  =>  4:access.jwt.algorithms[0] must be HS256, RS256, ES256 or EdDSA
algorithms: RS256, jwks: https://h  =>  4:access.jwt.algorithms expected a list
algorithms: [RS256, HS256], jwks: https://h  =>  4:access.jwt.algorithms[1] does not go with these keys
algorithms: [RS256], secret: 0123456789abcdef0123456789abcdef  =>  4:access.jwt.algorithms[0] does not go with these keys
algorithms: [HS256], secret: 0123456789abcdef0123456789abcde  =>  4:access.jwt.secret is too short for HS256: it needs 32 bytes
algorithms: [HS256], secret: ''  =>  4:access.jwt.secret is too short
algorithms: [RS256], jwks: issuer.example/keys  =>  4:access.jwt.jwks is no address of keys
algorithms: [RS256], jwks: /keys  =>  4:access.jwt.jwks is no address of keys
algorithms: [RS256], jwks: http://issuer.example/keys  =>  4:access.jwt.jwks is no address of keys
algorithms: [RS256], jwks: http://127.0.0.1.example/keys  =>  4:access.jwt.jwks is no address of keys
algorithms: [RS256], jwks: ftp://127.0.0.1/keys  =>  4:access.jwt.jwks is no address of keys
algorithms: [RS256], jwks: 'https://me:pw@h/keys'  =>  4:access.jwt.jwks is no address of keys
algorithms: [RS256], jwks: 'https://h/keys#a'  =>  4:access.jwt.jwks is no address of keys
algorithms: [RS256], jwks: ''  =>  4:access.jwt.jwks is no address of keys
algorithms: [RS256], key_file: nowhere.pem  =>  4:access.jwt.key_file cannot be read: No such file
algorithms: [RS256], key_file: .  =>  4:access.jwt.key_file is no file
algorithms: [RS256], key_file: tidings.yaml  =>  4:access.jwt.key_file holds no public key
algorithms: [RS256], jwks: https://h, issuer: ''  =>  4:access.jwt.issuer is empty
algorithms: [RS256], jwks: https://h, audience: ''  =>  4:access.jwt.audience is empty
algorithms: [RS256], jwks: https://h, audience: []  =>  4:access.jwt.audience must not be empty
algorithms: [RS256], jwks: https://h, audience: [a, '']  =>  4:access.jwt.audience[1] is empty
algorithms: [RS256], jwks: https://h, leeway: 61s  =>  4:access.jwt.leeway must be from 0ms to 1m
algorithms: [RS256], jwks: https://h, leeway: 5  =>  4:access.jwt.leeway is no duration
algorithms: [RS256], jwks: https://h, grants: a..b  =>  4:access.jwt.grants has an empty name
algorithms: [RS256], jwks: https://h, roles: { claim: a }  =>  4:access.jwt.roles.grants is missing
algorithms: [RS256], jwks: https://h, roles: { claim: '', grants: {} }  =>  4:access.jwt.roles.claim has an empty name
algorithms: [RS256], jwks: https://h, roles: { claim: a, grants: { b: { publish: [put] } } }  =>  4:access.jwt.roles.grants.b.publish[0] is reserved
algorithms: [RS256], jwks: https://h, roles: { claim: a, grants: { b: { hear: ['GET:a'] } } }  =>  4:access.jwt.roles.grants.b.hear[0] has no method
algorithms: [RS256], jwks: https://h, keys: 1  =>  4:access.jwt.keys unknown key "keys" (it belongs under `access`): the keys here are algorithms, jwks, secret
"#;
