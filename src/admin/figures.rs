//! How all of it stands, in numbers, as Prometheus reads them.
//!
//! What was counted is in [`Metrics`]; the rest is read from those who know it when somebody
//! asks.

use std::fmt;
use std::sync::Arc;

use crate::hub;
use crate::log::{self, Level};
use crate::metrics::{self, EventKind, Format, Label, Metrics, Page, Process};

/// What there is to tell, at one moment.
#[derive(Debug)]
pub(super) struct Figures {
    /// What was counted.
    pub(super) metrics: Arc<Metrics>,
    /// How the log stands.
    pub(super) log: log::Standing,
    /// How the hub stands.
    pub(super) hub: hub::Standing,
    /// How many configurations have been in force.
    pub(super) generation: u64,
    /// Questions about records that are not answered yet.
    pub(super) reads_waiting: u64,
    /// Whether no new request is taken any more.
    pub(super) draining: bool,
    /// What the system says of the process.
    pub(super) process: Process,
}

impl Figures {
    /// The figures as text, an answer to a scrape.
    pub(super) fn page(self, format: Format) -> String {
        let own = Arc::new(self);
        let process = Arc::clone(&own);
        metrics::write(
            format,
            move |page| own.write(page),
            move |page| process.process.write(page),
        )
    }

    fn write(&self, page: &mut Page<'_>) -> fmt::Result {
        self.metrics.write(page)?;
        self.log(page)?;
        page.gauge(
            "streams_limit",
            "Streams that may be open at once.",
            self.hub.streams_max as u64,
        )?;
        page.gauge(
            "record_questions_waiting",
            "Questions about what somebody may read that are not answered yet.",
            self.reads_waiting,
        )?;
        page.gauge(
            "configuration_generation",
            "How many configurations have been in force.",
            self.generation,
        )?;
        page.gauge(
            "draining",
            "Whether no new request is taken any more.",
            u64::from(self.draining),
        )?;
        page.gauge_by(
            "degraded",
            "Whether a part does not do what it is there for.",
            "part",
            &[
                ("log", u64::from(self.log.failure.is_some())),
                ("streams", u64::from(!self.hub.serves && !self.draining)),
            ],
        )
    }

    fn log(&self, page: &mut Page<'_>) -> fmt::Result {
        let log = &self.log;
        let levels = [Level::Memory, Level::Process, Level::Disk];
        page.gauge_by(
            "log_level",
            "The level at which events are held now.",
            "level",
            &levels.map(|level| (level.as_str(), u64::from(level == log.holds))),
        )?;
        let failed = u64::from(log.failure.is_some());
        page.gauge("log_failed", "Whether the log has failed.", failed)?;
        page.gauge("log_events", "Events that the log keeps.", log.events)?;
        page.gauge("log_bytes", "Bytes of what the log keeps.", log.bytes)?;
        page.counter("log_appends", "Appends to the log.", log.appends)?;
        page.counter("log_syncs", "Syncs of the log's files.", log.syncs)?;
        page.counter(
            "log_failures",
            "Times that the log has failed.",
            log.failures,
        )?;
        let appended = |kind: &EventKind| {
            let count = match kind {
                EventKind::Gap => log.appended.gap,
                EventKind::Left => log.appended.left,
                EventKind::Publish => log.appended.custom,
                EventKind::Uncertain => log.appended.uncertain,
                EventKind::Write => log.appended.write,
            };
            (kind.as_str(), count)
        };
        let events: Vec<_> = EventKind::ALL.iter().map(appended).collect();
        page.counter_by(
            "events_appended",
            "Events that were appended to the log.",
            EventKind::NAME,
            &events,
        )
    }
}

#[cfg(test)]
mod tests;
