//! Vectors as bytes, to be kept in a store: a version, the length, a checksum, the numbers; little-endian.

use xxhash_rust::xxh3::xxh3_64;

/// First byte of what this version writes.
const VERSION: u8 = 1;

/// A vector as bytes, of any length, and with every bit of its numbers.
pub fn encode(vector: &[f32]) -> Box<[u8]> {
    let numbers: Vec<u8> = vector.iter().flat_map(|number| number.to_le_bytes()).collect();
    let mut bytes = Vec::with_capacity(1 + 8 + 8 + numbers.len());
    bytes.push(VERSION);
    bytes.extend_from_slice(&(vector.len() as u64).to_le_bytes());
    bytes.extend_from_slice(&xxh3_64(&numbers).to_le_bytes());
    bytes.extend_from_slice(&numbers);
    bytes.into_boxed_slice()
}

/// The vector that [`encode`] was given; `None` if the bytes are of another version or not as they were written.
pub fn decode(bytes: &[u8]) -> Option<Vec<f32>> {
    let (&version, rest) = bytes.split_first()?;
    let (&len, rest) = rest.split_first_chunk()?;
    let (&checksum, numbers) = rest.split_first_chunk()?;
    let (words, excess) = numbers.as_chunks();
    let sound = version == VERSION
        && u64::from_le_bytes(len) == words.len() as u64
        && excess.is_empty()
        && u64::from_le_bytes(checksum) == xxh3_64(numbers);
    sound.then(|| words.iter().map(|&word| f32::from_le_bytes(word)).collect())
}
