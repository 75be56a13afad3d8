use super::*;
use crate::event::Method;

fn key(name: &str, hear: &[&str], publish: &[&str], origins: Option<&[&str]>) -> Arc<Key> {
    let patterns = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect();
    Arc::new(Key {
        name: name.into(),
        secret: Secret::new(&format!("{name}-secret")),
        hear: Vec::into(patterns(hear)),
        publish: Vec::into_boxed_slice(patterns(publish)),
        superuser: false,
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
        ..Access::default()
    }
}

const NOW: Timestamp = Timestamp::UNIX_EPOCH;

fn credential(key: Option<&str>, origin: Origin) -> Credential {
    Credential {
        key: key.map(Secret::new),
        origin,
        ..Credential::default()
    }
}

#[test]
fn a_key_hears_what_it_was_granted_and_nothing_else() {
    let grant = access()
        .grant(&credential(Some("web-secret"), Origin::Absent), NOW)
        .unwrap();
    assert!(grant.hears(Topic::Write(Method::Post, "company")));
    assert!(grant.hears(Topic::Custom("GOAL")));
    assert!(!grant.hears(Topic::Write(Method::Put, "company")));
    assert!(!grant.hears(Topic::Custom("OTHER")));
}

#[test]
fn whoever_has_no_right_is_told_which_is_missing() {
    let absent = |key| access().grant(&credential(key, Origin::Absent), NOW).err();
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
    let grant = access.grant(&nobody, NOW).unwrap();
    assert!(grant.hears(Topic::Write(Method::Delete, "any")));
    assert!(grant.hears(Topic::Custom("ANY")));
    assert_eq!(
        access.may_publish(&nobody, "GOAL", NOW),
        Err(Denied::Anonymous)
    );
    let wrong = credential(Some("wrong"), Origin::Absent);
    assert_eq!(access.grant(&wrong, NOW), Err(Denied::Unknown));
}

#[test]
fn an_origin_counts_for_the_key_it_comes_with() {
    let ask = |key: &str, origin: &str| {
        access()
            .grant(&credential(Some(key), Origin::Cross(origin.into())), NOW)
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
    assert!(access.may_publish(&web, "GOAL", NOW).is_ok());
    assert_eq!(
        access.may_publish(&web, "OTHER", NOW),
        Err(Denied::Uncovered)
    );
    let own = credential(Some("own-secret"), Origin::Absent);
    assert_eq!(
        access.may_publish(&own, "GOAL", NOW),
        Err(Denied::Uncovered)
    );
}

#[test]
fn a_grant_is_renewed_by_what_the_configuration_now_says() {
    let grant = access()
        .grant(&credential(Some("web-secret"), Origin::Absent), NOW)
        .unwrap();
    let mut changed = access();
    changed.keys.remove(0);
    assert_eq!(changed.renew(&grant, NOW), Err(Denied::Unknown));
    changed.keys.push(key("web", &["GOAL"], &[], None));
    let renewed = changed.renew(&grant, NOW).unwrap();
    assert!(!renewed.hears(Topic::Write(Method::Post, "company")));
}

#[test]
fn a_secret_is_never_printed() {
    let shown = format!("{:?}", access());
    assert!(!shown.contains("web-secret"), "{shown}");
}

/// By which credential the upstream would be asked about records for who comes with these.
fn asked_by(authorization: Option<&str>, token: Option<&str>, cookies: Option<&str>) -> String {
    let access = Access {
        jwt: Some(Jwt {
            algorithms: Box::new([Algorithm::Hs256]),
            keys: Keyring::new(KeySource::Secret, KeySet::secret("k")),
            wanted: Wanted::default(),
            grants: ClaimGrants::default(),
            cookie: Some("token".into()),
        }),
        rules: Rules {
            rest: Some(CollectionRules::hear(Hear::Upstream)),
            ..Rules::default()
        },
        global: true,
        ..Access::default()
    };
    let credential = Credential {
        authorization: authorization.map(Secret::new),
        token: token.map(Secret::new),
        cookies: cookies.map(Secret::new),
        origin: Origin::Same,
        ..Credential::default()
    };
    let grant = access.grant(&credential, NOW).unwrap();
    let (name, value) = grant.presented.unwrap().field().unwrap();
    format!("{name}: {}", value.to_str().unwrap())
}

#[test]
fn the_upstream_is_asked_by_the_token_that_counts_and_by_nothing_beside_it() {
    let claims = serde_json::json!({"exp": 10, "sub": "u1"});
    let key = jsonwebtoken::EncodingKey::from_secret(b"k");
    let token = jsonwebtoken::encode(&jsonwebtoken::Header::default(), &claims, &key).unwrap();
    let bearer = format!("bearer {token}");
    let basic = Some("Basic YTpi");
    for authorization in [None, basic] {
        let asked = asked_by(authorization, Some(&token), None);
        assert_eq!(asked, format!("authorization: Bearer {token}"));
    }
    for own in [&bearer, &token] {
        let asked = asked_by(Some(own), Some(&token), None);
        assert_eq!(asked, format!("authorization: {own}"));
    }
    let cookie = format!("token={token}");
    assert_eq!(
        asked_by(basic, None, Some(&cookie)),
        format!("cookie: {cookie}")
    );
}
