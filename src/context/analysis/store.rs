//! Analyses and token counts by content, from call to call, for all agents of a filter.
//!
//! Bounded by bytes between calls: what was not used for longest goes first. A unit that two calls want at once is analysed
//! once.

use std::sync::{Arc, OnceLock};

use parking_lot::Mutex;

use super::super::recent::Recent;
use super::Analysis;

/// What is remembered of a unit.
#[derive(Debug, Default)]
pub(crate) struct Known {
    analysis: OnceLock<Analysis>,
    /// Tokens of each part, as it stands in JSON.
    tokens: OnceLock<Box<[u32]>>,
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
        size_of::<Self>() + self.analysis.get().map_or(0, Analysis::bytes) + tokens
    }
}

/// The store of one filter.
#[derive(Debug)]
pub(crate) struct Store {
    units: Mutex<Recent<Arc<Known>>>,
}

impl Store {
    /// An empty store of at most `max_bytes` between calls.
    pub(crate) fn new(max_bytes: usize) -> Self {
        Self { units: Mutex::new(Recent::new(max_bytes)) }
    }

    /// What is known of the units with these hashes, in their order.
    pub(crate) fn take(&self, hashes: impl Iterator<Item = u128>) -> Vec<Arc<Known>> {
        let mut units = self.units.lock();
        let mut take = |hash| {
            if let Some(known) = units.get(hash) {
                return Arc::clone(known);
            }
            let known = Arc::<Known>::default();
            units.insert(hash, Arc::clone(&known), size_of::<Known>());
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
        self.units.lock().set_max_bytes(max_bytes);
        self.settle(std::iter::empty());
    }

    /// Units and bytes held.
    pub(crate) fn held(&self) -> (usize, usize) {
        let units = self.units.lock();
        (units.len(), units.bytes())
    }
}
