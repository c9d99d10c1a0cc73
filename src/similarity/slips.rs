//! One slip of the finger: two characters swapped, one too many, one too few, one wrong.

use super::lexicon::{WordId, lexicon};
use super::words;

/// Shorter texts are different texts.
const SHORTEST: usize = 8;
/// Shorter words are different words.
const SHORTEST_WORD: usize = 6;
/// Of the words of the grammar, and of those with two letters swapped.
const SHORTEST_PLAIN: usize = 4;

/// The rarity of words that are no single token.
const RARE: f32 = 12.0;

/// What two texts in normal form differ in, if it is one slip that makes a common word of one of them no word in the other.
/// O(length).
pub(super) fn slip<'a>(a: &'a str, b: &'a str) -> Option<(&'a str, &'a str)> {
    if a.len().min(b.len()) < SHORTEST || a.len().abs_diff(b.len()) > 4 {
        return None;
    }
    let (start, end) = same_ends(a, b);
    let (one, other) = (middle(a, start, end)?, middle(b, start, end)?);
    if !is_one_edit(one, other) {
        return None;
    }
    let (mine, others) = (words_around(a, start, end), words_around(b, start, end));
    let is_plain = |word: &str| word.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b' ');
    // Nobody mistypes the first letter of what everybody knows.
    let begins_alike = mine.bytes().next() == others.bytes().next();
    let is_short_enough = is_swap(one, other) || is_of_grammar(mine) || is_of_grammar(others);
    let shortest = if is_short_enough { SHORTEST_PLAIN } else { SHORTEST_WORD };
    let (longer, edit) = if a.len() > b.len() { (a, one) } else { (b, other) };
    let is_slip = mine.len().min(others.len()) >= shortest
        && is_plain(mine)
        && is_plain(others)
        && begins_alike
        && ((are_known(mine) && are_new(others)) || (are_known(others) && are_new(mine)))
        && !(a.len() != b.len() && ends_otherwise(longer, end, edit))
        && !is_of_series(mine, others);
    is_slip.then_some((mine, others))
}

/// Whether one of the words is of the grammar, or two in place of one.
pub(super) fn is_of_grammar(text: &str) -> bool {
    text.contains(' ') || words::classes(text) != 0
}

/// Whether two words differ in a vowel of their last syllable: "propane", "propene".
fn is_of_series(a: &str, b: &str) -> bool {
    let is_vowel = |byte: &u8| matches!(byte, b'a' | b'e' | b'i' | b'o' | b'u' | b'y');
    let differing =
        || a.bytes().rev().zip(b.bytes().rev()).enumerate().filter(|(_, (one, other))| one != other);
    a.len() == b.len()
        && differing().count() == 1
        && differing().all(|(at, (one, other))| at < 3 && is_vowel(&one) && is_vowel(&other))
}

/// Whether two words differ in one slip, not at the first letter. O(length).
pub(super) fn is_one_slip(a: &str, b: &str) -> bool {
    let shortest = a.len().min(b.len());
    if shortest < SHORTEST_PLAIN || !a.is_ascii() || !b.is_ascii() || a.len().abs_diff(b.len()) > 1 {
        return false;
    }
    let (start, end) = same_ends(a, b);
    start > 0
        && !is_of_series(a, b)
        && middle(a, start, end).zip(middle(b, start, end)).is_some_and(|(one, other)| {
            is_one_edit(one, other) && (shortest >= SHORTEST_WORD || is_swap(one, other))
        })
}

/// Whether two characters are swapped.
fn is_swap(one: &str, other: &str) -> bool {
    one.len() == 2 && other.len() == 2
}

/// Bytes that are the same at the beginning and, of the rest, at the end.
fn same_ends(a: &str, b: &str) -> (usize, usize) {
    let start = a.bytes().zip(b.bytes()).take_while(|(one, other)| one == other).count();
    let rest = a.len().min(b.len()) - start;
    let end = a.bytes().rev().zip(b.bytes().rev()).take(rest).take_while(|(one, other)| one == other).count();
    (start, end)
}

/// What differs.
fn middle(text: &str, start: usize, end: usize) -> Option<&str> {
    text.get(start..text.len() - end)
}

fn is_one_edit(one: &str, other: &str) -> bool {
    let letters = |text: &str| text.chars().take(3).collect::<Vec<_>>();
    match (&letters(one)[..], &letters(other)[..]) {
        ([], [_]) | ([_], [] | [_]) => true,
        ([a, b], [c, d]) => a == d && b == c,
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

/// Whether a word got a letter at its end that is not the one before twice: that may be an ending.
fn ends_otherwise(longer: &str, end: usize, edit: &str) -> bool {
    let (before, after) = longer.split_at(longer.len() - end);
    let is_end = after.is_empty() || after.starts_with(' ');
    is_end && !before.strip_suffix(edit).is_some_and(|start| start.ends_with(edit))
}

/// Whether one of the words is in no lexicon.
fn are_new(text: &str) -> bool {
    text.split(' ').any(|word| words::classes(word) == 0 && lexicon().lemma(word).is_none())
}

/// Whether it is no name and so common that somebody is more likely to mistype it than to mean another word.
pub(super) fn is_common(word: WordId) -> bool {
    let lexicon = lexicon();
    !lexicon.info(word).is_proper && (lexicon.tag_count(word) > 0 || lexicon.rarity(word) < RARE)
}

/// Whether all of the words are common ones.
fn are_known(text: &str) -> bool {
    text.split(' ').all(|word| words::classes(word) != 0 || lexicon().lemma(word).is_some_and(is_common))
}
