//! An upstream that keeps a journal of what it did, and fails as it is told to.
//!
//! A request says in `X-Token` which write it is and in `X-Fault` how the upstream is to fail.

use std::collections::BTreeMap;
use std::fmt::{self, Display};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::task::{JoinHandle, JoinSet};

use super::history::Deed;
use crate::harness::{Conn, Release, answer};

/// How an upstream fails, or answers in a way that is hard to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Commits and answers without a body.
    Bare,
    /// Answers in chunks.
    Chunked,
    /// Answers with a body that ends with the connection.
    Closing,
    /// Commits, sends so many bytes of the answer, and closes.
    Cut(usize),
    /// Commits, and answers that it failed.
    Fail,
    /// Commits, and never answers.
    Hang,
    /// Commits, sends so many bytes of the answer, and the rest when the test says so.
    Hold(usize),
    /// Commits, and takes its time before it answers.
    Late,
    /// Answers, and closes the connection at once that it said it would keep.
    Leave,
    /// None.
    None,
    /// Closes when it has read the head.
    Race,
    /// Answers that it refused, and commits nothing.
    Refuse,
    /// Commits, sends so many bytes of the answer, and resets.
    Reset(usize),
    /// Answers, and sends another answer behind.
    Twice,
}

/// The upstream.
pub(crate) struct Upstream {
    address: SocketAddr,
    journal: Journal,
    /// Opened when the bytes before a [`Fault::Hold`] are sent.
    pub(crate) reached: Release,
    /// Lets one [`Fault::Hold`] go on.
    pub(crate) go_on: Release,
    accepting: JoinHandle<()>,
}

type Journal = Arc<Mutex<BTreeMap<String, Deed>>>;

/// What serves one connection.
struct Peer {
    journal: Journal,
    reached: Release,
    go_on: Release,
}

/// For so long [`Fault::Late`] is under way.
const LATE: Duration = Duration::from_millis(20);
/// The token of the answer that nobody asked for.
pub(crate) const STRAY: &str = "stray";

impl Fault {
    /// Whether an acknowledged write with it has to have its event, and nothing less.
    pub(crate) fn is_sound(self) -> bool {
        match self {
            Self::Bare
            | Self::Chunked
            | Self::Closing
            | Self::Hold(_)
            | Self::Late
            | Self::Leave
            | Self::None
            | Self::Refuse
            | Self::Twice => true,
            Self::Cut(_) | Self::Fail | Self::Hang | Self::Race | Self::Reset(_) => false,
        }
    }

    /// As [`Display`] wrote it.
    fn of(text: &str) -> Self {
        let (name, bytes) = text.split_once(':').unwrap_or((text, "0"));
        let bytes = bytes.parse().unwrap();
        match name {
            "bare" => Self::Bare,
            "chunked" => Self::Chunked,
            "closing" => Self::Closing,
            "cut" => Self::Cut(bytes),
            "fail" => Self::Fail,
            "hang" => Self::Hang,
            "hold" => Self::Hold(bytes),
            "late" => Self::Late,
            "leave" => Self::Leave,
            "none" => Self::None,
            "race" => Self::Race,
            "refuse" => Self::Refuse,
            "reset" => Self::Reset(bytes),
            "twice" => Self::Twice,
            _ => panic!("no such fault: {text}"),
        }
    }
}

impl Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bare => f.write_str("bare"),
            Self::Chunked => f.write_str("chunked"),
            Self::Closing => f.write_str("closing"),
            Self::Cut(bytes) => write!(f, "cut:{bytes}"),
            Self::Fail => f.write_str("fail"),
            Self::Hang => f.write_str("hang"),
            Self::Hold(bytes) => write!(f, "hold:{bytes}"),
            Self::Late => f.write_str("late"),
            Self::Leave => f.write_str("leave"),
            Self::None => f.write_str("none"),
            Self::Race => f.write_str("race"),
            Self::Refuse => f.write_str("refuse"),
            Self::Reset(bytes) => write!(f, "reset:{bytes}"),
            Self::Twice => f.write_str("twice"),
        }
    }
}

impl Upstream {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let journal = Journal::default();
        let (reached, go_on) = (Release::new(), Release::new());
        let peer = {
            let (journal, reached, go_on) = (journal.clone(), reached.clone(), go_on.clone());
            move || Peer {
                journal: journal.clone(),
                reached: reached.clone(),
                go_on: go_on.clone(),
            }
        };
        let accepting = tokio::spawn(async move {
            // Its connections end with it.
            let mut peers = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                peers.spawn(peer().serve(Conn::of(stream)));
                while peers.try_join_next().is_some() {}
            }
        });
        Self {
            address,
            journal,
            reached,
            go_on,
            accepting,
        }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// What it did so far.
    pub(crate) fn journal(&self) -> BTreeMap<String, Deed> {
        self.journal.lock().clone()
    }

    /// What it did with one write.
    pub(crate) fn deed(&self, token: &str) -> Deed {
        self.journal.lock().get(token).copied().unwrap_or_default()
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl Peer {
    /// Answers until the connection is to be closed.
    async fn serve(self, mut conn: Conn) {
        while let Some(head) = conn.next_head().await {
            let Some(token) = head.field("x-token").map(str::to_owned) else {
                conn.send(answer("200 OK", "{}")).await;
                continue;
            };
            let fault = Fault::of(head.field("x-fault").unwrap());
            let method = head.start().split(' ').next().unwrap().to_owned();
            self.note(&token, |deed| deed.seen += 1);
            if fault == Fault::Race {
                return;
            }
            let Some(request) = conn.request_of(head).await else {
                return;
            };
            let body = String::from_utf8(request.body).unwrap();
            assert!(body.contains(&token), "{token}: {body}");
            if fault == Fault::Refuse {
                self.note(&token, |deed| deed.refused = true);
                conn.send(answer("404 Not Found", "{}")).await;
                continue;
            }
            self.note(&token, |deed| deed.executed += 1);
            let (status, record) = match &*method {
                "POST" => ("201 Created", body),
                _ => ("200 OK", body),
            };
            let Some(kept) = self.reply(conn, fault, status, &record).await else {
                return;
            };
            conn = kept;
        }
    }

    fn note(&self, token: &str, change: impl FnOnce(&mut Deed)) {
        change(self.journal.lock().entry(token.to_owned()).or_default());
    }

    /// Answers; the connection, if it is to be kept.
    async fn reply(
        &self,
        mut conn: Conn,
        fault: Fault,
        status: &str,
        record: &str,
    ) -> Option<Conn> {
        let whole = answer(status, record).into_bytes();
        match fault {
            Fault::Bare => conn.send("HTTP/1.1 204 No Content\r\n\r\n").await,
            Fault::Chunked => {
                let (first, second) = record.split_at(record.len() / 2);
                let (one, two) = (first.len(), second.len());
                conn.send(format!(
                    "HTTP/1.1 {status}\r\nTransfer-Encoding: chunked\r\n\r\n{one:x}\r\n{first}\r\n"
                ))
                .await;
                conn.send(format!("{two:x}\r\n{second}\r\n0\r\n\r\n")).await;
            }
            Fault::Closing => {
                conn.send(format!("HTTP/1.1 {status}\r\n\r\n{record}"))
                    .await;
                return None;
            }
            Fault::Cut(bytes) => {
                conn.send(&whole[..bytes.min(whole.len())]).await;
                return None;
            }
            Fault::Fail => conn.send(answer("500 Oh", "{}")).await,
            Fault::Hang => {
                // Until the sidecar has enough.
                conn.next_head().await;
                return None;
            }
            Fault::Hold(bytes) => {
                let (first, second) = whole.split_at(bytes.min(whole.len()));
                conn.send(first).await;
                self.reached.open();
                self.go_on.wait().await;
                conn.send(second).await;
            }
            Fault::Late => {
                tokio::time::sleep(LATE).await;
                conn.send(whole).await;
            }
            Fault::Leave => {
                conn.send(whole).await;
                return None;
            }
            Fault::None => conn.send(whole).await,
            Fault::Reset(bytes) => {
                conn.send(&whole[..bytes.min(whole.len())]).await;
                conn.reset();
                return None;
            }
            Fault::Twice => {
                let stray = json!({"token": STRAY, "id": STRAY}).to_string();
                conn.send([whole, answer(status, &stray).into_bytes()].concat())
                    .await;
            }
            Fault::Race | Fault::Refuse => unreachable!("nothing was committed"),
        }
        Some(conn)
    }
}
