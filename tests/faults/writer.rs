//! Somebody who writes, and keeps what came of it.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::{Value, json};

use super::history::{Outcome, Recorder};
use super::upstream::Fault;
use crate::harness::{Conn, Response};

/// The methods that are observed.
pub(crate) const METHODS: [&str; 4] = ["POST", "PUT", "PATCH", "DELETE"];

/// One writer, with a connection that is kept while it can be.
pub(crate) struct Writer {
    address: SocketAddr,
    recorder: Recorder,
    number: usize,
    /// Writes so far.
    count: usize,
    conn: Option<Conn>,
    /// How long it waits for an answer before it gives up; how that ends is no failure.
    pub(crate) patience: Duration,
    /// What is added to each record.
    pub(crate) padding: usize,
}

/// A write that is about to be sent.
pub(crate) struct Draft {
    pub(crate) token: String,
    pub(crate) text: String,
    /// By which the recorder knows it.
    pub(crate) number: usize,
}

impl Writer {
    pub(crate) fn new(number: usize, address: SocketAddr, recorder: &Recorder) -> Self {
        Self {
            address,
            recorder: recorder.clone(),
            number,
            count: 0,
            conn: None,
            patience: Duration::from_secs(15),
            padding: 0,
        }
    }

    /// Prepares the next write and tells the recorder of it.
    pub(crate) fn draft(&mut self, method: &'static str, fault: Fault) -> Draft {
        let (collection, token) = (
            format!("c{}", self.number),
            format!("w-{}-{}", self.number, self.count),
        );
        self.count += 1;
        let padding = "x".repeat(self.padding);
        let record = json!({"id": token, "token": token, "padding": padding}).to_string();
        let path = match method {
            "POST" => format!("/{collection}"),
            _ => format!("/{collection}/{token}"),
        };
        let length = record.len();
        let text = format!(
            "{method} {path} HTTP/1.1\r\nHost: a\r\nX-Token: {token}\r\nX-Fault: {fault}\r\n\
             Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{record}"
        );
        let sound = fault.is_sound();
        let number = self.recorder.sends(&token, method, &collection, sound);
        Draft {
            token,
            text,
            number,
        }
    }

    /// Writes and waits for what comes of it; none where nobody listens, and nothing was sent.
    pub(crate) async fn write(
        &mut self,
        method: &'static str,
        fault: Fault,
    ) -> Option<(Outcome, Option<Response>)> {
        let mut conn = match self.conn.take() {
            Some(conn) => conn,
            None => Conn::try_to(self.address).await?,
        };
        let draft = self.draft(method, fault);
        conn.send(&draft.text).await;
        let answer = tokio::time::timeout(self.patience, conn.try_response()).await;
        let response = answer.ok().flatten();
        let outcome = response
            .as_ref()
            .map_or(Outcome::Unknown, |response| outcome(response, &draft.token));
        self.recorder.ends(draft.number, outcome);
        if let Some(response) = &response {
            let closes = response.head.field("connection") == Some("close");
            let framed = response.head.field("content-length").is_some()
                || response.head.is_chunked()
                || response.status() == 204;
            self.conn = (framed && !closes).then_some(conn);
        }
        Some((outcome, response))
    }

    /// Leaves its connection: the next write is on a new one.
    pub(crate) fn leave(&mut self) {
        self.conn = None;
    }
}

/// What a whole answer says of the write of that token.
pub(crate) fn outcome(response: &Response, token: &str) -> Outcome {
    let json = serde_json::from_slice::<Value>(&response.body);
    match (response.status(), json) {
        (500.., _) => Outcome::Failed,
        (400..=499, _) => Outcome::Refused,
        (_, Ok(json)) if json.get("token").is_some_and(|known| known != token) => Outcome::Foreign,
        (204, _) | (_, Ok(_)) => Outcome::Acknowledged,
        // A body that ends with its connection, and did too early.
        (_, Err(_)) => Outcome::Unknown,
    }
}
