//! How the sidecar stands in numbers, as Prometheus reads them.
//!
//! The numbers are counted where they arise and read when somebody asks; nothing is counted
//! here. Every label has a few values that are known beforehand: none comes from a request, a
//! record or a key. Pure.

use std::fmt;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric, text};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;

use crate::log::Level;

/// What [`encode`] writes, for `Content-Type`: the text format of OpenMetrics 1.0.
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// What there is to tell, at one moment.
#[derive(Clone, Debug)]
pub struct Figures {
    /// The level at which events are held now: below the one that is configured while the log
    /// has failed.
    pub holds: Level,
    /// Whether the log has failed.
    pub failed: bool,
    /// Events that the log keeps.
    pub events: u64,
    /// Bytes of what the log keeps.
    pub bytes: u64,
    /// Appends to the log since the process began.
    pub appends: u64,
    /// Syncs of the log's files since the process began.
    pub syncs: u64,
    /// Times that the log has failed since the process began.
    pub failures: u64,
    /// Streams that are open.
    pub streams: u64,
    /// How many configurations have been in force.
    pub generation: u64,
}

/// The figures as text, an answer to a scrape.
#[must_use]
pub fn encode(figures: &Figures) -> String {
    let mut registry = Registry::with_prefix("tidings");
    registry.register_collector(Box::new(figures.clone()));
    let mut page = String::new();
    // Writing to a string does not fail.
    let _ = text::encode(&mut page, &registry);
    page
}

impl Collector for Figures {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut page = Page(encoder);
        page.level(self.holds)?;
        page.gauge(
            "log_failed",
            "Whether the log has failed.",
            u64::from(self.failed),
        )?;
        page.gauge("log_events", "Events that the log keeps.", self.events)?;
        page.gauge("log_bytes", "Bytes of what the log keeps.", self.bytes)?;
        page.counter("log_appends", "Appends to the log.", self.appends)?;
        page.counter("log_syncs", "Syncs of the log's files.", self.syncs)?;
        page.counter(
            "log_failures",
            "Times that the log has failed.",
            self.failures,
        )?;
        page.gauge("streams", "Streams that are open.", self.streams)?;
        page.gauge(
            "configuration_generation",
            "How many configurations have been in force.",
            self.generation,
        )
    }
}

/// The text so far.
struct Page<'a>(DescriptorEncoder<'a>);

impl Page<'_> {
    /// What goes up and down.
    fn gauge(&mut self, name: &str, help: &str, value: u64) -> fmt::Result {
        let gauge = ConstGauge::new(value);
        let metric = self
            .0
            .encode_descriptor(name, help, None, gauge.metric_type())?;
        gauge.encode(metric)
    }

    /// What only goes up; `_total` is put behind its name.
    fn counter(&mut self, name: &str, help: &str, value: u64) -> fmt::Result {
        let counter = ConstCounter::new(value);
        let metric = self
            .0
            .encode_descriptor(name, help, None, counter.metric_type())?;
        counter.encode(metric)
    }

    /// 1 for the level that holds, and 0 for each other.
    fn level(&mut self, holds: Level) -> fmt::Result {
        let help = "The level at which events are held now.";
        let mut metric = self
            .0
            .encode_descriptor("log_level", help, None, MetricType::Gauge)?;
        for level in [Level::Memory, Level::Process, Level::Disk] {
            let labels = [("level", level.as_str())];
            let gauge = ConstGauge::new(u64::from(level == holds));
            gauge.encode(metric.encode_family(&labels)?)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_figure_is_told_by_name_in_the_same_order_each_time() {
        let figures = Figures {
            holds: Level::Process,
            failed: true,
            events: 2,
            bytes: 3,
            appends: 4,
            syncs: 5,
            failures: 6,
            streams: 7,
            generation: 8,
        };
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
tidings_log_events 2
# HELP tidings_log_bytes Bytes of what the log keeps.
# TYPE tidings_log_bytes gauge
tidings_log_bytes 3
# HELP tidings_log_appends Appends to the log.
# TYPE tidings_log_appends counter
tidings_log_appends_total 4
# HELP tidings_log_syncs Syncs of the log's files.
# TYPE tidings_log_syncs counter
tidings_log_syncs_total 5
# HELP tidings_log_failures Times that the log has failed.
# TYPE tidings_log_failures counter
tidings_log_failures_total 6
# HELP tidings_streams Streams that are open.
# TYPE tidings_streams gauge
tidings_streams 7
# HELP tidings_configuration_generation How many configurations have been in force.
# TYPE tidings_configuration_generation gauge
tidings_configuration_generation 8
# EOF
";
        assert_eq!(encode(&figures), expected);
    }

    #[test]
    fn a_figure_of_any_size_is_told() {
        let figures = Figures {
            holds: Level::Disk,
            failed: false,
            events: u64::MAX,
            bytes: u64::MAX,
            appends: u64::MAX,
            syncs: u64::MAX,
            failures: u64::MAX,
            streams: u64::MAX,
            generation: u64::MAX,
        };
        let page = encode(&figures);
        assert_eq!(page.matches(" 18446744073709551615\n").count(), 7, "{page}");
        assert!(page.ends_with("# EOF\n"), "{page}");
    }
}
