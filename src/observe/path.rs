//! A request's path in one canonical form, and whether it had another.
//!
//! An upstream, the proxies before it and this program may each read an odd path in their
//! own way: `/posts/a%2Fb` is a record to one and a sub-resource to another. So a path is
//! read once, into its [`Canonical`] form, and a raw path that leaves room for a second
//! opinion is not *exact*: what was written there is then never told as certain.
//!
//! | in the raw path | canonical | exact |
//! | --- | --- | --- |
//! | `%61`, `%20`, `%C3%A9` | decoded, once | yes |
//! | one `/` at the end | dropped | yes |
//! | `//`, `.`, `..`, also encoded | merged, resolved (RFC 3986 § 5.2.4) | no |
//! | `\`, `%2F`, `%5C` | a separator, and in a second reading a character | no |
//! | `;`, `%3B` | dropped to the end of its segment, a matrix parameter | no |
//! | control characters, also encoded | dropped | no |
//! | `%` that begins no escape, `%25` that leaves one | kept | no |
//! | bytes beyond ASCII, escapes of no UTF-8 | kept, replaced by U+FFFD | no |
//! | `?`, `#` | kept | no |

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

/// A path as rules and globs see it. Shape: `/posts/a b`; the root is `/`.
///
/// It begins with a slash, and has no empty segment, no dot segment and no control character.
#[derive(Debug)]
pub(super) struct Canonical<'a> {
    text: Cow<'a, str>,
    /// The path of an upstream that takes an encoded slash for a character; only where the
    /// raw path is not exact and the two differ.
    other: Option<String>,
    exact: bool,
}

impl<'a> Canonical<'a> {
    /// Reads a raw path, without its query. An exact one without escapes is borrowed.
    pub(super) fn of(raw: &'a str) -> Self {
        let exact = is_exact(raw);
        if exact && !raw.contains('%') {
            let text = raw.strip_suffix('/').filter(|text| !text.is_empty());
            return Self {
                text: Cow::Borrowed(text.unwrap_or(raw)),
                other: None,
                exact,
            };
        }
        let text = resolve(raw, split_at_any_slash);
        let other = (!exact).then(|| resolve(raw, split_at_plain_slashes));
        Self {
            other: other.filter(|other| *other != text),
            text: Cow::Owned(text),
            exact,
        }
    }

    /// Whether there is no second opinion on what the raw path means.
    pub(super) fn is_exact(&self) -> bool {
        self.exact
    }

    /// The canonical path, and after it the other reading of a path that is not exact.
    pub(super) fn readings(&self) -> impl Iterator<Item = &str> {
        std::iter::once(&*self.text).chain(self.other.as_deref())
    }

    /// The canonical path, unless there is a second opinion on it.
    pub(super) fn certain(&self) -> Option<&str> {
        self.exact.then_some(&*self.text)
    }
}

/// The segments of a canonical path; the root has none.
pub(super) fn segments(canonical: &str) -> impl Iterator<Item = &str> + Clone {
    canonical.split('/').filter(|segment| !segment.is_empty())
}

/// Whether a segment can stand in a canonical path of an exact one: what a template or a
/// glob may ask for. `%`, `?` and `#` can, but whoever writes them means something else.
pub(super) fn is_plain_segment(segment: &str) -> bool {
    !matches!(segment, "" | "." | "..")
        && !segment.contains(['%', '?', '#', ';', '\\'])
        && !segment.contains(char::is_control)
}

fn is_exact(raw: &str) -> bool {
    let Some(path) = raw.strip_prefix('/') else {
        return false;
    };
    let path = path.strip_suffix('/').unwrap_or(path);
    raw == "/" || path.split('/').all(is_exact_segment)
}

fn is_exact_segment(raw: &str) -> bool {
    let is_plain =
        |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~');
    if raw.bytes().all(is_plain) {
        return !matches!(raw, "" | "." | "..");
    }
    if !raw.is_ascii() || raw.contains(['?', '#']) || escapes(raw) != raw.matches('%').count() {
        return false;
    }
    let Ok(decoded) = percent_decode_str(raw).decode_utf8() else {
        return false;
    };
    !matches!(&*decoded, "" | "." | "..")
        && !decoded.contains(['/', '\\', ';'])
        && !decoded.contains(char::is_control)
        && escapes(&decoded) == 0
}

/// How many of the `%` begin an escape (RFC 3986 § 2.1).
fn escapes(text: &str) -> usize {
    let digit = |b: Option<&u8>| b.is_some_and(u8::is_ascii_hexdigit);
    text.split('%')
        .skip(1)
        .filter(|after| digit(after.as_bytes().first()) && digit(after.as_bytes().get(1)))
        .count()
}

/// The path of the segments that `split` finds in the raw one.
fn resolve(raw: &str, split: impl Fn(&str) -> Vec<String>) -> String {
    let mut path = String::with_capacity(raw.len());
    for segment in split(raw) {
        let plain = segment.split(';').next().unwrap_or_default();
        let plain = plain.replace(char::is_control, "");
        match &*plain {
            "" | "." => {}
            // RFC 3986 § 5.2.4: above the root is the root.
            ".." => path.truncate(path.rfind('/').unwrap_or(0)),
            plain => {
                path.push('/');
                path.push_str(plain);
            }
        }
    }
    if path.is_empty() {
        path.push('/');
    }
    path
}

fn split_at_any_slash(raw: &str) -> Vec<String> {
    let decoded = percent_decode_str(raw).decode_utf8_lossy();
    decoded.split(['/', '\\']).map(str::to_owned).collect()
}

fn split_at_plain_slashes(raw: &str) -> Vec<String> {
    raw.split('/')
        .map(|segment| percent_decode_str(segment).decode_utf8_lossy())
        .map(|segment| segment.replace('/', "%2F"))
        .collect()
}

#[cfg(test)]
mod tests {
    use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
    use proptest::prelude::*;

    use super::*;

    fn text(raw: &str) -> String {
        Canonical::of(raw).text.into_owned()
    }

    #[test]
    fn an_exact_path_has_one_reading() {
        for (raw, canonical) in [
            ("/", "/"),
            ("/posts", "/posts"),
            ("/posts/", "/posts"),
            ("/posts/a%20b", "/posts/a b"),
            ("/%70osts/1", "/posts/1"),
            ("/posts/%C3%A9", "/posts/é"),
            ("/posts/100%25", "/posts/100%"),
            ("/posts/a%3Fb%23", "/posts/a?b#"),
            ("/posts/..a/.b/c.", "/posts/..a/.b/c."),
            ("/posts/a:b@c,d=(1)", "/posts/a:b@c,d=(1)"),
        ] {
            let path = Canonical::of(raw);
            assert!(path.is_exact(), "{raw}");
            assert_eq!(path.readings().collect::<Vec<_>>(), [canonical], "{raw}");
        }
    }

    #[test]
    fn a_path_that_can_be_read_otherwise_is_not_exact() {
        for (raw, canonical) in [
            ("", "/"),
            ("*", "/*"),
            ("posts", "/posts"),
            ("//", "/"),
            ("//posts", "/posts"),
            ("/posts//1", "/posts/1"),
            ("/posts//", "/posts"),
            ("/./posts", "/posts"),
            ("/posts/.", "/posts"),
            ("/a/../posts/%2e%2E/users", "/users"),
            ("/../../posts", "/posts"),
            ("/posts/a%2Fb", "/posts/a/b"),
            ("/posts/a%5cb", "/posts/a/b"),
            (r"/posts\1", "/posts/1"),
            ("/posts%2f..%2fusers", "/users"),
            ("/posts;v=1/1", "/posts/1"),
            ("/posts/..;/users", "/users"),
            ("/posts%3Bv/1", "/posts/1"),
            ("/posts%00/1", "/posts/1"),
            ("/po\u{7f}sts/1", "/posts/1"),
            ("/posts/.%00.", "/"),
            ("/posts/%zz", "/posts/%zz"),
            ("/posts/1%", "/posts/1%"),
            ("/posts/%2531", "/posts/%31"),
            ("/posts/%ff", "/posts/\u{fffd}"),
            ("/posts/é", "/posts/é"),
            ("/posts?a", "/posts?a"),
            ("/posts#a", "/posts#a"),
        ] {
            let path = Canonical::of(raw);
            assert!(!path.is_exact(), "{raw}");
            assert_eq!(path.certain(), None, "{raw}");
            assert_eq!(path.text, canonical, "{raw}");
        }
    }

    #[test]
    fn an_encoded_slash_is_also_read_as_a_character() {
        let path = Canonical::of("/posts/a%2Fb");
        let readings: Vec<_> = path.readings().collect();
        assert_eq!(readings, ["/posts/a/b", "/posts/a%2Fb"]);
        let path = Canonical::of(r"/posts/a\b");
        let readings: Vec<_> = path.readings().collect();
        assert_eq!(readings, ["/posts/a/b", r"/posts/a\b"]);
    }

    #[test]
    fn a_plain_path_is_borrowed() {
        for raw in ["/", "/posts/1", "/posts/1/"] {
            assert!(matches!(Canonical::of(raw).text, Cow::Borrowed(_)), "{raw}");
        }
    }

    proptest! {
        #[test]
        fn a_canonical_path_stays_as_it_is(raw in "(/|\\.|%2[eEfF]|%5c|%25|;|\\\\|[a-c]|\\PC){0,24}") {
            let once = text(&raw);
            let encoded: Vec<_> = segments(&once)
                .map(|segment| utf8_percent_encode(segment, NON_ALPHANUMERIC).to_string())
                .collect();
            prop_assert_eq!(text(&format!("/{}", encoded.join("/"))), once);
        }

        #[test]
        fn any_text_has_a_canonical_path_without_odd_segments(raw: String) {
            let path = Canonical::of(&raw);
            for reading in path.readings() {
                prop_assert!(reading.starts_with('/'));
                prop_assert!(!reading.contains("//") && !reading.contains(char::is_control));
                prop_assert!(!segments(reading).any(|segment| matches!(segment, "." | "..")));
            }
        }
    }
}
