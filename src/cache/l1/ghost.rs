//! A ghost list: which keys were evicted of late, by fingerprint and without their values.
//!
//! A table of groups of four cells takes the place of a list: nothing is linked, a full group loses its oldest cell,
//! and age is a count of evictions. About 8 bytes per remembered key; a wrong "yes" has odds of about one in 10⁹ per
//! look-up, and costs nothing but an odd place in the cache.

/// Cells that one key may be in.
const GROUP: usize = 4;

/// Cells of the smallest table.
const MIN_CELLS: usize = 64;

/// Fingerprint in the upper half, number of the eviction in the lower; 0 is empty.
pub(super) struct Ghost {
    cells: Vec<u64>,
    /// How many evictions back a key is remembered.
    reach: u32,
    evictions: u32,
}

impl Ghost {
    /// A ghost list for a small cache; grows with [`Ghost::reserve`].
    pub(super) fn new() -> Self {
        Self { cells: vec![0; MIN_CELLS], reach: 0, evictions: 0 }
    }

    /// Remembers as many evictions as the cache has `entries`. When the table grows, both halves start as copies, so
    /// nothing is forgotten. O(table) then, O(1) amortized per entry.
    pub(super) fn reserve(&mut self, entries: usize) {
        self.reach = u32::try_from(entries).unwrap_or(u32::MAX);
        while self.cells.len() < entries {
            self.cells.extend_from_within(..);
        }
    }

    /// Shrinks the table for `entries` entries; what was in the rest of it is forgotten.
    pub(super) fn shrink(&mut self, entries: usize) {
        let wanted = entries.checked_next_power_of_two().unwrap_or(usize::MAX).max(MIN_CELLS);
        self.cells.truncate(wanted);
        self.cells.shrink_to_fit();
    }

    /// Bytes that it holds. O(1).
    pub(super) fn held_bytes(&self) -> usize {
        self.cells.capacity() * size_of::<u64>()
    }

    /// Remembers an evicted key. O(1).
    pub(super) fn remember(&mut self, hash: u64) {
        self.evictions = self.evictions.wrapping_add(1);
        let now = self.evictions;
        let cell = (fingerprint(hash) << 32) | u64::from(now);
        let group = self.group(hash);
        let place = group
            .iter_mut()
            .max_by_key(|held| (**held >> 32 == cell >> 32, **held == 0, now.wrapping_sub(eviction(**held))));
        if let Some(place) = place {
            *place = cell;
        }
    }

    /// Whether a key was evicted within reach; it is forgotten by that. O(1).
    pub(super) fn recall(&mut self, hash: u64) -> bool {
        let (now, reach) = (self.evictions, self.reach);
        let found = self.group(hash).iter_mut().find(|held| **held >> 32 == fingerprint(hash));
        found.is_some_and(|held| now.wrapping_sub(eviction(std::mem::take(held))) < reach)
    }

    fn group(&mut self, hash: u64) -> &mut [u64] {
        let groups = self.cells.len() / GROUP - 1;
        #[expect(clippy::cast_possible_truncation, reason = "masked to the table")]
        let start = (hash as usize & groups) * GROUP;
        &mut self.cells[start..start + GROUP]
    }
}

/// The upper half of the hash, never 0: the lower half chooses the group.
fn fingerprint(hash: u64) -> u64 {
    (hash >> 32) | 1
}

#[expect(clippy::cast_possible_truncation, reason = "the lower half is what is wanted")]
fn eviction(cell: u64) -> u32 {
    cell as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(key: u64) -> u64 {
        xxhash_rust::xxh3::xxh3_64(&key.to_le_bytes())
    }

    #[test]
    fn an_evicted_key_is_recalled_once() {
        let mut ghost = Ghost::new();
        ghost.reserve(10);
        ghost.remember(hash(1));
        assert!(!ghost.recall(hash(2)));
        assert!(ghost.recall(hash(1)));
        assert!(!ghost.recall(hash(1)));
    }

    #[test]
    fn it_reaches_back_as_many_evictions_as_the_cache_has_entries() {
        let mut ghost = Ghost::new();
        ghost.reserve(1000);
        (0..3000).for_each(|key| ghost.remember(hash(key)));
        assert!((0..2000).all(|key| !ghost.recall(hash(key))));
        let recalled = (2000..3000).filter(|key| ghost.recall(hash(*key))).count();
        assert!(recalled > 750, "only {recalled} of 1000 recalled");
    }

    #[test]
    fn growing_forgets_nothing() {
        let mut ghost = Ghost::new();
        ghost.reserve(16);
        (0..16).for_each(|key| ghost.remember(hash(key)));
        ghost.reserve(5000);
        let recalled = (0..16).filter(|key| ghost.recall(hash(*key))).count();
        assert!(recalled >= 15, "only {recalled} of 16 recalled");
        ghost.shrink(1);
        assert_eq!(ghost.cells.len(), MIN_CELLS);
    }
}
