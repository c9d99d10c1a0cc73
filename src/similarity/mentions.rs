//! Words of the grammar that are meant as words, or as something else that is written alike: "a for loop", "the US", "in May",
//! "how to say hello". They get capitals, so that nobody takes them for grammar.

use super::lexicon::{Pos, lexicon};
use super::token::{Kind, Token};
use super::words::{
    self, AUXILIARY, COORDINATION, EMPTY, FIRST_PERSON, POLITE, PRAISE, PREPOSITION, SECOND_PERSON,
    THIRD_PERSON,
};

/// Marks such words among the tokens of a text.
pub(super) fn mark(tokens: &mut [Token]) {
    let is_of_grammar = |token: &Token| token.kind == Kind::Word && words::classes(&token.text) != 0;
    for at in 0..tokens.len() {
        if !is_of_grammar(&tokens[at]) {
            continue;
        }
        let around = Around { tokens, at };
        if around.is_liking() {
            "likes".clone_into(&mut tokens[at].text);
            continue;
        }
        if around.is_letter() {
            tokens[at].kind = Kind::Code;
        } else if !around.is_mention() {
            continue;
        }
        tokens[at].text.make_ascii_uppercase();
    }
}

const ARTICLES: [&str; 3] = ["a", "an", "the"];
/// Nouns for words of a programming language.
const CONSTRUCTS: [&str; 16] = [
    "loop",
    "loops",
    "statement",
    "statements",
    "clause",
    "clauses",
    "operator",
    "operators",
    "keyword",
    "keywords",
    "conditional",
    "conditionals",
    "construct",
    "constructs",
    "block",
    "blocks",
];
/// Words that begin such a construct, whatever stands before them.
const OPENERS: [&str; 7] = ["if", "while", "else", "unless", "until", "otherwise", "do"];
/// Verbs that ask for what a word does.
const EFFECTS: [&str; 7] = ["work", "works", "mean", "means", "do", "return", "evaluate"];
/// Nouns that are written like words of the grammar.
const NOUNS: [&str; 7] = ["will", "can", "might", "well", "being", "like", "do"];
/// Stand for something that was named before, whatever is asked of them.
const DEMONSTRATIVES: [&str; 16] = [
    "it",
    "this",
    "that",
    "these",
    "those",
    "there",
    "one",
    "ones",
    "someone",
    "somebody",
    "anyone",
    "anybody",
    "person",
    "people",
    "everyone",
    "everybody",
];
/// Verbs and nouns of speaking, before what is said.
const SPEECH: [&str; 16] = [
    "say",
    "saying",
    "says",
    "said",
    "translate",
    "spell",
    "pronounce",
    "mean",
    "does",
    "is",
    "word",
    "words",
    "phrase",
    "of",
    "write",
    "translation",
];
/// Nouns whose kinds are numbered in Roman numerals.
const NUMBERED: [&str; 14] = [
    "war", "type", "phase", "stage", "class", "level", "grade", "volume", "chapter", "act", "section",
    "article", "title", "schedule",
];

struct Around<'a> {
    tokens: &'a [Token],
    at: usize,
}

impl<'a> Around<'a> {
    fn token(&self) -> &'a Token {
        &self.tokens[self.at]
    }

    fn text(&self) -> &'a str {
        &self.token().text
    }

    /// The token so many places before, unless something ends between.
    fn before(&self, places: usize) -> &'a str {
        let from = self.at.checked_sub(places);
        let is_near = |from: &usize| !self.tokens[from + 1..=self.at].iter().any(|token| token.begins);
        from.filter(is_near).map_or("", |from| &self.tokens[from].text)
    }

    /// The token so many places behind, unless something ends between.
    fn next(&self, places: usize) -> &'a str {
        let next = self.tokens.get(self.at + places);
        let is_near =
            |_: &&Token| !self.tokens[self.at + 1..=self.at + places].iter().any(|token| token.begins);
        next.filter(is_near).map_or("", |token| &token.text)
    }

    fn next_token(&self) -> Option<&'a Token> {
        self.tokens.get(self.at + 1).filter(|token| !token.begins)
    }

    /// "Plan a": no article, because nothing follows that it could belong to.
    fn is_letter(&self) -> bool {
        let next = self.next(1);
        self.text() == "a"
            && self.at > 0
            && (next.is_empty() || words::classes(next) & (AUXILIARY | COORDINATION | PREPOSITION) != 0)
            && !NOUNS.contains(&next)
            && !CONSTRUCTS.contains(&self.next(2))
            && words::classes(self.before(1)) & (AUXILIARY | EMPTY) != AUXILIARY | EMPTY
            && !self.token().begins
    }

    /// "Why do you like it": the verb.
    fn is_liking(&self) -> bool {
        let (before, earlier) = (self.before(1), self.before(2));
        let is_asked = |word: &str| ["do", "does", "did", "not", "and"].contains(&word);
        let class = words::classes(before);
        self.text() == "like"
            && !self.next(1).is_empty()
            && !["would", "should", "could"].contains(&earlier)
            && (class & (FIRST_PERSON | SECOND_PERSON) != 0
                || ["they", "people", "he", "she", "not"].contains(&before)
                || (is_asked(earlier) && class == 0))
    }

    fn is_mention(&self) -> bool {
        let classes = words::classes(self.text());
        if classes & POLITE != 0 {
            return self.is_said();
        }
        if classes & PRAISE != 0 {
            return self.is_no_praise();
        }
        if classes & EMPTY == 0 || ARTICLES.contains(&self.text()) {
            return false;
        }
        self.is_homograph() || self.is_keyword(classes) || self.is_compared()
    }

    /// "How to say thanks", "translate: hello", "hello world".
    fn is_said(&self) -> bool {
        let (text, before) = (self.text(), self.before(1));
        match text {
            "please" | "pls" | "plz" | "kindly" | "dear" | "thank" => SPEECH.contains(&before),
            _ if self.next(1) == "world" => true,
            _ => self.at > 0 && (self.token().follows_colon || !(self.token().begins || is_polite(before))),
        }
    }

    /// "Hotels in nice", "the top of the hill", "Great Britain".
    fn is_no_praise(&self) -> bool {
        let (next, before) = (self.next(1), self.before(1));
        let is_open = |word: &str| !word.is_empty() && words::classes(word) == 0;
        let is_place = ["in", "near", "from", "to"].contains(&before)
            && !is_open(next)
            && words::classes(next) & PRAISE == 0
            && self.text() != "better";
        let is_title = self.token().is_capital
            && !self.token().begins
            && self.next_token().is_none_or(|next| next.is_capital && next.kind == Kind::Word);
        let is_noun = self.text() == "good"
            && before == "the"
            && (next.is_empty() || words::classes(next) & (PREPOSITION | AUXILIARY) != 0);
        is_place || is_title || is_noun || (self.text() == "top" && next == "of" && before == "the")
    }

    /// What is written like a word of the grammar, where that cannot stand.
    fn is_homograph(&self) -> bool {
        let (before, next) = (self.before(1), self.next(1));
        match self.text() {
            "us" | "it" | "who" if before == "the" => true,
            "us" => {
                let class = words::classes(before);
                (before == "in" && words::classes(next) & FIRST_PERSON == 0)
                    || ((before.is_empty() || class & (AUXILIARY | COORDINATION) != 0)
                        && words::classes(next) == 0
                        && is_noun(next))
            }
            "may" => {
                ["in", "of", "until", "till", "since", "by", "last", "next", "early", "late"]
                    .contains(&before)
                    || self.is_number(self.at + 1)
                    || self.at.checked_sub(1).is_some_and(|at| self.is_number(at))
                    || next == "day"
                    || (self.token().is_capital && !self.token().begins)
                    || (["is", "was"].contains(&before) && self.at == 1)
            }
            "will" if self.token().is_capital && self.next_token().is_some_and(|next| next.is_capital) => {
                true
            }
            "i" => {
                let follows = words::classes(next);
                (NUMBERED.contains(&before)
                    && follows & AUXILIARY == 0
                    && (next.is_empty() || follows != 0 || is_noun(next)))
                    || (self.at > 1
                        && self.at + 1 == self.tokens.len()
                        && words::classes(before) == 0
                        && is_noun(before))
            }
            noun => NOUNS.contains(&noun) && ARTICLES.contains(&before) && next != "of",
        }
    }

    fn is_number(&self, at: usize) -> bool {
        self.tokens.get(at).is_some_and(|token| token.kind == Kind::Number)
    }

    /// "A for loop", "how does with work", "how do I use if in bash".
    fn is_keyword(&self, classes: u32) -> bool {
        let (before, next) = (self.before(1), self.next(1));
        let is_pronoun = classes & (FIRST_PERSON | SECOND_PERSON | THIRD_PERSON) != 0
            || DEMONSTRATIVES.contains(&self.text());
        if is_pronoun {
            return ["word", "keyword", "pronoun"].contains(&before)
                && (next.is_empty() || EFFECTS.contains(&next));
        }
        if CONSTRUCTS.contains(&next) {
            return ARTICLES.contains(&before)
                || OPENERS.contains(&self.text())
                || before.bytes().any(|byte| byte.is_ascii_uppercase());
        }
        if ["does", "did"].contains(&before) && EFFECTS.contains(&next) {
            return true;
        }
        // "Use in in Python": between a verb or its subject and where it is used.
        let is_used = ["use", "using"].contains(&before) || (before == "is" && self.before(2) == "what");
        is_used
            && next == "in"
            && !self.next(2).is_empty()
            && !ARTICLES.contains(&self.next(2))
            && classes & AUXILIARY == 0
            || ["use", "using"].contains(&before) && next == "in" && classes & AUXILIARY != 0
    }

    /// "The difference between who and whom", "in vs on".
    fn is_compared(&self) -> bool {
        let is_listing = |word: &str| ["and", "or", "vs", "versus"].contains(&word);
        let is_word = |word: &str| words::classes(word) & EMPTY != 0 && !ARTICLES.contains(&word);
        let ends = |word: &str| word.is_empty() || word == "in";
        let (before, next) = (self.before(1), self.next(1));
        let is_first = ["between", "use"].contains(&before) || before.is_empty();
        let is_second = |word: &str| word.bytes().any(|byte| byte.is_ascii_uppercase());
        if is_listing(self.text()) {
            return false;
        }
        (is_first && is_listing(next) && is_word(self.next(2)) && ends(self.next(3)))
            || (is_listing(before) && is_second(self.before(2)) && ends(next))
    }
}

fn is_polite(word: &str) -> bool {
    words::classes(word) & POLITE != 0
}

fn is_noun(word: &str) -> bool {
    lexicon().lemma(word).is_some_and(|id| lexicon().pos(id).contains(Pos::NOUN))
}
