//! A question taken apart: what it is about, in what order, and what must agree with another one.

use super::frames::Ask;
use super::lexicon::{Lexicon, Pos, WordId, lexicon};
use super::sentence::{Asked, has_one_of, is_be, is_interjection, is_past_habit, is_question, question};
use super::text::Script;
use super::token::{Kind, Token, tokens};
use super::words::{
    self, AUXILIARY, CONDITION, COORDINATION, DEGREE, EMPTY, FIRST_PERSON, NEGATION, POLITE, PRAISE,
    PREPOSITION, SCOPE, SECOND_PERSON, THIRD_PERSON,
};

/// Terms looked at; a longer question is compared by its exact form only.
const MOST_TERMS: usize = 64;

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
    /// I and you: 1 and 2, in order.
    pub(super) persons: Vec<u8>,
    /// Whether a form of "do" comes before who does it: what is asked for is not who does it.
    pub(super) asks_for_object: bool,
    /// Forms of verbs that tell the time: `s` is, `w` was, `d` did, `l` will.
    pub(super) times: Vec<u8>,
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
        let Asked { before, ask, whole, rest } = question(&tokens);
        query.ask = ask;
        query.has_be = tokens.iter().any(|token| is_be(&token.text));
        query.asks_for_object = has_one_of(rest, 2, &["do", "does", "did"])
            && !has_one_of(rest, 6, &["think", "believe", "say", "consider"]);
        query.note_persons_and_times(whole);
        let mut builder = Builder { query: &mut query, lexicon: lexicon(), pending: Pending::default() };
        builder.read(before);
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

    fn note_persons_and_times(&mut self, asked: &[Token]) {
        for token in asked.iter().filter(|token| token.kind == Kind::Word) {
            let classes = words::classes(&token.text);
            if classes & FIRST_PERSON != 0 {
                self.persons.push(1);
            } else if classes & SECOND_PERSON != 0 {
                self.persons.push(2);
            }
            let time = match token.text.as_str() {
                "is" | "are" | "am" => b's',
                "was" | "were" => b'w',
                "did" => b'd',
                "will" => b'l',
                _ => continue,
            };
            if !self.times.contains(&time) {
                self.times.push(time);
            }
        }
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
            persons: Vec::new(),
            asks_for_object: false,
            times: Vec::new(),
            has_and: false,
            has_or: false,
            loose_negations: 0,
            has_be: false,
            scripts: Vec::new(),
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
            query.particles.extend(self.pending.preposition);
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

/// Whether a word is a verb and no noun.
fn is_verb(lexicon: &Lexicon, word: &str) -> bool {
    words::classes(word) & EMPTY == 0
        && lexicon
            .lemma(word)
            .is_some_and(|id| lexicon.pos(id).contains(Pos::VERB) && !lexicon.pos(id).contains(Pos::NOUN))
}

impl Term {
    /// The most that it may say where it stands elsewhere: behind a number, or as a first name.
    pub(super) fn most_weight(&self) -> f32 {
        let elsewhere = match (self.kind, self.word) {
            (Kind::Word, Some(word)) if self.classes == 0 => word_weight(word),
            (Kind::Word, None) => weight::NAME,
            _ => self.weight,
        };
        self.weight.max(elsewhere)
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
