//! Rules for known backends, as the text that an operator could have written.
//!
//! A preset's text is YAML with keys of the configuration's `observe:` section, in its own words:
//! `batches`, `ignore`, `method_override`, `redact` and `rules`; and perhaps with `identity`, of which `ask` and
//! `claims` are those of `access.identity`. Reading it is the configuration's business.

/// The presets that there are, as [`yaml`] knows them.
pub const NAMES: &[&str] = &["drf", "json-server", "pocketbase", "rest"];

/// Those of them that say how the upstream tells who somebody is.
pub const WITH_IDENTITY: &[&str] = &["pocketbase"];

/// The text of the preset of that name; none if there is none. Shape of a name: `json-server`.
#[must_use]
pub fn yaml(name: &str) -> Option<&'static str> {
    Some(match name {
        "drf" => include_str!("preset/drf.yaml"),
        "json-server" => include_str!("preset/json-server.yaml"),
        "pocketbase" => include_str!("preset/pocketbase.yaml"),
        "rest" => include_str!("preset/rest.yaml"),
        _ => return None,
    })
}
