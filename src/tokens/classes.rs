//! Character classes of the splitting patterns, by table.
//!
//! One byte of flags per character: a 64 KiB table for the Basic Multilingual Plane, filled once
//! from `unicode-general-category`, and that crate itself beyond it. Its Unicode version has to be
//! that of the `regex-syntax` under tiktoken's `fancy-regex` (16.0 both); a unit test compares all
//! characters.
//!
//! This file does not know the patterns; `pretokenizer.rs` does.

use std::sync::LazyLock;

use unicode_general_category::{GeneralCategory, get_general_category};

/// `\p{Lu}` and `\p{Lt}`.
pub(super) const UPPER: u8 = 1;
/// `\p{Ll}`.
pub(super) const LOWER: u8 = 1 << 1;
/// `\p{Lm}` and `\p{Lo}`: letters without case.
pub(super) const CASELESS: u8 = 1 << 2;
/// `\p{M}`.
pub(super) const MARK: u8 = 1 << 3;
/// `\p{N}`.
pub(super) const NUMBER: u8 = 1 << 4;
/// `\s`, which is the property `White_Space`.
pub(super) const SPACE: u8 = 1 << 5;
/// `[\r\n]`; these have [`SPACE`] too.
pub(super) const NEWLINE: u8 = 1 << 6;
/// None of the above.
pub(super) const OTHER: u8 = 1 << 7;

/// `\p{L}`.
pub(super) const LETTER: u8 = UPPER | LOWER | CASELESS;
/// `[^\s\p{L}\p{N}]`.
pub(super) const SYMBOL: u8 = OTHER | MARK;

/// Flags of the characters below U+0080, and 0 for the bytes that only occur in longer ones.
static ASCII: [u8; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 0x80 {
        table[byte] = match byte {
            0x41..=0x5A => UPPER,
            0x61..=0x7A => LOWER,
            0x30..=0x39 => NUMBER,
            0x0A | 0x0D => SPACE | NEWLINE,
            0x09 | 0x0B | 0x0C | 0x20 => SPACE,
            _ => OTHER,
        };
        byte += 1;
    }
    table
};

static BASIC_PLANE: LazyLock<Box<[u8; 1 << 16]>> = LazyLock::new(|| {
    let mut table = vec![OTHER; 1 << 16].into_boxed_slice();
    for code in 0..=u16::MAX {
        if let Some(character) = char::from_u32(u32::from(code)) {
            table[usize::from(code)] = classify(character);
        }
    }
    table.try_into().expect("invariant: made with that length")
});

/// A borrowed view of the tables, taken once per text so that no loop tests whether they exist.
#[derive(Clone, Copy)]
pub(super) struct Classes {
    basic_plane: &'static [u8; 1 << 16],
}

impl Classes {
    pub(super) fn new() -> Self {
        Self { basic_plane: &BASIC_PLANE }
    }

    /// Flags and byte length of the character at `at`; `(0, 0)` at the end of the text.
    ///
    /// `text` has to be UTF-8 and `at` the start of a character.
    #[inline]
    pub(super) fn at(self, text: &[u8], at: usize) -> (u8, usize) {
        match text.get(at) {
            None => (0, 0),
            Some(&byte) if byte < 0x80 => (ASCII[usize::from(byte)], 1),
            Some(&byte) => self.beyond_ascii(text, at, byte),
        }
    }

    #[inline]
    fn beyond_ascii(self, text: &[u8], at: usize, lead: u8) -> (u8, usize) {
        let tail = |offset: usize| u16::from(text.get(at + offset).copied().unwrap_or(0) & 0x3F);
        let lead16 = u16::from(lead);
        if lead < 0xE0 {
            let code = (lead16 & 0x1F) << 6 | tail(1);
            (self.basic_plane[usize::from(code)], 2)
        } else if lead < 0xF0 {
            // The shift drops the upper half of the lead byte.
            let code = lead16 << 12 | tail(1) << 6 | tail(2);
            (self.basic_plane[usize::from(code)], 3)
        } else {
            let high = u32::from((lead16 & 0x07) << 6 | tail(1));
            let code = high << 12 | u32::from(tail(2) << 6 | tail(3));
            (char::from_u32(code).map_or(OTHER, classify), 4)
        }
    }

    /// The end of the run of characters from `at` on that have one of the flags `wanted`.
    #[inline]
    pub(super) fn run_end(self, text: &[u8], mut at: usize, wanted: u8) -> usize {
        loop {
            while let Some(&byte) = text.get(at)
                && ASCII[usize::from(byte)] & wanted != 0
            {
                at += 1;
            }
            match text.get(at) {
                Some(&byte) if byte >= 0x80 => {
                    let (class, len) = self.beyond_ascii(text, at, byte);
                    if class & wanted == 0 {
                        return at;
                    }
                    at += len;
                }
                _ => return at,
            }
        }
    }
}

/// The flags of one character.
pub(super) fn classify(character: char) -> u8 {
    use GeneralCategory as C;
    // White space first: U+0085 is a control character by category.
    if character.is_whitespace() {
        return if matches!(character, '\r' | '\n') { SPACE | NEWLINE } else { SPACE };
    }
    match get_general_category(character) {
        C::UppercaseLetter | C::TitlecaseLetter => UPPER,
        C::LowercaseLetter => LOWER,
        C::ModifierLetter | C::OtherLetter => CASELESS,
        C::NonspacingMark | C::SpacingMark | C::EnclosingMark => MARK,
        C::DecimalNumber | C::LetterNumber | C::OtherNumber => NUMBER,
        _ => OTHER,
    }
}
