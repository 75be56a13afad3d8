//! The cookies of a request (RFC 6265 § 4.2), as far as they are a credential.

/// The cookies of these names as one `Cookie` field, in the order in which they came; none where
/// there is none of them. One that is told twice stays so: the API decides what that means.
pub(super) fn named(cookies: &str, names: &[Box<str>]) -> Option<String> {
    let wanted = pairs(cookies).filter(|(name, _)| names.iter().any(|own| **own == **name));
    let wanted: Vec<_> = wanted
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    (!wanted.is_empty()).then(|| wanted.join("; "))
}

/// The value of the cookie of that name; an empty one, which is nobody's, where it is told twice.
pub(super) fn value<'a>(cookies: &'a str, name: &str) -> Option<&'a str> {
    let mut values = pairs(cookies).filter(|(own, _)| *own == name);
    match (values.next(), values.next()) {
        (Some((_, value)), None) => Some(value),
        (Some(_), Some(_)) => Some(""),
        (None, _) => None,
    }
}

/// Names and values; what is empty says nothing.
fn pairs(cookies: &str) -> impl Iterator<Item = (&str, &str)> {
    let pairs = cookies.split(';').filter_map(|pair| pair.split_once('='));
    let pairs = pairs.map(|(name, value)| (name.trim(), value.trim()));
    pairs.filter(|(_, value)| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_named_cookies_alone_are_taken() {
        let names = ["sid".into(), "csrf".into()];
        for (cookies, expected) in [
            ("sid=1", Some("sid=1")),
            ("a=b; sid=1;csrf=x=y; c=d", Some("sid=1; csrf=x=y")),
            ("csrf=2; sid=1", Some("csrf=2; sid=1")),
            ("sid=1; sid=2", Some("sid=1; sid=2")),
            ("sid= \"q\" ", Some("sid=\"q\"")),
            ("SID=1; sid; sid=; xsid=1; sid =", None),
            ("", None),
            (";;==;", None),
        ] {
            assert_eq!(named(cookies, &names).as_deref(), expected, "{cookies}");
        }
        assert_eq!(named("sid=1", &[]), None);
    }

    #[test]
    fn a_cookie_that_is_told_twice_is_nobodys() {
        for (cookies, expected) in [
            ("a=1; token=x.y.z", Some("x.y.z")),
            ("token=x; token=y", Some("")),
            ("token=", None),
            ("Token=x", None),
        ] {
            assert_eq!(value(cookies, "token"), expected, "{cookies}");
        }
    }
}
