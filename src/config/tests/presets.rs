//! The presets, as `observe.preset` and `access.identity.preset` take them: what each observes, and
//! what it makes of it.

mod drf;
mod kinto;
mod restdb;

use http::Method;

use super::*;
use crate::event::Kind;
use crate::observe::preset::{NAMES, WITH_IDENTITY, yaml};
use crate::observe::{Answer, Body, Happened};

fn preset(name: &str) -> Snapshot {
    load_text(&least(&format!("observe: {{ preset: {name} }}"))).unwrap()
}

fn found(name: &str, method: &str, path: &str) -> Option<String> {
    let snapshot = preset(name);
    let target = snapshot.observe.target(method, path)?;
    let id = target.id().map_or("-", |id| id.as_str());
    Some(format!("{} {id}", target.collection()))
}

/// The events of a request, each as a line. Shape: `POST posts r1 {"id":"r1"}`.
fn events(snapshot: &Snapshot, request: &str, sent: &[u8], media: &str, told: &str) -> Vec<String> {
    let (method, target) = request.split_once(' ').unwrap();
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let headers = http::HeaderMap::new();
    let observed = snapshot.observe.observed(method, path, query, &headers);
    let observed = observed.unwrap();
    let (status, response) = told.split_once(' ').unwrap();
    let events = observed.events(Answer::Complete {
        status: status.parse().unwrap(),
        location: None,
        media: Some(media),
        request: Body::Whole(sent),
        response: Body::Whole(response.as_bytes()),
    });
    events.iter().map(|event| line(&event.kind)).collect()
}

fn line(event: &Kind) -> String {
    match event {
        Kind::Custom { .. } | Kind::Left { .. } => panic!("{event:?}"),
        Kind::Gap => "gap".to_owned(),
        Kind::Uncertain {
            method,
            collection,
            id,
        } => {
            let id = id.as_ref().map_or("-", |id| id.as_str());
            format!("uncertain {method} {collection} {id}")
        }
        Kind::Write {
            method,
            collection,
            ids,
            record,
        } => {
            let ids = ids
                .iter()
                .map(|id| id.as_str())
                .collect::<Vec<_>>()
                .join(",");
            let record = record.as_ref().map_or("-", |record| record.as_str());
            format!("{method} {collection} {ids} {record}")
        }
    }
}

const JSON: &str = "application/json";

#[test]
fn every_preset_is_known_by_its_name() {
    for name in NAMES {
        assert!(!preset(name).observe.rules.is_empty(), "{name}");
    }
    assert_eq!(yaml("json-server.yaml"), None);
    assert_eq!(yaml(""), None);
}

#[test]
fn a_presets_text_is_a_part_of_a_configuration() {
    for name in NAMES {
        let identity = WITH_IDENTITY.contains(name);
        let identity = if identity {
            format!("access: {{ identity: {{ preset: {name} }} }}")
        } else {
            String::new()
        };
        let named = load_text(&least(&format!(
            "observe: {{ preset: {name} }}\n{identity}"
        )));
        let copied = load_text(&least(yaml(name).unwrap()));
        let said = |snapshot: &Snapshot| (describe(snapshot), format!("{:?}", snapshot.observe));
        assert_eq!(said(&copied.unwrap()), said(&named.unwrap()), "{name}");
    }
}

#[test]
fn every_rule_of_a_preset_says_how_its_records_are_read() {
    for name in NAMES {
        let snapshot = preset(name);
        let (_rule, read) = snapshot.observe.read().unwrap();
        let id = crate::event::Id::new("7").unwrap();
        assert!(
            read.record
                .of("posts", &id)
                .unwrap()
                .path()
                .contains("/posts/"),
            "{name}"
        );
    }
}

#[test]
fn json_server_is_observed_with_its_nested_routes() {
    for (request, place) in [
        ("POST /posts", Some("posts -")),
        ("PATCH /posts/1", Some("posts 1")),
        ("DELETE /posts/1", Some("posts 1")),
        ("PUT /profile", Some("profile -")),
        ("POST /posts/1/comments", Some("comments -")),
        ("PUT /posts/1/comments", None),
        ("GET /posts", None),
        ("POST /login", None),
        ("PUT /db", None),
    ] {
        let (method, path) = request.split_once(' ').unwrap();
        assert_eq!(
            found("json-server", method, path).as_deref(),
            place,
            "{request}"
        );
    }
}

#[test]
fn json_server_is_observed_in_any_case() {
    for (request, place) in [
        ("PATCH /POSTS/1", Some("posts -")),
        ("PATCH /posts/A", Some("posts A")),
        ("PUT /Profile", Some("profile -")),
        ("POST /posts/1/Comments", Some("comments -")),
        ("PATCH /AUTH/1", None),
        ("POST /Login", None),
        ("POST /DB", None),
    ] {
        let (method, path) = request.split_once(' ').unwrap();
        assert_eq!(
            found("json-server", method, path).as_deref(),
            place,
            "{request}"
        );
    }
}

#[test]
fn a_rest_api_is_observed_but_for_what_answers_a_token() {
    for (path, place) in [
        ("/posts", Some("posts -")),
        ("/posts/1/", Some("posts 1")),
        ("/conferences/sessions", Some("conferences sessions")),
        ("/posts/1/publish", None),
    ] {
        assert_eq!(found("rest", "POST", path).as_deref(), place, "{path}");
    }
    for path in [
        "/auth/login",
        "/auth",
        "/login",
        "/users/login",
        "/users/sign_in",
        "/oauth/token",
        "/tokens",
        "/sessions/1",
        "/users/reset-password",
        "/password_resets/1",
        "/refresh",
        "/%61uth/login",
        "//auth/login",
        "/posts/../auth;x/login",
        "/posts/search",
    ] {
        assert_eq!(found("rest", "POST", path), None, "{path}");
    }
}

#[test]
fn what_answers_a_secret_is_observed_by_neither_preset_for_any_api() {
    for path in [
        "/change-password",
        "/reset-password",
        "/api-keys",
        "/access-tokens",
        "/personal_access_tokens",
        "/token-refresh",
        "/api-token-refresh",
        "/obtain-token",
        "/get_token",
        "/token_obtain",
        "/sessions",
    ] {
        for preset in ["drf", "rest"] {
            assert_eq!(found(preset, "POST", &format!("{path}/")), None, "{path}");
        }
    }
    assert_eq!(
        found("drf", "POST", "/accounts/").as_deref(),
        Some("accounts -")
    );
}

#[test]
fn pocketbase_is_observed_by_its_records() {
    let records = "/api/collections/posts/records";
    for (request, place) in [
        (format!("POST {records}"), Some("posts -")),
        (format!("PATCH {records}/r1"), Some("posts r1")),
        (format!("DELETE {records}/r1"), Some("posts r1")),
        (
            "DELETE /api/collections/posts/truncate".to_owned(),
            Some("posts -"),
        ),
        ("POST /api/collections/posts/truncate".to_owned(), None),
        (
            "POST /api/collections/users/auth-with-password".to_owned(),
            None,
        ),
        ("POST /api/collections/users/auth-refresh".to_owned(), None),
        ("POST /api/collections".to_owned(), None),
        ("PATCH /api/collections/posts".to_owned(), None),
        ("POST /api/collections/_superusers/records".to_owned(), None),
        (
            "POST /api/collections/pbc_3142635823/records".to_owned(),
            None,
        ),
        ("PATCH /api/settings".to_owned(), None),
    ] {
        let (method, path) = request.split_once(' ').unwrap();
        assert_eq!(
            found("pocketbase", method, path).as_deref(),
            place,
            "{request}"
        );
    }
}

#[test]
fn a_record_of_pocketbase_is_told_by_the_name_of_its_collection_and_without_what_is_not_for_all() {
    let snapshot = preset("pocketbase");
    let told = |request: &str, answer: &str| events(&snapshot, request, b"", JSON, answer);
    let records = "/api/collections/pbc_1/records";
    // Nothing is known of that collection yet.
    assert_eq!(
        told(&format!("DELETE {records}/r1"), "204 "),
        ["DELETE pbc_1 r1 -"]
    );
    let of = |more: &str| {
        format!(r#"{{"id":"r1","collectionId":"pbc_1","collectionName":"posts"{more}}}"#)
    };
    let answer = format!("200 {}", of(r#","expand":{"author":{"id":"u1"}}"#));
    let expected = format!("POST posts r1 {}", of(""));
    assert_eq!(
        told(&format!("POST {records}?expand=author"), &answer),
        [expected]
    );
    assert_eq!(
        told(&format!("DELETE {records}/r1"), "204 "),
        ["DELETE posts r1 -"]
    );
    let part = "200 {\"id\":\"r1\",\"title\":\"a\"}";
    let asked = format!("PATCH {records}/r1?fields=id,title");
    assert_eq!(told(&asked, part), ["PATCH posts r1 -"]);
    for (visible, expected) in [("true", r#","email":"a@b.c""#), ("false", "")] {
        let own = format!(r#","email":"a@b.c","emailVisibility":{visible}"#);
        let told = told(&format!("PATCH {records}/r1"), &format!("200 {}", of(&own)));
        let open = format!(r#"{expected},"emailVisibility":{visible}"#);
        assert_eq!(told, [format!("PATCH posts r1 {}", of(&open))]);
    }
    let truncated = told("DELETE /api/collections/pbc_1/truncate", "204 ");
    assert_eq!(truncated, ["uncertain DELETE posts -"]);
}

#[test]
fn a_collection_that_is_not_named_is_not_observed_by_another_name() {
    let snapshot = load_text(&least(
        "observe: { preset: pocketbase, collections: [posts] }",
    ))
    .unwrap();
    let told = |name: &str| {
        let answer =
            format!(r#"200 {{"id":"r1","collectionId":"pbc_1","collectionName":"{name}"}}"#);
        events(
            &snapshot,
            "POST /api/collections/pbc_1/records",
            b"",
            JSON,
            &answer,
        )
        .len()
    };
    assert_eq!((told("posts"), told("secrets")), (1, 0));
}

const BATCH: &str = r#"{"requests":[
    {"method":"POST","url":"/api/collections/posts/records?fields=id","body":{"title":"a"}},
    {"method":"get","url":"/api/collections/posts/records"},
    {"method":"PUT","url":"/api/collections/posts/records","body":{"id":"r2"}},
    {"method":"DELETE","url":"/api/collections/posts/records/r3"}]}"#;
const ANSWERS: &str = r#"200 [
    {"status":200,"body":{"id":"r1"}},
    {"status":200,"body":{}},
    {"status":200,"body":{"id":"r2","title":"b"}},
    {"status":204,"body":null}]"#;
const TOLD: [&str; 3] = [
    "POST posts r1 -",
    r#"PUT posts r2 {"id":"r2","title":"b"}"#,
    "DELETE posts r3 -",
];

#[test]
fn each_request_of_a_batch_is_observed_as_if_it_had_come_by_itself() {
    let snapshot = preset("pocketbase");
    let told = |sent: &str, answer: &str| {
        events(&snapshot, "POST /api/batch", sent.as_bytes(), JSON, answer)
    };
    assert_eq!(told(BATCH, ANSWERS), TOLD);
    assert_eq!(told(BATCH, r#"400 {"status":400}"#), [""; 0]);
    let uncertain = [
        "uncertain POST posts -",
        "uncertain PUT posts -",
        "uncertain DELETE posts r3",
    ];
    for answer in ["200 []", "200 {}", "200 [", "500 "] {
        assert_eq!(told(BATCH, answer), uncertain, "{answer}");
    }
    for sent in ["", "{", "{}", r#"{"requests":{}}"#, r#"{"requests":[{}]}"#] {
        assert_eq!(told(sent, ANSWERS), ["gap"], "{sent}");
        assert_eq!(told(sent, "400 "), [""; 0], "{sent}");
    }
    let none = http::HeaderMap::new();
    let lost = snapshot.observe.observed("POST", "/api/batch", "", &none);
    let lost = lost.unwrap();
    let lost = lost.events(Answer::Lost { status: None });
    assert!(matches!(
        &*lost,
        [Happened {
            kind: Kind::Gap,
            ..
        }]
    ));
}

#[test]
fn a_batch_may_be_a_form() {
    let snapshot = preset("pocketbase");
    let part = |name: &str, text: &str| {
        format!("--B\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{text}\r\n")
    };
    let file = "--B\r\nContent-Disposition: form-data; name=\"requests.0.file\"; \
                filename=\"a\"\r\n\r\n\u{0}--\r\n";
    let media = "multipart/form-data; boundary=B";
    let told = |form: String| {
        events(
            &snapshot,
            "POST /api/batch",
            form.as_bytes(),
            media,
            ANSWERS,
        )
    };
    let end = "--B--\r\n";
    assert_eq!(
        told(format!("{file}{}{end}", part("@jsonPayload", BATCH))),
        TOLD
    );
    for form in [
        format!("{}{end}", part("other", BATCH)),
        part("@jsonPayload", BATCH).replace("\r\n--", ""),
        String::new(),
    ] {
        assert_eq!(told(form), ["gap"]);
    }
}

/// PocketBase reads JSON as Go does, and some forms otherwise than others do: what it did is not
/// known, and least of all by the word of who wrote.
#[test]
fn a_batch_that_can_be_read_in_two_ways_tells_nothing_but_a_gap() {
    let snapshot = preset("pocketbase");
    let told = |sent: &str, media: &str| {
        events(
            &snapshot,
            "POST /api/batch",
            sent.as_bytes(),
            media,
            ANSWERS,
        )
    };
    let twice = |name: &str| BATCH.replacen('{', &format!("{{\"{name}\":[],"), 1);
    let item = BATCH.replacen("\"body\":{\"t", "\"URL\":\"/\",\"body\":{\"t", 1);
    for sent in [
        twice("requests"),
        twice("Requests"),
        twice("reque\u{17f}ts"),
        item,
    ] {
        assert_eq!(told(&sent, JSON), ["gap"], "{sent}");
    }
    for media in [
        "application/JSON; charset=utf-8",
        "application/vnd.api+json",
    ] {
        assert_eq!(told(BATCH, media), TOLD, "{media}");
    }
    for media in ["application/x-www-form-urlencoded", "text/plain", ""] {
        assert_eq!(told(BATCH, media), ["gap"], "{media}");
    }
    let part = |fields: &str| format!("--B\r\nContent-Disposition: form-data; {fields}\r\n\r\n");
    let form = |more: &str| {
        let own = part("name=\"@jsonPayload\"");
        format!("{own}{BATCH}\r\n{more}{{}}\r\n--B--\r\n")
    };
    let media = "multipart/form-data; boundary=B";
    assert_eq!(told(&form(&part("name=\"other\"")), media), TOLD);
    let encoded = "name=\"x\"\r\nContent-Transfer-Encoding: quoted-printable";
    for more in [
        "name=\"@jsonPayload\"",
        "name=\"x\"; name*=utf-8''%40jsonPayload",
        encoded,
    ] {
        assert_eq!(told(&form(&part(more)), media), ["gap"], "{more}");
    }
    let media = format!("{media}; boundary*=utf-8''C");
    assert_eq!(told(&form(&part("name=\"other\"")), &media), ["gap"]);
}

/// PocketBase takes the name of a collection in any case.
#[test]
fn a_collection_is_told_as_it_is_spelt() {
    let rules = "access: { rules: { userNotes: { hear: \"\" } } }";
    let named = "observe: { preset: pocketbase, collections: [posts, userNotes] }";
    for (yaml, names) in [
        (
            format!("observe: {{ preset: pocketbase }}\n{rules}"),
            vec!["userNotes"],
        ),
        (named.to_owned(), vec!["userNotes", "posts"]),
    ] {
        let snapshot = load_text(&least(&yaml)).unwrap();
        let told = |request: &str, answer: &str| events(&snapshot, request, b"", JSON, answer);
        for name in names {
            let shouted = format!("/api/collections/{}", name.to_uppercase());
            let deleted = told(&format!("DELETE {shouted}/records/r1"), "204 ");
            assert_eq!(deleted, [format!("DELETE {name} r1 -")]);
            let truncated = told(&format!("DELETE {shouted}/truncate"), "204 ");
            assert_eq!(truncated, [format!("uncertain DELETE {name} -")]);
        }
    }
    let snapshot = preset("pocketbase");
    let told = |request: &str, answer: &str| events(&snapshot, request, b"", JSON, answer);
    let record = r#"200 {"id":"r1","collectionId":"pbc_1","collectionName":"Tags"}"#;
    told("POST /api/collections/tags/records", record);
    let deleted = told("DELETE /api/collections/TAGS/records/r1", "204 ");
    assert_eq!(deleted, ["DELETE Tags r1 -"]);
}

#[test]
fn an_identity_may_be_a_presets() {
    let yaml = "access: { identity: { preset: pocketbase, cache: 5s } }";
    let snapshot = load_text(&least(yaml)).unwrap();
    let identity = snapshot.access.identity.as_ref().unwrap();
    assert_eq!(identity.ask.method, Method::POST);
    assert_eq!(
        identity.ask.path(),
        "/api/collections/{collectionId}/auth-refresh"
    );
    assert_eq!(identity.claims.to_string(), "/record");
    let said = describe(&snapshot);
    let expected = "knows at POST /api/collections/{collectionId}/auth-refresh, for 5s";
    assert!(said.contains(expected), "{said}");
}

#[test]
fn the_configuration_before_pocketbase_lets_it_decide() {
    let snapshot = shipped("pocketbase.yaml");
    assert!(snapshot.access.rules.asks_upstream() && snapshot.access.identity.is_some());
    assert!(snapshot.observe.read().is_some() && !snapshot.observe.batches.is_empty());
}
