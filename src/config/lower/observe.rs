//! `observe`: an operator's rules and a preset's, compiled in the order in which they count.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;
use std::sync::Arc;

use http::HeaderName;
use serde_saphyr::Spanned;

use super::{Lower, boolean, choose, not_among};
use crate::config::fault::Problem;
use crate::config::file::{self, Text, place};
use crate::config::source::Source;
use crate::config::unit;
use crate::event::Method;
use crate::limits;
use crate::observe::rule::{
    Case, Complete, Concealed, Glob, Globs, Naming, PathPattern, Pointer, Read, Rule,
    TargetTemplate,
};
use crate::observe::{Batch, Gap, MethodOverride, Observe, preset};

/// The compiled section. Rules that the operator wrote come before those of the preset, so
/// that they can make an exception of a path.
pub(super) fn observe(file: &file::Observe, lower: &mut Lower<'_>) -> Observe {
    let mut found = Found::default();
    found.all(file, "", lower);
    preset_rules(file, &mut found, lower);
    let own = file.method_override.as_ref();
    if let Some(file) = own {
        found.method_override = Some(method_override(file, lower));
    }
    let collections = file.collections.as_deref().map(|names| {
        let names = lower.all(names, |text| match text {
            "" => Err(Problem::Empty),
            name => Ok(name.into()),
        });
        Arc::new(BTreeSet::from_iter(names))
    });
    let ignore = found.compiled(file, lower);
    Observe {
        rules: found.rules,
        batches: found.batches,
        gaps: found.gaps,
        method_override: found.method_override.filter(|by| !by.is_none()),
        ignore,
        collections,
        aliases: Arc::default(),
        spelt: Arc::default(),
        redact: found.redact.into(),
        remember_bytes: lower.or(file.remember.as_ref(), REMEMBER_BYTES, |text| {
            unit::size(text, &limits::REMEMBER)
        }),
        read_before_delete: lower.or(file.read_before_delete.as_ref(), false, boolean),
    }
}

/// Some ten thousand records of the usual size.
const REMEMBER_BYTES: usize = 16 * limits::MIB;

/// What was compiled so far.
#[derive(Default)]
struct Found {
    rules: Vec<Arc<Rule>>,
    batches: Vec<Arc<Batch>>,
    gaps: Vec<Arc<Gap>>,
    method_override: Option<MethodOverride>,
    ignore: Vec<Glob>,
    redact: Vec<Pointer>,
}

impl Found {
    /// What a section says by itself, its paths behind `prefix`.
    fn all(&mut self, file: &file::Observe, prefix: &str, lower: &mut Lower<'_>) {
        for rule in file.rules.as_deref().unwrap_or_default() {
            self.rule(rule, prefix, lower);
        }
        for glob in file.ignore.as_deref().unwrap_or_default() {
            self.ignore(glob, prefix, lower);
        }
        for batch in file.batches.as_deref().unwrap_or_default() {
            self.batch(batch, prefix, lower);
        }
        for gap in file.gaps.as_deref().unwrap_or_default() {
            self.gap(gap, prefix, lower);
        }
        for pointer in file.redact.as_deref().unwrap_or_default() {
            self.redact(pointer, lower);
        }
    }

    fn rule(&mut self, rule: &file::Rule, prefix: &str, lower: &mut Lower<'_>) {
        let case = rule.case.as_ref();
        let case = lower.or(case, Case::Exact, |text| choose(text, CASES));
        let path = lower.read(&rule.path, |text| {
            let path = match text.strip_prefix("regex:") {
                Some(regex) if prefix.is_empty() => PathPattern::regex(regex),
                Some(regex) => PathPattern::regex(&format!("{}(?:{regex})", regex::escape(prefix))),
                None => PathPattern::template(&format!("{prefix}{text}")),
            };
            path?.with_case(case)
        });
        let id = match rule.id.as_deref() {
            None => vec![Pointer::of(&["id"])],
            Some(pointers) => lower.all(pointers, str::parse),
        };
        let record = rule.record.as_ref();
        let record = lower.or(record, Pointer::default(), str::parse);
        let methods = methods(rule.methods.as_ref(), lower);
        let success = match &rule.success {
            None => vec![200..=299],
            Some(statuses) => some_of(statuses, statuses_of, lower),
        };
        let collection = naming(rule, lower);
        let partial = rule.partial.as_deref().unwrap_or_default();
        let partial = lower.all(partial, |name| match name {
            "" => Err(Problem::Empty),
            name => Ok(name.into()),
        });
        let conceal = rule.conceal.as_deref().unwrap_or_default();
        let conceal = conceal.iter().filter_map(|file| concealed(file, lower));
        let conceal = conceal.collect();
        let complete = rule.complete.as_ref();
        let complete = lower.or(complete, Complete::No, |text| choose(text, COMPLETE));
        let tombstone = rule.tombstone.as_ref();
        let tombstone = tombstone.and_then(|text| lower.read(text, str::parse));
        let uncertain = lower.or(rule.uncertain.as_ref(), false, boolean);
        let read = rule.read.as_ref();
        let read = read.map(|file| read_of(file, prefix, lower));
        if let Some(path) = path {
            self.rules.push(Arc::new(Rule {
                id: id.into(),
                record,
                methods: methods.into(),
                success: success.into(),
                collection,
                partial: partial.into(),
                conceal,
                complete,
                tombstone,
                uncertain,
                read: read.unwrap_or_else(|| path.read()),
                path,
            }));
        }
    }

    fn batch(&mut self, file: &file::Batch, prefix: &str, lower: &mut Lower<'_>) {
        let path = lower.read(&file.path, |text| {
            Globs::new(vec![Glob::new(&format!("{prefix}{text}"))?])
        });
        let mut at = |text: &Option<Text>, names: &[&str]| {
            lower.or(text.as_ref(), Pointer::of(names), str::parse)
        };
        let requests = at(&file.requests, &["requests"]);
        let method = at(&file.method, &["method"]);
        let url = at(&file.url, &["url"]);
        let body = at(&file.body, &["body"]);
        let answers = at(&file.answers, &[]);
        let status = at(&file.status, &["status"]);
        let answer = at(&file.answer, &["body"]);
        let defaults = file.defaults.as_ref();
        let defaults = defaults.and_then(|text| lower.read(text, str::parse));
        let base = lower.or(file.base.as_ref(), String::new(), prefix_of);
        let undone_by = file.undone_by.as_deref().unwrap_or_default();
        let undone_by = lower.all(undone_by, statuses_of).into();
        let form = file.form.as_ref();
        let form = form.and_then(|text| {
            lower.read(text, |name| match name {
                "" => Err(Problem::Empty),
                name => Ok(name.into()),
            })
        });
        if let Some(path) = path {
            self.batches.push(Arc::new(Batch {
                path,
                requests,
                form,
                method,
                url,
                prefix: prefix.into(),
                base: base.into(),
                body,
                defaults,
                answers,
                status,
                answer,
                undone_by,
            }));
        }
    }

    fn gap(&mut self, file: &file::Gap, prefix: &str, lower: &mut Lower<'_>) {
        let path = lower.read(&file.path, |text| {
            Globs::new(vec![Glob::new(&format!("{prefix}{text}"))?])
        });
        let methods = methods(file.methods.as_ref(), lower).into();
        self.gaps
            .extend(path.map(|path| Arc::new(Gap { path, methods })));
    }

    fn redact(&mut self, pointer: &Text, lower: &mut Lower<'_>) {
        let pointer = lower.read(pointer, |text| match text {
            "" => Err(Problem::Empty),
            text => Ok(text.parse()?),
        });
        self.redact.extend(pointer);
    }

    fn ignore(&mut self, glob: &Text, prefix: &str, lower: &mut Lower<'_>) {
        let glob = lower.read(glob, |text| Glob::new(&format!("{prefix}{text}")));
        self.ignore.extend(glob);
    }

    /// What is to be ignored, as one.
    fn compiled(&mut self, file: &file::Observe, lower: &mut Lower<'_>) -> Globs {
        let own = file.ignore.iter().flatten().last();
        let (place, globs) = (own.map(|last| last.place), std::mem::take(&mut self.ignore));
        match (Globs::new(globs), place) {
            (Ok(globs), _) => globs,
            // A preset has few: the last of the operator's is one too many.
            (Err(problem), place) => {
                place
                    .into_iter()
                    .for_each(|place| lower.refuse(place, problem.clone()));
                Globs::default()
            }
        }
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
        preset::yaml(name).ok_or_else(|| not_among(name, preset::NAMES))
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
    found.all(&preset.observe, &prefix, &mut of_preset);
    let by = preset.observe.method_override.as_ref();
    found.method_override = by.map(|file| method_override(file, &mut of_preset));
    lower.errors.append(of_preset.into_errors());
}

/// Where a request may say that it is another method.
fn method_override(file: &file::MethodOverride, lower: &mut Lower<'_>) -> MethodOverride {
    let headers = file.headers.as_deref().unwrap_or_default();
    let headers = lower.all(headers, |text| {
        text.parse::<HeaderName>()
            .map_err(|_no_name| Problem::FieldName)
    });
    let mut name = |text: &Option<Text>| {
        lower.read(text.as_ref()?, |text| match text {
            "" => Err(Problem::Empty),
            name => Ok(name.into()),
        })
    };
    MethodOverride {
        headers: headers.into(),
        query: name(&file.query),
        body: name(&file.body),
    }
}

/// Where a record says of which collection it is.
fn naming(rule: &file::Rule, lower: &mut Lower<'_>) -> Option<Naming> {
    let alias = rule.alias.as_ref();
    if let (None, Some(alias)) = (&rule.collection, alias) {
        lower.refuse(alias.place, Problem::AliasAlone);
    }
    let alias = alias.and_then(|text| lower.read(text, str::parse));
    let name = lower.read(rule.collection.as_ref()?, str::parse)?;
    Some(Naming { name, alias })
}

fn concealed(file: &file::Conceal, lower: &mut Lower<'_>) -> Option<Concealed> {
    let part = lower.read(&file.part, str::parse);
    let unless = lower.read(&file.unless, str::parse);
    Some(Concealed {
        part: part?,
        unless: unless?,
    })
}

fn read_of(file: &file::Read, prefix: &str, lower: &mut Lower<'_>) -> Option<Read> {
    let target = |text: &str| format!("{prefix}{text}").parse::<TargetTemplate>();
    let record = lower.read(&file.record, target);
    let list = file.list.as_ref();
    let list = list.and_then(|text| lower.read(text, target));
    let items = lower.or(file.items.as_ref(), Pointer::default(), str::parse);
    let expand = file.expand.as_ref();
    let expand = expand.and_then(|text| {
        lower.read(text, |name| match name {
            "" => Err(Problem::Empty),
            name if name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') => Ok(name.into()),
            _ => Err(Problem::Parameter),
        })
    });
    Some(Read {
        record: record?,
        list,
        items,
        expand,
    })
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

/// Those that are named, or all that write.
fn methods(texts: Option<&Spanned<Vec<Text>>>, lower: &mut Lower<'_>) -> Vec<Method> {
    match texts {
        None => METHODS.to_vec(),
        Some(texts) => some_of(texts, method, lower),
    }
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

const METHODS: [Method; 4] = [Method::Post, Method::Put, Method::Patch, Method::Delete];

pub(super) const COMPLETE: &[(&str, Complete)] = &[
    ("no", Complete::No),
    ("request", Complete::Request),
    ("upstream", Complete::Upstream),
];

pub(super) const CASES: &[(&str, Case)] = &[("any", Case::Any), ("exact", Case::Exact)];
