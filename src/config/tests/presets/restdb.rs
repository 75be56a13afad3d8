//! RestDB's REST API.

use super::*;

#[test]
fn restdb_is_observed_by_its_documents() {
    for (request, place) in [
        ("POST /rest/company", Some("company -")),
        ("PATCH /rest/company/5a", Some("company 5a")),
        ("DELETE /rest/company/*", Some("company -")),
        ("POST /rest/company/5a/contacts", Some("company 5a")),
        ("DELETE /rest/company/5a/contacts/6b", Some("company 5a")),
        ("POST /rest/company/5a", None),
        ("POST /rest/_jsapi.js", None),
        ("PUT /rest/_meta/company", None),
        ("POST /media", None),
        ("POST /mail", None),
        ("POST /realtime", None),
    ] {
        let (method, path) = request.split_once(' ').unwrap();
        assert_eq!(found("restdb", method, path).as_deref(), place, "{request}");
    }
}

#[test]
fn a_selection_is_told_by_what_is_known_of_it() {
    let snapshot = preset("restdb");
    let told = |sent: &str, answer: &str| {
        let request = "DELETE /rest/company/*?q={}";
        events(&snapshot, request, sent.as_bytes(), JSON, answer)
    };
    let both = ["DELETE company 5a,6b -"];
    assert_eq!(told("", r#"200 {"result":["5a","6b"]}"#), both);
    assert_eq!(told(r#"["5a","6b"]"#, "200 {}"), both);
    assert_eq!(told(r#"["5a"]"#, r#"200 {"result":[]}"#), [""; 0]);
    for (sent, answer) in [("", r#"200 {"result":2}"#), ("", "200 "), ("[]", "200 ")] {
        assert_eq!(
            told(sent, answer),
            ["uncertain DELETE company -"],
            "{answer}"
        );
    }
    let one = "DELETE /rest/company/5a";
    let told = events(&snapshot, one, b"", JSON, r#"200 {"result":["5a"]}"#);
    assert_eq!(told, ["DELETE company 5a -"]);
}

#[test]
fn a_document_of_another_is_uncertain_of_that() {
    let snapshot = preset("restdb");
    for method in ["POST", "PUT", "DELETE"] {
        let request = format!("{method} /rest/company/5a/contacts");
        let told = events(
            &snapshot,
            &request,
            b"[\"6b\"]",
            JSON,
            r#"200 {"_id":"6b"}"#,
        );
        assert_eq!(told, [format!("uncertain {method} company 5a")]);
    }
}
