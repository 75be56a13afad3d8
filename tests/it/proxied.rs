//! Clients behind a proxy, whose word for their addresses is taken or not.

use serde_json::json;

use crate::harness::{EVERYTHING, Sidecar};
use crate::pocketbase::connected_with;

/// [`EVERYTHING`] with PocketBase's realtime, behind these proxies.
fn behind(proxies: &str) -> String {
    let yaml = EVERYTHING.replace("restdb: { path: /realtime }", "pocketbase: {}");
    format!("{yaml}  global: true\ntrusted_proxies: {proxies}\n")
}

/// What a submission is answered to a stream that was opened with the first field, when it comes
/// with the second.
async fn submitted(
    sidecar: &Sidecar,
    opened: (&str, &str),
    submits: (&str, &str),
) -> (u16, String) {
    let (_stream, id) = connected_with(sidecar, &[opened]).await;
    let body = json!({"clientId": id, "subscriptions": ["GOAL"]}).to_string();
    let fields = [("Content-Type", "application/json"), submits];
    let answer = sidecar
        .send("POST", "/api/realtime", &fields, body.as_bytes())
        .await;
    let message = match answer.status() {
        204 => String::new(),
        _ => answer.json()["message"].as_str().unwrap().to_owned(),
    };
    (answer.status(), message)
}

#[tokio::test]
async fn a_client_is_bound_to_the_address_that_a_trusted_proxy_names() {
    let sidecar = Sidecar::start("http://127.0.0.1:1", &behind("[127.0.0.0/8, 10.0.0.0/8]")).await;
    let one = ("X-Forwarded-For", "192.0.2.1");
    for (submits, bound) in [
        (one, true),
        (
            ("X-Forwarded-For", "192.0.2.2, 192.0.2.1:4711, 10.0.0.1"),
            true,
        ),
        (("Forwarded", "for=\"192.0.2.1:80\";proto=https"), true),
        (("X-Forwarded-For", "192.0.2.2"), false),
        (("X-Forwarded-For", "192.0.2.1, 192.0.2.2"), false),
        (("X-Forwarded-For", "192.0.2.1, unknown"), false),
        (("Forwarded", "for=192.0.2.1, for=\"[2001:db8::1]\""), false),
        (("Accept", "*/*"), false),
    ] {
        let expected = match bound {
            true => (204, String::new()),
            false => (400, "Invalid realtime client.".to_owned()),
        };
        let answered = submitted(&sidecar, one, submits).await;
        assert_eq!(answered, expected, "{submits:?}");
    }
}

#[tokio::test]
async fn the_word_of_who_is_no_trusted_proxy_changes_nothing() {
    for proxies in ["[]", "[10.0.0.0/8, '::1']"] {
        let sidecar = Sidecar::start("http://127.0.0.1:1", &behind(proxies)).await;
        for (name, one, other) in [
            ("X-Forwarded-For", "192.0.2.1", "192.0.2.2"),
            ("Forwarded", "for=192.0.2.1", "for=192.0.2.2"),
        ] {
            let answered = submitted(&sidecar, (name, one), (name, other)).await;
            assert_eq!(answered.0, 204, "{proxies} {name}");
        }
    }
}
