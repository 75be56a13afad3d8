//! Where a request may say that it is another method, as the configuration and the presets have it.

use super::refusals::{check, rows};
use super::*;
use crate::observe::MethodOverride;
use crate::observe::preset::NAMES;

fn written(observe: &str) -> Option<MethodOverride> {
    let snapshot = load_text(&least(&format!("observe: {observe}"))).unwrap();
    snapshot.observe.method_override.clone()
}

/// Shape: `x-http-method-override`, the query's and the body's, `-` for none.
fn places(by: &MethodOverride) -> String {
    let headers: Vec<_> = by.headers.iter().map(|name| name.as_str()).collect();
    let name = |name: &Option<Box<str>>| name.as_deref().unwrap_or("-").to_owned();
    format!(
        "{} {} {}",
        headers.join(","),
        name(&by.query),
        name(&by.body)
    )
}

#[test]
fn presets_say_it_whose_backend_does_it() {
    let of = |name: &&&str| written(&format!("{{ preset: {name} }}")).is_some();
    assert_eq!(
        NAMES.iter().filter(of).collect::<Vec<_>>(),
        [&"json-server"]
    );
}

#[test]
fn what_a_configuration_says_itself_is_all_that_counts() {
    let of = |observe: &str| written(observe).as_ref().map(places);
    let preset = Some("x-http-method-override - -".to_owned());
    assert_eq!(of("{ preset: json-server }"), preset);
    for (own, expected) in [
        ("{}", None),
        ("{ headers: [] }", None),
        ("{ query: _method }", Some(" _method -")),
        ("{ body: _method }", Some(" - _method")),
        (
            "{ headers: [X-Method-Override, x-http-method] }",
            Some("x-method-override,x-http-method - -"),
        ),
    ] {
        let expected = expected.map(str::to_owned);
        for preset in ["json-server", "rest"] {
            let observe = format!("{{ preset: {preset}, method_override: {own} }}");
            assert_eq!(of(&observe), expected, "{observe}");
        }
    }
}

#[test]
fn what_is_no_place_is_refused() {
    for (text, expected) in rows(PLACES) {
        check(&format!("observe: {{ method_override: {text} }}"), expected);
    }
}

const PLACES: &str = r"
{ headers: ['X HTTP'] }  =>  3:observe.method_override.headers[0] is no name of a field
{ headers: [X-A, ''] }  =>  3:observe.method_override.headers[1] is no name of a field
{ query: '' }  =>  3:observe.method_override.query is empty
{ body: '' }  =>  3:observe.method_override.body is empty
{ cookie: a }  =>  3:observe.method_override.cookie unknown key
";
