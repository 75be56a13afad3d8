//! What an event costs that concerns one of many.
//!
//! Ten thousand users are connected, and records of one of them are written. By the rule
//! `owner = @request.auth.sub` the event is for that user alone. The same is measured with only
//! that user at the collection, and all others at another: what the difference is, those cost who
//! are connected and may not hear.

use std::net::SocketAddr;
use std::time::{Duration, SystemTime};

use jsonwebtoken::{EncodingKey, Header, encode};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde_json::json;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

use crate::http::{Client, Result, get, post};
use crate::numbers::{Table, least, median, ratio, with_best};
use crate::sidecar::Sidecar;
use crate::stream::Stream;
use crate::{Options, progress, runtime, upstream};

/// What the others hear.
#[derive(Clone, Copy, Debug)]
enum Others {
    /// Records of their own in the same collection.
    Owners,
    /// Another collection.
    Elsewhere,
}

/// Measures both, in turns.
pub(crate) fn measure(options: &Options) {
    println!("## An event for one of {} users\n", options.users);
    raise_open_files();
    let upstream = upstream::start();
    let mut taken = [Vec::new(), Vec::new()];
    let mut failure = None;
    for repetition in 1..=options.repetitions {
        for (others, taken) in [Others::Owners, Others::Elsewhere]
            .into_iter()
            .zip(&mut taken)
        {
            progress(&format!("owners: {others:?}, {repetition}"));
            match once(upstream, others, options) {
                Ok(micros) => taken.push(micros),
                Err(error) => failure = Some(error),
            }
        }
    }
    let mut table = Table::new(&["the others", "CPU an event, us"]);
    for (name, taken) in ["own records of the collection", "hear another collection"]
        .iter()
        .zip(&taken)
    {
        let micros = |value: f64| format!("{value:.1}");
        let told = with_best(&micros(median(taken)), &micros(least(taken)));
        table.row([(*name).to_owned(), told]);
    }
    let [owners, elsewhere] = taken.each_ref().map(|taken| median(taken));
    table.row(["ratio of the medians".to_owned(), ratio(owners / elsewhere)]);
    table.print();
    if let Some(failure) = failure {
        println!("Not measured to the end: {failure}\n");
    }
}

/// Lets this process have a socket for each stream, and those that it starts.
pub(crate) fn raise_open_files() {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        ..limit
    };
    setrlimit(Resource::Nofile, raised).unwrap();
}

/// The sidecar's CPU time for one event, in microseconds: the write that it proxies included.
fn once(upstream: SocketAddr, others: Others, options: &Options) -> Result<f64> {
    let rules = "access:\n  jwt: { algorithms: [HS256], secret: a-secret-of-32-bytes-or-a-few-more }\n  \
                 rules: { posts: { hear: 'owner = @request.auth.sub' } }\n";
    let sidecar = Sidecar::start_with(upstream, rules)?;
    runtime().block_on(async {
        let mut idle = Vec::with_capacity(options.users);
        for user in 1..options.users {
            let hears = match others {
                Others::Owners => "*:posts",
                Others::Elsewhere => "*:elsewhere",
            };
            idle.push(open(sidecar.address, &path(user, hears)).await?);
        }
        let mut stream = Stream::of(sidecar.address, &path(0, "*:posts")).await?;
        stream.lines(|_| {}).await?;
        let mut writer = Client::to(sidecar.address).await?;
        events(&mut writer, &mut stream, WARM_UP).await?;
        let before = sidecar.cpu();
        events(&mut writer, &mut stream, options.owned).await?;
        let cpu = sidecar.cpu() - before;
        drop(idle);
        Ok(cpu.as_secs_f64() * 1e6 / options.owned as f64)
    })
}

/// Writes so many records of the user 0, and waits for each until that user hears of it.
async fn events(writer: &mut Client, stream: &mut Stream, count: usize) -> Result<()> {
    for _ in 0..count {
        let body = format!(r#"{{"owner":"user-0","text":"{:x<150}"}}"#, "");
        writer.write(&post("/posts", &body)).await?;
        let mut told = false;
        while !told {
            let is_event = |line: &[u8]| line.starts_with(b"data: {\"event\":\"post\"");
            stream.lines(|line| told |= is_event(line)).await?;
        }
    }
    Ok(())
}

/// The stream of a user.
fn path(user: usize, hears: &str) -> String {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let claims = json!({
        "sub": format!("user-{user}"),
        "exp": now.unwrap().as_secs() + 3600,
        "realtime": { "sub": [hears] },
    });
    let key = EncodingKey::from_secret(b"a-secret-of-32-bytes-or-a-few-more");
    let token = encode(&Header::default(), &claims, &key).unwrap();
    format!("/realtime?jwt={token}")
}

/// Opens a stream of which nobody reads on.
async fn open(address: SocketAddr, path: &str) -> Result<TcpStream> {
    let mut socket = Client::to(address).await?.into_socket();
    let sent = tokio::io::AsyncWriteExt::write_all(&mut socket, &get(path, "Accept: */*")).await;
    sent.map_err(|error| error.to_string())?;
    let mut head = [0; 12];
    let read = socket.read_exact(&mut head).await;
    read.map_err(|error| format!("a stream did not open: {error}"))?;
    match &head {
        b"HTTP/1.1 200" => Ok(socket),
        other => Err(format!("a stream was answered {other:?}")),
    }
}

/// Events before anything is measured.
const WARM_UP: usize = 200;

/// The CPU time that a process has taken so far, by its threads' schedules.
pub(crate) fn cpu_of(process: u32) -> Duration {
    let threads = std::fs::read_dir(format!("/proc/{process}/task")).unwrap();
    let nanos = threads.filter_map(|thread| {
        let schedule = std::fs::read_to_string(thread.ok()?.path().join("schedstat")).ok()?;
        schedule.split(' ').next()?.parse::<u64>().ok()
    });
    Duration::from_nanos(nanos.sum())
}
