//! Unpacks the embedded table.
//!
//! Layout before compression, made by `examples/pack_lexicon`: the version of the layout, one byte; the
//! counts of words, irregular forms and redirections; then sections, each after its length. Fixed
//! numbers are `u32` little-endian; in the sections they are LEB128.
//!
//! | Section              | What                                                                            |
//! | -------------------- | ------------------------------------------------------------------------------- |
//! | words                | per word, in order, the bytes it shares with the one before                     |
//! |                      | the rest of each, ended by a zero byte                                          |
//! | irregular forms      | the same two                                                                    |
//! | shapes               | per word: parts of speech, whether it is a name, whether an instance            |
//! | counts               | per word                                                                        |
//! | rarities             | per word, one byte                                                              |
//! | relations            | per word, how many words after it in the order it is related to                 |
//! |                      | the distances to them, each from the one before                                 |
//! |                      | per distance the relations, a bit set                                           |
//! | lemmas               | per irregular form, the number of its lemma                                     |
//! | redirections         | distance of the word from the one before, number of the lemma                   |
//!
//! Like things stand together because that compresses better than one record for each word.

use super::{Lexicon, REDIRECTED, Slots};

/// Room for the decompressed table, which has 0.9 MB.
const UNPACKED_LIMIT: usize = 4 << 20;

/// The layout that is read.
const VERSION: u8 = 2;

/// Bytes that are read from the front.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, len: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(len);
        self.0 = rest;
        taken
    }

    fn fixed(&mut self) -> usize {
        let bytes = self.take(4).first_chunk().expect("invariant: four bytes were taken");
        u32::from_le_bytes(*bytes) as usize
    }

    fn section(&mut self) -> Self {
        let len = self.fixed();
        Self(self.take(len))
    }

    #[inline]
    fn number(&mut self) -> u32 {
        let mut number = 0;
        for (at, &byte) in self.0.iter().enumerate() {
            number |= u32::from(byte & 0x7F) << (7 * at);
            if byte < 0x80 {
                self.0 = &self.0[at + 1..];
                break;
            }
        }
        number
    }
}

/// Decompresses and indexes the table. O(bytes).
pub(super) fn load(packed: &[u8]) -> Lexicon {
    let unpacked = zstd::bulk::decompress(packed, UNPACKED_LIMIT)
        .expect("invariant: the embedded lexicon is a whole zstd frame");
    let mut reader = Reader(&unpacked);
    assert_eq!(reader.take(1), [VERSION], "invariant: the embedded lexicon has the layout that is read");
    let [words, irregular, redirected] = [reader.fixed(), reader.fixed(), reader.fixed()];

    let mut text = Vec::with_capacity(unpacked.len() / 2);
    let mut starts = Vec::with_capacity(words + irregular + 1);
    for _ in 0..2 {
        let (shared, rest) = (reader.section(), reader.section());
        expand(&shared, rest, &mut text, &mut starts);
    }
    text.shrink_to_fit();
    starts.push(place(text.len()));
    debug_assert_eq!(starts.len(), words + irregular + 1, "every form has a start");

    let mut shapes = reader.section().0.to_vec();
    let mut section = reader.section();
    let counts = (0..words).map(|_| u16::try_from(section.number()).unwrap_or(u16::MAX)).collect();
    let rarities = reader.section().0.into();
    let (edge_starts, edges) = relations(words, reader.section(), reader.section(), &reader.section());
    let mut section = reader.section();
    let lemmas = (0..irregular).map(|_| section.number()).collect();
    let mut section = reader.section();
    let mut from = 0;
    let redirections = (0..redirected).map(|_| {
        from += section.number();
        shapes[from as usize] |= REDIRECTED;
        (from, section.number())
    });
    let redirections = redirections.collect();

    let slots = Slots::index(&text, &starts);
    Lexicon {
        text: text.into(),
        starts: starts.into(),
        slots,
        shapes: shapes.into(),
        counts,
        rarities,
        edge_starts,
        edges,
        lemmas,
        redirections,
    }
}

/// Adds words to `text`, and where each starts to `starts`.
fn expand(shared: &Reader<'_>, rest: Reader<'_>, text: &mut Vec<u8>, starts: &mut Vec<u32>) {
    let mut last = text.len();
    let mut rest = rest.0;
    for &same in shared.0 {
        let start = text.len();
        text.extend_from_within(last..last + usize::from(same));
        let end = rest.iter().position(|&byte| byte == 0).unwrap_or(rest.len());
        text.extend_from_slice(&rest[..end]);
        rest = rest.get(end + 1..).unwrap_or_default();
        starts.push(place(start));
        last = start;
    }
}

/// Where the related words of each word start, and the related words with the kinds above them.
fn relations(
    words: usize,
    mut degrees: Reader<'_>,
    mut distances: Reader<'_>,
    kinds: &Reader<'_>,
) -> (Box<[u32]>, Box<[u32]>) {
    let mut pairs = Vec::with_capacity(kinds.0.len());
    // How many each word has; then where those of each word end; then where they start.
    let mut starts = vec![0_u32; words + 1];
    let mut kinds = kinds.0.iter();
    for word in 0..place(words) {
        let mut end = word;
        for &kind in kinds.by_ref().take(degrees.number() as usize) {
            end += distances.number();
            pairs.push((word, end, u32::from(kind) << super::KIND_SHIFT));
            starts[word as usize] += 1;
            starts[end as usize] += 1;
        }
    }
    let mut sum = 0;
    for start in &mut starts {
        sum += *start;
        *start = sum;
    }
    let mut edges = vec![0; 2 * pairs.len()];
    for (a, b, kind) in pairs {
        for (from, to) in [(a, b), (b, a)] {
            starts[from as usize] -= 1;
            edges[starts[from as usize] as usize] = to | kind;
        }
    }
    (starts.into(), edges.into())
}

fn place(at: usize) -> u32 {
    u32::try_from(at).expect("invariant: the unpacked lexicon is far below 4 GB")
}
