//! The proxies in front, in words.

use ipnet::IpNet;

use super::{Page, list};

impl Page {
    pub(super) fn trusted_proxies(&mut self, networks: &[IpNet]) {
        if !networks.is_empty() {
            let networks: Vec<_> = networks.iter().map(shown).collect();
            self.line(
                "",
                format_args!("clients' addresses are told by {}", list(&networks)),
            );
        }
    }
}

/// What is valid and yet seldom meant.
pub(super) fn warnings(networks: &[IpNet]) -> impl Iterator<Item = String> {
    let all = networks.iter().filter(|network| network.prefix_len() == 0);
    all.map(|network| {
        format!("trusted_proxies: {network}: whoever connects may say what their address is")
    })
}

/// A network of one is that address.
fn shown(network: &IpNet) -> String {
    if network.prefix_len() == network.max_prefix_len() {
        network.addr().to_string()
    } else {
        network.to_string()
    }
}
