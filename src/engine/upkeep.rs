//! What becomes of a cache's expired entries: every five minutes they are removed, and listeners are told.

use serde_json::json;

use super::Engine;
use crate::base::error::Result;
use crate::telemetry::event::EventKind;

/// How often expired entries are removed, ms. `js/cache-view.js` has the same.
const UPKEEP_MS: u64 = 300_000;

impl Engine {
    /// Removes expired entries of the cache and tells `maintenance`. Nothing where there is no cache. JavaScript's timer calls it.
    ///
    /// # Errors
    /// `E_SHUT_DOWN`.
    pub fn keep_up(&self) -> Result<()> {
        self.check_open()?;
        if let Some(cache) = self.cache() {
            cache.manager().maintain();
            let timestamp = self.orchestrator.wall_ms();
            self.events.emit(
                EventKind::Maintenance,
                || json!({ "timestamp": timestamp, "stats": cache.manager().stats() }),
            );
        }
        Ok(())
    }

    /// From now on it falls due, on a clock that is driven.
    pub(super) fn begin_upkeep(&self) {
        if self.orchestrator.world().by_hand().is_some() {
            self.upkeep.set(self.orchestrator.now_ms().saturating_add(UPKEEP_MS));
        }
    }

    /// Does it if it is due, on a clock that is driven. Whether it was.
    pub(super) fn run_upkeep(&self) -> bool {
        self.upkeep.run(self.orchestrator.now_ms(), || self.keep_up().is_ok().then_some(UPKEEP_MS))
    }
}
