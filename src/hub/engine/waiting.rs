//! Streams that go no further until the upstream has said whether they may hear an event.
//!
//! Such a stream is behind the event: what came before it was sent, and what follows it waits with
//! it, so that the order is kept. The others go on.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use bytes::Bytes;
use tokio::time::Instant;

use super::super::stream::Behind;
use super::Engine;
use crate::access::Read;

/// Who waits for which answer.
#[derive(Debug, Default)]
pub(super) struct Waiting(
    /// Bounded by the number of streams: each waits for one answer at most, and one that has ended
    /// is in it until that answer.
    HashMap<Arc<Read>, HashSet<u32>>,
);

/// Where somebody goes no further, and for what they wait.
#[derive(Debug)]
pub(super) struct Halt {
    /// The last place up to which they were sent all that they may hear.
    pub(super) before: u64,
    /// The question that is asked.
    pub(super) read: Arc<Read>,
}

impl Waiting {
    /// Lets a stream wait for an answer.
    pub(super) fn add(&mut self, read: &Arc<Read>, stream: u32) {
        let streams = self.0.entry(Arc::clone(read)).or_default();
        streams.insert(stream);
    }

    /// Nobody waits any more: another epoch has begun.
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }
}

impl Engine {
    /// Lets every member of an audience wait that has been sent everything before the event.
    pub(super) fn halt_all(&mut self, audience: usize, halt: &Halt) {
        let members = self.audiences.audience(audience);
        let members = members.map(|audience| audience.members().to_vec());
        for key in members.unwrap_or_default() {
            if let Some(stream) = self.streams.get_mut(key as usize)
                && stream.is_live()
            {
                stream.position = Behind::at(halt.before, Bytes::new(), Instant::now());
                self.waiting.add(&halt.read, key);
            }
        }
    }

    /// Lets those go on whose answers have come.
    pub(super) async fn take_shown(&mut self) {
        for read in self.terms.access.reads.take_ended() {
            for key in self.waiting.0.remove(&read).unwrap_or_default() {
                self.look_at(key);
                self.stint.give_way().await;
            }
        }
    }
}
