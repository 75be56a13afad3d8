//! The expression language of access rules and filters: a rule and a record to a [`Verdict`].
//!
//! ```text
//! owner = @request.auth.id && (status = "live" || @request.auth.role ~ 'admin%')   // a comment
//! ```
//!
//! | written | means |
//! | --- | --- |
//! | `=` `!=` | equal and not; `null`, `""` and a missing field are one value |
//! | `<` `<=` `>` `>=` | order of two numbers, or of two texts by their bytes |
//! | `~` `!~` | contains and not; with a `%` that no `\` precedes, a pattern of the whole text |
//! | `?=` and so on | the same for any of several values; not decided yet |
//! | `&&`, `\|\|`, `( )` | `&&` binds closer |
//! | `a.b.0` | a member, or an element, of the record |
//! | `@request.auth.id` | a claim of who asks; `null` for a guest |
//! | `@now` | the time, as `2026-01-31 10:00:00.000Z` |
//!
//! **Values.** `true` and `false` are 1 and 0. A number and a text that is one in JSON's grammar
//! compare as numbers, by all their digits; a number has no order with any other text and is
//! not equal to it. `null` has no order with anything and neither contains nor lacks anything,
//! so that only `=` and `!=` can hold. An object counts as its JSON text. `@now` and a text
//! that is a time compare as times, whichever way it is written.
//!
//! **Arrays.** A comparison holds for an array when it holds for each element; an empty array
//! is `null`.
//!
//! **Patterns.** `%` stands for any characters, `_` for one, `\` takes the next as it is. Only
//! the letters of ASCII are the same in both cases, as in SQLite. In a text, `\` and
//! the quote is the quote; any other `\` stays.
//!
//! **What cannot be decided** is [`Verdict::Undecided`], and who asks denies then. [`Rule::needs`]
//! says it of a rule once and for all: much of the grammar is there so that it never changes,
//! and not decided. Beside it a field is not decided without a record, and neither is
//! one beyond a text or a number, which may be the key of another record. A claim that cannot
//! be read (half a surrogate pair, beyond a text, too long,
//! of too many elements) fails its comparison.
//!
//! Pure: the time and the claims come in as [`Facts`].

use std::fmt;

use jiff::Timestamp;

mod error;
mod eval;
mod key;
mod like;
mod need;
mod number;
mod parse;
mod print;
mod record;
mod special;
mod tree;
mod value;

#[cfg(test)]
mod cases;
#[cfg(test)]
mod error_tests;
#[cfg(test)]
mod laws;
#[cfg(test)]
mod tests;

pub use error::{Found, RuleError};
pub use key::{Key, Keys, Sought};
pub use need::Need;
pub use record::Record;
pub use tree::Path;

use tree::{Node, Term};

/// An expression that was read.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Rule {
    root: Node,
}

/// What a rule is asked about.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// The record; none where it is not known.
    pub record: Option<&'a Record<'a>>,
    /// The claims of who asks, as `@request.auth` has them; none for a guest.
    pub auth: Option<&'a Record<'a>>,
    /// The time that `@now` is.
    pub now: Timestamp,
}

/// What a rule says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// It does not hold.
    Fails,
    /// It holds.
    Holds,
    /// It cannot be said here. Who asks denies.
    Undecided,
}

// === impl Rule ===

impl Rule {
    /// Reads an expression.
    ///
    /// # Errors
    /// [`RuleError`]: where it is none, and what was expected there.
    pub fn parse(text: &str) -> Result<Self, RuleError> {
        parse::rule(text).map(|root| Self { root })
    }

    /// What the rule says of these facts.
    #[must_use]
    pub fn holds(&self, facts: &Facts<'_>) -> Verdict {
        self.holds_counted(facts).0
    }

    /// The same, and the steps it took: bytes looked at, about.
    fn holds_counted(&self, facts: &Facts<'_>) -> (Verdict, u64) {
        let mut steps = 0;
        (eval::node(&self.root, facts, &mut steps), steps)
    }

    /// Everything in the rule that this version does not decide, in the order of the text, each
    /// once; a comparison with one is [`Verdict::Undecided`] whatever the facts are.
    #[must_use]
    pub fn needs(&self) -> Vec<Need> {
        let mut needs = Vec::new();
        need::of_node(&self.root, &mut needs);
        needs
    }

    /// How those are found of whom the rule may hold, for who asks with these claims.
    #[must_use]
    pub fn keys(&self, auth: Option<&Record<'_>>) -> Keys {
        key::of_node(&self.root, auth).0
    }

    /// Whether a field of the record is asked about.
    #[must_use]
    pub fn asks_record(&self) -> bool {
        self.root.asks(&|term| matches!(term, Term::Field(..)))
    }

    /// Whether who asks makes a difference.
    #[must_use]
    pub fn asks_claims(&self) -> bool {
        self.root.asks(&|term| matches!(term, Term::Claim(..)))
    }

    /// The rule for one who asks: claims are values, and what is then certain is gone.
    ///
    /// It says of any record, whoever asks, what this rule says of it with `auth`. Its text may
    /// be none that can be read again: a claim that is an array becomes a comparison for each
    /// element, beyond the caps perhaps, and no text spells a claim that ends in a `\`.
    #[must_use]
    pub fn specialize(&self, auth: Option<&Record<'_>>) -> Self {
        Self {
            root: special::node(&self.root, auth),
        }
    }
}

/// The canonical text, which reads as the same rule.
impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        print::node(&self.root, f)
    }
}

impl fmt::Debug for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Rule({self})")
    }
}

// === impl Verdict ===

impl Verdict {
    /// A certain verdict.
    #[must_use]
    pub fn certain(holds: bool) -> Self {
        if holds { Self::Holds } else { Self::Fails }
    }

    /// Both: one that fails decides.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Fails, _) | (_, Self::Fails) => Self::Fails,
            (Self::Undecided, _) | (_, Self::Undecided) => Self::Undecided,
            (Self::Holds, Self::Holds) => Self::Holds,
        }
    }

    /// Either: one that holds decides.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        match (self, other) {
            (Self::Holds, _) | (_, Self::Holds) => Self::Holds,
            (Self::Undecided, _) | (_, Self::Undecided) => Self::Undecided,
            (Self::Fails, Self::Fails) => Self::Fails,
        }
    }
}
