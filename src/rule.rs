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
//! | `?=` and so on | the same for any of several values |
//! | `&&`, `\|\|`, `( )` | `&&` binds closer |
//! | `a.b.0` | a member, or an element, of the record |
//! | `a:each` `a:length` `a:lower` | its elements, how many they are, in lower case |
//! | `@request.auth.id` | a claim of who asks; `null` for a guest; it has `:isset` besides |
//! | `@request.query.a` `.headers.x_key` | what a subscriber sent; with `:isset`, `:lower` |
//! | `@request.context` `.method` `.body.a` | `"realtime"`, `"GET"` and nothing |
//! | `@now`, `@todayStart`, `@year` | a time, as `2026-01-31 10:00:00.000Z`, or a number; UTC |
//! | `geoDistance(lon, lat, lon, lat)` | kilometres |
//! | `strftime('%Y', a)` | a time as a text, without modifiers |
//!
//! **Values.** `true` and `false` are 1 and 0. A number and a text that is one in JSON's grammar
//! compare as numbers, by all their digits; a number has no order with any other text and is
//! not equal to it. `null` has no order with anything and neither contains nor lacks anything,
//! so that only `=` and `!=` can hold. An object counts as its JSON text. A macro's time and a text
//! that is a time compare as times, whichever way it is written.
//!
//! **Arrays.** A comparison holds for an array when it holds for each element, or with a `?` for
//! any; on both sides it is each pair. An empty array is `null`. Before `~` and `!~` an array is
//! one text, its JSON, so that `members ~ @request.auth.id` asks whether it contains that;
//! `members:each` is its elements there too. Any-of comparisons of `a:each` that are joined by `&&`
//! have to hold of one element: `scores:each ?> 1 && scores:each ?< 5`.
//!
//! **Relations.** `owner.id` is `owner` where that is a key, a text or a number, and `members.id`
//! is `members:each`. What else another record has is not known here.
//!
//! **Patterns.** `%` stands for any characters, `_` for one, `\` takes the next as it is. Only
//! the letters of ASCII are the same in both cases, as in SQLite. A field on the right is a
//! pattern between two `%`. In a text in quotes `\\`, `\"`, `\'`, `\n`, `\r` and `\t` are one
//! character; any other `\` stays.
//!
//! **What cannot be decided** from an event alone is [`Verdict::Undecided`], and who asks denies
//! then, or asks elsewhere. [`Rule::needs`] says it of a rule once and for all. Beside it a field
//! is not decided without a record, and neither is one beyond a text or a number, which may be the
//! key of another record. A claim that cannot be read (half a surrogate pair, beyond a text, too
//! long, of too many elements) fails its comparison.
//!
//! **Beside PocketBase.** Records are JSON here and rows of typed columns there. The rules of
//! `tests/language/rules.txt` were asked of both; those that differ stand in sections of their own.
//! - There `title = 7` compares two texts, a text is greater than any number, and a member that a
//!   JSON field has not is not `""`: here types do not count.
//! - There an array is its text for every operator without `:each`: `tags ?= 'a'` never holds.
//! - There `:length` and `:each` of a JSON field, and `:isset` of any, are passed over.
//! - There conditions on one element are joined for claims as well. Claims are values here, and
//!   each comparison is asked by itself: `@request.auth.teams:each ?= 'x' && … ?= 'y'` is both.
//! - There a claim on the right of `~`, but for the id and the like, is a pattern between two `%`;
//!   here it is one as a text in quotes is, so that a `_` in it is just that.
//!
//! Pure: the time, the claims and what came with the request come in as [`Facts`].

use std::fmt;

use jiff::Timestamp;

mod error;
mod eval;
mod function;
mod joint;
mod key;
mod like;
mod moment;
mod need;
mod number;
mod parse;
mod print;
mod record;
mod request;
mod side;
mod special;
mod strftime;
mod tree;
mod value;

#[cfg(test)]
mod cases;
#[cfg(test)]
mod error_tests;
#[cfg(test)]
mod golden_tests;
#[cfg(test)]
mod laws;
#[cfg(test)]
mod tests;

pub use error::{Found, RuleError};
pub use key::{Key, Keys, Sought};
pub use need::Need;
pub use record::Record;
pub use request::Request;
pub use tree::Path;

use special::Asker;
use tree::{Node, Term};

/// An expression that was read.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Rule {
    root: Node,
    /// Whether any-of comparisons in it have to hold of the same element.
    is_joint: bool,
}

/// What a rule is asked about.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// The record; none where it is not known.
    pub record: Option<&'a Record<'a>>,
    /// The claims of who asks, as `@request.auth` has them; none for a guest.
    pub auth: Option<&'a Record<'a>>,
    /// What came with the request that asks to hear; none where nothing is known of it, and
    /// then nothing came with it.
    pub request: Option<&'a Request>,
    /// The time that `@now` is, and that every other is reckoned from.
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
        parse::rule(text).map(Self::of)
    }

    /// What the rule says of these facts.
    #[must_use]
    pub fn holds(&self, facts: &Facts<'_>) -> Verdict {
        self.holds_counted(facts).0
    }

    /// The same, and the steps it took: bytes looked at, about.
    fn holds_counted(&self, facts: &Facts<'_>) -> (Verdict, u64) {
        let mut steps = 0;
        let said = if self.is_joint {
            joint::node(&self.root, facts, &mut steps)
        } else {
            eval::node(&self.root, facts, &mut steps)
        };
        (said, steps)
    }

    /// Everything in the rule that this version does not decide, in the order of the text, each
    /// once; a comparison with one is [`Verdict::Undecided`] whatever the facts are.
    #[must_use]
    pub fn needs(&self) -> Vec<Need> {
        let mut needs = Vec::new();
        need::of_node(&self.root, &mut needs);
        needs
    }

    /// How those are found of whom the rule may hold, for who asks with these claims and so.
    #[must_use]
    pub fn keys(&self, auth: Option<&Record<'_>>, request: Option<&Request>) -> Keys {
        key::of_node(&self.root, Asker { auth, request }).0
    }

    /// Whether a field of the record is asked about.
    #[must_use]
    pub fn asks_record(&self) -> bool {
        self.root.asks(&|term| matches!(term, Term::Field(..)))
    }

    /// Whether something of `@request` is asked about: then who asks makes a difference.
    #[must_use]
    pub fn asks_request(&self) -> bool {
        let of_request = |term: &Term| matches!(term, Term::Claim(..) | Term::Request(..));
        self.root.asks(&of_request)
    }

    /// Whether it asks what stands in a record where these names lead.
    #[must_use]
    pub fn asks_field(&self, names: &[Box<str>]) -> bool {
        let of_field = |term: &Term| matches!(term, Term::Field(path, _) if path.meets(names));
        self.root.asks(&of_field)
    }

    /// Whether it is asked what came with the request to hear, beside claims.
    #[must_use]
    pub fn asks_sent(&self) -> bool {
        self.root.asks(&|term| matches!(term, Term::Request(..)))
    }

    /// The rule for one who asks: claims are values, and what is then certain is gone.
    ///
    /// It says of any record, whoever asks, what this rule says of it with `auth`. Its text may
    /// be none that can be read again: a claim that is an array becomes a comparison for each
    /// element, beyond the caps perhaps.
    #[must_use]
    pub fn specialize(&self, auth: Option<&Record<'_>>, request: Option<&Request>) -> Self {
        Self::of(special::node(&self.root, Asker { auth, request }))
    }

    fn of(root: Node) -> Self {
        Self {
            is_joint: joint::is_joint(&root),
            root,
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
