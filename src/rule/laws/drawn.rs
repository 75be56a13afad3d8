//! Rules and records as they come by chance, of few names so that they meet.

use proptest::prelude::*;

use super::super::tree::{
    Comparison, Function, Literal, Macro, Modifier, Node, Op, Part, Path, Term,
};
use super::super::{Request, Rule};

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

pub(super) fn text() -> impl Strategy<Value = String> {
    "[aA%_'\"é\\\\ /]{0,8}"
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
    use Modifier::{Each, Isset, Length, Lower};
    prop_oneof![
        5 => Just(None),
        3 => Just(Some(Each)),
        2 => prop::sample::select(vec![Length, Lower]).prop_map(Some),
        1 => Just(Some(Isset)),
    ]
}

/// A path, now and then one that asks for ids, or for what refers to a record.
fn of_paths() -> BoxedStrategy<Path> {
    let id = |path: Path| Path(path.steps().chain(["id"]).map(Into::into).collect());
    let refers = |path: Path| {
        let steps = ["a_via_b"].into_iter();
        Path(steps.chain(path.steps()).map(Into::into).collect())
    };
    prop_oneof![
        12 => path(),
        4 => path().prop_map(id),
        1 => path().prop_map(refers),
    ]
    .boxed()
}

fn request() -> BoxedStrategy<Term> {
    let of_texts = || {
        let both = vec![None, Some(Modifier::Isset), Some(Modifier::Lower)];
        prop::sample::select(both)
    };
    let of_body = prop::option::of(prop::sample::select(Modifier::ALL));
    prop_oneof![
        3 => (path(), of_texts()).prop_map(|(path, of)| Term::Request(Part::Query(path), of)),
        3 => (path(), of_texts()).prop_map(|(path, of)| Term::Request(Part::Headers(path), of)),
        1 => (path(), of_body).prop_map(|(path, of)| Term::Request(Part::Body(path), of)),
        1 => Just(Term::Request(Part::Context, None)),
        1 => Just(Term::Request(Part::Method, None)),
    ]
    .boxed()
}

fn of_macros() -> impl Strategy<Value = Term> {
    prop::sample::select(Macro::ALL).prop_map(|(_, of)| Term::Macro(of))
}

fn of_paths_or_claims() -> BoxedStrategy<Term> {
    prop_oneof![
        (of_paths(), modifier()).prop_map(|(path, modifier)| Term::Field(path, modifier)),
        (of_paths(), modifier()).prop_map(|(path, modifier)| Term::Claim(path, modifier)),
    ]
    .boxed()
}

fn function() -> BoxedStrategy<Function> {
    let coordinate = || {
        prop_oneof![
            number().prop_map(|digits| Term::Literal(Literal::Number(digits.into()))),
            of_paths_or_claims(),
            of_macros(),
        ]
    };
    let places = [coordinate(), coordinate(), coordinate(), coordinate()];
    let time = prop_oneof![
        literal().prop_map(Term::Literal),
        of_paths_or_claims(),
        of_macros(),
        request(),
    ];
    let format = "[%a ]{0,3}(%[A-Za-z%])?".prop_map(Into::into);
    let modifiers = prop_oneof![
        4 => Just(vec![]),
        1 => prop::collection::vec(text().prop_map(Into::into), 1..3),
    ];
    let strftime = (format, prop::option::of(time), modifiers);
    prop_oneof![
        places.prop_map(Function::GeoDistance),
        strftime.prop_map(
            |(format, at, modifiers): (_, _, Vec<_>)| Function::Strftime {
                format,
                // Without a time there is nothing to change.
                modifiers: if at.is_some() {
                    modifiers.into()
                } else {
                    Box::default()
                },
                at,
            }
        ),
    ]
    .boxed()
}

fn term() -> BoxedStrategy<Term> {
    prop_oneof![
        8 => literal().prop_map(Term::Literal),
        12 => of_paths_or_claims(),
        2 => of_macros(),
        1 => (path(), prop::option::of(name()), modifier()).prop_map(|(mut path, alias, modifier)| {
            path.0 = path.steps().chain(["id"]).map(Into::into).collect();
            Term::Collection(path, alias, modifier)
        }),
        3 => request(),
        2 => function().prop_map(|function| Term::Function(Box::new(function))),
    ]
    .boxed()
}

pub(super) fn comparison() -> impl Strategy<Value = Node> {
    let op = prop::sample::select(Op::ALL).prop_map(|(_, op)| op);
    (term(), op, any::<bool>(), term()).prop_map(|(left, op, any, right)| {
        Node::Compare(Box::new(Comparison::new(left, op, any, right)))
    })
}

pub(super) fn rule() -> impl Strategy<Value = Rule> {
    let node = comparison().prop_recursive(4, 24, 4, |inner| {
        let nodes = prop::collection::vec(inner, 1..4);
        prop_oneof![nodes.clone().prop_map(Node::all), nodes.prop_map(Node::any)]
    });
    node.prop_map(Rule::of)
}

/// A value of one element, as JSON.
pub(super) fn value() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("null".to_owned()),
        any::<bool>().prop_map(|value| value.to_string()),
        (0..4_i32).prop_map(|number| number.to_string()),
        text().prop_map(|text| serde_json::to_string(&text).unwrap()),
    ]
}

/// An object with some of the names that rules have.
pub(super) fn object() -> impl Strategy<Value = String> {
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

/// What came with a request, of the names that rules have.
pub(super) fn sent() -> impl Strategy<Value = Request> {
    let values = || prop::collection::vec((name(), text()), 0..3);
    (values(), values()).prop_map(|(query, headers)| Request::new(texts(&query), texts(&headers)))
}

fn texts(pairs: &[(Box<str>, String)]) -> impl Iterator<Item = (&str, &str)> {
    let pairs = pairs.iter();
    pairs.map(|(name, value)| (name.as_ref(), value.as_str()))
}
