//! A map by hash that is bounded by bytes: what was not used for longest goes first.

use hashbrown::HashMap;

/// What an entry takes besides its value: its place in the map.
const ENTRY_BYTES: usize = 64;

/// A part more goes than must, so that not every call has to look for the oldest.
const SLACK: usize = 10;

#[derive(Debug)]
pub(crate) struct Recent<V> {
    entries: HashMap<u128, Entry<V>>,
    /// Counts uses.
    now: u64,
    bytes: usize,
    max_bytes: usize,
}

#[derive(Debug)]
struct Entry<V> {
    value: V,
    used: u64,
    bytes: usize,
}

impl<V> Recent<V> {
    /// An empty map of at most `max_bytes` after each [`shrink`](Self::shrink).
    pub(crate) fn new(max_bytes: usize) -> Self {
        Self { entries: HashMap::new(), now: 0, bytes: 0, max_bytes }
    }

    /// The value with this hash: a use of it.
    pub(crate) fn get(&mut self, hash: u128) -> Option<&V> {
        self.now += 1;
        let entry = self.entries.get_mut(&hash)?;
        entry.used = self.now;
        Some(&entry.value)
    }

    /// Adds or replaces a value of about so many bytes.
    pub(crate) fn insert(&mut self, hash: u128, value: V, bytes: usize) {
        self.now += 1;
        let bytes = bytes + ENTRY_BYTES;
        self.bytes += bytes;
        if let Some(old) = self.entries.insert(hash, Entry { value, used: self.now, bytes }) {
            self.bytes -= old.bytes;
        }
    }

    /// Counts anew what values take, if they are there.
    pub(crate) fn measure(&mut self, hashes: impl Iterator<Item = u128>, bytes_of: impl Fn(&V) -> usize) {
        for hash in hashes {
            if let Some(entry) = self.entries.get_mut(&hash) {
                let bytes = bytes_of(&entry.value) + ENTRY_BYTES;
                self.bytes = self.bytes - entry.bytes + bytes;
                entry.bytes = bytes;
            }
        }
    }

    /// Takes out what is too much, for the caller to drop where it holds no lock.
    pub(crate) fn shrink(&mut self) -> Vec<V> {
        if self.bytes <= self.max_bytes {
            return Vec::new();
        }
        let mut oldest: Vec<(u64, u128)> =
            self.entries.iter().map(|(hash, entry)| (entry.used, *hash)).collect();
        oldest.sort_unstable();
        let mut gone = Vec::new();
        for (_, hash) in oldest {
            if self.bytes <= self.max_bytes - self.max_bytes / SLACK {
                break;
            }
            if let Some(entry) = self.entries.remove(&hash) {
                self.bytes -= entry.bytes;
                gone.push(entry.value);
            }
        }
        gone
    }

    /// Changes the bound; [`shrink`](Self::shrink) brings it about.
    pub(crate) fn set_max_bytes(&mut self, max_bytes: usize) {
        self.max_bytes = max_bytes;
    }

    /// Bytes of the map, and of the values as they were measured.
    pub(crate) fn held_bytes(&self) -> usize {
        self.entries.allocation_size() + self.bytes - self.entries.len() * ENTRY_BYTES
    }

    /// Takes out everything, for the caller to drop where it holds no lock.
    pub(crate) fn clear(&mut self) -> impl Sized + use<V> {
        self.bytes = 0;
        std::mem::take(&mut self.entries)
    }

    /// Number of values.
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Bytes held.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_used_for_longest_goes_first() {
        let mut recent = Recent::new(10 * 1064);
        for hash in 0..10 {
            recent.insert(hash, hash, 1000);
        }
        assert!(recent.shrink().is_empty());
        assert_eq!(recent.get(0), Some(&0));
        recent.insert(10, 10, 1000);
        assert_eq!(recent.shrink(), [1, 2], "a tenth more than must go");
        assert_eq!((recent.len(), recent.bytes()), (9, 9 * 1064));
        assert_eq!(recent.get(0), Some(&0));
        assert_eq!(recent.get(1), None);
    }

    #[test]
    fn replaced_and_measured_values_count_once() {
        let mut recent = Recent::new(10_000);
        recent.insert(1, "a", 100);
        recent.insert(1, "b", 200);
        assert_eq!(recent.bytes(), 264);
        recent.measure([1, 2].into_iter(), |_| 36);
        assert_eq!(recent.bytes(), 100);
    }
}
