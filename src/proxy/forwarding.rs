//! For whom a request comes, as the upstream is told.

use std::net::IpAddr;

use ipnet::IpNet;
use pingora::Result;
use pingora::http::RequestHeader;

use crate::forwarded::{FIELDS, is_disguised, told};

/// Puts what counts into the request, instead of what came.
pub(super) fn tell(request: &mut RequestHeader, peer: IpAddr, trusted: &[IpNet]) -> Result<()> {
    let all = told(peer, &request.headers, trusted);
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
