//! The first layer's map: bytes to values in memory, bounded by a number of entries and by bytes.
//!
//! What it does:
//! - finds, stores, replaces and removes in O(1), and evicts by the chosen [`Policy`] as soon as a bound is passed;
//! - addresses an entry by a [`SlotId`] as well, which costs no hashing and never finds another entry;
//! - hands every value that leaves it to the caller, who drops it where that is cheap.
//!
//! What it does not do: lock (the layer that owns it does), know the time, or measure values: an entry's bytes are
//! what the caller says.
//!
//! Cost: 56 bytes per entry beside key and value, 5 to 12 bytes for the index; [`Policy::Lfu`] adds 8 to 16
//! bytes of history, [`Policy::Adaptive`] 26 to 42.

use hashbrown::HashTable;

pub(crate) use super::policy::Policy;
use super::policy::Replacement;
use super::slab::{Entry, MAX_SLOTS, NONE, Slab, Slot};

#[cfg(test)]
mod model_tests;
#[cfg(test)]
mod tests;

/// What a map may hold; both hold after every call.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Bounds {
    /// Entries; 0 holds nothing. More than `u32::MAX - 1` counts as that.
    pub(crate) entries: usize,
    /// Sum of the entries' bytes, as the caller counts them. More than half of `u64::MAX` counts as that.
    pub(crate) bytes: u64,
}

/// One entry more than the bounds allow must still have a sum.
const MAX_BYTES: u64 = u64::MAX / 2;

/// Place of a value. `seq` is never used twice in one map, so a stale id never finds another value.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct SlotId {
    /// Number of the slot.
    pub slot: u32,
    /// Sequence number of the value, from 1.
    pub seq: u64,
}

/// An entry that left the map.
#[derive(Debug)]
pub(crate) struct Evicted<V> {
    /// Its key.
    pub(crate) key: Box<[u8]>,
    /// Its value.
    pub(crate) value: V,
}

/// What became of an insertion.
#[derive(Debug)]
pub(crate) enum Insertion<V> {
    /// The value is in the map.
    Inserted {
        /// Where it is.
        id: SlotId,
        /// The key's value before.
        replaced: Option<V>,
    },
    /// The value alone is larger than the map may be; the key has no value now.
    TooLarge,
}

impl<V> Insertion<V> {
    /// Where the value is.
    pub(crate) fn id(&self) -> Option<SlotId> {
        match self {
            Self::Inserted { id, .. } => Some(*id),
            Self::TooLarge => None,
        }
    }
}

/// Where a [`EvictingMap::scan`] goes on; the default is the start.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct ScanPosition {
    slot: usize,
    /// Compactions of the map so far: entries move, so a scan begun before one starts again.
    compactions: u64,
}

/// A map bounded by entries and bytes that evicts by a policy.
pub(crate) struct EvictingMap<V> {
    index: HashTable<u32>,
    slab: Slab<V>,
    replacement: Replacement,
    bounds: Bounds,
    compactions: u64,
}

impl<V> EvictingMap<V> {
    /// An empty map; allocates next to nothing until entries come.
    pub(crate) fn new(policy: Policy, bounds: Bounds) -> Self {
        let bounds = addressable(bounds);
        Self::with(Replacement::new(policy, bounds), bounds)
    }

    /// An empty map with a policy of the caller's; `bounds` are addressable.
    pub(super) fn with(replacement: Replacement, bounds: Bounds) -> Self {
        Self { index: HashTable::new(), slab: Slab::new(), replacement, bounds, compactions: 0 }
    }

    /// The value of a key; counts as a use. O(1).
    pub(crate) fn get(&mut self, hash: u64, key: &[u8]) -> Option<(SlotId, &mut V)> {
        let slot = self.find(hash, key)?;
        self.replacement.used(&mut self.slab, slot);
        self.value_mut(slot)
    }

    /// The value of a key; does not count as a use. O(1).
    pub(crate) fn peek(&self, hash: u64, key: &[u8]) -> Option<(SlotId, &V)> {
        let slot = self.find(hash, key)?;
        let place = self.slab.slot(slot);
        Some((SlotId { slot, seq: place.seq }, &place.entry.as_ref()?.value))
    }

    /// As [`EvictingMap::peek`], to change the value. Its bytes stay as they were given.
    pub(crate) fn peek_mut(&mut self, hash: u64, key: &[u8]) -> Option<(SlotId, &mut V)> {
        let slot = self.find(hash, key)?;
        self.value_mut(slot)
    }

    /// A value by its key's hash and what it is, where the key is not known; does not count as a use. O(1).
    pub(crate) fn find_mut(&mut self, hash: u64, is_it: impl Fn(&V) -> bool) -> Option<&mut V> {
        let slab = &self.slab;
        let matches = |&slot: &u32| {
            let place = slab.slot(slot);
            place.hash == hash && place.entry.as_ref().is_some_and(|entry| is_it(&entry.value))
        };
        let slot = self.index.find(hash, matches).copied()?;
        self.value_mut(slot).map(|(_, value)| value)
    }

    /// The value at a place; counts as a use. `None` if it is gone, was replaced or was moved by
    /// [`EvictingMap::set_bounds`]. O(1) without hashing.
    pub(crate) fn touch(&mut self, id: SlotId) -> Option<&mut V> {
        self.at(id)?;
        self.replacement.used(&mut self.slab, id.slot);
        self.value_mut(id.slot).map(|(_, value)| value)
    }

    /// Hash, key and value at a place; does not count as a use. O(1).
    pub(crate) fn slot(&self, id: SlotId) -> Option<(u64, &[u8], &V)> {
        let place = self.at(id)?;
        place.entry.as_ref().map(|entry| (place.hash, &*entry.key, &entry.value))
    }

    /// Stores a value of `bytes` bytes and evicts others until both bounds hold. O(1) amortized, plus the evictions.
    ///
    /// The entry itself is never evicted by its own insertion. A replacement counts as a use and gets a new id.
    pub(crate) fn insert(
        &mut self,
        hash: u64,
        key: &[u8],
        value: V,
        bytes: u64,
        evicted: &mut Vec<Evicted<V>>,
    ) -> Insertion<V> {
        if bytes > self.bounds.bytes || self.bounds.entries == 0 {
            self.remove(hash, key);
            return Insertion::TooLarge;
        }
        let (slot, replaced) = if let Some(slot) = self.find(hash, key) {
            let replaced = self.slab.replace(slot, value, bytes);
            self.replacement.used(&mut self.slab, slot);
            (slot, replaced)
        } else {
            let slot = self.slab.store(hash, key, value, bytes, self.bounds.entries.saturating_add(1));
            let slab = &self.slab;
            self.index.insert_unique(hash, slot, |&slot| slab.slot(slot).hash);
            self.replacement.inserted(&mut self.slab, slot);
            (slot, None)
        };
        self.evict(slot, evicted);
        Insertion::Inserted { id: SlotId { slot, seq: self.slab.slot(slot).seq }, replaced }
    }

    /// Removes a key. O(1).
    pub(crate) fn remove(&mut self, hash: u64, key: &[u8]) -> Option<V> {
        let slot = self.find(hash, key)?;
        self.replacement.removed(hash);
        self.take(slot).map(|gone| gone.value)
    }

    /// Removes the entry at a place. O(1).
    pub(crate) fn remove_slot(&mut self, id: SlotId) -> Option<(Box<[u8]>, V)> {
        let hash = self.at(id)?.hash;
        self.replacement.removed(hash);
        self.take(id.slot).map(|gone| (gone.key, gone.value))
    }

    /// Visits the entries of the next `count` slots and removes those for which `visit` answers `false`. Says where
    /// to go on, or `None` at the end. O(count).
    ///
    /// A whole scan visits every entry that was there from its start to its end at least once; new ones may be
    /// missed. It does not count as a use.
    pub(crate) fn scan(
        &mut self,
        from: ScanPosition,
        count: usize,
        mut visit: impl FnMut(&[u8], &mut V) -> bool,
        removed: &mut Vec<Evicted<V>>,
    ) -> Option<ScanPosition> {
        let start = if from.compactions == self.compactions { from.slot } else { 0 };
        let end = start.saturating_add(count).min(self.slab.slots.len());
        for slot in start..end {
            let Some(entry) = self.slab.slots[slot].entry.as_mut() else { continue };
            if !visit(&entry.key, &mut entry.value) {
                let slot = u32::try_from(slot).expect("invariant: slot numbers are u32");
                self.replacement.removed(self.slab.slot(slot).hash);
                removed.extend(self.take(slot));
            }
        }
        let next = ScanPosition { slot: end, compactions: self.compactions };
        (end < self.slab.slots.len()).then_some(next)
    }

    /// All entries, the next to be evicted first; exact for [`Policy::Lru`], near it for the others. Inserting them
    /// into another map in this order gives it the same order.
    pub(crate) fn iter_by_use(&self) -> impl Iterator<Item = (&[u8], &V)> {
        let order = self.replacement.eviction_order();
        order
            .into_iter()
            .flat_map(|segment| self.slab.tail_first(segment))
            .filter_map(|slot| self.slab.slot(slot).entry.as_ref().map(|entry| (&*entry.key, &entry.value)))
    }

    /// Changes the bounds and evicts until they hold. O(evicted entries).
    ///
    /// When that leaves most slots empty, their memory is given back, O(entries left): entries move, and ids from
    /// before find nothing any more.
    pub(crate) fn set_bounds(&mut self, bounds: Bounds, evicted: &mut Vec<Evicted<V>>) {
        self.bounds = addressable(bounds);
        self.replacement.set_bounds(self.bounds);
        self.evict(NONE, evicted);
        if self.slab.slots.len() / 2 > self.slab.len() {
            self.compact();
        }
    }

    /// Empties the map, gives its memory back and hands the entries out in no order. O(1); dropping the result is
    /// what takes time.
    pub(crate) fn clear(&mut self) -> Cleared<V> {
        self.index = HashTable::new();
        self.replacement = Replacement::new(self.policy(), self.bounds);
        Cleared { slots: self.slab.take_all().into_iter() }
    }

    /// Entries held. O(1).
    pub(crate) fn len(&self) -> usize {
        self.slab.len()
    }

    /// Sum of the entries' bytes. O(1).
    pub(crate) fn bytes(&self) -> u64 {
        self.slab.bytes()
    }

    /// Sum of the keys' lengths. O(1).
    pub(crate) fn key_bytes(&self) -> usize {
        self.slab.key_bytes()
    }

    /// Bytes of the policy's history. O(1).
    pub(crate) fn policy_bytes(&self) -> usize {
        self.replacement.held_bytes()
    }

    /// Bytes that it holds besides what the values hold. O(1).
    pub(crate) fn held_bytes(&self) -> usize {
        self.index.allocation_size() + self.slab.held_bytes() + self.policy_bytes()
    }

    /// The bounds in force.
    pub(crate) fn bounds(&self) -> Bounds {
        self.bounds
    }

    /// The policy in force.
    pub(crate) fn policy(&self) -> Policy {
        self.replacement.policy()
    }

    fn find(&self, hash: u64, key: &[u8]) -> Option<u32> {
        let matches = |&slot: &u32| {
            let place = self.slab.slot(slot);
            place.hash == hash && place.entry.as_ref().is_some_and(|entry| *entry.key == *key)
        };
        self.index.find(hash, matches).copied()
    }

    fn at(&self, id: SlotId) -> Option<&Slot<V>> {
        self.slab.slots.get(id.slot as usize).filter(|place| place.seq == id.seq && id.seq != 0)
    }

    fn value_mut(&mut self, slot: u32) -> Option<(SlotId, &mut V)> {
        let place = self.slab.slot_mut(slot);
        let id = SlotId { slot, seq: place.seq };
        place.entry.as_mut().map(|entry| (id, &mut entry.value))
    }

    fn evict(&mut self, keep: u32, evicted: &mut Vec<Evicted<V>>) {
        while self.slab.len() > self.bounds.entries || self.slab.bytes() > self.bounds.bytes {
            let Some(victim) = self.replacement.victim(&mut self.slab, keep) else { break };
            evicted.extend(self.take(victim));
        }
    }

    /// Takes an entry out of index, list and slot.
    fn take(&mut self, slot: u32) -> Option<Evicted<V>> {
        let place = self.slab.slot(slot);
        let hash = place.hash;
        let Entry { key, value } = self.slab.take(slot)?;
        if let Ok(indexed) = self.index.find_entry(hash, |&other| other == slot) {
            indexed.remove();
        }
        Some(Evicted { key, value })
    }

    fn compact(&mut self) {
        self.slab.compact();
        self.compactions += 1;
        let slab = &self.slab;
        self.index = HashTable::with_capacity(slab.len());
        for (slot, place) in (0_u32..).zip(&slab.slots) {
            self.index.insert_unique(place.hash, slot, |&slot| slab.slot(slot).hash);
        }
    }
}

/// The entries of a map that was cleared.
pub(crate) struct Cleared<V> {
    slots: std::vec::IntoIter<Slot<V>>,
}

impl<V> Iterator for Cleared<V> {
    type Item = (Box<[u8]>, V);

    fn next(&mut self) -> Option<Self::Item> {
        self.slots.find_map(|place| place.entry).map(|entry| (entry.key, entry.value))
    }
}

/// Bounds that neither slot numbers nor sums of bytes can overflow.
fn addressable(bounds: Bounds) -> Bounds {
    Bounds { entries: bounds.entries.min(MAX_SLOTS - 1), bytes: bounds.bytes.min(MAX_BYTES) }
}
