//! An open stream, as its subscriber sees it.

use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::{Value, json};

use super::raw::Head;
use super::{Conn, Sidecar, within};

/// Somebody who hears.
pub(crate) struct Subscriber {
    conn: Conn,
    pub(crate) head: Head,
    /// What [`Subscriber::raw`] tells.
    raw: Vec<u8>,
    /// Bytes of `raw` that were given away as frames.
    taken: usize,
    /// Bytes of `raw` in which the next frame does not end.
    searched: usize,
}

/// What stands between two blank lines (HTML standard, "Interpreting an event stream").
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) id: Option<String>,
    pub(crate) event: Option<String>,
    pub(crate) data: Option<String>,
    pub(crate) retry: Option<u64>,
    /// Every byte of it, the blank line included.
    pub(crate) raw: String,
}

impl Subscriber {
    /// Asks for a stream and waits for the head of the answer.
    pub(crate) async fn open(sidecar: &Sidecar, path: &str, headers: &[(&str, &str)]) -> Self {
        let mut conn = Conn::to(sidecar.address()).await;
        conn.send(sidecar.request("GET", path, headers)).await;
        Self::on(conn).await
    }

    /// Waits for the head of the answer to a request that was sent on `conn`.
    pub(crate) async fn on(mut conn: Conn) -> Self {
        let head = conn.head().await;
        Self::after(conn, head)
    }

    /// As [`Subscriber::on`]; none where the other end closed instead of answering.
    pub(crate) async fn try_on(mut conn: Conn) -> Option<Self> {
        let head = conn.try_head().await?;
        Some(Self::after(conn, head))
    }

    fn after(conn: Conn, head: Head) -> Self {
        Self {
            conn,
            head,
            raw: Vec::new(),
            taken: 0,
            searched: 0,
        }
    }

    /// The next event, pings and what carries no data left out.
    pub(crate) async fn next(&mut self) -> Frame {
        // Pings come on and on: without this a stream without events is waited for forever.
        let event = async {
            loop {
                let frame = self.frame().await?;
                if frame.data.is_some() && frame.event.as_deref() != Some("ping") {
                    return Some(frame);
                }
            }
        };
        let Some(event) = within("an event", event).await else {
            panic!("the stream ended, after {:?}", self.raw());
        };
        event
    }

    /// The next frame, whatever it is; none at the end of the stream.
    pub(crate) async fn frame(&mut self) -> Option<Frame> {
        loop {
            let rest = &self.raw[self.searched..];
            if let Some(at) = rest.windows(2).position(|at| at == b"\n\n") {
                let end = self.searched + at + 2;
                let frame = std::str::from_utf8(&self.raw[self.taken..end]).unwrap();
                let frame = Frame::of(frame);
                (self.taken, self.searched) = (end, end);
                return Some(frame);
            }
            // The first of the two line feeds may be there already.
            self.searched = self.raw.len().saturating_sub(1).max(self.taken);
            if !self.read().await {
                return None;
            }
        }
    }

    /// The frames up to the end of the stream, pings left out.
    pub(crate) async fn ended(&mut self) -> Vec<Frame> {
        let mut frames = Vec::new();
        let reading = async {
            while let Some(frame) = self.frame().await {
                if frame.event.as_deref() != Some("ping") {
                    frames.push(frame);
                }
            }
        };
        within("the end of a stream", reading).await;
        frames
    }

    /// Shows that nothing has been told that was not taken yet: what is published now is the
    /// next that is heard.
    pub(crate) async fn hears_nothing_of(&mut self, sidecar: &Sidecar) {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let marker = format!("MARKER-{}", NEXT.fetch_add(1, Ordering::Relaxed));
        sidecar.publish(&marker, json!(null)).await.expect(200);
        let next = self.next().await;
        assert_eq!(next.json()["event"], marker, "{next:?}");
    }

    /// Every byte of the stream so far, without the sizes of chunks.
    pub(crate) fn raw(&self) -> &str {
        std::str::from_utf8(&self.raw).unwrap()
    }

    /// Leaves with a RST.
    pub(crate) fn reset(self) {
        self.conn.reset();
    }

    /// Reads more; false at the end.
    async fn read(&mut self) -> bool {
        let piece = self.conn.piece(&self.head).await;
        self.raw.extend_from_slice(&piece);
        !piece.is_empty()
    }
}

impl Frame {
    fn of(raw: &str) -> Self {
        let mut frame = Self {
            raw: raw.to_owned(),
            ..Self::default()
        };
        for line in raw.lines().filter(|line| !line.is_empty()) {
            let (field, value) = line.split_once(':').unwrap_or((line, ""));
            let value = value.strip_prefix(' ').unwrap_or(value).to_owned();
            match field {
                // A comment.
                "" => {}
                "id" => frame.id = Some(value),
                "event" => frame.event = Some(value),
                "data" => match &mut frame.data {
                    Some(data) => data.extend(["\n", &value]),
                    None => frame.data = Some(value),
                },
                "retry" => frame.retry = Some(value.parse().unwrap()),
                _ => panic!("no such field: {line:?}"),
            }
        }
        frame
    }

    /// The name that the standard's `addEventListener` takes.
    pub(crate) fn event(&self) -> &str {
        self.event.as_deref().unwrap_or("message")
    }

    /// The id that has to be there.
    pub(crate) fn id(&self) -> &str {
        self.id.as_deref().unwrap()
    }

    pub(crate) fn data(&self) -> &str {
        self.data.as_deref().unwrap()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(self.data()).unwrap()
    }
}
