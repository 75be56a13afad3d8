//! Why a text is no rule, and where.

use std::fmt;

use crate::limits::RULE_FOUND_CHARS;

/// Why a text is no [`super::Rule`]: fit for an answer, since it shows a few characters at most.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: expected {expected}, found {found}")]
pub struct RuleError {
    /// The bytes before the fault.
    pub offset: usize,
    /// The line of the fault; the first is 1.
    pub line: usize,
    /// The character of that line; the first is 1.
    pub column: usize,
    /// What could stand there.
    pub expected: &'static str,
    /// What stands there.
    pub found: Found,
}

/// What stands where something else was expected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// The end of the text.
    End,
    /// A text that begins with this.
    Text(Box<str>),
}

impl RuleError {
    /// The fault at that many bytes of `text`.
    pub(super) fn at(text: &str, offset: usize, expected: &'static str) -> Self {
        let (before, after) = text.split_at_checked(offset).unwrap_or((text, ""));
        let line = before.rsplit('\n').next().unwrap_or_default();
        let end = after.char_indices().nth(RULE_FOUND_CHARS);
        let start = end.map_or(after, |(end, _)| after.get(..end).unwrap_or_default());
        let found = if start.is_empty() {
            Found::End
        } else {
            Found::Text(start.into())
        };
        Self {
            offset: before.len(),
            line: before.matches('\n').count() + 1,
            column: line.chars().count() + 1,
            expected,
            found,
        }
    }
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::End => f.write_str("the end"),
            Self::Text(text) => write!(f, "{text:?}"),
        }
    }
}
