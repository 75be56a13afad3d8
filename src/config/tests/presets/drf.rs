//! Django REST framework's routes.

use super::*;

#[test]
fn a_view_set_is_observed_by_its_routes() {
    let uuid = "5f3a09c1-e77b-4a3d-9d44-0c1b2a3d4e5f";
    for (request, place) in [
        ("POST /posts/".to_owned(), Some("posts -".to_owned())),
        ("POST /posts.json".to_owned(), Some("posts -".to_owned())),
        ("PATCH /posts/1/".to_owned(), Some("posts 1".to_owned())),
        ("PUT /posts/0".to_owned(), Some("posts 0".to_owned())),
        (
            "DELETE /posts/1.json".to_owned(),
            Some("posts 1".to_owned()),
        ),
        (format!("PUT /posts/{uuid}/"), Some(format!("posts {uuid}"))),
        ("DELETE /posts/".to_owned(), Some("posts -".to_owned())),
        ("POST /posts/1/publish/".to_owned(), None),
        ("POST /posts/archive/".to_owned(), None),
        ("POST /posts/1/".to_owned(), None),
        ("PATCH /posts/1/comments/2/".to_owned(), None),
        ("POST /posts/1/comments/".to_owned(), None),
        ("POST /api-token-auth/".to_owned(), None),
        ("POST /admin/posts/post/add/".to_owned(), None),
    ] {
        let (method, path) = request.split_once(' ').unwrap();
        assert_eq!(found("drf", method, path), place, "{request}");
    }
}

#[test]
fn what_may_be_an_action_or_a_slug_is_uncertain() {
    let snapshot = preset("drf");
    let told = |request: &str, answer: &str| events(&snapshot, request, b"", JSON, answer);
    let patched = told("PATCH /posts/1/", r#"200 {"id":1,"n":2}"#);
    assert_eq!(patched, [r#"PATCH posts 1 {"id":1,"n":2}"#]);
    // Python reads as a number what is none to others.
    for id in ["archive", "my-slug", "007", "%201", "%D9%A3", "-1", "1.0"] {
        let request = format!("PATCH /posts/{id}/");
        let told = told(&request, r#"200 {"id":7}"#);
        assert_eq!(told, ["uncertain PATCH posts -"], "{id}");
    }
    let cleared = told("DELETE /posts/clear/", "204 ");
    assert_eq!(cleared, ["uncertain DELETE posts -"]);
    assert_eq!(told("DELETE /posts/clear/", "405 {}"), [""; 0]);
}

#[test]
fn a_prefix_stands_before_an_expression_too() {
    let yaml = least("observe: { preset: drf, prefix: /api.v1 }");
    let observe = load_text(&yaml).unwrap().observe;
    let id = |path| Some(observe.target("PUT", path)?.id()?.as_str().to_owned());
    assert_eq!(id("/api.v1/posts/1/").as_deref(), Some("1"));
    for path in ["/posts/1/", "/apixv1/posts/1/", "/x/api.v1/posts/1/"] {
        assert_eq!(id(path), None, "{path}");
    }
}
