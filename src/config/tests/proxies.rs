//! The proxies whose word is taken.

use super::refusals::{check, rows};
use super::{least, load_text};
use crate::config::describe;

#[test]
fn proxies_are_addresses_and_networks() {
    let list =
        r#"[127.0.0.1, 10.1.2.3/8, "::1", "fd00::1/8", "::ffff:1.2.3.4", "::ffff:172.16.0.0/108"]"#;
    let snapshot = load_text(&least(&format!("trusted_proxies: {list}"))).unwrap();
    let networks: Vec<_> = snapshot
        .trusted_proxies
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(
        networks,
        [
            "127.0.0.1/32",
            "10.0.0.0/8",
            "::1/128",
            "fd00::/8",
            "1.2.3.4/32",
            "172.16.0.0/12"
        ]
    );
    let told = "clients' addresses are told by 127.0.0.1, 10.0.0.0/8, ::1, fd00::/8, 1.2.3.4, 172.16.0.0/12\n";
    let said = describe(&snapshot);
    assert!(said.contains(told), "{said}");
    assert!(!said.contains("warning   trusted_proxies"), "{said}");
    assert!(load_text(&least("")).unwrap().trusted_proxies.is_empty());
}

#[test]
fn who_trusts_everybody_is_warned() {
    let snapshot = load_text(&least("trusted_proxies: [0.0.0.0/0, '::/0']")).unwrap();
    let said = describe(&snapshot);
    for network in ["0.0.0.0/0", "::/0"] {
        let warning = format!("warning   trusted_proxies: {network}: whoever connects");
        assert!(said.contains(&warning), "{said}");
    }
}

#[test]
fn what_is_no_network_is_refused() {
    for (rest, expected) in rows(NETWORKS) {
        check(&rest, expected);
    }
}

/// Below `listen` and `upstream`.
const NETWORKS: &str = r#"
trusted_proxies: [127.0.0.1, proxy]  =>  3:trusted_proxies[1] is no address and no network
trusted_proxies:\n  - ::1\n  - 10.0.0.0/33  =>  5:trusted_proxies[1] is no address and no network
trusted_proxies: [10.0.0.1:80]  =>  3:trusted_proxies[0] is no address and no network
trusted_proxies: [10.0.0/8]  =>  3:trusted_proxies[0] is no address and no network
trusted_proxies: ['[::1]']  =>  3:trusted_proxies[0] is no address and no network
trusted_proxies: ['']  =>  3:trusted_proxies[0] is no address and no network
trusted_proxies: 10.0.0.1  =>  3:trusted_proxies expected
"#;
