//! Writes under way: what the log knows of a write before the upstream does.

use std::sync::Arc;
use std::time::Instant;

use super::{Level, Log, Ticket};
use crate::event::{Id, Kind, Method};

/// A write that goes upstream: what is to be told of it if its outcome is never known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unsettled {
    /// The write's method.
    pub method: Method,
    /// The collection that may change; none: any.
    pub collection: Option<Arc<str>>,
    /// The record that may change, where it is known.
    pub id: Option<Id>,
}

/// A write that the log expects the outcome of. Dropped without one it is told as `uncertain`.
#[derive(Debug)]
pub struct Intent {
    /// Its number; none once the outcome is told.
    number: Option<u64>,
    log: Log,
}

/// Writes are refused, because the log has failed and `log.on_failure` says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the log has failed, and log.on_failure is refuse")]
pub struct Refused;

// === impl Unsettled ===

impl Unsettled {
    /// What is told of it.
    pub(in crate::log) fn kind(self) -> Kind {
        match self.collection {
            None => Kind::Gap,
            Some(collection) => Kind::Uncertain {
                method: self.method,
                collection,
                id: self.id,
            },
        }
    }
}

// === impl Log ===

impl Log {
    /// Notes a write that is about to go upstream. Waits until the files know of it.
    ///
    /// # Errors
    /// [`Refused`]: it must not go.
    pub async fn intend(&self, write: Unsettled) -> Result<Option<Intent>, Refused> {
        if self.0.level == Level::Memory {
            return Ok(None);
        }
        let (number, told) = {
            let mut state = self.0.state.lock();
            if state.refuses() {
                return Err(Refused);
            }
            state.intend(write, Instant::now())
        };
        let intent = Intent {
            number,
            log: self.clone(),
        };
        if let Some(told) = told {
            self.0.work.notify_one();
            Ticket::until(told).await;
        }
        if self.refuses() {
            // It did not go: nothing is to be told of it.
            drop(self.append(Vec::new(), Some(intent)));
            return Err(Refused);
        }
        Ok(Some(intent))
    }
}

// === impl Intent ===

impl Intent {
    /// Its number, for whoever tells the outcome.
    pub(super) fn settle(mut self) -> Option<u64> {
        self.number.take()
    }
}

impl Drop for Intent {
    /// Nobody told what came of the write: the task that served it has ended early.
    fn drop(&mut self) {
        let Some(number) = self.number.take() else {
            return;
        };
        let left = self.log.0.state.lock().unsettled(number).cloned();
        if let Some(write) = left {
            let settles = Self {
                number: Some(number),
                log: self.log.clone(),
            };
            drop(self.log.append(vec![write.kind()], Some(settles)));
        }
    }
}
