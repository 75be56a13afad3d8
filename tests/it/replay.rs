//! Whoever comes back misses nothing and hears nothing twice, or is told that there is a gap.

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::harness::{ALL, EVERYTHING, Frame, Sidecar, Subscriber};

async fn sidecar() -> Sidecar {
    sidecar_with(EVERYTHING).await
}

async fn sidecar_with(yaml: &str) -> Sidecar {
    // Nothing here reaches the upstream.
    Sidecar::start("http://127.0.0.1:1", yaml).await
}

/// Publishes these numbers and returns their frames.
async fn publish(sidecar: &Sidecar, numbers: std::ops::Range<u32>) -> Vec<Frame> {
    let mut subscriber = sidecar.hear(ALL).await;
    let mut frames = Vec::new();
    for number in numbers {
        sidecar.publish("N", json!(number)).await.expect(200);
        frames.push(subscriber.next().await);
    }
    frames
}

/// The next event is a gap for that reason.
async fn hears_of_a_gap(subscriber: &mut Subscriber, reason: &str, collections: Value) {
    let gap = subscriber.next().await;
    assert_eq!(gap.event(), "gap", "{gap:?}");
    let expected = json!({"event": "gap", "reason": reason, "collections": collections});
    assert_eq!(gap.json(), expected);
    assert!(gap.id.is_some());
}

#[tokio::test]
async fn a_resume_misses_nothing_and_repeats_nothing() {
    let sidecar = sidecar().await;
    let frames = publish(&sidecar, 0..6).await;
    for (at, last) in frames.iter().enumerate() {
        let mut resumed = sidecar.resume(ALL, last.id()).await;
        for frame in &frames[at + 1..] {
            assert_eq!(
                &resumed.next().await,
                frame,
                "the same id and the same bytes"
            );
        }
    }
    let mut resumed = sidecar.resume(ALL, frames[5].id()).await;
    resumed.hears_nothing_of(&sidecar).await;
}

#[tokio::test]
async fn init_has_an_id_to_resume_from() {
    let sidecar = sidecar().await;
    let mut cut = Subscriber::open(&sidecar, ALL, &[]).await;
    let init = cut.next().await;
    drop(cut);
    let frames = publish(&sidecar, 0..2).await;
    let mut resumed = sidecar.resume(ALL, init.id()).await;
    assert_eq!(resumed.next().await, frames[0]);
    assert_eq!(resumed.next().await, frames[1]);
}

#[tokio::test]
async fn the_last_id_may_come_in_the_query_and_the_header_wins() {
    let sidecar = sidecar().await;
    let frames = publish(&sidecar, 0..3).await;
    let (first, second) = (frames[0].id(), frames[1].id());
    for name in [
        "last_event_id",
        "lastEventId",
        "lastEventID",
        "Last-Event-ID",
    ] {
        let path = format!("{ALL}&{name}={first}");
        let mut by_query = sidecar.hear(&path).await;
        assert_eq!(by_query.next().await, frames[1], "{name}");
        let mut by_header = sidecar.resume(&path, second).await;
        assert_eq!(by_header.next().await, frames[2], "{name}");
    }
}

#[tokio::test]
async fn without_a_last_id_only_what_is_new_is_heard() {
    let sidecar = sidecar().await;
    publish(&sidecar, 0..3).await;
    sidecar.hear(ALL).await.hears_nothing_of(&sidecar).await;
    let mut empty = sidecar.resume(ALL, "").await;
    empty.hears_nothing_of(&sidecar).await;
}

#[tokio::test]
async fn an_id_that_is_none_of_ours_is_a_gap_and_never_an_error() {
    let sidecar = sidecar().await;
    let frames = publish(&sidecar, 0..2).await;
    let epoch = frames[0].id().split_once('-').unwrap().0;
    for (id, reason) in [
        ("nonsense".to_owned(), "malformed"),
        ("9".to_owned(), "malformed"),
        (format!("{epoch}-"), "malformed"),
        (format!("{epoch}-fffffffffffffffff"), "malformed"),
        ("000000000000-1".to_owned(), "foreign"),
        (format!("{epoch}-ffffffffffffffff"), "foreign"),
    ] {
        let mut resumed = sidecar.resume(ALL, &id).await;
        hears_of_a_gap(&mut resumed, reason, json!(["*"])).await;
        resumed.hears_nothing_of(&sidecar).await;
    }
}

#[tokio::test]
async fn a_past_that_is_no_longer_kept_is_a_gap() {
    let short = format!("{EVERYTHING}log: {{ keep: {{ events: 3 }} }}\n");
    let sidecar = sidecar_with(&short).await;
    let frames = publish(&sidecar, 0..6).await;
    let mut kept = sidecar.resume(ALL, frames[2].id()).await;
    assert_eq!(kept.next().await, frames[3]);
    let mut lost = sidecar.resume(ALL, frames[1].id()).await;
    hears_of_a_gap(&mut lost, "too_old", json!(["*"])).await;
    sidecar.publish("AFTER", json!(1)).await.expect(200);
    let mut next = lost.next().await;
    while next.json()["event"] == "N" {
        next = lost.next().await;
    }
    assert_eq!(next.json()["event"], "AFTER");
}

#[tokio::test]
async fn the_log_is_bounded_by_bytes_too() {
    let short = format!("{EVERYTHING}log: {{ keep: {{ bytes: 64KiB }} }}\n");
    let sidecar = sidecar_with(&short).await;
    let first = publish(&sidecar, 0..1).await;
    for _ in 0..4 {
        let large = json!("x".repeat(30_000));
        sidecar.publish("LARGE", large).await.expect(200);
    }
    let mut lost = sidecar.resume(ALL, first[0].id()).await;
    hears_of_a_gap(&mut lost, "too_old", json!(["*"])).await;
}

#[tokio::test]
async fn a_gap_names_the_collections_that_may_be_heard_and_no_others() {
    let key = "    - { name: few, key: few-key, hear: [\"POST:company\", \"PUT:company\", \"GOAL\", \"DELETE:a\"] }\n";
    let sidecar = sidecar_with(&format!("{EVERYTHING}{key}")).await;
    let mut resumed = sidecar.resume("/realtime?apikey=few-key", "nonsense").await;
    hears_of_a_gap(&mut resumed, "malformed", json!(["a", "company"])).await;
}

#[tokio::test]
async fn a_gap_is_told_once_and_its_id_resumes() {
    let sidecar = sidecar().await;
    let mut resumed = sidecar.resume(ALL, "nonsense").await;
    let gap = resumed.next().await;
    drop(resumed);
    let frames = publish(&sidecar, 0..1).await;
    let mut resumed = sidecar.resume(ALL, gap.id()).await;
    assert_eq!(resumed.next().await, frames[0]);
}

#[tokio::test]
async fn the_past_is_heard_with_the_rights_of_now() {
    let key = "    - { name: few, key: few-key, hear: [\"GOAL\"] }\n";
    let sidecar = sidecar_with(&format!("{EVERYTHING}{key}")).await;
    let frames = publish(&sidecar, 0..3).await;
    sidecar.publish("GOAL", json!(1)).await.expect(200);
    let mut few = sidecar
        .resume("/realtime?apikey=few-key", frames[0].id())
        .await;
    assert_eq!(few.next().await.json()["event"], "GOAL");
}

#[tokio::test]
async fn many_who_come_back_to_the_same_place_at_once_each_hear_their_own() {
    const FEW: &str = "/realtime?apikey=few-key";
    let key = "    - { name: few, key: few-key, hear: [\"GOAL\"] }\n";
    let sidecar = sidecar_with(&format!("{EVERYTHING}{key}")).await;
    let last = publish(&sidecar, 0..1).await.remove(0);
    let mut subscriber = sidecar.hear(ALL).await;
    let (mut every, mut goals) = (Vec::new(), Vec::new());
    for number in 0..10 {
        let name = if number % 3 == 0 { "GOAL" } else { "N" };
        sidecar.publish(name, json!(number)).await.expect(200);
        let frame = subscriber.next().await;
        if name == "GOAL" {
            goals.push(frame.clone());
        }
        every.push(frame);
    }
    let back = (0..40).map(|at| sidecar.resume([ALL, FEW][at % 2], last.id()));
    let back = join_all(back).await;
    for (at, mut resumed) in back.into_iter().enumerate() {
        for frame in [&every, &goals][at % 2] {
            assert_eq!(&resumed.next().await, frame, "{at}");
        }
        sidecar.publish("GOAL", json!(at)).await.expect(200);
        goals.push(subscriber.next().await);
        every.push(goals[goals.len() - 1].clone());
        assert_eq!(&resumed.next().await, &goals[goals.len() - 1], "{at}");
    }
}

#[tokio::test]
async fn after_a_restart_the_old_log_is_a_gap() {
    let mut sidecar = sidecar().await;
    let frames = publish(&sidecar, 0..2).await;
    sidecar.restart().await;
    let mut resumed = sidecar.resume(ALL, frames[0].id()).await;
    hears_of_a_gap(&mut resumed, "foreign", json!(["*"])).await;
    resumed.hears_nothing_of(&sidecar).await;
}

#[tokio::test]
async fn replay_ends_where_live_begins() {
    let sidecar = sidecar_with(EVERYTHING).await;
    let first = publish(&sidecar, 0..1).await;
    let publishing = async {
        for number in 1..200 {
            sidecar.publish("N", json!(number)).await.expect(200);
        }
    };
    // Comes back after every few events, while more are published all the time.
    let listening = async {
        let mut last = first[0].id().to_owned();
        let mut expected = 1;
        while expected < 200 {
            let mut resumed = sidecar.resume(ALL, &last).await;
            for _ in 0..7.min(200 - expected) {
                let frame = resumed.next().await;
                assert_eq!(frame.json()["data"], expected);
                last = frame.id().to_owned();
                expected += 1;
            }
        }
    };
    tokio::join!(publishing, listening);
}
