//! Which questions may be the same as one, and how like it they are.

use super::super::compare::compare;
use super::super::lexicon::lexicon;
use super::super::query::Query;
use super::super::slips;
use super::super::term::{key, word_weight};
use super::super::token::Kind;
use super::sums::SUMS;
use super::{Candidate, Index, fixed, scoped};

/// Postings read for one question, beyond those that must be.
const MOST_POSTINGS: usize = 2048;
/// Of the weight that two questions must share: synonyms weigh less in one of them than in the other.
const CERTAIN: f32 = 0.7;
/// Candidates compared in full.
const MOST_COMPARED: usize = 16;
/// Postings from which it pays to find out whether any of them can be of use.
const MANY_POSTINGS: usize = 16_384;
/// Longer names are not looked at letter by letter.
const LONGEST_NAME: usize = 24;

/// Which candidates are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// Those that come close, also if something speaks against them.
    Close,
    /// Those that may be served: what is refused for its numbers or identifiers is not looked at.
    Served,
}

/// What a term adds to a question that has it.
struct Probe {
    /// Places of its list and of those of what is like it.
    lists: Vec<u32>,
    postings: usize,
    /// The most that it and what it is matched with weigh on average.
    most: f32,
}

/// What questions share with one, at least and beyond what was not looked at.
struct Shared {
    weights: Vec<(u32, f32)>,
    unknown: f32,
}

impl Index {
    /// The questions of these scopes that are most like `text`, itself left out, and may be as like it as `least`: best first,
    /// those that may be served before those that may not.
    pub fn candidates(&self, scopes: &[u32], text: &str, least: f32, wanted: Wanted) -> Vec<Candidate> {
        let Some(query) = Query::parse(text) else { return Vec::new() };
        let mut found = Vec::new();
        for &scope in scopes {
            for id in self.promising(scope, &query, text, least, wanted) {
                // Lists are found by hash: what collides is of another scope.
                let entry = self.entries[id as usize].as_ref().filter(|entry| entry.scope == scope);
                let Some(other) = entry.and_then(|entry| Query::parse(&entry.text)) else { continue };
                found.push(Candidate { id, verdict: compare(&query, &other) });
            }
        }
        let rank = |candidate: &Candidate| (candidate.verdict.refusal.is_some(), -candidate.verdict.score);
        found.sort_by(|a, b| {
            let (a, b) = (rank(a), rank(b));
            a.0.cmp(&b.0).then(a.1.total_cmp(&b.1))
        });
        found
    }

    /// The questions that share most with `query`, and can be as like it as `least`.
    fn promising(&self, scope: u32, query: &Query, text: &str, least: f32, wanted: Wanted) -> Vec<u32> {
        // The same in normal form: no more is needed.
        let is_other = |id: &u32| self.text(*id) != Some(text);
        let same = self.same_normal(scoped(scope, key(&query.normal)));
        let same: Vec<u32> = same.filter(is_other).take(MOST_COMPARED).collect();
        if !same.is_empty() {
            return same;
        }
        let total: f32 = query.terms.iter().map(|term| term.weight).sum();
        let probes = self.probes(scope, query);
        let postings: usize = probes.iter().map(|probe| probe.postings).sum();
        if wanted == Wanted::Served && postings > MANY_POSTINGS && self.has_unknown_name(scope, query) {
            return Vec::new();
        }
        let shared = match self.required(scope, query).filter(|_| wanted == Wanted::Served) {
            Some(ids) if ids.len() <= MOST_POSTINGS => self.shared_of(ids, &probes),
            // A question that shares less weight than this is not as like it as `least`, whatever its own weight.
            _ => self.shared(&probes, total * least / (2.0 - least)),
        };
        let fixed = fixed(query);
        let mut best: Vec<(u32, f32)> = shared
            .weights
            .iter()
            .filter_map(|&(id, weight)| {
                let other = *self.weights.get(id as usize)?;
                let common = (weight + shared.unknown).min(f32::midpoint(total, other));
                Some((id, 2.0 * common / (total + other)))
            })
            .filter(|&(id, bound)| {
                bound >= least
                    && (wanted == Wanted::Close
                        || self.entries[id as usize].as_ref().is_some_and(|entry| entry.fixed == fixed))
            })
            .collect();
        let order = |a: &(u32, f32), b: &(u32, f32)| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0));
        if best.len() > MOST_COMPARED + 1 {
            best.select_nth_unstable_by(MOST_COMPARED, order);
            best.truncate(MOST_COMPARED + 1);
        }
        best.sort_unstable_by(order);
        best.into_iter().map(|(id, _)| id).filter(is_other).take(MOST_COMPARED).collect()
    }

    /// One for each term, the rarest first.
    fn probes(&self, scope: u32, query: &Query) -> Vec<Probe> {
        let mut probes = Vec::with_capacity(query.terms.len());
        for term in &query.terms {
            let mut lists: Vec<u32> = self.place(scoped(scope, term.key)).into_iter().collect();
            let mut most = term.most_weight();
            for word in term.word.into_iter().flat_map(|word| lexicon().alike(word)) {
                if let Some(place) = self.place(scoped(scope, key(lexicon().info(word).lemma))) {
                    lists.push(place);
                    most = most.max(f32::midpoint(term.weight, word_weight(word)));
                }
            }
            probes.push(Probe { postings: lists.iter().map(|&at| self.ids(at).len()).sum(), lists, most });
        }
        probes.sort_by_key(|probe| probe.postings);
        probes
    }

    /// The shortest list of a term that the other question must have too: a number, an identifier.
    fn required(&self, scope: u32, query: &Query) -> Option<&[u32]> {
        let fixed = query.terms.iter().filter(|term| term.kind != Kind::Word);
        fixed
            .map(|term| self.place(scoped(scope, term.key)).map_or(&[][..], |place| self.ids(place)))
            .min_by_key(|ids| ids.len())
    }

    /// Whether a name is in none of the questions, and is no common word mistyped: then none of them is the same.
    fn has_unknown_name(&self, scope: u32, query: &Query) -> bool {
        let mut names = query.terms.iter().filter(|term| term.is_name && term.word.is_none());
        names.any(|term| self.place(scoped(scope, term.key)).is_none() && !may_be_mistyped(&term.text))
    }

    /// What these questions share. O(ids · terms).
    fn shared_of(&self, ids: &[u32], probes: &[Probe]) -> Shared {
        let mut places: Vec<(u32, usize)> = Vec::new();
        for (at, probe) in probes.iter().enumerate() {
            places.extend(probe.lists.iter().map(|&place| (place, at)));
        }
        places.sort_unstable();
        let missing = probes.iter().filter(|probe| probe.postings == 0).map(|probe| probe.most).sum();
        let weight = |id: u32| {
            let mut seen = 0_u64;
            let terms = self.entries[id as usize].as_ref().map_or(&[][..], |entry| &entry.terms);
            for &term in terms {
                let first = places.partition_point(|&(place, _)| place < term);
                let of_term = places[first..].iter().take_while(|&&(place, _)| place == term);
                seen |= of_term.fold(0, |seen, &(_, at)| seen | 1 << (at & 63));
            }
            (0..probes.len()).filter(|at| seen >> (at & 63) & 1 == 1).map(|at| probes[at].most).sum::<f32>()
        };
        Shared { weights: ids.iter().map(|&id| (id, weight(id))).collect(), unknown: missing }
    }

    /// What the questions of the rarest terms share, all of those that share as much as `needed`.
    fn shared(&self, probes: &[Probe], needed: f32) -> Shared {
        SUMS.with_borrow_mut(|sums| {
            sums.begin(self.entries.len());
            let (mut read, mut missing, mut unread) =
                (0, 0.0, probes.iter().map(|probe| probe.most).sum::<f32>());
            for (at, probe) in probes.iter().enumerate() {
                // What none of the lists read so far has shares too little; and what shares more has been seen.
                if read + probe.postings > MOST_POSTINGS && unread < needed * CERTAIN {
                    break;
                }
                read += probe.postings;
                unread -= probe.most;
                if probe.postings == 0 {
                    // Maybe a typing error: then it is common all the same.
                    missing += probe.most;
                }
                for &id in probe.lists.iter().flat_map(|&place| self.ids(place)) {
                    sums.add(id, at, probe.most);
                }
            }
            Shared { weights: sums.iter().collect(), unknown: unread + missing }
        })
    }

    fn place(&self, key: u64) -> Option<u32> {
        self.terms.get(&key).copied()
    }

    fn ids(&self, place: u32) -> &[u32] {
        &self.lists[place as usize].ids
    }
}

/// Whether a common word is one slip away, not at the first letter. O(letters), some 50 words for each.
fn may_be_mistyped(name: &str) -> bool {
    if !name.is_ascii() || name.len() > LONGEST_NAME {
        // What is not looked at may be.
        return true;
    }
    let is_common = |word: &[u8]| {
        let word = std::str::from_utf8(word).ok().and_then(|word| lexicon().lemma(word));
        word.is_some_and(slips::is_common)
    };
    let bytes = name.as_bytes();
    (1..=bytes.len()).any(|at| {
        let (start, rest) = bytes.split_at(at);
        let with = |middle: &[u8], skipped: usize| {
            rest.get(skipped..).is_some_and(|rest| is_common(&[start, middle, rest].concat()))
        };
        let is_swapped = || rest.len() > 1 && with(&[rest[1], rest[0]], 2);
        with(&[], 1) || is_swapped() || (b'a'..=b'z').any(|letter| with(&[letter], 0) || with(&[letter], 1))
    })
}
