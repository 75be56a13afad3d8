use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::json;

use super::*;

fn cursor(seq: u64) -> Cursor {
    Cursor {
        epoch: Epoch::new(0x5f3a_09c1_e77b),
        seq,
    }
}

#[test]
fn a_cursor_prints_and_parses_as_inverses() {
    for seq in [0, 1, 0x1c, u64::MAX] {
        assert_eq!(cursor(seq).to_string().parse(), Ok(cursor(seq)));
    }
    assert_eq!(cursor(0x1c).to_string(), "5f3a09c1e77b-1c");
}

#[test]
fn a_cursor_has_one_spelling() {
    for text in [
        "",
        "-",
        "9",
        "5f3a09c1e77b",
        "5f3a09c1e77b-",
        "5f3a09c1e77b-01",
        "5f3a09c1e77b-1C",
        "5F3A09c1e77b-1",
        "5f3a09c1e77b-+1",
        "5f3a09c1e77b-1 ",
        "05f3a09c1e77b-1",
        "5f3a09c1e77b-1ffffffffffffffff",
    ] {
        assert_eq!(text.parse::<Cursor>(), Err(NotACursor), "{text:?}");
    }
}

#[test]
fn compact_json_keeps_strings_and_digits() {
    let raw: Box<RawValue> =
        serde_json::from_str("{ \"a\" : \" \\\" \\\\\" ,\n\t\"n\": 12345678901234567890.10 }")
            .unwrap();
    assert_eq!(
        Json::compact(&raw).as_str(),
        r#"{"a":" \" \\","n":12345678901234567890.10}"#
    );
}

proptest! {
    #[test]
    fn compact_json_is_the_same_without_white_space(texts in vec(".{0,20}", 0..5), number: i64) {
        let value = json!({ "texts": texts, texts.join("\\"): [{}, [], number, null] });
        let pretty = serde_json::to_string_pretty(&value).unwrap();
        let raw: &RawValue = serde_json::from_str(&pretty).unwrap();
        let compact = Json::compact(raw);
        prop_assert_eq!(compact.as_str(), serde_json::to_string(&value).unwrap());
    }
}

#[test]
fn every_text_of_an_event_counts_for_its_bytes() {
    let long = "x".repeat(1000);
    let id = Id::new(&long);
    let collection: Arc<str> = long.as_str().into();
    let of = |kind| Event {
        cursor: cursor(1),
        at: Timestamp::UNIX_EPOCH,
        kind,
    };
    let uncertain = Kind::Uncertain {
        method: Method::Put,
        collection: Arc::clone(&collection),
        id: id.clone(),
    };
    let write = Kind::Write {
        method: Method::Put,
        collection,
        ids: id.into_iter().collect(),
        record: Some(Json(format!("{long:?}").into())),
    };
    assert!(of(uncertain).bytes() > 2000);
    assert!(of(write).bytes() > 3000);
}

#[test]
fn an_id_cannot_break_a_line() {
    assert!(Id::new("7").is_some());
    for text in ["", "a\nb", "a\rb", "a\0b"] {
        assert!(Id::new(text).is_none(), "{text:?}");
    }
}
#[test]
fn depth_is_counted_outside_of_strings_and_not_of_neighbours() {
    let nested = |depth| format!("{}{}", "{\"a\":[".repeat(depth), "]}".repeat(depth));
    for (text, too_deep) in [
        (nested(JSON_DEPTH / 2), false),
        (format!("[{}]", nested(JSON_DEPTH / 2)), true),
        (nested(100_000), true),
        (format!("[\"\\\"{}\"]", "[".repeat(JSON_DEPTH + 1)), false),
        (format!("[\"\\\\\",{}", "[".repeat(JSON_DEPTH)), true),
        (format!("[{}[]]", "[],".repeat(JSON_DEPTH + 1)), false),
        (String::new(), false),
    ] {
        assert_eq!(Json::is_too_deep(&text), too_deep, "{text}");
    }
}
