//! Words of code and prose, as numbers.
//!
//! A word is a run of letters, digits and underscores. From camelCase and `snake_case` come its parts and, if there are
//! several, the whole without underscores, so that `userId`, `user_id` and `UserID` meet. Case, plurals and the endings of
//! English verbs do not count. Scripts that put no spaces between words give every two characters.
//!
//! Words are told apart by 32 bits of a hash: of a million different words and a task of 400, one in ten contexts has one
//! wrong hit, which moves one score a little.

use unicode_general_category::{GeneralCategory, get_general_category};

/// The number of a word.
pub(crate) type Word = u32;

/// Longer runs are hashes, base64 and minified data.
const MAX_RUN_BYTES: usize = 64;

/// Longest whole text of a word that is compared in letters.
const MAX_PART_BYTES: usize = 40;

const OTHER: u8 = 0;
const LOWER: u8 = 1;
const UPPER: u8 = 2;
const DIGIT: u8 = 3;
const JOINER: u8 = 4;
const WIDE: u8 = 5;

const CLASS: [u8; 256] = {
    let mut table = [OTHER; 256];
    let mut byte = 0_u8;
    loop {
        table[byte as usize] = match byte {
            b'a'..=b'z' => LOWER,
            b'A'..=b'Z' => UPPER,
            b'0'..=b'9' => DIGIT,
            b'_' => JOINER,
            128..=255 => WIDE,
            _ => OTHER,
        };
        if byte == u8::MAX {
            break;
        }
        byte += 1;
    }
    table
};

/// Whether a byte belongs to an identifier.
pub(crate) fn is_word_byte(byte: u8) -> bool {
    CLASS[byte as usize] != OTHER
}

/// Calls `emit` for every word of `text`: its parts in order, then the whole if it has several.
pub(crate) fn words(text: &str, mut emit: impl FnMut(Word)) {
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        if CLASS[bytes[at] as usize] == OTHER {
            at += 1;
            continue;
        }
        let start = at;
        let mut wide = false;
        while at < bytes.len() && CLASS[bytes[at] as usize] != OTHER {
            wide |= CLASS[bytes[at] as usize] == WIDE;
            at += 1;
        }
        if wide {
            wide_run(&text[start..at], &mut emit);
        } else if at - start <= MAX_RUN_BYTES {
            ascii_run(&bytes[start..at], &mut emit);
        }
    }
}

/// The number of an identifier as a whole, as [`words`] gives it. What is no word there, as a single letter, has a number
/// all the same: names are compared, and `a` is not `b`. 0 for the empty one.
pub(crate) fn whole(identifier: &str) -> Word {
    let mut last = None;
    words(identifier, |word| last = Some(word));
    last.unwrap_or_else(|| match identifier {
        "" => 0,
        name => number(name.to_ascii_lowercase().as_bytes()),
    })
}

/// The parts of an identifier that stand between underscores and humps, lower case; one if it has none.
#[inline]
fn ascii_run(run: &[u8], emit: &mut impl FnMut(Word)) {
    let mut joined = Letters::new();
    let mut part = Letters::new();
    let mut parts = 0;
    let mut previous = JOINER;
    for (at, &byte) in run.iter().enumerate() {
        let class = CLASS[byte as usize];
        let hump = class == UPPER
            && (previous == LOWER
                || previous == DIGIT
                || (previous == UPPER && run.get(at + 1).is_some_and(|next| CLASS[*next as usize] == LOWER)));
        if (hump || class == JOINER) && part.len > 0 {
            parts += 1;
            part.emit_part(emit);
            part = Letters::new();
        }
        if class != JOINER {
            part.push(byte | if class == UPPER { 0x20 } else { 0 });
            joined.push(byte | if class == UPPER { 0x20 } else { 0 });
        }
        previous = class;
    }
    if part.len > 0 {
        part.emit_part(emit);
        parts += 1;
    }
    if parts > 1 {
        joined.emit_whole(emit);
    }
}

/// A run with letters beyond ASCII: lower case, and of scripts without spaces every two characters.
fn wide_run(run: &str, emit: &mut impl FnMut(Word)) {
    let mut word = String::new();
    let mut before: Option<char> = None;
    let flush = |word: &mut String, emit: &mut dyn FnMut(Word)| {
        if word.is_ascii() {
            if word.len() <= MAX_RUN_BYTES {
                ascii_run(word.as_bytes(), &mut |found| emit(found));
            }
        } else if word.len() <= 2 * MAX_RUN_BYTES {
            emit(number(word.to_lowercase().as_bytes()));
        }
        word.clear();
    };
    for c in run.chars() {
        if is_unspaced(c) {
            flush(&mut word, emit);
            let mut pair = [0; 8];
            let mut len = 0;
            if let Some(before) = before {
                len += before.encode_utf8(&mut pair).len();
            }
            len += c.encode_utf8(&mut pair[len..]).len();
            emit(number(&pair[..len]));
            before = Some(c);
            continue;
        }
        before = None;
        if c.is_alphanumeric() || c == '_' || get_general_category(c) == GeneralCategory::NonspacingMark {
            word.push(c);
        } else {
            flush(&mut word, emit);
        }
    }
    flush(&mut word, emit);
}

/// Scripts that put no spaces between words: Chinese, Japanese, Thai, Lao, Khmer, Burmese. Korean words carry their
/// particles, so it is taken in pairs too.
fn is_unspaced(c: char) -> bool {
    matches!(u32::from(c),
        0x0E00..=0x0EFF | 0x1000..=0x109F | 0x1780..=0x17FF | 0x3040..=0x30FF | 0x3400..=0x4DBF | 0x4E00..=0x9FFF
        | 0xAC00..=0xD7AF | 0xF900..=0xFAFF | 0x20000..=0x3134F)
}

/// Lower-case letters of a word under way, padded with zeros.
struct Letters {
    bytes: [u8; MAX_PART_BYTES + 8],
    len: usize,
}

impl Letters {
    fn new() -> Self {
        Self { bytes: [0; MAX_PART_BYTES + 8], len: 0 }
    }

    fn push(&mut self, byte: u8) {
        if self.len < MAX_PART_BYTES {
            self.bytes[self.len] = byte;
            self.len += 1;
        }
    }

    /// A single letter says nothing.
    fn emit_part(&mut self, emit: &mut impl FnMut(Word)) {
        if self.len > 1 {
            let len = stem(&mut self.bytes, self.len);
            emit(number(&self.bytes[..len]));
        }
    }

    fn emit_whole(&self, emit: &mut impl FnMut(Word)) {
        emit(number(&self.bytes[..self.len]));
    }
}

/// Takes plurals and the endings of verbs off a lower-case word; gives what is left of its length. After the first steps of
/// Porter's stemmer (M. F. Porter, "An algorithm for suffix stripping", 1980): the later ones make words of different
/// meaning equal, which names in code do not forgive.
fn stem(word: &mut [u8], len: usize) -> usize {
    let mut len = len;
    if len > 3 && word[len - 1] == b's' && !matches!(word[len - 2], b's' | b'u' | b'i') {
        if len > 4 && &word[len - 3..len] == b"ies" {
            word[len - 3] = b'y';
            return len - 2;
        }
        len -= 1;
        let is_es = matches!(&word[len - 3..len], b"sse" | b"she" | b"che") || &word[len - 2..len] == b"xe";
        if is_es && len > 3 {
            len -= 1;
        }
    }
    let ending = if len > 5 && &word[len - 3..len] == b"ing" {
        3
    } else if len > 4 && &word[len - 2..len] == b"ed" {
        2
    } else {
        0
    };
    if ending > 0
        && word[..len - ending].iter().any(|byte| matches!(byte, b'a' | b'e' | b'i' | b'o' | b'u' | b'y'))
    {
        len -= ending;
        if len > 3 && word[len - 1] == word[len - 2] && !matches!(word[len - 1], b'l' | b's' | b'z' | b'e') {
            len -= 1;
        } else if len == 3 && is_short_syllable([word[0], word[1], word[2]]) {
            // `named` is of `name`; a verb without that `e` doubles its last letter.
            word[len] = b'e';
            return len + 1;
        }
    }
    if len > 4 && word[len - 1] == b'e' {
        len -= 1;
    }
    len
}

/// Porter's `*o` of three letters: consonant, vowel, and a consonant that is doubled before endings.
fn is_short_syllable([first, middle, last]: [u8; 3]) -> bool {
    let is_vowel = |byte: u8| matches!(byte, b'a' | b'e' | b'i' | b'o' | b'u');
    !is_vowel(first) && is_vowel(middle) && !is_vowel(last) && !matches!(last, b'w' | b'x' | b'y')
}

/// 32 bits of a hash of a word's bytes.
fn number(bytes: &[u8]) -> Word {
    const MIX: u64 = 0x9E37_79B9_7F4A_7C15;
    let mut hash = (bytes.len() as u64).wrapping_mul(MIX);
    for chunk in bytes.chunks(8) {
        let mut word = [0; 8];
        word[..chunk.len()].copy_from_slice(chunk);
        hash = (hash ^ u64::from_le_bytes(word)).wrapping_mul(MIX);
        hash ^= hash >> 29;
    }
    (hash >> 32) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<Word> {
        let mut found = Vec::new();
        words(text, |word| found.push(word));
        found
    }

    #[test]
    fn spellings_of_a_name_meet() {
        for name in ["user_id_map", "userIdMap", "UserIDMap", "USER_ID_MAP", "__user_id_map__"] {
            assert_eq!(found(name), found("userIdMap"), "{name}");
            assert_eq!(found(name).len(), 4, "{name}");
        }
        assert_eq!(found("parseHTTPBody"), found("parse_http_body"));
        assert_eq!(whole("userId"), *found("user_id").last().expect("words"));
    }

    #[test]
    fn plurals_and_endings_of_verbs_do_not_count() {
        for (a, b) in [
            ("queries", "query"),
            ("classes", "class"),
            ("caching", "cached"),
            ("cache", "caches"),
            ("mapping", "maps"),
            ("mapped", "map"),
            ("rounded", "round"),
            ("boxes", "box"),
            ("Named", "names"),
            ("coding", "code"),
            ("fixed", "fixes"),
            ("keyed", "keys"),
            ("logging", "logs"),
        ] {
            assert_eq!(found(a), found(b), "{a} {b}");
        }
        for (a, b) in
            [("status", "statu"), ("this", "thi"), ("string", "str"), ("red", "r"), ("class", "cla")]
        {
            assert_ne!(found(a), found(b), "{a} {b}");
        }
    }

    #[test]
    fn names_that_are_no_words_are_told_apart() {
        let long = "x".repeat(100);
        let names = ["a", "b", "_", &long, "longer"];
        let numbers: std::collections::HashSet<Word> = names.into_iter().map(whole).collect();
        assert_eq!(numbers.len(), names.len());
        assert!(!numbers.contains(&0));
        assert_eq!((whole("A"), whole("")), (whole("a"), 0));
    }

    #[test]
    fn words_beyond_ascii_count_in_any_case() {
        assert_eq!(found("Größe"), found("GRÖSSE".replace("SS", "ß").as_str()));
        assert_eq!(found("日本語").len(), 3);
        assert!(found("東京都の日本語").iter().any(|word| found("日本").contains(word)));
        assert_eq!(found("naïveParser").len(), 1);
    }

    #[test]
    fn long_runs_and_single_letters_are_no_words() {
        assert!(found(&"x".repeat(200)).is_empty());
        assert!(found("a b c 1").is_empty());
        assert!(found("").is_empty());
    }

    proptest::proptest! {
        #[test]
        fn any_text_can_be_read(text in ".{0,200}") {
            words(&text, |_| {});
        }
    }
}
