//! Who hears of an event, among 10,000 audiences of users with tokens.

use divan::{Bencher, black_box};
use jiff::Timestamp;
use jsonwebtoken::{EncodingKey, Header, encode};
use serde_json::json;
use tidings::access::{Credential, Secret};
use tidings::benching::Audiences;
use tidings::config;

use super::write;

const AUDIENCES: usize = 10_000;
const SECRET: &str = "a secret of the benchmark, and of nothing else";
const NOW: Timestamp = Timestamp::UNIX_EPOCH;

/// Each hears of a collection of its own.
#[divan::bench(args = ["one", "none"])]
fn by_collection(bencher: Bencher<'_, '_>, found: &str) {
    let collection = match found {
        "one" => "posts-4711",
        _ => "comments",
    };
    find(
        bencher,
        |user| format!("*:posts-{user}"),
        "",
        (collection, found),
    );
}

/// Each hears of the records that it owns.
#[divan::bench(args = ["one", "none"])]
fn by_rule(bencher: Bencher<'_, '_>, found: &str) {
    let collection = match found {
        "one" => "posts",
        _ => "comments",
    };
    let rules = "rules: { '*': { hear: 'owner = @request.auth.sub' }, \
        comments: { hear: 'author = @request.auth.sub' }, \
        posts: { hear: 'owner = @request.auth.sub' } }";
    find(bencher, |_| "*:*".to_owned(), rules, (collection, found));
}

fn find(
    bencher: Bencher<'_, '_>,
    hear: impl Fn(usize) -> String,
    rules: &str,
    (collection, found): (&str, &str),
) {
    let text = format!(
        "{{ listen: '127.0.0.1:1', upstream: 'http://127.0.0.1:2', \
         access: {{ jwt: {{ algorithms: [HS256], secret: '{SECRET}' }}, {rules} }} }}"
    );
    let access = config::parse("tidings.yaml", &text).unwrap().access;
    let mut audiences = Audiences::new(access.clone());
    let key = EncodingKey::from_secret(SECRET.as_bytes());
    for user in 0..AUDIENCES {
        let claims = json!({
            "sub": format!("user-{user}"), "exp": 60, "realtime": { "sub": [hear(user)] }
        });
        let token = encode(&Header::default(), &claims, &key).unwrap();
        let credential = Credential {
            token: Some(Secret::new(&token)),
            ..Credential::default()
        };
        audiences.join(access.grant(&credential, NOW).unwrap());
    }
    let event = write(
        collection,
        r#"{"id":"1","owner":"user-4711","title":"A post"}"#,
    );
    let expected = usize::from(found == "one");
    assert_eq!(audiences.find(&event, NOW), expected);
    bencher.bench_local(move || audiences.find(black_box(&event), NOW));
}
