//! A count-min sketch of how often keys were used of late: 4-bit counters, halved at times so that old
//! popularity fades (the ageing of `TinyLFU`, Einziger, Friedman and Manes 2017).
//!
//! It keeps no keys: two keys that share all four counters share their estimate.

/// Words of the smallest table.
const MIN_WORDS: usize = 64;

/// Uses counted per word before all counters are halved: `TinyLFU`'s sample of ten times the cache's entries.
const SAMPLE_PER_WORD: usize = 10;

/// The highest count of a 4-bit counter.
const MAX_COUNT: u64 = 15;

/// Low three bits of every counter.
const HALVED: u64 = 0x7777_7777_7777_7777;

/// Counters in words of sixteen, one word per entry of the cache: 8 bytes per entry.
pub(super) struct Sketch {
    words: Vec<u64>,
    counted: usize,
}

impl Sketch {
    /// A sketch for a small cache; grows with [`Sketch::reserve`].
    pub(super) fn new() -> Self {
        Self { words: vec![0; MIN_WORDS], counted: 0 }
    }

    /// Grows the table for `entries` entries. Estimates stay: both halves of a doubled table start as copies.
    /// O(table) when it grows, which doubling makes O(1) amortized per entry.
    pub(super) fn reserve(&mut self, entries: usize) {
        while self.words.len() < entries {
            self.words.extend_from_within(..);
        }
    }

    /// Shrinks the table for `entries` entries by folding: the larger of the two counts stays.
    pub(super) fn shrink(&mut self, entries: usize) {
        let wanted = entries.checked_next_power_of_two().unwrap_or(usize::MAX).max(MIN_WORDS);
        while self.words.len() > wanted {
            let half = self.words.len() / 2;
            let upper = self.words.split_off(half);
            for (low, high) in self.words.iter_mut().zip(upper) {
                *low = larger_counts(*low, high);
            }
        }
        self.words.shrink_to_fit();
    }

    /// Bytes that it holds. O(1).
    pub(super) fn held_bytes(&self) -> usize {
        self.words.capacity() * size_of::<u64>()
    }

    /// Counts one use. O(1) amortized over the halving.
    pub(super) fn count(&mut self, hash: u64) {
        let mask = self.words.len() - 1;
        let mut added = false;
        for (word, shift) in places(hash) {
            let word = &mut self.words[word & mask];
            if (*word >> shift) & MAX_COUNT < MAX_COUNT {
                *word += 1 << shift;
                added = true;
            }
        }
        if added {
            self.counted += 1;
            if self.counted >= self.words.len() * SAMPLE_PER_WORD {
                self.age();
            }
        }
    }

    /// How often a key was used of late, 0 to 15; never less than the truth since the last halving. O(1).
    pub(super) fn estimate(&self, hash: u64) -> u64 {
        let mask = self.words.len() - 1;
        places(hash).map(|(word, shift)| (self.words[word & mask] >> shift) & MAX_COUNT).min().unwrap_or(0)
    }

    fn age(&mut self) {
        for word in &mut self.words {
            *word = (*word >> 1) & HALVED;
        }
        self.counted /= 2;
    }
}

/// The four counters of a key: word number (to be masked) and shift. Row `i` uses the counters `4 i .. 4 i + 4` of
/// each word, so that rows never share a counter.
fn places(hash: u64) -> impl Iterator<Item = (usize, u32)> {
    let spread = hash.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let step = (spread >> 32) | 1;
    (0..4_u32).map(move |row| {
        let word = (spread >> 7).wrapping_add(u64::from(row).wrapping_mul(step.rotate_left(row * 9)));
        let column = (hash >> (row * 2 + 48)) & 3;
        #[expect(
            clippy::cast_possible_truncation,
            reason = "the word is masked to the table, the column is below 4"
        )]
        let place = ((word ^ (word >> 29)) as usize, (row * 4 + column as u32) * 4);
        place
    })
}

/// Per 4-bit counter the larger of two.
fn larger_counts(a: u64, b: u64) -> u64 {
    (0..16).fold(0, |all, counter| {
        let shift = counter * 4;
        all | (((a >> shift) & MAX_COUNT).max((b >> shift) & MAX_COUNT) << shift)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(key: u64) -> u64 {
        xxhash_rust::xxh3::xxh3_64(&key.to_le_bytes())
    }

    #[test]
    fn a_key_is_never_estimated_below_its_uses() {
        let mut sketch = Sketch::new();
        sketch.reserve(1000);
        for key in 0..500 {
            for _ in 0..key % 8 {
                sketch.count(hash(key));
            }
        }
        assert!((0..500).all(|key| sketch.estimate(hash(key)) >= key % 8));
        let exact = (0..500).filter(|key| sketch.estimate(hash(*key)) == key % 8).count();
        assert!(exact > 480, "only {exact} of 500 estimates are exact");
    }

    #[test]
    fn old_popularity_fades() {
        let mut sketch = Sketch::new();
        (0..15).for_each(|_| sketch.count(hash(1)));
        assert_eq!(sketch.estimate(hash(1)), 15);
        (1000..1000 + 3 * (MIN_WORDS * SAMPLE_PER_WORD) as u64).for_each(|key| sketch.count(hash(key)));
        assert!(sketch.estimate(hash(1)) < 12);
    }

    #[test]
    fn growing_and_shrinking_never_lower_an_estimate() {
        let mut sketch = Sketch::new();
        (0..30).for_each(|key| (0..key % 6).for_each(|_| sketch.count(hash(key))));
        let before: Vec<u64> = (0..30).map(|key| sketch.estimate(hash(key))).collect();
        sketch.reserve(5000);
        let grown: Vec<u64> = (0..30).map(|key| sketch.estimate(hash(key))).collect();
        assert_eq!(before, grown);
        sketch.shrink(1);
        assert!((0..30).zip(before).all(|(key, count)| sketch.estimate(hash(key)) >= count));
    }
}
