//! What the system says of itself: statistics, recommendations, status, health and reports.
//!
//! [`statistics`] sums up counters, `status` is what callers ask for, `document` the report as JSON, `html` the same as a page,
//! [`latency`] how long work took. Every figure is a counter or a reading; what each is and where it comes from stands in
//! `docs/reports.md`. Times are Unix ms, which the JavaScript side turns into dates.

mod data;
mod document;
mod html;
pub(crate) mod latency;
pub mod statistics;
mod status;
#[cfg(test)]
mod tests;

use super::Orchestrator;
use super::advice::Recommendations;
use crate::base::units::round2;
pub use document::{Extras, ReportForm};
pub use statistics::Statistics;

impl Orchestrator {
    /// What to change, with the setting, its value and the figures that say so; empty where nothing was measured. The monitor
    /// says the same.
    pub fn recommendations(&self) -> Recommendations {
        let monitor = self.components().monitor;
        let seen = monitor.map(|monitor| monitor.seen()).unwrap_or_default();
        Recommendations::of(self.advisor.advise(&seen))
    }

    /// Unix ms now.
    pub fn wall_ms(&self) -> u64 {
        self.clock.0.wall_ms()
    }

    /// Monotonic ms.
    pub fn now_ms(&self) -> u64 {
        self.clock.0.now_ms()
    }

    fn uptime_s(&self) -> f64 {
        round2(self.clock.0.now_ms().saturating_sub(self.started_ms) as f64 / 1000.0)
    }
}
