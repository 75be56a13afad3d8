//! Requests that failed: what their clients are told, and what the log.

use http::StatusCode;
use http::header::{CONTENT_LENGTH, RETRY_AFTER};
use pingora::http::ResponseHeader;
use pingora::proxy::Session;
use pingora::{Error, ErrorSource, ErrorType, Result};
use tracing::{debug, error, warn};

use super::{connection_of, id_of, path_of};
use crate::connection::RequestId;
use crate::dialect;
use crate::limits::RETRY_AFTER_SECS;

/// The status of an answer of our own, by whose fault it was; 0 where nobody is there to read it.
pub(super) fn status_of(error: &Error) -> u16 {
    match (error.esource(), error.etype()) {
        (_, ErrorType::HTTPStatus(code)) => *code,
        (ErrorSource::Upstream, ErrorType::ConnectTimedout)
        | (ErrorSource::Upstream, ErrorType::ReadTimedout)
        | (ErrorSource::Upstream, ErrorType::WriteTimedout)
        | (ErrorSource::Upstream, ErrorType::TLSHandshakeTimedout) => 504,
        (ErrorSource::Upstream, _) => 502,
        (ErrorSource::Downstream, ErrorType::ReadTimedout) => 408,
        (
            ErrorSource::Downstream,
            ErrorType::ReadError | ErrorType::WriteError | ErrorType::ConnectionClosed,
        ) => 0,
        (ErrorSource::Downstream, _) => 400,
        (ErrorSource::Internal | ErrorSource::Unset, _) => 500,
    }
}

/// Answers a request whose upstream did not.
pub(super) async fn answer(session: &mut Session, status: StatusCode) -> Result<()> {
    let message = match status {
        StatusCode::BAD_GATEWAY => "the upstream gave no whole answer",
        StatusCode::GATEWAY_TIMEOUT => "the upstream did not answer in time",
        StatusCode::REQUEST_TIMEOUT => "the request's body did not come in time",
        StatusCode::BAD_REQUEST => "the request is not well formed",
        StatusCode::SERVICE_UNAVAILABLE => "the write was not made: it cannot be logged now",
        _ => "the request could not be served",
    };
    let (parts, body) = dialect::reply(status, message).into_parts();
    let mut head = ResponseHeader::build(status, Some(parts.headers.len() + 3))?;
    if status == StatusCode::SERVICE_UNAVAILABLE {
        head.insert_header(RETRY_AFTER, RETRY_AFTER_SECS)?;
    }
    if let Some(connection) = connection_of(session) {
        let id = connection.request_id().value().clone();
        head.insert_header(RequestId::FIELD, id)?;
    }
    for (name, value) in &parts.headers {
        head.insert_header(name.clone(), value)?;
    }
    head.insert_header(CONTENT_LENGTH, body.len())?;
    session
        .as_downstream_mut()
        .write_error_response(head, body)
        .await
}

/// One line for a failed exchange. Whose fault it was decides how loud it is.
pub(super) fn report(session: &Session, reason: &Error, status: u16) {
    let request = session.req_header();
    let (method, path) = (request.method.as_str(), path_of(request));
    let request_id = id_of(session);
    // Not the error whole: its context may quote what was sent.
    let reason_type = reason.etype().as_str();
    match reason.esource() {
        ErrorSource::Upstream => {
            warn!(
                request_id,
                method,
                path,
                status,
                reason = reason_type,
                "the upstream failed a request"
            );
        }
        ErrorSource::Downstream => {
            debug!(
                request_id,
                method,
                path,
                status,
                reason = reason_type,
                "a downstream broke off a request"
            );
        }
        ErrorSource::Internal | ErrorSource::Unset => {
            error!(
                request_id,
                method,
                path,
                status,
                reason = reason_type,
                "a request could not be served"
            );
        }
    }
}
