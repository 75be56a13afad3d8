use super::*;

fn of(kind: SchemaOf) -> Value {
    serde_json::from_str(&schema(kind)).unwrap()
}

/// What is said of a key of the configuration.
fn key(path: &str) -> Value {
    let schema = of(SchemaOf::Configuration);
    let places = places(&schema);
    let place = places.get(path).unwrap_or_else(|| panic!("{path}"));
    schema.pointer(place).unwrap().clone()
}

#[test]
fn every_key_is_explained_by_the_reference() {
    let schema = of(SchemaOf::Configuration);
    let mut unsaid = Vec::new();
    for (path, place) in places(&schema) {
        let told = schema.pointer(&place).unwrap()["description"].clone();
        let told = told.as_str().unwrap_or_default();
        let begins = told.starts_with(|c: char| c.is_uppercase() || c == '`' || c == '"');
        if !(begins && told.ends_with('.')) {
            unsaid.push((path, told.to_owned()));
        }
    }
    assert_eq!(unsaid, []);
}

#[test]
fn what_the_reference_has_in_a_comment_is_a_key_or_no_word_before_a_colon() {
    let places = places(&shape());
    for line in REFERENCE.lines() {
        let Some(comment) = line.trim_start().strip_prefix("# ") else {
            continue;
        };
        let Some((key, value)) = comment.trim_start_matches("- ").split_once(':') else {
            continue;
        };
        let is_word = key.chars().all(|c| c.is_ascii_lowercase() || c == '_');
        if is_word && (value.is_empty() || value.starts_with(' ')) {
            let is_known = places
                .keys()
                .any(|path| path.rsplit('.').next() == Some(key));
            let is_own_name = key == "editor";
            assert!(is_known || is_own_name, "{line}");
        }
    }
}

#[test]
fn a_key_has_the_comment_the_default_and_the_words_that_are_its_own() {
    let level = key("log.level");
    assert!(
        level["description"]
            .as_str()
            .unwrap()
            .starts_with("How durable it is.")
    );
    assert_eq!(level["default"], "memory");
    assert_eq!(
        level["anyOf"][0]["enum"],
        json!(["memory", "process", "disk", null])
    );
    assert_eq!(level["anyOf"][1]["pattern"], PLACEHOLDER);
    let algorithms = key("access.jwt.algorithms");
    assert!(
        algorithms["items"]["anyOf"][0]["enum"]
            .as_array()
            .unwrap()
            .contains(&json!("RS256"))
    );
    assert_eq!(key("limits.streams")["default"], 20000);
    assert_eq!(key("observe.batches.url")["default"], "/url");
    assert_eq!(key("observe.rules.id")["default"], json!(["/id"]));
    assert_eq!(key("access.global")["default"], false);
    assert_eq!(key("observe.preset").get("default"), None);
    let said = key("realtime.streams.heartbeat.every");
    assert!(
        said["description"]
            .as_str()
            .unwrap()
            .starts_with("How often.")
    );
}

#[test]
fn every_choice_is_that_of_a_key() {
    let schema = shape();
    for Choice { table, key, words } in choices() {
        let at = format!("/$defs/{table}/properties/{key}");
        assert!(schema.pointer(&at).is_some(), "{at}");
        assert!(!words.is_empty());
    }
}

#[test]
fn no_table_has_a_key_that_is_not_known() {
    let schema = of(SchemaOf::Configuration);
    assert_eq!(schema["additionalProperties"], false);
    for (name, table) in schema["$defs"].as_object().unwrap() {
        assert_eq!(table["additionalProperties"], false, "{name}");
    }
}

#[test]
fn what_is_needed_is_required() {
    assert_eq!(
        of(SchemaOf::Configuration)["required"],
        json!(["listen", "upstream"])
    );
    let access = of(SchemaOf::AccessFile);
    assert_eq!(access["$ref"], ACCESS);
    assert_eq!(access["$defs"]["Key"]["required"], json!(["name", "key"]));
    assert!(access["$schema"].as_str().unwrap().contains("2020-12"));
}
