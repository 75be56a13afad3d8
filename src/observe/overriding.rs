//! Requests that say that they are another method than they are sent with.
//!
//! A page's form knows GET and POST alone, and some networks let nothing else pass. So frameworks
//! take a POST for what a field of its head, of its query or of its body names. Which of these an
//! upstream looks at is said by the configuration or by a preset; where nothing is said, the method is
//! what it is.
//!
//! | sent, and named | it is |
//! | --- | --- |
//! | POST, and DELETE | a DELETE |
//! | POST, and GET, HEAD or OPTIONS | no write |
//! | POST, and PUT in one place and PATCH in another | uncertain: either |
//! | POST, and no method that is known, or a body that cannot be read | uncertain: any that writes |
//! | POST, and GET, answered 201 | uncertain: somebody made something of it |
//! | GET, and DELETE | a GET: frameworks look at a POST alone |
//!
//! Who hears one method of a collection alone must not miss it, so what may be several is told as
//! uncertain of each.

use http::HeaderMap;
use http::header::{CONNECTION, HeaderName};

use super::form;
use super::json::{self, Content};
use super::{Answer, Body, Happened, Observe, Observed, Target};
use crate::event::Method;

/// Where a POST may say what method it is: `observe.method_override`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MethodOverride {
    /// Fields of its head.
    pub headers: Box<[HeaderName]>,
    /// A parameter of its query.
    pub query: Option<Box<str>>,
    /// A field of its body: of a form, or of an object in JSON.
    pub body: Option<Box<str>>,
}

/// A request that may be several methods: which, its body tells, or nothing does.
#[derive(Clone, Debug)]
pub struct Overridden {
    /// What it is about as each of the methods that it may be; those that are not observed left out.
    targets: Vec<Target>,
    /// The field of its body that names more; none: nothing does.
    field: Option<Box<str>>,
    /// What its head names already.
    named: Named,
}

/// Methods that a request names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Named {
    /// Those that write, each once.
    writes: Vec<Method>,
    /// Whether one was named that only reads.
    reads: bool,
    /// Whether something was named that is no method of these.
    other: bool,
}

/// What a POST is, by what it names.
enum Is {
    /// One of these that the targets have.
    AnyOf(Vec<Method>),
    /// No write.
    Reading,
    /// This.
    The(Method),
}

impl MethodOverride {
    /// Whether no request says anything.
    #[must_use]
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }

    /// What the head of a request names.
    fn named(&self, query: &str, headers: &HeaderMap) -> Named {
        let mut named = Named::default();
        for (name, value) in headers.iter().filter(|_| !self.headers.is_empty()) {
            let alike = |own: &&HeaderName| {
                own.as_str().len() == name.as_str().len()
                    && own.as_str().replace('_', "-") == name.as_str().replace('_', "-")
            };
            let Some(own) = self.headers.iter().find(alike) else {
                continue;
            };
            // Some tell the two signs apart, and others see the field behind CGI's names.
            named.other |= own != name || is_for_this_connection(name, headers);
            // Of several in a list some take the first.
            match value.to_str() {
                Ok(list) => list.split(',').for_each(|name| named.add(name)),
                Err(_) => named.other = true,
            }
        }
        if let Some(parameter) = &self.query {
            named.add_form(query.as_bytes(), parameter);
        }
        named
    }
}

/// Whether a field does not reach the upstream (RFC 9110 § 7.6.1): who decides there does not see it.
fn is_for_this_connection(name: &HeaderName, headers: &HeaderMap) -> bool {
    let lists = headers.get_all(CONNECTION).iter();
    let mut names = lists.flat_map(|list| list.as_bytes().split(|byte| *byte == b','));
    names.any(|own| {
        own.trim_ascii()
            .eq_ignore_ascii_case(name.as_str().as_bytes())
    })
}

impl Observe {
    /// How a request is observed that may say that it is another method in one of these places.
    pub(super) fn overridden(
        &self,
        by: &MethodOverride,
        method: &str,
        target: (&str, &str),
        headers: &HeaderMap,
    ) -> Option<Observed> {
        let (path, query) = target;
        if Method::of(method) != Some(Method::Post) {
            return self.plain(method, path, query);
        }
        let named = by.named(query, headers);
        let field = by.body.clone();
        let methods = match named.is() {
            // Its body holds requests of their own.
            _ if field.is_some() && named == Named::default() => {
                if let Some(batch) = self.batch(method, path) {
                    return Some(batch);
                }
                WRITES.to_vec()
            }
            _ if field.is_some() => WRITES.to_vec(),
            Is::The(method) => return self.plain(method.as_str(), path, query),
            Is::Reading => vec![Method::Post],
            Is::AnyOf(methods) => methods,
        };
        let targets = self.targets(&methods, path, query);
        (!targets.is_empty()).then(|| {
            Observed::Overridden(Box::new(Overridden {
                targets,
                field,
                named,
            }))
        })
    }

    fn targets(&self, methods: &[Method], path: &str, query: &str) -> Vec<Target> {
        let target = |method: &Method| Some(self.target(method.as_str(), path)?.asked(query));
        methods.iter().filter_map(target).collect()
    }
}

impl Overridden {
    /// What it is about, where it is one thing whatever it is.
    pub(super) fn target(&self) -> Option<&Target> {
        match self.targets.as_slice() {
            [only] => Some(only),
            _ => None,
        }
    }

    pub(super) fn is_refused(&self, status: u16) -> bool {
        self.targets.iter().all(|target| target.is_refused(status))
    }

    /// The events that the exchange amounts to.
    pub(super) fn events(&self, mut answer: Answer<'_>) -> Vec<Happened> {
        let mut named = self.named.clone();
        let mut made = false;
        match (&self.field, &mut answer) {
            (Some(_), Answer::Lost { .. }) => named.other = true,
            (None, Answer::Lost { .. }) => {}
            (
                field,
                Answer::Complete {
                    status,
                    request,
                    media,
                    ..
                },
            ) => {
                made = *status == 201;
                if let Some(field) = field {
                    named.add_body(*request, *media, field);
                }
                if named != self.named {
                    // Who says such a thing in a body sends more in it than a record.
                    *request = Body::Unknown;
                }
            }
        }
        let own = self.targets.iter();
        match named.is() {
            // Nobody answers so who has read: the upstream took it for the POST that it is.
            Is::Reading if made => own
                .filter(|target| target.method == Method::Post)
                .flat_map(|target| target.in_doubt().events(answer))
                .collect(),
            Is::Reading => Vec::new(),
            Is::The(method) => own
                .filter(|target| target.method == method)
                .flat_map(|target| target.events(answer))
                .collect(),
            Is::AnyOf(methods) => own
                .filter(|target| methods.contains(&target.method))
                .flat_map(|target| target.in_doubt().events(answer))
                .collect(),
        }
    }
}

impl Named {
    fn add(&mut self, text: &str) {
        let name = text.trim().to_ascii_uppercase();
        match (Method::of(&name), &*name) {
            (Some(write), _) if self.writes.contains(&write) => {}
            (Some(write), _) => self.writes.push(write),
            (None, "GET" | "HEAD" | "OPTIONS") => self.reads = true,
            (None, _) => self.other = true,
        }
    }

    /// Adds what fields of that name say that are separated by `&`.
    fn add_form(&mut self, text: &[u8], field: &str) {
        for (name, value) in form::urlencoded(text) {
            if form::is_mistaken_for(&name, field) {
                self.add_field(&name, &value, field);
            }
        }
    }

    /// Adds what a field says that some take for that one.
    fn add_field(&mut self, name: &str, value: &str, field: &str) {
        self.other |= name != field;
        self.add(value);
    }

    /// Adds what a body names in its field of that name.
    fn add_body(&mut self, body: Body<'_>, media: Option<&str>, field: &str) {
        let Body::Whole(bytes) = body else {
            self.other = true;
            return;
        };
        let form = media.filter(|media| form::is_form(media));
        if let Some(media) = form.filter(|media| !form::is_urlencoded(media)) {
            let alike = |name: &str| form::is_mistaken_for(name, field);
            match form::multipart(bytes, media, alike) {
                None => self.other = true,
                Some(parts) => parts.iter().for_each(|(name, part)| {
                    self.add_field(name, &String::from_utf8_lossy(part), field);
                }),
            }
            return;
        }
        let before = self.clone();
        let as_json = self.add_json(Content::of(body), field);
        // What comes as a form may be read as JSON all the same, and what does not say what it is
        // as either.
        if form.is_some() || media.is_none() {
            let mut as_form = before;
            as_form.add_form(bytes, field);
            match as_json {
                true if as_form != *self => self.other = true,
                true => {}
                false => *self = as_form,
            }
        }
    }

    /// Adds what a member of that name says; whether the body is JSON, or may be.
    fn add_json(&mut self, content: Content<'_>, field: &str) -> bool {
        match content {
            Content::Doubtful => self.other = true,
            Content::Empty | Content::Unreadable => return false,
            Content::Json(json) => {
                let members = json::members(json).unwrap_or_default();
                for member in members.iter().filter(|member| member.is(field)) {
                    self.add(&json::string(member.value).unwrap_or_default());
                }
            }
        }
        true
    }

    /// What a POST is that names these.
    fn is(&self) -> Is {
        match (self.writes.as_slice(), self.reads, self.other) {
            ([], false, false) => Is::The(Method::Post),
            ([], true, false) => Is::Reading,
            ([only], false, false) => Is::The(*only),
            (several, _, false) => Is::AnyOf(several.to_vec()),
            (_, _, true) => Is::AnyOf(WRITES.to_vec()),
        }
    }
}

const WRITES: [Method; 4] = [Method::Delete, Method::Patch, Method::Post, Method::Put];

#[cfg(test)]
mod tests;
