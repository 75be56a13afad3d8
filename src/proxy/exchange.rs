//! One request and its answer, as far as they are observed.

use std::sync::Arc;

use bytes::Bytes;
use http::StatusCode;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderValue, LOCATION, TRANSFER_ENCODING};
use pingora::http::{RequestHeader, ResponseHeader};
use serde_json::value::RawValue;

use super::budget::Share;
use super::capture::{Capture, body};
use crate::event::{Id, Json, Kind, Method};
use crate::log::{Intent, Unsettled};
use crate::observe::{Answer, Codings, Completion, Happened, Observed};

/// What is observed of an exchange.
#[derive(Debug)]
pub(crate) enum Exchange {
    /// A write on an observed route, whose outcome nobody was told yet.
    Observing(Box<Observing>),
    /// Nothing, or nothing any more.
    Passing,
}

/// An exchange that is to become events.
#[derive(Debug)]
pub(crate) struct Observing {
    observed: Observed,
    media: Option<Box<str>>,
    /// What the log knows of it.
    intent: Option<Intent>,
    /// The record as it was before its delete, if it was read.
    before: Option<Json>,
    reached: Reached,
    /// How the request's body is coded.
    codings: Codings,
    request: Capture,
    response: Capture,
    /// What they, and the record before a delete, have of what is kept of all exchanges.
    share: Share,
    /// Bytes of a body that are read at most, whatever it was coded into.
    body_bytes_max: usize,
}

/// What is known of a write beside its events.
#[derive(Clone, Copy, Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "four answers that do not depend on one another"
)]
pub(super) struct Facts {
    /// Whether the upstream may have seen the request.
    pub(super) sent: bool,
    /// The status of the answer, once its head was here.
    pub(super) status: Option<u16>,
    /// Whether there is no second opinion on what its path means.
    pub(super) exact: bool,
    /// Whether a body is longer than what is kept of one, or coded in a way that is not read.
    pub(super) unread: bool,
    /// Whether the end of the answer is that of its connection.
    pub(super) closed: bool,
}

/// How far the exchange has come.
#[derive(Debug)]
enum Reached {
    /// The answer's head is here.
    Answered(Head),
    /// The upstream has seen nothing of the request.
    Nobody,
    /// The request's head, at least, went to the upstream.
    Upstream,
}

/// What of an answer's head decides how its body is read.
#[derive(Debug)]
struct Head {
    status: u16,
    location: Option<Box<str>>,
    codings: Codings,
    end: End,
}

/// How the end of the body is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// By the end of the connection: a broken one looks the same.
    Closed,
    /// By its framing.
    Framed,
}

impl Exchange {
    /// Begins to observe; of each body so many bytes are kept at most, and read when it is decoded,
    /// and of all together what there is for `share`.
    pub(super) fn observe(
        observed: Observed,
        request: &RequestHeader,
        body_bytes_max: usize,
        share: Share,
    ) -> Self {
        let types = request.headers.get_all(CONTENT_TYPE).iter();
        Self::Observing(Box::new(Observing {
            observed,
            media: text(request.headers.get(CONTENT_TYPE)).map(Into::into),
            intent: None,
            before: None,
            reached: Reached::Nobody,
            // What says twice of which type it is the upstream may read as either.
            codings: match types.count() {
                0 | 1 => Codings::of(&request.headers),
                _ => Codings::Unknown,
            },
            request: Capture::new(body_bytes_max),
            response: Capture::new(body_bytes_max),
            share,
            body_bytes_max,
        }))
    }
}

impl Observing {
    /// What the log is to know before the request goes to the upstream.
    pub(super) fn unsettled(&self) -> Unsettled {
        Unsettled {
            method: self.observed.method(),
            collection: self.observed.collection().cloned(),
            id: self.observed.id().cloned(),
        }
    }

    /// The record that is to be read before it is deleted.
    pub(super) fn read_before(&self) -> Option<(&Arc<str>, &Id)> {
        self.observed.read_before()
    }

    /// The record was read before its delete. It is let go if there is no room for it.
    pub(super) fn see_before(&mut self, record: Option<Json>) {
        self.before = record.filter(|record| self.share.take(record.as_str().len()));
    }

    /// What the log knows of the write; it is for whoever tells the outcome.
    pub(super) fn take_intent(&mut self) -> Option<Intent> {
        self.intent.take()
    }

    /// What was taken for its bodies: they are in its events until the log has those.
    pub(super) fn take_share(&mut self) -> Share {
        self.share.split()
    }

    /// The request's head goes to the upstream, and the log knows.
    pub(super) fn see_sent(&mut self, intent: Option<Intent>) {
        self.intent = intent;
        if matches!(self.reached, Reached::Nobody) {
            self.reached = Reached::Upstream;
        }
    }

    /// A piece of the request's body passes.
    pub(super) fn see_request(&mut self, piece: &Bytes) {
        self.request.keep(piece, &mut self.share);
    }

    /// The head of the final answer passes, as the upstream sent it.
    pub(super) fn see_head(&mut self, response: &ResponseHeader) {
        let framed = response.headers.contains_key(CONTENT_LENGTH)
            || response.headers.contains_key(TRANSFER_ENCODING)
            || has_no_body(response);
        self.reached = Reached::Answered(Head {
            status: response.status.as_u16(),
            location: text(response.headers.get(LOCATION)).map(Into::into),
            codings: Codings::of(&response.headers),
            end: if framed { End::Framed } else { End::Closed },
        });
    }

    /// A piece of the answer's body passes.
    pub(super) fn see_response(&mut self, piece: &Bytes) {
        self.response.keep(piece, &mut self.share);
    }

    /// What is known of the write, whatever it amounts to.
    fn facts(&self) -> Facts {
        let (status, closed) = match &self.reached {
            Reached::Answered(head) => (Some(head.status), head.end == End::Closed),
            Reached::Nobody | Reached::Upstream => (None, false),
        };
        Facts {
            sent: !matches!(self.reached, Reached::Nobody),
            status,
            exact: self.observed.is_exact(),
            unread: false,
            closed,
        }
    }

    /// The answer came to its end: what it amounts to.
    pub(super) fn complete(self) -> (Vec<Happened>, Facts) {
        let mut facts = self.facts();
        let head = match self.reached {
            Reached::Answered(head) => head,
            Reached::Nobody | Reached::Upstream => return self.lost(),
        };
        // What is not told is not decoded either.
        if self.observed.is_refused(head.status) {
            return (Vec::new(), facts);
        }
        let request = self.request.into_whole();
        let response = self.response.into_whole();
        let text =
            |body: Option<Bytes>, codings: &Codings| codings.decoded(&body?, self.body_bytes_max);
        let request = text(request, &self.codings);
        let response = text(response, &head.codings);
        facts.unread = request.is_none() || response.is_none();
        if head.end == End::Closed && response.as_deref().is_some_and(is_no_json) {
            let status = Some(head.status);
            return (self.observed.events(Answer::Lost { status }), facts);
        }
        let mut all = self.observed.events(Answer::Complete {
            status: head.status,
            location: head.location.as_deref(),
            media: self.media.as_deref(),
            request: body(request.as_ref()),
            response: body(response.as_ref()),
        });
        if let (Some(before), [happened]) = (self.before, all.as_mut_slice())
            && let Kind::Write {
                method: Method::Delete,
                record: None,
                ..
            } = &happened.kind
        {
            happened.completion = Completion::Before(before);
        }
        (all, facts)
    }

    /// The answer did not come to its end: what is to be told of the write.
    pub(super) fn lost(self) -> (Vec<Happened>, Facts) {
        let facts = self.facts();
        let status = match self.reached {
            // The upstream cannot have written what it never saw.
            Reached::Nobody => return (Vec::new(), facts),
            Reached::Answered(head) => Some(head.status),
            Reached::Upstream => None,
        };
        (self.observed.events(Answer::Lost { status }), facts)
    }
}

fn text(value: Option<&HeaderValue>) -> Option<&str> {
    value?.to_str().ok()
}

/// Whether an answer has no body, so that its head is all of it.
pub(super) fn has_no_body(response: &ResponseHeader) -> bool {
    let bodiless = matches!(
        response.status,
        StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED
    );
    let length = response.headers.get(CONTENT_LENGTH);
    bodiless || length.is_some_and(|length| length == "0")
}

/// Whether the text of a body that may have been cut is no whole JSON.
fn is_no_json(text: &[u8]) -> bool {
    serde_json::from_slice::<&RawValue>(text).is_err()
}
