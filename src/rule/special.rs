//! A rule for one who asks.

use jiff::Timestamp;

use super::eval;
use super::side::{self, Given};
use super::tree::{Comparison, Function, Node, Term};
use super::{Facts, Record, Request, Verdict};

/// Who asks, as far as rules know.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asker<'a> {
    pub(super) auth: Option<&'a Record<'a>>,
    pub(super) request: Option<&'a Request>,
}

/// The same node with what is known of who asks as values, and without what is then certain.
pub(super) fn node(of: &Node, asker: Asker<'_>) -> Node {
    match of {
        Node::All(nodes) => all(nodes.iter().map(|of| node(of, asker))),
        Node::Any(nodes) => any(nodes.iter().map(|of| node(of, asker))),
        Node::Compare(comparison) => compare(comparison, asker),
    }
}

fn all(nodes: impl Iterator<Item = Node>) -> Node {
    let kept: Vec<_> = nodes.filter(|node| *node != Node::constant(true)).collect();
    if kept.contains(&Node::constant(false)) {
        return Node::constant(false);
    }
    Node::all(kept)
}

fn any(nodes: impl Iterator<Item = Node>) -> Node {
    let kept: Vec<_> = nodes
        .filter(|node| *node != Node::constant(false))
        .collect();
    if kept.contains(&Node::constant(true)) {
        return Node::constant(true);
    }
    Node::any(kept)
}

/// A comparison for each pair of the values that claims have.
fn compare(comparison: &Comparison, asker: Asker<'_>) -> Node {
    if !comparison.is_decided {
        return Node::Compare(Box::new(comparison.clone()));
    }
    let left = terms(&comparison.left, comparison.takes_whole(), asker);
    let right = terms(&comparison.right, false, asker);
    let (Some(left), Some(right)) = (left, right) else {
        return Node::constant(false);
    };
    let pairs = right.iter().flat_map(|right| {
        left.iter().map(|left| {
            let (left, right) = (left.clone(), right.clone());
            let of = Comparison::new(left, comparison.op, comparison.any, right);
            certain(Node::Compare(Box::new(of)))
        })
    });
    if comparison.any {
        any(pairs)
    } else {
        all(pairs)
    }
}

/// The term, or the values of the claim that it is; none where that cannot be read. An array is
/// one text where the `whole` is asked for.
fn terms(term: &Term, whole: bool, asker: Asker<'_>) -> Option<Vec<Term>> {
    let given = match term {
        Term::Claim(path, modifier) => side::claim(asker.auth, path, *modifier, &mut 0)?,
        Term::Request(part, modifier) => side::asked(asker.request, part, *modifier)?,
        Term::Function(function) => {
            return Some(vec![Term::Function(Box::new(known(function, asker)?))]);
        }
        Term::Collection(..) | Term::Field(..) | Term::Literal(_) | Term::Macro(_) => {
            return Some(vec![term.clone()]);
        }
    };
    let given = if whole { given.whole() } else { given };
    let values = given.values().iter();
    values
        .map(|value| value.literal().map(Term::Literal))
        .collect()
}

/// A function with values for claims; none where one cannot be read, or has several.
fn known(function: &Function, asker: Asker<'_>) -> Option<Function> {
    let known = |term: &Term| match term {
        Term::Claim(path, modifier) => match side::claim(asker.auth, path, *modifier, &mut 0)? {
            Given::One(value) => value.literal().map(Term::Literal),
            Given::Many(..) | Given::Unknown => None,
        },
        _ => terms(term, false, asker)?.pop(),
    };
    Some(match function {
        Function::GeoDistance([lon_a, lat_a, lon_b, lat_b]) => {
            Function::GeoDistance([known(lon_a)?, known(lat_a)?, known(lon_b)?, known(lat_b)?])
        }
        Function::Strftime {
            format,
            at,
            modifiers,
        } => Function::Strftime {
            format: format.clone(),
            at: match at {
                Some(at) => Some(known(at)?),
                None => None,
            },
            modifiers: modifiers.clone(),
        },
    })
}

/// A comparison of two values says the same of any facts.
fn certain(of: Node) -> Node {
    let Node::Compare(comparison) = &of else {
        return of;
    };
    let is_value = |term: &Term| matches!(term, Term::Literal(_));
    if !is_value(&comparison.left) || !is_value(&comparison.right) {
        return of;
    }
    let facts = Facts {
        record: None,
        auth: None,
        request: None,
        now: Timestamp::UNIX_EPOCH,
    };
    match eval::node(&of, &facts, &mut 0) {
        Verdict::Fails => Node::constant(false),
        Verdict::Holds => Node::constant(true),
        Verdict::Undecided => of,
    }
}
