use std::collections::BTreeSet;

use jiff::Timestamp;

use super::*;
use crate::event::{Cursor, Epoch};
use crate::log::Appended;

fn figures(count: u64) -> Figures {
    Figures {
        metrics: Arc::new(Metrics::new(Timestamp::UNIX_EPOCH)),
        log: log::Standing {
            level: Level::Disk,
            holds: Level::Process,
            failure: Some("/log: No space left on device".into()),
            tail: Cursor {
                epoch: Epoch::new(7),
                seq: 9,
            },
            events: count,
            bytes: count,
            appends: count,
            syncs: count,
            failures: count,
            appended: Appended {
                custom: 1,
                gap: 2,
                left: 3,
                uncertain: 4,
                write: 5,
            },
        },
        hub: hub::Standing {
            serves: true,
            streams: 1,
            streams_max: 10,
        },
        generation: count,
        reads_waiting: count,
        draining: false,
        process: Process::read(Timestamp::UNIX_EPOCH),
    }
}

#[test]
fn how_the_log_stands_is_told_by_name() {
    let page = figures(6).page(Format::OpenMetrics);
    let expected = "\
# HELP tidings_log_level The level at which events are held now.
# TYPE tidings_log_level gauge
tidings_log_level{level=\"memory\"} 0
tidings_log_level{level=\"process\"} 1
tidings_log_level{level=\"disk\"} 0
# HELP tidings_log_failed Whether the log has failed.
# TYPE tidings_log_failed gauge
tidings_log_failed 1
# HELP tidings_log_events Events that the log keeps.
# TYPE tidings_log_events gauge
tidings_log_events 6
# HELP tidings_log_bytes Bytes of what the log keeps.
# TYPE tidings_log_bytes gauge
tidings_log_bytes 6
# HELP tidings_log_appends Appends to the log.
# TYPE tidings_log_appends counter
tidings_log_appends_total 6
# HELP tidings_log_syncs Syncs of the log's files.
# TYPE tidings_log_syncs counter
tidings_log_syncs_total 6
# HELP tidings_log_failures Times that the log has failed.
# TYPE tidings_log_failures counter
tidings_log_failures_total 6
# HELP tidings_events_appended Events that were appended to the log.
# TYPE tidings_events_appended counter
tidings_events_appended_total{kind=\"gap\"} 2
tidings_events_appended_total{kind=\"left\"} 3
tidings_events_appended_total{kind=\"publish\"} 1
tidings_events_appended_total{kind=\"uncertain\"} 4
tidings_events_appended_total{kind=\"write\"} 5
";
    assert!(page.contains(expected), "{page}");
    assert!(
        page.contains("\ntidings_degraded{part=\"log\"} 1\n"),
        "{page}"
    );
}

#[test]
fn a_figure_of_any_size_is_told() {
    let page = figures(u64::MAX).page(Format::Text);
    assert_eq!(page.matches(" 18446744073709551615\n").count(), 7, "{page}");
}

#[test]
fn every_series_is_there_once_and_named_as_prometheus_has_it() {
    let page = figures(1).page(Format::Text);
    let (mut series, mut kind) = (BTreeSet::new(), "");
    for line in page.lines() {
        if let Some(described) = line.strip_prefix("# TYPE ") {
            let (name, of) = described.split_once(' ').unwrap();
            assert!(
                name.starts_with("tidings_") || name.starts_with("process_"),
                "{name}"
            );
            assert_eq!(of == "counter", name.ends_with("_total"), "{line}");
            kind = of;
        } else if !line.starts_with('#') {
            let (name, _value) = line.rsplit_once(' ').unwrap();
            assert!(series.insert(name), "{name} is there twice");
            let histogram = ["_sum", "_count", "_bucket"];
            let name = name.split('{').next().unwrap();
            let part = histogram.iter().any(|suffix| name.ends_with(suffix));
            assert_eq!(kind == "histogram", part, "{line}");
        }
    }
    assert!(series.len() > 100, "{page}");
}
