//! The command line: what it prints, and what it exits with.

use std::net::TcpListener;
use std::path::Path;

use serde_json::json;

use crate::harness::{
    ALL, EVERYTHING, Output, Process, Scripted, Sidecar, ok, test_folder, tidings,
};

async fn run(args: &[&str]) -> Output {
    Process::spawn(tidings().args(args)).output().await
}

/// What `tidings check` says of a file with that text.
async fn check(yaml: &str) -> Output {
    let folder = test_folder();
    let file = folder.path().join("tidings.yaml");
    std::fs::write(&file, yaml).unwrap();
    let mut command = tidings();
    command.args(["check".as_ref(), file.as_os_str()]);
    command.env("SET", "from-outside").env_remove("UNSET");
    Process::spawn(&mut command).output().await
}

/// [`EVERYTHING`] as a file that was written by hand.
fn sound() -> String {
    EVERYTHING
        .replace("LISTEN", "127.0.0.1:8080")
        .replace("ADMIN", "127.0.0.1:9901")
        .replace("UPSTREAM", "http://127.0.0.1:3000")
}

#[tokio::test]
async fn a_wrong_command_line_exits_2() {
    for args in [
        &[][..],
        &["nonsense"],
        &["run", "--nonsense"],
        &["run", "extra"],
        &["check"],
        &["check", "a", "b"],
        &["check", "a", "--show-preset", "rest"],
        &["check", "--show-preset"],
        &["demo", "--listen", "nowhere"],
    ] {
        let output = run(args).await;
        assert_eq!(output.code, Some(2), "{args:?}: {output:?}");
        assert!(output.stderr.contains("--help"), "{args:?}: {output:?}");
    }
}

#[tokio::test]
async fn help_and_version_are_told_on_standard_output() {
    for (args, told) in [
        (&["--help"][..], "check"),
        (&["run", "--help"], "/etc/tidings/tidings.yaml"),
        (&["--version"], env!("CARGO_PKG_VERSION")),
    ] {
        let output = run(args).await;
        assert_eq!(output.code, Some(0), "{args:?}");
        assert!(output.stdout.contains(told), "{args:?}: {output:?}");
    }
}

#[tokio::test]
async fn check_says_what_it_understood_and_will_observe() {
    let yaml = sound().replace(
        "json-server }",
        "json-server, ignore: [/auth/**], redact: [/password] }",
    );
    let output = check(&yaml).await;
    assert_eq!(output.code, Some(0), "{output:?}");
    for told in [
        "127.0.0.1:8080",
        "127.0.0.1:9901",
        "127.0.0.1:3000",
        "/{collection}",
        "/auth/**",
        "/password",
        "/realtime",
        "POST",
        "all",
    ] {
        assert!(output.stdout.contains(told), "{told}: {}", output.stdout);
    }
    assert!(!output.stdout.contains("all-key"), "{}", output.stdout);
}

/// Each name that `tidings check` takes: those that it says itself when it is given another.
async fn presets() -> Vec<String> {
    let output = run(&["check", "--show-preset", "nonsense"]).await;
    assert_eq!(output.code, Some(2), "{output:?}");
    let (_, names) = output.stderr.split_once("[possible values: ").unwrap();
    let (names, _) = names.split_once(']').unwrap();
    names.split(", ").map(str::to_owned).collect()
}

#[tokio::test]
async fn a_preset_that_was_shown_stands_in_a_configuration_as_its_name_does() {
    let names = presets().await;
    assert!(names.contains(&"kinto".to_owned()), "{names:?}");
    let addresses = "listen: 127.0.0.1:8080\nupstream: http://127.0.0.1:3000\n";
    for name in names {
        let shown = run(&["check", "--show-preset", &name]).await;
        assert_eq!((shown.code, &*shown.stderr), (Some(0), ""), "{name}");
        let identity = format!("access: {{ identity: {{ preset: {name} }} }}\n");
        let identity = shown.stdout.contains("\naccess:").then_some(identity);
        let identity = identity.unwrap_or_default();
        let named = check(&format!(
            "{addresses}observe: {{ preset: {name} }}\n{identity}"
        ))
        .await;
        let copied = check(&format!("{addresses}{}", shown.stdout)).await;
        assert_eq!(named.code, Some(0), "{name}: {named:?}");
        assert_eq!(
            (copied.stdout, copied.stderr),
            (named.stdout, named.stderr),
            "{name}"
        );
    }
}

#[tokio::test]
async fn check_says_where_the_log_is_and_makes_nothing() {
    let folder = test_folder();
    let file = folder.path().join("tidings.yaml");
    let log = "log: { level: disk, dir: events, on_failure: refuse }\n";
    std::fs::write(&file, sound() + log).unwrap();
    let output = run(&["check", file.to_str().unwrap()]).await;
    assert_eq!(output.code, Some(0), "{output:?}");
    let directory = folder.path().join("events");
    for told in ["disk", directory.to_str().unwrap(), "refused"] {
        assert!(output.stdout.contains(told), "{told}: {}", output.stdout);
    }
    assert!(!directory.exists());
}

#[tokio::test]
async fn check_adds_up_what_memory_there_may_be_and_compares_it() {
    let output = check(&format!("{}limits: {{ streams: 3000 }}\n", sound())).await;
    assert_eq!(output.code, Some(0), "{output:?}");
    for told in [
        "memory    ",
        " 3000 x   1KiB =   3MiB  streams: limits.streams\n",
        "MiB  the log: log.keep.bytes\n",
        "  when full and idle\n",
        "  at worst, with what is above\n",
        "files     23256 open with all streams and connections, of ",
    ] {
        assert!(output.stdout.contains(told), "{told}: {}", output.stdout);
    }
    let many = format!("{}limits: {{ streams: 1000000, head: 1MiB }}\n", sound());
    let output = check(&many).await;
    let warned = output
        .stdout
        .lines()
        .filter(|line| line.starts_with("warning"));
    let warned: Vec<_> = warned.collect();
    assert!(
        warned.iter().any(|line| line.contains("memory: ")),
        "{warned:?}"
    );
    assert!(
        warned.iter().any(|line| line.contains("limits.streams")),
        "{warned:?}"
    );
}

#[tokio::test]
async fn check_refuses_a_log_that_is_not_where_it_seems_to_be() {
    for (log, told) in [
        ("level: disk", "log.level: disk needs log.dir"),
        ("dir: events", "log.dir: has no effect at level memory"),
        ("level: replicated", "log.level: is not in this version"),
    ] {
        let output = check(&format!("{}log: {{ {log} }}\n", sound())).await;
        assert_eq!(output.code, Some(1), "{log}: {output:?}");
        assert!(output.stderr.contains(told), "{log}: {}", output.stderr);
    }
}

/// What is replaced in a sound file by what, and the line and the words of the fault; line 0 is
/// the file as a whole.
const FAULTS: &[(&str, &str, usize, &str)] = &[
    ("admin:", "adnim:", 3, "adnim"),
    ("http://127.0.0.1:3000", "ftp://x", 4, "upstream"),
    ("127.0.0.1:8080", "nowhere", 2, "listen"),
    ("json-server", "nonsense", 5, "observe.preset"),
    ("\"*:*\"", "\"GET:x\"", 9, "access.keys[0].hear[0]"),
    (
        "publish: [\"*\"]",
        "publish: [\"PUT:x\"]",
        9,
        "access.keys[0].publish[0]",
    ),
    ("key: all-key", "key: \"\"", 9, "access.keys[0].key"),
    ("key: all-key", "key: \"${UNSET}\"", 9, "UNSET"),
    ("listen: 127.0.0.1:8080\n", "", 0, "listen"),
    (
        "{ preset: json-server }",
        "{ preset: json-server",
        0,
        "YAML",
    ),
];

#[tokio::test]
async fn check_says_where_a_fault_is() {
    for (from, to, line, told) in FAULTS {
        let output = check(&sound().replace(from, to)).await;
        assert_eq!(output.code, Some(1), "{to}: {output:?}");
        let place = match line {
            0 => "tidings.yaml".to_owned(),
            line => format!("tidings.yaml:{line}:"),
        };
        assert!(output.stderr.contains(&place), "{to}: {}", output.stderr);
        assert!(output.stderr.contains(told), "{to}: {}", output.stderr);
        assert_eq!(output.stdout, "", "{to}");
    }
}

#[tokio::test]
async fn a_key_that_stands_twice_is_a_fault() {
    let twice = format!("{}    - {{ name: two, key: all-key }}\n", sound());
    let output = check(&twice).await;
    assert_eq!(output.code, Some(1), "{output:?}");
    assert!(
        output.stderr.contains("access.keys[1].key"),
        "{}",
        output.stderr
    );
    assert!(!output.stderr.contains("all-key"), "{}", output.stderr);
}

#[tokio::test]
async fn variables_are_filled_in_and_never_shown() {
    let output = check(&sound().replace("all-key", "\"${SET}\"")).await;
    assert_eq!(output.code, Some(0), "{output:?}");
    assert!(!output.stdout.contains("from-outside"), "{}", output.stdout);
    let output = check(&sound().replace("127.0.0.1:8080", "${UNSET:-127.0.0.1:8081}")).await;
    assert_eq!(output.code, Some(0), "{output:?}");
    assert!(
        output.stdout.contains("127.0.0.1:8081"),
        "{}",
        output.stdout
    );
}

#[tokio::test]
async fn a_fault_shows_its_line_and_no_secret_on_it() {
    let secret = "key: s3cret-on-that-line, hear: [\"GET:x\"";
    let output = check(&sound().replace("key: all-key, hear: [\"*:*\"", secret)).await;
    assert_eq!(output.code, Some(1), "{output:?}");
    assert!(output.stderr.contains("GET"), "{}", output.stderr);
    let all = output.stdout + &output.stderr;
    assert!(!all.contains("s3cret"), "{all}");
}

#[tokio::test]
async fn a_configuration_that_is_missing_is_said_by_its_path() {
    for command in [
        &["run", "--config", "/nowhere/t.yaml"][..],
        &["check", "/nowhere/t.yaml"],
    ] {
        let output = run(command).await;
        assert_eq!(output.code, Some(1), "{output:?}");
        assert!(
            output.stderr.contains("/nowhere/t.yaml"),
            "{}",
            output.stderr
        );
    }
    let mut by_environment = tidings();
    by_environment
        .arg("run")
        .env("TIDINGS_CONFIG", "/nowhere/e.yaml");
    let output = Process::spawn(&mut by_environment).output().await;
    assert_eq!(output.code, Some(1), "{output:?}");
    assert!(
        output.stderr.contains("/nowhere/e.yaml"),
        "{}",
        output.stderr
    );
}

#[tokio::test]
async fn an_address_that_is_taken_is_said_and_exits_1() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let folder = test_folder();
    let file = folder.path().join("tidings.yaml");
    let yaml = sound()
        .replace("127.0.0.1:8080", &address)
        .replace("admin: 127.0.0.1:9901\n", "");
    std::fs::write(&file, yaml).unwrap();
    let output = run(&["run", "--config", file.to_str().unwrap()]).await;
    assert_eq!(output.code, Some(1), "{output:?}");
    assert!(output.stderr.contains(&address), "{}", output.stderr);
}

#[tokio::test]
async fn a_bad_configuration_does_not_start() {
    let folder = test_folder();
    let file = folder.path().join("tidings.yaml");
    std::fs::write(&file, sound().replace("admin:", "adnim:")).unwrap();
    let output = run(&["run", "--config", file.to_str().unwrap()]).await;
    assert_eq!(output.code, Some(1), "{output:?}");
    assert!(output.stderr.contains("adnim"), "{}", output.stderr);
}

#[tokio::test]
async fn the_configurations_that_ship_are_sound() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("config");
    let mut files = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "yaml") {
            continue;
        }
        let mut command = tidings();
        command.arg("check").arg(&path);
        let output = Process::spawn(&mut command).output().await;
        assert_eq!(output.code, Some(0), "{}: {output:?}", path.display());
        files += 1;
    }
    assert!(files >= 2, "minimal.yaml and reference.yaml");
}

#[tokio::test]
async fn health_is_told_at_the_admin_address_and_nowhere_else() {
    let upstream = Scripted::answering(ok("\"upstream\"")).await;
    let sidecar = Sidecar::start(&upstream.url(), EVERYTHING).await;
    sidecar.admin("/healthz").await.expect(200);
    sidecar.admin("/metrics").await.expect(200);
    sidecar.admin("/nonsense").await.expect(404);
    let passed = sidecar.get("/healthz").await.expect(200);
    assert_eq!(passed.json(), "upstream");
    let passed = sidecar.get("/metrics").await.expect(200);
    assert_eq!(passed.json(), "upstream");
}

#[tokio::test]
async fn metrics_count_what_the_sidecar_does() {
    let sidecar = Sidecar::start("http://127.0.0.1:1", EVERYTHING).await;
    let _subscriber = sidecar.hear(ALL).await;
    sidecar.publish("GOAL", json!(1)).await.expect(200);
    let metrics = sidecar.admin("/metrics").await.expect(200);
    for line in [
        "tidings_log_level{level=\"memory\"} 1",
        "tidings_log_level{level=\"disk\"} 0",
        "tidings_log_failed 0",
        "tidings_streams{dialect=\"restdb\"} 1",
        "tidings_configuration_generation 1",
    ] {
        let told = metrics.text().lines().any(|told| told == line);
        assert!(told, "{line}: {}", metrics.text());
    }
}
