//! How streams end: the sidecar's end, a grant that is over, and what each end leaves behind.

use jiff::Timestamp;
use tracing::{debug, info};

use super::super::stream::Position;
use super::super::{come_back_later, dialect_of};
use super::newcomers::turn_away;
use super::{Engine, jittered};
use crate::access::{Denied, Fault};
use crate::dialect::Close;
use crate::limits::RETRY_SPREAD_AT_END;
use crate::metrics::{Away, Disconnect, Label};
use crate::sse;

/// What a stream is told last.
#[derive(Clone, Copy)]
enum Last {
    /// Why it ends.
    Close(Close),
    /// When to come back.
    ComeBack,
    Nothing,
}

impl Engine {
    /// Looks at the streams whose grants are over, and lets those go on that have another by
    /// now. The engine has several turns a second, so no timer of their own is needed.
    pub(super) async fn end_expired(&mut self) {
        let now = Timestamp::now();
        while let Some(id) = self.audiences.take_ended(now) {
            let Err(reason) = self.audiences.renew_one(id, &self.terms, now) else {
                continue;
            };
            let last = match reason {
                Denied::Unasked => Last::ComeBack,
                Denied::Token(Fault::Expired) => Last::Close(Close::Expired),
                _ => Last::Close(Close::Revoked),
            };
            let members = self.audiences.audience(id).map(|a| a.members().to_vec());
            for key in members.unwrap_or_default() {
                self.end_with(key, last, reason);
                self.stint.give_way().await;
            }
        }
    }

    /// Ends a stream that another configuration denies. It is told why when that was to be
    /// expected, and when to come back where that is of use.
    pub(super) fn end_denied(&mut self, key: u32, reason: Denied) {
        let last = match reason {
            Denied::Token(Fault::Expired) => Last::Close(Close::Expired),
            Denied::Refused => Last::Close(Close::Revoked),
            Denied::Unasked => Last::ComeBack,
            _ => Last::Nothing,
        };
        self.end_with(key, last, reason);
    }

    fn end_with(&mut self, key: u32, last: Last, reason: Denied) {
        debug!(stream = key, %reason, "stream lost its grant");
        if let Some(stream) = self.streams.get(key as usize)
            && stream.is_between_frames()
            && let Some(audience) = self.audiences.audience(stream.audience.0)
        {
            // Nobody waits for one that does not take it.
            match last {
                Last::Close(close) => drop(stream.write(&audience.form.closed(close))),
                Last::ComeBack => drop(stream.write(&come_back_later())),
                Last::Nothing => {}
            }
        }
        let disconnect = match last {
            Last::Close(Close::Expired) => Disconnect::Expired,
            Last::Close(Close::Revoked) | Last::Nothing => Disconnect::Revoked,
            Last::ComeBack => Disconnect::Undecided,
        };
        self.end(key, disconnect);
    }

    /// Ends every stream with a `retry` of its own, so that they do not all return at once.
    pub(super) async fn end_all(&mut self) {
        self.joining.close();
        while let Ok(joining) = self.joining.try_recv() {
            self.shared.metrics.streams.turned_away.inc(Away::Draining);
            turn_away(&joining);
        }
        let streams = self.streams.len();
        for key in self.keys().collect::<Vec<u32>>() {
            if let Some(stream) = self.streams.get(key as usize)
                && matches!(stream.position, Position::Live)
            {
                // One that cannot take it now comes back by the `retry` it was told before.
                stream.write(&sse::retry(jittered(RETRY_SPREAD_AT_END)));
            }
            self.end(key, Disconnect::Drained);
            self.stint.give_way().await;
        }
        info!(streams, "streams ended");
    }

    /// Closes a stream. What it was sent last it still receives.
    pub(super) fn end(&mut self, key: u32, disconnect: Disconnect) {
        let Some(stream) = self.streams.try_remove(key as usize) else {
            return;
        };
        let (audience, place) = stream.audience;
        let metrics = &self.shared.metrics.streams;
        if let Some(audience) = self.audiences.audience(audience) {
            metrics.open.dec(dialect_of(&audience.form));
        }
        metrics.closed.inc(disconnect);
        if let Some(moved) = self.audiences.leave(audience, place)
            && let Some(other) = self.streams.get_mut(moved as usize)
        {
            other.audience.1 = place;
        }
        self.leave_beat(stream.beat);
        if let Some(subscribed) = stream.subscribed {
            self.forget_client(*subscribed, &stream.position);
        }
        debug!(stream = key, reason = disconnect.as_str(), "stream ended");
    }
}
