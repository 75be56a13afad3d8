//! Real files that change under a watch.
//!
//! Most tests run on a clock that jumps whenever everybody waits, so that they prove what a
//! look at the files finds, and take no time; those on the real clock prove that a change is
//! told by the system as well.

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tempfile::TempDir;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tracing::subscriber::DefaultGuard;

use super::*;
use crate::metrics::Success;

/// A configuration that is told from others by its `drain`.
fn drain(time: &str) -> String {
    format!("listen: 127.0.0.1:8080\nupstream: http://127.0.0.1:3000\ndrain: {time}\n")
}

/// A directory with a configuration that is watched.
struct Watched {
    folder: TempDir,
    applied: mpsc::Receiver<Arc<Snapshot>>,
    prompt: Prompt,
    metrics: Arc<Metrics>,
    log: Log,
    task: JoinHandle<()>,
    _log: DefaultGuard,
}

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Watched {
    fn start(text: &str) -> Self {
        let folder = TempDir::new().unwrap();
        fs::write(folder.path().join("tidings.yaml"), text).unwrap();
        Self::start_in(folder)
    }

    fn start_in(folder: TempDir) -> Self {
        let log = Log::default();
        let writer = log.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_ansi(false)
            .with_writer(move || writer.clone())
            .finish();
        let guard = tracing::subscriber::set_default(subscriber);
        let (first, watch) = Watch::open(&folder.path().join("tidings.yaml"), |_| None).unwrap();
        assert_eq!(first.generation, 1);
        let prompt = watch.prompt();
        let (apply, applied) = mpsc::channel(8);
        let metrics = Arc::new(Metrics::new(Timestamp::UNIX_EPOCH));
        let apply = move |snapshot| apply.try_send(snapshot).unwrap();
        let task = tokio::spawn(watch.run(Arc::clone(&metrics), apply));
        Self {
            folder,
            applied,
            prompt,
            metrics,
            log,
            task,
            _log: guard,
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes over a file in its place.
    fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    /// Saves as editors do: beside the file, then over it.
    fn rename_over(&self, name: &str, text: &str) {
        self.write("new~", text);
        fs::rename(self.path("new~"), self.path(name)).unwrap();
    }

    async fn next(&mut self) -> Arc<Snapshot> {
        let next = timeout(Duration::from_secs(10), self.applied.recv());
        match next.await {
            Ok(Some(snapshot)) => snapshot,
            _ => panic!("nothing was applied: {}", self.said()),
        }
    }

    /// Waits until the next configuration is in force: this generation, with this drain.
    async fn comes_to(&mut self, generation: u64, drain_secs: u64) {
        let next = self.next().await;
        assert_eq!(next.generation, generation);
        assert_eq!(next.drain, Duration::from_secs(drain_secs));
    }

    /// Waits until the log has these words.
    async fn says(&self, words: &str) {
        let said = async {
            while !self.said().contains(words) {
                sleep(Duration::from_millis(5)).await;
            }
        };
        if timeout(Duration::from_secs(10), said).await.is_err() {
            panic!("{words:?} was not said: {}", self.said());
        }
    }

    fn said(&self) -> String {
        String::from_utf8(self.log.0.lock().clone()).unwrap()
    }
}

#[tokio::test]
async fn a_change_counts_within_a_second_however_it_is_saved() {
    let mut watched = Watched::start(&drain("10s"));
    let began = Instant::now();
    watched.rename_over("tidings.yaml", &drain("2s"));
    watched.comes_to(2, 2).await;
    assert!(
        began.elapsed() < Duration::from_secs(1),
        "{:?}",
        began.elapsed()
    );
    let began = Instant::now();
    watched.write("tidings.yaml", &drain("3s"));
    watched.comes_to(3, 3).await;
    assert!(
        began.elapsed() < Duration::from_secs(1),
        "{:?}",
        began.elapsed()
    );
}

#[tokio::test]
async fn the_system_tells_of_a_change() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("tidings.yaml");
    fs::write(&path, drain("10s")).unwrap();
    let wake = Arc::new(Wake::default());
    let mut directories = Directories::new(Arc::clone(&wake));
    directories.follow(&Written::read(&path, &|_| None));
    for text in ["2s", "3s"] {
        fs::write(folder.path().join("new~"), drain(text)).unwrap();
        fs::rename(folder.path().join("new~"), &path).unwrap();
        let told = timeout(Duration::from_secs(10), wake.notify.notified());
        assert!(told.await.is_ok());
    }
}

#[tokio::test]
async fn a_look_does_not_wake_the_next() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("tidings.yaml");
    fs::write(&path, drain("10s")).unwrap();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let events = Arc::clone(&seen);
    let mut watcher = notify::recommended_watcher(move |event| events.lock().push(event)).unwrap();
    watcher
        .watch(folder.path(), RecursiveMode::NonRecursive)
        .unwrap();
    drop(Written::read(&path, &|_| None));
    fs::write(folder.path().join("last"), "").unwrap();
    let is_last = |event: &notify::Result<notify::Event>| {
        let event = event.as_ref().unwrap();
        event.paths.iter().any(|path| path.ends_with("last"))
    };
    while !seen.lock().iter().any(is_last) {
        sleep(Duration::from_millis(5)).await;
    }
    let of_reads = seen
        .lock()
        .iter()
        .filter(|event| !is_last(event))
        .filter(|event| is_change(event))
        .count();
    assert_eq!(of_reads, 0);
}

#[tokio::test(start_paused = true)]
async fn a_swapped_link_above_the_file_is_a_change() {
    let folder = TempDir::new().unwrap();
    let path = |name: &str| folder.path().join(name);
    for (version, time) in [("..1", "10s"), ("..2", "2s")] {
        fs::create_dir(path(version)).unwrap();
        fs::write(path(version).join("tidings.yaml"), drain(time)).unwrap();
    }
    symlink("..1", path("..data")).unwrap();
    symlink("..data/tidings.yaml", path("tidings.yaml")).unwrap();
    let mut watched = Watched::start_in(folder);
    symlink("..2", watched.path("..data_tmp")).unwrap();
    fs::rename(watched.path("..data_tmp"), watched.path("..data")).unwrap();
    watched.comes_to(2, 2).await;
}

#[test]
fn every_directory_on_the_way_through_links_is_watched() {
    let folder = TempDir::new().unwrap();
    let root = folder.path().canonicalize().unwrap();
    fs::create_dir(root.join("..1")).unwrap();
    fs::write(root.join("..1/tidings.yaml"), "").unwrap();
    symlink("..1", root.join("..data")).unwrap();
    symlink("..data/tidings.yaml", root.join("tidings.yaml")).unwrap();
    let found = directories(&root.join("tidings.yaml"));
    assert_eq!(found, [root.clone(), root.join("..1")]);
    symlink("loop", root.join("loop")).unwrap();
    assert_eq!(
        directories(&root.join("loop")).len(),
        limits::CONFIG_LINKS_MAX
    );
    assert!(directories(&root.join("nowhere/tidings.yaml")).is_empty());
}

#[test]
fn the_directory_of_the_access_file_in_force_is_watched() {
    let folder = TempDir::new().unwrap();
    let root = folder.path().canonicalize().unwrap();
    fs::create_dir(root.join("sub")).unwrap();
    let mut directories = Directories::new(Arc::default());
    for (access, watched) in [
        ("a.yaml", vec![root.clone()]),
        ("sub/a.yaml", vec![root.clone(), root.join("sub")]),
        ("a.yaml", vec![root.clone()]),
    ] {
        fs::write(root.join("tidings.yaml"), format!("access: {access}")).unwrap();
        directories.follow(&Written::read(&root.join("tidings.yaml"), &|_| None));
        assert_eq!(Vec::from_iter(directories.watched.iter().cloned()), watched);
    }
}

#[tokio::test(start_paused = true)]
async fn a_file_counts_once_it_has_stopped_changing() {
    let mut watched = Watched::start(&drain("10s"));
    let mut text = drain("5s") + "access:\n  keys:\n";
    for key in 0..10 {
        writeln!(text, "    - {{ name: name{key}, key: key{key} }}").unwrap();
        watched.write("tidings.yaml", &text);
        sleep(limits::CONFIG_SETTLE * 3 / 4).await;
    }
    let next = watched.next().await;
    assert_eq!(next.generation, 2);
    assert_eq!(next.access.keys.len(), 10);
}

#[tokio::test(start_paused = true)]
async fn what_is_refused_changes_nothing_and_is_told_without_its_secrets() {
    let mut watched = Watched::start(&drain("10s"));
    let bad = drain("2s") + "access: { keys: [{ name: a, key: s3cr3t, hear: ['GET:a'] }] }";
    watched.write("tidings.yaml", &bad);
    watched.says("access.keys[0].hear[0]").await;
    assert!(
        watched.said().contains("generation=1"),
        "{}",
        watched.said()
    );
    assert!(!watched.said().contains("s3cr3t"), "{}", watched.said());
    watched.write("tidings.yaml", &bad.replace("GET", "PUT"));
    watched.comes_to(2, 2).await;
    assert_eq!(watched.said().matches("refused").count(), 1, "told once");
    let reloads = &watched.metrics.reloads;
    assert!(!reloads.is_refused(), "another is in force by now");
    let ended = [Success::Failure, Success::Success].map(|of| reloads.ended.get(of));
    assert_eq!(ended, [1, 1]);
}

#[tokio::test(start_paused = true)]
async fn a_missing_file_changes_nothing() {
    let mut watched = Watched::start(&drain("10s"));
    fs::remove_file(watched.path("tidings.yaml")).unwrap();
    watched.says("tidings.yaml: cannot be read").await;
    watched.write("tidings.yaml", &drain("10s"));
    watched.says("configuration unchanged").await;
    fs::remove_file(watched.path("tidings.yaml")).unwrap();
    watched.write("tidings.yaml", &drain("3s"));
    watched.comes_to(2, 3).await;
}

#[tokio::test(start_paused = true)]
async fn the_whole_directory_may_go_and_come_back() {
    let folder = TempDir::new().unwrap();
    let inner = folder.path().join("inner");
    fs::create_dir(&inner).unwrap();
    fs::write(inner.join("tidings.yaml"), drain("10s")).unwrap();
    symlink("inner/tidings.yaml", folder.path().join("tidings.yaml")).unwrap();
    let mut watched = Watched::start_in(folder);
    fs::remove_dir_all(&inner).unwrap();
    watched.says("cannot be read").await;
    fs::create_dir(&inner).unwrap();
    fs::write(inner.join("tidings.yaml"), drain("2s")).unwrap();
    watched.comes_to(2, 2).await;
}

#[tokio::test(start_paused = true)]
async fn a_change_of_the_access_file_alone_counts() {
    let folder = TempDir::new().unwrap();
    let path = |name: &str| folder.path().join(name);
    let text = drain("10s") + "access: access.yaml";
    fs::write(path("tidings.yaml"), &text).unwrap();
    fs::write(path("access.yaml"), "global: false").unwrap();
    let mut watched = Watched::start_in(folder);
    watched.rename_over("access.yaml", "global: true");
    assert!(watched.next().await.access.global);
    fs::create_dir(watched.path("sub")).unwrap();
    watched.write("sub/access.yaml", "global: false");
    watched.write(
        "tidings.yaml",
        &text.replace("access.yaml", "sub/access.yaml"),
    );
    assert!(!watched.next().await.access.global);
    watched.write("sub/access.yaml", "global: true");
    assert!(watched.next().await.access.global);
}

#[tokio::test(start_paused = true)]
async fn what_counts_at_the_start_is_named_and_kept() {
    let mut watched = Watched::start(&drain("10s"));
    let moved = drain("2s").replace(":8080", ":9090") + "admin: 127.0.0.1:1";
    watched.write("tidings.yaml", &moved);
    let next = watched.next().await;
    assert_eq!(next.listen.port(), 8080);
    assert_eq!(next.admin, None);
    assert_eq!(next.drain, Duration::from_secs(2));
    watched.says("listen, admin").await;
}

#[tokio::test(start_paused = true)]
async fn whoever_asks_has_a_refused_configuration_read_again() {
    let mut watched = Watched::start(&drain("10s"));
    let text = drain("2s").replace(
        "http://127.0.0.1:3000",
        "{ url: https://h, ca_file: ca.pem }",
    );
    watched.write("tidings.yaml", &text);
    watched.says("upstream.ca_file: cannot be read").await;
    watched.write("ca.pem", "-----BEGIN CERTIFICATE-----");
    watched.prompt.request();
    watched.comes_to(2, 2).await;
    watched.prompt.request();
    watched.says("configuration unchanged").await;
}
