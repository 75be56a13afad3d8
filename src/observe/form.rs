//! Forms, as a browser sends them: of a body, what its fields of one name hold.

use bytes::Bytes;
use futures_util::{FutureExt, future, stream};
use http::header::CONTENT_DISPOSITION;
use multer::{Field, Multipart};

/// The media type itself, without its parameters and in lower case. Shape: `application/json`.
pub(super) fn essence(media: &str) -> String {
    let essence = media.split(';').next().unwrap_or_default();
    essence.trim().to_ascii_lowercase()
}

/// Whether a body of that type is a form, and so nothing that can be told as a record.
pub(super) fn is_form(media: &str) -> bool {
    let essence = essence(media);
    essence == URLENCODED || essence.starts_with("multipart/")
}

/// Whether a body of that type is a form whose fields are separated by `&`.
pub(super) fn is_urlencoded(media: &str) -> bool {
    essence(media) == URLENCODED
}

/// What the fields of that name hold that such a body has.
pub(super) fn urlencoded<'a>(
    body: &'a [u8],
    name: &'a str,
) -> impl Iterator<Item = std::borrow::Cow<'a, str>> {
    let all = form_urlencoded::parse(body);
    all.filter(move |(own, _)| own == name)
        .map(|(_, value)| value)
}

/// What the parts of that name hold; none of a body that another reader may take for something else,
/// or that is no such form.
pub(super) fn multipart(body: &[u8], media: &str, name: &str) -> Option<Vec<Bytes>> {
    // RFC 2231 § 4 would let it say another boundary besides.
    let boundary = multer::parse_boundary(media).ok();
    let boundary = boundary.filter(|_| !media.contains('*'))?;
    let whole = Bytes::copy_from_slice(body);
    let pieces = stream::once(future::ready(Ok::<_, std::convert::Infallible>(whole)));
    let mut form = Multipart::new(pieces, boundary);
    // All of it is here: nothing is ever waited for.
    let parts = async {
        let mut found = Vec::new();
        while let Some(field) = form.next_field().await.ok()? {
            is_plain(&field).then_some(())?;
            if field.name() == Some(name) {
                found.push(field.bytes().await.ok()?);
            }
        }
        Some(found)
    };
    parts.now_or_never()?
}

/// Whether a part of a form says in one way only what it is called (RFC 2231 § 4) and what is in it
/// (RFC 2045 § 6).
fn is_plain(part: &Field<'_>) -> bool {
    let named = part.headers().get(CONTENT_DISPOSITION);
    let is_named = named.is_some_and(|named| !named.as_bytes().contains(&b'*'));
    is_named && !part.headers().contains_key("content-transfer-encoding")
}

const URLENCODED: &str = "application/x-www-form-urlencoded";
