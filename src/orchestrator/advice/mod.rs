//! What to change, by what was counted.
//!
//! [`facts`] gathers the counts, `memory`, `cache`, `context` and `general` hold the rules over them, [`tally`] counts what no
//! part counts by itself. Rules are pure: the same facts give the same advice, and nothing measured gives none. Whoever shows
//! recommendations, `getStatus()`, `getHealthStatus()`, the monitor, reports, shows these. It changes no setting.
//!
//! Each rule with its threshold: `docs/recommendations.md`.

mod cache;
mod context;
mod facts;
mod general;
mod memory;
pub(crate) mod tally;
#[cfg(test)]
mod tests;

use std::sync::{Arc, Weak};

use parking_lot::RwLock;
use serde::Serialize;

use super::settings::Settings;
use super::token_service::TokenService;
use super::{Components, Counters};
use crate::monitor::sources::{Advice, Area, Priority, Seen};
use crate::telemetry::event::EventSink;
pub use cache::size_advice as cache_advice;
use facts::Facts;

/// Knows whom to ask. Shared by the orchestrator and its monitor, so that both say the same.
pub(crate) struct Advisor {
    /// Weak: the components hold the monitor, which holds this.
    pub(super) components: Weak<RwLock<Components>>,
    pub(super) tokens: Arc<TokenService>,
    pub(super) counters: Arc<Counters>,
    pub(super) events: Arc<EventSink>,
    /// The settings in force.
    pub(super) settings: RwLock<Settings>,
}

impl std::fmt::Debug for Advisor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Advisor").finish_non_exhaustive()
    }
}

impl Advisor {
    /// What to change. `seen` is what the monitor saw; nothing without one. O(agents) at most.
    pub(super) fn advise(&self, seen: &Seen) -> Vec<Advice> {
        rules(&Facts::gather(self, seen))
    }

    /// Takes other settings. What was counted under other ones of the filter says nothing of these.
    pub(super) fn reconfigure(&self, settings: &Settings) {
        let mut old = self.settings.write();
        if old.context_filter != settings.context_filter {
            self.counters.tally.reset();
        }
        old.clone_from(settings);
    }
}

/// All rules, the most urgent first.
fn rules(facts: &Facts) -> Vec<Advice> {
    let mut found = memory::rules(facts);
    found.extend(cache::rules(facts));
    found.extend(context::rules(facts));
    found.extend(general::rules(facts));
    found.sort_by_key(|advice| std::cmp::Reverse(advice.priority));
    found
}

/// `OptimizationRecommendations` of the public API. The texts are the reasons of the details.
#[derive(Debug, Clone, Serialize)]
pub struct Recommendations {
    /// About memory.
    pub memory: Vec<String>,
    /// About the cache.
    pub cache: Vec<String>,
    /// About contexts and tokens.
    pub context: Vec<String>,
    /// About the rest.
    pub general: Vec<String>,
    /// That of the most urgent one; `low` without any.
    pub priority: Priority,
    /// The most urgent first.
    pub details: Vec<Advice>,
}

impl Recommendations {
    /// Of these details.
    pub(super) fn of(details: Vec<Advice>) -> Self {
        let texts = |area: Area| {
            details.iter().filter(|advice| advice.area == area).map(|advice| advice.reason.clone()).collect()
        };
        Self {
            memory: texts(Area::Memory),
            cache: texts(Area::Cache),
            context: texts(Area::Context),
            general: texts(Area::General),
            priority: details.iter().map(|advice| advice.priority).max().unwrap_or(Priority::Low),
            details,
        }
    }

    /// Every text, the most urgent first.
    pub fn texts(&self) -> Vec<&str> {
        self.details.iter().map(|advice| advice.reason.as_str()).collect()
    }
}
