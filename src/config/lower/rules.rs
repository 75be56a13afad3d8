//! `access.rules` and `access.superusers`: expressions, read and found to be such as are decided.

use std::collections::BTreeMap;

use super::Lower;
use crate::access::{Hear, Rules};
use crate::config::fault::Problem;
use crate::config::file::{self, Text, place};
use crate::rule::Rule;

/// The compiled rules, and who passes them.
pub(super) fn rules(file: &file::Access, lower: &mut Lower<'_>) -> Rules {
    let superusers = file.superusers.as_ref();
    let superusers = superusers.and_then(|text| {
        lower.read(text, |text| match read(text)? {
            rule if rule.asks_record() => Err(Problem::SuperusersRecord),
            rule => Ok(rule),
        })
    });
    let mut collections = BTreeMap::new();
    if let Some(section) = &file.rules {
        for (name, rules) in &section.value {
            if name.is_empty() || name == "*" {
                lower.refuse(place(section.referenced), Problem::RuleOfAll);
            }
            let written = rules.as_ref().and_then(|rules| rules.hear.as_ref());
            let hear = match written {
                None => Some(Hear::Superusers),
                Some(text) => hear(text, lower),
            };
            collections.extend(hear.map(|hear| (name.as_str().into(), hear)));
        }
    }
    Rules {
        collections,
        superusers,
    }
}

fn hear(text: &Text, lower: &mut Lower<'_>) -> Option<Hear> {
    lower.read(text, |text| match text.trim() {
        "" => Ok(Hear::Everyone),
        _ => read(text).map(Hear::When),
    })
}

/// A rule that is decided here, whatever it is asked about.
fn read(text: &str) -> Result<Rule, Problem> {
    let rule = Rule::parse(text)?;
    match rule.needs().into_iter().next() {
        Some(need) => Err(Problem::RuleNeeds(need)),
        None => Ok(rule),
    }
}
