//! `observe`, in words.

use super::super::unit::show_size;
use super::{Page, list};
use crate::access::Access;
use crate::event::Method;
use crate::observe::rule::{Case, Complete, Rule};
use crate::observe::{MethodOverride, Observe};

impl Page {
    /// The rules in the order in which they count, each with requests that it would see.
    pub(super) fn observe(&mut self, observe: &Observe, access: &Access) {
        match observe.rules.len() {
            0 => self.line("observe", "nothing"),
            rules => self.line(
                "observe",
                format_args!("{rules} rules, the first that matches decides"),
            ),
        }
        for (index, rule) in observe.rules.iter().enumerate() {
            self.rule(index, rule, observe);
        }
        for batch in &observe.batches {
            self.line("", format_args!("several in one at {}", batch.path));
        }
        for gap in &observe.gaps {
            let methods = list(&gap.methods);
            self.line("", format_args!("a gap after {methods} {}", gap.path));
        }
        self.overrides(observe.method_override.as_ref());
        self.reads(observe, access);
        for (name, list) in [
            ("ignored", observe.ignore.to_string()),
            ("redacted", list(&*observe.redact)),
        ] {
            if !list.is_empty() {
                self.line("", format_args!("{name}: {list}"));
            }
        }
        if !observe.rules.is_empty() {
            let remembered = match observe.remember_bytes {
                0 => "no record is remembered for its delete".to_owned(),
                bytes => format!("{} of records are remembered for deletes", show_size(bytes)),
            };
            self.line("", remembered);
        }
        if let Some(names) = &observe.collections {
            self.line("", format_args!("only the collections: {}", list(&**names)));
        }
    }

    /// One rule.
    fn rule(&mut self, index: usize, rule: &Rule, observe: &Observe) {
        let case = match rule.path.case() {
            Case::Any => ", in any case",
            Case::Exact => "",
        };
        self.line("", format_args!("{}. {}{case}", index + 1, rule.path));
        let success = rule
            .success
            .iter()
            .map(|range| match (range.start(), range.end()) {
                (from, to) if from == to => from.to_string(),
                (from, to) => format!("{from}-{to}"),
            });
        let success = success.collect::<Vec<_>>().join(", ");
        let methods = list(&rule.methods);
        self.line("", format_args!("   on {methods} with {success}"));
        let record = rule.record.to_string();
        let record = if record.is_empty() {
            "the answer"
        } else {
            &record
        };
        let id = list(&rule.id);
        self.line("", format_args!("   record: {record}, id: {id}"));
        match rule.complete {
            Complete::No => {}
            Complete::Request => self.line("", "   completed with what was sent"),
            Complete::Upstream => self.line("", "   completed by reading the record"),
        }
        if rule.uncertain {
            self.line(
                "",
                "   told as uncertain, of the record that the path names at most",
            );
        }
        for sample in samples(rule, observe) {
            self.line("", format_args!("   {sample}"));
        }
    }

    /// Where a request may say that it is another method.
    fn overrides(&mut self, by: Option<&MethodOverride>) {
        let Some(by) = by else { return };
        let headers = by.headers.iter().map(|name| format!("the field {name}"));
        let query = by.query.iter().map(|name| format!("?{name}="));
        let body = by.body.iter().map(|name| format!("{name} in its body"));
        let places = Vec::from_iter(headers.chain(query).chain(body)).join(", ");
        self.line(
            "",
            format_args!("a POST may say that it is another method: {places}"),
        );
    }

    /// What is read from the upstream, if anything is.
    fn reads(&mut self, observe: &Observe, access: &Access) {
        if observe.read_before_delete {
            self.line("", "a record that is not known is read before its delete");
        }
        let complete = |rule: &Rule| rule.complete == Complete::Upstream;
        let reads = observe.read_before_delete
            || access.rules.asks_upstream()
            || observe.rules.iter().any(|rule| complete(rule));
        if let Some((_rule, read)) = observe.read().filter(|_| reads) {
            let of_list = read.list.as_ref();
            let of_list = of_list.map_or(String::new(), |list| format!(", in a list {list}"));
            let record = &read.record;
            self.line("", format_args!("a record is read at {record}{of_list}"));
        }
    }
}

/// What comes of requests on the rule's own paths: an event, or nothing where the path is
/// ignored, the collection is not named or an earlier rule decides. None for a regular
/// expression: no path can be told from it.
fn samples(rule: &Rule, observe: &Observe) -> Vec<String> {
    let template = rule.path.to_string();
    if !template.starts_with('/') {
        return Vec::new();
    }
    let named = observe.collections.as_ref().and_then(|names| names.first());
    let places = template.matches("{collection}").count();
    let company = vec!["company"; places].join("/");
    let collection = named.map_or(&*company, |name| name);
    let sample = |method: &Method| {
        let mut names = collection.splitn(places, '/');
        let segments = template.split('/').filter_map(|segment| match segment {
            "{collection}" => names.next(),
            "{id?}" if *method == Method::Post => None,
            _ if segment.starts_with('{') => Some("1"),
            literal => Some(literal),
        });
        let path = Vec::from_iter(segments).join("/");
        match observe.target(method.as_str(), &path) {
            Some(target) if rule.uncertain || !target.is_exact() => {
                format!(
                    "{method} {path} is told as uncertain of {}",
                    target.collection()
                )
            }
            Some(target) => {
                let (method, of) = (target.method(), target.collection());
                let id = target
                    .id()
                    .map_or(String::new(), |id| format!(" of {}", id.as_str()));
                format!("{method} {path} is told as {method}:{of}{id}")
            }
            None => format!("{method} {path} is told to nobody"),
        }
    };
    rule.methods.iter().take(2).map(sample).collect()
}
