//! What larger tiers would have done: which lookups they would have answered, and what size is worth it.
//!
//! [`departed`] remembers what left for lack of room, [`window`] counts what was asked for again within a day, [`advice`] says
//! what follows. This file puts them into the cache's way. A hit of L1 passes none of it. Nothing is kept of keys but hashes,
//! in at most 256 KB. It changes nothing by itself.
//!
//! For LRU the counts are exact up to 3,500 remembered entries and a sample beyond. For the other policies they are
//! estimates, as is what is said of the disk tiers. See `docs/decisions/0021-what-a-larger-cache-would-do.md`.

mod advice;
mod departed;
#[cfg(test)]
mod tests;
mod window;

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};

use parking_lot::Mutex;

use self::departed::{Departed, Departure, Return, is_sampled};
use self::window::{Answered, FACTORS, MOST, Sums, Totals, Window};
use super::config::CacheConfig;
use super::disk::tables::{L3, Row};
use super::key::{Key, Keys};
use super::l1::map::{Bounds, Policy};
use super::l1::{self, Entry};
use super::lookup::{Hit, Layer};
use super::manager::CacheManager;
use crate::base::units::mb_to_bytes;

pub use advice::{Bound, Change, DiskWouldHave, SizeAdvice, Step, WouldHave};

/// Places for what left L1, and for what left each disk tier: 24 bytes each and 3 of the index.
const L1_CELLS: usize = 4096;
const DISK_CELLS: usize = 1024;

/// Shared by everything of this module; its lock is the innermost.
pub(crate) struct Hindsight {
    state: Mutex<State>,
    /// Copies of what the state says, so that most misses need no lock.
    ratio_log2: AtomicU32,
    is_any: AtomicBool,
    is_any_on_disk: AtomicBool,
    /// Keys that L1 was asked for and did not have, and those that the keys in the sample stand for.
    keys: AtomicU64,
    sampled: AtomicU64,
}

/// Settings that figures belong to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Sizes {
    policy: Policy,
    l1: Bounds,
    /// Bytes of L2 and L3.
    disk: [u64; 2],
}

impl Sizes {
    fn of(config: &CacheConfig) -> Self {
        let disk = [config.l2_max_size_mb, config.l3_max_size_mb].map(mb_to_bytes);
        Self { policy: l1::policy(config), l1: l1::bounds(config), disk }
    }
}

struct State {
    l1: Departed,
    /// What left L2 and L3.
    disk: [Departed; 2],
    window: Window,
    /// What the figures belong to.
    sizes: Sizes,
    /// While L1 is held to less than its settings, nothing is learned of them.
    is_paused: bool,
}

impl State {
    fn new(sizes: Sizes, now_ms: u64, totals: Totals) -> Self {
        Self {
            l1: Departed::new(L1_CELLS),
            disk: [Departed::new(DISK_CELLS), Departed::new(DISK_CELLS)],
            window: Window::new(now_ms, totals),
            sizes,
            is_paused: false,
        }
    }

    fn lists(&mut self) -> impl Iterator<Item = &mut Departed> {
        std::iter::once(&mut self.l1).chain(&mut self.disk)
    }

    /// How far back it is of use to remember what left L1.
    fn reach(&self) -> Bounds {
        let Bounds { entries, bytes } = self.sizes.l1;
        let beyond = usize::try_from(MOST - 1).unwrap_or(usize::MAX);
        Bounds { entries: entries.saturating_mul(beyond), bytes: bytes.saturating_mul(MOST - 1) }
    }
}

impl Hindsight {
    /// Nothing yet, of a cache with these settings.
    pub(crate) fn new(config: &CacheConfig, now_ms: u64) -> Self {
        Self {
            state: Mutex::new(State::new(Sizes::of(config), now_ms, Totals::default())),
            ratio_log2: AtomicU32::new(0),
            is_any: AtomicBool::new(false),
            is_any_on_disk: AtomicBool::new(false),
            keys: AtomicU64::new(0),
            sampled: AtomicU64::new(0),
        }
    }

    /// Bytes that it holds.
    pub(crate) fn held_bytes(&self) -> usize {
        let mut state = self.state.lock();
        state.window.held_bytes() + state.lists().map(|list| list.held_bytes()).sum::<usize>()
    }

    /// Forgets what left, and gives its memory back; the counts stay.
    pub(crate) fn give_up(&self) {
        self.change(|state| {
            state.l1 = Departed::new(L1_CELLS);
            state.disk = [Departed::new(DISK_CELLS), Departed::new(DISK_CELLS)];
        });
    }

    /// Forgets a key that is stored anew or removed.
    pub(crate) fn forget(&self, hash: u64) {
        if self.may_know(hash) {
            self.state.lock().lists().for_each(|list| list.forget(hash));
        }
    }

    /// Forgets what left the disk tiers and is there again.
    pub(crate) fn forget_on_disk(&self, hash: u64) {
        if self.is_any_on_disk.load(Ordering::Relaxed) {
            self.state.lock().disk.iter_mut().for_each(|list| list.forget(hash));
        }
    }

    /// Forgets what has one of these tags, and a few others.
    pub(crate) fn forget_tagged(&self, tags: &[Box<str>]) {
        let bits = tag_bits(tags);
        self.change(|state| state.lists().for_each(|list| list.retain(|gone| gone.tags & bits == 0)));
    }

    /// Forgets what would have expired.
    pub(crate) fn forget_expired(&self, now_ms: u64) {
        let now = seconds(now_ms);
        self.change(|state| state.lists().for_each(|list| list.retain(|gone| gone.fresh_s > now)));
    }

    /// What was counted, and how many keys each counted one stands for.
    fn sums(&self, now_ms: u64, totals: Totals) -> (Sums, u32) {
        let mut state = self.state.lock();
        (state.window.sums(now_ms, totals), 1 << state.l1.ratio_log2())
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        let mut state = self.state.lock();
        change(&mut state);
        self.publish(&mut state);
    }

    fn publish(&self, state: &mut State) {
        self.ratio_log2.store(state.l1.ratio_log2(), Ordering::Relaxed);
        self.is_any.store(state.l1.len() > 0, Ordering::Relaxed);
        let is_any_on_disk = state.disk.iter().any(|list| list.len() > 0);
        self.is_any_on_disk.store(is_any_on_disk, Ordering::Relaxed);
    }

    /// Counts a key that L1 did not have; whether something may be known of it.
    fn count(&self, hash: u64) -> bool {
        let ratio_log2 = self.ratio_log2.load(Ordering::Relaxed);
        self.keys.fetch_add(1, Ordering::Relaxed);
        if is_sampled(hash, ratio_log2) {
            self.sampled.fetch_add(1 << ratio_log2, Ordering::Relaxed);
        }
        self.may_know(hash)
    }

    /// Whether something may be known of a key. No lock.
    fn may_know(&self, hash: u64) -> bool {
        let is_sampled = || is_sampled(hash, self.ratio_log2.load(Ordering::Relaxed));
        self.is_any_on_disk.load(Ordering::Relaxed) || (self.is_any.load(Ordering::Relaxed) && is_sampled())
    }
}

impl CacheManager {
    /// Remembers what leaves L1 for lack of room.
    pub(crate) fn note_departure(&self, key: &Key, entry: &Entry) {
        if !is_sampled(key.hash64(), self.hindsight.ratio_log2.load(Ordering::Relaxed)) {
            return;
        }
        let departure = Departure {
            hash: key.hash64(),
            fresh_s: seconds(entry.fresh_ms),
            bytes: u32::try_from(entry.bytes(key.bytes.len())).unwrap_or(u32::MAX),
            stamp: entry.stamp,
            tags: tag_bits(&entry.record.tags),
        };
        self.hindsight.change(|state| {
            if !state.is_paused {
                let reach = state.reach();
                state.l1.remember(departure, reach);
            }
        });
    }

    /// Remembers what left a disk tier for lack of room.
    pub(crate) fn note_evicted_on_disk(&self, hash: u64, row: &Row) {
        let departure = Departure {
            hash,
            fresh_s: seconds(row.fresh_ms),
            bytes: u32::try_from(row.stored).unwrap_or(u32::MAX),
            stamp: 0,
            tags: if row.is_tagged { u32::MAX } else { 0 },
        };
        self.hindsight.change(|state| {
            let tier = usize::from(row.tier == L3);
            let bytes = state.sizes.disk[tier].saturating_mul(MOST - 1);
            state.disk[tier].remember(departure, Bounds { entries: usize::MAX, bytes });
        });
    }

    /// Counts a hit that L1 did not have, if a larger one had.
    pub(crate) fn note_disk_hit(&self, key: &Key, hit: &Hit) {
        debug_assert!(hit.layer != Layer::L1);
        let hash = key.hash64();
        if self.hindsight.count(hash) {
            let found = self.hindsight.state.lock().l1.take(hash);
            if let Some(found) = found {
                self.count_return(&found, Answered::ByDisk, hit.id.is_some());
            }
        }
    }

    /// Counts a miss, if larger tiers had the value.
    pub(crate) fn note_miss(&self, keys: &Keys) {
        let mut is_found = [false; 3];
        for key in keys.in_order() {
            let hash = key.hash64();
            if !self.hindsight.count(hash) {
                continue;
            }
            let (l1, disk) = {
                let mut state = self.hindsight.state.lock();
                let state = &mut *state;
                (state.l1.take(hash), state.disk.each_mut().map(|list| list.take(hash)))
            };
            if let Some(found) = l1.filter(|_| !is_found[0]) {
                is_found[0] = self.count_return(&found, Answered::ByNobody, false);
            }
            for (tier, found) in disk.iter().enumerate() {
                if let Some(found) = found.as_ref().filter(|_| !is_found[1 + tier]) {
                    is_found[1 + tier] = self.count_disk_return(tier, found);
                }
            }
        }
    }

    /// Follows the settings: what was counted belongs to those of before. `target` is what L1 is held to now.
    pub(crate) fn follow_bounds(&self, target: Bounds) {
        let (now_ms, totals) = (self.clock.now_ms(), self.totals());
        let sizes = Sizes::of(&self.config.read());
        self.hindsight.change(|state| {
            if state.sizes != sizes {
                *state = State::new(sizes, now_ms, totals);
            }
            let is_paused = sizes.l1 != target;
            if is_paused != state.is_paused {
                state.is_paused = is_paused;
                state.l1 = Departed::new(L1_CELLS);
            }
        });
    }

    /// The counters that shares are of.
    fn totals(&self) -> Totals {
        let load = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let counters = &self.counters;
        let misses = load(&counters.misses);
        let l1_misses = load(&counters.l2_hits) + load(&counters.l3_hits) + misses;
        Totals {
            lookups: load(&counters.l1_hits) + l1_misses,
            l1_misses,
            misses,
            keys: load(&self.hindsight.keys),
            sampled: load(&self.hindsight.sampled),
        }
    }

    /// Counts a key that came back, if it would be a hit and not expired or changed by others; whether it would. `is_in_l1`:
    /// it is in L1 again already, and what made room for it has left after it.
    fn count_return(&self, found: &Return, answered: Answered, is_in_l1: bool) -> bool {
        let Return { departure, later_entries, later_bytes, weight } = *found;
        let (now_ms, totals) = (self.clock.now_ms(), self.totals());
        let stamp = self.disk().map_or(0, |disk| disk.stamp(departure.hash));
        if departure.fresh_s <= seconds(now_ms) || departure.stamp != stamp {
            return false;
        }
        let (entries, bytes) = {
            let l1 = self.l1.lock();
            (l1.len() as u64, l1.bytes())
        };
        let itself = if is_in_l1 { (0, 0) } else { (1, u64::from(departure.bytes)) };
        let mut state = self.hindsight.state.lock();
        let (most_entries, most_bytes) = (state.sizes.l1.entries as u64, state.sizes.l1.bytes);
        let level = (
            level(entries + later_entries + itself.0, most_entries),
            level(bytes.saturating_add(later_bytes) + itself.1, most_bytes),
        );
        let (Some(by_entries), Some(by_bytes)) = level else { return true };
        let level = match (by_entries, by_bytes) {
            // It did leave; what L1 holds has become less since.
            (0, 0) if is_bound_by_bytes(entries, most_entries, bytes, most_bytes) => (0, 1),
            (0, 0) => (1, 0),
            level => level,
        };
        state.window.count(now_ms, totals, answered, level, weight);
        true
    }

    /// As [`Self::count_return`], of a disk tier.
    fn count_disk_return(&self, tier: usize, found: &Return) -> bool {
        let Return { departure, later_bytes, weight, .. } = *found;
        let (now_ms, totals) = (self.clock.now_ms(), self.totals());
        if departure.fresh_s <= seconds(now_ms) {
            return false;
        }
        let Some(disk) = self.disk() else { return false };
        let stored = disk.totals.lock().tiers[tier].stored;
        let need = stored.saturating_add(later_bytes) + u64::from(departure.bytes);
        if let Some(level) = level(need, stored.max(1)) {
            self.hindsight.state.lock().window.count_disk(now_ms, totals, tier, level.max(1), weight);
        }
        true
    }
}

/// Whether bytes are what L1 is fuller of.
fn is_bound_by_bytes(entries: u64, most_entries: u64, bytes: u64, most_bytes: u64) -> bool {
    bytes as f64 / most_bytes.max(1) as f64 > entries as f64 / most_entries.max(1) as f64
}

/// The first factor that a size must be multiplied by to have room for `need`.
fn level(need: u64, size: u64) -> Option<usize> {
    FACTORS.iter().position(|factor| need as f64 <= size as f64 * factor)
}

fn seconds(ms: u64) -> u32 {
    u32::try_from(ms / 1000).unwrap_or(u32::MAX)
}

fn tag_bits(tags: &[Box<str>]) -> u32 {
    tags.iter().fold(0, |bits, tag| bits | 1 << (xxhash_rust::xxh3::xxh3_64(tag.as_bytes()) & 31))
}
