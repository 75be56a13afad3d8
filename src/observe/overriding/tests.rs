use std::sync::Arc;

use http::HeaderValue;

use super::*;
use crate::event::Kind;
use crate::observe::Batch;
use crate::observe::rule::{Glob, Globs, PathPattern, Pointer, Rule};

const JSON: Option<&str> = Some("application/json");
const FORM: Option<&str> = Some("application/x-www-form-urlencoded");
const PARTS: Option<&str> = Some("multipart/form-data; boundary=x");

fn everywhere() -> MethodOverride {
    MethodOverride {
        headers: [
            HeaderName::from_static("x-http-method-override"),
            HeaderName::from_static("x-method-override"),
        ]
        .into(),
        query: Some("_method".into()),
        body: Some("_method".into()),
    }
}

fn in_head() -> MethodOverride {
    MethodOverride {
        body: None,
        ..everywhere()
    }
}

fn observe(by: Option<MethodOverride>) -> Observe {
    let path = PathPattern::template("/{collection}/{id?}").unwrap();
    Observe {
        rules: vec![Arc::new(Rule::new(path))],
        method_override: by,
        ..Observe::default()
    }
}

fn fields(values: &[(&'static str, &'static str)]) -> HeaderMap {
    let field = |(name, value): &(&'static str, &'static str)| {
        let value = HeaderValue::from_static(value);
        (HeaderName::from_static(name), value)
    };
    values.iter().map(field).collect()
}

/// Each event of a request as a line; none if it is not observed. Shape: `DELETE 7`,
/// `uncertain PUT 7`.
fn told(
    observe: &Observe,
    request: &str,
    headers: &[(&'static str, &'static str)],
    (media, sent): (Option<&str>, &[u8]),
    answer: &[u8],
) -> Option<Vec<String>> {
    let (method, target) = request.split_once(' ').unwrap();
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let observed = observe.observed(method, path, query, &fields(headers))?;
    let events = observed.events(Answer::Complete {
        status: 200,
        location: None,
        media,
        request: Body::Whole(sent),
        response: Body::Whole(answer),
    });
    Some(events.iter().map(|event| line(&event.kind)).collect())
}

fn line(kind: &Kind) -> String {
    match kind {
        Kind::Uncertain { method, id, .. } => {
            format!(
                "uncertain {method} {}",
                id.as_ref().map_or("-", |id| id.as_str())
            )
        }
        Kind::Write { method, ids, .. } => format!("{method} {}", ids[0].as_str()),
        Kind::Custom { .. } | Kind::Gap | Kind::Left { .. } => panic!("{kind:?}"),
    }
}

const ANY: [&str; 4] = [
    "uncertain DELETE 7",
    "uncertain PATCH 7",
    "uncertain POST 7",
    "uncertain PUT 7",
];

const NO_BODY: (Option<&str>, &[u8]) = (None, b"");

#[test]
fn nothing_is_overridden_where_nothing_is_said() {
    let observe = observe(None);
    let head = [("x-http-method-override", "DELETE")];
    let request = "POST /posts/7?_method=DELETE";
    let sent = (FORM, &b"_method=DELETE"[..]);
    let events = told(&observe, request, &head, sent, br#"{"id":7}"#);
    assert_eq!(events.unwrap(), ["POST 7"]);
    let request = "GET /posts/7?_method=DELETE";
    assert_eq!(told(&observe, request, &head, NO_BODY, b"{}"), None);
}

#[test]
fn the_head_of_a_post_names_its_method() {
    let observe = observe(Some(in_head()));
    let field = "x-http-method-override";
    for (headers, query, events) in [
        (&[][..], "", Some(&["POST 7"][..])),
        (&[(field, "DELETE")], "", Some(&["DELETE 7"])),
        (&[(field, " patch ")], "", Some(&["PATCH 7"])),
        (&[("x-method-override", "PUT")], "", Some(&["PUT 7"])),
        (&[("x-http-method", "PUT")], "", Some(&["POST 7"])),
        (&[(field, "POST")], "", Some(&["POST 7"])),
        (&[], "?a=1&_method=delete", Some(&["DELETE 7"])),
        (&[], "?%5Fmethod=%44ELETE", Some(&["DELETE 7"])),
        (&[(field, "PUT")], "?_method=PUT", Some(&["PUT 7"])),
        // What only reads is no write.
        (&[(field, "GET")], "", Some(&[])),
        (&[(field, "HEAD")], "?_method=OPTIONS", Some(&[])),
        // What does not reach the upstream.
        (
            &[
                (field, "DELETE"),
                ("connection", "close, X-HTTP-Method-Override"),
            ],
            "",
            Some(&ANY),
        ),
        // Two of them, of which one counts.
        (
            &[(field, "PUT")],
            "?_method=DELETE",
            Some(&["uncertain PUT 7", "uncertain DELETE 7"]),
        ),
        (
            &[(field, "PUT"), (field, "PATCH")],
            "",
            Some(&["uncertain PUT 7", "uncertain PATCH 7"]),
        ),
        (
            &[(field, "PUT, PATCH")],
            "",
            Some(&["uncertain PUT 7", "uncertain PATCH 7"]),
        ),
        (
            &[(field, "GET")],
            "?_method=DELETE",
            Some(&["uncertain DELETE 7"]),
        ),
        (&[(field, "")], "", Some(&ANY)),
        (&[(field, "MKCOL")], "", Some(&ANY)),
        (&[("x_http_method-override", "PUT")], "", Some(&ANY)),
        (&[], "?.method=PUT", Some(&ANY)),
        (&[], "?_method[]=PUT", Some(&ANY)),
        (&[], "?methods=PUT&_method_=PUT", Some(&["POST 7"])),
        (&[(field, "DELETE")], "?_method=x", Some(&ANY)),
    ] {
        let request = format!("POST /posts/7{query}");
        let found = told(&observe, &request, headers, NO_BODY, br#"{"id":7}"#);
        let expected = events.map(|events| events.iter().map(|&e| e.to_owned()).collect());
        assert_eq!(found, expected, "{headers:?} {query}");
    }
}

#[test]
fn a_reading_that_makes_something_is_in_doubt() {
    let answered = |status| Answer::Complete {
        status,
        location: None,
        media: JSON,
        request: Body::Whole(b"{}"),
        response: Body::Whole(br#"{"id":7}"#),
    };
    let reads = fields(&[("x-http-method-override", "GET")]);
    for by in [in_head(), everywhere()] {
        let observe = observe(Some(by));
        let observed = observe.observed("POST", "/posts", "", &reads).unwrap();
        assert_eq!(observed.events(answered(200)), []);
        let told = observed.events(answered(201));
        let [told] = told.as_slice() else {
            panic!("{told:?}");
        };
        let is_post = matches!(
            &told.kind,
            Kind::Uncertain {
                method: Method::Post,
                ..
            }
        );
        assert!(is_post, "{told:?}");
    }
}

#[test]
fn another_method_than_a_post_is_itself_whatever_it_names() {
    for by in [in_head(), everywhere()] {
        let observe = observe(Some(by));
        let field = "x-http-method-override";
        for (method, named, events) in [
            ("GET", "GET", None),
            ("GET", "HEAD", None),
            ("GET", "nonsense", None),
            ("GET", "nonsense, delete", None),
            ("GET", "DELETE", None),
            ("HEAD", "PUT", None),
            ("PUT", "PUT", Some(&["PUT 7"][..])),
            ("PUT", "GET", Some(&["PUT 7"])),
            ("PUT", "DELETE", Some(&["PUT 7"])),
        ] {
            let request = format!("{method} /posts/7");
            let found = told(
                &observe,
                &request,
                &[(field, named)],
                NO_BODY,
                br#"{"id":7}"#,
            );
            let expected = events.map(|events| events.iter().map(|&e| e.to_owned()).collect());
            assert_eq!(found, expected, "{method} {named}");
        }
    }
}

#[test]
fn the_body_of_a_post_names_its_method() {
    let observe = observe(Some(everywhere()));
    let part = |name: &str, text: &str| {
        format!("--x\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{text}\r\n--x--\r\n")
    };
    let parts = part("_method", "put");
    let file = part("file\"; filename=\"a.txt", "_method=DELETE");
    let odd = part("_method", "put").replace("name=", "name*=utf-8''a; name=");
    for (media, sent, events) in [
        (FORM, "title=a&_method=DELETE", &["DELETE 7"][..]),
        (FORM, "title=a", &["POST 7"]),
        (FORM, "_method=GET", &[]),
        (
            FORM,
            "_method=PUT&_method=PATCH",
            &["uncertain PATCH 7", "uncertain PUT 7"],
        ),
        (FORM, "_method=", &ANY),
        (FORM, "+_method=DELETE", &ANY),
        (None, "_method=DELETE", &["DELETE 7"]),
        (PARTS, &*parts, &["PUT 7"]),
        (PARTS, &*file, &["POST 7"]),
        (PARTS, &*odd, &ANY),
        (PARTS, "--x", &ANY),
        (Some("multipart/form-data"), &*parts, &ANY),
        (JSON, r#"{"_method":"DELETE","a":1}"#, &["DELETE 7"]),
        (Some("text/plain"), r#"{"_method":"PUT"}"#, &["PUT 7"]),
        (JSON, r#"{"_method":"GET","where":{}}"#, &[]),
        (JSON, r#"{"a":{"_method":"DELETE"}}"#, &["POST 7"]),
        (JSON, r#"[{"_method":"DELETE"}]"#, &["POST 7"]),
        (JSON, r#"{"_method":1}"#, &ANY),
        (JSON, r#"{"_method":"PUT","_method":"GET"}"#, &ANY),
        (JSON, r#"{"_method":"PUT""#, &ANY),
        (JSON, "", &["POST 7"]),
        (Some("text/plain"), "_method=DELETE", &["POST 7"]),
        // What one reader takes for a form, and the other for JSON.
        (FORM, r#"{"a":"&_method=GET"}"#, &ANY),
        (None, r#"{"a":"&_method=GET"}"#, &ANY),
        (FORM, r#"{"_method":"GET"}"#, &ANY),
        (FORM, r#"{"a":1}"#, &["POST 7"]),
    ] {
        let sent = (media, sent.as_bytes());
        let found = told(&observe, "POST /posts/7", &[], sent, br#"{"id":7}"#);
        let text = String::from_utf8_lossy(sent.1);
        assert_eq!(found.unwrap(), events, "{media:?} {text}");
    }
}

#[test]
fn the_body_and_the_head_of_a_post_agree_or_are_in_doubt() {
    let observe = observe(Some(everywhere()));
    for (named, sent, events) in [
        ("DELETE", "_method=DELETE", &["DELETE 7"][..]),
        ("DELETE", "a=1", &["DELETE 7"]),
        (
            "DELETE",
            "_method=PUT",
            &["uncertain DELETE 7", "uncertain PUT 7"],
        ),
        ("GET", "_method=PUT", &["uncertain PUT 7"]),
        ("GET", "_method=GET", &[]),
    ] {
        let sent = (FORM, sent.as_bytes());
        let head = [("x-http-method-override", named)];
        let mut found = told(&observe, "POST /posts/7", &head, sent, b"{}").unwrap();
        found.sort_unstable();
        assert_eq!(found, events, "{named}");
    }
}

#[test]
fn a_post_whose_body_is_not_known_is_in_doubt() {
    let observe = observe(Some(everywhere()));
    let observed = observe
        .observed("POST", "/posts/7", "", &HeaderMap::new())
        .unwrap();
    let complete = |status| Answer::Complete {
        status,
        location: None,
        media: JSON,
        request: Body::Unknown,
        response: Body::Whole(br#"{"id":7}"#),
    };
    let lines = |answer| -> Vec<_> {
        let events = observed.events(answer);
        events.iter().map(|event| line(&event.kind)).collect()
    };
    assert_eq!(lines(complete(200)), ANY);
    assert_eq!(lines(complete(409)), [""; 0]);
    assert_eq!(lines(Answer::Lost { status: None }), ANY);
    assert_eq!(lines(Answer::Lost { status: Some(404) }), [""; 0]);
    // Nobody knows whom it concerns before it is done.
    assert_eq!(
        (observed.method(), observed.collection()),
        (Method::Post, None)
    );
}

#[test]
fn a_body_that_names_its_method_is_no_record() {
    let observe = observe(Some(everywhere()));
    let told = |sent: &str| {
        let sent = (JSON, sent.as_bytes());
        told(&observe, "POST /posts", &[], sent, b"").unwrap()
    };
    assert_eq!(told(r#"{"id":7}"#), ["POST 7"]);
    assert_eq!(told(r#"{"id":7,"_method":"POST"}"#), ["uncertain POST -"]);
}

#[test]
fn a_batch_is_one_unless_its_head_names_a_method() {
    let mut observe = observe(Some(everywhere()));
    let at = |name: &str| Pointer::of(&[name]);
    observe.batches = vec![Arc::new(Batch {
        path: Globs::new(vec![Glob::new("/batch").unwrap()]).unwrap(),
        requests: at("requests"),
        form: None,
        method: at("method"),
        url: at("url"),
        prefix: "".into(),
        base: "".into(),
        body: at("body"),
        defaults: None,
        undone_by: Box::default(),
        answers: Pointer::default(),
        status: at("status"),
        answer: at("body"),
    })];
    let sent = br#"{"requests":[{"method":"DELETE","url":"/posts/7"}]}"#;
    let events = |headers: &[_]| {
        told(
            &observe,
            "POST /batch",
            headers,
            (JSON, sent),
            br#"[{"status":204}]"#,
        )
    };
    assert_eq!(events(&[]).unwrap(), ["DELETE 7"]);
    let head = [("x-method-override", "GET")];
    assert_eq!(events(&head).unwrap(), [""; 0]);
}
