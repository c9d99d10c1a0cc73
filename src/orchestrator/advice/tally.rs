//! What agents did with what the filter left out: which parts they fetched again, and why those had been left out.
//!
//! Counts belong to the present settings of the filter: they begin anew when those change. Of references only a fixed table is
//! kept, 16 KB: a part that was pushed out of it by another one and is fetched later is not counted, so that the counts are at
//! most too low.

use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;

use crate::context::{FilterOutcome, Reason, Reference};

/// References that are remembered. One place each, so that the table never grows.
const PLACES: usize = 1024;

/// How often something happened, by the reason for which a part was left out.
pub(crate) type ByReason<T> = [T; Reason::ALL.len()];

/// A part, and why it was left out.
type LeftOut = (Reference, Reason);

/// Counters since the filter's settings were set.
#[derive(Debug)]
pub(crate) struct Tally {
    contexts: AtomicU64,
    left_out: ByReason<AtomicU64>,
    fetched: ByReason<AtomicU64>,
    /// A reference and why it was left out last.
    recent: Mutex<Box<[Option<LeftOut>]>>,
}

impl Default for Tally {
    fn default() -> Self {
        Self {
            contexts: AtomicU64::new(0),
            left_out: ByReason::default(),
            fetched: ByReason::default(),
            recent: Mutex::new(vec![None; PLACES].into_boxed_slice()),
        }
    }
}

/// The counters at one time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Tallied {
    /// Contexts that were filtered.
    pub(crate) contexts: u64,
    /// Parts that were left out, each time they were.
    pub(crate) left_out: ByReason<u64>,
    /// Parts that were asked for by reference, each time they were.
    pub(crate) fetched: ByReason<u64>,
}

impl Tallied {
    /// Left out for this reason, and fetched again.
    pub(crate) fn of(&self, reason: Reason) -> (u64, u64) {
        (self.left_out[reason as usize], self.fetched[reason as usize])
    }
}

impl Tally {
    /// Counts what a filter left out. O(parts left out).
    pub(crate) fn filtered(&self, outcome: &FilterOutcome) {
        self.contexts.fetch_add(1, Ordering::Relaxed);
        if outcome.dropped.is_empty() {
            return;
        }
        let mut recent = self.recent.lock();
        for part in &outcome.dropped {
            self.left_out[part.reason as usize].fetch_add(1, Ordering::Relaxed);
            recent[place(part.reference)] = Some((part.reference, part.reason));
        }
    }

    /// Counts that a part was asked for. O(1).
    pub(crate) fn fetched(&self, reference: Reference) {
        let found = self.recent.lock()[place(reference)].filter(|(known, _)| *known == reference);
        if let Some((_, reason)) = found {
            self.fetched[reason as usize].fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Begins anew.
    pub(crate) fn reset(&self) {
        self.recent.lock().fill(None);
        self.contexts.store(0, Ordering::Relaxed);
        for counter in self.left_out.iter().chain(&self.fetched) {
            counter.store(0, Ordering::Relaxed);
        }
    }

    /// The counters now.
    pub(crate) fn read(&self) -> Tallied {
        let load = |counters: &ByReason<AtomicU64>| {
            std::array::from_fn(|index| counters[index].load(Ordering::Relaxed))
        };
        Tallied {
            contexts: self.contexts.load(Ordering::Relaxed),
            left_out: load(&self.left_out),
            fetched: load(&self.fetched),
        }
    }
}

#[expect(clippy::cast_possible_truncation, reason = "the low bits are what is wanted")]
fn place(reference: Reference) -> usize {
    reference.number() as usize % PLACES
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::context::DroppedPart;

    fn outcome(parts: &[(u64, Reason)]) -> FilterOutcome {
        let document = crate::base::document::tests::document("{}");
        let part = |&(number, reason): &(u64, Reason)| DroppedPart {
            value: 0,
            lines: None,
            bytes: 1,
            tokens: 1,
            score: 0.0,
            reason,
            reference: reference(number),
        };
        FilterOutcome { dropped: parts.iter().map(part).collect(), ..FilterOutcome::unfiltered(&document) }
    }

    fn reference(number: u64) -> Reference {
        Reference::parse(&format!("{number:016x}")).expect("a reference")
    }

    #[test]
    fn a_fetched_part_counts_for_the_reason_it_was_left_out_for() {
        let tally = Tally::default();
        tally.filtered(&outcome(&[(1, Reason::Score), (2, Reason::Limit)]));
        tally.filtered(&outcome(&[(1, Reason::Score)]));
        for number in [1, 1, 2, 3] {
            tally.fetched(reference(number));
        }
        let tallied = tally.read();
        assert_eq!(tallied.contexts, 2);
        assert_eq!((tallied.of(Reason::Score), tallied.of(Reason::Limit)), ((2, 2), (1, 1)));
        tally.reset();
        tally.fetched(reference(1));
        assert_eq!(tally.read(), Tallied::default());
    }

    #[test]
    fn what_was_pushed_out_of_the_table_is_not_counted() {
        let tally = Tally::default();
        tally.filtered(&outcome(&[(1, Reason::Score), (1 + PLACES as u64, Reason::Score)]));
        tally.fetched(reference(1));
        tally.fetched(reference(1 + PLACES as u64));
        assert_eq!(tally.read().of(Reason::Score), (2, 1));
    }
}
