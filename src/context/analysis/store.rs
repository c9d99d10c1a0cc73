//! Analyses and token counts by content, from call to call, for all agents of a filter.
//!
//! Bounded by bytes between calls: what was not used for longest goes first. A unit that two calls want at once is analysed
//! once.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use parking_lot::Mutex;

use super::super::recent::Recent;
use super::Analysis;
use crate::base::footprint::{Footprint, Relief};
use crate::base::held::{ARC_BYTES, REDUCED};

/// What is remembered of a unit.
#[derive(Debug, Default)]
pub(crate) struct Known {
    analysis: OnceLock<Analysis>,
    /// Tokens of each part, as it stands in JSON.
    tokens: OnceLock<Box<[u32]>>,
    /// Whether somebody has begun with the one and the other.
    is_being_analysed: AtomicBool,
    is_being_counted: AtomicBool,
}

impl Known {
    /// The analysis, made if it is not there.
    pub(crate) fn analysis(&self, make: impl FnOnce() -> Analysis) -> &Analysis {
        self.analysis.get_or_init(make)
    }

    /// Tokens of each part, counted if they are not there.
    pub(crate) fn tokens(&self, count: impl FnOnce() -> Box<[u32]>) -> &[u32] {
        self.tokens.get_or_init(count)
    }

    /// Whether nobody has begun with the analysis yet; the caller has, then.
    pub(crate) fn begin_analysis(&self) -> bool {
        !self.is_being_analysed.swap(true, Ordering::Relaxed)
    }

    /// Whether nobody has begun to count yet; the caller has, then.
    pub(crate) fn begin_count(&self) -> bool {
        !self.is_being_counted.swap(true, Ordering::Relaxed)
    }

    /// Whether the analysis is there.
    pub(crate) fn has_analysis(&self) -> bool {
        self.analysis.get().is_some()
    }

    /// Whether the counts are there.
    pub(crate) fn has_tokens(&self) -> bool {
        self.tokens.get().is_some()
    }

    fn bytes(&self) -> usize {
        let tokens = self.tokens.get().map_or(0, |tokens| size_of_val(&**tokens));
        ARC_BYTES + size_of::<Self>() + self.analysis.get().map_or(0, Analysis::heap_bytes) + tokens
    }
}

/// The store of one filter.
#[derive(Debug)]
pub(crate) struct Store {
    units: Mutex<Recent<Arc<Known>>>,
    /// As configured.
    max_bytes: AtomicUsize,
    /// Whether less is to be remembered: memory is short.
    is_reduced: AtomicBool,
}

impl Store {
    /// An empty store of at most `max_bytes` between calls.
    pub(crate) fn new(max_bytes: usize) -> Self {
        Self {
            units: Mutex::new(Recent::new(max_bytes)),
            max_bytes: AtomicUsize::new(max_bytes),
            is_reduced: AtomicBool::new(false),
        }
    }

    /// What is known of the units with these hashes, in their order.
    pub(crate) fn take(&self, hashes: impl Iterator<Item = u128>) -> Vec<Arc<Known>> {
        let mut units = self.units.lock();
        let mut take = |hash| {
            if let Some(known) = units.get(hash) {
                return Arc::clone(known);
            }
            let known = Arc::<Known>::default();
            units.insert(hash, Arc::clone(&known), ARC_BYTES + size_of::<Known>());
            known
        };
        hashes.map(&mut take).collect()
    }

    /// Counts what the units with these hashes take now, and lets go of what is too much.
    pub(crate) fn settle(&self, hashes: impl Iterator<Item = u128>) {
        let mut units = self.units.lock();
        units.measure(hashes, |known| known.bytes());
        let gone = units.shrink();
        drop(units);
        drop(gone);
    }

    /// Changes the bound.
    pub(crate) fn set_max_bytes(&self, max_bytes: usize) {
        self.max_bytes.store(max_bytes, Ordering::Relaxed);
        self.bound();
    }

    /// Brings the bound about that holds now.
    fn bound(&self) {
        let part = if self.is_reduced.load(Ordering::Relaxed) { REDUCED } else { 1 };
        let max_bytes = self.max_bytes.load(Ordering::Relaxed) / usize::try_from(part).unwrap_or(1);
        self.units.lock().set_max_bytes(max_bytes);
        self.settle(std::iter::empty());
    }

    /// Units and bytes held.
    pub(crate) fn held(&self) -> (usize, usize) {
        let units = self.units.lock();
        (units.len(), units.bytes())
    }
}

impl Footprint for Store {
    fn held(&self, row: &mut dyn FnMut(&'static str, u64)) {
        row("context analyses", self.units.lock().held_bytes() as u64);
    }

    /// Everything goes, and comes again when it is needed.
    fn relieve(&self, relief: Relief) {
        let is_reduced = relief == Relief::Drop;
        self.is_reduced.store(is_reduced, Ordering::Relaxed);
        if is_reduced {
            let gone = self.units.lock().clear();
            drop(gone);
        }
        self.bound();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complete(known: &Known, text: &str) {
        known.analysis(|| Analysis::of_elements([[text]].into_iter()));
        known.tokens(|| vec![1; 10].into());
    }

    #[test]
    fn same_content_is_the_same_entry_and_is_analysed_once() {
        let store = Store::new(1 << 20);
        let first = store.take([1, 2, 1].into_iter());
        assert!(Arc::ptr_eq(&first[0], &first[2]) && !Arc::ptr_eq(&first[0], &first[1]));
        assert!(!first[0].has_analysis() && !first[0].has_tokens());
        complete(&first[0], "hills");
        store.settle([1, 2].into_iter());
        let second = store.take([1].into_iter());
        assert!(second[0].has_analysis() && second[0].has_tokens());
        second[0].analysis(|| unreachable!("it is known"));
    }

    #[test]
    fn bytes_are_bounded_between_calls_and_what_was_used_last_stays() {
        let store = Store::new(20_000);
        let text = (0..100).map(|at| format!("word{at}x")).collect::<Vec<_>>().join(" ");
        for hash in 0..40 {
            let known = store.take([0, hash].into_iter());
            for known in &known {
                complete(known, &text);
            }
            store.settle([0, hash].into_iter());
            assert!(store.held().1 <= 20_000, "{hash}: {:?}", store.held());
        }
        assert!(store.held().0 > 2);
        assert!(store.take([0].into_iter())[0].has_analysis(), "used each time");
        assert!(!store.take([1].into_iter())[0].has_analysis(), "not used for long");
        store.set_max_bytes(0);
        assert_eq!(store.held(), (0, 0));
    }

    #[test]
    fn what_a_call_holds_stays_while_the_store_lets_go_of_it() {
        let store = Store::new(0);
        let known = store.take([1].into_iter());
        complete(&known[0], "hills");
        store.settle([1].into_iter());
        assert_eq!(store.held(), (0, 0));
        assert!(known[0].has_analysis());
    }
}
