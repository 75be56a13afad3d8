//! Who writes: several at once, each numbering its own records.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use super::program::id;
use crate::http::{Client, Result, post};

/// How it is written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Load {
    /// Those who write at once.
    pub(crate) writers: usize,
    /// Whose the records are in turn: the first users'.
    pub(crate) owners: usize,
    /// Between two writes of all together; none: each writes again as soon as it has an answer.
    pub(crate) every: Option<Duration>,
    /// For how long.
    pub(crate) lasts: Duration,
}

/// A write that was answered.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Written {
    pub(crate) writer: usize,
    /// Among its writer's, from 0.
    pub(crate) number: usize,
    pub(crate) owner: usize,
    pub(crate) sent: Instant,
    pub(crate) took: Duration,
}

impl Load {
    /// Does it. Writes that are late follow at once.
    pub(crate) async fn write(self, address: SocketAddr) -> Result<Vec<Written>> {
        let begin = Instant::now();
        let mut tasks = JoinSet::new();
        for writer in 0..self.writers {
            tasks.spawn(async move {
                let mut client = Client::to(address).await?;
                let mut written = Vec::new();
                for number in 0.. {
                    if let Some(every) = self.every {
                        let turn = u32::try_from(number * self.writers + writer).unwrap();
                        tokio::time::sleep_until((begin + every * turn).into()).await;
                    }
                    if begin.elapsed() >= self.lasts {
                        break;
                    }
                    let owner = number % self.owners;
                    let text = format!("{writer}-{number}-{:x<150}", "");
                    let (sent, took) = write(&mut client, owner, &text).await?;
                    written.push(Written {
                        writer,
                        number,
                        owner,
                        sent,
                        took,
                    });
                }
                Ok::<_, String>(written)
            });
        }
        let mut written = Vec::new();
        while let Some(task) = tasks.join_next().await {
            written.extend(task.unwrap()?);
        }
        Ok(written)
    }
}

/// Writes a record of that user; when it was sent, and how long the answer took.
pub(crate) async fn write(
    client: &mut Client,
    owner: usize,
    text: &str,
) -> Result<(Instant, Duration)> {
    let body = format!(r#"{{"owner":"{}","text":"{text}"}}"#, id(owner));
    let request = post("/api/collections/posts/records", &body);
    let sent = Instant::now();
    match client.ask(&request).await? {
        (200, _) => Ok((sent, sent.elapsed())),
        (status, body) => {
            let body = String::from_utf8_lossy(body);
            Err(format!("a write was answered {status}: {body}"))
        }
    }
}
