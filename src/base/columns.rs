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
        let Self { kinds, ends, lengths, numbers, text } = self;
        Borrowed { kinds, ends, lengths, numbers, text }.fingerprint(seed)
    }
}

/// The same where JavaScript has it: to be copied only if it has to be read.
#[derive(Debug, Clone, Copy)]
#[expect(missing_docs, reason = "as those of `Columns`")]
pub struct Borrowed<'a> {
    pub kinds: &'a [u8],
    pub ends: &'a [u32],
    pub lengths: &'a [u32],
    pub numbers: &'a [f64],
    pub text: &'a [u8],
}

impl Borrowed<'_> {
    /// As that of [`Columns`].
    pub fn fingerprint(&self, seed: u64) -> u128 {
        let Self { kinds, ends, lengths, numbers, text } = *self;
        let mut hash = Xxh3::with_seed(seed);
        for len in [kinds.len(), ends.len(), lengths.len(), numbers.len(), text.len()] {
            hash.update(&len.to_le_bytes());
        }
        hash.update(kinds);
        for column in [ends, lengths] {
            update(&mut hash, column, u32::to_le_bytes);
        }
        update(&mut hash, numbers, |number| number.to_bits().to_le_bytes());
        hash.update(text);
        hash.digest128()
    }

    /// A copy. O(bytes).
    pub fn to_columns(self) -> Columns {
        Columns {
            kinds: self.kinds.to_vec(),
            ends: self.ends.to_vec(),
            lengths: self.lengths.to_vec(),
            numbers: self.numbers.to_vec(),
            text: self.text.to_vec(),
        }
    }
}

/// Numbers that are written out at a time: few enough to stay in the processor's nearest cache.
const CHUNK: usize = 512;

/// Hashes a column of numbers as bytes, without a copy of all of it.
fn update<T: Copy, const N: usize>(hash: &mut Xxh3, column: &[T], to_bytes: impl Fn(T) -> [u8; N]) {
    let mut bytes = [[0; N]; CHUNK];
    for chunk in column.chunks(CHUNK) {
        for (out, &number) in bytes.iter_mut().zip(chunk) {
            *out = to_bytes(number);
        }
        hash.update(bytes[..chunk.len()].as_flattened());
    }
}
