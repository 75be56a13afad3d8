//! Who hears, what they hear, and what they may hear.

use std::collections::HashMap;
use std::ops::Range;
use std::time::{Duration, Instant, SystemTime};

use jsonwebtoken::{EncodingKey, Header, encode};
use serde_json::{Value, json};
use tokio::sync::watch;

use super::writing::Written;
use super::{SECRET, TEAM};
use crate::harness::{Sidecar, Subscriber, within};
use crate::pocketbase::connected_with;

/// What a stream heard.
#[derive(Clone, Default)]
pub(super) struct Heard {
    pub(super) events: Vec<(usize, String, Value, Instant)>,
    /// When it was told that its token is over, and whether it has ended since.
    pub(super) closed: Option<SystemTime>,
    pub(super) ended: bool,
}

#[derive(Clone, Copy, PartialEq)]
pub(super) enum Who {
    Guest,
    Superuser,
    User(usize),
    /// Until its token expires.
    Expiring(usize),
}

pub(super) struct Stream {
    pub(super) who: Who,
    pub(super) is_restdb: bool,
    pub(super) heard: watch::Receiver<Heard>,
}

/// A change of who may hear.
#[derive(Clone, Copy)]
pub(super) struct Change {
    /// Every number below this had been heard by all before it.
    pub(super) from: usize,
    /// Every number from this on was begun when it was in force.
    pub(super) by: usize,
}

// --- the streams ---

/// As much of it as a token can say.
pub(super) fn whole_second(time: SystemTime) -> SystemTime {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap();
    SystemTime::UNIX_EPOCH + Duration::from_secs(since.as_secs())
}

fn token(claims: Value, expiry: SystemTime) -> String {
    let mut claims = claims;
    let since = expiry.duration_since(SystemTime::UNIX_EPOCH).unwrap();
    claims["exp"] = json!(since.as_secs());
    let key = EncodingKey::from_secret(SECRET.as_bytes());
    encode(&Header::default(), &claims, &key).unwrap()
}

impl Who {
    /// The token that it comes with, if any.
    fn token(self, expiry: SystemTime) -> Option<String> {
        let late = SystemTime::now() + Duration::from_secs(3600);
        match self {
            Self::Guest => None,
            Self::Superuser => Some(token(json!({"sub": "root", "role": "admin"}), late)),
            Self::User(user) => {
                let team = if user < TEAM { "red" } else { "blue" };
                let claims = json!({"sub": format!("u{user}"), "team": team});
                Some(token(claims, late))
            }
            Self::Expiring(user) => Some(token(json!({"sub": format!("u{user}")}), expiry)),
        }
    }
}

impl Stream {
    pub(super) async fn open(
        sidecar: &Sidecar,
        who: Who,
        is_restdb: bool,
        expiry: SystemTime,
    ) -> Self {
        let token = who.token(expiry);
        let stream = if is_restdb {
            let token = token.map(|token| format!("?jwt={token}"));
            let path = format!("/realtime{}", token.unwrap_or_default());
            sidecar.hear(&path).await
        } else {
            let (stream, id) = connected_with(sidecar, &[]).await;
            let body = json!({"clientId": id, "subscriptions": ["posts", "cards", "news"]});
            let mut fields = vec![("Content-Type", "application/json")];
            fields.extend(token.iter().map(|token| ("Authorization", &**token)));
            let body = body.to_string();
            let submitted = sidecar.send("POST", "/api/realtime", &fields, body.as_bytes());
            submitted.await.expect(204);
            stream
        };
        let (sender, heard) = watch::channel(Heard::default());
        tokio::spawn(read(stream, sender));
        Self {
            who,
            is_restdb,
            heard,
        }
    }

    /// Waits until it heard so.
    pub(super) async fn until(&self, what: &str, so: impl FnMut(&Heard) -> bool) {
        let mut heard = self.heard.clone();
        let heard = within(what, heard.wait_for(so)).await;
        assert!(heard.is_ok(), "a stream's reader is gone");
    }

    /// Whether it may hear of that write, under that rule and while those are shown cards.
    pub(super) fn may_hear(&self, of: &Written, rule: &str, shows: &Range<usize>) -> bool {
        match (self.who, of.collection) {
            (Who::Superuser, _) | (_, "news") => true,
            (Who::User(user), "cards") => shows.contains(&user),
            (Who::User(user) | Who::Expiring(user), "posts") => {
                of.record[rule] == format!("u{user}")
            }
            _ => false,
        }
    }
}

/// Notes all that a stream hears.
async fn read(mut stream: Subscriber, heard: watch::Sender<Heard>) {
    while let Some(frame) = stream.frame().await {
        match frame.event() {
            "ping" | "init" | "PB_CONNECT" => {}
            "close" => heard.send_modify(|heard| heard.closed = Some(SystemTime::now())),
            _ if frame.data.is_none() => {}
            name => {
                let seq = frame.id().rsplit_once('-').unwrap().1;
                let number = usize::from_str_radix(seq, 16).unwrap() - 1;
                let mut told = frame.json();
                let collection = told["collection"].as_str().unwrap_or(name).to_owned();
                let event = (number, collection, told["record"].take(), Instant::now());
                heard.send_modify(|heard| heard.events.push(event));
            }
        }
    }
    heard.send_modify(|heard| heard.ended = true);
}

// --- what has to come of it ---

impl Change {
    /// Checks that a stream has heard of those writes exactly what it might, and nothing else; how
    /// many it lost by the change.
    pub(super) fn check(
        self,
        stream: &Stream,
        ledger: &[Written],
        collections: &[&str],
        may_hear: [&dyn Fn(&Written) -> bool; 2],
    ) -> usize {
        let [before, after] = may_hear;
        let heard = stream.heard.borrow();
        let heard: HashMap<usize, &str> = heard.events.iter().map(|of| (of.0, &*of.1)).collect();
        let mut lost = 0;
        for (number, written) in ledger.iter().enumerate() {
            let (old, new) = (before(written), after(written));
            let told = heard.get(&number);
            if !collections.contains(&written.collection) {
                continue;
            }
            let right = match told {
                _ if (self.from + 1..self.by).contains(&number) && old != new => true,
                told if number < self.by => told.is_some() == old,
                told => told.is_some() == new,
            };
            let (who, record) = (stream.name(), &written.record);
            assert!(
                right,
                "{number} {told:?} by {who}: {record}, {} to {}",
                self.from, self.by
            );
            assert!(told.is_none_or(|told| *told == written.collection));
            lost += usize::from(number >= self.by && old && !new);
        }
        lost
    }
}

impl Stream {
    pub(super) fn name(&self) -> String {
        let dialect = if self.is_restdb {
            "RestDB"
        } else {
            "PocketBase"
        };
        match self.who {
            Who::Guest => format!("a guest of {dialect}"),
            Who::Superuser => format!("a superuser of {dialect}"),
            Who::User(user) => format!("u{user} of {dialect}"),
            Who::Expiring(user) => format!("u{user} of {dialect}, whose token expires"),
        }
    }

    /// Checks that all came in order and none twice, and that the places are those of the writes.
    pub(super) fn is_in_order(&self, ledger: &[Written]) {
        let heard = self.heard.borrow();
        let mut pairs = heard.events.windows(2);
        let wrong = pairs.find(|pair| pair[0].0 >= pair[1].0);
        assert!(wrong.is_none(), "{}: {wrong:?}", self.name());
        for (number, _, record, _) in &heard.events {
            // A delete has the record as it was, and RestDB tells the id alone.
            if ledger[*number].method != "DELETE" && !self.is_restdb {
                assert_eq!(record["n"], *number, "{}: {record}", self.name());
            }
        }
    }
}
