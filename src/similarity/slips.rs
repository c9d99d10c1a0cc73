//! One slip of the finger: two characters swapped, one too many, one too few, one wrong.

use super::lexicon::lexicon;
use super::words;

/// Shorter texts are different texts.
const SHORTEST: usize = 8;

/// Whether two texts in normal form differ in one slip that makes a word of one of them no word. O(length).
pub(super) fn is_slip(a: &str, b: &str) -> bool {
    let (shorter, longer) = if a.len() <= b.len() { (a, b) } else { (b, a) };
    if shorter.len() < SHORTEST || longer.len() > shorter.len() + 4 {
        return false;
    }
    let start = shorter.bytes().zip(longer.bytes()).take_while(|(one, other)| one == other).count();
    let rest = shorter.len() - start;
    let end = shorter
        .bytes()
        .rev()
        .zip(longer.bytes().rev())
        .take(rest)
        .take_while(|(one, other)| one == other)
        .count();
    let (Some(one), Some(other)) = (middle(shorter, start, end), middle(longer, start, end)) else {
        return false;
    };
    is_one_edit(one, other) && {
        let (mine, others) = (words_around(shorter, start, end), words_around(longer, start, end));
        let is_plain = |word: &str| word.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b' ');
        is_plain(mine) && is_plain(others) && (has_no_word(mine) || has_no_word(others))
    }
}

/// What differs.
fn middle(text: &str, start: usize, end: usize) -> Option<&str> {
    text.get(start..text.len() - end)
}

fn is_one_edit(one: &str, other: &str) -> bool {
    let mut letters = (one.chars(), other.chars());
    match (one.chars().count(), other.chars().count()) {
        (0 | 1, 1) => true,
        (2, 2) => {
            let (a, b) = ((letters.0.next(), letters.0.next()), (letters.1.next(), letters.1.next()));
            a.0 == b.1 && a.1 == b.0
        }
        _ => false,
    }
}

/// The whole words that the difference touches.
fn words_around(text: &str, start: usize, end: usize) -> &str {
    let to = text.len() - end;
    let from = text[..start].rfind(' ').map_or(0, |at| at + 1);
    let until = text[to..].find(' ').map_or(text.len(), |at| to + at);
    &text[from..until]
}

/// Whether one of the words is none that anybody knows.
fn has_no_word(text: &str) -> bool {
    text.split(' ').any(|word| word.len() > 1 && words::classes(word) == 0 && lexicon().lemma(word).is_none())
}
