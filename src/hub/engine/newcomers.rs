//! How a subscriber becomes a stream: what it may hear by now, where it begins, its first bytes.

use bytes::BytesMut;
use jiff::Timestamp;
use rand::Rng;
use tokio::time::Instant;
use tracing::debug;

use super::super::clients::Subscribed;
use super::super::stream::{Behind, Stream};
use super::super::{Joining, dialect_of};
use super::{Engine, jittered};
use crate::dialect::Opening;
use crate::event::{Cursor, Since};
use crate::limits::{RETRY_SPREAD, RETRY_SPREAD_AT_END, STREAMS_A_TURN};
use crate::metrics::Away;
use crate::sse;

impl Engine {
    /// Lets newcomers in.
    pub(super) async fn admit(&mut self) {
        for _ in 0..STREAMS_A_TURN {
            let Ok(joining) = self.joining.try_recv() else {
                return;
            };
            self.join(joining);
            self.stint.give_way().await;
        }
        // There may be more.
        self.shared.wake.notify_one();
    }

    fn join(&mut self, joining: Joining) {
        // The grant was made by the snapshot that its request saw; another may count by now.
        let now = Timestamp::now();
        let renewed = self.terms.renew(&joining.grant, &joining.view, now);
        let Ok((grant, form)) = renewed else {
            self.shared.metrics.streams.turned_away.inc(Away::Denied);
            return turn_away(&joining);
        };
        let start = match joining.since {
            // What the log held when it came is past for it, sent to others or not.
            Since::Now => Ok(joining.tail),
            since => self.shared.log.start(since),
        };
        if self.shared.log.tail().epoch != self.tail.epoch {
            self.begin_epoch();
        }
        let (opening, after) = match (start, joining.tail) {
            (Ok(at), tail) if tail.epoch == at.epoch && at.epoch == self.tail.epoch => {
                (Opening::At(at), at.seq)
            }
            (Err(gap), tail) if tail.epoch == self.tail.epoch => {
                (Opening::AfterGap(tail, gap), tail.seq)
            }
            // An epoch has begun since it came. The first that it hears is the gap there.
            _ => (
                Opening::At(Cursor {
                    seq: 0,
                    ..self.tail
                }),
                0,
            ),
        };
        let again = jittered(RETRY_SPREAD);
        let mut first = BytesMut::from(&*joining.head);
        first.extend_from_slice(&form.opening(opening, &grant, again, now));

        let over = self.life();
        let entry = self.streams.vacant_entry();
        let Ok(key) = u32::try_from(entry.key()) else {
            return;
        };
        let mut stream = Stream::new(joining.socket, key, &self.ready, joining.seat);
        stream.position = Behind::at(after, first.freeze(), Instant::now());
        let metrics = &self.shared.metrics.streams;
        metrics.opened.inc(dialect_of(&form));
        metrics.open.inc(dialect_of(&form));
        match (opening, joining.since) {
            (Opening::AfterGap(_, gap), _) => metrics.gaps.inc(gap),
            (Opening::At(at), Since::After(asked)) if at == asked => metrics.resumed.inc(),
            (Opening::At(_), _) => {}
        }
        let interval = self.terms.realtime.beat_interval(&form);
        stream.audience = self.audiences.join(grant, joining.view, form, key);
        stream.beat = self
            .beats
            .join(key, interval, rand::rng().random(), Instant::now());
        if let Some(client) = joining.client {
            self.clients.insert(client.id.clone(), key);
            stream.subscribed = Some(Box::new(Subscribed::new(client, over, Instant::now())));
        }
        entry.insert(stream);
        let request_id = &*joining.request_id;
        debug!(stream = key, since = ?joining.since, request_id, "stream opened");
        self.look_at(key);
    }
}

/// Ends a stream that was about to begin: it is told when to come back.
pub(super) fn turn_away(joining: &Joining) {
    let mut whole = BytesMut::from(&*joining.head);
    whole.extend_from_slice(&sse::retry(jittered(RETRY_SPREAD_AT_END)));
    // A new socket has room for it.
    drop(joining.socket.try_write(&whole));
}
