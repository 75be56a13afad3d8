//! Waiting until a moment, to some ten microseconds.
//!
//! The timers of the runtime tick in milliseconds, which is longer than most of what is measured.

use std::time::{Duration, Instant};

use tokio::sync::watch;

/// Something to wait with.
#[derive(Debug)]
pub(crate) struct Pace {
    #[cfg(target_os = "linux")]
    timer: Option<tokio::io::unix::AsyncFd<std::os::fd::OwnedFd>>,
}

impl Pace {
    pub(crate) fn new() -> Self {
        Self {
            #[cfg(target_os = "linux")]
            timer: linux::timer(),
        }
    }

    /// Waits until then; false if `stop` became true before.
    pub(crate) async fn wait(&mut self, until: Instant, stop: &mut watch::Receiver<bool>) -> bool {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return true;
        }
        tokio::select! {
            () = self.sleep(left) => true,
            _ = stop.wait_for(|stop| *stop) => false,
        }
    }

    #[cfg(target_os = "linux")]
    async fn sleep(&mut self, time: Duration) {
        match &self.timer {
            Some(timer) => linux::sleep(timer, time).await,
            None => tokio::time::sleep(time).await,
        }
    }

    #[cfg(not(target_os = "linux"))]
    async fn sleep(&mut self, time: Duration) {
        tokio::time::sleep(time).await;
    }
}

#[cfg(target_os = "linux")]
mod linux {
    use std::os::fd::OwnedFd;
    use std::time::Duration;

    use rustix::time::{
        Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
        timerfd_settime,
    };
    use tokio::io::unix::AsyncFd;

    #[expect(
        deprecated,
        reason = "what takes its place is unsafe, for descriptors that may change; this one does not"
    )]
    pub(super) fn timer() -> Option<AsyncFd<OwnedFd>> {
        let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
        let timer = timerfd_create(TimerfdClockId::Monotonic, flags).ok()?;
        AsyncFd::new(timer).ok()
    }

    pub(super) async fn sleep(timer: &AsyncFd<OwnedFd>, time: Duration) {
        let zero = Timespec {
            tv_sec: 0,
            tv_nsec: 0,
        };
        let once = Itimerspec {
            it_interval: zero,
            it_value: Timespec {
                tv_sec: i64::try_from(time.as_secs()).unwrap_or(i64::MAX),
                tv_nsec: i64::from(time.subsec_nanos()),
            },
        };
        if timerfd_settime(timer, TimerfdTimerFlags::empty(), &once).is_err() {
            return tokio::time::sleep(time).await;
        }
        loop {
            let Ok(mut ready) = timer.readable().await else {
                return;
            };
            let mut ticks = [0; 8];
            let read = ready.try_io(|timer| Ok(rustix::io::read(timer.get_ref(), &mut ticks)?));
            if read.is_ok() {
                return;
            }
        }
    }
}
