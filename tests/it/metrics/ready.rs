//! Whether requests are to be sent to the sidecar.

use std::fs;

use serde_json::json;

use crate::harness::{Conn, EVERYTHING, Release, Scripted, Sidecar, eventually, ok};

#[tokio::test]
async fn it_is_not_ready_while_it_drains_and_well_all_the_same() {
    let release = Release::new();
    let upstream = Scripted::holding(&release, |_| true, |_| ok("{}")).await;
    let yaml = format!("{EVERYTHING}drain: 5m\n");
    let sidecar = Sidecar::start(&upstream.url(), &yaml).await;
    let ready = sidecar.admin("/readyz").await.expect(200).json();
    assert_eq!(
        ready,
        json!({"ready": true, "status": "ok", "degraded": []})
    );
    let mut conn = Conn::to(sidecar.address()).await;
    conn.send("GET /posts HTTP/1.1\r\nHost: a\r\n\r\n").await;
    upstream.request(0).await;
    sidecar.sigterm();
    let ready = eventually("a sidecar that is not ready", async || {
        let answer = sidecar.admin("/readyz").await;
        (answer.status() == 503).then(|| answer.json())
    })
    .await;
    assert_eq!(
        ready,
        json!({"ready": false, "status": "draining", "degraded": []})
    );
    sidecar.admin("/healthz").await.expect(200);
    sidecar.admin("/metrics").await.expect(200);
    release.open();
    conn.response().await.expect(200);
    assert_eq!(sidecar.exit().await.code(), Some(0));
}

/// Lets the log fail for good: where its directory was is a file.
async fn break_log(sidecar: &Sidecar) {
    let directory = sidecar.config().with_file_name("log");
    fs::remove_dir_all(&directory).unwrap();
    fs::write(&directory, "").unwrap();
    eventually("a log that has failed", async || {
        // Another segment has to be begun some time.
        let large = json!("x".repeat(30_000));
        sidecar.publish("LARGE", large).await.expect(200);
        let health = sidecar.admin("/healthz").await.expect(200).json();
        (health["status"] == "degraded").then_some(())
    })
    .await;
}

#[tokio::test]
async fn whether_it_is_ready_while_it_is_degraded_the_operator_says() {
    for (admin, status) in [
        ("admin: ADMIN", 200),
        ("admin: { listen: ADMIN, ready_when_degraded: false }", 503),
    ] {
        let log = "log: { level: process, dir: log, keep: { bytes: 1MiB } }\n";
        let yaml = EVERYTHING.replace("admin: ADMIN", admin) + log;
        let sidecar = Sidecar::start("http://127.0.0.1:1", &yaml).await;
        sidecar.admin("/readyz").await.expect(200);
        break_log(&sidecar).await;
        let ready = sidecar.admin("/readyz").await.expect(status).json();
        assert_eq!(ready["status"], "degraded");
        assert_eq!(ready["degraded"][0]["part"], "log");
        let page = sidecar.admin("/metrics").await.expect(200);
        assert!(page.text().contains("tidings_degraded{part=\"log\"} 1\n"));
        assert!(
            page.text()
                .contains("tidings_degraded{part=\"streams\"} 0\n")
        );
    }
}
