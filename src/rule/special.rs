//! A rule for one who asks.

use jiff::Timestamp;

use super::eval;
use super::need;
use super::record::Record;
use super::tree::{Comparison, Node, Term};
use super::{Facts, Verdict};

/// The same node with claims as values, and without what is then certain.
pub(super) fn node(of: &Node, auth: Option<&Record<'_>>) -> Node {
    match of {
        Node::All(nodes) => {
            let kept = nodes.iter().map(|of| node(of, auth));
            let kept: Vec<_> = kept.filter(|node| *node != Node::constant(true)).collect();
            if kept.contains(&Node::constant(false)) {
                return Node::constant(false);
            }
            Node::all(kept)
        }
        Node::Any(nodes) => {
            let kept = nodes.iter().map(|of| node(of, auth));
            let kept: Vec<_> = kept.filter(|node| *node != Node::constant(false)).collect();
            if kept.contains(&Node::constant(true)) {
                return Node::constant(true);
            }
            Node::any(kept)
        }
        Node::Compare(comparison) => compare(comparison, auth),
    }
}

fn compare(comparison: &Comparison, auth: Option<&Record<'_>>) -> Node {
    if !need::is_decided(comparison) {
        return Node::Compare(Box::new(comparison.clone()));
    }
    let left = terms(&comparison.left, auth);
    let right = terms(&comparison.right, auth);
    let (Some(left), Some(right)) = (left, right) else {
        return Node::constant(false);
    };
    let mut all = Vec::new();
    for left in &left {
        for right in &right {
            let of = Comparison::new(left.clone(), comparison.op, false, right.clone());
            match certain(Node::Compare(Box::new(of))) {
                of if of == Node::constant(false) => return of,
                of if of == Node::constant(true) => {}
                of => all.push(of),
            }
        }
    }
    Node::all(all)
}

/// The term, or the values of the claim that it is; none where that cannot be read.
fn terms(term: &Term, auth: Option<&Record<'_>>) -> Option<Vec<Term>> {
    let Term::Claim(path, None) = term else {
        return Some(vec![term.clone()]);
    };
    let given = eval::claim(auth, path, &mut 0)?;
    let values = given.values()?.iter();
    values
        .map(|value| value.literal().map(Term::Literal))
        .collect()
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
        now: Timestamp::UNIX_EPOCH,
    };
    match eval::node(&of, &facts, &mut 0) {
        Verdict::Fails => Node::constant(false),
        Verdict::Holds => Node::constant(true),
        Verdict::Undecided => of,
    }
}
