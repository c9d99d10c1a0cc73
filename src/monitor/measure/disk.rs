//! Room on the file system of a directory.
//!
//! A network file system whose server is gone may hang a reading for ever. So it is read on a thread of its own that is waited
//! for [`LIMIT`]; while one hangs the figures are absent and no second one is started.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, TryRecvError};
use std::time::Duration;

use parking_lot::Mutex;

/// A local file system takes microseconds, a network one that is well some milliseconds. In tests of this crate, which read
/// a real disk beside others, longer than a busy machine keeps a thread from running.
const LIMIT: Duration = if cfg!(test) { Duration::from_secs(60) } else { Duration::from_millis(500) };

const NAME: &str = "agentwise-disk";

/// Room of a file system, bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Disk {
    /// In use.
    pub used: u64,
    /// What users may still take; what is kept for root is in neither.
    pub available: u64,
}

impl Disk {
    /// Share in use as `df` has it: of what is used or available, 0–100. `None` on a file system without any size.
    pub fn percentage(self) -> Option<f64> {
        let all = self.used as f64 + self.available as f64;
        (all > 0.0).then(|| self.used as f64 / all * 100.0)
    }
}

type Read = Arc<dyn Fn(&Path) -> io::Result<Disk> + Send + Sync>;

/// Reads the room where a directory is, or will be.
pub(super) struct DiskProbe {
    directory: PathBuf,
    read: Read,
    limit: Duration,
    /// A reading that nobody waits for any more.
    late: Mutex<Option<Receiver<()>>>,
}

impl DiskProbe {
    pub(super) fn new(directory: PathBuf) -> Self {
        Self::with(directory, Arc::new(room), LIMIT)
    }

    fn with(directory: PathBuf, read: Read, limit: Duration) -> Self {
        // Later changes of the working directory must not move it.
        let directory = std::path::absolute(&directory).unwrap_or(directory);
        Self { directory, read, limit, late: Mutex::new(None) }
    }

    /// The room now; `None` when it cannot be read, and while a reading hangs.
    pub(super) fn read(&self) -> Option<Disk> {
        let mut late = self.late.lock();
        if let Some(hanging) = &*late
            && hanging.try_recv() == Err(TryRecvError::Empty)
        {
            return None;
        }
        *late = None;
        let (found, result) = mpsc::channel();
        let (ended, hanging) = mpsc::channel();
        let (read, directory) = (Arc::clone(&self.read), self.directory.clone());
        let work = move || {
            // Nobody waits any more.
            let _ = found.send(nearest(&directory, &*read));
            drop(ended);
        };
        // Without a thread there is no figure; the next sample tries again.
        std::thread::Builder::new().name(NAME.into()).spawn(work).ok()?;
        let disk = result.recv_timeout(self.limit);
        if disk.is_err() {
            *late = Some(hanging);
        }
        disk.ok()?.ok()
    }
}

impl std::fmt::Debug for DiskProbe {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DiskProbe").field("directory", &self.directory).finish_non_exhaustive()
    }
}

/// The directory may not be made yet: its nearest parent that exists is where it will be.
fn nearest(directory: &Path, read: &dyn Fn(&Path) -> io::Result<Disk>) -> io::Result<Disk> {
    let mut tried = directory;
    loop {
        match (read(tried), tried.parent()) {
            (Err(error), Some(parent)) if error.kind() == io::ErrorKind::NotFound => tried = parent,
            (result, _) => return result,
        }
    }
}

#[cfg(unix)]
fn room(directory: &Path) -> io::Result<Disk> {
    let figures = rustix::fs::statvfs(directory)?;
    // Some file systems tell sizes in blocks of 0.
    let block = if figures.f_frsize > 0 { figures.f_frsize } else { figures.f_bsize };
    let bytes = |blocks: u64| blocks.saturating_mul(block);
    Ok(Disk {
        used: bytes(figures.f_blocks.saturating_sub(figures.f_bfree)),
        available: bytes(figures.f_bavail),
    })
}

/// Not read on this system.
#[cfg(not(unix))]
fn room(_: &Path) -> io::Result<Disk> {
    Err(io::ErrorKind::Unsupported.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    const DISK: Disk = Disk { used: 30, available: 60 };

    #[test]
    fn a_share_is_of_what_is_used_or_available() {
        assert_eq!(Disk { used: 30, available: 90 }.percentage(), Some(25.0));
        assert_eq!(Disk { used: 0, available: 0 }.percentage(), None);
        assert!(Disk { used: u64::MAX, available: u64::MAX }.percentage().expect("some") <= 100.0);
    }

    #[test]
    fn a_directory_that_is_not_there_is_where_its_parent_is() {
        let probe = DiskProbe::with(
            "/a/b/c".into(),
            Arc::new(
                |path| if path == Path::new("/a") { Ok(DISK) } else { Err(io::ErrorKind::NotFound.into()) },
            ),
            LIMIT,
        );
        assert_eq!(probe.read(), Some(DISK));
    }

    #[test]
    fn what_cannot_be_read_is_absent() {
        for kind in [io::ErrorKind::NotFound, io::ErrorKind::PermissionDenied] {
            let probe = DiskProbe::with("/a/b".into(), Arc::new(move |_| Err(kind.into())), LIMIT);
            assert_eq!(probe.read(), None);
        }
        let dying = DiskProbe::with("/a".into(), Arc::new(|_| panic!("a bug")), LIMIT);
        assert_eq!((dying.read(), dying.read()), (None, None));
    }

    #[test]
    fn while_a_reading_hangs_there_is_no_second_one() {
        let (release, hang) = mpsc::channel::<()>();
        let hang = Mutex::new(hang);
        let started = Arc::new(std::sync::atomic::AtomicU32::new(0));
        let counted = Arc::clone(&started);
        let read = move |_: &Path| {
            counted.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            // An error is the sender's end: nothing hangs any more.
            let _ = hang.lock().recv();
            Ok(DISK)
        };
        let mut probe = DiskProbe::with("/a".into(), Arc::new(read), Duration::from_millis(1));
        for _ in 0..3 {
            assert_eq!(probe.read(), None);
        }
        assert!(started.load(std::sync::atomic::Ordering::SeqCst) <= 1);
        drop(release);
        probe.limit = Duration::from_secs(60);
        while probe.read().is_none() {
            std::thread::yield_now();
        }
        assert_eq!(probe.read(), Some(DISK));
    }

    #[cfg(unix)]
    #[test]
    fn this_machine_has_a_disk() {
        let disk = DiskProbe::new("target/none/such".into()).read().expect("readable");
        assert!(disk.used > 0 && disk.percentage().is_some(), "{disk:?}");
    }
}
