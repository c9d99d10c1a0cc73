//! Splits text into the pieces that are encoded on their own, by hand-written scanners.
//!
//! The two functions give exactly the matches of tiktoken's patterns, alternative by alternative
//! (leftmost first, so the order of the alternatives counts). With `W` for `[^\r\n\p{L}\p{N}]`,
//! `U` for `[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]`, `V` for `[\p{Ll}\p{Lm}\p{Lo}\p{M}]` and `'s` for
//! `(?i:'s|'t|'re|'ve|'m|'ll|'d)`:
//!
//! - `o200k_base`: `W?U*V+'s?|W?U+V*'s?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+`
//! - `cl100k_base`: `'s|W?+\p{L}++|\p{N}{1,3}+| ?[^\s\p{L}\p{N}]++[\r\n]*+|\s++$|\s*[\r\n]|\s+(?!\S)|\s`
//!
//! Every character belongs to a piece. No character is looked at more than a fixed number of times.
//!
//! This file knows no tokens and no special tokens: `<|endoftext|>` is plain text here.

use super::classes::{CASELESS, Classes, LETTER, LOWER, MARK, NEWLINE, NUMBER, SPACE, SYMBOL, UPPER};

/// The end of the `o200k_base` piece that starts at `start`, which has to be before the end.
#[inline]
pub(super) fn o200k_end(classes: Classes, text: &[u8], start: usize) -> usize {
    let (class, len) = classes.at(text, start);
    if class & LETTER != 0 {
        return o200k_word(classes, text, start, false, start);
    }
    let next = start + len;
    if class & (NEWLINE | NUMBER) == 0 {
        // `W?`: any such character may come before a word, a mark too.
        if classes.at(text, next).0 & (LETTER | MARK) != 0 {
            return o200k_word(classes, text, start, class & MARK != 0, next);
        }
        if class & MARK != 0 {
            // Alone, the mark is not `W` but the word.
            return contraction_end(text, next).unwrap_or(next);
        }
    }
    if class & NUMBER != 0 {
        return number_end(classes, text, next);
    }
    if let Some(end) = symbols_end(classes, text, start, class, next) {
        let mut end = end;
        while let Some(b'\r' | b'\n' | b'/') = text.get(end) {
            end += 1;
        }
        return end;
    }
    space_end(classes, text, start, false)
}

/// The end of `U*V+'s?`, or else of `U+V*'s?`, from `word` on.
///
/// `marked` says that a mark stands before `word`, taken as `W` so far.
#[inline]
fn o200k_word(classes: Classes, text: &[u8], start: usize, marked: bool, word: usize) -> usize {
    // `U*` takes all it can; `V+` then needs one character more, of `V`.
    let mut at = word;
    let mut after_caseless = None;
    let stop = loop {
        let (class, len) = classes.at(text, at);
        if class & (UPPER | CASELESS | MARK) == 0 {
            break class;
        }
        at += len;
        if class & UPPER == 0 {
            after_caseless = Some(at);
        }
    };
    let end = if stop & LOWER != 0 {
        classes.run_end(text, at, LOWER | CASELESS | MARK)
    } else if let Some(end) = after_caseless {
        // `U*` gives back characters until `V+` finds one: the last that is in both.
        end
    } else if marked {
        // Only upper case follows. The first alternative still matches without `W`: the mark
        // itself is the `V+`.
        debug_assert!(start < word, "the mark is before the word");
        word
    } else {
        at
    };
    contraction_end(text, end).unwrap_or(end)
}

/// The end of the `cl100k_base` piece that starts at `start`, which has to be before the end.
#[inline]
pub(super) fn cl100k_end(classes: Classes, text: &[u8], start: usize) -> usize {
    if let Some(end) = contraction_end(text, start) {
        return end;
    }
    let (class, len) = classes.at(text, start);
    let next = start + len;
    if class & LETTER != 0 {
        return classes.run_end(text, next, LETTER);
    }
    if class & NUMBER != 0 {
        return number_end(classes, text, next);
    }
    if class & NEWLINE == 0 {
        let (after, after_len) = classes.at(text, next);
        if after & LETTER != 0 {
            return classes.run_end(text, next + after_len, LETTER);
        }
    }
    if let Some(end) = symbols_end(classes, text, start, class, next) {
        return classes.run_end(text, end, NEWLINE);
    }
    space_end(classes, text, start, true)
}

/// The end of `(?i:'s|'t|'re|'ve|'m|'ll|'d)` at `at`.
///
/// Without regard to case U+017F (long s) is an `s`; no other of the letters has such a double.
#[inline]
fn contraction_end(text: &[u8], at: usize) -> Option<usize> {
    let [b'\'', rest @ ..] = text.get(at..)? else {
        return None;
    };
    let len = match *rest {
        [b's' | b'S' | b't' | b'T' | b'm' | b'M' | b'd' | b'D', ..] => 2,
        [b'r' | b'R' | b'v' | b'V', b'e' | b'E', ..] | [b'l' | b'L', b'l' | b'L', ..] | [0xC5, 0xBF, ..] => 3,
        _ => return None,
    };
    Some(at + len)
}

/// The end of `\p{N}{1,3}` whose first character ends at `next`.
#[inline]
fn number_end(classes: Classes, text: &[u8], next: usize) -> usize {
    let mut end = next;
    for _ in 0..2 {
        let (class, len) = classes.at(text, end);
        if class & NUMBER == 0 {
            break;
        }
        end += len;
    }
    end
}

/// The end of ` ?[^\s\p{L}\p{N}]+` at `start`, whose character has this class and ends at `next`.
#[inline]
fn symbols_end(classes: Classes, text: &[u8], start: usize, class: u8, next: usize) -> Option<usize> {
    if class & SYMBOL != 0 {
        return Some(classes.run_end(text, next, SYMBOL));
    }
    if text[start] == b' ' {
        let end = classes.run_end(text, next, SYMBOL);
        return (end > next).then_some(end);
    }
    None
}

/// The end of a piece of white space: `\s++$` (if `all_at_end`), `\s*[\r\n]+`, `\s+(?!\S)`, `\s+`.
#[inline]
fn space_end(classes: Classes, text: &[u8], start: usize, all_at_end: bool) -> usize {
    let mut at = start;
    let mut last = start;
    let mut after_newline = None;
    loop {
        let (class, len) = classes.at(text, at);
        if class & SPACE == 0 {
            break;
        }
        last = at;
        at += len;
        if class & NEWLINE != 0 {
            after_newline = Some(at);
        }
    }
    if all_at_end && at == text.len() {
        return at;
    }
    if let Some(end) = after_newline {
        return end;
    }
    // `\s+(?!\S)` leaves the last character to what follows, unless it is the only one.
    if at == text.len() || last == start { at } else { last }
}
