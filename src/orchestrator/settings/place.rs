//! Configuration files on disk: which one counts, what is in it, whether it is still the same, and how it is replaced.
//!
//! A file that is there but cannot be used is an error, never a reason to go on with something else.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use serde_json::Value;
use xxhash_rust::xxh3::xxh3_64;

use super::text::{Format, parse};
use super::variables::OPTIMIZATION_CONFIG;
use crate::base::config::{Choice, Environment, Text};
use crate::base::error::{Error, ErrorKind, Problem, Result};

/// A configuration file larger than this is a mistake, such as a path to a cache or a log.
pub const MAX_FILE_BYTES: u64 = 1_048_576;

/// Endings of the files that are looked for, those that win first.
const ENDINGS: [&str; 4] = ["json", "jsonc", "yaml", "yml"];

/// Where the file may be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidates {
    /// `configFile` of code.
    named: Option<PathBuf>,
    /// The file of `OPTIMIZATION_CONFIG`.
    variable: Option<PathBuf>,
    /// `config/optimization.<environment>.*` and what may stand for it.
    usual: Vec<PathBuf>,
}

/// A file as it was read.
#[derive(Debug, Clone, PartialEq)]
pub struct ReadFile {
    /// Where it is.
    pub path: PathBuf,
    /// What it says.
    pub value: Value,
    /// Of its bytes.
    pub hash: u64,
}

/// What tells a file from what it was before, without reading it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sight {
    path: PathBuf,
    size: u64,
    modified: Option<std::time::SystemTime>,
    identity: (u64, u64, i64, i64),
}

impl Candidates {
    /// Of a program in `cwd` that passed `config_file` and runs in `environment`; `variable` is what `OPTIMIZATION_CONFIG`
    /// says. Without an environment the usual names are not known.
    pub fn new(
        cwd: &Path,
        config_file: Option<&str>,
        variable: Option<&str>,
        environment: Option<Environment>,
    ) -> Self {
        // One that is no sound text is reported when code is checked.
        let by_code = config_file.filter(|text| Text::Any.accepts(text)).map(|name| cwd.join(name));
        let mut stems = Vec::new();
        if let Some(environment) = environment {
            stems.push(format!("optimization.{}", environment.name()));
            if environment == Environment::Production {
                stems.push("optimization".to_owned());
            }
        }
        let names = stems.iter().flat_map(|stem| ENDINGS.map(|ending| format!("{stem}.{ending}")));
        let usual = names.map(|name| cwd.join("config").join(name)).collect();
        Self { named: by_code, variable: variable.map(|name| cwd.join(name)), usual }
    }

    /// Nowhere.
    pub fn none() -> Self {
        Self { named: None, variable: None, usual: Vec::new() }
    }

    /// What a request asks for.
    pub fn of(code: &Value, cwd: &Path, variable: Option<&str>) -> Self {
        let text = |key: &str| code.get(key).and_then(Value::as_str);
        let environment = text("environment").and_then(Environment::from_name);
        Self::new(cwd, text("configFile"), variable, environment)
    }

    /// The first file that is there, and what is not as it was asked for.
    ///
    /// # Errors
    /// `E_CONFIG_MISSING` if the file of `OPTIMIZATION_CONFIG` is not there, `E_CONFIG_UNREADABLE`.
    pub fn read(&self, warnings: &mut Vec<Problem>) -> Result<Option<ReadFile>> {
        if let Some(path) = &self.named {
            if let Some(file) = read(path)? {
                return Ok(Some(file));
            }
            let message = format!("{} is not there; looking further", path.display());
            warnings.push(Problem { path: "configFile".to_owned(), message });
        }
        if let Some(path) = &self.variable {
            let missing = || {
                Error::new(
                    ErrorKind::ConfigMissing,
                    format!(
                        "{OPTIMIZATION_CONFIG} names {}, which is not there; correct or unset it",
                        path.display()
                    ),
                )
            };
            return read(path)?.map(Some).ok_or_else(missing);
        }
        for path in &self.usual {
            if let Some(file) = read(path)? {
                self.warn_of_others(path, warnings);
                return Ok(Some(file));
            }
        }
        Ok(None)
    }

    /// Of two files of one environment only the first counts: whoever changes the other wonders.
    fn warn_of_others(&self, used: &Path, warnings: &mut Vec<Problem>) {
        let others = self.usual.iter().filter(|path| path.file_stem() == used.file_stem() && *path != used);
        for other in others.filter(|path| fs::symlink_metadata(path).is_ok()) {
            let message = format!("{} is not read: {} comes first", other.display(), used.display());
            warnings.push(Problem { path: "configuration".to_owned(), message });
        }
    }

    /// The first file that is there, by its looks. Costs a system call for each place before it.
    pub fn sight(&self) -> Option<Sight> {
        let places = self.named.iter().chain(match &self.variable {
            Some(path) => std::slice::from_ref(path),
            None => &self.usual,
        });
        places.into_iter().find_map(|path| Sight::of(path))
    }

    /// Where a file is made when there is none: the first of the usual names.
    pub fn new_file(&self) -> Option<&Path> {
        self.named.as_ref().or(self.variable.as_ref()).or(self.usual.first()).map(PathBuf::as_path)
    }
}

impl Sight {
    /// `None` where nothing is, not even a link that leads nowhere.
    pub fn of(path: &Path) -> Option<Self> {
        let found = fs::metadata(path).or_else(|_| fs::symlink_metadata(path)).ok()?;
        Some(Self {
            path: path.to_owned(),
            size: found.len(),
            modified: found.modified().ok(),
            identity: identity(&found),
        })
    }

    /// Where it was.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// Device, inode and time of the last change of it, which nobody can set.
#[cfg(unix)]
fn identity(found: &fs::Metadata) -> (u64, u64, i64, i64) {
    use std::os::unix::fs::MetadataExt;
    (found.dev(), found.ino(), found.ctime(), found.ctime_nsec())
}

#[cfg(not(unix))]
fn identity(_: &fs::Metadata) -> (u64, u64, i64, i64) {
    (0, 0, 0, 0)
}

/// The hash by which two contents are told apart.
pub fn hash(bytes: &[u8]) -> u64 {
    xxh3_64(bytes)
}

/// The bytes of the file at `path`; `None` if nothing is there.
///
/// # Errors
/// `E_CONFIG_UNREADABLE` if it is no regular file, over 1 MB or cannot be read.
pub fn read_bytes(path: &Path) -> Result<Option<Vec<u8>>> {
    match fs::metadata(path) {
        // Opening a pipe would wait for a writer.
        Ok(metadata) if !metadata.is_file() => return Err(unreadable(path, "it is not a regular file")),
        Ok(_) => {}
        Err(error) if is_absent(&error) => {
            if fs::symlink_metadata(path).is_ok() {
                return Err(unreadable(path, "it is a symbolic link to a file that is not there"));
            }
            return Ok(None);
        }
        Err(error) => return Err(unreadable(path, &error.to_string())),
    }
    let mut bytes = Vec::new();
    // The limit holds for what is read, not for what the metadata said.
    let reading = File::open(path).and_then(|file| file.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes));
    reading.map_err(|error| unreadable(path, &error.to_string()))?;
    if bytes.len() as u64 > MAX_FILE_BYTES {
        return Err(unreadable(path, "it is larger than 1 MB, the most a configuration file may have"));
    }
    Ok(Some(bytes))
}

fn read(path: &Path) -> Result<Option<ReadFile>> {
    let Some(bytes) = read_bytes(path)? else { return Ok(None) };
    let value = parse(&bytes, Format::of(path)).map_err(|what| unreadable(path, &what))?;
    Ok(Some(ReadFile { path: path.to_owned(), value, hash: hash(&bytes) }))
}

fn unreadable(path: &Path, what: &str) -> Error {
    Error::new(
        ErrorKind::ConfigUnreadable,
        format!("cannot read the configuration file {}: {what}", path.display()),
    )
}

/// Nothing there, be it the file or a directory on the way to it.
fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

/// A file that is written beside the one whose place it is to take. Dropped, it is gone.
#[derive(Debug)]
pub struct Prepared {
    file: tempfile::NamedTempFile,
    target: PathBuf,
}

impl Prepared {
    /// Writes `content` to the disk, next to what is at `path`; a link goes on to name what is written, and the mode
    /// stays. Makes the directory if there is none.
    ///
    /// # Errors
    /// `E_IO` with the path.
    pub fn new(path: &Path, content: &[u8]) -> Result<Self> {
        Self::write(path, content).map_err(|error| cannot_write(path, error))
    }

    fn write(path: &Path, content: &[u8]) -> io::Result<Self> {
        let found = fs::metadata(path).ok();
        let target = if found.is_some() { fs::canonicalize(path)? } else { path.to_owned() };
        let dir = target.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
        fs::create_dir_all(dir)?;
        let mut builder = tempfile::Builder::new();
        builder.prefix(".optimization-").suffix(".tmp");
        #[cfg(unix)]
        if found.is_none() {
            use std::os::unix::fs::PermissionsExt;
            // As any new file: the process's mask decides.
            builder.permissions(fs::Permissions::from_mode(0o666));
        }
        let mut file = builder.tempfile_in(dir)?;
        file.write_all(content)?;
        if let Some(found) = found {
            #[cfg(unix)]
            {
                use std::os::unix::fs::{MetadataExt, fchown};
                // Whoever may not give a file away owns it from now on.
                let _ = fchown(file.as_file(), Some(found.uid()), Some(found.gid()));
            }
            file.as_file().set_permissions(found.permissions())?;
        }
        file.as_file().sync_all()?;
        Ok(Self { file, target })
    }

    /// Takes the other's place in one step.
    ///
    /// # Errors
    /// `E_IO` with the path; then the other is still there.
    pub fn commit(self) -> Result<()> {
        let target = self.target;
        self.file.persist(&target).map_err(|refused| cannot_write(&target, refused.error))?;
        // The name is on the disk once its directory is. Where directories cannot be opened, the system sees to it.
        if let Some(dir) = target.parent().and_then(|dir| File::open(dir).ok()) {
            let _ = dir.sync_all();
        }
        Ok(())
    }
}

fn cannot_write(path: &Path, error: io::Error) -> Error {
    let message = format!("cannot write the configuration file {}", path.display());
    Error::new(ErrorKind::Io, message).with_source(error)
}
