//! The rank table of one encoding: which byte strings are tokens, and in what order they merge.
//!
//! The table is embedded packed (see [`Ranks::load`] for the layout), decompressed at first use and
//! indexed by one open-addressing hash table plus direct tables for one and two bytes. Memory is
//! kept small (2 MB of slots for `o200k_base`), because at first use fresh pages cost more time
//! than hashing does.
//!
//! This file knows nothing of text, Unicode or merging: it only answers "where do these bytes stand
//! in the order of tokens?". It does not read `.tiktoken` text files; `examples/pack_ranks.rs`
//! does that, off line.

use std::sync::OnceLock;

use crate::base::held::register_for_good;

/// What tables are counted as.
pub(super) const TABLES: &str = "token tables";

/// Where a token stands in the order of merging: lower is merged first.
///
/// It is the place of its bytes in the unpacked table and not the rank itself. As the table is in
/// rank order, both have the same order, and the place saves a table of places by rank.
pub(super) type Order = u32;

/// The answer for a byte string that is not a token; above every [`Order`].
pub(super) const NO_TOKEN: Order = Order::MAX;

/// Every [`Order`] of a token is below this.
pub(super) const ORDER_LIMIT: Order = 1 << 24;

/// Room for the decompressed tables; `o200k_base` needs 1.6 MB.
const UNPACKED_LIMIT: usize = 4 << 20;

/// Bits of the filter. A bit is set for some 10 % of the strings that are no tokens.
const FILTER_BITS: u32 = 21;

/// Constants with evenly spread bits, for the multiply-and-fold hash.
const MIX: [u64; 3] = [0x9E37_79B9_7F4A_7C15, 0xD1B5_4A32_D192_ED03, 0xA24B_AED4_963E_E407];

/// All tokens of one encoding, by their bytes.
pub(super) struct Ranks {
    /// `tag << 32 | len << 24 | order`, or 0 where the place is free: no token is empty.
    slots: Box<[u64]>,
    /// `64 - log2(slots.len())`: the top bits of a hash choose the slot.
    shift: u32,
    /// One bit per low bits of a hash, set for tokens: rejects most strings that are no tokens
    /// without a walk through the slots. Merging mostly asks for such strings.
    filter: Box<[u64]>,
    /// By first byte + 256 * second byte: merging starts with all pairs of a piece.
    pairs: Box<[Order; 1 << 16]>,
    singles: Box<[Order; 256]>,
    /// The unpacked table; see [`Ranks::load`].
    unpacked: Vec<u8>,
    longest: usize,
    /// The order of every rank, made when ranks are asked for.
    by_rank: OnceLock<Vec<Order>>,
}

impl Ranks {
    /// Decompresses and indexes an embedded table.
    ///
    /// Layout before compression: `count: u32` little-endian, then `count` lengths of one byte,
    /// then the bytes of all tokens in rank order. Lengths and bytes are kept apart because that
    /// compresses 5 % better than one stream of both.
    ///
    /// O(total bytes).
    pub(super) fn load(packed: &[u8]) -> Self {
        let mut unpacked = zstd::bulk::decompress(packed, UNPACKED_LIMIT)
            .expect("invariant: the embedded rank table is a whole zstd frame");
        unpacked.shrink_to_fit();
        let ranks = Self::index(unpacked);
        let bytes = ranks.held_bytes() as u64;
        register_for_good(TABLES, move || bytes);
        ranks
    }

    /// Bytes that it holds, except `by_rank`.
    fn held_bytes(&self) -> usize {
        size_of_val(&*self.slots)
            + size_of_val(&*self.filter)
            + size_of_val(&*self.pairs)
            + size_of_val(&*self.singles)
            + self.unpacked.capacity()
    }

    /// Indexes a decompressed table.
    pub(super) fn index(unpacked: Vec<u8>) -> Self {
        let (lengths, first) = split(&unpacked);
        // At most 80 % full: the filter keeps most of the misses out, for which that is too much.
        let capacity = (lengths.len() + lengths.len() / 4).next_power_of_two();
        let shift = 64 - capacity.trailing_zeros();
        let mut slots = vec![0_u64; capacity].into_boxed_slice();
        let mut filter = vec![0_u64; 1 << (FILTER_BITS - 6)].into_boxed_slice();
        let mut pairs: Box<[Order; 1 << 16]> =
            vec![NO_TOKEN; 1 << 16].into_boxed_slice().try_into().expect("invariant: made with that length");
        let mut singles = Box::new([NO_TOKEN; 256]);
        let mut start = first;
        let mut longest = 0;
        for &len in lengths {
            let end = start + usize::from(len);
            let order = Order::try_from(start)
                .ok()
                .filter(|&order| order < ORDER_LIMIT)
                .expect("invariant: the unpacked table is far below 16 MB");
            match unpacked[start..end] {
                [byte] => singles[usize::from(byte)] = order,
                [a, b] => pairs[usize::from(u16::from_le_bytes([a, b]))] = order,
                _ => {
                    let hash = hash(&unpacked, start, end);
                    let mut at = place(hash, shift);
                    while slots[at] != 0 {
                        at = (at + 1) & (capacity - 1);
                    }
                    slots[at] = tag(hash) | u64::from(len) << 24 | u64::from(order);
                    let (word, bit) = filter_place(hash);
                    filter[word] |= bit;
                }
            }
            longest = longest.max(usize::from(len));
            start = end;
        }
        Self { slots, shift, filter, pairs, singles, unpacked, longest, by_rank: OnceLock::new() }
    }

    /// The order of two bytes, or [`NO_TOKEN`].
    #[inline]
    pub(super) fn pair(&self, a: u8, b: u8) -> Order {
        self.pairs[usize::from(u16::from_le_bytes([a, b]))]
    }

    /// The order of `text[start..end]`, or [`NO_TOKEN`]. O(length), at most O(longest token).
    ///
    /// Takes the text around the bytes so that up to eight of them are one load, even where fewer
    /// are asked for.
    #[inline]
    pub(super) fn get(&self, text: &[u8], start: usize, end: usize) -> Order {
        match end - start {
            0 => NO_TOKEN,
            1 => self.singles[usize::from(text[start])],
            2 => self.pair(text[start], text[start + 1]),
            len if len <= self.longest => self.find(text, start, end, hash(text, start, end)),
            _ => NO_TOKEN,
        }
    }

    /// The same as [`get`](Self::get) for three bytes and more, fast if the answer is "no".
    #[inline]
    pub(super) fn get_rare(&self, text: &[u8], start: usize, end: usize) -> Order {
        if end - start > self.longest {
            return NO_TOKEN;
        }
        let hash = hash(text, start, end);
        let (word, bit) = filter_place(hash);
        if self.filter[word] & bit == 0 {
            return NO_TOKEN;
        }
        self.find(text, start, end, hash)
    }

    #[inline]
    fn find(&self, text: &[u8], start: usize, end: usize, hash: u64) -> Order {
        let len = end - start;
        let wanted = tag(hash) | (len as u64) << 24;
        let mut at = place(hash, self.shift);
        loop {
            let slot = self.slots[at];
            if slot == 0 {
                return NO_TOKEN;
            }
            // Tag and length say "almost certainly"; the bytes decide.
            if (slot ^ wanted) < u64::from(ORDER_LIMIT) {
                let order = order_of(slot);
                if self.same(order as usize, text, start, len) {
                    return order;
                }
            }
            at = (at + 1) & (self.slots.len() - 1);
        }
    }

    #[inline]
    fn same(&self, order: usize, text: &[u8], start: usize, len: usize) -> bool {
        if len <= 8 {
            load_short(&self.unpacked, order, len) == load_short(text, start, len)
        } else {
            self.unpacked[order..order + len] == text[start..start + len]
        }
    }

    /// The rank of the token with this order, as tiktoken numbers it. O(log(tokens)).
    pub(super) fn rank(&self, order: Order) -> u32 {
        let by_rank = self.by_rank.get_or_init(|| {
            let (lengths, first) = split(&self.unpacked);
            let mut next = Order::try_from(first).expect("invariant: checked by `index`");
            let starts = lengths.iter().map(|&len| {
                let order = next;
                next += Order::from(len);
                order
            });
            starts.collect()
        });
        let rank = by_rank.partition_point(|&start| start < order);
        u32::try_from(rank).expect("invariant: the count of tokens is a u32")
    }

    /// All tokens in rank order.
    #[cfg(test)]
    pub(super) fn tokens(&self) -> impl Iterator<Item = &[u8]> {
        let (lengths, mut start) = split(&self.unpacked);
        lengths.iter().map(move |&len| {
            let from = start;
            start += usize::from(len);
            &self.unpacked[from..start]
        })
    }
}

/// The lengths of all tokens, and where in `unpacked` the bytes of the first one start.
fn split(unpacked: &[u8]) -> (&[u8], usize) {
    let (count, rest) =
        unpacked.split_first_chunk::<4>().expect("invariant: the embedded rank table starts with its count");
    let count = usize::try_from(u32::from_le_bytes(*count)).expect("invariant: a token count fits in memory");
    (&rest[..count], 4 + count)
}

#[inline]
#[expect(clippy::cast_possible_truncation, reason = "masked to 24 bits")]
fn order_of(slot: u64) -> Order {
    slot as Order & (ORDER_LIMIT - 1)
}

/// The part of a hash that is stored in the slot; other bits than those that choose the slot.
#[inline]
fn tag(hash: u64) -> u64 {
    hash << 32
}

/// Where the probing for a hash starts.
#[inline]
#[expect(clippy::cast_possible_truncation, reason = "at most 2^20 slots")]
fn place(hash: u64, shift: u32) -> usize {
    (hash >> shift) as usize
}

#[inline]
fn filter_place(hash: u64) -> (usize, u64) {
    let word = (hash >> 6) as usize & ((1 << (FILTER_BITS - 6)) - 1);
    (word, 1 << (hash & 63))
}

/// The hash of three bytes or more.
#[inline]
fn hash(text: &[u8], start: usize, end: usize) -> u64 {
    match end - start {
        len if len <= 8 => fold(load_short(text, start, len) ^ MIX[1], MIX[0]),
        _ => hash_long(&text[start..end]),
    }
}

/// The low and high halves of the 128-bit product, combined: every input bit reaches every part.
#[inline]
#[expect(clippy::cast_possible_truncation, reason = "splitting a product into halves")]
fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    product as u64 ^ (product >> 64) as u64
}

/// `text[start..start + len]` as a little-endian number; `len` is 1 to 8.
#[inline]
fn load_short(text: &[u8], start: usize, len: usize) -> u64 {
    match text[start..].first_chunk::<8>() {
        Some(bytes) => u64::from_le_bytes(*bytes) & (u64::MAX >> (64 - 8 * len)),
        None => text[start..start + len].iter().rev().fold(0, |number, &byte| number << 8 | u64::from(byte)),
    }
}

/// Hash of more than eight bytes.
#[inline]
fn hash_long(bytes: &[u8]) -> u64 {
    let load = |at: usize| bytes[at..].first_chunk::<8>().map_or(0, |chunk| u64::from_le_bytes(*chunk));
    let mut state = MIX[1] ^ bytes.len() as u64;
    let mut at = 0;
    while bytes.len() - at > 16 {
        state = fold(load(at) ^ state, load(at + 8) ^ MIX[2]);
        at += 16;
    }
    // The last 16 bytes, read from the end: the two loads overlap where fewer are left.
    let tail = bytes.len().saturating_sub(16);
    fold(load(tail) ^ state, load(bytes.len() - 8) ^ MIX[2])
}
