//! What an expression says of facts.

use std::cmp::Ordering;
use std::ops::ControlFlow;

use super::joint;
use super::like::Pattern;
use super::side::{self, Given};
use super::tree::{Comparison, Node, Op, Term};
use super::value::Value;
use super::{Facts, Verdict};

/// The two sides of a comparison.
pub(super) type Sides<'a> = (Given<'a>, Given<'a>);

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

/// The values of both sides; where one has none, what that says of the comparison.
pub(super) fn sides<'a>(
    comparison: &'a Comparison,
    facts: &Facts<'a>,
    steps: &mut u64,
) -> Result<Sides<'a>, Verdict> {
    *steps += 1;
    if !comparison.is_decided {
        return Err(Verdict::Undecided);
    }
    let left = side::given(&comparison.left, facts, steps).ok_or(Verdict::Fails)?;
    let right = side::given(&comparison.right, facts, steps).ok_or(Verdict::Fails)?;
    let left = if comparison.takes_whole() {
        left.whole()
    } else {
        left
    };
    match (&left, &right) {
        (Given::Unknown, _) | (_, Given::Unknown) => Err(Verdict::Undecided),
        _ => Ok((left, right)),
    }
}

/// Shows what a comparison says of each pair of values, by their places.
pub(super) fn pairs(
    comparison: &Comparison,
    (left, right): &Sides<'_>,
    steps: &mut u64,
    show: &mut dyn FnMut(usize, usize, Verdict) -> ControlFlow<()>,
) {
    let is_one = joint::is_one(comparison);
    for (at_right, right) in right.values().iter().enumerate() {
        let read = read_pattern(comparison, right, steps);
        let pattern = comparison.pattern.as_ref().or(read.as_ref());
        for (at_left, left) in left.values().iter().enumerate() {
            if is_one && at_left != at_right {
                continue;
            }
            let said = pair(left, comparison.op, right, pattern, steps);
            if show(at_left, at_right, said).is_break() {
                return;
            }
        }
    }
}

/// What a comparison says, of all pairs of values or of any.
pub(super) fn compare(comparison: &Comparison, facts: &Facts<'_>, steps: &mut u64) -> Verdict {
    let sides = match sides(comparison, facts, steps) {
        Ok(sides) => sides,
        Err(verdict) => return verdict,
    };
    let (start, by, end): (_, fn(Verdict, Verdict) -> Verdict, _) = if comparison.any {
        (Verdict::Fails, Verdict::or, Verdict::Holds)
    } else {
        (Verdict::Holds, Verdict::and, Verdict::Fails)
    };
    let mut all = start;
    pairs(comparison, &sides, steps, &mut |_, _, said| {
        all = by(all, said);
        if all == end {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    });
    all
}

/// The right side as a pattern, where it was not known when the rule was read.
fn read_pattern(comparison: &Comparison, right: &Value<'_>, steps: &mut u64) -> Option<Pattern> {
    if !comparison.op.takes_a_pattern() || comparison.pattern.is_some() {
        return None;
    }
    let text = right.text()?;
    *steps += text.len() as u64;
    Some(match comparison.right {
        Term::Field(..) => Pattern::around(&text),
        _ => Pattern::new(&text),
    })
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
