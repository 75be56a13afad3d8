//! What holds of every rule.

use proptest::prelude::*;

use super::like::Pattern;
use super::tests::{json, now};
use super::tree::{Comparison, FUNCTIONS, Literal, MACROS, Modifier, Node, Op, Term};
use super::*;

fn name() -> impl Strategy<Value = Box<str>> {
    prop::sample::select(vec!["a", "b", "c", "_x", "true", "null"]).prop_map(Into::into)
}

fn path() -> impl Strategy<Value = Path> {
    let step = prop_oneof![name(), Just("0".into())];
    (name(), prop::collection::vec(step, 0..3)).prop_map(|(first, mut rest)| {
        // A word that is a value by itself is a name only before a dot.
        if rest.is_empty() && matches!(first.as_ref(), "true" | "null") {
            rest.push("a".into());
        }
        rest.insert(0, first);
        Path(rest.into())
    })
}

fn text() -> impl Strategy<Value = String> {
    // What a text in quotes can spell: anything that does not end in a backslash.
    "[aA%_'\"é\\\\ /]{0,8}".prop_map(|text| text.trim_end_matches('\\').to_owned())
}

fn number() -> impl Strategy<Value = String> {
    prop_oneof!["-?[0-9]{1,3}", "-?[0-9]{1,2}\\.[0-9]{1,2}", "[0-9]e-?[0-9]"]
}

fn literal() -> impl Strategy<Value = Literal> {
    prop_oneof![
        Just(Literal::Null),
        any::<bool>().prop_map(Literal::Bool),
        number().prop_map(|digits| Literal::Number(digits.into())),
        text().prop_map(|text| Literal::Text(text.into())),
    ]
}

fn modifier() -> impl Strategy<Value = Option<Modifier>> {
    prop_oneof![
        9 => Just(None),
        1 => prop::sample::select(Modifier::ALL).prop_map(Some),
    ]
}

fn term() -> impl Strategy<Value = Term> {
    let leaf = prop_oneof![
        6 => literal().prop_map(Term::Literal),
        6 => (path(), modifier()).prop_map(|(path, modifier)| Term::Field(path, modifier)),
        6 => (path(), modifier()).prop_map(|(path, modifier)| Term::Claim(path, modifier)),
        1 => prop::sample::select(MACROS).prop_map(Term::Macro),
        1 => (path(), prop::option::of(name()), modifier()).prop_map(|(mut path, alias, modifier)| {
            path.0 = path.steps().chain(["id"]).map(Into::into).collect();
            Term::Collection(path, alias, modifier)
        }),
        1 => modifier().prop_map(|modifier| {
            Term::Request(Path(["query".into(), "a".into()].into()), modifier)
        }),
    ];
    leaf.prop_recursive(2, 6, 3, |inner| {
        let arguments = prop::collection::vec(inner, 1..3);
        (prop::sample::select(FUNCTIONS), arguments)
            .prop_map(|(name, arguments)| Term::Function(name, arguments.into()))
    })
}

fn comparison() -> impl Strategy<Value = Node> {
    let op = prop::sample::select(Op::ALL).prop_map(|(_, op)| op);
    (term(), op, prop::bool::weighted(0.1), term()).prop_map(|(left, op, any, right)| {
        Node::Compare(Box::new(Comparison::new(left, op, any, right)))
    })
}

fn rule() -> impl Strategy<Value = Rule> {
    let node = comparison().prop_recursive(4, 24, 4, |inner| {
        let nodes = prop::collection::vec(inner, 1..4);
        prop_oneof![nodes.clone().prop_map(Node::all), nodes.prop_map(Node::any)]
    });
    node.prop_map(|root| Rule { root })
}

/// An object with some of the names that rules have.
fn object() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("null".to_owned()),
        Just("\"\\ud800\"".to_owned()),
        any::<bool>().prop_map(|value| value.to_string()),
        (0..30_i32).prop_map(|number| number.to_string()),
        text().prop_map(|text| serde_json::to_string(&text).unwrap()),
        Just("\"ends in \\\\\"".to_owned()),
    ];
    let value = leaf.prop_recursive(3, 12, 3, |inner| {
        let member = (name(), inner.clone());
        prop_oneof![
            prop::collection::vec(inner, 0..3).prop_map(|all| format!("[{}]", all.join(","))),
            prop::collection::vec(member, 0..3).prop_map(object_of),
        ]
    });
    prop::collection::vec((name(), value), 0..5).prop_map(object_of)
}

fn object_of(members: Vec<(Box<str>, String)>) -> String {
    let member = |(name, value): &(Box<str>, String)| format!("\"{name}\":{value}");
    let members: Vec<_> = members.iter().map(member).collect();
    format!("{{{}}}", members.join(","))
}

fn said(rule: &Rule, record: Option<&Record<'_>>, auth: Option<&Record<'_>>) -> Verdict {
    rule.holds(&Facts {
        record,
        auth,
        now: now(),
    })
}

/// Matches by trying everything.
fn naive(pattern: &[char], text: &[char]) -> bool {
    match pattern.split_first() {
        None => text.is_empty(),
        Some(('%', rest)) => (0..=text.len()).any(|skip| naive(rest, &text[skip..])),
        Some(('_', rest)) => !text.is_empty() && naive(rest, &text[1..]),
        Some(('\\', [c, rest @ ..])) => begins(*c, text) && naive(rest, &text[1..]),
        Some(('\\', [])) => false,
        Some((c, rest)) => begins(*c, text) && naive(rest, &text[1..]),
    }
}

fn begins(c: char, text: &[char]) -> bool {
    text.first()
        .is_some_and(|first| first.eq_ignore_ascii_case(&c))
}

proptest! {
    #[test]
    fn a_rule_reads_as_it_prints(rule in rule()) {
        let printed = rule.to_string();
        prop_assert_eq!(Rule::parse(&printed), Ok(rule), "{}", printed);
    }

    #[test]
    fn no_text_makes_it_panic(text in "\\PC{0,60}", spec in "[a@.:=!~<>?&|()'\"\\\\0-9 /\n-]{0,60}") {
        for text in [text, spec] {
            match Rule::parse(&text) {
                Ok(rule) => {
                    prop_assert_eq!(Rule::parse(&rule.to_string()), Ok(rule));
                }
                Err(error) => prop_assert!(text.is_char_boundary(error.offset)),
            }
        }
    }

    #[test]
    fn a_specialized_rule_says_the_same_to_anybody(
        rule in rule(),
        record in prop::option::of(object()),
        auth in prop::option::of(object()),
    ) {
        let (record, auth) = (record.as_deref().map(json), auth.as_deref().map(json));
        let record = record.as_ref().map(Record::parse);
        let auth = auth.as_ref().map(Record::parse);
        let special = rule.specialize(auth.as_ref());
        let expected = said(&rule, record.as_ref(), auth.as_ref());
        prop_assert_eq!(said(&special, record.as_ref(), None), expected, "{}", &special);
        prop_assert_eq!(said(&special, record.as_ref(), record.as_ref()), expected);
        prop_assert_eq!(special.specialize(None), special);
    }

    #[test]
    fn what_has_a_need_is_never_certain_alone(node in comparison(), record in object()) {
        let rule = Rule { root: node };
        let record = json(&record);
        let record = Record::parse(&record);
        if !rule.needs().is_empty() {
            prop_assert_eq!(said(&rule, Some(&record), None), Verdict::Undecided);
        }
    }

    #[test]
    fn whoever_a_rule_holds_of_is_found(rule in rule(), record in object(), auth in object()) {
        let (record, auth) = (json(&record), json(&auth));
        let (record, auth) = (Record::parse(&record), Record::parse(&auth));
        let found = match rule.keys(Some(&auth)) {
            Keys::Always => {
                prop_assert_eq!(said(&rule, None, Some(&auth)), Verdict::Holds);
                true
            }
            Keys::Asked => true,
            Keys::Equal(keys) => keys.iter().any(|key| {
                record.sought(&key.field).as_ref() == Some(&key.value)
            }),
            Keys::Never => false,
        };
        if said(&rule, Some(&record), Some(&auth)) == Verdict::Holds {
            prop_assert!(found);
        }
    }

    #[test]
    fn equal_values_are_looked_up_alike(left in object(), right in object()) {
        let (left, right) = (json(&left), json(&right));
        let (left, right) = (Record::parse(&left), Record::parse(&right));
        let rule = Rule::parse("a = @request.auth.b").unwrap();
        if said(&rule, Some(&left), Some(&right)) == Verdict::Holds {
            let Keys::Equal(keys) = rule.keys(Some(&right)) else {
                return Err(TestCaseError::fail("an equality has a key"));
            };
            let found = left.sought(&Path(["a".into()].into()));
            prop_assert_eq!(found.as_ref(), Some(&keys[0].value));
        }
    }

    #[test]
    fn and_and_or_mirror_each_other(left in rule(), right in rule(), record in object()) {
        let record = json(&record);
        let record = Record::parse(&record);
        let of = |root| said(&Rule { root }, Some(&record), None);
        let (a, b) = (of(left.root.clone()), of(right.root.clone()));
        let both = |x: &Rule, y: &Rule| of(Node::all(vec![x.root.clone(), y.root.clone()]));
        let any = |x: &Rule, y: &Rule| of(Node::any(vec![x.root.clone(), y.root.clone()]));
        prop_assert_eq!(both(&left, &right), a.and(b));
        prop_assert_eq!(both(&right, &left), a.and(b));
        prop_assert_eq!(any(&left, &right), a.or(b));
        prop_assert_eq!(any(&right, &left), a.or(b));
    }

    #[test]
    fn a_pattern_matches_as_the_naive_one(
        pattern in prop_oneof!["[aAb%_\\\\é]{0,7}", "[ab]{1,5}", "[ab%_]{1,7}"],
        text in prop_oneof!["[aAbBéÉ%_\\\\]{0,9}", "[ab]{0,12}"],
    ) {
        let chars: Vec<char> = text.chars().collect();
        let plain = pattern.replace("\\\\", "").replace("\\%", "");
        let own: Vec<char> = if plain.contains('%') {
            pattern.chars().collect()
        } else {
            let mut own = vec!['%'];
            let mut rest = pattern.chars().peekable();
            while let Some(c) = rest.next() {
                let taken = rest.next_if(|next| c == '\\' && "\\%_".contains(*next));
                own.extend(['\\', taken.unwrap_or(c)]);
            }
            own.push('%');
            own
        };
        let found = Pattern::new(&pattern).matches(&text, &mut 0);
        prop_assert_eq!(found, Some(naive(&own, &chars)), "{}", String::from_iter(own));
    }

    #[test]
    fn numbers_are_ordered_as_numbers(
        left in -2000_i64..2000, right in -2000_i64..2000, by in 0_u32..4,
    ) {
        // The same numbers, one with a point and one with an exponent.
        let spelt = |number: i64| {
            let digits = format!("{:05}", number.abs());
            let (whole, part) = digits.split_at(5 - by as usize);
            let point = if part.is_empty() { "" } else { "." };
            format!("{}{whole}{point}{part}", if number < 0 { "-" } else { "" })
        };
        let exponent = |number: i64| format!("{number}e-{by}");
        let expected = left.cmp(&right);
        for (a, b) in [
            (spelt(left), spelt(right)),
            (spelt(left), exponent(right)),
            (exponent(left), spelt(right)),
        ] {
            prop_assert_eq!(number::order(&a, &b), expected, "{} {}", a, b);
        }
    }
}

#[test]
fn certainty_mirrors_between_and_and_or() {
    let all = [Verdict::Fails, Verdict::Holds, Verdict::Undecided];
    let not = |verdict| match verdict {
        Verdict::Fails => Verdict::Holds,
        Verdict::Holds => Verdict::Fails,
        Verdict::Undecided => Verdict::Undecided,
    };
    for a in all {
        for b in all {
            assert_eq!(not(a.and(b)), not(a).or(not(b)));
            assert_eq!(not(a.or(b)), not(a).and(not(b)));
            for c in all {
                assert_eq!(a.and(b.or(c)), a.and(b).or(a.and(c)));
            }
        }
    }
}

#[test]
fn steps_grow_with_the_text_and_no_faster() {
    let steps = |rule: &str, len: usize| {
        let text = "a".repeat(len);
        let record = json(&format!(
            "{{\"s\":\"{text}\",\"o\":{{\"x\":[0,\"{text}\"]}}}}"
        ));
        let record = Record::parse(&record);
        let facts = Facts {
            record: Some(&record),
            auth: None,
            now: now(),
        };
        Rule::parse(rule).unwrap().holds_counted(&facts).1
    };
    let long = "a".repeat(1000);
    for (rule, factor) in [
        ("s = 'a'".to_owned(), 3),
        ("s ~ s".to_owned(), 8),
        ("s = o.x.1".to_owned(), 8),
        (format!("s ~ '{long}b'"), 5),
        (format!("s ~ '%{long}b%{long}b%'"), 5),
        (format!("s ~ '{}b'", "a%".repeat(1000)), 5),
        (format!("s ~ '%{}b%'", "a".repeat(60)), 5),
        (format!("s ~ '%_{}b%'", "a".repeat(60)), 65),
        (format!("s ~ '%{}b%'", "_%".repeat(1000)), 5),
    ] {
        for len in [10_000, 100_000] {
            let taken = steps(&rule, len);
            let most = (len * factor + 20_000) as u64;
            assert!(taken <= most, "{taken} of {most}: {rule:.20}");
        }
    }
}
