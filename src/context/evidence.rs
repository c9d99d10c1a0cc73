//! What a task says outright: paths, modules, keys, and names of code with the places that define them.

use std::collections::{HashMap, HashSet};

use super::analysis::lexer::{Word, whole};
use super::rank::{Corpus, Fit};
use super::task::{Mention, Task};

/// What a path that the task has adds to the element, in best elements.
const FILE_MENTION: f64 = 0.6;
/// The same for a module (`a.b.c`), which may be something else.
const MODULE_MENTION: f64 = 0.3;
/// What a name of code adds where it is defined, shared by the places that define it.
const DEFINED_NAME: f64 = 0.2;

/// Elements of one name, up to which a task that has the name as a word names them.
const NAMED_BY_WORD: usize = 3;
/// The same for a name of code, which nobody writes by chance.
const NAMED_BY_NAME: usize = 20;
/// Texts that define a name of code, up to which a task that has the name names the blocks that do.
const NAMED_BY_DEFINITION: usize = 3;
/// The share of a context up to which a top-level field is named with all that is in it: one that has most of the context
/// is where it is kept, whatever the task.
const NAMED_SHARE: f64 = 0.5;
/// Shorter words are too common to be the name of an element.
pub(crate) const NAMED_WORD_BYTES: usize = 4;

/// Elements of one name that are looked at: what so many have says nothing about any of them.
pub(crate) const MAX_OF_ONE_NAME: usize = 10_000;

/// Segments of a path that count, the last ones.
const MAX_SEGMENTS: usize = 8;

/// Files that stand for their folder.
pub(super) const STANDS_FOR_FOLDER: [&str; 5] = ["__init__", "index", "mod", "main", "lib"];

/// The segments of a path as words, the last one first, without its ending and without a name that stands for its folder.
pub(crate) fn segments(path: &str) -> Vec<Word> {
    let mut names: Vec<&str> = stem(path).rsplit('/').take(MAX_SEGMENTS).collect();
    if names.len() > 1 && STANDS_FOR_FOLDER.contains(&names[0]) {
        names.remove(0);
    }
    names.into_iter().map(whole).collect()
}

/// A path without the ending of its file.
fn stem(path: &str) -> &str {
    match path.rsplit_once('.') {
        Some((stem, ending)) if !stem.is_empty() && !ending.contains('/') && ending.len() <= 8 => stem,
        _ => path,
    }
}

/// Paths of a corpus by their last segment.
pub(crate) struct Segments {
    pub(crate) of: Vec<Vec<Word>>,
    by_last: HashMap<Word, Vec<u32>>,
}

impl Segments {
    /// Of the open elements with a path of their own; others have none.
    pub(crate) fn of(corpus: &Corpus<'_>) -> Self {
        let list = &corpus.elements.list;
        let mut of = vec![Vec::new(); list.len()];
        let mut by_last: HashMap<Word, Vec<u32>> = HashMap::new();
        for at in 0..list.len() {
            let shares = at > 0 && super::elements::Elements::share_path(&list[at - 1], &list[at]);
            if list[at].is_ranked() && !shares {
                of[at] = segments(corpus.path(at));
                by_last.entry(of[at][0]).or_default().push(super::elements::index_u32(at));
            }
        }
        Self { of, by_last }
    }

    /// Elements whose path ends in this segment.
    pub(crate) fn ending_in(&self, last: Word) -> &[u32] {
        self.by_last.get(&last).map_or(&[], Vec::as_slice)
    }

    /// Elements whose path agrees with a mention in most segments. A module may end in names of what it defines:
    /// `a.b.Class.method` is `a/b.py`.
    pub(crate) fn agreeing(&self, mention: &Mention) -> Vec<usize> {
        let skips = if mention.is_file { 0 } else { mention.segments.len().saturating_sub(2).min(2) };
        for skip in 0..=skips {
            let wanted = &mention.segments[skip..];
            let Some(last) = wanted.first() else { continue };
            let candidates = self.ending_in(*last);
            if candidates.len() > MAX_OF_ONE_NAME {
                continue;
            }
            let shared =
                |at: u32| wanted.iter().zip(&self.of[at as usize]).take_while(|(a, b)| a == b).count();
            let most = candidates.iter().map(|&at| shared(at)).max().unwrap_or(0);
            // The last segment of a module alone is any word.
            if most >= if mention.is_file { 1 } else { 2 } {
                return candidates.iter().filter(|&&at| shared(at) == most).map(|&at| at as usize).collect();
            }
        }
        Vec::new()
    }
}

/// Adds to the elements whose paths or modules the task has.
pub(crate) fn add_mentions(corpus: &Corpus<'_>, task: &Task, scores: &mut [f64]) {
    if task.mentions.is_empty() {
        return;
    }
    let segments = corpus.segments();
    for mention in &task.mentions {
        let weight = if mention.is_file { FILE_MENTION } else { MODULE_MENTION };
        let agreeing = segments.agreeing(mention);
        for &at in &agreeing {
            scores[at] += weight / agreeing.len() as f64;
        }
    }
}

/// Adds to the elements and blocks that define names of code that the task has. A name that is defined in many places says
/// little about any of them.
pub(crate) fn add_names(corpus: &Corpus<'_>, task: &Task, fit: &mut Fit) {
    let mut places: Vec<Vec<(usize, u32)>> = vec![Vec::new(); task.names.len()];
    if !task.names.is_empty() {
        for unit in 0..corpus.units.list.len() {
            let Some((_, analysis)) = corpus.open_text(unit) else { continue };
            for definition in &analysis.definitions {
                if let Ok(name) = task.names.binary_search_by_key(&definition.word, |(word, _)| *word) {
                    places[name].push((unit, definition.at));
                }
            }
        }
    }
    for ((_, weight), places) in task.names.iter().zip(places) {
        let mut units: Vec<usize> = places.iter().map(|(unit, _)| *unit).collect();
        units.dedup();
        let sure = weight.sqrt() / units.len().max(1) as f64;
        let is_named = units.len() <= NAMED_BY_DEFINITION;
        for unit in units {
            fit.elements[corpus.units.list[unit].first] += DEFINED_NAME * sure;
        }
        for (unit, at) in places {
            let block = corpus.units.analysis(unit).block_at(at);
            fit.blocks[unit][block] += DEFINED_NAME * sure;
            if is_named {
                fit.named_blocks.insert((unit, block));
            }
        }
    }
}

/// Which elements the task names, by a path or by their key.
pub(crate) fn mark_named(corpus: &Corpus<'_>, task: &Task) -> Vec<bool> {
    let list = &corpus.elements.list;
    let mut named = vec![false; list.len()];
    if task.is_empty() {
        return named;
    }
    let segments = corpus.segments();
    for mention in task.mentions.iter().filter(|mention| mention.is_file) {
        let meant = segments.agreeing(mention);
        if meant.len() <= NAMED_BY_NAME {
            for at in meant {
                named[at] = true;
            }
        }
    }
    name_fields(corpus, task, &mut named);
    // A key of any other level, or a file: everything under it is named with it.
    let mut by_key: HashMap<Word, Vec<u32>> = HashMap::new();
    let (mut keys, mut before): (Vec<Word>, Option<usize>) = (Vec::new(), None);
    for at in (0..list.len()).filter(|&at| list[at].is_ranked()) {
        if before.is_none_or(|before| !super::elements::Elements::share_path(&list[before], &list[at])) {
            keys.clear();
            let path = stem(corpus.path(at));
            keys.extend(path.split('/').filter(|segment| segment.len() >= NAMED_WORD_BYTES).map(whole));
            keys.retain(|key| task.weight_of(*key).is_some());
        }
        for key in &keys {
            by_key.entry(*key).or_default().push(super::elements::index_u32(at));
        }
        before = Some(at);
    }
    for (key, elements) in by_key {
        let is_name = task.names.binary_search_by_key(&key, |(word, _)| *word).is_ok();
        if elements.len() <= if is_name { NAMED_BY_NAME } else { NAMED_BY_WORD } {
            for at in elements {
                named[at as usize] = true;
            }
        }
    }
    named
}

/// Top-level fields whose key the task has: a field is named with all that is in it, however many values that are.
fn name_fields(corpus: &Corpus<'_>, task: &Task, named: &mut [bool]) {
    let list = &corpus.elements.list;
    let ranked = || (0..list.len()).filter(|&at| list[at].is_ranked());
    let all: u64 = ranked().map(|at| list[at].bytes).sum();
    let mut bytes: HashMap<u32, u64> = HashMap::new();
    for at in ranked() {
        *bytes.entry(list[at].top).or_insert(0) += list[at].bytes;
    }
    let is_meant = |(top, key): &&(u32, Word)| {
        let of_field = bytes.get(top).copied().unwrap_or(0) as f64;
        task.weight_of(*key).is_some() && of_field <= all as f64 * NAMED_SHARE
    };
    let meant: HashSet<u32> = corpus.elements.tops.iter().filter(is_meant).map(|(top, _)| *top).collect();
    for at in ranked().filter(|&at| meant.contains(&list[at].top)) {
        named[at] = true;
    }
}

#[cfg(test)]
mod tests;
