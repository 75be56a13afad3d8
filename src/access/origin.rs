//! Which pages may come, and with what.
//!
//! A credential that a page has to know can be used from where the configuration lets pages
//! come from. One that a browser adds by itself is used by pages that do not know it: without
//! this check any site could listen and publish as whoever visits it. So it needs a page of this
//! very site, or an origin that the configuration names; `*` names none.
//!
//! | what the credential is | to hear | to publish |
//! | --- | --- | --- |
//! | a key, a token, in a field or in the query | any origin that is allowed | the same |
//! | `Authorization` that browsers add | this site, one that is named, or no page | the same |
//! | a cookie | this site, one that is named, or no page | this site, or one that is named |

/// Exact origins (RFC 6454 § 6.2). Shape of one: `https://app.example`; `*` alone means any.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origins(Box<[Box<str>]>);

/// Where the page behind a request came from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub enum Origin {
    /// No page that a browser tells of: a program, or an old browser's page of its own site.
    #[default]
    Absent,
    /// Another site's page, by its origin.
    Cross(Box<str>),
    /// A page of another site, by a request for which browsers name no origin, as for an image.
    Hidden,
    /// A page that this sidecar's own host served.
    Same,
}

/// How a credential came: whether whoever sent it has to have known it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Means {
    /// As `Authorization` of a scheme that browsers use by themselves, once they know a password.
    Browser,
    /// As a cookie.
    Cookie,
    /// Said by the page or the program itself.
    Said,
}

/// What a credential is used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Act {
    Hear,
    Publish,
}

impl Origins {
    /// These origins and no others. The caller has checked their shape.
    #[must_use]
    pub fn new(origins: Vec<Box<str>>) -> Self {
        Self(origins.into())
    }

    /// Whether a page of `origin` may come with what it knows. A request without one is no page
    /// of another site.
    #[must_use]
    pub fn allow(&self, origin: &Origin) -> bool {
        self.name(origin)
            || self.iter().any(|own| own == "*")
            || !matches!(origin, Origin::Cross(_))
    }

    /// Whether `origin` is one of these, by its own name.
    #[must_use]
    pub fn name(&self, origin: &Origin) -> bool {
        match origin {
            Origin::Cross(origin) => **origin != *"*" && self.iter().any(|own| *own == **origin),
            Origin::Absent | Origin::Hidden | Origin::Same => false,
        }
    }

    /// Whether a page of `origin` may come with a credential that came by these `means`.
    pub(super) fn admit(&self, origin: &Origin, means: Means, act: Act) -> bool {
        match (means, act, origin) {
            (Means::Said, _, _) => self.allow(origin),
            (_, _, Origin::Same) => true,
            // Forms and images come without an origin from some browsers: what a cookie can do
            // by itself has to be harmless.
            (Means::Cookie, Act::Publish, Origin::Absent) => false,
            (_, _, Origin::Absent) => true,
            (_, _, Origin::Cross(_)) => self.name(origin),
            (_, _, Origin::Hidden) => false,
        }
    }

    /// The origins as they are written.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|origin| &**origin)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cross(origin: &str) -> Origin {
        Origin::Cross(origin.into())
    }

    #[test]
    fn what_browsers_add_needs_an_origin_that_is_named() {
        let origins = Origins::new(vec!["*".into(), "https://app".into()]);
        let none = Origins::default();
        let (both, hear) = ((true, true), (true, false));
        let refused = (false, false);
        for (origins, origin, said, browser, cookie) in [
            (&origins, Origin::Same, both, both, both),
            (&origins, Origin::Absent, both, both, hear),
            (&origins, Origin::Hidden, both, refused, refused),
            (&origins, cross("https://app"), both, both, both),
            (&origins, cross("https://evil"), both, refused, refused),
            (&origins, cross("null"), both, refused, refused),
            (&origins, cross("*"), both, refused, refused),
            (&none, Origin::Same, both, both, both),
            (&none, cross("https://app"), refused, refused, refused),
        ] {
            let means = [Means::Said, Means::Browser, Means::Cookie];
            let may = means.map(|means| {
                let may = |act| origins.admit(&origin, means, act);
                (may(Act::Hear), may(Act::Publish))
            });
            assert_eq!(may, [said, browser, cookie], "{origin:?}");
        }
    }
}
