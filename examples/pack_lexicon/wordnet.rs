//! Reads the files of a WordNet `dict` folder: `data.*`, `index.sense` and `*.exc`.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::error::Error;
use std::path::Path;

/// The four files of each kind, in the order of the bits of `Info::pos`.
const PARTS: [&str; 4] = ["noun", "verb", "adj", "adv"];
pub(crate) const NOUN: u8 = 0;
pub(crate) const VERB: u8 = 1;
pub(crate) const ADJECTIVE: u8 = 2;
pub(crate) const ADVERB: u8 = 3;

/// Part of speech and offset: the name of a synset.
pub(crate) type SynsetId = (u8, u32);

/// A pointer of a synset.
pub(crate) struct Pointer {
    pub(crate) symbol: String,
    pub(crate) to: SynsetId,
    /// Numbers of the words it links, from 1; 0 is the whole synset.
    pub(crate) source: usize,
    pub(crate) target: usize,
}

/// One meaning, and the words for it as WordNet writes them.
pub(crate) struct Synset {
    pub(crate) words: Vec<String>,
    pub(crate) pointers: Vec<Pointer>,
    /// The definition without examples.
    pub(crate) gloss: String,
}

/// A word in one meaning: 1 is its most frequent in that part of speech.
#[derive(Clone, Copy)]
pub(crate) struct Sense {
    pub(crate) synset: SynsetId,
    pub(crate) rank: u32,
    /// How often SemCor has it.
    pub(crate) count: u32,
}

/// All that the rules ask.
pub(crate) struct WordNet {
    pub(crate) synsets: BTreeMap<SynsetId, Synset>,
    /// By lower-case single word, in the order of part of speech and rank.
    pub(crate) senses: BTreeMap<String, Vec<Sense>>,
    /// Irregular forms: form, part of speech, lemma.
    pub(crate) exceptions: Vec<(String, u8, String)>,
}

/// Whether the lexicon keeps such a word: letters and hyphens, nothing else.
pub(crate) fn is_kept(word: &str) -> bool {
    word.starts_with(|c: char| c.is_ascii_lowercase())
        && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-')
        && word.len() < 128
}

impl WordNet {
    pub(crate) fn read(folder: &Path) -> Result<Self, Box<dyn Error>> {
        let mut synsets = BTreeMap::new();
        let mut exceptions = Vec::new();
        for (pos, name) in (0..).zip(PARTS) {
            let text = std::fs::read_to_string(folder.join(format!("data.{name}")))?;
            // The licence stands above the data, in lines that start with a space.
            for line in text.lines().filter(|line| !line.starts_with(' ')) {
                let (id, synset) = synset(pos, line).ok_or_else(|| format!("data.{name}: {line}"))?;
                synsets.insert(id, synset);
            }
            for line in std::fs::read_to_string(folder.join(format!("{name}.exc")))?.lines() {
                let mut words = line.split_whitespace();
                let form = words.next().unwrap_or_default();
                if is_kept(form) {
                    exceptions.extend(words.map(|lemma| (form.to_owned(), pos, lemma.to_owned())));
                }
            }
        }
        let mut senses: BTreeMap<String, Vec<Sense>> = BTreeMap::new();
        for line in std::fs::read_to_string(folder.join("index.sense"))?.lines() {
            let (word, sense) = sense(line).ok_or_else(|| format!("index.sense: {line}"))?;
            if is_kept(word) {
                senses.entry(word.to_owned()).or_default().push(sense);
            }
        }
        for list in senses.values_mut() {
            list.sort_by_key(|sense| (sense.synset.0, sense.rank));
        }
        Ok(Self { synsets, senses, exceptions })
    }

    pub(crate) fn senses(&self, word: &str) -> &[Sense] {
        self.senses.get(word).map_or(&[], Vec::as_slice)
    }

    pub(crate) fn sense(&self, word: &str, synset: SynsetId) -> Option<Sense> {
        self.senses(word).iter().copied().find(|sense| sense.synset == synset)
    }

    /// How often SemCor has the word, in any meaning.
    pub(crate) fn total(&self, word: &str) -> u32 {
        self.senses(word).iter().map(|sense| sense.count).sum()
    }

    /// The same, in one part of speech.
    pub(crate) fn total_as(&self, word: &str, pos: u8) -> u32 {
        self.senses(word).iter().filter(|sense| sense.synset.0 == pos).map(|sense| sense.count).sum()
    }

    pub(crate) fn has(&self, word: &str, pos: u8) -> bool {
        self.senses(word).iter().any(|sense| sense.synset.0 == pos)
    }

    /// Bit set of the parts of speech.
    pub(crate) fn pos(&self, word: &str) -> u8 {
        self.senses(word).iter().fold(0, |bits, sense| bits | 1 << sense.synset.0)
    }

    /// Whether all noun senses are written with a capital, and there is one.
    pub(crate) fn is_proper(&self, word: &str) -> bool {
        let mut nouns = self.senses(word).iter().filter(|sense| sense.synset.0 == NOUN).peekable();
        nouns.peek().is_some()
            && nouns.all(|sense| {
                let synset = &self.synsets[&sense.synset];
                synset.words.iter().any(|other| other != word && other.eq_ignore_ascii_case(word))
                    && !synset.words.iter().any(|other| other == word)
            })
    }

    /// Whether a noun sense is one certain thing: a person, a place, an event.
    pub(crate) fn is_instance(&self, word: &str) -> bool {
        let nouns = self.senses(word).iter().filter(|sense| sense.synset.0 == NOUN);
        nouns
            .into_iter()
            .any(|sense| self.synsets[&sense.synset].pointers.iter().any(|pointer| pointer.symbol == "@i"))
    }

    /// The lower-case words at the two ends of a pointer between words, with their senses.
    pub(crate) fn ends(&self, from: SynsetId, pointer: &Pointer) -> Option<[(String, Sense); 2]> {
        let end = |id: SynsetId, number: usize| {
            let word = self.synsets.get(&id)?.words.get(number.checked_sub(1)?)?.to_ascii_lowercase();
            let sense = self.sense(&word, id)?;
            Some((word, sense))
        };
        Some([end(from, pointer.source)?, end(pointer.to, pointer.target)?])
    }

    /// Pairs of words that share a synset of any part of speech or rank, the smaller first.
    pub(crate) fn sharing(&self) -> HashSet<(String, String)> {
        let mut found = HashSet::new();
        for synset in self.synsets.values() {
            let words: BTreeSet<_> = synset.words.iter().map(|word| word.to_ascii_lowercase()).collect();
            for a in &words {
                found.extend(words.range(a.clone()..).skip(1).map(|b| (a.clone(), b.clone())));
            }
        }
        found
    }

    /// The meanings of a word in one part of speech.
    pub(crate) fn glosses(&self, word: &str, pos: u8) -> impl Iterator<Item = &str> {
        let senses = self.senses(word).iter().filter(move |sense| sense.synset.0 == pos);
        senses.map(|sense| self.synsets[&sense.synset].gloss.as_str())
    }
}

/// Numbers by word: its place in the lexicon.
pub(crate) fn places(words: &[String]) -> HashMap<&str, u32> {
    words.iter().map(String::as_str).zip(0..).collect()
}

fn synset(pos: u8, line: &str) -> Option<(SynsetId, Synset)> {
    let (fields, gloss) = line.split_once('|')?;
    let fields: Vec<&str> = fields.split_whitespace().collect();
    let count = usize::from_str_radix(fields.get(3)?, 16).ok()?;
    let words = (0..count).map(|at| Some(bare(fields.get(4 + 2 * at)?))).collect::<Option<_>>()?;
    let first = 5 + 2 * count;
    let pointers = fields.get(first - 1)?.parse().ok()?;
    let pointers = (0..pointers).map(|at| pointer(fields.get(first + 4 * at..first + 4 * at + 4)?));
    let gloss = gloss.split('"').next()?.trim().to_owned();
    let id = (pos, fields.first()?.parse().ok()?);
    Some((id, Synset { words, pointers: pointers.collect::<Option<_>>()?, gloss }))
}

/// A word without the note of where an adjective may stand: `galore(ip)`.
fn bare(word: &str) -> String {
    word.split('(').next().unwrap_or(word).to_owned()
}

fn pointer(fields: &[&str]) -> Option<Pointer> {
    let ends = u32::from_str_radix(fields[3], 16).ok()?;
    let pos = match fields[2] {
        "n" => NOUN,
        "v" => VERB,
        "a" | "s" => ADJECTIVE,
        _ => ADVERB,
    };
    Some(Pointer {
        symbol: fields[0].to_owned(),
        to: (pos, fields[1].parse().ok()?),
        source: (ends >> 8) as usize,
        target: (ends & 0xFF) as usize,
    })
}

/// `go%2:30:00:: 00359085 17 2`: word, kind, offset, rank, count.
fn sense(line: &str) -> Option<(&str, Sense)> {
    let (word, rest) = line.split_once('%')?;
    let mut fields = rest.split_whitespace();
    let pos = match fields.next()?.as_bytes().first()? {
        b'1' => NOUN,
        b'2' => VERB,
        b'3' | b'5' => ADJECTIVE,
        _ => ADVERB,
    };
    let mut number = || fields.next()?.parse::<u32>().ok();
    let (offset, rank, count) = (number()?, number()?, number()?);
    Some((word, Sense { synset: (pos, offset), rank, count }))
}
