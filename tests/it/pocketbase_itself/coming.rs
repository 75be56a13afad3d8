//! Who comes back, and where from.

use serde_json::json;

use super::{Both, CONFIG};
use crate::harness::{Place, PocketBase, Request, Scripted, ok};

/// The whole of it in pages of a browser.
#[tokio::test]
async fn a_page_hears_what_it_hears_of_pocketbase() {
    let both = Both::under(&[("posts", Some("owner = @request.auth.id"), Some(""))]).await;
    let mut both = both.in_a_browser().await;
    both.pocketbase.create_user("ada").await;
    both.run("await logIn(pb, 'ada'); await hear('all', '*');")
        .await;
    both.write("await posts.create({ owner: 'eve000000000000' })")
        .await;
    both.write("await posts.create({ owner: 'ada000000000000' })")
        .await;
    let told = both.hear(&["all create"]).await;
    assert_eq!(told[0][2]["owner"], json!("ada000000000000"));
}

/// An app has its pages elsewhere: PocketBase lets any in, and the sidecar those that it names.
#[tokio::test]
async fn a_page_of_another_site_hears_if_it_may() {
    let pocketbase = PocketBase::start().await;
    pocketbase.serve_page();
    let yaml = format!("{CONFIG}  origins: [\"{}\"]\n", pocketbase.url());
    let both = Both::with(pocketbase, &yaml).await;
    let mut page = Place::page(&format!("{}/page.html", both.pocketbase.url())).await;
    let script = "globalThis.pb = new PocketBase('URL');
        await pb.collection('posts').subscribe('*', (e) => tell(e.record.title));
        await pb.collection('posts').create({ title: 'a' });";
    page.run(&script.replace("URL", &both.sidecar.url("")))
        .await;
    assert_eq!(page.told().await, "a");
}

#[tokio::test]
async fn who_lost_a_stream_comes_back_to_it() {
    let mut both = Both::open().await;
    both.run(
        "pb.realtime.onDisconnect = () => tell(['stream', 'lost', null]);
         await pb.realtime.subscribe('PB_CONNECT', () => tell(['stream', 'open', null]));
         await hear('all', '*');",
    )
    .await;
    both.hear(&["stream open"]).await;
    both.pocketbase.restart().await;
    both.sidecar.restart().await;
    both.hear(&["stream lost", "stream open"]).await;
    // Once this is submitted, so is what was before.
    both.run("await hear('again', '*', { query: { n: 2 } })")
        .await;
    both.write("await posts.create({ title: 'a' })").await;
    both.hear(&["all create", "again create"]).await;
}

/// Its answer comes on the stream of who logs in, which PocketBase alone knows of.
#[tokio::test]
async fn who_logs_in_by_oauth2_does_so_where_pocketbase_answers() {
    let provider = Scripted::replying(|request: &Request| {
        ok(if request.head.start().starts_with("POST /token") {
            r#"{"access_token":"t","token_type":"bearer"}"#
        } else {
            r#"{"sub":"1","name":"Zoe","email":"zoe@example.com","email_verified":true}"#
        })
    })
    .await;
    let pocketbase = PocketBase::start().await;
    let url = provider.url();
    let oidc = json!({"name": "oidc", "clientId": "i", "clientSecret": "s", "authURL": url,
        "tokenURL": format!("{url}/token"), "userInfoURL": format!("{url}/user")});
    let oauth2 = json!({"oauth2": {"enabled": true, "providers": [oidc]}});
    pocketbase.change_collection("users", oauth2).await;
    let yaml = CONFIG.replace("pocketbase: {}", "pocketbase: { answered_by: upstream }");
    let mut both = Both::with(pocketbase, &yaml).await;
    let script = "const urlCallback = (url) => {
            const asked = new URL(url).searchParams, to = new URL(asked.get('redirect_uri'));
            to.search = new URLSearchParams({ state: asked.get('state'), code: 'c' });
            return fetch(to, { redirect: 'manual' });
        };
        await hear('all', '*');
        const told = await pb.collection('users').authWithOAuth2({ provider: 'oidc', urlCallback });
        return told.record.email";
    assert_eq!(both.run(script).await, json!("zoe@example.com"));
    both.write("await posts.create({ title: 'a' })").await;
    both.hear(&["all create"]).await;
}
