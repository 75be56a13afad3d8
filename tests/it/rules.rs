//! Of which records who hears: by rules that are asked for each event when it leaves.

use jsonwebtoken::{EncodingKey, Header, encode};
use serde_json::{Value, json};

use crate::harness::{
    ALL, Conn, EVERYTHING, Frame, JsonServer, Scripted, Sidecar, Subscriber, answer, ok,
};

const SECRET: &str = "a secret that is long enough for HS256";

/// [`EVERYTHING`], users by tokens who may hear everything, and these rules.
fn with(rules: &str) -> String {
    let keys = "    - { name: root, key: root-key, hear: [\"*:*\", \"*\"], superuser: true }\n";
    let jwt = format!("  jwt: {{ algorithms: [HS256], secret: \"{SECRET}\" }}\n");
    let superusers = "  superusers: \"@request.auth.role = 'admin'\"\n";
    format!("{EVERYTHING}{keys}{jwt}{superusers}  rules:\n{rules}")
}

const OWN: &str = "    posts: { hear: \"owner = @request.auth.sub\" }\n";

/// An API that answers each write with what it was sent.
async fn echo() -> Scripted {
    Scripted::start(|mut peer| async move {
        while let Some(request) = peer.request().await {
            let body = String::from_utf8(request.body).unwrap();
            peer.conn.send(answer("200 OK", &body)).await;
        }
    })
    .await
}

/// The stream of a user with these claims.
fn user(claims: Value) -> String {
    let mut claims = claims;
    claims["exp"] = json!(4_000_000_000_u64);
    claims["realtime"] = json!({"sub": ["*:*", "*"], "pub": ["*"]});
    let key = EncodingKey::from_secret(SECRET.as_bytes());
    let token = encode(&Header::default(), &claims, &key).unwrap();
    format!("/realtime?jwt={token}")
}

async fn post(sidecar: &Sidecar, mark: u64, owner: Value) {
    let record = json!({"id": mark, "owner": owner});
    sidecar.post("/posts", record).await.expect(200);
}

/// The marks of what is told up to a publish.
async fn marks(subscriber: &mut Subscriber) -> Vec<u64> {
    let mut marks = Vec::new();
    loop {
        let told: Frame = subscriber.next().await;
        let told = told.json();
        if told["event"] == "END" {
            return marks;
        }
        let mark = &told["data"]["id"];
        marks.push(mark.as_u64().unwrap_or_else(|| panic!("no mark in {told}")));
    }
}

async fn end(sidecar: &Sidecar) {
    sidecar.publish("END", json!(null)).await.expect(200);
}

#[tokio::test]
async fn each_hears_of_the_records_that_a_rule_gives_live_and_replayed() {
    let upstream = echo().await;
    let sidecar = Sidecar::start(&upstream.url(), &with(OWN)).await;
    let root = "/realtime?apikey=root-key".to_owned();
    let who = [
        user(json!({"sub": "u1"})),
        user(json!({"sub": "u2", "role": "user"})),
        user(json!({"sub": 3})),
        user(json!({"sub": "u4", "role": "admin"})),
        user(json!({})),
        ALL.to_owned(),
        root.clone(),
    ];
    let mut first = sidecar.hear(&root).await;
    post(&sidecar, 0, json!("nobody")).await;
    let from = first.next().await.id().to_owned();
    let mut live = Vec::new();
    for path in &who {
        live.push(sidecar.hear(path).await);
    }
    for (mark, owner) in [
        (1, json!("u1")),
        (2, json!("u2")),
        (3, json!(3)),
        (4, json!("3")),
        (5, Value::Null),
        (6, json!(["u1", "u1"])),
        (7, json!(["u1", "u2"])),
        (8, json!({"sub": "u1"})),
    ] {
        post(&sidecar, mark, owner).await;
    }
    end(&sidecar).await;
    let every: Vec<u64> = (1..=8).collect();
    // Who has no claims is told of what has no owner, as the language has it.
    let expected = [
        vec![1, 6],
        vec![2],
        vec![3, 4],
        every.clone(),
        vec![5],
        vec![5],
        every,
    ];
    for ((path, live), expected) in who.iter().zip(&mut live).zip(expected) {
        assert_eq!(marks(live).await, expected, "live: {path}");
        let mut again = sidecar.resume(path, &from).await;
        assert_eq!(marks(&mut again).await, expected, "replayed: {path}");
    }
}

#[tokio::test]
async fn a_rule_comes_after_the_grant_and_gives_nothing_by_itself() {
    let upstream = echo().await;
    let rules = format!("{OWN}    open: {{ hear: \"\" }}\n    shut:\n");
    let yaml = with(&rules).replace("access:", "access:\n  global: true");
    let sidecar = Sidecar::start(&upstream.url(), &yaml).await;
    let own = user(json!({"sub": "u1"}));
    let narrowed = format!("{own}&events=PUT:posts,END");
    let mut nobody = sidecar.hear("/realtime").await;
    let mut some = sidecar.hear(&narrowed).await;
    let mut all = sidecar.hear("/realtime?apikey=root-key").await;
    for (mark, collection) in [(1, "posts"), (2, "open"), (3, "shut"), (4, "other")] {
        let record = json!({"id": mark, "owner": "u1"});
        let path = format!("/{collection}");
        sidecar.post(&path, record).await.expect(200);
    }
    end(&sidecar).await;
    assert_eq!(marks(&mut nobody).await, [2, 4]);
    assert!(marks(&mut some).await.is_empty());
    assert_eq!(marks(&mut all).await, [1, 2, 3, 4]);
}

/// What was told before stays told; from the next event on the other rule counts, and so it does
/// for the past.
#[tokio::test]
async fn a_changed_rule_counts_on_open_streams_and_for_the_past() {
    let upstream = echo().await;
    let sidecar = Sidecar::start(&upstream.url(), &with(OWN)).await;
    let path = user(json!({"sub": "u1", "team": "red"}));
    let mut live = sidecar.hear(&path).await;
    let mut root = sidecar.hear("/realtime?apikey=root-key").await;
    post(&sidecar, 1, json!("u1")).await;
    post(&sidecar, 2, json!("red")).await;
    let from = root.next().await.id().to_owned();
    end(&sidecar).await;
    assert_eq!(marks(&mut live).await, [1]);
    let more = "    - { name: new, key: new-key, hear: [NEW] }\n  jwt:";
    let teams = with(&OWN.replace("auth.sub", "auth.team")).replace("  jwt:", more);
    sidecar.rewrite(&teams);
    sidecar.until_known("new-key").await;
    post(&sidecar, 3, json!("u1")).await;
    post(&sidecar, 4, json!("red")).await;
    end(&sidecar).await;
    assert_eq!(marks(&mut live).await, [4]);
    let mut again = sidecar.resume(&path, &from).await;
    assert_eq!(marks(&mut again).await, [2]);
    assert_eq!(marks(&mut again).await, [4]);
}

/// json-server answers a DELETE with `{}`: whose the record was is known from what was written
/// before, and not if that was before the sidecar started.
#[tokio::test]
async fn a_delete_is_decided_by_what_was_known_of_its_record() {
    let posts = json!([{"id": 1, "owner": "u1"}, {"id": 2, "owner": "u1"}]);
    let api = JsonServer::start(json!({ "posts": posts })).await;
    let sidecar = Sidecar::start(&api.url(), &with(OWN)).await;
    let mut own = sidecar.hear(&user(json!({"sub": "u1"}))).await;
    let mut other = sidecar.hear(&user(json!({"sub": "u2"}))).await;
    let admin = user(json!({"sub": "x", "role": "admin"}));
    let mut admin = sidecar.hear(&admin).await;
    let change = json!({"n": 1});
    sidecar.patch("/posts/1", change.clone()).await.expect(200);
    sidecar.delete("/posts/2").await.expect(200);
    sidecar.delete("/posts/1").await.expect(200);
    for expected in [json!("1"), json!(["2"]), json!(["1"])] {
        assert_eq!(admin.next().await.json()["data"], expected);
    }
    for expected in [json!("1"), json!(["1"])] {
        assert_eq!(own.next().await.json()["data"], expected);
    }
    end(&sidecar).await;
    for subscriber in [&mut own, &mut other] {
        assert_eq!(subscriber.next().await.json()["event"], "END");
    }
}

/// An answer that does not name the record shows none: it may be an acknowledgement of any write.
#[tokio::test]
async fn an_acknowledgement_is_not_taken_for_the_record() {
    let upstream = Scripted::replying(|request| {
        if request.head.start().starts_with("POST ") {
            answer("201 Created", r#"{"id":1,"owner":"u1"}"#)
        } else {
            ok(r#"{"success":true}"#)
        }
    })
    .await;
    let sidecar = Sidecar::start(&upstream.url(), &with(OWN)).await;
    let mut own = sidecar.hear(&user(json!({"sub": "u1"}))).await;
    let mut key = sidecar.hear(ALL).await;
    sidecar.post("/posts", json!({})).await.expect(201);
    sidecar.put("/posts/1", json!({})).await.expect(200);
    sidecar.delete("/posts/1").await.expect(200);
    end(&sidecar).await;
    assert_eq!(marks(&mut own).await, [1]);
    assert!(marks(&mut key).await.is_empty());
}

#[tokio::test]
async fn a_collection_with_capitals_is_told_as_it_is_named() {
    let api = JsonServer::start(json!({"userNotes": []})).await;
    let rules = "    userNotes: { hear: \"owner = @request.auth.sub\" }\n";
    let named = with(rules).replace(
        "observe: { preset: json-server }",
        "observe: { preset: json-server, collections: [userNotes] }",
    );
    let sidecar = Sidecar::start(&api.url(), &named).await;
    let mut own = sidecar.hear(&user(json!({"sub": "u1"}))).await;
    let mut key = sidecar.hear(ALL).await;
    let note = json!({"owner": "u1"});
    sidecar.post("/userNotes", note.clone()).await.expect(201);
    sidecar.post("/usernotes", note).await.expect(201);
    end(&sidecar).await;
    let told = own.next().await.json();
    assert_eq!(
        (&told["event"], &told["collection"]),
        (&json!("post"), &json!("userNotes"))
    );
    // The other may be any write: nobody is told who has to own it.
    assert_eq!(own.next().await.json()["event"], "END");
    assert_eq!(key.next().await.json()["event"], "END");
}

#[tokio::test]
async fn an_uncertain_write_is_told_where_claims_alone_decide() {
    let upstream = Scripted::replying(|request| {
        if request.head.start().starts_with("PUT /staff") {
            ok(r#"{"id":1}"#)
        } else {
            answer("500 Internal Server Error", "{}")
        }
    })
    .await;
    let rules = format!("{OWN}    staff: {{ hear: \"@request.auth.role = 'staff'\" }}\n");
    let sidecar = Sidecar::start(&upstream.url(), &with(&rules)).await;
    let staff = user(json!({"sub": "u1", "role": "staff"}));
    let mut staff = sidecar.hear(&staff).await;
    let mut other = sidecar.hear(&user(json!({"sub": "u1"}))).await;
    sidecar
        .put("/posts/1", json!({"owner": "u1"}))
        .await
        .expect(500);
    sidecar.patch("/staff/1", json!({})).await.expect(500);
    sidecar.put("/staff/1", json!({})).await.expect(200);
    assert_eq!(staff.next().await.event(), "uncertain");
    assert_eq!(staff.next().await.event(), "put");
    other.hears_nothing_of(&sidecar).await;
}

/// Many users, each with records of their own, and some who see those of a team: as asking each
/// rule by itself would have it.
#[tokio::test]
async fn among_many_each_hears_exactly_their_own() {
    let upstream = echo().await;
    let rules = "    posts: { hear: \"owner = @request.auth.sub || team = @request.auth.team && owner != ''\" }\n";
    let sidecar = Sidecar::start(&upstream.url(), &with(rules)).await;
    let users: Vec<_> = (0..40)
        .map(|user| (format!("u{user}"), format!("t{}", user % 4)))
        .collect();
    let mut streams = Vec::new();
    for (sub, team) in &users {
        let path = user(json!({"sub": sub, "team": team}));
        streams.push(sidecar.hear(&path).await);
    }
    let records: Vec<_> = (0..60_u64)
        .map(|mark| (mark, format!("u{}", mark % 50), format!("t{}", mark % 7)))
        .collect();
    for (mark, owner, team) in &records {
        let record = json!({"id": mark, "owner": owner, "team": team});
        sidecar.post("/posts", record).await.expect(200);
    }
    end(&sidecar).await;
    for ((sub, team), stream) in users.iter().zip(&mut streams) {
        let theirs = records
            .iter()
            .filter(|(_, owner, of)| owner == sub || of == team);
        let theirs: Vec<u64> = theirs.map(|(mark, ..)| *mark).collect();
        assert_eq!(marks(stream).await, theirs, "{sub} of {team}");
    }
}

/// A record that leaves somebody's view: told as a delete, with its id and nothing else, where the
/// operator asks for it.
#[tokio::test]
async fn who_loses_a_record_by_a_change_is_told_a_delete_where_it_is_asked_for() {
    let upstream = echo().await;
    let rules = "    posts: { hear: \"owner = @request.auth.sub\", leaving: delete }\n    \
                 notes: { hear: \"owner = @request.auth.sub\" }\n";
    let sidecar = Sidecar::start(&upstream.url(), &with(rules)).await;
    let (ada, eve) = (user(json!({"sub": "ada"})), user(json!({"sub": "eve"})));
    let root = "/realtime?apikey=root-key".to_owned();
    let mut heard = Vec::new();
    for path in [&ada, &eve, &root] {
        heard.push(sidecar.hear(path).await);
    }
    for collection in ["posts", "notes"] {
        for (n, owner) in [(1, "ada"), (2, "ada"), (3, "eve"), (4, "eve")] {
            let record = json!({"id": 1, "n": n, "owner": owner});
            let path = format!("/{collection}/1");
            sidecar.put(&path, record).await.expect(200);
        }
    }
    end(&sidecar).await;
    let events = async |stream: &mut Subscriber| {
        let mut events = Vec::new();
        loop {
            let told = stream.next().await.json();
            if told["event"] == "END" {
                return events;
            }
            events.push(format!(
                "{} {} {}",
                told["event"], told["collection"], told["data"]
            ));
        }
    };
    let put = |collection| format!(r#""put" "{collection}" "1""#);
    let gone = r#""delete" "posts" ["1"]"#.to_owned();
    let (posts, notes) = (put("posts"), put("notes"));
    let twice = |of: &String| [of.clone(), of.clone()];
    let mut of_ada = twice(&posts).to_vec();
    of_ada.push(gone);
    of_ada.extend(twice(&notes));
    let of_eve = [twice(&posts), twice(&notes)].concat();
    let of_root = [twice(&posts), twice(&posts), twice(&notes), twice(&notes)].concat();
    for (stream, expected) in heard.iter_mut().zip([&of_ada, &of_eve, &of_root]) {
        assert_eq!(&events(stream).await, expected);
    }
}

/// The kinds of events that say less than a write are in the files as well, and a batch that a crash
/// cut off is a gap as one that cannot be read.
#[tokio::test]
async fn what_is_told_of_batches_and_of_who_lost_a_record_survives_a_crash() {
    let upstream = Scripted::start(|mut peer| async move {
        while let Some(request) = peer.request().await {
            let body = String::from_utf8(request.body).unwrap();
            if body != "never" {
                peer.conn.send(answer("200 OK", &body)).await;
            }
        }
    })
    .await;
    let rules = "    posts: { hear: \"owner = @request.auth.sub\", leaving: delete }\n";
    let yaml = with(rules).replace("preset: json-server", "preset: pocketbase")
        + "log: { level: process, dir: events }\n";
    let mut sidecar = Sidecar::start(&upstream.url(), &yaml).await;
    let path = user(json!({"sub": "eve"}));
    let mut eve = sidecar.hear(&path).await;
    for owner in ["eve", "ada"] {
        let record = json!({"id": "r1", "collectionName": "posts", "owner": owner});
        let path = "/api/collections/posts/records/r1";
        sidecar.patch(path, record).await.expect(200);
    }
    sidecar.post("/api/batch", json!([])).await.expect(200);
    let first = eve.next().await;
    let mut cut = Conn::to(sidecar.address()).await;
    cut.send("POST /api/batch HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nnever")
        .await;
    upstream.request(3).await;
    sidecar.kill().await;
    sidecar.start_again().await;
    let mut again = sidecar.resume(&path, first.id()).await;
    for stream in [&mut eve, &mut again] {
        let lost = stream.next().await;
        assert_eq!(
            lost.json(),
            json!({"event": "delete", "collection": "posts", "data": ["r1"]})
        );
        assert_eq!(stream.next().await.event(), "gap");
    }
    assert_eq!(again.next().await.event(), "gap");
    again.hears_nothing_of(&sidecar).await;
}

/// What is not told is not known to a rule either: it is not taken for what is not there.
#[tokio::test]
async fn a_rule_cannot_decide_by_what_is_taken_out_of_records() {
    let upstream = echo().await;
    let rules = "    posts: { hear: \"level != 'secret'\" }\n    \
                 users: { hear: \"email = @request.auth.email || open = true\" }\n    \
                 pages: { hear: \"a.c = 1 && levels = 1\", leaving: delete }\n";
    let preset = "preset: pocketbase, redact: [/level, /a/0/b]";
    let yaml = with(rules).replace("preset: json-server", preset);
    let sidecar = Sidecar::start(&upstream.url(), &yaml).await;
    let mut user = sidecar.hear(&user(json!({"sub": "u1"}))).await;
    for (id, collection, record) in [
        (1, "posts", json!({"level": "secret"})),
        (2, "posts", json!({})),
        (
            3,
            "users",
            json!({"email": "a@b.c", "emailVisibility": false}),
        ),
        (4, "users", json!({"emailVisibility": false, "open": true})),
        (5, "users", json!({"email": "a@b.c"})),
        (6, "users", json!({"email": null, "emailVisibility": true})),
        (7, "pages", json!({"a": {"b": 1, "c": 1}, "levels": 1})),
        (7, "pages", json!({"a": {"b": 1, "c": 1}, "levels": 2})),
    ] {
        let mut record = record;
        record["id"] = json!(id);
        record["collectionName"] = json!(collection);
        let path = format!("/api/collections/{collection}/records");
        sidecar.post(&path, record).await.expect(200);
    }
    end(&sidecar).await;
    for id in [json!(4), json!(6), json!(7)] {
        assert_eq!(user.next().await.json()["data"]["id"], id);
    }
    assert_eq!(user.next().await.json()["data"], json!(["7"]));
    assert!(marks(&mut user).await.is_empty());
}
