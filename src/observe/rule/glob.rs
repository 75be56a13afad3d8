//! Paths by their segments, for what is never to be observed.

use std::fmt;

use regex::bytes::{Regex, RegexBuilder};

use super::super::path;
use super::NotAPath;
use crate::limits::GLOBS_BYTES_MAX;

/// Paths by their segments. Shape: `/auth/**`.
///
/// A segment `**` is any number of segments, none included, so that `/auth/**` is also
/// `/auth`; a `*` is any characters of one segment, and alone one whole segment. Everything
/// else is itself, its ASCII letters in any case: many an upstream takes `/AUTH` for `/auth`.
/// Matched against the canonical path, so that no other spelling of a path gets round it.
#[derive(Clone, Debug)]
pub struct Glob {
    text: Box<str>,
    /// The same as a regular expression of bytes, but for the root.
    regex: String,
}

/// Paths that one of several globs takes. They are matched at once, in a time that does not grow with
/// their number.
#[derive(Clone, Debug, Default)]
pub struct Globs {
    all: Box<[Glob]>,
    /// None where there is no glob.
    regex: Option<Regex>,
}

impl Glob {
    /// Reads a glob. A slash at the end is dropped.
    ///
    /// # Errors
    /// [`NotAPath::Slash`], [`NotAPath::Star`] and [`NotAPath::Segment`].
    pub fn new(text: &str) -> Result<Self, NotAPath> {
        let path = text.strip_prefix('/').ok_or(NotAPath::Slash)?;
        let path = path.strip_suffix('/').unwrap_or(path);
        let regex = match path {
            "" => String::new(),
            path => path.split('/').map(step).collect::<Result<_, _>>()?,
        };
        Ok(Self {
            text: text.into(),
            regex,
        })
    }
}

impl Globs {
    /// Compiles globs.
    ///
    /// # Errors
    /// [`NotAPath::TooMany`].
    pub fn new(all: Vec<Glob>) -> Result<Self, NotAPath> {
        let each: Vec<_> = all.iter().map(|glob| &*glob.regex).collect();
        let regex = format!("^(?:{})$", each.join("|"));
        let regex = RegexBuilder::new(&regex)
            .unicode(false)
            .case_insensitive(true)
            .size_limit(GLOBS_BYTES_MAX)
            .build();
        Ok(Self {
            regex: (!all.is_empty())
                .then_some(regex)
                .transpose()
                .map_err(|_too_large| NotAPath::TooMany)?,
            all: all.into(),
        })
    }

    /// Whether one of them takes a canonical path.
    pub(in crate::observe) fn matches(&self, path: &str) -> bool {
        // The root has no segment.
        let path = path.strip_suffix('/').unwrap_or(path);
        let regex = self.regex.as_ref();
        regex.is_some_and(|regex| regex.is_match(path.as_bytes()))
    }
}

impl fmt::Display for Globs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all: Vec<_> = self.all.iter().map(|glob| &*glob.text).collect();
        f.write_str(&all.join(", "))
    }
}

impl fmt::Display for Glob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// A segment of a glob, with the slash before it, as a regular expression.
fn step(segment: &str) -> Result<String, NotAPath> {
    match segment {
        "**" => Ok("(?:/[^/]+)*".to_owned()),
        _ if segment.contains("**") => Err(NotAPath::Star),
        _ if !path::is_plain_segment(segment) => Err(NotAPath::Segment),
        "*" => Ok("/[^/]+".to_owned()),
        _ => {
            let pieces: Vec<_> = segment.split('*').map(regex::escape).collect();
            Ok(format!("/{}", pieces.join("[^/]*")))
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn only(glob: &str) -> Globs {
        Globs::new(vec![Glob::new(glob).unwrap()]).unwrap()
    }

    #[test]
    fn one_of_several_is_enough_and_none_takes_nothing() {
        let globs = ["/a", "/b/**", "/**/c"].map(|glob| Glob::new(glob).unwrap());
        let globs = Globs::new(globs.into()).unwrap();
        for (path, taken) in [
            ("/a", true),
            ("/B/x", true),
            ("/x/y/c", true),
            ("/a/x", false),
            ("/ab", false),
        ] {
            assert_eq!(globs.matches(path), taken, "{path}");
        }
        assert!(!Globs::default().matches("/"));
        assert!(!Globs::new(Vec::new()).unwrap().matches("/"));
    }

    #[test]
    fn as_many_as_nobody_writes_are_refused() {
        let globs = (0..60).map(|at| Glob::new(&format!("/{at}{}", "x".repeat(5000))).unwrap());
        assert_eq!(Globs::new(globs.collect()).err(), Some(NotAPath::TooMany));
    }

    #[test]
    fn a_glob_takes_the_paths_that_it_is_written_for() {
        for (glob, taken, left) in [
            ("/", &["/"][..], &["/a"][..]),
            (
                "/login",
                &["/login", "/Login", "/LOGIN"],
                &["/", "/login/1", "/a/login"],
            ),
            ("/login/", &["/login"], &["/login/1"]),
            (
                "/auth/**",
                &["/auth", "/auth/x", "/auth/x/y"],
                &["/", "/authors", "/a/auth"],
            ),
            ("/*", &["/a", "/a b"], &["/", "/a/b"]),
            ("/*/search", &["/a/search"], &["/search", "/a/b/search"]),
            ("/**", &["/", "/a", "/a/b"], &[]),
            (
                "/**/login/**",
                &["/login", "/a/login", "/a/b/login/c/d", "/login/login"],
                &["/", "/a/logins", "/a/log/in"],
            ),
            (
                "/a/**/b/**/c",
                &["/a/b/c", "/a/x/b/b/y/c"],
                &["/a/c", "/a/b", "/a/c/b"],
            ),
            ("/pass*", &["/pass", "/passWord", "/PASS"], &["/a/pass"]),
            ("/Pass*d", &["/password", "/PASSWORD"], &["/passe"]),
            ("/é*ü", &["/éaü", "/éü"], &["/Éaü", "/é"]),
            (
                "/*-token-*",
                &["/a-token-b", "/-token-", "/A-Token-B"],
                &["/-token", "/token-"],
            ),
            (
                "/a*b*c",
                &["/abc", "/a1b2c", "/abbc"],
                &["/ac", "/acb", "/ab/c"],
            ),
            ("/aa*aa", &["/aaaa", "/aabaa"], &["/aaa"]),
        ] {
            assert_eq!(Glob::new(glob).unwrap().to_string(), glob);
            let compiled = only(glob);
            for path in taken {
                assert!(compiled.matches(path), "{glob} on {path}");
            }
            for path in left {
                assert!(!compiled.matches(path), "{glob} on {path}");
            }
        }
    }

    #[test]
    fn what_is_no_glob_says_why() {
        for (text, fault) in [
            ("", NotAPath::Slash),
            ("auth/**", NotAPath::Slash),
            ("/auth**", NotAPath::Star),
            ("/a/***", NotAPath::Star),
            ("//a", NotAPath::Segment),
            ("/a/../b", NotAPath::Segment),
            ("/a%2fb", NotAPath::Segment),
            ("/a?b", NotAPath::Segment),
        ] {
            assert_eq!(Glob::new(text).err(), Some(fault), "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_glob_is_the_regex_that_it_stands_for(
            glob in "(/(\\*\\*|[ab]|[ab]?\\*[ab]?)){1,6}",
            path in "(/[abAB]{1,3}){1,7}",
        ) {
            let regex = glob.replace("/**", "D").replace('*', "[^/]*").replace('D', "(/[^/]+)*");
            let expected = regex::Regex::new(&format!("(?i)^{regex}$")).unwrap().is_match(&path);
            prop_assert_eq!(only(&glob).matches(&path), expected, "{} {}", glob, path);
        }
    }
}
