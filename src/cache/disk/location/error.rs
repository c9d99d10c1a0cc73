//! Why there is no place on disk for the cache: one sentence for people, one stable word for programs.
//!
//! Does not decide what to do about it; whoever opens the disk tiers goes on with memory only and reports the
//! reason.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// Why a cache directory, or a file in it, cannot be used.
#[derive(Debug)]
pub(crate) enum LocationError {
    /// Something that is not a directory has the name.
    NotADirectory {
        /// What was asked for.
        path: PathBuf,
    },
    /// It belongs to another user, other users can change it, or it is something that the cache never makes
    /// (a symbolic link, a device) where its own file should be.
    NotOwned {
        /// What was refused.
        path: PathBuf,
        /// What is wrong with it and what to do; follows the path in the message.
        problem: String,
    },
    /// The directory is on a file system whose locks and shared memory do not hold between machines.
    NetworkFileSystem {
        /// What was asked for.
        path: PathBuf,
        /// The file system, for example `NFS`.
        name: &'static str,
    },
    /// Another process holds a lock for longer than we wait.
    Busy {
        /// The file that is locked.
        path: PathBuf,
    },
    /// The operating system refused.
    Io {
        /// What was tried; `cannot {doing} {path}` is the message.
        doing: &'static str,
        /// On what.
        path: PathBuf,
        /// What it answered.
        source: io::Error,
    },
}

impl LocationError {
    /// An answer of the operating system, for `map_err`.
    pub(super) fn io(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { doing, path: path.to_owned(), source }
    }

    pub(super) fn not_owned(path: &Path, problem: impl Into<String>) -> Self {
        Self::NotOwned { path: path.to_owned(), problem: problem.into() }
    }

    /// The stable word for statistics and the `degraded` event: `permission`, `readOnly`, `full`,
    /// `networkFileSystem`, `busy`, `notADirectory`, `notOwned` or `io`.
    pub(crate) fn reason(&self) -> &'static str {
        match self {
            Self::NotADirectory { .. } => "notADirectory",
            Self::NotOwned { .. } => "notOwned",
            Self::NetworkFileSystem { .. } => "networkFileSystem",
            Self::Busy { .. } => "busy",
            Self::Io { source, .. } => reason_of_io(source),
        }
    }
}

/// The word of [`LocationError::reason`] for any failure of the disk tiers.
pub(crate) fn reason_of_io(error: &io::Error) -> &'static str {
    if let Some(location) = error.get_ref().and_then(|inner| inner.downcast_ref::<LocationError>()) {
        return location.reason();
    }
    match error.kind() {
        io::ErrorKind::PermissionDenied => "permission",
        io::ErrorKind::ReadOnlyFilesystem => "readOnly",
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => "full",
        io::ErrorKind::WouldBlock | io::ErrorKind::ResourceBusy | io::ErrorKind::TimedOut => "busy",
        io::ErrorKind::NotADirectory => "notADirectory",
        _ => "io",
    }
}

impl fmt::Display for LocationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotADirectory { path } => {
                write!(f, "{} is not a directory; name another directory for the cache", path.display())
            }
            Self::NotOwned { path, problem } => write!(f, "{} {problem}", path.display()),
            Self::NetworkFileSystem { path, name } => write!(
                f,
                "{} is on a network file system ({name}), where locks between processes do not hold; name a local \
                 directory for the cache, or set allowNetworkFileSystem if only one machine uses it",
                path.display()
            ),
            Self::Busy { path } => {
                write!(f, "{} stays locked by another process, which may be stopped", path.display())
            }
            Self::Io { doing, path, source } => write!(f, "cannot {doing} {}: {source}", path.display()),
        }
    }
}

impl std::error::Error for LocationError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io { source, .. } => Some(source),
            _ => None,
        }
    }
}

impl From<LocationError> for io::Error {
    /// Keeps the kind and, for [`reason_of_io`], the error itself.
    fn from(error: LocationError) -> Self {
        let kind = match &error {
            LocationError::NotADirectory { .. } => io::ErrorKind::NotADirectory,
            LocationError::NotOwned { .. } => io::ErrorKind::PermissionDenied,
            LocationError::NetworkFileSystem { .. } => io::ErrorKind::Unsupported,
            LocationError::Busy { .. } => io::ErrorKind::WouldBlock,
            LocationError::Io { source, .. } => source.kind(),
        };
        Self::new(kind, error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_of_the_operating_system_have_their_reasons() {
        use io::ErrorKind as Kind;
        for (kind, reason) in [
            (Kind::PermissionDenied, "permission"),
            (Kind::ReadOnlyFilesystem, "readOnly"),
            (Kind::StorageFull, "full"),
            (Kind::QuotaExceeded, "full"),
            (Kind::ResourceBusy, "busy"),
            (Kind::NotADirectory, "notADirectory"),
            (Kind::Other, "io"),
        ] {
            assert_eq!(reason_of_io(&kind.into()), reason, "{kind:?}");
            let error = LocationError::io("open", Path::new("/x"))(kind.into());
            assert_eq!(error.reason(), reason, "{kind:?} inside");
        }
    }

    #[test]
    fn reason_survives_the_way_through_an_io_error() {
        let path = Path::new("/x").to_owned();
        for error in [
            LocationError::not_owned(&path, "is a symbolic link"),
            LocationError::NetworkFileSystem { path: path.clone(), name: "NFS" },
            LocationError::Busy { path: path.clone() },
            LocationError::NotADirectory { path: path.clone() },
            LocationError::io("open", &path)(io::ErrorKind::StorageFull.into()),
        ] {
            let (reason, text) = (error.reason(), error.to_string());
            let error = io::Error::from(error);
            assert_eq!((reason_of_io(&error), error.to_string()), (reason, text));
        }
    }

    #[test]
    fn message_says_what_failed_on_what() {
        let error = LocationError::io("create", Path::new("/x/lock"))(io::Error::other("disk on fire"));
        assert_eq!(error.to_string(), "cannot create /x/lock: disk on fire");
    }
}
