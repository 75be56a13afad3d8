//! The text that a scrape is answered with.
//!
//! Two formats, since scrapers read one or the other: OpenMetrics 1.0, which Prometheus asks for,
//! and Prometheus' own text of before, which is what everybody gets who does not ask. They say
//! the same; a counter's name has its `_total` in the second where it is described, too.

use std::fmt::{self, Debug};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{
    DescriptorEncoder, EncodeMetric, MetricEncoder, NoLabelSet, text,
};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;

use super::count::{Counters, Gauges, Histograms, Label, Pairs};

/// How the text is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// OpenMetrics 1.0.
    OpenMetrics,
    /// Prometheus' text, version 0.0.4.
    Text,
}

/// The text so far.
#[derive(Debug)]
pub struct Page<'a>(DescriptorEncoder<'a>);

/// Calls a function for the text.
struct Writer<F>(F);

/// What the functions write to a page each, in this format: first those whose names begin with
/// `tidings_`, then those that name themselves whole.
pub fn write(
    format: Format,
    own: impl Fn(&mut Page<'_>) -> fmt::Result + Send + Sync + 'static,
    whole: impl Fn(&mut Page<'_>) -> fmt::Result + Send + Sync + 'static,
) -> String {
    let mut page = String::new();
    let mut registries = [Registry::with_prefix("tidings"), Registry::default()];
    let [first, second] = &mut registries;
    first.register_collector(Box::new(Writer(own)));
    second.register_collector(Box::new(Writer(whole)));
    for registry in &registries {
        // Writing to a string does not fail.
        let _ = text::encode_registry(&mut page, registry);
    }
    match format {
        Format::OpenMetrics => page.push_str("# EOF\n"),
        Format::Text => page = described_as_text(&page),
    }
    page
}

/// The same, with the counters described by the names that their samples have.
fn described_as_text(page: &str) -> String {
    let mut text = String::with_capacity(page.len() + 1024);
    let mut help = None;
    for line in page.lines() {
        if let Some(of) = line.strip_prefix("# HELP ") {
            help = of.split_once(' ');
            continue;
        }
        let described = line
            .strip_prefix("# TYPE ")
            .and_then(|of| of.split_once(' '));
        if let (Some((name, kind)), Some((_, help))) = (described, help.take()) {
            let suffix = if kind == "counter" { "_total" } else { "" };
            text.push_str(&format!(
                "# HELP {name}{suffix} {help}\n# TYPE {name}{suffix} {kind}\n"
            ));
        } else {
            text.push_str(line);
            text.push('\n');
        }
    }
    text
}

impl Format {
    /// The one that a scraper wants, as its `Accept` says.
    #[must_use]
    pub fn wanted(accept: &str) -> Self {
        if accept.contains("application/openmetrics-text") {
            Self::OpenMetrics
        } else {
            Self::Text
        }
    }

    /// What it is in `Content-Type`.
    #[must_use]
    pub fn content_type(self) -> &'static str {
        match self {
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Self::Text => "text/plain; version=0.0.4; charset=utf-8",
        }
    }
}

impl<F> Debug for Writer<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Writer").finish_non_exhaustive()
    }
}

impl<F> Collector for Writer<F>
where
    F: Fn(&mut Page<'_>) -> fmt::Result + Send + Sync + 'static,
{
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        self.0(&mut Page(encoder))
    }
}

impl Page<'_> {
    /// What goes up and down.
    ///
    /// # Errors
    /// Those of writing to the text, here and below: none where it is in memory.
    pub fn gauge(&mut self, name: &str, help: &str, value: u64) -> fmt::Result {
        gauge(self.begin(name, help, MetricType::Gauge)?, value)
    }

    /// What only goes up; `_total` is put behind its name.
    ///
    /// # Errors
    /// As [`Page::gauge`].
    pub fn counter(&mut self, name: &str, help: &str, value: u64) -> fmt::Result {
        counter(self.begin(name, help, MetricType::Counter)?, value)
    }

    /// As [`Page::counter`], in seconds.
    ///
    /// # Errors
    /// As [`Page::gauge`].
    pub fn seconds(&mut self, name: &str, help: &str, value: f64) -> fmt::Result {
        let encoder = self.begin(name, help, MetricType::Counter)?;
        ConstCounter::new(value).encode(encoder)
    }

    /// As [`Page::gauge`], for each value of a label.
    ///
    /// # Errors
    /// As [`Page::gauge`].
    pub fn gauge_by(
        &mut self,
        name: &str,
        help: &str,
        label: &str,
        values: &[(&str, u64)],
    ) -> fmt::Result {
        let mut encoder = self.begin(name, help, MetricType::Gauge)?;
        for (text, value) in values {
            gauge(encoder.encode_family(&[(label, *text)])?, *value)?;
        }
        Ok(())
    }

    /// As [`Page::counter`], for each value of a label.
    ///
    /// # Errors
    /// As [`Page::gauge`].
    pub fn counter_by(
        &mut self,
        name: &str,
        help: &str,
        label: &str,
        values: &[(&str, u64)],
    ) -> fmt::Result {
        let mut encoder = self.begin(name, help, MetricType::Counter)?;
        for (text, value) in values {
            counter(encoder.encode_family(&[(label, *text)])?, *value)?;
        }
        Ok(())
    }

    pub(super) fn counters<L: Label>(
        &mut self,
        name: &str,
        help: &str,
        counters: &Counters<L>,
    ) -> fmt::Result {
        let values: Vec<_> = L::ALL
            .iter()
            .map(|of| (of.as_str(), counters.get(*of)))
            .collect();
        self.counter_by(name, help, L::NAME, &values)
    }

    pub(super) fn gauges<L: Label>(
        &mut self,
        name: &str,
        help: &str,
        gauges: &Gauges<L>,
    ) -> fmt::Result {
        let values: Vec<_> = L::ALL
            .iter()
            .map(|of| (of.as_str(), gauges.get(*of)))
            .collect();
        self.gauge_by(name, help, L::NAME, &values)
    }

    pub(super) fn pairs<L: Label, M: Label>(
        &mut self,
        name: &str,
        help: &str,
        pairs: &Pairs<L, M>,
    ) -> fmt::Result {
        let mut encoder = self.begin(name, help, MetricType::Counter)?;
        for of in L::ALL {
            for and in M::ALL {
                let labels = [(L::NAME, of.as_str()), (M::NAME, and.as_str())];
                counter(encoder.encode_family(&labels)?, pairs.get(*of, *and))?;
            }
        }
        Ok(())
    }

    pub(super) fn histograms<L: Label>(
        &mut self,
        name: &str,
        help: &str,
        histograms: &Histograms<L>,
    ) -> fmt::Result {
        let mut encoder = self.begin(name, help, MetricType::Histogram)?;
        for of in L::ALL {
            let Some(told) = histograms.told(*of) else {
                continue;
            };
            encoder
                .encode_family(&[(L::NAME, of.as_str())])?
                .encode_histogram::<NoLabelSet>(told.sum, told.count, &told.buckets, None)?;
        }
        Ok(())
    }

    fn begin<'s>(
        &'s mut self,
        name: &'s str,
        help: &str,
        kind: MetricType,
    ) -> Result<MetricEncoder<'s>, fmt::Error> {
        self.0.encode_descriptor(name, help, None, kind)
    }
}

fn gauge(encoder: MetricEncoder<'_>, value: u64) -> fmt::Result {
    ConstGauge::new(value).encode(encoder)
}

fn counter(encoder: MetricEncoder<'_>, value: u64) -> fmt::Result {
    ConstCounter::new(value).encode(encoder)
}
