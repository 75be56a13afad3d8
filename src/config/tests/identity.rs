//! `access.identity`: what is refused, what it comes to, and what of it a reload keeps.

use super::refusals::{check, rows};
use super::*;
use crate::access::Identity;

fn load(identity: &str, rest: &str) -> Snapshot {
    let text = format!("access: {{ identity: {{ {identity} }}, {rest} }}");
    load_text(&least(&text)).unwrap()
}

fn of(snapshot: &Snapshot) -> &Identity {
    snapshot.access.identity.as_ref().unwrap()
}

#[test]
fn a_question_that_cannot_be_asked_is_refused() {
    for (identity, expected) in rows(REFUSED) {
        check(&format!("access:\n  identity: {{ {identity} }}"), expected);
    }
    let jwt = "access:\n  jwt: { algorithms: [RS256], jwks: https://h, cookie: 'a b' }";
    check(jwt, "4:access.jwt.cookie is no name of a cookie");
}

#[test]
fn what_an_identity_comes_to_is_said_in_words() {
    let snapshot = load(
        "ask: '/api/me?k=s3cr3t', cookies: [sid, sig], grants: app.rt, hear: ['*:a'], \
         roles: { claim: role, grants: { editor: { publish: [B] } } }",
        "origins: ['*']",
    );
    let said = describe(&snapshot);
    let expected = "\
          whoever the API knows at /api/me?***, for 30s
            by Authorization, or by sid, sig as a cookie
            hears app.rt.sub, publishes app.rt.pub
            everyone of them hears *:a, publishes nothing
            editor in role hears nothing, publishes B
";
    assert!(said.contains(expected), "{said}");
    assert!(said.contains("warning   origins: \"*\" lets no page use a cookie"));
    assert!(!said.contains("no key may hear"), "{said}");
    assert!(!format!("{snapshot:?}").contains("s3cr3t"));
    let said = describe(&load("ask: /me, cache: 1h", "origins: ['*']"));
    assert!(said.contains("at /me, for 1h\n"), "{said}");
    assert!(
        said.contains("by Authorization, and by no cookie"),
        "{said}"
    );
    assert!(!said.contains("lets no page use a cookie"), "{said}");
}

#[test]
fn a_reload_keeps_the_answers_to_the_same_question_alone() {
    let sound = "ask: /api/me, cookies: [sid]";
    let old = load(sound, "");
    let kept = |new: Snapshot| {
        let adopted = old.adopt(new);
        Arc::ptr_eq(&of(&old).answers, &of(&adopted).answers)
    };
    assert!(kept(load(sound, "global: true")));
    assert!(kept(load(
        "ask: /api/me, cookies: [sid], cache: 1s, hear: [A]",
        ""
    )));
    assert!(!kept(load("ask: /api/me?x, cookies: [sid]", "")));
    assert!(!kept(load("ask: /api/me, cookies: [sid, sig]", "")));
    let mut elsewhere = load(sound, "");
    elsewhere.upstream.port += 1;
    assert!(!kept(elsewhere));
}

/// Within `access.identity`, on line 4.
const REFUSED: &str = r#"
cache: 1s  =>  4:access.identity asks nothing
preset: rest  =>  4:access.identity.preset must be pocketbase
preset: pocketbase, ask: /me  =>  4:access.identity.ask is said by the preset
ask: PUT /me  =>  4:access.identity.ask is no path
ask: '/{a'  =>  4:access.identity.ask is no path
ask: /me, claims: record  =>  4:access.identity.claims must start with `/`
ask: api/me  =>  4:access.identity.ask is no path
ask: 'http://h/me'  =>  4:access.identity.ask is no path
ask: ''  =>  4:access.identity.ask is no path
ask: '/me#a'  =>  4:access.identity.ask is no path
ask: '/me x'  =>  4:access.identity.ask is no path
ask: /mé  =>  4:access.identity.ask is no path
ask: /me, cache: 999ms  =>  4:access.identity.cache must be from 1s to 1h
ask: /me, cache: 61m  =>  4:access.identity.cache must be from 1s to 1h
ask: /me, cookies: sid  =>  4:access.identity.cookies expected a list
ask: /me, cookies: ['']  =>  4:access.identity.cookies[0] is no name of a cookie
ask: /me, cookies: [a, 'b=c']  =>  4:access.identity.cookies[1] is no name of a cookie
ask: /me, cookies: ['a;b']  =>  4:access.identity.cookies[0] is no name of a cookie
ask: /me, grants: .a  =>  4:access.identity.grants has an empty name
ask: /me, hear: ['GET:a']  =>  4:access.identity.hear[0] has no method
ask: /me, publish: ['PUT:a']  =>  4:access.identity.publish[0] names writes
ask: /me, roles: { claim: a, grants: { b: { publish: [put] } } }  =>  4:access.identity.roles.grants.b.publish[0] is reserved
ask: /me, key: 1  =>  4:access.identity.key unknown key "key" (it belongs under `access.keys`): the keys here are preset, ask, claims, cache
"#;
