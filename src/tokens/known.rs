//! What the token step found out about a context, to be given to it again: for all who ask at the same time, and for whoever asks
//! with the same context later.

use std::sync::{Arc, OnceLock};

use parking_lot::Mutex;

use super::delta::Snapshot;
use super::segments::Counted;
use crate::base::threads;

/// The original's JSON by segments, counted once for all who want it at the same time.
#[derive(Debug, Default)]
pub struct Whole {
    found: OnceLock<Arc<[Counted]>>,
    /// Held by who counts.
    turn: Mutex<()>,
}

impl Whole {
    /// The segments, by `count` if nobody has them.
    pub(super) fn get(&self, count: impl FnOnce() -> Vec<Counted>) -> Arc<[Counted]> {
        if let Some(found) = self.found.get() {
            return Arc::clone(found);
        }
        // Who waits leaves its processor to who counts.
        let _turn = self.turn.try_lock().unwrap_or_else(|| threads::waiting(|| self.turn.lock()));
        Arc::clone(self.found.get_or_init(|| count().into()))
    }
}

/// What was measured of what a filter kept of a context.
#[derive(Debug)]
pub struct Kept {
    /// Of its JSON.
    pub(super) fingerprint: u128,
    pub(super) snapshot: Arc<Snapshot>,
    /// Values of the snapshot's entries.
    pub(super) values: Box<[usize]>,
    /// Its JSON by segments, and the original's.
    pub(super) segments: Arc<[Counted]>,
    pub(super) whole: Arc<[Counted]>,
    /// Tokens of both.
    pub(super) tokens: u64,
    pub(super) original_tokens: u64,
}

impl Kept {
    /// Bytes of heap, about; what agents share of it counts as if it were its own.
    pub fn bytes(&self) -> usize {
        const ENTRY_BYTES: usize = 128;
        size_of_val(&*self.segments)
            + size_of_val(&*self.whole)
            + self.values.len() * (size_of::<usize>() + ENTRY_BYTES)
    }

    /// Bytes of the JSON.
    pub fn json_bytes(&self) -> usize {
        self.snapshot.bytes
    }
}

/// Where a call finds and leaves what is known. By itself: nothing is.
#[derive(Debug, Default)]
pub struct Known {
    /// Of the original.
    pub whole: Arc<Whole>,
    /// Of what the filter kept.
    pub kept: Arc<OnceLock<Kept>>,
}
