//! The JavaScript client: how it is served, and what it does in Node and in a page.

use std::process::Command;

use serde_json::{Value, json};

use crate::harness::{
    Conn, EVERYTHING, Place, Process, Relay, Request, Scripted, Sidecar, answer, eventually, ok,
    test_folder, tool,
};

const JS: &str = "/realtime/client.js";
const MJS: &str = "/realtime/client.mjs";
const TYPES: &str = "/realtime/client.d.ts";

/// A page whose scripts are the given elements.
fn page(scripts: &str) -> String {
    let page = format!("<!doctype html><meta charset=utf-8><title>page</title>{scripts}");
    let length = page.len();
    format!("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {length}\r\n\r\n{page}")
}

/// An API that has pages too: of the classic script, of the module, and whichever are given.
async fn api(pages: &[(&'static str, String)]) -> Scripted {
    let mut pages = pages.to_vec();
    pages.push((
        "/classic",
        page("<script src=/realtime/client.js></script>"),
    ));
    Scripted::replying(move |request: &Request| {
        let start = request.head.start().to_owned();
        let found = pages
            .iter()
            .find(|(path, _)| start.starts_with(&format!("GET {path} ")));
        match found {
            Some((_, page)) => page.clone(),
            None if start.starts_with("POST ") => answer("201 Created", r#"{"id":7,"n":"ä"}"#),
            None => ok("{}"),
        }
    })
    .await
}

/// Node and a page, and the sidecar that both talk to, which stands before [`api`].
async fn places() -> (Sidecar, [Place; 2], Scripted) {
    let api = api(&[]).await;
    let sidecar = Sidecar::start(&api.url(), EVERYTHING).await;
    let node = Place::node(&sidecar).await;
    let page = Place::page(&sidecar.url("/classic")).await;
    for place in [&node, &page] {
        let url = sidecar.url("");
        place
            .run(&format!(
                "globalThis.db = new restdb('all-key', {{ realtime: true, url: '{url}', retry: 100 }});
                 globalThis.hear = (on, ...names) => {{
                   for (const name of names) on.on(name, (...args) => tell([name, ...args]));
                 }};
                 await new Promise((open) => db.on('CONNECT', open));"
            ))
            .await;
    }
    (sidecar, [node, page], api)
}

// --- who asks ---

/// A function gives another credential when one was refused, and is asked again after a loss.
#[tokio::test]
async fn a_function_is_asked_for_a_credential_whenever_one_is_needed() {
    let (sidecar, [mut node, mut page], _api) = places().await;
    for place in [&mut node, &mut page] {
        let url = sidecar.url("");
        place
            .run(&format!(
                "globalThis.given = [];
                 const give = (list) => async () => {{
                   const next = list.length > 1 ? list.shift() : list[0];
                   given.push(next);
                   return next;
                 }};
                 const options = {{ realtime: true, url: '{url}', retry: 100 }};
                 const renewed = new restdb(give(['old', 'all-key']), options);
                 renewed.on('CONNECT', (error) => tell(['renewed', error?.status ?? null]));
                 const refused = new restdb(give(['old', 'old', 'all-key']), options);
                 refused.on('CONNECT', (error) => tell(['refused', error?.status ?? null]));
                 globalThis.renewed = renewed;"
            ))
            .await;
        let mut told = [place.told().await, place.told().await];
        told.sort_by_key(ToString::to_string);
        assert_eq!(told, [json!(["refused", 401]), json!(["renewed", null])]);
        let given = place.run("return given.toSorted()").await;
        assert_eq!(given, json!(["all-key", "old", "old", "old"]));
        let published = place.run("return renewed.publish('GOAL', 1)").await;
        assert_eq!(published, json!({"message": "OK"}));
        place.run("renewed.close()").await;
    }
}

/// What has a scheme is the API's own: it says who that is.
#[tokio::test]
async fn a_credential_with_a_scheme_is_shown_to_the_api_as_it_is() {
    let api = Scripted::replying(|request: &Request| {
        let start = request.head.start();
        let shown = request.head.field("authorization");
        match (start.starts_with("GET /api/me "), shown) {
            (true, Some("Token 5f3a")) => ok(r#"{"id":"ada"}"#),
            (true, _) => answer("401 Unauthorized", "{}"),
            (false, _) => answer("201 Created", r#"{"id":7}"#),
        }
    })
    .await;
    let identity = "  identity: { ask: /api/me, hear: [\"*:*\"] }\n";
    let sidecar = Sidecar::start(&api.url(), &format!("{EVERYTHING}{identity}")).await;
    let mut node = Place::node(&sidecar).await;
    let url = sidecar.url("");
    node.run(&format!(
        "const options = {{ realtime: true, url: '{url}' }};
         const db = new restdb('Token 5f3a', options);
         db.on('POST', (error, eventdata) => tell(eventdata.data));
         const other = new restdb('Token other', options);
         other.on('CONNECT', (error) => tell(error.status));
         await new Promise((open) => db.on('CONNECT', open));"
    ))
    .await;
    assert_eq!(node.told().await, 401);
    sidecar.post("/posts", json!({})).await.expect(201);
    assert_eq!(node.told().await, json!({"id": 7}));
}

// --- the files ---

#[tokio::test]
async fn the_files_are_served_to_any_page_and_kept_until_they_change() {
    let sidecar = Sidecar::start("http://127.0.0.1:1", EVERYTHING).await;
    let javascript = "text/javascript; charset=utf-8";
    for (path, content_type, words) in [
        (JS, javascript, "globalThis.restdb = restdb"),
        (MJS, javascript, "export { restdb }"),
        (
            TYPES,
            "text/plain; charset=utf-8",
            "export declare const restdb",
        ),
    ] {
        let file = sidecar.get(path).await.expect(200);
        assert_eq!(file.field("content-type"), content_type);
        assert!(file.text().contains(words), "{path}");
        for (name, value) in [
            ("access-control-allow-origin", "*"),
            ("cache-control", "no-cache"),
            ("cross-origin-resource-policy", "cross-origin"),
            ("x-content-type-options", "nosniff"),
        ] {
            assert_eq!(file.field(name), value, "{path}");
        }
        let mut conn = Conn::to(sidecar.address()).await;
        conn.send(sidecar.request("HEAD", path, &[])).await;
        let head = conn.head().await;
        assert_eq!(
            head.field("content-length"),
            file.head.field("content-length")
        );
        assert_eq!(conn.rest().await, b"");

        let etag = file.field("etag");
        let foreign = sidecar
            .ask("GET", path, &[("If-None-Match", "\"a\"")])
            .await;
        assert_eq!(foreign.expect(200).body, file.body);
        for known in [etag, &format!("\"a\", W/{etag}"), "*"] {
            let kept = sidecar.ask("GET", path, &[("If-None-Match", known)]).await;
            assert_eq!(kept.expect(304).field("etag"), etag);
        }
    }
}

#[tokio::test]
async fn the_files_are_for_reading() {
    let sidecar = Sidecar::start("http://127.0.0.1:1", EVERYTHING).await;
    for method in ["POST", "PUT", "PATCH", "DELETE", "OPTIONS"] {
        let refused = sidecar.write(method, JS, json!({})).await;
        refused.refuses(405);
        assert_eq!(refused.field("allow"), "GET, HEAD");
    }
}

#[tokio::test]
async fn the_files_are_where_the_configuration_says() {
    let upstream = Scripted::answering(ok("{}")).await;
    let mut sidecar = Sidecar::start(&upstream.url(), EVERYTHING).await;
    for (options, served, passed) in [
        ("client: off", &[][..], &[JS, MJS, TYPES][..]),
        (
            "client: /lib/rt",
            &["/lib/rt.js", "/lib/rt.mjs", "/lib/rt.d.ts"],
            &[JS],
        ),
        ("jsapi: /rest/_jsapi.js", &["/rest/_jsapi.js", JS, MJS], &[]),
        ("path: /live", &["/live/client.js"], &[JS]),
    ] {
        sidecar.rewrite(&EVERYTHING.replace("path: /realtime", options));
        sidecar.restart().await;
        for path in served {
            assert!(
                sidecar
                    .get(path)
                    .await
                    .expect(200)
                    .text()
                    .contains("restdb"),
                "{path}"
            );
        }
        for path in passed {
            assert_eq!(sidecar.get(path).await.expect(200).text(), "{}", "{path}");
        }
    }
}

#[tokio::test]
async fn the_types_are_those_of_the_code() {
    let sidecar = Sidecar::start("http://127.0.0.1:1", EVERYTHING).await;
    let folder = test_folder();
    let types = sidecar.get(TYPES).await.expect(200);
    std::fs::write(folder.path().join("client.d.mts"), types.text()).unwrap();
    let usage = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients/usage.mts");
    std::fs::copy(usage, folder.path().join("usage.mts")).unwrap();
    let mut tsc = Command::new(tool("bin/node"));
    tsc.arg(tool("node_modules/typescript/bin/tsc"));
    tsc.args("--noEmit --strict --target es2022 --module nodenext --lib es2022,dom".split(' '));
    tsc.arg("usage.mts").current_dir(folder.path());
    let output = Process::spawn(&mut tsc).output().await;
    assert_eq!(output.code, Some(0), "{}", output.stdout);
}

// --- what is heard ---

#[tokio::test]
async fn each_callback_gets_what_its_event_says() {
    let (sidecar, places, _api) = places().await;
    for mut place in places {
        place
            .run("hear(db, 'POST', 'put', 'Patch', 'DELETE', 'goal', 'UNCERTAIN')")
            .await;
        sidecar.post("/posts", json!({})).await.expect(201);
        sidecar.put("/posts/7", json!({})).await.expect(200);
        sidecar.patch("/posts/7", json!({})).await.expect(200);
        sidecar.delete("/posts/7").await.expect(200);
        sidecar
            .publish("GOAL", json!({"value": "3-0"}))
            .await
            .expect(200);
        sidecar.publish("OTHER", json!(1)).await.expect(200);
        sidecar.publish("Goal", Value::Null).await.expect(200);
        let record = json!({"id": 7, "n": "ä"});
        for expected in [
            json!(["POST", null, {"event": "post", "collection": "posts", "data": record}]),
            json!(["put", null, {"event": "put", "collection": "posts", "data": "7"}]),
            json!(["Patch", null, {"event": "patch", "collection": "posts", "data": "7"}]),
            json!(["DELETE", null, {"event": "delete", "collection": "posts", "data": ["7"]}]),
            json!(["goal", null, {"event": "GOAL", "data": {"value": "3-0"}}]),
            json!(["goal", null, {"event": "Goal", "data": null}]),
        ] {
            assert_eq!(place.told().await, expected);
        }
    }
}

#[tokio::test]
async fn each_state_is_told_to_its_callback() {
    let api = api(&[]).await;
    let sidecar = Sidecar::start(&api.url(), EVERYTHING).await;
    let relay = Relay::before(sidecar.address()).await;
    let page = Place::page(&relay.url("/classic")).await;
    for mut place in [Place::node(&sidecar).await, page] {
        place
            .run(&opening(&relay.url(""), "CONNECT DISCONNECT RECONNECT"))
            .await;
        assert_eq!(
            place.told().await,
            json!(["CONNECT", null, {"event": "connect"}])
        );
        relay.cut();
        assert_eq!(
            place.told().await,
            json!(["DISCONNECT", null, {"event": "disconnect"}])
        );
        assert_eq!(
            place.told().await,
            json!(["RECONNECT", null, {"event": "reconnect"}])
        );
        place.run("db.close()").await;
    }
}

#[tokio::test]
async fn a_write_of_unknown_outcome_is_told_as_uncertain() {
    let upstream = Scripted::answering(answer("500 Internal Server Error", "{}")).await;
    let sidecar = Sidecar::start(&upstream.url(), EVERYTHING).await;
    let mut place = Place::node(&sidecar).await;
    place
        .run(&opening(&sidecar.url(""), "CONNECT UNCERTAIN"))
        .await;
    assert_eq!(
        place.told().await,
        json!(["CONNECT", null, {"event": "connect"}])
    );
    sidecar.put("/posts/7", json!({})).await.expect(500);
    let uncertain =
        json!({"event": "uncertain", "collection": "posts", "method": "PUT", "data": "7"});
    assert_eq!(place.told().await, json!(["UNCERTAIN", null, uncertain]));
}

/// Opens `db` at `url`, and tells of each of these events.
fn opening(url: &str, events: &str) -> String {
    format!(
        "globalThis.db = new restdb('all-key', {{ realtime: true, url: '{url}', retry: 100 }});
         for (const name of '{events}'.split(' ')) db.on(name, (...args) => tell([name, ...args]));"
    )
}

#[tokio::test]
async fn a_handle_hears_its_collection_alone() {
    let (sidecar, places, _api) = places().await;
    for mut place in places {
        place
            .run(
                "hear(db.posts, 'POST', 'PUT', 'PATCH', 'DELETE'); hear(db.collection('on'), 'PUT'); hear(db, 'MARK');
                 globalThis.refused = (() => {
                   try { db.posts.on('GOAL', () => {}); } catch (error) { return error.name; }
                 })();",
            )
            .await;
        for collection in ["users", "posts"] {
            let path = format!("/{collection}/7");
            sidecar
                .post(&path[..path.len() - 2], json!({}))
                .await
                .expect(201);
            sidecar.put(&path, json!({})).await.expect(200);
            sidecar.patch(&path, json!({})).await.expect(200);
            sidecar.delete(&path).await.expect(200);
        }
        sidecar.put("/on/7", json!({})).await.expect(200);
        sidecar.publish("MARK", json!(1)).await.expect(200);
        let record = json!({"id": 7, "n": "ä"});
        for expected in [
            json!(["POST", null, {"event": "post", "collection": "posts", "data": record}]),
            json!(["PUT", null, {"event": "put", "collection": "posts", "data": "7"}]),
            json!(["PATCH", null, {"event": "patch", "collection": "posts", "data": "7"}]),
            json!(["DELETE", null, {"event": "delete", "collection": "posts", "data": ["7"]}]),
            json!(["PUT", null, {"event": "put", "collection": "on", "data": "7"}]),
            json!(["MARK", null, {"event": "MARK", "data": 1}]),
        ] {
            assert_eq!(place.told().await, expected);
        }
        assert_eq!(place.run("return refused").await, "TypeError");
    }
}

#[tokio::test]
async fn off_ends_one_callback_or_all_of_an_event() {
    let (sidecar, places, _api) = places().await;
    for mut place in places {
        place
            .run(
                "const one = () => tell('one'), two = () => tell('two');
                 for (const callback of [one, two]) { db.on('A', callback); db.on('B', callback); }
                 db.posts.on('PUT', one); db.on('PUT', two);
                 db.off('a', one); db.off('B'); db.posts.off('PUT');",
            )
            .await;
        sidecar.publish("B", json!(1)).await.expect(200);
        sidecar.put("/posts/7", json!({})).await.expect(200);
        sidecar.publish("A", json!(1)).await.expect(200);
        assert_eq!(place.told().await, "two");
        assert_eq!(place.told().await, "two");
        place.run("hear(db, 'END')").await;
        sidecar.publish("END", json!(1)).await.expect(200);
        assert_eq!(place.told().await[0], "END");
    }
}

#[tokio::test]
async fn without_a_callback_events_are_iterated() {
    let (sidecar, places, _api) = places().await;
    for mut place in places {
        place
            .run("globalThis.events = db.on('N'); globalThis.puts = db.posts.on('PUT')")
            .await;
        for n in 0..3 {
            sidecar.publish("N", json!(n)).await.expect(200);
        }
        sidecar.put("/posts/7", json!({})).await.expect(200);
        let heard = place
            .run(
                "const heard = [];
                 for await (const event of events) { heard.push(event.data); if (event.data === 2) break; }
                 const put = await puts.next();
                 const last = puts.next();
                 db.close();
                 return [heard, put.value.data, await events.next(), await last];",
            )
            .await;
        let done = json!({"done": true});
        assert_eq!(heard, json!([[0, 1, 2], "7", done, done]));
        place.run("tell('end')").await;
        assert_eq!(place.told().await, "end");
    }
}

#[tokio::test]
async fn a_callback_that_throws_harms_nobody_else() {
    let (sidecar, places, _api) = places().await;
    for mut place in places {
        place
            .run("db.on('N', () => { throw new Error('mine'); }); hear(db, 'N')")
            .await;
        sidecar.publish("N", json!(1)).await.expect(200);
        let mut told = [place.told().await, place.told().await];
        told.sort_by_key(|told| told.is_array());
        assert_eq!(told[0], json!({"uncaught": "mine"}));
        sidecar.publish("N", json!(2)).await.expect(200);
        let mut told = [place.told().await, place.told().await];
        told.sort_by_key(Value::is_object);
        assert_eq!(told[0], json!(["N", null, {"event": "N", "data": 2}]));
    }
}

// --- publishing and refusals ---

#[tokio::test]
async fn publish_answers_by_callback_or_promise() {
    let (sidecar, places, _api) = places().await;
    let mut subscriber = sidecar.hear("/realtime?apikey=all-key").await;
    for place in places {
        let answers = place
            .run(
                "const called = (...args) => new Promise((done) =>
                   db.publish(...args, (error, result) => done([error?.message ?? null, error?.status ?? null, result])));
                 const promised = (...args) => db.publish(...args).catch((error) => [error.message, error.status]);
                 const self = {}; self.self = self;
                 return [
                   await called('GOAL', { value: '3-0' }), await promised('GOAL', [1]),
                   await called('post', 1), await promised('post', 1),
                   (await called('GOAL', self))[0] !== null,
                 ];",
            )
            .await;
        let reserved = "this `event` is a reserved name: choose another";
        let expected = json!([
            [null, null, {"message": "OK"}],
            {"message": "OK"},
            [reserved, 400, null],
            [reserved, 400],
            true,
        ]);
        assert_eq!(answers, expected);
        for data in [json!({"value": "3-0"}), json!([1])] {
            assert_eq!(
                subscriber.next().await.json(),
                json!({"event": "GOAL", "data": data})
            );
        }
    }
}

#[tokio::test]
async fn a_publish_that_fails_is_an_error_and_was_sent_once() {
    let (_sidecar, places, _api) = places().await;
    let failing = Scripted::replying(|request: &Request| match request.head.start() {
        start if start.starts_with("OPTIONS ") => "HTTP/1.1 204 No Content\r\nAccess-Control-Allow-Origin: *\r\n\
             Access-Control-Allow-Headers: *\r\n\r\n"
            .to_owned(),
        _ => "HTTP/1.1 500 Internal Server Error\r\nAccess-Control-Allow-Origin: *\r\nContent-Length: 6\r\n\r\n<html>"
            .to_owned(),
    })
    .await;
    let nobody = "http://127.0.0.1:1";
    for place in places {
        for (url, message, status) in [
            (
                &*failing.url(),
                json!("the server answered 500"),
                json!(500),
            ),
            (nobody, Value::Null, Value::Null),
        ] {
            let told = place
                .run(&format!(
                    "const other = new restdb('all-key', {{ url: '{url}' }});
                     const told = await new Promise((done) => other.publish('GOAL', 1, (...args) => done(args)));
                     const [error, result, ...more] = told;
                     return [error instanceof Error, error.status ? error.message : null, error.status ?? null, result, more];"
                ))
                .await;
            assert_eq!(told, json!([true, message, status, null, []]));
        }
    }
    assert_eq!(failing.times("POST /realtime "), 2, "one from each place");
}

#[tokio::test]
async fn a_refused_key_is_an_error_for_every_callback_and_the_end() {
    let (sidecar, places, _api) = places().await;
    for mut place in places {
        let url = sidecar.url("");
        place
            .run(&format!(
                "globalThis.wrong = new restdb('wrong', {{ realtime: true, url: '{url}', retry: 1 }});
                 globalThis.say = (name) => (error, eventdata) => tell([name, error.message, error.status, eventdata]);
                 for (const name of ['POST', 'CONNECT']) wrong.on(name, say(name));
                 wrong.posts.on('PUT', say('PUT'));"
            ))
            .await;
        for name in ["POST", "CONNECT", "PUT"] {
            let told = place.told().await;
            assert_eq!(
                (&told[0], &told[2], &told[3]),
                (&json!(name), &json!(401), &Value::Null)
            );
            assert!(told[1].as_str().unwrap().contains("key"), "{told}");
        }
        let later = place
            .run(
                "wrong.on('LATER', say('LATER'));
                 const thrown = await wrong.on('X').next().catch((error) => error.status);
                 const refused = await wrong.publish('GOAL', 1).catch((error) => error.status);
                 return [thrown, refused];",
            )
            .await;
        assert_eq!(later, json!([401, 401]));
        assert_eq!(place.told().await[0], "LATER");
    }
}

#[tokio::test]
async fn what_cannot_be_a_key_and_what_hears_nothing_are_told_as_errors_too() {
    let (sidecar, [mut place, _page], _api) = places().await;
    let url = sidecar.url("");
    place
        .run(&format!(
            "for (const [key, options] of [['a\\nb', {{ realtime: true }}], ['all-key', {{}}], ['all-key', undefined]]) {{
               const db = new restdb(key, {{ url: '{url}', ...options }});
               db.on('POST', (error) => tell(error.message));
             }}
             try {{ new restdb('all-key', {{ realtime: true }}); }} catch (error) {{ tell(error.name); }}"
        ))
        .await;
    // That Node knows no server is said at once, the rest when there is time.
    assert_eq!(place.told().await, "TypeError");
    assert_eq!(place.told().await, "this is no key and no token");
    for _ in 0..2 {
        assert_eq!(
            place.told().await,
            "nothing is heard without {realtime: true}"
        );
    }
}

// --- where the server is ---

#[tokio::test]
async fn a_page_needs_no_url_wherever_it_is() {
    let yaml = EVERYTHING.replace("path: /realtime", "path: /realtime, jsapi: /rest/_jsapi.js");
    // The page's own site is not known before it listens: any may come.
    let sidecar_yaml = format!("{yaml}  origins: [\"*\"]\n");
    let behind = Scripted::answering(ok("{}")).await;
    let sidecar = Sidecar::start(&behind.url(), &sidecar_yaml).await;
    let elsewhere = sidecar.url("");
    let use_it = "new restdb('all-key', { realtime: true }).on('CONNECT', () => tell('open'));";
    let classic = |at: &str, path: &str| {
        page(&format!(
            "<script src='{at}{path}'></script><script>window.onload = () => {{ {use_it} }}</script>"
        ))
    };
    let module = |at: &str| {
        page(&format!(
            "<script type=module>import {{ restdb }} from '{at}{MJS}'; window.onload = () => {{ {use_it} }};</script>"
        ))
    };
    let as_restdb = page(
        "<script src='/rest/_jsapi.js?v=1'></script>
         <script>var db = new db('all-key', { realtime: true });</script>
         <script>window.onload = () => db.on('CONNECT', () => tell('open'));</script>",
    );
    let pages = api(&[
        ("/own-classic", classic("", JS)),
        ("/own-module", module("")),
        ("/as-restdb", as_restdb),
        ("/other-classic", classic(&elsewhere, JS)),
        ("/other-module", module(&elsewhere)),
        ("/other-jsapi", classic(&elsewhere, "/rest/_jsapi.js")),
    ])
    .await;
    let own = Sidecar::start(&pages.url(), &yaml).await;
    for path in ["/own-classic", "/own-module", "/as-restdb"] {
        assert_eq!(
            Place::page(&own.url(path)).await.told().await,
            "open",
            "{path}"
        );
    }
    for path in ["/other-classic", "/other-module", "/other-jsapi"] {
        let url = format!("{}{path}", pages.url());
        assert_eq!(Place::page(&url).await.told().await, "open", "{path}");
    }
}

#[tokio::test]
async fn a_page_of_another_site_resumes_publishes_and_reads_why_it_was_refused() {
    let yaml = format!("{EVERYTHING}  origins: [\"*\"]\n");
    let sidecar = Sidecar::start("http://127.0.0.1:1", &yaml).await;
    let relay = Relay::before(sidecar.address()).await;
    let script = page(&format!("<script src='{}'></script>", relay.url(JS)));
    let elsewhere = Scripted::answering(script).await;
    let mut place = Place::page(&elsewhere.url()).await;
    place
        .run(
            "globalThis.db = new restdb('all-key', { realtime: true, retry: 500 });
             for (const name of ['CONNECT', 'DISCONNECT', 'RECONNECT', 'N'])
               db.on(name, (error, { event, data }) => tell([event, data ?? null]));",
        )
        .await;
    assert_eq!(place.told().await[0], "connect");
    relay.reset();
    assert_eq!(place.told().await[0], "disconnect");
    sidecar.publish("N", json!(1)).await.expect(200);
    assert_eq!(place.told().await[0], "reconnect");
    assert_eq!(place.told().await, json!(["N", 1]));
    let published = place.run("return await db.publish('N', 2)").await;
    assert_eq!(published, json!({"message": "OK"}));
    assert_eq!(place.told().await, json!(["N", 2]));
    place
        .run("new restdb('wrong', { realtime: true }).on('N', (error) => tell(error.status))")
        .await;
    assert_eq!(place.told().await, 401);
}

#[tokio::test]
async fn a_prefix_before_the_script_is_before_the_stream_too() {
    let sidecar = Sidecar::start("http://127.0.0.1:1", EVERYTHING).await;
    let script = sidecar.get(JS).await.expect(200).text().to_owned();
    // A proxy that has everything below `/api`: what it is asked for is what counts.
    let proxy = Scripted::replying(move |request: &Request| {
        let start = request.head.start();
        if start.starts_with("GET /api/realtime/client.js ") {
            return format!(
                "HTTP/1.1 200 OK\r\nContent-Type: text/javascript\r\nContent-Length: {}\r\n\r\n{script}",
                script.len()
            );
        }
        page("<script src=/api/realtime/client.js></script><script>new restdb('k', {realtime: true})</script>")
    })
    .await;
    let _page = Place::page(&proxy.url()).await;
    eventually("the stream's request", async || {
        (proxy.times("GET /api/realtime?patch=patch ") > 0).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_token_goes_as_bearer_and_a_key_as_x_apikey() {
    let server = Scripted::answering(answer("401 Unauthorized", r#"{"message":"no"}"#)).await;
    let sidecar = Sidecar::start("http://127.0.0.1:1", EVERYTHING).await;
    let mut place = Place::node(&sidecar).await;
    // {"alg":"HS256"}, and one that only looks like a token.
    let token = "eyJhbGciOiJIUzI1NiJ9.e30.c2ln";
    for (number, (credential, field)) in [
        (token, "authorization"),
        ("eyJhIjoxfQ.e30.c2ln", "x-apikey"),
        ("all-key", "x-apikey"),
    ]
    .into_iter()
    .enumerate()
    {
        let url = server.url();
        place
            .run(&format!(
                "new restdb('{credential}', {{ realtime: true, url: '{url}/', retry: 1 }}).on('X', (error) => tell(error.message))"
            ))
            .await;
        assert_eq!(place.told().await, "no");
        let request = server.request(number).await;
        let sent = request.head.field(field).unwrap().to_owned();
        assert!(
            sent == credential || sent == format!("Bearer {credential}"),
            "{sent}"
        );
        assert_eq!(
            request.head.field("authorization").is_some(),
            field == "authorization"
        );
        assert!(
            request
                .head
                .start()
                .starts_with("GET /realtime?patch=patch ")
        );
    }
    // Not one of them came back for more.
    assert_eq!(server.requests().len(), 3);
}
