//! PocketBase's SDK hears of an API that Django REST framework makes, by the API's own tokens.

use serde_json::{Value, json};

use crate::harness::{Place, SessionApi, Sidecar};

/// Everybody hears of `posts` what `RULE` says.
const CONFIG: &str = r#"
listen: LISTEN
admin: ADMIN
upstream: UPSTREAM
observe: { preset: drf, prefix: /api }
realtime: { pocketbase: {}, restdb: { path: /realtime } }
access:
  global: true
  identity: { ask: /api/me, cache: 1s }
  rules:
    posts: RULE
"#;

/// [`CONFIG`] with a list that is asked as well, by its filter.
fn with_a_list() -> String {
    let rule = "rules: [{ path: '/api/{collection}/{id?}', read: { \
        record: '/api/{collection}/{id}/', list: '/api/{collection}/?id={id}', items: '' } }]";
    CONFIG.replace("preset: drf, prefix: /api", rule)
}

const OWN: &str = r#"{ hear: "owner = @request.auth.id" }"#;

/// A guest, ada and eve, each of whom hears of all posts and of the second.
const CLIENTS: &str = "
    for (const [name, token] of Object.entries(TOKENS)) {
        const own = new PocketBase(pb.baseURL);
        if (token) own.authStore.save(token, null);
        for (const topic of ['*', '2']) {
            const said = (e) => tell([`${name} ${topic}`, e.action, e.record]);
            await own.collection('posts').subscribe(topic, said);
        }
    }";

struct Run {
    api: SessionApi,
    sidecar: Sidecar,
    place: Place,
    tokens: Value,
}

impl Run {
    async fn start(config: &str, rule: &str) -> Self {
        let api = SessionApi::start().await;
        let sidecar = Sidecar::start(&api.url(), &config.replace("RULE", rule)).await;
        let place = Place::sdk(&sidecar.url("")).await;
        let (ada, eve) = (api.token("ada").await, api.token("eve").await);
        let tokens = json!({"guest": null, "ada": ada, "eve": eve});
        place
            .run(&CLIENTS.replace("TOKENS", &tokens.to_string()))
            .await;
        Self {
            api,
            sidecar,
            place,
            tokens,
        }
    }

    /// A write of that user's, as Django's documentation has the field.
    async fn write(&self, user: &str, method: &str, path: &str, body: Value, status: u16) {
        let token = format!("Token {}", self.tokens[user].as_str().unwrap());
        let headers = [
            ("Content-Type", "application/json"),
            ("Authorization", &*token),
        ];
        let body = body.to_string();
        let answer = self.sidecar.send(method, path, &headers, body.as_bytes());
        answer.await.expect(status);
    }

    /// What is told next: exactly these messages, in any order.
    async fn hears(&mut self, expected: &[Value]) {
        let mut told = Vec::new();
        for _ in expected {
            told.push(self.place.told().await);
        }
        let mut expected = expected.to_vec();
        told.sort_by_key(Value::to_string);
        expected.sort_by_key(Value::to_string);
        assert_eq!(told, expected);
    }
}

fn post(id: u32, title: &str, owner: u32) -> Value {
    json!({"id": id, "title": title, "n": 0, "owner": owner,
        "collectionId": "posts", "collectionName": "posts"})
}

/// Of each of these topics. Shape of one: `eve *`, who hears and what is subscribed to.
fn told(topics: &[&str], action: &str, record: &Value) -> Vec<Value> {
    let told = topics.iter().map(|topic| json!([topic, action, record]));
    told.collect()
}

/// Ada is the first user, eve the second.
async fn owners_hear_of_their_own(run: &mut Run) {
    for (user, id, title, topics) in [
        ("ada", 1, "a", &["ada *"][..]),
        ("eve", 2, "b", &["eve *", "eve 2"]),
    ] {
        run.write(user, "POST", "/api/posts/", json!({ "title": title }), 201)
            .await;
        run.hears(&told(topics, "create", &post(id, title, id)))
            .await;
    }
    let path = "/api/posts/2/";
    // It is not hers: Django does not find it.
    run.write("ada", "PATCH", path, json!({}), 404).await;
    for (method, title) in [("PATCH", "c"), ("PUT", "d")] {
        run.write("eve", method, path, json!({ "title": title }), 200)
            .await;
        run.hears(&told(&["eve *", "eve 2"], "update", &post(2, title, 2)))
            .await;
    }
}

#[tokio::test]
async fn a_model_view_set_is_heard_under_a_rule() {
    let mut run = Run::start(CONFIG, OWN).await;
    owners_hear_of_their_own(&mut run).await;
    run.write("eve", "DELETE", "/api/posts/2/", json!({}), 204)
        .await;
    // As it was before.
    run.hears(&told(&["eve *", "eve 2"], "delete", &post(2, "d", 2)))
        .await;
}

/// Django finds for each user what is theirs: it is asked of each record, as that user.
#[tokio::test]
async fn a_model_view_set_is_heard_by_whom_django_lets_find_it() {
    for (config, lists) in [(CONFIG, false), (&with_a_list(), true)] {
        let mut run = Run::start(config, "{ rule: upstream }").await;
        owners_hear_of_their_own(&mut run).await;
        run.write("eve", "DELETE", "/api/posts/2/", json!({}), 204)
            .await;
        run.hears(&told(&["eve *", "eve 2"], "delete", &post(2, "d", 2)))
            .await;
        assert_eq!(run.api.times_read("/api/posts/?id=2") > 0, lists);
        assert!(run.api.times_read("/api/posts/2/") > 0);
    }
}
