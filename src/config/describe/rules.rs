//! `access.rules`, in words.

use super::Page;
use crate::access::{Hear, Rules};

impl Page {
    /// Of which records who hears, and who passes every rule.
    pub(super) fn rules(&mut self, rules: &Rules) {
        for (collection, hear) in &rules.collections {
            match hear {
                Hear::Everyone => {
                    self.line("", format_args!("rule {collection}: of every record"));
                }
                Hear::Superusers => {
                    self.line("", format_args!("rule {collection}: superusers only"));
                }
                Hear::When(rule) => self.line("", format_args!("rule {collection}: {rule}")),
            }
        }
        if let Some(rule) = &rules.superusers {
            self.line("", format_args!("superusers: {rule}"));
        }
    }
}
