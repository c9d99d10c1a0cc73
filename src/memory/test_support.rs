//! What the tests of this module share.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;

use super::probe::{Probe, ProbeError, RawSample};
use crate::base::clock::ManualClock;

/// The one place that knows how the clock for tests is made.
pub(crate) fn manual_clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::new())
}

/// A probe that says what it is told and counts how often it is asked.
#[derive(Clone, Default)]
pub(crate) struct FakeProbe(Arc<FakeState>);

#[derive(Default)]
struct FakeState {
    sample: Mutex<Option<RawSample>>,
    calls: AtomicUsize,
}

impl FakeProbe {
    /// What the next samples are; `None` makes them fail.
    pub(crate) fn set(&self, sample: Option<RawSample>) {
        *self.0.sample.lock() = sample;
    }

    pub(crate) fn calls(&self) -> usize {
        self.0.calls.load(Ordering::SeqCst)
    }
}

impl Probe for FakeProbe {
    fn sample(&self) -> Result<RawSample, ProbeError> {
        self.0.calls.fetch_add(1, Ordering::SeqCst);
        self.0.sample.lock().ok_or(ProbeError::Unavailable { what: "the fake figure" })
    }
}

#[cfg(target_os = "linux")]
pub(crate) use fixture::Fixture;

#[cfg(target_os = "linux")]
mod fixture {
    use std::fs;
    use std::path::Path;

    use tempfile::TempDir;

    /// A directory that stands for `/`.
    pub(crate) struct Fixture(TempDir);

    impl Fixture {
        pub(crate) fn new() -> Self {
            Self(tempfile::tempdir().unwrap())
        }

        pub(crate) fn root(&self) -> &Path {
            self.0.path()
        }

        pub(crate) fn write(&self, path: &str, content: impl AsRef<[u8]>) {
            let path = self.root().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }

        /// Mounts the unified hierarchy's `/` on /sys/fs/cgroup, makes the
        /// directory `made` in it and puts the process into `group`.
        pub(crate) fn v2(&self, made: &str, group: &str) {
            self.write("proc/self/cgroup", format!("0::{group}\n"));
            self.write(
                "proc/self/mountinfo",
                "22 1 8:1 / / rw shared:1 - ext4 /dev/sda1 rw\n\
                 29 22 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n",
            );
            fs::create_dir_all(self.root().join(format!("sys/fs/cgroup{made}"))).unwrap();
        }
    }
}
