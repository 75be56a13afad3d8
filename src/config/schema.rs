//! The JSON Schema of the configuration, by which editors complete and check it.
//!
//! | what it says | comes from |
//! | --- | --- |
//! | which keys there are, and of which shape | the types in [`super::file`] |
//! | what a key is for, its default and its range | the comments of `config/reference.yaml` |
//! | the words that a value may be | the tables that it is lowered by |
//!
//! So nothing is said twice. Any value may be a `${NAME}`, and therefore a text.

mod reference;

use std::borrow::Cow;
use std::collections::BTreeMap;

use schemars::{JsonSchema, SchemaGenerator, json_schema};
use serde_json::{Map, Value, json};

use super::file::{Either, File, OneOrMany, Text};
use super::lower::{Choice, choices};

/// Of which file there is a schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SchemaOf {
    /// The configuration.
    Configuration,
    /// A file of its own that `access` names.
    AccessFile,
}

/// The schema as JSON text, draft 2020-12, with a line feed at its end.
#[must_use]
pub fn schema(of: SchemaOf) -> String {
    let mut schema = described();
    if of == SchemaOf::AccessFile {
        schema = json!({
            "$schema": schema.get("$schema"),
            "title": "An access file of Tidings",
            "$ref": ACCESS,
            "$defs": schema.get("$defs"),
        });
    }
    format!("{schema:#}\n")
}

/// Every key, with dots between it and those that it stands in, and without indices. Where names
/// are an operator's own there is a `*`. Shape: `access.rules.*.hear`.
pub(super) fn keys() -> Vec<String> {
    places(&shape()).into_keys().collect()
}

fn described() -> Value {
    let mut schema = shape();
    let places = places(&schema);
    for choice in choices() {
        offer(&mut schema, &choice);
    }
    for (path, told) in reference::comments(REFERENCE, &places) {
        let node = places
            .get(&path)
            .and_then(|place| schema.pointer_mut(place));
        let Some(node) = node.and_then(Value::as_object_mut) else {
            continue;
        };
        if let Some(default) = told.default {
            node.insert("default".to_owned(), default);
        }
        node.insert("description".to_owned(), told.text.into());
    }
    if let Some(root) = schema.as_object_mut() {
        root.insert("title".to_owned(), "The configuration of Tidings".into());
    }
    schema
}

/// What the types say.
fn shape() -> Value {
    let mut schema = schemars::schema_for!(File).to_value();
    without_comments(&mut schema);
    schema
}

/// Takes out what the types are called and what is said of them: that is for who reads the source.
fn without_comments(schema: &mut Value) {
    match schema {
        Value::Object(members) => {
            members.retain(|name, value| {
                !(matches!(&**name, "title" | "description") && value.is_string())
            });
            members.values_mut().for_each(without_comments);
        }
        Value::Array(elements) => elements.iter_mut().for_each(without_comments),
        _ => {}
    }
}

/// Where the schema of each key stands, as a JSON pointer.
fn places(schema: &Value) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    visit(schema, "", "", &mut found);
    found
}

/// What is within the schema at the pointer `at`, which is that of the key `path`.
fn visit(schema: &Value, at: &str, path: &str, found: &mut BTreeMap<String, String>) {
    let Some(node) = schema.pointer(at).and_then(Value::as_object) else {
        return;
    };
    if let Some(of) = node.get("$ref").and_then(Value::as_str) {
        visit(schema, of.trim_start_matches('#'), path, found);
    }
    if let Some(Value::Object(properties)) = node.get("properties") {
        for key in properties.keys() {
            enter(schema, format!("{at}/properties/{key}"), path, key, found);
        }
    }
    if node
        .get("additionalProperties")
        .is_some_and(Value::is_object)
    {
        enter(
            schema,
            format!("{at}/additionalProperties"),
            path,
            "*",
            found,
        );
    }
    if node.contains_key("items") {
        visit(schema, &format!("{at}/items"), path, found);
    }
    let either = node.get("anyOf").and_then(Value::as_array);
    for (index, _) in either.into_iter().flatten().enumerate() {
        visit(schema, &format!("{at}/anyOf/{index}"), path, found);
    }
}

fn enter(schema: &Value, at: String, path: &str, key: &str, found: &mut BTreeMap<String, String>) {
    let path = super::outline::join(path, key);
    visit(schema, &at, &path, found);
    found.entry(path).or_insert(at);
}

/// Says which words a value may be, or each value of a list.
fn offer(schema: &mut Value, choice: &Choice) {
    let Choice { table, key, words } = choice;
    let at = format!("/$defs/{table}/properties/{key}");
    let Some(node) = schema.pointer_mut(&at).and_then(Value::as_object_mut) else {
        return;
    };
    match node.get_mut("items").and_then(Value::as_object_mut) {
        Some(items) => restrict(items, words),
        None => restrict(node, words),
    }
}

fn restrict(node: &mut Map<String, Value>, words: &[&str]) {
    let types = node.remove("type").unwrap_or_default();
    let null = types
        .as_array()
        .is_some_and(|types| types.contains(&json!("null")));
    let values = words.iter().map(|word| match *word {
        // Without quotes they are no texts.
        "true" => json!(true),
        "false" => json!(false),
        word => json!(word),
    });
    // Where editors read YAML 1.1, `no` without quotes is no text either.
    let no = words.contains(&"no").then_some(json!(false));
    let null = null.then_some(Value::Null);
    let values: Vec<Value> = values.chain(no).chain(null).collect();
    let either = json!([{ "enum": values }, { "type": "string", "pattern": PLACEHOLDER }]);
    node.insert("anyOf".to_owned(), either);
}

impl JsonSchema for Text {
    fn schema_name() -> Cow<'static, str> {
        "Text".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> schemars::Schema {
        json_schema!({ "type": ["string", "number", "boolean"] })
    }
}

impl<T: JsonSchema> JsonSchema for Either<T> {
    fn schema_name() -> Cow<'static, str> {
        format!("Either{}", T::schema_name()).into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(generator: &mut SchemaGenerator) -> schemars::Schema {
        let table = generator.subschema_for::<T>();
        json_schema!({ "anyOf": [table, { "type": "string" }] })
    }
}

impl JsonSchema for OneOrMany {
    fn schema_name() -> Cow<'static, str> {
        "OneOrMany".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(generator: &mut SchemaGenerator) -> schemars::Schema {
        let many = generator.subschema_for::<Vec<Text>>();
        json_schema!({ "anyOf": [{ "type": "string" }, many] })
    }
}

const REFERENCE: &str = include_str!("../../config/reference.yaml");

/// The schema of the `access` section.
const ACCESS: &str = "#/$defs/Access";

/// What a value that is filled in from the environment has in it. A switch in quotes is one, too.
const PLACEHOLDER: &str = r"\$\{|^(true|false)$";

#[cfg(test)]
mod tests;
