//! Rules for known backends, as the text that an operator could have written.
//!
//! A preset's text is a part of a configuration, in its own words: `observe` with what it finds, and
//! perhaps `access` with an `identity` of which only `ask` and `claims` are said. Below a `listen` and
//! an `upstream` it is a whole one, so that it can be copied and changed. Reading it is the
//! configuration's business.

/// The presets that there are, as [`yaml`] knows them.
pub const NAMES: &[&str] = &[
    "drf",
    "json-server",
    "kinto",
    "pocketbase",
    "rest",
    "restdb",
];

/// Those of them that say how the upstream tells who somebody is.
pub const WITH_IDENTITY: &[&str] = &["pocketbase"];

/// The text of the preset of that name; none if there is none. Shape of a name: `json-server`.
#[must_use]
pub fn yaml(name: &str) -> Option<&'static str> {
    Some(match name {
        "drf" => include_str!("preset/drf.yaml"),
        "json-server" => include_str!("preset/json-server.yaml"),
        "kinto" => include_str!("preset/kinto.yaml"),
        "pocketbase" => include_str!("preset/pocketbase.yaml"),
        "rest" => include_str!("preset/rest.yaml"),
        "restdb" => include_str!("preset/restdb.yaml"),
        _ => return None,
    })
}
