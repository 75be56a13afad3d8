//! Conditions on one element: `scores:each ?> 1 && scores:each ?< 5`.
//!
//! Any-of comparisons that stand together in an `&&` and ask for each element of the same field
//! have to hold of one and the same element. So what is said of each element is carried up to the
//! `&&` that joins them. Where what a part says depends on the elements of two fields that are
//! joined further up, it is [`Verdict::Undecided`].

use std::ops::ControlFlow;

use super::eval;
use super::tree::{Comparison, Modifier, Node, Term};
use super::{Facts, Verdict};

/// A field whose elements are spoken of, by its steps.
type Field<'a> = &'a [Box<str>];

/// What is said of the elements of a field that is joined further up.
enum Said<'a> {
    Each(Field<'a>, Vec<Verdict>),
    /// The same of all, whichever field it is.
    Once(Verdict),
}

/// Whether any-of comparisons in a node have to hold of the same element.
pub(super) fn is_joint(node: &Node) -> bool {
    match node {
        Node::All(nodes) => !shared(nodes).is_empty() || nodes.iter().any(is_joint),
        Node::Any(nodes) => nodes.iter().any(is_joint),
        Node::Compare(_) => false,
    }
}

/// Whether both sides are the same elements: then each is compared with itself.
pub(super) fn is_one(comparison: &Comparison) -> bool {
    let left = elements_of(&comparison.left);
    comparison.any && left.is_some() && left == elements_of(&comparison.right)
}

/// What a node says where it is joint. Each comparison is asked once.
pub(super) fn node(of: &Node, facts: &Facts<'_>, steps: &mut u64) -> Verdict {
    match along(of, &[], facts, steps) {
        Said::Each(_, each) => any(&each),
        Said::Once(verdict) => verdict,
    }
}

/// What a node says of each element of the fields that are joined further up.
fn along<'a>(node: &'a Node, joined: &[Field<'a>], facts: &Facts<'_>, steps: &mut u64) -> Said<'a> {
    let (nodes, inner, by, start, end) = match node {
        Node::All(nodes) => {
            let mut inner = shared(nodes);
            inner.extend(joined);
            let by: fn(_, _) -> _ = Verdict::and;
            (nodes, inner, by, Verdict::Holds, Verdict::Fails)
        }
        Node::Any(nodes) => {
            let by: fn(_, _) -> _ = Verdict::or;
            (nodes, joined.to_vec(), by, Verdict::Fails, Verdict::Holds)
        }
        Node::Compare(comparison) => return compare(comparison, joined, facts, steps),
    };
    let mut once = start;
    let mut fields: Vec<(Field<'_>, Vec<Verdict>)> = Vec::new();
    for node in nodes {
        match along(node, &inner, facts, steps) {
            Said::Once(verdict) => once = by(once, verdict),
            Said::Each(field, each) => match fields.iter_mut().find(|(known, _)| *known == field) {
                Some((_, before)) => *before = zip(before, &each, by),
                None => fields.push((field, each)),
            },
        }
        if once == end {
            return Said::Once(end);
        }
    }
    let (above, here): (Vec<_>, Vec<_>) = fields
        .into_iter()
        .partition(|(field, _)| joined.contains(field));
    once = here
        .iter()
        .fold(once, |once, (_, each)| by(once, any(each)));
    gathered(above, once, by)
}

/// What is said of fields that are joined further up, beside what is said in any case.
fn gathered<'a>(
    mut fields: Vec<(Field<'a>, Vec<Verdict>)>,
    once: Verdict,
    by: fn(Verdict, Verdict) -> Verdict,
) -> Said<'a> {
    if fields.len() > 1 {
        let most = fields
            .iter()
            .fold(once, |most, (_, each)| by(most, any(each)));
        return Said::Once(at_most(most));
    }
    match fields.pop() {
        Some((field, each)) => {
            Said::Each(field, each.into_iter().map(|said| by(said, once)).collect())
        }
        None => Said::Once(once),
    }
}

fn compare<'a>(
    comparison: &'a Comparison,
    joined: &[Field<'a>],
    facts: &Facts<'_>,
    steps: &mut u64,
) -> Said<'a> {
    let spoken = |term| elements_of(term).filter(|field| joined.contains(field));
    let (left, right) = (spoken(&comparison.left), spoken(&comparison.right));
    let field = match (left, right) {
        (Some(left), Some(right)) if comparison.any && left != right => {
            return Said::Once(at_most(eval::compare(comparison, facts, steps)));
        }
        (Some(field), _) | (None, Some(field)) if comparison.any => field,
        _ => return Said::Once(eval::compare(comparison, facts, steps)),
    };
    let sides = match eval::sides(comparison, facts, steps) {
        Ok(sides) => sides,
        Err(verdict) => return Said::Once(verdict),
    };
    let mut each = Vec::new();
    eval::pairs(comparison, &sides, steps, &mut |at_left, at_right, said| {
        let place = if left.is_some() { at_left } else { at_right };
        if each.len() <= place {
            each.resize(place + 1, Verdict::Fails);
        }
        if let Some(verdict) = each.get_mut(place) {
            *verdict = verdict.or(said);
        }
        ControlFlow::Continue(())
    });
    Said::Each(field, each)
}

/// What is said of each element, by two parts.
fn zip(left: &[Verdict], right: &[Verdict], by: fn(Verdict, Verdict) -> Verdict) -> Vec<Verdict> {
    if left.len() != right.len() {
        // Of a key its id is one, and its elements may be none or several.
        return vec![Verdict::Undecided];
    }
    let both = left.iter().zip(right);
    both.map(|(left, right)| by(*left, *right)).collect()
}

/// What is said of any element.
fn any(each: &[Verdict]) -> Verdict {
    each.iter().copied().fold(Verdict::Fails, Verdict::or)
}

/// What is left of a verdict that holds of some elements, where it may be others that count.
fn at_most(verdict: Verdict) -> Verdict {
    match verdict {
        Verdict::Fails => Verdict::Fails,
        Verdict::Holds | Verdict::Undecided => Verdict::Undecided,
    }
}

/// The fields of whose elements more than one of the nodes speaks.
fn shared(nodes: &[Node]) -> Vec<Field<'_>> {
    let mut seen: Vec<(Field<'_>, usize)> = Vec::new();
    let mut shared = Vec::new();
    for (place, node) in nodes.iter().enumerate() {
        visit(
            node,
            &mut |field| match seen.iter().find(|(known, _)| *known == field) {
                Some((_, first)) if *first != place && !shared.contains(&field) => {
                    shared.push(field);
                }
                Some(_) => {}
                None => seen.push((field, place)),
            },
        );
    }
    shared
}

/// Shows the fields of whose elements the any-of comparisons of a node speak.
fn visit<'a>(node: &'a Node, show: &mut dyn FnMut(Field<'a>)) {
    match node {
        Node::All(nodes) | Node::Any(nodes) => nodes.iter().for_each(|node| visit(node, show)),
        Node::Compare(comparison) if comparison.any => {
            let sides = [&comparison.left, &comparison.right];
            sides.into_iter().filter_map(elements_of).for_each(show);
        }
        Node::Compare(_) => {}
    }
}

/// The field whose elements a term is, one by one. `members.id` are those of `members`.
fn elements_of(term: &Term) -> Option<Field<'_>> {
    let Term::Field(path, modifier) = term else {
        return None;
    };
    match &*path.0 {
        [keys @ .., id] if !keys.is_empty() && &**id == "id" => Some(keys),
        whole if *modifier == Some(Modifier::Each) => Some(whole),
        _ => None,
    }
}
