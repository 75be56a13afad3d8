//! A finished exchange and the operator's rules to events. SKELETON.

pub mod rule;

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::event::{Id, Kind, Method};
use rule::{Glob, Pointer, Rule};

/// The `observe:` section of the configuration, compiled.
#[derive(Clone, Debug, Default)]
pub struct Observe {
    /// What is observed and how it is read; the first that matches decides.
    pub rules: Vec<Arc<Rule>>,
    /// Paths that are never observed, whatever the rules say.
    pub ignore: Vec<Glob>,
    /// The only collections that are observed; none: all that the rules find.
    pub collections: Option<BTreeSet<Box<str>>>,
    /// What is taken out of each record.
    pub redact: Arc<[Pointer]>,
}

/// A request that is to be observed: what it will have been about if it succeeds.
#[derive(Clone, Debug)]
pub struct Target {
    method: Method,
    collection: Arc<str>,
    id: Option<Id>,
    rule: Arc<Rule>,
    redact: Arc<[Pointer]>,
}

/// How an observed exchange ended.
#[derive(Clone, Copy, Debug)]
pub enum Answer<'a> {
    /// The upstream answered to the end.
    Complete {
        /// The final status.
        status: u16,
        /// The answer's `Location`, where it has one that is text.
        location: Option<&'a str>,
        /// The request's body.
        request: Body<'a>,
        /// The answer's body.
        response: Body<'a>,
    },
    /// The request went to the upstream, and its answer did not come to its end; with the
    /// status, where the head had come.
    Lost {
        /// The status of the answer's head, if that came.
        status: Option<u16>,
    },
}

/// A body as it was kept.
#[derive(Clone, Copy, Debug)]
pub enum Body<'a> {
    /// Longer than the cap, or coded in a way that is not read.
    Unknown,
    /// All of it; empty where there was none.
    Whole(&'a [u8]),
}

impl Observe {
    /// What a request of `method` on `path` (raw, without its query) would be about; none if
    /// it is not observed.
    #[must_use]
    pub fn target(&self, _method: &str, _path: &str) -> Option<Target> {
        None
    }
}

impl Target {
    /// The events that the exchange amounts to: none if the upstream refused the write.
    #[must_use]
    pub fn events(&self, _answer: Answer<'_>) -> Vec<Kind> {
        Vec::new()
    }
}
