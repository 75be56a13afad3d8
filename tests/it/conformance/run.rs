//! Runs a case, against the upstream itself or against the sidecar before it.

use std::net::SocketAddr;

use super::case::{Case, Step};
use super::compare::{Difference, Outcome, Seen, compare};
use super::exact::Exact;
use super::real::Real;
use super::wire::{End, Framing, Head, Message, Reading, Wire};
use crate::harness::{EVERYTHING, Sidecar, within};

/// The upstream of a case.
pub(super) enum Upstream {
    Exact(Exact),
    Real(Real),
}

/// Runs every case both ways, and fails with the names of those that differ as they may not.
pub(super) async fn run_all(upstream: Upstream, cases: Vec<Case>) {
    let url = format!("http://{}", upstream.address());
    let sidecar = Sidecar::start(&url, EVERYTHING).await;
    let mut told = String::new();
    for case in cases {
        println!("{}", case.name);
        let direct = upstream.outcome(&case, upstream.address()).await;
        let through = upstream.outcome(&case, sidecar.address()).await;
        let found = compare(&direct, &through);
        let but = |known: &Difference| case.but.contains(known);
        let may = |known: &Difference| Difference::ALWAYS.contains(known) || but(known);
        let mut wrong = found.unknown;
        let unexpected = found.known.iter().filter(|known| !may(known));
        wrong.extend(unexpected.map(|known| format!("{known:?} differs")));
        let gone = case.but.iter().filter(|but| !found.known.contains(but));
        wrong.extend(gone.map(|but| format!("{but:?} does not differ any more")));
        for wrong in wrong {
            told.push_str(&format!("{}: {wrong}\n", case.name));
        }
    }
    assert!(told.is_empty(), "{told}");
}

impl Upstream {
    fn address(&self) -> SocketAddr {
        match self {
            Self::Exact(exact) => exact.address,
            Self::Real(real) => real.address,
        }
    }

    async fn outcome(&self, case: &Case, address: SocketAddr) -> Outcome {
        match self {
            Self::Exact(exact) => exact.begin(case),
            Self::Real(_) => {}
        }
        let mut client = Client {
            wire: Wire::to(address).await,
            reading: None,
            seen: Vec::new(),
        };
        for step in &case.steps {
            match step {
                Step::LetGo => self.let_go().await,
                Step::Hear => self.hear().await,
                step => within(&case.name, client.step(step)).await,
            }
        }
        let seen = client.seen;
        drop(client.wire);
        let what = format!("{} upstream, after {seen:?}", case.name);
        let arrived = within(&what, self.arrived(case.requests)).await;
        Outcome { seen, arrived }
    }

    async fn arrived(&self, requests: usize) -> Vec<Option<Message>> {
        match self {
            Self::Exact(exact) => exact.arrived(requests).await,
            Self::Real(real) => real.arrived(requests).await,
        }
    }

    async fn let_go(&self) {
        match self {
            Self::Exact(exact) => exact.let_go(),
            Self::Real(real) => real.let_go().await,
        }
    }

    async fn hear(&self) {
        match self {
            Self::Exact(exact) => exact.hear().await,
            Self::Real(real) => real.hear().await,
        }
    }
}

struct Client {
    wire: Wire,
    /// An answer of which a part was read.
    reading: Option<Reading>,
    seen: Vec<Seen>,
}

impl Client {
    async fn step(&mut self, step: &Step) {
        match step {
            Step::Send(bytes) => self.wire.send(bytes).await,
            Step::Answer => {
                if let Some(reading) = self.begun().await {
                    let answer = reading.whole(&mut self.wire).await;
                    self.seen.push(Seen::Answer(answer));
                }
            }
            Step::UpTo(count) => {
                if let Some(mut reading) = self.begun().await {
                    reading.up_to(&mut self.wire, *count).await;
                    self.reading = Some(reading);
                }
            }
            Step::HeadOnly => {
                if let Some(head) = self.wire.head().await {
                    let mut answer = Reading::new(head, Framing::Length(0)).message;
                    answer.end = End::Whole;
                    self.seen.push(Seen::Answer(answer));
                }
            }
            Step::Interim => {
                if let Some(head) = self.wire.head().await {
                    self.seen.push(Seen::Head(head));
                }
            }
            Step::Raw(count) => {
                let bytes = self.wire.exact(*count).await;
                self.seen.push(Seen::Raw(bytes));
            }
            Step::Closes => {
                let closes = self.wire.closes().await;
                self.seen.push(Seen::Closed(closes));
            }
            Step::Hear | Step::LetGo => {}
        }
    }

    /// The answer that was begun, or the next; none where the other end closed instead.
    async fn begun(&mut self) -> Option<Reading> {
        if let Some(reading) = self.reading.take() {
            return Some(reading);
        }
        let head: Head = self.wire.head().await?;
        let framing = match head.word(1) {
            "204" | "304" => Framing::Length(0),
            _ => head.framing().unwrap_or(Framing::Close),
        };
        Some(Reading::new(head, framing))
    }
}

/// A message that is known only by its head and by what its body comes to.
pub(super) fn message(start: String, fields: Vec<(String, String)>, body: String) -> Message {
    Message {
        head: Head { start, fields },
        body: body.into_bytes(),
        trailers: Vec::new(),
        end: End::Whole,
    }
}
