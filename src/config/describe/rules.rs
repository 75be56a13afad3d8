//! `access.rules`, in words.

use std::time::Duration;

use super::super::unit::show_duration;
use super::Page;
use crate::access::{Access, CollectionRules, Hear, Rules};
use crate::observe::Observe;
use crate::observe::rule::Case;

impl Page {
    /// Of which records who hears, and who passes every rule.
    pub(super) fn rules(&mut self, rules: &Rules) {
        let named = rules.collections.iter().map(|(name, of)| (&**name, of));
        let rest = rules.rest.iter().map(|of| ("*", of));
        for (collection, of) in named.chain(rest) {
            let CollectionRules { list, view, .. } = of;
            if of.tells_leaving {
                let told = "who may no longer hear of a record after a change is told a delete";
                self.line("", format_args!("rule {collection}: {told}"));
            }
            if list == view {
                self.line("", format_args!("rule {collection}: {}", words(list)));
            } else {
                self.line("", format_args!("rule {collection}, list: {}", words(list)));
                self.line("", format_args!("rule {collection}, view: {}", words(view)));
            }
        }
        if rules.asks_upstream() {
            let counts = match rules.cache {
                Duration::ZERO => "is asked anew after every write".to_owned(),
                cache => format!("counts for {}", show_duration(cache)),
            };
            self.line("", format_args!("what the API shows to whom {counts}"));
        }
        if let Some(rule) = &rules.superusers {
            self.line("", format_args!("superusers: {rule}"));
        }
    }
}

fn words(hear: &Hear) -> String {
    match hear {
        Hear::Everyone => "of every record".to_owned(),
        Hear::Superusers => "superusers only".to_owned(),
        Hear::Upstream => "whatever the API shows".to_owned(),
        Hear::When(rule) => rule.to_string(),
        Hear::WhenOrUpstream(rule) => {
            format!("{rule}; whatever the API shows where that cannot be decided")
        }
    }
}

/// Rules that are asked about nothing: what they are named for is told under another name, or not.
pub(super) fn warnings(access: &Access, observe: &Observe) -> Vec<String> {
    let any_case = |of: &Observe| of.rules.iter().any(|rule| rule.path.case() == Case::Any);
    let lower = |name: &str| !name.contains(|c: char| c.is_ascii_uppercase());
    let why = |name: &str| match &observe.collections {
        Some(names) if names.contains(name) => None,
        Some(_) => Some("`observe.collections` does not name it"),
        None if any_case(observe) && !lower(name) => {
            Some("the API takes its name in any case: name it in `observe.collections` as well")
        }
        None => None,
    };
    let names = access.rules.collections.keys();
    let warning = |name: &str| Some(format!("rule {name}: counts for nothing: {}", why(name)?));
    let unread = access.rules.asks_upstream() && observe.read().is_none();
    let unread = unread.then(|| {
        "rule: upstream: nobody hears by it: no rule of `observe` says how a record is read (`read`)"
            .to_owned()
    });
    let warnings = names.filter_map(|name| warning(name));
    warnings.chain(unread).collect()
}
