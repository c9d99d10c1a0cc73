//! Bytes on disk that wait to be given back: room to evict in when the disk is full.
//!
//! `SQLite` needs room to delete, because what it changes goes to the write-ahead log first. On a full disk
//! the writer releases the ballast, checkpoints, evicts, checkpoints again and makes the ballast anew. Owns
//! the one file; does not decide when. A cache without ballast works, it only cannot help itself on a full
//! disk.

use std::fs::{self, TryLockError};
use std::io::{self, Write};
use std::path::Path;

use super::location::{create_private, free_bytes, open_private};

/// Size of the file: holds the log of one eviction (the pages of a batch of rows and their indexes) with
/// ample room.
pub(crate) const BALLAST_BYTES: u64 = 8 * 1024 * 1024;

/// The file system must have this many times the ballast free, so that the reserve is not what fills it.
const FREE_FACTOR: u64 = 2;

const CHUNK_BYTES: usize = 64 * 1024;

/// Makes the ballast `path` when it is missing or was not finished. Nothing happens when the file system is
/// rather full, or where its free space is not known (outside of Unix). Writes 8 MB to the disk and waits for
/// it: not for a thread that somebody waits for. A failure needs no more than to be counted; no part of a
/// file is left.
pub(crate) fn ensure(path: &Path) -> io::Result<()> {
    ensure_with(path, free_bytes(path.parent().unwrap_or(path))?)
}

/// Makes the ballast again that was released: the room for it was the cache's before.
pub(crate) fn restore(path: &Path) -> io::Result<()> {
    let free = free_bytes(path.parent().unwrap_or(path))?;
    ensure_with(path, free.map(|free| free.saturating_add(BALLAST_BYTES)))
}

fn ensure_with(path: &Path, free: Option<u64>) -> io::Result<()> {
    match path.symlink_metadata() {
        Ok(metadata) if metadata.is_file() && metadata.len() == BALLAST_BYTES => return Ok(()),
        Ok(metadata) if metadata.is_file() => {
            if let Err(TryLockError::WouldBlock) = open_private(path)?.try_lock() {
                return Ok(()); // Another process writes it at this moment.
            }
            fs::remove_file(path)?; // That process died.
        }
        // Whatever it is: removing a name never touches what a link leads to.
        Ok(_) => fs::remove_file(path)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    if free.is_none_or(|free| free <= FREE_FACTOR * BALLAST_BYTES) {
        return Ok(());
    }
    match write(path) {
        // Another process was faster.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        result => result,
    }
}

/// Gives the room back; `false` when there was no ballast.
pub(crate) fn release(path: &Path) -> io::Result<bool> {
    match fs::remove_file(path) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

fn write(path: &Path) -> io::Result<()> {
    let mut file = create_private(path)?;
    // Says to others that it is being written. Without locks they would at worst write it again.
    let _ = file.try_lock();
    let written = fill(&mut file);
    if written.is_err() {
        let _ = fs::remove_file(path);
    }
    written
}

fn fill(file: &mut fs::File) -> io::Result<()> {
    let mut chunk = vec![0; CHUNK_BYTES];
    let mut state = 0;
    for _ in 0..BALLAST_BYTES / CHUNK_BYTES as u64 {
        // Zeros, or one chunk again and again, would cost a compressing or deduplicating file system no room
        // at all.
        for bytes in chunk.chunks_exact_mut(8) {
            bytes.copy_from_slice(&split_mix(&mut state).to_le_bytes());
        }
        file.write_all(&chunk)?;
    }
    // Before that, some file systems have not decided whether there is room.
    file.sync_data()
}

/// The next number of `SplitMix64` (Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators,
/// 2014).
fn split_mix(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOMY: Option<u64> = Some(u64::MAX);

    #[test]
    fn ballast_is_made_once_and_given_back_once() {
        let dir = tempfile::tempdir().expect("temp dir");
        let path = dir.path().join("ballast");
        ensure_with(&path, ROOMY).expect("make");
        let made = path.metadata().expect("metadata");
        assert_eq!(made.len(), BALLAST_BYTES);
        ensure_with(&path, Some(0)).expect("is there");
        let seen = path.metadata().expect("metadata");
        assert_eq!(seen.modified().expect("time"), made.modified().expect("time"));
        assert!(release(&path).expect("release"));
        assert!(!release(&path).expect("release"));
    }

    #[cfg(unix)]
    #[test]
    fn ballast_takes_real_room_and_is_private() {
        use std::os::unix::fs::{MetadataExt, PermissionsExt};
        let dir = tempfile::tempdir().expect("temp dir");
        let path = dir.path().join("ballast");
        ensure_with(&path, ROOMY).expect("make");
        let metadata = path.metadata().expect("metadata");
        assert!(metadata.blocks() * 512 >= BALLAST_BYTES);
        assert_eq!(metadata.permissions().mode() & 0o7777, 0o600);
    }

    #[test]
    fn file_system_without_much_room_or_of_unknown_room_gets_none() {
        let dir = tempfile::tempdir().expect("temp dir");
        let path = dir.path().join("ballast");
        for free in [None, Some(0), Some(2 * BALLAST_BYTES)] {
            ensure_with(&path, free).expect("nothing to do");
            assert!(!path.exists(), "{free:?}");
        }
        ensure_with(&path, Some(2 * BALLAST_BYTES + 1)).expect("make");
        assert!(path.exists());
    }

    #[test]
    fn unfinished_ballast_is_made_anew() {
        let dir = tempfile::tempdir().expect("temp dir");
        let path = dir.path().join("ballast");
        fs::write(&path, "half").expect("write");
        ensure_with(&path, ROOMY).expect("make");
        assert_eq!(path.metadata().expect("metadata").len(), BALLAST_BYTES);
    }

    #[test]
    fn ballast_that_another_process_writes_is_left_to_it() {
        let dir = tempfile::tempdir().expect("temp dir");
        let path = dir.path().join("ballast");
        let other = create_private(&path).expect("create");
        other.try_lock().expect("lock");
        ensure_with(&path, ROOMY).expect("nothing to do");
        assert_eq!(path.metadata().expect("metadata").len(), 0);
    }

    #[cfg(unix)]
    #[test]
    fn link_is_replaced_and_its_target_left_alone() {
        let dir = tempfile::tempdir().expect("temp dir");
        let (path, target) = (dir.path().join("ballast"), dir.path().join("target"));
        fs::write(&target, "precious").expect("write");
        std::os::unix::fs::symlink(&target, &path).expect("link");
        ensure_with(&path, ROOMY).expect("make");
        assert!(path.symlink_metadata().expect("metadata").is_file());
        assert_eq!(fs::read_to_string(&target).expect("read"), "precious");
    }

    #[test]
    fn missing_directory_is_an_error_that_leaves_nothing() {
        let dir = tempfile::tempdir().expect("temp dir");
        let path = dir.path().join("missing/ballast");
        assert!(ensure_with(&path, ROOMY).is_err());
        assert!(!release(&path).expect("nothing there"));
    }
}
