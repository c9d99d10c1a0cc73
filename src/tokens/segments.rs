//! Exact counts of texts that were counted before but for a part of them.
//!
//! A text is cut into segments at places where both encodings always begin a new piece, so that the counts of the
//! segments add up to the count of the text. The places are chosen by content: a change moves the cuts next to it and no
//! others. Counts of segments are remembered by hash: of a context of which a hundredth has changed, a hundredth is
//! counted again.
//!
//! Where a cut is safe: behind an ASCII letter or digit and before an ASCII sign or space that is no apostrophe. In both
//! patterns (`pretokenizer.rs`) letters are followed in their piece by letters, marks or a contraction only, digits by
//! digits only, and neither pattern looks behind. Commas, points and opening brackets are looked at first, as they are easy to find.

use std::hash::{BuildHasher, RandomState};

use hashbrown::HashMap;
use parking_lot::Mutex;
use xxhash_rust::xxh3::xxh3_128_with_seed;

use super::Encoding;
use crate::base::footprint::{Footprint, Relief};
use crate::base::held::REDUCED;
use crate::base::threads::AtWork;

/// Bytes before the next cut is looked for: what is skipped costs nothing.
const MIN_BYTES: usize = 1024;
/// Bytes from which on any safe place may be one: the others are rare in this text.
const RARE_BYTES: usize = 3072;
/// One of so many of these is: some 1 KB further.
const RARE_PLACES_A_CUT: u64 = 128;
/// Bytes from which on the next safe place is taken, whatever the content.
const MAX_BYTES: usize = 8192;
/// One of so many safe places is a cut: some 1.3 KB a segment in text, code and JSON.
const PLACES_A_CUT: u64 = 8;
/// Segments remembered in each of two generations: together some 100 MB of text in 8 MB.
const MAX_SEGMENTS: usize = 32_768;
/// Shorter texts are counted as one.
const SMALL: usize = 2048;

/// Counts texts of one encoding and remembers the counts of their segments.
#[derive(Debug)]
pub(super) struct SegmentCounter {
    encoding: Encoding,
    /// Keeps whoever writes texts from making two with one count.
    seed: u64,
    known: Mutex<Generations>,
}

/// One segment of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Counted {
    /// Of its bytes: enough to see where two texts part, not to know a text by.
    hash: u64,
    pub(super) tokens: u32,
}

/// Tokens of the segments with which both texts begin.
pub(super) fn common_prefix(a: &[Counted], b: &[Counted]) -> u64 {
    a.iter().zip(b).take_while(|(a, b)| a == b).map(|(a, _)| u64::from(a.tokens)).sum()
}

/// The older generation goes as a whole when the younger one is full.
#[derive(Debug)]
struct Generations {
    young: HashMap<u128, u32>,
    old: HashMap<u128, u32>,
    /// In each.
    most: usize,
}

impl Generations {
    fn new(most: usize) -> Self {
        Self { young: HashMap::new(), old: HashMap::new(), most }
    }

    fn get(&mut self, key: u128) -> Option<u32> {
        if let Some(&count) = self.young.get(&key) {
            return Some(count);
        }
        let count = *self.old.get(&key)?;
        self.put(key, count);
        Some(count)
    }

    fn put(&mut self, key: u128, count: u32) {
        if self.young.len() >= self.most {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(key, count);
    }
}

impl SegmentCounter {
    /// A counter that remembers nothing yet.
    pub(super) fn new(encoding: Encoding) -> Self {
        Self {
            encoding,
            seed: RandomState::new().hash_one(0),
            known: Mutex::new(Generations::new(MAX_SEGMENTS)),
        }
    }

    /// Tokens of `text`, exactly. O(text) to find the segments, some 2 GB/s; what is new is counted.
    pub(super) fn count(&self, text: &str) -> u64 {
        if text.len() <= SMALL {
            return self.encoding.tokenizer().count(text) as u64;
        }
        self.segments(text).into_iter().map(|segment| u64::from(segment.tokens)).sum()
    }

    /// The segments of `text` with their tokens; together they have those of `text`.
    pub(super) fn segments(&self, text: &str) -> Vec<Counted> {
        let tokenizer = self.encoding.tokenizer();
        let mut counted = Vec::with_capacity(text.len() / MIN_BYTES + 1);
        let mut unknown = Vec::new();
        {
            let mut known = self.known.lock();
            for segment in (Segments { rest: text }) {
                let key = xxh3_128_with_seed(segment.as_bytes(), self.seed);
                let tokens = known.get(key);
                if tokens.is_none() {
                    unknown.push((counted.len(), key, segment));
                }
                counted.push(Counted { hash: low(key), tokens: tokens.unwrap_or(0) });
            }
        }
        let counts = count_all(&unknown, |(_, _, segment)| {
            // A segment has no more tokens than bytes, and texts of a context have less than 4 GB.
            u32::try_from(tokenizer.count(segment)).unwrap_or(u32::MAX)
        });
        for ((at, ..), tokens) in unknown.iter().zip(counts) {
            counted[*at].tokens = tokens;
        }
        if !unknown.is_empty() {
            let mut known = self.known.lock();
            for (at, key, _) in unknown {
                known.put(key, counted[at].tokens);
            }
        }
        counted
    }

    /// Forgets all counts.
    pub(super) fn clear(&self) {
        let mut known = self.known.lock();
        *known = Generations::new(known.most);
    }
}

/// From so many segments on, some 80 KB, another thread is worth its start.
const SEGMENTS_A_THREAD: usize = 64;

/// Most threads that count one text.
const MAX_THREADS: usize = 4;

/// `count` of every segment, on several threads if they are many and processors are free.
fn count_all<T: Sync>(segments: &[T], count: impl Fn(&T) -> u32 + Sync) -> Vec<u32> {
    let extra = AtWork::extra((segments.len() / SEGMENTS_A_THREAD).min(MAX_THREADS).saturating_sub(1));
    let each = segments.len().div_ceil(extra.count() + 1).max(1);
    let count_part = |part: &[T]| part.iter().map(&count).collect::<Vec<u32>>();
    std::thread::scope(|scope| {
        let mut parts = segments.chunks(each);
        let own = parts.next().unwrap_or_default();
        let others: Vec<_> = parts.map(|part| scope.spawn(move || count_part(part))).collect();
        let mut counts = count_part(own);
        for other in others {
            match other.join() {
                Ok(part) => counts.extend(part),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        counts
    })
}

impl Footprint for SegmentCounter {
    fn held(&self, row: &mut dyn FnMut(&'static str, u64)) {
        let known = self.known.lock();
        row("token counts", (known.young.allocation_size() + known.old.allocation_size()) as u64);
    }

    fn relieve(&self, relief: Relief) {
        let mut known = self.known.lock();
        if relief == Relief::Drop {
            *known = Generations::new(MAX_SEGMENTS / usize::try_from(REDUCED).unwrap_or(1));
        } else {
            known.most = MAX_SEGMENTS;
        }
    }
}

#[expect(clippy::cast_possible_truncation, reason = "the lower half is meant")]
fn low(hash: u128) -> u64 {
    hash as u64
}

/// The segments of a text, in order; together they are the text.
struct Segments<'a> {
    rest: &'a str,
}

impl<'a> Iterator for Segments<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        if self.rest.is_empty() {
            return None;
        }
        let (segment, rest) = self.rest.split_at(end(self.rest.as_bytes()));
        self.rest = rest;
        Some(segment)
    }
}

/// Where the first segment ends.
fn end(text: &[u8]) -> usize {
    let from = MIN_BYTES.min(text.len());
    let until = RARE_BYTES.min(text.len());
    let easy = memchr::memchr3_iter(b',', b'.', b'(', &text[from..until]).map(|place| from + place);
    if let Some(at) = easy.into_iter().find(|&at| is_safe(text, at) && is_chosen(text, at, PLACES_A_CUT)) {
        return at;
    }
    let mut rest = until..text.len();
    rest.find(|&at| is_safe(text, at) && (at >= MAX_BYTES || is_chosen(text, at, RARE_PLACES_A_CUT)))
        .unwrap_or(text.len())
}

/// Whether the eight bytes before a place make it one of so many.
fn is_chosen(text: &[u8], at: usize, places_a_cut: u64) -> bool {
    let before = *text[..at].last_chunk::<8>().expect("invariant: a segment has its minimum before a cut");
    let mixed = u64::from_le_bytes(before).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32;
    mixed.is_multiple_of(places_a_cut)
}

/// Whether both patterns begin a new piece at `at`, whatever is around.
fn is_safe(text: &[u8], at: usize) -> bool {
    let (before, behind) = (text[at - 1], text[at]);
    before.is_ascii_alphanumeric() && behind.is_ascii() && !behind.is_ascii_alphanumeric() && behind != b'\''
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tokens::tests::texts::{Random, mixed};

    #[test]
    fn segments_count_what_the_whole_counts() {
        let mut random = Random(0x5EED_0101);
        for encoding in Encoding::ALL {
            let counter = SegmentCounter::new(encoding);
            for round in 0..300 {
                let mut text = String::new();
                while text.len() < 20_000 {
                    match round % 3 {
                        0 => text.push_str(&mixed(&mut random)),
                        1 => text.push_str(random.pick(&[
                            "word ",
                            "a, ",
                            "b.c",
                            "9,",
                            "don't",
                            " it's\"",
                            "x9\"",
                            "1234 ",
                            "_a ",
                            "\n  ",
                            "\"key\":",
                            "日本 ",
                            "a'\"",
                            "'s ",
                            "S \u{301}",
                            "q \u{301}x",
                        ])),
                        _ => text.push_str(random.pick(&["9 ", "a,", "b.", "0\"", "7", "k", "1.5"])),
                    }
                }
                let whole = encoding.tokenizer().count(&text) as u64;
                assert_eq!(counter.count(&text), whole);
                assert_eq!(counter.count(&text), whole, "remembered");
            }
        }
    }

    #[test]
    fn every_cut_is_where_a_piece_begins() {
        // Each safe place by itself, not only the chosen ones.
        let mut random = Random(0x5EED_0102);
        for encoding in Encoding::ALL {
            let tokenizer = encoding.tokenizer();
            for _ in 0..3_000 {
                let text =
                    mixed(&mut random) + random.pick(&["a ", "Z\"", "9 ", "0\""]) + &mixed(&mut random);
                let bytes = text.as_bytes();
                for at in 1..bytes.len() {
                    if is_safe(bytes, at) {
                        let parts = tokenizer.count(&text[..at]) + tokenizer.count(&text[at..]);
                        assert_eq!(parts, tokenizer.count(&text), "{text:?} at {at}");
                    }
                }
            }
        }
    }

    #[test]
    fn change_moves_only_the_cuts_next_to_it() {
        let text: String = (0..20_000_u32)
            .map(|n| format!("value {} of row {n}; ", n.wrapping_mul(2_654_435_761)))
            .collect::<Vec<_>>()
            .concat();
        let changed = text.replacen("row 10000;", "row ten thousand and something;", 1);
        let before: std::collections::HashSet<&str> = Segments { rest: &text }.collect();
        let new = Segments { rest: &changed }.filter(|segment| !before.contains(segment)).count();
        assert!((1..=3).contains(&new), "{new} new segments");
        assert_eq!(Segments { rest: &changed }.collect::<String>(), changed);
    }

    #[test]
    fn memory_is_bounded() {
        let counter = SegmentCounter::new(Encoding::O200kBase);
        let mut known = counter.known.lock();
        for key in 0..200_000 {
            known.put(key, 1);
        }
        assert!(known.young.len() + known.old.len() <= 2 * MAX_SEGMENTS);
        assert_eq!(known.get(199_999), Some(1));
        assert_eq!(known.get(0), None);
    }
}
