//! Waiting for more before a batch is taken, so that fewer transactions write more.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use parking_lot::MutexGuard;

use super::{BATCH, Queue, State};

impl Queue {
    /// How long the first operation of a batch waits for others, ms.
    pub(crate) fn set_linger(&self, linger_ms: u64) {
        self.linger_ms.store(linger_ms, Ordering::Relaxed);
    }

    /// Waits for more, unless there is a whole batch, or somebody waits for what is there.
    pub(super) fn linger(&self, state: &mut MutexGuard<'_, State>, most_bytes: usize) {
        let linger_ms = self.linger_ms.load(Ordering::Relaxed);
        if linger_ms == 0 || !state.can_linger(most_bytes) {
            return;
        }
        let until = Instant::now() + Duration::from_millis(linger_ms);
        state.is_lingering = true;
        while state.can_linger(most_bytes) && !self.work.wait_until(state, until).timed_out() {}
        state.is_lingering = false;
    }
}

impl State {
    fn can_linger(&self, most_bytes: usize) -> bool {
        !self.waiting.is_empty()
            && self.waiting.len() < BATCH
            && self.bytes < most_bytes
            && self.orders.is_empty()
            && !self.closed
    }

    /// Whether the writer has to be told of an operation.
    pub(super) fn needs_writer(&self) -> bool {
        // It takes what there is by itself.
        !self.is_lingering || self.waiting.len() >= BATCH || self.bytes >= super::BATCH_BYTES
    }
}
