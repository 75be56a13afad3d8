//! Configurations as an operator writes them, and what comes of each.

mod admin;
mod identity;
mod jwt;
mod limits;
mod nearest;
mod overrides;
mod presets;
mod proxies;
mod refusals;
mod rules;
mod secrets;

use std::fs;
use std::path::Path;

use jiff::Timestamp;
use tempfile::TempDir;

use super::*;
use crate::access::{Credential, Scope, Secret};
use crate::dialect::plain::{
    CloudEvent, Data, Heartbeat, JsonTemplate, LineTemplate, Options as Stream,
};
use crate::dialect::restdb::Options;

/// A directory with these files, and what loading its `tidings.yaml` comes to.
fn load_files(files: &[(&str, &str)], env: &[(&str, &str)]) -> Result<Snapshot, String> {
    let folder = TempDir::new().unwrap();
    for (name, text) in files {
        fs::write(folder.path().join(name), text).unwrap();
    }
    let env = |name: &str| {
        let found = env.iter().find(|(own, _)| *own == name);
        found.map(|(_, value)| (*value).to_owned())
    };
    let loaded = load(&folder.path().join("tidings.yaml"), &env, 1);
    let prefix = format!("{}/", folder.path().display());
    loaded.map_err(|errors| errors.to_string().replace(&prefix, ""))
}

fn load_text(text: &str) -> Result<Snapshot, String> {
    load_files(&[("tidings.yaml", text)], &[])
}

/// The least that is a configuration, and `rest` below it.
fn least(rest: &str) -> String {
    format!("listen: 0.0.0.0:8080\nupstream: http://127.0.0.1:3000\n{rest}")
}

fn shipped(name: &str) -> Snapshot {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("config")
        .join(name);
    load(&path, &|_| None, 1).unwrap_or_else(|errors| panic!("{errors}"))
}

#[test]
fn the_least_configuration_takes_every_default() {
    let snapshot = load_text(&least("")).unwrap();
    assert_eq!(snapshot.generation, 1);
    assert_eq!(snapshot.listen, "0.0.0.0:8080".parse().unwrap());
    assert_eq!(snapshot.admin, None);
    assert_eq!(snapshot.upstream.authority(), "127.0.0.1:3000");
    assert!(!snapshot.upstream.tls);
    assert!(snapshot.observe.rules.is_empty());
    assert_eq!(snapshot.realtime.restdb, None);
    assert_eq!(snapshot.log, Log::default());
    assert_eq!(snapshot.limits, Limits::default());
    assert_eq!(snapshot.logging, Logging::default());
    assert_eq!(snapshot.drain, Duration::from_secs(10));
    assert!(!snapshot.access.global);
    assert!(snapshot.access.keys.is_empty());
}

#[test]
fn the_reference_says_the_defaults() {
    let reference = shipped("reference.yaml");
    let least = load_text(&least("realtime: { restdb: , pocketbase: }")).unwrap();
    assert_eq!(reference.listen, least.listen);
    assert_eq!(reference.upstream, least.upstream);
    assert_eq!(reference.realtime, least.realtime);
    assert_eq!(reference.realtime.restdb, Some(Options::default()));
    assert_eq!(reference.log, least.log);
    assert_eq!(reference.logging, least.logging);
    assert_eq!(reference.limits, least.limits);
    assert_eq!(reference.drain, least.drain);
    assert_eq!(reference.access.global, least.access.global);
    let with_rule = load_text(&self::least(
        "observe: { rules: [{ path: '/api/v2/{collection}/{id?}' }] }",
    ));
    let rule = |snapshot: &Snapshot| format!("{:?}", snapshot.observe.rules[0]);
    assert_eq!(rule(&reference), rule(&with_rule.unwrap()));
}

#[test]
fn the_javascript_client_is_beside_its_stream_or_where_it_is_put() {
    for (options, expected) in [
        (
            "",
            "/realtime/client.js /realtime/client.mjs /realtime/client.d.ts",
        ),
        (
            "path: /live",
            "/live/client.js /live/client.mjs /live/client.d.ts",
        ),
        ("path: /", "/client.js /client.mjs /client.d.ts"),
        ("client: /lib/rt", "/lib/rt.js /lib/rt.mjs /lib/rt.d.ts"),
        ("client: off", ""),
        ("client: off, jsapi: /rest/_jsapi.js", "/rest/_jsapi.js"),
        ("client: /c, jsapi: /j", "/c.js /c.mjs /c.d.ts /j"),
    ] {
        let text = least(&format!("realtime: {{ restdb: {{ {options} }} }}"));
        let restdb = load_text(&text).unwrap().realtime.restdb.clone().unwrap();
        let paths = Vec::from_iter(restdb.client.paths()).join(" ");
        assert_eq!(paths, expected, "{options}");
        for path in restdb.client.paths().chain([&*restdb.path]) {
            assert!(restdb.answers(path), "{path}");
        }
        assert!(!restdb.answers("/posts"));
    }
}

/// The one stream that this comes to.
fn stream(text: &str) -> Stream {
    let text = least(&format!(
        "realtime: {{ streams: [{{ path: /s, {text} }}] }}"
    ));
    let realtime = &load_text(&text).unwrap().realtime;
    assert_eq!(realtime.restdb, None);
    assert_eq!(realtime.streams.len(), 1);
    Stream::clone(&realtime.streams[0])
}

#[test]
fn a_stream_takes_every_default() {
    let patterns = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect();
    let default = Stream {
        path: "/s".into(),
        scope: Scope::Granted(patterns(&["*:*", "*"])),
        name: LineTemplate::default(),
        data: Data::Event,
        heartbeat: None,
    };
    assert_eq!(stream(""), default);
    let heartbeat = Heartbeat {
        name: "heartbeat".into(),
        data: "OK".into(),
        every: Duration::from_secs(15),
    };
    for written in ["heartbeat:", "heartbeat: {}"] {
        assert_eq!(stream(written).heartbeat, Some(heartbeat.clone()));
    }
    let open = stream("access: open, events: ['*:company', GOAL]");
    assert_eq!(open.scope, Scope::Anyone(patterns(&["*:company", "GOAL"])));
    assert_eq!(stream("events: []").scope, Scope::Granted(patterns(&[])));
    let cloudevent = CloudEvent {
        source: "/s".into(),
        kind: LineTemplate::new("tidings.{event}").unwrap(),
    };
    assert_eq!(
        stream("data: cloudevents").data,
        Data::CloudEvent(cloudevent)
    );
}

#[test]
fn a_stream_is_as_it_is_written() {
    let written = stream(
        "name: '{collection}.{action}', data: '{\"id\":{id}}', heartbeat: { name: '', data: 1, every: 1h }",
    );
    assert_eq!(written.name.to_string(), "{collection}.{action}");
    let template = JsonTemplate::new(r#"{"id":{id}}"#).unwrap();
    assert_eq!(written.data, Data::Template(template));
    let heartbeat = Heartbeat {
        name: "".into(),
        data: "1".into(),
        every: Duration::from_secs(3600),
    };
    assert_eq!(written.heartbeat, Some(heartbeat));
    assert_eq!(stream("data: record").data, Data::Record);
    assert_eq!(stream("data: id").data, Data::Id);
    for constant in ["true", "1", "[]"] {
        let template = JsonTemplate::new(constant).unwrap();
        assert_eq!(
            stream(&format!("data: '{constant}'")).data,
            Data::Template(template)
        );
    }
}

#[test]
fn the_reference_names_every_key() {
    let text = include_str!("../../config/reference.yaml");
    for path in outline::shown::SHOWN.iter().chain(&["access.keys.key"]) {
        let key = path.rsplit('.').next().unwrap();
        let said = text.lines().any(|line| {
            let line = line.trim_start_matches([' ', '#', '-']);
            line.strip_prefix(key)
                .is_some_and(|rest| rest.starts_with(':'))
        });
        assert!(said, "{path}");
    }
}

#[test]
fn the_minimal_configuration_is_short_and_observes_json_server() {
    assert!(include_str!("../../config/minimal.yaml").lines().count() <= 12);
    let snapshot = shipped("minimal.yaml");
    assert!(snapshot.observe.target("POST", "/posts").is_some());
    assert!(snapshot.observe.target("POST", "/auth/login").is_none());
    assert_eq!(snapshot.realtime.restdb, Some(Options::default()));
    let key = Credential {
        key: Some(Secret::new("dev-key")),
        ..Credential::default()
    };
    assert!(snapshot.access.grant(&key, Timestamp::UNIX_EPOCH).is_ok());
}

#[test]
fn every_preset_compiles_behind_a_prefix_too() {
    for name in crate::observe::preset::NAMES {
        let section = format!("observe: {{ preset: {name}, prefix: /api/v1 }}");
        let snapshot = load_text(&least(&section)).unwrap();
        let target = |path: &str| snapshot.observe.target("POST", path);
        let records = match *name {
            "kinto" => "/api/v1/v1/buckets/blog/collections/posts/records",
            "pocketbase" => "/api/v1/api/collections/posts/records",
            "restdb" => "/api/v1/rest/posts",
            _ => "/api/v1/posts",
        };
        let collection = target(records).unwrap().collection().to_owned();
        assert!(matches!(&*collection, "posts" | "blog/posts"), "{name}");
        assert!(target(&records.replace("/api/v1", "")).is_none(), "{name}");
        assert!(target("/posts").is_none(), "{name}");
        assert!(target("/api/v1/auth/login").is_none(), "{name}");
    }
}

#[test]
fn a_collection_with_capitals_has_the_rule_that_the_preset_names() {
    let snapshot = load_text(&least(
        "observe: { preset: json-server, rules: [{ path: 'regex:/(?<collection>Posts)(/(?<id>[^/]+))?', case: exact }] }",
    ))
    .unwrap();
    let told = |path| {
        let target = snapshot.observe.target("PUT", path).unwrap();
        (target.collection().to_owned(), target.is_exact())
    };
    assert_eq!(told("/Posts/1"), ("Posts".to_owned(), true));
    assert_eq!(told("/POSTS/1"), ("posts".to_owned(), false));
    assert_eq!(told("/posts/1"), ("posts".to_owned(), true));
}

#[test]
fn own_rules_come_before_those_of_the_preset() {
    let snapshot = load_text(&least(
        "observe: { preset: rest, rules: [{ path: '/a/{x}/{collection}' }, { path: 'regex:/b-(?<collection>.*)' }] }",
    ))
    .unwrap();
    let collection = |path| {
        Some(
            snapshot
                .observe
                .target("POST", path)?
                .collection()
                .to_owned(),
        )
    };
    assert_eq!(collection("/a/b/c").as_deref(), Some("c"));
    assert_eq!(collection("/b-c").as_deref(), Some("c"));
    assert_eq!(collection("/posts").as_deref(), Some("posts"));
}

#[test]
fn every_value_can_come_from_the_environment_and_stays_one_value() {
    let text = "
listen: ${LISTEN}
upstream: http://${HOST}:3000
limits: { streams: '${STREAMS}' }
access: { global: '${GLOBAL:-false}', keys: [{ name: web, key: \"${KEY}\", hear: ['${HEAR}'] }] }
";
    let env = [
        ("LISTEN", "127.0.0.1:1"),
        ("HOST", "api"),
        ("STREAMS", "7"),
        ("KEY", "a\"},{name:x,key:#y"),
        ("HEAR", "A], publish [B"),
    ];
    let snapshot = load_files(&[("tidings.yaml", text)], &env).unwrap();
    assert_eq!(snapshot.listen, "127.0.0.1:1".parse().unwrap());
    assert_eq!(&*snapshot.upstream.host, "api");
    assert_eq!(snapshot.limits.streams, 7);
    let [key] = &*snapshot.access.keys else {
        panic!("{:?}", snapshot.access.keys);
    };
    assert_eq!(key.secret, Secret::new("a\"},{name:x,key:#y"));
    assert_eq!(key.hear[0].to_string(), "A], publish [B");
    assert!(key.publish.is_empty());
}

#[test]
fn access_may_stand_in_a_file_of_its_own() {
    let access = "keys:\n  - { name: web, key: abc, hear: [GOAL] }\n";
    let files = [
        ("tidings.yaml", &*least("access: access.yaml")),
        ("access.yaml", access),
    ];
    let snapshot = load_files(&files, &[]).unwrap();
    assert_eq!(&*snapshot.access.keys[0].name, "web");
}

#[test]
fn an_upstream_is_read_with_its_port() {
    for (url, tls, authority) in [
        ("http://api", false, "api"),
        ("http://api/", false, "api"),
        ("http://api:81", false, "api:81"),
        ("https://api.example", true, "api.example"),
        ("https://api.example:80", true, "api.example:80"),
        ("http://[::1]:3000", false, "[::1]:3000"),
        ("https://[fe80::1]", true, "[fe80::1]"),
    ] {
        let text = format!("listen: 127.0.0.1:8080\nupstream: {{ url: \"{url}\" }}");
        let snapshot = load_text(&text).unwrap();
        assert_eq!(snapshot.upstream.tls, tls, "{url}");
        assert_eq!(snapshot.upstream.authority(), authority, "{url}");
    }
}

#[test]
fn a_reload_keeps_what_counts_at_the_start() {
    let old = load_text(&least("")).unwrap();
    let new =
        load_text("listen: 0.0.0.0:9090\nupstream: http://other\nadmin: 127.0.0.1:1\ndrain: 1s")
            .unwrap();
    assert_eq!(old.needs_restart(&old), Vec::<&str>::new());
    assert_eq!(old.needs_restart(&new), ["listen", "admin"]);
    let adopted = old.adopt(new);
    assert_eq!(adopted.generation, 2);
    assert_eq!(adopted.listen, old.listen);
    assert_eq!(adopted.admin, None);
    assert_eq!(&*adopted.upstream.host, "other");
    assert_eq!(adopted.drain, Duration::from_secs(1));
}

#[test]
fn a_reload_moves_no_log_and_changes_how_it_is_run() {
    let old = load_text(&least("log: { level: process, dir: /log }")).unwrap();
    let new = load_text(&least(
        "log: { level: disk, dir: /other, wait: 1s, on_failure: refuse, keep: { events: 7 } }",
    ))
    .unwrap();
    assert_eq!(old.needs_restart(&new), ["log.level", "log.dir"]);
    let adopted = old.adopt(new).log;
    let expected = Log {
        level: Level::Process,
        dir: Some("/log".into()),
        wait: Duration::from_secs(1),
        on_failure: OnFailure::Refuse,
        keep: Keep {
            events: 7,
            ..Keep::default()
        },
    };
    assert_eq!(adopted, expected);
    let reloads = load_text(&least(
        "log: { level: process, dir: /log, wait: 30s, on_failure: refuse, keep: { age: 2h } }",
    ));
    assert_eq!(old.needs_restart(&reloads.unwrap()), Vec::<&str>::new());
}

#[test]
fn a_log_lies_beside_its_configuration_unless_its_path_is_absolute() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("tidings.yaml");
    for (written, dir) in [
        ("log", folder.path().join("log")),
        ("a/log", folder.path().join("a/log")),
        ("/var/lib/tidings", "/var/lib/tidings".into()),
        ("${DIR}", folder.path().join("from-outside")),
    ] {
        for level in [Level::Process, Level::Disk] {
            let name = level.as_str();
            let section = format!("log: {{ level: {name}, dir: '{written}' }}");
            fs::write(&path, least(&section)).unwrap();
            let env = |name: &str| (name == "DIR").then(|| "from-outside".to_owned());
            let log = load(&path, &env, 1).unwrap().log;
            assert_eq!((log.level, log.dir.as_ref()), (level, Some(&dir)));
            // It is who starts that makes it.
            assert!(!folder.path().join(written).exists(), "{written}");
        }
    }
}

#[test]
fn anchors_and_merges_are_read() {
    let snapshot = load_text(&least(
        "access: { keys: [ &web { name: a, key: k, hear: [X] }, { <<: *web, name: b, key: l } ] }",
    ))
    .unwrap();
    assert_eq!(snapshot.access.keys[1].hear[0].to_string(), "X");
}
