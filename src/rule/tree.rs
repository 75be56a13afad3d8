//! What an expression consists of.

use std::fmt;

use super::like::Pattern;

/// A name within a record or among claims, by its steps. Shape: `author.name`, `tags.0`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Path(pub(super) Box<[Box<str>]>);

/// A value that is written in a rule.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Literal {
    /// `true` or `false`.
    Bool(bool),
    /// `null`.
    Null,
    /// A number, digits as they are written.
    Number(Box<str>),
    /// A text between quotes, its quotes unescaped.
    Text(Box<str>),
}

/// An expression or a part of one.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Node {
    /// All of two or more, none of them an `All`.
    All(Box<[Self]>),
    /// Any of two or more, none of them an `Any`.
    Any(Box<[Self]>),
    /// A comparison.
    Compare(Box<Comparison>),
}

/// Two terms and what is said of them.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Comparison {
    /// What is compared.
    pub(super) left: Term,
    /// How.
    pub(super) op: Op,
    /// Whether it is the form with `?`.
    pub(super) any: bool,
    /// With what.
    pub(super) right: Term,
    /// The right side as a pattern, where it is a value and the operator asks for one.
    pub(super) pattern: Option<Pattern>,
}

/// An operator, without its `?`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Op {
    Equal,
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
    Like,
    NotEqual,
    NotLike,
}

/// One side of a comparison, or an argument.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Term {
    /// `@request.auth.` and a path.
    Claim(Path, Option<Modifier>),
    /// `@collection.` and a path; the collection's alias if it has one.
    Collection(Path, Option<Box<str>>, Option<Modifier>),
    /// A path of the record.
    Field(Path, Option<Modifier>),
    /// A function's name and arguments.
    Function(&'static str, Box<[Self]>),
    /// A value.
    Literal(Literal),
    /// A name for a time or a part of it, without its `@`.
    Macro(&'static str),
    /// `@request.` and a path, but for claims.
    Request(Path, Option<Modifier>),
}

/// What is asked of a path instead of its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Modifier {
    Each,
    Isset,
    Length,
    Lower,
}

/// The macro that is decided.
pub(super) const NOW: &str = "now";

/// Every macro.
pub(super) const MACROS: &[&str] = &[
    NOW,
    "second",
    "minute",
    "hour",
    "day",
    "month",
    "weekday",
    "year",
    "yesterday",
    "tomorrow",
    "todayStart",
    "todayEnd",
    "monthStart",
    "monthEnd",
    "yearStart",
    "yearEnd",
];

/// Every function.
pub(super) const FUNCTIONS: &[&str] = &["geoDistance", "strftime"];

// === impl Path ===

impl Path {
    /// The names and indexes that lead to the value; at least one.
    pub fn steps(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(AsRef::as_ref)
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("."))
    }
}

// === impl Node ===

impl Node {
    /// All of `nodes`; those that are such themselves become a part of it.
    pub(super) fn all(nodes: Vec<Self>) -> Self {
        let mut flat = Vec::with_capacity(nodes.len());
        for node in nodes {
            match node {
                Self::All(inner) => flat.extend(inner),
                node => flat.push(node),
            }
        }
        match flat.len() {
            0 => Self::constant(true),
            1 => flat.remove(0),
            _ => Self::All(flat.into()),
        }
    }

    /// Any of `nodes`; those that are such themselves become a part of it.
    pub(super) fn any(nodes: Vec<Self>) -> Self {
        let mut flat = Vec::with_capacity(nodes.len());
        for node in nodes {
            match node {
                Self::Any(inner) => flat.extend(inner),
                node => flat.push(node),
            }
        }
        match flat.len() {
            0 => Self::constant(false),
            1 => flat.remove(0),
            _ => Self::Any(flat.into()),
        }
    }

    /// Whether a term of it is one of these.
    pub(super) fn asks(&self, of: &dyn Fn(&Term) -> bool) -> bool {
        match self {
            Self::All(nodes) | Self::Any(nodes) => nodes.iter().any(|node| node.asks(of)),
            Self::Compare(comparison) => comparison.left.asks(of) || comparison.right.asks(of),
        }
    }

    /// What always holds, or always fails.
    pub(super) fn constant(holds: bool) -> Self {
        let number = |digits: &str| Term::Literal(Literal::Number(digits.into()));
        let right = number(if holds { "1" } else { "0" });
        Self::Compare(Box::new(Comparison::new(
            number("1"),
            Op::Equal,
            false,
            right,
        )))
    }
}

// === impl Term ===

impl Term {
    fn asks(&self, of: &dyn Fn(&Self) -> bool) -> bool {
        let within = match self {
            Self::Function(_, arguments) => arguments.iter().any(|term| term.asks(of)),
            _ => false,
        };
        within || of(self)
    }
}

// === impl Comparison ===

impl Comparison {
    pub(super) fn new(left: Term, op: Op, any: bool, right: Term) -> Self {
        let pattern = match (&right, op) {
            (Term::Literal(literal), Op::Like | Op::NotLike) => super::value::Value::of(literal)
                .text()
                .map(|text| Pattern::new(&text)),
            _ => None,
        };
        Self {
            left,
            op,
            any,
            right,
            pattern,
        }
    }

    /// Whether it is a plain `=`.
    pub(super) fn is_equality(&self) -> bool {
        self.op == Op::Equal && !self.any
    }
}

// === impl Op ===

impl Op {
    /// Every operator as it is written, a longer one before what it begins with.
    pub(super) const ALL: &'static [(&'static str, Self)] = &[
        ("!=", Self::NotEqual),
        ("!~", Self::NotLike),
        (">=", Self::GreaterOrEqual),
        ("<=", Self::LessOrEqual),
        ("=", Self::Equal),
        (">", Self::Greater),
        ("<", Self::Less),
        ("~", Self::Like),
    ];

    /// Whether the right side is a pattern.
    pub(super) fn takes_a_pattern(self) -> bool {
        matches!(self, Self::Like | Self::NotLike)
    }

    /// As it is written.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Equal => "=",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::Like => "~",
            Self::NotEqual => "!=",
            Self::NotLike => "!~",
        }
    }
}

// === impl Modifier ===

impl Modifier {
    /// Every modifier.
    pub(super) const ALL: &'static [Self] = &[Self::Each, Self::Isset, Self::Length, Self::Lower];

    /// Its name, without the colon.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Each => "each",
            Self::Isset => "isset",
            Self::Length => "length",
            Self::Lower => "lower",
        }
    }
}
