//! However the upstream fails, a write is an event, nothing or `uncertain`, and never repeated.

use tokio::task::JoinSet;

use super::checker::WHOLE;
use super::history::Outcome;
use super::times;
use super::upstream::Fault;
use super::world::{LEVELS, Level, World, log_folder};
use super::writer::METHODS;

/// Each fault, and what the writer is told; none where it depends.
const FAULTS: [(Fault, Option<Outcome>); 16] = [
    (Fault::None, Some(Outcome::Acknowledged)),
    (Fault::Bare, Some(Outcome::Acknowledged)),
    (Fault::Chunked, Some(Outcome::Acknowledged)),
    (Fault::Closing, Some(Outcome::Acknowledged)),
    (Fault::Leave, Some(Outcome::Acknowledged)),
    (Fault::Twice, Some(Outcome::Acknowledged)),
    (Fault::Refuse, Some(Outcome::Refused)),
    (Fault::Fail, Some(Outcome::Failed)),
    (Fault::Hang, Some(Outcome::Failed)),
    (Fault::Race, Some(Outcome::Failed)),
    (Fault::Cut(0), Some(Outcome::Failed)),
    (Fault::Cut(20), Some(Outcome::Failed)),
    (Fault::Cut(90), Some(Outcome::Unknown)),
    (Fault::Reset(0), Some(Outcome::Failed)),
    (Fault::Reset(20), Some(Outcome::Failed)),
    // A reset may overtake the bytes before it.
    (Fault::Reset(90), None),
];

#[tokio::test]
async fn each_fault_of_an_upstream_is_told_as_it_is() {
    for level in LEVELS {
        each_fault_at(level).await;
    }
}

async fn each_fault_at(level: Level) {
    let folder = log_folder();
    let mut world = World::start("upstream_faults", level, folder.path()).await;
    world.listen().await;
    let mut writers = JoinSet::new();
    for (fault, expected) in FAULTS {
        let mut writer = world.writer();
        writers.spawn(async move {
            for round in 0..times(1, 40) {
                for method in METHODS {
                    let (mut told, _) = writer.write(method, fault).await.unwrap();
                    let right = |told| expected.is_none_or(|expected| told == expected);
                    // It may meet the end of a kept connection that another fault has left.
                    for _again in 0..5 {
                        if !right(told) && told == Outcome::Failed {
                            (told, _) = writer.write(method, fault).await.unwrap();
                        }
                    }
                    assert!(right(told), "{fault} {method}: {told:?}");
                    if round % 2 == 0 {
                        writer.leave();
                    }
                }
            }
        });
    }
    while let Some(ended) = writers.join_next().await {
        ended.unwrap();
    }
    world.settle(WHOLE).await;
}

/// Kept connections die under many writers while they are used.
#[tokio::test]
async fn a_write_that_meets_the_end_of_a_kept_connection_is_not_repeated() {
    let folder = log_folder();
    let mut world = World::start("kept_connections", Level::Process, folder.path()).await;
    world.listen().await;
    let mut writers = JoinSet::new();
    for _ in 0..8 {
        let mut writer = world.writer();
        writers.spawn(async move {
            for round in 0..times(24, 2000) {
                let fault = match round % 4 {
                    1 => Fault::Leave,
                    3 => Fault::Race,
                    _ => Fault::None,
                };
                let method = METHODS[round / 4 % METHODS.len()];
                let (told, response) = writer.write(method, fault).await.unwrap();
                match told {
                    Outcome::Acknowledged => assert_ne!(fault, Fault::Race),
                    // The sidecar's own, and JSON.
                    _ => response.expect("an answer").refuses(502),
                }
            }
        });
    }
    while let Some(ended) = writers.join_next().await {
        ended.unwrap();
    }
    world.settle(WHOLE).await;
}
