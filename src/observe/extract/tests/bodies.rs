//! What bodies amount to that are not plainly one record.

use super::{Case, PLAIN};

#[test]
fn a_record_nested_too_deep_is_not_known() {
    let deep = format!(
        "{{\"id\":7,\"a\":{}{}}}",
        "[".repeat(500_000),
        "]".repeat(500_000)
    );
    assert_eq!(PLAIN.events("POST /posts", &deep), ["uncertain -"]);
    assert_eq!(PLAIN.events("PUT /posts/7", &deep), ["uncertain 7"]);
}

#[test]
fn a_record_that_readers_read_differently_is_not_known() {
    for answer in [
        &br#"{"id":7,"a":1,"a":2}"#[..],
        br#"{"id":7,"a":[{"b":{"c":1,"\u0063":1}}]}"#,
        br#"{"id":7,"id":7}"#,
        br#"{"id":7,"a":"\ud800"}"#,
        br#"{"id":7,"a":NaN}"#,
        br#"{"id":7,"a":Infinity}"#,
        br#"{"id":7,"a":01}"#,
        br#"{"id":7}x"#,
        br#"{"id":7}{"id":8}"#,
        br#"{"id":7,"#,
        b"{'id':7}",
        b"{\"id\":7,\"a\":\"\xff\"}",
        b"{\"id\":7,\"a\":\"\xed\xa0\x80\"}",
        b"{\"id\":7,\"a\":\"\n\"}",
        b"\xef\xbb\xbf{\"id\":7}",
        b"{\0\"\0i\0d\0\"\0",
    ] {
        let text = answer.escape_ascii();
        assert_eq!(
            PLAIN.events("POST /posts", answer),
            ["uncertain -"],
            "{text}"
        );
        assert_eq!(
            PLAIN.events("PUT /posts/7", answer),
            ["uncertain 7"],
            "{text}"
        );
        assert_eq!(
            PLAIN.events("PATCH /posts/7", answer),
            ["uncertain 7"],
            "{text}"
        );
        assert_eq!(
            PLAIN.events("PUT /posts", answer),
            ["uncertain -"],
            "{text}"
        );
        // Of what is gone nothing but the id is to be known.
        assert_eq!(PLAIN.events("DELETE /posts/7", answer), ["7 -"], "{text}");
        assert_eq!(
            PLAIN.events("DELETE /posts", answer),
            ["uncertain -"],
            "{text}"
        );
    }
}

#[test]
fn what_was_sent_counts_only_if_it_is_read_in_one_way() {
    for request in [r#"{"id":7,"a":1,"a":2}"#, r#"{"id":7,"a":"\ud800"}"#] {
        let case = Case { request, ..PLAIN };
        assert_eq!(case.events("POST /posts", ""), ["uncertain -"]);
        assert_eq!(case.events("PUT /posts", ""), ["uncertain -"]);
        assert_eq!(case.events("POST /posts", r#"{"id":7}"#), [r#"7 {"id":7}"#]);
    }
    let request = r#"["a",{"id":1,"id":2}]"#;
    let case = Case { request, ..PLAIN };
    assert_eq!(case.events("DELETE /posts", ""), ["uncertain -"]);
}

#[test]
fn a_form_is_told_as_its_answer_says_and_never_as_it_was_sent() {
    for media in [
        "application/x-www-form-urlencoded",
        "Application/X-WWW-Form-Urlencoded ; charset=utf-8",
        "multipart/form-data; boundary=x",
    ] {
        let case = Case {
            media: Some(media),
            // Some send JSON as a form, by mistake.
            request: r#"{"id":9,"title":"sent"}"#,
            ..PLAIN
        };
        let record = r#"{"id":7,"title":"told"}"#;
        let told = format!("7 {record}");
        assert_eq!(case.events("POST /posts", record), [&*told]);
        assert_eq!(case.events("PUT /posts/7", record), [&*told]);
        for empty in ["", "null"] {
            assert_eq!(case.events("POST /posts", empty), ["uncertain -"]);
            assert_eq!(case.events("POST /posts/7", empty), ["uncertain 7"]);
            assert_eq!(case.events("PUT /posts", empty), ["uncertain -"]);
            assert_eq!(case.events("PUT /posts/7", empty), ["7 -"]);
        }
        let located = Case {
            location: Some("/posts/7"),
            ..case
        };
        assert_eq!(located.events("POST /posts", ""), ["uncertain 7"]);
    }
}

#[test]
fn an_acknowledgement_of_a_create_is_not_told_as_its_record() {
    for (location, request, event) in [
        (
            Some("/posts/9"),
            r#"{"title":"A"}"#,
            r#"9 {"title":"A","id":9}"#,
        ),
        (None, r#"{"id":5,"title":"A"}"#, r#"5 {"id":5,"title":"A"}"#),
        (None, r#"{"title":"A"}"#, "uncertain -"),
        (Some("/posts/9"), "a=1", "uncertain 9"),
    ] {
        let case = Case {
            location,
            request,
            ..PLAIN
        };
        let told = case.events("POST /posts", r#"{"success":true}"#);
        assert_eq!(told, [event], "{request}");
    }
}
