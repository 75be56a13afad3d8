//! What rules say, case by case.

use serde_json::value::RawValue;

use super::cases::{AUTH, FAIL, HOLD, OPEN, RECORD};
use super::*;
use crate::event::Json;
use crate::limits::{
    RULE_CLAIM_BYTES_MAX, RULE_CLAIM_ELEMENTS_MAX, RULE_COMPARISONS_MAX, RULE_DEPTH,
    RULE_ELEMENTS_MAX, RULE_HOLES_CHARS_MAX, RULE_RECORD_MEMBERS_MAX,
};

pub(super) fn json(text: &str) -> Json {
    let raw: Box<RawValue> = serde_json::from_str(text).unwrap();
    Json::compact(&raw)
}

/// 2026-01-31 10:00:00.123456Z
pub(super) fn now() -> Timestamp {
    "2026-01-31T10:00:00.123456Z".parse().unwrap()
}

/// What a rule says; a specialized one says the same without the claims.
pub(super) fn verdict(rule: &str, record: Option<&str>, auth: Option<&str>) -> Verdict {
    let rule = Rule::parse(rule).unwrap();
    let (record, auth) = (record.map(json), auth.map(json));
    let record = record.as_ref().map(Record::parse);
    let auth = auth.as_ref().map(Record::parse);
    let facts = |auth| Facts {
        record: record.as_ref(),
        auth,
        now: now(),
    };
    let said = rule.holds(&facts(auth.as_ref()));
    let special = rule.specialize(auth.as_ref());
    assert_eq!(special.holds(&facts(None)), said, "{rule} as {special}");
    let printed = rule.to_string();
    assert_eq!(Rule::parse(&printed).as_ref(), Ok(&rule), "{printed}");
    said
}

#[test]
fn every_case_is_as_it_is_listed() {
    let cases = [
        (HOLD, Verdict::Holds),
        (FAIL, Verdict::Fails),
        (OPEN, Verdict::Undecided),
    ];
    assert!(HOLD.len() + FAIL.len() + OPEN.len() >= 200);
    let mut wrong = Vec::new();
    for (rules, expected) in cases {
        for rule in rules {
            let said = verdict(rule, Some(RECORD), Some(AUTH));
            if said != expected {
                wrong.push(format!("{rule}: {said:?} and not {expected:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn a_guest_has_no_claims() {
    for (rule, expected) in [
        ("@request.auth.id = ''", Verdict::Holds),
        ("@request.auth.id != ''", Verdict::Fails),
        ("owner = @request.auth.id", Verdict::Fails),
        ("owner != @request.auth.id", Verdict::Holds),
        ("missing = @request.auth.id", Verdict::Holds),
        ("owner !~ @request.auth.id", Verdict::Fails),
    ] {
        assert_eq!(verdict(rule, Some(RECORD), None), expected, "{rule}");
    }
}

#[test]
fn without_a_record_only_the_rest_is_decided() {
    for (rule, expected) in [
        ("s = 'live'", Verdict::Undecided),
        ("s != 'live'", Verdict::Undecided),
        ("@request.auth.id = 'u1'", Verdict::Holds),
        ("@request.auth.id = 'u1' || s = 1", Verdict::Holds),
        ("@request.auth.id = 'u2' && s = 1", Verdict::Fails),
    ] {
        assert_eq!(verdict(rule, None, Some(AUTH)), expected, "{rule}");
    }
    for record in ["[]", "null", "7", "[{\"s\":1}]"] {
        assert_eq!(verdict("s = null", Some(record), None), Verdict::Undecided);
    }
}

#[test]
fn what_is_beyond_a_cap_does_not_hold() {
    let list = |len: usize| format!("{{\"a\":[{}\"x\"]}}", "\"x\",".repeat(len - 1));
    let field = |len| verdict("a != 'y'", Some(&list(len)), None);
    assert_eq!(field(RULE_ELEMENTS_MAX), Verdict::Holds);
    assert_eq!(field(RULE_ELEMENTS_MAX + 1), Verdict::Undecided);
    let claim = |len| verdict("@request.auth.a != 'y'", None, Some(&list(len)));
    assert_eq!(claim(RULE_CLAIM_ELEMENTS_MAX), Verdict::Holds);
    assert_eq!(claim(RULE_CLAIM_ELEMENTS_MAX + 1), Verdict::Fails);
    let long = |len: usize| format!("{{\"a\":\"{}\"}}", "x".repeat(len));
    let claim = |len| verdict("@request.auth.a ~ 'x'", None, Some(&long(len)));
    assert_eq!(claim(RULE_CLAIM_BYTES_MAX), Verdict::Holds);
    assert_eq!(claim(RULE_CLAIM_BYTES_MAX + 1), Verdict::Fails);
    let members = |len: usize| format!("{{{}\"s\":1}}", "\"a\":0,".repeat(len - 1));
    let record = |len| verdict("s = 1", Some(&members(len)), None);
    assert_eq!(record(RULE_RECORD_MEMBERS_MAX), Verdict::Holds);
    assert_eq!(record(RULE_RECORD_MEMBERS_MAX + 1), Verdict::Undecided);
    let holes = format!("s ~ '_{}%'", "a".repeat(RULE_HOLES_CHARS_MAX));
    assert_eq!(verdict(&holes, Some(RECORD), None), Verdict::Undecided);
    let needs = Rule::parse(&holes).unwrap().needs();
    assert_eq!(needs, [Need::LongPattern("~".into())]);
}

#[test]
fn of_a_name_that_comes_twice_the_last_counts() {
    let record = r#"{"a":1,"b":0,"\u0061":2}"#;
    assert_eq!(verdict("a = 2", Some(record), None), Verdict::Holds);
}

#[test]
fn needs_are_told_once_and_in_order() {
    let text = "a ?= 1 && b:length > 2 && (c ?= @todayEnd || @request.query.p = 1) \
        && @collection.t:x.id = geoDistance(1, 2, 3, d:lower) && e = @now && @request.auth.f = 1";
    let needs = Rule::parse(text).unwrap().needs();
    let expected = [
        Need::AnyOf("?=".into()),
        Need::Modifier(":length".into()),
        Need::Macro("@todayEnd".into()),
        Need::Request("@request.query.p".into()),
        Need::Collection("@collection.t.id".into()),
        Need::Function("geoDistance"),
    ];
    assert_eq!(needs, expected);
    for need in needs {
        assert!(need.to_string().ends_with("which is not decided here"));
    }
    assert!(Rule::parse("a = @now").unwrap().needs().is_empty());
}

#[test]
fn every_macro_is_read() {
    for name in tree::MACROS {
        let rule = Rule::parse(&format!("a > @{name}")).unwrap();
        assert_eq!(rule.needs().is_empty(), *name == "now", "{name}");
    }
}

#[test]
fn whoever_a_rule_may_hold_of_is_found_by_equalities() {
    let auth = json(AUTH);
    let auth = Record::parse(&auth);
    for (text, expected) in [
        ("owner = @request.auth.id", "owner=u1"),
        ("s = 'live' && @request.auth.id = o.id", "o.id=u1"),
        ("s = 'live' && n > 1", "s=live"),
        ("(a = 1 || b = 2) && c = true", "c=1e1"),
        ("a = 1 || b = '2.0'", "a=1e1 b=2e1"),
        (
            "a = 1 || owner = @request.auth.id && b = 2",
            "a=1e1 owner=u1",
        ),
        ("a = 1 || b > 2", "asked"),
        ("a = 1 || @request.auth.role = 'admin'", "always"),
        ("a = 1 || @request.auth.role = 'x'", "a=1e1"),
        ("a = 1 && @request.auth.role = 'x'", "never"),
        ("a = 1 && @request.auth.role = 'admin'", "a=1e1"),
        (
            "@request.auth.role = 'x' || @request.auth.id = 'x'",
            "never",
        ),
        ("a = null", "a="),
        ("a = @request.auth.nil", "a="),
        ("a = @request.auth.many", "a=x"),
        ("a = @request.auth.half", "never"),
        ("a != 1", "asked"),
        ("a ?= 1", "asked"),
        ("a:lower = 'x'", "asked"),
        ("a = @request.auth.x:lower", "asked"),
        ("a = b", "asked"),
        ("a = @now", "asked"),
        ("1 = 1", "always"),
    ] {
        let found = match Rule::parse(text).unwrap().keys(Some(&auth)) {
            Keys::Always => "always".to_owned(),
            Keys::Asked => "asked".to_owned(),
            Keys::Equal(keys) => {
                let keys = keys.iter();
                let texts = keys.map(|key| format!("{}={}", key.field, key.value.0));
                texts.collect::<Vec<_>>().join(" ")
            }
            Keys::Never => "never".to_owned(),
        };
        assert_eq!(found, expected, "{text}");
    }
}

#[test]
fn a_specialized_rule_has_values_and_nothing_that_is_certain() {
    let auth = json(AUTH);
    let auth = Record::parse(&auth);
    for (text, expected) in [
        ("owner = @request.auth.id", "owner = \"u1\""),
        ("@request.auth.role = 'admin' || a = 1", "1 = 1"),
        ("@request.auth.role = 'x' || a = 1", "a = 1"),
        ("@request.auth.role = 'x' && a = 1", "1 = 0"),
        ("@request.auth.ok = true && a = 1", "a = 1"),
        ("a = @request.auth.many", "a = \"x\" && a = \"y\""),
        ("a = @request.auth.half", "1 = 0"),
        ("a > @request.auth.nil", "a > null"),
        ("a ?= @request.auth.id", "a ?= @request.auth.id"),
        ("@now > @request.auth.level", "@now > 3"),
    ] {
        let special = Rule::parse(text).unwrap().specialize(Some(&auth));
        assert_eq!(special.to_string(), expected, "{text}");
    }
}

#[test]
fn the_canonical_text_has_no_more_than_it_needs() {
    for (text, expected) in [
        ("  a='x'  ", "a = \"x\""),
        ("((a=1))&&(b=2&&(c=3))", "a = 1 && b = 2 && c = 3"),
        ("(a=1||b=2)&&c=3", "(a = 1 || b = 2) && c = 3"),
        ("(a=1&&b=2)||c=3", "a = 1 && b = 2 || c = 3"),
        ("a='\"' // x", "a = \"\\\"\""),
        ("a = TRUE || b = NULL", "a = true || b = null"),
        ("a?!~'x'", "a ?!~ \"x\""),
        ("@collection.t:x.y:each=1", "@collection.t:x.y:each = 1"),
        ("strftime( 'a' , b )=1", "strftime(\"a\", b) = 1"),
        ("true.x = 1", "true.x = 1"),
    ] {
        assert_eq!(Rule::parse(text).unwrap().to_string(), expected);
    }
}

#[test]
fn the_caps_are_exact() {
    let nested = |depth| format!("{}a = 1{}", "(".repeat(depth), ")".repeat(depth));
    assert!(Rule::parse(&nested(RULE_DEPTH)).is_ok());
    assert!(Rule::parse(&nested(RULE_DEPTH + 1)).is_err());
    assert!(Rule::parse(&"(".repeat(4000)).is_err());
    let many = |len: usize| vec!["a = 1"; len].join(" || ");
    assert!(Rule::parse(&many(RULE_COMPARISONS_MAX)).is_ok());
    assert!(Rule::parse(&many(RULE_COMPARISONS_MAX + 1)).is_err());
    let long = |len: usize| format!("a = '{}'", "é".repeat(len));
    assert!(Rule::parse(&long(2045)).is_ok());
    assert!(Rule::parse(&long(2046)).is_err());
}
