//! Somebody who hears what happens now, and a write now and then: from write to event.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::http::{Client, Result, post};
use crate::runtime;
use crate::stream::Stream;

/// A subscriber and a writer, in a thread of their own: what others do here is not their delay.
#[derive(Debug)]
pub(crate) struct Live {
    ended: Arc<AtomicBool>,
    thread: JoinHandle<Result<Vec<Duration>>>,
}

impl Live {
    /// Starts it.
    pub(crate) fn start(address: SocketAddr) -> Self {
        let ended = Arc::new(AtomicBool::new(false));
        let until = Arc::clone(&ended);
        let thread = std::thread::spawn(move || runtime().block_on(run(address, &until)));
        Self { ended, thread }
    }

    /// Ends it; how long each event took from the moment at which its write was due.
    pub(crate) fn end(self) -> Result<Vec<Duration>> {
        self.ended.store(true, Ordering::Relaxed);
        self.thread.join().unwrap()
    }
}

async fn run(address: SocketAddr, ended: &AtomicBool) -> Result<Vec<Duration>> {
    let mut stream = Stream::open(address, None).await?;
    // Its `init`: from here on it hears everything.
    stream.lines(|_| {}).await?;
    let due = RefCell::new(Vec::<Instant>::new());
    let took = RefCell::new(Vec::<Duration>::new());
    let writing = async {
        let mut client = Client::to(address).await?;
        // Those that are late follow at once: a stall is a delay for all that were due in it.
        let mut ticks = tokio::time::interval(INTERVAL);
        while !ended.load(Ordering::Relaxed) {
            let tick = ticks.tick().await;
            let body = format!(r#"{{"n":{}}}"#, due.borrow().len());
            due.borrow_mut().push(tick.into_std());
            client.write(&post("/live", &body)).await?;
        }
        let until = Instant::now() + PATIENCE;
        while took.borrow().len() < due.borrow().len() && Instant::now() < until {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        Ok::<_, String>(())
    };
    let hearing = async {
        loop {
            let heard = |line: &[u8]| {
                if let Some(number) = number(line) {
                    took.borrow_mut().push(due.borrow()[number].elapsed());
                }
            };
            if let Err(error) = stream.lines(heard).await {
                break error;
            }
        }
    };
    tokio::select! {
        written = writing => written?,
        error = hearing => return Err(error),
    }
    let (due, took) = (due.into_inner(), took.into_inner());
    if took.len() == due.len() {
        Ok(took)
    } else {
        Err(format!(
            "of {} live events {} were heard",
            due.len(),
            took.len()
        ))
    }
}

/// The number of the write that this line tells of; none for any other line.
fn number(line: &[u8]) -> Option<usize> {
    let line = std::str::from_utf8(line).ok()?;
    let data = line.strip_prefix("data: ")?;
    if !data.contains(r#""collection":"live""#) {
        return None;
    }
    let (_, rest) = data.split_once(r#""n":"#)?;
    rest.split(|c: char| !c.is_ascii_digit())
        .next()?
        .parse()
        .ok()
}

/// Between two writes.
const INTERVAL: Duration = Duration::from_millis(100);
/// For the events of the last writes.
const PATIENCE: Duration = Duration::from_secs(5);
