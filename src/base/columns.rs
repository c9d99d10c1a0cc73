//! A context as JavaScript hands it over, before it is checked; `document.rs` checks it.

use xxhash_rust::xxh3::Xxh3;

/// What JavaScript hands over.
#[derive(Debug, Default)]
pub struct Columns {
    /// One [`Kind`](super::document::Kind) a value, depth first, with [`ESCAPED_KEY`](super::document::ESCAPED_KEY) where it applies.
    pub kinds: Vec<u8>,
    /// For each value the index after its last descendant.
    pub ends: Vec<u32>,
    /// Bytes of the texts, in order: a value's key (if its parent is an object), then its text.
    pub lengths: Vec<u32>,
    /// The numbers, in order.
    pub numbers: Vec<f64>,
    /// All texts one after another, as UTF-8.
    pub text: Vec<u8>,
}

impl Columns {
    /// A hash of all columns: equal ones are the same context, read in the same order. O(bytes), some 10 GB/s. `seed` keeps
    /// whoever writes contexts from choosing it.
    pub fn fingerprint(&self, seed: u64) -> u128 {
        let mut hash = Xxh3::with_seed(seed);
        for len in
            [self.kinds.len(), self.ends.len(), self.lengths.len(), self.numbers.len(), self.text.len()]
        {
            hash.update(&len.to_le_bytes());
        }
        hash.update(&self.kinds);
        let mut bytes = Vec::with_capacity(self.ends.len().max(self.lengths.len()) * 4);
        for column in [&self.ends, &self.lengths] {
            bytes.clear();
            bytes.extend(column.iter().flat_map(|number| number.to_le_bytes()));
            hash.update(&bytes);
        }
        bytes.clear();
        bytes.extend(self.numbers.iter().flat_map(|number| number.to_bits().to_le_bytes()));
        hash.update(&bytes);
        hash.update(&self.text);
        hash.digest128()
    }
}
