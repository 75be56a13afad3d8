//! Users come with what the API itself knows them by, and their streams follow what it says.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::json;

use crate::harness::{
    ALL, Conn, EVERYTHING, Response, Scripted, SessionApi, Sidecar, Subscriber, answer, eventually,
    ok,
};

/// [`EVERYTHING`], and whoever the API knows besides.
fn with(identity: &str) -> String {
    let identity = format!("  identity: {{ ask: /api/me, cookies: [sessionid], {identity} }}\n");
    format!("{EVERYTHING}{identity}")
}

/// Everybody hears and publishes GOAL, an editor posts and EDIT as well.
fn roles(cache: &str) -> String {
    with(&format!(
        "cache: {cache}, hear: [GOAL], publish: [GOAL], roles: {{ claim: role, \
         grants: {{ editor: {{ hear: [\"*:posts\"], publish: [EDIT] }} }} }}"
    ))
}

/// A publish from a page of the sidecar's own host.
async fn publish(sidecar: &Sidecar, field: (&str, &str), event: &str) -> Response {
    let origin = sidecar.url("");
    let fields = [
        ("Content-Type", "application/json"),
        ("Origin", &*origin),
        field,
    ];
    let body = json!({"event": event, "data": 1}).to_string();
    sidecar
        .send("POST", "/realtime", &fields, body.as_bytes())
        .await
}

async fn open(sidecar: &Sidecar, cookie: &str) -> Subscriber {
    Subscriber::open(sidecar, "/realtime", &[("Cookie", cookie)]).await
}

/// The reason that a stream says at its end, once all else that it says is left out.
async fn reason(subscriber: &mut Subscriber) -> String {
    let frames = subscriber.ended().await;
    let close = frames.iter().find(|frame| frame.event() == "close");
    let close = close.unwrap_or_else(|| panic!("{frames:?}"));
    assert_eq!(close.id, None);
    close.json()["reason"].as_str().unwrap().to_owned()
}

// --- an API with sessions ---

#[tokio::test]
async fn a_session_and_a_token_do_what_the_api_says_of_their_holders() {
    let api = SessionApi::start().await;
    let sidecar = Sidecar::start(&api.url(), &roles("30s")).await;
    let session = api.log_in("ada").await;
    let token = format!("Token {}", api.token("ada").await);
    let basic = "Basic YWRhOmFkYQ==".to_owned();
    let eve = api.log_in("eve").await;
    for (name, value) in [
        ("Cookie", &session),
        ("Authorization", &token),
        ("Authorization", &basic),
    ] {
        let field = (name, &**value);
        let mut stream = sidecar.hear_with("/realtime", &[field]).await;
        let mut lesser = sidecar.hear_with("/realtime", &[("Cookie", &eve)]).await;
        sidecar.post("/posts", json!({})).await.expect(201);
        publish(&sidecar, field, "EDIT").await.expect(200);
        publish(&sidecar, ("Cookie", &eve), "EDIT")
            .await
            .refuses(403);
        publish(&sidecar, ("Cookie", &eve), "GOAL")
            .await
            .expect(200);
        assert_eq!(stream.next().await.json()["collection"], "posts");
        for stream in [&mut stream, &mut lesser] {
            assert_eq!(stream.next().await.json()["event"], "GOAL");
        }
    }
    // The API says 403 to these, to which nothing but a login is an answer.
    for refused in [
        ("Cookie", "sessionid=nobody"),
        ("Authorization", "Token nobody"),
    ] {
        sidecar
            .ask("GET", "/realtime", &[refused])
            .await
            .refuses(401);
        publish(&sidecar, refused, "GOAL").await.refuses(401);
    }
}

#[tokio::test]
async fn many_who_come_with_one_session_are_asked_about_once() {
    let api = SessionApi::start().await;
    let sidecar = Sidecar::start(&api.url(), &roles("1h")).await;
    let session = api.log_in("ada").await;
    let mut streams = Vec::new();
    for _ in 0..40 {
        let mut conn = Conn::to(sidecar.address()).await;
        let cookie = [("Cookie", &*session)];
        conn.send(sidecar.request("GET", "/realtime", &cookie))
            .await;
        streams.push(conn);
    }
    let mut open = Vec::new();
    for conn in streams {
        let mut stream = Subscriber::on(conn).await;
        assert_eq!(stream.head.status(), 200);
        assert_eq!(stream.next().await.json()["channel"], "init");
        open.push(stream);
    }
    publish(&sidecar, ("Cookie", &session), "GOAL")
        .await
        .expect(200);
    for stream in &mut open {
        assert_eq!(stream.next().await.json()["event"], "GOAL");
    }
    assert_eq!(api.times_asked(), 1);
}

#[tokio::test]
async fn a_logout_ends_the_open_streams_of_that_session_and_says_why() {
    let api = SessionApi::start().await;
    let sidecar = Sidecar::start(&api.url(), &roles("1s")).await;
    let (session, other) = (api.log_in("ada").await, api.log_in("ada").await);
    let mut stream = sidecar
        .hear_with("/realtime", &[("Cookie", &session)])
        .await;
    let mut stays = sidecar.hear_with("/realtime", &[("Cookie", &other)]).await;
    api.log_out(&session).await;
    assert_eq!(reason(&mut stream).await, "revoked");
    sidecar.publish("GOAL", json!(1)).await.expect(200);
    assert_eq!(stays.next().await.json()["event"], "GOAL");
    sidecar
        .ask("GET", "/realtime", &[("Cookie", &session)])
        .await
        .refuses(401);
}

#[tokio::test]
async fn another_role_counts_on_open_streams() {
    let api = SessionApi::start().await;
    let sidecar = Sidecar::start(&api.url(), &roles("1s")).await;
    let session = api.log_in("ada").await;
    let cookie = [("Cookie", &*session)];
    let mut stream = sidecar.hear_with("/realtime", &cookie).await;
    let posts = "/realtime?collections=posts";
    let mut narrow = sidecar.hear_with(posts, &cookie).await;
    sidecar.post("/posts", json!({})).await.expect(201);
    assert_eq!(stream.next().await.json()["collection"], "posts");
    api.let_be("ada", "reader").await;
    // It asked for what it may hear no longer.
    assert_eq!(reason(&mut narrow).await, "revoked");
    sidecar.ask("GET", posts, &cookie).await.refuses(403);
    // The other goes on without it.
    sidecar.post("/posts", json!({})).await.expect(201);
    sidecar.publish("GOAL", json!(1)).await.expect(200);
    assert_eq!(stream.next().await.json()["event"], "GOAL");
    api.let_be("ada", "editor").await;
    eventually("the role to count again", async || {
        let again = Subscriber::open(&sidecar, posts, &cookie).await;
        (again.head.status() == 200).then_some(())
    })
    .await;
}

#[tokio::test]
async fn what_the_api_says_decides_by_record_who_hears() {
    let upstream = Scripted::replying(|request| match request.head.field("cookie") {
        Some("sessionid=ada") => ok(r#"{"id":1}"#),
        Some("sessionid=eve") => ok(r#"{"id":2}"#),
        _ => answer("201 Created", &String::from_utf8_lossy(&request.body)),
    })
    .await;
    let rules = "  rules: { posts: { hear: \"owner = @request.auth.id\" } }\n";
    let yaml = with("hear: [\"*:*\"], cache: 1s") + rules;
    let sidecar = Sidecar::start(&upstream.url(), &yaml).await;
    let mut ada = sidecar
        .hear_with("/realtime", &[("Cookie", "sessionid=ada")])
        .await;
    let mut eve = sidecar
        .hear_with("/realtime", &[("Cookie", "sessionid=eve")])
        .await;
    // So often that it is decided anew meanwhile.
    for _ in 0..2 {
        let asked = upstream.times("GET");
        for owner in [2, 1, 2] {
            let record = json!({"id": 9, "owner": owner});
            sidecar.post("/posts", record).await.expect(201);
        }
        assert_eq!(ada.next().await.json()["data"]["owner"], 1);
        for _ in 0..2 {
            assert_eq!(eve.next().await.json()["data"]["owner"], 2);
        }
        let again = async || (upstream.times("GET") >= asked + 4).then_some(());
        eventually("both to be asked about twice", again).await;
    }
}

// --- an API that fails ---

/// Answers who somebody is, as `status` says it can, and takes every write.
async fn failing(status: &Arc<AtomicUsize>) -> Scripted {
    let status = Arc::clone(status);
    Scripted::replying(move |request| {
        if request.head.start().starts_with("POST") {
            return answer("201 Created", r#"{"id":1}"#);
        }
        match status.load(Ordering::Relaxed) {
            200 => ok(r#"{"id":7,"role":"editor"}"#),
            status => answer(&format!("{status} Oh"), "{}"),
        }
    })
    .await
}

#[tokio::test]
async fn streams_go_on_from_answer_to_answer() {
    let status = Arc::new(AtomicUsize::new(200));
    let upstream = failing(&status).await;
    let sidecar = Sidecar::start(&upstream.url(), &roles("1s")).await;
    let mut first = sidecar
        .hear_with("/realtime", &[("Cookie", "sessionid=a")])
        .await;
    // Three answers have ended by the fifth question.
    upstream.request(4).await;
    let mut second = sidecar
        .hear_with("/realtime", &[("Cookie", "sessionid=a")])
        .await;
    sidecar.publish("GOAL", json!(1)).await.expect(200);
    for stream in [&mut first, &mut second] {
        assert_eq!(stream.next().await.json()["event"], "GOAL");
    }
    drop((first, second));
    // Nobody hears by it any more: while another is asked about four times, it is at most once.
    let about = |cookie: &str| {
        let requests = upstream.requests();
        let named = requests.iter().map(|request| request.head.field("cookie"));
        named.filter(|own| *own == Some(cookie)).count()
    };
    let before = about("sessionid=a");
    let _other = sidecar
        .hear_with("/realtime", &[("Cookie", "sessionid=b")])
        .await;
    let asked = async || (about("sessionid=b") >= 4).then_some(());
    eventually("the other to be asked about", asked).await;
    let since = about("sessionid=a") - before;
    assert!(since <= 1, "{since}");
}

#[tokio::test]
async fn streams_whose_api_is_down_come_back_and_miss_nothing() {
    let status = Arc::new(AtomicUsize::new(200));
    let upstream = failing(&status).await;
    let sidecar = Sidecar::start(&upstream.url(), &roles("1s")).await;
    let cookie = ("Cookie", "sessionid=a");
    let mut by_key = sidecar.hear(ALL).await;
    let mut stream = sidecar.hear_with("/realtime", &[cookie]).await;
    sidecar.post("/posts", json!({})).await.expect(201);
    let seen = stream.next().await;
    status.store(500, Ordering::Relaxed);
    let frames = stream.ended().await;
    let [end] = &frames[..] else {
        panic!("{frames:?}");
    };
    assert!(end.retry.is_some() && end.data.is_none(), "{end:?}");
    sidecar.logs(&["WARN", "who somebody is", "500"]).await;
    sidecar.post("/posts", json!({})).await.expect(201);
    // Whoever comes meanwhile is to come again, and nothing is published.
    let mut newcomer = open(&sidecar, "sessionid=b").await;
    assert_eq!(newcomer.head.status(), 200);
    let frames = newcomer.ended().await;
    assert!(frames.len() == 1 && frames[0].retry.is_some(), "{frames:?}");
    let unpublished = publish(&sidecar, cookie, "GOAL").await;
    unpublished.refuses(503);
    assert_eq!(unpublished.field("retry-after"), "1");
    assert_eq!(by_key.next().await.event(), "post");
    assert_eq!(by_key.next().await.event(), "post");
    by_key.hears_nothing_of(&sidecar).await;
    status.store(200, Ordering::Relaxed);
    let resume = [cookie, ("Last-Event-ID", seen.id())];
    let mut again = sidecar.hear_with("/realtime", &resume).await;
    assert_eq!(again.next().await.event(), "post");
    again.hears_goal_of(&sidecar).await;
}

#[tokio::test]
async fn a_reload_keeps_what_is_known_unless_something_else_is_asked() {
    let status = Arc::new(AtomicUsize::new(200));
    let upstream = failing(&status).await;
    let sidecar = Sidecar::start(&upstream.url(), &roles("1h")).await;
    let cookie = [("Cookie", "sessionid=a")];
    let mut stream = sidecar.hear_with("/realtime", &cookie).await;
    let narrower = with("cache: 1h, hear: [GOAL]");
    sidecar.rewrite(&narrower);
    eventually("the configuration to count", async || {
        let asked = "/realtime?collections=posts";
        let refused = sidecar.ask("GET", asked, &cookie).await;
        (refused.status() == 403).then_some(())
    })
    .await;
    sidecar.post("/posts", json!({})).await.expect(201);
    sidecar.publish("GOAL", json!(1)).await.expect(200);
    assert_eq!(stream.next().await.json()["event"], "GOAL");
    assert_eq!(upstream.times("GET"), 1);
    sidecar.rewrite(&narrower.replace("/api/me", "/api/you?x=1"));
    let frames = stream.ended().await;
    assert!(frames.len() == 1 && frames[0].retry.is_some(), "{frames:?}");
    drop(sidecar.hear_with("/realtime", &cookie).await);
    assert_eq!(upstream.times("GET /api/you?x=1 "), 1);
    sidecar.rewrite(EVERYTHING);
    eventually("the section to be gone", async || {
        let anonymous = sidecar.ask("GET", "/realtime", &cookie).await;
        (anonymous.status() == 401).then_some(())
    })
    .await;
}

impl Subscriber {
    /// Shows that it is there, and was told nothing that was not taken.
    async fn hears_goal_of(&mut self, sidecar: &Sidecar) {
        sidecar.publish("GOAL", json!("marker")).await.expect(200);
        assert_eq!(self.next().await.json()["data"], "marker");
    }
}
