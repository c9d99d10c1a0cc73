//! How a lookup from disk notices that the key was written meanwhile.

use std::sync::atomic::{AtomicU32, Ordering};

/// Buckets: the more, the rarer a value from disk, or one that was computed, is not kept because of another key's write. As many
/// as `disk::coherence` has.
const BUCKETS: usize = 65_536;

/// Counts of this process's writes by key, so that a lookup that began before a write does not put the old value into L1.
#[derive(Debug)]
pub(crate) struct Writes(Box<[AtomicU32]>);

impl Writes {
    /// No writes yet.
    pub(crate) fn new() -> Self {
        Self((0..BUCKETS).map(|_| AtomicU32::new(0)).collect())
    }

    /// Bytes that it holds.
    pub(crate) fn held_bytes(&self) -> usize {
        size_of_val(&*self.0)
    }

    fn bucket(&self, hash: u64) -> &AtomicU32 {
        &self.0[usize::try_from(hash % BUCKETS as u64).expect("invariant: less than the buckets")]
    }

    /// The count of a key's bucket.
    pub(crate) fn of(&self, hash: u64) -> u32 {
        self.bucket(hash).load(Ordering::Acquire)
    }

    /// Counts a write. To be called with L1 locked.
    pub(crate) fn count(&self, hash: u64) {
        self.bucket(hash).fetch_add(1, Ordering::AcqRel);
    }

    /// Counts a write of all keys.
    pub(crate) fn count_all(&self) {
        self.0.iter().for_each(|bucket| {
            bucket.fetch_add(1, Ordering::AcqRel);
        });
    }
}
