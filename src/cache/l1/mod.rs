//! The first tier: entries in native memory, outside of the JavaScript heap.
//!
//! [`map`] is the data structure, bounded by entries and by bytes; `policy` says who leaves. This file says what an entry is.
//! The tier is locked and driven by the manager; it knows neither time nor disk.

mod adaptive;
mod ghost;
mod lists;
pub(crate) mod map;
mod policy;
mod sketch;
mod slab;
mod two_segment;

use std::sync::Arc;

use super::config::{CacheConfig, EvictionPolicy};
use super::record::Record;
use crate::base::units::mb_to_bytes;
use map::{Bounds, EvictingMap, Policy};

/// Bytes that an entry costs besides key and value: slot, index, record and the allocator's share. Measured as resident
/// growth over 500,000 entries of 16 bytes; rounded up.
pub(crate) const ENTRY_OVERHEAD_BYTES: u64 = 320;

/// Where else an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// Nowhere: it is to be written when it leaves.
    MemoryOnly,
    /// Nowhere any more: the disk tiers gave it up. Written again only if it was used here.
    GivenUp,
    /// In the queue of what is to be written.
    Queued,
    /// In the database, as this version.
    Stored(i64),
}

/// An entry of L1.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) record: Arc<Record>,
    /// End of its fresh life, Unix ms.
    pub(crate) fresh_ms: u64,
    /// Last use, Unix ms.
    pub(crate) used_ms: u64,
    /// Uses since it came into L1.
    pub(crate) hits: u64,
    pub(crate) place: Place,
    /// Foreign changes when it was known to be current, see `disk::coherence`.
    pub(crate) stamp: u32,
    /// Which of the values that this process gave its key; 0 for one that came from disk.
    pub(crate) version: u64,
    /// End of its fresh life as the database has it, for sliding ones.
    pub(crate) written_fresh_ms: u64,
}

impl Entry {
    /// When it is not even stale any more, Unix ms.
    pub(crate) fn gone_ms(&self) -> u64 {
        self.fresh_ms.saturating_add(self.record.stale_ms)
    }

    /// Bytes that it counts for with a key of `key_bytes`.
    pub(crate) fn bytes(&self, key_bytes: usize) -> u64 {
        (key_bytes + self.record.heap_bytes()) as u64 + ENTRY_OVERHEAD_BYTES
    }
}

/// The tier.
pub(crate) type L1 = EvictingMap<Entry>;

/// The bounds that a configuration asks for.
pub(crate) fn bounds(config: &CacheConfig) -> Bounds {
    let entries = usize::try_from(config.l1_max_size).unwrap_or(usize::MAX);
    Bounds { entries, bytes: mb_to_bytes(config.l1_max_size_mb) }
}

/// The policy that a configuration asks for.
pub(crate) fn policy(config: &CacheConfig) -> Policy {
    policy_of(config.eviction_policy)
}

/// The policy of that name.
pub(crate) fn policy_of(policy: EvictionPolicy) -> Policy {
    match policy {
        EvictionPolicy::Lru => Policy::Lru,
        EvictionPolicy::Lfu => Policy::Lfu,
        EvictionPolicy::Adaptive => Policy::Adaptive,
    }
}
