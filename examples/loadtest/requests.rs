//! `requests`: sent and timed.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tokio::time::timeout;

use crate::args::Requests;
use crate::load::{self, Answer, Plan, Times, Work};
use crate::numbers::{Course, Latency};
use crate::process::{Server, make_room, own};
use crate::progress::Progress;
use crate::report::{RequestsReport, show};
use crate::target::Target;
use crate::writes::{Outcome, with_body};

/// Requests that all are the same, and what came of those that are measured.
struct Asking {
    method: String,
    request: Vec<u8>,
    /// Times count from when a request was due: of a rate.
    from_due: bool,
    counts: Cell<bool>,
    outcome: RefCell<Outcome>,
    bytes: Cell<u64>,
    course: RefCell<Course>,
}

/// What was measured.
pub(crate) struct Measured {
    pub(crate) outcome: Outcome,
    pub(crate) bytes: u64,
    pub(crate) cpu_seconds: Option<f64>,
    pub(crate) seconds: f64,
    pub(crate) own_utilisation: f64,
}

/// Does it; whether all was well.
///
/// # Errors
/// It cannot be done: what is wrong, and what to do.
pub(crate) async fn run(options: &Requests, stop: watch::Receiver<bool>) -> Result<bool, String> {
    make_room(usize::from(options.connections))?;
    let server = Server::of(&options.common.pid)?;
    let target = Target::of(&options.url).await;
    let target = target.map_err(|why| format!("--url: {why}"))?;
    let expected = Duration::from_secs_f64(options.seconds);
    let work = Rc::new(Asking::of(options, &target, expected));
    let mut progress = Progress::new(options.common.quiet);
    let (end, ended) = watch::channel(false);
    work.first(&target, &ended).await?;
    work.warm_up(options, &target, &stop).await;
    work.counts.set(true);
    *work.course.borrow_mut() = Course::new(expected);
    let (cpu, own_cpu) = (server.as_ref().map(Server::spent), own());
    let start = Instant::now();
    let load = load::run(&target, options.plan(options.requests), &work, &ended);
    let mut load = std::pin::pin!(load);
    let mut was_ended = false;
    loop {
        let left = options.left(start);
        let done = timeout(TELL.min(left.max(LEFT_MIN)), &mut load)
            .await
            .is_ok();
        if *stop.borrow() || left.is_zero() {
            was_ended |= *stop.borrow();
            end.send_replace(true);
        }
        if done {
            break;
        }
        progress.tell(&work.standing());
    }
    let seconds = start.elapsed().as_secs_f64();
    let measured = Measured {
        outcome: work.outcome.take(),
        bytes: work.bytes.get(),
        cpu_seconds: server
            .zip(cpu)
            .map(|(server, cpu)| server.spent().seconds_since(&cpu)),
        seconds,
        own_utilisation: (own() - own_cpu) / seconds,
    };
    progress.clear();
    let report = RequestsReport::of(&measured);
    let mut notes = Vec::new();
    if measured.outcome.failed() > 0 {
        notes.push(format!("failed: {}", measured.outcome.failures()));
    }
    if measured.own_utilisation > OWN_MOST {
        notes.push(
            "this tool was at the limit of a core: what is measured is its own speed as much as the server's; use --rate, or several machines".to_owned(),
        );
    }
    if was_ended {
        notes.push("it was ended early: what was measured until then".to_owned());
    }
    let course = work.course.borrow();
    show(
        &report,
        &notes,
        &options.common,
        &measured.outcome.times,
        Some(&course),
    )?;
    Ok(measured.outcome.failed() == 0)
}

impl Asking {
    fn of(options: &Requests, target: &Target, expected: Duration) -> Self {
        let has_body = !matches!(&*options.method, "GET" | "HEAD" | "DELETE" | "OPTIONS");
        let length = options.body_bytes.unwrap_or(if has_body { 300 } else { 0 });
        let mut request = target.head(&options.method, &options.header);
        if length == 0 {
            request.push_str("\r\n");
        } else {
            let around = r#"{"title":""}"#.len();
            let text = "x".repeat((length as usize).saturating_sub(around));
            request.push_str(&with_body(&format!(r#"{{"title":"{text}"}}"#)));
        }
        Self {
            method: options.method.clone(),
            request: request.into_bytes(),
            from_due: options.rate.is_some(),
            counts: Cell::new(false),
            outcome: RefCell::default(),
            bytes: Cell::new(0),
            course: RefCell::new(Course::new(expected)),
        }
    }

    /// One request before all others: a server that cannot be reached is no measurement.
    async fn first(
        self: &Rc<Self>,
        target: &Target,
        stop: &watch::Receiver<bool>,
    ) -> Result<(), String> {
        let plan = Plan {
            connections: 1,
            burst: 1,
            rate: None,
            first: 0,
            end: 1,
        };
        self.counts.set(true);
        load::run(target, plan, self, stop).await;
        self.counts.set(false);
        self.bytes.set(0);
        let outcome = self.outcome.take();
        if outcome.succeeded == 1 {
            return Ok(());
        }
        Err(format!(
            "a {} to {} failed: {}; check --url, --method and what --header has to say",
            self.method,
            target.shown(),
            outcome.failures()
        ))
    }

    async fn warm_up(
        self: &Rc<Self>,
        options: &Requests,
        target: &Target,
        stop: &watch::Receiver<bool>,
    ) {
        let (end, ended) = watch::channel(false);
        let mut stop = stop.clone();
        let ending = async {
            let time = Duration::from_secs_f64(options.warmup);
            timeout(time, stop.wait_for(|stop| *stop)).await.ok();
            end.send_replace(true);
        };
        if options.warmup > 0.0 {
            tokio::join!(load::run(target, options.plan(None), self, &ended), ending);
        }
    }

    fn standing(&self) -> String {
        let outcome = self.outcome.borrow();
        let p99 = outcome.times.quantile(0.99).unwrap_or_default();
        let (answered, failed) = (outcome.succeeded, outcome.failed());
        format!("{answered} requests answered, {failed} failed, p99 {p99:.2} ms")
    }
}

impl Work for Asking {
    fn method(&self) -> &str {
        &self.method
    }

    fn request(&self, _number: u32, _due: Instant, into: &mut Vec<u8>) {
        into.extend_from_slice(&self.request);
    }

    fn done(&self, _number: u32, times: Times, answer: Result<Answer, String>) {
        if !self.counts.get() {
            return;
        }
        let began = if self.from_due { times.due } else { times.sent };
        let times = Times {
            sent: began,
            ..times
        };
        let succeeded = self.outcome.borrow_mut().add(times, &answer);
        if let Ok(answer) = answer {
            self.bytes.set(self.bytes.get() + answer.bytes);
        }
        if succeeded {
            self.course.borrow_mut().add(began, began.elapsed());
        }
    }
}

impl Requests {
    fn plan(&self, requests: Option<u32>) -> Plan {
        Plan {
            connections: usize::from(self.connections),
            burst: 1,
            rate: self.rate,
            first: 0,
            end: requests.unwrap_or(u32::MAX),
        }
    }

    /// How long it still goes on.
    fn left(&self, start: Instant) -> Duration {
        match self.requests {
            Some(_) => Duration::MAX,
            None => Duration::from_secs_f64(self.seconds).saturating_sub(start.elapsed()),
        }
    }
}

impl Outcome {
    /// All that was tried.
    pub(crate) fn tried(&self) -> u64 {
        self.succeeded + self.failed()
    }
}

impl Measured {
    /// How long the answers took.
    pub(crate) fn times(&self) -> &Latency {
        &self.outcome.times
    }
}

const TELL: Duration = Duration::from_millis(200);
const LEFT_MIN: Duration = Duration::from_millis(1);
const OWN_MOST: f64 = 0.9;
