//! Many writes by chance, one after the other.

use serde_json::Value;

use super::Both;
use super::knowing::{OWN, three};

/// Writes of all kinds to ten records, always the same.
const WRITES: &str = "
    let seed = 7;
    const chance = (n) => (seed = (seed * 48271) % 2147483647) % n;
    const there = new Set(), owners = ['ada000000000000', 'eve000000000000', ''];
    const one = (to, at) => {
        const id = `record00000000${at}`;
        const record = { n: chance(10), owner: owners[chance(3)], title: `t${chance(4)}` };
        if (!there.has(at)) { there.add(at); return to.create({ id, ...record }); }
        if (chance(4) > 0) return to.update(id, record);
        there.delete(at);
        return to.delete(id);
    };
    for (let count = 0; count < 150; count++) {
        if (chance(5) > 0) { await one(posts, chance(10)); continue; }
        const batch = writer.createBatch(), first = chance(8);
        for (const at of [first, first + 1, first + 2]) one(batch.collection('posts'), at);
        await batch.send();
    }";

#[tokio::test]
async fn every_message_of_many_writes_is_the_same() {
    let view = Some("n < 5 || owner = @request.auth.id");
    let mut both = Both::under(&[("posts", OWN, view)]).await;
    three(&both).await;
    both.run(
        "for (const [name, as] of Object.entries(clients)) {
            const filter = \"n > 3 && title != 't1'\";
            await hear(`${name} some`, '*', { as, filter, fields: 'id,n' });
            for (const at of [2, 3]) await hear(`${name} ${at}`, `record00000000${at}`, { as });
        }",
    )
    .await;
    both.write(WRITES).await;
    both.write("await writer.collection('ends').create({})")
        .await;
    let (mut by_sidecar, mut ends) = (Vec::new(), 0);
    // Each of the three is told in order, and that comes last.
    while ends < 3 {
        let told = both.places[1].told().await;
        ends += usize::from(told[2]["collectionName"] == "ends");
        by_sidecar.push(told);
    }
    let mut own = Vec::new();
    while own.len() < by_sidecar.len() {
        own.push(both.places[0].told().await);
    }
    for told in [&mut own, &mut by_sidecar] {
        told.sort_by_key(Value::to_string);
    }
    assert!(own.len() > 500, "{}", own.len());
    assert_eq!(own, by_sidecar);
}
