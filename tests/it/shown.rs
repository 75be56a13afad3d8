//! `rule: upstream`: who hears of a record is who the API shows it to.

use std::sync::Arc;

use parking_lot::Mutex;
use serde_json::{Value, json};

use crate::harness::{
    EVERYTHING, Place, Release, Request, Scripted, Sidecar, Subscriber, answer, eventually, ok,
};

/// [`EVERYTHING`] for anyone to whom the API shows it, and whom it knows by `/me`.
fn with(more: &str) -> String {
    let access = format!(
        "  global: true\n  identity: {{ ask: /me, cache: 1h, hear: [\"*:*\", \"*\"] }}\n{more}"
    );
    EVERYTHING.to_owned() + &access
}

const UPSTREAM: &str = "  rules: { \"*\": { rule: upstream } }\n";

/// Who a request is of: the token, or nobody.
fn who(request: &Request) -> String {
    let field = request.head.field("authorization").unwrap_or_default();
    field.trim_start_matches("Bearer ").to_owned()
}

/// Whether a request asks for the record.
fn reads(request: &Request) -> bool {
    request.head.start().starts_with("GET /posts/1 ")
}

/// An API that shows `/posts/1` to whom `shows` says, and answers `/me` and each write.
async fn api(shows: impl Fn(&str) -> Option<String> + Clone + Send + Sync + 'static) -> Scripted {
    Scripted::replying(move |request: &Request| {
        let who = who(request);
        match request.head.start().split(' ').collect::<Vec<_>>()[..2] {
            ["GET", "/me"] => ok(&json!({ "sub": who }).to_string()),
            ["GET", "/posts/1"] => match shows(&who) {
                Some(record) => ok(&record),
                None => answer("404 Not Found", "{}"),
            },
            ["DELETE", _] => "HTTP/1.1 204 No Content\r\n\r\n".to_owned(),
            _ => ok(r#"{"id":1,"title":"a","note":"n"}"#),
        }
    })
    .await
}

async fn hear(sidecar: &Sidecar, token: &str) -> Subscriber {
    let bearer = format!("Bearer {token}");
    let fields = [("Authorization", &*bearer)];
    let fields = if token.is_empty() { &[] } else { &fields[..] };
    sidecar.hear_with("/realtime", fields).await
}

async fn end(sidecar: &Sidecar) {
    sidecar.publish("END", json!(null)).await.expect(200);
}

/// The data of all that is told up to a publish.
async fn told(subscriber: &mut Subscriber) -> Vec<Value> {
    let mut all = Vec::new();
    loop {
        let mut told = subscriber.next().await.json();
        if told["event"] == "END" {
            return all;
        }
        all.push(json!([told["event"].take(), told["data"].take()]));
    }
}

#[tokio::test]
async fn the_upstream_decides_who_hears_and_is_asked_once_for_each_credential() {
    let whole = r#"{"id":1,"title":"a","note":"n"}"#;
    let upstream = api(move |who| (who == "ada").then(|| whole.to_owned())).await;
    let sidecar = Sidecar::start(&upstream.url(), &with(UPSTREAM)).await;
    let mut heard = Vec::new();
    for token in ["ada", "ada", "eve", "", ""] {
        heard.push(hear(&sidecar, token).await);
    }
    sidecar.post("/posts", json!({})).await.expect(200);
    end(&sidecar).await;
    let record = json!({"id": 1, "title": "a", "note": "n"});
    for (at, heard) in heard.iter_mut().enumerate() {
        let expected = if at < 2 {
            vec![json!(["post", record])]
        } else {
            vec![]
        };
        assert_eq!(told(heard).await, expected, "{at}");
    }
    assert_eq!(upstream.times("GET /posts/1 "), 3);
    sidecar.put("/posts/1", json!({})).await.expect(200);
    end(&sidecar).await;
    assert_eq!(told(&mut heard[0]).await, [json!(["put", "1"])]);
    assert!(told(&mut heard[3]).await.is_empty());
    assert_eq!(upstream.times("GET /posts/1 "), 6, "asked anew");
}

#[tokio::test]
async fn what_the_upstream_hides_of_a_record_is_hidden() {
    let upstream = api(|who| {
        let record = if who == "ada" {
            r#"{"id":1,"title":"x","note":"x"}"#
        } else {
            r#"{"id":1,"title":"x"}"#
        };
        Some(record.to_owned())
    })
    .await;
    let sidecar = Sidecar::start(&upstream.url(), &with(UPSTREAM)).await;
    let (mut ada, mut eve) = (hear(&sidecar, "ada").await, hear(&sidecar, "eve").await);
    let filter = "/realtime?filter=note%20%3D%20%27n%27";
    let mut guest = sidecar.hear(filter).await;
    sidecar.post("/posts", json!({})).await.expect(200);
    end(&sidecar).await;
    // As it was written, and so much of it as each may see.
    assert_eq!(
        told(&mut ada).await,
        [json!(["post", {"id": 1, "title": "a", "note": "n"}])]
    );
    assert_eq!(
        told(&mut eve).await,
        [json!(["post", {"id": 1, "title": "a"}])]
    );
    // A filter is no way to find out what is hidden.
    assert!(told(&mut guest).await.is_empty());
}

#[tokio::test]
async fn a_delete_is_for_those_to_whom_the_record_was_shown() {
    let shown = Arc::new(Mutex::new(vec!["ada".to_owned()]));
    let to = Arc::clone(&shown);
    let upstream = api(move |who| {
        let is_shown = to.lock().iter().any(|name| *name == who);
        is_shown.then(|| r#"{"id":1,"title":"a"}"#.to_owned())
    })
    .await;
    let sidecar = Sidecar::start(&upstream.url(), &with(UPSTREAM)).await;
    let (mut ada, mut eve) = (hear(&sidecar, "ada").await, hear(&sidecar, "eve").await);
    sidecar.post("/posts", json!({})).await.expect(200);
    end(&sidecar).await;
    assert_eq!(told(&mut ada).await.len(), 1);
    assert_eq!(told(&mut eve).await.len(), 0);
    // Nobody can be asked any more.
    shown.lock().clear();
    sidecar.delete("/posts/1").await.expect(204);
    end(&sidecar).await;
    assert_eq!(told(&mut ada).await, [json!(["delete", ["1"]])]);
    assert_eq!(told(&mut eve).await.len(), 0);
}

#[tokio::test]
async fn what_is_being_asked_about_keeps_its_place_and_nobody_else_waits() {
    let release = Release::new();
    let held = |request: &Request| reads(request) && who(request) == "slow";
    let reply = |request: &Request| match request.head.start().starts_with("GET /me ") {
        true => ok(&json!({ "sub": who(request) }).to_string()),
        false => ok(r#"{"id":1}"#),
    };
    let upstream = Scripted::holding(&release, held, reply).await;
    let rules = "  rules: { posts: { rule: upstream } }\n";
    let sidecar = Sidecar::start(&upstream.url(), &with(rules)).await;
    let (mut slow, mut fast) = (hear(&sidecar, "slow").await, hear(&sidecar, "fast").await);
    for path in ["/company", "/posts", "/company"] {
        sidecar.post(path, json!({})).await.expect(200);
    }
    end(&sidecar).await;
    assert_eq!(told(&mut fast).await.len(), 3);
    assert_eq!(slow.next().await.json()["collection"], "company");
    release.open();
    assert_eq!(slow.next().await.json()["collection"], "posts");
    assert_eq!(slow.next().await.json()["collection"], "company");
    assert_eq!(slow.next().await.json()["event"], "END");
}

#[tokio::test]
async fn an_upstream_that_does_not_say_is_no_yes() {
    for reply in [
        answer("500 Internal Server Error", r#"{"id":1}"#),
        answer("429 Too Many Requests", r#"{"id":1}"#),
        ok(r#"{"id":2}"#),
        ok("[1]"),
        ok("<html>"),
        String::new(),
    ] {
        let upstream = Scripted::replying(move |request: &Request| {
            match request.head.start().starts_with("GET /posts/1 ") {
                true => reply.clone(),
                false => ok(r#"{"id":1}"#),
            }
        })
        .await;
        let sidecar = Sidecar::start(&upstream.url(), &with(UPSTREAM)).await;
        let mut guest = hear(&sidecar, "").await;
        sidecar.post("/posts", json!({})).await.expect(200);
        end(&sidecar).await;
        assert!(told(&mut guest).await.is_empty());
    }
}

#[tokio::test]
async fn a_rule_that_decides_is_asked_before_the_upstream() {
    let upstream = api(|_| Some(r#"{"id":1,"title":"a","note":"n"}"#.to_owned())).await;
    let rules =
        "  rules: { posts: { rule: upstream, hear: \"title = 'b' || @collection.x.id = id\" } }\n";
    let sidecar = Sidecar::start(&upstream.url(), &with(rules)).await;
    let mut guest = hear(&sidecar, "").await;
    sidecar.post("/posts", json!({})).await.expect(200);
    end(&sidecar).await;
    assert_eq!(told(&mut guest).await.len(), 1);
    assert_eq!(upstream.times("GET /posts/1 "), 1);
    let decided = rules.replace("|| @c", "&& @c");
    sidecar.rewrite(&with(&decided));
    eventually("the other rule", async || {
        sidecar.post("/posts", json!({})).await.expect(200);
        end(&sidecar).await;
        told(&mut guest).await.is_empty().then_some(())
    })
    .await;
    let asked = upstream.times("GET /posts/1 ");
    sidecar.post("/posts", json!({})).await.expect(200);
    end(&sidecar).await;
    assert_eq!(told(&mut guest).await.len(), 0);
    assert_eq!(upstream.times("GET /posts/1 "), asked);
}

/// What PocketBase's SDK asks for beside a record, the API is asked for as whoever listens.
#[tokio::test]
async fn relations_are_told_to_whom_the_upstream_shows_them() {
    let upstream = Scripted::replying(|request: &Request| {
        let expanded = r#"{"id":1,"author":"u1","expand":{"author":{"id":"u1","name":"Ada"}}}"#;
        match request.head.start().split(' ').nth(1) {
            Some("/posts/1?expand=author") if who(request) == "ada" => ok(expanded),
            Some("/me") => ok(&json!({ "sub": who(request) }).to_string()),
            _ => ok(r#"{"id":1,"author":"u1"}"#),
        }
    })
    .await;
    let rule =
        "{ path: '/{collection}/{id?}', read: { record: '/{collection}/{id}', expand: expand } }";
    let yaml = with("")
        .replace("{ preset: json-server }", &format!("{{ rules: [{rule}] }}"))
        .replace("realtime: {", "realtime: { pocketbase: {},");
    let sidecar = Sidecar::start(&upstream.url(), &yaml).await;
    for token in ["ada", "eve"] {
        let mut place = Place::sdk(&sidecar.url("")).await;
        let subscribe = format!(
            "pb.authStore.save('Bearer {token}', null);
             await pb.collection('posts').subscribe('*', (e) => tell(e.record.expand ?? null),
                 {{ expand: 'author' }});"
        );
        place.run(&subscribe).await;
        sidecar.post("/posts", json!({})).await.expect(200);
        let expected = if token == "ada" {
            json!({"author": {"id": "u1", "name": "Ada"}})
        } else {
            json!(null)
        };
        assert_eq!(place.told().await, expected, "{token}");
    }
}

/// A stream that waits for the upstream again and again is not silent meanwhile.
#[tokio::test]
async fn who_waits_for_the_upstream_has_pings_and_what_was_sent_for_their_id() {
    let release = Release::new();
    let upstream = Scripted::holding(&release, reads, |_| ok(r#"{"id":1}"#)).await;
    let yaml = with(UPSTREAM).replace("/realtime }", "/realtime, ping_interval: 1s }");
    let sidecar = Sidecar::start(&upstream.url(), &yaml).await;
    let mut guest = sidecar.hear("/realtime").await;
    sidecar.post("/posts", json!({})).await.expect(200);
    upstream.request(1).await;
    // The first may have been there before.
    for number in 0..3 {
        let ping = guest.frame().await.unwrap();
        assert_eq!(ping.event(), "ping");
        assert!(ping.id().ends_with("-0"), "{number}: {ping:?}");
    }
    release.open();
    end(&sidecar).await;
    assert_eq!(told(&mut guest).await, [json!(["post", {"id": 1}])]);
}

/// A token is not kept where nobody is to be asked as its holder: who would be asked about as a
/// guest comes back with it instead.
#[tokio::test]
async fn a_rule_that_is_the_upstreams_from_now_on_is_asked_as_those_who_were_there() {
    let upstream = api(|who| (who.len() > 20).then(|| r#"{"id":1}"#.to_owned())).await;
    let secret = "a secret that is long enough for HS256";
    let jwt = format!("  jwt: {{ algorithms: [HS256], secret: \"{secret}\" }}\n");
    let yaml = format!("{EVERYTHING}  global: true\n{jwt}");
    let sidecar = Sidecar::start(&upstream.url(), &yaml).await;
    let claims = json!({"sub": "ada", "exp": 4_000_000_000_u64});
    let key = jsonwebtoken::EncodingKey::from_secret(secret.as_bytes());
    let token = jsonwebtoken::encode(&Default::default(), &claims, &key).unwrap();
    let mut before = hear(&sidecar, &token).await;
    let mut guest = hear(&sidecar, "").await;
    sidecar.rewrite(&format!("{yaml}{UPSTREAM}"));
    let frames = before.ended().await;
    assert!(
        frames.iter().any(|frame| frame.retry.is_some()),
        "{frames:?}"
    );
    assert!(
        frames.iter().all(|frame| frame.data.is_none()),
        "{frames:?}"
    );
    let mut after = hear(&sidecar, &token).await;
    sidecar.post("/posts", json!({})).await.expect(200);
    end(&sidecar).await;
    assert_eq!(told(&mut after).await.len(), 1);
    assert!(told(&mut guest).await.is_empty());
}
