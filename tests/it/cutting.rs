//! The JavaScript client when its stream is lost: nothing is missed, nothing comes twice.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::{ALL, Conn, EVERYTHING, Place, Relay, Request, Scripted, Sidecar, ok};

/// A sidecar whose log survives its process, before an API that has an empty page.
async fn sidecar() -> (Sidecar, Scripted) {
    let api = Scripted::replying(|request: &Request| match request.head.start() {
        start if start.starts_with("GET /page ") => {
            let page = "<!doctype html><title>page</title><script src=/realtime/client.js></script>";
            let length = page.len();
            format!("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {length}\r\n\r\n{page}")
        }
        _ => ok("{}"),
    })
    .await;
    let log = "log: { level: process, dir: log, keep: { events: 1000000, bytes: 1GiB } }";
    let sidecar = Sidecar::start(&api.url(), &format!("{EVERYTHING}{log}\n")).await;
    (sidecar, api)
}

/// Opens `db` at `url` and waits for it; tells of every state, gap and end.
async fn open(place: &mut Place, url: &str, retry: u32) {
    place
        .run(&format!(
            "globalThis.heard = [];
             globalThis.db = new restdb('all-key', {{ realtime: true, url: '{url}', retry: {retry} }});
             db.on('N', (error, eventdata) => error || heard.push(eventdata.data));
             for (const name of ['CONNECT', 'DISCONNECT', 'RECONNECT', 'GAP', 'END'])
               db.on(name, (error, eventdata) => tell(error ? [name, error.status] : eventdata));"
        ))
        .await;
    tells(place, "connect").await;
}

/// What it tells next is an event of that name.
async fn tells(place: &mut Place, event: &str) -> Value {
    let told = place.told().await;
    assert_eq!(told["event"], event, "{told}");
    told
}

// --- what is told of a loss ---

#[tokio::test]
async fn a_reconnect_is_told_before_what_was_missed() {
    let (sidecar, _api) = sidecar().await;
    let relay = Relay::before(sidecar.address()).await;
    let mut place = Place::node(&sidecar).await;
    open(&mut place, &relay.url(""), 500).await;
    place
        .run("db.on('MISSED', (error, { data }) => tell({ event: 'missed', data }))")
        .await;
    relay.reset();
    tells(&mut place, "disconnect").await;
    for n in 0..3 {
        sidecar.publish("MISSED", json!(n)).await.expect(200);
    }
    tells(&mut place, "reconnect").await;
    for n in 0..3 {
        assert_eq!(tells(&mut place, "missed").await["data"], n);
    }
}

#[tokio::test]
async fn a_gap_is_told_with_its_reason_and_to_the_collections_it_concerns() {
    let mut sidecar = Sidecar::start("http://127.0.0.1:1", EVERYTHING).await;
    let mut place = Place::node(&sidecar).await;
    open(&mut place, &sidecar.url(""), 100).await;
    place
        .run("db.posts.on('GAP', (error, { reason }) => tell({ event: 'posts', reason }))")
        .await;
    sidecar.restart().await;
    tells(&mut place, "disconnect").await;
    tells(&mut place, "reconnect").await;
    let gap = tells(&mut place, "gap").await;
    assert_eq!(
        gap,
        json!({"event": "gap", "reason": "foreign", "collections": ["*"]})
    );
    assert_eq!(tells(&mut place, "posts").await["reason"], "foreign");
}

#[tokio::test]
async fn a_key_that_is_withdrawn_ends_it_with_an_error() {
    let (sidecar, _api) = sidecar().await;
    let mut place = Place::node(&sidecar).await;
    open(&mut place, &sidecar.url(""), 100).await;
    sidecar.rewrite(&EVERYTHING.replace("all-key", "new-key"));
    tells(&mut place, "disconnect").await;
    for name in ["CONNECT", "DISCONNECT", "RECONNECT", "GAP", "END"] {
        assert_eq!(place.told().await, json!([name, 401]));
    }
}

#[tokio::test]
async fn after_close_nothing_comes() {
    let (sidecar, _api) = sidecar().await;
    let relay = Relay::before(sidecar.address()).await;
    let mut place = Place::node(&sidecar).await;
    open(&mut place, &relay.url(""), 100).await;
    // The callback that closes is the last, though more has come with its event.
    place.run("db.on('LAST', () => { db.close(); tell({ event: 'closed' }); }); db.on('LAST', () => tell('no'))").await;
    sidecar.publish("LAST", json!(1)).await.expect(200);
    sidecar.publish("END", json!(1)).await.expect(200);
    tells(&mut place, "closed").await;
    let answer = place.run("return await db.publish('END', 2)").await;
    assert_eq!(answer, json!({"message": "OK"}));
    place.run("tell({ event: 'marker' })").await;
    tells(&mut place, "marker").await;
}

// --- streams of exact bytes ---

/// Makes `fetch` answer with each of `streams` in turn, as texts in pieces of `size` bytes, and
/// tell what it was asked with. Text that begins with a number is an answer of that status.
fn fetching(streams: &[&str], size: usize) -> String {
    let streams = json!(streams);
    format!(
        "const streams = {streams};
         globalThis.fetch = async (url, {{ headers, signal }}) => {{
           tell({{ event: 'fetch', from: headers['Last-Event-ID'] ?? null }});
           const text = streams.shift();
           if (text === undefined) return new Promise(() => {{}});
           const status = Number(text.slice(0, 3));
           if (status === 0) throw new TypeError('no network');
           if (status > 0) return new Response(text.slice(3), {{ status }});
           const bytes = new TextEncoder().encode(text);
           const body = new ReadableStream({{ start(to) {{
             for (let at = 0; at < bytes.length; at += {size}) to.enqueue(bytes.slice(at, at + {size}));
             to.close();
           }} }});
           return new Response(body, {{ headers: {{ 'Content-Type': 'text/event-stream; charset=utf-8' }} }});
         }};"
    )
}

#[tokio::test]
async fn a_stream_is_read_as_the_standard_says_however_it_is_cut() {
    let (sidecar, _api) = sidecar().await;
    let stream = "\u{feff}: a comment\r\n\r\nid: 1\ndata: {\"channel\":\"init\"}\n\n\
        id: 2\r\nevent: publish\r\ndata: {\"event\":\"N\",\r\ndata: \"data\":\"ä€😀\"}\r\n\r\n\
        id: 3\revent:publish\rdata:{\"event\":\"N\",\"data\":2}\rdata\r\r\
        event: publish\nid: no\0pe\n\nunknown: x\nretry: 12x\nevent\n\
        data: {\"event\":\"N\",\"data\":\"of no type\"}\n\n\
        event: publish\nevent: put\nid:  4\ndata: {\"event\":\"put\",\"collection\":\"c\",\"data\":\"5\"}\n\n\
        event: publish\ndata: no json\n\n\
        event: publish\ndata: {\"event\":\"END\",\"data\":6}\n\nid: 5\n\n\
        id: 7\nevent: publish\ndata: {\"event\":\"END\",\"data\":\"unfinished\"}\n";
    let page = Place::page(&sidecar.url("/page")).await;
    for mut place in [Place::node(&sidecar).await, page] {
        for size in [1, 2, 3, 7, 10_000] {
            place.run(&fetching(&[stream], size)).await;
            place
                .run(
                    "const db = new restdb('k', { realtime: true, url: 'http://a', retry: 1 });
                     for (const name of ['N', 'PUT', 'END']) db.on(name, (_, { data }) => tell({ event: name, data }));
                     globalThis.db = db;",
                )
                .await;
            assert_eq!(tells(&mut place, "fetch").await["from"], Value::Null);
            for (event, data) in [
                ("N", json!("ä€😀")),
                ("N", json!(2)),
                ("PUT", json!("5")),
                ("END", json!(6)),
            ] {
                assert_eq!(tells(&mut place, event).await["data"], data, "{size}");
            }
            // The last id counts although its event had no data; the one with a NUL never does.
            assert_eq!(tells(&mut place, "fetch").await["from"], "5", "{size}");
            place.run("db.close()").await;
        }
    }
}

#[tokio::test]
async fn what_comes_again_after_a_resume_is_heard_once() {
    let (sidecar, _api) = sidecar().await;
    let mut place = Place::node(&sidecar).await;
    let init = |id| format!("id: {id}\ndata: {{\"channel\":\"init\",\"data\":{{}}}}\n\n");
    let event = |n| format!("id: {n}\nevent: publish\ndata: {{\"event\":\"N\",\"data\":{n}}}\n\n");
    let first = init(0) + &event(1) + &event(2);
    let second = init(2) + &event(2) + &event(1) + &event(3);
    // A log that lost its newest events tells so, and may give their ids again.
    let gap =
        "id: 0\nevent: gap\ndata: {\"event\":\"gap\",\"reason\":\"lost\",\"collections\":[]}\n\n";
    let third = init(0) + gap + &event(1);
    place.run(&fetching(&[&first, &second, &third], 50)).await;
    place
        .run(
            "const db = new restdb('k', { realtime: true, url: 'http://a', retry: 1 });
             for (const name of ['CONNECT', 'RECONNECT', 'DISCONNECT', 'N']) db.on(name, (_, told) => tell(told));",
        )
        .await;
    for expected in [
        "fetch",
        "connect",
        "N 1",
        "N 2",
        "disconnect",
        "fetch",
        "reconnect",
        "N 3",
        "disconnect",
        "fetch",
        "reconnect",
        "N 1",
        "disconnect",
    ] {
        let (event, data) = expected.split_once(' ').unwrap_or((expected, ""));
        let told = tells(&mut place, event).await;
        assert!(
            data.is_empty() || told["data"] == json!(data.parse::<u32>().unwrap()),
            "{told}"
        );
    }
}

#[tokio::test]
async fn other_failures_are_tried_again_ever_more_seldom() {
    let (sidecar, _api) = sidecar().await;
    let mut place = Place::node(&sidecar).await;
    let no_room = "retry: 5000\n\n";
    let open = "retry: 300\n\ndata: {\"channel\":\"init\"}\n\n";
    let streams = [
        "503{}",
        "000",
        "200<html>",
        "404",
        no_room,
        "500",
        "503",
        open,
        "503",
        "503",
    ];
    place.run(&fetching(&streams, 1000)).await;
    place
        .run(
            "Math.random = () => 0;
             const later = setTimeout;
             globalThis.setTimeout = (run, wait) => {
               // Those of the watch for silence are just below 25 s.
               if (wait > 24_000 && wait <= 25_000) return later(run, wait);
               tell({ event: 'wait', wait });
               return later(run, 0);
             };
             const db = new restdb('k', { realtime: true, url: 'http://a' });
             for (const name of ['CONNECT', 'RECONNECT', 'DISCONNECT']) db.on(name, () => tell({ event: name }));",
        )
        .await;
    for wait in [2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000] {
        tells(&mut place, "fetch").await;
        assert_eq!(tells(&mut place, "wait").await["wait"], wait);
    }
    tells(&mut place, "fetch").await;
    tells(&mut place, "CONNECT").await;
    tells(&mut place, "DISCONNECT").await;
    for wait in [300, 600, 1200] {
        assert_eq!(tells(&mut place, "wait").await["wait"], wait);
        tells(&mut place, "fetch").await;
    }
}

// --- silence and sleep ---

#[tokio::test]
async fn a_stream_that_is_silent_for_25_seconds_is_lost() {
    let (sidecar, _api) = sidecar().await;
    let silent = Scripted::start(|mut peer| async move {
        while peer.request().await.is_some() {
            let head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n";
            peer.conn
                .send(format!("{head}data: {{\"channel\":\"init\"}}\n\n"))
                .await;
        }
    })
    .await;
    let mut place = Place::node(&sidecar).await;
    // Time goes by a hundred times as fast.
    place
        .run(
            "const now = performance.now.bind(performance), later = setTimeout;
             performance.now = () => now() * 100;
             globalThis.setTimeout = (run, wait) => later(run, wait / 100);",
        )
        .await;
    let begun = place
        .run("return performance.now()")
        .await
        .as_f64()
        .unwrap();
    open(&mut place, &silent.url(), 100).await;
    tells(&mut place, "disconnect").await;
    let lost = place
        .run("return performance.now()")
        .await
        .as_f64()
        .unwrap();
    assert!(lost - begun >= 25_000.0, "{begun} {lost}");
    tells(&mut place, "reconnect").await;
}

#[tokio::test]
async fn a_page_that_wakes_up_comes_back_at_once() {
    let (mut sidecar, _api) = sidecar().await;
    let mut place = Place::page(&sidecar.url("/page")).await;
    // Longer than any test waits.
    open(&mut place, &sidecar.url(""), 600_000).await;
    for wakes in [
        "const now = performance.now.bind(performance); performance.now = () => now() + 26_000;
         document.dispatchEvent(new Event('visibilitychange'));",
        // A clock that slept with the machine, while the time of day went on.
        "const now = Date.now.bind(Date); Date.now = () => now() + 26_000;
         dispatchEvent(new PageTransitionEvent('pageshow'));",
        "document.dispatchEvent(new Event('resume')); dispatchEvent(new Event('online'));",
        "dispatchEvent(new PageTransitionEvent('pagehide', { persisted: true }));
         dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }));",
    ] {
        place.run(wakes).await;
        tells(&mut place, "disconnect").await;
        tells(&mut place, "reconnect").await;
    }
    // While it waits for the next attempt, too.
    sidecar.kill().await;
    tells(&mut place, "disconnect").await;
    sidecar.start_again().await;
    place
        .run("document.dispatchEvent(new Event('visibilitychange'))")
        .await;
    tells(&mut place, "reconnect").await;
    // What is well is left alone.
    place
        .run("document.dispatchEvent(new Event('visibilitychange')); tell({ event: 'marker' })")
        .await;
    tells(&mut place, "marker").await;
    sidecar.publish("END", json!(1)).await.expect(200);
    tells(&mut place, "END").await;
}

// --- over and over ---

/// How a stream is lost.
#[derive(Clone, Copy, Debug)]
enum Loss {
    Closed,
    Killed,
    Offline,
    Reset,
}

/// Publishes numbers, one after the other, until it is told to stop; those that were
/// acknowledged. What was cut short may have been published or not, and is not tried again.
async fn write(address: SocketAddr, stop: Arc<AtomicBool>) -> Vec<u64> {
    let mut acknowledged = Vec::new();
    let mut pace = tokio::time::interval(Duration::from_millis(2));
    for number in 0.. {
        pace.tick().await;
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let Some(mut conn) = Conn::try_to(address).await else {
            continue;
        };
        let body = json!({"event": "N", "data": number}).to_string();
        let length = body.len();
        conn.send(format!(
            "POST {ALL} HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
        ))
        .await;
        if let Some(200) = conn.try_response().await.map(|response| response.status()) {
            acknowledged.push(number);
        }
    }
    acknowledged
}

/// Cycles of each test: a few, or as many as `TIDINGS_CLIENT_CYCLES` says.
fn cycles() -> usize {
    let asked = std::env::var("TIDINGS_CLIENT_CYCLES").ok();
    asked.and_then(|cycles| cycles.parse().ok()).unwrap_or(8)
}

/// Loses the stream of `place` in each of these ways in turn while somebody writes.
async fn survives(mut place: Place, mut sidecar: Sidecar, relay: Relay, losses: &[Loss]) {
    open(&mut place, &relay.url(""), 100).await;
    let stop = Arc::new(AtomicBool::new(false));
    let writer = tokio::spawn(write(sidecar.address(), Arc::clone(&stop)));
    let more = "const enough = heard.length + 10;
                while (heard.length < enough) await new Promise((again) => setTimeout(again, 5));";
    for (cycle, loss) in losses.iter().cycle().take(cycles()).enumerate() {
        place.run(more).await;
        match loss {
            Loss::Closed => relay.cut(),
            Loss::Killed => sidecar.kill().await,
            Loss::Offline => {
                // It begins no new connection, and keeps the one that it has.
                place.network(false).await;
                relay.reset();
            }
            Loss::Reset => relay.reset(),
        }
        let told = place.told().await;
        assert_eq!(
            told["event"], "disconnect",
            "cycle {cycle}, {loss:?}: {told}"
        );
        match loss {
            Loss::Closed | Loss::Reset => {}
            Loss::Killed => sidecar.start_again().await,
            Loss::Offline => place.network(true).await,
        }
        let told = place.told().await;
        assert_eq!(
            told["event"], "reconnect",
            "cycle {cycle}, {loss:?}: {told}"
        );
    }
    stop.store(true, Ordering::Relaxed);
    let acknowledged = writer.await.unwrap();
    sidecar.publish("END", Value::Null).await.expect(200);
    tells(&mut place, "END").await;
    let heard: Vec<u64> = serde_json::from_value(place.run("return heard").await).unwrap();
    assert!(heard.is_sorted_by(|a, b| a < b), "in order, and each once");
    let missed: Vec<_> = acknowledged
        .iter()
        .filter(|number| heard.binary_search(number).is_err())
        .collect();
    assert_eq!(missed, Vec::<&u64>::new(), "of {}", acknowledged.len());
    println!("{} cycles, {} events", cycles(), heard.len());
}

#[tokio::test]
async fn node_hears_every_event_once_and_in_order_over_any_loss() {
    let (sidecar, _api) = sidecar().await;
    let relay = Relay::before(sidecar.address()).await;
    let place = Place::node(&sidecar).await;
    survives(
        place,
        sidecar,
        relay,
        &[Loss::Reset, Loss::Killed, Loss::Closed],
    )
    .await;
}

#[tokio::test]
async fn a_page_hears_every_event_once_and_in_order_over_any_loss() {
    let (sidecar, _api) = sidecar().await;
    let relay = Relay::before(sidecar.address()).await;
    let place = Place::page(&relay.url("/page")).await;
    let losses = [Loss::Reset, Loss::Offline, Loss::Killed, Loss::Closed];
    survives(place, sidecar, relay, &losses).await;
}
