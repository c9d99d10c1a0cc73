//! Files that only the owner reads and writes and that never lead elsewhere.
//!
//! Every name is opened without following a symbolic link and must be a regular file of this user; modes that
//! let others in are corrected. The directories above are trusted to be checked already. A database that
//! `SQLite` may have open is never opened here, see [`check_closed`].

use std::fs::{self, File, Metadata};
use std::io;
use std::path::Path;

use super::error::LocationError;
use super::platform::{Identity, foreign_owner, private_options, tightened};

/// Creates the file with mode 0600; an existing one, even a symbolic link, is `AlreadyExists`.
pub(crate) fn create_private(path: &Path) -> io::Result<File> {
    private_options().create_new(true).open(path)
}

/// Opens the existing file for reading and writing.
///
/// # Errors
/// `NotOwned` for a symbolic link, anything that is not a regular file, and a file of another user.
pub(crate) fn open_private(path: &Path) -> Result<File, LocationError> {
    open_checked(path, false)
}

/// Opens the file for reading and writing, created with mode 0600 when missing.
pub(super) fn open_or_create_private(path: &Path) -> Result<File, LocationError> {
    open_checked(path, true)
}

/// Checks a file by its name without opening it and says which file it is; `None` when it is missing.
///
/// For databases: POSIX drops all locks that a process has on a file when *any* descriptor of it is closed,
/// so opening and closing the file here would take away the locks of an `SQLite` connection in the same
/// process. The name cannot be swapped for a link between this check and `SQLite`'s open, because only this
/// user can write to the directory.
pub(super) fn check_closed(path: &Path) -> Result<Option<Identity>, LocationError> {
    let metadata = match path.symlink_metadata() {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(LocationError::io("look at", path)(error)),
    };
    check_regular(path, &metadata)?;
    if let Some(permissions) = tightened(&metadata) {
        fs::set_permissions(path, permissions).map_err(LocationError::io("restrict", path))?;
    }
    Ok(Some(Identity::of(&metadata)))
}

fn open_checked(path: &Path, create: bool) -> Result<File, LocationError> {
    let file = match private_options().create(create).open(path) {
        Ok(file) => file,
        Err(error) => {
            // What the system answers for a link that is not followed differs; what has the name does not.
            if let Ok(metadata) = path.symlink_metadata() {
                check_regular(path, &metadata)?;
            }
            return Err(LocationError::io("open", path)(error));
        }
    };
    let metadata = file.metadata().map_err(LocationError::io("look at", path))?;
    check_regular(path, &metadata)?;
    if let Some(permissions) = tightened(&metadata) {
        file.set_permissions(permissions).map_err(LocationError::io("restrict", path))?;
    }
    Ok(file)
}

fn check_regular(path: &Path, metadata: &Metadata) -> Result<(), LocationError> {
    if metadata.is_symlink() {
        return Err(LocationError::not_owned(
            path,
            "is a symbolic link, which the cache never makes; remove it",
        ));
    }
    if !metadata.is_file() {
        return Err(LocationError::not_owned(
            path,
            "is not a regular file, which the cache never makes; remove it",
        ));
    }
    match foreign_owner(metadata) {
        Some(problem) => Err(LocationError::not_owned(path, problem)),
        None => Ok(()),
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::os::unix::fs::{PermissionsExt, symlink};

    fn mode(path: &Path) -> u32 {
        path.metadata().expect("metadata").permissions().mode() & 0o7777
    }

    #[test]
    fn created_file_is_for_the_owner_only_and_never_replaces_one() {
        let dir = tempfile::tempdir().expect("temp dir");
        let path = dir.path().join("file");
        create_private(&path).expect("create");
        assert_eq!(mode(&path), 0o600);
        assert_eq!(create_private(&path).expect_err("exists").kind(), io::ErrorKind::AlreadyExists);
    }

    #[test]
    fn symbolic_link_is_never_followed() {
        let dir = tempfile::tempdir().expect("temp dir");
        let (target, link, dangling) =
            (dir.path().join("target"), dir.path().join("link"), dir.path().join("dangling"));
        fs::write(&target, "precious").expect("write");
        symlink(&target, &link).expect("link");
        symlink(dir.path().join("nowhere"), &dangling).expect("link");
        for path in [&link, &dangling] {
            assert!(create_private(path).is_err());
            assert_eq!(open_private(path).expect_err("refused").reason(), "notOwned");
            assert_eq!(open_or_create_private(path).expect_err("refused").reason(), "notOwned");
            assert_eq!(check_closed(path).expect_err("refused").reason(), "notOwned");
        }
        assert!(!dir.path().join("nowhere").exists());
        assert_eq!(fs::read_to_string(&target).expect("read"), "precious");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn what_is_not_a_regular_file_is_refused_without_waiting() {
        let dir = tempfile::tempdir().expect("temp dir");
        let (pipe, directory) = (dir.path().join("pipe"), dir.path().join("directory"));
        rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, 0o600.into(), 0)
            .expect("pipe");
        fs::create_dir(&directory).expect("directory");
        for path in [&pipe, &directory] {
            assert_eq!(open_private(path).expect_err("refused").reason(), "notOwned", "{}", path.display());
            assert_eq!(check_closed(path).expect_err("refused").reason(), "notOwned", "{}", path.display());
        }
    }

    #[test]
    fn modes_that_let_others_in_are_corrected() {
        let dir = tempfile::tempdir().expect("temp dir");
        for (name, open) in [("opened", true), ("closed", false)] {
            let path = dir.path().join(name);
            fs::write(&path, "").expect("write");
            fs::set_permissions(&path, fs::Permissions::from_mode(0o664)).expect("chmod");
            if open {
                open_private(&path).expect("open");
            } else {
                assert!(check_closed(&path).expect("check").is_some());
            }
            assert_eq!(mode(&path), 0o600, "{name}");
        }
    }

    #[test]
    fn missing_file_is_nothing_or_not_found() {
        let dir = tempfile::tempdir().expect("temp dir");
        let path = dir.path().join("file");
        assert!(check_closed(&path).expect("check").is_none());
        assert!(matches!(open_private(&path), Err(LocationError::Io { source, .. })
            if source.kind() == io::ErrorKind::NotFound));
    }
}
