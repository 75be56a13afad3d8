//! A writer that goes away changes nothing: what the upstream did is told, once.

use super::checker::WHOLE;
use super::history::{Outcome, What};
use super::times;
use super::upstream::Fault;
use super::world::{LEVELS, Level, World, log_folder};
use super::writer::{METHODS, outcome};
use crate::harness::{ALL, Conn, within};

/// How a client goes away while its write is under way.
#[derive(Clone, Copy, Debug)]
enum Leaves {
    ByFin,
    ByHalfClose,
    ByReset,
    NotButSendsMore,
}

/// Bytes of the answer that the client could have read when it leaves: none, a part of the
/// head, a part of the body.
const STAGES: [usize; 3] = [0, 20, 90];

async fn gone(leaves: Leaves) {
    for level in LEVELS {
        gone_at(level, leaves).await;
    }
}

async fn gone_at(level: Level, leaves: Leaves) {
    let folder = log_folder();
    let name = format!("client_gone-{leaves:?}");
    let mut world = World::start(&name, level, folder.path()).await;
    world.listen().await;
    let mut writer = world.writer();
    for round in 0..times(4, 200) {
        for stage in STAGES {
            let method = METHODS[round % METHODS.len()];
            let draft = writer.draft(method, Fault::Hold(stage));
            let mut conn = Conn::to(world.sidecar.address()).await;
            conn.send(&draft.text).await;
            within("the write upstream", world.upstream.reached.wait()).await;
            let stayed = leave(conn, leaves).await;
            // A round trip, so that the sidecar has seen it before the upstream goes on.
            world.sidecar.ask("OPTIONS", ALL, &[]).await.expect(204);
            world.upstream.go_on.open();
            let told = match stayed {
                Some(mut conn) => outcome(&conn.response().await, &draft.token),
                None => Outcome::Unknown,
            };
            world.recorder.ends(draft.number, told);
        }
    }
    let history = world.settle(WHOLE).await;
    // Each answer came whole to the sidecar: nothing is uncertain.
    let heard = &history.listeners[0][0].heard;
    let events = heard.iter().filter(|heard| is_event(&heard.what)).count();
    assert_eq!(events, history.writes.len());
}

fn is_event(what: &What) -> bool {
    matches!(what, What::Written { .. })
}

/// The connection, if it can still be answered.
async fn leave(mut conn: Conn, leaves: Leaves) -> Option<Conn> {
    match leaves {
        Leaves::ByFin => drop(conn),
        Leaves::ByHalfClose => {
            conn.half_close().await;
            return Some(conn);
        }
        Leaves::ByReset => conn.reset(),
        Leaves::NotButSendsMore => {
            conn.send("\r\nGARBAGE").await;
            return Some(conn);
        }
    }
    None
}

#[tokio::test]
async fn who_leaves_by_fin_is_told_of_once() {
    gone(Leaves::ByFin).await;
}

#[tokio::test]
async fn who_leaves_by_reset_is_told_of_once() {
    gone(Leaves::ByReset).await;
}

#[tokio::test]
async fn who_closes_their_half_is_told_of_once_and_answered() {
    gone(Leaves::ByHalfClose).await;
}

#[tokio::test]
async fn who_sends_more_is_told_of_once_and_answered() {
    gone(Leaves::NotButSendsMore).await;
}
