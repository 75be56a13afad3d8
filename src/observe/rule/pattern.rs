//! Which paths a rule is for, and where the collection and the id stand in them.

use std::borrow::Cow;
use std::fmt;

use percent_encoding::utf8_percent_encode;
use regex::{Regex, RegexBuilder};

use super::super::path;
use super::read::ENCODED;
use super::{NotAPath, Pointer, Read};

/// Which paths, and where the collection and the id stand in them.
///
/// Matched against the canonical path: decoded, without dot segments, doubled slashes and a
/// slash at its end. Printed as it is written in the configuration.
#[derive(Clone, Debug)]
pub struct PathPattern {
    text: Box<str>,
    form: Form,
    /// For an upstream of [`Case::Any`]: what takes a path that is all in lower case.
    lower: Option<Form>,
}

/// How a rule's upstream reads the letters of its paths: `case: any | exact`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Case {
    /// `/POSTS/1` is `/posts/1`, as in Express: a record is named by a path that is spelt as
    /// the rule has it, its collection in lower case. Any other spelling is not exact, and is
    /// of the collection in lower case.
    Any,
    /// Each spelling is a path of its own.
    Exact,
}

/// What a path was found to be about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::observe) struct Place<'p> {
    /// The collection's name, never empty.
    pub(in crate::observe) collection: Cow<'p, str>,
    /// The record's id, never empty; none where the path names none, and where it is not exact.
    pub(in crate::observe) id: Option<&'p str>,
    /// Whether the path is spelt so that the upstream can mean nothing else by it.
    pub(in crate::observe) exact: bool,
}

#[derive(Clone, Debug)]
enum Form {
    /// Anchored at both ends.
    Regex(Regex),
    /// One for each segment of the path.
    Template(Box<[Part]>),
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    /// `{name}`: any one segment.
    Any,
    /// `{collection}`.
    Collection,
    /// `{id}`.
    Id,
    /// A segment as it is written.
    Literal(Box<str>),
    /// `{id?}`, only at the end.
    OptionalId,
}

impl PathPattern {
    /// Segments between slashes. Shape: `/api/v1/{collection}/{id?}`.
    ///
    /// `{collection}` is needed, and where it stands more than once the name is all that stand
    /// there with a slash between; `{id}` takes one segment, a last `{id?}` one or none; any other
    /// `{name}` takes one segment of which nothing is kept. A slash at the end is dropped.
    ///
    /// # Errors
    /// [`NotAPath`]: what is wrong with it.
    pub fn template(text: &str) -> Result<Self, NotAPath> {
        let path = text.strip_prefix('/').ok_or(NotAPath::Slash)?;
        let path = path.strip_suffix('/').unwrap_or(path);
        let parts = path
            .split('/')
            .map(part)
            .collect::<Result<Box<[_]>, NotAPath>>()?;
        let count = |wanted: &[Part]| parts.iter().filter(|part| wanted.contains(part)).count();
        let (_, before_last) = parts.split_last().ok_or(NotAPath::Collection)?;
        if before_last.contains(&Part::OptionalId) {
            return Err(NotAPath::Optional);
        }
        if count(&[Part::Id, Part::OptionalId]) > 1 {
            return Err(NotAPath::Repeated);
        }
        if count(&[Part::Collection]) == 0 {
            return Err(NotAPath::Collection);
        }
        Ok(Self {
            text: text.into(),
            form: Form::Template(parts),
            lower: None,
        })
    }

    /// A regular expression over the whole path, with a group named `collection` and perhaps
    /// one named `id`. Shape: `/odata/(?<collection>\w+)\((?<id>\d+)\)`.
    ///
    /// It is anchored at both ends, whether it says so or not.
    ///
    /// # Errors
    /// [`NotAPath::Regex`] and [`NotAPath::Collection`].
    pub fn regex(text: &str) -> Result<Self, NotAPath> {
        // On its own first: `a)|(b` is none, but would be one, unanchored, within a group.
        let regex = Regex::new(text)
            .and_then(|_| Regex::new(&format!("^(?:{text})$")))
            .map_err(|fault| NotAPath::Regex {
                problem: problem(&fault),
            })?;
        if !regex
            .capture_names()
            .flatten()
            .any(|name| name == "collection")
        {
            return Err(NotAPath::Collection);
        }
        Ok(Self {
            text: format!("regex:{text}").into(),
            form: Form::Regex(regex),
            lower: None,
        })
    }

    /// The pattern for an upstream that reads its paths so; one that was made just now is [`Case::Exact`].
    ///
    /// # Errors
    /// [`NotAPath::Regex`]: in any case, the expression is too large.
    pub fn with_case(mut self, case: Case) -> Result<Self, NotAPath> {
        self.lower = match case {
            Case::Any => Some(self.form.lower()?),
            Case::Exact => None,
        };
        Ok(self)
    }

    /// How the upstream reads its paths.
    #[must_use]
    pub fn case(&self) -> Case {
        match self.lower {
            Some(_) => Case::Any,
            None => Case::Exact,
        }
    }

    /// How a record is read whose path is one of these; none where that cannot be told.
    #[must_use]
    pub fn read(&self) -> Option<Read> {
        let Form::Template(parts) = &self.form else {
            return None;
        };
        let segment = |part: &Part| match part {
            Part::Any => None,
            Part::Collection => Some("{collection}".to_owned()),
            Part::Id | Part::OptionalId => Some("{id}".to_owned()),
            Part::Literal(literal) => Some(utf8_percent_encode(literal, ENCODED).to_string()),
        };
        let segments: Vec<_> = parts.iter().map(segment).collect::<Option<_>>()?;
        let slash = if self.text.ends_with('/') { "/" } else { "" };
        let record = format!("/{}{slash}", segments.join("/")).parse().ok()?;
        Some(Read {
            record,
            list: None,
            items: Pointer::default(),
            expand: None,
        })
    }

    /// What a path is about as it is spelt, whichever way the upstream reads it.
    pub(in crate::observe) fn find_spelt<'p>(&self, path: &'p str) -> Option<Place<'p>> {
        self.form.find(path)
    }

    /// What a canonical path is about; none if the pattern is not for it.
    pub(in crate::observe) fn find<'p>(&self, path: &'p str) -> Option<Place<'p>> {
        let Some(lower) = &self.lower else {
            return self.form.find(path);
        };
        let is_lower =
            |place: &Place<'_>| !place.collection.contains(|c: char| c.is_ascii_uppercase());
        if let Some(place) = self.form.find(path).filter(is_lower) {
            return Some(place);
        }
        let path = path.to_ascii_lowercase();
        let place = lower.find(&path)?;
        Some(Place {
            collection: Cow::Owned(place.collection.into_owned()),
            id: None,
            exact: false,
        })
    }
}

impl Form {
    fn find<'p>(&self, path: &'p str) -> Option<Place<'p>> {
        match self {
            Self::Regex(regex) => find_by_regex(regex, path),
            Self::Template(parts) => find_by_parts(parts, path),
        }
    }

    /// What takes the lower case of every path that this takes.
    fn lower(&self) -> Result<Self, NotAPath> {
        match self {
            Self::Regex(regex) => RegexBuilder::new(regex.as_str())
                .case_insensitive(true)
                .build()
                .map(Self::Regex)
                .map_err(|fault| NotAPath::Regex {
                    problem: problem(&fault),
                }),
            Self::Template(parts) => {
                let lower = |part: &Part| match part {
                    Part::Literal(literal) => Part::Literal(literal.to_ascii_lowercase().into()),
                    Part::Any | Part::Collection | Part::Id | Part::OptionalId => part.clone(),
                };
                Ok(Self::Template(parts.iter().map(lower).collect()))
            }
        }
    }
}

impl fmt::Display for PathPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

fn part(segment: &str) -> Result<Part, NotAPath> {
    let Some(name) = segment.strip_prefix('{').and_then(|s| s.strip_suffix('}')) else {
        return literal(segment);
    };
    match name {
        "collection" => Ok(Part::Collection),
        "id" => Ok(Part::Id),
        "id?" => Ok(Part::OptionalId),
        _ if name.ends_with('?') => Err(NotAPath::Optional),
        _ if !is_name(name) => Err(NotAPath::Braces),
        _ => Ok(Part::Any),
    }
}

fn literal(segment: &str) -> Result<Part, NotAPath> {
    if segment.contains(['{', '}']) {
        return Err(NotAPath::Braces);
    }
    if segment.contains('*') {
        return Err(NotAPath::Star);
    }
    if !path::is_plain_segment(segment) {
        return Err(NotAPath::Segment);
    }
    Ok(Part::Literal(segment.into()))
}

fn is_name(name: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-');
    !name.is_empty() && name.bytes().all(allowed)
}

/// The last line of the compiler's message, which says what is wrong; those before it draw where.
fn problem(fault: &regex::Error) -> Box<str> {
    let text = fault.to_string();
    let last = text.lines().next_back().unwrap_or_default().trim();
    last.strip_prefix("error: ").unwrap_or(last).into()
}

fn find_by_parts<'p>(parts: &[Part], path: &'p str) -> Option<Place<'p>> {
    let mut segments = path::segments(path);
    let mut collection: Option<Cow<'p, str>> = None;
    let mut id = None;
    for part in parts {
        match (part, segments.next()) {
            (Part::Literal(literal), Some(segment)) if **literal == *segment => {}
            (Part::Any, Some(_)) | (Part::OptionalId, None) => {}
            (Part::Collection, Some(segment)) => {
                collection = Some(match collection {
                    None => Cow::Borrowed(segment),
                    Some(above) => Cow::Owned(format!("{above}/{segment}")),
                });
            }
            (Part::Id | Part::OptionalId, Some(segment)) => id = Some(segment),
            _ => return None,
        }
    }
    if segments.next().is_some() {
        return None;
    }
    Some(Place {
        collection: collection?,
        id,
        exact: true,
    })
}

fn find_by_regex<'p>(regex: &Regex, path: &'p str) -> Option<Place<'p>> {
    let groups = regex.captures(path)?;
    let collection = groups.name("collection")?.as_str();
    let id = groups.name("id").map(|group| group.as_str());
    // An empty capture names nothing: the rule was not written for this path.
    let named = !collection.is_empty() && id.is_none_or(|id| !id.is_empty());
    named.then_some(Place {
        collection: Cow::Borrowed(collection),
        id,
        exact: true,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each path with what it is about, as `collection id`; `None` where it is no match.
    fn check(pattern: &PathPattern, expected: &[(&str, Option<&str>)]) {
        for &(path, about) in expected {
            let found = pattern.find(path).map(|place| {
                let id = place.id.unwrap_or("-");
                format!("{} {id}", place.collection)
            });
            assert_eq!(found.as_deref(), about, "{pattern} on {path}");
        }
    }

    #[test]
    fn a_template_takes_whole_paths_segment_by_segment() {
        let open = PathPattern::template("/api/{collection}/{id?}").unwrap();
        check(
            &open,
            &[
                ("/api/posts", Some("posts -")),
                ("/api/posts/1", Some("posts 1")),
                ("/api/posts/a b", Some("posts a b")),
                ("/api", None),
                ("/", None),
                ("/posts/1", None),
                ("/API/posts/1", None),
                ("/api/posts/1/comments", None),
            ],
        );
        let closed = PathPattern::template("/{collection}/records/{id}/").unwrap();
        check(
            &closed,
            &[
                ("/posts/records/1", Some("posts 1")),
                ("/posts/records", None),
            ],
        );
        let nested = PathPattern::template("/{parent}/{parent_id}/{collection}").unwrap();
        check(
            &nested,
            &[
                ("/posts/1/comments", Some("comments -")),
                ("/posts/1", None),
            ],
        );
        let twice = PathPattern::template("/b/{collection}/c/{collection}/{id?}").unwrap();
        check(
            &twice,
            &[
                ("/b/x/c/posts", Some("x/posts -")),
                ("/b/x/c/posts/1", Some("x/posts 1")),
                ("/b/x", None),
            ],
        );
    }

    #[test]
    fn a_regex_takes_whole_paths_whether_anchored_or_not() {
        for text in [
            r"/odata/(?<collection>\w+)(\((?<id>[^)]*)\))?",
            r"^/odata/(?P<collection>\w+)(?:\((?<id>[^)]*)\))?$",
        ] {
            let pattern = PathPattern::regex(text).unwrap();
            assert_eq!(pattern.to_string(), format!("regex:{text}"));
            check(
                &pattern,
                &[
                    ("/odata/Books", Some("Books -")),
                    ("/odata/Books(7)", Some("Books 7")),
                    ("/odata/Books()", None),
                    ("/x/odata/Books", None),
                    ("/odata/Books/7", None),
                ],
            );
        }
        let either = PathPattern::regex(r"/a/(?<collection>\w*)|/b").unwrap();
        check(&either, &[("/a/x", Some("x -")), ("/a/", None)]);
        check(&either, &[("/b", None), ("/b/a/x", None), ("/a/x/b", None)]);
    }

    #[test]
    fn in_any_case_only_the_usual_spelling_is_exact() {
        let template = PathPattern::template("/Api/{x}/{collection}/{id?}").unwrap();
        let regex = r"/Api/[a-z0-9]+/(?<collection>[^/]+)(/(?<id>.+))?";
        for pattern in [template, PathPattern::regex(regex).unwrap()] {
            assert_eq!(pattern.case(), Case::Exact);
            assert!(pattern.find("/API/1/posts").is_none(), "{pattern}");
            let printed = pattern.to_string();
            let pattern = pattern.with_case(Case::Any).unwrap();
            assert_eq!(pattern.case(), Case::Any);
            assert_eq!(pattern.to_string(), printed);
            for (path, about) in [
                ("/Api/1/posts", Some(("posts", None, true))),
                ("/Api/1/posts/A", Some(("posts", Some("A"), true))),
                ("/Api/1/POSTS/A", Some(("posts", None, false))),
                ("/Api/1/Posts", Some(("posts", None, false))),
                ("/api/1/posts/7", Some(("posts", None, false))),
                ("/API/1/Posts/7", Some(("posts", None, false))),
                ("/Api/1/É/7", Some(("É", Some("7"), true))),
                ("/b/1/posts/7", None),
            ] {
                let found = pattern.find(path);
                let found = found.as_ref().map(|at| (&*at.collection, at.id, at.exact));
                assert_eq!(found, about, "{pattern} on {path}");
            }
        }
    }

    #[test]
    fn what_is_no_template_says_why() {
        for (text, fault) in [
            ("", NotAPath::Slash),
            ("{collection}", NotAPath::Slash),
            ("/", NotAPath::Segment),
            ("/posts/{id}", NotAPath::Collection),
            ("/{collection}/{id}/{id?}", NotAPath::Repeated),
            ("/{id?}/{collection}", NotAPath::Optional),
            ("/{collection}/{key?}", NotAPath::Optional),
            ("/{collection?}", NotAPath::Optional),
            ("/{collection}/post-{id}", NotAPath::Braces),
            ("/{collection}/{}", NotAPath::Braces),
            ("/{collection}/{a b}", NotAPath::Braces),
            ("/{collection}/{id", NotAPath::Braces),
            ("/*/{collection}", NotAPath::Star),
            ("//{collection}", NotAPath::Segment),
            ("/../{collection}", NotAPath::Segment),
            ("/a%20b/{collection}", NotAPath::Segment),
            ("/{collection}/?a=b", NotAPath::Segment),
        ] {
            assert_eq!(PathPattern::template(text).err(), Some(fault), "{text}");
        }
    }

    #[test]
    fn what_is_no_regex_says_why_on_one_line() {
        assert_eq!(
            PathPattern::regex("/(?<id>.*)").err(),
            Some(NotAPath::Collection)
        );
        for text in [
            "/(?<collection>.*",
            "/a)|(?<collection>b",
            "/(?<collection>.{99999999})",
        ] {
            let fault = PathPattern::regex(text).unwrap_err().to_string();
            assert!(fault.starts_with("is no regular expression: "), "{fault}");
            assert!(!fault.contains('\n'), "{fault}");
        }
    }

    #[test]
    fn a_template_prints_as_it_is_written() {
        for text in ["/{collection}/{id?}", "/a/{x}/{collection}/"] {
            assert_eq!(PathPattern::template(text).unwrap().to_string(), text);
        }
    }
}
