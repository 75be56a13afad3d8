//! The next head of a connection, as it arrives.

use std::pin::Pin;
use std::sync::Arc;

use tokio::time::{Instant, Sleep};

use super::Front;
use super::gate::{self, Admitted, Refused, Verdict};
use crate::config::Snapshot;
use crate::connection::Connection;

/// What the next head of a connection came to.
pub(super) enum Arrival {
    Admitted(Admitted, Arc<Snapshot>),
    /// Nothing came, or only part of a head: there is nobody to answer.
    Left,
    Refused(Refused),
}

impl Front {
    /// Reads the next head. Connections without a whole one end when the sidecar drains; a head
    /// that has begun has a deadline for all of it, however its bytes are spread.
    ///
    /// `draining` and `alarm` are those of the connection, and stay as they are from one request to
    /// the next: each would cost two words with others behind a lock.
    pub(super) async fn arrival(
        &self,
        connection: &mut Connection,
        mut draining: Pin<&mut impl Future>,
        mut alarm: Pin<&mut Sleep>,
    ) -> Arrival {
        let mut seen = 0;
        let (mut deadline, idle_since) = (None, Instant::now());
        loop {
            connection.skip_empty_line();
            if connection.inbound().is_empty() {
                (deadline, seen) = (None, 0);
            }
            if let Some(arrival) = self.judge(connection, &mut seen) {
                return arrival;
            }
            let (head_bytes, head_timeout, idle_timeout) = {
                // Not held while the connection is idle: the fast way to it is for few at a time.
                let limits = &self.snapshot.load().limits;
                (limits.head_bytes, limits.head_timeout, limits.idle_timeout)
            };
            if connection.inbound().len() >= head_bytes {
                return Arrival::Refused(gate::TOO_LARGE);
            }
            if !connection.inbound().is_empty() && deadline.is_none() {
                deadline = Some(Instant::now() + head_timeout);
            }
            // An idle connection may go after its time, a head that has begun is told so.
            let (until, too_late) = match deadline {
                Some(deadline) => (deadline, Arrival::Refused(gate::TOO_SLOW)),
                None => (idle_since + idle_timeout, Arrival::Left),
            };
            let filled = tokio::select! {
                biased;
                // No request is in flight yet.
                _ = &mut draining => return Arrival::Left,
                filled = connection.fill() => filled,
                () = reached(alarm.as_mut(), until) => return too_late,
            };
            if !matches!(filled, Ok(1..)) {
                return Arrival::Left;
            }
        }
    }

    /// Lets the gate judge what has come, if a line of it was completed since `seen`.
    fn judge(&self, connection: &Connection, seen: &mut usize) -> Option<Arrival> {
        let inbound = connection.inbound();
        let fresh = inbound.get(*seen..).unwrap_or_default();
        *seen = inbound.len();
        if !fresh.contains(&b'\n') {
            return None;
        }
        let snapshot = self.snapshot.load_full();
        match gate::read(inbound) {
            Verdict::Admitted(head) if head.head_bytes > snapshot.limits.head_bytes => {
                Some(Arrival::Refused(gate::TOO_LARGE))
            }
            Verdict::Admitted(head) => Some(Arrival::Admitted(head, snapshot)),
            Verdict::Partial => None,
            Verdict::Refused(refused) => Some(Arrival::Refused(refused)),
        }
    }
}

/// Waits until then. The alarm is set for another time only if it is to go off sooner: what is put off
/// is found out when it goes off.
async fn reached(mut alarm: Pin<&mut Sleep>, until: Instant) {
    if until < alarm.deadline() {
        alarm.as_mut().reset(until);
    }
    loop {
        alarm.as_mut().await;
        if until <= alarm.deadline() {
            return;
        }
        alarm.as_mut().reset(until);
    }
}
