//! Where in a text the question is, and what in it is no part of it.

use super::frames::{Ask, frame};
use super::text::Script;
use super::token::{LONGEST, Token};

/// Whether a text can be like another one: a person wrote it, in two words with a space between them, or in a script that programs
/// make no names of; it is no JSON or markup, and not too long.
pub fn is_question(text: &str) -> bool {
    if text.len() > LONGEST {
        return false;
    }
    let mut words = text.split_whitespace().filter(|chunk| chunk.chars().any(char::is_alphabetic));
    let is_foreign = |letter: char| letter.is_alphabetic() && Script::of(letter) != Script::Latin;
    !text.trim_start().starts_with(['{', '[', '<'])
        && (words.nth(1).is_some() || text.chars().any(is_foreign))
}

/// A question in its text.
pub(super) struct Asked<'a> {
    /// What is said before it.
    pub(super) before: &'a [Token],
    pub(super) ask: Ask,
    /// All of it but politeness.
    pub(super) whole: &'a [Token],
    /// What it is about.
    pub(super) rest: &'a [Token],
}

/// Finds the question in a text.
pub(super) fn question(tokens: &[Token]) -> Asked<'_> {
    let starts = (0..tokens.len()).filter(|&at| at == 0 || tokens[at].begins_sentence).take(8);
    for at in starts {
        let (ask, whole, rest) = frame(&tokens[at..]);
        if ask != Ask::Nothing {
            return Asked { before: &tokens[..at], ask, whole, rest };
        }
    }
    let (ask, whole, rest) = frame(tokens);
    Asked { before: &[], ask, whole, rest }
}

/// "Yes," and "no," before what is said.
pub(super) fn is_interjection(tokens: &[Token], at: usize) -> bool {
    at == 0
        && ["yes", "no"].contains(&tokens[0].text.as_str())
        && tokens.get(1).is_some_and(|next| next.begins)
}

/// "X used to be", "did X use to be"; not "X is used to".
pub(super) fn is_past_habit(tokens: &[Token], at: usize) -> bool {
    let word = |place: usize| tokens.get(place).map_or("", |token| token.text.as_str());
    ["use", "used"].contains(&word(at))
        && word(at + 1) == "to"
        && !(at > 0 && (is_be(word(at - 1)) || ["to", "not", "get", "getting"].contains(&word(at - 1))))
        && !(at == 0 && word(at) == "use")
}

/// Whether one of the first tokens is one of these words.
pub(super) fn has_one_of(tokens: &[Token], first: usize, words: &[&str]) -> bool {
    tokens.iter().take(first).any(|token| words.contains(&token.text.as_str()))
}

/// A form of "be".
pub(super) fn is_be(word: &str) -> bool {
    matches!(word, "am" | "is" | "are" | "was" | "were" | "be" | "been" | "being")
}
