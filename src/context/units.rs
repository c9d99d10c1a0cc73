//! Units of analysis of a context: each large text by itself, small neighbouring elements in runs.
//!
//! Runs end where the content says so, so that a change in one element leaves all other runs as they were, and what is
//! remembered of them is found again.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use xxhash_rust::xxh3::Xxh3;

use super::CountTokens;
use super::analysis::Analysis;
use super::analysis::store::{Known, Store};
use super::elements::{Element, Elements};
use crate::base::cancel::Cancel;
use crate::base::document::{Document, Kind};
use crate::base::error::Result;
use crate::base::json::{KeyOrder, View, write_string};
use crate::base::threads::AtWork;

/// Texts from this many bytes on are units of their own and can be kept in part. Under it a marker for what is missing
/// would be a good part of what it saves.
pub(crate) const LARGE_TEXT_BYTES: usize = 1024;

/// A run ends after an element whose hash ends in so many zero bits, every 16th on average, …
const RUN_END_MASK: u128 = 15;
/// … and at the latest after so many elements.
const MAX_RUN: usize = 64;

/// So much text is read by the calling thread alone: starting another thread costs about as much.
const ALONE_BYTES: usize = 64 * 1024;
/// Most threads that read one context; agents filter in parallel besides.
const MAX_THREADS: usize = 4;

/// One unit: elements `first..end`.
#[derive(Debug)]
pub(crate) struct Unit {
    pub(crate) first: usize,
    pub(crate) end: usize,
    /// One large string, in blocks.
    pub(crate) is_text: bool,
    hash: u128,
    bytes: usize,
}

/// The units of one context with what is known of each.
#[derive(Debug)]
pub(crate) struct Units {
    pub(crate) list: Vec<Unit>,
    known: Vec<Arc<Known>>,
    /// How long the analysis and the counting of what was new took.
    pub(crate) analyse_ms: f64,
    pub(crate) count_ms: f64,
}

impl Units {
    /// Divides `elements`, and analyses and counts what `store` does not know yet, on several threads if it is much.
    ///
    /// # Errors
    /// `E_CANCELLED`.
    pub(crate) fn of(
        document: &Document,
        elements: &Elements,
        store: &Store,
        count: &dyn CountTokens,
        cancel: &Cancel,
    ) -> Result<Self> {
        let list = divide(document, &elements.list);
        let known = store.take(list.iter().map(|unit| unit.hash));
        let mut units = Self { list, known, analyse_ms: 0.0, count_ms: 0.0 };
        let read = units.read(document, elements, count, cancel);
        // Also after a call that was ended: what it has read is remembered and counts.
        store.settle(units.list.iter().map(|unit| unit.hash));
        read.map(|()| units)
    }

    /// What a unit is about.
    pub(crate) fn analysis(&self, unit: usize) -> &Analysis {
        self.known[unit].analysis(|| unreachable!("invariant: all units were read"))
    }

    /// Tokens of each part of a unit.
    pub(crate) fn tokens(&self, unit: usize) -> &[u32] {
        self.known[unit].tokens(|| unreachable!("invariant: all units were read"))
    }

    /// Analyses and counts what is not known, and measures how long each took.
    fn read(
        &mut self,
        document: &Document,
        elements: &Elements,
        count: &dyn CountTokens,
        cancel: &Cancel,
    ) -> Result<()> {
        let started = Instant::now();
        let parts = |unit: &Unit| &elements.list[unit.first..unit.end];
        self.for_new(Known::has_analysis, Known::begin_analysis, cancel, |unit, known| {
            known.analysis(|| unit.analyse(document, parts(unit)));
        });
        cancel.check()?;
        self.analyse_ms = milliseconds(started);
        let started = Instant::now();
        self.for_new(Known::has_tokens, Known::begin_count, cancel, |unit, known| {
            let analysis = known.analysis(|| unit.analyse(document, parts(unit)));
            known.tokens(|| unit.count(document, parts(unit), analysis, count));
        });
        self.count_ms = milliseconds(started);
        cancel.check()
    }

    /// Does `work` for the units that are not `done`, on several threads if they have much text. Those that another call has begun
    /// with come last: calls that read the same context at once share the work instead of waiting for each other at each unit.
    fn for_new(
        &self,
        done: impl Fn(&Known) -> bool,
        begin: impl Fn(&Known) -> bool + Sync,
        cancel: &Cancel,
        work: impl Fn(&Unit, &Known) + Sync,
    ) {
        let new: Vec<usize> = (0..self.list.len()).filter(|&at| !done(&self.known[at])).collect();
        let bytes: usize = new.iter().map(|&at| self.list[at].bytes).sum();
        let next = AtomicUsize::new(0);
        let own = || {
            while let Some(&at) = new.get(next.fetch_add(1, Ordering::Relaxed)) {
                if cancel.is_cancelled() {
                    return;
                }
                if begin(&self.known[at]) {
                    work(&self.list[at], &self.known[at]);
                }
            }
        };
        let useful = MAX_THREADS.min(bytes / ALONE_BYTES).min(new.len());
        let extra = AtWork::extra(useful.saturating_sub(1));
        std::thread::scope(|scope| {
            for _ in 0..extra.count() {
                scope.spawn(own);
            }
            own();
        });
        // What others have begun with is waited for; what they left is done.
        for &at in new.iter().filter(|_| !cancel.is_cancelled()) {
            work(&self.list[at], &self.known[at]);
        }
    }
}

fn milliseconds(since: Instant) -> f64 {
    since.elapsed().as_secs_f64() * 1000.0
}

impl Unit {
    fn analyse(&self, document: &Document, parts: &[Element]) -> Analysis {
        if self.is_text {
            return Analysis::of_text(document.text(parts[0].value as usize));
        }
        Analysis::of_elements(parts.iter().map(|part| {
            let (first, end) = (part.value as usize, document.end(part.value as usize));
            (first..end).flat_map(move |value| {
                // Its own key is in its path.
                let key = if value == first { "" } else { document.key(value) };
                [key, document.text(value)]
            })
        }))
    }

    /// Tokens of each part: of the JSON of a block's text, or of an element with its key and comma.
    fn count(
        &self,
        document: &Document,
        parts: &[Element],
        analysis: &Analysis,
        count: &dyn CountTokens,
    ) -> Box<[u32]> {
        let scratch = &mut Vec::new();
        let count_scratch = |scratch: &[u8]| {
            let text = std::str::from_utf8(scratch).expect("invariant: JSON is written from UTF-8");
            u32::try_from(count.count(text)).unwrap_or(u32::MAX)
        };
        let view = View::whole(document);
        if self.is_text {
            let text = document.text(parts[0].value as usize);
            return analysis
                .blocks(text)
                .map(|block| {
                    scratch.clear();
                    write_string(block, scratch);
                    count_scratch(&scratch[1..scratch.len() - 1])
                })
                .collect();
        }
        let mut of_part = |part: &Element| {
            let value = part.value as usize;
            scratch.clear();
            if !document.key(value).is_empty() {
                view.write_key(value, scratch);
                scratch.push(b':');
            }
            view.write(value, KeyOrder::Insertion, scratch);
            scratch.push(b',');
            count_scratch(scratch)
        };
        parts.iter().map(&mut of_part).collect()
    }
}

fn divide(document: &Document, elements: &[Element]) -> Vec<Unit> {
    let mut units = Vec::new();
    let mut scratch = Vec::new();
    let mut run = Run::new(0);
    for (at, element) in elements.iter().enumerate() {
        let value = element.value as usize;
        let is_text = document.kind(value) == Kind::String && document.text(value).len() >= LARGE_TEXT_BYTES;
        let hash = document.hash(value, &mut scratch);
        if is_text {
            run.end(at, &mut units);
            let bytes = document.text(value).len();
            units.push(Unit { first: at, end: at + 1, is_text, hash, bytes });
            run = Run::new(at + 1);
            continue;
        }
        // Tokens of an element count its key; a large one has a unit of its own, whose key is counted apart.
        run.hasher.update(document.key(value).as_bytes());
        run.hasher.update(&hash.to_le_bytes());
        run.bytes += usize::try_from(element.bytes).unwrap_or(usize::MAX);
        if hash & RUN_END_MASK == 0 || at + 1 - run.first == MAX_RUN {
            run.end(at + 1, &mut units);
            run = Run::new(at + 1);
        }
    }
    run.end(elements.len(), &mut units);
    units
}

/// A run under way.
struct Run {
    first: usize,
    hasher: Xxh3,
    bytes: usize,
}

impl Run {
    fn new(first: usize) -> Self {
        Self { first, hasher: Xxh3::with_seed(1), bytes: 0 }
    }

    fn end(&self, end: usize, units: &mut Vec<Unit>) {
        if end > self.first {
            let (first, bytes) = (self.first, self.bytes);
            units.push(Unit { first, end, is_text: false, hash: self.hasher.digest128(), bytes });
        }
    }
}

#[cfg(test)]
mod tests;
