//! What stands for the disk tiers where there is no disk by design: on a clock that is driven, see
//! [`Clock::is_driven`](crate::base::clock::Clock::is_driven).
//!
//! Every entry is here besides L1, in memory, as every entry is on disk: what leaves L1 is found again, as of L2 or L3. The budgets
//! of both hold, by the bytes of the values; nothing is compressed. Entries share their values with L1.

use std::collections::{BTreeMap, HashMap};

use parking_lot::Mutex;

use super::config::CacheConfig;
use super::disk::Totals;
use super::key::Key;
use super::l1::Entry;
use super::lookup::{Known, Layer, hit_of, note_use};
use super::manager::CacheManager;
use crate::base::units::mb_to_bytes;

struct Item {
    entry: Entry,
    /// Place in the order of use.
    used: u64,
    /// 0 is L2, 1 is L3.
    tier: usize,
}

#[derive(Default)]
struct Kept {
    items: HashMap<Box<[u8]>, Item>,
    /// By tier, the least recently used first.
    by_use: [BTreeMap<u64, Box<[u8]>>; 2],
    totals: Totals,
    uses: u64,
    /// Whether anything was ever stored.
    is_begun: bool,
}

/// See the module.
#[derive(Default)]
pub(crate) struct Below(Mutex<Kept>);

impl Below {
    /// Keeps an entry in place of any other of its key.
    pub(crate) fn put(&self, key: &[u8], entry: &Entry, config: &CacheConfig) {
        let kept = &mut *self.0.lock();
        kept.is_begun = true;
        kept.remove(key);
        kept.insert(key.into(), entry.clone(), 0);
        kept.bound(config);
    }

    /// An entry and its tier; counts as a use.
    fn find(&self, key: &[u8]) -> Option<(Entry, Layer)> {
        let kept = &mut *self.0.lock();
        let item = kept.remove(key)?;
        let found = (item.entry.clone(), if item.tier == 0 { Layer::L2 } else { Layer::L3 });
        kept.insert(key.into(), item.entry, item.tier);
        Some(found)
    }

    /// Notes what became of an entry while it was in L1: uses, and a life that they prolonged.
    fn renew(&self, key: &[u8], entry: &Entry) {
        if let Some(item) = self.0.lock().items.get_mut(key)
            && item.entry.version == entry.version
        {
            item.entry.clone_from(entry);
        }
    }

    /// Removes a key.
    pub(crate) fn remove(&self, key: &[u8]) {
        self.0.lock().remove(key);
    }

    /// Removes what is meant, of one tier or both; the keys. O(entries).
    pub(crate) fn remove_all(
        &self,
        layer: Option<Layer>,
        is_meant: impl Fn(&[u8], &Entry) -> bool,
    ) -> Vec<Box<[u8]>> {
        let kept = &mut *self.0.lock();
        let is_of = |tier: usize| match layer {
            Some(Layer::L2) => tier == 0,
            Some(Layer::L3) => tier == 1,
            _ => true,
        };
        let meant = kept.items.iter().filter(|(key, item)| is_of(item.tier) && is_meant(key, &item.entry));
        let keys: Vec<Box<[u8]>> = meant.map(|(key, _)| key.clone()).collect();
        for key in &keys {
            kept.remove(key);
        }
        keys
    }

    /// What is here.
    pub(crate) fn totals(&self) -> Totals {
        self.0.lock().totals
    }

    /// Whether anything was ever stored.
    pub(crate) fn is_begun(&self) -> bool {
        self.0.lock().is_begun
    }
}

impl Kept {
    fn insert(&mut self, key: Box<[u8]>, entry: Entry, tier: usize) {
        self.uses += 1;
        self.count(&key, &entry, tier, 1);
        self.by_use[tier].insert(self.uses, key.clone());
        self.items.insert(key, Item { entry, used: self.uses, tier });
    }

    fn remove(&mut self, key: &[u8]) -> Option<Item> {
        let item = self.items.remove(key)?;
        self.by_use[item.tier].remove(&item.used);
        self.count(key, &item.entry, item.tier, -1);
        Some(item)
    }

    fn count(&mut self, key: &[u8], entry: &Entry, tier: usize, sign: i64) {
        let total = &mut self.totals.tiers[tier];
        let text = entry.record.text.len() as u64;
        let add = |to: &mut u64, bytes: u64| *to = to.saturating_add_signed(bytes.cast_signed() * sign);
        add(&mut total.entries, 1);
        add(&mut total.stored, key.len() as u64 + text);
        add(&mut total.raw, text);
    }

    /// What is over the budget of L2 goes to L3, what is over that of L3 goes.
    fn bound(&mut self, config: &CacheConfig) {
        for (tier, limit_mb) in [(0, config.l2_max_size_mb), (1, config.l3_max_size_mb)] {
            while self.totals.tiers[tier].stored > mb_to_bytes(limit_mb) {
                let Some((_, key)) = self.by_use[tier].first_key_value() else { break };
                let key = key.clone();
                let Some(item) = self.remove(&key) else { break };
                if tier == 0 {
                    self.insert(key, item.entry, 1);
                }
            }
        }
    }
}

impl CacheManager {
    /// What stands for the disk tiers, if something does and the settings ask for them.
    pub(crate) fn below(&self) -> Option<&Below> {
        self.below.as_ref().filter(|_| self.config.read().persist_to_disk)
    }

    /// Notes an entry that leaves L1. Whether it is kept.
    pub(crate) fn left_to_below(&self, key: &Key, entry: &Entry) -> bool {
        let Some(below) = self.below() else { return false };
        below.renew(&key.bytes, entry);
        true
    }

    /// What is known of a key that L1 does not have, where there is no disk. What is found comes into L1.
    pub(crate) fn known_below(&self, key: &Key, is_use: bool) -> Known {
        let Some(below) = self.below() else { return Known::Absent };
        let Some((mut entry, layer)) = below.find(&key.bytes) else { return Known::Absent };
        let now_ms = self.clock.now_ms();
        if entry.gone_ms() <= now_ms {
            if is_use {
                below.remove(&key.bytes);
                self.observe_expired(key.hash64(), &entry.record);
            }
            return Known::Absent;
        }
        entry.hits = 0;
        if is_use {
            note_use(&mut entry, now_ms);
        }
        let mut hit = hit_of(&entry, now_ms, None);
        hit.layer = layer;
        if is_use {
            let mut evicted = Vec::new();
            let bytes = entry.bytes(key.bytes.len());
            hit.id = self.l1.lock().insert(key.hash64(), &key.bytes, entry, bytes, &mut evicted).id();
            self.settle_evicted(evicted);
        }
        Known::Present(hit)
    }
}
