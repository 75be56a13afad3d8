//! What the steps of a write and of its delivery cost, each by itself: `tests/bench/run micro`.
//!
//! | file | what is measured |
//! | --- | --- |
//! | `frames` | an event as the bytes of a stream, in each dialect |
//! | `gate` | a request's head, judged |
//! | `index` | who hears of an event, among 10,000 audiences |
//! | `observing` | an exchange as events |
//!
//! Nothing of it passes or fails: it shows what a change costs, before and after it.
#![expect(
    clippy::unwrap_used,
    reason = "what is measured is made here, and is sound"
)]

mod frames;
mod gate;
mod index;
mod observing;

use jiff::Timestamp;
use tidings::event::{Cursor, Epoch, Event, Id, Json, Kind, Method};

/// The program's own.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() {
    divan::main();
}

/// A write of that record.
fn write(collection: &str, record: &str) -> Event {
    Event {
        cursor: Cursor {
            epoch: Epoch::new(7),
            seq: 123_456,
        },
        at: Timestamp::UNIX_EPOCH,
        kind: Kind::Write {
            method: Method::Post,
            collection: collection.into(),
            ids: Id::new("5f3a09c1e77b1234").into_iter().collect(),
            record: Some(Json::compact(serde_json::from_str(record).unwrap())),
        },
    }
}

/// A record of about so many bytes, of several members as an API's have.
fn record(bytes: usize) -> String {
    let mut members = vec![r#""id":"5f3a09c1e77b1234","owner":"user-4711""#.to_owned()];
    for number in 0.. {
        let length: usize = members.iter().map(|member| member.len() + 1).sum();
        if length + 2 >= bytes {
            break;
        }
        members.push(format!(
            r#""member{number}":"Some text of a record, {number}""#
        ));
    }
    format!("{{{}}}", members.join(","))
}
