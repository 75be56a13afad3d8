//! The keys whose values are one of a few words.

use super::{
    FORMATS, LOGGING_LEVELS, PATCH_EVENTS, log, observe, pocketbase, rules, streams, upstream,
};
use crate::access::Algorithm;
use crate::observe::preset;

/// The words that the value of a key may be.
#[derive(Debug)]
pub(in crate::config) struct Choice {
    /// The type of the table that has the key, in [`crate::config::file`].
    pub(in crate::config) table: &'static str,
    /// The key.
    pub(in crate::config) key: &'static str,
    /// The words.
    pub(in crate::config) words: Vec<&'static str>,
}

/// Every key of that kind.
pub(in crate::config) fn choices() -> Vec<Choice> {
    let switch = || vec!["true", "false"];
    [
        ("Access", "global", switch()),
        ("CollectionRules", "leaving", words(rules::LEAVING)),
        ("CollectionRules", "rule", words(rules::OTHERWISE)),
        ("Identity", "preset", preset::WITH_IDENTITY.to_vec()),
        ("Jwt", "algorithms", words(Algorithm::NAMED)),
        ("Key", "superuser", switch()),
        ("Log", "level", words(log::LEVELS)),
        ("Log", "on_failure", words(log::ON_FAILURE)),
        ("Logging", "format", words(FORMATS)),
        ("Logging", "level", words(LOGGING_LEVELS)),
        ("Observe", "preset", preset::NAMES.to_vec()),
        ("Observe", "read_before_delete", switch()),
        ("Pocketbase", "answered_by", words(pocketbase::ANSWERED_BY)),
        ("Restdb", "patch", words(PATCH_EVENTS)),
        ("Rule", "case", words(observe::CASES)),
        ("Rule", "complete", words(observe::COMPLETE)),
        ("Stream", "access", words(streams::ACCESS)),
        ("Upstream", "host", words(upstream::HOST_HEADERS)),
    ]
    .map(|(table, key, words)| Choice { table, key, words })
    .into()
}

fn words<T>(choices: &[(&'static str, T)]) -> Vec<&'static str> {
    choices.iter().map(|(word, _)| *word).collect()
}
