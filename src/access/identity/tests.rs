//! What is kept of the upstream's answers, for how long, and of whom.

use super::*;
use crate::access::{Access, Denied, Grant, Origin, Origins};

const CACHE: Duration = Duration::from_secs(30);

/// So many milliseconds after the beginning.
fn at(ms: i64) -> Timestamp {
    Timestamp::from_millisecond(1_767_225_600_000 + ms).unwrap()
}

fn identity() -> Identity {
    let all = Rights {
        hear: vec!["*:posts".parse().unwrap()],
        publish: vec!["GOAL".parse().unwrap()],
    };
    Identity {
        ask: "/me".parse().unwrap(),
        claims: Pointer::default(),
        cache: CACHE,
        cookies: ["sid".into()].into(),
        grants: ClaimGrants {
            all,
            ..ClaimGrants::default()
        },
        answers: Answers::new(),
    }
}

fn access() -> Access {
    Access {
        origins: Origins::new(vec!["https://app".into(), "*".into()]),
        identity: Some(identity()),
        ..Access::default()
    }
}

fn cookie(value: &str) -> Credential {
    Credential {
        cookies: Some(Secret::new(&format!("a=b; sid={value}"))),
        host: "api".into(),
        ..Credential::default()
    }
}

fn authorization(value: &str) -> Credential {
    Credential {
        authorization: Some(Secret::new(value)),
        ..Credential::default()
    }
}

fn known(claims: &str) -> Answer {
    let answer = Answer::of(claims.as_bytes(), &Pointer::default()).unwrap();
    assert_ne!(answer, Answer::Refused);
    answer
}

/// Lets the upstream have said that of the credential.
fn said(access: &Access, credential: &Credential, answer: Answer, asked: Timestamp) {
    let (identity, presented) = access.presented(credential).unwrap();
    identity.answers.keep(&presented, answer, asked, CACHE);
}

fn grant(access: &Access, credential: &Credential, ms: i64) -> Result<Grant, Denied> {
    access.grant(credential, at(ms))
}

#[test]
fn nobody_is_let_in_before_the_upstream_has_said_who_it_is() {
    let access = access();
    let ada = cookie("ada");
    assert_eq!(grant(&access, &ada, 0).err(), Some(Denied::Unasked));
    let asked = access.unasked(&ada, at(0)).unwrap();
    let (name, value) = asked.field().unwrap();
    assert_eq!(
        (name.as_str(), value.as_bytes()),
        ("cookie", &b"sid=ada"[..])
    );
    said(&access, &ada, known(r#"{"id":1}"#), at(0));
    assert_eq!(access.unasked(&ada, at(1)), None);
    let granted = grant(&access, &ada, 1).unwrap();
    assert_eq!(granted.until(), Some(at(30_000)));
    // Neither another cookie nor another host has its answer.
    for other in ["eve", "ada; sid=ada"] {
        assert_eq!(
            grant(&access, &cookie(other), 1).err(),
            Some(Denied::Unasked)
        );
    }
    let elsewhere = Credential {
        host: "other".into(),
        ..ada.clone()
    };
    assert_eq!(grant(&access, &elsewhere, 1).err(), Some(Denied::Unasked));
    assert_eq!(grant(&access, &ada, 30_000).err(), Some(Denied::Unasked));
    let eve = cookie("eve");
    said(&access, &eve, Answer::Refused, at(0));
    assert_eq!(grant(&access, &eve, 1999).err(), Some(Denied::Refused));
    assert_eq!(grant(&access, &eve, 2000).err(), Some(Denied::Unasked));
}

#[test]
fn what_is_said_comes_before_a_key_and_a_key_before_a_cookie() {
    let access = access();
    let said = Some(Secret::new("Token t"));
    for (authorization, token, key, field) in [
        (
            said.clone(),
            None,
            Some("k"),
            Some("authorization: Token t"),
        ),
        (said, Some("q"), None, Some("authorization: Token t")),
        (None, Some("q"), Some("k"), Some("authorization: Bearer q")),
        (None, Some("q\r\nX: y"), None, None),
        (None, None, Some("k"), None),
        (None, None, None, Some("cookie: sid=ada")),
    ] {
        let credential = Credential {
            authorization,
            token: token.map(Secret::new),
            key: key.map(Secret::new),
            ..cookie("ada")
        };
        let asked = access.unasked(&credential, at(0));
        let asked = asked.and_then(|asked| asked.field());
        let asked = asked.map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()));
        assert_eq!(asked.as_deref(), field, "{credential:?}");
    }
    let unheard_of = authorization("");
    assert_eq!(access.unasked(&unheard_of, at(0)), None);
    assert_eq!(grant(&access, &unheard_of, 0).err(), Some(Denied::Refused));
    let long = authorization(&"x".repeat(IDENTITY_CREDENTIAL_BYTES_MAX + 1));
    assert_eq!(grant(&access, &long, 0).err(), Some(Denied::Refused));
}

#[test]
fn a_page_elsewhere_asks_nothing_and_hears_nothing_by_a_cookie() {
    let access = access();
    let from = |origin: Origin| Credential {
        origin,
        ..cookie("ada")
    };
    let evil = from(Origin::Cross("https://evil".into()));
    assert_eq!(access.unasked(&evil, at(0)), None);
    said(&access, &cookie("ada"), known(r#"{"id":1}"#), at(0));
    let may = |origin: Origin| {
        let credential = from(origin);
        let hears = grant(&access, &credential, 1).err();
        (hears, access.may_publish(&credential, "GOAL", at(1)).err())
    };
    let refused = Some(Denied::Origin);
    assert_eq!(may(Origin::Same), (None, None));
    assert_eq!(may(Origin::Cross("https://app".into())), (None, None));
    assert_eq!(may(Origin::Absent), (None, refused));
    assert_eq!(may(Origin::Hidden), (refused, refused));
    assert_eq!(
        may(Origin::Cross("https://evil".into())),
        (refused, refused)
    );
    // It is looked at again whenever the configuration changes.
    let app = from(Origin::Cross("https://app".into()));
    let granted = grant(&access, &app, 1).unwrap();
    let mut changed = access.clone();
    changed.origins = Origins::new(vec!["*".into()]);
    assert_eq!(changed.renew(&granted, at(2)), Err(Denied::Origin));
}

#[test]
fn those_in_use_are_asked_about_again_in_time_and_go_on() {
    let access = access();
    let (ada, bob) = (cookie("ada"), cookie("bob"));
    for who in [&ada, &bob] {
        said(&access, who, known(r#"{"id":1}"#), at(0));
    }
    let granted = grant(&access, &ada, 1).unwrap();
    let answers = &access.identity.as_ref().unwrap().answers;
    assert_eq!(answers.take_due(at(24_999)), None);
    let due = answers.take_due(at(27_500)).unwrap();
    assert_eq!(due.field().unwrap().1.as_bytes(), b"sid=ada");
    assert_eq!((answers.take_due(at(27_500)), answers.len()), (None, 1));
    // It could not be asked: again a little later.
    assert!(answers.take_due(at(28_499)).is_none());
    assert!(answers.take_due(at(28_500)).is_some());
    answers.keep(&due, known(r#"{"id":2}"#), at(28_500), CACHE);
    let renewed = access.renew(&granted, at(30_000)).unwrap();
    assert_eq!(renewed.until(), Some(at(58_500)));
    drop((granted, due));
    assert!(
        answers.take_due(at(57_000)).is_some(),
        "in use by its new grant"
    );
    answers.keep(
        &access.unasked(&bob, at(0)).unwrap(),
        Answer::Refused,
        at(57_000),
        CACHE,
    );
    drop(renewed);
    assert!(answers.take_due(at(90_000)).is_none());
    assert!(answers.is_empty());
}

#[test]
fn a_refusal_is_still_there_when_the_streams_look() {
    let access = access();
    let ada = cookie("ada");
    said(&access, &ada, known(r#"{"id":1}"#), at(0));
    let granted = grant(&access, &ada, 1).unwrap();
    said(&access, &ada, Answer::Refused, at(25_000));
    assert_eq!(access.renew(&granted, at(30_250)), Err(Denied::Refused));
    assert_eq!(grant(&access, &ada, 31_999).err(), Some(Denied::Refused));
    assert_eq!(grant(&access, &ada, 32_000).err(), Some(Denied::Unasked));
}

#[test]
fn answers_are_bounded_and_those_in_use_stay() {
    let access = access();
    let answers = &access.identity.as_ref().unwrap().answers;
    let name = |number: usize| cookie(&format!("user-{number}"));
    let mut held = Vec::new();
    for number in 0..2 * IDENTITIES_KEPT {
        said(&access, &name(number), known(r#"{"id":1}"#), at(0));
        held.push(grant(&access, &name(number), 1).unwrap());
    }
    assert_eq!(answers.len(), held.len());
    for number in 0..5 * IDENTITIES_KEPT {
        said(
            &access,
            &cookie(&format!("bad-{number}")),
            Answer::Refused,
            at(1),
        );
        assert!(answers.len() <= held.len() + IDENTITIES_KEPT, "{number}");
    }
    for granted in &held {
        assert!(access.renew(granted, at(2)).is_ok());
    }
    held.clear();
    for number in 0..3 * IDENTITIES_KEPT {
        said(
            &access,
            &cookie(&format!("worse-{number}")),
            Answer::Refused,
            at(2),
        );
    }
    assert!(answers.len() <= IDENTITIES_KEPT, "{}", answers.len());
    let kept = answers.0.lock();
    assert_eq!(kept.due.len(), kept.entries.len());
}

#[test]
fn an_answer_that_can_be_read_in_two_ways_is_none() {
    for body in [
        "",
        "null",
        "[]",
        "<html>",
        r#"{"a":1,"a":2}"#,
        r#"{"a":{"b":1,"b":2}}"#,
        r#"{"a":1} x"#,
        &("{\"a\":".repeat(20) + "1" + &"}".repeat(20)),
    ] {
        assert_eq!(
            Answer::of(body.as_bytes(), &Pointer::default()),
            None,
            "{body}"
        );
    }
    assert_eq!(
        Answer::of(b" { } ", &Pointer::default()),
        Some(Answer::Refused)
    );
    let Some(Answer::Known(claims)) = Answer::of(b"{ \"a\" : [1, 2] }", &Pointer::default()) else {
        panic!("it is an object");
    };
    assert_eq!(claims.0.as_str(), r#"{"a":[1,2]}"#);
}

#[test]
fn nothing_of_a_credential_is_printed() {
    let access = access();
    let ada = cookie("s3cret");
    said(&access, &ada, known(r#"{"mail":"s3cret"}"#), at(0));
    let granted = grant(&access, &ada, 1).unwrap();
    let presented = access.presented(&ada).unwrap().1;
    let shown = format!(
        "{access:?} {granted:?} {presented:?} {:?} {ada:?}",
        presented.field()
    );
    assert!(!shown.contains("s3cret"), "{shown}");
}
