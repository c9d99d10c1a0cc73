//! Where the disk tiers live: the cache directory and the generations in it.
//!
//! ```text
//! <cacheDir>/           0700   made here, or a directory of the user that others cannot write to
//!   CACHEDIR.TAG, .gitignore   for backup programs and git; not among things that are not ours
//!   lock                       held while a generation is begun or removed
//!   .v1-scratch-*/             a generation that is being made or removed
//!   v1-000001/          0700   a generation: cache.db (-wal, -shm), coherence, ballast, in-use, unusable
//! ```
//!
//! Owns creation, owners and modes, symbolic links, the choice of the generation and the removal of old ones.
//! Does not open databases, and never removes what it did not make: generations of other schema versions, the
//! newest unusable generation (kept for `doctor`) and everything of other names stay.
//!
//! Trusted: this user, root, and the directories above the cache directory. Those are the business of who
//! configures the path; `/tmp`, where everybody may write but (sticky) not rename what belongs to others, is
//! fine.

mod beside;
mod error;
mod generation;
mod lock;
mod network;
mod platform;
mod private;

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

pub use beside::directory_beside;
pub(crate) use error::{LocationError, reason_of_io};
pub(crate) use generation::Generation;
pub(crate) use platform::{Identity, free_bytes};
pub(crate) use private::{create_private, open_private};

use generation::{LAST_NUMBER, check_own_directory, number_of, scratch_prefix};
use lock::{NamedLock, PATIENCE};

const LOCK: &str = "lock";

/// Files for other programs, with what they look for.
const MARKERS: [(&str, &str); 2] = [
    (
        "CACHEDIR.TAG",
        "Signature: 8a477f597d28d172789f06886806bc55\n\
         # This directory holds a cache that can be removed at any time; see https://bford.info/cachedir/\n",
    ),
    (".gitignore", "*\n"),
];

/// How many given up generations are kept, for `doctor`.
const KEPT_UNUSABLE: usize = 1;

/// How often beginning a generation is tried. More than once only when somebody removes the lock file under
/// its holder.
const ATTEMPTS: u32 = 3;

/// Says the name of the network file system of a path, `None` for a local one.
type NetworkProbe = fn(&Path) -> io::Result<Option<&'static str>>;

/// A cache directory that was checked. Holds nothing open.
#[derive(Debug)]
pub(crate) struct CacheDir {
    real: PathBuf,
    probe: NetworkProbe,
    patience: Duration,
}

/// What of ours is in a cache directory.
#[derive(Debug, Default)]
struct Listing {
    /// Numbers of the generations of our version, ascending.
    generations: Vec<u32>,
    scratch: Vec<PathBuf>,
    foreign: bool,
}

impl CacheDir {
    /// Opens `path`, which is created with mode 0700 (and its parents with the default one) when missing. An
    /// existing directory is used as it is when it belongs to the effective user and nobody else can write to
    /// it.
    ///
    /// A symbolic link is followed once, here, when it exists already, leads to such a directory and was made
    /// by this user or root (anybody may put one into `/tmp`); from then on [`CacheDir::real_path`] is used.
    /// One that leads nowhere is refused: nothing is created through a link.
    ///
    /// # Errors
    /// See [`LocationError`]; nothing has been created when the file system is the reason.
    pub(crate) fn open(path: &Path, allow_network: bool) -> Result<Self, LocationError> {
        let probe: NetworkProbe = if allow_network { |_| Ok(None) } else { network::network_file_system };
        Self::open_with(path, probe, PATIENCE)
    }

    fn open_with(path: &Path, probe: NetworkProbe, patience: Duration) -> Result<Self, LocationError> {
        let absolute = std::path::absolute(path).map_err(LocationError::io("find", path))?;
        // Without a slash at the end, which would follow a link where its own name is meant.
        let path: PathBuf = absolute.components().collect();
        let real = prepare(&path, probe)?;
        Ok(Self { real, probe, patience })
    }

    /// The directory without symbolic links: what two spellings of one directory have in common.
    #[cfg(test)]
    pub(crate) fn real_path(&self) -> &Path {
        &self.real
    }

    /// The newest generation, created when there is none. With `unusable`, one that was seen to be corrupt:
    /// another one, begun unless somebody else did already; call [`Generation::mark_unusable`] with the
    /// reason before.
    ///
    /// A cache directory that was removed since is made again. Waits for other processes for seconds at most,
    /// and when a generation is there usually not at all.
    pub(crate) fn generation(&self, unusable: Option<&Generation>) -> Result<Generation, LocationError> {
        prepare(&self.real, self.probe)?;
        if let Some(found) = self.enter_newest(unusable)? {
            self.tidy();
            return Ok(found);
        }
        let path = self.real.join(LOCK);
        let _alone = NamedLock::acquire(&path, self.patience)?;
        for _ in 0..ATTEMPTS {
            // Somebody may have begun one while we waited for the lock.
            if let Some(found) = self.enter_newest(unusable)? {
                return Ok(found);
            }
            self.begin()?;
        }
        Err(LocationError::Busy { path })
    }

    fn enter_newest(&self, unusable: Option<&Generation>) -> Result<Option<Generation>, LocationError> {
        let Some(&newest) = self.list()?.generations.last() else { return Ok(None) };
        let found = Generation::enter(&self.real, newest, self.patience)?;
        Ok(found.filter(|found| unusable.is_none_or(|unusable| !unusable.is_same(found))))
    }

    /// Begins the next generation and removes old ones. Only under the lock.
    fn begin(&self) -> Result<(), LocationError> {
        let newest = self.list()?.generations.last().copied();
        let number = newest.unwrap_or(0) + 1;
        if number > LAST_NUMBER {
            let used_up = io::Error::other("its numbers are used up");
            return Err(LocationError::io("begin another generation in", &self.real)(used_up));
        }
        if let Some(newest) = newest {
            // Usually marked already. It may be gone, or the disk full: then the number of the new one has to
            // do.
            let _ = Generation::mark(&self.real, newest, "replaced by a new generation");
        }
        match Generation::begin(&self.real, number) {
            // Taken by somebody who had the lock on a file that was removed: look at that one.
            Err(LocationError::Io { source, .. })
                if matches!(
                    source.kind(),
                    io::ErrorKind::AlreadyExists | io::ErrorKind::DirectoryNotEmpty
                ) => {}
            other => other?,
        }
        self.remove_old();
        Ok(())
    }

    /// Removes what an earlier look could not, because it was in use or because a process died. Costs one
    /// listing unless there is something; never waits.
    fn tidy(&self) {
        let Ok(listing) = self.list() else { return };
        let untidy = !listing.scratch.is_empty() || listing.generations.len() > 1 + KEPT_UNUSABLE;
        // Who has the lock makes or removes just that.
        if untidy && let Ok(_alone) = NamedLock::acquire(&self.real.join(LOCK), Duration::ZERO) {
            self.remove_old();
        }
    }

    /// Removes scratch directories that nobody works on, and unusable generations that nobody uses except for
    /// the newest ones. Only under the lock. Failures are left for the next time: what stays costs room but
    /// does no harm.
    fn remove_old(&self) {
        let Ok(listing) = self.list() else { return };
        for path in &listing.scratch {
            if matches!(check_own_directory(path), Ok(true)) {
                let _ = fs::remove_dir_all(path);
            }
        }
        let old = listing.generations.len().saturating_sub(1 + KEPT_UNUSABLE);
        for &number in &listing.generations[..old] {
            Generation::remove_unless_used(&self.real, number);
        }
    }

    fn list(&self) -> Result<Listing, LocationError> {
        list(&self.real)
    }
}

/// Makes and checks the directory; returns its real path.
fn prepare(path: &Path, probe: NetworkProbe) -> Result<PathBuf, LocationError> {
    // Before anything is created: what is missing will be on the file system of what is there.
    if let Some(there) = path.ancestors().find(|ancestor| ancestor.metadata().is_ok())
        && let Some(name) = probe(there).map_err(LocationError::io("find the file system of", there))?
    {
        return Err(LocationError::NetworkFileSystem { path: path.to_owned(), name });
    }
    create_if_missing(path)?;
    let real = resolve(path)?;
    let metadata = real.symlink_metadata().map_err(LocationError::io("look at", &real))?;
    if !metadata.is_dir() {
        return Err(LocationError::NotADirectory { path: path.to_owned() });
    }
    if let Some(problem) =
        platform::foreign_owner(&metadata).or_else(|| platform::writable_by_others(&metadata))
    {
        return Err(LocationError::not_owned(&real, problem));
    }
    // Shows now, and not with the first entry, that nothing can be written.
    drop(private::open_or_create_private(&real.join(LOCK))?);
    write_markers(&real)?;
    Ok(real)
}

fn create_if_missing(path: &Path) -> Result<(), LocationError> {
    match path.symlink_metadata() {
        Ok(_) => return Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(LocationError::io("look at", path)(error)),
    }
    let parent = path.parent().unwrap_or(path);
    fs::create_dir_all(parent).map_err(LocationError::io("create", parent))?;
    match platform::create_private_dir(path) {
        Ok(()) => platform::sync_directory(parent),
        // Somebody else was faster; what that is gets checked like anything that was there before.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(LocationError::io("create", path)(error)),
    }
    Ok(())
}

/// The path without symbolic links; of those, the one of this very name must be trustworthy.
fn resolve(path: &Path) -> Result<PathBuf, LocationError> {
    let metadata = path.symlink_metadata().map_err(LocationError::io("look at", path))?;
    if metadata.is_symlink() && !platform::link_of_trusted_owner(&metadata) {
        return Err(LocationError::not_owned(
            path,
            "is a symbolic link that another user made; name its target if it is meant",
        ));
    }
    fs::canonicalize(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound if metadata.is_symlink() => {
            LocationError::NotADirectory { path: path.to_owned() }
        }
        _ => LocationError::io("find", path)(error),
    })
}

/// Writes the files for other programs unless they exist. Not into a directory that holds anything that is
/// not ours: in somebody's project they would hide it from git and from backups. Failures are let go: the
/// cache works without.
fn write_markers(real: &Path) -> Result<(), LocationError> {
    if MARKERS.iter().all(|(name, _)| real.join(name).symlink_metadata().is_ok()) || list(real)?.foreign {
        return Ok(());
    }
    for (name, text) in MARKERS {
        let _ = create_private(&real.join(name)).and_then(|mut file| file.write_all(text.as_bytes()));
    }
    Ok(())
}

/// Directories of other parts of this package.
const NEIGHBOURS: [&str; 3] = ["blocks", "live", "monitor"];

fn list(real: &Path) -> Result<Listing, LocationError> {
    let mut listing = Listing::default();
    for entry in fs::read_dir(real).map_err(LocationError::io("list", real))? {
        let name = entry.map_err(LocationError::io("list", real))?.file_name();
        let name = name.to_string_lossy();
        if let Some(number) = number_of(&name) {
            listing.generations.push(number);
        } else if name.starts_with(&scratch_prefix()) {
            listing.scratch.push(real.join(&*name));
        } else if name != LOCK
            && !NEIGHBOURS.contains(&&*name)
            && !MARKERS.iter().any(|(marker, _)| name == *marker)
        {
            listing.foreign = true;
        }
    }
    listing.generations.sort_unstable();
    Ok(listing)
}

#[cfg(test)]
mod tests;
