//! `observe`: an operator's rules and a preset's, compiled in the order in which they count.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;
use std::sync::Arc;

use serde_saphyr::Spanned;

use super::{Lower, choose, one_of};
use crate::config::fault::Problem;
use crate::config::file::{self, Text, place};
use crate::config::source::Source;
use crate::config::unit;
use crate::event::Method;
use crate::limits;
use crate::observe::rule::{Case, Glob, PathPattern, Pointer, Rule};
use crate::observe::{Observe, preset};

/// The compiled section. Rules that the operator wrote come before those of the preset, so
/// that they can make an exception of a path.
pub(super) fn observe(file: &file::Observe, lower: &mut Lower<'_>) -> Observe {
    let mut found = Found::default();
    for rule in file.rules.as_deref().unwrap_or_default() {
        found.rule(rule, "", lower);
    }
    for glob in file.ignore.as_deref().unwrap_or_default() {
        found.ignore(glob, "", lower);
    }
    preset_rules(file, &mut found, lower);
    let redact = file.redact.as_deref().unwrap_or_default();
    let redact = lower.all(redact, |text| match text {
        "" => Err(Problem::Empty),
        text => Ok(text.parse()?),
    });
    let collections = file.collections.as_deref().map(|names| {
        let names = lower.all(names, |text| match text {
            "" => Err(Problem::Empty),
            name => Ok(name.into()),
        });
        BTreeSet::from_iter(names)
    });
    Observe {
        rules: found.rules,
        ignore: found.ignore,
        collections,
        redact: redact.into(),
        remember_bytes: lower.or(file.remember.as_ref(), REMEMBER_BYTES, |text| {
            unit::size(text, &limits::REMEMBER)
        }),
    }
}

/// Some ten thousand records of the usual size.
const REMEMBER_BYTES: usize = 16 * limits::MIB;

/// What was compiled so far.
#[derive(Default)]
struct Found {
    rules: Vec<Arc<Rule>>,
    ignore: Vec<Glob>,
}

impl Found {
    fn rule(&mut self, rule: &file::Rule, prefix: &str, lower: &mut Lower<'_>) {
        let case = rule.case.as_ref();
        let case = lower.or(case, Case::Exact, |text| choose(text, CASES));
        let path = lower.read(&rule.path, |text| {
            let path = match text.strip_prefix("regex:") {
                Some(regex) => PathPattern::regex(regex),
                None => PathPattern::template(&format!("{prefix}{text}")),
            };
            path?.with_case(case)
        });
        let id = match rule.id.as_deref() {
            None => vec![pointer("/id")],
            Some(pointers) => lower.all(pointers, str::parse),
        };
        let record = rule.record.as_ref();
        let record = lower.or(record, pointer(""), str::parse);
        let methods = match &rule.methods {
            None => METHODS.to_vec(),
            Some(methods) => some_of(methods, method, lower),
        };
        let success = match &rule.success {
            None => vec![200..=299],
            Some(statuses) => some_of(statuses, statuses_of, lower),
        };
        if let Some(path) = path {
            self.rules.push(Arc::new(Rule {
                path,
                id: id.into(),
                record,
                methods: methods.into(),
                success: success.into(),
            }));
        }
    }

    fn ignore(&mut self, glob: &Text, prefix: &str, lower: &mut Lower<'_>) {
        let glob = lower.read(glob, |text| Glob::new(&format!("{prefix}{text}")));
        self.ignore.extend(glob);
    }
}

/// Adds what the preset brings, if one is named, under the prefix.
fn preset_rules(file: &file::Observe, found: &mut Found, lower: &mut Lower<'_>) {
    let prefix = match (&file.prefix, &file.preset) {
        (Some(prefix), None) => {
            lower.refuse(prefix.place, Problem::PrefixAlone);
            return;
        }
        (Some(prefix), Some(_)) => lower.read(prefix, prefix_of),
        (None, _) => Some(String::new()),
    };
    let Some(named) = &file.preset else { return };
    let yaml = lower.read(named, |name| {
        preset::yaml(name).ok_or_else(|| Problem::Choice {
            known: one_of(preset::NAMES),
        })
    });
    let (Some(yaml), Some(prefix)) = (yaml, prefix) else {
        return;
    };
    let source = Source::new("preset", yaml);
    let preset: file::Preset = match source.parse() {
        Ok(preset) => preset,
        Err(fault) => {
            lower.errors.push(|| fault);
            return;
        }
    };
    let mut of_preset = Lower::new(&source, lower.env);
    for rule in &preset.rules {
        found.rule(rule, &prefix, &mut of_preset);
    }
    for glob in preset.ignore.as_deref().unwrap_or_default() {
        found.ignore(glob, &prefix, &mut of_preset);
    }
    lower.errors.append(of_preset.into_errors());
}

/// What a preset's paths can be put behind. Nothing in it is a sign of a template or a glob.
fn prefix_of(text: &str) -> Result<String, Problem> {
    let of_a_path = |b: u8| b.is_ascii_alphanumeric() || b"-._~".contains(&b);
    let segment = |text: &str| !matches!(text, "" | "." | "..") && text.bytes().all(of_a_path);
    let sound = |path: &str| path.split('/').all(segment);
    if !text.strip_prefix('/').is_some_and(sound) {
        return Err(Problem::Prefix);
    }
    Ok(text.to_owned())
}

/// Each of `texts`, of which there must be one: a rule without a method or a status never matches.
fn some_of<T>(
    texts: &Spanned<Vec<Text>>,
    read: impl Fn(&str) -> Result<T, Problem>,
    lower: &mut Lower<'_>,
) -> Vec<T> {
    if texts.value.is_empty() {
        lower.refuse(place(texts.referenced), Problem::EmptyList);
    }
    lower.all(&texts.value, read)
}

fn method(text: &str) -> Result<Method, Problem> {
    Method::of(&text.to_ascii_uppercase()).ok_or(Problem::NotAMethod)
}

/// Shape: `201`, `200-299`.
fn statuses_of(text: &str) -> Result<RangeInclusive<u16>, Problem> {
    let status = |text: &str| {
        let digits = text.len() == 3 && text.bytes().all(|b| b.is_ascii_digit());
        let status = text.parse().ok().filter(|_| digits);
        status.filter(|status| (200..=599).contains(status))
    };
    let (from, to) = text.split_once('-').unwrap_or((text, text));
    match (status(from), status(to)) {
        (Some(from), Some(to)) if from <= to => Ok(from..=to),
        _ => Err(Problem::NotAStatus),
    }
}

fn pointer(text: &str) -> Pointer {
    text.parse()
        .expect("`` and `/id` are JSON pointers: RFC 6901 § 5")
}

const METHODS: [Method; 4] = [Method::Post, Method::Put, Method::Patch, Method::Delete];

const CASES: &[(&str, Case)] = &[("any", Case::Any), ("exact", Case::Exact)];
