//! What differs between operating systems: owners and modes, which file a name leads to, free space.
//!
//! Outside of Unix there are no modes here: the directory keeps the access list that it inherits, and a file
//! is told from another by its time of creation.

use std::fs::{self, Metadata, OpenOptions};
use std::io;
use std::path::Path;

/// Mode of every file: read and written by the owner only.
#[cfg(unix)]
const PRIVATE_FILE: u32 = 0o600;
/// Mode of every directory.
#[cfg(unix)]
const PRIVATE_DIRECTORY: u32 = 0o700;
/// What others than the owner may do with it.
#[cfg(unix)]
const OTHERS: u32 = 0o077;
#[cfg(unix)]
const OTHERS_WRITE: u32 = 0o022;

/// Which file a name leads to. Two files have different identities while both exist or are held open; the
/// identity of a file that is gone may be given out again, so whoever compares must hold the file open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Identity {
    #[cfg(unix)]
    device_and_inode: (u64, u64),
    #[cfg(not(unix))]
    created: Option<std::time::SystemTime>,
}

impl Identity {
    pub(crate) fn of(metadata: &Metadata) -> Self {
        #[cfg(unix)]
        {
            use std::os::unix::fs::MetadataExt;
            Self { device_and_inode: (metadata.dev(), metadata.ino()) }
        }
        #[cfg(not(unix))]
        Self { created: metadata.created().ok() }
    }

    /// Of what has this very name; a symbolic link is not followed.
    pub(crate) fn at(path: &Path) -> Option<Self> {
        path.symlink_metadata().ok().map(|metadata| Self::of(&metadata))
    }
}

/// What keeps something from being ours alone: another owner. Text for `NotOwned`.
pub(super) fn foreign_owner(metadata: &Metadata) -> Option<String> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        let (owner, me) = (metadata.uid(), rustix::process::geteuid().as_raw());
        (owner != me).then(|| {
            format!("belongs to user {owner}, not to user {me} who runs this process; name a directory of your own")
        })
    }
    #[cfg(not(unix))]
    {
        let _ = metadata;
        None
    }
}

/// What keeps a directory from being trusted: others than the owner may put files into it. Text for
/// `NotOwned`.
pub(super) fn writable_by_others(metadata: &Metadata) -> Option<String> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        let mode = metadata.mode() & 0o7777;
        (mode & OTHERS_WRITE != 0).then(|| {
            format!(
                "can be changed by other users (mode {mode:o}); run chmod go-w, or name a directory inside it"
            )
        })
    }
    #[cfg(not(unix))]
    {
        let _ = metadata;
        None
    }
}

/// Whether a symbolic link was made by somebody who may lead us elsewhere: ourselves or root.
pub(super) fn link_of_trusted_owner(metadata: &Metadata) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        metadata.uid() == 0 || metadata.uid() == rustix::process::geteuid().as_raw()
    }
    #[cfg(not(unix))]
    {
        let _ = metadata;
        true
    }
}

/// The permissions that something of ours should have instead of those it has; `None` when they are right.
pub(super) fn tightened(metadata: &Metadata) -> Option<fs::Permissions> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = if metadata.is_dir() { PRIVATE_DIRECTORY } else { PRIVATE_FILE };
        (metadata.permissions().mode() & OTHERS != 0).then(|| fs::Permissions::from_mode(mode))
    }
    #[cfg(not(unix))]
    {
        let _ = metadata;
        None
    }
}

/// Creates one directory for the owner only. Whatever has the name already, even a symbolic link, is an
/// error.
pub(super) fn create_private_dir(path: &Path) -> io::Result<()> {
    #[cfg_attr(not(unix), expect(unused_mut, reason = "only Unix has a mode to set"))]
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt;
        builder.mode(PRIVATE_DIRECTORY);
    }
    builder.create(path)
}

/// An empty directory of a random name that starts with `prefix`, for the owner only; removed when dropped.
pub(super) fn scratch_dir(parent: &Path, prefix: &str) -> io::Result<tempfile::TempDir> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(prefix);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(fs::Permissions::from_mode(PRIVATE_DIRECTORY));
    }
    builder.tempdir_in(parent)
}

/// Options that never follow a symbolic link, never wait for the other end of a pipe and create for the owner
/// only.
pub(super) fn private_options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).write(true);
    #[cfg(unix)]
    {
        use rustix::fs::OFlags;
        use std::os::unix::fs::OpenOptionsExt;
        let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY;
        options.mode(PRIVATE_FILE).custom_flags(flags.bits().cast_signed());
    }
    options
}

/// Brings the names in a directory to the disk, so that a power loss does not take away a database whose
/// content was acknowledged. Some file systems cannot; they are not asked twice.
pub(super) fn sync_directory(path: &Path) {
    #[cfg(unix)]
    let _ = fs::File::open(path).and_then(|directory| directory.sync_all());
    #[cfg(not(unix))]
    let _ = path;
}

/// Bytes that this user may still write to the file system of `path`; `None` where that is not known.
#[cfg_attr(not(unix), expect(clippy::unnecessary_wraps, reason = "the question can fail on Unix"))]
pub(crate) fn free_bytes(path: &Path) -> io::Result<Option<u64>> {
    #[cfg(unix)]
    {
        let figures = rustix::fs::statvfs(path)?;
        Ok(Some(figures.f_bavail.saturating_mul(figures.f_frsize)))
    }
    #[cfg(not(unix))]
    {
        let _ = path;
        Ok(None)
    }
}
