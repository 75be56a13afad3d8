//! Paths by their segments, for what is never to be observed.

use std::fmt;

use super::super::path;
use super::NotAPath;

/// Paths by their segments. Shape: `/auth/**`.
///
/// A segment `**` is any number of segments, none included, so that `/auth/**` is also
/// `/auth`; a `*` is any characters of one segment, and alone one whole segment. Everything
/// else is itself, its ASCII letters in any case: many an upstream takes `/AUTH` for `/auth`.
/// Matched against the canonical path, so that no other spelling of a path gets round it.
#[derive(Clone, Debug)]
pub struct Glob {
    text: Box<str>,
    steps: Box<[Step]>,
}

#[derive(Clone, Debug)]
enum Step {
    /// `**`.
    Any,
    /// One segment, in which `*` is any characters.
    One(Box<str>),
}

impl Glob {
    /// Reads a glob. A slash at the end is dropped.
    ///
    /// # Errors
    /// [`NotAPath::Slash`], [`NotAPath::Star`] and [`NotAPath::Segment`].
    pub fn new(text: &str) -> Result<Self, NotAPath> {
        let path = text.strip_prefix('/').ok_or(NotAPath::Slash)?;
        let path = path.strip_suffix('/').unwrap_or(path);
        let steps = match path {
            "" => Box::default(),
            path => path.split('/').map(step).collect::<Result<_, _>>()?,
        };
        Ok(Self {
            text: text.into(),
            steps,
        })
    }

    /// Whether a canonical path is one of the glob's.
    ///
    /// Takes at most segments times steps: only the last `**` is ever taken back.
    pub(in crate::observe) fn matches(&self, path: &str) -> bool {
        let mut steps = &*self.steps;
        let mut left = path::segments(path);
        let mut last_any = None;
        loop {
            let mut after = left.clone();
            match (steps.split_first(), after.next()) {
                (None, None) => return true,
                (Some((Step::Any, rest)), _) => {
                    steps = rest;
                    last_any = Some((rest, left.clone()));
                    continue;
                }
                (Some((Step::One(wild), rest)), Some(segment)) if is_like(wild, segment) => {
                    steps = rest;
                    left = after;
                    continue;
                }
                _ => {}
            }
            // What follows the last `**` does not fit here: it takes one segment more.
            let Some((rest, from)) = &mut last_any else {
                return false;
            };
            if from.next().is_none() {
                return false;
            }
            steps = rest;
            left = from.clone();
        }
    }
}

impl fmt::Display for Glob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

fn step(segment: &str) -> Result<Step, NotAPath> {
    match segment {
        "**" => Ok(Step::Any),
        _ if segment.contains("**") => Err(NotAPath::Star),
        _ if !path::is_plain_segment(segment) => Err(NotAPath::Segment),
        _ => Ok(Step::One(segment.into())),
    }
}

/// Whether `segment` is `wild` with something in the place of each `*`, in any case.
fn is_like(wild: &str, segment: &str) -> bool {
    let Some((head, wild)) = wild.split_once('*') else {
        return wild.eq_ignore_ascii_case(segment);
    };
    let (middle, tail) = wild.rsplit_once('*').unwrap_or(("", wild));
    let segment = segment.as_bytes();
    let Some(inner_len) = segment.len().checked_sub(head.len() + tail.len()) else {
        return false;
    };
    let (start, rest) = segment.split_at(head.len());
    let (mut inner, end) = rest.split_at(inner_len);
    if !start.eq_ignore_ascii_case(head.as_bytes()) || !end.eq_ignore_ascii_case(tail.as_bytes()) {
        return false;
    }
    for piece in middle.split('*').filter(|piece| !piece.is_empty()) {
        let mut windows = inner.windows(piece.len());
        let Some(at) = windows.position(|found| found.eq_ignore_ascii_case(piece.as_bytes()))
        else {
            return false;
        };
        (_, inner) = inner.split_at(at + piece.len());
    }
    true
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

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
            let compiled = Glob::new(glob).unwrap();
            assert_eq!(compiled.to_string(), glob);
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
            prop_assert_eq!(Glob::new(&glob).unwrap().matches(&path), expected, "{} {}", glob, path);
        }
    }
}
