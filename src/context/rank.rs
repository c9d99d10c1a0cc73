//! How well the elements of a context, and the blocks of its texts, fit a task.
//!
//! BM25 over words (S. Robertson and H. Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond", 2009), where
//! words of paths count more, and a text has what its best blocks have besides; then what [`super::evidence`] and
//! [`super::neighbours`] know. Deterministic. The weights were chosen on issues of open-source projects whose fix is known;
//! figures and how to get them: `docs/decisions/0014-context-ranking.md`.

use std::cell::OnceCell;
use std::collections::HashSet;

use super::analysis::lexer::{Word, words};
use super::analysis::{Analysis, Posting};
use super::elements::{Element, Elements};
use super::evidence::{self, Segments};
use super::neighbours;
use super::task::Task;
use super::units::Units;

/// BM25's saturation of repeated words, for elements and for blocks, and its normalisation by length, within the usual
/// ranges of 1.2–2 and 0.5–0.9.
const ELEMENT_K1: f64 = 2.0;
const BLOCK_K1: f64 = 1.2;
const B: f64 = 0.9;

/// A word in a path counts as this many in the text: names are chosen, text is not.
const PATH_WEIGHT: f64 = 3.0;

/// What the best block of a text adds to it, the second best half of that, and the third a quarter: what a task is about is
/// often one function of a long file.
const BEST_BLOCKS: [f64; 3] = [6.0, 3.0, 1.5];

/// What is looked at: a context's elements in their units.
pub(crate) struct Corpus<'a> {
    pub(crate) elements: &'a Elements,
    pub(crate) units: &'a Units,
    /// Unit of each element.
    pub(crate) unit_of: Vec<u32>,
    segments: OnceCell<Segments>,
}

/// How well everything fits.
#[derive(Debug, Default)]
pub(crate) struct Fit {
    /// By element, 0–1, relative to the best.
    pub(crate) elements: Vec<f64>,
    /// By element: the task names it by its path or key.
    pub(crate) named: Vec<bool>,
    /// Blocks, by unit and block, that define a name of code which the task has and few places define.
    pub(crate) named_blocks: HashSet<(usize, usize)>,
    /// By unit and block, 0–1; empty for units that are no text.
    pub(crate) blocks: Vec<Vec<f64>>,
}

/// How often a word of a query stands somewhere.
#[derive(Debug, Clone, Copy)]
struct Hit {
    element: u32,
    word: u16,
    count: f64,
    in_path: f64,
}

impl<'a> Corpus<'a> {
    pub(crate) fn new(elements: &'a Elements, units: &'a Units) -> Self {
        let mut unit_of = vec![0; elements.list.len()];
        for (at, unit) in units.list.iter().enumerate() {
            unit_of[unit.first..unit.end].fill(super::elements::index_u32(at));
        }
        Self { elements, units, unit_of, segments: OnceCell::new() }
    }

    pub(crate) fn element(&self, at: usize) -> &Element {
        &self.elements.list[at]
    }

    pub(crate) fn path(&self, at: usize) -> &str {
        self.elements.path(self.element(at))
    }

    /// Paths by their segments, made when they are first asked for.
    pub(crate) fn segments(&self) -> &Segments {
        self.segments.get_or_init(|| Segments::of(self))
    }

    /// Its key, about: the last segment of its path.
    pub(crate) fn key(&self, at: usize) -> &str {
        self.path(at).rsplit('/').next().unwrap_or("")
    }

    /// The analysis of a text that a choice is to be made about, with its element; `None` for other units.
    pub(crate) fn open_text(&self, unit: usize) -> Option<(usize, &Analysis)> {
        let found = &self.units.list[unit];
        let open = found.is_text && self.element(found.first).is_ranked();
        open.then(|| (found.first, self.units.analysis(unit)))
    }

    /// How well everything fits `task`.
    pub(crate) fn fit(&self, task: &Task) -> Fit {
        let mut fit = self.fit_words(&task.words);
        fit.named = evidence::mark_named(self, task);
        evidence::add_mentions(self, task, &mut fit.elements);
        evidence::add_names(self, task, &mut fit);
        neighbours::add(self, &mut fit.elements);
        relative_to_best([&mut fit.elements]);
        relative_to_best(fit.blocks.iter_mut());
        fit
    }

    /// How well everything fits words with weights, sorted by word, and nothing else.
    pub(crate) fn fit_words(&self, query: &[(Word, f64)]) -> Fit {
        let mut fit = Fit {
            elements: vec![0.0; self.elements.list.len()],
            named: vec![false; self.elements.list.len()],
            named_blocks: HashSet::new(),
            blocks: (0..self.units.list.len())
                .map(|unit| vec![0.0; self.open_text(unit).map_or(0, |(_, analysis)| analysis.parts())])
                .collect(),
        };
        if query.is_empty() {
            return fit;
        }
        let (hits, in_blocks) = self.hits(query);
        let open = self.elements.list.iter().filter(|element| element.is_ranked()).count() as f64;
        let mut spread = vec![0.0_f64; query.len()];
        for hit in &hits {
            spread[hit.word as usize] += 1.0;
        }
        // Inverse document frequency as in BM25, never negative.
        let rarity = |(with, (_, weight)): (&f64, &(Word, f64))| {
            weight * (1.0 + (open - with + 0.5) / (with + 0.5)).ln()
        };
        let rarity: Vec<f64> = spread.iter().zip(query).map(rarity).collect();
        let lengths = self.lengths();
        let mean = mean_of(lengths.iter().copied().filter(|length| *length > 0.0));
        for hit in &hits {
            let at = hit.element as usize;
            let count = hit.count / (1.0 - B + B * lengths[at] / mean) + PATH_WEIGHT * hit.in_path;
            fit.elements[at] += rarity[hit.word as usize] * saturated(count, ELEMENT_K1);
        }
        let all_blocks = (0..self.units.list.len()).filter_map(|unit| self.open_text(unit));
        let block_mean = mean_of(
            all_blocks.flat_map(|(_, analysis)| analysis.lengths.iter().map(|length| f64::from(*length))),
        );
        for (unit, posting, word) in in_blocks {
            let length = f64::from(self.units.analysis(unit as usize).lengths[posting.part as usize]);
            let count = f64::from(posting.count) / (1.0 - B + B * length / block_mean);
            fit.blocks[unit as usize][posting.part as usize] +=
                rarity[word as usize] * saturated(count, BLOCK_K1);
        }
        for (unit, blocks) in fit.blocks.iter().enumerate().filter(|(_, blocks)| !blocks.is_empty()) {
            let best = best_of(blocks);
            fit.elements[self.units.list[unit].first] +=
                best.iter().zip(BEST_BLOCKS).map(|(block, weight)| block * weight).sum::<f64>();
        }
        relative_to_best([&mut fit.elements]);
        relative_to_best(fit.blocks.iter_mut());
        fit
    }

    /// Where the words of a query stand: in elements, by element and word, and in the blocks of texts.
    fn hits(&self, query: &[(Word, f64)]) -> (Vec<Hit>, Vec<(u32, Posting, u16)>) {
        let mut hits: Vec<Hit> = Vec::new();
        let mut in_blocks = Vec::new();
        for (at, unit) in self.units.list.iter().enumerate() {
            let is_text = unit.is_text;
            if is_text && self.open_text(at).is_none() {
                continue;
            }
            let element = |part: u16| super::elements::index_u32(unit.first + part as usize);
            merge(query, self.units.analysis(at), |word, postings| {
                if is_text {
                    let count = postings.iter().map(|posting| f64::from(posting.count)).sum();
                    hits.push(Hit { element: element(0), word, count, in_path: 0.0 });
                    in_blocks.extend(
                        postings.iter().map(|posting| (super::elements::index_u32(at), *posting, word)),
                    );
                } else {
                    hits.extend(postings.iter().map(|posting| Hit {
                        element: element(posting.part),
                        word,
                        count: f64::from(posting.count),
                        in_path: 0.0,
                    }));
                }
            });
        }
        self.path_hits(query, &mut hits);
        hits.retain(|hit| self.element(hit.element as usize).is_ranked());
        hits.sort_unstable_by_key(|hit| (hit.element, hit.word));
        // A word in both text and path is one hit.
        hits.dedup_by(|next, first| {
            let same = (next.element, next.word) == (first.element, first.word);
            if same {
                first.count += next.count;
                first.in_path += next.in_path;
            }
            same
        });
        (hits, in_blocks)
    }

    fn path_hits(&self, query: &[(Word, f64)], hits: &mut Vec<Hit>) {
        let list = &self.elements.list;
        let mut of_path: Vec<u16> = Vec::new();
        for at in 0..list.len() {
            if at == 0 || !Elements::share_path(&list[at - 1], &list[at]) {
                of_path.clear();
                words(self.path(at), |word| {
                    if let Ok(place) = query.binary_search_by_key(&word, |(word, _)| *word) {
                        of_path.push(place_u16(place));
                    }
                });
            }
            let element = super::elements::index_u32(at);
            hits.extend(of_path.iter().map(|&word| Hit { element, word, count: 0.0, in_path: 1.0 }));
        }
    }

    /// Words of each element; 0 where nothing is to be chosen.
    fn lengths(&self) -> Vec<f64> {
        let mut lengths = vec![0.0; self.elements.list.len()];
        for (at, unit) in self.units.list.iter().enumerate() {
            let of_parts = &self.units.analysis(at).lengths;
            if unit.is_text {
                lengths[unit.first] = of_parts.iter().map(|length| f64::from(*length)).sum();
            } else {
                for (length, part) in lengths[unit.first..unit.end].iter_mut().zip(of_parts) {
                    *length = f64::from(*part);
                }
            }
        }
        for (length, element) in lengths.iter_mut().zip(&self.elements.list) {
            if !element.is_ranked() {
                *length = 0.0;
            }
        }
        lengths
    }
}

fn saturated(count: f64, k1: f64) -> f64 {
    count * (k1 + 1.0) / (count + k1)
}

fn mean_of(values: impl Iterator<Item = f64>) -> f64 {
    let (count, sum) = values.fold((0.0, 0.0), |(count, sum), value| (count + 1.0, sum + value));
    if sum > 0.0 { sum / count } else { 1.0 }
}

/// The three best, best first; 0 where there are fewer.
fn best_of(blocks: &[f64]) -> [f64; 3] {
    let mut best = [0.0; 3];
    for &block in blocks {
        let at = best.iter().position(|other| block > *other);
        if let Some(at) = at {
            best[at..].rotate_right(1);
            best[at] = block;
        }
    }
    best
}

/// Divides all by the greatest of all.
fn relative_to_best<'a>(lists: impl IntoIterator<Item = &'a mut Vec<f64>>) {
    let lists: Vec<&mut Vec<f64>> = lists.into_iter().collect();
    let best = lists.iter().flat_map(|list| list.iter()).copied().fold(0.0, f64::max);
    if best > 0.0 {
        for value in lists.into_iter().flatten() {
            *value /= best;
        }
    }
}

/// Calls `found` with each word of the query that the unit has, and its postings. Both are sorted by word: a long text has
/// far more of them than a query, so the steps through it double.
fn merge(query: &[(Word, f64)], unit: &Analysis, mut found: impl FnMut(u16, &[Posting])) {
    let postings = &unit.postings;
    let mut at = 0;
    for (place, (word, _)) in query.iter().enumerate() {
        let mut step = 1;
        while at + step < postings.len() && postings[at + step].word < *word {
            at += step;
            step *= 2;
        }
        let end = (at + step + 1).min(postings.len());
        at += postings[at..end].partition_point(|posting| posting.word < *word);
        let start = at;
        while at < postings.len() && postings[at].word == *word {
            at += 1;
        }
        if at > start {
            found(place_u16(place), &postings[start..at]);
        }
        if at == postings.len() {
            return;
        }
    }
}

fn place_u16(place: usize) -> u16 {
    u16::try_from(place).expect("invariant: a query has some hundreds of words")
}

#[cfg(test)]
mod tests;
