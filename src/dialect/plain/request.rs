//! Requests on a path of the operator's own to commands.

use std::sync::Arc;

use bytes::Bytes;
use http::header::{self, HeaderValue};
use http::{Method, Response};
use jiff::Timestamp;

use super::{Options, View};
use crate::access::{Access, Credential, Origin};
use crate::dialect::answer::{method_not_allowed, preflight, unreadable};
use crate::dialect::asked::asked;
use crate::dialect::presented::{credential, text};
use crate::dialect::{self, Command, Listen, Request};

/// Whether a request on the path is the stream's: what only reads, and the preflight of that.
/// Anything else is for whoever else has the path, which is the API.
#[must_use]
pub fn answers(request: &Request<'_>) -> bool {
    let reads = |method: &str| matches!(method, "GET" | "HEAD");
    match *request.method {
        Method::OPTIONS => {
            let asked = text(request.headers, header::ACCESS_CONTROL_REQUEST_METHOD);
            asked.is_some_and(reads)
        }
        ref method => reads(method.as_str()),
    }
}

/// What `request`, which the stream [`answers`], asks for.
#[must_use]
pub fn command(
    request: &Request<'_>,
    options: &Arc<Options>,
    access: &Access,
    now: Timestamp,
) -> Command {
    let is_open = options.scope.is_open();
    match *request.method {
        Method::GET | Method::HEAD => match listen(request, options, access, now) {
            Ok(mut listen) => {
                allow_anyone(&mut listen.head, is_open);
                if *request.method == Method::GET {
                    Command::Listen(listen)
                } else {
                    Command::Reply(listen.head.map(|()| Bytes::new()))
                }
            }
            Err(mut instead) => {
                match &mut *instead {
                    Command::ComeBack(head) => allow_anyone(head, is_open),
                    Command::Reply(reply) => allow_anyone(reply, is_open),
                    Command::Listen(_) | Command::Publish(_) => {}
                }
                *instead
            }
        },
        Method::OPTIONS => {
            let reader = reader(&credential(request), is_open);
            let mut reply = preflight(&reader, access, METHODS);
            allow_anyone(&mut reply, is_open);
            Command::Reply(reply)
        }
        _ => Command::Reply(method_not_allowed(METHODS, "expected GET to listen")),
    }
}

/// The stream to open, or what is to be done instead.
fn listen(
    request: &Request<'_>,
    options: &Arc<Options>,
    access: &Access,
    now: Timestamp,
) -> Result<Listen, Box<Command>> {
    let credential = credential(request);
    let shown = Credential {
        origin: reader(&credential, options.scope.is_open()),
        ..credential.clone()
    };
    let granted = access.grant_within(&options.scope, &credential, now);
    let asked = asked(request, granted, &shown, access)?;
    if asked.grant.has_filter() && !options.data.tells_records() {
        let why = "filter: no records are told here";
        return Err(Box::new(Command::Reply(unreadable(why, &shown, access))));
    }
    Ok(Listen {
        grant: asked.grant,
        since: asked.since,
        view: dialect::View::Plain(View {
            path: request.path.into(),
            fields: asked.fields,
        }),
        head: asked.head,
    })
}

/// Whose page may read the answer, as far as that is decided by its origin.
fn reader(credential: &Credential, is_open: bool) -> Origin {
    if is_open {
        Origin::Absent
    } else {
        credential.origin.clone()
    }
}

/// Lets a page of any origin read what anyone may. It goes with no credentials (Fetch standard,
/// "CORS protocol and credentials"), and none is needed.
fn allow_anyone<T>(response: &mut Response<T>, is_open: bool) {
    if is_open {
        let any = HeaderValue::from_static("*");
        let headers = response.headers_mut();
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, any);
    }
}

const METHODS: &str = "GET, HEAD, OPTIONS";
