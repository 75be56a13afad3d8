//! Requests that hold several, and whose answer has one for each.
//!
//! Each is observed as if it had come by itself. The upstream makes all of them or none: a batch
//! that is refused has changed nothing.

use std::collections::HashSet;

use serde_json::value::RawValue;

use super::form;
use super::json::{self, Content};
use super::rule::{Glob, Outcome, Pointer, outcome};
use super::{Answer, Body, Happened, Observe, Target};
use crate::event::Kind;
use crate::limits::BULK_RECORDS;

/// One entry of a preset's `batches`.
#[derive(Clone, Debug)]
pub struct Batch {
    /// Which paths.
    pub path: Glob,
    /// Where the requests stand in a body: an array.
    pub requests: Pointer,
    /// The part of a form that holds the same JSON; none: forms are not read.
    pub form: Option<Box<str>>,
    /// Where a request has its method, as text.
    pub method: Pointer,
    /// Where it has its path, with a query perhaps.
    pub url: Pointer,
    /// Where it has its body.
    pub body: Pointer,
    /// Where the answers stand in that of the batch: an array of the same length.
    pub answers: Pointer,
    /// Where an answer has its status.
    pub status: Pointer,
    /// Where it has its body.
    pub answer: Pointer,
}

/// A batch that is under way.
#[derive(Clone, Debug)]
pub struct Batched {
    batch: Batch,
    observe: Observe,
}

/// One of the requests of a batch.
struct Item<'a> {
    /// What it is about; none: it is not observed.
    target: Option<Target>,
    /// Its body; none where it has none.
    body: Option<&'a RawValue>,
}

impl Batched {
    /// The batch, whose requests are observed so.
    pub(super) fn new(batch: &Batch, observe: &Observe) -> Self {
        Self {
            batch: batch.clone(),
            observe: observe.clone(),
        }
    }

    /// The events of all its requests, in their order.
    ///
    /// Where it is not known which collections it was about, that is a gap: whoever listens reads
    /// again.
    pub(super) fn events(&self, answer: Answer<'_>) -> Vec<Happened> {
        let (status, request, media, response) = match answer {
            Answer::Complete {
                status,
                request,
                media,
                response,
                ..
            } => (Some(status), request, media, response),
            Answer::Lost { status } => (status, Body::Unknown, None, Body::Unknown),
        };
        let outcome = status.map(|status| outcome(status, &[200..=299]));
        if outcome == Some(Outcome::Refused) {
            return Vec::new();
        }
        let text = self.text(request, media);
        let Some(items) = text.as_deref().and_then(|text| self.items(text)) else {
            return vec![Kind::Gap.into()];
        };
        let told = (outcome == Some(Outcome::Succeeded)).then(|| Content::of(response));
        let answers = told.and_then(Content::json);
        let answers = answers
            .and_then(|whole| json::elements(self.batch.answers.find(whole)?))
            .filter(|answers| answers.len() == items.len());
        let events = items.iter().enumerate().filter_map(|(at, item)| {
            let target = item.target.as_ref()?;
            let answer = answers.as_ref().and_then(|answers| answers.get(at));
            Some(target.events(match answer {
                Some(answer) => self.answer(item, answer),
                None => Answer::Lost { status: None },
            }))
        });
        events.flatten().collect()
    }

    /// The JSON of the requests: the body, or the part of it that a form has for it. None of what
    /// another reader may take for something else.
    fn text(&self, request: Body<'_>, media: Option<&str>) -> Option<Vec<u8>> {
        let (Body::Whole(bytes), Some(media)) = (request, media) else {
            return None;
        };
        let essence = form::essence(media);
        if essence == "application/json" || essence.ends_with("+json") {
            return Some(bytes.to_vec());
        }
        let form = self.batch.form.as_deref()?;
        let parts = form::multipart(bytes, media, |name| name == form)?;
        match parts.as_slice() {
            [(_, only)] => Some(only.to_vec()),
            _ => None,
        }
    }

    /// The requests, unless they cannot be read or are too many.
    fn items<'a>(&self, text: &'a [u8]) -> Option<Vec<Item<'a>>> {
        let whole = Content::of(Body::Whole(text)).json()?;
        let whole = Some(whole).filter(|whole| has_each_name_once(whole))?;
        let requests = json::elements(self.batch.requests.find(whole)?)?;
        if requests.len() > BULK_RECORDS {
            return None;
        }
        let item = |request: &'a RawValue| {
            let request = Some(request).filter(|request| has_each_name_once(request))?;
            let method = json::string(self.batch.method.find(request)?)?;
            let url = json::string(self.batch.url.find(request)?)?;
            let (path, query) = url.split_once('?').unwrap_or((&url, ""));
            let target = self.observe.target(&method.to_ascii_uppercase(), path);
            Some(Item {
                target: target.map(|target| target.asked(query)),
                body: self.batch.body.find(request),
            })
        };
        requests.into_iter().map(item).collect()
    }

    /// One of the answers, as if it had come by itself.
    fn answer<'a>(&self, item: &Item<'a>, answer: &'a RawValue) -> Answer<'a> {
        let body = |body: Option<&'a RawValue>| match body.map(RawValue::get) {
            None | Some("null") => Body::Whole(b""),
            Some(text) => Body::Whole(text.as_bytes()),
        };
        let status = self.batch.status.find(answer);
        match status.and_then(|status| status.get().parse().ok()) {
            None => Answer::Lost { status: None },
            Some(status) => Answer::Complete {
                status,
                location: None,
                media: None,
                request: body(item.body),
                response: body(self.batch.answer.find(answer)),
            },
        }
    }
}

/// Whether no two names of an object are the same, in any case: Go's reader takes either, and of two
/// the last.
fn has_each_name_once(object: &RawValue) -> bool {
    let mut names = HashSet::new();
    // Twice, since some letters have another form in one case only.
    let folded = |name: &str| name.to_uppercase().to_lowercase();
    json::members(object).is_some_and(|members| {
        let mut all = members.iter().map(|member| json::string(member.name));
        all.all(|name| name.is_some_and(|name| names.insert(folded(&name))))
    })
}
