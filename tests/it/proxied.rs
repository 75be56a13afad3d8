//! Clients behind a proxy, whose word for their addresses is taken or not.

use serde_json::json;

use crate::harness::{ALL, EVERYTHING, Scripted, Sidecar, Subscriber, ok};
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

/// What the upstream is told by `Forwarded` and by each `X-Forwarded-`: `For`, `Host` and `Proto`.
async fn told(proxies: &str, fields: &[(&str, &str)]) -> [Option<String>; 4] {
    let upstream = Scripted::answering(ok("{}")).await;
    let yaml = format!("{EVERYTHING}trusted_proxies: {proxies}\n");
    let sidecar = Sidecar::start(&upstream.url(), &yaml).await;
    sidecar.ask("GET", "/posts", fields).await.expect(200);
    let head = upstream.request(0).await.head;
    let host = sidecar.address().to_string();
    assert_eq!(head.field("Host"), Some(&*host));
    let disguised = head.raw.lines().find(|line| line.starts_with("X_F"));
    assert_eq!(disguised, None);
    let names = [
        "Forwarded",
        "X-Forwarded-For",
        "X-Forwarded-Host",
        "X-Forwarded-Proto",
    ];
    names.map(|name| {
        let lines: Vec<_> = head.fields(name).collect();
        assert!(lines.len() < 2, "{}", head.raw);
        Some(lines.first()?.replace(&host, "HOST"))
    })
}

const SAID: &[(&str, &str)] = &[
    ("X-Forwarded-For", "192.0.2.1"),
    ("X-Forwarded-For", "192.0.2.2"),
    ("X-Forwarded-Proto", "https"),
    ("X-Forwarded-Host", "api.example"),
    ("X_Forwarded_For", "192.0.2.3"),
    ("X-Forwarded_Proto", "https"),
];

#[tokio::test]
async fn the_upstream_is_told_who_a_client_is_and_not_who_it_says_it_is() {
    for fields in [&[][..], SAID, &[("Forwarded", "for=192.0.2.1;proto=https")]] {
        let told = told("[10.0.0.0/8]", fields).await;
        let expected = [
            "for=127.0.0.1;host=\"HOST\";proto=http",
            "127.0.0.1",
            "HOST",
            "http",
        ];
        assert_eq!(
            told,
            expected.map(|text| Some(text.to_owned())),
            "{fields:?}"
        );
    }
}

#[tokio::test]
async fn what_a_trusted_proxy_says_reaches_the_upstream_in_both_spellings() {
    for (fields, expected) in [
        (
            SAID,
            [
                "for=192.0.2.1;host=api.example;proto=https, for=192.0.2.2, for=127.0.0.1",
                "192.0.2.1, 192.0.2.2, 127.0.0.1",
                "api.example",
                "https",
            ],
        ),
        (
            &[("Forwarded", "for=\"[2001:db8::1]:80\";proto=https")],
            [
                "for=\"[2001:db8::1]:80\";proto=https, for=127.0.0.1",
                "2001:db8::1, 127.0.0.1",
                "HOST",
                "https",
            ],
        ),
    ] {
        let told = told("[127.0.0.1]", fields).await;
        assert_eq!(
            told,
            expected.map(|text| Some(text.to_owned())),
            "{fields:?}"
        );
    }
}

#[tokio::test]
async fn streams_are_counted_by_the_addresses_that_a_trusted_proxy_names() {
    let limits = "limits: { streams_per_address: 1 }\ntrusted_proxies: [127.0.0.1]\n";
    let sidecar = Sidecar::start("http://127.0.0.1:1", &format!("{EVERYTHING}{limits}")).await;
    let named = |address: &'static str| [("X-Forwarded-For", address)];
    let mut first = sidecar.hear_with(ALL, &named("192.0.2.1")).await;
    let _other = sidecar.hear_with(ALL, &named("192.0.2.2")).await;
    // It names nobody, and speaks for any number.
    let _unnamed = sidecar.hear(ALL).await;
    let _unnamed = sidecar.hear(ALL).await;
    let mut again = Subscriber::open(&sidecar, ALL, &named("192.0.2.1")).await;
    assert_eq!(again.head.status(), 200);
    let frames = again.ended().await;
    assert!(
        frames.iter().any(|frame| frame.retry.is_some()),
        "{frames:?}"
    );
    sidecar.publish("N", json!(1)).await.expect(200);
    assert_eq!(first.next().await.json()["event"], "N");
}
