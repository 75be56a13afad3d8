//! How records are written.

use serde_json::{Value, json};

use super::{Both, ONE, TWO};

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

/// The sidecar does not know the rest: it tells which record it was, to whom no filter matters.
#[tokio::test]
async fn a_part_of_a_record_is_not_told_as_the_record() {
    let mut both = Both::open().await;
    both.run("await hear('all', '*'); await hear('end', '*', { of: 'ends' });")
        .await;
    both.places[1]
        .run("await hear('ones', '*', { filter: 'n != 2' });")
        .await;
    both.write(&format!(
        "await posts.create({{ id: '{ONE}', title: 'a', n: 1 }}, {{ fields: 'id,title' }})"
    ))
    .await;
    let [own, by_sidecar] = both.heard(1).await;
    assert_eq!(own[0][2]["n"], 1);
    assert_eq!(
        (&by_sidecar[0][1], &by_sidecar[0][2]["id"]),
        (&json!("create"), &json!(ONE))
    );
    assert_eq!(by_sidecar[0][2]["title"], json!(null));
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
