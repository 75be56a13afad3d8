//! What all streams have heard, and whether that is what was written.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use memchr::memmem::Finder;

use crate::frames::{Event, Frames, Kind};
use crate::marker::{Marker, finder};
use crate::numbers::{Course, Latency};
use crate::seen::Seen;

/// When each write of a run was sent and answered, in nanoseconds since the run began. The thread
/// that writes tells, the one that hears asks.
#[derive(Debug)]
pub(crate) struct Written {
    /// What marks the records of this run.
    pub(crate) run: u32,
    pub(crate) began: Instant,
    writes: Vec<Write>,
}

/// One write. 0 is never, and [`FAILED`] that it did not succeed.
#[derive(Debug, Default)]
struct Write {
    sent: AtomicU64,
    answered: AtomicU64,
}

/// All that is heard.
#[derive(Debug)]
pub(crate) struct Heard {
    pub(crate) written: Arc<Written>,
    streams: Vec<RefCell<Stream>>,
    finder: Finder<'static>,
    /// The writes that were made while nobody heard; they are late on purpose.
    missed: Range<u32>,
    /// Whether it is measured by now.
    pub(crate) counts: Cell<bool>,
    pub(crate) figures: RefCell<Figures>,
    pub(crate) latency: RefCell<Latency>,
    pub(crate) course: RefCell<Option<Course>>,
}

/// What is counted.
#[derive(Clone, Debug, Default)]
pub(crate) struct Figures {
    /// Streams that are open.
    pub(crate) open: u64,
    /// Of streams and writes, each pair that came, once.
    pub(crate) heard: u64,
    pub(crate) duplicate: u64,
    pub(crate) out_of_order: u64,
    /// Events with data that is not of this run.
    pub(crate) foreign: u64,
    pub(crate) gaps: u64,
    pub(crate) uncertain: u64,
    /// Streams that ended though nobody here closed them.
    pub(crate) closed: u64,
    pub(crate) reopened: u64,
    /// Bytes of streams without their heads.
    pub(crate) bytes: u64,
    /// Whether the write before all others was heard.
    pub(crate) first: bool,
    pub(crate) last_at: Option<Instant>,
}

/// What one stream has heard.
#[derive(Debug, Default)]
struct Stream {
    frames: Frames,
    seen: Seen,
    /// When the youngest of what was heard was sent.
    sent_last: u64,
    /// The order of all that was heard, as a number.
    order: u64,
    /// Whether something came too late, or twice.
    disordered: bool,
    caught_up: Option<Instant>,
}

/// What was heard of what was written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sum {
    pub(crate) expected: u64,
    pub(crate) delivered: u64,
}

// === impl Written ===

impl Written {
    pub(crate) fn new(writes: u32) -> Self {
        let writes = (0..writes).map(|_| Write::default()).collect();
        Self {
            run: rand::random(),
            began: Instant::now(),
            writes,
        }
    }

    /// The marker of a write that is due then.
    pub(crate) fn marker(&self, number: u32, due: Instant) -> Marker {
        Marker {
            run: self.run,
            number,
            due: self.nanos(due),
        }
    }

    pub(crate) fn sent(&self, number: u32) {
        if let Some(write) = self.writes.get(number as usize) {
            let now = self.nanos(Instant::now());
            write.sent.store(now, Ordering::Release);
        }
    }

    pub(crate) fn answered(&self, number: u32, succeeded: bool) {
        if let Some(write) = self.writes.get(number as usize) {
            let at = match succeeded {
                true => self.nanos(Instant::now()),
                false => FAILED,
            };
            write.answered.store(at, Ordering::Release);
        }
    }

    /// The writes that were sent, whatever came of them.
    pub(crate) fn attempts(&self) -> u64 {
        let sent = |write: &&Write| write.sent.load(Ordering::Acquire) != 0;
        self.writes.iter().filter(sent).count() as u64
    }

    /// The numbers of those that did not succeed.
    fn failed(&self) -> Vec<u32> {
        let numbered = (0..).zip(&self.writes);
        let failed = numbered.filter(|(_, write)| {
            let answered = write.answered.load(Ordering::Acquire);
            write.sent.load(Ordering::Acquire) != 0 && (answered == FAILED || answered == 0)
        });
        failed.map(|(number, _)| number).collect()
    }

    fn nanos(&self, at: Instant) -> u64 {
        let since = at.saturating_duration_since(self.began);
        u64::try_from(since.as_nanos()).unwrap_or(u64::MAX).max(1)
    }
}

// === impl Stream ===

impl Stream {
    fn after(last_id: Option<&str>) -> Self {
        Self {
            frames: Frames::after(last_id.unwrap_or_default()),
            ..Self::default()
        }
    }
}

// === impl Heard ===

impl Heard {
    pub(crate) fn new(
        streams: usize,
        written: &Arc<Written>,
        missed: Range<u32>,
        last_id: Option<&str>,
    ) -> Self {
        let stream = |_| RefCell::new(Stream::after(last_id));
        Self {
            written: Arc::clone(written),
            streams: (0..streams).map(stream).collect(),
            finder: finder(),
            missed,
            counts: Cell::new(false),
            figures: RefCell::default(),
            latency: RefCell::default(),
            course: RefCell::default(),
        }
    }

    /// Forgets what was heard of the first stream, which was one before all others.
    pub(crate) fn begin_again(&self, last_id: Option<&str>) {
        self.figures.take();
        if let Some(stream) = self.streams.first() {
            *stream.borrow_mut() = Stream::after(last_id);
        }
    }

    /// After which event this stream goes on.
    pub(crate) fn last_id(&self, stream: usize) -> Option<String> {
        let stream = self.streams.get(stream)?.borrow();
        stream.frames.last_id().map(str::to_owned)
    }

    /// The connection of this stream is gone, and what it had begun to say.
    pub(crate) fn cut(&self, stream: usize) {
        if let Some(stream) = self.streams.get(stream) {
            stream.borrow_mut().frames.cut();
        }
    }

    /// Takes what came on a stream.
    pub(crate) fn take(&self, number: usize, bytes: &[u8]) {
        let Some(stream) = self.streams.get(number) else {
            return;
        };
        let stream = &mut *stream.borrow_mut();
        let figures = &mut *self.figures.borrow_mut();
        let now = Instant::now();
        let mut frames = std::mem::take(&mut stream.frames);
        frames.read(bytes, &self.finder, |event| {
            self.event(stream, figures, event, now);
        });
        stream.frames = frames;
        if self.counts.get() {
            figures.bytes += bytes.len() as u64;
        }
    }

    fn event(&self, stream: &mut Stream, figures: &mut Figures, event: Event, now: Instant) {
        let own = |marker: &Marker| marker.run == self.written.run;
        match event.marker.filter(own) {
            Some(marker) if marker.number == FIRST => figures.first = true,
            Some(marker) => return self.delivery(stream, figures, marker, now),
            None if self.counts.get() => figures.foreign += 1,
            None => {}
        }
        match event.kind {
            Kind::Gap => figures.gaps += 1,
            Kind::Uncertain => figures.uncertain += 1,
            Kind::Ordinary => {}
        }
    }

    fn delivery(&self, stream: &mut Stream, figures: &mut Figures, marker: Marker, now: Instant) {
        let Some(write) = self.written.writes.get(marker.number as usize) else {
            return;
        };
        figures.last_at = Some(now);
        if !stream.seen.add(marker.number) {
            stream.disordered = true;
            figures.duplicate += 1;
            return;
        }
        figures.heard += 1;
        // A write that was sent after this one was answered may not be told before it.
        let answered = write.answered.load(Ordering::Acquire);
        if answered != 0 && answered < stream.sent_last {
            stream.disordered = true;
            figures.out_of_order += 1;
        }
        let sent = write.sent.load(Ordering::Acquire);
        stream.sent_last = stream.sent_last.max(sent);
        stream.order = stream.order.rotate_left(5) ^ u64::from(marker.number);
        stream.order = stream.order.wrapping_mul(ODD);
        if self.missed.contains(&marker.number) {
            if stream.seen.among(&self.missed) as usize == self.missed.len() {
                stream.caught_up = Some(now);
            }
            return;
        }
        let due = self.written.began + Duration::from_nanos(marker.due);
        let took = now.saturating_duration_since(due);
        self.latency.borrow_mut().add(took);
        if let Some(course) = &mut *self.course.borrow_mut() {
            course.add(due, took);
        }
    }

    /// How long after `since` each stream had heard all that it had missed.
    pub(crate) fn caught_up(&self, since: Instant) -> Latency {
        let mut times = Latency::default();
        for stream in &self.streams {
            if let Some(at) = stream.borrow().caught_up {
                times.add(at.saturating_duration_since(since));
            }
        }
        times
    }

    /// How many of the writes that succeeded were heard, if `streams` were to hear each. A write
    /// that failed may be told or not.
    pub(crate) fn sum(&self, streams: u64) -> Sum {
        let failed = self.written.failed();
        let attempts = self.written.attempts();
        let mut delivered = self.figures.borrow().heard;
        for stream in self.streams.iter().filter(|_| !failed.is_empty()) {
            let stream = stream.borrow();
            let heard = failed.iter().filter(|number| stream.seen.has(**number));
            delivered -= heard.count() as u64;
        }
        Sum {
            expected: (attempts - failed.len() as u64) * streams,
            delivered,
        }
    }

    /// Streams that heard everything, and in another order than most: of writes at the same time
    /// either may be told first, but everybody has to be told the same.
    pub(crate) fn disagreeing(&self) -> u64 {
        let mut orders = HashMap::<u64, u64>::new();
        if !self.written.failed().is_empty() {
            return 0;
        }
        let all = self.written.attempts();
        for stream in &self.streams {
            let stream = stream.borrow();
            let seen = u64::from(stream.seen.among(&(0..u32::MAX)));
            if seen == all && !stream.disordered {
                *orders.entry(stream.order).or_default() += 1;
            }
        }
        let most = orders.values().max().copied().unwrap_or_default();
        orders.values().sum::<u64>() - most
    }
}

/// The number of the write before all others, which shows that writes are heard at all.
pub(crate) const FIRST: u32 = u32::MAX;
const FAILED: u64 = u64::MAX;
/// What spreads the bits of an order: odd, so that none is lost.
const ODD: u64 = 0x9e37_79b9_7f4a_7c15;

#[cfg(test)]
mod tests {
    use super::*;

    /// Two streams, and three writes of which the last two overlap.
    fn heard() -> Heard {
        let written = Arc::new(Written::new(3));
        for number in 0..3 {
            written.sent(number);
            if number == 0 {
                written.answered(0, true);
                std::thread::sleep(Duration::from_micros(1));
            }
        }
        written.answered(1, true);
        written.answered(2, true);
        let heard = Heard::new(2, &written, 0..0, None);
        heard.counts.set(true);
        heard
    }

    fn tell(heard: &Heard, stream: usize, numbers: &[u32]) {
        for number in numbers {
            let marker = heard.written.marker(*number, Instant::now());
            heard.take(stream, format!("data: {marker}\n\n").as_bytes());
        }
    }

    #[test]
    fn what_is_missing_or_comes_twice_is_counted_to_the_event() {
        let heard = heard();
        tell(&heard, 0, &[0, 1, 2]);
        tell(&heard, 1, &[0, 2, 2]);
        let sum = heard.sum(2);
        assert_eq!((sum.expected, sum.delivered), (6, 5));
        assert_eq!(heard.figures.borrow().duplicate, 1);
        assert_eq!(heard.figures.borrow().out_of_order, 0);
    }

    #[test]
    fn what_was_answered_before_another_was_sent_comes_before_it() {
        let heard = heard();
        tell(&heard, 0, &[1, 0, 2]);
        assert_eq!(heard.figures.borrow().out_of_order, 1);
        assert_eq!(heard.disagreeing(), 0);
    }

    #[test]
    fn writes_at_the_same_time_have_one_order_for_all() {
        let heard = heard();
        tell(&heard, 0, &[0, 1, 2]);
        tell(&heard, 1, &[0, 2, 1]);
        assert_eq!(heard.figures.borrow().out_of_order, 0);
        assert_eq!(heard.disagreeing(), 1);
    }

    #[test]
    fn a_write_that_failed_may_be_told_or_not() {
        let heard = heard();
        heard.written.answered(1, false);
        tell(&heard, 0, &[0, 1, 2]);
        tell(&heard, 1, &[0, 2]);
        let sum = heard.sum(2);
        assert_eq!((sum.expected, sum.delivered), (4, 4));
    }

    #[test]
    fn what_others_write_is_no_error() {
        let heard = heard();
        heard.take(
            0,
            b"data: {\"event\":\"put\"}\n\n: beat\n\nevent: gap\ndata: {}\n\n",
        );
        assert_eq!(heard.figures.borrow().foreign, 2);
        assert_eq!(heard.figures.borrow().gaps, 1);
    }
}
