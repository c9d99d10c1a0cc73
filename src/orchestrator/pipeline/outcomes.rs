//! What came of contexts, by question: the same context for the same agent under the same circumstances is not worked on twice.
//!
//! Bounded by bytes; what was not asked for longest goes first. Holds no texts but those that were cut.

use std::sync::{Arc, OnceLock};

use hashbrown::HashMap;
use parking_lot::Mutex;

use crate::base::footprint::{Footprint, Relief};
use crate::base::held::{ARC_BYTES, REDUCED};
use crate::context::{DroppedPart, FilterOutcome};
use crate::tokens::known::Kept;

/// Most bytes: some ten contexts of 5 MB that are cut by half, or some hundred of 1 MB of which nothing is.
const MAX_BYTES: usize = 32 << 20;

/// One that takes more than such a part of all is not remembered: it must not take the place of all others.
const PART_EACH: usize = 4;

/// What came of a context for one kind of agent.
#[derive(Debug)]
pub struct Outcome {
    /// What the filter kept.
    pub filter: FilterOutcome,
    /// JSON rows of what was left out, with paths.
    pub dropped: Box<str>,
    /// Hashes and counts of what is kept, once the token step has been there.
    pub kept: Arc<OnceLock<Kept>>,
}

impl Outcome {
    fn bytes(&self) -> usize {
        let filter = &self.filter;
        let cuts: usize = filter.cuts.values().map(|cut| cut.len() + 48).sum();
        let pieces: usize = filter.texts.iter().map(|text| text.pieces.len() * 40).sum();
        ARC_BYTES
            + size_of::<Self>()
            + filter.fates.as_ref().map_or(0, Vec::len)
            + cuts
            + pieces
            + filter.kept.len() * (size_of::<u32>() + size_of::<f32>())
            + filter.dropped.len() * size_of::<DroppedPart>()
            + filter.adaptations.iter().map(String::len).sum::<usize>()
            + self.dropped.len()
            + self.kept.get().map_or(0, Kept::bytes)
    }
}

/// All that are remembered.
#[derive(Debug, Default)]
pub(super) struct Outcomes {
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    by_question: HashMap<u128, Entry>,
    bytes: usize,
    now: u64,
    /// Whether less is to be remembered: memory is short.
    is_reduced: bool,
}

#[derive(Debug)]
struct Entry {
    outcome: Arc<Outcome>,
    bytes: usize,
    used: u64,
}

impl Known {
    fn max_bytes(&self) -> usize {
        if self.is_reduced { MAX_BYTES / usize::try_from(REDUCED).unwrap_or(1) } else { MAX_BYTES }
    }

    fn remove(&mut self, question: u128) -> Option<Entry> {
        let entry = self.by_question.remove(&question)?;
        self.bytes -= entry.bytes;
        Some(entry)
    }
}

impl Outcomes {
    /// Whether there is room for what is used again: memory is not short.
    pub(super) fn is_roomy(&self) -> bool {
        !self.known.lock().is_reduced
    }

    /// What came of it: a use.
    pub(super) fn get(&self, question: u128) -> Option<Arc<Outcome>> {
        let mut known = self.known.lock();
        known.now += 1;
        let now = known.now;
        let entry = known.by_question.get_mut(&question)?;
        entry.used = now;
        Some(Arc::clone(&entry.outcome))
    }

    /// Remembers what came of it, and measures again what is remembered already.
    pub(super) fn keep(&self, question: u128, outcome: &Arc<Outcome>) {
        let bytes = outcome.bytes();
        let mut gone = Vec::new();
        let mut known = self.known.lock();
        gone.extend(known.remove(question));
        if bytes <= known.max_bytes() / PART_EACH {
            known.now += 1;
            known.bytes += bytes;
            let used = known.now;
            known.by_question.insert(question, Entry { outcome: Arc::clone(outcome), bytes, used });
        }
        while known.bytes > known.max_bytes() {
            let oldest = known.by_question.iter().min_by_key(|(_, entry)| entry.used);
            let Some(oldest) = oldest.map(|(&question, _)| question) else { break };
            gone.extend(known.remove(oldest));
        }
        drop(known);
        drop(gone);
    }

    /// Forgets all.
    pub(super) fn clear(&self) {
        let mut known = self.known.lock();
        known.bytes = 0;
        let gone = std::mem::take(&mut known.by_question);
        drop(known);
        drop(gone);
    }
}

impl Footprint for Outcomes {
    fn held(&self, row: &mut dyn FnMut(&'static str, u64)) {
        let known = self.known.lock();
        row("optimized contexts", (known.bytes + known.by_question.allocation_size()) as u64);
    }

    /// Everything goes, and comes again when it is needed.
    fn relieve(&self, relief: Relief) {
        self.known.lock().is_reduced = relief == Relief::Drop;
        if relief == Relief::Drop {
            self.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::document::tests::document;

    fn outcome(bytes: usize) -> Arc<Outcome> {
        let filter = FilterOutcome::unfiltered(&document("{}"));
        Arc::new(Outcome { filter, dropped: "x".repeat(bytes).into(), kept: Arc::default() })
    }

    #[test]
    fn bytes_are_bounded_and_what_was_used_last_stays() {
        let outcomes = Outcomes::default();
        for question in 0..100 {
            outcomes.keep(question, &outcome(1 << 20));
            assert!(outcomes.get(0).is_some(), "used each time");
            assert!(outcomes.known.lock().bytes <= MAX_BYTES);
        }
        assert!(outcomes.get(99).is_some() && outcomes.get(1).is_none());
        outcomes.keep(0, &outcome(MAX_BYTES));
        assert!(outcomes.get(0).is_none(), "too large by itself");
        assert!(outcomes.get(99).is_some());
    }

    #[test]
    fn everything_goes_where_memory_is_short_and_bytes_add_up() {
        let outcomes = Outcomes::default();
        let held = |outcomes: &Outcomes| {
            let mut bytes = 0;
            outcomes.held(&mut |_, row| bytes += row);
            bytes
        };
        for _ in 0..3 {
            outcomes.keep(7, &outcome(1000));
        }
        assert!((1000..4000).contains(&held(&outcomes)), "replaced, not added");
        outcomes.relieve(Relief::Drop);
        assert!(outcomes.get(7).is_none());
        assert_eq!(outcomes.known.lock().bytes, 0);
        outcomes.relieve(Relief::None);
        outcomes.keep(7, &outcome(1000));
        assert!(outcomes.get(7).is_some());
    }
}
