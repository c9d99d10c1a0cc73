//! Byte-pair merging of one piece that is not itself a token.
//!
//! Always merges the pair of neighbours whose joined bytes have the lowest rank, the leftmost of
//! equals, until no pair of neighbours is a token: exactly tiktoken's order.
//!
//! Short pieces live in arrays on the stack and look at all pairs before each merge. Long ones keep
//! the places of all pairs in one bucket per rank, so that the whole is linear but for the heap of
//! distinct ranks; a megabyte of one letter is nothing special. That rests on a property of the
//! published tables (a merge never makes a pair of lower rank than its own), which a test checks;
//! other tables would be merged as exactly, but not in linear time.
//!
//! This file does not split text and does not look whether the whole piece is a token.

use std::cmp::Reverse;
use std::collections::hash_map::Entry;
use std::collections::{BinaryHeap, HashMap};
use std::hash::{BuildHasherDefault, Hasher};

use super::ranks::{NO_TOKEN, ORDER_LIMIT, Order, Ranks};

/// Longest piece merged on the stack: a place has to fit in seven bits.
const SHORT: usize = 128;

const _: () = assert!(ORDER_LIMIT as usize * SHORT - 1 <= i32::MAX as usize);

/// Pieces are merged in blocks of at most this many bytes, so that places fit in 32 bits.
///
/// Only a text with 4 GiB without a word break has more than one block; its count may be off by
/// one or two for each further 4 GiB.
const BLOCK: usize = u32::MAX as usize - 1;

/// Merges `text[start..end]` and gives the number of tokens; appends them to `out` if there is one.
///
/// O(length * merges) up to 128 bytes, O(length + ranks * log(ranks)) beyond.
#[inline]
pub(super) fn merge(
    ranks: &Ranks,
    text: &[u8],
    start: usize,
    end: usize,
    out: Option<&mut Vec<u32>>,
) -> usize {
    match end - start {
        0 => 0,
        len @ 1..=16 => merge_short::<16>(ranks, text, start, len, out),
        len @ 17..=32 => merge_short::<32>(ranks, text, start, len, out),
        len @ 33..=SHORT => merge_short::<SHORT>(ranks, text, start, len, out),
        _ => merge_long(ranks, &text[start..end], out),
    }
}

/// The whole array is searched for the lowest rank, so `N` is to be near `len`.
#[inline(never)]
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    reason = "orders have 24 bits and places 7, together less than `i32::MAX`"
)]
fn merge_short<const N: usize>(
    ranks: &Ranks,
    text: &[u8],
    start: usize,
    len: usize,
    out: Option<&mut Vec<u32>>,
) -> usize {
    const NONE: i32 = i32::MAX;
    // Order and place of a pair in one number: the least is the lowest rank, leftmost of equals.
    // Signed, because the oldest x86-64 compares four of those at once but not of unsigned ones.
    let order = |order: Order, place: usize| match order {
        NO_TOKEN => NONE,
        order => (order << 7) as i32 | place as i32,
    };
    let mut pairs = [NONE; N];
    // By the first byte of a token: where the token after it starts, and the one before it.
    let mut next: [u8; N] = std::array::from_fn(|place| place as u8 + 1);
    let mut previous: [u8; N] = std::array::from_fn(|place| (place as u8).wrapping_sub(1));
    for (place, pair) in text[start..start + len].windows(2).enumerate() {
        pairs[place] = order(ranks.pair(pair[0], pair[1]), place);
    }
    let mut count = len;
    loop {
        let least = pairs.iter().copied().fold(NONE, i32::min);
        if least == NONE {
            break;
        }
        let left = (least & 0x7F) as usize;
        let right = usize::from(next[left]);
        let after = usize::from(next[right]);
        count -= 1;
        pairs[right] = NONE;
        next[left] = after as u8;
        pairs[left] = if after < len {
            previous[after] = left as u8;
            let end = usize::from(next[after]);
            order(ranks.get_rare(text, start + left, start + end), left)
        } else {
            NONE
        };
        if left > 0 {
            let before = usize::from(previous[left]);
            pairs[before] = order(ranks.get_rare(text, start + before, start + after), before);
        }
    }
    if let Some(out) = out {
        let mut place = 0;
        while place < len {
            let end = usize::from(next[place]);
            out.push(ranks.rank(ranks.get(text, start + place, start + end)));
            place = end;
        }
    }
    count
}

/// A token of a long piece, at the index of its first byte.
struct Node {
    /// Start of the token before this one; meaningless for the first.
    previous: u32,
    /// Start of the token after this one: the length of the piece for the last.
    next: u32,
    /// Rank of this token joined with the next; [`NO_TOKEN`] also where no token starts any more.
    pair: u32,
}

/// Places by the rank of the pair there. A place whose pair has changed since stays in its old
/// bucket and is skipped: joined bytes only grow, so a pair never gets an old rank back.
#[derive(Default)]
struct Buckets {
    places: HashMap<u32, Vec<u32>, BuildHasherDefault<RankHasher>>,
    /// The keys of `places`.
    order: BinaryHeap<Reverse<u32>>,
    /// Emptied buckets, to be used again.
    spare: Vec<Vec<u32>>,
}

impl Buckets {
    fn push(&mut self, rank: u32, place: u32) {
        match self.places.entry(rank) {
            Entry::Occupied(mut bucket) => bucket.get_mut().push(place),
            Entry::Vacant(free) => {
                let mut bucket = self.spare.pop().unwrap_or_default();
                bucket.push(place);
                free.insert(bucket);
                self.order.push(Reverse(rank));
            }
        }
    }

    /// The bucket of the lowest rank, its places in order.
    #[expect(clippy::stable_sort_primitive, reason = "it finds the runs in the input")]
    fn pop(&mut self) -> Option<(u32, Vec<u32>)> {
        let Reverse(rank) = self.order.pop()?;
        let mut bucket = self.places.remove(&rank)?;
        // Filled by a few passes from left to right: a matter of joining these runs.
        bucket.sort();
        Some((rank, bucket))
    }

    /// Puts the rest of a bucket back, to go on with a lower rank first.
    fn put_back(&mut self, rank: u32, rest: &[u32]) {
        for &place in rest {
            self.push(rank, place);
        }
    }

    fn recycle(&mut self, mut bucket: Vec<u32>) {
        bucket.clear();
        self.spare.push(bucket);
    }
}

#[cold]
#[inline(never)]
pub(super) fn merge_long(ranks: &Ranks, piece: &[u8], mut out: Option<&mut Vec<u32>>) -> usize {
    piece.chunks(BLOCK).map(|block| merge_block(ranks, block, out.as_deref_mut())).sum()
}

#[expect(clippy::cast_possible_truncation, reason = "a block is shorter than 4 GiB")]
fn merge_block(ranks: &Ranks, piece: &[u8], out: Option<&mut Vec<u32>>) -> usize {
    let len = piece.len() as u32;
    let mut buckets = Buckets::default();
    let mut nodes: Vec<Node> = Vec::with_capacity(piece.len());
    for place in 0..len {
        let at = place as usize;
        let pair = piece.get(at + 1).map_or(NO_TOKEN, |&second| ranks.pair(piece[at], second));
        if pair != NO_TOKEN {
            buckets.push(pair, place);
        }
        nodes.push(Node { previous: place.wrapping_sub(1), next: place + 1, pair });
    }
    let mut count = piece.len();
    while let Some((rank, bucket)) = buckets.pop() {
        for (done, &left) in bucket.iter().enumerate() {
            if nodes[left as usize].pair != rank {
                continue;
            }
            count -= 1;
            let lowest = merge_at(ranks, piece, &mut nodes, &mut buckets, left);
            if lowest < rank {
                buckets.put_back(rank, &bucket[done + 1..]);
                break;
            }
        }
        buckets.recycle(bucket);
    }
    if let Some(out) = out {
        let mut place = 0;
        while place < piece.len() {
            let end = nodes[place].next as usize;
            out.push(ranks.rank(ranks.get(piece, place, end)));
            place = end;
        }
    }
    count
}

/// Joins the token at `left` with the next one; gives the lowest rank of the two new pairs.
fn merge_at(ranks: &Ranks, piece: &[u8], nodes: &mut [Node], buckets: &mut Buckets, left: u32) -> u32 {
    let right = nodes[left as usize].next;
    let after = nodes[right as usize].next;
    nodes[right as usize].pair = NO_TOKEN;
    nodes[left as usize].next = after;
    let mut pair = NO_TOKEN;
    if let Some(node) = nodes.get_mut(after as usize) {
        node.previous = left;
        pair = ranks.get_rare(piece, left as usize, node.next as usize);
    }
    nodes[left as usize].pair = pair;
    if pair != NO_TOKEN {
        buckets.push(pair, left);
    }
    let mut lowest = pair;
    if left > 0 {
        let before = nodes[left as usize].previous;
        let pair = ranks.get_rare(piece, before as usize, after as usize);
        nodes[before as usize].pair = pair;
        if pair != NO_TOKEN {
            buckets.push(pair, before);
        }
        lowest = lowest.min(pair);
    }
    lowest
}

/// Ranks are spread well enough by one multiplication.
#[derive(Default)]
struct RankHasher(u64);

impl Hasher for RankHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.write_u32(u32::from(byte));
        }
    }

    fn write_u32(&mut self, rank: u32) {
        self.0 = (self.0 ^ u64::from(rank)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        // The map takes its place from the low bits, the product's best ones are the high ones.
        self.0 ^= self.0 >> 32;
    }
}
