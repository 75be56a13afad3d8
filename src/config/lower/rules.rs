//! `access.rules` and `access.superusers`: expressions, read and found to be such as are decided.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{Lower, choose};
use crate::access::{CollectionRules, Hear, Rules};
use crate::config::fault::Problem;
use crate::config::file::{self, Text, place};
use crate::limits;
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
    let mut rest = None;
    if let Some(section) = &file.rules {
        for (name, rules) in &section.value {
            if name.is_empty() {
                lower.refuse(place(section.referenced), Problem::RuleOfNothing);
            }
            let rules = rules.as_ref().map_or_else(
                || CollectionRules::hear(Hear::Superusers),
                |rules| of_collection(rules, lower),
            );
            match name.as_str() {
                "*" => rest = Some(rules),
                name => drop(collections.insert(name.into(), rules)),
            }
        }
    }
    let cache = file.rule_cache.as_ref();
    Rules {
        collections,
        rest,
        superusers,
        hidden: Box::default(),
        cache: lower.duration(cache, Duration::ZERO, &limits::RULE_CACHE),
    }
}

/// What is heard where a rule says nothing, or cannot decide.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Otherwise {
    Nothing,
    Upstream,
}

/// The rules of a collection: one for both, or each by itself.
fn of_collection(file: &file::CollectionRules, lower: &mut Lower<'_>) -> CollectionRules {
    if let (Some(both), Some(_)) = (&file.hear, file.list.as_ref().or(file.view.as_ref())) {
        lower.refuse(both.place, Problem::RuleTwice);
    }
    let otherwise = file.rule.as_ref();
    let otherwise = lower.or(otherwise, Otherwise::Nothing, |text| {
        choose(text, OTHERWISE)
    });
    let tells_leaving = lower.or(file.leaving.as_ref(), false, |text| choose(text, LEAVING));
    let list = hear(file.hear.as_ref().or(file.list.as_ref()), otherwise, lower);
    let view = match &file.hear {
        Some(_) => list.clone(),
        None => hear(file.view.as_ref(), otherwise, lower),
    };
    CollectionRules {
        list,
        view,
        tells_leaving,
    }
}

fn hear(text: Option<&Text>, otherwise: Otherwise, lower: &mut Lower<'_>) -> Hear {
    let unsaid = match otherwise {
        Otherwise::Nothing => Hear::Superusers,
        Otherwise::Upstream => Hear::Upstream,
    };
    lower.or(text, unsaid, |text| match (text.trim(), otherwise) {
        ("", _) => Ok(Hear::Everyone),
        (_, Otherwise::Nothing) => read(text).map(Hear::When),
        (_, Otherwise::Upstream) => Ok(Hear::WhenOrUpstream(Rule::parse(text)?)),
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

pub(super) const OTHERWISE: &[(&str, Otherwise)] = &[("upstream", Otherwise::Upstream)];

pub(super) const LEAVING: &[(&str, bool)] = &[("delete", true), ("nothing", false)];
