//! Access under change: a record's owner, a rule, a token and what the API shows change while 500
//! streams hear of some 200 writes a second.
//!
//! One writer writes one after the other, so that the number of a write is the place of its event
//! in the log. What it was answered, and when it began, it notes in the [`Ledger`]; what each
//! stream heard is compared with that, number by number. So the pace and the machine's do not
//! matter: what counts is which write began after the change was in force.

mod hearing;
mod writing;

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use parking_lot::Mutex;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::harness::{EVERYTHING, Scripted, Sidecar, within};
use hearing::{Change, Heard, Stream, Who, whole_second};
use writing::{Api, Ledger, ROUND, Written, write};

const SECRET: &str = "a secret that is long enough for HS256";

/// Users; each owns one record, and has two streams in each dialect.
const USERS: usize = 100;
/// Of these the first are a team, to which the API shows cards.
const TEAM: usize = 6;
/// So many users have streams, too, whose tokens expire.
const EXPIRING: usize = 10;
/// Of guests and of superusers, in each dialect.
const GUESTS: usize = 30;
const SUPERUSERS: usize = 10;

/// Who hears of a post: under the first rule its owner, under the other its reader.
fn with(post: &str) -> String {
    let access = format!(
        r#"  global: true
  jwt: {{ algorithms: [HS256], secret: "{SECRET}", leeway: 0s }}
  superusers: "@request.auth.role = 'admin'"
  rules:
    posts: {{ hear: "{post} = @request.auth.sub" }}
    cards: {{ rule: upstream, hear: "team = @request.auth.team && @collection.x.id = id" }}
    news: {{ hear: "" }}
"#
    );
    EVERYTHING.replace("/realtime }", "/realtime }, pocketbase: {}") + &access
}

struct World {
    sidecar: Sidecar,
    _upstream: Scripted,
    api: Arc<Mutex<Api>>,
    ledger: Ledger,
    streams: Vec<Stream>,
    /// When the tokens of those expire who are [`Who::Expiring`].
    expiry: SystemTime,
}

// --- the world ---

impl World {
    /// All streams, each of which has heard something by then, and the writer.
    async fn start(stop: watch::Receiver<bool>) -> (Self, JoinHandle<()>) {
        let api = Arc::new(Mutex::new(Api::default()));
        api.lock().shows = 0..TEAM / 2;
        let of_all = Arc::clone(&api);
        let upstream = Scripted::replying(move |request| of_all.lock().reply(request)).await;
        let sidecar = Sidecar::start(&upstream.url(), &with("owner")).await;
        let mut world = Self {
            sidecar,
            _upstream: upstream,
            api,
            ledger: Ledger::default(),
            streams: Vec::new(),
            expiry: SystemTime::now(),
        };
        let begun = Instant::now();
        let twice = (0..USERS).flat_map(|user| [Who::User(user); 2]);
        world.open(twice).await;
        world.open([Who::Guest; GUESTS]).await;
        world.open([Who::Superuser; SUPERUSERS]).await;
        // However slow the machine is, these are open and have heard something before that.
        world.expiry = whole_second(world.expiry + begun.elapsed() * 3 + Duration::from_secs(3));
        world.open((0..EXPIRING).map(Who::Expiring)).await;
        let writing = write(world.sidecar.address(), Arc::clone(&world.ledger), stop);
        (world, tokio::spawn(writing))
    }

    /// A stream in each dialect for each of these.
    async fn open(&mut self, whose: impl IntoIterator<Item = Who>) {
        for who in whose {
            for is_restdb in [true, false] {
                let stream = Stream::open(&self.sidecar, who, is_restdb, self.expiry).await;
                self.streams.push(stream);
            }
        }
    }

    /// Waits until everybody has heard of a write that begins from now on; its number.
    async fn settled(&self) -> usize {
        let news = self.begun().next_multiple_of(20);
        self.heard_by_all(news).await;
        news
    }

    async fn heard_by_all(&self, number: usize) {
        for stream in &self.streams {
            let heard = |heard: &Heard| {
                let last = heard.events.last();
                heard.ended || last.is_some_and(|last| last.0 >= number)
            };
            stream.until("everybody to hear", heard).await;
        }
    }

    /// How many writes have begun.
    fn begun(&self) -> usize {
        self.ledger.lock().len()
    }

    /// Waits until each record was written once more, and everybody has heard of it.
    async fn round(&self) {
        let number = self.begun() + ROUND;
        self.heard_by_all(number).await;
    }

    /// Lets the tokens expire.
    async fn tokens_expire(&self) -> Change {
        let settled = self.settled().await;
        // Otherwise some of it may have been heard by nobody who was still somebody.
        let in_time = SystemTime::now() < self.expiry;
        let from = if in_time { settled } else { 0 };
        for stream in &self.streams {
            if stream.is_restdb && matches!(stream.who, Who::Expiring(_)) {
                stream
                    .until("the end of a token", |heard| heard.ended)
                    .await;
                let closed = stream.heard.borrow().closed;
                assert!(closed.expect("it is told why") >= self.expiry);
            }
        }
        self.round().await;
        let ledger = self.ledger.lock();
        let late = |written: &Written| written.began > self.expiry;
        let by = ledger.iter().position(late).unwrap();
        Change { from, by }
    }

    /// Lets the API show its cards to the other half of the team.
    async fn cards_are_shown_to_others(&self) -> Change {
        let from = self.settled().await;
        self.api.lock().shows = TEAM / 2..TEAM;
        let by = self.begun();
        self.round().await;
        Change { from, by }
    }

    /// Lets posts be heard of by their readers; the moment in which the file is there, too.
    async fn rule_changes(&self) -> (Change, Instant) {
        let from = self.settled().await;
        self.sidecar.rewrite(&with("reader"));
        let rewritten = Instant::now();
        let said = ["\"configuration reloaded\"", "\"generation\":2"];
        self.sidecar.logs(&said).await;
        let by = self.begun();
        self.round().await;
        (Change { from, by }, rewritten)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_written_after_a_change_is_heard_by_those_alone_who_may_by_then() {
    let (stop, stopped) = watch::channel(false);
    let (world, writer) = World::start(stopped).await;
    let tokens = world.tokens_expire().await;
    let cards = world.cards_are_shown_to_others().await;
    let (rule, rewritten) = world.rule_changes().await;
    stop.send_replace(true);
    within("the writer's end", writer).await.unwrap();
    let ledger = world.ledger.lock().clone();
    world.heard_by_all(ledger.len() - 1).await;
    let (first, last) = (0..TEAM / 2, TEAM / 2..TEAM);
    let mut lost = [0; 3];
    for stream in &world.streams {
        stream.is_in_order(&ledger);
        let old = |of: &Written| stream.may_hear(of, "owner", &first);
        let new = |of: &Written| stream.may_hear(of, "reader", &last);
        let guest = |of: &Written| of.collection == "news" && !stream.is_restdb;
        lost[1] += cards.check(stream, &ledger, &["cards"], [&old, &new]);
        if matches!(stream.who, Who::Expiring(_)) {
            lost[0] += tokens.check(stream, &ledger, &["posts", "news"], [&old, &guest]);
        } else {
            lost[2] += rule.check(stream, &ledger, &["posts", "news"], [&old, &new]);
        }
    }
    report(&world, &ledger, rule, rewritten);
    assert!(lost.iter().all(|lost| *lost > 20), "{lost:?} were lost");
}

/// Says how much was heard, how fast, and how long the old rule was heard by after the new file.
fn report(world: &World, ledger: &[Written], rule: Change, rewritten: Instant) {
    let mut last = Duration::ZERO;
    let mut heard = 0;
    for stream in &world.streams {
        let events = &stream.heard.borrow().events;
        heard += events.len();
        for (number, .., at) in events.iter().filter(|of| of.0 > rule.from) {
            let written = &ledger[*number];
            if written.collection == "posts" && !stream.may_hear(written, "reader", &(0..0)) {
                last = last.max(at.saturating_duration_since(rewritten));
            }
        }
    }
    let took = ledger[ledger.len() - 1]
        .began
        .duration_since(ledger[0].began);
    println!(
        "{} writes in {took:?}, {heard} messages to {} streams; {last:?} from another rule to the \
         last message by the old one",
        ledger.len(),
        world.streams.len()
    );
}
