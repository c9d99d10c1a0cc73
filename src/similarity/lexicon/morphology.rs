//! Regular inflection: what could be the lemma of a word that is none and has no irregular form.
//!
//! The rules are those of `morphy`, of WordNet, and doubled consonants, for which `morphy` has a table.
//! Every guess is checked against the lemmas of the part of speech that the ending belongs to.

use super::{Lexicon, Pos, WordId};

/// No form is longer than the longest lemma and an ending.
const LONGEST: usize = 96;

/// Words of grammar that look inflected and are no forms of what is left.
const NOT_INFLECTED: [&str; 14] = [
    "his", "hers", "its", "ours", "yours", "theirs", "this", "us", "during", "whose", "as", "thus", "hes",
    "shes",
];

/// A stem of two letters is believed only if it is used: "goes", "ads", but not "css" of "cs".
const SHORT: usize = 2;

/// Endings by part of speech, and what stands in the lemma for them.
const VERB: [(&str, &str); 9] = [
    ("ies", "y"),
    ("es", ""),
    ("s", ""),
    ("ied", "y"),
    ("ed", "e"),
    ("ed", ""),
    ("ing", "e"),
    ("ing", ""),
    ("ying", "ie"),
];
const NOUN: [(&str, &str); 8] = [
    ("ies", "y"),
    ("ches", "ch"),
    ("shes", "sh"),
    ("xes", "x"),
    ("ses", "s"),
    ("zes", "z"),
    ("men", "man"),
    ("s", ""),
];
const ADJECTIVE: [(&str, &str); 6] =
    [("ier", "y"), ("iest", "y"), ("er", "e"), ("er", ""), ("est", "e"), ("est", "")];

/// The lemma of a regular form. Verbs come before nouns, nouns before adjectives; of two verbs ("hope",
/// "hop") the one that is used more.
pub(super) fn regular(lexicon: &Lexicon, word: &str) -> Option<WordId> {
    if word.len() > LONGEST || !word.is_ascii() || word.ends_with("ss") || NOT_INFLECTED.contains(&word) {
        return None;
    }
    let doubled = ["ed", "ing"].into_iter().filter_map(|end| Some((undoubled(word.strip_suffix(end)?)?, "")));
    best(lexicon, Pos::VERB, stems(word, &VERB).chain(doubled))
        .or_else(|| best(lexicon, Pos::NOUN, stems(word, &NOUN)))
        .or_else(|| {
            let doubled =
                ["er", "est"].into_iter().filter_map(|end| Some((undoubled(word.strip_suffix(end)?)?, "")));
            best(lexicon, Pos::ADJECTIVE, stems(word, &ADJECTIVE).chain(doubled))
        })
        // "embeddings": several of what is no noun.
        .or_else(|| regular(lexicon, word.strip_suffix('s').filter(|form| form.ends_with("ing"))?))
}

/// What is left before each ending, and what the lemma has there.
fn stems<'a>(
    word: &'a str,
    rules: &'static [(&'static str, &'static str)],
) -> impl Iterator<Item = (&'a str, &'static str)> {
    rules.iter().filter_map(|&(end, instead)| Some((word.strip_suffix(end)?, instead)))
}

fn best<'a>(
    lexicon: &Lexicon,
    pos: Pos,
    stems: impl Iterator<Item = (&'a str, &'static str)>,
) -> Option<WordId> {
    let mut best: Option<WordId> = None;
    for (stem, instead) in stems {
        let len = stem.len() + instead.len();
        if len < SHORT {
            continue;
        }
        let mut room = [0; LONGEST + 2];
        room[..stem.len()].copy_from_slice(stem.as_bytes());
        room[stem.len()..len].copy_from_slice(instead.as_bytes());
        let found = lexicon
            .find(&room[..len])
            .filter(|&id| lexicon.pos(id).contains(pos) && (len > SHORT || lexicon.tag_count(id) > 0));
        // The first of equals: the endings stand in the order of `morphy`.
        if found.is_some_and(|id| best.is_none_or(|best| lexicon.tag_count(best) < lexicon.tag_count(id))) {
            best = found;
        }
    }
    best
}

/// "stopp" of "stopped": "stop".
fn undoubled(stem: &str) -> Option<&str> {
    let [.., before, last] = stem.as_bytes() else { return None };
    (before == last && !b"aeiou".contains(last)).then(|| &stem[..stem.len() - 1])
}
