//! `trusted_proxies`: addresses and networks, each as it is compared.

use std::net::IpAddr;

use ipnet::{IpNet, Ipv4Net};

use crate::config::fault::Problem;

/// An address is a network of one. IPv4 that is written as IPv6 is IPv4: so are the addresses that
/// are looked for.
pub(super) fn network(text: &str) -> Result<IpNet, Problem> {
    let network = match text.parse::<IpAddr>() {
        Ok(address) => IpNet::from(address),
        Err(_no_address) => text.parse().map_err(|_no_network| Problem::Network)?,
    };
    let mapped = match network {
        IpNet::V4(_) => None,
        IpNet::V6(of) => of
            .addr()
            .to_ipv4_mapped()
            .zip(of.prefix_len().checked_sub(MAPPED_BITS))
            .and_then(|(address, bits)| Ipv4Net::new(address, bits).ok()),
    };
    Ok(mapped.map_or(network, IpNet::V4).trunc())
}

/// Of an IPv6 address those before the IPv4 address in it (RFC 4291 § 2.5.5.2).
const MAPPED_BITS: u8 = 96;
