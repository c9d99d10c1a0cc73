//! Characters: what a person would call the same text, however it was typed.

use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfkc_quick};

/// The text in Unicode NFKC with plain quotes, dashes and spaces, and without characters that cannot be seen. Case is kept.
/// `None` if it is longer than so many bytes; a character may become eleven.
pub(super) fn fold(text: &str, longest: usize) -> Option<String> {
    if text.len() > longest {
        return None;
    }
    if text.is_ascii() {
        return Some(text.replace(|character: char| character.is_ascii_control(), " "));
    }
    let mut folded = String::with_capacity(text.len());
    let raised = spelled_out(text);
    let text = raised.as_deref().unwrap_or(text);
    if is_nfkc_quick(text.chars()) == IsNormalized::Yes {
        folded.extend(text.chars().filter_map(plain));
    } else {
        for character in text.nfkc().filter_map(plain) {
            if folded.len() > longest {
                return None;
            }
            folded.push(character);
        }
    }
    (folded.len() <= longest).then_some(folded)
}

/// Raised digits and fractions as they are written in ASCII: NFKC would make another number of them. `None`: there are none.
fn spelled_out(text: &str) -> Option<String> {
    const RAISED: &str = "⁰¹²³⁴⁵⁶⁷⁸⁹";
    const FRACTIONS: [(char, &str); 6] =
        [('½', " 1/2"), ('¼', " 1/4"), ('¾', " 3/4"), ('⅓', " 1/3"), ('⅔', " 2/3"), ('⅛', " 1/8")];
    let fraction = |letter| FRACTIONS.iter().find(|(fraction, _)| *fraction == letter);
    if !text.chars().any(|letter| RAISED.contains(letter) || fraction(letter).is_some()) {
        return None;
    }
    let mut spelled = String::with_capacity(text.len() + 8);
    for letter in text.chars() {
        if let Some(digit) = RAISED.chars().position(|raised| raised == letter) {
            spelled.push('^');
            spelled.extend(char::from_digit(u32::try_from(digit).unwrap_or(0), 10));
        } else if let Some((_, fraction)) = fraction(letter) {
            spelled.push_str(fraction);
        } else {
            spelled.push(letter);
        }
    }
    Some(spelled)
}

/// One character as it is typed on a keyboard; `None` if it cannot be seen.
fn plain(character: char) -> Option<char> {
    Some(match character {
        '\u{2018}' | '\u{2019}' | '\u{201A}' | '\u{201B}' | '\u{2032}' | '\u{02BC}' | '\u{00B4}' | '`' => {
            if character == '`' {
                '`'
            } else {
                '\''
            }
        }
        '\u{201C}' | '\u{201D}' | '\u{201E}' | '\u{201F}' | '\u{00AB}' | '\u{00BB}' | '\u{2033}' => '"',
        '\u{2010}'..='\u{2015}' | '\u{2212}' => '-',
        // Joiners, marks of direction, soft hyphens, selectors of a variant.
        '\u{00AD}'
        | '\u{200B}'..='\u{200F}'
        | '\u{202A}'..='\u{202E}'
        | '\u{2060}'..='\u{2064}'
        | '\u{FEFF}'
        | '\u{FE00}'..='\u{FE0F}' => return None,
        _ if character.is_whitespace() || character.is_control() => ' ',
        _ => character,
    })
}

/// Writing systems, as far as they matter: a question in one is not the same as one in another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Script {
    Latin,
    Cyrillic,
    Greek,
    Arabic,
    Hebrew,
    Devanagari,
    /// Han, kana and Hangul: where words have no spaces between them, or may lack them.
    EastAsian,
    /// Thai, Lao, Khmer, Burmese.
    SouthEastAsian,
    Other,
}

impl Script {
    /// That of a letter.
    pub(super) fn of(letter: char) -> Self {
        match u32::from(letter) {
            0..=0x024F | 0x1E00..=0x1EFF => Self::Latin,
            0x0370..=0x03FF | 0x1F00..=0x1FFF => Self::Greek,
            0x0400..=0x052F => Self::Cyrillic,
            0x0590..=0x05FF => Self::Hebrew,
            0x0600..=0x06FF | 0x0750..=0x077F | 0x08A0..=0x08FF | 0xFB50..=0xFDFF | 0xFE70..=0xFEFF => {
                Self::Arabic
            }
            0x0900..=0x097F | 0xA8E0..=0xA8FF => Self::Devanagari,
            0x0E00..=0x0EFF | 0x1000..=0x109F | 0x1780..=0x17FF => Self::SouthEastAsian,
            0x1100..=0x11FF
            | 0x3040..=0x30FF
            | 0x3130..=0x318F
            | 0x31F0..=0x31FF
            | 0x3400..=0x9FFF
            | 0xAC00..=0xD7FF
            | 0xF900..=0xFAFF
            | 0x20000..=0x3FFFF => Self::EastAsian,
            _ => Self::Other,
        }
    }

    /// Whether each of its letters counts as a word: there is nothing else to divide a text by.
    pub(super) fn is_divided_by_letter(self) -> bool {
        matches!(self, Self::EastAsian | Self::SouthEastAsian)
    }
}
