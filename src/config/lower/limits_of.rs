//! `limits`.

use std::ops::RangeInclusive;

use super::super::file::{self, Text};
use super::super::unit::{self, NotAMeasure};
use super::Lower;
use crate::limits::{self, Limits};

pub(super) fn limits_of(file: &file::Limits, lower: &mut Lower<'_>) -> Limits {
    let default = Limits::default();
    let size = |range| move |text: &str| -> Result<usize, NotAMeasure> { unit::size(text, range) };
    let observed_body_bytes = lower.or(
        file.observed_body.as_ref(),
        default.observed_body_bytes,
        size(&limits::OBSERVED_BODY_BYTES),
    );
    // One body has room, or none would ever be read.
    let observed_bodies = observed_body_bytes..=*limits::OBSERVED_BODIES_BYTES.end();
    Limits {
        streams: lower.or(
            file.streams.as_ref(),
            default.streams,
            number(&limits::STREAMS),
        ),
        streams_per_key: some(&file.streams_per_key, &limits::STREAMS, lower),
        streams_per_address: some(&file.streams_per_address, &limits::STREAMS, lower),
        connections: lower.or(
            file.connections.as_ref(),
            default.connections,
            number(&limits::CONNECTIONS),
        ),
        connections_per_address: some(&file.connections_per_address, &limits::CONNECTIONS, lower),
        idle_timeout: lower.duration(
            file.idle_timeout.as_ref(),
            default.idle_timeout,
            &limits::TIMEOUT,
        ),
        head_bytes: lower.or(
            file.head.as_ref(),
            default.head_bytes,
            size(&limits::HEAD_BYTES),
        ),
        head_timeout: lower.duration(
            file.head_timeout.as_ref(),
            default.head_timeout,
            &limits::TIMEOUT,
        ),
        observed_body_bytes,
        observed_bodies_bytes: lower.or(
            file.observed_bodies.as_ref(),
            default.observed_bodies_bytes,
            size(&observed_bodies),
        ),
        subscription_bytes: lower.or(
            file.subscriptions.as_ref(),
            default.subscription_bytes,
            size(&limits::SUBSCRIPTION_BYTES),
        ),
    }
}

fn number(range: &RangeInclusive<usize>) -> impl Fn(&str) -> Result<usize, NotAMeasure> {
    move |text| unit::number(text, range)
}

/// A number that need not be there.
fn some(
    text: &Option<Text>,
    range: &RangeInclusive<usize>,
    lower: &mut Lower<'_>,
) -> Option<usize> {
    lower.read(text.as_ref()?, number(range))
}
