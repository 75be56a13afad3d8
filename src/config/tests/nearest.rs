//! What a fault says of a word that is nearly one, or one of another table.

use super::refusals::check;
use super::*;

#[test]
fn an_unknown_key_is_told_what_was_meant() {
    for (rest, expected) in [
        (
            "limts: { streams: 1 }",
            "3:limts unknown key \"limts\" (did you mean `limits`?): the keys here are listen, ",
        ),
        (
            "upstreams: x",
            "3:upstreams unknown key \"upstreams\" (did you mean `upstream`?): the keys here are listen, ",
        ),
        (
            "log: { keep: { evnets: 5 } }",
            "3:log.keep.evnets unknown key \"evnets\" (did you mean `events`?): the keys here are events, bytes, age",
        ),
        (
            "keys: [{ name: a, key: MARK }]",
            "3:keys unknown key \"keys\" (it belongs under `access`): the keys here are listen, ",
        ),
        (
            "observe: { restdb: {} }",
            "3:observe.restdb unknown key \"restdb\" (it belongs under `realtime`): the keys here are preset, ",
        ),
        (
            "preset: rest",
            "3:preset unknown key \"preset\" (it belongs under `access.identity` or `observe`): the keys here are listen, ",
        ),
        (
            "colour: red",
            "3:colour unknown key \"colour\": the keys here are listen, ",
        ),
    ] {
        check(rest, expected);
    }
}

#[test]
fn a_secret_in_the_place_of_a_key_is_not_compared_aloud() {
    for key in [
        "s3cr3t-MARK",
        "MARKMARKMARKMARKMARKMARKMARKMARKMARK",
        "keys2",
    ] {
        let errors = load_text(&least(&format!("access: {{ {key}: 1 }}"))).unwrap_err();
        assert!(!errors.contains(key), "{errors}");
    }
    check(
        "access: { keys2: 1 }",
        "3:access.*** unknown key \"***\" (did you mean `keys`?): the keys here are global, ",
    );
}

#[test]
fn an_unknown_word_is_told_what_was_meant() {
    for (rest, expected) in [
        (
            "log: { level: memmory }",
            "3:log.level must be memory, process or disk (did you mean `memory`?)",
        ),
        (
            "observe: { preset: json_server }",
            "rest or restdb (did you mean `json-server`?)",
        ),
        (
            "logging: { format: xml }",
            "3:logging.format must be auto, human or json",
        ),
    ] {
        if expected.starts_with('3') {
            check(rest, expected);
        } else {
            let errors = load_text(&least(rest)).unwrap_err();
            assert!(errors.contains(expected), "{errors}");
        }
    }
}
