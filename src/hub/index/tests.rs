use jiff::Timestamp;
use serde_json::json;

use super::*;
use crate::access::{
    Algorithm, ClaimGrants, CollectionRules, Credential, Hear, Hears, Jwt, KeySet, KeySource,
    Keyring, Origins, Rules, Secret, Wanted,
};
use crate::event::{Cursor, Epoch, Event, Id, Json, Kind};
use crate::rule::Rule;

const NOW: Timestamp = Timestamp::UNIX_EPOCH;

/// Tokens that say what they may hear, and these rules.
fn access(rules: &[(&str, Hear)]) -> Arc<Access> {
    let rules = rules
        .iter()
        .map(|(name, rule)| ((*name).into(), CollectionRules::hear(rule.clone())));
    Arc::new(Access {
        global: false,
        origins: Origins::default(),
        keys: Vec::new(),
        jwt: Some(Jwt {
            algorithms: Box::new([Algorithm::Hs256]),
            keys: Keyring::new(KeySource::Secret, KeySet::secret("k")),
            wanted: Wanted::default(),
            grants: ClaimGrants::default(),
            cookie: None,
        }),
        rules: Rules {
            collections: rules.collect(),
            superusers: Some(Rule::parse("@request.auth.role = 'root'").unwrap()),
            ..Rules::default()
        },
        ..Access::default()
    })
}

fn when(rule: &str) -> Hear {
    Hear::When(Rule::parse(rule).unwrap())
}

fn grant(access: &Access, claims: serde_json::Value, hear: &[&str]) -> Grant {
    let mut claims = claims;
    claims["exp"] = json!(60);
    claims["realtime"] = json!({ "sub": hear });
    let key = jsonwebtoken::EncodingKey::from_secret(b"k");
    let token = jsonwebtoken::encode(&jsonwebtoken::Header::default(), &claims, &key);
    let credential = Credential {
        token: Some(Secret::new(&token.unwrap())),
        ..Credential::default()
    };
    access.grant(&credential, NOW).unwrap()
}

fn event(kind: Kind) -> Event {
    Event {
        cursor: Cursor {
            epoch: Epoch::new(1),
            seq: 1,
        },
        at: NOW,
        kind,
    }
}

fn write(method: Method, collection: &str, record: Option<&str>) -> Event {
    let record = record.map(|text| Json::compact(serde_json::from_str(text).unwrap()));
    event(Kind::Write {
        method,
        collection: collection.into(),
        ids: Id::new("1").into_iter().collect(),
        record,
    })
}

fn custom(name: &str) -> Event {
    event(Kind::Custom {
        name: name.into(),
        data: Json::null(),
    })
}

/// What somebody with that grant hears of, by RestDB's dialect.
fn interests(grant: &Grant) -> Vec<Interest> {
    grant.hear().iter().cloned().map(Interest::in_all).collect()
}

fn filed(access: &Arc<Access>, grants: &[Grant]) -> Index {
    let mut index = Index::new(Arc::clone(access));
    for (id, grant) in grants.iter().enumerate() {
        index.insert(id, grant, &interests(grant));
    }
    index
}

fn found(index: &Index, event: &Event) -> Vec<usize> {
    let mut found = vec![99];
    index.find(&Leaving::new(event, NOW), &mut found);
    found
}

/// Those whom asking each would find.
fn asked(access: &Access, grants: &[Grant], event: &Event) -> Vec<usize> {
    let leaving = Leaving::new(event, NOW);
    let ids = 0..grants.len();
    ids.filter(|id| access.lets_hear(&grants[*id], &leaving) != Hears::No)
        .collect()
}

#[test]
fn without_rules_an_event_finds_those_who_hear_it_each_once() {
    let access = access(&[]);
    let grants = [
        &["POST:company", "*:company", "*:*"][..],
        &["PUT:company"],
        &["POST:*", "GOAL"],
        &["*"],
        &["GOAL", "*"],
    ]
    .map(|hear| grant(&access, json!({}), hear));
    let index = filed(&access, &grants);
    for event in [
        write(Method::Post, "company", None),
        write(Method::Put, "company", None),
        write(Method::Post, "other", None),
        write(Method::Delete, "other", None),
        custom("GOAL"),
        custom("OTHER"),
    ] {
        let asked = asked(&access, &grants, &event);
        assert_eq!(found(&index, &event), asked, "{event:?}");
    }
}

/// Whoever may hear is found, and of those who are found by a field nobody else is.
#[test]
fn with_rules_an_event_finds_those_of_its_record() {
    let rules = [
        ("own", when("owner = @request.auth.sub")),
        ("some", when("owner = @request.auth.sub || public = true")),
        ("role", when("@request.auth.role = 'staff'")),
        ("odd", when("n > 3")),
        ("all", Hear::Everyone),
        ("none", Hear::Superusers),
    ];
    let access = access(&rules);
    let all = &["*:*", "*"][..];
    let grants = [
        grant(&access, json!({"sub": "u1"}), all),
        grant(&access, json!({"sub": "u2", "role": "staff"}), all),
        grant(&access, json!({"sub": 3}), all),
        grant(&access, json!({"role": "root"}), all),
        grant(&access, json!({}), all),
        grant(&access, json!({"sub": "u1", "n": 2}), &["PUT:own"]),
        grant(&access, json!({"sub": "u1", "n": 3}), &["*:some"]),
    ];
    let index = filed(&access, &grants);
    let records = [
        None,
        Some(r#"{"owner":"u1"}"#),
        Some(r#"{"owner":"u2","public":true}"#),
        Some(r#"{"owner":"3","n":4}"#),
        Some(r#"{"owner":3.0}"#),
        Some(r#"{"owner":["u1","u1"]}"#),
        Some(r#"{"owner":["u1","u2"]}"#),
        Some(r#"{"owner":null,"public":1}"#),
        Some(r#"{"owner":"u1","owner":"u2"}"#),
        Some("[1]"),
    ];
    for collection in ["own", "some", "role", "odd", "all", "none", "free"] {
        for record in records {
            for method in [Method::Post, Method::Put, Method::Delete] {
                let event = write(method, collection, record);
                let (found, asked) = (found(&index, &event), asked(&access, &grants, &event));
                let missed: Vec<_> = asked.iter().filter(|id| !found.contains(id)).collect();
                assert!(missed.is_empty(), "{collection} {record:?}: {missed:?}");
            }
        }
    }
    let owned = write(Method::Put, "own", Some(r#"{"owner":"u1"}"#));
    assert_eq!(found(&index, &owned), [0, 3, 5, 6]);
    assert_eq!(asked(&access, &grants, &owned), [0, 3, 5]);
    let unknown = write(Method::Delete, "own", None);
    assert_eq!(found(&index, &unknown), [3]);
}

/// By any element of a record's array, and by any of a claim's.
#[test]
fn of_several_values_each_finds_its_own() {
    let rules = [
        ("members", when("members ?= @request.auth.sub")),
        ("ids", when("members.id ?= @request.auth.sub && n = 1")),
        ("teams", when("team ?= @request.auth.teams")),
        ("both", when("@request.auth.teams ?= teams:each")),
    ];
    let access = access(&rules);
    let all = &["*:*"][..];
    let grants = [
        grant(&access, json!({"sub": "u1", "teams": ["a", "b"]}), all),
        grant(&access, json!({"sub": "u2", "teams": ["b", "c", "c"]}), all),
        grant(&access, json!({"sub": "u3", "teams": []}), all),
    ];
    let mut index = filed(&access, &grants);
    for (collection, record, expected) in [
        ("members", r#"{"members":["u1","u2","u2"]}"#, &[0, 1][..]),
        ("members", r#"{"members":["x","u2"]}"#, &[1]),
        ("members", r#"{"members":"u3"}"#, &[2]),
        ("members", r#"{"members":[]}"#, &[]),
        ("ids", r#"{"members":["u3","u1"],"n":1}"#, &[0, 2]),
        ("teams", r#"{"team":"b"}"#, &[0, 1]),
        ("teams", r#"{"team":["x","c"]}"#, &[1]),
        ("teams", r#"{"team":null}"#, &[2]),
        ("both", r#"{"teams":["a","c"]}"#, &[0, 1]),
        ("both", r#"{"teams":["d"]}"#, &[]),
    ] {
        let event = write(Method::Put, collection, Some(record));
        assert_eq!(found(&index, &event), expected, "{collection} {record}");
        let asked = asked(&access, &grants, &event);
        assert_eq!(asked, expected, "{collection} {record}");
    }
    for (id, grant) in grants.iter().enumerate() {
        index.remove(id, grant, &interests(grant));
    }
    assert!(index.keyed.is_empty());
    assert!(index.ruled.values().all(|ruled| ruled.fields.is_empty()));
}

#[test]
fn who_left_is_found_no_more_and_leaves_nothing_behind() {
    let rules = [
        ("own", when("owner = @request.auth.sub")),
        ("too", when("owner = @request.auth.sub && n = 1")),
        ("odd", when("n > 3")),
        ("all", Hear::Everyone),
    ];
    let access = access(&rules);
    let hear = &["POST:company", "GOAL", "*:*", "*", "PUT:own"][..];
    let own = grant(&access, json!({"sub": "u1"}), hear);
    let mut index = Index::new(Arc::clone(&access));
    index.insert(7, &own, &interests(&own));
    assert_eq!(index.keyed.len(), 1);
    index.remove(7, &own, &interests(&own));
    for event in [
        write(Method::Post, "company", None),
        write(Method::Post, "own", Some(r#"{"owner":"u1"}"#)),
        write(Method::Post, "odd", Some(r#"{"n":4}"#)),
        custom("GOAL"),
    ] {
        assert!(found(&index, &event).is_empty());
    }
    assert!(index.custom.is_empty() && index.collections.is_empty());
    assert!(index.keyed.is_empty());
    let empty = |ruled: &Ruled| {
        ruled.fields.is_empty() && ruled.everyone.is_empty() && ruled.asked.is_empty()
    };
    assert!(index.ruled.values().all(empty));
}

/// Whoever lost its grant is taken out when that is seen, and once more when its last stream ends.
#[test]
fn who_is_taken_out_twice_takes_nobody_else_along() {
    let access = access(&[("own", when("owner = @request.auth.sub"))]);
    let grants = ["u1", "u2"].map(|sub| grant(&access, json!({ "sub": sub }), &["*:*"]));
    let mut index = filed(&access, &grants);
    for _ in 0..2 {
        index.remove(0, &grants[0], &interests(&grants[0]));
    }
    let owned = |owner| write(Method::Put, "own", Some(owner));
    assert_eq!(found(&index, &owned(r#"{"owner":"u2"}"#)), [1]);
    assert!(found(&index, &owned(r#"{"owner":"u1"}"#)).is_empty());
}
