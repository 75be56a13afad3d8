//! What is subscribed to, and how.

use serde_json::json;

use super::{Both, ONE, TWO};
use crate::harness::PocketBase;

#[tokio::test]
async fn a_collection_and_a_record_are_heard() {
    let mut both = Both::open().await;
    both.run(&format!(
        "await hear('all', '*'); await hear('one', '{ONE}');"
    ))
    .await;
    both.write(&format!(
        "await posts.create({{ id: '{ONE}', title: 'a', n: 1.5 }});"
    ))
    .await;
    both.hear(&["all create", "one create"]).await;
    both.write(&format!(
        "await posts.create({{ id: '{TWO}', owner: 'ü\\n\"' }});"
    ))
    .await;
    both.hear(&["all create"]).await;
    both.write(&format!(
        "await posts.update('{ONE}', {{ title: 'b', 'n+': 2 }});"
    ))
    .await;
    let told = both.hear(&["all update", "one update"]).await;
    assert_eq!(
        (&told[0][2]["title"], &told[0][2]["n"]),
        (&json!("b"), &json!(3.5))
    );
    both.write(&format!("await posts.delete('{ONE}');")).await;
    // As it was before.
    let told = both.hear(&["all delete", "one delete"]).await;
    assert_eq!(told[0][2]["title"], "b");
}

#[tokio::test]
async fn subscriptions_are_ended_each_way() {
    let mut both = Both::open().await;
    both.run(&format!(
        "globalThis.off = await hear('first', '*'); await hear('second', '*');
         await hear('one', '{ONE}'); await hear('two', '{TWO}');"
    ))
    .await;
    let create = "await posts.create({});";
    both.write(create).await;
    both.hear(&["first create", "second create"]).await;
    both.run("await off()").await;
    both.write(&format!("await posts.create({{ id: '{ONE}' }})"))
        .await;
    both.hear(&["second create", "one create"]).await;
    both.run("await pb.collection('posts').unsubscribe('*')")
        .await;
    both.write(create).await;
    both.write(&format!("await posts.create({{ id: '{TWO}' }})"))
        .await;
    both.hear(&["two create"]).await;
    both.run(&format!(
        "await pb.collection('posts').unsubscribe('{TWO}'); await hear('last', '*')"
    ))
    .await;
    both.write(&format!("await posts.delete('{TWO}')")).await;
    both.hear(&["last delete"]).await;
    let script = "await pb.collection('posts').unsubscribe(); return pb.realtime.isConnected";
    assert_eq!(both.run(script).await, json!(false));
}

#[tokio::test]
async fn options_filter_and_pick_fields() {
    let mut both = Both::open().await;
    both.run(
        "await hear('some', '*', { filter: \"n > 1 && title ~ 'a'\", fields: 'id,n' });
         await hear('all', '*', { fields: '*, title' });
         await hear('bad', '*', { filter: 'n = ' });
         await hear('none', '*', { filter: \"nothing = 'x'\" });
         await hear('who', '*', { filter: \"@request.auth.id != 'x'\" });
         await hear('other', '*', { filter: \"@collection.ends.id != 'x'\" });",
    )
    .await;
    for (title, expected) in [
        ("banana", &["some create", "all create"][..]),
        ("cherry", &["all create"]),
    ] {
        both.write(&format!("await posts.create({{ n: 2, title: '{title}' }})"))
            .await;
        both.hear(expected).await;
    }
}

#[tokio::test]
async fn a_rule_asks_for_options() {
    let rule = "title = @request.query.team && @request.headers.x_token = 't' \
                && @request.context = 'realtime'";
    let mut both = Both::under(&[("posts", Some(rule), Some(""))]).await;
    both.run(
        "const headers = { 'X-Token': 't' };
         await hear('red', '*', { query: { team: 'red' }, headers });
         await hear('blue', '*', { query: { team: 'blue' }, headers });
         await hear('none', '*', { query: { team: 'red' } });
         await hear('end', '*', { of: 'ends' });",
    )
    .await;
    for (team, expected) in [("red", ["red create"]), ("blue", ["blue create"])] {
        both.write(&format!("await posts.create({{ title: '{team}' }})"))
            .await;
        both.hear(&expected).await;
    }
    both.write("await writer.collection('ends').create({})")
        .await;
    both.hear(&["end create"]).await;
}

#[tokio::test]
async fn a_collection_is_heard_by_its_name_alone() {
    let mut both = Both::open().await;
    both.run("await pb.realtime.subscribe('posts', (e) => tell(['old', e.action, e.record]));")
        .await;
    both.write("await posts.create({ title: 'a' })").await;
    both.hear(&["old create"]).await;
}

/// As PocketBase's dashboard writes. A delete goes by the id once a record was seen.
#[tokio::test]
async fn a_write_to_the_id_of_a_collection_is_heard_under_its_name() {
    let mut both = Both::open().await;
    both.run("await hear('all', '*');").await;
    let posts = both
        .pocketbase
        .api("GET", "/api/collections/posts", json!(null));
    let id = posts.await.expect(200).json()["id"].clone();
    let own = format!("const own = writer.collection({id});");
    both.write(&format!("{own} await own.create({{ id: '{ONE}' }})"))
        .await;
    both.hear(&["all create"]).await;
    both.write(&format!("{own} await own.update('{ONE}', {{ n: 1 }})"))
        .await;
    both.hear(&["all update"]).await;
    both.write(&format!("{own} await own.delete('{ONE}')"))
        .await;
    both.hear(&["all delete"]).await;
}

#[tokio::test]
async fn a_collection_goes_by_its_id_too() {
    let mut both = Both::open().await;
    let record = both
        .write(&format!("return await posts.create({{ id: '{ONE}' }});"))
        .await;
    let id = record["collectionId"].as_str().unwrap();
    both.run(&format!(
        "await hear('all', '*', {{ of: '{id}' }}); await hear('one', '{ONE}', {{ of: '{id}' }});"
    ))
    .await;
    both.write(&format!(
        "await posts.update('{ONE}', {{ title: 'b' }}); await posts.delete('{ONE}');"
    ))
    .await;
    both.hear(&["all update", "one update", "all delete", "one delete"])
        .await;
}

#[tokio::test]
async fn relations_are_told_with_a_record_to_who_asks_for_them() {
    let pocketbase = PocketBase::start().await;
    for collection in ["notes", "teams"] {
        pocketbase.set_rules(collection, Some(""), Some("")).await;
    }
    let mut both = Both::before(pocketbase, "    notes: { hear: \"\" }\n").await;
    let team = both
        .write("return await writer.collection('teams').create({ name: 't' });")
        .await;
    both.run(
        "await hear('plain', '*', { of: 'notes' });
         await hear('team', '*', { of: 'notes', expand: 'team' });
         await hear('name', '*', { of: 'notes', expand: 'team', fields: 'expand.team.name' });
         await hear('other', '*', { of: 'notes', expand: 'nothing' });",
    )
    .await;
    let note = json!({ "team": team["id"] });
    both.write(&format!("await writer.collection('notes').create({note});"))
        .await;
    both.hear(&["plain create", "team create", "name create", "other create"])
        .await;
}
