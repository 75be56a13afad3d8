//! One process has the directory, and the directory can hold a log at its level.
//!
//! The lock is the system's, on a file: it ends with the process, however that comes. That
//! there is no room is no reason to refuse a directory: it may change, and the API is served
//! meanwhile.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use parking_lot::Mutex;

use super::super::Level;
use super::segment::{Boot, UNFINISHED};
use super::{Directory, FILE_MODE, remove};

/// Why a directory cannot hold the log.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process has it.
    #[error(
        "{path}: is in use by another process{holder}: give each sidecar a directory of its own"
    )]
    InUse {
        /// The directory.
        path: PathBuf,
        /// Which one, where that is known. Shape: ` (process 1234)`.
        holder: String,
    },
    /// `disk` was asked of a file system that is in memory.
    #[error(
        "{path}: is on {kind}, which is in memory: level `disk` needs a disk, `process` does not"
    )]
    NotOnDisk {
        /// The directory.
        path: PathBuf,
        /// The file system. Shape: `tmpfs`.
        kind: &'static str,
    },
    /// The system refused.
    #[error("{path}: {doing}: {error}")]
    Io {
        /// The directory.
        path: PathBuf,
        /// What could not be done. Shape: `cannot be written`.
        doing: &'static str,
        /// Why.
        error: io::Error,
    },
    /// It holds a log of a version that this program does not know.
    #[error(
        "{path}: was written by another version of this program: empty the directory, or give another"
    )]
    Version {
        /// The directory.
        path: PathBuf,
    },
}

// === impl Directory ===

impl Directory {
    /// Makes the directory if it is missing, locks it, and tries whether it can hold the log at `level`.
    ///
    /// # Errors
    /// [`OpenError`], but for [`OpenError::Version`].
    pub(in crate::log) fn lock(path: &Path, level: Level) -> Result<Self, OpenError> {
        Self::lock_in(path, level, boot())
    }

    /// Locks the directory as [`Self::lock`] does, in that run of the kernel.
    pub(super) fn lock_in(path: &Path, level: Level, boot: Boot) -> Result<Self, OpenError> {
        let refused = |doing| {
            move |error| OpenError::Io {
                path: path.to_owned(),
                doing,
                error,
            }
        };
        let mut create = DirBuilder::new();
        match create.recursive(true).mode(0o700).create(path) {
            Err(_exists) if path.exists() && !path.is_dir() => {
                return Err(refused("cannot hold the log")(
                    io::ErrorKind::NotADirectory.into(),
                ));
            }
            created => created.map_err(refused("cannot be created"))?,
        }
        let lock = lock_file(path, &refused)?;
        if level == Level::Disk
            && let Some(kind) = in_memory(path).map_err(refused("cannot be looked at"))?
        {
            let path = path.to_owned();
            return Err(OpenError::NotOnDisk { path, kind });
        }
        match probe(path, level) {
            // That may change, and is no reason not to serve.
            Err(error) if is_full(&error) => {}
            probed => probed.map_err(refused("cannot be written"))?,
        }
        Ok(Self {
            path: path.to_owned(),
            _lock: lock,
            boot,
            table: Mutex::default(),
        })
    }
}

/// Whether there is no room.
pub(in crate::log) fn is_full(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded
    )
}

/// Locks the directory's `lock` for as long as the file is open, and says in it who has it.
fn lock_file<R>(path: &Path, refused: &impl Fn(&'static str) -> R) -> Result<File, OpenError>
where
    R: Fn(io::Error) -> OpenError,
{
    let mut lock = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(FILE_MODE)
        .open(path.join("lock"))
        .map_err(refused("cannot be written"))?;
    match lock.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut holder = String::new();
            // Who it is only helps: if that cannot be read, it is left out.
            let read = (&lock).take(LOCK_BYTES_MAX).read_to_string(&mut holder);
            let known = read.is_ok() && holder.trim().parse::<u32>().is_ok();
            let path = path.to_owned();
            let holder = if known {
                format!(" (process {})", holder.trim())
            } else {
                String::new()
            };
            return Err(OpenError::InUse { path, holder });
        }
        Err(TryLockError::Error(error)) => return Err(refused("cannot be locked")(error)),
    }
    let written = lock
        .set_len(0)
        .and_then(|()| writeln!(lock, "{}", std::process::id()));
    match written {
        // It is locked, and who has it only helps.
        Err(error) if is_full(&error) => {}
        written => written.map_err(refused("cannot be written"))?,
    }
    Ok(lock)
}

/// Bytes of a lock that are looked at: a process's id has fewer.
const LOCK_BYTES_MAX: u64 = 16;

/// Tries whether a file can be written here and read back.
fn probe(path: &Path, level: Level) -> io::Result<()> {
    const WORD: &[u8] = b"tidings";
    let path = path.join(format!("probe{UNFINISHED}"));
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(true)
        .open(&path)?;
    file.write_all(WORD)?;
    if level == Level::Disk {
        file.sync_all()?;
    }
    let mut read = Vec::new();
    file.rewind()?;
    file.read_to_end(&mut read)?;
    if read != WORD {
        return Err(io::Error::other("what was written is not what is read"));
    }
    remove(&path)
}

/// The name of the file system, if it is one that is in memory.
fn in_memory(path: &Path) -> io::Result<Option<&'static str>> {
    const TMPFS: i128 = 0x0102_1994;
    const RAMFS: i128 = 0x8584_58f6;
    Ok(match i128::from(rustix::fs::statfs(path)?.f_type) {
        TMPFS => Some("tmpfs"),
        RAMFS => Some("ramfs"),
        _ => None,
    })
}

/// This run of the kernel, as it names it. Shape: `2a1dd46c-e4ee-4a11-b8c9-fb2a02a2ec75`.
fn boot() -> Boot {
    let text = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    let digits: String = text.trim().split('-').collect();
    if digits.len() != 32 {
        return None;
    }
    let number = u128::from_str_radix(&digits, 16).ok()?;
    (number != 0).then(|| number.to_be_bytes())
}
