//! What the sidecar says of itself: the numbers are those of what was done, whatever comes.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;

use crate::harness::{
    ALL, Conn, EVERYTHING, Release, Request, Scripted, Sidecar, Subscriber, answer, eventually, ok,
};

mod examples;
mod ids;
mod ready;

/// The series of a page with their values. Shape of a name: `tidings_streams{dialect="plain"}`.
type Series = BTreeMap<String, f64>;

async fn series(sidecar: &Sidecar) -> Series {
    let page = sidecar.admin("/metrics").await.expect(200);
    let samples = page.text().lines().filter(|line| !line.starts_with('#'));
    let split = |line: &str| {
        let (name, value) = line.rsplit_once(' ').unwrap();
        (name.to_owned(), value.parse().unwrap())
    };
    samples.map(split).collect()
}

/// Waits until these are exactly the series of the metric that are not 0. Shape: `tidings_writes_total`
/// and `{outcome="told"}`.
async fn comes_to(sidecar: &Sidecar, metric: &str, expected: &[(&str, u32)]) {
    let expected: BTreeMap<_, _> = expected
        .iter()
        .map(|(labels, value)| (format!("{metric}{labels}"), f64::from(*value)))
        .collect();
    let mut last = BTreeMap::new();
    let counted = eventually(metric, async || {
        let all = series(sidecar).await;
        let own = |name: &str| name.split('{').next() == Some(metric);
        assert!(all.keys().any(|name| own(name)), "{metric} is not there");
        let counted = all
            .into_iter()
            .filter(|(name, value)| own(name) && *value != 0.0);
        let counted: BTreeMap<_, _> = counted.collect();
        let told = counted == expected;
        if !told && counted != last {
            println!("{metric}: {counted:?}");
        }
        last = counted;
        told.then_some(())
    });
    counted.await;
}

/// Sends exact bytes and waits for the answer, if one comes.
async fn raw(sidecar: &Sidecar, bytes: &str) -> Vec<u8> {
    let mut conn = Conn::to(sidecar.address()).await;
    conn.send(bytes).await;
    conn.rest().await
}

/// An upstream that answers with the status that a path names. Shape: `/posts/409`.
async fn by_path() -> Scripted {
    Scripted::replying(|request: &Request| {
        let path = request.head.start().split(' ').nth(1).unwrap();
        match path.rsplit('/').next().unwrap() {
            "201" => answer("201 Created", r#"{"id":201}"#),
            "404" => answer("404 Not Found", "{}"),
            "409" => answer("409 Conflict", "{}"),
            "500" => answer("500 Internal Server Error", "{}"),
            "204" => "HTTP/1.1 204 No Content\r\n\r\n".to_owned(),
            "gzip" => answer("200 OK\r\nContent-Encoding: x-odd", "abc"),
            _ => ok(r#"{"id":1}"#),
        }
    })
    .await
}

#[tokio::test]
async fn requests_are_counted_by_who_answered_and_how() {
    let upstream = by_path().await;
    let yaml = format!("{EVERYTHING}limits: {{ head: 2KiB }}\n");
    let sidecar = Sidecar::start(&upstream.url(), &yaml).await;
    for _ in 0..3 {
        sidecar.get("/posts").await.expect(200);
    }
    sidecar.get("/posts/404").await.expect(404);
    sidecar.get("/posts/500").await.expect(500);
    sidecar.publish("GOAL", json!(1)).await.expect(200);
    sidecar.get("/realtime?apikey=unknown").await.expect(401);
    let _stream = sidecar.hear(ALL).await;
    raw(
        &sidecar,
        "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: +3\r\n\r\n",
    )
    .await;
    raw(&sidecar, "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n").await;
    raw(&sidecar, "GET / HTTP/2.0\r\nHost: a\r\n\r\n").await;
    let long = "x".repeat(3000);
    raw(
        &sidecar,
        &format!("GET / HTTP/1.1\r\nHost: a\r\nX: {long}\r\n\r\n"),
    )
    .await;
    comes_to(
        &sidecar,
        "tidings_http_requests_total",
        &[
            (r#"{class="upstream",status="2xx"}"#, 3),
            (r#"{class="upstream",status="4xx"}"#, 1),
            (r#"{class="upstream",status="5xx"}"#, 1),
            (r#"{class="realtime",status="2xx"}"#, 2),
            (r#"{class="realtime",status="4xx"}"#, 1),
            (r#"{class="sidecar",status="4xx"}"#, 3),
            (r#"{class="sidecar",status="5xx"}"#, 1),
        ],
    )
    .await;
    comes_to(
        &sidecar,
        "tidings_http_requests_refused_total",
        &[
            (r#"{reason="framing"}"#, 1),
            (r#"{reason="malformed"}"#, 1),
            (r#"{reason="version"}"#, 1),
            (r#"{reason="head_too_large"}"#, 1),
        ],
    )
    .await;
    // A stream is no request that takes a while; a head that did not pass took none.
    comes_to(
        &sidecar,
        "tidings_http_request_duration_seconds_count",
        &[(r#"{class="upstream"}"#, 5), (r#"{class="realtime"}"#, 2)],
    )
    .await;
}

#[tokio::test]
async fn requests_and_connections_are_counted_while_they_last() {
    let release = Release::new();
    let upstream = Scripted::holding(&release, |_| true, |_| ok("{}")).await;
    let sidecar = Sidecar::start(&upstream.url(), EVERYTHING).await;
    let mut conn = Conn::to(sidecar.address()).await;
    conn.send("GET /posts HTTP/1.1\r\nHost: a\r\n\r\n").await;
    upstream.request(0).await;
    comes_to(&sidecar, "tidings_http_requests_in_flight", &[("", 1)]).await;
    release.open();
    conn.response().await.expect(200);
    comes_to(&sidecar, "tidings_http_requests_in_flight", &[]).await;
    comes_to(&sidecar, "tidings_connections", &[("", 1)]).await;
    drop(conn);
    comes_to(&sidecar, "tidings_connections", &[]).await;
    comes_to(&sidecar, "tidings_connections_accepted_total", &[("", 1)]).await;
}

#[tokio::test]
async fn an_upstream_that_fails_is_counted_by_how() {
    let nowhere = Sidecar::start("http://127.0.0.1:1", EVERYTHING).await;
    nowhere.get("/posts").await.expect(502);
    nowhere.post("/posts", json!({})).await.expect(502);
    let errors = "tidings_upstream_errors_total";
    comes_to(&nowhere, errors, &[(r#"{kind="connect"}"#, 2)]).await;
    let requests = "tidings_http_requests_total";
    comes_to(
        &nowhere,
        requests,
        &[(r#"{class="sidecar",status="5xx"}"#, 2)],
    )
    .await;
    // Nobody can have written what never went out.
    let writes = "tidings_writes_total";
    comes_to(&nowhere, writes, &[(r#"{outcome="unsent"}"#, 1)]).await;

    let closing = Scripted::start(|mut peer| async move {
        peer.request().await;
    })
    .await;
    let sidecar = Sidecar::start(&closing.url(), EVERYTHING).await;
    sidecar.post("/posts", json!({})).await.expect(502);
    comes_to(&sidecar, errors, &[(r#"{kind="closed"}"#, 1)]).await;
    let uncertain = "tidings_writes_uncertain_total";
    comes_to(&sidecar, uncertain, &[(r#"{reason="lost"}"#, 1)]).await;

    let silent = Scripted::start(|mut peer| async move {
        peer.request().await;
        peer.conn.rest().await;
    })
    .await;
    let soon = EVERYTHING.replace("UPSTREAM", "{ url: UPSTREAM, read_timeout: 100ms }");
    let sidecar = Sidecar::start(&silent.url(), &soon).await;
    sidecar.get("/posts").await.expect(504);
    comes_to(&sidecar, errors, &[(r#"{kind="read_timeout"}"#, 1)]).await;
}

#[tokio::test]
async fn observed_writes_are_counted_by_what_became_of_them() {
    let upstream = by_path().await;
    let yaml = format!("{EVERYTHING}limits: {{ observed_body: 1KiB }}\n");
    let sidecar = Sidecar::start(&upstream.url(), &yaml).await;
    for path in [
        "/posts/201",
        "/posts/1",
        "/posts/409",
        "/posts/500",
        "/posts/gzip",
    ] {
        sidecar.put(path, json!({})).await;
    }
    sidecar.delete("/posts/204").await.expect(204);
    sidecar.put("/POSTS/1", json!({})).await.expect(200);
    sidecar.get("/posts/1").await.expect(200);
    let told = "tidings_writes_total";
    comes_to(
        &sidecar,
        told,
        &[
            (r#"{outcome="told"}"#, 3),
            (r#"{outcome="refused"}"#, 1),
            (r#"{outcome="uncertain"}"#, 3),
        ],
    )
    .await;
    comes_to(
        &sidecar,
        "tidings_writes_uncertain_total",
        &[
            (r#"{reason="failed"}"#, 1),
            (r#"{reason="body_unread"}"#, 1),
            (r#"{reason="ambiguous_path"}"#, 1),
        ],
    )
    .await;
    comes_to(
        &sidecar,
        "tidings_events_appended_total",
        &[(r#"{kind="write"}"#, 3), (r#"{kind="uncertain"}"#, 3)],
    )
    .await;
}

#[tokio::test]
async fn a_write_whose_answer_was_cut_is_counted_as_such() {
    for head in ["Content-Length: 100", "Connection: close"] {
        let upstream = Scripted::start(move |mut peer| async move {
            peer.request().await;
            let cut = format!("HTTP/1.1 200 OK\r\n{head}\r\n\r\n{{\"id\":");
            peer.conn.send(cut).await;
        })
        .await;
        let sidecar = Sidecar::start(&upstream.url(), EVERYTHING).await;
        let request = sidecar.request("PUT", "/posts/1", &[("Content-Length", "0")]);
        raw(&sidecar, &request).await;
        let uncertain = "tidings_writes_uncertain_total";
        comes_to(&sidecar, uncertain, &[(r#"{reason="truncated"}"#, 1)]).await;
    }
}

#[tokio::test]
async fn publishes_are_counted_by_what_became_of_them() {
    let yaml = EVERYTHING.replace("path: /realtime", "publish_rate: 3/h")
        + "    - { name: one, key: one-key, publish: [\"GOAL\"] }\n";
    let sidecar = Sidecar::start("http://127.0.0.1:1", &yaml).await;
    let publish = async |key: &str, event: &str| {
        let body = json!({"event": event, "data": 1});
        let path = format!("/realtime?apikey={key}");
        sidecar.post(&path, body).await.status()
    };
    assert_eq!(publish("one-key", "GOAL").await, 200);
    assert_eq!(publish("one-key", "OTHER").await, 403);
    assert_eq!(publish("no-key", "GOAL").await, 401);
    assert_eq!(publish("one-key", "").await, 400);
    for _ in 0..2 {
        assert_eq!(publish("one-key", "GOAL").await, 200);
    }
    assert_eq!(publish("one-key", "GOAL").await, 429);
    let large = "x".repeat(2 * 1024 * 1024);
    let path = "/realtime?apikey=one-key";
    let body = json!({"event": "GOAL", "data": large});
    sidecar.post(path, body).await.expect(413);
    comes_to(
        &sidecar,
        "tidings_publishes_total",
        &[
            (r#"{result="accepted"}"#, 3),
            (r#"{result="denied"}"#, 2),
            (r#"{result="invalid"}"#, 1),
            (r#"{result="too_often"}"#, 1),
            (r#"{result="too_large"}"#, 1),
        ],
    )
    .await;
    comes_to(
        &sidecar,
        "tidings_events_appended_total",
        &[(r#"{kind="publish"}"#, 3)],
    )
    .await;
}

#[tokio::test]
async fn streams_and_what_they_were_sent_are_counted() {
    let yaml = format!("{EVERYTHING}limits: {{ streams: 3 }}\n",)
        .replace("realtime: {", "realtime: { streams: [{ path: /news }],");
    let sidecar = Sidecar::start("http://127.0.0.1:1", &yaml).await;
    let mut first = sidecar.hear(ALL).await;
    let second = sidecar.hear(ALL).await;
    let _plain = Subscriber::open(&sidecar, "/news?apikey=all-key", &[]).await;
    comes_to(
        &sidecar,
        "tidings_streams",
        &[(r#"{dialect="restdb"}"#, 2), (r#"{dialect="plain"}"#, 1)],
    )
    .await;
    Subscriber::open(&sidecar, ALL, &[]).await.ended().await;
    comes_to(
        &sidecar,
        "tidings_streams_turned_away_total",
        &[(r#"{reason="limit"}"#, 1)],
    )
    .await;
    sidecar.publish("GOAL", json!(1)).await.expect(200);
    sidecar.publish("GOAL", json!(2)).await.expect(200);
    let id = first.next().await.id().to_owned();
    let delivered = "tidings_events_delivered_total";
    let live = r#"{source="live"}"#;
    comes_to(&sidecar, delivered, &[(live, 6)]).await;

    second.reset();
    let closed = "tidings_streams_closed_total";
    comes_to(&sidecar, closed, &[(r#"{reason="left"}"#, 1)]).await;
    let resumed = sidecar.resume(ALL, &id).await;
    comes_to(&sidecar, "tidings_streams_resumed_total", &[("", 1)]).await;
    comes_to(
        &sidecar,
        delivered,
        &[(live, 6), (r#"{source="replay"}"#, 1)],
    )
    .await;
    resumed.reset();
    comes_to(&sidecar, closed, &[(r#"{reason="left"}"#, 2)]).await;
    let foreign = Subscriber::open(&sidecar, ALL, &[("Last-Event-ID", "000000000001-1")]).await;
    comes_to(
        &sidecar,
        "tidings_gaps_told_total",
        &[(r#"{reason="foreign"}"#, 1)],
    )
    .await;
    comes_to(
        &sidecar,
        "tidings_streams_opened_total",
        &[(r#"{dialect="restdb"}"#, 4), (r#"{dialect="plain"}"#, 1)],
    )
    .await;
    comes_to(&sidecar, "tidings_streams_limit", &[("", 3)]).await;
    let all = series(&sidecar).await;
    assert!(all["tidings_stream_sent_bytes_total"] > 1000.0, "{all:?}");
    drop(foreign);
}

#[tokio::test]
async fn a_stream_that_is_closed_because_it_was_slow_is_counted_as_such() {
    let yaml = format!("{EVERYTHING}log: {{ keep: {{ bytes: 2MiB }} }}\n");
    let sidecar = Sidecar::start("http://127.0.0.1:1", &yaml).await;
    let mut slow = sidecar.hear(ALL).await;
    for _ in 0..400 {
        let data = json!("x".repeat(60_000));
        sidecar.publish("LARGE", data).await.expect(200);
    }
    slow.ended().await;
    let closed = "tidings_streams_closed_total";
    comes_to(&sidecar, closed, &[(r#"{reason="slow"}"#, 1)]).await;
    comes_to(&sidecar, "tidings_streams", &[]).await;
}

#[tokio::test]
async fn a_configuration_ends_streams_and_reloads_are_counted() {
    let sidecar = Sidecar::start("http://127.0.0.1:1", EVERYTHING).await;
    let begun = series(&sidecar).await;
    let since = "tidings_configuration_last_reload_success_timestamp_seconds";
    assert!(begun[since] >= begun["process_start_time_seconds"]);
    let mut stream = sidecar.hear(ALL).await;
    let last = "tidings_configuration_last_reload_successful";
    comes_to(&sidecar, last, &[("", 1)]).await;
    sidecar.rewrite("listen: nowhere\n");
    comes_to(&sidecar, last, &[]).await;
    let reloads = "tidings_configuration_reloads_total";
    comes_to(&sidecar, reloads, &[(r#"{result="failure"}"#, 1)]).await;
    // What is in force is not degraded by a file that is not.
    sidecar.admin("/readyz").await.expect(200);
    sidecar.rewrite(&EVERYTHING.replace("all-key", "new-key"));
    stream.ended().await;
    let both = [(r#"{result="failure"}"#, 1), (r#"{result="success"}"#, 1)];
    comes_to(&sidecar, reloads, &both).await;
    comes_to(&sidecar, last, &[("", 1)]).await;
    comes_to(&sidecar, "tidings_configuration_generation", &[("", 2)]).await;
    let closed = "tidings_streams_closed_total";
    comes_to(&sidecar, closed, &[(r#"{reason="revoked"}"#, 1)]).await;
    // A file that is as before it was refused is none that is refused.
    sidecar.rewrite("listen: nowhere\n");
    comes_to(&sidecar, last, &[]).await;
    sidecar.rewrite(&EVERYTHING.replace("all-key", "new-key"));
    comes_to(&sidecar, last, &[("", 1)]).await;
}

#[tokio::test]
async fn questions_to_the_upstream_are_counted_by_what_it_said() {
    let upstream =
        Scripted::replying(
            |request: &Request| match request.head.field("authorization") {
                Some("Bearer known") => ok(r#"{"realtime":{"sub":["*:*"]}}"#),
                Some("Bearer broken") => answer("500 Internal Server Error", "{}"),
                _ => answer("401 Unauthorized", "{}"),
            },
        )
        .await;
    let yaml = format!("{EVERYTHING}  identity: {{ ask: /me }}\n");
    let sidecar = Sidecar::start(&upstream.url(), &yaml).await;
    for token in ["known", "unknown", "broken"] {
        let header = format!("Bearer {token}");
        let mut conn = Conn::to(sidecar.address()).await;
        let headers = [("Authorization", &*header)];
        conn.send(sidecar.request("GET", "/realtime", &headers))
            .await;
        conn.head().await;
    }
    comes_to(
        &sidecar,
        "tidings_identity_questions_total",
        &[
            (r#"{result="yes"}"#, 1),
            (r#"{result="no"}"#, 1),
            (r#"{result="failed"}"#, 1),
        ],
    )
    .await;
    comes_to(&sidecar, "tidings_identity_questions_waiting", &[]).await;
    let away = "tidings_streams_turned_away_total";
    comes_to(&sidecar, away, &[(r#"{reason="undecided"}"#, 1)]).await;
}

/// A word that nobody but a test would send.
const MARK: &str = "MARKmark";

#[tokio::test]
async fn no_series_comes_from_a_request() {
    let upstream = by_path().await;
    let sidecar = Sidecar::start(&upstream.url(), EVERYTHING).await;
    let before: BTreeSet<_> = series(&sidecar).await.into_keys().collect();
    for n in 0..20 {
        let mark = format!("{MARK}{n}");
        sidecar
            .post(&format!("/{mark}/x"), json!({"id": mark}))
            .await;
        sidecar.get(&format!("/posts/{mark}?{mark}={mark}")).await;
        sidecar.get(&format!("/realtime?apikey={mark}")).await;
        sidecar.publish(&mark, json!(mark)).await.expect(200);
        let headers = [
            ("Host", &*mark),
            ("X-Request-Id", &mark),
            ("X-Apikey", &mark),
        ];
        sidecar.ask("GET", "/realtime", &headers).await;
        raw(
            &sidecar,
            &format!("{mark} /{mark} {mark}\r\nHost: a\r\n\r\n"),
        )
        .await;
        raw(
            &sidecar,
            &format!("GET /{mark} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"),
        )
        .await;
    }
    let page = sidecar.admin("/metrics").await.expect(200);
    assert!(!page.text().contains(MARK), "{}", page.text());
    let after: BTreeSet<_> = series(&sidecar).await.into_keys().collect();
    assert_eq!(before, after);
    assert!(after.len() < 250, "{}", after.len());
}

#[tokio::test]
async fn the_page_is_in_the_format_that_a_scraper_asks_for() {
    let sidecar = Sidecar::start("http://127.0.0.1:1", EVERYTHING).await;
    let text = sidecar.admin("/metrics").await.expect(200);
    assert_eq!(
        text.field("content-type"),
        "text/plain; version=0.0.4; charset=utf-8"
    );
    assert!(
        text.text()
            .contains("# TYPE tidings_writes_total counter\n")
    );
    let accept = [(
        "Accept",
        "application/openmetrics-text;version=1.0.0,text/plain;q=0.5",
    )];
    let open = sidecar.admin_with("/metrics", &accept).await.expect(200);
    let openmetrics = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    assert_eq!(open.field("content-type"), openmetrics);
    assert!(open.text().contains("# TYPE tidings_writes counter\n"));
    assert!(open.text().ends_with("# EOF\n"));
}

#[tokio::test]
async fn the_process_is_told_under_the_names_that_every_exporter_has() {
    let sidecar = Sidecar::start("http://127.0.0.1:1", EVERYTHING).await;
    let all = series(&sidecar).await;
    assert!(all["process_resident_memory_bytes"] > 1e6, "{all:?}");
    assert!(all["process_cpu_seconds_total"] > 0.0);
    assert!(all["process_open_fds"] > 5.0);
    assert!(all["process_max_fds"] > all["process_open_fds"]);
    assert!(all["process_start_time_seconds"] > 1.6e9);
    let version = env!("CARGO_PKG_VERSION");
    let info = format!("tidings_build_info{{version=\"{version}\"}}");
    assert!((all[&info] - 1.0).abs() < f64::EPSILON);
}
