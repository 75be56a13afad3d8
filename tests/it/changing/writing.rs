//! The API, what is written to it, and the one who writes.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::sync::watch;

use super::USERS;
use crate::harness::{Conn, Request, answer, ok};

/// Writes in which each record has its turn.
pub(super) const ROUND: usize = USERS * 10 / 9 + 20;
const PACE: Duration = Duration::from_millis(5);

/// A write that has begun. The last has perhaps not been answered.
#[derive(Clone)]
pub(super) struct Written {
    pub(super) method: &'static str,
    pub(super) collection: &'static str,
    /// As it was answered; of a delete, as it was before.
    pub(super) record: Value,
    pub(super) began: SystemTime,
}

/// By number, from 0: the event of each is that many after the first.
pub(super) type Ledger = Arc<Mutex<Vec<Written>>>;

/// What the API has, and to whose eyes it shows cards.
#[derive(Default)]
pub(super) struct Api {
    pub(super) records: HashMap<String, Value>,
    pub(super) shows: Range<usize>,
}

// --- the API ---

impl Api {
    pub(super) fn reply(&mut self, request: &Request) -> String {
        let mut words = request.head.start().split(' ');
        let (method, path) = (words.next().unwrap(), words.next().unwrap());
        let record = self.records.entry(path.to_owned()).or_default();
        match method {
            "GET" if !self.shows.contains(&asker(request)) => answer("404 Not Found", "{}"),
            "GET" => ok(&record.to_string()),
            "DELETE" => {
                self.records.remove(path);
                "HTTP/1.1 204 No Content\r\n\r\n".to_owned()
            }
            _ => {
                let sent: Value = serde_json::from_slice(&request.body).unwrap();
                for (name, value) in sent.as_object().unwrap() {
                    record[name] = value.clone();
                }
                ok(&record.to_string())
            }
        }
    }
}

/// Which user asks, as the token says; all others are nobody.
fn asker(request: &Request) -> usize {
    let token = request.head.field("authorization").unwrap_or_default();
    let payload = token.split('.').nth(1).unwrap_or_default();
    let claims = URL_SAFE_NO_PAD.decode(payload).unwrap_or_default();
    let claims: Value = serde_json::from_slice(&claims).unwrap_or_default();
    let user = claims["sub"].as_str().unwrap_or_default();
    user.trim_start_matches('u').parse().unwrap_or(USERS)
}

// --- the writer ---

/// Method, collection, id and body of the write of that number.
fn plan(number: usize, deleted: bool) -> (&'static str, &'static str, usize, Value) {
    match number % 20 {
        0 => return ("PUT", "news", 0, json!({"id": "0", "n": number})),
        10 => {
            let card = json!({"id": "0", "n": number, "team": "red"});
            return ("PUT", "cards", 0, card);
        }
        _ => {}
    }
    let post = number - number / 10 - 1;
    let (id, visit) = (post % USERS, post / USERS);
    let owner = (id + 7 * (visit / 2)) % USERS;
    let reader = (owner + USERS / 2) % USERS;
    let whole = json!({"id": id.to_string(), "n": number,
        "owner": format!("u{owner}"), "reader": format!("u{reader}")});
    match (id + visit) % 11 {
        _ if deleted || visit == 0 => ("PUT", "posts", id, whole),
        0 => ("DELETE", "posts", id, Value::Null),
        // Somebody else has it from now on, and until then its owner is not mentioned.
        _ if visit % 2 == 0 => ("PATCH", "posts", id, whole),
        _ => ("PATCH", "posts", id, json!({"n": number})),
    }
}

/// Writes until it is told to stop, with news at the end.
pub(super) async fn write(address: SocketAddr, ledger: Ledger, stop: watch::Receiver<bool>) {
    let mut conn = Conn::to(address).await;
    let mut pace = tokio::time::interval(PACE);
    let mut last: HashMap<usize, Value> = HashMap::new();
    for number in 0_usize.. {
        pace.tick().await;
        let id = (number - number / 10).saturating_sub(1) % USERS;
        let (method, collection, id, body) = plan(number, last.get(&id) == Some(&Value::Null));
        let record = last.get(&id).cloned().unwrap_or_default();
        let began = SystemTime::now();
        ledger.lock().push(Written {
            method,
            collection,
            record,
            began,
        });
        let body = body.to_string();
        let length = body.len();
        let head = format!(
            "{method} /{collection}/{id} HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n\
             Content-Length: {length}\r\n\r\n"
        );
        conn.send(head + &body).await;
        let answer = conn.response().await;
        let record = match answer.status() {
            204 => Value::Null,
            _ => answer.expect(200).json(),
        };
        if collection == "posts" {
            last.insert(id, record.clone());
        }
        if !record.is_null() {
            ledger.lock()[number].record = record;
        }
        if collection == "news" && *stop.borrow() {
            return;
        }
    }
}
