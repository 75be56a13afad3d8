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

/// The fields of such a body: their names and what they hold.
pub(super) fn urlencoded(body: &[u8]) -> form_urlencoded::Parse<'_> {
    form_urlencoded::parse(body)
}

/// Whether some take a field of that name for another: PHP has `_` for some signs, and nothing of
/// what is behind a `[` or a NUL.
pub(super) fn is_mistaken_for(own: &str, other: &str) -> bool {
    let own = own.trim_start();
    let end = own
        .char_indices()
        .skip(1)
        .find(|(_, c)| matches!(c, '[' | '\0'));
    let own = end.and_then(|(at, _)| own.get(..at)).unwrap_or(own);
    own.replace(['.', ' ', '['], "_") == other.replace(['.', ' ', '['], "_")
}

/// The parts whose names are wanted: their names and what they hold. None of a body that another
/// reader may take for something else, or that is no such form.
pub(super) fn multipart(
    body: &[u8],
    media: &str,
    is_wanted: impl Fn(&str) -> bool,
) -> Option<Vec<(String, Bytes)>> {
    // RFC 2231 § 4 would let it say another boundary besides.
    let boundary = multer::parse_boundary(media).ok();
    let boundary = boundary.filter(|_| !media.contains('*'))?;
    let whole = Bytes::copy_from_slice(body);
    let pieces = stream::once(future::ready(Ok::<_, std::convert::Infallible>(whole)));
    let mut form = Multipart::new(pieces, boundary);
    // All of it is here: nothing is ever waited for.
    let parts = async {
        let mut found = Vec::new();
        let mut count = 0;
        while let Some(field) = form.next_field().await.ok()? {
            is_plain(&field).then_some(())?;
            count += 1;
            let name = field.name()?.to_owned();
            if is_wanted(&name) {
                found.push((name, field.bytes().await.ok()?));
            }
        }
        // Of a field that a part has twice only the last is seen above.
        let name = CONTENT_DISPOSITION.as_str().as_bytes();
        let is_name = |at: &&[u8]| at.eq_ignore_ascii_case(name);
        let said = body.windows(name.len()).filter(is_name).count();
        (said == count).then_some(found)
    };
    parts.now_or_never()?
}

/// Whether a part of a form says in one way only what it is called (RFC 2231 § 4) and what is in it
/// (RFC 2045 § 6).
fn is_plain(part: &Field<'_>) -> bool {
    let named = part.headers().get(CONTENT_DISPOSITION);
    let is_named = named.is_some_and(|named| {
        let named = String::from_utf8_lossy(named.as_bytes()).to_ascii_lowercase();
        let names = named.matches("name=").count() - named.matches("filename=").count();
        names == 1 && !named.contains('*')
    });
    is_named && !part.headers().contains_key("content-transfer-encoding")
}

const URLENCODED: &str = "application/x-www-form-urlencoded";

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(disposition: &str) -> Option<Vec<String>> {
        let body = format!("--x\r\nContent-Disposition: {disposition}\r\n\r\nb\r\n--x--\r\n");
        let found = multipart(body.as_bytes(), "multipart/form-data; boundary=x", |_| true)?;
        Some(found.into_iter().map(|(name, _)| name).collect())
    }

    #[test]
    fn a_part_that_has_one_name_has_it_and_any_other_is_not_read() {
        for (disposition, name) in [
            ("form-data; name=\"a\"", Some("a")),
            ("form-data; name=a; filename=\"b.txt\"", Some("a")),
            ("form-data; name=\"a\"; filename=\"ä.png\"", Some("a")),
            ("form-data; filename=\"b.txt\"; Name=\"a\"", None),
            ("form-data; name=\"a\"; name=\"b\"", None),
            ("form-data; name=\"a\"; filename*=utf-8''b", None),
            ("form-data; name*=utf-8''a", None),
            ("form-data; filename=\"a\"", None),
            ("form-data; name = a", None),
            ("form-data", None),
            (
                "form-data; name=\"a\"\r\nContent-Disposition: form-data; name=\"b\"",
                None,
            ),
            (
                "form-data; name=\"a\"\r\nContent-Transfer-Encoding: base64",
                None,
            ),
        ] {
            let expected = name.map(|name| vec![name.to_owned()]);
            assert_eq!(parts(disposition), expected, "{disposition}");
        }
    }

    #[test]
    fn some_names_are_mistaken_for_others() {
        for (own, mistaken) in [
            ("_method", true),
            (".method", true),
            (" _method", true),
            ("[method", true),
            ("_method[]", true),
            ("_method[a]", true),
            ("_method\0x", true),
            ("method", false),
            ("_methods", false),
            ("a[_method]", false),
            ("", false),
        ] {
            assert_eq!(is_mistaken_for(own, "_method"), mistaken, "{own}");
        }
    }
}
