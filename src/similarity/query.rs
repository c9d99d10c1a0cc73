//! A question taken apart: what it is about, in what order, and what must agree with another one.

use super::facts::{Facts, third_person};
use super::frames::Ask;
use super::lexicon::{Lexicon, Pos, WordId, lexicon};
use super::restate::{Restated, is_future, restate, standing_for};
use super::sentence::{
    Asked, is_be, is_foreign, is_interjection, is_order, is_past_habit, is_question, is_single, question,
};
pub(super) use super::term::{Term, key};
use super::term::{stem_key, weight};
use super::text::Script;
use super::token::{self, Kind, Token, tokens};
use super::words::{
    self, AUXILIARY, CONDITION, COORDINATION, DEGREE, EMPTY, FIRST_PERSON, NEGATION, POLITE, PRAISE,
    PREPOSITION, SCOPE, SECOND_PERSON, THIRD_PERSON,
};

/// Terms looked at; a longer question is compared by its exact form only.
const MOST_TERMS: usize = 64;

/// A question taken apart.
#[derive(Debug, Clone)]
#[expect(clippy::struct_excessive_bools, reason = "each says something by itself")]
pub(super) struct Query {
    pub(super) ask: Ask,
    pub(super) terms: Vec<Term>,
    /// Numbers, in order.
    pub(super) numbers: Vec<String>,
    /// Identifiers, paths, signs, in order.
    pub(super) codes: Vec<String>,
    /// Words between quotation marks, in order.
    pub(super) quoted: Vec<String>,
    /// Words that say when or under what condition; sorted.
    pub(super) conditions: Vec<String>,
    /// Prepositions, and the particles of verbs that look like them.
    pub(super) particles: Vec<&'static str>,
    /// Words of number and degree; sorted.
    pub(super) scopes: Vec<String>,
    /// He, she, they: `m`, `f`, `t`, in order.
    pub(super) third_persons: Vec<u8>,
    pub(super) facts: Facts,
    /// Prepositions without anything behind them that they belong to.
    pub(super) stranded: Vec<&'static str>,
    pub(super) has_and: bool,
    pub(super) has_or: bool,
    /// Negations that no term takes up.
    pub(super) loose_negations: usize,
    /// A form of "be" before a verb that has "by" behind it.
    pub(super) has_be: bool,
    pub(super) scripts: Vec<Script>,
    /// Written in another language, as far as that can be told.
    pub(super) is_foreign: bool,
    /// Something is to be done, or somebody tells what is wrong: no statement about the world.
    pub(super) is_order: bool,
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
        let tokens = tokens(text)?;
        let mut query = Self::new(normal(&tokens));
        let Asked { before, ask, whole, rest } = question(&tokens);
        let Restated { ask, rest, noun, measure } = restate(ask, whole, rest);
        query.ask = ask;
        query.has_be = tokens.iter().any(|token| is_be(&token.text) || token.text == "got");
        query.is_foreign = is_foreign(&tokens);
        query.is_order = is_order(&tokens);
        query.facts = Facts::new(whole, rest, measure);
        let mut builder = Builder { query: &mut query, lexicon: lexicon(), pending: Pending::default() };
        builder.read(before);
        if let Some(noun) = noun {
            builder.noun(noun, rest);
        }
        builder.read(rest);
        builder.end();
        if query.terms.len() > MOST_TERMS {
            return None;
        }
        for list in [&mut query.conditions, &mut query.scopes] {
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
            particles: Vec::new(),
            scopes: Vec::new(),
            third_persons: Vec::new(),
            facts: Facts::default(),
            stranded: Vec::new(),
            has_and: false,
            has_or: false,
            loose_negations: 0,
            has_be: false,
            scripts: Vec::new(),
            is_foreign: false,
            is_order: false,
            normal,
        }
    }
}

/// The form in which a text is the same as another one: case, spaces, punctuation, contractions aside, and politeness at the
/// beginning and the end.
fn normal(tokens: &[Token]) -> String {
    let is_polite = |token: &Token| {
        token.kind == Kind::Word && !token.is_quoted && words::classes(&token.text) & POLITE != 0
    };
    let start = tokens.iter().position(|token| !is_polite(token)).unwrap_or(0);
    // "How to say thanks" is no thanks.
    let mut end = tokens.len();
    while end > start + 1
        && is_polite(&tokens[end - 1])
        && (tokens[end - 1].begins || tokens[end - 1].text == "please")
    {
        end -= 1;
    }
    let mut normal = String::new();
    for token in &tokens[start..end] {
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
#[expect(clippy::struct_excessive_bools, reason = "each says something by itself")]
struct Pending {
    is_negated: bool,
    preposition: Option<&'static str>,
    /// Whether the preposition has nothing behind it yet.
    is_open: bool,
    is_listed: bool,
    follows_number: bool,
    is_compared: bool,
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
                self.strand();
                self.pending.preposition = None;
                self.pending.is_listed = true;
            }
            if token.is_quoted && token.kind != Kind::Code {
                self.query.quoted.push(token.text.clone());
            }
            match token.kind {
                Kind::Word => self.word(token, at.checked_sub(1).map(|at| &tokens[at]), tokens.get(at + 1)),
                Kind::Number => self.number(token),
                Kind::Code | Kind::Sign => {
                    self.query.codes.push(token.text.clone());
                    self.term(token, None, weight::CODE);
                }
            }
        }
    }

    /// A noun in place of what was asked by.
    fn noun(&mut self, noun: &str, rest: &[Token]) {
        if let Some(token) = rest.first() {
            let is_capital = false;
            self.word(
                &Token { text: noun.to_owned(), kind: Kind::Word, is_capital, ..token.clone() },
                None,
                None,
            );
        }
    }

    fn end(&mut self) {
        self.strand();
        self.query.loose_negations += usize::from(self.pending.is_negated);
    }

    /// Nothing follows that the preposition before belongs to.
    fn strand(&mut self) {
        if std::mem::take(&mut self.pending.is_open) {
            self.query.stranded.extend(self.pending.preposition);
        }
    }

    fn number(&mut self, token: &Token) {
        self.query.numbers.push(token.text.clone());
        self.term(token, None, weight::NUMBER);
        self.pending.follows_number = true;
    }

    fn word(&mut self, token: &Token, before: Option<&Token>, next: Option<&Token>) {
        let word = token.text.as_str();
        let script = word.chars().next().map_or(Script::Other, Script::of);
        self.query.scripts.push(script);
        if self.is_free_of(word, next) {
            return;
        }
        self.pending.is_compared |= word == "than";
        let number = words::number(word)
            .or_else(|| (self.query.ask != Ask::Degree && is_single(token, before, next)).then_some("1"));
        if let Some(number) = number {
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
            query.third_persons.push(third_person(word));
        }
        if !token.is_capital {
            query
                .scopes
                .extend(words::frequency(word, next.map_or("", |next| &next.text)).map(str::to_owned));
        }
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
            let preposition = if is_infinitive { None } else { words::preposition(word) };
            query.particles.extend(preposition);
            self.strand();
            (self.pending.preposition, self.pending.is_open) = (preposition, preposition.is_some());
        } else if classes & AUXILIARY != 0 && !word.ends_with("ing") {
            self.strand();
            self.pending.preposition = None;
        } else if classes & (FIRST_PERSON | SECOND_PERSON | THIRD_PERSON) != 0 {
            self.pending.is_open = false;
        }
        if is_future(token, next) {
            return;
        }
        // What stands between quotation marks is a word, whether that is said or not.
        let is_name_of_quoted = NAMES_OF_WORDS.contains(&word) && next.is_some_and(|next| next.is_quoted);
        let is_existence = EXISTENCE.contains(&word) && self.query.ask.is_whether();
        if classes & EMPTY != 0 || is_existence || is_name_of_quoted {
            return;
        }
        let query = &mut *self.query;
        // "How do I become one" asks how to be one.
        let is_becoming = word.starts_with("bec") && query.ask == Ask::How;
        if classes & SCOPE != 0 && !is_becoming {
            query.scopes.push(if word.starts_with("bec") { "become".to_owned() } else { word.to_owned() });
        }
        let id = if token.is_acronym { None } else { self.lexicon.lemma(standing_for(word)) };
        let weight = if classes & PRAISE != 0 && !matches!(query.ask, Ask::IsSo | Ask::WasSo) {
            weight::PRAISE
        } else if classes & (SCOPE | DEGREE) != 0 {
            weight::SCOPE
        } else if query.ask == Ask::How && self.is_of_the_way(word, next) {
            weight::MANNER
        } else {
            weight::of(id.map(|id| self.lexicon.rarity(id)))
        };
        self.term(token, id, weight);
    }

    /// "Gluten free bread", "free of gluten": without it.
    fn is_free_of(&mut self, word: &str, next: Option<&Token>) -> bool {
        if word != "free" && word != token::WITHOUT {
            return false;
        }
        if next.is_some_and(|next| ["of", "from"].contains(&&*next.text)) {
            self.pending.is_negated = true;
            return true;
        }
        let (ask, place) = (self.query.ask, self.pending.place);
        let is_verb = !matches!(ask, Ask::What | Ask::IsSo | Ask::WasSo) && self.query.terms.len() == 1;
        let Some(last) = self.query.terms.last_mut().filter(|last| last.place + 1 == place) else {
            return false;
        };
        let is =
            |text: &str, pos| self.lexicon.lemma(text).is_some_and(|id| self.lexicon.pos(id).contains(pos));
        let is_before_noun = match next {
            Some(next) => words::classes(&next.text) == 0 && is(&next.text, Pos::NOUN),
            None => !ask.is_whether(),
        };
        let is_noun =
            !is_verb && !last.is_name && !GIVING.contains(&&*last.text) && is(&last.text, Pos::NOUN);
        let is_without = word == token::WITHOUT || (is_before_noun && is_noun);
        last.is_negated |= is_without;
        is_without
    }

    /// How something is done, or that it is begun, says little where the way is asked for: "quickly", "start to learn".
    fn is_of_the_way(&self, word: &str, next: Option<&Token>) -> bool {
        let next = next.map_or("", |next| &next.text);
        let is_manner = word.ends_with("ly") || (word == "fast" && next.is_empty());
        (["start", "begin"].contains(&word) && (next == "to" || next.ends_with("ing")))
            || (is_manner
                && self.lexicon.word(word).is_none_or(|id| self.lexicon.pos(id).contains(Pos::ADVERB)))
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
            is_governed: pending.is_open,
            is_listed: pending.is_listed,
            is_compared: pending.is_compared,
            is_capital: token.is_capital,
            classes,
            place: pending.place,
        });
        let Pending { preposition, place, is_compared, .. } = pending;
        self.pending = Pending { preposition, is_compared, place, ..Pending::default() };
    }
}

const NAMES_OF_WORDS: [&str; 6] = ["word", "words", "phrase", "term", "expression", "idiom"];

/// "Do ghosts exist" asks the same as "are there ghosts".
const EXISTENCE: [&str; 3] = ["exist", "exists", "existing"];

/// Verbs that are nouns, too, and that something free may stand behind.
const GIVING: [&str; 8] = ["get", "find", "need", "want", "offer", "try", "use", "download"];

/// Whether a word is a verb and no noun.
fn is_verb(lexicon: &Lexicon, word: &str) -> bool {
    words::classes(word) & EMPTY == 0
        && lexicon
            .lemma(word)
            .is_some_and(|id| lexicon.pos(id).contains(Pos::VERB) && !lexicon.pos(id).contains(Pos::NOUN))
}
