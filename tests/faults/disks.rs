//! A log whose directory fails it: the API goes on, and whoever listens is told.
//!
//! Each file system is a small one in memory, mounted for the test: as root, or else in a
//! namespace of users and mounts in which the test runs once more.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use tempfile::TempDir;

use super::checker::{Promise, WHOLE};
use super::history::{History, Outcome, What};
use super::upstream::Fault;
use super::world::{Level, World, configuration, log_folder};
use crate::harness::{Output, Process, eventually, free_port, test_folder, tidings};

/// A file system of its own, unmounted in the end.
struct Mount {
    folder: TempDir,
}

/// Takes whatever room there is, and whatever becomes free, until it is dropped.
struct Hog {
    file: PathBuf,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

/// In an environment in which the test may mount.
const INSIDE: &str = "TIDINGS_FAULTS_INSIDE";

impl Mount {
    /// None if the test was run where it may mount, because it may not here: it is done.
    async fn new(test: &str) -> Option<Self> {
        let folder = test_folder();
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "size=1m", "tidings"]);
        let tried = mount.arg(folder.path()).output().unwrap();
        if tried.status.success() {
            return Some(Self { folder });
        }
        let refused = String::from_utf8_lossy(&tried.stderr);
        let needs = "this test needs to mount a tmpfs: run it as root, or where `unshare -Urm` may";
        assert!(std::env::var_os(INSIDE).is_none(), "{needs}: {refused}");
        let mut again = Command::new("unshare");
        again.arg("-Urm").arg(std::env::current_exe().unwrap());
        let path = module_path!().split_once("::").unwrap().1;
        again.args(["--exact", &format!("{path}::{test}"), "--nocapture"]);
        let inside = Process::spawn(again.env(INSIDE, "1")).output().await;
        assert_eq!(inside.code, Some(0), "{needs}: {refused}{inside:?}");
        assert!(inside.stdout.contains("1 passed"), "{inside:?}");
        None
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Lets nothing in it be changed any more.
    fn freeze(&self) {
        let mut mount = Command::new("mount");
        mount.args(["-o", "remount,bind,ro"]);
        let done = mount.arg(self.path()).output().unwrap();
        assert!(done.status.success(), "{done:?}");
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        // At once, whoever has a file in it: the sidecar may end after this.
        let mut umount = Command::new("umount");
        umount.arg("-l").arg(self.path()).status().ok();
    }
}

impl Hog {
    fn on(folder: &Path) -> Self {
        let (file, stop) = (folder.join("hog"), Arc::new(AtomicBool::new(false)));
        let mut hog = std::fs::File::create(&file).unwrap();
        let stopped = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            while !stopped.load(Ordering::Relaxed) {
                // To the last byte.
                if hog.write(&[0; 4096]).is_err() && hog.write(&[0]).is_err() {
                    std::thread::yield_now();
                }
            }
        });
        Self {
            file,
            stop,
            thread: Some(thread),
        }
    }
}

impl Drop for Hog {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        let thread = self.thread.take().unwrap();
        // It does not panic.
        thread.join().ok();
        std::fs::remove_file(&self.file).ok();
    }
}

/// Runs a sidecar with that log, which must not start.
async fn does_not_start(level: Level, folder: &Path) -> Output {
    let config = test_folder();
    let file = config.path().join("tidings.yaml");
    let yaml = configuration(level, folder, "")
        .replace("LISTEN", &format!("127.0.0.1:{}", free_port()))
        .replace("ADMIN", &format!("127.0.0.1:{}", free_port()))
        .replace("UPSTREAM", "http://127.0.0.1:1");
    std::fs::write(&file, yaml).unwrap();
    let mut command = tidings();
    let process = Process::spawn(command.args(["run", "--config"]).arg(file));
    process.output().await
}

async fn status(world: &World) -> String {
    let health = world.sidecar.admin("/healthz").await.json();
    health["status"].as_str().unwrap().to_owned()
}

async fn until_status(world: &World, wanted: &str) {
    eventually(wanted, async || {
        (status(world).await == wanted).then_some(())
    })
    .await;
}

/// A world whose log is in `folder`, with somebody who listens.
async fn world(name: &str, folder: &Path, more: &str) -> World {
    let yaml = configuration(Level::Process, &folder.join("log"), more);
    let mut world = World::start_with(name, &yaml).await;
    world.listen().await;
    world
}

/// Whether the listener was told of a gap.
fn is_told_of_a_gap(world: &World) -> bool {
    let history = world.history();
    let mut heard = history.listeners[0].iter().flat_map(|on| &on.heard);
    heard.any(|heard| matches!(heard.what, What::Gap { .. }))
}

/// How many logs the listener heard of.
fn epochs(history: &History) -> usize {
    let heard = history.listeners[0].iter().flat_map(|on| &on.heard);
    let epochs = heard.filter_map(|heard| heard.id.split('-').next());
    epochs.collect::<BTreeSet<_>>().len()
}

/// Something may have been lost, once or more often.
const LOSSY: Promise = Promise {
    gaps: true,
    epochs: usize::MAX,
};

#[tokio::test]
async fn a_second_process_on_the_same_log_does_not_start() {
    let folder = log_folder();
    let mut world = World::start("second", Level::Process, folder.path()).await;
    world.listen().await;
    let second = does_not_start(Level::Process, folder.path()).await;
    assert_eq!(second.code, Some(1), "{second:?}");
    let path = folder.path().display().to_string();
    assert!(second.stderr.contains(&path), "{second:?}");
    assert!(second.stderr.contains("in use"), "{second:?}");
    // The first has not noticed.
    let mut writer = world.writer();
    let (told, _) = writer.write("POST", Fault::None).await.unwrap();
    assert_eq!(told, Outcome::Acknowledged);
    world.settle(WHOLE).await;
}

#[tokio::test]
async fn a_full_disk_costs_the_past_and_no_write() {
    let test = "a_full_disk_costs_the_past_and_no_write";
    let Some(mount) = Mount::new(test).await else {
        return;
    };
    let mut world = world("full_disk", mount.path(), "").await;
    let mut writer = world.writer();
    writer.padding = 8 * 1024;
    // More than there is room for: it fails, and goes on by itself where its past was.
    for _ in 0..400 {
        let (told, response) = writer.write("POST", Fault::None).await.unwrap();
        assert_eq!(told, Outcome::Acknowledged, "{response:?}");
        if is_told_of_a_gap(&world) {
            break;
        }
    }
    let gap = async || is_told_of_a_gap(&world).then_some(());
    eventually("a gap that is told", gap).await;
    until_status(&world, "ok").await;
    assert!(epochs(&world.history()) > 1, "another log has begun");
    // Without any room it does not, until there is some.
    let hog = Hog::on(mount.path());
    eventually("a log that has failed", async || {
        let (told, response) = writer.write("POST", Fault::None).await.unwrap();
        assert_eq!(told, Outcome::Acknowledged, "{response:?}");
        (status(&world).await == "degraded").then_some(())
    })
    .await;
    for _ in 0..20 {
        let (told, response) = writer.write("POST", Fault::None).await.unwrap();
        assert_eq!(told, Outcome::Acknowledged, "{response:?}");
    }
    drop(hog);
    until_status(&world, "ok").await;
    writer.padding = 0;
    for _ in 0..20 {
        let (told, _) = writer.write("PUT", Fault::None).await.unwrap();
        assert_eq!(told, Outcome::Acknowledged);
    }
    world.settle(LOSSY).await;
}

#[tokio::test]
async fn writes_are_refused_while_the_log_has_failed_if_the_operator_wants_so() {
    let test = "writes_are_refused_while_the_log_has_failed_if_the_operator_wants_so";
    let Some(mount) = Mount::new(test).await else {
        return;
    };
    let mut world = world("refuse", mount.path(), "  on_failure: refuse\n").await;
    let mut writer = world.writer();
    writer.padding = 8 * 1024;
    let hog = Hog::on(mount.path());
    let mut refused = 0;
    eventually("a write that is refused", async || {
        let (told, response) = writer.write("POST", Fault::None).await.unwrap();
        if told == Outcome::Acknowledged {
            return None;
        }
        response.unwrap().refuses(503);
        Some(())
    })
    .await;
    for method in ["POST", "PUT", "PATCH", "DELETE"] {
        let (_, response) = writer.write(method, Fault::None).await.unwrap();
        response.unwrap().refuses(503);
        refused += 1;
    }
    // What only reads passes.
    world.sidecar.get("/c0").await.expect(200);
    assert_eq!(status(&world).await, "degraded");
    // None of those came to the upstream: the journal has only the others.
    let history = world.history();
    let failed = history
        .writes
        .iter()
        .filter(|write| write.outcome == Outcome::Failed);
    let failed: Vec<_> = failed.collect();
    assert!(failed.len() > refused);
    for write in failed {
        assert_eq!(world.upstream.deed(&write.token).seen, 0, "{write:?}");
    }
    drop(hog);
    eventually("writes that are taken again", async || {
        let (told, _) = writer.write("POST", Fault::None).await.unwrap();
        (told == Outcome::Acknowledged).then_some(())
    })
    .await;
    until_status(&world, "ok").await;
    world.settle(LOSSY).await;
}

#[tokio::test]
async fn a_log_that_cannot_be_written_is_no_start() {
    let test = "a_log_that_cannot_be_written_is_no_start";
    let Some(mount) = Mount::new(test).await else {
        return;
    };
    mount.freeze();
    for folder in [mount.path().to_owned(), mount.path().join("log")] {
        let ended = does_not_start(Level::Process, &folder).await;
        assert_eq!(ended.code, Some(1), "{ended:?}");
        let path = folder.display().to_string();
        assert!(ended.stderr.contains(&path), "{ended:?}");
        assert!(ended.stderr.contains("Read-only"), "{ended:?}");
    }
}
