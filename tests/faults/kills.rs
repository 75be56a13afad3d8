//! A sidecar that is killed and started again has lost nothing that it acknowledged, where its
//! log is in files; in memory it has, and says so.

use std::collections::BTreeSet;
use std::time::Duration;

use rand::Rng;
use tokio::sync::{oneshot, watch};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::checker::{Promise, WHOLE};
use super::history::{History, Outcome, What, Write};
use super::times;
use super::upstream::Fault;
use super::world::{Level, World, log_folder};
use super::writer::{METHODS, Writer};
use crate::harness::within;

const WRITERS: u32 = 16;
/// From one write of a writer to its next: all of them together make some two hundred a second.
const PAUSE: Duration = Duration::from_millis(70);

/// Writes until it is told to stop.
async fn write(mut writer: Writer, number: u32, stop: watch::Receiver<bool>) {
    // Not in step with the others.
    let begin = Instant::now() + PAUSE / WRITERS * number;
    let mut pause = tokio::time::interval_at(begin, PAUSE);
    for round in number as usize.. {
        pause.tick().await;
        if *stop.borrow() {
            return;
        }
        let fault = match round % 13 {
            3 => Fault::Refuse,
            6 => Fault::Fail,
            9 => Fault::Hang,
            // So that some are under way whenever it is killed.
            n if n % 2 == 0 => Fault::Late,
            _ => Fault::None,
        };
        // Nobody listens while it starts; then nothing was sent.
        writer.write(METHODS[round % METHODS.len()], fault).await;
        // What is sent on a connection that is dead already is not under way.
        writer.leave();
    }
}

async fn killed(level: Level, promise: Promise) -> History {
    let folder = log_folder();
    let mut world = World::start("kills", level, folder.path()).await;
    let address = world.sidecar.address();
    world.listen().await;
    for seed in 0..3 {
        world.listen_to(address, Some(1..80), seed).await;
    }
    let (stop, stopped) = watch::channel(false);
    let mut writers = JoinSet::new();
    for number in 0..WRITERS {
        let writer = world.writer();
        writers.spawn(write(writer, number, stopped.clone()));
    }
    for cycle in 0..cycles() {
        let more = rand::rng().random_range(20..120);
        if cycle % 2 == 0 {
            // In the moment in which a writer has the last byte of its answer.
            world.recorder.after(more, world.sidecar.killer());
        } else {
            answered(&world, more).await;
            // Anywhere between two writes, or in one.
            for _ in 0..rand::rng().random_range(0..3000) {
                tokio::task::yield_now().await;
            }
            world.sidecar.killer()();
        }
        world.survive_kill().await;
    }
    // What is written now is heard as if nothing had happened.
    answered(&world, 20).await;
    stop.send_replace(true);
    while let Some(ended) = writers.join_next().await {
        ended.unwrap();
    }
    let history = world.settle(promise).await;
    let cut = |write: &&Write| write.outcome == Outcome::Unknown;
    let cut = history.writes.iter().filter(cut).count();
    assert!(cut > 0, "no write was under way when it was killed");
    history
}

/// Waits until so many more writes are acknowledged or refused.
async fn answered(world: &World, more: usize) {
    let (tell, told) = oneshot::channel();
    // Nobody waits any more if the test has failed.
    world.recorder.after(more, move || {
        tell.send(()).ok();
    });
    within("writes that are answered", told).await.unwrap();
}

fn cycles() -> usize {
    times(3, 100)
}

#[tokio::test]
async fn a_log_in_memory_ends_with_its_process_and_whoever_comes_back_is_told() {
    let promise = Promise {
        gaps: true,
        epochs: cycles() + 1,
    };
    let history = killed(Level::Memory, promise).await;
    for hearings in &history.listeners {
        let heard = || hearings.iter().flat_map(|hearing| &hearing.heard);
        let gaps = heard().filter(|heard| matches!(heard.what, What::Gap { .. }));
        assert!(gaps.count() >= 1, "a gap is told");
        let epochs: BTreeSet<_> = heard()
            .filter_map(|heard| heard.id.split('-').next())
            .collect();
        assert!(epochs.len() > 1, "{epochs:?}");
    }
}

#[tokio::test]
async fn a_log_that_survives_its_process_loses_nothing_when_it_is_killed() {
    killed(Level::Process, WHOLE).await;
}

#[tokio::test]
async fn a_log_on_a_disk_loses_nothing_when_its_process_is_killed() {
    killed(Level::Disk, WHOLE).await;
}
