//! An upstream of exact bytes: it does what the case that is being run says.

use std::net::SocketAddr;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinHandle;

use super::case::{Case, Does, answer};
use super::wire::{End, Framing, Message, Reading, Wire};
use crate::harness::within;

pub(super) struct Exact {
    pub(super) address: SocketAddr,
    scene: Arc<Mutex<Arc<Scene>>>,
    accepting: JoinHandle<()>,
}

/// What there is to do, and what came of it.
struct Scene {
    script: Vec<Does>,
    /// What was taken, a script at a time.
    arrived: watch::Sender<Vec<Option<Message>>>,
    go: Semaphore,
    told: Semaphore,
}

impl Exact {
    pub(super) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let scene = Arc::new(Mutex::new(Arc::new(Scene::new(Vec::new()))));
        let current = Arc::clone(&scene);
        let accepting = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&current)));
            }
        });
        Self {
            address,
            scene,
            accepting,
        }
    }

    /// From now on it does what `case` says.
    pub(super) fn begin(&self, case: &Case) {
        *self.scene.lock() = Arc::new(Scene::new(case.script.clone()));
    }

    /// What reached it since then, once it is done with so many requests.
    pub(super) async fn arrived(&self, requests: usize) -> Vec<Option<Message>> {
        let scene = Arc::clone(&self.scene.lock());
        let mut arrived = scene.arrived.subscribe();
        let all = arrived.wait_for(|arrived| arrived.len() >= requests);
        all.await.unwrap().clone()
    }

    pub(super) fn let_go(&self) {
        self.scene.lock().go.add_permits(1);
    }

    pub(super) async fn hear(&self) {
        let scene = Arc::clone(&self.scene.lock());
        let told = within("word from the upstream", scene.told.acquire()).await;
        told.unwrap().forget();
    }
}

impl Drop for Exact {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl Scene {
    fn new(script: Vec<Does>) -> Self {
        Self {
            script,
            arrived: watch::Sender::default(),
            go: Semaphore::new(0),
            told: Semaphore::new(0),
        }
    }
}

/// What becomes of a connection behind a script.
#[derive(Clone, Copy, PartialEq, Eq)]
enum After {
    Close,
    Next,
    Reset,
}

/// Serves a connection: for each request the script that is in force when it comes.
async fn serve(stream: TcpStream, current: Arc<Mutex<Arc<Scene>>>) {
    let mut wire = Wire::of(stream);
    while wire.comes().await {
        let scene = Arc::clone(&current.lock());
        let (request, after) = scene.play(&mut wire).await;
        // A connection whose request was not taken whole can bring no other.
        let is_whole = request.as_ref().is_some_and(|r| r.end == End::Whole);
        match after {
            After::Reset => wire.reset(),
            After::Next if is_whole => {
                scene.ended(request);
                continue;
            }
            After::Close | After::Next => drop(wire),
        }
        scene.ended(request);
        return;
    }
}

impl Scene {
    /// Does what the script says, for one request; the answer is what was taken of it.
    async fn play(&self, wire: &mut Wire) -> (Option<Message>, After) {
        let mut taking = None;
        let mut after = After::Next;
        for does in &self.script {
            match does {
                Does::Close => after = After::Close,
                Does::Reset => after = After::Reset,
                Does::Say(bytes) => wire.send(bytes).await,
                Does::Echo => {
                    let taken: &Option<Reading> = &taking;
                    let target = taken.as_ref().map(|t| t.message.head.word(1).to_owned());
                    wire.send(&answer("200 OK", "", &target.unwrap_or_default()))
                        .await;
                }
                Does::Reverse(count) => {
                    let mut said = wire.exact(*count).await;
                    said.reverse();
                    wire.send(&said).await;
                }
                Does::Take => take(wire, &mut taking, usize::MAX).await,
                Does::TakeHead => take(wire, &mut taking, 0).await,
                Does::TakeUpTo(count) => take(wire, &mut taking, *count).await,
                Does::Tell => self.told.add_permits(1),
                Does::Wait => self.go.acquire().await.unwrap().forget(),
            }
        }
        (taking.map(|taking| taking.message), after)
    }

    fn ended(&self, request: Option<Message>) {
        self.arrived.send_modify(|arrived| arrived.push(request));
    }
}

/// Reads the request until so many bytes of its body are there.
async fn take(wire: &mut Wire, taking: &mut Option<Reading>, count: usize) {
    if taking.is_none() {
        let Some(head) = wire.head().await else {
            return;
        };
        let framing = head.framing().unwrap_or(Framing::Length(0));
        *taking = Some(Reading::new(head, framing));
    }
    if let Some(taking) = taking
        && (count > 0 || taking.has_no_body())
    {
        taking.up_to(wire, count.max(1)).await;
    }
}
