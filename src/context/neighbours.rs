//! What lies near what fits: files that strong hits import, and files beside them.

use std::collections::HashMap;

use super::analysis::imports::Import;
use super::analysis::lexer::whole;
use super::evidence::Segments;
use super::rank::Corpus;

/// How many strong hits lend to what they import.
const STRONG: usize = 20;
/// Elements of one name that an import is compared with.
const MAX_IMPORTED: usize = 1000;
/// What of its score a strong hit lends to what it imports, and the best of a folder to what lies in it.
const IMPORTED: f64 = 0.3;
const BESIDE: f64 = 0.3;

/// Adds to `scores` what neighbours lend.
pub(crate) fn add(corpus: &Corpus<'_>, scores: &mut [f64]) {
    let lent = by_imports(corpus, scores);
    let mut folders: HashMap<&str, f64> = HashMap::new();
    let open = || (0..scores.len()).filter(|&at| corpus.element(at).is_ranked());
    for at in open() {
        let best = folders.entry(folder(corpus.path(at))).or_insert(0.0);
        *best = best.max(scores[at]);
    }
    let beside: Vec<(usize, f64)> = open().map(|at| (at, folders[folder(corpus.path(at))])).collect();
    for (at, best) in beside {
        scores[at] += lent[at] + BESIDE * best;
    }
}

fn folder(path: &str) -> &str {
    path.rfind('/').map_or("", |at| &path[..at])
}

fn by_imports(corpus: &Corpus<'_>, scores: &[f64]) -> Vec<f64> {
    let mut lent = vec![0.0_f64; scores.len()];
    let texts = (0..corpus.units.list.len()).filter_map(|unit| corpus.open_text(unit));
    let mut strong: Vec<_> = texts.filter(|(at, _)| scores[*at] > 0.0).collect();
    strong.sort_by(|(a, _), (b, _)| scores[*b].total_cmp(&scores[*a]).then(a.cmp(b)));
    strong.truncate(STRONG);
    if strong.iter().all(|(_, analysis)| analysis.imports.is_empty()) {
        return lent;
    }
    let segments = corpus.segments();
    for (from, analysis) in strong {
        for import in &analysis.imports {
            let candidates = segments.ending_in(import.last);
            for &to in candidates.iter().take(MAX_IMPORTED) {
                let to = to as usize;
                if to != from && is_meant(import, corpus, segments, from, to) {
                    lent[to] = lent[to].max(IMPORTED * scores[from]);
                }
            }
        }
    }
    lent
}

/// Whether an import of `from` may mean `to`: the last two segments agree. Those of a relative one begin at its folder.
fn is_meant(import: &Import, corpus: &Corpus<'_>, segments: &Segments, from: usize, to: usize) -> bool {
    let before = match import {
        Import { before, .. } if *before != 0 => Some(*before),
        // Not by the segments of `from`: those of an `index.js` begin at its folder.
        Import { up: Some(up), .. } => corpus.path(from).rsplit('/').nth(1 + usize::from(*up)).map(whole),
        _ => None,
    };
    segments.of[to].get(1).copied() == before
}

#[cfg(test)]
mod tests;
