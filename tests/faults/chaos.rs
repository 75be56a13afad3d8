//! Everything fails at once, by chance; the seed says how.

use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tokio::task::JoinSet;

use super::checker::WHOLE;
use super::history::Outcome;
use super::relay::{Break, How, Plan, Relay};
use super::times;
use super::upstream::{Fault, Upstream};
use super::world::{LEVELS, Level, World, configuration, log_folder};
use super::writer::{METHODS, Writer};
use crate::harness::within;

/// Before who finds nobody listening tries again.
const PAUSE: Duration = Duration::from_millis(10);

/// Most often none.
fn fault(random: &mut StdRng) -> Fault {
    let bytes = random.random_range(0..140);
    match random.random_range(0..40) {
        0 => Fault::Bare,
        1 => Fault::Chunked,
        2 => Fault::Closing,
        3 => Fault::Cut(bytes),
        4 => Fault::Fail,
        5 => Fault::Hang,
        6 | 7 => Fault::Leave,
        8 | 9 => Fault::Race,
        10 | 11 => Fault::Refuse,
        12 => Fault::Reset(bytes),
        13 => Fault::Twice,
        _ => Fault::None,
    }
}

/// Where a connection breaks: within a few requests of a writer.
fn plan(random: &mut StdRng) -> Plan {
    let mut direction = || {
        let how = match random.random_range(0..12) {
            0 => How::Fin,
            1 => How::HalfClose,
            2 => How::Reset,
            3 => How::Stall,
            _ => return None,
        };
        let after = random.random_range(0..2000);
        Some(Break { after, how })
    };
    Plan {
        there: direction(),
        back: direction(),
    }
}

/// Writes by chance.
async fn write(mut writer: Writer, mut random: StdRng) {
    for _ in 0..times(20, 500) {
        let method = METHODS[random.random_range(0..METHODS.len())];
        let fault = fault(&mut random);
        // Nobody listens while it starts: then nothing was sent, or it was lost on the way.
        let written = async {
            loop {
                let written = writer.write(method, fault).await;
                if !matches!(written, None | Some((Outcome::Unknown, _))) {
                    return;
                }
                tokio::time::sleep(PAUSE).await;
                if written.is_some() {
                    return;
                }
            }
        };
        within("a sidecar that listens", written).await;
        if random.random_bool(0.2) {
            writer.leave();
        }
    }
}

async fn chaos(seed: u64) {
    println!("the seed is {seed}");
    let mut random = StdRng::seed_from_u64(seed);
    let next = |random: &mut StdRng| StdRng::seed_from_u64(random.random());
    let upstream = Upstream::start().await;
    let mut breaks = next(&mut random);
    let behind = Relay::before(upstream.address(), move || plan(&mut breaks)).await;
    let level = LEVELS[usize::try_from(seed % 3).unwrap()];
    let folder = log_folder();
    let yaml = configuration(level, folder.path(), "");
    let name = format!("chaos-{level}-{seed}");
    let mut world = World::start_behind(&name, &yaml, upstream, behind.address()).await;
    let mut breaks = next(&mut random);
    let before = Relay::before(world.sidecar.address(), move || plan(&mut breaks)).await;
    world.listen().await;
    for number in 1..6 {
        let address = if number % 2 == 0 {
            world.sidecar.address()
        } else {
            before.address()
        };
        let seed = random.random();
        world
            .listen_to(address, Some(1..times(60, 2000)), seed)
            .await;
    }
    let mut writers = JoinSet::new();
    for number in 0..random.random_range(8..33) {
        let mut writer = if number % 2 == 0 {
            world.writer()
        } else {
            world.writer_to(before.address())
        };
        writer.patience = Duration::from_millis(1500);
        let random = next(&mut random);
        writers.spawn(write(writer, random));
    }
    // What is in memory would be lost.
    let kills = if level == Level::Memory {
        0
    } else {
        times(2, 10)
    };
    for _ in 0..kills {
        // Fewer than are sent, even if most of them fail.
        let more = random.random_range(1..12);
        world.recorder.after(more, world.sidecar.killer());
        world.survive_kill().await;
    }
    while let Some(ended) = writers.join_next().await {
        ended.unwrap();
    }
    world.settle(WHOLE).await;
}

#[tokio::test]
async fn whatever_happens_at_once_each_write_is_told_as_it_was() {
    // `TIDINGS_FAULTS_SEED` repeats one that failed, as far as chance is not the machine's.
    if let Ok(seed) = std::env::var("TIDINGS_FAULTS_SEED") {
        return chaos(seed.parse().unwrap()).await;
    }
    // Each level in turn.
    for number in 0..times(3, 12) {
        let seed = rand::random::<u64>() / 3 * 3 + u64::try_from(number % 3).unwrap();
        chaos(seed).await;
    }
}
