//! What is observed: paths, and where ids and records are found.
//!
//! A [`Rule`] is data, written by the operator or shipped as a preset; everything that a
//! backend needs is said here and nothing of it is code.

mod glob;
pub use glob::{Glob, Globs};
mod pattern;
pub(super) use pattern::Place;
pub use pattern::{Case, PathPattern};
mod pointer;
pub use pointer::Pointer;
pub(super) use pointer::array_index;
mod read;
pub use read::{NotATarget, Read, TargetTemplate};

use std::ops::RangeInclusive;
use std::sync::Arc;

use serde_json::value::RawValue;

use super::json::{self, Content};
use super::{Aliases, Body};
use crate::event::{Id, Json, Method};

/// One entry of `observe.rules`, or of a preset.
#[derive(Clone, Debug)]
pub struct Rule {
    /// Which requests.
    pub path: PathPattern,
    /// Where an id is found in a body, in this order.
    ///
    /// In an element of an array the part of a pointer that leads to the record is left out:
    /// with the record at `/data`, `/data/id` finds the `id` of each element of `data`.
    pub id: Box<[Pointer]>,
    /// Where the record is found in an answer; the empty pointer is the whole of it.
    pub record: Pointer,
    /// Which methods.
    pub methods: Box<[Method]>,
    /// Which statuses tell success.
    pub success: Box<[RangeInclusive<u16>]>,
    /// Where a record says of which collection it is; none: the path alone does.
    pub collection: Option<Naming>,
    /// Parameters of a query with which the answer holds a part of the record only.
    pub partial: Box<[Box<str>]>,
    /// What of a record is for some to see.
    pub conceal: Box<[Concealed]>,
    /// How a record is read from the upstream; none: that cannot be told.
    pub read: Option<Read>,
    /// How an event is completed whose record the upstream did not answer.
    pub complete: Complete,
    /// Where `true` stands in what a delete answers for a record and is only what is left of it.
    pub tombstone: Option<Pointer>,
    /// Whether it cannot be known which records a write of this kind changed, or what they became:
    /// its success is told as uncertain, of the record that the path names at most.
    pub uncertain: bool,
}

/// How a write is completed whose record was not answered: `complete: request | upstream`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Complete {
    /// It is not: it is told without.
    No,
    /// With what was sent, over what is known of the record.
    Request,
    /// By reading it from the upstream, as who wrote.
    Upstream,
}

/// Where a record says of which collection it is.
#[derive(Clone, Debug)]
pub struct Naming {
    /// Where the name stands, by which the collection is heard of.
    pub name: Pointer,
    /// Where another name stands that paths may have instead.
    pub alias: Option<Pointer>,
}

/// A part of a record that is taken out of it, unless the record says that all may see it.
#[derive(Clone, Debug)]
pub struct Concealed {
    /// The part.
    pub part: Pointer,
    /// Where `true` stands if all may see it; a record that has nothing there has no secret.
    pub unless: Pointer,
}

/// Why a text is no path pattern, glob or pointer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAPath {
    /// A `{` or `}` that does not enclose the name of a whole segment.
    #[error(
        "has braces that are no segment of their own: write {{collection}}, {{id}}, {{id?}} or {{name}} between slashes"
    )]
    Braces,
    /// Nothing says which collection is meant.
    #[error("names no collection: a template needs {{collection}}, a regex (?<collection>...)")]
    Collection,
    /// A `~` of a pointer that is neither `~0` nor `~1` (RFC 6901 § 3).
    #[error("has a `~` that escapes nothing: write ~0 for `~` and ~1 for `/`")]
    Escape,
    /// A `?` at another place than in a last `{id?}`.
    #[error("may leave open only its last segment, and only as {{id?}}")]
    Optional,
    /// A regular expression that is none.
    #[error("is no regular expression: {problem}")]
    Regex {
        /// What the compiler of regular expressions says.
        problem: Box<str>,
    },
    /// `{id}` twice.
    #[error("names {{id}} more than once")]
    Repeated,
    /// A segment that no path has once it is decoded, so that the whole would never match.
    #[error(
        "has a segment that no path has: write it decoded, without `%`, `?`, `#`, `;` and `\\`, and leave out empty ones, `.` and `..`"
    )]
    Segment,
    /// It does not begin with a slash.
    #[error("must start with `/`")]
    Slash,
    /// A `*` in a template, or a `**` in a glob that is not a segment of its own.
    #[error(
        "has a misplaced `*`: a template takes {{name}} instead, a glob takes `**` only as a whole segment"
    )]
    Star,
    /// Globs that are too many, or too long, to be matched at once.
    #[error("is one of too many globs: merge some by `*` and `**`")]
    TooMany,
}

/// What a status says of a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// The upstream refused: nothing changed.
    Refused,
    /// The write happened.
    Succeeded,
    /// The status does not tell.
    Unknown,
}

impl Rule {
    /// The rule for these paths that says nothing else: every method, the id at `/id`.
    #[must_use]
    pub fn new(path: PathPattern) -> Self {
        Self {
            path,
            id: [Pointer::of(&["id"])].into(),
            record: Pointer::default(),
            methods: [Method::Post, Method::Put, Method::Patch, Method::Delete].into(),
            success: [200..=299].into(),
            collection: None,
            partial: Box::default(),
            conceal: Box::default(),
            read: None,
            complete: Complete::No,
            tombstone: None,
            uncertain: false,
        }
    }

    /// The name that a record has for its collection; its other name is learned from it.
    pub(super) fn named(&self, record: &RawValue, aliases: &Aliases) -> Option<Arc<str>> {
        let naming = self.collection.as_ref()?;
        let text = |pointer: &Pointer| json::string(pointer.find(record)?);
        let name = text(&naming.name).filter(|name| !name.is_empty())?;
        if let Some(alias) = naming.alias.as_ref().and_then(text) {
            aliases.learn(&alias, &name);
        }
        Some(name.into())
    }

    /// The record in the answer to a GET of it, if that is what it is.
    #[must_use]
    pub fn shown(&self, body: &[u8], id: &Id) -> Option<Json> {
        let answer = Content::of(Body::Whole(body)).json()?;
        let record = self.record.find(answer)?;
        self.is_record(record, id).then(|| Json::compact(record))
    }

    /// The same in the answer to a GET of a list.
    #[must_use]
    pub fn listed(&self, read: &Read, body: &[u8], id: &Id) -> Option<Json> {
        let answer = Content::of(Body::Whole(body)).json()?;
        let records = json::elements(read.items.find(answer)?)?;
        let record = records
            .into_iter()
            .find(|record| self.is_record(record, id))?;
        Some(Json::compact(record))
    }

    fn is_record(&self, record: &RawValue, id: &Id) -> bool {
        let own = |pointer: &Pointer| json::id(pointer.below(&self.record).find(record)?);
        json::is_object(record) && self.id.iter().find_map(own).as_ref() == Some(id)
    }

    /// What `status` says of a write that this rule is for.
    ///
    /// 202 (RFC 9110 § 15.3.3) only promises, and 207 (RFC 4918 § 11.1) hides a status for
    /// each part: they tell success only where the rule lists exactly them. A 5xx is no
    /// refusal: the upstream may have failed after it had committed.
    pub(super) fn outcome(&self, status: u16) -> Outcome {
        outcome(status, &self.success)
    }

    /// Whether that is what is left of a record that is gone.
    pub(super) fn is_tombstone(&self, record: &RawValue) -> bool {
        let place = self.tombstone.as_ref();
        place.is_some_and(|place| place.find(record).is_some_and(|gone| gone.get() == "true"))
    }
}

/// What `status` says of a write of which these tell success: [`Rule::outcome`].
pub(super) fn outcome(status: u16, success: &[RangeInclusive<u16>]) -> Outcome {
    let exactly = success.contains(&(status..=status));
    let listed = success.iter().any(|range| range.contains(&status));
    match status {
        202 | 207 if !exactly => Outcome::Unknown,
        _ if listed => Outcome::Succeeded,
        500.. => Outcome::Unknown,
        _ => Outcome::Refused,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_tells_success_only_where_the_rule_says_so() {
        let rule = |success: &[RangeInclusive<u16>]| Rule {
            success: success.into(),
            ..Rule::new(PathPattern::template("/{collection}/{id?}").unwrap())
        };
        let usual = rule(&[200..=299]);
        for (status, outcome) in [
            (100, Outcome::Refused),
            (200, Outcome::Succeeded),
            (202, Outcome::Unknown),
            (207, Outcome::Unknown),
            (299, Outcome::Succeeded),
            (303, Outcome::Refused),
            (409, Outcome::Refused),
            (500, Outcome::Unknown),
            (504, Outcome::Unknown),
        ] {
            assert_eq!(usual.outcome(status), outcome, "{status}");
        }
        let own = rule(&[200..=200, 202..=202, 303..=303, 500..=500]);
        for (status, outcome) in [
            (200, Outcome::Succeeded),
            (201, Outcome::Refused),
            (202, Outcome::Succeeded),
            (207, Outcome::Unknown),
            (303, Outcome::Succeeded),
            (500, Outcome::Succeeded),
        ] {
            assert_eq!(own.outcome(status), outcome, "{status}");
        }
    }

    #[test]
    fn a_fault_says_what_to_write_instead() {
        let fault = |text| PathPattern::template(text).unwrap_err().to_string();
        assert_eq!(fault("posts"), "must start with `/`");
        assert_eq!(
            fault("/{id}"),
            "names no collection: a template needs {collection}, a regex (?<collection>...)"
        );
        assert_eq!(
            fault("/{collection}/{id}/{id}"),
            "names {id} more than once"
        );
        assert!(fault("/{collection}/post-{id}").ends_with("{id?} or {name} between slashes"));
    }
}
