//! `access.rules` and `access.superusers`: expressions, read and found to be such as are decided.

use std::collections::BTreeMap;

use super::Lower;
use crate::access::{CollectionRules, Hear, Rules};
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
            let rules = rules.as_ref().map_or_else(
                || CollectionRules::hear(Hear::Superusers),
                |rules| of_collection(rules, lower),
            );
            collections.insert(name.as_str().into(), rules);
        }
    }
    Rules {
        collections,
        superusers,
    }
}

/// The rules of a collection: one for both, or each by itself.
fn of_collection(file: &file::CollectionRules, lower: &mut Lower<'_>) -> CollectionRules {
    if let (Some(both), Some(_)) = (&file.hear, file.list.as_ref().or(file.view.as_ref())) {
        lower.refuse(both.place, Problem::RuleTwice);
    }
    if let Some(both) = &file.hear {
        return CollectionRules::hear(hear(Some(both), lower));
    }
    CollectionRules {
        list: hear(file.list.as_ref(), lower),
        view: hear(file.view.as_ref(), lower),
    }
}

fn hear(text: Option<&Text>, lower: &mut Lower<'_>) -> Hear {
    lower.or(text, Hear::Superusers, |text| match text.trim() {
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
