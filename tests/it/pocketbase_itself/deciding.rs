//! Who hears where PocketBase itself decides: `rule: upstream`.

use serde_json::json;

use super::knowing::{OWN, end, owners_hear, three};
use super::{Both, ONE, TWO};
use crate::harness::PocketBase;

/// A sidecar with that line of rules, and a guest, a user and a superuser.
async fn asking(pocketbase: PocketBase, rule: &str) -> Both {
    let both = Both::before(pocketbase, &format!("    {rule}\n")).await;
    three(&both).await;
    both
}

const POSTS: &str = "posts: { rule: upstream }";

/// The three clients hear of all notes as `ada notes`, and of the one as `ada note`.
async fn hear_notes(both: &Both) {
    both.run(&format!(
        "for (const [name, as] of Object.entries(clients)) {{
            await hear(`${{name}} notes`, '*', {{ as, of: 'notes' }});
            await hear(`${{name}} note`, '{ONE}', {{ as, of: 'notes' }});
        }}"
    ))
    .await;
}

#[tokio::test]
async fn owners_hear_of_their_own_and_a_record_is_heard_by_everybody() {
    let pocketbase = PocketBase::start().await;
    pocketbase.set_rules("posts", OWN, Some("")).await;
    let mut both = asking(pocketbase, POSTS).await;
    owners_hear(&mut both).await;
}

/// Notes are for the members of their team, which no note says. That rule may stand in the
/// configuration, where it cannot be decided, or not.
#[tokio::test]
async fn a_rule_about_other_records_is_decided_by_pocketbase() {
    for rule in [
        "notes: { rule: upstream }",
        "notes: { hear: 'team.members.id ?= @request.auth.id', rule: upstream }",
    ] {
        let mut both = asking(PocketBase::start().await, rule).await;
        hear_notes(&both).await;
        let team = json!({"id": TWO, "members": ["ada000000000000"]});
        both.pocketbase.create("teams", team).await;
        let note = format!("{{ id: '{ONE}', team: '{TWO}' }}");
        both.write(&format!("await writer.collection('notes').create({note})"))
            .await;
        let (ada, root) = (
            ["ada note create", "ada notes create"],
            ["root note create", "root notes create"],
        );
        both.hear(&[ada, root].concat()).await;
        let others = "{ members: ['eve000000000000'] }";
        both.write(&format!(
            "await writer.collection('teams').update('{TWO}', {others})"
        ))
        .await;
        both.write(&format!(
            "await writer.collection('notes').update('{ONE}', {{ title: 'b' }})"
        ))
        .await;
        both.hear(&["root note update", "root notes update"]).await;
        end(&mut both).await;
    }
}

/// Nothing is left to be asked about: PocketBase knows what it deletes, the sidecar what it said.
#[tokio::test]
async fn a_delete_is_heard_by_whom_the_record_was_shown() {
    let mut both = asking(PocketBase::start().await, "notes: { rule: upstream }").await;
    let team = json!({"id": TWO, "members": ["ada000000000000"]});
    both.pocketbase.create("teams", team).await;
    let unseen = json!({"id": "record000000003", "team": TWO});
    both.pocketbase.create("notes", unseen).await;
    hear_notes(&both).await;
    let note = format!("{{ id: '{ONE}', team: '{TWO}' }}");
    both.write(&format!("await writer.collection('notes').create({note})"))
        .await;
    both.hear(&[
        "ada note create",
        "ada notes create",
        "root note create",
        "root notes create",
    ])
    .await;
    both.write(&format!("await writer.collection('notes').delete('{ONE}')"))
        .await;
    both.hear(&[
        "ada note delete",
        "ada notes delete",
        "root note delete",
        "root notes delete",
    ])
    .await;
    both.write("await writer.collection('notes').delete('record000000003')")
        .await;
    for _ in ["ada notes", "root notes"] {
        assert_eq!(both.places[0].told().await[1], "delete");
    }
    // Superusers are not asked about.
    assert_eq!(both.places[1].told().await[0], "root notes");
    end(&mut both).await;
}

/// Each is asked about on its own, and told in its turn.
#[tokio::test]
async fn a_batch_is_heard_in_its_order() {
    let mut both = Both::before(PocketBase::start().await, &format!("    {POSTS}\n")).await;
    both.run("await hear('all', '*')").await;
    both.write(
        "const batch = writer.createBatch();
         for (const n of Array(20).keys()) batch.collection('posts').create({ n });
         await batch.send();",
    )
    .await;
    for n in 0..20 {
        assert_eq!(both.places[1].told().await[2]["n"], n);
    }
}

#[tokio::test]
async fn who_is_no_user_any_longer_hears_nothing_more() {
    let pocketbase = PocketBase::start().await;
    pocketbase.set_rules("posts", OWN, OWN).await;
    let mut both = asking(pocketbase, POSTS).await;
    let write = "await posts.create({ owner: 'ada000000000000' })";
    both.write(write).await;
    both.hear(&["ada all create", "root all create"]).await;
    let path = "/api/collections/users/records/ada000000000000";
    let gone = both.pocketbase.api("DELETE", path, json!(null));
    gone.await.expect(204);
    both.write(write).await;
    both.hear(&["root all create"]).await;
    end(&mut both).await;
}

/// A superuser who writes is answered what is hidden.
#[tokio::test]
async fn what_is_hidden_is_told_to_superusers() {
    let pocketbase = PocketBase::start().await;
    let path = "/api/collections/posts";
    let mut posts = pocketbase.api("GET", path, json!(null)).await.json();
    for field in posts["fields"].as_array_mut().unwrap() {
        field["hidden"] = json!(field["name"] == "title");
    }
    pocketbase
        .change_collection("posts", json!({"fields": posts["fields"]}))
        .await;
    let mut both = asking(pocketbase, "'*': { rule: upstream }").await;
    // A filter asks for what its client may see.
    let filter = "{ as: clients.guest, filter: \"title = 'a'\" }";
    both.run(&format!("await hear('is', '*', {filter})")).await;
    both.write("await logIn(writer, 'root', '_superusers'); await posts.create({ title: 'a' });")
        .await;
    let told = both
        .hear(&["guest all create", "ada all create", "root all create"])
        .await;
    let knowing = told.iter().filter(|told| told[2]["title"] == "a");
    assert_eq!(knowing.count(), 1);
    end(&mut both).await;
}
