//! `access.rules`: what is refused, and what it comes to.

use super::refusals::{check, rows};
use super::*;
use crate::access::Hear;

#[test]
fn a_rule_that_is_not_decided_is_refused_where_it_stands() {
    for (access, expected) in rows(REFUSED) {
        check(&format!("access:\n  {access}"), expected);
    }
}

#[test]
fn a_rule_is_shown_in_its_fault_though_it_has_an_at_sign() {
    let text = least("access:\n  rules:\n    posts: { hear: \"a = @request.auth.sub &&\" }");
    let errors = load_text(&text).unwrap_err();
    let shown = "posts: { hear: \"a = @request.auth.sub &&\" }";
    assert!(errors.contains(shown), "{errors}");
}

#[test]
fn an_entry_without_a_rule_is_for_superusers() {
    let text = least(
        "access:\n  superusers: '@request.auth.role = \"root\"'\n  keys: [{ name: a, key: b, superuser: true }]\n  \
         rules: { a: , b: {}, c: { hear: }, d: { hear: null }, e: { hear: '' }, f: { hear: 'x = 1' } }",
    );
    let snapshot = load_text(&text).unwrap();
    let rules = &snapshot.access.rules;
    let when = |name: &str| match &rules.collections[name].list {
        Hear::Everyone => "everyone".to_owned(),
        Hear::Superusers => "superusers".to_owned(),
        Hear::When(rule) => rule.to_string(),
        Hear::Upstream | Hear::WhenOrUpstream(_) => panic!("the upstream is not asked"),
    };
    let all: Vec<_> = rules.collections.keys().map(|name| when(name)).collect();
    let superusers = "superusers";
    assert_eq!(
        all,
        [
            superusers, superusers, superusers, superusers, "everyone", "x = 1"
        ]
    );
    let passes = rules.superusers.as_ref().unwrap().to_string();
    assert_eq!(passes, "@request.auth.role = \"root\"");
    assert!(snapshot.access.keys[0].superuser);
}

/// Within `access`.
const REFUSED: &str = r#"
rules: { a: { hear: 'b = ' } }  =>  4:access.rules.a.hear line 1, column 5: expected a field or a value
rules: { a: { hear: 'b:isset = 1' } }  =>  4:access.rules.a.hear :isset asks for what was sent and not for what is, which is not decided here
rules: { a: { hear: '@collection.b.c = 1' } }  =>  4:access.rules.a.hear @collection.b.c asks for records of another collection
rules: { a: { here: '' } }  =>  4:access.rules.a.here unknown key "here": the keys here are rule, leaving, hear, list, view
rules: { a: '' }  =>  4:access.rules.a expected a table of keys
rules: { '': { hear: '' } }  =>  4:access.rules names no collection
rules: { a: { rule: here } }  =>  4:access.rules.a.rule must be upstream
rules: { a: { rule: upstream, list: 'b = ' } }  =>  4:access.rules.a.list line 1, column 5
rules: { a: { leaving: yes } }  =>  4:access.rules.a.leaving must be delete or nothing
rule_cache: 6s  =>  4:access.rule_cache must be from 0ms to 5s
rules: { a: { hear: '', view: '' } }  =>  4:access.rules.a.hear is both `list` and `view`
rules: { a: { view: 'b' } }  =>  4:access.rules.a.view line 1, column 2: expected
superusers: 'role = 1'  =>  4:access.superusers asks about a record
superusers: '@request.auth.role'  =>  4:access.superusers line 1, column 19: expected
keys: [ { name: a, key: b, superuser: yes } ]  =>  4:access.keys[0].superuser must be true or false
"#;
