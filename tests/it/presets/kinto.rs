//! Kinto itself, with its memory for a store.

use super::{Row, Run};
use crate::harness::Kinto;

/// Shape of a collection: `blog/posts`.
fn shown(collection: &str, id: &str) -> (String, &'static str) {
    let (bucket, collection) = collection.split_once('/').unwrap();
    let path = format!("/v1/buckets/{bucket}/collections/{collection}/records/{id}");
    (path, "/data")
}

/// With the collections blog/posts and other/posts.
async fn start() -> (Kinto, Run) {
    let kinto = Kinto::start().await;
    let mut run = Run::start(&kinto.url(), "{ preset: kinto }", shown).await;
    // ada:ada
    run.fields.push(("Authorization", "Basic YWRhOmFkYQ=="));
    run.walk(&[
        ("PUT /v1/buckets/blog", "", 201, &[]),
        ("PUT /v1/buckets/blog/collections/posts", "", 201, &[]),
        ("PUT /v1/buckets/other", "", 201, &[]),
        ("PUT /v1/buckets/other/collections/posts", "", 201, &[]),
    ])
    .await;
    (kinto, run)
}

const RECORDS: &[Row] = &[
    (
        "POST /v1/buckets/blog/collections/posts/records",
        r#"{"data":{"id":"a","n":1}}"#,
        201,
        &["post blog/posts a"],
    ),
    // It is there already, and stays as it is.
    (
        "POST /v1/buckets/blog/collections/posts/records",
        r#"{"data":{"id":"a","n":2}}"#,
        200,
        &[],
    ),
    (
        "PUT /v1/buckets/blog/collections/posts/records/b",
        r#"{"data":{"n":1}}"#,
        201,
        &["put blog/posts b"],
    ),
    (
        "PUT /v1/buckets/blog/collections/posts/records/b",
        r#"{"data":{"n":2}}"#,
        200,
        &["put blog/posts b"],
    ),
    (
        "PUT /v1/buckets/blog/collections/posts/records/b If-None-Match:*",
        r#"{"data":{}}"#,
        412,
        &[],
    ),
    (
        "PUT /v1/buckets/blog/collections/posts/records/b If-Match:\"1\"",
        r#"{"data":{}}"#,
        412,
        &[],
    ),
    (
        "PATCH /v1/buckets/blog/collections/posts/records/b",
        r#"{"data":{"m":1}}"#,
        200,
        &["patch blog/posts b"],
    ),
    (
        "PATCH /v1/buckets/blog/collections/posts/records/b Response-Behavior:light",
        r#"{"data":{"m":2}}"#,
        200,
        &["patch blog/posts b"],
    ),
    (
        "PATCH /v1/buckets/blog/collections/posts/records/b Response-Behavior:diff",
        r#"{"data":{"m":3}}"#,
        200,
        &["patch blog/posts b"],
    ),
    (
        "PATCH /v1/buckets/blog/collections/posts/records/b Content-Type:application/json-patch+json",
        r#"[{"op":"replace","path":"/data/m","value":4}]"#,
        200,
        &["patch blog/posts b"],
    ),
    (
        "PATCH /v1/buckets/blog/collections/posts/records/b Content-Type:application/merge-patch+json",
        r#"{"data":{"m":null}}"#,
        200,
        &["patch blog/posts b"],
    ),
    (
        "PATCH /v1/buckets/blog/collections/posts/records/b",
        r#"{"permissions":{"read":["system.Everyone"]}}"#,
        200,
        &["patch blog/posts b"],
    ),
    (
        "PATCH /v1/buckets/blog/collections/posts/records/b",
        r#"{"data":{"id":"c"}}"#,
        400,
        &[],
    ),
    (
        "PATCH /v1/buckets/blog/collections/posts/records/nope",
        r#"{"data":{}}"#,
        404,
        &[],
    ),
    (
        "PUT /v1/buckets/other/collections/posts/records/b",
        r#"{"data":{"n":3}}"#,
        201,
        &["put other/posts b"],
    ),
    (
        "POST /v1/buckets/blog/collections/posts/records/",
        r#"{"data":{}}"#,
        307,
        &[],
    ),
    (
        "POST /buckets/blog/collections/posts/records",
        r#"{"data":{}}"#,
        307,
        &[],
    ),
];

#[tokio::test]
async fn a_write_to_kinto_is_told_with_the_record_that_it_then_has() {
    let (_kinto, mut run) = start().await;
    run.walk(RECORDS).await;
}

#[tokio::test]
async fn a_delete_in_kinto_is_told_by_what_it_took_away() {
    let (_kinto, mut run) = start().await;
    run.walk(&[
        (
            "PUT /v1/buckets/blog/collections/posts/records/a",
            r#"{"data":{"n":1}}"#,
            201,
            &["put blog/posts a"],
        ),
        (
            "PUT /v1/buckets/blog/collections/posts/records/b",
            r#"{"data":{"n":1}}"#,
            201,
            &["put blog/posts b"],
        ),
        (
            "PUT /v1/buckets/blog/collections/posts/records/c",
            r#"{"data":{"n":1}}"#,
            201,
            &["put blog/posts c"],
        ),
        (
            "PUT /v1/buckets/blog/collections/posts/records/d",
            r#"{"data":{"n":2}}"#,
            201,
            &["put blog/posts d"],
        ),
        (
            "DELETE /v1/buckets/blog/collections/posts/records/a",
            "",
            200,
            &["delete blog/posts a"],
        ),
        (
            "DELETE /v1/buckets/blog/collections/posts/records/a",
            "",
            404,
            &[],
        ),
        (
            "DELETE /v1/buckets/blog/collections/posts/records?n=9",
            "",
            200,
            &[],
        ),
        (
            "DELETE /v1/buckets/blog/collections/posts/records?_limit=1&_sort=id",
            "",
            200,
            &["delete blog/posts b"],
        ),
        (
            "DELETE /v1/buckets/blog/collections/posts/records?_sort=id",
            r#"["x"]"#,
            200,
            &["delete blog/posts c,d"],
        ),
        (
            "DELETE /v1/buckets/blog/collections/posts/records",
            "",
            200,
            &[],
        ),
    ])
    .await;
}

#[tokio::test]
async fn what_is_no_record_of_kinto_is_no_event_unless_it_takes_records_away() {
    let (_kinto, mut run) = start().await;
    run.walk(&[
        (
            "PUT /v1/buckets/blog/groups/editors",
            r#"{"data":{"members":[]}}"#,
            201,
            &[],
        ),
        (
            "PATCH /v1/buckets/blog/collections/posts",
            r#"{"data":{"x":1}}"#,
            200,
            &[],
        ),
        (
            "POST /v1/buckets/default/collections/tasks/records",
            r#"{"data":{}}"#,
            201,
            &[],
        ),
        (
            "DELETE /v1/buckets/blog/collections/posts",
            r#"["x"]"#,
            200,
            &["uncertain DELETE blog/posts -"],
        ),
        ("DELETE /v1/buckets/blog/collections/posts", "", 404, &[]),
        ("DELETE /v1/buckets/other/collections", "", 200, &["gap"]),
        ("DELETE /v1/buckets/other", "", 200, &["gap"]),
        ("DELETE /v1/buckets/other", "", 403, &[]),
        ("POST /v1/__flush__", "", 202, &["gap"]),
    ])
    .await;
}

#[tokio::test]
async fn each_request_of_a_batch_to_kinto_is_told_by_its_own_status() {
    let (_kinto, mut run) = start().await;
    run.walk(&[
        ("PUT /v1/buckets/blog/collections/posts/records/a", r#"{"data":{"n":1}}"#, 201, &["put blog/posts a"]),
        (
            "POST /v1/batch",
            r#"{"defaults":{"method":"PUT","body":{"data":{"n":1}}},"requests":[
                {"path":"/buckets/blog/collections/posts/records/b"},
                {"method":"DELETE","path":"/buckets/blog/collections/posts/records/nope"},
                {"path":"/v1/buckets/blog/collections/posts/records/c/","body":{"data":{"m":2}}},
                {"method":"POST","path":"/buckets/blog/collections/posts/records","body":{"data":{"id":"a"}}},
                {"method":"PATCH","path":"/buckets/blog/collections/posts/records/a",
                 "body":{"data":{"n":5}},"headers":{"Response-Behavior":"light"}},
                {"method":"GET","path":"/buckets/blog/collections/posts/records"},
                {"path":"/buckets/blog/collections/posts/records/a","headers":{"If-None-Match":"*"}}]}"#,
            200,
            &["put blog/posts b", "put blog/posts c", "patch blog/posts a"],
        ),
        (
            "POST /v1/batch",
            r#"{"defaults":{"method":"DELETE","path":"/buckets/blog/collections/posts/records/a"},
                "requests":[{},{"path":"/buckets/other/collections/posts"},{"path":"/buckets/other"}]}"#,
            200,
            &["delete blog/posts a", "uncertain DELETE other/posts -", "gap"],
        ),
        ("POST /v1/batch", r#"{"requests":[{"path":"x"}]}"#, 400, &[]),
        ("POST /v1/batch", r#"{"requests":[{"path":"/batch"}]}"#, 400, &[]),
    ])
    .await;
}
