//! English words: their lemmas, and which of them mean the same, the opposite, or are derived from each
//! other. From WordNet 3.1; `docs/decisions/0012-lexicon.md` says what was kept and how right it is.
//!
//! The table is embedded packed and unpacked at first use: 6.5 ms, and 2.8 MB from then on. All relations were worked
//! out by `examples/pack_lexicon`, so that asking is one hash lookup for each word and a short scan.
//!
//! Words are lower-case, of ASCII letters and hyphens. This file knows nothing of sentences or of words
//! of grammar: it has no prepositions, pronouns or conjunctions, though it may have a noun that is written
//! alike ("it", "as", "who" as abbreviations). Nor does it weigh the sense in which a word is used.

mod load;
mod morphology;
#[cfg(test)]
mod tests;

use std::sync::LazyLock;

use xxhash_rust::xxh3::xxh3_64;

use crate::base::held::register_for_good;

/// The parts of speech of a word: a set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pos(u8);

impl Pos {
    /// Nouns.
    pub const NOUN: Self = Self(1);
    /// Verbs.
    pub const VERB: Self = Self(1 << 1);
    /// Adjectives.
    pub const ADJECTIVE: Self = Self(1 << 2);
    /// Adverbs.
    pub const ADVERB: Self = Self(1 << 3);

    /// Whether all of `other` is in this set.
    pub fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether the two sets have a part of speech in common.
    pub fn intersects(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }
}

/// Bits of a shape above those of [`Pos`].
const POS_MASK: u8 = 0xF;
const PROPER: u8 = 1 << 4;
const INSTANCE: u8 = 1 << 5;
/// The word is a form that mostly stands for another lemma.
const REDIRECTED: u8 = 1 << 6;

/// Kinds of relations, in the upper bits of an edge.
const KIND_SHIFT: u32 = 24;
const WORD_MASK: u32 = (1 << KIND_SHIFT) - 1;
const SYNONYMS: u8 = 1;
const ANTONYMS: u8 = 1 << 1;
const NEGATED: u8 = 1 << 2;
const DERIVED: u8 = 1 << 3;

/// A word of the lexicon. Numbers are in alphabetical order and mean nothing outside of one build.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WordId(u32);

/// What is known of a word by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Info {
    /// As what it is used.
    pub pos: Pos,
    /// All its noun senses are written with a capital: "India", "Paris", "Monday".
    pub is_proper: bool,
    /// One of its senses is one certain person, place or event.
    pub is_instance: bool,
    /// The word.
    pub lemma: &'static str,
}

/// All words and what is known of them.
#[derive(Debug)]
pub struct Lexicon {
    /// All words in order, then all irregular forms that are no words.
    text: Box<[u8]>,
    /// Where each of them starts, and the end.
    starts: Box<[u32]>,
    slots: Slots,
    shapes: Box<[u8]>,
    counts: Box<[u16]>,
    rarities: Box<[u8]>,
    /// Where the edges of each word start, and the end.
    edge_starts: Box<[u32]>,
    /// Kinds above [`KIND_SHIFT`], the other word below.
    edges: Box<[u32]>,
    /// By number of the irregular form.
    lemmas: Box<[u32]>,
    /// Word and lemma, in the order of words.
    redirections: Box<[(u32, u32)]>,
}

/// The lexicon, unpacked at the first call.
pub fn lexicon() -> &'static Lexicon {
    static LEXICON: LazyLock<Lexicon> = LazyLock::new(|| {
        let lexicon = load::load(include_bytes!("data/lexicon.zst"));
        let bytes = lexicon.held_bytes() as u64;
        register_for_good("lexicon", move || bytes);
        lexicon
    });
    &LEXICON
}

impl Lexicon {
    /// Bytes that it holds.
    fn held_bytes(&self) -> usize {
        let words =
            [&self.starts, &self.edge_starts, &self.edges, &self.lemmas].map(|list| size_of_val(&**list));
        let bytes = [&self.text, &self.shapes, &self.rarities].map(|list| list.len());
        words.iter().chain(&bytes).sum::<usize>()
            + size_of_val(&*self.counts)
            + size_of_val(&*self.redirections)
            + self.slots.held_bytes()
    }

    /// The word itself, or if the lexicon has no such word, the lemma of which it is a form.
    pub fn word(&self, word: &str) -> Option<WordId> {
        self.look_up(word, false)
    }

    /// The lemma of a word or of an inflected form: "went" is "go", "children" is "child".
    ///
    /// - A word that is a lemma stays what it is, unless it is the form of a verb or noun that is used
    ///   so much more often that the form is probably meant: "found" is "find", "left" is "leave", but
    ///   "building" is not "build". The frequencies that are compared are those of WordNet: 4 times as often for
    ///   irregular forms, 8 for "-ed", 10 for "-ing", 2 for plurals; a few words are kept by name.
    ///   Comparatives that are lemmas ("better", "best") stay.
    /// - Otherwise irregular forms come from the lists of WordNet; one of both a verb and a noun ("leaves") is
    ///   of the more frequent.
    /// - Otherwise endings are taken off; verbs come before nouns, nouns before adjectives.
    pub fn lemma(&self, word: &str) -> Option<WordId> {
        self.look_up(word, true)
    }

    /// What is known of the word by itself.
    pub fn info(&'static self, id: WordId) -> Info {
        let shape = self.shapes[id.0 as usize];
        Info {
            pos: self.pos(id),
            is_proper: shape & PROPER != 0,
            is_instance: shape & INSTANCE != 0,
            lemma: str::from_utf8(self.bytes(id.0)).expect("invariant: words are ASCII"),
        }
    }

    /// As what the word is used.
    pub fn pos(&self, id: WordId) -> Pos {
        Pos(self.shapes[id.0 as usize] & POS_MASK)
    }

    /// How often the word stands in SemCor, a corpus with 250,000 tagged words, in any sense and
    /// inflection: a coarse frequency. 79 % of the words are at 0.
    pub fn tag_count(&self, id: WordId) -> u32 {
        u32::from(self.counts[id.0 as usize])
    }

    /// Whether the two are opposites: "increase" and "decrease", "safe" and "unsafe".
    pub fn are_antonyms(&self, a: WordId, b: WordId) -> bool {
        self.related(a, b, ANTONYMS)
    }

    /// Whether one is the other with a negating prefix (un-, non-, mis-, dis-, de-, in-, im-, il-, ir-), or
    /// they are "-less" and "-ful" of one stem, and the definitions of WordNet bear it out: not "invaluable".
    pub fn is_negated_form(&self, a: WordId, b: WordId) -> bool {
        self.related(a, b, NEGATED)
    }

    /// Whether one can take the place of the other in a question and leave the answer as it is, whatever
    /// their usual senses: "begin" and "start". No word is its own synonym.
    pub fn are_synonyms(&self, a: WordId, b: WordId) -> bool {
        self.related(a, b, SYNONYMS)
    }

    /// Whether one is derived from the other: "invest" and "investment".
    pub fn derived(&self, a: WordId, b: WordId) -> bool {
        self.related(a, b, DERIVED)
    }

    /// Synonyms of the word, and what it is derived from or is derived from it.
    pub fn alike(&self, id: WordId) -> impl Iterator<Item = WordId> {
        self.edges(id, SYNONYMS | DERIVED)
    }

    /// The natural logarithm of the rank of the word among all words, most frequent first, from the tables of the
    /// `o200k_base` tokenizer: up to a constant, that of its inverse frequency. At most 12.5, for all words that are not one
    /// token.
    pub fn rarity(&self, id: WordId) -> f32 {
        f32::from(self.rarities[id.0 as usize]) / 10.0
    }

    fn related(&self, a: WordId, b: WordId, kind: u8) -> bool {
        self.edges(a, kind).any(|other| other == b)
    }

    /// O(related words), at most some dozens.
    fn edges(&self, id: WordId, kinds: u8) -> impl Iterator<Item = WordId> {
        let [start, end] = [0, 1].map(|next| self.edge_starts[id.0 as usize + next] as usize);
        let edges = self.edges[start..end].iter();
        edges
            .filter(move |&edge| edge >> KIND_SHIFT & u32::from(kinds) != 0)
            .map(|edge| WordId(edge & WORD_MASK))
    }

    fn look_up(&self, word: &str, redirects: bool) -> Option<WordId> {
        match self.slots.find(word.as_bytes(), |number| self.bytes(number)) {
            None => morphology::regular(self, word),
            Some(number) => match (number as usize).checked_sub(self.shapes.len()) {
                Some(irregular) => Some(WordId(self.lemmas[irregular])),
                None if redirects && self.shapes[number as usize] & REDIRECTED != 0 => {
                    let at = self.redirections.binary_search_by_key(&number, |&(from, _)| from);
                    Some(WordId(at.map_or(number, |at| self.redirections[at].1)))
                }
                None => Some(WordId(number)),
            },
        }
    }

    /// The word as it stands, without a look at inflection.
    fn find(&self, word: &[u8]) -> Option<WordId> {
        let number = self.slots.find(word, |number| self.bytes(number))?;
        ((number as usize) < self.shapes.len()).then_some(WordId(number))
    }

    fn bytes(&self, number: u32) -> &[u8] {
        let number = number as usize;
        &self.text[self.starts[number] as usize..self.starts[number + 1] as usize]
    }
}

/// An open-addressing table of all forms: a slot is the upper bits of the hash and the number of the
/// form + 1, or 0.
#[derive(Debug)]
struct Slots(Box<[u32]>);

/// Bits of a slot that number a form; the others are of the hash.
const NUMBER_BITS: u32 = 17;
const NUMBER_MASK: u32 = (1 << NUMBER_BITS) - 1;

/// Longer words are not hashed: there are none in the lexicon.
const LONGEST_WORD: usize = 128;

impl Slots {
    fn held_bytes(&self) -> usize {
        size_of_val(&*self.0)
    }

    fn index(text: &[u8], starts: &[u32]) -> Self {
        assert!(starts.len() <= NUMBER_MASK as usize, "invariant: a form has a number of 17 bits");
        let mut slots = vec![0_u32; 1 << NUMBER_BITS].into_boxed_slice();
        for (number, ends) in (1..).zip(starts.windows(2)) {
            let (mut at, tag) = place(&text[ends[0] as usize..ends[1] as usize]);
            while slots[at] != 0 {
                at = (at + 1) & (slots.len() - 1);
            }
            slots[at] = tag | number;
        }
        Self(slots)
    }

    #[inline]
    fn find<'a>(&self, word: &[u8], bytes: impl Fn(u32) -> &'a [u8]) -> Option<u32> {
        if word.len() > LONGEST_WORD {
            return None;
        }
        let (mut at, tag) = place(word);
        loop {
            let slot = self.0[at];
            if slot == 0 {
                return None;
            }
            if slot & !NUMBER_MASK == tag && bytes((slot & NUMBER_MASK) - 1) == word {
                return Some((slot & NUMBER_MASK) - 1);
            }
            at = (at + 1) & (self.0.len() - 1);
        }
    }
}

/// Where the probing for a word starts, and the part of its hash that is in the slot.
#[expect(clippy::cast_possible_truncation, reason = "parts of a hash")]
fn place(word: &[u8]) -> (usize, u32) {
    let hash = xxh3_64(word);
    ((hash >> (64 - NUMBER_BITS)) as usize, hash as u32 & !NUMBER_MASK)
}
