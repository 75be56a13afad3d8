//! Who hears: guests, users and superusers, under the rules of PocketBase.

use serde_json::json;

use super::{Both, ONE};
use crate::harness::eventually;

pub(super) const OWN: Option<&str> = Some("owner = @request.auth.id");

/// Three clients, each of which hears all posts and the one of id [`ONE`].
const CLIENTS: &str = "
    globalThis.clients = { guest: await client('guest'), ada: await client('ada'),
        root: await client('root', '_superusers') };
    for (const [name, as] of Object.entries(clients)) {
        await hear(`${name} all`, '*', { as }); await hear(`${name} one`, ONE, { as });
    }";

pub(super) async fn three(both: &Both) {
    both.pocketbase.create_user("ada").await;
    both.pocketbase.create_user("eve").await;
    both.run(&CLIENTS.replace("ONE", &format!("'{ONE}'"))).await;
}

pub(super) async fn end(both: &mut Both) {
    both.write("await writer.collection('ends').create({})")
        .await;
    both.hear(&["guest create", "ada create", "root create"])
        .await;
}

#[tokio::test]
async fn owners_hear_of_their_own_and_a_record_is_heard_by_everybody() {
    let mut both = Both::under(&[("posts", OWN, Some(""))]).await;
    three(&both).await;
    owners_hear(&mut both).await;
}

/// Who owns a post hears of it among all, and everybody of the one.
pub(super) async fn owners_hear(both: &mut Both) {
    both.write("await posts.create({ owner: 'ada000000000000' })")
        .await;
    both.hear(&["ada all create", "root all create"]).await;
    both.write(&format!(
        "await posts.create({{ id: '{ONE}', owner: 'eve000000000000' }})"
    ))
    .await;
    let one = ["guest one create", "ada one create", "root one create"];
    both.hear(&[&one[..], &["root all create"]].concat()).await;
    // Who does not own it any longer is not told.
    both.write(&format!(
        "await posts.update('{ONE}', {{ owner: 'ada000000000000' }})"
    ))
    .await;
    let one = ["guest one update", "ada one update", "root one update"];
    both.hear(&[&one[..], &["root all update", "ada all update"]].concat())
        .await;
    both.write(&format!("await posts.delete('{ONE}')")).await;
    let one = ["guest one delete", "ada one delete", "root one delete"];
    both.hear(&[&one[..], &["root all delete", "ada all delete"]].concat())
        .await;
    end(both).await;
}

#[tokio::test]
async fn a_rule_that_is_absent_is_for_superusers() {
    let mut both = Both::under(&[("posts", None, OWN), ("private", None, None)]).await;
    three(&both).await;
    both.run(
        "for (const [name, as] of Object.entries(clients)) {
            await hear(`${name} private`, '*', { as, of: 'private' });
        }",
    )
    .await;
    both.write(&format!(
        "await posts.create({{ id: '{ONE}', owner: 'ada000000000000' }})"
    ))
    .await;
    both.hear(&["ada one create", "root one create", "root all create"])
        .await;
    both.write("await writer.collection('private').create({ title: 'a' })")
        .await;
    both.hear(&["root private create"]).await;
    end(&mut both).await;
}

#[tokio::test]
async fn a_token_is_refreshed_and_nobody_becomes_somebody_else() {
    let mut both = Both::under(&[("posts", OWN, Some(""))]).await;
    three(&both).await;
    let script = "
        const { ada } = clients, users = ada.collection('users');
        const before = ada.authStore.token;
        await users.authRefresh();
        await hear('ada again', '*', { as: ada, query: { n: 2 } });
        await logIn(ada, 'eve');
        const other = await failure(hear('eve', '*', { as: ada, query: { n: 3 } }));
        ada.authStore.clear();
        const nobody = await failure(hear('nobody', '*', { as: ada, query: { n: 4 } }));
        return [other, nobody]";
    let refused = both.run(script).await;
    assert_eq!((&refused[0][0], &refused[1][0]), (&json!(403), &json!(403)));
    both.write("await posts.create({ owner: 'eve000000000000' })")
        .await;
    both.hear(&["root all create"]).await;
    both.write("await posts.create({ owner: 'ada000000000000' })")
        .await;
    both.hear(&["root all create", "ada all create", "ada again create"])
        .await;
    end(&mut both).await;
}

#[tokio::test]
async fn a_guest_becomes_somebody() {
    let mut both = Both::under(&[("posts", OWN, Some(""))]).await;
    three(&both).await;
    both.write("await posts.create({ owner: 'eve000000000000' })")
        .await;
    both.hear(&["root all create"]).await;
    both.run(
        "await logIn(clients.guest, 'eve');
         await hear('eve all', '*', { as: clients.guest, query: { n: 2 } });",
    )
    .await;
    both.write("await posts.create({ owner: 'eve000000000000' })")
        .await;
    both.hear(&["root all create", "guest all create", "eve all create"])
        .await;
    end(&mut both).await;
}

/// Whoever writes is answered more than others may know. PocketBase tells it to who may know it too.
#[tokio::test]
async fn an_email_that_is_not_for_all_is_told_to_nobody() {
    let mut both = Both::under(&[("users", Some(""), Some(""))]).await;
    three(&both).await;
    both.run(
        "for (const [name, as] of Object.entries(clients)) {
            await hear(name, '*', { as, of: 'users' });
        }",
    )
    .await;
    both.write(
        "await logIn(writer, 'ada');
         await writer.collection('users').update('ada000000000000', { name: 'Ada' });",
    )
    .await;
    let [mut own, by_sidecar] = both.heard(3).await;
    let may = own.iter_mut().filter(|told| told[0] != "guest");
    for told in may {
        let email = told[2].as_object_mut().unwrap().remove("email");
        assert_eq!(email, Some(json!("ada@example.com")));
    }
    assert_eq!(by_sidecar, own);
    let seen =
        "await writer.collection('users').update('ada000000000000', { emailVisibility: true })";
    both.write(seen).await;
    both.hear(&["guest update", "ada update", "root update"])
        .await;
}

/// PocketBase knows at once, the sidecar when it asks again.
#[tokio::test]
async fn who_is_no_user_any_longer_is_a_guest() {
    let mut both = Both::under(&[("posts", OWN, Some(""))]).await;
    both.pocketbase.create_user("ada").await;
    both.run("await hear('own', '*', { as: await client('ada') });")
        .await;
    let write = "await posts.create({ owner: 'ada000000000000' });
        await writer.collection('ends').create({})";
    both.write(write).await;
    both.hear(&["own create", "ada create"]).await;
    let path = "/api/collections/users/records/ada000000000000";
    let gone = both.pocketbase.api("DELETE", path, json!(null));
    gone.await.expect(204);
    eventually("the sidecar to know", async || {
        both.write(write).await;
        assert_eq!(both.places[0].told().await[0], "ada");
        let by_sidecar = &mut both.places[1];
        let first = by_sidecar.told().await;
        let heard = first[0] == "own";
        if heard {
            assert_eq!(by_sidecar.told().await[0], "ada");
        }
        (!heard).then_some(())
    })
    .await;
}

#[tokio::test]
async fn users_are_known_in_every_dialect() {
    let both = Both::under(&[("posts", OWN, Some(""))]).await;
    both.pocketbase.create_user("ada").await;
    let token = both.pocketbase.token("ada").await;
    let mut guest = both.sidecar.hear("/realtime").await;
    let mut ada = both.sidecar.hear(&format!("/realtime?jwt={token}")).await;
    let token = both.pocketbase.superuser_token();
    let mut root = both.sidecar.hear(&format!("/realtime?jwt={token}")).await;
    for owner in ["eve000000000000", "ada000000000000"] {
        both.write(&format!("await posts.create({{ owner: '{owner}' }})"))
            .await;
        assert_eq!(root.next().await.json()["data"]["owner"], owner);
    }
    both.write("await writer.collection('ends').create({})")
        .await;
    assert_eq!(ada.next().await.json()["data"]["owner"], "ada000000000000");
    for stream in [&mut guest, &mut ada, &mut root] {
        assert_eq!(stream.next().await.json()["collection"], "ends");
    }
}

/// A token that a superuser made for a user, and that cannot be refreshed.
#[tokio::test]
async fn a_token_of_an_impersonation_counts() {
    let mut both = Both::under(&[("posts", OWN, Some(""))]).await;
    both.pocketbase.create_user("ada").await;
    both.run(
        "const root = new PocketBase(pb.baseURL);
         await logIn(root, 'root', '_superusers');
         const ada = await root.collection('users').impersonate('ada000000000000', 3600);
         await hear('own', '*', { as: ada });",
    )
    .await;
    both.write("await posts.create({ owner: 'eve000000000000' })")
        .await;
    both.write("await posts.create({ owner: 'ada000000000000' })")
        .await;
    let told = both.hear(&["own create"]).await;
    assert_eq!(told[0][2]["owner"], "ada000000000000");
}

/// PocketBase answers as to a guest.
#[tokio::test]
async fn a_token_that_does_not_count_is_a_guests() {
    let mut both = Both::under(&[("posts", Some("@request.auth.id != ''"), Some(""))]).await;
    both.pocketbase.create_user("ada").await;
    let script = format!(
        "const own = await client('ada'), [head, claims, signed] = own.authStore.token.split('.');
         const other = btoa(JSON.stringify({{ ...JSON.parse(atob(claims)), collectionId: 'other' }}));
         const forged = [head, claims, signed.split('').reverse().join('')].join('.');
         const tokens = ['garbage', 'a.b.c', forged, [head, other, signed].join('.'),
             await own.files.getToken(), 'Bearer', `Bearer ${{own.authStore.token}} x`];
         for (const token of tokens) {{
             const as = new PocketBase(pb.baseURL);
             as.authStore.save(token, null);
             await hear('all', '*', {{ as }}); await hear('one', '{ONE}', {{ as }});
         }}
         return tokens.length"
    );
    let clients = both.run(&script).await.as_u64().unwrap();
    both.write(&format!("await posts.create({{ id: '{ONE}' }})"))
        .await;
    let expected = vec!["one create"; usize::try_from(clients).unwrap()];
    both.hear(&expected).await;
    both.write("await writer.collection('ends').create({})")
        .await;
    both.hear(&["ada create"]).await;
}
