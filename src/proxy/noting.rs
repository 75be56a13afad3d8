//! What becomes of each request: the numbers, and a line in the diagnostics.

use http::StatusCode;
use pingora::proxy::Session;
use pingora::{Error, ErrorSource, ErrorType};
use tracing::debug;

use super::exchange::Facts;
use super::{Answered, connection_of, path_of};
use crate::event::Kind;
use crate::metrics::{Class, Doubt, Label, Metrics, Status, UpstreamError, WriteOutcome};
use crate::observe::Happened;

/// Counts a request that is over, and tells of it: without the query, where there may be a
/// credential.
pub(super) fn note(metrics: &Metrics, session: &Session, class: Class) {
    let status = session.response_written().map(|head| head.status);
    let connection = connection_of(session);
    let took = connection.map(|connection| connection.begun().elapsed());
    // A tunnel takes as long as those at its ends want.
    let timed = took.filter(|_| status.is_some_and(|s| s != StatusCode::SWITCHING_PROTOCOLS));
    let of_status = status.map_or(Status::None, Status::of);
    metrics.requests.answered(class, of_status, timed);
    let request = session.req_header();
    debug!(
        request_id = connection.map(|connection| connection.request_id().as_str()),
        method = request.method.as_str(),
        path = path_of(request),
        status = status.map(|status| status.as_u16()),
        duration = ?took.unwrap_or_default(),
        bytes = session.body_bytes_sent(),
        class = class.as_str(),
        "request"
    );
}

/// Counts how the upstream failed a request, if it was the upstream.
pub(super) fn count_failure(metrics: &Metrics, error: &Error) {
    if *error.esource() != ErrorSource::Upstream {
        return;
    }
    metrics.requests.upstream_errors.inc(match error.etype() {
        ErrorType::ConnectTimedout | ErrorType::TLSHandshakeTimedout => {
            UpstreamError::ConnectTimeout
        }
        ErrorType::ConnectRefused
        | ErrorType::ConnectNoRoute
        | ErrorType::ConnectError
        | ErrorType::BindError
        | ErrorType::SocketError => UpstreamError::Connect,
        ErrorType::TLSWantX509Lookup
        | ErrorType::TLSHandshakeFailure
        | ErrorType::InvalidCert
        | ErrorType::HandshakeError => UpstreamError::Tls,
        ErrorType::ReadTimedout => UpstreamError::ReadTimeout,
        ErrorType::WriteTimedout => UpstreamError::WriteTimeout,
        ErrorType::ReadError | ErrorType::WriteError | ErrorType::ConnectionClosed => {
            UpstreamError::Closed
        }
        ErrorType::InvalidHTTPHeader | ErrorType::H1Error => UpstreamError::Protocol,
        _ => UpstreamError::Other,
    });
}

/// Counts an observed write that amounted to these events.
pub(super) fn count_write(metrics: &Metrics, all: &[Happened], facts: Facts, answered: Answered) {
    let uncertain = |one: &Happened| matches!(one.kind, Kind::Gap | Kind::Uncertain { .. });
    if all.iter().any(uncertain) {
        let doubt = doubt(facts, answered);
        return metrics.wrote(WriteOutcome::Uncertain, Some(doubt));
    }
    let outcome = match facts.status {
        _ if !all.is_empty() => WriteOutcome::Told,
        _ if !facts.sent => WriteOutcome::Unsent,
        Some(200..=299) => WriteOutcome::Unchanged,
        _ => WriteOutcome::Refused,
    };
    metrics.wrote(outcome, None);
}

/// Why it is not known what a write did.
fn doubt(facts: Facts, answered: Answered) -> Doubt {
    match facts.status {
        None => Doubt::Lost,
        Some(_) if answered == Answered::InPart => Doubt::Truncated,
        Some(202 | 207 | 500..) => Doubt::Failed,
        Some(_) if !facts.exact => Doubt::AmbiguousPath,
        Some(_) if facts.unread => Doubt::BodyUnread,
        // What was cut there looks as if it were whole.
        Some(_) if facts.closed => Doubt::Truncated,
        Some(_) => Doubt::Records,
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::event::Method;

    /// A write that was answered with 200, whole, in a body that can be read.
    const SOUND: Facts = Facts {
        sent: true,
        status: Some(200),
        exact: true,
        unread: false,
        closed: false,
    };

    fn uncertain() -> Happened {
        let collection = "posts".into();
        let (method, id) = (Method::Put, None);
        let kind = Kind::Uncertain {
            method,
            collection,
            id,
        };
        kind.into()
    }

    #[test]
    fn a_write_that_is_certain_is_counted_by_what_came_of_it() {
        let told: Happened = Kind::Custom {
            name: "any".into(),
            data: crate::event::Json::null(),
        }
        .into();
        let refused = Facts {
            status: Some(409),
            ..SOUND
        };
        let unsent = Facts {
            sent: false,
            status: None,
            ..SOUND
        };
        for (all, facts, outcome) in [
            (vec![told], SOUND, WriteOutcome::Told),
            (vec![], SOUND, WriteOutcome::Unchanged),
            (vec![], refused, WriteOutcome::Refused),
            (vec![], unsent, WriteOutcome::Unsent),
        ] {
            let metrics = Metrics::new(Timestamp::UNIX_EPOCH);
            count_write(&metrics, &all, facts, Answered::Whole);
            assert_eq!(metrics.writes.get(outcome), 1, "{outcome:?}");
        }
    }

    #[test]
    fn a_write_that_is_uncertain_is_counted_by_the_first_reason_that_it_has() {
        let status = |status| Facts { status, ..SOUND };
        let whole = Answered::Whole;
        for (facts, answered, doubt) in [
            (status(None), Answered::InPart, Doubt::Lost),
            (SOUND, Answered::InPart, Doubt::Truncated),
            (status(Some(500)), whole, Doubt::Failed),
            (status(Some(202)), whole, Doubt::Failed),
            (
                Facts {
                    exact: false,
                    ..SOUND
                },
                whole,
                Doubt::AmbiguousPath,
            ),
            (
                Facts {
                    unread: true,
                    ..SOUND
                },
                whole,
                Doubt::BodyUnread,
            ),
            (
                Facts {
                    closed: true,
                    ..SOUND
                },
                whole,
                Doubt::Truncated,
            ),
            (SOUND, whole, Doubt::Records),
        ] {
            let metrics = Metrics::new(Timestamp::UNIX_EPOCH);
            count_write(&metrics, &[uncertain()], facts, answered);
            assert_eq!(metrics.uncertain.get(doubt), 1, "{facts:?}");
            assert_eq!(metrics.writes.get(WriteOutcome::Uncertain), 1);
        }
    }
}
