//! `tidings healthcheck`, as a probe calls it.

use std::path::Path;

use crate::harness::{
    EVERYTHING, Output, Process, Scripted, Sidecar, answer, test_folder, tidings,
};

async fn healthcheck(args: &[&str]) -> Output {
    Process::spawn(tidings().arg("healthcheck").args(args))
        .output()
        .await
}

async fn of_file(file: &Path) -> Output {
    healthcheck(&["--config", file.to_str().unwrap()]).await
}

/// What it says by a configuration of that text.
async fn of_text(yaml: &str) -> Output {
    let folder = test_folder();
    let file = folder.path().join("tidings.yaml");
    std::fs::write(&file, yaml).unwrap();
    of_file(&file).await
}

#[tokio::test]
async fn a_sidecar_that_is_well_is_found_by_its_own_configuration() {
    let sidecar = Sidecar::start("http://127.0.0.1:1", EVERYTHING).await;
    let output = of_file(&sidecar.config()).await;
    assert_eq!(output.code, Some(0), "{output:?}");
    assert!(
        output.stdout.ends_with("/healthz answers 200 OK: ok\n"),
        "{output:?}"
    );
    let mut by_environment = tidings();
    by_environment
        .arg("healthcheck")
        .env("TIDINGS_CONFIG", sidecar.config());
    let output = Process::spawn(&mut by_environment).output().await;
    assert_eq!(output.code, Some(0), "{output:?}");
    sidecar.kill().await;
    let output = of_file(&sidecar.config()).await;
    assert_eq!(output.code, Some(1), "{output:?}");
    assert!(output.stderr.contains("Connection refused"), "{output:?}");
}

#[tokio::test]
async fn of_the_configuration_admin_alone_has_to_be_sound() {
    let admin = Scripted::answering(answer("200 OK", r#"{"status":"ok"}"#)).await;
    let address = admin.url().replace("http://", "");
    let port = address.rsplit(':').next().unwrap();
    for (written, code) in [
        (
            format!("admin: {address}\nkey: ${{UNSET}}\nlisten: nowhere\nlimts: {{ a: 1 }}\n"),
            0,
        ),
        (format!("admin: 0.0.0.0:{port}\n"), 0),
        (
            format!("admin: {{ listen: {address}, ready_when_degraded: false }}\n"),
            0,
        ),
        (format!("admin:\n  listen: 0.0.0.0:{port}\n"), 0),
        ("admin: { ready_when_degraded: false }\n".to_owned(), 1),
        (format!("admin: \"127.0.0.1:${{UNSET:-{port}}}\"\n"), 0),
        ("admin: ${UNSET}\n".to_owned(), 1),
        ("admin: nowhere\n".to_owned(), 1),
        ("admin: [\n".to_owned(), 1),
    ] {
        let output = of_text(&written).await;
        assert_eq!(output.code, Some(code), "{written}: {output:?}");
    }
}

#[tokio::test]
async fn without_an_admin_address_it_says_what_to_add() {
    let output = of_text("listen: 127.0.0.1:8080\n").await;
    assert_eq!(output.code, Some(1), "{output:?}");
    assert!(
        output
            .stderr
            .contains("add one, as `admin: 127.0.0.1:9901`"),
        "{output:?}"
    );
    let output = of_file(Path::new("/nowhere/t.yaml")).await;
    assert_eq!(output.code, Some(1), "{output:?}");
    assert!(output.stderr.contains("/nowhere/t.yaml"), "{output:?}");
}

#[tokio::test]
async fn anything_but_a_sidecar_that_is_well_exits_1() {
    for (status, body, said) in [
        (
            "503 Service Unavailable",
            r#"{"status":"draining"}"#,
            "503 Service Unavailable: draining",
        ),
        (
            "404 Not Found",
            r#"{"message":"expected /healthz","status":404}"#,
            "404 Not Found: expected /healthz",
        ),
        (
            "500 Internal Server Error",
            "nonsense",
            "500 Internal Server Error",
        ),
    ] {
        let admin = Scripted::answering(answer(status, body)).await;
        let address = admin.url().replace("http://", "");
        let output = healthcheck(&["--ready", "--admin", &address]).await;
        assert_eq!(output.code, Some(1), "{output:?}");
        assert!(output.stderr.trim_end().ends_with(said), "{output:?}");
        assert!(output.stderr.contains("/readyz"), "{output:?}");
    }
}

#[tokio::test]
async fn a_sidecar_that_does_not_answer_is_not_waited_for() {
    let silent = Scripted::start(|mut peer| async move {
        peer.request().await;
        std::future::pending::<()>().await;
    })
    .await;
    let address = silent.url().replace("http://", "");
    let output = healthcheck(&["--admin", &address, "--timeout", "50ms"]).await;
    assert_eq!(output.code, Some(1), "{output:?}");
    assert!(
        output.stderr.contains("no answer within 50ms"),
        "{output:?}"
    );
    for timeout in ["0s", "2h", "soon"] {
        let output = healthcheck(&["--admin", &address, "--timeout", timeout]).await;
        assert_eq!(output.code, Some(2), "{output:?}");
    }
}
