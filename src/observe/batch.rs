//! Requests that hold several, and whose answer has one for each; and those of which it is not known
//! what they hold.
//!
//! Each is observed as if it had come by itself, with a status of its own: where the upstream makes
//! all of them or none, that of the batch is theirs, and where it does not, one that is refused has
//! nothing to do with the others, unless the rule says that it takes them back ([`Batch::undone_by`]).
//! A batch that is refused has changed nothing.

use std::borrow::Cow;
use std::collections::HashSet;
use std::ops::RangeInclusive;
use std::sync::Arc;

use serde_json::value::RawValue;

use super::form;
use super::json::{self, Content};
use super::path::Canonical;
use super::rule::{Globs, Outcome, Pointer, outcome};
use super::{Answer, Body, Happened, Observe, Target};
use crate::event::{Kind, Method};
use crate::limits::BULK_RECORDS;

/// One entry of a preset's `batches`.
#[derive(Clone, Debug)]
pub struct Batch {
    /// Which paths.
    pub path: Globs,
    /// Where the requests stand in a body: an array.
    pub requests: Pointer,
    /// The part of a form that holds the same JSON; none: forms are not read.
    pub form: Option<Box<str>>,
    /// Where a request has its method, as text.
    pub method: Pointer,
    /// Where it has its path, with a query perhaps.
    pub url: Pointer,
    /// What the upstream itself stands behind, which its own paths need not say.
    pub prefix: Box<str>,
    /// What each path begins with there, and is put before one that does not.
    pub base: Box<str>,
    /// Where it has its body.
    pub body: Pointer,
    /// Where in a body an object stands that has what a request lacks; none: nowhere.
    pub defaults: Option<Pointer>,
    /// Where the answers stand in that of the batch: an array of the same length.
    pub answers: Pointer,
    /// Where an answer has its status.
    pub status: Pointer,
    /// Where it has its body.
    pub answer: Pointer,
    /// Statuses of one answer with which the upstream may have taken back what the others did.
    pub undone_by: Box<[RangeInclusive<u16>]>,
}

/// One entry of a preset's `gaps`: requests that change records of collections that they do not name.
#[derive(Clone, Debug)]
pub struct Gap {
    /// Which paths.
    pub path: Globs,
    /// Which methods.
    pub methods: Box<[Method]>,
}

/// A batch that is under way, or a request of a [`Gap`].
#[derive(Clone, Debug)]
pub struct Batched {
    method: Method,
    /// None: what it holds is not known.
    batch: Option<Batch>,
    observe: Observe,
}

/// One of the requests of a batch.
struct Item<'a> {
    about: About,
    /// Its body, which may be none or not known.
    body: Body<'a>,
}

/// What a request is about.
enum About {
    /// Collections that it does not name.
    Everything,
    /// It is not observed.
    Nothing,
    /// Records of one.
    Target(Box<Target>),
}

impl Observe {
    /// The request as a batch, if it is one or may have changed anything.
    pub(super) fn batched(&self, method: Method, path: &str) -> Option<Batched> {
        if self.batches.is_empty() && self.gaps.is_empty() {
            return None;
        }
        let canonical = Canonical::of(path);
        let is = |batch: &&Arc<Batch>| {
            let mut readings = canonical.readings();
            method == Method::Post && readings.any(|path| batch.path.matches(path))
        };
        let batch = self.batches.iter().find(is);
        (batch.is_some() || self.is_gap(method, &canonical)).then(|| Batched {
            method,
            batch: batch.map(|batch| (**batch).clone()),
            observe: self.clone(),
        })
    }

    fn is_gap(&self, method: Method, path: &Canonical<'_>) -> bool {
        let is = |gap: &Arc<Gap>| {
            gap.methods.contains(&method) && path.readings().any(|path| gap.path.matches(path))
        };
        self.gaps.iter().any(is) && !path.readings().any(|path| self.ignore.matches(path))
    }

    /// What one request of a batch is about.
    fn about(&self, method: &str, path: &str, query: &str) -> About {
        let method = method.to_ascii_uppercase();
        let gap = Method::of(&method).filter(|method| self.is_gap(*method, &Canonical::of(path)));
        match self.target(&method, path) {
            _ if gap.is_some() => About::Everything,
            Some(target) => About::Target(Box::new(target.asked(query))),
            None => About::Nothing,
        }
    }
}

impl Batch {
    /// The path of one of its requests as if that had come by itself.
    fn path<'u>(&self, own: &'u str) -> Cow<'u, str> {
        if !self.prefix.is_empty() && own.starts_with(&*self.prefix) {
            return Cow::Borrowed(own);
        }
        let base = if own.starts_with(&*self.base) {
            ""
        } else {
            &*self.base
        };
        match (&*self.prefix, base) {
            ("", "") => Cow::Borrowed(own),
            (prefix, base) => Cow::Owned(format!("{prefix}{base}{own}")),
        }
    }

    /// The status of one of the answers.
    fn status_of(&self, answer: &RawValue) -> Option<u16> {
        self.status.find(answer)?.get().parse().ok()
    }
}

impl Batched {
    /// The method of the request.
    pub(super) fn method(&self) -> Method {
        self.method
    }

    pub(super) fn is_refused(status: u16) -> bool {
        Self::outcome(status) == Outcome::Refused
    }

    /// What a status says of the batch as a whole.
    fn outcome(status: u16) -> Outcome {
        outcome(status, &[200..=299])
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
        if status.is_some_and(Self::is_refused) {
            return Vec::new();
        }
        let gap = || vec![Kind::Gap.into()];
        let Some(batch) = &self.batch else {
            return gap();
        };
        let text = batch.text(request, media);
        let Some(items) = text
            .as_deref()
            .and_then(|text| batch.items(text, &self.observe))
        else {
            return gap();
        };
        let succeeded = status.map(Self::outcome) == Some(Outcome::Succeeded);
        let told = succeeded.then(|| Content::of(response));
        let answers = told.and_then(Content::json);
        let answers = answers
            .and_then(|whole| json::elements(batch.answers.find(whole)?))
            .filter(|answers| answers.len() == items.len());
        let undoes = |answer: &&RawValue| {
            let status = batch.status_of(answer);
            status.is_some_and(|status| batch.undone_by.iter().any(|of| of.contains(&status)))
        };
        let undone = answers.iter().flatten().any(undoes);
        let events = items.iter().enumerate().flat_map(|(at, item)| {
            let answer = answers.as_ref().and_then(|answers| answers.get(at));
            let answer = match answer {
                Some(answer) if !undone => batch.answer(item, answer),
                _ => Answer::Lost {
                    status: answer.and_then(|answer| batch.status_of(answer)),
                },
            };
            match &item.about {
                About::Target(target) => target.events(answer),
                About::Everything if may_have_happened(answer) => gap(),
                About::Everything | About::Nothing => Vec::new(),
            }
        });
        events.collect()
    }
}

impl Batch {
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
        let form = self.form.as_deref()?;
        let parts = form::multipart(bytes, media, |name| name == form)?;
        match parts.as_slice() {
            [(_, only)] => Some(only.to_vec()),
            _ => None,
        }
    }

    /// The requests, unless they cannot be read or are too many.
    fn items<'a>(&self, text: &'a [u8], observe: &Observe) -> Option<Vec<Item<'a>>> {
        let whole = Content::of(Body::Whole(text)).json()?;
        let whole = Some(whole).filter(|whole| has_each_name_once(whole))?;
        let requests = json::elements(self.requests.find(whole)?)?;
        if requests.len() > BULK_RECORDS {
            return None;
        }
        let defaults = self.defaults.as_ref().and_then(|at| at.find(whole));
        if defaults.is_some_and(|defaults| !has_each_name_once(defaults)) {
            return None;
        }
        let item = |request: &'a RawValue| {
            let request = Some(request).filter(|request| has_each_name_once(request))?;
            let or_default = |at: &Pointer| {
                let own = at.find(request);
                own.or_else(|| at.find(defaults?))
            };
            let method = match or_default(&self.method) {
                Some(method) => json::string(method)?,
                // Only Kinto takes one without, and for one that reads.
                None => Cow::Borrowed("GET"),
            };
            let url = json::string(or_default(&self.url)?)?;
            let (path, query) = url.split_once('?').unwrap_or((&url, ""));
            let parts = [Some(request), defaults].map(|part| self.body.find(part?));
            Some(Item {
                about: observe.about(&method, &self.path(path), query),
                body: match parts {
                    // One within the other: what that comes to, the answer says better.
                    [Some(_), Some(_)] => Body::Unknown,
                    [own, default] => body_of(own.or(default)),
                },
            })
        };
        requests.into_iter().map(item).collect()
    }

    /// One of the answers, as if it had come by itself.
    fn answer<'a>(&self, item: &Item<'a>, answer: &'a RawValue) -> Answer<'a> {
        match self.status_of(answer) {
            None => Answer::Lost { status: None },
            Some(status) => Answer::Complete {
                status,
                location: None,
                media: None,
                request: item.body,
                response: body_of(self.answer.find(answer)),
            },
        }
    }
}

/// What stands in the place of a body.
fn body_of(json: Option<&RawValue>) -> Body<'_> {
    match json.map(RawValue::get) {
        None | Some("null") => Body::Whole(b""),
        Some(text) => Body::Whole(text.as_bytes()),
    }
}

/// Whether a request was not refused.
fn may_have_happened(answer: Answer<'_>) -> bool {
    let status = match answer {
        Answer::Complete { status, .. } => Some(status),
        Answer::Lost { status } => status,
    };
    status.is_none_or(|status| outcome(status, &[200..=299]) != Outcome::Refused)
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
