//! `OptimizationStats`: what was done since the start.

use std::sync::atomic::{AtomicU64, Ordering};

use serde::Serialize;

use super::latency::Percentiles;
use crate::base::units::{round2, to_mb};
use crate::orchestrator::health::Health;
use crate::orchestrator::{Components, Orchestrator};

/// `OptimizationStats` of the public API. Counters are since the start of the system; what is not known is absent, and shown
/// as null.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Statistics {
    /// Tokens of the original contexts minus tokens of what was sent, by the ledger; may be below zero.
    pub tokens_saved: i64,
    /// MB of context that the filter left out.
    pub memory_optimized: f64,
    /// Hits among lookups, 0–100; 0 before the first lookup.
    pub cache_hit_rate: f64,
    /// Share of the bytes of all contexts that the filter left out, 0–100.
    pub context_reduction: f64,
    /// Health score.
    pub overall_score: f64,
    /// Seconds since the start.
    pub uptime: f64,
    /// Unix ms.
    pub timestamp: u64,
    /// Contexts optimized, failed ones included.
    pub operations: u64,
    /// Stages of them that failed.
    pub failures: u64,
    /// Contexts of which the filter left something out.
    pub contexts_filtered: u64,
    /// Tokens saved less those that receivers fetched back; may be below zero.
    pub prompt_tokens_saved: i64,
    /// USD saved with the provider's prompt cache counted; absent where no message has a price; may be below zero.
    pub cost_saved_usd: Option<f64>,
    /// Lookups in the cache, and those that were answered.
    pub cache_lookups: u64,
    /// See [`Self::cache_lookups`].
    pub cache_hits: u64,
    /// Of these, those answered for a question in other words.
    pub similar_hits: u64,
    /// Memory in % of the limit that is nearest; absent while it is unknown.
    pub memory_percentage: Option<f64>,
    /// Agents that the memory manager knows, and those that it holds back.
    pub agents: u64,
    /// See [`Self::agents`].
    pub throttled_agents: u64,
    /// Events that listeners did not get.
    pub dropped_events: u64,
    /// How long the work of `optimizeAgentContext` took, ms: filter and tokens, off the JavaScript thread; absent before the first.
    pub latency: Option<Percentiles>,
}

impl Orchestrator {
    /// Statistics since the start. O(1).
    pub fn statistics(&self, health: &Health) -> Statistics {
        let load = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let counters = &self.counters;
        let (before, after) = (load(&counters.original_bytes) as f64, load(&counters.filtered_bytes) as f64);
        let Components { memory, cache, .. } = self.components();
        let cache = cache.map(|cache| cache.manager().stats()).unwrap_or_default();
        let memory = memory.map(|memory| memory.overview()).unwrap_or_default();
        let tokens = self.tokens.ledger().totals();
        Statistics {
            tokens_saved: tokens.transport_saved_tokens,
            memory_optimized: to_mb(before - after),
            cache_hit_rate: round2(cache.hit_rate().unwrap_or(0.0) * 100.0),
            context_reduction: if before > 0.0 { round2((1.0 - after / before) * 100.0) } else { 0.0 },
            overall_score: health.score,
            uptime: self.uptime_s(),
            timestamp: self.clock.0.wall_ms(),
            operations: load(&counters.operations),
            failures: load(&counters.filter_failures) + load(&counters.token_failures),
            contexts_filtered: load(&counters.filtered_contexts),
            prompt_tokens_saved: tokens.prompt_saved_tokens,
            cost_saved_usd: tokens.cost.map(|cost| cost.saved_usd),
            cache_lookups: cache.lookups(),
            cache_hits: cache.overall.total_hits,
            similar_hits: cache.overall.similarity_detections,
            memory_percentage: memory.percentage.map(round2),
            agents: memory.agents as u64,
            throttled_agents: memory.throttled as u64,
            dropped_events: self.events.dropped(),
            latency: counters.latency.percentiles(),
        }
    }
}
