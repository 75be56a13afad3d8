use std::ops::RangeInclusive;

use proptest::prelude::*;

use super::*;
use rule::PathPattern;

const WRITES: [Method; 4] = [Method::Delete, Method::Patch, Method::Post, Method::Put];

fn rule(path: PathPattern, methods: &[Method], success: RangeInclusive<u16>) -> Arc<Rule> {
    Arc::new(Rule {
        methods: methods.into(),
        success: [success].into(),
        ..Rule::new(path)
    })
}

fn template(text: &str, methods: &[Method]) -> Arc<Rule> {
    rule(PathPattern::template(text).unwrap(), methods, 200..=299)
}

fn observe() -> Observe {
    Observe {
        rules: vec![template("/{collection}/{id?}", &WRITES)],
        ..Observe::default()
    }
}

fn only(names: &[&str]) -> Option<Arc<BTreeSet<Box<str>>>> {
    let names = names.iter().map(|name| Box::from(*name));
    Some(Arc::new(names.collect()))
}

fn place(observe: &Observe, method: &str, path: &str) -> Option<(String, Option<String>)> {
    let target = observe.target(method, path)?;
    assert_eq!(target.method().as_str(), method);
    let id = target.id().map(|id| id.as_str().to_owned());
    Some((target.collection().to_owned(), id))
}

fn complete(status: u16, response: &[u8]) -> Answer<'_> {
    Answer::Complete {
        status,
        location: None,
        media: None,
        request: Body::Whole(b""),
        response: Body::Whole(response),
    }
}

fn kinds(all: Vec<Happened>) -> Vec<Kind> {
    all.into_iter().map(|happened| happened.kind).collect()
}

fn uncertain(collection: &str, id: Option<&str>) -> Vec<Kind> {
    vec![Kind::Uncertain {
        method: Method::Put,
        collection: collection.into(),
        id: id.and_then(Id::new),
    }]
}

#[test]
fn only_methods_that_write_are_observed() {
    for (method, observed) in [
        ("POST", true),
        ("PUT", true),
        ("PATCH", true),
        ("DELETE", true),
        ("GET", false),
        ("HEAD", false),
        ("OPTIONS", false),
        ("post", false),
        ("", false),
    ] {
        let target = observe().target(method, "/posts/1");
        assert_eq!(target.is_some(), observed, "{method}");
    }
}

#[test]
fn the_first_rule_of_that_path_and_method_decides() {
    let mut observe = observe();
    observe
        .rules
        .insert(0, template("/{id}/{collection}", &[Method::Put]));
    assert_eq!(
        place(&observe, "PUT", "/a/b"),
        Some(("b".into(), Some("a".into())))
    );
    assert_eq!(
        place(&observe, "POST", "/a/b"),
        Some(("a".into(), Some("b".into())))
    );
    assert_eq!(place(&observe, "PUT", "/a"), Some(("a".into(), None)));
    assert_eq!(place(&observe, "PUT", "/a/b/c"), None);
}

#[test]
fn what_is_ignored_is_so_in_every_spelling() {
    let mut observe = observe();
    observe.ignore = Globs::new(vec![rule::Glob::new("/auth/**").unwrap()]).unwrap();
    for path in [
        "/auth",
        "/auth/login",
        "/auth/",
        "//auth//login",
        "/%61uth/login",
        "/x/../auth/login",
        "/auth;v=1/login",
        "/auth%2Flogin",
        "/auth/a%2Fb",
        r"\auth\login",
        "/auth%00/login",
        "/AUTH/login",
        "/Auth",
        "/%41uth;v=1/LOGIN",
    ] {
        assert!(observe.target("POST", path).is_none(), "{path}");
    }
    assert!(observe.target("POST", "/authors/1").is_some());
}

#[test]
fn only_the_collections_that_are_allowed_are_observed() {
    let mut observe = observe();
    observe.collections = only(&["posts"]);
    assert!(observe.target("POST", "/posts").is_some());
    assert!(observe.target("POST", "/%70osts").is_some());
    assert!(observe.target("POST", "/users").is_none());
    // One of its two readings is of a collection that is allowed.
    let nested = template("/{parent}/{parent_id}/{collection}", &WRITES);
    observe.rules.insert(0, nested);
    assert!(observe.target("POST", "/posts/1/users").is_none());
    assert!(observe.target("POST", "/posts/1%2Fusers").is_some());
    observe.collections = only(&[]);
    assert!(observe.target("POST", "/posts").is_none());
}

#[test]
fn in_any_case_a_collection_is_spelt_as_it_is_named() {
    let path = PathPattern::template("/{collection}/{id?}").unwrap();
    let path = path.with_case(Case::Any).unwrap();
    let mut observe = observe();
    observe.rules = vec![rule(path, &WRITES, 200..=299)];
    observe.collections = only(&["Posts"]);
    let known = Some(("Posts".into(), Some("A".into())));
    assert_eq!(place(&observe, "PUT", "/Posts/A"), known);
    assert!(observe.target("PUT", "/Posts/A").unwrap().is_exact());
    for path in ["/POSTS/7", "/posts/7", "//Posts/7"] {
        let target = observe.target("PUT", path).unwrap();
        let answer = complete(200, br#"{"id":7}"#);
        assert_eq!(
            kinds(target.events(answer)),
            uncertain("Posts", None),
            "{path}"
        );
    }
    assert!(observe.target("PUT", "/other/7").is_none());
}

#[test]
fn in_any_case_another_spelling_is_uncertain_in_the_collection_in_lower_case() {
    let path = PathPattern::template("/{collection}/{id?}").unwrap();
    let path = path.with_case(Case::Any).unwrap();
    let mut observe = observe();
    observe.rules = vec![rule(path, &WRITES, 200..=299)];
    for allowed in [None, Some("posts")] {
        observe.collections = allowed.and_then(|name| only(&[name]));
        for path in ["/POSTS/7", "/Posts/7", "/%50osts/7", "//POSTS/7", "/POSTS"] {
            let target = observe.target("PUT", path).unwrap();
            let answer = complete(200, br#"{"id":7}"#);
            assert_eq!(
                kinds(target.events(answer)),
                uncertain("posts", None),
                "{path}"
            );
            assert_eq!(
                kinds(target.events(complete(500, b""))),
                uncertain("posts", None)
            );
            assert_eq!(target.events(complete(404, b"")), [], "{path}");
        }
        let known = Some(("posts".into(), Some("A".into())));
        assert_eq!(place(&observe, "PUT", "/posts/A"), known);
        assert!(observe.target("PUT", "/posts/A").unwrap().is_exact());
    }
    observe.collections = only(&["users"]);
    assert!(observe.target("PUT", "/POSTS/7").is_none());
}

#[test]
fn an_id_is_decoded_and_a_star_is_none() {
    for (path, id) in [
        ("/posts/a%20b", Some("a b")),
        ("/posts/7/", Some("7")),
        ("/posts/*", None),
        ("/posts/a%2Fb", None),
        ("//posts/7", None),
    ] {
        let target = observe().target("PUT", path).unwrap();
        assert_eq!(target.collection(), "posts", "{path}");
        assert_eq!(target.id().map(Id::as_str), id, "{path}");
    }
}

#[test]
fn a_path_with_two_readings_is_uncertain_and_never_a_write() {
    for path in [
        "//posts/7",
        "/posts/a%2Fb",
        "/x/../posts/7",
        "/posts;a/7",
        "/posts/7%00",
    ] {
        let target = observe().target("PUT", path).unwrap();
        let answer = complete(200, br#"{"id":7,"secret":"x"}"#);
        assert_eq!(
            kinds(target.events(answer)),
            uncertain("posts", None),
            "{path}"
        );
        assert_eq!(target.events(complete(404, b"")), [], "{path}");
    }
}

#[test]
fn a_write_that_was_refused_tells_nothing_and_a_failed_one_that_it_may_have_happened() {
    let target = observe().target("PUT", "/posts/7").unwrap();
    for status in [301, 304, 400, 401, 403, 404, 409, 412, 422, 429] {
        assert_eq!(target.events(complete(status, b"{}")), [], "{status}");
        let lost = Answer::Lost {
            status: Some(status),
        };
        assert_eq!(target.events(lost), [], "{status}");
    }
    for status in [202, 207, 500, 502, 503, 504] {
        let events = target.events(complete(status, br#"{"id":7}"#));
        assert_eq!(kinds(events), uncertain("posts", Some("7")), "{status}");
    }
    for status in [None, Some(200), Some(202), Some(204), Some(500)] {
        let events = target.events(Answer::Lost { status });
        assert_eq!(kinds(events), uncertain("posts", Some("7")), "{status:?}");
    }
}

#[test]
fn an_answer_that_was_not_kept_is_uncertain() {
    let answer = Answer::Complete {
        status: 200,
        location: None,
        media: None,
        request: Body::Whole(b""),
        response: Body::Unknown,
    };
    let target = observe().target("PUT", "/posts/7").unwrap();
    assert_eq!(kinds(target.events(answer)), uncertain("posts", Some("7")));
}

#[test]
fn an_id_that_a_regex_finds_empty_is_no_match() {
    let regex = PathPattern::regex("/(?<collection>[^/]*)/x(?<id>[^/]*)").unwrap();
    let mut observe = observe();
    observe.rules = vec![rule(regex, &WRITES, 200..=200)];
    assert_eq!(
        place(&observe, "PUT", "/a/x7"),
        Some(("a".into(), Some("7".into())))
    );
    assert_eq!(place(&observe, "PUT", "/a/x"), None);
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(
        path in "(/?(posts|%2f|%|\\.\\.|;|\\PC){0,3}){0,4}",
        method in prop::sample::select(vec!["POST", "PUT", "PATCH", "DELETE"]),
        location in prop::option::of("(https?:)?(//)?\\PC{0,8}(/posts/[a-z%]{0,4})?"),
        request in body(),
        response in body(),
    ) {
        let mut observe = observe();
        observe.redact = ["/a/id".parse().unwrap(), "/b".parse().unwrap()].into();
        for path in [&*path, "/posts", "/posts/7"] {
            let Some(target) = observe.target(method, path) else { continue };
            let _events = target.events(Answer::Complete {
                status: 200,
                location: location.as_deref(),
                media: None,
                request: Body::Whole(&request),
                response: Body::Whole(&response),
            });
        }
    }
}

fn body() -> impl Strategy<Value = Vec<u8>> {
    let json = "([\\[{]|\"id\":|\"a\":|\"b\":|1|null|\"x\"|,|[\\]}]|\\\\|\\PC){0,16}";
    let whole = "\\{(\"(id|a|b)\":(1|null|\"x\"|\\[(\\{\"id\":1\\})?\\]),){0,3}\"c\":1\\}";
    prop_oneof![
        prop::collection::vec(any::<u8>(), 0..32),
        json.prop_map(String::into_bytes),
        whole.prop_map(String::into_bytes),
        (0..100_000_usize).prop_map(|depth| b"[".repeat(depth)),
    ]
}
