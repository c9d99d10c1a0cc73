//! Cuts a text into pieces by its content: what is inserted or removed moves the cuts next to it and no others.
//!
//! A piece ends with its line, also where the line end is written as in JSON (`\n`). Longer lines are cut behind
//! sentences and, at places that the eight bytes before decide, anywhere. Cuts are between characters. Pieces are looked
//! for, never named: only `texts.rs` sees them.

use xxhash_rust::xxh3::xxh3_64;

/// No cut within a line before so many bytes.
const MIN_BYTES: usize = 24;
/// A cut at the next character from here on.
const MAX_BYTES: usize = 2048;
/// One of so many places behind a space or separator is a cut: words are five bytes, so some 80 bytes a piece.
const SPACES_A_CUT: u64 = 16;
/// One of so many bytes is a cut: text without spaces.
const BYTES_A_CUT: u64 = 256;

/// One piece: a hash of its bytes, and where it ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Piece {
    /// Not enough to know it by: who relies on it compares bytes.
    pub(super) hash: u32,
    /// Bytes of the text up to its end.
    pub(super) end: u32,
}

/// The pieces of `text`, which has less than 4 GB. O(text), more than 500 MB/s.
pub(super) fn cut(text: &str) -> Vec<Piece> {
    let bytes = text.as_bytes();
    let mut pieces = Vec::with_capacity(bytes.len() / 32);
    let mut start = 0;
    while start < bytes.len() {
        let end = start + first_end(&bytes[start..]);
        let hash = (xxh3_64(&bytes[start..end]) >> 32) as u32;
        pieces.push(Piece { hash, end: u32::try_from(end).expect("invariant: texts have less than 4 GB") });
        start = end;
    }
    pieces
}

/// Bytes of the first piece.
fn first_end(text: &[u8]) -> usize {
    let line = line_end(&text[..text.len().min(MAX_BYTES)]).unwrap_or(text.len());
    if line <= MIN_BYTES {
        return line;
    }
    for at in MIN_BYTES..line {
        let before = text[at - 1];
        let is_start = is_char_start(text[at]);
        if is_start && at >= MAX_BYTES {
            return at;
        }
        let last = text[..at].last_chunk::<8>().expect("invariant: a piece has its minimum before a cut");
        let mixed = u64::from_le_bytes(*last).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32;
        let is_cut = match before {
            b' ' if matches!(text[at - 2], b'.' | b'!' | b'?' | b';' | b':') => true,
            b' ' | b',' | b'{' | b'}' => mixed.is_multiple_of(SPACES_A_CUT),
            _ => is_start && mixed.is_multiple_of(BYTES_A_CUT),
        };
        if is_cut {
            return at;
        }
    }
    line
}

/// Where the first line of `text` ends, behind its line feed; `None` without one.
fn line_end(text: &[u8]) -> Option<usize> {
    let mut from = 0;
    loop {
        let at = from + memchr::memchr2(b'\n', b'\\', &text[from..])?;
        if text[at] == b'\n' {
            return Some(at + 1);
        }
        match text.get(at + 1) {
            Some(b'n') => return Some(at + 2),
            // The character behind a backslash is escaped, also if it is one.
            Some(_) => from = at + 2,
            None => return None,
        }
        if from >= text.len() {
            return None;
        }
    }
}

fn is_char_start(byte: u8) -> bool {
    byte & 0xC0 != 0x80
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tokens::tests::texts::{Random, mixed};

    fn texts(text: &str) -> Vec<&str> {
        let mut start = 0;
        cut(text)
            .into_iter()
            .map(|piece| {
                let end = piece.end as usize;
                &text[std::mem::replace(&mut start, end)..end]
            })
            .collect()
    }

    #[test]
    fn pieces_are_lines_also_in_json() {
        assert_eq!(texts("a\nbb\n\nc"), ["a\n", "bb\n", "\n", "c"]);
        assert_eq!(texts(r"a\nbb\n\\nc"), [r"a\n", r"bb\n", r"\\nc"]);
        assert_eq!(texts(""), [""; 0]);
        assert_eq!(texts("\\"), ["\\"]);
        let sentences =
            texts("It was the best of times, as they say. It was the worst of times, others say.");
        assert!(sentences.iter().any(|piece| piece.ends_with("say. ")), "{sentences:?}");
    }

    #[test]
    fn pieces_together_are_the_text_and_cut_no_character() {
        let mut random = Random(0x5EED_0201);
        for _ in 0..500 {
            let text: String = (0..200).map(|_| mixed(&mut random)).collect();
            assert_eq!(texts(&text).concat(), text);
        }
        let long = "語".repeat(5_000);
        assert_eq!(texts(&long).concat(), long);
        assert!(texts(&long).iter().all(|piece| piece.len() <= MAX_BYTES + 3));
    }

    #[test]
    fn insertion_moves_only_the_cuts_next_to_it() {
        let mut random = Random(0x5EED_0202);
        let unspaced: String = (0..40_000).map(|_| random.character(0x61, 0x7A)).collect();
        let words: String = (0..8_000_u32)
            .map(|n| format!("w{} ", n.wrapping_mul(2_654_435_761) >> 12))
            .collect::<Vec<_>>()
            .concat();
        for text in [unspaced, words] {
            let before: std::collections::HashSet<u32> = cut(&text).iter().map(|piece| piece.hash).collect();
            let changed = format!("{}inserted{}", &text[..20_000], &text[20_000..]);
            let new = cut(&changed).iter().filter(|piece| !before.contains(&piece.hash)).count();
            assert!(new <= 4, "{new} of {}", before.len());
        }
    }
}
