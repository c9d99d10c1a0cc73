//! Files that hold what belongs to one user: written whole or not at all, readable by the owner only.

use std::io::Write;
use std::path::{Path, PathBuf};

use super::error::{Error, ErrorKind, Result};

/// Writes a new file `<dir>/<stem>-<ms>.json` with mode 0600 and returns its path. The content is complete before
/// the name appears; an existing file is never overwritten (a taken `ms` counts up).
///
/// # Errors
/// `E_IO` with the directory when it cannot be written.
pub fn write_new_stamped(dir: &Path, stem: &str, wall_ms: u64, content: &[u8]) -> Result<PathBuf> {
    write_new_stamped_as(dir, stem, "json", wall_ms, content)
}

/// The same with another ending than `json`.
///
/// # Errors
/// Those of [`write_new_stamped`].
pub fn write_new_stamped_as(
    dir: &Path,
    stem: &str,
    ending: &str,
    wall_ms: u64,
    content: &[u8],
) -> Result<PathBuf> {
    let failed = |error: std::io::Error| {
        Error::new(ErrorKind::Io, format!("cannot write {stem} under {}", dir.display())).with_source(error)
    };
    // The temporary file has mode 0600 and a random name, and is removed when anything below fails.
    let mut file = tempfile::Builder::new().prefix(".").suffix(".tmp").tempfile_in(dir).map_err(failed)?;
    file.write_all(content).map_err(failed)?;
    file.as_file().sync_all().map_err(failed)?;
    for stamp in wall_ms.. {
        let path = dir.join(format!("{stem}-{stamp}.{ending}"));
        match file.persist_noclobber(&path) {
            Ok(_) => return Ok(path),
            Err(refused) if refused.error.kind() == std::io::ErrorKind::AlreadyExists => file = refused.file,
            Err(refused) => return Err(failed(refused.error)),
        }
    }
    unreachable!("invariant: the range of stamps does not end before a free name")
}

/// Writes `path` with mode 0600, unless something is there. The content is complete before the name appears.
///
/// # Errors
/// `E_EXISTS` with the path when something is there, whatever it is; `E_IO` when it cannot be written.
pub fn write_new(path: &Path, content: &[u8]) -> Result<()> {
    let failed = |error: std::io::Error| {
        Error::new(ErrorKind::Io, format!("cannot write {}", path.display())).with_source(error)
    };
    // Whoever comes in between is found below.
    check_free(path)?;
    let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut file = tempfile::Builder::new().prefix(".").suffix(".tmp").tempfile_in(dir).map_err(failed)?;
    file.write_all(content).map_err(failed)?;
    file.as_file().sync_all().map_err(failed)?;
    match file.persist_noclobber(path) {
        Ok(_) => Ok(()),
        Err(refused) if refused.error.kind() == std::io::ErrorKind::AlreadyExists => Err(taken(path)),
        Err(refused) => Err(failed(refused.error)),
    }
}

/// Refuses a path where something is; a link that leads nowhere is something too.
///
/// # Errors
/// `E_EXISTS`.
pub fn check_free(path: &Path) -> Result<()> {
    if path.symlink_metadata().is_ok() { Err(taken(path)) } else { Ok(()) }
}

fn taken(path: &Path) -> Error {
    let message = format!("{} is there already: choose another path, or let it be replaced", path.display());
    Error::new(ErrorKind::Exists, message)
}

/// Writes `path` with mode 0600, in place of what was there. The content is complete before the name appears.
///
/// # Errors
/// `E_IO` with the path when it cannot be written; what was there stays.
pub fn write_replacing(path: &Path, content: &[u8]) -> Result<()> {
    let failed = |error: std::io::Error| {
        Error::new(ErrorKind::Io, format!("cannot write {}", path.display())).with_source(error)
    };
    // A link goes on to name what is written; a device or a pipe is no place for a file.
    let target = match std::fs::metadata(path) {
        Ok(found) if found.is_file() => std::fs::canonicalize(path).map_err(failed)?,
        Ok(_) => return Err(failed(std::io::Error::other("it is there and not a regular file"))),
        Err(_) => path.to_path_buf(),
    };
    let path = target.as_path();
    let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut file = tempfile::Builder::new().prefix(".").suffix(".tmp").tempfile_in(dir).map_err(failed)?;
    file.write_all(content).map_err(failed)?;
    file.as_file().sync_all().map_err(failed)?;
    file.persist(path).map_err(|refused| failed(refused.error))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn taken_stamp_counts_up_and_nothing_is_overwritten() {
        let dir = tempfile::tempdir().expect("temp dir");
        let first = write_new_stamped(dir.path(), "report", 7, b"a").expect("first");
        let second = write_new_stamped(dir.path(), "report", 7, b"b").expect("second");
        assert_eq!(first, dir.path().join("report-7.json"));
        assert_eq!(second, dir.path().join("report-8.json"));
        assert_eq!(std::fs::read(first).expect("read"), b"a");
        assert_eq!(std::fs::read_dir(dir.path()).expect("list").count(), 2, "no temporary file is left");
    }

    #[cfg(unix)]
    #[test]
    fn file_is_for_the_owner_only() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().expect("temp dir");
        let path = write_new_stamped(dir.path(), "report", 1, b"a").expect("write");
        assert_eq!(path.metadata().expect("metadata").permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn missing_directory_is_an_io_error_that_names_it() {
        let error =
            write_new_stamped(Path::new("/nonexistent/dir"), "report", 1, b"a").expect_err("must fail");
        assert_eq!(error.kind(), ErrorKind::Io);
        assert!(error.to_string().contains("/nonexistent/dir"));
    }

    #[test]
    fn what_is_there_is_refused_and_stays() {
        let dir = tempfile::tempdir().expect("temp dir");
        let path = dir.path().join("report.json");
        write_new(&path, b"a").expect("new");
        for taken in [path.as_path(), dir.path()] {
            assert_eq!(write_new(taken, b"b").expect_err("taken").kind(), ErrorKind::Exists);
        }
        assert_eq!(std::fs::read(&path).expect("read"), b"a");
        let error = write_new(&dir.path().join("no/such.json"), b"c").expect_err("no directory");
        assert_eq!(error.kind(), ErrorKind::Io);
        assert_eq!(std::fs::read_dir(dir.path()).expect("list").count(), 1, "no temporary file is left");
    }

    #[test]
    fn what_was_there_is_replaced_or_stays() {
        let dir = tempfile::tempdir().expect("temp dir");
        let path = dir.path().join("report.json");
        write_replacing(&path, b"a").expect("new");
        write_replacing(&path, b"b").expect("again");
        assert_eq!(std::fs::read(&path).expect("read"), b"b");
        assert_eq!(write_replacing(dir.path(), b"c").expect_err("a directory").kind(), ErrorKind::Io);
        assert_eq!(std::fs::read_dir(dir.path()).expect("list").count(), 1, "no temporary file is left");
    }
}
