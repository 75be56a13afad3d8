//! What holds of every rule.

mod drawn;

use proptest::prelude::*;

use drawn::{comparison, object, rule, sent, value};

use super::like::Pattern;
use super::tests::{json, now};
use super::tree::{Comparison, Modifier, Node, Op, Term};
use super::*;
use crate::limits::RULE_DEPTH;

fn said(rule: &Rule, record: Option<&Record<'_>>, auth: Option<&Record<'_>>) -> Verdict {
    said_to(rule, record, auth, None)
}

fn said_to(
    rule: &Rule,
    record: Option<&Record<'_>>,
    auth: Option<&Record<'_>>,
    request: Option<&Request>,
) -> Verdict {
    rule.holds(&Facts {
        record,
        auth,
        request,
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
        sent in prop::option::of(sent()),
    ) {
        let (record, auth) = (record.as_deref().map(json), auth.as_deref().map(json));
        let record = record.as_ref().map(Record::parse);
        let auth = auth.as_ref().map(Record::parse);
        let special = rule.specialize(auth.as_ref(), sent.as_ref());
        let expected = said_to(&rule, record.as_ref(), auth.as_ref(), sent.as_ref());
        let alone = said(&special, record.as_ref(), None);
        // It may be more certain: what is gone can have been all that stood in between.
        if expected != Verdict::Undecided {
            prop_assert_eq!(alone, expected, "{}", &special);
        }
        prop_assert_eq!(said(&special, record.as_ref(), record.as_ref()), alone);
        prop_assert_eq!(special.specialize(None, None), special);
    }

    #[test]
    fn what_has_a_need_is_never_certain_alone(node in comparison(), record in object()) {
        let rule = Rule::of(node);
        let record = json(&record);
        let record = Record::parse(&record);
        if !rule.needs().is_empty() {
            prop_assert_eq!(said(&rule, Some(&record), None), Verdict::Undecided);
        }
    }

    #[test]
    fn whoever_a_rule_holds_of_is_found(
        rule in rule(),
        record in object(),
        auth in object(),
        sent in prop::option::of(sent()),
    ) {
        let (record, auth) = (json(&record), json(&auth));
        let (record, auth) = (Record::parse(&record), Record::parse(&auth));
        let sent = sent.as_ref();
        let found = match rule.keys(Some(&auth), sent) {
            Keys::Always => {
                prop_assert_eq!(said_to(&rule, None, Some(&auth), sent), Verdict::Holds);
                true
            }
            Keys::Asked => true,
            Keys::Equal(keys) => keys.iter().any(|key| {
                record.sought(&key.field).contains(&key.value)
            }),
            Keys::Never => false,
        };
        if said_to(&rule, Some(&record), Some(&auth), sent) == Verdict::Holds {
            prop_assert!(found);
        }
    }

    #[test]
    fn equal_values_are_looked_up_alike(
        left in object(),
        right in object(),
        text in prop::sample::select(vec![
            "a = @request.auth.b",
            "a ?= @request.auth.b",
            "@request.auth.b:each ?= a:each",
            "a.id ?= @request.auth.b",
        ]),
    ) {
        let (left, right) = (json(&left), json(&right));
        let (left, right) = (Record::parse(&left), Record::parse(&right));
        let rule = Rule::parse(text).unwrap();
        if said(&rule, Some(&left), Some(&right)) == Verdict::Holds {
            let Keys::Equal(keys) = rule.keys(Some(&right), None) else {
                return Err(TestCaseError::fail("an equality has a key"));
            };
            let found = |key: &Key| left.sought(&key.field).contains(&key.value);
            prop_assert!(keys.iter().any(found));
        }
    }

    #[test]
    fn any_of_values_is_some_and_plain_is_all(
        op in prop::sample::select(Op::ALL),
        left in prop::collection::vec(value(), 1..4),
        right in prop::collection::vec(value(), 1..4),
    ) {
        let (_, op) = op;
        let path = |name: &str| Path([name.into()].into());
        let field = |name, each| Term::Field(path(name), each);
        let one = |any, left: &String, right: &String| {
            let record = json(&format!("{{\"a\":[{left}],\"b\":[{right}]}}"));
            let each = Some(Modifier::Each);
            let of = Comparison::new(field("a", each), op, any, field("b", each));
            let rule = Rule::of(Node::Compare(Box::new(of)));
            said(&rule, Some(&Record::parse(&record)), None)
        };
        let pairs = || left.iter().flat_map(|a| right.iter().map(move |b| one(false, a, b)));
        let (left, right) = (left.join(","), right.join(","));
        prop_assert_eq!(one(true, &left, &right), pairs().fold(Verdict::Fails, Verdict::or));
        prop_assert_eq!(one(false, &left, &right), pairs().fold(Verdict::Holds, Verdict::and));
    }

    #[test]
    fn one_element_has_to_satisfy_all_that_is_said_of_it(
        elements in prop::collection::vec(0..6_i32, 0..5),
        rule in prop::collection::vec((0..2_usize, prop::sample::select(Op::ALL), 0..6_i32), 2..6),
    ) {
        let said_of = |elements: &[i32], any| {
            let record = json(&format!("{{\"a\":{elements:?}}}"));
            let parts = rule.chunks(2).map(|parts| {
                let parts = parts.iter().map(|(of, (op, _), number)| {
                    let term = ["a:each", "a.id"][*of];
                    format!("{term} {any}{op} {number}")
                });
                format!("({})", parts.collect::<Vec<_>>().join(" || "))
            });
            let rule = Rule::parse(&parts.collect::<Vec<_>>().join(" && ")).unwrap();
            said(&rule, Some(&Record::parse(&record)), None)
        };
        let each = elements.iter().map(|element| said_of(&[*element], ""));
        let expected = match elements.len() {
            0 => said_of(&[], ""),
            _ => each.fold(Verdict::Fails, Verdict::or),
        };
        prop_assert_eq!(said_of(&elements, "?"), expected);
    }

    #[test]
    fn and_and_or_mirror_each_other(left in rule(), right in rule(), record in object()) {
        let record = json(&record);
        let record = Record::parse(&record);
        let of = |root| said(&Rule::of(root), Some(&record), None);
        let (a, b) = (of(left.root.clone()), of(right.root.clone()));
        let both = |x: &Rule, y: &Rule| of(Node::all(vec![x.root.clone(), y.root.clone()]));
        let any = |x: &Rule, y: &Rule| of(Node::any(vec![x.root.clone(), y.root.clone()]));
        prop_assert_eq!(both(&left, &right), both(&right, &left));
        // Two that each hold of some element need not hold of the same.
        let is_apart = !Rule::of(Node::all(vec![left.root.clone(), right.root.clone()])).is_joint;
        if is_apart || a.and(b) == Verdict::Fails {
            prop_assert_eq!(both(&left, &right), a.and(b));
        }
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
            "{{\"s\":\"{text}\",\"o\":{{\"x\":[0,\"{text}\"]}},\"l\":[\"{text}\",1]}}"
        ));
        let record = Record::parse(&record);
        let facts = Facts {
            record: Some(&record),
            auth: None,
            request: None,
            now: now(),
        };
        Rule::parse(rule).unwrap().holds_counted(&facts).1
    };
    let long = "a".repeat(1000);
    // Each parenthesis is joined with what stands before it, of another field by turns.
    let nested = (0..RULE_DEPTH).fold("l:each ?= 1".to_owned(), |inner, at| {
        let field = ["l", "o.x"][at % 2];
        format!("{field}:each ?= 1 && ({field}:each ?= 1 && {inner} || s = 1)")
    });
    for (rule, factor) in [
        ("s = 'a'".to_owned(), 3),
        ("s ~ s".to_owned(), 8),
        ("s ?= 'a' && s:lower ~ 'b'".to_owned(), 20),
        ("l:each ?~ 'b' && l:each ?~ 'c'".to_owned(), 20),
        ("l:length > 5".to_owned(), 8),
        ("l ~ 'b'".to_owned(), 8),
        (nested, 400),
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
