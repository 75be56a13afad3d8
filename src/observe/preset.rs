//! Rules for known backends, as the text that an operator could have written.
//!
//! A preset's text is YAML with two keys of the configuration's `observe:` section, in its
//! own words: `ignore` and `rules`. Reading it is the configuration's business.

/// The presets that there are, as [`yaml`] knows them.
pub const NAMES: &[&str] = &["json-server", "rest"];

/// The text of the preset of that name; none if there is none. Shape of a name: `json-server`.
#[must_use]
pub fn yaml(name: &str) -> Option<&'static str> {
    Some(match name {
        "json-server" => include_str!("preset/json-server.yaml"),
        "rest" => include_str!("preset/rest.yaml"),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde::Deserialize;

    use super::super::Observe;
    use super::super::rule::{Case, Glob, PathPattern, Rule};
    use super::*;
    use crate::event::Method;

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Preset {
        ignore: Vec<String>,
        rules: Vec<RuleFile>,
    }

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct RuleFile {
        path: String,
        id: Vec<String>,
        record: String,
        methods: Vec<String>,
        success: Vec<String>,
        case: Option<String>,
    }

    fn preset(name: &str) -> Observe {
        let preset: Preset = serde_saphyr::from_str(yaml(name).unwrap()).unwrap();
        let rule = |file: RuleFile| {
            assert_eq!(file.success, ["200-299"]);
            let case = match file.case.as_deref() {
                Some("any") => Case::Any,
                None => Case::Exact,
                Some(other) => panic!("{other}"),
            };
            let path = PathPattern::template(&file.path).unwrap();
            Arc::new(Rule {
                path: path.with_case(case).unwrap(),
                id: file.id.iter().map(|id| id.parse().unwrap()).collect(),
                record: file.record.parse().unwrap(),
                methods: file
                    .methods
                    .iter()
                    .map(|name| Method::of(name).unwrap())
                    .collect(),
                success: [200..=299].into(),
            })
        };
        Observe {
            rules: preset.rules.into_iter().map(rule).collect(),
            ignore: preset
                .ignore
                .iter()
                .map(|text| Glob::new(text).unwrap())
                .collect(),
            ..Observe::default()
        }
    }

    fn found(name: &str, method: &str, path: &str) -> Option<String> {
        let target = preset(name).target(method, path)?;
        let id = target.id().map_or("-", |id| id.as_str());
        Some(format!("{} {id}", target.collection()))
    }

    #[test]
    fn every_preset_is_known_by_its_name() {
        for name in NAMES {
            assert!(!preset(name).rules.is_empty(), "{name}");
        }
        assert_eq!(yaml("json-server.yaml"), None);
        assert_eq!(yaml(""), None);
    }

    #[test]
    fn json_server_is_observed_with_its_nested_routes() {
        for (request, place) in [
            ("POST /posts", Some("posts -")),
            ("PATCH /posts/1", Some("posts 1")),
            ("DELETE /posts/1", Some("posts 1")),
            ("PUT /profile", Some("profile -")),
            ("POST /posts/1/comments", Some("comments -")),
            ("PUT /posts/1/comments", None),
            ("GET /posts", None),
            ("POST /login", None),
            ("PUT /db", None),
        ] {
            let (method, path) = request.split_once(' ').unwrap();
            assert_eq!(
                found("json-server", method, path).as_deref(),
                place,
                "{request}"
            );
        }
    }

    #[test]
    fn json_server_is_observed_in_any_case() {
        for (request, place) in [
            ("PATCH /POSTS/1", Some("posts -")),
            ("PATCH /posts/A", Some("posts A")),
            ("PUT /Profile", Some("profile -")),
            ("POST /posts/1/Comments", Some("comments -")),
            ("PATCH /AUTH/1", None),
            ("POST /Login", None),
            ("POST /DB", None),
        ] {
            let (method, path) = request.split_once(' ').unwrap();
            assert_eq!(
                found("json-server", method, path).as_deref(),
                place,
                "{request}"
            );
        }
    }

    #[test]
    fn a_rest_api_is_observed_but_for_what_answers_a_token() {
        for (path, place) in [
            ("/posts", Some("posts -")),
            ("/posts/1/", Some("posts 1")),
            ("/conferences/sessions", Some("conferences sessions")),
            ("/posts/1/publish", None),
        ] {
            assert_eq!(found("rest", "POST", path).as_deref(), place, "{path}");
        }
        for path in [
            "/auth/login",
            "/auth",
            "/login",
            "/users/login",
            "/users/sign_in",
            "/oauth/token",
            "/tokens",
            "/sessions/1",
            "/users/reset-password",
            "/password_resets/1",
            "/refresh",
            "/%61uth/login",
            "//auth/login",
            "/posts/../auth;x/login",
            "/posts/search",
        ] {
            assert_eq!(found("rest", "POST", path), None, "{path}");
        }
    }
}
