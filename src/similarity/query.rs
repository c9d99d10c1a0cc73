//! A question taken apart: what it is about, in what order, and what must agree with another one.

use super::frames::{Ask, frame};
use super::lexicon::{Lexicon, Pos, WordId, lexicon};
use super::text::Script;
use super::token::{Kind, LONGEST, Token, tokens};
use super::words::{
    self, AUXILIARY, CONDITION, COORDINATION, DEGREE, EMPTY, FIRST_PERSON, NEGATION, POLITE, PRAISE,
    PREPOSITION, SCOPE, SECOND_PERSON, THIRD_PERSON,
};

/// Terms looked at; a longer question is compared by its exact form only.
pub(super) const MOST_TERMS: usize = 64;

/// A word, number or name that says what a question is about.
#[derive(Debug, Clone)]
pub(super) struct Term {
    pub(super) text: String,
    pub(super) kind: Kind,
    /// Its lemma in the lexicon.
    pub(super) word: Option<WordId>,
    /// Of the lemma, or of the stem of a word that the lexicon does not have: what the index finds it by.
    pub(super) key: u64,
    /// How much it says, see [`Query::parse`].
    pub(super) weight: f32,
    pub(super) is_name: bool,
    /// Behind "not" or "less".
    pub(super) is_negated: bool,
    /// The preposition it depends on.
    pub(super) preposition: Option<&'static str>,
    /// Whether "and", "or" or a comma stands between it and the term before.
    pub(super) is_listed: bool,
    /// Classes of `words`.
    pub(super) classes: u32,
    /// The number of words of the grammar and terms before it.
    pub(super) place: usize,
}

/// A question taken apart.
#[derive(Debug, Clone)]
#[expect(clippy::struct_excessive_bools, reason = "each says something by itself")]
pub(super) struct Query {
    pub(super) ask: Ask,
    pub(super) terms: Vec<Term>,
    /// Numbers, each with the unit behind it if there is one; sorted.
    pub(super) numbers: Vec<String>,
    /// Identifiers, paths, signs; sorted.
    pub(super) codes: Vec<String>,
    /// Words between quotation marks, in order.
    pub(super) quoted: Vec<String>,
    /// Words that say when or under what condition; sorted.
    pub(super) conditions: Vec<String>,
    /// Words of number and degree; sorted.
    pub(super) scopes: Vec<String>,
    /// He, she, they: `m`, `f`, `t`, in order.
    pub(super) third_persons: Vec<u8>,
    pub(super) has_first_person: bool,
    pub(super) has_second_person: bool,
    pub(super) has_and: bool,
    pub(super) has_or: bool,
    /// Negations that no term takes up.
    pub(super) loose_negations: usize,
    /// A form of "be" before a verb that has "by" behind it.
    pub(super) has_be: bool,
    pub(super) scripts: Vec<Script>,
    /// All tokens with spaces between them, politeness left out.
    pub(super) normal: String,
}

impl Query {
    /// Takes a text apart; `None` for one that is too long, or no text of words but a name
    /// that a program made. Of those only the exact form counts.
    pub(super) fn parse(text: &str) -> Option<Self> {
        if !is_question(text) {
            return None;
        }
        let tokens = tokens(text);
        let mut query = Self::new(normal(&tokens));
        let (before, ask, rest) = question(&tokens);
        query.ask = ask;
        query.has_be = tokens.iter().any(|token| is_be(&token.text));
        let mut builder = Builder { query: &mut query, lexicon: lexicon(), pending: Pending::default() };
        builder.read(before);
        builder.read(rest);
        builder.end();
        if query.terms.len() > MOST_TERMS {
            return None;
        }
        for list in [
            &mut query.numbers,
            &mut query.codes,
            &mut query.conditions,
            &mut query.scopes,
            &mut query.quoted,
        ] {
            list.sort_unstable();
        }
        query.scripts.sort_unstable_by_key(|script| *script as u8);
        query.scripts.dedup();
        Some(query)
    }

    fn new(normal: String) -> Self {
        Self {
            ask: Ask::Nothing,
            terms: Vec::new(),
            numbers: Vec::new(),
            codes: Vec::new(),
            quoted: Vec::new(),
            conditions: Vec::new(),
            scopes: Vec::new(),
            third_persons: Vec::new(),
            has_first_person: false,
            has_second_person: false,
            has_and: false,
            has_or: false,
            loose_negations: 0,
            has_be: false,
            scripts: Vec::new(),
            normal,
        }
    }
}

/// The form in which a text is the same as another one: case, spaces, punctuation, contractions and politeness aside.
pub(super) fn normal(tokens: &[Token]) -> String {
    let mut normal = String::new();
    let is_polite = |token: &&Token| token.kind == Kind::Word && words::classes(&token.text) & POLITE != 0;
    let has_more = tokens.iter().any(|token| !is_polite(&token));
    for token in tokens {
        if has_more && is_polite(&token) && !token.is_quoted {
            continue;
        }
        if !normal.is_empty() {
            normal.push(' ');
        }
        if token.is_quoted {
            normal.push('"');
        }
        normal.push_str(&token.text);
    }
    normal
}

/// What the words before have to say about the next term.
#[derive(Default)]
struct Pending {
    is_negated: bool,
    preposition: Option<&'static str>,
    is_listed: bool,
    follows_number: bool,
    place: usize,
}

struct Builder<'a> {
    query: &'a mut Query,
    lexicon: &'static Lexicon,
    pending: Pending,
}

impl Builder<'_> {
    fn read(&mut self, tokens: &[Token]) {
        for (at, token) in tokens.iter().enumerate() {
            self.pending.place += 1;
            if is_interjection(tokens, at) {
                continue;
            }
            if is_past_habit(tokens, at) {
                self.query.scopes.push("used to".to_owned());
            }
            if token.begins && at > 0 {
                self.pending.preposition = None;
                self.pending.is_listed = true;
            }
            if token.is_quoted && token.kind != Kind::Code {
                self.query.quoted.push(token.text.clone());
            }
            match token.kind {
                Kind::Word => self.word(token, tokens.get(at + 1)),
                Kind::Number => self.number(token),
                Kind::Code | Kind::Sign => {
                    self.query.codes.push(token.text.clone());
                    self.term(token, None, weight::CODE);
                }
            }
        }
    }

    fn end(&mut self) {
        self.query.loose_negations += usize::from(self.pending.is_negated);
    }

    fn number(&mut self, token: &Token) {
        self.query.numbers.push(token.text.clone());
        self.term(token, None, weight::NUMBER);
        self.pending.follows_number = true;
    }

    fn word(&mut self, token: &Token, next: Option<&Token>) {
        let word = token.text.as_str();
        let script = word.chars().next().map_or(Script::Other, Script::of);
        self.query.scripts.push(script);
        if let Some(number) = words::number(word) {
            self.query.numbers.push(number.to_owned());
            self.term(
                &Token { text: number.to_owned(), kind: Kind::Number, ..token.clone() },
                None,
                weight::NUMBER,
            );
            self.pending.follows_number = true;
            return;
        }
        let classes = words::classes(word);
        let query = &mut *self.query;
        if classes & NEGATION != 0 || word == "less" || word == "fewer" {
            query.loose_negations += usize::from(self.pending.is_negated);
            self.pending.is_negated = true;
            return;
        }
        if classes & CONDITION != 0 {
            query.conditions.push(word.to_owned());
        }
        if classes & THIRD_PERSON != 0 {
            query.third_persons.push(match word.as_bytes()[0] {
                b't' => b't',
                b's' => b'f',
                _ if word.starts_with("her") => b'f',
                _ => b'm',
            });
        }
        query.has_first_person |= classes & FIRST_PERSON != 0;
        query.has_second_person |= classes & SECOND_PERSON != 0;
        match word {
            "and" => query.has_and = true,
            "or" => query.has_or = true,
            _ => {}
        }
        if classes & COORDINATION != 0 {
            self.pending.is_listed = true;
        }
        if classes & PREPOSITION != 0 {
            let is_infinitive = word == "to" && next.is_some_and(|next| is_verb(self.lexicon, &next.text));
            self.pending.preposition = if is_infinitive { None } else { words::preposition(word) };
        } else if classes & AUXILIARY != 0 {
            self.pending.preposition = None;
        }
        if classes & EMPTY != 0 {
            return;
        }
        if classes & SCOPE != 0 {
            query.scopes.push(if word.starts_with("bec") { "become".to_owned() } else { word.to_owned() });
        }
        let id = if token.is_acronym { None } else { self.lexicon.lemma(word) };
        let weight = if classes & PRAISE != 0 && !matches!(query.ask, Ask::IsSo | Ask::WasSo) {
            weight::PRAISE
        } else if classes & (SCOPE | DEGREE) != 0 {
            weight::SCOPE
        } else {
            weight::of(id.map(|id| self.lexicon.rarity(id)))
        };
        self.term(token, id, weight);
    }

    fn term(&mut self, token: &Token, word: Option<WordId>, weight: f32) {
        let info = word.map(|id| self.lexicon.info(id));
        let classes = if token.kind == Kind::Word { words::classes(&token.text) } else { 0 };
        let is_known = info.is_some_and(|info| !(info.is_proper && info.pos == Pos::NOUN));
        let pending = std::mem::take(&mut self.pending);
        let is_name = token.kind == Kind::Word
            && classes == 0
            && (token.is_capital || !is_known)
            && !pending.follows_number;
        let is_surname = is_name
            && self.query.terms.last().is_some_and(|last| last.is_name && last.place + 1 == pending.place);
        let weight = match (is_name, is_surname) {
            (_, true) => weight.min(weight::SURNAME),
            (true, _) => weight.min(weight::NAME),
            _ => weight,
        };
        self.query.terms.push(Term {
            key: word.map_or_else(|| stem_key(&token.text), |id| key(self.lexicon.info(id).lemma)),
            is_name,
            text: token.text.clone(),
            kind: token.kind,
            word,
            weight,
            is_negated: pending.is_negated,
            preposition: pending.preposition,
            is_listed: pending.is_listed,
            classes,
            place: pending.place,
        });
        self.pending =
            Pending { preposition: pending.preposition, place: pending.place, ..Pending::default() };
    }
}

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

/// What is said before the question, what kind of answer it asks for, and what it is about.
fn question(tokens: &[Token]) -> (&[Token], Ask, &[Token]) {
    let starts = (0..tokens.len()).filter(|&at| at == 0 || tokens[at].begins_sentence).take(8);
    for at in starts {
        let (ask, rest) = frame(&tokens[at..]);
        if ask != Ask::Nothing {
            return (&tokens[..at], ask, rest);
        }
    }
    (&[], Ask::Nothing, frame(tokens).1)
}

/// "Yes," and "no," before what is said.
fn is_interjection(tokens: &[Token], at: usize) -> bool {
    at == 0
        && ["yes", "no"].contains(&tokens[0].text.as_str())
        && tokens.get(1).is_some_and(|next| next.begins)
}

/// "X used to be", "did X use to be"; not "X is used to".
fn is_past_habit(tokens: &[Token], at: usize) -> bool {
    let word = |place: usize| tokens.get(place).map_or("", |token| token.text.as_str());
    ["use", "used"].contains(&word(at))
        && word(at + 1) == "to"
        && !(at > 0 && (is_be(word(at - 1)) || ["to", "not", "get", "getting"].contains(&word(at - 1))))
        && !(at == 0 && word(at) == "use")
}

fn is_be(word: &str) -> bool {
    matches!(word, "am" | "is" | "are" | "was" | "were" | "be" | "been" | "being")
}

fn is_verb(lexicon: &Lexicon, word: &str) -> bool {
    words::classes(word) & EMPTY == 0
        && lexicon.lemma(word).is_some_and(|id| lexicon.pos(id).intersects(Pos::VERB))
}

impl Term {
    /// The most that it may say where it stands elsewhere.
    pub(super) fn most_weight(&self) -> f32 {
        if self.is_name { weight::NAME } else { self.weight }
    }
}

/// How much a word says that nothing else is known of.
pub(super) fn word_weight(word: WordId) -> f32 {
    weight::of(Some(lexicon().rarity(word)))
}

/// What the index finds a word by.
pub(super) fn key(text: &str) -> u64 {
    xxhash_rust::xxh3::xxh3_64(text.as_bytes())
}

fn stem_key(text: &str) -> u64 {
    // A word that the lexicon does not have may be inflected all the same.
    let stem = ["ing", "ed", "es", "s"]
        .iter()
        .find_map(|ending| text.strip_suffix(ending).filter(|stem| stem.len() > 3 && !stem.ends_with('s')))
        .unwrap_or(text);
    key(stem.strip_suffix('e').unwrap_or(stem))
}

/// How much a term says, on a scale that is about the negative logarithm of its frequency.
mod weight {
    pub(super) const CODE: f32 = 8.0;
    pub(super) const NUMBER: f32 = 5.0;
    pub(super) const PRAISE: f32 = 0.8;
    pub(super) const SCOPE: f32 = 2.0;
    /// Of a word that the lexicon does not have: mostly a name.
    pub(super) const NAME: f32 = 6.0;
    /// Of a name behind a name.
    pub(super) const SURNAME: f32 = 3.0;

    /// The most frequent words say little, but something.
    const LEAST: f32 = 1.5;
    /// Of the logarithm of a rank, what every word has: some 50 words are of the grammar.
    const COMMON: f32 = 4.0;

    pub(super) fn of(rarity: Option<f32>) -> f32 {
        rarity.map_or(NAME, |rarity| (rarity - COMMON).max(LEAST))
    }
}
