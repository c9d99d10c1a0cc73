//! One generation of the disk tiers: a directory with a database and the files that go with it.
//!
//! A database that turns out to be corrupt is never repaired or removed under those who use it: a new
//! generation is begun beside it. Owns the names in the directory and the proof of being used (a shared lock
//! on `in-use`). Which generation is to be used, and when an old one goes, decides [`super::CacheDir`].

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::error::LocationError;
use super::lock::{Hold, lock_within};
use super::platform::{Identity, foreign_owner, scratch_dir, sync_directory, tightened};
use super::private::{check_closed, create_private, open_or_create_private, open_private};
use crate::base::locked::LockedFile;

/// Version of what is in the files. It is part of the directory's name: a program never touches the
/// generations of another version, so that old and new ones can run side by side.
pub(crate) const SCHEMA_VERSION: u32 = 1;

const DATABASE: &str = "cache.db";
const COHERENCE: &str = "coherence";
const BALLAST: &str = "ballast";
const IN_USE: &str = "in-use";
const UNUSABLE: &str = "unusable";

/// Far more than a cache goes through, and far from the end of the type.
pub(super) const LAST_NUMBER: u32 = 999_999_999;

/// The directory name of generation `number`.
pub(super) fn name_of(number: u32) -> String {
    format!("v{SCHEMA_VERSION}-{number:06}")
}

/// The number in a directory name; `None` when it is not a generation of our version.
pub(super) fn number_of(name: &str) -> Option<u32> {
    let (_, digits) = name.split_once('-')?;
    let number = digits.parse().ok()?;
    // Only the one spelling that we write: not `v1-3` or `v1-+00003`.
    (number <= LAST_NUMBER && name_of(number) == name).then_some(number)
}

/// The start of the names of directories that are being made or removed; see [`super::CacheDir`].
pub(super) fn scratch_prefix() -> String {
    format!(".v{SCHEMA_VERSION}-scratch-")
}

/// A generation that this process uses. Others see that by a lock, which goes with this value; so it must
/// outlive every connection to the database.
#[derive(Debug)]
pub(crate) struct Generation {
    number: u32,
    path: PathBuf,
    /// Directory of the next generation. Made once, as the paths below, because [`Generation::is_current`]
    /// asks often.
    next: PathBuf,
    database: PathBuf,
    in_use: PathBuf,
    unusable: PathBuf,
    /// Locked as shared. Being open also keeps the identity from being given to another file.
    _in_use: LockedFile,
    in_use_identity: Identity,
    database_identity: Identity,
}

impl Generation {
    /// Begins to use generation `number` in the cache directory `dir`. `None` when it cannot be used any
    /// more: marked unusable, without a database, or removed.
    pub(super) fn enter(dir: &Path, number: u32, patience: Duration) -> Result<Option<Self>, LocationError> {
        let path = dir.join(name_of(number));
        let (in_use, unusable) = (path.join(IN_USE), path.join(UNUSABLE));
        if !check_own_directory(&path)? || exists(&unusable) {
            return Ok(None);
        }
        let file = match open_or_create_private(&in_use) {
            Ok(file) => file,
            // The directory went between two looks at it.
            Err(LocationError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
                return Ok(None);
            }
            Err(error) => return Err(error),
        };
        if !lock_within(&file, Hold::Shared, patience).map_err(LocationError::io("lock", &in_use))? {
            return Err(LocationError::Busy { path: in_use });
        }
        let in_use_identity = Identity::of(&file.metadata().map_err(LocationError::io("look at", &in_use))?);
        if Identity::at(&in_use) != Some(in_use_identity) {
            return Ok(None);
        }
        let database = path.join(DATABASE);
        let Some(database_identity) = check_closed(&database)? else { return Ok(None) };
        let next = dir.join(name_of(number + 1));
        Ok(Some(Self {
            number,
            path,
            next,
            database,
            in_use,
            unusable,
            _in_use: LockedFile::of(file),
            in_use_identity,
            database_identity,
        }))
    }

    /// Makes generation `number` with an empty database. It appears whole or not at all. Only under the cache
    /// directory's lock.
    pub(super) fn begin(dir: &Path, number: u32) -> Result<(), LocationError> {
        let scratch =
            scratch_dir(dir, &scratch_prefix()).map_err(LocationError::io("create a directory in", dir))?;
        for name in [DATABASE, IN_USE] {
            let path = scratch.path().join(name);
            create_private(&path).map_err(LocationError::io("create", &path))?;
        }
        sync_directory(scratch.path());
        let path = dir.join(name_of(number));
        fs::rename(scratch.path(), &path).map_err(LocationError::io("create", &path))?;
        // It has another name now: nothing is left to be removed.
        let _ = scratch.keep();
        sync_directory(dir);
        Ok(())
    }

    /// Removes generation `number` unless somebody uses it. Only under the cache directory's lock, and never
    /// the newest: nobody begins to use an older one.
    pub(super) fn remove_unless_used(dir: &Path, number: u32) {
        let path = dir.join(name_of(number));
        let free = || -> io::Result<Option<LockedFile>> {
            if !check_own_directory(&path)? {
                return Ok(None);
            }
            let file = open_private(&path.join(IN_USE))?;
            Ok(lock_within(&file, Hold::Exclusive, Duration::ZERO)?.then(|| LockedFile::of(file)))
        };
        // Without an answer (the file is missing or not ours) it stays: it costs room, which the owner can
        // see.
        if let Ok(Some(_unused)) = free() {
            // First the name, in one step: when we die half way, the rest is recognized as such.
            let scratch = dir.join(format!("{}{}", scratch_prefix(), name_of(number)));
            if fs::rename(&path, &scratch).is_ok() {
                let _ = fs::remove_dir_all(&scratch);
            }
        }
    }

    /// Marks generation `number` in `dir`; an earlier reason stays.
    pub(super) fn mark(dir: &Path, number: u32, reason: &str) -> io::Result<()> {
        mark(&dir.join(name_of(number)).join(UNUSABLE), reason)
    }

    /// Counts up from 1 with every generation begun.
    pub(crate) fn number(&self) -> u32 {
        self.number
    }

    /// The directory.
    #[cfg(test)]
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The `SQLite` database; it exists, with mode 0600, which `SQLite` gives to `-wal` and `-shm` too. To be
    /// opened without `SQLITE_OPEN_CREATE`, so that one removed meanwhile is an error instead of a second
    /// database of the name.
    pub(crate) fn database(&self) -> PathBuf {
        self.database.clone()
    }

    /// The shared counters, see [`super::super::coherence`].
    pub(crate) fn coherence(&self) -> PathBuf {
        self.path.join(COHERENCE)
    }

    /// The reserve for a full disk, see [`super::super::ballast`].
    pub(crate) fn ballast(&self) -> PathBuf {
        self.path.join(BALLAST)
    }

    /// Whether the directory that was entered still has its name.
    pub(crate) fn exists(&self) -> bool {
        Identity::at(&self.in_use) == Some(self.in_use_identity)
    }

    /// Whether the generation is still the one to be used: directory and database are the files that were
    /// entered, and nobody gave it up. Costs four looks at names. As long as a connection holds the database
    /// open, another file cannot be taken for it.
    pub(crate) fn is_current(&self) -> bool {
        self.exists()
            && Identity::at(&self.database) == Some(self.database_identity)
            && !exists(&self.unusable)
            // Who begins a new generation marks the old one; this is for a disk that had no room for the
            // mark.
            && !exists(&self.next)
    }

    /// Tells other processes and `doctor` that the database is corrupt; an earlier reason stays. `reason` is
    /// kept as one line and must not hold content or keys.
    pub(crate) fn mark_unusable(&self, reason: &str) -> io::Result<()> {
        if !self.exists() {
            return Ok(());
        }
        mark(&self.unusable, reason)
    }

    /// Whether both are the same directory, not only of the same number.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        // Both hold their file open, so that equal identities are one file.
        self.in_use_identity == other.in_use_identity
    }
}

/// Whether a directory of ours has the name, corrected to be private.
///
/// # Errors
/// `NotOwned` when something else has it.
pub(super) fn check_own_directory(path: &Path) -> Result<bool, LocationError> {
    let metadata = match path.symlink_metadata() {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(LocationError::io("look at", path)(error)),
    };
    if !metadata.is_dir() {
        return Err(LocationError::not_owned(path, "is not a directory, as the cache makes it; remove it"));
    }
    if let Some(problem) = foreign_owner(&metadata) {
        return Err(LocationError::not_owned(path, problem));
    }
    if let Some(permissions) = tightened(&metadata) {
        fs::set_permissions(path, permissions).map_err(LocationError::io("restrict", path))?;
    }
    Ok(true)
}

fn mark(path: &Path, reason: &str) -> io::Result<()> {
    match create_private(path) {
        Ok(mut file) => writeln!(file, "{}", reason.replace(['\n', '\r'], " ")),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error),
    }
}

/// Whether anything has the name. One that cannot be looked at counts as absent.
fn exists(path: &Path) -> bool {
    path.symlink_metadata().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn begun(dir: &Path) -> Generation {
        Generation::begin(dir, 1).expect("begin");
        Generation::enter(dir, 1, Duration::ZERO).expect("enter").expect("usable")
    }

    #[test]
    fn names_and_numbers_agree_and_nothing_else_is_a_generation() {
        for number in [0, 1, 999_999, 1_000_000, LAST_NUMBER] {
            assert_eq!(number_of(&name_of(number)), Some(number));
        }
        for name in [
            "v0-000003",
            "v2-000001",
            "v1-3",
            "v1-+00003",
            "v1-0000003",
            "v1-1000000000",
            "v1-",
            "v1",
            "v1-000001.bak",
            "lock",
        ] {
            assert_eq!(number_of(name), None, "{name}");
        }
    }

    #[test]
    fn begun_generation_is_whole_and_current() {
        let dir = tempfile::tempdir().expect("temp dir");
        let generation = begun(dir.path());
        assert_eq!(generation.path(), dir.path().join("v1-000001"));
        assert_eq!(generation.database().metadata().expect("database").len(), 0);
        assert!(generation.is_current());
        assert_eq!(fs::read_dir(dir.path()).expect("list").count(), 1, "no scratch directory is left");
    }

    #[cfg(unix)]
    #[test]
    fn everything_is_for_the_owner_only() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().expect("temp dir");
        let generation = begun(dir.path());
        generation.mark_unusable("test").expect("mark");
        let mode = |path: &Path| path.metadata().expect("metadata").permissions().mode() & 0o7777;
        assert_eq!(mode(generation.path()), 0o700);
        for file in fs::read_dir(generation.path()).expect("list") {
            let path = file.expect("entry").path();
            assert_eq!(mode(&path), 0o600, "{}", path.display());
        }
    }

    #[test]
    fn removed_directory_is_noticed_even_when_one_of_the_name_comes_back() {
        let dir = tempfile::tempdir().expect("temp dir");
        let generation = begun(dir.path());
        fs::remove_dir_all(generation.path()).expect("remove");
        assert!(!generation.exists() && !generation.is_current());
        let second = begun(dir.path());
        assert!(!generation.exists() && !generation.is_current() && !generation.is_same(&second));
        generation.mark_unusable("meant for the removed one").expect("mark");
        assert!(second.is_current());
    }

    #[test]
    fn removed_or_replaced_database_is_noticed() {
        let dir = tempfile::tempdir().expect("temp dir");
        let generation = begun(dir.path());
        let _connection = fs::File::open(generation.database()).expect("open");
        fs::remove_file(generation.database()).expect("remove");
        assert!(generation.exists() && !generation.is_current());
        assert!(Generation::enter(dir.path(), 1, Duration::ZERO).expect("enter").is_none());
        create_private(&generation.database()).expect("another");
        assert!(!generation.is_current());
    }

    #[test]
    fn mark_or_successor_ends_a_generation() {
        let dir = tempfile::tempdir().expect("temp dir");
        let generation = begun(dir.path());
        Generation::begin(dir.path(), 2).expect("begin");
        assert!(!generation.is_current());
        fs::remove_dir_all(dir.path().join("v1-000002")).expect("remove");
        assert!(generation.is_current());
        generation.mark_unusable("bad checksum\non page 7").expect("mark");
        generation.mark_unusable("second").expect("mark");
        assert!(!generation.is_current());
        assert!(Generation::enter(dir.path(), 1, Duration::ZERO).expect("enter").is_none());
        let text = fs::read_to_string(generation.path().join("unusable")).expect("read");
        assert_eq!(text, "bad checksum on page 7\n");
    }

    #[test]
    fn generation_in_use_is_not_removed() {
        let dir = tempfile::tempdir().expect("temp dir");
        let generation = begun(dir.path());
        Generation::remove_unless_used(dir.path(), 1);
        assert!(generation.is_current());
        drop(generation);
        Generation::remove_unless_used(dir.path(), 1);
        assert_eq!(fs::read_dir(dir.path()).expect("list").count(), 0);
    }

    #[test]
    fn generation_without_its_lock_file_is_not_removed() {
        let dir = tempfile::tempdir().expect("temp dir");
        Generation::begin(dir.path(), 1).expect("begin");
        fs::remove_file(dir.path().join("v1-000001/in-use")).expect("remove");
        Generation::remove_unless_used(dir.path(), 1);
        assert!(dir.path().join("v1-000001/cache.db").exists());
    }

    #[cfg(unix)]
    #[test]
    fn links_in_place_of_ours_are_refused_and_their_targets_left_alone() {
        use std::os::unix::fs::symlink;
        for name in ["cache.db", "in-use"] {
            let dir = tempfile::tempdir().expect("temp dir");
            Generation::begin(dir.path(), 1).expect("begin");
            let (path, target) = (dir.path().join("v1-000001").join(name), dir.path().join("target"));
            fs::write(&target, "precious").expect("write");
            fs::remove_file(&path).expect("remove");
            symlink(&target, &path).expect("link");
            let error = Generation::enter(dir.path(), 1, Duration::ZERO).expect_err("refused");
            assert_eq!(error.reason(), "notOwned", "{name}");
            assert_eq!(fs::read_to_string(&target).expect("read"), "precious");
        }
        let (dir, elsewhere) =
            (tempfile::tempdir().expect("temp dir"), tempfile::tempdir().expect("temp dir"));
        Generation::begin(elsewhere.path(), 1).expect("begin");
        symlink(elsewhere.path().join("v1-000001"), dir.path().join("v1-000001")).expect("link");
        assert!(Generation::enter(dir.path(), 1, Duration::ZERO).is_err());
        Generation::remove_unless_used(dir.path(), 1);
        assert!(elsewhere.path().join("v1-000001/cache.db").exists());
    }
}
