//! The limits, in words.

use super::super::Snapshot;
use super::super::unit::{show_duration, show_size};
use super::Page;

impl Page {
    pub(super) fn limits(&mut self, snapshot: &Snapshot) {
        let limits = &snapshot.limits;
        self.line(
            "limits",
            format_args!(
                "{} streams, {} of a request's head within {}, {} of a body observed, {} of all",
                limits.streams,
                show_size(limits.head_bytes),
                show_duration(limits.head_timeout),
                show_size(limits.observed_body_bytes),
                show_size(limits.observed_bodies_bytes)
            ),
        );
        self.line(
            "",
            format_args!(
                "{} connections, each idle for {}",
                limits.connections,
                show_duration(limits.idle_timeout)
            ),
        );
        for (max, of) in [
            (limits.streams_per_key, "streams of a key or a user"),
            (limits.streams_per_address, "streams from an address"),
            (
                limits.connections_per_address,
                "connections from an address",
            ),
        ] {
            if let Some(max) = max {
                self.line("", format_args!("{max} {of}"));
            }
        }
        if snapshot.realtime.pocketbase.is_some() {
            let bytes = show_size(limits.subscription_bytes);
            self.line(
                "",
                format_args!("{bytes} of what PocketBase clients are subscribed to"),
            );
        }
    }
}
