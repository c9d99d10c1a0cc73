//! Exact token counts of a JSON object whose entries come, go and change, without counting it all again.
//!
//! Tokens of parts do not add up: a piece of text that is encoded on its own may reach over the comma between two
//! entries. But only one such piece can. Both patterns of `pretokenizer.rs` take the `,"` (or `{"`) before a key as part
//! of one run of symbols and marks, and end that run at the next letter, digit or space. So every entry is cut at that
//! place (its *break*): the run before it belongs to the *gap* between two entries, and what follows up to the next run
//! that holds a comma or the closing brace has the same pieces whatever stands around it. A change of one entry recounts
//! the two gaps around it, some ten bytes.
//!
//! An entry made of symbols alone has no break: it is part of one gap with its neighbours.

use std::borrow::Cow;
use std::cell::Cell;
use std::collections::BTreeSet;

use super::super::classes::{Classes, SYMBOL};
use super::super::{Encoding, Tokenizer, pretokenizer};

/// One way to write an entry, `"key":value`, taken apart for the ledger.
#[derive(Debug, Clone)]
pub(super) struct Form<'a> {
    /// From after the first quote to the break; everything if there is none.
    head: Cow<'a, str>,
    /// Tokens from the break to `tail`.
    middle: usize,
    /// The last run, which goes on over the comma or brace that follows.
    tail: Cow<'a, str>,
    has_break: bool,
    /// Tokens of the entry and the comma after it by themselves, up to one or two: to compare forms.
    pub(super) tokens: usize,
}

impl<'a> Form<'a> {
    /// The form of `text`, an entry and one comma or closing brace after it.
    pub(super) fn of(text: Cow<'a, str>, tokenizer: &Tokenizer) -> Self {
        let cut = 1 + Classes::new().run_end(&text.as_bytes()[1..], 0, SYMBOL);
        let end = text.len() - 1;
        let part = |from: usize, to: usize| match &text {
            Cow::Borrowed(text) => Cow::Borrowed(&text[from..to]),
            Cow::Owned(text) => Cow::Owned(text[from..to].to_owned()),
        };
        if cut > end {
            let nothing = Cow::Borrowed("");
            let tokens = tokenizer.count(&text);
            return Self { head: part(1, end), middle: 0, tail: nothing, has_break: false, tokens };
        }
        let (from_break, last) = tokenizer.count_and_last_piece(&text[cut..]);
        let start = cut + last;
        let middle = from_break - tokenizer.count(&text[start..]);
        let tokens = tokenizer.count(&text[..cut]) + from_break;
        Self { head: part(1, cut), middle, tail: part(start, end), has_break: true, tokens }
    }
}

impl Tokenizer {
    /// The number of tokens, and where the last piece that is encoded on its own starts.
    fn count_and_last_piece(&self, text: &str) -> (usize, usize) {
        let last = Cell::new(0);
        let noted = |end: fn(Classes, &[u8], usize) -> usize| {
            let last = &last;
            move |classes: Classes, text: &[u8], start: usize| {
                last.set(start);
                end(classes, text, start)
            }
        };
        let tokens = match self.encoding {
            Encoding::O200kBase => self.run_pieces(text, noted(pretokenizer::o200k_end), None),
            Encoding::Cl100kBase => self.run_pieces(text, noted(pretokenizer::cl100k_end), None),
        };
        (tokens, last.get())
    }
}

/// An object's entries by position, of which some are there, each in one of its forms.
pub(super) struct Ledger<'a> {
    tokenizer: &'static Tokenizer,
    forms: Vec<Option<&'a Form<'a>>>,
    /// Positions that are there.
    present: BTreeSet<usize>,
    tokens: usize,
    /// Bytes of gaps that trials may still count.
    budget: usize,
    /// The gap at hand, to allocate once.
    gap: String,
}

impl<'a> Ledger<'a> {
    /// A ledger of `{}` that can have entries at `0..positions`.
    ///
    /// Trials stop when they have counted `budget` bytes: an object made for that purpose, of nothing but symbols, could
    /// otherwise make them quadratic.
    pub(super) fn new(positions: usize, tokenizer: &'static Tokenizer, budget: usize) -> Self {
        let tokens = tokenizer.count("{}");
        Self {
            tokenizer,
            forms: vec![None; positions],
            present: BTreeSet::new(),
            tokens,
            budget,
            gap: String::new(),
        }
    }

    /// Tokens of the object as it is.
    pub(super) fn tokens(&self) -> usize {
        self.tokens
    }

    /// Puts an entry there, in this form, if the object then has at most `limit` tokens. O(log(entries) + gaps).
    pub(super) fn try_set(&mut self, position: usize, form: &'a Form<'a>, limit: usize) -> bool {
        if self.budget == 0 {
            return false;
        }
        let stops = |at: &&usize| self.forms[**at].is_some_and(|form| form.has_break);
        let left = self.present.range(..position).rev().find(stops).copied();
        let right = self.present.range(position + 1..).find(stops).copied();
        let before = self.stretch(left, right);
        let replaced = self.forms[position].replace(form);
        self.present.insert(position);
        let after = self.stretch(left, right);
        let tokens = self.tokens - before + after;
        if tokens <= limit {
            self.tokens = tokens;
            return true;
        }
        self.forms[position] = replaced;
        if replaced.is_none() {
            self.present.remove(&position);
        }
        false
    }

    /// Tokens between the break of the entry at `left`, or the start, and that of the entry at `right`, or the end.
    fn stretch(&mut self, left: Option<usize>, right: Option<usize>) -> usize {
        let mut gap = std::mem::take(&mut self.gap);
        gap.clear();
        let mut tokens = 0;
        let mut counted = 0;
        let form = |at: usize| self.forms[at].expect("invariant: present entries have a form");
        match left {
            Some(at) => gap.push_str(&form(at).tail),
            None => gap.push('{'),
        }
        let mut separator = if left.is_some() { "," } else { "" };
        let from = left.map_or(0, |at| at + 1);
        let to = right.unwrap_or(self.forms.len());
        for here in self.present.range(from..to).map(|&at| form(at)) {
            gap.push_str(separator);
            gap.push('"');
            gap.push_str(&here.head);
            separator = ",";
            if here.has_break {
                counted += gap.len();
                tokens += self.tokenizer.count(&gap) + here.middle;
                gap.clear();
                gap.push_str(&here.tail);
            }
        }
        match right {
            Some(at) => {
                gap.push_str(separator);
                gap.push('"');
                gap.push_str(&form(at).head);
            }
            None => gap.push('}'),
        }
        self.budget = self.budget.saturating_sub(counted + gap.len());
        tokens += self.tokenizer.count(&gap);
        self.gap = gap;
        tokens
    }
}
