//! The JSON Schema that the program prints: a validator that somebody else wrote says with it of
//! documents what the program itself says of them.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::harness::{Process, node, test_folder, tidings};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

async fn schema(args: &[&str]) -> Value {
    let output = Process::spawn(tidings().arg("schema").args(args))
        .output()
        .await;
    assert_eq!(output.code, Some(0), "{output:?}");
    serde_json::from_str(&output.stdout).unwrap()
}

/// What is wrong with each of the documents, as text: the place and the rule.
async fn validate(schema: &Value, documents: &[Value]) -> Vec<String> {
    let folder = test_folder();
    let file = folder.path().join("documents.json");
    let input = json!({"schema": schema, "documents": documents});
    std::fs::write(&file, input.to_string()).unwrap();
    let mut validator = node("schema.mjs", [&file]);
    let mut told = Vec::new();
    for _ in documents {
        let wrong = validator.told().await["wrong"].clone();
        let wrong = wrong.as_array().unwrap();
        told.push(
            wrong
                .iter()
                .map(Value::to_string)
                .collect::<Vec<_>>()
                .join("\n"),
        );
    }
    told
}

fn yaml(text: &str) -> Value {
    serde_saphyr::from_str(text).unwrap_or_else(|error| panic!("{error}:\n{text}"))
}

/// A configuration of which `text` is a part.
fn whole(text: &str) -> Value {
    let mut document = yaml(text);
    let members = document.as_object_mut().unwrap();
    for (key, value) in [
        ("listen", "127.0.0.1:80"),
        ("upstream", "http://127.0.0.1:1"),
    ] {
        members.entry(key).or_insert_with(|| value.into());
    }
    document
}

/// The configurations that are shipped.
fn shipped() -> Vec<PathBuf> {
    let mut folders = vec![root().join("config"), root().join("examples")];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if is_configuration(&path) {
                files.push(path);
            }
        }
    }
    assert!(files.len() >= 5, "{files:?}");
    files
}

/// Whether it is YAML of ours: what others read, as a manifest, has no listener at its left edge.
fn is_configuration(path: &Path) -> bool {
    let is_yaml = path
        .extension()
        .is_some_and(|extension| extension == "yaml");
    is_yaml
        && std::fs::read_to_string(path)
            .unwrap()
            .lines()
            .any(|line| line.starts_with("listen:"))
}

#[tokio::test]
async fn what_is_shipped_is_sound_by_the_schema() {
    let files = shipped();
    let text = |path: &PathBuf| std::fs::read_to_string(path).unwrap();
    let documents: Vec<_> = files.iter().map(|path| yaml(&text(path))).collect();
    let wrong = validate(&schema(&[]).await, &documents).await;
    for (file, wrong) in files.iter().zip(wrong) {
        assert_eq!(wrong, "", "{}", file.display());
    }
}

#[tokio::test]
async fn what_the_readme_shows_is_sound_by_the_schema() {
    let readme = std::fs::read_to_string(root().join("README.md")).unwrap();
    let parts = readme.split("```yaml\n").skip(1);
    let parts: Vec<_> = parts
        .map(|part| part.split("```").next().unwrap())
        .collect();
    assert!(parts.len() >= 8);
    let documents: Vec<_> = parts.iter().map(|part| whole(part)).collect();
    let wrong = validate(&schema(&[]).await, &documents).await;
    for (part, wrong) in parts.iter().zip(wrong) {
        assert_eq!(wrong, "", "{part}");
    }
}

#[tokio::test]
async fn what_is_written_in_another_way_is_sound_too() {
    let sound = [
        "log: { level: '${LEVEL:-disk}', dir: x, keep: { events: '${EVENTS}', bytes: 1024 } }",
        "access: access.yaml",
        "access: { global: 'true', keys: [{ name: 1, key: 2, superuser: '${YES}' }] }",
        "access: { rules: { posts: , '*': { list: '', view: } }, jwt: { algorithms: ['${ALG}'], jwks: https://h, audience: [a, b] } }",
        "realtime: { restdb: , pocketbase: { answered_by: upstream } }",
        "upstream: { url: http://h, read_timeout: 5s, host: upstream }",
        "admin:",
    ];
    let wrong = validate(&schema(&[]).await, &sound.map(whole)).await;
    for (text, wrong) in sound.iter().zip(wrong) {
        assert_eq!(wrong, "", "{text}");
    }
}

#[tokio::test]
async fn what_the_program_refuses_the_schema_does() {
    let cases = [
        ("limts: { streams: 1 }", "limts"),
        ("limits: { heads: 1 }", "heads"),
        ("log: { level: replicated }", "/log/level"),
        ("observe: { preset: nonsense }", "/observe/preset"),
        (
            "observe: { rules: [{ path: /a, case: maybe }] }",
            "/observe/rules/0/case",
        ),
        ("access: { keys: [{ name: a }] }", "key"),
        ("access: { keys: { name: a } }", "/access"),
        (
            "access: { jwt: { algorithms: [NONE], jwks: https://h } }",
            "/access/jwt",
        ),
        ("logging: { level: [info] }", "/logging/level"),
        (
            "realtime: { streams: [{ path: /s, heartbeat: { period: 1s } }] }",
            "period",
        ),
    ];
    let schema = schema(&[]).await;
    let wrong = validate(&schema, &cases.map(|(text, _)| whole(text))).await;
    for ((text, place), wrong) in cases.iter().zip(wrong) {
        assert!(wrong.contains(place), "{text}: {wrong}");
    }
    let without = validate(&schema, &[json!({})]).await;
    assert!(
        without[0].contains("listen") && without[0].contains("upstream"),
        "{without:?}"
    );
}

#[tokio::test]
async fn an_access_file_has_a_schema_of_its_own() {
    let schema = schema(&["--access"]).await;
    let documents = [
        yaml("keys: [{ name: web, key: '${KEY}', hear: ['*:*'] }]"),
        yaml("access: { keys: [] }"),
    ];
    let wrong = validate(&schema, &documents).await;
    assert_eq!(wrong[0], "");
    assert!(wrong[1].contains("access"), "{wrong:?}");
}
