//! What a rule asks for that this version does not decide.

use std::fmt;

use super::tree::{Comparison, Modifier, NOW, Node, Term};

/// A part of the language that is read and not decided.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Need {
    /// The form of an operator that asks for any of several values. Shape: `?=`.
    AnyOf(Box<str>),
    /// Records of another collection. Shape: `@collection.teams.id`.
    Collection(Box<str>),
    /// A function. Shape: `geoDistance`.
    Function(&'static str),
    /// A time, or a part of it, other than `@now`. Shape: `@todayStart`.
    Macro(Box<str>),
    /// What is asked of a path instead of its value. Shape: `:length`.
    Modifier(Box<str>),
    /// What came with the request, but for claims. Shape: `@request.query.page`.
    Request(Box<str>),
    /// A pattern with a `_` that is longer than is tried. Shape: `~`.
    LongPattern(Box<str>),
}

impl fmt::Display for Need {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AnyOf(op) => write!(f, "{op} asks for any of several values"),
            Self::Collection(path) => write!(f, "{path} asks for records of another collection"),
            Self::Function(name) => write!(f, "{name}() is a function"),
            Self::LongPattern(op) => write!(f, "a pattern of {op} has a _ and is too long"),
            Self::Macro(name) => write!(f, "{name} is a time other than @now"),
            Self::Modifier(name) => write!(f, "{name} asks for something else than a value"),
            Self::Request(path) => write!(f, "{path} asks what came with the request"),
        }?;
        f.write_str(", which is not decided here")
    }
}

pub(super) fn of_node(node: &Node, needs: &mut Vec<Need>) {
    match node {
        Node::All(nodes) | Node::Any(nodes) => nodes.iter().for_each(|node| of_node(node, needs)),
        Node::Compare(comparison) => of_comparison(comparison, needs),
    }
}

fn of_comparison(comparison: &Comparison, needs: &mut Vec<Need>) {
    let mut add = |need| {
        if !needs.contains(&need) {
            needs.push(need);
        }
    };
    of_term(&comparison.left, &mut add);
    let op = comparison.op.as_str();
    if comparison.any {
        add(Need::AnyOf(format!("?{op}").into()));
    }
    if comparison
        .pattern
        .as_ref()
        .is_some_and(|pattern| pattern.is_too_long())
    {
        add(Need::LongPattern(op.into()));
    }
    of_term(&comparison.right, &mut add);
}

fn of_term(term: &Term, add: &mut impl FnMut(Need)) {
    match term {
        Term::Claim(_, modifier) | Term::Field(_, modifier) => of_modifier(*modifier, add),
        Term::Collection(path, _, modifier) => {
            add(Need::Collection(format!("@collection.{path}").into()));
            of_modifier(*modifier, add);
        }
        Term::Function(name, _) => add(Need::Function(name)),
        Term::Literal(_) => {}
        Term::Macro(NOW) => {}
        Term::Macro(name) => add(Need::Macro(format!("@{name}").into())),
        Term::Request(path, modifier) => {
            add(Need::Request(format!("@request.{path}").into()));
            of_modifier(*modifier, add);
        }
    }
}

fn of_modifier(modifier: Option<Modifier>, add: &mut impl FnMut(Need)) {
    if let Some(modifier) = modifier {
        add(Need::Modifier(format!(":{}", modifier.as_str()).into()));
    }
}

/// Whether a comparison has no need. A pattern tells for itself.
pub(super) fn is_decided(comparison: &Comparison) -> bool {
    let decided = |term: &Term| match term {
        Term::Claim(_, modifier) | Term::Field(_, modifier) => modifier.is_none(),
        Term::Literal(_) => true,
        Term::Macro(name) => *name == NOW,
        Term::Collection(..) | Term::Function(..) | Term::Request(..) => false,
    };
    !comparison.any && decided(&comparison.left) && decided(&comparison.right)
}
