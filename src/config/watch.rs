//! A configuration that changes while the sidecar runs.
//!
//! The files are read, settle, and then count:
//!
//! ```text
//!  told of a change,  ──► look ── same as seen ──► wait on
//!  asked, or 500 ms         │ differs
//!  passed                   ▼
//!                        settle: unchanged for 200 ms
//!                           │
//!                           ▼
//!                        compile ── faults ──► error in the log, all stays as it was
//!                           │
//!                           ▼
//!                        apply the next generation
//! ```
//! What the operating system tells only wakes the look; that a file changed is decided by its
//! bytes. So it matters neither by which steps an editor saves, nor whether a mounted volume
//! tells of changes at all, nor how busy the directory is. Watched are directories, never the
//! files: an editor that renames a new file into place takes the watched one away, and
//! Kubernetes swaps a symbolic link above the file.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use jiff::Timestamp;
use notify::event::{AccessKind, AccessMode};
use notify::{EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};
use tracing::{error, info, warn};

use super::written::{Digest, Written};
use super::{ConfigErrors, Snapshot};
use crate::limits;
use crate::metrics::Metrics;

/// Reads the configuration again whenever it changed.
pub struct Watch {
    path: PathBuf,
    env: fn(&str) -> Option<String>,
    wake: Arc<Wake>,
    directories: Directories,
    in_force: Arc<Snapshot>,
    /// What [`Watch::in_force`] was made of.
    in_force_digest: Digest,
    /// What was last compiled, with or without success: it is not compiled again.
    seen: Digest,
}

/// Asks a [`Watch`] for a look at once: what SIGHUP does. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Prompt(Arc<Wake>);

/// What wakes the watch.
#[derive(Debug, Default)]
struct Wake {
    /// Holds at most one permit, so any number of events while nobody waits are one look.
    notify: Notify,
    /// Set before the permit is given, so whoever takes the permit sees it. It makes what
    /// was seen before count as new: a certificate file may have been repaired meanwhile.
    asked: AtomicBool,
}

// === impl Watch ===

impl Watch {
    /// Loads the configuration at `path` as generation 1, and readies the watch for what
    /// comes after it: no change between the two is missed.
    ///
    /// # Errors
    /// [`ConfigErrors`]: there is nothing to start with.
    pub fn open(
        path: &Path,
        env: fn(&str) -> Option<String>,
    ) -> Result<(Arc<Snapshot>, Self), ConfigErrors> {
        let written = Written::read(path, &env);
        let digest = written.digest();
        let wake = Arc::new(Wake::default());
        let mut directories = Directories::new(Arc::clone(&wake));
        directories.follow(&written);
        let snapshot = Arc::new(written.compile(&env, 1)?);
        let watch = Self {
            path: path.to_owned(),
            env,
            wake,
            directories,
            in_force: Arc::clone(&snapshot),
            in_force_digest: digest,
            seen: digest,
        };
        Ok((snapshot, watch))
    }

    /// The handle by which a look is asked for.
    #[must_use]
    pub fn prompt(&self) -> Prompt {
        Prompt(Arc::clone(&self.wake))
    }

    /// Hands `apply` each configuration that differs from the one in force and is valid, as
    /// the next generation; what needs a restart keeps its value, and a warning names it. What
    /// is not valid, or is missing, is told in the log and changes nothing. Both are counted.
    ///
    /// Never ends. Dropping the future ends the watch; nothing is half applied.
    pub async fn run(mut self, metrics: Arc<Metrics>, mut apply: impl FnMut(Arc<Snapshot>)) {
        let reloads = &metrics.reloads;
        loop {
            let asked = self.woken().await;
            let Some(written) = self.look().await else {
                continue;
            };
            if written.digest() == self.seen && !asked {
                continue;
            }
            let Some(written) = self.settle(written).await else {
                continue;
            };
            self.seen = written.digest();
            if self.seen == self.in_force_digest {
                reloads.withdraw();
                info!(
                    generation = self.in_force.generation,
                    "configuration unchanged"
                );
                continue;
            }
            match self.renew(written) {
                Some(snapshot) => {
                    apply(snapshot);
                    reloads.succeed(Timestamp::now());
                }
                None => reloads.fail(),
            }
        }
    }

    /// Waits for a reason to look; whether somebody asked.
    async fn woken(&self) -> bool {
        sleep(limits::CONFIG_LOOK_PAUSE).await;
        // Elapsed or not, it is time to look.
        drop(timeout(limits::CONFIG_POLL, self.wake.notify.notified()).await);
        // Acquire: pairs with the release of `Prompt::request`.
        self.wake.asked.swap(false, Ordering::Acquire)
    }

    /// Reads the files on a thread where a slow file system keeps nobody waiting; none while
    /// the runtime shuts down.
    async fn look(&mut self) -> Option<Written> {
        let path = self.path.clone();
        let env = self.env;
        let read = tokio::task::spawn_blocking(move || Written::read(&path, &env));
        let written = read.await.ok()?;
        self.directories.follow(&written);
        Some(written)
    }

    /// The files once two looks, [`limits::CONFIG_SETTLE`] apart, found the same.
    async fn settle(&mut self, mut written: Written) -> Option<Written> {
        loop {
            sleep(limits::CONFIG_SETTLE).await;
            let again = self.look().await?;
            if again.digest() == written.digest() {
                return Some(again);
            }
            written = again;
        }
    }

    /// The next generation, if `written` is valid.
    fn renew(&mut self, written: Written) -> Option<Arc<Snapshot>> {
        let digest = written.digest();
        let old = &self.in_force;
        let new = match written.compile(&self.env, old.generation.saturating_add(1)) {
            Ok(new) => new,
            Err(errors) => {
                error!(generation = old.generation, %errors, "configuration refused, the old one stays");
                return None;
            }
        };
        let keys = old.needs_restart(&new);
        if !keys.is_empty() {
            let keys = keys.join(", ");
            warn!(keys, "changed, and counts after a restart only");
        }
        self.in_force = Arc::new(old.adopt(new));
        self.in_force_digest = digest;
        info!(
            generation = self.in_force.generation,
            "configuration in force"
        );
        Some(Arc::clone(&self.in_force))
    }
}

impl std::fmt::Debug for Watch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let generation = self.in_force.generation;
        f.debug_struct("Watch")
            .field("path", &self.path)
            .field("generation", &generation)
            .finish_non_exhaustive()
    }
}

// === impl Prompt ===

impl Prompt {
    /// Asks for a look. A configuration that was refused is compiled once more.
    pub fn request(&self) {
        // Release: pairs with the acquire of `Watch::woken`.
        self.0.asked.store(true, Ordering::Release);
        self.0.notify.notify_one();
    }
}

/// The directories whose changes wake the watch.
struct Directories {
    /// None where the system gives no watcher: then looking every so often has to do.
    watcher: Option<RecommendedWatcher>,
    /// Their real paths. As many as the files and the links to them have, see
    /// [`limits::CONFIG_LINKS_MAX`].
    watched: BTreeSet<PathBuf>,
}

impl Directories {
    fn new(wake: Arc<Wake>) -> Self {
        let watcher = notify::recommended_watcher(move |event| {
            if is_change(&event) {
                wake.notify.notify_one();
            }
        });
        let watcher = watcher.inspect_err(|error| {
            warn!(%error, "no change of the configuration will be told, it is looked for");
        });
        Self {
            watcher: watcher.ok(),
            watched: BTreeSet::new(),
        }
    }

    /// Watches the directories of what was read, and no longer those of before.
    fn follow(&mut self, written: &Written) {
        let Some(watcher) = &mut self.watcher else {
            return;
        };
        let wanted: BTreeSet<_> = written.paths().flat_map(directories).collect();
        for gone in self.watched.difference(&wanted) {
            // Fails for a directory that was deleted, which is what is wanted.
            drop(watcher.unwatch(gone));
        }
        let watched = wanted.into_iter().filter(|directory| {
            self.watched.contains(directory)
                || watcher
                    .watch(directory, RecursiveMode::NonRecursive)
                    .is_ok()
        });
        self.watched = watched.collect();
    }
}

/// The directories that lie on the way from `file` through its links to where it is: its own
/// and that of each link's target, by their real paths. A change of any of them may change
/// what the file reads as.
fn directories(file: &Path) -> Vec<PathBuf> {
    let mut directories = Vec::new();
    let mut file = file.to_owned();
    for _ in 0..limits::CONFIG_LINKS_MAX {
        let parent = match file.parent() {
            Some(parent) if parent.as_os_str().is_empty() => Path::new("."),
            Some(parent) => parent,
            None => break,
        };
        // One that is not there is watched once it is: the next look finds it.
        let Ok(real) = parent.canonicalize() else {
            break;
        };
        let target = fs::read_link(real.join(file.file_name().unwrap_or_default()));
        directories.push(real.clone());
        let Ok(target) = target else { break };
        file = real.join(target);
    }
    directories
}

/// Whether the event may be a change. Reading is none: our own look would wake the next.
fn is_change(event: &notify::Result<notify::Event>) -> bool {
    let Ok(event) = event else { return true };
    match event.kind {
        EventKind::Access(kind) => kind == AccessKind::Close(AccessMode::Write),
        _ => true,
    }
}

#[cfg(test)]
mod tests;
