//! What a question is about: its words, numbers and names, and how much each of them says.

use super::lexicon::{WordId, lexicon};
use super::token::Kind;

/// A word, number or name that says what a question is about.
#[derive(Debug, Clone)]
#[expect(clippy::struct_excessive_bools, reason = "each says something by itself")]
pub(super) struct Term {
    pub(super) text: String,
    pub(super) kind: Kind,
    /// Its lemma in the lexicon.
    pub(super) word: Option<WordId>,
    /// Of the lemma, or of the stem of a word that the lexicon does not have: what the index finds it by.
    pub(super) key: u64,
    /// How much it says, see [`weight`].
    pub(super) weight: f32,
    pub(super) is_name: bool,
    /// Behind "not" or "less".
    pub(super) is_negated: bool,
    /// The preposition it depends on.
    pub(super) preposition: Option<&'static str>,
    /// Whether it is the first behind it.
    pub(super) is_governed: bool,
    /// Whether "and", "or" or a comma stands between it and the term before.
    pub(super) is_listed: bool,
    /// Behind "than".
    pub(super) is_compared: bool,
    /// Written with a capital that nothing but a name explains.
    pub(super) is_capital: bool,
    /// Classes of `words`.
    pub(super) classes: u32,
    /// The number of words of the grammar and terms before it.
    pub(super) place: usize,
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

/// That of a word that the lexicon does not have: it may be inflected all the same.
pub(super) fn stem_key(text: &str) -> u64 {
    let stem = ["ing", "ed", "es", "s"]
        .iter()
        .find_map(|ending| text.strip_suffix(ending).filter(|stem| stem.len() > 3 && !stem.ends_with('s')))
        .unwrap_or(text);
    key(stem.strip_suffix('e').unwrap_or(stem))
}

/// How much a term says, on a scale that is about the negative logarithm of its frequency.
pub(super) mod weight {
    pub(in super::super) const CODE: f32 = 8.0;
    pub(in super::super) const NUMBER: f32 = 5.0;
    pub(in super::super) const PRAISE: f32 = 0.8;
    pub(in super::super) const SCOPE: f32 = 2.0;
    /// How something is done.
    pub(in super::super) const MANNER: f32 = 1.5;
    /// Of a word that the lexicon does not have: mostly a name.
    pub(in super::super) const NAME: f32 = 6.0;
    /// Of a name behind a name.
    pub(in super::super) const SURNAME: f32 = 3.0;

    /// The most frequent words say little, but something.
    const LEAST: f32 = 1.5;
    /// Of the logarithm of a rank, what every word has: some 50 words are of the grammar.
    const COMMON: f32 = 4.0;

    pub(in super::super) fn of(rarity: Option<f32>) -> f32 {
        rarity.map_or(NAME, |rarity| (rarity - COMMON).max(LEAST))
    }
}
