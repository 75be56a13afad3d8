//! RestDB, as its documentation says that it answers.

use serde_json::json;

use super::{Row, Run};
use crate::harness::{Scripted, answer};

fn shown(collection: &str, id: &str) -> (String, &'static str) {
    (format!("/rest/{collection}/{id}"), "")
}

/// A request, and what it is answered.
const ANSWERS: &[(&str, &str, &str)] = &[
    ("GET /rest/company/5a", "200 OK", r#"{"_id":"5a","n":1}"#),
    ("GET /rest/company/6b", "200 OK", r#"{"_id":"6b","n":2}"#),
    (
        "PUT /rest/company/5a/contacts/7c",
        "200 OK",
        r#"{"_id":"7c"}"#,
    ),
    (
        "POST /rest/company/5a/contacts",
        "201 Created",
        r#"{"_id":"7c"}"#,
    ),
    (
        "DELETE /rest/company/5a/contacts/7c",
        "200 OK",
        r#"{"result":["7c"]}"#,
    ),
    (
        "POST /rest/company?of=many",
        "201 Created",
        r#"[{"_id":"5a","n":1},{"_id":"6b","n":2}]"#,
    ),
    (
        "POST /rest/company?of=bad",
        "400 Bad Request",
        r#"{"name":"ValidationError"}"#,
    ),
    ("POST /rest/company", "201 Created", r#"{"_id":"5a","n":1}"#),
    ("PUT /rest/company/5a", "200 OK", r#"{"_id":"5a","n":1}"#),
    ("PATCH /rest/company/5a", "200 OK", r#"{"_id":"5a","n":1}"#),
    ("PUT /rest/company/9f", "404 Not Found", "{}"),
    ("DELETE /rest/company/5a", "200 OK", r#"{"result":["5a"]}"#),
    (
        "DELETE /rest/company/*?q={%22n%22:3}",
        "200 OK",
        r#"{"result":[]}"#,
    ),
    (
        "DELETE /rest/company/*?q={%22n%22:1}",
        "200 OK",
        r#"{"result":2}"#,
    ),
    (
        "DELETE /rest/company/*",
        "200 OK",
        r#"{"result":["5a","6b"]}"#,
    ),
    ("PUT /rest/_meta/company", "200 OK", r#"{"_id":"5a"}"#),
    ("POST /rest/_users", "201 Created", r#"{"_id":"5a"}"#),
    ("POST /media", "201 Created", r#"{"ids":["5a"]}"#),
    ("POST /mail", "200 OK", r#"{"result":"ok"}"#),
];

const ROWS: &[Row] = &[
    (
        "POST /rest/company",
        r#"{"n":1}"#,
        201,
        &["post company 5a"],
    ),
    (
        "POST /rest/company?of=many",
        r#"[{"n":1},{"n":2}]"#,
        201,
        &["post company 5a", "post company 6b"],
    ),
    ("POST /rest/company?of=bad", "{}", 400, &[]),
    (
        "PUT /rest/company/5a",
        r#"{"$inc":{"n":1}}"#,
        200,
        &["put company 5a"],
    ),
    (
        "PATCH /rest/company/5a",
        r#"{"n":1}"#,
        200,
        &["patch company 5a"],
    ),
    ("PUT /rest/company/9f", "{}", 404, &[]),
    ("DELETE /rest/company/5a", "", 200, &["delete company 5a"]),
    (
        "DELETE /rest/company/*",
        r#"["5a","6b"]"#,
        200,
        &["delete company 5a,6b"],
    ),
    (
        "DELETE /rest/company/*?q={%22n%22:1}",
        "",
        200,
        &["uncertain DELETE company -"],
    ),
    ("DELETE /rest/company/*?q={%22n%22:3}", "", 200, &[]),
    (
        "POST /rest/company/5a/contacts",
        "{}",
        201,
        &["uncertain POST company 5a"],
    ),
    (
        "PUT /rest/company/5a/contacts/7c",
        "{}",
        200,
        &["uncertain PUT company 5a"],
    ),
    (
        "DELETE /rest/company/5a/contacts/7c",
        "",
        200,
        &["uncertain DELETE company 5a"],
    ),
    ("PUT /rest/_meta/company", "{}", 200, &[]),
    ("POST /rest/_users", "{}", 201, &[]),
    ("POST /media", "{}", 201, &[]),
    ("POST /mail", "{}", 200, &[]),
];

#[tokio::test]
async fn a_write_to_restdb_is_told_as_its_documentation_has_it() {
    let upstream = Scripted::replying(|request| {
        let start = request.head.start().to_owned();
        let asked = |row: &&(&str, &str, &str)| start == format!("{} HTTP/1.1", row.0);
        match ANSWERS.iter().find(asked) {
            Some((_, status, body)) => answer(status, body),
            None => answer("500 Oh", &json!({ "asked": start }).to_string()),
        }
    })
    .await;
    let mut run = Run::start(&upstream.url(), "{ preset: restdb }", shown).await;
    run.walk(ROWS).await;
}
