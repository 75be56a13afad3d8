//! An event as the bytes of a stream.

use std::sync::Arc;

use divan::{Bencher, black_box};
use tidings::config;
use tidings::dialect::{Fields, Form, Parts, Told, plain, pocketbase, restdb};
use tidings::event::Event;
use tidings::sse::{self, FieldText, Frame};

use super::{record, write};

const SIZES: [usize; 2] = [300, 10_000];

#[divan::bench(args = SIZES)]
fn framing(bencher: Bencher<'_, '_>, bytes: usize) {
    let (event, text) = (write("posts", "{}"), record(bytes));
    let frame = Frame {
        id: Some(event.cursor),
        event: Some(FieldText::known("put")),
        data: Some(&text),
        ..Frame::default()
    };
    bencher.bench_local(|| sse::encoded(black_box(&frame)));
}

#[divan::bench(args = SIZES)]
fn restdb(bencher: Bencher<'_, '_>, bytes: usize) {
    let form = Form::Restdb(restdb::Form {
        patch: restdb::PatchEvent::Put,
        fields: Fields::default(),
    });
    encode(
        bencher,
        &form,
        &write("posts", &record(bytes)),
        Parts::Whole,
    );
}

#[divan::bench(args = SIZES)]
fn plain(bencher: Bencher<'_, '_>, bytes: usize) {
    let text = "{ listen: '127.0.0.1:1', upstream: 'http://127.0.0.1:2', realtime: { streams: [ \
        { path: /events, access: open, events: ['*:*'], name: '{event}', data: record } ] } }";
    let snapshot = config::parse("tidings.yaml", text).unwrap();
    let options = Arc::clone(snapshot.realtime.streams.first().unwrap());
    let form = Form::Plain(plain::Form {
        options,
        fields: Fields::default(),
    });
    encode(
        bencher,
        &form,
        &write("posts", &record(bytes)),
        Parts::Whole,
    );
}

#[divan::bench(args = SIZES)]
fn pocketbase(bencher: Bencher<'_, '_>, bytes: usize) {
    let subscriptions = ["posts/*", "users/*"].map(pocketbase::Subscription::new);
    let subscriptions = subscriptions.into_iter().map(Result::unwrap).collect();
    let form = Form::Pocketbase(pocketbase::View::new(subscriptions));
    let event = write("posts", &record(bytes));
    encode(bencher, &form, &event, Parts::of(vec![0]));
}

fn encode(bencher: Bencher<'_, '_>, form: &Form, event: &Event, parts: Parts) {
    let told = Told {
        parts,
        ..Told::NOTHING
    };
    assert!(!form.encode(event, &told).is_empty());
    bencher.bench_local(|| form.encode(black_box(event), &told));
}
