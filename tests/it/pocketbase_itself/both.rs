//! PocketBase and the sidecar before it, with PocketBase's SDK at each.

use serde_json::{Value, json};

use crate::harness::{PASSWORD, Place, PocketBase, Sidecar};

/// Ids that records of a test have.
pub(super) const ONE: &str = "record000000001";
pub(super) const TWO: &str = "record000000002";

/// What the configuration has of a PocketBase, but for the rules of its collections.
pub(super) const CONFIG: &str = r#"
listen: LISTEN
admin: ADMIN
upstream: UPSTREAM
observe: { preset: pocketbase }
realtime: { pocketbase: {}, restdb: { path: /realtime } }
access:
  global: true
  identity: { preset: pocketbase, cache: 1s }
  superusers: "@request.auth.collectionName = '_superusers'"
"#;

/// What scripts say. A subscription tells of each message `[NAME, ACTION, RECORD]`; a client that
/// is somebody's, or a guest's, hears of `ends` under its name from the beginning.
const WORDS: &str = "
    globalThis.hear = (name, topic, { of = 'posts', as = pb, ...options } = {}) =>
        as.collection(of).subscribe(topic, (e) => tell([name, e.action, e.record]), options);
    globalThis.logIn = (client, user, of = 'users') =>
        client.collection(of).authWithPassword(`${user}@example.com`, PASSWORD);
    globalThis.client = async (name, of) => {
        const own = new PocketBase(pb.baseURL);
        if (name !== 'guest') await logIn(own, name, of);
        await hear(name, '*', { of: 'ends', as: own });
        return own;
    };
    globalThis.failure = (promise) => promise.then(() => null, (e) => [e.status, e.response]);";

/// One PocketBase, which is written to by the sidecar, and who listens at each.
pub(super) struct Both {
    pub(super) pocketbase: PocketBase,
    pub(super) sidecar: Sidecar,
    /// The SDK at PocketBase itself, and at the sidecar.
    pub(super) places: [Place; 2],
}

/// The rules of a collection: who may list, and who may view.
pub(super) type Rules<'a> = (&'a str, Option<&'a str>, Option<&'a str>);

impl Both {
    /// With everybody for `posts`.
    pub(super) async fn open() -> Self {
        Self::under(&[("posts", Some(""), Some(""))]).await
    }

    /// With the same rules in the collections and in the configuration.
    pub(super) async fn under(rules: &[Rules<'_>]) -> Self {
        let pocketbase = PocketBase::start().await;
        let mut lines = String::new();
        for (collection, list, view) in rules {
            pocketbase.set_rules(collection, *list, *view).await;
            let rule = json!({"list": list, "view": view});
            lines.push_str(&format!("    {collection}: {rule}\n"));
        }
        Self::before(pocketbase, &lines).await
    }

    /// With these lines as the rules of the configuration.
    pub(super) async fn before(pocketbase: PocketBase, rules: &str) -> Self {
        Self::with(pocketbase, &format!("{CONFIG}  rules:\n{rules}")).await
    }

    /// With another configuration than [`CONFIG`] and rules.
    pub(super) async fn with(pocketbase: PocketBase, yaml: &str) -> Self {
        let sidecar = Sidecar::start(&pocketbase.url(), yaml).await;
        let places = [
            Place::sdk(&pocketbase.url()).await,
            Place::sdk(&sidecar.url("")).await,
        ];
        let both = Self {
            pocketbase,
            sidecar,
            places,
        };
        both.learn().await;
        both
    }

    /// The same with pages in a browser for places.
    pub(super) async fn in_a_browser(self) -> Self {
        self.pocketbase.serve_page();
        let places = [
            Place::page(&format!("{}/page.html", self.pocketbase.url())).await,
            Place::page(&self.sidecar.url("/page.html")).await,
        ];
        let both = Self { places, ..self };
        both.learn().await;
        both
    }

    async fn learn(&self) {
        let words = WORDS.replace("PASSWORD", &format!("'{PASSWORD}'"));
        self.run(&words).await;
    }

    /// Runs a script at both; what it returns, which has to be the same.
    pub(super) async fn run(&self, script: &str) -> Value {
        let [pocketbase, sidecar] = &self.places;
        let own = pocketbase.run(script).await;
        assert_eq!(sidecar.run(script).await, own, "{script}");
        own
    }

    /// Runs a script with a write in it, by the sidecar alone; what it returns. It has `posts`,
    /// and the client `writer` that nobody else uses.
    pub(super) async fn write(&self, script: &str) -> Value {
        let writer = "globalThis.writer ??= new PocketBase(pb.baseURL);
            const posts = writer.collection('posts');";
        self.places[1].run(&format!("{writer}{script}")).await
    }

    /// Waits until both have told so many messages, which are the same, and are these in any
    /// order. Shape: `all create`.
    pub(super) async fn hear(&mut self, expected: &[&str]) -> Vec<Value> {
        let [own, by_sidecar] = self.heard(expected.len()).await;
        assert_eq!(own, by_sidecar, "by PocketBase, and by the sidecar");
        let short = |told: &Value| format!("{} {}", text(&told[0]), text(&told[1]));
        let mut told: Vec<String> = own.iter().map(short).collect();
        let mut expected = expected.to_vec();
        told.sort_unstable();
        expected.sort_unstable();
        assert_eq!(told, expected);
        own
    }

    /// So many messages of each, in the order of their text: that of PocketBase's is chance.
    pub(super) async fn heard(&mut self, count: usize) -> [Vec<Value>; 2] {
        let mut heard = [vec![], vec![]];
        for ((place, heard), name) in self
            .places
            .iter_mut()
            .zip(&mut heard)
            .zip(["PocketBase", "the sidecar"])
        {
            for _ in 0..count {
                let told = place.told().await;
                println!("by {name}: {told}");
                heard.push(told);
            }
            heard.sort_by_key(Value::to_string);
        }
        heard
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("{value}"))
}
