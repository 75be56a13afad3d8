//! Somebody who listens, leaves, and comes back from where they were.

use std::net::SocketAddr;
use std::ops::Range;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::history::Recorder;
use crate::harness::{ALL, Conn, Subscriber};

pub(crate) struct Listener {
    pub(crate) address: SocketAddr,
    pub(crate) recorder: Recorder,
    /// By which the recorder knows it.
    pub(crate) number: usize,
    /// How many events it hears before it leaves; none: it never does.
    pub(crate) stays: Option<Range<usize>>,
    pub(crate) seed: u64,
}

/// How long it hears nothing, no ping either, before it leaves: what stands between is stalled.
const SILENCE: Duration = Duration::from_secs(2);
/// Before it comes back to where nobody listens.
const PAUSE: Duration = Duration::from_millis(10);

impl Listener {
    /// Hears until the event of the name `end` is published; opens `ready` at the first stream.
    pub(crate) async fn hear(self, end: String, ready: tokio::sync::oneshot::Sender<()>) {
        let mut random = StdRng::seed_from_u64(self.seed);
        let (mut after, mut ready) = (None::<String>, Some(ready));
        loop {
            let Some(mut stream) = self.open(after.as_deref()).await else {
                tokio::time::sleep(PAUSE).await;
                continue;
            };
            self.recorder.opens(self.number, after.clone());
            let stays = self.stays.clone();
            let mut left = stays.map_or(usize::MAX, |stays| random.random_range(stays));
            while left > 0 {
                let Ok(Some(frame)) = tokio::time::timeout(SILENCE, stream.frame()).await else {
                    break;
                };
                if frame.id.is_some() {
                    after.clone_from(&frame.id);
                    if let Some(ready) = ready.take() {
                        // Who started it may have stopped waiting.
                        ready.send(()).ok();
                    }
                }
                if frame.data.is_none() || frame.id.is_none() {
                    continue;
                }
                // `ping`, and `init`, which has no name.
                if matches!(frame.event.as_deref(), None | Some("ping")) {
                    continue;
                }
                self.recorder.hears(self.number, &frame);
                left -= 1;
                if frame.event() == "publish" && frame.json()["event"] == *end {
                    return;
                }
            }
            if random.random_bool(0.5) {
                stream.reset();
            }
        }
    }

    /// A stream; none where nobody serves one.
    async fn open(&self, after: Option<&str>) -> Option<Subscriber> {
        let mut conn = Conn::try_to(self.address).await?;
        let after = after.map(|id| format!("Last-Event-ID: {id}\r\n"));
        let after = after.unwrap_or_default();
        conn.send(format!("GET {ALL} HTTP/1.1\r\nHost: a\r\n{after}\r\n"))
            .await;
        let opened = tokio::time::timeout(SILENCE, Subscriber::try_on(conn)).await;
        let stream = opened.ok().flatten()?;
        (stream.head.status() == 200).then_some(stream)
    }
}
