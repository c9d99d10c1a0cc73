//! Tells a process cheaply that another one changed an entry on disk, so that no stale copy in memory is
//! served.
//!
//! A file of counters that every process maps into its memory: whoever commits a write or delete of a key
//! counts up the counter of the key's bucket. A copy in memory remembers the count of foreign changes (the
//! *stamp*) from before it was read; while the stamp is the same, no other process has changed any key of the
//! bucket. A different one proves nothing (65,536 buckets serve all keys): the caller then looks at the disk.
//! Owns the file and the arithmetic; it knows nothing of keys, entries or the database.
//!
//! # Order
//!
//! A change is committed, *then* counted. A reader takes the stamp, *then* reads the disk. So a change that
//! the read did not see is counted after the stamp was taken, and every later stamp differs. It is also counted
//! just before the commit, while nobody else can write: so whoever writes next sees by the stamp that something
//! came before. A process that dies between commit and count leaves a change that only a stamp taken between
//! the two counts does not show; time to live bounds that.
//!
//! # A file that shrinks
//!
//! Touching mapped memory behind the end of the file kills the process (SIGBUS), and so does the first write
//! to a page on a copy-on-write file system (btrfs, ZFS) that is completely full. `SQLite`'s own `-shm` file
//! has the same property. Therefore the file is private (0600, in a private directory), complete with real
//! bytes before it gets its name, and never resized by anybody: a wrong size is an error, not something to
//! repair under those who have it mapped.

use std::fs::File;
use std::hint;
use std::io::{self, Write};
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

use memmap2::{MmapMut, MmapOptions, MmapRaw};

use super::location::Identity;
use super::location::open_private;

/// One for each value of the low 16 bits of the hash. With 100,000 copies in memory a foreign change makes
/// one or two others look at the disk in vain; 256 KB of memory for all processes together.
const BUCKETS: usize = 1 << 16;

/// The counter that concerns all keys.
const EPOCH: usize = BUCKETS;

/// The epoch has a cache line of its own, because everybody reads it.
const COUNTERS: usize = BUCKETS + 16;

const COUNTER_BYTES: usize = size_of::<AtomicU32>();
const FILE_BYTES: usize = COUNTERS * COUNTER_BYTES;

/// After so many looks at a count that another thread is just changing, that thread probably does not run.
const SPINS: u32 = 64;

/// The foreign changes of the keys of one generation, as this process sees them.
///
/// Each value counts its own changes apart: two of them over one file are like two processes.
#[derive(Debug)]
pub(crate) struct Coherence {
    counts: Counts,
    identity: Identity,
    /// Held open: the identity of a file that is gone may be given to another.
    _file: File,
}

#[derive(Debug)]
struct Counts {
    /// Changes by everybody; the file.
    shared: Counters,
    /// Changes by this process: at `2 i` those begun, at `2 i + 1` those done. Anonymous memory, of which
    /// only the pages that are touched exist.
    own: Counters,
}

impl Coherence {
    /// Maps the counters in `path`, which is created when missing.
    ///
    /// # Errors
    /// `InvalidData` for a file of another size; whatever opening, writing or mapping it answers. Without
    /// counters, nothing may be served from memory that other processes can change.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let file = match open_private(path).map_err(io::Error::from) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                create(path)?;
                open_private(path)?
            }
            other => other?,
        };
        let bytes = file.metadata()?.len();
        if bytes != FILE_BYTES as u64 {
            let message = format!("{} has {bytes} bytes instead of {FILE_BYTES}", path.display());
            return Err(io::Error::new(io::ErrorKind::InvalidData, message));
        }
        let shared = Counters::new(MmapOptions::new().len(FILE_BYTES).map_raw(&file)?, COUNTERS)?;
        let own = Counters::new(MmapMut::map_anon(2 * FILE_BYTES)?.into(), 2 * COUNTERS)?;
        Ok(Self { counts: Counts { shared, own }, identity: Identity::of(&file.metadata()?), _file: file })
    }

    /// Whether the file at `path` is still this one.
    pub(crate) fn is_at(&self, path: &Path) -> bool {
        Identity::at(path) == Some(self.identity)
    }

    /// The count of changes by others, so far and wrapping, to keys in the bucket of `hash` or to all keys.
    /// To be compared with another stamp of the same hash and the same `Coherence`, nothing else. Changes by
    /// this value do not count. Costs a few nanoseconds.
    pub(crate) fn stamp(&self, hash: u64) -> u32 {
        self.counts.foreign(bucket(hash)).wrapping_add(self.counts.foreign(EPOCH))
    }

    /// Tells the other processes of a change to the key of `hash`. After its commit.
    pub(crate) fn bump(&self, hash: u64) {
        self.counts.count(bucket(hash));
    }

    /// Tells the other processes of a change that concerns all keys. After its commit.
    pub(crate) fn bump_all(&self) {
        self.counts.count(EPOCH);
    }
}

impl Counts {
    fn count(&self, index: usize) {
        let (shared, own) = (self.shared.all(), self.own.all());
        // `Release` in the second and third: whoever sees one of them sees all before it. Counting up
        // continues the release sequence, so that this holds for sums to which other threads and processes
        // have added since.
        own[2 * index].fetch_add(1, Ordering::Relaxed);
        shared[index].fetch_add(1, Ordering::Release);
        own[2 * index + 1].fetch_add(1, Ordering::Release);
    }

    /// Changes by others. Exact, because a stamp that is off by our own change in another thread, be it too
    /// high or too low, could equal a right one before or after a foreign change, and hide that.
    fn foreign(&self, index: usize) -> u32 {
        let (shared, own) = (self.shared.all(), self.own.all());
        let mut looks = 0_u32;
        loop {
            // The loads stay in this order because each acquires. All of ours that are done are in the sum;
            // all of ours in the sum are begun. When as many are begun as were done, the sum has exactly
            // these.
            let done = own[2 * index + 1].load(Ordering::Acquire);
            let sum = shared[index].load(Ordering::Acquire);
            let begun = own[2 * index].load(Ordering::Acquire);
            if begun == done {
                return sum.wrapping_sub(done);
            }
            // Another thread is between the first and the last line of `count`.
            looks = looks.saturating_add(1);
            if looks < SPINS {
                hint::spin_loop();
            } else {
                thread::yield_now();
            }
        }
    }
}

fn bucket(hash: u64) -> usize {
    let [low, high, ..] = hash.to_le_bytes();
    usize::from(u16::from_le_bytes([low, high]))
}

/// Makes the file with real zeros, not a hole that needs room when it is first written to through memory, and
/// gives it its name when it is complete. Somebody who was faster wins.
fn create(path: &Path) -> io::Result<()> {
    let dir = path.parent().unwrap_or(path);
    let mut file = tempfile::Builder::new().prefix(".coherence-").tempfile_in(dir)?;
    file.write_all(&vec![0; FILE_BYTES])?;
    file.as_file().sync_data()?;
    match file.persist_noclobber(path) {
        Err(refused) if refused.error.kind() != io::ErrorKind::AlreadyExists => Err(refused.error),
        _ => Ok(()),
    }
}

/// Mapped memory seen as counters.
#[derive(Debug)]
struct Counters {
    map: MmapRaw,
    len: usize,
}

impl Counters {
    fn new(map: MmapRaw, len: usize) -> io::Result<Self> {
        let counters = Self { map, len };
        if counters.map.len() < len * COUNTER_BYTES || !counters.first().is_aligned() {
            return Err(io::Error::other("the system mapped less than it was asked for"));
        }
        Ok(counters)
    }

    fn first(&self) -> *const AtomicU32 {
        self.map.as_ptr().cast()
    }

    #[inline]
    #[expect(unsafe_code, reason = "memory shared between processes is only reachable by pointer")]
    fn all(&self) -> &[AtomicU32] {
        // SAFETY: `new` has checked that the map has room for `len` counters and is aligned for them, and it
        // is unmapped only with `self`, which the result borrows. Every bit pattern is a counter. All access,
        // here and in the other processes, is atomic; the file is private to this program's user and is never
        // truncated by this program.
        unsafe { std::slice::from_raw_parts(self.first(), self.len) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::sync::atomic::{AtomicBool, AtomicU64};

    fn two() -> (tempfile::TempDir, Coherence, Coherence) {
        let dir = tempfile::tempdir().expect("temp dir");
        let path = dir.path().join("coherence");
        let (a, b) = (Coherence::open(&path).expect("first"), Coherence::open(&path).expect("second"));
        (dir, a, b)
    }

    #[test]
    fn foreign_change_changes_the_stamp_and_an_own_one_does_not() {
        let (_dir, a, b) = two();
        let hash = 0xABCD_1234_5678_9ABC;
        let (at_a, at_b) = (a.stamp(hash), b.stamp(hash));
        b.bump(hash);
        assert_eq!(a.stamp(hash), at_a + 1);
        assert_eq!(b.stamp(hash), at_b);
        a.bump(hash);
        assert_eq!(a.stamp(hash), at_a + 1);
        assert_eq!(b.stamp(hash), at_b + 1);
    }

    #[test]
    fn only_keys_of_the_bucket_are_concerned() {
        let (_dir, a, b) = two();
        b.bump(7);
        assert_eq!((a.stamp(7), a.stamp(8), a.stamp(7 + (1 << 16))), (1, 0, 1));
        b.bump(u64::MAX);
        assert_eq!((a.stamp(u64::MAX), a.stamp(7)), (1, 1));
    }

    #[test]
    fn clear_concerns_all_keys_of_others() {
        let (_dir, a, b) = two();
        b.bump_all();
        for hash in [0, 1, 0xFFFF, u64::MAX] {
            assert_eq!((a.stamp(hash), b.stamp(hash)), (1, 0));
        }
    }

    #[test]
    fn counts_stay_when_the_file_is_opened_again() {
        let (dir, a, b) = two();
        a.bump(3);
        drop((a, b));
        let again = Coherence::open(&dir.path().join("coherence")).expect("open");
        assert_eq!(again.stamp(3), 1);
    }

    #[test]
    fn count_wraps_around() {
        let (_dir, a, b) = two();
        let counts = &a.counts;
        counts.shared.all()[5].store(u32::MAX, Ordering::Relaxed);
        let before = a.stamp(5);
        b.bump(5);
        assert_eq!(a.stamp(5), before.wrapping_add(1));
    }

    #[test]
    fn file_of_another_size_is_refused_and_left_alone() {
        let dir = tempfile::tempdir().expect("temp dir");
        let path = dir.path().join("coherence");
        for bytes in [0, 4, FILE_BYTES - 1, FILE_BYTES + 1] {
            fs::write(&path, vec![0; bytes]).expect("write");
            assert_eq!(Coherence::open(&path).expect_err("refused").kind(), io::ErrorKind::InvalidData);
            assert_eq!(path.metadata().expect("metadata").len(), bytes as u64);
        }
    }

    #[cfg(unix)]
    #[test]
    fn file_is_private_and_real_and_links_are_refused() {
        use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
        let (dir, _a, _b) = two();
        let path = dir.path().join("coherence");
        let metadata = path.metadata().expect("metadata");
        assert_eq!(metadata.permissions().mode() & 0o7777, 0o600);
        assert!(metadata.blocks() * 512 >= FILE_BYTES as u64);
        assert_eq!(fs::read_dir(dir.path()).expect("list").count(), 1, "no temporary file is left");
        symlink(&path, dir.path().join("link")).expect("link");
        assert!(Coherence::open(&dir.path().join("link")).is_err());
    }

    #[test]
    fn openers_at_once_agree_on_one_file() {
        let dir = tempfile::tempdir().expect("temp dir");
        let path = dir.path().join("coherence");
        let all: Vec<Coherence> = thread::scope(|scope| {
            let threads: Vec<_> =
                (0..8).map(|_| scope.spawn(|| Coherence::open(&path).expect("open"))).collect();
            threads.into_iter().map(|thread| thread.join().expect("join")).collect()
        });
        for one in &all {
            one.bump(9);
        }
        assert!(all.iter().all(|one| one.stamp(9) == 7));
    }

    #[test]
    fn own_changes_in_other_threads_never_show_in_a_stamp() {
        const BUMPS: u32 = 20_000;
        let (_dir, a, b) = two();
        let running = AtomicBool::new(true);
        thread::scope(|scope| {
            let reader = scope.spawn(|| {
                let mut last = 0;
                while running.load(Ordering::Relaxed) {
                    let stamp = a.stamp(1);
                    assert!((last..=BUMPS).contains(&stamp), "{last} then {stamp}");
                    last = stamp;
                    assert_eq!(a.stamp(2), 0, "the other process never changes this one");
                }
            });
            let own = (0..2).map(|_| scope.spawn(|| (0..BUMPS).for_each(|i| a.bump(u64::from(1 + i % 2)))));
            let own: Vec<_> = own.collect();
            let foreign = scope.spawn(|| (0..BUMPS).for_each(|_| b.bump(1)));
            for thread in own {
                thread.join().expect("own");
            }
            foreign.join().expect("foreign");
            running.store(false, Ordering::Relaxed);
            reader.join().expect("reader");
        });
        assert_eq!((a.stamp(1), b.stamp(1), b.stamp(2)), (BUMPS, BUMPS, BUMPS));
    }

    #[test]
    fn equal_stamps_never_hide_a_foreign_change() {
        const CHANGES: u64 = 20_000;
        let (_dir, a, b) = two();
        // The key's value on disk, and the last change of which the other process said that it is done.
        let (disk, told) = (AtomicU64::new(0), AtomicU64::new(0));
        thread::scope(|scope| {
            scope.spawn(|| {
                for value in 1..=CHANGES {
                    disk.store(value, Ordering::Relaxed);
                    b.bump(1);
                    told.store(value, Ordering::Release);
                }
            });
            scope.spawn(|| {
                while told.load(Ordering::Relaxed) < CHANGES {
                    a.bump(1);
                }
            });
            let mut copy = (a.stamp(1), disk.load(Ordering::Relaxed));
            while copy.1 < CHANGES {
                let told = told.load(Ordering::Acquire);
                let stamp = a.stamp(1);
                if stamp == copy.0 {
                    assert!(copy.1 >= told, "served {} after {told} was told", copy.1);
                } else {
                    copy = (stamp, disk.load(Ordering::Relaxed));
                }
            }
        });
    }
}
