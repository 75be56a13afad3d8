//! What a rule asks for that is not decided from an event alone.

use std::fmt;

use super::strftime;
use super::tree::{Comparison, Function, Modifier, Node, Part, Path, Term};

/// A part of the language that is read and not decided.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Need {
    /// Records that refer to this one. Shape: `comments_via_post.author`.
    BackRelation(Box<str>),
    /// Records of another collection. Shape: `@collection.teams.id`.
    Collection(Box<str>),
    /// A function that is called so that it is not reckoned here. Shape: `strftime`.
    Function(&'static str),
    /// What is asked of a path that has no such thing. Shape: `:isset`.
    Modifier(Box<str>),
    /// A pattern with a `_` that is longer than is tried. Shape: `~`.
    LongPattern(Box<str>),
}

impl fmt::Display for Need {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BackRelation(path) => write!(f, "{path} asks for records that refer to this one"),
            Self::Collection(path) => write!(f, "{path} asks for records of another collection"),
            Self::Function(name) => write!(f, "{name}() has modifiers or a %J"),
            Self::LongPattern(op) => write!(f, "a pattern of {op} has a _ and is too long"),
            Self::Modifier(name) => write!(f, "{name} asks for what was sent and not for what is"),
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

/// Whether a term has no need.
pub(super) fn is_decided(term: &Term) -> bool {
    let mut is_decided = true;
    of_term(term, &mut |_| is_decided = false);
    is_decided
}

fn of_comparison(comparison: &Comparison, needs: &mut Vec<Need>) {
    let mut add = |need| {
        if !needs.contains(&need) {
            needs.push(need);
        }
    };
    of_term(&comparison.left, &mut add);
    if comparison
        .pattern
        .as_ref()
        .is_some_and(|pattern| pattern.is_too_long())
    {
        add(Need::LongPattern(comparison.op.as_str().into()));
    }
    of_term(&comparison.right, &mut add);
}

fn of_term(term: &Term, add: &mut dyn FnMut(Need)) {
    match term {
        Term::Claim(path, _) => of_path("@request.auth.", path, add),
        Term::Collection(path, ..) => {
            add(Need::Collection(format!("@collection.{path}").into()));
        }
        Term::Field(path, modifier) => {
            of_path("", path, add);
            if *modifier == Some(Modifier::Isset) {
                add(Need::Modifier(":isset".into()));
            }
        }
        Term::Function(function) => {
            function
                .arguments()
                .iter()
                .for_each(|term| of_term(term, add));
            if !is_plain(function) {
                add(Need::Function(function.name()));
            }
        }
        // Of what was sent with a write PocketBase says no array at all, not even an empty one.
        Term::Request(Part::Body(_), Some(Modifier::Each)) => add(Need::Modifier(":each".into())),
        Term::Literal(_) | Term::Macro(_) | Term::Request(..) => {}
    }
}

fn is_plain(function: &Function) -> bool {
    match function {
        Function::GeoDistance(_) => true,
        Function::Strftime {
            format, modifiers, ..
        } => modifiers.is_empty() && strftime::is_known(format),
    }
}

/// A step on the way that is named as PocketBase names the records that refer to one.
fn of_path(before: &str, path: &Path, add: &mut dyn FnMut(Need)) {
    let refers = |step: &str| {
        let (collection, field) = step.split_once("_via_").unwrap_or_default();
        !collection.is_empty() && !field.is_empty()
    };
    let mut steps = path.steps().peekable();
    while let Some(step) = steps.next() {
        if steps.peek().is_some() && refers(step) {
            add(Need::BackRelation(format!("{before}{path}").into()));
            return;
        }
    }
}
