//! A write that succeeded to the events that it amounts to: which records, and what they are.
//!
//! Where an id is found, in this order: the path, the answer, its `Location`, the request.
//! Where a record is found: the answer; for a create that answers none, the request, with
//! the id that it was given.
//!
//! | | one record answered | several | none |
//! | --- | --- | --- | --- |
//! | POST | a write, if it has an id | a write each | a write of what was sent |
//! | PUT, PATCH | a write, if it has the id of the path | a write each | a write without a record |
//! | DELETE | a write; without the record, if that says itself that it is gone | one write of all | one write of all that were sent, unless the answer may say otherwise |
//!
//! Nothing is guessed: a write whose records are not all known is one [`Kind::Uncertain`].

use std::cell::OnceCell;

use serde_json::value::RawValue;

use super::form;
use super::json::{self, Content};
use super::path::Canonical;
use super::rule::{Complete, Pointer};
use super::{Body, Target, record};
use crate::event::{Id, Kind, Method};
use crate::limits::BULK_RECORDS;

/// What was sent, which is read where it is needed only.
#[derive(Debug)]
pub(super) struct Sent<'a> {
    body: Body<'a>,
    content: OnceCell<Option<&'a RawValue>>,
}

/// What the exchange of a write that succeeded told.
#[derive(Clone, Copy, Debug)]
pub(super) struct Success<'a> {
    pub(super) target: &'a Target,
    pub(super) location: Option<&'a str>,
    pub(super) request: &'a Sent<'a>,
    pub(super) answer: Content<'a>,
}

/// Which records changed is not known, or not what they became; at most this id is.
#[derive(Debug)]
struct Unknown(Option<Id>);

impl<'a> Sent<'a> {
    /// A request's body of that media type. A form has the fields of a record, and not how they are
    /// read: it is no record.
    pub(super) fn new(body: Body<'a>, media: Option<&str>) -> Self {
        let is_form = media.is_some_and(form::is_form);
        Self {
            body: if is_form { Body::Unknown } else { body },
            content: OnceCell::new(),
        }
    }

    /// The JSON text that it is, if it is one.
    pub(super) fn json(&self) -> Option<&'a RawValue> {
        let read = || Content::of(self.body).json();
        *self.content.get_or_init(read)
    }
}

impl Success<'_> {
    /// The events, one at least unless the upstream said that no record changed.
    pub(super) fn events(&self) -> Vec<Kind> {
        let events = match self.target.method {
            Method::Delete => self.deleted(),
            Method::Patch | Method::Put => self.changed(),
            Method::Post => self.created(),
        };
        events.unwrap_or_else(|Unknown(id)| vec![self.target.uncertain(id)])
    }

    fn created(&self) -> Result<Vec<Kind>, Unknown> {
        let answer = match self.answer {
            Content::Empty => return self.created_as_requested(),
            Content::Json(answer) => answer,
            Content::Doubtful | Content::Unreadable => {
                return Err(Unknown(self.id_of_place()));
            }
        };
        let answered_id = self.answered_id();
        let record = match self.target.rule.record.find(answer) {
            // Several records cannot be the one that the path names.
            Some(records) if json::is_array(records) => match &self.target.id {
                Some(id) => return Err(Unknown(Some(id.clone()))),
                None => return self.each(records),
            },
            // What names no record may be no more than an acknowledgement of the write.
            Some(record) if json::is_object(record) && answered_id.is_none() => {
                return self.created_as_requested();
            }
            // It is another record than the path names, as what a copy answers.
            Some(_) if self.target.id.is_some() && answered_id != self.target.id => {
                return Err(Unknown(self.target.id.clone()));
            }
            Some(record) if json::is_object(record) => Some(record),
            // An answer of another shape than the rule knows: what it is about counts all the same.
            None if json::is_object(answer) => None,
            Some(_) | None => return self.created_as_requested(),
        };
        let id = self.id_if(answered_id).ok_or(Unknown(None))?;
        Ok(vec![self.target.write(vec![id], record)])
    }

    /// For an answer that shows no record: what was sent is what came to be.
    fn created_as_requested(&self) -> Result<Vec<Kind>, Unknown> {
        let id = self.id();
        // What it became the upstream knows better.
        if let (Complete::Upstream, Some(id)) = (self.target.rule.complete, &id) {
            return Ok(vec![self.target.write(vec![id.clone()], None)]);
        }
        let Some(request) = self.request.json() else {
            return Err(Unknown(id));
        };
        let rule = &self.target.rule;
        let sent = rule.record.find(request).unwrap_or(request);
        let sent = match json::elements(sent).as_deref() {
            Some([only]) => only,
            Some(_) => return Err(Unknown(self.target.id.clone())),
            None => sent,
        };
        if !json::is_object(sent) {
            return Err(Unknown(id));
        }
        let own_ids = self.own_ids();
        let own_id = find_id(&own_ids, sent);
        let record = match (&own_id, own_ids.first().map(Pointer::tokens)) {
            (None, Some([name])) => record::with_id(sent, name, id.as_ref().ok_or(Unknown(None))?),
            _ => Some(sent.to_owned()),
        };
        // It was made under another id than it was sent with: who knows what else is other.
        if id.is_some() && own_id.is_some() && id != own_id {
            return Err(Unknown(id));
        }
        let id = id.or(own_id).ok_or(Unknown(None))?;
        Ok(vec![self.target.write(vec![id], record.as_deref())])
    }

    fn changed(&self) -> Result<Vec<Kind>, Unknown> {
        if matches!(self.answer, Content::Doubtful) {
            return Err(Unknown(self.id_of_place()));
        }
        let found = self.answered();
        let record = || found.filter(|found| json::is_object(found));
        if let Some(id) = &self.target.id {
            // What does not name the record may be no more than an acknowledgement of the write.
            let shown = self.answered_id().as_ref() == Some(id);
            let record = shown.then(record).flatten();
            return Ok(vec![self.target.write(vec![id.clone()], record)]);
        }
        if let Some(records) = found.filter(|found| json::is_array(found)) {
            return self.each(records);
        }
        if let Some(sent) = self.sent_array() {
            // A part of a record, or one before the upstream's own changes: no record to tell.
            let ids = self.ids_of(sent)?;
            let write = |id| self.target.write(vec![id], None);
            return some(ids.into_iter().map(write).collect());
        }
        let id = self.id().ok_or(Unknown(None))?;
        Ok(vec![self.target.write(vec![id], record())])
    }

    fn deleted(&self) -> Result<Vec<Kind>, Unknown> {
        let found = self.answered();
        if let Some(id) = &self.target.id {
            let shown = found
                .filter(|found| json::is_object(found) && !self.target.rule.is_tombstone(found))
                .filter(|_| self.answered_id().as_ref() == Some(id));
            return Ok(vec![self.target.write(vec![id.clone()], shown)]);
        }
        let ids = match found.filter(|found| json::is_array(found)) {
            Some(records) => self.ids_of(records)?,
            None => some(self.ids_of(self.sent_array().ok_or(Unknown(None))?)?)?,
        };
        // The upstream says itself that nothing went away.
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        Ok(vec![self.target.write(ids, None)])
    }

    /// A write for each record that the answer shows.
    fn each(&self, records: &RawValue) -> Result<Vec<Kind>, Unknown> {
        let elements = self.bulk(records)?;
        let own_ids = self.own_ids();
        let write = |element: &RawValue| {
            let id = element_id(&own_ids, element).ok_or(Unknown(None))?;
            let object = json::is_object(element).then_some(element);
            Ok(self.target.write(vec![id], object))
        };
        elements.into_iter().map(write).collect()
    }

    fn ids_of(&self, records: &RawValue) -> Result<Vec<Id>, Unknown> {
        let own_ids = self.own_ids();
        let id = |element| element_id(&own_ids, element).ok_or(Unknown(None));
        self.bulk(records)?.into_iter().map(id).collect()
    }

    /// The elements of an array, unless there are more than one write tells of.
    fn bulk<'j>(&self, records: &'j RawValue) -> Result<Vec<&'j RawValue>, Unknown> {
        json::elements(records)
            .filter(|elements| elements.len() <= BULK_RECORDS)
            .ok_or_else(|| Unknown(self.target.id.clone()))
    }

    /// What stands in the answer where the rule says that the record is.
    fn answered(&self) -> Option<&RawValue> {
        self.target.rule.record.find(self.answer.json()?)
    }

    /// The records that were sent, unless the answer may say that it was not these.
    fn sent_array(&self) -> Option<&RawValue> {
        let request = self.request.json()?;
        let sent = self.target.rule.record.find(request).unwrap_or(request);
        let count = json::elements(sent)?.len();
        let confirmed = match self.answer {
            Content::Doubtful => false,
            Content::Empty | Content::Unreadable => true,
            Content::Json(answer) => confirms(answer, count),
        };
        confirmed.then_some(sent)
    }

    fn id(&self) -> Option<Id> {
        self.id_if(self.answered_id())
    }

    /// The same, where the answer's is known.
    fn id_if(&self, answered: Option<Id>) -> Option<Id> {
        let path = self.target.id.clone();
        path.or(answered)
            .or_else(|| self.located_id())
            .or_else(|| find_id(&self.target.rule.id, self.request.json()?))
    }

    /// The id of what the exchange says without a body.
    fn id_of_place(&self) -> Option<Id> {
        let path = self.target.id.clone();
        path.or_else(|| self.located_id())
    }

    fn answered_id(&self) -> Option<Id> {
        find_id(&self.target.rule.id, self.answer.json()?)
    }

    /// The id in the answer's `Location` (RFC 9110 § 10.2.2), where that is a path of the same
    /// rule and collection: an order may well be answered with the place of a job.
    fn located_id(&self) -> Option<Id> {
        let path = Canonical::of(path_of(self.location?)?);
        let place = self.target.rule.path.find(path.certain()?)?;
        if *place.collection != *self.target.collection {
            return None;
        }
        Id::new(place.id?)
    }

    /// The rule's pointers as seen from a record.
    fn own_ids(&self) -> Vec<Pointer> {
        let rule = &self.target.rule;
        rule.id.iter().map(|id| id.below(&rule.record)).collect()
    }
}

/// What was sent names no record: the upstream may have taken that for all of them.
fn some<T>(listed: Vec<T>) -> Result<Vec<T>, Unknown> {
    if listed.is_empty() {
        return Err(Unknown(None));
    }
    Ok(listed)
}

/// Whether an answer that shows no record leaves room for no other than all of those that were sent:
/// it has no other number than theirs, no `false`, and lists nothing, as what has failed.
fn confirms(answer: &RawValue, count: usize) -> bool {
    let says_so = |value: &RawValue| match value.get() {
        "[]" | "{}" | "null" | "true" => true,
        text if text.starts_with('"') => true,
        // A list, `false`, or a number.
        text => text.parse() == Ok(count),
    };
    match json::members(answer) {
        Some(members) => members.iter().all(|member| says_so(member.value)),
        None => says_so(answer),
    }
}

fn find_id(pointers: &[Pointer], json: &RawValue) -> Option<Id> {
    pointers
        .iter()
        .find_map(|pointer| json::id(pointer.find(json)?))
}

/// The id of an element of an array: a record's, or itself.
fn element_id(own_ids: &[Pointer], element: &RawValue) -> Option<Id> {
    if json::is_object(element) {
        find_id(own_ids, element)
    } else {
        json::id(element)
    }
}

/// The path of a URL or of a reference that begins with a slash (RFC 3986 § 4.2).
fn path_of(location: &str) -> Option<&str> {
    let location = location.split(['?', '#']).next()?.trim();
    let rooted = match location.split_once("//") {
        // What comes before is nothing or a scheme: `/a//b` is a path.
        Some((scheme, rest)) if !scheme.contains('/') => rest.get(rest.find('/')?..)?,
        _ => location,
    };
    rooted.starts_with('/').then_some(rooted)
}

#[cfg(test)]
mod tests;
