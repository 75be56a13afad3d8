//! Writes and probes, in threads of their own: the one that hears may be busy when one is due.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

use tokio::sync::{oneshot, watch};
use tokio::task::LocalSet;

use crate::heard::{FIRST, Written};
use crate::load::{self, Answer, Plan, Times, Work};
use crate::marker::Template;
use crate::numbers::Latency;
use crate::target::{Field, Target};

/// What is written, and where.
#[derive(Clone)]
pub(crate) struct Writer {
    pub(crate) target: Target,
    pub(crate) method: String,
    pub(crate) fields: Vec<Field>,
    pub(crate) template: Template,
    pub(crate) written: Arc<Written>,
}

/// What came of requests.
#[derive(Clone, Debug, Default)]
pub(crate) struct Outcome {
    /// From when each was sent to the end of its answer.
    pub(crate) times: Latency,
    /// From when each was due to when it was sent.
    pub(crate) late: Latency,
    pub(crate) succeeded: u64,
    /// How many failed, by what was answered.
    pub(crate) failures: BTreeMap<String, u64>,
}

/// Writes that are under way.
struct Writing {
    writer: Writer,
    outcome: RefCell<Outcome>,
}

/// Requests that all are the same.
struct Probing {
    request: Vec<u8>,
    outcome: RefCell<Outcome>,
}

// === impl Outcome ===

impl Outcome {
    pub(crate) fn add(&mut self, times: Times, answer: &Result<Answer, String>) -> bool {
        self.late
            .add(times.sent.saturating_duration_since(times.due));
        match answer {
            Ok(answer) if (200..300).contains(&answer.status) => {
                self.times.add(times.sent.elapsed());
                self.succeeded += 1;
                return true;
            }
            Ok(answer) => *self.failures.entry(answer.status.to_string()).or_default() += 1,
            Err(why) => *self.failures.entry(why.clone()).or_default() += 1,
        }
        false
    }

    /// How many failed.
    pub(crate) fn failed(&self) -> u64 {
        self.failures.values().sum()
    }

    /// Shape: `404: 3, cannot connect: refused: 1`.
    pub(crate) fn failures(&self) -> String {
        let failures = self.failures.iter();
        let each = failures.map(|(what, count)| format!("{what}: {count}"));
        each.collect::<Vec<_>>().join(", ")
    }

    /// This, and what came of further ones.
    pub(crate) fn join(&mut self, more: &Self) {
        self.times.join(&more.times);
        self.late.join(&more.late);
        self.succeeded += more.succeeded;
        for (what, count) in &more.failures {
            *self.failures.entry(what.clone()).or_default() += count;
        }
    }
}

// === impl Writer ===

impl Writer {
    /// Makes the writes of a plan.
    ///
    /// # Errors
    /// The thread for it cannot be made.
    pub(crate) async fn run(
        &self,
        plan: Plan,
        stop: &watch::Receiver<bool>,
    ) -> Result<Outcome, String> {
        let (writer, stop) = (self.clone(), stop.clone());
        elsewhere(move || async move {
            let target = writer.target.clone();
            let outcome = RefCell::default();
            let work = Rc::new(Writing { writer, outcome });
            load::run(&target, plan, &work, &stop).await;
            work.outcome.take()
        })
        .await
    }

    /// Makes one write before all others.
    ///
    /// # Errors
    /// It did not succeed: what is wrong, and what to do.
    pub(crate) async fn first(&self, stop: &watch::Receiver<bool>) -> Result<(), String> {
        let plan = Plan {
            connections: 1,
            burst: 1,
            rate: None,
            first: FIRST - 1,
            end: FIRST,
        };
        let outcome = self.run(plan, stop).await?;
        if outcome.succeeded == 1 || *stop.borrow() {
            return Ok(());
        }
        Err(format!(
            "a {} to {} failed: {}; check --write-url, --method, --body and what --write-header has to say",
            self.method,
            self.target.shown(),
            outcome.failures()
        ))
    }
}

impl Work for Writing {
    fn method(&self) -> &str {
        &self.writer.method
    }

    fn request(&self, number: u32, due: Instant, into: &mut Vec<u8>) {
        let Writer {
            target,
            method,
            fields,
            template,
            written,
        } = &self.writer;
        let number = if number == FIRST - 1 { FIRST } else { number };
        let body = template.filled(written.marker(number, due));
        into.extend_from_slice(target.head(method, fields).as_bytes());
        into.extend_from_slice(with_body(&body).as_bytes());
    }

    fn begun(&self, number: u32) {
        self.writer.written.sent(number);
    }

    fn done(&self, number: u32, times: Times, answer: Result<Answer, String>) {
        let succeeded = self.outcome.borrow_mut().add(times, &answer);
        self.writer.written.answered(number, succeeded);
    }
}

/// The end of a request: what is said of this body, and the body.
pub(crate) fn with_body(body: &str) -> String {
    let length = body.len();
    format!("Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}")
}

// === impl Probing ===

/// Asks at this rate until `stop` is true.
///
/// # Errors
/// The thread for it cannot be made.
pub(crate) async fn probe(
    target: &Target,
    fields: &[Field],
    rate: f64,
    stop: watch::Receiver<bool>,
) -> Result<Outcome, String> {
    let target = target.clone();
    let request = format!("{}\r\n", target.head("GET", fields)).into_bytes();
    elsewhere(move || async move {
        let plan = Plan {
            connections: PROBES_MAX,
            burst: 1,
            rate: Some(rate),
            first: 0,
            end: u32::MAX,
        };
        let outcome = RefCell::default();
        let work = Rc::new(Probing { request, outcome });
        load::run(&target, plan, &work, &stop).await;
        work.outcome.take()
    })
    .await
}

impl Work for Probing {
    fn method(&self) -> &str {
        "GET"
    }

    fn request(&self, _number: u32, _due: Instant, into: &mut Vec<u8>) {
        into.extend_from_slice(&self.request);
    }

    fn done(&self, _number: u32, times: Times, answer: Result<Answer, String>) {
        // A probe that could not even be sent in time has waited as well.
        let times = Times {
            sent: times.due,
            ..times
        };
        self.outcome.borrow_mut().add(times, &answer);
    }
}

/// Does it in a thread of its own.
async fn elsewhere<T, F>(make: impl FnOnce() -> F + Send + 'static) -> Result<T, String>
where
    T: Send + 'static,
    F: Future<Output = T>,
{
    let (tell, told) = oneshot::channel();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| format!("no runtime: {error}"))?;
    let run = move || {
        let made = LocalSet::new().block_on(&runtime, async { make().await });
        // Who waited for it may be gone.
        tell.send(made).ok();
    };
    let thread = std::thread::Builder::new().name("requests".to_owned());
    thread
        .spawn(run)
        .map_err(|error| format!("no thread: {error}"))?;
    told.await.map_err(|_gone| "a thread broke off".to_owned())
}

/// Probes that wait for an answer at a time.
const PROBES_MAX: usize = 8;
