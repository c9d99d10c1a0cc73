//! Locks between processes that nobody waits for without end.
//!
//! The kernel gives a lock back when its holder dies, but a stopped holder (a debugger, `kill -STOP`, a
//! frozen container) keeps it. So every lock is tried in steps until the patience is over; who does not get
//! it goes on without. The locks belong to the open file, not to the process: two threads with a descriptor
//! each exclude one another.

use std::fs::{File, TryLockError};
use std::io;
use std::path::Path;
use std::thread;
use std::time::Duration;

use super::error::LocationError;
use super::platform::Identity;
use super::private::open_or_create_private;
use crate::base::locked::LockedFile;

/// How long a lock is tried. Its holders create one directory and a few files, which takes milliseconds; a
/// disk that is busy enough to make it seconds is no help to a cache.
pub(super) const PATIENCE: Duration = Duration::from_secs(2);

const FIRST_STEP: Duration = Duration::from_millis(1);
const LONGEST_STEP: Duration = Duration::from_millis(50);

/// How often the name of a locked file may turn out to lead to another file by now.
const ATTEMPTS: u32 = 8;

/// How a file is locked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hold {
    /// Together with others who share it.
    Shared,
    /// Alone.
    Exclusive,
}

/// Locks `file`; `false` when somebody else kept it for all of `patience`. To be unlocked by a [`LockedFile`].
pub(super) fn lock_within(file: &File, hold: Hold, patience: Duration) -> io::Result<bool> {
    let (mut waited, mut step) = (Duration::ZERO, FIRST_STEP);
    loop {
        let tried = match hold {
            Hold::Shared => file.try_lock_shared(),
            Hold::Exclusive => file.try_lock(),
        };
        match tried {
            Ok(()) => return Ok(true),
            Err(TryLockError::Error(error)) if error.kind() != io::ErrorKind::Interrupted => {
                return Err(error);
            }
            Err(TryLockError::Error(_) | TryLockError::WouldBlock) if waited >= patience => return Ok(false),
            Err(TryLockError::Error(_) | TryLockError::WouldBlock) => {}
        }
        let pause = step.min(patience.saturating_sub(waited));
        thread::sleep(pause);
        waited += pause;
        step = (step * 2).min(LONGEST_STEP);
    }
}

/// An exclusive lock on the file of a name, as long as it lives.
#[derive(Debug)]
pub(super) struct NamedLock {
    _file: LockedFile,
}

impl NamedLock {
    /// Locks `path`, which is created when missing. A file that is removed while we wait is no lock any more:
    /// then the one that has the name now is taken.
    pub(super) fn acquire(path: &Path, patience: Duration) -> Result<Self, LocationError> {
        for _ in 0..ATTEMPTS {
            let file = open_or_create_private(path)?;
            if !lock_within(&file, Hold::Exclusive, patience).map_err(LocationError::io("lock", path))? {
                break;
            }
            let locked = file.metadata().map_err(LocationError::io("look at", path))?;
            if Identity::at(path) == Some(Identity::of(&locked)) {
                return Ok(Self { _file: LockedFile::of(file) });
            }
        }
        Err(LocationError::Busy { path: path.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;

    #[test]
    fn stopped_holder_is_busy_within_the_deadline() {
        let dir = tempfile::tempdir().expect("temp dir");
        let path = dir.path().join("lock");
        let _stopped = NamedLock::acquire(&path, Duration::ZERO).expect("first");
        let started = Instant::now();
        let error = NamedLock::acquire(&path, Duration::from_millis(30)).expect_err("held");
        assert_eq!(error.reason(), "busy");
        assert!(started.elapsed() >= Duration::from_millis(30));
        assert!(
            started.elapsed() < Duration::from_secs(20),
            "far above any scheduling delay, far below for ever"
        );
    }

    #[test]
    fn released_lock_is_got_while_waiting() {
        let dir = tempfile::tempdir().expect("temp dir");
        let path = dir.path().join("lock");
        let first = NamedLock::acquire(&path, Duration::ZERO).expect("first");
        thread::scope(|scope| {
            let second = scope.spawn(|| NamedLock::acquire(&path, Duration::from_secs(60)));
            drop(first);
            second.join().expect("join").expect("second");
        });
    }

    #[test]
    fn shared_holders_keep_out_an_exclusive_one_only() {
        let dir = tempfile::tempdir().expect("temp dir");
        let open = || open_or_create_private(&dir.path().join("in-use")).expect("open");
        let (a, b, c) = (open(), open(), open());
        assert!(lock_within(&a, Hold::Shared, Duration::ZERO).expect("lock"));
        assert!(lock_within(&b, Hold::Shared, Duration::ZERO).expect("lock"));
        assert!(!lock_within(&c, Hold::Exclusive, Duration::ZERO).expect("lock"));
        drop((a, b));
        assert!(lock_within(&c, Hold::Exclusive, Duration::ZERO).expect("lock"));
    }

    #[test]
    fn lock_file_removed_meanwhile_is_not_mistaken_for_the_lock() {
        let dir = tempfile::tempdir().expect("temp dir");
        let path = dir.path().join("lock");
        let removed = NamedLock::acquire(&path, Duration::ZERO).expect("first");
        std::fs::remove_file(&path).expect("remove");
        let current = NamedLock::acquire(&path, Duration::ZERO).expect("the new file is free");
        drop(removed);
        assert_eq!(NamedLock::acquire(&path, Duration::ZERO).expect_err("held").reason(), "busy");
        drop(current);
    }
}
