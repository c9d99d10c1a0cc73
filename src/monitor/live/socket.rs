//! The files of a socket: made so that whoever finds one finds it whole, and removed when nobody listens to it any more.

use std::fs::{self, File};
use std::hash::{BuildHasher, RandomState};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use parking_lot::Mutex;
use serde_json::Value;

use crate::base::error::{Error, ErrorKind, Result};
use crate::monitor::net::Net;

/// The longest address of a socket in bytes, its end not counted.
const MOST_ADDRESS: usize = if cfg!(target_os = "linux") { 107 } else { 103 };
/// Sockets of a process at a time: each takes a descriptor, and systems may be made and forgotten by the thousand.
const MOST_OWN: usize = 128;
/// Mode of every file.
const PRIVATE: u32 = 0o600;
/// Ending of a socket that is listened to.
const SOCKET: &str = "sock";
/// Ending of the file that says whose it is.
const WHO: &str = "json";
/// Ending of a socket that is being made.
const UNFINISHED: &str = "new";
/// Beginning of files that are something else.
const STATE: &str = "state-";
/// What is half made and older is left over from a process that was killed.
const LEFT_OVER: Duration = Duration::from_secs(60);
/// How many sockets are looked at in one start: there are as many as running systems, and those that were killed since.
const MOST_LOOKED_AT: usize = 256;
/// How long a connection may take; a stopped process's queue takes it at once, or is full.
const ASK_LIMIT: Duration = Duration::from_millis(200);

/// The sockets of this process, which need not be asked.
static OWN: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

/// A socket's files, for as long as it is listened to.
#[derive(Debug)]
pub(super) struct SocketFile {
    path: PathBuf,
    inode: (u64, u64),
}

impl SocketFile {
    /// Listens in `directory`, which belongs to this user alone. `who` is what others read when nobody answers.
    ///
    /// # Errors
    /// `E_IO`; `E_NOT_AVAILABLE` when the path is too long for this platform, or this process has too many.
    pub(super) fn listen(directory: &Path, who: &Value) -> Result<(UnixListener, Self)> {
        let failed = |error: io::Error| {
            let message = format!("cannot make a socket in {}", directory.display());
            Error::new(ErrorKind::Io, message).with_source(error)
        };
        if OWN.lock().len() >= MOST_OWN {
            let message = format!("{MOST_OWN} systems of this process have a socket, and no more may");
            return Err(Error::new(ErrorKind::NotAvailable, message));
        }
        let state = RandomState::new();
        let name = format!("{:016x}", state.hash_one(0));
        let path = directory.join(format!("{name}.{SOCKET}"));
        let unfinished = directory.join(format!("{name}.{UNFINISHED}"));
        // Held until the socket is bound.
        let opened = File::open(directory).map_err(failed)?;
        let address = address(directory, &opened, &unfinished)?;
        write_private(&path.with_extension(WHO), who.to_string().as_bytes()).map_err(failed)?;
        let made = UnixListener::bind(&address).and_then(|listener| {
            fs::set_permissions(&unfinished, fs::Permissions::from_mode(PRIVATE))?;
            // Only now can it be found, and whoever finds it is answered.
            fs::rename(&unfinished, &path)?;
            Ok((listener, inode(&path)?))
        });
        match made {
            Ok((listener, inode)) => {
                OWN.lock().push(path.clone());
                Ok((listener, Self { path, inode }))
            }
            Err(error) => {
                // What is not there need not go.
                let _ = fs::remove_file(&unfinished);
                let _ = fs::remove_file(path.with_extension(WHO));
                Err(failed(error))
            }
        }
    }

    pub(super) fn path(&self) -> &PathBuf {
        &self.path
    }

    /// Whether others can find it: somebody may have cleaned up.
    pub(super) fn is_there(&self) -> bool {
        inode(&self.path).is_ok_and(|found| found == self.inode)
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        OWN.lock().retain(|path| *path != self.path);
        // Gone already is as good.
        let _ = fs::remove_file(&self.path);
        let _ = fs::remove_file(self.path.with_extension(WHO));
    }
}

/// What a socket can be reached by: its path, or where that is too long, the open directory and its name.
fn address(directory: &Path, opened: &File, path: &Path) -> Result<PathBuf> {
    if path.as_os_str().len() <= MOST_ADDRESS {
        return Ok(path.to_owned());
    }
    if cfg!(target_os = "linux") {
        use std::os::fd::AsRawFd;
        let name = path.file_name().expect("invariant: a name in a directory");
        return Ok(Path::new("/proc/self/fd").join(opened.as_raw_fd().to_string()).join(name));
    }
    let message = format!(
        "{} is too long for a socket, which may have {MOST_ADDRESS} bytes on this platform; choose a shorter cache.cacheDir",
        directory.display()
    );
    Err(Error::new(ErrorKind::NotAvailable, message))
}

fn inode(path: &Path) -> io::Result<(u64, u64)> {
    path.symlink_metadata().map(|found| (found.dev(), found.ino()))
}

/// Writes a new file.
fn write_private(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(PRIVATE).open(path)?;
    file.write_all(content)
}

/// Removes the files of sockets that nobody listens to: those of processes that were killed. Blocks; not for the thread of `net`.
pub(super) fn remove_dead(net: &Net, directory: &Path) {
    let (Ok(handle), Ok(opened), Ok(entries)) =
        (net.handle(), File::open(directory), fs::read_dir(directory))
    else {
        // Whoever makes a socket there will say why not.
        return;
    };
    let paths: Vec<PathBuf> = entries.take(4 * MOST_LOOKED_AT).flatten().map(|entry| entry.path()).collect();
    let ends_in = |path: &Path, ending: &str| path.extension().is_some_and(|found| found == ending);
    let own = OWN.lock().clone();
    let sockets = paths.iter().filter(|path| ends_in(path, SOCKET) && !own.contains(path));
    for path in sockets.take(MOST_LOOKED_AT) {
        let Ok(address) = address(directory, &opened, path) else { continue };
        let asked = async { tokio::time::timeout(ASK_LIMIT, tokio::net::UnixStream::connect(address)).await };
        // Anything else than a refusal may be a process that is busy or stopped.
        if let Ok(Err(error)) = handle.block_on(asked)
            && error.kind() == io::ErrorKind::ConnectionRefused
        {
            let _ = fs::remove_file(path);
            let _ = fs::remove_file(path.with_extension(WHO));
        }
    }
    for path in paths {
        let is_state = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(STATE));
        let is_half = ends_in(&path, UNFINISHED)
            || (ends_in(&path, WHO) && !is_state && !path.with_extension(SOCKET).exists());
        if is_half && is_old(&path) {
            let _ = fs::remove_file(&path);
        }
    }
}

fn is_old(path: &Path) -> bool {
    let changed = path.symlink_metadata().and_then(|found| found.modified());
    changed.is_ok_and(|at| SystemTime::now().duration_since(at).is_ok_and(|age| age > LEFT_OVER))
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixStream;

    use serde_json::json;

    use super::*;

    fn names(directory: &Path) -> Vec<String> {
        let entries = fs::read_dir(directory).expect("list");
        entries.map(|entry| entry.expect("entry").file_name().to_string_lossy().into_owned()).collect()
    }

    #[test]
    fn socket_is_for_the_owner_only_and_goes_with_its_files() {
        let directory = tempfile::tempdir().expect("temp dir");
        let (_listener, file) = SocketFile::listen(directory.path(), &json!({ "pid": 7 })).expect("a socket");
        for path in [file.path().clone(), file.path().with_extension(WHO)] {
            assert_eq!(path.metadata().expect("made").permissions().mode() & 0o777, 0o600);
        }
        assert!(file.is_there() && UnixStream::connect(file.path()).is_ok());
        assert_eq!(names(directory.path()).len(), 2);
        fs::remove_file(file.path()).expect("removed");
        assert!(!file.is_there());
        drop(file);
        assert_eq!(names(directory.path()).len(), 0);
    }

    /// A program that another test starts listens too, by its copy of the descriptor, until it runs.
    fn remove_dead_until(directory: &Path, is_done: impl Fn() -> bool) {
        let until = std::time::Instant::now() + LEFT_OVER;
        loop {
            remove_dead(&Net::default(), directory);
            if is_done() {
                return;
            }
            assert!(std::time::Instant::now() < until, "a dead one is still there");
            std::thread::yield_now();
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn long_paths_are_reached_by_the_open_directory() {
        let directory = tempfile::tempdir().expect("temp dir");
        let deep = directory.path().join("d".repeat(120)).join("e".repeat(120));
        fs::create_dir_all(&deep).expect("directories");
        let (listener, file) = SocketFile::listen(&deep, &Value::Null).expect("a socket");
        assert!(file.is_there());
        remove_dead(&Net::default(), &deep);
        assert!(file.is_there());
        // As if another process had it; those of other tests are ours still.
        OWN.lock().retain(|path| path != file.path());
        remove_dead(&Net::default(), &deep);
        assert!(file.is_there(), "somebody listens");
        drop(listener);
        remove_dead_until(&deep, || names(&deep).is_empty());
    }

    #[test]
    fn only_what_nobody_listens_to_is_removed() {
        let directory = tempfile::tempdir().expect("temp dir");
        let (dead, kept) = SocketFile::listen(directory.path(), &Value::Null).expect("a socket");
        drop(dead);
        let killed = kept.path().clone();
        // As a process that was killed leaves it.
        std::mem::forget(kept);
        OWN.lock().retain(|path| *path != killed);
        let (_listener, living) = SocketFile::listen(directory.path(), &Value::Null).expect("a socket");
        for name in ["state-0000.json", "half.json", "half.new", "other"] {
            fs::write(directory.path().join(name), "").expect("write");
        }
        remove_dead_until(directory.path(), || !killed.exists());
        assert!(!killed.with_extension(WHO).exists() && living.is_there());
        assert_eq!(names(directory.path()).len(), 6, "half made ones may be at work");
        let old = SystemTime::now() - 2 * LEFT_OVER;
        for name in ["state-0000.json", "half.json", "half.new", "other"] {
            File::options()
                .write(true)
                .open(directory.path().join(name))
                .and_then(|file| file.set_modified(old))
                .expect("aged");
        }
        remove_dead(&Net::default(), directory.path());
        let left = names(directory.path());
        assert_eq!(left.len(), 4, "{left:?}");
        assert!(left.contains(&"other".to_owned()) && left.contains(&"state-0000.json".to_owned()));
    }
}
