//! Where in a text the question is, and what in it is no part of it.

use super::frames::{Ask, frame};
use super::lexicon::{Pos, lexicon};
use super::text::Script;
use super::token::{Kind, LONGEST, Token};
use super::words::{self, AUXILIARY, AVERSE, DEGREE, NEGATION, POLITE, PRAISE, QUESTION, SCOPE, SYMMETRIC};

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
            // "Quick question: ..." says nothing.
            let is_said = at < 4 && tokens[at].follows_colon && tokens[at - 1].text.starts_with("question");
            let before = if is_said { &[] } else { &tokens[..at] };
            return Asked { before, ask, whole, rest };
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

/// Words of the grammar of English that other languages have, too.
const SHARED: [&str; 26] = [
    "a", "an", "am", "as", "at", "by", "do", "he", "her", "him", "i", "in", "is", "it", "its", "me", "most",
    "no", "of", "on", "per", "so", "to", "us", "was", "will",
];

/// Whether a text is in another language than English: it has no words of its grammar, and some that are no English words.
pub(super) fn is_foreign(tokens: &[Token]) -> bool {
    let words = || tokens.iter().filter(|token| token.kind == Kind::Word);
    let is_english = |token: &Token| words::classes(&token.text) != 0 && !SHARED.contains(&&*token.text);
    let is_strange = |token: &&Token| !token.is_capital && lexicon().lemma(&token.text).is_none();
    !words().any(is_english) && words().filter(is_strange).count() > 1
}

/// "One" before a noun, as a number: "delete one row"; not in "how does one row", "which one works".
pub(super) fn is_single(token: &Token, before: Option<&Token>, next: Option<&Token>) -> bool {
    if token.text != "one" {
        return false;
    }
    let pos = |word: &Token| lexicon().lemma(&word.text).map(|id| lexicon().pos(id));
    let is_counted = |next: &Token| {
        next.kind == Kind::Word
            && !next.begins
            && words::classes(&next.text) == 0
            && words::number(&next.text).is_none()
            && pos(next).is_some_and(|pos| pos.contains(Pos::NOUN))
    };
    let is_number_behind = |before: &Token| match words::classes(&before.text) {
        0 => pos(before).is_none_or(|pos| pos.intersects(Pos::NOUN) || pos.contains(Pos::VERB)),
        classes => {
            classes & (AUXILIARY | QUESTION | NEGATION | SCOPE | DEGREE | PRAISE) == 0
                && !["this", "that", "if", "any", "when"].contains(&&*before.text)
        }
    };
    before.is_some_and(is_number_behind) && next.is_some_and(is_counted)
}

/// Whether a text begins with a verb as orders do, or is of whoever wrote it.
pub(super) fn is_order(tokens: &[Token]) -> bool {
    let is_own = |token: &Token| ["i", "my", "me"].contains(&&*token.text);
    let classes = |token: &Token| words::classes(&token.text);
    let is_verb = |token: &Token| {
        lexicon()
            .word(&token.text)
            .is_some_and(|id| lexicon().pos(id).contains(Pos::VERB) && lexicon().info(id).lemma == token.text)
    };
    let start = tokens.iter().position(|token| classes(token) & POLITE == 0).unwrap_or(0);
    let is_order = match &tokens[start..] {
        [first, second, ..] if classes(first) & !(SYMMETRIC | AVERSE) == 0 && first.kind == Kind::Word => {
            is_verb(first) || ["a", "an", "the", "my", "this", "these"].contains(&&*second.text)
        }
        _ => false,
    };
    is_order || tokens.iter().any(is_own)
}
