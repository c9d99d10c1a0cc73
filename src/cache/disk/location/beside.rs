//! Directories of other parts of this package in a cache directory, under the same rules.

use std::io;
use std::path::{Path, PathBuf};

use super::CacheDir;
use super::error::LocationError;
use super::generation::check_own_directory;
use super::platform::create_private_dir;
use crate::base::error::{Error, ErrorKind, Result};

/// The directory `name`, one of [`NEIGHBOURS`](super::NEIGHBOURS), in the cache directory `path`; both are made, with mode
/// 0700, when they are missing. Gives its path without symbolic links.
///
/// # Errors
/// `E_CACHE_DISK`: there cannot be one, it is not this user's alone, or it is on a network file system and that is not allowed.
pub fn directory_beside(path: &Path, name: &'static str, allow_network: bool) -> Result<PathBuf> {
    make(path, name, allow_network).map_err(|error| Error::new(ErrorKind::CacheDisk, error.to_string()))
}

fn make(path: &Path, name: &str, allow_network: bool) -> std::result::Result<PathBuf, LocationError> {
    let own = CacheDir::open(path, allow_network)?.real.join(name);
    match create_private_dir(&own) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(LocationError::io("create", &own)(error)),
    }
    if check_own_directory(&own)? {
        return Ok(own);
    }
    Err(LocationError::io("find", &own)(io::ErrorKind::NotFound.into()))
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    #[test]
    fn directory_is_made_for_the_owner_only_and_never_entered_through_a_link() {
        let dir = tempfile::tempdir().expect("temp dir");
        let cache = dir.path().join("cache");
        let live = directory_beside(&cache, "live", false).expect("made");
        let mode = |path: &Path| path.metadata().expect("metadata").permissions().mode() & 0o777;
        assert_eq!((mode(&cache), mode(&live)), (0o700, 0o700));
        std::fs::set_permissions(&live, std::fs::Permissions::from_mode(0o755)).expect("chmod");
        assert_eq!(directory_beside(&cache, "live", false).expect("again"), live);
        assert_eq!(mode(&live), 0o700);
        std::fs::remove_dir(&live).expect("removed");
        symlink(dir.path(), &live).expect("link");
        assert_eq!(directory_beside(&cache, "live", false).expect_err("a link").kind(), ErrorKind::CacheDisk);
    }
}
