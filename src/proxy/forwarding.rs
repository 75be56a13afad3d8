//! For whom a request comes, as the upstream is told.

use ipnet::IpNet;
use pingora::Result;
use pingora::http::RequestHeader;

use crate::connection::Connection;
use crate::forwarded::{FIELDS, is_disguised};

/// Puts what counts into the request, instead of what came.
pub(super) fn tell(
    request: &mut RequestHeader,
    connection: &Connection,
    trusted: &[IpNet],
) -> Result<()> {
    let peer = connection.peer().ip();
    let all = (connection.stranger()).told(peer, &request.headers, trusted);
    for (name, told) in FIELDS.into_iter().zip(all) {
        match told {
            Some(told) => request.insert_header(name, told)?,
            None => drop(request.remove_header(&name)),
        }
    }
    let names = request.headers.keys();
    let disguised: Vec<_> = names
        .filter(|name| is_disguised(name.as_str()))
        .cloned()
        .collect();
    for name in disguised {
        drop(request.remove_header(&name));
    }
    Ok(())
}
