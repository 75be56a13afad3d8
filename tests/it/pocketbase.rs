//! PocketBase's realtime, by its own SDK, before an API that is none of PocketBase's.

use std::fs;

use jsonwebtoken::{EncodingKey, Header, encode};
use serde_json::{Value, json};

use crate::harness::{
    Conn, EVERYTHING, JsonServer, Place, Relay, Request, Response, Scripted, Sidecar, Subscriber,
    answer, ok, tool,
};

const SECRET: &str = "a secret that is long enough for HS256";

/// [`EVERYTHING`] for anyone whom the rules let hear it, PocketBase's realtime, and users.
fn with(rules: &str) -> String {
    let jwt = format!(
        "  global: true\n  jwt: {{ algorithms: [HS256], secret: \"{SECRET}\", leeway: 0s }}\n  \
         superusers: \"@request.auth.role = 'admin'\"\n  rules:\n{rules}"
    );
    EVERYTHING.replace(
        "realtime: { restdb: { path: /realtime } }",
        "realtime: { restdb: { path: /realtime }, pocketbase: {} }",
    ) + &jwt
}

const OPEN: &str = "    posts: { hear: \"\" }\n";
const OWN: &str = "    posts: { list: \"owner = @request.auth.sub\", view: \"\" }\n";

/// A token that is good for so many seconds.
fn token_for(claims: Value, seconds: u64) -> String {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let mut claims = claims;
    claims["exp"] = json!(now.unwrap().as_secs() + seconds);
    let key = EncodingKey::from_secret(SECRET.as_bytes());
    encode(&Header::default(), &claims, &key).unwrap()
}

fn token(claims: Value) -> String {
    token_for(claims, 3600)
}

/// What the SDK has subscribed tells as `[NAME, ACTION, RECORD]`.
const HEAR: &str = "
    globalThis.hear = (name, topic, options) =>
        pb.collection('posts').subscribe(topic, (e) => {
            globalThis.heard = e.record.n; tell([name, e.action, e.record]);
        }, options);
    globalThis.heard = null;";

async fn sdk(sidecar: &Sidecar) -> Place {
    let place = Place::sdk(&sidecar.url("")).await;
    place.run(HEAR).await;
    place
}

/// A client of our own, and the id that it was told.
async fn connected(sidecar: &Sidecar) -> (Subscriber, String) {
    connected_with(sidecar, &[]).await
}

/// One whose request has these fields.
pub(crate) async fn connected_with(
    sidecar: &Sidecar,
    fields: &[(&str, &str)],
) -> (Subscriber, String) {
    let mut stream = Subscriber::open(sidecar, "/api/realtime", fields).await;
    assert_eq!(stream.head.status(), 200);
    let first = stream.next().await;
    assert_eq!(first.event(), "PB_CONNECT");
    let id = first.json()["clientId"].as_str().unwrap().to_owned();
    assert_eq!((first.id(), id.len()), (&*id, 40));
    let raw = format!("id:{id}\nevent:PB_CONNECT\ndata:{{\"clientId\":\"{id}\"}}\n\n");
    assert_eq!(first.raw, raw);
    (stream, id)
}

async fn submit(sidecar: &Sidecar, token: Option<&str>, body: Value) -> Response {
    let json = ("Content-Type", "application/json");
    let mut fields = vec![json];
    fields.extend(token.map(|token| ("Authorization", token)));
    let body = body.to_string();
    sidecar
        .send("POST", "/api/realtime", &fields, body.as_bytes())
        .await
}

// --- the SDK ---

#[tokio::test]
async fn the_sdk_hears_of_a_collection_and_of_one_record() {
    let api = JsonServer::start(json!({"posts": []})).await;
    let sidecar = Sidecar::start(&api.url(), &with(OPEN)).await;
    let mut place = sdk(&sidecar).await;
    place
        .run("await hear('all', '*'); await hear('one', '1');")
        .await;
    sidecar
        .post("/posts", json!({"title": "a"}))
        .await
        .expect(201);
    sidecar
        .post("/posts", json!({"title": "b"}))
        .await
        .expect(201);
    sidecar
        .patch("/posts/1", json!({"title": "c"}))
        .await
        .expect(200);
    sidecar.delete("/posts/1").await.expect(200);
    let record = |title, id| json!({"title": title, "id": id, "collectionId": "posts", "collectionName": "posts"});
    for expected in [
        json!(["all", "create", record("a", 1)]),
        json!(["one", "create", record("a", 1)]),
        json!(["all", "create", record("b", 2)]),
        json!(["all", "update", record("c", 1)]),
        json!(["one", "update", record("c", 1)]),
        // As it was before.
        json!(["all", "delete", record("c", 1)]),
        json!(["one", "delete", record("c", 1)]),
    ] {
        assert_eq!(place.told().await, expected);
    }
}

#[tokio::test]
async fn the_sdk_unsubscribes_each_way() {
    let api = JsonServer::start(json!({"posts": []})).await;
    let sidecar = Sidecar::start(&api.url(), &with(OPEN)).await;
    let mut place = sdk(&sidecar).await;
    let script = "globalThis.off = await hear('first', '*'); await hear('second', '*');
        await hear('one', '2'); await hear('three', '3'); return pb.realtime.isConnected";
    assert_eq!(place.run(script).await, json!(true));
    let mut count = 0;
    let mut post = async |sidecar: &Sidecar| {
        count += 1;
        sidecar
            .post("/posts", json!({"n": count}))
            .await
            .expect(201);
    };
    let names = async |place: &mut Place, expected: &[&str]| {
        for name in expected {
            assert_eq!(place.told().await[0], *name);
        }
    };
    post(&sidecar).await;
    names(&mut place, &["first", "second"]).await;
    place.run("await off()").await;
    post(&sidecar).await;
    names(&mut place, &["second", "one"]).await;
    place
        .run("await pb.collection('posts').unsubscribe('*')")
        .await;
    post(&sidecar).await;
    names(&mut place, &["three"]).await;
    place
        .run("await pb.collection('posts').unsubscribe('3'); await hear('last', '*')")
        .await;
    post(&sidecar).await;
    names(&mut place, &["last"]).await;
    place
        .run("await pb.collection('posts').unsubscribe()")
        .await;
    assert_eq!(
        place.run("return pb.realtime.isConnected").await,
        json!(false)
    );
}

#[tokio::test]
async fn the_sdk_hears_what_the_rules_let_its_user_hear() {
    let api = JsonServer::start(json!({"posts": []})).await;
    let sidecar = Sidecar::start(&api.url(), &with(OWN)).await;
    let mut user = sdk(&sidecar).await;
    let mut guest = sdk(&sidecar).await;
    let mut admin = sdk(&sidecar).await;
    for (place, claims) in [
        (&user, json!({"sub": "u1"})),
        (&admin, json!({"sub": "u9", "role": "admin"})),
    ] {
        let token = token(claims);
        place
            .run(&format!("pb.authStore.save('{token}', null)"))
            .await;
    }
    for place in [&user, &guest, &admin] {
        place
            .run("await hear('all', '*'); await hear('two', '2');")
            .await;
    }
    for owner in ["u1", "u2", "u1"] {
        sidecar
            .post("/posts", json!({ "owner": owner }))
            .await
            .expect(201);
    }
    sidecar.publish("END", json!(null)).await.expect(200);
    for (place, expected) in [
        (&mut user, &[("all", 1), ("two", 2), ("all", 3)][..]),
        (&mut guest, &[("two", 2)]),
        (
            &mut admin,
            &[("all", 1), ("all", 2), ("two", 2), ("all", 3)],
        ),
    ] {
        for (name, id) in expected {
            let told = place.told().await;
            assert_eq!((&told[0], &told[2]["id"]), (&json!(name), &json!(id)));
        }
    }
}

#[tokio::test]
async fn the_sdk_filters_picks_fields_and_hears_custom_topics() {
    let api = JsonServer::start(json!({"posts": []})).await;
    let sidecar = Sidecar::start(&api.url(), &with(OPEN)).await;
    let mut place = sdk(&sidecar).await;
    place
        .run(
            "await hear('some', '*', { filter: \"n > 1 && title ~ 'a'\", fields: 'id,n' });
             await hear('bad', '*', { filter: 'n = ' });
             await hear('who', '*', { filter: \"@request.auth.id != 'x'\" });
             await pb.realtime.subscribe('GOAL', (e) => tell(['GOAL', e]));",
        )
        .await;
    for (n, title) in [(1, "a"), (2, "b"), (3, "xa")] {
        sidecar
            .post("/posts", json!({ "n": n, "title": title }))
            .await
            .expect(201);
    }
    sidecar
        .publish("GOAL", json!({"value": "3-0"}))
        .await
        .expect(200);
    let told = place.told().await;
    assert_eq!(told, json!(["some", "create", {"id": 3, "n": 3}]));
    assert_eq!(place.told().await, json!(["GOAL", {"value": "3-0"}]));
}

/// What was told in the last moment before a loss is told again: it may not have arrived.
#[tokio::test]
async fn the_sdk_misses_nothing_over_a_loss() {
    let api = JsonServer::start(json!({"posts": []})).await;
    let sidecar = Sidecar::start(&api.url(), &with(OPEN)).await;
    let relay = Relay::before(sidecar.address()).await;
    let mut place = Place::sdk(&relay.url("")).await;
    place.run(HEAR).await;
    place.run("await hear('all', '*')").await;
    let mut next = 1;
    for loss in [Relay::reset, Relay::cut] {
        for _ in 0..3 {
            for n in [next, next + 1] {
                sidecar.post("/posts", json!({ "n": n })).await.expect(201);
                if n == next {
                    loss(&relay);
                }
            }
            let mut heard = 0;
            while heard < next + 1 {
                let n = place.told().await[2]["n"].as_u64().unwrap();
                assert!(n <= heard + 1 || heard == 0, "{n} after {heard}");
                heard = n;
            }
            next += 2;
        }
    }
}

#[tokio::test]
async fn the_sdk_comes_back_after_a_restart() {
    let api = JsonServer::start(json!({"posts": []})).await;
    let mut sidecar = Sidecar::start(&api.url(), &with(OPEN)).await;
    let mut place = sdk(&sidecar).await;
    let lost = "pb.realtime.onDisconnect = () => tell('lost');
        await pb.realtime.subscribe('PB_CONNECT', () => tell('back')); await hear('all', '*');";
    place.run(lost).await;
    assert_eq!(place.told().await, "back");
    sidecar.restart().await;
    assert_eq!(place.told().await, "lost");
    assert_eq!(place.told().await, "back");
    // It submits after that.
    let subscribed = "while (pb.realtime.lastSentSubscriptions.length === 0) {
        await new Promise((turn) => setTimeout(turn, 1)); }";
    place.run(subscribed).await;
    let heard = crate::harness::eventually("the SDK to hear", async || {
        sidecar.post("/posts", json!({"n": 1})).await.expect(201);
        place.run("return heard ?? null").await.as_u64()
    });
    assert_eq!(heard.await, 1);
}

#[tokio::test]
async fn a_page_of_the_sdk_hears_in_a_browser() {
    let script =
        fs::read_to_string(tool("node_modules/pocketbase/dist/pocketbase.umd.js")).unwrap();
    let upstream = Scripted::replying(move |request: &Request| {
        if request.head.start().starts_with("GET /page ") {
            let page = format!("<!doctype html><meta charset=utf-8><script>{script}</script>");
            let length = page.len();
            return format!(
                "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {length}\r\n\r\n{page}"
            );
        }
        if request.head.start().starts_with("POST ") {
            return answer("201 Created", r#"{"id":"r1","n":1}"#);
        }
        ok("{}")
    })
    .await;
    let sidecar = Sidecar::start(&upstream.url(), &with(OPEN)).await;
    let mut page = Place::page(&sidecar.url("/page")).await;
    page.run("globalThis.pb = new PocketBase(location.origin);")
        .await;
    page.run(HEAR).await;
    page.run("await hear('all', '*'); await hear('one', 'r1');")
        .await;
    sidecar.post("/posts", json!({})).await.expect(201);
    for name in ["all", "one"] {
        let told = page.told().await;
        assert_eq!((&told[0], &told[1]), (&json!(name), &json!("create")));
        assert_eq!(told[2]["collectionName"], "posts");
    }
}

/// A rule that asks what a subscription's options say: each subscription has its own.
#[tokio::test]
async fn a_rule_may_ask_for_the_options_of_a_subscription() {
    let api = JsonServer::start(json!({"posts": []})).await;
    let rules =
        "    posts: { list: \"team = @request.query.team && @request.headers.x_token != ''\" }\n";
    let sidecar = Sidecar::start(&api.url(), &with(rules)).await;
    let mut place = sdk(&sidecar).await;
    place
        .run(
            "const headers = { 'X-Token': 't' };
             await hear('red', '*', { query: { team: 'red' }, headers });
             await hear('blue', '*', { query: { team: 'blue' }, headers });
             await hear('none', '*', { query: { team: 'red' } });",
        )
        .await;
    for team in ["red", "blue", "green"] {
        sidecar
            .post("/posts", json!({ "team": team }))
            .await
            .expect(201);
    }
    for team in ["red", "blue"] {
        let told = place.told().await;
        assert_eq!((&told[0], &told[2]["team"]), (&json!(team), &json!(team)));
    }
    let mut restdb = sidecar.hear("/realtime").await;
    sidecar
        .post("/posts", json!({ "team": "" }))
        .await
        .expect(201);
    sidecar.publish("END", json!(null)).await.expect(200);
    assert_eq!(restdb.next().await.json()["event"], "END");
}

// --- the protocol ---

#[tokio::test]
async fn a_submission_is_checked_in_pocketbases_order() {
    let sidecar = Sidecar::start("http://127.0.0.1:1", &with(OPEN)).await;
    let (mut stream, id) = connected(&sidecar).await;
    let many = vec!["a"; 1001];
    let long = "a".repeat(2501);
    for (body, status, pointer, expected) in [
        (json!([]), 400, "/data", json!({})),
        (
            json!({}),
            400,
            "/data/clientId/code",
            json!("validation_required"),
        ),
        (
            json!({"clientId": "x", "subscriptions": many}),
            400,
            "/data/subscriptions/code",
            json!("validation_length_too_long"),
        ),
        (
            json!({"clientId": "x", "subscriptions": ["a", long]}),
            400,
            "/data/subscriptions/1/code",
            json!("validation_length_too_long"),
        ),
        (
            json!({"clientId": "x", "subscriptions": ["a\nb"]}),
            400,
            "/data/subscriptions/0/code",
            json!("validation_match_invalid"),
        ),
        (
            json!({"clientId": "x", "subscriptions": ["a"]}),
            404,
            "/message",
            json!("Missing or invalid client id."),
        ),
    ] {
        let refused = submit(&sidecar, None, body.clone()).await.expect(status);
        let told = refused.json();
        assert_eq!(told.pointer(pointer), Some(&expected), "{body}: {told}");
        assert_eq!(told["status"], status);
    }
    let done = submit(
        &sidecar,
        None,
        json!({"clientId": id, "subscriptions": ["GOAL"]}),
    )
    .await;
    assert_eq!(done.expect(204).body, b"");
    sidecar.publish("GOAL", json!(1)).await.expect(200);
    let told = stream.next().await;
    assert_eq!((told.event(), told.data()), ("GOAL", "1"));
    assert!(told.raw.contains("\nevent:GOAL\ndata:1\n\n"));
}

#[tokio::test]
async fn a_form_submits_as_json_does() {
    let sidecar = Sidecar::start("http://127.0.0.1:1", &with(OPEN)).await;
    let (mut stream, id) = connected(&sidecar).await;
    let part = |name, value: &str| {
        format!("--B\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
    };
    let body = part("clientId", &id) + &part("subscriptions", "A") + &part("subscriptions", "B");
    let fields = [("Content-Type", "multipart/form-data; boundary=B")];
    let body = body + "--B--\r\n";
    sidecar
        .send("POST", "/api/realtime", &fields, body.as_bytes())
        .await
        .expect(204);
    for name in ["A", "B", "C"] {
        sidecar.publish(name, json!(name)).await.expect(200);
    }
    assert_eq!(stream.next().await.event(), "A");
    assert_eq!(stream.next().await.event(), "B");
}

#[tokio::test]
async fn an_identity_is_for_good_and_a_guest_may_get_one() {
    let sidecar = Sidecar::start("http://127.0.0.1:1", &with(OPEN)).await;
    let (_stream, id) = connected(&sidecar).await;
    let body = json!({"clientId": id, "subscriptions": ["posts/*"]});
    let [one, fresh, other] = [
        token(json!({"sub": "u1"})),
        token(json!({"sub": "u1", "n": 2})),
        token(json!({"sub": "u2"})),
    ];
    submit(&sidecar, None, body.clone()).await.expect(204);
    submit(&sidecar, Some("nonsense"), body.clone())
        .await
        .expect(204);
    submit(&sidecar, Some(&one), body.clone()).await.expect(204);
    let bearer = format!("Bearer {fresh}");
    submit(&sidecar, Some(&bearer), body.clone())
        .await
        .expect(204);
    for token in [Some(&*other), None] {
        let refused = submit(&sidecar, token, body.clone()).await.expect(403);
        assert_eq!(
            refused.json()["message"],
            "The current and the previous request authorization don't match."
        );
    }
}

#[tokio::test]
async fn an_expired_token_loses_its_rights_and_keeps_its_stream() {
    let upstream = Scripted::answering(answer("201 Created", r#"{"id":1,"owner":"u1"}"#)).await;
    let sidecar = Sidecar::start(&upstream.url(), &with(OWN)).await;
    let (mut stream, id) = connected(&sidecar).await;
    let topics = json!(["posts/*", "END"]);
    let body = json!({"clientId": id, "subscriptions": topics});
    let soon = token_for(json!({"sub": "u1"}), 2);
    submit(&sidecar, Some(&soon), body).await.expect(204);
    sidecar.post("/posts", json!({})).await.expect(201);
    assert_eq!(stream.next().await.event(), "posts/*");
    // Once a client that comes with it is a guest, it is over for the stream as well.
    crate::harness::eventually("the token to expire", async || {
        let (_other, id) = connected(&sidecar).await;
        let body = json!({"clientId": id, "subscriptions": []});
        submit(&sidecar, Some(&soon), body.clone())
            .await
            .expect(204);
        // A guest may get an identity, and somebody may not get another.
        let else_token = token(json!({"sub": "u2"}));
        let changed = submit(&sidecar, Some(&else_token), body).await;
        (changed.status() == 204).then_some(())
    })
    .await;
    // The engine looks several times a second: until it has, the stream hears.
    crate::harness::eventually("the stream to lose its rights", async || {
        sidecar.post("/posts", json!({})).await.expect(201);
        sidecar.publish("END", json!(null)).await.expect(200);
        let first = stream.next().await;
        let lost = first.event() == "END";
        if !lost {
            assert_eq!(stream.next().await.event(), "END");
        }
        lost.then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_cursor_brings_back_what_a_topic_has_missed_and_no_other() {
    let upstream = Scripted::answering(answer("201 Created", r#"{"id":1}"#)).await;
    let sidecar = Sidecar::start(&upstream.url(), &with(OPEN)).await;
    let (mut stream, id) = connected(&sidecar).await;
    let body = json!({"clientId": id, "subscriptions": ["posts/*", "A"]});
    submit(&sidecar, None, body).await.expect(204);
    sidecar.publish("A", json!(1)).await.expect(200);
    let cursor = stream.next().await.id().to_owned();
    sidecar.post("/posts", json!({})).await.expect(201);
    sidecar.publish("A", json!(2)).await.expect(200);
    let (mut other, id) = connected(&sidecar).await;
    let since = json!({"query": {"since": cursor}}).to_string();
    let topic = format!("posts/*?options={since}");
    let body = json!({"clientId": id, "subscriptions": [topic, "A"]});
    submit(&sidecar, None, body).await.expect(204);
    sidecar.publish("A", json!(3)).await.expect(200);
    assert_eq!(other.next().await.event(), topic);
    let live = other.next().await;
    assert_eq!((live.event(), live.data()), ("A", "3"));
}

/// A client submits all that it is subscribed to whenever something comes or goes.
#[tokio::test]
async fn what_is_submitted_again_is_told_once_and_what_was_missed_in_any_order() {
    let sidecar = Sidecar::start("http://127.0.0.1:1", &with(OPEN)).await;
    let (mut stream, id) = connected(&sidecar).await;
    let since = |cursor: &str| format!("A?options={}", json!({"query": {"since": cursor}}));
    let subscribed = async |topics: Value| {
        let body = json!({"clientId": id, "subscriptions": topics});
        submit(&sidecar, None, body).await.expect(204);
    };
    subscribed(json!(["C"])).await;
    sidecar.publish("C", json!(0)).await.expect(200);
    let cursor = stream.next().await.id().to_owned();
    sidecar.publish("A", json!(1)).await.expect(200);
    let a = since(&cursor);
    for topics in [json!([a]), json!(["B", a]), json!([a, "C", "D"])] {
        subscribed(topics).await;
    }
    for name in ["A", "B", "C"] {
        sidecar.publish(name, json!(2)).await.expect(200);
    }
    for expected in [(&*a, "1"), (&*a, "2"), ("C", "2")] {
        let told = stream.next().await;
        assert_eq!((told.event(), told.data()), expected);
    }
}

#[tokio::test]
async fn a_stream_without_a_message_ends_and_one_with_messages_goes_on() {
    let yaml = with(OPEN).replace("pocketbase: {}", "pocketbase: { idle: 2s }");
    let sidecar = Sidecar::start("http://127.0.0.1:1", &yaml).await;
    let mut stream = Subscriber::open(&sidecar, "/api/realtime", &[]).await;
    let frames = stream.ended().await;
    assert_eq!(frames[0].event(), "PB_CONNECT");
}

#[tokio::test]
async fn the_upstream_answers_if_it_is_to() {
    let upstream = Scripted::answering(ok(r#"{"own":1}"#)).await;
    let yaml = with(OPEN).replace("pocketbase: {}", "pocketbase: { answered_by: upstream }");
    let sidecar = Sidecar::start(&upstream.url(), &yaml).await;
    let own = sidecar.get("/api/realtime").await.expect(200);
    assert_eq!(own.json(), json!({"own": 1}));
    drop(Conn::to(sidecar.address()).await);
}

/// The same write, under one set of rules, by both dialects.
#[tokio::test]
async fn a_write_is_heard_in_each_dialect_in_its_own_form() {
    let upstream = Scripted::answering(answer("201 Created", r#"{"id":1,"owner":"u1"}"#)).await;
    let sidecar = Sidecar::start(&upstream.url(), &with(OWN)).await;
    let token = token(json!({"sub": "u1"}));
    let (mut pocketbase, id) = connected(&sidecar).await;
    let body = json!({"clientId": id, "subscriptions": ["posts"]});
    submit(&sidecar, Some(&token), body).await.expect(204);
    let mut restdb = sidecar.hear(&format!("/realtime?jwt={token}")).await;
    let mut guest = sidecar.hear("/realtime").await;
    sidecar.post("/posts", json!({})).await.expect(201);
    sidecar.publish("END", json!(null)).await.expect(200);
    let told = restdb.next().await.json();
    assert_eq!(
        told,
        json!({"event": "post", "collection": "posts", "data": {"id": 1, "owner": "u1"}})
    );
    let told = pocketbase.next().await;
    assert_eq!(
        (told.event(), &told.json()["action"]),
        ("posts", &json!("create"))
    );
    assert_eq!(guest.next().await.json()["event"], "END");
}

#[tokio::test]
async fn what_all_clients_are_subscribed_to_is_bounded() {
    let yaml = with(OPEN) + "limits: { subscriptions: 1KiB }\n";
    let sidecar = Sidecar::start("http://127.0.0.1:1", &yaml).await;
    let (first, id) = connected(&sidecar).await;
    let (_second, other) = connected(&sidecar).await;
    let three = |id: &str| json!({"clientId": id, "subscriptions": ["A", "B", "C"]});
    submit(&sidecar, None, three(&id)).await.expect(204);
    let refused = submit(&sidecar, None, three(&other)).await.expect(503);
    assert_eq!(
        refused.json()["message"],
        "Too many subscriptions, try again later."
    );
    // Who is subscribed may say so again, and less.
    submit(&sidecar, None, three(&id)).await.expect(204);
    let nothing = json!({"clientId": id, "subscriptions": []});
    submit(&sidecar, None, nothing).await.expect(204);
    submit(&sidecar, None, three(&other)).await.expect(204);
    let refused = submit(&sidecar, None, three(&id)).await;
    assert_eq!(refused.status(), 503);
    drop(first);
}

/// What a record says of its collection counts where the preset says that the API says it.
#[tokio::test]
async fn a_record_cannot_pass_itself_off_as_one_of_another_collection() {
    let api = JsonServer::start(json!({"posts": [], "notes": []})).await;
    let sidecar = Sidecar::start(&api.url(), &with(OPEN)).await;
    let (mut stream, id) = connected(&sidecar).await;
    let topics = json!(["notes/*", "notes/1", "END"]);
    let body = json!({"clientId": id, "subscriptions": topics});
    submit(&sidecar, None, body).await.expect(204);
    let record = json!({"id": 1, "collectionId": "notes", "collectionName": "notes"});
    sidecar.post("/posts", record).await.expect(201);
    sidecar.publish("END", json!(null)).await.expect(200);
    assert_eq!(stream.next().await.event(), "END");
}
