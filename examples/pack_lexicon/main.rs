//! Packs a WordNet `dict` folder into the layout that `src/similarity/lexicon/load.rs` embeds.
//!
//! `cargo run --release --no-default-features --example pack_lexicon -- <dict> src/similarity/data/lexicon.zst`
//!
//! With a third argument, a folder, the pairs of each relation are written there as text, to be looked
//! at. It downloads nothing; `docs/decisions/0012-lexicon.md` says where the files come from.

mod forms;
mod rules;
mod wordnet;

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt::Write as _;
use std::path::Path;

use agentwise_optimization::tokens::Encoding;

use crate::forms::Forms;
use crate::rules::{Pairs, Reviewed};
use crate::wordnet::WordNet;

/// Layout 2; see `load.rs`.
const VERSION: u8 = 2;

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let (Some(from), Some(to)) = (args.next(), args.next()) else {
        return Err("usage: pack_lexicon <dict> <out.zst> [<folder for lists>]".into());
    };
    let wordnet = WordNet::read(Path::new(&from))?;
    let reviewed = Reviewed::read(include_str!("reviewed.txt"))?;
    let mut antonyms = rules::antonyms(&wordnet, &reviewed);
    let negated = rules::negated(&wordnet, &antonyms, &reviewed);
    antonyms.extend(negated.iter().filter(|pair| rules::is_opposite(pair)).cloned());
    let mut synonyms = rules::synonyms(&wordnet, &reviewed)?;
    synonyms.retain(|pair| !antonyms.contains(pair) && !negated.contains(pair));
    let relations = [
        ("synonyms", synonyms),
        ("antonyms", antonyms),
        ("negated", negated),
        ("derived", rules::derived(&wordnet)),
    ];
    let forms = forms::forms(&wordnet);
    if let Some(folder) = args.next() {
        write_lists(Path::new(&folder), &relations, &forms)?;
    }
    std::fs::write(to, zstd::bulk::compress(&pack(&wordnet, &relations, &forms)?, 22)?)?;
    Ok(())
}

/// Numbers in as few bytes as they need, and strings without what they share with the one before.
#[derive(Default)]
struct Section(Vec<u8>);

impl Section {
    fn number(&mut self, mut number: u32) {
        while number >= 0x80 {
            self.0.push(number.to_le_bytes()[0] | 0x80);
            number >>= 7;
        }
        self.0.push(number.to_le_bytes()[0]);
    }
}

fn pack(wordnet: &WordNet, relations: &[(&str, Pairs)], forms: &Forms) -> Result<Vec<u8>, Box<dyn Error>> {
    let words: Vec<String> = wordnet.senses.keys().cloned().collect();
    let places = wordnet::places(&words);
    let irregular: Vec<String> = forms.irregular.keys().cloned().collect();

    let mut shapes = Section::default();
    let mut counts = Section::default();
    let mut rarities = Section::default();
    for word in &words {
        rarities.0.push(rarity(word));
        let marks = u8::from(wordnet.is_proper(word)) << 4 | u8::from(wordnet.is_instance(word)) << 5;
        shapes.0.push(wordnet.pos(word) | marks);
        counts.number(wordnet.total(word).min(u32::from(u16::MAX)));
    }

    let mut edges: BTreeMap<u32, BTreeMap<u32, u8>> = BTreeMap::new();
    for (bit, (_, pairs)) in relations.iter().enumerate() {
        for (a, b) in pairs {
            // Pairs that were added by hand can have words that WordNet lacks.
            if let (Some(&a), Some(&b)) = (places.get(a.as_str()), places.get(b.as_str())) {
                *edges.entry(a).or_default().entry(b).or_default() |= 1 << bit;
            }
        }
    }
    let (mut related, mut ends, mut kinds) = (Section::default(), Section::default(), Section::default());
    for place in 0..u32::try_from(words.len())? {
        let after = edges.get(&place);
        related.number(u32::try_from(after.map_or(0, BTreeMap::len))?);
        let mut last = place;
        for (&end, &kind) in after.into_iter().flatten() {
            ends.number(end - last);
            kinds.0.push(kind);
            last = end;
        }
    }

    let mut lemmas = Section::default();
    for lemma in forms.irregular.values() {
        lemmas.number(places[lemma.as_str()]);
    }
    let mut redirections = Section::default();
    let mut last = 0;
    for (form, lemma) in &forms.redirected {
        redirections.number(places[form.as_str()] - last);
        redirections.number(places[lemma.as_str()]);
        last = places[form.as_str()];
    }

    let counts_of = [words.len(), irregular.len(), forms.redirected.len()];
    let mut packed = vec![VERSION];
    for count in counts_of {
        packed.extend(u32::try_from(count)?.to_le_bytes());
    }
    let (shared, rest) = front_coded(&words)?;
    let (shared_irregular, rest_irregular) = front_coded(&irregular)?;
    let sections = [shared, rest, shared_irregular, rest_irregular];
    for section in
        sections.into_iter().chain([shapes, counts, rarities, related, ends, kinds, lemmas, redirections])
    {
        packed.extend(u32::try_from(section.0.len())?.to_le_bytes());
        packed.extend(section.0);
    }
    Ok(packed)
}

/// Tenths of the natural logarithm of the word's rank among all words: by Zipf's law, of its inverse frequency, up to a constant.
/// Tokens of a byte-pair encoding are numbered in the order in which they were merged, which is that of their frequency.
fn rarity(word: &str) -> u8 {
    const RAREST: u8 = 125;
    let tokens = Encoding::O200kBase.tokenizer().encode(&format!(" {word}"));
    let [token] = tokens[..] else { return RAREST };
    let tenths = f64::from(token.max(1)).ln() * 10.0;
    (0..RAREST).find(|&step| f64::from(step) >= tenths).unwrap_or(RAREST)
}

/// How many bytes each string shares with the one before; and the rest of each, ended by a zero byte.
fn front_coded(words: &[String]) -> Result<(Section, Section), Box<dyn Error>> {
    let (mut shared, mut rest) = (Section::default(), Section::default());
    let mut last: &[u8] = &[];
    for word in words.iter().map(String::as_bytes) {
        let same = word.iter().zip(last).take_while(|(a, b)| a == b).count();
        shared.0.push(u8::try_from(same)?);
        rest.0.extend(&word[same..]);
        rest.0.push(0);
        last = word;
    }
    Ok((shared, rest))
}

fn write_lists(folder: &Path, relations: &[(&str, Pairs)], forms: &Forms) -> Result<(), Box<dyn Error>> {
    for (name, pairs) in relations {
        std::fs::write(folder.join(name), lines(pairs.iter().map(|(a, b)| (a, b)))?)?;
    }
    std::fs::write(folder.join("irregular"), lines(forms.irregular.iter())?)?;
    std::fs::write(folder.join("redirected"), lines(forms.redirected.iter())?)?;
    Ok(())
}

fn lines<'a>(mut pairs: impl Iterator<Item = (&'a String, &'a String)>) -> Result<String, std::fmt::Error> {
    pairs.try_fold(String::new(), |mut text, (a, b)| writeln!(text, "{a} {b}").map(|()| text))
}
