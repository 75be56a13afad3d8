//! How records are written.

use serde_json::{Value, json};

use super::{Both, CONFIG, ONE, TWO};
use crate::harness::PocketBase;

const FILE: &str = "new File(['a text'], 'note.txt', { type: 'text/plain' })";

#[tokio::test]
async fn a_form_with_a_file_is_heard() {
    let mut both = Both::open().await;
    both.run("await hear('all', '*')").await;
    both.write(&format!(
        "await posts.create({{ title: 'a', doc: {FILE} }})"
    ))
    .await;
    let told = both.hear(&["all create"]).await;
    assert!(told[0][2]["doc"].as_str().unwrap().starts_with("note"));
}

#[tokio::test]
async fn each_write_of_a_batch_is_heard() {
    let mut both = Both::open().await;
    both.run("await hear('all', '*'); await hear('end', '*', { of: 'ends' });")
        .await;
    both.write(&format!("await posts.create({{ id: '{ONE}' }})"))
        .await;
    both.hear(&["all create"]).await;
    both.write(&format!(
        "const batch = writer.createBatch(), own = batch.collection('posts');
         own.create({{ id: '{TWO}', title: 'b' }});
         own.update('{ONE}', {{ title: 'a' }});
         own.upsert({{ id: '{TWO}', title: 'd' }});
         own.delete('{ONE}');
         batch.collection('ends').create({{}});
         await batch.send();"
    ))
    .await;
    let posts = ["all create", "all update", "all update", "all delete"];
    both.hear(&[&posts[..], &["end create"]].concat()).await;
}

#[tokio::test]
async fn a_batch_in_json_is_heard() {
    let mut both = Both::open().await;
    both.run("await hear('all', '*')").await;
    both.write(
        "const url = '/api/collections/posts/records';
         await writer.send('/api/batch', { method: 'POST', body: { requests: [
            { method: 'POST', url, body: { title: 'a' } },
            { method: 'POST', url, body: { title: 'b' } },
         ] } });",
    )
    .await;
    both.hear(&["all create", "all create"]).await;
}

#[tokio::test]
async fn a_batch_with_files_is_heard() {
    let mut both = Both::open().await;
    both.run("await hear('all', '*')").await;
    both.write(&format!(
        "const batch = writer.createBatch(), own = batch.collection('posts');
         own.create({{ id: '{ONE}', doc: {FILE} }});
         own.create({{ id: '{TWO}', title: 'b', doc: {FILE} }});
         await batch.send();"
    ))
    .await;
    let told = both.hear(&["all create", "all create"]).await;
    for told in told {
        assert!(
            told[2]["doc"].as_str().unwrap().starts_with("note"),
            "{told}"
        );
    }
}

#[tokio::test]
async fn what_is_refused_is_told_to_nobody() {
    let mut both = Both::open().await;
    both.run("await hear('all', '*'); await hear('end', '*', { of: 'ends' });")
        .await;
    let refused = both
        .write(&format!(
            "const batch = writer.createBatch(), own = batch.collection('posts');
             own.create({{ id: '{ONE}' }});
             own.update('nothing00000000', {{}});
             return [await failure(batch.send()), await failure(posts.create({{ id: 'bad' }})),
                 await failure(posts.update('{ONE}', {{}})), await failure(posts.delete('{ONE}'))]"
        ))
        .await;
    let statuses: Vec<&Value> = (0..4).map(|at| &refused[at][0]).collect();
    assert_eq!(
        statuses,
        [&json!(400), &json!(400), &json!(404), &json!(404)]
    );
    both.write("await writer.collection('ends').create({})")
        .await;
    both.hear(&["end create"]).await;
}

/// Whether there was a record of that id before, the answer does not say.
#[tokio::test]
async fn an_upsert_is_told_as_an_update() {
    let mut both = Both::open().await;
    both.run("await hear('all', '*')").await;
    both.write(&format!(
        "const batch = writer.createBatch();
         batch.collection('posts').upsert({{ id: '{ONE}', title: 'a' }});
         await batch.send();"
    ))
    .await;
    let [own, by_sidecar] = both.heard(1).await;
    assert_eq!(
        (&own[0][1], &by_sidecar[0][1]),
        (&json!("create"), &json!("update"))
    );
    assert_eq!(own[0][2], by_sidecar[0][2]);
}

#[tokio::test]
async fn what_is_answered_beside_a_record_is_told_to_nobody() {
    let mut both = Both::under(&[("teams", Some(""), Some(""))]).await;
    both.pocketbase.create_user("ada").await;
    both.run("await hear('all', '*', { of: 'teams' });").await;
    both.write(
        "await logIn(writer, 'ada');
         const own = { members: ['ada000000000000'] }, options = { expand: 'members' };
         const told = await writer.collection('teams').create(own, options);
         if (told.expand.members.length !== 1) throw told;",
    )
    .await;
    both.hear(&["all create"]).await;
}

/// What is left out of an answer is read, as who wrote.
#[tokio::test]
async fn a_part_of_a_record_is_not_told_as_the_record() {
    let mut both = Both::open().await;
    both.run("await hear('all', '*'); await hear('ones', '*', { filter: 'n = 1' });")
        .await;
    let both_of = |action: &str| [format!("all {action}"), format!("ones {action}")];
    for (write, action) in [
        (
            format!("posts.create({{ id: '{ONE}', title: 'a', n: 1 }}, {{ fields: 'id,title' }})"),
            "create",
        ),
        (
            format!("posts.update('{ONE}', {{ title: 'b' }}, {{ fields: 'title' }})"),
            "update",
        ),
        (
            format!("posts.update('{ONE}', {{ title: 'c' }}, {{ fields: '*,expand.a.b' }})"),
            "update",
        ),
        (format!("posts.delete('{ONE}')"), "delete"),
    ] {
        both.write(&format!("await {write}")).await;
        let expected = both_of(action);
        both.hear(&expected.each_ref().map(|told| &**told)).await;
    }
}

/// A record that the sidecar has not seen is read before it is gone, if that is asked for.
#[tokio::test]
async fn a_delete_of_a_record_that_was_never_seen_is_heard() {
    let pocketbase = PocketBase::start().await;
    let yaml = CONFIG.replace(
        "{ preset: pocketbase }\nrealtime",
        "{ preset: pocketbase, read_before_delete: true }\nrealtime",
    );
    let rule = "{ list: \"title = 'a'\", view: \"title = 'a'\" }";
    let list = Some("title = 'a'");
    pocketbase.set_rules("posts", list, list).await;
    let record = json!({"id": ONE, "title": "a"});
    pocketbase.create("posts", record).await;
    let mut both = Both::with(pocketbase, &format!("{yaml}  rules: {{ posts: {rule} }}\n")).await;
    both.run("await hear('all', '*'); await hear('end', '*', { of: 'ends' });")
        .await;
    both.write(&format!("await posts.delete('{ONE}')")).await;
    both.hear(&["all delete"]).await;
    both.write("await writer.collection('ends').create({})")
        .await;
    both.hear(&["end create"]).await;
}

/// PocketBase tells of each record; the sidecar only knows that it knows none of them any longer.
#[tokio::test]
async fn a_truncated_collection_is_uncertain() {
    let mut both = Both::open().await;
    both.run("await hear('all', '*')").await;
    both.write("await posts.create({ n: 1 }); await posts.create({ n: 2 });")
        .await;
    both.hear(&["all create", "all create"]).await;
    let mut stream = both.sidecar.hear("/realtime").await;
    both.write(
        "await logIn(writer, 'root', '_superusers'); await writer.collections.truncate('posts')",
    )
    .await;
    for _ in 0..2 {
        assert_eq!(both.places[0].told().await[1], "delete");
    }
    let told = stream.next().await;
    assert_eq!(
        (told.event(), &told.json()["collection"]),
        ("uncertain", &json!("posts"))
    );
    // What comes after it is told as ever.
    both.write("await posts.create({ n: 3 })").await;
    let told = both.hear(&["all create"]).await;
    assert_eq!(told[0][2]["n"], 3);
}
