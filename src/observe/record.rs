//! A record as an event carries it: without what is redacted, and with its id.

use serde_json::value::RawValue;

use super::json;
use super::rule::{Concealed, Pointer, array_index};
use crate::event::{Id, Json};

/// The record as all may see it: without what it conceals, and without what is redacted; none if
/// nothing of it is left.
pub(super) fn told(record: &RawValue, conceal: &[Concealed], redact: &[Pointer]) -> Option<Json> {
    let open = |concealed: &&Concealed| {
        let unless = concealed.unless.find(record);
        unless.is_none_or(|unless| unless.get() == "true")
    };
    let secret: Vec<_> = conceal.iter().filter(|of| !open(of)).collect();
    if secret.is_empty() {
        return redacted(record, redact);
    }
    let secret = secret.iter().map(|concealed| concealed.part.clone());
    let pointers: Vec<_> = redact.iter().cloned().chain(secret).collect();
    redacted(record, &pointers)
}

/// The record without what stands at the pointers; none if one of them takes the whole.
///
/// Of several members of one name all go. An array on the way is entered: the rest of the
/// pointer is taken out of each element, whether an index stands for them or nothing does.
/// So `/phones/number` and `/phones/0/number` take the same, and rather too much than too little.
pub(super) fn redacted(record: &RawValue, pointers: &[Pointer]) -> Option<Json> {
    if pointers.is_empty() {
        return Some(Json::compact(record));
    }
    let pointers: Vec<_> = pointers.iter().map(Pointer::tokens).collect();
    if takes_whole(&pointers) {
        return None;
    }
    let mut text = String::with_capacity(record.get().len());
    append(record, &pointers, &mut text)?;
    let built = RawValue::from_string(text).ok()?;
    Some(Json::compact(&built))
}

/// The record with the members of another over its own: each that both have is the other's.
pub(crate) fn merged(record: &RawValue, over: &RawValue) -> Option<Json> {
    let (own, others) = (json::members(record)?, json::members(over)?);
    let is_in = |name: &RawValue, members: &[json::Member<'_>]| {
        let name = json::string(name);
        name.is_some_and(|name| members.iter().any(|member| member.is(&name)))
    };
    let kept = own.iter().filter(|member| !is_in(member.name, &others));
    let mut text = String::with_capacity(record.get().len() + over.get().len());
    for member in kept.chain(&others) {
        text.push(if text.is_empty() { '{' } else { ',' });
        text.push_str(member.name.get());
        text.push(':');
        text.push_str(member.value.get());
    }
    text.push_str(if text.is_empty() { "{}" } else { "}" });
    let built = RawValue::from_string(text).ok()?;
    Some(Json::compact(&built))
}

/// The record with the id as its member `name`, unless it has one that is not `null`.
///
/// What the id looks like decides whether it is a number: nothing else is known of it.
pub(super) fn with_id(record: &RawValue, name: &str, id: &Id) -> Option<Box<RawValue>> {
    let members = json::members(record)?;
    if members
        .iter()
        .any(|m| m.is(name) && m.value.get() != "null")
    {
        return Some(record.to_owned());
    }
    let mut text = String::with_capacity(record.get().len() + name.len() + id.as_str().len());
    text.push('{');
    for member in members.iter().filter(|member| !member.is(name)) {
        text.push_str(member.name.get());
        text.push(':');
        text.push_str(member.value.get());
        text.push(',');
    }
    text.push_str(&serde_json::to_string(name).ok()?);
    text.push(':');
    if is_safe_integer(id.as_str()) {
        text.push_str(id.as_str());
    } else {
        text.push_str(&serde_json::to_string(id.as_str()).ok()?);
    }
    text.push('}');
    RawValue::from_string(text).ok()
}

/// Appends the value without what stands at the pointers, each as seen from it and none of
/// them the whole. Recurses as deep as the value, which [`json::Content`] limits.
fn append(value: &RawValue, pointers: &[&[Box<str>]], text: &mut String) -> Option<()> {
    if pointers.is_empty() {
        text.push_str(value.get());
    } else if json::is_object(value) {
        append_object(value, pointers, text)?;
    } else if json::is_array(value) {
        append_array(value, pointers, text)?;
    } else {
        text.push_str(value.get());
    }
    Some(())
}

fn append_object(value: &RawValue, pointers: &[&[Box<str>]], text: &mut String) -> Option<()> {
    let mut separator = "";
    text.push('{');
    for member in json::members(value)? {
        let below: Vec<_> = pointers
            .iter()
            .filter_map(|tokens| tokens.split_first())
            .filter(|(name, _)| member.is(name))
            .map(|(_, rest)| rest)
            .collect();
        if takes_whole(&below) {
            continue;
        }
        text.push_str(separator);
        text.push_str(member.name.get());
        text.push(':');
        append(member.value, &below, text)?;
        separator = ",";
    }
    text.push('}');
    Some(())
}

fn append_array(value: &RawValue, pointers: &[&[Box<str>]], text: &mut String) -> Option<()> {
    let below: Vec<_> = pointers
        .iter()
        .map(|tokens| match tokens.split_first() {
            Some((token, rest)) if array_index(token).is_some() => rest,
            _ => tokens,
        })
        .collect();
    let mut separator = "";
    text.push('[');
    if !takes_whole(&below) {
        for element in json::elements(value)? {
            text.push_str(separator);
            append(element, &below, text)?;
            separator = ",";
        }
    }
    text.push(']');
    Some(())
}

fn takes_whole(pointers: &[&[Box<str>]]) -> bool {
    pointers.iter().any(|tokens| tokens.is_empty())
}

/// Whether the text is an integer as JSON writes it that a client's double holds exactly
/// (RFC 8259 § 6).
fn is_safe_integer(text: &str) -> bool {
    let number = text.parse::<i64>().ok();
    number.is_some_and(|n| n.unsigned_abs() < 1 << 53 && n.to_string() == text)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn json(text: &str) -> &RawValue {
        serde_json::from_str(text).unwrap()
    }

    fn redact(record: &str, pointers: &[&str]) -> Option<String> {
        let pointers: Vec<Pointer> = pointers.iter().map(|text| text.parse().unwrap()).collect();
        redacted(json(record), &pointers).map(|json| json.as_str().to_owned())
    }

    #[test]
    fn redaction_takes_out_what_stands_at_a_pointer_and_nothing_else() {
        for (record, pointers, left) in [
            (r#"{ "a": 1.10, "b": 2 }"#, &[][..], r#"{"a":1.10,"b":2}"#),
            (
                r#"{ "a": 1.10, "b": " " }"#,
                &["/c"],
                r#"{"a":1.10,"b":" "}"#,
            ),
            (r#"{"a":1,"b":2,"c":3}"#, &["/a", "/c"], r#"{"b":2}"#),
            (r#"{"a":1,"b":2,"a":3}"#, &["/a"], r#"{"b":2}"#),
            (r#"{"\u0061":1,"b":2}"#, &["/a"], r#"{"b":2}"#),
            (r#"{"a":{"b":1,"c":2}}"#, &["/a/b"], r#"{"a":{"c":2}}"#),
            (r#"{"a":{"b":1,"c":2}}"#, &["/a/b", "/a"], "{}"),
            (r#"{"a":"x","b":1}"#, &["/a/b"], r#"{"a":"x","b":1}"#),
            (
                r#"{"a":[{"b":1,"c":2},{"b":3},4]}"#,
                &["/a/b"],
                r#"{"a":[{"c":2},{},4]}"#,
            ),
            (
                r#"{"a":[{"b":1,"c":2},{"b":3}]}"#,
                &["/a/0/b"],
                r#"{"a":[{"c":2},{}]}"#,
            ),
            (
                r#"{"a":[[{"b":1}],[[{"b":2}]]]}"#,
                &["/a/b"],
                r#"{"a":[[{}],[[{}]]]}"#,
            ),
            (r#"{"a":[1,2],"b":3}"#, &["/a/0"], r#"{"a":[],"b":3}"#),
            (r#"{"0":1,"b":2}"#, &["/0"], r#"{"b":2}"#),
            (
                r#"{"n":12345678901234567890.10,"a":1}"#,
                &["/a"],
                r#"{"n":12345678901234567890.10}"#,
            ),
        ] {
            assert_eq!(
                redact(record, pointers).as_deref(),
                Some(left),
                "{record} {pointers:?}"
            );
        }
        assert_eq!(redact(r#"{"a":1}"#, &["/b", ""]), None);
    }

    #[test]
    fn a_record_as_deep_as_is_read_can_be_redacted() {
        let nested = |inner: &str| format!("{}{inner}{}", "[".repeat(127), "]".repeat(127));
        assert_eq!(redact(&nested(r#"{"a":1}"#), &["/a"]), Some(nested("{}")));
    }

    #[test]
    fn an_id_is_put_into_a_record_that_lacks_it() {
        for (record, id, expected) in [
            ("{}", "7", r#"{"id":7}"#),
            (r#"{"a": 1}"#, "7", r#"{"a":1,"id":7}"#),
            (r#"{"a":1}"#, "-7", r#"{"a":1,"id":-7}"#),
            (r#"{"a":1}"#, "07", r#"{"a":1,"id":"07"}"#),
            (r#"{"a":1}"#, "-0", r#"{"a":1,"id":"-0"}"#),
            (r#"{"a":1}"#, "1.0", r#"{"a":1,"id":"1.0"}"#),
            (
                r#"{"a":1}"#,
                "9007199254740991",
                r#"{"a":1,"id":9007199254740991}"#,
            ),
            (
                r#"{"a":1}"#,
                "9007199254740992",
                r#"{"a":1,"id":"9007199254740992"}"#,
            ),
            (r#"{"a":1}"#, r#"x"y"#, r#"{"a":1,"id":"x\"y"}"#),
            (r#"{"id":null,"a":1}"#, "7", r#"{"a":1,"id":7}"#),
            (r#"{"id":"x","a":1}"#, "7", r#"{"id":"x","a":1}"#),
        ] {
            let built = with_id(json(record), "id", &Id::new(id).unwrap()).unwrap();
            assert_eq!(Json::compact(&built).as_str(), expected, "{record} {id}");
        }
    }

    proptest! {
        #[test]
        fn nothing_redacted_is_left(keys in prop::collection::vec("[ab]", 0..6), deep: bool) {
            let members: Vec<_> = keys.iter().map(|key| format!("\"{key}\": [1, \"a\"]")).collect();
            let object = format!("{{{}}}", members.join(" , "));
            let record = if deep { format!("{{\"c\":[{object}]}}") } else { object };
            let left = redact(&record, &["/a", "/c/a"]).unwrap();
            prop_assert!(!left.contains("\"a\":"));
            prop_assert_eq!(left.matches("\"b\":").count(), record.matches("\"b\":").count());
        }
    }
}
