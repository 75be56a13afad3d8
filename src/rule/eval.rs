//! What an expression says of facts.

use std::cmp::Ordering;

use crate::limits::{RULE_CLAIM_BYTES_MAX, RULE_CLAIM_ELEMENTS_MAX, RULE_ELEMENTS_MAX};

use super::like::Pattern;
use super::need;
use super::record::{Given, Record};
use super::tree::{Comparison, Node, Op, Path, Term};
use super::value::Value;
use super::{Facts, Verdict};

/// What a node says. Its depth is bounded by what is read.
pub(super) fn node(of: &Node, facts: &Facts<'_>, steps: &mut u64) -> Verdict {
    match of {
        Node::All(nodes) => {
            let mut all = Verdict::Holds;
            for of in nodes {
                all = all.and(node(of, facts, steps));
                if all == Verdict::Fails {
                    break;
                }
            }
            all
        }
        Node::Any(nodes) => {
            let mut any = Verdict::Fails;
            for of in nodes {
                any = any.or(node(of, facts, steps));
                if any == Verdict::Holds {
                    break;
                }
            }
            any
        }
        Node::Compare(comparison) => compare(comparison, facts, steps),
    }
}

/// The values of a claim: null for a guest; none where it cannot be read.
pub(super) fn claim<'a>(
    auth: Option<&'a Record<'_>>,
    path: &Path,
    steps: &mut u64,
) -> Option<Given<'a>> {
    let Some(auth) = auth else {
        return Some(Given::One(Value::Null));
    };
    let given = auth.find(path, RULE_CLAIM_ELEMENTS_MAX, steps);
    let is_read = |value: &Value<'_>| {
        *value != Value::Unreadable && value.bytes() <= RULE_CLAIM_BYTES_MAX as u64
    };
    let readable = given.values().is_some_and(|all| all.iter().all(is_read));
    readable.then_some(given)
}

fn compare(comparison: &Comparison, facts: &Facts<'_>, steps: &mut u64) -> Verdict {
    *steps += 1;
    if !need::is_decided(comparison) {
        return Verdict::Undecided;
    }
    let left = given(&comparison.left, facts, steps);
    let right = given(&comparison.right, facts, steps);
    let (Some(left), Some(right)) = (left, right) else {
        return Verdict::Fails;
    };
    let (Some(left), Some(right)) = (left.values(), right.values()) else {
        return Verdict::Undecided;
    };
    let mut all = Verdict::Holds;
    for right in right {
        let read = read_pattern(comparison, right, steps);
        let pattern = comparison.pattern.as_ref().or(read.as_ref());
        for left in left {
            all = all.and(pair(left, comparison.op, right, pattern, steps));
            if all == Verdict::Fails {
                return all;
            }
        }
    }
    all
}

/// The right side as a pattern, where it was not known when the rule was read.
fn read_pattern(comparison: &Comparison, right: &Value<'_>, steps: &mut u64) -> Option<Pattern> {
    if !comparison.op.takes_a_pattern() || comparison.pattern.is_some() {
        return None;
    }
    let text = right.text()?;
    *steps += text.len() as u64;
    Some(Pattern::new(&text))
}

/// What an term is; none for a claim that cannot be read.
fn given<'a>(term: &'a Term, facts: &Facts<'a>, steps: &mut u64) -> Option<Given<'a>> {
    match term {
        Term::Claim(path, _) => claim(facts.auth, path, steps),
        Term::Field(path, _) => Some(match facts.record {
            Some(record) => record.find(path, RULE_ELEMENTS_MAX, steps),
            None => Given::Unknown,
        }),
        Term::Literal(literal) => Some(Given::One(Value::of(literal))),
        Term::Macro(_) => Some(Given::One(Value::Now(facts.now))),
        Term::Collection(..) | Term::Function(..) | Term::Request(..) => Some(Given::Unknown),
    }
}

fn pair(
    left: &Value<'_>,
    op: Op,
    right: &Value<'_>,
    pattern: Option<&Pattern>,
    steps: &mut u64,
) -> Verdict {
    if matches!(left, Value::Unreadable) || matches!(right, Value::Unreadable) {
        return Verdict::Undecided;
    }
    *steps += left.bytes() + right.bytes();
    let ordered = |holds: fn(Ordering) -> bool| left.order(right).is_some_and(holds);
    Verdict::certain(match op {
        Op::Equal => left.equals(right),
        Op::Greater => ordered(Ordering::is_gt),
        Op::GreaterOrEqual => ordered(Ordering::is_ge),
        Op::Less => ordered(Ordering::is_lt),
        Op::LessOrEqual => ordered(Ordering::is_le),
        Op::NotEqual => !left.equals(right),
        Op::Like | Op::NotLike => {
            let (Some(text), Some(pattern)) = (left.text(), pattern) else {
                return Verdict::Fails;
            };
            match pattern.matches(&text, steps) {
                Some(matches) => matches == (op == Op::Like),
                None => return Verdict::Undecided,
            }
        }
    })
}
