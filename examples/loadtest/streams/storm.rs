//! All streams go, something is written, and all come back at once.

use std::rc::Rc;
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use crate::args::Streams;
use crate::listen::{Listeners, WINDOW_STORM};
use crate::load::Plan;
use crate::numbers::Latency;
use crate::target::Target;
use crate::writes::{Outcome, Writer, probe};

use super::{LOOK, Measured, Run, TELL};

/// How that went.
pub(crate) struct Storm {
    /// From when the first came back until each had heard what it had missed.
    pub(crate) caught_up: Latency,
    /// How many could not be opened again.
    pub(crate) failed: u64,
    /// Requests before it, while nothing else was done.
    pub(crate) calm: Option<Outcome>,
    /// Requests until all had caught up.
    pub(crate) during: Option<Outcome>,
}

impl Run<'_> {
    pub(super) async fn storm(
        &mut self,
        writer: &Writer,
        measured: &mut Measured,
    ) -> Result<Storm, String> {
        let target = self.probe.clone();
        let calm = match &target {
            None => None,
            Some(target) => Some(self.calm(target).await?),
        };
        self.listeners.close_all();
        sleep(GONE).await;
        self.miss(writer, measured).await?;
        let (end, ended) = watch::channel(false);
        let since = Instant::now();
        let both = {
            let (options, listeners) = (self.options, Rc::clone(&self.listeners));
            let mut stop = self.stop.clone();
            async move {
                let coming_back = async {
                    come_back(&listeners, options, since, &mut stop).await;
                    end.send_replace(true);
                };
                tokio::join!(probe_if(target, options, ended), coming_back).0
            }
        };
        let mut both = std::pin::pin!(both);
        let during = loop {
            match timeout(TELL, &mut both).await {
                Ok(during) => break during?,
                Err(_elapsed) => {
                    let caught_up = self.listeners.heard.caught_up(since).count();
                    let streams = self.options.streams;
                    let line = format!("coming back: {caught_up} of {streams} caught up");
                    self.progress.tell(&line);
                }
            }
        };
        Ok(Storm {
            caught_up: self.listeners.heard.caught_up(since),
            failed: self.listeners.opening.borrow().failed,
            calm,
            during,
        })
    }

    /// Writes while nobody hears.
    async fn miss(&mut self, writer: &Writer, measured: &mut Measured) -> Result<(), String> {
        let missed = self.options.missed();
        let plan = Plan {
            connections: self.options.connections(),
            burst: 1,
            rate: Some(self.options.rate.max(MISSED_RATE)),
            first: missed.start,
            end: missed.end,
        };
        self.progress
            .tell("all streams are gone; writing meanwhile");
        let outcome = writer.run(plan, &self.stop).await?;
        measured.writes.join(&outcome);
        Ok(())
    }

    /// Requests while all streams are open and nothing is written.
    async fn calm(&mut self, target: &Target) -> Result<Outcome, String> {
        let (end, ended) = watch::channel(false);
        let (fields, rate) = (&self.options.probe_header, self.options.probe_rate);
        let probing = probe(target, fields, rate, ended);
        let mut stop = self.stop.clone();
        let ending = async {
            timeout(CALM, stop.wait_for(|stop| *stop)).await.ok();
            end.send_replace(true);
        };
        self.progress.tell("probing before all streams go");
        let (outcome, ()) = tokio::join!(probing, ending);
        let outcome = outcome?;
        if outcome.succeeded == 0 && !*self.stop.borrow() {
            let failures = outcome.failures();
            return Err(format!("no probe succeeded: {failures}; check --probe-url"));
        }
        Ok(outcome)
    }
}

/// Opens all streams, and waits until each has heard what it missed or nothing more comes.
async fn come_back(
    listeners: &Rc<Listeners>,
    options: &Streams,
    since: Instant,
    stop: &mut watch::Receiver<bool>,
) {
    listeners
        .open_all(options.streams as usize, WINDOW_STORM, None, stop)
        .await;
    let patience = Duration::from_secs_f64(options.patience);
    let (mut before, mut quiet_since) = (0, Instant::now());
    while !*stop.borrow() && quiet_since.elapsed() <= patience {
        let caught_up = listeners.heard.caught_up(since).count();
        if caught_up > before {
            (before, quiet_since) = (caught_up, Instant::now());
        }
        if caught_up >= listeners.opening.borrow().opened {
            return;
        }
        sleep(LOOK).await;
    }
}

/// Requests until `ended` is true, if any are to be made.
pub(super) async fn probe_if(
    target: Option<Target>,
    options: &Streams,
    ended: watch::Receiver<bool>,
) -> Result<Option<Outcome>, String> {
    match target {
        None => Ok(None),
        Some(target) => {
            let probing = probe(&target, &options.probe_header, options.probe_rate, ended);
            probing.await.map(Some)
        }
    }
}

/// Requests before the storm are measured for so long.
const CALM: Duration = Duration::from_secs(3);
/// The server notices that the streams are gone.
const GONE: Duration = Duration::from_millis(500);
/// Nobody hears the writes that are missed, so that they need not take long.
const MISSED_RATE: f64 = 500.0;
