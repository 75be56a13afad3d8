//! What a request for a stream asks for, whichever dialect it comes by.

use http::{Method, Response};

use super::answer::{refusal, stream_head, unreadable};
use super::presented::{Query, fields, narrow, since};
use super::{Command, Fields, Request};
use crate::access::{Access, Credential, Denied, Grant};
use crate::event::Since;

/// A stream that may be opened, and what its subscriber wants of it.
pub(super) struct Asked {
    pub(super) grant: Grant,
    pub(super) fields: Fields,
    pub(super) since: Since,
    pub(super) head: Response<()>,
}

/// What the request asks for of what was `granted`, or the answer that it gets instead. Its page
/// is that of `credential`.
pub(super) fn asked(
    request: &Request<'_>,
    granted: Result<Grant, Denied>,
    credential: &Credential,
    access: &Access,
) -> Result<Asked, Box<Command>> {
    let reply = |reply| Box::new(Command::Reply(reply));
    let refuse = |denied| reply(refusal(denied, credential, access));
    let head = stream_head(credential, access);
    let grant = match granted {
        Ok(grant) => grant,
        // Any status but that of a stream would close a browser's EventSource for good.
        Err(Denied::Unasked) if *request.method == Method::GET => {
            return Err(Box::new(Command::ComeBack(head)));
        }
        Err(denied) => return Err(refuse(denied)),
    };
    let query = Query(request.query);
    let narrow = narrow(query).map_err(|why| reply(unreadable(why, credential, access)))?;
    let fields = fields(query).map_err(|why| reply(unreadable(why, credential, access)))?;
    Ok(Asked {
        grant: grant.narrowed(narrow).map_err(refuse)?,
        fields,
        since: since(request.headers, query),
        head,
    })
}
