//! What may be chosen for `limits`.

use super::refusals::{check, rows};
use super::{least, load_text};
use crate::config::describe;

#[test]
fn a_limit_outside_its_range_is_refused() {
    for (text, expected) in rows(REFUSED) {
        check(&text, expected);
    }
}

const REFUSED: &str = r"
limits: { streams: 0 }  =>  3:limits.streams must be from 1 to 1000000
limits: { streams: many }  =>  3:limits.streams is no whole number
limits: { streams_per_key: 0 }  =>  3:limits.streams_per_key must be from 1 to 1000000
limits: { streams_per_address: -1 }  =>  3:limits.streams_per_address is no whole number
limits: { connections: 0 }  =>  3:limits.connections must be from 1 to 1000000
limits: { connections_per_address: 1.5 }  =>  3:limits.connections_per_address is no whole number
limits: { idle_timeout: 2h }  =>  3:limits.idle_timeout must be from 1ms to 1h
limits: { head: 1023 }  =>  3:limits.head must be from 1KiB to 1MiB
limits: { head: 1KB }  =>  3:limits.head is no size
limits: { head_timeout: 0ms }  =>  3:limits.head_timeout must be from 1ms to 1h
limits: { subscriptions: 1 }  =>  3:limits.subscriptions must be from 1KiB to 64GiB
limits: { observed_bodies: 1023KiB }  =>  3:limits.observed_bodies must be from 1MiB to 64GiB
limits: { observed_body: 4KiB, observed_bodies: 4095 }  =>  3:limits.observed_bodies must be from 4KiB to 64GiB
limits: { observed_body: 1GiB }  =>  3:limits.observed_body must be from 1 to 64MiB
";

#[test]
fn limits_of_each_are_said_where_there_are_any() {
    let text = "limits: { streams_per_key: 5, streams_per_address: 6, connections: 7, \
        connections_per_address: 8, idle_timeout: 9s }";
    let said = describe(&load_text(&least(text)).unwrap());
    for line in [
        "          7 connections, each idle for 9s\n",
        "          5 streams of a key or a user\n",
        "          6 streams from an address\n",
        "          8 connections from an address\n",
    ] {
        assert!(said.contains(line), "{said}");
    }
    let said = describe(&load_text(&least("")).unwrap());
    assert!(!said.contains(" from an address"), "{said}");
}
