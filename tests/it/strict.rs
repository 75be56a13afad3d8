//! Nobody is told two things by one request: a corpus of requests that two readers could read
//! differently, each with what becomes of it, against an upstream that keeps every byte.

mod bodies;
mod heads;
mod sound;

use std::sync::Arc;

use parking_lot::Mutex;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::harness::{Conn, EVERYTHING, Sidecar, eventually};

/// A request that is refused. Shape: what it is about, its bytes.
pub(crate) type Case = (&'static str, &'static [u8]);

/// An upstream that keeps what arrives, and answers each request that came whole.
struct Recorder {
    address: std::net::SocketAddr,
    arrived: Arc<Mutex<Vec<Arrived>>>,
}

/// What came by one connection.
#[derive(Clone, Debug, Default)]
struct Arrived {
    bytes: Vec<u8>,
    /// How many requests came whole.
    whole: usize,
    ended: bool,
}

impl Recorder {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let arrived = Arc::new(Mutex::new(Vec::new()));
        let all = Arc::clone(&arrived);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let number = {
                    let mut all = all.lock();
                    all.push(Arrived::default());
                    all.len() - 1
                };
                tokio::spawn(record(stream, Arc::clone(&all), number));
            }
        });
        Self { address, arrived }
    }

    fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What came so far, by connection.
    fn arrived(&self) -> Vec<Arrived> {
        self.arrived.lock().clone()
    }

    /// The same as text, of all connections.
    fn text(&self) -> String {
        let all = self.arrived();
        let bytes: Vec<_> = all.iter().flat_map(|one| one.bytes.clone()).collect();
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

async fn record(mut stream: TcpStream, all: Arc<Mutex<Vec<Arrived>>>, number: usize) {
    let (mut rest, mut piece) = (Vec::new(), [0; 4096]);
    while let Ok(read @ 1..) = stream.read(&mut piece).await {
        rest.extend_from_slice(&piece[..read]);
        all.lock()[number].bytes.extend_from_slice(&piece[..read]);
        while let Some(end) = end_of_request(&rest) {
            rest.drain(..end);
            all.lock()[number].whole += 1;
            let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";
            if stream.write_all(answer).await.is_err() {
                break;
            }
        }
    }
    all.lock()[number].ended = true;
}

/// Where the first request ends: as pingora writes one, and in no other spelling.
fn end_of_request(bytes: &[u8]) -> Option<usize> {
    let find = |what: &[u8]| bytes.windows(what.len()).position(|at| at == what);
    let head = find(b"\r\n\r\n")? + 4;
    let text = String::from_utf8_lossy(&bytes[..head]).to_ascii_lowercase();
    let value = |name: &str| {
        let mut lines = text.lines();
        lines.find_map(|line| line.strip_prefix(name).map(|value| value.trim().to_owned()))
    };
    if value("transfer-encoding:").is_some() {
        let body = &bytes[head..];
        let last = b"0\r\n\r\n";
        let end = body.windows(5).position(|at| at == last)?;
        return Some(head + end + 5);
    }
    let length = value("content-length:").map_or(0, |length| length.parse().unwrap());
    (bytes.len() >= head + length).then_some(head + length)
}

/// Checks that each is answered with that status and closed, and that no request came whole to
/// the upstream.
async fn are_refused(status: u16, cases: &[Case]) {
    let upstream = Recorder::start().await;
    let sidecar = Sidecar::start(&upstream.url(), EVERYTHING).await;
    for (name, bytes) in cases {
        let mut conn = Conn::to(sidecar.address()).await;
        conn.send(bytes).await;
        let Some(answer) = conn.try_response().await else {
            panic!("{name}: closed without an answer");
        };
        assert_eq!(answer.status(), status, "{name}: {}", answer.text());
        answer.refuses(status);
        assert_eq!(answer.field("connection"), "close", "{name}");
        assert_eq!(
            conn.rest().await,
            b"",
            "{name}: something came behind the refusal"
        );
    }
    sidecar.get("/marker").await.expect(200);
    // What had begun to go there is broken off.
    let arrived = eventually("the end of what was broken off", async || {
        let arrived = upstream.arrived();
        let over = |one: &Arrived| one.ended || one.bytes.starts_with(b"GET /marker");
        arrived.iter().all(over).then_some(arrived)
    })
    .await;
    let whole: usize = arrived.iter().map(|one| one.whole).sum();
    assert_eq!(whole, 1, "the marker alone: {}", upstream.text());
    assert!(!upstream.text().contains("smuggled"), "{}", upstream.text());
}

/// Of everything that could be read in two ways.
#[test]
fn the_corpus_is_as_large_as_it_should_be() {
    let refused: usize = heads::ALL
        .iter()
        .chain(bodies::ALL)
        .map(|(_, cases)| cases.len())
        .sum();
    let all = refused + sound::CASES.len();
    assert!(all >= 120, "{all}");
}
