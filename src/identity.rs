//! Who somebody is, asked of the upstream where `access.identity.ask` says.
//!
//! ```text
//!   a credential that nothing is known of ──► question ──► upstream ──► Answers
//!   one that open streams hear by, in time ──►   ▲
//!                                     one for each credential at a time
//! ```
//! A question is a GET or a POST with the one field that was presented, with the Host that came
//! with it and the `X-Forwarded-Proto` that counts: an upstream behind TLS would send it elsewhere
//! otherwise. Of the answer its status and a JSON object count.
//!
//! | the upstream answers | it means |
//! | --- | --- |
//! | 200 and a JSON object | the claims |
//! | 401, 403, a redirect as to a login, or `{}` | the credential is not accepted |
//! | 404, where the token says where to ask | the same |
//! | anything else, or nothing in time | nobody knows: it is asked again |

use std::collections::HashMap;
use std::sync::Arc;

use arc_swap::ArcSwap;
use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::Empty;
use jiff::Timestamp;
use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::{Instant, interval, timeout};
use tracing::warn;

use crate::access::{Answer, Identity, Presented};
use crate::client::{self, Client};
use crate::config::{Snapshot, Upstream};
use crate::limits::{
    IDENTITY_BYTES_MAX, IDENTITY_QUESTIONS_MAX, IDENTITY_RENEWALS_MAX, IDENTITY_TICK,
    IDENTITY_TIMEOUT, IDENTITY_WAITING_MAX, IDENTITY_WARN_PAUSE,
};
use crate::metrics::{Metrics, Said};

/// The handle by which the upstream is asked. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Identities(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    /// What is being asked, and what tells that it no longer is: the sender's end. Bounded by
    /// [`IDENTITY_WAITING_MAX`], and by the turns of those that are asked again.
    asking: Mutex<HashMap<Asking, watch::Receiver<()>>>,
    /// Turns of newcomers.
    newcomers: Semaphore,
    /// Turns of those with open streams: no flood of newcomers takes them.
    renewals: Arc<Semaphore>,
    client: Client,
    metrics: Arc<Metrics>,
    /// When it was last said that the upstream cannot be asked.
    warned: Mutex<Option<Instant>>,
}

/// About what is asked: which answers it is for, by their place in memory, and which credential.
/// The question holds the answers, so no others come to that place meanwhile.
type Asking = (usize, [u8; 16]);

/// What is asked, of whom, and where the answer is kept.
#[derive(Debug)]
struct Question {
    presented: Arc<Presented>,
    identity: Identity,
    upstream: Upstream,
}

/// By which right a question is asked.
#[derive(Debug)]
enum Turn {
    /// As soon as there is one.
    Newcomer,
    /// There is one already.
    Renewal { _turn: OwnedSemaphorePermit },
}

/// Why nobody knows. Nothing of an answer but its status is in it.
#[derive(Debug, thiserror::Error)]
enum NoAnswer {
    #[error(transparent)]
    Ask(#[from] client::Failed),
    #[error("it answers 200 and no JSON object that can be read in one way")]
    NoClaims,
    #[error("the credential does not say where to ask about it")]
    NoTarget,
    #[error("it answers {0}")]
    Status(StatusCode),
    #[error("it took longer than {IDENTITY_TIMEOUT:?}")]
    Timeout,
}

impl Identities {
    /// A handle by which nothing was asked yet.
    #[must_use]
    pub fn new(metrics: Arc<Metrics>) -> Self {
        Self(Arc::new(Shared {
            asking: Mutex::default(),
            newcomers: Semaphore::new(IDENTITY_QUESTIONS_MAX),
            renewals: Arc::new(Semaphore::new(IDENTITY_RENEWALS_MAX)),
            client: Client::default(),
            metrics,
            warned: Mutex::new(None),
        }))
    }

    /// Waits until the upstream was asked about `presented`, with all who ask the same, and no
    /// longer than [`IDENTITY_TIMEOUT`]. What it said is then among the answers of `snapshot`.
    ///
    /// Dropping the future leaves the question under way: others may wait for it.
    pub async fn asked(&self, presented: Arc<Presented>, snapshot: &Snapshot) {
        let question = Question::of(presented, snapshot);
        if let Some(mut ended) = question.and_then(|question| self.ask(question, Turn::Newcomer)) {
            drop(ended.changed().await);
        }
    }

    /// Asks again about those who have open streams, before what is known of them ends. Never
    /// ends; dropping the future ends it, and their streams then end in their time.
    pub async fn run(self, snapshot: Arc<ArcSwap<Snapshot>>) {
        let mut tick = interval(IDENTITY_TICK);
        loop {
            tick.tick().await;
            while let Ok(turn) = Arc::clone(&self.0.renewals).acquire_owned().await {
                let snapshot = snapshot.load_full();
                let identity = snapshot.access.identity.as_ref();
                let due = identity.and_then(|of| of.answers.take_due(Timestamp::now()));
                let Some(question) = due.and_then(|due| Question::of(due, &snapshot)) else {
                    break;
                };
                drop(self.ask(question, Turn::Renewal { _turn: turn }));
            }
        }
    }

    /// Begins to ask, unless the same is being asked; none if it was answered meanwhile, or if too
    /// many wait already.
    fn ask(&self, question: Question, turn: Turn) -> Option<watch::Receiver<()>> {
        let answers = Arc::as_ptr(&question.identity.answers).addr();
        let about = (answers, question.presented.print());
        let mut asking = self.0.asking.lock();
        // Who asked before may have been answered since this was found not to be known. Answers are
        // kept before their question is taken out, so one of the two is seen here.
        let known = || (question.identity).knows(&question.presented, Timestamp::now());
        if matches!(turn, Turn::Newcomer) && known() {
            return None;
        }
        // One whose sender is gone has ended, in whatever way.
        let under_way = asking.get(&about).filter(|of| of.has_changed().is_ok());
        if let Some(ended) = under_way {
            return Some(ended.clone());
        }
        if matches!(turn, Turn::Newcomer) && asking.len() >= IDENTITY_WAITING_MAX {
            return None;
        }
        let (sender, ended) = watch::channel(());
        asking.insert(about, ended.clone());
        let shared = Arc::clone(&self.0);
        // Ends by itself: a question has a deadline.
        tokio::spawn(async move {
            let waits = shared.metrics.identities.waiting.enter();
            shared.settle(&question, turn).await;
            drop(waits);
            shared.asking.lock().remove(&about);
            drop(sender);
        });
        Some(ended)
    }
}

impl Shared {
    /// Asks, and keeps the answer if there is one.
    async fn settle(&self, question: &Question, turn: Turn) {
        let asking = async {
            let _turn = match turn {
                Turn::Newcomer => self.newcomers.acquire().await.ok(),
                Turn::Renewal { .. } => None,
            };
            let asked = Timestamp::now();
            (asked, self.put(question).await)
        };
        let error = match timeout(IDENTITY_TIMEOUT, asking).await {
            Ok((asked, Ok(answer))) => {
                let identity = &question.identity;
                let presented = &question.presented;
                let said = match answer {
                    Answer::Refused => Said::No,
                    Answer::Known(_) => Said::Yes,
                };
                self.metrics.identities.ended.inc(said);
                return identity
                    .answers
                    .keep(presented, answer, asked, identity.cache);
            }
            Ok((_, Err(error))) => error,
            Err(_elapsed) => NoAnswer::Timeout,
        };
        self.metrics.identities.ended.inc(Said::Failed);
        let now = Instant::now();
        let mut warned = self.warned.lock();
        if warned.is_none_or(|at| now.duration_since(at) >= IDENTITY_WARN_PAUSE) {
            *warned = Some(now);
            let upstream = question.upstream.authority();
            warn!(%error, upstream, "the API does not say who somebody is: they are to come back");
        }
    }

    async fn put(&self, question: &Question) -> Result<Answer, NoAnswer> {
        let request = question.request()?;
        let told = self
            .client
            .send(&question.upstream, request, IDENTITY_BYTES_MAX)
            .await?;
        let identity = &question.identity;
        match told.status {
            StatusCode::OK => Answer::of(&told.body, &identity.claims).ok_or(NoAnswer::NoClaims),
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Ok(Answer::Refused),
            // For now and for a GET: a page to log in at. The others say that the path is wrong.
            StatusCode::FOUND | StatusCode::SEE_OTHER | StatusCode::TEMPORARY_REDIRECT => {
                Ok(Answer::Refused)
            }
            // It was the token that said where to ask.
            StatusCode::NOT_FOUND if identity.ask.asks_token() => Ok(Answer::Refused),
            status => Err(NoAnswer::Status(status)),
        }
    }
}

impl Question {
    fn of(presented: Arc<Presented>, snapshot: &Snapshot) -> Option<Self> {
        Some(Self {
            presented,
            identity: snapshot.access.identity.clone()?,
            upstream: snapshot.upstream.clone(),
        })
    }

    fn request(&self) -> Result<Request<Empty<Bytes>>, NoAnswer> {
        let target = self.identity.target(&self.presented);
        let target = target.ok_or(NoAnswer::NoTarget)?;
        let method = &self.identity.ask.method;
        Ok(client::request(
            &self.upstream,
            method,
            target,
            Some(&self.presented),
        )?)
    }
}
