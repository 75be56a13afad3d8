//! Django REST framework, with what people add to its view sets.

use super::{Row, Run};
use crate::harness::SessionApi;

fn shown(collection: &str, id: &str) -> (String, &'static str) {
    let above = if collection == "comments" {
        "posts/1/"
    } else {
        ""
    };
    (format!("/api/{above}{collection}/{id}/"), "")
}

const PRESET: &str = "{ preset: drf, prefix: /api }";

const TAG: &str = r#"{"id":"5f3a09c1-e77b-4a3d-9d44-0c1b2a3d4e5f"}"#;

const ROWS: &[Row] = &[
    (
        "POST /api/posts/",
        r#"{"title":"a"}"#,
        201,
        &["post posts 1"],
    ),
    (
        "POST /api/posts/",
        r#"[{"title":"a"},{"title":"b"}]"#,
        201,
        &["post posts 2", "post posts 3"],
    ),
    (
        "POST /api/posts.json",
        r#"{"title":"c"}"#,
        201,
        &["post posts 4"],
    ),
    ("POST /api/posts/", "{}", 400, &[]),
    (
        "PUT /api/posts/1/",
        r#"{"title":"b"}"#,
        200,
        &["put posts 1"],
    ),
    (
        "PUT /api/posts/9/",
        r#"{"title":"new"}"#,
        201,
        &["put posts 9"],
    ),
    ("PATCH /api/posts/1/", r#"{"n":1}"#, 200, &["patch posts 1"]),
    (
        "PATCH /api/posts/1.json",
        r#"{"n":2}"#,
        200,
        &["patch posts 1"],
    ),
    ("PATCH /api/posts/99/", r#"{"n":2}"#, 404, &[]),
    (
        "PUT /api/posts/",
        r#"[{"id":2,"title":"y"},{"id":3,"title":"z"}]"#,
        200,
        &["put posts 2", "put posts 3"],
    ),
    ("DELETE /api/posts/", "[2,3]", 204, &["delete posts 2,3"]),
    ("DELETE /api/posts/9/", "", 204, &["delete posts 9"]),
    ("DELETE /api/posts/9/", "", 404, &[]),
    (
        "POST /api/tags/",
        TAG,
        201,
        &["post tags 5f3a09c1-e77b-4a3d-9d44-0c1b2a3d4e5f"],
    ),
    (
        "PATCH /api/tags/5f3a09c1-e77b-4a3d-9d44-0c1b2a3d4e5f/",
        r#"{"n":1}"#,
        200,
        &["patch tags 5f3a09c1-e77b-4a3d-9d44-0c1b2a3d4e5f"],
    ),
    // The same record, by another spelling of its id.
    (
        "PATCH /api/tags/5F3A09C1E77B4A3D9D440C1B2A3D4E5F/",
        r#"{"n":2}"#,
        200,
        &["uncertain PATCH tags -"],
    ),
];

#[tokio::test]
async fn a_write_to_a_view_set_is_told_with_the_record_that_it_then_has() {
    let api = SessionApi::start_routes().await;
    let mut run = Run::start(&api.url(), PRESET, shown).await;
    run.walk(ROWS).await;
}

#[tokio::test]
async fn what_is_no_write_to_a_record_tells_of_none() {
    let api = SessionApi::start_routes().await;
    let mut run = Run::start(&api.url(), PRESET, shown).await;
    run.walk(&[
        (
            "POST /api/posts/",
            r#"{"title":"a"}"#,
            201,
            &["post posts 1"],
        ),
        // Actions.
        ("POST /api/posts/1/publish/", "", 200, &[]),
        ("POST /api/posts/archive/", "", 201, &[]),
        (
            "DELETE /api/posts/clear/",
            "",
            204,
            &["uncertain DELETE posts -"],
        ),
        // Django redirects to the path with a slash.
        ("POST /api/posts", r#"{"title":"a"}"#, 301, &[]),
        ("PATCH /api/posts/1", "{}", 301, &[]),
        ("POST /api/posts/1/", "{}", 405, &[]),
        ("POST /api/busy/", "{}", 429, &[]),
        // From the pages that it makes of itself; it has no `_method`.
        (
            "POST /api/posts/ Accept:text/html Content-Type:application/x-www-form-urlencoded",
            "title=a",
            201,
            &["uncertain POST posts -"],
        ),
        (
            "POST /api/posts/1/ Content-Type:application/x-www-form-urlencoded",
            "_method=DELETE",
            405,
            &[],
        ),
    ])
    .await;
}

/// The rules that the preset's comments name.
const OWN: &str = "
  preset: drf
  prefix: /api
  rules:
    - path: regex:/api/posts/[^/]+/(?<collection>comments)(/(?<id>[^/]+))?
    - path: regex:/api/(?<collection>notes)(/(?<id>[^/]+))?
      id: [/slug]
      read: { record: '/api/{collection}/{id}/' }
";

#[tokio::test]
async fn what_hangs_below_a_record_and_what_has_a_slug_takes_a_rule() {
    let api = SessionApi::start_routes().await;
    let below: Row = ("POST /api/posts/1/comments/", r#"{"text":"a"}"#, 201, &[]);
    let mut run = Run::start(&api.url(), PRESET, shown).await;
    run.walk(&[
        (
            "POST /api/posts/",
            r#"{"title":"a"}"#,
            201,
            &["post posts 1"],
        ),
        below,
        ("PATCH /api/posts/1/comments/1/", "{}", 200, &[]),
        ("DELETE /api/posts/1/comments/1/", "", 204, &[]),
    ])
    .await;
    let mut run = Run::start(&api.url(), OWN, shown).await;
    run.walk(&[
        (below.0, below.1, below.2, &["post comments 2"]),
        (
            "PATCH /api/posts/1/comments/2/",
            r#"{"text":"b"}"#,
            200,
            &["patch comments 2"],
        ),
        (
            "DELETE /api/posts/1/comments/2/",
            "",
            204,
            &["delete comments 2"],
        ),
        (
            "POST /api/notes/",
            r#"{"slug":"my-note"}"#,
            201,
            &["post notes my-note"],
        ),
        (
            "PATCH /api/notes/my-note/",
            r#"{"n":1}"#,
            200,
            &["patch notes my-note"],
        ),
        (
            "DELETE /api/notes/my-note/",
            "",
            204,
            &["delete notes my-note"],
        ),
    ])
    .await;
}
