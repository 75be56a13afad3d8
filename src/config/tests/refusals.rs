//! What is refused, where, and in which words.

use super::{least, load_files, load_text};

/// The rows of a table `TEXT  =>  LINE:KEY WORDS`, in whose text `\n` is a line break.
pub(super) fn rows(table: &str) -> impl Iterator<Item = (String, &str)> {
    table.trim().lines().map(|row| {
        let (text, expected) = row.split_once("  =>  ").unwrap();
        (text.replace("\\n", "\n"), expected)
    })
}

/// Below `listen` and `upstream`: the line, the key and the words of the one thing that is wrong.
pub(super) fn check(rest: &str, expected: &str) {
    refused(&load_text(&least(rest)).unwrap_err(), rest, expected);
}

fn refused(errors: &str, text: &str, expected: &str) {
    let (place, words) = expected.split_once(' ').unwrap_or((expected, ""));
    let (line, key) = place.split_once(':').unwrap();
    let told: Vec<_> = errors
        .lines()
        .filter(|line| line.contains(".yaml:"))
        .collect();
    let [told] = &*told else {
        panic!("not one fault for {text:?}:\n{errors}");
    };
    let (head, problem) = told.split_once(": ").unwrap();
    assert_eq!(head.split(':').nth(1), Some(line), "{text:?}:\n{errors}");
    let (path, problem) = problem.split_once(": ").unwrap_or(("", problem));
    assert_eq!(path, key, "{text:?}:\n{errors}");
    assert!(problem.contains(words), "{text:?}:\n{errors}");
    assert!(errors.ends_with('^'), "no caret for {text:?}:\n{errors}");
}

#[test]
fn a_fault_shows_the_line_and_points_into_it() {
    let errors = load_text(&least(
        "access:\n  keys:\n    - name: web\n      key: secret\n      hear: [\"POST:company\", \"GET:x\"]\n",
    ));
    assert_eq!(
        errors.unwrap_err(),
        "\
tidings.yaml:7:30: access.keys[0].hear[1]: has no method that writes before the colon: expected POST, PUT, PATCH, DELETE or *
  |
7 |       hear: [\"POST:company\", \"GET:x\"]
  |                              ^"
    );
}

#[test]
fn everything_that_is_wrong_is_told_at_once_in_the_order_of_the_files() {
    let files = [
        (
            "tidings.yaml",
            "listen: x\nupstream: ftp://h\ndrain: 0s\naccess: access.yaml\n",
        ),
        (
            "access.yaml",
            "global: maybe\nkeys: [{ name: '', key: '' }]\n",
        ),
    ];
    let errors = load_files(&files, &[]).unwrap_err();
    let told = errors.lines().filter_map(|line| {
        let (file, rest) = line.split_once(".yaml:")?;
        let (_, key) = rest.split_once(": ")?;
        let (key, _) = key.split_once(": ")?;
        Some(format!("{file} {key}"))
    });
    assert_eq!(
        Vec::from_iter(told),
        [
            "tidings listen",
            "tidings upstream",
            "tidings drain",
            "access global",
            "access keys[0].name",
            "access keys[0].key",
        ]
    );
}

#[test]
fn more_faults_than_anyone_reads_are_counted() {
    let hear = "':x', ".repeat(70);
    let text = least(&format!(
        "access: {{ keys: [{{ name: a, key: b, hear: [{hear}] }}] }}"
    ));
    let errors = load_text(&text).unwrap_err();
    assert!(errors.ends_with("and 20 more"), "{errors}");
}

#[test]
fn a_fault_in_each_word_of_a_long_line_is_told_soon() {
    let mut text = least("access: { keys: [{ name: a, key: b, hear: [");
    while text.len() < 1_000_000 {
        text.push_str("':', ");
    }
    let errors = load_text(&(text + "] }] }")).unwrap_err();
    assert!(errors.ends_with(" more"), "{errors}");
    assert!(errors.len() < 50_000);
}

#[test]
fn streams_are_refused() {
    for (stream, expected) in rows(STREAMS) {
        let rest = format!(
            "realtime: {{ restdb: {{}}, streams: [\n\n    {{ {stream} }},\n    {{ path: /last }} ] }}"
        );
        check(&rest, expected);
    }
}

#[test]
fn addresses_are_refused() {
    for (text, expected) in rows(ADDRESSES) {
        refused(&load_text(&text).unwrap_err(), &text, expected);
    }
}

#[test]
fn what_is_out_of_range_is_refused_with_the_range() {
    for (rest, expected) in rows(RANGES) {
        check(&rest, expected);
    }
}

#[test]
fn what_is_no_choice_is_refused_with_the_choices() {
    for (rest, expected) in rows(CHOICES) {
        check(&rest, expected);
    }
}

#[test]
fn paths_are_refused() {
    for (rest, expected) in rows(PATHS) {
        check(&rest, expected);
    }
}

/// One key of `access.keys`, and what is wrong with it.
fn check_key(key: &str, expected: &str) {
    let rest = format!("access:\n  keys:\n    - {{ {key} }}\n    - {{ name: last, key: last }}");
    check(&rest, expected);
}

#[test]
fn keys_are_refused() {
    for (key, expected) in rows(KEYS) {
        check_key(&key, expected);
    }
    check_key(
        "name: a, key: \"b\\n\"",
        "5:access.keys[0].key must be visible ASCII",
    );
    check_key(
        "name: \"a\\nb\", key: b",
        "5:access.keys[0].name must not hold control",
    );
    check(
        "access: { keys: [a] }",
        "3:access.keys[0] expected a table of keys",
    );
    check(
        "access: { keys: { a: b } }",
        "3:access.keys expected a list",
    );
}

#[test]
fn what_no_browser_sends_is_no_origin() {
    for origin in [
        "https://app.example/",
        "https://App.example",
        "HTTPS://app.example",
        "https://app.example:443",
        "http://app.example:80",
        "https://app.example:",
        "https://app.example:0443",
        "https://app.example:70000",
        "https://*.app.example",
        "https://me@app.example",
        "https://[::1",
        "https://[::1]:",
        "https://",
        "app.example",
        "null",
        "",
    ] {
        check(
            &format!("access: {{ origins: ['{origin}'] }}"),
            "3:access.origins[0] is no origin",
        );
        check_key(
            &format!("name: a, key: b, origins: ['{origin}']"),
            "5:access.keys[0].origins[0] is no origin",
        );
    }
    let sound = "['*', 'https://app.example', 'http://localhost:5173', 'http://[::1]:80', 'tauri://localhost']";
    let text = least(&format!("access: {{ origins: {sound} }}"));
    let refused = load_text(&text).unwrap_err();
    assert!(refused.contains("origins[3]: is no origin"), "{refused}");
    load_text(&text.replace(":80'", ":81'")).unwrap();
}

#[test]
fn a_variable_that_is_not_set_is_named() {
    check_key(
        "name: a, key: '${TIDINGS_KEY}'",
        "5:access.keys[0].key needs the environment variable TIDINGS_KEY",
    );
    check_key("name: a, key: '${1}'", "5:access.keys[0].key has a `${`");
    check("drain: ${D:-0s}", "3:drain must be from 1ms to 1h");
}

#[test]
fn what_is_no_yaml_is_refused_where_it_stops() {
    for (rest, expected) in rows(NO_YAML) {
        check(&rest, expected);
    }
    check("access:\n\tglobal: true", "4:access is not YAML");
    let two = load_text("listen: 1.2.3.4:5\nupstream: http://h\n---\ndrain: 1s").unwrap_err();
    assert!(two.contains("more than one YAML document"), "{two}");
}

#[test]
fn what_is_no_text_file_is_refused_as_a_whole() {
    let folder = tempfile::TempDir::new().unwrap();
    let path = folder.path().join("tidings.yaml");
    let load = || super::load(&path, &|_| None, 1).unwrap_err().to_string();
    assert!(
        load().contains("tidings.yaml: cannot be read: No such file"),
        "{}",
        load()
    );
    for (bytes, words) in [
        (Vec::new(), "is empty"),
        (b"# nothing\n".to_vec(), "is empty"),
        (vec![b' '; 10 << 20], "is longer than 1048576 bytes"),
        (vec![0xff, 0xfe, 0x00], "is no text in UTF-8"),
        (vec![0; 4096], "is not YAML: unexpected character"),
        (b"[".repeat(100_000), "is not YAML"),
        (b"{a: ".repeat(200), "is not YAML"),
        (b"a: &a [*a]".to_vec(), "unknown key"),
        (b"- listen".to_vec(), "expected a table of keys"),
    ] {
        std::fs::write(&path, &bytes).unwrap();
        assert!(load().contains(words), "{words}: {}", load());
        assert!(load().len() < 1000, "{}", load());
    }
    std::fs::remove_file(&path).unwrap();
    std::fs::create_dir(&path).unwrap();
    assert!(load().contains("tidings.yaml: is no file"), "{}", load());
}

#[test]
fn an_access_file_that_cannot_be_read_is_the_fault_of_who_names_it() {
    check(
        "access: nowhere.yaml",
        "3:access cannot be read: No such file",
    );
    check("access: ''", "3:access is no file");
    check(
        "access: ${FILE}",
        "3:access needs the environment variable FILE",
    );
    check("access: 7", "3:access expected a text or a table of keys");
    let files = [
        ("tidings.yaml", &*least("access: a.yaml")),
        ("a.yaml", "\nkey: 1\n"),
    ];
    let errors = load_files(&files, &[]).unwrap_err();
    assert!(
        errors.starts_with("a.yaml:2:1: key: unknown key"),
        "{errors}"
    );
}

#[test]
fn a_bomb_of_aliases_is_refused_soon() {
    let mut text = least("access: { keys: &a0 [x, x, x, x, x, x, x, x, x, x] }\n");
    for level in 1..9 {
        let before = format!("*a{}, ", level - 1).repeat(10);
        text.push_str(&format!("x{level}: &a{level} [{before}]\n"));
    }
    assert!(load_text(&text).is_err());
}

/// Whole files.
const ADDRESSES: &str = r#"
upstream: http://h  =>  1:listen is missing
listen: 1.2.3.4:5  =>  1:upstream is missing
listen:\nupstream: http://h  =>  1:listen has no value
listen: [a]\nupstream: http://h  =>  1:listen expected a single value
listen: localhost:8080\nupstream: http://h  =>  1:listen is no address
listen: :8080\nupstream: http://h  =>  1:listen is no address
listen: 1.2.3.4\nupstream: http://h  =>  1:listen is no address
listen: 1.2.3.4:5\nupstream: http://h\nadmin: 1.2.3.4:5  =>  3:admin is that of listen already
listen: 1.2.3.4:5\nupstream: http://h\nadmin: here  =>  3:admin is no address
listen: 1.2.3.4:5\nupstream: h:80  =>  2:upstream must be http:// or https://
listen: 1.2.3.4:5\nupstream: ftp://h  =>  2:upstream must be http:// or https://
listen: 1.2.3.4:5\nupstream: http://  =>  2:upstream is no URL of a host
listen: 1.2.3.4:5\nupstream: 'http://h:'  =>  2:upstream is no URL of a host
listen: 1.2.3.4:5\nupstream: http://h:0  =>  2:upstream is no URL of a host
listen: 1.2.3.4:5\nupstream: http://h:70000  =>  2:upstream is no URL of a host
listen: 1.2.3.4:5\nupstream: http://h:+80  =>  2:upstream is no URL of a host
listen: 1.2.3.4:5\nupstream: http://[::1  =>  2:upstream is no URL of a host
listen: 1.2.3.4:5\nupstream: http://a b  =>  2:upstream is no URL of a host
listen: 1.2.3.4:5\nupstream: http://h/api  =>  2:upstream holds more than a host
listen: 1.2.3.4:5\nupstream: http://h?a  =>  2:upstream holds more than a host
listen: 1.2.3.4:5\nupstream: http://me@h  =>  2:upstream holds more than a host
listen: 1.2.3.4:5\nupstream: http://1.2.3.4:5  =>  2:upstream is the sidecar's own
listen: 0.0.0.0:5\nupstream: http://localhost:5  =>  2:upstream is the sidecar's own
listen: '[::]:5'\nupstream: http://[::1]:5  =>  2:upstream is the sidecar's own
listen: 1.2.3.4:5\nupstream: 12  =>  2:upstream expected a text or a table
listen: 1.2.3.4:5\nupstream: {}  =>  2:upstream.url is missing
listen: 1.2.3.4:5\nupstream: { url: http://h, host: both }  =>  2:upstream.host must be preserve or upstream
listen: 1.2.3.4:5\nupstream: { url: http://h, read_timeout: 0s }  =>  2:upstream.read_timeout must be from 1ms to 1h
listen: 1.2.3.4:5\nupstream: { url: http://h, ca_file: a }  =>  2:upstream.ca_file counts with an https
listen: 1.2.3.4:5\nupstream: { url: https://h, ca_file: nowhere }  =>  2:upstream.ca_file cannot be read
listen: 1.2.3.4:5\nupstream: { url: https://h, ca_file: tidings.yaml }  =>  2:upstream.ca_file has no certificate
"#;

/// Below `listen` and `upstream`.
const RANGES: &str = r#"
drain: 0s  =>  3:drain must be from 1ms to 1h
drain: 61m  =>  3:drain must be from 1ms to 1h
drain: 10  =>  3:drain is no duration
drain: forever  =>  3:drain is no duration
log: { wait: 9ms }  =>  3:log.wait must be from 10ms to 30s
log: { wait: 31s }  =>  3:log.wait must be from 10ms to 30s
log: { wait: soon }  =>  3:log.wait is no duration
log: { keep: { events: 0 } }  =>  3:log.keep.events must be from 1 to
log: { keep: { bytes: 1 } }  =>  3:log.keep.bytes must be from 1KiB to 64GiB
log: { keep: { age: 721h } }  =>  3:log.keep.age must be from 1ms to 720h
realtime: { restdb: { ping_interval: 21s } }  =>  3:realtime.restdb.ping_interval must be from 1s to 20s
realtime: { restdb: { publish_body: 2MiB } }  =>  3:realtime.restdb.publish_body must be from 1 to 1MiB
"#;

/// Below `listen` and `upstream`.
const CHOICES: &str = r#"
log: { level: replicated }  =>  3:log.level is not in this version: use memory, process or disk
log: { level: replicated, dir: log }  =>  3:log.level is not in this version
log:\n  level: ram  =>  4:log.level must be memory, process or disk
log:\n  level: ram\n  dir: log  =>  4:log.level must be memory, process or disk
log:\n  wait: 1s\n  level: disk  =>  5:log.level disk needs log.dir: a directory of this sidecar's own
log: { level: process }  =>  3:log.level process needs log.dir: a directory
log: { level: disk, dir: . }  =>  3:log.dir is the configuration's own directory
log: { level: disk, dir: ./// }  =>  3:log.dir is the configuration's own directory
log: { level: disk, dir: '' }  =>  3:log.dir is empty
log:\n  dir: log  =>  4:log.dir has no effect at level memory, where the log ends with the process
log:\n  level: memory\n  dir: log  =>  5:log.dir has no effect at level memory
log: { on_failure: stop }  =>  3:log.on_failure must be release or refuse
logging: { level: loud }  =>  3:logging.level must be error, warn, info, debug or trace
logging: { format: xml }  =>  3:logging.format must be auto, human or json
realtime: { restdb: { patch: post } }  =>  3:realtime.restdb.patch must be put or patch
observe: { preset: django }  =>  3:observe.preset must be drf, json-server, kinto, pocketbase, rest or restdb
access: { global: yes }  =>  3:access.global must be true or false
"#;

/// Below `listen` and `upstream`.
const PATHS: &str = r#"
observe: { prefix: /api }  =>  3:observe.prefix goes with `preset`
observe: { preset: rest, prefix: api }  =>  3:observe.prefix must start with `/`
observe: { preset: rest, prefix: /api/ }  =>  3:observe.prefix must start with `/`
observe: { preset: rest, prefix: /a//b }  =>  3:observe.prefix must start with `/`
observe: { preset: rest, prefix: /a/../b }  =>  3:observe.prefix must start with `/`
observe: { preset: rest, prefix: / }  =>  3:observe.prefix must start with `/`
observe: { preset: rest, prefix: '/{a}' }  =>  3:observe.prefix must start with `/`
observe: { rules: [{ path: '/{collection}', alias: /a }] }  =>  3:observe.rules[0].alias stands alone
observe: { rules: [{ path: '/{collection}', collection: a }] }  =>  3:observe.rules[0].collection must start with `/`
observe: { rules: [{ path: '/{collection}', partial: [''] }] }  =>  3:observe.rules[0].partial[0] is empty
observe: { rules: [{ path: '/{collection}', conceal: [{ part: /a }] }] }  =>  3:observe.rules[0].conceal[0].unless is missing
observe: { rules: [{ path: '/{collection}', read: { record: /a } }] }  =>  3:observe.rules[0].read.record is no target
observe: { rules: [{ path: '/{collection}', read: { record: '/a/{id}', list: '/a#{id}' } }] }  =>  3:observe.rules[0].read.list is no target
observe: { rules: [{ path: '/{collection}', read: { record: '/a/{id}', expand: 'a=b' } }] }  =>  3:observe.rules[0].read.expand is no name of a parameter
observe: { batches: [{ path: batch }] }  =>  3:observe.batches[0].path must start with `/`
observe: { batches: [{ path: /batch, form: '' }] }  =>  3:observe.batches[0].form is empty
observe: { batches: [{ path: /batch, url: url }] }  =>  3:observe.batches[0].url must start with `/`
observe: { ignore: [/a, b] }  =>  3:observe.ignore[1] must start with `/`
observe: { ignore: /a }  =>  3:observe.ignore expected a list
observe: { redact: [a] }  =>  3:observe.redact[0] must start with `/`
observe: { redact: [''] }  =>  3:observe.redact[0] is empty
observe: { collections: [a, ''] }  =>  3:observe.collections[1] is empty
observe: { rules: [{}] }  =>  3:observe.rules[0].path is missing
observe: { rules: [{ path: /a }] }  =>  3:observe.rules[0].path names no collection
observe: { rules: [{ path: 'regex:(' }] }  =>  3:observe.rules[0].path is no regular expression
observe:\n  rules:\n    - path: /{collection}\n      id: [x]  =>  6:observe.rules[0].id[0] must start with `/`
observe: { rules: [{ path: '/{collection}', record: x }] }  =>  3:observe.rules[0].record must start with `/`
observe: { rules: [{ path: '/{collection}', methods: [GET] }] }  =>  3:observe.rules[0].methods[0] is no method that writes
observe: { rules: [{ path: '/{collection}', methods: [] }] }  =>  3:observe.rules[0].methods must not be empty
observe: { rules: [{ path: '/{collection}', success: [] }] }  =>  3:observe.rules[0].success must not be empty
observe: { rules: [{ path: '/{collection}', success: [299-200] }] }  =>  3:observe.rules[0].success[0] is no status
observe: { rules: [{ path: '/{collection}', success: [100] }] }  =>  3:observe.rules[0].success[0] is no status
observe: { rules: [{ path: '/{collection}', success: [2xx] }] }  =>  3:observe.rules[0].success[0] is no status
observe: { rules: [{ path: '/{collection}', case: lower }] }  =>  3:observe.rules[0].case must be any or exact
realtime: { restdb: { path: realtime } }  =>  3:realtime.restdb.path must start with `/`
realtime: { restdb: { path: '' } }  =>  3:realtime.restdb.path must start with `/`
realtime: { restdb: { path: /a b } }  =>  3:realtime.restdb.path must start with `/`
realtime: { restdb: { path: '/a?b' } }  =>  3:realtime.restdb.path must start with `/`
realtime: { restdb: { path: '/%41' } }  =>  3:realtime.restdb.path must start with `/`
realtime: { restdb: { path: '/{a}' } }  =>  3:realtime.restdb.path must start with `/`
realtime: { restdb: { path: /ä } }  =>  3:realtime.restdb.path must start with `/`
realtime: { restdb: { client: client } }  =>  3:realtime.restdb.client must start with `/`
realtime: { restdb: { client: false } }  =>  3:realtime.restdb.client must start with `/`
realtime: { restdb: { jsapi: 'off' } }  =>  3:realtime.restdb.jsapi must start with `/`
realtime: { restdb: { path: /a.js, client: /a } }  =>  3:realtime.restdb.client is that of realtime.restdb.path already
realtime: { restdb: { path: /a.d.ts, client: /a } }  =>  3:realtime.restdb.client is that of realtime.restdb.path already
realtime: { restdb: { jsapi: /realtime } }  =>  3:realtime.restdb.jsapi is that of realtime.restdb.path already
realtime: { restdb: { jsapi: /realtime/client.js } }  =>  3:realtime.restdb.jsapi is that of realtime.restdb.client already
realtime: { restdb: , pocketbase: { path: /realtime } }  =>  3:realtime.pocketbase.path is that of realtime.restdb already
realtime: { pocketbase: { path: x } }  =>  3:realtime.pocketbase.path must start with `/`
realtime: { pocketbase: { answered_by: nobody } }  =>  3:realtime.pocketbase.answered_by must be tidings or upstream
realtime: { pocketbase: { idle: 0s } }  =>  3:realtime.pocketbase.idle must be from 1s to 24h
realtime: { pocketbase: { missed: 6m } }  =>  3:realtime.pocketbase.missed must be from 0ms to 5m
realtime: { pocketbase: , streams: [ { path: /api/realtime } ] }  =>  3:realtime.streams[0].path is that of realtime.pocketbase.path already
realtime: { restdb: { client: /c, jsapi: /c.mjs } }  =>  3:realtime.restdb.jsapi is that of realtime.restdb.client already
"#;

/// One entry of `realtime.streams`, before one of the path `/last`.
const STREAMS: &str = r#"
access: open  =>  5:realtime.streams[0].path is missing
path: api  =>  5:realtime.streams[0].path must start with `/`
path: /a?b  =>  5:realtime.streams[0].path must start with `/`
path: /realtime  =>  5:realtime.streams[0].path is that of realtime.restdb.path already
path: /realtime/client.mjs  =>  5:realtime.streams[0].path is that of realtime.restdb.client already
path: /last  =>  6:realtime.streams[1].path is that of realtime.streams[0] already
path: /a, access: public  =>  5:realtime.streams[0].access must be grant or open
path: /a, access: open  =>  5:realtime.streams[0].access open needs `events`
path: /a, events: [GET:a]  =>  5:realtime.streams[0].events[0] has no method that writes
path: /a, events: ['']  =>  5:realtime.streams[0].events[0] is empty
path: /a, events: GOAL  =>  5:realtime.streams[0].events expected a list
path: /a, name: '{verb}'  =>  5:realtime.streams[0].name has a {word} that is not known in a name: expected {action},
path: /a, name: '{record}'  =>  5:realtime.streams[0].name has a {word} that is not known in a name
path: /a, name: "a\u0000"  =>  5:realtime.streams[0].name must not hold control characters
path: /a, name: gap  =>  5:realtime.streams[0].name is a name of the stream's own
path: /a, name: beat, heartbeat: { name: beat }  =>  5:realtime.streams[0].name is that of heartbeat.name already
path: /a, data: ''  =>  5:realtime.streams[0].data must be event, record, id or cloudevents, or JSON with {words} in it, as {"id":{id}}
path: /a, data: evnt  =>  5:realtime.streams[0].data must be event, record, id or cloudevents
path: /a, data: '{"id":"{id}"}'  =>  5:realtime.streams[0].data does not come to JSON: each {word} is a JSON value already
path: /a, data: '{"id":{ID}}'  =>  5:realtime.streams[0].data has a {word} that is not known: expected {action},
path: /a, data: '{"id":{id}'  =>  5:realtime.streams[0].data does not come to JSON
path: /a, source: /b  =>  5:realtime.streams[0].source counts with `data: cloudevents` alone
path: /a, data: id, type: b  =>  5:realtime.streams[0].type counts with `data: cloudevents` alone
path: /a, data: cloudevents, source: a b  =>  5:realtime.streams[0].source is no URI reference
path: /a, data: cloudevents, source: ''  =>  5:realtime.streams[0].source is no URI reference
path: /a, data: cloudevents, source: '/%4'  =>  5:realtime.streams[0].source is no URI reference
path: /a, data: cloudevents, type: '{collection}'  =>  5:realtime.streams[0].type may come to nothing
path: /a, data: cloudevents, type: ''  =>  5:realtime.streams[0].type may come to nothing
path: /a, data: cloudevents, type: '{a}'  =>  5:realtime.streams[0].type has a {word} that is not known
path: /a, heartbeat: { every: 500ms }  =>  5:realtime.streams[0].heartbeat.every must be from 1s to 1h
path: /a, heartbeat: { every: 61m }  =>  5:realtime.streams[0].heartbeat.every must be from 1s to 1h
path: /a, heartbeat: { name: uncertain }  =>  5:realtime.streams[0].heartbeat.name is a name of the stream's own
path: /a, heartbeat: { name: "a\tb" }  =>  5:realtime.streams[0].heartbeat.name must not hold control characters
path: /a, heartbeat: { period: 1s }  =>  5:realtime.streams[0].heartbeat.period unknown key "period": the keys here are name, data, every
path: /a, retry: 1s  =>  5:realtime.streams[0].retry unknown key "retry": the keys here are path, access, events, name, data, source, type, heartbeat
"#;

/// One entry of `access.keys`.
const KEYS: &str = r#"
name: a  =>  5:access.keys[0].key is missing
key: a  =>  5:access.keys[0].name is missing
name: a, key: ''  =>  5:access.keys[0].key is empty
name: a, key:   =>  5:access.keys[0].key has no value
name: a, key: 'b c'  =>  5:access.keys[0].key must be visible ASCII
name: a, key: ü  =>  5:access.keys[0].key must be visible ASCII
name: '', key: b  =>  5:access.keys[0].name is empty
name: last, key: b  =>  6:access.keys[1].name is that of keys[0] already
name: a, key: last  =>  6:access.keys[1].key is that of keys[0] already
name: a, key: b, hear: [GET:a]  =>  5:access.keys[0].hear[0] has no method that writes
name: a, key: b, hear: [A, 'POST:']  =>  5:access.keys[0].hear[1] is empty
name: a, key: b, hear: A  =>  5:access.keys[0].hear expected a list
name: a, key: b, publish: ['POST:a']  =>  5:access.keys[0].publish[0] names writes
name: a, key: b, publish: ['*:*']  =>  5:access.keys[0].publish[0] names writes
name: a, key: b, publish: [GOAL, Put]  =>  5:access.keys[0].publish[1] is reserved
name: a, key: b, publish: [UNCERTAIN]  =>  5:access.keys[0].publish[0] is reserved
name: a, key: b, kye: c  =>  5:access.keys[0].kye unknown key "kye" (did you mean `key`?): the keys here are name, key, hear, publish, superuser, origins
"#;

/// Below `listen` and `upstream`.
const NO_YAML: &str = r#"
drain: 1s\ndrain: 2s  =>  4:drain is written twice
colour: red  =>  3:colour unknown key "colour": the keys here are listen, upstream, admin
limits: { heads: 1KiB }  =>  3:limits.heads unknown key "heads" (did you mean `head`?): the keys here are streams, streams_per_key,
limits: 7  =>  3:limits expected a table of keys
limits: { head: 1KiB  =>  3:limits is not YAML
drain: a: b  =>  3:drain is not YAML
access: { origins: ['a }  =>  3:access.origins is not YAML
drain: *unknown  =>  3:drain is not YAML
"#;
