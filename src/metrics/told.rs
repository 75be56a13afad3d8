//! What was counted, by name.

use std::fmt;

use super::page::Page;
use super::{Metrics, Reloads, Requests, Streams};

impl Metrics {
    /// Writes all that was counted.
    ///
    /// # Errors
    /// Those of writing to the page.
    pub fn write(&self, page: &mut Page<'_>) -> fmt::Result {
        page.gauge_by(
            "build_info",
            "Which program this is: always 1.",
            "version",
            &[(env!("CARGO_PKG_VERSION"), 1)],
        )?;
        self.requests.write(page)?;
        page.counters(
            "writes",
            "Observed writes by what became of them.",
            &self.writes,
        )?;
        page.counters(
            "writes_uncertain",
            "Observed writes of which it is not known what they did, by why.",
            &self.uncertain,
        )?;
        self.streams.write(page)?;
        page.counters(
            "publishes",
            "Publishes by what became of them.",
            &self.publishes,
        )?;
        page.counters(
            "submissions",
            "Subscriptions of PocketBase's clients by what became of them.",
            &self.submissions,
        )?;
        self.reloads.write(page)?;
        page.counters(
            "identity_questions",
            "Questions to the upstream about who somebody is, by what it said.",
            &self.identities.ended,
        )?;
        page.gauge(
            "identity_questions_waiting",
            "Questions about who somebody is that are not answered yet.",
            self.identities.waiting.get(),
        )?;
        page.counters(
            "record_questions",
            "Questions to the upstream about what somebody may read, by what it said.",
            &self.records.ended,
        )?;
        page.counters(
            "record_completions",
            "Records that a write did not tell, by what the upstream said when it was asked.",
            &self.completions,
        )?;
        page.counters(
            "jwks_fetches",
            "Fetches of the keys of tokens by what came of them.",
            &self.jwks,
        )
    }
}

impl Requests {
    fn write(&self, page: &mut Page<'_>) -> fmt::Result {
        page.pairs(
            "http_requests",
            "Requests by who answered and the class of the status.",
            &self.answered,
        )?;
        page.histograms(
            "http_request_duration_seconds",
            "From a request's whole head to the end of its answer, by who answered; streams aside.",
            &self.took,
        )?;
        page.gauge(
            "http_requests_in_flight",
            "Requests that are under way, streams aside.",
            self.in_flight.get(),
        )?;
        page.counters(
            "http_requests_refused",
            "Requests whose heads were refused before anybody saw them, by why.",
            &self.refused,
        )?;
        page.counters(
            "upstream_errors",
            "Requests that the upstream failed, by how.",
            &self.upstream_errors,
        )?;
        page.gauge(
            "connections",
            "Connections that are open, those of streams aside.",
            self.connections.get(),
        )?;
        page.counter(
            "connections_accepted",
            "Connections that were accepted.",
            self.accepted.get(),
        )?;
        page.counters(
            "connections_shed",
            "Connections that were closed because there may be no more, by which.",
            &self.shed,
        )
    }
}

impl Streams {
    fn write(&self, page: &mut Page<'_>) -> fmt::Result {
        page.gauges("streams", "Streams that are open.", &self.open)?;
        page.counters("streams_opened", "Streams that began.", &self.opened)?;
        page.counter(
            "streams_resumed",
            "Streams that came back for a past that could be served.",
            self.resumed.get(),
        )?;
        page.counters(
            "streams_turned_away",
            "Streams that were sent away before they began, by why.",
            &self.turned_away,
        )?;
        page.counters(
            "streams_closed",
            "Streams that ended, by why.",
            &self.closed,
        )?;
        page.counters(
            "events_delivered",
            "Events that were written to a stream: as they came, or from the log.",
            &self.delivered,
        )?;
        page.counter(
            "stream_sent_bytes",
            "Bytes that the sockets of streams have taken.",
            self.bytes.get(),
        )?;
        page.counters(
            "gaps_told",
            "Gaps that were told to a stream, by why.",
            &self.gaps,
        )
    }
}

impl Reloads {
    fn write(&self, page: &mut Page<'_>) -> fmt::Result {
        page.counters(
            "configuration_reloads",
            "Changed configurations by whether they are in force.",
            &self.ended,
        )?;
        page.gauge(
            "configuration_last_reload_successful",
            "Whether the configuration that was read last is in force.",
            u64::from(!self.is_refused()),
        )?;
        page.gauge(
            "configuration_last_reload_success_timestamp_seconds",
            "When a configuration came in force last, in seconds since 1970.",
            self.since.get(),
        )
    }
}
