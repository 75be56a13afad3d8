//! What `config/reference.yaml` says of each key, in the comment above it.
//!
//! A key is one wherever it could stand, in a comment too: most that have no default are in one.
//! Keys that follow one another have one comment for all.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::config::outline::join;

/// What is said of a key.
#[derive(Debug)]
pub(super) struct Told {
    /// The comment, in one line.
    pub(super) text: String,
    /// The default, where the comment says that it is the value that stands there.
    pub(super) default: Option<Value>,
}

/// What `reference` says of each of the keys that `known` has.
pub(super) fn comments(
    reference: &str,
    known: &BTreeMap<String, String>,
) -> BTreeMap<String, Told> {
    let mut told = BTreeMap::new();
    // The tables in which the line is: how far each key is indented, and its path.
    let mut tables: Vec<(usize, String)> = Vec::new();
    let mut comment = String::new();
    // What was said of the key before, and where that stands, for those that follow.
    let mut before: Option<(usize, String)> = None;
    for line in reference.lines() {
        let line = Line::of(line);
        if line.text.is_empty() {
            comment.clear();
            before = None;
            continue;
        }
        let within = tables.iter().rfind(|(indent, _)| *indent < line.indent);
        let within = within.map_or("", |(_, path)| path);
        let Some((path, value)) = line.key(within, known) else {
            if line.is_comment {
                comment.push_str(if comment.is_empty() { "" } else { " " });
                comment.push_str(line.text);
            }
            continue;
        };
        if comment.is_empty()
            && let Some((indent, text)) = &before
            && *indent == line.indent
        {
            comment.clone_from(text);
        }
        before = Some((line.indent, comment.clone()));
        if !comment.is_empty() {
            let text = std::mem::take(&mut comment);
            let default = default(&text, value);
            told.entry(path.clone()).or_insert(Told { text, default });
        }
        tables.retain(|(indent, _)| *indent < line.indent);
        tables.push((line.indent, path));
    }
    told
}

/// A line of YAML, with the sign of a comment and of an element taken for white space.
#[derive(Debug)]
struct Line<'a> {
    indent: usize,
    text: &'a str,
    is_comment: bool,
}

impl<'a> Line<'a> {
    fn of(line: &'a str) -> Self {
        let text = line.trim_start();
        let mut indent = line.len() - text.len();
        let (is_comment, mut text) = match text.strip_prefix('#') {
            Some(comment) => (true, comment.trim_start()),
            None => (false, text),
        };
        if let Some(element) = text.strip_prefix("- ") {
            (indent, text) = (indent + 2, element);
        }
        Self {
            indent,
            text,
            is_comment,
        }
    }

    /// The path of the key that it begins with, in the table at `within`, and the key's value.
    fn key(&self, within: &str, known: &BTreeMap<String, String>) -> Option<(String, &'a str)> {
        let (key, value) = self.text.split_once(':')?;
        let key = key.trim_matches('"');
        if !(value.is_empty() || value.starts_with(' ')) || key.contains(' ') {
            return None;
        }
        let own = [key, "*"].map(|key| join(within, key));
        let path = own.into_iter().find(|path| known.contains_key(path))?;
        Some((path, value.trim()))
    }
}

/// The value, if the comment says that it is the default.
fn default(comment: &str, value: &str) -> Option<Value> {
    let after = comment
        .split_once(&format!("Default {value}"))
        .map(|(_, rest)| rest)
        .filter(|_| !value.is_empty());
    let is_said =
        after.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', ',', ':', ';']));
    if is_said || comment.contains("Default as here") {
        serde_saphyr::from_str(value).ok()
    } else {
        None
    }
}
