//! What the parts of a system say to its monitor, which knows none of them.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};

use parking_lot::RwLock;
use serde_json::{Value, json};

use super::advice::Advisor;
use super::health::{cache_answer, memory_answer};
use super::token_service::TokenService;
use super::{Components, Counters};
use crate::base::units::{round2, to_mb};
use crate::cache::CacheStats;
use crate::memory::MemoryManager;
use crate::monitor::export::TokenUsage;
use crate::monitor::sources::{Answer, MAX_NAMED_AGENTS, Part, Seen, Sources};
use crate::telemetry::metric::{Figures, Metric};

/// The parts of one system.
pub(crate) struct SystemSources {
    /// Weak: the components hold the monitor, which holds this.
    pub(super) components: Weak<RwLock<Components>>,
    pub(super) tokens: Arc<TokenService>,
    pub(super) counters: Arc<Counters>,
    pub(super) advisor: Arc<Advisor>,
}

impl SystemSources {
    fn parts(&self) -> Components {
        self.components.upgrade().map(|components| components.read().clone()).unwrap_or_default()
    }
}

impl Sources for SystemSources {
    fn figures(&self, figures: &mut Figures) {
        let Components { memory, cache, filter, .. } = self.parts();
        if let Some(memory) = memory {
            add_memory(&memory, figures);
        }
        if let Some(cache) = cache {
            add_cache(&cache.manager().stats(), figures);
        }
        let count = |counter: &std::sync::atomic::AtomicU64| counter.load(Ordering::Relaxed) as f64;
        figures.set(Metric::FilterContexts, filter.map(|filter| filter.calls() as f64));
        figures.set(Metric::FilterBytesIn, count(&self.counters.original_bytes));
        figures.set(Metric::FilterBytesOut, count(&self.counters.filtered_bytes));
        let totals = self.tokens.ledger().totals();
        figures.set(Metric::TokensIn, totals.original_tokens as f64);
        figures.set(Metric::TokensOut, totals.sent_tokens as f64);
        figures.set(Metric::TokensUsed, totals.usage.total_tokens as f64);
        figures.set(Metric::TokensCost, totals.cost.map(|cost| cost.saved_usd));
    }

    fn ask(&self, part: Part) -> Option<Answer> {
        let Components { memory, cache, .. } = self.parts();
        match part {
            Part::Memory => memory.map(|memory| memory_answer(&memory)),
            Part::Cache => cache.map(|cache| cache_answer(&cache.manager().stats())),
            Part::Agents => memory.map(|memory| {
                let overview = memory.overview();
                agents_answer(overview.agents, overview.throttled)
            }),
        }
    }

    fn agents(&self) -> Vec<(String, u64)> {
        let Some(memory) = self.parts().memory else { return Vec::new() };
        let (mut rows, rest) = memory.largest_agents(MAX_NAMED_AGENTS);
        if rest > 0 {
            rows.push(("other".to_owned(), rest));
        }
        rows
    }

    fn token_usage(&self) -> Vec<TokenUsage> {
        let models = self.tokens.ledger().report().by_model.rows;
        let used = models.into_iter().filter(|(_, summed)| summed.usage.calls > 0);
        used.flat_map(|(model, summed)| {
            let usage = summed.usage;
            [("input", usage.prompt_tokens), ("output", usage.output_tokens)].map(|(kind, tokens)| {
                TokenUsage {
                    operation: "chat".to_owned(),
                    provider: provider(&model).to_owned(),
                    model: model.clone(),
                    kind,
                    count: usage.calls,
                    tokens,
                    buckets: Vec::new(),
                }
            })
        })
        .collect()
    }

    fn advice(&self, seen: &Seen) -> Vec<Value> {
        self.advisor.advise(seen).iter().map(|advice| json!(advice)).collect()
    }
}

/// Beginnings of models' names, and the provider as `gen_ai.provider.name` of the semantic conventions has it.
const PROVIDERS: [(&str, &str); 9] = [
    ("gpt", "openai"),
    ("chatgpt", "openai"),
    ("o1", "openai"),
    ("o3", "openai"),
    ("o4", "openai"),
    ("claude", "anthropic"),
    ("gemini", "gcp.gemini"),
    ("mistral", "mistral_ai"),
    ("deepseek", "deepseek"),
];

/// Who runs a model, by its name; `_OTHER`, as the conventions ask for, where that does not say.
fn provider(model: &str) -> &'static str {
    PROVIDERS.iter().find(|(begin, _)| model.starts_with(begin)).map_or("_OTHER", |(_, name)| name)
}

/// How agents are: what share of them is throttled.
pub(super) fn agents_answer(known: usize, throttled: usize) -> Answer {
    let share = throttled as f64 / known.max(1) as f64;
    Answer {
        score: round2(100.0 * (1.0 - share.min(1.0))),
        message: format!("{throttled} of {known} agents throttled"),
    }
}

fn add_memory(memory: &MemoryManager, figures: &mut Figures) {
    let overview = memory.overview();
    let mb = |bytes: Option<u64>| bytes.map(|bytes| to_mb(bytes as f64));
    figures.set(Metric::MemoryProcess, mb(overview.process));
    figures.set(Metric::MemorySystem, mb(overview.system_used));
    figures.set(Metric::MemoryAvailable, mb(overview.system_available));
    figures.set(Metric::MemoryPercentage, overview.percentage);
    figures.set(Metric::MemoryLimit, mb(overview.limit));
    figures.set(Metric::HeapUsed, mb(overview.heap.map(|heap| heap.heap_used)));
    figures.set(Metric::HeapLimit, mb(overview.heap.map(|heap| heap.heap_limit)));
    figures.set(Metric::External, mb(overview.heap.map(|heap| heap.external)));
    figures.set(Metric::Native, mb(Some(overview.native)));
    figures.set(Metric::AgentsActive, overview.agents as f64);
    figures.set(Metric::AgentsThrottled, overview.throttled as f64);
    figures.set(Metric::AgentsMemory, mb(Some(overview.held)));
}

fn add_cache(stats: &CacheStats, figures: &mut Figures) {
    let (l1, l2, l3, overall) = (&stats.l1, &stats.l2, &stats.l3, &stats.overall);
    for (metric, value) in [
        (Metric::CacheHitRate, overall.hit_rate),
        (Metric::CacheHits, overall.total_hits as f64),
        (Metric::CacheMisses, overall.total_misses as f64),
        (Metric::CacheEvictions, overall.evictions as f64),
        (Metric::CacheSimilar, overall.similarity_detections as f64),
        (Metric::CacheL1Entries, l1.entries as f64),
        (Metric::CacheL2Entries, l2.entries as f64),
        (Metric::CacheL3Entries, l3.tier.entries as f64),
        (Metric::CacheL1Max, l1.max_size as f64),
        (Metric::CacheL1Size, l1.size_mb),
        (Metric::CacheL2Size, l2.size_mb),
        (Metric::CacheL3Size, l3.tier.size_mb),
        (Metric::CacheL1MaxSize, l1.max_size_mb),
        (Metric::CacheL2MaxSize, l2.max_size_mb),
        (Metric::CacheL3MaxSize, l3.tier.max_size_mb),
        (Metric::CacheL1HitRate, l1.hit_rate),
        (Metric::CacheL2HitRate, l2.hit_rate),
        (Metric::CacheL3HitRate, l3.tier.hit_rate),
        (Metric::CacheCompression, l3.compression_ratio),
    ] {
        figures.set(metric, value);
    }
}
