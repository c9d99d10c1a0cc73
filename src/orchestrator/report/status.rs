//! `getStatus()` and `getHealthStatus()`.

use std::sync::atomic::Ordering;

use serde_json::{Value, json};

use crate::base::units::{BYTES_PER_MB, round2};
use crate::memory::V8Heap;
use crate::orchestrator::health::PartHealth;
use crate::orchestrator::settings::Settings;
use crate::orchestrator::{Components, Orchestrator};

impl Orchestrator {
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
                "cacheManager": cache.map(|cache| with_score(json!(cache.manager().stats()), part(health.parts.cache_manager.as_ref()))),
                "contextFilter": filter.map(|filter| with_score(json!({
                    "agentSpecializations": filter.specializations(),
                    "cachedContexts": filter.held().analyses,
                    "analysisBytes": filter.held().analysis_bytes,
                    "references": filter.held().references,
                    "referenceBytes": filter.held().reference_bytes,
                    "currentMemoryUsage": self.components().memory.map_or(0.0, |memory| memory.held_bytes() as f64 / BYTES_PER_MB),
                    "calls": filter.calls(),
                    "config": filter.config(),
                }), part(health.parts.context_filter.as_ref()))),
                "productionMonitor": monitor.map(|monitor| monitor.status()),
                "tokenOptimizer": with_score(json!(totals), part(health.parts.token_optimizer.as_ref())),
            },
            "statistics": self.statistics(&health),
            "recommendations": self.recommendations(),
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
        let recommendations = self.recommendations();
        json!({
            "overall": health.state,
            "score": health.score,
            "components": health.parts,
            "recommendations": recommendations.texts(),
            "recommendationDetails": recommendations.details,
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
}

fn part(health: Option<&PartHealth>) -> f64 {
    health.map_or(100.0, |part| part.score)
}

fn with_score(mut stats: Value, score: f64) -> Value {
    stats["healthScore"] = json!(round2(score));
    stats
}
