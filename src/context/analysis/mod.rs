//! What a text is about, without a task: its words, blocks, definitions and imports.
//!
//! A unit of analysis is a large text, or a run of small neighbouring elements; its parts are the text's blocks, or the
//! elements. It depends on content alone, so that [`store`] remembers it from call to call whatever the context is called
//! and wherever the content stands.

pub(crate) mod blocks;
pub(crate) mod definitions;
pub(crate) mod imports;
pub(crate) mod lexer;
pub(crate) mod store;

use definitions::Definition;
use imports::{Import, imports};
use lexer::{Word, words};

/// How often a word stands in a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Posting {
    pub(crate) word: Word,
    pub(crate) part: u16,
    /// At most 65,535.
    pub(crate) count: u16,
}

/// What a unit is about.
#[derive(Debug, Default)]
pub(crate) struct Analysis {
    /// By word, then part.
    pub(crate) postings: Box<[Posting]>,
    /// Where the blocks of a text begin; empty for a run of elements.
    pub(crate) starts: Box<[u32]>,
    /// What is defined, in order of place.
    pub(crate) definitions: Box<[Definition]>,
    pub(crate) imports: Box<[Import]>,
    /// Words of each part.
    pub(crate) lengths: Box<[u32]>,
    /// Bytes of a text; 0 for a run of elements.
    pub(crate) text_bytes: u32,
}

impl Analysis {
    /// Of one large text, in blocks. O(text).
    pub(crate) fn of_text(text: &str) -> Self {
        let cut = blocks::cut(text);
        let mut found = Vec::new();
        for line in text.lines() {
            imports(line.trim_start_matches([' ', '\t']), &mut found);
        }
        let text_bytes = u32::try_from(text.len()).unwrap_or(u32::MAX);
        let of_blocks = Self { starts: cut.starts.into(), text_bytes, ..Self::default() };
        let (postings, lengths) = postings(of_blocks.blocks(text).map(|block| [block]));
        Self { postings, lengths, definitions: cut.definitions.into(), imports: found.into(), ..of_blocks }
    }

    /// Of a run of small elements, each given as its texts.
    pub(crate) fn of_elements<'a, T: IntoIterator<Item = &'a str>>(
        elements: impl Iterator<Item = T>,
    ) -> Self {
        let (postings, lengths) = postings(elements);
        Self { postings, lengths, ..Self::default() }
    }

    /// Bytes that it holds besides the struct itself.
    pub(crate) fn heap_bytes(&self) -> usize {
        size_of_val(&*self.postings)
            + size_of_val(&*self.starts)
            + size_of_val(&*self.definitions)
            + size_of_val(&*self.imports)
            + size_of_val(&*self.lengths)
    }

    /// Number of parts.
    pub(crate) fn parts(&self) -> usize {
        self.lengths.len()
    }

    /// The blocks of the text that was analysed.
    pub(crate) fn blocks<'a>(&'a self, text: &'a str) -> impl Iterator<Item = &'a str> {
        (0..self.starts.len()).map(move |block| &text[self.range(block)])
    }

    /// Where a block stands in the text, in bytes.
    pub(crate) fn range(&self, block: usize) -> std::ops::Range<usize> {
        let end = self.starts.get(block + 1).copied().unwrap_or(self.text_bytes);
        self.starts[block] as usize..end as usize
    }

    /// The block that the byte at `at` lies in.
    pub(crate) fn block_at(&self, at: u32) -> usize {
        self.starts.partition_point(|start| *start <= at).saturating_sub(1)
    }
}

fn postings<'a, T: IntoIterator<Item = &'a str>>(
    parts: impl Iterator<Item = T>,
) -> (Box<[Posting]>, Box<[u32]>) {
    // Word in the upper half, part in the lower: sorted, equal ones are neighbours.
    let mut all: Vec<u64> = Vec::new();
    let mut lengths = Vec::new();
    for (part, texts) in parts.enumerate() {
        let before = all.len();
        for text in texts {
            words(text, |word| all.push(u64::from(word) << 32 | part as u64));
        }
        lengths.push(u32::try_from(all.len() - before).unwrap_or(u32::MAX));
    }
    all.sort_unstable();
    let mut postings: Vec<Posting> = Vec::with_capacity(all.len() / 2);
    #[expect(clippy::cast_possible_truncation, reason = "halves of a number")]
    for key in all {
        let (word, part) = ((key >> 32) as u32, key as u16);
        match postings.last_mut() {
            Some(last) if last.word == word && last.part == part => last.count = last.count.saturating_add(1),
            _ => postings.push(Posting { word, part, count: 1 }),
        }
    }
    (postings.into(), lengths.into())
}

#[cfg(test)]
mod tests;
