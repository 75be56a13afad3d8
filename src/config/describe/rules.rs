//! `access.rules`, in words.

use super::Page;
use crate::access::{CollectionRules, Hear, Rules};

impl Page {
    /// Of which records who hears, and who passes every rule.
    pub(super) fn rules(&mut self, rules: &Rules) {
        for (collection, CollectionRules { list, view }) in &rules.collections {
            if list == view {
                self.line("", format_args!("rule {collection}: {}", words(list)));
            } else {
                self.line("", format_args!("rule {collection}, list: {}", words(list)));
                self.line("", format_args!("rule {collection}, view: {}", words(view)));
            }
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
        Hear::When(rule) => rule.to_string(),
    }
}
