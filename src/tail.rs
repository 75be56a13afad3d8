//! `tidings tail`: follows a stream, for who looks at it and for scripts.
//!
//! ```text
//!   asked ──► connection ──► parse ──► told ──► narrowed ──► show ──► standard output
//!     ▲                        │ the last id, `retry`
//!     └──── after a pause ◄────┘
//! ```
//! It comes back by itself and resumes after the last event that it has written, so that nothing
//! is missed and nothing written twice. What it says of the connection goes to standard error; a
//! gap is written among the events, since that is what it stands for. Nothing that is received can
//! drive the terminal, and neither a credential nor a query is written.

mod asked;
mod connection;
mod parse;
mod show;
mod told;

use std::num::NonZeroU64;
use std::time::Duration;

use clap::Args;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use tokio::time::{sleep, timeout};

pub use asked::NotAsked;

use crate::limits::{TAIL_RETRY, TAIL_RETRY_MAX, TAIL_RETRY_MIN, TAIL_SILENCE, TAIL_SPREAD_PARTS};
use asked::{Asked, Narrowed};
use connection::{Client, Opened};
use parse::{Frame, Parser};
pub use show::{Color, Format};
use show::{Left, Show};
use told::Told;

/// What the command line says.
#[derive(Debug, Args)]
pub struct Options {
    /// The stream: http://HOST:PORT/PATH or https://HOST/PATH, with a query if need be
    url: String,
    /// The API key, sent as x-apikey; better said by the environment, which no other user can read
    #[arg(long, env = "TIDINGS_KEY", hide_env_values = true)]
    key: Option<String>,
    /// The token, sent as Authorization: Bearer
    #[arg(long, env = "TIDINGS_TOKEN", hide_env_values = true)]
    token: Option<String>,
    /// Of writes whose record is known, hear those for which this holds: price >= 10 && name ~ 'bo'
    #[arg(long, value_name = "EXPR")]
    filter: Option<String>,
    /// Of a record, hear these fields: title,author.name
    #[arg(long, value_name = "NAMES")]
    fields: Option<String>,
    /// Write events of this name or kind alone: create, PUT, GOAL; may be said again
    #[arg(long, value_name = "NAME")]
    event: Vec<String>,
    /// Write events of this collection alone; may be said again
    #[arg(long, value_name = "NAME")]
    collection: Vec<String>,
    /// Begin after the event of this id, if that is still kept
    #[arg(long, value_name = "ID")]
    since: Option<String>,
    /// At PocketBase's /api/realtime, what to subscribe to: posts/*; may be said again
    #[arg(long, value_name = "TOPIC")]
    subscribe: Vec<String>,
    /// End after so many events
    #[arg(long, value_name = "N")]
    count: Option<NonZeroU64>,
    /// How events are written: `auto` is human on a terminal and json elsewhere
    #[arg(long, value_enum, default_value_t = Format::Auto)]
    format: Format,
    /// The same as --format json: an object on a line
    #[arg(long, conflicts_with = "format")]
    json: bool,
    /// Whether there is colour; `auto` asks the terminal and NO_COLOR
    #[arg(long, value_enum, default_value_t = Color::Auto, value_name = "WHEN")]
    color: Color,
}

/// A stream that is followed.
#[derive(Debug)]
pub struct Tail {
    asked: Asked,
    narrowed: Narrowed,
    show: Show,
    /// After which event the stream goes on.
    last: Option<String>,
    /// How long the server wants to be left alone.
    retry: Duration,
    /// Whether the stream that is open has said anything.
    heard: bool,
    /// How many events are still to be written; none: all that come.
    left: Option<u64>,
}

/// Why there is no more to follow.
#[derive(Debug)]
enum End {
    /// So many events as were wanted are written, or nobody reads them any more.
    Enough,
    /// The connection is gone; it may be made again.
    Lost(String),
    /// There is nothing to come back for.
    Refused(String),
}

impl Tail {
    /// What is to be done.
    ///
    /// # Errors
    /// [`NotAsked`]: what the command line says cannot be sent.
    pub fn of(options: Options) -> Result<Self, NotAsked> {
        let format = if options.json {
            Format::Json
        } else {
            options.format
        };
        let show = Show::new(format, options.color);
        let left = options.count.map(NonZeroU64::get);
        let narrowed = Narrowed::new(&options.event, &options.collection);
        let last = options.since.clone();
        Ok(Self {
            asked: Asked::of(&options)?,
            narrowed,
            show,
            last,
            retry: TAIL_RETRY,
            heard: false,
            left,
        })
    }

    /// Follows the stream until there are as many events as were wanted, nobody reads them or the
    /// process is interrupted. Dropping the future loses nothing that was not written.
    ///
    /// # Errors
    /// Why it cannot be followed, or no longer, for who called the command.
    pub async fn run(mut self) -> Result<(), String> {
        tokio::select! {
            interrupted = tokio::signal::ctrl_c() => {
                interrupted.map_err(|error| format!("tidings: {error}"))
            }
            followed = self.follow() => followed,
        }
    }

    async fn follow(&mut self) -> Result<(), String> {
        let client = Client::new(self.asked.is_tls()).map_err(|why| self.why(&why))?;
        let mut opened_before = false;
        let mut failures = 0;
        loop {
            let end = match client.open(&self.asked, self.last.as_deref()).await {
                Ok(opened) => {
                    self.say_opened(&opened, opened_before);
                    opened_before = true;
                    let end = self.hear(&client, opened.body).await;
                    // One that ends before it has said anything is no better than none.
                    if std::mem::take(&mut self.heard) {
                        failures = 0;
                    }
                    end
                }
                Err(end) => end,
            };
            let why = match end {
                End::Enough => return Ok(()),
                End::Refused(why) => return Err(self.why(&why)),
                End::Lost(why) if !opened_before => return Err(self.why(&why)),
                End::Lost(why) => why,
            };
            let pause = self.pause(failures);
            failures = failures.saturating_add(1);
            let secs = pause.as_secs_f32();
            self.show.note(&format!("lost: {why}; again in {secs:.1}s"));
            sleep(pause).await;
        }
    }

    /// Hears a stream to its end.
    async fn hear(&mut self, client: &Client, mut body: Incoming) -> End {
        let mut parser = Parser::after(self.last.as_deref());
        loop {
            let piece = match self.silence() {
                None => body.frame().await,
                Some(longest) => match timeout(longest, body.frame()).await {
                    Ok(piece) => piece,
                    Err(_) => return End::Lost(format!("silent for {longest:?}")),
                },
            };
            let piece = match piece {
                None => return End::Lost("the stream ended".to_owned()),
                Some(Err(error)) => return End::Lost(crate::client::causes(&error)),
                Some(Ok(piece)) => piece,
            };
            let Ok(bytes) = piece.into_data() else {
                continue;
            };
            let frames = match parser.push(&bytes) {
                Ok(frames) => frames,
                Err(why) => return End::Refused(why.to_string()),
            };
            if let Some(retry) = parser.retry() {
                self.retry = retry.clamp(TAIL_RETRY_MIN, TAIL_RETRY_MAX);
            }
            self.heard |= !frames.is_empty();
            for frame in frames {
                let next = if frame.event == CONNECTED {
                    self.subscribe(client, &frame).await
                } else {
                    self.take(frame)
                };
                if let Some(end) = next {
                    return end;
                }
            }
        }
    }

    /// Tells the server what to send on the stream that it has just begun.
    async fn subscribe(&mut self, client: &Client, frame: &Frame) -> Option<End> {
        if self.asked.topics().is_empty() {
            let why = "is PocketBase's stream: say what to hear, as --subscribe 'posts/*'";
            return Some(End::Refused(why.to_owned()));
        }
        let subscribed = client.subscribe(&self.asked, &frame.id, self.last.as_deref());
        subscribed.await.err()
    }

    /// Writes what a frame tells, if it is wanted, and remembers the place.
    fn take(&mut self, frame: Frame) -> Option<End> {
        if let Some(told) = Told::of(&frame, &self.narrowed.events)
            && self.narrowed.wants(&told, &frame.event)
        {
            if let Err(left) = self.show.event(&frame, &told) {
                return Some(match left {
                    Left::Nobody => End::Enough,
                    Left::Error(error) => End::Refused(format!("cannot be written: {error}")),
                });
            }
            if let Some(left) = &mut self.left
                && told.kind.counts()
            {
                *left = left.saturating_sub(1);
            }
        }
        if !frame.id.is_empty() {
            self.last = Some(frame.id);
        }
        (self.left == Some(0)).then_some(End::Enough)
    }

    fn say_opened(&mut self, opened: &Opened, again: bool) {
        let log = opened.log.as_deref();
        let log = log.map_or_else(String::new, |level| format!(", its log is {level}"));
        let said = match (&self.last, again) {
            (_, false) => format!("following {}{log}", self.asked.shown()),
            (Some(last), true) => format!("reconnected after {last}"),
            (None, true) => "reconnected".to_owned(),
        };
        self.show.note(&said);
    }

    fn why(&self, why: &str) -> String {
        show::printable(&format!("tidings: {}: {why}", self.asked.shown()))
    }

    /// How long a stream may be silent: PocketBase's are for minutes.
    fn silence(&self) -> Option<Duration> {
        self.asked.topics().is_empty().then_some(TAIL_SILENCE)
    }

    /// As long as the server wants, longer with each time in vain, and spread, so that those who
    /// were lost together do not come back together.
    fn pause(&self, failures: u32) -> Duration {
        let longest = TAIL_RETRY_MAX.min(self.retry.max(TAIL_SILENCE));
        let pause = self.retry.saturating_mul(2_u32.saturating_pow(failures));
        let pause = pause.min(longest);
        pause + (pause / TAIL_SPREAD_PARTS).mul_f32(rand::random())
    }
}

/// With what PocketBase begins a stream; its id is the client's and no place.
const CONNECTED: &str = "PB_CONNECT";
