//! Kinto's records, its collections and its batches.

use super::*;

const RECORDS: &str = "/v1/buckets/blog/collections/posts/records";

#[test]
fn kinto_is_observed_by_its_records() {
    for (request, place) in [
        (format!("POST {RECORDS}"), Some("blog/posts -")),
        (format!("PUT {RECORDS}/r1"), Some("blog/posts r1")),
        (format!("DELETE {RECORDS}"), Some("blog/posts -")),
        (
            format!("POST {RECORDS}/r1/attachment"),
            Some("blog/posts r1"),
        ),
        (
            "DELETE /v1/buckets/blog/collections/posts".to_owned(),
            Some("blog/posts -"),
        ),
        ("PUT /v1/buckets/blog/collections/posts".to_owned(), None),
        ("PUT /v1/buckets/blog/groups/editors".to_owned(), None),
        (
            "POST /v1/buckets/default/collections/tasks/records".to_owned(),
            None,
        ),
        ("PUT /v1/accounts/ada".to_owned(), None),
        ("PUT /v1/buckets/blog".to_owned(), None),
        (RECORDS.replace("/v1", "POST "), None),
    ] {
        let (method, path) = request.split_once(' ').unwrap();
        assert_eq!(found("kinto", method, path).as_deref(), place, "{request}");
    }
}

#[test]
fn what_is_answered_is_told_only_where_it_is_the_record() {
    let snapshot = preset("kinto");
    let told = |request: &str, answer: &str| {
        let request = request.replace("R", RECORDS);
        events(&snapshot, &request, b"[\"x\"]", JSON, answer)
    };
    let record = r#"{"permissions":{},"data":{"id":"r1","n":1}}"#;
    let written = |method: &str| format!("{method} blog/posts r1 {{\"id\":\"r1\",\"n\":1}}");
    assert_eq!(told("POST R", &format!("201 {record}")), [written("POST")]);
    // It was there already.
    assert_eq!(told("POST R", &format!("200 {record}")), [""; 0]);
    for status in [200, 201] {
        let answer = format!("{status} {record}");
        assert_eq!(told("PUT R/r1", &answer), [written("PUT")]);
    }
    let light = told("PATCH R/r1", r#"200 {"data":{"n":1}}"#);
    assert_eq!(light, ["PATCH blog/posts r1 -"]);
    let gone = |id: &str| format!(r#"{{"id":"{id}","last_modified":1,"deleted":true}}"#);
    let deleted = told("DELETE R/r1", &format!("200 {{\"data\":{}}}", gone("r1")));
    assert_eq!(deleted, ["DELETE blog/posts r1 -"]);
    let both = format!("200 {{\"data\":[{},{}]}}", gone("r1"), gone("r2"));
    assert_eq!(told("DELETE R", &both), ["DELETE blog/posts r1,r2 -"]);
    assert_eq!(told("DELETE R", r#"200 {"data":[]}"#), [""; 0]);
    let collection = RECORDS.replace("/records", "");
    let whole = told(
        &format!("DELETE {collection}"),
        r#"200 {"data":{"id":"posts"}}"#,
    );
    assert_eq!(whole, ["uncertain DELETE blog/posts -"]);
    let attached = told("POST R/r1/attachment", r#"201 {"filename":"a"}"#);
    assert_eq!(attached, ["uncertain POST blog/posts r1"]);
}

#[test]
fn what_takes_whole_collections_away_is_a_gap() {
    let snapshot = preset("kinto");
    for request in [
        "DELETE /v1/buckets",
        "DELETE /v1/buckets/blog",
        "DELETE /v1/buckets/blog/collections",
        "POST /v1/__flush__",
    ] {
        let told = |answer: &str| {
            let sent = br#"{"requests":[]}"#;
            events(&snapshot, request, sent, JSON, answer)
        };
        assert_eq!(told("200 {\"data\":[]}"), ["gap"], "{request}");
        assert_eq!(told("503 "), ["gap"], "{request}");
        assert_eq!(told("403 "), [""; 0], "{request}");
    }
    assert!(
        snapshot
            .observe
            .observed("DELETE", "/v1/buckets/default", "", &http::HeaderMap::new())
            .is_none()
    );
}

/// The statuses are those of the batch's requests, in their order.
fn batch(sent: &str, statuses: &[u16], of_all: u16) -> Vec<String> {
    let answer = |status: &u16| {
        format!(
            r#"{{"status":{status},"path":"/","headers":{{}},"body":{{"data":{{"id":"r1"}}}}}}"#
        )
    };
    let answers: Vec<_> = statuses.iter().map(answer).collect();
    let answer = format!("{of_all} {{\"responses\":[{}]}}", answers.join(","));
    events(
        &preset("kinto"),
        "POST /v1/batch",
        sent.as_bytes(),
        JSON,
        &answer,
    )
}

const BATCH: &str = r#"{"defaults":{"method":"POST","path":"RECORDS","body":{"data":{"n":1}}},
    "requests":[{"body":{"data":{"m":2}}},{},
    {"method":"PUT","path":"/v1RECORDS/r1?x=1","headers":{"If-Match":"\"1\""}},
    {"method":"DELETE","path":"RECORDS/r1/"},{"method":"GET"},{"method":"DELETE","path":"/buckets/blog"}]}"#;

#[test]
fn each_request_of_a_batch_has_a_status_of_its_own() {
    let sent = BATCH.replace("RECORDS", &RECORDS.replace("/v1", ""));
    let posted = r#"POST blog/posts r1 {"id":"r1"}"#;
    let put = r#"PUT blog/posts r1 {"id":"r1"}"#;
    let told = |statuses: &[u16]| batch(&sent, statuses, 200);
    assert_eq!(
        told(&[201, 201, 200, 200, 200, 200]),
        [
            posted,
            posted,
            put,
            r#"DELETE blog/posts r1 {"id":"r1"}"#,
            "gap"
        ]
    );
    // One that is refused undoes no other.
    assert_eq!(told(&[201, 200, 412, 404, 200, 403]), [posted]);
    for undoing in [409, 503] {
        let uncertain = "uncertain POST blog/posts -";
        let expected = match undoing {
            409 => vec![uncertain, uncertain],
            _ => vec![uncertain, uncertain, "uncertain PUT blog/posts r1"],
        };
        assert_eq!(
            told(&[201, 201, undoing, 404, 200, 403]),
            expected,
            "{undoing}"
        );
    }
    assert_eq!(batch(&sent, &[], 400), [""; 0]);
    assert_eq!(batch(&sent, &[], 503).len(), 5);
}

#[test]
fn a_batch_that_lacks_a_path_is_a_gap() {
    for sent in [
        r#"{"requests":[{"method":"POST"}]}"#,
        r#"{"defaults":{"path":7},"requests":[{"method":"POST"}]}"#,
        r#"{"defaults":{"path":"/a","PATH":"/b"},"requests":[{"method":"POST"}]}"#,
        r#"{"defaults":[],"requests":[{"method":"POST","path":"/a"}]}"#,
    ] {
        assert_eq!(batch(sent, &[201], 200), ["gap"], "{sent}");
    }
    // Without a method it reads.
    let reads = format!(r#"{{"requests":[{{"path":"{RECORDS}"}}]}}"#);
    assert_eq!(batch(&reads, &[200], 200), [""; 0]);
}

#[test]
fn a_batch_may_leave_out_what_its_upstream_stands_behind() {
    let yaml = least("observe: { preset: kinto, prefix: /kinto }");
    let snapshot = load_text(&yaml).unwrap();
    for path in ["/kinto/v1", "/v1", ""] {
        let path = RECORDS.replace("/v1", path);
        let sent = format!(r#"{{"requests":[{{"method":"DELETE","path":"{path}/r1"}}]}}"#);
        let answer = r#"200 {"responses":[{"status":200}]}"#;
        let told = events(
            &snapshot,
            "POST /kinto/v1/batch",
            sent.as_bytes(),
            JSON,
            answer,
        );
        assert_eq!(told, ["DELETE blog/posts r1 -"], "{path}");
    }
}

#[test]
fn what_is_wrong_with_a_gap_or_a_batch_is_refused() {
    let table = "\
observe: { gaps: [{ path: a }] }  =>  3:observe.gaps[0].path must start with `/`
observe: { gaps: [{ path: /a, methods: [GET] }] }  =>  3:observe.gaps[0].methods[0] is no method
observe: { gaps: [{ path: /a, methods: [] }] }  =>  3:observe.gaps[0].methods must not be empty
observe: { batches: [{ path: /a, base: v1 }] }  =>  3:observe.batches[0].base must start with `/`
observe: { batches: [{ path: /a, defaults: x }] }  =>  3:observe.batches[0].defaults must start with `/`
observe: { batches: [{ path: /a, undone_by: [1] }] }  =>  3:observe.batches[0].undone_by[0] is no status
observe: { rules: [{ path: '/{collection}', tombstone: x }] }  =>  3:observe.rules[0].tombstone must start with `/`
observe: { rules: [{ path: '/{collection}', uncertain: 2 }] }  =>  3:observe.rules[0].uncertain must be true or false";
    for (rest, expected) in refusals::rows(table) {
        refusals::check(&rest, expected);
    }
}

/// Reading it asks for both parts of the name.
#[test]
fn a_record_is_read_in_its_bucket() {
    let snapshot = preset("kinto");
    let (_rule, read) = snapshot.observe.read().unwrap();
    let id = crate::event::Id::new("r1").unwrap();
    let target = read.record.of("blog/posts", &id).unwrap();
    assert_eq!(target.path(), format!("{RECORDS}/r1"));
}
