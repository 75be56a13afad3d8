use super::*;

fn described(text: &str) -> String {
    let folder = tempfile::TempDir::new().unwrap();
    let path = folder.path().join("tidings.yaml");
    std::fs::write(&path, text).unwrap();
    describe(&crate::config::load(&path, &|_| None, 1).unwrap())
}

#[test]
fn what_was_understood_is_said_in_words() {
    let text = "
listen: 0.0.0.0:8080
upstream: https://api.example
admin: 127.0.0.1:9901
observe:
  ignore: [/auth/**]
  redact: [/password]
  collections: [posts]
  rules:
    - { path: '/api/{collection}/{id?}', id: [/id, /data/id], record: /data, methods: [POST, PUT], success: [200-299, 303] }
    - { path: 'regex:/odata/(?<collection>.+)' }
realtime: { restdb: }
access:
  origins: ['https://app.example']
  keys:
    - { name: web, key: s3cr3t, hear: ['POST:posts', GOAL], publish: [GOAL], origins: ['*'] }
    - { name: idle, key: s3cr3t-2 }
";
    let expected = "\
listen    0.0.0.0:8080
upstream  https://api.example
          connects within 5s, silent for 1m at most, takes bytes within 1m
          is sent the client's Host
admin     127.0.0.1:9901
observe   2 rules, the first that matches decides
          1. /api/{collection}/{id?}
             on POST, PUT with 200-299, 303
             record: /data, id: /id, /data/id
             POST /api/posts is told as POST:posts
             PUT /api/posts/1 is told as PUT:posts of 1
          2. regex:/odata/(?<collection>.+)
             on POST, PUT, PATCH, DELETE with 200-299
             record: the answer, id: /id
          ignored: /auth/**
          redacted: /password
          16MiB of records are remembered for deletes
          only the collections: posts
realtime  RestDB at /realtime, a ping every 10s, a PATCH told as put, publishes to 64KiB, 1000/s a key
          its JavaScript client at /realtime/client.js, /realtime/client.mjs, /realtime/client.d.ts
access    by key
          origins: https://app.example
          key web
            hears POST:posts, GOAL
            publishes GOAL
            from pages of *
          key idle
            hears nothing
            publishes nothing
log       memory, keeps 10000 events, 64MiB of them, 1h long
limits    20000 streams, 32KiB of a request's head within 10s, 1MiB of a body observed, 256MiB of all
          10000 connections, each idle for 75s
logging   info and worse, auto
drain     10s
warning   key web: any page may use it
warning   key idle: may neither hear nor publish
";
    assert_eq!(described(text), expected);
}

#[test]
fn streams_of_ones_own_are_said_and_warned_of_where_they_are_open() {
    let text = r#"
listen: 0.0.0.0:8080
upstream: http://h
realtime:
  streams:
    - { path: /a, events: ["*:posts"], name: "{event}", data: id, heartbeat: { every: 2m } }
    - { path: /b, access: open, events: [GOAL], data: cloudevents }
    - { path: /c, events: [], data: '{"id":{id}}', heartbeat: { name: "" } }
    - { path: /d, access: open, events: [] }
"#;
    let described = described(text);
    for expected in [
        "\
realtime  without RestDB's
          stream /a
            tells *:posts, as far as a key or token may hear it
            as {event}, the id
            and heartbeat every 2m
          stream /b
            tells anyone GOAL
            as message, a CloudEvent of /b, typed tidings.{event}
            and a comment every 15s
          stream /c
            tells nothing, as far as a key or token may hear it
            as message, {\"id\":{id}}
            and message every 15s
          stream /d
            tells anyone nothing
            as message, the whole event
            and a comment every 15s
",
        "\
warning   no key may hear anything
warning   stream /b: access: open: anyone hears GOAL, without a key and from any page
warning   stream /d: tells nothing: name `events` or a `heartbeat`
",
    ] {
        assert!(described.contains(expected), "{described}");
    }
    assert!(!described.contains("nobody can listen"), "{described}");
}

#[test]
fn a_log_in_files_says_where_it_is_and_what_its_failure_does() {
    for (section, expected) in [
        (
            "level: disk, dir: /var/lib/tidings, keep: { age: 24h }",
            "\
log       disk, keeps 10000 events, 64MiB of them, 24h long
          is in /var/lib/tidings
          holds an answer for 5s at most
          while it has failed, answers go on and events are in memory
limits",
        ),
        (
            "level: process, dir: /log, wait: 500ms, on_failure: refuse",
            "\
log       process, keeps 10000 events, 64MiB of them, 1h long
          is in /log
          holds an answer for 500ms at most
          while it has failed, observed writes and publishes are refused
limits",
        ),
    ] {
        let least = "listen: 0.0.0.0:8080\nupstream: http://127.0.0.1:3000\n";
        let said = described(&format!("{least}log: {{ {section} }}"));
        assert!(said.contains(expected), "{said}");
    }
}

#[test]
fn a_rule_in_any_case_says_so_and_what_it_makes_of_capitals() {
    let said = described(
        "{ listen: 0.0.0.0:8080, upstream: http://127.0.0.1:3000,
            observe: { preset: json-server, collections: [Posts] } }",
    );
    for line in [
        "2. /{collection}/{id?}, in any case\n",
        "PUT /Posts/1 is told as PUT:Posts of 1\n",
    ] {
        assert!(said.contains(line), "{said}");
    }
}

#[test]
fn where_a_request_may_be_another_method_is_said() {
    let said = |observe: &str| {
        let least = "listen: 0.0.0.0:8080, upstream: http://127.0.0.1:3000";
        described(&format!("{{ {least}, observe: {observe} }}"))
    };
    let everywhere = "{ preset: rest, method_override: { headers: [X-Method-Override], query: _m, body: _method } }";
    for (observe, places) in [
        (
            "{ preset: json-server }",
            "the field x-http-method-override\n",
        ),
        (
            everywhere,
            "the field x-method-override, ?_m=, _method in its body\n",
        ),
    ] {
        let line = format!("a POST may say that it is another method: {places}");
        assert!(said(observe).contains(&line), "{}", said(observe));
    }
    assert!(!said("{ preset: rest }").contains("another method"));
}

#[test]
fn what_is_seldom_meant_is_warned_of() {
    let least = "listen: 0.0.0.0:8080\nupstream: http://127.0.0.1:3000\n";
    for (section, warning) in [
        ("", "nothing is observed: name"),
        (
            "observe: { preset: rest, collections: [] }",
            "nothing is observed: `observe.collections`",
        ),
        ("", "nobody can listen"),
        (
            "access: { global: true }",
            "global: true: anyone hears everything",
        ),
        ("", "no key may hear anything"),
        (
            "access: { keys: [{ name: a, key: b, publish: [X] }] }",
            "no key may hear anything",
        ),
        ("access: { origins: ['*'] }", "origins: any page"),
        ("log: { on_failure: refuse }", "log.on_failure: refuse"),
    ] {
        let said = described(&format!("{least}{section}"));
        assert!(
            said.contains(&format!("warning   {warning}")),
            "{section}:\n{said}"
        );
    }
}

#[test]
fn a_configuration_that_is_all_right_has_no_warning() {
    let minimal = include_str!("../../../config/minimal.yaml");
    let said = described(minimal);
    assert!(!said.contains("warning"), "{said}");
}
