//! `streams`: opened, left alone, written for, and counted.

mod storm;

use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use crate::args::Streams;
use crate::heard::{Heard, Sum, Written};
use crate::listen::{Listeners, Opening, WINDOW};
use crate::load::Plan;
use crate::marker::Template;
use crate::numbers::Course;
use crate::process::{Server, make_room, own};
use crate::progress::Progress;
use crate::report::{StreamsReport, show};
use crate::target::Target;
use crate::writes::{Outcome, Writer};
use storm::{Storm, probe_if};

/// A run with what it needs.
struct Run<'a> {
    options: &'a Streams,
    server: Option<Server>,
    listeners: Rc<Listeners>,
    writer: Option<Writer>,
    /// What else is asked for meanwhile.
    probe: Option<Target>,
    progress: Progress,
    stop: watch::Receiver<bool>,
}

/// What was measured besides what the streams themselves heard.
#[derive(Default)]
pub(crate) struct Measured {
    pub(crate) opening: Opening,
    pub(crate) opened_per_second: f64,
    pub(crate) idle_bytes: Option<f64>,
    pub(crate) writes: Outcome,
    pub(crate) cpu_seconds: Option<f64>,
    pub(crate) seconds: f64,
    pub(crate) own_utilisation: f64,
    /// Requests while events were told.
    pub(crate) probed: Option<Outcome>,
    pub(crate) storm: Option<Storm>,
}

/// Does it; whether all was well.
///
/// # Errors
/// It cannot be done: what is wrong, and what to do.
pub(crate) async fn run(options: &Streams, stop: watch::Receiver<bool>) -> Result<bool, String> {
    let mut run = Run::of(options, stop).await?;
    run.first().await?;
    let mut measured = Measured::default();
    run.open(&mut measured).await?;
    run.listeners.heard.counts.set(true);
    run.write(&mut measured).await?;
    let report = run.report(&measured);
    run.progress.clear();
    let notes = run.notes(&measured, &report);
    let course = run.listeners.heard.course.take();
    let latency = run.listeners.heard.latency.take();
    show(&report, &notes, &options.common, &latency, course.as_ref())?;
    Ok(report.is_well())
}

impl<'a> Run<'a> {
    async fn of(options: &'a Streams, stop: watch::Receiver<bool>) -> Result<Self, String> {
        let streams = options.streams as usize;
        make_room(streams)?;
        let server = Server::of(&options.common.pid)?;
        let target = Target::of(&options.url).await;
        let target = target.map_err(|why| format!("--url: {why}"))?;
        let missed = options.missed();
        let written = Arc::new(Written::new(options.writes + missed.end - missed.start));
        let heard = Heard::new(streams, &written, missed, options.last_event_id.as_deref());
        let writer = match &options.write_url {
            None if options.writes > 0 => {
                return Err(
                    "--write-url is missing: say where records are written, or --writes 0".into(),
                );
            }
            None => None,
            Some(url) => {
                let target = Target::of(url).await;
                Some(Writer {
                    target: target.map_err(|why| format!("--write-url: {why}"))?,
                    method: options.method.clone(),
                    fields: options.write_header.clone(),
                    template: Template::of(&options.body, options.record_bytes as usize)?,
                    written,
                })
            }
        };
        let probe = match &options.probe_url {
            None => None,
            Some(url) => {
                let target = Target::of(url).await;
                Some(target.map_err(|why| format!("--probe-url: {why}"))?)
            }
        };
        let listeners = Listeners::new(target, options, Rc::new(heard));
        Ok(Self {
            options,
            server,
            listeners: Rc::new(listeners),
            writer: writer.filter(|_| options.writes > 0),
            probe,
            progress: Progress::new(options.common.quiet),
            stop,
        })
    }

    /// One stream and one write before all others: what is wrong with them is wrong with all, and
    /// what a server makes for the first is not counted as the cost of many.
    async fn first(&mut self) -> Result<(), String> {
        let (streams, mut stop) = (&self.listeners, self.stop.clone());
        streams.open_all(1, WINDOW, None, &mut stop).await;
        if let Some(why) = streams.opening.take().failure {
            return Err(why);
        }
        if let Some(writer) = &self.writer {
            writer.first(&self.stop).await?;
            let heard = async {
                while !streams.heard.figures.borrow().first {
                    sleep(LOOK).await;
                }
            };
            if timeout(FIRST_WITHIN, heard).await.is_err() {
                self.progress.warn(&format!(
                    "a first write succeeded, and its event did not come in {FIRST_WITHIN:?}: does the server tell this path's writes to these streams?"
                ));
            }
        }
        self.listeners.close_all();
        let last_id = self.options.last_event_id.as_deref();
        self.listeners.heard.begin_again(last_id);
        // The server has to notice that the stream is gone.
        sleep(FIRST_GONE).await;
        Ok(())
    }

    async fn open(&mut self, measured: &mut Measured) -> Result<(), String> {
        let streams = self.options.streams as usize;
        let before = self.server.as_ref().map(Server::memory);
        let start = Instant::now();
        let listeners = Rc::clone(&self.listeners);
        let mut stop = self.stop.clone();
        let opening = listeners.open_all(streams, WINDOW, self.options.open_rate, &mut stop);
        let mut opening = std::pin::pin!(opening);
        while timeout(TELL, &mut opening).await.is_err() {
            let opened = self.listeners.opening.borrow().opened;
            self.progress
                .tell(&format!("opening: {opened} of {streams} streams"));
        }
        let last_at = self.listeners.opening.borrow().last_at;
        let took = last_at.map_or(Duration::ZERO, |at| at.duration_since(start));
        self.pause(self.options.idle_seconds, "idle").await;
        measured.opening = self.listeners.opening.take();
        let opened = measured.opening.opened;
        if opened == 0 {
            let why = measured.opening.failure.take();
            return Err(why.unwrap_or_else(|| "no stream was opened".to_owned()));
        }
        measured.opened_per_second = opened as f64 / took.as_secs_f64().max(1e-6);
        if let (Some(before), Some(server)) = (before, &self.server) {
            measured.idle_bytes = Some((server.memory() as f64 - before as f64) / opened as f64);
        }
        Ok(())
    }

    /// All writes, and what comes of them.
    async fn write(&mut self, measured: &mut Measured) -> Result<(), String> {
        let Some(writer) = self.writer.clone() else {
            return Ok(());
        };
        let expected = f64::from(self.options.writes / self.options.burst) / self.options.rate;
        let course = Course::new(Duration::from_secs_f64(expected));
        *self.listeners.heard.course.borrow_mut() = Some(course);
        let (cpu, own_cpu) = (self.server.as_ref().map(Server::spent), own());
        let start = Instant::now();
        let before = self.options.before_storm();
        let (end, ended) = watch::channel(false);
        let probing = probe_if(self.probe.clone(), self.options, ended);
        let writing = async {
            let written = self.write_some(&writer, 0..before, measured).await;
            end.send_replace(true);
            written
        };
        let (probed, written) = tokio::join!(probing, writing);
        written?;
        measured.probed = probed?;
        if !self.options.missed().is_empty() && !*self.stop.borrow() {
            measured.storm = Some(self.storm(&writer, measured).await?);
            let rest = self.options.missed().end..self.options.writes + self.options.missed;
            self.write_some(&writer, rest, measured).await?;
        }
        let took = start.elapsed().as_secs_f64();
        measured.own_utilisation = (own() - own_cpu) / took;
        // What was waited for in vain is no time in which anything was delivered.
        let last_at = self.listeners.heard.figures.borrow().last_at;
        let told = last_at.map(|at| at.saturating_duration_since(start).as_secs_f64());
        measured.seconds = told.unwrap_or(took);
        if let (Some(cpu), Some(server)) = (cpu, &self.server) {
            measured.cpu_seconds = Some(server.spent().seconds_since(&cpu));
        }
        Ok(())
    }

    /// Writes of these numbers at the rate that was asked for, and until all are heard.
    async fn write_some(
        &mut self,
        writer: &Writer,
        numbers: std::ops::Range<u32>,
        measured: &mut Measured,
    ) -> Result<(), String> {
        let plan = Plan {
            connections: self.options.connections(),
            burst: self.options.burst,
            rate: Some(self.options.rate),
            first: numbers.start,
            end: numbers.end,
        };
        let stop = self.stop.clone();
        let writing = writer.run(plan, &stop);
        let mut writing = std::pin::pin!(writing);
        let outcome = loop {
            match timeout(TELL, &mut writing).await {
                Ok(outcome) => break outcome?,
                Err(_elapsed) => self.tell(),
            }
        };
        measured.writes.join(&outcome);
        self.all_heard(measured.opening.opened).await;
        Ok(())
    }

    /// Waits until everything is heard that was written, or nothing more comes.
    async fn all_heard(&mut self, streams: u64) {
        let heard = Rc::clone(&self.listeners.heard);
        let patience = Duration::from_secs_f64(self.options.patience);
        let (mut before, mut since) = (0, Instant::now());
        loop {
            let Sum {
                expected,
                delivered,
            } = heard.sum(streams);
            if delivered > before {
                (before, since) = (delivered, Instant::now());
            }
            let stopped = *self.stop.borrow();
            let patience = if stopped {
                patience.min(STOPPED)
            } else {
                patience
            };
            if delivered >= expected || since.elapsed() >= patience {
                break;
            }
            sleep(LOOK).await;
            self.tell();
        }
    }

    fn tell(&mut self) {
        let heard = &self.listeners.heard;
        let figures = heard.figures.borrow();
        let latency = heard.latency.borrow();
        let p99 = latency.quantile(0.99).unwrap_or_default();
        let attempts = heard.written.attempts();
        self.progress.tell(&format!(
            "{} streams, {attempts} writes, {} events heard, p99 {p99:.2} ms",
            figures.open, figures.heard
        ));
    }

    async fn pause(&mut self, seconds: f64, what: &str) {
        let until = Instant::now() + Duration::from_secs_f64(seconds);
        let mut stop = self.stop.clone();
        loop {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() || *stop.borrow() {
                return;
            }
            self.progress
                .tell(&format!("{what}: {:.0} s left", left.as_secs_f64()));
            timeout(left.min(TELL), stop.wait_for(|stop| *stop))
                .await
                .ok();
        }
    }

    fn report(&self, measured: &Measured) -> StreamsReport {
        let heard = &self.listeners.heard;
        let streams = measured.opening.opened;
        StreamsReport::of(
            measured,
            heard.sum(streams),
            &heard.figures.borrow(),
            &heard.latency.borrow(),
            heard.disagreeing(),
        )
    }

    /// What a reader of the figures has to know.
    fn notes(&self, measured: &Measured, report: &StreamsReport) -> Vec<String> {
        let mut notes = Vec::new();
        if let Some(why) = &measured.opening.failure {
            let failed = measured.opening.failed;
            notes.push(format!(
                "{failed} streams were not opened; the first: {why}"
            ));
        }
        if measured.writes.failed() > 0 {
            notes.push(format!("writes failed: {}", measured.writes.failures()));
        }
        if let Some(probed) = measured
            .probed
            .as_ref()
            .filter(|probed| probed.failed() > 0)
        {
            notes.push(format!("probes failed: {}", probed.failures()));
        }
        let figures = self.listeners.heard.figures.borrow();
        if figures.closed > 0 && !self.options.reconnect {
            notes.push(format!(
                "the server ended {} streams, which were not opened again (--reconnect does)",
                figures.closed
            ));
        }
        if report
            .own_cpu_utilisation
            .is_some_and(|part| part > OWN_MOST)
        {
            notes.push(
                "this tool was at the limit of a core: latency is its own as much as the server's; load less, or from several machines".to_owned(),
            );
        }
        if *self.stop.borrow() {
            notes.push("it was ended early: what was measured until then".to_owned());
        }
        notes
    }
}

impl Streams {
    /// The numbers of the writes that are made while no stream is there.
    fn missed(&self) -> std::ops::Range<u32> {
        match self.reconnect_all {
            Some(_) => self.before_storm()..self.before_storm() + self.missed,
            None => 0..0,
        }
    }

    /// How many writes are made before all streams are closed.
    fn before_storm(&self) -> u32 {
        self.reconnect_all.unwrap_or(self.writes).min(self.writes)
    }

    fn connections(&self) -> usize {
        let usual = || u16::try_from(self.burst).unwrap_or(u16::MAX).max(8);
        usize::from(self.write_connections.unwrap_or_else(usual))
    }
}

const LOOK: Duration = Duration::from_millis(5);
const TELL: Duration = Duration::from_millis(200);
/// How long it waits for what was written before it was to stop.
const STOPPED: Duration = Duration::from_secs(1);
/// How long the event of the first write may take before somebody is told.
const FIRST_WITHIN: Duration = Duration::from_secs(2);
const FIRST_GONE: Duration = Duration::from_millis(200);
/// Part of a core that this tool may take before it is what limits.
const OWN_MOST: f64 = 0.9;
