//! Requests on a path of the operator's own to commands.

use std::fmt::Display;
use std::sync::Arc;

use bytes::Bytes;
use http::header::{self, HeaderValue};
use http::{Method, Response};
use jiff::Timestamp;

use super::{Options, View};
use crate::access::{Access, Credential, Origin};
use crate::dialect::answer::{method_not_allowed, preflight, refusal, stream_head, unreadable};
use crate::dialect::presented::{Query, credential, fields, narrow, since, text};
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
    let mut reply = match *request.method {
        Method::GET | Method::HEAD => match listen(request, options, access, now) {
            Ok(mut listen) if *request.method == Method::GET => {
                allow_anyone(&mut listen.head, is_open);
                return Command::Listen(listen);
            }
            Ok(listen) => listen.head.map(|()| Bytes::new()),
            Err(refused) => *refused,
        },
        Method::OPTIONS => preflight(&reader(&credential(request), is_open), access, METHODS),
        _ => method_not_allowed(METHODS, "expected GET to listen"),
    };
    allow_anyone(&mut reply, is_open);
    Command::Reply(reply)
}

/// The stream to open, or the answer that refuses it.
fn listen(
    request: &Request<'_>,
    options: &Arc<Options>,
    access: &Access,
    now: Timestamp,
) -> Result<Listen, Box<Response<Bytes>>> {
    let query = Query(request.query);
    let credential = credential(request);
    let shown = Credential {
        origin: reader(&credential, options.scope.is_open()),
        ..credential.clone()
    };
    let refuse = |denied| Box::new(refusal(denied, &shown, access));
    let unreadable = |error: &dyn Display| Box::new(unreadable(error, &shown, access));
    let grant = access
        .grant_within(&options.scope, &credential, now)
        .map_err(refuse)?;
    let narrow = narrow(query).map_err(|error| unreadable(&error))?;
    let fields = fields(query).map_err(|error| unreadable(&error))?;
    let grant = grant.narrowed(narrow).map_err(refuse)?;
    if grant.has_filter() && !options.data.tells_records() {
        return Err(unreadable(&"filter: no records are told here"));
    }
    Ok(Listen {
        grant,
        since: since(request.headers, query),
        view: dialect::View::Plain(View {
            path: request.path.into(),
            fields,
        }),
        head: stream_head(&shown),
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
