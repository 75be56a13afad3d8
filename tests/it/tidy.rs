//! What holds for the source as a whole.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Top-level modules from the bottom up: each may use those before it, never those after.
const ORDER: &[&str] = &[
    "limits",
    "event",
    "topic",
    "sse",
    "forwarded",
    "rule",
    "observe",
    "access",
    "dialect",
    "metrics",
    "known",
    "log",
    "hub",
    "config",
    "jwks",
    "client",
    "identity",
    "reads",
    "connection",
    "proxy",
    "front",
    "admin",
    "demo",
    "logging",
    "memory",
    "tail",
    "healthcheck",
    "server",
    "cli",
    "benching",
    "fuzzing",
    "main",
];

/// The last module that knows no clock, no file, no environment and no chance.
const LAST_PURE: &str = "dialect";

/// The only modules that know pingora.
const PINGORA: &[&str] = &["connection", "proxy"];

/// Lines of a file, beyond which nobody reads it whole.
const LINES_MAX: usize = 500;

struct Source {
    /// The top-level module that it belongs to.
    module: String,
    path: PathBuf,
    text: String,
}

impl Source {
    /// The code without its comments and unit tests.
    fn code(&self) -> String {
        let code = self.text.split("#[cfg(test)]\nmod tests").next().unwrap();
        let line = |line: &str| line.split("//").next().unwrap_or_default().to_owned();
        code.lines().map(line).collect::<Vec<_>>().join("\n")
    }

    /// The top-level modules whose items it names, as `crate::a::B` or `use crate::{a, b::C}`.
    fn uses(&self) -> BTreeSet<String> {
        let code = self.code();
        let mut used = BTreeSet::new();
        for rest in code.split("crate::").skip(1) {
            match rest.strip_prefix('{') {
                Some(group) => used.extend(members(group)),
                None => used.extend([leading_name(rest)]),
            }
        }
        // What stands in `lib.rs` itself is no module.
        used.retain(|name| root().join(format!("src/{name}.rs")).exists());
        used
    }
}

/// The names that a group of a `use` begins with, at its own depth. Shape: `a, b::{c, d}}` has
/// `a` and `b`.
fn members(group: &str) -> Vec<String> {
    let mut depth = 0;
    let mut own = String::new();
    for c in group.chars() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            c if depth == 0 => own.push(c),
            _ => {}
        }
    }
    own.split(',')
        .map(|name| leading_name(name.trim()))
        .collect()
}

fn leading_name(text: &str) -> String {
    let end = text.find(|c: char| !(c.is_alphanumeric() || c == '_'));
    text[..end.unwrap_or(text.len())].to_owned()
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// How far up it stands.
fn place(module: &str) -> usize {
    let among = |row: &&str| row.split(' ').any(|known| known == module);
    let place = ORDER.iter().position(among);
    place.unwrap_or_else(|| panic!("{module} has no place in ORDER"))
}

/// Every source of the library and the program, the crate's own page left out.
fn sources() -> Vec<Source> {
    let (mut folders, mut sources) = (vec![root().join("src")], Vec::new());
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let within = path
                .strip_prefix(root().join("src"))
                .unwrap()
                .with_extension("");
            let module = within.iter().next().unwrap().to_str().unwrap().to_owned();
            if path.extension().is_some_and(|extension| extension == "rs") && module != "lib" {
                let text = std::fs::read_to_string(&path).unwrap();
                sources.push(Source { module, path, text });
            }
        }
    }
    assert!(sources.len() > 10);
    sources
}

#[test]
fn modules_only_use_what_lies_below() {
    for source in sources() {
        for used in source.uses() {
            let (above, below) = (place(&source.module), place(&used));
            let path = source.path.display();
            assert!(
                below <= above,
                "{} must not use {used}: {path}",
                source.module
            );
        }
    }
}

#[test]
fn the_pure_layers_ask_nothing_of_the_outside() {
    for source in sources() {
        if place(&source.module) > place(LAST_PURE) {
            continue;
        }
        let code = source.code();
        for outside in [
            "Instant::now",
            "SystemTime",
            "Timestamp::now",
            "std::fs",
            "std::env",
            "std::net::Tcp",
            "rand::",
            "tokio::",
        ] {
            assert!(
                !code.contains(outside),
                "{outside} in {}",
                source.path.display()
            );
        }
    }
}

#[test]
fn pingora_is_known_to_few() {
    for source in sources() {
        let knows = source.code().contains("pingora");
        let may = PINGORA.contains(&&*source.module);
        assert!(may || !knows, "{}", source.path.display());
    }
}

#[test]
fn no_file_is_too_long_to_read() {
    for source in sources() {
        let lines = source.text.lines().count();
        assert!(
            lines <= LINES_MAX,
            "{lines} lines: {}",
            source.path.display()
        );
    }
}

#[test]
fn the_commands_of_the_readme_exist() {
    let readme = std::fs::read_to_string(root().join("README.md")).unwrap();
    let commands = [
        "examples/demo/run",
        "examples/chat/run",
        "examples/scores/run",
        "tests/run",
        "tests/bench/run",
        "tests/faults/run",
        "tests/image/run",
    ];
    for command in commands {
        assert!(readme.contains(command), "{command}");
        let metadata = std::fs::metadata(root().join(command)).unwrap();
        let mode = std::os::unix::fs::PermissionsExt::mode(&metadata.permissions());
        assert_eq!(mode & 0o111, 0o111, "{command} can be run");
    }
}

#[test]
fn the_configuration_that_the_readme_shows_is_the_one_that_is_shipped() {
    let readme = std::fs::read_to_string(root().join("README.md")).unwrap();
    let minimal = std::fs::read_to_string(root().join("config/minimal.yaml")).unwrap();
    assert!(readme.contains(&format!("```yaml\n{minimal}```")));
    assert!(minimal.lines().count() <= 12, "it is still minimal");
}

#[test]
fn the_lock_of_the_test_clients_names_no_registry() {
    let lock = std::fs::read_to_string(root().join("tests/clients/package-lock.json")).unwrap();
    assert!(!lock.contains("\"resolved\""));
    let package = std::fs::read_to_string(root().join("tests/clients/package.json")).unwrap();
    let package: serde_json::Value = serde_json::from_str(&package).unwrap();
    let kinds = ["dependencies", "devDependencies"].map(|kind| package[kind].as_object().unwrap());
    for (name, version) in kinds.into_iter().flatten() {
        let exact = version
            .as_str()
            .unwrap()
            .split('.')
            .all(|part| part.parse::<u32>().is_ok());
        assert!(exact, "{name} {version}");
    }
}

#[test]
fn the_python_packages_of_the_tests_are_pinned() {
    let file = std::fs::read_to_string(root().join("tests/clients/requirements.txt")).unwrap();
    let file = file.replace("\\\n", "");
    for line in file.lines().filter(|line| !line.starts_with('#')) {
        assert!(
            line.contains("==") && line.contains("--hash=sha256:"),
            "{line}"
        );
        assert!(!line.contains("://"), "{line}");
    }
}
