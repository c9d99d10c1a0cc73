//! Exact token counts for the encodings of `OpenAI`'s models, without a regex engine.
//!
//! [`Tokenizer::count`] gives what tiktoken's `encode_ordinary(text)` has as length: text is split
//! into pieces (`pretokenizer.rs`, by the character classes of `classes.rs`), a piece that is a token
//! counts one (`ranks.rs`), any other is merged from its bytes (`merge.rs`). Counts of short pieces
//! are remembered per thread (`cache.rs`). [`delta`] knows what each agent was given, [`optimizer`]
//! puts both together.
//!
//! Special tokens are plain text here, as they are in files. Decoding, training, and encodings of
//! other vendors are deliberately left out.

pub mod blocks;
mod cache;
pub mod calibration;
mod classes;
pub mod common;
pub mod config;
pub mod delta;
pub mod known;
pub mod ledger;
mod merge;
pub mod models;
pub mod optimizer;
mod pretokenizer;
pub mod prices;
mod ranks;
mod raw;
pub mod schedule;
mod segments;
mod sent;
pub mod states;
#[cfg(test)]
mod tests;
pub mod trim;

use std::sync::LazyLock;

pub use optimizer::{DEFAULT_ENCODING, TokenOptimizer, TokenTotals};
pub use sent::{Blocks, DeltaEncoding, Mode, Optimized, SendOptions};
pub use states::Acknowledgement;

use cache::Cache;
use classes::Classes;
use ranks::{NO_TOKEN, Ranks};

/// A byte-pair encoding with an embedded rank table.
///
/// ```
/// use agentwise_optimization::tokens::Encoding;
///
/// assert_eq!(Encoding::from_name("o200k_base"), Some(Encoding::O200kBase));
/// assert_eq!(Encoding::Cl100kBase.name(), "cl100k_base");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Encoding {
    /// `o200k_base`: GPT-4o and later.
    O200kBase,
    /// `cl100k_base`: GPT-4 and GPT-3.5.
    Cl100kBase,
}

impl Encoding {
    /// All encodings, the preferred one first.
    pub const ALL: [Self; 2] = [Self::O200kBase, Self::Cl100kBase];

    /// The name tiktoken uses. O(1).
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::O200kBase => "o200k_base",
            Self::Cl100kBase => "cl100k_base",
        }
    }

    /// The encoding of that name, if there is one; case counts. O(1).
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|encoding| encoding.name() == name)
    }

    /// The tokenizer of this encoding, shared by all threads.
    ///
    /// The first call unpacks the rank table (about 10 ms); later ones are O(1).
    ///
    /// ```
    /// use agentwise_optimization::tokens::Encoding;
    ///
    /// assert_eq!(Encoding::O200kBase.tokenizer().count("hello world"), 2);
    /// ```
    #[must_use]
    pub fn tokenizer(self) -> &'static Tokenizer {
        static O200K: LazyLock<Tokenizer> = LazyLock::new(|| {
            Tokenizer::new(Encoding::O200kBase, include_bytes!("data/o200k_base.ranks.zst"))
        });
        static CL100K: LazyLock<Tokenizer> = LazyLock::new(|| {
            Tokenizer::new(Encoding::Cl100kBase, include_bytes!("data/cl100k_base.ranks.zst"))
        });
        match self {
            Self::O200kBase => &O200K,
            Self::Cl100kBase => &CL100K,
        }
    }
}

/// Counts the tokens of texts in one [`Encoding`]; see [`Encoding::tokenizer`].
pub struct Tokenizer {
    encoding: Encoding,
    ranks: Ranks,
}

impl Tokenizer {
    fn new(encoding: Encoding, packed: &[u8]) -> Self {
        Self { encoding, ranks: Ranks::load(packed) }
    }

    /// The number of tokens of `text`.
    ///
    /// O(length), whatever the text: long runs without a word break are no exception. Memory: 96 KB
    /// per thread and encoding, kept; and some 20 bytes per byte of the longest piece over 128 bytes.
    ///
    /// ```
    /// use agentwise_optimization::tokens::Encoding;
    ///
    /// let tokenizer = Encoding::Cl100kBase.tokenizer();
    /// assert_eq!(tokenizer.count(""), 0);
    /// assert_eq!(tokenizer.count("tokens, counted"), 3);
    /// ```
    #[must_use]
    pub fn count(&self, text: &str) -> usize {
        self.run(text, None)
    }

    /// The tokens of `text`, for checks. Same cost as [`count`](Self::count).
    ///
    /// ```
    /// use agentwise_optimization::tokens::Encoding;
    ///
    /// assert_eq!(Encoding::Cl100kBase.tokenizer().encode("hello world"), [15339, 1917]);
    /// ```
    #[must_use]
    pub fn encode(&self, text: &str) -> Vec<u32> {
        let mut tokens = Vec::new();
        self.run(text, Some(&mut tokens));
        tokens
    }

    fn run(&self, text: &str, out: Option<&mut Vec<u32>>) -> usize {
        match self.encoding {
            Encoding::O200kBase => self.run_pieces(text, pretokenizer::o200k_end, out),
            Encoding::Cl100kBase => self.run_pieces(text, pretokenizer::cl100k_end, out),
        }
    }

    #[inline]
    fn run_pieces(
        &self,
        text: &str,
        piece_end: impl Fn(Classes, &[u8], usize) -> usize,
        mut out: Option<&mut Vec<u32>>,
    ) -> usize {
        let classes = Classes::new();
        let text = text.as_bytes();
        let mut cache = out.is_none().then(|| Cache::take(self.encoding));
        let mut count = 0;
        let mut start = 0;
        while start < text.len() {
            let end = piece_end(classes, text, start);
            if let Some(cache) = &mut cache
                && let Some(key) = Cache::key(text, start, end)
            {
                count += cache.get(key).unwrap_or_else(|| {
                    let found = self.run_piece(text, start, end, None);
                    cache.put(key, found);
                    found
                });
            } else {
                count += self.run_piece(text, start, end, out.as_deref_mut());
            }
            start = end;
        }
        if let Some(cache) = cache {
            cache.park(self.encoding);
        }
        count
    }

    /// The number of tokens of one piece; appends them to `out` if there is one.
    #[inline]
    fn run_piece(&self, text: &[u8], start: usize, end: usize, out: Option<&mut Vec<u32>>) -> usize {
        let order = self.ranks.get(text, start, end);
        if order == NO_TOKEN {
            return merge::merge(&self.ranks, text, start, end, out);
        }
        if let Some(out) = out {
            out.push(self.ranks.rank(order));
        }
        1
    }
}
