//! A finished exchange and the operator's rules to events.
//!
//! ```text
//! method, path ── Observe::target ──► Target ── Target::events(Answer) ──► [Kind]
//!                  rules, ignore        │ kept while the upstream works
//!                  collections          └ none: the request is not observed
//! ```
//!
//! What a write amounts to is either known whole or said to be uncertain, never guessed:
//!
//! | the upstream | the events |
//! | --- | --- |
//! | succeeded, and every record is known | [`Kind::Write`], one or several |
//! | refused | none |
//! | succeeded, and not every record is known | one [`Kind::Uncertain`] |
//! | failed (5xx), only promised (202), answered in parts (207), was lost | one [`Kind::Uncertain`] |
//!
//! A path that can be read in two ways is matched in its canonical form, and its success is
//! uncertain. So is that of `/POSTS/1` where the rule says that its upstream reads paths in any
//! case: it is one of `posts`, and whoever hears that collection is told. Everything that differs
//! from backend to backend is in a [`rule::Rule`].
//!
//! Pure: no clock, no I/O. It does not know who hears of an event, or whether anyone does.

pub mod preset;
pub mod rule;

mod extract;
pub(crate) mod json;
mod path;
mod record;

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::event::{Id, Json, Kind, Method};
use extract::Success;
use json::Content;
use path::Canonical;
use rule::{Case, Glob, Outcome, Place, Pointer, Rule};

/// The `observe:` section of the configuration, compiled.
#[derive(Clone, Debug, Default)]
pub struct Observe {
    /// What is observed and how it is read; the first whose path and method match decides.
    pub rules: Vec<Arc<Rule>>,
    /// Paths that are never observed, whatever the rules say, in any spelling and any case.
    pub ignore: Vec<Glob>,
    /// The only collections that are observed; none: all that the rules find. In any case, where
    /// the rule's path is.
    pub collections: Option<BTreeSet<Box<str>>>,
    /// What is taken out of each record, as seen from the record.
    ///
    /// Every member of that name goes. An array on the way is entered, with or without an
    /// index, and each of its elements loses what the rest of the pointer names. The ids
    /// that an event tells are not touched.
    pub redact: Arc<[Pointer]>,
    /// Bytes of records that are remembered for deletes: `remember`, 16 MiB by default, in
    /// [`crate::limits::REMEMBER`].
    pub remember_bytes: usize,
}

/// A request that is to be observed: what it will have been about if it succeeds.
#[derive(Clone, Debug)]
pub struct Target {
    method: Method,
    collection: Arc<str>,
    /// The id in the path; none where there is none, and where the path is not exact.
    id: Option<Id>,
    /// Whether there is no second opinion on what the path means.
    exact: bool,
    rule: Arc<Rule>,
    redact: Arc<[Pointer]>,
}

/// How an observed exchange ended.
#[derive(Clone, Copy, Debug)]
pub enum Answer<'a> {
    /// The upstream answered to the end.
    Complete {
        /// The final status.
        status: u16,
        /// The answer's `Location`, where it has one that is text.
        location: Option<&'a str>,
        /// The request's body.
        request: Body<'a>,
        /// The answer's body.
        response: Body<'a>,
    },
    /// The request went to the upstream, and its answer did not come to its end; with the
    /// status, where the head had come.
    Lost {
        /// The status of the answer's head, if that came.
        status: Option<u16>,
    },
}

/// A body as it was kept.
#[derive(Clone, Copy, Debug)]
pub enum Body<'a> {
    /// Longer than the cap, or coded in a way that is not read.
    Unknown,
    /// All of it; empty where there was none.
    Whole(&'a [u8]),
}

// === impl Observe ===

impl Observe {
    /// What a request of `method` on `path` (raw, without its query) would be about; none if
    /// it is not observed.
    ///
    /// Runs for every request and allocates nothing for one that only reads.
    #[must_use]
    pub fn target(&self, method: &str, path: &str) -> Option<Target> {
        let method = Method::of(method)?;
        let path = Canonical::of(path);
        let ignored = |path| self.ignore.iter().any(|glob| glob.matches(path));
        if path.readings().any(ignored) {
            return None;
        }
        let (rule, place) = path
            .readings()
            .find_map(|reading| self.find(method, reading))?;
        let exact = path.is_exact() && place.exact;
        // `*` in the place of an id is a selection, as in RestDB's `DELETE /company/*?q={}`.
        let id = place.id.filter(|id| exact && *id != "*");
        Some(Target {
            method,
            collection: place.collection.into(),
            id: id.and_then(Id::new),
            exact,
            rule: Arc::clone(rule),
            redact: Arc::clone(&self.redact),
        })
    }

    /// The first rule for the request, unless it finds a collection that is not allowed.
    fn find<'p>(&self, method: Method, path: &'p str) -> Option<(&Arc<Rule>, Place<'p>)> {
        let (rule, place) = self
            .rules
            .iter()
            .filter(|rule| rule.methods.contains(&method))
            .find_map(|rule| Some((rule, rule.path.find(path)?)))?;
        let found = &*place.collection;
        let allowed = |names: &BTreeSet<Box<str>>| match rule.path.case() {
            Case::Any => names.iter().any(|name| name.eq_ignore_ascii_case(found)),
            Case::Exact => names.contains(found),
        };
        let observed = self.collections.as_ref().is_none_or(allowed);
        observed.then_some((rule, place))
    }
}

// === impl Target ===

impl Target {
    /// The request's method.
    #[must_use]
    pub fn method(&self) -> Method {
        self.method
    }

    /// The collection that the path names.
    #[must_use]
    pub fn collection(&self) -> &str {
        &self.collection
    }

    /// The record that the path names; none where it names none, or not without a doubt.
    #[must_use]
    pub fn id(&self) -> Option<&Id> {
        self.id.as_ref()
    }

    /// Whether there is no second opinion on what the path means: if not, a success is uncertain.
    #[must_use]
    pub fn is_exact(&self) -> bool {
        self.exact
    }

    /// The events that the exchange amounts to: none if the upstream refused the write, or
    /// says that no record changed.
    #[must_use]
    pub fn events(&self, answer: Answer<'_>) -> Vec<Kind> {
        match answer {
            Answer::Complete {
                status,
                location,
                request,
                response,
            } => match (self.rule.outcome(status), response) {
                (Outcome::Refused, _) => Vec::new(),
                (Outcome::Succeeded, Body::Whole(_)) if self.exact => {
                    let success = Success {
                        target: self,
                        location,
                        request,
                        answer: Content::of(response),
                    };
                    success.events()
                }
                (Outcome::Succeeded | Outcome::Unknown, _) => vec![self.uncertain(self.id.clone())],
            },
            Answer::Lost { status } => match status.map(|status| self.rule.outcome(status)) {
                Some(Outcome::Refused) => Vec::new(),
                Some(Outcome::Succeeded | Outcome::Unknown) | None => {
                    vec![self.uncertain(self.id.clone())]
                }
            },
        }
    }

    fn uncertain(&self, id: Option<Id>) -> Kind {
        Kind::Uncertain {
            method: self.method,
            collection: Arc::clone(&self.collection),
            id,
        }
    }

    fn write(&self, ids: Vec<Id>, record: Option<Json>) -> Kind {
        Kind::Write {
            method: self.method,
            collection: Arc::clone(&self.collection),
            ids,
            record,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::ops::RangeInclusive;

    use proptest::prelude::*;

    use super::*;
    use rule::PathPattern;

    const WRITES: [Method; 4] = [Method::Delete, Method::Patch, Method::Post, Method::Put];

    fn rule(path: PathPattern, methods: &[Method], success: RangeInclusive<u16>) -> Arc<Rule> {
        Arc::new(Rule {
            path,
            id: ["/id".parse().unwrap()].into(),
            record: Pointer::default(),
            methods: methods.into(),
            success: [success].into(),
        })
    }

    fn template(text: &str, methods: &[Method]) -> Arc<Rule> {
        rule(PathPattern::template(text).unwrap(), methods, 200..=299)
    }

    fn observe() -> Observe {
        Observe {
            rules: vec![template("/{collection}/{id?}", &WRITES)],
            ..Observe::default()
        }
    }

    fn place(observe: &Observe, method: &str, path: &str) -> Option<(String, Option<String>)> {
        let target = observe.target(method, path)?;
        assert_eq!(target.method().as_str(), method);
        let id = target.id().map(|id| id.as_str().to_owned());
        Some((target.collection().to_owned(), id))
    }

    fn complete(status: u16, response: &[u8]) -> Answer<'_> {
        Answer::Complete {
            status,
            location: None,
            request: Body::Whole(b""),
            response: Body::Whole(response),
        }
    }

    fn uncertain(collection: &str, id: Option<&str>) -> Vec<Kind> {
        vec![Kind::Uncertain {
            method: Method::Put,
            collection: collection.into(),
            id: id.and_then(Id::new),
        }]
    }

    #[test]
    fn only_methods_that_write_are_observed() {
        for (method, observed) in [
            ("POST", true),
            ("PUT", true),
            ("PATCH", true),
            ("DELETE", true),
            ("GET", false),
            ("HEAD", false),
            ("OPTIONS", false),
            ("post", false),
            ("", false),
        ] {
            let target = observe().target(method, "/posts/1");
            assert_eq!(target.is_some(), observed, "{method}");
        }
    }

    #[test]
    fn the_first_rule_of_that_path_and_method_decides() {
        let mut observe = observe();
        observe
            .rules
            .insert(0, template("/{id}/{collection}", &[Method::Put]));
        assert_eq!(
            place(&observe, "PUT", "/a/b"),
            Some(("b".into(), Some("a".into())))
        );
        assert_eq!(
            place(&observe, "POST", "/a/b"),
            Some(("a".into(), Some("b".into())))
        );
        assert_eq!(place(&observe, "PUT", "/a"), Some(("a".into(), None)));
        assert_eq!(place(&observe, "PUT", "/a/b/c"), None);
    }

    #[test]
    fn what_is_ignored_is_so_in_every_spelling() {
        let mut observe = observe();
        observe.ignore = vec![Glob::new("/auth/**").unwrap()];
        for path in [
            "/auth",
            "/auth/login",
            "/auth/",
            "//auth//login",
            "/%61uth/login",
            "/x/../auth/login",
            "/auth;v=1/login",
            "/auth%2Flogin",
            "/auth/a%2Fb",
            r"\auth\login",
            "/auth%00/login",
            "/AUTH/login",
            "/Auth",
            "/%41uth;v=1/LOGIN",
        ] {
            assert!(observe.target("POST", path).is_none(), "{path}");
        }
        assert!(observe.target("POST", "/authors/1").is_some());
    }

    #[test]
    fn only_the_collections_that_are_allowed_are_observed() {
        let mut observe = observe();
        observe.collections = Some(["posts".into()].into());
        assert!(observe.target("POST", "/posts").is_some());
        assert!(observe.target("POST", "/%70osts").is_some());
        assert!(observe.target("POST", "/users").is_none());
        // One of its two readings is of a collection that is allowed.
        let nested = template("/{parent}/{parent_id}/{collection}", &WRITES);
        observe.rules.insert(0, nested);
        assert!(observe.target("POST", "/posts/1/users").is_none());
        assert!(observe.target("POST", "/posts/1%2Fusers").is_some());
        observe.collections = Some(BTreeSet::new());
        assert!(observe.target("POST", "/posts").is_none());
    }

    #[test]
    fn in_any_case_another_spelling_is_uncertain_in_the_collection_in_lower_case() {
        let path = PathPattern::template("/{collection}/{id?}").unwrap();
        let path = path.with_case(Case::Any).unwrap();
        let mut observe = observe();
        observe.rules = vec![rule(path, &WRITES, 200..=299)];
        for allowed in [None, Some("posts"), Some("Posts")] {
            observe.collections = allowed.map(|name| [name.into()].into());
            for path in ["/POSTS/7", "/Posts/7", "/%50osts/7", "//POSTS/7", "/POSTS"] {
                let target = observe.target("PUT", path).unwrap();
                let answer = complete(200, br#"{"id":7}"#);
                assert_eq!(target.events(answer), uncertain("posts", None), "{path}");
                assert_eq!(target.events(complete(500, b"")), uncertain("posts", None));
                assert_eq!(target.events(complete(404, b"")), [], "{path}");
            }
            let known = Some(("posts".into(), Some("A".into())));
            assert_eq!(place(&observe, "PUT", "/posts/A"), known);
            assert!(observe.target("PUT", "/posts/A").unwrap().is_exact());
        }
        observe.collections = Some(["users".into()].into());
        assert!(observe.target("PUT", "/POSTS/7").is_none());
    }

    #[test]
    fn an_id_is_decoded_and_a_star_is_none() {
        for (path, id) in [
            ("/posts/a%20b", Some("a b")),
            ("/posts/7/", Some("7")),
            ("/posts/*", None),
            ("/posts/a%2Fb", None),
            ("//posts/7", None),
        ] {
            let target = observe().target("PUT", path).unwrap();
            assert_eq!(target.collection(), "posts", "{path}");
            assert_eq!(target.id().map(Id::as_str), id, "{path}");
        }
    }

    #[test]
    fn a_path_with_two_readings_is_uncertain_and_never_a_write() {
        for path in [
            "//posts/7",
            "/posts/a%2Fb",
            "/x/../posts/7",
            "/posts;a/7",
            "/posts/7%00",
        ] {
            let target = observe().target("PUT", path).unwrap();
            let answer = complete(200, br#"{"id":7,"secret":"x"}"#);
            assert_eq!(target.events(answer), uncertain("posts", None), "{path}");
            assert_eq!(target.events(complete(404, b"")), [], "{path}");
        }
    }

    #[test]
    fn a_write_that_was_refused_tells_nothing_and_a_failed_one_that_it_may_have_happened() {
        let target = observe().target("PUT", "/posts/7").unwrap();
        for status in [301, 304, 400, 401, 403, 404, 409, 412, 422, 429] {
            assert_eq!(target.events(complete(status, b"{}")), [], "{status}");
            let lost = Answer::Lost {
                status: Some(status),
            };
            assert_eq!(target.events(lost), [], "{status}");
        }
        for status in [202, 207, 500, 502, 503, 504] {
            let events = target.events(complete(status, br#"{"id":7}"#));
            assert_eq!(events, uncertain("posts", Some("7")), "{status}");
        }
        for status in [None, Some(200), Some(202), Some(204), Some(500)] {
            let events = target.events(Answer::Lost { status });
            assert_eq!(events, uncertain("posts", Some("7")), "{status:?}");
        }
    }

    #[test]
    fn an_answer_that_was_not_kept_is_uncertain() {
        let answer = Answer::Complete {
            status: 200,
            location: None,
            request: Body::Whole(b""),
            response: Body::Unknown,
        };
        let target = observe().target("PUT", "/posts/7").unwrap();
        assert_eq!(target.events(answer), uncertain("posts", Some("7")));
    }

    #[test]
    fn an_id_that_a_regex_finds_empty_is_no_match() {
        let regex = PathPattern::regex("/(?<collection>[^/]*)/x(?<id>[^/]*)").unwrap();
        let mut observe = observe();
        observe.rules = vec![rule(regex, &WRITES, 200..=200)];
        assert_eq!(
            place(&observe, "PUT", "/a/x7"),
            Some(("a".into(), Some("7".into())))
        );
        assert_eq!(place(&observe, "PUT", "/a/x"), None);
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(
            path in "(/?(posts|%2f|%|\\.\\.|;|\\PC){0,3}){0,4}",
            method in prop::sample::select(vec!["POST", "PUT", "PATCH", "DELETE"]),
            location in prop::option::of("(https?:)?(//)?\\PC{0,8}(/posts/[a-z%]{0,4})?"),
            request in body(),
            response in body(),
        ) {
            let mut observe = observe();
            observe.redact = ["/a/id".parse().unwrap(), "/b".parse().unwrap()].into();
            for path in [&*path, "/posts", "/posts/7"] {
                let Some(target) = observe.target(method, path) else { continue };
                let _events = target.events(Answer::Complete {
                    status: 200,
                    location: location.as_deref(),
                    request: Body::Whole(&request),
                    response: Body::Whole(&response),
                });
            }
        }
    }

    fn body() -> impl Strategy<Value = Vec<u8>> {
        let json = "([\\[{]|\"id\":|\"a\":|\"b\":|1|null|\"x\"|,|[\\]}]|\\\\|\\PC){0,16}";
        let whole = "\\{(\"(id|a|b)\":(1|null|\"x\"|\\[(\\{\"id\":1\\})?\\]),){0,3}\"c\":1\\}";
        prop_oneof![
            prop::collection::vec(any::<u8>(), 0..32),
            json.prop_map(String::into_bytes),
            whole.prop_map(String::into_bytes),
            (0..100_000_usize).prop_map(|depth| b"[".repeat(depth)),
        ]
    }
}
