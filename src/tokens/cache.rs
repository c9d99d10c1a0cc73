//! A small cache of token counts by piece, one per thread.
//!
//! Words repeat, within a text and from text to text, and one look at 96 KB of counts is cheaper
//! than one at the megabytes of the rank table, not to speak of a merge: source code is counted a
//! third faster with it. Always exact: an entry holds the whole piece.
//!
//! Deliberately left out: pieces over 16 bytes, the last 16 bytes of a text (a piece is read in one
//! load, which must not pass the end), token ids, and eviction other than by overwriting.

use std::cell::Cell;
use std::sync::Once;

use super::Encoding;
use crate::base::held::{Tally, register_for_good};

/// log2 of the number of entries. More hits with more of them, but more misses of the processor's
/// own caches too; flat from 12 on.
const BITS: u32 = 12;

thread_local! {
    /// The caches of this thread, by encoding, while no count is running.
    static IDLE: [Cell<Option<Cache>>; Encoding::ALL.len()] = const { [const { Cell::new(None) }; Encoding::ALL.len()] };
}

/// Bytes of the caches of all threads.
static HELD: Tally = Tally::new();
static IS_REGISTERED: Once = Once::new();

/// Token counts of pieces in one encoding.
pub(super) struct Cache {
    entries: Box<[Entry; 1 << BITS]>,
}

/// A piece, padded with zeros, its length in bytes, and its number of tokens.
#[derive(Clone, Copy, Debug)]
struct Entry {
    piece: [u64; 2],
    len: u32,
    count: u32,
}

/// A piece that may be cached.
#[derive(Clone, Copy)]
pub(super) struct Key {
    piece: [u64; 2],
    len: u32,
}

impl Cache {
    /// The cache of this thread, made if need be; to be given back by [`Self::park`].
    pub(super) fn take(encoding: Encoding) -> Self {
        // At the end of a thread there may be no idle caches any more.
        IDLE.try_with(|idle| idle[encoding as usize].take()).ok().flatten().unwrap_or_else(Self::new)
    }

    fn new() -> Self {
        // No piece has length 0, so this entry is never found.
        let free = Entry { piece: [0; 2], len: 0, count: 0 };
        let entries = vec![free; 1 << BITS].into_boxed_slice();
        let entries = entries.try_into().expect("invariant: made with that length");
        IS_REGISTERED.call_once(|| register_for_good("token counts", || HELD.bytes()));
        HELD.add(size_of::<[Entry; 1 << BITS]>());
        Self { entries }
    }

    /// Keeps the cache for the next text of this thread.
    pub(super) fn park(self, encoding: Encoding) {
        // An error says that the thread ends: nothing to keep it for.
        let _ = IDLE.try_with(|idle| idle[encoding as usize].set(Some(self)));
    }

    /// The key of `text[start..end]`, if the cache takes such pieces.
    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "halves of a number, and at most 16")]
    pub(super) fn key(text: &[u8], start: usize, end: usize) -> Option<Key> {
        let len = end - start;
        // One and two bytes are a single look into small tables anyway.
        if !(3..=16).contains(&len) {
            return None;
        }
        let bytes = text[start..].first_chunk::<16>()?;
        let bits = u128::from_le_bytes(*bytes) & (u128::MAX >> (128 - 8 * len));
        Some(Key { piece: [bits as u64, (bits >> 64) as u64], len: len as u32 })
    }

    /// The count stored for this piece.
    #[inline]
    pub(super) fn get(&self, key: Key) -> Option<usize> {
        let entry = &self.entries[key.place()];
        (entry.piece == key.piece && entry.len == key.len).then_some(entry.count as usize)
    }

    /// Stores the count of a piece, over that of any other piece in the same place.
    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "at most 16")]
    pub(super) fn put(&mut self, key: Key, count: usize) {
        let Key { piece, len } = key;
        self.entries[key.place()] = Entry { piece, len, count: count as u32 };
    }
}

impl Drop for Cache {
    fn drop(&mut self) {
        HELD.subtract(size_of::<[Entry; 1 << BITS]>());
    }
}

impl Key {
    #[inline]
    fn place(self) -> usize {
        let [low, high] = self.piece;
        let mixed = (low ^ high.rotate_left(29)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        (mixed >> (64 - BITS)) as usize
    }
}
