//! What is seen of the requests while somebody tunes: which of them other policies and sizes of L1 would have answered, and
//! what became of answers that expired or were served for another question.
//!
//! Off until asked for, and then a hit costs one load and one multiplication, unless its key is in the sample. It changes nothing
//! by itself. [`trail`] takes requests down, [`rehearsal`] replays them on another thread, [`fates`] remembers single keys.

mod fates;
mod rehearsal;
#[cfg(test)]
mod tests;
mod trail;

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

use parking_lot::Mutex;
use xxhash_rust::xxh3::xxh3_64;

use self::fates::{Fate, Fates};
use self::rehearsal::Rehearsal;
use self::trail::{Request, Trail, What};
use super::config::EvictionPolicy;
use super::key::{Key, Keys};
use super::l1::ENTRY_OVERHEAD_BYTES;
use super::lookup::{Hit, Layer};
use super::manager::CacheManager;
use super::record::Record;

pub use rehearsal::{RehearsalPlan, Rehearsed};

/// One of so many misses is timed until its value is stored: enough for a mean, and it leaves room for the others.
const TIMED_ONE_IN: u64 = 16;

/// Entries of L1 that are looked at for the mean size of an answer.
const MEASURED_ENTRIES: usize = 32;

/// What was seen since it was switched on. All but `rehearsed` are counts.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Observations {
    /// Each policy and size with the hits that it would have had.
    pub rehearsed: Vec<Rehearsed>,
    /// One of so many keys stands for the others in `rehearsed`.
    pub sample_ratio: u32,
    /// Requests of the sample that were not replayed, as the thread that does so was behind.
    pub lost: u64,
    /// Lookups that found an entry whose life was over.
    pub expired: u64,
    /// Expired values that were stored again the same.
    pub renewed_same: u64,
    /// Expired values that were stored again as others.
    pub renewed_changed: u64,
    /// Answers to other questions after which the caller stored the same answer himself.
    pub similar_confirmed: u64,
    /// Answers to other questions after which the caller soon stored another answer himself: he had no use for the one served.
    pub similar_refuted: u64,
    /// Misses that were timed until their value was stored, and how long that took together, ms.
    pub timed_misses: u64,
    /// Their time, ms.
    pub miss_ms: u64,
    /// Values read from disk, and how long that took together, µs.
    pub disk_reads: u64,
    /// Their time, µs.
    pub disk_read_us: u64,
    /// Time in which the writer wrote, µs.
    pub write_us: u64,
}

/// The part of a cache that observes.
#[derive(Default)]
pub(crate) struct Observed {
    is_on: AtomicBool,
    trail: Trail,
    rehearsal: Mutex<Option<Rehearsal>>,
    fates: Mutex<Fates>,
    misses: AtomicU64,
    /// What the simulations held after the last replay: who asks must not wait for one.
    held: AtomicUsize,
    counts: Counts,
}

#[derive(Default)]
struct Counts {
    expired: AtomicU64,
    renewed_same: AtomicU64,
    renewed_changed: AtomicU64,
    similar_confirmed: AtomicU64,
    similar_refuted: AtomicU64,
    timed_misses: AtomicU64,
    miss_ms: AtomicU64,
}

impl Observed {
    /// Bytes that it holds.
    pub(crate) fn held_bytes(&self) -> usize {
        self.held.load(Ordering::Relaxed) + self.trail.held_bytes() + self.fates.lock().held_bytes()
    }

    /// A hit of L1. `entry` gives its bytes and the end of its fresh life, Unix ms.
    pub(crate) fn hit(&self, hash: u64, entry: impl FnOnce() -> (u64, u64)) {
        if self.trail.takes(hash) {
            let (bytes, fresh_ms) = entry();
            self.trail.push(Request::new(hash, What::Hit, bytes, fresh_ms));
        }
    }

    fn is_on(&self) -> bool {
        self.is_on.load(Ordering::Relaxed)
    }
}

impl CacheManager {
    /// Begins to observe under a plan, goes on if it is the same, or ends. `wake` is called when much waits to be replayed.
    pub fn observe(&self, plan: Option<RehearsalPlan>, wake: impl Fn() + Send + Sync + 'static) {
        let observed = &self.observed;
        let mut rehearsal = observed.rehearsal.lock();
        if rehearsal.as_ref().map(Rehearsal::plan) == plan.as_ref() {
            return;
        }
        observed.is_on.store(plan.is_some(), Ordering::Relaxed);
        *rehearsal = plan.map(Rehearsal::new);
        observed.held.store(rehearsal.as_ref().map_or(0, Rehearsal::held_bytes), Ordering::Relaxed);
        match &*rehearsal {
            Some(rehearsal) => observed.trail.begin(rehearsal.ratio_log2(), Box::new(wake)),
            None => observed.trail.end(),
        }
    }

    /// Replays what was taken down since the last call. To be called every few seconds, on a thread that has time.
    pub fn rehearse(&self) {
        let mut rehearsal = self.observed.rehearsal.lock();
        if let Some(rehearsal) = &mut *rehearsal {
            let now_ms = self.clock.now_ms();
            for request in self.observed.trail.drain() {
                rehearsal.replay(&request, now_ms);
            }
            self.observed.held.store(rehearsal.held_bytes(), Ordering::Relaxed);
        }
    }

    /// What became of expired values and of answers to other questions, and what was rehearsed so far; nothing is replayed, and
    /// nobody is waited for.
    pub fn observed_so_far(&self) -> Observations {
        let load = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let counts = &self.observed.counts;
        let rehearsal = self.observed.rehearsal.try_lock();
        let rehearsal = rehearsal.as_ref().and_then(|held| held.as_ref());
        Observations {
            rehearsed: rehearsal.map_or_else(Vec::new, Rehearsal::rehearsed),
            sample_ratio: rehearsal.map_or(1, |one| 1 << one.ratio_log2()),
            expired: load(&counts.expired),
            renewed_same: load(&counts.renewed_same),
            renewed_changed: load(&counts.renewed_changed),
            similar_confirmed: load(&counts.similar_confirmed),
            similar_refuted: load(&counts.similar_refuted),
            ..Observations::default()
        }
    }

    /// What was seen; replays what waits first.
    pub fn observations(&self) -> Observations {
        self.rehearse();
        let load = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let (observed, disk) = (&self.observed, self.disk());
        let of_disk = |counter: fn(&super::disk::Counters) -> &AtomicU64| {
            disk.as_ref().map_or(0, |disk| load(counter(&disk.counters)))
        };
        let (rehearsed, sample_ratio) = {
            let rehearsal = observed.rehearsal.lock();
            rehearsal.as_ref().map_or((Vec::new(), 1), |one| (one.rehearsed(), 1 << one.ratio_log2()))
        };
        Observations {
            rehearsed,
            sample_ratio,
            lost: observed.trail.lost(),
            expired: load(&observed.counts.expired),
            renewed_same: load(&observed.counts.renewed_same),
            renewed_changed: load(&observed.counts.renewed_changed),
            similar_confirmed: load(&observed.counts.similar_confirmed),
            similar_refuted: load(&observed.counts.similar_refuted),
            timed_misses: load(&observed.counts.timed_misses),
            miss_ms: load(&observed.counts.miss_ms),
            disk_reads: of_disk(|counters| &counters.reads),
            disk_read_us: of_disk(|counters| &counters.read_us),
            write_us: of_disk(|counters| &counters.write_us),
        }
    }

    /// Texts of some entries of L1, for whoever measures what an answer is worth; counts as no use.
    pub fn some_texts(&self) -> Vec<std::sync::Arc<Record>> {
        let l1 = self.l1.lock();
        let step = (l1.len() / MEASURED_ENTRIES).max(1);
        let entries = l1.iter_by_use().take(MEASURED_ENTRIES * 64).step_by(step.min(64));
        entries.take(MEASURED_ENTRIES).map(|(_, entry)| std::sync::Arc::clone(&entry.record)).collect()
    }

    /// Takes down a hit.
    pub(crate) fn observe_hit(&self, hit: &Hit, key: &Key) {
        let (observed, hash) = (&self.observed, key.hash64());
        if observed.trail.takes(hash) {
            let what = if hit.layer == Layer::L1 { What::Hit } else { What::DiskHit };
            let (bytes, fresh_ms) = weight(key.bytes.len(), &hit.record, self.clock.now_ms(), hit);
            observed.trail.push(Request::new(hash, what, bytes, fresh_ms));
        }
    }

    /// Takes down a miss.
    pub(crate) fn observe_miss(&self, keys: &Keys) {
        let observed = &self.observed;
        if !observed.is_on() {
            return;
        }
        for key in keys.in_order() {
            if observed.trail.takes(key.hash64()) {
                observed.trail.push(Request::new(key.hash64(), What::Miss, 0, 0));
            }
        }
        if observed.misses.fetch_add(1, Ordering::Relaxed).is_multiple_of(TIMED_ONE_IN) {
            let fate = Fate::Missed { at_ms: self.clock.now_ms() };
            observed.fates.lock().note(keys.to_store().hash64(), fate);
        }
    }

    /// Takes down that a value was stored, and sees what became of the one before.
    pub(crate) fn observe_stored(&self, key: &Key, record: &Record, fresh_ms: u64) {
        let (observed, hash) = (&self.observed, key.hash64());
        if !observed.is_on() {
            return;
        }
        if observed.trail.takes(hash) {
            let bytes = bytes_of(key.bytes.len(), record);
            let fresh_ms = if record.sliding { u64::MAX } else { fresh_ms };
            observed.trail.push(Request::new(hash, What::Stored, bytes, fresh_ms));
        }
        let fate = observed.fates.lock().take(hash);
        let add = |counter: &AtomicU64, n: u64| counter.fetch_add(n, Ordering::Relaxed);
        let now_ms = self.clock.now_ms();
        match fate {
            None => 0,
            Some(Fate::Missed { at_ms }) => {
                add(&observed.counts.miss_ms, now_ms.saturating_sub(at_ms));
                add(&observed.counts.timed_misses, 1)
            }
            Some(Fate::Expired { value }) if value == xxh3_64(record.text.as_bytes()) => {
                add(&observed.counts.renewed_same, 1)
            }
            Some(Fate::Expired { .. }) => add(&observed.counts.renewed_changed, 1),
            Some(Fate::Served { at_ms, .. }) if now_ms.saturating_sub(at_ms) > fates::SOON_MS => 0,
            Some(Fate::Served { value, .. }) if value == xxh3_64(record.text.as_bytes()) => {
                add(&observed.counts.similar_confirmed, 1)
            }
            Some(Fate::Served { .. }) => add(&observed.counts.similar_refuted, 1),
        };
    }

    /// Takes down that a key has no value any more.
    pub(crate) fn observe_gone(&self, hash: u64) {
        if self.observed.trail.takes(hash) {
            self.observed.trail.push(Request::new(hash, What::Gone, 0, 0));
        }
    }

    /// Remembers what a lookup found too late.
    pub(crate) fn observe_expired(&self, hash: u64, record: &Record) {
        let observed = &self.observed;
        if observed.is_on() {
            observed.counts.expired.fetch_add(1, Ordering::Relaxed);
            observed.fates.lock().note(hash, Fate::Expired { value: xxh3_64(record.text.as_bytes()) });
        }
    }

    /// Remembers what was served for another question.
    pub(crate) fn observe_similar(&self, keys: &Keys, record: &Record) {
        let observed = &self.observed;
        if observed.is_on() {
            let fate = Fate::Served { value: xxh3_64(record.text.as_bytes()), at_ms: self.clock.now_ms() };
            observed.fates.lock().note(keys.to_store().hash64(), fate);
        }
    }
}

/// What an entry counts for in L1.
fn bytes_of(key_bytes: usize, record: &Record) -> u64 {
    (key_bytes + record.heap_bytes()) as u64 + ENTRY_OVERHEAD_BYTES
}

fn weight(key_bytes: usize, record: &Record, now_ms: u64, hit: &Hit) -> (u64, u64) {
    let is_lasting = record.sliding || !hit.is_fresh;
    let fresh_ms = if is_lasting { u64::MAX } else { record.fresh_until_ms().max(now_ms) };
    (bytes_of(key_bytes, record), fresh_ms)
}

/// The other policy that is rehearsed beside the configured one.
pub fn other_policy(policy: EvictionPolicy) -> EvictionPolicy {
    match policy {
        EvictionPolicy::Lru | EvictionPolicy::Lfu => EvictionPolicy::Adaptive,
        EvictionPolicy::Adaptive => EvictionPolicy::Lru,
    }
}
