//! A secret is in no error, no description and no debug output, whatever is wrong with the file.

use super::{describe, least, load_files};

/// Looks like what key generators make.
const MARK: &str = "s3cr3t-5e8c1f";

/// A file in which the mark stands wherever a secret may. Sound as it is.
const SOUND: &str = "\
listen: 0.0.0.0:8080
upstream: { url: http://127.0.0.1:3000, host: preserve }
observe: { preset: rest, ignore: [/auth/**] }
realtime: { restdb: { path: /realtime } }
access:
  origins: [\"https://app.example\"]
  keys:
    - { name: web, key: s3cr3t-5e8c1f, hear: [\"POST:a\", GOAL], publish: [GOAL] }
    - name: app
      key: \"s3cr3t-5e8c1f-2\"  # not s3cr3t-5e8c1f-0 any more
      hear: [\"*:*\"]
    - name: old
      key: >-
        s3cr3t-5e8c1f-3
      publish: [\"*\"]
  jwt:
    algorithms: [HS256]
    secret: s3cr3t-5e8c1f-4-that-has-32-bytes
    audience: [api, app]
    roles: { claim: roles, grants: { editor: { hear: [\"*:a\"] } } }
  identity: { ask: \"/me?k=s3cr3t-5e8c1f-5\", cookies: [sid] }
drain: 10s
";

#[test]
fn the_file_is_sound_before_it_is_broken() {
    let snapshot = load_files(&[("tidings.yaml", SOUND)], &[]).unwrap();
    let said = format!("{}{snapshot:?}", describe(&snapshot));
    assert!(said.contains("web") && said.contains("HS256"), "{said}");
    assert!(!said.contains(MARK), "{said}");
}

#[test]
fn no_mistake_brings_a_secret_into_an_error() {
    for (from, to) in MISTAKES {
        let broken = SOUND.replacen(from, to, 1);
        assert_ne!(broken, SOUND, "{from:?} is not there");
        let Err(errors) = load_files(&[("tidings.yaml", &broken)], &[]) else {
            panic!("sound with {to:?}");
        };
        assert!(!errors.contains(MARK), "{to:?}:\n{errors}");
        assert!(!errors.contains("s3cr3t"), "{to:?}:\n{errors}");
    }
}

#[test]
fn an_access_file_hides_its_secrets_too() {
    for access in [
        "keys: [{ name: a, key: s3cr3t-5e8c1f, hear: [':'] }]",
        "keys: [{ name: '', key: s3cr3t-5e8c1f }]",
        "keys: [s3cr3t-5e8c1f]",
        "keys: s3cr3t-5e8c1f",
        "key: s3cr3t-5e8c1f",
        "s3cr3t-5e8c1f",
        "a: s3cr3t-5e8c1f\n\tb: s3cr3t-5e8c1f",
        "keys: [{ name: a, key: 's3cr3t-5e8c1f }]",
    ] {
        let files = [
            ("tidings.yaml", &*least("access: a.yaml")),
            ("a.yaml", access),
        ];
        let errors = load_files(&files, &[]).unwrap_err();
        assert!(errors.contains("a.yaml:"), "{access}:\n{errors}");
        assert!(!errors.contains("s3cr3t"), "{access}:\n{errors}");
    }
}

#[test]
fn what_the_environment_gives_is_in_no_error() {
    for line in [
        "listen: ${MARK}",
        "upstream: ${MARK}",
        "upstream: { url: '${MARK}' }",
        "upstream: { url: http://h, connect_timeout: '${MARK}' }",
        "upstream: { url: https://h, ca_file: '${MARK}' }",
        "upstream: { url: http://h, host: '${MARK}' }",
        "admin: ${MARK}",
        "observe: { preset: '${MARK}' }",
        "observe: { preset: rest, prefix: '${MARK}' }",
        "observe: { ignore: ['${MARK}'] }",
        "observe: { redact: ['${MARK}'] }",
        "observe: { rules: [{ path: 'regex:(${MARK}' }] }",
        "observe: { rules: [{ path: '${MARK}' }] }",
        "observe: { rules: [{ path: '/{collection}', id: ['${MARK}'] }] }",
        "observe: { rules: [{ path: '/{collection}', methods: ['${MARK}'] }] }",
        "observe: { rules: [{ path: '/{collection}', success: ['${MARK}'] }] }",
        "observe: { rules: [{ path: '/{collection}', case: '${MARK}' }] }",
        "realtime: { restdb: { path: '${MARK}' } }",
        "log: { level: '${MARK}' }",
        "log: { dir: '${MARK}' }",
        "log: { wait: '${MARK}' }",
        "log: { on_failure: '${MARK}' }",
        "log: { keep: { bytes: '${MARK}' } }",
        "logging: { level: '${MARK}' }",
        "limits: { streams: '${MARK}' }",
        "drain: ${MARK}",
        "access: ${MARK}",
        "access: { global: '${MARK}' }",
        "access: { origins: ['${MARK}'] }",
        "access: { jwt: { algorithms: [HS256], secret: '${MARK}' } }",
        "access: { jwt: { algorithms: ['${MARK}'], secret: '${MARK}' } }",
        "access: { jwt: { algorithms: [RS256], jwks: '${MARK}' } }",
        "access: { jwt: { algorithms: [RS256], jwks: 'http://${MARK}' } }",
        "access: { jwt: { algorithms: [RS256], jwks: https://h, leeway: '${MARK}' } }",
        "access: { jwt: { algorithms: [RS256], jwks: https://h, grants: '${MARK}.' } }",
        "access: { jwt: { algorithms: [RS256], key_file: '${MARK}' } }",
        "access: { keys: [{ name: a, key: '${MARK} ' }] }",
        "access: { keys: [{ name: a, key: k, hear: ['${MARK}:'] }] }",
        "access: { keys: [{ name: a, key: k, publish: ['POST:${MARK}'] }] }",
        "access: { keys: [{ name: '${MARK}', key: k }, { name: '${MARK}', key: '${MARK}' }] }",
    ] {
        let text = match line.split_once(':') {
            Some(("listen", _)) => format!("{line}\nupstream: http://h"),
            Some(("upstream", _)) => format!("listen: 1.2.3.4:5\n{line}"),
            _ => least(line),
        };
        let errors = load_files(&[("tidings.yaml", &text)], &[("MARK", MARK)]).unwrap_err();
        assert!(errors.contains("tidings.yaml:"), "{line}:\n{errors}");
        assert!(!errors.contains(MARK), "{line}:\n{errors}");
    }
}

/// What is written for what, in [`SOUND`].
const MISTAKES: &[(&str, &str)] = &[
    // Words of another meaning.
    ("\"POST:a\"", "\"GET:a\""),
    ("publish: [GOAL]", "publish: [put]"),
    ("hear: [\"*:*\"]", "hear: [\":*\"]"),
    ("name: web", "name: ''"),
    ("name: app", "name: web"),
    ("name: app", "name:"),
    ("key: s3cr3t-5e8c1f,", "key: s3cr3t-5e8c1f-2,"),
    ("key: s3cr3t-5e8c1f,", "key: \"s3cr3t-5e8c1f \","),
    ("key: s3cr3t-5e8c1f,", "key: 's3cr3t-5e8c1f${UNSET}',"),
    ("key: s3cr3t-5e8c1f,", "key: '${s3cr3t-5e8c1f}',"),
    ("key: >-", "key: |"),
    ("http://127", "http://me:s3cr3t-5e8c1f@127"),
    ("drain: 10s", "drain: 0s # s3cr3t-5e8c1f"),
    ("algorithms: [HS256]", "algorithms: []"),
    ("algorithms: [HS256]", "algorithms: [RS256]"),
    (
        "secret: s3cr3t-5e8c1f-4-that-has-32-bytes",
        "secret: s3cr3t-5e8c1f",
    ),
    ("secret: s3cr3t", "jwks: s3cr3t"),
    ("secret: s3cr3t", "jwks: http://me:s3cr3t"),
    ("secret: s3cr3t", "key_file: s3cr3t"),
    ("claim: roles", "claim: ''"),
    // Another shape.
    ("secret: s3cr3t", "secret: { value: s3cr3t"),
    ("secret: s3cr3t", "secrets: s3cr3t"),
    ("secret: s3cr3t", "secret: [s3cr3t"),
    ("    secret: s3cr3t", "    secret: [HS256]: s3cr3t"),
    ("audience: [api, app]", "audience: { s3cr3t-5e8c1f: 1 }"),
    ("editor: {", "s3cr3t-5e8c1f: { hear: [':'] }, editor: {"),
    ("key: s3cr3t-5e8c1f,", "key: [s3cr3t-5e8c1f],"),
    ("key: s3cr3t-5e8c1f,", "key: { value: s3cr3t-5e8c1f },"),
    ("key: s3cr3t-5e8c1f,", "key: !!int s3cr3t-5e8c1f,"),
    ("key: s3cr3t-5e8c1f,", "key: !s3cr3t-5e8c1f,"),
    ("key: s3cr3t-5e8c1f,", "kye: s3cr3t-5e8c1f,"),
    ("key: s3cr3t-5e8c1f,", "key s3cr3t-5e8c1f,"),
    ("key: s3cr3t-5e8c1f,", "s3cr3t-5e8c1f: key,"),
    (
        "key: s3cr3t-5e8c1f,",
        "key: s3cr3t-5e8c1f, key: s3cr3t-5e8c1f-4,",
    ),
    ("- { name: web,", "- s3cr3t-5e8c1f\n    - { name: web,"),
    (
        "- { name: web,",
        "- s3cr3t-5e8c1f: { name: web } \n    - { name: web,",
    ),
    ("  keys:\n", "  keys:\n    s3cr3t-5e8c1f:\n"),
    ("drain: 10s", "drain: 10s\nkey: s3cr3t-5e8c1f"),
    ("drain: 10s", "drain: 10s\nlog: s3cr3t-5e8c1f"),
    (
        "drain: 10s",
        "drain: 10s\nlog: { keep: { s3cr3t-5e8c1f: 1 } }",
    ),
    // No YAML.
    ("key: s3cr3t-5e8c1f,", "key: \"s3cr3t-5e8c1f,"),
    ("key: s3cr3t-5e8c1f,", "key: 's3cr3t-5e8c1f' s3cr3t-5e8c1f,"),
    ("key: s3cr3t-5e8c1f,", "key: *s3cr3t-5e8c1f,"),
    (
        "key: s3cr3t-5e8c1f,",
        "key: &s3cr3t-5e8c1f s3cr3t-5e8c1f, x: *s3cr3t,",
    ),
    ("key: s3cr3t-5e8c1f,", "key: s3cr3t-5e8c1f: s3cr3t-5e8c1f,"),
    ("key: s3cr3t-5e8c1f,", "key: \"s3cr3t-5e8c1f\\q\","),
    ("name: web, key:", "name: \"web, key:"),
    ("name: web, key:", "name: \"web\" key:"),
    ("name: web, key:", "name: web key:"),
    ("name: web, key:", "name: [web, key:"),
    ("name: app\n", "name: \"app\n"),
    ("name: app\n      key", "name: app key"),
    ("name: app\n      key", "name: app\n    key"),
    ("name: app\n      key", "name: app\n       key"),
    ("name: app\n      key", "name: app\n\tkey"),
    ("key: \"s3", "key: \"\"s3"),
    ("c1f-2\"", "c1f-2"),
    ("key: >-\n        s3", "key: >-\n      s3"),
    ("key: >-\n        s3", "key: >x\n        s3"),
    ("key: >-\n        s3", "key:\n        ? s3"),
    ("key: >-\n        s3", "key: - s3"),
    ("drain: 10s", "drain: 10s\n--- s3cr3t-5e8c1f"),
    ("drain: 10s", "drain: 10s\n%s3cr3t-5e8c1f"),
    ("drain: 10s", "drain: 10s s3cr3t-5e8c1f: x"),
    ("listen: 0", "s3cr3t-5e8c1f\nlisten: 0"),
];
