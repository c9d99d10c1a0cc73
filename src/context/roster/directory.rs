//! The directory of agents' files: what is in it, what changed since the last look. Reads only regular files of sensible
//! size, never waits for one that is a pipe, and remembers what it read. Knows nothing of who has which name.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::fs::{File, Metadata};
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use super::agent_file;
use super::detect::Kind;

/// Largest file that is read. Agents' files are a few KB; a hundred times that is something else.
const MAX_FILE_BYTES: u64 = 256 * 1024;

/// Most files that are read, the first ones by name.
const MAX_FILES: usize = 1_000;

/// Most entries of the directory that are looked at, `.md` or not: a directory of a million files would take the time of
/// a filter call several times over.
const MAX_LISTED: usize = 100_000;

/// A file whose last change is not older than this is read again: another change within the time stamp's resolution
/// (2 s on FAT) would not show.
const UNSETTLED: Duration = Duration::from_secs(2);

/// What problems of the directory itself are told of.
const DIRECTORY: &str = ".claude/agents";

/// Something that is wrong with a file.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Problem {
    /// Its name, without directories.
    pub(super) file: String,
    pub(super) message: String,
}

/// What is known of the files.
#[derive(Debug)]
pub(super) struct Directory {
    path: PathBuf,
    files: BTreeMap<OsString, Seen>,
    /// What was last told of the directory itself.
    told: Option<String>,
    /// Files read so far.
    reads: u64,
}

/// A file as it was last seen.
#[derive(Debug, Default)]
struct Seen {
    /// `None` where it could not be had.
    stamp: Option<Stamp>,
    /// Whether the file has to change before it is read again.
    is_settled: bool,
    /// What it said when it was last sound: a file that is half written must not take its agent away.
    kind: Option<Kind>,
    /// The last problem that was told.
    told: Option<String>,
}

/// What changes when a file does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    modified: Option<Duration>,
    bytes: u64,
    /// Device, inode and time of the last change of content or name, where there are such things. The latter cannot be
    /// set back by programs that preserve times.
    unix: [i64; 4],
}

impl Stamp {
    fn of(metadata: &Metadata) -> Self {
        let modified = metadata.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
        Self { modified, bytes: metadata.len(), unix: unix_stamp(metadata) }
    }

    fn is_settled(&self, wall: Duration) -> bool {
        self.modified.is_none_or(|modified| wall.abs_diff(modified) > UNSETTLED)
    }
}

#[cfg(unix)]
fn unix_stamp(metadata: &Metadata) -> [i64; 4] {
    use std::os::unix::fs::MetadataExt;
    // Only compared: what does not fit may wrap.
    [metadata.dev().cast_signed(), metadata.ino().cast_signed(), metadata.ctime(), metadata.ctime_nsec()]
}

#[cfg(not(unix))]
fn unix_stamp(_metadata: &Metadata) -> [i64; 4] {
    [0; 4]
}

impl Directory {
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path, files: BTreeMap::new(), told: None, reads: 0 }
    }

    /// Looks at every file and reads those that changed. Problems that were not told yet. `wall` is the time since the
    /// Unix epoch.
    pub(super) fn look(&mut self, wall: Duration) -> Vec<Problem> {
        let mut problems = Vec::new();
        let (names, message) = match list(&self.path) {
            Ok(listed) => listed,
            Err(error) if error.kind() == ErrorKind::NotFound => (BTreeSet::new(), None),
            // A directory that cannot be read for the moment says nothing of its files.
            Err(error) => {
                self.tell(Some(format!("cannot be read: {error}")), &mut problems);
                return problems;
            }
        };
        self.tell(message, &mut problems);
        self.files.retain(|name, _| names.contains(name));
        for name in names {
            self.look_at(name, wall, &mut problems);
        }
        problems
    }

    /// The sound files by name.
    pub(super) fn kinds(&self) -> impl Iterator<Item = (&OsStr, &Kind)> {
        self.files.iter().filter_map(|(name, seen)| Some((name.as_os_str(), seen.kind.as_ref()?)))
    }

    /// Files read so far.
    #[cfg(test)]
    pub(super) fn reads(&self) -> u64 {
        self.reads
    }

    fn tell(&mut self, message: Option<String>, problems: &mut Vec<Problem>) {
        if let Some(message) = message.clone().filter(|_| message != self.told) {
            problems.push(Problem { file: DIRECTORY.into(), message });
        }
        self.told = message;
    }

    fn look_at(&mut self, name: OsString, wall: Duration, problems: &mut Vec<Problem>) {
        let path = self.path.join(&name);
        let metadata = std::fs::metadata(&path);
        // A link to nothing is there all the same; anything else that is not found went since it was listed.
        if metadata.as_ref().is_err_and(|error| error.kind() == ErrorKind::NotFound)
            && std::fs::symlink_metadata(&path).is_err()
        {
            self.files.remove(&name);
            return;
        }
        let stamp = metadata.as_ref().ok().map(Stamp::of);
        let seen = self.files.entry(name.clone()).or_default();
        if seen.stamp == stamp && seen.is_settled {
            return;
        }
        if seen.stamp != stamp {
            seen.told = None;
        }
        seen.stamp = stamp;
        seen.is_settled = stamp.is_some_and(|stamp| stamp.is_settled(wall));
        let read = metadata.map_err(|error| Failure::of_reading(&error)).and_then(|metadata| {
            checked(&metadata)?;
            self.reads += 1;
            read(&name, &path)
        });
        match read {
            Ok(kind) => {
                seen.told = None;
                // The same again stays the same object: that is how others see that nothing changed.
                if seen.kind.as_ref() != Some(&kind) {
                    seen.kind = Some(kind);
                }
            }
            Err(failure) => {
                let message = match failure {
                    Failure::Passing(message) => {
                        seen.is_settled = false;
                        message
                    }
                    Failure::Lasting(message) => message,
                };
                if seen.told.as_ref() != Some(&message) {
                    problems.push(Problem { file: shown(&name), message: message.clone() });
                }
                seen.told = Some(message);
            }
        }
    }
}

/// Why a file was not read.
enum Failure {
    /// May be gone without a change of the file: it is tried again.
    Passing(String),
    /// Lies in the file.
    Lasting(String),
}

impl Failure {
    fn of_reading(error: &std::io::Error) -> Self {
        Self::Passing(format!("cannot be read: {error}"))
    }
}

/// The names of the first files by name, and what is wrong if there are more.
fn list(directory: &Path) -> std::io::Result<(BTreeSet<OsString>, Option<String>)> {
    let mut names = BTreeSet::new();
    let (mut files, mut listed) = (0_usize, 0_usize);
    for entry in std::fs::read_dir(directory)?.take(MAX_LISTED) {
        let name = entry?.file_name();
        listed += 1;
        // Hidden ones are what editors leave beside a file.
        let is_hidden = name.as_encoded_bytes().starts_with(b".");
        if is_hidden || Path::new(&name).extension().is_none_or(|ending| ending != "md") {
            continue;
        }
        files += 1;
        names.insert(name);
        if names.len() > MAX_FILES {
            names.pop_last();
        }
    }
    let message = if listed == MAX_LISTED {
        Some(format!(
            "has {MAX_LISTED} entries or more: only among the first ones found are agents looked for"
        ))
    } else {
        (files > MAX_FILES)
            .then(|| format!("has over {MAX_FILES} agents: only the first ones by name are read"))
    };
    Ok((names, message))
}

/// Refuses what is not to be read.
fn checked(metadata: &Metadata) -> Result<(), Failure> {
    if !metadata.is_file() {
        return Err(Failure::Lasting("is not a regular file".into()));
    }
    if metadata.len() > MAX_FILE_BYTES {
        let message =
            format!("has {} bytes, over the limit of {MAX_FILE_BYTES}: it is not read", metadata.len());
        return Err(Failure::Lasting(message));
    }
    Ok(())
}

fn read(name: &OsStr, path: &Path) -> Result<Kind, Failure> {
    let file = open(path).map_err(|error| Failure::of_reading(&error))?;
    // It may be another one by now than was looked at.
    checked(&file.metadata().map_err(|error| Failure::of_reading(&error))?)?;
    let mut bytes = Vec::new();
    file.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes).map_err(|error| Failure::of_reading(&error))?;
    if bytes.len() as u64 > MAX_FILE_BYTES {
        return Err(Failure::Passing(format!(
            "grew over the limit of {MAX_FILE_BYTES} bytes while it was read"
        )));
    }
    sense(name, bytes).map_err(Failure::Lasting)
}

/// What the content says.
fn sense(name: &OsStr, bytes: Vec<u8>) -> Result<Kind, String> {
    let text = String::from_utf8(bytes)
        .map_err(|error| format!("is not UTF-8 from byte {} on", error.utf8_error().valid_up_to()))?;
    let stem = Path::new(name).file_stem().and_then(OsStr::to_str).ok_or("has a name that is not UTF-8")?;
    agent_file::read(stem, &text)
}

/// Opens without waiting for whoever writes into a pipe that took the file's place.
#[cfg(unix)]
fn open(path: &Path) -> std::io::Result<File> {
    use rustix::fs::{Mode, OFlags};
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    Ok(rustix::fs::open(path, flags, Mode::empty())?.into())
}

#[cfg(not(unix))]
fn open(path: &Path) -> std::io::Result<File> {
    File::open(path)
}

#[cfg(all(test, unix))]
pub(super) fn open_for_tests(path: &Path) -> std::io::Result<File> {
    open(path)
}

/// A file name in one line.
pub(super) fn shown(name: &OsStr) -> String {
    let name = name.to_string_lossy();
    if name.contains(char::is_control) { name.escape_debug().to_string() } else { name.into_owned() }
}
