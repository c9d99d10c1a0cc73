//! Where a store lives: the directory, its lane in it, and what becomes of files that are of no use any more.
//!
//! ```text
//! <dir>/                                   0700 where made here
//!   monitor-<project>-<lane>.lock          held as long as the lane is used; never removed
//!   monitor-<project>-<lane>.db (-wal)     0600
//!   monitor-<project>-<lane>.db.corrupt-<ms> (-wal)   damaged ones, the newest three of the project
//! ```
//!
//! `<project>` is a hash: the history of another project is not read, and its name stands nowhere. No file is opened through a
//! symbolic link, and a directory that other users can change is refused. Whether its file system is one that SQLite can
//! use is for the caller to say, who has other files there too.

use std::fs::{self, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use sha2::{Digest, Sha256};

use super::owned::{self, Identity};
use crate::base::error::{Error, ErrorKind, Result};
use crate::base::locked::LockedFile;

/// Monitors that keep their history in one directory at a time.
pub(super) const MOST_LANES: u32 = 64;
/// Damaged files of a project that are kept, for whoever wants to look at them.
const MOST_CORRUPT: usize = 3;

/// A lane, held as long as this lives.
#[derive(Debug)]
pub(super) struct Place {
    dir: PathBuf,
    /// `monitor-<project>-`.
    prefix: String,
    lane: u32,
    lock: LockedFile,
}

impl Place {
    /// Takes the lowest lane of the project that nobody has. The directory is created with mode 0700 when missing.
    pub(super) fn take(dir: &Path, project: Option<&str>) -> Result<Self> {
        let dir = owned::directory(dir)?;
        let prefix = format!("monitor-{}-", hash_of(project));
        for lane in 0..MOST_LANES {
            let path = dir.join(format!("{prefix}{lane}.lock"));
            let lock = owned::open_or_create(&path)?;
            match lock.try_lock() {
                // A lock on a file that was removed in between holds nobody off.
                Ok(()) if Identity::at(&path) == Identity::of(&lock) => {
                    return Ok(Self { dir, prefix, lane, lock: LockedFile::of(lock) });
                }
                Ok(()) | Err(TryLockError::WouldBlock) => {}
                Err(TryLockError::Error(error)) => return Err(failed("lock", &path, error)),
            }
        }
        Err(Error::new(
            ErrorKind::Io,
            format!(
                "cannot keep metrics in {}: {MOST_LANES} monitors of this project use it already, which is the most",
                dir.display()
            ),
        ))
    }

    /// Its number.
    pub(super) fn lane(&self) -> u32 {
        self.lane
    }

    /// The real path of the directory.
    pub(super) fn dir(&self) -> &Path {
        &self.dir
    }

    /// Of the database.
    pub(super) fn database(&self) -> PathBuf {
        self.dir.join(format!("{}{}.db", self.prefix, self.lane))
    }

    /// Makes an empty file for the database if there is none; checks it and says which file it is.
    ///
    /// Only while it is not open: closing any descriptor of a file takes away the locks that SQLite has on it.
    pub(super) fn prepare(&self) -> Result<Option<Identity>> {
        let path = self.database();
        // A log without its database would be read into the new one.
        if matches!(fs::exists(&path), Ok(false)) {
            remove(&with_end(&path, "-wal"));
        }
        Ok(Identity::of(&owned::open_or_create(&path)?))
    }

    /// Whether the lock is still where others look for it, so that they see that the lane is taken.
    pub(super) fn is_held(&self) -> bool {
        let path = self.dir.join(format!("{}{}.lock", self.prefix, self.lane));
        Identity::at(&path) == Identity::of(&self.lock)
    }

    /// Moves the damaged database aside, with its log, and says where to. Only while it is not open.
    pub(super) fn move_aside(&self, wall_ms: u64) -> Result<PathBuf> {
        let path = self.database();
        let aside_at = |ms: u64| with_end(&path, &format!(".corrupt-{ms}"));
        let taken_up = (wall_ms..=u64::MAX).take_while(|ms| aside_at(*ms).symlink_metadata().is_ok()).count();
        let aside = aside_at(wall_ms.saturating_add(taken_up as u64));
        fs::rename(&path, &aside).map_err(|error| failed("move aside", &path, error))?;
        let log = with_end(&path, "-wal");
        if fs::rename(&log, with_end(&aside, "-wal")).is_err() {
            remove(&log);
        }
        self.remove_corrupt();
        Ok(aside)
    }

    fn remove_corrupt(&self) {
        let mut found: Vec<(u64, PathBuf)> = self
            .files()
            .filter_map(|(name, path)| {
                let (_, ms) = name.split_once(".db.corrupt-")?;
                Some((ms.parse().ok()?, path))
            })
            .collect();
        found.sort_unstable();
        for (_, path) in found.iter().rev().skip(MOST_CORRUPT) {
            remove(path);
            remove(&with_end(path, "-wal"));
        }
    }

    /// Removes the databases of other lanes that nobody uses or has written to since `before`: their owner does not come back.
    pub(super) fn remove_abandoned(&self, before: SystemTime) {
        let modified = |path: &Path| path.symlink_metadata().and_then(|metadata| metadata.modified()).ok();
        for lane in (0..MOST_LANES).filter(|lane| *lane != self.lane) {
            let stem = format!("{}{lane}", self.prefix);
            let path = self.dir.join(format!("{stem}.db"));
            let log = with_end(&path, "-wal");
            let used = modified(&path).max(modified(&log));
            if used.is_some_and(|used| used < before)
                && let Ok(lock) = owned::open_or_create(&self.dir.join(format!("{stem}.lock")))
                && lock.try_lock().is_ok()
            {
                let _held = LockedFile::of(lock);
                remove(&path);
                remove(&log);
            }
        }
    }

    /// What is in the directory of this project.
    fn files(&self) -> impl Iterator<Item = (String, PathBuf)> {
        let entries = fs::read_dir(&self.dir).into_iter().flatten().flatten();
        entries
            .map(|entry| (entry.file_name().to_string_lossy().into_owned(), entry.path()))
            .filter(|(name, _)| name.starts_with(&self.prefix))
    }
}

/// 64 bits, in which no two projects of one person meet.
fn hash_of(project: Option<&str>) -> String {
    // No project is another one than that without a name.
    let mut hash = Sha256::new_with_prefix([u8::from(project.is_some())]);
    hash.update(project.unwrap_or_default());
    let bits = hash.finalize().iter().take(8).fold(0, |bits: u64, byte| bits << 8 | u64::from(*byte));
    format!("{bits:016x}")
}

fn with_end(path: &Path, end: &str) -> PathBuf {
    let mut path = path.as_os_str().to_owned();
    path.push(end);
    path.into()
}

/// What cannot be removed costs room and does no harm.
fn remove(path: &Path) {
    let _ = fs::remove_file(path);
}

/// An answer of the operating system.
pub(super) fn failed(doing: &str, path: &Path, error: io::Error) -> Error {
    Error::new(ErrorKind::Io, format!("cannot {doing} {}", path.display())).with_source(error)
}

#[cfg(test)]
mod tests;
