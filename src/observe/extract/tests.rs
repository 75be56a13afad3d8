//! What each kind of answer amounts to, as tables.

mod bodies;

use std::sync::Arc;

use super::*;
use crate::observe::rule::{PathPattern, Rule};
use crate::observe::{Answer, Observe};

/// An exchange that succeeded, and a rule that is to read it.
struct Case {
    ids: &'static [&'static str],
    record: &'static str,
    redact: &'static [&'static str],
    location: Option<&'static str>,
    media: Option<&'static str>,
    request: &'static str,
}

/// The `/id` of a record that is the whole answer.
const PLAIN: Case = Case {
    ids: &["/id", "/_id"],
    record: "",
    redact: &[],
    location: None,
    media: None,
    request: "",
};

/// The record in an envelope.
const DATA: Case = Case {
    ids: &["/data/id"],
    record: "/data",
    ..PLAIN
};

impl Case {
    /// The events of `METHOD /path` that was answered so, each as one line.
    fn events(&self, request: &str, answer: impl AsRef<[u8]>) -> Vec<String> {
        let answer = answer.as_ref();
        let (method, path) = request.split_once(' ').unwrap();
        let target = self.observe().target(method, path).unwrap();
        let events = target.events(Answer::Complete {
            status: 200,
            location: self.location,
            media: self.media,
            request: Body::Whole(self.request.as_bytes()),
            response: Body::Whole(answer),
        });
        events
            .iter()
            .map(|event| line(&event.kind, method))
            .collect()
    }

    fn observe(&self) -> Observe {
        let pointers = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect();
        let rule = Rule {
            id: Vec::into_boxed_slice(pointers(self.ids)),
            record: self.record.parse().unwrap(),
            ..Rule::new(PathPattern::template("/{collection}/{id?}").unwrap())
        };
        Observe {
            rules: vec![Arc::new(rule)],
            redact: Vec::into(pointers(self.redact)),
            ..Observe::default()
        }
    }
}

/// Shape: `7 {"id":7}`, `7,8 -`, `uncertain 7`, `uncertain -`.
fn line(event: &Kind, expected: &str) -> String {
    match event {
        Kind::Custom { .. } | Kind::Gap | Kind::Left { .. } => panic!("{event:?} is no write"),
        Kind::Uncertain {
            method,
            collection,
            id,
        } => {
            assert_eq!((method.as_str(), &**collection), (expected, "posts"));
            format!("uncertain {}", id.as_ref().map_or("-", Id::as_str))
        }
        Kind::Write {
            method,
            collection,
            ids,
            record,
        } => {
            assert_eq!((method.as_str(), &**collection), (expected, "posts"));
            let ids: Vec<_> = ids.iter().map(Id::as_str).collect();
            let record = record.as_ref().map_or("-", |record| record.as_str());
            format!("{} {record}", ids.join(","))
        }
    }
}

fn check(case: &Case, request: &str, expected: &[(&str, &[&str])]) {
    for (answer, events) in expected {
        assert_eq!(
            case.events(request, answer),
            *events,
            "{request} answered {answer}"
        );
    }
}

#[test]
fn a_create_tells_the_record_that_was_answered() {
    let cases: [(&str, &[&str]); 10] = [
        (r#"{ "id": 7, "n": 1.10 }"#, &[r#"7 {"id":7,"n":1.10}"#]),
        (r#"{"id":"a b"}"#, &[r#"a b {"id":"a b"}"#]),
        (r#"{"_id":"x"}"#, &[r#"x {"_id":"x"}"#]),
        (r#"{"id":null,"_id":"x"}"#, &[r#"x {"id":null,"_id":"x"}"#]),
        (
            r#"{"id":9007199254740993}"#,
            &[r#"9007199254740993 {"id":9007199254740993}"#],
        ),
        (r#"{"id":1,"id":2}"#, &["uncertain -"]),
        (r#"{"title":"x"}"#, &["uncertain -"]),
        (r#"{"id":{"$oid":"x"}}"#, &["uncertain -"]),
        ("OK", &["uncertain -"]),
        (r#"{"id":7,"#, &["uncertain -"]),
    ];
    check(&PLAIN, "POST /posts", &cases);
}

#[test]
fn a_bulk_create_tells_every_record_or_that_it_cannot() {
    let cases: [(&str, &[&str]); 8] = [
        (
            r#"[{"id":7},{"_id":8}]"#,
            &[r#"7 {"id":7}"#, r#"8 {"_id":8}"#],
        ),
        (r#"["a", 8]"#, &["a -", "8 -"]),
        (r#"[{"id":7},"b"]"#, &[r#"7 {"id":7}"#, "b -"]),
        ("[]", &[]),
        (r#"[{"id":7},{"title":"x"}]"#, &["uncertain -"]),
        (r#"[{"id":7},null]"#, &["uncertain -"]),
        ("[[7]]", &["uncertain -"]),
        ("[{\"id\":7},", &["uncertain -"]),
    ];
    check(&PLAIN, "POST /posts", &cases);
    check(
        &PLAIN,
        "POST /posts/search",
        &[("[{\"id\":7}]", &["uncertain search"])],
    );
}

#[test]
fn a_bulk_beyond_the_limit_is_uncertain() {
    let bulk = |count| format!("[{}1]", "1,".repeat(count - 1));
    for method in ["POST", "PUT", "DELETE"] {
        let request = format!("{method} /posts");
        let within = PLAIN.events(&request, bulk(BULK_RECORDS));
        assert_ne!(within, ["uncertain -"], "{method}");
        let beyond = PLAIN.events(&request, bulk(BULK_RECORDS + 1));
        assert_eq!(beyond, ["uncertain -"], "{method}");
    }
}

#[test]
fn an_envelope_is_taken_off() {
    let cases: [(&str, &[&str]); 6] = [
        (r#"{"data":{"id":7}}"#, &[r#"7 {"id":7}"#]),
        (
            r#"{"data":[{"id":7},{"id":8}]}"#,
            &[r#"7 {"id":7}"#, r#"8 {"id":8}"#],
        ),
        (r#"{"data":[]}"#, &[]),
        (r#"{"id":7}"#, &["uncertain -"]),
        (r#"{"data":null}"#, &["uncertain -"]),
        (r#"[{"id":7}]"#, &["uncertain -"]),
    ];
    check(&DATA, "POST /posts", &cases);
    let located = Case {
        location: Some("/posts/7"),
        ..DATA
    };
    check(&located, "POST /posts", &[(r#"{"ok":true}"#, &["7 -"])]);
}

#[test]
fn an_id_comes_from_the_path_then_the_answer_then_its_location_then_the_request() {
    let case = Case {
        location: Some("/posts/8"),
        request: r#"{"id":9}"#,
        ..PLAIN
    };
    check(
        &case,
        "POST /posts/6",
        &[
            (r#"{"id":7}"#, &["uncertain 6"]),
            (r#"{"id":6}"#, &[r#"6 {"id":6}"#]),
        ],
    );
    check(
        &case,
        "POST /posts",
        &[
            (r#"{"id":7}"#, &[r#"7 {"id":7}"#]),
            ("{}", &["uncertain 8"]),
        ],
    );
    let case = Case {
        location: None,
        ..case
    };
    check(&case, "POST /posts", &[("{}", &[r#"9 {"id":9}"#])]);
    check(&PLAIN, "POST /posts", &[("{}", &["uncertain -"])]);
}

#[test]
fn a_location_is_read_by_the_rule_of_the_request() {
    for (location, id) in [
        ("/posts/7", Some("7")),
        ("/posts/a%20b/?x=/posts/9#y", Some("a b")),
        ("http://api.example:8080/posts/7", Some("7")),
        ("//api.example/posts/7", Some("7")),
        ("/jobs/7", None),
        ("/posts", None),
        ("/posts/7/comments/8", None),
        ("/posts//7", None),
        ("/posts/a%2Fb", None),
        ("http://posts/7", None),
        ("http://api.example", None),
        ("posts/7", None),
        ("7", None),
        ("", None),
    ] {
        let case = Case {
            location: Some(location),
            ..PLAIN
        };
        let expected = format!("uncertain {}", id.unwrap_or("-"));
        assert_eq!(case.events("POST /posts", "OK"), [expected], "{location}");
    }
}

#[test]
fn a_create_that_answers_no_record_tells_what_was_sent() {
    for (location, request, event) in [
        (
            Some("/posts/7"),
            r#"{ "a": 1.10 }"#,
            r#"7 {"a":1.10,"id":7}"#,
        ),
        (Some("/posts/x"), r#"{"a":1}"#, r#"x {"a":1,"id":"x"}"#),
        (Some("/posts/7"), r#"{"id":null}"#, r#"7 {"id":7}"#),
        (Some("/posts/7"), r#"[{"a":1}]"#, r#"7 {"a":1,"id":7}"#),
        (None, r#"{"id":7,"a":1}"#, r#"7 {"id":7,"a":1}"#),
        (None, r#"[{"id":7}]"#, r#"7 {"id":7}"#),
        (None, r#"{"_id":"x"}"#, r#"x {"_id":"x"}"#),
        (None, r#"{"a":1}"#, "uncertain -"),
        (None, r#"[{"id":7},{"id":8}]"#, "uncertain -"),
        (Some("/posts/7"), "[]", "uncertain -"),
        (Some("/posts/7"), "a=1", "uncertain 7"),
        (Some("/posts/7"), "", "uncertain 7"),
        (Some("/posts/7"), "1", "uncertain 7"),
    ] {
        let case = Case {
            location,
            request,
            ..PLAIN
        };
        for answer in ["", " \n", "null", "true", "3"] {
            let events = case.events("POST /posts", answer);
            assert_eq!(
                events,
                [event],
                "{location:?} {request} answered {answer:?}"
            );
        }
    }
}

#[test]
fn what_was_sent_in_an_envelope_is_told_without_it() {
    for (request, event) in [
        (r#"{"data":{"a":1}}"#, r#"7 {"a":1,"id":7}"#),
        (r#"{"a":1}"#, r#"7 {"a":1,"id":7}"#),
    ] {
        let case = Case {
            location: Some("/posts/7"),
            request,
            ..DATA
        };
        assert_eq!(case.events("POST /posts", ""), [event], "{request}");
    }
    let deep = Case {
        ids: &["/meta/id"],
        location: Some("/posts/7"),
        request: r#"{"a":1}"#,
        ..PLAIN
    };
    assert_eq!(deep.events("POST /posts", ""), [r#"7 {"a":1}"#]);
}

#[test]
fn an_answer_that_is_the_id_alone_names_what_was_sent() {
    let case = Case {
        ids: &[""],
        request: r#"{"a":1}"#,
        ..PLAIN
    };
    check(
        &case,
        "POST /posts",
        &[(r#""x""#, &[r#"x {"a":1}"#]), ("7", &[r#"7 {"a":1}"#])],
    );
}

#[test]
fn a_change_of_a_record_is_told_whatever_was_answered() {
    let cases: [(&str, &[&str]); 7] = [
        (r#"{"id":7,"a":1}"#, &[r#"7 {"id":7,"a":1}"#]),
        // Another record, or an acknowledgement: nothing is told of what the record is.
        (r#"{"id":8}"#, &["7 -"]),
        (r#"{"success":true}"#, &["7 -"]),
        ("", &["7 -"]),
        ("null", &["7 -"]),
        ("[{\"id\":7}]", &["7 -"]),
        ("OK", &["7 -"]),
    ];
    for method in ["PUT", "PATCH"] {
        check(&PLAIN, &format!("{method} /posts/7"), &cases);
    }
    check(
        &DATA,
        "PUT /posts/7",
        &[(r#"{"data":{"id":7,"a":1}}"#, &[r#"7 {"id":7,"a":1}"#])],
    );
    check(&DATA, "PUT /posts/7", &[(r#"{"updatedAt":1}"#, &["7 -"])]);
}

#[test]
fn a_change_without_an_id_in_its_path_tells_what_the_bodies_name() {
    for (request, answer, events) in [
        (
            "",
            r#"[{"id":7},{"id":8}]"#,
            &[r#"7 {"id":7}"#, r#"8 {"id":8}"#][..],
        ),
        ("", r#"[{"id":7},{}]"#, &["uncertain -"]),
        ("", "[]", &[]),
        (r#"[{"id":7,"a":1},{"id":8}]"#, "", &["7 -", "8 -"]),
        (r#"[{"id":7},{"id":8}]"#, r#"{"count":2}"#, &["7 -", "8 -"]),
        (
            r#"[{"id":7},{"id":8}]"#,
            r#"{"updated":1,"failed":[8]}"#,
            &["uncertain -"],
        ),
        (r#"[{"id":7},{"id":8}]"#, r#"{"count":1}"#, &["uncertain -"]),
        (r#"[{"id":7},{"a":1}]"#, "", &["uncertain -"]),
        ("[]", "", &["uncertain -"]),
        ("", r#"{"id":7}"#, &[r#"7 {"id":7}"#]),
        (r#"{"id":7,"a":1}"#, "", &["7 -"]),
        (r#"{"a":1}"#, r#"{"a":1}"#, &["uncertain -"]),
        (r#"{"a":1}"#, "", &["uncertain -"]),
        ("", "OK", &["uncertain -"]),
    ] {
        let case = Case { request, ..PLAIN };
        for method in ["PUT /posts", "PATCH /posts"] {
            assert_eq!(
                case.events(method, answer),
                events,
                "{request} answered {answer}"
            );
        }
    }
}

#[test]
fn a_delete_tells_the_id_and_the_record_only_if_it_is_that_one() {
    let cases: [(&str, &[&str]); 8] = [
        ("", &["7 -"]),
        ("{}", &["7 -"]),
        ("null", &["7 -"]),
        ("OK", &["7 -"]),
        (r#"{"id":7,"a":1}"#, &[r#"7 {"id":7,"a":1}"#]),
        (r#"{"id":"7"}"#, &[r#"7 {"id":"7"}"#]),
        (r#"{"id":8}"#, &["7 -"]),
        (r#"{"ok":true}"#, &["7 -"]),
    ];
    check(&PLAIN, "DELETE /posts/7", &cases);
    check(
        &DATA,
        "DELETE /posts/7",
        &[(r#"{"data":{"id":7}}"#, &[r#"7 {"id":7}"#])],
    );
}

#[test]
fn a_bulk_delete_is_one_event_of_all_its_ids() {
    for (request, answer, events) in [
        ("", r#"[{"id":7},8,"x"]"#, &["7,8,x -"][..]),
        ("[1]", r#"[{"id":7}]"#, &["7 -"]),
        (r#"["a","b"]"#, r#"{"result":2}"#, &["a,b -"]),
        (r#"[{"_id":"a"}]"#, "", &["a -"]),
        (r#"["a","b"]"#, "OK", &["a,b -"]),
        (
            r#"["a","b"]"#,
            r#"{"ok":true,"n":2,"errors":[]}"#,
            &["a,b -"],
        ),
        (
            r#"["a","b"]"#,
            r#"{"deleted":1,"failed":["b"]}"#,
            &["uncertain -"],
        ),
        (r#"["a","b"]"#, r#"{"deleted":1}"#, &["uncertain -"]),
        (r#"["a","b"]"#, r#"{"ok":false}"#, &["uncertain -"]),
        (r#"["a","b"]"#, r#"{"n":2,"n":2}"#, &["uncertain -"]),
        (r#"["a","b"]"#, r#"{"n":2"#, &["uncertain -"]),
        (r#"["a","b"]"#, "1", &["uncertain -"]),
        ("[7]", "[]", &[]),
        ("", "[]", &[]),
        ("[]", "", &["uncertain -"]),
        ("[7,null]", "", &["uncertain -"]),
        ("[7]", r#"[{"a":1}]"#, &["uncertain -"]),
        (r#"{"ids":[7]}"#, "", &["uncertain -"]),
        ("", r#"{"id":7}"#, &["uncertain -"]),
        ("", "", &["uncertain -"]),
    ] {
        let case = Case { request, ..PLAIN };
        let sent = case.events("DELETE /posts", answer);
        assert_eq!(sent, events, "{request} answered {answer}");
        let selected = case.events("DELETE /posts/*", answer);
        assert_eq!(selected, events, "{request} answered {answer}");
    }
}

#[test]
fn a_request_that_was_not_kept_is_only_missed_where_it_is_needed() {
    let target = PLAIN.observe().target("POST", "/posts").unwrap();
    let events = |response: &'static str| {
        let answer = Answer::Complete {
            status: 201,
            location: Some("/posts/7"),
            media: None,
            request: Body::Unknown,
            response: Body::Whole(response.as_bytes()),
        };
        let events = target.events(answer);
        events
            .iter()
            .map(|event| line(&event.kind, "POST"))
            .collect::<Vec<_>>()
    };
    assert_eq!(events(r#"{"id":7,"a":1}"#), [r#"7 {"id":7,"a":1}"#]);
    // It may be no record at all.
    assert_eq!(events(r#"{"a":1}"#), ["uncertain 7"]);
    assert_eq!(events(""), ["uncertain 7"]);
}

#[test]
fn what_is_redacted_is_in_no_record_wherever_that_came_from() {
    let case = Case {
        redact: &["/password", "/auth/key", "/id"],
        request: r#"{"id":7,"password":"x","a":1}"#,
        ..PLAIN
    };
    let answer = r#"{"id":7,"password":"x","auth":{"key":"x"}}"#;
    check(
        &case,
        "POST /posts",
        &[(answer, &[r#"7 {"auth":{}}"#]), ("", &[r#"7 {"a":1}"#])],
    );
    check(&case, "PUT /posts/7", &[(answer, &[r#"7 {"auth":{}}"#])]);
    check(&case, "DELETE /posts/7", &[(answer, &[r#"7 {"auth":{}}"#])]);
    let bulk = r#"[{"id":7,"password":"x"},{"id":8,"password":"x"}]"#;
    check(&case, "POST /posts", &[(bulk, &["7 {}", "8 {}"])]);
    let whole = Case {
        redact: &[""],
        ..case
    };
    check(&whole, "PUT /posts/7", &[(answer, &["7 -"])]);
}
