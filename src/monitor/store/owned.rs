//! Directories and files of this user alone: created for the owner only, never reached through a planted symbolic link.
//!
//! Outside of Unix there are no modes here, and a file is told from another by its time of creation.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::place::failed;
use crate::base::error::{Error, ErrorKind, Result};

/// Put into a directory that is made here, so that git and backups leave it out.
const MARKERS: [(&str, &str); 2] = [
    (
        "CACHEDIR.TAG",
        "Signature: 8a477f597d28d172789f06886806bc55\n\
         # This directory holds a cache that can be removed at any time; see https://bford.info/cachedir/\n",
    ),
    (".gitignore", "*\n"),
];

/// Which file a name leads to. That of a file that is gone may be given out again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Identity {
    #[cfg(unix)]
    device_and_inode: (u64, u64),
    #[cfg(not(unix))]
    created: std::time::SystemTime,
}

impl Identity {
    /// Of an open file.
    pub(super) fn of(file: &File) -> Option<Self> {
        file.metadata().ok().and_then(|metadata| Self::from_metadata(&metadata))
    }

    /// Of what has this very name; a symbolic link is not followed.
    pub(super) fn at(path: &Path) -> Option<Self> {
        path.symlink_metadata().ok().and_then(|metadata| Self::from_metadata(&metadata))
    }

    #[cfg_attr(unix, expect(clippy::unnecessary_wraps, reason = "elsewhere it may not be known"))]
    fn from_metadata(metadata: &Metadata) -> Option<Self> {
        #[cfg(unix)]
        {
            use std::os::unix::fs::MetadataExt;
            Some(Self { device_and_inode: (metadata.dev(), metadata.ino()) })
        }
        #[cfg(not(unix))]
        metadata.created().ok().map(|created| Self { created })
    }
}

/// The real path of the directory, which is made for the owner only when it is missing.
///
/// # Errors
/// `E_IO` when it cannot be made, is not a directory, belongs to somebody else, can be changed by others, or is a symbolic link
/// that leads nowhere or was made by another user than root.
pub(super) fn directory(path: &Path) -> Result<PathBuf> {
    let absolute = std::path::absolute(path).map_err(|error| failed("find", path, error))?;
    // Without a slash at the end, which would follow a link where its own name is meant.
    let path: PathBuf = absolute.components().collect();
    if path.symlink_metadata().is_err_and(|error| error.kind() == io::ErrorKind::NotFound) {
        create_directory(&path)?;
    }
    let named = path.symlink_metadata().map_err(|error| failed("look at", &path, error))?;
    if named.is_symlink()
        && let Some(problem) = foreign_owner(&named, true)
    {
        return Err(refused(&path, &format!("is a symbolic link that {problem}")));
    }
    let real = fs::canonicalize(&path).map_err(|error| failed("find", &path, error))?;
    let metadata = real.symlink_metadata().map_err(|error| failed("look at", &real, error))?;
    if !metadata.is_dir() {
        return Err(refused(&path, "is not a directory; name another one"));
    }
    match foreign_owner(&metadata, false).or_else(|| writable_by_others(&metadata)) {
        Some(problem) => Err(refused(&real, &problem)),
        None => Ok(real),
    }
}

fn create_directory(path: &Path) -> Result<()> {
    let parent = path.parent().unwrap_or(path);
    fs::create_dir_all(parent).map_err(|error| failed("create", parent, error))?;
    #[cfg_attr(not(unix), expect(unused_mut, reason = "only Unix has a mode to set"))]
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    match builder.create(path) {
        Ok(()) => {}
        // Somebody was faster; what that is gets looked at like anything that was there before.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(()),
        Err(error) => return Err(failed("create", path, error)),
    }
    for (name, text) in MARKERS {
        // The store works without.
        let _ = private()
            .create_new(true)
            .open(path.join(name))
            .and_then(|mut file| file.write_all(text.as_bytes()));
    }
    Ok(())
}

/// Opens a file for reading and writing, created with mode 0600 when missing; a mode that lets others in is corrected.
///
/// # Errors
/// `E_IO` also for a symbolic link, anything that is not a regular file, and a file of another user.
pub(super) fn open_or_create(path: &Path) -> Result<File> {
    let file = match private().create(true).open(path) {
        Ok(file) => file,
        Err(error) => {
            // What the system answers for a link that is not followed differs; what has the name does not.
            if let Ok(metadata) = path.symlink_metadata() {
                check_regular(path, &metadata)?;
            }
            return Err(failed("open", path, error));
        }
    };
    let metadata = file.metadata().map_err(|error| failed("look at", path, error))?;
    check_regular(path, &metadata)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        if metadata.permissions().mode() & 0o077 != 0 {
            file.set_permissions(fs::Permissions::from_mode(0o600))
                .map_err(|error| failed("restrict", path, error))?;
        }
    }
    Ok(file)
}

/// Never through a symbolic link, never waiting for the other end of a pipe, for the owner only.
fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).write(true);
    #[cfg(unix)]
    {
        use rustix::fs::OFlags;
        use std::os::unix::fs::OpenOptionsExt;
        let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY;
        options.mode(0o600).custom_flags(flags.bits().cast_signed());
    }
    options
}

fn check_regular(path: &Path, metadata: &Metadata) -> Result<()> {
    if !metadata.is_file() {
        return Err(refused(path, "is not a regular file, and nothing else is ever made here; remove it"));
    }
    match foreign_owner(metadata, false) {
        Some(problem) => Err(refused(path, &problem)),
        None => Ok(()),
    }
}

fn refused(path: &Path, problem: &str) -> Error {
    Error::new(ErrorKind::Io, format!("cannot keep metrics: {} {problem}", path.display()))
}

/// What keeps something from being ours alone, in words that follow its path.
fn foreign_owner(metadata: &Metadata, or_root: bool) -> Option<String> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        let (owner, me) = (metadata.uid(), rustix::process::geteuid().as_raw());
        let is_fine = owner == me || or_root && owner == 0;
        (!is_fine).then(|| format!("belongs to user {owner}, not to user {me} who runs this process"))
    }
    #[cfg(not(unix))]
    {
        let _ = (metadata, or_root);
        None
    }
}

fn writable_by_others(metadata: &Metadata) -> Option<String> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        let mode = metadata.mode() & 0o7777;
        (mode & 0o022 != 0).then(|| format!("can be changed by other users (mode {mode:o}); run chmod go-w"))
    }
    #[cfg(not(unix))]
    {
        let _ = metadata;
        None
    }
}
