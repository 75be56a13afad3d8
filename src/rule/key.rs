//! By which equalities subscribers are found, so that an event asks those whom it may concern.
//!
//! ```text
//!   owner = @request.auth.sub && status != "draft"     owner is the claim
//!   owner = @request.auth.sub || public = true         owner is the claim, or public is true
//! ```
//! A rule holds of no record in which none of its equalities does. So whoever is filed under
//! each of them is found by what the record has at these fields, and nobody else is looked at.

use super::number;
use super::record::Record;
use super::side;
use super::special::{self, Asker};
use super::tree::{Comparison, Literal, Modifier, Node, Op, Path, Term};
use super::value::Value;

/// How those are found of whom a rule may hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Keys {
    /// It holds, whatever the record is and where there is none.
    Always,
    /// Each record has to be asked about.
    Asked,
    /// One of these equalities has to hold. Never empty.
    Equal(Vec<Key>),
    /// It holds of no record.
    Never,
}

/// An equality of a field with a value.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Key {
    /// The field of the record.
    pub field: Path,
    /// What it is equal to.
    pub value: Sought,
}

/// A value as it is looked up by: values that are equal are the same here, and others seldom.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Sought(pub(super) Box<str>);

/// Keys, and whether they come from claims: then few share them.
type Found = (Keys, bool);

impl Record<'_> {
    /// The values that stand at `field`, to look up who is filed under any of them.
    ///
    /// An array is equal to a value where all its elements are, and any of it where one is: so
    /// whoever is filed by either is found under one of its elements.
    #[must_use]
    pub fn sought(&self, field: &Path) -> Vec<Sought> {
        let given = side::field(self, field, None, &mut 0);
        given.values().iter().filter_map(sought).collect()
    }
}

/// The keys of a node for who asks.
pub(super) fn of_node(node: &Node, asker: Asker<'_>) -> Found {
    match node {
        Node::All(nodes) => all(nodes.iter().map(|node| of_node(node, asker))),
        Node::Any(nodes) => any(nodes.iter().map(|node| of_node(node, asker))),
        Node::Compare(comparison) => of_comparison(node, comparison, asker),
    }
}

/// Those of one part are enough: of claims before others, and the fewest.
fn all(parts: impl Iterator<Item = Found>) -> Found {
    let mut best = (Keys::Always, false);
    for part in parts {
        let better = match (&part.0, &best.0) {
            (Keys::Never, _) => return part,
            (Keys::Always, _) => false,
            (Keys::Asked, now) => *now == Keys::Always,
            (Keys::Equal(new), Keys::Equal(now)) => (!part.1, new.len()) < (!best.1, now.len()),
            (Keys::Equal(_), _) => true,
        };
        if better {
            best = part;
        }
    }
    best
}

/// Those of every part are needed.
fn any(parts: impl Iterator<Item = Found>) -> Found {
    let mut together = Vec::new();
    let (mut of_claims, mut asked) = (true, false);
    for (keys, of_claim) in parts {
        match keys {
            Keys::Always => return (keys, false),
            Keys::Asked => asked = true,
            Keys::Equal(keys) => {
                together.extend(keys);
                of_claims &= of_claim;
            }
            Keys::Never => {}
        }
    }
    match (asked, together.is_empty()) {
        (true, _) => (Keys::Asked, false),
        (false, true) => (Keys::Never, false),
        (false, false) => (Keys::Equal(together), of_claims),
    }
}

fn of_comparison(node: &Node, comparison: &Comparison, asker: Asker<'_>) -> Found {
    let special = special::node(node, asker);
    if special == Node::constant(true) {
        return (Keys::Always, false);
    }
    if special == Node::constant(false) {
        return (Keys::Never, false);
    }
    let is_claim = |term: &Term| matches!(term, Term::Claim(..) | Term::Request(..));
    let of_claim = is_claim(&comparison.left) || is_claim(&comparison.right);
    let keys: Option<Vec<Key>> = match &special {
        // A claim of several values has to be equal to the field with each of them.
        Node::All(nodes) => nodes.iter().take(1).map(equality).collect(),
        // With any of them.
        Node::Any(nodes) => nodes.iter().map(equality).collect(),
        node @ Node::Compare(_) => equality(node).map(|key| vec![key]),
    };
    match keys {
        Some(keys) => (Keys::Equal(keys), of_claim),
        None => (Keys::Asked, false),
    }
}

/// The equality of a field, or of any element of it, with a value that the node is.
fn equality(node: &Node) -> Option<Key> {
    let Node::Compare(comparison) = node else {
        return None;
    };
    if comparison.op != Op::Equal {
        return None;
    }
    let ((Term::Field(field, None | Some(Modifier::Each)), Term::Literal(literal))
    | (Term::Literal(literal), Term::Field(field, None | Some(Modifier::Each)))) =
        (&comparison.left, &comparison.right)
    else {
        return None;
    };
    Some(Key {
        field: field.clone(),
        value: sought_literal(literal)?,
    })
}

fn sought_literal(literal: &Literal) -> Option<Sought> {
    sought(&Value::of(literal))
}

/// Numbers, truths and texts that are a number in JSON's grammar may be equal to one another;
/// null and the empty text are.
fn sought(value: &Value<'_>) -> Option<Sought> {
    Some(Sought(match value {
        Value::Bool(value) => number::canonical(if *value { "1" } else { "0" }).into(),
        Value::Time(_) | Value::Unreadable => return None,
        Value::Null => "".into(),
        Value::Number(digits) => number::canonical(digits).into(),
        Value::Text(text) if number::is_json(text) => number::canonical(text).into(),
        Value::Text(text) => text.as_ref().into(),
    }))
}
