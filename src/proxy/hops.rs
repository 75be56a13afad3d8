//! What an answer says of the connection to the upstream, and not of the one to the client.

use http::header::{CONNECTION, CONTENT_LENGTH, HeaderName, TRANSFER_ENCODING};
use http::{StatusCode, Version};
use pingora::http::ResponseHeader;

/// Fields that concern one connection, whether `Connection` names them or not.
const ALWAYS: [HeaderName; 2] = [
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
];

/// Makes an answer the sidecar's own in what concerns the connection alone: its version, and the
/// fields that `Connection` names (RFC 9110 § 2.5 and § 7.6.1). pingora does so for requests only.
///
/// An answer that opens a tunnel stays as it is: there these fields are what was agreed on.
pub(super) fn leave_behind(response: &mut ResponseHeader) {
    if response.status == StatusCode::SWITCHING_PROTOCOLS {
        return;
    }
    response.set_version(Version::HTTP_11);
    let concerns = |name: &HeaderName| *name == CONNECTION || ALWAYS.contains(name);
    // To look for each of them by its name would cost more.
    if !response.headers.keys().any(concerns) {
        return;
    }
    for name in named(response).iter().chain(&ALWAYS) {
        response.remove_header(name);
    }
    // An answer on the way to the final one is not given another by pingora.
    response.remove_header(&CONNECTION);
}

/// The fields that `Connection` names. Not those which say where the body ends: they are needed. What
/// it says most is no field, or one of [`ALWAYS`].
fn named(response: &ResponseHeader) -> Vec<HeaderName> {
    let values = response.headers.get_all(CONNECTION).iter();
    values
        .flat_map(|value| value.as_bytes().split(|byte| *byte == b','))
        .map(<[u8]>::trim_ascii)
        .filter(|name| !name.eq_ignore_ascii_case(b"close"))
        .filter(|name| !name.eq_ignore_ascii_case(b"keep-alive"))
        .filter_map(|name| HeaderName::from_bytes(name).ok())
        .filter(|name| *name != CONTENT_LENGTH && *name != TRANSFER_ENCODING)
        .collect()
}
