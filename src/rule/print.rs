//! Expression to its canonical text.

use std::fmt::{self, Formatter, Write};

use super::tree::{Comparison, Function, Literal, Modifier, Node, Term};

pub(super) fn node(node: &Node, f: &mut Formatter<'_>) -> fmt::Result {
    match node {
        Node::All(nodes) => joined(nodes, " && ", f),
        Node::Any(nodes) => joined(nodes, " || ", f),
        Node::Compare(comparison) => compared(comparison, f),
    }
}

fn joined(nodes: &[Node], with: &str, f: &mut Formatter<'_>) -> fmt::Result {
    for (place, inner) in nodes.iter().enumerate() {
        if place > 0 {
            f.write_str(with)?;
        }
        // Within `&&` only an `||` needs them; within `||` they are not needed.
        if with == " && " && matches!(inner, Node::Any(_)) {
            f.write_char('(')?;
            node(inner, f)?;
            f.write_char(')')?;
        } else {
            node(inner, f)?;
        }
    }
    Ok(())
}

fn compared(comparison: &Comparison, f: &mut Formatter<'_>) -> fmt::Result {
    term(&comparison.left, f)?;
    let any = if comparison.any { "?" } else { "" };
    write!(f, " {any}{} ", comparison.op.as_str())?;
    term(&comparison.right, f)
}

fn term(term: &Term, f: &mut Formatter<'_>) -> fmt::Result {
    match term {
        Term::Claim(path, modifier) => {
            write!(f, "@request.auth.{path}")?;
            modified(*modifier, f)
        }
        Term::Collection(path, alias, modifier) => {
            f.write_str("@collection")?;
            for (place, step) in path.steps().enumerate() {
                write!(f, ".{step}")?;
                if let (0, Some(alias)) = (place, alias) {
                    write!(f, ":{alias}")?;
                }
            }
            modified(*modifier, f)
        }
        Term::Field(path, modifier) => {
            write!(f, "{path}")?;
            modified(*modifier, f)
        }
        Term::Function(function) => called(function, f),
        Term::Literal(literal) => value(literal, f),
        Term::Macro(of) => write!(f, "@{}", of.as_str()),
        Term::Request(part, modifier) => {
            write!(f, "@request.{part}")?;
            modified(*modifier, f)
        }
    }
}

fn called(function: &Function, f: &mut Formatter<'_>) -> fmt::Result {
    write!(f, "{}(", function.name())?;
    if let Function::Strftime { format, .. } = function {
        quoted(format, f)?;
    }
    for (place, argument) in function.arguments().iter().enumerate() {
        if place > 0 || matches!(function, Function::Strftime { .. }) {
            f.write_str(", ")?;
        }
        term(argument, f)?;
    }
    if let Function::Strftime { modifiers, .. } = function {
        for modifier in modifiers {
            f.write_str(", ")?;
            quoted(modifier, f)?;
        }
    }
    f.write_char(')')
}

fn modified(modifier: Option<Modifier>, f: &mut Formatter<'_>) -> fmt::Result {
    modifier.map_or(Ok(()), |modifier| write!(f, ":{}", modifier.as_str()))
}

fn value(literal: &Literal, f: &mut Formatter<'_>) -> fmt::Result {
    match literal {
        Literal::Bool(value) => write!(f, "{value}"),
        Literal::Null => f.write_str("null"),
        Literal::Number(digits) => f.write_str(digits),
        Literal::Text(text) => quoted(text, f),
    }
}

fn quoted(text: &str, f: &mut Formatter<'_>) -> fmt::Result {
    f.write_char('"')?;
    for c in text.chars() {
        if matches!(c, '"' | '\\') {
            f.write_char('\\')?;
        }
        f.write_char(c)?;
    }
    f.write_char('"')
}
