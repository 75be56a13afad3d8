//! What an expression consists of.

use std::fmt;

use super::like::Pattern;
use super::need;

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
    /// Whether nothing in it needs what is not here. A pattern tells for itself.
    pub(super) is_decided: bool,
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
    /// A function of terms.
    Function(Box<Function>),
    /// A value.
    Literal(Literal),
    /// A name for a time or a part of it.
    Macro(Macro),
    /// `@request.` and a part of the request, but for claims.
    Request(Part, Option<Modifier>),
}

/// A function with its arguments.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Function {
    /// Kilometres between two places, each its longitude and its latitude.
    GeoDistance([Term; 4]),
    /// A time as a text.
    Strftime {
        format: Box<str>,
        /// The time; that of the facts where there is none.
        at: Option<Term>,
        /// What is done to the time.
        modifiers: Box<[Box<str>]>,
    },
}

/// A part of the request.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Part {
    Body(Path),
    Context,
    Headers(Path),
    Method,
    Query(Path),
}

/// What is asked of a path instead of its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Modifier {
    Changed,
    Each,
    Isset,
    Length,
    Lower,
}

/// A time that is reckoned from the one of the facts, or a part of that one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Macro {
    Day,
    Hour,
    Minute,
    Month,
    MonthEnd,
    MonthStart,
    Now,
    Second,
    TodayEnd,
    TodayStart,
    Tomorrow,
    Weekday,
    Year,
    YearEnd,
    YearStart,
    Yesterday,
}

// === impl Path ===

impl Path {
    /// The names and indexes that lead to the value; at least one.
    pub fn steps(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(AsRef::as_ref)
    }

    /// Whether it leads to what these names lead to, past it or to a part of it; through arrays
    /// whatever the place.
    pub(super) fn meets(&self, names: &[Box<str>]) -> bool {
        let is_name = |step: &&str| step.parse::<usize>().is_err();
        let names = names.iter().map(AsRef::as_ref).filter(is_name);
        let mut both = self.steps().filter(is_name).zip(names);
        both.all(|(own, name)| own == name)
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
            Self::Function(function) => function.arguments().iter().any(|term| term.asks(of)),
            _ => false,
        };
        within || of(self)
    }
}

// === impl Function ===

impl Function {
    /// Every function's name.
    pub(super) const NAMES: [&'static str; 2] = ["geoDistance", "strftime"];

    pub(super) fn name(&self) -> &'static str {
        let [distance, time] = Self::NAMES;
        match self {
            Self::GeoDistance(_) => distance,
            Self::Strftime { .. } => time,
        }
    }

    /// The arguments that may be more than a text.
    pub(super) fn arguments(&self) -> &[Term] {
        match self {
            Self::GeoDistance(places) => places,
            Self::Strftime { at, .. } => at.as_slice(),
        }
    }
}

// === impl Part ===

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Body(path) => write!(f, "body.{path}"),
            Self::Context => f.write_str("context"),
            Self::Headers(path) => write!(f, "headers.{path}"),
            Self::Method => f.write_str("method"),
            Self::Query(path) => write!(f, "query.{path}"),
        }
    }
}

// === impl Macro ===

impl Macro {
    /// Every macro, without its `@`.
    pub(super) const ALL: &'static [(&'static str, Self)] = &[
        ("now", Self::Now),
        ("second", Self::Second),
        ("minute", Self::Minute),
        ("hour", Self::Hour),
        ("day", Self::Day),
        ("month", Self::Month),
        ("weekday", Self::Weekday),
        ("year", Self::Year),
        ("yesterday", Self::Yesterday),
        ("tomorrow", Self::Tomorrow),
        ("todayStart", Self::TodayStart),
        ("todayEnd", Self::TodayEnd),
        ("monthStart", Self::MonthStart),
        ("monthEnd", Self::MonthEnd),
        ("yearStart", Self::YearStart),
        ("yearEnd", Self::YearEnd),
    ];

    /// Its name.
    pub(super) fn as_str(self) -> &'static str {
        let found = Self::ALL.iter().find(|(_, of)| *of == self);
        found.map_or("", |(name, _)| name)
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
            is_decided: need::is_decided(&left) && need::is_decided(&right),
            left,
            op,
            any,
            right,
            pattern,
        }
    }

    /// Whether an array on its left is one text, and not its elements.
    pub(super) fn takes_whole(&self) -> bool {
        self.op.takes_a_pattern() && !self.any
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
    pub(super) const ALL: &'static [Self] = &[
        Self::Changed,
        Self::Each,
        Self::Isset,
        Self::Length,
        Self::Lower,
    ];

    /// Its name, without the colon.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Changed => "changed",
            Self::Each => "each",
            Self::Isset => "isset",
            Self::Length => "length",
            Self::Lower => "lower",
        }
    }
}
