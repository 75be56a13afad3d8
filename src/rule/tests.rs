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
        request: None,
        now: now(),
    };
    let said = rule.holds(&facts(auth.as_ref()));
    let special = rule.specialize(auth.as_ref(), None);
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
    let text = "a ?= 1 && b:isset = true && (c = notes_via_post.by || c = notes_via_post.by) \
        && @collection.t:x.id = strftime('%Y', d, '+1 day') && e ~ '_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\
        aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa%' \
        && @request.auth.x_via_y.z = strftime('%J', d) && @request.body.a:each = 1 && a_via_b = 1";
    let needs = Rule::parse(text).unwrap().needs();
    let expected = [
        Need::Modifier(":isset".into()),
        Need::BackRelation("notes_via_post.by".into()),
        Need::Collection("@collection.t.id".into()),
        Need::Function("strftime"),
        Need::LongPattern("~".into()),
        Need::BackRelation("@request.auth.x_via_y.z".into()),
        Need::Modifier(":each".into()),
    ];
    assert_eq!(needs, expected);
    for need in needs {
        assert!(need.to_string().ends_with("which is not decided here"));
    }
    assert!(Rule::parse("a = @now").unwrap().needs().is_empty());
}

#[test]
fn every_macro_is_reckoned_from_the_time() {
    for (rule, expected) in [
        ("@now", "2026-01-31 10:00:00.123Z"),
        ("@yesterday", "2026-01-30 10:00:00.123Z"),
        ("@tomorrow", "2026-02-01 10:00:00.123Z"),
        ("@todayStart", "2026-01-31 00:00:00.000Z"),
        ("@todayEnd", "2026-01-31 23:59:59.999Z"),
        ("@monthStart", "2026-01-01 00:00:00.000Z"),
        ("@monthEnd", "2026-01-31 23:59:59.999Z"),
        ("@yearStart", "2026-01-01 00:00:00.000Z"),
        ("@yearEnd", "2026-12-31 23:59:59.999Z"),
        ("@second", "0"),
        ("@minute", "0"),
        ("@hour", "10"),
        ("@day", "31"),
        ("@month", "1"),
        ("@weekday", "6"),
        ("@year", "2026"),
    ] {
        for rule in [
            format!("{rule} = '{expected}'"),
            format!("{rule} ~ '{expected}%'"),
        ] {
            assert_eq!(verdict(&rule, None, None), Verdict::Holds, "{rule}");
        }
    }
    assert_eq!(tree::Macro::ALL.len(), 16);
}

#[test]
fn months_and_years_end_where_the_calendar_says() {
    let said = |now: &str, rule: &str| {
        let facts = Facts {
            record: None,
            auth: None,
            request: None,
            now: now.parse().unwrap(),
        };
        Rule::parse(rule).unwrap().holds(&facts)
    };
    for (now, rule) in [
        (
            "2024-02-10T00:00:00Z",
            "@monthEnd = '2024-02-29 23:59:59.999Z'",
        ),
        (
            "2023-02-10T00:00:00Z",
            "@monthEnd = '2023-02-28 23:59:59.999Z'",
        ),
        (
            "2024-03-01T00:00:00Z",
            "@yesterday = '2024-02-29 00:00:00.000Z'",
        ),
        (
            "2023-12-31T23:59:59Z",
            "@tomorrow = '2024-01-01 23:59:59.000Z' && @weekday = 0",
        ),
        ("-000005-12-31T23:59:59Z", "@year = 0 && @yearEnd < '0'"),
        ("-009999-01-02T01:59:59Z", "@yesterday < @tomorrow"),
        (
            "9999-12-30T21:59:59Z",
            "@tomorrow > @now && @yearEnd > @now",
        ),
    ] {
        assert_eq!(said(now, rule), Verdict::Holds, "{now} {rule}");
    }
}

#[test]
fn what_came_with_the_request_is_compared() {
    let sent = Request::new(
        [("page", "1"), ("page", "2"), ("none", ""), ("name", "Live")],
        [("X-Key", "k1"), ("x-empty", "")],
    );
    let record = json(RECORD);
    let record = Record::parse(&record);
    let long = "x".repeat(RULE_CLAIM_BYTES_MAX + 1);
    let too_long = Request::new([("page", long.as_str())], []);
    let said = |rule: &str, request| {
        let rule = Rule::parse(rule).unwrap();
        let facts = |request| Facts {
            record: Some(&record),
            auth: None,
            request,
            now: now(),
        };
        let said = rule.holds(&facts(request));
        let special = rule.specialize(None, request);
        assert_eq!(special.holds(&facts(None)), said, "{rule} as {special}");
        said
    };
    for (rule, with, without) in [
        ("@request.query.page = 2", true, false),
        ("@request.query.page = '2'", true, false),
        ("@request.query.page:isset = true", true, false),
        ("@request.query.none:isset = true", true, false),
        ("@request.query.gone:isset = false", true, true),
        ("@request.query.none = null", true, true),
        ("@request.query.gone = ''", true, true),
        ("@request.query.page.x = null", true, true),
        ("@request.query.page.x:isset = true", false, false),
        ("@request.query.name:lower = s", true, false),
        ("s ~ @request.query.name", true, false),
        ("s !~ @request.query.gone", false, false),
        ("@request.headers.x_key = 'k1'", true, false),
        ("@request.headers.x_empty:isset = true", true, false),
        ("@request.context = 'realtime'", true, true),
        ("@request.method = 'GET'", true, true),
        (
            "@request.body.s = null && @request.body.s != 'x'",
            true,
            true,
        ),
        ("@request.body.s:isset = true", false, false),
        ("@request.body.s:changed = false", true, true),
        ("@request.body.s:length = 0", true, true),
        ("@request.body.s:lower = ''", true, true),
    ] {
        let expected = Verdict::certain;
        assert_eq!(said(rule, Some(&sent)), expected(with), "{rule}");
        assert_eq!(said(rule, None), expected(without), "{rule}");
    }
    assert_eq!(
        said("@request.query.page != 1", Some(&too_long)),
        Verdict::Fails
    );
    let rule = Rule::parse("s = @request.query.name").unwrap();
    assert!(rule.asks_request() && Rule::parse("s = @request.method").unwrap().asks_request());
    let Keys::Equal(keys) = rule.keys(None, Some(&sent)) else {
        panic!("an equality has a key");
    };
    assert_eq!(&*keys[0].value.0, "Live");
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
        ("a ?= 1", "a=1e1"),
        ("a:each ?= 'x'", "a=x"),
        ("a.id = 'x'", "a.id=x"),
        ("a ?= @request.auth.many", "a=x a=y"),
        ("@request.auth.many ?= a", "a=x a=y"),
        ("a ?= @request.auth.many:each", "a=x a=y"),
        ("a ?= @request.auth.none", "a="),
        ("a ?= @request.auth.many && b = 1", "a=x a=y"),
        ("a ?= @request.auth.many || b > 1", "asked"),
        ("a ?!= @request.auth.id", "asked"),
        ("a ?~ @request.auth.id", "asked"),
        ("a = @request.auth.many:length", "a=2e1"),
        ("a = @request.auth.role:lower", "a=admin"),
        ("a = @request.query.b", "a="),
        ("a = strftime('%Y', @now)", "asked"),
        ("@request.auth.many ?= 'x'", "always"),
        ("@request.auth.many ?= 'z'", "never"),
        ("a:lower = 'x'", "asked"),
        ("a:length = 1", "asked"),
        ("a = @request.auth.x:lower", "a="),
        ("a = b", "asked"),
        ("a = @now", "asked"),
        ("1 = 1", "always"),
    ] {
        let found = match Rule::parse(text).unwrap().keys(Some(&auth), None) {
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
        ("a ?= @request.auth.id", "a ?= \"u1\""),
        ("a ?= @request.auth.many", "a ?= \"x\" || a ?= \"y\""),
        ("@request.auth.many ?= 'x'", "1 = 1"),
        ("@request.auth.many ~ a", "\"[\\\"x\\\",\\\"y\\\"]\" ~ a"),
        ("a = @request.auth.many:length", "a = 2"),
        ("a = @request.query.b", "a = null"),
        ("a:isset = @request.auth.id", "a:isset = @request.auth.id"),
        (
            "geoDistance(a, b, @request.auth.level, @year) < 1",
            "geoDistance(a, b, 3, @year) < 1",
        ),
        ("strftime('%Y', @request.auth.many) = a", "1 = 0"),
        ("@now > @request.auth.level", "@now > 3"),
    ] {
        let special = Rule::parse(text).unwrap().specialize(Some(&auth), None);
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
        ("strftime('a')=1", "strftime(\"a\") = 1"),
        (
            "strftime('\"', b,'x' , '')=1",
            "strftime(\"\\\"\", b, \"x\", \"\") = 1",
        ),
        (
            "geoDistance(a.lon , -1,null,@year)<1",
            "geoDistance(a.lon, -1, null, @year) < 1",
        ),
        (
            "@request.body.a:changed=@request.method",
            "@request.body.a:changed = @request.method",
        ),
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
