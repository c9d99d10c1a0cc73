//! What the system says of itself: statistics, recommendations, status, health and reports, as JSON.
//!
//! Every figure is a counter or a reading. Times are Unix ms, which the JavaScript side turns into dates.

use std::sync::atomic::Ordering;

use serde::Serialize;
use serde_json::{Value, json};

use super::health::Health;
use super::monitored::cache_advice;
use super::settings::Settings;
use super::{Components, Orchestrator};
use crate::base::json::times_as_iso8601;
use crate::base::units::{BYTES_PER_MB, iso8601, round2, to_mb};
use crate::cache::CacheManager;
use crate::memory::V8Heap;

/// Process memory, in % of its limit, from which on a larger limit or less context is recommended: the lowest step at
/// which contexts are cut.
const MEMORY_ADVICE_PERCENT: f64 = 70.0;

/// `OptimizationStats` of the public API.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Statistics {
    /// Tokens of the original contexts minus tokens of what was sent; may be below zero.
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
}

/// `OptimizationRecommendations` of the public API.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Recommendations {
    /// About memory.
    pub memory: Vec<String>,
    /// About the cache.
    pub cache: Vec<String>,
    /// About contexts.
    pub context: Vec<String>,
    /// About the rest.
    pub general: Vec<String>,
    /// `high` when memory is short, `medium` when there is any recommendation, else `low`.
    pub priority: &'static str,
}

impl Recommendations {
    fn all(&self) -> Vec<&String> {
        self.memory.iter().chain(&self.cache).chain(&self.context).chain(&self.general).collect()
    }
}

impl Orchestrator {
    /// Statistics since the start.
    pub fn statistics(&self, health: &Health) -> Statistics {
        let load = |counter: &std::sync::atomic::AtomicU64| counter.load(Ordering::Relaxed) as f64;
        let (before, after) = (load(&self.counters.original_bytes), load(&self.counters.filtered_bytes));
        let hit_rate =
            self.components().cache.and_then(|cache| cache.manager().stats().hit_rate()).unwrap_or(0.0);
        Statistics {
            tokens_saved: self.tokens.ledger().transport_saved(),
            memory_optimized: to_mb(before - after),
            cache_hit_rate: round2(hit_rate * 100.0),
            context_reduction: if before > 0.0 { round2((1.0 - after / before) * 100.0) } else { 0.0 },
            overall_score: health.score,
            uptime: self.uptime_s(),
            timestamp: self.clock.0.wall_ms(),
        }
    }

    /// What to change, with the setting, its value and the figures that say so; empty where nothing was measured.
    pub fn recommendations(&self, settings: &Settings) -> Recommendations {
        let Components { memory, cache, .. } = self.components();
        let mut found = Recommendations::default();
        let mut short = false;
        if let Some(percentage) = memory.as_ref().and_then(|memory| memory.percentage())
            && percentage > MEMORY_ADVICE_PERCENT
        {
            short = true;
            found.memory.push(format!(
                "memory.maxMemoryUsage is {} MB and the process uses {percentage:.0} % of its limit: contexts are cut; raise the limit or run fewer agents",
                settings.memory.max_memory_usage_mb
            ));
        }
        if let Some(cache) = cache {
            recommend_cache(cache.manager(), &mut found.cache);
        }
        let dropped = self.events.dropped();
        if dropped > 0 {
            found.general.push(format!("{dropped} events were dropped because listeners did not keep up"));
        }
        found.priority = if short {
            "high"
        } else if found.all().is_empty() {
            "low"
        } else {
            "medium"
        };
        found
    }

    /// `getStatus()`.
    pub fn status(&self, settings: &Settings, v8: Option<V8Heap>) -> Value {
        let health = self.health();
        let Components { memory, cache, filter, monitor } = self.components();
        let last = self.counters.last_wall_ms.load(Ordering::Relaxed);
        let totals = self.tokens.optimizer().totals();
        json!({
            "initialized": true,
            "environment": settings.environment,
            "uptime": self.uptime_s(),
            "overallScore": health.score,
            "components": {
                "memoryManager": memory.map(|memory| with_score(json!(memory.stats(v8)), memory.health_score())),
                "cacheManager": cache.map(|cache| with_score(json!(cache.manager().stats()), part(health.parts.cache_manager))),
                "contextFilter": filter.map(|filter| with_score(json!({
                    "agentSpecializations": filter.specializations(),
                    "cachedContexts": filter.held().analyses,
                    "analysisBytes": filter.held().analysis_bytes,
                    "references": filter.held().references,
                    "referenceBytes": filter.held().reference_bytes,
                    "currentMemoryUsage": self.components().memory.map_or(0.0, |memory| memory.held_bytes() as f64 / BYTES_PER_MB),
                    "calls": filter.calls(),
                    "config": filter.config(),
                }), part(health.parts.context_filter))),
                "productionMonitor": monitor.map(|monitor| monitor.status()),
                "tokenOptimizer": with_score(json!(totals), part(health.parts.token_optimizer)),
            },
            "statistics": self.statistics(&health),
            "recommendations": self.recommendations(settings),
            "autoTuning": settings.auto_tuning,
            "lastOptimization": (last > 0).then_some(last),
            "tokenOptimizer": totals,
            "hostCpuPercentage": self.host_cpu.percentage().map(round2),
            "droppedEvents": self.events.dropped(),
        })
    }

    /// `getHealthStatus()`.
    pub fn health_status(&self, settings: &Settings, v8: Option<V8Heap>) -> Value {
        let health = self.health();
        let memory = self.components().memory.map(|memory| memory.stats(v8));
        json!({
            "overall": health.state,
            "score": health.score,
            "components": health.parts,
            "recommendations": self.recommendations(settings).all(),
            "systemStats": {
                "process": memory.as_ref().map(|stats| stats.process),
                "system": memory.as_ref().map(|stats| stats.system),
                "limits": memory.as_ref().map(|stats| &stats.limits),
                "hostCpuPercentage": self.host_cpu.percentage().map(round2),
                "statistics": self.statistics(&health),
            },
            "uptime": self.uptime_s(),
            "environment": settings.environment,
        })
    }

    /// The content of a report file.
    pub fn report(&self, settings: &Settings, v8: Option<V8Heap>) -> Value {
        let statistics = self.statistics(&self.health());
        let mut status = self.status(settings, v8);
        times_as_iso8601(&mut status);
        json!({
            "timestamp": iso8601(self.clock.0.wall_ms()),
            "environment": settings.environment,
            "config": settings,
            "status": status,
            "performance": {
                "totalOperations": self.counters.operations.load(Ordering::Relaxed),
                "tokensSaved": statistics.tokens_saved,
                "memoryOptimized": statistics.memory_optimized,
                "contextFiltered": self.counters.filtered_contexts.load(Ordering::Relaxed),
            },
        })
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

fn part(health: Option<super::health::PartHealth>) -> f64 {
    health.map_or(100.0, |part| part.score)
}

fn with_score(mut stats: Value, score: f64) -> Value {
    stats["healthScore"] = json!(round2(score));
    stats
}

fn recommend_cache(cache: &CacheManager, found: &mut Vec<String>) {
    found.extend(cache.advice().iter().map(|size| cache_advice(size).reason));
    let stats = cache.stats();
    if let Some(reason) = stats.disk.reason {
        found.push(format!(
            "the disk tiers of the cache are not used ({reason}): see {}",
            stats.disk.path.as_deref().unwrap_or_default()
        ));
    }
}
