//! The dashboard and the alerts that ship ask for what is told, and for nothing else.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::Value;

use super::series;
use crate::harness::{EVERYTHING, Sidecar};

/// Labels that Prometheus puts on every series.
const OF_PROMETHEUS: [&str; 2] = ["instance", "job"];

fn shipped(file: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("examples")
        .join(file);
    std::fs::read_to_string(path).unwrap()
}

/// The labels of each metric, with their values; of metrics without labels none.
type Told = BTreeMap<String, BTreeMap<String, BTreeSet<String>>>;

/// What stands in the braces behind a metric: a label, an operator and a value.
type Matcher = (String, String, String);

/// What a sidecar tells.
async fn told() -> Told {
    let sidecar = Sidecar::start("http://127.0.0.1:1", EVERYTHING).await;
    let mut told = Told::new();
    for name in series(&sidecar).await.into_keys() {
        let (metric, labels) = name.split_once('{').unwrap_or((&name, ""));
        let of = told.entry(metric.to_owned()).or_default();
        for label in labels
            .trim_end_matches('}')
            .split(',')
            .filter(|label| !label.is_empty())
        {
            let (label, value) = label.split_once('=').unwrap();
            let values = of.entry(label.to_owned()).or_default();
            values.insert(value.trim_matches('"').to_owned());
        }
    }
    told
}

/// The metrics that a query names, each with the matchers behind it. Shape: `("tidings_streams",
/// [("dialect", "=", "restdb")])`.
fn metrics(query: &str) -> Vec<(String, Vec<Matcher>)> {
    let name = regex(r"\b(?:tidings|process)_[a-z0-9_]+");
    let matcher = regex(r#"([a-z_]+)(=~|!~|!=|=)"([^"]*)""#);
    let of = |found: regex::Match<'_>| {
        let behind = query[found.end()..].strip_prefix('{');
        let matchers = behind.map_or("", |rest| rest.split('}').next().unwrap());
        let matchers = matcher.captures_iter(matchers);
        let matchers = matchers.map(|m| (m[1].to_owned(), m[2].to_owned(), m[3].to_owned()));
        (found.as_str().to_owned(), matchers.collect())
    };
    name.find_iter(query).map(of).collect()
}

/// The labels by which a query sums up.
fn groups(query: &str) -> Vec<String> {
    let by = regex(r"\b(?:by|without) \(([^)]*)\)");
    let labels = by.captures_iter(query).flat_map(|found| {
        let labels = found[1].split(',').map(|label| label.trim().to_owned());
        labels.collect::<Vec<_>>()
    });
    labels.collect()
}

fn regex(text: &str) -> regex::Regex {
    regex::Regex::new(text).unwrap()
}

/// Checks that the queries name what is told; `shown` are the labels that their texts name.
fn are_told(told: &Told, query: &str, shown: &str) {
    let asked = metrics(query);
    assert!(!asked.is_empty(), "{query} asks for nothing");
    let mut known: BTreeSet<&str> = OF_PROMETHEUS.into();
    for (metric, matchers) in &asked {
        let labels = told.get(metric);
        let labels = labels.unwrap_or_else(|| panic!("{metric} is not told: {query}"));
        known.extend(labels.keys().map(String::as_str));
        for (label, operator, value) in matchers {
            if OF_PROMETHEUS.contains(&&**label) {
                continue;
            }
            let values = labels
                .get(label)
                .unwrap_or_else(|| panic!("{label}: {query}"));
            assert!(
                operator == "=" && values.contains(value),
                "{label} is never {value}: {query}"
            );
        }
    }
    let used = regex(r"\{\{\s*(?:\$labels\.)?([a-z_]+)\s*\}\}");
    let used = used.captures_iter(shown).map(|found| found[1].to_owned());
    for label in groups(query).into_iter().chain(used) {
        assert!(known.contains(&*label), "{label} is no label of {query}");
    }
}

#[tokio::test]
async fn the_dashboard_asks_for_what_is_told() {
    let dashboard: Value = serde_json::from_str(&shipped("grafana/tidings.json")).unwrap();
    let told = told().await;
    assert!(dashboard["schemaVersion"].as_u64().unwrap() >= 36);
    let variables = dashboard["templating"]["list"].as_array().unwrap();
    assert_eq!(variables[0]["type"], "datasource");
    for variable in &variables[1..] {
        are_told(&told, variable["query"]["query"].as_str().unwrap(), "");
    }
    let (mut ids, mut asked) = (BTreeSet::new(), BTreeSet::new());
    for panel in dashboard["panels"].as_array().unwrap() {
        assert!(ids.insert(panel["id"].as_u64().unwrap()), "{panel}");
        if panel["type"] == "row" {
            continue;
        }
        assert_eq!(panel["datasource"]["uid"], "${datasource}");
        for target in panel["targets"].as_array().unwrap() {
            let query = target["expr"].as_str().unwrap();
            are_told(&told, query, target["legendFormat"].as_str().unwrap());
            asked.extend(metrics(query).into_iter().map(|(metric, _)| metric));
        }
    }
    // What is of no use to anybody is not counted either.
    let own = |metric: &&String| metric.starts_with("tidings_");
    let beside = ["_sum", "_count", "_generation", "_draining", "_log_failed"];
    let beside = |metric: &&String| beside.iter().any(|end| metric.ends_with(end));
    let unasked = told.keys().filter(own).filter(|metric| !beside(metric));
    let unasked: Vec<_> = unasked.filter(|metric| !asked.contains(*metric)).collect();
    assert!(unasked.is_empty(), "{unasked:?}");
}

#[tokio::test]
async fn the_alerts_ask_for_what_is_told() {
    let alerts: Value = serde_saphyr::from_str(&shipped("prometheus/alerts.yaml")).unwrap();
    let told = told().await;
    let rules = alerts["groups"][0]["rules"].as_array().unwrap();
    assert!(rules.len() >= 5);
    for rule in rules {
        let texts = rule["annotations"].to_string();
        are_told(&told, rule["expr"].as_str().unwrap(), &texts);
        for key in ["alert", "for"] {
            assert!(rule[key].is_string(), "{rule}");
        }
        assert!(rule["labels"]["severity"].is_string(), "{rule}");
    }
}
