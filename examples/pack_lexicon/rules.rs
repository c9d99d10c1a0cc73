//! Which pairs of words are synonyms, antonyms or derived from each other. What was measured of the
//! rules is in `docs/decisions/0012-lexicon.md`.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::error::Error;

use crate::wordnet::{ADJECTIVE, ADVERB, NOUN, SynsetId, WordNet, is_kept};

/// Two words, the smaller first.
pub(crate) type Pair = (String, String);
pub(crate) type Pairs = BTreeSet<Pair>;

/// Both words of a pair are used for the shared meaning at least so often.
const SHARE: f64 = 0.5;
/// The same, where one of them is too rare for its counts to say much.
const SHARE_OF_RARE: f64 = 0.65;
/// Below this a word is rare.
const RARE: u32 = 3;
/// Derived are words by one of their first senses only.
const DERIVED_RANKS: u32 = 3;

pub(crate) fn pair(a: &str, b: &str) -> Pair {
    if a < b { (a.to_owned(), b.to_owned()) } else { (b.to_owned(), a.to_owned()) }
}

/// Pairs that a person looked at: `kind word word` per line, `-kind` takes a pair out.
pub(crate) struct Reviewed(HashMap<&'static str, Pairs>);

impl Reviewed {
    pub(crate) fn read(text: &'static str) -> Result<Self, Box<dyn Error>> {
        let mut lists: HashMap<_, Pairs> = HashMap::new();
        for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
            let mut words = line.split_whitespace();
            let kind = words.next().ok_or("a line without a kind")?;
            for word in words {
                let (a, b) = word.split_once('/').ok_or_else(|| format!("{word}: not a pair"))?;
                lists.entry(kind).or_default().insert(pair(a, b));
            }
        }
        Ok(Self(lists))
    }

    fn amend(&self, pairs: &mut Pairs, add: &str, remove: &str) {
        pairs.extend(self.0.get(add).into_iter().flatten().cloned());
        for wrong in self.0.get(remove).into_iter().flatten() {
            pairs.remove(wrong);
        }
    }
}

/// Pairs that share meanings in which both are used mostly.
///
/// A word's weight is spread over all its senses: what SemCor counted plus `1 / rank`, so that senses
/// never counted follow WordNet's order. The share of a pair is the smaller of what each word spends
/// on the synsets of both.
pub(crate) fn synonyms(wordnet: &WordNet, reviewed: &Reviewed) -> Result<Pairs, Box<dyn Error>> {
    let weight = |count: u32, rank: u32| f64::from(count) + 1.0 / f64::from(rank);
    let mut shared: BTreeMap<Pair, [f64; 2]> = BTreeMap::new();
    for (&id, synset) in &wordnet.synsets {
        let kept = synset.words.iter().filter(|word| word.len() > 1 && is_kept(&word.to_ascii_lowercase()));
        let words: BTreeSet<&String> = kept.collect();
        for &a in &words {
            for &b in words.range::<String, _>(a..).skip(1) {
                // A name and a common word are no synonyms, whatever their lower-case forms are.
                let is_name = |word: &str| word.starts_with(|c: char| c.is_ascii_uppercase());
                let (low_a, low_b) = (a.to_ascii_lowercase(), b.to_ascii_lowercase());
                if is_name(a) != is_name(b) || low_a == low_b {
                    continue;
                }
                let key = pair(&low_a, &low_b);
                let weights = [&key.0, &key.1].map(|word| wordnet.sense(word, id));
                if let [Some(first), Some(second)] = weights {
                    let sums = shared.entry(key).or_default();
                    sums[0] += weight(first.count, first.rank);
                    sums[1] += weight(second.count, second.rank);
                }
            }
        }
    }
    let whole = |word: &str| wordnet.senses(word).iter().map(|s| weight(s.count, s.rank)).sum::<f64>();
    let is_rare = |word: &str| wordnet.total(word) < RARE;
    let mut pairs = Pairs::new();
    for (pair, sums) in shared {
        let share = (sums[0] / whole(&pair.0)).min(sums[1] / whole(&pair.1));
        let wanted = if is_rare(&pair.0) || is_rare(&pair.1) { SHARE_OF_RARE } else { SHARE };
        if share >= wanted && !FUNCTION_WORDS.contains(&pair.0.as_str()) {
            pairs.insert(pair);
        }
    }
    pairs.retain(|(_, b)| !FUNCTION_WORDS.contains(&b.as_str()));
    let sharing = wordnet.sharing();
    let added = reviewed.0.get("synonym").into_iter().flatten();
    let strange: Vec<_> =
        added.filter(|pair| !sharing.contains(pair) && !is_similar(wordnet, pair)).collect();
    if !strange.is_empty() {
        return Err(format!("WordNet has no meaning of both: {strange:?}").into());
    }
    reviewed.amend(&mut pairs, "synonym", "-synonym");
    Ok(pairs)
}

/// Whether the two stand in the same cluster of adjectives, next to each other.
fn is_similar(wordnet: &WordNet, (a, b): &Pair) -> bool {
    wordnet.senses(a).iter().any(|sense| {
        let similar = wordnet.synsets[&sense.synset].pointers.iter().filter(|pointer| pointer.symbol == "&");
        similar.into_iter().any(|pointer| wordnet.sense(b, pointer.to).is_some())
    })
}

/// WordNet's antonyms in any part of speech, and what is derived from both in the same way.
pub(crate) fn antonyms(wordnet: &WordNet, reviewed: &Reviewed) -> Pairs {
    let mut derived: HashMap<(String, SynsetId), Vec<(String, u8)>> = HashMap::new();
    let mut direct = Vec::new();
    for (&id, synset) in &wordnet.synsets {
        for pointer in &synset.pointers {
            let Some([(a, from), (b, to)]) = wordnet.ends(id, pointer) else { continue };
            match pointer.symbol.as_str() {
                "!" => direct.push(((a, from.synset), (b, to.synset))),
                "+" => derived.entry((a, from.synset)).or_default().push((b, to.synset.0)),
                "\\" if from.synset.0 == ADVERB => {
                    derived.entry((b, to.synset)).or_default().push((a, ADVERB));
                }
                _ => {}
            }
        }
    }
    let mut pairs: Pairs = direct.iter().map(|((a, _), (b, _))| pair(a, b)).collect();
    for (a, b) in &direct {
        let (Some(from_a), Some(from_b)) = (derived.get(a), derived.get(b)) else { continue };
        for (x, pos) in from_a {
            pairs.extend(
                from_b
                    .iter()
                    .filter(|(y, at)| at == pos && x != y && ends_alike(x, y))
                    .map(|(y, _)| pair(x, y)),
            );
        }
    }
    pairs.retain(|(a, b)| is_kept(a) && is_kept(b) && a != b);
    reviewed.amend(&mut pairs, "antonym", "-antonym");
    pairs
}

/// Whether two words look derived in the same way: one ends with the other, or the ends are the same.
fn ends_alike(a: &str, b: &str) -> bool {
    let same = a.bytes().rev().zip(b.bytes().rev()).take_while(|(x, y)| x == y).count();
    let agent = |word: &str| word.ends_with("er") || word.ends_with("or");
    same >= 3 || same >= 2 && a.ends_with("ly") || agent(a) && agent(b)
}

/// Pairs of a word and what a negative prefix makes of it, and of `-less` and `-ful`.
pub(crate) fn negated(wordnet: &WordNet, antonyms: &Pairs, reviewed: &Reviewed) -> Pairs {
    let sharing = wordnet.sharing();
    let mut pairs = Pairs::new();
    for word in wordnet.senses.keys() {
        for (prefix, firsts) in PREFIXES {
            let Some(rest) = word.strip_prefix(prefix) else { continue };
            if rest.len() < 3
                || wordnet.pos(word) & wordnet.pos(rest) == 0
                || !rest.starts_with(|c| firsts.contains(c))
            {
                continue;
            }
            let found = pair(word, rest);
            if antonyms.contains(&found)
                || !sharing.contains(&found) && is_negative(wordnet, word, rest, prefix.trim_end_matches('-'))
            {
                pairs.insert(found);
            }
        }
        if let Some(stem) = word.strip_suffix("less") {
            let full = format!("{stem}ful");
            if wordnet.pos(word) & wordnet.pos(&full) != 0 {
                pairs.insert(pair(word, &full));
            }
        }
    }
    reviewed.amend(&mut pairs, "negated", "-negated");
    pairs
}

/// Whether a negated pair is a pair of opposites: to misunderstand is not the opposite of to understand.
pub(crate) fn is_opposite((a, b): &Pair) -> bool {
    let (long, short) = if a.len() > b.len() { (a, b) } else { (b, a) };
    long.strip_suffix(short.as_str()).is_some_and(|prefix| prefix != "mis")
}

/// Prefixes that can negate, and the letters they stand before.
const PREFIXES: [(&str, &str); 10] = [
    ("un", LETTERS),
    ("non", LETTERS),
    ("non-", LETTERS),
    ("mis", LETTERS),
    ("dis", LETTERS),
    ("de", LETTERS),
    ("in", "acdefghijknoqstuvwxyz"),
    ("im", "bmp"),
    ("il", "l"),
    ("ir", "r"),
];
const LETTERS: &str = "abcdefghijklmnopqrstuvwxyz";

/// Whether WordNet's definition of `word` bears out that its prefix negates `rest`.
fn is_negative(wordnet: &WordNet, word: &str, rest: &str, prefix: &str) -> bool {
    let common = (NOUN..=ADVERB).filter(|&pos| wordnet.has(word, pos) && wordnet.has(rest, pos));
    let says_no = |pos: u8| {
        wordnet.glosses(word, pos).take(2).any(|gloss| {
            let mut words = gloss.split(|c: char| !c.is_ascii_alphabetic());
            words.any(|said| {
                let negated = |prefix: &str| said.strip_prefix(prefix).is_some_and(|rest| rest.len() > 3);
                NEGATIVE_WORDS.contains(&said)
                    || NEGATIVE_STEMS.iter().any(|stem| said.starts_with(stem))
                    || ["un", "non", "dis"].into_iter().any(negated)
            })
        })
    };
    let quality = |word: &str| {
        ["ity", "ness", "ence", "ance", "ency", "ancy", "acy"].iter().any(|end| word.ends_with(end))
    };
    for pos in common {
        let is = match prefix {
            // These negate whatever they stand before, a few words aside that were looked at.
            "un" | "non" | "mis" | "il" | "ir" => true,
            "de" => wordnet
                .glosses(word, pos)
                .take(2)
                .any(|gloss| UNDOING.iter().any(|mark| gloss.starts_with(mark))),
            "dis" => says_no(pos),
            _ => (matches!(pos, ADJECTIVE | ADVERB) || quality(word)) && says_no(pos),
        };
        if is {
            return true;
        }
    }
    false
}

/// Words and starts of words by which a definition says no.
const NEGATIVE_WORDS: [&str; 7] = ["not", "no", "without", "absence", "incapable", "inability", "opposite"];
const NEGATIVE_STEMS: [&str; 8] = ["lack", "fail", "refus", "depriv", "free", "remov", "revers", "undo"];

/// How definitions of undoing start.
const UNDOING: [&str; 16] = [
    "remov",
    "the removal",
    "the act of removing",
    "free",
    "rid",
    "get rid",
    "deprive",
    "reverse",
    "undo",
    "lose",
    "take",
    "make less",
    "make un",
    "make in",
    "the reversal",
    "withdraw",
];

/// Pairs by WordNet's derivation pointers, and adverbs with their adjectives.
pub(crate) fn derived(wordnet: &WordNet) -> Pairs {
    let mut pairs = Pairs::new();
    for (&id, synset) in &wordnet.synsets {
        for pointer in &synset.pointers {
            let is_derivation = pointer.symbol == "+" || pointer.symbol == "\\" && id.0 == ADVERB;
            if is_derivation
                && let Some([(a, from), (b, to)]) = wordnet.ends(id, pointer)
                && from.rank <= DERIVED_RANKS
                && to.rank <= DERIVED_RANKS
                && a != b
            {
                pairs.insert(pair(&a, &b));
            }
        }
    }
    pairs
}

/// Words of grammar: SemCor does not count them as such, so WordNet's counts of them say nothing.
const FUNCTION_WORDS: [&str; 98] = [
    "a", "about", "above", "across", "after", "against", "all", "along", "also", "am", "among", "an", "and",
    "any", "are", "around", "as", "at", "away", "back", "be", "before", "behind", "below", "beneath",
    "beside", "between", "beyond", "both", "but", "by", "can", "do", "down", "each", "either", "else",
    "ever", "every", "for", "from", "have", "he", "here", "how", "i", "if", "in", "inside", "into", "is",
    "it", "just", "like", "may", "might", "most", "much", "must", "near", "neither", "never", "no", "none",
    "nor", "not", "of", "off", "on", "one", "only", "or", "out", "outside", "over", "past", "since", "so",
    "some", "still", "than", "then", "there", "through", "to", "too", "under", "up", "us", "very", "what",
    "when", "where", "which", "who", "why", "will", "yet",
];
