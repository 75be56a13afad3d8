//! The bytes of a record, there and back.

use proptest::prelude::*;

use super::super::record::{self, HEADER_BYTES, Header};
use super::*;

fn method() -> impl Strategy<Value = Method> {
    prop_oneof![
        Just(Method::Delete),
        Just(Method::Patch),
        Just(Method::Post),
        Just(Method::Put)
    ]
}

fn id() -> impl Strategy<Value = Id> {
    any::<String>().prop_filter_map("no id", |text| Id::new(&text))
}

fn some_json() -> impl Strategy<Value = Json> {
    prop_oneof![
        any::<String>().prop_map(|text| json(&serde_json::to_string(&text).unwrap())),
        any::<f64>().prop_map(|n| json(&format!("{{\"n\": [{n:e}, -0.10]}}"))),
        Just(Json::null()),
    ]
}

fn kind() -> impl Strategy<Value = Kind> {
    let text = || any::<String>().prop_map(Arc::<str>::from);
    let option = |id| proptest::option::of(id);
    let ids = proptest::collection::vec(id(), 0..5);
    let record = proptest::option::of(some_json());
    prop_oneof![
        Just(Kind::Gap),
        (text(), id(), some_json(), some_json()).prop_map(|(collection, id, before, after)| {
            Kind::Left {
                collection,
                id,
                before,
                after,
            }
        }),
        (text(), some_json()).prop_map(|(name, data)| Kind::Custom { name, data }),
        (method(), text(), option(id())).prop_map(|(method, collection, id)| Kind::Uncertain {
            method,
            collection,
            id
        }),
        (method(), text(), ids, record).prop_map(|(method, collection, ids, record)| {
            Kind::Write {
                method,
                collection,
                ids,
                record,
            }
        }),
    ]
}

fn time() -> impl Strategy<Value = Timestamp> {
    let seconds = Timestamp::MIN.as_second()..=Timestamp::MAX.as_second();
    let edges = prop_oneof![Just(Timestamp::MIN), Just(Timestamp::MAX)];
    let any = (seconds, 0..1_000_000_000).prop_map(|(s, n)| Timestamp::new(s, n).unwrap());
    prop_oneof![1 => edges, 9 => any]
}

fn events() -> impl Strategy<Value = Record> {
    let first = prop_oneof![1..1000_u64, (1 << 61)..(1_u64 << 62) - 100];
    let kinds = proptest::collection::vec((time(), kind()), 1..20);
    (first, kinds, any::<Option<u64>>()).prop_map(|(first, kinds, settles)| {
        let event = |(seq, (at, kind))| {
            let epoch = Epoch::new(FRESH);
            let cursor = Cursor { epoch, seq };
            Arc::new(Event { cursor, at, kind })
        };
        let events = (first..).zip(kinds).map(event).collect();
        Record::Events { events, settles }
    })
}

pub(super) fn record() -> impl Strategy<Value = Record> {
    let collection = proptest::option::of(".+");
    let write = (method(), collection, proptest::option::of(id()));
    prop_oneof![
        Just(Record::End),
        any::<u64>().prop_map(|number| Record::Settled { number }),
        (any::<u64>(), write).prop_map(|(number, (method, collection, id))| {
            let collection = collection.map(Arc::from);
            let write = Unsettled {
                method,
                collection,
                id,
            };
            Record::Intent { number, write }
        }),
        events(),
    ]
}

fn decode(bytes: &[u8]) -> Option<Record> {
    let header = Header::of(bytes)?;
    let behind = bytes.get(HEADER_BYTES..)?;
    record::decode(&header, behind, Epoch::new(FRESH))
}

proptest! {
    #[test]
    fn a_record_is_read_as_it_was_written(record in record()) {
        let mut bytes = vec![1, 2, 3];
        record::encode(&record, &mut bytes).unwrap();
        prop_assert_eq!(Header::of(&bytes[3..]).unwrap().behind() + HEADER_BYTES + 3, bytes.len());
        prop_assert_eq!(decode(&bytes[3..]), Some(record));
    }

    #[test]
    fn a_record_with_another_byte_is_none(record in record(), at: usize, other in 1..=255_u8) {
        let mut bytes = Vec::new();
        record::encode(&record, &mut bytes).unwrap();
        let at = at % bytes.len();
        bytes[at] ^= other;
        prop_assert_eq!(decode(&bytes), None);
    }

    #[test]
    fn no_text_looks_like_a_record(record in record()) {
        let mut bytes = Vec::new();
        record::encode(&record, &mut bytes).unwrap();
        let sound = (1..bytes.len()).filter(|at| Header::of(&bytes[*at..]).is_some());
        prop_assert_eq!(sound.count(), 0);
    }
}

#[test]
fn a_record_that_is_too_large_is_refused_whole() {
    let mut bytes = vec![1; 1 + HEADER_BYTES + 8];
    assert!(record::seal(record::Shape::End, 0, 8, 1, &mut bytes.clone()).is_ok());
    let refused = record::seal(record::Shape::End, 0, 7, 1, &mut bytes);
    assert_eq!(
        refused.unwrap_err().kind(),
        std::io::ErrorKind::InvalidInput
    );
    assert_eq!(bytes, [1]);
}
